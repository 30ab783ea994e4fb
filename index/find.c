/* SPDX-License-Identifier: Apache-2.0 */
#include "index/find.h"

#include <stdlib.h>
#include <string.h>

static int damaged(struct err *e)
{
	return err_set(e, ERR_INDEX, "the index is damaged: digests do not decode");
}

static bool decode(uint64_t slot[FIND_TILE], const struct wire_out *value)
{
	struct wire_in in = wire_in_init(value->p, value->n);

	for (unsigned i = 0; i < FIND_TILE; i++)
		slot[i] = wire_in_u64(&in);
	return wire_in_end(&in);
}

void find_reset(struct find_writer *w)
{
	w->loaded = w->dirty = false;
}

int find_flush(struct find_writer *w, struct db_batch *b, struct err *e)
{
	struct wire_out value = {0};
	int rc = 0;

	for (unsigned i = 0; w->dirty && i < FIND_TILE; i++)
		wire_out_u64(&value, w->slot[i]);
	if (w->dirty &&
	    (!wire_out_ok(&value) ||
	     db_batch_put(b, KEY_FIND, key_line(w->journal, w->tile), value.p, value.n)))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	wire_out_free(&value);
	find_reset(w);
	return rc;
}

static int load(struct find_writer *w, struct db_batch *b, struct db_txn *t, uint32_t journal,
		uint64_t tile, struct err *e)
{
	struct wire_out value = {0};
	int rc = find_flush(w, b, e);

	if (rc)
		return rc;
	rc = db_batch_get(b, t, KEY_FIND, key_line(journal, tile), &value, NULL);
	if (rc == ERR_NOTFOUND) {
		memset(w->slot, 0, sizeof(w->slot));
		rc = 0;
	} else if (rc || !decode(w->slot, &value)) {
		rc = rc == ERR_NOMEM ? rc : damaged(e);
	}
	wire_out_free(&value);
	w->journal = journal;
	w->tile = tile;
	w->loaded = rc == 0;
	return rc;
}

int find_put(struct find_writer *w, struct db_batch *b, struct db_txn *t,
	     const uint8_t name_key[32], uint32_t journal, uint64_t seq, const uint8_t sha256[32],
	     struct err *e)
{
	const uint64_t tile = seq / FIND_TILE;
	int rc = 0;

	if (!w->loaded || w->journal != journal || w->tile != tile)
		rc = load(w, b, t, journal, tile, e);
	if (rc)
		return rc;
	w->slot[seq % FIND_TILE] = key_blind(name_key, sha256);
	w->dirty = true;
	return 0;
}

/* ---- looking ---- */

struct wanted {
	uint64_t blind;
	size_t i;
};

struct search {
	struct wanted *wanted;
	size_t n;
	int (*cb)(void *ctx, size_t i, uint32_t journal, uint64_t seq);
	void *ctx;
	struct err *e;
};

static int by_blind(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	if (x->blind != y->blind)
		return x->blind < y->blind ? -1 : 1;
	return (x->i > y->i) - (x->i < y->i);
}

/* The first that is wanted with this hash, or where it would be. */
static size_t first(const struct search *s, uint64_t blind)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->wanted[mid].blind < blind)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* k is journal, number of a tile. */
static int search_tile(const struct search *s, const uint8_t *k, size_t klen,
		       const struct wire_out *value)
{
	uint64_t slot[FIND_TILE];
	int rc = 0;

	if (klen != 12 || !decode(slot, value))
		return damaged(s->e);
	for (unsigned at = 0; at < FIND_TILE; at++) {
		if (!slot[at])
			continue;
		for (size_t i = first(s, slot[at]); i < s->n && s->wanted[i].blind == slot[at];
		     i++) {
			rc = s->cb(s->ctx, s->wanted[i].i, wire_get32(k),
				   wire_get64(k + 4) * FIND_TILE + at);
			if (rc)
				return rc;
		}
	}
	return 0;
}

static int search_all(const struct search *s, struct db_txn *t)
{
	const struct key all = {.n = 0};
	struct wire_out value = {0};
	struct db_cursor *c = NULL;
	const uint8_t *k;
	size_t klen;
	int rc = db_cursor(&c, t, KEY_FIND, all, all, s->e);

	while (rc == 0) {
		wire_out_reset(&value);
		rc = db_next(c, &k, &klen, &value, s->e);
		if (rc == ERR_NOTFOUND) {
			rc = 0;
			break;
		}
		if (rc == 0)
			rc = search_tile(s, k, klen, &value);
	}
	db_cursor_close(c);
	wire_out_wipe(&value);
	return rc;
}

int find_each(struct db_txn *t, const uint8_t (*sha256)[32], size_t n,
	      int (*cb)(void *ctx, size_t i, uint32_t journal, uint64_t seq), void *ctx,
	      struct err *e)
{
	struct search s = {.n = n, .cb = cb, .ctx = ctx, .e = e};
	int rc;

	s.wanted = calloc(n + 1, sizeof(*s.wanted));
	if (!s.wanted)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		s.wanted[i] = (struct wanted){key_blind(db_txn_name_key(t), sha256[i]), i};
	qsort(s.wanted, n, sizeof(*s.wanted), by_blind);
	rc = search_all(&s, t);
	free(s.wanted);
	return rc;
}
