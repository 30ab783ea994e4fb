/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request: a node's signed ask for release, with all an authority needs to check it offline: the
 * segment headers, frame heads, ingest events and inclusion proofs. See custodyfs-format(5).
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_REQUEST_H
#define CUSTODY_FS_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/note.h"
#include "fs/authorisation.h"
#include "fs/frame.h"
#include "fs/roster.h"
#include "fs/segment.h"
#include "index/event.h"

struct station;

struct request_ask {
	const char *const *paths; /* "collection/dir/file"; a directory stands for all below it */
	size_t npaths;
	const uint8_t (*accessions)[16]; /* whole accessions */
	size_t naccessions;
	const char *case_no, *purpose, *legal_basis;		    /* legal_basis may be NULL */
	const char *user;					    /* requested-by: "user@host" */
	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* may be NULL */
	void *progress_ctx;
};
struct request_summary {
	uint8_t serial[16];
	size_t items, accessions;
	uint64_t bytes; /* plaintext */
};
/* Build the whole request file and journal `requested`, before out has a byte of it. A reader node's
 * business: ERR_ROLE. ERR_NOTFOUND names the path or accession; texts that are not one line of UTF-8
 * below AUTHORISATION_TEXT_MAX bytes, and more than AUTHORISATION_ITEMS_MAX items, are ERR_USAGE;
 * heads and headers that are not those of the log are ERR_DAMAGED. */
int request_make(struct wire_out *out, struct station *s, const struct request_ask *ask,
		 struct request_summary *sum, struct err *e);

/* What the authority sees. */
struct request_item {
	struct authorisation_item id;		      /* item id and commitment */
	uint8_t accession[16], segment[16], node[16]; /* node: whose journal says so */
	int64_t ingest_ms;			      /* of its ingest event */
	uint64_t seq;				      /* of that event in the journal */
	struct frame frame;
	const uint8_t *head; /* frame head bytes, into the request's memory */
	size_t head_len;
	struct wire_out record; /* opened provenance, encoded; filled by request_open */
	uint8_t plain_sha256[32];
};
struct request {
	struct wire_out bytes, bundle; /* owned: the file; what its armor holds */
	uint8_t archive[16], serial[16], node[16];
	int64_t issued_ms;
	char requested_by[AUTHORISATION_TEXT_MAX], case_no[AUTHORISATION_TEXT_MAX],
		purpose[AUTHORISATION_TEXT_MAX], legal_basis[AUTHORISATION_TEXT_MAX];
	struct note_checkpoint *checkpoint;
	struct text_span *note; /* the signed note of each, into the bundle */
	size_t checkpoints;
	struct request_item *item;
	size_t items;
	uint8_t (*accession)[16];
	size_t accessions;
	struct request_segment {
		struct segment_header header; /* points into the bundle */
		uint8_t node[16];
		int64_t begun_ms; /* of its segment event */
	} * segment;
	size_t segments;
};
/*
 * Parse and check everything that can be checked without secrets: form, bundle digest, node
 * signature, checkpoints signed by enrolled nodes, inclusion proofs of all segment and item
 * events, header and head digests against their events, ids agree. find_node gives the public keys
 * of a node the authority enrolled (ERR_NOT_ENROLLED otherwise); r->archive and r->node are set when
 * it is called. ERR_FOREIGN, ERR_NEWER, ERR_MALFORMED, ERR_DAMAGED, ERR_FORGED, ERR_ROLE (an item of a
 * node that is not enrolled to ingest). On failure *r is empty.
 */
int request_parse(struct request *r, const void *p, size_t n,
		  int (*find_node)(void *ctx, const uint8_t node[16], struct roster_node *out),
		  void *ctx, struct err *e);
/* Open every record with the catalogue secret and check its commitment against the event. ERR_KEY,
 * ERR_DAMAGED, ERR_FORGED (a record that was not the one committed to). */
int request_open(struct request *r, const uint8_t catalogue_secret[32], struct err *e);
void request_free(struct request *r); /* wipes records */

#endif
