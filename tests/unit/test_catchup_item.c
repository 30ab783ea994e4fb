/* SPDX-License-Identifier: Apache-2.0 */
/* catchup: items whose heads can't be read are put aside and come back; fraud with items. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/catchup.h"
#include "tests/lib/stage.h"

static int set_up(void **state)
{
	struct stage *s = malloc(sizeof(*s));

	stage_open(s);
	*state = s;
	stage_ingest(s, STAGE_CAP, "otay", "us/car", 10, NULL);
	return 0;
}

static int tear_down(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static struct catchup_result run(struct stage *s)
{
	struct catchup_result r;
	struct err e = {0};

	if (catchup_run(s->st, 0, &r, NULL, NULL, &e))
		fail_msg("%s", e.text);
	return r;
}

/* Where an item's head lies. */
static struct object locate(struct stage *s, const char *path)
{
	struct object o;

	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(stage_find(s, path, &o), 0);
	stage_leave(s);
	return o;
}

static void segment_file(const struct stage *s, const struct object *o, char path[FIXTURE_PATH])
{
	char name[SEGMENT_PATH_MAX];

	segment_path(name, o->segment);
	assert_true(snprintf(path, FIXTURE_PATH, "%s/segments/%s", s->archive, name) <
		    FIXTURE_PATH);
}

static void flip(const struct stage *s, const struct object *o, uint64_t at)
{
	char path[FIXTURE_PATH], *p;
	size_t n;

	segment_file(s, o, path);
	p = fixture_read(path, &n);
	assert_true(at < n);
	p[at] ^= 0x10;
	fixture_write(path, p, n);
	free(p);
}

struct history {
	unsigned n;
	uint64_t seq[8];
};

static int note_event(void *ctx, uint32_t journal, uint64_t seq)
{
	struct history *h = ctx;

	(void)journal;
	assert_true(h->n < 8);
	h->seq[h->n++] = seq;
	return 0;
}

static struct history history(struct stage *s, const uint8_t item[16])
{
	struct history h = {0};
	struct db_txn *t;

	assert_int_equal(db_begin(&t, s->st->db, false, NULL), 0);
	assert_int_equal(ledger_events(t, item, note_event, &h, NULL), 0);
	db_abort(t);
	return h;
}

/* Each byte of a head that matters, one after the other. */
static void test_damaged_head(void **state)
{
	struct stage *s = *state;
	struct object o = locate(s, "otay/us/car3.jpg"), got;
	const uint32_t at[] = {0, 11, 20, 40, 50, 64, 75, 81, 130, 186, 190, o.headlen - 1};
	struct catchup_result r;

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		flip(s, &o, o.offset + at[i]);
		stage_enter(s, STAGE_WS, STATION_REINDEX | STATION_NO_CATCH_UP);
		r = run(s);
		assert_int_equal(r.items, 9);
		assert_int_equal(r.pending, 1);
		assert_int_equal(stage_items(s), 9);
		assert_int_equal(stage_find(s, "otay/us/car3.jpg", &got), ERR_NOTFOUND);
		assert_int_equal(stage_find(s, "otay/us/car4.jpg", &got), 0);
		/* Its history is known all the same. */
		assert_int_equal(history(s, o.item).n, 1);
		assert_int_equal(history(s, o.item).seq[0], o.seq);
		stage_leave(s);
		flip(s, &o, o.offset + at[i]);
	}
	/* Content is not looked at here. */
	flip(s, &o, o.offset + o.headlen);
	stage_enter(s, STAGE_WS, STATION_REINDEX);
	assert_int_equal(stage_items(s), 10);
}

