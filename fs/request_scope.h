/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_scope: what a request is about: the items it names, the segments and accessions they are
 * in, whole accessions with their items, and the journals that tell of all that.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_REQUEST_SCOPE_H
#define CUSTODY_FS_REQUEST_SCOPE_H

#include "fs/request.h"
#include "fs/request_accession.h"
#include "index/ledger.h"

/* Set ask, e, logs.s and logs.txn; zero the rest. */
struct request_scope {
	const struct request_ask *ask;
	struct err *e;
	struct request_logs logs;
	struct request_picks picks;	/* items that the request names */
	struct ledger_segment *segment; /* those of the items and the whole accessions */
	size_t segments;
	struct request_origin *origin; /* the accessions of the segments, by node and id */
	size_t origins;
	uint64_t items, bytes; /* that are asked for in all */
};

/* Codes of request_make(); ERR_BUSY when a journal has outrun the index. */
int request_scope_find(struct request_scope *sc);
void request_scope_free(struct request_scope *sc);

#endif
