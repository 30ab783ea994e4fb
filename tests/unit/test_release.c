/* SPDX-License-Identifier: Apache-2.0 */
/* release: keys under their own key, budgets, order, and what is loaded from an archive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fs/catchup.h"
#include "fs/release.h"
#include "fs/release_keys.h"
#include "tests/lib/stage.h"

/* ---- in memory ---- */

struct world {
	struct secret_pool *pool;
	struct release_set *set;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	assert_int_equal(secret_pool_new(&w->pool, 4096, NULL), 0);
	assert_int_equal(release_set_new(&w->set, w->pool), 0);
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	release_set_free(w->set);
	secret_pool_free(w->pool);
	free(w);
	return 0;
}

static void id_of(uint8_t id[16], unsigned n)
{
	fixture_fill(id, 16, n + 1);
}

static void key_of(uint8_t key[32], unsigned n)
{
	fixture_fill(key, 32, 1000 + n);
}

/* Terms with so many items and accessions, in no order. */
static void commitment_of(uint8_t is[32], unsigned i)
{
	fixture_fill(is, 32, 5000 + i);
}

static struct authorisation terms(unsigned items, unsigned accessions)
{
	struct authorisation a = {.items = items, .accessions = accessions};

	a.not_after_ms = INT64_MAX;
	a.item = calloc(items + 1, sizeof(*a.item));
	a.accession = calloc(accessions + 1, sizeof(*a.accession));
	for (unsigned i = 0; i < items; i++) {
		id_of(a.item[i].id, i);
		commitment_of(a.item[i].commitment, i);
	}
	for (unsigned i = 0; i < accessions; i++)
		id_of(a.accession[i], i); /* the same ids: kinds are not mixed up */
	return a;
}

static void test_keys(void **state)
{
	struct world *w = *state;
	struct authorisation a = terms(200, 100);
	struct release_keys *k;
	uint8_t id[16], is[32], key[32], want[32];

	assert_int_equal(release_keys_new(&k, w->pool, &a), 0);
	id_of(id, 5);
	commitment_of(is, 5);
	assert_int_equal(release_keys_get(k, id, is, key), ERR_NOTFOUND);
	for (unsigned i = 0; i < 200; i++) {
		id_of(id, i);
		commitment_of(is, i);
		key_of(key, i);
		if (i != 50)
			assert_int_equal(release_keys_put(k, id, is, key), 0);
		key_of(key, 500 + i);
		assert_int_equal(release_keys_put(k, id, NULL, key), i < 100 ? 0 : ERR_NOTFOUND);
	}
	for (unsigned i = 0; i < 220; i++) {
		id_of(id, i);
		commitment_of(is, i + 1); /* that of another item */
		assert_false(release_keys_has(k, id, is));
		assert_int_equal(release_keys_get(k, id, is, key), ERR_NOTFOUND);
		assert_int_equal(release_keys_put(k, id, is, key), ERR_NOTFOUND);
		commitment_of(is, i);
		assert_int_equal(release_keys_has(k, id, is), i < 200);
		assert_int_equal(release_keys_has(k, id, NULL), i < 100);
		assert_int_equal(release_keys_get(k, id, is, key),
				 i < 200 && i != 50 ? 0 : ERR_NOTFOUND);
		key_of(want, i);
		if (i < 200 && i != 50)
			assert_memory_equal(key, want, 32);
		assert_int_equal(release_keys_get(k, id, NULL, key), i < 100 ? 0 : ERR_NOTFOUND);
		key_of(want, 500 + i);
		if (i < 100)
			assert_memory_equal(key, want, 32);
	}
	release_keys_wipe(k);
	id_of(id, 5);
	commitment_of(is, 5);
	assert_int_equal(release_keys_get(k, id, is, key), ERR_NOTFOUND);
	assert_true(release_keys_has(k, id, is));
	release_keys_wipe(k);
	release_keys_free(k);
	release_keys_free(NULL);
	authorisation_free(&a);
}

