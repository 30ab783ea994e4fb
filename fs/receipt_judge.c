/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Was what happened allowed? Every part of a receipt must be there for a reason, and every opening be
 * covered by an authorisation that its node had admitted and that was in force. Budgets can't be
 * judged here: they span many items.
 */
#include "fs/receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct judge {
	struct receipt *r;
	bool has_ingest;
	size_t ingest; /* the event, and what it says */
	struct event item;
};

static bool same(const uint8_t a[16], const uint8_t b[16])
{
	return memcmp(a, b, 16) == 0;
}

/* "event 12 of node ws (1f2e3d4c)"; numbers as in the log, from 0. */
struct where {
	char text[ROSTER_NAME_MAX + 64];
};
static struct where where(const struct judge *j, size_t i)
{
	const struct receipt_log *log = &j->r->log[j->r->event[i].log];
	struct where w;
	char hex[9];

	text_hex(hex, log->node, 4);
	snprintf(w.text, sizeof(w.text), "event %" PRIu64 " of node %s (%s)", j->r->event[i].seq,
		 log->who.name, hex);
	return w;
}

/* ---- taking in ---- */

static int find_ingest(struct judge *j)
{
	struct receipt *r = j->r;
	const struct receipt_log *log;

	for (size_t i = 0; i < r->events; i++) {
		if (!receipt_is_ingest(r, i))
			continue;
		if (j->has_ingest)
			return receipt_tell(r, ERR_FORGED,
					    "%s takes the item in, which %s has done already",
					    where(j, i).text, where(j, j->ingest).text);
		j->has_ingest = true;
		j->ingest = i;
	}
	if (!j->has_ingest)
		return receipt_tell(r, ERR_DAMAGED, "no event proves that the item was taken in");
	receipt_event(r, j->ingest, &j->item);
	log = &r->log[r->event[j->ingest].log];
	if (log->who.roles & ROSTER_INGEST)
		return 0;
	return receipt_tell(r, ERR_FORGED, "%s takes the item in, and the node may not ingest",
			    where(j, j->ingest).text);
}

/* ---- what is there for a reason ---- */

static bool names_document(const struct judge *j, const struct event *ev)
{
	const struct receipt *r = j->r;

	if (strcmp(ev->kind, "authorisation") == 0)
		return receipt_grant(r, ev->document) != NULL;
	for (size_t i = 0; strcmp(ev->kind, "restore") == 0 && i < r->restores; i++)
		if ((r->restore[i].good || r->restore[i].unjudged) &&
		    same(r->restore[i].terms.serial, ev->document))
			return true;
	for (size_t i = 0; i < r->revocations; i++)
		if ((r->revocation[i].good || r->revocation[i].unjudged) &&
		    same(r->revocation[i].terms.serial, ev->document))
			return strcmp(ev->kind, "revocation") == 0;
	return false;
}

/* Does it admit a version of archive.txt that is there, in a log that authorisations are for? */
static bool is_step(const struct receipt *r, const struct receipt_event *x)
{
	size_t i = 0;

	while (i < r->grants && !same(r->grant[i].terms.node, r->log[x->log].node))
		i++;
	return i < r->grants && x->version > r->desc.version - r->chain &&
	       x->version <= r->desc.version;
}

/* Does it end a release, in the log of the node that an authorisation is for? */
static bool is_end(const struct receipt *r, const struct receipt_event *x)
{
	const struct receipt_grant *g = receipt_grant(r, x->subject);

	return g && same(g->terms.node, r->log[x->log].node);
}

/* Was the item opened for this export? */
static bool is_export(const struct receipt *r, size_t i)
{
	for (size_t k = i + 1; k < r->events && r->event[k].log == r->event[i].log; k++)
		if (r->event[k].proved && r->event[k].of_item && r->event[k].type == EVENT_OPENED &&
		    same(r->event[k].export, r->event[i].export))
			return true;
	return false;
}

static bool belongs(const struct judge *j, size_t i)
{
	const struct receipt_event *x = &j->r->event[i];
	struct event ev;

	if (x->of_item)
		return true;
	if (x->type == EVENT_EXPORTED)
		return is_export(j->r, i);
	if (x->type == EVENT_ACCESSION)
		return j->has_ingest && same(x->subject, j->item.accession) &&
		       x->log == j->r->event[j->ingest].log && i < j->ingest;
	if (x->type == EVENT_RELEASE_ENDED)
		return is_end(j->r, x);
	if (x->type != EVENT_ADMITTED)
		return false;
	if (x->version)
		return is_step(j->r, x);
	receipt_event(j->r, i, &ev);
	return names_document(j, &ev);
}

