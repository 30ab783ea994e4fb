/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite: the cipher suites of item content. 1 is AES-256-GCM (libsodium, only where the CPU has
 * AES), 2 is XChaCha20-Poly1305; 3 is reserved for AEGIS-256. Numbers are on disk for ever.
 *
 * A suite key holds the expanded key; it lives in memory its owner got from a secret pool.
 * Thread rule: an initialised key may be used by many threads at once.
 */
#ifndef CUSTODY_CRYPTO_SUITE_H
#define CUSTODY_CRYPTO_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUITE_TAG_SIZE 16
#define SUITE_NONCE_SIZE 12 /* given by the caller; suite 2 puts twelve zero bytes before it */

enum suite_id {
	SUITE_AES256GCM = 1,
	SUITE_XCHACHA20POLY1305 = 2,
	SUITE_AEGIS256_RESERVED = 3,
};

struct suite_key {
	_Alignas(16) uint8_t state[512]; /* AES: expanded; XChaCha20: the key */
	enum suite_id id;
};

/* True if content of this suite can be sealed and opened on this machine. */
bool suite_available(int id);
/* 1 where the CPU has AES, else 2. */
enum suite_id suite_default(void);
const char *suite_name(int id); /* "aes-256-gcm", "xchacha20-poly1305", NULL if unknown */
int suite_from_name(const char *name, size_t n); /* id, or 0 */

/* ERR_UNSUPPORTED when this machine can't. */
int suite_key_init(struct suite_key *k, int id, const uint8_t key[32]);
/* out has n + SUITE_TAG_SIZE bytes. in and out may be the same address. */
void suite_seal(const struct suite_key *k, uint8_t *out, const void *in, size_t n, const void *ad,
		size_t ad_len, const uint8_t nonce[SUITE_NONCE_SIZE]);
/* in has n bytes, tag included; out n - SUITE_TAG_SIZE. ERR_DAMAGED if it does not authenticate:
 * out is then zeroed. */
int suite_open(const struct suite_key *k, uint8_t *out, const uint8_t *in, size_t n, const void *ad,
	       size_t ad_len, const uint8_t nonce[SUITE_NONCE_SIZE]);

#endif