/* Two nodes call two items by one id, which is an accession's too. */
static void test_one_id(void **state)
{
	struct world *w = *state;
	struct authorisation a = terms(2, 1);
	struct release_keys *k;
	uint8_t is[2][32], key[32], want[32];

	memcpy(a.item[1].id, a.item[0].id, 16);
	memcpy(a.accession[0], a.item[0].id, 16);
	assert_int_equal(release_keys_new(&k, w->pool, &a), 0);
	for (unsigned i = 0; i < 3; i++) {
		if (i < 2)
			commitment_of(is[i], i);
		key_of(key, i);
		assert_int_equal(release_keys_put(k, a.item[0].id, i < 2 ? is[i] : NULL, key), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		key_of(want, i);
		assert_int_equal(release_keys_get(k, a.item[0].id, i < 2 ? is[i] : NULL, key), 0);
		assert_memory_equal(key, want, 32);
	}
	release_keys_free(k);
	authorisation_free(&a);
}

/* The pool's memory does not grow with the number of keys. */
static void test_pool(void **state)
{
	struct world *w = *state;
	struct authorisation a = terms(3000, 0);
	struct release_keys *k[100];
	uint8_t id[16], is[32], key[32];
	unsigned full = 0;

	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(release_keys_new(&k[i], w->pool, &a), 0);
	for (unsigned i = 0; i < 3000; i++) {
		id_of(id, i);
		commitment_of(is, i);
		key_of(key, i);
		assert_int_equal(release_keys_put(k[0], id, is, key), 0);
	}
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(release_keys_put(k[i], id, is, key), 0);
	/* When it is full, that is said. */
	while (secret_take(w->pool, 32))
		full++;
	assert_true(full > 10);
	release_keys_wipe(k[0]);
	assert_int_equal(release_keys_put(k[0], id, is, key), 0);
	for (unsigned i = 0; i < 100; i++)
		release_keys_free(k[i]);
	authorisation_free(&a);
}

static struct release *add(struct world *w, struct authorisation a, struct release_start start)
{
	uint8_t id[16], is[32], key[32];
	struct release *r;

	assert_int_equal(release_new(&r, w->set, &a, &start), 0);
	assert_int_equal(a.items, 0); /* moved */
	for (unsigned i = 0; i < release_terms(r)->items; i++) {
		id_of(id, i);
		commitment_of(is, i);
		key_of(key, i);
		assert_int_equal(release_put_key(r, id, is, key), 0);
	}
	assert_int_equal(release_add(w->set, r), 0);
	return r;
}

static void test_end(void **state)
{
	struct world *w = *state;
	struct release *r = add(w, terms(3, 0), (struct release_start){0});
	uint8_t id[16], is[32], none[32] = {0}, key[32], want[32];

	release_hold(r);
	id_of(id, 1);
	commitment_of(is, 1);
	key_of(want, 1);
	assert_int_equal(release_ended(r), 0);
	assert_int_equal(release_file_key(r, id, is, none, NULL, 0, key), 0);
	assert_memory_equal(key, want, 32);
	assert_int_equal(release_file_key(r, none, none, none, NULL, 0, key), ERR_NOT_COVERED);
	/* An id alone is nothing: another node may call another item by it. */
	assert_int_equal(release_file_key(r, id, none, none, NULL, 0, key), ERR_NOT_COVERED);
	assert_true(release_end(r, ERR_EXPIRED));
	assert_false(release_end(r, ERR_REVOKED));
	assert_int_equal(release_ended(r), ERR_EXPIRED);
	assert_int_equal(release_file_key(r, id, is, none, NULL, 0, key), ERR_EXPIRED);
	assert_int_equal(release_charge_open(r, 1, 1), ERR_EXPIRED);
	assert_int_equal(release_charge_bytes(r, 1, 1), ERR_EXPIRED);
	release_drop(r);
}

static void count_call(void *ctx)
{
	++*(unsigned *)ctx;
}

/* Who keeps a key made of a release's is told of its end, once, or told at once that it is over. */
static void test_watch(void **state)
{
	struct world *w = *state;
	struct release *r = add(w, terms(3, 0), (struct release_start){0});
	struct release_watch watch[5];
	unsigned calls[5] = {0};

	for (unsigned i = 0; i < 5; i++) {
		watch[i] = (struct release_watch){.wipe = count_call, .ctx = &calls[i]};
		if (i < 4)
			assert_int_equal(release_watch(r, &watch[i]), 0);
	}
	/* The first, the last and one in between of the list leave, and one comes back. */
	release_unwatch(r, &watch[3]);
	release_unwatch(r, &watch[1]);
	release_unwatch(r, &watch[0]);
	assert_int_equal(release_watch(r, &watch[3]), 0);
	assert_true(release_end(r, ERR_EXPIRED));
	assert_false(release_end(r, ERR_REVOKED));
	assert_int_equal(release_watch(r, &watch[4]), ERR_EXPIRED);
	release_unwatch(r, &watch[2]);
	release_unwatch(r, &watch[3]);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(calls[i], i == 2 || i == 3 ? 1 : 0);
}

static void test_budgets(void **state)
{
	struct world *w = *state;
	struct authorisation a = terms(1, 0);
	uint64_t opens, bytes;
	struct release *r;

	a.max_opens = 3;
	a.max_bytes = 1000;
	r = add(w, a, (struct release_start){.opens = 1, .bytes = 400});
	assert_int_equal(release_charge_open(r, 1, 700), 0);
	assert_int_equal(release_charge_bytes(r, 1, 601), ERR_BUDGET);
	assert_int_equal(release_charge_bytes(r, 1, UINT64_MAX), ERR_BUDGET);
	assert_int_equal(release_charge_bytes(r, 1, 600), 0);
	assert_int_equal(release_charge_bytes(r, 1, 0), 0);
	assert_int_equal(release_charge_bytes(r, 1, 1), ERR_BUDGET);
	assert_int_equal(release_charge_open(r, 2, 10), 0);
	assert_int_equal(release_charge_open(r, 3, 10), ERR_BUDGET);
	release_used(r, &opens, &bytes);
	assert_int_equal(opens, 3);
	assert_int_equal(bytes, 1000);
	assert_int_equal(release_over(r), 0);
	release_note(r, 9, 6, 400); /* others have opened five meanwhile */
	assert_int_equal(release_over(r), ERR_BUDGET);
	release_uncharge(r, 2);
	release_used(r, &opens, &bytes);
	assert_int_equal(opens, 7);
	assert_int_equal(bytes, 1000);
	/* More used than allowed, and no limit at all. */
	a = terms(1, 0);
	a.max_bytes = 10;
	r = add(w, a, (struct release_start){.bytes = 11});
	assert_int_equal(release_charge_open(r, 1, 1), 0);
	assert_int_equal(release_charge_bytes(r, 1, 0), ERR_BUDGET);
	r = add(w, terms(1, 0), (struct release_start){0});
	assert_int_equal(release_charge_open(r, 1, 1), 0);
	assert_int_equal(release_charge_bytes(r, 1, UINT64_MAX), 0);
	assert_int_equal(release_ended(r), 0);
}

#define THREADS 4
#define CHARGES 20000

static void *charge(void *arg)
{
	struct release *r = arg;
	uintptr_t ok = 0;

	for (unsigned i = 0; i < CHARGES; i++)
		ok += release_charge_bytes(r, 1, 7) == 0;
	return (void *)ok;
}

/* Threads never go past a limit together, and use it up. */
static void test_threads(void **state)
{
	struct world *w = *state;
	struct authorisation a = terms(1, 0);
	pthread_t t[THREADS];
	uint64_t opens, bytes, sum = 0;
	struct release *r;

	a.max_bytes = 7 * CHARGES * 2 + 3;
	r = add(w, a, (struct release_start){0});
	assert_int_equal(release_charge_open(r, 1, UINT64_MAX), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, charge, r), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		void *ok;

		pthread_join(t[i], &ok);
		sum += (uintptr_t)ok;
	}
	release_used(r, &opens, &bytes);
	assert_int_equal(sum, CHARGES * 2);
	assert_int_equal(bytes, 7 * CHARGES * 2);
}

