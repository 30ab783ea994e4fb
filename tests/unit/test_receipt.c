/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts of real items: they hold, the index and the journals give the same, and custody that was
 * broken is found, also where every signature and proof is good.
 */
#include "fs/receipt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "index/file.h"
#include "tests/lib/opinion.h"
#include "tests/lib/stage.h"

struct world {
	struct stage s;
	struct opinion other_opinion; /* of all receipts that are checked */
	uint8_t item[16], other[16], accession[16];
	bool any_node;	      /* the item is asked for by its id alone */
	struct wire_out text; /* the last receipt */
	struct receipt r;     /* and what was found in it */
};

static void ok(int rc, const struct err *e)
{
	if (rc)
		fail_msg("%s: %s", err_word(rc), e->text);
}

static void enter(struct world *w, enum stage_node n)
{
	if (w->s.st)
		stage_leave(&w->s);
	stage_enter(&w->s, n, 0);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct object o;

	stage_open(&w->s);
	opinion_open(&w->other_opinion, w->s.o.dir);
	stage_ingest(&w->s, STAGE_CAP, "otay", "car", 5, w->accession);
	enter(w, STAGE_WS);
	assert_int_equal(stage_find(&w->s, "otay/car2.jpg", &o), 0);
	memcpy(w->item, o.item, 16);
	assert_int_equal(stage_find(&w->s, "otay/car3.jpg", &o), 0);
	memcpy(w->other, o.item, 16);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	opinion_compare(&w->other_opinion);
	receipt_free(&w->r);
	wire_out_free(&w->text);
	stage_close(&w->s);
	free(w);
	return 0;
}

/* ---- making and checking ---- */

static int try_make(struct world *w, bool scan, bool disclose, struct wire_out *out, struct err *e)
{
	struct receipt_ask ask = {.station = scan ? NULL : w->s.st,
				  .archive = w->s.st->archive,
				  .roster = w->s.st->roster,
				  .node = w->any_node ? NULL : w->s.id[STAGE_CAP],
				  .disclose = disclose};
	struct receipt_sum sum;

	memcpy(ask.item, w->item, 16);
	wire_out_reset(out);
	memset(e, 0, sizeof(*e));
	return receipt_make(out, &ask, &sum, e);
}

/* Check w->text as it is. */
static int check_text(struct world *w)
{
	struct err e = {0};
	int rc;

	receipt_free(&w->r);
	ok(receipt_parse(&w->r, w->text.p, w->text.n, &e), &e);
	rc = receipt_check(&w->r, NULL, 0, &e);
	opinion_add(&w->other_opinion, w->text.p, w->text.n, rc);
	return rc;
}

/* Make a receipt both ways, at the workstation, with all that was logged signed for. */
static int run(struct world *w)
{
	struct wire_out scanned = {0};
	struct err e;

	enter(w, STAGE_WS);
	ok(journal_checkpoint(w->s.st->journal, &e), &e);
	ok(try_make(w, false, false, &w->text, &e), &e);
	ok(try_make(w, true, false, &scanned, &e), &e);
	assert_int_equal(w->text.n, scanned.n);
	assert_memory_equal(w->text.p, scanned.p, scanned.n);
	wire_out_free(&scanned);
	return check_text(w);
}

static void show(const struct world *w)
{
	for (size_t i = 0; i < w->r.findings; i++)
		print_message("%s\n", w->r.finding[i].text);
}

static void good(struct world *w)
{
	if (run(w) != 0)
		show(w);
	assert_int_equal(w->r.damaged + w->r.unchecked, 0);
}

/* Exactly one finding, with these words. */
static void found(struct world *w, int rc, const char *words)
{
	if (rc != ERR_DAMAGED || w->r.damaged != 1 || !strstr(w->r.finding[0].text, words)) {
		show(w);
		fail_msg("no finding '%s'", words);
	}
}

static void bad(struct world *w, const char *words)
{
	found(w, run(w), words);
}

