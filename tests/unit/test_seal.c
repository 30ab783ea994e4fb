/* SPDX-License-Identifier: Apache-2.0 */
/* seal: a published example, round trips, and every kind of damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crypto/err.h"
#include "crypto/seal.h"
#include "crypto/text.h"

static void sequence(uint8_t *p, size_t n, uint8_t from)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(from + i);
}

static void unhex(void *out, size_t n, const char *hex)
{
	assert_true(text_unhex((struct text_span){hex, strlen(hex)}, out, n));
}

/* draft-irtf-cfrg-xchacha-03, appendix A.3.1, with the nonce in front as we store it. */
static void test_known(void **state)
{
	static const char plain[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
		"the future, sunscreen would be it.";
	enum { N = sizeof(plain) - 1 };
	uint8_t key[32], ad[12], sealed[N + SEAL_OVERHEAD], out[N];

	(void)state;
	sequence(key, 32, 0x80);
	unhex(ad, 12, "50515253c0c1c2c3c4c5c6c7");
	sequence(sealed, 24, 0x40);
	unhex(sealed + 24, N + 16,
	      "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
	      "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
	      "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
	      "21f9664c97637da9768812f615c68b13b52e"
	      "c0875924c1c7987947deafd8780acf49");
	assert_int_equal(seal_open(out, key, ad, 12, sealed, sizeof(sealed)), 0);
	assert_memory_equal(out, plain, N);
}

static void test_round_trips(void **state)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 32, 63, 64, 65, 4096, 70000};
	uint8_t key[32];

	(void)state;
	sequence(key, 32, 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i];
		uint8_t *in = malloc(n + 1), *sealed = malloc(n + SEAL_OVERHEAD);
		uint8_t *again = malloc(n + SEAL_OVERHEAD), *out = malloc(n + 1);

		sequence(in, n, 3);
		seal_close(sealed, key, "ad", 2, in, n);
		assert_int_equal(seal_open(out, key, "ad", 2, sealed, n + SEAL_OVERHEAD), 0);
		assert_memory_equal(out, in, n);
		/* Another nonce each time. */
		seal_close(again, key, "ad", 2, in, n);
		assert_memory_not_equal(again, sealed, 24);
		/* No associated data is another thing than some. */
		seal_close(again, key, NULL, 0, in, n);
		assert_int_equal(seal_open(out, key, NULL, 0, again, n + SEAL_OVERHEAD), 0);
		assert_int_equal(seal_open(out, key, "ad", 2, again, n + SEAL_OVERHEAD),
				 ERR_DAMAGED);
		free(in);
		free(sealed);
		free(again);
		free(out);
	}
}

/* Counted nonces: none comes twice, not even where a byte is carried, and every value opens. */
static void test_many(void **state)
{
	enum { MANY = 1000, SIZE = 5 + SEAL_OVERHEAD };
	static uint8_t sealed[MANY][SIZE];
	struct seal_nonces s;
	uint8_t key[32], out[5];

	(void)state;
	sequence(key, 32, 1);
	seal_nonces_init(&s);
	for (size_t i = 0; i < MANY; i++) {
		seal_close_next(sealed[i], key, "ad", 2, "value", 5, &s);
		assert_int_equal(seal_open(out, key, "ad", 2, sealed[i], SIZE), 0);
		assert_memory_equal(out, "value", 5);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(sealed[k], sealed[i], 24);
	}
	seal_nonces_init(&s);
	seal_close_next(sealed[0], key, "ad", 2, "value", 5, &s);
	assert_memory_not_equal(sealed[0], sealed[1], 16);
}

static void assert_refused(const uint8_t *key, const char *ad, size_t ad_len, const uint8_t *sealed,
			   size_t n)
{
	uint8_t out[64];

	memset(out, 0xee, sizeof(out));
	assert_int_equal(seal_open(out, key, ad, ad_len, sealed, n), ERR_DAMAGED);
	for (size_t i = 0; i < sizeof(out); i++) /* zeros where plaintext would be, no more */
		assert_int_equal(out[i], n >= SEAL_OVERHEAD && i < n - SEAL_OVERHEAD ? 0 : 0xee);
}

static void test_damage(void **state)
{
	enum { N = 32 };
	uint8_t key[32], in[N], sealed[N + SEAL_OVERHEAD + 1] = {0};
	const size_t whole = N + SEAL_OVERHEAD;

	(void)state;
	sequence(key, 32, 1);
	sequence(in, N, 3);
	seal_close(sealed, key, "ad", 2, in, N);
	for (size_t bit = 0; bit < whole * 8; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_refused(key, "ad", 2, sealed, whole);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < whole; n++)
		assert_refused(key, "ad", 2, sealed, n);
	assert_refused(key, "ad", 2, sealed, whole + 1);
	assert_refused(key, "ad", 1, sealed, whole);
	assert_refused(key, "aD", 2, sealed, whole);
	assert_refused(key, "ad\0", 3, sealed, whole);
	assert_refused(key, NULL, 0, sealed, whole);
	for (size_t bit = 0; bit < 256; bit++) {
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_refused(key, "ad", 2, sealed, whole);
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(seal_open(in, key, "ad", 2, sealed, whole), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
