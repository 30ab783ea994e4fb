// SPDX-License-Identifier: Apache-2.0
/* The section of one item. Every part of it is there, whether there is something to tell or not: what
 * is left out looks like what was never recorded. */
#include "tools/cmd_report.h"

#include <inttypes.h>
#include <string.h>

#include "fs/derived.h"
#include "fs/frame.h"
#include "fs/segment.h"
#include "tools/html.h"

/* ---- what it is ---- */

static void put_identity(struct wire_out *out, const struct cmd_report *r,
			 const struct cmd_report_item *it)
{
	struct text_span name = cmd_report_item_name(r, it);

	cmd_report_table(out, "What it is");
	cmd_report_field(out, "Name");
	if (name.n)
		html_name(out, name.p, name.n);
	else
		wire_out_text(out, "<span class=\"none\">not told in this report</span>");
	if (name.n && !*it->check.path)
		wire_out_text(out, " <strong>(as the index of the reporting node has it; not "
				   "proved)</strong>");
	cmd_report_field_end(out);
	cmd_report_field_hex(out, "Item id", it->pick->item, 16);
	if (it->taken_in) {
		cmd_report_field_hex(out, "Accession", it->ingest.accession, 16);
		cmd_report_field_hex(out, "Taken in by node", it->r->node, 16);
		cmd_report_field_hex(out, "Commitment to its provenance", it->ingest.commitment,
				     32);
	}
	cmd_report_table_end(out);
}

static void put_provenance(struct wire_out *out, const struct cmd_report_item *it)
{
	const struct record *rec = it->r ? it->r->provenance : NULL;
	struct text_span v;
	const char *key;
	uint64_t ns;

	cmd_report_table(out, "Provenance, as recorded when it was taken in");
	for (size_t i = 0; rec && i < record_count(rec); i++) {
		record_at(rec, i, &key, &v);
		cmd_report_field(out, key); /* [a-z0-9._-] */
		html_name(out, v.p, v.n);
		/* nanoseconds say little to people */
		if (strcmp(key, "mtime") == 0 && text_u64(v, &ns)) {
			wire_out_text(out, " (");
			html_time(out, (int64_t)(ns / 1000000));
			wire_out_text(out, " UTC)");
		}
		cmd_report_field_end(out);
	}
	if (!rec)
		wire_out_text(out, "<tr><td class=\"none\">Not told in this report: the record is "
				   "sealed, and the receipt discloses nothing of it.</td></tr>\n");
	cmd_report_table_end(out);
}

/* What was made from it, by the index of whoever makes the report: no proof goes with it. */
static int put_made(void *ctx, const struct object *o, const struct record *r)
{
	struct wire_out *out = ctx;
	struct text_span v;

	cmd_report_field(out, "Item");
	record_get(r, "collection", &v);
	html_name(out, v.p, v.n);
	wire_out_text(out, "/");
	record_get(r, "path", &v);
	html_name(out, v.p, v.n);
	wire_out_text(out, "<br>");
	html_hex(out, o->item, 16);
	if (record_get(r, "derived_action", &v)) {
		wire_out_text(out, "<br>");
		html_name(out, v.p, v.n);
	}
	cmd_report_field_end(out);
	return 0;
}

static void put_derived(struct wire_out *out, const struct cmd_report *r,
			const struct cmd_report_item *it)
{
	struct station *s = r->view.station;
	struct wire_out rows = {0};
	struct db_txn *t = NULL;
	struct object o;
	int rc = ERR_ROLE;

	if (it->r && s && r->reader && !r->no_names)
		rc = db_begin(&t, s->db, false, NULL);
	if (rc == 0)
		rc = object_get_item(t, it->r->node, it->pick->item, &o, NULL, NULL);
	db_abort(t);
	if (rc == 0)
		rc = derived_each(s, &o, put_made, &rows, NULL);
	cmd_report_table(out, "Items that were made from it, as their makers say");
	if (rc == 0 && rows.n)
		wire_out_bytes(out, rows.p, rows.n);
	else
		wire_out_printf(out, "<tr><td class=\"none\">%s.</td></tr>\n",
				rc ? "Not told in this report" : "No item in the archive says so");
	cmd_report_table_end(out);
	wire_out_wipe(&rows);
}

