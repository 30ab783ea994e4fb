/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_copy: files of one generation put into the next. What has not changed is a hard link. What
 * has grown is a file of its own: to append to one that older generations share would change them. It
 * begins as a clone, where the file system has such (btrfs, XFS), and as a copy elsewhere.
 *
 * Paths are below a directory descriptor, and their folders are there. Thread rule: one thread.
 */
#ifndef CUSTODY_FS_BACKUP_COPY_H
#define CUSTODY_FS_BACKUP_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"

#define BACKUP_FILE_MODE 0440 /* nobody is to write to what generations share */
#define BACKUP_DIR_MODE 0750

/* Told of bytes as they are written; non-zero ends the copy, and is returned. May be NULL. */
typedef int backup_copy_told(void *ctx, uint64_t bytes);

/* from/path becomes to/path too: by a link, or where the file system has none, by a copy. A file that
 * is there already is replaced. */
int backup_copy_link(int from, int to, const char *path, struct err *e);
/*
 * to/path for appending, as long as it is, or as from/path is where that is longer; from -1: new. An
 * own file that is there already is gone on with. *fd is the caller's, *have its length.
 */
int backup_copy_open(int from, int to, const char *path, int *fd, uint64_t *have, struct err *e);
/* Bytes off to end of `from`, to the same place of `to`. ERR_DAMAGED: `from` ends before that. */
int backup_copy_range(int to, int from, uint64_t off, uint64_t end, backup_copy_told *told,
		      void *ctx, struct err *e);
/* Make it durable, and let what is read of it from now on come from the disk. */
int backup_copy_settle(int fd, struct err *e);

#endif
