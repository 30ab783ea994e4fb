/* SPDX-License-Identifier: Apache-2.0 */
/* gcm: what libsodium seals it opens and the other way round, byte for byte, whatever the lengths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "crypto/err.h"
#include "crypto/gcm.h"

enum { MAX = 20000, TAG = GCM_TAG_SIZE };

struct both {
	struct gcm *gcm;
	_Alignas(16) crypto_aead_aes256gcm_state sodium;
	uint8_t key[32], nonce[12], ad[40], plain[MAX], a[MAX + TAG], b[MAX + TAG], out[MAX + TAG];
};

static int set_up(void **state)
{
	struct both *t = test_calloc(1, sizeof(*t));

	*state = t;
	t->gcm = gcm_new();
	assert_non_null(t->gcm);
	return sodium_init() < 0;
}

static int tear_down(void **state)
{
	struct both *t = *state;

	gcm_free(t->gcm);
	gcm_free(NULL);
	test_free(t);
	return 0;
}

/* Fresh random key, nonce, associated data and plaintext, for both. */
static void fresh(struct both *t)
{
	randombytes_buf(t->key, sizeof(t->key));
	randombytes_buf(t->nonce, sizeof(t->nonce));
	randombytes_buf(t->ad, sizeof(t->ad));
	randombytes_buf(t->plain, sizeof(t->plain));
	assert_int_equal(gcm_set_key(t->gcm, t->key), 0);
	crypto_aead_aes256gcm_beforenm(&t->sodium, t->key);
}

static void same(struct both *t, size_t n, size_t ad)
{
	assert_int_equal(gcm_seal(t->gcm, t->a, t->plain, n, t->ad, ad, t->nonce), 0);
	crypto_aead_aes256gcm_encrypt_afternm(t->b, NULL, t->plain, n, t->ad, ad, NULL, t->nonce,
					      &t->sodium);
	assert_memory_equal(t->a, t->b, n + TAG);
	memset(t->out, 0xee, sizeof(t->out));
	assert_int_equal(gcm_open(t->gcm, t->out, t->b, n + TAG, t->ad, ad, t->nonce), 0);
	assert_memory_equal(t->out, t->plain, n);
	assert_int_equal(t->out[n], 0xee);
	assert_int_equal(crypto_aead_aes256gcm_decrypt_afternm(t->out, NULL, NULL, t->a, n + TAG,
							       t->ad, ad, t->nonce, &t->sodium),
			 0);
}

static void test_same_as_libsodium(void **state)
{
	struct both *t = *state;

	if (!crypto_aead_aes256gcm_is_available()) {
		print_message("SKIP: libsodium has no AES-256-GCM on this CPU\n");
		skip();
	}
	for (size_t n = 0; n <= MAX; n += n < 400 ? 1 : 997) {
		fresh(t);
		same(t, n, n % (sizeof(t->ad) + 1));
		same(t, n, 0);
	}
}

/* Every bit of a sealed chunk counts, and the state left by a refusal harms nothing. */
static void test_damage(void **state)
{
	struct both *t = *state;
	const size_t n = 70;

	fresh(t);
	assert_int_equal(gcm_seal(t->gcm, t->a, t->plain, n, t->ad, 8, t->nonce), 0);
	for (size_t bit = 0; bit < (n + TAG) * 8; bit++) {
		t->a[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(gcm_open(t->gcm, t->out, t->a, n + TAG, t->ad, 8, t->nonce),
				 ERR_DAMAGED);
		t->a[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < n + TAG; cut++)
		assert_int_equal(gcm_open(t->gcm, t->out, t->a, cut, t->ad, 8, t->nonce),
				 ERR_DAMAGED);
	assert_int_equal(gcm_open(t->gcm, t->out, t->a, n + TAG, t->ad, 7, t->nonce), ERR_DAMAGED);
	assert_int_equal(gcm_open(t->gcm, t->out, t->a, n + TAG, t->ad, 8, t->nonce), 0);
	assert_memory_equal(t->out, t->plain, n);
}

/* A wiped key opens nothing, and what is sealed then is sealed under another. */
static void test_wipe(void **state)
{
	struct both *t = *state;

	fresh(t);
	assert_int_equal(gcm_seal(t->gcm, t->a, t->plain, 99, NULL, 0, t->nonce), 0);
	gcm_wipe_key(t->gcm);
	assert_int_equal(gcm_open(t->gcm, t->out, t->a, 99 + TAG, NULL, 0, t->nonce), ERR_DAMAGED);
	assert_int_equal(gcm_set_key(t->gcm, t->key), 0);
	assert_int_equal(gcm_open(t->gcm, t->out, t->a, 99 + TAG, NULL, 0, t->nonce), 0);
	assert_memory_equal(t->out, t->plain, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_as_libsodium, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wipe, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
