/* SPDX-License-Identifier: Apache-2.0 */
/* text: lines, words, hex, base64 and times, and hostile forms of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/text.h"

static struct text_span span(const char *s)
{
	return (struct text_span){s, strlen(s)};
}

/* The literal, which may hold NULs, in a block of just its size, so that ASan sees a read past. */
#define VALID(lit) valid_copy((lit), sizeof(lit) - 1)
static bool valid_copy(const char *p, size_t n)
{
	char *copy = calloc(1, n ? n : 1);
	bool ok;

	memcpy(copy, p, n);
	ok = text_valid(copy, n);
	free(copy);
	return ok;
}

static void test_valid(void **state)
{
	(void)state;
	assert_true(VALID(""));
	assert_true(VALID("plain ASCII ~\n\n"));
	assert_true(VALID("\xc2\x80 \xdf\xbf")); /* first and last of 2 bytes */
	assert_true(VALID("\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80")); /* around the surrogates */
	assert_true(VALID("\xef\xbf\xbf"));			      /* U+FFFF */
	assert_true(VALID("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"));      /* U+10000, U+10FFFF */
}

static void test_invalid(void **state)
{
	char control[3] = "a";

	(void)state;
	assert_false(VALID("a\r\n"));
	assert_false(VALID("a\0b\n"));
	assert_false(VALID("a\tb\n"));
	assert_false(VALID("a\x7f"));
	for (char c = 0; c < 0x20; c++) {
		control[1] = c;
		assert_int_equal(valid_copy(control, 2), c == '\n');
	}
	/* Overlong: '/' in two, three and four bytes, and the largest of each. */
	assert_false(VALID("\xc0\xaf"));
	assert_false(VALID("\xe0\x80\xaf"));
	assert_false(VALID("\xf0\x80\x80\xaf"));
	assert_false(VALID("\xc1\xbf"));
	assert_false(VALID("\xe0\x9f\xbf"));
	assert_false(VALID("\xf0\x8f\xbf\xbf"));
	assert_false(VALID("\xc0\x80"));	 /* NUL in two */
	assert_false(VALID("\xed\xa0\x80"));	 /* U+D800 */
	assert_false(VALID("\xed\xbf\xbf"));	 /* U+DFFF */
	assert_false(VALID("\xf4\x90\x80\x80")); /* U+110000 */
	assert_false(VALID("\xf5\x80\x80\x80"));
	assert_false(VALID("\xf8\x88\x80\x80\x80"));
	assert_false(VALID("\xff"));
	assert_false(VALID("\xfe"));
	assert_false(VALID("\x80")); /* alone */
	assert_false(VALID("a\xbf"));
	assert_false(VALID("\xc3")); /* cut */
	assert_false(VALID("\xe2\x82"));
	assert_false(VALID("\xf0\x9f\x94"));
	assert_false(VALID("\xc3(")); /* second byte is none */
	assert_false(VALID("\xe2\x82("));
	assert_false(VALID("\xf0\x9f\x94("));
	assert_false(VALID("\xe2(\x82"));
	assert_false(VALID("\xc3\xc3\xa9"));
}

/* All sequences of two bytes, and what is before them, against the definition. */
static void test_two_bytes(void **state)
{
	char b[2];

	(void)state;
	for (int i = 0; i < 256; i++)
		for (int j = 0; j < 256; j++) {
			bool i1 = (i >= 0x20 && i < 0x7f) || i == '\n';
			bool j1 = (j >= 0x20 && j < 0x7f) || j == '\n';
			bool two = i >= 0xc2 && i <= 0xdf && j >= 0x80 && j <= 0xbf;

			b[0] = (char)i;
			b[1] = (char)j;
			assert_int_equal(text_valid(b, 2), (i1 && j1) || two);
		}
}

