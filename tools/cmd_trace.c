// SPDX-License-Identifier: Apache-2.0
/* custody trace: is this file ours, and who could have let it out? */
#include "tools/cmd_trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "index/file.h"
#include "tools/verb.h"

#define LIST_MAX (64u << 20)
#define BUFFER (256u << 10)
#define NOT_HERE 1 /* the exit code of what is not there, in the table */

static const char help[] =
	"Usage: custody trace ARCHIVE FILE... [OPTION]...\n"
	"Is this file, wherever it was found, in custody here? Print what it is, who took it in and when,\n"
	"every authorisation that releases it, and all of its history. FILE is an exact copy, of any name;\n"
	"- is standard input. Needs a reader node. Nothing is read from evidence but its sealed digest, and\n"
	"nothing is logged.\n"
	"\n"
	"      --digest SHA256    look for a digest, 64 hex digits; may be given many times\n"
	"  -0                     read the names of files from standard input, each ended by a NUL byte\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"-q prints nothing: the exit code is the answer.\n"
	"Exit codes: 0 all are in custody here, 1 one is not (its line says so), or the system or the index\n"
	"failed, 2 usage, 3 key or passphrase, 4 it can't be said, or not all of it: evidence is damaged or\n"
	"the log is forged or shortened, 7 this node opens no names.\n";

struct ask {
	struct cmd_trace t;
	struct verb_list digests, files;
	struct wire_out list;
	bool from0;
};

static int take(struct ask *a, int c)
{
	if (c == '0') {
		a->from0 = true;
		return 0;
	}
	return verb_add(&a->digests, optarg) ? ui_fail(a->t.ui, ERR_NOMEM, NULL) : 0;
}

static int parse(struct ask *a, int argc, char **argv)
{
	static const struct option longs[] = {
		UI_OPTIONS, {"digest", 1, NULL, 'd'}, {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(a->t.ui, argc, argv, VERB_SHORT "0", longs, help, &code)) >= 0) {
		code = take(a, c);
		if (code)
			return code;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(a->t.ui, argc, 1, argc, "ARCHIVE and FILE...");
	if (code)
		return code;
	a->t.archive = argv[optind++];
	for (; optind < argc; optind++) {
		if (verb_add(&a->files, argv[optind]))
			return ui_fail(a->t.ui, ERR_NOMEM, NULL);
	}
	if (!a->from0 && !a->files.n && !a->digests.n)
		return ui_usage(a->t.ui, "nothing to look for: name files, or --digest, or -0");
	return -1;
}

/* ---- what is looked for ---- */

static int read_list(struct ask *a, struct err *e)
{
	int rc;

	if (!a->from0)
		return 0;
	rc = file_read_path("-", LIST_MAX, &a->list, e);
	if (rc)
		return rc;
	wire_out_u8(&a->list, 0);
	if (!wire_out_ok(&a->list))
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t at = 0; at < a->list.n; at += strlen((char *)a->list.p + at) + 1) {
		if (a->list.p[at] && verb_add(&a->files, (char *)a->list.p + at))
			return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (!a->files.n && !a->digests.n)
		return err_set(e, ERR_USAGE, "standard input names no file");
	return 0;
}

static int hash_file(uint8_t sha256[32], const char *name, struct err *e)
{
	int fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	uint8_t *buffer = malloc(BUFFER);
	struct hash_ctx h;
	ssize_t n = fd < 0 || !buffer ? -1 : 1;

	hash_init(&h);
	while (n > 0) {
		do
			n = read(fd, buffer, BUFFER);
		while (n < 0 && errno == EINTR);
		if (n > 0)
			hash_update(&h, buffer, (size_t)n);
	}
	if (n < 0)
		err_sys(e, "can't read %s", name);
	hash_final(&h, sha256);
	free(buffer);
	if (fd > STDIN_FILENO)
		close(fd);
	return n < 0 ? ERR_SYSTEM : 0;
}

/* All of them are read before anything is looked for. */
static int digest_all(struct ask *a, struct err *e)
{
	struct cmd_trace *t = &a->t;
	const size_t n = a->files.n + a->digests.n;
	int rc = 0;

	t->name = calloc(n, sizeof(*t->name));
	t->sha256 = calloc(n, sizeof(*t->sha256));
	t->found = calloc(n, sizeof(*t->found));
	t->unsure = calloc(n, sizeof(*t->unsure));
	if (!t->name || !t->sha256 || !t->found || !t->unsure)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < a->files.n; i++, t->files++) {
		t->name[t->files] = a->files.p[i];
		rc = hash_file(t->sha256[t->files], a->files.p[i], e);
	}
	for (size_t i = 0; rc == 0 && i < a->digests.n; i++, t->files++) {
		struct text_span s = {a->digests.p[i], strlen(a->digests.p[i])};

		t->name[t->files] = a->digests.p[i];
		if (!text_unhex(s, t->sha256[t->files], 32))
			rc = err_set(e, ERR_USAGE,
				     "--digest %.80s: a SHA-256 has 64 lower-case hex digits", s.p);
	}
	return rc;
}

