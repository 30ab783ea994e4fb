/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/verify_internal.h"
#include "index/journal.h"

/* ---- order ---- */

static int segment_order(const void *a, const void *b)
{
	const struct verify_segment *x = a, *y = b;
	int c = memcmp(x->id, y->id, 16);

	return c ? c : x->journal < y->journal ? -1 : x->journal > y->journal;
}

static int placed_order(const void *a, const void *b)
{
	const struct verify_placed *x = a, *y = b;
	int c = memcmp(x->segment, y->segment, 16);

	if (c == 0)
		c = x->journal < y->journal ? -1 : x->journal > y->journal;
	return c ? c : x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int accession_order(const void *a, const void *b)
{
	const struct verify_accession *x = a, *y = b;
	int c = memcmp(x->id, y->id, 16);

	return c ? c : x->journal < y->journal ? -1 : x->journal > y->journal;
}

void verify_sort(struct verify_list *l, size_t size, int (*order)(const void *, const void *))
{
	if (l->n > 1)
		qsort(l->p, l->n, size, order);
}

/* ---- items and segments ---- */

/* An item whose segment no line announced. */
static void tell_stray(struct verify *v, const struct verify_placed *p)
{
	const struct verify_journal *j = (struct verify_journal *)v->journals.p + p->journal;
	struct verify_finding f = {.has_segment = true, .offset = p->offset};
	struct wire_out line = {0};
	struct event ev;
	char node[33], segment[33];

	memcpy(f.segment, p->segment, 16);
	if (journal_read_line(v->a->journal, j->node, p->line_off, p->line_len, &line, NULL) == 0 &&
	    event_parse(&ev, (struct text_span){(const char *)line.p, line.n}) == 0) {
		f.has_item = true;
		memcpy(f.item, ev.item, 16);
		f.length = ev.length;
	}
	wire_out_free(&line);
	text_hex(node, j->node, 16);
	text_hex(segment, p->segment, 16);
	verify_tell(v, &f, ERR_DAMAGED,
		    "journal %s has an item in segment %s, which it does not announce", node,
		    segment);
}

/* Remove segments that one journal announces twice: the first counts. What two journals announce is
 * checked for both. */
static void drop_doubles(struct verify *v)
{
	struct verify_segment *s = v->segments.p;
	size_t kept = 0;

	for (size_t i = 0; i < v->segments.n; i++)
		if (kept == 0 || segment_order(&s[kept - 1], &s[i]) != 0)
			s[kept++] = s[i];
	v->segments.n = kept;
}

/* Where a segment stands beside the one that an item is in. */
static int place_of_segment(const struct verify_placed *p, const struct verify_segment *s)
{
	int c = memcmp(s->id, p->segment, 16);

	return c ? c : s->journal < p->journal ? -1 : s->journal > p->journal;
}

/* Give each segment its run of items. */
static void join(struct verify *v)
{
	struct verify_segment *s = v->segments.p;
	const struct verify_placed *p = v->placed.p;
	size_t k = 0;

	for (size_t i = 0; i < v->placed.n; i++) {
		while (k < v->segments.n && place_of_segment(&p[i], &s[k]) < 0)
			k++;
		if (k == v->segments.n || place_of_segment(&p[i], &s[k]) != 0) {
			tell_stray(v, &p[i]);
			continue;
		}
		if (s[k].count == 0)
			s[k].first = i;
		s[k].count = i + 1 - s[k].first;
	}
}

/* ---- accessions ---- */

static struct verify_accession *find(const struct verify_list *l, const uint8_t id[16],
				     uint32_t journal)
{
	struct verify_accession key = {.journal = journal};

	if (l->n == 0)
		return NULL;
	memcpy(key.id, id, 16);
	return bsearch(&key, l->p, l->n, sizeof(key), accession_order);
}

static void count_items(struct verify *v)
{
	const struct verify_segment *s = v->segments.p;

	for (size_t i = 0; i < v->segments.n; i++) {
		struct verify_accession *a = find(&v->opened, s[i].accession, s[i].journal);
		char segment[33];

		if (a) {
			a->items += s[i].count;
			continue;
		}
		text_hex(segment, s[i].id, 16);
		verify_tell(v, NULL, ERR_DAMAGED,
			    "segment %s belongs to an accession that its journal does not know",
			    segment);
	}
}

static void match_accessions(struct verify *v)
{
	const struct verify_accession *o = v->opened.p, *c = v->closed.p;
	char id[33];

	for (size_t i = 0; i < v->closed.n; i++) {
		const struct verify_accession *a = find(&v->opened, c[i].id, c[i].journal);

		text_hex(id, c[i].id, 16);
		if (!a)
			verify_tell(v, NULL, ERR_DAMAGED,
				    "accession %s is closed, and was never begun", id);
		else if (a->items != c[i].items)
			verify_tell(v, NULL, ERR_DAMAGED,
				    "accession %s was closed with %" PRIu64
				    " items, and the journal has %" PRIu64,
				    id, c[i].items, a->items);
	}
	for (size_t i = 0; i < v->opened.n; i++) {
		if (find(&v->closed, o[i].id, o[i].journal))
			continue;
		v->sum->open_accessions++;
		text_hex(id, o[i].id, 16);
		verify_note(v,
			    "accession %s (%" PRIu64
			    " items) was never closed: it goes on, or was cut short",
			    id, o[i].items);
	}
}

int verify_match(struct verify *v, struct err *e)
{
	(void)e;
	verify_claims(v);
	verify_sort(&v->segments, sizeof(struct verify_segment), segment_order);
	verify_sort(&v->placed, sizeof(struct verify_placed), placed_order);
	verify_sort(&v->opened, sizeof(struct verify_accession), accession_order);
	verify_sort(&v->closed, sizeof(struct verify_accession), accession_order);
	drop_doubles(v);
	join(v);
	count_items(v);
	match_accessions(v);
	return 0;
}
