/* SPDX-License-Identifier: Apache-2.0 */
/* line: what is on disk is what was logged, or the line is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/ledger.h"
#include "index/line.h"
#include "tests/lib/journals.h"
#include "tests/lib/place.h"

#define NUMBER 7u
#define SIGNED 300u /* more than a tile */
#define MORE 10u
#define LINES (SIGNED + MORE)

struct desk {
	struct journals t;
	struct journals_text lines, note;
};

static void desk_new(struct desk *d)
{
	journals_new(&d->t);
	journals_make(&d->t, SIGNED, MORE);
	d->lines = journals_text(&d->t, "jsonl");
	d->note = journals_text(&d->t, "checkpoint");
}

static void desk_free(struct desk *d)
{
	free(d->lines.p);
	free(d->note.p);
	journals_free(&d->t);
}

/* Index the first n lines. */
static void index_lines(struct place *p, const struct desk *d, unsigned n)
{
	struct ledger_journal j = {.number = NUMBER};
	struct db_txn *t = place_begin(p);
	struct db_batch *b = place_batch(p);
	struct tree_writer *w;

	memcpy(j.node, d->t.id->pub.id, 16);
	assert_int_equal(tree_writer_new(&w, t, NUMBER, &j.state, NULL), 0);
	db_abort(t);
	for (unsigned i = 0; i < n; i++) {
		size_t at = journals_line(d->lines.p, d->lines.n, i);
		size_t len = journals_line(d->lines.p, d->lines.n, i + 1) - at - 1;
		merkle_hash leaf;

		merkle_leaf(leaf, d->lines.p + at, len);
		assert_int_equal(tree_append(w, b, leaf, (uint32_t)len), 0);
	}
	assert_int_equal(tree_flush(w, b), 0);
	j.state = *tree_writer_state(w);
	assert_int_equal(ledger_put_journal(b, &j), 0);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
	tree_writer_free(w);
}

/* Change a byte in the middle of line i on disk. */
static void edit(struct desk *d, unsigned i)
{
	char *p = d->lines.p + journals_line(d->lines.p, d->lines.n, i) + 30;

	*p ^= 1;
	journals_put(&d->t, "jsonl", d->lines.p, d->lines.n);
	*p ^= 1;
}

static int open_check(struct desk *d, struct db *db, struct line_check **c, struct err *e)
{
	*e = (struct err){0};
	return line_check_open(c, d->t.dirfd, journals_archive, d->t.id->pub.id, &d->t.id->pub, db,
			       e);
}

/* Check all lines on disk: `bad` (LINES: none) is refused and no other, the first `signed_lines` are
 * signed. The end comes as `end`. */
static void run_check(struct desk *d, struct line_check *c, unsigned bad, unsigned signed_lines,
		      int end)
{
	struct journal_reader *r;
	struct text_span line;
	uint64_t off;
	bool is_signed;
	unsigned i = 0;

	assert_int_equal(journal_reader_open(&r, d->t.dirfd, d->t.id->pub.id, 0, NULL), 0);
	for (; journal_reader_next(r, &line, &off, NULL) == 0; i++) {
		assert_int_equal(line_check_next(c, line, &is_signed, NULL),
				 i == bad ? ERR_DAMAGED : 0);
		if (i != bad)
			assert_int_equal(is_signed, i < signed_lines);
		assert_int_equal(line_check_count(c), i + 1);
	}
	assert_int_equal(line_check_end(c, NULL), end);
	journal_reader_close(r);
	line_check_close(c);
}

/* By its place. */
static void test_read(void **state)
{
	static const unsigned some[] = {0, 1, 254, 255, 256, 257, LINES - 1};
	struct tree_reader r = {.journal = NUMBER, .size = LINES};
	struct place *p = *state;
	struct wire_out out = {0};
	struct desk d;
	struct err e;

	desk_new(&d);
	index_lines(p, &d, LINES);
	r.txn = place_begin(p);
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		size_t at = journals_line(d.lines.p, d.lines.n, some[i]);
		size_t len = journals_line(d.lines.p, d.lines.n, some[i] + 1) - at - 1;
		char named[32];

		wire_out_reset(&out);
		wire_out_bytes(&out, "before", 6);
		assert_int_equal(line_read(&r, d.t.dirfd, d.t.id->pub.id, some[i], &out, NULL), 0);
		assert_int_equal(out.n, 6 + len);
		assert_memory_equal(out.p + 6, d.lines.p + at, len);
		edit(&d, some[i]);
		out.n = 6;
		assert_int_equal(line_read(&r, d.t.dirfd, d.t.id->pub.id, some[i], &out, &e),
				 ERR_DAMAGED);
		assert_int_equal(out.n, 6);
		snprintf(named, sizeof(named), "line %u (at byte", some[i] + 1);
		assert_non_null(strstr(e.text, named));
		journals_put_lines(&d.t, d.lines);
	}
	assert_int_equal(line_read(&r, d.t.dirfd, d.t.id->pub.id, LINES, &out, NULL), ERR_INDEX);
	/* Another length. */
	journals_put(&d.t, "jsonl", d.lines.p, d.lines.n - 1);
	assert_int_equal(line_read(&r, d.t.dirfd, d.t.id->pub.id, LINES - 1, &out, NULL),
			 ERR_DAMAGED);
	db_abort(r.txn);
	wire_out_free(&out);
	desk_free(&d);
}

