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

/* Nonces for many values that one thread seals one after the other: counted on from a random one. The
 * kernel's random numbers cost a system call each, which is more than the sealing of a short value. */
struct seal_nonces {
	uint8_t next[24];
};
void seal_nonces_init(struct seal_nonces *s);
/* seal_close() with the next of them. */
void seal_close_next(uint8_t *out, const uint8_t key[SEAL_KEY_SIZE], const void *ad, size_t ad_len,
		     const void *in, size_t n, struct seal_nonces *s);

/* in has n bytes, out n - SEAL_OVERHEAD. ERR_DAMAGED when n is too short or the tag is wrong; out
 * is then zeroed. */
int seal_open(uint8_t *out, const uint8_t key[SEAL_KEY_SIZE], const void *ad, size_t ad_len,
	      const uint8_t *in, size_t n);

#endif
