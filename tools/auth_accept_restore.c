// SPDX-License-Identifier: Apache-2.0
/* custody-authority accept-restore: a restore from a backup, told apart from an attack. */
#include "tools/auth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/file.h"
#include "tools/ui_json.h"

static const char help[] =
	"Usage: custody-authority accept-restore DIR EVIDENCE --reason TEXT --sign-with KEY... -o OUT\n"
	"Let a node go on from an archive whose logs are less than, or other than, what the node had\n"
	"seen: because it was restored from a backup. EVIDENCE is what 'custody checkpoint ARCHIVE\n"
	"--evidence' wrote on that node; it is checked and shown first. What it shows as a fork was\n"
	"signed twice by the node of that log, which a restore explains only if that node wrote on after\n"
	"it. OUT is good for that node, once, and for just these logs; what was authorised for the node\n"
	"before is over with it.\n"
	"\n"
	"      --reason TEXT      why, for the record\n"
	"  -k, --sign-with KEY    an officer's key, as for ssh-keygen -Y sign -f; may be given many\n"
	"                         times. The others may sign OUT later (custody-authority sign)\n"
	"  -o, --output FILE      where the acceptance goes ('-': standard output)\n"
	"  -n, --dry-run          check and show the evidence, print the text that would be signed, stop\n"
	"      --json, -q, --force\n"
	"\n"
	"Next: put the revocations of DIR's issued/ into documents/ of the restored archive, then custody\n"
	"import ARCHIVE OUT on the node.\n"
	"Exit codes: 0 done, 1 system, 2 usage, 3 key, 4 evidence that does not hold, 5 no evidence,\n"
	"7 not a node or archive of this authority, or a signature is refused.\n";

struct accept {
	struct ui *ui;
	const char *dir, *file, *output, *reason;
	bool dry_run;
	struct verb_list keys;
	struct evidence v;
	uint8_t serial[16];
	unsigned have, need;
};

static int check(const struct accept *a)
{
	if (!a->reason)
		return ui_usage(a->ui, "--reason TEXT is needed");
	if (!text_valid(a->reason, strlen(a->reason)) || strchr(a->reason, '\n') || !*a->reason ||
	    strlen(a->reason) >= AUTHORISATION_TEXT_MAX)
		return ui_usage(a->ui, "--reason: must be one line of text, at most %d bytes",
				AUTHORISATION_TEXT_MAX - 1);
	if (!a->dry_run && !a->output)
		return ui_usage(a->ui, "-o OUT is needed: where the acceptance goes");
	if (!a->dry_run && !a->keys.n)
		return ui_usage(a->ui, "--sign-with KEY is needed: who signs");
	if (a->ui->json && a->output && !strcmp(a->output, "-"))
		return ui_usage(a->ui, "--json and -o - both want standard output");
	return -1;
}

static int parse(struct accept *a, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"reason", 1, NULL, 'r'},
					      {"sign-with", 1, NULL, 'k'},
					      {"output", 1, NULL, 'o'},
					      {"dry-run", 0, NULL, 'n'},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(a->ui, argc, argv, VERB_SHORT "k:o:n", longs, help, &code)) >= 0) {
		if (c == 'r')
			a->reason = optarg;
		else if (c == 'o')
			a->output = optarg;
		else if (c == 'n')
			a->dry_run = true;
		else if (verb_add(&a->keys, optarg) < 0)
			return ui_fail(a->ui, ERR_NOMEM, NULL);
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(a->ui, argc, 2, 2, "DIR and EVIDENCE");
	if (code)
		return code;
	a->dir = argv[optind];
	a->file = argv[optind + 1];
	return check(a);
}

/* ---- what is shown ---- */

static void print_log(FILE *f, struct auth *au, const struct accept *a,
		      const struct evidence_log *l)
{
	struct roster_node who;
	char name[ROSTER_NAME_MAX + 40], hex[33];

	text_hex(hex, l->node, 16);
	if (auth_find_node(au, a->v.archive, l->node, &who, NULL) == 0)
		snprintf(name, sizeof(name), "%s %s", hex, who.name);
	else
		snprintf(name, sizeof(name), "%s", hex);
	auth_field(f, l->fork ? "fork" : "rollback", name);
	fprintf(f, "%-11s %" PRIu64 " events were seen, %" PRIu64 " are there\n", "",
		l->seen_at.size, l->present_at.size);
}

