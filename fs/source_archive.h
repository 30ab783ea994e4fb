/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_archive: what a tar and a zip have in common as sources: names are judged, members are
 * counted and hashed, and later passes are held to what the first one saw. For fs/source*.c.
 *
 * Thread rule: as fs/source.h.
 */
#ifndef CUSTODY_FS_SOURCE_ARCHIVE_H
#define CUSTODY_FS_SOURCE_ARCHIVE_H

#include "fs/container.h"
#include "fs/source_internal.h"
#include "fs/unarchive.h"

/* A reader of one format, over an open container. Errors begin with the container's name. */
struct source_reader {
	int (*open)(void **reader, struct container *c, const struct source_limits *limits,
		    struct err *e);
	/* 1, 0, or an error. */
	int (*next)(void *reader, struct unarchive_entry *entry, struct err *e);
	int (*read)(void *reader, void *buf, size_t n, size_t *got, struct err *e);
	/* After the last entry: is that all there is? */
	int (*finish)(void *reader, struct err *e);
	const char *(*format)(const void *reader); /* "tar+gzip"; static */
	void (*close)(void *reader);		   /* NULL is fine */
};

extern const struct source_reader source_reader_tar, source_reader_zip;

#endif
