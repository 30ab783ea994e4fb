// SPDX-License-Identifier: Apache-2.0
/* custody reindex: the index anew. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdlib.h>

#include "index/ledger.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

static const char help[] =
	"Usage: custody reindex ARCHIVE\n"
	"Throw this node's index away and build it anew from the journals and segments. Nothing is\n"
	"lost by it: the index is never the only copy of anything. Unmount the archive before.\n"
	"\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"Exit codes: 0 done, 1 system, 2 usage, 3 key or passphrase, 4 damaged or forged evidence,\n"
	"6 busy.\n";

struct counts {
	struct object_totals totals;
	uint64_t journals, events, pending;
};

static int count_pending(void *ctx, const uint8_t item[16], uint32_t journal, uint64_t seq)
{
	uint64_t *n = ctx;

	(void)item, (void)journal, (void)seq;
	++*n;
	return 0;
}

static int count(struct station *s, struct counts *n, struct err *e)
{
	struct ledger_journal *list = NULL;
	struct db_txn *t = NULL;
	size_t journals = 0;
	int rc;

	rc = db_begin(&t, s->db, false, e);
	if (rc == 0)
		rc = object_totals(t, &n->totals, e);
	if (rc == 0)
		rc = ledger_journals(t, &list, &journals, e);
	if (rc == 0)
		rc = ledger_pending(t, NULL, count_pending, &n->pending, e);
	db_abort(t);
	n->journals = journals;
	for (size_t i = 0; i < journals; i++)
		n->events += list[i].state.range.size;
	free(list);
	return rc;
}

static void print(const struct ui *ui, const struct counts *n)
{
	struct ui_json j = {0};

	if (!ui->json) {
		printf("indexed %" PRIu64 " event%s of %" PRIu64 " journal%s, %" PRIu64 " item%s\n",
		       n->events, ui_s(n->events), n->journals, ui_s(n->journals), n->totals.items,
		       ui_s(n->totals.items));
		if (n->pending)
			printf("%" PRIu64 " item%s could not be read; 'custody verify' says why\n",
			       n->pending, ui_s(n->pending));
		return;
	}
	ui_json_begin(&j, NULL, '{');
	ui_json_number(&j, "journals", n->journals);
	ui_json_number(&j, "events", n->events);
	ui_json_number(&j, "items", n->totals.items);
	ui_json_number(&j, "bytes", n->totals.bytes);
	ui_json_number(&j, "pending", n->pending);
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

int cmd_reindex(struct ui *ui, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS, {NULL, 0, NULL, 0}};
	struct counts n = {0};
	struct station *s = NULL;
	struct err e = {0};
	int c, code, rc;

	c = verb_option(ui, argc, argv, VERB_SHORT, longs, help, &code);
	if (c == VERB_STOP)
		return code;
	code = verb_operands(ui, argc, 1, 1, "one ARCHIVE");
	if (code)
		return code;
	rc = cmd_open(&s, ui, argv[optind], STATION_REINDEX, &e);
	if (rc == 0)
		rc = count(s, &n, &e);
	rc = cmd_close(s, rc, &e);
	if (rc < 0)
		return ui_fail(ui, rc, &e);
	if (ui->json || !ui->quiet)
		print(ui, &n);
	return 0;
}