static void *get_keys(void *arg)
{
	struct release *r = arg;
	uint8_t id[16], is[32], none[32] = {0}, key[32], want[32];
	int rc = 0;

	id_of(id, 1);
	commitment_of(is, 1);
	key_of(want, 1);
	while (rc == 0) {
		rc = release_file_key(r, id, is, none, NULL, 0, key);
		if (rc == 0 && memcmp(key, want, 32) != 0)
			return (void *)1;
	}
	return rc == ERR_REVOKED ? NULL : (void *)2;
}

/* Ending one while threads take its key: they get the key or the reason, nothing else. */
static void test_end_meets_get(void **state)
{
	struct world *w = *state;
	const struct timespec pause = {.tv_nsec = 20000000};
	struct release *r = add(w, terms(2, 0), (struct release_start){0});
	pthread_t t[THREADS];
	void *bad;

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, get_keys, r), 0);
	nanosleep(&pause, NULL);
	assert_true(release_end(r, ERR_REVOKED));
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
}

/* ---- order ---- */

struct order {
	uint8_t serial[8];
	unsigned n, stop;
};

static int note(void *ctx, struct release *r)
{
	struct order *o = ctx;

	assert_true(o->n < 8);
	o->serial[o->n++] = release_terms(r)->serial[0];
	return o->n == o->stop ? 5 : 0;
}

