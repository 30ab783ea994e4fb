// SPDX-License-Identifier: Apache-2.0
/* What backup and restore tell, and what came out of them. */
#include "tools/cmd_backup.h"

#include <inttypes.h>
#include <string.h>

#include "tools/ui_json.h"

/* ---- what the engine tells ---- */

/* On standard output with the result; a stream has that for itself. */
static void on_finding(void *ctx, const struct verify_finding *f)
{
	const struct cmd_backup_told *v = ctx;
	struct ui_json j = {0};

	ui_progress_end(v->ui);
	if (v->piped) {
		ui_notice(v->ui, f->text);
	} else if (!v->ui->json) {
		printf("%s: ", err_word(f->code));
		ui_put_name(f->text, strnlen(f->text, sizeof(f->text)));
		putchar('\n');
	} else {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "finding", err_word(f->code));
		ui_json_text(&j, "text", f->text);
		if (f->has_segment) {
			ui_json_id(&j, "segment", f->segment);
			ui_json_number(&j, "offset", f->offset);
			ui_json_number(&j, "length", f->length);
		}
		ui_json_end(&j, '}');
		ui_json_line(&j);
	}
	fflush(stdout);
}

static void on_note(void *ctx, const char *sentence)
{
	const struct cmd_backup_told *v = ctx;

	if (!v->ui->quiet)
		ui_notice(v->ui, sentence);
}

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
	const struct cmd_backup_told *v = ctx;

	ui_progress(v->ui, done, total);
}

void cmd_backup_tell(struct backup_ask *ask, struct cmd_backup_told *t)
{
	ask->finding = on_finding;
	ask->note = on_note;
	ask->progress = on_progress;
	ask->ctx = t;
}

/* ---- results ---- */

static void print_json(const struct backup_sum *s, bool dry_run)
{
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_bool(&j, "new", s->fresh);
	ui_json_bool(&j, "made", s->made);
	ui_json_bool(&j, "resumed", s->resumed);
	if (s->generation[0])
		ui_json_text(&j, "generation", s->generation);
	ui_json_number(&j, "journals", s->journals);
	ui_json_number(&j, "events", s->events);
	ui_json_number(&j, "new_events", s->new_events);
	ui_json_number(&j, "segments", s->segments);
	ui_json_number(&j, "new_bytes", s->new_bytes);
	ui_json_number(&j, "documents", s->documents);
	ui_json_number(&j, "new_documents", s->new_documents);
	ui_json_number(&j, "checked", s->checked);
	ui_json_number(&j, "removed", s->removed);
	ui_json_number(&j, "damaged", s->damaged);
	ui_json_bool(&j, "dry_run", dry_run);
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void print(const struct backup_sum *s, bool dry_run, const char *where)
{
	char bytes[16];

	if (dry_run)
		printf("%s  none made: --dry-run\n", where ? "archive   " : "generation");
	else if (where && s->made)
		printf("archive     %s%s\n", where, s->resumed ? ", begun before" : "");
	else if (where)
		printf("archive     not made\n");
	else if (s->made)
		printf("generation  %s%s\n", s->generation, s->resumed ? ", begun before" : "");
	else
		printf("generation  %s%s\n", s->generation, s->fresh ? "" : ": nothing is new");
	ui_bytes(bytes, s->new_bytes);
	printf("events      %" PRIu64 " in %" PRIu64 " journal%s, %" PRIu64 " new\n", s->events,
	       s->journals, ui_s(s->journals), s->new_events);
	printf("segments    %" PRIu64 ", %s new\n", s->segments, bytes);
	printf("documents   %" PRIu64 ", %" PRIu64 " new\n", s->documents, s->new_documents);
	if (s->made)
		printf("read back   %" PRIu64 " item%s and headers\n", s->checked,
		       ui_s(s->checked));
	if (s->removed)
		printf("removed     %" PRIu64 " generation%s\n", s->removed, ui_s(s->removed));
	printf("damaged     %" PRIu64 "\n", s->damaged);
}

int cmd_backup_result(const struct ui *ui, const struct backup_sum *s, bool dry_run,
		      const char *where, int rc, const struct err *e)
{
	if (rc && !s->damaged)
		return ui_fail(ui, rc, e);
	if (ui->json)
		print_json(s, dry_run);
	else if (!ui->quiet)
		print(s, dry_run, where);
	if (rc)
		ui_notice((void *)ui, e->text[0] ? e->text : err_text(rc));
	return rc ? err_exit(rc) : 0;
}
