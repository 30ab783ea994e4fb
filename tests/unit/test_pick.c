/* SPDX-License-Identifier: Apache-2.0 */
/* pick: any lines in any order are those that were logged, or named; times are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "index/event.h"
#include "index/pick.h"
#include "index/tree.h"
#include "tests/lib/events.h"
#include "tests/lib/journals.h"
#include "tests/lib/place.h"

#define LINES 700u

struct desk {
	struct journals t;
	struct journals_text lines;
	struct ledger_journal j;
};

static struct text_span line_of(const struct desk *d, unsigned i)
{
	size_t at = journals_line(d->lines.p, d->lines.n, i);

	return (struct text_span){d->lines.p + at,
				  journals_line(d->lines.p, d->lines.n, i + 1) - at - 1};
}

static void desk_new(struct desk *d, struct place *p)
{
	struct db_batch *b = place_batch(p);
	struct db_txn *t = place_begin(p);
	struct tree_writer *w;

	memset(&d->j, 0, sizeof(d->j));
	journals_new(&d->t);
	journals_make(&d->t, LINES, 0);
	d->lines = journals_text(&d->t, "jsonl");
	d->j.number = 4;
	memcpy(d->j.node, d->t.id->pub.id, 16);
	assert_int_equal(tree_writer_new(&w, t, d->j.number, &d->j.state, NULL), 0);
	db_abort(t);
	for (unsigned i = 0; i < LINES; i++) {
		struct text_span line = line_of(d, i);
		merkle_hash leaf;

		merkle_leaf(leaf, line.p, line.n);
		assert_int_equal(tree_append(w, b, leaf, (uint32_t)line.n), 0);
	}
	assert_int_equal(tree_flush(w, b), 0);
	d->j.state = *tree_writer_state(w);
	assert_int_equal(ledger_put_journal(b, &d->j), 0);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
	tree_writer_free(w);
}

static void desk_free(struct desk *d)
{
	free(d->lines.p);
	journals_free(&d->t);
}

static struct pick *open_pick(struct desk *d, struct place *p)
{
	struct pick *k;

	assert_int_equal(pick_open(&k, p->db, d->t.dirfd, &d->j, NULL), 0);
	return k;
}

static int read_line(struct pick *k, const struct desk *d, uint64_t seq, const struct lineset *set)
{
	const size_t at = journals_line(d->lines.p, d->lines.n, (unsigned)seq);
	struct text_span line, want = line_of(d, (unsigned)seq);
	uint64_t off;
	int rc = pick_line(k, seq, set, &line, &off, NULL);

	assert_int_equal(off, at);
	if (rc == 0) {
		assert_int_equal(line.n, want.n);
		assert_memory_equal(line.p, want.p, want.n);
	}
	return rc;
}

static void test_any_lines(void **state)
{
	struct place *p = *state;
	struct desk d;
	struct pick *k;
	uint64_t seed = 3;

	desk_new(&d, p);
	k = open_pick(&d, p);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(read_line(k, &d, events_rnd(&seed) % LINES, NULL), 0);
	for (unsigned every = 1; every < 300; every = 3 * every + 1) {
		struct lineset set;

		assert_int_equal(lineset_init(&set, LINES), 0);
		for (uint64_t i = 0; i < LINES; i += every)
			lineset_add(&set, i);
		for (uint64_t at = 0; lineset_next(&set, &at); at++)
			assert_int_equal(read_line(k, &d, at, &set), 0);
		lineset_free(&set);
	}
	pick_close(k);
	desk_free(&d);
}

static void test_edited_and_cut(void **state)
{
	struct place *p = *state;
	struct desk d;
	struct pick *k;
	struct lineset set;
	struct text_span bad;

	desk_new(&d, p);
	bad = line_of(&d, 300);
	((char *)(uintptr_t)bad.p)[40] ^= 1;
	journals_put(&d.t, "jsonl", d.lines.p, d.lines.n);
	((char *)(uintptr_t)bad.p)[40] ^= 1;
	k = open_pick(&d, p);
	assert_int_equal(lineset_init(&set, LINES), 0);
	lineset_add_range(&set, 0, LINES);
	for (uint64_t i = 0; i < LINES; i++)
		assert_int_equal(read_line(k, &d, i, &set), i == 300 ? ERR_DAMAGED : 0);
	pick_close(k);
	/* cut within a line: those before it are all there */
	journals_put(&d.t, "jsonl", d.lines.p, journals_line(d.lines.p, d.lines.n, 400) + 20);
	k = open_pick(&d, p);
	for (uint64_t i = 0; i < LINES; i++)
		assert_int_equal(read_line(k, &d, i, &set), i < 400 ? 0 : ERR_DAMAGED);
	pick_close(k);
	lineset_free(&set);
	journals_remove(&d.t, "jsonl");
	assert_int_equal(pick_open(&k, p->db, d.t.dirfd, &d.j, NULL), ERR_NOTFOUND);
	desk_free(&d);
}

static void test_times(void **state)
{
	struct place *p = *state;
	struct desk d;
	struct pick *k;
	struct event ev;

	desk_new(&d, p);
	k = open_pick(&d, p);
	for (unsigned i = 0; i < LINES; i += 17) {
		for (int64_t more = -1; more <= 1; more++) {
			uint64_t seq, want = 0;
			int64_t ms;

			assert_int_equal(event_parse(&ev, line_of(&d, i)), 0);
			ms = ev.time_ms + more;
			while (want < LINES && event_parse(&ev, line_of(&d, (unsigned)want)) == 0 &&
			       ev.time_ms < ms)
				want++;
			assert_int_equal(pick_time(k, ms, &seq, NULL), 0);
			assert_int_equal(seq, want);
		}
	}
	pick_close(k);
	desk_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST_OPEN(test_any_lines),
		PLACE_TEST_OPEN(test_edited_and_cut),
		PLACE_TEST_OPEN(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
