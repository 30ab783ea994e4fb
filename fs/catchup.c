/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/catchup.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/admitted.h"
#include "fs/catchup_apply.h"
#include "fs/catchup_look.h"
#include "fs/catchup_source.h"
#include "fs/station.h"
#include "index/ledger.h"

/* Pins need not follow each line of a busy mount: they are of use when the index is lost. */
#define PINS_EVERY_MS 2000

struct catchup {
	struct station *st;
	struct catchup_apply *apply;
	struct catchup_look *look;
	struct catchup_source *source;
	size_t sources;
	bool names, ran;
	int64_t pins_saved_ms;
};

static int64_t monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the journals of this index ---- */

static struct catchup_source *find_source(struct catchup *c, const uint8_t node[16])
{
	for (size_t i = 0; i < c->sources; i++) {
		if (memcmp(c->source[i].node, node, 16) == 0)
			return &c->source[i];
	}
	return NULL;
}

static int add_source(struct catchup *c, const struct identity_public *pub, bool own, struct err *e)
{
	struct catchup_source *grown;

	if (find_source(c, pub->id))
		return 0;
	grown = realloc(c->source, (c->sources + 1) * sizeof(*grown));
	if (!grown)
		return err_set(e, ERR_NOMEM, "out of memory");
	c->source = grown;
	memset(&grown[c->sources], 0, sizeof(*grown));
	memcpy(grown[c->sources].node, pub->id, 16);
	grown[c->sources].pub = *pub;
	grown[c->sources++].own = own;
	return 0;
}

/* Ours and, with names, those of all who are enrolled. Ours is kept at the end: what it says of
 * items that were read wants the items to be known. */
static int list_sources(struct catchup *c, struct err *e)
{
	const struct identity_public *self = &node_identity(c->st->node)->pub;
	struct catchup_source *mine, last;
	int rc = add_source(c, self, true, e);

	for (size_t i = 0; c->names && rc == 0 && i < roster_count(c->st->roster); i++)
		rc = add_source(c, &roster_at(c->st->roster, i)->pub, false, e);
	mine = find_source(c, self->id);
	if (mine) {
		last = c->source[c->sources - 1];
		c->source[c->sources - 1] = *mine;
		*mine = last;
	}
	return rc;
}

int catchup_new(struct catchup **out, struct station *s, struct err *e)
{
	struct catchup *c = calloc(1, sizeof(*c));
	int rc;

	*out = NULL;
	if (!c)
		return err_set(e, ERR_NOMEM, "out of memory");
	c->st = s;
	c->names = s->home->catalogue != NULL;
	rc = catchup_apply_new(&c->apply, s, c->names, e);
	if (rc == 0 && catchup_look_new(&c->look))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = list_sources(c, e);
	if (rc) {
		catchup_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void catchup_free(struct catchup *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->sources; i++)
		free(c->source[i].mark);
	free(c->source);
	catchup_look_free(c->look);
	catchup_apply_free(c->apply);
	free(c);
}

/* ---- the journal of this node ---- */

int catchup_check_own(struct station *s, uint64_t *lines, struct err *e)
{
	struct catchup_source *own = find_source(s->catchup, node_identity(s->node)->pub.id);
	struct node_pin *pins = NULL;
	size_t npins = 0;
	int rc = node_pins_load(s->home, &pins, &npins, e);

	if (rc == 0)
		rc = catchup_source_scan(own, s, pins, npins, e);
	*lines = own->marks ? own->mark[own->marks - 1].size : own->j.state.range.size;
	free(pins);
	return rc;
}

/* ---- pins ---- */

int catchup_save_pins(struct station *s, struct err *e)
{
	struct catchup *c = s->catchup;
	struct node_pin *pins = calloc(c->sources ? c->sources : 1, sizeof(*pins));
	size_t n = 0;
	int rc = 0;

	if (!pins)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < c->sources; i++) {
		const struct catchup_source *src = &c->source[i];

		if (!src->moved || src->j.state.range.size == 0)
			continue;
		memcpy(pins[n].node, src->node, 16);
		pins[n].size = src->j.state.range.size;
		pins[n].bytes = src->j.state.bytes;
		merkle_root(pins[n].root, &src->j.state.range);
		memcpy(pins[n].note, src->seen.note, src->seen.note_n);
		pins[n++].note_n = src->seen.note_n;
	}
	if (n)
		rc = node_pins_save(s->home, pins, n, e);
	for (size_t i = 0; rc == 0 && i < c->sources; i++)
		c->source[i].moved = false;
	c->pins_saved_ms = monotonic_ms();
	free(pins);
	return rc;
}

/* ---- a run ---- */

struct run {
	struct catchup *c;
	uint64_t max, total;
	struct catchup_counts n;
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
	struct err *e; /* the first error */
	int rc;
	bool views;  /* they show more than before */
	bool unsure; /* whose signatures count is not known */
};

/* Note an error; the first one is kept. */
static void note(struct run *r, int rc, const struct err *e)
{
	if (rc == 0 || r->rc)
		return;
	r->rc = rc;
	if (r->e)
		*r->e = *e;
}

static void scan_all(struct run *r)
{
	struct catchup *c = r->c;
	struct node_pin *pins = NULL;
	struct err e = {0};
	size_t npins = 0;
	int rc = node_pins_load(c->st->home, &pins, &npins, &e);

	note(r, rc, &e);
	for (size_t i = 0; i < c->sources; i++) {
		struct catchup_source *s = &c->source[i];

		e = rc ? e : (struct err){0};
		/* Without pins nothing can be taken for what it says. */
		s->failed = rc ? rc : catchup_source_scan(s, c->st, pins, npins, &e);
		note(r, s->failed, &e);
		if (!s->failed && catchup_source_planned(s))
			r->total += s->mark[s->marks - 1].size - s->j.state.range.size;
	}
	free(pins);
}

