/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_check and what stands behind it: an index whose file was tampered with, or simply broken, must
 * never crash who opens it, nor keep it waiting, nor give it wrong data.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/db.h"
#include "index/db_internal.h"
#include "tests/lib/place.h"

#define PAGE 4096u
#define ITEMS 3000u

struct broken {
	struct place *p;
	/* A good index's files. */
	char *data, *header, *closed;
	size_t data_n, header_n, closed_n;
};

/* Item i: an id that looks random, a value of some length. */
static struct key item_key(uint32_t i)
{
	uint8_t id[16];

	fixture_fill(id, sizeof(id), i);
	return key_event(id, 1, i);
}

static size_t item_value(uint32_t i, uint8_t value[3000])
{
	size_t n = i % 50 == 49 ? 3000 : i * 7919 % 300;

	fixture_fill(value, n, i + 1000000);
	return n;
}

static void fill(struct db *db)
{
	uint8_t value[3000];
	struct db_batch *b;

	assert_int_equal(db_batch_new(&b, db, NULL), 0);
	/* Several applies, so that there are free pages too. */
	for (uint32_t i = 0; i < ITEMS; i++) {
		size_t n = item_value(i, value);

		assert_int_equal(db_batch_put(b, KEY_EVENT, item_key(i), value, n), 0);
		if (i % 4 == 0)
			assert_int_equal(db_batch_put(b, KEY_OBJECT, key_ino(i), value, n), 0);
		if (i % 750 == 749)
			assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	}
	/* LMDB keeps the state before the last commit, and may fall back on it: let it be as good. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(db_batch_put(b, KEY_META, key_u8(99), &i, sizeof(i)), 0);
		assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	}
	db_batch_free(b);
}

static int set_up(void **state)
{
	struct broken *x = calloc(1, sizeof(*x));

	if (!x || place_set_up_open((void **)&x->p))
		return -1;
	fill(x->p->db);
	place_close(x->p);
	x->data = fixture_read(place_file(x->p, "data.mdb"), &x->data_n);
	x->header = fixture_read(place_file(x->p, "header"), &x->header_n);
	x->closed = fixture_read(place_file(x->p, "closed"), &x->closed_n);
	*state = x;
	return x->data_n > 100 * PAGE ? 0 : -1;
}

static int tear_down(void **state)
{
	struct broken *x = *state;

	place_tear_down((void **)&x->p);
	free(x->data);
	free(x->header);
	free(x->closed);
	free(x);
	return 0;
}

/* Put the good files back, but with this data.mdb; closed cleanly or not. */
static void restore(const struct broken *x, const char *data, size_t n, bool clean)
{
	fixture_write(place_file(x->p, "header"), x->header, x->header_n);
	fixture_write(place_file(x->p, "data.mdb"), data, n);
	fixture_write(place_file(x->p, "closed"), x->closed, x->closed_n);
	if (clean)
		unlink(place_file(x->p, "in-use"));
	else
		fixture_write(place_file(x->p, "in-use"), "", 0);
}

/* Is everything there as it was written? 0, a code, or -1000 for wrong data. */
static int read_all(struct db *db)
{
	struct wire_out v = {0};
	uint8_t want[3000];
	struct db_txn *t;
	int rc;

	rc = db_begin(&t, db, false, NULL);
	for (uint32_t i = 0; rc == 0 && i < ITEMS; i++) {
		size_t n = item_value(i, want);

		for (int table = 0; table < (i % 4 ? 1 : 2) && rc == 0; table++) {
			wire_out_reset(&v);
			rc = table ? db_get(t, KEY_OBJECT, key_ino(i), &v, NULL) :
				     db_get(t, KEY_EVENT, item_key(i), &v, NULL);
			if (rc == 0 && (v.n != n || (n && memcmp(v.p, want, n) != 0)))
				rc = -1000;
		}
	}
	wire_out_free(&v);
	if (t)
		db_abort(t);
	return rc;
}

/* Change and change back, so that free pages are used up and made. */
static int write_some(struct db *db)
{
	uint8_t value[3000];
	struct db_batch *b;
	int rc = db_batch_new(&b, db, NULL);

	for (uint32_t i = 0; rc == 0 && i < 300; i++) {
		size_t n = item_value(i * 10, value);

		rc = db_batch_put(b, KEY_EVENT, item_key(i * 10), value, i % 2 ? n : n / 2);
		if (rc == 0 && i % 30 == 29)
			rc = db_batch_apply(b, NULL, NULL, NULL);
	}
	for (uint32_t i = 0; rc == 0 && i < 300; i += 2)
		rc = db_batch_put(b, KEY_EVENT, item_key(i * 10), value, item_value(i * 10, value));
	if (rc == 0)
		rc = db_batch_apply(b, NULL, NULL, NULL);
	db_batch_free(b);
	return rc;
}

enum outcome { OPENED_GOOD, OPENED_INDEX, OPENED_LESS, OPENED_WRONG, REFUSED, OTHER, CRASHED };

enum how { OPEN, READ, WRITE };

/* Open, and read, and write, in a process of its own, which must come back in time. */
static enum outcome try(const struct broken *x, enum how how)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct secret_pool *pool;
		struct db *db;
		int rc;

		alarm(30);
		if (secret_pool_new(&pool, 4096, NULL))
			_exit(OTHER);
		rc = db_open(&db, x->p->index, false, pool, place_key, place_archive, NULL);
		if (rc)
			_exit(rc == ERR_INDEX ? REFUSED : OTHER);
		if (how == OPEN)
			_exit(OPENED_GOOD);
		rc = read_all(db);
		if (rc == 0 && how == WRITE)
			rc = write_some(db);
		if (rc == 0)
			rc = read_all(db);
		_exit(rc == 0		 ? OPENED_GOOD :
		      rc == ERR_INDEX	 ? OPENED_INDEX :
		      rc == ERR_NOTFOUND ? OPENED_LESS :
		      rc == -1000	 ? OPENED_WRONG :
					   OTHER);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? (enum outcome)WEXITSTATUS(status) : CRASHED;
}

