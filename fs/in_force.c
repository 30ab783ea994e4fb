/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/in_force.h"

#include <stdlib.h>
#include <string.h>

#include "index/ledger.h"
#include "index/line.h"
#include "index/posting.h"

/* One log, and what is looked for in it. */
struct look {
	const struct in_force *f;
	struct db_txn *txn;
	const struct ledger_journal *journal;
	const uint8_t *serial, *digest;
	uint64_t admitted; /* line that admits the document */
	uint64_t last;	   /* last line before it that admits a version; UINT64_MAX: none does */
	uint64_t next;	   /* first one behind it; the same */
	bool good, open;   /* some admission was good; some can't be judged */
	int failed;	   /* within is_revoked(), which can't say so */
	struct err *e;
};

#define NONE UINT64_MAX

static int read_event(const struct look *l, uint64_t seq, struct event *ev, struct err *e)
{
	const struct tree_reader r = {
		.txn = l->txn, .journal = l->journal->number, .size = l->journal->state.range.size};
	struct wire_out line = {0};
	int rc = line_read(&r, l->f->archive->journal, l->journal->node, seq, &line, e);

	if (rc == 0 && event_parse(ev, (struct text_span){(const char *)line.p, line.n}) != 0)
		rc = err_set(e, ERR_DAMAGED, "a line of a journal is no event");
	wire_out_free(&line);
	return rc;
}

/* ---- keys that were revoked ---- */

static bool was_revoked(void *roster, const struct sshkey *k)
{
	return roster_key_revoked(roster, k);
}

/* Does the log admit this revocation before the document? The first that is so ends the walk. */
static int find_revocation(void *ctx, const uint8_t serial[16], const uint8_t digest[32])
{
	struct look *l = ctx;
	const struct posting at = {POSTING_DOCUMENT, serial, 16};
	struct lineset lines = {0};
	struct event ev;
	int found = 0, rc = lineset_init(&lines, l->journal->state.range.size);

	if (rc == 0)
		rc = posting_load(&lines, l->txn, l->journal->number, &at, l->e);
	for (uint64_t i = 0; rc == 0 && !found && lineset_next(&lines, &i) && i < l->admitted;
	     i++) {
		rc = read_event(l, i, &ev, l->e);
		found = rc == 0 && ev.type == EVENT_ADMITTED &&
			memcmp(ev.document, serial, 16) == 0 && memcmp(ev.digest, digest, 32) == 0;
	}
	lineset_free(&lines);
	l->failed = rc;
	return rc ? rc : found;
}

/* By the time the line at hand admits the document. */
static bool is_revoked(void *ctx, const struct sshkey *k)
{
	struct look *l = ctx;

	return l->failed || roster_key_revocations(l->f->roster, k, find_revocation, l) != 0;
}

/* ---- the version ---- */

static int find_around(void *ctx, uint32_t journal, uint64_t seq)
{
	struct look *l = ctx;

	if (journal != l->journal->number)
		return 0;
	if (seq > l->admitted && seq < l->next)
		l->next = seq;
	if (seq < l->admitted && (l->last == NONE || seq > l->last))
		l->last = seq;
	return 0;
}

/* The version that a line admits. */
static int read_version(const struct look *l, uint64_t seq, uint32_t *version, struct err *e)
{
	struct event ev;
	int rc = read_event(l, seq, &ev, e);

	*version = rc == 0 ? archive_history_admits(&ev, l->f->archive->desc.id) : 0;
	return rc;
}

/* The versions that may have been in force at l->admitted: one where the log says which. */
static int find_versions(struct look *l, uint32_t *from, uint32_t *to, struct err *e)
{
	int rc;

	*from = 1;
	*to = l->f->archive->desc.version;
	l->last = l->next = NONE;
	rc = ledger_events(l->txn, l->f->archive->desc.id, find_around, l, e);
	if (rc == 0 && l->last != NONE)
		rc = read_version(l, l->last, from, e);
	if (rc == 0 && l->next != NONE) {
		rc = read_version(l, l->next, to, e);
		*to -= *to > 0;
		*from = *to;
	}
	return rc;
}

