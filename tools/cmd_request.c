// SPDX-License-Identifier: Apache-2.0
/* custody request: the ask for release. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/request.h"
#include "index/file.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

#define LIST_MAX (1u << 30) /* bytes of a list of paths */

static const char help[] =
	"Usage: custody request ARCHIVE [PATH...] --case C --purpose P -o OUT [OPTION]...\n"
	"Ask the authority to release items. The request is signed by this node and holds all that\n"
	"the authority needs to check it without the archive. A folder stands for all it holds now.\n"
	"An item's id does where a path does.\n"
	"\n"
	"      --case TEXT        the case it is for\n"
	"      --purpose TEXT     what for\n"
	"      --legal-basis TEXT on what ground\n"
	"  -o, --output FILE      where the request goes ('-': standard output)\n"
	"      --accession ID[@NODE]\n"
	"                         a whole accession, which must be closed; may be given many times.\n"
	"                         The authority sees who took it in, when, and what is in it. NODE,\n"
	"                         whose it is, where several nodes claim the id\n"
	"  -0                     read paths and ids from standard input, each ended by a NUL byte\n"
	"      --from0 FILE       the same from a file\n"
	"      --node DIR, --json, -q, --force, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"Next: the authority reviews and authorises it; import the answer.\n"
	"Exit codes: 0 done, 1 no such path, system or index, 2 usage, 3 key or passphrase,\n"
	"4 damaged or forged, 7 this node can't ask.\n";

struct ask {
	struct ui *ui;
	const char *archive, *output, *from0, *case_no, *purpose, *legal_basis;
	struct verb_list paths, accessions;
	struct wire_out list; /* what --from0 names */
	uint8_t (*id)[16];    /* the accessions */
	uint8_t (*node)[16];  /* whose they are, or zeros */
};

static int take(struct ask *a, int c)
{
	const char **const text[] = {&a->case_no, &a->purpose, &a->legal_basis};
	int rc = 0;

	if (c >= 1 && c <= 3)
		*text[c - 1] = optarg;
	else if (c == 'o')
		a->output = optarg;
	else if (c == 'f')
		a->from0 = optarg;
	else if (c == '0')
		a->from0 = "-";
	else
		rc = verb_add(&a->accessions, optarg);
	return rc < 0 ? ui_fail(a->ui, rc, NULL) : -1;
}

/* -1 to go on, else the exit code. */
static int parse(struct ask *a, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"output", 1, NULL, 'o'},
					      {"case", 1, NULL, 1},
					      {"purpose", 1, NULL, 2},
					      {"legal-basis", 1, NULL, 3},
					      {"accession", 1, NULL, 'a'},
					      {"from0", 1, NULL, 'f'},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(a->ui, argc, argv, VERB_SHORT "o:0", longs, help, &code)) >= 0) {
		code = take(a, c);
		if (code >= 0)
			return code;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(a->ui, argc, 1, argc, "ARCHIVE and PATH...");
	if (code)
		return code;
	a->archive = argv[optind++];
	for (; optind < argc; optind++) {
		if (verb_add(&a->paths, argv[optind]) < 0)
			return ui_fail(a->ui, ERR_NOMEM, NULL);
	}
	if (!a->case_no || !*a->case_no || !a->purpose || !*a->purpose)
		return ui_usage(a->ui, "--case and --purpose are needed: they are part of what the "
				       "authority signs");
	if (!a->output)
		return ui_usage(a->ui, "-o OUT is needed: where the request goes");
	if (!a->paths.n && !a->accessions.n && !a->from0)
		return ui_usage(a->ui, "nothing is asked for: name paths, or --accession, or -0");
	if (a->ui->json && !strcmp(a->output, "-"))
		return ui_usage(a->ui, "--json and -o - both want standard output");
	return -1;
}

static int read_ids(struct ask *a)
{
	a->id = calloc(a->accessions.n + 1, sizeof(*a->id));
	a->node = calloc(a->accessions.n + 1, sizeof(*a->node));
	if (!a->id || !a->node)
		return ui_fail(a->ui, ERR_NOMEM, NULL);
	for (size_t i = 0; i < a->accessions.n; i++) {
		const char *text = a->accessions.p[i], *at = strchr(text, '@');
		char id[64];
		int code;

		snprintf(id, sizeof(id), "%.*s", (int)(at ? at - text : 63), text);
		code = verb_id(a->ui, "--accession", id, a->id[i]);
		if (code == 0 && at)
			code = verb_id(a->ui, "--accession", at + 1, a->node[i]);
		if (code)
			return code;
	}
	return -1;
}

