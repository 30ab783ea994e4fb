// SPDX-License-Identifier: Apache-2.0
#include "tools/cmd_stream.h"

#include <stdlib.h>
#include <string.h>

#include "index/journal.h"
#include "index/line.h"
#include "index/pick.h"

struct cmd_stream {
	const struct cmd_ask *ask;
	int dirfd;
	struct line_check *check;
	struct cmd_merge_line now;
	bool loaded;
	char what[200]; /* is wrong with the journal as a whole, and not told yet */
	/* First what is indexed, */
	struct pick *pick; /* NULL: nothing is, or no more */
	struct lineset set;
	uint64_t at, lines, bytes; /* the next to look at; what is indexed ends there */
	bool exact;		   /* no other lines are in the set than those that fit */
	/* then what is not. */
	struct journal_reader *reader;
	bool ended;
	uint64_t hearsay;  /* lines that nobody has signed for, and that fit */
	int64_t last_ms;   /* time of the line before, behind the index */
	struct err failed; /* code 0: no */
};

void cmd_stream_close(struct cmd_stream *s)
{
	if (!s)
		return;
	line_check_close(s->check);
	pick_close(s->pick);
	lineset_free(&s->set);
	journal_reader_close(s->reader);
	free(s);
}

const char *cmd_stream_name(const struct cmd_stream *s)
{
	return s->now.name;
}

int cmd_stream_failed(const struct cmd_stream *s, struct err *e)
{
	if (s->failed.code && e)
		*e = s->failed;
	return s->failed.code;
}

void cmd_stream_skip(struct cmd_stream *s)
{
	s->loaded = false;
}

/* ---- what the index says ---- */

/* Lines within the time that is asked for. A line that was edited stands in the way of looking for
 * it: then all lines may be. */
static int by_time(struct cmd_stream *s, struct err *e)
{
	uint64_t from = 0, to = s->lines;
	int rc = 0;

	if (s->ask->from_ms != INT64_MIN)
		rc = pick_time(s->pick, s->ask->from_ms, &from, e);
	if (rc == 0 && s->ask->to_ms < INT64_MAX)
		rc = pick_time(s->pick, s->ask->to_ms + 1, &to, e);
	s->exact = rc == 0 && s->ask->hints == 0;
	if (rc == ERR_DAMAGED) {
		from = 0;
		to = s->lines;
		rc = 0;
	}
	lineset_add_range(&s->set, from, to);
	return rc;
}

static int choose(struct cmd_stream *s, struct db *db, const struct ledger_journal *j,
		  struct err *e)
{
	struct db_txn *t = NULL;
	int rc;

	if (lineset_init(&s->set, s->lines))
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = by_time(s, e);
	if (rc == 0)
		rc = db_begin(&t, db, false, e);
	if (rc == 0)
		rc = cmd_ask_narrow(s->ask, t, j->number, &s->set, e);
	db_abort(t);
	if (rc == 0 && s->ask->last && s->exact)
		lineset_keep_last(&s->set, s->ask->last);
	return rc;
}

static int open_indexed(struct cmd_stream *s, struct db *db, struct err *e)
{
	struct ledger_journal j;
	struct db_txn *t = NULL;
	int rc = db_begin(&t, db, false, e);

	if (rc == 0)
		rc = ledger_get_journal(NULL, t, s->now.node, &j, e);
	db_abort(t);
	if (rc == ERR_NOTFOUND)
		return 0;
	if (rc == 0)
		rc = pick_open(&s->pick, db, s->dirfd, &j, e);
	if (rc)
		return rc;
	s->lines = j.state.range.size;
	s->bytes = j.state.bytes;
	s->last_ms = j.last_ms;
	return choose(s, db, &j, e);
}

int cmd_stream_open(struct cmd_stream **out, const struct archive *a, const struct roster *r,
		    const uint8_t node[16], struct db *db, const struct cmd_ask *ask, struct err *e)
{
	const struct roster_node *who = roster_find(r, node);
	struct cmd_stream *s = calloc(1, sizeof(*s));
	struct err why = {0};
	int rc;

	*out = s;
	if (!s)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->ask = ask;
	s->dirfd = a->journal;
	memcpy(s->now.node, node, 16);
	cmd_node_name(s->now.name, r, node);
	rc = line_check_open(&s->check, a->journal, a->desc.id, node, who ? &who->pub : NULL, db,
			     &why);
	if (!s->check) {
		err_set(e, rc, "%s", why.text);
	} else {
		if (rc < 0)
			snprintf(s->what, sizeof(s->what), "%.199s", why.text);
		rc = db ? open_indexed(s, db, e) : 0;
	}
	if (rc) {
		cmd_stream_close(s);
		*out = NULL;
	}
	return rc;
}

/* ---- lines ---- */

static void complain(const struct cmd_stream *s, const char *what, struct cmd_notice *notice)
{
	char sentence[700];

	notice->n++;
	snprintf(sentence, sizeof(sentence),
		 "the journal of %s: %s; 'custody verify' checks the archive", s->now.name, what);
	notice->say(notice->ctx, sentence);
}

static void complain_line(const struct cmd_stream *s, uint64_t seq, uint64_t off, const char *why,
			  struct cmd_notice *notice)
{
	char what[200];

