/* SPDX-License-Identifier: Apache-2.0 */
/* key: exact bytes, order, strict decoding, and the keyed hashes against another implementation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "crypto/err.h"
#include "crypto/text.h"
#include "index/key.h"

static const uint8_t id[16] = {0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void is(struct key k, const char *hex)
{
	char got[2 * KEY_MAX + 1];

	text_hex(got, k.b, k.n);
	assert_string_equal(got, hex);
}

static void test_bytes(void **state)
{
	(void)state;
	is(key_u8(0), "00");
	is(key_u8(255), "ff");
	is(key_id(id), "f00102030405060708090a0b0c0d0e0f");
	is(key_ino(0x0102030405060708), "0102030405060708");
	is(key_name(1, 0x2222222233333344), "00000000000000012222222233333344");
	is(key_event(id, 0xa1b2c3d4, 5),
	   "f00102030405060708090a0b0c0d0e0fa1b2c3d40000000000000005");
	is(key_tile(7, 2, 0x100), "00000007020000000000000100");
	is(key_line(7, UINT64_MAX), "00000007ffffffffffffffff");
}

static int compare(struct key a, struct key b)
{
	int d = memcmp(a.b, b.b, a.n < b.n ? a.n : b.n);

	return d ? d : (int)a.n - (int)b.n;
}

/* Byte order is numeric order, field by field. */
static void test_order(void **state)
{
	static const uint64_t v[] = {
		0, 1, 255, 256, 65535, 1u << 31, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX};
	const size_t n = sizeof(v) / sizeof(v[0]);

	(void)state;
	for (size_t i = 1; i < n; i++) {
		assert_true(compare(key_ino(v[i - 1]), key_ino(v[i])) < 0);
		assert_true(compare(key_name(v[i - 1], v[n - 1]), key_name(v[i], 0)) < 0);
		assert_true(compare(key_name(5, v[i - 1]), key_name(5, v[i])) < 0);
		assert_true(compare(key_event(id, 9, v[i - 1]), key_event(id, 9, v[i])) < 0);
		assert_true(compare(key_tile(1, 3, v[i - 1]), key_tile(1, 3, v[i])) < 0);
		assert_true(compare(key_line(1, v[i - 1]), key_line(1, v[i])) < 0);
	}
	assert_true(compare(key_tile(1, 255, v[n - 1]), key_tile(2, 0, 0)) < 0);
	assert_true(compare(key_event(id, 1, v[n - 1]), key_event(id, 2, 0)) < 0);
}

static void test_parse(void **state)
{
	struct key k = key_name(12, UINT64_MAX - 1);
	uint64_t a, b;
	uint32_t j;

	(void)state;
	assert_int_equal(key_name_parse(k.b, k.n, &a, &b), 0);
	assert_true(a == 12 && b == UINT64_MAX - 1);
	for (size_t n = 0; n <= KEY_MAX; n++)
		assert_int_equal(key_name_parse(k.b, n, &a, &b), n == 16 ? 0 : ERR_INDEX);
	k = key_event(id, 0xfffffffe, 77);
	assert_int_equal(key_event_parse(k.b, k.n, &j, &b), 0);
	assert_true(j == 0xfffffffe && b == 77);
	for (size_t n = 0; n <= KEY_MAX; n++)
		assert_int_equal(key_event_parse(k.b, n, &j, &b), n == 28 ? 0 : ERR_INDEX);
}

static void test_tables(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KEY_TABLES; i++) {
		assert_non_null(key_table_name(i));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(key_table_name(i), key_table_name(j));
	}
	assert_null(key_table_name(KEY_TABLES));
	assert_null(key_table_name((enum key_table) - 1));
}

/* Expected values by Python's hmac: name key 00..1f. */
static void test_hashes(void **state)
{
	uint8_t name_key[32], other[32] = {9};

	(void)state;
	for (unsigned i = 0; i < 32; i++)
		name_key[i] = (uint8_t)i;
	assert_true(key_cookie(name_key, 1, "otay-2019", 9) == 0x1b1afc22c26f89ce);
	assert_true(key_dir_ino(name_key, 1, "otay-2019", 9) == 0x436691048380c5f8);
	assert_true(key_cookie(name_key, 1, "", 0) == 0x0432e059c378eef7);
	assert_true(key_dir_ino(name_key, 1, "", 0) == 0x7e2f1181a4050836);
	assert_true(key_cookie(name_key, 0x4123456789abcdef, "us/car\xff", 7) ==
		    0x218741cd939141d4);
	assert_true(key_dir_ino(name_key, 0x4123456789abcdef, "us/car\xff", 7) ==
		    0x52c8352a5fda6203);
	assert_true(key_cookie(other, 1, "otay-2019", 9) != 0x1b1afc22c26f89ce);
}

static void test_ranges(void **state)
{
	uint8_t name_key[32] = {1};

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		uint8_t node[16] = {0}, item[16] = {(uint8_t)i, (uint8_t)(i >> 8)};
		uint64_t of_item = key_item_ino(name_key, node, item);
		uint64_t cookie = key_cookie(name_key, 1, &i, sizeof(i));
		uint64_t ino = key_dir_ino(name_key, 1, &i, sizeof(i));

		assert_true(cookie >= 4 && cookie >> 62 == 0);
		assert_true(ino >> 62 == 1);
		assert_true(of_item >= 16 && of_item >> 62 == 0);
	}
}

/* Of the node, the id and a secret: nobody can choose ids that collide. */
static void test_item_ino(void **state)
{
	static const uint8_t zero[16], one[16] = {[15] = 1};
	uint8_t name_key[32] = {1}, other[32] = {2};
	uint64_t ino = key_item_ino(name_key, zero, zero);

	(void)state;
	assert_true(key_item_ino(name_key, zero, zero) == ino);
	assert_true(key_item_ino(name_key, zero, one) != ino);
	assert_true(key_item_ino(name_key, one, zero) != ino);
	assert_true(key_item_ino(name_key, zero, one) != key_item_ino(name_key, one, zero));
	assert_true(key_item_ino(other, zero, zero) != ino);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),	 cmocka_unit_test(test_order),
		cmocka_unit_test(test_parse),	 cmocka_unit_test(test_tables),
		cmocka_unit_test(test_hashes),	 cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_item_ino),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
