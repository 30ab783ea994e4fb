/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/merkle.h"

#include <stdbool.h>
#include <string.h>

#include "crypto/hash.h"

/* The largest tree proofs are made for, so that every proof fits MERKLE_PROOF_MAX. */
#define LEAVES_MAX ((uint64_t)1 << 63)

/* The leaves [lo, lo + n) of one node of a tree. */
struct span {
	uint64_t lo, n;
};

void merkle_leaf(merkle_hash out, const void *data, size_t n)
{
	static const uint8_t prefix = 0x00;
	const struct hash_part parts[] = {{&prefix, 1}, {data, n}};

	hash_parts(out, parts, 2);
}

void merkle_node(merkle_hash out, const merkle_hash left, const merkle_hash right)
{
	static const uint8_t prefix = 0x01;
	const struct hash_part parts[] = {
		{&prefix, 1},
		{left, MERKLE_HASH},
		{right, MERKLE_HASH},
	};

	hash_parts(out, parts, 3);
}

static unsigned peaks(uint64_t size)
{
	return (unsigned)__builtin_popcountll(size);
}

void merkle_append(struct merkle_range *r, const merkle_hash leaf, merkle_emit *emit, void *ctx)
{
	uint64_t index = r->size;
	unsigned n = peaks(r->size);
	unsigned level = 0;
	merkle_hash h;

	memcpy(h, leaf, MERKLE_HASH);
	if (emit)
		emit(ctx, 0, index, h);
	/* Each low one bit of the size is a peak that the new leaf completes into a larger one. */
	for (; index & 1; index >>= 1) {
		merkle_node(h, r->peak[--n], h);
		level++;
		if (emit)
			emit(ctx, level, index >> 1, h);
	}
	memcpy(r->peak[n], h, MERKLE_HASH);
	r->size++;
}

void merkle_root(merkle_hash out, const struct merkle_range *r)
{
	unsigned n = peaks(r->size);
	merkle_hash h;

	if (n == 0) {
		hash_sha256(out, "", 0);
		return;
	}
	memcpy(h, r->peak[n - 1], MERKLE_HASH);
	for (n--; n > 0; n--)
		merkle_node(h, r->peak[n - 1], h);
	memcpy(out, h, MERKLE_HASH);
}

/* Hash of a node: a perfect subtree is read; any other is put together from the perfect ones it is
 * made of, smallest (rightmost) first. s.lo is aligned as that of every node of a tree is. */
static int span_root(merkle_hash out, struct span s, merkle_read *read, void *ctx)
{
	uint64_t end = s.lo + s.n;
	bool first = true;
	merkle_hash acc, h;

	for (unsigned level = 0; level < 64; level++) {
		int rc;

		if (!(s.n >> level & 1))
			continue;
		end -= (uint64_t)1 << level;
		rc = read(ctx, level, end >> level, h);
		if (rc != 0)
			return rc;
		if (first)
			memcpy(acc, h, MERKLE_HASH);
		else
			merkle_node(acc, h, acc);
		first = false;
	}
	memcpy(out, acc, MERKLE_HASH);
	return 0;
}

int merkle_root_at(merkle_hash out, uint64_t size, merkle_read *read, void *ctx)
{
	if (size == 0) {
		hash_sha256(out, "", 0);
		return 0;
	}
	return span_root(out, (struct span){0, size}, read, ctx);
}

