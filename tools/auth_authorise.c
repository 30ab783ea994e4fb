// SPDX-License-Identifier: Apache-2.0
/* custody-authority authorise: the answer to a request. */
#include "tools/auth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ui_json.h"

/* Ten years: what is meant to end must not do so in a time that nobody here will see. */
#define UNTIL_MAX_MS (3653ll * 86400 * 1000)

static const char help[] =
	"Usage: custody-authority authorise DIR REQUEST --until T -o OUT [OPTION]...\n"
	"Release what a request asks for to the node that asks. The request is checked as 'review' does\n"
	"it; the items' keys go along, sealed to that node. Officers sign with ssh-keygen, so that\n"
	"agents and tokens work.\n"
	"\n"
	"      --until T          when it ends: 2026-11-23T07:10:00Z, or +2h, +3d from now; within ten\n"
	"                         years\n"
	"      --from T           when it begins (default: now); -2h is two hours ago\n"
	"      --users A[,B...]   local accounts that may read (default: all of the node's)\n"
	"      --max-opens N      how often items may be opened, in all\n"
	"      --max-bytes N      how many bytes may be read, in all; 10k, 10M, 10G for thousands,\n"
	"                         millions, thousands of millions\n"
	"      --export-to R      let what it covers leave as a package (custody export) that is sealed to\n"
	"                         this age recipient (age1...); 'any': to whomever; 'plain': unsealed. May\n"
	"                         be given many times. Without it nothing may be exported\n"
	"      --legal-basis TEXT instead of what the request says\n"
	"  -k, --sign-with KEY    an officer's key, as for ssh-keygen -Y sign -f; may be given many\n"
	"                         times. The others may sign OUT later (custody-authority sign)\n"
	"  -o, --output FILE      where the authorisation goes ('-': standard output)\n"
	"  -n, --dry-run          check and show only: nothing is signed or written\n"
	"      --json, -q, --force, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"Next: custody import ARCHIVE OUT, on the node.\n"
	"Exit codes: 0 done, 1 system, 2 usage, 3 key or passphrase, 4 forged, damaged or rolled back,\n"
	"5 not a request, 7 the node is not enrolled here, or a signature is refused.\n";

struct authorise {
	struct ui *ui;
	const char *dir, *request, *output, *from, *until;
	bool dry_run;
	struct verb_list keys, exports;
	struct authority_terms terms;
	struct auth_ask ask;
	uint8_t serial[16];
	unsigned have, need;
};

/* 'any', 'plain', or a recipient in any form that age takes, which is kept as age writes it. */
static int take_export(struct authorise *a, const char *arg)
{
	char text[AGE_RECIPIENT_TEXT];
	uint8_t pub[32];

	if (strcmp(arg, "any") != 0 && strcmp(arg, "plain") != 0) {
		if (age_recipient_parse(pub, (struct text_span){arg, strlen(arg)}) != 0)
			return ui_usage(a->ui,
					"--export-to %s: must be an age recipient (age1...), 'any' "
					"or 'plain'",
					arg);
		age_recipient_text(text, pub);
		if (strcmp(text, arg) != 0)
			return ui_usage(a->ui, "--export-to %s: write it as %s", arg, text);
	}
	for (size_t i = 0; i < a->exports.n; i++)
		if (strcmp(a->exports.p[i], arg) == 0)
			return ui_usage(a->ui, "--export-to %s: this was given before", arg);
	if (a->exports.n == AUTHORISATION_EXPORTS_MAX)
		return ui_usage(a->ui, "--export-to: at most %u", AUTHORISATION_EXPORTS_MAX);
	return verb_add(&a->exports, arg) < 0 ? ui_fail(a->ui, ERR_NOMEM, NULL) : 0;
}

/* A decimal number, with k, M, G or T behind it or not. */
static int parse_bytes(const struct ui *ui, const char *arg, uint64_t *out)
{
	static const char units[] = "kMGT";
	size_t n = strlen(arg);
	uint64_t factor = 1;

	for (size_t i = 0; n > 1 && i < 4; i++) {
		if (arg[n - 1] != units[i])
			continue;
		n--;
		do
			factor *= 1000;
		while (i--);
		break;
	}
	if (!text_u64((struct text_span){arg, n}, out) || *out == 0 || *out > UINT64_MAX / factor)
		return ui_usage(
			ui, "--max-bytes %s: must be a number of bytes, or as 10k, 10M, 10G", arg);
	*out *= factor;
	return 0;
}

