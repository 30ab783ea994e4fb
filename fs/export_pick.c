/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/export_pick.h"

#include <stdlib.h>
#include <string.h>

#include "fs/baglist.h"
#include "index/ledger.h"
#include "index/lineset.h"
#include "index/object_claim.h"
#include "index/pick.h"
#include "index/posting.h"

struct chosen {
	struct export_item it;
	uint64_t ino;
};
struct picking {
	struct station *st;
	struct db_txn *txn;
	struct chosen *list;
	size_t n, cap;
	const struct authorisation_item *want; /* the one that is looked for */
	struct err *e;
};

/* ---- paths ---- */

/* "data/" and the path as a bag may have it. */
static char *payload_path(const struct wire_out *path)
{
	struct wire_out out = {0};
	const char *p = (const char *)path->p;

	wire_out_text(&out, BAGLIST_PAYLOAD);
	for (size_t i = 0, step; i < path->n; i += step) {
		step = text_utf8(p + i, path->n - i);
		if (step)
			wire_out_bytes(&out, p + i, step);
		else
			wire_out_printf(&out, "%%%02X", (unsigned)(uint8_t)p[i]);
		step += step == 0;
	}
	wire_out_u8(&out, 0);
	if (wire_out_ok(&out))
		return (char *)out.p;
	wire_out_free(&out);
	return NULL;
}

/* Under its id, where its own path can't be: too long, or another one's. */
static int path_of_id(struct export_item *it)
{
	char hex[33], *path = malloc(sizeof(BAGLIST_PAYLOAD "by-id/") + 32);

	if (!path)
		return ERR_NOMEM;
	text_hex(hex, it->item, 16);
	memcpy(stpcpy(path, BAGLIST_PAYLOAD "by-id/"), hex, 33);
	free(it->path);
	it->path = path;
	return 0;
}

static int set_path(struct picking *p, struct export_item *it, const struct object *o)
{
	struct wire_out path = {0};
	int rc = object_path(p->txn, o, &path, p->e);

	if (rc == 0 && wire_out_ok(&path))
		it->path = payload_path(&path);
	wire_out_wipe(&path);
	if (rc == 0 && !it->path)
		rc = ERR_NOMEM;
	if (rc == 0 && !baglist_path_ok(it->path, strlen(it->path)))
		rc = path_of_id(it);
	return rc == ERR_NOMEM ? err_set(p->e, rc, "out of memory") : rc;
}

/* ---- items ---- */

static int add(struct picking *p, const struct object *o)
{
	struct chosen *c;

	if (p->n == AUTHORISATION_ITEMS_MAX)
		return err_set(p->e, ERR_USAGE, "a package may have %u items, and these are more",
			       AUTHORISATION_ITEMS_MAX);
	if (p->n == p->cap) {
		const size_t cap = p->cap ? 2 * p->cap : 64;

		c = reallocarray(p->list, cap, sizeof(*c));
		if (!c)
			return err_set(p->e, ERR_NOMEM, "out of memory");
		p->list = c;
		p->cap = cap;
	}
	c = &p->list[p->n++];
	*c = (struct chosen){.ino = o->ino, .it.size = o->size};
	memcpy(c->it.item, o->item, 16);
	memcpy(c->it.node, o->node, 16);
	memcpy(c->it.commitment, o->commitment, 32);
	return set_path(p, &c->it, o);
}

/* An id alone is no name: the commitment tells which node's item of this id is meant. */
static int add_if_meant(void *ctx, const struct object *o)
{
	struct picking *p = ctx;

	return memcmp(o->commitment, p->want->commitment, 32) == 0 ? add(p, o) : 0;
}

static int pick_item(struct picking *p, const struct authorisation_item *want)
{
	const size_t before = p->n;
	char hex[33];
	int rc;

	p->want = want;
	rc = object_claim_each(p->txn, want->id, add_if_meant, p, p->e);
	if (rc || p->n > before)
		return rc;
	text_hex(hex, want->id, 16);
	return err_set(p->e, ERR_NOTFOUND,
		       "item %s, which the authorisation names, is not here, or can't be read",
		       hex);
}

/* ---- accessions: their items are listed by the lines that took them in ---- */

static int add_line(struct picking *p, const uint8_t node[16], struct text_span line)
{
	struct event ev;
	struct object o;
	int rc = event_parse(&ev, line);

	if (rc)
		return err_set(p->e, ERR_DAMAGED,
			       "a line of a journal is no event: run 'custody verify'");
	if (ev.type != EVENT_INGEST)
		return 0;
	rc = object_get_item(p->txn, node, ev.item, &o, NULL, p->e);
	if (rc == ERR_NOTFOUND)
		return err_set(p->e, rc,
			       "an item of the accession can't be read: run 'custody verify'");
	return rc ? rc : add(p, &o);
}

