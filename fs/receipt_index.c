/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines and proofs by a reader node's index: its history of the item, its tree tiles. Nothing is read
 * as a whole, however long the journals are.
 */
#include <stdlib.h>
#include <string.h>

#include "fs/catchup.h"
#include "fs/receipt_draft.h"
#include "fs/station.h"
#include "index/ledger.h"
#include "index/line.h"
#include "index/lineset.h"
#include "index/posting.h"

struct place {
	uint32_t journal;
	uint64_t seq;
};

struct index {
	struct station *s;
	struct db_txn *txn;
	struct ledger_journal *journal;
	size_t journals;
	struct place *place; /* of the item's history */
	size_t places;
	struct wire_out line; /* the one last read */
};

static void index_close(void *ctx)
{
	struct index *x = ctx;

	db_abort(x->txn);
	free(x->journal);
	free(x->place);
	wire_out_free(&x->line);
	free(x);
}

/* Where a journal of the draft is in the index; ERR_BUSY if its checkpoint is ahead of that,
 * ERR_NOTFOUND if there is no such journal. */
static int tree_of(const struct index *x, const struct receipt_draft *d, size_t log,
		   struct tree_reader *r, struct err *e)
{
	const struct receipt_draft_log *l = &d->log[log];

	for (size_t i = 0; i < x->journals; i++) {
		const struct ledger_journal *j = &x->journal[i];

		if (memcmp(j->node, l->node, 16) != 0)
			continue;
		*r = (struct tree_reader){
			.txn = x->txn, .journal = j->number, .size = j->state.range.size};
		if (r->size >= l->cp.size)
			return 0;
		return err_set(e, ERR_BUSY, "the journals grow too fast: try again");
	}
	return l->cp.size ? err_set(e, ERR_BUSY, "a journal is new here: try again") : ERR_NOTFOUND;
}

/* Read line `seq` into x->line. */
static int read_line(struct index *x, const struct receipt_draft *d, size_t log,
		     const struct tree_reader *r, uint64_t seq, struct err *e)
{
	wire_out_reset(&x->line);
	return line_read(r, d->archive->journal, d->log[log].node, seq, &x->line, e);
}

static int add_line(struct index *x, struct receipt_draft *d, size_t log,
		    const struct tree_reader *r, uint64_t seq, struct err *e)
{
	int rc = read_line(x, d, log, r, seq, e);

	return rc ? rc :
		    receipt_draft_line(d, log, seq,
				       (struct text_span){(const char *)x->line.p, x->line.n}, e);
}

/* ---- the item ---- */

static int add_place(void *ctx, uint32_t journal, uint64_t seq)
{
	struct index *x = ctx;

	if (receipt_draft_room((void **)&x->place, x->places, sizeof(*x->place), NULL))
		return ERR_NOMEM;
	x->place[x->places++] = (struct place){journal, seq};
	return 0;
}

static int take_place(struct index *x, struct receipt_draft *d, struct place p, struct err *e)
{
	struct tree_reader r;
	size_t log, i = 0;
	int rc;

	while (i < x->journals && x->journal[i].number != p.journal)
		i++;
	if (i == x->journals)
		return err_set(e, ERR_INDEX,
			       "the index names a journal that it does not have: run "
			       "'custody reindex'");
	rc = receipt_draft_log(d, x->journal[i].node, &log, e);
	if (rc == 0)
		rc = tree_of(x, d, log, &r, e);
	if (rc == 0 && !receipt_draft_has(d, log, p.seq))
		rc = add_line(x, d, log, &r, p.seq, e);
	return rc;
}

static int index_item(void *ctx, struct receipt_draft *d, struct err *e)
{
	struct index *x = ctx;
	int rc = ledger_events(x->txn, d->item, add_place, x, e);

	for (size_t i = 0; rc == 0 && i < x->places; i++)
		rc = take_place(x, d, x->place[i], e);
	return rc;
}

/* ---- other lines ---- */

static int event_at(struct index *x, const struct receipt_draft *d, size_t log,
		    const struct tree_reader *r, uint64_t seq, struct event *ev, struct err *e)
{
	int rc = read_line(x, d, log, r, seq, e);

	if (rc == 0 && event_parse(ev, (struct text_span){(const char *)x->line.p, x->line.n}) != 0)
		rc = err_set(e, ERR_DAMAGED,
			     "a line of a journal is no event: run 'custody verify'");
	return rc;
}

