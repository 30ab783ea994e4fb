// SPDX-License-Identifier: Apache-2.0
/* custody-authority show: what the authority made. */
#include "tools/auth.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "crypto/suite.h"
#include "tools/ui_json.h"

static const char help[] =
	"Usage: custody-authority show DIR\n"
	"Print the authority's public description, its archives, the nodes it enrolled, and the\n"
	"documents it issued. Needs no passphrase.\n"
	"\n"
	"      --json, -q\n"
	"\n"
	"Exit codes: 0 done, 1 system, 2 usage, 4 a kept copy is damaged, 5 not an authority.\n";

struct show {
	struct ui *ui;
	struct auth au;
	struct ui_json j;
	uint8_t archive[16]; /* the one at hand */
	struct err *e;
};

/* "<32 hex>.<kind>" */
static bool split(const char *name, uint8_t id[16], const char **kind)
{
	*kind = name + 33;
	return strlen(name) > 33 && name[32] == '.' &&
	       text_unhex((struct text_span){name, 32}, id, 16);
}

static int show_node(void *ctx, const char *name)
{
	struct show *s = ctx;
	struct roster_node n;
	const char *kind;
	uint8_t id[16];
	int rc;

	if (!split(name, id, &kind))
		return 0;
	rc = auth_find_node(&s->au, s->archive, id, &n, s->e);
	if (rc < 0)
		return rc;
	if (s->ui->json) {
		ui_json_begin(&s->j, NULL, '{');
		ui_json_id(&s->j, "node", id);
		ui_json_text(&s->j, "name", n.name);
		ui_json_text(&s->j, "role", roster_roles_text(n.roles));
		ui_json_id(&s->j, "enrolment", n.serial);
		ui_json_time(&s->j, "issued", n.issued_ms);
		ui_json_end(&s->j, '}');
		return 0;
	}
	printf("  node %.32s  ", name);
	ui_put_name(n.name, strlen(n.name));
	printf(" (%s)\n", roster_roles_text(n.roles));
	return 0;
}

static int read_issued(const struct show *s, const char *name, struct document *d)
{
	char path[PATH_MAX], hex[33];

	text_hex(hex, s->archive, 16);
	if (snprintf(path, sizeof(path), "%s/archives/%s/issued/%s", s->au.dir, hex, name) >=
	    (int)sizeof(path))
		return err_set(s->e, ERR_USAGE, "%s: too long", s->au.dir);
	return auth_read(d, path, s->e);
}

static void put_span(const struct document *d, const char *key)
{
	struct text_span v;

	if (!document_value(d, key, &v))
		return;
	printf(", %s ", key);
	ui_put_name(v.p, v.n);
}

static void json_span(struct show *s, const struct document *d, const char *key, const char *as)
{
	struct text_span v;

	if (document_value(d, key, &v))
		ui_json_bytes(&s->j, as, v.p, v.n);
}

static int show_issued(void *ctx, const char *name)
{
	struct show *s = ctx;
	struct document d;
	const char *kind;
	uint8_t id[16];
	int rc;

	/* an enrolment is shown as the node it made */
	if (!split(name, id, &kind) || !strcmp(kind, "enrolment"))
		return 0;
	rc = read_issued(s, name, &d);
	if (rc < 0)
		return rc;
	if (s->ui->json) {
		ui_json_begin(&s->j, NULL, '{');
		ui_json_text(&s->j, "kind", kind);
		ui_json_id(&s->j, "serial", id);
		ui_json_number(&s->j, "signatures", d.sigs);
		json_span(s, &d, "issued", "issued");
		json_span(s, &d, "node", "node");
		json_span(s, &d, "not-after", "not_after");
		json_span(s, &d, "case", "case");
		json_span(s, &d, "reason", "reason");
		ui_json_end(&s->j, '}');
	} else {
		printf("  %s %.32s, %zu signature%s", kind, name, d.sigs, ui_s(d.sigs));
		put_span(&d, "issued");
		put_span(&d, "node");
		put_span(&d, "not-after");
		put_span(&d, "case");
		put_span(&d, "reason");
		putchar('\n');
	}
	document_free(&d);
	return 0;
}

static int list(struct show *s, const char *key, const char *sub,
		int (*cb)(void *ctx, const char *name))
{
	int rc;

	if (s->ui->json)
		ui_json_begin(&s->j, key, '[');
	rc = auth_each(&s->au, s->archive, sub, cb, s, s->e);
	if (s->ui->json)
		ui_json_end(&s->j, ']');
	return rc;
}

static int show_archive(void *ctx, const char *name)
{
	struct show *s = ctx;
	struct archive_desc d;
	int rc;

	if (!text_unhex((struct text_span){name, strlen(name)}, s->archive, 16))
		return 0;
	rc = authority_archive(s->au.a, s->archive, &d, s->e);
	if (rc < 0)
		return rc;
	if (s->ui->json) {
		ui_json_begin(&s->j, NULL, '{');
		ui_json_id(&s->j, "archive", d.id);
		ui_json_number(&s->j, "version", d.version);
		ui_json_text(&s->j, "suite", suite_name(d.suite));
		ui_json_number(&s->j, "threshold", d.threshold);
		ui_json_number(&s->j, "keys", d.keys);
	} else {
		printf("\narchive %s  version %" PRIu32 ", %s, %u of %zu keys sign\n", name,
		       d.version, suite_name(d.suite), d.threshold, d.keys);
	}
	rc = list(s, "nodes", "nodes", show_node);
	if (rc == 0)
		rc = list(s, "issued", "issued", show_issued);
	if (s->ui->json)
		ui_json_end(&s->j, '}');
	return rc;
}

static int run(struct show *s, const char *dir)
{
	const char *text;
	int rc = auth_open(&s->au, s->ui, dir, false, AUTH_POOL, s->e);

	if (rc < 0)
		return rc;
	text = authority_text(s->au.a);
	if (s->ui->json) {
		ui_json_begin(&s->j, NULL, '{');
		ui_json_text(&s->j, "directory", dir);
		ui_json_text(&s->j, "text", text);
		ui_json_begin(&s->j, "archives", '[');
	} else {
		ui_put_text(text, strlen(text));
	}
	rc = auth_each(&s->au, NULL, NULL, show_archive, s, s->e);
	if (s->ui->json) {
		ui_json_end(&s->j, ']');
		ui_json_end(&s->j, '}');
		ui_json_line(&s->j);
	}
	return rc;
}

int auth_show(struct ui *ui, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS, {NULL, 0, NULL, 0}};
	struct err e = {0};
	struct show s = {.ui = ui, .e = &e};
	int c, code, rc;

	c = verb_option(ui, argc, argv, VERB_SHORT, longs, help, &code);
	if (c == VERB_STOP)
		return code;
	code = verb_operands(ui, argc, 1, 1, "one DIR");
	if (code)
		return code;
	rc = run(&s, argv[optind]);
	auth_close(&s.au);
	return rc < 0 ? ui_fail(ui, rc, &e) : 0;
}
