/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verification of journals: lines changed, cut and moved, checkpoints, and logs that are consistent
 * in themselves but not the ones that were seen before.
 */
#include "index/journal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/fixity.h"

/* Where line i (from 0) of the journal begins. */
static size_t line_at(const char *text, unsigned i)
{
	const char *p = text;

	while (i-- > 0)
		p = strchr(p, '\n') + 1;
	return (size_t)(p - text);
}

/* Whatever is changed in a signed line is found. */
static void test_changed_lines(void **state)
{
	struct fixity *w = *state;
	size_t n;
	char *text = fixture_read(w->journal_file, &n);

	capture_close_station(&w->c);
	for (size_t off = 0; off < n; off += 13) {
		const struct verify_finding *f;

		if (text[off] == '\n')
			continue;
		fixity_flip(w->journal_file, off, 1);
		f = fixity_bad(w, "are not those that its checkpoint covers");
		assert_int_equal(f->offset, 0);
		assert_int_equal(f->length, n);
		fixity_flip(w->journal_file, off, 1);
	}
	fixity_good(w);
	free(text);
	capture_open_station(&w->c);
}

static void test_cut_and_moved_lines(void **state)
{
	struct fixity *w = *state;
	struct wire_out b = {0};
	size_t n, at, next, after;
	char *text;

	capture_close_station(&w->c);
	text = fixture_read(w->journal_file, &n);
	at = line_at(text, 5);
	next = line_at(text, 6);
	after = line_at(text, 7);
	/* A line taken out: told of where it was, and by the missing end. */
	wire_out_bytes(&b, text, at);
	wire_out_bytes(&b, text + next, n - next);
	fixture_write(w->journal_file, b.p, b.n);
	assert_int_equal(fixity_bad(w, "lines are missing or moved")->offset, at);
	fixity_bad(w, "it was cut, or is an older copy");
	/* Two lines in each other's place. */
	wire_out_reset(&b);
	wire_out_bytes(&b, text, at);
	wire_out_bytes(&b, text + next, after - next);
	wire_out_bytes(&b, text + at, next - at);
	wire_out_bytes(&b, text + after, n - after);
	fixture_write(w->journal_file, b.p, b.n);
	fixity_bad(w, "lines are missing or moved");
	fixity_bad(w, "are not those that its checkpoint covers");
	/* A line that is none, a line that is not text, a line without end. */
	wire_out_reset(&b);
	wire_out_bytes(&b, text, at);
	wire_out_text(&b, "\xff\x01 rubbish\n");
	wire_out_bytes(&b, text + next, n - next);
	fixture_write(w->journal_file, b.p, b.n);
	assert_int_equal(fixity_bad(w, "it is not an event")->offset, at);
	fixture_write(w->journal_file, text, n - 1);
	fixity_bad(w, "it is cut, or no line at all");
	memset(text + at, 'x', n - at);
	fixture_write(w->journal_file, text, n);
	fixity_bad(w, "it is cut, or no line at all");
	/* Cut at the edge of a line, and to nothing. */
	fixture_write(w->journal_file, text, at);
	assert_int_equal(fixity_bad(w, "has 5 lines, and its checkpoint covers 12")->code,
			 ERR_ROLLBACK);
	fixture_write(w->journal_file, "", 0);
	fixity_bad(w, "has 0 lines, and its checkpoint covers 12");
	assert_int_equal(unlink(w->journal_file), 0);
	assert_int_equal(fixity_bad(w, "is missing, and its checkpoint is there")->code,
			 ERR_ROLLBACK);
	assert_int_equal(symlink("/etc/passwd", w->journal_file), 0);
	assert_int_equal(fixity_run(w, NULL, false, &(struct err){0}) != 0, 1);
	assert_int_equal(unlink(w->journal_file), 0);
	assert_int_equal(mkfifo(w->journal_file, 0600), 0);
	fixity_bad(w, "is not a regular file");
	free(text);
	wire_out_free(&b);
}

static void test_checkpoint_file(void **state)
{
	struct fixity *w = *state;
	struct err e = {0};
	char *text;
	size_t n;

	capture_close_station(&w->c);
	text = fixture_read(w->checkpoint_file, &n);
	for (size_t off = 0; off < n; off += 7) {
		fixity_flip(w->checkpoint_file, off, 1);
		assert_int_equal(err_exit(fixity_run(w, NULL, false, &e)), 4);
		fixity_flip(w->checkpoint_file, off, 1);
	}
	fixture_write(w->checkpoint_file, text, n - 2);
	fixity_bad(w, "is not a checkpoint");
	fixture_write(w->checkpoint_file, "", 0);
	fixity_bad(w, "is not a checkpoint");
	/* Without one, nothing of it is signed: that is not damage, but no "well" either. */
	assert_int_equal(unlink(w->checkpoint_file), 0);
	assert_int_equal(fixity_run(w, NULL, false, &e), ERR_SYSTEM);
	assert_int_equal(w->sum.damaged, 0);
	assert_int_equal(w->sum.unchecked, 1);
	assert_int_equal(w->sum.unsigned_events, 12);
	assert_non_null(strstr(w->finding[0].text, "it has no checkpoint"));
	free(text);
}

