/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a journal that something happened to: crashes leave a torn tail, which is cut off and
 * recorded; missing and foreign files, and those that do not lead on from what is known, are
 * refused. Edits: test_journal_forged.c.
 */
#include "index/journal.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "tests/lib/journals.h"

/* Opening must work, and leave `lines` lines of which the last says what was cut. */
static void recovered(struct journals *t, unsigned lines, const char *tail, size_t n)
{
	struct journal *j = journals_must_open(t);
	uint8_t digest[32];
	struct event ev;

	assert_int_equal(journals_check(t, NULL), lines);
	journals_last(t, &ev);
	assert_int_equal(ev.type, EVENT_RECOVERED);
	assert_int_equal(ev.bytes, n);
	hash_sha256(digest, tail, n);
	assert_memory_equal(ev.digest, digest, 32);
	journals_add(j, 1);
	assert_int_equal(journal_close(j, NULL), 0);
	assert_int_equal(journals_check(t, NULL), lines + 1);
	journals_check_signed(t);
}

/* ---- torn tails ---- */

static void torn_at_every_byte(unsigned signed_lines, unsigned more)
{
	const unsigned lines = signed_lines + more;
	struct journals_text x, note = {0};
	struct journals t;
	size_t last;

	journals_new(&t);
	journals_make(&t, signed_lines, more);
	x = journals_text(&t, "jsonl");
	if (signed_lines)
		note = journals_text(&t, "checkpoint");
	last = journals_line(x.p, x.n, lines - 1);
	for (size_t n = last; n < x.n; n++) {
		journals_restore(&t, (struct journals_text){x.p, n}, note);
		if (n > last) {
			recovered(&t, lines, x.p + last, n - last);
			continue;
		}
		/* Cut between two lines: nothing tells, but that one is missing. */
		assert_int_equal(journal_close(journals_must_open(&t), NULL), 0);
		assert_int_equal(journals_check(&t, NULL), lines - 1);
	}
	free(x.p);
	free(note.p);
	journals_free(&t);
}

static void test_torn_at_every_byte(void **state)
{
	(void)state;
	torn_at_every_byte(0, 5);
	torn_at_every_byte(4, 1);
	torn_at_every_byte(2, 3);
}

/* The very first line: `started` must be the first again. */
static void test_torn_first_line(void **state)
{
	struct journals t;
	struct journals_text x;

	(void)state;
	journals_new(&t);
	journals_make(&t, 0, 1);
	x = journals_text(&t, "jsonl");
	for (size_t n = 1; n < x.n; n++) {
		if (n > 1)
			journals_remove(&t, "checkpoint");
		journals_put_lines(&t, (struct journals_text){x.p, n});
		recovered(&t, 2, x.p, n);
	}
	/* A file that was made and never written to. */
	journals_remove(&t, "checkpoint");
	journals_put_lines(&t, (struct journals_text){x.p, 0});
	assert_int_equal(journal_close(journals_must_open(&t), NULL), 0);
	assert_int_equal(journals_check(&t, NULL), 1);
	free(x.p);
	journals_free(&t);
}

static void test_garbage_at_the_end(void **state)
{
	struct journals_text x, y;
	struct journals t;
	char *note;
	size_t n;

	(void)state;
	journals_new(&t);
	journals_make(&t, 2, 2);
	x = journals_text(&t, "jsonl");
	note = journals_get(&t, "checkpoint", &n);
	y.p = malloc(x.n + 100000);
	assert_non_null(y.p);
	memcpy(y.p, x.p, x.n);
	for (unsigned kind = 0; kind < 6; kind++)
		for (size_t len = 1; len <= 100000; len = len * 5 + 1) {
			memset(y.p + x.n, "\0\n\xff{x "[kind], len);
			if (kind >= 3)
				fixture_fill(y.p + x.n, len, (uint32_t)(kind + len));
			if (kind == 4)
				y.p[x.n + len - 1] = '\n';
			y.n = x.n + len;
			journals_put_lines(&t, y);
			journals_put(&t, "checkpoint", note, n);
			recovered(&t, 5, y.p + x.n, len);
		}
	free(x.p);
	free(y.p);
	free(note);
	journals_free(&t);
}

/* A tail that a process finds while it has the journal open: another one died. */
static void test_torn_tail_found_later(void **state)
{
	struct journals t;
	struct journal *j;
	struct event ev;
	struct journals_text x;

	(void)state;
	journals_new(&t);
	j = journals_must_open(&t);
	journals_add(j, 2);
	x = journals_text(&t, "jsonl");
	x.p = realloc(x.p, x.n + 10);
	assert_non_null(x.p);
	memcpy(x.p + x.n, "{\"v\":1,\"se", 10);
	x.n += 10;
	journals_put_lines(&t, x);
	assert_int_equal(journal_checkpoint(j, NULL), 0); /* that is enough to see it */
	assert_int_equal(journals_check(&t, NULL), 4);
	journals_last(&t, &ev);
	assert_int_equal(ev.type, EVENT_RECOVERED);
	assert_int_equal(ev.bytes, 10);
	journals_add(j, 1);
	assert_int_equal(journal_close(j, NULL), 0);
	assert_int_equal(journals_check(&t, NULL), 5);
	journals_check_signed(&t);
	free(x.p);
	journals_free(&t);
}

