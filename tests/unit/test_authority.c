/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority: its directory and secrets, archives and enrolments it keeps, what it lets itself be
 * shown of a log, and what an authorisation gives to whom.
 */
#include "fs/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/age.h"
#include "tests/lib/dossier.h"
#include "tests/lib/office.h"

#define T0 INT64_C(1795417800000) /* 2026-11-23T07:10:00Z */
#define HOUR INT64_C(3600000)

struct world {
	struct office o;
	char dir[FIXTURE_PATH];
	struct authority *a;
	struct archive_desc desc;
	struct dossier d;
	struct wire_out out;
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
	*state = &w;
	return 0;
}

static int close_all(void **state)
{
	struct world *w = *state;

	office_close(&w->o);
	return 0;
}

static struct authority *create(struct world *w, const char *name)
{
	struct authority *a;
	char path[FIXTURE_PATH];
	struct err e;

	office_path(&w->o, name, path);
	ok(authority_create(&a, path, w->o.pool, w->o.key, 2, 1, true, false, T0, NULL, NULL, &e),
	   &e);
	return a;
}

static void keep_node(struct world *w, const struct roster_node *n, uint8_t serial0)
{
	const uint8_t serial[16] = {serial0};
	uint8_t secret[32];
	struct document doc;
	struct err e;

	/* Which catalogue key a reader is given is of no concern here. */
	fixture_fill(secret, sizeof(secret), 77);
	ok(roster_enrolment_make(&doc, w->desc.id, serial, n,
				 n->roles & ROSTER_READER ? secret : NULL, &e),
	   &e);
	office_sign(&w->o, &doc, DOCUMENT_NS_ENROL, 0);
	ok(authority_keep_enrolment(w->a, &doc, &e), &e);
	document_free(&doc);
}

/* An authority with an archive, and the dossier of two enrolled nodes in it. */
static int open_one(void **state)
{
	struct world *w = *state;
	struct document doc;
	struct err e;

	w->a = create(w, "auth");
	authority_describe(w->a, &w->desc, 0, 0, T0);
	office_desc_document(&doc, &w->desc);
	office_sign(&w->o, &doc, DOCUMENT_NS_ARCHIVE, 1);
	ok(authority_keep_archive(w->a, &doc, &e), &e);
	document_free(&doc);
	dossier_open(&w->d, &w->desc, w->o.pool);
	keep_node(w, &w->d.who[DOSSIER_CAP], 1);
	keep_node(w, &w->d.who[DOSSIER_WS], 2);
	return 0;
}

static int close_one(void **state)
{
	struct world *w = *state;
	char path[FIXTURE_PATH];

	dossier_close(&w->d);
	wire_out_free(&w->out);
	authority_close(w->a);
	office_path(&w->o, "auth", path);
	fixture_remove(path);
	return 0;
}

/* ---- the directory ---- */

static long passphrase(void *ctx, const char *what, bool confirm, char *buf, size_t cap,
		       struct err *e)
{
	const char *say = ctx;

	(void)confirm, (void)e;
	assert_non_null(strstr(what, "authority.key"));
	assert_true(strlen(say) <= cap);
	memcpy(buf, say, strlen(say));
	return (long)strlen(say);
}

