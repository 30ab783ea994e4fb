/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest: one accession. Sources are read once; workers hash and seal, a committer makes segments
 * durable and then journals a batch of items with one sync. An item is acknowledged when its
 * event is durable; before that it does not exist for anyone.
 *
 * Thread rule: an ingest is driven by one thread; it starts its own workers.
 */
#ifndef CUSTODY_FS_INGEST_H
#define CUSTODY_FS_INGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/ingest_fate.h"
#include "fs/ingest_seal.h"
#include "fs/known.h"
#include "fs/station.h"
#include "index/record.h"

struct ingest;

struct ingest_ask {
	const char *collection; /* one path component */
	uint32_t epoch;		/* 0: the newest in archive.txt */
	const char *user;
	uint32_t uid;
	const char *host;
	unsigned workers;	   /* 0: one a CPU */
	const struct record *meta; /* fields every item gets; may be NULL */
	/* Of a package that came from another archive: its id, and the number of the export; or NULL. */
	const uint8_t *origin, *export;
	enum known_policy known; /* what is not taken in again */
	bool read_back; /* each item is read from the disk, opened and compared before it is
				    * journalled; what is known must lie there as it was logged */
	struct ingest_teller teller; /* of ingest_add_told(); a file that can't be read then ends
				      * nothing */
};
struct ingest_sum {
	uint8_t accession[16];
	uint64_t items, bytes, stored; /* acknowledged so far */
	uint64_t known, known_bytes;   /* not taken in: they were before */
	uint64_t elsewhere; /* taken in, and known under other names (while they are taken in: those
			     * that will be) */
	uint64_t skipped;   /* for the caller: what was not taken */
	uint64_t unread;    /* of these: what should have been, but could not */
	uint64_t left_out;  /* of these: files that were refused, in a partial ingest */
};

/* What ingest_begin() refuses without making anything, but for the epoch. */
int ingest_may(const struct station *s, const struct ingest_ask *ask, struct err *e);
/*
 * Makes keys; `accession` is journalled with the first item. ask is copied, but for meta, which is borrowed until
 * ingest_end(). ERR_USAGE (collection, epoch), ERR_NOT_ENROLLED, ERR_ROLE, ERR_CLOCK, ERR_READONLY
 * for a station without a journal, ERR_UNSUPPORTED when this machine can't seal in the archive's
 * suite.
 */
int ingest_begin(struct ingest **out, struct station *s, const struct ingest_ask *ask,
		 struct err *e);
/*
 * Seal an open regular file (fd is taken over and closed) as `path` in the collection. `record`
 * holds what is known (mtime, manifest fields); path, collection and meta are added, where it has
 * no such field yet. Takes record. expect_sha256/expect_size: refuse (ERR_DAMAGED) if the bytes
 * differ; NULL / UINT64_MAX for none. Blocks when the queue is full; errors of workers surface here
 * or in ingest_end, and the first ends the ingest: what is not committed then never is. A file that
 * changes while it is read is ERR_SYSTEM and is not committed. What is wrong with the arguments
 * (path, size, no regular file) is returned at once, takes nothing in and ends nothing.
 */
int ingest_add_file(struct ingest *g, int fd, const char *path, struct record *record,
		    const uint8_t *expect_sha256, uint64_t expect_size, struct err *e);
/* The same; what becomes of it is told to the ask's teller, under this tag, unless an error is returned
 * or the ingest fails. */
int ingest_add_told(struct ingest *g, int fd, const char *path, struct record *record, uint64_t tag,
		    struct err *e);
/* The same for bytes in memory (copied). record may be NULL here and above. */
int ingest_add_bytes(struct ingest *g, const void *p, size_t n, const char *path,
		     struct record *record, struct err *e);
/* The same for `size` bytes that read gives in order. It is not called any more when this returns: a
 * long content has been sealed by then. */
int ingest_add_stream(struct ingest *g, ingest_read *read, void *ctx, uint64_t size,
		      const char *path, struct record *record, const uint8_t *expect_sha256,
		      struct err *e);
/* Wait for all, journal `accession-closed` (if anything was taken in), sign a checkpoint. abort: leave off as soon as may be;
 * items that are committed stay (they are evidence now), the accession stays open. The same happens
 * after a failure, which is returned. g is gone in every case. sum may be NULL. */
int ingest_end(struct ingest *g, bool abort, struct ingest_sum *sum, struct err *e);
/* Has it failed, so that nothing more comes of it? ingest_end() says why. From any thread. */
bool ingest_failed(struct ingest *g);
/* For progress lines; from any thread. */
void ingest_progress(struct ingest *g, struct ingest_sum *sum);

#endif
