/* SPDX-License-Identifier: Apache-2.0 */
/* tree: against RFC 6962 written down naively, for all small sizes and around the tile edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "index/tree.h"
#include "tests/lib/place.h"

static uint32_t rnd(uint32_t seed, uint32_t below)
{
	uint32_t v;

	fixture_fill(&v, sizeof(v), seed);
	return v % below;
}

/* Line seq of a journal: its leaf hash, and its length, which is short, long, or anything. */
static void leaf_of(merkle_hash h, uint32_t journal, uint64_t seq)
{
	const uint64_t data[2] = {journal, seq};

	merkle_leaf(h, data, sizeof(data));
}

static uint32_t length_of(uint64_t seq)
{
	if (seq % 300 == 0)
		return 65534;
	return seq % 7 == 0 ? 0 : rnd((uint32_t)seq, 9000);
}

/* MTH(D[first:first+n]) of RFC 6962, section 2.1, as it is written there. */
static void naive(merkle_hash out, uint32_t journal, uint64_t first, uint64_t n)
{
	merkle_hash left, right;
	uint64_t k = 1;

	if (n == 1) {
		leaf_of(out, journal, first);
		return;
	}
	while (k * 2 < n)
		k *= 2;
	naive(left, journal, first, k);
	naive(right, journal, first + k, n - k);
	merkle_node(out, left, right);
}

static struct tree_writer *writer(struct place *p, uint32_t journal, const struct tree_state *s)
{
	struct db_txn *t = place_begin(p);
	struct tree_writer *w;
	struct err e = {0};

	if (tree_writer_new(&w, t, journal, s, &e))
		fail_msg("tree_writer_new: %s", e.text);
	db_abort(t);
	return w;
}

static void append(struct tree_writer *w, struct db_batch *b, uint32_t journal, uint64_t seq)
{
	merkle_hash leaf;

	leaf_of(leaf, journal, seq);
	assert_int_equal(tree_append(w, b, leaf, length_of(seq)), 0);
}

/* Every subtree, line and proof of the first `size` lines. */
static void check(struct place *p, uint32_t journal, uint64_t size)
{
	struct tree_reader r = {.txn = place_begin(p), .journal = journal, .size = size};
	merkle_hash want, got, proof[MERKLE_PROOF_MAX], old;
	uint64_t off, at = 0;
	uint32_t len;
	size_t n;

	for (unsigned level = 0; level < 64; level++) {
		const uint64_t count = size >> level, step = count / 40 + 1;

		for (uint64_t i = 0; i < count; i += step) {
			naive(want, journal, i << level, UINT64_C(1) << level);
			assert_int_equal(tree_read(&r, level, i, got), 0);
			assert_memory_equal(got, want, sizeof(got));
		}
		assert_int_equal(tree_read(&r, level, count, got), ERR_INDEX);
		assert_int_equal(tree_read(&r, level, UINT64_MAX, got), ERR_INDEX);
	}
	assert_int_equal(tree_read(&r, 64, 0, got), ERR_INDEX);
	for (uint64_t seq = 0; seq < size; seq++) {
		if (seq % (size / 200 + 1) == 0 || seq + 1 == size) {
			assert_int_equal(tree_line(&r, seq, &off, &len), 0);
			assert_true(off == at && len == length_of(seq));
		}
		at += length_of(seq) + 1;
	}
	assert_int_equal(tree_line(&r, size, &off, &len), ERR_INDEX);
	assert_int_equal(tree_line(&r, UINT64_MAX, &off, &len), ERR_INDEX);
	if (size > 0)
		naive(want, journal, 0, size);
	for (uint64_t seq = 0; seq < size; seq += size / 10 + 1) {
		leaf_of(got, journal, seq);
		assert_int_equal(merkle_inclusion(proof, &n, seq, size, tree_read, &r), 0);
		assert_int_equal(merkle_verify_inclusion(got, seq, size, proof, n, want), 0);
		naive(old, journal, 0, seq + 1);
		assert_int_equal(merkle_consistency(proof, &n, seq + 1, size, tree_read, &r), 0);
		assert_int_equal(merkle_verify_consistency(seq + 1, size, proof, n, old, want), 0);
	}
	db_abort(r.txn);
}

static void check_state(const struct tree_writer *w, uint32_t journal, uint64_t size)
{
	const struct tree_state *s = tree_writer_state(w);
	merkle_hash want, got;
	uint64_t bytes = 0;

	assert_int_equal(s->range.size, size);
	for (uint64_t i = 0; i < size; i++)
		bytes += length_of(i) + 1;
	assert_int_equal(s->bytes, bytes);
	if (size == 0)
		return;
	naive(want, journal, 0, size);
	merkle_root(got, &s->range);
	assert_memory_equal(got, want, sizeof(got));
}

/* All sizes to 600, with flushes, applies and new writers in between. */
static void test_all_sizes(void **state)
{
	struct place *p = *state;
	struct tree_state s = {.bytes = 0};
	struct db_batch *b;
	struct tree_writer *w;

	b = place_batch(p);
	w = writer(p, 1, &s);
	check(p, 1, 0);
	for (uint64_t size = 1; size <= 600; size++) {
		const uint32_t dice = rnd((uint32_t)size + 5000, 100);

		append(w, b, 1, size - 1);
		if (dice < 40)
			assert_int_equal(tree_flush(w, b), 0);
		if (dice >= 30 && size % 256 != 255 && size % 256 > 1)
			continue;
		assert_int_equal(tree_flush(w, b), 0);
		assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
		check_state(w, 1, size);
		check(p, 1, size);
		/* A reader of an older state. */
		check(p, 1, rnd((uint32_t)size, (uint32_t)size));
		if (dice % 3 == 0) {
			s = *tree_writer_state(w);
			tree_writer_free(w);
			w = writer(p, 1, &s);
			check_state(w, 1, size);
		}
	}
	tree_writer_free(w);
	tree_writer_free(NULL);
	db_batch_free(b);
}

