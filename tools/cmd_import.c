// SPDX-License-Identifier: Apache-2.0
/* custody import: admit what the authority signed. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/admit.h"
#include "fs/admit_cosigned.h"
#include "fs/cosigned.h"
#include "fs/restore.h"
#include "index/file.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

static const char help[] =
	"Usage: custody import ARCHIVE FILE...\n"
	"Admit documents that were signed: enrolments, authorisations, revocations, acceptances of a\n"
	"restore, the releases and receipts of transfers, the next archive.txt; and the checkpoints that a\n"
	"witness cosigned.\n"
	"Each is checked, and its admission is in the custody log before it takes effect; a refusal is\n"
	"logged too. A mount of this node takes note at once. FILE '-' is standard input.\n"
	"\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"With several files the rest is imported when one is refused; the exit code is the first\n"
	"one's that was.\n"
	"Exit codes: 0 admitted, 1 system or index, 2 usage, 3 key or passphrase, 4 forged or damaged,\n"
	"5 not ours, malformed or newer, 6 busy, 7 refused.\n";

static bool is_cosignature(const struct admit_result *r)
{
	return !strcmp(r->kind, "cosignature");
}

static void print_json(const char *file, const struct admit_result *r)
{
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_text(&j, "file", file);
	ui_json_text(&j, "kind", r->kind);
	if (is_cosignature(r)) {
		ui_json_id(&j, "node", r->node);
		ui_json_number(&j, "size", r->size);
		ui_json_time(&j, "cosigned", r->cosigned_ms);
	} else {
		ui_json_id(&j, "serial", r->serial);
	}
	ui_json_bool(&j, "already", r->already);
	if (!strcmp(r->kind, "authorisation")) {
		ui_json_number(&j, "items", r->items);
		ui_json_number(&j, "accessions", r->accessions);
		ui_json_time(&j, "not_before", r->not_before_ms);
		ui_json_time(&j, "not_after", r->not_after_ms);
	}
	if (!strcmp(r->kind, "transfer-receipt"))
		ui_json_bool(&j, "mismatch", r->mismatch);
	if (r->roles)
		ui_json_text(&j, "role", roster_roles_text(r->roles));
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void print_count(uint64_t n, const char *one, const char *many)
{
	if (n)
		printf(", %" PRIu64 " %s", n, n == 1 ? one : many);
}

static void print(const struct admit_result *r)
{
	char serial[33], from[TEXT_TIME_SIZE], until[TEXT_TIME_SIZE];

	text_hex(serial, is_cosignature(r) ? r->node : r->serial, 16);
	printf("%s %s%s %s", !strcmp(r->kind, "archive") ? "archive.txt" : r->kind,
	       is_cosignature(r)	   ? "of the log of node " :
	       !strcmp(r->kind, "archive") ? "of archive " :
					     "",
	       serial, r->already ? "was imported before" : "imported");
	if (is_cosignature(r)) {
		text_time_s(until, r->cosigned_ms / 1000);
		printf(", %" PRIu64 " event%s, %s", r->size, ui_s(r->size), until);
	}
	if (!strcmp(r->kind, "authorisation")) {
		text_time_s(from, r->not_before_ms / 1000);
		text_time_s(until, r->not_after_ms / 1000);
		print_count(r->items, "item", "items");
		print_count(r->accessions, "accession", "accessions");
		printf(", from %s until %s", from, until);
	}
	if (r->mismatch)
		printf(": NOT ALL ARRIVED AS RELEASED");
	if (r->roles)
		printf(", this node's role: %s", roster_roles_text(r->roles));
	putchar('\n');
}

static int import_one(struct ui *ui, struct station *s, const char *file, struct text_span bytes,
		      struct admit_result *r, struct err *e)
{
	char user[EVENT_STR_MAX];
	int rc;

	ui_user(user, sizeof(user));
	rc = admit_document(s, bytes.p, bytes.n, getuid(), user, r, e);
	if (rc < 0)
		return rc;
	if (ui->json)
		print_json(file, r);
	else if (!ui->quiet)
		print(r);
	return 0;
}

/* Cosigned checkpoints come many in a file. One that is refused is no reason to leave out others. */
static int import_notes(struct ui *ui, struct station *s, const char *file, struct text_span bytes,
			struct err *e)
{
	struct text_span note, text = bytes;
	struct admit_result r;
	int first = 0;

	while (text.n)
		if (!cosigned_next(&text, &note))
			return err_set(e, ERR_MALFORMED, "it is not a row of signed checkpoints");
	for (text = bytes; text.n;) {
		struct err why = {0};
		int rc;

		cosigned_next(&text, &note);
		rc = import_one(ui, s, file, note, &r, &why);
		if (rc < 0 && first < 0)
			ui_fail(ui, rc, &why);
		else if (rc < 0)
			*e = why;
		first = first ? first : rc;
	}
	return first;
}

