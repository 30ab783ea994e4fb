/* SPDX-License-Identifier: Apache-2.0 */
/* transfer: the texts of releases and receipts, strictly, and whether one answers the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/transfer.h"

#define ID(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define HASH(c) ID(c) ID(c)
#define ORIGIN "custodyfs/" ID("a") "/" ID("b")
#define KEY1 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
#define KEY2 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC"

static const char release_text[] =
	"custodyfs-transfer-release/v1\n"
	"archive: " ID(
		"a") "\n"
		     "serial: " ID(
			     "1") "\n"
				  "issued: 2026-11-29T10:00:00Z\n"
				  "from: CBP\n"
				  "from-person: A\n"
				  "to: Lab\n"
				  "to-person: B\n"
				  "to-threshold: 1\n"
				  "to-key: " KEY1 "\n"
				  "to-key: " KEY2 "\n"
				  "medium: USB disk\n"
				  "medium-serial: SN-1\n"
				  "encryption: LUKS2\n"
				  "purpose: examination\n"
				  "legal-basis: order 7\n"
				  "checkpoint: " ORIGIN
				  " 12 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
				  "accession: " ID("2") " " ID(
					  "b") " 3\n"
					       "segment: " ID("3") " 1000 " HASH(
						       "4") "\n"
							    "segment: " ID("5") " 2000 " HASH(
								    "6") "\n"
									 "accession: " ID("7") " " ID(
										 "b") " 0\n";
static const char receipt_text[] =
	"custodyfs-transfer-receipt/v1\n"
	"archive: " ID(
		"a") "\n"
		     "serial: " ID(
			     "8") "\n"
				  "release: " ID(
					  "1") "\n"
					       "release-digest: " HASH(
						       "9") "\n"
							    "node: " ID(
								    "c") "\n"
									 "issued: 2026-11-29T12:00:00Z\n"
									 "organisation: Lab\n"
									 "person: B\n"
									 "medium-serial: SN-1\n"
									 "result: match\n"
									 "remark: none\n"
									 "checkpoint: " ORIGIN
									 " 15 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n"
									 "segment: " ID("3") " 1000 " HASH(
										 "4") "\n"
										      "segment: " ID("5") " 2000 " HASH(
											      "6") "\n";

static int parse_release(struct transfer_release *r, const char *text, size_t n)
{
	struct document d;
	struct err e = {0};
	int rc = document_parse(&d, text, n, &e);

	if (rc)
		return rc;
	rc = transfer_release_parse(r, &d, &e);
	document_free(&d);
	assert_true(rc == 0 || e.text[0]);
	return rc;
}

static int parse_receipt(struct transfer_receipt *r, const char *text, size_t n)
{
	struct document d;
	struct err e = {0};
	int rc = document_parse(&d, text, n, &e);

	if (rc)
		return rc;
	rc = transfer_receipt_parse(r, &d, &e);
	document_free(&d);
	assert_true(rc == 0 || e.text[0]);
	return rc;
}

static void test_round_trip(void **state)
{
	struct transfer_release rel;
	struct transfer_receipt rec;
	struct wire_out out = {0};

	(void)state;
	assert_int_equal(parse_release(&rel, release_text, sizeof(release_text) - 1), 0);
	assert_int_equal(rel.accessions, 2);
	assert_int_equal(rel.segments, 2);
	assert_int_equal(rel.accession[0].segments, 2);
	assert_int_equal(rel.accession[1].segments, 0);
	assert_int_equal(rel.accession[0].items, 3);
	assert_int_equal(rel.keys, 2);
	assert_int_equal(rel.threshold, 1);
	transfer_release_text(&out, &rel);
	assert_int_equal(out.n, sizeof(release_text) - 1);
	assert_memory_equal(out.p, release_text, out.n);
	wire_out_reset(&out);
	assert_int_equal(parse_receipt(&rec, receipt_text, sizeof(receipt_text) - 1), 0);
	transfer_receipt_text(&out, &rec);
	assert_int_equal(out.n, sizeof(receipt_text) - 1);
	assert_memory_equal(out.p, receipt_text, out.n);
	wire_out_free(&out);
	transfer_release_free(&rel);
	transfer_receipt_free(&rec);
}

/* Line number i of text; false past the last. */
static bool line_at(const char *text, size_t i, const char **at, size_t *n)
{
	for (;; i--) {
		const char *lf = strchr(text, '\n');

		if (!lf)
			return false;
		*at = text;
		*n = (size_t)(lf - text) + 1;
		if (i == 0)
			return true;
		text = lf + 1;
	}
}