static int take(struct authorise *a, int c)
{
	switch (c) {
	case 'u':
		a->until = optarg;
		return 0;
	case 'f':
		a->from = optarg;
		return 0;
	case 'U':
		a->terms.users = optarg;
		return 0;
	case 'O':
		return verb_number(a->ui, "--max-opens", optarg, 1, UINT64_MAX,
				   &a->terms.max_opens);
	case 'B':
		return parse_bytes(a->ui, optarg, &a->terms.max_bytes);
	case 'l':
		a->terms.legal_basis = optarg;
		if (!text_valid(optarg, strlen(optarg)) || strchr(optarg, '\n') || !*optarg)
			return ui_usage(a->ui, "--legal-basis: must be one line of text");
		return 0;
	case 'x':
		return take_export(a, optarg);
	case 'o':
		a->output = optarg;
		return 0;
	case 'n':
		a->dry_run = true;
		return 0;
	default:
		return verb_add(&a->keys, optarg) < 0 ? ui_fail(a->ui, ERR_NOMEM, NULL) : 0;
	}
}

static int parse_times(struct authorise *a)
{
	struct authority_terms *t = &a->terms;
	struct err e = {0};

	if (!a->until)
		return ui_usage(a->ui, "--until T is needed: when it ends");
	t->now_ms = t->not_before_ms = ui_now();
	if (a->from && ui_time(a->from, t->now_ms, &t->not_before_ms, &e) < 0)
		return ui_usage(a->ui, "--from %s", e.text);
	if (ui_time(a->until, t->now_ms, &t->not_after_ms, &e) < 0)
		return ui_usage(a->ui, "--until %s", e.text);
	if (t->not_after_ms <= t->now_ms)
		return ui_usage(a->ui, "--until %s: that is past", a->until);
	if (t->not_after_ms - t->now_ms > UNTIL_MAX_MS)
		return ui_usage(a->ui, "--until %s: that is more than ten years from now",
				a->until);
	if (t->not_after_ms <= t->not_before_ms)
		return ui_usage(a->ui, "--until %s: that is before it begins", a->until);
	return -1;
}

static int parse(struct authorise *a, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"until", 1, NULL, 'u'},
					      {"from", 1, NULL, 'f'},
					      {"users", 1, NULL, 'U'},
					      {"max-opens", 1, NULL, 'O'},
					      {"max-bytes", 1, NULL, 'B'},
					      {"export-to", 1, NULL, 'x'},
					      {"output", 1, NULL, 'o'},
					      {"legal-basis", 1, NULL, 'l'},
					      {"dry-run", 0, NULL, 'n'},
					      {"sign-with", 1, NULL, 'k'},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(a->ui, argc, argv, VERB_SHORT "k:o:n", longs, help, &code)) >= 0) {
		code = take(a, c);
		if (code)
			return code;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(a->ui, argc, 2, 2, "DIR and REQUEST");
	if (code)
		return code;
	a->dir = argv[optind];
	a->request = argv[optind + 1];
	if (!a->output && !a->dry_run)
		return ui_usage(a->ui, "-o OUT is needed: where the authorisation goes");
	if (a->ui->json && a->output && !strcmp(a->output, "-"))
		return ui_usage(a->ui, "--json and -o - both want standard output");
	return parse_times(a);
}

/* What the officers are about to sign. */
static void print_ask(const struct authorise *a)
{
	FILE *f = auth_out(a->output);
	char from[TEXT_TIME_SIZE], until[TEXT_TIME_SIZE], bytes[16];

	if (a->ui->quiet || a->ui->json)
		return;
	auth_ask_print(f, &a->ask);
	text_time_s(from, a->terms.not_before_ms / 1000);
	text_time_s(until, a->terms.not_after_ms / 1000);
	fprintf(f, "%-11s from %s until %s\n", "in force", from, until);
	auth_field(f, "users", a->terms.users ? a->terms.users : "all of the node's");
	if (a->terms.max_opens)
		fprintf(f, "%-11s %" PRIu64 "\n", "max opens", a->terms.max_opens);
	ui_bytes(bytes, a->terms.max_bytes);
	if (a->terms.max_bytes)
		auth_field(f, "max bytes", bytes);
	for (size_t i = 0; i < a->exports.n; i++)
		auth_field(f, "export to", a->exports.p[i]);
	if (!a->exports.n)
		auth_field(f, "export to", "nowhere: to be read on the node");
	fflush(f);
}

