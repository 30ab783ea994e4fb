/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When an authorisation was over: by the order of the lines of the log that opens something under it.
 * What a node had not heard of is not its lie; where that can't be known, nothing is called covered.
 */
#include "fs/receipt.h"

#include <string.h>

#define ISSUED_MS 1000 /* documents have whole seconds */

static bool same(const uint8_t a[16], const uint8_t b[16])
{
	return memcmp(a, b, 16) == 0;
}

static bool ended_before(const struct receipt *r, const struct receipt_grant *g, size_t i)
{
	for (size_t k = r->log[r->event[i].log].event; k < i; k++)
		if (r->event[k].proved && r->event[k].type == EVENT_RELEASE_ENDED &&
		    same(r->event[k].subject, g->terms.serial))
			return true;
	return false;
}

/* Does this end it, of the node of event i? An enrolment that came later lets the node work again, under
 * what was issued later too. */
static bool ends(const struct receipt *r, const struct receipt_revocation *v,
		 const struct receipt_grant *g, size_t i)
{
	const struct receipt_log *log = &r->log[r->event[i].log];

	if (!v->good || v->terms.what == REVOKE_KEY)
		return false;
	if (v->terms.what == REVOKE_AUTHORISATION)
		return same(v->terms.target, g->terms.serial);
	return same(v->terms.target, log->node) && (g->terms.issued_ms <= v->terms.issued_ms ||
						    log->who.issued_ms <= v->terms.issued_ms);
}

static bool restored_before(const struct receipt *r, const struct receipt_grant *g, size_t i)
{
	for (size_t k = 0; k < r->restores; k++) {
		const struct receipt_restore *x = &r->restore[k];

		if (x->good && same(x->terms.node, r->log[r->event[i].log].node) &&
		    g->terms.issued_ms <= x->terms.issued_ms &&
		    receipt_admitted_before(r, i, "restore", x->terms.serial, x->digest))
			return true;
	}
	return false;
}

const char *receipt_over(const struct receipt *r, const struct receipt_grant *g, size_t i)
{
	if (ended_before(r, g, i))
		return "that had ended";
	for (size_t k = 0; k < r->revocations; k++) {
		const struct receipt_revocation *v = &r->revocation[k];

		if (ends(r, v, g, i) &&
		    receipt_admitted_before(r, i, "revocation", v->terms.serial, v->digest))
			return v->terms.what == REVOKE_NODE ?
				       "that ended when its node was revoked" :
				       "that had been revoked";
	}
	return restored_before(r, g, i) ? "that ended when its node accepted a restore" : NULL;
}

bool receipt_unheard(const struct receipt *r, const struct receipt_grant *g, size_t i)
{
	for (size_t k = 0; k < r->revocations; k++) {
		const struct receipt_revocation *v = &r->revocation[k];

		if (v->terms.what == REVOKE_NODE && ends(r, v, g, i) &&
		    r->event[i].time_ms >= v->terms.issued_ms + ISSUED_MS)
			return true;
	}
	return false;
}
