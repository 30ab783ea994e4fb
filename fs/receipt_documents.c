/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authorisations, revocations and restores of a receipt, each by the archive.txt that was in force where
 * its node's log admits it, and without keys whose revocation that log admits before. To leave an event out never makes an older one count: without a later version
 * admitted behind it, a document is judged by the last.
 */
#include "fs/receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool receipt_admission(const struct receipt *r, const uint8_t node[16], const char *kind,
		       const uint8_t serial[16], const uint8_t digest[32], size_t *at)
{
	for (size_t i = 0; i < r->events; i++) {
		const struct receipt_event *x = &r->event[i];
		struct event ev;

		if (!x->proved || x->type != EVENT_ADMITTED ||
		    memcmp(x->subject, serial, 16) != 0 ||
		    memcmp(r->log[x->log].node, node, 16) != 0)
			continue;
		receipt_event(r, i, &ev);
		*at = i;
		if (strcmp(ev.kind, kind) == 0 && memcmp(ev.digest, digest, 32) == 0)
			return true;
	}
	return false;
}

bool receipt_admitted_before(const struct receipt *r, size_t before, const char *kind,
			     const uint8_t serial[16], const uint8_t digest[32])
{
	size_t at = before;

	/* The first of that log is the one that is found. */
	return receipt_admission(r, r->log[r->event[before].log].node, kind, serial, digest, &at) &&
	       at < before;
}

/* A document that is judged. */
struct paper {
	const struct receipt *r;
	bool admitted; /* by event `at` */
	size_t at;
	const struct document *d;
	const char *namespace, *kind;
	const uint8_t *serial, *node; /* node: whose log admits it; NULL: none */
	unsigned signer[DOCUMENT_SIGNATURES_MAX];
	size_t signers;
	uint32_t version; /* that it is judged by */
	bool unjudged;
};

/* A document_policy's: had its log admitted a revocation of the key before it admitted the document? */
static bool is_revoked(void *ctx, const struct sshkey *k)
{
	const struct paper *p = ctx;
	const struct receipt *r = p->r;

	for (size_t i = 0; p->admitted && i < r->revocations; i++) {
		const struct receipt_revocation *v = &r->revocation[i];

		if (v->good && v->terms.what == REVOKE_KEY && sshkey_equal(&v->terms.key, k) &&
		    receipt_admitted_before(r, p->at, "revocation", v->terms.serial, v->digest))
			return true;
	}
	return false;
}

/* The versions that may have been in force when it was admitted: *last, unless what the receipt does
 * not have says otherwise; down to *first. */
static void find_versions(const struct receipt *r, const struct paper *p, uint32_t *first,
			  uint32_t *last)
{
	const size_t at = p->at;

	*first = 1;
	*last = r->desc.version;
	if (!p->admitted)
		return;
	for (size_t i = 0; i < r->events; i++) {
		const struct receipt_event *x = &r->event[i];

		if (!x->proved || !receipt_desc(r, x->version) || x->log != r->event[at].log)
			continue;
		if (i < at) {
			*first = x->version;
			continue;
		}
		*last = x->version - 1;
		/* Where the versions before are not there, their steps are not either. */
		if (*last == 1 || receipt_desc(r, *last - 1))
			*first = *last;
		return;
	}
}

static int check_by(const struct receipt *r, struct paper *p, uint32_t version, struct err *e)
{
	const struct archive_desc *desc = receipt_desc(r, version);
	struct document_policy policy;

	if (!desc)
		return err_set(e, ERR_UNSUPPORTED,
			       "it may be signed by keys of version %" PRIu32
			       " of archive.txt, which the receipt does not have",
			       version);
	policy = archive_policy(desc, p->namespace);
	/* Revocations only end things, and a log that was restored admits them again in any order. */
	if (strcmp(p->kind, "revocation") != 0) {
		policy.revoked = is_revoked;
		policy.ctx = p;
	}
	p->version = version;
	return document_check(p->d, &policy, p->signer, &p->signers, e);
}

/* Not wrong, but not to be checked by what is here, or by this version. */
static bool is_open(int rc)
{
	return rc == ERR_UNSUPPORTED || rc == ERR_NEWER;
}

static bool wrong_keys(int rc)
{
	return rc == ERR_WRONG_KEY || rc == ERR_TOO_FEW || rc == ERR_REVOKED;
}