static void test_comes_back(void **state)
{
	struct stage *s = *state;
	struct object o = locate(s, "otay/us/car3.jpg"), got;
	struct wire_out before = {0}, after = {0};
	struct catchup_result r;

	stage_enter(s, STAGE_WS, 0);
	stage_dump(s, &before);
	stage_leave(s);
	flip(s, &o, o.offset + 100);
	stage_enter(s, STAGE_WS, STATION_REINDEX);
	assert_int_equal(stage_items(s), 9);
	stage_leave(s);
	/* Still damaged, still aside. */
	stage_enter(s, STAGE_WS, STATION_NO_CATCH_UP);
	r = run(s);
	assert_int_equal(r.pending, 1);
	/* Restored: back as soon as something is new. */
	flip(s, &o, o.offset + 100);
	r = run(s);
	assert_int_equal(r.pending, 1);
	stage_log(s, &(struct event){.type = EVENT_MOUNTED, .uid = 1, .user = "x"}, 1);
	r = run(s);
	assert_int_equal(r.items, 1);
	assert_int_equal(r.pending, 0);
	assert_int_equal(stage_find(s, "otay/us/car3.jpg", &got), 0);
	assert_int_equal(got.seq, o.seq);
	assert_int_equal(history(s, o.item).n, 1);
	stage_dump(s, &after);
	assert_int_equal(before.n, after.n);
	assert_memory_equal(before.p, after.p, after.n);
	wire_out_free(&before);
	wire_out_free(&after);
}

static void test_missing_segment(void **state)
{
	struct stage *s = *state;
	struct object o = locate(s, "otay/us/car3.jpg"), got;
	struct catchup_result r;
	char path[FIXTURE_PATH], away[FIXTURE_PATH + 2];

	stage_ingest(s, STAGE_CAP, "otay", "mx/car", 4, NULL);
	segment_file(s, &o, path);
	snprintf(away, sizeof(away), "%s.x", path);
	assert_int_equal(rename(path, away), 0);
	stage_enter(s, STAGE_WS, STATION_REINDEX | STATION_NO_CATCH_UP);
	r = run(s);
	assert_int_equal(r.pending, 10);
	assert_int_equal(stage_items(s), 4);
	assert_int_equal(stage_find(s, "otay/us", &got), ERR_NOTFOUND);
	stage_leave(s);
	assert_int_equal(rename(away, path), 0);
	/* Opening tries again. */
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(stage_items(s), 14);
}

/* The header of a segment: its digest is in the log. */
static void test_damaged_header(void **state)
{
	struct stage *s = *state;
	struct object o = locate(s, "otay/us/car3.jpg");
	const uint32_t at[] = {0, 9, 13, 25, 45, 60, 80, 110, 200, 400};

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		flip(s, &o, at[i]);
		stage_enter(s, STAGE_WS, STATION_REINDEX);
		assert_int_equal(stage_items(s), 0);
		stage_leave(s);
		flip(s, &o, at[i]);
	}
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(stage_items(s), 10);
}

/* ---- a node that lies ---- */

/* The ingest event of an item, from the capture node's journal. */
static struct event ingest_event(struct stage *s, const struct object *o)
{
	struct journal_reader *r;
	struct text_span line;
	struct event ev = {0};
	struct archive *a;
	uint64_t off;
	struct err e;

	assert_int_equal(archive_open(&a, s->archive, &e), 0);
	assert_int_equal(journal_reader_open(&r, a->journal, s->id[STAGE_CAP], 0, &e), 0);
	while (ev.type != EVENT_INGEST || memcmp(ev.item, o->item, 16) != 0) {
		assert_int_equal(journal_reader_next(r, &line, &off, &e), 0);
		assert_int_equal(event_parse(&ev, line), 0);
	}
	journal_reader_close(r);
	archive_close(a);
	return ev;
}

/* An item of another node's accession, claimed in the liar's own log. */
static void test_stolen_item(void **state)
{
	struct stage *s = *state;
	struct object o = locate(s, "otay/us/car3.jpg"), got;
	struct event ev = ingest_event(s, &o);
	struct catchup_result r;

	stage_enter(s, STAGE_CAP2, 0);
	stage_log(s, &ev, 1);
	stage_leave(s);
	stage_enter(s, STAGE_WS, STATION_NO_CATCH_UP | STATION_REINDEX);
	r = run(s);
	assert_int_equal(r.pending, 1);
	assert_int_equal(r.items, 10);
	assert_int_equal(stage_find(s, "otay/us/car3.jpg", &got), 0);
	assert_memory_equal(got.node, s->id[STAGE_CAP], 16);
}