/* NUL-terminated paths; the last one may lack its NUL. */
static int read_list(struct ask *a, struct err *e)
{
	int rc;

	if (!a->from0)
		return 0;
	rc = file_read_path(a->from0, LIST_MAX, &a->list, e);
	if (rc < 0)
		return rc;
	wire_out_u8(&a->list, 0);
	if (!wire_out_ok(&a->list))
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t at = 0; at < a->list.n; at += strlen((char *)a->list.p + at) + 1) {
		if (!a->list.p[at])
			continue;
		if (verb_add(&a->paths, (char *)a->list.p + at) < 0)
			return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (!a->paths.n && !a->accessions.n)
		return err_set(e, ERR_USAGE, "%s: names no path, so nothing is asked for",
			       a->from0);
	return 0;
}

/* Paths as users type them: a mount's paths have no slash at their ends. */
static void clean_paths(struct ask *a, char **copies)
{
	for (size_t i = 0; i < a->paths.n; i++) {
		const char *p = a->paths.p[i] + strspn(a->paths.p[i], "/");
		size_t n = strlen(p);

		while (n > 0 && p[n - 1] == '/')
			n--;
		copies[i] = text_dup(p, n);
		if (copies[i])
			a->paths.p[i] = copies[i];
	}
}

static int make(struct ask *a, struct request_summary *sum, struct err *e)
{
	char user[512], **copies = calloc(a->paths.n + 1, sizeof(*copies));
	struct request_ask ask = {.accessions = (const uint8_t(*)[16])a->id,
				  .nodes = (const uint8_t(*)[16])a->node,
				  .naccessions = a->accessions.n,
				  .case_no = a->case_no,
				  .purpose = a->purpose,
				  .legal_basis = a->legal_basis,
				  .user = user,
				  .progress = ui_progress,
				  .progress_ctx = a->ui};
	struct wire_out out = {0};
	struct station *s = NULL;
	int rc;

	if (!copies)
		return err_set(e, ERR_NOMEM, "out of memory");
	clean_paths(a, copies);
	ask.paths = a->paths.p;
	ask.npaths = a->paths.n;
	ui_user_host(user, sizeof(user));
	rc = ui_check_output(a->ui, a->output, e);
	if (rc == 0)
		rc = cmd_open(&s, a->ui, a->archive, 0, e);
	if (rc == 0 && ask.npaths)
		rc = cmd_need_names(s, e);
	if (rc == 0)
		rc = request_make(&out, s, &ask, sum, e);
	ui_progress_end(a->ui);
	if (rc == 0)
		rc = ui_write_file(a->output, out.p, out.n, e);
	wire_out_free(&out);
	for (size_t i = 0; i < a->paths.n; i++)
		free(copies[i]);
	free(copies);
	return cmd_close(s, rc, e);
}

static void print(const struct ask *a, const struct request_summary *sum)
{
	char serial[33], bytes[16];
	struct ui_json j = {0};

	text_hex(serial, sum->serial, 16);
	if (a->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "request", serial);
		ui_json_number(&j, "items", sum->items);
		ui_json_number(&j, "accessions", sum->accessions);
		ui_json_number(&j, "bytes", sum->bytes);
		ui_json_text(&j, "output", a->output);
		ui_json_end(&j, '}');
		ui_json_line(&j);
		return;
	}
	ui_bytes(bytes, sum->bytes);
	if (!a->ui->quiet)
		fprintf(strcmp(a->output, "-") ? stdout : stderr,
			"request %s: %zu item%s, %zu whole accession%s, %s\n", serial, sum->items,
			ui_s(sum->items), sum->accessions, ui_s(sum->accessions), bytes);
	ui_say(a->ui, "Next: the authority reviews and authorises %s; import the answer.",
	       a->output);
}

int cmd_request(struct ui *ui, int argc, char **argv)
{
	struct request_summary sum = {0};
	struct ask a = {.ui = ui};
	struct err e = {0};
	int code = parse(&a, argc, argv), rc;

	if (code < 0)
		code = read_ids(&a);
	if (code < 0) {
		rc = read_list(&a, &e);
		if (rc == 0)
			rc = make(&a, &sum, &e);
		if (rc == 0)
			print(&a, &sum);
		code = rc < 0 ? ui_fail(ui, rc, &e) : 0;
	}
	free(a.paths.p);
	free(a.accessions.p);
	free(a.id);
	free(a.node);
	wire_out_free(&a.list);
	return code;
}
