/* SPDX-License-Identifier: Apache-2.0 */
/* lineset: against an array of flags, for all sizes around the edges of words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "index/lineset.h"
#include "tests/lib/events.h"

#define MAX 300u

struct both {
	struct lineset s;
	bool has[MAX];
	uint64_t size;
};

static void check(const struct both *b)
{
	uint64_t at = 0, n = 0;

	for (uint64_t i = 0; i < b->size; i++) {
		if (!b->has[i])
			continue;
		assert_true(lineset_next(&b->s, &at));
		assert_int_equal(at, i);
		at++;
		n++;
	}
	assert_false(lineset_next(&b->s, &at));
	assert_int_equal(lineset_count(&b->s), n);
}

static void make(struct both *b, uint64_t size)
{
	memset(b, 0, sizeof(*b));
	b->size = size;
	assert_int_equal(lineset_init(&b->s, size), 0);
}

static void add(struct both *b, uint64_t i)
{
	lineset_add(&b->s, i);
	if (i < b->size)
		b->has[i] = true;
}

static void scatter(struct both *b, uint64_t *seed, unsigned n)
{
	while (n-- > 0)
		add(b, events_rnd(seed) % MAX);
}

static void test_ranges(void **state)
{
	static const uint64_t sizes[] = {0, 1, 63, 64, 65, 127, 128, 129, 256, 299};
	struct both b;

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		for (uint64_t from = 0; from < MAX; from += 7) {
			for (uint64_t to = from; to < MAX; to += 13) {
				make(&b, sizes[k]);
				lineset_add_range(&b.s, from, to);
				for (uint64_t i = from; i < to && i < b.size; i++)
					b.has[i] = true;
				check(&b);
				lineset_free(&b.s);
			}
		}
	}
}

static void test_bits_past_the_end(void **state)
{
	static const uint64_t all[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
	struct both b;

	(void)state;
	for (uint64_t size = 0; size <= 260; size++) {
		make(&b, size);
		lineset_add_bits(&b.s, 0, all, 4);
		for (uint64_t i = 0; i < size && i < 256; i++)
			b.has[i] = true;
		check(&b);
		lineset_free(&b.s);
	}
}

static void test_and(void **state)
{
	uint64_t seed = 11;

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		struct both a, b;

		make(&a, 200 + round);
		make(&b, 200 + round);
		scatter(&a, &seed, 150);
		scatter(&b, &seed, 150);
		lineset_and(&a.s, &b.s);
		for (uint64_t i = 0; i < a.size; i++)
			a.has[i] = a.has[i] && b.has[i];
		check(&a);
		lineset_free(&a.s);
		lineset_free(&b.s);
	}
}

static void test_keep_last(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (uint64_t n = 0; n < 120; n++) {
		struct both b;
		uint64_t kept = 0;

		make(&b, 290);
		scatter(&b, &seed, 100);
		lineset_keep_last(&b.s, n);
		for (uint64_t i = b.size; i-- > 0;)
			b.has[i] = b.has[i] && kept++ < n;
		check(&b);
		lineset_free(&b.s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_bits_past_the_end),
		cmocka_unit_test(test_and),
		cmocka_unit_test(test_keep_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
