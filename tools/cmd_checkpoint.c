// SPDX-License-Identifier: Apache-2.0
/* custody checkpoint: how far the log goes, signed. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <string.h>

#include "fs/catchup.h"
#include "fs/cosigned.h"
#include "fs/witness_ask.h"
#include "fs/evidence.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

static const char help[] =
	"Usage: custody checkpoint ARCHIVE [OPTION]...\n"
	"Sign a fresh checkpoint of this node's journal, and print it: a signed note of its size and\n"
	"root hash. Whoever keeps it can prove later that nothing before it was changed or dropped\n"
	"(custody verify --checkpoint FILE).\n"
	"\n"
	"      --all              the checkpoints of all nodes, one after the other. This needs no\n"
	"                         node; nothing is signed without one\n"
	"      --cosigned         not a fresh one, but the last one that a witness cosigned\n"
	"      --for-witness      what a witness is to be asked: the checkpoint, and the proof that the\n"
	"                         log is a continuation of what was cosigned last. The authority answers\n"
	"                         it (custody-authority witness); import the answer\n"
	"      --old N            that proof from N events on: how many the witness says it cosigned\n"
	"      --evidence         nothing is signed: instead the checkpoints that contradict what this\n"
	"                         node saw before, with those it saw and the proofs, when an archive was\n"
	"                         rolled back or forked. Exit code 1 when nothing does. An authority can\n"
	"                         have a restore accepted by it (custody-authority accept-restore)\n"
	"  -o, --output FILE      write there (default: standard output)\n"
	"      --node DIR, --json, -q, --force, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"Exit codes: 0 done, 1 nothing cosigned, system or index, 2 usage, 3 key or passphrase, 4 damaged\n"
	"or forged log, or not the one that was cosigned, 5 not an archive, 7 not enrolled.\n";

struct checkpoint {
	struct ui *ui;
	const char *archive, *output;
	bool all, cosigned, for_witness, evidence, old_given;
	uint64_t old;
	struct cmd_view view;
	struct wire_out notes;
};

static int take_option(struct checkpoint *c, int opt)
{
	switch (opt) {
	case 'a':
		c->all = true;
		return 0;
	case 'c':
		c->cosigned = true;
		return 0;
	case 'w':
		c->for_witness = true;
		return 0;
	case 'e':
		c->evidence = true;
		return 0;
	case 'O':
		c->old_given = true;
		return verb_number(c->ui, "--old", optarg, 0, UINT64_MAX, &c->old);
	default:
		c->output = optarg;
		return 0;
	}
}

static int parse(struct checkpoint *c, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"all", 0, NULL, 'a'},
					      {"cosigned", 0, NULL, 'c'},
					      {"for-witness", 0, NULL, 'w'},
					      {"old", 1, NULL, 'O'},
					      {"evidence", 0, NULL, 'e'},
					      {"output", 1, NULL, 'o'},
					      {NULL, 0, NULL, 0}};
	int opt, code;

	while ((opt = verb_option(c->ui, argc, argv, VERB_SHORT "o:", longs, help, &code)) >= 0) {
		code = take_option(c, opt);
		if (code)
			return code;
	}
	if (opt == VERB_STOP)
		return code;
	code = verb_operands(c->ui, argc, 1, 1, "one ARCHIVE");
	if (code)
		return code;
	c->archive = argv[optind];
	if (c->evidence && (c->all || c->cosigned || c->for_witness))
		return ui_usage(c->ui, "--evidence is asked for alone");
	if (c->evidence && c->ui->json && !c->output)
		return ui_usage(c->ui, "--json and --evidence need -o: where the evidence goes");
	if (c->ui->json && c->output && !strcmp(c->output, "-"))
		return ui_usage(c->ui, "--json and -o - both want standard output");
	if (c->cosigned && c->for_witness)
		return ui_usage(c->ui, "--cosigned and --for-witness are two things");
	if (c->old_given && (!c->for_witness || c->all))
		return ui_usage(c->ui, "--old is for --for-witness, and for one log");
	return -1;
}

static void print_json(const struct roster_node *n, const struct note_checkpoint *cp,
		       const void *note, size_t len)
{
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_id(&j, "node", n->pub.id);
	ui_json_text(&j, "name", n->name);
	ui_json_text(&j, "origin", cp->origin);
	ui_json_number(&j, "size", cp->size);
	ui_json_hex(&j, "root", cp->root, sizeof(cp->root));
	ui_json_bytes(&j, "note", note, len);
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

/* Append what a witness is to be asked. */
static int take_ask(struct checkpoint *c, const struct roster_node *n, struct err *e)
{
	const size_t start = c->notes.n;
	struct witness_asked asked;
	int rc = witness_ask_make(&c->notes, &asked, c->view.station, n,
				  c->old_given ? &c->old : NULL, e);

	if (rc == 0 && c->ui->json)
		print_json(n, &asked.cp, c->notes.p + start, c->notes.n - start);
	if (rc == 0 && !c->ui->json)
		ui_say(c->ui, "%s: %" PRIu64 " events, %" PRIu64 " of them cosigned before",
		       n->name, asked.cp.size, asked.old);
	return rc;
}

