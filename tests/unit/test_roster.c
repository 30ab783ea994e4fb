/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment requests, enrolments, and who counts as enrolled in an archive whose documents/ anybody
 * may have written to.
 */
#include "fs/roster.h"
#include "index/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/age.h"
#include "fs/authorisation.h"
#include "tests/lib/office.h"

#define T0 INT64_C(1795417800000) /* 2026-11-23T07:10:00Z */
#define BOTH (ROSTER_INGEST | ROSTER_READER)

struct world {
	struct office o;
	struct archive_desc desc;
	struct identity *id, *other;
};

static int open_all(void **state)
{
	static struct world w;

	office_open(&w.o);
	office_describe(&w.o, &w.desc, 2, 1);
	assert_int_equal(identity_new(&w.id, w.o.pool), 0);
	assert_int_equal(identity_new(&w.other, w.o.pool), 0);
	*state = &w;
	return 0;
}

static int close_all(void **state)
{
	struct world *w = *state;

	office_close(&w->o);
	return 0;
}

static struct text_span span(const char *s)
{
	return (struct text_span){s, strlen(s)};
}

static void test_roles(void **state)
{
	static const char *const bad[] = {
		"", "Ingest", "reader,ingest", "ingest, reader", "reader ", "ingest,reader,"};

	(void)state;
	for (unsigned r = 1; r <= BOTH; r++)
		assert_int_equal(roster_roles_parse(span(roster_roles_text(r))), r);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(roster_roles_parse(span(bad[i])), 0);
	assert_int_equal(roster_roles_parse(span(roster_roles_text(0))), 0);
}

/* ---- requests ---- */

static void test_request(void **state)
{
	struct world *w = *state;
	struct wire_out out = {0};
	struct roster_node n;
	uint8_t archive[16];
	struct err e;

	assert_int_equal(roster_request_make(&out, w->desc.id, w->id, "lane 3", BOTH, T0, NULL, &e),
			 0);
	assert_int_equal(roster_request_parse(&n, archive, out.p, out.n, &e), 0);
	assert_memory_equal(archive, w->desc.id, 16);
	assert_memory_equal(&n.pub, &w->id->pub, sizeof(n.pub));
	assert_int_equal(n.roles, BOTH);
	assert_string_equal(n.name, "lane 3");
	assert_int_equal(n.issued_ms, T0);

	/* Any changed byte is noticed. */
	for (size_t i = 0; i < out.n; i++) {
		out.p[i] ^= 1;
		assert_int_not_equal(roster_request_parse(&n, archive, out.p, out.n, &e), 0);
		out.p[i] ^= 1;
	}
	/* So is an end that is missing. */
	for (size_t len = 0; len < out.n; len++)
		assert_int_not_equal(roster_request_parse(&n, archive, out.p, len, &e), 0);
	wire_out_free(&out);

	assert_int_equal(roster_request_make(&out, w->desc.id, w->id, "", BOTH, T0, NULL, &e),
			 ERR_USAGE);
	assert_int_equal(roster_request_make(&out, w->desc.id, w->id, "a\nb", BOTH, T0, NULL, &e),
			 ERR_USAGE);
	assert_int_equal(roster_request_make(&out, w->desc.id, w->id, "\xff", BOTH, T0, NULL, &e),
			 ERR_USAGE);
	assert_int_equal(roster_request_make(&out, w->desc.id, w->id, "x", 0, T0, NULL, &e),
			 ERR_USAGE);
	assert_int_equal(roster_request_make(&out, w->desc.id, w->id, "x", 4, T0, NULL, &e),
			 ERR_USAGE);
	wire_out_free(&out);
}

/* A request is about the keys that signed it, and no others. */
static void test_request_of_another(void **state)
{
	struct world *w = *state;
	struct wire_out out = {0}, forged = {0};
	struct text_span text, sigs;
	struct note_key k = {.type = NOTE_ED25519};
	struct roster_node n;
	uint8_t archive[16];
	struct err e;

	assert_int_equal(roster_request_make(&out, w->desc.id, w->id, "x", BOTH, T0, NULL, &e), 0);
	assert_int_equal(note_split((struct text_span){(char *)out.p, out.n}, &text, &sigs), 0);
	strcpy(k.name, "somebody");
	memcpy(k.pk, w->other->pub.sign, 32);
	assert_int_equal(note_sign(&forged, text.p, text.n, &k, w->other->sign), 0);
	assert_int_equal(roster_request_parse(&n, archive, forged.p, forged.n, &e), ERR_FORGED);
	wire_out_free(&forged);
	wire_out_free(&out);
}

