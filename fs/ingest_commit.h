/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest_commit: the writing end of an ingest: which segment the next frame goes to, and a thread
 * that makes finished frames durable and then journals them, many with one sync. For fs/ingest and
 * fs/ingest_seal.
 *
 * The order on disk: the segment's header and frames, its names in the directories, and only then
 * the journal's lines. A crash leaves frames that nobody knows of, never lines about frames that
 * are not there. The accession itself is journalled with its first item: what takes in nothing is
 * none.
 *
 * Thread rule: place, writer, cancel, push, failed and sum may be called from many threads.
 */
#ifndef CUSTODY_FS_INGEST_COMMIT_H
#define CUSTODY_FS_INGEST_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/ingest_fate.h"
#include "fs/segment.h"
#include "index/journal.h"

struct ingest_commit;
struct ingest_segment;

struct ingest_item;
/* Read an item back from the disk, where it is durable: what fails here is never journalled. */
typedef int ingest_commit_check(void *ctx, const struct ingest_item *item, struct err *e);

struct ingest_commit_ask {
	struct journal *journal; /* borrowed, as all below */
	int segments_dir;
	uint64_t roll;			     /* where a segment ends: SEGMENT_ROLL, but for tests */
	const struct segment_header *header; /* all but the segment id is taken from it */
	const uint8_t *content_key, *catalogue_key;		/* 32 secret bytes each */
	const uint8_t *release_recipient, *catalogue_recipient; /* 32 bytes each */
	const struct event *accession; /* its event, to be journalled before all others */
	ingest_commit_check *check;    /* may be NULL */
	void *check_ctx;
	struct ingest_teller teller; /* of items that are journalled */
};

/* A sealed and written frame. */
struct ingest_item {
	struct ingest_segment *segment;
	uint8_t item[16], head[32], frame[32], commitment[32];
	uint64_t offset, length; /* of the frame */
	uint64_t plain;		 /* bytes of content */
	uint32_t headlen;
	uint8_t sha256[32]; /* of the content */
	uint8_t mark[32];   /* see index/mark; all zero: none */
	uint64_t tag;	    /* for the teller */
};

/* Acknowledged so far. */
struct ingest_commit_sum {
	uint64_t items, bytes, stored;
};

int ingest_commit_start(struct ingest_commit **out, const struct ingest_commit_ask *ask,
			struct err *e);
/* Room for a frame of len bytes: *seg is held until the item is pushed or cancelled. */
int ingest_commit_place(struct ingest_commit *c, uint64_t len, struct ingest_segment **seg,
			uint64_t *off, struct err *e);
struct segment_writer *ingest_commit_writer(const struct ingest_segment *seg);
void ingest_commit_cancel(struct ingest_commit *c, struct ingest_segment *seg);
/* Hand over a frame that is written. Takes item->segment also on failure. Waits when much is
 * waiting already; fails when an earlier commit has. */
int ingest_commit_push(struct ingest_commit *c, const struct ingest_item *item, struct err *e);
bool ingest_commit_failed(struct ingest_commit *c);
void ingest_commit_sum(struct ingest_commit *c, struct ingest_commit_sum *sum);
/* Commit what waits (or drop it) and end the thread. The first failure of all commits. Nothing is
 * placed or pushed any more. */
int ingest_commit_finish(struct ingest_commit *c, bool drop, struct err *e);
void ingest_commit_free(struct ingest_commit *c); /* after finish; NULL is fine */

#endif
