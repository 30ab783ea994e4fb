/* SPDX-License-Identifier: Apache-2.0 */
/* catchup: archives that were rolled back, forked, cut or altered are refused, and others go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/catchup.h"
#include "index/journal.h"
#include "tests/lib/stage.h"

static int set_up(void **state)
{
	struct stage *s = malloc(sizeof(*s));

	stage_open(s);
	*state = s;
	stage_ingest(s, STAGE_CAP, "otay", "us/car", 10, NULL);
	stage_ingest(s, STAGE_CAP2, "tecate", "car", 5, NULL);
	return 0;
}

static int tear_down(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static void look(struct stage *s)
{
	stage_enter(s, STAGE_WS, 0);
	stage_leave(s);
}

/* Opening the reader's station fails with this code, names the journal's node and says `says`; also
 * when its index is made anew. */
static void refused(struct stage *s, enum stage_node of, int code, const char *says)
{
	static const unsigned flags[] = {0, STATION_NO_JOURNAL, STATION_REINDEX, 0};
	char hex[33];
	struct err e;

	text_hex(hex, s->id[of], 16);
	for (unsigned i = 0; i < 4; i++) {
		int rc = stage_try(s, STAGE_WS, flags[i], &e);

		if (rc != code || !strstr(e.text, hex) || !strstr(e.text, says))
			fail_msg("flags %u: %s: %s", flags[i], err_word(rc), e.text);
		assert_int_equal(e.code, code);
	}
}

/* The same, where the error says what to do. */
static void rolled_back(struct stage *s, enum stage_node of, const char *says)
{
	refused(s, of, ERR_ROLLBACK, says);
	refused(s, of, ERR_ROLLBACK, "restore");
}

/* Copies of a node's journal and checkpoint, and of its private directory. */
static void save(struct stage *s, enum stage_node n, const char *as)
{
	char command[3 * FIXTURE_PATH], hex[33];

	text_hex(hex, s->id[n], 16);
	snprintf(command, sizeof(command),
		 "mkdir -p ../%s && cp -p journal/%s.* ../%s/ && cp -pr '%s' ../%s/node", as, hex,
		 as, s->dir[n], as);
	stage_shell(s, command);
}

static void bring_back(struct stage *s, enum stage_node n, const char *as, bool node_too)
{
	char command[3 * FIXTURE_PATH];

	snprintf(command, sizeof(command), "cp -p ../%s/*.jsonl ../%s/*.checkpoint journal/", as,
		 as);
	stage_shell(s, command);
	if (node_too) {
		snprintf(command, sizeof(command), "rm -r '%s' && cp -pr ../%s/node '%s'",
			 s->dir[n], as, s->dir[n]);
		stage_shell(s, command);
	}
}

static void test_older_copy(void **state)
{
	struct stage *s = *state;

	save(s, STAGE_CAP, "older");
	stage_ingest(s, STAGE_CAP, "otay", "mx/car", 10, NULL);
	look(s);
	bring_back(s, STAGE_CAP, "older", false);
	rolled_back(s, STAGE_CAP, "were seen before");
}

/* The whole archive, our own journal included: what we have seen is not in it. */
static void test_older_archive(void **state)
{
	struct stage *s = *state;
	struct err e;

	look(s);
	stage_shell(s, "cp -pr . ../copy");
	stage_ingest(s, STAGE_CAP, "otay", "mx/car", 1, NULL);
	look(s);
	stage_shell(s, "cp -pr ../copy/. .");
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), ERR_ROLLBACK);
	stage_shell(s, "rm -r ../ws/archives/*/index");
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), ERR_ROLLBACK);
}

static void test_own_older(void **state)
{
	struct stage *s = *state;

	look(s);
	save(s, STAGE_WS, "older");
	stage_enter(s, STAGE_WS, 0);
	stage_log(s, &(struct event){.type = EVENT_MOUNTED, .uid = 1, .user = "x"}, 3);
	stage_leave(s);
	bring_back(s, STAGE_WS, "older", false);
	rolled_back(s, STAGE_WS, "were seen before");
}

