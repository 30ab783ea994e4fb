/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts after other authorisation keys: each document is judged by the archive.txt it was admitted
 * under, the versions lead from one to the other, and old keys add nothing.
 */
#include "fs/receipt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "index/file.h"
#include "tests/lib/mutants.h"
#include "tests/lib/opinion.h"
#include "tests/lib/stage.h"

/* Officers 0 and 1 are in version 1, threshold 1. */
#define FIRST 0
#define SECOND 2
#define MUTANT_LINES 80

static const uint8_t witness_seed[32] = {7};

struct world {
	struct stage s;
	struct opinion other_opinion; /* of all receipts that are checked */
	uint8_t item[16];
	struct archive_desc desc; /* the last one */
	struct wire_out carried;  /* by it */
	struct wire_out text;
	struct receipt r;
	bool witness;	   /* the next version has one */
	size_t verdict[8]; /* of mutants, by exit code */
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
	w->desc = w->s.desc;
	stage_ingest(&w->s, STAGE_CAP, "otay", "car", 3, NULL);
	enter(w, STAGE_WS);
	assert_int_equal(stage_find(&w->s, "otay/car2.jpg", &o), 0);
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
	wire_out_free(&w->carried);
	stage_close(&w->s);
	free(w);
	return 0;
}

/* ---- other keys ---- */

/* The line by which an enrolment is carried over. */
static void carry(struct world *w, const struct roster_node *n)
{
	struct document d;
	uint8_t text[32];
	char serial[33], hash[65];
	struct err e;

	ok(document_load(&d, w->s.st->archive->documents, n->serial, "enrolment", &e), &e);
	hash_sha256(text, d.text.p, d.text.n);
	text_hex(serial, n->serial, 16);
	text_hex(hash, text, 32);
	wire_out_printf(&w->carried, "carried: enrolment %s %s\n", serial, hash);
	document_free(&d);
}

/* The version after the last: the one key of officer `key`; not signed. */
static void next_version(struct world *w, unsigned key, struct archive_desc *next)
{
	const struct roster *roster = w->s.st->roster;

	*next = w->desc;
	office_follow(&w->desc, next);
	wire_out_reset(&w->carried);
	for (size_t i = 0; i < roster_count(roster); i++)
		carry(w, roster_at(roster, i));
	next->key[0] = w->s.o.key[key];
	next->keys = 1;
	if (w->witness && next->witnesses == 0)
		office_witness(next, "witness", witness_seed);
	next->carried = (struct text_span){(const char *)w->carried.p, w->carried.n};
}

static void sign_version(struct world *w, const struct archive_desc *next, struct document *d,
			 unsigned before, unsigned own)
{
	office_desc_document(d, next);
	office_sign(&w->s.o, d, DOCUMENT_NS_ARCHIVE, before);
	if (own != before)
		office_sign(&w->s.o, d, DOCUMENT_NS_ARCHIVE, own);
}

/* From the key of officer `before` to that of `own`, by the workstation. */
static void rotate(struct world *w, unsigned before, unsigned own)
{
	struct archive_desc next;
	struct document d;
	struct err e;

	enter(w, STAGE_WS);
	next_version(w, own, &next);
	sign_version(w, &next, &d, before, own);
	ok(stage_import(&w->s, &d, &e), &e);
	document_free(&d);
	w->desc = next; /* what it carries stays in w->carried until the next one is made */
}

/* ---- authorisations and their use ---- */

/* Signed by officer 0, or by another. */
static void authorise(struct world *w, unsigned who, struct document *d, uint8_t serial[16])
{
	const struct stage_terms t = {.paths = {"otay/car2.jpg"}};
	struct wire_out text = {0};
	struct document made;
	struct err e;

	enter(w, STAGE_WS);
	stage_authorise(&w->s, STAGE_WS, &t, &made, serial);
	if (who == FIRST) {
		*d = made;
		return;
	}
	wire_out_bytes(&text, made.text.p, made.text.n);
	ok(document_make(d, &text, made.sealed.p, made.sealed.n, &e), &e);
	office_sign(&w->s.o, d, DOCUMENT_NS_AUTHORISE, who);
	wire_out_free(&text);
	document_free(&made);
}