/* The log of a node that was lost: another one, of this archive. */
static void test_request_replaces(void **state)
{
	struct world *w = *state;
	struct note_checkpoint lost = {.size = 77};
	uint8_t archive[16], elsewhere[16] = {9};
	struct wire_out out = {0};
	struct roster_node n;
	struct err e;

	journal_origin(lost.origin, w->desc.id, w->other->pub.id);
	memset(lost.root, 0x5a, sizeof(lost.root));
	assert_int_equal(roster_request_make(&out, w->desc.id, w->id, "cap2", BOTH, T0, &lost, &e),
			 0);
	assert_int_equal(roster_request_parse(&n, archive, out.p, out.n, &e), 0);
	assert_string_equal(n.replaces.origin, lost.origin);
	assert_int_equal(n.replaces.size, 77);
	assert_memory_equal(n.replaces.root, lost.root, 32);
	assert_memory_equal(n.replaced, w->other->pub.id, 16);
	wire_out_reset(&out);

	journal_origin(lost.origin, w->desc.id, w->id->pub.id); /* itself */
	assert_int_equal(roster_request_make(&out, w->desc.id, w->id, "cap2", BOTH, T0, &lost, &e),
			 0);
	assert_int_equal(roster_request_parse(&n, archive, out.p, out.n, &e), ERR_MALFORMED);
	wire_out_reset(&out);
	journal_origin(lost.origin, elsewhere, w->other->pub.id); /* of another archive */
	assert_int_equal(roster_request_make(&out, w->desc.id, w->id, "cap2", BOTH, T0, &lost, &e),
			 0);
	assert_int_equal(roster_request_parse(&n, archive, out.p, out.n, &e), ERR_MALFORMED);
	wire_out_free(&out);
}

/* ---- enrolments ---- */

static struct roster_node node_of(const struct identity *id, unsigned roles)
{
	struct roster_node n = {.pub = id->pub, .roles = roles, .issued_ms = T0};

	strcpy(n.name, "ws-7");
	return n;
}

static void enrol(struct world *w, struct document *d, const struct roster_node *n, uint8_t serial0,
		  unsigned officer)
{
	const uint8_t serial[16] = {serial0};
	const uint8_t *secret = n->roles & ROSTER_READER ? w->o.catalogue_secret : NULL;
	struct err e;

	assert_int_equal(roster_enrolment_make(d, w->desc.id, serial, n, secret, &e), 0);
	office_sign(&w->o, d, DOCUMENT_NS_ENROL, officer);
}

static void test_enrolment(void **state)
{
	struct world *w = *state;
	struct roster_node n = node_of(w->id, BOTH), got;
	const uint8_t serial[16] = {7};
	uint8_t secret[32];
	struct document d;
	struct err e;

	n.not_after_ms = T0 + 1000;
	enrol(w, &d, &n, 7, 0);
	assert_int_equal(roster_enrolment_parse(&got, &d, &w->desc, &e), 0);
	assert_memory_equal(&got.pub, &w->id->pub, sizeof(got.pub));
	assert_memory_equal(got.serial, serial, 16);
	assert_int_equal(got.roles, BOTH);
	assert_string_equal(got.name, "ws-7");
	assert_int_equal(got.issued_ms, T0);
	assert_int_equal(got.not_after_ms, T0 + 1000);
	assert_false(got.revoked);
	assert_int_equal(roster_enrolment_open(secret, &d, w->id, &e), 0);
	assert_memory_equal(secret, w->o.catalogue_secret, 32);
	assert_int_equal(roster_enrolment_open(secret, &d, w->other, &e), ERR_KEY);
	w->desc.id[3] ^= 1;
	assert_int_equal(roster_enrolment_parse(&got, &d, &w->desc, &e), ERR_WRONG_ARCHIVE);
	w->desc.id[3] ^= 1;
	document_free(&d);

	/* The collector gets no key to read with. */
	n = node_of(w->id, ROSTER_INGEST);
	enrol(w, &d, &n, 7, 0);
	assert_int_equal(d.sealed.n, 0);
	assert_int_equal(roster_enrolment_parse(&got, &d, &w->desc, &e), 0);
	assert_int_equal(got.not_after_ms, 0);
	assert_int_equal(roster_enrolment_open(secret, &d, w->id, &e), ERR_ROLE);
	document_free(&d);
	assert_int_equal(roster_enrolment_make(&d, w->desc.id, serial, &n, secret, &e), ERR_USAGE);
	n.roles = ROSTER_READER;
	assert_int_equal(roster_enrolment_make(&d, w->desc.id, serial, &n, NULL, &e), ERR_USAGE);
}