static int check_by(struct look *l, const struct document *d, const char *namespace,
		    const struct archive_desc *desc, bool *good)
{
	struct document_policy p = archive_policy(desc, namespace);
	int rc;

	p.revoked = is_revoked;
	p.ctx = l;
	rc = document_check(d, &p, NULL, NULL, NULL);
	*good = rc == 0;
	return rc == ERR_NOMEM ? rc : l->failed;
}

/* Is it signed by the keys of one of these? */
static int check_versions(struct look *l, const struct document *d, const char *namespace,
			  uint32_t from, uint32_t to, bool *good)
{
	const struct archive_history *h = l->f->history;
	int rc = 0;

	*good = false;
	for (size_t i = 0; rc == 0 && i < h->n && !*good; i++)
		if (h->version[i].desc.version >= from && h->version[i].desc.version <= to)
			rc = check_by(l, d, namespace, &h->version[i].desc, good);
	return rc;
}

/* ---- the admissions ---- */

/* Is it admitted by this line, while keys were in force that sign it? */
static int check_line(struct look *l, const struct document *d, const char *namespace,
		      uint64_t line, struct err *e)
{
	uint32_t from, to;
	struct event ev;
	bool good = false, now = false;
	int rc = read_event(l, line, &ev, e);

	if (rc || ev.type != EVENT_ADMITTED || memcmp(ev.document, l->serial, 16) != 0 ||
	    memcmp(ev.digest, l->digest, 32) != 0)
		return rc;
	l->admitted = line;
	/* What the newest version's keys sign counts whatever was in force. */
	rc = check_by(l, d, namespace, &l->f->archive->desc, &now);
	if (rc == 0)
		rc = find_versions(l, &from, &to, e);
	if (rc == 0 && !now)
		rc = check_versions(l, d, namespace, from, to, &good);
	l->good |= now || (good && l->next != NONE);
	l->open |= good && l->next == NONE;
	return rc;
}

static int check_log(struct look *l, const struct document *d, const char *namespace, struct err *e)
{
	const struct posting at = {POSTING_DOCUMENT, l->serial, 16};
	struct lineset lines = {0};
	int rc = lineset_init(&lines, l->journal->state.range.size);

	if (rc == 0)
		rc = posting_load(&lines, l->txn, l->journal->number, &at, e);
	for (uint64_t i = 0; rc == 0 && !l->good && lineset_next(&lines, &i); i++)
		rc = check_line(l, d, namespace, i, e);
	lineset_free(&lines);
	return rc;
}

static int check_logs(struct look *l, const struct document *d, const char *namespace,
		      const uint8_t *node, struct err *e)
{
	struct ledger_journal *list = NULL;
	size_t n = 0;
	int rc = db_begin(&l->txn, l->f->db, false, e);

	if (rc == 0)
		rc = ledger_journals(l->txn, &list, &n, e);
	for (size_t i = 0; rc == 0 && i < n && !l->good; i++) {
		l->journal = &list[i];
		if (!node || memcmp(node, list[i].node, 16) == 0)
			rc = check_log(l, d, namespace, e);
	}
	free(list);
	db_abort(l->txn);
	return rc;
}

int in_force_check(const struct in_force *f, const struct document *d, const char *namespace,
		   const uint8_t serial[16], const uint8_t *node, struct err *e)
{
	struct document_policy p = archive_policy(&f->archive->desc, namespace);
	struct look l = {.f = f, .serial = serial, .digest = d->digest, .e = e};
	struct err why = {0};
	int rc, bad;

	p.revoked = was_revoked;
	p.ctx = (void *)f->roster;
	bad = document_check(d, &p, NULL, NULL, &why);
	if (bad && bad != ERR_NOMEM && (f->history->n > 0 || bad == ERR_REVOKED)) {
		rc = check_logs(&l, d, namespace, node, e);
		if (rc || l.good)
			return rc;
	}
	if (l.open)
		return err_set(e, ERR_UNSUPPORTED,
			       "it is signed by keys of an earlier archive.txt, and the log that "
			       "admits it has not met the newer one: it can't be judged");
	if (bad && e)
		*e = why;
	return bad;
}
