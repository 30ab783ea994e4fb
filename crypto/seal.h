/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal: one small secret under one symmetric key: XChaCha20-Poly1305 with a random 192-bit nonce,
 * so a key may seal any number of values. Used for wraps, provenance records, index values and key
 * files. Sealed form: nonce[24] || ciphertext || tag[16].
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_CRYPTO_SEAL_H
#define CUSTODY_CRYPTO_SEAL_H

#include <stddef.h>
#include <stdint.h>

#define SEAL_OVERHEAD 40
#define SEAL_KEY_SIZE 32

/* out has n + SEAL_OVERHEAD bytes and does not overlap in. */
void seal_close(uint8_t *out, const uint8_t key[SEAL_KEY_SIZE], const void *ad, size_t ad_len,
		const void *in, size_t n);
/* in has n bytes, out n - SEAL_OVERHEAD. ERR_DAMAGED when n is too short or the tag is wrong; out
 * is then zeroed. */
int seal_open(uint8_t *out, const uint8_t key[SEAL_KEY_SIZE], const void *ad, size_t ad_len,
	      const uint8_t *in, size_t n);

#endif
