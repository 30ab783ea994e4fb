/* SPDX-License-Identifier: Apache-2.0 */
/* chunk: the arithmetic against a loop that looks at every byte, and at its far edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/chunk.h"

enum { TAG = 16 };

static void test_ok(void **state)
{
	(void)state;
	for (uint32_t size = 1; size; size <<= 1) {
		struct chunk_map m = {0, size, TAG};

		assert_int_equal(chunk_map_ok(m), size >= 4096 && size <= 1048576);
		m.size = size + 1;
		assert_int_equal(chunk_map_ok(m), size + 1 == 4096);
		m.size = size - 1;
		assert_false(chunk_map_ok(m));
	}
	assert_false(chunk_map_ok((struct chunk_map){0, UINT32_MAX, TAG}));
	assert_false(chunk_map_ok((struct chunk_map){0, 4096 + 8192, TAG}));
	assert_true(chunk_map_ok((struct chunk_map){CHUNK_PLAIN_MAX, 4096, TAG}));
	assert_false(chunk_map_ok((struct chunk_map){CHUNK_PLAIN_MAX + 1, 4096, TAG}));
	assert_false(chunk_map_ok((struct chunk_map){UINT64_MAX, 4096, TAG}));
	assert_true(chunk_map_ok((struct chunk_map){1, CHUNK_SIZE_DEFAULT, TAG}));
	assert_true(chunk_map_ok((struct chunk_map){1, 4096, 32}));
	assert_false(chunk_map_ok((struct chunk_map){1, 4096, 33}));
	assert_false(chunk_map_ok((struct chunk_map){1, 4096, 0}));
}

/* The content laid out chunk by chunk, as a reader of the format would write it down. */
struct layout {
	uint64_t count, stored;
	uint64_t offset[64];
	uint32_t len[64];
};

static void lay_out(struct layout *l, struct chunk_map m)
{
	uint64_t left = m.plain;

	*l = (struct layout){0};
	do {
		uint32_t n = left < m.size ? (uint32_t)left : m.size;

		assert_true(l->count < 64);
		l->offset[l->count] = l->stored;
		l->len[l->count] = n;
		l->stored += n + m.tag;
		l->count++;
		left -= n;
	} while (left);
}

static void check_layout(struct chunk_map m)
{
	struct chunk_map back = {.size = m.size, .tag = m.tag};
	struct layout l;

	lay_out(&l, m);
	assert_true(chunk_count(m) == l.count);
	assert_true(chunk_stored(m) == l.stored);
	assert_true(chunk_unstored(&back, l.stored));
	assert_true(back.plain == m.plain);
	for (uint64_t i = 0; i < l.count; i++) {
		assert_true(chunk_offset(m, i) == l.offset[i]);
		assert_true(chunk_plain_len(m, i) == l.len[i]);
	}
}

/* Which chunks a range touches, by looking at each of its bytes. */
static void check_range(struct chunk_map m, uint64_t off, uint64_t len)
{
	struct chunk_range r = chunk_range(m, off, len);
	uint64_t n = 0, first = 0, last = 0;
	struct layout l;

	lay_out(&l, m);
	for (uint64_t b = off; b < m.plain && b - off < len; b++) {
		if (n == 0)
			first = b / m.size;
		last = b / m.size;
		n++;
	}
	assert_true(r.len == n);
	if (n == 0) {
		assert_true(r.count == 0 && r.stored_len == 0);
		return;
	}
	assert_true(r.first == first);
	assert_true(r.count == last - first + 1);
	assert_true(r.stored_off == l.offset[first]);
	assert_true(r.stored_len == l.offset[last] + l.len[last] + m.tag - l.offset[first]);
	assert_true(r.skip == off - first * m.size);
}

/* Chunks of a few bytes are not allowed in a file, but the arithmetic is the same. */
static void test_small_model(void **state)
{
	(void)state;
	for (uint32_t size = 1; size <= 8; size *= 2)
		for (uint64_t plain = 0; plain <= 26; plain++) {
			struct chunk_map m = {plain, size, plain % 2 ? 16 : 32};

			check_layout(m);
			for (uint64_t off = 0; off <= plain + 2; off++)
				for (uint64_t len = 0; len <= plain + 2; len++)
					check_range(m, off, len);
		}
}

