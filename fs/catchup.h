/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catchup: carries what the journals say into the index. For each enrolled node: read its signed
 * checkpoint, refuse it if it is behind or beside what was seen (pins), hash the new lines, compare
 * the root, then apply the events. On a reader node an ingest event also opens the item's record:
 * head digest, catalogue key, commitment are all checked.
 *
 * An item whose head can't be read or does not match is put aside (pending) and named in the
 * result; others go on.
 *
 * Thread rule: one catch-up at a time in a process; other processes are kept out by the batch
 * guard.
 */
#ifndef CUSTODY_FS_CATCHUP_H
#define CUSTODY_FS_CATCHUP_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"

struct station;
struct catchup; /* what is kept from one run to the next; part of a station */

/* For fs/station. The station is open but for its journal. */
int catchup_new(struct catchup **out, struct station *s, struct err *e);
void catchup_free(struct catchup *c); /* NULL is fine */
/* Compare the node's own journal with its checkpoint and with what was seen before, without
 * applying anything: before the journal is opened, so that nothing is ever added to one that was
 * rolled back. *lines says how many good ones it has. Codes as catchup_run. */
int catchup_check_own(struct station *s, uint64_t *lines, struct err *e);
/* Remember how far the journals were seen, if that is not on the disk yet. The station's journal
 * may be closed. */
int catchup_save_pins(struct station *s, struct err *e);

struct catchup_result {
	uint64_t events;  /* applied now */
	uint64_t items;	  /* items added now */
	uint64_t pending; /* items put aside because they can't be read, now and before */
	uint64_t
		releases; /* admissions, endings and revocations seen: reload the releases (they may
			    * also change with the time, and when documents/ does) */
	bool views;	  /* the views show more than before */
	bool more;	  /* stopped at the budget; call again */
};

/*
 * Apply what is new, at most about max_events of it (0: all). A reader node has all journals of
 * enrolled nodes in its index, others only their own. ERR_ROLLBACK, ERR_FORGED and ERR_MALFORMED
 * name the journal; the rest of the journals is applied all the same before the error is returned.
 * The station's roster is loaded anew when documents/ changed: nobody else uses it meanwhile.
 */
int catchup_run(struct station *s, uint64_t max_events, struct catchup_result *r,
		void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
		struct err *e);
/* Cheap look whether any journal, checkpoint or document changed since the last run (by stat); with
 * `others`, whether any but the lines of this node's own journal did. */
bool catchup_needed(struct station *s, bool others);

#endif