	snprintf(what, sizeof(what), "line %llu (at byte %llu) %.100s", (unsigned long long)seq + 1,
		 (unsigned long long)off, why);
	complain(s, what, notice);
}

/* The line in s->now is the one that was logged: is it an event (false: it is not), and does it fit? */
static bool take(struct cmd_stream *s, uint64_t seq, uint64_t off, struct cmd_notice *notice)
{
	if (event_parse(&s->now.ev, s->now.line) < 0) {
		complain_line(s, seq, off, "is not an event", notice);
		return false;
	}
	s->loaded = cmd_ask_fits(s->ask, &s->now.ev);
	return true;
}

/* The next line of those that are indexed. */
static void load_picked(struct cmd_stream *s, struct cmd_notice *notice)
{
	struct err e = {0};
	uint64_t off;
	int rc;

	if (!lineset_next(&s->set, &s->at)) {
		pick_close(s->pick);
		s->pick = NULL;
		return;
	}
	rc = pick_line(s->pick, s->at, &s->set, &s->now.line, &off, &e);
	s->now.is_signed = s->at < line_check_signed(s->check);
	if (rc == 0) {
		take(s, s->at, off, notice);
	} else if (rc == ERR_DAMAGED) {
		complain_line(s, s->at, off, e.text, notice);
	} else { /* not the journal is at fault */
		s->failed = e;
		s->ended = true;
	}
	s->at++;
}

/* What comes behind; of a journal that is not indexed, all. */
static void open_tail(struct cmd_stream *s, struct cmd_notice *notice)
{
	struct err e = {0};
	int rc = journal_reader_open(&s->reader, s->dirfd, s->now.node, s->bytes, &e);

	line_check_skip(s->check, s->lines);
	if (rc) {
		complain(s, e.text, notice);
		s->ended = true;
	}
}

/* Does it say that something is over, or was less than it seems? */
static bool soothes(const struct event *ev)
{
	switch (ev->type) {
	case EVENT_CLOSED:
	case EVENT_RELEASE_ENDED:
	case EVENT_REPAIRED:
	case EVENT_EXPORT_CLOSED:
		return true;
	case EVENT_ADMITTED:
		return strcmp(ev->kind, "revocation") == 0 || strcmp(ev->kind, "restore") == 0 ||
		       strcmp(ev->kind, "transfer-receipt") == 0;
	default:
		return false;
	}
}

/* A line behind the index that no checkpoint covers: anybody may have written it. */
static void doubt(struct cmd_stream *s, uint64_t seq, uint64_t off, struct cmd_notice *notice)
{
	if (s->now.ev.seq != seq || s->now.ev.time_ms < s->last_ms) {
		s->loaded = false;
		complain_line(s, seq, off, "does not go on from the one before", notice);
	} else if (s->loaded && s->ask->wary && soothes(&s->now.ev)) {
		s->loaded = false;
	} else {
		s->hearsay += s->loaded;
	}
}

static void say_hearsay(const struct cmd_stream *s, struct cmd_notice *notice)
{
	char sentence[300];

	if (!s->ask->wary || s->hearsay == 0)
		return;
	snprintf(sentence, sizeof(sentence),
		 "the journal of %s: %llu line%s counted that nobody has signed for yet, and "
		 "may be anybody's",
		 s->now.name, (unsigned long long)s->hearsay, s->hearsay == 1 ? " is" : "s are");
	notice->say(notice->ctx, sentence);
}

static void load_tail(struct cmd_stream *s, struct cmd_notice *notice)
{
	struct err e = {0};
	uint64_t off, seq = line_check_count(s->check);
	int rc = journal_reader_next(s->reader, &s->now.line, &off, &e);

	if (rc == 0) {
		if (line_check_next(s->check, s->now.line, &s->now.is_signed, &e) < 0)
			complain_line(s, seq, off, e.text, notice);
		else if (take(s, seq, off, notice)) {
			if (!s->now.is_signed)
				doubt(s, seq, off, notice);
			s->last_ms = s->now.ev.time_ms;
		}
		return;
	}
	/* a last line without its end is being written, or a crash tore it */
	if (rc == ERR_NOTFOUND)
		rc = line_check_end(s->check, &e);
	if (rc < 0)
		complain(s, e.text, notice);
	s->ended = true;
	say_hearsay(s, notice);
}

const struct cmd_merge_line *cmd_stream_now(struct cmd_stream *s, struct cmd_notice *notice)
{
	if (s->what[0])
		complain(s, s->what, notice);
	s->what[0] = '\0';
	while (!s->loaded && !s->ended) {
		if (s->pick)
			load_picked(s, notice);
		else if (s->reader)
			load_tail(s, notice);
		else
			open_tail(s, notice);
	}
	return s->loaded ? &s->now : NULL;
}

uint64_t cmd_stream_count(struct cmd_stream *s, struct cmd_notice *notice)
{
	uint64_t n = 0;

	if (s->pick && s->exact && !s->loaded && s->at == 0) {
		n = lineset_count(&s->set);
		pick_close(s->pick);
		s->pick = NULL;
	}
	for (; cmd_stream_now(s, notice); cmd_stream_skip(s))
		n++;
	return n;
}
