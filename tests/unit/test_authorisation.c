/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authorisations and revocations: their one form, line by line, and the keys that are sealed.
 */
#include "fs/authorisation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/age.h"
#include "tests/lib/office.h"

#define T0 INT64_C(1795417800000) /* 2026-11-23T07:10:00Z */
#define RECIPIENT "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z"
#define ITEMS 3
#define ACCESSIONS 2

static int open_all(void **state)
{
	static struct office o;

	office_open(&o);
	*state = &o;
	return 0;
}

static int close_all(void **state)
{
	office_close(*state);
	return 0;
}

/* ---- the text ---- */

struct sample {
	struct authorisation a;
	struct note_checkpoint checkpoint[2];
	struct authorisation_item item[ITEMS];
	uint8_t accession[ACCESSIONS][16];
	uint8_t item_keys[ITEMS][32], accession_keys[ACCESSIONS][32];
};

static void make(struct sample *s)
{
	struct authorisation *a = &s->a;

	memset(s, 0, sizeof(*s));
	fixture_fill(a->archive, 16, 1);
	fixture_fill(a->serial, 16, 2);
	fixture_fill(a->request, 16, 3);
	fixture_fill(a->node, 16, 4);
	strcpy(a->users[0], "alice");
	strcpy(a->users[1], "B.o_b-2");
	a->nusers = 2;
	a->issued_ms = T0;
	a->not_before_ms = T0;
	a->not_after_ms = T0 + 7200000;
	strcpy(a->case_no, "C-1");
	strcpy(a->purpose, "plate dispute: \xc3\xa9tude");
	strcpy(a->legal_basis, "19 USC 1581");
	strcpy(a->requested_by, "alice@ws");
	a->checkpoint = s->checkpoint;
	a->checkpoints = 2;
	strcpy(s->checkpoint[0].origin, "custodyfs/a/b");
	strcpy(s->checkpoint[1].origin, "custodyfs/a/c");
	s->checkpoint[0].size = 12345;
	fixture_fill(s->checkpoint[0].root, 32, 5);
	a->max_opens = 9;
	a->max_bytes = UINT64_MAX;
	strcpy(a->export_to[0], RECIPIENT);
	strcpy(a->export_to[1], "plain");
	a->exports = 2;
	a->item = s->item;
	a->items = ITEMS;
	fixture_fill(s->item, sizeof(s->item), 6);
	a->accession = s->accession;
	a->accessions = ACCESSIONS;
	fixture_fill(s->accession, sizeof(s->accession), 7);
	fixture_fill(s->item_keys, sizeof(s->item_keys), 8);
	fixture_fill(s->accession_keys, sizeof(s->accession_keys), 9);
}

/* A document of the text of a, with keys sealed to `recipient`. */
static void document_of(const struct sample *s, const uint8_t recipient[32], struct document *d)
{
	struct wire_out text = {0}, age = {0};
	struct err e;

	authorisation_text(&text, &s->a);
	assert_int_equal(
		authorisation_seal(&age, &s->a, s->item_keys, s->accession_keys, recipient), 0);
	document_sealed_line(&text, age.p, age.n);
	assert_int_equal(document_make(d, &text, age.p, age.n, &e), 0);
	wire_out_free(&text);
	wire_out_free(&age);
}

