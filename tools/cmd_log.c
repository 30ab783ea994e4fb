// SPDX-License-Identifier: Apache-2.0
/* custody log: what happened, of all journals, in order of time. */
#include "tools/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "index/object_claim.h"
#include "tools/cmd_merge.h"
#include "tools/verb.h"

#define LIMIT_MAX 10000000u

static const char help[] =
	"Usage: custody log ARCHIVE [OPTION]...\n"
	"Print the custody log: the events of all nodes in order of time. It needs no node; with a\n"
	"reader node items are shown by their paths. A '*' marks what no signed checkpoint covers yet.\n"
	"\n"
	"      --item PATH|ID     of one item\n"
	"      --journal NODE     of one node: its name, its id, or how the id begins (4 digits or\n"
	"                         more)\n"
	"      --type T[,T...]    of these types: opened, refused, admitted, ingest, ...\n"
	"      --since T, --until T\n"
	"                         from and up to a time: 2026-11-23T07:10:00Z, or -90s, -30m, -2h,\n"
	"                         -3d for so long ago\n"
	"  -n, --limit N          the last N of them\n"
	"      --no-node          don't use this host's node: no key, no passphrase, no paths\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"--json prints each journal line with the members journal, node_name, signed and path added.\n"
	"A line that was edited after it was indexed is named and not shown. Without a node, a journal\n"
	"that is not what its checkpoint signs is named and all its lines are marked. 'custody verify'\n"
	"checks the rest.\n"
	"Exit codes: 0 done, 1 no such item or node, system or index, 2 usage, 3 key or passphrase,\n"
	"4 lines that are no events or not what was signed, or a forged or shortened log.\n";

/* A line kept for --limit. */
struct kept {
	struct event *ev;
	char *line;
	size_t n;
	uint8_t node[16];
	char name[CMD_NAME_MAX];
	bool is_signed;
};

struct log {
	struct ui *ui;
	const char *archive, *item, *journal;
	bool no_node, types_given, unsigned_seen;
	bool type[EVENT_TYPES];
	int64_t since_ms, until_ms;
	uint64_t limit; /* 0: none */
	uint8_t item_id[16];
	struct cmd_view view;
	struct kept *ring;
	size_t kept; /* ever put into the ring */
	int width;
};

static int bad_type(const struct log *l, const char *p, size_t n)
{
	char known[400] = "";

	for (unsigned t = EVENT_UNKNOWN + 1; t < EVENT_TYPES; t++) {
		size_t at = strlen(known);

		snprintf(known + at, sizeof(known) - at, " %s", event_type_name(t));
	}
	return ui_usage(l->ui, "--type %.*s: the types are%s", n < 60 ? (int)n : 60, p, known);
}

/* A comma-separated list. */
static int parse_types(struct log *l, const char *list)
{
	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ",");
		unsigned t = EVENT_UNKNOWN + 1;

		while (t < EVENT_TYPES &&
		       (strlen(event_type_name(t)) != n || strncmp(event_type_name(t), p, n) != 0))
			t++;
		if (t == EVENT_TYPES)
			return bad_type(l, p, n);
		l->type[t] = l->types_given = true;
		p += n;
		if (!*p)
			return 0;
	}
}

static int parse_time(struct log *l, const char *option, const char *arg, int64_t *ms)
{
	struct err e = {0};

	return ui_time(arg, ui_now(), ms, &e) < 0 ? ui_usage(l->ui, "%s %s", option, e.text) : 0;
}

static int take(struct log *l, int c)
{
	switch (c) {
	case 'i':
		l->item = optarg;
		return 0;
	case 'j':
		l->journal = optarg;
		return 0;
	case 't':
		return parse_types(l, optarg);
	case 's':
		return parse_time(l, "--since", optarg, &l->since_ms);
	case 'u':
		return parse_time(l, "--until", optarg, &l->until_ms);
	case 'n':
		return verb_number(l->ui, "--limit", optarg, 1, LIMIT_MAX, &l->limit);
	default:
		l->no_node = true;
		return 0;
	}
}

static int parse(struct log *l, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"item", 1, NULL, 'i'},
					      {"journal", 1, NULL, 'j'},
					      {"type", 1, NULL, 't'},
					      {"since", 1, NULL, 's'},
					      {"until", 1, NULL, 'u'},
					      {"limit", 1, NULL, 'n'},
					      {"no-node", 0, NULL, 1},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(l->ui, argc, argv, VERB_SHORT "n:", longs, help, &code)) >= 0) {
		code = take(l, c);
		if (code)
			return code;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(l->ui, argc, 1, 1, "one ARCHIVE");
	if (code)
		return code;
	l->archive = argv[optind];
	return -1;
}

/* The item's path, as far as this node can know it: whose item an event of another type than ingest
 * is about is not known where nodes claim the same id. */
static bool item_path(const struct log *l, const struct event *ev, const uint8_t node[16],
		      struct wire_out *path)
{
	static const uint8_t none[16];
	struct db_txn *t = NULL;
	struct object o;
	int rc;

	wire_out_reset(path);
	if (!l->view.station || !(l->view.station->home->roles & ROSTER_READER) ||
	    !memcmp(ev->item, none, 16))
		return false;
	rc = db_begin(&t, l->view.station->db, false, NULL);
	if (rc == 0)
		rc = ev->type == EVENT_INGEST ? object_get_item(t, node, ev->item, &o, NULL, NULL) :
						object_claim_one(t, ev->item, &o, NULL, NULL);
	if (rc == 0)
		rc = object_path(t, &o, path, NULL);
	db_abort(t);
	wire_out_u8(path, 0);
	return rc == 0 && wire_out_ok(path);
}

