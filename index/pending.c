/* SPDX-License-Identifier: Apache-2.0 */
#include "index/pending.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/err.h"
#include "crypto/secret.h"
#include "crypto/wire.h"

#define BLOCK_SIZE (256u << 10)
#define BIG (BLOCK_SIZE / 8)
#define SLOTS_MIN 1024u

/* Values live in blocks that never move: small ones side by side in blocks that are used again
 * after a reset, big ones each in a block of its own. */
struct block {
	struct block *next;
	size_t size, used;
	uint8_t bytes[];
};

/* A slot of the hash table: op is a place in ops[] plus one, 0 when free. The half of the hash that
 * did not choose the slot saves most looks at ops[]. */
struct slot {
	uint32_t tag, op;
};

/* What sorting moves about, and mostly needs. */
struct place {
	uint64_t lead; /* the key's first 8 bytes, zero-padded: never out of order */
	uint32_t op;
	uint8_t table;
};

struct pending {
	struct pending_op *ops;
	size_t count, cap;
	struct slot *slots;
	size_t mask;	      /* slots - 1; slots are a power of two */
	struct place *order;  /* by pending_sort() */
	struct block *blocks; /* all of BLOCK_SIZE */
	struct block *block;  /* the one being filled; those after it are empty */
	struct block *big;
	size_t value_bytes;
	/* Ids come from other nodes' journals: without a secret in the hash they could be chosen to
	 * collide. */
	uint64_t seed[2];
};

int pending_new(struct pending **out)
{
	struct pending *p = calloc(1, sizeof(*p));

	*out = p;
	if (!p)
		return ERR_NOMEM;
	secret_random(p->seed, sizeof(p->seed));
	p->seed[1] |= 1;
	return 0;
}

static void free_blocks(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		secret_wipe(b->bytes, b->used);
		free(b);
		b = next;
	}
}

void pending_free(struct pending *p)
{
	if (!p)
		return;
	free_blocks(p->blocks);
	free_blocks(p->big);
	free(p->ops);
	free(p->slots);
	free(p->order);
	free(p);
}

void pending_reset(struct pending *p)
{
	for (struct block *b = p->blocks; b; b = b->next) {
		secret_wipe(b->bytes, b->used);
		b->used = 0;
	}
	free_blocks(p->big);
	p->big = NULL;
	p->block = p->blocks;
	p->count = 0;
	p->value_bytes = 0;
	if (p->slots)
		memset(p->slots, 0, (p->mask + 1) * sizeof(*p->slots));
}

static struct block *new_block(size_t size)
{
	struct block *b = malloc(sizeof(*b) + size);

	if (b)
		*b = (struct block){.size = size};
	return b;
}

/* n bytes that stay where they are until the next reset. */
static uint8_t *take(struct pending *p, size_t n)
{
	struct block *b = p->block;

	if (n > BIG) {
		b = new_block(n);
		if (!b)
			return NULL;
		b->next = p->big;
		p->big = b;
	} else if (!b || n > b->size - b->used) {
		struct block **link = b ? &b->next : &p->blocks;

		if (!*link)
			*link = new_block(BLOCK_SIZE);
		b = *link;
		if (!b)
			return NULL;
		p->block = b;
	}
	b->used += n;
	return b->bytes + b->used - n;
}

/* Both halves of the product of two 64-bit numbers, folded. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t hash(const struct pending *p, enum key_table table, const struct key *k)
{
	uint64_t h = p->seed[0] + table;

	for (size_t i = 0; i < k->n; i += 8) {
		uint64_t w = 0;

		memcpy(&w, k->b + i, k->n - i < 8 ? k->n - i : 8);
		h = mix(h ^ w, p->seed[1]);
	}
	return mix(h ^ k->n, p->seed[1]);
}

static bool same(const struct pending_op *op, enum key_table table, const struct key *k)
{
	return op->table == table && op->klen == k->n && memcmp(op->key, k->b, k->n) == 0;
}

/* The slot of a key: its own or the free one where it would go. There is a free one. */
static struct slot *find_slot(const struct pending *p, enum key_table table, const struct key *k,
			      uint64_t h)
{
	const uint32_t tag = (uint32_t)(h >> 32);

	for (size_t i = h & p->mask;; i = (i + 1) & p->mask) {
		struct slot *s = &p->slots[i];

		if (s->op == 0 || (s->tag == tag && same(&p->ops[s->op - 1], table, k)))
			return s;
	}
}

static int grow_ops(struct pending *p)
{
	size_t cap = p->cap ? p->cap * 2 : SLOTS_MIN / 2;
	struct pending_op *ops;

	if (cap > UINT32_MAX / 2)
		return ERR_NOMEM;
	ops = realloc(p->ops, cap * sizeof(*ops));
	if (!ops)
		return ERR_NOMEM;
	p->ops = ops;
	p->cap = cap;
	return 0;
}

