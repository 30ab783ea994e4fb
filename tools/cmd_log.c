// SPDX-License-Identifier: Apache-2.0
/* custody log: what happened, of all journals, in order of time. */
#include "tools/cmd_log.h"

#include <stdlib.h>
#include <string.h>

#include "fs/authorisation.h"
#include "tools/cmd_docs.h"
#include "tools/cmd_tiles.h"
#include "tools/verb.h"

#define LIMIT_MAX 10000000u

static const char help[] =
	"Usage: custody log ARCHIVE [OPTION]...\n"
	"Print the custody log: the events of all nodes in order of time. It needs no node; with a\n"
	"reader node items are shown by their paths, and its index says where to look. A '*' marks\n"
	"what no signed checkpoint covers yet.\n"
	"\n"
	"      --item PATH|ID     of one item\n"
	"      --user NAME, --uid N\n"
	"                         that name this account\n"
	"      --officer KEY      of the documents that this officer signed: a public key file, or its\n"
	"                         fingerprint, SHA256:...\n"
	"      --case TEXT        of the authorisations of this case, and their requests\n"
	"      --authorisation SERIAL\n"
	"                         of this authorisation, or another document; four digits do\n"
	"      --accession ID     of one accession\n"
	"      --export ID        of one export: what left with it, and to whom\n"
	"      --journal NODE     of one node: its name, its id, or how the id begins (4 digits or\n"
	"                         more)\n"
	"      --type T[,T...]    of these types: opened, refused, admitted, ingest, ...\n"
	"      --since T, --until T\n"
	"                         from and up to a time: 2026-11-23T07:10:00Z, or -90s, -30m, -2h,\n"
	"                         -3d for so long ago\n"
	"  -n, --limit N          the last N of them\n"
	"      --tiles DIR        print nothing, but publish the journals as static logs (C2SP tlog-tiles)\n"
	"                         that any client of such logs can monitor: DIR/<node id>/ has the\n"
	"                         checkpoint and the tiles. What is there already is compared, and only\n"
	"                         what is new is written\n"
	"      --no-node          don't use this host's node: no key, no passphrase, no paths\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"Several of these together: what fits all of them.\n"
	"--json prints each journal line with the members journal, node_name, signed and path added.\n"
	"A line that was edited after it was indexed is named and not shown. Without a node, a journal\n"
	"that is not what its checkpoint signs is named and all its lines are marked. 'custody verify'\n"
	"checks the rest.\n"
	"Exit codes: 0 done, 1 no such item, node or document, system or index, 2 usage, 3 key or\n"
	"passphrase, 4 lines that are no events or not what was signed, a document that can't be looked\n"
	"at, or a forged or shortened log.\n";

static int bad_type(const struct cmd_log *l, const char *p, size_t n)
{
	char known[600] = "";

	for (unsigned t = EVENT_UNKNOWN + 1; t < EVENT_TYPES; t++) {
		size_t at = strlen(known);

		snprintf(known + at, sizeof(known) - at, " %s", event_type_name(t));
	}
	return ui_usage(l->ui, "--type %.*s: the types are%s", n < 60 ? (int)n : 60, p, known);
}

/* A comma-separated list. */
static int parse_types(struct cmd_log *l, const char *list)
{
	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ",");
		unsigned t = EVENT_UNKNOWN + 1;

		while (t < EVENT_TYPES &&
		       (strlen(event_type_name(t)) != n || strncmp(event_type_name(t), p, n) != 0))
			t++;
		if (t == EVENT_TYPES)
			return bad_type(l, p, n);
		l->ask.type[t] = l->ask.types = true;
		p += n;
		if (!*p)
			return 0;
	}
}

static int parse_time(struct cmd_log *l, const char *option, const char *arg, int64_t *ms)
{
	struct err e = {0};

	return ui_time(arg, ui_now(), ms, &e) < 0 ? ui_usage(l->ui, "%s %s", option, e.text) : 0;
}

static int parse_user(struct cmd_log *l, const char *name)
{
	if (!*name || strlen(name) >= EVENT_STR_MAX)
		return ui_usage(l->ui, "--user: no account has a name like that");
	l->ask.user = name;
	return 0;
}

static int take(struct cmd_log *l, int c)
{
	switch (c) {
	case 'i':
		l->item = optarg;
		return 0;
	case 'a':
		return parse_user(l, optarg);
	case 'U':
		l->ask.has_uid = true;
		return verb_number(l->ui, "--uid", optarg, 0, UINT32_MAX, &l->ask.uid);
	case 'o':
		l->officer = optarg;
		return 0;
	case 'c':
		l->case_no = optarg;
		return 0;
	case 'd':
		l->authorisation = optarg;
		return 0;
	case 'A':
		l->accession = optarg;
		return 0;
	case 'x':
		l->export = optarg;
		return 0;
	case 'j':
		l->journal = optarg;
		return 0;
	case 't':
		return parse_types(l, optarg);
	case 's':
		return parse_time(l, "--since", optarg, &l->ask.from_ms);
	case 'u':
		return parse_time(l, "--until", optarg, &l->ask.to_ms);
	case 'n':
		return verb_number(l->ui, "--limit", optarg, 1, LIMIT_MAX, &l->limit);
	case 'T':
		l->tiles = optarg;
		return 0;
	default:
		l->no_node = true;
		return 0;
	}
}

