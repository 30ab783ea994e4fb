/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests as a workstation makes them, from an archive with real evidence in it: what is asked for,
 * that it stands up to request_parse(), and that the log tells of it.
 */
#include "fs/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "fs/ingest.h"
#include "index/record.h"
#include "tests/lib/host.h"

#define FILES 5

struct world {
	struct office o;
	struct archive_desc desc;
	char archive[FIXTURE_PATH];
	struct host cap, ws;
	uint8_t accession[2][16];
};

static void ok(int rc, const struct err *e)
{
	if (rc)
		fail_msg("%s", e->text);
}

/* One accession of `n` small files, "<collection>/dir/f<i>". */
static void take_in(struct world *w, const char *collection, unsigned n, uint8_t accession[16])
{
	const struct ingest_ask ask = {
		.collection = collection, .user = "op", .uid = 1000, .host = "cap", .workers = 1};
	struct ingest_sum sum;
	struct ingest *g;
	char path[32];
	struct err e;

	ok(ingest_begin(&g, w->cap.s, &ask, &e), &e);
	for (unsigned i = 0; i < n; i++) {
		snprintf(path, sizeof(path), i < 2 ? "dir/f%u" : "dir/deep/f%u", i);
		ok(ingest_add_bytes(g, path, strlen(path), path, NULL, &e), &e);
	}
	ok(ingest_end(g, false, &sum, &e), &e);
	assert_int_equal(sum.items, n);
	memcpy(accession, sum.accession, 16);
}

static int open_all(void **state)
{
	static struct world w;

	office_open(&w.o);
	office_describe(&w.o, &w.desc, 1, 1);
	office_archive(&w.o, &w.desc, "archive", w.archive);
	host_new(&w.cap, &w.o, w.archive, "cap");
	host_enrol(&w.cap, &w.desc, ROSTER_INGEST, 1);
	take_in(&w, "otay", FILES, w.accession[0]);
	take_in(&w, "mesa", 2, w.accession[1]);
	host_new(&w.ws, &w.o, w.archive, "ws");
	host_enrol(&w.ws, &w.desc, ROSTER_READER, 2);
	*state = &w;
	return 0;
}

static int close_all(void **state)
{
	struct world *w = *state;

	host_close(&w->cap);
	host_close(&w->ws);
	office_close(&w->o);
	return 0;
}

static int find(void *ctx, const uint8_t node[16], struct roster_node *out)
{
	const struct world *w = ctx;
	const struct roster_node *n = roster_find(w->ws.s->roster, node);

	if (!n)
		return ERR_NOT_ENROLLED;
	*out = *n;
	return 0;
}

static struct request_ask ask_for(const char *const *paths, size_t n)
{
	return (struct request_ask){.paths = paths,
				    .npaths = n,
				    .case_no = "C-1",
				    .purpose = "test",
				    .user = "alice@ws"};
}

/* Make it, and look at it as the authority would. Free both. */
static void make(struct world *w, const struct request_ask *ask, struct request_summary *sum,
		 struct wire_out *out, struct request *r)
{
	struct event ev;
	uint8_t digest[32];
	struct err e = {0};
	unsigned before = host_events(&w->ws, EVENT_REQUESTED, NULL);

	ok(request_make(out, w->ws.s, ask, sum, &e), &e);
	ok(request_parse(r, out->p, out->n, find, w, &e), &e);
	ok(request_open(r, w->o.catalogue_secret, &e), &e);
	assert_memory_equal(r->serial, sum->serial, 16);
	assert_int_equal(r->items, sum->items);
	assert_int_equal(r->accessions, sum->accessions);
	assert_memory_equal(r->node, w->ws.pub.id, 16);

	assert_int_equal(host_events(&w->ws, EVENT_REQUESTED, &ev), before + 1);
	assert_memory_equal(ev.document, sum->serial, 16);
	hash_sha256(digest, out->p, out->n);
	assert_memory_equal(ev.digest, digest, 32);
	assert_int_equal(ev.items, sum->items);
	assert_int_equal(ev.accessions, sum->accessions);
	assert_string_equal(ev.user, "alice");
}