static uint32_t rnd(uint32_t seed, uint32_t below)
{
	uint32_t v;

	fixture_fill(&v, sizeof(v), seed);
	return v % below;
}

static void test_good(void **state)
{
	struct broken *x = *state;

	assert_int_equal(try(x, WRITE), OPENED_GOOD);
	/* try() leaves as a crash does. */
	assert_int_equal(access(place_file(x->p, "in-use"), F_OK), 0);
	assert_int_equal(try(x, WRITE), OPENED_GOOD);
	restore(x, x->data, x->data_n, true);
	assert_int_equal(try(x, WRITE), OPENED_GOOD);
}

static void test_truncated(void **state)
{
	struct broken *x = *state;

	for (uint32_t i = 0; i < 40; i++) {
		size_t n = i < 4 ? i * PAGE : rnd(i, (uint32_t)x->data_n / PAGE) * PAGE;

		if (i % 4 == 3 && n > 0)
			n -= 1 + rnd(i, PAGE - 1);
		restore(x, x->data, n, i % 2 == 0);
		assert_int_equal(try(x, OPEN), REFUSED);
		/* And it stays refused, even when the file is whole again. */
		fixture_write(place_file(x->p, "data.mdb"), x->data, x->data_n);
		assert_int_equal(try(x, OPEN), REFUSED);
	}
	restore(x, x->data, x->data_n, true);
	assert_int_equal(unlink(place_file(x->p, "data.mdb")), 0);
	assert_int_equal(try(x, OPEN), REFUSED);
	/* Grown is not damaged: LMDB itself leaves such files. */
	x->data = realloc(x->data, x->data_n + 5 * PAGE);
	memset(x->data + x->data_n, 0xee, 5 * PAGE);
	restore(x, x->data, x->data_n + 5 * PAGE, false);
	assert_int_equal(try(x, WRITE), OPENED_GOOD);
}

