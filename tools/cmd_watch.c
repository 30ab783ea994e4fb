// SPDX-License-Identifier: Apache-2.0
/* custody ingest --watch: a spool folder. */
#include "tools/cmd_watch.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/stop.h"
#include "tools/ui_json.h"

#define TELL_WRONG_MS 10000
#define TELL_STATUS_MS 5000
#define FORBIDDEN 5 /* the archive's four folders, and the node's */

static const char *const always_ignored[] = {"*.part", "*.partial", "*.filepart", "*.tmp"};

/* ---- options ---- */

void cmd_watch_init(struct cmd_watch *w, struct ui *ui)
{
	*w = (struct cmd_watch){.ui = ui};
	w->ask.spool.settle_ms = 2000;
	w->ask.most_items = 10000;
	w->ask.most_bytes = UINT64_C(4000000000);
	w->ask.most_ms = 300000;
}

/* "500ms", "2s", "2", "5m", "1h", up to a week. */
static int take_time(const struct ui *ui, const char *option, const char *arg, uint64_t min_ms,
		     uint64_t *ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60000}, {"h", 3600000}};
	const size_t digits = strspn(arg, "0123456789");
	const uint64_t most = UINT64_C(7) * 24 * 3600000;
	uint64_t n;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(arg + digits, units[i].unit) != 0 ||
		    !text_u64((struct text_span){arg, digits}, &n) || n > most / units[i].ms ||
		    n * units[i].ms < min_ms)
			continue;
		*ms = n * units[i].ms;
		return 0;
	}
	return ui_usage(ui,
			"%s %s: must be a time like 2s, 500ms, 5m or 1h, at most a week, and "
			"not below %" PRIu64 "ms",
			option, arg, min_ms);
}

int cmd_watch_option(struct cmd_watch *w, int opt, const char *arg)
{
	struct watch_ask *ask = &w->ask;
	uint64_t n = 0;
	int code = 0;

	if (opt < CMD_WATCH_DIR || opt > CMD_WATCH_VERBOSE)
		return -1;
	w->asked = w->asked || opt != CMD_WATCH_DIR;
	switch (opt) {
	case CMD_WATCH_DIR:
		ask->spool.dir = arg;
		return 0;
	case CMD_WATCH_MOVE:
		ask->move = true;
		return 0;
	case CMD_WATCH_SETTLE:
		code = take_time(w->ui, "--settle", arg, 1, &n);
		ask->spool.settle_ms = (unsigned)n;
		return code;
	case CMD_WATCH_RESCAN:
		code = take_time(w->ui, "--rescan", arg, 100, &n);
		ask->spool.rescan_ms = (unsigned)n;
		return code;
	case CMD_WATCH_IGNORE:
		return verb_add(&w->ignore, arg) ? ui_fail(w->ui, ERR_NOMEM, NULL) : 0;
	case CMD_WATCH_HIDDEN:
		ask->spool.hidden = true;
		return 0;
	case CMD_WATCH_ITEMS:
		return verb_number(w->ui, "--accession-items", arg, 1, UINT32_MAX,
				   &ask->most_items);
	case CMD_WATCH_BYTES:
		return verb_number(w->ui, "--accession-bytes", arg, 1, INT64_MAX, &ask->most_bytes);
	case CMD_WATCH_TIME:
		return take_time(w->ui, "--accession-time", arg, 100, &ask->most_ms);
	case CMD_WATCH_ONCE:
		ask->once = true;
		return 0;
	default:
		w->verbose = true;
		return 0;
	}
}

/* ---- what the watch says ---- */

static int open_archive(void *ctx, struct station **out, struct err *e)
{
	const struct cmd_watch *w = ctx;

	return cmd_open(out, w->ui, w->archive, 0, e);
}

static int close_archive(void *ctx, struct station *s, struct err *e)
{
	(void)ctx;
	return station_close(s, e);
}

static void on_ready(void *ctx, const struct spool *spool)
{
	const struct cmd_watch *w = ctx;

	(void)spool;
	ui_say(w->ui, "watching %s", w->ask.spool.dir);
	if (w->ask.move)
		ui_say(w->ui,
		       "files are removed once they are sealed and read back; that is no "
		       "erasure: on flash, in snapshots and in backups their bytes may stay, "
		       "so keep the folder in memory or on an encrypted disk");
	notify_tell(&w->notify, "READY=1\nSTATUS=watching");
}

