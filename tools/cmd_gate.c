// SPDX-License-Identifier: Apache-2.0
/* What the gate would say, for verbs that tell but do not read. */
#include "tools/cmd.h"

#include <string.h>

#include "index/ledger.h"

/* When the node's own log ends: what the clock must not be behind. */
static int last_event(struct station *s, int64_t *ms, struct err *e)
{
	struct ledger_journal own;
	struct journal_start js;
	struct db_txn *t = NULL;
	int rc;

	*ms = 0;
	if (s->journal) {
		journal_state(s->journal, &js);
		*ms = js.last_ms;
		return 0;
	}
	rc = db_begin(&t, s->db, false, e);
	if (rc == 0)
		rc = ledger_get_journal(NULL, t, node_identity(s->node)->pub.id, &own, e);
	if (rc == 0)
		*ms = own.last_ms;
	db_abort(t);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

int cmd_gate_open(struct cmd_gate *g, struct station *s, uint32_t uid, struct ui *ui, struct err *e)
{
	struct err why = {0};
	unsigned bad = 0;
	int rc;

	*g = (struct cmd_gate){.uid = uid, .now_ms = ui_now()};
	rc = last_event(s, &g->last_ms, e);
	if (rc == 0 && release_set_new(&g->releases, s->pool) < 0)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = release_reload(g->releases, s, &bad, &why);
	if (rc < 0 && e && !e->text[0])
		*e = why;
	else if (bad)
		ui_say(ui, "%s: %u release%s left out: %s", ui->program, bad,
		       bad == 1 ? " is" : "s are", why.text);
	return rc;
}

int cmd_gate_ask(const struct cmd_gate *g, const struct object *o, struct release **out,
		 uint8_t near[16])
{
	struct gate_ask ask = {.uid = g->uid, .now_ms = g->now_ms, .last_ms = g->last_ms};
	struct release *r = NULL;
	int rc;

	memcpy(ask.item, o->item, 16);
	memcpy(ask.accession, o->accession, 16);
	memcpy(ask.commitment, o->commitment, 32);
	rc = gate_decide(g->releases, &ask, &r, near);
	if (out)
		*out = r;
	else if (r)
		release_drop(r);
	return rc;
}

void cmd_gate_close(struct cmd_gate *g)
{
	release_set_free(g->releases);
	g->releases = NULL;
}
