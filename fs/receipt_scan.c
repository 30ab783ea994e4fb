/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines and proofs from the journals alone: they are read twice, once for the lines and once, those
 * that have some, for the tree. Of the tree only the hashes that the proofs need are kept.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/receipt_draft.h"

/* A line that may be asked for later. */
struct mark {
	size_t log;
	enum event_type type;
	uint8_t id[16];
	uint64_t seq, off;
	uint32_t n;
};

/* The hash of a perfect subtree that a proof needs. */
struct wanted {
	uint64_t index;
	unsigned level;
	merkle_hash hash;
};

struct scan {
	struct mark *mark;
	size_t marks;
	struct wanted *want; /* of one log; by level and index once all are known */
	size_t wants;
	bool sorted;
};

static void scan_close(void *ctx)
{
	struct scan *s = ctx;

	free(s->mark);
	free(s->want);
	free(s);
}

/* ---- the first reading ---- */

static int add_mark(struct scan *s, size_t log, const struct event *ev, uint64_t seq, uint64_t off,
		    size_t n, struct err *e)
{
	struct mark *m;
	int rc = receipt_draft_room((void **)&s->mark, s->marks, sizeof(*s->mark), e);

	if (rc)
		return rc;
	m = &s->mark[s->marks++];
	*m = (struct mark){.log = log, .type = ev->type, .seq = seq, .off = off, .n = (uint32_t)n};
	memcpy(m->id,
	       ev->type == EVENT_ADMITTED      ? ev->document :
	       ev->type == EVENT_RELEASE_ENDED ? ev->release :
	       ev->type == EVENT_EXPORTED      ? ev->export :
						 ev->accession,
	       16);
	return 0;
}

#define TYPE "\"type\":\""
#define TYPE_BEFORE 96 /* bytes: version, number and time stand before it, and nothing else */

/* Is it a line that may be asked for later? Parsing takes longer than looking. */
static bool is_marked(struct text_span line)
{
	static const char *const types[] = {"admitted\"", "accession\"", "exported\"",
					    "release-ended\""};
	const char *t = memmem(line.p, line.n < TYPE_BEFORE ? line.n : TYPE_BEFORE, TYPE,
			       strlen(TYPE));
	const size_t left = t ? line.n - (size_t)(t + strlen(TYPE) - line.p) : 0;

	t = t ? t + strlen(TYPE) : NULL;
	for (size_t i = 0; t && i < sizeof(types) / sizeof(types[0]); i++)
		if (left >= strlen(types[i]) && memcmp(t, types[i], strlen(types[i])) == 0)
			return true;
	return false;
}

static int take_line(struct scan *s, struct receipt_draft *d, size_t log, const char *item,
		     struct text_span line, uint64_t seq, uint64_t off, struct err *e)
{
	struct event ev;

	if (!is_marked(line) && !memmem(line.p, line.n, item, 32))
		return 0;
	/* Whether the log is well is not asked here: what is proved is a line at its place. */
	if (event_parse(&ev, line) != 0)
		return 0;
	if (ev.type == EVENT_ADMITTED || ev.type == EVENT_ACCESSION || ev.type == EVENT_EXPORTED ||
	    ev.type == EVENT_RELEASE_ENDED)
		return add_mark(s, log, &ev, seq, off, line.n, e);
	if (memcmp(ev.item, d->item, 16) == 0)
		return receipt_draft_line(d, log, seq, line, e);
	return 0;
}

static int read_log(struct scan *s, struct receipt_draft *d, size_t log, struct err *e)
{
	struct journal_reader *r;
	struct text_span line;
	char item[33];
	uint64_t off, seq = 0;
	int rc = journal_reader_open(&r, d->archive->journal, d->log[log].node, 0, e);

	text_hex(item, d->item, 16);
	if (rc)
		return rc == ERR_NOTFOUND ? 0 : rc;
	while ((rc = journal_reader_next(r, &line, &off, e)) == 0) {
		rc = take_line(s, d, log, item, line, seq++, off, e);
		if (rc)
			break;
	}
	journal_reader_close(r);
	/* Past the checkpoint a torn end is nothing unusual. */
	if (rc == ERR_NOTFOUND || (rc == ERR_MALFORMED && seq >= d->log[log].cp.size))
		return 0;
	return rc == ERR_MALFORMED ?
		       err_set(e, ERR_DAMAGED,
			       "line %" PRIu64 " of the log %s is no event: run 'custody verify'",
			       seq + 1, d->log[log].cp.origin) :
		       rc;
}

static int scan_item(void *ctx, struct receipt_draft *d, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < roster_count(d->roster); i++) {
		size_t log;

		rc = receipt_draft_log(d, roster_at(d->roster, i)->pub.id, &log, e);
		if (rc == 0)
			rc = read_log(ctx, d, log, e);
	}
	return rc;
}

static int take_mark(struct receipt_draft *d, const struct mark *m, bool steps, struct err *e)
{
	struct wire_out text = {0};
	struct text_span line;
	struct event ev;
	int rc;

	if (receipt_draft_has(d, m->log, m->seq))
		return 0;
	rc = journal_read_line(d->archive->journal, d->log[m->log].node, m->off, m->n, &text, e);
	line = (struct text_span){(const char *)text.p, text.n};
	if (rc == 0 && (!steps || (event_parse(&ev, line) == 0 && receipt_draft_step(d, &ev))))
		rc = receipt_draft_line(d, m->log, m->seq, line, e);
	wire_out_free(&text);
	return rc;
}

