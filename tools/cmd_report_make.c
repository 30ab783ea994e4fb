// SPDX-License-Identifier: Apache-2.0
/* The files of a custody report: receipts as the items are gone through, then the page and the graph. */
#include <stdlib.h>
#include <string.h>

#include "tools/caseuco.h"
#include "tools/cmd_report.h"
#include "tools/stop.h"

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

static void put_item(struct cmd_report *r, const struct cmd_report_item *it)
{
	if (r->no_page)
		return;
	cmd_report_item_row(&r->rows, r, it);
	cmd_report_section(&r->body, r, it);
	cmd_report_case_item(r->graph, r, it);
}

static int write_items(struct cmd_report *r, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->picks.n; i++) {
		struct cmd_report_item *it = calloc(1, sizeof(*it));

		if (!it)
			return err_set(e, ERR_NOMEM, "out of memory");
		rc = cmd_report_item_open(it, r, i, e);
		if (rc == 0) {
			count(r, it);
			put_item(r, it);
			if (r->told)
				rc = r->told(r->put_ctx, it, e);
			ui_progress(r->ui, i + 1, r->picks.n);
		}
		if (rc == 0)
			rc = go_on(e);
		cmd_report_item_close(it);
		free(it);
	}
	ui_progress_end(r->ui);
	return rc;
}

static int write_page(const struct cmd_report *r, struct err *e)
{
	struct wire_out page = {0};
	int rc = cmd_report_case_write(&page, r->graph, r, e);

	if (rc == 0)
		rc = r->put(r->put_ctx, "case.jsonld", &page, e);
	wire_out_wipe(&page);
	if (rc == 0)
		rc = cmd_report_page(&page, r, e);
	if (rc == 0)
		rc = r->put(r->put_ctx, "report.html", &page, e);
	wire_out_wipe(&page);
	return rc;
}

int cmd_report_write(struct cmd_report *r, struct err *e)
{
	int rc = r->no_page ? 0 : check_archive(r, e);

	if (rc == 0 && r->findings)
		qsort(r->finding, r->findings, sizeof(*r->finding), by_text);
	if (rc == 0)
		rc = transfer_list(&r->transfers, r->view.archive, r->view.roster,
				   r->view.station ? r->view.station->db : NULL, e);
	if (rc == 0 && caseuco_new(&r->graph) < 0)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = write_items(r, e);
	if (rc == 0 && !r->no_page)
		rc = write_page(r, e);
	return rc ? rc : go_on(e);
}

void cmd_report_clear(struct cmd_report *r)
{
	archive_history_free(&r->history);
	cmd_report_picks_free(&r->picks);
	for (size_t i = 0; i < r->grants; i++)
		authorisation_free(&r->grant[i].terms);
	free(r->grant);
	free(r->finding);
	transfers_free(&r->transfers);
	caseuco_free(r->graph);
	wire_out_wipe(&r->rows);
	wire_out_wipe(&r->body);
}
