// SPDX-License-Identifier: Apache-2.0
/* The packages that an item left in: its openings have their numbers, and their events to whom. */
#include <inttypes.h>
#include <string.h>

#include "tools/cmd_trace.h"
#include "tools/ui_json.h"

/* Lines that fit, one after the other, to cb. */
static int each(struct cmd_trace *t, struct cmd_ask *ask,
		int (*cb)(void *ctx, const struct cmd_merge_line *l), void *ctx, struct err *e)
{
	const struct cmd_merge_line *line;
	struct cmd_merge *m;
	int rc = cmd_merge_open(&m, t->view.archive, t->view.roster, t->view.station->db, ask, e),
	    got = 0;

	if (rc)
		return rc;
	while (got == 0 && (line = cmd_merge_next(m, &t->notice)))
		got = cb(ctx, line);
	rc = got ? got : cmd_merge_failed(m, e);
	cmd_merge_close(m);
	return rc;
}

static int take_number(void *ctx, const struct cmd_merge_line *l)
{
	static const uint8_t none[16];

	return memcmp(l->ev.export, none, 16) == 0 ? 0 : cmd_ids_add(ctx, l->ev.export);
}

static int print(void *ctx, const struct cmd_merge_line *l)
{
	const struct event *ev = &l->ev;
	char hex[33], time[TEXT_TIME_SIZE];

	(void)ctx;
	text_hex(hex, ev->export, 16);
	text_time_s(time, ev->time_ms / 1000);
	printf("exported     %s, %s, by ", hex, time);
	ui_put_name(ev->user, strlen(ev->user));
	printf(" on ");
	ui_put_name(l->name, strlen(l->name));
	text_hex(hex, ev->release, 4);
	printf(", with %" PRIu64 " item%s, authorisation %s\n", ev->items, ui_s(ev->items), hex);
	printf("  to         ");
	ui_put_name(ev->recipients, strlen(ev->recipients));
	puts(ev->recipients[0] ? "" : "whoever got it: it was not sealed");
	return 0;
}

static int print_json(void *ctx, const struct cmd_merge_line *l)
{
	const struct event *ev = &l->ev;
	struct ui_json *j = ctx;

	ui_json_begin(j, NULL, '{');
	ui_json_id(j, "export", ev->export);
	ui_json_time(j, "time", ev->time_ms);
	ui_json_text(j, "user", ev->user);
	ui_json_id(j, "node", l->node);
	ui_json_text(j, "node_name", l->name);
	ui_json_id(j, "authorisation", ev->release);
	ui_json_text(j, "form", ev->kind);
	ui_json_text(j, "recipients", ev->recipients);
	ui_json_number(j, "items", ev->items);
	ui_json_end(j, '}');
	return 0;
}

int cmd_trace_exports(struct cmd_trace *t, const uint8_t item[16], struct ui_json *j, struct err *e)
{
	struct cmd_ask opened = CMD_ASK_ALL, exported = CMD_ASK_ALL;
	int rc = cmd_ids_add(&opened.items, item);

	opened.types = opened.type[EVENT_OPENED] = true;
	exported.types = exported.type[EVENT_EXPORTED] = true;
	cmd_ids_sort(&opened.items);
	if (rc == 0)
		rc = each(t, &opened, take_number, &exported.exports, e);
	cmd_ids_sort(&exported.exports);
	if (rc == 0 && exported.exports.n)
		rc = each(t, &exported, j ? print_json : print, j, e);
	cmd_ask_free(&opened);
	cmd_ask_free(&exported);
	return rc == ERR_NOMEM ? err_set(e, rc, "out of memory") : rc;
}