/* An older state of journal and checkpoint together is consistent in itself: only who has seen the
 * later one can tell. */
static void test_rollback(void **state)
{
	struct fixity *w = *state;
	char earlier[FIXTURE_PATH + 16], *log, *cp, *late;
	size_t nlog, ncp, nlate;
	struct err e = {0};

	log = fixture_read(w->journal_file, &nlog);
	cp = fixture_read(w->checkpoint_file, &ncp);
	snprintf(earlier, sizeof(earlier), "%s/earlier", w->c.dir);
	fixture_write(earlier, cp, ncp);
	/* What was signed earlier is still there. */
	fixity_ingest(w, 0, 1);
	assert_int_equal(fixity_run(w, earlier, false, &e), 0);

	late = fixture_read(w->checkpoint_file, &nlate);
	capture_close_station(&w->c);
	fixture_write(earlier, late, nlate);
	fixture_write(w->journal_file, log, nlog);
	fixture_write(w->checkpoint_file, cp, ncp);
	fixity_good(w);
	assert_int_equal(fixity_run(w, earlier, false, &e), ERR_DAMAGED);
	assert_int_equal(w->findings, 1);
	assert_int_equal(w->finding[0].code, ERR_ROLLBACK);
	assert_non_null(strstr(w->finding[0].text, "the earlier checkpoint saw 16"));

	/* What a person gives must be a checkpoint of this archive, signed by its node. */
	late[nlate / 2] ^= 1;
	fixture_write(earlier, late, nlate);
	assert_int_equal(fixity_run(w, earlier, false, &e), ERR_FORGED);
	fixture_write(earlier, "nonsense\n", 9);
	assert_int_equal(fixity_run(w, earlier, false, &e), ERR_MALFORMED);
	fixture_write(earlier, "custodyfs/00/11\n5\n", 18);
	assert_int_equal(fixity_run(w, earlier, false, &e), ERR_MALFORMED);
	assert_int_equal(fixity_run(w, "/nonexistent/file", false, &e), ERR_NOTFOUND);
	free(log);
	free(cp);
	free(late);
}

/* Two histories of one node, both well signed: only what was seen of the one gives the other away. */
static void test_fork(void **state)
{
	struct fixity *w = *state;
	char earlier[FIXTURE_PATH + 16], *log, *cp, *late;
	size_t nlog, ncp, nlate;
	struct err e = {0};

	log = fixture_read(w->journal_file, &nlog);
	cp = fixture_read(w->checkpoint_file, &ncp);
	fixity_ingest(w, 0, 1);
	late = fixture_read(w->checkpoint_file, &nlate);
	snprintf(earlier, sizeof(earlier), "%s/earlier", w->c.dir);
	fixture_write(earlier, late, nlate);
	capture_close_station(&w->c);
	fixture_write(w->journal_file, log, nlog);
	fixture_write(w->checkpoint_file, cp, ncp);
	capture_open_station(&w->c);
	fixity_ingest(w, 0, 2);
	fixity_good(w);
	assert_int_equal(fixity_run(w, earlier, false, &e), ERR_DAMAGED);
	assert_int_equal(w->findings, 1);
	assert_int_equal(w->finding[0].code, ERR_ROLLBACK);
	assert_non_null(strstr(w->finding[0].text, "its first 16 lines are not those that the "
						   "earlier checkpoint saw"));
	free(log);
	free(cp);
	free(late);
}

/* A journal of `other` with these events, times and a good checkpoint: what no journal_append() would
 * write. */
