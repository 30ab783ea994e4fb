/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_accession: the accessions that the segments of a request are of, as their logs tell of
 * them. An authority is shown who opened each, and for a whole one how it ended and what is in it.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_REQUEST_ACCESSION_H
#define CUSTODY_FS_REQUEST_ACCESSION_H

#include "fs/request_logs.h"
#include "fs/request_pick.h"

struct request_origin {
	uint8_t id[16], node[16];
	bool whole;		 /* it is asked for as a whole */
	uint64_t first;		 /* seq of its first segment event */
	uint64_t opened, closed; /* seq of its accession events; closed: of a whole one only */
	uint64_t items, bytes;	 /* of a whole one */
};

/* Find its events in the log of its node, which was added: sets opened, and what is for whole ones.
 * ERR_USAGE if a whole one was not closed; ERR_DAMAGED if nobody opened it. */
int request_accession_look(struct request_origin *o, const struct request_logs *l, struct err *e);
/* Add its items, as its node logged them. */
int request_accession_items(struct request_picks *p, const struct request_origin *o,
			    const struct request_logs *l, struct err *e);

#endif
