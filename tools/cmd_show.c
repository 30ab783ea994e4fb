// SPDX-License-Identifier: Apache-2.0
/* custody show: all that is known of one item: its ids, provenance, state and history. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "crypto/suite.h"
#include "index/object_claim.h"
#include "tools/cmd_derive.h"
#include "tools/cmd_history.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

static const char help[] =
	"Usage: custody show ARCHIVE PATH|ITEM-ID [OPTION]...\n"
	"Print all that is known of an item: ids, sizes, digest, provenance, whether you may read it,\n"
	"and every event of its history.\n"
	"\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"A node that only ingests knows no names: there, ITEM-ID shows the history alone.\n"
	"Exit codes: 0 done, 1 no such item, system or index, 2 usage, 3 key or passphrase,\n"
	"4 damaged or forged log, 7 this node holds no key that opens names.\n";

struct show {
	struct ui *ui;
	const char *archive, *name;
	struct station *s;
	uint8_t item[16];
	bool by_path;
	bool known; /* the object is: names are open here */
	struct object o;
	struct wire_out path, enc;
	struct record *record;
	struct cmd_gate gate;
	struct cmd_history *history;
};

/* What the index says of the item, in one look. */
static int load(struct show *w, struct err *e)
{
	struct db_txn *t = NULL;
	int rc = db_begin(&t, w->s->db, false, e);

	if (rc == 0)
		rc = w->by_path ? object_get_item(t, w->o.node, w->item, &w->o, &w->enc, e) :
				  object_claim_one(t, w->item, &w->o, &w->enc, e);
	w->known = rc == 0;
	if (rc == 0)
		rc = object_path(t, &w->o, &w->path, e);
	db_abort(t);
	if (rc == 0 || rc == ERR_NOTFOUND)
		rc = cmd_history_open(&w->history, w->s, w->item, e);
	wire_out_u8(&w->path, 0);
	if (rc == 0 && !wire_out_ok(&w->path))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0 && w->known && record_decode(&w->record, w->enc.p, w->enc.n) < 0)
		rc = err_set(e, ERR_INDEX,
			     "%s: its record in the index does not parse; run "
			     "'custody reindex'",
			     w->name);
	if (rc == 0 && !w->known && cmd_history_count(w->history) == 0)
		rc = err_set(e, ERR_NOTFOUND, "%s: there is no such item", w->name);
	return rc;
}

static int find(struct show *w, struct err *e)
{
	struct object o;
	int rc;

	if (text_unhex((struct text_span){w->name, strlen(w->name)}, w->item, 16))
		return 0;
	rc = cmd_need_names(w->s, e);
	if (rc == 0)
		rc = cmd_find(w->s, w->name, &o, NULL, e);
	if (rc == 0 && o.kind == OBJECT_DIR)
		rc = err_set(e, ERR_USAGE, "%s is a folder; 'custody ls' lists it", w->name);
	if (rc)
		return rc;
	memcpy(w->item, o.item, 16);
	w->o = o;
	w->by_path = true;
	return 0;
}

static const char *state(const struct show *w)
{
	return cmd_gate_ask(&w->gate, &w->o, NULL, NULL) == 0 ? "released" : "sealed";
}

static void print_provenance(const struct show *w)
{
	struct text_span v;
	const char *key;

	printf("provenance\n");
	for (size_t i = 0; i < record_count(w->record); i++) {
		record_at(w->record, i, &key, &v);
		printf("  %-24s ", key);
		ui_put_name(v.p, v.n);
		putchar('\n');
	}
}

static void print_id(const char *what, const uint8_t *p, size_t n)
{
	char hex[65];

	text_hex(hex, p, n);
	printf("%-12s %s\n", what, hex);
}

static void print(const struct show *w, const uint8_t sha256[32], bool digest)
{
	char name[CMD_NAME_MAX], time[TEXT_TIME_SIZE];

	print_id("item", w->item, 16);
	if (!w->known)
		return;
	printf("path         ");
	ui_put_name((char *)w->path.p, strlen((char *)w->path.p));
	printf("\nstate        %s\n", state(w));
	printf("size         %" PRIu64 "\n", w->o.size);
	if (digest)
		print_id("sha256", sha256, 32);
	text_time_ms(time, w->o.ingest_ms);
	printf("taken in     %s\n", time);
	text_time_ms(time, w->o.mtime_ns / 1000000);
	printf("modified     %s\n", time);
	cmd_node_name(name, w->s->roster, w->o.node);
	printf("by node      ");
	ui_put_name(name, strlen(name));
	putchar('\n');
	print_id("accession", w->o.accession, 16);
	print_id("segment", w->o.segment, 16);
	printf("frame        offset %" PRIu64 ", %" PRIu64 " bytes, %s, chunks of %" PRIu32 "\n",
	       w->o.offset, w->o.length, suite_name(w->o.suite) ? suite_name(w->o.suite) : "?",
	       w->o.chunk_size);
	print_id("commitment", w->o.commitment, 32);
	print_provenance(w);
}