static void test_round_trip(void **state)
{
	const struct office *o = *state;
	uint8_t recipient[32];
	struct authorisation got;
	struct document d;
	struct sample s;
	struct err e;

	age_public(recipient, o->release_secret);
	make(&s);
	document_of(&s, recipient, &d);
	assert_int_equal(authorisation_parse(&got, &d, &e), 0);
	assert_memory_equal(got.archive, s.a.archive, 16);
	assert_memory_equal(got.serial, s.a.serial, 16);
	assert_memory_equal(got.request, s.a.request, 16);
	assert_memory_equal(got.node, s.a.node, 16);
	assert_int_equal(got.nusers, 2);
	assert_string_equal(got.users[0], "alice");
	assert_string_equal(got.users[1], "B.o_b-2");
	assert_int_equal(got.issued_ms, T0);
	assert_int_equal(got.not_before_ms, T0);
	assert_int_equal(got.not_after_ms, T0 + 7200000);
	assert_string_equal(got.case_no, s.a.case_no);
	assert_string_equal(got.purpose, s.a.purpose);
	assert_string_equal(got.legal_basis, s.a.legal_basis);
	assert_string_equal(got.requested_by, s.a.requested_by);
	assert_int_equal(got.checkpoints, 2);
	assert_string_equal(got.checkpoint[1].origin, "custodyfs/a/c");
	assert_int_equal(got.checkpoint[0].size, 12345);
	assert_memory_equal(got.checkpoint[0].root, s.checkpoint[0].root, 32);
	assert_int_equal(got.max_opens, 9);
	assert_true(got.max_bytes == UINT64_MAX);
	assert_int_equal(got.exports, 2);
	assert_string_equal(got.export_to[0], RECIPIENT);
	assert_string_equal(got.export_to[1], "plain");
	assert_int_equal(got.items, ITEMS);
	assert_memory_equal(got.item, s.item, sizeof(s.item));
	assert_int_equal(got.accessions, ACCESSIONS);
	assert_memory_equal(got.accession, s.accession, sizeof(s.accession));
	authorisation_free(&got);
	document_free(&d);

	/* Without all that is optional. */
	s.a.nusers = 0;
	*s.a.legal_basis = '\0';
	s.a.max_opens = s.a.max_bytes = 0;
	s.a.accessions = s.a.exports = 0;
	document_of(&s, recipient, &d);
	assert_int_equal(authorisation_parse(&got, &d, &e), 0);
	assert_int_equal(got.nusers + got.max_opens + got.max_bytes + got.accessions + got.exports,
			 0);
	assert_string_equal(got.legal_basis, "");
	authorisation_free(&got);
	document_free(&d);
}

/* Parse the text of a with `from` replaced by `to`; document_parse() is not asked, since it would
 * find the sealed part missing. */
static int parse_text(const char *text, struct err *e)
{
	struct document d = {.text = {text, strlen(text)}};
	struct authorisation a;
	int rc = authorisation_parse(&a, &d, e);

	if (rc) {
		assert_null(a.item);
		assert_null(a.checkpoint);
	}
	authorisation_free(&a);
	return rc;
}

static char *text_of(struct wire_out *text, const struct authorisation *a)
{
	wire_out_reset(text);
	authorisation_text(text, a);
	document_sealed_line(text, "x", 1);
	wire_out_u8(text, 0);
	return (char *)text->p;
}

static int altered(const struct authorisation *a, const char *from, const char *to, struct err *e)
{
	struct wire_out text = {0}, out = {0};
	const char *p = text_of(&text, a), *at = strstr(p, from);
	int rc;

	assert_non_null(at);
	wire_out_bytes(&out, p, (size_t)(at - p));
	wire_out_text(&out, to);
	wire_out_text(&out, at + strlen(from));
	wire_out_u8(&out, 0);
	rc = parse_text((const char *)out.p, e);
	wire_out_free(&text);
	wire_out_free(&out);
	return rc;
}

static int may(const char *grant, const char *recipients)
{
	struct authorisation a = {.exports = grant ? 1 : 0};
	struct err e;
	int rc;

	if (grant)
		strcpy(a.export_to[0], grant);
	rc = authorisation_may_export(&a, recipients, &e);
	assert_int_equal(authorisation_may_export(&a, recipients, NULL), rc);
	return rc;
}

