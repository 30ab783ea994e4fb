/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lineset: a set of lines of one journal, one bit a line: 125 kB for a million.
 *
 * Thread rule: belongs to one thread.
 */
#ifndef CUSTODY_INDEX_LINESET_H
#define CUSTODY_INDEX_LINESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lineset {
	uint64_t *w;   /* owned */
	uint64_t size; /* lines there are; those in the set are below it */
};

/* The empty set of a journal of `size` lines. ERR_NOMEM. */
int lineset_init(struct lineset *s, uint64_t size);
void lineset_free(struct lineset *s); /* zeroed is fine */
/* Add one line, or those from `from` to before `to`; what is not below the size is left out. */
void lineset_add(struct lineset *s, uint64_t line);
void lineset_add_range(struct lineset *s, uint64_t from, uint64_t to);
/* Add n lines from `first` (a multiple of 64) on, whose bits are given, lowest first. */
void lineset_add_bits(struct lineset *s, uint64_t first, const uint64_t *bits, size_t words);
/* Keep what is in `other` too, a set of the same size. */
void lineset_and(struct lineset *s, const struct lineset *other);
/* Keep the last n. */
void lineset_keep_last(struct lineset *s, uint64_t n);
uint64_t lineset_count(const struct lineset *s);
/* The first line from *line on; false if there is none. */
bool lineset_next(const struct lineset *s, uint64_t *line);

#endif
