/* SPDX-License-Identifier: Apache-2.0 */
/* db: batches and what is refused; many threads, readers and writers, while the map grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/db.h"
#include "index/db_internal.h"
#include "tests/lib/place.h"

static const struct key none = {.n = 0};

static void reopen(struct place *p, uint64_t map_size)
{
	place_close(p);
	place_open(p, map_size);
}

static void put_text(struct db_batch *b, uint64_t k, const char *text)
{
	assert_int_equal(db_batch_put(b, KEY_OBJECT, key_ino(k), text, strlen(text)), 0);
}

/* text NULL: nothing there. */
static void expect(struct db_txn *t, struct db_batch *b, uint64_t k, const char *text)
{
	struct wire_out out = {0};
	int rc;

	wire_out_text(&out, "x");
	if (b)
		rc = db_batch_get(b, t, KEY_OBJECT, key_ino(k), &out, NULL);
	else
		rc = db_get(t, KEY_OBJECT, key_ino(k), &out, NULL);
	assert_int_equal(rc, text ? 0 : ERR_NOTFOUND);
	assert_int_equal(out.n, text ? strlen(text) + 1 : 1);
	if (text)
		assert_memory_equal(out.p + 1, text, strlen(text));
	wire_out_free(&out);
}

static void test_batch(void **state)
{
	struct place *p = *state;
	struct db_batch *b = place_batch(p);
	struct db_txn *t = place_begin(p);
	uint64_t n;

	put_text(b, 1, "one");
	put_text(b, 2, "two");
	put_text(b, 2, "a longer two");
	put_text(b, 3, "three");
	put_text(b, 4, "");
	assert_int_equal(db_batch_del(b, KEY_OBJECT, key_ino(3)), 0);
	assert_int_equal(db_batch_del(b, KEY_OBJECT, key_ino(5)), 0);
	/* The batch sees itself; the index does not see it yet. */
	expect(t, b, 1, "one");
	expect(t, b, 2, "a longer two");
	expect(t, b, 3, NULL);
	expect(t, b, 4, "");
	expect(t, b, 6, NULL);
	expect(t, NULL, 1, NULL);
	db_abort(t);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);

	t = place_begin(p);
	expect(t, NULL, 1, "one");
	expect(t, NULL, 2, "a longer two");
	expect(t, NULL, 3, NULL);
	expect(t, NULL, 4, "");
	assert_int_equal(db_count(t, KEY_OBJECT, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_int_equal(db_count(t, KEY_NAME, &n, NULL), 0);
	assert_int_equal(n, 0);
	/* Emptied, and used again over what is there. */
	expect(t, b, 1, "one");
	put_text(b, 1, "uno");
	assert_int_equal(db_batch_del(b, KEY_OBJECT, key_ino(2)), 0);
	expect(t, b, 1, "uno");
	expect(t, b, 2, NULL);
	expect(t, NULL, 2, "a longer two");
	db_abort(t);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	reopen(p, 0);
	t = place_begin(p);
	expect(t, NULL, 1, "uno");
	expect(t, NULL, 2, NULL);
	assert_true(db_file_bytes(p->db) >= 8192);
	db_abort(t);
	db_batch_free(b);
	db_batch_free(NULL);
}

static void test_misuse(void **state)
{
	struct place *p = *state;
	struct db_batch *b = place_batch(p);
	struct wire_out out = {0};
	struct key longer = {.n = KEY_MAX + 1};
	struct db_cursor *c;
	struct db_txn *t;

	/* A batch that lost a change is not applied. */
	put_text(b, 1, "one");
	assert_int_equal(db_batch_put(b, KEY_META, key_u8(0), "x", 1), ERR_USAGE);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), ERR_USAGE);
	assert_int_equal(db_batch_del(b, KEY_META, key_u8(0)), ERR_USAGE);
	assert_int_equal(db_batch_put(b, KEY_OBJECT, none, "x", 1), ERR_USAGE);
	assert_int_equal(db_batch_put(b, KEY_OBJECT, longer, "x", 1), ERR_USAGE);
	assert_int_equal(db_batch_put(b, KEY_TABLES, key_u8(1), "x", 1), ERR_USAGE);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), ERR_USAGE);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	t = place_begin(p);
	expect(t, NULL, 1, NULL);
	assert_int_equal(db_get(t, KEY_OBJECT, none, &out, NULL), ERR_USAGE);
	assert_int_equal(db_get(t, KEY_OBJECT, longer, &out, NULL), ERR_USAGE);
	assert_int_equal(db_get(t, KEY_TABLES, key_u8(1), &out, NULL), ERR_USAGE);
	assert_int_equal(db_batch_get(b, t, KEY_OBJECT, longer, &out, NULL), ERR_USAGE);
	assert_int_equal(db_cursor(&c, t, KEY_OBJECT, longer, none, NULL), ERR_USAGE);
	/* A thread that reads may not write: it might have to wait for itself. */
	put_text(b, 1, "one");
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), ERR_USAGE);
	db_abort(t);
	db_abort(NULL);
	wire_out_free(&out);
	db_batch_free(b);
	/* None of this is damage. */
	reopen(p, 0);
}

static int guard(void *ctx, struct db_txn *t)
{
	expect(t, NULL, 1, "one");
	expect(t, NULL, 2, NULL);
	return *(int *)ctx;
}

