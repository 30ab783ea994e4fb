/* SPDX-License-Identifier: Apache-2.0 */
/*
 * age_stream: an age file made or opened in pieces, for what is too long to be held, or must not lie
 * anywhere in plain. The same format as crypto/age: what one seals the other opens.
 *
 * A stream is sealed as header, then chunks of AGE_STREAM_CHUNK plaintext bytes of which the last is
 * shorter, or as long, and says that it is the last. What is opened of a stream is authentic, chunk by
 * chunk; that it is all of it is known only when the last was opened.
 *
 * Thread rule: a stream belongs to one thread. It holds keys: it lives in secret memory, or is wiped by
 * age_stream_end().
 */
#ifndef CUSTODY_CRYPTO_AGE_STREAM_H
#define CUSTODY_CRYPTO_AGE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/text.h"
#include "crypto/wire.h"

#define AGE_STREAM_CHUNK 65536u
#define AGE_STREAM_TAG 16u
#define AGE_STREAM_STORED (AGE_STREAM_CHUNK + AGE_STREAM_TAG)
#define AGE_STREAM_HEADER_MAX (256u << 10) /* of a file that is opened, with the nonce */

struct age_stream {
	uint8_t key[32];
	uint64_t next; /* chunk */
	bool ended;    /* the last chunk was sealed or opened */
};

/* Begin to seal to `count` recipients (1 to 32): append header and nonce. Codes of age_seal(). */
int age_stream_begin(struct age_stream *s, struct wire_out *out, const uint8_t (*recipients)[32],
		     size_t count);
/* Seal the next chunk into out[n + AGE_STREAM_TAG], which may be where it is. All but the last have
 * AGE_STREAM_CHUNK bytes, and the last has some unless it is the only one. ERR_USAGE. */
int age_stream_seal(struct age_stream *s, bool last, uint8_t *out, const void *in, size_t n);

/* How many bytes of in[n], which begins an age file, are header and nonce: 0 as long as there are too few
 * to tell. ERR_MALFORMED: it begins no age file, or the header is longer than AGE_STREAM_HEADER_MAX. */
long age_stream_header(const void *in, size_t n);
/* Begin to open what has these n bytes of header and nonce. ERR_MALFORMED; ERR_KEY: no stanza is ours;
 * ERR_FORGED: header MAC. */
int age_stream_open(struct age_stream *s, const uint8_t secret[32], const void *header, size_t n);
/* Open the next stored chunk of n bytes into out[n - AGE_STREAM_TAG], which may be where it is. last: the
 * file ends with it. ERR_DAMAGED; out is zeroed. */
int age_stream_chunk(struct age_stream *s, bool last, uint8_t *out, const uint8_t *in, size_t n);
/* Wipe. */
void age_stream_end(struct age_stream *s);

#endif