static int add_lines(struct picking *p, const struct ledger_journal *j, const struct lineset *set)
{
	struct pick *lines;
	struct text_span line;
	uint64_t seq = 0, off;
	int rc = pick_open(&lines, p->st->db, p->st->archive->journal, j, p->e);

	if (rc)
		return rc;
	for (; rc == 0 && lineset_next(set, &seq); seq++) {
		rc = pick_line(lines, seq, set, &line, &off, p->e);
		if (rc == 0)
			rc = add_line(p, j->node, line);
	}
	pick_close(lines);
	return rc;
}

/* Those of one journal that are of the accession and take something in. */
static int pick_journal(struct picking *p, const struct ledger_journal *j,
			const uint8_t accession[16])
{
	const struct posting of = {POSTING_ACCESSION, accession, 16};
	const struct posting taken = {POSTING_TYPE, "ingest", 6};
	struct lineset a = {0}, b = {0};
	int rc = lineset_init(&a, j->state.range.size);

	if (rc == 0)
		rc = lineset_init(&b, j->state.range.size);
	if (rc)
		err_set(p->e, rc, "out of memory");
	if (rc == 0)
		rc = posting_load(&a, p->txn, j->number, &of, p->e);
	if (rc == 0)
		rc = posting_load(&b, p->txn, j->number, &taken, p->e);
	if (rc == 0) {
		lineset_and(&a, &b);
		rc = add_lines(p, j, &a);
	}
	lineset_free(&a);
	lineset_free(&b);
	return rc;
}

static int pick_accession(struct picking *p, const uint8_t id[16])
{
	const size_t before = p->n;
	struct ledger_journal *list;
	struct ledger_accession acc;
	char hex[33];
	size_t n;
	int rc = ledger_journals(p->txn, &list, &n, p->e);

	if (rc)
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = ledger_get_accession(NULL, p->txn, list[i].node, id, &acc, NULL);
		if (rc == 0)
			rc = pick_journal(p, &list[i], id);
		else if (rc == ERR_NOTFOUND)
			rc = 0;
	}
	free(list);
	text_hex(hex, id, 16);
	if (rc == 0 && p->n == before)
		rc = err_set(p->e, ERR_NOTFOUND,
			     "accession %s, which the authorisation names, is not here", hex);
	return rc;
}

/* ---- all ---- */

static int by_path(const void *a, const void *b)
{
	const struct chosen *x = a, *y = b;
	int c = strcmp(x->it.path, y->it.path);

	return c ? c : memcmp(x->it.item, y->it.item, 16);
}

/* Sort; drop what is named by itself and by its accession; and give those their ids' paths that would
 * overwrite another. */
static int settle(struct picking *p)
{
	size_t n = 0;
	int rc = 0;

	if (p->n)
		qsort(p->list, p->n, sizeof(*p->list), by_path);
	for (size_t i = 0; i < p->n; i++) {
		if (n > 0 && p->list[n - 1].ino == p->list[i].ino)
			free(p->list[i].it.path);
		else
			p->list[n++] = p->list[i];
	}
	p->n = n;
	for (size_t i = 1, kept = 0; rc == 0 && i < n; i++) {
		if (strcmp(p->list[kept].it.path, p->list[i].it.path) == 0)
			rc = path_of_id(&p->list[i].it);
		else
			kept = i;
	}
	return rc ? err_set(p->e, rc, "out of memory") : 0;
}

static int hand_over(struct picking *p, struct export_sheet *s, uint64_t **ino)
{
	s->item = calloc(p->n + 1, sizeof(*s->item));
	*ino = calloc(p->n + 1, sizeof(**ino));
	if (!s->item || !*ino)
		return err_set(p->e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < p->n; i++) {
		s->item[i] = p->list[i].it;
		(*ino)[i] = p->list[i].ino;
		s->bytes += p->list[i].it.size;
	}
	s->items = p->n;
	p->n = 0;
	return 0;
}

int export_pick(struct export_sheet *s, uint64_t **ino, struct station *st,
		const struct authorisation *a, struct err *e)
{
	struct picking p = {.st = st, .e = e};
	int rc = db_begin(&p.txn, st->db, false, e);

	for (size_t i = 0; rc == 0 && i < a->items; i++)
		rc = pick_item(&p, &a->item[i]);
	for (size_t i = 0; rc == 0 && i < a->accessions; i++)
		rc = pick_accession(&p, a->accession[i]);
	db_abort(p.txn);
	if (rc == 0)
		rc = settle(&p);
	if (rc == 0)
		rc = hand_over(&p, s, ino);
	for (size_t i = 0; i < p.n; i++)
		free(p.list[i].it.path);
	free(p.list);
	return rc;
}
