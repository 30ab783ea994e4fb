/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a journal opens behind what it knew to have ended it: its own `release-ended`, and the
 * revocations and accepted restores that it admits. What another journal admits is not asked: when this
 * node heard of it is nowhere written.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fs/authorisation.h"
#include "fs/verify_internal.h"

/* The place of a release in what a list has of a journal, which is its end; *there: it is there. */
static size_t place(const struct verify_list *l, uint32_t journal, const uint8_t release[16],
		    bool *there)
{
	const struct verify_use *u = l->p;
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = u[mid].journal != journal ? (u[mid].journal < journal ? -1 : 1) :
						    memcmp(u[mid].release, release, 16);

		if (c == 0)
			lo = hi = mid;
		else if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*there = lo < l->n && u[lo].journal == journal && memcmp(u[lo].release, release, 16) == 0;
	return lo;
}

int verify_use_note(struct verify *v, uint32_t journal, const struct event *ev, uint64_t line)
{
	struct verify_list *l = ev->type == EVENT_OPENED ? &v->uses : &v->ended;
	struct verify_use *u;
	bool there;
	size_t at = place(l, journal, ev->release, &there);

	if (!there) {
		if (!verify_add(l, sizeof(*u)))
			return ERR_NOMEM;
		u = (struct verify_use *)l->p + at;
		memmove(u + 1, u, (l->n - 1 - at) * sizeof(*u));
		memcpy(u->release, ev->release, 16);
		u->journal = journal;
	}
	u = (struct verify_use *)l->p + at;
	if (!there || l == &v->uses)
		u->last = line;
	return 0;
}

static int tell(struct verify *v, const struct verify_use *u, uint64_t line, const char *why)
{
	const struct verify_journal *j = (struct verify_journal *)v->journals.p + u->journal;
	char node[33], serial[33];

	text_hex(node, j->node, 16);
	text_hex(serial, u->release, 16);
	return verify_tell(v, NULL, ERR_FORGED,
			   "journal %s opens an item under authorisation %s in line %" PRIu64
			   ", and %s in its line %" PRIu64,
			   node, serial, u->last + 1, why, line + 1);
}

/* Why nothing may be opened any more behind this line; NULL if it may. */
static const char *ended_by(const struct verify *v, const struct verify_use *u,
			    const struct verify_document *by, int64_t issued_ms)
{
	const uint8_t *node = ((struct verify_journal *)v->journals.p)[u->journal].node;
	const struct roster_node *who = roster_find(v->roster, node);

	if (by->revokes == REVOKE_AUTHORISATION)
		return memcmp(by->target, u->release, 16) == 0 ? "admits its revocation" : NULL;
	if (memcmp(by->target, node, 16) != 0)
		return NULL;
	if (by->revokes == REVOKE_NODE)
		return issued_ms <= by->issued_ms || (who && who->revoked) ?
			       "admits that its node was revoked" :
			       NULL;
	if (strcmp(by->kind, "restore") == 0 && issued_ms <= by->issued_ms)
		return "admits a restore that ended it";
	return NULL;
}

/* By the documents that its journal names before the last opening. */
static int check_namings(struct verify *v, const struct verify_use *u, int64_t issued_ms,
			 struct err *e)
{
	const struct verify_naming *n = v->namings.p;
	struct verify_document *d;
	const char *why;

	for (size_t i = 0; i < v->namings.n; i++) {
		if (n[i].journal != u->journal || n[i].line > u->last ||
		    (strcmp(n[i].kind, "revocation") != 0 && strcmp(n[i].kind, "restore") != 0) ||
		    verify_document_get(v, n[i].serial, n[i].kind, &d, e) != 0 || d->code ||
		    memcmp(d->digest, n[i].digest, 32) != 0)
			continue;
		why = ended_by(v, u, d, issued_ms);
		if (why)
			return tell(v, u, n[i].line, why);
	}
	return 0;
}

int verify_use(struct verify *v, struct err *e)
{
	const struct verify_use *u = v->uses.p, *ended = v->ended.p;
	struct verify_document *d;
	bool there;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < v->uses.n; i++) {
		size_t at = place(&v->ended, u[i].journal, u[i].release, &there);

		if (there && ended[at].last < u[i].last) {
			rc = tell(v, &u[i], ended[at].last, "ended it");
			continue;
		}
		rc = verify_document_get(v, u[i].release, "authorisation", &d, e);
		if (rc == 0 && d->code == 0)
			rc = check_namings(v, &u[i], d->issued_ms, e);
		/* Its admission is looked at elsewhere. */
		rc = rc == ERR_NOTFOUND ? 0 : rc;
	}
	return rc;
}
