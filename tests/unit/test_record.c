/* SPDX-License-Identifier: Apache-2.0 */
/* Provenance records: one form of bytes, strict decoding, bounds, and names that are safe. */
#include "index/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "tests/lib/fixture.h"

static struct record *fresh(void)
{
	struct record *r;

	assert_int_equal(record_new(&r), 0);
	assert_int_equal(record_count(r), 0);
	return r;
}

/* Decode from memory of exactly the size, so that reading past the end is seen. */
static int decode(struct record **r, const void *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	int rc;

	assert_non_null(copy);
	if (n)
		memcpy(copy, p, n);
	rc = record_decode(r, copy, n);
	free(copy);
	assert_true((rc == 0) == (*r != NULL));
	return rc;
}

static int try_decode(const void *p, size_t n)
{
	struct record *r;
	int rc = decode(&r, p, n);

	record_free(r);
	return rc;
}

static void assert_value(const struct record *r, const char *key, const char *want)
{
	struct text_span v;

	assert_true(record_get(r, key, &v));
	assert_int_equal(v.n, strlen(want));
	assert_memory_equal(v.p, want, v.n);
}

static void test_bytes_are_as_documented(void **state)
{
	static const uint8_t want[] = "\x00\x03"
				      "\x00\x04mode\x00\x00\x00\x03"
				      "640"
				      "\x00\x04path\x00\x00\x00\x03"
				      "a/b"
				      "\x00\x05path2\x00\x00\x00\x00";
	struct record *r = fresh(), *back;
	struct wire_out out = {0}, again = {0};

	(void)state;
	/* In another order than they are stored in. */
	assert_int_equal(record_set_text(r, "path2", ""), 0);
	assert_int_equal(record_set_text(r, "path", "a/b"), 0);
	assert_int_equal(record_set_text(r, "mode", "640"), 0);
	wire_out_text(&out, "before");
	assert_int_equal(record_encode(r, &out), 0);
	assert_int_equal(out.n, 6 + sizeof(want) - 1);
	assert_memory_equal(out.p + 6, want, sizeof(want) - 1);

	assert_int_equal(decode(&back, want, sizeof(want) - 1), 0);
	assert_int_equal(record_count(back), 3);
	assert_value(back, "mode", "640");
	assert_value(back, "path", "a/b");
	assert_value(back, "path2", "");
	assert_int_equal(record_encode(back, &again), 0);
	assert_int_equal(again.n, sizeof(want) - 1);
	assert_memory_equal(again.p, want, again.n);
	wire_out_free(&out);
	wire_out_free(&again);
	record_free(r);
	record_free(back);
}

static void test_set_replaces_and_get_finds(void **state)
{
	struct record *r = fresh();
	struct text_span v = {"x", 1};
	const char *key;

	(void)state;
	assert_false(record_get(r, "plate", &v));
	assert_int_equal(v.n, 0);
	assert_int_equal(record_set_text(r, "plate", "ABC1234"), 0);
	assert_int_equal(record_set_text(r, "lane", "3"), 0);
	assert_int_equal(record_set_text(r, "plate", "Z"), 0);
	assert_int_equal(record_count(r), 2);
	assert_value(r, "plate", "Z");
	record_at(r, 0, &key, &v);
	assert_string_equal(key, "lane");
	record_at(r, 1, &key, &v);
	assert_string_equal(key, "plate");
	assert_int_equal(v.n, 1);
	/* A refused value leaves the old one. */
	assert_int_equal(record_set(r, "plate", "a\0b", 3), ERR_USAGE);
	assert_value(r, "plate", "Z");
	record_free(r);
	record_free(NULL);
}

static void test_bad_keys_and_values(void **state)
{
	static const char *const keys[] = {"",	  "A",	   "a b", "a\n", "k\xc3\xa9",
					   "a/b", "meta:", "a=",  "\x7f"};
	static const char *const values[] = {
		"\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "ok\x80"};
	char longest[RECORD_KEY_MAX + 2];
	struct record *r = fresh();

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(record_set_text(r, keys[i], "v"), ERR_USAGE);
	memset(longest, 'k', sizeof(longest));
	longest[RECORD_KEY_MAX + 1] = '\0';
	assert_int_equal(record_set_text(r, longest, "v"), ERR_USAGE);
	assert_int_equal(record_count(r), 0);
	longest[RECORD_KEY_MAX] = '\0';
	assert_int_equal(record_set_text(r, longest, "v"), 0);
	assert_value(r, longest, "v");
	assert_int_equal(record_set_text(r, "az09._-", "v"), 0);

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		assert_int_equal(record_set_text(r, "source", values[i]), ERR_USAGE);
		assert_int_equal(record_set_text(r, "paths", values[i]), ERR_USAGE);
		/* File names are bytes. */
		assert_int_equal(record_set_text(r, "path", values[i]), 0);
		assert_int_equal(record_set_text(r, "collection", values[i]), 0);
	}
	assert_int_equal(record_set(r, "path", "a\0b", 3), ERR_USAGE);
	assert_int_equal(record_set(r, "source", "\0", 1), ERR_USAGE);
	assert_int_equal(record_set_text(r, "source",
					 "Grenz\xc3\xbc"
					 "bergang\t\xf0\x9f\x9a\x97"),
			 0);
	record_free(r);
}

