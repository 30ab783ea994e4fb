/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_derive: that an item was made from another: said at an ingest, and shown.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_DERIVE_H
#define CUSTODY_TOOLS_CMD_DERIVE_H

#include "fs/station.h"
#include "index/object.h"
#include "index/record.h"
#include "tools/ui_json.h"

/* Set what items of an ingest are to say of the item `name` that they are made from: a path or an id
 * for a node that opens names, an id for others. ERR_NOTFOUND, ERR_USAGE (a folder; an action or tool
 * that no record holds), ERR_ROLE (a path, on a node that opens no names), ERR_FORGED (two nodes claim
 * the id). */
int cmd_derive_set(struct record *fields, struct station *s, const char *name, const char *action,
		   const char *tool, struct err *e);
/* Print what an item was made from and what was made from it; nothing if there is neither. */
int cmd_derive_print(struct station *s, const struct object *o, const struct record *r,
		     struct err *e);
/* The same as members derived_from and derived of an object: lists. */
int cmd_derive_json(struct ui_json *j, struct station *s, const struct object *o,
		    const struct record *r, struct err *e);

#endif