/* Past 65,536: a full tile of the second level, and a first one of the third. */
static void test_large(void **state)
{
	static const uint64_t stops[] = {65280, 65535, 65536, 65537, 65792, 70000};
	struct place *p = *state;
	struct tree_state s = {.bytes = 0};
	struct db_batch *b;
	uint64_t size = 0;

	b = place_batch(p);
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		struct tree_writer *w = writer(p, 3, &s);
		struct tree_reader r = {.journal = 3, .size = stops[i]};
		merkle_hash want, got;

		while (size < stops[i])
			append(w, b, 3, size++);
		assert_int_equal(tree_flush(w, b), 0);
		assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
		s = *tree_writer_state(w);
		tree_writer_free(w);
		naive(want, 3, 0, size);
		r.txn = place_begin(p);
		assert_int_equal(merkle_root_at(got, size, tree_read, &r), 0);
		assert_memory_equal(got, want, sizeof(got));
		db_abort(r.txn);
	}
	check(p, 3, size);
	db_batch_free(b);
}

/* Two journals in one batch. */
static void test_two(void **state)
{
	struct place *p = *state;
	struct tree_state s = {.bytes = 0};
	struct tree_writer *a = writer(p, 1, &s), *z = writer(p, UINT32_MAX, &s);
	struct db_batch *b;

	b = place_batch(p);
	for (uint64_t i = 0; i < 300; i++) {
		append(a, b, 1, i);
		if (i < 270)
			append(z, b, UINT32_MAX, i);
	}
	assert_int_equal(tree_flush(a, b), 0);
	assert_int_equal(tree_flush(z, b), 0);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	check(p, 1, 300);
	check(p, UINT32_MAX, 270);
	tree_writer_free(a);
	tree_writer_free(z);
	db_batch_free(b);
}

static void refuse_writer(struct place *p, const struct tree_state *s)
{
	struct db_txn *t = place_begin(p);
	struct tree_writer *w;
	struct err e = {0};

	assert_int_equal(tree_writer_new(&w, t, 1, s, &e), ERR_INDEX);
	assert_null(w);
	assert_int_equal(e.code, ERR_INDEX);
	db_abort(t);
}

/* States that are not those of the stored tree. */
static void test_wrong_state(void **state)
{
	struct place *p = *state;
	struct tree_state good = {.bytes = 0}, bad;
	struct tree_writer *w = writer(p, 1, &good);
	struct db_batch *b;
	merkle_hash leaf = {0};

	b = place_batch(p);
	for (uint64_t i = 0; i < 1000; i++)
		append(w, b, 1, i);
	assert_int_equal(tree_append(w, b, leaf, 65535), ERR_USAGE);
	assert_int_equal(tree_flush(w, b), 0);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	good = *tree_writer_state(w);
	tree_writer_free(w);
	/* 1000 = 1111101000b: six peaks, the first two from the second level of tiles. */
	for (unsigned i = 0; i < 6; i++) {
		bad = good;
		bad.range.peak[i][31] ^= 1;
		refuse_writer(p, &bad);
	}
	bad = good;
	bad.bytes++;
	refuse_writer(p, &bad);
	bad = good;
	bad.range.size = 1001;
	refuse_writer(p, &bad);
	bad.range.size = 5000;
	refuse_writer(p, &bad);
	bad.range.size = UINT64_MAX;
	refuse_writer(p, &bad);
	tree_writer_free(writer(p, 1, &good));
	db_batch_free(b);
}

/* Values that opened well and are nonsense, or are not there. */
static void test_bad_values(void **state)
{
	static const size_t sizes[] = {0, 1, 7, 8, 31, 32, 33, 100, 32 * 257};
	struct place *p = *state;
	struct tree_state s = {.bytes = 0};
	struct tree_writer *w = writer(p, 1, &s);
	uint8_t *junk = calloc(1, 32 * 257);
	struct db_batch *b;
	merkle_hash h;
	uint64_t off;
	uint32_t len;

	b = place_batch(p);
	for (uint64_t i = 0; i < 10; i++)
		append(w, b, 1, i);
	assert_int_equal(tree_flush(w, b), 0);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	s = *tree_writer_state(w);
	tree_writer_free(w);
	for (size_t i = 0; i <= sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct tree_reader r = {.journal = 1, .size = 10};

		if (i == 0) {
			db_batch_del(b, KEY_TILE, key_tile(1, 0, 0));
			db_batch_del(b, KEY_LINE, key_line(1, 0));
		} else {
			db_batch_put(b, KEY_TILE, key_tile(1, 0, 0), junk, sizes[i - 1]);
			db_batch_put(b, KEY_LINE, key_line(1, 0), junk, sizes[i - 1]);
		}
		assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
		r.txn = place_begin(p);
		assert_int_equal(tree_read(&r, 0, 5, h), ERR_INDEX);
		/* 100 bytes are a count of lines that can be. */
		assert_int_equal(tree_line(&r, 5, &off, &len),
				 i > 0 && (sizes[i - 1] == 32 || sizes[i - 1] == 100) ? 0 :
											ERR_INDEX);
		db_abort(r.txn);
		refuse_writer(p, &s);
	}
	db_batch_free(b);
	free(junk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST_OPEN(test_all_sizes),  PLACE_TEST_OPEN(test_large),
		PLACE_TEST_OPEN(test_two),	  PLACE_TEST_OPEN(test_wrong_state),
		PLACE_TEST_OPEN(test_bad_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