static int judge_events(const struct judge *j)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < j->r->events; i++)
		if (j->r->event[i].proved && !belongs(j, i))
			rc = receipt_tell(j->r, ERR_DAMAGED,
					  "%s has nothing to do with the item, or with what the "
					  "receipt holds",
					  where(j, i).text);
	return rc;
}

static bool is_named(const struct receipt *r, const struct receipt_revocation *v)
{
	const struct authorisation_revocation *t = &v->terms;

	for (size_t k = 0; t->what == REVOKE_NODE && k < r->logs; k++)
		if (same(r->log[k].node, t->target))
			return true;
	return t->what == REVOKE_KEY ?
		       v->named :
		       t->what == REVOKE_AUTHORISATION && receipt_grant(r, t->target);
}

static int judge_revocations(const struct judge *j)
{
	struct receipt *r = j->r;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->revocations; i++)
		if (r->revocation[i].good && !is_named(r, &r->revocation[i]))
			rc = receipt_tell(r, ERR_DAMAGED,
					  "revocation number %zu has nothing to do with the item",
					  i + 1);
	return rc;
}

/* Of the node of an authorisation, and admitted by its log: without that it is none. */
static bool ends_some(const struct receipt *r, const struct receipt_restore *x)
{
	size_t at, i = 0;

	while (i < r->grants && !same(r->grant[i].terms.node, x->terms.node))
		i++;
	return i < r->grants &&
	       receipt_admission(r, x->terms.node, "restore", x->terms.serial, x->digest, &at);
}

static int judge_restores(const struct judge *j)
{
	struct receipt *r = j->r;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->restores; i++)
		if (r->restore[i].good && !ends_some(r, &r->restore[i]))
			rc = receipt_tell(r, ERR_DAMAGED,
					  "restore number %zu has nothing to do with the item",
					  i + 1);
	return rc;
}

/* ---- authorisations ---- */

/* Does it name what this ingest took in? */
static bool covers(const struct judge *j, const struct authorisation *a, const struct event *ingest)
{
	for (size_t i = 0; i < a->items; i++)
		if (same(a->item[i].id, j->r->item) &&
		    memcmp(a->item[i].commitment, ingest->commitment, 32) == 0)
			return true;
	for (size_t i = 0; i < a->accessions; i++)
		if (same(a->accession[i], ingest->accession))
			return true;
	return false;
}

/* Another node may have an item of the same id: what was opened then may have been that one. */
static bool covers_other(const struct judge *j, const struct authorisation *a)
{
	struct event ev;

	for (size_t i = 0; i < j->r->events; i++) {
		const struct receipt_event *x = &j->r->event[i];

		if (!x->proved || x->type != EVENT_INGEST || !x->of_item ||
		    receipt_is_ingest(j->r, i))
			continue;
		receipt_event(j->r, i, &ev);
		if (covers(j, a, &ev))
			return true;
	}
	return false;
}

static bool is_used(const struct receipt *r, const uint8_t serial[16])
{
	for (size_t i = 0; i < r->events; i++)
		if (r->event[i].proved && same(r->event[i].subject, serial) &&
		    (r->event[i].type == EVENT_OPENED || r->event[i].type == EVENT_CLOSED))
			return true;
	return false;
}

static int judge_grants(const struct judge *j)
{
	struct receipt *r = j->r;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->grants; i++) {
		struct receipt_grant *g = &r->grant[i];

		if (!g->good && !g->unjudged)
			continue;
		g->covers = j->has_ingest && covers(j, &g->terms, &j->item);
		g->covers_other = covers_other(j, &g->terms);
		g->admitted = receipt_admission(r, g->terms.node, "authorisation", g->terms.serial,
						g->digest, &g->admission);
		if (!is_used(r, g->terms.serial))
			rc = receipt_tell(r, ERR_DAMAGED,
					  "authorisation number %zu has nothing to do with the "
					  "item: nothing was opened under it",
					  i + 1);
	}
	return rc;
}

/* ---- openings ---- */

static bool is_user(const struct authorisation *a, const char *user)
{
	for (size_t i = 0; i < a->nusers; i++)
		if (strcmp(a->users[i], user) == 0)
			return true;
	return a->nusers == 0;
}