static void test_utf8_lengths(void **state)
{
	static const char *const one[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x94\x92"};

	(void)state;
	for (size_t len = 1; len <= 4; len++) {
		assert_int_equal(text_utf8(one[len - 1], len), len);
		assert_int_equal(text_utf8(one[len - 1], len + 1), len);
		assert_int_equal(text_utf8(one[len - 1], len - 1), 0);
	}
	assert_int_equal(text_utf8("", 1), 1);
	assert_int_equal(text_utf8(NULL, 0), 0);
	assert_int_equal(text_utf8("\x80", 1), 0);
}

static void test_lines(void **state)
{
	static const char text[] = "first\n\nthird \xc3\xa9\n";
	struct text_in t = text_in_init(text, sizeof(text) - 1);
	struct text_span line;

	(void)state;
	assert_true(text_peek(&t, &line));
	assert_true(text_is(line, "first"));
	assert_int_equal(t.line, 0);
	assert_true(text_line(&t, &line));
	assert_true(text_is(line, "first"));
	assert_int_equal(t.line, 1);
	assert_true(text_line(&t, &line));
	assert_int_equal(line.n, 0);
	assert_true(text_line(&t, &line));
	assert_true(text_is(line, "third \xc3\xa9"));
	assert_int_equal(t.line, 3);
	assert_false(text_peek(&t, &line));
	assert_false(text_line(&t, &line));
	assert_false(t.bad);
	assert_int_equal(t.left, 0);

	t = text_in_init(NULL, 0);
	assert_false(text_peek(&t, &line));
	assert_false(text_line(&t, &line));
	assert_false(t.bad);
}

#define BAD_LINE(lit) bad_line((lit), sizeof(lit) - 1)
static void bad_line(const char *p, size_t n)
{
	struct text_in t = text_in_init(p, n);
	struct text_span line, value;

	assert_true(text_line(&t, &line));
	assert_true(text_is(line, "ok: 1"));
	assert_false(text_peek(&t, &line));
	assert_false(text_expect(&t, "key: v"));
	assert_false(text_field(&t, "key", &value));
	assert_false(text_line(&t, &line));
	assert_true(t.bad);
	assert_int_not_equal(t.left, 0); /* nobody takes it for the end */
	assert_int_equal(t.line, 1);
	assert_false(text_line(&t, &line));
	assert_false(text_peek(&t, &line));
}

static void test_bad_lines(void **state)
{
	(void)state;
	BAD_LINE("ok: 1\nkey: v");
	BAD_LINE("ok: 1\nkey: v\r\n");
	BAD_LINE("ok: 1\nkey: v\0\n");
	BAD_LINE("ok: 1\nkey: \xed\xa0\x80\n");
	BAD_LINE("ok: 1\nkey: \xc0\xaf\n");
	BAD_LINE("ok: 1\nkey: \xc3\nmore\n");
	BAD_LINE("ok: 1\nkey: a\tb\n");
	BAD_LINE("ok: 1\n\xef\xbb");
}

static void test_fields(void **state)
{
	static const char text[] = "v1\ncase: C-1\npurpose: plate: dispute \nx:\ny: \nz:1\n k: v\n";
	struct text_in t = text_in_init(text, sizeof(text) - 1);
	struct text_span v, line;

	(void)state;
	assert_false(text_expect(&t, "v"));
	assert_false(text_expect(&t, "v11"));
	assert_false(text_field(&t, "v1", &v));
	assert_true(text_expect(&t, "v1"));
	assert_false(text_field(&t, "cas", &v));
	assert_false(text_field(&t, "case:", &v));
	assert_false(text_field(&t, "Case", &v));
	assert_false(text_field(&t, "purpose", &v)); /* not yet: order is fixed */
	assert_int_equal(v.n, 0);
	assert_true(text_field(&t, "case", &v));
	assert_true(text_is(v, "C-1"));
	assert_true(text_field(&t, "purpose", &v));
	assert_true(text_is(v, "plate: dispute "));
	assert_int_equal(t.line, 3);
	/* No value, an empty value, no space, a space before the key. */
	assert_false(text_field(&t, "x", &v));
	assert_true(text_line(&t, &line));
	assert_false(text_field(&t, "y", &v));
	assert_true(text_line(&t, &line));
	assert_false(text_field(&t, "z", &v));
	assert_true(text_line(&t, &line));
	assert_false(text_field(&t, "k", &v));
	assert_true(text_line(&t, &line));
	assert_int_equal(t.left, 0);
	assert_false(text_field(&t, "k", &v));
	assert_false(t.bad);
}

static void test_words(void **state)
{
	struct text_span s = span("item a1 b2"), w;

	(void)state;
	assert_true(text_word(&s, &w));
	assert_true(text_is(w, "item"));
	assert_true(text_is(s, "a1 b2"));
	assert_true(text_word(&s, &w));
	assert_true(text_word(&s, &w));
	assert_true(text_is(w, "b2"));
	assert_int_equal(s.n, 0);
	assert_false(text_word(&s, &w));
	assert_int_equal(w.n, 0);

	s = span(" a");
	assert_false(text_word(&s, &w));
	assert_int_equal(s.n, 2);
	s = span("a  b");
	assert_true(text_word(&s, &w));
	assert_false(text_word(&s, &w));
	assert_true(text_is(s, " b"));
	s = span("a ");
	assert_true(text_word(&s, &w));
	assert_true(text_is(w, "a"));
	assert_true(text_is(s, " ")); /* the space is not lost */
	assert_false(text_word(&s, &w));
	s = span(" ");
	assert_false(text_word(&s, &w));
	s = (struct text_span){NULL, 0};
	assert_false(text_word(&s, &w));
}

static void test_copy(void **state)
{
	char out[4] = "zzz";

	(void)state;
	assert_true(text_copy(span("abc"), out, sizeof(out)));
	assert_string_equal(out, "abc");
	assert_true(text_copy(span(""), out, sizeof(out)));
	assert_string_equal(out, "");
	assert_true(text_copy((struct text_span){NULL, 0}, out, 1));
	memcpy(out, "zzz", 4);
	assert_false(text_copy(span("abcd"), out, sizeof(out)));
	assert_string_equal(out, "");
	assert_false(text_copy((struct text_span){"a\0b", 3}, out, sizeof(out)));
	assert_false(text_copy(span("a"), out, 0));
	assert_false(text_copy(span(""), out, 0));
}

static void test_hex(void **state)
{
	uint8_t all[256], back[256];
	char hex[513];

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	text_hex(hex, all, 256);
	assert_int_equal(strlen(hex), 512);
	assert_memory_equal(hex, "000102", 6);
	assert_string_equal(hex + 506, "fdfeff");
	assert_true(text_unhex(span(hex), back, 256));
	assert_memory_equal(back, all, 256);
	text_hex(hex, NULL, 0);
	assert_string_equal(hex, "");
	assert_true(text_unhex(span(""), back, 0));

	assert_true(text_unhex(span("00ff"), back, 2));
	assert_false(text_unhex(span("00FF"), back, 2));
	assert_false(text_unhex(span("00fF"), back, 2));
	assert_false(text_unhex(span("00f"), back, 2));
	assert_false(text_unhex(span("00f"), back, 1));
	assert_false(text_unhex(span("00ff0"), back, 2));
	assert_false(text_unhex(span("00ff00"), back, 2));
	assert_false(text_unhex(span("00fg"), back, 2));
	assert_false(text_unhex(span("0xff"), back, 2));
	assert_false(text_unhex(span(" 0ff"), back, 2));
	assert_false(text_unhex(span("0:0f"), back, 2));
	assert_false(text_unhex(span("00/f"), back, 2));
	assert_false(text_unhex(span("00`f"), back, 2));
	assert_false(text_unhex(span(""), back, SIZE_MAX / 2 + 1)); /* 2n wraps to zero */
}

static bool u64(const char *s, uint64_t want)
{
	uint64_t v = 77;

	return text_u64(span(s), &v) && v == want;
}

static bool not_u64(const char *s)
{
	uint64_t v = 77;

	return !text_u64(span(s), &v) && v == 0;
}

static void test_u64(void **state)
{
	(void)state;
	assert_true(u64("0", 0));
	assert_true(u64("9", 9));
	assert_true(u64("1234067", 1234067));
	assert_true(u64("18446744073709551615", UINT64_MAX));
	assert_true(not_u64(""));
	assert_true(not_u64("00"));
	assert_true(not_u64("01"));
	assert_true(not_u64("+1"));
	assert_true(not_u64("-1"));
	assert_true(not_u64(" 1"));
	assert_true(not_u64("1 "));
	assert_true(not_u64("1e3"));
	assert_true(not_u64("0x10"));
	assert_true(not_u64("1/"));
	assert_true(not_u64("1:"));
	assert_true(not_u64("18446744073709551616"));
	assert_true(not_u64("18446744073709551620"));
	assert_true(not_u64("99999999999999999999"));
	assert_true(not_u64("184467440737095516150"));
}

static void test_base64_vectors(void **state)
{
	/* RFC 4648 section 10. */
	static const struct {
		const char *plain, *code;
	} v[] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
	};
	char text[20];
	uint8_t out[8];

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		size_t n = strlen(v[i].plain), digits = strcspn(v[i].code, "=");

		assert_true(text_base64_size(n) <= sizeof(text));
		text_base64(text, v[i].plain, n);
		assert_string_equal(text, v[i].code);
		assert_int_equal(strlen(text) + 1, text_base64_size(n));
		assert_int_equal(text_unbase64(span(text), out, sizeof(out)), (long)n);
		assert_memory_equal(out, v[i].plain, n);

		text_base64_raw(text, v[i].plain, n);
		assert_int_equal(strlen(text), digits);
		assert_memory_equal(text, v[i].code, digits);
		assert_int_equal(text_unbase64_raw(span(text), out, n), (long)n);
		assert_memory_equal(out, v[i].plain, n);
	}
	text_base64(text, "\xfb\xff\xbf", 3); /* the digits of the standard alphabet */
	assert_string_equal(text, "+/+/");
}