static void test_export(void **state)
{
	char other[AGE_RECIPIENT_TEXT], both[2 * AGE_RECIPIENT_TEXT];
	uint8_t pub[32];

	(void)state;
	fixture_fill(pub, 32, 9);
	age_recipient_text(other, pub);
	snprintf(both, sizeof(both), "%s %s", RECIPIENT, other);
	/* an authorisation of before, without the line, grants none */
	assert_int_equal(may(NULL, ""), ERR_NO_EXPORT);
	assert_int_equal(may(NULL, RECIPIENT), ERR_NO_EXPORT);
	assert_int_equal(may("plain", ""), 0);
	assert_int_equal(may("plain", RECIPIENT), ERR_NO_EXPORT);
	assert_int_equal(may("any", ""), ERR_NO_EXPORT);
	assert_int_equal(may("any", both), 0);
	assert_int_equal(may(RECIPIENT, ""), ERR_NO_EXPORT);
	assert_int_equal(may(RECIPIENT, RECIPIENT), 0);
	/* all of them must be granted, wherever they stand */
	assert_int_equal(may(RECIPIENT, both), ERR_NO_EXPORT);
	assert_int_equal(may(other, both), ERR_NO_EXPORT);
	assert_int_equal(may(RECIPIENT, other), ERR_NO_EXPORT);
	/* the words that a grant may be are nobody that something could be sealed to */
	assert_int_equal(may("any", "any"), ERR_NO_EXPORT);
	assert_int_equal(may("plain", "plain"), ERR_NO_EXPORT);
	assert_int_equal(may("any", RECIPIENT " "), ERR_NO_EXPORT);
	assert_int_equal(may("any", " "), ERR_NO_EXPORT);
	assert_int_equal(may("any", RECIPIENT "  " RECIPIENT), ERR_NO_EXPORT);
}

static void test_bad_values(void **state)
{
	static const struct {
		const char *from, *to;
		int code;
	} cases[] = {
		{"case: C-1", "case: C-1", 0},
		{"custodyfs-authorisation/v1", "custodyfs-authorisation/v9", ERR_NEWER},
		{"custodyfs-authorisation/v1", "custodyfs-enrolment/v1", ERR_FOREIGN},
		{"serial: ", "serial: A", ERR_MALFORMED},
		{"users: alice, B.o_b-2", "users: alice", 0},
		{"users: alice, B.o_b-2", "users: alice,B.o_b-2", ERR_MALFORMED},
		{"users: alice, B.o_b-2", "users: alice B.o_b-2", ERR_MALFORMED},
		{"users: alice, B.o_b-2", "users: alice,  B.o_b-2", ERR_MALFORMED},
		{"users: alice, B.o_b-2", "users: alice, B.o_b-2 ", ERR_MALFORMED},
		{"users: alice, B.o_b-2", "users: alice,", ERR_MALFORMED},
		{"users: alice, B.o_b-2", "users: , alice", ERR_MALFORMED},
		{"users: alice, B.o_b-2", "users: alice, alice", ERR_MALFORMED},
		{"users: alice, B.o_b-2",
		 "users: ali\xc3\xa7"
		 "e",
		 ERR_MALFORMED},
		{"users: alice, B.o_b-2", "users: ali/ce", ERR_MALFORMED},
		{"users: alice, B.o_b-2", "users: ", ERR_MALFORMED},
		{"users: alice, B.o_b-2", "users: abcdefghijklmnopqrstuvwxyz012345", 0},
		{"users: alice, B.o_b-2", "users: abcdefghijklmnopqrstuvwxyz0123456",
		 ERR_MALFORMED},
		{"issued: 2026-11-23T07:10:00Z", "issued: 2026-11-23T07:10:00", ERR_MALFORMED},
		{"issued: 2026-11-23T07:10:00Z", "issued: 2026-11-23T09:10:00Z", ERR_MALFORMED},
		{"issued: 2026-11-23T07:10:00Z", "issued: 2026-11-23T09:09:59Z", 0},
		{"not-before: 2026-11-23T07:10", "not-before: 2026-11-23T09:11", ERR_MALFORMED},
		{"not-before: 2026-11-23T07:10", "not-before: 2026-11-23T09:10", 0},
		{"not-after: 2026-11-23T09:10", "not-after: 2026-11-23T07:09", ERR_MALFORMED},
		{"case: C-1", "case:  ", 0}, /* odd, but one form: a case named " " */
		{"case: C-1", "case: ", ERR_MALFORMED},
		{"case: C-1\n", "", ERR_MALFORMED},
		{"purpose: ", "case: ", ERR_MALFORMED},
		{"custodyfs/a/b 12345", "custodyfs/a/b 012345", ERR_MALFORMED},
		{"custodyfs/a/b 12345", "custodyfs/a/b  12345", ERR_MALFORMED},
		{"custodyfs/a/b 12345 ", "custodyfs/a/b 12345 A", ERR_MALFORMED},
		{"custodyfs/a/c", "custodyfs/a/b", ERR_MALFORMED},
		{"max-opens: 9", "max-opens: 0", ERR_MALFORMED},
		{"max-opens: 9", "max-opens: -1", ERR_MALFORMED},
		{"max-bytes: 18446744073709551615", "max-bytes: 18446744073709551616",
		 ERR_MALFORMED},
		{"export-to: plain", "export-to: any", 0},
		{"export-to: plain", "export-to: Plain", ERR_MALFORMED},
		{"export-to: plain", "export-to: ", ERR_MALFORMED},
		{"export-to: plain", "export-to: plain, any", ERR_MALFORMED},
		{"export-to: plain", "export-to: plain\nexport-to: plain", ERR_MALFORMED},
		{"export-to: plain", "export-to: " RECIPIENT, ERR_MALFORMED},
		{"export-to: age1", "export-to: AGE1", ERR_MALFORMED},
		{"export-to: age1", "export-to: age2", ERR_MALFORMED},
		{"export-to: plain\n", "", 0},
		{"max-bytes: ", "export-to: any\nmax-bytes: ", ERR_MALFORMED},
		{"item: ", "item: 0", ERR_MALFORMED},
		{"item: ", "item:  ", ERR_MALFORMED},
		{"\nitem: ", " \nitem: ", ERR_MALFORMED},
		{"accession: ", "accession: 0", ERR_MALFORMED},
		{"accession: ", "item: ", ERR_MALFORMED},
		{"sealed: ", "note: x\nsealed: ", ERR_MALFORMED},
	};
	struct sample s;
	struct err e;

	(void)state;
	make(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int rc = altered(&s.a, cases[i].from, cases[i].to, &e);

		if (rc != cases[i].code)
			print_error("'%s' -> '%s': %s\n", cases[i].from, cases[i].to, e.text);
		assert_int_equal(rc, cases[i].code);
	}
	assert_int_equal(altered(&s.a, "purpose: ", "purpose ", &e), ERR_MALFORMED);
	assert_non_null(strstr(e.text, "line 11"));
	assert_non_null(strstr(e.text, "'purpose: ...'"));
}

