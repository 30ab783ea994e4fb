/* SPDX-License-Identifier: Apache-2.0 */
#include "index/sorted.h"

#include <stdlib.h>
#include <string.h>

/* A block that entries were added to is cut into blocks this full, so that the next ones find room. */
#define FULL (SORTED_BLOCK_MAX * 9 / 10)

static int damaged(struct err *e, const char *what)
{
	return err_set(e, ERR_INDEX, "the index is damaged: %s", what);
}

static int no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

/* The first block that may have the entry, into *bound and value. ERR_NOTFOUND: there is none. */
static int find_block(struct db_txn *t, const struct sorted_entry *en, struct sorted_entry *bound,
		      struct wire_out *value, struct err *e)
{
	const struct key all = {.n = 0};
	struct db_cursor *c = NULL;
	const uint8_t *k;
	size_t klen;
	int rc = db_cursor(&c, t, KEY_VIEW, all, key_view(en->dir, en->place), e);

	wire_out_reset(value);
	if (rc == 0)
		rc = db_next(c, &k, &klen, value, e);
	if (rc == 0 && key_name_parse(k, klen, &bound->dir, &bound->place))
		rc = damaged(e, "a block of the views has no key");
	db_cursor_close(c);
	return rc;
}

/* ---- reading ---- */

/* The entries of one block; 1 when a later folder's is met. */
static int each_in(const struct wire_out *value, uint64_t dir, uint64_t from,
		   int (*cb)(void *ctx, const struct sorted_entry *en), void *ctx, struct err *e)
{
	struct sorted_reader r = sorted_reader_init(value->p, value->n);
	const struct sorted_entry first = {.dir = dir, .place = from};
	struct sorted_entry en;
	int rc;

	while ((rc = sorted_reader_next(&r, &en)) == 0) {
		if (sorted_compare(&en, &first) < 0)
			continue;
		if (en.dir != dir)
			return ERR_NOTFOUND;
		rc = cb(ctx, &en);
		if (rc)
			return rc;
	}
	return rc == ERR_NOTFOUND ? 0 : damaged(e, "a block of the views does not decode");
}

int sorted_each(struct db_txn *t, uint64_t dir, uint64_t from,
		int (*cb)(void *ctx, const struct sorted_entry *en), void *ctx, struct err *e)
{
	struct sorted_entry at = {.dir = dir, .place = from}, bound;
	struct wire_out value = {0};
	int rc;

	for (;;) {
		rc = find_block(t, &at, &bound, &value, e);
		if (rc == 0)
			rc = each_in(&value, dir, from, cb, ctx, e);
		/* A folder may go on in the next block, which begins beyond this one's key. */
		if (rc || bound.dir != dir || bound.place == UINT64_MAX)
			break;
		at.place = bound.place + 1;
	}
	wire_out_wipe(&value);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

/* ---- writing ---- */

struct place {
	uint64_t dir, place;
	size_t off;
	uint8_t n;
};

/* Entries on their way into blocks; few more than two blocks' worth. */
struct packer {
	struct db_batch *b;
	struct place *at;
	size_t first, n, cap; /* at[first] to at[n - 1] */
	struct wire_out bytes;
	size_t size; /* of at[first...] in a block */
	struct sorted_block block;
	size_t blocks; /* put so far */
	struct err *e;
};

static size_t size_of(const struct packer *p, size_t i)
{
	bool same = i > p->first && p->at[i].dir == p->at[i - 1].dir;

	return (size_t)p->at[i].n + (same ? 9 : 18);
}

/* Put the first entries, `size` bytes of them or a little less, under the key `bound`, or all of them
 * (bound is given) or under their last one's. */
static int put_block(struct packer *p, size_t size, const struct sorted_entry *bound)
{
	struct sorted_entry en = {0};
	size_t used = 0, i = p->first;

	sorted_block_reset(&p->block);
	for (; i < p->n && (bound || used + size_of(p, i) <= size); i++) {
		en = (struct sorted_entry){p->at[i].dir, p->at[i].place, p->bytes.p + p->at[i].off,
					   p->at[i].n};
		used += size_of(p, i);
		sorted_block_add(&p->block, &en);
	}
	p->first = i;
	p->size = 0;
	for (; i < p->n; i++)
		p->size += size_of(p, i);
	if (bound)
		en = *bound;
	p->blocks++;
	if (!wire_out_ok(&p->block.bytes) || !wire_out_ok(&p->bytes) ||
	    db_batch_put(p->b, KEY_VIEW, key_view(en.dir, en.place), p->block.bytes.p,
			 p->block.bytes.n))
		return no_memory(p->e);
	return 0;
}

/* Forget what was put. */
static void move_down(struct packer *p)
{
	size_t from = p->first < p->n ? p->at[p->first].off : p->bytes.n;

	memmove(p->bytes.p, p->bytes.p + from, p->bytes.n - from);
	p->bytes.n -= from;
	memmove(p->at, p->at + p->first, (p->n - p->first) * sizeof(*p->at));
	p->n -= p->first;
	p->first = 0;
	for (size_t i = 0; i < p->n; i++)
		p->at[i].off -= from;
}

static int pack(struct packer *p, const struct sorted_entry *en)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 512;
		struct place *grown = realloc(p->at, cap * sizeof(*grown));

		if (!grown)
			return no_memory(p->e);
		p->at = grown;
		p->cap = cap;
	}
	p->at[p->n] = (struct place){en->dir, en->place, p->bytes.n, (uint8_t)en->n};
	wire_out_bytes(&p->bytes, en->v, en->n);
	p->size += size_of(p, p->n++);
	if (!wire_out_ok(&p->bytes))
		return no_memory(p->e);
	if (p->size > 2 * (size_t)FULL) {
		int rc = put_block(p, FULL, NULL);

		move_down(p);
		return rc;
	}
	return 0;
}

