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
	/* "collection/dir/file"; a directory stands for all below it; an item's id is fine too */
	const char *const *paths;
	size_t npaths;
	const uint8_t (*accessions)[16]; /* whole accessions */
	const uint8_t (*nodes)[16];	 /* whose each is, or zeros: whoever's; NULL: zeros all */
	size_t naccessions;
	const char *case_no, *purpose, *legal_basis;		    /* legal_basis may be NULL */
	const char *user;					    /* requested-by: "user@host" */
	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* may be NULL */
	void *progress_ctx;
};
struct request_summary {
	uint8_t serial[16];
	size_t items, accessions; /* items: those of whole accessions too */
	uint64_t bytes;		  /* plaintext, of all of them */
};
/* Items of whole accessions that a request lists, so that the authority sees their names. */
#define REQUEST_NAMES_MAX 10000u
/* Build the whole request file and journal `requested`, before out has a byte of it. A reader node's
 * business: ERR_ROLE. ERR_NOTFOUND names the path or accession; an accession that is not closed is
 * ERR_USAGE, and one that several nodes claim, when none of them is named, ERR_FORGED; texts that are not one line of UTF-8
 * below AUTHORISATION_TEXT_MAX bytes, and more than AUTHORISATION_ITEMS_MAX items, are ERR_USAGE;
 * heads and headers that are not those of the log are ERR_DAMAGED. */
int request_make(struct wire_out *out, struct station *s, const struct request_ask *ask,
		 struct request_summary *sum, struct err *e);

/* What the authority sees. */
struct request_accession {
	uint8_t id[16], node[16]; /* node: who opened it, and so has all of it */
	char user[EVENT_STR_MAX], host[EVENT_STR_MAX];
	int64_t opened_ms;
	uint64_t seq; /* of its accession event */
	bool whole;   /* it is asked for as a whole, and was closed: */
	int64_t closed_ms;
	uint64_t closed_seq;
	uint64_t items, bytes; /* in all, as its node counted them */
	size_t segments, listed;
	uint64_t listed_bytes; /* of its items in the request */
};
/* Of each checkpoint. */
struct request_source {
	uint8_t node[16];
	int64_t latest_ms; /* time of the latest event that is shown of the log; 0: none is */
};
struct request_item {
	struct authorisation_item id;		      /* item id and commitment */
	uint8_t accession[16], segment[16], node[16]; /* node: whose journal says so */
	int64_t ingest_ms;			      /* of its ingest event */
	uint64_t seq;				      /* of that event in the journal */
	struct frame frame;
	const uint8_t *head; /* frame head bytes, into the request's memory */
	size_t head_len;
	size_t place;		/* of its segment among r->segment */
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
	struct text_span *note;	       /* the signed note of each, into the bundle */
	struct request_source *source; /* of each */
	size_t checkpoints;
	struct request_item *item;
	size_t items;
	uint8_t (*accession)[16]; /* asked for as a whole */
	size_t accessions;
	struct request_accession *opened; /* those of all segments */
	size_t nopened;
	struct request_segment {
		struct segment_header header; /* points into the bundle */
		uint8_t node[16];
		int64_t begun_ms; /* of its segment event */
		size_t opened;	  /* number of its accession */
	} * segment;
	size_t segments;
};
/*
 * Parse and check everything that can be checked without secrets: form, bundle digest, node
 * signature, checkpoints signed by enrolled nodes, inclusion proofs of all accession, segment and
 * item events, header and head digests against their events, ids agree, all of an accession is of
 * the node that opened it, and one that is asked for as a whole was closed. find_node gives the public keys
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

/* An accession that is asked for as a whole, by its id alone: the request is for one of that id. NULL
 * if it is none. */
const struct request_accession *request_whole(const struct request *r, const uint8_t id[16]);
/* The same for the accession of an item: its node's, not another's that goes by the same id. */
const struct request_accession *request_item_whole(const struct request *r,
						   const struct request_item *it);
/* All that is asked for, each item once: what is asked for singly, and whole accessions with all
 * they hold, listed or not. bytes: of plaintext. UINT64_MAX where it would be more. */
void request_total(const struct request *r, uint64_t *items, uint64_t *bytes);

#endif
