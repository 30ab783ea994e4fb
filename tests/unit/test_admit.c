/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Importing documents: what is taken and what is turned away, and that the log tells of both.
 */
#include "fs/admit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "fs/authorisation.h"
#include "index/ledger.h"
#include "tests/lib/host.h"

#define HOUR INT64_C(3600000)

struct world {
	struct office o;
	struct archive_desc desc;
	char archive[FIXTURE_PATH];
	struct host h;
	unsigned refusals; /* expected in h's journal */
};

static void ok(int rc, const struct err *e)
{
	if (rc)
		fail_msg("%s", e->text);
}

static int open_all(void **state)
{
	static struct world w;

	office_open(&w.o);
	office_describe(&w.o, &w.desc, 2, 1); /* officers 0 and 1, one of them signs */
	*state = &w;
	return 0;
}

static int close_all(void **state)
{
	struct world *w = *state;

	office_close(&w->o);
	return 0;
}

/* A fresh archive and a node that has met it. */
static int open_bare(void **state)
{
	struct world *w = *state;

	office_archive(&w->o, &w->desc, "archive", w->archive);
	host_new(&w->h, &w->o, w->archive, "node");
	w->refusals = 0;
	return 0;
}

/* The same, enrolled as a reader, with an open station. */
static int open_reader(void **state)
{
	struct world *w = *state;

	open_bare(state);
	host_enrol(&w->h, &w->desc, ROSTER_READER, 1);
	return 0;
}

static int close_one(void **state)
{
	struct world *w = *state;

	if (w->h.s)
		host_close(&w->h);
	fixture_remove(w->archive);
	fixture_remove(w->h.dir);
	return 0;
}

/* d must be turned away with this code, and the log must say so; d is freed. */
static void refuse(struct world *w, struct document *d, int code)
{
	struct admit_result r;
	struct event ev;
	struct err e = {0};
	int rc = host_admit(&w->h, d, &r, &e);

	if (rc != code)
		print_error("%s\n", e.text);
	assert_int_equal(rc, code);
	assert_int_equal(e.code, code);
	assert_int_equal(host_events(&w->h, EVENT_REFUSED, &ev), ++w->refusals);
	assert_string_equal(ev.what, "import");
	assert_string_equal(ev.reason, err_word(code));
	assert_string_equal(ev.user, "op");
	assert_string_equal(ev.program, "custody");
	assert_int_equal(ev.uid, 1000);
	assert_int_equal(ev.count, 1);
	assert_memory_equal(ev.digest, d->digest, 32);
	assert_memory_equal(ev.document, r.serial, 16);
	document_free(d);
}

/* ---- enrolments ---- */

static void test_enrol(void **state)
{
	struct world *w = *state;
	struct host *h = &w->h;
	struct admit_result r;
	struct document d, back;
	struct event ev;
	struct err e = {0};

	host_enrolment(h, &w->desc, ROSTER_READER, host_now_s(), 1, 0, &d);
	host_open(h, STATION_UNENROLLED);
	ok(host_admit(h, &d, &r, &e), &e);
	assert_string_equal(r.kind, "enrolment");
	assert_int_equal(r.serial[0], 1);
	assert_int_equal(r.roles, ROSTER_READER);
	assert_false(r.already);
	assert_int_equal(h->s->home->roles, ROSTER_READER);
	assert_memory_equal(h->s->home->catalogue, w->o.catalogue_secret, 32);
	assert_int_equal(host_events(h, EVENT_ENROLLED, &ev), 1);
	assert_memory_equal(ev.document, r.serial, 16);
	assert_memory_equal(ev.digest, d.digest, 32);
	assert_string_equal(ev.user, "op");
	ok(document_load(&back, h->s->archive->documents, r.serial, "enrolment", &e), &e);
	assert_memory_equal(back.digest, d.digest, 32);
	document_free(&back);

	ok(host_admit(h, &d, &r, &e), &e);
	assert_true(r.already);
	host_close(h);
	host_open(h, 0);
	ok(host_admit(h, &d, &r, &e), &e);
	assert_true(r.already);
	assert_int_equal(host_events(h, EVENT_ENROLLED, NULL), 1);
	assert_int_equal(host_events(h, EVENT_REFUSED, NULL), 0);
	document_free(&d);
}