static int check_signed(const struct receipt *r, struct paper *p, struct err *e)
{
	const struct document_policy now = archive_policy(&r->desc, p->namespace);
	uint32_t first, last;
	int rc, before;

	p->r = r;
	p->version = r->desc.version;
	p->admitted = p->node &&
		      receipt_admission(r, p->node, p->kind, p->serial, p->d->digest, &p->at);
	if (document_carried(p->d, &now))
		return 0;
	find_versions(r, p, &first, &last);
	rc = check_by(r, p, last, e);
	p->unjudged = is_open(rc);
	for (uint32_t v = last; wrong_keys(rc) && v-- > first;) {
		struct err why = {0};

		before = check_by(r, p, v, &why);
		if (wrong_keys(before))
			continue;
		p->unjudged = before == 0 || is_open(before);
		if (before == 0)
			before = err_set(
				&why, ERR_UNSUPPORTED,
				"it is signed by keys of version %" PRIu32
				" of archive.txt, and no event shows that its node admitted "
				"it before version %" PRIu32,
				v, v + 1);
		*e = why;
		return before;
	}
	return rc;
}

static int tell(struct receipt *r, int rc, const char *what, size_t i, const struct err *why)
{
	return receipt_tell(r, rc,
			    is_open(rc) ? "%s number %zu can't be judged: %.200s" :
					  "%s number %zu is not good: %.200s",
			    what, i + 1, why->text);
}

/* Revocations of keys that it names, and that its log admits, are there for it. */
static void name_keys(struct receipt *r, const struct document *d, const uint8_t node[16])
{
	size_t at;

	for (size_t i = 0; i < r->revocations; i++) {
		struct receipt_revocation *v = &r->revocation[i];

		if ((v->good || v->unjudged) && v->terms.what == REVOKE_KEY && !v->named)
			v->named = document_names_key(d, &v->terms.key) &&
				   receipt_admission(r, node, "revocation", v->terms.serial,
						     v->digest, &at);
	}
}

static int check_grant(struct receipt *r, size_t i)
{
	struct receipt_grant *g = &r->grant[i];
	struct document d;
	struct paper p = {.d = &d,
			  .namespace = DOCUMENT_NS_AUTHORISE,
			  .kind = "authorisation",
			  .serial = g->terms.serial,
			  .node = g->terms.node};
	struct err why = {0};
	int rc = document_parse(&d, g->bytes.p, g->bytes.n, &why);

	if (rc)
		return tell(r, rc, "authorisation", i, &why);
	memcpy(g->digest, d.digest, 32);
	rc = authorisation_parse(&g->terms, &d, &why);
	if (rc == 0 && memcmp(g->terms.archive, r->archive, 16) != 0)
		rc = err_set(&why, ERR_WRONG_ARCHIVE, "it is for another archive");
	if (rc == 0 && i > 0 && memcmp(r->grant[i - 1].terms.serial, g->terms.serial, 16) >= 0)
		rc = err_set(&why, ERR_DAMAGED, "it is out of order");
	if (rc == 0) {
		name_keys(r, &d, g->terms.node);
		rc = check_signed(r, &p, &why);
	}
	document_free(&d);
	g->good = rc == 0;
	g->unjudged = p.unjudged;
	g->version = p.version;
	g->signers = g->good ? p.signers : 0;
	memcpy(g->signer, p.signer, sizeof(g->signer));
	return rc ? tell(r, rc, "authorisation", i, &why) : 0;
}

/* Whose log admits a revocation: that of the node the authorisation is for. */
static const uint8_t *revoked_at(const struct receipt *r, const struct authorisation_revocation *v)
{
	const struct receipt_grant *g = NULL;

	if (v->what == REVOKE_AUTHORISATION)
		g = receipt_grant(r, v->target);
	return g ? g->terms.node : NULL;
}

/* One of a key may be admitted in several logs: it counts by any version that there was. */
static int check_key_revocation(const struct receipt *r, struct paper *p, struct err *e)
{
	struct err why = {0};
	int rc = check_by(r, p, r->desc.version, e);

	for (uint32_t v = r->desc.version; wrong_keys(rc) && v-- > 1;) {
		int before = check_by(r, p, v, &why);

		if (!wrong_keys(before)) {
			*e = why;
			rc = before;
		}
	}
	p->unjudged = is_open(rc);
	return rc;
}

