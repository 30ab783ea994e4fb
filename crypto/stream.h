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
 * Thread rule: an initialised key may be used by many threads at once, a run by one at a time.
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

/* Whoever seals or opens chunks has one; see struct suite_run. All zeros before its first use. */
struct stream_run {
	struct suite_run suite;
	const struct stream_key *key;
};

/* The commitment to a file key. */
void stream_commitment(uint8_t out[32], const uint8_t file_key[32]);
/* k lives in secret memory. ad binds the frame (see custodyfs-format(5)). ERR_UNSUPPORTED. */
int stream_key_init(struct stream_key *k, int suite, const uint8_t file_key[32],
		    const uint8_t ad[STREAM_AD_SIZE]);
/* Set up for a key, which must stay until stream_end(). ERR_NOMEM. */
int stream_begin(struct stream_run *r, const struct stream_key *k);
/* What was made of the key is wiped. Fine without a begin. */
void stream_end(struct stream_run *r);
/* stream_end(), and the memory is given back; r is all zeros then. */
void stream_run_free(struct stream_run *r);
/* Seal one chunk of n plaintext bytes into n and the suite's tag. May be in place. ERR_NOMEM. */
int stream_seal(struct stream_run *r, uint64_t chunk, bool last, uint8_t *out, const void *in,
		size_t n);
/* Open one stored chunk of n bytes, its tag included. May be in place. ERR_DAMAGED; out is zeroed. */
int stream_open(struct stream_run *r, uint64_t chunk, bool last, uint8_t *out, const uint8_t *in,
		size_t n);
/* Seal `count` chunks from `first` on: plain and stored are theirs. */
int stream_seal_chunks(struct stream_run *r, struct chunk_map m, uint64_t first, uint64_t count,
		       uint8_t *stored, const uint8_t *plain);

#endif
