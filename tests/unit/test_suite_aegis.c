/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite 3, AEGIS-256: compiled against libsodium where that has it, else against a stand-in, which
 * is held to the published examples and to what libsodium 1.0.22 made of our content.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>

#include "tests/lib/aegis256.h"
/* Its objects stand before those of the library. */
#include "crypto/suite.c"

#include "crypto/hash.h"
#include "crypto/stream.h"
#include "crypto/text.h"

enum { TAG = 32, SIZE = 4096, CONTENT = 2 * SIZE + 905, STORED = CONTENT + 3 * TAG };

static void unhex(void *out, size_t n, const char *hex)
{
	assert_true(text_unhex((struct text_span){hex, strlen(hex)}, out, n));
}

static bool can(void)
{
	if (suite_available(SUITE_AEGIS256))
		return true;
	print_message("SKIP: AEGIS-256 (neither this libsodium nor a stand-in for this CPU)\n");
	return false;
}

#ifdef crypto_aead_aegis256_KEYBYTES
/* One of draft-irtf-cfrg-aegis-aead, "AEGIS-256 Test Vectors". */
static void example(const char *ad_hex, const char *text_hex, const char *sealed_hex)
{
	uint8_t key[32] = {0x10, 0x01}, nonce[32] = {0x10, 0x00, 0x02};
	uint8_t ad[64], text[64], want[96], got[96];
	size_t ad_len = strlen(ad_hex) / 2, n = strlen(text_hex) / 2;

	unhex(ad, ad_len, ad_hex);
	unhex(text, n, text_hex);
	unhex(want, n + TAG, sealed_hex);
	assert_int_equal(
		crypto_aead_aegis256_encrypt(got, NULL, text, n, ad, ad_len, NULL, nonce, key), 0);
	assert_memory_equal(got, want, n + TAG);
	assert_int_equal(crypto_aead_aegis256_decrypt(got, NULL, NULL, want, n + TAG, ad, ad_len,
						      nonce, key),
			 0);
	assert_memory_equal(got, text, n);
	want[n + TAG - 1] ^= 1;
	assert_int_not_equal(crypto_aead_aegis256_decrypt(got, NULL, NULL, want, n + TAG, ad,
							  ad_len, nonce, key),
			     0);
}
#endif

static void test_examples(void **state)
{
	(void)state;
	if (!can())
		skip();
#ifdef crypto_aead_aegis256_KEYBYTES
	example("", "00000000000000000000000000000000",
		"754fc3d8c973246dcc6d741412a4b236"
		"1181a1d18091082bf0266f66297d167d2e68b845f61a3b0527d31fc7b7b89f13");
	example("0001020304050607",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"f373079ed84b2709faee373584585d60accd191db310ef5d8b11833df9dec711"
		"b7d28d0c3c0ebd409fd22b44160503073a547412da0854bfb9723020dab8da1a");
	example("0001020304050607", "000102030405060708090a0b0c0d",
		"f373079ed84b2709faee37358458"
		"8c1cc703c81281bee3f6d9966e14948b4a175b2efbdc31e61a98b4465235c2d9");
	example("", "", "6a348c930adbd654896e1666aad67de989ea75ebaa2b82fb588977b1ffec864a");
#endif
}

static void fill(uint8_t *p, size_t n, unsigned by)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * by + (i >> 8));
}

static void make_key(struct stream_key *k)
{
	uint8_t file_key[32], ad[STREAM_AD_SIZE];

	fill(file_key, 32, 1);
	fill(ad, sizeof(ad), 3);
	assert_int_equal(stream_key_init(k, SUITE_AEGIS256, file_key, ad), 0);
}

/* Content of three chunks: its SHA-256 as sealed is what libsodium gives. */
static void test_content(void **state)
{
	const struct chunk_map m = {CONTENT, SIZE, suite_tag_size(SUITE_AEGIS256)};
	static uint8_t plain[CONTENT], stored[STORED], out[CONTENT];
	struct stream_run run = {0};
	uint8_t want[32], got[32];
	struct stream_key k;

	(void)state;
	if (!can())
		skip();
	make_key(&k);
	fill(plain, CONTENT, 7);
	assert_true(chunk_stored(m) == STORED);
	assert_int_equal(stream_begin(&run, &k), 0);
	assert_int_equal(stream_seal_chunks(&run, m, 0, 3, stored, plain), 0);
	hash_sha256(got, stored, STORED);
	unhex(want, 32, "c87e39fe300014038a9012ef0b5f413d732f40ea365ee5f24ade3107fb36397e");
	assert_memory_equal(got, want, 32);

	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(stream_open(&run, i, i == 2, out + i * SIZE,
					     stored + chunk_offset(m, i),
					     chunk_plain_len(m, i) + m.tag),
				 0);
	assert_memory_equal(out, plain, CONTENT);
	/* in place, one chunk */
	assert_int_equal(stream_open(&run, 1, false, stored + SIZE + TAG, stored + SIZE + TAG,
				     SIZE + TAG),
			 0);
	assert_memory_equal(stored + SIZE + TAG, plain + SIZE, SIZE);
	stream_run_free(&run);
}

/* Every bit of a small chunk, every other place and every other length: refused, and zeros. */
static void test_tampered(void **state)
{
	uint8_t plain[40], stored[40 + TAG], out[40 + TAG], zeros[40] = {0};
	struct stream_run run = {0};
	struct stream_key k;

	(void)state;
	if (!can())
		skip();
	make_key(&k);
	fill(plain, sizeof(plain), 5);
	assert_int_equal(stream_begin(&run, &k), 0);
	assert_int_equal(stream_seal(&run, 4, true, stored, plain, sizeof(plain)), 0);
	for (size_t bit = 0; bit < 8 * sizeof(stored); bit++) {
		stored[bit / 8] ^= (uint8_t)(1u << bit % 8);
		memset(out, 0xdd, sizeof(out));
		assert_int_equal(stream_open(&run, 4, true, out, stored, sizeof(stored)),
				 ERR_DAMAGED);
		assert_memory_equal(out, zeros, sizeof(zeros));
		stored[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 0; n < sizeof(stored); n++)
		assert_int_equal(stream_open(&run, 4, true, out, stored, n), ERR_DAMAGED);
	assert_int_equal(stream_open(&run, 4, false, out, stored, sizeof(stored)), ERR_DAMAGED);
	assert_int_equal(stream_open(&run, 3, true, out, stored, sizeof(stored)), ERR_DAMAGED);
	assert_int_equal(stream_open(&run, 4, true, out, stored, sizeof(stored)), 0);
	assert_memory_equal(out, plain, sizeof(plain));
	stream_run_free(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_tampered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
