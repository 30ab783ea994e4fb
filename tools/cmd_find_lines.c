// SPDX-License-Identifier: Apache-2.0
/* What items are known by that is no fact of theirs: their accession, their digest, the cases they
 * were released for. Each becomes sets of lines. */
#include "tools/cmd_find.h"

#include <stdlib.h>
#include <string.h>

#include "index/find.h"
#include "index/ledger.h"
#include "index/object_claim.h"
#include "index/posting.h"
#include "tools/cmd_docs.h"

void cmd_find_lines_free(struct cmd_find_lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		lineset_free(&l->list[i].set);
	free(l->list);
	*l = (struct cmd_find_lines){0};
}

static int no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

/* Empty sets, of all journals. */
static int begin(struct cmd_find_lines *l, struct db_txn *t, struct err *e)
{
	struct ledger_journal *j;
	size_t n;
	int rc = ledger_journals(t, &j, &n, e);

	if (rc)
		return rc;
	l->list = calloc(n + 1, sizeof(*l->list));
	rc = l->list ? 0 : no_memory(e);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		l->list[i].journal = j[i].number;
		rc = lineset_init(&l->list[i].set, j[i].state.range.size);
		l->n += rc == 0;
		if (rc)
			no_memory(e);
	}
	free(j);
	return rc;
}

static void add_line(struct cmd_find_lines *l, uint32_t journal, uint64_t seq)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].journal == journal)
			lineset_add(&l->list[i].set, seq);
}

/* Keep what is in `other` too, which is freed. */
static void narrow(struct cmd_find *f, struct cmd_find_lines *other)
{
	for (size_t i = 0; f->only.list && i < f->only.n && i < other->n; i++)
		lineset_and(&f->only.list[i].set, &other->list[i].set);
	if (f->only.list)
		cmd_find_lines_free(other);
	else
		f->only = *other;
}

static int of_accessions(struct cmd_find *f, struct db_txn *t, struct err *e)
{
	struct cmd_find_lines l = {0};
	uint8_t id[16];
	int rc = begin(&l, t, e);

	for (size_t i = 0; rc == 0 && i < f->accession.n; i++) {
		const struct posting p = {POSTING_ACCESSION, id, sizeof(id)};

		text_unhex((struct text_span){f->accession.p[i], 32}, id, sizeof(id));
		for (size_t k = 0; rc == 0 && k < l.n; k++)
			rc = posting_load(&l.list[k].set, t, l.list[k].journal, &p, e);
	}
	if (rc)
		cmd_find_lines_free(&l);
	else
		narrow(f, &l);
	return rc;
}

static int add_digest(void *ctx, size_t i, uint32_t journal, uint64_t seq)
{
	(void)i;
	add_line(ctx, journal, seq);
	return 0;
}

static int of_digests(struct cmd_find *f, struct db_txn *t, struct err *e)
{
	struct cmd_find_lines l = {0};
	int rc = begin(&l, t, e);

	if (rc == 0)
		rc = find_each(t, (const uint8_t(*)[32])f->sha256, f->digest.n, add_digest, &l, e);
	if (rc)
		cmd_find_lines_free(&l);
	else
		narrow(f, &l);
	return rc;
}

/* ---- cases ---- */

struct cases {
	struct cmd_find *f;
	const uint8_t *commitment; /* of the item looked for */
	struct err *e;
};

static int add_item(void *ctx, const struct object *o)
{
	struct cases *c = ctx;

	if (memcmp(o->commitment, c->commitment, 32) == 0)
		add_line(&c->f->cases, o->journal, o->seq);
	return 0;
}

static bool fits(const struct cmd_find *f, const char *case_no)
{
	const struct text_span v = {case_no, strlen(case_no)};

	for (size_t i = 0; i < f->text[FACTS_CASE].n; i++)
		if (pattern_match(f->text[FACTS_CASE].p[i], v, PATTERN_EXACT))
			return true;
	return false;
}

/* What an authorisation of the case releases. */
static int add_released(void *ctx, const struct cmd_doc *d)
{
	const struct authorisation *a = &d->terms;
	struct cases *c = ctx;
	struct cmd_find_lines *l = &c->f->cases;
	struct db_txn *t = NULL;
	int rc;

	if (!fits(c->f, a->case_no))
		return 0;
	rc = db_begin(&t, c->f->s->db, false, c->e);
	for (size_t i = 0; rc == 0 && i < a->items; i++) {
		c->commitment = a->item[i].commitment;
		rc = object_claim_each(t, a->item[i].id, add_item, c, c->e);
	}
	for (size_t i = 0; rc == 0 && i < a->accessions; i++) {
		const struct posting p = {POSTING_ACCESSION, a->accession[i], 16};

		for (size_t k = 0; rc == 0 && k < l->n; k++)
			rc = posting_load(&l->list[k].set, t, l->list[k].journal, &p, c->e);
	}
	db_abort(t);
	return rc;
}

static int of_cases(struct cmd_find *f, struct err *e)
{
	const struct cmd_view v = {
		.station = f->s, .archive = f->s->archive, .roster = f->s->roster};
	struct cmd_docs_ask ask = {.kind = "authorisation", .to_ms = INT64_MAX};
	struct cmd_notice notice = {ui_notice, f->ui, 0};
	struct cases c = {.f = f, .e = e};
	const char *only = f->text[FACTS_CASE].p[0];
	struct db_txn *t = NULL;
	int rc = db_begin(&t, f->s->db, false, e);

	if (rc == 0)
		rc = begin(&f->cases, t, e);
	db_abort(t);
	/* The index finds a case by its exact name. */
	if (f->text[FACTS_CASE].n == 1 && !strpbrk(only, "*?\\"))
		ask.case_no = only;
	if (rc == 0)
		rc = cmd_docs_each(&v, &ask, &notice, add_released, &c, e);
	f->ask.cases = f->cases.list;
	f->ask.ncases = f->cases.n;
	return rc;
}

int cmd_find_lines(struct cmd_find *f, struct err *e)
{
	struct db_txn *t = NULL;
	int rc = db_begin(&t, f->s->db, false, e);

	if (rc == 0 && f->accession.n)
		rc = of_accessions(f, t, e);
	if (rc == 0 && f->digest.n)
		rc = of_digests(f, t, e);
	db_abort(t);
	f->ask.only = f->only.list;
	f->ask.onlys = f->only.n;
	if (rc == 0 && f->text[FACTS_CASE].n)
		rc = of_cases(f, e);
	return rc;
}
