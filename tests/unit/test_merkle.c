/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree against a naive one, written from the recursive definitions of RFC 9162 section 2.1, for
 * every size up to SIZES; and against the public vectors for inclusion and consistency.
 */
#include "crypto/merkle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "crypto/hash.h"
#include "crypto/text.h"
#include "tests/lib/fixture.h"

#define SIZES 300
#define LEVELS 10

/* ---- the naive tree ---- */

static merkle_hash leaves[SIZES];

static void make_leaves(void)
{
	for (unsigned i = 0; i < SIZES; i++) {
		uint8_t data[3] = {0xd0, (uint8_t)(i >> 8), (uint8_t)i};

		merkle_leaf(leaves[i], data, 1 + i % 3);
	}
}

/* MTH(D[lo:hi]), remembered: without, the test would take minutes. */
static void naive_root(merkle_hash out, unsigned lo, unsigned hi)
{
	static merkle_hash memo[SIZES + 1][SIZES + 1];
	static bool known[SIZES + 1][SIZES + 1];
	unsigned k = 1;
	merkle_hash l, r;

	if (!known[lo][hi]) {
		uint8_t input[1 + 2 * MERKLE_HASH] = {0x01};

		if (hi - lo == 1) {
			memcpy(memo[lo][hi], leaves[lo], MERKLE_HASH);
		} else {
			while (2 * k < hi - lo)
				k *= 2;
			naive_root(l, lo, lo + k);
			naive_root(r, lo + k, hi);
			memcpy(input + 1, l, MERKLE_HASH);
			memcpy(input + 1 + MERKLE_HASH, r, MERKLE_HASH);
			hash_sha256(memo[lo][hi], input, sizeof(input));
		}
		known[lo][hi] = true;
	}
	memcpy(out, memo[lo][hi], MERKLE_HASH);
}

/* PATH(m, D[lo:hi]); returns how many hashes. */
static size_t naive_path(merkle_hash *out, unsigned m, unsigned lo, unsigned hi)
{
	unsigned k = 1;
	size_t n;

	if (hi - lo == 1)
		return 0;
	while (2 * k < hi - lo)
		k *= 2;
	if (m < k) {
		n = naive_path(out, m, lo, lo + k);
		naive_root(out[n], lo + k, hi);
	} else {
		n = naive_path(out, m - k, lo + k, hi);
		naive_root(out[n], lo, lo + k);
	}
	return n + 1;
}

/* SUBPROOF(m, D[lo:hi], b) */
static size_t naive_subproof(merkle_hash *out, unsigned m, unsigned lo, unsigned hi, bool b)
{
	unsigned k = 1;
	size_t n;

	if (m == hi - lo) {
		if (!b)
			naive_root(out[0], lo, hi);
		return b ? 0 : 1;
	}
	while (2 * k < hi - lo)
		k *= 2;
	if (m <= k) {
		n = naive_subproof(out, m, lo, lo + k, b);
		naive_root(out[n], lo + k, hi);
	} else {
		n = naive_subproof(out, m - k, lo + k, hi, false);
		naive_root(out[n], lo, lo + k);
	}
	return n + 1;
}

/* ---- a store for the tree under test ---- */

struct store {
	merkle_hash h[LEVELS][SIZES];
	uint64_t count[LEVELS];
	unsigned emitted;
};

static void store_emit(void *ctx, unsigned level, uint64_t index, const merkle_hash h)
{
	struct store *s = ctx;

	assert_in_range(level, 0, LEVELS - 1);
	assert_int_equal(index, s->count[level]); /* from the left, each once */
	memcpy(s->h[level][index], h, MERKLE_HASH);
	s->count[level]++;
	s->emitted++;
}

static int store_read(void *ctx, unsigned level, uint64_t index, merkle_hash out)
{
	struct store *s = ctx;

	assert_in_range(level, 0, LEVELS - 1);
	assert_true(index < s->count[level]); /* only perfect subtrees are asked for */
	memcpy(out, s->h[level][index], MERKLE_HASH);
	return 0;
}

static struct store store;

static int setup(void **state)
{
	struct merkle_range r = {0};

	(void)state;
	make_leaves();
	for (unsigned i = 0; i < SIZES; i++)
		merkle_append(&r, leaves[i], store_emit, &store);
	return 0;
}

/* ---- tests ---- */

