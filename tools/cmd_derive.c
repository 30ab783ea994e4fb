// SPDX-License-Identifier: Apache-2.0
#include "tools/cmd_derive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/derived.h"
#include "index/event.h"
#include "index/ledger.h"
#include "index/line.h"
#include "tools/cmd.h"

/* ---- said at an ingest ---- */

/* Whose log took an item in, by the logs alone. */
struct taken {
	struct station *s;
	struct db_txn *t;
	struct ledger_journal *journals;
	size_t njournals;
	const uint8_t *item;
	const struct ledger_journal *by;
	unsigned times;
};

static int look(void *ctx, uint32_t journal, uint64_t seq)
{
	struct taken *w = ctx;

	for (size_t i = 0; i < w->njournals; i++) {
		const struct ledger_journal *j = &w->journals[i];
		struct tree_reader r = {w->t, j->number, j->state.range.size};
		struct wire_out line = {0};
		struct event ev;

		if (j->number != journal)
			continue;
		if (line_read(&r, w->s->archive->journal, j->node, seq, &line, NULL) == 0 &&
		    event_parse(&ev, (struct text_span){(char *)line.p, line.n}) == 0 &&
		    ev.type == EVENT_INGEST && memcmp(ev.item, w->item, 16) == 0 && w->by != j) {
			w->by = j;
			w->times++;
		}
		wire_out_free(&line);
	}
	return 0;
}

static int find_logged(struct station *s, const char *name, const uint8_t item[16],
		       uint8_t node[16], struct err *e)
{
	struct taken w = {.s = s, .item = item};
	int rc = db_begin(&w.t, s->db, false, e);

	if (rc == 0)
		rc = ledger_journals(w.t, &w.journals, &w.njournals, e);
	if (rc == 0)
		rc = ledger_events(w.t, item, look, &w, e);
	db_abort(w.t);
	if (rc == 0 && w.times == 0)
		rc = err_set(e, ERR_NOTFOUND, "%s: no log here takes in an item of this id", name);
	if (rc == 0 && w.times > 1)
		rc = err_set(e, ERR_FORGED, "%s: several nodes claim this id: one of them lies",
			     name);
	if (rc == 0)
		memcpy(node, w.by->node, 16);
	free(w.journals);
	return rc;
}

static int set_hex(struct record *r, const char *key, const void *p, size_t n)
{
	char hex[65];

	text_hex(hex, p, n);
	return record_set_text(r, key, hex);
}

static int set_text(struct record *r, const char *key, const char *v, const char *option,
		    struct err *e)
{
	return !v || (*v && record_set_text(r, key, v) == 0) ?
		       0 :
		       err_set(e, ERR_USAGE, "%s: must be text, in UTF-8", option);
}

int cmd_derive_set(struct record *fields, struct station *s, const char *name, const char *action,
		   const char *tool, struct err *e)
{
	const bool reader = s->home->roles & ROSTER_READER;
	uint8_t sha256[32];
	struct object o;
	int rc;

	if (reader) {
		rc = cmd_find(s, name, &o, NULL, e);
		if (rc == 0 && o.kind != OBJECT_ITEM)
			rc = err_set(e, ERR_USAGE,
				     "%s is a folder: name the item that was worked on", name);
		if (rc == 0 && cmd_digest(sha256, s, &o) == 0 &&
		    set_hex(fields, "derived_from_sha256", sha256, 32) != 0)
			rc = ERR_NOMEM;
	} else if (text_unhex((struct text_span){name, strlen(name)}, o.item, 16)) {
		rc = find_logged(s, name, o.item, o.node, e);
	} else {
		rc = err_set(e, ERR_ROLE, "%s: this node opens no names: give the item's id", name);
	}
	if (rc == 0 && (set_hex(fields, "derived_from", o.item, 16) != 0 ||
			set_hex(fields, "derived_from_node", o.node, 16) != 0))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = set_text(fields, "derived_action", action, "--action", e);
	return rc ? rc : set_text(fields, "derived_tool", tool, "--tool", e);
}

/* ---- shown ---- */

struct shown {
	struct station *s;
	struct ui_json *j; /* NULL: for people */
	const char *title;
	struct err *e;
};

static const char *get(const struct record *r, const char *key, struct text_span *v)
{
	return record_get(r, key, v) ? v->p : NULL;
}

/* Of two records, the one of what was made tells how. */
static int show_one(struct shown *w, const struct object *o, const struct record *how)
{
	static const char *const keys[] = {"derived_action", "derived_tool"};
	struct wire_out path = {0};
	struct text_span v;
	char id[33];
	int rc = cmd_path(w->s, o, &path, w->e);

	if (rc)
		goto out;
	text_hex(id, o->item, 16);
	if (w->j) {
		ui_json_begin(w->j, NULL, '{');
		ui_json_text(w->j, "path", (char *)path.p);
		ui_json_text(w->j, "item", id);
		for (size_t i = 0; how && i < 2; i++)
			if (get(how, keys[i], &v))
				ui_json_bytes(w->j, i ? "tool" : "action", v.p, v.n);
		ui_json_end(w->j, '}');
		goto out;
	}
	printf("%-12s ", w->title);
	ui_put_name((char *)path.p, strlen((char *)path.p));
	printf("\n  %-10s %s\n", "item", id);
	for (size_t i = 0; how && i < 2; i++) {
		if (!get(how, keys[i], &v))
			continue;
		printf("  %-10s ", i ? "tool" : "action");
		ui_put_name(v.p, v.n);
		putchar('\n');
	}
out:
	wire_out_wipe(&path);
	return rc;
}

static int show_made(void *ctx, const struct object *o, const struct record *r)
{
	return show_one(ctx, o, r);
}

struct origin {
	struct shown w;
	const struct record *own;
	bool found;
};

static int show_origin(void *ctx, const struct object *o, const struct record *r)
{
	struct origin *c = ctx;

	(void)r;
	c->found = true;
	return show_one(&c->w, o, c->own);
}

int cmd_derive_print(struct station *s, const struct object *o, const struct record *r,
		     struct err *e)
{
	struct origin from = {{s, NULL, "made from", e}, r, false};
	struct shown made = {s, NULL, "made of it", e};
	int rc = derived_origins(s, r, show_origin, &from, e);

	if (rc == 0 && derived_is(r) && !from.found)
		printf("%-12s an item that is not here\n", "made from");
	return rc ? rc : derived_each(s, o, show_made, &made, e);
}

int cmd_derive_json(struct ui_json *j, struct station *s, const struct object *o,
		    const struct record *r, struct err *e)
{
	struct origin from = {{s, j, NULL, e}, r, false};
	struct shown made = {s, j, NULL, e};
	int rc;

	ui_json_begin(j, "derived_from", '[');
	rc = derived_origins(s, r, show_origin, &from, e);
	ui_json_end(j, ']');
	ui_json_begin(j, "derived", '[');
	if (rc == 0)
		rc = derived_each(s, o, show_made, &made, e);
	ui_json_end(j, ']');
	return rc;
}