static void test_bounds(void **state)
{
	const size_t room = RECORD_SIZE_MAX - 2 - 6 - 1; /* for the value of a one-letter key */
	char *big = malloc(RECORD_SIZE_MAX + 1);
	struct record *r = fresh(), *back;
	struct wire_out out = {0};
	char key[16];

	(void)state;
	assert_non_null(big);
	memset(big, 'x', RECORD_SIZE_MAX + 1);
	assert_int_equal(record_set(r, "k", big, room + 1), ERR_NOMEM);
	assert_int_equal(record_set(r, "k", big, RECORD_SIZE_MAX), ERR_NOMEM);
	assert_int_equal(record_set(r, "k", big, room), 0);
	assert_int_equal(record_set_text(r, "l", ""), ERR_NOMEM);
	assert_int_equal(record_encode(r, &out), 0);
	assert_int_equal(out.n, RECORD_SIZE_MAX);
	assert_int_equal(decode(&back, out.p, out.n), 0);
	record_free(back);
	/* A replaced value gives its room back. */
	assert_int_equal(record_set_text(r, "k", "small"), 0);
	assert_int_equal(record_set_text(r, "l", "v"), 0);
	record_free(r);

	r = fresh();
	for (unsigned i = 0; i < RECORD_FIELDS_MAX; i++) {
		snprintf(key, sizeof(key), "k%u", i * 7919 % 10007);
		assert_int_equal(record_set_text(r, key, key), 0);
	}
	assert_int_equal(record_count(r), RECORD_FIELDS_MAX);
	assert_int_equal(record_set_text(r, "more", "v"), ERR_NOMEM);
	assert_int_equal(record_set_text(r, key, "replaced"), 0);
	wire_out_reset(&out);
	assert_int_equal(record_encode(r, &out), 0);
	assert_int_equal(decode(&back, out.p, out.n), 0);
	assert_int_equal(record_count(back), RECORD_FIELDS_MAX);
	record_free(back);
	record_free(r);
	wire_out_free(&out);
	free(big);
}

static void encode_pairs(struct wire_out *out, unsigned count, const char *const *pairs)
{
	wire_out_reset(out);
	wire_out_u16(out, (uint16_t)count);
	for (; *pairs; pairs += 2) {
		wire_out_str16(out, pairs[0], strlen(pairs[0]));
		wire_out_str32(out, pairs[1], strlen(pairs[1]));
	}
}

static void test_decoding_is_strict(void **state)
{
	static const char *const good[] = {"a", "1", "b", "2", NULL};
	static const char *const swapped[] = {"b", "2", "a", "1", NULL};
	static const char *const twice[] = {"a", "1", "a", "2", NULL};
	static const char *const prefix[] = {"ab", "1", "a", "2", NULL};
	static const char *const capital[] = {"A", "1", "b", "2", NULL};
	static const char *const empty_key[] = {"", "1", "b", "2", NULL};
	static const char *const not_text[] = {"a", "\xff", "b", "2", NULL};
	static const char *const *const bad[] = {swapped, twice,     prefix,
						 capital, empty_key, not_text};
	struct wire_out out = {0};

	(void)state;
	encode_pairs(&out, 2, good);
	assert_int_equal(try_decode(out.p, out.n), 0);
	for (size_t n = 0; n < out.n; n++)
		assert_int_equal(try_decode(out.p, n), ERR_MALFORMED);
	wire_out_u8(&out, 0);
	assert_int_equal(try_decode(out.p, out.n), ERR_MALFORMED);
	encode_pairs(&out, 1, good);
	assert_int_equal(try_decode(out.p, out.n), ERR_MALFORMED);
	encode_pairs(&out, 3, good);
	assert_int_equal(try_decode(out.p, out.n), ERR_MALFORMED);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		encode_pairs(&out, 2, bad[i]);
		assert_int_equal(try_decode(out.p, out.n), ERR_MALFORMED);
	}
	assert_int_equal(try_decode("\0\0", 2), 0);
	/* A key with a NUL, which a C string would hide; a value with one; a huge length. */
	assert_int_equal(try_decode("\0\1\0\2a\0\0\0\0\0", 10), ERR_MALFORMED);
	assert_int_equal(try_decode("\0\1\0\1a\0\0\0\1\0", 10), ERR_MALFORMED);
	assert_int_equal(try_decode("\0\1\0\1a\xff\xff\xff\xffx", 10), ERR_MALFORMED);
	wire_out_free(&out);
}

