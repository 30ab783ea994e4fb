/* SPDX-License-Identifier: Apache-2.0 */
/* pending: against a naive list, through several rounds of use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crypto/err.h"
#include "index/pending.h"
#include "tests/lib/fixture.h"

#define KEYS 700

/* What should be there: one entry for each of KEYS keys, in key order. */
struct model {
	bool known, del;
	uint8_t value[300];
	size_t n;
};

/* Key i of KEYS, in order: two tables, lengths that make one key the start of another. */
static struct key key_of(unsigned i, enum key_table *table)
{
	struct key k = {.n = 2 + i % 3 * 9};

	*table = i < KEYS / 2 ? KEY_NAME : KEY_EVENT;
	k.b[0] = (uint8_t)(i / 3 >> 8);
	k.b[1] = (uint8_t)(i / 3);
	return k;
}

static void check(struct pending *p, const struct model *m)
{
	size_t at = 0;

	assert_int_equal(pending_sort(p), 0);
	for (unsigned i = 0; i < KEYS; i++) {
		enum key_table table;
		struct key k = key_of(i, &table);
		const struct pending_op *op = pending_find(p, table, k);

		if (!m[i].known) {
			assert_null(op);
			continue;
		}
		assert_non_null(op);
		assert_ptr_equal(op, pending_at(p, at++));
		assert_int_equal(op->table, table);
		assert_int_equal(op->klen, k.n);
		assert_memory_equal(op->key, k.b, k.n);
		assert_int_equal(op->del, m[i].del);
		if (m[i].del)
			continue;
		assert_int_equal(op->n, m[i].n);
		assert_memory_equal(op->value, m[i].value, m[i].n);
	}
	assert_int_equal(pending_count(p), at);
}

static void test_model(void **state)
{
	struct model *m = calloc(KEYS, sizeof(*m));
	struct pending *p;
	uint32_t rnd[3];

	(void)state;
	assert_int_equal(pending_new(&p), 0);
	for (unsigned round = 0; round < 4; round++) {
		memset(m, 0, KEYS * sizeof(*m));
		for (unsigned step = 0; step < 3000; step++) {
			enum key_table table;
			struct model *x;
			struct key k;

			fixture_fill(rnd, sizeof(rnd), round * 100000 + step);
			x = &m[rnd[0] % KEYS];
			k = key_of(rnd[0] % KEYS, &table);
			x->known = true;
			x->del = rnd[1] % 4 == 0;
			if (x->del) {
				assert_int_equal(pending_del(p, table, k), 0);
				continue;
			}
			x->n = rnd[2] % sizeof(x->value);
			fixture_fill(x->value, x->n, step);
			assert_int_equal(pending_put(p, table, k, x->value, x->n), 0);
		}
		check(p, m);
		pending_reset(p);
		assert_int_equal(pending_count(p), 0);
		memset(m, 0, KEYS * sizeof(*m));
		check(p, m);
	}
	pending_free(p);
	free(m);
}

/* Values larger than a block, which come and go. */
static void test_big(void **state)
{
	static const size_t sizes[] = {0, 1, 32768, 32769, 262144, 262145, 3000000};
	const size_t count = sizeof(sizes) / sizeof(sizes[0]);
	uint8_t *bytes = malloc(3000000);
	struct pending *p;

	(void)state;
	fixture_fill(bytes, 3000000, 7);
	assert_int_equal(pending_new(&p), 0);
	for (unsigned round = 0; round < 3; round++) {
		size_t total = 0;

		for (unsigned i = 0; i < count; i++) {
			assert_int_equal(pending_put(p, KEY_META, key_ino(i), bytes, sizes[i]), 0);
			total += sizes[i];
		}
		assert_true(pending_bytes(p) >= total);
		for (unsigned i = 0; i < count; i++) {
			const struct pending_op *op = pending_find(p, KEY_META, key_ino(i));

			assert_non_null(op);
			assert_int_equal(op->n, sizes[i]);
			assert_memory_equal(op->value, bytes, sizes[i]);
		}
		pending_reset(p);
		assert_true(pending_bytes(p) < 1000000);
	}
	assert_int_equal(pending_put(p, KEY_META, key_u8(1), bytes, (size_t)UINT32_MAX + 1),
			 ERR_USAGE);
	assert_int_equal(pending_count(p), 0);
	pending_free(p);
	pending_free(NULL);
	free(bytes);
}

/* Enough to make every table grow a few times. */
static void test_many(void **state)
{
	const uint64_t n = 50000;
	struct pending *p;

	(void)state;
	assert_int_equal(pending_new(&p), 0);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t v = i * 0x9e3779b97f4a7c15;

		assert_int_equal(pending_put(p, KEY_OBJECT, key_ino(v), &i, sizeof(i)), 0);
	}
	assert_int_equal(pending_count(p), n);
	for (uint64_t i = 0; i < n; i++) {
		const struct pending_op *op = pending_find(p, KEY_OBJECT,
							   key_ino(i * 0x9e3779b97f4a7c15));

		assert_non_null(op);
		assert_memory_equal(op->value, &i, sizeof(i));
		assert_null(pending_find(p, KEY_NAME, key_ino(i * 0x9e3779b97f4a7c15)));
	}
	assert_int_equal(pending_sort(p), 0);
	for (size_t i = 1; i < n; i++)
		assert_true(memcmp(pending_at(p, i - 1)->key, pending_at(p, i)->key, 8) < 0);
	pending_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