static void use(struct world *w, const uint8_t serial[16])
{
	struct event ev = {.type = EVENT_OPENED, .handle = 1, .user = "op", .program = "/bin/cp"};

	enter(w, STAGE_WS);
	memcpy(ev.item, w->item, 16);
	memcpy(ev.release, serial, 16);
	stage_log(&w->s, &ev, 1);
}

static void released(struct world *w, unsigned who, uint8_t serial[16])
{
	struct document d;
	struct err e;

	authorise(w, who, &d, serial);
	ok(stage_import(&w->s, &d, &e), &e);
	document_free(&d);
	use(w, serial);
}

/* ---- receipts ---- */

static void make(struct world *w, bool scan, struct wire_out *out)
{
	struct receipt_ask ask = {.station = scan ? NULL : w->s.st,
				  .archive = w->s.st->archive,
				  .roster = w->s.st->roster,
				  .node = w->s.id[STAGE_CAP]};
	struct receipt_sum sum;
	struct err e = {0};

	memcpy(ask.item, w->item, 16);
	wire_out_reset(out);
	ok(receipt_make(out, &ask, &sum, &e), &e);
}

static int check(struct world *w, const struct sshkey *expected, size_t n)
{
	struct err e = {0};
	int rc;

	receipt_free(&w->r);
	ok(receipt_parse(&w->r, w->text.p, w->text.n, &e), &e);
	rc = receipt_check(&w->r, expected, n, &e);
	if (!expected)
		opinion_add(&w->other_opinion, w->text.p, w->text.n, rc);
	return rc;
}

/* By the index and by the journals: the same. */
static int run(struct world *w)
{
	struct wire_out scanned = {0};
	struct err e;

	enter(w, STAGE_WS);
	ok(journal_checkpoint(w->s.st->journal, &e), &e);
	make(w, false, &w->text);
	make(w, true, &scanned);
	assert_int_equal(w->text.n, scanned.n);
	assert_memory_equal(w->text.p, scanned.p, scanned.n);
	wire_out_free(&scanned);
	return check(w, NULL, 0);
}

static bool has_finding(const struct world *w, const char *words)
{
	for (size_t i = 0; i < w->r.findings; i++)
		if (strstr(w->r.finding[i].text, words))
			return true;
	return false;
}

static void found(const struct world *w, int got, int rc, const char *words)
{
	if (got == rc && has_finding(w, words))
		return;
	for (size_t i = 0; i < w->r.findings; i++)
		print_message("%s\n", w->r.finding[i].text);
	fail_msg("%s, not %s with '%s'", got ? err_word(got) : "good", err_word(rc), words);
}

static void good(struct world *w, int rc)
{
	if (rc)
		found(w, rc, 0, "nothing");
}

/* Put `bytes` in place of part n (from 0) of `key`; n 0 bytes: leave it out. */
static void replace(struct world *w, const char *key, unsigned n, const void *bytes, size_t size)
{
	const char *at = (const char *)w->text.p, *end = at + w->text.n;
	struct wire_out out = {0};
	char line[64];
	size_t skip;

	snprintf(line, sizeof(line), "\n%s: ", key);
	do {
		at = memmem(at + 1, (size_t)(end - at) - 1, line, strlen(line));
		assert_non_null(at);
	} while (n--);
	at++;
	skip = (size_t)((const char *)memchr(at, '\n', (size_t)(end - at)) + 1 - at) +
	       strtoul(at + strlen(key) + 2, NULL, 10);
	wire_out_bytes(&out, w->text.p, (size_t)(at - (const char *)w->text.p));
	if (size)
		wire_out_printf(&out, "%s: %zu\n", key, size);
	wire_out_bytes(&out, bytes, size);
	wire_out_bytes(&out, at + skip, (size_t)(end - at) - skip);
	wire_out_free(&w->text);
	w->text = out;
}