/* Whatever is accepted encodes to the very bytes it came from. */
static void test_mutations_keep_the_one_form(void **state)
{
	static const char *const pairs[] = {"collection", "otay-2019",	 "mode", "640",
					    "path",	  "us/car1.jpg", NULL};
	struct wire_out out = {0}, again = {0};
	unsigned accepted = 0;
	uint8_t r[3];

	(void)state;
	for (uint32_t seed = 1; seed <= 4000; seed++) {
		struct record *rec;

		encode_pairs(&out, 3, pairs);
		fixture_fill(r, sizeof(r), seed);
		out.p[(size_t)r[0] % out.n] ^= (uint8_t)(1u << (r[1] % 8));
		if (decode(&rec, out.p, out.n) == 0) {
			accepted++;
			wire_out_reset(&again);
			assert_int_equal(record_encode(rec, &again), 0);
			assert_int_equal(again.n, out.n);
			assert_memory_equal(again.p, out.p, out.n);
		}
		record_free(rec);
	}
	assert_in_range(accepted, 100, 3900);
	wire_out_free(&out);
	wire_out_free(&again);
}

static void test_commitment(void **state)
{
	uint8_t salt[32], sum[32], got[32], want[32], joined[5 + 32];
	const struct hash_part part = {joined, sizeof(joined)};

	(void)state;
	fixture_fill(salt, 32, 1);
	fixture_fill(sum, 32, 2);
	memcpy(joined, "\0\0xyz", 5);
	memcpy(joined + 5, sum, 32);
	hash_hmac(want, salt, 32, &part, 1);
	record_commitment(got, salt, "\0\0xyz", 5, sum);
	assert_memory_equal(got, want, 32);
	sum[31] ^= 1;
	record_commitment(got, salt, "\0\0xyz", 5, sum);
	assert_memory_not_equal(got, want, 32);
}

static bool path_ok(const char *s)
{
	return record_path_ok(s, strlen(s));
}

static void test_paths(void **state)
{
	static const char *const good[] = {"a",	   "a/b", "...",	 ".a",	   "a.", "..a",
					   "a..b", "a b", "\xff\xfe/\n", "a/.b/c", "-"};
	static const char *const bad[] = {"",	 "/",	 "/a",	"a/",	"a//b",	 ".",	  "..",
					  "./a", "../a", "a/.", "a/..", "a/./b", "a/../b"};
	char big[RECORD_PATH_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(path_ok(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(path_ok(bad[i]));
	assert_false(record_path_ok("a\0b", 3));
	assert_false(record_path_ok("a/\0", 3));

	memset(big, 'n', sizeof(big));
	assert_true(record_name_ok(big, RECORD_NAME_MAX));
	assert_false(record_name_ok(big, RECORD_NAME_MAX + 1));
	assert_false(record_path_ok(big, RECORD_NAME_MAX + 1));
	for (size_t i = RECORD_NAME_MAX; i < sizeof(big); i += RECORD_NAME_MAX + 1)
		big[i] = '/';
	assert_true(record_path_ok(big, RECORD_PATH_MAX));
	big[RECORD_PATH_MAX] = 'n'; /* where a slash would be, for the component is full */
	assert_false(record_path_ok(big, RECORD_PATH_MAX + 1));
	assert_false(record_name_ok("a/b", 3));
	assert_false(record_name_ok("", 0));
	assert_false(record_name_ok(".", 1));
	assert_false(record_name_ok("..", 2));
	assert_false(record_name_ok("a\0", 2));
}

static void test_add(void **state)
{
	struct record *a, *b;
	struct text_span v;

	(void)state;
	assert_int_equal(record_new(&a), 0);
	assert_int_equal(record_new(&b), 0);
	assert_int_equal(record_set_text(a, "x", "1"), 0);
	assert_int_equal(record_set_text(a, "y", "2"), 0);
	assert_int_equal(record_set_text(b, "y", "3"), 0);
	assert_int_equal(record_set_text(b, "z", ""), 0);
	assert_int_equal(record_add(a, b), 0);
	assert_int_equal(record_count(a), 3);
	assert_true(record_get(a, "x", &v) && text_is(v, "1"));
	assert_true(record_get(a, "y", &v) && text_is(v, "3"));
	assert_true(record_get(a, "z", &v) && v.n == 0);
	record_free(a);
	record_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_bytes_are_as_documented),
		cmocka_unit_test(test_set_replaces_and_get_finds),
		cmocka_unit_test(test_bad_keys_and_values),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_decoding_is_strict),
		cmocka_unit_test(test_mutations_keep_the_one_form),
		cmocka_unit_test(test_commitment),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