static void test_directory(void **state)
{
	struct world *w = *state;
	struct authority *a;
	struct archive_desc d;
	char path[FIXTURE_PATH];
	struct stat st;
	struct err e;

	office_path(&w->o, "own", path);
	assert_int_equal(authority_create(&a, path, w->o.pool, w->o.key, 2, 3, true, false, T0,
					  NULL, NULL, &e),
			 ERR_USAGE);
	assert_int_equal(authority_open(&a, path, true, w->o.pool, NULL, NULL, &e), ERR_NOTFOUND);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(authority_create(&a, path, w->o.pool, w->o.key, 2, 2, true, true, T0,
					  passphrase, "", &e),
			 ERR_PASSPHRASE);
	assert_int_equal(access(path, F_OK), -1); /* nothing is left of a failed attempt */
	ok(authority_create(&a, path, w->o.pool, w->o.key, 2, 2, true, true, T0, passphrase, "pw",
			    &e),
	   &e);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_non_null(strstr(authority_text(a), "\nthreshold: 2\n"));
	authority_describe(a, &d, 0, 4096, T0 + 1);
	assert_int_equal(d.keys, 2);
	assert_int_equal(d.threshold, 2);
	assert_true(d.require_touch && d.require_pin);
	assert_int_equal(d.chunk_size, 4096);
	assert_int_equal(d.epochs, 1);
	assert_int_equal(d.version, 1);
	authority_close(a);
	assert_int_equal(authority_create(&a, path, w->o.pool, w->o.key, 2, 2, true, true, T0, NULL,
					  NULL, &e),
			 ERR_EXISTS);

	assert_int_equal(authority_open(&a, path, true, w->o.pool, passphrase, "no", &e),
			 ERR_PASSPHRASE);
	assert_int_equal(authority_open(&a, path, true, w->o.pool, NULL, NULL, &e), ERR_PASSPHRASE);
	ok(authority_open(&a, path, false, w->o.pool, NULL, NULL, &e), &e);
	authority_close(a);
	ok(authority_open(&a, path, true, w->o.pool, passphrase, "pw", &e), &e);
	authority_close(a);

	assert_int_equal(chmod(path, 0750), 0);
	assert_int_equal(authority_open(&a, path, false, w->o.pool, NULL, NULL, &e), ERR_KEY);
	assert_non_null(strstr(e.text, "chmod 700"));
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(fixture_run(path, "echo more >>authority.txt"), 0);
	assert_int_equal(authority_open(&a, path, false, w->o.pool, NULL, NULL, &e), ERR_MALFORMED);
	assert_int_equal(fixture_run(path, "rm authority.txt"), 0);
	assert_int_equal(authority_open(&a, path, false, w->o.pool, NULL, NULL, &e), ERR_FOREIGN);
	/* Another directory is not to be shut to others. */
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(authority_open(&a, path, false, w->o.pool, NULL, NULL, &e), ERR_FOREIGN);
	assert_non_null(strstr(e.text, "authority.txt"));
	assert_null(strstr(e.text, "chmod"));
	fixture_remove(path);
}

static void test_archives(void **state)
{
	struct world *w = *state;
	struct archive_desc d = w->desc, got;
	struct document doc;
	uint8_t id[16] = {1};
	struct err e;

	assert_int_equal(authority_archive(w->a, id, &got, &e), ERR_WRONG_ARCHIVE);
	ok(authority_archive(w->a, d.id, &got, &e), &e);
	assert_memory_equal(got.id, d.id, 16);

	/* Somebody's archive.txt of the same id does not replace ours. */
	d.keys = 1;
	d.key[0] = w->o.key[OFFICE_STRANGER];
	office_desc_document(&doc, &d);
	office_sign(&w->o, &doc, DOCUMENT_NS_ARCHIVE, OFFICE_STRANGER);
	assert_int_equal(authority_keep_archive(w->a, &doc, &e), ERR_FOREIGN);
	document_free(&doc);
	office_follow(&w->desc, &d);
	office_desc_document(&doc, &d);
	office_sign(&w->o, &doc, DOCUMENT_NS_ARCHIVE, OFFICE_STRANGER);
	assert_int_equal(authority_keep_archive(w->a, &doc, &e), ERR_TOO_FEW);
	/* Unless ours hand over to them. */
	office_sign(&w->o, &doc, DOCUMENT_NS_ARCHIVE, 0);
	ok(authority_keep_archive(w->a, &doc, &e), &e);
	ok(authority_archive(w->a, d.id, &got, &e), &e);
	assert_int_equal(got.version, 2);
	document_free(&doc);
}

/* ---- enrolment ---- */