static void test_unsigned_enrolment(void **state)
{
	struct world *w = *state;
	struct roster_node n = node_of(w->id, ROSTER_READER), got;
	const uint8_t serial[16] = {7};
	struct document d;
	struct err e;

	assert_int_equal(
		roster_enrolment_make(&d, w->desc.id, serial, &n, w->o.catalogue_secret, &e), 0);
	assert_int_equal(roster_enrolment_parse(&got, &d, &w->desc, &e), ERR_TOO_FEW);
	document_free(&d);
	enrol(w, &d, &n, 7, OFFICE_STRANGER);
	assert_int_equal(roster_enrolment_parse(&got, &d, &w->desc, &e), ERR_WRONG_KEY);
	document_free(&d);
}

/* Text of an enrolment with `from` replaced by `to`, signed by an officer who did not look. */
static int altered(struct world *w, const struct document *d, const char *from, const char *to,
		   struct err *e)
{
	struct wire_out out = {0};
	const char *at = memmem(d->text.p, d->text.n, from, strlen(from));
	struct roster_node got;
	struct document bad;
	size_t before;
	int rc;

	assert_non_null(at);
	before = (size_t)(at - d->text.p);
	wire_out_bytes(&out, d->text.p, before);
	wire_out_text(&out, to);
	wire_out_bytes(&out, at + strlen(from), d->text.n - before - strlen(from));
	assert_int_equal(document_make(&bad, &out, d->sealed.p, d->sealed.n, e), 0);
	office_sign(&w->o, &bad, DOCUMENT_NS_ENROL, 0);
	rc = roster_enrolment_parse(&got, &bad, &w->desc, e);
	document_free(&bad);
	wire_out_free(&out);
	return rc;
}

static void test_bad_enrolments(void **state)
{
	static const struct {
		const char *from, *to;
		int code;
	} cases[] = {
		{"name: ws-7", "name: ws-8", 0},
		{"custodyfs-enrolment/v1", "custodyfs-enrolment/v2", ERR_NEWER},
		{"custodyfs-enrolment/v1", "custodyfs-enrolment-request/v1", ERR_FOREIGN},
		{"serial: ", "Serial: ", ERR_MALFORMED},
		{"name: ws-7\n", "", ERR_MALFORMED},
		{"name: ws-7", "name: ", ERR_MALFORMED},
		{"role: reader", "role: ingest", ERR_MALFORMED}, /* has a sealed part */
		{"role: reader", "role: ingest,reader", 0},
		{"role: reader", "role: auditor", ERR_MALFORMED},
		{"sign-key: ", "sign-key: x", ERR_MALFORMED},
		{"receive-key: age1", "receive-key: age1q", ERR_MALFORMED},
		{"issued: 2026", "issued: 1026", ERR_MALFORMED},
		{"sealed: ", "not-after: 2026-11-23T07:10:00Z\nsealed: ", ERR_MALFORMED},
		{"sealed: ", "not-after: 2026-11-23T07:10:01Z\nsealed: ", 0},
		{"sealed: ", "x: y\nsealed: ", ERR_MALFORMED},
	};
	struct world *w = *state;
	struct roster_node n = node_of(w->id, ROSTER_READER);
	char from[48], to[48], hex[33];
	struct document d;
	struct err e;

	enrol(w, &d, &n, 7, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int rc = altered(w, &d, cases[i].from, cases[i].to, &e);

		if (rc != cases[i].code)
			print_error("'%s' -> '%s': %s\n", cases[i].from, cases[i].to, e.text);
		assert_int_equal(rc, cases[i].code);
	}
	/* The id of another node. */
	text_hex(hex, w->id->pub.id, 16);
	snprintf(from, sizeof(from), "node: %s", hex);
	text_hex(hex, w->other->pub.id, 16);
	snprintf(to, sizeof(to), "node: %s", hex);
	assert_int_equal(altered(w, &d, from, to, &e), ERR_FORGED);
	document_free(&d);
}

/* ---- the roster ---- */

static void store(struct archive *a, uint8_t serial0, const char *kind, struct document *d)
{
	const uint8_t serial[16] = {serial0};
	struct err e;

	assert_int_equal(document_store(a->documents, serial, kind, d, &e), 0);
	document_free(d);
}

