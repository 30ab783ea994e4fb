/* SPDX-License-Identifier: Apache-2.0 */
/* html: whatever bytes go in, text comes out, and nothing in it is hidden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crypto/text.h"
#include "tools/html.h"

/* The text of n bytes, in a block of just its size before; caller frees. */
static char *text(const char *p, size_t n)
{
	struct wire_out out = {0};
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, p, n);
	html_text(&out, copy, n);
	free(copy);
	wire_out_u8(&out, 0);
	assert_true(wire_out_ok(&out));
	return (char *)out.p;
}

#define SAME(lit, want)                                   \
	do {                                              \
		char *got = text((lit), sizeof(lit) - 1); \
		assert_string_equal(got, (want));         \
		free(got);                                \
	} while (0)

static void test_plain(void **state)
{
	(void)state;
	SAME("", "");
	SAME("otay/us/car 1.jpg", "otay/us/car 1.jpg");
	SAME("g\xc3\xbcnther \xe2\x80\x9cq\xe2\x80\x9d \xe6\xb5\xb7",
	     "g\xc3\xbcnther \xe2\x80\x9cq\xe2\x80\x9d \xe6\xb5\xb7");
	SAME("\xf0\x9f\x9a\x97", "\xf0\x9f\x9a\x97"); /* a car */
	SAME("back\\x41slash", "back\\x41slash");
}

static void test_markup(void **state)
{
	(void)state;
	SAME("<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
	SAME("a\" onload=\"b&amp;", "a&quot; onload=&quot;b&amp;amp;");
	SAME("]]><!--", "]]&gt;&lt;!--");
}

static void test_hidden(void **state)
{
	(void)state;
	SAME("a\nb", "a<b class=\"x\">\\x0a</b>b");
	SAME("\0\x1b[31m", "<b class=\"x\">\\x00\\x1b</b>[31m");
	SAME("turned\xe2\x80\xaegpj", "turned<b class=\"x\">\\xe2\\x80\\xae</b>gpj");
	SAME("\xe2\x81\xa6x\xe2\x81\xa9",
	     "<b class=\"x\">\\xe2\\x81\\xa6</b>x<b class=\"x\">\\xe2\\x81\\xa9</b>");
	SAME("\xe2\x80\x8b", "<b class=\"x\">\\xe2\\x80\\x8b</b>"); /* no width */
	SAME("\xef\xbb\xbfz", "<b class=\"x\">\\xef\\xbb\\xbf</b>z");
	SAME("\xc2\x9bm", "<b class=\"x\">\\xc2\\x9b</b>m");		     /* C1 */
	SAME("\xf3\xa0\x81\x81", "<b class=\"x\">\\xf3\\xa0\\x81\\x81</b>"); /* a tag */
	SAME("\xef\xbf\xbe", "<b class=\"x\">\\xef\\xbf\\xbe</b>");
}

static void test_not_utf8(void **state)
{
	(void)state;
	SAME("latin-\xfc.jpg", "latin-<b class=\"x\">\\xfc</b>.jpg");
	SAME("\xc0\xbc"
	     "script",
	     "<b class=\"x\">\\xc0\\xbc</b>script");		    /* overlong '<' */
	SAME("\xed\xa0\x80", "<b class=\"x\">\\xed\\xa0\\x80</b>"); /* a surrogate */
	SAME("cut\xe2\x80", "cut<b class=\"x\">\\xe2\\x80</b>");
	SAME("\xff\xfe<", "<b class=\"x\">\\xff\\xfe</b>&lt;");
}

/* Of every two bytes and every character: valid UTF-8 without controls, and no markup but ours. */
static void check(const char *p, size_t n)
{
	char *got = text(p, n), *s = got;

	assert_true(text_valid(got, strlen(got)));
	assert_null(strchr(got, '\n'));
	for (; *s; s++) {
		assert_true(*s != '\'' && *s != '>');
		if (*s == '"')
			fail();
		if (*s != '<')
			continue;
		assert_true(!strncmp(s, "<b class=\"x\">", 13) || !strncmp(s, "</b>", 4));
		s = strchr(s, '>');
	}
	free(got);
}

static void test_all(void **state)
{
	char b[4];

	(void)state;
	for (unsigned i = 0; i < 0x10000; i++) {
		b[0] = (char)(i >> 8);
		b[1] = (char)i;
		check(b, 2);
	}
	for (unsigned c = 0x800; c < 0x110000; c += c < 0x3000 ? 1 : 61) {
		size_t n = c < 0x10000 ? 3 : 4;

		b[0] = (char)(n == 3 ? 0xe0 | c >> 12 : 0xf0 | c >> 18);
		b[n - 3] = (char)(0x80 | (c >> 12 & 0x3f));
		if (n == 3)
			b[0] = (char)(0xe0 | c >> 12);
		b[n - 2] = (char)(0x80 | (c >> 6 & 0x3f));
		b[n - 1] = (char)(0x80 | (c & 0x3f));
		check(b, n);
	}
}

static void test_others(void **state)
{
	struct wire_out out = {0};

	(void)state;
	html_name(&out, "a<", 2);
	html_put(&out, "&");
	html_hex(&out, "\x01\xff", 2);
	html_time(&out, 1000);
	wire_out_u8(&out, 0);
	assert_string_equal((char *)out.p,
			    "<bdi>a&lt;</bdi>&amp;<code>01ff</code>"
			    "<time datetime=\"1970-01-01T00:00:01.000Z\"><span>1970-01-01</span> "
			    "<span>00:00:01.000</span></time>");
	wire_out_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),  cmocka_unit_test(test_markup),
		cmocka_unit_test(test_hidden), cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_all),    cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