/* ---- what happens ---- */

static struct stage_terms terms(void)
{
	return (struct stage_terms){.paths = {"otay/car1.jpg", "otay/car2.jpg"}};
}

static void release(struct world *w, struct stage_terms t, uint8_t serial[16])
{
	enter(w, STAGE_WS);
	stage_release(&w->s, STAGE_WS, &t, serial);
}

static void use(struct world *w, enum event_type type, const uint8_t serial[16], uint64_t handle)
{
	struct event ev = {.type = type, .handle = handle, .user = "op", .program = "/bin/cp"};

	memcpy(ev.item, w->item, 16);
	memcpy(ev.release, serial, 16);
	stage_log(&w->s, &ev, 1);
}

static void test_untouched(void **state)
{
	struct world *w = *state;

	good(w);
	assert_int_equal(w->r.logs, 1);
	assert_int_equal(w->r.events, 2);
	assert_int_equal(w->r.event[0].type, EVENT_ACCESSION);
	assert_int_equal(w->r.event[1].type, EVENT_INGEST);
	assert_true(w->r.event[1].proved);
	assert_memory_equal(w->r.item, w->item, 16);
	assert_int_equal(w->r.grants, 0);
}

static void test_used(void **state)
{
	struct world *w = *state;
	struct event ev = {.type = EVENT_REFUSED, .what = "open", .reason = "not-covered"};
	uint8_t serial[16], unused[16];
	struct stage_terms t = terms();

	release(w, t, unused);
	release(w, t, serial);
	memcpy(ev.item, w->item, 16);
	stage_log(&w->s, &ev, 1);
	for (uint64_t i = 1; i <= 40; i++) {
		use(w, EVENT_OPENED, serial, i);
		use(w, EVENT_CLOSED, serial, i);
	}
	memcpy(ev.item, w->other, 16);
	stage_log(&w->s, &ev, 300); /* the tree is more than a tile high */
	ev.type = EVENT_DAMAGED;
	memcpy(ev.item, w->item, 16);
	stage_log(&w->s, &ev, 1);
	good(w);
	assert_int_equal(w->r.logs, 2);
	assert_int_equal(w->r.events, 2 + 1 + 1 + 80 + 1);
	assert_int_equal(w->r.grants, 1);
	assert_memory_equal(w->r.grant[0].terms.serial, serial, 16);
	assert_true(w->r.grant[0].admitted && w->r.grant[0].covers);
	assert_int_equal(w->r.grant[0].signers, 1);
}

static void test_accession(void **state)
{
	struct world *w = *state;
	struct stage_terms t = {.accession = w->accession};
	uint8_t serial[16];

	release(w, t, serial);
	use(w, EVENT_OPENED, serial, 1);
	good(w);
}

/* ---- broken custody ---- */

static void test_not_named(void **state)
{
	struct world *w = *state;
	struct stage_terms t = {.paths = {"otay/car1.jpg"}};
	uint8_t serial[16];

	release(w, t, serial);
	use(w, EVENT_OPENED, serial, 1);
	bad(w, "that does not name it: nothing covers it");
}

static void test_no_authorisation(void **state)
{
	struct world *w = *state;
	uint8_t serial[16] = {1};

	use(w, EVENT_OPENED, serial, 1);
	bad(w, "that the receipt does not have");
}

static void test_not_admitted(void **state)
{
	struct world *w = *state;
	struct stage_terms t = terms();
	struct document d;
	uint8_t serial[16];
	struct err e;

	stage_authorise(&w->s, STAGE_WS, &t, &d, serial);
	ok(document_store(w->s.st->archive->documents, serial, "authorisation", &d, &e), &e);
	use(w, EVENT_OPENED, serial, 1);
	bad(w, "that the node had not admitted");
	/* nor does it help to do so afterwards */
	ok(stage_import(&w->s, &d, &e), &e);
	bad(w, "that the node had not admitted");
	document_free(&d);
}

