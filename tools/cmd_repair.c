// SPDX-License-Identifier: Apache-2.0
/* custody repair: damaged ranges replaced by what a backup has intact. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/backup_dest.h"
#include "fs/repair.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

static const char help[] =
	"Usage: custody repair ARCHIVE --from BACKUP [OPTION]...\n"
	"Check every item and document against its digest in the log, and replace what is damaged or missing\n"
	"by what BACKUP, a backup or another copy of the archive, has of it intact: of that same digest, as\n"
	"read from there and read again from here. What is as logged is not written to, nothing is dropped\n"
	"and nothing filled up. Each repair is in this node's log before it is done. Logs themselves are not\n"
	"repaired: an archive whose log is damaged is restored.\n"
	"\n"
	"      --from BACKUP\n"
	"      --dry-run          say what could be repaired, and change nothing; needs no node\n"
	"      --node DIR, --passphrase-file F, --passphrase-fd N, --json, -q\n"
	"\n"
	"Exit codes: 0 all is well now, 1 system, 2 usage, 3 key or passphrase, 4 something damaged is left\n"
	"(or was found: --dry-run), or a log is damaged, 5 not an archive, or a backup of another, 7 not\n"
	"enrolled.\n";

struct repair_verb {
	struct ui *ui;
	const char *archive, *from;
	struct repair_ask ask;
	char user[256];
};

static int parse(struct repair_verb *v, int argc, char **argv)
{
	static const struct option longs[] = {
		UI_OPTIONS, {"from", 1, NULL, 'f'}, {"dry-run", 0, NULL, 'd'}, {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(v->ui, argc, argv, VERB_SHORT, longs, help, &code)) >= 0) {
		if (c == 'f')
			v->from = optarg;
		else
			v->ask.dry_run = true;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(v->ui, argc, 1, 1, "one ARCHIVE");
	if (code)
		return code;
	if (!v->from)
		return ui_usage(v->ui, "--from BACKUP is needed: the copy that is intact");
	v->archive = argv[optind];
	return -1;
}

static void on_told(void *ctx, const struct repair_told *t)
{
	const struct repair_verb *v = ctx;
	const char *word = !t->mended ? "left" : v->ask.dry_run ? "repairable" : "repaired";
	struct ui_json j = {0};

	ui_progress_end(v->ui);
	if (!v->ui->json) {
		printf("%s: ", word);
		ui_put_name(t->at.text, strnlen(t->at.text, sizeof(t->at.text)));
		putchar('\n');
	} else {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "finding", word);
		ui_json_text(&j, "text", t->at.text);
		if (t->at.has_item)
			ui_json_id(&j, "item", t->at.item);
		if (t->at.has_segment)
			ui_json_id(&j, "segment", t->at.segment);
		ui_json_number(&j, "offset", t->at.offset);
		ui_json_number(&j, "length", t->at.length);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	}
	fflush(stdout);
}

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
	const struct repair_verb *v = ctx;

	ui_progress(v->ui, done, total);
}

static void print(const struct repair_verb *v, const struct repair_sum *s)
{
	struct ui_json j = {0};
	char bytes[16];

	if (v->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_bool(&j, "dry_run", v->ask.dry_run);
		ui_json_number(&j, "items", s->items);
		ui_json_number(&j, "bytes", s->bytes);
		ui_json_number(&j, v->ask.dry_run ? "repairable" : "repaired", s->mended);
		ui_json_number(&j, "repaired_bytes", v->ask.dry_run ? 0 : s->mended_bytes);
		ui_json_number(&j, "left", s->left);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	} else if (!v->ui->quiet) {
		ui_bytes(bytes, s->bytes);
		printf("items       %" PRIu64 ", %s\n", s->items, bytes);
		ui_bytes(bytes, s->mended_bytes);
		printf("%s  %" PRIu64 ", %s\n", v->ask.dry_run ? "repairable" : "repaired  ",
		       s->mended, bytes);
		printf("left        %" PRIu64 "\n", s->left);
	}
}

/* Both archives: ours with its node, unless nothing is to be changed. */
static int run(struct repair_verb *v, struct repair_sum *sum, struct err *e)
{
	struct archive *here = NULL, *from = NULL;
	struct station *s = NULL;
	char *path = NULL;
	int rc = backup_dest_find(&path, v->from, e);

	if (rc == 0)
		rc = archive_open(&from, path, e);
	if (rc == 0 && v->ask.dry_run)
		rc = archive_open(&here, v->archive, e);
	else if (rc == 0)
		rc = cmd_open(&s, v->ui, v->archive, STATION_NO_CATCH_UP, e);
	if (rc == 0)
		rc = repair_run(s ? s->archive : here, from, s, &v->ask, sum, e);
	ui_progress_end(v->ui);
	archive_close(here);
	archive_close(from);
	free(path);
	return cmd_close(s, rc, e);
}

int cmd_repair(struct ui *ui, int argc, char **argv)
{
	struct repair_verb v = {.ui = ui};
	struct repair_sum sum = {0};
	struct err e = {0};
	int rc = parse(&v, argc, argv);

	if (rc >= 0)
		return rc;
	ui_user(v.user, sizeof(v.user));
	v.ask.uid = getuid();
	v.ask.user = v.user;
	v.ask.told = on_told;
	v.ask.progress = on_progress;
	v.ask.ctx = &v;
	ui->progress_bytes = true;
	rc = run(&v, &sum, &e);
	if (rc && !sum.left && !sum.mended)
		return ui_fail(ui, rc, &e);
	print(&v, &sum);
	if (rc)
		ui_notice(ui, e.text[0] ? e.text : err_text(rc));
	return rc ? err_exit(rc) : 0;
}
