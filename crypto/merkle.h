/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merkle: the RFC 6962 / RFC 9162 tree with SHA-256: leaf = H(0x00 || d), node = H(0x01 || l || r).
 * Appending needs only the roots of the perfect subtrees (a "compact range"); proofs read stored
 * hashes through a callback, so this file knows no storage.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_CRYPTO_MERKLE_H
#define CUSTODY_CRYPTO_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

#define MERKLE_HASH 32
#define MERKLE_PROOF_MAX 64 /* hashes; an inclusion proof has at most 63 */

typedef uint8_t merkle_hash[MERKLE_HASH];

void merkle_leaf(merkle_hash out, const void *data, size_t n);
void merkle_node(merkle_hash out, const merkle_hash left, const merkle_hash right);

/* The tree over the first `size` leaves, as the roots of its perfect subtrees, largest first;
 * popcount(size) of them are in use. Zero-initialised it is the empty tree. */
struct merkle_range {
	uint64_t size;
	merkle_hash peak[64];
};
/* Append a leaf hash. If emit is not NULL it is told of every perfect subtree that is completed,
 * level 0 (the leaf itself) first: index counts subtrees of that level from the left. */
typedef void merkle_emit(void *ctx, unsigned level, uint64_t index, const merkle_hash h);
void merkle_append(struct merkle_range *r, const merkle_hash leaf, merkle_emit *emit, void *ctx);
/* Root of the range; SHA-256("") when empty. */
void merkle_root(merkle_hash out, const struct merkle_range *r);

/* Reads the hash of the perfect subtree (level, index). 0 or a negative code. */
typedef int merkle_read(void *ctx, unsigned level, uint64_t index, merkle_hash out);
/* Root over the first `size` leaves. */
int merkle_root_at(merkle_hash out, uint64_t size, merkle_read *read, void *ctx);
/* PATH(index, size), leaf end first. index < size or ERR_USAGE. *n <= MERKLE_PROOF_MAX. */
int merkle_inclusion(merkle_hash *proof, size_t *n, uint64_t index, uint64_t size,
		     merkle_read *read, void *ctx);
/* PROOF(old, size), 0 < old <= size; empty when they are equal. */
int merkle_consistency(merkle_hash *proof, size_t *n, uint64_t old_size, uint64_t size,
		       merkle_read *read, void *ctx);

/* Verify as RFC 9162 section 2.1.3.2 and 2.1.4.2. 0 or ERR_FORGED. old_size 0 is ERR_FORGED: the
 * caller decides what an empty log is consistent with. */
int merkle_verify_inclusion(const merkle_hash leaf, uint64_t index, uint64_t size,
			    const merkle_hash *proof, size_t n, const merkle_hash root);
int merkle_verify_consistency(uint64_t old_size, uint64_t size, const merkle_hash *proof, size_t n,
			      const merkle_hash old_root, const merkle_hash root);

#endif
