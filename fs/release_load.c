/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the index and documents/ into a release set: what was admitted is checked once more, as if
 * the archive had been changed since.
 */
#include "fs/release.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/text.h"
#include "fs/in_force.h"
#include "fs/station.h"
#include "index/ledger.h"

#define KIND "authorisation"

struct reload {
	struct release_set *set;
	struct station *st;
	const struct identity *id;
	int64_t now_ms;
	struct archive_history history;
	struct ledger_document *list; /* this node's authorisations */
	size_t n, cap;
	uint64_t lines; /* of the node's log that the index has */
	unsigned bad;
	struct err first;
};

/* Why an authorisation ended, by the word in the log. */
static int end_code(const char *word)
{
	static const int codes[] = {ERR_EXPIRED, ERR_REVOKED, ERR_BUDGET};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (strcmp(word, err_word(codes[i])) == 0)
			return codes[i];
	}
	return ERR_REVOKED;
}

static int collect(void *ctx, const struct ledger_document *d)
{
	struct reload *l = ctx;
	struct ledger_document *grown;

	if (strcmp(d->kind, KIND) != 0 || memcmp(d->node, l->id->pub.id, 16) != 0)
		return 0;
	if (l->n == l->cap) {
		grown = realloc(l->list, (l->cap + 64) * sizeof(*grown));
		if (!grown)
			return ERR_NOMEM;
		l->list = grown;
		l->cap += 64;
	}
	l->list[l->n++] = *d;
	return 0;
}

/* 0, or why nothing may be read on this node at all. */
static int standing(const struct reload *l)
{
	const struct roster_node *self = roster_find(l->st->roster, l->id->pub.id);

	if (!self)
		return ERR_NOT_ENROLLED;
	if (self->revoked)
		return ERR_REVOKED;
	if (self->not_after_ms && l->now_ms > self->not_after_ms)
		return ERR_EXPIRED;
	return 0;
}

/* 0, or why an authorisation is over although the log may not say so yet. With its node all that
 * had been issued to it was revoked; a new enrolment does not bring that back. The same when a restore
 * was accepted: the log may have lost what was used of it, and that it ended. */
static int over(const struct reload *l, const struct ledger_document *d,
		const struct authorisation *a)
{
	const struct roster *roster = l->st->roster;

	if (d->state == LEDGER_ENDED)
		return end_code(d->ended);
	if (roster_serial_revoked(roster, d->serial) ||
	    roster_node_revoked(roster, l->id->pub.id, a->issued_ms) ||
	    a->issued_ms <= l->st->home->restored_ms)
		return ERR_REVOKED;
	return 0;
}

/* Is the document in the archive the one that was admitted, for us, and signed as the archive asks?
 * Keys that were revoked or superseded since still count here, if they were good when our log took the
 * document in: not so if it had admitted their revocation before. */
static int check(const struct reload *l, const struct ledger_document *d,
		 const struct document *doc, const struct authorisation *a, struct err *e)
{
	int rc;

	if (memcmp(doc->digest, d->digest, sizeof(doc->digest)) != 0)
		return err_set(e, ERR_DAMAGED, "it is not the one that was admitted");
	if (memcmp(a->archive, l->st->archive->desc.id, 16) != 0)
		return err_set(e, ERR_WRONG_ARCHIVE, "it is for another archive");
	if (memcmp(a->node, l->id->pub.id, 16) != 0)
		return err_set(e, ERR_WRONG_NODE, "it is for another node");
	if (memcmp(a->serial, d->serial, 16) != 0)
		return err_set(e, ERR_DAMAGED, "it bears another serial");
	rc = in_force_check(&(struct in_force){l->st->archive, &l->history, l->st->roster,
					       l->st->db},
			    doc, DOCUMENT_NS_AUTHORISE, d->serial, l->id->pub.id, e);
	/* A new version comes into our log in time; what it has admitted before is its own word. */
	return rc == ERR_UNSUPPORTED ? 0 : rc;
}

