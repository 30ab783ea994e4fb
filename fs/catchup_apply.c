/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/catchup_apply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/text.h"
#include "fs/catchup_event.h"
#include "fs/catchup_item.h"
#include "fs/catchup_state.h"
#include "index/journal.h"
#include "index/line.h"

#define PENDING_AT_ONCE 2000u

struct catchup_apply {
	struct station *st;
	struct catchup_state s;
	struct catchup_item *item; /* NULL: no names */
	struct ledger_place turn;  /* which of the items put aside is to be tried next */
};

int catchup_apply_new(struct catchup_apply **out, struct station *s, bool names, struct err *e)
{
	struct catchup_apply *a = calloc(1, sizeof(*a));
	int rc;

	*out = NULL;
	if (!a)
		return err_set(e, ERR_NOMEM, "out of memory");
	a->st = s;
	/* Anywhere: a program that tries once and ends is to try others the next time. */
	secret_random(a->turn.item, sizeof(a->turn.item));
	rc = catchup_state_init(&a->s, s->db, names, e);
	if (rc == 0 && names && catchup_item_new(&a->item, s))
		rc = err_set(e, ERR_NOMEM, "out of memory for the keys of records");
	if (rc) {
		catchup_apply_free(a);
		return rc;
	}
	*out = a;
	return 0;
}

void catchup_apply_free(struct catchup_apply *a)
{
	if (!a)
		return;
	catchup_item_free(a->item);
	catchup_state_free(&a->s);
	free(a);
}

void catchup_apply_retry(struct catchup_apply *a)
{
	if (a->item)
		catchup_item_retry(a->item);
}

/* Of a journal: the sentence in e gets the node's id in front. */
static int of_journal(const uint8_t node[16], int rc, struct err *e)
{
	char hex[33];

	text_hex(hex, node, 16);
	return err_prefix(e, rc, "journal of node %s", hex);
}

static int bad_line(uint64_t seq, struct err *e)
{
	return err_set(e, ERR_MALFORMED,
		       "line %" PRIu64 " is signed, but is no event of a custody journal", seq + 1);
}

/* ---- a batch ---- */

static int apply_line(struct catchup_event *w, struct tree_writer *tree, struct text_span line,
		      struct ledger_journal *j)
{
	const uint64_t seq = tree_writer_state(tree)->range.size;
	struct event ev;
	merkle_hash leaf;
	int rc;

	merkle_leaf(leaf, line.p, line.n);
	if (event_parse(&ev, line) || ev.seq != seq || (seq == 0 && ev.type != EVENT_STARTED))
		return bad_line(seq, w->e);
	rc = tree_append(tree, w->s->batch, leaf, (uint32_t)line.n);
	if (rc == 0)
		rc = catchup_event_apply(w, &ev);
	if (ev.time_ms > j->last_ms)
		j->last_ms = ev.time_ms;
	w->n->events++;
	return rc;
}

static int apply_lines(struct catchup_event *w, struct tree_writer *tree,
		       const struct catchup_mark *to, struct ledger_journal *j)
{
	struct journal_reader *r = NULL;
	struct text_span line;
	merkle_hash root;
	uint64_t off;
	int rc = journal_reader_open(&r, w->st->archive->journal, w->node, j->state.bytes, w->e);

	while (rc == 0 && tree_writer_state(tree)->range.size < to->size) {
		rc = journal_reader_next(r, &line, &off, w->e);
		if (rc == 0)
			rc = apply_line(w, tree, line, j);
		else if (rc == ERR_NOTFOUND || rc == ERR_MALFORMED)
			rc = err_set(w->e, ERR_FORGED, "it was changed while it was read");
	}
	journal_reader_close(r);
	if (rc)
		return rc;
	j->state = *tree_writer_state(tree);
	merkle_root(root, &j->state.range);
	if (memcmp(root, to->root, sizeof(root)) != 0)
		return err_set(w->e, ERR_FORGED, "it was changed while it was read");
	rc = tree_flush(tree, w->s->batch);
	return rc ? rc : ledger_put_journal(w->s->batch, j);
}

/* Where the index is with a journal; a number for one it does not know. */
static int load_journal(struct catchup_state *s, const uint8_t node[16], struct ledger_journal *j,
			struct err *e)
{
	struct ledger_journal *list;
	size_t n;
	int rc = ledger_get_journal(NULL, s->txn, node, j, e);

	if (rc != ERR_NOTFOUND)
		return rc;
	memset(j, 0, sizeof(*j));
	memcpy(j->node, node, 16);
	rc = ledger_journals(s->txn, &list, &n, e);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (list[i].number >= j->number)
			j->number = list[i].number + 1;
	}
	free(list);
	return rc;
}

int catchup_apply_batch(struct catchup_apply *a, const uint8_t node[16],
			const struct catchup_mark *to, struct ledger_journal *j,
			struct catchup_counts *n, struct err *e)
{
	struct catchup_counts counts = *n;
	struct catchup_event w = {a->st, &a->s, a->item, node, 0, &counts, e};
	struct tree_writer *tree = NULL;
	int rc = catchup_state_begin(&a->s, e);

