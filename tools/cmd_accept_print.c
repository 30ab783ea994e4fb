// SPDX-License-Identifier: Apache-2.0
/* What is told of a package: what it is, whose it is, findings, verdict. */
#include "tools/cmd_accept.h"

#include <inttypes.h>
#include <string.h>

#include "tools/ui_json.h"

static const char *word(int verdict)
{
	return verdict == 0	      ? "good" :
	       err_exit(verdict) == 4 ? "bad" :
	       err_exit(verdict) == 7 ? "refused" :
					"not checked";
}

static void put(const char *what, const char *text)
{
	printf("%-14s ", what);
	ui_put_name(text, strlen(text));
	putchar('\n');
}

static void put_id(const char *what, const uint8_t *p, size_t n)
{
	char hex[65];

	text_hex(hex, p, n);
	printf("%-14s %s\n", what, hex);
}

static void put_time(const char *what, int64_t ms)
{
	char time[TEXT_TIME_SIZE];

	text_time_s(time, ms / 1000);
	put(what, time);
}

static void print_sheet(const struct accept *a)
{
	const struct export_sheet *s = &a->sheet;
	char bytes[16];

	ui_bytes(bytes, s->bytes);
	put_id("export", s->export, 16);
	printf("%-14s %zu item%s, %s, left as %s, came as %s\n", "", s->items, ui_s(s->items),
	       bytes, s->form, parcel_form_name(a->form));
	put_time("time", s->time_ms);
	put("by", s->user);
	put_id("node", s->node, 16);
	for (size_t i = 0; i < s->recipients; i++)
		put(i ? "" : "sealed to", s->recipient[i]);
	put_id("archive", s->archive, 16);
}

static void print_archive(const struct cmd_accept *c)
{
	const struct archive_desc *d = &c->a->desc;
	char print[SSHKEY_FINGERPRINT_SIZE];

	for (size_t i = 0; i < d->keys; i++) {
		sshkey_fingerprint(print, &d->key[i]);
		printf("%-14s %s ", i ? "" : "keys", print);
		ui_put_name(d->key[i].comment, strlen(d->key[i].comment));
		putchar('\n');
	}
	printf("%-14s %u of %zu sign%s\n", "", d->threshold, d->keys,
	       c->expected ? "; compared with those that were given" : "");
}

static void print_grant(const struct authorisation *t)
{
	put_id("authorisation", t->serial, 16);
	put("case", t->case_no);
	put("purpose", t->purpose);
	put("asked by", t->requested_by);
	for (size_t i = 0; i < t->exports; i++)
		put(i ? "" : "may go to", t->export_to[i]);
}

static void print_findings(const struct accept *a)
{
	for (size_t i = 0; i < a->findings; i++)
		put(err_exit(a->finding[i].code) == 4 ? "BAD" :
		    err_exit(a->finding[i].code) == 7 ? "REFUSED" :
							"not checked",
		    a->finding[i].text);
	if (a->damaged + a->refused + a->unchecked > a->findings)
		printf("%-14s %" PRIu64 " more\n", "",
		       a->damaged + a->refused + a->unchecked - a->findings);
}

void cmd_accept_print(const struct cmd_accept *c, bool quiet)
{
	const struct accept *a = c->a;
	char hex[33];

	if (!quiet && a->parsed)
		print_sheet(a);
	if (!quiet && a->described)
		print_archive(c);
	if (!quiet && a->granted)
		print_grant(&a->terms);
	print_findings(a);
	printf("%-14s %s", "verdict", word(c->verdict));
	if (c->verdict == 0)
		printf(": whole, as it left the archive, and let go to there; %zu receipt%s hold%s",
		       a->receipts, ui_s(a->receipts), a->receipts == 1 ? "s" : "");
	putchar('\n');
	if (c->taken && !quiet) {
		text_hex(hex, c->taken->accession, 16);
		printf("took in %" PRIu64 " item%s, accession %s\n", c->taken->items,
		       ui_s(c->taken->items), hex);
	}
}

/* ---- JSON ---- */

static void json_sheet(struct ui_json *j, const struct accept *a)
{
	const struct export_sheet *s = &a->sheet;

	ui_json_id(j, "export", s->export);
	ui_json_id(j, "archive", s->archive);
	ui_json_id(j, "node", s->node);
	ui_json_id(j, "authorisation", s->authorisation);
	ui_json_time(j, "time", s->time_ms);
	ui_json_text(j, "by", s->user);
	ui_json_text(j, "form", s->form);
	ui_json_begin(j, "recipients", '[');
	for (size_t i = 0; i < s->recipients; i++)
		ui_json_text(j, NULL, s->recipient[i]);
	ui_json_end(j, ']');
	ui_json_number(j, "items", s->items);
	ui_json_number(j, "bytes", s->bytes);
}

static void json_archive(struct ui_json *j, const struct cmd_accept *c)
{
	char print[SSHKEY_FINGERPRINT_SIZE];

	ui_json_begin(j, "keys", '[');
	for (size_t i = 0; i < c->a->desc.keys; i++) {
		sshkey_fingerprint(print, &c->a->desc.key[i]);
		ui_json_text(j, NULL, print);
	}
	ui_json_end(j, ']');
	ui_json_bool(j, "keys_compared", c->expected);
}

static void json_grant(struct ui_json *j, const struct authorisation *t)
{
	ui_json_text(j, "case", t->case_no);
	ui_json_text(j, "purpose", t->purpose);
	ui_json_text(j, "requested_by", t->requested_by);
}

static void json_findings(struct ui_json *j, const struct accept *a)
{
	ui_json_begin(j, "findings", '[');
	for (size_t i = 0; i < a->findings; i++) {
		ui_json_begin(j, NULL, '{');
		ui_json_text(j, "reason", err_word(a->finding[i].code));
		ui_json_number(j, "exit", (uint64_t)err_exit(a->finding[i].code));
		ui_json_text(j, "text", a->finding[i].text);
		ui_json_end(j, '}');
	}
	ui_json_end(j, ']');
	ui_json_number(j, "damaged", a->damaged);
	ui_json_number(j, "refused", a->refused);
	ui_json_number(j, "unchecked", a->unchecked);
}

void cmd_accept_json(const struct cmd_accept *c)
{
	const struct accept *a = c->a;
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_text(&j, "verdict", word(c->verdict));
	ui_json_text(&j, "came_as", parcel_form_name(a->form));
	if (a->parsed)
		json_sheet(&j, a);
	if (a->described)
		json_archive(&j, c);
	if (a->granted)
		json_grant(&j, &a->terms);
	ui_json_number(&j, "receipts", a->receipts);
	json_findings(&j, a);
	if (c->taken) {
		ui_json_id(&j, "accession", c->taken->accession);
		ui_json_text(&j, "collection", c->collection);
		ui_json_number(&j, "taken_in", c->taken->items);
	}
	ui_json_end(&j, '}');
	ui_json_line(&j);
}
