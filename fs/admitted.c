/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/admitted.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/text.h"
#include "fs/document.h"
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
};

static int check_one(struct look *l, const uint8_t serial[16], const uint8_t digest[32])
{
	int rc = roster_vouch(l->st->roster, l->st->archive, serial, digest);

	if (rc == ERR_DAMAGED && !l->why.code)
		lost(&l->why, serial, "revocation", "restore it");
	return rc == ERR_DAMAGED ? 0 : rc;
}

/* One that the index has. */
static int check_indexed(void *ctx, const struct ledger_document *d)
{
	struct look *l = ctx;
	struct node_known k, *grown;

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

int admitted_check(struct station *s, struct err *e)
{
	struct look l = {.st = s};
	int rc = check_all(&l, e);

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
	int rc;

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
