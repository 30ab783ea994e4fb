/* SPDX-License-Identifier: Apache-2.0 */
/* view, view_name, view_write: names of all kinds; random items, in small and big batches, each found
 * by every folder that it belongs to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/object_value.h"
#include "index/view.h"
#include "index/view_name.h"
#include "index/view_write.h"
#include "tests/lib/place.h"

/* ---- names ---- */

static void text(const char *in, size_t n, const char *want)
{
	char out[VIEW_NAME_MAX + 1];

	view_name_text(out, in, n);
	assert_string_equal(out, want);
	assert_true(record_name_ok(out, strlen(out)));
}
#define TEXT(in, want) text(in, sizeof(in) - 1, want)

static void test_texts(void **state)
{
	char long_text[600], out[VIEW_NAME_MAX + 1], other[VIEW_NAME_MAX + 1];

	(void)state;
	TEXT("2506", "2506");
	TEXT(".", "%2E");
	TEXT("..", "%2E.");
	TEXT("../../etc", "%2E.%2F..%2Fetc");
	TEXT("/", "%2F");
	TEXT(" a b ", "%20a b%20");
	TEXT(" ", "%20");
	TEXT("50%", "50%25");
	TEXT("a\nb\x7f", "a%0Ab%7F");
	TEXT("\xc3\x96\xe7\x95\x8c", "\xc3\x96\xe7\x95\x8c");
	TEXT("\xff\xc3", "%FF%C3");
	TEXT("\xc2\x85", "%C2%85");
	TEXT("a\xe2\x80\xae"
	     "b",
	     "a%E2%80%AEb");
	TEXT("\xe2\x81\xa6", "%E2%81%A6");
	for (size_t n = 190; n < sizeof(long_text); n++) {
		memset(long_text, n % 2 ? '/' : 'x', n);
		long_text[n - 1] = 'e';
		view_name_text(out, long_text, n);
		assert_true(strlen(out) <= VIEW_NAME_MAX && record_name_ok(out, strlen(out)));
		long_text[n - 1] = 'f'; /* differs where it was cut */
		view_name_text(other, long_text, n);
		assert_string_not_equal(out, other);
	}
}

static void link_name(const char *plain, unsigned claim, const char *want)
{
	static const uint8_t item[16] = {0xab, 0xcd, 0xef, 1, 2};
	char out[RECORD_NAME_MAX + 1];

	view_name_link(out, plain, item, 77, claim);
	assert_string_equal(out, want);
}

static void test_links(void **state)
{
	char longest[RECORD_NAME_MAX + 1], out[RECORD_NAME_MAX + 1];
	static const uint8_t item[16];

	(void)state;
	link_name("car1.jpg", 0, "car1.jpg");
	link_name("car1.jpg", 1, "car1~abcdef01.jpg");
	link_name("car1.jpg", 2, "car1~abcdef01020000000000000000000000.jpg");
	link_name("a.b", 3, "a~abcdef01020000000000000000000000-000000000000004d.b");
	link_name("plain", 1, "plain~abcdef01");
	link_name(".hidden", 1, ".hidden~abcdef01");
	link_name("x.", 1, "x~abcdef01.");
	link_name("x.this is no ending", 1, "x.this is no ending~abcdef01");
	memset(longest, 'n', RECORD_NAME_MAX);
	longest[RECORD_NAME_MAX] = '\0';
	for (unsigned dot = 200; dot < RECORD_NAME_MAX; dot++) {
		longest[dot] = '.';
		for (unsigned claim = 0; claim < VIEW_NAME_CLAIMS; claim++) {
			view_name_link(out, longest, item, 1, claim);
			assert_int_equal(strlen(out), RECORD_NAME_MAX);
		}
		longest[dot] = 'n';
	}
}

/* ---- items ---- */

#define ITEMS 6000u
#define NAMES 40u

struct item {
	uint64_t ino;
	char plain[16];
	struct facts f;
};