static void test_base64_hostile(void **state)
{
	static const char *const bad[] = {
		"Zg",	 "Zg=",		 "Zg===",    "Zm9v=",  "Zm9vYg", "Zm9vYg=",  "Z",
		"Z===",	 "====",	 "=",	     "Zh==",   "Zm9=",	 "Zm9vYh==", "-_-_",
		"Zm 9v", " Zm9v",	 "Zm9v ",    "Zm9v\n", "Zm\n9v", "Zg==Zg==", "Zg==\n",
		"Zm9v!", "Zm9v\xc3\xa9", "Zm8=\r\n", "Zm=v",
	};
	static const char *const bad_raw[] = {"Zg==", "Zg=",	"Z",	"Zm9vZ", "Zh",
					      "Zm9",  "Zm9v\n", "-_-_", "Zg ",	 "Zm8="};
	uint8_t out[32];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(text_unbase64(span(bad[i]), out, sizeof(out)), -1);
	for (size_t i = 0; i < sizeof(bad_raw) / sizeof(bad_raw[0]); i++)
		assert_int_equal(text_unbase64_raw(span(bad_raw[i]), out, sizeof(out)), -1);
	assert_int_equal(text_unbase64((struct text_span){"Zm9v\0", 5}, out, sizeof(out)), -1);
	/* Longer than the room for it. */
	assert_int_equal(text_unbase64(span("Zm9vYg=="), out, 3), -1);
	assert_int_equal(text_unbase64(span("Zm9v"), out, 2), -1);
	assert_int_equal(text_unbase64(span("Zm9v"), out, 0), -1);
	assert_int_equal(text_unbase64_raw(span("Zm9vYg"), out, 3), -1);
}

