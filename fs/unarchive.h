/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unarchive: libarchive's readers of tar and zip, made strict: what it warns of is an error here,
 * names are the archive's own bytes (it would normalise UTF-8), and no program is ever run.
 *
 * Thread rule: for one thread at a time.
 */
#ifndef CUSTODY_FS_UNARCHIVE_H
#define CUSTODY_FS_UNARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto/err.h"

struct unarchive;

/* Where the bytes come from. */
struct unarchive_io {
	const char *name; /* for messages; borrowed */
	/* The next bytes, *n of them at *p until the next call; none at the end. */
	int (*next)(void *ctx, const void **p, size_t *n, struct err *e);
	void (*seek)(void *ctx, uint64_t off); /* NULL: tar */
	uint64_t size;			       /* of what can be sought in */
	void *ctx;
};

struct unarchive_entry {
	const char
		*path; /* NULL: libarchive can't tell (a zip's UTF-8 name); until the next call */
	const char *link; /* target of a symbolic or hard link, or NULL */
	bool hard;
	mode_t type; /* S_IFMT */
	uint64_t size;
	bool has_mode, has_mtime;
	unsigned mode;
	struct timespec mtime;
};

/* With seek, a zip; without, a tar. */
int unarchive_new(struct unarchive **out, const struct unarchive_io *io, struct err *e);
/* 1: an entry; 0: the end. ERR_DAMAGED with libarchive's words. */
int unarchive_next(struct unarchive *u, struct unarchive_entry *entry, struct err *e);
/* Content of the entry, holes as zeros; *got < n at its end alone. */
int unarchive_read(struct unarchive *u, void *buf, size_t n, size_t *got, struct err *e);
/* Bytes of the tar that were used so far. */
uint64_t unarchive_used(const struct unarchive *u);
void unarchive_free(struct unarchive *u); /* NULL is fine */

#endif
