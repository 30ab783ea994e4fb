/* SPDX-License-Identifier: Apache-2.0 */
/* suite: published examples of both, and that nothing altered opens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crypto/err.h"
#include "crypto/suite.h"
#include "crypto/text.h"

static const int suites[] = {SUITE_AES256GCM, SUITE_XCHACHA20POLY1305};
#define SUITES (sizeof(suites) / sizeof(suites[0]))

enum { TAG = 16 }; /* of both; suite 3 has a test of its own */

static void sequence(uint8_t *p, size_t n, uint8_t from)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(from + i);
}

static void unhex(void *out, size_t n, const char *hex)
{
	assert_true(text_unhex((struct text_span){hex, strlen(hex)}, out, n));
}

/* One call, with a run of its own. */
static void seal(const struct suite_key *k, uint8_t *out, const void *in, size_t n, const void *ad,
		 size_t ad_len, const uint8_t *nonce)
{
	struct suite_run r = {0};

	assert_int_equal(suite_begin(&r, k), 0);
	assert_int_equal(suite_seal(&r, out, in, n, ad, ad_len, nonce), 0);
	suite_run_free(&r);
}

static int open_with(const struct suite_key *k, uint8_t *out, const uint8_t *in, size_t n,
		     const void *ad, size_t ad_len, const uint8_t *nonce)
{
	struct suite_run r = {0};
	int rc;

	assert_int_equal(suite_begin(&r, k), 0);
	rc = suite_open(&r, out, in, n, ad, ad_len, nonce);
	suite_run_free(&r);
	return rc;
}

