// SPDX-License-Identifier: Apache-2.0
/* custody report: the custody of items on paper, with what proves it beside. */
#include "tools/cmd_report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "index/file.h"
#include "tools/caseuco.h"
#include "tools/cmd_report_folder.h"
#include "tools/stop.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

static const char help[] =
	"Usage: custody report ARCHIVE [PATH|ITEM-ID]... -o DIR [OPTION]...\n"
	"       custody report ARCHIVE --case CASE -o DIR [OPTION]...\n"
	"Write a custody report for people: DIR/report.html, one page that needs nothing else to be read\n"
	"or printed, and beside it what proves it: a receipt of each item, the same custody for other\n"
	"tools (case.jsonld: CASE/UCO 1.4), and SHA256SUMS. Each item's part has a timeline, all events\n"
	"with who, when, where, why and by whose authority, and its digests as logged and as they are\n"
	"now. A folder stands for all it holds; without an item it is the whole archive.\n"
	"\n"
	"  -o, --output DIR       a folder that is not there yet, or empty\n"
	"      --case CASE        the items that authorisations of this case cover\n"
	"      --no-names         ids only: no names, no provenance. Without a reader node it is so\n"
	"      --no-node          don't use this host's node: no key, no passphrase, no names\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"The last line is one hash for the notebook: SHA-256 of SHA256SUMS.\n"
	"Exit codes: 0 all holds, 1 no such item, stopped, system or index, 2 usage, 3 key or passphrase,\n"
	"4 the report is written, and tells of damage or broken custody, 5 not an archive, or the report\n"
	"is written and not all could be checked, 7 not enrolled.\n";

static int parse(struct cmd_report *r, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"output", 1, NULL, 'o'},
					      {"case", 1, NULL, 'c'},
					      {"no-names", 0, NULL, 'i'},
					      {"no-node", 0, NULL, 'n'},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(r->ui, argc, argv, VERB_SHORT "o:", longs, help, &code)) >= 0) {
		if (c == 'o')
			r->dir = optarg;
		else if (c == 'c')
			r->case_no = optarg;
		else if (c == 'i')
			r->no_names = true;
		else
			r->no_node = true;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(r->ui, argc, 1, 100000, "ARCHIVE, and items or folders");
	if (code)
		return code;
	r->archive = argv[optind];
	r->name = argv + optind + 1;
	r->names = argc - optind - 1;
	if (!r->dir)
		return ui_usage(r->ui, "-o DIR is needed: where the report goes");
	if (r->case_no && r->names)
		return ui_usage(r->ui, "--case chooses the items: name none");
	return -1;
}

/* ---- the verb ---- */

/* With the journal, if it can be written: then what this node logged is signed for first. */
static int open_view(struct cmd_report *r, struct err *e)
{
	struct station *s;
	char dir[4096];
	bool fits = snprintf(dir, sizeof(dir), "%s/journal", r->archive) < (int)sizeof(dir);
	unsigned flags = fits && access(dir, W_OK) == 0 ? 0 : STATION_NO_JOURNAL;
	int rc = cmd_view_open(&r->view, r->ui, r->archive, r->no_node, flags, e);

	s = r->view.station;
	if (rc == 0 && s && s->journal)
		rc = journal_checkpoint(s->journal, e);
	r->reader = rc == 0 && s && (s->home->roles & ROSTER_READER);
	return rc;
}

static int put_file(void *folder, const char *name, const struct wire_out *b, struct err *e)
{
	return cmd_report_folder_add(folder, name, b, e);
}

static int make(struct cmd_report *r, struct cmd_report_folder *f, struct err *e)
{
	int rc = open_view(r, e);

	if (rc == 0)
		rc = cmd_report_pick(r, e);
	stop_catch();
	if (rc == 0)
		rc = cmd_report_folder_begin(f, e);
	r->put = put_file;
	r->put_ctx = f;
	if (rc == 0)
		rc = cmd_report_write(r, e);
	if (rc == 0)
		rc = cmd_report_folder_end(f, e);
	return cmd_view_close(&r->view, rc, e);
}

static const char *word(int code)
{
	return code == 0 ? "holds" : err_exit(code) == 4 ? "does not hold" : "not all checked";
}

static void print(const struct cmd_report *r, const struct cmd_report_folder *f)
{
	struct ui_json j = {0};
	char hex[65];

	text_hex(hex, f->sums, 32);
	if (r->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "output", r->dir);
		ui_json_number(&j, "items", r->picks.n);
		ui_json_number(&j, "good", r->good);
		ui_json_number(&j, "bad", r->bad);
		ui_json_number(&j, "unchecked", r->unchecked);
		ui_json_text(&j, "archive", word(r->verdict));
		ui_json_text(&j, "sha256", hex);
		ui_json_end(&j, '}');
		ui_json_line(&j);
		return;
	}
	if (!r->ui->quiet)
		printf("report of %zu item%s: %zu hold%s, %zu do%s not, %zu not all checked; the "
		       "archive's logs and documents: %s\n",
		       r->picks.n, ui_s(r->picks.n), r->good, r->good == 1 ? "s" : "", r->bad,
		       r->bad == 1 ? "es" : "", r->unchecked, word(r->verdict));
	printf("%s\n", hex);
}

int cmd_report(struct ui *ui, int argc, char **argv)
{
	struct cmd_report r = {.ui = ui, .made_ms = ui_now()};
	struct cmd_report_folder f;
	struct err e = {0};
	int rc = parse(&r, argc, argv);

	if (rc >= 0)
		return rc;
	ui_user_host(r.maker, sizeof(r.maker));
	rc = cmd_report_folder_check(&f, r.dir, &e);
	if (rc == 0)
		rc = make(&r, &f, &e);
	cmd_report_folder_drop(&f);
	if (rc == 0) {
		print(&r, &f);
		rc = r.bad || err_exit(r.verdict) == 4 ? 4 : r.unchecked || r.verdict ? 5 : 0;
	} else {
		rc = ui_fail(ui, rc, &e);
	}
	cmd_report_clear(&r);
	return rc;
}