/* Keep the hash table at most half full. */
static int grow_slots(struct pending *p)
{
	const size_t slots = p->slots ? (p->mask + 1) * 2 : SLOTS_MIN;
	struct slot *fresh = calloc(slots, sizeof(*fresh));

	if (!fresh)
		return ERR_NOMEM;
	free(p->slots);
	p->slots = fresh;
	p->mask = slots - 1;
	for (size_t i = 0; i < p->count; i++) {
		const struct pending_op *op = &p->ops[i];
		struct key k = {.n = op->klen};
		uint64_t h;

		memcpy(k.b, op->key, op->klen);
		h = hash(p, op->table, &k);
		for (size_t at = h & p->mask;; at = (at + 1) & p->mask)
			if (p->slots[at].op == 0) {
				p->slots[at] = (struct slot){(uint32_t)(h >> 32), (uint32_t)i + 1};
				break;
			}
	}
	return 0;
}

/* The change of this key, made if there is none. */
static struct pending_op *change(struct pending *p, enum key_table table, const struct key *k)
{
	const uint64_t h = hash(p, table, k);
	struct pending_op *op;
	struct slot *s;

	if (p->count == p->cap && grow_ops(p))
		return NULL;
	if ((!p->slots || p->count >= (p->mask + 1) / 2) && grow_slots(p))
		return NULL;
	s = find_slot(p, table, k, h);
	if (s->op)
		return &p->ops[s->op - 1];
	op = &p->ops[p->count++];
	*op = (struct pending_op){.table = (uint8_t)table, .klen = (uint8_t)k->n, .del = true};
	memcpy(op->key, k->b, k->n);
	*s = (struct slot){(uint32_t)(h >> 32), (uint32_t)p->count};
	return op;
}

int pending_put(struct pending *p, enum key_table table, struct key k, const void *v, size_t n)
{
	const struct pending_op *old = pending_find(p, table, k);
	struct pending_op *op;
	uint8_t *to;

	if (n > UINT32_MAX)
		return ERR_USAGE;
	/* Memory first, so that failing leaves what was there. */
	to = old && old->value && n <= old->room ? old->value : take(p, n);
	op = to ? change(p, table, &k) : NULL;
	if (!op)
		return ERR_NOMEM;
	if (n)
		memcpy(to, v, n);
	if (to != op->value) {
		op->value = to;
		op->room = (uint32_t)n;
		p->value_bytes += n;
	}
	op->n = (uint32_t)n;
	op->del = false;
	return 0;
}

int pending_del(struct pending *p, enum key_table table, struct key k)
{
	struct pending_op *op = change(p, table, &k);

	if (!op)
		return ERR_NOMEM;
	op->del = true;
	op->n = 0;
	return 0;
}

const struct pending_op *pending_find(const struct pending *p, enum key_table table, struct key k)
{
	const struct slot *s;

	if (p->count == 0)
		return NULL;
	s = find_slot(p, table, &k, hash(p, table, &k));
	return s->op ? &p->ops[s->op - 1] : NULL;
}

static int by_key(const void *va, const void *vb, void *ctx)
{
	const struct place *a = va, *b = vb;
	const struct pending *p = ctx;
	const struct pending_op *x, *y;
	int d;

	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	if (a->lead != b->lead)
		return a->lead < b->lead ? -1 : 1;
	x = &p->ops[a->op];
	y = &p->ops[b->op];
	d = memcmp(x->key, y->key, x->klen < y->klen ? x->klen : y->klen);
	return d ? d : (int)x->klen - (int)y->klen;
}

int pending_sort(struct pending *p)
{
	struct place *order;

	if (p->count == 0)
		return 0;
	order = realloc(p->order, p->count * sizeof(*order));
	if (!order)
		return ERR_NOMEM;
	p->order = order;
	for (size_t i = 0; i < p->count; i++)
		order[i] = (struct place){
			.lead = wire_get64(p->ops[i].key),
			.op = (uint32_t)i,
			.table = p->ops[i].table,
		};
	qsort_r(order, p->count, sizeof(*order), by_key, p);
	return 0;
}

const struct pending_op *pending_at(const struct pending *p, size_t i)
{
	return &p->ops[p->order[i].op];
}

size_t pending_count(const struct pending *p)
{
	return p->count;
}

size_t pending_bytes(const struct pending *p)
{
	size_t slots = p->slots ? p->mask + 1 : 0;

	return p->value_bytes + p->count * (sizeof(*p->ops) + sizeof(*p->order)) +
	       slots * sizeof(*p->slots);
}
