/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catchup_event: what each event of a journal changes in the index.
 *
 * Thread rule: as the batch it works in.
 */
#ifndef CUSTODY_FS_CATCHUP_EVENT_H
#define CUSTODY_FS_CATCHUP_EVENT_H

#include "fs/catchup_apply.h"
#include "fs/catchup_item.h"
#include "fs/catchup_state.h"

/* What an event is applied with. */
struct catchup_event {
	struct station *st;
	struct catchup_state *s;
	struct catchup_item *item; /* NULL: this index has no names */
	const uint8_t *node;	   /* whose journal it is */
	uint32_t journal;	   /* number of the journal */
	struct catchup_counts *n;
	struct err *e;
};

/* An error ends the batch. An item that can't be shown is none: it is put aside. */
int catchup_event_apply(struct catchup_event *w, const struct event *ev);
/* Show the item of an ingest event, or say why it can't be: codes of catchup_item_read,
 * ERR_FORGED. */
int catchup_event_show(struct catchup_event *w, const struct event *ev);

#endif
