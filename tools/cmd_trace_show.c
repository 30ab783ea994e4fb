// SPDX-License-Identifier: Apache-2.0
/* What custody trace tells of an item: what it is, who may have had it, and who had. */
#include "tools/cmd_trace.h"

#include <inttypes.h>
#include <string.h>

#include "tools/cmd_history.h"
#include "tools/ui_json.h"

struct telling {
	struct cmd_trace *t;
	const struct object *o;
	struct ui_json *j; /* NULL: text */
	unsigned releases;
	struct err *e;
};

static void put_text(const char *before, const char *text)
{
	fputs(before, stdout);
	ui_put_name(text, strlen(text));
}

static void put_hex(const char *before, const uint8_t *p, size_t n)
{
	char hex[65];

	text_hex(hex, p, n);
	printf("%s%s", before, hex);
}

static void put_time(const char *before, int64_t ms)
{
	char time[TEXT_TIME_SIZE];

	text_time_s(time, ms / 1000);
	printf("%s%s", before, time);
}

/* ---- releases ---- */

struct ending {
	const struct authorisation *a;
	bool over;
};

/* With a restore that its node accepted, all is over that had been issued to that node before. */
static int by_restore(void *ctx, const struct cmd_doc *d)
{
	struct ending *end = ctx;
	int64_t issued;

	end->over = document_time(&d->doc, "issued", &issued) && end->a->issued_ms <= issued;
	return end->over;
}

/* Was it revoked, itself or with its node, or is it from before a restore? */
static bool revoked(const struct telling *w, const struct authorisation *a)
{
	const struct roster *r = w->t->view.roster;
	const struct cmd_docs_ask ask = {.journal = a->node, .kind = "restore", .to_ms = INT64_MAX};
	struct ending end = {a, false};

	if (roster_serial_revoked(r, a->serial) || roster_node_revoked(r, a->node, a->issued_ms))
		return true;
	cmd_docs_each(&w->t->view, &ask, &w->t->notice, by_restore, &end, NULL);
	return end.over;
}

/* Does it still stand, as far as this node knows? */
static const char *state(const struct telling *w, const struct authorisation *a)
{
	const struct cmd_trace *t = w->t;
	struct ledger_document l = {0};
	struct db_txn *txn = NULL;
	int rc = db_begin(&txn, t->view.station->db, false, NULL);

	if (rc == 0)
		rc = ledger_get_document(NULL, txn, a->serial, &l, NULL);
	db_abort(txn);
	if (rc == 0 && l.state == LEDGER_ENDED) {
		for (int code = ERR_NOT_COVERED; code >= ERR_WRONG_KEY; code--) {
			if (strcmp(err_word(code), l.ended) == 0)
				return err_word(code);
		}
		return "ended";
	}
	if (revoked(w, a))
		return err_word(ERR_REVOKED);
	if (ui_now() > a->not_after_ms)
		return err_word(ERR_EXPIRED);
	return ui_now() < a->not_before_ms ? err_word(ERR_NOT_YET) : "in-force";
}

static bool by_item(const struct authorisation *a, const struct object *o)
{
	for (size_t i = 0; i < a->items; i++) {
		if (memcmp(a->item[i].id, o->item, 16) == 0)
			return true;
	}
	return false;
}

static void print_release(const struct telling *w, const struct cmd_doc *d)
{
	const struct authorisation *a = &d->terms;
	struct cmd_officer who;

	put_hex("released     ", a->serial, 16);
	put_text(", to ", d->line->name);
	printf(", %s", state(w, a));
	if (!by_item(a, w->o))
		fputs(", with its whole accession", stdout);
	put_time("\n  admitted   ", d->line->ev.time_ms);
	put_text(" by ", d->line->ev.user);
	put_time("\n  in force   ", a->not_before_ms);
	put_time(" to ", a->not_after_ms);
	put_text("\n  case       ", a->case_no);
	put_text("\n  purpose    ", a->purpose);
	put_text("\n  asked by   ", a->requested_by);
	fputs("\n  users      ", stdout);
	for (size_t i = 0; i < a->nusers; i++)
		put_text(i ? ", " : "", a->users[i]);
	fputs(a->nusers ? "\n" : "any\n", stdout);
	for (size_t i = 0; i < d->doc.sigs; i++) {
		if (cmd_doc_signer(&d->doc, i, &who))
			printf("  signed by  %s\n", who.name);
	}
}

static void json_release(const struct telling *w, const struct cmd_doc *d)
{
	const struct authorisation *a = &d->terms;
	struct ui_json *j = w->j;
	struct cmd_officer who;

	ui_json_begin(j, NULL, '{');
	ui_json_id(j, "authorisation", a->serial);
	ui_json_id(j, "node", d->line->node);
	ui_json_text(j, "node_name", d->line->name);
	ui_json_text(j, "state", state(w, a));
	ui_json_bool(j, "by_accession", !by_item(a, w->o));
	ui_json_time(j, "admitted", d->line->ev.time_ms);
	ui_json_text(j, "admitted_by", d->line->ev.user);
	ui_json_time(j, "not_before", a->not_before_ms);
	ui_json_time(j, "not_after", a->not_after_ms);
	ui_json_text(j, "case", a->case_no);
	ui_json_text(j, "purpose", a->purpose);
	ui_json_text(j, "requested_by", a->requested_by);
	ui_json_begin(j, "users", '[');
	for (size_t i = 0; i < a->nusers; i++)
		ui_json_text(j, NULL, a->users[i]);
	ui_json_end(j, ']');
	ui_json_begin(j, "signed_by", '[');
	for (size_t i = 0; i < d->doc.sigs; i++) {
		if (cmd_doc_signer(&d->doc, i, &who))
			ui_json_text(j, NULL, who.name);
	}
	ui_json_end(j, ']');
	ui_json_end(j, '}');
}