/* Largest power of two smaller than n; n > 1. */
static uint64_t split(uint64_t n)
{
	return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

/* Hash the nodes of a descent, deepest first, as proofs list them. */
static int collect(merkle_hash *proof, size_t *n, const struct span *path, size_t depth,
		   merkle_read *read, void *ctx)
{
	for (size_t i = 0; i < depth; i++) {
		int rc = span_root(proof[i], path[depth - 1 - i], read, ctx);

		if (rc != 0)
			return rc;
	}
	*n = depth;
	return 0;
}

int merkle_inclusion(merkle_hash *proof, size_t *n, uint64_t index, uint64_t size,
		     merkle_read *read, void *ctx)
{
	struct span path[MERKLE_PROOF_MAX];
	struct span at = {0, size};
	size_t depth = 0;

	*n = 0;
	if (index >= size || size > LEAVES_MAX)
		return ERR_USAGE;
	while (at.n > 1) {
		uint64_t k = split(at.n);

		if (index - at.lo < k) {
			path[depth++] = (struct span){at.lo + k, at.n - k};
			at.n = k;
		} else {
			path[depth++] = (struct span){at.lo, k};
			at = (struct span){at.lo + k, at.n - k};
		}
	}
	return collect(proof, n, path, depth, read, ctx);
}

int merkle_consistency(merkle_hash *proof, size_t *n, uint64_t old_size, uint64_t size,
		       merkle_read *read, void *ctx)
{
	struct span path[MERKLE_PROOF_MAX];
	struct span at = {0, size};
	size_t depth = 0;

	*n = 0;
	if (old_size == 0 || old_size > size || size > LEAVES_MAX)
		return ERR_USAGE;
	while (old_size - at.lo != at.n) {
		uint64_t k = split(at.n);

		if (old_size - at.lo <= k) {
			path[depth++] = (struct span){at.lo + k, at.n - k};
			at.n = k;
		} else {
			path[depth++] = (struct span){at.lo, k};
			at = (struct span){at.lo + k, at.n - k};
		}
	}
	/* The verifier knows the old root; any other node the descent ends in it must be told. */
	if (at.lo != 0)
		path[depth++] = at;
	return collect(proof, n, path, depth, read, ctx);
}

/* Where a verifier stands in its walk up: fn is the node's number within its level, sn the number
 * of the last node there (the names are those of RFC 9162). */
struct walk {
	uint64_t fn, sn;
};

/* True if the next hash of the proof is a left sibling. The levels where the last node has no
 * sibling at all are passed over. */
static bool walk_left(struct walk *w)
{
	if (!(w->fn & 1) && w->fn != w->sn)
		return false;
	while (!(w->fn & 1) && w->fn != 0) {
		w->fn >>= 1;
		w->sn >>= 1;
	}
	return true;
}

static void walk_up(struct walk *w)
{
	w->fn >>= 1;
	w->sn >>= 1;
}

int merkle_verify_inclusion(const merkle_hash leaf, uint64_t index, uint64_t size,
			    const merkle_hash *proof, size_t n, const merkle_hash root)
{
	struct walk w = {index, size - 1};
	merkle_hash r;

	if (index >= size)
		return ERR_FORGED;
	memcpy(r, leaf, MERKLE_HASH);
	for (size_t i = 0; i < n; i++) {
		if (w.sn == 0)
			return ERR_FORGED;
		if (walk_left(&w))
			merkle_node(r, proof[i], r);
		else
			merkle_node(r, r, proof[i]);
		walk_up(&w);
	}
	return w.sn == 0 && memcmp(r, root, MERKLE_HASH) == 0 ? 0 : ERR_FORGED;
}

/* Both trees share the node fr = sr the walk starts at; hashes to its right are only in the new. */
static int verify_growth(struct walk w, const uint8_t *start, const merkle_hash *proof, size_t n,
			 const merkle_hash old_root, const merkle_hash root)
{
	merkle_hash fr, sr;

	memcpy(fr, start, MERKLE_HASH);
	memcpy(sr, start, MERKLE_HASH);
	for (size_t i = 0; i < n; i++) {
		if (w.sn == 0)
			return ERR_FORGED;
		if (walk_left(&w)) {
			merkle_node(fr, proof[i], fr);
			merkle_node(sr, proof[i], sr);
		} else {
			merkle_node(sr, sr, proof[i]);
		}
		walk_up(&w);
	}
	if (w.sn != 0 || memcmp(fr, old_root, MERKLE_HASH) != 0 ||
	    memcmp(sr, root, MERKLE_HASH) != 0)
		return ERR_FORGED;
	return 0;
}

int merkle_verify_consistency(uint64_t old_size, uint64_t size, const merkle_hash *proof, size_t n,
			      const merkle_hash old_root, const merkle_hash root)
{
	struct walk w = {old_size - 1, size - 1};

	if (old_size == 0 || old_size > size)
		return ERR_FORGED;
	if (old_size == size)
		return n == 0 && memcmp(old_root, root, MERKLE_HASH) == 0 ? 0 : ERR_FORGED;
	if (n == 0)
		return ERR_FORGED;
	while (w.fn & 1)
		walk_up(&w);
	/* A perfect old tree is a node of the new one: the walk starts at its root. */
	if ((old_size & (old_size - 1)) == 0)
		return verify_growth(w, old_root, proof, n, old_root, root);
	return verify_growth(w, proof[0], proof + 1, n - 1, old_root, root);
}