static void test_not_in_force(void **state)
{
	struct world *w = *state;
	struct stage_terms t = terms();
	uint8_t serial[16];

	t.from_ms = 3600000;
	t.until_ms = 7200000;
	release(w, t, serial);
	use(w, EVENT_OPENED, serial, 1);
	bad(w, "that was not in force yet");
}

static void test_expired(void **state)
{
	struct world *w = *state;
	struct stage_terms t = terms();
	uint8_t serial[16];

	t.until_ms = 1000;
	release(w, t, serial);
	use(w, EVENT_OPENED, serial, 1);
	good(w);
	usleep(1000 * (1000 + RECEIPT_SLACK_MS));
	use(w, EVENT_OPENED, serial, 2);
	bad(w, "that had expired");
}

static void test_user(void **state)
{
	struct world *w = *state;
	struct stage_terms t = terms();
	uint8_t serial[16];

	t.user = "alice";
	release(w, t, serial);
	use(w, EVENT_OPENED, serial, 1);
	bad(w, "that is for other users");
}

static void withdraw(struct world *w, enum stage_node n, int what, const uint8_t target[16])
{
	struct document d;
	uint8_t serial[16];
	struct err e;

	enter(w, n);
	stage_revocation(&w->s, what, target, &d, serial);
	ok(stage_import(&w->s, &d, &e), &e);
	document_free(&d);
}

static void test_revoked(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];

	release(w, terms(), serial);
	use(w, EVENT_OPENED, serial, 1);
	withdraw(w, STAGE_WS, REVOKE_AUTHORISATION, serial);
	good(w);
	assert_int_equal(w->r.revocations, 1);
	assert_int_equal(w->r.events, 2 + 1 + 1 + 1);
	use(w, EVENT_OPENED, serial, 2);
	bad(w, "that had been revoked");
}

/* A revocation that never reached the node is shown, and breaks nothing. One that another log heard
 * of first is found all the same. */
static void test_revoked_elsewhere(void **state)
{
	struct world *w = *state;
	struct document d;
	uint8_t serial[16], number[16];
	struct err e;

	release(w, terms(), serial);
	stage_revocation(&w->s, REVOKE_AUTHORISATION, serial, &d, number);
	enter(w, STAGE_BOTH);
	ok(stage_import(&w->s, &d, &e), &e);
	enter(w, STAGE_WS);
	use(w, EVENT_OPENED, serial, 1);
	good(w);
	assert_int_equal(w->r.revocations, 1);
	ok(stage_import(&w->s, &d, &e), &e);
	use(w, EVENT_OPENED, serial, 2);
	bad(w, "that had been revoked");
	document_free(&d);
}

static void test_node_revoked(void **state)
{
	struct world *w = *state;

	withdraw(w, STAGE_WS, REVOKE_NODE, w->s.id[STAGE_CAP]);
	good(w);
	assert_int_equal(w->r.revocations, 1);
	assert_int_equal(w->r.events, 2);
}

static void test_wrong_node(void **state)
{
	struct world *w = *state;
	struct stage_terms t = terms();
	uint8_t serial[16];

	release(w, t, serial);
	enter(w, STAGE_BOTH);
	use(w, EVENT_OPENED, serial, 1);
	bad(w, "that is for another node");
}

static void test_no_reader(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];

	release(w, terms(), serial);
	use(w, EVENT_OPENED, serial, 1);
	enter(w, STAGE_CAP);
	use(w, EVENT_OPENED, serial, 1);
	assert_int_equal(run(w), ERR_DAMAGED);
	assert_int_equal(w->r.damaged, 2);
	assert_non_null(strstr(w->r.finding[0].text, "the node is no reader"));
	assert_non_null(strstr(w->r.finding[1].text, "that is for another node"));
}

static void test_closed_alone(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];

	release(w, terms(), serial);
	use(w, EVENT_OPENED, serial, 1);
	use(w, EVENT_CLOSED, serial, 2);
	bad(w, "the event that opened it is missing");
}