static int scan_line(void *ctx, struct receipt_draft *d, size_t log, enum event_type type,
		     const uint8_t id[16], struct err *e)
{
	const struct scan *s = ctx;
	int rc = ERR_NOTFOUND;

	for (size_t i = 0; i < s->marks && (rc == 0 || rc == ERR_NOTFOUND); i++) {
		const struct mark *m = &s->mark[i];

		if (m->log != log || m->type != type || memcmp(m->id, id, 16) != 0)
			continue;
		rc = take_mark(d, m, false, e);
		if (type != EVENT_ADMITTED)
			break;
	}
	return rc;
}

static int scan_steps(void *ctx, struct receipt_draft *d, size_t log, struct err *e)
{
	const struct scan *s = ctx;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->marks; i++)
		if (s->mark[i].log == log && s->mark[i].type == EVENT_ADMITTED &&
		    memcmp(s->mark[i].id, d->archive->desc.id, 16) == 0)
			rc = take_mark(d, &s->mark[i], true, e);
	return rc;
}

/* ---- the second reading ---- */

static int by_place(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static struct wanted *find(const struct scan *s, unsigned level, uint64_t index)
{
	const struct wanted key = {.level = level, .index = index};

	return s->wants ? bsearch(&key, s->want, s->wants, sizeof(key), by_place) : NULL;
}

/* A merkle_read: first it notes what is asked for, and later it has it. */
static int read_hash(void *ctx, unsigned level, uint64_t index, merkle_hash out)
{
	struct scan *s = ctx;
	const struct wanted *w;

	memset(out, 0, sizeof(merkle_hash));
	if (!s->sorted) {
		if (receipt_draft_room((void **)&s->want, s->wants, sizeof(*s->want), NULL))
			return ERR_NOMEM;
		s->want[s->wants++] = (struct wanted){.level = level, .index = index};
		return 0;
	}
	w = find(s, level, index);
	if (!w)
		return ERR_DAMAGED;
	memcpy(out, w->hash, sizeof(merkle_hash));
	return 0;
}

/* A merkle_emit. */
static void keep_hash(void *ctx, unsigned level, uint64_t index, const merkle_hash h)
{
	struct wanted *w = find(ctx, level, index);

	if (w)
		memcpy(w->hash, h, sizeof(w->hash));
}

/* Which hashes the proofs of a log's lines need. */
static int want_hashes(struct scan *s, const struct receipt_draft *d, size_t log, struct err *e)
{
	const struct receipt_draft_log *dl = &d->log[log];
	merkle_hash dummy[MERKLE_PROOF_MAX];
	size_t n, kept = 0;
	int rc = 0;

	s->wants = 0;
	s->sorted = false;
	for (size_t i = 0; i < d->lines; i++) {
		const struct receipt_draft_line *l = &d->line[i];

		if (rc == 0 && l->log == log)
			rc = merkle_inclusion(dummy, &n, l->seq,
					      receipt_draft_target(dl, l->seq)->size, read_hash, s);
	}
	if (rc == 0 && dl->seen.n)
		rc = merkle_consistency(dummy, &n, dl->seen.cp.size, dl->cp.size, read_hash, s);
	if (rc)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (s->wants)
		qsort(s->want, s->wants, sizeof(*s->want), by_place);
	for (size_t i = 0; i < s->wants; i++)
		if (kept == 0 || by_place(&s->want[kept - 1], &s->want[i]) != 0)
			s->want[kept++] = s->want[i];
	s->wants = kept;
	s->sorted = true;
	return 0;
}

/* Hash all lines that are signed for. */
static int hash_log(struct scan *s, const struct receipt_draft *d, size_t log, struct err *e)
{
	const struct receipt_draft_log *l = &d->log[log];
	struct merkle_range range = {.size = 0};
	struct journal_reader *r;
	struct text_span line;
	merkle_hash leaf;
	uint64_t off;
	int rc = journal_reader_open(&r, d->archive->journal, l->node, 0, e);

	if (rc)
		return rc;
	while (rc == 0 && range.size < l->cp.size) {
		rc = journal_reader_next(r, &line, &off, e);
		if (rc)
			break;
		merkle_leaf(leaf, line.p, line.n);
		merkle_append(&range, leaf, keep_hash, s);
	}
	journal_reader_close(r);
	if (rc == ERR_NOTFOUND || rc == ERR_MALFORMED)
		return err_set(e, ERR_DAMAGED,
			       "the log %s is shorter than its checkpoint says: run "
			       "'custody verify'",
			       l->cp.origin);
	return rc;
}

static int scan_prove(void *ctx, struct receipt_draft *d, struct err *e)
{
	struct scan *s = ctx;
	int rc = 0;

	for (size_t log = 0; rc == 0 && log < d->logs; log++) {
		if (!receipt_draft_speaks(d, log))
			continue;
		rc = want_hashes(s, d, log, e);
		if (rc == 0)
			rc = hash_log(s, d, log, e);
		if (rc == 0)
			rc = receipt_draft_connect(&d->log[log], read_hash, s, e);
		for (size_t i = 0; rc == 0 && i < d->lines; i++)
			if (d->line[i].log == log)
				rc = receipt_draft_prove(d, &d->line[i], read_hash, s, e);
	}
	return rc;
}

int receipt_scan(struct receipt_source *out, struct err *e)
{
	struct scan *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, ERR_NOMEM, "out of memory");
	*out = (struct receipt_source){scan_item,  scan_line,  scan_steps,
				       scan_prove, scan_close, NULL};
	out->ctx = s;
	return 0;
}