/* The number of the event that admits a version. */
static unsigned step(const struct world *w, uint32_t version)
{
	for (size_t i = 0; i < w->r.events; i++)
		if (w->r.event[i].version == version)
			return (unsigned)i;
	fail_msg("no event admits version %u", (unsigned)version);
	return 0;
}

/* ---- what holds ---- */

static void test_all_good(void **state)
{
	struct world *w = *state;
	struct wire_out before = {0};
	uint8_t one[16], two[16], three[16];

	released(w, FIRST, one);
	good(w, run(w));
	assert_int_equal(w->r.earliers, 0);
	wire_out_bytes(&before, w->text.p, w->text.n);
	rotate(w, FIRST, SECOND);
	use(w, one);
	released(w, SECOND, two);
	good(w, run(w));
	rotate(w, SECOND, 1);
	released(w, 1, three);
	good(w, run(w));
	assert_int_equal(w->r.earliers, 2);
	assert_int_equal(w->r.chain, 2);
	assert_int_equal(receipt_grant(&w->r, one)->version, 1);
	assert_int_equal(receipt_grant(&w->r, two)->version, 2);
	assert_int_equal(receipt_grant(&w->r, three)->version, 3);
	/* what was made before goes on verifying, by the keys that were known then */
	wire_out_reset(&w->text);
	wire_out_bytes(&w->text, before.p, before.n);
	good(w, check(w, w->s.o.key, 2));
	assert_int_equal(w->r.pinned, 1);
	wire_out_free(&before);
}

static void test_keys(void **state)
{
	struct world *w = *state;
	const struct sshkey mixed[] = {w->s.o.key[0], w->s.o.key[1], w->s.o.key[SECOND]};

	rotate(w, FIRST, SECOND);
	good(w, run(w));
	good(w, check(w, &w->s.o.key[SECOND], 1));
	assert_int_equal(w->r.pinned, 2);
	good(w, check(w, w->s.o.key, 2));
	assert_int_equal(w->r.pinned, 1);
	/* some of them, those of two versions, and a stranger's are none of a version */
	found(w, check(w, w->s.o.key, 1), ERR_DAMAGED, "another authority");
	found(w, check(w, mixed, 3), ERR_DAMAGED, "does not have the expected key");
	found(w, check(w, &w->s.o.key[OFFICE_STRANGER], 1), ERR_DAMAGED, "another authority");
	/* the old keys lead to the new only by what is in the receipt */
	replace(w, "earlier", 0, NULL, 0);
	good(w, check(w, &w->s.o.key[SECOND], 1));
	found(w, check(w, w->s.o.key, 2), ERR_DAMAGED, "another authority");
}

static void test_revocation(void **state)
{
	struct world *w = *state;
	uint8_t serial[16], number[16];
	struct document d;
	struct err e;

	released(w, FIRST, serial);
	stage_revocation(&w->s, REVOKE_AUTHORISATION, serial, &d, number);
	ok(stage_import(&w->s, &d, &e), &e);
	document_free(&d);
	rotate(w, FIRST, SECOND);
	good(w, run(w));
	assert_int_equal(w->r.revocations, 1);
	assert_true(w->r.revocation[0].good);
	use(w, serial);
	found(w, run(w), ERR_DAMAGED, "that had been revoked");
}

/* By old keys and after: it is not the node's to admit, and not in the receipt without its event. */
static void test_late_revocation(void **state)
{
	struct world *w = *state;
	uint8_t serial[16], number[16];
	struct document d;
	struct err e;

	released(w, FIRST, serial);
	rotate(w, FIRST, SECOND);
	stage_revocation(&w->s, REVOKE_AUTHORISATION, serial, &d, number);
	ok(document_store(w->s.st->archive->documents, number, "revocation", &d, &e), &e);
	good(w, run(w));
	assert_int_equal(w->r.revocations, 0);
	stage_smuggle(&w->s, &d, "revocation", number);
	document_free(&d);
	found(w, run(w), ERR_DAMAGED, "revocation number 1 is not good");
}

/* ---- an old key after the rotation ---- */