static void print_evidence(const struct accept *a, struct auth *au)
{
	FILE *f = auth_out(a->output);
	char hex[33];

	if (a->ui->quiet || a->ui->json)
		return;
	text_hex(hex, a->v.archive, 16);
	auth_field(f, "archive", hex);
	text_hex(hex, a->v.node, 16);
	auth_field(f, "node", hex);
	for (size_t i = 0; i < a->v.logs; i++)
		print_log(f, au, a, &a->v.log[i]);
	fflush(f);
}

static void print_json(const struct accept *a)
{
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_id(&j, "restore", a->serial);
	ui_json_id(&j, "archive", a->v.archive);
	ui_json_id(&j, "node", a->v.node);
	ui_json_begin(&j, "logs", '[');
	for (size_t i = 0; i < a->v.logs; i++) {
		const struct evidence_log *l = &a->v.log[i];

		ui_json_begin(&j, NULL, '{');
		ui_json_id(&j, "node", l->node);
		ui_json_text(&j, "found", l->fork ? "fork" : "rollback");
		ui_json_number(&j, "seen", l->seen_at.size);
		ui_json_number(&j, "present", l->present_at.size);
		ui_json_end(&j, '}');
	}
	ui_json_end(&j, ']');
	ui_json_number(&j, "signatures", a->have);
	ui_json_number(&j, "threshold", a->need);
	ui_json_bool(&j, "dry_run", a->dry_run);
	if (!a->dry_run)
		ui_json_text(&j, "output", a->output);
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void print(const struct accept *a)
{
	char hex[33];

	if (a->ui->json) {
		print_json(a);
	} else if (!a->ui->quiet && !a->dry_run) {
		text_hex(hex, a->serial, 16);
		fprintf(auth_out(a->output), "restore %s: %u of %u signatures\n", hex, a->have,
			a->need);
	}
	if (!a->dry_run)
		auth_tell_missing(a->ui, a->dir, a->output, a->have, a->need);
}

/* ---- what is done ---- */

static int sign(struct accept *a, struct auth *au, struct document *d,
		const struct archive_desc *desc, struct err *e)
{
	int rc = auth_sign_with(d, DOCUMENT_NS_RESTORE, &a->keys, desc, &a->have, e);

	if (rc == 0)
		rc = authority_keep_restore(au->a, d, a->v.archive, a->serial, &a->v, e);
	if (rc == 0 && a->have >= a->need)
		rc = authority_accept_restore(au->a, d, a->v.archive, a->serial, e);
	return rc ? rc : ui_write_file(a->output, d->bytes.p, d->bytes.n, e);
}

static int make(struct accept *a, struct auth *au, struct err *e)
{
	struct archive_desc desc;
	struct document d = {0};
	int rc = authority_archive(au->a, a->v.archive, &desc, e);

	if (rc == 0) {
		a->need = desc.threshold;
		print_evidence(a, au);
		rc = authority_restore(au->a, &d, &a->v, a->reason, a->serial,
				       ui_now() / 1000 * 1000, e);
	}
	if (rc == 0 && a->dry_run && !a->ui->json)
		ui_put_text(d.text.p, d.text.n);
	if (rc == 0 && !a->dry_run)
		rc = sign(a, au, &d, &desc, e);
	document_free(&d);
	return rc;
}

static int run(struct accept *a, struct err *e)
{
	struct wire_out file = {0};
	struct auth au = {0};
	int rc = a->dry_run ? 0 : ui_check_output(a->ui, a->output, e);

	if (rc == 0)
		rc = auth_open(&au, a->ui, a->dir, false, AUTH_POOL, e);
	if (rc == 0)
		rc = file_read_path(a->file, EVIDENCE_MAX, &file, e);
	if (rc == 0) {
		rc = authority_read_evidence(au.a, &a->v, file.p, file.n, e);
		if (rc)
			err_prefix(e, rc, "%s", a->file);
	}
	if (rc == 0)
		rc = make(a, &au, e);
	wire_out_free(&file);
	auth_close(&au);
	return rc;
}

int auth_accept_restore(struct ui *ui, int argc, char **argv)
{
	struct accept a = {.ui = ui};
	struct err e = {0};
	int code = parse(&a, argc, argv), rc;

	if (code < 0) {
		rc = run(&a, &e);
		if (rc == 0)
			print(&a);
		code = rc < 0 ? ui_fail(ui, rc, &e) : 0;
	}
	evidence_free(&a.v);
	free(a.keys.p);
	return code;
}
