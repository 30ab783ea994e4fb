/* SPDX-License-Identifier: Apache-2.0 */
/* baglist: paths and manifests, and hostile forms of both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fs/baglist.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

static int parse(struct baglist *l, const char *text, struct err *e)
{
	*l = (struct baglist){0};
	return baglist_parse(l, (struct text_span){text, strlen(text)}, BAGLIST_MANIFEST, e);
}

static void test_encode(void **state)
{
	static const char path[] = "data/a\nb\rc%0A d\te\xc3\xa9";
	struct wire_out out = {0}, back = {0};

	(void)state;
	baglist_path_encode(&out, path, strlen(path));
	wire_out_u8(&out, 0);
	assert_string_equal(out.p, "data/a%0Ab%0Dc%250A d\te\xc3\xa9");
	assert_true(baglist_path_decode(&back, (struct text_span){(char *)out.p, out.n - 1}));
	assert_int_equal(back.n, strlen(path));
	assert_memory_equal(back.p, path, back.n);
	wire_out_free(&out);
	wire_out_free(&back);
}

static void test_decode(void **state)
{
	static const char *const bad[] = {"%", "a%0", "%0a%", "%41", "%2F", "%00", "%zz", "%%25"};
	struct wire_out out = {0};

	(void)state;
	assert_true(baglist_path_decode(&out, (struct text_span){"%0a%0d%25", 9}));
	assert_int_equal(out.n, 3);
	assert_memory_equal(out.p, "\n\r%", 3);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(baglist_path_decode(&out, (struct text_span){bad[i], strlen(bad[i])}));
		assert_int_equal(out.n, 3);
	}
	wire_out_free(&out);
}

static void test_path(void **state)
{
	static const char *const good[] = {"data/a",	   "a",		"data/a/b/.c/..d",
					   "data/~",	   "data/a\\b", "data/\x1b[31m\n",
					   "data/\xc3\xa9"};
	static const char *const bad[] = {"",	      "/a",  "a/",  "a//b",  "..",
					  "a/../b",   "./a", "a/.", "~root", "data/\xff\xfe",
					  "data/\xc3"};
	char longest[300] = "data/";

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(baglist_path_ok(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(baglist_path_ok(bad[i], strlen(bad[i])));
	assert_false(baglist_path_ok("data/a\0b", 8));
	memset(longest + 5, 'x', 256);
	assert_true(baglist_path_ok(longest, 5 + 255));
	assert_false(baglist_path_ok(longest, 5 + 256));
}

static void test_manifest(void **state)
{
	struct wire_out out = {0};
	struct baglist l;

	(void)state;
	assert_int_equal(parse(&l, B "  data/z%25\n" A " \t data/a b\n", NULL), 0);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.file[0].path, "data/a b");
	assert_string_equal(l.file[1].path, "data/z%");
	assert_int_equal(l.file[1].sha256[31], 0xbb);
	assert_non_null(baglist_find(&l, "data/z%"));
	assert_null(baglist_find(&l, "data/z"));
	baglist_text(&out, &l);
	wire_out_u8(&out, 0);
	assert_string_equal(out.p,
			    A "  data/a b\n"
			      "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
			      "  data/z%25\n");
	wire_out_free(&out);
	baglist_free(&l);
	assert_int_equal(parse(&l, "", NULL), 0);
	assert_int_equal(l.n, 0);
	assert_null(baglist_find(&l, "data/a"));
	baglist_free(&l);
}

static void test_hostile_manifests(void **state)
{
	static const char *const bad[] = {
		A "  data/a",			   /* no end */
		A "data/a\n",			   /* nothing between */
		"aa  data/a\n",			   /* half a digest */
		A "a  data/a\n",		   /* more than a digest */
		A "  ../data/a\n",		   /* out of the bag */
		A "  /etc/passwd\n",		   /* absolute */
		A "  data/a\n" A "  data/a\n",	   /* twice */
		A "  data/%25\n" A "  data/%\n",   /* an escape that is none */
		A "  data/%0A\n" B "  data/%0a\n", /* twice, in two forms */
		A "  \n",			   /* no path */
		"\n",				   /* no line */
	};
	struct baglist l;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(&l, bad[i], &e), ERR_MALFORMED);
		assert_non_null(strstr(e.text, BAGLIST_MANIFEST));
		baglist_free(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_hostile_manifests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
