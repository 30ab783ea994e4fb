/* SPDX-License-Identifier: Apache-2.0 */
#include "index/sheet.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "crypto/wire.h"

/*
 * A value:
 *   u16 number of texts, then each: u8 length, bytes. They are numbered from 1.
 *   u16 number of rows, then each:
 *     u8 line in the tile, u64 inode number, u64 time in ms, u8 clock,
 *     u16 bit i: has text i, then u16 number of each of those,
 *     u8 readings, then each: u16 plate, u16 region, u16 hit, u16 confidence
 */
#define BUCKETS_MIN 1024u

struct sheet_writer {
	uint32_t journal;
	uint64_t tile;
	bool loaded, dirty;
	struct wire_out texts, rows;
	unsigned ntexts, nrows;
	uint32_t *off;	  /* of text i + 1 in texts */
	uint16_t *bucket; /* numbers of texts, by hash; 0 is free */
	unsigned cap;	  /* of bucket; off has half as many */
	uint64_t seed;
};

static int damaged(struct err *e)
{
	return err_set(e, ERR_INDEX, "the index is damaged: a sheet of items does not decode");
}

static int no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

/* ---- writing ---- */

int sheet_writer_new(struct sheet_writer **out)
{
	struct sheet_writer *w = calloc(1, sizeof(*w));

	*out = w;
	if (!w)
		return ERR_NOMEM;
	/* Texts come from outside: how they hash is not for them to choose. */
	secret_random(&w->seed, sizeof(w->seed));
	return 0;
}

void sheet_reset(struct sheet_writer *w)
{
	wire_out_reset(&w->texts);
	wire_out_reset(&w->rows);
	w->ntexts = w->nrows = 0;
	w->loaded = w->dirty = false;
	if (w->cap)
		memset(w->bucket, 0, w->cap * sizeof(*w->bucket));
}

void sheet_writer_free(struct sheet_writer *w)
{
	if (!w)
		return;
	wire_out_wipe(&w->texts);
	wire_out_wipe(&w->rows);
	free(w->off);
	free(w->bucket);
	free(w);
}

static uint16_t *bucket_of(const struct sheet_writer *w, const void *p, size_t n)
{
	const uint8_t *c = p;
	uint64_t h = w->seed;
	unsigned i;

	for (size_t k = 0; k < n; k++)
		h = (h ^ c[k]) * UINT64_C(0x100000001b3); /* FNV-1a */
	for (i = (unsigned)(h ^ h >> 32) & (w->cap - 1); w->bucket[i]; i = (i + 1) & (w->cap - 1)) {
		const uint8_t *there = w->texts.p + w->off[w->bucket[i] - 1];

		if (there[0] == n && memcmp(there + 1, p, n) == 0)
			break;
	}
	return &w->bucket[i];
}

static int grow(struct sheet_writer *w)
{
	unsigned cap = w->cap ? 2 * w->cap : BUCKETS_MIN;
	uint32_t *off = realloc(w->off, cap / 2 * sizeof(*off));
	uint16_t *bucket;

	if (!off)
		return ERR_NOMEM;
	w->off = off;
	bucket = calloc(cap, sizeof(*bucket));
	if (!bucket)
		return ERR_NOMEM;
	free(w->bucket);
	w->bucket = bucket;
	w->cap = cap;
	for (unsigned i = 0; i < w->ntexts; i++) {
		const uint8_t *t = w->texts.p + off[i];

		*bucket_of(w, t + 1, t[0]) = (uint16_t)(i + 1);
	}
	return 0;
}

/* The number of a text, which is kept once. 0 for an empty one, and without memory (texts turn bad
 * then). */
static uint16_t number_of(struct sheet_writer *w, const void *p, size_t n)
{
	uint16_t *bucket, known;

	if (n == 0)
		return 0;
	if (w->ntexts + 1 > w->cap / 2 && grow(w)) {
		w->texts.bad = true;
		return 0;
	}
	bucket = bucket_of(w, p, n);
	known = *bucket;
	if (known)
		return known;
	w->off[w->ntexts] = (uint32_t)w->texts.n;
	wire_out_u8(&w->texts, (uint8_t)n);
	wire_out_bytes(&w->texts, p, n);
	if (!wire_out_ok(&w->texts))
		return 0;
	*bucket = (uint16_t)++w->ntexts;
	return *bucket;
}