static void test_enrol(void **state)
{
	struct world *w = *state;
	const struct identity *id = w->d.id[DOSSIER_CAP];
	struct wire_out request = {0};
	struct roster_node who;
	struct document doc;
	uint8_t archive[16], secret[32], other[16] = {9};
	struct authority *locked;
	char path[FIXTURE_PATH];
	struct err e;

	for (unsigned roles = ROSTER_INGEST; roles <= ROSTER_READER; roles++) {
		wire_out_reset(&request);
		ok(roster_request_make(&request, w->desc.id, id, "ws", roles, T0, NULL, &e), &e);
		ok(authority_enrol(w->a, &doc, request.p, request.n, &who, archive, T0 + 1000, &e),
		   &e);
		assert_memory_equal(archive, w->desc.id, 16);
		assert_int_equal(who.roles, roles);
		assert_int_equal(who.issued_ms, T0 + 1000);
		assert_int_equal(authority_keep_enrolment(w->a, &doc, &e), ERR_TOO_FEW);
		office_sign(&w->o, &doc, DOCUMENT_NS_ENROL, 0);
		ok(authority_keep_enrolment(w->a, &doc, &e), &e);
		if (roles == ROSTER_READER) {
			uint8_t pub[32];

			ok(roster_enrolment_open(secret, &doc, id, &e), &e);
			age_public(pub, secret);
			assert_memory_equal(pub, w->desc.catalogue, 32);
		} else {
			assert_int_equal(doc.sealed.n, 0);
		}
		document_free(&doc);
	}

	/* A reader's enrolment needs the secrets. */
	office_path(&w->o, "auth", path);
	ok(authority_open(&locked, path, false, w->o.pool, NULL, NULL, &e), &e);
	assert_int_equal(authority_enrol(locked, &doc, request.p, request.n, &who, archive, T0, &e),
			 ERR_KEY);
	authority_close(locked);
	wire_out_reset(&request);
	ok(roster_request_make(&request, other, id, "ws", ROSTER_INGEST, T0, NULL, &e), &e);
	assert_int_equal(authority_enrol(w->a, &doc, request.p, request.n, &who, archive, T0, &e),
			 ERR_WRONG_ARCHIVE);
	request.p[request.n / 2] ^= 1;
	assert_int_not_equal(
		authority_enrol(w->a, &doc, request.p, request.n, &who, archive, T0, &e), 0);
	wire_out_free(&request);
}

/* ---- review ---- */

static int review(struct world *w, struct request *r, struct err *e)
{
	dossier_write(&w->d, DOSSIER_WS, &w->out);
	return authority_review(w->a, r, w->out.p, w->out.n, e);
}

static int review_only(struct world *w, struct err *e)
{
	struct request r;
	int rc = review(w, &r, e);

	request_free(&r);
	return rc;
}

static void test_review(void **state)
{
	struct world *w = *state;
	struct request r;
	struct err e;

	ok(review(w, &r, &e), &e);
	assert_int_equal(r.items, DOSSIER_ITEMS);
	assert_true(r.item[0].record.n > 0);
	request_free(&r);
	w->out.p[10] ^= 1;
	assert_int_not_equal(authority_review(w->a, &r, w->out.p, w->out.n, &e), 0);
	assert_null(r.item);
}

static void test_rollback(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	struct request r;
	struct err e;

	ok(review_only(w, &e), &e);
	ok(review_only(w, &e), &e); /* the same again */
	dossier_note(d, DOSSIER_WS, 5, DOSSIER_WS, &d->checkpoint[1], &d->note[1]);
	ok(review_only(w, &e), &e);
	/* An older one is taken, and must be redeemed by the log that was seen. */
	dossier_note(d, DOSSIER_WS, 4, DOSSIER_WS, &d->checkpoint[1], &d->note[1]);
	ok(review(w, &r, &e), &e);
	assert_int_equal(r.checkpoint[1].size, 5);
	request_free(&r);
	dossier_note(d, DOSSIER_WS, 5, DOSSIER_WS, &d->checkpoint[1], &d->note[1]);
	ok(review_only(w, &e), &e);

	/* The capture node's log, as long as it was, and another one. */
	d->item_event[4].frame[0] ^= 1;
	dossier_prove(d);
	dossier_note(d, DOSSIER_WS, 6, DOSSIER_WS, &d->checkpoint[1], &d->note[1]);
	assert_int_equal(review_only(w, &e), ERR_ROLLBACK);
	assert_non_null(strstr(e.text, "forked"));
	/* What is refused is not remembered. */
	d->item_event[4].frame[0] ^= 1;
	dossier_prove(d);
	dossier_note(d, DOSSIER_WS, 5, DOSSIER_WS, &d->checkpoint[1], &d->note[1]);
	ok(review_only(w, &e), &e);
}