static int parse_any(const char *text, size_t n, bool receipt)
{
	struct transfer_release rel;
	struct transfer_receipt rec;
	int rc = receipt ? parse_receipt(&rec, text, n) : parse_release(&rel, text, n);

	if (rc == 0 && receipt)
		transfer_receipt_free(&rec);
	else if (rc == 0)
		transfer_release_free(&rel);
	return rc;
}

/* May line i be left out? `again`: may it stand twice? */
static bool loose(const char *line, bool again)
{
	static const char *const optional[] = {"to-key",  "legal-basis", "accession",
					       "segment", "remark",	 NULL};

	if (again)
		return false;
	for (size_t i = 0; optional[i]; i++)
		if (strncmp(line, optional[i], strlen(optional[i])) == 0)
			return true;
	return false;
}

static void check_lines(const char *text, bool receipt)
{
	const size_t len = strlen(text);
	char *copy = malloc(2 * len + 1);
	const char *line;
	size_t n;

	assert_non_null(copy);
	for (size_t i = 0; line_at(text, i, &line, &n); i++) {
		const size_t before = (size_t)(line - text);

		/* left out */
		memcpy(copy, text, before);
		memcpy(copy + before, line + n, len - before - n);
		if (!loose(line, false))
			assert_int_not_equal(parse_any(copy, len - n, receipt), 0);
		/* twice; an accession may be, and the segments of a receipt are compared later */
		memcpy(copy, text, before + n);
		memcpy(copy + before + n, line, len - before);
		if (strncmp(line, "accession", 9) != 0 &&
		    !(receipt && strncmp(line, "segment", 7) == 0))
			assert_int_not_equal(parse_any(copy, len + n, receipt), 0);
		/* with nothing behind its colon */
		memcpy(copy, text, len);
		if (memchr(line, ':', n) && strchr(line, ':') < line + n) {
			const char *colon = strchr(line, ':');
			const size_t keep = (size_t)(colon - text) + 1;

			copy[keep] = '\n';
			memcpy(copy + keep + 1, line + n, len - before - n);
			assert_int_not_equal(parse_any(copy, keep + 1 + len - before - n, receipt),
					     0);
		}
	}
	memcpy(copy, text, len);
	memcpy(copy + len, "more: x\n", 8);
	assert_int_not_equal(parse_any(copy, len + 8, receipt), 0);
	for (size_t cut = 0; cut < len; cut += 7)
		if (text[cut - (cut > 0)] != '\n')
			assert_int_not_equal(parse_any(text, cut, receipt), 0);
	free(copy);
}

static void test_strict(void **state)
{
	(void)state;
	check_lines(release_text, false);
	check_lines(receipt_text, true);
	assert_int_equal(parse_any("custodyfs-transfer-release/v2\n", 30, false), ERR_NEWER);
	assert_int_equal(parse_any("custodyfs-transfer-receipt/v9\n", 30, true), ERR_NEWER);
	assert_int_equal(parse_any(receipt_text, sizeof(receipt_text) - 1, false), ERR_FOREIGN);
}

/* The text with one string for another, of any length. */
static char *swap(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *out = malloc(strlen(text) + strlen(to) + 1);

	assert_non_null(at);
	assert_non_null(out);
	sprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return out;
}

