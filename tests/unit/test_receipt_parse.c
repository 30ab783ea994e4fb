/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container of receipts, as a stranger would send it: every length, order and end that is not as
 * it must be is refused; nothing is read past the end.
 */
#include "fs/receipt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID1 "11111111111111111111111111111111"
#define ID2 "22222222222222222222222222222222"
#define HEAD "custodyfs-receipt/v1\narchive: " ID1 "\nitem: " ID2 "\nnode: " ID1 "\n"
#define DESC "description: 5\ndesc\n"
#define EVENT "event: 3\ne1\nproof: 3\np1\n"
#define LOG1 "log: " ID1 "\nenrolment: 3\nn1\ncheckpoint: 3\nc1\n" EVENT
#define LOG2                                                                           \
	"log: " ID2 "\nenrolment: 3\nn2\nenrolment: 4\nn2b\ncheckpoint: 3\nc2\n" EVENT \
	"event: 3\ne2\nproof: 3\np2\n"
#define DOCS "authorisation: 2\na\nauthorisation: 2\nb\nrevocation: 2\nr\n" \
	"restore: 2\nx\nrestore: 2\ny\n"
#define EARLIER "earlier: 3\nv2\nearlier: 3\nv1\n"
#define GOOD HEAD DESC EARLIER LOG1 LOG2 DOCS "record: 4\nrec\nend\n"

/* From memory of exactly the size, so that reading past the end is seen. */
static int parse(const void *p, size_t n, struct receipt *r, struct err *e)
{
	uint8_t *copy = malloc(n + !n);
	int rc;

	memcpy(copy, p, n);
	memset(e, 0, sizeof(*e));
	rc = receipt_parse(r, copy, n, e);
	memset(copy, 0xee, n);
	free(copy);
	return rc;
}

static void bad(const char *text, int code, const char *words)
{
	struct receipt r;
	struct err e;
	int rc = parse(text, strlen(text), &r, &e);

	if (rc != code || !strstr(e.text, words))
		fail_msg("%d, not %d with '%s': %s\nof: %s", rc, code, words, e.text, text);
	/* Nothing is left. */
	assert_null(r.bytes.p);
	assert_null(r.log);
	assert_int_equal(r.events, 0);
}

static bool is(struct text_span s, const char *z)
{
	return text_is(s, z);
}

static void test_good(void **state)
{
	struct receipt r;
	struct err e;

	(void)state;
	assert_int_equal(parse(GOOD, strlen(GOOD), &r, &e), 0);
	assert_int_equal(r.archive[0], 0x11);
	assert_int_equal(r.item[15], 0x22);
	assert_true(is(r.description, "desc\n"));
	assert_int_equal(r.earliers, 2);
	assert_true(is(r.earlier[0].bytes, "v2\n"));
	assert_true(is(r.earlier[1].bytes, "v1\n"));
	assert_int_equal(r.logs, 2);
	assert_int_equal(r.enrolments, 3);
	assert_int_equal(r.events, 3);
	assert_int_equal(r.log[1].enrolment, 1);
	assert_int_equal(r.log[1].enrolments, 2);
	assert_int_equal(r.log[1].event, 1);
	assert_int_equal(r.log[1].events, 2);
	assert_true(is(r.enrolment[2], "n2b\n"));
	assert_true(is(r.log[1].checkpoint, "c2\n"));
	assert_true(is(r.event[2].line, "e2"));
	assert_true(is(r.event[2].proof, "p2\n"));
	assert_int_equal(r.event[2].log, 1);
	assert_int_equal(r.grants, 2);
	assert_true(is(r.grant[1].bytes, "b\n"));
	assert_int_equal(r.revocations, 1);
	assert_int_equal(r.restores, 2);
	assert_true(is(r.restore[1].bytes, "y\n"));
	assert_true(is(r.record, "rec\n"));
	receipt_free(&r);
	/* The least there can be. */
	assert_int_equal(parse(HEAD DESC LOG1 "end\n", strlen(HEAD DESC LOG1 "end\n"), &r, &e), 0);
	assert_int_equal(r.record.n, 0);
	assert_int_equal(r.earliers, 0);
	receipt_free(&r);
}

