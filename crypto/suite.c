/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/suite.h"

#include <sodium.h>
#include <string.h>

#include "crypto/err.h"
#include "crypto/gcm.h"
#include "crypto/secret.h"

_Static_assert(GCM_NONCE_SIZE == SUITE_NONCE_SIZE, "AES-GCM nonce");
_Static_assert(GCM_TAG_SIZE == 16, "AES-GCM tag");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == 32, "XChaCha20 key");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == 12 + SUITE_NONCE_SIZE,
	       "XChaCha20 nonce");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == 16, "Poly1305 tag");

/* libsodium has AEGIS-256 in its final form since 1.0.19. */
#ifdef crypto_aead_aegis256_KEYBYTES
#define HAVE_AEGIS256 true
_Static_assert(crypto_aead_aegis256_KEYBYTES == 32, "AEGIS-256 key");
_Static_assert(crypto_aead_aegis256_NPUBBYTES == 20 + SUITE_NONCE_SIZE, "AEGIS-256 nonce");
_Static_assert(crypto_aead_aegis256_ABYTES == SUITE_TAG_MAX, "AEGIS-256 tag");
#else
#define HAVE_AEGIS256 false
#define crypto_aead_aegis256_encrypt crypto_aead_xchacha20poly1305_ietf_encrypt /* never called */
#define crypto_aead_aegis256_decrypt crypto_aead_xchacha20poly1305_ietf_decrypt
#endif

static const struct suite {
	const char *name;
	uint32_t tag;
} suites[] = {
	[SUITE_AES256GCM] = {"aes-256-gcm", 16},
	[SUITE_XCHACHA20POLY1305] = {"xchacha20-poly1305", 16},
	[SUITE_AEGIS256] = {"aegis-256", 32},
};
#define SUITES ((int)(sizeof(suites) / sizeof(suites[0])))

bool suite_available(int id)
{
	/* libsodium looks at the CPU in sodium_init(). libcrypto's AES would work without help of the
	 * CPU too, and slower than the other suite. */
	if (sodium_init() < 0)
		return false;
	switch (id) {
	case SUITE_AES256GCM:
		return crypto_aead_aes256gcm_is_available() == 1;
	case SUITE_XCHACHA20POLY1305:
		return true;
	case SUITE_AEGIS256:
		return HAVE_AEGIS256 && crypto_aead_aes256gcm_is_available() == 1;
	default:
		return false;
	}
}

enum suite_id suite_default(void)
{
	return suite_available(SUITE_AES256GCM) ? SUITE_AES256GCM : SUITE_XCHACHA20POLY1305;
}

const char *suite_name(int id)
{
	return id > 0 && id < SUITES ? suites[id].name : NULL;
}

uint32_t suite_tag_size(int id)
{
	return id > 0 && id < SUITES ? suites[id].tag : 0;
}

int suite_from_name(const char *name, size_t n)
{
	for (int id = 1; id < SUITES; id++)
		if (strlen(suites[id].name) == n && memcmp(suites[id].name, name, n) == 0)
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

#define NONCE_LONGEST 32

/* The nonce of a suite that has room for more than we give: zeros before it. */
static const uint8_t *long_nonce(uint8_t out[NONCE_LONGEST], size_t size,
				 const uint8_t nonce[SUITE_NONCE_SIZE])
{
	memset(out, 0, NONCE_LONGEST);
	memcpy(out + size - SUITE_NONCE_SIZE, nonce, SUITE_NONCE_SIZE);
	return out;
}

int suite_seal(struct suite_run *r, uint8_t *out, const void *in, size_t n, const void *ad,
	       size_t ad_len, const uint8_t nonce[SUITE_NONCE_SIZE])
{
	uint8_t npub[NONCE_LONGEST];

	switch (r->key->id) {
	case SUITE_AES256GCM:
		return gcm_seal(r->gcm, out, in, n, ad, ad_len, nonce);
	case SUITE_XCHACHA20POLY1305:
		return crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, in, n, ad, ad_len,
								  NULL, long_nonce(npub, 24, nonce),
								  r->key->key);
	case SUITE_AEGIS256:
		return crypto_aead_aegis256_encrypt(out, NULL, in, n, ad, ad_len, NULL,
						    long_nonce(npub, 32, nonce), r->key->key);
	}
	return ERR_UNSUPPORTED;
}

/* 0, or that it does not authenticate. */
static int open_any(struct suite_run *r, uint8_t *out, const uint8_t *in, size_t n, const void *ad,
		    size_t ad_len, const uint8_t nonce[SUITE_NONCE_SIZE])
{
	uint8_t npub[NONCE_LONGEST];

	switch (r->key->id) {
	case SUITE_AES256GCM:
		return gcm_open(r->gcm, out, in, n, ad, ad_len, nonce);
	case SUITE_XCHACHA20POLY1305:
		return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in, n, ad,
								  ad_len,
								  long_nonce(npub, 24, nonce),
								  r->key->key);
	case SUITE_AEGIS256:
		return crypto_aead_aegis256_decrypt(out, NULL, NULL, in, n, ad, ad_len,
						    long_nonce(npub, 32, nonce), r->key->key);
	}
	return -1;
}

int suite_open(struct suite_run *r, uint8_t *out, const uint8_t *in, size_t n, const void *ad,
	       size_t ad_len, const uint8_t nonce[SUITE_NONCE_SIZE])
{
	uint32_t tag = suite_tag_size(r->key->id);

	if (n < tag)
		return ERR_DAMAGED;
	if (open_any(r, out, in, n, ad, ad_len, nonce) == 0)
		return 0;
	secret_wipe(out, n - tag);
	return ERR_DAMAGED;
}