/* ... but not if the checkpoint says that more was there. */
static void test_torn_below_a_checkpoint_later(void **state)
{
	struct journal *a, *b;
	struct journals t;
	struct err e = {0};
	struct journals_text x;

	(void)state;
	journals_new(&t);
	a = journals_must_open(&t);
	b = journals_must_open(&t);
	journals_add(a, 2);
	assert_int_equal(journal_checkpoint(a, NULL), 0);
	x = journals_text(&t, "jsonl");
	journals_put_lines(&t, (struct journals_text){x.p, x.n - 5});
	assert_int_equal(journal_checkpoint(b, &e), ERR_ROLLBACK);
	assert_non_null(strstr(e.text, "ends after 2 lines"));
	journals_put_lines(&t, x);
	assert_int_equal(journal_close(b, NULL), 0);
	assert_int_equal(journal_close(a, NULL), 0);
	free(x.p);
	journals_free(&t);
}

/* ---- files of others, and none ---- */

static void test_missing_files(void **state)
{
	struct journal_start from = {0};
	struct journals t;
	struct journal *j;
	struct err e = {0};
	struct journals_text x;

	(void)state;
	journals_new(&t);
	journals_make(&t, 3, 0);
	assert_int_equal(journals_check(&t, &from), 3);
	x = journals_text(&t, "jsonl");

	journals_remove(&t, "jsonl");
	assert_int_equal(journals_open(&t, &j, &e), ERR_ROLLBACK);
	assert_non_null(strstr(e.text, "missing"));
	assert_null(journals_get(&t, "jsonl", NULL)); /* and none was made */
	journals_remove(&t, "checkpoint");
	assert_int_equal(journal_open(&j, t.dirfd, t.dirfd, journals_archive, t.id, &from, &e),
			 ERR_ROLLBACK);
	assert_null(journals_get(&t, "jsonl", NULL));

	/* The checkpoint alone may be missing: the MACs speak for the lines. */
	journals_put_lines(&t, x);
	assert_int_equal(journal_close(journals_must_open(&t), NULL), 0);
	journals_check_signed(&t);
	free(x.p);
	journals_free(&t);
}

static void test_bad_checkpoint_files(void **state)
{
	static const struct journal_start zero;
	struct journals t, other;
	struct err e = {0};
	struct journal *j;
	struct journals_text note;

	(void)state;
	journals_new(&t);
	journals_make(&t, 3, 2);
	note = journals_text(&t, "checkpoint");
	other = t;
	other.id = journals_node(&t, 2);
	assert_int_equal(
		journal_open(&j, t.dirfd, t.dirfd, journals_archive, other.id, &zero, NULL), 0);
	assert_int_equal(journal_close(j, NULL), 0);

	journals_put(&other, "checkpoint", note.p, note.n);
	assert_int_equal(journal_open(&j, t.dirfd, t.dirfd, journals_archive, other.id, &zero, &e),
			 ERR_FOREIGN);
	note.p[note.n - 10] = note.p[note.n - 10] == 'A' ? 'B' : 'A'; /* within the signature */
	journals_put(&t, "checkpoint", note.p, note.n);
	assert_int_equal(journals_open(&t, &j, &e), ERR_FORGED);
	journals_put(&t, "checkpoint", "", 0);
	assert_int_equal(journals_open(&t, &j, &e), ERR_MALFORMED);
	free(note.p);
	journals_free(&t);
}

/* The same node in another archive has the same key; the archive's id is part of each MAC. */
static void test_journal_of_another_archive(void **state)
{
	static const struct journal_start zero;
	uint8_t elsewhere[16] = {9};
	struct journals t, other;
	struct err e = {0};
	struct journal *j;
	struct journals_text x;

	(void)state;
	journals_new(&t);
	other = t;
	other.id = journals_node(&t, 2);
	journals_make(&t, 0, 3);
	x = journals_text(&t, "jsonl");
	assert_int_equal(journal_open(&j, t.dirfd, t.dirfd, elsewhere, t.id, &zero, &e),
			 ERR_FORGED);
	assert_int_equal(journal_close(journals_must_open(&t), NULL), 0);
	/* Another node's file under our name. */
	journals_put(&other, "jsonl", x.p, x.n);
	assert_int_equal(journal_open(&j, t.dirfd, t.dirfd, journals_archive, other.id, &zero, &e),
			 ERR_FORGED);
	free(x.p);
	journals_free(&t);
}

