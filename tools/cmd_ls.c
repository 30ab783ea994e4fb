// SPDX-License-Identifier: Apache-2.0
/* custody ls: names, sizes and times, as the mount shows them. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ui_json.h"
#include "tools/verb.h"

static const char help[] =
	"Usage: custody ls ARCHIVE [PATH...] [OPTION]...\n"
	"List what a folder of the archive holds, in order of name. PATH is as in a mount,\n"
	"COLLECTION/FOLDER/FILE, or an item's id; without one the collections are listed.\n"
	"\n"
	"  -l                     state (sealed, or released to you), size, time, name\n"
	"  -R, --recursive        all below it too, as whole paths\n"
	"  -0, --null             whole paths, each ended by a NUL byte: for 'custody request -0'\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"Bytes that could drive a terminal are shown as \\xNN, and --json has U+FFFD for what is not\n"
	"UTF-8: only -0 gives names as they are.\n"
	"Exit codes: 0 done, 1 no such path, system or index, 2 usage, 3 key or passphrase,\n"
	"4 damaged or forged log, 7 this node holds no key that opens names.\n";

struct ls {
	struct ui *ui;
	bool detail, recursive, null;
	struct station *s;
	struct cmd_gate gate; /* only for -l and --json */
};

struct entry {
	uint64_t ino;
	enum object_kind kind;
	char *name;
};
struct listing {
	struct entry *p;
	size_t n, cap;
};

static void listing_free(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->p[i].name);
	free(l->p);
}

static int collect(void *ctx, const struct object_entry *en)
{
	struct listing *l = ctx;

	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		struct entry *p = realloc(l->p, cap * sizeof(*p));

		if (!p)
			return ERR_NOMEM;
		l->p = p;
		l->cap = cap;
	}
	l->p[l->n] = (struct entry){en->ino, en->kind, strdup(en->name)};
	if (!l->p[l->n].name)
		return ERR_NOMEM;
	l->n++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int list(struct ls *ls, uint64_t ino, struct listing *l, struct err *e)
{
	struct db_txn *t = NULL;
	int rc = db_begin(&t, ls->s->db, false, e);

	if (rc == 0)
		rc = object_list(t, ino, 0, collect, l, e);
	db_abort(t);
	if (rc == ERR_NOMEM)
		return err_set(e, rc, "out of memory");
	if (rc == 0 && l->n)
		qsort(l->p, l->n, sizeof(*l->p), by_name);
	return rc;
}

static int load(struct ls *ls, uint64_t ino, struct object *o, struct err *e)
{
	struct db_txn *t = NULL;
	int rc = db_begin(&t, ls->s->db, false, e);

	if (rc == 0)
		rc = object_get(t, ino, o, NULL, e);
	db_abort(t);
	return rc;
}

static const char *state(const struct ls *ls, const struct object *o)
{
	if (o->kind == OBJECT_DIR)
		return "folder";
	return cmd_gate_ask(&ls->gate, o, NULL, NULL) == 0 ? "released" : "sealed";
}

static void print_json(const struct ls *ls, const struct object *o, const char *path)
{
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_text(&j, "path", path);
	ui_json_text(&j, "kind", o->kind == OBJECT_DIR ? "folder" : "item");
	ui_json_time(&j, "mtime", o->mtime_ns / 1000000);
	if (o->kind == OBJECT_DIR) {
		ui_json_number(&j, "entries", o->size);
	} else {
		ui_json_number(&j, "size", o->size);
		ui_json_id(&j, "item", o->item);
		ui_json_id(&j, "accession", o->accession);
		ui_json_text(&j, "state", state(ls, o));
	}
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void print_detail(const struct ls *ls, const struct object *o)
{
	char time[TEXT_TIME_SIZE];

	text_time_s(time, o->mtime_ns / 1000000000);
	printf("%-8s %12" PRIu64 "  %s  ", state(ls, o), o->size, time);
}

/* One entry; `name` is what it is called here, `path` the whole path. */
static int print(struct ls *ls, uint64_t ino, const char *name, const char *path, struct err *e)
{
	struct object o;
	int rc;

	if (ls->ui->json || ls->detail) {
		rc = load(ls, ino, &o, e);
		if (rc < 0)
			return rc;
		if (ls->ui->json)
			print_json(ls, &o, path);
		else
			print_detail(ls, &o);
	}
	if (ls->null) {
		fwrite(path, 1, strlen(path) + 1, stdout);
	} else if (!ls->ui->json) {
		ui_put_name(ls->recursive ? path : name, strlen(ls->recursive ? path : name));
		putchar('\n');
	}
	return ferror(stdout) ? ERR_SYSTEM : 0;
}

static int walk(struct ls *ls, uint64_t ino, const char *path, struct err *e)
{
	struct listing l = {0};
	int rc = list(ls, ino, &l, e);

	for (size_t i = 0; rc == 0 && i < l.n; i++) {
		const struct entry *en = &l.p[i];
		char *below;

		if (asprintf(&below, "%s%s%s", path, *path ? "/" : "", en->name) < 0) {
			rc = err_set(e, ERR_NOMEM, "out of memory");
			break;
		}
		rc = print(ls, en->ino, en->name, below, e);
		if (rc == 0 && ls->recursive && en->kind == OBJECT_DIR)
			rc = walk(ls, en->ino, below, e);
		free(below);
	}
	listing_free(&l);
	return rc;
}

static int one(struct ls *ls, const char *path, struct err *e)
{
	struct wire_out whole = {0};
	struct object o;
	int rc = cmd_find(ls->s, path, &o, NULL, e);

	if (rc < 0)
		return rc;
	rc = cmd_path(ls->s, &o, &whole, e);
	if (rc == 0 && o.kind == OBJECT_DIR)
		rc = walk(ls, o.ino, (char *)whole.p, e);
	else if (rc == 0)
		rc = print(ls, o.ino, (char *)whole.p, (char *)whole.p, e);
	wire_out_wipe(&whole);
	return rc;
}

static int run(struct ls *ls, int npaths, char **paths, const char *archive, struct err *e)
{
	int rc;

	rc = cmd_open(&ls->s, ls->ui, archive, STATION_NO_JOURNAL, e);
	if (rc == 0)
		rc = cmd_need_names(ls->s, e);
	if (rc == 0 && (ls->detail || ls->ui->json))
		rc = cmd_gate_open(&ls->gate, ls->s, getuid(), ls->ui, e);
	if (rc == 0 && npaths == 0)
		rc = one(ls, "", e);
	for (int i = 0; rc == 0 && i < npaths; i++)
		rc = one(ls, paths[i], e);
	cmd_gate_close(&ls->gate);
	return cmd_close(ls->s, rc, e);
}

int cmd_ls(struct ui *ui, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"recursive", 0, NULL, 'R'},
					      {"null", 0, NULL, '0'},
					      {NULL, 0, NULL, 0}};
	struct ls ls = {.ui = ui};
	struct err e = {0};
	int c, code, rc;

	while ((c = verb_option(ui, argc, argv, VERB_SHORT "lR0", longs, help, &code)) >= 0) {
		ls.detail |= c == 'l';
		ls.recursive |= c == 'R';
		ls.null |= c == '0';
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(ui, argc, 1, argc, "ARCHIVE, and paths in it");
	if (code)
		return code;
	if (ls.null && (ls.detail || ui->json))
		return ui_usage(ui, "-0 goes with neither -l nor --json: it is for programs that "
				    "take paths");
	rc = run(&ls, argc - optind - 1, argv + optind + 1, argv[optind], &e);
	return rc < 0 && !ferror(stdout) ? ui_fail(ui, rc, &e) : 0;
}
