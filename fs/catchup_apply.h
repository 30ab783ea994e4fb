/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catchup_apply: the second reading of a journal's new lines: batch by batch into the index, each
 * only if its lines have the root that the first reading left.
 *
 * How the budget of an authorisation is counted from the log: `opened` counts one open and, until
 * the handle's `closed` comes, the whole size of its item; `closed` puts the bytes that were
 * served in its place. So a handle that was open when the computer went down is charged in full.
 *
 * Thread rule: belongs to one thread.
 */
#ifndef CUSTODY_FS_CATCHUP_APPLY_H
#define CUSTODY_FS_CATCHUP_APPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/catchup_scan.h"
#include "fs/station.h"
#include "index/ledger.h"

struct catchup_apply;

/* names: open the records of items (needs s->home->catalogue). */
int catchup_apply_new(struct catchup_apply **out, struct station *s, bool names, struct err *e);
void catchup_apply_free(struct catchup_apply *a); /* NULL is fine */
/* A catch-up begins: what could not be read before is tried again. */
void catchup_apply_retry(struct catchup_apply *a);

struct catchup_counts {
	uint64_t events, items, releases; /* added to */
};
/*
 * Apply the lines from where the index is up to `to`, of the journal of `node`. *j is left as the
 * index has it afterwards. ERR_BUSY: another process wrote to the index meanwhile; nothing was
 * applied, look again how far it is. ERR_FORGED: the lines changed since they were scanned.
 * ERR_MALFORMED names a line that is signed but is no event.
 */
int catchup_apply_batch(struct catchup_apply *a, const uint8_t node[16],
			const struct catchup_mark *to, struct ledger_journal *j,
			struct catchup_counts *n, struct err *e);
/* Try some of the items again that could not be read when their event was applied: the next 2,000 in
 * turn. As long as it adds items it is worth calling again. Codes as above. */
int catchup_apply_pending(struct catchup_apply *a, struct catchup_counts *n, struct err *e);

/* Have the views (index/view) show what was applied; due: only where much waits for that. *changed is set
 * if they show more than before the last call. */
int catchup_apply_views(struct catchup_apply *a, bool due, bool *changed, struct err *e);

#endif