/* ---- whether it is still what it was ---- */

static void compare_row(struct wire_out *out, const char *what, const uint8_t before[32],
			const uint8_t now[32])
{
	wire_out_printf(out, "<tr><th scope=\"row\">%s</th><td>", what);
	html_hex(out, before, 32);
	wire_out_text(out, "</td><td>");
	if (now)
		html_hex(out, now, 32);
	else
		wire_out_text(out, "<span class=\"none\">could not be read</span>");
	wire_out_text(out, "</td><td>");
	if (!now)
		wire_out_text(out, "<strong class=\"bad\">\u2717 not there</strong>");
	else if (memcmp(before, now, 32) == 0)
		wire_out_text(out, "<strong class=\"good\">\u2713 the same</strong>");
	else
		wire_out_text(out, "<strong class=\"bad\">\u2717 differs</strong>");
	cmd_report_field_end(out);
}

static void put_digests(struct wire_out *out, const struct cmd_report_item *it)
{
	const struct frame_digest *d = &it->now;

	wire_out_text(out,
		      "<table class=\"digests\"><caption>Digests (SHA-256) before and after"
		      "</caption>\n<thead><tr><th scope=\"col\">Of</th><th scope=\"col\">Logged "
		      "when taken in</th><th scope=\"col\">Computed for this report</th><th "
		      "scope=\"col\">Result</th></tr></thead><tbody>\n");
	if (it->taken_in) {
		compare_row(out, "The sealed item", it->ingest.frame, d->read ? d->frame : NULL);
		compare_row(out, "Its head alone", it->ingest.head, d->read ? d->head : NULL);
	} else {
		wire_out_text(out,
			      "<tr><td colspan=\"4\" class=\"none\">No digest is proved to have "
			      "been logged.</td></tr>\n");
	}
	wire_out_text(out, "<tr><th scope=\"row\">The file itself, in the clear</th><td>");
	if (it->r && it->r->provenance)
		html_hex(out, it->r->content, 32);
	else
		wire_out_text(out, "<span class=\"none\">not told in this report</span>");
	wire_out_text(out,
		      "</td><td><span class=\"none\">not computed: the item stays sealed</span>"
		      "</td><td>compare a released copy with <code>sha256sum</code></td></tr>\n"
		      "</tbody></table>\n");
	if (d->code) {
		wire_out_text(out, "<p class=\"finding\">The sealed item: ");
		html_put(out, d->text);
		wire_out_text(out, ".</p>\n");
	}
}

static void put_command(struct wire_out *out, const struct cmd_report_item *it)
{
	const struct event *ev = &it->ingest;
	char path[SEGMENT_PATH_MAX];

	if (!it->taken_in)
		return;
	segment_path(path, ev->segment);
	wire_out_printf(
		out,
		"<p class=\"then\">To compute the digest of the sealed item again, in the archive:</p>\n"
		"<pre>dd if=segments/%s bs=1M iflag=skip_bytes,count_bytes \\\n"
		"   skip=%" PRIu64 " count=%" PRIu64 " status=none | sha256sum</pre>\n",
		path, ev->offset, ev->length);
}

/* ---- what happened ---- */

static bool is_taken(const struct receipt *r, const struct cmd_check_event *x)
{
	(void)r;
	return x->group == CHECK_TAKEN_IN;
}

static bool is_access(const struct receipt *r, const struct cmd_check_event *x)
{
	enum event_type t = r->event[x->number].type;

	return t == EVENT_OPENED || t == EVENT_CLOSED || t == EVENT_EXPORTED;
}

static bool is_release(const struct receipt *r, const struct cmd_check_event *x)
{
	return r->event[x->number].type == EVENT_ADMITTED;
}

static bool is_refused(const struct receipt *r, const struct cmd_check_event *x)
{
	(void)r;
	return x->group == CHECK_REFUSED;
}

static bool is_damage(const struct receipt *r, const struct cmd_check_event *x)
{
	(void)r;
	return x->group == CHECK_DAMAGED;
}

static bool is_other(const struct receipt *r, const struct cmd_check_event *x)
{
	return !is_taken(r, x) && !is_access(r, x) && !is_release(r, x) && !is_refused(r, x) &&
	       !is_damage(r, x);
}

