/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto's low-level SHA-256 calls are marked deprecated since 3.0. They are used on purpose:
 * EVP allocates a context for each digest, and fetches the algorithm unless it is kept in a global,
 * which costs more than hashing the 65 bytes of a Merkle node. The code under both is the same.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include <openssl/sha.h>
#include <sodium.h>

#include "crypto/secret.h"

#define BLOCK 64 /* bytes of a SHA-256 block, as HMAC needs it */

_Static_assert(sizeof(struct hash_ctx) >= sizeof(SHA256_CTX), "hash_ctx is too small");
_Static_assert(_Alignof(struct hash_ctx) >= _Alignof(SHA256_CTX), "hash_ctx is misaligned");
_Static_assert(HASH_SIZE == SHA256_DIGEST_LENGTH, "HASH_SIZE");

/* The state is written and read by libcrypto alone. */
static SHA256_CTX *state(struct hash_ctx *c)
{
	return (SHA256_CTX *)(void *)c;
}

void hash_init(struct hash_ctx *c)
{
	SHA256_Init(state(c));
}

void hash_update(struct hash_ctx *c, const void *p, size_t n)
{
	SHA256_Update(state(c), p, n);
}

void hash_final(struct hash_ctx *c, uint8_t out[HASH_SIZE])
{
	SHA256_Final(out, state(c));
	secret_wipe(c, sizeof(*c));
}

void hash_sha256(uint8_t out[HASH_SIZE], const void *p, size_t n)
{
	const struct hash_part part = {p, n};

	hash_parts(out, &part, 1);
}

void hash_parts(uint8_t out[HASH_SIZE], const struct hash_part *parts, size_t count)
{
	struct hash_ctx c;

	hash_init(&c);
	for (size_t i = 0; i < count; i++)
		hash_update(&c, parts[i].p, parts[i].n);
	hash_final(&c, out);
}

void hash_hmac(uint8_t out[HASH_SIZE], const void *key, size_t key_len,
	       const struct hash_part *parts, size_t count)
{
	uint8_t block[BLOCK] = {0}, inner[HASH_SIZE];
	struct hash_ctx c;

	if (key_len > BLOCK)
		hash_sha256(block, key, key_len);
	else
		for (size_t i = 0; i < key_len; i++)
			block[i] = ((const uint8_t *)key)[i];

	for (size_t i = 0; i < BLOCK; i++)
		block[i] ^= 0x36; /* ipad */
	hash_init(&c);
	hash_update(&c, block, BLOCK);
	for (size_t i = 0; i < count; i++)
		hash_update(&c, parts[i].p, parts[i].n);
	hash_final(&c, inner);

	for (size_t i = 0; i < BLOCK; i++)
		block[i] ^= 0x36 ^ 0x5c; /* opad */
	hash_init(&c);
	hash_update(&c, block, BLOCK);
	hash_update(&c, inner, sizeof(inner));
	hash_final(&c, out);

	secret_wipe(block, sizeof(block));
	secret_wipe(inner, sizeof(inner));
}

void hash_sha512(uint8_t out[64], const void *p, size_t n)
{
	crypto_hash_sha512(out, p, n);
}