/* The event is there and the node died before it took note of it. */
static void test_enrol_again_after_crash(void **state)
{
	struct world *w = *state;
	struct host *h = &w->h;
	struct admit_result r;
	struct document d;
	struct err e = {0};

	host_enrolment(h, &w->desc, ROSTER_READER, host_now_s(), 1, 0, &d);
	host_open(h, STATION_UNENROLLED);
	ok(host_admit(h, &d, &r, &e), &e);
	host_close(h);
	assert_int_equal(fixture_run(h->dir, "rm archives/*/state.seal"), 0);
	host_open(h, STATION_UNENROLLED);
	assert_int_equal(h->s->home->roles, 0);
	ok(host_admit(h, &d, &r, &e), &e);
	assert_false(r.already);
	assert_int_equal(h->s->home->roles, ROSTER_READER);
	assert_int_equal(host_events(h, EVENT_ENROLLED, NULL), 1);
	document_free(&d);
}

static void test_bad_enrolments(void **state)
{
	struct world *w = *state;
	struct host *h = &w->h, other;
	struct archive_desc foreign = w->desc;
	const int64_t now = host_now_s();
	struct document d, bad;
	struct err e = {0};

	host_open(h, STATION_UNENROLLED);
	host_new(&other, &w->o, w->archive, "other");
	host_enrolment(&other, &w->desc, ROSTER_READER, now, 2, 0, &d);
	refuse(w, &d, ERR_WRONG_NODE);
	fixture_remove(other.dir);
	host_enrolment(h, &w->desc, ROSTER_READER, now, 3, OFFICE_STRANGER, &d);
	refuse(w, &d, ERR_WRONG_KEY);
	foreign.id[0] ^= 1;
	host_enrolment(h, &foreign, ROSTER_READER, now, 4, 0, &d);
	refuse(w, &d, ERR_WRONG_ARCHIVE);

	host_enrolment(h, &w->desc, ROSTER_INGEST, now, 5, 0, &d);
	*(char *)memmem(d.bytes.p, d.bytes.n, "name: host", 10) = 'N';
	ok(document_parse(&bad, d.bytes.p, d.bytes.n, &e), &e);
	document_free(&d);
	refuse(w, &bad, ERR_MALFORMED);
	host_enrolment(h, &w->desc, ROSTER_INGEST, now, 5, 0, &d);
	*((char *)memmem(d.bytes.p, d.bytes.n, "name: host", 10) + 6) = 'H';
	ok(document_parse(&bad, d.bytes.p, d.bytes.n, &e), &e);
	document_free(&d);
	refuse(w, &bad, ERR_FORGED);

	/* Another archive's catalogue key: it is signed, so it is in the log, but not used. */
	w->o.catalogue_secret[7] ^= 1;
	host_enrolment(h, &w->desc, ROSTER_READER, now, 6, 0, &d);
	w->o.catalogue_secret[7] ^= 1;
	{
		struct admit_result r;

		assert_int_equal(host_admit(h, &d, &r, &e), ERR_KEY);
		document_free(&d);
	}
	assert_int_equal(h->s->home->roles, 0);
	assert_int_equal(host_events(h, EVENT_REFUSED, NULL), w->refusals);
}

static void test_older_enrolment(void **state)
{
	struct world *w = *state;
	struct admit_result r;
	struct document d;
	struct err e = {0};

	host_enrolment(&w->h, &w->desc, ROSTER_INGEST, host_now_s() - HOUR, 2, 0, &d);
	refuse(w, &d, ERR_REPLAYED);
	host_enrolment(&w->h, &w->desc, ROSTER_INGEST, host_now_s() + 1000, 3, 0, &d);
	ok(host_admit(&w->h, &d, &r, &e), &e);
	assert_int_equal(w->h.s->home->roles, ROSTER_INGEST);
	assert_null(w->h.s->home->catalogue);
	document_free(&d);
}

