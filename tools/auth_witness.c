// SPDX-License-Identifier: Apache-2.0
/* custody-authority witness: cosign the checkpoints of the nodes' logs. */
#include "tools/auth.h"

#include <inttypes.h>
#include <string.h>

#include "index/file.h"
#include "tools/ui_json.h"

static const char help[] =
	"Usage: custody-authority witness DIR ASK -o OUT\n"
	"Cosign what 'custody checkpoint --for-witness' asks for: the checkpoint of a node's log, if the\n"
	"node was enrolled here and signed it, and if the log is a continuation of what was cosigned\n"
	"before. What is signed is remembered first: no two logs of one node that contradict each other\n"
	"are ever cosigned, and an ask whose answer was lost gets the same answer again. ASK '-' is\n"
	"standard input.\n"
	"\n"
	"  -o, --output FILE      where the cosigned checkpoints go ('-': standard output)\n"
	"      --json, -q, --force, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"An ask may be for many logs. When one is refused the others are answered; the exit code is the\n"
	"first one's that was.\n"
	"Next: custody import ARCHIVE OUT, on a node.\n"
	"Exit codes: 0 done, 1 system, 2 usage, 3 key or passphrase, 4 a log was turned back, forked or\n"
	"forged, or this directory is damaged, 5 no ask, 7 refused: answered before, or begins elsewhere.\n";

struct witness {
	struct ui *ui;
	const char *dir, *ask, *output;
	struct auth au;
	struct wire_out in, out;
	unsigned cosigned;
	int code; /* of the first that was refused */
};

static int parse(struct witness *w, int argc, char **argv)
{
	static const struct option longs[] = {
		UI_OPTIONS, {"output", 1, NULL, 'o'}, {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(w->ui, argc, argv, VERB_SHORT "o:", longs, help, &code)) >= 0)
		w->output = optarg;
	if (c == VERB_STOP)
		return code;
	code = verb_operands(w->ui, argc, 2, 2, "DIR and ASK");
	if (code)
		return code;
	w->dir = argv[optind];
	w->ask = argv[optind + 1];
	if (!w->output)
		return ui_usage(w->ui, "-o OUT is needed: where the cosigned checkpoints go");
	if (w->ui->json && !strcmp(w->output, "-"))
		return ui_usage(w->ui, "--json and -o - both want standard output");
	return -1;
}

static void print_json(const struct authority_cosigned *r)
{
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_id(&j, "archive", r->archive);
	ui_json_id(&j, "node", r->node);
	ui_json_text(&j, "name", r->name);
	ui_json_text(&j, "origin", r->cp.origin);
	ui_json_number(&j, "size", r->cp.size);
	ui_json_hex(&j, "root", r->cp.root, sizeof(r->cp.root));
	ui_json_text(&j, "witness", r->witness);
	ui_json_time(&j, "cosigned", (int64_t)r->time * 1000);
	ui_json_bool(&j, "again", r->again);
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void print(const struct witness *w, const struct authority_cosigned *r)
{
	FILE *f = auth_out(w->output);
	char node[33];

	text_hex(node, r->node, 16);
	ui_fput_name(f, r->name, strlen(r->name));
	fprintf(f, " %s: %" PRIu64 " event%s cosigned%s\n", node, r->cp.size, ui_s(r->cp.size),
		r->again ? " before; the answer is the same" : "");
}

/* One log. A refusal is told of, and the next one is looked at. */
static int cosign(struct witness *w, const struct witness_ask *ask)
{
	struct authority_cosigned r;
	struct err e = {0};
	int rc;

	rc = authority_cosign(w->au.a, &w->out, ask, ui_now(), &r, &e);
	if (rc < 0) {
		int code = ui_fail(w->ui, rc, &e);

		w->code = w->code ? w->code : code;
		return rc == ERR_NOMEM ? rc : 0;
	}
	w->cosigned++;
	if (w->ui->json)
		print_json(&r);
	else if (!w->ui->quiet)
		print(w, &r);
	return 0;
}

/* All of it must parse before any of it is answered. */
static int cosign_all(struct witness *w, struct err *e)
{
	const struct text_span all = {(const char *)w->in.p, w->in.n};
	struct text_span text = all;
	struct witness_ask ask;
	int rc = 0;

	do {
		rc = witness_ask_next(&ask, &text, e);
	} while (rc == 0 && text.n > 0);
	if (rc)
		return err_prefix(e, rc, "%s", w->ask);
	text = all;
	while (rc == 0 && text.n > 0) {
		witness_ask_next(&ask, &text, e);
		rc = cosign(w, &ask);
	}
	if (rc == 0 && w->cosigned)
		rc = ui_write_file(w->output, w->out.p, w->out.n, e);
	return rc;
}

int auth_witness(struct ui *ui, int argc, char **argv)
{
	struct witness w = {.ui = ui};
	struct err e = {0};
	int rc = parse(&w, argc, argv);

	if (rc >= 0)
		return rc;
	rc = ui_check_output(ui, w.output, &e);
	if (rc == 0)
		rc = file_read_path(w.ask, WITNESS_ASK_MAX, &w.in, &e);
	if (rc == 0)
		rc = auth_open(&w.au, ui, w.dir, true, AUTH_POOL, &e);
	if (rc == 0)
		rc = cosign_all(&w, &e);
	auth_close(&w.au);
	wire_out_free(&w.in);
	wire_out_free(&w.out);
	return rc < 0 ? ui_fail(ui, rc, &e) : w.code;
}
