/* SPDX-License-Identifier: Apache-2.0 */
#include "index/tree.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TILE TREE_TILE /* hashes of a tile, lines of a group */
#define HEIGHT 8u      /* tree levels from one tile level to the next */
#define LEVELS 8u      /* tile levels of a tree of 2^64 leaves */
#define LINE_MAX 65534u

/* The last tile of a level, full or not yet. */
struct tile {
	merkle_hash h[TILE];
	unsigned n;
	bool dirty; /* not in the batch as it is */
};

struct tree_writer {
	uint32_t journal;
	struct tree_state state;
	struct tile tile[LEVELS];
	/* The last group of lines. */
	uint64_t line_off; /* of its first line */
	uint16_t line_n[TILE];
	unsigned lines;
	bool lines_dirty;
};

/* Read a tile's value: n hashes, at least min. */
static int get_tile(struct db_txn *t, struct key k, unsigned min, struct wire_out *v, struct err *e)
{
	int rc = db_get(t, KEY_TILE, k, v, e);

	if (rc == ERR_NOTFOUND || (rc == 0 && (v->n % MERKLE_HASH || v->n / MERKLE_HASH > TILE ||
					       v->n / MERKLE_HASH < min)))
		rc = err_set(e, ERR_INDEX, "the index lacks hashes of a journal: rebuild it");
	return rc;
}

/* Read a group of lines: where it begins and the lengths of its lines, at least min. */
static int get_lines(struct db_txn *t, struct key k, unsigned min, struct wire_out *v,
		     uint64_t *off, uint16_t n[TILE], struct err *e)
{
	int rc = db_get(t, KEY_LINE, k, v, e);
	struct wire_in in;

	if (rc == 0 && (v->n < 8 || v->n % 2 || (v->n - 8) / 2 > TILE || (v->n - 8) / 2 < min))
		rc = ERR_NOTFOUND;
	if (rc == ERR_NOTFOUND)
		rc = err_set(e, ERR_INDEX, "the index lacks lines of a journal: rebuild it");
	if (rc)
		return rc;
	in = wire_in_init(v->p, v->n);
	*off = wire_in_u64(&in);
	for (unsigned i = 0; i < min; i++)
		n[i] = wire_in_u16(&in);
	return 0;
}

static int load_tile(struct tree_writer *w, unsigned level, struct db_txn *t, struct wire_out *v,
		     struct err *e)
{
	const uint64_t count = w->state.range.size >> (HEIGHT * level);
	struct tile *tile = &w->tile[level];
	int rc;

	tile->n = count % TILE;
	if (tile->n == 0)
		return 0;
	wire_out_reset(v);
	rc = get_tile(t, key_tile(w->journal, (uint8_t)level, count / TILE), tile->n, v, e);
	if (rc == 0)
		memcpy(tile->h, v->p, tile->n * sizeof(tile->h[0]));
	return rc;
}

static int load_lines(struct tree_writer *w, struct db_txn *t, struct wire_out *v, struct err *e)
{
	uint64_t end;
	int rc;

	w->lines = w->state.range.size % TILE;
	w->line_off = w->state.bytes;
	if (w->lines == 0)
		return 0;
	wire_out_reset(v);
	rc = get_lines(t, key_line(w->journal, w->state.range.size / TILE), w->lines, v,
		       &w->line_off, w->line_n, e);
	end = w->line_off;
	for (unsigned i = 0; i < w->lines && rc == 0; i++)
		end += w->line_n[i] + 1u;
	if (rc == 0 && end != w->state.bytes)
		rc = err_set(e, ERR_INDEX, "the index misplaces a journal's lines: rebuild it");
	return rc;
}

/* The peaks of the tree are those of its partial tiles, highest first: does what is stored belong
 * to the state that we were given? */
static int check_peaks(const struct tree_writer *w, struct err *e)
{
	const merkle_hash *peak = w->state.range.peak;

	for (unsigned level = LEVELS; level-- > 0;) {
		const struct tile *tile = &w->tile[level];
		struct merkle_range r = {0};
		size_t peaks = (size_t)__builtin_popcount(tile->n);

		for (unsigned i = 0; i < tile->n; i++)
			merkle_append(&r, tile->h[i], NULL, NULL);
		if (memcmp(r.peak, peak, peaks * sizeof(*peak)) != 0)
			return err_set(e, ERR_INDEX,
				       "the index has another journal's hashes: rebuild it");
		peak += peaks;
	}
	return 0;
}

int tree_writer_new(struct tree_writer **out, struct db_txn *t, uint32_t journal,
		    const struct tree_state *state, struct err *e)
{
	struct tree_writer *w = calloc(1, sizeof(*w));
	struct wire_out v = {0};
	int rc = 0;

	*out = NULL;
	if (!w)
		return err_set(e, ERR_NOMEM, "out of memory");
	w->journal = journal;
	w->state = *state;
	for (unsigned level = 0; level < LEVELS && rc == 0; level++)
		rc = load_tile(w, level, t, &v, e);
	if (rc == 0)
		rc = check_peaks(w, e);
	if (rc == 0)
		rc = load_lines(w, t, &v, e);
	wire_out_free(&v);
	if (rc)
		free(w);
	else
		*out = w;
	return rc;
}

void tree_writer_free(struct tree_writer *w)
{
	free(w);
}

const struct tree_state *tree_writer_state(const struct tree_writer *w)
{
	return &w->state;
}

static int put_tile(struct tree_writer *w, struct db_batch *b, unsigned level, uint64_t tile)
{
	struct tile *t = &w->tile[level];

	t->dirty = false;
	return db_batch_put(b, KEY_TILE, key_tile(w->journal, (uint8_t)level, tile), t->h,
			    t->n * sizeof(t->h[0]));
}

