/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts of what a node goes on to open when its log says that it is over: the release ended, was
 * revoked, with its node or by the key that signed it, or with a restore. And what scissors and glue
 * make of a receipt that has all of these: this program and Node.js give one verdict of each.
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

#include "tests/lib/mutants.h"
#include "tests/lib/opinion.h"
#include "tests/lib/stage.h"

#define THIEF 1 /* an officer of the archive; its key gets stolen */
#define MUTANT_LINES 120

struct world {
	struct stage s;
	struct opinion other_opinion;
	uint8_t item[16];
	struct wire_out text;
	struct receipt r;
	bool revoked;	   /* the node */
	size_t verdict[4]; /* of mutants: good, bad, can't be judged, malformed */
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
	stage_ingest(&w->s, STAGE_CAP, "otay", "car", 3, NULL);
	enter(w, STAGE_WS);
	assert_int_equal(stage_find(&w->s, "otay/car1.jpg", &o), 0);
	memcpy(w->item, o.item, 16);
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

/* ---- what is in the log ---- */

static void authorise(struct world *w, unsigned signers, struct document *d, uint8_t serial[16])
{
	const struct stage_terms t = {
		.paths = {"otay/car1.jpg"}, .signers = signers, .export_to = "plain", .user = "op"};

	stage_authorise(&w->s, STAGE_WS, &t, d, serial);
}

static void imported(struct world *w, struct document *d)
{
	struct err e;

	ok(stage_import(&w->s, d, &e), &e);
	document_free(d);
}

static void released(struct world *w, unsigned signers, uint8_t serial[16])
{
	struct document d;

	authorise(w, signers, &d, serial);
	imported(w, &d);
}

static void smuggled(struct world *w, unsigned signers, uint8_t serial[16])
{
	struct document d;

	authorise(w, signers, &d, serial);
	stage_smuggle(&w->s, &d, "authorisation", serial);
	document_free(&d);
}

static void withdraw(struct world *w, int what, const uint8_t target[16])
{
	struct document d;
	uint8_t serial[16];

	stage_revocation(&w->s, what, target, &d, serial);
	imported(w, &d);
}

static void revoke_thief(struct world *w)
{
	struct document d;
	uint8_t serial[16];

	stage_revocation_of_key(&w->s, THIEF, &d, serial);
	imported(w, &d);
}

/* Issued so many ms from now. */
static void restored(struct world *w, int64_t ms)
{
	struct document d;
	uint8_t serial[16];

	stage_restore(&w->s, STAGE_WS, ms, 0, &d, serial);
	stage_smuggle(&w->s, &d, "restore", serial);
	document_free(&d);
}

static void use(struct world *w, enum event_type type, const uint8_t serial[16], uint64_t handle)
{
	struct event ev = {.type = type, .handle = handle, .user = "op", .program = "/bin/cp"};

	memcpy(ev.item, w->item, 16);
	memcpy(ev.release, serial, 16);
	if (type == EVENT_RELEASE_ENDED) {
		memset(ev.item, 0, 16);
		strcpy(ev.reason, "budget");
	}
	stage_log(&w->s, &ev, 1);
}

/* ---- receipts ---- */

static void make(struct world *w, bool scan, struct wire_out *out)
{
	struct receipt_ask ask = {.station = scan ? NULL : w->s.st,
				  .archive = w->s.st->archive,
				  .roster = w->s.st->roster,
				  .node = w->s.id[STAGE_CAP],
				  .disclose = !scan};
	struct receipt_sum sum;
	struct err e = {0};

	memcpy(ask.item, w->item, 16);
	wire_out_reset(out);
	ok(receipt_make(out, &ask, &sum, &e), &e);
}

static int check(struct world *w)
{
	struct err e = {0};
	int rc;

	receipt_free(&w->r);
	ok(receipt_parse(&w->r, w->text.p, w->text.n, &e), &e);
	rc = receipt_check(&w->r, NULL, 0, &e);
	opinion_add(&w->other_opinion, w->text.p, w->text.n, rc);
	return rc;
}

/* By the index, with what it discloses, and by the journals: else the same. A node that was revoked
 * has no index. */
static int run(struct world *w)
{
	struct wire_out scanned = {0};
	struct err e = {0};
	const uint8_t *record;

	if (!w->revoked)
		enter(w, STAGE_WS);
	ok(journal_checkpoint(w->s.st->journal, &e), &e);
	make(w, true, &scanned);
	if (w->revoked) {
		wire_out_free(&w->text);
		w->text = scanned;
		return check(w);
	}
	make(w, false, &w->text);
	record = memmem(w->text.p, w->text.n, "\nrecord: ", 9);
	assert_non_null(record);
	assert_int_equal(record + 1 - w->text.p, scanned.n - strlen("end\n"));
	assert_memory_equal(w->text.p, scanned.p, scanned.n - strlen("end\n"));
	wire_out_free(&scanned);
	return check(w);
}

static void found(struct world *w, int rc, const char *words)
{
	const int is = run(w);
	size_t i = 0;

	while (i < w->r.findings && !strstr(w->r.finding[i].text, words))
		i++;
	if (is == rc && (rc == 0 || i < w->r.findings))
		return;
	for (i = 0; i < w->r.findings; i++)
		print_message("%s\n", w->r.finding[i].text);
	fail_msg("%d, not %d with '%s'", is, rc, words);
}

static void good(struct world *w)
{
	found(w, 0, "");
}

/* ---- by the order of the log ---- */

static void test_ended(void **state)
{
	struct world *w = *state;
	uint8_t one[16], two[16];

	released(w, 0, one);
	released(w, 0, two);
	use(w, EVENT_OPENED, one, 1);
	use(w, EVENT_RELEASE_ENDED, one, 0);
	use(w, EVENT_CLOSED, one, 1);
	use(w, EVENT_OPENED, two, 2);
	good(w);
	assert_int_equal(w->r.events, 2 + 2 + 1 + 3);
	use(w, EVENT_OPENED, one, 3);
	found(w, ERR_DAMAGED, "that had ended: nothing covers it");
	assert_int_equal(w->r.damaged, 1);
}

static void test_node_revoked(void **state)
{
	struct world *w = *state;
	struct document d;
	uint8_t one[16], two[16];

	released(w, 0, one);
	use(w, EVENT_OPENED, one, 1);
	withdraw(w, REVOKE_NODE, w->s.id[STAGE_CAP]);
	good(w);
	withdraw(w, REVOKE_NODE, w->s.id[STAGE_WS]);
	w->revoked = true;
	good(w);
	assert_int_equal(w->r.revocations, 2);
	use(w, EVENT_OPENED, one, 2);
	found(w, ERR_DAMAGED, "that ended when its node was revoked");
	assert_int_equal(w->r.damaged, 1);
	/* A new enrolment lets it work again, but brings nothing back. */
	sleep(1);
	stage_enrolment(&w->s, STAGE_WS, &d);
	imported(w, &d);
	released(w, 0, two);
	use(w, EVENT_OPENED, two, 3);
	found(w, ERR_DAMAGED, "that ended when its node was revoked");
	assert_int_equal(w->r.damaged, 1);
	assert_int_equal(w->r.unchecked, 0);
}

/* It lies in documents/: whether the node had heard of it is not known. */
static void test_unheard(void **state)
{
	struct world *w = *state;
	struct document d;
	uint8_t serial[16], number[16];
	struct err e;

	released(w, 0, serial);
	use(w, EVENT_OPENED, serial, 1);
	stage_revocation(&w->s, REVOKE_NODE, w->s.id[STAGE_WS], &d, number);
	ok(document_store(w->s.st->archive->documents, number, "revocation", &d, &e), &e);
	w->revoked = true;
	good(w);
	sleep(1); /* documents have whole seconds */
	use(w, EVENT_OPENED, serial, 2);
	found(w, ERR_UNSUPPORTED, "whether the node knew can't be judged");
	assert_int_equal(w->r.damaged, 0);
	assert_int_equal(w->r.unchecked, 1);
	imported(w, &d);
	use(w, EVENT_OPENED, serial, 3);
	found(w, ERR_DAMAGED, "that ended when its node was revoked");
}

static void test_restored(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];