	if (rc)
		return rc;
	rc = load_journal(&a->s, node, j, e);
	w.journal = j->number;
	if (rc == 0 && j->state.range.size >= to->size) {
		catchup_state_drop(&a->s); /* somebody else was here */
		return 0;
	}
	if (rc == 0)
		rc = tree_writer_new(&tree, a->s.txn, j->number, &j->state, e);
	if (rc == 0)
		rc = apply_lines(&w, tree, to, j);
	tree_writer_free(tree);
	if (rc == 0) {
		rc = catchup_state_end(&a->s, e);
		if (rc == 0)
			*n = counts;
		return rc;
	}
	catchup_state_drop(&a->s);
	if (rc == ERR_NOMEM)
		return err_set(e, rc, "out of memory");
	return rc == ERR_INDEX ? rc : of_journal(node, rc, e);
}

/* ---- items put aside ---- */

struct aside {
	struct ledger_place *list;
	size_t n;
	const struct ledger_place *until; /* or NULL */
};

static int by_place(const struct ledger_place *a, const struct ledger_place *b)
{
	int c = memcmp(a->item, b->item, 16);

	if (c == 0)
		c = (a->journal > b->journal) - (a->journal < b->journal);
	return c ? c : (a->seq > b->seq) - (a->seq < b->seq);
}

static int list_aside(void *ctx, const uint8_t item[16], uint32_t journal, uint64_t seq)
{
	struct ledger_place p = {.journal = journal, .seq = seq};
	struct aside *l = ctx;

	memcpy(p.item, item, 16);
	if (l->n == PENDING_AT_ONCE || (l->until && by_place(&p, l->until) >= 0))
		return 1;
	l->list[l->n++] = p;
	return 0;
}

/* The next ones in turn, round and round: whoever fills the log with items that are nowhere delays
 * those that are somewhere, and nothing else. */
static int take_turn(struct catchup_apply *a, struct aside *l, struct err *e)
{
	int rc;

	l->list = calloc(PENDING_AT_ONCE, sizeof(*l->list));
	if (!l->list)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = ledger_pending(a->s.txn, &a->turn, list_aside, l, e);
	if (rc == 0) {
		l->until = &a->turn;
		rc = ledger_pending(a->s.txn, NULL, list_aside, l, e);
	}
	return rc < 0 ? rc : 0;
}

/* The event of an item put aside. */
static int read_event(struct catchup_event *w, const struct ledger_journal *j,
		      const struct ledger_place *it, struct event *ev)
{
	struct tree_reader tr = {w->s->txn, j->number, j->state.range.size};
	struct wire_out line = {0};
	int rc = line_read(&tr, w->st->archive->journal, j->node, it->seq, &line, w->e);

	if (rc == 0)
		rc = event_parse(ev, (struct text_span){(const char *)line.p, line.n});
	if (rc == 0 &&
	    (ev->type != EVENT_INGEST || ev->seq != it->seq || memcmp(ev->item, it->item, 16) != 0))
		rc = ERR_DAMAGED;
	wire_out_free(&line);
	return rc;
}

/* 0 also when the item stays aside. */
static int try_again(struct catchup_event *w, const struct ledger_journal *j,
		     const struct ledger_place *it)
{
	struct event ev;
	int rc;

	w->node = j->node;
	w->journal = j->number;
	rc = read_event(w, j, it, &ev);
	if (rc == 0)
		rc = catchup_event_show(w, &ev);
	if (rc == 0)
		return ledger_del_pending(w->s->batch, it->item, it->journal, it->seq);
	return rc == ERR_NOMEM || rc == ERR_INDEX ? rc : 0;
}

int catchup_apply_pending(struct catchup_apply *a, struct catchup_counts *n, struct err *e)
{
	struct catchup_counts counts = *n;
	struct catchup_event w = {a->st, &a->s, a->item, NULL, 0, &counts, e};
	struct ledger_journal *journals = NULL;
	struct aside aside = {0};
	size_t njournals = 0;
	int rc;

	if (!a->item)
		return 0;
	rc = catchup_state_begin(&a->s, e);
	if (rc)
		return rc;
	rc = take_turn(a, &aside, e);
	if (rc == 0)
		rc = ledger_journals(a->s.txn, &journals, &njournals, e);
	for (size_t i = 0; rc == 0 && i < aside.n; i++) {
		for (size_t k = 0; rc == 0 && k < njournals; k++) {
			if (journals[k].number == aside.list[i].journal)
				rc = try_again(&w, &journals[k], &aside.list[i]);
		}
	}
	if (rc == 0 && aside.n) {
		a->turn = aside.list[aside.n - 1];
		a->turn.seq++; /* no log is so long that this wraps */
	}
	free(journals);
	free(aside.list);
	if (rc || counts.items == n->items) {
		catchup_state_drop(&a->s); /* failed, or nothing came of it */
		return rc;
	}
	rc = catchup_state_end(&a->s, e);
	if (rc == 0)
		*n = counts;
	return rc;
}

/* ---- views ---- */

int catchup_apply_views(struct catchup_apply *a, bool due, bool *changed, struct err *e)
{
	int rc = a->item ? catchup_state_settle(&a->s, due, e) : 0;

	*changed = *changed || a->s.views_changed;
	a->s.views_changed = false;
	return rc;
}
