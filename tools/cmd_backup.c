// SPDX-License-Identifier: Apache-2.0
/* custody backup: keep an archive a second time, without a key. */
#include "tools/cmd.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tools/cmd_backup.h"
#include "tools/verb.h"

#define KEEP_DEFAULT 7
#define KEEP_MAX 1000000

static const char help[] =
	"Usage: custody backup ARCHIVE DEST [OPTION]...\n"
	"       custody backup ARCHIVE --stdout | --list[=journals|rest]\n"
	"Bring the backup in the folder DEST up to date, while evidence is taken in and mounts run. It needs\n"
	"no key and no node. Each run that finds something new makes a generation, a whole archive of its\n"
	"own; only what is new is read and written, and it is read back. A backup that the archive is not a\n"
	"continuation of is refused. Interrupted, the next run goes on.\n"
	"\n"
	"      --keep N        generations to keep (default 7; 0: all)\n"
	"      --dry-run       say what there is to do, and do nothing\n"
	"      --stdout        a tar stream of the whole archive instead, for pipes\n"
	"      --list[=WHAT]   print the names of what to copy, for other programs, one a line, journals\n"
	"                      first; journals: them alone; rest: all else. While the archive grows, copy\n"
	"                      the journals first, and list the rest after that\n"
	"  -0                  names end in NUL, not in LF\n"
	"      --json, -q\n"
	"\n"
	"Exit codes: 0 done, or nothing new; 1 not finished, run it again; 2 usage; 4 the archive is damaged\n"
	"(what is good was kept), or not a continuation of the backup (refused); 5 DEST is something else;\n"
	"6 another backup runs.\n";

struct backup_verb {
	struct ui *ui;
	const char *archive, *dest;
	struct backup_ask ask;
	bool to_stdout, list, nul;
	enum backup_list what;
};

static int parse_list(struct backup_verb *v, const char *arg)
{
	v->list = true;
	if (!arg)
		v->what = BACKUP_LIST_ALL;
	else if (strcmp(arg, "journals") == 0)
		v->what = BACKUP_LIST_JOURNALS;
	else if (strcmp(arg, "rest") == 0)
		v->what = BACKUP_LIST_REST;
	else
		return ui_usage(v->ui, "--list=%s: it takes journals, rest, or nothing", arg);
	return 0;
}

static int parse_option(struct backup_verb *v, int c)
{
	switch (c) {
	case 'k':
		return verb_number(v->ui, "--keep", optarg, 0, KEEP_MAX, &v->ask.keep);
	case 'd':
		v->ask.dry_run = true;
		return 0;
	case 's':
		v->to_stdout = true;
		return 0;
	case 'l':
		return parse_list(v, optarg);
	default:
		v->nul = true;
		return 0;
	}
}

static int check_together(const struct backup_verb *v, int argc)
{
	if (v->list && v->to_stdout)
		return ui_usage(v->ui, "--list and --stdout are two things");
	if (v->nul && !v->list)
		return ui_usage(v->ui, "-0 goes with --list");
	if (v->ask.dry_run && (v->list || v->to_stdout))
		return ui_usage(v->ui, "--dry-run is for a backup to a folder");
	if (v->list || v->to_stdout)
		return verb_operands(v->ui, argc, 1, 1, "one ARCHIVE");
	return verb_operands(v->ui, argc, 2, 2, "an ARCHIVE and a folder DEST");
}

static int parse(struct backup_verb *v, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"keep", 1, NULL, 'k'},
					      {"dry-run", 0, NULL, 'd'},
					      {"stdout", 0, NULL, 's'},
					      {"list", 2, NULL, 'l'},
					      {NULL, 0, NULL, 0}};
	int c, code;

	v->ask.keep = KEEP_DEFAULT;
	while ((c = verb_option(v->ui, argc, argv, VERB_SHORT "0", longs, help, &code)) >= 0) {
		code = parse_option(v, c);
		if (code)
			return code;
	}
	if (c == VERB_STOP)
		return code;
	code = check_together(v, argc);
	if (code)
		return code;
	v->archive = argv[optind];
	v->dest = argv[optind + 1];
	return -1;
}

/* ---- the run ---- */

static int print_name(void *ctx, const char *path)
{
	const struct backup_verb *v = ctx;

	fputs(path, stdout);
	putchar(v->nul ? '\0' : '\n');
	return ferror(stdout) ? ERR_SYSTEM : 0;
}

static int run(struct backup_verb *v, const struct archive *a, struct backup_sum *sum,
	       struct err *e)
{
	int rc;

	if (v->list) {
		rc = backup_list(a, v->what, print_name, v, e);
		return rc == 0 && fflush(stdout) != 0 ? err_sys(e, "can't write the list") : rc;
	}
	if (!v->to_stdout)
		return backup_run(a, v->dest, &v->ask, sum, e);
	if (isatty(STDOUT_FILENO))
		return err_set(e, ERR_USAGE, "--stdout is for a pipe or a file, not a terminal");
	signal(SIGPIPE, SIG_IGN);
	return backup_stream(a, STDOUT_FILENO, &v->ask, sum, e);
}

int cmd_backup(struct ui *ui, int argc, char **argv)
{
	struct backup_verb v = {.ui = ui};
	struct cmd_backup_told told = {.ui = ui};
	struct backup_sum sum = {0};
	struct archive *a = NULL;
	struct err e = {0};
	int rc = parse(&v, argc, argv);

	if (rc >= 0)
		return rc;
	told.piped = v.to_stdout;
	cmd_backup_tell(&v.ask, &told);
	ui->progress_bytes = true;
	rc = archive_open(&a, v.archive, &e);
	if (rc == 0)
		rc = run(&v, a, &sum, &e);
	ui_progress_end(ui);
	archive_close(a);
	if (v.list || v.to_stdout)
		return rc ? ui_fail(ui, rc, &e) : 0;
	return cmd_backup_result(ui, &sum, v.ask.dry_run, NULL, rc, &e);
}