	released(w, 0, serial);
	use(w, EVENT_OPENED, serial, 1);
	restored(w, -60000); /* before it was issued */
	use(w, EVENT_OPENED, serial, 2);
	restored(w, 0);
	good(w);
	assert_int_equal(w->r.restores, 2);
	use(w, EVENT_OPENED, serial, 3);
	found(w, ERR_DAMAGED, "that ended when its node accepted a restore");
	assert_int_equal(w->r.damaged, 1);
}

/* An acceptance that no log admits, or that of another node, is not in it. */
static void test_not_restored(void **state)
{
	struct world *w = *state;
	struct document d;
	uint8_t serial[16], number[16];
	struct err e;

	released(w, 0, serial);
	use(w, EVENT_OPENED, serial, 1);
	stage_restore(&w->s, STAGE_WS, 0, 0, &d, number);
	ok(document_store(w->s.st->archive->documents, number, "restore", &d, &e), &e);
	document_free(&d);
	stage_restore(&w->s, STAGE_CAP, 0, 0, &d, number);
	stage_smuggle(&w->s, &d, "restore", number);
	document_free(&d);
	use(w, EVENT_OPENED, serial, 2);
	good(w);
	assert_int_equal(w->r.restores, 0);
}

/* ---- keys that were revoked ---- */

