/* SPDX-License-Identifier: Apache-2.0 */
/* sorted, view_queue: random sets in many blocks against a plain array; blocks that were damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "index/sorted.h"
#include "index/view_queue.h"
#include "tests/lib/place.h"

#define MODEL_MAX 20000u

/* What the set should hold, sorted. */
struct value {
	uint64_t dir, place;
	uint8_t n, fill;
};
static struct value model[MODEL_MAX];
static size_t models;

static uint64_t chance(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *state >> 33;
}

static int by_place(const void *va, const void *vb)
{
	const struct value *a = va, *b = vb;

	if (a->dir != b->dir)
		return a->dir < b->dir ? -1 : 1;
	return (a->place > b->place) - (a->place < b->place);
}

static struct value *known(const struct value *v, size_t n)
{
	return bsearch(v, model, n, sizeof(*model), by_place);
}

static struct sorted_entry entry_of(const struct value *v, uint8_t bytes[SORTED_VALUE_MAX])
{
	memset(bytes, v->fill, v->n);
	return (struct sorted_entry){v->dir, v->place, bytes, v->n};
}

/* ---- a source ---- */

struct source {
	struct value *v;
	size_t n, at, lost;
	uint8_t bytes[SORTED_VALUE_MAX];
};

static int peek(void *ctx, struct sorted_entry *en, struct err *e)
{
	struct source *s = ctx;

	(void)e;
	if (s->at == s->n)
		return ERR_NOTFOUND;
	*en = entry_of(&s->v[s->at], s->bytes);
	return 0;
}

static void take(void *ctx)
{
	((struct source *)ctx)->at++;
}

static int lost(void *ctx, const struct sorted_entry *en, struct err *e)
{
	(void)en, (void)e;
	((struct source *)ctx)->lost++;
	return 0;
}

static int next(void *ctx, struct sorted_entry *en)
{
	int rc = peek(ctx, en, NULL);

	if (rc == 0)
		take(ctx);
	return rc;
}

/* n values; some in folders of many, some places taken, some twice. */
static struct source make(size_t n, uint64_t *r)
{
	struct source s = {.v = calloc(n, sizeof(*s.v)), .n = n};

	assert_non_null(s.v);
	for (size_t i = 0; i < n; i++) {
		struct value *v = &s.v[i];

		v->dir = chance(r) % 3 ? chance(r) % 4 : chance(r) % 5000 * 7;
		v->place = chance(r) % 20000 + 1;
		v->n = (uint8_t)(chance(r) % 50 ? 1 + chance(r) % 20 : 255);
		v->fill = (uint8_t)(chance(r) % 2);
	}
	qsort(s.v, n, sizeof(*s.v), by_place);
	return s;
}

/* The same into the model; how many lose their place. */
static size_t insert_model(const struct source *s)
{
	size_t losers = 0, before = models;

	for (size_t i = 0; i < s->n; i++) {
		const struct value *v = &s->v[i], *there = known(v, before);

		/* Its own are in order too, behind those that were there before. */
		if (!there && models > before && by_place(&model[models - 1], v) == 0)
			there = &model[models - 1];
		if (!there) {
			assert_true(models < MODEL_MAX);
			model[models++] = *v;
			continue;
		}
		losers += there->n != v->n || there->fill != v->fill;
	}
	qsort(model, models, sizeof(*model), by_place);
	return losers;
}

static void insert(struct place *p, struct source *s, size_t max_blocks)
{
	const struct sorted_source src = {peek, take, lost, s};

	do {
		struct db_txn *t = place_begin(p);
		struct db_batch *b = place_batch(p);

		assert_int_equal(sorted_insert(b, t, &src, max_blocks, NULL), 0);
		db_abort(t);
		assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
		db_batch_free(b);
	} while (max_blocks && s->at < s->n);
	assert_int_equal(s->at, s->n);
}

/* ---- comparing ---- */

struct walk {
	size_t at, stop;
};

static int compare(void *ctx, const struct sorted_entry *en)
{
	uint8_t bytes[SORTED_VALUE_MAX];
	struct walk *w = ctx;
	struct sorted_entry want;

	if (w->at == w->stop)
		return 7;
	assert_true(w->at < models);
	want = entry_of(&model[w->at++], bytes);
	assert_int_equal(sorted_compare(en, &want), 0);
	assert_true(sorted_same_value(en, &want));
	return 0;
}

static void check_folder(struct db_txn *t, uint64_t dir, uint64_t from, size_t stop)
{
	struct walk w = {.stop = SIZE_MAX};
	int rc;

	while (w.at < models &&
	       (model[w.at].dir < dir || (model[w.at].dir == dir && model[w.at].place < from)))
		w.at++;
	w.stop = stop == SIZE_MAX ? stop : w.at + stop;
	rc = sorted_each(t, dir, from, compare, &w, NULL);
	assert_true(rc == 0 || (rc == 7 && w.at == w.stop));
	if (rc == 0)
		assert_true(w.at == models || model[w.at].dir != dir);
}

