// SPDX-License-Identifier: Apache-2.0
/* custody verify: fixity, without a key. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/backup_dest.h"
#include "fs/verify.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

#define WORKERS_MAX 256

static const char help[] =
	"Usage: custody verify ARCHIVE|BACKUP [OPTION]...\n"
	"Check the whole archive, or the last generation of a backup: signatures, logs and their signed\n"
	"checkpoints, and every sealed item against its digest in the log. It needs no key and no node, and\n"
	"changes nothing. Each finding is a line that names what is damaged; the rest is checked all the\n"
	"same.\n"
	"\n"
	"      --checkpoint FILE  a node's checkpoint of earlier, as 'custody checkpoint' printed it:\n"
	"                         the log must extend it\n"
	"      --quick            logs and documents only, not the sealed items\n"
	"      --sample N         of the items N alone, drawn at random: for every night\n"
	"      --since TIME       of the items those alone that were taken in since then\n"
	"      --all              all items (as without these two)\n"
	"      --workers N        how many read at once (default: one a processor)\n"
	"      --json, -q         -q: findings only\n"
	"\n"
	"The last line is one hash over all checkpoints, for the notebook.\n"
	"Exit codes: 0 all well, 1 something could not be checked, 2 usage, 4 damaged or forged,\n"
	"5 not an archive.\n";

struct verify {
	struct ui *ui;
	const char *archive;
	struct verify_ask ask;
	bool all;
};

static int parse_since(struct verify *v)
{
	struct err e = {0};
	int rc = ui_time(optarg, ui_now(), &v->ask.since_ms, &e);

	return rc ? ui_usage(v->ui, "--since: %s", e.text) : 0;
}

static int parse_option(struct verify *v, int c)
{
	uint64_t n = 0;
	int code = 0;

	switch (c) {
	case 'c':
		v->ask.checkpoint = optarg;
		break;
	case 'k':
		v->ask.quick = true;
		break;
	case 's':
		code = verb_number(v->ui, "--sample", optarg, 1, INT64_MAX, &v->ask.sample);
		break;
	case 't':
		code = parse_since(v);
		break;
	case 'a':
		v->all = true;
		break;
	default:
		code = verb_number(v->ui, "--workers", optarg, 1, WORKERS_MAX, &n);
		v->ask.workers = (unsigned)n;
	}
	return code;
}

/* --all says what is so without --sample and --since, and --quick reads none. */
static int check_together(const struct verify *v)
{
	const bool some = v->ask.sample || v->ask.since_ms;

	if (some && v->all)
		return ui_usage(v->ui, "--all and --sample or --since contradict each other");
	if (v->ask.quick && (some || v->all))
		return ui_usage(v->ui,
				"--quick reads no item: it does not go with --all, --sample, "
				"--since");
	return 0;
}

static int parse(struct verify *v, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"checkpoint", 1, NULL, 'c'},
					      {"quick", 0, NULL, 'k'},
					      {"sample", 1, NULL, 's'},
					      {"since", 1, NULL, 't'},
					      {"all", 0, NULL, 'a'},
					      {"workers", 1, NULL, 'w'},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(v->ui, argc, argv, VERB_SHORT, longs, help, &code)) >= 0) {
		code = parse_option(v, c);
		if (code)
			return code;
	}
	if (c == VERB_STOP)
		return code;
	code = check_together(v);
	if (code)
		return code;
	code = verb_operands(v->ui, argc, 1, 1, "one ARCHIVE");
	if (code)
		return code;
	v->archive = argv[optind];
	return -1;
}

static void on_finding(void *ctx, const struct verify_finding *f)
{
	const struct verify *v = ctx;
	struct ui_json j = {0};

	ui_progress_end(v->ui);
	if (!v->ui->json) {
		printf("%s: ", err_exit(f->code) == 4 ? err_word(f->code) : "not checked");
		ui_put_name(f->text, strnlen(f->text, sizeof(f->text)));
		putchar('\n');
	} else {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "finding", err_word(f->code));
		ui_json_bool(&j, "damage", err_exit(f->code) == 4);
		ui_json_text(&j, "text", f->text);
		if (f->has_item)
			ui_json_id(&j, "item", f->item);
		if (f->has_segment)
			ui_json_id(&j, "segment", f->segment);
		ui_json_number(&j, "offset", f->offset);
		ui_json_number(&j, "length", f->length);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	}
	fflush(stdout); /* findings of a long run are seen as they come */
}

