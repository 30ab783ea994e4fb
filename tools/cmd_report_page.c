// SPDX-License-Identifier: Apache-2.0
/* The page around the items of a report: what it is about, the result, who may sign, the checks of the
 * archive, and how all of it can be checked by others. */
#include "tools/cmd_report.h"

#include <inttypes.h>
#include <string.h>

#include "tools/cmd_report_text.h"
#include "tools/html.h"

static void put_title(struct wire_out *out, const struct cmd_report *r)
{
	char hex[33];

	text_hex(hex, r->view.archive->desc.id, 16);
	wire_out_printf(out, "<title>Custody report, archive %.8s</title>\n", hex);
	wire_out_text(out, "<style>\n");
	wire_out_text(out, cmd_report_style);
	wire_out_text(out, "</style>\n</head>\n<body>\n<header>\n<p class=\"kind\">Custody report"
			   "</p>\n<h1>");
	if (r->case_no) {
		wire_out_text(out, "Case ");
		html_name(out, r->case_no, strlen(r->case_no));
	} else {
		wire_out_printf(out, "%zu item%s of evidence", r->picks.n, ui_s(r->picks.n));
	}
	wire_out_text(out, "</h1>\n");
}

static void put_about(struct wire_out *out, const struct cmd_report *r)
{
	wire_out_text(out, "<table class=\"fields\"><caption>This report</caption><tbody>\n");
	cmd_report_field(out, "Archive");
	html_hex(out, r->view.archive->desc.id, 16);
	cmd_report_field_end(out);
	cmd_report_field(out, "Made");
	html_time(out, r->made_ms);
	wire_out_text(out, " (UTC)");
	cmd_report_field_end(out);
	cmd_report_field(out, "Made by");
	html_name(out, r->maker, strlen(r->maker));
	wire_out_printf(out, ", with custodyfs %s", CUSTODY_VERSION);
	cmd_report_field_end(out);
	cmd_report_field(out, "About");
	if (r->case_no)
		wire_out_text(out, "every item that an authorisation of the case covers");
	for (int i = 0; i < r->names; i++) {
		wire_out_text(out, i ? ", " : "");
		html_name(out, r->name[i], strlen(r->name[i]));
	}
	if (!r->case_no && r->names == 0)
		wire_out_text(out, "every item of the archive");
	cmd_report_field_end(out);
	cmd_report_field(out, "Names of items");
	wire_out_text(out, r->no_names ? "left out, as was asked for" :
			   r->reader   ? "told where they are proved" :
					 "not known to the node that made this report");
	cmd_report_field_end(out);
	wire_out_text(out, "</tbody></table>\n");
}

/* ---- the result ---- */

static void put_result(struct wire_out *out, const struct cmd_report *r)
{
	int code = r->bad || err_exit(r->verdict) == 4 ? ERR_DAMAGED :
		   r->unchecked || r->verdict	       ? ERR_UNSUPPORTED :
							 0;

	wire_out_text(out, "<p class=\"verdict\">Custody and integrity: ");
	cmd_report_result(out, code);
	wire_out_printf(out,
			"</p>\n<p>Of %zu item%s %zu hold%s, %zu do%s not, and %zu could not be "
			"checked whole. The archive\u2019s documents and logs: ",
			r->picks.n, ui_s(r->picks.n), r->good, r->good == 1 ? "s" : "", r->bad,
			r->bad == 1 ? "es" : "", r->unchecked);
	cmd_report_result(out, r->verdict);
	wire_out_text(out, ".</p>\n</header>\n");
}

static void put_items(struct wire_out *out, const struct cmd_report *r)
{
	wire_out_text(out,
		      "<section><h2>Items</h2>\n<table class=\"items\"><caption>Items of this "
		      "report</caption>\n<thead><tr><th scope=\"col\">No.</th><th "
		      "scope=\"col\">Item</th><th scope=\"col\">Taken in (UTC)</th><th "
		      "scope=\"col\">Opened</th><th scope=\"col\">Refused</th><th scope=\"col\">"
		      "Custody and integrity</th></tr></thead><tbody>\n");
	wire_out_bytes(out, r->rows.p, r->rows.n);
	wire_out_text(out,
		      "</tbody></table>\n<p class=\"small\">Opened and refused: entries of the "
		      "logs; the section of each item lists them.</p>\n</section>\n");
}

static void put_case(struct wire_out *out, const struct cmd_report *r)
{
	wire_out_text(out, "<section><h2>Authorisations of the case</h2>\n");
	for (size_t i = 0; i < r->grants; i++)
		cmd_report_terms(out, &r->grant[i]);
	if (!r->case_no)
		wire_out_text(out,
			      "<p class=\"none\">This report is about items, not about a case. "
			      "The section of each item has the authorisations it was opened "
			      "under.</p>\n");
	wire_out_text(out, "</section>\n");
}

/* ---- who may sign, and the checks of the archive ---- */

