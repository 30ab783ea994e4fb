// SPDX-License-Identifier: Apache-2.0
/* Targets: what officers sign. What parses has one form: it is written again as the same text. */
#include <string.h>

#include "fs/archive.h"
#include "fs/authorisation.h"
#include "fs/restore.h"
#include "fs/roster.h"
#include "fs/transfer.h"
#include "tests/fuzz/fuzz.h"

int fuzz_document(const uint8_t *p, size_t n)
{
	struct document d;
	struct err e = {0};
	struct text_span v;
	uint8_t id[16];
	int64_t ms;
	int rc = document_parse(&d, p, n, &e);

	if (rc == 0) {
		fuzz_must(d.bytes.n == n && memcmp(d.bytes.p, p, n) == 0);
		fuzz_must(d.text.n > 0 && d.text.n <= n && d.sigs <= DOCUMENT_SIGNATURES_MAX);
		(void)document_title(&d);
		(void)document_value(&d, "serial", &v);
		(void)document_id(&d, "serial", id);
		(void)document_time(&d, "issued", &ms);
	}
	document_free(&d);
	return rc;
}

/* The text, up to the line that names the sealed part. */
static bool is_text(const struct document *d, struct wire_out *again)
{
	static const char sealed[] = "sealed: ";
	bool same = wire_out_ok(again) && again->n <= d->text.n &&
		    memcmp(again->p, d->text.p, again->n) == 0;
	size_t left = d->text.n - again->n, k = sizeof(sealed) - 1;

	if (same && left > 0)
		same = left > k && memcmp(d->text.p + again->n, sealed, k) == 0;
	wire_out_free(again);
	return same;
}

int fuzz_archive(const uint8_t *p, size_t n)
{
	static struct archive_desc desc, signed_desc;
	struct wire_out again = {0};
	struct document d;
	struct err e = {0};
	int rc = document_parse(&d, p, n, &e);

	if (rc == 0)
		rc = archive_desc_read(&desc, &d, &e);
	if (rc == 0) {
		archive_desc_text(&again, &desc);
		fuzz_must(is_text(&d, &again));
		rc = archive_desc_parse(&signed_desc, &d, NULL, &e);
	}
	document_free(&d);
	return rc;
}

int fuzz_authorisation(const uint8_t *p, size_t n)
{
	struct authorisation a = {0};
	struct wire_out again = {0};
	struct document d;
	struct err e = {0};
	int rc = document_parse(&d, p, n, &e);

	if (rc == 0)
		rc = authorisation_parse(&a, &d, &e);
	if (rc == 0) {
		authorisation_text(&again, &a);
		fuzz_must(is_text(&d, &again));
		fuzz_must(a.items + a.accessions > 0 && a.not_before_ms <= a.not_after_ms);
	}
	authorisation_free(&a);
	document_free(&d);
	return rc;
}

int fuzz_revocation(const uint8_t *p, size_t n)
{
	struct authorisation_revocation r;
	struct wire_out again = {0};
	struct document d;
	struct err e = {0};
	int rc = document_parse(&d, p, n, &e);

	if (rc == 0)
		rc = authorisation_revocation_parse(&r, &d, &e);
	if (rc == 0) {
		authorisation_revocation_text(&again, &r);
		fuzz_must(is_text(&d, &again));
	}
	document_free(&d);
	return rc;
}

/* An archive whose id is the one the document names, and that has no keys: nothing is signed well
 * enough, so what parses is ERR_TOO_FEW or ERR_WRONG_KEY. */
int fuzz_enrolment(const uint8_t *p, size_t n)
{
	static struct archive_desc desc;
	struct roster_node node;
	struct document d;
	struct err e = {0};
	int rc = document_parse(&d, p, n, &e);

	if (rc == 0) {
		(void)document_id(&d, "archive", desc.id);
		desc.threshold = 1;
		rc = roster_enrolment_parse(&node, &d, &desc, &e);
		fuzz_must(rc != 0);
	}
	document_free(&d);
	return rc;
}

int fuzz_enrolment_request(const uint8_t *p, size_t n)
{
	struct roster_node node;
	uint8_t archive[16];
	struct err e = {0};
	int rc = roster_request_parse(&node, archive, p, n, &e);

	fuzz_must(rc != 0 || (node.roles != 0 && node.name[0]));
	return rc;
}

int fuzz_transfer_release(const uint8_t *p, size_t n)
{
	static struct transfer_release r;
	struct wire_out again = {0};
	struct document d;
	struct err e = {0};
	int rc = document_parse(&d, p, n, &e);

	if (rc == 0)
		rc = transfer_release_parse(&r, &d, &e);
	if (rc == 0) {
		transfer_release_text(&again, &r);
		fuzz_must(is_text(&d, &again));
		transfer_release_free(&r);
	}
	document_free(&d);
	return rc;
}

int fuzz_transfer_receipt(const uint8_t *p, size_t n)
{
	static struct transfer_receipt r;
	struct wire_out again = {0};
	struct document d;
	struct err e = {0};
	int rc = document_parse(&d, p, n, &e);

	if (rc == 0)
		rc = transfer_receipt_parse(&r, &d, &e);
	if (rc == 0) {
		transfer_receipt_text(&again, &r);
		fuzz_must(is_text(&d, &again));
		transfer_receipt_free(&r);
	}
	document_free(&d);
	return rc;
}

int fuzz_restore(const uint8_t *p, size_t n)
{
	struct restore r = {0};
	struct wire_out again = {0};
	struct document d;
	struct err e = {0};
	int rc = document_parse(&d, p, n, &e);

	if (rc == 0)
		rc = restore_parse(&r, &d, &e);
	if (rc == 0) {
		restore_text(&again, &r);
		fuzz_must(is_text(&d, &again));
	}
	restore_free(&r);
	document_free(&d);
	return rc;
}