static void test_order(void **state)
{
	struct world *w = *state;
	const struct {
		uint8_t serial;
		int64_t admitted, until;
		int ended;
	} list[] = {{1, 300, 1000, 0},
		    {2, 100, 3000, ERR_REVOKED},
		    {3, 200, 2000, 0},
		    {4, 100, 1000, 0},
		    {5, 400, 9000, 0}};
	uint8_t id[16], none[32] = {0};
	uint8_t commitment[32];
	struct order o = {0};
	struct release *r;

	for (unsigned i = 0; i < 5; i++) {
		struct authorisation a = terms(i == 4 ? 1 : 2, 0);

		a.serial[0] = list[i].serial;
		a.not_before_ms = -1;
		a.not_after_ms = list[i].until;
		add(w, a,
		    (struct release_start){.admitted_ms = list[i].admitted,
					   .ended = list[i].ended});
	}
	assert_int_equal(release_each(w->set, note, &o), 0);
	assert_int_equal(o.n, 5);
	assert_memory_equal(o.serial, "\2\4\3\1\5", 5);
	id_of(id, 1); /* which the last does not cover */
	fixture_fill(commitment, 32, 5001);
	memset(&o, 0, sizeof(o));
	assert_int_equal(release_covering(w->set, id, commitment, none, note, &o), 0);
	assert_int_equal(o.n, 4);
	assert_memory_equal(o.serial, "\3\1\4\2", 4);
	o = (struct order){.stop = 2};
	assert_int_equal(release_covering(w->set, id, commitment, none, note, &o), 5);
	assert_int_equal(o.n, 2);
	r = release_find(w->set, (uint8_t[16]){3});
	assert_non_null(r);
	release_drop(r);
	assert_null(release_find(w->set, (uint8_t[16]){6}));
}

/* A release outlives its set while somebody holds it. */
static void test_held(void **state)
{
	struct world *w = *state;
	struct release *r = add(w, terms(1, 0), (struct release_start){0});

	release_hold(r);
	release_set_free(w->set);
	w->set = NULL;
	assert_int_equal(release_charge_open(r, 1, 1), 0);
	release_drop(r);
	release_drop(NULL);
}

