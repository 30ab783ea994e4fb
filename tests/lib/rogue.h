/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rogue: an enrolled capture node that lies. It has all keys that such a node has, and writes well
 * formed and well signed journals; what it says is of its own making.
 *
 * All return 0 or an error. Thread rule: one thread.
 */
#ifndef CUSTODY_TESTS_ROGUE_H
#define CUSTODY_TESTS_ROGUE_H

#include "fs/archive.h"
#include "fs/frame.h"
#include "fs/segment.h"
#include "index/journal.h"

struct rogue {
	const struct archive *archive;
	struct journal *journal; /* of the rogue node */
	uint8_t accession[16], segment[16];
	struct segment_writer *writer;
	struct frame_keys keys;
};

/* Begin an accession with one segment; accession is the id it is to have, NULL: a fresh one. */
int rogue_begin(struct rogue *r, const struct archive *a, struct journal *j,
		const uint8_t *accession, struct err *e);
int rogue_end(struct rogue *r, struct err *e);
/* Seal bytes under any item id. */
int rogue_item(struct rogue *r, const uint8_t item[16], const char *path, const char *text,
	       struct err *e);

enum rogue_what {
	ROGUE_REPEAT,  /* journal the victim's accessions and segments as its own */
	ROGUE_SPOIL,   /* the same, and its items too, the segments with another header */
	ROGUE_REPLACE, /* own items "fake0", "fake1", ... under the victim's item ids */
	ROGUE_MIRROR,  /* the victim's accessions, segments and items, word for word */
	ROGUE_SHARE,   /* own items "fake0", ... one in each accession of the victim, of its id */
	ROGUE_TWICE,   /* two own items, of the texts ONE and TWO, under one id of its own */
};
/* To all that the journal of the victim names. */
int rogue_attack(const struct archive *a, struct journal *j, const uint8_t victim[16],
		 enum rogue_what what, struct err *e);

#endif