static void put_row(struct sheet_writer *w, uint64_t seq, uint64_t ino, const struct facts *f)
{
	uint16_t mask = 0;

	wire_out_u8(&w->rows, (uint8_t)(seq % SHEET_TILE));
	wire_out_u64(&w->rows, ino);
	wire_out_u64(&w->rows, (uint64_t)f->time_ms);
	wire_out_u8(&w->rows, (uint8_t)f->clock);
	for (unsigned i = 0; i < FACTS_TEXTS; i++)
		mask |= (uint16_t)((f->text[i].n > 0) << i);
	wire_out_u16(&w->rows, mask);
	for (unsigned i = 0; i < FACTS_TEXTS; i++)
		if (f->text[i].n)
			wire_out_u16(&w->rows, number_of(w, f->text[i].p, f->text[i].n));
	wire_out_u8(&w->rows, (uint8_t)f->readings);
	for (unsigned i = 0; i < f->readings; i++) {
		const struct facts_reading *g = &f->reading[i];

		wire_out_u16(&w->rows, number_of(w, g->plate, strlen(g->plate)));
		wire_out_u16(&w->rows, number_of(w, g->region.p, g->region.n));
		wire_out_u16(&w->rows, number_of(w, g->hit.p, g->hit.n));
		wire_out_u16(&w->rows, g->confidence);
	}
	w->nrows++;
}

int sheet_flush(struct sheet_writer *w, struct db_batch *b, struct err *e)
{
	struct wire_out value = {0};
	int rc = 0;

	if (w->dirty) {
		wire_out_u16(&value, (uint16_t)w->ntexts);
		wire_out_bytes(&value, w->texts.p, w->texts.n);
		wire_out_u16(&value, (uint16_t)w->nrows);
		wire_out_bytes(&value, w->rows.p, w->rows.n);
		if (!wire_out_ok(&w->texts) || !wire_out_ok(&w->rows) || !wire_out_ok(&value) ||
		    db_batch_put(b, KEY_SHEET, key_line(w->journal, w->tile), value.p, value.n))
			rc = no_memory(e);
	}
	wire_out_wipe(&value);
	sheet_reset(w);
	return rc;
}

/* Go on with what is there of the tile. */
static int take_over(struct sheet_writer *w, const struct wire_out *value)
{
	struct wire_in in = wire_in_init(value->p, value->n);
	unsigned texts = wire_in_u16(&in);

	for (unsigned i = 0; i < texts; i++) {
		size_t n = wire_in_u8(&in);
		const uint8_t *p = wire_in_bytes(&in, n);

		if (!p || number_of(w, p, n) != i + 1)
			return wire_out_ok(&w->texts) ? ERR_INDEX : ERR_NOMEM;
	}
	w->nrows = wire_in_u16(&in);
	if (!wire_in_ok(&in))
		return ERR_INDEX;
	wire_out_bytes(&w->rows, in.p, in.left);
	return wire_out_ok(&w->rows) ? 0 : ERR_NOMEM;
}

static int begin_tile(struct sheet_writer *w, struct db_batch *b, struct db_txn *t,
		      uint32_t journal, uint64_t tile, struct err *e)
{
	struct wire_out value = {0};
	int rc = sheet_flush(w, b, e);

	if (rc)
		return rc;
	rc = db_batch_get(b, t, KEY_SHEET, key_line(journal, tile), &value, NULL);
	if (rc == 0)
		rc = take_over(w, &value);
	else if (rc == ERR_NOTFOUND)
		rc = 0;
	wire_out_wipe(&value);
	if (rc)
		return rc == ERR_NOMEM ? no_memory(e) : damaged(e);
	w->journal = journal;
	w->tile = tile;
	w->loaded = true;
	return 0;
}