/* ---- the answer ---- */

struct telling {
	struct cmd_trace *t;
	struct err *e;
};

static int show(void *ctx, size_t file, const struct object *o)
{
	struct telling *w = ctx;

	if (w->t->ui->quiet && !w->t->ui->json)
		return 0;
	return cmd_trace_show(w->t, file, o, w->e);
}

/* Items whose heads can't be read have no digest to be found by. */
static int count_unreadable(const struct cmd_trace *t, uint64_t *n, struct err *e)
{
	struct db_txn *txn = NULL;
	int rc = db_begin(&txn, t->view.station->db, false, e);

	if (rc == 0)
		rc = db_count(txn, KEY_PENDING, n, e);
	db_abort(txn);
	return rc;
}

static int run(struct ask *a, bool *all, struct err *e)
{
	struct cmd_trace *t = &a->t;
	struct telling w = {t, e};
	uint64_t unreadable = 0;
	int rc = cmd_need_names(t->view.station, e);

	if (rc == 0)
		rc = count_unreadable(t, &unreadable, e);
	if (rc == 0)
		rc = cmd_trace_each(t, show, &w, e);
	*all = true;
	for (size_t i = 0; rc == 0 && i < t->files; i++) {
		*all &= t->found[i];
		t->unsure[i] |= unreadable > 0;
		if (!t->found[i])
			cmd_trace_show_none(t, i);
	}
	if (rc == 0 && !*all && unreadable)
		return err_set(e, ERR_DAMAGED,
			       "%llu item%s here can't be read, and may be what was not found: run "
			       "'custody verify'",
			       (unsigned long long)unreadable, ui_s(unreadable));
	if (rc == 0 && t->notice.n)
		rc = err_set(e, ERR_DAMAGED, "the answer may lack something: run 'custody verify'");
	return rc;
}

int cmd_trace(struct ui *ui, int argc, char **argv)
{
	struct ask a = {.t = {.ui = ui, .notice = {ui_notice, ui, 0}}};
	struct err e = {0};
	bool all = false;
	int rc = parse(&a, argc, argv);

	if (rc < 0) {
		rc = read_list(&a, &e);
		if (rc == 0)
			rc = digest_all(&a, &e);
		if (rc == 0)
			rc = cmd_open(&a.t.view.station, ui, a.t.archive, STATION_NO_JOURNAL, &e);
		if (rc == 0) {
			a.t.view.archive = a.t.view.station->archive;
			a.t.view.roster = a.t.view.station->roster;
			rc = run(&a, &all, &e);
		}
		rc = cmd_close(a.t.view.station, rc, &e);
		rc = rc < 0 ? ui_fail(ui, rc, &e) : all ? 0 : NOT_HERE;
	}
	free(a.t.name);
	free(a.t.sha256);
	free(a.t.found);
	free(a.t.unsure);
	free(a.digests.p);
	free(a.files.p);
	wire_out_free(&a.list);
	return rc;
}
