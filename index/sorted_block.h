/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sorted_block: short values in order of two numbers, a folder's and a place in it, as bytes. What
 * index/sorted and index/view_queue seal.
 *
 * Entries one after the other: u8 n (1 to 255), u64 place, n bytes. Where the folder is another than
 * before, at the beginning too: u8 0, u64 folder.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_INDEX_SORTED_BLOCK_H
#define CUSTODY_INDEX_SORTED_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/wire.h"

#define SORTED_VALUE_MAX 255u

struct sorted_entry {
	uint64_t dir, place;
	const uint8_t *v; /* borrowed */
	size_t n;	  /* 1 to SORTED_VALUE_MAX */
};

/* By folder, then place. */
int sorted_compare(const struct sorted_entry *a, const struct sorted_entry *b);
bool sorted_same_value(const struct sorted_entry *a, const struct sorted_entry *b);

/* A block that grows. last: of its folder; any with an empty one. */
struct sorted_block {
	struct wire_out bytes;
	uint64_t dir;
};
void sorted_block_add(struct sorted_block *b, const struct sorted_entry *en);
void sorted_block_reset(struct sorted_block *b);

/* A block that is read. */
struct sorted_reader {
	struct wire_in in;
	uint64_t dir;
	bool begun;
};
struct sorted_reader sorted_reader_init(const void *p, size_t n);
/* 0, ERR_NOTFOUND behind the last, ERR_INDEX where it does not decode. */
int sorted_reader_next(struct sorted_reader *r, struct sorted_entry *en);

#endif