static uint64_t chance(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *state >> 33;
}

static struct item make(unsigned i, uint64_t *r)
{
	static const char *const ports[] = {"", "2506", "..", "2/5"};
	struct item it = {.ino = 1000 + i};

	/* Few names, so that most are taken; ids that begin alike, so that short tags are too. */
	snprintf(it.plain, sizeof(it.plain), "n%u.jpg", (unsigned)(chance(r) % NAMES));
	it.f.time_ms = (int64_t)(chance(r) % 3) * 86400000;
	it.f.clock = chance(r) % 4 ? FACTS_CAPTURED : FACTS_MODIFIED;
	it.f.text[FACTS_PORT].p = ports[chance(r) % 4];
	it.f.text[FACTS_PORT].n = strlen(it.f.text[FACTS_PORT].p);
	it.f.readings = (unsigned)(chance(r) % 3);
	for (unsigned k = 0; k < it.f.readings; k++)
		snprintf(it.f.reading[k].plate, sizeof(it.f.reading[k].plate), "%.*s",
			 (int)(chance(r) % 5), "ABCDEF" + chance(r) % 2);
	return it;
}

static void put_object(struct db_batch *b, const struct item *it)
{
	struct object_value v = {.o = {.kind = OBJECT_ITEM, .parent = 1}};
	struct wire_out out = {0};

	v.o.item[0] = (uint8_t)(it->ino % 3);
	wire_put64(v.o.item + 8, it->ino / 2); /* pairs have one id */
	strcpy(v.plain, it->plain);
	object_value_encode(&out, &v);
	assert_int_equal(db_batch_put(b, KEY_OBJECT, key_ino(it->ino), out.p, out.n), 0);
	wire_out_free(&out);
}

static void add(struct place *p, struct view_writer *w, const struct item *it, unsigned n,
		uint64_t turn)
{
	struct db_txn *t = place_begin(p);
	struct db_batch *b = place_batch(p);
	bool changed = false;

	for (unsigned i = 0; i < n; i++) {
		put_object(b, &it[i]);
		assert_int_equal(view_add(w, it[i].ino, it[i].plain, strlen(it[i].plain), &it[i].f),
				 0);
	}
	assert_int_equal(view_flush(w, b, t, turn, &changed, NULL), 0);
	db_abort(t);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
}

/* break_off: once, as if the machine stopped after a batch. */
static void settle(struct place *p, uint64_t *turn, bool break_off)
{
	for (;;) {
		struct view_settle *s;
		struct db_txn *t = place_begin(p);
		bool done = false;
		int rc = view_settle_begin(&s, t, NULL);

		db_abort(t);
		if (rc == ERR_NOTFOUND)
			return;
		assert_int_equal(rc, 0);
		while (!done) {
			struct db_batch *b = place_batch(p);

			t = place_begin(p);
			assert_int_equal(view_settle_step(s, b, t, ++*turn, &done, NULL), 0);
			db_abort(t);
			if (!(break_off && done))
				assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
			db_batch_free(b);
		}
		break_off = false;
		view_settle_free(s);
	}
}

/* ---- what is shown ---- */

struct seen {
	struct db_txn *t;
	const struct item *it;
	uint64_t folder, last;
	uint8_t links[ITEMS]; /* found here */
	unsigned n;
};

static int look(void *ctx, const struct view_entry *en)
{
	struct seen *s = ctx;
	struct view_entry same;

	assert_true(en->place > s->last);
	s->last = en->place;
	/* A name leads to what was listed, and to one thing. */
	assert_int_equal(view_lookup(s->t, s->folder, en->name, &same, NULL), 0);
	assert_true(same.number == en->number && same.place == en->place);
	if (view_is_link(en->number)) {
		uint64_t i = view_item(en->number) - 1000;

		assert_true(i < ITEMS && !s->links[i]);
		s->links[i] = 1;
		s->n++;
	}
	return 0;
}

