/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sorted: a set of short values (index/sorted_block) in the index, sealed in blocks of about a page.
 * A block is found by the greatest entry it may have, which is its key; the last block's is all ones.
 * So LMDB's tree is the upper part of this one: a place is found with one look and one block opened,
 * and many entries go in with each block opened once.
 *
 * Keys of blocks are entries' numbers, which are keyed hashes. Where a folder has more than a block
 * they tell that some folder has some hundred entries more, not which.
 *
 * Thread rule: as index/db.
 */
#ifndef CUSTODY_INDEX_SORTED_H
#define CUSTODY_INDEX_SORTED_H

#include "index/db.h"
#include "index/sorted_block.h"

#define SORTED_BLOCK_MAX 4000u /* bytes; with its seal it fits a page of LMDB's */

/* Calls cb for the entries of a folder with place >= from, in order, until it returns non-zero, which
 * is returned. Values are borrowed for the call. ERR_INDEX, ERR_NOMEM. */
int sorted_each(struct db_txn *t, uint64_t dir, uint64_t from,
		int (*cb)(void *ctx, const struct sorted_entry *en), void *ctx, struct err *e);

/* What goes in, in order; of equal places the first wins. */
struct sorted_source {
	/* The next one, which stays the next until it is taken; its value is borrowed until then. 0,
	 * ERR_NOTFOUND at the end, or what ends the insertion. */
	int (*peek)(void *ctx, struct sorted_entry *en, struct err *e);
	void (*take)(void *ctx);
	/* Its place has another value, which stays. Non-zero ends the insertion. */
	int (*lost)(void *ctx, const struct sorted_entry *en, struct err *e);
	void *ctx;
};
/* Put a source into the set, through a batch that has not changed the set yet; t is a snapshot. Stops
 * when about so many blocks are changed (0: never): then the source is not at its end, and goes on
 * after the batch is applied. What is there already changes nothing. ERR_INDEX, ERR_NOMEM. */
int sorted_insert(struct db_batch *b, struct db_txn *t, const struct sorted_source *s,
		  size_t max_blocks, struct err *e);

#endif