static void print_sum(const struct ingest_sum *one, const struct watch_sum *sum, bool end)
{
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	if (!end && one->items)
		ui_json_id(&j, "accession", one->accession);
	if (end)
		ui_json_bool(&j, "stopped", true);
	if (end)
		ui_json_number(&j, "accessions", sum->accessions);
	ui_json_number(&j, "items", one->items);
	ui_json_number(&j, "bytes", one->bytes);
	ui_json_number(&j, "stored", one->stored);
	ui_json_number(&j, "known", one->known);
	ui_json_number(&j, "known_bytes", one->known_bytes);
	ui_json_number(&j, "known_elsewhere", one->elsewhere);
	ui_json_number(&j, "removed", sum->removed);
	ui_json_number(&j, "failures", sum->wrong);
	ui_json_number(&j, "waiting", sum->ready + sum->settling + sum->failing);
	ui_json_end(&j, '}');
	ui_json_line(&j);
	fflush(stdout);
}

static void put_items(uint64_t items, uint64_t n)
{
	char bytes[16];

	ui_bytes(bytes, n);
	printf("%" PRIu64 " item%s, %s", items, ui_s(items), bytes);
}

static void on_ended(void *ctx, const struct ingest_sum *one, const struct watch_sum *sum)
{
	const struct cmd_watch *w = ctx;
	char accession[33];

	ui_progress_end(w->ui);
	if (w->ui->json) {
		print_sum(one, sum, false);
		return;
	}
	if (w->ui->quiet)
		return;
	text_hex(accession, one->accession, 16);
	printf("took in ");
	put_items(one->items, one->bytes);
	if (one->items)
		printf(", accession %s", accession);
	if (one->known)
		printf(", %" PRIu64 " known already", one->known);
	putchar('\n');
	fflush(stdout);
}

static void on_trouble(void *ctx, const struct err *e, uint64_t wait_ms,
		       const struct watch_sum *sum)
{
	const struct cmd_watch *w = ctx;
	const uint64_t files = sum->ready + sum->settling;
	/* For want of memory sentences begin with a path. */
	const char *why = e->code == ERR_NOMEM || !e->text[0] ? err_text(e->code) : e->text;

	ui_progress_end(w->ui);
	fprintf(stderr,
		"%s: %s; %" PRIu64 " file%s wait%s in the folder and stay there; trying again in "
		"%" PRIu64 " s\n",
		w->ui->program, why, files, ui_s(files), files == 1 ? "s" : "", wait_ms / 1000);
	notify_tell(&w->notify, "STATUS=%s; trying again in %" PRIu64 " s", why, wait_ms / 1000);
}

static void on_named(void *ctx, const char *path, const struct err *e)
{
	struct cmd_watch *w = ctx;

	w->last_wrong = e->code;
	if (!w->verbose) {
		w->wrong++;
		return;
	}
	ui_progress_end(w->ui);
	fprintf(stderr, "%s: ", w->ui->program);
	ui_fput_name(stderr, path, strlen(path));
	fprintf(stderr, ": %s\n", e->text[0] ? e->text : err_text(e->code));
}

/* However many files can't be taken, there is one line in a while. */
static void tell_wrong(struct cmd_watch *w, int64_t now)
{
	if (w->wrong == 0 || now - w->told_ms < TELL_WRONG_MS)
		return;
	ui_progress_end(w->ui);
	fprintf(stderr,
		"%s: %" PRIu64
		" time%s a file could not be taken in or removed, the last time: %s; "
		"such files stay, and are tried again (--verbose names them)\n",
		w->ui->program, w->wrong, ui_s(w->wrong), err_text(w->last_wrong));
	w->wrong = 0;
	w->told_ms = now;
}

