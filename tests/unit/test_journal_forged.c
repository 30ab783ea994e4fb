/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journals that somebody changed: edited, moved, inserted and older lines are refused, with the
 * line's number where there is one, and nothing is written.
 */
#include "index/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/journals.h"

static void says_line(char out[32], unsigned i)
{
	snprintf(out, 32, "line %u of", i + 1);
}

/* Every line, in its MAC, time and type: a letter is changed so that the line stays an event. */
static void edit_lines(unsigned signed_lines, unsigned more)
{
	const unsigned lines = signed_lines + more;
	struct journals t;
	char says[32];
	struct journals_text x;

	journals_new(&t);
	journals_make(&t, signed_lines, more);
	x = journals_text(&t, "jsonl");
	for (unsigned i = 0; i < lines; i++) {
		size_t end = journals_line(x.p, x.n, i + 1);
		char *line = x.p + journals_line(x.p, x.n, i);
		char *const places[] = {x.p + end - 10, strstr(line, "\"time\":\"") + 8 + 18,
					strstr(line, "\"type\":\"") + 8 + 4};

		says_line(says, i);
		for (size_t k = 0; k < 3; k++) {
			char was = *places[k];

			*places[k] = was == '1' ? '2' : '1';
			journals_put_lines(&t, x);
			if (i < signed_lines)
				journals_refused(&t, ERR_DAMAGED, says);
			else
				journals_refused(&t, ERR_FORGED, says);
			*places[k] = was;
		}
	}
	journals_put_lines(&t, x);
	assert_int_equal(journal_close(journals_must_open(&t), NULL), 0);
	free(x.p);
	journals_free(&t);
}

static void test_edited_lines(void **state)
{
	(void)state;
	edit_lines(6, 0);
	edit_lines(3, 3);
	edit_lines(0, 6);
}

/* Any one bit of a journal: refused, or, in its last line past the checkpoint, recorded. */
static void test_flipped_bits(void **state)
{
	struct journals_text x, note;
	struct journals t;
	size_t covered, last;

	(void)state;
	journals_new(&t);
	journals_make(&t, 2, 2);
	x = journals_text(&t, "jsonl");
	note = journals_text(&t, "checkpoint");
	covered = journals_line(x.p, x.n, 2);
	last = journals_line(x.p, x.n, 3);
	for (size_t i = 0; i < x.n; i++) {
		struct err e = {0};
		struct journal *j;
		struct event ev;
		int rc;

		x.p[i] = (char)(x.p[i] ^ 1 << (i % 7));
		journals_restore(&t, x, note);
		rc = journals_open(&t, &j, &e);
		if (rc == 0) {
			/* Without the LF before it, the last line is part of the one before. */
			assert_true(i >= last - 1);
			assert_int_equal(journals_check(&t, NULL), i < last ? 3 : 4);
			journals_last(&t, &ev);
			assert_int_equal(ev.type, EVENT_RECOVERED);
			assert_int_equal(journal_close(j, NULL), 0);
		} else {
			assert_int_equal(rc, i < covered ? ERR_DAMAGED : ERR_FORGED);
		}
		x.p[i] = (char)(x.p[i] ^ 1 << (i % 7));
	}
	free(x.p);
	free(note.p);
	journals_free(&t);
}

/* What became of line i when lines were moved: dropped, doubled, swapped with the next. */
static struct journals_text moved(struct journals_text x, unsigned i, unsigned how)
{
	size_t a = journals_line(x.p, x.n, i), b = journals_line(x.p, x.n, i + 1),
	       c = journals_line(x.p, x.n, i + 2);
	struct journals_text y = {malloc(2 * x.n), 0};

	assert_non_null(y.p);
	memcpy(y.p, x.p, a);
	y.n = a;
	if (how == 1) {
		memcpy(y.p + y.n, x.p + a, b - a);
		y.n += b - a;
		memcpy(y.p + y.n, x.p + a, b - a);
		y.n += b - a;
	} else if (how == 2) {
		memcpy(y.p + y.n, x.p + b, c - b);
		y.n += c - b;
		memcpy(y.p + y.n, x.p + a, b - a);
		y.n += b - a;
		b = c;
	}
	memcpy(y.p + y.n, x.p + b, x.n - b);
	y.n += x.n - b;
	return y;
}

static void move_lines(unsigned signed_lines, unsigned more)
{
	const unsigned lines = signed_lines + more;
	struct journals t;
	char says[32];
	struct journals_text x;

	journals_new(&t);
	journals_make(&t, signed_lines, more);
	x = journals_text(&t, "jsonl");
	for (unsigned how = 0; how < 3; how++)
		/* The last line can't be swapped; dropped, it is only missing (see below). */
		for (unsigned i = 0; i < lines - (how != 1); i++) {
			struct journals_text y = moved(x, i, how);
			/* The first line that is not in its place. */
			unsigned bad = how == 1 ? i + 1 : i;

			journals_put_lines(&t, y);
			says_line(says, bad);
			journals_refused(&t, bad < signed_lines ? ERR_DAMAGED : ERR_FORGED, says);
			free(y.p);
		}
	free(x.p);
	journals_free(&t);
}

static void test_moved_lines(void **state)
{
	(void)state;
	move_lines(5, 0);
	move_lines(2, 4);
	move_lines(0, 5);
}

