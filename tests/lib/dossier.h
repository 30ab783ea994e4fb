/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dossier: a request made by hand: a capture node's log with two accessions of a segment each and
 * five items, and a workstation that asks for all of them. All that goes into it can be altered
 * before it is put together, as a forger would. A failure of the set-up ends the test program.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TESTS_DOSSIER_H
#define CUSTODY_TESTS_DOSSIER_H

#include "fs/archive.h"
#include "fs/frame.h"
#include "fs/request_write.h"
#include "fs/roster.h"
#include "fs/segment.h"
#include "index/event.h"

#define DOSSIER_ITEMS 5
#define DOSSIER_SEGMENTS 2
#define DOSSIER_CAP 0 /* numbers of the nodes and their logs */
#define DOSSIER_WS 1
#define DOSSIER_LEAVES (1 + 3 * DOSSIER_SEGMENTS + DOSSIER_ITEMS)

struct dossier {
	struct secret_pool *pool;
	struct archive_desc desc;
	struct identity *id[2];
	struct roster_node who[2];

	/* What happened. */
	uint8_t accession[DOSSIER_SEGMENTS][16], segment[DOSSIER_SEGMENTS][16];
	uint8_t content_key[DOSSIER_SEGMENTS][32], catalogue_key[DOSSIER_SEGMENTS][32];
	uint8_t file_key[DOSSIER_ITEMS][32], plain_sha256[DOSSIER_ITEMS][32];
	struct authorisation_item item[DOSSIER_ITEMS];
	struct wire_out header[DOSSIER_SEGMENTS], head[DOSSIER_ITEMS];
	struct event accession_event[DOSSIER_SEGMENTS], closed_event[DOSSIER_SEGMENTS];
	struct event segment_event[DOSSIER_SEGMENTS], item_event[DOSSIER_ITEMS];

	/* What dossier_prove() makes of it, for dossier_write(). */
	struct wire_out line[DOSSIER_LEAVES];
	struct note_checkpoint checkpoint[2];
	struct wire_out note[2];
	merkle_hash hash[DOSSIER_LEAVES][MERKLE_PROOF_MAX];
	struct request_proof accession_proof[DOSSIER_SEGMENTS], closed_proof[DOSSIER_SEGMENTS];
	struct request_proof segment_proof[DOSSIER_SEGMENTS], item_proof[DOSSIER_ITEMS];
	struct request_text text;
	uint8_t serial[16];
	size_t checkpoints, opened, segments, items; /* sections that are written, */
	size_t closed; /* and, if text.accessions are not fewer, of the accessions' ends */
};

/* desc is the archive's; identities come from the pool. Ends with dossier_prove(). */
void dossier_open(struct dossier *d, const struct archive_desc *desc, struct secret_pool *pool);
void dossier_close(struct dossier *d);
/* The segment that item i is in. */
size_t dossier_segment_of(size_t i);
/* Seal the head of item i anew with this record, and let its event say so. */
void dossier_set_record(struct dossier *d, size_t i, const void *record, size_t n);
/* Log the events, sign checkpoints, prove the events. */
void dossier_prove(struct dossier *d);
/* A checkpoint of log `which` of that size, signed by node `signer`; *cp is filled. */
void dossier_note(const struct dossier *d, unsigned which, uint64_t size, unsigned signer,
		  struct note_checkpoint *cp, struct wire_out *note);
/* The request, signed by node `signer`. */
void dossier_write(struct dossier *d, unsigned signer, struct wire_out *out);
/* A request_find_node over d->who. */
int dossier_find(void *d, const uint8_t node[16], struct roster_node *out);

#endif