/* Another node says that it took in an item of this id: that is another item, and breaks nothing. */
static void test_same_id(void **state)
{
	struct event ev = {.type = EVENT_INGEST, .length = 300, .headlen = 292};
	struct world *w = *state;
	uint8_t serial[16];
	struct err e;

	release(w, terms(), serial);
	use(w, EVENT_OPENED, serial, 1);
	memcpy(ev.item, w->item, 16);
	enter(w, STAGE_CAP2);
	stage_log(&w->s, &ev, 1);
	good(w);
	assert_int_equal(w->r.logs, 3);
	assert_memory_equal(w->r.node, w->s.id[STAGE_CAP], 16);
	/* By the id alone nobody can say which one is meant. */
	w->any_node = true;
	assert_int_equal(try_make(w, false, false, &w->text, &e), ERR_FORGED);
	assert_int_equal(try_make(w, true, false, &w->text, &e), ERR_FORGED);
}

/* The same node says so. */
static void test_ingested_twice(void **state)
{
	struct event ev = {.type = EVENT_INGEST, .length = 300, .headlen = 292};
	struct world *w = *state;
	struct err e;

	memcpy(ev.item, w->item, 16);
	enter(w, STAGE_CAP);
	stage_log(&w->s, &ev, 1);
	enter(w, STAGE_WS);
	assert_int_equal(try_make(w, false, false, &w->text, &e), ERR_FORGED);
	assert_int_equal(try_make(w, true, false, &w->text, &e), ERR_FORGED);
}

/* ---- what is put together by a forger from good parts ---- */

/* Take the part `key` with number n (from 0) out of w->text, with its line. */
static void cut(struct world *w, const char *key, unsigned n)
{
	char *at = (char *)w->text.p, *end = at + w->text.n, line[64];
	size_t len, skip;

	snprintf(line, sizeof(line), "\n%s: ", key);
	do {
		at = memmem(at + 1, (size_t)(end - at) - 1, line, strlen(line));
		assert_non_null(at);
	} while (n--);
	at++;
	len = strtoul(at + strlen(key) + 2, NULL, 10);
	skip = (size_t)((char *)memchr(at, '\n', (size_t)(end - at)) + 1 - at) + len;
	memmove(at, at + skip, (size_t)(end - at) - skip);
	w->text.n -= skip;
}

static void test_left_out(void **state)
{
	struct world *w = *state;
	struct wire_out whole = {0};
	uint8_t serial[16];

	release(w, terms(), serial);
	use(w, EVENT_OPENED, serial, 1);
	use(w, EVENT_CLOSED, serial, 1);
	good(w);
	wire_out_bytes(&whole, w->text.p, w->text.n);
	/* The admission, the opening: by the order of their log, wherever it stands. */
	for (size_t i = 0; i < w->r.events; i++) {
		enum event_type type = w->r.event[i].type;

		if (type == EVENT_CLOSED || type == EVENT_ACCESSION)
			continue;
		wire_out_reset(&w->text);
		wire_out_bytes(&w->text, whole.p, whole.n);
		cut(w, "proof", (unsigned)i);
		cut(w, "event", (unsigned)i);
		assert_int_equal(check_text(w), ERR_DAMAGED);
		good(w);
	}
	wire_out_reset(&w->text);
	wire_out_bytes(&w->text, whole.p, whole.n);
	cut(w, "authorisation", 0);
	assert_int_equal(check_text(w), ERR_DAMAGED);
	wire_out_free(&whole);
}

