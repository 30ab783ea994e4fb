// SPDX-License-Identifier: Apache-2.0
/* What custody log shows: all that fits, or the last of it. */
#include "tools/cmd_log.h"

#include <stdlib.h>
#include <string.h>

#include "index/object_claim.h"

/* A line kept for --limit. */
struct kept {
	char *line; /* owned */
	size_t n;
	uint8_t node[16];
	bool is_signed;
};

struct show {
	struct cmd_log *l;
	int width;
	bool unsigned_seen;
	uint64_t shown;
	struct wire_out path;
	struct kept *ring;
	size_t room, kept; /* places of the ring; how many were ever put there */
};

/* The item's path, as far as this node can know it: whose item an event of another type than ingest
 * is about is not known where nodes claim the same id. */
static bool item_path(struct show *s, const struct event *ev, const uint8_t node[16])
{
	static const uint8_t none[16];
	const struct station *st = s->l->view.station;
	struct db_txn *t = NULL;
	struct object o;
	int rc;

	wire_out_reset(&s->path);
	if (!st || !(st->home->roles & ROSTER_READER) || !memcmp(ev->item, none, 16))
		return false;
	rc = db_begin(&t, st->db, false, NULL);
	if (rc == 0)
		rc = ev->type == EVENT_INGEST ? object_get_item(t, node, ev->item, &o, NULL, NULL) :
						object_claim_one(t, ev->item, &o, NULL, NULL);
	if (rc == 0)
		rc = object_path(t, &o, &s->path, NULL);
	db_abort(t);
	wire_out_u8(&s->path, 0);
	return rc == 0 && wire_out_ok(&s->path);
}

/* Is this the enrolment of a node that goes on in the place of another? Then the name of that. */
static bool heir(const struct show *s, const struct event *ev, const uint8_t node[16],
		 char lost[CMD_NAME_MAX])
{
	const struct roster *r = s->l->view.roster;
	const struct roster_node *n = ev->type == EVENT_ENROLLED ? roster_find(r, node) : NULL;

	if (!n || !n->replaces.origin[0] || memcmp(n->serial, ev->document, 16) != 0)
		return false;
	cmd_node_name(lost, r, n->replaced);
	return true;
}

static void print(struct show *s, const struct event *ev, struct text_span line,
		  const uint8_t node[16], bool is_signed)
{
	char name[CMD_NAME_MAX], lost[CMD_NAME_MAX];
	struct cmd_event c = {
		.ev = ev, .journal = node, .node = name, .is_signed = is_signed, .line = line};

	cmd_node_name(name, s->l->view.roster, node);
	if (item_path(s, ev, node))
		c.path = (char *)s->path.p;
	if (heir(s, ev, node, lost))
		c.heir_of = lost;
	s->unsigned_seen |= !is_signed;
	s->shown++;
	if (s->l->ui->json) {
		cmd_event_json(&c);
		putchar('\n');
	} else {
		cmd_event_print(&c, s->width);
	}
}

/* ---- the last of them ---- */

/* Keep the line; the oldest makes room. */
static int keep(struct show *s, const struct cmd_merge_line *line)
{
	struct kept *k;

	if (s->kept == s->room && s->room < s->l->limit) {
		size_t room = s->room ? 2 * s->room : 64;
		struct kept *ring;

		room = room < s->l->limit ? room : (size_t)s->l->limit;
		ring = realloc(s->ring, room * sizeof(*ring));
		if (!ring)
			return ERR_NOMEM;
		memset(ring + s->room, 0, (room - s->room) * sizeof(*ring));
		s->ring = ring;
		s->room = room;
	}
	k = &s->ring[s->kept % s->room];
	free(k->line);
	k->line = malloc(line->line.n);
	if (!k->line)
		return ERR_NOMEM;
	memcpy(k->line, line->line.p, line->line.n);
	k->n = line->line.n;
	memcpy(k->node, line->node, 16);
	k->is_signed = line->is_signed;
	s->kept++;
	return 0;
}

static void print_kept(struct show *s)
{
	size_t i = s->kept > s->room ? s->kept - s->room : 0;
	struct event ev;

	for (; i < s->kept && !ferror(stdout); i++) {
		const struct kept *k = &s->ring[i % s->room];
		struct text_span line = {k->line, k->n};

		if (event_parse(&ev, line) == 0)
			print(s, &ev, line, k->node, k->is_signed);
	}
}

static void free_kept(struct show *s)
{
	for (size_t i = 0; i < s->room; i++)
		free(s->ring[i].line);
	free(s->ring);
}

/* ---- all ---- */

static int show(struct show *s, struct cmd_merge *m, struct err *e)
{
	const struct cmd_merge_line *line;
	struct cmd_log *l = s->l;
	int rc = 0;

	s->width = cmd_merge_width(m);
	while (rc == 0 && !ferror(stdout) && (line = cmd_merge_next(m, &l->notice))) {
		if (l->limit)
			rc = keep(s, line);
		else
			print(s, &line->ev, line->line, line->node, line->is_signed);
	}
	if (rc)
		return err_set(e, rc, "--limit %llu: out of memory", (unsigned long long)l->limit);
	print_kept(s);
	if (s->unsigned_seen && !l->ui->json)
		ui_say(l->ui, "* not yet covered by a signed checkpoint");
	if (!s->shown)
		ui_say(l->ui, "no event fits");
	rc = cmd_merge_failed(m, e);
	if (rc == 0 && l->notice.n)
		rc = err_set(e, ERR_DAMAGED,
			     "%u thing%s can't be read or trusted, and may be missing here",
			     l->notice.n, ui_s(l->notice.n));
	return rc;
}

int cmd_log_run(struct cmd_log *l, struct err *e)
{
	struct show s = {.l = l};
	struct cmd_merge *m;
	int rc;

	l->ask.last = l->limit;
	rc = cmd_merge_open(&m, l->view.archive, l->view.roster,
			    l->view.station ? l->view.station->db : NULL, &l->ask, e);
	if (rc == 0)
		rc = show(&s, m, e);
	cmd_merge_close(m);
	free_kept(&s);
	wire_out_wipe(&s.path);
	return rc;
}
