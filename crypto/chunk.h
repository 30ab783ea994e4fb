/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk: the arithmetic of chunked content, and nothing else: which chunk holds which plaintext
 * byte and where its ciphertext lies. Content of `plain` bytes in chunks of `size` has
 * max(1, ceil(plain/size)) chunks; each stored chunk is its plaintext plus the suite's tag; empty
 * content is one empty chunk.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_CRYPTO_CHUNK_H
#define CUSTODY_CRYPTO_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#define CHUNK_SIZE_MIN 4096u
#define CHUNK_SIZE_MAX (1u << 20)
/* Beside 4 and 16 KiB: at random 16 KiB read 0.7 times as fast and 4 KiB 1.1 times; in sequence 4 KiB read
 * 0.9 times as fast and 16 KiB the same. 64 KiB and more read far less at random. */
#define CHUNK_SIZE_DEFAULT 8192u
#define CHUNK_PLAIN_MAX ((uint64_t)1 << 50)

struct chunk_map {
	uint64_t plain; /* plaintext bytes */
	uint32_t size;	/* plaintext bytes a chunk, a power of two in [MIN, MAX] */
	uint32_t tag;	/* bytes that sealing adds to a chunk, 1 to SUITE_TAG_MAX */
};

/* False if size is out of its bounds. */
bool chunk_size_ok(uint32_t size);
/* False if size, plain or tag is out of its bounds. */
bool chunk_map_ok(struct chunk_map m);
uint64_t chunk_count(struct chunk_map m);
/* Stored bytes of the whole content, tags included. */
uint64_t chunk_stored(struct chunk_map m);
/* Set m->plain, with the others given, from how many bytes are stored. False if no content has so many. */
bool chunk_unstored(struct chunk_map *m, uint64_t stored);
/* Plaintext bytes of chunk i (i < count). */
uint32_t chunk_plain_len(struct chunk_map m, uint64_t i);
/* Offset of chunk i within the stored content. */
uint64_t chunk_offset(struct chunk_map m, uint64_t i);

struct chunk_range {
	uint64_t first, count; /* chunks touched; count 0 when the range is empty */
	uint64_t stored_off;   /* offset of the first within the stored content */
	uint64_t stored_len;   /* stored bytes of all of them */
	uint32_t skip;	       /* plaintext bytes before the wanted ones in the first chunk */
	uint64_t len;	       /* wanted plaintext bytes, cut at the end of the content */
};
/* The chunks that hold plaintext [off, off+len), clamped to the content. */
struct chunk_range chunk_range(struct chunk_map m, uint64_t off, uint64_t len);

#endif
