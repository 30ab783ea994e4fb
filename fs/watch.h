/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch: takes in what comes into a spool folder, for as long as it is let. Files are sealed as they
 * become complete; an accession is begun with the first, and ended when it is old or big enough, for
 * then its keys go. With `move` each item is read back and compared before it is journalled, and its
 * source is removed after that.
 *
 * Nothing is kept beside the journal of how far it came: after a crash all that is in the folder is
 * looked at, and what the journal has is known by its mark (fs/known).
 *
 * Whatever fails with the archive, sources stay where they are and it is tried again, later and later.
 * File names are evidence: they are in no message, but for `named`.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_FS_WATCH_H
#define CUSTODY_FS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/ingest.h"
#include "fs/moment.h"
#include "fs/spool.h"

struct watch_sum {
	struct ingest_sum all; /* of all accessions; `accession` is the last one */
	struct ingest_sum now; /* of the one that is open */
	uint64_t accessions;
	uint64_t removed;	  /* sources */
	uint64_t wrong;		  /* times that a file could not be taken */
	uint64_t settling, ready; /* files that wait now */
	uint64_t failing;	  /* files that could not be taken, and are to be tried again */
};

struct watch_ask {
	struct spool_ask spool;
	struct ingest_ask ingest;	/* teller is the watch's; move implies read_back */
	const struct moment_zone *zone; /* what local times mean; NULL: they stay local */
	bool move;
	uint64_t most_items, most_bytes; /* of an accession: it is ended when it has so many */
	uint64_t most_ms;		 /* how long it is kept open */
	bool once;			 /* end when all is taken in that can be */

	/* Open the archive, and close it: at the start, and again after failures. */
	int (*open)(void *ctx, struct station **out, struct err *e);
	int (*close)(void *ctx, struct station *s, struct err *e);
	/* It is watching: told once. */
	void (*ready)(void *ctx, const struct spool *spool);
	/* An accession ended: its own sum, and that of all. */
	void (*ended)(void *ctx, const struct ingest_sum *one, const struct watch_sum *sum);
	/* Something failed, and is tried again in so many ms. */
	void (*trouble)(void *ctx, const struct err *e, uint64_t wait_ms,
			const struct watch_sum *sum);
	/* A file can't be taken, or not be removed. path is not for logs. */
	void (*named)(void *ctx, const char *path, const struct err *e);
	/* Called at least twice a second. True to stop: what is being taken in is finished. */
	bool (*turn)(void *ctx, const struct watch_sum *sum);
	void *ctx;
};

/* Returns 0 when it was stopped. ERR_BUSY, ERR_NOTFOUND, ERR_USAGE for the folder; what waiting does not
 * help: keys, roles and enrolments, archives that are refused. sum is filled in every case. */
int watch_run(const struct watch_ask *ask, struct watch_sum *sum, struct err *e);

#endif