/* Every line of a receipt, with one character changed: nothing goes through. */
static void test_each_line(void **state)
{
	struct world *w = *state;
	struct wire_out whole = {0};
	uint8_t serial[16];
	struct receipt r;
	size_t line = 0, lines = 0;

	release(w, terms(), serial);
	use(w, EVENT_OPENED, serial, 1);
	withdraw(w, STAGE_WS, REVOKE_AUTHORISATION, serial);
	good(w);
	wire_out_bytes(&whole, w->text.p, w->text.n);
	for (size_t i = 0; i < whole.n; i++) {
		size_t at = line + (i - line) / 2;
		uint8_t *p = &w->text.p[at];

		if (whole.p[i] != '\n')
			continue;
		line = i + 1;
		if (whole.p[at] == '\n')
			continue;
		*p = *p == '0' || *p == 'A' ? *p + 1 : *p >= '1' && *p <= '9' ? '0' : 'A';
		lines++;
		if (receipt_parse(&r, w->text.p, w->text.n, NULL) == 0) {
			if (receipt_check(&r, NULL, 0, NULL) == 0)
				fail_msg("line %zu is not guarded", lines);
			receipt_free(&r);
		}
		*p = whole.p[at];
	}
	assert_in_range(lines, 80, 1000);
	assert_int_equal(check_text(w), 0);
	wire_out_free(&whole);
}

/* ---- what is disclosed ---- */

static void test_disclosed(void **state)
{
	struct world *w = *state;
	struct text_span v;
	struct err e;

	ok(try_make(w, false, true, &w->text, &e), &e);
	assert_int_equal(check_text(w), 0);
	assert_non_null(w->r.provenance);
	assert_true(record_get(w->r.provenance, "path", &v));
	assert_true(text_is(v, "car2.jpg"));
	assert_int_equal(try_make(w, true, true, &w->text, &e), ERR_ROLE);
	assert_int_equal(w->text.n, 0);
}

/* ---- what can't be made ---- */

