/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_section: the sections of a request's bundle one by one, each proved: checkpoints by the
 * signature of their node, events by their place in the log of such a checkpoint.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_REQUEST_SECTION_H
#define CUSTODY_FS_REQUEST_SECTION_H

#include "fs/request_bundle.h"
#include "fs/request_write.h"

struct request_reader {
	struct request *r;
	struct wire_in in;	 /* the bundle */
	uint32_t left;		 /* sections */
	struct roster_node *who; /* whose journal each of r->checkpoint is */
	request_find_node *find_node;
	void *ctx;
	struct err *e;
	size_t accession; /* of r->opened: where the last one was found; the caller's */
};

/* What a section of kind 2 to 5 says; borrowed from the bundle. */
struct request_proved {
	const uint8_t *node, *bytes;
	size_t n;
	struct event event;
};

/* ERR_MALFORMED, with a sentence. */
int request_section_malformed(const struct request_reader *b, const char *what);
bool request_section_next_is(const struct request_reader *b, enum request_section kind);
/* The next section must be checkpoint i of the text: fills r->note[i], r->source[i] and who[i]. */
int request_section_checkpoint(struct request_reader *b, size_t i);
/* Number of a node's checkpoint; r->checkpoints if it has none. */
size_t request_section_log(const struct request_reader *b, const uint8_t *node);
/* The next section must be of `kind`: an event of `type`, proved to be in the log of a node that may
 * ingest. ERR_FORGED, ERR_ROLE, ERR_MALFORMED. */
int request_section_proved(struct request_reader *b, enum request_section kind,
			   enum event_type type, struct request_proved *p);
/* Do its bytes have this digest? ERR_DAMAGED. */
int request_section_digest_is(const struct request_reader *b, const struct request_proved *p,
			      const uint8_t digest[32]);

#endif