static void put_revocation(struct world *w, struct archive *a, uint8_t serial0, int what,
			   const uint8_t *target, int64_t issued_ms, unsigned officer)
{
	struct authorisation_revocation r = {.what = what, .issued_ms = issued_ms};
	struct wire_out text = {0};
	struct document d;
	struct err e;

	memcpy(r.archive, w->desc.id, 16);
	r.serial[0] = serial0;
	if (what == REVOKE_KEY)
		r.key = w->o.key[1];
	else
		memcpy(r.target, target, 16);
	strcpy(r.reason, "test");
	authorisation_revocation_text(&text, &r);
	assert_int_equal(document_make(&d, &text, NULL, 0, &e), 0);
	office_sign(&w->o, &d, DOCUMENT_NS_REVOKE, officer);
	store(a, serial0, "revocation", &d);
	wire_out_free(&text);
}

static struct roster *load(const struct archive *a, unsigned expect_bad)
{
	struct roster *r;
	unsigned bad = 99;
	struct err e;

	assert_int_equal(roster_load(&r, a, &bad, &e), 0);
	assert_int_equal(bad, expect_bad);
	return r;
}

static void test_roster(void **state)
{
	struct world *w = *state;
	struct roster_node n = node_of(w->id, ROSTER_INGEST);
	const uint8_t serial9[16] = {9};
	const struct roster_node *found;
	char path[FIXTURE_PATH];
	struct archive *a;
	struct document d;
	struct roster *r;
	struct err e;

	office_archive(&w->o, &w->desc, "roster", path);
	assert_int_equal(archive_open(&a, path, &e), 0);
	r = load(a, 0);
	assert_int_equal(roster_count(r), 0);
	assert_null(roster_find(r, w->id->pub.id));
	roster_free(r);

	enrol(w, &d, &n, 1, 0);
	store(a, 1, "enrolment", &d);
	n = node_of(w->other, ROSTER_READER);
	enrol(w, &d, &n, 2, 1);
	store(a, 2, "enrolment", &d);
	r = load(a, 0);
	assert_int_equal(roster_count(r), 2);
	assert_true(memcmp(roster_at(r, 0)->pub.id, roster_at(r, 1)->pub.id, 16) < 0);
	found = roster_find(r, w->other->pub.id);
	assert_true(found && found->roles == ROSTER_READER && found->serial[0] == 2);
	assert_false(found->revoked);
	assert_null(roster_find(r, serial9));
	roster_free(r);

	/* A later enrolment of the same node counts; an earlier one does not. */
	n.issued_ms = T0 + 5000;
	enrol(w, &d, &n, 3, 0);
	store(a, 3, "enrolment", &d);
	n.issued_ms = T0 + 1000;
	enrol(w, &d, &n, 4, 0);
	store(a, 4, "enrolment", &d);
	r = load(a, 0);
	assert_int_equal(roster_count(r), 2);
	assert_int_equal(roster_find(r, w->other->pub.id)->serial[0], 3);
	roster_free(r);

	/* Revoked before it was enrolled anew: it stands; revoked after: it does not. */
	put_revocation(w, a, 5, REVOKE_NODE, w->other->pub.id, T0 + 4000, 0);
	r = load(a, 0);
	assert_false(roster_find(r, w->other->pub.id)->revoked);
	/* What had been issued to it until then is over all the same. */
	assert_true(roster_node_revoked(r, w->other->pub.id, T0 + 1000));
	assert_true(roster_node_revoked(r, w->other->pub.id, T0 + 4000));
	assert_false(roster_node_revoked(r, w->other->pub.id, T0 + 4001));
	assert_false(roster_node_revoked(r, w->id->pub.id, T0));
	assert_false(roster_node_revoked(r, serial9, T0));
	roster_free(r);
	put_revocation(w, a, 6, REVOKE_NODE, w->other->pub.id, T0 + 5000, 0);
	put_revocation(w, a, 7, REVOKE_KEY, NULL, T0, 0);
	put_revocation(w, a, 8, REVOKE_AUTHORISATION, serial9, T0, 0);
	r = load(a, 0);
	assert_true(roster_find(r, w->other->pub.id)->revoked);
	assert_false(roster_find(r, w->id->pub.id)->revoked);
	assert_true(roster_key_revoked(r, &w->o.key[1]));
	assert_false(roster_key_revoked(r, &w->o.key[0]));
	assert_true(roster_serial_revoked(r, serial9));
	assert_false(roster_serial_revoked(r, w->id->pub.id));
	roster_free(r);
	archive_close(a);
}

