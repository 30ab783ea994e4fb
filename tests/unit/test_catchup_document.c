/* SPDX-License-Identifier: Apache-2.0 */
/* catchup: what the log says of authorisations: admitted, used, ended, revoked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/catchup.h"
#include "tests/lib/stage.h"

static const struct stage_terms car = {.paths = {"otay/car1.jpg"}};

static int set_up(void **state)
{
	struct stage *s = malloc(sizeof(*s));

	stage_open(s);
	*state = s;
	stage_ingest(s, STAGE_CAP, "otay", "car", 3, NULL);
	return 0;
}

static int tear_down(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static void run(struct stage *s)
{
	struct catchup_result r;
	struct err e = {0};

	if (catchup_run(s->st, 0, &r, NULL, NULL, &e))
		fail_msg("%s", e.text);
}

static struct ledger_document document(struct stage *s, const uint8_t serial[16])
{
	struct ledger_document d;

	assert_int_equal(stage_document(s, serial, &d), 0);
	return d;
}

/* Reads an index made anew: the log alone must give the same. */
static void same_anew(struct stage *s, const uint8_t serial[16])
{
	struct ledger_document before = document(s, serial), after;

	stage_leave(s);
	stage_enter(s, STAGE_WS, STATION_REINDEX);
	after = document(s, serial);
	assert_string_equal(before.kind, after.kind);
	assert_string_equal(before.ended, after.ended);
	assert_int_equal(before.state, after.state);
	assert_memory_equal(before.node, after.node, 16);
	assert_memory_equal(before.digest, after.digest, 32);
	assert_int_equal(before.admitted_ms, after.admitted_ms);
	assert_int_equal(before.opens, after.opens);
	assert_int_equal(before.bytes, after.bytes);
	assert_int_equal(before.open_bytes, after.open_bytes);
}

static void log_use(struct stage *s, enum event_type type, const uint8_t item[16],
		    const uint8_t release[16], uint64_t handle, uint64_t bytes)
{
	struct event ev = {.type = type,
			   .handle = handle,
			   .bytes = bytes,
			   .uid = 1000,
			   .user = "alice",
			   .program = "cp",
			   .pid = 1};

	memcpy(ev.item, item, 16);
	memcpy(ev.release, release, 16);
	stage_log(s, &ev, 1);
}

static void test_used(void **state)
{
	struct stage *s = *state;
	uint8_t serial[16], content[1000];
	uint64_t size = stage_content("car", 1, content);
	struct ledger_document d;
	struct object o;

	stage_enter(s, STAGE_WS, 0);
	stage_release(s, STAGE_WS, &car, serial);
	assert_int_equal(stage_find(s, "otay/car1.jpg", &o), 0);
	assert_int_equal(o.size, size);
	d = document(s, serial);
	assert_string_equal(d.kind, "authorisation");
	assert_int_equal(d.state, LEDGER_ADMITTED);
	assert_memory_equal(d.node, s->id[STAGE_WS], 16);
	assert_int_equal(d.opens + d.bytes + d.open_bytes, 0);

	/* An open handle counts in full, a closed one by what was served. */
	log_use(s, EVENT_OPENED, o.item, serial, 1, 0);
	log_use(s, EVENT_OPENED, o.item, serial, 2, 0);
	run(s);
	d = document(s, serial);
	assert_int_equal(d.opens, 2);
	assert_int_equal(d.bytes, 0);
	assert_int_equal(d.open_bytes, 2 * size);
	log_use(s, EVENT_CLOSED, o.item, serial, 1, 10);
	run(s);
	d = document(s, serial);
	assert_int_equal(d.opens, 2);
	assert_int_equal(d.bytes, 10);
	assert_int_equal(d.open_bytes, size);
	same_anew(s, serial);
	/* No more than the item has, though it was read over and over. */
	log_use(s, EVENT_CLOSED, o.item, serial, 2, 10 * size);
	run(s);
	d = document(s, serial);
	assert_int_equal(d.bytes, 10 + size);
	assert_int_equal(d.open_bytes, 0);
	same_anew(s, serial);
	/* Of a release or an item that is not known. */
	log_use(s, EVENT_OPENED, o.item, s->id[STAGE_WS], 3, 0);
	log_use(s, EVENT_OPENED, s->id[STAGE_WS], serial, 4, 0);
	run(s);
	d = document(s, serial);
	assert_int_equal(d.opens, 3);
	assert_true(d.open_bytes > UINT64_MAX / 64); /* nobody knows */
	same_anew(s, serial);
}

