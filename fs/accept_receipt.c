/* SPDX-License-Identifier: Apache-2.0 */
/* One receipt of a package: is it good, and what does it say of its item and of the export? */
#include <stdlib.h>
#include <string.h>

#include "fs/accept_internal.h"

static int add(struct accept *a, const struct accept_receipt *what)
{
	struct accept_receipt *grown;

	if ((a->receipts & (a->receipts - 1)) == 0) {
		grown = reallocarray(a->receipt, a->receipts ? 2 * a->receipts : 1, sizeof(*grown));
		if (!grown)
			return ERR_NOMEM;
		a->receipt = grown;
	}
	a->receipt[a->receipts++] = *what;
	return 0;
}

/* Its findings, as ours. What is only that the export was not granted is no damage: somebody did what he
 * may not do, and the log tells of it. */
static int take_findings(struct accept_run *run, const struct receipt *r)
{
	const bool granted = r->ungranted < r->damaged || r->damaged == 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->findings; i++) {
		int code = r->finding[i].code;

		rc = accept_tell(run->a, granted ? code : ERR_NO_EXPORT, "%s: %.300s", run->path,
				 r->finding[i].text);
	}
	return rc;
}

/* ---- the export ---- */

static const struct receipt_event *find_export(const struct receipt *r, const uint8_t export[16])
{
	for (size_t i = 0; i < r->events; i++)
		if (r->event[i].proved && r->event[i].type == EVENT_EXPORTED &&
		    memcmp(r->event[i].export, export, 16) == 0)
			return &r->event[i];
	return NULL;
}

/* The last one that it tells of: the package was made after it. */
static const struct receipt_event *last_export(const struct receipt *r)
{
	const struct receipt_event *last = NULL;

	for (size_t i = 0; i < r->events; i++)
		if (r->event[i].proved && r->event[i].type == EVENT_EXPORTED &&
		    (!last || r->event[i].time_ms >= last->time_ms))
			last = &r->event[i];
	return last;
}

static bool was_opened(const struct receipt *r, const uint8_t export[16])
{
	for (size_t i = 0; i < r->events; i++)
		if (r->event[i].proved && r->event[i].of_item && r->event[i].type == EVENT_OPENED &&
		    memcmp(r->event[i].export, export, 16) == 0)
			return true;
	return false;
}

/* What the first receipt says of the export, to hold the others against. */
static int keep_common(struct accept_run *run, struct receipt *r, const struct receipt_event *x)
{
	struct receipt_grant *g = receipt_grant(r, x->subject);

	if (!g || !r->desc_good)
		return 0;
	memcpy(run->export, x->export, 16);
	wire_out_bytes(&run->exported, x->line.p, x->line.n);
	if (!wire_out_ok(&run->exported))
		return ERR_NOMEM;
	receipt_event(r, (size_t)(x - r->event), &run->event);
	memcpy(run->authorisation, g->digest, 32);
	memcpy(run->description, r->desc_digest, 32);
	run->who = r->log[x->log].who.pub;
	run->known = true;
	run->a->desc = r->desc;
	run->a->desc.carried = (struct text_span){"", 0};
	run->a->pinned = r->pinned;
	run->a->described = true;
	run->a->granted = g->good;
	run->a->terms = g->terms;
	g->terms = (struct authorisation){0};
	return 0;
}

static int compare_common(struct accept_run *run, struct receipt *r, const struct receipt_event *x)
{
	if (x->line.n != run->exported.n ||
	    memcmp(x->line.p, run->exported.p, run->exported.n) != 0 ||
	    memcmp(r->desc_digest, run->description, 32) != 0)
		return accept_tell(run->a, ERR_DAMAGED,
				   "%s tells of the export, or of its archive, otherwise than "
				   "others do",
				   run->path);
	return 0;
}

/* ---- all of it ---- */

static int take(struct accept_run *run, struct receipt *r)
{
	struct accept_receipt what = {.disclosed = r->provenance != NULL};
	const struct receipt_event *x = run->known ? find_export(r, run->export) : last_export(r);
	struct event ev;
	bool taken_in = false;
	int rc = 0;

	memcpy(what.item, r->item, 16);
	memcpy(what.node, r->node, 16);
	memcpy(what.content, r->content, 32);
	for (size_t i = 0; i < r->events && !taken_in; i++) {
		taken_in = receipt_is_ingest(r, i);
		if (taken_in) {
			receipt_event(r, i, &ev);
			memcpy(what.commitment, ev.commitment, 32);
		}
	}
	if (x) {
		const bool first = !run->known;

		what.left = was_opened(r, x->export);
		rc = first ? keep_common(run, r, x) : compare_common(run, r, x);
	}
	what.record = r->provenance;
	r->provenance = NULL;
	if (rc == 0)
		rc = add(run->a, &what);
	if (rc)
		record_free(what.record);
	return rc;
}

int accept_take_receipt(struct accept_run *run)
{
	struct receipt *r = calloc(1, sizeof(*r));
	struct err e = {0};
	int rc;

	if (!r)
		return ERR_NOMEM;
	rc = receipt_parse(r, run->receipt.p, run->receipt.n, &e);
	if (rc && rc != ERR_NOMEM) {
		rc = accept_tell(run->a, ERR_DAMAGED, "%s is no receipt: %.250s", run->path,
				 e.text);
		goto out;
	}
	if (rc)
		goto out;
	r->witness_needed = run->ask->witnessed;
	rc = receipt_check(r, run->ask->nkeys ? run->ask->keys : NULL, run->ask->nkeys, NULL);
	if (rc == ERR_NOMEM)
		goto out;
	rc = take_findings(run, r);
	if (rc == 0)
		rc = take(run, r);
out:
	receipt_free(r);
	free(r);
	return rc;
}