static bool has_path(const struct request *r, const char *path)
{
	struct text_span v;
	struct record *rec;
	bool found = false;

	for (size_t i = 0; i < r->items && !found; i++) {
		assert_int_equal(record_decode(&rec, r->item[i].record.p, r->item[i].record.n), 0);
		found = record_get(rec, "path", &v) && text_is(v, path);
		record_free(rec);
	}
	return found;
}

static void test_one(void **state)
{
	struct world *w = *state;
	const char *paths[] = {"otay/dir/f0"};
	struct request_ask ask = ask_for(paths, 1);
	struct request_summary sum;
	struct wire_out out = {0};
	struct request r;
	uint8_t digest[32];

	ask.legal_basis = "19 USC 1581";
	make(w, &ask, &sum, &out, &r);
	assert_int_equal(sum.items, 1);
	assert_int_equal(sum.accessions, 0);
	assert_int_equal(sum.bytes, strlen("dir/f0"));
	assert_true(has_path(&r, "dir/f0"));
	hash_sha256(digest, "dir/f0", 6);
	assert_memory_equal(r.item[0].plain_sha256, digest, 32);
	assert_string_equal(r.case_no, "C-1");
	assert_string_equal(r.requested_by, "alice@ws");
	assert_string_equal(r.legal_basis, "19 USC 1581");
	assert_int_equal(r.checkpoints, 2);
	assert_int_equal(r.segments, 1);
	/* Names are in the bundle, sealed: the file itself tells nobody. */
	assert_null(memmem(out.p, out.n, "dir/f0", 6));
	assert_null(memmem(r.bundle.p, r.bundle.n, "dir/f0", 6));
	request_free(&r);
	wire_out_free(&out);
}

/* Names need not be what a program can pass on; the item's id says the same. */
static void test_by_id(void **state)
{
	struct world *w = *state;
	const char *paths[] = {"otay/dir/f0", NULL};
	struct request_ask ask = ask_for(paths, 1);
	struct request_summary sum;
	struct wire_out out = {0};
	struct request r;
	struct err e = {0};
	char id[33];

	make(w, &ask, &sum, &out, &r);
	text_hex(id, r.item[0].id.id, 16);
	request_free(&r);
	wire_out_reset(&out);
	paths[1] = id;
	ask.npaths = 2;
	make(w, &ask, &sum, &out, &r);
	assert_int_equal(sum.items, 1);
	request_free(&r);
	wire_out_reset(&out);
	paths[0] = id;
	ask.npaths = 1;
	make(w, &ask, &sum, &out, &r);
	assert_true(has_path(&r, "dir/f0"));
	request_free(&r);
	wire_out_reset(&out);
	/* an id of none, and what is not quite one */
	id[0] = id[0] == '0' ? '1' : '0';
	assert_int_equal(request_make(&out, w->ws.s, &ask, &sum, &e), ERR_NOTFOUND);
	assert_non_null(strstr(e.text, id));
	id[31] = '\0';
	assert_int_equal(request_make(&out, w->ws.s, &ask, &sum, &e), ERR_NOTFOUND);
	wire_out_free(&out);
}

static void test_many(void **state)
{
	struct world *w = *state;
	const char *paths[] = {"otay", "otay/dir/f1", "mesa/dir", "otay/dir"};
	struct request_ask ask = ask_for(paths, 4);
	struct request_summary sum;
	struct wire_out out = {0};
	struct request r;

	/* Each once, however often it is named. */
	make(w, &ask, &sum, &out, &r);
	assert_int_equal(sum.items, FILES + 2);
	assert_true(has_path(&r, "dir/f0"));
	assert_true(has_path(&r, "dir/deep/f4"));
	assert_int_equal(r.segments, 2);
	request_free(&r);
	wire_out_reset(&out);

	ask.paths = (const char *const[]){""};
	ask.npaths = 1;
	make(w, &ask, &sum, &out, &r);
	assert_int_equal(sum.items, FILES + 2);
	request_free(&r);
	wire_out_free(&out);
}