/* What anybody can put into documents/ neither counts nor stops us. */
static void test_rubbish(void **state)
{
	struct world *w = *state;
	struct roster_node n = node_of(w->id, ROSTER_INGEST);
	char path[FIXTURE_PATH];
	struct archive *a;
	struct document d;
	struct roster *r;
	struct err e;

	office_archive(&w->o, &w->desc, "rubbish", path);
	assert_int_equal(archive_open(&a, path, &e), 0);
	enrol(w, &d, &n, 1, 0);
	store(a, 1, "enrolment", &d);
	assert_int_equal(
		fixture_run(path, "cd documents && f=$(ls) && cp $f 02${f#01} && "
				  "sed s/ws-7/ws-8/ $f >03${f#01} && : >04${f#01} && "
				  "ln -s $f 05${f#01} && mkdir 06${f#01} && cp $f x.enrolment && "
				  "cp $f AB${f#01} && cp $f ${f%enrolment}txt && "
				  "cp $f ${f%enrolment}revocation"),
		0);
	enrol(w, &d, &n, 7, OFFICE_STRANGER); /* not signed by an officer of the archive */
	store(a, 7, "enrolment", &d);
	put_revocation(w, a, 8, REVOKE_NODE, w->id->pub.id, T0, OFFICE_STRANGER);
	r = load(a, 8); /* 02 to 08, and 01...revocation */
	assert_int_equal(roster_count(r), 1);
	assert_int_equal(roster_at(r, 0)->serial[0], 1);
	assert_false(roster_at(r, 0)->revoked);
	roster_free(r);
	archive_close(a);
	roster_free(NULL);
}

/* What a log vouches for counts by its digest, whatever the keys are; what was seen stays. */
static void test_vouch(void **state)
{
	struct world *w = *state;
	struct roster_node n = node_of(w->id, ROSTER_INGEST);
	const uint8_t serial2[16] = {2}, serial3[16] = {3};
	uint8_t digest[32], altered[32];
	char path[FIXTURE_PATH];
	struct archive *a;
	struct document d;
	struct roster *r, *later;
	struct err e;

	office_archive(&w->o, &w->desc, "vouch", path);
	assert_int_equal(archive_open(&a, path, &e), 0);
	enrol(w, &d, &n, 1, 0);
	store(a, 1, "enrolment", &d);
	/* As if signed by an officer who has left since. */
	put_revocation(w, a, 2, REVOKE_NODE, w->id->pub.id, T0 + 9000, OFFICE_STRANGER);
	assert_int_equal(document_load(&d, a->documents, serial2, "revocation", &e), 0);
	memcpy(digest, d.digest, 32);
	memcpy(altered, d.digest, 32);
	altered[31] ^= 1;
	document_free(&d);

	r = load(a, 1);
	assert_int_equal(roster_vouch(r, a, serial2, altered), ERR_DAMAGED);
	assert_int_equal(roster_vouch(r, a, serial3, digest), ERR_DAMAGED);
	assert_false(roster_find(r, w->id->pub.id)->revoked);
	assert_int_equal(roster_vouch(r, a, serial2, digest), 0);
	assert_true(roster_find(r, w->id->pub.id)->revoked);
	/* The name of a file says nothing: the serial within does. */
	assert_int_equal(fixture_run(path, "cd documents && f=$(ls *.revocation) && "
					   "mv $f 03${f#02}"),
			 0);
	assert_int_equal(roster_vouch(r, a, serial3, digest), ERR_DAMAGED);
	assert_int_equal(roster_vouch(r, a, serial2, digest), 0); /* known already */
	assert_int_equal(roster_vouch(r, a, serial2, altered), ERR_DAMAGED);

	assert_int_equal(fixture_run(path, "rm documents/*"), 0);
	later = load(a, 0);
	assert_int_equal(roster_vouch(later, a, serial2, digest), ERR_DAMAGED);
	assert_int_equal(roster_carry(later, r), 0);
	/* It counts, and is missing all the same. */
	assert_int_equal(roster_vouch(later, a, serial2, digest), ERR_DAMAGED);
	assert_int_equal(roster_count(later), 1);
	assert_true(roster_find(later, w->id->pub.id)->revoked);
	assert_int_equal(roster_carry(later, r), 0);
	assert_int_equal(roster_count(later), 1);
	roster_free(later);
	roster_free(r);
	archive_close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_of_another),
		cmocka_unit_test(test_request_replaces),
		cmocka_unit_test(test_enrolment),
		cmocka_unit_test(test_unsigned_enrolment),
		cmocka_unit_test(test_bad_enrolments),
		cmocka_unit_test(test_roster),
		cmocka_unit_test(test_rubbish),
		cmocka_unit_test(test_vouch),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
