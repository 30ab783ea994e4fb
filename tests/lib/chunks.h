/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunks: stored content opened as a whole, for tests that look at all of it.
 *
 * Thread rule: as crypto/stream.
 */
#ifndef CUSTODY_TESTS_CHUNKS_H
#define CUSTODY_TESTS_CHUNKS_H

#include "crypto/chunk.h"
#include "crypto/stream.h"

/* Open `count` chunks from `first` on: plain and stored are theirs. Stops at the first bad one, whose
 * number is left in *bad. Codes of stream_open(). */
int chunks_open(struct stream_run *r, struct chunk_map m, uint64_t first, uint64_t count,
		uint8_t *plain, const uint8_t *stored, uint64_t *bad);

#endif
