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

/* ---- the whole archive ---- */

static void take_finding(void *ctx, const struct verify_finding *f)
{
	struct cmd_report *r = ctx;

	if (r->findings == r->cap && r->cap < REPORT_FINDINGS_MAX) {
		size_t cap = r->cap ? 2 * r->cap : 16;
		struct verify_finding *p = reallocarray(r->finding, cap, sizeof(*p));

		if (!p)
			return; /* it is counted all the same */
		r->finding = p;
		r->cap = cap;
	}
	if (r->findings < r->cap)
		r->finding[r->findings++] = *f;
}

/* Journals and documents; of the items those are read that the report is about. */
static int check_archive(struct cmd_report *r, struct err *e)
{
	const struct verify_ask ask = {.quick = true, .finding = take_finding, .ctx = r};
	uint64_t found;

	r->verdict = verify_run(r->view.archive, &ask, &r->sum, e);
	found = r->sum.damaged + r->sum.unchecked;
	return r->verdict && found == 0 ? r->verdict : 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct verify_finding *)a)->text,
		      ((const struct verify_finding *)b)->text);
}

/* ---- the items ---- */

static void count(struct cmd_report *r, const struct cmd_report_item *it)
{
	if (it->code == 0)
		r->good++;
	else if (err_exit(it->code) == 4)
		r->bad++;
	else
		r->unchecked++;
}

/* A report that is not whole is none: what was written of it is removed again. */
static int go_on(struct err *e)
{
	return stop_asked() ? err_set(e, ERR_SYSTEM, "stopped: no report was written") : 0;
}

static int write_items(struct cmd_report *r, struct cmd_report_folder *f, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->picks.n; i++) {
		struct cmd_report_item *it = calloc(1, sizeof(*it));

		if (!it)
			return err_set(e, ERR_NOMEM, "out of memory");
		rc = cmd_report_item_open(it, r, i, e);
		if (rc == 0) {
			count(r, it);
			cmd_report_item_row(&r->rows, r, it);
			cmd_report_section(&r->body, r, it);
			cmd_report_case_item(r->graph, r, it);
			if (it->r)
				cmd_report_folder_note(f, it->file, it->digest);
			ui_progress(r->ui, i + 1, r->picks.n);
			rc = go_on(e);
		}
		cmd_report_item_close(it);
		free(it);
	}
	ui_progress_end(r->ui);
	return rc;
}

static int write_page(const struct cmd_report *r, struct cmd_report_folder *f, struct err *e)
{
	struct wire_out page = {0};
	int rc = cmd_report_case_write(&page, r->graph, r, e);

	if (rc == 0)
		rc = cmd_report_folder_add(f, "case.jsonld", &page, e);
	wire_out_wipe(&page);
	if (rc == 0)
		rc = cmd_report_page(&page, r, e);
	if (rc == 0)
		rc = cmd_report_folder_add(f, "report.html", &page, e);
	wire_out_wipe(&page);
	return rc;
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

static int make(struct cmd_report *r, struct cmd_report_folder *f, struct err *e)
{
	int rc = open_view(r, e);

	if (rc == 0)
		rc = cmd_report_pick(r, e);
	if (rc == 0)
		rc = check_archive(r, e);
	if (rc == 0 && r->findings)
		qsort(r->finding, r->findings, sizeof(*r->finding), by_text);
	if (rc == 0)
		rc = transfer_list(&r->transfers, r->view.archive,
				   r->view.station ? r->view.station->db : NULL, e);
	if (rc == 0 && caseuco_new(&r->graph) < 0)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	stop_catch();
	if (rc == 0)
		rc = cmd_report_folder_begin(f, e);
	r->out = f->fd;
	if (rc == 0)
		rc = write_items(r, f, e);
	if (rc == 0)
		rc = write_page(r, f, e);
	if (rc == 0)
		rc = go_on(e);
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

static void clear(struct cmd_report *r)
{
	cmd_report_picks_free(&r->picks);
	archive_history_free(&r->history);
	for (size_t i = 0; i < r->grants; i++)
		authorisation_free(&r->grant[i].terms);
	free(r->grant);
	free(r->finding);
	transfers_free(&r->transfers);
	caseuco_free(r->graph);
	wire_out_wipe(&r->rows);
	wire_out_wipe(&r->body);
}

int cmd_report(struct ui *ui, int argc, char **argv)
{
	struct cmd_report r = {.ui = ui, .out = -1, .made_ms = ui_now()};
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
	clear(&r);
	return rc;
}