/* Revoke something, signed by an officer; the code of keeping it. */
static int keep_revocation(struct world *w, struct authorisation_revocation rv, unsigned officer,
			   struct err *e)
{
	struct wire_out text = {0};
	struct document doc;
	int rc;

	memcpy(rv.archive, w->desc.id, 16);
	strcpy(rv.reason, "stolen");
	authorisation_revocation_text(&text, &rv);
	ok(document_make(&doc, &text, NULL, 0, e), e);
	office_sign(&w->o, &doc, DOCUMENT_NS_REVOKE, officer);
	rc = authority_keep_issued(w->a, &doc, w->desc.id, rv.serial, "revocation", e);
	document_free(&doc);
	wire_out_free(&text);
	return rc;
}

static void put_revocation(struct world *w, const uint8_t node[16], int64_t issued_ms)
{
	struct authorisation_revocation rv = {
		.what = REVOKE_NODE, .issued_ms = issued_ms, .serial = {99}};
	struct err e;

	memcpy(rv.target, node, 16);
	ok(keep_revocation(w, rv, 0, &e), &e);
}

static void test_requester(void **state)
{
	struct world *w = *state;
	struct roster_node *ws = &w->d.who[DOSSIER_WS], was = *ws;
	struct err e;

	/* What a node logged before it was revoked stays evidence. */
	put_revocation(w, w->d.who[DOSSIER_CAP].pub.id, T0 + 2000);
	ok(review_only(w, &e), &e);
	put_revocation(w, ws->pub.id, T0 - 1000); /* before it was enrolled anew */
	ok(review_only(w, &e), &e);
	put_revocation(w, ws->pub.id, T0);
	assert_int_equal(review_only(w, &e), ERR_REVOKED);
	ws->issued_ms = T0 + 1000;
	keep_node(w, ws, 3);
	ok(review_only(w, &e), &e);

	*ws = was;
	ws->issued_ms = T0 + 2000;
	ws->roles = ROSTER_INGEST;
	keep_node(w, ws, 4);
	assert_int_equal(review_only(w, &e), ERR_ROLE);
}

/* What a capture node says after its enrolment ended is no evidence. */
static void test_source(void **state)
{
	struct world *w = *state;
	struct roster_node *cap = &w->d.who[DOSSIER_CAP];
	struct err e;

	cap->not_after_ms = T0 + 2000;
	assert_int_equal(fixture_run(w->o.dir, "rm auth/archives/*/nodes/*"), 0);
	keep_node(w, cap, 3);
	keep_node(w, &w->d.who[DOSSIER_WS], 2);
	ok(review_only(w, &e), &e);
	/* The end of an accession counts as its items do. */
	w->d.closed_event[0].time_ms = T0 + 2001;
	dossier_prove(&w->d);
	dossier_note(&w->d, DOSSIER_WS, 3, DOSSIER_WS, &w->d.checkpoint[1], &w->d.note[1]);
	assert_int_equal(fixture_run(w->o.dir, "rm auth/archives/*/seen/*"), 0);
	ok(review_only(w, &e), &e);
	w->d.text.accession = (const uint8_t(*)[16])w->d.accession;
	w->d.text.accessions = 1;
	assert_int_equal(review_only(w, &e), ERR_EXPIRED);
	w->d.text.accessions = 0;
	put_revocation(w, cap->pub.id, T0 + 2000);
	ok(review_only(w, &e), &e);
	put_revocation(w, cap->pub.id, T0 + 1000);
	assert_int_equal(review_only(w, &e), ERR_REVOKED);
	assert_non_null(strstr(e.text, cap->name));
}