static void test_key_before(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];

	released(w, 1u << THIEF, serial);
	revoke_thief(w);
	use(w, EVENT_OPENED, serial, 1);
	good(w);
	assert_int_equal(w->r.revocations, 1);
	assert_true(w->r.revocation[0].named);
}

static void test_key_after(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];

	revoke_thief(w);
	smuggled(w, 1u << THIEF, serial);
	use(w, EVENT_OPENED, serial, 1);
	found(w, ERR_DAMAGED, "authorisation number 1 is not good: it is signed with the key");
	found(w, ERR_DAMAGED, "that the receipt does not have, or not good: nothing covers it");
}

static void test_key_others(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];

	revoke_thief(w);
	released(w, 1u | 1u << THIEF, serial);
	use(w, EVENT_OPENED, serial, 1);
	good(w);
	assert_int_equal(w->r.grant[0].signers, 1);
}

/* A revocation of a key that has signed nothing here is not in it. */
static void test_key_of_nothing(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];

	revoke_thief(w);
	released(w, 0, serial);
	use(w, EVENT_OPENED, serial, 1);
	good(w);
	assert_int_equal(w->r.revocations, 0);
}

/* ---- scissors and glue ---- */

static void try(void *ctx, const struct wire_out *text)
{
	struct world *w = ctx;
	int rc;

	if (text->n == w->text.n && memcmp(text->p, w->text.p, text->n) == 0)
		return;
	rc = opinion_check(&w->other_opinion, text->p, text->n);
	w->verdict[rc == 0 ? 0 : rc == ERR_DAMAGED ? 1 : rc == ERR_UNSUPPORTED ? 2 : 3]++;
}

static void test_mutants(void **state)
{
	struct world *w = *state;
	struct event ev = {.type = EVENT_EXPORTED, .kind = "folder", .user = "op", .handle = 3};
	uint8_t one[16], two[16];
	size_t n;

	released(w, 1u | 1u << THIEF, one);
	use(w, EVENT_OPENED, one, 1);
	use(w, EVENT_CLOSED, one, 1);
	revoke_thief(w);
	withdraw(w, REVOKE_AUTHORISATION, one);
	released(w, 0, two);
	use(w, EVENT_OPENED, two, 2);
	ev.export[0] = 1;
	memcpy(ev.release, two, 16);
	stage_log(&w->s, &ev, 1);
	ev.type = EVENT_OPENED;
	memcpy(ev.item, w->item, 16);
	stage_log(&w->s, &ev, 1);
	use(w, EVENT_RELEASE_ENDED, two, 0);
	restored(w, 0);
	enter(w, STAGE_BOTH);
	ev = (struct event){.type = EVENT_DAMAGED};
	memcpy(ev.item, w->item, 16);
	stage_log(&w->s, &ev, 1);
	good(w);
	assert_int_equal(w->r.logs, 3);
	assert_int_equal(w->r.restores, 1);
	assert_int_equal(w->r.revocations, 2);
	n = mutants_each(w->text.p, w->text.n, MUTANT_LINES, try, w);
	print_message("%zu mutants: %zu good, %zu bad, %zu not judged, %zu malformed\n", n,
		      w->verdict[0], w->verdict[1], w->verdict[2], w->verdict[3]);
	assert_true(n > 500);
	/* Some events may be left out, as nobody can tell. */
	assert_true(w->verdict[0] < n / 10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ended),     TEST(test_node_revoked), TEST(test_unheard),
		TEST(test_restored),  TEST(test_not_restored), TEST(test_key_before),
		TEST(test_key_after), TEST(test_key_others),   TEST(test_key_of_nothing),
		TEST(test_mutants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