/* Nothing may be written to an own journal that was rolled back, by a torn tail even. */
static void test_own_older_is_left_alone(void **state)
{
	struct stage *s = *state;
	char path[FIXTURE_PATH], *before, *after;
	size_t n, m;
	struct err e;

	look(s);
	save(s, STAGE_WS, "older");
	stage_enter(s, STAGE_WS, 0);
	stage_log(s, &(struct event){.type = EVENT_MOUNTED, .uid = 1, .user = "x"}, 3);
	stage_leave(s);
	bring_back(s, STAGE_WS, "older", false);
	stage_journal_path(s, STAGE_WS, "jsonl", path);
	before = fixture_read(path, &n);
	before = realloc(before, n + 4);
	memcpy(before + n, "{\"v\"", 4);
	fixture_write(path, before, n + 4);
	assert_int_equal(stage_try(s, STAGE_WS, STATION_REINDEX, &e), ERR_ROLLBACK);
	after = fixture_read(path, &m);
	assert_int_equal(m, n + 4);
	assert_memory_equal(before, after, m);
	free(before);
	free(after);
}

/* A line that somebody added to our own journal, past all that was signed. */
static void test_own_added(void **state)
{
	struct stage *s = *state;
	const struct event ev = {.type = EVENT_MOUNTED, .uid = 1, .user = "x"};
	const uint8_t wrong[32] = {1};
	struct event last;
	char path[FIXTURE_PATH], *text, *line;
	struct wire_out more = {0};
	struct err e;
	size_t n;

	stage_enter(s, STAGE_WS, 0);
	stage_log(s, &ev, 1);
	stage_leave(s);
	stage_journal_path(s, STAGE_WS, "jsonl", path);
	text = fixture_read(path, &n);
	wire_out_bytes(&more, text, n);
	text[n - 1] = '\0';
	line = strrchr(text, '\n') + 1;
	assert_int_equal(event_parse(&last, (struct text_span){line, strlen(line)}), 0);
	last.seq++;
	assert_int_equal(event_format(&more, &last, (struct event_key){wrong, s->desc.id}), 0);
	wire_out_text(&more, "\n");
	fixture_write(path, more.p, more.n);
	assert_int_equal(stage_try(s, STAGE_WS, STATION_NO_JOURNAL, &e), ERR_FORGED);
	assert_non_null(strstr(e.text, "somebody added"));
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), ERR_FORGED);
	text[n - 1] = '\n';
	fixture_write(path, text, n);
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), 0);
	free(text);
	wire_out_free(&more);
}

static void test_missing(void **state)
{
	struct stage *s = *state;
	char path[FIXTURE_PATH], away[FIXTURE_PATH + 2];

	look(s);
	stage_journal_path(s, STAGE_CAP, "checkpoint", path);
	snprintf(away, sizeof(away), "%s.x", path);
	assert_int_equal(rename(path, away), 0);
	rolled_back(s, STAGE_CAP, "covers 0 lines");
	assert_int_equal(rename(away, path), 0);
	stage_journal_path(s, STAGE_CAP, "jsonl", path);
	snprintf(away, sizeof(away), "%s.x", path);
	assert_int_equal(rename(path, away), 0);
	/* The index that is whole has no need of the old lines; only new ones would be missed. */
	refused(s, STAGE_CAP, ERR_ROLLBACK, "missing");
	assert_int_equal(rename(away, path), 0);
	look(s);
}

/* Cut to n bytes. */
static void cut(struct stage *s, enum stage_node n, size_t by)
{
	char path[FIXTURE_PATH], *text;
	size_t len;

	stage_journal_path(s, n, "jsonl", path);
	text = fixture_read(path, &len);
	fixture_write(path, text, len - by);
	free(text);
}

static void test_cut(void **state)
{
	struct stage *s = *state;

	look(s);
	cut(s, STAGE_CAP, 1);
	rolled_back(s, STAGE_CAP, "");
}

/* What was never seen may be cut off as well: the checkpoint tells. */
static void test_cut_unseen(void **state)
{
	struct stage *s = *state;

	look(s);
	stage_ingest(s, STAGE_CAP, "otay", "mx/car", 5, NULL);
	cut(s, STAGE_CAP, 700);
	rolled_back(s, STAGE_CAP, "were signed");
	cut(s, STAGE_CAP, 1);
	/* A whole line less. */
	for (;;) {
		char path[FIXTURE_PATH], *text;
		size_t n;

		stage_journal_path(s, STAGE_CAP, "jsonl", path);
		text = fixture_read(path, &n);
		if (text[n - 1] == '\n') {
			free(text);
			break;
		}
		free(text);
		cut(s, STAGE_CAP, 1);
	}
	rolled_back(s, STAGE_CAP, "were signed");
}