static void print(struct log *l, const struct event *ev, struct text_span line,
		  const uint8_t node[16], const char *name, bool is_signed, struct wire_out *path)
{
	struct cmd_event c = {
		.ev = ev, .journal = node, .node = name, .is_signed = is_signed, .line = line};

	if (item_path(l, ev, node, path))
		c.path = (char *)path->p;
	l->unsigned_seen |= !is_signed;
	if (l->ui->json) {
		cmd_event_json(&c);
		putchar('\n');
	} else {
		cmd_event_print(&c, l->width);
	}
}

static bool wanted(const struct log *l, const struct event *ev)
{
	if (l->types_given && !l->type[ev->type])
		return false;
	if (ev->time_ms < l->since_ms || ev->time_ms > l->until_ms)
		return false;
	return !l->item || !memcmp(ev->item, l->item_id, 16);
}

/* Keep the line; the oldest makes room. */
static int keep(struct log *l, const struct cmd_merge_line *line)
{
	struct kept *k = &l->ring[l->kept % l->limit];

	free(k->line);
	if (!k->ev)
		k->ev = malloc(sizeof(*k->ev));
	k->line = malloc(line->line.n);
	if (!k->ev || !k->line)
		return ERR_NOMEM;
	*k->ev = line->ev;
	memcpy(k->line, line->line.p, line->line.n);
	k->n = line->line.n;
	memcpy(k->node, line->node, 16);
	memcpy(k->name, line->name, sizeof(k->name));
	k->is_signed = line->is_signed;
	l->kept++;
	return 0;
}

static void print_kept(struct log *l, struct wire_out *path)
{
	size_t i = l->kept > l->limit ? l->kept - l->limit : 0;

	for (; i < l->kept; i++) {
		const struct kept *k = &l->ring[i % l->limit];

		print(l, k->ev, (struct text_span){k->line, k->n}, k->node, k->name, k->is_signed,
		      path);
	}
}

static void free_kept(struct log *l)
{
	for (size_t i = 0; l->ring && i < l->limit; i++) {
		free(l->ring[i].ev);
		free(l->ring[i].line);
	}
	free(l->ring);
}

static int run(struct log *l, struct cmd_merge *m, struct err *e)
{
	const struct cmd_merge_line *line;
	struct wire_out path = {0};
	int rc = 0;

	l->width = cmd_merge_width(m);
	if (l->limit) {
		l->ring = calloc(l->limit, sizeof(*l->ring));
		rc = l->ring ? 0 :
			       err_set(e, ERR_NOMEM, "--limit %llu: out of memory",
				       (unsigned long long)l->limit);
	}
	while (rc == 0 && !ferror(stdout) && (line = cmd_merge_next(m, ui_notice, l->ui))) {
		if (!wanted(l, &line->ev))
			continue;
		if (l->limit)
			rc = keep(l, line);
		else
			print(l, &line->ev, line->line, line->node, line->name, line->is_signed,
			      &path);
	}
	if (rc == 0 && l->limit)
		print_kept(l, &path);
	if (rc == 0 && l->unsigned_seen && !l->ui->json)
		ui_say(l->ui, "* not yet covered by a signed checkpoint");
	if (rc == 0 && cmd_merge_bad(m))
		rc = err_set(e, ERR_DAMAGED, "%u journal line%s can't be read", cmd_merge_bad(m),
			     ui_s(cmd_merge_bad(m)));
	free_kept(l);
	wire_out_wipe(&path);
	return rc;
}

static int find_item(struct log *l, struct err *e)
{
	struct object o;
	int rc;

	if (!l->item || text_unhex((struct text_span){l->item, strlen(l->item)}, l->item_id, 16))
		return 0;
	if (!l->view.station)
		return err_set(
			e, ERR_USAGE,
			"--item %s: without a reader node items are known by their ids alone",
			l->item);
	rc = cmd_need_names(l->view.station, e);
	if (rc == 0)
		rc = cmd_find(l->view.station, l->item, &o, NULL, e);
	if (rc == 0 && o.kind == OBJECT_DIR)
		rc = err_set(e, ERR_USAGE, "--item %s: is a folder, not an item", l->item);
	if (rc == 0)
		memcpy(l->item_id, o.item, 16);
	return rc;
}

int cmd_log(struct ui *ui, int argc, char **argv)
{
	struct log l = {.ui = ui, .since_ms = INT64_MIN, .until_ms = INT64_MAX};
	const struct roster_node *only = NULL;
	struct cmd_merge *m = NULL;
	struct err e = {0};
	int rc = parse(&l, argc, argv);

	if (rc >= 0)
		return rc;
	rc = cmd_view_open(&l.view, ui, l.archive, l.no_node, STATION_NO_JOURNAL, &e);
	if (rc == 0 && l.journal)
		rc = cmd_find_node(l.view.roster, l.journal, &only, &e);
	if (rc == 0)
		rc = find_item(&l, &e);
	if (rc == 0)
		rc = cmd_merge_open(&m, l.view.archive, l.view.roster, only ? only->pub.id : NULL,
				    l.view.station ? l.view.station->db : NULL, &e);
	if (rc == 0)
		rc = run(&l, m, &e);
	cmd_merge_close(m);
	rc = cmd_view_close(&l.view, rc, &e);
	return rc < 0 ? ui_fail(ui, rc, &e) : 0;
}
