/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/derived.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "fs/item_digest.h"
#include "index/find.h"
#include "index/ledger.h"
#include "index/line.h"
#include "index/posting.h"

/* What the record says: either may be missing. */
struct link {
	bool has_item, has_sha256;
	uint8_t item[32]; /* node id, item id */
	uint8_t sha256[32];
};

static struct link read_link(const struct record *r)
{
	struct text_span v;
	struct link l = {0};

	l.has_item = record_get(r, "derived_from_node", &v) && text_unhex(v, l.item, 16) &&
		     record_get(r, "derived_from", &v) && text_unhex(v, l.item + 16, 16);
	l.has_sha256 = record_get(r, "derived_from_sha256", &v) && text_unhex(v, l.sha256, 32);
	return l;
}

bool derived_is(const struct record *r)
{
	const struct link l = read_link(r);

	return l.has_item || l.has_sha256;
}

static int note(struct catchup_event *w, const struct event *ev, enum posting_kind kind,
		const uint8_t value[32])
{
	const struct posting one = {kind, value, 32};

	return posting_add(w->s->postings, w->journal, ev->seq, &one);
}

int derived_note(struct catchup_event *w, const struct event *ev, const struct record *r)
{
	const struct link l = read_link(r);
	int rc = 0;

	if (l.has_item)
		rc = note(w, ev, POSTING_MADE_FROM, l.item);
	if (rc == 0 && l.has_sha256)
		rc = note(w, ev, POSTING_MADE_FROM_CONTENT, l.sha256);
	return rc;
}

/* ---- looking up ---- */

/* Where an item was taken in. */
struct place {
	uint32_t journal; /* place in the list of journals */
	uint64_t seq;
};
struct look {
	struct station *s;
	struct ledger_journal *journals;
	size_t njournals;
	struct place *place;
	size_t n, cap;
	struct err *e;
};

static int add_place(struct look *l, uint32_t journal, uint64_t seq)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->place[i].journal == journal && l->place[i].seq == seq)
			return 0;
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct place *p = reallocarray(l->place, cap, sizeof(*p));

		if (!p)
			return err_set(l->e, ERR_NOMEM, "out of memory");
		l->place = p;
		l->cap = cap;
	}
	l->place[l->n++] = (struct place){journal, seq};
	return 0;
}

static int add_posting(struct look *l, struct db_txn *t, enum posting_kind kind,
		       const uint8_t value[32])
{
	const struct posting one = {kind, value, 32};
	int rc = 0;

	for (uint32_t i = 0; i < l->njournals && rc == 0; i++) {
		struct lineset lines;
		uint64_t line = 0;

		rc = lineset_init(&lines, l->journals[i].state.range.size);
		if (rc == 0)
			rc = posting_load(&lines, t, l->journals[i].number, &one, l->e);
		for (; rc == 0 && lineset_next(&lines, &line); line++)
			rc = add_place(l, i, line);
		lineset_free(&lines);
	}
	return rc;
}

static int add_hit(void *ctx, size_t i, uint32_t journal, uint64_t seq)
{
	struct look *l = ctx;

	(void)i;
	for (uint32_t k = 0; k < l->njournals; k++)
		if (l->journals[k].number == journal)
			return add_place(l, k, seq);
	return 0;
}

/* The item that was taken in there, with its record; *there is false if it can't be read. */
static int load(const struct look *l, const struct place *p, struct object *o, struct record **r,
		bool *there)
{
	const struct ledger_journal *j = &l->journals[p->journal];
	struct wire_out line = {0}, enc = {0};
	struct db_txn *t = NULL;
	struct event ev;
	int rc = db_begin(&t, l->s->db, false, l->e);

	*r = NULL;
	*there = false;
	if (rc == 0) {
		struct tree_reader tr = {t, j->number, j->state.range.size};

		rc = line_read(&tr, l->s->archive->journal, j->node, p->seq, &line, NULL);
		if (rc == 0)
			rc = event_parse(&ev, (struct text_span){(char *)line.p, line.n});
		if (rc == 0 && ev.type != EVENT_INGEST)
			rc = ERR_NOTFOUND;
		if (rc == 0)
			rc = object_get_item(t, j->node, ev.item, o, &enc, NULL);
		if (rc == 0)
			rc = record_decode(r, enc.p, enc.n);
		*there = rc == 0;
	}
	db_abort(t);
	wire_out_free(&line);
	wire_out_wipe(&enc);
	return rc == ERR_NOMEM || rc == ERR_INDEX ? rc : 0;
}

