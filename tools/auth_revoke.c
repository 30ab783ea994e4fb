// SPDX-License-Identifier: Apache-2.0
/* custody-authority revoke: end an authorisation, a node, or an officer's key. */
#include "tools/auth.h"

#include <stdlib.h>
#include <string.h>

#include "index/file.h"
#include "tools/ui_json.h"

static const char help[] =
	"Usage: custody-authority revoke DIR [--archive ID] WHAT --reason TEXT --sign-with KEY... -o OUT\n"
	"Make a revocation. It ends what it names on every node that imports it, and cached pages with\n"
	"it; what was copied out lawfully before stays out.\n"
	"\n"
	"WHAT is one of\n"
	"      --authorisation SERIAL  an authorisation\n"
	"      --node ID          a node: its enrolment and all its releases\n"
	"      --key PUB          an officer's public key: no new document counts by it\n"
	"\n"
	"      --archive ID       of which archive (may be left out when there is one)\n"
	"      --reason TEXT      why, for the record\n"
	"  -k, --sign-with KEY    an officer's key, as for ssh-keygen -Y sign -f; may be given many\n"
	"                         times. The others may sign OUT later (custody-authority sign)\n"
	"  -o, --output FILE      where the revocation goes ('-': standard output)\n"
	"  -n, --dry-run          print the text that would be signed, and stop\n"
	"      --json, -q, --force\n"
	"\n"
	"Next: custody import ARCHIVE OUT, on the nodes.\n"
	"Exit codes: 0 done, 1 system, 2 usage, 3 key, 5 not a public key, 7 not an archive of this\n"
	"authority, or a signature is refused.\n";

struct revoke {
	struct ui *ui;
	const char *dir, *archive, *output, *key_file;
	bool dry_run;
	struct verb_list keys;
	struct authorisation_revocation rev;
	unsigned targets, have, need;
};

static int take(struct revoke *r, int c)
{
	switch (c) {
	case 'r':
		if (!text_valid(optarg, strlen(optarg)) || strchr(optarg, '\n') ||
		    strlen(optarg) >= sizeof(r->rev.reason) || !*optarg)
			return ui_usage(r->ui,
					"--reason: must be one line of text, at most %zu bytes",
					sizeof(r->rev.reason) - 1);
		strcpy(r->rev.reason, optarg);
		return 0;
	case 'a':
	case 'N':
		r->targets++;
		r->rev.what = c == 'a' ? REVOKE_AUTHORISATION : REVOKE_NODE;
		return verb_id(r->ui, c == 'a' ? "--authorisation" : "--node", optarg,
			       r->rev.target);
	case 'p':
		r->targets++;
		r->rev.what = REVOKE_KEY;
		r->key_file = optarg;
		return 0;
	case 'A':
		r->archive = optarg;
		return verb_id(r->ui, "--archive", optarg, r->rev.archive);
	case 'o':
		r->output = optarg;
		return 0;
	case 'n':
		r->dry_run = true;
		return 0;
	default:
		return verb_add(&r->keys, optarg) < 0 ? ui_fail(r->ui, ERR_NOMEM, NULL) : 0;
	}
}

static int check(const struct revoke *r)
{
	if (r->targets != 1)
		return ui_usage(r->ui, "one of --authorisation, --node and --key is needed");
	if (!r->rev.reason[0])
		return ui_usage(r->ui, "--reason TEXT is needed");
	if (!r->dry_run && !r->output)
		return ui_usage(r->ui, "-o OUT is needed: where the revocation goes");
	if (!r->dry_run && !r->keys.n)
		return ui_usage(r->ui, "--sign-with KEY is needed: who signs");
	if (r->ui->json && r->output && !strcmp(r->output, "-"))
		return ui_usage(r->ui, "--json and -o - both want standard output");
	return -1;
}

/* --node is a common option too; here it names what is revoked. */
static int parse(struct revoke *r, int argc, char **argv)
{
	static const struct option longs[] = {{"node", 1, NULL, 'N'},
					      {"authorisation", 1, NULL, 'a'},
					      {"key", 1, NULL, 'p'},
					      {"archive", 1, NULL, 'A'},
					      {"reason", 1, NULL, 'r'},
					      {"sign-with", 1, NULL, 'k'},
					      {"output", 1, NULL, 'o'},
					      {"dry-run", 0, NULL, 'n'},
					      {"force", 0, NULL, UI_OPT_FORCE},
					      {"json", 0, NULL, UI_OPT_JSON},
					      {"quiet", 0, NULL, UI_OPT_QUIET},
					      {"help", 0, NULL, UI_OPT_HELP},
					      {"version", 0, NULL, UI_OPT_VERSION},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(r->ui, argc, argv, VERB_SHORT "k:o:n", longs, help, &code)) >= 0) {
		code = take(r, c);
		if (code)
			return code;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(r->ui, argc, 1, 1, "one DIR");
	if (code)
		return code;
	r->dir = argv[optind];
	return check(r);
}

static int find_archive(struct revoke *r, struct auth *au, struct archive_desc *desc, struct err *e)
{
	int rc = r->archive ? 0 : auth_only_archive(au, r->rev.archive, e);

	return rc ? rc : authority_archive(au->a, r->rev.archive, desc, e);
}