/* However it is cut, it is refused. */
static void test_cut(void **state)
{
	struct receipt r;
	struct err e;

	(void)state;
	for (size_t n = 0; n < strlen(GOOD); n++) {
		int rc = parse(GOOD, n, &r, &e);

		if (rc != ERR_MALFORMED && rc != ERR_FOREIGN)
			fail_msg("cut to %zu bytes: %d", n, rc);
	}
}

/* A byte that is changed changes what is read, or is refused; it never reads outside. */
static void test_changed(void **state)
{
	const size_t n = strlen(GOOD);
	char *copy = strdup(GOOD);
	struct receipt r;
	struct err e;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		static const char to[] = {'9', '0', ':', ' ', '\n', '\0', '\r', '\x7f', '\xff'};

		for (size_t k = 0; k < sizeof(to); k++) {
			int rc;

			copy[i] = to[k];
			rc = parse(copy, n, &r, &e);
			if (rc == 0)
				receipt_free(&r);
			else if (rc != ERR_MALFORMED && rc != ERR_FOREIGN && rc != ERR_NEWER)
				fail_msg("byte %zu: %d", i, rc);
			if (rc == 0 && strchr("\r\x7f\xff", to[k]) && to[k])
				fail_msg("byte %zu: what is no text was taken", i);
		}
		copy[i] = GOOD[i];
	}
	free(copy);
}

static void test_titles(void **state)
{
	(void)state;
	bad("", ERR_FOREIGN, "no text");
	bad("custodyfs-receipt/v2\n", ERR_NEWER, "knows custodyfs-receipt/v1 only");
	bad("custodyfs-request/v1\n", ERR_FOREIGN, "not a custodyfs-receipt/v1");
	bad("custodyfs-receipt/v1", ERR_FOREIGN, "");
	bad("\xef\xbb\xbf" GOOD, ERR_FOREIGN, "");
}

static void test_lengths(void **state)
{
	static const char *const numbers[] = {
		"0",
		"-1",
		"+5",
		"05",
		"5 ",
		" 5",
		"6",
		"4",
		"0x5",
		"99999999999999999999",
		"18446744073709551615",
		"18446744073709551616",
		"5.0",
		"1048577",
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(text, sizeof(text), HEAD "description: %s\ndesc\n" LOG1 "end\n",
			 numbers[i]);
		bad(text, ERR_MALFORMED, "description");
	}
	bad(HEAD "description: \ndesc\n", ERR_MALFORMED, "description");
	bad(HEAD "description:5\ndesc\n", ERR_MALFORMED, "description");
	/* What ends elsewhere than in LF is not what was written. */
	bad(HEAD "description: 9\ndesc\nlog: " ID1 "\n", ERR_MALFORMED, "its length is wrong");
	bad(HEAD DESC "log: " ID1 "\nenrolment: 3\nn1\ncheckpoint: 3\nc1\n"
		      "event: 6\ne1\ne2\nproof: 3\np1\nend\n",
	    ERR_MALFORMED, "must be one line");
}

