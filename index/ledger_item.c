/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ledger knows of single items: which lines speak of them, and which can't be read yet.
 */
#include "index/ledger.h"

#include "index/ledger_internal.h"
#include "index/object_claim.h"

static const struct key start = {.n = 0};

/* ---- events ---- */

int ledger_put_event(struct db_batch *b, const uint8_t item[16], uint32_t journal, uint64_t seq)
{
	return db_batch_put(b, KEY_EVENT, key_event(item, journal, seq), NULL, 0);
}

struct event_walk {
	int (*cb)(void *ctx, uint32_t journal, uint64_t seq);
	void *ctx;
	struct err *e;
};

static int walk_event(void *ctx, const uint8_t *k, size_t klen, const struct wire_out *value)
{
	struct event_walk *w = ctx;
	uint32_t journal;
	uint64_t seq;

	(void)value; /* empty, but authenticated: it proves the key */
	if (key_event_parse(k, klen, &journal, &seq))
		return ledger_damaged(w->e, "an event's key");
	return w->cb(w->ctx, journal, seq);
}

/* The ingest event that an item stands for. */
static int item_event(void *ctx, const struct object *o)
{
	const struct event_walk *w = ctx;

	return w->cb(w->ctx, o->journal, o->seq);
}

int ledger_events(struct db_txn *t, const uint8_t item[16],
		  int (*cb)(void *ctx, uint32_t journal, uint64_t seq), void *ctx, struct err *e)
{
	struct event_walk w = {cb, ctx, e};
	int rc = object_claim_each(t, item, item_event, &w, e);

	/* An entry among the pending ones stands for the ingest event too. */
	if (rc == 0)
		rc = ledger_walk(t, KEY_PENDING, key_id(item), start, walk_event, &w, e);
	return rc ? rc : ledger_walk(t, KEY_EVENT, key_id(item), start, walk_event, &w, e);
}

/* ---- pending items ---- */

int ledger_put_pending(struct db_batch *b, const uint8_t item[16], uint32_t journal, uint64_t seq)
{
	return db_batch_put(b, KEY_PENDING, key_event(item, journal, seq), NULL, 0);
}

int ledger_del_pending(struct db_batch *b, const uint8_t item[16], uint32_t journal, uint64_t seq)
{
	return db_batch_del(b, KEY_PENDING, key_event(item, journal, seq));
}

struct pending_walk {
	int (*cb)(void *ctx, const uint8_t item[16], uint32_t journal, uint64_t seq);
	void *ctx;
	struct err *e;
};

static int walk_pending(void *ctx, const uint8_t *k, size_t klen, const struct wire_out *value)
{
	struct pending_walk *w = ctx;
	uint32_t journal;
	uint64_t seq;

	(void)value;
	if (key_event_parse(k, klen, &journal, &seq))
		return ledger_damaged(w->e, "a pending item's key");
	return w->cb(w->ctx, k, journal, seq);
}

int ledger_pending(struct db_txn *t, const struct ledger_place *from,
		   int (*cb)(void *ctx, const uint8_t item[16], uint32_t journal, uint64_t seq),
		   void *ctx, struct err *e)
{
	struct pending_walk w = {cb, ctx, e};
	struct key k = from ? key_event(from->item, from->journal, from->seq) : start;

	return ledger_walk(t, KEY_PENDING, start, k, walk_pending, &w, e);
}
