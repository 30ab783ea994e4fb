/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/admitted.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/text.h"
#include "fs/document.h"
#include "fs/restore.h"
#include "index/ledger.h"

static int lost(struct err *e, const uint8_t serial[16], const char *kind, const char *advice)
{
	char hex[33];

	text_hex(hex, serial, 16);
	return err_set(e, ERR_DAMAGED,
		       "the %s %s was admitted, but documents/%s.%s is missing or altered: %s",
		       kind, hex, hex, kind, advice);
}

/* ---- revocations ---- */

struct look {
	struct station *st;
	struct err why;		  /* of the first that is not as it was admitted */
	struct node_known *known; /* what the node remembers; owned */
	size_t nknown;
	struct node_known *fresh; /* what it is to remember from now on; owned */
	size_t nfresh;
	/* What this node's own log says: */
	int64_t restored_ms; /* a restore was accepted; INT64_MIN: none was */
	/* The enrolment of this node that was issued last (issued_ms 0: none), and when that was issued
	 * which its directory has (0: not known). */
	struct roster_node self;
	int64_t home_ms;
};

static int check_one(struct look *l, const uint8_t serial[16], const uint8_t digest[32])
{
	int rc = roster_vouch(l->st->roster, l->st->archive, serial, digest);

	if (rc == ERR_DAMAGED && !l->why.code)
		lost(&l->why, serial, "revocation", "restore it");
	return rc == ERR_DAMAGED ? 0 : rc;
}

/* The document as it was admitted; ERR_DAMAGED if it is another, or gone. */
static int load(const struct look *l, const struct ledger_document *d, struct document *doc)
{
	int rc = document_load(doc, l->st->archive->documents, d->serial, d->kind, NULL);

	if (rc)
		return rc == ERR_NOMEM ? rc : ERR_DAMAGED;
	if (memcmp(doc->digest, d->digest, sizeof(doc->digest)) == 0)
		return 0;
	document_free(doc);
	return ERR_DAMAGED;
}

/* The node remembers restores that it accepted, but what it remembers can be put back. Of a document that
 * is gone the time of its admission counts, which is later. */
static int look_at_restore(struct look *l, const struct ledger_document *d)
{
	int64_t ms = d->admitted_ms;
	struct document doc;
	struct restore r;
	int rc = load(l, d, &doc);

	if (rc == 0 && restore_parse(&r, &doc, NULL) == 0) {
		ms = r.issued_ms;
		restore_free(&r);
	}
	if (rc == 0)
		document_free(&doc);
	if (ms > l->restored_ms)
		l->restored_ms = ms;
	return rc == ERR_NOMEM ? rc : 0;
}

static int look_at_enrolment(struct look *l, const struct ledger_document *d)
{
	struct document doc;
	struct roster_node n;
	int rc = load(l, d, &doc);

	if (rc)
		return rc == ERR_NOMEM ? rc : 0; /* admitted_enrolment() tells of it */
	if (roster_enrolment_parse(&n, &doc, &l->st->archive->desc, NULL) == 0 &&
	    memcmp(n.pub.id, node_identity(l->st->node)->pub.id, 16) == 0) {
		if (n.issued_ms > l->self.issued_ms)
			l->self = n;
		if (memcmp(n.serial, l->st->home->enrolment, 16) == 0)
			l->home_ms = n.issued_ms;
	}
	document_free(&doc);
	return 0;
}

/* One that the index has. */
static int check_indexed(void *ctx, const struct ledger_document *d)
{
	struct look *l = ctx;
	struct node_known k, *grown;
	const bool own = memcmp(d->node, node_identity(l->st->node)->pub.id, 16) == 0;

	if (own && strcmp(d->kind, "restore") == 0)
		return look_at_restore(l, d);
	if (own && strcmp(d->kind, "enrolment") == 0)
		return look_at_enrolment(l, d);
	if (strcmp(d->kind, "revocation") != 0)
		return 0;
	memcpy(k.serial, d->serial, 16);
	memcpy(k.digest, d->digest, 32);
	for (size_t i = 0; i < l->nknown; i++)
		if (memcmp(&l->known[i], &k, sizeof(k)) == 0)
			return 0; /* looked at already */
	grown = reallocarray(l->fresh, l->nfresh + 1, sizeof(*grown));
	if (!grown)
		return ERR_NOMEM;
	l->fresh = grown;
	grown[l->nfresh++] = k;
	return check_one(l, d->serial, d->digest);
}

