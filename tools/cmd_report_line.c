// SPDX-License-Identifier: Apache-2.0
/* The timeline: what happened in which order, one lane a kind. The picture says what the tables say;
 * who can't see it has them, and a description. */
#include "tools/cmd_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/html.h"

/* In units of the picture, which is scaled to the page. */
#define LEFT 150.0
#define RIGHT 940.0
#define WIDTH 960
#define LANE 34
#define TOP 16
#define LABEL 128.0 /* between two times below the axis */
#define CLOSE 9.0   /* marks nearer than that are one, with a number */

enum lane { LANE_TAKEN, LANE_ADMITTED, LANE_OPENED, LANE_REFUSED, LANE_DAMAGE, LANE_OTHER, LANES };

static const struct {
	const char *name, *class;
} lanes[LANES] = {
	{"Taken in", "t"}, {"Authorised", "a"}, {"Opened", "o"},
	{"Refused", "r"},  {"Damage", "d"},	{"Other", "q"},
};

struct mark {
	int64_t ms;
	enum lane lane;
	double x;
};

static enum lane lane_of(const struct receipt *r, const struct cmd_check_event *x)
{
	switch (r->event[x->number].type) {
	case EVENT_ACCESSION:
		return LANE_TAKEN;
	case EVENT_INGEST:
		return x->group == CHECK_TAKEN_IN ? LANE_TAKEN : LANE_OTHER;
	case EVENT_ADMITTED: /* what revokes it is no authorisation */
		return receipt_grant(r, r->event[x->number].subject) ? LANE_ADMITTED : LANE_OTHER;
	case EVENT_OPENED:
	case EVENT_CLOSED:
	case EVENT_EXPORTED:
		return LANE_OPENED;
	case EVENT_REFUSED:
		return LANE_REFUSED;
	case EVENT_DAMAGED:
		return LANE_DAMAGE;
	default:
		return LANE_OTHER;
	}
}

/* Years lie between some events and a second between others: distances grow with the logarithm of
 * the time, so that each is to be seen and the order is right. */
static double weight(int64_t ms)
{
	double w = ms > 0;

	for (uint64_t left = (uint64_t)ms / 250; left > 0; left /= 2)
		w++;
	return w;
}

static void place(struct mark *m, size_t n)
{
	double total = 0, at = 0;

	for (size_t i = 1; i < n; i++)
		total += weight(m[i].ms - m[i - 1].ms);
	for (size_t i = 0; i < n; i++) {
		at += i ? weight(m[i].ms - m[i - 1].ms) : 0;
		m[i].x = total > 0 ? LEFT + (RIGHT - LEFT) * (0.06 + 0.88 * at / total) :
				     (LEFT + RIGHT) / 2;
	}
}

static double lane_y(enum lane l)
{
	return TOP + LANE * (double)l + LANE / 2.0;
}

static void draw_lanes(struct wire_out *out, const size_t count[LANES])
{
	for (int l = 0; l < LANES; l++) {
		double y = lane_y((enum lane)l);

		wire_out_printf(
			out,
			"<line class=\"lane\" x1=\"%.0f\" y1=\"%.1f\" x2=\"%.0f\" y2=\"%.1f\"/>"
			"<text class=\"%s\" x=\"8\" y=\"%.1f\">%s%s</text>\n",
			LEFT, y, RIGHT, y, count[l] ? "name" : "name none", y + 4, lanes[l].name,
			count[l] ? "" : ": none");
	}
}

/* Each kind has a shape of its own: colours are lost on paper. */
static void draw_shape(struct wire_out *out, enum lane l, double x, double y)
{
	static const char *const path[LANES] = {"M-6,-6H6V6H-6Z",
						"M0,-8L7,6H-7Z",
						"M0,-6A6,6 0 1 1 0,6A6,6 0 1 1 0,-6Z",
						"M-6,-6L6,6M6,-6L-6,6",
						"M0,-8L7,0L0,8L-7,0Z",
						"M-6,0H6M0,-6V6"};

	wire_out_printf(out, "<path class=\"m %s\" transform=\"translate(%.1f %.1f)\" d=\"%s\"/>",
			lanes[l].class, x, y, path[l]);
}

