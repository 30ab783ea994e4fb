/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sheet: the facts (index/facts) of all items, in the order of the lines that took them in. For each
 * tile of 256 lines of a journal there is one sealed value, which has each text once: some 60 bytes an
 * item that has a manifest's columns. Who searches opens the sheets and compares: a million items are
 * 4,000 values, opened in a tenth of a second, whatever is asked for. So the keys of the table say
 * nothing of plates, places or times, and there is nothing to be counted by value.
 *
 * Thread rule: as index/db; a writer belongs to one thread.
 */
#ifndef CUSTODY_INDEX_SHEET_H
#define CUSTODY_INDEX_SHEET_H

#include <stdint.h>

#include "index/db.h"
#include "index/facts.h"

#define SHEET_TILE 256u

struct sheet_writer;
int sheet_writer_new(struct sheet_writer **out); /* ERR_NOMEM */
void sheet_writer_free(struct sheet_writer *w);	 /* NULL is fine; wipes */
/* Note the facts of the item that a line takes in, once a line. t is a read transaction. One tile is
 * in memory at a time. ERR_INDEX, ERR_NOMEM. */
int sheet_put(struct sheet_writer *w, struct db_batch *b, struct db_txn *t, uint32_t journal,
	      uint64_t seq, uint64_t ino, const struct facts *f, struct err *e);
/* Put what is in memory into the batch, and forget it. */
int sheet_flush(struct sheet_writer *w, struct db_batch *b, struct err *e);
void sheet_reset(struct sheet_writer *w); /* forget it */

/* ---- reading ---- */

struct sheet_reading {
	uint16_t plate, region, hit; /* numbers of texts; 0: none */
	uint16_t confidence;
};
struct sheet_row {
	uint64_t seq, ino;
	int64_t time_ms;
	enum facts_clock clock;
	uint16_t text[FACTS_TEXTS]; /* numbers of texts; 0: none */
	unsigned readings;
	struct sheet_reading reading[FACTS_READINGS];
};
/* A tile. Texts are borrowed from value. Zero-initialise it; sheet_free() wipes. */
struct sheet {
	uint32_t journal;
	uint64_t tile;
	struct text_span *text; /* by number; the first is empty */
	unsigned texts, cap;
	struct wire_out value;
	struct wire_in rows;
	unsigned left; /* rows not read yet */
};
void sheet_free(struct sheet *s);
/* ERR_NOTFOUND: no line of the tile took in an item that is shown. ERR_INDEX, ERR_NOMEM. */
int sheet_load(struct sheet *s, struct db_txn *t, uint32_t journal, uint64_t tile, struct err *e);
/* Calls cb for every sheet, in order of journal and tile, until it returns non-zero, which is
 * returned. s is the caller's, to be freed. */
int sheet_each(struct sheet *s, struct db_txn *t, int (*cb)(void *ctx, struct sheet *s), void *ctx,
	       struct err *e);
/* The next row: 0, ERR_NOTFOUND behind the last, ERR_INDEX (with a sentence). */
int sheet_next(struct sheet *s, struct sheet_row *row, struct err *e);

#endif
