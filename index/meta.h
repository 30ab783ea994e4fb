/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meta: what is to be known of the index as a whole.
 *
 * Thread rule: as index/db. Codes as index/db; absent is not an error.
 */
#ifndef CUSTODY_INDEX_META_H
#define CUSTODY_INDEX_META_H

#include <stdbool.h>
#include <stdint.h>

#include "index/db.h"

/* Was this index made with the names of items? A node that becomes a reader must make it anew.
 * *known is false in an index that nothing was written to. */
int meta_get_names(struct db_txn *t, bool *known, bool *names, struct err *e);
int meta_put_names(struct db_batch *b, bool names);

/* Counts the batches that were ever applied. Who prepares a batch reads it first, puts it plus one,
 * and has a guard see that it is still the same: directories and totals are shared by all journals,
 * so a batch is good only if nobody else wrote meanwhile. */
int meta_get_turn(struct db_txn *t, uint64_t *turn, struct err *e);
int meta_put_turn(struct db_batch *b, uint64_t turn);

#endif