static void test_no_regular_file(void **state)
{
	char path[FIXTURE_PATH + 64], hex[33];
	struct journals t;
	struct journal *j;
	struct err e = {0};

	(void)state;
	journals_new(&t);
	text_hex(hex, t.id->pub.id, 16);
	snprintf(path, sizeof(path), "%s/%s.jsonl", t.dir, hex);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_true(journals_open(&t, &j, &e) == ERR_MALFORMED);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_true(journals_open(&t, &j, &e) == ERR_SYSTEM);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(journals_open(&t, &j, &e) == ERR_SYSTEM);
	journals_free(&t);
}

/* ---- from what the index knows ---- */

/* State after the first `lines` lines of x. */
static struct journal_start after(struct journals_text x, unsigned lines)
{
	struct journal_start s = {0};

	for (unsigned i = 0; i < lines; i++) {
		size_t a = s.state.bytes, b = journals_line(x.p, x.n, i + 1);
		struct event ev;
		merkle_hash leaf;

		assert_int_equal(event_parse(&ev, (struct text_span){x.p + a, b - a - 1}), 0);
		merkle_leaf(leaf, x.p + a, b - a - 1);
		merkle_append(&s.state.range, leaf, NULL, NULL);
		s.state.bytes = b;
		s.last_ms = ev.time_ms;
	}
	return s;
}

static int open_from(struct journals *t, const struct journal_start *from, struct journal **j,
		     struct err *e)
{
	return journal_open(j, t->dirfd, t->dirfd, journals_archive, t->id, from, e);
}

/* Every known prefix against every signed one. */
static void test_known_prefixes(void **state)
{
	struct journal_start from;
	struct journals_text x, note;
	struct journals t;
	struct journal *j;

	(void)state;
	for (unsigned covered = 0; covered <= 6; covered++) {
		journals_new(&t);
		journals_make(&t, covered, 6 - covered + (covered == 0));
		x = journals_text(&t, "jsonl");
		note = (struct journals_text){0};
		if (covered)
			note = journals_text(&t, "checkpoint");
		for (unsigned known = 0; known <= 6; known++) {
			struct err e = {0};

			journals_restore(&t, x, note);
			from = after(x, known);
			if (open_from(&t, &from, &j, &e))
				fail_msg("known %u, signed %u: %s", known, covered, e.text);
			journals_add(j, 1);
			assert_int_equal(journal_close(j, NULL), 0);
			journals_check_signed(&t);
		}
		free(x.p);
		free(note.p);
		journals_free(&t);
	}
}

static void test_known_and_not_there(void **state)
{
	struct journal_start from, wrong;
	struct journals t;
	struct err e = {0};
	struct journal *j;
	struct journals_text x;

	(void)state;
	journals_new(&t);
	journals_make(&t, 4, 2);
	x = journals_text(&t, "jsonl");
	from = after(x, 6);

	journals_put_lines(&t, (struct journals_text){x.p, x.n - 1});
	assert_int_equal(open_from(&t, &from, &j, &e), ERR_ROLLBACK);
	assert_non_null(strstr(e.text, "bytes"));
	journals_put_lines(&t, (struct journals_text){x.p, journals_line(x.p, x.n, 5)});
	assert_int_equal(open_from(&t, &from, &j, &e), ERR_ROLLBACK);

	/* Another file of at least that length. */
	journals_put_lines(&t, x);
	wrong = from;
	wrong.state.bytes -= 3;
	assert_int_equal(open_from(&t, &wrong, &j, &e), ERR_ROLLBACK);
	assert_non_null(strstr(e.text, "indexed"));

	/* The index holds another tree than was signed: at the checkpoint's size, and before it. */
	for (unsigned known = 1; known <= 4; known++) {
		wrong = after(x, known);
		wrong.state.range.peak[0][5] ^= 1;
		assert_int_equal(open_from(&t, &wrong, &j, &e), ERR_ROLLBACK);
	}
	/* Edits behind what is known are found, with the number of the line. */
	from = after(x, 5);
	x.p[x.n - 20] = x.p[x.n - 20] == '1' ? '2' : '1';
	journals_put_lines(&t, x);
	assert_int_equal(open_from(&t, &from, &j, &e), ERR_FORGED);
	assert_non_null(strstr(e.text, "line 6 of"));
	free(x.p);
	journals_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_torn_at_every_byte),
		cmocka_unit_test(test_torn_first_line),
		cmocka_unit_test(test_garbage_at_the_end),
		cmocka_unit_test(test_torn_tail_found_later),
		cmocka_unit_test(test_torn_below_a_checkpoint_later),
		cmocka_unit_test(test_missing_files),
		cmocka_unit_test(test_bad_checkpoint_files),
		cmocka_unit_test(test_journal_of_another_archive),
		cmocka_unit_test(test_no_regular_file),
		cmocka_unit_test(test_known_prefixes),
		cmocka_unit_test(test_known_and_not_there),
	};

	return cmocka_run_group_tests_name("journal_recover", tests, NULL, NULL);
}
