// SPDX-License-Identifier: Apache-2.0
#include "tools/cmd_history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/ledger.h"
#include "index/line.h"
#include "tools/cmd.h"

/* Where a line of the history is. */
struct place {
	uint32_t journal;
	uint64_t seq;
	int64_t time_ms; /* set once the line was read */
};

struct cmd_history {
	struct station *s;
	struct place *place;
	size_t places, cap;
	struct ledger_journal *journal;
	uint64_t *covered; /* lines of each, by a good checkpoint */
	size_t journals;
	struct wire_out line; /* the one last read, and its event */
	struct event ev;
};

static int add_place(void *ctx, uint32_t journal, uint64_t seq)
{
	struct cmd_history *h = ctx;

	if (h->places == h->cap) {
		size_t cap = h->cap ? 2 * h->cap : 32;
		struct place *p = realloc(h->place, cap * sizeof(*p));

		if (!p)
			return ERR_NOMEM;
		h->place = p;
		h->cap = cap;
	}
	h->place[h->places++] = (struct place){.journal = journal, .seq = seq};
	return 0;
}

static const struct ledger_journal *find_journal(const struct cmd_history *h, uint32_t number)
{
	for (size_t i = 0; i < h->journals; i++) {
		if (h->journal[i].number == number)
			return &h->journal[i];
	}
	return NULL;
}

/* Read and parse one line into h->line and h->ev; it must be the one that was indexed. */
static int read_event(struct cmd_history *h, const struct place *p,
		      const struct ledger_journal **journal, struct err *e)
{
	const struct ledger_journal *j = *journal = find_journal(h, p->journal);
	struct tree_reader r = {.journal = p->journal};
	struct db_txn *t = NULL;
	int rc;

	if (!j)
		return err_set(e, ERR_INDEX,
			       "the index names a journal that it does not have: run "
			       "'custody reindex'");
	r.size = j->state.range.size;
	wire_out_reset(&h->line);
	rc = db_begin(&t, h->s->db, false, e);
	r.txn = t;
	if (rc == 0)
		rc = line_read(&r, h->s->archive->journal, j->node, p->seq, &h->line, e);
	db_abort(t);
	if (rc == 0 && event_parse(&h->ev, (struct text_span){(char *)h->line.p, h->line.n}) < 0)
		rc = err_set(e, ERR_DAMAGED,
			     "event %" PRIu64 " of a journal is no event: run 'custody verify'",
			     p->seq);
	return rc;
}

static int by_time(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->time_ms != y->time_ms)
		return x->time_ms < y->time_ms ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* The index has the lines of one journal after those of another. */
static int sort(struct cmd_history *h, struct err *e)
{
	const struct ledger_journal *j;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < h->places; i++) {
		rc = read_event(h, &h->place[i], &j, e);
		if (rc == 0)
			h->place[i].time_ms = h->ev.time_ms;
	}
	if (rc == 0 && h->places)
		qsort(h->place, h->places, sizeof(*h->place), by_time);
	return rc;
}

/* How far each journal is signed for. */
static int read_checkpoints(struct cmd_history *h, struct err *e)
{
	const struct archive *a = h->s->archive;

	h->covered = calloc(h->journals + 1, sizeof(*h->covered));
	if (!h->covered)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < h->journals; i++) {
		const struct roster_node *n = roster_find(h->s->roster, h->journal[i].node);
		struct note_checkpoint cp;

		if (n &&
		    journal_read_checkpoint(a->journal, a->desc.id, &n->pub, &cp, NULL, NULL) == 0)
			h->covered[i] = cp.size;
	}
	return 0;
}

int cmd_history_open(struct cmd_history **out, struct station *s, const uint8_t item[16],
		     struct err *e)
{
	struct cmd_history *h = calloc(1, sizeof(*h));
	struct db_txn *t = NULL;
	int rc;

	*out = h;
	if (!h)
		return err_set(e, ERR_NOMEM, "out of memory");
	h->s = s;
	rc = db_begin(&t, s->db, false, e);
	if (rc == 0)
		rc = ledger_events(t, item, add_place, h, e);
	if (rc == 0)
		rc = ledger_journals(t, &h->journal, &h->journals, e);
	db_abort(t);
	if (rc == 0)
		rc = read_checkpoints(h, e);
	if (rc == 0)
		rc = sort(h, e);
	if (rc < 0) {
		cmd_history_close(h);
		*out = NULL;
	}
	return rc;
}

size_t cmd_history_count(const struct cmd_history *h)
{
	return h->places;
}

/* Own lines count before a checkpoint covers them. */
static bool is_signed(const struct cmd_history *h, const struct ledger_journal *j, uint64_t seq)
{
	return seq < h->covered[j - h->journal];
}

int cmd_history_print(struct cmd_history *h, const char *path, bool json, struct err *e)
{
	for (size_t i = 0; i < h->places; i++) {
		const struct ledger_journal *j;
		char name[CMD_NAME_MAX];
		struct cmd_event c = {.ev = &h->ev, .node = name, .path = path};
		int rc = read_event(h, &h->place[i], &j, e);

		if (rc < 0)
			return rc;
		cmd_node_name(name, h->s->roster, j->node);
		c.journal = j->node;
		c.is_signed = is_signed(h, j, h->place[i].seq);
		c.line = (struct text_span){(char *)h->line.p, h->line.n};
		if (json) {
			fputs(i ? "," : "", stdout);
			cmd_event_json(&c);
		} else {
			fputs("  ", stdout);
			cmd_event_print(&c, 0);
		}
	}
	return 0;
}

void cmd_history_close(struct cmd_history *h)
{
	if (!h)
		return;
	free(h->place);
	free(h->journal);
	free(h->covered);
	wire_out_free(&h->line);
	free(h);
}