static void test_users(void **state)
{
	struct world *w = *state;
	struct authorisation a = terms(1, 0);
	struct release *r;

	strcpy(a.users[0], "root");
	strcpy(a.users[1], "nobody of that name");
	strcpy(a.users[2], "daemon");
	a.nusers = 3;
	r = add(w, a, (struct release_start){0});
	assert_true(release_allows(r, 0));
	assert_true(release_allows(r, 1)); /* daemon, everywhere */
	assert_false(release_allows(r, 65000));
}

/* ---- from an archive ---- */

static int stage_set_up(void **state)
{
	struct stage *s = malloc(sizeof(*s));

	stage_open(s);
	*state = s;
	stage_ingest(s, STAGE_CAP, "otay", "car", 3, NULL);
	stage_enter(s, STAGE_WS, 0);
	return 0;
}

static int stage_tear_down(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static const struct stage_terms one_car = {.paths = {"otay/car1.jpg"}};

static unsigned reload(struct stage *s, struct release_set *set, struct err *e)
{
	struct catchup_result r;
	unsigned bad = 99;

	memset(e, 0, sizeof(*e));
	assert_int_equal(catchup_run(s->st, 0, &r, NULL, NULL, e), 0);
	if (release_reload(set, s->st, &bad, e))
		fail_msg("%s", e->text);
	return bad;
}

static unsigned reload_new(struct stage *s, struct release_set **set, struct err *e)
{
	assert_int_equal(release_set_new(set, s->st->pool), 0);
	return reload(s, *set, e);
}

static int ended(struct release_set *set, const uint8_t serial[16])
{
	struct release *r = release_find(set, serial);
	int rc;

	assert_non_null(r);
	rc = release_ended(r);
	release_drop(r);
	return rc;
}

static void test_load(void **state)
{
	struct stage *s = *state;
	uint8_t serial[3][16], revocation[16], key[32], none[32] = {0};
	struct release_set *set;
	struct document doc;
	struct release *r;
	struct object o;
	struct err e;

	assert_int_equal(reload_new(s, &set, &e), 0);
	stage_release(s, STAGE_WS, &one_car, serial[0]);
	assert_int_equal(reload(s, set, &e), 0);
	assert_int_equal(ended(set, serial[0]), 0);
	assert_int_equal(stage_find(s, "otay/car1.jpg", &o), 0);
	r = release_find(set, serial[0]);
	assert_int_equal(release_file_key(r, o.item, o.commitment, none, NULL, 0, key), 0);
	release_drop(r);
	/* One more, and the first one goes. */
	stage_release(s, STAGE_WS, &one_car, serial[1]);
	stage_revocation(s, REVOKE_AUTHORISATION, serial[0], &doc, revocation);
	assert_int_equal(stage_import(s, &doc, &e), 0);
	document_free(&doc);
	assert_int_equal(reload(s, set, &e), 0);
	assert_int_equal(ended(set, serial[0]), ERR_REVOKED);
	assert_int_equal(ended(set, serial[1]), 0);
	/* Anew: what is over is listed as that. */
	release_set_free(set);
	assert_int_equal(reload_new(s, &set, &e), 0);
	assert_int_equal(ended(set, serial[0]), ERR_REVOKED);
	assert_int_equal(ended(set, serial[1]), 0);
	r = release_find(set, serial[0]);
	assert_int_equal(release_file_key(r, o.item, o.commitment, none, NULL, 0, key),
			 ERR_REVOKED);
	release_drop(r);
	release_set_free(set);
}

/* Nothing is released anew from what is not whole; what is released goes on. */
static void test_load_withheld(void **state)
{
	struct stage *s = *state;
	struct release_set *set, *fresh;
	uint8_t serial[2][16];
	unsigned bad = 0;
	struct err e;

	stage_release(s, STAGE_WS, &one_car, serial[0]);
	assert_int_equal(reload_new(s, &set, &e), 0);
	stage_release(s, STAGE_WS, &one_car, serial[1]);
	s->st->withheld = true;
	assert_int_equal(release_reload(set, s->st, &bad, &e), 0);
	assert_int_equal(bad, 1);
	assert_int_equal(e.code, ERR_DAMAGED);
	assert_int_equal(ended(set, serial[0]), 0);
	assert_null(release_find(set, serial[1]));
	assert_int_equal(release_set_new(&fresh, s->st->pool), 0);
	assert_int_equal(release_reload(fresh, s->st, &bad, &e), 0);
	assert_int_equal(bad, 2);
	assert_null(release_find(fresh, serial[0]));
	release_set_free(fresh);
	s->st->withheld = false;
	assert_int_equal(reload(s, set, &e), 0);
	assert_int_equal(ended(set, serial[1]), 0);
	release_set_free(set);
}

static void test_load_expired(void **state)
{
	struct stage *s = *state;
	struct stage_terms t = one_car;
	struct release_set *set;
	const struct timespec pause = {.tv_sec = 3};
	uint8_t serial[16];
	struct err e;

	t.until_ms = 2000;
	stage_release(s, STAGE_WS, &t, serial);
	nanosleep(&pause, NULL);
	assert_int_equal(reload_new(s, &set, &e), 0);
	assert_int_equal(ended(set, serial), ERR_EXPIRED);
	release_set_free(set);
}

/* What the log says was used is used. */
static void test_load_used(void **state)
{
	struct stage *s = *state;
	struct event ev = {
		.type = EVENT_OPENED, .handle = 1, .uid = 1, .user = "u", .program = "p"};
	struct event done = {.type = EVENT_CLOSED, .handle = 1, .bytes = 77};
	struct event over = {.type = EVENT_RELEASE_ENDED, .reason = "budget"};
	struct release_set *set, *later;
	uint64_t opens, bytes;
	uint8_t serial[16];
	struct release *r;
	struct object o;
	struct err e;

	stage_release(s, STAGE_WS, &one_car, serial);
	assert_int_equal(reload_new(s, &set, &e), 0);
	assert_int_equal(stage_find(s, "otay/car1.jpg", &o), 0);
	memcpy(ev.item, o.item, 16);
	memcpy(ev.release, serial, 16);
	memcpy(done.item, o.item, 16);
	memcpy(done.release, serial, 16);
	stage_log(s, &ev, 2);
	stage_log(s, &done, 1);
	assert_int_equal(reload_new(s, &later, &e), 0);
	r = release_find(later, serial);
	release_used(r, &opens, &bytes);
	assert_int_equal(opens, 2);
	assert_int_equal(bytes, 77 + o.size);
	release_drop(r);
	release_set_free(later);
	/* Who had it before learns of the opens. */
	assert_int_equal(reload(s, set, &e), 0);
	r = release_find(set, serial);
	release_used(r, &opens, &bytes);
	assert_int_equal(opens, 2);
	release_drop(r);
	memcpy(over.release, serial, 16);
	stage_log(s, &over, 1);
	assert_int_equal(reload(s, set, &e), 0);
	assert_int_equal(ended(set, serial), ERR_BUDGET);
	release_set_free(set);
}

/* Documents that are not what was admitted are passed over, and come back when they are
 * restored. */
static void test_load_bad(void **state)
{
	struct stage *s = *state;
	uint8_t serial[2][16];
	struct release_set *set;
	struct err e;

	stage_release(s, STAGE_WS, &one_car, serial[0]);
	stage_shell(s, "mkdir ../keep && cp documents/*.authorisation ../keep");
	stage_release(s, STAGE_WS, &one_car, serial[1]);
	stage_shell(s, "cd documents && for f in ../../keep/*; do f=${f##*/}; "
		       "sed 's/^purpose: plate/purpose: other/' ../../keep/$f >$f; done");
	assert_int_equal(reload_new(s, &set, &e), 1);
	assert_non_null(strstr(e.text, "passed over"));
	assert_null(release_find(set, serial[0]));
	assert_int_equal(ended(set, serial[1]), 0);
	stage_shell(s, "cd ../keep; for f in *; do rm ../archive/documents/$f; done");
	assert_int_equal(reload(s, set, &e), 1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	stage_shell(s, "cp ../keep/* documents/");
	assert_int_equal(reload(s, set, &e), 0);
	assert_int_equal(ended(set, serial[0]), 0);
	release_set_free(set);
}

/* All of them end when the node's own enrolment does. */
static void test_load_revoked_node(void **state)
{
	struct stage *s = *state;
	uint8_t serial[16], revocation[16];
	struct release_set *set;
	struct document doc;
	struct err e;

	stage_release(s, STAGE_WS, &one_car, serial);
	assert_int_equal(reload_new(s, &set, &e), 0);
	assert_int_equal(ended(set, serial), 0);
	stage_revocation(s, REVOKE_NODE, s->id[STAGE_WS], &doc, revocation);
	assert_int_equal(stage_import(s, &doc, &e), 0);
	document_free(&doc);
	assert_int_equal(reload(s, set, &e), 0);
	assert_int_equal(ended(set, serial), ERR_REVOKED);
	release_set_free(set);
}

/* A new enrolment lets the node work again, and brings nothing back: neither what was admitted before
 * its revocation, nor what had been issued by then and is imported only now. */
static void test_load_enrolled_again(void **state)
{
	struct stage *s = *state;
	const struct timespec pause = {.tv_sec = 1, .tv_nsec = 100000000};
	uint8_t old[16], late[16], fresh[16], revocation[16];
	struct document late_doc, revoke, enrolment;
	struct release_set *set;
	struct err e;

	stage_release(s, STAGE_WS, &one_car, old);
	stage_authorise(s, STAGE_WS, &one_car, &late_doc, late);
	assert_int_equal(reload_new(s, &set, &e), 0);
	assert_int_equal(ended(set, old), 0);
	stage_revocation(s, REVOKE_NODE, s->id[STAGE_WS], &revoke, revocation);
	assert_int_equal(stage_import(s, &revoke, &e), 0);
	nanosleep(&pause, NULL);
	stage_enrolment(s, STAGE_WS, &enrolment);
	assert_int_equal(stage_import(s, &enrolment, &e), 0);

	/* A mount that has it, and saw neither. */
	assert_int_equal(reload(s, set, &e), 0);
	assert_int_equal(ended(set, old), ERR_REVOKED);
	release_set_free(set);
	assert_int_equal(reload_new(s, &set, &e), 0);
	assert_int_equal(ended(set, old), ERR_REVOKED);
	assert_int_equal(stage_import(s, &late_doc, &e), ERR_REVOKED);
	assert_non_null(strstr(e.text, "new one"));
	stage_release(s, STAGE_WS, &one_car, fresh);
	assert_int_equal(reload(s, set, &e), 0);
	assert_int_equal(ended(set, fresh), 0);
	assert_int_equal(ended(set, old), ERR_REVOKED);
	release_set_free(set);
	document_free(&late_doc);
	document_free(&revoke);
	document_free(&enrolment);
}

#define IN_WORLD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define ON_STAGE(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(test_keys),
		IN_WORLD(test_one_id),
		IN_WORLD(test_pool),
		IN_WORLD(test_end),
		IN_WORLD(test_watch),
		IN_WORLD(test_budgets),
		IN_WORLD(test_threads),
		IN_WORLD(test_end_meets_get),
		IN_WORLD(test_order),
		IN_WORLD(test_held),
		IN_WORLD(test_users),
		ON_STAGE(test_load),
		ON_STAGE(test_load_withheld),
		ON_STAGE(test_load_expired),
		ON_STAGE(test_load_used),
		ON_STAGE(test_load_bad),
		ON_STAGE(test_load_revoked_node),
		ON_STAGE(test_load_enrolled_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