static void test_contents(void **state)
{
	struct wire_out text = {0};
	struct sample s;
	struct err e;

	(void)state;
	make(&s);
	s.a.items = s.a.accessions = 0;
	assert_int_equal(parse_text(text_of(&text, &s.a), &e), ERR_MALFORMED);
	s.a.items = 1;
	assert_int_equal(parse_text(text_of(&text, &s.a), &e), 0);
	s.a.checkpoints = 0;
	assert_int_equal(parse_text(text_of(&text, &s.a), &e), ERR_MALFORMED);

	make(&s);
	memcpy(s.item[2].id, s.item[0].id, 16); /* two nodes may call two items by one id */
	assert_int_equal(parse_text(text_of(&text, &s.a), &e), 0);
	s.item[2] = s.item[0];
	assert_int_equal(parse_text(text_of(&text, &s.a), &e), ERR_MALFORMED);
	make(&s);
	memcpy(s.accession[1], s.accession[0], 16);
	assert_int_equal(parse_text(text_of(&text, &s.a), &e), ERR_MALFORMED);
	assert_int_equal(parse_text("", &e), ERR_FOREIGN);
	assert_int_equal(parse_text("custodyfs-authorisation/v1\n", &e), ERR_MALFORMED);
	wire_out_free(&text);
}

