/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: item content as AEAD chunks (the STREAM construction of Hoang, Reyhanitabar, Rogaway and
 * Vizar, 2015): nonce = chunk number (11 bytes, big-endian) || last-chunk flag (1 byte). So
 * truncation, reordering, duplication and extension do not authenticate. Offsets are crypto/chunk.
 *
 * From a file key: content key = HKDF(file key, "custodyfs/v1 content"), key commitment =
 * HKDF(file key, "custodyfs/v1 key commitment"), which stands in the frame, because neither AES-GCM
 * nor ChaCha20-Poly1305 commits to its key. The file key is used for nothing else.
 *
 * Thread rule: an initialised key may be used by many threads at once.
 */
#ifndef CUSTODY_CRYPTO_STREAM_H
#define CUSTODY_CRYPTO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/chunk.h"
#include "crypto/suite.h"

#define STREAM_AD_SIZE 32

struct stream_key {
	struct suite_key suite;
	uint8_t ad[STREAM_AD_SIZE]; /* associated data of every chunk */
};

/* The commitment to a file key. */
void stream_commitment(uint8_t out[32], const uint8_t file_key[32]);
/* k lives in secret memory. ad binds the frame (see custodyfs-format(5)). ERR_UNSUPPORTED. */
int stream_key_init(struct stream_key *k, int suite, const uint8_t file_key[32],
		    const uint8_t ad[STREAM_AD_SIZE]);
/* Seal one chunk of n plaintext bytes into n + 16. May be in place. */
void stream_seal(const struct stream_key *k, uint64_t chunk, bool last, uint8_t *out,
		 const void *in, size_t n);
/* Open one stored chunk of n bytes into n - 16. May be in place. ERR_DAMAGED; out is zeroed. */
int stream_open(const struct stream_key *k, uint64_t chunk, bool last, uint8_t *out,
		const uint8_t *in, size_t n);
/* Seal, or open, all chunks of `r` at once: plain and stored are the ranges r names. Opening stops
 * at the first bad chunk, whose number is left in *bad. Whole chunks only (r.skip is ignored). */
void stream_seal_all(const struct stream_key *k, struct chunk_map m, uint8_t *stored,
		     const uint8_t *plain);
int stream_open_range(const struct stream_key *k, struct chunk_map m, struct chunk_range r,
		      uint8_t *plain, const uint8_t *stored, uint64_t *bad);

#endif