static void test_not_made(void **state)
{
	struct world *w = *state;
	char path[FIXTURE_PATH], command[2 * FIXTURE_PATH];
	struct err e;

	w->item[0] ^= 1;
	assert_int_equal(try_make(w, false, false, &w->text, &e), ERR_NOTFOUND);
	assert_int_equal(try_make(w, true, false, &w->text, &e), ERR_NOTFOUND);
	w->item[0] ^= 1;
	/* A log that is not what its node signed. */
	stage_journal_path(&w->s, STAGE_CAP, "jsonl", path);
	snprintf(command, sizeof(command), "sed -i '1s/\"mac\":\"./\"mac\":\"x/' %s", path);
	stage_shell(&w->s, command);
	assert_int_equal(try_make(w, true, false, &w->text, &e), ERR_DAMAGED);
	assert_non_null(strstr(e.text, "custody verify"));
	snprintf(command, sizeof(command), "sed -i '$d' %s", path);
	stage_shell(&w->s, command);
	assert_int_equal(try_make(w, true, false, &w->text, &e), ERR_DAMAGED);
	/* One that is not signed for at all. */
	stage_journal_path(&w->s, STAGE_CAP, "checkpoint", path);
	snprintf(command, sizeof(command), "rm %s", path);
	stage_shell(&w->s, command);
	assert_int_equal(try_make(w, true, false, &w->text, &e), ERR_BUSY);
	assert_int_equal(w->text.n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* ---- a node that forges its own log, with its own key ---- */

/* A file of the workstation's journal. */
static void read_journal(struct world *w, const char *suffix, struct wire_out *out)
{
	char path[FIXTURE_PATH];
	struct err e;

	stage_journal_path(&w->s, STAGE_WS, suffix, path);
	wire_out_reset(out);
	ok(file_read_path(path, 1 << 20, out, &e), &e);
}

static void write_journal(struct world *w, const char *suffix, const struct wire_out *bytes)
{
	char path[FIXTURE_PATH];
	FILE *f;

	stage_journal_path(&w->s, STAGE_WS, suffix, path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes->p, 1, bytes->n, f), bytes->n);
	fclose(f);
}

/* Sign a checkpoint over these lines, as the node would. */
static void sign_lines(struct world *w, const struct wire_out *lines, struct wire_out *note)
{
	const struct identity *id = node_identity(w->s.st->node);
	struct note_key key = {.type = NOTE_ED25519};
	struct text_in in = text_in_init(lines->p, lines->n);
	struct merkle_range range = {.size = 0};
	struct note_checkpoint cp = {.size = 0};
	struct wire_out text = {0};
	struct text_span line;
	merkle_hash leaf;

	while (text_line(&in, &line)) {
		merkle_leaf(leaf, line.p, line.n);
		merkle_append(&range, leaf, NULL, NULL);
	}
	journal_origin(cp.origin, w->s.desc.id, id->pub.id);
	cp.size = range.size;
	merkle_root(cp.root, &range);
	memcpy(key.name, cp.origin, sizeof(key.name));
	memcpy(key.pk, id->pub.sign, sizeof(key.pk));
	note_checkpoint_text(&text, &cp);
	assert_int_equal(note_sign(note, (char *)text.p, text.n, &key, id->sign), 0);
	wire_out_free(&text);
}

/* One more event at the end of the workstation's log, at any time; then a receipt, and its check. */
static int forge(struct world *w, struct event *ev)
{
	const struct event_key key = {node_identity(w->s.st->node)->journal, w->s.desc.id};
	struct wire_out lines = {0}, true_lines = {0}, note = {0}, true_note = {0};
	struct text_in in;
	struct text_span line;
	struct err e;

	ok(journal_checkpoint(w->s.st->journal, &e), &e);
	read_journal(w, "jsonl", &true_lines);
	read_journal(w, "checkpoint", &true_note);
	wire_out_bytes(&lines, true_lines.p, true_lines.n);
	for (in = text_in_init(lines.p, lines.n); text_line(&in, &line);)
		ev->seq++;
	assert_int_equal(event_format(&lines, ev, key), 0);
	wire_out_text(&lines, "\n");
	sign_lines(w, &lines, &note);
	write_journal(w, "jsonl", &lines);
	write_journal(w, "checkpoint", &note);
	ok(try_make(w, true, false, &w->text, &e), &e);
	write_journal(w, "jsonl", &true_lines);
	write_journal(w, "checkpoint", &true_note);
	wire_out_free(&lines);
	wire_out_free(&true_lines);
	wire_out_free(&note);
	wire_out_free(&true_note);
	return check_text(w);
}

/* An opening that is dated back to when it was allowed: every signature and proof is good. */
static void test_dated_back(void **state)
{
	struct world *w = *state;
	struct event ev = {.type = EVENT_OPENED, .handle = 2, .user = "op", .program = "/bin/cp"};
	struct stage_terms t = terms();
	uint8_t serial[16];
	struct event last;
	size_t i = 0;

	t.until_ms = 60000;
	release(w, t, serial);
	use(w, EVENT_OPENED, serial, 1);
	memcpy(ev.item, w->item, 16);
	memcpy(ev.release, serial, 16);
	good(w);
	/* logs stand in order of their nodes, which are random */
	while (w->r.event[i].type != EVENT_OPENED)
		i++;
	receipt_event(&w->r, i, &last);
	ev.time_ms = last.time_ms - 1000;
	found(w, forge(w, &ev), "it is dated back");
	ev.seq = 0;
	ev.time_ms = last.time_ms;
	if (forge(w, &ev) != 0)
		show(w);
	assert_int_equal(w->r.damaged, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_untouched),
		TEST(test_used),
		TEST(test_accession),
		TEST(test_not_named),
		TEST(test_no_authorisation),
		TEST(test_not_admitted),
		TEST(test_not_in_force),
		TEST(test_expired),
		TEST(test_user),
		TEST(test_revoked),
		TEST(test_revoked_elsewhere),
		TEST(test_node_revoked),
		TEST(test_wrong_node),
		TEST(test_no_reader),
		TEST(test_closed_alone),
		TEST(test_same_id),
		TEST(test_ingested_twice),
		TEST(test_left_out),
		TEST(test_each_line),
		TEST(test_disclosed),
		TEST(test_not_made),
		TEST(test_dated_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
