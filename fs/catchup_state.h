/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catchup_state: one batch on its way into the index: a snapshot to read from, and the changes.
 * What is written is right only if nobody else wrote since the snapshot, which is seen by the
 * index's turn (index/meta).
 *
 * Thread rule: belongs to one thread.
 */
#ifndef CUSTODY_FS_CATCHUP_STATE_H
#define CUSTODY_FS_CATCHUP_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "index/db.h"
#include "index/find.h"
#include "index/object_add.h"
#include "index/posting.h"
#include "index/sheet.h"
#include "index/view_write.h"

struct catchup_state {
	struct db *db;
	struct object_add *add;
	struct posting_writer *postings;
	struct find_writer find;
	struct sheet_writer *sheets;
	struct view_writer *views;
	bool views_changed; /* set when a batch changes what the views show */
	bool names;	    /* what kind of index this is to be */
	uint64_t turn;	    /* of the index when `add` was last right */
	/* Between begin and end or drop. */
	struct db_txn *txn;
	struct db_batch *batch;
};

int catchup_state_init(struct catchup_state *s, struct db *db, bool names, struct err *e);
void catchup_state_free(struct catchup_state *s); /* zeroed is fine */

/* Take a snapshot, begin a batch. */
int catchup_state_begin(struct catchup_state *s, struct err *e);
/* Write the batch. ERR_BUSY: somebody else wrote since the snapshot; nothing was written. */
int catchup_state_end(struct catchup_state *s, struct err *e);
/* Put what waits into the views, in batches of its own; due: only where much waits. Others who write
 * meanwhile are let go first. */
int catchup_state_settle(struct catchup_state *s, bool due, struct err *e);
/* Drop the batch. */
void catchup_state_drop(struct catchup_state *s);

#endif
