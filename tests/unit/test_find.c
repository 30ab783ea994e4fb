/* SPDX-License-Identifier: Apache-2.0 */
/* find: lines by digest, and nothing of a digest in what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "index/find.h"
#include "tests/lib/events.h"
#include "tests/lib/place.h"

#define ITEMS 900u

static void digest(uint8_t out[32], unsigned i)
{
	fixture_fill(out, 32, i + 1);
}

static void put(struct place *p, struct find_writer *w, struct db_batch *b, struct db_txn *t,
		uint32_t journal, uint64_t seq, unsigned i)
{
	uint8_t d[32];

	digest(d, i);
	assert_int_equal(find_put(w, b, t, db_name_key(p->db), journal, seq, d, NULL), 0);
}

static void apply(struct find_writer *w, struct db_batch *b, struct db_txn *t)
{
	assert_int_equal(find_flush(w, b, NULL), 0);
	db_abort(t);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
}

struct hits {
	unsigned n;
	size_t i[8];
	uint32_t journal[8];
	uint64_t seq[8];
};

static int note(void *ctx, size_t i, uint32_t journal, uint64_t seq)
{
	struct hits *h = ctx;

	assert_true(h->n < 8);
	h->i[h->n] = i;
	h->journal[h->n] = journal;
	h->seq[h->n++] = seq;
	return 0;
}

static void search(struct place *p, const uint8_t (*d)[32], size_t n, struct hits *h)
{
	struct db_txn *t = place_begin(p);

	memset(h, 0, sizeof(*h));
	assert_int_equal(find_each(t, d, n, note, h, NULL), 0);
	db_abort(t);
}

/* Items on every third line of one journal, backwards, in two batches; one again in another. */
static void fill(struct place *p)
{
	struct find_writer w = {0};
	struct db_txn *t = place_begin(p);
	struct db_batch *b = place_batch(p);

	for (unsigned i = ITEMS; i-- > ITEMS / 2;)
		put(p, &w, b, t, 3, 3 * (uint64_t)i, i);
	apply(&w, b, t);
	t = place_begin(p);
	b = place_batch(p);
	for (unsigned i = ITEMS / 2; i-- > 0;)
		put(p, &w, b, t, 3, 3 * (uint64_t)i, i);
	put(p, &w, b, t, 0, 5, 100);
	apply(&w, b, t);
}

static void test_each_is_found(void **state)
{
	struct place *p = *state;
	struct hits h;
	uint8_t d[1][32];

	fill(p);
	for (unsigned i = 0; i < ITEMS; i++) {
		digest(d[0], i);
		search(p, (const uint8_t(*)[32])d, 1, &h);
		assert_int_equal(h.n, i == 100 ? 2 : 1);
		assert_int_equal(h.journal[h.n - 1], 3);
		assert_int_equal(h.seq[h.n - 1], 3 * i);
	}
	digest(d[0], ITEMS);
	search(p, (const uint8_t(*)[32])d, 1, &h);
	assert_int_equal(h.n, 0);
}

static void test_many_at_once(void **state)
{
	struct place *p = *state;
	uint8_t d[4][32];
	struct hits h;

	fill(p);
	digest(d[0], 7);
	digest(d[1], ITEMS + 5);
	digest(d[2], 100);
	digest(d[3], 7); /* the same file twice */
	search(p, (const uint8_t(*)[32])d, 4, &h);
	assert_int_equal(h.n, 4);
	for (unsigned i = 0; i < h.n; i++)
		assert_int_not_equal(h.i[i], 1);
	search(p, (const uint8_t(*)[32])d, 0, &h);
	assert_int_equal(h.n, 0);
}

/* A batch that was dropped leaves nothing, and a tile that does not decode is damage. */
static void test_reset_and_damage(void **state)
{
	struct place *p = *state;
	struct find_writer w = {0};
	struct db_txn *t = place_begin(p);
	struct db_batch *b = place_batch(p);
	uint8_t d[1][32];
	struct hits h;

	put(p, &w, b, t, 0, 1, 1);
	find_reset(&w);
	put(p, &w, b, t, 0, 2, 2);
	apply(&w, b, t);
	digest(d[0], 1);
	search(p, (const uint8_t(*)[32])d, 1, &h);
	assert_int_equal(h.n, 0);
	b = place_batch(p);
	assert_int_equal(db_batch_put(b, KEY_FIND, key_line(0, 0), "short", 5), 0);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
	t = place_begin(p);
	b = place_batch(p);
	assert_int_equal(find_each(t, (const uint8_t(*)[32])d, 1, note, &h, NULL), ERR_INDEX);
	assert_int_equal(find_put(&w, b, t, db_name_key(p->db), 0, 3, d[0], NULL), ERR_INDEX);
	db_abort(t);
	db_batch_free(b);
}

/* Two indexes of the same items have nothing in common that a digest could be looked up by. */
static void test_keyed(void **state)
{
	uint8_t d[32], one[32] = {1}, two[32] = {2};

	(void)state;
	digest(d, 1);
	assert_int_not_equal(key_blind(one, d), key_blind(two, d));
	assert_int_not_equal(key_blind(one, d), wire_get64(d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST_OPEN(test_each_is_found),
		PLACE_TEST_OPEN(test_many_at_once),
		PLACE_TEST_OPEN(test_reset_and_damage),
		cmocka_unit_test(test_keyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