static void check(struct place *p, uint64_t *r)
{
	struct db_txn *t = place_begin(p);
	uint64_t blocks;

	for (uint64_t dir = 0; dir < 6; dir++)
		check_folder(t, dir, 0, SIZE_MAX);
	for (unsigned i = 0; i < 300; i++) {
		const struct value *v = &model[chance(r) % models];

		check_folder(t, v->dir, v->place + chance(r) % 3 - 1, chance(r) % 3);
		check_folder(t, v->dir + 1, chance(r) % 20000, SIZE_MAX);
	}
	assert_int_equal(db_count(t, KEY_VIEW, &blocks, NULL), 0);
	assert_true(blocks > models * 20 / SORTED_BLOCK_MAX); /* many */
	assert_true(blocks <
		    models * 40 / (SORTED_BLOCK_MAX / 2) + 3); /* half full, at the least */
	db_abort(t);
}

static void test_random(void **state)
{
	static const size_t sizes[] = {3000, 1, 7, 500, 3000, 40, 2, 3000, 1};
	struct place *p = *state;
	uint64_t r = 42;

	models = 0;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct source s = make(sizes[i], &r);

		insert(p, &s, i % 3 == 1 ? 0 : 1 + i % 4 * 5);
		assert_int_equal(s.lost, insert_model(&s));
		s.at = s.lost = 0;
		if (i == 4) { /* what is there changes nothing */
			size_t losers = insert_model(&s);

			insert(p, &s, 0);
			assert_int_equal(s.lost, losers);
		}
		free(s.v);
		check(p, &r);
	}
}

/* ---- what waits ---- */

static void queue(struct place *p, uint64_t turn, struct source *s)
{
	struct db_batch *b = place_batch(p);

	assert_int_equal(view_queue_put(b, turn, next, s, NULL), 0);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
}

static void test_queue(void **state)
{
	const size_t sizes[] = {20000, 30, 1, 9000, 0};
	struct place *p = *state;
	struct view_queue *q = NULL;
	struct sorted_entry en;
	struct db_txn *t;
	struct db_batch *b;
	uint64_t r = 7, chunks, dir = 0, place = 0;
	size_t n = 0;

	t = place_begin(p);
	assert_int_equal(view_queue_open(&q, t, NULL), ERR_NOTFOUND);
	db_abort(t);
	for (unsigned i = 0; i < 5; i++) {
		struct source s = make(sizes[i], &r);

		queue(p, 10 + i * 3, &s);
		free(s.v);
	}
	t = place_begin(p);
	assert_int_equal(view_queue_open(&q, t, NULL), 0);
	while (view_queue_peek(q, &en, NULL) == 0) {
		assert_true(en.dir > dir || (en.dir == dir && en.place >= place));
		dir = en.dir;
		place = en.place;
		view_queue_take(q);
		if (++n % 5000 == 0) { /* transactions end in between */
			db_abort(t);
			t = place_begin(p);
			view_queue_go_on(q, t);
		}
	}
	assert_int_equal(n, 29031);
	assert_int_equal(view_queue_count(t, &chunks, NULL), 0);
	assert_true(chunks > 7);
	db_abort(t);
	b = place_batch(p);
	assert_int_equal(view_queue_drop(q, b, NULL), 0);
	view_queue_close(q);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
	t = place_begin(p);
	assert_int_equal(view_queue_count(t, &chunks, NULL), 0);
	assert_int_equal(chunks, 0);
	db_abort(t);
}

/* ---- damage ---- */

static void spoil(struct place *p, const void *bytes, size_t n)
{
	struct db_batch *b = place_batch(p);

	assert_int_equal(db_batch_put(b, KEY_VIEW, key_view(UINT64_MAX, UINT64_MAX), bytes, n), 0);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
}

static int count(void *ctx, const struct sorted_entry *en)
{
	(void)en;
	++*(size_t *)ctx;
	return 0;
}

/* A block that opens, and says nonsense. */
static void test_damage(void **state)
{
	static const uint8_t cut[] = {0, 0, 0, 0, 0, 0, 0, 0, 9, 5, 0, 0};
	static const uint8_t no_folder[] = {1, 0, 0, 0, 0, 0, 0, 0, 1, 'x'};
	static const uint8_t empty[] = {0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	static const struct {
		const uint8_t *p;
		size_t n;
	} bad[] = {{cut, sizeof(cut)}, {no_folder, sizeof(no_folder)}, {empty, sizeof(empty)}};
	struct place *p = *state;
	struct value v = {9, 1, 1, 1};
	size_t n = 0;

	for (unsigned i = 0; i < 3; i++) {
		struct source s = {.v = &v, .n = 1};
		const struct sorted_source src = {peek, take, lost, &s};
		struct db_batch *b = place_batch(p);
		struct db_txn *t;
		struct err e = {0};

		spoil(p, bad[i].p, bad[i].n);
		t = place_begin(p);
		assert_int_equal(sorted_each(t, 9, 0, count, &n, &e), ERR_INDEX);
		assert_non_null(strstr(e.text, "the index is damaged: a block of the views"));
		assert_int_equal(sorted_insert(b, t, &src, 0, &e), ERR_INDEX);
		db_abort(t);
		db_batch_free(b);
	}
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST_OPEN(test_random),
		PLACE_TEST_OPEN(test_queue),
		PLACE_TEST_OPEN(test_damage),
	};

	return cmocka_run_group_tests_name("sorted", tests, NULL, NULL);
}
