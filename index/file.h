/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: whole small files read with a bound, written so that a crash leaves the old or the new one,
 * and full-length reads and writes that know EINTR. Paths are relative to a directory descriptor
 * and never follow a symbolic link in their last component.
 *
 * Thread rule: stateless.
 */
#ifndef CUSTODY_INDEX_FILE_H
#define CUSTODY_INDEX_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "crypto/err.h"
#include "crypto/wire.h"

/* Append the whole file to out. ERR_NOTFOUND if absent, ERR_MALFORMED when it is longer than max
 * or not a regular file, else ERR_SYSTEM. */
int file_read(int dirfd, const char *path, size_t max, struct wire_out *out, struct err *e);
/* The same for a path that a person gave: relative to the working directory, links are followed and
 * pipes are read (a shell's <(...) is both); "-" is standard input. */
int file_read_path(const char *path, size_t max, struct wire_out *out, struct err *e);
/* Is it the name of a temporary file, which a crash has left behind? */
bool file_is_temporary(const char *name);
/* Write a temporary file beside it (".<16 hex>.tmp"; a crash may leave one behind), fdatasync,
 * rename over path, fsync the directory. */
int file_replace(int dirfd, const char *path, const void *p, size_t n, mode_t mode, struct err *e);
/* The same, but ERR_EXISTS when path exists (decided atomically, by link). */
int file_create(int dirfd, const char *path, const void *p, size_t n, mode_t mode, struct err *e);
/* mkdirat that is content with an existing directory (not with a link). */
int file_mkdir(int dirfd, const char *path, mode_t mode, struct err *e);
/* O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW. Negative code or a descriptor. */
int file_opendir(int dirfd, const char *path, struct err *e);
int file_sync_dir(int dirfd, struct err *e);
/* The directory that path, which a person gave, is in: the name of something new is durable then. */
int file_sync_dir_of(const char *path, struct err *e);
/* pread/pwrite all n bytes. file_pread: ERR_DAMAGED when the file ends before that. */
int file_pread(int fd, void *p, size_t n, uint64_t off, struct err *e);
int file_pwrite(int fd, const void *p, size_t n, uint64_t off, struct err *e);
int file_write(int fd, const void *p, size_t n, struct err *e);
/* Whole-file flock; block or ERR_BUSY. */
int file_lock(int fd, bool exclusive, bool wait, struct err *e);
/* Exclusively, once who holds it lets go of it; ERR_BUSY if that takes longer than wait_ms. For locks
 * of processes that may be about to end. */
int file_lock_soon(int fd, unsigned wait_ms, struct err *e);

#endif
