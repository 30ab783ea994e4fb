/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame: the head of a sealed item: fixed fields, the wrapped file key and the sealed provenance
 * record, as bytes. See custodyfs-format(5), "Frame". The content chunks that follow are
 * crypto/stream's.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_FS_FRAME_H
#define CUSTODY_FS_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/chunk.h"
#include "crypto/err.h"
#include "crypto/stream.h"
#include "crypto/wire.h"
#include "index/record.h"

#define FRAME_FIXED 188 /* bytes before the sealed record */
#define FRAME_BOUND 112 /* bytes that are associated data of all that is sealed */
#define FRAME_HEAD_MAX (FRAME_FIXED + RECORD_SIZE_MAX)

struct frame {
	uint8_t archive[16], accession[16], item[16];
	uint64_t size; /* plaintext bytes */
	uint32_t chunk_size;
	uint16_t suite;
	uint8_t key_commitment[32];
	uint32_t head_len; /* FRAME_FIXED + sealed record */
};

struct chunk_map frame_map(const struct frame *f);
/* Whole frame in bytes. */
uint64_t frame_length(const struct frame *f);

/* Keys of an accession, derived once a run. Secret memory. */
struct frame_keys {
	uint8_t wrap[32];   /* frame_wrap_key() */
	uint8_t record[32]; /* HKDF(catalogue key, "custodyfs/v1 record") */
};

/* The first FRAME_BOUND bytes of a head, known before the content is: sets f's head_len and
 * key_commitment. ERR_USAGE for a chunk size or content length out of bounds, ERR_NOMEM when a
 * record of record_len bytes can't be held. */
int frame_bound(uint8_t out[FRAME_BOUND], struct frame *f, const uint8_t file_key[32],
		size_t record_len);
/*
 * HKDF(content key, "custodyfs/v1 wrap" || archive id || accession id): what opens the wraps of one
 * accession, and what a release of a whole accession gives. Bound to the accession, since whoever
 * may write a segment header can copy another accession's sealed content key into it.
 */
void frame_wrap_key(uint8_t wrap[32], const uint8_t content_key[32], const uint8_t archive[16],
		    const uint8_t accession[16]);
/* Append the head: f's fields (head_len and key_commitment are set here), the file key wrapped,
 * salt || plain_sha256 || record sealed. Also gives the record's commitment. Codes of frame_bound;
 * on error nothing is appended. */
int frame_head_seal(struct wire_out *out, struct frame *f, const struct frame_keys *keys,
		    const uint8_t file_key[32], const uint8_t salt[32],
		    const uint8_t plain_sha256[32], const void *record, size_t record_len,
		    uint8_t commitment[32]);
/* Associated data of the content chunks, from the first FRAME_BOUND bytes of a head. */
void frame_stream_ad(uint8_t out[STREAM_AD_SIZE], const uint8_t *head);
/* Fields of a head of exactly n bytes. ERR_FOREIGN (magic), ERR_NEWER (version, flag or suite that
 * is not known), ERR_MALFORMED. */
int frame_head_parse(struct frame *f, const uint8_t *head, size_t n);
/* The file key, by the accession's wrap key; its commitment is checked. ERR_DAMAGED, and the key is
 * zeroed. */
int frame_unwrap(uint8_t file_key[32], const uint8_t *head, size_t n, const uint8_t wrap_key[32]);
/* Open the record: out receives the encoded record (wipe it). ERR_DAMAGED. */
int frame_record_open(struct wire_out *out, uint8_t salt[32], uint8_t plain_sha256[32],
		      const uint8_t *head, size_t n, const uint8_t record_key[32]);

#endif
