/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_claim: items by their id alone. As a rule there is one. Where nodes claim the same id
 * there is one for each of them, and nothing here says whose is the true one: whoever acts on an
 * item either has it by its path, or refuses.
 *
 * Thread rule: as index/db.
 */
#ifndef CUSTODY_INDEX_OBJECT_CLAIM_H
#define CUSTODY_INDEX_OBJECT_CLAIM_H

#include "index/object.h"

/* Calls cb for each item of this id, by node id, until it returns non-zero, which is returned; 0
 * when there is none. ERR_INDEX, ERR_NOMEM. */
int object_claim_each(struct db_txn *t, const uint8_t item[16],
		      int (*cb)(void *ctx, const struct object *o), void *ctx, struct err *e);
/* The one item of this id, as object_get_item(). ERR_NOTFOUND; ERR_FORGED: there is more than one,
 * and e names their nodes. */
int object_claim_one(struct db_txn *t, const uint8_t item[16], struct object *o,
		     struct wire_out *record, struct err *e);

#endif
