// SPDX-License-Identifier: Apache-2.0
/* One event as a row of a table: when, what, who, where, why and by whose authority, and which entry
 * of which log it is. */
#include "tools/cmd_report.h"

#include <inttypes.h>
#include <string.h>

#include "tools/html.h"

#define NO_LOGIN_UID 4294967295u
#define SHORT_ID 4 /* bytes of an id that stands in full elsewhere in the section */

/* A cell's event, with what the cells need to know of it. */
struct row {
	const struct cmd_report_item *it;
	const struct receipt *r;
	const struct cmd_check_event *x;
	struct event ev;
	char node[CMD_NAME_MAX];
	const struct receipt_log *log;
};

const char *cmd_report_event_name(enum event_type type)
{
	switch (type) {
	case EVENT_ACCESSION:
		return "Accession begun";
	case EVENT_INGEST:
		return "Taken into custody";
	case EVENT_ADMITTED:
		return "Admitted";
	case EVENT_REFUSED:
		return "Refused";
	case EVENT_OPENED:
		return "Opened";
	case EVENT_CLOSED:
		return "Closed";
	case EVENT_EXPORTED:
		return "Exported";
	case EVENT_DAMAGED:
		return "Damage found";
	case EVENT_REPAIRED:
		return "Repaired";
	default:
		return event_type_name(type);
	}
}

static bool given(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	while (n-- > 0)
		any |= p[n];
	return any != 0;
}

/* Nothing is left empty: what is not recorded is said not to be. */
static void put_none(struct wire_out *out)
{
	wire_out_text(out, "<span class=\"none\">not recorded</span>");
}

static void put_short(struct wire_out *out, const char *before, const uint8_t id[16])
{
	wire_out_text(out, before);
	html_hex(out, id, SHORT_ID);
	wire_out_text(out, "\u2026");
}

static void put_export(struct wire_out *out, const struct event *ev)
{
	put_short(out, ", number ", ev->export);
	wire_out_printf(out, ", of %" PRIu64 " item%s, ", ev->items, ui_s(ev->items));
	if (*ev->recipients) {
		wire_out_text(out, "sealed to ");
		html_put(out, ev->recipients);
	} else {
		wire_out_text(out, "unsealed");
	}
}

static void put_what(struct wire_out *out, const struct row *w)
{
	const struct event *ev = &w->ev;

	html_put(out, ev->type == EVENT_UNKNOWN ? ev->type_name : cmd_report_event_name(ev->type));
	if (ev->type == EVENT_ADMITTED) {
		wire_out_text(out, ": ");
		html_put(out, ev->kind);
		put_short(out, " ", ev->document);
	} else if (ev->type == EVENT_CLOSED) {
		wire_out_printf(out, ": %" PRIu64 " byte%s given out", ev->bytes, ui_s(ev->bytes));
	} else if (ev->type == EVENT_REFUSED || ev->type == EVENT_DAMAGED) {
		wire_out_text(out, ": ");
		html_put(out, ev->what);
	} else if (ev->type == EVENT_OPENED && given(ev->export, 16)) {
		put_short(out, " for export ", ev->export);
	} else if (ev->type == EVENT_EXPORTED) {
		put_export(out, ev);
	}
	if (ev->type == EVENT_REFUSED && ev->count > 1)
		wire_out_printf(out, ", %" PRIu64 " times", ev->count);
	if (ev->type == EVENT_DAMAGED)
		wire_out_printf(out, ", bytes %" PRIu64 " to %" PRIu64, ev->offset,
				ev->offset + ev->length);
}

/* The event that says who it was: an item was taken in by the account of its accession, and closed by
 * who had opened it. */
static bool find_other(const struct row *w, struct event *ev)
{
	const enum event_type type = w->ev.type == EVENT_INGEST ? EVENT_ACCESSION : EVENT_OPENED;

	for (size_t i = w->x->number; i-- > 0;) {
		const struct receipt_event *x = &w->r->event[i];

		if (x->log != w->r->event[w->x->number].log)
			break;
		if (!x->proved || x->type != type)
			continue;
		receipt_event(w->r, i, ev);
		if (type == EVENT_ACCESSION ? !memcmp(ev->accession, w->ev.accession, 16) :
					      ev->handle == w->ev.handle)
			return true;
	}
	return false;
}

