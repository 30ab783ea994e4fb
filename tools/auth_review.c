// SPDX-License-Identifier: Apache-2.0
/* custody-authority review: what is asked for, after all proofs were checked. */
#include "tools/auth.h"

#include <inttypes.h>
#include <string.h>

#include "tools/ui_json.h"

static const char help[] =
	"Usage: custody-authority review [DIR] REQUEST\n"
	"Check a request for release: the node's signature, and the proof of each item that it is in\n"
	"the log as it is shown here. Then show who asks, why, and for what: names, sizes, times and\n"
	"plates, which the authority's catalogue key opens; of whole accessions, who took them in,\n"
	"when, and how much that is in all. DIR is the authority's directory (default:\n"
	"the current one). REQUEST '-' is standard input.\n"
	"\n"
	"      --json             one object: all items with all their provenance\n"
	"  -q                     check only\n"
	"      --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"Exit codes: 0 all proofs are good, 1 system, 2 usage, 3 key or passphrase, 4 forged, damaged,\n"
	"or the archive was rolled back, 5 not a request, 7 the node is not enrolled here.\n";

/* Where provenance has the time and the plate, best first. */
static const char *const time_keys[] = {"captured_at", "captured_local", "manifest.time",
					"manifest.timestamp", NULL};
static const char *const plate_keys[] = {"plate_text",
					 "manifest.plate",
					 "meta.plate",
					 "manifest.licence_plate",
					 "manifest.license_plate",
					 NULL};

static struct text_span first_of(const struct record *r, const char *const *keys)
{
	struct text_span v;

	for (; *keys; keys++) {
		if (record_get(r, *keys, &v))
			return v;
	}
	return (struct text_span){"-", 1};
}

/* Padded on the right by what it takes on the screen, roughly. */
static void put_column(struct text_span v, size_t width)
{
	ui_put_name(v.p, v.n);
	for (size_t n = v.n; n < width; n++)
		putchar(' ');
	putchar(' ');
}

static void put_path(const struct record *r)
{
	struct text_span v;

	if (record_get(r, "collection", &v)) {
		ui_put_name(v.p, v.n);
		putchar('/');
	}
	if (record_get(r, "path", &v))
		ui_put_name(v.p, v.n);
}

static int print_item(const struct request_item *it, struct err *e)
{
	struct record *r = NULL;
	char bytes[16];

	if (record_decode(&r, it->record.p, it->record.n) < 0)
		return err_set(e, ERR_MALFORMED, "the provenance of an item does not parse");
	ui_bytes(bytes, it->frame.size);
	printf("%8s  ", bytes);
	put_column(first_of(r, time_keys), 24);
	put_column(first_of(r, plate_keys), 10);
	put_path(r);
	putchar('\n');
	record_free(r);
	return 0;
}

/* The items that are asked for singly, or (a not NULL) those that a whole accession brings. */
static int print_items(const struct request *r, const struct request_accession *a, struct err *e)
{
	char hex[33];
	size_t n = 0;
	int rc = 0;

	if (a)
		text_hex(hex, a->id, 16);
	for (size_t i = 0; rc == 0 && i < r->items; i++) {
		if (request_item_whole(r, &r->item[i]) != a)
			continue;
		if (n++ == 0 && a)
			printf("\nitems of accession %s:\n", hex);
		else if (n == 1)
			putchar('\n');
		if (n == 1)
			printf("%8s  %-24s %-10s %s\n", "SIZE", "TIME", "PLATE", "ITEM");
		rc = print_item(&r->item[i], e);
	}
	return rc;
}

static int print(const struct auth_ask *ask, struct err *e)
{
	const struct request *r = &ask->r;
	int rc;

	auth_ask_print(stdout, ask);
	rc = print_items(r, NULL, e);
	for (size_t i = 0; rc == 0 && i < r->accessions; i++)
		rc = print_items(r, request_whole(r, r->accession[i]), e);
	if (rc == 0)
		printf("\nAll signatures and proofs are good.\n");
	return rc;
}