/* The lines of a log that are of this type and name this. */
static int load_lines(struct lineset *set, const struct index *x, const struct tree_reader *r,
		      enum event_type type, const uint8_t id[16], struct err *e)
{
	const char *name = event_type_name(type);
	const struct posting of_type = {POSTING_TYPE, name, strlen(name)};
	const struct posting by = {type == EVENT_EXPORTED  ? POSTING_EXPORT :
				   type == EVENT_ACCESSION ? POSTING_ACCESSION :
							     POSTING_DOCUMENT,
				   id, 16};
	struct lineset types = {0};
	int rc = lineset_init(&types, r->size);

	if (rc)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = posting_load(&types, x->txn, r->journal, &of_type, e);
	if (rc == 0)
		rc = posting_load(set, x->txn, r->journal, &by, e);
	if (rc == 0)
		lineset_and(set, &types);
	lineset_free(&types);
	return rc;
}

static int index_line(void *ctx, struct receipt_draft *d, size_t log, enum event_type type,
		      const uint8_t id[16], struct err *e)
{
	struct index *x = ctx;
	struct tree_reader r;
	struct lineset set = {0};
	struct event ev;
	bool found = false;
	int rc = tree_of(x, d, log, &r, e);

	if (rc)
		return rc;
	if (lineset_init(&set, r.size) != 0)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = load_lines(&set, x, &r, type, id, e);
	for (uint64_t seq = 0; rc == 0 && lineset_next(&set, &seq); seq++) {
		rc = event_at(x, d, log, &r, seq, &ev, e);
		if (rc || !receipt_is_about(&ev, type, id))
			continue;
		found = true;
		if (!receipt_draft_has(d, log, seq))
			rc = add_line(x, d, log, &r, seq, e);
		if (type != EVENT_ADMITTED)
			break;
	}
	lineset_free(&set);
	return rc == 0 && !found ? ERR_NOTFOUND : rc;
}

/* The index has them as the history of the archive's id. */
static int index_steps(void *ctx, struct receipt_draft *d, size_t log, struct err *e)
{
	struct index *x = ctx;
	struct tree_reader r;
	struct event ev;
	int rc = tree_of(x, d, log, &r, e);

	x->places = 0;
	if (rc == 0)
		rc = ledger_events(x->txn, d->archive->desc.id, add_place, x, e);
	for (size_t i = 0; rc == 0 && i < x->places; i++) {
		if (x->place[i].journal != r.journal || receipt_draft_has(d, log, x->place[i].seq))
			continue;
		rc = event_at(x, d, log, &r, x->place[i].seq, &ev, e);
		if (rc == 0 && receipt_draft_step(d, &ev))
			rc = add_line(x, d, log, &r, x->place[i].seq, e);
	}
	return rc;
}

/* ---- proofs ---- */

static int index_prove(void *ctx, struct receipt_draft *d, struct err *e)
{
	struct index *x = ctx;
	struct tree_reader r;
	int rc = 0;

	for (size_t log = 0; rc == 0 && log < d->logs; log++) {
		if (!receipt_draft_speaks(d, log))
			continue;
		rc = tree_of(x, d, log, &r, e);
		if (rc == 0)
			rc = receipt_draft_connect(&d->log[log], tree_read, &r, e);
	}

	for (size_t i = 0; rc == 0 && i < d->lines; i++) {
		rc = tree_of(x, d, d->line[i].log, &r, e);
		if (rc == 0)
			rc = receipt_draft_prove(d, &d->line[i], tree_read, &r, e);
	}
	return rc;
}

int receipt_index(struct receipt_source *out, struct station *s, struct err *e)
{
	struct index *x = calloc(1, sizeof(*x));
	struct catchup_result caught;
	int rc;

	if (!x)
		return err_set(e, ERR_NOMEM, "out of memory");
	*out = (struct receipt_source){index_item,  index_line,	 index_steps,
				       index_prove, index_close, x};
	x->s = s;
	rc = catchup_run(s, 0, &caught, NULL, NULL, e);
	if (rc == 0)
		rc = db_begin(&x->txn, s->db, false, e);
	if (rc == 0)
		rc = ledger_journals(x->txn, &x->journal, &x->journals, e);
	if (rc)
		index_close(x);
	return rc;
}