/* Its form and place; then, when the authorisations are known that it may be of, its signatures. */
static int read_revocation(struct receipt *r, size_t i, struct document *d, struct err *e)
{
	struct receipt_revocation *v = &r->revocation[i];
	int rc = document_parse(d, v->bytes.p, v->bytes.n, e);

	if (rc)
		return rc;
	memcpy(v->digest, d->digest, 32);
	rc = authorisation_revocation_parse(&v->terms, d, e);
	if (rc == 0 && memcmp(v->terms.archive, r->archive, 16) != 0)
		rc = err_set(e, ERR_WRONG_ARCHIVE, "it is for another archive");
	if (rc == 0 && i > 0 && memcmp(r->revocation[i - 1].terms.serial, v->terms.serial, 16) >= 0)
		rc = err_set(e, ERR_DAMAGED, "it is out of order");
	if (rc)
		document_free(d);
	return rc;
}

/* Those of keys, or the others, with what is no revocation. */
static int check_revocation(struct receipt *r, size_t i, bool keys)
{
	struct receipt_revocation *v = &r->revocation[i];
	struct document d;
	struct paper p = {.d = &d,
			  .namespace = DOCUMENT_NS_REVOKE,
			  .kind = "revocation",
			  .serial = v->terms.serial};
	struct err why = {0};
	int rc = read_revocation(r, i, &d, &why);

	if ((rc == 0 && v->terms.what == REVOKE_KEY) != keys) {
		document_free(&d);
		return rc == ERR_NOMEM ? rc : 0;
	}
	p.node = revoked_at(r, &v->terms);
	if (rc == 0)
		rc = keys ? check_key_revocation(r, &p, &why) : check_signed(r, &p, &why);
	document_free(&d);
	v->good = rc == 0;
	v->unjudged = p.unjudged;
	return rc ? tell(r, rc, "revocation", i, &why) : 0;
}

static int check_restore(struct receipt *r, size_t i)
{
	struct receipt_restore *x = &r->restore[i];
	struct document d;
	struct paper p = {.d = &d,
			  .namespace = DOCUMENT_NS_RESTORE,
			  .kind = "restore",
			  .serial = x->terms.serial,
			  .node = x->terms.node};
	struct err why = {0};
	int rc = document_parse(&d, x->bytes.p, x->bytes.n, &why);

	if (rc)
		return tell(r, rc, "restore", i, &why);
	memcpy(x->digest, d.digest, 32);
	rc = restore_parse(&x->terms, &d, &why);
	if (rc == 0 && memcmp(x->terms.archive, r->archive, 16) != 0)
		rc = err_set(&why, ERR_WRONG_ARCHIVE, "it is for another archive");
	if (rc == 0 && i > 0 && memcmp(r->restore[i - 1].terms.serial, x->terms.serial, 16) >= 0)
		rc = err_set(&why, ERR_DAMAGED, "it is out of order");
	if (rc == 0) {
		name_keys(r, &d, x->terms.node);
		rc = check_signed(r, &p, &why);
	}
	document_free(&d);
	x->good = rc == 0;
	x->unjudged = p.unjudged;
	return rc ? tell(r, rc, "restore", i, &why) : 0;
}

struct receipt_grant *receipt_grant(const struct receipt *r, const uint8_t serial[16])
{
	for (size_t i = 0; i < r->grants; i++) {
		struct receipt_grant *g = &r->grant[i];

		if ((g->good || g->unjudged) && memcmp(g->terms.serial, serial, 16) == 0)
			return g;
	}
	return NULL;
}

int receipt_documents(struct receipt *r)
{
	int rc = 0;

	/* Keys first, as those judge the others. */
	for (size_t i = 0; rc == 0 && i < r->revocations; i++)
		rc = check_revocation(r, i, true);
	for (size_t i = 0; rc == 0 && i < r->grants; i++)
		rc = check_grant(r, i);
	for (size_t i = 0; rc == 0 && i < r->revocations; i++)
		rc = check_revocation(r, i, false);
	for (size_t i = 0; rc == 0 && i < r->restores; i++)
		rc = check_restore(r, i);
	return rc;
}