/* ---- authorisations ---- */

struct draft {
	struct authorisation a;
	struct note_checkpoint checkpoint[2];
	struct authorisation_item item;
	uint8_t key[1][32], recipient[32];
};

/* One that the node of w may redeem, with its own log as the authority saw it. */
static void draft(struct world *w, struct draft *f, uint8_t serial0)
{
	struct err e;

	memset(f, 0, sizeof(*f));
	memcpy(f->a.archive, w->desc.id, 16);
	memcpy(f->a.node, w->h.pub.id, 16);
	f->a.serial[0] = serial0;
	f->a.issued_ms = f->a.not_before_ms = host_now_s();
	f->a.not_after_ms = f->a.issued_ms + HOUR;
	strcpy(f->a.case_no, "C-1");
	strcpy(f->a.purpose, "test");
	strcpy(f->a.requested_by, "op@host");
	f->a.checkpoint = f->checkpoint;
	f->a.checkpoints = 1;
	ok(journal_checkpoint(w->h.s->journal, &e), &e);
	ok(journal_read_checkpoint(w->h.s->archive->journal, w->desc.id, &w->h.pub,
				   &f->checkpoint[0], NULL, &e),
	   &e);
	f->a.item = &f->item;
	f->a.items = 1;
	f->item.id[0] = 7;
	memcpy(f->recipient, w->h.pub.receive, 32);
}

static void sign_as(const struct world *w, const struct draft *f, const char *namespace,
		    const char *who, struct document *d)
{
	struct wire_out text = {0}, age = {0};
	struct err e;

	authorisation_text(&text, &f->a);
	ok(authorisation_seal(&age, &f->a, f->key, NULL, f->recipient), &e);
	document_sealed_line(&text, age.p, age.n);
	ok(document_make(d, &text, age.p, age.n, &e), &e);
	for (; *who; who++)
		office_sign(&w->o, d, namespace, (unsigned)(*who - '0'));
	wire_out_free(&text);
	wire_out_free(&age);
}

static void refuse_draft(struct world *w, const struct draft *f, int code)
{
	struct document d;

	sign_as(w, f, DOCUMENT_NS_AUTHORISE, "0", &d);
	refuse(w, &d, code);
}

static void accept_draft(struct world *w, const struct draft *f)
{
	struct admit_result r;
	struct document d;
	struct err e = {0};

	sign_as(w, f, DOCUMENT_NS_AUTHORISE, "0", &d);
	ok(host_admit(&w->h, &d, &r, &e), &e);
	document_free(&d);
}

static void test_authorise(void **state)
{
	struct world *w = *state;
	struct ledger_document l;
	struct admit_result r;
	struct document d, back;
	struct db_txn *t;
	struct draft f;
	struct event ev;
	struct err e = {0};

	draft(w, &f, 50);
	sign_as(w, &f, DOCUMENT_NS_AUTHORISE, "1", &d);
	ok(host_admit(&w->h, &d, &r, &e), &e);
	assert_string_equal(r.kind, "authorisation");
	assert_int_equal(r.serial[0], 50);
	assert_int_equal(r.items, 1);
	assert_int_equal(r.accessions, 0);
	assert_int_equal(r.not_before_ms, f.a.not_before_ms);
	assert_int_equal(r.not_after_ms, f.a.not_after_ms);
	assert_int_equal(host_events(&w->h, EVENT_ADMITTED, &ev), 1);
	assert_string_equal(ev.kind, "authorisation");
	assert_memory_equal(ev.document, r.serial, 16);
	assert_memory_equal(ev.digest, d.digest, 32);
	ok(document_load(&back, w->h.s->archive->documents, r.serial, "authorisation", &e), &e);
	document_free(&back);
	/* The index knows at once. */
	ok(db_begin(&t, w->h.s->db, false, &e), &e);
	ok(ledger_get_document(NULL, t, r.serial, &l, &e), &e);
	assert_int_equal(l.state, LEDGER_ADMITTED);
	db_abort(t);

	refuse(w, &d, ERR_REPLAYED);
	/* Another text under the same serial is a replay too. */
	strcpy(f.a.case_no, "C-2");
	refuse_draft(w, &f, ERR_REPLAYED);
	/* Also when the index has to learn it from the log again. */
	host_close(&w->h);
	host_open(&w->h, STATION_REINDEX);
	refuse_draft(w, &f, ERR_REPLAYED);
	assert_int_equal(host_events(&w->h, EVENT_ADMITTED, NULL), 1);
}