/* Whoever enrols a node that was revoked is told, whenever that was. */
static void test_enrol_revoked(void **state)
{
	struct world *w = *state;
	const struct identity *id = w->d.id[DOSSIER_CAP];
	struct wire_out request = {0};
	struct roster_node who;
	struct document doc;
	uint8_t archive[16];
	struct err e;

	ok(roster_request_make(&request, w->desc.id, id, "cap", ROSTER_INGEST, T0, NULL, &e), &e);
	put_revocation(w, w->d.who[DOSSIER_WS].pub.id, T0);
	ok(authority_enrol(w->a, &doc, request.p, request.n, &who, archive, T0, &e), &e);
	assert_false(who.revoked);
	document_free(&doc);
	put_revocation(w, id->pub.id, T0);
	ok(authority_enrol(w->a, &doc, request.p, request.n, &who, archive, T0 + HOUR, &e), &e);
	assert_true(who.revoked);
	document_free(&doc);
	wire_out_free(&request);
}

/* A document that needs the signature of a key that was revoked here is not kept. */
static void test_revoked_key(void **state)
{
	struct world *w = *state;
	struct authorisation_revocation rv = {.what = REVOKE_KEY, .issued_ms = T0, .serial = {1}};
	struct roster_node n = w->d.who[DOSSIER_WS];
	const uint8_t serial[16] = {7};
	struct document doc;
	uint8_t secret[32];
	struct err e;

	fixture_fill(secret, sizeof(secret), 77);
	rv.key = w->o.key[1];
	rv.key.comment[0] = '\0';
	ok(keep_revocation(w, rv, 1, &e), &e); /* by the key itself, */
	ok(keep_revocation(w, rv, 1, &e), &e); /* which is so for good */
	rv.serial[0] = 2;
	assert_int_equal(keep_revocation(w, rv, 1, &e), ERR_REVOKED);
	assert_non_null(strstr(e.text, "SHA256:"));
	ok(keep_revocation(w, rv, 0, &e), &e);

	ok(roster_enrolment_make(&doc, w->desc.id, serial, &n, secret, &e), &e);
	ok(authority_keep_issued(w->a, &doc, w->desc.id, serial, "enrolment", &e), &e);
	office_sign(&w->o, &doc, DOCUMENT_NS_ENROL, 1);
	assert_int_equal(authority_keep_enrolment(w->a, &doc, &e), ERR_REVOKED);
	assert_int_equal(authority_keep_issued(w->a, &doc, w->desc.id, serial, "enrolment", &e),
			 ERR_REVOKED);
	/* Beside enough others it does no harm. */
	office_sign(&w->o, &doc, DOCUMENT_NS_ENROL, 0);
	ok(authority_keep_enrolment(w->a, &doc, &e), &e);
	document_free(&doc);
}

static void test_not_enrolled(void **state)
{
	struct world *w = *state;
	struct err e;

	assert_int_equal(fixture_run(w->o.dir, "rm auth/archives/*/nodes/*"), 0);
	assert_int_equal(review_only(w, &e), ERR_NOT_ENROLLED);
	assert_true(strlen(e.text) > 0);
	keep_node(w, &w->d.who[DOSSIER_WS], 1);
	assert_int_equal(review_only(w, &e), ERR_NOT_ENROLLED);
	keep_node(w, &w->d.who[DOSSIER_CAP], 2);
	ok(review_only(w, &e), &e);
	assert_int_equal(fixture_run(w->o.dir, "rm -r auth/archives/*"), 0);
	assert_int_equal(review_only(w, &e), ERR_WRONG_ARCHIVE);
}

/* ---- authorisation ---- */

struct taken {
	const struct dossier *d;
	size_t items, accessions;
};

static int take(void *ctx, const uint8_t id[16], const uint8_t *commitment, const uint8_t key[32])
{
	struct taken *t = ctx;
	uint8_t wrap[32];

	if (!commitment) {
		assert_memory_equal(id, t->d->accession[t->accessions], 16);
		frame_wrap_key(wrap, t->d->content_key[t->accessions], t->d->desc.id, id);
		assert_memory_equal(key, wrap, 32);
		t->accessions++;
	} else {
		assert_memory_equal(id, t->d->item[t->items].id, 16);
		assert_memory_equal(commitment, t->d->item[t->items].commitment, 32);
		assert_memory_equal(key, t->d->file_key[t->items], 32);
		t->items++;
	}
	return 0;
}

static const struct authority_terms usual = {.users = "alice,bob",
					     .now_ms = T0 + 999,
					     .not_before_ms = T0,
					     .not_after_ms = T0 + 2 * HOUR,
					     .max_opens = 7,
					     .max_bytes = 1000};

