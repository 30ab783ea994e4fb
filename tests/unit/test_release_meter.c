// SPDX-License-Identifier: Apache-2.0
/* release_meter: what the log says and what it can't know yet, added up to the same sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/err.h"
#include "fs/release_meter.h"

static void used(struct release_meter *m, uint64_t opens, uint64_t bytes)
{
	uint64_t o, b;

	release_meter_used(m, &o, &b);
	assert_int_equal(o, opens);
	assert_int_equal(b, bytes);
}

static void logged(struct release_meter *m, enum event_type type, uint64_t handle, uint64_t seq)
{
	const struct event ev = {.type = type, .handle = handle, .seq = seq};

	release_meter_logged(m, &ev);
}

/* Whatever of our own the log has by now, the sum is the same. */
static void test_own(void **state)
{
	struct release_meter m;

	(void)state;
	release_meter_init(&m, 5, 1000, 1, 100);
	assert_int_equal(release_meter_open(&m, 7, 300), 0);
	assert_int_equal(release_meter_bytes(&m, 7, 50), 0);
	used(&m, 2, 150);
	release_meter_note(&m, 10, 1, 100); /* on its way to the log */
	used(&m, 2, 150);
	logged(&m, EVENT_OPENED, 7, 10);
	release_meter_note(&m, 10, 1, 100); /* there, behind what was read */
	used(&m, 2, 150);
	release_meter_note(&m, 11, 2, 400); /* read: the log says it is open, and whole */
	used(&m, 2, 150);
	assert_int_equal(release_meter_bytes(&m, 7, 50), 0);
	logged(&m, EVENT_CLOSED, 7, 12);
	release_meter_note(&m, 12, 2, 400);
	used(&m, 2, 200);
	release_meter_note(&m, 13, 2, 200); /* the log says what was read */
	used(&m, 2, 200);
	assert_int_equal(release_meter_bytes(&m, 7, 1), ERR_NOTFOUND);
	release_meter_free(&m);
}

static void test_others(void **state)
{
	struct release_meter m;

	(void)state;
	release_meter_init(&m, 3, 1000, 0, 0);
	assert_int_equal(release_meter_open(&m, 1, 500), 0);
	/* Two opens of others, and one of theirs is of 600 bytes that may all have been read. */
	release_meter_note(&m, 5, 2, 600);
	used(&m, 3, 600);
	assert_int_equal(release_meter_over(&m), 0);
	assert_int_equal(release_meter_open(&m, 65, 1), ERR_BUDGET);
	assert_int_equal(release_meter_bytes(&m, 1, 401), ERR_BUDGET);
	assert_int_equal(release_meter_bytes(&m, 1, 400), 0);
	release_meter_note(&m, 6, 3, 600);
	assert_int_equal(release_meter_over(&m), ERR_BUDGET);
	release_meter_cancel(&m, 1);
	used(&m, 3, 600);
	assert_int_equal(release_meter_over(&m), 0);
	release_meter_cancel(&m, 1); /* is gone */
	used(&m, 3, 600);
	release_meter_free(&m);
}

/* Handles that share a bucket, and an item that was read more than once. */
static void test_many(void **state)
{
	struct release_meter m;

	(void)state;
	release_meter_init(&m, 0, 10000, 0, 0);
	for (uint64_t h = 1; h <= 200; h++) {
		assert_int_equal(release_meter_open(&m, h, 10), 0);
		assert_int_equal(release_meter_bytes(&m, h, 6), 0);
		assert_int_equal(release_meter_bytes(&m, h, 6), 0); /* some of it again */
		logged(&m, EVENT_OPENED, h, h);
	}
	used(&m, 200, 2000);
	release_meter_note(&m, 101, 100, 1000);
	used(&m, 200, 2000);
	for (uint64_t h = 1; h <= 200; h += 2)
		logged(&m, EVENT_CLOSED, h, 200 + h);
	release_meter_note(&m, 500, 200, 200 * 10);
	used(&m, 200, 2000);
	for (uint64_t h = 1; h <= 200; h++)
		assert_int_equal(release_meter_bytes(&m, h, 1), h % 2 ? ERR_NOTFOUND : 0);
	release_meter_free(&m);
}

/* A log that says more than numbers can hold, and one that says less than there is. */
static void test_bounds(void **state)
{
	struct release_meter m;

	(void)state;
	release_meter_init(&m, 0, 1000, UINT64_MAX, UINT64_MAX);
	assert_int_equal(release_meter_open(&m, 1, 10), 0);
	used(&m, UINT64_MAX, UINT64_MAX);
	assert_int_equal(release_meter_bytes(&m, 1, 0), ERR_BUDGET);
	logged(&m, EVENT_OPENED, 1, 3);
	release_meter_note(&m, 4, UINT64_MAX, UINT64_MAX);
	used(&m, UINT64_MAX, UINT64_MAX);
	release_meter_note(&m, 4, 1, 3);
	used(&m, 1, 0);
	release_meter_free(&m);
	release_meter_init(&m, 0, 0, 0, 0);
	assert_int_equal(release_meter_open(&m, 1, 10), 0);
	assert_int_equal(release_meter_bytes(&m, 2, UINT64_MAX), 0);
	release_meter_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
