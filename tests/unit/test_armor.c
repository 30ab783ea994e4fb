/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/armor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/fixture.h"

#define LABEL "TEST DATA"
#define BEGIN "-----BEGIN TEST DATA-----"
#define END "-----END TEST DATA-----"

/* "a" x 64 is 48 bytes */
#define A16 "aaaaaaaaaaaaaaaa"
#define LINE A16 A16 A16 A16

/* Decodes from memory of exactly its size; -1 on refusal, else the number of bytes. */
static long decode(const char *text, size_t n, unsigned columns)
{
	char *copy = malloc(n + 1);
	struct wire_out out = {0};
	long result = -1;
	int rc;

	assert_non_null(copy);
	memcpy(copy + 1, text, n);
	wire_out_text(&out, "kept");
	rc = armor_decode(&out, LABEL, columns, (struct text_span){copy + 1, n});
	assert_true(out.n >= 4);
	assert_memory_equal(out.p, "kept", 4);
	if (rc == 0) {
		result = (long)out.n - 4;
	} else {
		assert_int_equal(rc, ERR_MALFORMED);
		assert_int_equal(out.n, 4);
	}
	wire_out_free(&out);
	free(copy);
	return result;
}

static void test_round_trip(void **state)
{
	uint8_t in[200];

	(void)state;
	fixture_fill(in, sizeof(in), 7);
	for (size_t n = 0; n <= sizeof(in); n++) {
		struct wire_out text = {0}, out = {0};

		armor_encode(&text, LABEL, in, n);
		assert_true(wire_out_ok(&text));
		assert_int_equal(armor_decode(&out, LABEL, ARMOR_COLUMNS,
					      (struct text_span){(char *)text.p, text.n}),
				 0);
		assert_int_equal(out.n, n);
		assert_memory_equal(out.p, in, n);
		/* all ways to cut it off, but for the last line end */
		for (size_t cut = 0; cut + 1 < text.n; cut++)
			assert_int_equal(decode((char *)text.p, cut, ARMOR_COLUMNS), -1);
		assert_int_equal(decode((char *)text.p, text.n - 1, ARMOR_COLUMNS), n);
		wire_out_free(&text);
		wire_out_free(&out);
	}
}

static void test_layout(void **state)
{
	struct wire_out text = {0};
	uint8_t in[49];

	(void)state;
	memset(in, 0, sizeof(in));
	armor_encode(&text, LABEL, in, sizeof(in));
	wire_out_u8(&text, 0);
	assert_true(wire_out_ok(&text));
	assert_string_equal((char *)text.p, BEGIN
			    "\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			    "\nAA==\n" END "\n");
	wire_out_free(&text);
}

struct example {
	const char *text;
	long exact, any; /* length, or -1, with lines of 64 and of any width */
};

static const struct example examples[] = {
	{BEGIN "\n" END "\n", 0, 0},
	{BEGIN "\n" END, 0, 0},
	{BEGIN "\r\n" END "\r\n", 0, 0},
	{BEGIN "\nAAAA\n" END "\n", 3, 3},
	{BEGIN "\r\nAAAA\n" END "\r\n", 3, 3},
	{BEGIN "\n" LINE "\n" END "\n", 48, 48},
	{BEGIN "\n" LINE "\n" LINE "\nAA==\n" END "\n", 97, 97},
	/* other widths */
	{BEGIN "\nAAAA\nAAAA\n" END "\n", -1, 6},
	{BEGIN "\nA\nAAA\n" END "\n", -1, 3},
	{BEGIN "\nAAAA\n" LINE "\n" END "\n", -1, 51},
	{BEGIN "\n" LINE A16 "\n" END "\n", -1, -1},	     /* 80 columns */
	{BEGIN "\n" LINE "aaaaaaaaaaaa\n" END "\n", -1, 57}, /* 76 */
	{BEGIN "\n" LINE "aaaa\n" END "\n", -1, 51},	     /* 68 */
	/* not the armor alone */
	{"", -1, -1},
	{"\n" BEGIN "\n" END "\n", -1, -1},
	{" " BEGIN "\n" END "\n", -1, -1},
	{BEGIN "\n" END "\n\n", -1, -1},
	{BEGIN "\n" END "\n ", -1, -1},
	{BEGIN "\n" END "\nx", -1, -1},
	{BEGIN "\n" END " \n", -1, -1},
	{BEGIN " \n" END "\n", -1, -1},
	{BEGIN "\n" BEGIN "\n" END "\n", -1, -1},
	{BEGIN "\nAAAA\n", -1, -1},
	{BEGIN "\nAAAA\n-----END TEST DATA----\n", -1, -1},
	{BEGIN "\nAAAA\n-----END TEST DATE-----\n", -1, -1},
	{BEGIN "\nAAAA\n-----END TEST DATA -----\n", -1, -1},
	{BEGIN "\nAAAA\n-----END TESTDATA-----\n", -1, -1},
	{"-----BEGIN TEST DATE-----\nAAAA\n" END "\n", -1, -1},
	{"-----begin TEST DATA-----\nAAAA\n" END "\n", -1, -1},
	{"----BEGIN TEST DATA-----\nAAAA\n" END "\n", -1, -1},
	/* no base64, or not the one encoding */
	{BEGIN "\n\n" END "\n", -1, -1},
	{BEGIN "\nAAAA\n\n" END "\n", -1, -1},
	{BEGIN "\nAAA\n" END "\n", -1, -1},
	{BEGIN "\nAB==\n" END "\n", -1, -1},
	{BEGIN "\nAA==AAAA\n" END "\n", -1, -1},
	{BEGIN "\nAA==\nAAAA\n" END "\n", -1, -1},
	{BEGIN "\nAA=\n=\n" END "\n", -1, 1},
	{BEGIN "\nAAAA \n" END "\n", -1, -1},
	{BEGIN "\n AAAA\n" END "\n", -1, -1},
	{BEGIN "\nAA AA\n" END "\n", -1, -1},
	{BEGIN "\nAA\rAA\n" END "\n", -1, -1},
	{BEGIN "\nAAAA\r\r\n" END "\n", -1, -1},
	{BEGIN "\nAA-_\n" END "\n", -1, -1},
	{BEGIN "\nComment: x\n\nAAAA\n" END "\n", -1, -1},
};

static void test_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *e = &examples[i];
		long exact = decode(e->text, strlen(e->text), ARMOR_COLUMNS);
		long any = decode(e->text, strlen(e->text), ARMOR_COLUMNS_ANY);

		if (exact != e->exact || any != e->any)
			fail_msg("%ld and %ld: %s", exact, any, e->text);
	}
	assert_int_equal(decode(BEGIN "\nAA\0A\n" END "\n", strlen(BEGIN END) + 7, ARMOR_COLUMNS),
			 -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
