/* SPDX-License-Identifier: Apache-2.0 */
/* db_read: gets and cursors against a naive model, and values that were changed behind our back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/db.h"
#include "index/db_internal.h"
#include "tests/lib/place.h"

static void reopen(struct place *p, uint64_t map_size)
{
	place_close(p);
	place_open(p, map_size);
}

#define GROUPS 20
#define MEMBERS 50
#define KEYS (GROUPS * MEMBERS)

struct model {
	bool there;
	uint32_t seed; /* of the value */
	size_t n;
};

static struct key model_key(unsigned i)
{
	return key_name(i / MEMBERS * 1000, i % MEMBERS * 77);
}

static void check_value(const struct wire_out *v, const struct model *m)
{
	static uint8_t want[20000];

	assert_int_equal(v->n, m->n);
	fixture_fill(want, m->n, m->seed);
	if (m->n)
		assert_memory_equal(v->p, want, m->n);
}

/* Walk from key `at` on, within the group of that key if `group`. */
static void check_walk(struct db_txn *t, const struct model *m, unsigned at, bool group)
{
	const struct key k = model_key(at);
	struct key prefix = {.n = group ? 8 : 0}, from = {.n = k.n - prefix.n};
	const unsigned end = group ? (at / MEMBERS + 1) * MEMBERS : KEYS;
	struct wire_out v = {0};
	struct db_cursor *c;
	const uint8_t *got;
	size_t n;

	memcpy(prefix.b, k.b, prefix.n);
	memcpy(from.b, k.b + prefix.n, from.n);
	assert_int_equal(db_cursor(&c, t, KEY_NAME, prefix, from, NULL), 0);
	for (unsigned i = at; i < end; i++) {
		if (!m[i].there)
			continue;
		assert_int_equal(db_next(c, &got, &n, i % 3 ? &v : NULL, NULL), 0);
		assert_int_equal(n, 16);
		assert_memory_equal(got, model_key(i).b, n);
		if (i % 3)
			check_value(&v, &m[i]);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(db_next(c, &got, &n, &v, NULL), ERR_NOTFOUND);
	db_cursor_close(c);
	db_cursor_close(NULL);
	wire_out_free(&v);
}

static void check_model(struct place *p, const struct model *m)
{
	struct db_txn *t = place_begin(p);
	struct wire_out v = {0};
	uint64_t n, want = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		int rc;

		wire_out_reset(&v);
		rc = db_get(t, KEY_NAME, model_key(i), &v, NULL);
		assert_int_equal(rc, m[i].there ? 0 : ERR_NOTFOUND);
		if (rc == 0)
			check_value(&v, &m[i]);
		want += m[i].there;
	}
	assert_int_equal(db_count(t, KEY_NAME, &n, NULL), 0);
	assert_int_equal(n, want);
	check_walk(t, m, 0, false);
	for (unsigned i = 0; i < KEYS; i += 37) {
		check_walk(t, m, i, false);
		check_walk(t, m, i, true);
	}
	wire_out_free(&v);
	db_abort(t);
}

static void change(struct db_batch *b, struct model *m, uint32_t seed)
{
	static uint8_t value[20000];
	uint32_t rnd[3];
	struct model *x;

	fixture_fill(rnd, sizeof(rnd), seed);
	x = &m[rnd[0] % KEYS];
	x->there = rnd[1] % 4 != 0;
	x->seed = seed;
	x->n = rnd[1] % 16 == 1 ? rnd[2] % sizeof(value) : rnd[2] % 400;
	fixture_fill(value, x->n, seed);
	if (x->there)
		assert_int_equal(db_batch_put(b, KEY_NAME, model_key(rnd[0] % KEYS), value, x->n),
				 0);
	else
		assert_int_equal(db_batch_del(b, KEY_NAME, model_key(rnd[0] % KEYS)), 0);
}

