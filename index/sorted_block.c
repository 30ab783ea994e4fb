/* SPDX-License-Identifier: Apache-2.0 */
#include "index/sorted_block.h"

#include <string.h>

#include "crypto/err.h"

int sorted_compare(const struct sorted_entry *a, const struct sorted_entry *b)
{
	if (a->dir != b->dir)
		return a->dir < b->dir ? -1 : 1;
	return (a->place > b->place) - (a->place < b->place);
}

bool sorted_same_value(const struct sorted_entry *a, const struct sorted_entry *b)
{
	return a->n == b->n && memcmp(a->v, b->v, a->n) == 0;
}

void sorted_block_add(struct sorted_block *b, const struct sorted_entry *en)
{
	if (b->bytes.n == 0 || b->dir != en->dir) {
		wire_out_u8(&b->bytes, 0);
		wire_out_u64(&b->bytes, en->dir);
		b->dir = en->dir;
	}
	wire_out_u8(&b->bytes, (uint8_t)en->n);
	wire_out_u64(&b->bytes, en->place);
	wire_out_bytes(&b->bytes, en->v, en->n);
}

void sorted_block_reset(struct sorted_block *b)
{
	wire_out_reset(&b->bytes);
}

struct sorted_reader sorted_reader_init(const void *p, size_t n)
{
	return (struct sorted_reader){.in = wire_in_init(p, n)};
}

int sorted_reader_next(struct sorted_reader *r, struct sorted_entry *en)
{
	if (r->in.left == 0 && wire_in_ok(&r->in))
		return ERR_NOTFOUND;
	en->n = wire_in_u8(&r->in);
	if (en->n == 0) {
		r->dir = wire_in_u64(&r->in);
		r->begun = true;
		en->n = wire_in_u8(&r->in);
	}
	en->dir = r->dir;
	en->place = wire_in_u64(&r->in);
	en->v = wire_in_bytes(&r->in, en->n);
	return wire_in_ok(&r->in) && r->begun && en->n ? 0 : ERR_INDEX;
}