/* Seal gives the example, alone and in place, and it opens again. */
static void known(int id, const uint8_t key[32], const uint8_t nonce[12], const uint8_t *ad,
		  size_t ad_len, const void *plain, size_t n, const char *want_hex)
{
	uint8_t want[256], out[256];
	struct suite_key k;

	assert_int_equal(suite_key_init(&k, id, key), 0);
	unhex(want, n + TAG, want_hex);
	seal(&k, out, plain, n, ad, ad_len, nonce);
	assert_memory_equal(out, want, n + TAG);
	assert_int_equal(open_with(&k, out, want, n + TAG, ad, ad_len, nonce), 0);
	assert_memory_equal(out, plain, n);
	seal(&k, out, out, n, ad, ad_len, nonce);
	assert_memory_equal(out, want, n + TAG);
	assert_int_equal(open_with(&k, out, out, n + TAG, ad, ad_len, nonce), 0);
	assert_memory_equal(out, plain, n);
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test case 16. */
static void test_aes_gcm(void **state)
{
	uint8_t key[32], nonce[12], ad[20], plain[60];

	(void)state;
	if (!suite_available(SUITE_AES256GCM)) {
		print_message("SKIP: AES-256-GCM (this CPU has no AES)\n");
		skip();
	}
	unhex(key, 32, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
	unhex(nonce, 12, "cafebabefacedbaddecaf888");
	unhex(ad, 20, "feedfacedeadbeeffeedfacedeadbeefabaddad2");
	unhex(plain, 60,
	      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
	known(SUITE_AES256GCM, key, nonce, ad, 20, plain, 60,
	      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
	      "76fc6ece0f4e1768cddf8853bb2d551b");
}

/* The draft's example has no zeros before its nonce; this value was computed with HChaCha20 written
 * apart (which does give the draft's) and the ChaCha20-Poly1305 of Node.js. */
static void test_xchacha(void **state)
{
	static const char plain[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
		"the future, sunscreen would be it.";
	uint8_t key[32], nonce[12], ad[12];

	(void)state;
	sequence(key, 32, 0x80);
	sequence(nonce, 12, 0x40);
	unhex(ad, 12, "50515253c0c1c2c3c4c5c6c7");
	known(SUITE_XCHACHA20POLY1305, key, nonce, ad, 12, plain, sizeof(plain) - 1,
	      "70299bdfda2610165759578649272fd5e59756ed4089795f7ca4369bc2c67a41"
	      "c4be1f6374c7f7405d4633e197730833e376e737613e4b0611675131249ef021"
	      "6498701cc5dce246692fdd196f1bce4952aa4edaa55d010c142c929ec8c6e33e"
	      "b2d5ac8f7029a94ea0280cd2b56f49e7480ca202656a03b61cc74a1c576a643d5b3f");
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(suite_name(1), "aes-256-gcm");
	assert_string_equal(suite_name(2), "xchacha20-poly1305");
	assert_null(suite_name(0));
	assert_string_equal(suite_name(3), "aegis-256");
	assert_null(suite_name(4));
	assert_null(suite_name(-1));
	assert_null(suite_name(1000));
	assert_int_equal(suite_from_name("aes-256-gcm", 11), 1);
	assert_int_equal(suite_from_name("xchacha20-poly1305", 18), 2);
	assert_int_equal(suite_from_name("aes-256-gcm", 10), 0);
	assert_int_equal(suite_from_name("aes-256-gcm\n", 12), 0);
	assert_int_equal(suite_from_name("AES-256-GCM", 11), 0);
	assert_int_equal(suite_from_name("", 0), 0);
	assert_int_equal(suite_from_name("aegis-256", 9), 3);
	assert_int_equal(suite_from_name("aegis-128l", 10), 0);
}

static void test_available(void **state)
{
	static const int none[] = {-1, 0, 4, 257, 258};
	const uint8_t key[32] = {0};
	struct suite_key k;

	(void)state;
	assert_true(suite_available(SUITE_XCHACHA20POLY1305));
	assert_true(suite_available((int)suite_default()));
	if (suite_available(SUITE_AES256GCM))
		assert_int_equal(suite_default(), SUITE_AES256GCM);
	else
		assert_int_equal(suite_key_init(&k, SUITE_AES256GCM, key), ERR_UNSUPPORTED);
	/* The tag's size is known, and so what lies where, on machines that can't open it. */
	assert_int_equal(suite_tag_size(SUITE_AEGIS256), 32);
	if (!suite_available(SUITE_AEGIS256))
		assert_int_equal(suite_key_init(&k, SUITE_AEGIS256, key), ERR_UNSUPPORTED);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_false(suite_available(none[i]));
		assert_int_equal(suite_tag_size(none[i]), 0);
		assert_int_equal(suite_key_init(&k, none[i], key), ERR_UNSUPPORTED);
	}
}

/* In place and apart, for sizes around the steps of the vector code. */
static void test_sizes(void **state)
{
	enum { MAX = 1100 };
	uint8_t key[32], nonce[12], in[MAX], sealed[MAX + 16], out[MAX + 16];

	(void)state;
	sequence(key, 32, 9);
	sequence(nonce, 12, 5);
	for (size_t s = 0; s < SUITES; s++) {
		struct suite_key k;

		if (suite_key_init(&k, suites[s], key))
			continue;
		for (size_t n = 0; n <= MAX; n += n < 300 ? 1 : 37) {
			sequence(in, n, (uint8_t)n);
			seal(&k, sealed, in, n, "ad", 2, nonce);
			memcpy(out, in, n);
			seal(&k, out, out, n, "ad", 2, nonce);
			assert_memory_equal(out, sealed, n + 16);
			assert_int_equal(open_with(&k, out, out, n + 16, "ad", 2, nonce), 0);
			assert_memory_equal(out, in, n);
			memset(out, 0xee, sizeof(out));
			assert_int_equal(open_with(&k, out, sealed, n + 16, "ad", 2, nonce), 0);
			assert_memory_equal(out, in, n);
			assert_int_equal(out[n], 0xee);
		}
	}
}

static void assert_refused(const struct suite_key *k, const uint8_t *in, size_t n, const char *ad,
			   size_t ad_len, const uint8_t *nonce)
{
	uint8_t out[512];

	memset(out, 0xee, sizeof(out));
	assert_int_equal(open_with(k, out, in, n, ad, ad_len, nonce), ERR_DAMAGED);
	for (size_t i = 0; i < sizeof(out); i++) /* zeros where plaintext would be, no more */
		assert_int_equal(out[i], n >= 16 && i < n - 16 ? 0 : 0xee);
	/* And in place. */
	memcpy(out, in, n);
	assert_int_equal(open_with(k, out, out, n, ad, ad_len, nonce), ERR_DAMAGED);
	for (size_t i = 0; n >= 16 && i < n - 16; i++)
		assert_int_equal(out[i], 0);
}

static void damage(int id, size_t n)
{
	uint8_t key[32], nonce[12], in[300], sealed[317] = {0};
	struct suite_key k, wrong;

	sequence(key, 32, 9);
	sequence(nonce, 12, 5);
	sequence(in, n, 1);
	if (suite_key_init(&k, id, key))
		return;
	seal(&k, sealed, in, n, "ad", 2, nonce);
	for (size_t i = 0; i < n + 16; i++) {
		sealed[i] ^= (uint8_t)(1 << i % 8);
		assert_refused(&k, sealed, n + 16, "ad", 2, nonce);
		sealed[i] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t cut = 0; cut < n + 16; cut++)
		assert_refused(&k, sealed, cut, "ad", 2, nonce);
	assert_refused(&k, sealed, n + 17, "ad", 2, nonce);
	assert_refused(&k, sealed, n + 16, "Ad", 2, nonce);
	assert_refused(&k, sealed, n + 16, "ad", 1, nonce);
	assert_refused(&k, sealed, n + 16, NULL, 0, nonce);
	for (size_t bit = 0; bit < 96; bit++) {
		nonce[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_refused(&k, sealed, n + 16, "ad", 2, nonce);
		nonce[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t i = 0; i < 32; i++) {
		key[i] ^= 1;
		assert_int_equal(suite_key_init(&wrong, id, key), 0);
		assert_refused(&wrong, sealed, n + 16, "ad", 2, nonce);
		key[i] ^= 1;
	}
	assert_int_equal(open_with(&k, in, sealed, n + 16, "ad", 2, nonce), 0);
}

static void test_damage(void **state)
{
	(void)state;
	for (size_t s = 0; s < SUITES; s++) {
		damage(suites[s], 0);
		damage(suites[s], 1);
		damage(suites[s], 33);
		damage(suites[s], 300);
	}
}

/* One suite never opens what the other sealed under the same key. */
static void test_not_each_other(void **state)
{
	uint8_t key[32], nonce[12], sealed[48];
	const uint8_t in[32] = {0};
	struct suite_key a, b;

	(void)state;
	if (!suite_available(SUITE_AES256GCM)) {
		print_message("SKIP: AES-256-GCM (this CPU has no AES)\n");
		skip();
	}
	sequence(key, 32, 9);
	sequence(nonce, 12, 5);
	assert_int_equal(suite_key_init(&a, SUITE_AES256GCM, key), 0);
	assert_int_equal(suite_key_init(&b, SUITE_XCHACHA20POLY1305, key), 0);
	seal(&a, sealed, in, 32, "ad", 2, nonce);
	assert_refused(&b, sealed, 48, "ad", 2, nonce);
	seal(&b, sealed, in, 32, "ad", 2, nonce);
	assert_refused(&a, sealed, 48, "ad", 2, nonce);
}

/* One run for many keys and suites in turn, sealing and opening as it comes: nothing of the one key
 * is left for the other, and after the end a run takes the next. */
static void test_run(void **state)
{
	enum { ROUNDS = 40, N = 50 };
	uint8_t key[32] = {0}, nonce[12] = {0}, in[N], first[N + 16], out[N + 16];
	struct suite_run r = {0};
	struct suite_key a, b;

	(void)state;
	sequence(in, N, 3);
	for (unsigned i = 0; i < ROUNDS; i++) {
		int id = suites[i % SUITES];

		key[0] = (uint8_t)i;
		if (suite_key_init(&a, id, key))
			continue;
		key[1] ^= 1;
		assert_int_equal(suite_key_init(&b, id, key), 0);
		seal(&a, first, in, N, "ad", 2, nonce);
		assert_int_equal(suite_begin(&r, &a), 0);
		assert_int_equal(suite_open(&r, out, first, N + 16, "ad", 2, nonce), 0);
		assert_memory_equal(out, in, N);
		assert_int_equal(suite_seal(&r, out, in, N, "ad", 2, nonce), 0);
		assert_memory_equal(out, first, N + 16);
		if (i % 3)
			suite_end(&r);
		assert_int_equal(suite_begin(&r, &b), 0);
		assert_int_equal(suite_open(&r, out, first, N + 16, "ad", 2, nonce), ERR_DAMAGED);
		assert_int_equal(suite_seal(&r, out, in, N, "ad", 2, nonce), 0);
		assert_memory_not_equal(out, first, N + 16);
		suite_end(&r);
		suite_end(&r);
	}
	suite_run_free(&r);
	suite_run_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aes_gcm),	       cmocka_unit_test(test_xchacha),
		cmocka_unit_test(test_names),	       cmocka_unit_test(test_available),
		cmocka_unit_test(test_sizes),	       cmocka_unit_test(test_damage),
		cmocka_unit_test(test_not_each_other), cmocka_unit_test(test_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
