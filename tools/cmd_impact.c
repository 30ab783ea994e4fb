// SPDX-License-Identifier: Apache-2.0
/* custody impact: exactly which items could have been released, by this node or this officer, then. */
#include "tools/cmd_impact.h"

#include <string.h>

#include "tools/verb.h"

static const char help[] =
	"Usage: custody impact ARCHIVE [OPTION]...\n"
	"Which items could have been released, by a node or under what an officer signed, in a time? For\n"
	"the day when a host or a key turns out to have been in the wrong hands. Lists each item with the\n"
	"worst that the log says of it, then a summary:\n"
	"  exported  left the archive in a package (custody export), or as much as was made of one\n"
	"  served    bytes were given out, or the end of an open file was not seen\n"
	"  opened    opened, and nothing was read\n"
	"  covered   an authorisation in force covered it: it could be read, and was not opened\n"
	"  held      an authorisation that was admitted there covered it at another time: who breaks the\n"
	"            rules may have kept its key, or used it early\n"
	"  taken-in  the node itself took it in then, and so had it in plain\n"
	"The summary also tells of how many items the names could be seen. Needs no node; a reader node\n"
	"gives paths and sizes, and its index makes it quick. Nothing is logged.\n"
	"\n"
	"      --journal NODE     the node in question: its name, its id, or how the id begins\n"
	"      --officer KEY      the officer in question: a public key file, or its fingerprint SHA256:...\n"
	"      --since T, --until T\n"
	"                         from and up to a time: 2026-11-23T07:10:00Z, or -30m, -2h, -3d for so\n"
	"                         long ago; else the whole log\n"
	"      --state S[,S...]   list only items of these states\n"
	"      --summary          list none\n"
	"  -0, --null             whole paths alone, each ended by a NUL byte; needs a reader node\n"
	"      --no-node          don't use this host's node: all logs are read\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"With both --journal and --officer: what that node admitted of what that officer signed. With\n"
	"neither: everything. --json prints a line for each item, and last the one with \"summary\": true.\n"
	"Exit codes: 0 done, 1 no such node, system or index, 2 usage, 3 key or passphrase, 4 the answer\n"
	"may lack something: a log or document is missing, damaged or forged, 7 -0 and no names.\n";

struct ask {
	struct impact m;
	const char *archive, *journal, *officer;
	bool no_node, states;
	struct impact_print how;
	struct cmd_officer key;
};

static int parse_states(struct ask *a, const char *list)
{
	a->states = true;
	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ",");
		enum impact_state s = IMPACT_NONE + 1;

		while (s < IMPACT_STATES && (strlen(impact_state_name(s)) != n ||
					     strncmp(impact_state_name(s), p, n) != 0))
			s++;
		if (s == IMPACT_STATES)
			return ui_usage(a->m.ui,
					"--state %.*s: the states are exported, served, opened, "
					"covered, held and taken-in",
					n < 60 ? (int)n : 60, p);
		a->how.state[s] = true;
		p += n;
		if (!*p)
			return 0;
	}
}

static int parse_time(struct ask *a, const char *option, int64_t *ms)
{
	struct err e = {0};

	return ui_time(optarg, ui_now(), ms, &e) ? ui_usage(a->m.ui, "%s %s", option, e.text) : 0;
}

static int take(struct ask *a, int c)
{
	switch (c) {
	case 'j':
		a->journal = optarg;
		return 0;
	case 'o':
		a->officer = optarg;
		return 0;
	case 'f':
		return parse_time(a, "--since", &a->m.from_ms);
	case 't':
		return parse_time(a, "--until", &a->m.to_ms);
	case 's':
		return parse_states(a, optarg);
	case 'S':
		a->how.only_summary = true;
		return 0;
	case '0':
		a->how.null = true;
		return 0;
	default:
		a->no_node = true;
		return 0;
	}
}

static int check(const struct ask *a)
{
	if (a->m.from_ms > a->m.to_ms)
		return ui_usage(a->m.ui, "--since is after --until");
	if (a->how.only_summary && (a->states || a->how.null))
		return ui_usage(a->m.ui, "--summary lists nothing: not with --state or -0");
	if (a->how.null && (a->m.ui->json || a->no_node))
		return ui_usage(a->m.ui, "-0 prints paths alone: not with --json or --no-node");
	return -1;
}

/* -1 to go on, else the exit code. */
static int parse(struct ask *a, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"journal", 1, NULL, 'j'},
					      {"officer", 1, NULL, 'o'},
					      {"since", 1, NULL, 'f'},
					      {"until", 1, NULL, 't'},
					      {"state", 1, NULL, 's'},
					      {"summary", 0, NULL, 'S'},
					      {"null", 0, NULL, '0'},
					      {"no-node", 0, NULL, 1},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(a->m.ui, argc, argv, VERB_SHORT "0", longs, help, &code)) >= 0) {
		code = take(a, c);
		if (code)
			return code;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(a->m.ui, argc, 1, 1, "one ARCHIVE");
	if (code)
		return code;
	a->archive = argv[optind];
	for (enum impact_state s = 0; !a->states && s < IMPACT_STATES; s++)
		a->how.state[s] = true;
	return check(a);
}

static int resolve(struct ask *a, struct err *e)
{
	const struct roster_node *who;
	int rc = 0;

	if (a->officer) {
		rc = cmd_officer(&a->key, a->officer, e);
		a->m.officer = &a->key;
	}
	if (rc == 0)
		rc = cmd_view_open(&a->m.view, a->m.ui, a->archive, a->no_node, STATION_NO_JOURNAL,
				   e);
	if (rc == 0 && a->officer)
		rc = cmd_officer_known(&a->key, a->m.view.archive, e);
	if (rc == 0 && a->how.null && !a->m.view.station)
		rc = err_set(e, ERR_ROLE, "-0 needs a reader node: paths are sealed");
	if (rc == 0 && a->how.null)
		rc = cmd_need_names(a->m.view.station, e);
	if (rc == 0 && a->journal) {
		rc = cmd_find_node(a->m.view.roster, a->journal, &who, e);
		a->m.journal = rc == 0 ? who->pub.id : NULL;
	}
	return rc;
}

static int run(struct ask *a, struct err *e)
{
	struct impact *m = &a->m;
	int rc = resolve(a, e);

	if (rc == 0)
		rc = impact_find_releases(m, e);
	if (rc == 0)
		rc = impact_find_uses(m, e);
	if (rc == 0)
		rc = impact_find_items(m, e);
	if (rc == 0)
		rc = impact_find_names(m, e);
	if (rc == 0)
		rc = impact_print(m, &a->how, e);
	if (rc == 0 && m->notice.n)
		rc = err_set(e, ERR_DAMAGED, "the answer may lack something: run 'custody verify'");
	return rc;
}

int cmd_impact(struct ui *ui, int argc, char **argv)
{
	struct ask a = {.m = {.ui = ui,
			      .notice = {impact_tell, &a.m, 0},
			      .from_ms = INT64_MIN,
			      .to_ms = INT64_MAX}};
	struct err e = {0};
	int rc = parse(&a, argc, argv);

	if (rc >= 0)
		return rc;
	rc = run(&a, &e);
	impact_free(&a.m);
	rc = cmd_view_close(&a.m.view, rc, &e);
	return rc < 0 ? ui_fail(ui, rc, &e) : 0;
}