static void test_noise(void **state)
{
	struct broken *x = *state;
	char *noise = malloc(x->data_n);

	for (uint32_t i = 0; i < 6; i++) {
		if (i < 5)
			fixture_fill(noise, x->data_n, i);
		else
			memset(noise, 0, x->data_n);
		restore(x, noise, x->data_n, i % 2 == 0);
		assert_int_equal(try(x, OPEN), REFUSED);
	}
	/* Noise behind good first pages. */
	memcpy(noise, x->data, 2 * PAGE);
	for (int clean = 0; clean < 2; clean++) {
		restore(x, noise, x->data_n, clean);
		assert_int_equal(try(x, OPEN), REFUSED);
	}
	free(noise);
}

/* Mutate whole pages or single bytes; a deep look follows, as after a crash: then what opened must
 * be right, or say that it is not. */
static void test_mutated(void **state)
{
	struct broken *x = *state;
	const uint32_t pages = (uint32_t)x->data_n / PAGE;
	unsigned count[CRASHED + 1] = {0};
	char *data = malloc(x->data_n);

	for (uint32_t i = 0; i < 240; i++) {
		char *a = data + (size_t)rnd(i + 1000, pages) * PAGE;
		char *b = data + (size_t)rnd(i + 2000, pages) * PAGE;
		const bool whole = i % 6 < 4;
		enum outcome o;
		char save[PAGE];
		int shared;

		memcpy(data, x->data, x->data_n);
		memcpy(save, a, PAGE);
		switch (i % 6) {
		case 0: /* swap two pages */
		case 1:
			memcpy(a, b, PAGE);
			memcpy(b, save, PAGE);
			break;
		case 2: /* copy one over another */
			memcpy(a, b, PAGE);
			break;
		case 3:
			memset(a, 0, PAGE);
			break;
		case 4: /* a byte of the page's head or pointers */
			a[rnd(i + 3000, 64)] ^= (char)(1 << rnd(i + 4000, 8));
			break;
		default:
			a[rnd(i + 3000, PAGE)] ^= (char)(1 << rnd(i + 4000, 8));
		}
		restore(x, data, x->data_n, false);
		/* A page whose head is damaged may read well; LMDB may crash when it writes
		 * there, and no look of ours would tell. */
		o = try(x, i % 6 == 4 ? READ : WRITE);
		count[o]++;
		if (o == OPENED_WRONG || o == OTHER || o == CRASHED ||
		    (whole && o != REFUSED && o != OPENED_GOOD))
			fail_msg("mutation %u: outcome %d", i, (int)o);
		/* The same, closed cleanly: it's not the file that was closed. */
		restore(x, data, x->data_n, true);
		o = try(x, OPEN);
		if (o != (memcmp(data, x->data, x->data_n) ? REFUSED : OPENED_GOOD))
			fail_msg("mutation %u, clean: outcome %d", i, (int)o);
		/* And where others have it open, which are not asked: a short look, which must come
		 * back. */
		restore(x, data, x->data_n, true);
		shared = place_share(x->p);
		o = try(x, OPEN);
		close(shared);
		if (o != OPENED_GOOD && o != REFUSED)
			fail_msg("mutation %u, shared: outcome %d", i, (int)o);
	}
	print_message("good %u, damage found by reading %u, keys missing %u, refused %u\n",
		      count[OPENED_GOOD], count[OPENED_INDEX], count[OPENED_LESS], count[REFUSED]);
	assert_true(count[REFUSED] > 100);
	free(data);
}

