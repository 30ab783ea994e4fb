/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite: the cipher suites of item content. 1 is AES-256-GCM (libcrypto, only where the CPU has
 * AES), 2 is XChaCha20-Poly1305 (libsodium), 3 is AEGIS-256 (libsodium from 1.0.19 on, only where
 * the CPU has AES). Numbers are on disk for ever.
 *
 * A suite key lives in memory its owner got from a secret pool. Who seals or opens has a run of its
 * own, which holds the key expanded between suite_begin() and suite_end() and no longer.
 * Thread rule: an initialised key may be used by many threads at once, a run by one at a time.
 */
#ifndef CUSTODY_CRYPTO_SUITE_H
#define CUSTODY_CRYPTO_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUITE_TAG_MAX 32
#define SUITE_NONCE_SIZE 12 /* given by the caller; suites 2 and 3 put zero bytes before it */

enum suite_id {
	SUITE_AES256GCM = 1,
	SUITE_XCHACHA20POLY1305 = 2,
	SUITE_AEGIS256 = 3,
};

struct suite_key {
	uint8_t key[32];
	enum suite_id id;
};

struct gcm;

/* All zeros before its first use. */
struct suite_run {
	const struct suite_key *key; /* borrowed until suite_end(); NULL outside */
	struct gcm *gcm;	     /* kept for the next key */
};

/* True if content of this suite can be sealed and opened on this machine. */
bool suite_available(int id);
/* 1 where the CPU has AES, else 2. */
enum suite_id suite_default(void);
/* "aes-256-gcm", "xchacha20-poly1305", "aegis-256"; NULL if unknown. */
const char *suite_name(int id);
/* Bytes that sealing adds, 16 or 32, whether or not this machine can; 0 if unknown. */
uint32_t suite_tag_size(int id);
int suite_from_name(const char *name, size_t n); /* id, or 0 */

/* ERR_UNSUPPORTED when this machine can't. */
int suite_key_init(struct suite_key *k, int id, const uint8_t key[32]);
/* Set up for k, which must stay until suite_end(). ERR_NOMEM. */
int suite_begin(struct suite_run *r, const struct suite_key *k);
/* The expanded key is wiped; r may begin again. Fine without a begin. */
void suite_end(struct suite_run *r);
/* suite_end(), and the memory is given back; r is all zeros then. */
void suite_run_free(struct suite_run *r);
/* out has n bytes and a tag. in and out may be the same address. ERR_NOMEM. */
int suite_seal(struct suite_run *r, uint8_t *out, const void *in, size_t n, const void *ad,
	       size_t ad_len, const uint8_t nonce[SUITE_NONCE_SIZE]);
/* in has n bytes, tag included; out the rest of them. ERR_DAMAGED if it does not authenticate:
 * out is then zeroed. */
int suite_open(struct suite_run *r, uint8_t *out, const uint8_t *in, size_t n, const void *ad,
	       size_t ad_len, const uint8_t nonce[SUITE_NONCE_SIZE]);

#endif
