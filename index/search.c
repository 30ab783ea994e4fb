/* SPDX-License-Identifier: Apache-2.0 */
#include "index/search.h"

#include <stdlib.h>
#include <string.h>

/* What is asked of texts: one criterion for each text of an item, and those of readings. */
enum { PLATE = FACTS_TEXTS, REGION, HIT, CRITERIA };

/* Each text of a sheet is compared once with what is asked of it. */
enum verdict { UNKNOWN, NO, YES };

struct search {
	const struct search_ask *ask;
	struct search_words words[CRITERIA];
	uint8_t *verdict[CRITERIA]; /* by number of text; NULL: nothing is asked */
	unsigned cap;
	int (*cb)(void *ctx, const struct search_hit *hit);
	void *ctx;
	struct err *e;
};

static bool in_lines(const struct search_lines *l, size_t n, uint32_t journal, uint64_t seq)
{
	for (size_t i = 0; i < n; i++) {
		if (l[i].journal == journal)
			return seq < l[i].set.size && (l[i].set.w[seq / 64] >> seq % 64 & 1) != 0;
	}
	return false;
}

/* Does the text of this number fit one of the words? */
static bool fits(struct search *s, const struct sheet *sheet, unsigned what, uint16_t number)
{
	const struct search_words *w = &s->words[what];
	enum pattern_how how = what == PLATE	  ? s->ask->plate_how :
			       what == FACTS_CASE ? PATTERN_EXACT :
						    PATTERN_PLAIN;
	uint8_t *verdict;

	if (w->n == 0)
		return true;
	if (number == 0)
		return false;
	verdict = &s->verdict[what][number];
	for (size_t i = 0; *verdict == UNKNOWN && i < w->n; i++) {
		if (pattern_match(w->p[i], sheet->text[number], how))
			*verdict = YES;
	}
	if (*verdict == UNKNOWN)
		*verdict = NO;
	return *verdict == YES;
}

static bool reading_fits(struct search *s, const struct sheet *sheet, const struct sheet_row *row)
{
	const struct search_ask *a = s->ask;

	if (!a->plate.n && !a->region.n && !a->hit.n && !a->confidence)
		return true;
	for (unsigned i = 0; i < row->readings; i++) {
		const struct sheet_reading *g = &row->reading[i];

		if (a->confidence &&
		    (g->confidence == FACTS_UNSURE || g->confidence < a->confidence))
			continue;
		if (fits(s, sheet, PLATE, g->plate) && fits(s, sheet, REGION, g->region) &&
		    fits(s, sheet, HIT, g->hit))
			return true;
	}
	return false;
}

static bool text_fits(struct search *s, const struct sheet *sheet, const struct sheet_row *row,
		      unsigned i)
{
	if (fits(s, sheet, i, row->text[i]))
		return s->words[i].n || i != FACTS_CASE || !s->ask->cases ||
		       in_lines(s->ask->cases, s->ask->ncases, sheet->journal, row->seq);
	if (i == FACTS_CAMERA)
		return fits(s, sheet, FACTS_CAMERA, row->text[FACTS_CAMERA_NAME]);
	return i == FACTS_CASE && s->ask->cases &&
	       in_lines(s->ask->cases, s->ask->ncases, sheet->journal, row->seq);
}

static bool row_fits(struct search *s, const struct sheet *sheet, const struct sheet_row *row)
{
	const struct search_ask *a = s->ask;

	if (row->time_ms < a->from_ms || row->time_ms > a->to_ms)
		return false;
	if (a->only && !in_lines(a->only, a->onlys, sheet->journal, row->seq))
		return false;
	for (unsigned i = 0; i < FACTS_TEXTS; i++)
		if (!text_fits(s, sheet, row, i))
			return false;
	return reading_fits(s, sheet, row);
}

/* Nothing is known of the texts of a new sheet. */
static int forget(struct search *s, const struct sheet *sheet)
{
	for (unsigned i = 0; i < CRITERIA; i++) {
		uint8_t *grown;

		if (s->words[i].n == 0)
			continue;
		if (sheet->texts > s->cap) {
			grown = realloc(s->verdict[i], sheet->texts);
			if (!grown)
				return ERR_NOMEM;
			s->verdict[i] = grown;
		}
		memset(s->verdict[i], UNKNOWN, sheet->texts);
	}
	if (sheet->texts > s->cap)
		s->cap = sheet->texts;
	return 0;
}

static int search_sheet(void *ctx, struct sheet *sheet)
{
	struct search *s = ctx;
	struct sheet_row row;
	int rc = forget(s, sheet);

	if (rc)
		return err_set(s->e, rc, "out of memory");
	while (rc == 0 && (rc = sheet_next(sheet, &row, s->e)) == 0) {
		const struct search_hit hit = {row.ino, row.time_ms, row.clock};

		if (row_fits(s, sheet, &row))
			rc = s->cb(s->ctx, &hit);
	}
	return rc == ERR_NOTFOUND ? 0 : rc;
}

/* The sheets that have lines of the sets. */
static int search_only(struct search *s, struct sheet *sheet, struct db_txn *t)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->ask->onlys; i++) {
		const struct search_lines *l = &s->ask->only[i];
		uint64_t line = 0;

		while (rc == 0 && lineset_next(&l->set, &line)) {
			rc = sheet_load(sheet, t, l->journal, line / SHEET_TILE, s->e);
			if (rc == 0)
				rc = search_sheet(s, sheet);
			else if (rc == ERR_NOTFOUND)
				rc = 0;
			line = (line / SHEET_TILE + 1) * SHEET_TILE;
		}
	}
	return rc;
}

int search_each(struct db_txn *t, const struct search_ask *ask,
		int (*cb)(void *ctx, const struct search_hit *hit), void *ctx, struct err *e)
{
	struct search s = {.ask = ask, .cb = cb, .ctx = ctx, .e = e};
	struct sheet sheet = {0};
	int rc;

	memcpy(s.words, ask->text, sizeof(ask->text));
	s.words[PLATE] = ask->plate;
	s.words[REGION] = ask->region;
	s.words[HIT] = ask->hit;
	if (ask->only)
		rc = search_only(&s, &sheet, t);
	else
		rc = sheet_each(&sheet, t, search_sheet, &s, e);
	for (unsigned i = 0; i < CRITERIA; i++)
		free(s.verdict[i]);
	sheet_free(&sheet);
	return rc;
}
