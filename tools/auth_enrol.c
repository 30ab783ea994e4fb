// SPDX-License-Identifier: Apache-2.0
/* custody-authority enrol: answer a node's request to be enrolled. */
#include "tools/auth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/file.h"
#include "tools/ui_json.h"

#define REQUEST_MAX (1u << 20)

static const char help[] =
	"Usage: custody-authority enrol DIR REQUEST --sign-with KEY... -o OUT\n"
	"Enrol a node in one of this authority's archives. A reader is given the catalogue key, which\n"
	"opens names and provenance but no content. Compare the node id with what the node shows, by\n"
	"another way than REQUEST took, before an officer signs.\n"
	"\n"
	"  -k, --sign-with KEY    an officer's key, as for ssh-keygen -Y sign -f; may be given many\n"
	"                         times. The others may sign OUT later (custody-authority sign)\n"
	"  -o, --output FILE      where the enrolment goes ('-': standard output)\n"
	"      --json, -q, --force, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"Next: custody import ARCHIVE OUT, on the node.\n"
	"Exit codes: 0 done, 1 system, 2 usage, 3 key or passphrase, 4 forged request, 5 not a request,\n"
	"7 not an archive of this authority, or a signature is refused.\n";

struct enrol {
	struct ui *ui;
	const char *dir, *request, *output;
	struct verb_list keys;
	struct roster_node who;
	uint8_t archive[16], serial[16];
	unsigned have, need;
};

static int parse(struct enrol *en, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"sign-with", 1, NULL, 'k'},
					      {"output", 1, NULL, 'o'},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(en->ui, argc, argv, VERB_SHORT "k:o:", longs, help, &code)) >= 0) {
		if (c == 'o')
			en->output = optarg;
		else if (verb_add(&en->keys, optarg) < 0)
			return ui_fail(en->ui, ERR_NOMEM, NULL);
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(en->ui, argc, 2, 2, "DIR and REQUEST");
	if (code)
		return code;
	en->dir = argv[optind];
	en->request = argv[optind + 1];
	if (!en->output)
		return ui_usage(en->ui, "-o OUT is needed: where the enrolment goes");
	if (!en->keys.n)
		return ui_usage(en->ui, "--sign-with KEY is needed: who signs");
	if (en->ui->json && !strcmp(en->output, "-"))
		return ui_usage(en->ui, "--json and -o - both want standard output");
	return -1;
}

/* Told before anybody signs. */
static void print_who(const struct enrol *en)
{
	FILE *f = auth_out(en->output);
	char hex[33];

	if (en->ui->quiet || en->ui->json)
		return;
	text_hex(hex, en->archive, 16);
	auth_field(f, "archive", hex);
	text_hex(hex, en->who.pub.id, 16);
	auth_field(f, "node", hex);
	auth_field(f, "name", en->who.name);
	auth_field(f, "role", roster_roles_text(en->who.roles));
	if (en->who.replaces.origin[0]) {
		text_hex(hex, en->who.replaced, 16);
		auth_field(f, "in place of", hex);
		fprintf(f, "            a log of %" PRIu64 " event%s: is that all there is?\n",
			en->who.replaces.size, ui_s(en->who.replaces.size));
	}
	fflush(f);
}

static void print_result(const struct enrol *en)
{
	struct ui_json j = {0};
	char hex[33];

	if (en->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_id(&j, "enrolment", en->serial);
		ui_json_id(&j, "archive", en->archive);
		ui_json_id(&j, "node", en->who.pub.id);
		ui_json_text(&j, "name", en->who.name);
		ui_json_text(&j, "role", roster_roles_text(en->who.roles));
		if (en->who.replaces.origin[0])
			ui_json_id(&j, "replaces", en->who.replaced);
		ui_json_number(&j, "signatures", en->have);
		ui_json_number(&j, "threshold", en->need);
		ui_json_text(&j, "output", en->output);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	} else if (!en->ui->quiet) {
		text_hex(hex, en->serial, 16);
		auth_field(auth_out(en->output), "enrolment", hex);
	}
	if (en->who.replaces.origin[0] && !en->ui->json) {
		text_hex(hex, en->who.replaced, 16);
		ui_say(en->ui, "The node %s can still write its log: end that (revoke --node %s).",
		       hex, hex);
	}
	auth_tell_missing(en->ui, en->dir, en->output, en->have, en->need);
}

static int make(struct enrol *en, const struct wire_out *request, struct err *e)
{
	bool reader = en->who.roles & ROSTER_READER;
	struct archive_desc desc;
	struct document d = {0};
	struct auth au = {0};
	int rc;

	rc = ui_check_output(en->ui, en->output, e);
	if (rc == 0)
		rc = auth_open(&au, en->ui, en->dir, reader, AUTH_POOL, e);
	if (rc == 0)
		rc = authority_archive(au.a, en->archive, &desc, e);
	if (rc == 0)
		rc = authority_enrol(au.a, &d, request->p, request->n, &en->who, en->archive,
				     ui_now(), e);
	if (rc == 0) {
		memcpy(en->serial, en->who.serial, 16);
		en->need = desc.threshold;
		print_who(en);
		if (en->who.revoked)
			ui_notice(en->ui,
				  "Warning: this node was revoked here; with this enrolment "
				  "it may work again, under releases that are issued from "
				  "now on.");
		rc = auth_sign_with(&d, DOCUMENT_NS_ENROL, &en->keys, &desc, &en->have, e);
	}
	if (rc == 0)
		rc = authority_check_signers(au.a, &d, en->archive, en->serial, "enrolment", e);
	if (rc == 0 && en->have >= en->need)
		rc = authority_keep_enrolment(au.a, &d, e);
	if (rc == 0)
		rc = ui_write_file(en->output, d.bytes.p, d.bytes.n, e);
	document_free(&d);
	auth_close(&au);
	return rc;
}

static int run(struct enrol *en, struct err *e)
{
	struct wire_out request = {0};
	int rc = file_read_path(en->request, REQUEST_MAX, &request, e);

	if (rc == 0) {
		/* what it asks for decides whether secrets are needed */
		rc = roster_request_parse(&en->who, en->archive, request.p, request.n, e);
		if (rc < 0)
			err_prefix(e, rc, "%s", en->request);
	}
	if (rc == 0)
		rc = make(en, &request, e);
	wire_out_free(&request);
	return rc;
}

int auth_enrol(struct ui *ui, int argc, char **argv)
{
	struct enrol en = {.ui = ui};
	struct err e = {0};
	int code = parse(&en, argc, argv), rc;

	if (code < 0) {
		rc = run(&en, &e);
		if (rc == 0)
			print_result(&en);
		code = rc < 0 ? ui_fail(ui, rc, &e) : 0;
	}
	free(en.keys.p);
	return code;
}