static void draw_marks(struct wire_out *out, const struct mark *m, size_t n)
{
	for (int l = 0; l < LANES; l++) {
		size_t i = 0;

		while (i < n) {
			size_t k = i, same = 0;
			double x = m[i].x, y = lane_y((enum lane)l);

			if (m[i].lane != (enum lane)l) {
				i++;
				continue;
			}
			for (; k < n && m[k].x - x < CLOSE; k++)
				same += m[k].lane == (enum lane)l;
			draw_shape(out, (enum lane)l, x, y);
			if (same > 1)
				wire_out_printf(
					out, "<text class=\"n\" x=\"%.1f\" y=\"%.1f\">%zu</text>",
					x + 9, y - 3, same);
			wire_out_text(out, "\n");
			i = k;
		}
	}
}

static void draw_times(struct wire_out *out, const struct mark *m, size_t n)
{
	double y = TOP + LANE * LANES, last = 0;
	char time[TEXT_TIME_SIZE];

	for (size_t i = 0; i < n; i++) {
		bool end = i + 1 == n || m[n - 1].x - m[i].x < 1;

		if (last > 0 && (m[i].x - last < LABEL || (!end && m[n - 1].x - m[i].x < LABEL)))
			continue;
		last = m[i].x;
		text_time_s(time, m[i].ms / 1000);
		wire_out_printf(
			out,
			"<line class=\"tick\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%.1f\"/>"
			"<text class=\"time\" x=\"%.1f\" y=\"%.1f\">%.10s</text>"
			"<text class=\"time\" x=\"%.1f\" y=\"%.1f\">%.8s</text>\n",
			last, TOP, last, y, last, y + 14, time, last, y + 28, time + 11);
	}
}

static void describe(struct wire_out *out, const struct mark *m, size_t n,
		     const size_t count[LANES])
{
	char from[TEXT_TIME_SIZE], to[TEXT_TIME_SIZE];

	text_time_s(from, m[0].ms / 1000);
	text_time_s(to, m[n - 1].ms / 1000);
	wire_out_printf(out, "%zu event%s from %s to %s:", n, ui_s(n), from, to);
	for (int l = 0; l < LANES; l++)
		wire_out_printf(out, "%s %s %zu", l ? "," : "", lanes[l].name, count[l]);
	wire_out_text(out, ". The tables below list each.");
}

static void draw(struct wire_out *out, size_t number, struct mark *m, size_t n)
{
	size_t count[LANES] = {0};

	for (size_t i = 0; i < n; i++)
		count[m[i].lane]++;
	place(m, n);
	wire_out_printf(
		out,
		"<svg class=\"line\" role=\"img\" viewBox=\"0 0 %d %d\" "
		"aria-labelledby=\"t%zu d%zu\"><title id=\"t%zu\">Timeline of item %zu</title>"
		"<desc id=\"d%zu\">",
		WIDTH, TOP + LANE * LANES + 36, number, number, number, number, number);
	describe(out, m, n, count);
	wire_out_text(out, "</desc>\n");
	draw_times(out, m, n);
	draw_lanes(out, count);
	draw_marks(out, m, n);
	wire_out_text(out, "</svg>\n");
}

void cmd_report_line(struct wire_out *out, const struct cmd_report_item *it)
{
	const size_t n = it->check.events;
	struct mark *m = n ? calloc(n, sizeof(*m)) : NULL;

	wire_out_text(out,
		      "<figure><figcaption>Timeline. The order is exact; distances are "
		      "compressed, and the times below are those of the log (UTC).</figcaption>\n");
	if (n == 0)
		wire_out_text(out, "<p class=\"none\">No event is proved.</p>\n");
	else if (!m)
		out->bad = true;
	for (size_t i = 0; m && i < n; i++)
		m[i] = (struct mark){.ms = it->r->event[it->check.event[i].number].time_ms,
				     .lane = lane_of(it->r, &it->check.event[i])};
	if (m)
		draw(out, it->number, m, n);
	free(m);
	wire_out_text(out, "</figure>\n");
}