/* What another node says of our release is hearsay. */
static void test_hearsay(void **state)
{
	struct stage *s = *state;
	struct event ended = {.type = EVENT_RELEASE_ENDED, .reason = "budget"};
	struct event admitted = {
		.type = EVENT_ADMITTED, .kind = "authorisation", .uid = 1, .user = "x"};
	uint8_t serial[16];
	struct ledger_document d;
	struct object o;

	stage_enter(s, STAGE_WS, 0);
	stage_release(s, STAGE_WS, &car, serial);
	assert_int_equal(stage_find(s, "otay/car1.jpg", &o), 0);
	stage_leave(s);
	memcpy(ended.release, serial, 16);
	memcpy(admitted.document, serial, 16);
	stage_enter(s, STAGE_CAP, 0);
	stage_log(s, &admitted, 1);
	log_use(s, EVENT_OPENED, o.item, serial, 1, 0);
	stage_log(s, &ended, 1);
	stage_leave(s);
	for (unsigned i = 0; i < 2; i++) {
		stage_enter(s, STAGE_WS, i ? STATION_REINDEX : 0);
		d = document(s, serial);
		assert_int_equal(d.state, LEDGER_ADMITTED);
		assert_memory_equal(d.node, s->id[STAGE_WS], 16);
		stage_leave(s);
	}
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(d.opens, 0);
	stage_log(s, &ended, 1);
	run(s);
	d = document(s, serial);
	assert_int_equal(d.state, LEDGER_ENDED);
	assert_string_equal(d.ended, "budget");
	same_anew(s, serial);
}

static void test_revoked(void **state)
{
	struct stage *s = *state;
	uint8_t serial[16], revocation[16];
	struct ledger_document d;
	struct document doc;
	struct err e;

	stage_enter(s, STAGE_WS, 0);
	stage_release(s, STAGE_WS, &car, serial);
	stage_revocation(s, REVOKE_AUTHORISATION, serial, &doc, revocation);
	assert_int_equal(stage_import(s, &doc, &e), 0);
	document_free(&doc);
	d = document(s, serial);
	assert_int_equal(d.state, LEDGER_ENDED);
	assert_string_equal(d.ended, "revoked");
	assert_string_equal(document(s, revocation).kind, "revocation");
	same_anew(s, serial);
	stage_leave(s);
	/* To take the revocation away does not bring the release back. */
	stage_shell(s, "mkdir ../away && mv documents/*.revocation ../away");
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), ERR_DAMAGED);
	assert_int_equal(stage_try(s, STAGE_WS, STATION_NO_CATCH_UP, &e), ERR_DAMAGED);
	assert_int_equal(stage_try(s, STAGE_WS, STATION_REINDEX, &e), ERR_DAMAGED);
	assert_non_null(strstr(e.text, "restore"));
	stage_shell(s, "mv ../away/* documents");
	stage_shell(s, "f=$(ls documents/*.revocation); cp $f ../good; tr m n <../good >$f");
	assert_int_equal(stage_try(s, STAGE_WS, STATION_REINDEX, &e), ERR_DAMAGED);
	stage_shell(s, "cp ../good $(ls documents/*.revocation)");
	stage_enter(s, STAGE_WS, STATION_REINDEX);
	assert_int_equal(document(s, serial).state, LEDGER_ENDED);
}

/* A revocation of a node, imported there: who takes it away does not get the node back. */
static void test_node_revoked(void **state)
{
	static const unsigned flags[] = {0, STATION_NO_CATCH_UP, STATION_NO_JOURNAL,
					 STATION_UNENROLLED, STATION_REINDEX};
	struct stage *s = *state;
	uint8_t revocation[16];
	struct document doc;
	struct err e;

	stage_enter(s, STAGE_WS, 0);
	stage_revocation(s, REVOKE_NODE, s->id[STAGE_WS], &doc, revocation);
	assert_int_equal(stage_import(s, &doc, &e), 0);
	document_free(&doc);
	stage_leave(s);
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), ERR_REVOKED);
	stage_shell(s, "mkdir ../away && mv documents/*.revocation ../away");
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		assert_int_equal(stage_try(s, STAGE_WS, flags[i], &e), ERR_DAMAGED);
		assert_non_null(strstr(e.text, "restore"));
	}
	stage_shell(s, "cd ../away && f=$(ls) && tr m n <$f >$OLDPWD/documents/$f");
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), ERR_DAMAGED);
	stage_shell(s, "mv ../away/* documents");
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), ERR_REVOKED);
}

/* A running station keeps what it saw, and releases nothing more. */
static void test_removed_while_running(void **state)
{
	struct stage *s = *state;
	uint8_t revocation[16];
	struct catchup_result r;
	struct document doc;
	struct err e;

	stage_enter(s, STAGE_WS, 0);
	stage_revocation(s, REVOKE_NODE, s->id[STAGE_CAP], &doc, revocation);
	assert_int_equal(stage_import(s, &doc, &e), 0);
	document_free(&doc);
	assert_true(roster_find(s->st->roster, s->id[STAGE_CAP])->revoked);
	assert_false(s->st->withheld);
	stage_shell(s, "mkdir ../away && mv documents/*.revocation ../away");
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(catchup_run(s->st, 0, &r, NULL, NULL, &e), ERR_DAMAGED);
		assert_true(roster_find(s->st->roster, s->id[STAGE_CAP])->revoked);
		assert_true(s->st->withheld);
		assert_true(catchup_needed(s->st, false));
	}
	stage_shell(s, "mv ../away/* documents");
	run(s);
	assert_false(s->st->withheld);
}

