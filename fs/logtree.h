/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logtree: the Merkle tree of a journal as it lies in the archive, read from its lines. For the rare
 * cases in which the index can't be asked: the log is not the one that was indexed.
 *
 * Thread rule: a tree is read-only once it is read.
 */
#ifndef CUSTODY_FS_LOGTREE_H
#define CUSTODY_FS_LOGTREE_H

#include <stdint.h>

#include "crypto/err.h"
#include "crypto/merkle.h"

struct logtree;

/* The first `size` lines (32 bytes of memory each). ERR_ROLLBACK if there are fewer. dirfd is the
 * journal directory. logtree_free() it. */
int logtree_read(struct logtree **out, int dirfd, const uint8_t node[16], uint64_t size,
		 struct err *e);
void logtree_free(struct logtree *t); /* NULL is fine */
/* A merkle_read, with the tree as its context. */
int logtree_hash(void *tree, unsigned level, uint64_t index, merkle_hash out);
/* Bytes of the lines that were read, with their LF. */
uint64_t logtree_bytes(const struct logtree *t);
/* Root over the first `size` lines, which were read. */
void logtree_root(merkle_hash out, struct logtree *t, uint64_t size);

#endif