static void put_authority(struct wire_out *out, const struct cmd_report *r)
{
	const struct archive_desc *d = &r->view.archive->desc;

	wire_out_text(out,
		      "<section><h2>Authority</h2>\n<table class=\"fields\"><caption>Keys that "
		      "may authorise in this archive</caption><tbody>\n");
	for (size_t i = 0; i < d->keys; i++) {
		cmd_report_field(out, "Officer\u2019s key");
		cmd_report_key(out, &d->key[i]);
		cmd_report_field_end(out);
	}
	cmd_report_field(out, "Needed");
	wire_out_printf(out, "%u of %zu must sign%s%s", d->threshold, d->keys,
			d->require_touch ? "; tokens must be touched" : "",
			d->require_pin ? "; tokens must be given their PIN" : "");
	cmd_report_field_end(out);
	wire_out_text(out,
		      "</tbody></table>\n<p>The archive itself says whose it is. Compare these "
		      "fingerprints with those that the authority gives in another way.</p>\n"
		      "</section>\n");
}

static void put_log_row(struct wire_out *out, const struct cmd_report *r,
			const struct roster *roster, const struct roster_node *n)
{
	const struct archive *a = r->view.archive;
	struct note_checkpoint cp = {.size = 0};
	char name[CMD_NAME_MAX];
	int rc = journal_read_checkpoint(a->journal, a->desc.id, &n->pub, &cp, NULL, NULL);

	wire_out_text(out, "<tr><th scope=\"row\">");
	cmd_node_name(name, roster, n->pub.id);
	html_name(out, name, strlen(name));
	wire_out_text(out, "</th><td>");
	html_hex(out, n->pub.id, 16);
	wire_out_printf(out, "</td><td>%s%s</td><td class=\"num\">", roster_roles_text(n->roles),
			n->revoked ? ", revoked" : "");
	if (rc == 0)
		wire_out_printf(out, "%" PRIu64, cp.size);
	wire_out_text(out, "</td><td>");
	if (rc == 0)
		html_hex(out, cp.root, 32);
	else if (rc == ERR_NOTFOUND)
		wire_out_text(out, "<span class=\"none\">no signed checkpoint</span>");
	else
		html_put(out, err_text(rc));
	cmd_report_field_end(out);
}

static void put_findings(struct wire_out *out, const struct cmd_report *r)
{
	wire_out_text(out, "<table class=\"fields\"><caption>Findings</caption><tbody>\n");
	for (size_t i = 0; i < r->findings; i++) {
		const struct verify_finding *f = &r->finding[i];

		wire_out_printf(out, "<tr><th scope=\"row\">%s</th><td>",
				err_exit(f->code) == 4 ? err_word(f->code) : "not checked");
		html_put(out, f->text);
		cmd_report_field_end(out);
	}
	if (r->findings == 0)
		wire_out_text(out,
			      "<tr><td class=\"none\">Nothing was found to be wrong.</td></tr>\n");
	if (r->sum.damaged + r->sum.unchecked > r->findings)
		wire_out_printf(out, "<tr><td colspan=\"2\">and %" PRIu64 " more</td></tr>\n",
				r->sum.damaged + r->sum.unchecked - r->findings);
	wire_out_text(out, "</tbody></table>\n");
}

static void put_checks(struct wire_out *out, const struct cmd_report *r)
{
	/* A station has another one after it has caught up. */
	const struct roster *roster = r->view.station ? r->view.station->roster : r->view.roster;
	const struct verify_sum *s = &r->sum;

	wire_out_printf(out,
			"<section><h2>Checks of the archive</h2>\n<p>For this report %" PRIu64
			" document%s with their signatures and %" PRIu64 " log%s with %" PRIu64
			" event%s were checked: ",
			s->documents, ui_s(s->documents), s->journals, ui_s(s->journals), s->events,
			ui_s(s->events));
	cmd_report_result(out, r->verdict);
	wire_out_printf(out,
			". %" PRIu64 " event%s no signed checkpoint yet. Sealed items other than "
			"those of this report were not read.</p>\n",
			s->unsigned_events,
			s->unsigned_events == 1 ? " is covered by" : "s are covered by");
	put_findings(out, r);
	wire_out_text(out, "<table class=\"logs\"><caption>Logs and their signed checkpoints"
			   "</caption>\n<thead><tr><th scope=\"col\">Node</th><th scope=\"col\">Id"
			   "</th><th scope=\"col\">Role</th><th scope=\"col\">Events</th><th "
			   "scope=\"col\">Root hash</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < roster_count(roster); i++)
		put_log_row(out, r, roster, roster_at(roster, i));
	wire_out_text(out, "</tbody></table>\n<p>One hash over all checkpoints, as <code>custody "
			   "verify</code> prints it: ");
	html_hex(out, s->root, 32);
	wire_out_text(out, "</p>\n</section>\n");
}

int cmd_report_page(struct wire_out *out, const struct cmd_report *r, struct err *e)
{
	wire_out_text(out,
		      "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n"
		      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		      "style-src 'unsafe-inline'\">\n<meta name=\"referrer\" "
		      "content=\"no-referrer\">\n<meta name=\"viewport\" "
		      "content=\"width=device-width, initial-scale=1\">\n");
	put_title(out, r);
	put_about(out, r);
	put_result(out, r);
	wire_out_text(out, "<main>\n");
	put_items(out, r);
	put_case(out, r);
	put_authority(out, r);
	put_checks(out, r);
	wire_out_bytes(out, r->body.p, r->body.n);
	wire_out_text(out, cmd_report_method);
	wire_out_text(out, "</main>\n</body>\n</html>\n");
	if (r->rows.bad || r->body.bad || !wire_out_ok(out))
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}