static void test_order(void **state)
{
	(void)state;
	bad(HEAD LOG1 "end\n", ERR_MALFORMED, "description");
	bad(HEAD DESC "end\n", ERR_MALFORMED, "'log: ...' must stand here");
	bad(HEAD EARLIER DESC LOG1 "end\n", ERR_MALFORMED, "description");
	bad(HEAD DESC LOG1 EARLIER "end\n", ERR_MALFORMED, "'end'");
	bad(HEAD DESC LOG2 LOG1 "end\n", ERR_MALFORMED, "in order of their nodes");
	bad(HEAD DESC LOG1 LOG1 "end\n", ERR_MALFORMED, "in order of their nodes");
	bad(HEAD DESC "log: " ID1 "\ncheckpoint: 3\nc1\n" EVENT "end\n", ERR_MALFORMED,
	    "enrolment");
	bad(HEAD DESC "log: " ID1 "\nenrolment: 3\nn1\n" EVENT "end\n", ERR_MALFORMED,
	    "checkpoint");
	bad(HEAD DESC "log: " ID1 "\nenrolment: 3\nn1\ncheckpoint: 3\nc1\nend\n", ERR_MALFORMED,
	    "event");
	bad(HEAD DESC LOG1 "event: 3\ne2\nend\n", ERR_MALFORMED, "proof");
	bad(HEAD DESC LOG1 "revocation: 2\nr\nauthorisation: 2\na\nend\n", ERR_MALFORMED,
	    "must stand behind line");
	bad(HEAD DESC LOG1 "restore: 2\nx\nrevocation: 2\nr\nend\n", ERR_MALFORMED,
	    "must stand behind line");
	bad(HEAD DESC LOG1 "record: 2\nr\nrecord: 2\nr\nend\n", ERR_MALFORMED, "'end'");
	bad(HEAD DESC LOG1 "more: 2\nr\nend\n", ERR_MALFORMED, "'end'");
	bad(HEAD DESC LOG1, ERR_MALFORMED, "'end'");
	bad(HEAD DESC LOG1 "end", ERR_MALFORMED, "'end'");
	bad(HEAD DESC LOG1 "end \n", ERR_MALFORMED, "'end'");
	bad(HEAD DESC LOG1 "end\n\n", ERR_MALFORMED, "nothing may stand here");
	bad(HEAD DESC LOG1 "end\nend\n", ERR_MALFORMED, "nothing may stand here");
}

/* As many as there may be, and one more. */
static void test_many(void **state)
{
	struct wire_out text = {0};
	struct receipt r;
	struct err e;
	size_t room;

	(void)state;
	wire_out_text(&text, HEAD DESC LOG1);
	for (unsigned i = 1; i < RECEIPT_EVENTS_MAX; i++)
		wire_out_text(&text, EVENT);
	room = text.n;
	wire_out_text(&text, "end\n");
	assert_int_equal(parse(text.p, text.n, &r, &e), 0);
	assert_int_equal(r.events, RECEIPT_EVENTS_MAX);
	receipt_free(&r);
	text.n = room;
	wire_out_text(&text, EVENT "end\n");
	assert_int_equal(parse(text.p, text.n, &r, &e), ERR_MALFORMED);
	wire_out_reset(&text);
	wire_out_text(&text, HEAD DESC LOG1);
	for (unsigned i = 0; i <= RECEIPT_DOCUMENTS_MAX; i++)
		wire_out_text(&text, "revocation: 2\nr\n");
	wire_out_text(&text, "end\n");
	assert_int_equal(parse(text.p, text.n, &r, &e), ERR_MALFORMED);
	wire_out_reset(&text);
	wire_out_text(&text, HEAD DESC LOG1);
	for (unsigned i = 0; i <= RECEIPT_DOCUMENTS_MAX; i++)
		wire_out_text(&text, "restore: 2\nx\n");
	wire_out_text(&text, "end\n");
	assert_int_equal(parse(text.p, text.n, &r, &e), ERR_MALFORMED);
	wire_out_reset(&text);
	wire_out_text(&text, HEAD DESC);
	for (unsigned i = 0; i <= RECEIPT_VERSIONS_MAX; i++)
		wire_out_text(&text, "earlier: 2\nv\n");
	wire_out_text(&text, LOG1 "end\n");
	assert_int_equal(parse(text.p, text.n, &r, &e), ERR_MALFORMED);
	wire_out_free(&text);
}

/* Nonsense in a good container is damaged, whatever it would be elsewhere. */
static void test_nonsense(void **state)
{
	struct receipt r;
	struct err e;

	(void)state;
	assert_int_equal(parse(GOOD, strlen(GOOD), &r, &e), 0);
	assert_int_equal(receipt_check(&r, NULL, 0, &e), ERR_DAMAGED);
	assert_int_equal(r.damaged, 1);
	assert_false(r.desc_good);
	assert_non_null(strstr(r.finding[0].text, "archive.txt is not good"));
	receipt_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	cmocka_unit_test(test_cut),
		cmocka_unit_test(test_changed), cmocka_unit_test(test_titles),
		cmocka_unit_test(test_lengths), cmocka_unit_test(test_order),
		cmocka_unit_test(test_many),	cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