static void test_guard(void **state)
{
	struct place *p = *state;
	struct db_batch *b = place_batch(p);
	struct db_txn *t;
	int rc = ERR_BUSY;

	put_text(b, 1, "one");
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	put_text(b, 2, "two");
	assert_int_equal(db_batch_apply(b, guard, &rc, NULL), ERR_BUSY);
	t = place_begin(p);
	expect(t, b, 2, NULL);
	db_abort(t);
	/* It is asked even if there is nothing to write. */
	assert_int_equal(db_batch_apply(b, guard, &rc, NULL), ERR_BUSY);
	rc = 0;
	put_text(b, 2, "two");
	assert_int_equal(db_batch_apply(b, guard, &rc, NULL), 0);
	t = place_begin(p);
	expect(t, NULL, 2, "two");
	db_abort(t);
	db_batch_free(b);
}

/* More readers than there are slots: refused, and fine afterwards. */
static void test_readers(void **state)
{
	struct place *p = *state;
	struct db_txn *t[600];
	unsigned n = 0;

	while (n < 600 && db_begin(&t[n], p->db, false, NULL) == 0)
		n++;
	assert_int_equal(n, 512);
	assert_int_equal(db_begin(&t[n], p->db, false, NULL), ERR_BUSY);
	assert_null(t[n]);
	while (n > 0)
		db_abort(t[--n]);
	db_abort(place_begin(p));
	reopen(p, 0);
}

/* ---- threads --------------------------------------------------------------------------------- */

#define SPREAD 40u /* keys that always have the same value */
#define ROUNDS 150u

struct shared {
	struct place *p;
	atomic_uint written;
	atomic_bool stop;
	atomic_uint wrong, looks;
};

static void *reader(void *arg)
{
	struct shared *s = arg;
	struct wire_out a = {0}, v = {0};

	while (!atomic_load(&s->stop)) {
		unsigned least = atomic_load(&s->written);
		struct db_txn *t, *inner;

		if (db_begin(&t, s->p->db, false, NULL) ||
		    db_begin(&inner, s->p->db, false, NULL)) {
			atomic_fetch_add(&s->wrong, 1);
			break;
		}
		db_abort(inner);
		wire_out_reset(&a);
		if (db_get(t, KEY_SEGMENT, key_ino(0), &a, NULL) || wire_get32(a.p) < least)
			atomic_fetch_add(&s->wrong, 1);
		for (unsigned i = 1; i < SPREAD; i += 7) {
			wire_out_reset(&v);
			if (db_get(t, KEY_SEGMENT, key_ino(i), &v, NULL) || v.n != a.n ||
			    memcmp(v.p, a.p, a.n) != 0)
				atomic_fetch_add(&s->wrong, 1);
		}
		db_abort(t);
		atomic_fetch_add(&s->looks, 1);
	}
	wire_out_free(&a);
	wire_out_free(&v);
	return NULL;
}

/* Each apply gives all keys of SPREAD the same new value, and adds others to make the file grow. */
static int write_round(struct db_batch *b, uint32_t round, uint64_t other)
{
	uint8_t value[2000] = {0};

	wire_put32(value, round);
	for (unsigned i = 0; i < SPREAD; i++)
		if (db_batch_put(b, KEY_SEGMENT, key_ino(i), value, 600))
			return -1;
	for (unsigned i = 0; i < 10; i++)
		if (db_batch_put(b, KEY_OBJECT, key_ino(other++), value, sizeof(value)))
			return -1;
	return db_batch_apply(b, NULL, NULL, NULL);
}

static void test_threads(void **state)
{
	struct place *p = *state;
	struct shared s = {.p = p};
	pthread_t threads[3];
	struct db_batch *b;

	reopen(p, 1 << 16);
	b = place_batch(p);
	assert_int_equal(write_round(b, 0, 1000), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reader, &s), 0);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		assert_int_equal(write_round(b, round, 1000 + round * 10), 0);
		atomic_store(&s.written, round);
	}
	while (atomic_load(&s.looks) < 100 && atomic_load(&s.wrong) == 0)
		usleep(1000);
	atomic_store(&s.stop, true);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&s.wrong), 0);
	assert_true(db_map_size(p->db) > 1 << 20);
	db_batch_free(b);
}

struct adder {
	struct place *p;
	uint64_t from;
	int rc;
};

static void *add(void *arg)
{
	struct adder *a = arg;
	uint8_t value[1000] = {0};
	struct db_batch *b;

	a->rc = db_batch_new(&b, a->p->db, NULL);
	for (uint64_t i = 0; i < 60 && a->rc == 0; i++) {
		for (uint64_t j = 0; j < 10; j++)
			db_batch_put(b, KEY_OBJECT, key_ino(a->from + i * 10 + j), value, 1000);
		a->rc = db_batch_apply(b, NULL, NULL, NULL);
	}
	db_batch_free(b);
	return NULL;
}

/* Several writers, all of whom find the map too small. */
static void test_writers(void **state)
{
	struct place *p = *state;
	struct adder a[3];
	pthread_t threads[3];
	struct db_txn *t;
	uint64_t n;

	reopen(p, 1 << 16);
	for (unsigned i = 0; i < 3; i++) {
		a[i] = (struct adder){.p = p, .from = i * 10000};
		assert_int_equal(pthread_create(&threads[i], NULL, add, &a[i]), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(a[i].rc, 0);
	}
	t = place_begin(p);
	assert_int_equal(db_count(t, KEY_OBJECT, &n, NULL), 0);
	assert_int_equal(n, 1800);
	db_abort(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST_OPEN(test_batch),   PLACE_TEST_OPEN(test_misuse),
		PLACE_TEST_OPEN(test_guard),   PLACE_TEST_OPEN(test_readers),
		PLACE_TEST_OPEN(test_threads), PLACE_TEST_OPEN(test_writers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
