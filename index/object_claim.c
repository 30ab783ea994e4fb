/* SPDX-License-Identifier: Apache-2.0 */
#include "index/object_claim.h"

#include <stdlib.h>

#include "crypto/text.h"
#include "index/ledger.h"

int object_claim_each(struct db_txn *t, const uint8_t item[16],
		      int (*cb)(void *ctx, const struct object *o), void *ctx, struct err *e)
{
	struct ledger_journal *list;
	struct object o;
	size_t n;
	int rc = ledger_journals(t, &list, &n, e);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		/* Not being there is what most nodes have to say: no sentence is made of it. */
		rc = object_get_item(t, list[i].node, item, &o, NULL, NULL);
		if (rc == 0)
			rc = cb(ctx, &o);
		else if (rc == ERR_NOTFOUND)
			rc = 0;
		else
			rc = object_get_item(t, list[i].node, item, &o, NULL, e);
	}
	free(list);
	return rc;
}

struct claims {
	struct object *o; /* the first */
	unsigned n;
	char node[2][33];
};

static int note_claim(void *ctx, const struct object *o)
{
	struct claims *c = ctx;

	if (c->n == 0)
		*c->o = *o;
	text_hex(c->node[c->n++], o->node, 16);
	return c->n == 2;
}

int object_claim_one(struct db_txn *t, const uint8_t item[16], struct object *o,
		     struct wire_out *record, struct err *e)
{
	struct claims c = {.o = o};
	char hex[33];
	int rc = object_claim_each(t, item, note_claim, &c, e);

	text_hex(hex, item, 16);
	if (rc < 0)
		return rc;
	if (c.n == 0)
		return err_set(e, ERR_NOTFOUND, "there is no item %s", hex);
	if (c.n > 1)
		return err_set(e, ERR_FORGED,
			       "nodes %s and %s both claim the item id %s: one of them lies, so "
			       "name the item by its path",
			       c.node[0], c.node[1], hex);
	return record ? object_get_item(t, o->node, item, o, record, e) : 0;
}
