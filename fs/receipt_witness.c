/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a witness saw of a log: is it cosigned, and does the checkpoint go on from it? A node can sign
 * a second history; a witness that saw the first one does not.
 */
#include "fs/receipt.h"

#include <inttypes.h>
#include <string.h>

#include "fs/witness_ask.h"

/* The ask, byte by byte, that leads from what was cosigned to the very checkpoint of the receipt. */
static bool is_ask(const struct receipt_log *log, const struct witness_ask *ask)
{
	struct wire_out want = {0};
	bool same;

	witness_ask_text(&want, log->witnessed.cp.size, (const merkle_hash *)ask->hash, ask->hashes,
			 log->checkpoint);
	same = wire_out_ok(&want) && want.n == log->consistency.n &&
	       memcmp(want.p, log->consistency.p, want.n) == 0;
	wire_out_free(&want);
	return same;
}

static bool is_continued(const struct receipt_log *log)
{
	const struct note_checkpoint *old = &log->witnessed.cp, *cp = &log->cp;
	struct text_span text = log->consistency;
	struct witness_ask ask;

	if (old->size == cp->size)
		return text.n == 0 && memcmp(old->root, cp->root, sizeof(cp->root)) == 0;
	return old->size < cp->size && text.n > 0 && witness_ask_next(&ask, &text, NULL) == 0 &&
	       is_ask(log, &ask) &&
	       merkle_verify_consistency(ask.old, cp->size, (const merkle_hash *)ask.hash,
					 ask.hashes, old->root, cp->root) == 0;
}

/* One that the node signed, at least. */
static int judge(struct receipt *r, struct receipt_log *log)
{
	const bool changed = r->desc.version > 1;
	int rc = 0;

	if (log->witnessed.n == 0)
		rc = receipt_tell(
			r, changed ? ERR_UNSUPPORTED : ERR_FORGED,
			"no witness that archive.txt names has cosigned the checkpoint of "
			"node %s%s",
			log->who.name, changed ? ": it may be one of an earlier version" : "");
	if (rc == 0 && !is_continued(log)) {
		rc = receipt_tell(r, ERR_ROLLBACK,
				  "the log of node %s is not proved to go on from the %" PRIu64
				  " events that were cosigned: it was turned back or forked",
				  log->who.name, log->witnessed.cp.size);
		log->witnessed = (struct cosigned){.n = 0};
	}
	return rc;
}

int receipt_witness(struct receipt *r, struct receipt_log *log)
{
	struct err why = {0};
	int rc;

	log->witnessed = (struct cosigned){.n = 0};
	if (log->cosigned.n == 0)
		return log->consistency.n == 0 ?
			       0 :
			       receipt_tell(
				       r, ERR_DAMAGED,
				       "a consistency proof of node %s has nothing to begin at",
				       log->who.name);
	rc = cosigned_check(&log->witnessed, log->cosigned, &r->desc, &log->who.pub, &why);
	if (rc == ERR_NOMEM)
		return rc;
	if (rc == 0)
		return judge(r, log);
	log->witnessed = (struct cosigned){.n = 0};
	return receipt_tell(r, rc, "the cosigned checkpoint of node %s is not good: %.200s",
			    log->who.name, why.text);
}

int receipt_witness_events(struct receipt *r, bool needed)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->events; i++) {
		struct receipt_event *x = &r->event[i];
		const struct receipt_log *log = &r->log[x->log];

		if (!x->proved)
			continue;
		x->witnessed = log->witnessed.n && x->seq < log->witnessed.cp.size;
		if (x->witnessed && x->time_ms > cosigned_ms(&log->witnessed) + RECEIPT_CLOCK_MS)
			rc = receipt_tell(r, ERR_FORGED,
					  "event %" PRIu64 " of node %s says a time long after the "
					  "witness saw it: it is dated later than it was",
					  x->seq, log->who.name);
		if (rc == 0 && needed && !x->witnessed)
			rc = receipt_tell(r, ERR_UNSUPPORTED,
					  "event %" PRIu64
					  " of node %s is that node's word alone: no "
					  "witness has cosigned it",
					  x->seq, log->who.name);
	}
	return rc;
}