/* Append the last one that a witness cosigned. */
static int take_cosigned(struct checkpoint *c, const struct roster_node *n, struct err *e)
{
	const size_t start = c->notes.n;
	char time[TEXT_TIME_SIZE];
	struct cosigned cs;
	int rc = cosigned_read(&cs, &c->notes, c->view.archive, &n->pub, e);

	if (rc == ERR_NOTFOUND)
		return err_set(e, rc, "no witness has cosigned the log of %s yet", n->name);
	if (rc)
		return rc;
	if (c->ui->json)
		print_json(n, &cs.cp, c->notes.p + start, c->notes.n - start);
	text_time_s(time, cosigned_ms(&cs) / 1000);
	if (!c->ui->json)
		ui_say(c->ui, "%s: %" PRIu64 " events, cosigned %s by %s", n->name, cs.cp.size,
		       time, c->view.archive->desc.witness[cs.by[0].witness].name);
	return 0;
}

/* Append the node's checkpoint, verbatim. */
static int take_note(struct checkpoint *c, const struct roster_node *n, struct err *e)
{
	const struct archive *a = c->view.archive;
	struct note_checkpoint cp;
	struct wire_out note = {0};
	int rc;

	rc = journal_read_checkpoint(a->journal, a->desc.id, &n->pub, &cp, &note, e);
	if (rc == 0 && c->all && c->notes.n)
		wire_out_u8(&c->notes, '\n');
	if (rc == 0)
		wire_out_bytes(&c->notes, note.p, note.n);
	if (rc == 0 && c->ui->json)
		print_json(n, &cp, note.p, note.n);
	wire_out_free(&note);
	return rc;
}

static int take(struct checkpoint *c, const struct roster_node *n, struct err *e)
{
	return c->for_witness ? take_ask(c, n, e) :
	       c->cosigned    ? take_cosigned(c, n, e) :
				take_note(c, n, e);
}

static int take_all(struct checkpoint *c, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < roster_count(c->view.roster); i++) {
		const struct roster_node *n = roster_at(c->view.roster, i);

		rc = take(c, n, e);
		if (rc == ERR_NOTFOUND) { /* a node that never wrote */
			ui_say(c->ui, "%s has no %scheckpoint", n->name,
			       c->cosigned ? "cosigned " : "");
			rc = 0;
		}
	}
	return rc;
}

static int take_own(struct checkpoint *c, struct err *e)
{
	const uint8_t *id = node_identity(c->view.station->node)->pub.id;
	const struct roster_node *n = roster_find(c->view.roster, id);

	if (!n)
		return err_set(e, ERR_NOT_ENROLLED, "this node is not enrolled in %s", c->archive);
	return take(c, n, e);
}

/* Sign, and for proofs let the index see what is signed. */
static int sign(struct checkpoint *c, struct station *s, struct err *e)
{
	struct catchup_result caught;
	int rc = journal_checkpoint(s->journal, e);

	if (rc == 0 && c->for_witness)
		rc = catchup_run(s, 0, &caught, NULL, NULL, e);
	c->view.roster = s->roster; /* it may be another one now */
	return rc;
}