/* *enrolled: it was this node's enrolment. */
static int import_file(struct ui *ui, struct station *s, const char *file, bool *enrolled,
		       struct err *e)
{
	struct wire_out bytes = {0};
	struct admit_result r = {0};
	struct text_span text;
	int rc = file_read_path(file, DOCUMENT_MAX, &bytes, e);

	text = (struct text_span){(const char *)bytes.p, bytes.n};
	if (rc == 0 && text.n > strlen(ADMIT_COSIGNED_START) &&
	    !memcmp(text.p, ADMIT_COSIGNED_START, strlen(ADMIT_COSIGNED_START)))
		rc = import_notes(ui, s, file, text, e);
	else if (rc == 0)
		rc = import_one(ui, s, file, text, &r, e);
	wire_out_free(&bytes);
	*enrolled = rc == 0 && r.roles && !r.already;
	if (rc < 0)
		return strstr(e->text, file) ? rc : err_prefix(e, rc, "%s", file);
	return 0;
}

/* ---- an accepted restore ---- */

static void print_restore(const struct ui *ui, const char *file, const struct restore *r)
{
	struct ui_json j = {0};
	char hex[33];

	if (ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "file", file);
		ui_json_text(&j, "kind", "restore");
		ui_json_id(&j, "serial", r->serial);
		ui_json_number(&j, "logs", r->logs);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	} else if (!ui->quiet) {
		text_hex(hex, r->serial, 16);
		printf("restore %s imported: %zu log%s go on from what is here\n", hex, r->logs,
		       ui_s(r->logs));
	}
}

/* The archive contradicts what the node saw, so that nothing else can be done with it yet. */
static int import_restore(struct ui *ui, const char *archive, const char *file,
			  const struct document *d, struct err *e)
{
	struct restore r = {.logs = 0};
	struct station *s = NULL;
	char user[EVENT_STR_MAX];
	int rc = cmd_open(&s, ui, archive, STATION_LOOK_BACK, e);

	ui_user(user, sizeof(user));
	if (rc == 0) {
		rc = restore_accept(s, d, getuid(), user, &r, e);
		if (rc < 0)
			err_prefix(e, rc, "%s", file);
	}
	rc = cmd_close(s, rc, e);
	if (rc == 0)
		print_restore(ui, file, &r);
	restore_free(&r);
	return rc;
}

/* ---- all files ---- */

struct import {
	struct ui *ui;
	const char *archive;
	struct station *s; /* open, or NULL */
};

static int open_station(struct import *im, struct err *e)
{
	return im->s ? 0 : cmd_open(&im->s, im->ui, im->archive, STATION_UNENROLLED, e);
}

static int close_station(struct import *im, int rc, struct err *e)
{
	rc = cmd_close(im->s, rc, e);
	im->s = NULL;
	return rc;
}

/* A document of this title, read from a regular file: a pipe can be read but once. */
static bool is_restore(const char *file, struct document *d)
{
	struct wire_out bytes = {0};
	struct stat st;
	bool yes = stat(file, &st) == 0 && S_ISREG(st.st_mode) &&
		   file_read_path(file, DOCUMENT_MAX, &bytes, NULL) == 0 &&
		   document_parse(d, bytes.p, bytes.n, NULL) == 0;

	wire_out_free(&bytes);
	if (yes && text_is(document_title(d), RESTORE_TITLE))
		return true;
	if (yes)
		document_free(d);
	return false;
}

static int import_named(struct import *im, const char *file, bool *reopen, struct err *e)
{
	struct document d = {0};
	int rc;

	if (!is_restore(file, &d)) {
		rc = open_station(im, e);
		return rc ? rc : import_file(im->ui, im->s, file, reopen, e);
	}
	rc = close_station(im, 0, e);
	if (rc == 0)
		rc = import_restore(im->ui, im->archive, file, &d, e);
	document_free(&d);
	return rc;
}

static int import_all(struct ui *ui, const char *archive, int n, char **files)
{
	struct import im = {.ui = ui, .archive = archive};
	struct err e = {0};
	int code = 0, rc = 0;

	for (int i = 0; i < n; i++) {
		struct err why = {0};
		bool reopen = false;
		int one = import_named(&im, files[i], &reopen, &why);

		if (one < 0)
			one = ui_fail(ui, one, &why);
		code = code ? code : one;
		/* what follows is for a node with other powers */
		if (reopen)
			rc = close_station(&im, rc, &e);
		if (one && !im.s)
			break; /* nor will the next one find a node at work */
	}
	rc = close_station(&im, rc, &e);
	if (rc < 0)
		rc = ui_fail(ui, rc, &e);
	return code ? code : rc;
}

int cmd_import(struct ui *ui, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS, {NULL, 0, NULL, 0}};
	int c, code;

	c = verb_option(ui, argc, argv, VERB_SHORT, longs, help, &code);
	if (c == VERB_STOP)
		return code;
	code = verb_operands(ui, argc, 2, argc, "ARCHIVE and FILE...");
	if (code)
		return code;
	return import_all(ui, argv[optind], argc - optind - 1, argv + optind + 1);
}