/* The enrolment a node was given last is the one it needs: an older one does not stand in. */
static void test_enrolment_removed(void **state)
{
	struct stage *s = *state;
	struct document doc;
	struct err e;

	stage_enter(s, STAGE_WS, 0);
	stage_shell(s, "ls documents >../before");
	stage_enrolment(s, STAGE_WS, &doc);
	assert_int_equal(stage_import(s, &doc, &e), 0);
	document_free(&doc);
	stage_leave(s);
	stage_shell(s,
		    "mkdir ../away && cd documents && ls | grep -vxFf ../../before >../../new && "
		    "[ $(wc -l <../../new) = 1 ] && mv $(cat ../../new) ../../away");
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), ERR_DAMAGED);
	assert_non_null(strstr(e.text, ".enrolment"));
	assert_int_equal(stage_try(s, STAGE_WS, STATION_NO_CATCH_UP | STATION_REINDEX, &e),
			 ERR_DAMAGED);
	/* Yet another one is the way out where it can't be restored. */
	assert_int_equal(stage_try(s, STAGE_WS, STATION_UNENROLLED, &e), 0);
	stage_shell(s, "mv ../away/* documents");
	stage_enter(s, STAGE_WS, 0);
}

/* One that another node imported is known from its log. */
static void test_node_revoked_elsewhere(void **state)
{
	struct stage *s = *state;
	uint8_t revocation[16];
	struct document doc;
	struct err e;

	stage_enter(s, STAGE_WS, 0);
	stage_leave(s);
	stage_enter(s, STAGE_CAP2, 0);
	stage_revocation(s, REVOKE_NODE, s->id[STAGE_CAP], &doc, revocation);
	assert_int_equal(stage_import(s, &doc, &e), 0);
	document_free(&doc);
	stage_leave(s);
	stage_enter(s, STAGE_WS, 0);
	assert_true(roster_find(s->st->roster, s->id[STAGE_CAP])->revoked);
	stage_leave(s);
	stage_shell(s, "mkdir ../away && mv documents/*.revocation ../away");
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), ERR_DAMAGED);
	stage_shell(s, "mv ../away/* documents");
	stage_enter(s, STAGE_WS, 0);
}

/* Imported at another node, seen through its journal; also by who indexes it before the release. */
static void test_revoked_elsewhere(void **state)
{
	struct stage *s = *state;
	uint8_t serial[16], revocation[16];
	struct document doc;
	struct err e;

	stage_enter(s, STAGE_WS, 0);
	stage_release(s, STAGE_WS, &car, serial);
	stage_leave(s);
	stage_enter(s, STAGE_CAP, 0);
	stage_revocation(s, REVOKE_AUTHORISATION, serial, &doc, revocation);
	assert_int_equal(stage_import(s, &doc, &e), 0);
	document_free(&doc);
	stage_leave(s);
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(document(s, serial).state, LEDGER_ENDED);
	same_anew(s, serial);
}

/* A node that claims a revocation's serial for something else does not hide it. */
static void test_revocation_squatted(void **state)
{
	struct stage *s = *state;
	struct event squat = {
		.type = EVENT_ADMITTED, .kind = "authorisation", .uid = 1, .user = "x"};
	uint8_t serial[16], revocation[16];
	struct document doc;
	struct err e;

	stage_enter(s, STAGE_WS, 0);
	stage_release(s, STAGE_WS, &car, serial);
	stage_leave(s);
	stage_revocation(s, REVOKE_AUTHORISATION, serial, &doc, revocation);
	memcpy(squat.document, revocation, 16);
	memcpy(squat.digest, doc.digest, 32);
	stage_enter(s, STAGE_CAP, 0);
	stage_log(s, &squat, 1);
	snprintf(squat.kind, sizeof(squat.kind), "revocation");
	squat.digest[0] ^= 1; /* nor does one that names other bytes */
	stage_log(s, &squat, 1);
	stage_leave(s);
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(document(s, serial).state, LEDGER_ADMITTED);
	stage_leave(s);
	stage_enter(s, STAGE_CAP2, 0);
	assert_int_equal(stage_import(s, &doc, &e), 0);
	document_free(&doc);
	stage_leave(s);
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(document(s, serial).state, LEDGER_ENDED);
	assert_string_equal(document(s, revocation).kind, "revocation");
	assert_memory_equal(document(s, revocation).node, s->id[STAGE_CAP2], 16);
	same_anew(s, serial);
}

