/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_add: puts items into the index, under collection/path, through a batch.
 *
 * Directories that were touched are kept in memory between batches and written once a batch: a
 * million items of one directory do not write it a million times.
 *
 * Names are given by deferred acceptance (Gale and Shapley, 1962): each item claims its names in
 * order, each name keeps the claimant with the best right to it (a directory, then the earliest
 * ingest, then the smallest item id, then the smallest node id), who is turned away claims its next name. The outcome is the
 * same for every order of arrival. An entry may change its holder but is never removed, so the
 * probing of index/object_value stays sound.
 *
 * Thread rule: belongs to one thread.
 */
#ifndef CUSTODY_INDEX_OBJECT_ADD_H
#define CUSTODY_INDEX_OBJECT_ADD_H

#include <stddef.h>
#include <stdint.h>

#include "index/object.h"

struct object_add;

/* name_key is borrowed (db_name_key). ERR_NOMEM. */
int object_add_new(struct object_add **out, const uint8_t name_key[32]);
void object_add_free(struct object_add *a); /* NULL is fine */

/*
 * Add an item. o has all item fields but ino, parent and name set; they are filled in. record is
 * its encoded provenance. t is a read transaction. ERR_EXISTS: an item of this node and id is
 * there already; nothing changes, and o is filled from it. ERR_MALFORMED: collection or path are not
 * names. ERR_INDEX, ERR_NOMEM: the batch must not be applied.
 */
int object_add_item(struct object_add *a, struct db_batch *b, struct db_txn *t, struct object *o,
		    const char *collection, const void *path, size_t path_len, const void *record,
		    size_t record_len, struct err *e);
/* An item as the batch would leave it; the largest, where several nodes claim its id. ERR_NOTFOUND,
 * ERR_INDEX, ERR_NOMEM. */
int object_add_find(struct object_add *a, struct db_batch *b, struct db_txn *t,
		    const uint8_t item[16], struct object *o, struct err *e);
/* Put changed directories and totals into the batch; to be called before db_batch_apply(). */
int object_add_flush(struct object_add *a, struct db_batch *b);
/* Forget all that is in memory: to be called when a batch was not applied, or when somebody else
 * may have changed the index since the last one was. */
void object_add_reset(struct object_add *a);

#endif