static int begin(struct look *l, struct db_txn **t)
{
	int rc = db_begin(t, l->s->db, false, l->e);

	return rc ? rc : ledger_journals(*t, &l->journals, &l->njournals, l->e);
}

static void end(struct look *l)
{
	free(l->journals);
	free(l->place);
}

/* ---- from the original ---- */

int derived_each(struct station *s, const struct object *o, derived_item *cb, void *ctx,
		 struct err *e)
{
	struct look l = {.s = s, .e = e};
	struct db_txn *t = NULL;
	uint8_t item[32], sha256[32];
	bool digest = item_digest(sha256, s, o) == 0, there;
	struct record *r;
	struct object found;
	int rc = begin(&l, &t);

	memcpy(item, o->node, 16);
	memcpy(item + 16, o->item, 16);
	if (rc == 0)
		rc = add_posting(&l, t, POSTING_MADE_FROM, item);
	if (rc == 0 && digest)
		rc = add_posting(&l, t, POSTING_MADE_FROM_CONTENT, sha256);
	db_abort(t);
	for (size_t i = 0; rc == 0 && i < l.n; i++) {
		struct link link = {0};

		rc = load(&l, &l.place[i], &found, &r, &there);
		if (rc == 0 && there)
			link = read_link(r);
		/* A posting says where to look; the record says what is so. */
		if (rc == 0 &&
		    ((link.has_item && memcmp(link.item, item, 32) == 0) ||
		     (digest && link.has_sha256 && memcmp(link.sha256, sha256, 32) == 0)))
			rc = cb(ctx, &found, r);
		record_free(r);
	}
	secret_wipe(sha256, sizeof(sha256));
	end(&l);
	return rc;
}

/* ---- to the original ---- */

static int origin_item(const struct look *l, const struct link *link, derived_item *cb, void *ctx)
{
	struct wire_out enc = {0};
	struct record *r = NULL;
	struct db_txn *t = NULL;
	struct object o;
	int rc = db_begin(&t, l->s->db, false, l->e);

	if (rc == 0)
		rc = object_get_item(t, link->item, link->item + 16, &o, &enc, NULL);
	db_abort(t);
	if (rc == 0)
		rc = record_decode(&r, enc.p, enc.n);
	if (rc == 0)
		rc = cb(ctx, &o, r);
	else if (rc != ERR_NOMEM && rc != ERR_INDEX)
		rc = 0;
	record_free(r);
	wire_out_wipe(&enc);
	return rc;
}

static int origin_content(struct look *l, const struct link *link, derived_item *cb, void *ctx)
{
	struct db_txn *t = NULL;
	struct record *r;
	struct object o;
	uint8_t sha256[32];
	bool there;
	int rc = begin(l, &t);

	if (rc == 0)
		rc = find_each(t, &link->sha256, 1, add_hit, l, l->e);
	db_abort(t);
	for (size_t i = 0; rc == 0 && i < l->n; i++) {
		rc = load(l, &l->place[i], &o, &r, &there);
		if (rc == 0 && there && item_digest(sha256, l->s, &o) == 0 &&
		    memcmp(sha256, link->sha256, 32) == 0)
			rc = cb(ctx, &o, r);
		record_free(r);
	}
	secret_wipe(sha256, sizeof(sha256));
	return rc;
}

int derived_origins(struct station *s, const struct record *r, derived_item *cb, void *ctx,
		    struct err *e)
{
	const struct link link = read_link(r);
	struct look l = {.s = s, .e = e};
	int rc = 0;

	if (link.has_item)
		rc = origin_item(&l, &link, cb, ctx);
	else if (link.has_sha256)
		rc = origin_content(&l, &link, cb, ctx);
	end(&l);
	return rc;
}