/* Change one byte of the last line that holds `where`. */
static void flip(struct stage *s, enum stage_node n, const char *where)
{
	char path[FIXTURE_PATH], *text, *at, *last = NULL;
	size_t len;

	stage_journal_path(s, n, "jsonl", path);
	text = fixture_read(path, &len);
	for (at = strstr(text, where); at; at = strstr(at + 1, where))
		last = at;
	assert_non_null(last);
	last[strlen(where)] ^= 1;
	fixture_write(path, text, len);
	free(text);
}

static void test_altered(void **state)
{
	struct stage *s = *state;

	look(s);
	stage_ingest(s, STAGE_CAP, "otay", "mx/car", 5, NULL);
	flip(s, STAGE_CAP, "\"offset\":");
	refused(s, STAGE_CAP, ERR_FORGED, "altered");
}

/* A line that is in the index already: harmless until the index is made anew. */
static void test_altered_old(void **state)
{
	struct stage *s = *state;
	struct err e;

	look(s);
	flip(s, STAGE_CAP, "\"offset\":");
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), 0);
	assert_int_equal(stage_try(s, STAGE_WS, STATION_REINDEX, &e), ERR_FORGED);
	assert_non_null(strstr(e.text, "altered"));
}

/* The node itself tells another story, well signed. */
static void test_fork(void **state)
{
	struct stage *s = *state;

	save(s, STAGE_CAP, "before");
	stage_ingest(s, STAGE_CAP, "otay", "mx/car", 3, NULL);
	look(s);
	bring_back(s, STAGE_CAP, "before", true);
	stage_ingest(s, STAGE_CAP, "otay", "forged", 3, NULL);
	rolled_back(s, STAGE_CAP, "not");
	stage_ingest(s, STAGE_CAP, "otay", "forged", 9, NULL);
	rolled_back(s, STAGE_CAP, "not those seen before");
}

static void test_foreign_checkpoint(void **state)
{
	struct stage *s = *state;
	char from[FIXTURE_PATH], to[FIXTURE_PATH], *text;
	size_t n;
	struct err e;

	stage_journal_path(s, STAGE_CAP2, "checkpoint", from);
	stage_journal_path(s, STAGE_CAP, "checkpoint", to);
	text = fixture_read(from, &n);
	fixture_write(to, text, n);
	free(text);
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), ERR_FOREIGN);
	text = fixture_read(to, &n);
	text[n - 10] ^= 1;
	fixture_write(from, text, n);
	free(text);
	assert_int_not_equal(stage_try(s, STAGE_WS, 0, &e), 0);
}

/* One bad journal does not keep the others out of the index. */
static void test_others_go_on(void **state)
{
	struct stage *s = *state;
	struct catchup_result r;
	struct err e = {0};

	look(s);
	stage_ingest(s, STAGE_CAP, "otay", "mx/car", 5, NULL);
	stage_ingest(s, STAGE_CAP2, "tecate", "new", 2, NULL);
	flip(s, STAGE_CAP, "\"offset\":");
	stage_enter(s, STAGE_WS, STATION_NO_CATCH_UP);
	assert_int_equal(catchup_run(s->st, 0, &r, NULL, NULL, &e), ERR_FORGED);
	assert_int_equal(r.items, 2);
	assert_int_equal(stage_items(s), 17);
	assert_true(catchup_needed(s->st, false));
	/* Put right, it is taken up where it was left. */
	flip(s, STAGE_CAP, "\"offset\":");
	assert_int_equal(catchup_run(s->st, 0, &r, NULL, NULL, &e), 0);
	assert_int_equal(r.items, 5);
	assert_int_equal(stage_items(s), 22);
}

/* ---- lines that a node signed and that are none ---- */