/* ---- what the checks found ---- */

static void put_findings(struct wire_out *out, const struct cmd_report_item *it)
{
	const struct receipt *r = it->r;

	wire_out_text(out, "<p>Receipt: ");
	if (r) {
		wire_out_printf(out, "<a href=\"%s\"><code>%s</code></a>, SHA-256 ", it->file,
				it->file);
		html_hex(out, it->digest, 32);
		wire_out_printf(out, ". It proves %zu event%s of %zu log%s: %s.</p>\n",
				it->check.events, ui_s(it->check.events), r->logs, ui_s(r->logs),
				cmd_check_verdict(r));
	} else {
		wire_out_text(out, "<strong>none could be made</strong>: ");
		html_put(out, it->why.text);
		wire_out_text(out, ".</p>\n");
	}
	if (it->sum.beyond)
		wire_out_printf(out,
				"<p class=\"finding\">%" PRIu64 " further event%s of this item: no "
				"signed checkpoint covers %s yet.</p>\n",
				it->sum.beyond, ui_s(it->sum.beyond),
				it->sum.beyond == 1 ? "it" : "them");
	for (size_t i = 0; r && i < r->findings; i++) {
		wire_out_text(out, "<p class=\"finding\">");
		html_put(out, r->finding[i].text);
		wire_out_text(out, "</p>\n");
	}
	if (r && r->findings == 0)
		wire_out_text(out,
			      "<p>Its check found nothing wrong: all signatures, checkpoints and "
			      "proofs hold, and each opening was covered.</p>\n");
}

void cmd_report_section(struct wire_out *out, const struct cmd_report *r,
			const struct cmd_report_item *it)
{
	struct text_span name = cmd_report_item_name(r, it);

	wire_out_printf(out, "<section class=\"item\" id=\"item-%zu\"><h2>Item %zu: ", it->number,
			it->number);
	if (name.n)
		html_name(out, name.p, name.n);
	else
		wire_out_text(out, it->id);
	wire_out_text(out, "</h2>\n<p class=\"verdict\">Custody and integrity: ");
	cmd_report_result(out, it->code);
	wire_out_text(out, "</p>\n");
	put_identity(out, r, it);
	cmd_report_line(out, it);
	wire_out_text(out, "<h3>Integrity</h3>\n");
	put_digests(out, it);
	put_command(out, it);
	put_findings(out, it);
	wire_out_text(out, "<h3>Events</h3>\n");
	cmd_report_events(out, it, "Taking in", is_taken);
	cmd_report_events(out, it, "Releases: what was admitted", is_release);
	cmd_report_events(out, it, "Openings: every access to the content", is_access);
	cmd_report_events(out, it, "Refusals", is_refused);
	cmd_report_events(out, it, "Damage that was logged", is_damage);
	cmd_report_events(out, it, "Other events", is_other);
	cmd_report_transfers(out, r, it);
	wire_out_text(out, "<h3>Authority</h3>\n");
	cmd_report_grants(out, it->r);
	wire_out_text(out, "<h3>Provenance</h3>\n");
	put_provenance(out, it);
	put_derived(out, r, it);
	wire_out_text(out, "</section>\n");
}

void cmd_report_item_row(struct wire_out *out, const struct cmd_report *r,
			 const struct cmd_report_item *it)
{
	struct text_span name = cmd_report_item_name(r, it);

	wire_out_printf(out, "<tr><td><a href=\"#item-%zu\">%zu</a></td><th scope=\"row\">",
			it->number, it->number);
	if (name.n)
		html_name(out, name.p, name.n);
	else
		html_hex(out, it->pick->item, 16);
	wire_out_text(out, "</th><td class=\"when\">");
	if (it->taken_in)
		html_time(out, it->ingest.time_ms);
	else
		wire_out_text(out, "<span class=\"none\">not proved</span>");
	wire_out_printf(out, "</td><td class=\"num\">%zu</td><td class=\"num\">%zu</td><td>",
			cmd_report_item_count(it, EVENT_OPENED),
			cmd_report_item_count(it, EVENT_REFUSED));
	cmd_report_result(out, it->code);
	cmd_report_field_end(out);
}
