/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a log admits and opens behind what it admitted before: the order of its lines decides, for the
 * node itself and for whoever verifies, also where the node breaks the rules.
 */
#include "fs/in_force.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/catchup.h"
#include "fs/release.h"
#include "fs/verify.h"
#include "tests/lib/stage.h"

#define THIEF 1 /* an officer of the archive; its key gets stolen */
#define BOTH 3u /* officers 0 and 1 */

struct world {
	struct stage s;
	uint8_t item[16];
	unsigned findings;
	char finding[2048];
};

static void ok(int rc, const struct err *e)
{
	if (rc)
		fail_msg("%s: %s", err_word(rc), e->text);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct object o;

	stage_open(&w->s);
	stage_ingest(&w->s, STAGE_CAP, "otay", "car", 3, NULL);
	stage_leave(&w->s);
	stage_enter(&w->s, STAGE_WS, 0);
	assert_int_equal(stage_find(&w->s, "otay/car1.jpg", &o), 0);
	memcpy(w->item, o.item, 16);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	stage_close(&w->s);
	free(w);
	return 0;
}

/* ---- what is in the log ---- */

static void authorise(struct world *w, unsigned signers, struct document *d, uint8_t serial[16])
{
	const struct stage_terms t = {.paths = {"otay/car1.jpg"}, .signers = signers};

	stage_authorise(&w->s, STAGE_WS, &t, d, serial);
}

static void smuggled(struct world *w, unsigned signers, uint8_t serial[16])
{
	struct document d;

	authorise(w, signers, &d, serial);
	stage_smuggle(&w->s, &d, "authorisation", serial);
	document_free(&d);
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

static void revoke_thief(struct world *w)
{
	struct document d;
	uint8_t serial[16];

	stage_revocation_of_key(&w->s, THIEF, &d, serial);
	imported(w, &d);
}

static void log_use(struct world *w, enum event_type type, const uint8_t serial[16])
{
	struct event ev = {.type = type, .handle = 1, .user = "op", .reason = "budget"};

	if (type == EVENT_OPENED)
		memcpy(ev.item, w->item, 16);
	memcpy(ev.release, serial, 16);
	stage_log(&w->s, &ev, 1);
}

/* ---- what is made of it ---- */

/* May the node read under it, by its own look at its own log? */
static bool counts(struct world *w, const uint8_t serial[16], unsigned bad)
{
	struct catchup_result caught;
	struct release_set *set;
	struct release *r;
	unsigned n = 0;
	struct err e = {0};

	ok(catchup_run(w->s.st, 0, &caught, NULL, NULL, &e), &e);
	assert_int_equal(release_set_new(&set, w->s.st->pool), 0);
	ok(release_reload(set, w->s.st, &n, &e), &e);
	assert_int_equal(n, bad);
	if (bad)
		assert_non_null(strstr(e.text, "which was revoked"));
	r = release_find(set, serial);
	if (r)
		release_drop(r);
	release_set_free(set);
	return r != NULL;
}

static void take_finding(void *ctx, const struct verify_finding *f)
{
	struct world *w = ctx;

	w->findings++;
	snprintf(w->finding, sizeof(w->finding), "%s", f->text);
}

/* So many findings of forgery, the last with these words. */
static void verified(struct world *w, unsigned findings, const char *words)
{
	const struct verify_ask ask = {.quick = true, .finding = take_finding, .ctx = w};
	struct verify_sum sum;
	struct err e;

	ok(journal_checkpoint(w->s.st->journal, &e), &e);
	w->findings = 0;
	*w->finding = '\0';
	assert_int_equal(verify_run(w->s.st->archive, &ask, &sum, &e), findings ? ERR_DAMAGED : 0);
	if (w->findings != findings || sum.damaged != findings || !strstr(w->finding, words))
		fail_msg("%u findings, the last '%s'", w->findings, w->finding);
}

/* ---- keys that were revoked ---- */

static void test_before(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];

	released(w, 1u << THIEF, serial);
	revoke_thief(w);
	assert_true(counts(w, serial, 0));
	verified(w, 0, "");
}

static void test_after(void **state)
{
	struct world *w = *state;
	struct document d;
	uint8_t serial[16];
	struct err e;

	revoke_thief(w);
	authorise(w, 1u << THIEF, &d, serial);
	assert_int_equal(stage_import(&w->s, &d, &e), ERR_REVOKED);
	stage_smuggle(&w->s, &d, "authorisation", serial);
	document_free(&d);
	assert_false(counts(w, serial, 1));
	verified(w, 1, "which was revoked, and journal ");
}

/* Enough others have signed. */
static void test_others(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];

	revoke_thief(w);
	released(w, BOTH, serial);
	assert_true(counts(w, serial, 0));
	verified(w, 0, "");
}