/* ---- evidence ---- */

static void print_evidence(const struct checkpoint *c, const struct evidence *v)
{
	struct ui_json j = {0};
	char hex[33], line[160];

	if (c->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_id(&j, "archive", v->archive);
		ui_json_begin(&j, "logs", '[');
	}
	for (size_t i = 0; i < v->logs; i++) {
		const struct evidence_log *l = &v->log[i];

		text_hex(hex, l->node, 16);
		snprintf(line, sizeof(line),
			 "log of node %s: a %s, %" PRIu64 " events were seen, %" PRIu64
			 " are there",
			 hex, l->fork ? "fork" : "rollback", l->seen_at.size, l->present_at.size);
		if (!c->ui->json) {
			ui_say(c->ui, "%s", line);
			continue;
		}
		ui_json_begin(&j, NULL, '{');
		ui_json_id(&j, "node", l->node);
		ui_json_text(&j, "found", l->fork ? "fork" : "rollback");
		ui_json_number(&j, "seen", l->seen_at.size);
		ui_json_number(&j, "present", l->present_at.size);
		ui_json_end(&j, '}');
	}
	if (c->ui->json) {
		ui_json_end(&j, ']');
		ui_json_text(&j, "output", c->output);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	}
}

static int run_evidence(struct checkpoint *c, struct err *e)
{
	struct evidence v = {.logs = 0};
	struct station *s = NULL;
	int rc = cmd_open(&s, c->ui, c->archive, STATION_LOOK_BACK, e);

	if (rc == 0)
		rc = evidence_make(&c->notes, s, ui_now(), &v, e);
	rc = cmd_close(s, rc, e);
	if (rc == 0 && c->output)
		rc = ui_write_file(c->output, c->notes.p, c->notes.n, e);
	else if (rc == 0)
		fwrite(c->notes.p, 1, c->notes.n, stdout);
	if (rc == 0)
		print_evidence(c, &v);
	evidence_free(&v);
	return rc;
}

static int run(struct checkpoint *c, struct err *e)
{
	struct station *s;
	int rc = c->output ? ui_check_output(c->ui, c->output, e) : 0;

	if (rc < 0 || c->evidence)
		return rc < 0 ? rc : run_evidence(c, e);
	if (c->all) {
		rc = cmd_view_open(&c->view, c->ui, c->archive, false, 0, e);
	} else {
		rc = cmd_open(&c->view.station, c->ui, c->archive, 0, e);
		if (rc == 0) {
			c->view.archive = c->view.station->archive;
			c->view.roster = c->view.station->roster;
		}
	}
	s = c->view.station;
	if (rc == 0 && c->for_witness && !s)
		rc = err_set(e, ERR_USAGE,
			     "--for-witness needs a node, whose index has the proofs");
	if (rc == 0 && c->for_witness && c->all && !(s->home->roles & ROSTER_READER))
		rc = err_set(e, ERR_ROLE,
			     "only a reader follows the logs of other nodes: leave out --all");
	if (rc == 0 && s && !c->cosigned)
		rc = sign(c, s, e);
	if (rc == 0)
		rc = c->all ? take_all(c, e) : take_own(c, e);
	if (rc == 0 && !wire_out_ok(&c->notes))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0 && c->output)
		rc = ui_write_file(c->output, c->notes.p, c->notes.n, e);
	else if (rc == 0 && !c->ui->json)
		fwrite(c->notes.p, 1, c->notes.n, stdout);
	return cmd_view_close(&c->view, rc, e);
}

int cmd_checkpoint(struct ui *ui, int argc, char **argv)
{
	struct checkpoint c = {.ui = ui};
	struct err e = {0};
	int rc = parse(&c, argc, argv);

	if (rc >= 0)
		return rc;
	rc = run(&c, &e);
	wire_out_free(&c.notes);
	return rc < 0 ? ui_fail(ui, rc, &e) : 0;
}