static void test_accessions(void **state)
{
	struct world *w = *state;
	const char *paths[] = {"mesa/dir/f1"};
	struct request_ask ask = ask_for(paths, 0);
	const struct request_accession *a;
	struct request_summary sum;
	struct wire_out out = {0};
	struct request r;

	ask.accessions = (const uint8_t(*)[16])w->accession;
	ask.naccessions = 1;
	make(w, &ask, &sum, &out, &r);
	assert_int_equal(sum.items, FILES);
	assert_int_equal(sum.bytes, 2 * 6 + 3 * 11);
	assert_int_equal(sum.accessions, 1);
	/* Its items are there to be seen. */
	assert_true(has_path(&r, "dir/f0"));
	assert_true(has_path(&r, "dir/deep/f4"));
	a = request_whole(&r, w->accession[0]);
	assert_non_null(a);
	assert_int_equal(a->items, FILES);
	assert_int_equal(a->listed, FILES);
	assert_int_equal(a->bytes, sum.bytes);
	assert_int_equal(a->listed_bytes, sum.bytes);
	assert_string_equal(a->host, "cap");
	assert_memory_equal(a->node, w->cap.pub.id, 16);
	assert_int_equal(r.segments, 1);
	assert_memory_equal(r.segment[0].header.accession, w->accession[0], 16);
	request_free(&r);
	wire_out_reset(&out);
	ask.naccessions = 2;
	ask.npaths = 1;
	/* What is named, and in an accession that is asked for, counts once. */
	make(w, &ask, &sum, &out, &r);
	assert_int_equal(sum.items, FILES + 2);
	assert_int_equal(sum.bytes, 2 * 6 + 3 * 11 + 2 * 6);
	assert_int_equal(r.accessions, 2);
	assert_int_equal(r.segments, 2);
	request_free(&r);
	wire_out_free(&out);
}

static void refuse(struct world *w, struct host *h, const struct request_ask *ask, int code,
		   const char *says)
{
	struct request_summary sum;
	struct wire_out out = {0};
	struct err e = {0};
	int rc;

	(void)w;
	wire_out_text(&out, "before");
	rc = request_make(&out, h->s, ask, &sum, &e);
	if (rc != code)
		print_error("%s\n", e.text);
	assert_int_equal(rc, code);
	assert_int_equal(e.code, code);
	assert_int_equal(out.n, 6); /* nothing of it is given out */
	if (says)
		assert_non_null(strstr(e.text, says));
	wire_out_free(&out);
}

static void test_refused(void **state)
{
	struct world *w = *state;
	const char *paths[] = {"otay/dir/f0", "otay/dir/nothing"};
	struct request_ask good = ask_for(paths, 1), ask;
	uint8_t ids[2][16] = {{1}, {1}};
	unsigned before = host_events(&w->ws, EVENT_REQUESTED, NULL);
	char longer[AUTHORISATION_TEXT_MAX + 1];

	refuse(w, &w->cap, &good, ERR_ROLE, "reader");
	ask = ask_for(paths, 2);
	refuse(w, &w->ws, &ask, ERR_NOTFOUND, "otay/dir/nothing");
	ask = ask_for(paths, 0);
	refuse(w, &w->ws, &ask, ERR_USAGE, NULL);
	ask.accessions = (const uint8_t(*)[16])ids;
	ask.naccessions = 1;
	refuse(w, &w->ws, &ask, ERR_NOTFOUND, "01000000");
	ask.naccessions = 2;
	refuse(w, &w->ws, &ask, ERR_USAGE, "twice");

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	ask = good;
	ask.case_no = "";
	refuse(w, &w->ws, &ask, ERR_USAGE, "case");
	ask = good;
	ask.purpose = "two\nlines";
	refuse(w, &w->ws, &ask, ERR_USAGE, "purpose");
	ask = good;
	ask.user = "\xff";
	refuse(w, &w->ws, &ask, ERR_USAGE, "user");
	ask = good;
	ask.legal_basis = longer;
	refuse(w, &w->ws, &ask, ERR_USAGE, "legal");
	assert_int_equal(host_events(&w->ws, EVENT_REQUESTED, NULL), before);
}