static void test_known_hashes(void **state)
{
	merkle_hash h;
	char hex[2 * MERKLE_HASH + 1];
	struct merkle_range r = {0};

	(void)state;
	merkle_root(h, &r);
	text_hex(hex, h, sizeof(h));
	assert_string_equal(hex,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_int_equal(merkle_root_at(h, 0, store_read, &store), 0);
	text_hex(hex, h, sizeof(h));
	assert_string_equal(hex,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	merkle_leaf(h, "", 0);
	text_hex(hex, h, sizeof(h));
	assert_string_equal(hex,
			    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

static void test_roots(void **state)
{
	struct merkle_range r = {0};
	merkle_hash want, got;

	(void)state;
	for (unsigned size = 1; size <= SIZES; size++) {
		merkle_append(&r, leaves[size - 1], NULL, NULL);
		assert_int_equal(r.size, size);
		naive_root(want, 0, size);
		merkle_root(got, &r);
		assert_memory_equal(got, want, MERKLE_HASH);
		assert_int_equal(merkle_root_at(got, size, store_read, &store), 0);
		assert_memory_equal(got, want, MERKLE_HASH);
	}
}

static void test_emitted(void **state)
{
	merkle_hash want;
	unsigned n = 0;

	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		assert_int_equal(store.count[level], SIZES >> level);
		for (unsigned i = 0; i < store.count[level]; i++, n++) {
			naive_root(want, i << level, (i + 1) << level);
			assert_memory_equal(store.h[level][i], want, MERKLE_HASH);
		}
	}
	assert_int_equal(n, store.emitted);
}

/* Every way of spoiling a good inclusion proof must spoil it. */
static void refuse_inclusion(unsigned index, unsigned size, merkle_hash *proof, size_t n,
			     const merkle_hash root)
{
	merkle_hash spoiled;

	memcpy(spoiled, leaves[index], MERKLE_HASH);
	spoiled[31] ^= 1;
	assert_int_equal(merkle_verify_inclusion(spoiled, index, size, proof, n, root), ERR_FORGED);
	memcpy(spoiled, root, MERKLE_HASH);
	spoiled[0] ^= 0x80;
	assert_int_equal(merkle_verify_inclusion(leaves[index], index, size, proof, n, spoiled),
			 ERR_FORGED);
	assert_int_equal(merkle_verify_inclusion(leaves[index], index ^ 1, size, proof, n, root),
			 ERR_FORGED);
	assert_int_equal(merkle_verify_inclusion(leaves[index], size, size, proof, n, root),
			 ERR_FORGED);
	assert_int_equal(merkle_verify_inclusion(leaves[index], index, 0, proof, n, root),
			 ERR_FORGED);
	memset(proof[n], 0, MERKLE_HASH);
	assert_int_equal(merkle_verify_inclusion(leaves[index], index, size, proof, n + 1, root),
			 ERR_FORGED);
	for (size_t i = 0; i < n; i++) {
		proof[i][i % MERKLE_HASH] ^= 4;
		assert_int_equal(merkle_verify_inclusion(leaves[index], index, size, proof, n,
							 root),
				 ERR_FORGED);
		proof[i][i % MERKLE_HASH] ^= 4;
	}
	if (n > 0)
		assert_int_equal(merkle_verify_inclusion(leaves[index], index, size, proof, n - 1,
							 root),
				 ERR_FORGED);
}

static void test_inclusion(void **state)
{
	merkle_hash want[MERKLE_PROOF_MAX], got[MERKLE_PROOF_MAX], root;
	size_t n, m;

	(void)state;
	for (unsigned size = 1; size <= SIZES; size++) {
		naive_root(root, 0, size);
		for (unsigned i = 0; i < size; i++) {
			n = naive_path(want, i, 0, size);
			assert_int_equal(merkle_inclusion(got, &m, i, size, store_read, &store), 0);
			assert_int_equal(m, n);
			if (n > 0)
				assert_memory_equal(got, want, n * MERKLE_HASH);
			assert_int_equal(merkle_verify_inclusion(leaves[i], i, size, got, m, root),
					 0);
			if (size <= 40 || i % 37 == 0)
				refuse_inclusion(i, size, got, m, root);
		}
	}
}

static void refuse_consistency(unsigned old, unsigned size, merkle_hash *proof, size_t n,
			       const merkle_hash old_root, const merkle_hash root)
{
	merkle_hash spoiled;

	memcpy(spoiled, root, MERKLE_HASH);
	spoiled[5] ^= 1;
	assert_int_equal(merkle_verify_consistency(old, size, proof, n, old_root, spoiled),
			 ERR_FORGED);
	memcpy(spoiled, old_root, MERKLE_HASH);
	spoiled[5] ^= 1;
	assert_int_equal(merkle_verify_consistency(old, size, proof, n, spoiled, root), ERR_FORGED);
	assert_int_equal(merkle_verify_consistency(0, size, proof, n, old_root, root), ERR_FORGED);
	assert_int_equal(merkle_verify_consistency(0, 0, proof, 0, root, root), ERR_FORGED);
	assert_int_equal(merkle_verify_consistency(size + 1, size, proof, n, old_root, root),
			 ERR_FORGED);
	memset(proof[n], 0, MERKLE_HASH);
	assert_int_equal(merkle_verify_consistency(old, size, proof, n + 1, old_root, root),
			 ERR_FORGED);
	for (size_t i = 0; i < n; i++) {
		proof[i][i % MERKLE_HASH] ^= 0x20;
		assert_int_equal(merkle_verify_consistency(old, size, proof, n, old_root, root),
				 ERR_FORGED);
		proof[i][i % MERKLE_HASH] ^= 0x20;
	}
	if (n > 0)
		assert_int_equal(merkle_verify_consistency(old, size, proof, n - 1, old_root, root),
				 ERR_FORGED);
	if (old != size) {
		assert_int_equal(merkle_verify_consistency(old, size, proof, 0, old_root, root),
				 ERR_FORGED);
		assert_int_equal(merkle_verify_consistency(old, size, proof, n, root, old_root),
				 ERR_FORGED);
	}
}

static void test_consistency(void **state)
{
	merkle_hash want[MERKLE_PROOF_MAX], got[MERKLE_PROOF_MAX], root, old_root;
	size_t n, m;

	(void)state;
	for (unsigned size = 1; size <= SIZES; size++) {
		naive_root(root, 0, size);
		for (unsigned old = 1; old <= size; old++) {
			naive_root(old_root, 0, old);
			n = naive_subproof(want, old, 0, size, true);
			assert_int_equal(merkle_consistency(got, &m, old, size, store_read, &store),
					 0);
			assert_int_equal(m, n);
			if (n > 0)
				assert_memory_equal(got, want, n * MERKLE_HASH);
			assert_int_equal(
				merkle_verify_consistency(old, size, got, m, old_root, root), 0);
			if (size <= 40 || old % 37 == 0)
				refuse_consistency(old, size, got, m, old_root, root);
		}
	}
}

/* The hash of (level, index) in a tree too large to make: any function of the two will do. */
static int far_read(void *ctx, unsigned level, uint64_t index, merkle_hash out)
{
	uint64_t key[2] = {level, index};

	(void)ctx;
	hash_sha256(out, key, sizeof(key));
	return 0;
}

/* Proofs of the largest trees fit; larger ones are refused. */
static void test_far(void **state)
{
	const uint64_t top = (uint64_t)1 << 63, size = top - 1;
	merkle_hash proof[MERKLE_PROOF_MAX], leaf, root;
	size_t n = 99;

	(void)state;
	assert_int_equal(merkle_inclusion(proof, &n, 0, top, far_read, NULL), 0);
	assert_int_equal(n, 63);
	assert_int_equal(merkle_consistency(proof, &n, size, top, far_read, NULL), 0);
	assert_int_equal(n, 64);
	/* The last leaf of an odd tree is a perfect subtree of its own: its path can be checked
	 * although the hashes that are read belong to no real tree. */
	far_read(NULL, 0, size - 1, leaf);
	assert_int_equal(merkle_root_at(root, size, far_read, NULL), 0);
	assert_int_equal(merkle_inclusion(proof, &n, size - 1, size, far_read, NULL), 0);
	assert_int_equal(n, 62);
	assert_int_equal(merkle_verify_inclusion(leaf, size - 1, size, proof, n, root), 0);
	assert_int_equal(merkle_verify_inclusion(leaf, size - 2, size, proof, n, root), ERR_FORGED);
	assert_int_equal(merkle_inclusion(proof, &n, 0, top + 1, far_read, NULL), ERR_USAGE);
	assert_int_equal(merkle_consistency(proof, &n, 1, UINT64_MAX, far_read, NULL), ERR_USAGE);
	assert_int_equal(n, 0);
}

static int no_read(void *ctx, unsigned level, uint64_t index, merkle_hash out)
{
	(void)ctx, (void)level, (void)index, (void)out;
	return ERR_INDEX;
}

static void test_bad_requests(void **state)
{
	merkle_hash proof[MERKLE_PROOF_MAX], root;
	size_t n = 99;

	(void)state;
	assert_int_equal(merkle_inclusion(proof, &n, 7, 7, store_read, &store), ERR_USAGE);
	assert_int_equal(n, 0);
	assert_int_equal(merkle_inclusion(proof, &n, 0, 0, store_read, &store), ERR_USAGE);
	assert_int_equal(merkle_consistency(proof, &n, 0, 7, store_read, &store), ERR_USAGE);
	assert_int_equal(merkle_consistency(proof, &n, 8, 7, store_read, &store), ERR_USAGE);
	assert_int_equal(merkle_inclusion(proof, &n, 3, 7, no_read, NULL), ERR_INDEX);
	assert_int_equal(n, 0);
	assert_int_equal(merkle_consistency(proof, &n, 3, 7, no_read, NULL), ERR_INDEX);
	assert_int_equal(merkle_root_at(root, 7, no_read, NULL), ERR_INDEX);
}

/* ---- public vectors ---- */

/* Vectors write placeholders of any length where a hash does not matter: zeros fill them up. False
 * for the empty string, which is no hash: our functions can't even be given that. */
static bool json_hash(merkle_hash out, const json_t *v)
{
	const char *text = json_string_value(v);

	assert_non_null(text);
	memset(out, 0, MERKLE_HASH);
	return text_unbase64((struct text_span){text, strlen(text)}, out, MERKLE_HASH) > 0;
}

static bool json_proof(merkle_hash *proof, size_t *n, const json_t *v)
{
	*n = json_array_size(v);
	assert_true(*n <= MERKLE_PROOF_MAX);
	for (size_t i = 0; i < *n; i++)
		if (!json_hash(proof[i], json_array_get(v, i)))
			return false;
	return true;
}

/* Numbers come as reals, since jansson's integers end at 2^63 - 1 and a vector asks for 2^64 - 1;
 * all others are small. */
static uint64_t json_u64(const json_t *root, const char *key)
{
	const json_t *v = json_object_get(root, key);

	assert_true(json_is_real(v));
	return json_real_value(v) < 1e9 ? (uint64_t)json_real_value(v) : UINT64_MAX;
}

static void check_vector(const char *path, const json_t *root, bool good)
{
	const json_t *want_err = json_object_get(root, "wantErr");

	assert_true(json_is_boolean(want_err));
	if (good == json_is_true(want_err))
		fail_msg("%s: %s, but the vector says otherwise", path,
			 good ? "accepted" : "refused");
}

static void inclusion_vector(const char *path, void *ctx)
{
	json_t *v = json_load_file(path, JSON_DECODE_INT_AS_REAL, NULL);
	merkle_hash proof[MERKLE_PROOF_MAX], leaf, root;
	size_t n;
	bool good;

	(void)ctx;
	assert_non_null(v);
	good = json_hash(leaf, json_object_get(v, "leafHash")) &&
	       json_hash(root, json_object_get(v, "root")) &&
	       json_proof(proof, &n, json_object_get(v, "proof")) &&
	       merkle_verify_inclusion(leaf, json_u64(v, "leafIdx"), json_u64(v, "treeSize"), proof,
				       n, root) == 0;
	check_vector(path, v, good);
	json_decref(v);
}

static void consistency_vector(const char *path, void *ctx)
{
	json_t *v = json_load_file(path, JSON_DECODE_INT_AS_REAL, NULL);
	merkle_hash proof[MERKLE_PROOF_MAX], old_root, root;
	size_t n;
	bool good;

	(void)ctx;
	assert_non_null(v);
	good = json_hash(old_root, json_object_get(v, "root1")) &&
	       json_hash(root, json_object_get(v, "root2")) &&
	       json_proof(proof, &n, json_object_get(v, "proof")) &&
	       merkle_verify_consistency(json_u64(v, "size1"), json_u64(v, "size2"), proof, n,
					 old_root, root) == 0;
	check_vector(path, v, good);
	json_decref(v);
}

static void test_inclusion_vectors(void **state)
{
	char dir[FIXTURE_PATH];

	(void)state;
	if (!fixture_vectors(dir, "rfc6962-merkle/inclusion"))
		skip();
	assert_int_equal(fixture_each(dir, ".json", inclusion_vector, NULL), 98);
}

static void test_consistency_vectors(void **state)
{
	char dir[FIXTURE_PATH];

	(void)state;
	if (!fixture_vectors(dir, "rfc6962-merkle/consistency"))
		skip();
	assert_int_equal(fixture_each(dir, ".json", consistency_vector, NULL), 98);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_hashes),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_emitted),
		cmocka_unit_test(test_inclusion),
		cmocka_unit_test(test_consistency),
		cmocka_unit_test(test_far),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_inclusion_vectors),
		cmocka_unit_test(test_consistency_vectors),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
