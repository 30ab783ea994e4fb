// SPDX-License-Identifier: Apache-2.0
/* custody prove: a receipt of one item's custody. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/receipt.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

static const char help[] =
	"Usage: custody prove ARCHIVE PATH|ITEM-ID -o RECEIPT [OPTION]...\n"
	"Write a receipt: one file that proves an item's custody to anybody, without the archive and\n"
	"without a key ('custody check'). It holds every event of the item with its proof, and the\n"
	"authorisations it was opened under. The item itself is not in it, nor read.\n"
	"\n"
	"  -o, --output FILE      where the receipt goes ('-': standard output)\n"
	"      --disclose         the item's provenance record too: its name, plates and all. A reader\n"
	"                         node can; without it nothing of that is in the receipt\n"
	"      --no-node          don't use this host's node: no key, no passphrase. The journals are\n"
	"                         then read whole\n"
	"      --node DIR, --json, -q, --force, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"Without a reader node give ITEM-ID.\n"
	"Exit codes: 0 done, 1 no such item, system or index, 2 usage, 3 key or passphrase,\n"
	"4 damaged or forged log or head, or custody that was broken, 5 not an archive,\n"
	"6 not signed for yet, 7 this node holds no key that opens names.\n";

struct prove {
	struct ui *ui;
	const char *archive, *name, *output;
	bool no_node;
	struct cmd_view view;
	struct receipt_ask ask;
	struct receipt_sum sum;
	uint8_t node[16];
	struct wire_out out;
};

static int parse(struct prove *p, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"output", 1, NULL, 'o'},
					      {"disclose", 0, NULL, 'd'},
					      {"no-node", 0, NULL, 'n'},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(p->ui, argc, argv, VERB_SHORT "o:", longs, help, &code)) >= 0) {
		if (c == 'o')
			p->output = optarg;
		else if (c == 'd')
			p->ask.disclose = true;
		else
			p->no_node = true;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(p->ui, argc, 2, 2, "ARCHIVE, and PATH or ITEM-ID");
	if (code)
		return code;
	p->archive = argv[optind];
	p->name = argv[optind + 1];
	if (!p->output)
		return ui_usage(p->ui, "-o RECEIPT is needed: where the receipt goes");
	if (p->ui->json && !strcmp(p->output, "-"))
		return ui_usage(p->ui, "--json and -o - both want standard output");
	if (p->no_node && p->ask.disclose)
		return ui_usage(p->ui, "--disclose needs a reader node");
	return -1;
}

static int find(struct prove *p, struct err *e)
{
	struct object o;
	int rc;

	if (text_unhex((struct text_span){p->name, strlen(p->name)}, p->ask.item, 16))
		return 0;
	if (!p->view.station)
		return err_set(e, ERR_USAGE, "%s is no item id: without a node names are not known",
			       p->name);
	rc = cmd_need_names(p->view.station, e);
	if (rc == 0)
		rc = cmd_find(p->view.station, p->name, &o, NULL, e);
	if (rc == 0 && o.kind == OBJECT_DIR)
		rc = err_set(e, ERR_USAGE, "%s is a folder; 'custody ls' lists it", p->name);
	if (rc == 0) {
		memcpy(p->ask.item, o.item, 16);
		memcpy(p->node, o.node, 16);
		p->ask.node = p->node;
	}
	return rc;
}

/* With the journal, if it can be written: then what this node logged is signed for first. */
static int open_view(struct prove *p, struct err *e)
{
	char dir[4096];
	bool fits = snprintf(dir, sizeof(dir), "%s/journal", p->archive) < (int)sizeof(dir);
	unsigned flags = fits && access(dir, W_OK) == 0 ? 0 : STATION_NO_JOURNAL;
	struct station *s;
	int rc = cmd_view_open(&p->view, p->ui, p->archive, p->no_node, flags, e);

	s = p->view.station;
	if (rc == 0 && s && s->journal)
		rc = journal_checkpoint(s->journal, e);
	p->ask.archive = p->view.archive;
	p->ask.roster = p->view.roster;
	/* Only a reader's index knows all journals. */
	if (rc == 0 && s && (s->home->roles & ROSTER_READER))
		p->ask.station = s;
	return rc;
}

static int make(struct prove *p, struct err *e)
{
	int rc = ui_check_output(p->ui, p->output, e);

	if (rc < 0)
		return rc;
	rc = open_view(p, e);
	if (rc == 0)
		rc = find(p, e);
	if (rc == 0)
		rc = receipt_make(&p->out, &p->ask, &p->sum, e);
	if (rc == 0)
		rc = ui_write_file(p->output, p->out.p, p->out.n, e);
	return cmd_view_close(&p->view, rc, e);
}

static void print(const struct prove *p)
{
	const struct receipt_sum *sum = &p->sum;
	struct ui_json j = {0};
	char item[33];

	text_hex(item, p->ask.item, 16);
	if (p->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "item", item);
		ui_json_number(&j, "events", sum->events);
		ui_json_number(&j, "logs", sum->logs);
		ui_json_number(&j, "authorisations", sum->authorisations);
		ui_json_number(&j, "unsigned", sum->beyond);
		ui_json_bool(&j, "disclosed", p->ask.disclose);
		ui_json_number(&j, "bytes", p->out.n);
		ui_json_text(&j, "output", p->output);
		ui_json_end(&j, '}');
		ui_json_line(&j);
		return;
	}
	if (!p->ui->quiet)
		fprintf(strcmp(p->output, "-") ? stdout : stderr,
			"receipt of item %s: %" PRIu64 " event%s of %" PRIu64 " log%s, %" PRIu64
			" authorisation%s\n",
			item, sum->events, ui_s(sum->events), sum->logs, ui_s(sum->logs),
			sum->authorisations, ui_s(sum->authorisations));
	if (sum->beyond)
		ui_say(p->ui, "%s: %" PRIu64 " event%s not in it: no checkpoint covers %s yet",
		       p->ui->program, sum->beyond, sum->beyond == 1 ? " is" : "s are",
		       sum->beyond == 1 ? "it" : "them");
}

/* Whoever gets it will look at it as we do now. */
static int check(const struct prove *p, struct err *e)
{
	struct receipt *r = calloc(1, sizeof(*r));
	int rc = r ? receipt_parse(r, p->out.p, p->out.n, e) :
		     err_set(e, ERR_NOMEM, "out of memory");

	if (rc == 0)
		rc = receipt_check(r, NULL, 0, e);
	if (rc == ERR_DAMAGED)
		err_prefix(e, rc, "%s was written, but 'custody check' tells of broken custody",
			   p->output);
	if (r)
		receipt_free(r);
	free(r);
	return rc == ERR_UNSUPPORTED ? 0 : rc;
}

int cmd_prove(struct ui *ui, int argc, char **argv)
{
	struct prove p = {.ui = ui, .ask = {.notice = ui_notice, .notice_ctx = ui}};
	struct err e = {0};
	int rc = parse(&p, argc, argv);

	if (rc >= 0)
		return rc;
	rc = make(&p, &e);
	if (rc == 0) {
		print(&p);
		rc = check(&p, &e);
	}
	wire_out_wipe(&p.out);
	return rc < 0 ? ui_fail(ui, rc, &e) : 0;
}
