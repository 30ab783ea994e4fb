/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gcm: AES-256-GCM (NIST SP 800-38D) with nonces of 96 bits and tags of 128, by libcrypto.
 *
 * libsodium has it too. Beside each other, on one core of a first-generation EPYC and with chunks of
 * 16 KiB, libcrypto opened 2.3 GB/s and libsodium 1.0.18 1.0 GB/s (`make bench` prints both): its
 * code interleaves the cipher with the hash. The bytes are the same, which a test holds it to.
 *
 * Thread rule: one thread at a time.
 */
#ifndef CUSTODY_CRYPTO_GCM_H
#define CUSTODY_CRYPTO_GCM_H

#include <stddef.h>
#include <stdint.h>

#define GCM_KEY_SIZE 32
#define GCM_NONCE_SIZE 12
#define GCM_TAG_SIZE 16

/* Room for one expanded key. libcrypto keeps it on its heap: not locked, so that it is set for the
 * time of one request and wiped after it. */
struct gcm;

/* NULL when out of memory. Has no key yet. */
struct gcm *gcm_new(void);
/* Wipes. NULL is fine. */
void gcm_free(struct gcm *g);
/* Expand a key, instead of the one before. ERR_NOMEM. */
int gcm_set_key(struct gcm *g, const uint8_t key[GCM_KEY_SIZE]);
/* Nothing of the key is left. */
void gcm_wipe_key(struct gcm *g);
/* out has n + GCM_TAG_SIZE bytes, and may begin where in does. ERR_NOMEM. */
int gcm_seal(struct gcm *g, uint8_t *out, const void *in, size_t n, const void *ad, size_t ad_len,
	     const uint8_t nonce[GCM_NONCE_SIZE]);
/* in has n >= GCM_TAG_SIZE bytes, tag included; out n - GCM_TAG_SIZE, and may begin where in does.
 * ERR_DAMAGED when it does not authenticate; out then holds what nobody may see. */
int gcm_open(struct gcm *g, uint8_t *out, const uint8_t *in, size_t n, const void *ad,
	     size_t ad_len, const uint8_t nonce[GCM_NONCE_SIZE]);

#endif
