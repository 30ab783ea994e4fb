/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally: what the first pass over an archive saw, in its order: names, sizes, digests. It finds
 * what stands there twice, and holds later passes to it.
 *
 * Thread rule: for one thread at a time.
 */
#ifndef CUSTODY_FS_TALLY_H
#define CUSTODY_FS_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

struct tally_item {
	char *path;
	uint64_t size;
	uint8_t sha256[32];
};

struct tally {
	struct tally_item *item;
	size_t n, cap;
	size_t *sorted; /* by path; NULL before tally_sort() */
};

int tally_add(struct tally *t, const char *path, uint64_t size, const uint8_t sha256[32],
	      struct err *e);
/* All was added. ERR_MALFORMED, and `name` begins the sentence, when two items have one path, or
 * one lies below another. */
int tally_sort(struct tally *t, const char *name, struct err *e);
/* The item of that path, or NULL; after tally_sort(). */
const struct tally_item *tally_find(const struct tally *t, const char *path);
void tally_free(struct tally *t);

#endif