static int read_key(struct revoke *r, const struct archive_desc *desc, struct err *e)
{
	struct wire_out bytes = {0};
	struct text_span line;
	struct text_in t;
	int rc = file_read_path(r->key_file, 65536, &bytes, e);

	if (rc == 0 && bytes.n && bytes.p[bytes.n - 1] != '\n')
		wire_out_u8(&bytes, '\n');
	t = text_in_init(bytes.p, bytes.n);
	if (rc == 0 && !text_line(&t, &line))
		rc = err_set(e, ERR_FOREIGN, "%s is no OpenSSH public key", r->key_file);
	else if (rc == 0 && sshkey_parse(&r->rev.key, line, e) < 0)
		rc = err_prefix(e, ERR_FOREIGN, "%s", r->key_file);
	wire_out_free(&bytes);
	for (size_t i = 0; rc == 0 && i < desc->keys; i++) {
		if (sshkey_equal(&desc->key[i], &r->rev.key))
			return 0;
	}
	return rc ? rc : err_set(e, ERR_USAGE, "%s is not one of the archive's keys", r->key_file);
}

static int same_name(void *ctx, const char *name)
{
	return !strcmp(name, ctx);
}

/* A target that this directory does not know is a slip as a rule; but a revocation that is in a
 * hurry must not fail because a copy of the directory is an old one. */
static int check_target(struct revoke *r, struct auth *au, const struct archive_desc *desc,
			struct err *e)
{
	const bool node = r->rev.what == REVOKE_NODE;
	char hex[33], name[64], sentence[160];
	int found;

	if (r->rev.what == REVOKE_KEY)
		return read_key(r, desc, e);
	text_hex(hex, r->rev.target, 16);
	snprintf(name, sizeof(name), "%s.%s", hex, node ? "enrolment" : "authorisation");
	found = auth_each(au, r->rev.archive, node ? "nodes" : "issued", same_name, name, e);
	if (found < 0)
		return found;
	snprintf(sentence, sizeof(sentence), "%s: no such %s was made here; check that it is right",
		 hex, node ? "node" : "authorisation");
	if (!found)
		ui_notice(r->ui, sentence);
	return 0;
}

static int sign(struct revoke *r, struct auth *au, struct document *d,
		const struct archive_desc *desc, struct err *e)
{
	int rc = auth_sign_with(d, DOCUMENT_NS_REVOKE, &r->keys, desc, &r->have, e);

	if (rc == 0)
		rc = authority_keep_issued(au->a, d, r->rev.archive, r->rev.serial, "revocation",
					   e);
	return rc ? rc : ui_write_file(r->output, d->bytes.p, d->bytes.n, e);
}

static int make(struct revoke *r, struct err *e)
{
	struct wire_out text = {0};
	struct archive_desc desc;
	struct document d = {0};
	struct auth au = {0};
	int rc;

	rc = r->dry_run ? 0 : ui_check_output(r->ui, r->output, e);
	if (rc == 0)
		rc = auth_open(&au, r->ui, r->dir, false, AUTH_POOL, e);
	if (rc == 0)
		rc = find_archive(r, &au, &desc, e);
	if (rc == 0)
		rc = check_target(r, &au, &desc, e);
	if (rc == 0) {
		r->need = desc.threshold;
		secret_random(r->rev.serial, 16);
		r->rev.issued_ms = ui_now() / 1000 * 1000;
		authorisation_revocation_text(&text, &r->rev);
		rc = document_make(&d, &text, NULL, 0, e);
	}
	if (rc == 0 && r->dry_run && !r->ui->json)
		ui_put_text(d.text.p, d.text.n);
	if (rc == 0 && !r->dry_run)
		rc = sign(r, &au, &d, &desc, e);
	document_free(&d);
	wire_out_free(&text);
	auth_close(&au);
	return rc;
}

static void print(const struct revoke *r)
{
	struct ui_json j = {0};
	char serial[33];

	if (r->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_id(&j, "revocation", r->rev.serial);
		ui_json_id(&j, "archive", r->rev.archive);
		if (r->rev.what != REVOKE_KEY)
			ui_json_id(&j, r->rev.what == REVOKE_NODE ? "node" : "authorisation",
				   r->rev.target);
		ui_json_text(&j, "reason", r->rev.reason);
		ui_json_number(&j, "signatures", r->have);
		ui_json_number(&j, "threshold", r->need);
		ui_json_bool(&j, "dry_run", r->dry_run);
		if (!r->dry_run)
			ui_json_text(&j, "output", r->output);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	} else if (!r->ui->quiet && !r->dry_run) {
		text_hex(serial, r->rev.serial, 16);
		fprintf(auth_out(r->output), "revocation %s: %u of %u signatures\n", serial,
			r->have, r->need);
	}
	if (!r->dry_run)
		auth_tell_missing(r->ui, r->dir, r->output, r->have, r->need);
}

int auth_revoke(struct ui *ui, int argc, char **argv)
{
	struct revoke r = {.ui = ui};
	struct err e = {0};
	int code = parse(&r, argc, argv), rc;

	if (code < 0) {
		rc = make(&r, &e);
		if (rc == 0)
			print(&r);
		code = rc < 0 ? ui_fail(ui, rc, &e) : 0;
	}
	free(r.keys.p);
	return code;
}