/* Of the 64 x 64 two-digit codes of one byte, the 256 with zero spare bits decode: no value has two
 * forms. */
static void test_base64_one_form(void **state)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char code[5] = "xx==";
	int good = 0;

	(void)state;
	/* No other byte is a digit: libsodium 1.0.18 takes some above 0x7f for one. */
	for (int c = 0; c < 256; c++) {
		for (int at = 0; at < 4; at++) {
			char text[5] = "Zm9v";
			uint8_t out[4];
			bool digit = c && strchr(digits, c);

			text[at] = (char)c;
			assert_int_equal(text_unbase64((struct text_span){text, 4}, out, 3) == 3,
					 digit);
			assert_int_equal(
				text_unbase64_raw((struct text_span){text, 4}, out, 3) == 3, digit);
		}
	}
	for (int i = 0; i < 64; i++)
		for (int j = 0; j < 64; j++) {
			uint8_t b;
			long n;

			code[0] = digits[i];
			code[1] = digits[j];
			n = text_unbase64(span(code), &b, 1);
			assert_int_equal(n, j % 16 == 0 ? 1 : -1);
			assert_int_equal(text_unbase64_raw((struct text_span){code, 2}, &b, 1), n);
			good += n == 1;
		}
	assert_int_equal(good, 256);
}

static void one_time(int64_t s)
{
	char text[TEXT_TIME_SIZE], want[TEXT_TIME_SIZE];
	time_t t = (time_t)s;
	struct tm tm;
	int64_t ms;

	assert_non_null(gmtime_r(&t, &tm));
	assert_int_equal(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm), 20);
	text_time_s(text, s);
	assert_string_equal(text, want);
	assert_true(text_parse_time(span(text), &ms));
	assert_true(ms == s * 1000);
}

