/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catchup_item: on a reader node, from an ingest event to what the index keeps of the item: reads
 * the frame head, opens its record, and checks both against the event.
 *
 * Thread rule: belongs to one thread.
 */
#ifndef CUSTODY_FS_CATCHUP_ITEM_H
#define CUSTODY_FS_CATCHUP_ITEM_H

#include "fs/station.h"
#include "index/event.h"
#include "index/ledger.h"
#include "index/object.h"

struct catchup_item;

/* Needs s->home->catalogue. ERR_NOMEM. */
int catchup_item_new(struct catchup_item **out, struct station *s);
void catchup_item_free(struct catchup_item *c); /* NULL is fine; wipes keys */
/* Forget that a segment could not be read: to be called when a catch-up begins. */
void catchup_item_retry(struct catchup_item *c);

/* What was read; valid until the next call. */
struct catchup_item_found {
	struct object o; /* all item fields but ino, parent, name and journal */
	char collection[RECORD_NAME_MAX + 1];
	struct text_span path;
	const struct wire_out *record; /* encoded */
	const struct record *fields;   /* the same, decoded */
	uint8_t sha256[32];	       /* of the plaintext; to be wiped */
};
/* seg is what the log says of the event's segment. ERR_DAMAGED, ERR_FORGED, ERR_MALFORMED,
 * ERR_SYSTEM, ... say why the item can't be shown; ERR_NOMEM that it should be tried again. */
int catchup_item_read(struct catchup_item *c, const struct event *ev, const uint8_t node[16],
		      const struct ledger_segment *seg, struct catchup_item_found *found,
		      struct err *e);

#endif
