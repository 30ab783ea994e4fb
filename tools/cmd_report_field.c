// SPDX-License-Identifier: Apache-2.0
/* Small parts that all parts of a report are made of. */
#include "tools/cmd_report.h"

#include <string.h>

#include "tools/html.h"

void cmd_report_result(struct wire_out *out, int code)
{
	if (code == 0)
		wire_out_text(out, "<strong class=\"good\">\u2713 holds</strong>");
	else if (err_exit(code) == 4)
		wire_out_text(out, "<strong class=\"bad\">\u2717 does not hold</strong>");
	else
		wire_out_text(out, "<strong class=\"open\">? not all could be checked</strong>");
}

void cmd_report_field(struct wire_out *out, const char *name)
{
	wire_out_printf(out, "<tr><th scope=\"row\">%s</th><td>", name);
}

void cmd_report_field_end(struct wire_out *out)
{
	wire_out_text(out, "</td></tr>\n");
}

void cmd_report_key(struct wire_out *out, const struct sshkey *k)
{
	char print[SSHKEY_FINGERPRINT_SIZE];

	sshkey_fingerprint(print, k);
	html_name(out, k->comment, strlen(k->comment));
	wire_out_printf(out, " <code>%s</code>%s", print, k->token ? " (token)" : "");
}

void cmd_report_field_hex(struct wire_out *out, const char *name, const void *p, size_t n)
{
	cmd_report_field(out, name);
	html_hex(out, p, n);
	cmd_report_field_end(out);
}

void cmd_report_field_text(struct wire_out *out, const char *name, const char *text)
{
	cmd_report_field(out, name);
	if (*text)
		html_name(out, text, strlen(text));
	else
		wire_out_text(out, "<span class=\"none\">not recorded</span>");
	cmd_report_field_end(out);
}

void cmd_report_table(struct wire_out *out, const char *caption)
{
	wire_out_printf(out, "<table class=\"fields\"><caption>%s</caption><tbody>\n", caption);
}

void cmd_report_table_end(struct wire_out *out)
{
	wire_out_text(out, "</tbody></table>\n");
}