static void test_real_sizes(void **state)
{
	static const uint64_t near[] = {0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 12288, 12289};
	enum { N = sizeof(near) / sizeof(near[0]) };

	(void)state;
	for (size_t p = 0; p < N; p++) {
		struct chunk_map m = {near[p], 4096, p % 2 ? 16 : 32};

		check_layout(m);
		for (size_t o = 0; o < N; o++)
			for (size_t l = 0; l < N; l++)
				check_range(m, near[o], near[l]);
	}
	check_layout((struct chunk_map){(UINT64_C(1) << 20) * 3 + 1, 1u << 20, TAG});
}

static void test_empty(void **state)
{
	const struct chunk_map m = {0, 16384, TAG};
	struct chunk_range r;

	(void)state;
	assert_true(chunk_count(m) == 1);
	assert_true(chunk_stored(m) == 16);
	assert_int_equal(chunk_plain_len(m, 0), 0);
	r = chunk_range(m, 0, UINT64_MAX);
	assert_true(r.count == 0 && r.len == 0 && r.stored_len == 0);
}

static void test_far_edges(void **state)
{
	static const uint32_t sizes[] = {CHUNK_SIZE_MIN, CHUNK_SIZE_DEFAULT, CHUNK_SIZE_MAX};
	const uint64_t max = CHUNK_PLAIN_MAX;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const uint32_t size = sizes[i];
		const uint64_t count = max / size;
		const uint64_t stored = max + count * TAG;
		struct chunk_map m = {max, size, TAG};
		struct chunk_range r;

		assert_true(chunk_map_ok(m));
		assert_true(chunk_count(m) == count);
		assert_true(chunk_stored(m) == stored);
		assert_true(chunk_plain_len(m, count - 1) == size);
		assert_true(chunk_offset(m, count - 1) == stored - size - TAG);
		/* Everything, whatever length is asked for. */
		r = chunk_range(m, 0, UINT64_MAX);
		assert_true(r.first == 0 && r.count == count && r.skip == 0);
		assert_true(r.stored_off == 0 && r.stored_len == stored && r.len == max);
		r = chunk_range(m, 1, UINT64_MAX);
		assert_true(r.first == 0 && r.count == count && r.skip == 1 && r.len == max - 1);
		/* The last byte, and past it. */
		r = chunk_range(m, max - 1, UINT64_MAX);
		assert_true(r.first == count - 1 && r.count == 1 && r.len == 1);
		assert_true(r.skip == size - 1 && r.stored_len == size + TAG);
		assert_true(chunk_range(m, max, 1).count == 0);
		assert_true(chunk_range(m, max, UINT64_MAX).count == 0);
		assert_true(chunk_range(m, UINT64_MAX, 1).count == 0);
		assert_true(chunk_range(m, UINT64_MAX, UINT64_MAX).len == 0);

		m.plain = max - 1; /* a short last chunk */
		assert_true(chunk_count(m) == count);
		assert_true(chunk_stored(m) == stored - 1);
		assert_true(chunk_plain_len(m, count - 1) == size - 1);
		r = chunk_range(m, max - size, size);
		assert_true(r.first == count - 1 && r.count == 1 && r.len == size - 1);
		assert_true(r.stored_len == size - 1 + TAG);
		m.plain = max - size + 1; /* one byte in it */
		assert_true(chunk_count(m) == count);
		assert_true(chunk_plain_len(m, count - 1) == 1);
		m.plain = max - size; /* one chunk fewer */
		assert_true(chunk_count(m) == count - 1);
		assert_true(chunk_plain_len(m, count - 2) == size);
	}
}

/* Lengths that no content has. */
static void test_no_plain(void **state)
{
	struct chunk_map m = {.size = 4096, .tag = TAG};

	(void)state;
	for (uint64_t n = 0; n < TAG; n++)
		assert_false(chunk_unstored(&m, n));
	assert_true(chunk_unstored(&m, TAG));
	assert_true(m.plain == 0);
	/* A second chunk that would be empty. */
	for (uint64_t n = 1; n <= TAG; n++)
		assert_false(chunk_unstored(&m, 4096 + TAG + n));
	assert_true(chunk_unstored(&m, 4096 + TAG + TAG + 1));
	assert_true(m.plain == 4097);
	assert_false(chunk_unstored(&m, UINT64_MAX));
	m.size = 0;
	assert_false(chunk_unstored(&m, 4096));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ok),	   cmocka_unit_test(test_small_model),
		cmocka_unit_test(test_real_sizes), cmocka_unit_test(test_empty),
		cmocka_unit_test(test_far_edges),  cmocka_unit_test(test_no_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
