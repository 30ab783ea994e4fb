/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_tar: files as a tar stream (pax where a file is long), and back, through libarchive. A file of
 * its own, for libarchive has a struct archive too.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_FS_BACKUP_TAR_H
#define CUSTODY_FS_BACKUP_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/wire.h"

struct backup_tar;

/* Write to fd, which stays the caller's. */
int backup_tar_open(struct backup_tar **out, int fd, struct err *e);
/* Append to *bytes, which must outlive it. The caller wipes them. */
int backup_tar_open_memory(struct backup_tar **out, struct wire_out *bytes, struct err *e);
/* A file of `size` bytes, which follow. */
int backup_tar_file(struct backup_tar *t, const char *path, uint64_t size, struct err *e);
int backup_tar_put(struct backup_tar *t, const void *p, size_t n, struct err *e);
/* End the stream. Without it the end is missing, and readers see that. */
int backup_tar_end(struct backup_tar *t, struct err *e);
void backup_tar_close(struct backup_tar *t); /* NULL is fine */

/* Call each() for every file of a tar in memory, until it returns non-zero, which is returned. What is
 * neither a file nor a folder is ERR_MALFORMED. ERR_DAMAGED: it is cut, or no tar. */
int backup_tar_read(const void *p, size_t n,
		    int (*each)(void *ctx, const char *path, const void *p, size_t n), void *ctx,
		    struct err *e);

#endif