static void test_late(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];
	struct document d;
	unsigned at;

	rotate(w, FIRST, SECOND);
	authorise(w, FIRST, &d, serial);
	stage_smuggle(&w->s, &d, "authorisation", serial);
	document_free(&d);
	use(w, serial);
	found(w, run(w), ERR_DAMAGED, "not an authorisation key that counts for it");
	/* leaving out what shows it makes it no better than unknown */
	at = step(w, 2);
	replace(w, "proof", at, NULL, 0);
	replace(w, "event", at, NULL, 0);
	found(w, check(w, NULL, 0), ERR_UNSUPPORTED, "no event shows");
	assert_int_equal(w->r.damaged, 0);
	replace(w, "earlier", 0, NULL, 0);
	found(w, check(w, NULL, 0), ERR_UNSUPPORTED, "which the receipt does not have");
}

/* A later rotation does not make it older; nor does a step that is left out. */
static void test_late_between(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];
	struct document d;
	unsigned at;

	rotate(w, FIRST, SECOND);
	authorise(w, FIRST, &d, serial);
	stage_smuggle(&w->s, &d, "authorisation", serial);
	document_free(&d);
	use(w, serial);
	rotate(w, SECOND, 1);
	found(w, run(w), ERR_DAMAGED, "not an authorisation key that counts for it");
	at = step(w, 2);
	replace(w, "proof", at, NULL, 0);
	replace(w, "event", at, NULL, 0);
	found(w, check(w, NULL, 0), ERR_DAMAGED, "not an authorisation key that counts for it");
}

/* Nor is a key good before its time. */
static void test_early(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];
	struct document d;

	authorise(w, SECOND, &d, serial);
	stage_smuggle(&w->s, &d, "authorisation", serial);
	document_free(&d);
	use(w, serial);
	rotate(w, FIRST, SECOND);
	found(w, run(w), ERR_DAMAGED, "not an authorisation key that counts for it");
}

/* A step that is forged: the log says another file, or steps over one. */
static void test_steps(void **state)
{
	struct world *w = *state;
	struct event ev = {.type = EVENT_ADMITTED, .kind = "archive-2"};
	uint8_t serial[16];
	unsigned at;

	released(w, FIRST, serial);
	rotate(w, FIRST, SECOND);
	rotate(w, SECOND, 1);
	rotate(w, 1, SECOND);
	good(w, run(w));
	at = step(w, 3);
	replace(w, "proof", at, NULL, 0);
	replace(w, "event", at, NULL, 0);
	found(w, check(w, NULL, 0), ERR_DAMAGED, "version 4 of archive.txt after version 2");
	memcpy(ev.document, w->desc.id, 16);
	stage_log(&w->s, &ev, 1);
	found(w, run(w), ERR_DAMAGED, "another version 2 of archive.txt");
}

/* ---- a chain that is none ---- */

static void test_skipped(void **state)
{
	struct world *w = *state;

	rotate(w, FIRST, SECOND);
	rotate(w, SECOND, 1);
	good(w, run(w));
	replace(w, "earlier", 0, NULL, 0);
	found(w, check(w, NULL, 0), ERR_DAMAGED, "does not lead to it");
	good(w, run(w));
	replace(w, "earlier", 1, NULL, 0);
	good(w, check(w, NULL, 0)); /* all that is missing is its end */
	assert_int_equal(w->r.chain, 1);
}

/* Version 2 as `d` in place of the one that is in force, before the true version 1. */
static void instead(struct world *w, const struct document *d, const char *words)
{
	good(w, run(w));
	replace(w, "description", 0, d->bytes.p, d->bytes.n);
	found(w, check(w, NULL, 0), ERR_DAMAGED, words);
	/* also for whoever knows the keys before */
	assert_int_equal(check(w, w->s.o.key, 2), ERR_DAMAGED);
	assert_int_equal(w->r.pinned, 0);
}