/* The same item told twice by its own node is one item. */
static void test_told_twice(void **state)
{
	struct stage *s = *state;
	struct object o = locate(s, "otay/us/car3.jpg");
	struct event ev = ingest_event(s, &o);
	struct catchup_result r;

	stage_enter(s, STAGE_CAP, 0);
	stage_log(s, &ev, 2);
	stage_leave(s);
	stage_enter(s, STAGE_WS, STATION_NO_CATCH_UP | STATION_REINDEX);
	r = run(s);
	assert_int_equal(r.pending, 0);
	assert_int_equal(stage_items(s), 10);
}

/* Events that do not fit what they speak of. */
static void test_false_events(void **state)
{
	struct stage *s = *state;
	struct object o = locate(s, "otay/us/car3.jpg"), p = locate(s, "otay/us/car4.jpg");
	struct event ev = ingest_event(s, &o), list[8];
	struct catchup_result r;

	for (unsigned i = 0; i < 8; i++) {
		list[i] = ev;
		memset(list[i].item, (int)i + 1, 16);
	}
	/* 0: only the id is new. */
	list[1].headlen = UINT64_MAX;
	list[2].headlen = 5;
	list[3].offset = UINT64_MAX - 5;
	memset(list[4].segment, 1, 16);
	memset(list[5].accession, 1, 16);
	list[6].commitment[0] ^= 1;
	memcpy(list[6].item, o.item, 16);
	/* 7: the head of one item for another. */
	list[7].offset = p.offset;
	list[7].length = p.length;
	list[7].headlen = p.headlen;
	memcpy(list[7].head, p.head, 32);
	stage_enter(s, STAGE_CAP, 0);
	for (unsigned i = 0; i < 8; i++)
		stage_log(s, &list[i], 1);
	stage_leave(s);
	stage_enter(s, STAGE_WS, STATION_NO_CATCH_UP);
	r = run(s);
	assert_int_equal(r.items, 0);
	assert_int_equal(r.pending, 8);
	assert_int_equal(stage_items(s), 10);
	/* A capture node notes them, and thinks nothing of them. */
	stage_leave(s);
	stage_enter(s, STAGE_CAP, 0);
	assert_int_equal(history(s, list[0].item).n, 1);
}

/* ---- the history of an item ---- */

static void test_history(void **state)
{
	struct stage *s = *state;
	struct object o = locate(s, "otay/us/car3.jpg");
	struct event ev = {.type = EVENT_DAMAGED, .length = 5, .what = "x"};
	struct event no = {.type = EVENT_REFUSED,
			   .what = "open",
			   .reason = "not-covered",
			   .uid = 1,
			   .user = "u",
			   .program = "p",
			   .count = 1};
	struct history h;

	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(history(s, o.item).n, 1);
	stage_log(s, &ev, 1); /* of no item */
	memcpy(ev.item, o.item, 16);
	memcpy(no.item, o.item, 16);
	stage_log(s, &ev, 1);
	stage_log(s, &no, 1);
	run(s);
	h = history(s, o.item);
	assert_int_equal(h.n, 3);
	assert_int_equal(h.seq[0], o.seq);
	assert_int_equal(h.seq[2], h.seq[1] + 1);
}

#define ON_STAGE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(test_damaged_head),	ON_STAGE(test_comes_back),
		ON_STAGE(test_missing_segment), ON_STAGE(test_damaged_header),
		ON_STAGE(test_stolen_item),	ON_STAGE(test_told_twice),
		ON_STAGE(test_false_events),	ON_STAGE(test_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
