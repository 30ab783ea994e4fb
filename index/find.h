/* SPDX-License-Identifier: Apache-2.0 */
/*
 * find: items by the SHA-256 of their plaintext. For each tile of 256 lines of a journal the index
 * has 8 bytes a line: a keyed hash of the digest of the item that the line takes in, zero for other
 * lines. That is too little to tell a digest by, and enough to find a line by: who looks for one
 * walks all tiles (8 MB for a million items), and compares the whole digest, which lies sealed in the
 * item's frame.
 *
 * Thread rule: as index/db; a writer belongs to one thread.
 */
#ifndef CUSTODY_INDEX_FIND_H
#define CUSTODY_INDEX_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/db.h"

#define FIND_TILE 256u

/* One tile is in memory at a time. Zero-initialise it. */
struct find_writer {
	uint64_t slot[FIND_TILE];
	uint64_t tile;
	uint32_t journal;
	bool loaded, dirty;
};
/* Note the digest of the item that a line takes in. t is a read transaction, name_key is
 * db_name_key(). ERR_INDEX, ERR_NOMEM. */
int find_put(struct find_writer *w, struct db_batch *b, struct db_txn *t,
	     const uint8_t name_key[32], uint32_t journal, uint64_t seq, const uint8_t sha256[32],
	     struct err *e);
/* Put what is in memory into the batch, and forget it. */
int find_flush(struct find_writer *w, struct db_batch *b, struct err *e);
void find_reset(struct find_writer *w);

/* Calls cb for each line that may take in an item with digest number i of n, until it returns
 * non-zero, which is returned. ERR_INDEX, ERR_NOMEM. */
int find_each(struct db_txn *t, const uint8_t (*sha256)[32], size_t n,
	      int (*cb)(void *ctx, size_t i, uint32_t journal, uint64_t seq), void *ctx,
	      struct err *e);

#endif
