// SPDX-License-Identifier: Apache-2.0
/* custody transfer release: what is handed over, for the archive's officers to sign. */
#include "tools/cmd_transfer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ui_json.h"

static int set_keys(struct transfer_release *r, const struct cmd_transfer *t, struct err *e)
{
	struct sshkey key[ARCHIVE_KEYS_MAX];
	size_t keys = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->key_files.n; i++)
		rc = ui_keys_read(key, &keys, t->key_files.p[i], e);
	if (rc)
		return rc;
	if (keys == 0)
		return err_set(e, ERR_USAGE,
			       "--to-key is needed: whose signature on the receipt counts");
	if (t->threshold > keys)
		return err_set(e, ERR_USAGE, "--to-threshold: there are %zu keys", keys);
	for (size_t i = 0; i < keys; i++) {
		r->key[i] = key[i];
		r->key[i].comment[0] = '\0';
	}
	r->keys = keys;
	r->threshold = (unsigned)(t->threshold ? t->threshold : keys);
	return 0;
}

static int set_terms(struct transfer_release *r, const struct cmd_transfer *t, struct err *e)
{
	int rc = cmd_transfer_text(r->from, "--from", t->from, e);

	if (rc == 0)
		rc = cmd_transfer_text(r->from_person, "--from-person", t->from_person, e);
	if (rc == 0)
		rc = cmd_transfer_text(r->to, "--to", t->to, e);
	if (rc == 0)
		rc = cmd_transfer_text(r->to_person, "--to-person", t->to_person, e);
	if (rc == 0)
		rc = set_keys(r, t, e);
	if (rc == 0)
		rc = cmd_transfer_text(r->medium, "--medium", t->medium, e);
	if (rc == 0)
		rc = cmd_transfer_text(r->medium_serial, "--medium-serial", t->medium_serial, e);
	if (rc == 0)
		rc = cmd_transfer_text(r->encryption, "--encryption", t->encryption, e);
	if (rc == 0)
		rc = cmd_transfer_text(r->purpose, "--purpose", t->purpose, e);
	if (rc == 0 && t->legal_basis)
		rc = cmd_transfer_text(r->legal_basis, "--legal-basis", t->legal_basis, e);
	if (rc == 0 && (t->person || t->remark))
		rc = err_set(e, ERR_USAGE, "--person and --remark are for receive");
	return rc;
}

static int make(struct transfer_release *r, const struct cmd_transfer *t, const uint8_t (*id)[16],
		struct err *e)
{
	struct station *s = NULL;
	int rc = cmd_open(&s, t->ui, t->archive, 0, e);

	if (rc == 0)
		rc = station_now(s, &r->issued_ms, e);
	if (rc == 0) {
		memcpy(r->archive, s->archive->desc.id, 16);
		secret_random(r->serial, 16);
		rc = transfer_make_release(r, s, id, (size_t)t->operands, ui_progress, t->ui, e);
	}
	ui_progress_end(t->ui);
	return cmd_close(s, rc, e);
}

static int write_out(const struct transfer_release *r, const struct cmd_transfer *t, struct err *e)
{
	struct transfer_release again;
	struct wire_out text = {0};
	struct document d;
	int rc;

	transfer_release_text(&text, r);
	rc = document_make(&d, &text, NULL, 0, e);
	if (rc == 0) {
		/* What is signed later must be what others take. */
		rc = transfer_release_parse(&again, &d, e);
		transfer_release_free(&again);
		if (rc == 0)
			rc = ui_write_file(t->output, d.bytes.p, d.bytes.n, e);
		document_free(&d);
	}
	wire_out_free(&text);
	return rc;
}

static void print(const struct transfer_release *r, const struct cmd_transfer *t)
{
	struct ui_json j = {0};
	uint64_t bytes = 0;
	char serial[33], size[16];

	for (size_t i = 0; i < r->segments; i++)
		bytes += r->segment[i].bytes;
	text_hex(serial, r->serial, 16);
	ui_bytes(size, bytes);
	if (t->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "release", serial);
		ui_json_number(&j, "accessions", r->accessions);
		ui_json_number(&j, "segments", r->segments);
		ui_json_number(&j, "bytes", bytes);
		ui_json_text(&j, "output", t->output);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	} else if (!t->ui->quiet) {
		fprintf(strcmp(t->output, "-") ? stdout : stderr,
			"release %s: %zu accession%s, %zu segment%s, %s\n", serial, r->accessions,
			ui_s(r->accessions), r->segments, ui_s(r->segments), size);
	}
	ui_say(t->ui,
	       "Next: the archive's officers sign it (custody-authority sign %s --sign-with KEY), it "
	       "is imported here, and sent with a copy of the archive.",
	       t->output);
}

int cmd_transfer_release(struct cmd_transfer *t)
{
	struct transfer_release r = {.issued_ms = 0};
	uint8_t(*id)[16] = calloc((size_t)t->operands + 1, sizeof(*id));
	struct err e = {0};
	int code = id ? 0 : ui_fail(t->ui, ERR_NOMEM, NULL), rc;

	for (int i = 0; code == 0 && i < t->operands; i++)
		code = verb_id(t->ui, "ACCESSION", t->operand[i], id[i]);
	if (code == 0) {
		rc = set_terms(&r, t, &e);
		if (rc == 0)
			rc = ui_check_output(t->ui, t->output, &e);
		if (rc == 0)
			rc = make(&r, t, (const uint8_t(*)[16])id, &e);
		if (rc == 0)
			rc = write_out(&r, t, &e);
		if (rc == 0)
			print(&r, t);
		else
			code = ui_fail(t->ui, rc, &e);
	}
	transfer_release_free(&r);
	free(id);
	return code;
}