/* Every day of 140 years at a moving hour, then every eleventh day to the end, as libc has it. */
static void test_time_model(void **state)
{
	const int64_t last_day = 2932896; /* 9999-12-31 */

	(void)state;
	for (int64_t d = 0; d <= last_day; d += d < 51135 ? 1 : 11)
		one_time(d * 86400 + (d * 7919) % 86400);
	for (int64_t d = 0; d < 2000; d++) {
		one_time(d * 86400);
		one_time(d * 86400 + 86399);
	}
	one_time(last_day * 86400 + 86399);
}

static void test_time_forms(void **state)
{
	char text[TEXT_TIME_SIZE];
	int64_t ms;

	(void)state;
	text_time_ms(text, 0);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	text_time_ms(text, INT64_C(1795417800123));
	assert_string_equal(text, "2026-11-23T07:10:00.123Z");
	assert_true(text_parse_time(span(text), &ms));
	assert_true(ms == INT64_C(1795417800123));
	assert_true(text_parse_time(span("2026-11-23T07:10:00Z"), &ms));
	assert_true(ms == INT64_C(1795417800000));
	text_time_ms(text, INT64_C(253402300799999));
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	assert_true(text_parse_time(span(text), &ms));
	assert_true(ms == INT64_C(253402300799999));
	/* Outside: the nearest inside. */
	text_time_ms(text, INT64_MAX);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	text_time_ms(text, -1);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	text_time_s(text, INT64_MAX);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	text_time_s(text, INT64_MIN);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	/* Leap days there are. */
	assert_true(text_parse_time(span("2024-02-29T12:00:00Z"), &ms));
	assert_true(text_parse_time(span("2000-02-29T12:00:00Z"), &ms));
}

static void test_time_hostile(void **state)
{
	static const char *const bad[] = {
		"",
		"Z",
		"2026-11-23",
		"2026-11-23T07:10:00", /* no zone */
		"2026-11-23T07:10:00z",
		"2026-11-23t07:10:00Z",
		"2026-11-23 07:10:00Z",
		"2026-11-23T07:10Z",
		"2026-11-23T07:10:00+00:00",
		"2026-11-23T07:10:00.1Z",
		"2026-11-23T07:10:00.12Z",
		"2026-11-23T07:10:00.1234Z",
		"2026-11-23T07:10:00,123Z",
		"2026-11-23T07:10:00.12aZ",
		"2026-11-23T07:10:00.-12Z",
		"2026-11-23T07:10:00.123",
		"2026-11-23T07:10:00Z ",
		" 2026-11-23T07:10:00Z",
		"2026/11/23T07:10:00Z",
		"2026-1-23T007:10:00Z",
		"2026-00-23T07:10:00Z",
		"2026-13-23T07:10:00Z",
		"2026-11-00T07:10:00Z",
		"2026-11-31T07:10:00Z",
		"2026-04-31T07:10:00Z",
		"2026-01-32T07:10:00Z",
		"2026-02-29T07:10:00Z",
		"2024-02-30T07:10:00Z",
		"2100-02-29T07:10:00Z", /* a century is not a leap year */
		"2026-11-23T24:00:00Z",
		"2026-11-23T07:60:00Z",
		"2016-12-31T23:59:60Z", /* a leap second, which POSIX time has not */
		"1969-12-31T23:59:59Z",
		"0000-01-01T00:00:00Z",
		"-026-11-23T07:10:00Z",
		"+026-11-23T07:10:00Z",
		"2026-11-23T-7:10:00Z",
		"2026-11-23T07: 1:00Z",
		"2026-11-23T07:10:0xZ",
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ms = 77;
		if (text_parse_time(span(bad[i]), &ms))
			fail_msg("accepted: %s", bad[i]);
		assert_true(ms == 0);
	}
	assert_false(text_parse_time((struct text_span){"2026-11-23T07:10:0\0Z", 20}, &ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_two_bytes),
		cmocka_unit_test(test_utf8_lengths),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_base64_vectors),
		cmocka_unit_test(test_base64_hostile),
		cmocka_unit_test(test_base64_one_form),
		cmocka_unit_test(test_time_model),
		cmocka_unit_test(test_time_forms),
		cmocka_unit_test(test_time_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
