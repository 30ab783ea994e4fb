/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catchup_source: one journal that belongs into the index: where the index is with it, and what was
 * scanned and waits to be applied.
 *
 * Thread rule: belongs to one thread.
 */
#ifndef CUSTODY_FS_CATCHUP_SOURCE_H
#define CUSTODY_FS_CATCHUP_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/catchup_scan.h"
#include "fs/station.h"
#include "index/ledger.h"

struct catchup_source {
	uint8_t node[16];
	struct identity_public pub;
	bool own;
	/* From the last scan: roots the lines must have, of which the index has `from` and more. */
	uint64_t from;
	struct catchup_mark *mark; /* owned */
	size_t marks;
	/* How far the index is with it. */
	struct ledger_journal j;
	int failed;	      /* in this run */
	bool moved;	      /* its pin is not on the disk */
	struct node_pin seen; /* its last checkpoint, for the pin: only the note counts */
};

/* Read where the index is. */
int catchup_source_load(struct catchup_source *s, struct db_txn *t, struct err *e);
/* Is there something left of the last scan, and does it go on from where the index is? */
bool catchup_source_planned(const struct catchup_source *s);
/* Unless something is left: compare the journal with its checkpoint, its pin, and what the index
 * has, and scan what is new. ERR_ROLLBACK, ERR_FORGED, codes of journal_read_checkpoint. */
int catchup_source_scan(struct catchup_source *s, struct station *st, const struct node_pin *pins,
			size_t npins, struct err *e);

#endif
