/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view_write: how items get into the views (index/view). What few items bring goes in with their own
 * batch. What many bring waits (index/view_queue), until some batches' are settled together.
 *
 * Thread rule: as index/db; a writer belongs to one thread.
 */
#ifndef CUSTODY_INDEX_VIEW_WRITE_H
#define CUSTODY_INDEX_VIEW_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "index/db.h"
#include "index/facts.h"

struct view_writer;
/* name_key is borrowed (db_name_key). ERR_NOMEM. */
int view_writer_new(struct view_writer **out, const uint8_t name_key[32]);
void view_writer_free(struct view_writer *w); /* NULL is fine; wipes */
/* Note an item; plain: the last component of the path it was taken in under. ERR_NOMEM. */
int view_add(struct view_writer *w, uint64_t ino, const char *plain, size_t n,
	     const struct facts *f);
/* Put all that was noted into the batch, and forget it. t is a snapshot; turn is the batch's own
 * (index/meta). *changed is set if the set itself was changed. */
int view_flush(struct view_writer *w, struct db_batch *b, struct db_txn *t, uint64_t turn,
	       bool *changed, struct err *e);
void view_writer_reset(struct view_writer *w); /* forget it */

/* How much waits: nothing, a little, or so much that it should be settled before there is more. */
enum view_waiting { VIEW_SETTLED, VIEW_WAITS, VIEW_DUE };
int view_waiting(struct db_txn *t, enum view_waiting *out, struct err *e);

struct view_settle;
/* ERR_NOTFOUND: nothing waits. */
int view_settle_begin(struct view_settle **out, struct db_txn *t, struct err *e);
/* One batch's worth; t is a snapshot, b an empty batch, turn its own. *done is set with the last. If a
 * batch is not applied, or anybody else's was in between, it all begins anew: what is in the set already
 * does no harm. */
int view_settle_step(struct view_settle *s, struct db_batch *b, struct db_txn *t, uint64_t turn,
		     bool *done, struct err *e);
void view_settle_free(struct view_settle *s); /* NULL is fine; wipes */

#endif
