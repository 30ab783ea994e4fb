/* SPDX-License-Identifier: Apache-2.0 */
/* db_trim: what was read goes from resident memory, and is read again as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "index/db.h"
#include "tests/lib/place.h"

enum { VALUES = 4000, SIZE = 4000, SLACK = 1 << 20 /* the kernel counts roughly */ };

/* Bytes of files in resident memory. */
static uint64_t mapped(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long size, resident, shared;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu %lu", &size, &resident, &shared), 3);
	fclose(f);
	return (uint64_t)shared * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void fill(struct place *p)
{
	struct db_batch *b;
	uint8_t v[SIZE];

	assert_int_equal(db_batch_new(&b, p->db, NULL), 0);
	for (unsigned i = 0; i < VALUES; i++) {
		fixture_fill(v, SIZE, i);
		assert_int_equal(db_batch_put(b, KEY_NAME, key_name(1, i), v, SIZE), 0);
	}
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
}

static void read_all(struct db_txn *t)
{
	struct wire_out v = {0};
	uint8_t want[SIZE];

	for (unsigned i = 0; i < VALUES; i++) {
		wire_out_reset(&v);
		assert_int_equal(db_get(t, KEY_NAME, key_name(1, i), &v, NULL), 0);
		fixture_fill(want, SIZE, i);
		assert_int_equal(v.n, SIZE);
		assert_memory_equal(v.p, want, SIZE);
	}
	wire_out_free(&v);
}

static void test_trim(void **state)
{
	struct place *p = *state;
	struct db_txn *t;
	uint64_t full, kept;

	fill(p);
	assert_int_equal(db_begin(&t, p->db, false, NULL), 0);
	read_all(t);
	full = mapped();
	db_trim(t, full + SLACK); /* no more than it may be */
	assert_true(mapped() + SLACK > full);
	db_trim(t, full - SLACK);
	kept = mapped();
	assert_true(kept + VALUES * SIZE / 2 < full);
	read_all(t);
	assert_true(mapped() > kept + VALUES * SIZE / 2);
	db_abort(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST_OPEN(test_trim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