/* Small maps, so that many batches have to grow it. */
static void test_model(void **state)
{
	struct model *m = calloc(KEYS, sizeof(*m));
	struct place *p = *state;
	struct db_batch *b;

	reopen(p, 1 << 16);
	check_model(p, m);
	b = place_batch(p);
	for (uint32_t round = 0; round < 12; round++) {
		for (uint32_t i = 0; i < (round % 2 ? 30u : 900u); i++)
			change(b, m, round * 10000 + i);
		assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
		check_model(p, m);
		if (round % 4 == 3) {
			db_batch_free(b);
			reopen(p, 1 << 16);
			b = place_batch(p);
			check_model(p, m);
		}
	}
	db_batch_free(b);
	free(m);
}

/* A value of many pages, and one that is too big. */
static void test_large(void **state)
{
	const size_t n = DB_VALUE_MAX;
	struct place *p = *state;
	struct wire_out out = {0};
	uint8_t *bytes = malloc(n + 1);
	struct db_batch *b;
	struct db_txn *t;

	reopen(p, 1 << 16);
	b = place_batch(p);
	fixture_fill(bytes, n, 3);
	assert_int_equal(db_batch_put(b, KEY_TILE, key_tile(1, 2, 3), bytes, n), 0);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	assert_int_equal(db_batch_put(b, KEY_TILE, key_tile(1, 2, 4), bytes, n + 1), ERR_USAGE);
	t = place_begin(p);
	assert_int_equal(db_get(t, KEY_TILE, key_tile(1, 2, 3), &out, NULL), 0);
	assert_int_equal(out.n, n);
	assert_memory_equal(out.p, bytes, n);
	db_abort(t);
	wire_out_free(&out);
	db_batch_free(b);
	free(bytes);
}

/* ---- values, changed through LMDB itself ----------------------------------------------------- */

struct raw {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi[KEY_TABLES];
};

static struct raw raw_open(const struct place *p)
{
	struct raw r;

	assert_int_equal(mdb_env_create(&r.env), 0);
	assert_int_equal(mdb_env_set_maxdbs(r.env, KEY_TABLES), 0);
	assert_int_equal(mdb_env_set_mapsize(r.env, 64 << 20), 0);
	assert_int_equal(mdb_env_open(r.env, p->index, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(r.env, NULL, 0, &r.txn), 0);
	for (unsigned i = 0; i < KEY_TABLES; i++)
		assert_int_equal(mdb_dbi_open(r.txn, key_table_name(i), 0, &r.dbi[i]), 0);
	return r;
}

static void raw_close(struct raw *r)
{
	assert_int_equal(mdb_txn_commit(r->txn), 0);
	mdb_env_close(r->env);
}

/* The sealed value, in malloc'ed memory. */
static uint8_t *raw_get(struct raw *r, enum key_table table, struct key k, size_t *n)
{
	MDB_val key = {k.n, k.b}, v;
	uint8_t *copy;

	assert_int_equal(mdb_get(r->txn, r->dbi[table], &key, &v), 0);
	copy = malloc(v.mv_size + 1);
	memcpy(copy, v.mv_data, v.mv_size);
	*n = v.mv_size;
	return copy;
}

static void raw_put(struct raw *r, enum key_table table, struct key k, void *p, size_t n)
{
	MDB_val key = {k.n, k.b}, v = {n, p};

	assert_int_equal(mdb_put(r->txn, r->dbi[table], &key, &v, 0), 0);
}

#define ITEMS 50u

static struct key item_key(uint32_t i)
{
	uint8_t id[16];

