/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_internal: what the kinds of sources share. For fs/source*.c.
 *
 * Thread rule: as fs/source.h.
 */
#ifndef CUSTODY_FS_SOURCE_INTERNAL_H
#define CUSTODY_FS_SOURCE_INTERNAL_H

#include "fs/source.h"

/* One kind of source. What a kind can't do is NULL. */
struct source_ops {
	int (*open)(struct source *s, struct err *e);
	int (*next)(struct source *s, struct source_member *m, struct err *e);
	int (*read)(struct source *s, void *buf, size_t n, size_t *got, struct err *e);
	int (*digest)(struct source *s, uint8_t sha256[32], struct err *e);
	int (*fields)(const struct source *s, struct record *r);
	void (*close)(struct source *s);
	void (*free)(struct source *s);
};

/* The head of each kind's own struct. */
struct source {
	const struct source_ops *ops;
	struct source_ask ask;
};

/* Without following a link, waiting for a FIFO's writer or touching the access time, which only the
 * owner of the file may ask for. -1 and errno. */
int source_openat(int dirfd, const char *name, int flags);
/* "is a socket": why what has this mode is no file. */
const char *source_kind(mode_t mode);
/* Is the source standard input? Its name for messages, and for its format. */
bool source_is_input(const struct source_ask *ask);
const char *source_name(const struct source_ask *ask);
/* Size, mode and time of an open file into m. */
void source_stat(struct source_member *m, const struct stat *st);

int source_folder_new(struct source **out, struct err *e);
int source_input_new(struct source **out, struct err *e);
int source_file_new(struct source **out, struct err *e);
/* Takes below in every case but failure. */
int source_bag_new(struct source **out, struct source *below, bool folder, struct err *e);
int source_archive_new(struct source **out, enum source_format format, struct err *e);

#endif