static void put_who(struct wire_out *out, const struct row *w)
{
	const struct event *ev = &w->ev;
	struct event other;

	if ((ev->type == EVENT_INGEST || ev->type == EVENT_CLOSED) && find_other(w, &other))
		ev = &other;
	if (!*ev->user) {
		put_none(out);
		return;
	}
	html_name(out, ev->user, strlen(ev->user));
	wire_out_printf(out, " (uid %" PRIu64, ev->uid);
	if ((ev->type == EVENT_OPENED || ev->type == EVENT_EXPORTED) && ev->loginuid != ev->uid &&
	    ev->loginuid != NO_LOGIN_UID)
		wire_out_printf(out, ", logged in as uid %" PRIu64, ev->loginuid);
	wire_out_text(out, ")");
	if (*ev->program) {
		wire_out_text(out, " with ");
		html_name(out, ev->program, strlen(ev->program));
	}
}

static void put_where(struct wire_out *out, const struct row *w)
{
	if (w->ev.type == EVENT_ACCESSION && *w->ev.host) {
		wire_out_text(out, "host ");
		html_name(out, w->ev.host, strlen(w->ev.host));
		wire_out_text(out, ", ");
	}
	wire_out_text(out, "node ");
	html_name(out, w->node, strlen(w->node));
}

/* The authorisation that an event is about, if the receipt has it. */
static const struct receipt_grant *grant_of(const struct row *w)
{
	if (w->ev.type == EVENT_OPENED || w->ev.type == EVENT_CLOSED ||
	    w->ev.type == EVENT_EXPORTED)
		return receipt_grant(w->r, w->ev.release);
	if (w->ev.type == EVENT_ADMITTED || w->ev.type == EVENT_REFUSED)
		return receipt_grant(w->r, w->ev.document);
	return NULL;
}

static void put_grant(struct wire_out *out, const struct receipt_grant *g)
{
	html_name(out, g->terms.purpose, strlen(g->terms.purpose));
	wire_out_text(out, ", case ");
	html_name(out, g->terms.case_no, strlen(g->terms.case_no));
	put_short(out, "; authorisation ", g->terms.serial);
}

static void put_why(struct wire_out *out, const struct row *w)
{
	const struct receipt_grant *g = grant_of(w);

	if (w->ev.type == EVENT_REFUSED) {
		wire_out_text(out, "reason: ");
		html_put(out, w->ev.reason);
		if (given(w->ev.document, 16))
			put_short(out, "; the nearest authorisation was ", w->ev.document);
	} else if (g) {
		put_grant(out, g);
	} else if (w->ev.type == EVENT_OPENED || w->ev.type == EVENT_CLOSED) {
		put_short(out, "authorisation ", w->ev.release);
		wire_out_text(out, " <strong>is not proved</strong>");
	} else if (w->ev.type == EVENT_ACCESSION || w->ev.type == EVENT_INGEST) {
		put_short(out, "the node\u2019s enrolment ", w->log->who.serial);
	} else {
		put_none(out);
	}
}

static void put_row(struct wire_out *out, const struct cmd_report_item *it,
		    const struct cmd_check_event *x)
{
	struct row w = {.it = it, .r = it->r, .x = x};

	cmd_check_event(&it->check, x->number, &w.ev, w.node);
	w.log = &it->r->log[it->r->event[x->number].log];
	wire_out_text(out, "<tr><td class=\"when\">");
	html_time(out, w.ev.time_ms);
	wire_out_text(out, "</td><th scope=\"row\">");
	put_what(out, &w);
	wire_out_text(out, "</th><td>");
	put_who(out, &w);
	wire_out_text(out, "</td><td>");
	put_where(out, &w);
	wire_out_text(out, "</td><td>");
	put_why(out, &w);
	wire_out_text(out, "</td><td class=\"entry\">");
	html_hex(out, w.log->node, SHORT_ID);
	wire_out_printf(out, "\u2026 no. %" PRIu64 "</td></tr>\n", w.ev.seq);
}

void cmd_report_events(struct wire_out *out, const struct cmd_report_item *it, const char *caption,
		       cmd_report_pred *in)
{
	size_t n = 0;

	wire_out_text(out, "<table class=\"events\"><caption>");
	wire_out_text(out, caption);
	wire_out_text(
		out, "</caption>\n<thead><tr><th scope=\"col\">When (UTC)</th>"
		     "<th scope=\"col\">What</th><th scope=\"col\">Who</th>"
		     "<th scope=\"col\">Where</th><th scope=\"col\">Why, and by what authority</th>"
		     "<th scope=\"col\">Log entry</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < it->check.events; i++) {
		if (!in(it->r, &it->check.event[i]))
			continue;
		put_row(out, it, &it->check.event[i]);
		n++;
	}
	if (n == 0)
		wire_out_text(out, "<tr><td colspan=\"6\" class=\"none\">No event of this kind is "
				   "recorded.</td></tr>\n");
	wire_out_text(out, "</tbody></table>\n");
}
