/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree: the stored hashes of a journal's Merkle tree, as tiles of 256 (the shape of C2SP
 * tlog-tiles: tile level L holds the subtree roots of tree level 8L), and where its lines begin.
 *
 * Thread rule: as index/db. A tree_writer belongs to one thread.
 */
#ifndef CUSTODY_INDEX_TREE_H
#define CUSTODY_INDEX_TREE_H

#include <stdint.h>

#include "crypto/merkle.h"
#include "index/db.h"

/* How far a journal is known: kept by its owner (index/ledger), advanced by tree_append(). */
struct tree_state {
	struct merkle_range range; /* range.size = lines */
	uint64_t bytes;		   /* offset just after the last known line's LF */
};

struct tree_writer;
/* A writer that adds to the tree of journal number `journal` from *state on, through the batch. `t`
 * is a read transaction, needed to load the partial last tiles; it may end after this call. */
int tree_writer_new(struct tree_writer **out, struct db_txn *t, uint32_t journal,
		    const struct tree_state *state, struct err *e);
/* One line of n bytes (without LF) whose leaf hash is given. n <= 65,534. */
int tree_append(struct tree_writer *w, struct db_batch *b, const merkle_hash leaf, uint32_t n);
/* Put partial tiles into the batch; to be called before db_batch_apply(). May go on after. */
int tree_flush(struct tree_writer *w, struct db_batch *b);
const struct tree_state *tree_writer_state(const struct tree_writer *w);
void tree_writer_free(struct tree_writer *w);

/* Context of tree_read, a merkle_read: reads perfect subtrees from tiles. */
struct tree_reader {
	struct db_txn *txn;
	uint32_t journal;
	uint64_t size; /* leaves that are stored; reading beyond is ERR_INDEX */
};
int tree_read(void *reader, unsigned level, uint64_t index, merkle_hash out);
/* All leaf hashes of the tile that leaf seq is in, from leaf seq - seq % TREE_TILE on; *n of them are
 * stored, that of seq among them. ERR_INDEX. */
#define TREE_TILE 256u
int tree_leaves(const struct tree_reader *r, uint64_t seq, merkle_hash out[TREE_TILE], unsigned *n);
/* Where the first n lines of the tile begin that line seq is in, and where the last of them ends (behind
 * its LF): n + 1 offsets. ERR_INDEX. */
int tree_lines(const struct tree_reader *r, uint64_t seq, uint64_t off[TREE_TILE + 1], unsigned n);
/* Byte offset and length (without LF) of line seq. */
int tree_line(const struct tree_reader *r, uint64_t seq, uint64_t *off, uint32_t *n);

#endif