static void on_note(void *ctx, const char *sentence)
{
	const struct verify *v = ctx;

	if (!v->ui->quiet)
		ui_notice(v->ui, sentence);
}

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
	const struct verify *v = ctx;

	ui_progress(v->ui, done, total);
}

static void print_json(const struct verify *v, const struct verify_sum *sum)
{
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_bool(&j, "quick", v->ask.quick);
	ui_json_number(&j, "journals", sum->journals);
	ui_json_number(&j, "events", sum->events);
	ui_json_number(&j, "items", sum->items);
	ui_json_number(&j, "read", v->ask.quick ? 0 : sum->read);
	ui_json_number(&j, "bytes", sum->bytes);
	ui_json_number(&j, "segments", sum->segments);
	ui_json_number(&j, "documents", sum->documents);
	ui_json_number(&j, "unsigned_events", sum->unsigned_events);
	ui_json_number(&j, "open_accessions", sum->open_accessions);
	ui_json_number(&j, "damaged", sum->damaged);
	ui_json_number(&j, "unchecked", sum->unchecked);
	ui_json_hex(&j, "root", sum->root, sizeof(sum->root));
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void print(const struct verify *v, const struct verify_sum *sum)
{
	char bytes[16], root[65];

	if (v->ui->json) {
		print_json(v, sum);
		return;
	}
	if (v->ui->quiet)
		return;
	ui_bytes(bytes, sum->bytes);
	text_hex(root, sum->root, sizeof(sum->root));
	printf("journals    %" PRIu64 ", %" PRIu64 " event%s\n", sum->journals, sum->events,
	       ui_s(sum->events));
	printf("items       %" PRIu64 " in %" PRIu64 " segment%s, %s%s\n", sum->items,
	       sum->segments, ui_s(sum->segments), bytes,
	       v->ask.quick ? " (not read: --quick)" : "");
	if (!v->ask.quick && sum->read < sum->items)
		printf("read        %" PRIu64 " item%s of them\n", sum->read, ui_s(sum->read));
	printf("documents   %" PRIu64 "\n", sum->documents);
	if (sum->unsigned_events)
		printf("unsigned    %" PRIu64 " event%s that no checkpoint covers yet\n",
		       sum->unsigned_events, ui_s(sum->unsigned_events));
	if (sum->open_accessions)
		printf("open        %" PRIu64 " accession%s, begun and not closed\n",
		       sum->open_accessions, ui_s(sum->open_accessions));
	printf("damaged     %" PRIu64 "\n", sum->damaged);
	if (sum->unchecked)
		printf("not checked %" PRIu64 "\n", sum->unchecked);
	printf("root        %s\n", root);
}

int cmd_verify(struct ui *ui, int argc, char **argv)
{
	struct verify v = {.ui = ui};
	struct verify_sum sum = {0};
	struct archive *a = NULL;
	struct err e = {0};
	char *path = NULL;
	int rc = parse(&v, argc, argv);

	if (rc >= 0)
		return rc;
	v.ask.finding = on_finding;
	v.ask.note = on_note;
	v.ask.progress = on_progress;
	v.ask.ctx = &v;
	ui->progress_bytes = true;
	rc = backup_dest_find(&path, v.archive, &e);
	if (rc == 0)
		rc = archive_open(&a, path, &e);
	if (rc == 0)
		rc = verify_run(a, &v.ask, &sum, &e);
	ui_progress_end(ui);
	free(path);
	if (rc < 0 && !sum.damaged && !sum.unchecked) {
		archive_close(a);
		return ui_fail(ui, rc, &e);
	}
	print(&v, &sum);
	if (rc < 0)
		ui_notice(ui, e.text[0] ? e.text : err_text(rc));
	archive_close(a);
	/* What was found counts, whatever stopped the rest. */
	return sum.damaged ? err_exit(ERR_DAMAGED) : rc < 0 ? err_exit(rc) : 0;
}