static bool on_turn(void *ctx, const struct watch_sum *sum)
{
	struct cmd_watch *w = ctx;
	const int64_t now = ui_now();
	const uint64_t bytes = sum->all.bytes + sum->now.bytes;

	notify_alive(&w->notify, now);
	tell_wrong(w, now);
	if (now - w->status_ms >= TELL_STATUS_MS) {
		notify_tell(&w->notify, "STATUS=%" PRIu64 " items taken in, %" PRIu64 " files wait",
			    sum->all.items + sum->now.items, sum->ready + sum->settling);
		w->status_ms = now;
	}
	if (sum->ready)
		ui_progress(w->ui, bytes, 0);
	else
		ui_progress_end(w->ui);
	return stop_asked();
}

/* ---- running ---- */

static bool within(const char *path, const char *dir)
{
	char a[PATH_MAX], b[PATH_MAX];
	size_t n;

	if (!realpath(path, a) || !realpath(dir, b))
		return false;
	n = strcmp(b, "/") == 0 ? 0 : strlen(b);
	return strncmp(a, b, n) == 0 && (a[n] == '/' || a[n] == '\0');
}

/* The archive and the node are not to be taken in, nor to be filled with plaintext. */
static int keep_apart(struct cmd_watch *w, struct stat own[FORBIDDEN], struct err *e)
{
	static const char *const parts[] = {"", "/segments", "/journal", "/documents"};
	struct spool_ask *spool = &w->ask.spool;
	char path[PATH_MAX + 16], node[PATH_MAX];
	int rc = node_default_dir(node, sizeof(node), w->ui->node, e);

	if (rc)
		return rc;
	if (within(spool->dir, w->archive) || within(spool->dir, node))
		return err_set(e, ERR_USAGE,
			       "the folder %s lies in the archive or in the node's directory",
			       spool->dir);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", w->archive, parts[i]);
		spool->forbiddens += stat(path, &own[spool->forbiddens]) == 0;
	}
	spool->forbiddens += stat(node, &own[spool->forbiddens]) == 0;
	spool->forbidden = own;
	return 0;
}

static int watch(struct cmd_watch *w, struct watch_sum *sum, struct err *e)
{
	struct stat own[FORBIDDEN];
	int rc = keep_apart(w, own, e);

	for (size_t i = 0; rc == 0 && i < sizeof(always_ignored) / sizeof(always_ignored[0]); i++)
		rc = verb_add(&w->ignore, always_ignored[i]);
	if (rc)
		return rc;
	w->ask.spool.ignore = w->ignore.p;
	w->ask.spool.ignores = w->ignore.n;
	w->ask.open = open_archive;
	w->ask.close = close_archive;
	w->ask.ready = on_ready;
	w->ask.ended = on_ended;
	w->ask.trouble = on_trouble;
	w->ask.named = on_named;
	w->ask.turn = on_turn;
	w->ask.ctx = w;
	stop_catch();
	notify_open(&w->notify);
	w->ui->progress_bytes = true;
	rc = watch_run(&w->ask, sum, e);
	ui_progress_end(w->ui);
	notify_tell(&w->notify, "STOPPING=1\nSTATUS=%s", rc ? "failed" : "stopped");
	notify_close(&w->notify);
	return rc;
}

int cmd_watch_run(struct cmd_watch *w)
{
	struct watch_sum sum = {0};
	struct err e = {0};
	int rc = watch(w, &sum, &e);

	free(w->ignore.p);
	w->told_ms = 0;
	tell_wrong(w, INT64_MAX);
	if (w->ui->json) {
		print_sum(&sum.all, &sum, true);
	} else if (!w->ui->quiet && (rc == 0 || sum.all.items)) {
		printf("stopped; took in ");
		put_items(sum.all.items, sum.all.bytes);
		printf(", in %" PRIu64 " accession%s", sum.accessions, ui_s(sum.accessions));
		if (sum.all.known)
			printf(", %" PRIu64 " known already", sum.all.known);
		if (w->ask.move)
			printf("; removed %" PRIu64 " file%s", sum.removed, ui_s(sum.removed));
		putchar('\n');
	}
	if (rc == 0 && w->ask.once && sum.failing)
		rc = err_set(&e, ERR_SYSTEM,
			     "incomplete: %" PRIu64 " file%s could not be taken in or removed",
			     sum.failing, ui_s(sum.failing));
	return rc ? ui_fail(w->ui, rc, &e) : 0;
}
