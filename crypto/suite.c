/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/suite.h"

#include <sodium.h>
#include <string.h>

#include "crypto/err.h"
#include "crypto/gcm.h"
#include "crypto/secret.h"

_Static_assert(GCM_NONCE_SIZE == SUITE_NONCE_SIZE, "AES-GCM nonce");
_Static_assert(GCM_TAG_SIZE == SUITE_TAG_SIZE, "AES-GCM tag");
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
	/* libsodium looks at the CPU in sodium_init(). libcrypto's AES would work without help of the
	 * CPU too, and slower than the other suite. */
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
	memcpy(k->key, key, sizeof(k->key));
	return 0;
}

int suite_begin(struct suite_run *r, const struct suite_key *k)
{
	int rc;

	r->key = NULL;
	if (k->id == SUITE_AES256GCM) {
		if (!r->gcm)
			r->gcm = gcm_new();
		rc = r->gcm ? gcm_set_key(r->gcm, k->key) : ERR_NOMEM;
		if (rc)
			return rc;
	}
	r->key = k;
	return 0;
}

void suite_end(struct suite_run *r)
{
	if (r->key && r->key->id == SUITE_AES256GCM)
		gcm_wipe_key(r->gcm);
	r->key = NULL;
}

void suite_run_free(struct suite_run *r)
{
	gcm_free(r->gcm);
	*r = (struct suite_run){0};
}

static void long_nonce(uint8_t out[12 + SUITE_NONCE_SIZE], const uint8_t nonce[SUITE_NONCE_SIZE])
{
	memset(out, 0, 12);
	memcpy(out + 12, nonce, SUITE_NONCE_SIZE);
}

int suite_seal(struct suite_run *r, uint8_t *out, const void *in, size_t n, const void *ad,
	       size_t ad_len, const uint8_t nonce[SUITE_NONCE_SIZE])
{
	uint8_t npub[12 + SUITE_NONCE_SIZE];

	if (r->key->id == SUITE_AES256GCM)
		return gcm_seal(r->gcm, out, in, n, ad, ad_len, nonce);
	long_nonce(npub, nonce);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, in, n, ad, ad_len, NULL, npub,
						   r->key->key);
	return 0;
}

int suite_open(struct suite_run *r, uint8_t *out, const uint8_t *in, size_t n, const void *ad,
	       size_t ad_len, const uint8_t nonce[SUITE_NONCE_SIZE])
{
	uint8_t npub[12 + SUITE_NONCE_SIZE];
	int rc;

	if (n < SUITE_TAG_SIZE)
		return ERR_DAMAGED;
	if (r->key->id == SUITE_AES256GCM) {
		rc = gcm_open(r->gcm, out, in, n, ad, ad_len, nonce);
	} else {
		long_nonce(npub, nonce);
		rc = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in, n, ad, ad_len,
								npub, r->key->key);
	}
	if (rc == 0)
		return 0;
	secret_wipe(out, n - SUITE_TAG_SIZE);
	return ERR_DAMAGED;
}
