/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/gcm.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "crypto/err.h"

struct gcm {
	EVP_CIPHER_CTX *ctx; /* kept for sealing and opening alike: both expand the same key */
};

struct gcm *gcm_new(void)
{
	struct gcm *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->ctx = EVP_CIPHER_CTX_new();
	/* Which code is used, looked up here and not for each key. */
	if (!g->ctx || EVP_CipherInit_ex(g->ctx, EVP_aes_256_gcm(), NULL, NULL, NULL, 0) != 1) {
		gcm_free(g);
		return NULL;
	}
	return g;
}

void gcm_free(struct gcm *g)
{
	if (!g)
		return;
	EVP_CIPHER_CTX_free(g->ctx); /* wipes */
	free(g);
}

int gcm_set_key(struct gcm *g, const uint8_t key[GCM_KEY_SIZE])
{
	return EVP_CipherInit_ex(g->ctx, NULL, NULL, key, NULL, -1) == 1 ? 0 : ERR_NOMEM;
}

void gcm_wipe_key(struct gcm *g)
{
	static const uint8_t zeros[GCM_KEY_SIZE], nonce[GCM_NONCE_SIZE];

	/* The expanded key is written over by that of zeros, and what was derived of it by a nonce;
	 * that costs half of what freeing and making it anew does. */
	(void)EVP_CipherInit_ex(g->ctx, NULL, NULL, zeros, nonce, 0);
}

/* The same for both: nonce and associated data, then n bytes from in to out. */
static bool run(struct gcm *g, int sealing, uint8_t *out, const uint8_t *in, size_t n,
		const void *ad, size_t ad_len, const uint8_t *nonce)
{
	int got;

	if (n > INT_MAX || ad_len > INT_MAX)
		return false;
	if (EVP_CipherInit_ex(g->ctx, NULL, NULL, NULL, nonce, sealing) != 1)
		return false;
	if (ad_len && EVP_CipherUpdate(g->ctx, NULL, &got, ad, (int)ad_len) != 1)
		return false;
	return n == 0 || EVP_CipherUpdate(g->ctx, out, &got, in, (int)n) == 1;
}

int gcm_seal(struct gcm *g, uint8_t *out, const void *in, size_t n, const void *ad, size_t ad_len,
	     const uint8_t nonce[GCM_NONCE_SIZE])
{
	int got;

	if (!run(g, 1, out, in, n, ad, ad_len, nonce) ||
	    EVP_CipherFinal_ex(g->ctx, out + n, &got) != 1 ||
	    EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_SIZE, out + n) != 1)
		return ERR_NOMEM;
	return 0;
}

int gcm_open(struct gcm *g, uint8_t *out, const uint8_t *in, size_t n, const void *ad,
	     size_t ad_len, const uint8_t nonce[GCM_NONCE_SIZE])
{
	uint8_t tag[GCM_TAG_SIZE];
	int got;

	if (n < GCM_TAG_SIZE)
		return ERR_DAMAGED;
	n -= GCM_TAG_SIZE;
	for (size_t i = 0; i < GCM_TAG_SIZE; i++)
		tag[i] = in[n + i];
	if (run(g, 0, out, in, n, ad, ad_len, nonce) &&
	    EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_SIZE, tag) == 1 &&
	    EVP_CipherFinal_ex(g->ctx, tag, &got) == 1)
		return 0;
	return ERR_DAMAGED;
}