static void print_json(const struct show *w, struct ui_json *j, const uint8_t sha256[32],
		       bool digest)
{
	struct text_span v;
	const char *key;

	ui_json_id(j, "item", w->item);
	if (!w->known)
		return;
	ui_json_text(j, "path", (char *)w->path.p);
	ui_json_text(j, "state", state(w));
	ui_json_number(j, "size", w->o.size);
	if (digest)
		ui_json_hex(j, "sha256", sha256, 32);
	ui_json_time(j, "ingested", w->o.ingest_ms);
	ui_json_time(j, "mtime", w->o.mtime_ns / 1000000);
	ui_json_id(j, "node", w->o.node);
	ui_json_id(j, "accession", w->o.accession);
	ui_json_id(j, "segment", w->o.segment);
	ui_json_number(j, "offset", w->o.offset);
	ui_json_number(j, "length", w->o.length);
	ui_json_text(j, "suite", suite_name(w->o.suite) ? suite_name(w->o.suite) : "unknown");
	ui_json_number(j, "chunk_size", w->o.chunk_size);
	ui_json_hex(j, "commitment", w->o.commitment, 32);
	ui_json_begin(j, "provenance", '{');
	for (size_t i = 0; i < record_count(w->record); i++) {
		record_at(w->record, i, &key, &v);
		ui_json_bytes(j, key, v.p, v.n);
	}
	ui_json_end(j, '}');
}

static int tell(struct show *w, struct err *e)
{
	struct ui_json j = {0};
	uint8_t sha256[32];
	bool digest = w->known && cmd_digest(sha256, w->s, &w->o) == 0;
	int rc;

	if (w->known && !digest)
		ui_say(w->ui, "%s: its head can't be read now: run 'custody verify'",
		       w->ui->program);
	if (w->ui->json) {
		ui_json_begin(&j, NULL, '{');
		print_json(w, &j, sha256, digest);
		rc = w->known ? cmd_derive_json(&j, w->s, &w->o, w->record, e) : 0;
		ui_json_begin(&j, "history", '[');
	} else {
		print(w, sha256, digest);
		rc = w->known ? cmd_derive_print(w->s, &w->o, w->record, e) : 0;
		printf("history\n");
	}
	if (rc == 0)
		rc = cmd_history_print(w->history, w->known ? (char *)w->path.p : NULL, w->ui->json,
				       e);
	if (w->ui->json) {
		ui_json_end(&j, ']');
		ui_json_end(&j, '}');
		ui_json_line(&j);
	}
	return rc;
}

static int run(struct show *w, struct err *e)
{
	int rc;

	rc = cmd_open(&w->s, w->ui, w->archive, STATION_NO_JOURNAL, e);
	if (rc == 0)
		rc = find(w, e);
	if (rc == 0)
		rc = load(w, e);
	if (rc == 0)
		rc = cmd_gate_open(&w->gate, w->s, getuid(), w->ui, e);
	if (rc == 0)
		rc = tell(w, e);
	cmd_gate_close(&w->gate);
	record_free(w->record);
	wire_out_wipe(&w->enc);
	wire_out_wipe(&w->path);
	cmd_history_close(w->history);
	return cmd_close(w->s, rc, e);
}

int cmd_show(struct ui *ui, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS, {NULL, 0, NULL, 0}};
	struct show w = {.ui = ui};
	struct err e = {0};
	int c, code, rc;

	c = verb_option(ui, argc, argv, VERB_SHORT, longs, help, &code);
	if (c == VERB_STOP)
		return code;
	code = verb_operands(ui, argc, 2, 2, "ARCHIVE, and PATH or ITEM-ID");
	if (code)
		return code;
	w.archive = argv[optind];
	w.name = argv[optind + 1];
	rc = run(&w, &e);
	return rc < 0 ? ui_fail(ui, rc, &e) : 0;
}
