// SPDX-License-Identifier: Apache-2.0
/* Receipts, report and table of a package: what custody report writes, but into the package. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/baglist.h"
#include "tools/cmd_export.h"
#include "tools/cmd_report.h"

struct tags {
	struct export *x;
	struct cmd_report *r;
	struct cmd_export_table *table;
};

static int put(void *ctx, const char *name, const struct wire_out *b, struct err *e)
{
	const struct tags *t = ctx;
	char path[128];

	snprintf(path, sizeof(path), EXPORT_TAGS "%s", name);
	return export_tag(t->x, path, b->p, b->n, e);
}

/* The item's row. One without a receipt, or without what ties its content to it, can't leave: nobody could
 * tell there what it is. */
static int take_item(void *ctx, const struct cmd_report_item *it, struct err *e)
{
	const struct tags *t = ctx;
	const struct export_item *of = &export_sheet(t->x)->item[it->number - 1];

	if (!it->r) {
		if (e)
			*e = it->why;
		return err_prefix(e, it->why.code ? it->why.code : ERR_DAMAGED,
				  "item %s has no receipt", it->id);
	}
	if (!it->r->provenance)
		return err_set(e, ERR_DAMAGED,
			       "the provenance of item %s can't be disclosed: run 'custody verify'",
			       it->id);
	if (memcmp(it->r->content, of->sha256, 32) != 0)
		return err_set(e, ERR_DAMAGED,
			       "item %s is not the content that its record says: run 'custody "
			       "verify'",
			       it->id);
	if (cmd_export_table_add(t->table, of, it->r->provenance) != 0)
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

static int pick_all(struct cmd_report *r, const struct export_sheet *s, struct err *e)
{
	r->picks.list = calloc(s->items + 1, sizeof(*r->picks.list));
	if (!r->picks.list)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (; r->picks.n < s->items; r->picks.n++) {
		struct cmd_report_pick *k = &r->picks.list[r->picks.n];
		const struct export_item *it = &s->item[r->picks.n];

		memcpy(k->item, it->item, 16);
		memcpy(k->node, it->node, 16);
		k->has_node = true;
		k->path = strdup(it->path + sizeof(BAGLIST_PAYLOAD) - 1);
		if (!k->path)
			return err_set(e, ERR_NOMEM, "out of memory");
	}
	return 0;
}

static int write_table(struct tags *t, struct err *e)
{
	struct wire_out out = {0};
	int rc = cmd_export_table_write(t->table, &out);

	rc = rc ? err_set(e, rc, "out of memory") : put(t, "provenance.csv", &out, e);
	wire_out_wipe(&out);
	return rc;
}

int cmd_export_tags(struct export *x, struct ui *ui, struct station *s, size_t *bad, struct err *e)
{
	struct cmd_report r = {.ui = ui,
			       .made_ms = ui_now(),
			       .reader = true,
			       .view = {.station = s, .archive = s->archive, .roster = s->roster}};
	struct tags t = {.x = x, .r = &r};
	int rc = cmd_export_table_new(&t.table);

	ui_user_host(r.maker, sizeof(r.maker));
	r.put = put;
	r.put_ctx = &t;
	r.told = take_item;
	rc = rc ? err_set(e, rc, "out of memory") : pick_all(&r, export_sheet(x), e);
	r.no_page = r.picks.n > REPORT_ITEMS_MAX;
	if (r.no_page)
		ui_say(ui,
		       "%s: more than %u items: receipts and the table are in the package, a "
		       "report and the graph are not",
		       ui->program, REPORT_ITEMS_MAX);
	if (rc == 0)
		rc = cmd_report_write(&r, e);
	if (rc == 0)
		rc = write_table(&t, e);
	*bad = r.bad;
	cmd_export_table_free(t.table);
	cmd_report_clear(&r);
	return rc;
}
