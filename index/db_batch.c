/* SPDX-License-Identifier: Apache-2.0 */
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/seal.h"
#include "index/db_internal.h"

struct db_batch {
	struct db *db;
	struct pending *pending;
	int failed; /* a change could not be kept: what is here is not to be written */
};

int db_batch_new(struct db_batch **out, struct db *db, struct err *e)
{
	struct db_batch *b = calloc(1, sizeof(*b));

	*out = NULL;
	if (!b || pending_new(&b->pending)) {
		free(b);
		return err_set(e, ERR_NOMEM, "index: out of memory");
	}
	b->db = db;
	*out = b;
	return 0;
}

void db_batch_free(struct db_batch *b)
{
	if (!b)
		return;
	pending_free(b->pending);
	free(b);
}

static bool key_ok(enum key_table table, const struct key *k)
{
	if ((unsigned)table >= KEY_TABLES || k->n == 0 || k->n > KEY_MAX)
		return false;
	return table != KEY_META || k->n != 1 || k->b[0] != DB_META_HEADER;
}

int db_batch_put(struct db_batch *b, enum key_table table, struct key k, const void *v, size_t n)
{
	int rc;

	if (!key_ok(table, &k) || n > DB_VALUE_MAX)
		rc = ERR_USAGE;
	else
		rc = pending_put(b->pending, table, k, v, n);
	if (rc)
		b->failed = rc;
	return rc;
}

int db_batch_del(struct db_batch *b, enum key_table table, struct key k)
{
	int rc = key_ok(table, &k) ? pending_del(b->pending, table, k) : ERR_USAGE;

	if (rc)
		b->failed = rc;
	return rc;
}

int db_batch_get(struct db_batch *b, struct db_txn *t, enum key_table table, struct key k,
		 struct wire_out *out, struct err *e)
{
	const struct pending_op *op = k.n <= KEY_MAX ? pending_find(b->pending, table, k) : NULL;

	if (!op)
		return db_get(t, table, k, out, e);
	if (op->del)
		return err_set(e, ERR_NOTFOUND, "not in the index");
	wire_out_bytes(out, op->value, op->n);
	return wire_out_ok(out) ? 0 : err_set(e, ERR_NOMEM, "index: out of memory");
}

/* Where writing is in a table. */
struct pen {
	MDB_cursor *cur;
	int table;
	struct key last; /* the table's last key when writing came to it */
	bool append;	 /* what comes now is beyond it */
	struct seal_nonces nonces;
};

static int pen_to_table(struct pen *pen, struct db_txn *t, unsigned table)
{
	MDB_val last, v;
	int mrc;

	if (pen->cur)
		mdb_cursor_close(pen->cur);
	*pen = (struct pen){.table = (int)table};
	mrc = mdb_cursor_open(t->txn, t->db->dbi[table], &pen->cur);
	if (mrc) {
		pen->cur = NULL;
		return mrc;
	}
	mrc = mdb_cursor_get(pen->cur, &last, &v, MDB_LAST);
	if (mrc == MDB_NOTFOUND) {
		pen->append = true;
		return 0;
	}
	if (mrc == 0 && last.mv_size > KEY_MAX)
		return MDB_CORRUPTED;
	if (mrc == 0) {
		memcpy(pen->last.b, last.mv_data, last.mv_size);
		pen->last.n = last.mv_size;
	}
	return mrc;
}

static bool beyond(const struct pending_op *op, const struct key *last)
{
	int d = memcmp(op->key, last->b, op->klen < last->n ? op->klen : last->n);

	return d ? d > 0 : op->klen > last->n;
}

static int put_one(struct pen *pen, struct db_txn *t, const struct pending_op *op)
{
	MDB_val key = {.mv_size = op->klen, .mv_data = (void *)(uintptr_t)op->key};
	MDB_val v = {.mv_size = op->n + (size_t)SEAL_OVERHEAD};
	uint8_t ad[DB_AD_MAX];
	int mrc;

	if (op->del) {
		mrc = mdb_del(t->txn, t->db->dbi[op->table], &key, NULL);
		return mrc == MDB_NOTFOUND ? 0 : mrc;
	}
	/* Sealed right into the page. Pages filled by MDB_APPEND stay full: a third less file. */
	mrc = mdb_cursor_put(pen->cur, &key, &v, MDB_RESERVE | (pen->append ? MDB_APPEND : 0));
	if (mrc)
		return mrc;
	seal_close_next(v.mv_data, t->db->keys->value, ad,
			db_value_ad(ad, t->db, op->table, op->key, op->klen), op->value, op->n,
			&pen->nonces);
	return 0;
}

static int put_all(struct db_txn *t, const struct pending *p)
{
	struct pen pen = {.table = -1};
	int mrc = 0;

	seal_nonces_init(&pen.nonces);

	for (size_t i = 0; i < pending_count(p) && mrc == 0; i++) {
		const struct pending_op *op = pending_at(p, i);

		if (pen.table != op->table)
			mrc = pen_to_table(&pen, t, op->table);
		pen.append = pen.append || beyond(op, &pen.last);
		if (mrc == 0)
			mrc = put_one(&pen, t, op);
	}
	if (pen.cur)
		mdb_cursor_close(pen.cur);
	return mrc;
}

/* *full: the map was too small, of which *size tells; nothing was written. */
static int apply_once(struct db *db, struct pending *p, int (*guard)(void *ctx, struct db_txn *t),
		      void *ctx, size_t *full, struct err *e)
{
	struct db_txn *t;
	size_t size;
	int mrc, rc;

	*full = 0;
	rc = db_begin(&t, db, true, e);
	if (rc)
		return rc;
	rc = guard ? guard(ctx, t) : 0;
	if (rc) {
		db_abort(t);
		return rc;
	}
	size = db_map_size(db);
	mrc = put_all(t, p);
	if (mrc)
		db_abort(t);
	else
		mrc = db_end(t, true);
	if (mrc == MDB_MAP_FULL)
		*full = size;
	return mrc ? db_fail(db, mrc, "writing", e) : 0;
}

int db_apply(struct db *db, struct pending *p, int (*guard)(void *ctx, struct db_txn *t), void *ctx,
	     struct err *e)
{
	size_t full;
	int rc = pending_sort(p);

	if (rc)
		return err_set(e, rc, "index: out of memory");
	for (;;) {
		rc = apply_once(db, p, guard, ctx, &full, e);
		if (!full)
			return rc;
		rc = db_remap(db, full, e);
		if (rc)
			return rc;
	}
}

int db_batch_apply(struct db_batch *b, int (*guard)(void *ctx, struct db_txn *t), void *ctx,
		   struct err *e)
{
	int rc = b->failed;

	if (rc)
		err_set(e, rc, "index: a change could not be kept: %s", err_text(rc));
	else if (guard || pending_count(b->pending) > 0)
		rc = db_apply(b->db, b->pending, guard, ctx, e);
	pending_reset(b->pending);
	b->failed = 0;
	return rc;
}