static void test_bad_authorisations(void **state)
{
	struct world *w = *state;
	struct document d, bad;
	struct draft good, f;
	struct err e = {0};

	draft(w, &good, 50);
	f = good;
	f.a.archive[0] ^= 1;
	refuse_draft(w, &f, ERR_WRONG_ARCHIVE);
	f = good;
	f.a.node[0] ^= 1;
	refuse_draft(w, &f, ERR_WRONG_NODE);
	sign_as(w, &good, DOCUMENT_NS_AUTHORISE, "", &d);
	refuse(w, &d, ERR_TOO_FEW);
	sign_as(w, &good, DOCUMENT_NS_AUTHORISE, "3", &d);
	refuse(w, &d, ERR_WRONG_KEY);
	sign_as(w, &good, DOCUMENT_NS_ENROL, "0", &d);
	refuse(w, &d, ERR_NAMESPACE);
	f = good;
	f.a.issued_ms -= 2 * HOUR;
	f.a.not_before_ms -= 2 * HOUR;
	f.a.not_after_ms = f.a.not_before_ms + HOUR;
	refuse_draft(w, &f, ERR_EXPIRED);
	f.a.not_after_ms = f.a.not_before_ms - HOUR;
	refuse_draft(w, &f, ERR_MALFORMED);

	/* Altered after it was signed: more time, another sealed part. */
	sign_as(w, &good, DOCUMENT_NS_AUTHORISE, "0", &d);
	((char *)memmem(d.bytes.p, d.bytes.n, "case: C-1", 9))[8] = '2';
	ok(document_parse(&bad, d.bytes.p, d.bytes.n, &e), &e);
	refuse(w, &bad, ERR_FORGED);
	document_free(&d);
	assert_int_equal(host_events(&w->h, EVENT_ADMITTED, NULL), 0);

	/* Nothing of all that has used up the serial. */
	accept_draft(w, &good);
}

static void test_checkpoints(void **state)
{
	struct world *w = *state;
	struct draft good, f;
	char *last;

	draft(w, &good, 50);
	/* The authority saw more than there is, or something else. */
	f = good;
	f.a.checkpoint = f.checkpoint;
	f.checkpoint[0].size += 1000;
	refuse_draft(w, &f, ERR_CHECKPOINT);
	f.checkpoint[0] = good.checkpoint[0];
	f.checkpoint[0].root[0] ^= 1;
	refuse_draft(w, &f, ERR_CHECKPOINT);
	f.checkpoint[0].size--;
	refuse_draft(w, &f, ERR_CHECKPOINT);
	/* A log that is not here, and one of another archive. */
	f.checkpoint[0] = good.checkpoint[0];
	last = strrchr(f.checkpoint[0].origin, '/') + 1;
	*last = *last == '0' ? '1' : '0';
	refuse_draft(w, &f, ERR_CHECKPOINT);
	f.checkpoint[0] = good.checkpoint[0];
	last = strchr(f.checkpoint[0].origin, '/') + 1;
	*last = *last == '0' ? '1' : '0';
	refuse_draft(w, &f, ERR_CHECKPOINT);
	/* One bad one among good ones is enough. */
	f.checkpoint[0] = good.checkpoint[0];
	f.checkpoint[1] = good.checkpoint[0];
	last = strrchr(f.checkpoint[1].origin, '/') + 1;
	*last = *last == '0' ? '1' : '0';
	f.a.checkpoints = 2;
	refuse_draft(w, &f, ERR_CHECKPOINT);

	/* An older state of this log is as good: it is a beginning of what we have. */
	assert_true(host_events(&w->h, EVENT_REFUSED, NULL) > 0);
	accept_draft(w, &good);
}