/* One that archive.txt carries over from a version before. */
static int check_carried(void *ctx, const char *kind, const uint8_t serial[16],
			 const uint8_t text[32])
{
	struct look *l = ctx;
	uint8_t is[32] = {0};
	struct document d;

	if (strcmp(kind, "revocation") != 0)
		return 0;
	if (document_load(&d, l->st->archive->documents, serial, kind, NULL) == 0) {
		hash_sha256(is, d.text.p, d.text.n);
		document_free(&d);
	}
	if (memcmp(is, text, sizeof(is)) != 0 && !l->why.code)
		lost(&l->why, serial, kind, "restore it");
	return 0;
}

static int check_all(struct look *l, struct err *e)
{
	struct db_txn *t = NULL;
	int rc = node_known_load(l->st->home, &l->known, &l->nknown, e);

	archive_carried(&l->st->archive->desc, check_carried, l);

	for (size_t i = 0; rc == 0 && i < l->nknown; i++)
		rc = check_one(l, l->known[i].serial, l->known[i].digest);
	if (rc == 0)
		rc = db_begin(&t, l->st->db, false, e);
	if (rc == 0)
		rc = ledger_documents(t, check_indexed, l, e);
	db_abort(t);
	if (rc == 0 && l->nfresh)
		rc = node_known_save(l->st->home, l->fresh, l->nfresh, e);
	return rc;
}

/* Is the node's own memory of its role older than its log? Who imports an enrolment comes by here, too:
 * so it is for admitted_enrolment() to refuse. */
static void look_at_self(const struct look *l)
{
	l->st->outdated = l->home_ms && l->self.issued_ms > l->home_ms;
	memcpy(l->st->latest, l->self.serial, 16);
}

int admitted_check(struct station *s, struct err *e)
{
	struct look l = {.st = s, .restored_ms = INT64_MIN};
	int rc = check_all(&l, e);

	if (rc == 0 && l.restored_ms > s->home->restored_ms)
		s->home->restored_ms = l.restored_ms;
	if (rc == 0)
		look_at_self(&l);

	free(l.known);
	free(l.fresh);
	if (rc || !l.why.code)
		return rc;
	if (e)
		*e = l.why;
	return l.why.code;
}

/* ---- the node's own enrolment ---- */

int admitted_enrolment(const struct station *s, struct err *e)
{
	const uint8_t *id = node_identity(s->node)->pub.id, *serial = s->home->enrolment;
	const struct roster_node *self = roster_find(s->roster, id);
	struct roster_node n;
	struct document d;
	char hex[33];
	int rc;

	if (s->home->roles && s->outdated) {
		text_hex(hex, s->latest, 16);
		return err_set(
			e, ERR_DAMAGED,
			"this node's log has its enrolment %s, and its directory an older one: "
			"import that enrolment again",
			hex);
	}
	if (s->home->roles && self && memcmp(self->serial, serial, 16) == 0)
		return 0;
	/* A later one, which is not imported yet, does no harm. */
	rc = s->home->roles ? document_load(&d, s->archive->documents, serial, "enrolment", NULL) :
			      ERR_NOT_ENROLLED;
	if (rc == 0) {
		rc = roster_enrolment_parse(&n, &d, &s->archive->desc, NULL);
		document_free(&d);
		/* Without any other it may be that the archive's keys have changed. */
		if (rc && !self)
			rc = ERR_NOT_ENROLLED;
		else if (rc == 0 && (memcmp(n.serial, serial, 16) != 0 ||
				     memcmp(n.pub.id, id, sizeof(n.pub.id)) != 0))
			rc = ERR_DAMAGED;
	}
	if (rc == ERR_NOT_ENROLLED || (rc == 0 && !self))
		return err_set(e, ERR_NOT_ENROLLED,
			       "this node is not enrolled in the archive yet: import its enrolment "
			       "(custody import)");
	if (rc == ERR_NOMEM)
		return err_set(e, rc, "out of memory");
	return rc ? lost(e, serial, "enrolment", "restore it, or import a new one") : 0;
}