static void test_authorise(void **state)
{
	struct world *w = *state;
	const struct identity *ws = w->d.id[DOSSIER_WS], *cap = w->d.id[DOSSIER_CAP];
	struct taken t = {.d = &w->d};
	struct authorisation au;
	struct document doc;
	struct request r;
	uint8_t serial[16];
	struct err e;

	ok(review(w, &r, &e), &e);
	ok(authority_authorise(w->a, &doc, &r, &usual, serial, &e), &e);
	ok(authorisation_parse(&au, &doc, &e), &e);
	assert_memory_equal(au.archive, w->desc.id, 16);
	assert_memory_equal(au.serial, serial, 16);
	assert_memory_equal(au.request, w->d.serial, 16);
	assert_memory_equal(au.node, ws->pub.id, 16);
	assert_int_equal(au.nusers, 2);
	assert_string_equal(au.users[1], "bob");
	assert_int_equal(au.issued_ms, T0);
	assert_int_equal(au.not_after_ms, T0 + 2 * HOUR);
	assert_string_equal(au.case_no, "C-1");
	assert_string_equal(au.legal_basis, "19 USC 1581");
	assert_string_equal(au.requested_by, "alice@ws-7");
	assert_int_equal(au.max_opens, 7);
	assert_int_equal(au.max_bytes, 1000);
	assert_int_equal(au.checkpoints, 2);
	assert_int_equal(au.checkpoint[0].size, DOSSIER_LEAVES);
	assert_int_equal(au.items, DOSSIER_ITEMS);
	assert_memory_equal(au.item, w->d.item, sizeof(w->d.item));
	ok(authorisation_open(&au, &doc, ws, take, &t, &e), &e);
	assert_int_equal(t.items, DOSSIER_ITEMS);
	assert_int_equal(authorisation_open(&au, &doc, cap, take, &t, &e), ERR_KEY);
	authorisation_free(&au);
	ok(authority_keep_issued(w->a, &doc, w->desc.id, serial, "authorisation", &e), &e);
	document_free(&doc);
	request_free(&r);
}

static void test_authorise_accessions(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	struct taken t = {.d = d};
	struct authorisation au;
	struct document doc;
	struct request r;
	uint8_t serial[16];
	struct err e;

	/* The items of the second accession come with it and are not named again. */
	d->text.accession = (const uint8_t(*)[16])d->accession;
	d->text.accessions = 1;
	ok(review(w, &r, &e), &e);
	ok(authority_authorise(w->a, &doc, &r, &usual, serial, &e), &e);
	ok(authorisation_parse(&au, &doc, &e), &e);
	assert_int_equal(au.items, 2);
	assert_memory_equal(au.item[0].id, d->item[3].id, 16);
	assert_int_equal(au.accessions, 1);
	t.items = 3;
	ok(authorisation_open(&au, &doc, d->id[DOSSIER_WS], take, &t, &e), &e);
	assert_int_equal(t.items, 5);
	assert_int_equal(t.accessions, 1);
	authorisation_free(&au);
	document_free(&doc);
	request_free(&r);
}