static void test_not_a_reader(void **state)
{
	struct world *w = *state;
	struct draft f;

	host_enrol(&w->h, &w->desc, ROSTER_INGEST, 1);
	draft(w, &f, 50);
	refuse_draft(w, &f, ERR_ROLE);
}

static void test_keys_of_another(void **state)
{
	struct world *w = *state;
	struct admit_result r;
	struct document d;
	struct draft f;
	struct err e = {0};

	draft(w, &f, 50);
	fixture_fill(f.recipient, 32, 9);
	f.recipient[31] &= 0x7f;
	sign_as(w, &f, DOCUMENT_NS_AUTHORISE, "0", &d);
	assert_int_equal(host_admit(&w->h, &d, &r, &e), ERR_KEY);
	assert_non_null(strstr(e.text, "in the log"));
	/* It was admitted, not refused. */
	assert_int_equal(host_events(&w->h, EVENT_ADMITTED, NULL), 1);
	assert_int_equal(host_events(&w->h, EVENT_REFUSED, NULL), 0);
	document_free(&d);
}

/* ---- revocations ---- */

static void revocation(const struct world *w, int what, const uint8_t *target, unsigned key,
		       uint8_t serial0, unsigned who, struct document *d)
{
	struct authorisation_revocation rv = {.what = what, .issued_ms = host_now_s() + 1000};
	struct wire_out text = {0};
	struct err e;

	memcpy(rv.archive, w->desc.id, 16);
	rv.serial[0] = serial0;
	if (what == REVOKE_KEY)
		rv.key = w->o.key[key];
	else
		memcpy(rv.target, target, 16);
	strcpy(rv.reason, "test");
	authorisation_revocation_text(&text, &rv);
	ok(document_make(d, &text, NULL, 0, &e), &e);
	office_sign(&w->o, d, DOCUMENT_NS_REVOKE, who);
	wire_out_free(&text);
}

static void test_revoke(void **state)
{
	struct world *w = *state;
	struct admit_result r;
	struct document d;
	struct draft f;
	struct event ev;
	struct err e = {0};

	revocation(w, REVOKE_AUTHORISATION, (const uint8_t[16]){50}, 0, 80, OFFICE_STRANGER, &d);
	refuse(w, &d, ERR_WRONG_KEY);
	revocation(w, REVOKE_AUTHORISATION, (const uint8_t[16]){50}, 0, 80, 1, &d);
	ok(host_admit(&w->h, &d, &r, &e), &e);
	assert_string_equal(r.kind, "revocation");
	assert_false(r.already);
	assert_int_equal(host_events(&w->h, EVENT_ADMITTED, &ev), 1);
	assert_string_equal(ev.kind, "revocation");
	ok(host_admit(&w->h, &d, &r, &e), &e);
	assert_true(r.already);
	assert_int_equal(host_events(&w->h, EVENT_ADMITTED, NULL), 1);
	document_free(&d);
	/* What comes after its own revocation. */
	draft(w, &f, 50);
	refuse_draft(w, &f, ERR_REVOKED);
	draft(w, &f, 51);
	accept_draft(w, &f);
}