/* The rest, up to the key of the block that was gone through. */
static int pack_end(struct packer *p, const struct sorted_entry *bound)
{
	int rc = 0;

	if (p->size > SORTED_BLOCK_MAX)
		rc = put_block(p, p->size / 2, NULL);
	return rc ? rc : put_block(p, 0, bound);
}

static void pack_reset(struct packer *p)
{
	p->first = p->n = p->size = 0;
	wire_out_reset(&p->bytes);
}

struct insertion {
	const struct sorted_source *s;
	struct packer p;
	size_t max_blocks;
	bool changed;
	struct err *e;
};

/* The next of the source, if it goes into this block now. */
static int next_of(struct insertion *w, const struct sorted_entry *bound, struct sorted_entry *en)
{
	int rc = w->s->peek(w->s->ctx, en, w->e);

	if (rc == 0 &&
	    (sorted_compare(en, bound) > 0 || (w->max_blocks && w->p.blocks >= w->max_blocks)))
		rc = ERR_NOTFOUND;
	return rc;
}

/* What the source has before `before`, or all that goes into this block (NULL), and what it has at the
 * same place and so loses. */
static int take_before(struct insertion *w, const struct sorted_entry *bound,
		       const struct sorted_entry *before)
{
	struct sorted_entry en, last = {0};
	uint8_t kept[SORTED_VALUE_MAX];
	bool any = false;
	int rc;

	while ((rc = next_of(w, bound, &en)) == 0) {
		int d = before ? sorted_compare(&en, before) : -1;
		const struct sorted_entry *there = d == 0 ? before : &last;

		if (d > 0)
			return 0;
		if (d < 0 && !(any && sorted_compare(&en, &last) == 0)) {
			memcpy(kept, en.v, en.n);
			last = (struct sorted_entry){en.dir, en.place, kept, en.n};
			any = w->changed = true;
			rc = pack(&w->p, &en);
		} else if (!sorted_same_value(&en, there)) {
			rc = w->s->lost(w->s->ctx, &en, w->e);
		}
		if (rc)
			return rc;
		w->s->take(w->s->ctx);
	}
	return rc == ERR_NOTFOUND ? 0 : rc;
}

/* One block, and what of the source belongs into it. */
static int merge_block(struct insertion *w, const struct wire_out *value,
		       const struct sorted_entry *bound)
{
	struct sorted_reader r = sorted_reader_init(value->p, value->n);
	struct sorted_entry en;
	int rc;

	pack_reset(&w->p);
	w->changed = false;
	while ((rc = sorted_reader_next(&r, &en)) == 0) {
		rc = take_before(w, bound, &en);
		if (rc == 0)
			rc = pack(&w->p, &en);
		if (rc)
			return rc;
	}
	if (rc != ERR_NOTFOUND)
		return damaged(w->e, "a block of the views does not decode");
	rc = take_before(w, bound, NULL);
	return rc == 0 && w->changed ? pack_end(&w->p, bound) : rc;
}

int sorted_insert(struct db_batch *b, struct db_txn *t, const struct sorted_source *s,
		  size_t max_blocks, struct err *e)
{
	const struct sorted_entry end = {.dir = UINT64_MAX, .place = UINT64_MAX};
	struct insertion w = {.s = s, .p = {.b = b, .e = e}, .max_blocks = max_blocks, .e = e};
	struct wire_out value = {0};
	struct sorted_entry en, bound;
	int rc = 0;

	while (rc == 0 && (!max_blocks || w.p.blocks < max_blocks)) {
		rc = s->peek(s->ctx, &en, e);
		if (rc == 0)
			rc = find_block(t, &en, &bound, &value, e);
		else
			break;
		if (rc == ERR_NOTFOUND) {
			bound = end; /* the set is empty */
			rc = 0;
		}
		if (rc == 0)
			rc = merge_block(&w, &value, &bound);
	}
	free(w.p.at);
	wire_out_wipe(&w.p.bytes);
	wire_out_wipe(&w.p.block.bytes);
	wire_out_wipe(&value);
	return rc == ERR_NOTFOUND ? 0 : rc;
}
