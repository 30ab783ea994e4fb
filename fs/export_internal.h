/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of fs/export share.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_EXPORT_INTERNAL_H
#define CUSTODY_FS_EXPORT_INTERNAL_H

#include "fs/bag_write.h"
#include "fs/export.h"

#define EXPORT_BATCH 64u /* items that are opened, and logged, at once */

struct export
{
	const struct export_ask *ask;
	struct release *release; /* held */
	struct export_sheet sheet;
	uint64_t *ino; /* owned; of each item */
	char recipients[EXPORT_RECIPIENTS_TEXT];
	char top[48];
	struct parcel *parcel;
	struct bag_write bag;
	bool begun;	       /* `exported` is in the log, and `export-closed` is not */
	uint64_t served, done; /* items, bytes that left whole */
	uint64_t handle;       /* of the last item that was opened */
	uint64_t judged;       /* lines of the node's log that the gate went by */
	struct event log[2 * EXPORT_BATCH]; /* `closed` that are not written yet, then `opened` */
	size_t logs;
};

/* May the release be used now? As the gate says; no item is looked at. */
int export_ask_gate(const struct export *x, struct err *e);
/* All items; and what is in the log is signed for, and indexed. */
int export_payload(struct export *x, struct err *e);
/* Journal what waits. */
void export_log_rest(struct export *x);

#endif
