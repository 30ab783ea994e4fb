// SPDX-License-Identifier: Apache-2.0
/* custody restore: put an archive back from a backup. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/backup_restore.h"
#include "tools/cmd_backup.h"
#include "tools/cmd_restore.h"
#include "tools/verb.h"

static const char help[] =
	"Usage: custody restore BACKUP ARCHIVE [OPTION]...\n"
	"Put an archive back, at ARCHIVE, which must not be there yet or be an empty folder. BACKUP is a\n"
	"backup, whose last generation is taken, or any copy of an archive. All is proved and read back; it\n"
	"is made as ARCHIVE.partial, and an interrupted restore goes on when it is run again.\n"
	"\n"
	"      --generation N     that one of a backup\n"
	"      --accession ID     of the items only those of this accession; may be repeated, as the next two\n"
	"      --item PATH|ID     only this one: by its path with a reader node, by its id without\n"
	"      --collection NAME  only those of this collection; needs a reader node\n"
	"                         Whole segments are put back, and all logs and documents. 'custody repair'\n"
	"                         can put back the rest later\n"
	"      --dry-run          say what there is to do, and do nothing\n"
	"      --node DIR         the reader node\n"
	"      --passphrase-file F, --passphrase-fd N, --json, -q\n"
	"\n"
	"A node that has seen more than the backup has refuses the archive until officers accept that:\n"
	"'custody checkpoint --evidence', 'custody-authority accept-restore', 'custody import'.\n"
	"Exit codes: 0 done, 1 system, or no such item, 2 usage, 3 key or passphrase, 4 the backup is damaged\n"
	"(what is good was restored, unless it is a log), 5 not a backup, 6 busy, 7 not enrolled, no reader.\n";

struct restore_verb {
	struct ui *ui;
	const char *from, *to;
	uint64_t generation; /* 0: the last */
	struct cmd_restore_scope scope;
	bool dry_run;
};

static int parse_option(struct restore_verb *v, int c)
{
	struct verb_list *list = c == 'a' ? &v->scope.accession :
				 c == 'i' ? &v->scope.item :
					    &v->scope.collection;
	uint8_t id[16];
	int code;

	if (c == 'g')
		return verb_number(v->ui, "--generation", optarg, 1, 99999999, &v->generation);
	if (c == 'd') {
		v->dry_run = true;
		return 0;
	}
	code = c == 'a' ? verb_id(v->ui, "--accession", optarg, id) : 0;
	return code ? code : err_exit(verb_add(list, optarg));
}

static int parse(struct restore_verb *v, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"generation", 1, NULL, 'g'},
					      {"accession", 1, NULL, 'a'},
					      {"item", 1, NULL, 'i'},
					      {"collection", 1, NULL, 'c'},
					      {"dry-run", 0, NULL, 'd'},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(v->ui, argc, argv, VERB_SHORT, longs, help, &code)) >= 0) {
		code = parse_option(v, c);
		if (code)
			return code;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(v->ui, argc, 2, 2, "a BACKUP and an ARCHIVE");
	if (code)
		return code;
	v->from = argv[optind];
	v->to = argv[optind + 1];
	return -1;
}

/* Where the copy is that is restored. */
static int find(const struct restore_verb *v, char **path, struct err *e)
{
	char name[BACKUP_NAME_MAX];

	if (!v->generation)
		return backup_dest_find(path, v->from, e);
	backup_dest_name(name, v->generation);
	if (asprintf(path, "%s/%s", v->from, name) < 0) {
		*path = NULL;
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	return 0;
}

static int run(struct restore_verb *v, const char *path, struct archive **a,
	       struct cmd_backup_told *t, struct backup_sum *sum, struct err *e)
{
	struct backup_restore_ask ask = {.tell.dry_run = v->dry_run};
	uint8_t(*segment)[16] = NULL;
	int rc = archive_open(a, path, e);

	cmd_backup_tell(&ask.tell, t);
	if (rc == 0 && cmd_restore_some(&v->scope)) {
		rc = cmd_restore_find(&v->scope, v->ui, *a, path, &segment, &ask.segments, e);
		ask.segment = (const uint8_t(*)[16])segment;
	}
	if (rc == 0)
		rc = backup_restore(*a, v->to, &ask, sum, e);
	free(segment);
	return rc;
}

int cmd_restore(struct ui *ui, int argc, char **argv)
{
	struct restore_verb v = {.ui = ui};
	struct cmd_backup_told told = {.ui = ui};
	struct backup_sum sum = {0};
	struct archive *a = NULL;
	struct err e = {0};
	char *path = NULL;
	int rc = parse(&v, argc, argv);

	if (rc < 0) {
		ui->progress_bytes = true;
		rc = find(&v, &path, &e);
		if (rc == 0)
			rc = run(&v, path, &a, &told, &sum, &e);
		ui_progress_end(ui);
		rc = cmd_backup_result(ui, &sum, v.dry_run, v.to, rc, &e);
		archive_close(a);
		free(path);
	}
	cmd_restore_scope_free(&v.scope);
	return rc;
}
