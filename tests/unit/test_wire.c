/* SPDX-License-Identifier: Apache-2.0 */
/* wire: what is written is read back, and nothing is read past the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crypto/wire.h"

static const uint8_t sample[] = {
	0x01,						/* u8 */
	0x02, 0x03,					/* u16 */
	0x04, 0x05, 0x06, 0x07,				/* u32 */
	0xf8, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, /* u64 */
	0x00, 0x00, 0x00, 0x03, 'a',  'b',  'c',	/* str32 */
	0x00, 0x02, 'x',  'y',				/* str16 */
	'e',  'n',  'd',				/* bytes */
};

static void write_sample(struct wire_out *w)
{
	wire_out_u8(w, 0x01);
	wire_out_u16(w, 0x0203);
	wire_out_u32(w, 0x04050607);
	wire_out_u64(w, UINT64_C(0xf8090a0b0c0d0e0f));
	wire_out_str32(w, "abc", 3);
	wire_out_str16(w, "xy", 2);
	wire_out_text(w, "end");
}

static void test_write(void **state)
{
	struct wire_out w = {0};

	(void)state;
	write_sample(&w);
	assert_true(wire_out_ok(&w));
	assert_int_equal(w.n, sizeof(sample));
	assert_memory_equal(w.p, sample, sizeof(sample));
	wire_out_free(&w);
	assert_null(w.p);
	assert_int_equal(w.n, 0);
}

static void test_read(void **state)
{
	struct wire_in w = wire_in_init(sample, sizeof(sample));
	char end[3];
	size_t n;

	(void)state;
	assert_int_equal(wire_in_u8(&w), 0x01);
	assert_int_equal(wire_in_u16(&w), 0x0203);
	assert_int_equal(wire_in_u32(&w), 0x04050607);
	assert_true(wire_in_u64(&w) == UINT64_C(0xf8090a0b0c0d0e0f));
	assert_memory_equal(wire_in_str32(&w, 3, &n), "abc", 3);
	assert_int_equal(n, 3);
	assert_memory_equal(wire_in_str16(&w, &n), "xy", 2);
	assert_int_equal(n, 2);
	assert_true(wire_in_ok(&w));
	assert_false(wire_in_end(&w));
	wire_in_copy(&w, end, 3);
	assert_memory_equal(end, "end", 3);
	assert_true(wire_in_end(&w));
}

/* Cut anywhere, in a block of just that size: the reader turns bad and yields zeros. */
static void test_read_cut(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < sizeof(sample); cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		struct wire_in w;
		uint8_t end[3] = {1, 1, 1};
		size_t n = 99;

		memcpy(copy, sample, cut);
		w = wire_in_init(copy, cut);
		wire_in_u8(&w);
		wire_in_u16(&w);
		wire_in_u32(&w);
		wire_in_u64(&w);
		wire_in_str32(&w, 3, &n);
		wire_in_str16(&w, &n);
		wire_in_copy(&w, end, 3);
		assert_false(wire_in_ok(&w));
		assert_false(wire_in_end(&w));
		assert_memory_equal(end, "\0\0\0", 3);
		free(copy);
	}
}

static void test_bad_stays_bad(void **state)
{
	struct wire_in w = wire_in_init(sample, 3);
	size_t n = 99;

	(void)state;
	assert_int_equal(wire_in_u32(&w), 0);
	/* The three bytes that are there are not given any more. */
	assert_int_equal(wire_in_u8(&w), 0);
	assert_int_equal(wire_in_u16(&w), 0);
	assert_true(wire_in_u64(&w) == 0);
	assert_null(wire_in_bytes(&w, 0));
	assert_null(wire_in_bytes(&w, 1));
	assert_null(wire_in_str32(&w, 100, &n));
	assert_int_equal(n, 0);
	n = 99;
	assert_null(wire_in_str16(&w, &n));
	assert_int_equal(n, 0);
	assert_false(wire_in_ok(&w));
}

static void test_empty(void **state)
{
	struct wire_in w = wire_in_init(NULL, 0);
	size_t n = 99;

	(void)state;
	assert_true(wire_in_end(&w));
	assert_non_null(wire_in_bytes(&w, 0));
	wire_in_copy(&w, NULL, 0);
	assert_true(wire_in_end(&w));
	assert_int_equal(wire_in_u8(&w), 0);
	assert_false(wire_in_end(&w));

	w = wire_in_init("\0\0\0\0\0\0", 6);
	assert_non_null(wire_in_str32(&w, 0, &n));
	assert_int_equal(n, 0);
	assert_non_null(wire_in_str16(&w, &n));
	assert_int_equal(n, 0);
	assert_true(wire_in_end(&w));
}