	fixture_fill(id, sizeof(id), i);
	return key_event(id, 1, i);
}

/* A new index of a few items, closed. Item i is of 10 * i bytes. */
static void fresh(struct place *p)
{
	uint8_t value[10 * ITEMS];
	struct db_batch *b;

	assert_int_equal(db_destroy(p->index, NULL), 0);
	place_open(p, 0);
	b = place_batch(p);
	for (uint32_t i = 0; i < ITEMS; i++) {
		fixture_fill(value, 10 * i, i);
		assert_int_equal(db_batch_put(b, KEY_EVENT, item_key(i), value, 10 * i), 0);
		assert_int_equal(db_batch_put(b, KEY_OBJECT, key_ino(i), value, 10 * i), 0);
	}
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
	place_close(p);
}

/* Reading this key is ERR_INDEX, by get and by cursor, and the index is refused from then on. */
static void damaged(struct place *p, enum key_table table, struct key k)
{
	const struct key none = {.n = 0};
	struct wire_out v = {0};
	struct db_cursor *c;
	struct db_txn *t;
	struct db *db;
	const uint8_t *got;
	struct err e = {0};
	int shared = place_share(p);
	size_t n;

	assert_int_equal(place_try(p, false, &db, NULL), 0);
	assert_int_equal(db_begin(&t, db, false, NULL), 0);
	wire_out_text(&v, "abc");
	assert_int_equal(db_get(t, table, k, &v, &e), ERR_INDEX);
	assert_int_equal(e.code, ERR_INDEX);
	assert_int_equal(v.n, 3);
	assert_int_equal(db_cursor(&c, t, table, k, none, NULL), 0);
	assert_int_equal(db_next(c, &got, &n, &v, NULL), ERR_INDEX);
	db_cursor_close(c);
	/* The others are as good as ever. */
	wire_out_reset(&v);
	assert_int_equal(db_get(t, KEY_EVENT, item_key(1), &v, NULL), 0);
	db_abort(t);
	db_close(db);
	close(shared);
	assert_int_equal(place_try(p, true, &db, NULL), ERR_INDEX);
	wire_out_free(&v);
	fresh(p);
}

static void test_moved(void **state)
{
	struct place *p = *state;
	struct raw r;
	uint8_t *v;
	size_t n;

	fresh(p);
	r = raw_open(p);
	/* To another key of the table; to a new key; to the same key of another table. */
	v = raw_get(&r, KEY_EVENT, item_key(5), &n);
	raw_put(&r, KEY_EVENT, item_key(6), v, n);
	raw_close(&r);
	damaged(p, KEY_EVENT, item_key(6));
	r = raw_open(p);
	raw_put(&r, KEY_EVENT, item_key(ITEMS + 1), v, n);
	raw_close(&r);
	damaged(p, KEY_EVENT, item_key(ITEMS + 1));
	free(v);
	r = raw_open(p);
	v = raw_get(&r, KEY_OBJECT, key_ino(8), &n);
	raw_put(&r, KEY_SEGMENT, key_ino(8), v, n);
	raw_close(&r);
	damaged(p, KEY_SEGMENT, key_ino(8));
	free(v);
}

static void test_flipped(void **state)
{
	struct place *p = *state;
	struct raw r;
	uint8_t *v;
	size_t n;

	fresh(p);
	/* Item 6 is of 60 bytes: its nonce, its text, its tag. */
	for (size_t i = 0; i < 60 + 40; i += 12) {
		r = raw_open(p);
		v = raw_get(&r, KEY_EVENT, item_key(6), &n);
		assert_int_equal(n, 60 + 40);
		v[i] ^= (uint8_t)(1 << i % 8);
		raw_put(&r, KEY_EVENT, item_key(6), v, n);
		raw_close(&r);
		free(v);
		damaged(p, KEY_EVENT, item_key(6));
	}
	for (size_t cut = 0; cut < 60 + 40; cut += 16) {
		r = raw_open(p);
		v = raw_get(&r, KEY_EVENT, item_key(6), &n);
		raw_put(&r, KEY_EVENT, item_key(6), v, cut);
		raw_close(&r);
		free(v);
		damaged(p, KEY_EVENT, item_key(6));
	}
}

/* Nothing of what was put can be read in the file. */
static void test_sealed(void **state)
{
	static const char plate[] = "PLATE 6ABC123 OTAY MESA LANE 4";
	struct place *p = *state;
	struct db_batch *b;
	char *data;
	size_t n;

	place_open(p, 0);
	b = place_batch(p);
	for (uint64_t i = 0; i < 200; i++)
		db_batch_put(b, KEY_NAME, key_name(1, i), plate, sizeof(plate));
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
	place_close(p);
	data = fixture_read(place_file(p, "data.mdb"), &n);
	assert_null(memmem(data, n, plate, sizeof(plate) - 1));
	assert_null(memmem(data, n, "6ABC123", 7));
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST_OPEN(test_model), PLACE_TEST_OPEN(test_large), PLACE_TEST(test_moved),
		PLACE_TEST(test_flipped),    PLACE_TEST(test_sealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