static uint64_t enter(struct db_txn *t, uint64_t dir, const struct view_name *name)
{
	struct view_entry en;

	for (unsigned i = 0; i < VIEW_NAME_DEPTH; i++) {
		assert_int_equal(view_lookup(t, dir, name->part[i], &en, NULL), 0);
		assert_true(view_is_folder(en.number));
		assert_int_equal(view_exists(t, en.number, NULL), 0);
		dir = en.number;
	}
	return dir;
}

static bool same(const struct view_name *a, const struct view_name *b)
{
	for (unsigned i = 0; i < VIEW_NAME_DEPTH; i++)
		if (strcmp(a->part[i], b->part[i]) != 0)
			return false;
	return true;
}

/* In view k, under name: the folder has all that belong there, and no more. */
static void check_folder(struct db_txn *t, const struct item *it, enum view_kind k,
			 const struct view_name *name)
{
	static struct seen s;
	unsigned want = 0;

	memset(&s, 0, sizeof(s));
	s.t = t;
	s.it = it;
	s.folder = enter(t, view_top(db_txn_name_key(t), k), name);
	assert_int_equal(view_each(t, s.folder, 0, look, &s, NULL), 0);
	for (unsigned i = 0; i < ITEMS; i++) {
		struct view_name own;
		bool here = false;

		if (k == VIEW_DATE)
			here = view_name_date(&own, &it[i].f) && same(&own, name);
		else if (k == VIEW_PORT)
			here = view_name_port(&own, &it[i].f) && same(&own, name);
		for (unsigned g = 0; k == VIEW_PLATE && g < it[i].f.readings; g++)
			here = here || (view_name_plate(&own, &it[i].f, g) && same(&own, name));
		assert_int_equal(s.links[i], here);
		want += here;
	}
	assert_int_equal(s.n, want);
}

static void test_items(void **state)
{
	static const unsigned batches[] = {1, 400, 2, 2000, 30, 1500, 1, 2066};
	struct place *p = *state;
	struct item *it = calloc(ITEMS, sizeof(*it));
	struct view_writer *w;
	struct view_entry en;
	struct view_name name;
	uint64_t r = 11, turn = 1;
	unsigned at = 0;
	struct db_txn *t;

	assert_non_null(it);
	for (unsigned i = 0; i < ITEMS; i++)
		it[i] = make(i, &r);
	assert_int_equal(view_writer_new(&w, db_name_key(p->db)), 0);
	for (unsigned i = 0; i < sizeof(batches) / sizeof(*batches); at += batches[i++]) {
		add(p, w, it + at, batches[i], ++turn);
		if (i % 3 == 2)
			settle(p, &turn, i == 5);
	}
	assert_int_equal(at, ITEMS);
	/* Told again, it is shown once. */
	add(p, w, it, 3, ++turn);
	settle(p, &turn, false);
	view_writer_free(w);
	t = place_begin(p);
	for (unsigned i = 0; i < 40; i++) {
		memset(&name, 0, sizeof(name));
		if (view_name_date(&name, &it[i].f))
			check_folder(t, it, VIEW_DATE, &name);
		if (view_name_port(&name, &it[i].f))
			check_folder(t, it, VIEW_PORT, &name);
		for (unsigned g = 0; g < it[i].f.readings; g++)
			if (view_name_plate(&name, &it[i].f, g))
				check_folder(t, it, VIEW_PLATE, &name);
	}
	assert_int_equal(view_lookup(t, view_top(db_txn_name_key(t), VIEW_DATE), "1969", &en, NULL),
			 ERR_NOTFOUND);
	assert_int_equal(view_lookup(t, view_top(db_txn_name_key(t), VIEW_DATE), "..", &en, NULL),
			 ERR_NOTFOUND);
	assert_int_equal(view_exists(t, view_folder(5), NULL), ERR_NOTFOUND);
	db_abort(t);
	free(it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_links),
		PLACE_TEST_OPEN(test_items),
	};

	return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