static int put_lines(struct tree_writer *w, struct db_batch *b, uint64_t tile)
{
	uint8_t v[8 + 2 * TILE];

	w->lines_dirty = false;
	wire_put64(v, w->line_off);
	for (unsigned i = 0; i < w->lines; i++) {
		v[8 + 2 * i] = (uint8_t)(w->line_n[i] >> 8);
		v[9 + 2 * i] = (uint8_t)w->line_n[i];
	}
	return db_batch_put(b, KEY_LINE, key_line(w->journal, tile), v, 8 + 2 * w->lines);
}

struct sink {
	struct tree_writer *w;
	struct db_batch *b;
	int rc;
};

/* A merkle_emit: keep the roots that tiles are made of, and put the tiles that are full. */
static void keep(void *ctx, unsigned level, uint64_t index, const merkle_hash h)
{
	struct sink *s = ctx;
	struct tile *tile;

	if (level % HEIGHT || s->rc)
		return;
	tile = &s->w->tile[level / HEIGHT];
	memcpy(tile->h[tile->n++], h, sizeof(tile->h[0]));
	tile->dirty = true;
	if (tile->n == TILE) {
		s->rc = put_tile(s->w, s->b, level / HEIGHT, index / TILE);
		tile->n = 0;
	}
}

int tree_append(struct tree_writer *w, struct db_batch *b, const merkle_hash leaf, uint32_t n)
{
	struct sink s = {.w = w, .b = b};
	const uint64_t seq = w->state.range.size;

	if (n > LINE_MAX)
		return ERR_USAGE;
	merkle_append(&w->state.range, leaf, keep, &s);
	if (w->lines == 0)
		w->line_off = w->state.bytes;
	w->line_n[w->lines++] = (uint16_t)n;
	w->lines_dirty = true;
	w->state.bytes += n + UINT64_C(1);
	if (w->lines == TILE) {
		if (s.rc == 0)
			s.rc = put_lines(w, b, seq / TILE);
		w->lines = 0;
	}
	return s.rc;
}

int tree_flush(struct tree_writer *w, struct db_batch *b)
{
	const uint64_t size = w->state.range.size;
	int rc = 0;

	for (unsigned level = 0; level < LEVELS && rc == 0; level++)
		if (w->tile[level].dirty)
			rc = put_tile(w, b, level, (size >> (HEIGHT * level)) / TILE);
	if (rc == 0 && w->lines_dirty)
		rc = put_lines(w, b, size / TILE);
	return rc;
}

/* Root of the n hashes at h, n a power of two; h is used up. */
static void fold(merkle_hash *h, size_t n)
{
	for (; n > 1; n /= 2)
		for (size_t i = 0; i < n / 2; i++)
			merkle_node(h[i], h[2 * i], h[2 * i + 1]);
}

int tree_read(void *reader, unsigned level, uint64_t index, merkle_hash out)
{
	const struct tree_reader *r = reader;
	const unsigned up = level % HEIGHT; /* levels above the tile's own */
	merkle_hash h[TILE / 2];
	struct wire_out v = {0};
	uint64_t first;
	unsigned at;
	int rc;

	if (level > 63 || index >= r->size >> level)
		return ERR_INDEX;
	first = index << up;
	at = first % TILE;
	rc = get_tile(r->txn, key_tile(r->journal, (uint8_t)(level / HEIGHT), first / TILE),
		      at + (1u << up), &v, NULL);
	if (rc == 0) {
		memcpy(h, v.p + at * sizeof(h[0]), sizeof(h[0]) << up);
		fold(h, (size_t)1 << up);
		memcpy(out, h[0], sizeof(h[0]));
	}
	wire_out_free(&v);
	return rc;
}

int tree_leaves(const struct tree_reader *r, uint64_t seq, merkle_hash out[TREE_TILE], unsigned *n)
{
	const uint64_t first = seq - seq % TILE;
	struct wire_out v = {0};
	int rc;

	if (seq >= r->size)
		return ERR_INDEX;
	*n = r->size - first < TILE ? (unsigned)(r->size - first) : TILE;
	rc = get_tile(r->txn, key_tile(r->journal, 0, seq / TILE), *n, &v, NULL);
	if (rc == 0)
		memcpy(out, v.p, *n * sizeof(out[0]));
	wire_out_free(&v);
	return rc;
}

int tree_line(const struct tree_reader *r, uint64_t seq, uint64_t *off, uint32_t *n)
{
	const unsigned at = seq % TILE;
	struct wire_out v = {0};
	uint16_t len[TILE];
	int rc;

	if (seq >= r->size)
		return ERR_INDEX;
	rc = get_lines(r->txn, key_line(r->journal, seq / TILE), at + 1, &v, off, len, NULL);
	for (unsigned i = 0; i < at && rc == 0; i++)
		*off += len[i] + 1u;
	if (rc == 0)
		*n = len[at];
	wire_out_free(&v);
	return rc;
}

int tree_lines(const struct tree_reader *r, uint64_t seq, uint64_t off[TREE_TILE + 1], unsigned n)
{
	struct wire_out v = {0};
	uint16_t len[TILE];
	int rc;

	rc = get_lines(r->txn, key_line(r->journal, seq / TILE), n, &v, off, len, NULL);
	for (unsigned i = 0; i < n && rc == 0; i++)
		off[i + 1] = off[i] + len[i] + 1u;
	wire_out_free(&v);
	return rc;
}
