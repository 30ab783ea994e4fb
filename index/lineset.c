/* SPDX-License-Identifier: Apache-2.0 */
#include "index/lineset.h"

#include <stdlib.h>

#include "crypto/err.h"

#define BITS 64u

static uint64_t words(const struct lineset *s)
{
	return (s->size + BITS - 1) / BITS;
}

int lineset_init(struct lineset *s, uint64_t size)
{
	*s = (struct lineset){.size = size};
	s->w = calloc(words(s) + 1, sizeof(*s->w));
	return s->w ? 0 : ERR_NOMEM;
}

void lineset_free(struct lineset *s)
{
	free(s->w);
	*s = (struct lineset){0};
}

void lineset_add(struct lineset *s, uint64_t line)
{
	if (line < s->size)
		s->w[line / BITS] |= UINT64_C(1) << line % BITS;
}

void lineset_add_range(struct lineset *s, uint64_t from, uint64_t to)
{
	to = to < s->size ? to : s->size;
	while (from < to) {
		if (from % BITS == 0 && to - from >= BITS) {
			s->w[from / BITS] = ~UINT64_C(0);
			from += BITS;
		} else {
			lineset_add(s, from++);
		}
	}
}

void lineset_add_bits(struct lineset *s, uint64_t first, const uint64_t *bits, size_t n)
{
	for (size_t i = 0; i < n && first + i * BITS < s->size; i++) {
		uint64_t left = s->size - first - i * BITS;
		uint64_t mask = left < BITS ? (UINT64_C(1) << left) - 1 : ~UINT64_C(0);

		s->w[first / BITS + i] |= bits[i] & mask;
	}
}

void lineset_and(struct lineset *s, const struct lineset *other)
{
	for (uint64_t i = 0; i < words(s); i++)
		s->w[i] &= other->w[i];
}

void lineset_keep_last(struct lineset *s, uint64_t n)
{
	for (uint64_t i = words(s); i-- > 0;) {
		while ((uint64_t)__builtin_popcountll(s->w[i]) > n)
			s->w[i] &= s->w[i] - 1; /* without its lowest */
		n -= (uint64_t)__builtin_popcountll(s->w[i]);
	}
}

uint64_t lineset_count(const struct lineset *s)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < words(s); i++)
		n += (uint64_t)__builtin_popcountll(s->w[i]);
	return n;
}

bool lineset_next(const struct lineset *s, uint64_t *line)
{
	uint64_t i = *line / BITS, bits;

	if (*line >= s->size)
		return false;
	bits = s->w[i] & (~UINT64_C(0) << *line % BITS);
	while (!bits && ++i < words(s))
		bits = s->w[i];
	if (!bits)
		return false;
	*line = i * BITS + (uint64_t)__builtin_ctzll(bits);
	return true;
}