int sheet_put(struct sheet_writer *w, struct db_batch *b, struct db_txn *t, uint32_t journal,
	      uint64_t seq, uint64_t ino, const struct facts *f, struct err *e)
{
	const uint64_t tile = seq / SHEET_TILE;
	int rc = 0;

	if (!w->loaded || w->journal != journal || w->tile != tile)
		rc = begin_tile(w, b, t, journal, tile, e);
	if (rc)
		return rc;
	put_row(w, seq, ino, f);
	w->dirty = true;
	return 0;
}

/* ---- reading ---- */

void sheet_free(struct sheet *s)
{
	wire_out_wipe(&s->value);
	free(s->text);
	*s = (struct sheet){0};
}

/* The texts of s->value; rows are read as they are asked for. */
static int open_sheet(struct sheet *s, struct err *e)
{
	struct wire_in in = wire_in_init(s->value.p, s->value.n);
	unsigned n = wire_in_u16(&in);

	if (n + 1 > s->cap) {
		struct text_span *grown = realloc(s->text, (n + 1) * sizeof(*grown));

		if (!grown)
			return no_memory(e);
		s->text = grown;
		s->cap = n + 1;
	}
	s->text[0] = (struct text_span){"", 0};
	for (unsigned i = 1; i <= n; i++) {
		size_t len = wire_in_u8(&in);

		s->text[i] = (struct text_span){(const char *)wire_in_bytes(&in, len), len};
	}
	s->texts = n + 1;
	s->left = wire_in_u16(&in);
	s->rows = in;
	return wire_in_ok(&in) && s->left <= SHEET_TILE ? 0 : damaged(e);
}

int sheet_load(struct sheet *s, struct db_txn *t, uint32_t journal, uint64_t tile, struct err *e)
{
	int rc;

	wire_out_reset(&s->value);
	rc = db_get(t, KEY_SHEET, key_line(journal, tile), &s->value, e);
	s->journal = journal;
	s->tile = tile;
	return rc ? rc : open_sheet(s, e);
}

int sheet_each(struct sheet *s, struct db_txn *t, int (*cb)(void *ctx, struct sheet *s), void *ctx,
	       struct err *e)
{
	const struct key all = {.n = 0};
	struct db_cursor *c = NULL;
	const uint8_t *k;
	size_t klen;
	int rc = db_cursor(&c, t, KEY_SHEET, all, all, e);

	while (rc == 0) {
		rc = db_next(c, &k, &klen, &s->value, e);
		if (rc == ERR_NOTFOUND) {
			rc = 0;
			break;
		}
		if (rc == 0 && klen != 12)
			rc = damaged(e);
		if (rc)
			break;
		s->journal = wire_get32(k);
		s->tile = wire_get64(k + 4);
		rc = open_sheet(s, e);
		if (rc == 0)
			rc = cb(ctx, s);
	}
	db_cursor_close(c);
	return rc;
}

static uint16_t text_number(struct sheet *s)
{
	uint16_t n = wire_in_u16(&s->rows);

	if (n >= s->texts)
		s->rows.bad = true;
	return n;
}

int sheet_next(struct sheet *s, struct sheet_row *row, struct err *e)
{
	unsigned mask;

	if (s->left == 0)
		return wire_in_end(&s->rows) ? ERR_NOTFOUND : damaged(e);
	s->left--;
	row->seq = s->tile * SHEET_TILE + wire_in_u8(&s->rows);
	row->ino = wire_in_u64(&s->rows);
	row->time_ms = (int64_t)wire_in_u64(&s->rows);
	row->clock = (enum facts_clock)wire_in_u8(&s->rows);
	mask = wire_in_u16(&s->rows);
	for (unsigned i = 0; i < FACTS_TEXTS; i++)
		row->text[i] = mask >> i & 1 ? text_number(s) : 0;
	row->readings = wire_in_u8(&s->rows);
	if (row->readings > FACTS_READINGS)
		return damaged(e);
	for (unsigned i = 0; i < row->readings; i++) {
		struct sheet_reading *g = &row->reading[i];

		g->plate = text_number(s);
		g->region = text_number(s);
		g->hit = text_number(s);
		g->confidence = wire_in_u16(&s->rows);
	}
	return wire_in_ok(&s->rows) ? 0 : damaged(e);
}
