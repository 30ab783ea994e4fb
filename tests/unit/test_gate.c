/* SPDX-License-Identifier: Apache-2.0 */
/* gate: who may read what, when, and why not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/gate.h"

#define NOW INT64_C(1795417800000)

static const uint8_t item[16] = {1}, other[16] = {2}, accession[16] = {3}, nowhere[16] = {4};

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

struct terms {
	uint8_t serial;
	const uint8_t *item, *accession; /* NULL: none */
	int64_t from, until;		 /* relative to NOW */
	const char *user;
	uint64_t max_opens, max_bytes, opens, bytes;
	int ended;
};

static void add(struct world *w, struct terms t)
{
	struct authorisation a = {.not_before_ms = NOW + t.from,
				  .not_after_ms = NOW + t.until,
				  .max_opens = t.max_opens,
				  .max_bytes = t.max_bytes};
	struct release_start start = {
		.admitted_ms = NOW, .opens = t.opens, .bytes = t.bytes, .ended = t.ended};
	struct release *r;

	a.serial[0] = t.serial;
	if (t.user) {
		strcpy(a.users[0], t.user);
		a.nusers = 1;
	}
	if (t.item) {
		a.item = calloc(1, sizeof(*a.item));
		memcpy(a.item->id, t.item, 16);
		a.items = 1;
	}
	if (t.accession) {
		a.accession = calloc(1, sizeof(*a.accession));
		memcpy(a.accession[0], t.accession, 16);
		a.accessions = 1;
	}
	assert_int_equal(release_new(&r, w->set, &a, &start), 0);
	assert_int_equal(release_add(w->set, r), 0);
}

static struct gate_ask ask_for(const uint8_t id[16], uint32_t uid, int64_t now)
{
	struct gate_ask ask = {.uid = uid, .now_ms = NOW + now, .last_ms = NOW};

	memcpy(ask.item, id, 16);
	memcpy(ask.accession, accession, 16);
	return ask;
}

/* The decision, and the serial it names. */
static void expect(struct world *w, const uint8_t id[16], uint32_t uid, int64_t now, int code,
		   uint8_t serial)
{
	struct gate_ask ask = ask_for(id, uid, now);
	uint8_t near[16] = {9, 9}, want[16] = {serial};
	struct release *r = (struct release *)near;

	assert_int_equal(gate_decide(w->set, &ask, &r, near), code);
	assert_memory_equal(near, want, 16);
	if (code) {
		assert_null(r);
	} else {
		assert_memory_equal(release_terms(r)->serial, want, 16);
		release_drop(r);
	}
	assert_int_equal(gate_decide(w->set, &ask, &r, NULL), code);
	release_drop(r);
}

static void test_covered(void **state)
{
	struct world *w = *state;

	expect(w, item, 0, 0, ERR_NOT_COVERED, 0);
	add(w, (struct terms){1, .item = item, .until = 1000});
	expect(w, item, 0, 0, 0, 1);
	expect(w, item, 4711, 0, 0, 1);
	expect(w, other, 0, 0, ERR_NOT_COVERED, 0);
	add(w, (struct terms){2, .accession = accession, .until = 500});
	expect(w, other, 0, 0, 0, 2);
	/* An item's id is no accession's, nor the other way round. */
	add(w, (struct terms){3, .item = accession, .accession = other, .until = 1000});
	expect(w, nowhere, 0, 501, ERR_EXPIRED, 2);
}

/* What another node calls by the id of a released item is not released. */
static void test_commitment(void **state)
{
	struct world *w = *state;
	struct gate_ask ask = ask_for(item, 0, 0);
	struct release *r;
	uint8_t near[16], none[16] = {0};

	add(w, (struct terms){1, .item = item, .until = 1000});
	ask.accession[5] = 1;
	assert_int_equal(gate_decide(w->set, &ask, &r, near), 0);
	release_drop(r);
	ask.commitment[31] ^= 1;
	assert_int_equal(gate_decide(w->set, &ask, &r, near), ERR_NOT_COVERED);
	assert_null(r);
	assert_memory_equal(near, none, 16);
	/* An accession covers what is in it, whatever else the release names. */
	add(w, (struct terms){2, .item = item, .accession = accession, .until = 1000});
	assert_int_equal(gate_decide(w->set, &ask, &r, near), ERR_NOT_COVERED);
	ask.accession[5] = 0;
	assert_int_equal(gate_decide(w->set, &ask, &r, near), 0);
	assert_int_equal(near[0], 2);
	release_drop(r);
}

static void test_times(void **state)
{
	struct world *w = *state;

	add(w, (struct terms){1, .item = item, .from = 100, .until = 1000});
	expect(w, item, 0, 99, ERR_NOT_YET, 1);
	expect(w, item, 0, 100, 0, 1);
	expect(w, item, 0, 1000, 0, 1);
	expect(w, item, 0, 1001, ERR_EXPIRED, 1);
	/* The one that lasts longest is taken. */
	add(w, (struct terms){2, .item = item, .until = 2000});
	expect(w, item, 0, 500, 0, 2);
	expect(w, item, 0, 1500, 0, 2);
	expect(w, item, 0, 2001, ERR_EXPIRED, 2);
}