/* Known in documents/, but to this log only later: its word is all there is. */
static void test_order(void **state)
{
	struct world *w = *state;
	struct document d;
	uint8_t serial[16], number[16];
	struct err e;

	stage_revocation_of_key(&w->s, THIEF, &d, number);
	stage_leave(&w->s);
	stage_enter(&w->s, STAGE_BOTH, 0);
	ok(stage_import(&w->s, &d, &e), &e);
	stage_leave(&w->s);
	stage_enter(&w->s, STAGE_WS, 0);
	smuggled(w, 1u << THIEF, serial);
	assert_true(counts(w, serial, 0));
	verified(w, 0, "");
	ok(stage_import(&w->s, &d, &e), &e);
	assert_true(counts(w, serial, 0));
	verified(w, 0, "");
	smuggled(w, 1u << THIEF, serial);
	assert_false(counts(w, serial, 1));
	verified(w, 1, "which was revoked, and journal ");
	document_free(&d);
}

/* Restores and enrolments too. A revocation by that key does no harm. */
static void test_kinds(void **state)
{
	struct world *w = *state;
	struct document d, by_thief;
	uint8_t serial[16], target[16] = {7};
	struct wire_out text = {0};
	struct err e;

	revoke_thief(w);
	stage_restore(&w->s, STAGE_WS, 0, THIEF, &d, serial);
	stage_smuggle(&w->s, &d, "restore", serial);
	document_free(&d);
	verified(w, 1, ".restore: it is signed with the key");
	stage_revocation(&w->s, REVOKE_AUTHORISATION, target, &d, serial);
	wire_out_bytes(&text, d.text.p, d.text.n);
	ok(document_make(&by_thief, &text, NULL, 0, &e), &e);
	office_sign(&w->s.o, &by_thief, DOCUMENT_NS_REVOKE, THIEF);
	stage_smuggle(&w->s, &by_thief, "revocation", serial);
	verified(w, 1, ".restore");
	document_free(&d);
	document_free(&by_thief);
	wire_out_free(&text);
}

/* ---- openings behind what ended it ---- */

static void test_ended(void **state)
{
	struct world *w = *state;
	uint8_t one[16], two[16];

	released(w, 0, one);
	released(w, 0, two);
	log_use(w, EVENT_OPENED, one);
	log_use(w, EVENT_RELEASE_ENDED, one);
	log_use(w, EVENT_OPENED, two);
	verified(w, 0, "");
	log_use(w, EVENT_OPENED, one);
	verified(w, 1, ", and ended it in its line");
	log_use(w, EVENT_OPENED, one);
	verified(w, 1, ", and ended it in its line");
	log_use(w, EVENT_RELEASE_ENDED, two);
	log_use(w, EVENT_OPENED, two);
	verified(w, 2, ", and ended it in its line");
}

static void test_withdrawn(void **state)
{
	struct world *w = *state;
	uint8_t one[16], two[16], serial[16];
	struct document d;

	released(w, 0, one);
	released(w, 0, two);
	log_use(w, EVENT_OPENED, one);
	stage_revocation(&w->s, REVOKE_AUTHORISATION, one, &d, serial);
	imported(w, &d);
	log_use(w, EVENT_OPENED, two);
	verified(w, 0, "");
	log_use(w, EVENT_OPENED, one);
	verified(w, 1, ", and admits its revocation in its line");
}

static void test_node_withdrawn(void **state)
{
	struct world *w = *state;
	uint8_t one[16], serial[16];
	struct document d;

	released(w, 0, one);
	stage_revocation(&w->s, REVOKE_NODE, w->s.id[STAGE_CAP], &d, serial);
	imported(w, &d);
	log_use(w, EVENT_OPENED, one);
	verified(w, 0, "");
	stage_revocation(&w->s, REVOKE_NODE, w->s.id[STAGE_WS], &d, serial);
	imported(w, &d);
	verified(w, 0, "");
	log_use(w, EVENT_OPENED, one);
	verified(w, 1, ", and admits that its node was revoked in its line");
}

static void test_restored(void **state)
{
	struct world *w = *state;
	uint8_t one[16], serial[16];
	struct document d;

	released(w, 0, one);
	log_use(w, EVENT_OPENED, one);
	stage_restore(&w->s, STAGE_WS, -60000, 0, &d, serial); /* issued before the authorisation */
	stage_smuggle(&w->s, &d, "restore", serial);
	document_free(&d);
	log_use(w, EVENT_OPENED, one);
	stage_restore(&w->s, STAGE_WS, 0, 0, &d, serial);
	stage_smuggle(&w->s, &d, "restore", serial);
	document_free(&d);
	verified(w, 0, "");
	log_use(w, EVENT_OPENED, one);
	verified(w, 1, ", and admits a restore that ended it in its line");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_before),    TEST(test_after),		 TEST(test_others),
		TEST(test_order),     TEST(test_kinds),		 TEST(test_ended),
		TEST(test_withdrawn), TEST(test_node_withdrawn), TEST(test_restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