static int put_key(void *ctx, const uint8_t id[16], const uint8_t *commitment,
		   const uint8_t key[32])
{
	return release_put_key(ctx, id, commitment, key);
}

/* What the log says was used; an item that is open counts whole. */
static uint64_t used_bytes(const struct ledger_document *d)
{
	uint64_t sum;

	return __builtin_add_overflow(d->bytes, d->open_bytes, &sum) ? UINT64_MAX : sum;
}

static int load(struct reload *l, const struct ledger_document *d, struct err *e)
{
	struct release_start start = {
		.admitted_ms = d->admitted_ms, .opens = d->opens, .bytes = used_bytes(d)};
	struct authorisation a = {0};
	struct release *r = NULL;
	struct document doc;
	int rc;

	if (l->st->withheld)
		return err_set(e, ERR_DAMAGED, "the log or the documents are not whole");
	rc = document_load(&doc, l->st->archive->documents, d->serial, KIND, e);
	if (rc)
		return rc;
	rc = authorisation_parse(&a, &doc, e);
	if (rc == 0)
		rc = check(l, d, &doc, &a, e);
	if (rc) {
		authorisation_free(&a);
		goto out;
	}
	start.ended = over(l, d, &a);
	if (!start.ended && l->now_ms > a.not_after_ms)
		start.ended = ERR_EXPIRED;
	rc = release_new(&r, l->set, &a, &start);
	if (rc == 0 && !start.ended)
		rc = authorisation_open(release_terms(r), &doc, l->id, put_key, r, e);
	if (rc)
		release_drop(r);
	else
		rc = release_add(l->set, r);
out:
	document_free(&doc);
	return rc;
}

/* Bring one authorisation in line. What is wrong with it is noted, and does not stop the others. */
static void reconcile(struct reload *l, const struct ledger_document *d)
{
	struct release *r = release_find(l->set, d->serial);
	struct err e = {0};
	char hex[33];
	int rc, why;

	if (r) {
		why = over(l, d, release_terms(r));
		release_note(r, l->lines, d->opens, used_bytes(d));
		if (why)
			release_end(r, why);
		release_drop(r);
		return;
	}
	rc = load(l, d, &e);
	if (rc == 0)
		return;
	text_hex(hex, d->serial, 16);
	if (!e.code)
		err_set(&e, rc, "%s", err_text(rc));
	err_prefix(&e, rc, "authorisation %s is passed over", hex);
	if (l->bad++ == 0)
		l->first = e;
}

static int end_each(void *ctx, struct release *r)
{
	release_end(r, *(const int *)ctx);
	return 0;
}

static int known_lines(struct reload *l, struct db_txn *t, struct err *e)
{
	struct ledger_journal j = {.number = 0};
	int rc = ledger_get_journal(NULL, t, l->id->pub.id, &j, e);

	l->lines = j.state.range.size;
	return rc == ERR_NOTFOUND ? 0 : rc;
}

int release_reload(struct release_set *s, struct station *st, unsigned *bad, struct err *e)
{
	struct reload l = {.set = s, .st = st, .id = node_identity(st->node)};
	struct db_txn *t = NULL;
	struct timespec ts;
	int rc, why;

	*bad = 0;
	clock_gettime(CLOCK_REALTIME, &ts);
	l.now_ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	why = standing(&l);
	if (why)
		return release_each(s, end_each, &why);
	rc = archive_history_load(&l.history, st->archive->documents, &st->archive->desc, e);
	if (rc == 0)
		rc = db_begin(&t, st->db, false, e);
	if (rc == 0)
		rc = known_lines(&l, t, e);
	if (rc == 0)
		rc = ledger_documents(t, collect, &l, e);
	db_abort(t);
	for (size_t i = 0; rc == 0 && i < l.n; i++)
		reconcile(&l, &l.list[i]);
	free(l.list);
	archive_history_free(&l.history);
	*bad = l.bad;
	if (rc == 0)
		release_now_known(s, l.lines);
	if (rc == 0 && l.bad && e)
		*e = l.first;
	return rc;
}