/* However much of the journal is indexed, an edited line is named if it is indexed, and nothing is held
 * for signed if the checkpoint signs other lines behind the index. */
static void test_check(void **state)
{
	static const unsigned indexed[] = {0, 1, 256, SIGNED - 1, SIGNED, SIGNED + 1, LINES};
	static const unsigned edited[] = {1, 255, 256, SIGNED - 1, SIGNED, LINES - 1};
	struct place *p = *state;
	struct line_check *c;
	struct desk d;
	struct err e;

	desk_new(&d);
	for (size_t i = 0; i < sizeof(indexed) / sizeof(indexed[0]); i++) {
		struct db *db = i > 0 ? p->db : NULL;

		if (db)
			index_lines(p, &d, indexed[i]);
		assert_int_equal(open_check(&d, db, &c, &e), 0);
		run_check(&d, c, LINES, SIGNED, 0);
		for (size_t k = 0; k < sizeof(edited) / sizeof(edited[0]); k++) {
			bool seen = edited[k] < indexed[i];
			bool forged = !seen && edited[k] < SIGNED;

			edit(&d, edited[k]);
			assert_int_equal(open_check(&d, db, &c, &e), forged ? ERR_FORGED : 0);
			run_check(&d, c, seen ? edited[k] : LINES, forged ? 0 : SIGNED, 0);
			journals_put_lines(&d.t, d.lines);
		}
	}
	desk_free(&d);
}

/* What changes between the look at the checkpoint and the line. */
static void test_changes(void **state)
{
	struct line_check *c;
	struct desk d;
	struct err e;

	(void)state;
	desk_new(&d);
	assert_int_equal(open_check(&d, NULL, &c, &e), 0);
	edit(&d, 5);
	run_check(&d, c, SIGNED - 1, SIGNED, 0); /* the last that is signed tells */
	desk_free(&d);
}

static void test_short(void **state)
{
	struct place *p = *state;
	struct journals_text cut;
	struct line_check *c;
	struct desk d;
	struct err e;

	desk_new(&d);
	cut = d.lines;
	cut.n = journals_line(d.lines.p, d.lines.n, SIGNED - 1);
	journals_put_lines(&d.t, cut);
	assert_int_equal(open_check(&d, NULL, &c, &e), ERR_ROLLBACK);
	run_check(&d, c, LINES, 0, 0);
	index_lines(p, &d, LINES);
	assert_int_equal(open_check(&d, p->db, &c, &e), 0);
	run_check(&d, c, LINES, SIGNED, ERR_ROLLBACK);
	/* No journal at all, under a checkpoint that is good. */
	journals_remove(&d.t, "jsonl");
	assert_int_equal(open_check(&d, NULL, &c, &e), ERR_ROLLBACK);
	line_check_close(c);
	desk_free(&d);
}

static void test_checkpoint(void **state)
{
	static const uint8_t root[32] = {1};
	struct place *p = *state;
	struct line_check *c;
	struct desk d;
	struct err e;

	desk_new(&d);
	index_lines(p, &d, LINES);
	for (unsigned with = 0; with < 2; with++) {
		struct db *db = with ? p->db : NULL;
		char digit;

		/* None, none that counts, one of other lines, a forged one. */
		journals_remove(&d.t, "checkpoint");
		assert_int_equal(open_check(&d, db, &c, &e), 0);
		run_check(&d, c, LINES, 0, 0);
		journals_restore(&d.t, d.lines, d.note);
		assert_int_equal(line_check_open(&c, d.t.dirfd, journals_archive, d.t.id->pub.id,
						 NULL, db, &e),
				 0);
		run_check(&d, c, LINES, 0, 0);
		journals_put_checkpoint(&d.t, SIGNED, root);
		assert_int_equal(open_check(&d, db, &c, &e), ERR_FORGED);
		run_check(&d, c, LINES, 0, 0);
		journals_put_checkpoint(&d.t, LINES + 1, root);
		assert_int_equal(open_check(&d, db, &c, &e), ERR_ROLLBACK);
		run_check(&d, c, LINES, 0, 0);
		/* Another digit of the signature; 'A' and 'B' are in the alphabet. */
		digit = d.note.p[d.note.n - 10];
		d.note.p[d.note.n - 10] = digit == 'A' ? 'B' : 'A';
		journals_put(&d.t, "checkpoint", d.note.p, d.note.n);
		assert_int_equal(open_check(&d, db, &c, &e), ERR_FORGED);
		run_check(&d, c, LINES, 0, 0);
		d.note.p[d.note.n - 10] = digit;
		journals_put(&d.t, "checkpoint", "x\n", 2);
		assert_int_equal(open_check(&d, db, &c, &e), ERR_MALFORMED);
		run_check(&d, c, LINES, 0, 0);
		journals_restore(&d.t, d.lines, d.note);
	}
	line_check_close(NULL);
	desk_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST_OPEN(test_read),	  PLACE_TEST_OPEN(test_check),
		PLACE_TEST_OPEN(test_changes),	  PLACE_TEST_OPEN(test_short),
		PLACE_TEST_OPEN(test_checkpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
