/* SPDX-License-Identifier: Apache-2.0 */
/* catchup: a capture node that lies hides nothing, replaces nothing, and is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/catchup.h"
#include "fs/gate.h"
#include "fs/reading.h"
#include "fs/verify.h"
#include "index/object_claim.h"
#include "tests/lib/rogue.h"
#include "tests/lib/stage.h"

#define ITEMS 6

static int set_up(void **state)
{
	struct stage *s = malloc(sizeof(*s));

	stage_open(s);
	*state = s;
	/* Two, each of which attacks the other: one of their journals is read first. */
	stage_ingest(s, STAGE_CAP, "otay", "a", ITEMS, NULL);
	stage_ingest(s, STAGE_CAP2, "otay", "b", ITEMS, NULL);
	stage_enter(s, STAGE_WS, 0);
	stage_leave(s);
	return 0;
}

static int tear_down(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static void attack_one(struct stage *s, enum stage_node rogue, enum stage_node victim,
		       enum rogue_what what)
{
	struct err e = {0};

	stage_enter(s, rogue, 0);
	if (rogue_attack(s->st->archive, s->st->journal, s->id[victim], what, &e))
		fail_msg("%s", e.text);
	stage_leave(s);
}

static void attack(struct stage *s, enum rogue_what what)
{
	attack_one(s, STAGE_CAP, STAGE_CAP2, what);
	attack_one(s, STAGE_CAP2, STAGE_CAP, what);
}

/* All that was taken in is there, and whose it was; the station is open. */
static void all_there(struct stage *s)
{
	struct object o;
	char path[32];

	for (unsigned i = 0; i < 2 * ITEMS; i++) {
		snprintf(path, sizeof(path), "otay/%c%u.jpg", i % 2 ? 'a' : 'b', i / 2);
		assert_int_equal(stage_find(s, path, &o), 0);
		assert_memory_equal(o.node, s->id[i % 2 ? STAGE_CAP : STAGE_CAP2], 16);
	}
}

static struct catchup_result run(struct stage *s)
{
	struct catchup_result r;
	struct err e = {0};

	if (catchup_run(s->st, 0, &r, NULL, NULL, &e))
		fail_msg("%s", e.text);
	return r;
}

/* The same in an index that was there, and in one that is made anew. */
static uint64_t both_ways(struct stage *s, uint64_t items)
{
	struct wire_out before = {0}, after = {0};
	uint64_t pending;

	stage_enter(s, STAGE_WS, STATION_NO_CATCH_UP);
	pending = run(s).pending;
	all_there(s);
	assert_int_equal(stage_items(s), items);
	stage_dump(s, &before);
	stage_leave(s);
	stage_enter(s, STAGE_WS, STATION_NO_CATCH_UP | STATION_REINDEX);
	assert_int_equal(run(s).pending, pending);
	all_there(s);
	stage_dump(s, &after);
	assert_int_equal(before.n, after.n);
	assert_memory_equal(before.p, after.p, after.n);
	stage_leave(s);
	wire_out_free(&before);
	wire_out_free(&after);
	return pending;
}

struct findings {
	const char *words;
	unsigned n;
};

static void note(void *ctx, const struct verify_finding *f)
{
	struct findings *l = ctx;

	l->n += err_exit(f->code) == 4 && strstr(f->text, l->words) != NULL;
}

/* How many findings of `custody verify` have these words; there must be damage. */
static unsigned verified(struct stage *s, const char *words)
{
	struct findings l = {.words = words};
	struct verify_ask ask = {.workers = 1, .finding = note, .ctx = &l};
	struct verify_sum sum;
	struct archive *a;
	struct err e = {0};

	assert_int_equal(archive_open(&a, s->archive, &e), 0);
	assert_int_equal(verify_run(a, &ask, &sum, &e), ERR_DAMAGED);
	archive_close(a);
	return l.n;
}

static void test_repeat(void **state)
{
	struct stage *s = *state;

	attack(s, ROGUE_REPEAT);
	assert_int_equal(both_ways(s, 2 * ITEMS), 0);
	assert_int_equal(verified(s, "is claimed by two nodes"), 4);
}

/* Also an attempt to make the victim's segments look as if they could not be opened. */
static void test_spoil(void **state)
{
	struct stage *s = *state;

	attack_one(s, STAGE_CAP2, STAGE_CAP, ROGUE_SPOIL);
	assert_int_equal(both_ways(s, 2 * ITEMS), ITEMS);
	assert_int_equal(verified(s, "is claimed by two nodes"), 2 + ITEMS);
	attack_one(s, STAGE_CAP, STAGE_CAP2, ROGUE_SPOIL);
	/* Two liars: what each said of the other's, and the first its own told back. */
	assert_true(both_ways(s, 2 * ITEMS) >= 2 * ITEMS);
}

static int decide(struct release_set *set, const struct object *o, struct release **r)
{
	struct gate_ask ask = {.uid = 0};
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ask.now_ms = (int64_t)ts.tv_sec * 1000;
	memcpy(ask.item, o->item, 16);
	memcpy(ask.commitment, o->commitment, 32);
	memcpy(ask.accession, o->accession, 16);
	return gate_decide(set, &ask, r, NULL);
}

/* A release of the true item is none of the false one, whichever is asked for first. */
static void check_release(struct stage *s, const struct object *mine, const struct object *fake)
{
	const struct stage_terms t = {.paths = {"otay/a3.jpg"}};
	struct release_set *set;
	struct release *r;
	struct reading *rd;
	uint8_t serial[16], want[1000], got[1000];
	struct reading_work work = {.stored = malloc(READING_STORED)};
	uint64_t off, len;
	size_t n = 0;
	unsigned bad;
	struct err e = {0};

	stage_release(s, STAGE_WS, &t, serial);
	run(s);
	assert_int_equal(release_set_new(&set, s->st->pool), 0);
	assert_int_equal(release_reload(set, s->st, &bad, &e), 0);
	assert_int_equal(decide(set, fake, &r), ERR_NOT_COVERED);
	assert_int_equal(decide(set, mine, &r), 0);
	assert_int_equal(reading_open(&rd, s->st, fake, r, 1, &e), ERR_NOT_COVERED);
	if (reading_open(&rd, s->st, mine, r, 1, &e))
		fail_msg("%s", e.text);
	assert_int_equal(reading_read(rd, 0, 1000, got, &n, &work, &off, &len, &e), 0);
	assert_int_equal(n, stage_content("a", 3, want));
	assert_memory_equal(got, want, n);
	reading_close(rd);
	release_drop(r);
	release_set_free(set);
	stream_run_free(&work.run);
	free(work.stored);
}

static void test_replace(void **state)
{
	struct stage *s = *state;
	struct object mine, fake, o;
	struct db_txn *t;
	struct err e = {0};

	attack(s, ROGUE_REPLACE);
	/* The second attacker finds the fakes of the first in its journal, and fakes those too. */
	assert_int_equal(both_ways(s, 4 * ITEMS), ITEMS);
	assert_int_equal(verified(s, "is claimed by two nodes"), 2 * ITEMS);
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(stage_find(s, "otay/a3.jpg", &mine), 0);
	assert_int_equal(db_begin(&t, s->st->db, false, NULL), 0);
	assert_int_equal(object_claim_one(t, mine.item, &o, NULL, &e), ERR_FORGED);
	assert_int_equal(object_get_item(t, s->id[STAGE_CAP2], mine.item, &fake, NULL, &e), 0);
	db_abort(t);
	assert_int_equal(fake.size, 4);
	check_release(s, &mine, &fake);
}

/* What no event can name again is not shown. */
static void test_zero_id(void **state)
{
	static const uint8_t zero[16];
	struct stage *s = *state;
	struct rogue r;
	struct object o;
	struct err e = {0};

	stage_enter(s, STAGE_CAP2, 0);
	assert_int_equal(rogue_begin(&r, s->st->archive, s->st->journal, NULL, &e), 0);
	assert_int_equal(rogue_item(&r, zero, "zero", "x", &e), 0);
	assert_int_equal(rogue_end(&r, &e), 0);
	stage_leave(s);
	assert_int_equal(both_ways(s, 2 * ITEMS), 1);
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(stage_find(s, "otay/zero", &o), ERR_NOTFOUND);
	stage_leave(s);
	assert_int_equal(verified(s, "all zero"), 1);
}

/* Thousands of items that are nowhere don't keep out for good one that comes back. */
static void test_flood(void **state)
{
	struct stage *s = *state;
	struct event ev = {.type = EVENT_INGEST, .headlen = 300, .length = 1000};
	struct event tick = {.type = EVENT_MOUNTED, .uid = 1, .user = "x"};
	struct catchup_result r;
	unsigned runs = 0;

	stage_enter(s, STAGE_CAP2, 0);
	for (unsigned i = 0; i < 5000; i += 500) {
		struct event *list = calloc(500, sizeof(*list));
		struct err e;

		for (unsigned k = 0; k < 500; k++) {
			list[k] = ev;
			secret_random(list[k].item, 16);
		}
		assert_int_equal(journal_append(s->st->journal, list, 500, &e), 0);
		free(list);
	}
	stage_leave(s);
	stage_shell(s, "mv segments ../away && mkdir segments");
	stage_enter(s, STAGE_WS, STATION_REINDEX | STATION_NO_CATCH_UP);
	assert_int_equal(run(s).pending, 5000 + 2 * ITEMS);
	stage_shell(s, "rmdir segments && mv ../away segments");
	stage_leave(s);
	stage_enter(s, STAGE_WS, STATION_NO_CATCH_UP);
	do {
		stage_log(s, &tick, 1);
		r = run(s);
	} while (++runs < 6 && r.pending > 5000);
	assert_int_equal(r.pending, 5000);
	all_there(s);
}

#define ON_STAGE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(test_repeat),	ON_STAGE(test_spoil), ON_STAGE(test_replace),
		ON_STAGE(test_zero_id), ON_STAGE(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