static void test_lengths_that_lie(void **state)
{
	size_t n = 99;
	struct wire_in w = wire_in_init("\xff\xff\xff\xffwxyz", 8);

	(void)state;
	assert_null(wire_in_str32(&w, SIZE_MAX, &n));
	assert_int_equal(n, 0);
	assert_false(wire_in_ok(&w));

	w = wire_in_init("\0\0\0\x04wxyz", 8); /* longer than the caller's bound */
	n = 99;
	assert_null(wire_in_str32(&w, 3, &n));
	assert_int_equal(n, 0);
	assert_false(wire_in_ok(&w));
	assert_int_equal(wire_in_u8(&w), 0);

	w = wire_in_init("\xff\xffwxyz", 6);
	n = 99;
	assert_null(wire_in_str16(&w, &n));
	assert_int_equal(n, 0);
	assert_false(wire_in_ok(&w));

	w = wire_in_init("abcd", 4);
	assert_null(wire_in_bytes(&w, SIZE_MAX));
	assert_false(wire_in_ok(&w));
}

static void test_grow(void **state)
{
	struct wire_out w = {0};

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		wire_out_u8(&w, (uint8_t)(i * 31));
	assert_true(wire_out_ok(&w));
	assert_int_equal(w.n, 100000);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(w.p[i], (uint8_t)(i * 31));
	wire_out_reset(&w);
	assert_int_equal(w.n, 0);
	assert_true(w.cap >= 100000);
	wire_out_text(&w, "again");
	assert_memory_equal(w.p, "again", 5);
	wire_out_wipe(&w);
	assert_null(w.p);
	wire_out_wipe(&w);
	wire_out_free(&w);
}

static void test_printf(void **state)
{
	struct wire_out w = {0};
	char long_text[1001];

	(void)state;
	memset(long_text, 'y', 1000);
	long_text[1000] = '\0';
	wire_out_printf(&w, "%s", "");
	assert_true(wire_out_ok(&w));
	assert_int_equal(w.n, 0);
	wire_out_printf(&w, "size %u\n", 257u);
	assert_int_equal(w.n, 9);
	assert_memory_equal(w.p, "size 257\n", 9);
	wire_out_printf(&w, "%s", long_text);
	assert_int_equal(w.n, 1009);
	assert_memory_equal(w.p + 9, long_text, 1000);
	wire_out_free(&w);
}

static void test_room(void **state)
{
	struct wire_out w = {0};
	uint8_t *p;

	(void)state;
	p = wire_out_room(&w, 0);
	assert_non_null(p);
	wire_out_bytes(&w, NULL, 0);
	assert_true(wire_out_ok(&w));
	p = wire_out_room(&w, 64);
	assert_non_null(p);
	memset(p, 7, 64);
	assert_int_equal(w.n, 64);
	assert_non_null(wire_out_room(&w, 0));
	assert_int_equal(w.n, 64);
	wire_out_free(&w);
}

static void test_too_much(void **state)
{
	struct wire_out w = {0};

	(void)state;
	wire_out_u8(&w, 1);
	assert_null(wire_out_room(&w, SIZE_MAX)); /* the sum overflows */
	assert_false(wire_out_ok(&w));
	wire_out_u8(&w, 2); /* ignored */
	wire_out_printf(&w, "x");
	assert_int_equal(w.n, 1);
	wire_out_reset(&w);
	assert_true(wire_out_ok(&w));
	assert_null(wire_out_room(&w, SIZE_MAX / 2 + 2)); /* doubling would overflow */
	assert_false(wire_out_ok(&w));
	wire_out_free(&w);

	static const char many[65536];

	wire_out_str16(&w, many, 65535);
	assert_true(wire_out_ok(&w));
	assert_int_equal(w.n, 65537);
	wire_out_str16(&w, many, 65536);
	assert_false(wire_out_ok(&w));
	assert_int_equal(w.n, 65537);
	wire_out_free(&w);

	wire_out_str32(&w, many, (size_t)UINT32_MAX + 1);
	assert_false(wire_out_ok(&w));
	wire_out_free(&w);
}

static void test_fixed(void **state)
{
	uint8_t b[8];

	(void)state;
	wire_put32(b, 0x80000001);
	assert_memory_equal(b, "\x80\0\0\x01", 4);
	assert_true(wire_get32(b) == 0x80000001);
	wire_put64(b, UINT64_C(0xfedcba9876543210));
	assert_memory_equal(b, "\xfe\xdc\xba\x98\x76\x54\x32\x10", 8);
	assert_true(wire_get64(b) == UINT64_C(0xfedcba9876543210));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),	 cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_cut), cmocka_unit_test(test_bad_stays_bad),
		cmocka_unit_test(test_empty),	 cmocka_unit_test(test_lengths_that_lie),
		cmocka_unit_test(test_grow),	 cmocka_unit_test(test_printf),
		cmocka_unit_test(test_room),	 cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