/* A node can't take over what is made out to another, before it is admitted there or after. */
static void test_preadmitted(void **state)
{
	struct stage *s = *state;
	struct event admitted = {
		.type = EVENT_ADMITTED, .kind = "authorisation", .uid = 1, .user = "x"};
	struct event ended = {.type = EVENT_RELEASE_ENDED, .reason = "revoked"};
	struct ledger_document d;
	struct document doc;
	uint8_t serial[16];
	struct object o;
	struct err e;

	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(stage_find(s, "otay/car1.jpg", &o), 0);
	stage_authorise(s, STAGE_WS, &car, &doc, serial);
	assert_int_equal(
		document_store(s->st->archive->documents, serial, "authorisation", &doc, &e), 0);
	stage_leave(s);
	memcpy(admitted.document, serial, 16);
	memcpy(admitted.digest, doc.digest, 32);
	memcpy(ended.release, serial, 16);
	stage_enter(s, STAGE_CAP, 0);
	stage_log(s, &admitted, 1);
	log_use(s, EVENT_CLOSED, o.item, serial, 1, UINT64_MAX - 100);
	stage_log(s, &ended, 1);
	stage_leave(s);
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(stage_document(s, serial, &d), ERR_NOTFOUND);
	assert_int_equal(stage_import(s, &doc, &e), 0);
	document_free(&doc);
	log_use(s, EVENT_CLOSED, o.item, serial, 1, 100);
	run(s);
	d = document(s, serial);
	assert_int_equal(d.state, LEDGER_ADMITTED);
	assert_memory_equal(d.node, s->id[STAGE_WS], 16);
	assert_int_equal(d.bytes, 100);
	same_anew(s, serial);
}

/* Sums stay at their end; those of an item that is not known come there soon. */
static void test_saturated(void **state)
{
	struct stage *s = *state;
	uint8_t serial[16];
	const uint8_t unknown[16] = {1};

	stage_enter(s, STAGE_WS, 0);
	stage_release(s, STAGE_WS, &car, serial);
	for (unsigned i = 0; i < 20; i++)
		log_use(s, EVENT_CLOSED, unknown, serial, i, UINT64_MAX - 100);
	run(s);
	assert_true(document(s, serial).bytes == UINT64_MAX);
	log_use(s, EVENT_CLOSED, unknown, serial, 3, 1);
	run(s);
	assert_true(document(s, serial).bytes == UINT64_MAX);
	same_anew(s, serial);
}

/* A node can't revoke by its word alone. */
static void test_revoked_falsely(void **state)
{
	struct stage *s = *state;
	struct event ev = {.type = EVENT_ADMITTED, .kind = "revocation", .uid = 1, .user = "x"};
	uint8_t serial[16], revocation[16];
	struct document doc;
	struct err e;

	stage_enter(s, STAGE_WS, 0);
	stage_release(s, STAGE_WS, &car, serial);
	stage_leave(s);
	/* Signed by a stranger, and put where the log says. */
	stage_revocation(s, REVOKE_AUTHORISATION, serial, &doc, revocation);
	{
		struct document forged;
		struct wire_out text = {0};

		wire_out_bytes(&text, doc.text.p, doc.text.n);
		assert_int_equal(document_make(&forged, &text, NULL, 0, &e), 0);
		office_sign(&s->o, &forged, DOCUMENT_NS_REVOKE, OFFICE_STRANGER);
		document_free(&doc);
		doc = forged;
		wire_out_free(&text);
	}
	stage_enter(s, STAGE_CAP, 0);
	memcpy(ev.document, revocation, 16);
	memcpy(ev.digest, doc.digest, 32);
	assert_int_equal(
		document_store(s->st->archive->documents, revocation, "revocation", &doc, &e), 0);
	document_free(&doc);
	stage_log(s, &ev, 1);
	memset(ev.document, 7, 16);
	stage_log(s, &ev, 1); /* and one that is nowhere */
	stage_leave(s);
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(document(s, serial).state, LEDGER_ADMITTED);
	same_anew(s, serial);
}

#define ON_STAGE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(test_used),
		ON_STAGE(test_hearsay),
		ON_STAGE(test_revoked),
		ON_STAGE(test_node_revoked),
		ON_STAGE(test_removed_while_running),
		ON_STAGE(test_enrolment_removed),
		ON_STAGE(test_node_revoked_elsewhere),
		ON_STAGE(test_revocation_squatted),
		ON_STAGE(test_preadmitted),
		ON_STAGE(test_saturated),
		ON_STAGE(test_revoked_elsewhere),
		ON_STAGE(test_revoked_falsely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
