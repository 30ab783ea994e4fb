/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_fates: what the threads of an ingest say of files, brought to the thread that watches.
 *
 * Thread rule: the teller is for any thread, the rest for one.
 */
#ifndef CUSTODY_FS_WATCH_FATES_H
#define CUSTODY_FS_WATCH_FATES_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/ingest_fate.h"
#include "fs/spool.h"

struct watch_fates;

struct watch_fate {
	struct spool_entry *entry;
	const char *path; /* the entry's */
	enum ingest_fate fate;
	struct err why;			 /* of INGEST_FAILED */
	struct watch_fate *next, **prev; /* in the list it is in */
};

int watch_fates_open(struct watch_fates **out, struct err *e);
void watch_fates_close(struct watch_fates *w); /* NULL is fine; no fate is out */
/* Readable when watch_fates_next() may have one. */
int watch_fates_fd(const struct watch_fates *w);
struct ingest_teller watch_fates_teller(struct watch_fates *w);

/* A file that goes to the ingest, under this tag. NULL: out of memory. */
struct watch_fate *watch_fates_new(struct watch_fates *w, struct spool_entry *entry,
				   const char *path);
uint64_t watch_fates_tag(const struct watch_fate *f);
/* It did not go there after all. NULL is fine. */
void watch_fates_drop(struct watch_fates *w, struct watch_fate *f);
/* The next one that was told, or NULL; to be freed. */
struct watch_fate *watch_fates_next(struct watch_fates *w);
/* Once the ingest is ended: one that never was told, or NULL; to be freed. */
struct watch_fate *watch_fates_abandon(struct watch_fates *w);
void watch_fates_free(struct watch_fate *f);

#endif