/* What says how the file was when it was closed. */
static void test_sum(void **state)
{
	struct broken *x = *state;
	char *data = malloc(x->data_n);

	/* Any bit, also of pages that nothing leads to. */
	for (uint32_t i = 0; i < 40; i++) {
		memcpy(data, x->data, x->data_n);
		data[rnd(i + 5000, (uint32_t)x->data_n)] ^= (char)(1 << i % 8);
		restore(x, data, x->data_n, true);
		assert_int_equal(try(x, OPEN), REFUSED);
	}
	free(data);
	/* It is another: or of another file. */
	restore(x, x->data, x->data_n, true);
	x->closed[5] ^= 1;
	fixture_write(place_file(x->p, "closed"), x->closed, x->closed_n);
	assert_int_equal(try(x, OPEN), REFUSED);
	x->closed[5] ^= 1;
	/* It is not there, or cut short, as power cuts leave it: more is looked at. */
	for (size_t n = 0; n < 2; n++) {
		restore(x, x->data, x->data_n, true);
		fixture_write(place_file(x->p, "closed"), x->closed, n * 20);
		assert_int_equal(try(x, WRITE), OPENED_GOOD);
	}
	restore(x, x->data, x->data_n, true);
	unlink(place_file(x->p, "closed"));
	assert_int_equal(try(x, WRITE), OPENED_GOOD);
	/* Closed again, it is there again; nothing written, and it stays as it is. */
	for (int i = 0; i < 2; i++) {
		place_open(x->p, 0);
		place_close(x->p);
		assert_true(place_has_file(x->p, "closed"));
	}
	assert_int_equal(try(x, READ), OPENED_GOOD);
}

/* ---- through LMDB itself ------------------------------------------------------------------- */

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

/* The look after a crash finds any bad value in the tables that decide most. */
static void test_deep(void **state)
{
	struct broken *x = *state;
	const struct key k = key_u8(99);
	struct db *db;
	struct raw r;
	uint8_t *v;
	size_t n;
	int shared;

	for (int clean = 1; clean >= 0; clean--) {
		r = raw_open(x->p);
		v = raw_get(&r, KEY_META, k, &n);
		v[30] ^= 1;
		raw_put(&r, KEY_META, k, v, n);
		raw_close(&r);
		free(v);
		if (!clean)
			fixture_write(place_file(x->p, "in-use"), "", 0);
		shared = clean ? place_share(x->p) : -1;
		assert_int_equal(place_try(x->p, false, &db, NULL), clean ? 0 : ERR_INDEX);
		db_close(db);
		close(shared);
		restore(x, x->data, x->data_n, true);
	}
	/* A table that is not there; a key that is too long. */
	r = raw_open(x->p);
	assert_int_equal(mdb_drop(r.txn, r.dbi[KEY_FIND], 1), 0);
	raw_close(&r);
	assert_int_equal(place_try(x->p, false, &db, NULL), ERR_INDEX);
	restore(x, x->data, x->data_n, false);
	r = raw_open(x->p);
	{
		char name[KEY_MAX + 1] = "too long";
		MDB_val key = {sizeof(name), name}, value = {3, "abc"};

		assert_int_equal(mdb_put(r.txn, r.dbi[KEY_FIND], &key, &value, 0), 0);
	}
	raw_close(&r);
	assert_int_equal(place_try(x->p, false, &db, NULL), ERR_INDEX);
	/* Nor is an index one that lost its inner header. */
	restore(x, x->data, x->data_n, true);
	r = raw_open(x->p);
	{
		struct key header = key_u8(DB_META_HEADER);
		MDB_val key = {header.n, header.b};

		assert_int_equal(mdb_del(r.txn, r.dbi[KEY_META], &key, NULL), 0);
	}
	raw_close(&r);
	shared = place_share(x->p);
	assert_int_equal(place_try(x->p, false, &db, NULL), ERR_INDEX);
	close(shared);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_good),    CASE(test_truncated), CASE(test_noise),
		CASE(test_mutated), CASE(test_sum),	  CASE(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