static void test_terms(void **state)
{
	static const struct {
		const char *users, *legal_basis;
		int64_t before, after;
		int code;
	} cases[] = {
		{NULL, NULL, 0, HOUR, 0},
		{"alice, bob", NULL, 0, HOUR, 0},
		{NULL, NULL, 0, 0, ERR_USAGE},
		{NULL, NULL, 0, -HOUR, ERR_USAGE},
		{NULL, NULL, 2 * HOUR, HOUR, ERR_USAGE},
		{"", NULL, 0, HOUR, ERR_USAGE},
		{",", NULL, 0, HOUR, ERR_USAGE},
		{"a/b", NULL, 0, HOUR, ERR_USAGE},
		{"alice,alice", NULL, 0, HOUR, ERR_USAGE},
		{"abcdefghijklmnopqrstuvwxyz0123456789", NULL, 0, HOUR, ERR_USAGE},
		{NULL, "law\nrequested-by: mallory", 0, HOUR, ERR_USAGE},
		{NULL, "\xff", 0, HOUR, ERR_USAGE},
	};
	struct world *w = *state;
	char longer[AUTHORISATION_TEXT_MAX + 1];
	struct authority_terms t = usual;
	struct document doc;
	struct request r;
	uint8_t serial[16];
	struct err e;

	ok(review(w, &r, &e), &e);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		t.users = cases[i].users;
		t.legal_basis = cases[i].legal_basis;
		t.not_before_ms = T0 + cases[i].before;
		t.not_after_ms = T0 + cases[i].after;
		assert_int_equal(authority_authorise(w->a, &doc, &r, &t, serial, &e),
				 cases[i].code);
		if (cases[i].code)
			assert_null(doc.bytes.p);
		document_free(&doc);
	}
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	t = usual;
	t.legal_basis = longer;
	assert_int_equal(authority_authorise(w->a, &doc, &r, &t, serial, &e), ERR_USAGE);
	t.legal_basis = longer + 1;
	ok(authority_authorise(w->a, &doc, &r, &t, serial, &e), &e);
	document_free(&doc);
	request_free(&r);
}

static void test_enrolment_expired(void **state)
{
	struct world *w = *state;
	struct roster_node *ws = &w->d.who[DOSSIER_WS];
	struct document doc;
	struct request r;
	uint8_t serial[16];
	struct err e;

	ws->not_after_ms = T0 + 500;
	ws->issued_ms = T0 - 1000;
	assert_int_equal(fixture_run(w->o.dir, "rm auth/archives/*/nodes/*"), 0);
	ws->not_after_ms = T0 + 1000; /* documents know seconds */
	keep_node(w, ws, 5);
	keep_node(w, &w->d.who[DOSSIER_CAP], 6);
	ok(review(w, &r, &e), &e);
	ok(authority_authorise(w->a, &doc, &r, &usual, serial, &e), &e);
	document_free(&doc);
	{
		struct authority_terms late = usual;

		late.now_ms = T0 + 1001;
		assert_int_equal(authority_authorise(w->a, &doc, &r, &late, serial, &e),
				 ERR_EXPIRED);
	}
	request_free(&r);
}

/* A release key that was destroyed, or put in another's place. */
static void test_release_key(void **state)
{
	struct world *w = *state;
	struct document doc;
	struct request r;
	uint8_t serial[16];
	struct err e;

	ok(review(w, &r, &e), &e);
	assert_int_equal(fixture_run(w->o.dir, "cd auth && mv release-1.key k && cp catalogue.key "
					       "release-1.key"),
			 0);
	assert_int_equal(authority_authorise(w->a, &doc, &r, &usual, serial, &e), ERR_DAMAGED);
	assert_int_equal(fixture_run(w->o.dir, "rm auth/release-1.key"), 0);
	assert_int_equal(authority_authorise(w->a, &doc, &r, &usual, serial, &e), ERR_KEY);
	assert_null(doc.bytes.p);
	request_free(&r);
}

/* A head whose wrapped key is not the one it commits to. */
static void test_bad_wrap(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	struct document doc;
	struct request r;
	uint8_t serial[16], key[32];
	struct err e;

	memcpy(key, d->content_key[1], 32);
	d->content_key[1][0] ^= 1;
	dossier_set_record(d, 4, "\0\0", 2);
	memcpy(d->content_key[1], key, 32);
	dossier_prove(d);
	ok(review(w, &r, &e), &e);
	assert_int_equal(authority_authorise(w->a, &doc, &r, &usual, serial, &e), ERR_DAMAGED);
	request_free(&r);
}

#define ONE(f) cmocka_unit_test_setup_teardown(f, open_one, close_one)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directory),
		ONE(test_archives),
		ONE(test_enrol),
		ONE(test_review),
		ONE(test_rollback),
		ONE(test_requester),
		ONE(test_source),
		ONE(test_enrol_revoked),
		ONE(test_revoked_key),
		ONE(test_not_enrolled),
		ONE(test_authorise),
		ONE(test_authorise_accessions),
		ONE(test_terms),
		ONE(test_enrolment_expired),
		ONE(test_release_key),
		ONE(test_bad_wrap),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