static void test_revoked_key(void **state)
{
	struct world *w = *state;
	struct admit_result r;
	struct document d;
	struct draft f;
	struct err e = {0};

	revocation(w, REVOKE_KEY, NULL, 0, 80, 1, &d);
	ok(host_admit(&w->h, &d, &r, &e), &e);
	document_free(&d);
	draft(w, &f, 50);
	refuse_draft(w, &f, ERR_REVOKED); /* officer 0 signs */
	sign_as(w, &f, DOCUMENT_NS_AUTHORISE, "01", &d);
	ok(host_admit(&w->h, &d, &r, &e), &e);
	document_free(&d);
	/* Officer 0 can't take it back. */
	revocation(w, REVOKE_KEY, NULL, 1, 81, 0, &d);
	refuse(w, &d, ERR_REVOKED);
}

static void test_revoked_node(void **state)
{
	struct world *w = *state;
	const struct station_ask ask = {.archive = w->archive, .node_dir = w->h.dir};
	struct admit_result r;
	struct station *s;
	struct document d;
	struct err e = {0};

	revocation(w, REVOKE_NODE, w->h.pub.id, 0, 80, 0, &d);
	ok(host_admit(&w->h, &d, &r, &e), &e);
	document_free(&d);
	host_close(&w->h);
	assert_int_equal(station_open(&s, &ask, &e), ERR_REVOKED);
}

/* ---- other files ---- */

static void test_other_files(void **state)
{
	static const struct {
		const char *text;
		int code;
		bool logged;
	} cases[] = {
		{"", ERR_FOREIGN, false},
		{"hello\n", ERR_FOREIGN, false},
		{"custodyfs", ERR_FOREIGN, false},
		{"custodyfs-", ERR_MALFORMED, true},
		{"custodyfs-\n", ERR_FOREIGN, true},
		{"custodyfs-authorisation\n", ERR_FOREIGN, true},
		{"custodyfs-authorisation/v1\n", ERR_MALFORMED, true},
		{"custodyfs-authorisation/v2\n", ERR_NEWER, true},
		{"custodyfs-authorisation/v1\r\n", ERR_MALFORMED, true},
		{"custodyfs-archive/v1\n", ERR_MALFORMED, true},
		{"custodyfs-other/v1\n", ERR_FOREIGN, true},
		{"custodyfs-enrolment-request/v1\n", ERR_FOREIGN, true},
		{"custodyfs-request/v1\n", ERR_FOREIGN, true},
		{"custodyfs-revocation/v1\nsealed: x\n", ERR_MALFORMED, true},
	};
	struct world *w = *state;
	struct admit_result r;
	struct event ev;
	uint8_t digest[32];
	struct err e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = cases[i].text;

		assert_int_equal(admit_document(w->h.s, text, strlen(text), 1000, "op", &r, &e),
				 cases[i].code);
		if (strstr(text, "request")) /* the wrong one of two files that look alike */
			assert_non_null(strstr(e.text, "custody-authority"));
		w->refusals += cases[i].logged;
		assert_int_equal(host_events(&w->h, EVENT_REFUSED, &ev), w->refusals);
		if (!cases[i].logged)
			continue;
		hash_sha256(digest, text, strlen(text));
		assert_memory_equal(ev.digest, digest, 32);
		assert_string_equal(ev.reason, err_word(cases[i].code));
	}
	host_close(&w->h);
	host_open(&w->h, STATION_NO_JOURNAL);
	assert_int_equal(admit_document(w->h.s, "x", 1, 1000, "op", &r, &e), ERR_USAGE);
}

#define BARE(f) cmocka_unit_test_setup_teardown(f, open_bare, close_one)
#define READER(f) cmocka_unit_test_setup_teardown(f, open_reader, close_one)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BARE(test_enrol),
		BARE(test_enrol_again_after_crash),
		BARE(test_bad_enrolments),
		READER(test_older_enrolment),
		READER(test_authorise),
		READER(test_bad_authorisations),
		READER(test_checkpoints),
		BARE(test_not_a_reader),
		READER(test_keys_of_another),
		READER(test_revoke),
		READER(test_revoked_key),
		READER(test_revoked_node),
		READER(test_other_files),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