static int sign(struct authorise *a, struct auth *au, struct document *d,
		const struct archive_desc *desc, struct err *e)
{
	int rc = auth_sign_with(d, DOCUMENT_NS_AUTHORISE, &a->keys, desc, &a->have, e);

	if (rc == 0)
		rc = authority_keep_issued(au->a, d, a->ask.r.archive, a->serial, "authorisation",
					   e);
	return rc ? rc : ui_write_file(a->output, d->bytes.p, d->bytes.n, e);
}

static int make(struct authorise *a, struct err *e)
{
	struct archive_desc desc;
	struct document d = {0};
	struct auth au = {0};
	int rc;

	rc = a->dry_run ? 0 : ui_check_output(a->ui, a->output, e);
	if (rc == 0)
		rc = auth_ask_open(&a->ask, &au, a->ui, a->dir, a->request, true, e);
	if (rc == 0)
		rc = authority_archive(au.a, a->ask.r.archive, &desc, e);
	if (rc == 0) {
		a->need = desc.threshold;
		print_ask(a);
		rc = authority_authorise(au.a, &d, &a->ask.r, &a->terms, a->serial, e);
	}
	if (rc == 0 && !a->dry_run)
		rc = sign(a, &au, &d, &desc, e);
	document_free(&d);
	auth_close(&au);
	return rc;
}

static void print_json(const struct authorise *a)
{
	const struct request *r = &a->ask.r;
	struct ui_json j = {0};
	uint64_t items, bytes;

	request_total(r, &items, &bytes);
	ui_json_begin(&j, NULL, '{');
	if (!a->dry_run)
		ui_json_id(&j, "authorisation", a->serial);
	ui_json_id(&j, "request", r->serial);
	ui_json_id(&j, "node", r->node);
	ui_json_number(&j, "items", items);
	ui_json_number(&j, "accessions", r->accessions);
	ui_json_number(&j, "bytes", bytes);
	ui_json_time(&j, "not_before", a->terms.not_before_ms / 1000 * 1000);
	ui_json_time(&j, "not_after", a->terms.not_after_ms / 1000 * 1000);
	ui_json_begin(&j, "export_to", '[');
	for (size_t i = 0; i < a->exports.n; i++)
		ui_json_text(&j, NULL, a->exports.p[i]);
	ui_json_end(&j, ']');
	ui_json_number(&j, "signatures", a->have);
	ui_json_number(&j, "threshold", a->need);
	ui_json_bool(&j, "dry_run", a->dry_run);
	if (!a->dry_run)
		ui_json_text(&j, "output", a->output);
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void print(const struct authorise *a)
{
	char hex[33];

	if (a->ui->json) {
		print_json(a);
	} else if (!a->ui->quiet && a->dry_run) {
		printf("\nDry run: nothing was signed or written.\n");
	} else if (!a->ui->quiet) {
		text_hex(hex, a->serial, 16);
		fprintf(auth_out(a->output), "\nauthorisation %s: %u of %u signatures\n", hex,
			a->have, a->need);
	}
	if (!a->dry_run)
		auth_tell_missing(a->ui, a->dir, a->output, a->have, a->need);
}

int auth_authorise(struct ui *ui, int argc, char **argv)
{
	struct authorise a = {.ui = ui};
	struct err e = {0};
	int code = parse(&a, argc, argv), rc;

	if (code < 0) {
		a.terms.export_to = a.exports.p;
		a.terms.exports = a.exports.n;
		rc = make(&a, &e);
		if (rc == 0)
			print(&a);
		code = rc < 0 ? ui_fail(ui, rc, &e) : 0;
	}
	auth_ask_free(&a.ask);
	free(a.keys.p);
	free(a.exports.p);
	return code;
}