static int one_release(void *ctx, const struct cmd_doc *d)
{
	struct telling *w = ctx;

	w->releases++;
	if (w->j)
		json_release(w, d);
	else
		print_release(w, d);
	return 0;
}

static int releases(struct telling *w)
{
	struct cmd_docs_item item;
	const struct cmd_docs_ask ask = {.covers = &item, .to_ms = INT64_MAX};
	int rc;

	memcpy(item.id, w->o->item, 16);
	memcpy(item.commitment, w->o->commitment, 32);
	memcpy(item.accession, w->o->accession, 16);
	rc = cmd_docs_each(&w->t->view, &ask, &w->t->notice, one_release, w, w->e);
	if (rc == 0 && !w->j && !w->releases)
		printf("released     never, as far as the log is here\n");
	return rc;
}

/* ---- the item ---- */

/* Who began the accession; false if the index does not know. */
static bool taken_by(const struct telling *w, struct ledger_accession *acc)
{
	struct db_txn *txn = NULL;
	int rc = db_begin(&txn, w->t->view.station->db, false, NULL);

	if (rc == 0)
		rc = ledger_get_accession(NULL, txn, w->o->node, w->o->accession, acc, NULL);
	db_abort(txn);
	return rc == 0;
}

static void print_item(const struct telling *w, const char *name, const char *path)
{
	const struct object *o = w->o;
	struct ledger_accession acc;
	char node[CMD_NAME_MAX];

	put_text("", name);
	put_text(": ", path);
	put_hex("\nitem         ", o->item, 16);
	printf("\nsize         %" PRIu64, o->size);
	cmd_node_name(node, w->t->view.roster, o->node);
	put_time("\ntaken in     ", o->ingest_ms);
	put_text(" by node ", node);
	if (taken_by(w, &acc)) {
		put_text(", ", acc.user);
		put_text(" at ", acc.host);
	}
	put_hex("\naccession    ", o->accession, 16);
	putchar('\n');
}

static void json_item(const struct telling *w, const char *name, const char *path)
{
	const struct object *o = w->o;
	struct ledger_accession acc;
	char node[CMD_NAME_MAX];

	cmd_node_name(node, w->t->view.roster, o->node);
	ui_json_begin(w->j, NULL, '{');
	ui_json_text(w->j, "file", name);
	ui_json_bool(w->j, "found", true);
	ui_json_id(w->j, "item", o->item);
	ui_json_text(w->j, "path", path);
	ui_json_number(w->j, "size", o->size);
	ui_json_time(w->j, "ingested", o->ingest_ms);
	ui_json_id(w->j, "node", o->node);
	ui_json_text(w->j, "node_name", node);
	ui_json_id(w->j, "accession", o->accession);
	if (taken_by(w, &acc)) {
		ui_json_text(w->j, "user", acc.user);
		ui_json_text(w->j, "host", acc.host);
	}
}

static int tell(struct telling *w, const char *name, struct cmd_history *h, const char *path)
{
	int rc;

	if (!w->j) {
		print_item(w, name, path);
		rc = releases(w);
		if (rc == 0)
			rc = cmd_trace_exports(w->t, w->o->item, NULL, w->e);
		printf("history\n");
		return rc ? rc : cmd_history_print(h, path, false, w->e);
	}
	json_item(w, name, path);
	ui_json_begin(w->j, "releases", '[');
	rc = releases(w);
	ui_json_end(w->j, ']');
	ui_json_begin(w->j, "exports", '[');
	if (rc == 0)
		rc = cmd_trace_exports(w->t, w->o->item, w->j, w->e);
	ui_json_end(w->j, ']');
	ui_json_begin(w->j, "history", '[');
	if (rc == 0)
		rc = cmd_history_print(h, path, true, w->e);
	ui_json_end(w->j, ']');
	ui_json_end(w->j, '}');
	ui_json_line(w->j);
	return rc;
}

int cmd_trace_show(struct cmd_trace *t, size_t file, const struct object *o, struct err *e)
{
	struct ui_json j = {0};
	struct telling w = {.t = t, .o = o, .j = t->ui->json ? &j : NULL, .e = e};
	struct wire_out path = {0};
	struct cmd_history *h = NULL;
	int rc = cmd_path(t->view.station, o, &path, e);

	if (rc == 0)
		rc = cmd_history_open(&h, t->view.station, o->item, e);
	if (rc == 0)
		rc = tell(&w, t->name[file], h, (char *)path.p);
	cmd_history_close(h);
	wire_out_wipe(&path);
	return rc;
}

void cmd_trace_show_none(const struct cmd_trace *t, size_t file)
{
	struct ui_json j = {0};

	if (t->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "file", t->name[file]);
		ui_json_bool(&j, "found", false);
		ui_json_bool(&j, "unsure", t->unsure[file]);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	} else if (!t->ui->quiet) {
		put_text("", t->name[file]);
		puts(t->unsure[file] ? ": can't be said: items here can't be read" :
				       ": not in custody here");
	}
}
