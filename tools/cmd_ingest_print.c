// SPDX-License-Identifier: Apache-2.0
#include "tools/cmd_ingest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/stop.h"
#include "tools/ui_json.h"

#define UNREAD_TOLD 20u

static void on_skip(void *ctx, const char *path, const char *why)
{
	const struct cmd_ingest *c = ctx;
	struct ui_json j = {0};

	ui_progress_end(c->ui);
	if (c->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "skipped", path);
		ui_json_text(&j, "why", why);
		ui_json_end(&j, '}');
		ui_json_line(&j);
		return;
	}
	fprintf(stderr, "%s: left out: ", c->ui->program);
	ui_fput_name(stderr, path, strlen(path));
	fprintf(stderr, " %s\n", why);
}

/* The first few in words: a column of another kind would fill the screen. */
static void on_unread(void *ctx, const char *path, const char *field, struct text_span value,
		      const char *why)
{
	struct cmd_ingest *c = ctx;
	struct ui_json j = {0};

	if (c->unread++ >= UNREAD_TOLD && !c->ui->json)
		return;
	ui_progress_end(c->ui);
	if (c->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "unreadable", path);
		ui_json_text(&j, "field", field);
		ui_json_bytes(&j, "value", value.p, value.n);
		ui_json_text(&j, "why", why);
		ui_json_end(&j, '}');
		ui_json_line(&j);
		return;
	}
	fprintf(stderr, "%s: ", c->ui->program);
	ui_fput_name(stderr, path, strlen(path));
	fprintf(stderr, ": %s `", field);
	ui_fput_name(stderr, value.p, value.n);
	fprintf(stderr, "` %s: kept as it stands\n", why);
	if (c->unread == UNREAD_TOLD)
		fprintf(stderr, "%s: more of these are counted only\n", c->ui->program);
}

static void on_note(void *ctx, const char *text)
{
	const struct cmd_ingest *c = ctx;
	struct ui_json j = {0};

	ui_progress_end(c->ui);
	if (c->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "note", text);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	} else {
		fprintf(stderr, "%s: note: %s\n", c->ui->program, text);
	}
}

static void on_take(void *ctx, const char *path)
{
	const struct cmd_ingest *c = ctx;
	struct ui_json j = {0};

	ui_progress_end(c->ui);
	if (c->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "item", path);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	} else if (!c->ui->quiet) {
		ui_fput_name(stdout, path, strlen(path));
		putchar('\n');
	}
}

static int on_progress(void *ctx, const struct intake_progress *p)
{
	const struct cmd_ingest *c = ctx;

	ui_progress(c->ui, p->survey ? p->compared : p->bytes, p->survey ? 0 : p->total_bytes);
	return stop_asked();
}

void cmd_ingest_tell(struct cmd_ingest *c)
{
	c->ask.skip = on_skip;
	c->ask.unread = on_unread;
	c->ask.take = on_take;
	c->ask.note = on_note;
	c->ask.progress = on_progress;
	c->ask.ctx = c;
}

static void print_json(const struct cmd_ingest *c, const struct ingest_sum *sum, bool whole)
{
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	if (!c->ask.dry_run && sum->items)
		ui_json_id(&j, "accession", sum->accession);
	ui_json_text(&j, "collection", c->ask.collection);
	ui_json_number(&j, "items", sum->items);
	ui_json_number(&j, "bytes", sum->bytes);
	ui_json_number(&j, "stored", sum->stored);
	ui_json_number(&j, "known", sum->known);
	ui_json_number(&j, "known_bytes", sum->known_bytes);
	ui_json_number(&j, "known_elsewhere", sum->elsewhere);
	ui_json_number(&j, "skipped", sum->skipped);
	ui_json_number(&j, "unread", sum->unread);
	ui_json_number(&j, "left_out", sum->left_out);
	ui_json_number(&j, "unreadable", c->unread);
	ui_json_bool(&j, "dry_run", c->ask.dry_run);
	ui_json_bool(&j, "complete", whole);
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

/* What was taken in before, and what that may mean. */
static void print_known(const struct cmd_ingest *c, const struct ingest_sum *sum)
{
	char bytes[16];

	ui_bytes(bytes, sum->known_bytes);
	if (sum->known)
		printf("%" PRIu64 " item%s, %s, %s in custody already, and %s not taken in again\n",
		       sum->known, ui_s(sum->known), bytes, sum->known == 1 ? "is" : "are",
		       sum->known == 1 ? "is" : "are");
	if (sum->elsewhere)
		ui_say(c->ui,
		       "%" PRIu64 " of those taken in %s content that is in custody under another "
		       "name, too (--skip-known-content leaves such out)",
		       sum->elsewhere, sum->elsewhere == 1 ? "has" : "have");
}

void cmd_ingest_print(const struct cmd_ingest *c, const struct ingest_sum *sum, bool stopped_early)
{
	char accession[33], bytes[16];

	if (c->ui->json) {
		print_json(c, sum, !stopped_early && sum->unread == 0);
		return;
	}
	if (c->ui->quiet)
		return;
	text_hex(accession, sum->accession, 16);
	ui_bytes(bytes, sum->bytes);
	printf("%s%" PRIu64 " item%s, %s",
	       c->ask.dry_run  ? "would take in " :
	       !stopped_early  ? "took in " :
	       sum->items == 1 ? "stopped; in custody is " :
				 "stopped; in custody are ",
	       sum->items, ui_s(sum->items), bytes);
	if (!c->ask.dry_run && sum->items)
		printf(", accession %s", accession);
	if (sum->skipped)
		printf(", left out %" PRIu64, sum->skipped);
	if (c->unread)
		printf(", %" PRIu64 " field%s kept unread", c->unread, ui_s(c->unread));
	putchar('\n');
	print_known(c, sum);
}
