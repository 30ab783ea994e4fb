/* SPDX-License-Identifier: Apache-2.0 */
/*
 * derived: items that were made from others: a redacted copy, a crop, an image out of a sidecar. The
 * link lies in the sealed record of what was made (derived_from, derived_from_node: the item;
 * derived_from_sha256: its content), so that logs tell nothing of it; the index knows it both ways.
 * It is what its maker claims: that the one was made from the other is not proved by it.
 *
 * Thread rule: as fs/station; for nodes that open names.
 */
#ifndef CUSTODY_FS_DERIVED_H
#define CUSTODY_FS_DERIVED_H

#include "fs/catchup_event.h"
#include "fs/station.h"
#include "index/object.h"
#include "index/record.h"

/* Note what an item's record says it was made from, while the item is indexed. ERR_NOMEM. */
int derived_note(struct catchup_event *w, const struct event *ev, const struct record *r);

/* Told of an item, with its record; non-zero ends it and is returned. */
typedef int derived_item(void *ctx, const struct object *o, const struct record *r);
/* The items that were made from this one, in no order. An item whose lines can't be read now is passed
 * over. ERR_INDEX, ERR_NOMEM. */
int derived_each(struct station *s, const struct object *o, derived_item *cb, void *ctx,
		 struct err *e);
/* The items that a record says its own was made from: one, or several of the same content. */
int derived_origins(struct station *s, const struct record *r, derived_item *cb, void *ctx,
		    struct err *e);
/* Does the record say that it was made from something? */
bool derived_is(const struct record *r);

#endif