static int parse(struct cmd_log *l, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"item", 1, NULL, 'i'},
					      {"user", 1, NULL, 'a'},
					      {"uid", 1, NULL, 'U'},
					      {"officer", 1, NULL, 'o'},
					      {"case", 1, NULL, 'c'},
					      {"authorisation", 1, NULL, 'd'},
					      {"accession", 1, NULL, 'A'},
					      {"export", 1, NULL, 'x'},
					      {"journal", 1, NULL, 'j'},
					      {"type", 1, NULL, 't'},
					      {"since", 1, NULL, 's'},
					      {"until", 1, NULL, 'u'},
					      {"limit", 1, NULL, 'n'},
					      {"tiles", 1, NULL, 'T'},
					      {"no-node", 0, NULL, 1},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(l->ui, argc, argv, VERB_SHORT "n:", longs, help, &code)) >= 0) {
		code = take(l, c);
		if (code)
			return code;
		l->asked |= !strchr("jT\1", c);
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(l->ui, argc, 1, 1, "one ARCHIVE");
	if (code)
		return code;
	l->archive = argv[optind];
	if (l->ask.from_ms > l->ask.to_ms)
		return ui_usage(l->ui, "--since is after --until");
	if (l->tiles && l->asked)
		return ui_usage(l->ui,
				"--tiles publishes whole journals: --journal alone goes with it");
	return -1;
}

/* ---- what is asked for, by ids ---- */

static int find_item(struct cmd_log *l, uint8_t id[16], struct err *e)
{
	struct object o;
	int rc;

	if (text_unhex((struct text_span){l->item, strlen(l->item)}, id, 16))
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
		memcpy(id, o.item, 16);
	return rc;
}

static int resolve_ids(struct cmd_log *l, struct err *e)
{
	uint8_t id[16];
	int rc = 0;

	if (l->item) {
		rc = find_item(l, id, e);
		if (rc == 0)
			rc = cmd_ids_add(&l->ask.items, id);
	}
	if (rc == 0 && l->authorisation) {
		rc = cmd_find_document(l->view.archive, l->authorisation, id, e);
		if (rc == 0)
			rc = cmd_ids_add(&l->ask.documents, id);
	}
	if (rc == 0 && l->accession) {
		if (!text_unhex((struct text_span){l->accession, strlen(l->accession)}, id, 16))
			return err_set(e, ERR_USAGE, "--accession %s: an id has 32 hex digits",
				       l->accession);
		rc = cmd_ids_add(&l->ask.accessions, id);
	}
	if (rc == 0 && l->export) {
		if (!text_unhex((struct text_span){l->export, strlen(l->export)}, id, 16))
			return err_set(e, ERR_USAGE, "--export %s: a number has 32 hex digits",
				       l->export);
		rc = cmd_ids_add(&l->ask.exports, id);
	}
	return rc;
}

static int add_document(void *ctx, const struct cmd_doc *d)
{
	struct cmd_ids *ids = ctx;
	uint8_t request[16];
	int rc = cmd_ids_add(ids, d->line->ev.document);

	/* An authorisation says what asked for it. */
	if (rc == 0 && document_id(&d->doc, "request", request))
		rc = cmd_ids_add(ids, request);
	return rc;
}

/* By case and officer: the documents that are of both; and of --authorisation, if that is given. */
static int resolve_documents(struct cmd_log *l, struct err *e)
{
	struct cmd_docs_ask ask = {.case_no = l->case_no, .to_ms = INT64_MAX};
	struct cmd_ids found = {.given = true}, *asked = &l->ask.documents;
	struct cmd_officer officer;
	int rc = 0;

	if (!l->case_no && !l->officer)
		return 0;
	if (l->officer) {
		rc = cmd_officer(&officer, l->officer, e);
		ask.officer = &officer;
	}
	if (rc == 0)
		rc = cmd_docs_each(&l->view, &ask, &l->notice, add_document, &found, e);
	/* A key that signed nothing may be the wrong one; receivers of transfers sign, too. */
	if (rc == 0 && l->officer && found.n == 0)
		rc = cmd_officer_known(&officer, l->view.archive, e);
	cmd_ids_sort(&found);
	if (asked->given && !cmd_ids_has(&found, asked->id[0]))
		asked->n = 0; /* not of that case or officer */
	if (asked->given)
		cmd_ids_free(&found);
	else
		*asked = found;
	return rc;
}

int cmd_log(struct ui *ui, int argc, char **argv)
{
	struct cmd_log l = {.ui = ui, .ask = CMD_ASK_ALL, .notice = {ui_notice, ui, 0}};
	const struct roster_node *only = NULL;
	struct err e = {0};
	int code, rc = parse(&l, argc, argv);

	if (rc >= 0)
		return rc;
	rc = cmd_view_open(&l.view, ui, l.archive, l.no_node, STATION_NO_JOURNAL, &e);
	if (rc == 0 && l.journal) {
		rc = cmd_find_node(l.view.roster, l.journal, &only, &e);
		l.ask.journal = only ? only->pub.id : NULL;
	}
	if (rc == 0 && l.tiles) {
		rc = cmd_tiles(ui, &l.view, only, l.tiles, &code, &e);
		rc = cmd_view_close(&l.view, rc, &e);
		return rc < 0 ? ui_fail(ui, rc, &e) : code;
	}
	if (rc == 0)
		rc = resolve_ids(&l, &e);
	if (rc == 0)
		rc = resolve_documents(&l, &e);
	if (rc == 0)
		rc = cmd_log_run(&l, &e);
	cmd_ask_free(&l.ask);
	rc = cmd_view_close(&l.view, rc, &e);
	return rc < 0 ? ui_fail(ui, rc, &e) : 0;
}
