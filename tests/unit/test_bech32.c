/* SPDX-License-Identifier: Apache-2.0 */
/* The valid and invalid strings of BIP 173, and the two kinds of age keys. */
#include "crypto/bech32.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/age.h"
#include "tests/lib/fixture.h"

static struct text_span span(const char *z)
{
	return (struct text_span){z, strlen(z)};
}

struct known {
	const char *hrp, *text;
	size_t n;
	const char *hex;
};

static const struct known known[] = {
	{"A", "A12UEL5L", 0, ""},
	{"a", "a12uel5l", 0, ""},
	{"an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio",
	 "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
	 0, ""},
	{"abcdef", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", 20,
	 "00443214c74254b635cf84653a56d7c675be77df"},
	{"1",
	 "11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247j",
	 51,
	 "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "000000000000"},
	{"split", "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", 30,
	 "c5f38b70305f519bf66d85fb6cf03058f3dde463ecd7918f2dc743918f2d"},
	{"?", "?1ezyfcl", 0, ""},
};

static void test_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct known *k = &known[i];
		char hex[2 * 64 + 1], text[BECH32_MAX + 1];
		uint8_t bytes[64];

		assert_int_equal(bech32_decode(bytes, k->n, k->hrp, span(k->text)), 0);
		text_hex(hex, bytes, k->n);
		assert_string_equal(hex, k->hex);
		assert_int_equal(BECH32_SIZE(strlen(k->hrp), k->n), strlen(k->text) + 1);
		bech32_encode(text, k->hrp, bytes, k->n);
		assert_string_equal(text, k->text);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *hrp, *text;
		size_t n;
	} bad[] = {
		/* the published ones of BIP 173 */
		{"an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharacters"
		 "bio",
		 "an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharacters"
		 "bio1569pvx",
		 0},
		{"", "pzry9x0s0muk", 0},
		{"", "1pzry9x0s0muk", 0},
		{"x", "x1b4n0q5v", 0},
		{"li", "li1dgmt3", 0},
		{"de", "de1lg7wt\xff", 0},
		{"A", "A1G7SGD8", 0},
		{"A", "A12uEL5L", 0}, /* mixed case, and case that is not the prefix's */
		{"A", "A12uel5l", 0},
		{"A", "a12uel5l", 0},
		{"a", "A12UEL5L", 0},
		{"a", "b12uel5l", 0},
		{"a", "a22uel5l", 0},
		{"a", "a12uel5", 0},
		{"a", "a12uel5ll", 0},
		{"a", "a12uel5l", 1}, /* more data is asked for */
		{"a", "", 0},
		{"abcdef", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", 19},
		{"abcdef", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", 21},
	};
	uint8_t bytes[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (bech32_decode(bytes, bad[i].n, bad[i].hrp, span(bad[i].text)) != ERR_MALFORMED)
			fail_msg("accepted: %s", bad[i].text);
	assert_int_equal(bech32_decode(bytes, 0, "a", (struct text_span){NULL, 0}), ERR_MALFORMED);
	assert_int_equal(bech32_decode(bytes, 0, "a", (struct text_span){"a1\0uel5l", 8}),
			 ERR_MALFORMED);
}

/* One byte is two characters, whose last two bits are no data: they must be zero, even under a good
 * checksum. */
static void test_padding(void **state)
{
	uint8_t byte;

	(void)state;
	assert_int_equal(bech32_decode(&byte, 1, "a", span("a1put0xkhj")), 0);
	assert_int_equal(byte, 0x0f);
	assert_int_equal(bech32_decode(&byte, 1, "a", span("a1pakejr2q")), ERR_MALFORMED);
	assert_int_equal(byte, 0);
	assert_int_equal(bech32_decode(&byte, 1, "a", span("a1p7c284yl")), ERR_MALFORMED);
	assert_int_equal(bech32_decode(&byte, 1, "a", span("a1pl9unqed")), ERR_MALFORMED);
}

static void test_sizes(void **state)
{
	uint8_t in[50], out[50];
	char text[BECH32_MAX + 1];

	(void)state;
	fixture_fill(in, sizeof(in), 1);
	for (size_t n = 0; n <= 48; n++) {
		bech32_encode(text, "age", in, n);
		assert_int_equal(strlen(text) + 1, BECH32_SIZE(3, n));
		memset(out, 0xee, sizeof(out));
		assert_int_equal(bech32_decode(out, n, "age", span(text)), 0);
		assert_memory_equal(out, in, n);
		assert_int_equal(out[n], 0xee);
		/* every character counts */
		for (size_t i = 0; text[i]; i++) {
			text[i] ^= 1;
			assert_int_equal(bech32_decode(out, n, "age", span(text)), ERR_MALFORMED);
			text[i] ^= 1;
		}
	}
}

#define SECRET "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0"
#define PUBLIC "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef"

static void test_age_keys(void **state)
{
	uint8_t secret[32], pub[32], again[32];
	char text[AGE_IDENTITY_TEXT], recipient[AGE_RECIPIENT_TEXT], *lower;

	(void)state;
	assert_int_equal(age_identity_parse(secret, span(SECRET)), 0);
	age_public(pub, secret);
	age_recipient_text(recipient, pub);
	assert_string_equal(recipient, PUBLIC);
	assert_int_equal(age_recipient_parse(again, span(PUBLIC)), 0);
	assert_memory_equal(again, pub, sizeof(pub));
	age_identity_text(text, secret);
	assert_string_equal(text, SECRET);

	/* neither is the other, nor has it the other's case */
	assert_int_equal(age_recipient_parse(again, span(SECRET)), ERR_MALFORMED);
	assert_int_equal(age_identity_parse(again, span(PUBLIC)), ERR_MALFORMED);
	lower = strdup(SECRET);
	assert_non_null(lower);
	for (char *c = lower; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
	assert_int_equal(age_identity_parse(again, span(lower)), ERR_MALFORMED);
	free(lower);
	assert_int_equal(age_identity_parse(again, span(SECRET "\n")), ERR_MALFORMED);
	assert_int_equal(age_recipient_parse(again, span("")), ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),	 cmocka_unit_test(test_refused),
		cmocka_unit_test(test_padding),	 cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_age_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
