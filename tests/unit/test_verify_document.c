/* SPDX-License-Identifier: Apache-2.0 */
/* Verification of documents, and of journals by what documents saw of them. */
#include "fs/authorisation.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "index/journal.h"
#include "tests/lib/fixity.h"

/* An authorisation that saw the journal as it is now, signed by officer `who` and admitted. */
static void authorise(struct fixity *w, unsigned who, char file[FIXTURE_PATH + 96])
{
	struct note_checkpoint cp = {.size = 0};
	struct authorisation_item item = {0};
	struct authorisation a = {
		.issued_ms = w->c.desc.created_ms,
		.not_before_ms = w->c.desc.created_ms,
		.not_after_ms = w->c.desc.created_ms + 3600000,
		.case_no = "C-1",
		.purpose = "test",
		.requested_by = "op@lane3",
		.checkpoint = &cp,
		.checkpoints = 1,
		.item = &item,
		.items = 1,
	};
	struct event ev = {.type = EVENT_ADMITTED, .kind = "authorisation", .user = "op"};
	const uint8_t key[1][32] = {{1}};
	struct wire_out text = {0}, sealed = {0};
	struct document d;
	char hex[33];
	struct err e = {0};

	assert_int_equal(journal_checkpoint(w->c.s.journal, &e), 0);
	assert_int_equal(journal_read_checkpoint(w->c.s.archive->journal, w->c.desc.id,
						 &w->c.id->pub, &cp, NULL, &e),
			 0);
	memcpy(a.archive, w->c.desc.id, 16);
	memcpy(a.node, w->c.id->pub.id, 16);
	memcpy(item.id, w->item[0].item, 16);
	memcpy(item.commitment, w->item[0].commitment, 32);
	secret_random(a.serial, 16);
	secret_random(a.request, 16);
	authorisation_text(&text, &a);
	assert_int_equal(authorisation_seal(&sealed, &a, key, NULL, w->c.id->pub.receive), 0);
	document_sealed_line(&text, sealed.p, sealed.n);
	if (document_make(&d, &text, sealed.p, sealed.n, &e) != 0)
		fail_msg("%s", e.text);
	office_sign(&w->c.o, &d, DOCUMENT_NS_AUTHORISE, who);
	if (document_store(w->c.s.archive->documents, a.serial, "authorisation", &d, &e) != 0)
		fail_msg("%s", e.text);
	memcpy(ev.document, a.serial, 16);
	memcpy(ev.digest, d.digest, 32);
	capture_log(&w->c, &ev);
	text_hex(hex, a.serial, 16);
	snprintf(file, FIXTURE_PATH + 96, "%s/documents/%s.authorisation", w->c.path, hex);
	document_free(&d);
	wire_out_free(&text);
	wire_out_free(&sealed);
}

static void test_documents(void **state)
{
	struct fixity *w = *state;
	char file[FIXTURE_PATH + 96], *text;
	size_t n;

	authorise(w, 0, file);
	capture_reopen(&w->c);
	fixity_good(w);
	assert_int_equal(w->sum.documents, 2);
	text = fixture_read(file, &n);
	for (size_t off = 0; off < n; off += 29) {
		const struct verify_finding *f;

		fixity_flip(file, off, 1);
		f = fixity_bad(w, "documents/");
		assert_int_equal(w->findings, 1);
		assert_int_equal(err_exit(f->code), 4);
		fixity_flip(file, off, 1);
	}
	assert_int_equal(unlink(file), 0);
	fixity_bad(w, "is missing, and journal");
	fixture_write(file, text, n);
	fixity_good(w);
	free(text);
	/* The enrolment: without it the journal can't be judged, and its loss is damage. */
	text = fixture_read(w->enrolment_file, &n);
	assert_int_equal(unlink(w->enrolment_file), 0);
	fixity_bad(w, ".enrolment is missing, and journal");
	assert_int_equal(w->sum.unchecked, 1);
	text[n / 3] ^= 1;
	fixture_write(w->enrolment_file, text, n);
	fixity_bad(w, ".enrolment is not good");
	free(text);
}

/* Another enrolment of the node under the serial of the admitted one, and signed as well. */
static void test_replaced_document(void **state)
{
	struct fixity *w = *state;
	struct roster_node n = {.pub = w->c.id->pub,
				.roles = ROSTER_INGEST,
				.name = "lane 4",
				.issued_ms = w->c.desc.created_ms};
	uint8_t serial[16];
	struct document d;
	struct err e;

	assert_true(text_unhex((struct text_span){strrchr(w->enrolment_file, '/') + 1, 32}, serial,
			       16));
	assert_int_equal(roster_enrolment_make(&d, w->c.desc.id, serial, &n, NULL, &e), 0);
	office_sign(&w->c.o, &d, DOCUMENT_NS_ENROL, 0);
	fixture_write(w->enrolment_file, d.bytes.p, d.bytes.n);
	document_free(&d);
	fixity_bad(w, "is not the one that journal");
	assert_int_equal(w->findings, 1);
}

/* Signed by a key that is not of the archive, and admitted all the same. */
static void test_stranger(void **state)
{
	struct fixity *w = *state;
	char file[FIXTURE_PATH + 96];

	authorise(w, OFFICE_STRANGER, file);
	capture_reopen(&w->c);
	assert_int_equal(fixity_bad(w, ".authorisation is not good")->code, ERR_FORGED);
}

static void test_rubbish_documents(void **state)
{
	struct fixity *w = *state;
	char path[FIXTURE_PATH + 96];

	snprintf(path, sizeof(path), "%s/documents/README", w->c.path);
	fixture_write(path, "x", 1);
	snprintf(path, sizeof(path), "%s/documents/%032d.authorisation", w->c.path, 7);
	fixture_write(path, "custodyfs-authorisation/v1\n", 27);
	snprintf(path, sizeof(path), "%s/documents/%032d.hold", w->c.path, 8);
	fixture_write(path, "custodyfs-hold/v1\n", 18);
	fixity_good(w);
	assert_true(fixity_noted(w, "documents/README is not a document"));
	assert_true(
		fixity_noted(w, "7.authorisation was admitted by no journal, and does not count"));
	assert_true(fixity_noted(w, "8.hold was admitted by no journal, and does not count"));
}

/* The authority saw more of the journal than there is: rolled back, though consistent in itself. */
static void test_rollback_by_document(void **state)
{
	struct fixity *w = *state;
	char file[FIXTURE_PATH + 96], *log, *cp;
	const struct verify_finding *f;
	size_t nlog, ncp;

	log = fixture_read(w->journal_file, &nlog);
	cp = fixture_read(w->checkpoint_file, &ncp);
	fixity_ingest(w, 0, 1);
	authorise(w, 0, file);
	capture_close_station(&w->c);
	fixity_good(w);
	fixture_write(w->journal_file, log, nlog);
	fixture_write(w->checkpoint_file, cp, ncp);
	f = fixity_bad(w, "authorisation");
	assert_int_equal(f->code, ERR_ROLLBACK);
	assert_non_null(strstr(f->text, "has 12 lines"));
	/* And when the journal is gone altogether. */
	assert_int_equal(unlink(w->journal_file), 0);
	assert_int_equal(unlink(w->checkpoint_file), 0);
	f = fixity_bad(w, "is missing, and authorisation");
	assert_int_equal(f->code, ERR_ROLLBACK);
	free(log);
	free(cp);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixity_set_up, fixity_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_documents),	   T(test_replaced_document),	 T(test_stranger),
		T(test_rubbish_documents), T(test_rollback_by_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
