/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/seal.h"

#include <sodium.h>
#include <string.h>

#include "crypto/err.h"
#include "crypto/secret.h"

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(NONCE + TAG == SEAL_OVERHEAD, "SEAL_OVERHEAD");
_Static_assert(NONCE == sizeof(((struct seal_nonces *)0)->next), "struct seal_nonces");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == SEAL_KEY_SIZE, "SEAL_KEY_SIZE");

void seal_close(uint8_t *out, const uint8_t key[SEAL_KEY_SIZE], const void *ad, size_t ad_len,
		const void *in, size_t n)
{
	struct seal_nonces once;

	seal_nonces_init(&once);
	seal_close_next(out, key, ad, ad_len, in, n, &once);
}

void seal_nonces_init(struct seal_nonces *s)
{
	secret_random(s->next, sizeof(s->next));
}

void seal_close_next(uint8_t *out, const uint8_t key[SEAL_KEY_SIZE], const void *ad, size_t ad_len,
		     const void *in, size_t n, struct seal_nonces *s)
{
	memcpy(out, s->next, NONCE);
	sodium_increment(s->next, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE, NULL, in, n, ad, ad_len, NULL, out,
						   key);
}

int seal_open(uint8_t *out, const uint8_t key[SEAL_KEY_SIZE], const void *ad, size_t ad_len,
	      const uint8_t *in, size_t n)
{
	if (n < SEAL_OVERHEAD)
		return ERR_DAMAGED;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in + NONCE, n - NONCE, ad,
						       ad_len, in, key) == 0)
		return 0;
	if (n > SEAL_OVERHEAD)
		memset(out, 0, n - SEAL_OVERHEAD);
	return ERR_DAMAGED;
}