/* A good line of the node, from another journal of it: its number fits, its MAC too. */
static void test_inserted_line(void **state)
{
	struct journals t;
	struct journals_text x, y;
	size_t at;

	(void)state;
	journals_new(&t);
	journals_make(&t, 0, 3);
	x = journals_text(&t, "jsonl");
	at = journals_line(x.p, x.n, 1);
	y.n = x.n + 20;
	y.p = malloc(y.n);
	assert_non_null(y.p);
	memcpy(y.p, x.p, at);
	memcpy(y.p + at, "{\"v\":1,\"seq\":1,....\n", 20);
	memcpy(y.p + at + 20, x.p + at, x.n - at);
	journals_put_lines(&t, y);
	journals_refused(&t, ERR_FORGED, "line 2 of"); /* good lines follow: no crash leaves that */
	free(x.p);
	free(y.p);
	journals_free(&t);
}

/* Two histories of one node that part after the third line, as after a restore from a backup. */
static void test_another_copy(void **state)
{
	struct event ev[2] = {{.type = EVENT_UNMOUNTED, .uid = 1}, {.type = EVENT_UNMOUNTED}};
	struct journals_text old, a, note;
	struct journals t;
	struct journal *j;

	(void)state;
	journals_new(&t);
	journals_make(&t, 3, 0);
	old = journals_text(&t, "jsonl");
	note = journals_text(&t, "checkpoint");
	j = journals_must_open(&t);
	journals_add(j, 4);
	assert_int_equal(journal_close(j, NULL), 0);
	a = journals_text(&t, "jsonl");

	/* The older copy under the newer checkpoint. */
	journals_put_lines(&t, old);
	journals_refused(&t, ERR_ROLLBACK, "ends after 3 lines, but its checkpoint covers 7");
	journals_put_lines(&t, (struct journals_text){old.p, 0});
	journals_refused(&t, ERR_ROLLBACK, "ends after 0 lines");

	/* A line within the checkpoint is torn: that is no crash. */
	journals_put_lines(&t, (struct journals_text){a.p, a.n - 1});
	journals_refused(&t, ERR_ROLLBACK, "ends after 6 lines");

	/* The other history: its MACs are as good, and its checkpoint is shorter than the first. */
	journals_put_lines(&t, old);
	journals_put(&t, "checkpoint", note.p, note.n);
	j = journals_must_open(&t);
	assert_int_equal(journal_append(j, ev, 2, NULL), 0);
	assert_int_equal(journal_close(j, NULL), 0);
	journals_put_lines(&t, a);
	journals_refused(&t, ERR_ROLLBACK, "first 5 lines");
	free(a.p);
	free(old.p);
	free(note.p);
	journals_free(&t);
}

static void test_good_lines_under_another_root(void **state)
{
	static const uint8_t root[32] = {7};
	struct journals t;

	(void)state;
	for (uint64_t size = 1; size <= 5; size++) {
		journals_new(&t);
		journals_make(&t, 5, 0);
		journals_put_checkpoint(&t, size, root);
		journals_refused(&t, ERR_ROLLBACK, "are not those that its checkpoint covers");
		journals_free(&t);
	}
}

/* ---- while it is open ---- */

static void test_file_changes_under_an_open_journal(void **state)
{
	struct event ev = {.type = EVENT_UNMOUNTED};
	char path[FIXTURE_PATH + 64], aside[FIXTURE_PATH + 64], hex[33];
	struct err e = {0};
	struct journals t;
	struct journal *j;
	struct journals_text x;

	(void)state;
	journals_new(&t);
	j = journals_must_open(&t);
	journals_add(j, 3);
	x = journals_text(&t, "jsonl");
	text_hex(hex, t.id->pub.id, 16);
	snprintf(path, sizeof(path), "%s/%s.jsonl", t.dir, hex);
	snprintf(aside, sizeof(aside), "%s/aside", t.dir);

	/* Shorter; another event's line; moved away; another file in its place. */
	assert_int_equal(truncate(path, (off_t)x.n - 1), 0);
	assert_int_equal(journal_append(j, &ev, 1, &e), ERR_ROLLBACK);
	journals_put_lines(&t, x);
	x.p = realloc(x.p, 2 * x.n);
	assert_non_null(x.p);
	memcpy(x.p + x.n, x.p, x.n);
	journals_put_lines(&t, (struct journals_text){x.p, 2 * x.n});
	assert_int_equal(journal_append(j, &ev, 1, &e), ERR_FORGED);
	assert_non_null(strstr(e.text, "line 5 of"));
	journals_put_lines(&t, x);
	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(journal_append(j, &ev, 1, &e), ERR_ROLLBACK);
	journals_put_lines(&t, x);
	assert_int_equal(journal_append(j, &ev, 1, &e), ERR_ROLLBACK);
	assert_non_null(strstr(e.text, "replaced"));
	/* None of this is for ever. */
	assert_int_equal(rename(aside, path), 0);
	assert_int_equal(journal_append(j, &ev, 1, &e), 0);
	assert_int_equal(ev.seq, 4);
	assert_int_equal(journal_close(j, NULL), 0);
	journals_check_signed(&t);
	free(x.p);
	journals_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edited_lines),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_moved_lines),
		cmocka_unit_test(test_inserted_line),
		cmocka_unit_test(test_another_copy),
		cmocka_unit_test(test_good_lines_under_another_root),
		cmocka_unit_test(test_file_changes_under_an_open_journal),
	};

	return cmocka_run_group_tests_name("journal_forged", tests, NULL, NULL);
}
