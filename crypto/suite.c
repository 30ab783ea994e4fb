/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/suite.h"

#include <sodium.h>
#include <string.h>

#include "crypto/err.h"

_Static_assert(sizeof(crypto_aead_aes256gcm_state) <= sizeof(((struct suite_key *)0)->state),
	       "suite_key.state is too small");
_Static_assert(_Alignof(crypto_aead_aes256gcm_state) <= _Alignof(struct suite_key),
	       "suite_key.state is misaligned");
_Static_assert(crypto_aead_aes256gcm_KEYBYTES == 32, "AES key");
_Static_assert(crypto_aead_aes256gcm_NPUBBYTES == SUITE_NONCE_SIZE, "AES-GCM nonce");
_Static_assert(crypto_aead_aes256gcm_ABYTES == SUITE_TAG_SIZE, "AES-GCM tag");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == 32, "XChaCha20 key");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == 12 + SUITE_NONCE_SIZE,
	       "XChaCha20 nonce");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == SUITE_TAG_SIZE, "Poly1305 tag");

static const char *const names[] = {
	[SUITE_AES256GCM] = "aes-256-gcm",
	[SUITE_XCHACHA20POLY1305] = "xchacha20-poly1305",
};
#define NAMES ((int)(sizeof(names) / sizeof(names[0])))

bool suite_available(int id)
{
	/* The CPU is looked at in sodium_init(), and before that has no AES. */
	if (sodium_init() < 0)
		return false;
	if (id == SUITE_AES256GCM)
		return crypto_aead_aes256gcm_is_available() == 1;
	return id == SUITE_XCHACHA20POLY1305;
}

enum suite_id suite_default(void)
{
	return suite_available(SUITE_AES256GCM) ? SUITE_AES256GCM : SUITE_XCHACHA20POLY1305;
}

const char *suite_name(int id)
{
	return id > 0 && id < NAMES ? names[id] : NULL;
}

int suite_from_name(const char *name, size_t n)
{
	for (int id = 1; id < NAMES; id++)
		if (strlen(names[id]) == n && memcmp(names[id], name, n) == 0)
			return id;
	return 0;
}

int suite_key_init(struct suite_key *k, int id, const uint8_t key[32])
{
	memset(k, 0, sizeof(*k));
	if (!suite_available(id))
		return ERR_UNSUPPORTED;
	k->id = (enum suite_id)id;
	if (id == SUITE_AES256GCM)
		crypto_aead_aes256gcm_beforenm((void *)k->state, key);
	else
		memcpy(k->state, key, 32);
	return 0;
}

static void long_nonce(uint8_t out[12 + SUITE_NONCE_SIZE], const uint8_t nonce[SUITE_NONCE_SIZE])
{
	memset(out, 0, 12);
	memcpy(out + 12, nonce, SUITE_NONCE_SIZE);
}

void suite_seal(const struct suite_key *k, uint8_t *out, const void *in, size_t n, const void *ad,
		size_t ad_len, const uint8_t nonce[SUITE_NONCE_SIZE])
{
	uint8_t npub[12 + SUITE_NONCE_SIZE];

	if (k->id == SUITE_AES256GCM) {
		crypto_aead_aes256gcm_encrypt_afternm(out, NULL, in, n, ad, ad_len, NULL, nonce,
						      (const void *)k->state);
		return;
	}
	long_nonce(npub, nonce);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, in, n, ad, ad_len, NULL, npub,
						   k->state);
}

int suite_open(const struct suite_key *k, uint8_t *out, const uint8_t *in, size_t n, const void *ad,
	       size_t ad_len, const uint8_t nonce[SUITE_NONCE_SIZE])
{
	uint8_t npub[12 + SUITE_NONCE_SIZE];
	int rc;

	if (n < SUITE_TAG_SIZE)
		return ERR_DAMAGED;
	if (k->id == SUITE_AES256GCM) {
		rc = crypto_aead_aes256gcm_decrypt_afternm(out, NULL, NULL, in, n, ad, ad_len,
							   nonce, (const void *)k->state);
	} else {
		long_nonce(npub, nonce);
		rc = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in, n, ad, ad_len,
								npub, k->state);
	}
	if (rc == 0)
		return 0;
	if (n > SUITE_TAG_SIZE)
		memset(out, 0, n - SUITE_TAG_SIZE);
	return ERR_DAMAGED;
}