static void test_forged_versions(void **state)
{
	struct world *w = *state;
	struct archive_desc first = w->desc, next;
	struct document d;

	rotate(w, FIRST, SECOND);
	w->desc = first;
	/* by its own key alone: an authority of its own */
	next_version(w, OFFICE_STRANGER, &next);
	sign_version(w, &next, &d, OFFICE_STRANGER, OFFICE_STRANGER);
	instead(w, &d, "by the keys of version 1: signed by 0 of the 1");
	document_free(&d);
	/* by the key before alone */
	next_version(w, SECOND, &next);
	sign_version(w, &next, &d, FIRST, FIRST);
	instead(w, &d, "archive.txt is not good: archive.txt: signed by 0 of the 1");
	document_free(&d);
	/* by both, of another version 1 */
	next.previous[0] ^= 1;
	sign_version(w, &next, &d, FIRST, SECOND);
	instead(w, &d, "does not follow the version 1");
	document_free(&d);
	/* by both, over one that is not there */
	next.previous[0] ^= 1;
	next.version = 3;
	sign_version(w, &next, &d, FIRST, SECOND);
	instead(w, &d, "of version 3, after version 1");
	document_free(&d);
}

/* An archive that has lost an old version: nothing is called forged for that, nor good. */
static void test_lost(void **state)
{
	struct world *w = *state;
	uint8_t one[16], two[16];

	released(w, FIRST, one);
	rotate(w, FIRST, SECOND);
	released(w, SECOND, two);
	rotate(w, SECOND, 1);
	stage_shell(&w->s, "rm documents/*.archive-1");
	found(w, run(w), ERR_UNSUPPORTED, "which the receipt does not have");
	assert_int_equal(w->r.damaged, 0);
	assert_int_equal(w->r.unchecked, 1);
	assert_true(receipt_grant(&w->r, two)->good);
}

/* ---- a witness, and scissors and glue ---- */

/* Cosign what a node has signed so far. */
static void cosign(struct world *w, enum stage_node n)
{
	struct wire_out note = {0};
	char path[FIXTURE_PATH];
	struct text_span text, sigs;
	struct note_key key;
	uint8_t sk[64];
	struct err e;

	stage_journal_path(&w->s, n, "checkpoint", path);
	ok(file_read_path(path, 1 << 16, &note, &e), &e);
	assert_int_equal(note_split((struct text_span){(const char *)note.p, note.n}, &text, &sigs),
			 0);
	key = w->desc.witness[0];
	note_keypair(&key, sk, witness_seed);
	assert_int_equal(note_signature(&note, text.p, text.n, &key, sk, (uint64_t)time(NULL)), 0);
	stage_journal_path(&w->s, n, "cosigned", path);
	fixture_write(path, note.p, note.n);
	wire_out_free(&note);
}

static void try(void *ctx, const struct wire_out *text)
{
	struct world *w = ctx;

	if (text->n != w->text.n || memcmp(text->p, w->text.p, text->n) != 0)
		w->verdict[err_exit(opinion_check(&w->other_opinion, text->p, text->n))]++;
}

static void test_mutants(void **state)
{
	struct world *w = *state;
	uint8_t one[16], two[16];
	struct err e;
	size_t n;

	released(w, FIRST, one);
	w->witness = true;
	rotate(w, FIRST, SECOND);
	ok(journal_checkpoint(w->s.st->journal, &e), &e);
	cosign(w, STAGE_CAP);
	cosign(w, STAGE_WS);
	released(w, SECOND, two);
	good(w, run(w));
	assert_int_equal(w->r.chain, 1);
	for (size_t i = 0; i < w->r.logs; i++)
		assert_int_equal(w->r.log[i].witnessed.n, 1);
	n = mutants_each(w->text.p, w->text.n, MUTANT_LINES, try, w);
	print_message("%zu mutants: %zu good, %zu bad, %zu not judged or malformed\n", n,
		      w->verdict[0], w->verdict[4], w->verdict[5]);
	assert_true(n > 200);
	assert_true(w->verdict[0] < n / 10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_good),	    TEST(test_keys),  TEST(test_revocation),
		TEST(test_late_revocation), TEST(test_late),  TEST(test_late_between),
		TEST(test_early),	    TEST(test_steps), TEST(test_skipped),
		TEST(test_forged_versions), TEST(test_lost),  TEST(test_mutants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
