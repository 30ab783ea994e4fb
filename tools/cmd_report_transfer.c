// SPDX-License-Identifier: Apache-2.0
/* Custody of an item's accession that passed to another organisation: who signed for what. */
#include "tools/cmd_report.h"

#include <string.h>

#include "tools/html.h"

static void put_party(struct wire_out *out, const char *organisation, const char *person)
{
	html_name(out, organisation, strlen(organisation));
	wire_out_text(out, ", ");
	html_name(out, person, strlen(person));
}

/* The digest that was released, and the one that arrived, of the segment that holds the item. */
static void put_digests(struct wire_out *out, const struct transfer *t,
			const struct cmd_report_item *it)
{
	for (size_t i = 0; i < t->release.segments; i++) {
		const struct transfer_segment *was = &t->release.segment[i];

		if (memcmp(was->id, it->ingest.segment, 16) != 0)
			continue;
		wire_out_text(out, "<br>its segment, SHA-256 when released: ");
		html_hex(out, was->digest, 32);
		if (!t->received || i >= t->receipt.segments)
			continue;
		if (t->receipt.segment[i].missing) {
			wire_out_text(out, "; it did not arrive");
		} else {
			wire_out_text(out, "; when received: ");
			html_hex(out, t->receipt.segment[i].digest, 32);
		}
	}
}

static void put_result(struct wire_out *out, const struct transfer *t)
{
	if (!t->received) {
		wire_out_text(out, "<strong class=\"open\">? no receipt yet</strong>");
		return;
	}
	wire_out_text(out, t->receipt.match ?
				   "<strong class=\"good\">\u2713 all as released</strong>" :
				   "<strong class=\"bad\">\u2717 not all as released</strong>");
	wire_out_text(out, ": received ");
	html_time(out, t->receipt.issued_ms);
	wire_out_text(out, " by ");
	put_party(out, t->receipt.organisation, t->receipt.person);
	if (*t->receipt.remark) {
		wire_out_text(out, "; remark: ");
		html_name(out, t->receipt.remark, strlen(t->receipt.remark));
	}
}

static void put_row(struct wire_out *out, const struct transfer *t,
		    const struct cmd_report_item *it)
{
	const struct transfer_release *r = &t->release;

	wire_out_text(out, "<tr><td>");
	html_time(out, r->issued_ms);
	wire_out_text(out, "</td><td>");
	put_party(out, r->from, r->from_person);
	wire_out_text(out, "</td><td>");
	put_party(out, r->to, r->to_person);
	wire_out_text(out, "</td><td>");
	html_name(out, r->medium, strlen(r->medium));
	wire_out_text(out, ", serial no. ");
	html_name(out, r->medium_serial, strlen(r->medium_serial));
	wire_out_text(out, "; ");
	html_name(out, r->encryption, strlen(r->encryption));
	wire_out_text(out, "</td><td>");
	html_name(out, r->purpose, strlen(r->purpose));
	if (*r->legal_basis) {
		wire_out_text(out, "; ");
		html_name(out, r->legal_basis, strlen(r->legal_basis));
	}
	wire_out_text(out, "</td><td>");
	put_result(out, t);
	put_digests(out, t, it);
	cmd_report_field_end(out);
}

void cmd_report_transfers(struct wire_out *out, const struct cmd_report *r,
			  const struct cmd_report_item *it)
{
	size_t n = 0;

	wire_out_text(
		out,
		"<table class=\"transfers\"><caption>Transfers to other organisations, of the "
		"accession it belongs to</caption>\n<thead><tr><th scope=\"col\">Released (UTC)"
		"</th><th scope=\"col\">From</th><th scope=\"col\">To</th><th scope=\"col\">"
		"Medium</th><th scope=\"col\">Why</th><th scope=\"col\">Receipt</th></tr>"
		"</thead>\n<tbody>\n");
	for (size_t i = 0; it->taken_in && i < r->transfers.n; i++) {
		if (!transfer_covers(&r->transfers.list[i], it->ingest.accession))
			continue;
		put_row(out, &r->transfers.list[i], it);
		n++;
	}
	if (n == 0)
		wire_out_text(out, "<tr><td colspan=\"6\" class=\"none\">No transfer is recorded."
				   "</td></tr>\n");
	wire_out_text(out, "</tbody></table>\n");
}
