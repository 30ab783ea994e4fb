// SPDX-License-Identifier: Apache-2.0
/* Items by digest: the index says which lines to look at, the frames what is true. */
#include "tools/cmd_trace.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "fs/frame.h"
#include "index/find.h"
#include "index/line.h"
#include "tools/cmd.h"

struct hits {
	struct cmd_trace_hit *hit;
	size_t n, cap;
};

static int add_hit(void *ctx, size_t file, uint32_t journal, uint64_t seq)
{
	struct hits *h = ctx;

	if (h->n == h->cap) {
		size_t cap = h->cap ? 2 * h->cap : 16;
		struct cmd_trace_hit *grown = realloc(h->hit, cap * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		h->hit = grown;
		h->cap = cap;
	}
	h->hit[h->n++] = (struct cmd_trace_hit){file, journal, seq};
	return 0;
}

static int by_file(const void *a, const void *b)
{
	const struct cmd_trace_hit *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->journal != y->journal)
		return x->journal < y->journal ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* What the line says of its item, where the index has another one under the id. */
static void of_event(struct object *o, const uint8_t node[16], const struct event *ev)
{
	*o = (struct object){.kind = OBJECT_ITEM, .seq = ev->seq, .offset = ev->offset};
	memcpy(o->node, node, 16);
	memcpy(o->item, ev->item, 16);
	memcpy(o->accession, ev->accession, 16);
	memcpy(o->segment, ev->segment, 16);
	memcpy(o->head, ev->head, 32);
	memcpy(o->commitment, ev->commitment, 32);
	o->headlen = ev->headlen <= FRAME_HEAD_MAX ? (uint32_t)ev->headlen : 0;
	o->length = ev->length;
}

/* The item that the line takes in, once the line is the one that was logged. *named: the index has it
 * under its id. */
static int load(struct cmd_trace *t, struct db_txn *txn, const struct cmd_trace_hit *h,
		struct object *o, bool *named, struct err *e)
{
	struct ledger_journal *list;
	struct wire_out line = {0};
	struct event ev;
	size_t n, i = 0;
	int rc = ledger_journals(txn, &list, &n, e);

	if (rc)
		return rc;
	while (i < n && list[i].number != h->journal)
		i++;
	if (i == n) {
		rc = err_set(e, ERR_INDEX,
			     "the index names a journal that it does not have: run "
			     "'custody reindex'");
	} else {
		struct tree_reader r = {txn, h->journal, list[i].state.range.size};

		rc = line_read(&r, t->view.archive->journal, list[i].node, h->seq, &line, e);
	}
	if (rc == 0 && (event_parse(&ev, (struct text_span){(char *)line.p, line.n}) != 0 ||
			ev.type != EVENT_INGEST))
		rc = err_set(e, ERR_INDEX,
			     "the index names a line that takes nothing in: run 'custody reindex'");
	if (rc == 0) {
		rc = object_get_item(txn, list[i].node, ev.item, o, NULL, e);
		if (rc == ERR_NOTFOUND)
			rc = err_set(e, ERR_INDEX,
				     "the index lacks an item that the log has: run "
				     "'custody reindex'");
	}
	*named = rc == 0 && memcmp(o->commitment, ev.commitment, 32) == 0;
	if (rc == 0 && !*named)
		of_event(o, list[i].node, &ev);
	wire_out_free(&line);
	free(list);
	return rc;
}

static void tell(struct cmd_trace *t, const struct cmd_trace_hit *h, const char *why)
{
	char sentence[700];

	snprintf(sentence, sizeof(sentence),
		 "%.100s: an item that may be it can't be looked at: %.400s", t->name[h->file],
		 why);
	t->notice.n++;
	t->notice.say(t->notice.ctx, sentence);
}

/* The file is here, under an id that is another item's: whose history it has nobody can say. */
static void tell_twice(struct cmd_trace *t, const struct cmd_trace_hit *h, const struct object *o)
{
	char sentence[400], item[33], node[33];

	text_hex(item, o->item, 16);
	text_hex(node, o->node, 16);
	snprintf(
		sentence, sizeof(sentence),
		"%.100s: journal %s took it in, by its line %llu, under the id %s of another of its "
		"items: what was released and opened by that id may be either",
		t->name[h->file], node, (unsigned long long)o->seq, item);
	t->unsure[h->file] = true;
	t->notice.n++;
	t->notice.say(t->notice.ctx, sentence);
}

/* 0 and *is: it has the digest. */
static int look(struct cmd_trace *t, const struct cmd_trace_hit *h, struct object *o, bool *is,
		struct err *e)
{
	struct db_txn *txn = NULL;
	struct err why = {0};
	uint8_t sha256[32];
	bool named = false;
	int rc = db_begin(&txn, t->view.station->db, false, e);

	*is = false;
	if (rc)
		return rc;
	rc = load(t, txn, h, o, &named, &why);
	db_abort(txn);
	if (rc == 0) {
		rc = cmd_digest(sha256, t->view.station, o);
		if (rc)
			err_set(&why, rc, "its head can't be read: %s", err_text(rc));
		else
			*is = memcmp(sha256, t->sha256[h->file], sizeof(sha256)) == 0;
		secret_wipe(sha256, sizeof(sha256));
	}
	if (rc == ERR_INDEX || rc == ERR_NOMEM) {
		if (e)
			*e = why;
		return rc;
	}
	if (rc) {
		t->unsure[h->file] = true;
		tell(t, h, why.text);
	} else if (*is && !named) {
		*is = false;
		tell_twice(t, h, o);
	}
	return 0;
}

int cmd_trace_each(struct cmd_trace *t, int (*cb)(void *ctx, size_t file, const struct object *o),
		   void *ctx, struct err *e)
{
	struct db_txn *txn = NULL;
	struct hits hits = {0};
	int rc = db_begin(&txn, t->view.station->db, false, e);

	if (rc == 0)
		rc = find_each(txn, (const uint8_t(*)[32])t->sha256, t->files, add_hit, &hits, e);
	db_abort(txn);
	if (rc == 0 && hits.n)
		qsort(hits.hit, hits.n, sizeof(*hits.hit), by_file);
	for (size_t i = 0; rc == 0 && i < hits.n; i++) {
		struct object o;
		bool is;

		rc = look(t, &hits.hit[i], &o, &is, e);
		if (rc == 0 && is) {
			t->found[hits.hit[i].file] = true;
			rc = cb(ctx, hits.hit[i].file, &o);
		}
	}
	free(hits.hit);
	return rc;
}