static void test_values(void **state)
{
	static const struct {
		const char *from, *to;
	} bad[] = {
		{"to-threshold: 1", "to-threshold: 0"},
		{"to-threshold: 1", "to-threshold: 3"},
		{"to-threshold: 1", "to-threshold: 01"},
		{KEY2, KEY1},
		{KEY2, KEY2 " comment"},
		{KEY1, "ssh-rsa AAAA"},
		{" 1000 ", " -1 "},
		{" 1000 ", "  1000 "},
		{" 1000 ", " 18446744073709551616 "},
		{"segment: " ID("5"), "segment: " ID("3")},
		{HASH("6") "\n", HASH("6") " \n"},
		{ID("b") " 3\n", ID("b") "\n"},
		{ORIGIN " 12", ORIGIN},
		{"issued: 2026-11-29T10:00:00Z", "issued: 2026-11-29"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *text = swap(release_text, bad[i].from, bad[i].to);

		assert_int_not_equal(parse_any(text, strlen(text), false), 0);
		free(text);
	}
}

static unsigned told;
static void tell(void *ctx, const char *sentence)
{
	const char **last = ctx;

	free((char *)*last);
	*last = strdup(sentence);
	told++;
}

/* The receipt with a change: what transfer_receipt_fits() says, and how many differences. */
static int fits(const char *from, const char *to, bool match, unsigned differences)
{
	struct transfer_release rel;
	struct transfer_receipt rec;
	uint8_t digest[32];
	const char *last = NULL;
	char *text = swap(receipt_text, from, to), *other;
	int rc;

	if (!match) {
		other = swap(text, "result: match", "result: mismatch");
		free(text);
		text = other;
	}
	memset(digest, 0x99, sizeof(digest));
	assert_int_equal(parse_release(&rel, release_text, sizeof(release_text) - 1), 0);
	assert_int_equal(parse_receipt(&rec, text, strlen(text)), 0);
	told = 0;
	rc = transfer_receipt_fits(&rel, digest, &rec, NULL);
	if (rc == 0)
		assert_int_equal(transfer_compare(&rel, &rec, tell, &last), differences == 0);
	assert_int_equal(rc ? 0 : told, rc ? 0 : differences);
	free((char *)last);
	transfer_release_free(&rel);
	transfer_receipt_free(&rec);
	free(text);
	return rc;
}

static void test_fits(void **state)
{
	(void)state;
	assert_int_equal(fits("remark: none\n", "", true, 0), 0);
	assert_int_equal(fits(HASH("4"), HASH("5"), false, 1), 0);
	assert_int_equal(fits(" 1000 ", " 999 ", false, 1), 0);
	assert_int_equal(
		fits("segment: " ID("5") " 2000 " HASH("6"), "missing: " ID("5"), false, 1), 0);
	assert_int_equal(fits("medium-serial: SN-1", "medium-serial: SN-2", false, 1), 0);
	/* a result that its lines do not bear out */
	assert_int_equal(fits("remark: none\n", "", false, 0), ERR_FORGED);
	assert_int_equal(fits(HASH("4"), HASH("5"), true, 0), ERR_FORGED);
	assert_int_equal(fits("medium-serial: SN-1", "medium-serial: SN-2", true, 0), ERR_FORGED);
	/* of something else */
	assert_int_equal(fits("archive: " ID("a"), "archive: " ID("b"), true, 0),
			 ERR_WRONG_ARCHIVE);
	assert_int_equal(fits("release: " ID("1"), "release: " ID("2"), true, 0), ERR_FORGED);
	assert_int_equal(fits(HASH("9"), HASH("8"), true, 0), ERR_FORGED);
	assert_int_equal(fits("organisation: Lab", "organisation: Bal", true, 0), ERR_FORGED);
	assert_int_equal(fits("T12:00", "T09:00", true, 0), ERR_FORGED);
	assert_int_equal(fits("segment: " ID("5"), "segment: " ID("7"), true, 0), ERR_FORGED);
	assert_int_equal(fits("segment: " ID("5") " 2000 " HASH("6") "\n", "", true, 0),
			 ERR_FORGED);
	assert_int_equal(fits(ORIGIN " 15", ORIGIN " 11", true, 0), ERR_FORGED);
	assert_int_equal(fits(ORIGIN " 15", ORIGIN " 12", true, 0), ERR_FORGED); /* another root */
	assert_int_equal(fits(ORIGIN, "custodyfs/" ID("a") "/" ID("c"), true, 0), ERR_FORGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
