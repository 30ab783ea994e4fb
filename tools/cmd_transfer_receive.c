// SPDX-License-Identifier: Apache-2.0
/* custody transfer receive: what has arrived of a release, for the receiving officers to sign. */
#include "tools/cmd_transfer.h"

#include <stdlib.h>
#include <string.h>

#include "fs/transfer_admit.h"
#include "index/file.h"
#include "tools/ui_json.h"

struct receive {
	struct cmd_transfer *t;
	uint8_t serial[16]; /* of the release */
	struct transfer_release rel;
	struct transfer_receipt rec;
	struct verb_list differs; /* owned sentences */
};

/* A serial, or the release's file: what counts is the one that was imported. */
static int find_serial(struct receive *r, const char *name, struct err *e)
{
	struct wire_out bytes = {0};
	struct document d;
	int rc;

	if (text_unhex((struct text_span){name, strlen(name)}, r->serial, 16))
		return 0;
	rc = file_read_path(name, DOCUMENT_MAX, &bytes, e);
	if (rc == 0) {
		rc = document_parse(&d, bytes.p, bytes.n, e);
		if (rc == 0 && (!text_is(document_title(&d), "custodyfs-" TRANSFER_RELEASE "/v1") ||
				!document_id(&d, "serial", r->serial)))
			rc = err_set(e, ERR_FOREIGN, "it is not the release of a transfer");
		document_free(&d); /* empty if it did not parse */
		if (rc)
			err_prefix(e, rc, "%s", name);
	}
	wire_out_free(&bytes);
	return rc;
}

static int set_terms(struct receive *r, struct err *e)
{
	const struct cmd_transfer *t = r->t;
	int rc = 0;

	if (t->operands != 1)
		rc = err_set(e, ERR_USAGE, "one RELEASE is needed: its file, or its serial");
	if (rc == 0)
		rc = cmd_transfer_text(r->rec.person, "--person", t->person, e);
	if (rc == 0)
		rc = cmd_transfer_text(r->rec.medium_serial, "--medium-serial", t->medium_serial,
				       e);
	if (rc == 0 && t->remark)
		rc = cmd_transfer_text(r->rec.remark, "--remark", t->remark, e);
	if (rc == 0 && (t->from || t->from_person || t->to || t->to_person || t->key_files.n ||
			t->threshold || t->medium || t->encryption || t->purpose || t->legal_basis))
		rc = err_set(e, ERR_USAGE,
			     "receive takes --person, --medium-serial and --remark: "
			     "the rest stands in the release");
	return rc;
}

static void note(void *ctx, const char *sentence)
{
	struct receive *r = ctx;
	char *copy = strdup(sentence);

	if (!copy || verb_add(&r->differs, copy) < 0)
		free(copy);
}

static int make(struct receive *r, struct err *e)
{
	struct transfer_receipt *rec = &r->rec;
	struct station *s = NULL;
	int rc = cmd_open(&s, r->t->ui, r->t->archive, 0, e);

	if (rc == 0)
		rc = transfer_admitted(&r->rel, rec->release_digest, s, r->serial, e);
	if (rc == 0)
		rc = station_now(s, &rec->issued_ms, e);
	if (rc == 0) {
		memcpy(rec->archive, s->archive->desc.id, 16);
		memcpy(rec->release, r->serial, 16);
		memcpy(rec->node, node_identity(s->node)->pub.id, 16);
		memcpy(rec->organisation, r->rel.to, sizeof(rec->organisation));
		secret_random(rec->serial, 16);
		rc = transfer_make_receipt(rec, &r->rel, s, ui_progress, r->t->ui, e);
	}
	ui_progress_end(r->t->ui);
	if (rc == 0)
		rec->match = transfer_compare(&r->rel, rec, note, r);
	return cmd_close(s, rc, e);
}

static int write_out(const struct receive *r, struct err *e)
{
	struct wire_out text = {0};
	struct document d;
	int rc;

	transfer_receipt_text(&text, &r->rec);
	rc = document_make(&d, &text, NULL, 0, e);
	if (rc == 0) {
		/* The same as whoever imports it will ask. */
		rc = transfer_receipt_fits(&r->rel, r->rec.release_digest, &r->rec, e);
		if (rc == 0)
			rc = ui_write_file(r->t->output, d.bytes.p, d.bytes.n, e);
		document_free(&d);
	}
	wire_out_free(&text);
	return rc;
}

static void print_json(const struct receive *r)
{
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_id(&j, "receipt", r->rec.serial);
	ui_json_id(&j, "release", r->serial);
	ui_json_bool(&j, "match", r->rec.match);
	ui_json_number(&j, "segments", r->rec.segments);
	ui_json_begin(&j, "differs", '[');
	for (size_t i = 0; i < r->differs.n; i++)
		ui_json_text(&j, NULL, r->differs.p[i]);
	ui_json_end(&j, ']');
	ui_json_text(&j, "output", r->t->output);
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void print(const struct receive *r)
{
	FILE *f = strcmp(r->t->output, "-") ? stdout : stderr;
	char serial[33];

	if (r->t->ui->json) {
		print_json(r);
	} else {
		text_hex(serial, r->rec.serial, 16);
		for (size_t i = 0; i < r->differs.n; i++)
			fprintf(f, "mismatch: %s\n", r->differs.p[i]);
		if (!r->t->ui->quiet)
			fprintf(f, "receipt %s: %zu segment%s, %s\n", serial, r->rec.segments,
				ui_s(r->rec.segments),
				r->rec.match ? "all as released" : "not all as released");
	}
	ui_say(r->t->ui,
	       "Next: the officers whom the release names sign it (custody-authority sign %s "
	       "--sign-with KEY), and it is imported here and where it was released.",
	       r->t->output);
}

int cmd_transfer_receive(struct cmd_transfer *t)
{
	struct receive *r = calloc(1, sizeof(*r));
	struct err e = {0};
	int rc = r ? 0 : err_set(&e, ERR_NOMEM, "out of memory"), code = 0;

	if (!r)
		return ui_fail(t->ui, rc, &e);
	r->t = t;
	rc = set_terms(r, &e);
	if (rc == 0)
		rc = find_serial(r, t->operand[0], &e);
	if (rc == 0)
		rc = ui_check_output(t->ui, t->output, &e);
	if (rc == 0)
		rc = make(r, &e);
	if (rc == 0)
		rc = write_out(r, &e);
	if (rc == 0) {
		print(r);
		code = r->rec.match ? 0 : err_exit(ERR_DAMAGED);
	} else {
		code = ui_fail(t->ui, rc, &e);
	}
	for (size_t i = 0; i < r->differs.n; i++)
		free((char *)r->differs.p[i]);
	free(r->differs.p);
	transfer_release_free(&r->rel);
	transfer_receipt_free(&r->rec);
	free(r);
	return code;
}
