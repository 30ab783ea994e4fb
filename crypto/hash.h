/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash: SHA-256 (FIPS 180-4) through libcrypto, whose SHA-NI code is five times libsodium's, and
 * HMAC-SHA-256 (RFC 2104) on top. OpenSSL headers are included in hash.c, digest.c and gcm.c alone.
 *
 * Thread rule: pure; a context belongs to one thread.
 */
#ifndef CUSTODY_CRYPTO_HASH_H
#define CUSTODY_CRYPTO_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE 32

struct hash_ctx {
	uint64_t opaque[16];
};

void hash_init(struct hash_ctx *c);
void hash_update(struct hash_ctx *c, const void *p, size_t n);
void hash_final(struct hash_ctx *c, uint8_t out[HASH_SIZE]); /* wipes c */
void hash_sha256(uint8_t out[HASH_SIZE], const void *p, size_t n);

struct hash_part {
	const void *p;
	size_t n;
};
/* Digest of the concatenation of the parts. */
void hash_parts(uint8_t out[HASH_SIZE], const struct hash_part *parts, size_t count);
/* HMAC-SHA-256 under a key of any length over the concatenation of the parts. */
void hash_hmac(uint8_t out[HASH_SIZE], const void *key, size_t key_len,
	       const struct hash_part *parts, size_t count);

/* SHA-512 (libsodium), needed by SSHSIG alone. */
void hash_sha512(uint8_t out[64], const void *p, size_t n);

#endif