static void test_clock(void **state)
{
	struct world *w = *state;

	expect(w, item, 0, -2001, ERR_CLOCK, 0);
	add(w, (struct terms){1, .item = item, .from = -5000, .until = 1000});
	expect(w, item, 0, -2000, 0, 1);
	expect(w, item, 0, -2001, ERR_CLOCK, 0);
}

static void test_users(void **state)
{
	struct world *w = *state;

	add(w, (struct terms){1, .item = item, .until = 1000, .user = "root"});
	expect(w, item, 0, 0, 0, 1);
	expect(w, item, 1, 0, ERR_USER, 1);
	/* A name that nobody has lets nobody in. */
	add(w, (struct terms){2, .item = other, .until = 1000, .user = "no such user 7"});
	expect(w, other, 0, 0, ERR_USER, 2);
	expect(w, other, UINT32_MAX, 0, ERR_USER, 2);
}

static void test_budgets(void **state)
{
	struct world *w = *state;
	struct release *r;
	struct gate_ask ask = ask_for(item, 0, 0);

	add(w, (struct terms){1, .item = item, .until = 1000, .max_opens = 2, .opens = 1});
	expect(w, item, 0, 0, 0, 1);
	assert_int_equal(gate_decide(w->set, &ask, &r, NULL), 0);
	assert_int_equal(release_charge_open(r, 1, 10), 0);
	release_drop(r);
	expect(w, item, 0, 0, ERR_BUDGET, 1);
	add(w, (struct terms){2, .item = other, .until = 1000, .max_bytes = 10, .bytes = 9});
	expect(w, other, 0, 0, 0, 2);
	ask = ask_for(other, 0, 0);
	assert_int_equal(gate_decide(w->set, &ask, &r, NULL), 0);
	assert_int_equal(release_charge_open(r, 1, 10), 0);
	assert_int_equal(release_charge_bytes(r, 1, 1), 0);
	release_drop(r);
	expect(w, other, 0, 0, ERR_BUDGET, 2);
}

static void test_ended(void **state)
{
	static const struct {
		int ended, code;
	} ends[] = {
		{ERR_REVOKED, ERR_REVOKED},
		{ERR_EXPIRED, ERR_EXPIRED},
		{ERR_BUDGET, ERR_BUDGET},
		{ERR_BUSY, ERR_BUSY},
		{ERR_NOT_ENROLLED, ERR_NOT_ENROLLED},
	};
	struct world *w = *state;

	for (uint8_t i = 0; i < 5; i++) {
		const uint8_t id[16] = {100, i};
		struct terms t = {10, .item = id, .until = 1000, .ended = ends[i].ended};

		t.serial += i;
		add(w, t);
		expect(w, id, 0, 0, ends[i].code, t.serial);
	}
}

/* Of several reasons the one that came nearest; a grant beats all. */
static void test_nearest(void **state)
{
	struct world *w = *state;
	const struct {
		struct terms t;
		int code;
	} steps[] = {
		{{1, .item = item, .until = 9000, .ended = ERR_REVOKED}, ERR_REVOKED},
		{{2, .item = item, .until = -1}, ERR_EXPIRED},
		{{3, .accession = accession, .from = 10, .until = 20}, ERR_NOT_YET},
		{{4, .item = item, .until = 30, .user = "root"}, ERR_USER},
		{{5, .item = item, .until = 40, .max_opens = 1, .opens = 1}, ERR_BUDGET},
		{{6, .item = item, .until = 5}, 0},
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		add(w, steps[i].t);
		expect(w, item, 12345, 0, steps[i].code, (uint8_t)(i + 1));
	}
}

static void test_explain(void **state)
{
	static const int codes[] = {ERR_NOT_COVERED, ERR_REVOKED, ERR_EXPIRED, ERR_NOT_YET,
				    ERR_USER,	     ERR_BUDGET,  ERR_CLOCK};
	const uint8_t serial[16] = {0xab}, none[16] = {0};
	char text[480], tiny[10];

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		gate_explain(text, sizeof(text), codes[i], serial);
		assert_true(strlen(text) > 20);
		assert_null(strchr(text, '%'));
		assert_int_equal(strstr(text, "authorisation ab00") != NULL,
				 codes[i] != ERR_NOT_COVERED && codes[i] != ERR_CLOCK);
		gate_explain(text, sizeof(text), codes[i], none);
		assert_null(strstr(text, "0000"));
		gate_explain(text, sizeof(text), codes[i], NULL);
		assert_null(strchr(text, '%'));
		gate_explain(tiny, sizeof(tiny), codes[i], serial);
		assert_true(strlen(tiny) < sizeof(tiny));
	}
	gate_explain(text, sizeof(text), 0, serial);
	assert_non_null(strstr(text, "covers it"));
	gate_explain(text, sizeof(text), ERR_SYSTEM, none);
	assert_string_equal(text, err_text(ERR_SYSTEM));
}

#define IN_WORLD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(test_covered), IN_WORLD(test_commitment), IN_WORLD(test_times),
		IN_WORLD(test_clock),	IN_WORLD(test_users),	   IN_WORLD(test_budgets),
		IN_WORLD(test_ended),	IN_WORLD(test_nearest),	   cmocka_unit_test(test_explain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