static void sign_line(struct stage *s, enum stage_node n, const char *line)
{
	struct journal_reader *r;
	struct note_checkpoint cp = {0};
	struct note_key key = {.type = NOTE_ED25519};
	struct wire_out text = {0}, note = {0};
	struct merkle_range range = {0};
	char path[FIXTURE_PATH], *old;
	struct text_span span;
	struct node *node;
	struct archive *a;
	merkle_hash leaf;
	uint64_t off;
	struct err e;
	size_t len;

	stage_journal_path(s, n, "jsonl", path);
	old = fixture_read(path, &len);
	wire_out_bytes(&text, old, len);
	wire_out_text(&text, line);
	wire_out_text(&text, "\n");
	fixture_write(path, text.p, text.n);
	free(old);
	wire_out_reset(&text);

	assert_int_equal(archive_open(&a, s->archive, &e), 0);
	assert_int_equal(journal_reader_open(&r, a->journal, s->id[n], 0, &e), 0);
	while (journal_reader_next(r, &span, &off, &e) == 0) {
		merkle_leaf(leaf, span.p, span.n);
		merkle_append(&range, leaf, NULL, NULL);
	}
	journal_reader_close(r);
	cp.size = range.size;
	merkle_root(cp.root, &range);
	journal_origin(cp.origin, s->desc.id, s->id[n]);
	strcpy(key.name, cp.origin);
	assert_int_equal(node_open(&node, s->dir[n], s->o.pool, NULL, NULL, &e), 0);
	memcpy(key.pk, node_identity(node)->pub.sign, 32);
	note_checkpoint_text(&text, &cp);
	assert_int_equal(note_sign(&note, (char *)text.p, text.n, &key, node_identity(node)->sign),
			 0);
	stage_journal_path(s, n, "checkpoint", path);
	fixture_write(path, note.p, note.n);
	node_close(node);
	archive_close(a);
	wire_out_free(&text);
	wire_out_free(&note);
}

static void test_no_event(void **state)
{
	struct stage *s = *state;

	look(s);
	sign_line(s, STAGE_CAP, "nonsense");
	refused(s, STAGE_CAP, ERR_MALFORMED, "is no event");
}

/* An event with the number of another. */
static void test_wrong_number(void **state)
{
	struct stage *s = *state;
	char path[FIXTURE_PATH], *text, *end;
	size_t n;

	stage_journal_path(s, STAGE_CAP, "jsonl", path);
	text = fixture_read(path, &n);
	end = strchr(text, '\n');
	*end = '\0';
	sign_line(s, STAGE_CAP, text);
	free(text);
	refused(s, STAGE_CAP, ERR_MALFORMED, "is no event");
}

/* A type of a newer version is a leaf and nothing more. */
static void test_newer_event(void **state)
{
	struct stage *s = *state;
	char path[FIXTURE_PATH], line[256], *text;
	unsigned lines = 0;
	size_t n;

	stage_journal_path(s, STAGE_CAP, "jsonl", path);
	text = fixture_read(path, &n);
	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	free(text);
	snprintf(line, sizeof(line),
		 "{\"v\":1,\"seq\":%u,\"time\":\"2026-11-23T07:10:00.000Z\",\"type\":\"witnessed\","
		 "\"size\":5,\"mac\":\"00112233445566778899aabbccddeeff\"}",
		 lines);
	sign_line(s, STAGE_CAP, line);
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(stage_items(s), 15);
}

/* A journal that begins as another node's. */
static void test_other_start(void **state)
{
	struct stage *s = *state;
	char path[FIXTURE_PATH], *text, *end;
	size_t n;

	stage_journal_path(s, STAGE_CAP2, "jsonl", path);
	text = fixture_read(path, &n);
	end = strchr(text, '\n');
	*end = '\0';
	stage_journal_path(s, STAGE_CAP, "jsonl", path);
	fixture_write(path, "", 0);
	sign_line(s, STAGE_CAP, text);
	free(text);
	refused(s, STAGE_CAP, ERR_FOREIGN, "another archive or node");
}

#define ON_STAGE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(test_older_copy),   ON_STAGE(test_older_archive),
		ON_STAGE(test_own_older),    ON_STAGE(test_own_older_is_left_alone),
		ON_STAGE(test_own_added),    ON_STAGE(test_missing),
		ON_STAGE(test_cut),	     ON_STAGE(test_cut_unseen),
		ON_STAGE(test_altered),	     ON_STAGE(test_altered_old),
		ON_STAGE(test_fork),	     ON_STAGE(test_foreign_checkpoint),
		ON_STAGE(test_others_go_on), ON_STAGE(test_no_event),
		ON_STAGE(test_wrong_number), ON_STAGE(test_newer_event),
		ON_STAGE(test_other_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
