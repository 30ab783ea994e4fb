/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_logs: the journals that a request speaks of, and proofs of their events against their
 * signed checkpoints.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_REQUEST_LOGS_H
#define CUSTODY_FS_REQUEST_LOGS_H

#include "fs/request_write.h"
#include "fs/station.h"
#include "index/tree.h"

struct request_log {
	uint8_t node[16];
	struct note_checkpoint cp;
	struct wire_out note; /* the checkpoint as it is signed */
	struct tree_reader tree;
};
/* Set s and txn, a read transaction that outlives it; zero the rest. */
struct request_logs {
	struct station *s;
	struct db_txn *txn;
	struct request_log *list;
	size_t n;
};

/* Add the journal of a node, once, in its latest signed state. ERR_BUSY when the index has not
 * reached that state: catch up, and try again. */
int request_logs_add(struct request_logs *l, const uint8_t node[16], struct err *e);
/* Read an event of a journal that was added. ERR_NOTFOUND at the end of its signed state. */
int request_logs_event(const struct request_logs *l, const uint8_t node[16], uint64_t seq,
		       struct event *ev, struct err *e);
/* Put an event into the bundle, with its proof and the bytes whose digest it holds (both NULL: there
 * are none). ERR_DAMAGED when they are others, ERR_BUSY when the checkpoint does not cover the event yet. */
int request_logs_prove(const struct request_logs *l, struct wire_out *bundle,
		       enum request_section kind, const uint8_t node[16], uint64_t seq,
		       const uint8_t digest[32], const struct wire_out *bytes, struct err *e);
void request_logs_free(struct request_logs *l);

#endif
