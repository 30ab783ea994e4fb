/* SPDX-License-Identifier: Apache-2.0 */
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/seal.h"
#include "index/db_internal.h"

struct db_cursor {
	struct db_txn *t;
	MDB_cursor *cur;
	enum key_table table;
	struct key prefix;
	struct key last; /* the key it is at; before the first step, where it begins */
	bool started, done;
};

size_t db_value_ad(uint8_t ad[DB_AD_MAX], const struct db *db, enum key_table table,
		   const uint8_t *k, size_t klen)
{
	ad[0] = (uint8_t)table;
	memcpy(ad + 1, db->generation, 16);
	memcpy(ad + 17, k, klen);
	return 17 + klen;
}

int db_unseal(struct db *db, enum key_table table, const uint8_t *k, size_t klen,
	      const struct db_raw *raw, struct wire_out *out, struct err *e)
{
	const size_t start = out->n;
	uint8_t ad[DB_AD_MAX], *to;
	size_t ad_len;

	if (raw->n < SEAL_OVERHEAD || raw->n > DB_VALUE_MAX + SEAL_OVERHEAD)
		return db_damaged(db, e, "table %s, a value of %zu bytes", key_table_name(table),
				  raw->n);
	to = wire_out_room(out, raw->n - SEAL_OVERHEAD);
	if (!to)
		return err_set(e, ERR_NOMEM, "index: out of memory");
	ad_len = db_value_ad(ad, db, table, k, klen);
	if (seal_open(to, db->keys->value, ad, ad_len, raw->p, raw->n)) {
		out->n = start;
		return db_damaged(db, e, "table %s, a value is not what was sealed",
				  key_table_name(table));
	}
	return 0;
}

/* What lies under a key: 0, ERR_NOTFOUND, or worse. */
static int look_up(struct db_txn *t, enum key_table table, const struct key *k, struct db_raw *raw,
		   struct err *e)
{
	MDB_val key = {.mv_size = k->n, .mv_data = (void *)(uintptr_t)k->b}, v;
	int mrc;

	if (k->n == 0 || k->n > KEY_MAX || (unsigned)table >= KEY_TABLES)
		return err_set(e, ERR_USAGE, "index: no such key can be");
	mrc = mdb_get(t->txn, t->db->dbi[table], &key, &v);
	if (mrc == MDB_NOTFOUND)
		return err_set(e, ERR_NOTFOUND, "not in the index");
	if (mrc)
		return db_fail(t->db, mrc, "reading", e);
	*raw = (struct db_raw){.p = v.mv_data, .n = v.mv_size};
	return 0;
}

int db_get(struct db_txn *t, enum key_table table, struct key k, struct wire_out *out,
	   struct err *e)
{
	struct db_raw raw;
	int rc = look_up(t, table, &k, &raw, e);

	return rc ? rc : db_unseal(t->db, table, k.b, k.n, &raw, out, e);
}

int db_count(struct db_txn *t, enum key_table table, uint64_t *n, struct err *e)
{
	MDB_stat st;
	int mrc = mdb_stat(t->txn, t->db->dbi[table], &st);

	*n = mrc ? 0 : st.ms_entries;
	return mrc ? db_fail(t->db, mrc, "counting", e) : 0;
}

int db_cursor(struct db_cursor **out, struct db_txn *t, enum key_table table, struct key prefix,
	      struct key from, struct err *e)
{
	struct db_cursor *c;
	int mrc;

	*out = NULL;
	if (prefix.n > KEY_MAX || from.n > KEY_MAX - prefix.n || (unsigned)table >= KEY_TABLES)
		return err_set(e, ERR_USAGE, "index: no such key can be");
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(e, ERR_NOMEM, "index: out of memory");
	*c = (struct db_cursor){.t = t, .table = table, .prefix = prefix, .last = prefix};
	memcpy(c->last.b + prefix.n, from.b, from.n);
	c->last.n += from.n;
	mrc = mdb_cursor_open(t->txn, t->db->dbi[table], &c->cur);
	if (mrc) {
		free(c);
		return db_fail(t->db, mrc, "opening a cursor", e);
	}
	*out = c;
	return 0;
}

void db_cursor_close(struct db_cursor *c)
{
	if (!c)
		return;
	mdb_cursor_close(c->cur);
	free(c);
}

static int compare(const MDB_val *a, const struct key *b)
{
	size_t n = a->mv_size < b->n ? a->mv_size : b->n;
	int d = n ? memcmp(a->mv_data, b->b, n) : 0;

	return d ? d : (a->mv_size > b->n) - (a->mv_size < b->n);
}

int db_step(struct db_cursor *c, const uint8_t **k, size_t *klen, struct db_raw *raw, struct err *e)
{
	MDB_val key = {.mv_size = c->last.n, .mv_data = c->last.b}, v;
	MDB_cursor_op op = c->started ? MDB_NEXT : c->last.n ? MDB_SET_RANGE : MDB_FIRST;
	int mrc = c->done ? MDB_NOTFOUND : mdb_cursor_get(c->cur, &key, &v, op);

	if (mrc && mrc != MDB_NOTFOUND) {
		c->done = true;
		return db_fail(c->t->db, mrc, "walking", e);
	}
	if (mrc == 0 && (key.mv_size == 0 || key.mv_size > KEY_MAX ||
			 compare(&key, &c->last) < (c->started ? 1 : 0))) {
		c->done = true;
		return db_damaged(c->t->db, e, "table %s is out of order",
				  key_table_name(c->table));
	}
	if (mrc || key.mv_size < c->prefix.n ||
	    memcmp(key.mv_data, c->prefix.b, c->prefix.n) != 0) {
		c->done = true;
		return err_set(e, ERR_NOTFOUND, "nothing more in the index");
	}
	c->started = true;
	memcpy(c->last.b, key.mv_data, key.mv_size);
	c->last.n = key.mv_size;
	*k = c->last.b;
	*klen = c->last.n;
	*raw = (struct db_raw){.p = v.mv_data, .n = v.mv_size};
	return 0;
}

int db_next(struct db_cursor *c, const uint8_t **k, size_t *klen, struct wire_out *value,
	    struct err *e)
{
	struct db_raw raw;
	int rc = db_step(c, k, klen, &raw, e);

	if (rc || !value)
		return rc;
	wire_out_reset(value);
	return db_unseal(c->t->db, c->table, *k, *klen, &raw, value, e);
}