/* Evidence that came in after the station was opened can be asked for at once. */
static void test_fresh(void **state)
{
	struct world *w = *state;
	const char *paths[] = {"fresh"};
	struct request_ask ask = ask_for(paths, 1);
	struct request_summary sum;
	struct wire_out out = {0};
	struct request r;
	uint8_t accession[16];

	refuse(w, &w->ws, &ask, ERR_NOTFOUND, "fresh");
	take_in(w, "fresh", 3, accession);
	make(w, &ask, &sum, &out, &r);
	assert_int_equal(sum.items, 3);
	request_free(&r);
	wire_out_free(&out);
}

/* Somebody takes files in still, or was stopped: items can be asked for, all of it can't. */
static void test_open_accession(void **state)
{
	struct world *w = *state;
	const char *paths[] = {"running"};
	const struct ingest_ask in = {
		.collection = "running", .user = "op", .uid = 1000, .host = "cap", .workers = 1};
	struct request_ask ask = ask_for(paths, 1);
	struct request_summary sum;
	struct wire_out out = {0};
	struct ingest_sum done;
	uint8_t accession[16];
	struct ingest *g;
	struct request r;
	struct err e;

	ok(ingest_begin(&g, w->cap.s, &in, &e), &e);
	ok(ingest_add_bytes(g, "a", 1, "dir/a", NULL, &e), &e);
	for (unsigned i = 0; i < 100 && host_events(&w->cap, EVENT_INGEST, NULL) == 0; i++)
		usleep(10000);
	usleep(100000);
	ok(journal_checkpoint(w->cap.s->journal, &e), &e);
	make(w, &ask, &sum, &out, &r);
	assert_int_equal(r.nopened, 1);
	memcpy(accession, r.opened[0].id, 16);
	request_free(&r);
	ask.accessions = (const uint8_t(*)[16]) & accession;
	ask.naccessions = 1;
	refuse(w, &w->ws, &ask, ERR_USAGE, "not closed");
	ok(ingest_end(g, false, &done, &e), &e);
	ok(journal_checkpoint(w->cap.s->journal, &e), &e);
	wire_out_reset(&out);
	make(w, &ask, &sum, &out, &r);
	assert_int_equal(sum.items, 1);
	request_free(&r);
	wire_out_free(&out);
}

/* A segment that was tampered with: nobody is asked to release what is not there. */
static void test_damaged(void **state)
{
	struct world *w = *state;
	const char *paths[] = {"broken/dir/f0"};
	struct request_ask ask = ask_for(paths, 1);
	struct request_summary sum;
	struct wire_out out = {0};
	struct request r;
	uint8_t accession[16];
	char command[256], hex[33];

	take_in(w, "broken", 1, accession);
	make(w, &ask, &sum, &out, &r);
	text_hex(hex, r.item[0].segment, 16);
	snprintf(command, sizeof(command),
		 "printf x | dd of=segments/%.2s/%s.seg bs=1 seek=%u conv=notrunc", hex, hex,
		 r.segment[0].header.len + 150);
	request_free(&r);
	wire_out_free(&out);
	assert_int_equal(fixture_run(w->archive, command), 0);
	refuse(w, &w->ws, &ask, ERR_DAMAGED, "verify");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_by_id),
		cmocka_unit_test(test_accessions),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_open_accession),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
