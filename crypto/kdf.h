/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kdf: HKDF-SHA-256 (RFC 5869) on hash_hmac, since libsodium 1.0.18 has none, and Argon2id.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_CRYPTO_KDF_H
#define CUSTODY_CRYPTO_KDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

/* HKDF-SHA-256: extract with salt (may be empty), expand with info; out_len up to 8,160 bytes. */
void kdf_hkdf(uint8_t *out, size_t out_len, const void *ikm, size_t ikm_len, const void *salt,
	      size_t salt_len, const void *info, size_t info_len);
/* HKDF with no salt and a NUL-terminated label as info: the way all keys of ours are derived. */
void kdf_label(uint8_t out[32], const uint8_t key[32], const char *label);

struct kdf_cost {
	uint32_t ops;	  /* Argon2id passes */
	uint32_t mem_kib; /* KiB of memory */
};
/* Interactive cost for new files: 3 passes over 256 MiB. */
extern const struct kdf_cost kdf_cost_default;
/* True for 1 to 16 passes over 8 KiB to 4 GiB. */
bool kdf_cost_ok(struct kdf_cost cost);
/* Argon2id (libsodium crypto_pwhash, ALG_ARGON2ID13). Refuses costs that are not ok with
 * ERR_MALFORMED: they come from a file. ERR_NOMEM when the memory is not there. */
int kdf_passphrase(uint8_t out[32], const char *pass, size_t pass_len, const uint8_t salt[16],
		   struct kdf_cost cost);

#endif
