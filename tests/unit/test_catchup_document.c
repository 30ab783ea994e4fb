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
	/* More than the item has, when it was read over and over. */
	log_use(s, EVENT_CLOSED, o.item, serial, 2, 10 * size);
	run(s);
	d = document(s, serial);
	assert_int_equal(d.bytes, 10 + 10 * size);
	assert_int_equal(d.open_bytes, 0);
	same_anew(s, serial);
	/* Of a release or an item that is not known. */
	log_use(s, EVENT_OPENED, o.item, s->id[STAGE_WS], 3, 0);
	log_use(s, EVENT_OPENED, s->id[STAGE_WS], serial, 4, 0);
	run(s);
	d = document(s, serial);
	assert_int_equal(d.opens, 3);
	assert_int_equal(d.open_bytes, 0);
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
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(document(s, serial).state, LEDGER_ENDED);
	stage_leave(s);
	assert_int_equal(stage_try(s, STAGE_WS, STATION_REINDEX, &e), ERR_DAMAGED);
	assert_non_null(strstr(e.text, "restore"));
	stage_shell(s, "mv ../away/* documents");
	stage_shell(s, "f=$(ls documents/*.revocation); cp $f ../good; tr m n <../good >$f");
	assert_int_equal(stage_try(s, STAGE_WS, STATION_REINDEX, &e), ERR_DAMAGED);
	stage_shell(s, "cp ../good $(ls documents/*.revocation)");
	stage_enter(s, STAGE_WS, STATION_REINDEX);
	assert_int_equal(document(s, serial).state, LEDGER_ENDED);
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
		ON_STAGE(test_revoked_elsewhere),
		ON_STAGE(test_revoked_falsely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