/* The views follow at the end, or when much waits for them. */
static void settle(struct run *r, bool due)
{
	struct err e = {0};

	note(r, catchup_apply_views(r->c->apply, due, &r->views, &e), &e);
}

/* Apply what was scanned of one journal, within the budget. */
static void apply(struct run *r, struct catchup_source *s)
{
	while (!s->failed && catchup_source_planned(s) && (!r->max || r->n.events < r->max)) {
		const struct ledger_journal was = s->j;
		const struct catchup_mark *to = s->mark;
		struct err e = {0};
		int rc;

		while (to->size <= was.state.range.size)
			to++;
		rc = catchup_apply_batch(r->c->apply, s->node, to, &s->j, &r->n, &e);
		if (rc)
			s->j = was;
		/* Whoever was faster has checked what it applied as we do. */
		if (rc == ERR_BUSY)
			continue;
		if (rc)
			s->marks = 0; /* it is to be scanned anew */
		s->failed = rc;
		s->moved = s->moved || rc == 0;
		note(r, rc, &e);
		if (rc == 0)
			settle(r, true);
		if (r->progress && rc == 0)
			r->progress(r->ctx, r->n.events, r->total);
	}
}

/* Where the index is now, whoever brought it there. */
static int reload_states(struct catchup *c, uint64_t *pending, struct err *e)
{
	struct db_txn *t = NULL;
	int rc = db_begin(&t, c->st->db, false, e);

	for (size_t i = 0; rc == 0 && i < c->sources; i++)
		rc = catchup_source_load(&c->source[i], t, e);
	if (rc == 0)
		rc = db_count(t, KEY_PENDING, pending, e);
	db_abort(t);
	return rc;
}

static void retry_pending(struct run *r)
{
	struct err e = {0};
	uint64_t before;
	int rc;

	catchup_apply_retry(r->c->apply);
	do {
		before = r->n.items;
		rc = catchup_apply_pending(r->c->apply, &r->n, &e);
	} while (rc == ERR_BUSY || (rc == 0 && r->n.items > before));
	note(r, rc, &e);
}

static void new_roster(struct run *r)
{
	struct catchup *c = r->c;
	struct roster *roster;
	struct err e = {0};
	int rc = roster_load(&roster, c->st->archive, NULL, &e);

	if (rc == 0 && roster_carry(roster, c->st->roster)) {
		roster_free(roster);
		rc = err_set(&e, ERR_NOMEM, "out of memory");
	}
	if (rc == 0) {
		roster_free(c->st->roster);
		c->st->roster = roster;
		rc = list_sources(c, &e);
	}
	note(r, rc, &e);
}

static void look(struct run *r)
{
	struct catchup *c = r->c;
	struct err e = {0};
	bool moved = false;
	int rc;

	catchup_look_begin(c->look, c->st->archive);
	if (catchup_look_description(c->look)) {
		rc = station_follow(c->st, 0, &moved, &e);
		r->unsure = rc != 0;
		note(r, rc, &e);
	}
	if (moved || catchup_look_documents(c->look))
		new_roster(r);
	for (size_t i = 0; i < c->sources; i++)
		catchup_look_journal(c->look, c->source[i].node);
}

/* Is all that this node admitted still there, and is all of its log known? */
static void hold_to_log(struct run *r)
{
	struct station *s = r->c->st;
	const struct catchup_source *own = find_source(r->c, node_identity(s->node)->pub.id);
	bool behind = own->failed || catchup_source_planned(own) || r->unsure;
	struct err e = {0};
	int rc;

	if (r->c->ran && !r->n.releases && !s->withheld && !behind &&
	    !catchup_look_documents(r->c->look))
		return;
	rc = admitted_check(s, &e);
	s->withheld = rc || behind;
	note(r, rc, &e);
}

int catchup_run(struct station *s, uint64_t max_events, struct catchup_result *out,
		void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
		struct err *e)
{
	struct catchup *c = s->catchup;
	struct run r = {.c = c, .max = max_events, .progress = progress, .ctx = ctx, .e = e};
	struct err own = {0};
	int rc;

	memset(out, 0, sizeof(*out));
	look(&r);
	scan_all(&r);
	if (r.total || !c->ran)
		retry_pending(&r);
	for (size_t i = 0; i < c->sources; i++)
		apply(&r, &c->source[i]);
	rc = reload_states(c, &out->pending, &own);
	note(&r, rc, &own);
	hold_to_log(&r);
	for (size_t i = 0; i < c->sources; i++)
		out->more = out->more ||
			    (!c->source[i].failed && catchup_source_planned(&c->source[i]));
	settle(&r, out->more);
	if (rc == 0 && (!c->ran || monotonic_ms() - c->pins_saved_ms >= PINS_EVERY_MS))
		note(&r, catchup_save_pins(s, &own), &own);
	c->ran = true;
	if (r.rc == ERR_INDEX)
		db_spoil(s->db); /* whoever opens it next makes it anew */
	/* What failed is looked at again, whether or not anything changes. */
	catchup_look_end(c->look, r.rc == 0 && !out->more);
	out->events = r.n.events;
	out->items = r.n.items;
	out->releases = r.n.releases;
	out->views = r.views;
	return r.rc;
}

bool catchup_needed(struct station *s, bool others)
{
	const uint8_t *own = node_identity(s->node)->pub.id;

	return catchup_look_changed(s->catchup->look, s->archive, others ? own : NULL);
}
