// SPDX-License-Identifier: Apache-2.0
/* By what authority: authorisations and what revokes them. */
#include "tools/cmd_report.h"

#include <string.h>

#include "tools/html.h"

static void put_period(struct wire_out *out, const struct authorisation *a)
{
	cmd_report_field(out, "In force");
	html_time(out, a->not_before_ms);
	wire_out_text(out, " to ");
	html_time(out, a->not_after_ms);
	cmd_report_field_end(out);
}

static void put_users(struct wire_out *out, const struct authorisation *a)
{
	cmd_report_field(out, "For the accounts");
	for (size_t i = 0; i < a->nusers; i++) {
		wire_out_text(out, i ? ", " : "");
		html_name(out, a->users[i], strlen(a->users[i]));
	}
	if (a->nusers == 0)
		wire_out_text(out, "any account of the node");
	cmd_report_field_end(out);
}

static void put_terms(struct wire_out *out, const struct authorisation *a,
		      const struct archive_desc *desc, const unsigned *signer, size_t signers)
{
	cmd_report_field_hex(out, "Authorisation", a->serial, 16);
	cmd_report_field_text(out, "Case", a->case_no);
	cmd_report_field_text(out, "Purpose", a->purpose);
	cmd_report_field_text(out, "Legal basis", a->legal_basis);
	cmd_report_field_text(out, "Asked for by", a->requested_by);
	for (size_t i = 0; i < signers; i++) {
		cmd_report_field(out, "Signed by");
		cmd_report_key(out, &desc->key[signer[i]]);
		cmd_report_field_end(out);
	}
	cmd_report_field_hex(out, "For the node", a->node, 16);
	put_users(out, a);
	put_period(out, a);
}

void cmd_report_terms(struct wire_out *out, const struct cmd_report_grant *g)
{
	cmd_report_table(out, "Authorisation of the case");
	put_terms(out, &g->terms, g->by, g->signer, g->signers);
	cmd_report_field(out, "Released");
	wire_out_text(out,
		      g->admitted ? "yes: its admission is in the log" : "no: no log admits it");
	cmd_report_field_end(out);
	cmd_report_table_end(out);
}

void cmd_report_grants(struct wire_out *out, const struct receipt *r)
{
	size_t n = 0;

	for (size_t i = 0; r && i < r->grants; i++) {
		const struct receipt_grant *g = &r->grant[i];

		if (!g->good)
			continue;
		cmd_report_table(out, "Authorisation it was opened under");
		put_terms(out, &g->terms, receipt_desc(r, g->version), g->signer, g->signers);
		cmd_report_table_end(out);
		n++;
	}
	for (size_t i = 0; r && i < r->revocations; i++) {
		const struct authorisation_revocation *v = &r->revocation[i].terms;

		if (!r->revocation[i].good)
			continue;
		cmd_report_table(out, "Revocation");
		cmd_report_field_hex(
			out, v->what == REVOKE_NODE ? "Of the node" : "Of the authorisation",
			v->target, 16);
		cmd_report_field_text(out, "Reason", v->reason);
		cmd_report_field(out, "Issued");
		html_time(out, v->issued_ms);
		cmd_report_field_end(out);
		cmd_report_table_end(out);
	}
	if (n == 0)
		wire_out_text(out,
			      "<p class=\"none\">No authorisation under which it was opened is "
			      "recorded.</p>\n");
}