/* Why the authorisation does not allow it; NULL if it does. */
static const char *objection(const struct receipt *r, const struct receipt_grant *g, size_t i)
{
	const struct receipt_event *x = &r->event[i];
	const struct authorisation *a = &g->terms;
	struct event ev;

	receipt_event(r, i, &ev);
	if (!g->covers && !g->covers_other)
		return "that does not name it";
	if (!same(a->node, r->log[x->log].node))
		return "that is for another node";
	if (!g->admitted || r->event[g->admission].seq >= x->seq)
		return "that the node had not admitted";
	if (x->time_ms < a->not_before_ms)
		return "that was not in force yet";
	if (x->time_ms > a->not_after_ms + RECEIPT_SLACK_MS)
		return "that had expired";
	if (!is_user(a, ev.user))
		return "that is for other users";
	return receipt_over(r, g, i);
}

/* The export that the item was opened for: why it may not be; NULL if it may, or it was none. */
static const char *export_objection(const struct receipt *r, const struct receipt_grant *g,
				    size_t i, bool *ungranted)
{
	static const uint8_t none[16];
	const struct receipt_event *x = &r->event[i];
	struct event ev;

	if (same(x->export, none))
		return NULL;
	while (i-- > 0 && r->event[i].log == x->log) {
		const struct receipt_event *o = &r->event[i];

		if (!o->proved || o->type != EVENT_EXPORTED || !same(o->export, x->export))
			continue;
		if (!same(o->subject, x->subject))
			return "for an export under another one";
		receipt_event(r, i, &ev);
		*ungranted = authorisation_may_export(&g->terms, ev.recipients, NULL) != 0;
		if (*ungranted)
			return "that does not grant the export it is opened for";
		return NULL;
	}
	return "for an export whose event is missing";
}

static int judge_opened(const struct judge *j, size_t i)
{
	struct receipt *r = j->r;
	const struct receipt_event *x = &r->event[i];
	const struct receipt_grant *g = receipt_grant(r, x->subject);
	const char *why = g ? objection(r, g, i) : "that the receipt does not have, or not good";
	bool ungranted = false;
	char serial[33];
	int rc = 0;

	if (g && !why)
		why = export_objection(r, g, i, &ungranted);
	text_hex(serial, x->subject, 16);
	if (!(r->log[x->log].who.roles & ROSTER_READER))
		rc = receipt_tell(r, ERR_FORGED, "%s opens the item, and the node is no reader",
				  where(j, i).text);
	if (rc == 0 && why)
		rc = receipt_tell(r, ERR_FORGED,
				  "%s opens the item under authorisation %s, %s: nothing covers it",
				  where(j, i).text, serial, why);
	r->ungranted += ungranted;
	if (rc == 0 && !why && receipt_unheard(r, g, i))
		rc = receipt_tell(r, ERR_UNSUPPORTED,
				  "%s opens the item after its node was revoked, which its log had "
				  "not admitted: whether the node knew can't be judged",
				  where(j, i).text);
	return rc;
}

/* What is closed was opened; a receipt that leaves that out is not whole. */
static int judge_closed(const struct judge *j, size_t i)
{
	const struct receipt_event *x = &j->r->event[i], *o = x;

	while (o > j->r->event && o[-1].log == x->log) {
		o--;
		if (o->proved && o->type == EVENT_OPENED && o->of_item && o->handle == x->handle &&
		    same(o->subject, x->subject))
			return 0;
	}
	return receipt_tell(j->r, ERR_DAMAGED,
			    "%s closes the item, and the event that opened it is missing",
			    where(j, i).text);
}

static int judge_use(const struct judge *j)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < j->r->events; i++) {
		const struct receipt_event *x = &j->r->event[i];

		if (!x->proved || !x->of_item)
			continue;
		if (x->type == EVENT_OPENED)
			rc = judge_opened(j, i);
		else if (x->type == EVENT_CLOSED)
			rc = judge_closed(j, i);
	}
	return rc;
}

int receipt_judge(struct receipt *r)
{
	struct judge j = {.r = r};
	int rc = find_ingest(&j);

	if (rc == 0)
		rc = judge_grants(&j);
	if (rc == 0)
		rc = judge_events(&j);
	if (rc == 0)
		rc = judge_revocations(&j);
	if (rc == 0)
		rc = judge_restores(&j);
	return rc ? rc : judge_use(&j);
}
