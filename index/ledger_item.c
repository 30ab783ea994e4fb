/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ledger knows of single items: which lines speak of them, and which can't be read yet.
 */
#include "index/ledger.h"

#include "index/ledger_internal.h"
#include "index/object.h"

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

static bool pending_decode(const struct wire_out *value, uint32_t *journal, uint64_t *seq)
{
	struct wire_in in = wire_in_init(value->p, value->n);

	*journal = wire_in_u32(&in);
	*seq = wire_in_u64(&in);
	return wire_in_end(&in);
}

/* The ingest event that the item stands for. */
static int item_event(struct db_txn *t, const uint8_t item[16], const struct event_walk *w)
{
	struct object o;
	int rc = object_get_item(t, item, &o, NULL, w->e);

	if (rc == ERR_NOTFOUND)
		return 0;
	return rc ? rc : w->cb(w->ctx, o.journal, o.seq);
}

/* The one that its entry among the pending ones stands for. */
static int pending_event(struct db_txn *t, const uint8_t item[16], const struct event_walk *w)
{
	struct wire_out value = {0};
	uint32_t journal = 0;
	uint64_t seq = 0;
	int rc = db_get(t, KEY_PENDING, key_id(item), &value, w->e);

	if (rc == 0 && !pending_decode(&value, &journal, &seq))
		rc = ledger_damaged(w->e, "a pending item");
	wire_out_free(&value);
	if (rc == ERR_NOTFOUND)
		return 0;
	return rc ? rc : w->cb(w->ctx, journal, seq);
}

int ledger_events(struct db_txn *t, const uint8_t item[16],
		  int (*cb)(void *ctx, uint32_t journal, uint64_t seq), void *ctx, struct err *e)
{
	struct event_walk w = {cb, ctx, e};
	int rc = item_event(t, item, &w);

	if (rc == 0)
		rc = pending_event(t, item, &w);
	return rc ? rc : ledger_walk(t, KEY_EVENT, key_id(item), walk_event, &w, e);
}

/* ---- pending items ---- */

int ledger_put_pending(struct db_batch *b, const uint8_t item[16], uint32_t journal, uint64_t seq)
{
	struct wire_out value = {0};

	wire_out_u32(&value, journal);
	wire_out_u64(&value, seq);
	return ledger_put(b, KEY_PENDING, key_id(item), &value);
}

int ledger_del_pending(struct db_batch *b, const uint8_t item[16])
{
	return db_batch_del(b, KEY_PENDING, key_id(item));
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

	if (klen != 16 || !pending_decode(value, &journal, &seq))
		return ledger_damaged(w->e, "a pending item");
	return w->cb(w->ctx, k, journal, seq);
}

int ledger_pending(struct db_txn *t,
		   int (*cb)(void *ctx, const uint8_t item[16], uint32_t journal, uint64_t seq),
		   void *ctx, struct err *e)
{
	struct pending_walk w = {cb, ctx, e};

	return ledger_walk(t, KEY_PENDING, (struct key){.n = 0}, walk_pending, &w, e);
}