/* Free text of 511 bytes is the longest; users of 64 names the most. */
static void test_bounds(void **state)
{
	struct wire_out text = {0};
	struct sample s;
	struct err e;
	char longer[AUTHORISATION_TEXT_MAX + 16];

	(void)state;
	make(&s);
	memset(s.a.purpose, 'x', sizeof(s.a.purpose) - 1);
	s.a.purpose[sizeof(s.a.purpose) - 1] = '\0';
	assert_int_equal(parse_text(text_of(&text, &s.a), &e), 0);
	snprintf(longer, sizeof(longer), "purpose: x%s", s.a.purpose);
	longer[strlen(longer) - 1] = 'y';
	assert_int_equal(altered(&s.a, "purpose: ", "purpose: y", &e), ERR_MALFORMED);
	assert_non_null(strstr(e.text, "511"));

	for (s.a.nusers = 0; s.a.nusers < AUTHORISATION_USERS_MAX; s.a.nusers++)
		snprintf(s.a.users[s.a.nusers], sizeof(s.a.users[0]), "u%zu", s.a.nusers);
	assert_int_equal(parse_text(text_of(&text, &s.a), &e), 0);
	assert_int_equal(altered(&s.a, "users: ", "users: x, ", &e), ERR_MALFORMED);
	wire_out_free(&text);
}

/* ---- the keys ---- */

struct taken {
	const struct sample *s;
	size_t items, accessions;
	int stop; /* returned at the second item */
};

static int take(void *ctx, const uint8_t id[16], const uint8_t *commitment, const uint8_t key[32])
{
	struct taken *t = ctx;

	if (!commitment) {
		assert_memory_equal(id, t->s->accession[t->accessions], 16);
		assert_memory_equal(key, t->s->accession_keys[t->accessions], 32);
		t->accessions++;
	} else {
		assert_memory_equal(id, t->s->item[t->items].id, 16);
		assert_memory_equal(commitment, t->s->item[t->items].commitment, 32);
		assert_memory_equal(key, t->s->item_keys[t->items], 32);
		t->items++;
	}
	return t->items == 2 ? t->stop : 0;
}

static void test_keys(void **state)
{
	const struct office *o = *state;
	struct identity *id, *other;
	struct document d;
	struct sample s;
	struct taken t = {.s = &s};
	struct err e;

	assert_int_equal(identity_new(&id, o->pool), 0);
	assert_int_equal(identity_new(&other, o->pool), 0);
	make(&s);
	document_of(&s, id->pub.receive, &d);
	assert_int_equal(authorisation_open(&s.a, &d, id, take, &t, &e), 0);
	assert_int_equal(t.items, ITEMS);
	assert_int_equal(t.accessions, ACCESSIONS);

	t = (struct taken){.s = &s, .stop = ERR_NOMEM};
	assert_int_equal(authorisation_open(&s.a, &d, id, take, &t, &e), ERR_NOMEM);
	assert_int_equal(t.items, 2);

	t = (struct taken){.s = &s};
	assert_int_equal(authorisation_open(&s.a, &d, other, take, &t, &e), ERR_KEY);
	d.sealed.p[d.sealed.n - 1] ^= 1;
	assert_int_equal(authorisation_open(&s.a, &d, id, take, &t, &e), ERR_DAMAGED);
	assert_int_equal(t.items, 0);
	document_free(&d);
	identity_free(o->pool, id);
	identity_free(o->pool, other);
}

/* Keys that are not those of the text: none of them may be given out. */
static void test_other_keys(void **state)
{
	const struct office *o = *state;
	struct identity *id;
	struct document d;
	struct sample s, text;
	struct taken t = {.s = &text};
	struct err e;

	assert_int_equal(identity_new(&id, o->pool), 0);
	make(&s);
	document_of(&s, id->pub.receive, &d);
	text = s;
	text.a.item = text.item;
	text.a.accession = text.accession;

	text.a.items--;
	assert_int_equal(authorisation_open(&text.a, &d, id, take, &t, &e), ERR_MALFORMED);
	text.a.items++;
	text.a.accessions--;
	assert_int_equal(authorisation_open(&text.a, &d, id, take, &t, &e), ERR_MALFORMED);
	text.a.accessions++;
	text.accession[1][15] ^= 1;
	assert_int_equal(authorisation_open(&text.a, &d, id, take, &t, &e), ERR_MALFORMED);
	text.accession[1][15] ^= 1;
	text.item[0] = s.item[1];
	text.item[1] = s.item[0];
	assert_int_equal(authorisation_open(&text.a, &d, id, take, &t, &e), ERR_MALFORMED);
	assert_int_equal(t.items + t.accessions, 0);
	document_free(&d);

	/* Trailing bytes, and another magic. */
	for (unsigned i = 0; i < 2; i++) {
		struct wire_out plain = {0}, age = {0}, lines = {0};
		uint8_t to[1][32];

		text.a.items = text.a.accessions = 0;
		wire_out_text(&plain, i ? "CUSTREL2" : "CUSTREL1");
		wire_out_u64(&plain, 0);
		if (i == 0)
			wire_out_u8(&plain, 0);
		memcpy(to[0], id->pub.receive, 32);
		assert_int_equal(age_seal(&age, to, 1, plain.p, plain.n), 0);
		wire_out_text(&lines, "custodyfs-test/v1\n");
		document_sealed_line(&lines, age.p, age.n);
		assert_int_equal(document_make(&d, &lines, age.p, age.n, &e), 0);
		assert_int_equal(authorisation_open(&text.a, &d, id, take, &t, &e), ERR_MALFORMED);
		document_free(&d);
		wire_out_free(&plain);
		wire_out_free(&age);
		wire_out_free(&lines);
	}
	identity_free(o->pool, id);
}

