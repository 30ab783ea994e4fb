/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view_queue: entries that wait to go into the views. A batch that takes in many items leaves them
 * here, in order: then some batches' go in together, and each block of the set is written once for
 * many of them.
 *
 * Thread rule: as index/db; a queue belongs to one thread.
 */
#ifndef CUSTODY_INDEX_VIEW_QUEUE_H
#define CUSTODY_INDEX_VIEW_QUEUE_H

#include "index/sorted.h"

/* Put entries, in order, under a turn that nothing was put under before. next: 0, ERR_NOTFOUND at the
 * end. ERR_NOMEM. */
int view_queue_put(struct db_batch *b, uint64_t turn,
		   int (*next)(void *ctx, struct sorted_entry *en), void *ctx, struct err *e);
/* Values that wait, of some 64 KiB or one batch. */
int view_queue_count(struct db_txn *t, uint64_t *chunks, struct err *e);

struct view_queue;
/* The oldest that were put, merged; of one place's, the older is first. ERR_NOTFOUND: none wait. */
int view_queue_open(struct view_queue **out, struct db_txn *t, struct err *e);
/* Between transactions: where the next entries are read. */
void view_queue_go_on(struct view_queue *q, struct db_txn *t);
/* As sorted_source has it. ERR_INDEX, ERR_NOMEM. */
int view_queue_peek(struct view_queue *q, struct sorted_entry *en, struct err *e);
void view_queue_take(struct view_queue *q);
/* Remove what was opened. ERR_NOMEM. */
int view_queue_drop(struct view_queue *q, struct db_batch *b, struct err *e);
void view_queue_close(struct view_queue *q); /* NULL is fine; wipes */

#endif