static void forge_journal(struct fixity *w, const struct identity *other, const int64_t *times,
			  unsigned n)
{
	const struct event_key event_key = {other->journal, w->c.desc.id};
	struct note_key key = {.type = NOTE_ED25519};
	struct wire_out lines = {0}, text = {0}, note_out = {0};
	struct merkle_range range = {0};
	struct note_checkpoint cp;

	for (unsigned i = 0; i < n; i++) {
		struct event ev = {.type = i ? EVENT_UNMOUNTED : EVENT_STARTED,
				   .seq = i,
				   .time_ms = times[i],
				   .version = "1"};
		size_t at = lines.n;
		merkle_hash leaf;

		memcpy(ev.archive, w->c.desc.id, 16);
		memcpy(ev.node, other->pub.id, 16);
		assert_int_equal(event_format(&lines, &ev, event_key), 0);
		merkle_leaf(leaf, lines.p + at, lines.n - at);
		merkle_append(&range, leaf, NULL, NULL);
		wire_out_text(&lines, "\n");
	}
	wire_out_u8(&lines, 0);
	fixity_put_node(w, other->pub.id, "jsonl", (char *)lines.p);
	journal_origin(cp.origin, w->c.desc.id, other->pub.id);
	cp.size = n;
	merkle_root(cp.root, &range);
	note_checkpoint_text(&text, &cp);
	strcpy(key.name, cp.origin);
	memcpy(key.pk, other->pub.sign, 32);
	assert_int_equal(note_sign(&note_out, (char *)text.p, text.n, &key, other->sign), 0);
	wire_out_u8(&note_out, 0);
	fixity_put_node(w, other->pub.id, "checkpoint", (char *)note_out.p);
	wire_out_free(&lines);
	wire_out_free(&text);
	wire_out_free(&note_out);
}

static void test_times(void **state)
{
	static const int64_t good_times[] = {1000, 1000, 2000}, bad_times[] = {1000, 2000, 1999};
	struct fixity *w = *state;
	uint8_t serial[16];
	struct identity *other;

	assert_int_equal(identity_new(&other, w->c.o.pool), 0);
	capture_enrol(&w->c, other, ROSTER_INGEST, 0, serial);
	forge_journal(w, other, good_times, 3);
	fixity_good(w);
	assert_int_equal(w->sum.journals, 2);
	forge_journal(w, other, bad_times, 3);
	fixity_bad(w, "its time is before that of the line before it");
	assert_int_equal(w->findings, 1);
	identity_free(w->c.o.pool, other);
}

static void test_foreign_journals(void **state)
{
	struct fixity *w = *state;
	struct err e = {0};
	uint8_t id[16];
	char path[FIXTURE_PATH + 64];

	/* A journal of a node that nobody enrolled. */
	memset(id, 0xee, 16);
	fixity_put_node(w, id, "jsonl", "{\"v\":1}\n");
	assert_int_equal(fixity_run(w, NULL, false, &e), ERR_SYSTEM);
	assert_int_equal(w->sum.damaged, 0);
	assert_int_equal(w->finding[0].code, ERR_NOT_ENROLLED);
	/* Its checkpoint alone is worse. */
	fixity_put_node(w, id, "checkpoint", "x");
	snprintf(path, sizeof(path), "%s/journal/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee.jsonl",
		 w->c.path);
	assert_int_equal(unlink(path), 0);
	fixity_bad(w, "journal eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee is missing");
	snprintf(path, sizeof(path), "%s/journal/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee.checkpoint",
		 w->c.path);
	assert_int_equal(unlink(path), 0);
	/* Names that are none are told of, in one line whatever they hold. */
	snprintf(path, sizeof(path), "%s/journal/a\nb\xff", w->c.path);
	fixture_write(path, "", 0);
	fixity_good(w);
	assert_true(fixity_noted(w, "journal/a?b? is neither a journal nor a checkpoint"));
}

/* Another node's journal under our node's name, or ours under another's. */
static void test_exchanged_journals(void **state)
{
	struct fixity *w = *state;
	uint8_t serial[16];
	struct identity *other;
	char *log, *cp;
	size_t n, m;
	struct err e;

	assert_int_equal(identity_new(&other, w->c.o.pool), 0);
	capture_enrol(&w->c, other, ROSTER_INGEST, 0, serial);
	assert_int_equal(fixity_run(w, NULL, false, &e), 0);
	assert_true(fixity_noted(w, "is enrolled and has no journal"));
	assert_true(fixity_noted(w, "was admitted by no journal"));
	log = fixture_read(w->journal_file, &n);
	cp = fixture_read(w->checkpoint_file, &m);
	fixity_put_node(w, other->pub.id, "jsonl", log);
	fixity_put_node(w, other->pub.id, "checkpoint", cp);
	fixity_bad(w, "is a checkpoint of");
	fixity_bad(w, "it does not begin a journal of this node and archive");
	free(log);
	free(cp);
	identity_free(w->c.o.pool, other);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixity_set_up, fixity_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_changed_lines),
		T(test_cut_and_moved_lines),
		T(test_checkpoint_file),
		T(test_rollback),
		T(test_fork),
		T(test_times),
		T(test_foreign_journals),
		T(test_exchanged_journals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