static int json_item(struct ui_json *j, const struct request_item *it, struct err *e)
{
	struct record *r = NULL;
	struct text_span v;
	const char *key;

	if (record_decode(&r, it->record.p, it->record.n) < 0)
		return err_set(e, ERR_MALFORMED, "the provenance of an item does not parse");
	ui_json_begin(j, NULL, '{');
	ui_json_id(j, "item", it->id.id);
	ui_json_hex(j, "commitment", it->id.commitment, 32);
	ui_json_id(j, "accession", it->accession);
	ui_json_id(j, "node", it->node);
	ui_json_time(j, "ingested", it->ingest_ms);
	ui_json_number(j, "size", it->frame.size);
	ui_json_hex(j, "sha256", it->plain_sha256, 32);
	ui_json_begin(j, "provenance", '{');
	for (size_t i = 0; i < record_count(r); i++) {
		record_at(r, i, &key, &v);
		ui_json_bytes(j, key, v.p, v.n);
	}
	ui_json_end(j, '}');
	ui_json_end(j, '}');
	record_free(r);
	return 0;
}

static void json_accession(struct ui_json *j, const struct request_accession *a,
			   const struct roster_node *from)
{
	ui_json_begin(j, NULL, '{');
	ui_json_id(j, "accession", a->id);
	ui_json_id(j, "node", a->node);
	ui_json_text(j, "name", from->name);
	ui_json_text(j, "user", a->user);
	ui_json_text(j, "host", a->host);
	ui_json_time(j, "opened", a->opened_ms);
	ui_json_time(j, "closed", a->closed_ms);
	ui_json_number(j, "items", a->items);
	ui_json_number(j, "bytes", a->bytes);
	ui_json_number(j, "listed", a->listed);
	ui_json_end(j, '}');
}

static void json_head(struct ui_json *j, const struct auth_ask *ask)
{
	const struct request *r = &ask->r;
	uint64_t items, bytes;

	ui_json_id(j, "request", r->serial);
	ui_json_id(j, "archive", r->archive);
	ui_json_id(j, "node", r->node);
	ui_json_text(j, "name", ask->node.name);
	ui_json_text(j, "requested_by", r->requested_by);
	ui_json_time(j, "issued", r->issued_ms);
	ui_json_text(j, "case", r->case_no);
	ui_json_text(j, "purpose", r->purpose);
	if (r->legal_basis[0])
		ui_json_text(j, "legal_basis", r->legal_basis);
	request_total(r, &items, &bytes);
	ui_json_number(j, "total", items);
	ui_json_number(j, "bytes", bytes);
	ui_json_begin(j, "accessions", '[');
	for (size_t i = 0; i < r->accessions; i++)
		json_accession(j, request_whole(r, r->accession[i]), &ask->from[i]);
	ui_json_end(j, ']');
	ui_json_begin(j, "checkpoints", '[');
	for (size_t i = 0; i < r->checkpoints; i++) {
		ui_json_begin(j, NULL, '{');
		ui_json_text(j, "origin", r->checkpoint[i].origin);
		ui_json_number(j, "size", r->checkpoint[i].size);
		ui_json_hex(j, "root", r->checkpoint[i].root, 32);
		ui_json_end(j, '}');
	}
	ui_json_end(j, ']');
}

static int print_json(const struct auth_ask *ask, struct err *e)
{
	struct ui_json j = {0};
	int rc = 0;

	ui_json_begin(&j, NULL, '{');
	json_head(&j, ask);
	ui_json_begin(&j, "items", '[');
	for (size_t i = 0; rc == 0 && i < ask->r.items; i++)
		rc = json_item(&j, &ask->r.item[i], e);
	ui_json_end(&j, ']');
	ui_json_end(&j, '}');
	ui_json_line(&j);
	return rc;
}

int auth_review(struct ui *ui, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS, {NULL, 0, NULL, 0}};
	struct auth_ask ask = {0};
	struct auth au = {0};
	struct err e = {0};
	int c, code, rc;

	c = verb_option(ui, argc, argv, VERB_SHORT, longs, help, &code);
	if (c == VERB_STOP)
		return code;
	code = verb_operands(ui, argc, 1, 2, "REQUEST, and DIR before it or not");
	if (code)
		return code;
	rc = auth_ask_open(&ask, &au, ui, argc - optind == 2 ? argv[optind] : ".", argv[argc - 1],
			   false, &e);
	if (rc == 0 && ui->json)
		rc = print_json(&ask, &e);
	else if (rc == 0 && !ui->quiet)
		rc = print(&ask, &e);
	auth_ask_free(&ask);
	auth_close(&au);
	return rc < 0 ? ui_fail(ui, rc, &e) : 0;
}