/* ---- revocations ---- */

static int revocation(const char *text, struct authorisation_revocation *r, struct err *e)
{
	struct document d = {.text = {text, strlen(text)}};

	return authorisation_revocation_parse(r, &d, e);
}

static void test_revocation(void **state)
{
	const struct office *o = *state;
	struct authorisation_revocation r = {.issued_ms = T0}, got;
	struct wire_out text = {0};
	struct err e;

	fixture_fill(r.archive, 16, 1);
	fixture_fill(r.serial, 16, 2);
	strcpy(r.reason, "lost token");
	for (int what = REVOKE_AUTHORISATION; what <= REVOKE_KEY; what++) {
		r.what = what;
		fixture_fill(r.target, 16, 3);
		r.key = o->key[1];
		wire_out_reset(&text);
		authorisation_revocation_text(&text, &r);
		wire_out_u8(&text, 0);
		assert_int_equal(revocation((char *)text.p, &got, &e), 0);
		assert_int_equal(got.what, what);
		assert_memory_equal(got.archive, r.archive, 16);
		assert_memory_equal(got.serial, r.serial, 16);
		assert_int_equal(got.issued_ms, T0);
		assert_string_equal(got.reason, "lost token");
		if (what == REVOKE_KEY)
			assert_true(sshkey_equal(&got.key, &o->key[1]));
		else
			assert_memory_equal(got.target, r.target, 16);
	}
	wire_out_free(&text);
}

#define HEAD                                                                   \
	"custodyfs-revocation/v1\narchive: 00000000000000000000000000000000\n" \
	"serial: 00000000000000000000000000000001\nissued: 2026-11-23T07:10:00Z\n"
#define ID "0123456789abcdef0123456789abcdef"

static void test_bad_revocations(void **state)
{
	static const char *const bad[] = {
		HEAD "reason: x\n",
		HEAD "authorisation: " ID "\n",
		HEAD "authorisation: " ID "\nreason: \n",
		HEAD "authorisation: " ID "\nnode: " ID "\nreason: x\n",
		HEAD "node: " ID "\nauthorisation: " ID "\nreason: x\n",
		HEAD "node: " ID "0\nreason: x\n",
		HEAD "reason: x\nnode: " ID "\n",
		HEAD "node: " ID "\nreason: x\nreason: y\n",
		HEAD "key: ssh-ed25519\nreason: x\n",
		HEAD "key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEq3RzSY8oyKLcHJjHOoqVRNvm1jBkSAFAXU"
		     "qkTgwaRp comment\nreason: x\n",
	};
	struct authorisation_revocation r;
	struct err e;

	(void)state;
	assert_int_equal(revocation(HEAD "node: " ID "\nreason: x\n", &r, &e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(revocation(bad[i], &r, &e), ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),	cmocka_unit_test(test_export),
		cmocka_unit_test(test_bad_values),	cmocka_unit_test(test_contents),
		cmocka_unit_test(test_bounds),		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_other_keys),	cmocka_unit_test(test_revocation),
		cmocka_unit_test(test_bad_revocations),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
