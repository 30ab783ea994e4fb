// SPDX-License-Identifier: Apache-2.0
/* The authority's directory and the signing of documents, for all verbs. */
#include "tools/auth.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "index/file.h"

int auth_open(struct auth *au, struct ui *ui, const char *dir, bool secrets, size_t pool,
	      struct err *e)
{
	int rc;

	*au = (struct auth){.dir = dir};
	rc = secret_pool_new(&au->pool, pool, e);
	if (rc == 0)
		rc = authority_open(&au->a, dir, secrets, au->pool, ui_passphrase, ui, e);
	return rc;
}

void auth_close(struct auth *au)
{
	authority_close(au->a);
	secret_pool_free(au->pool);
	*au = (struct auth){0};
}

static int make_path(char *out, size_t cap, const struct auth *au, const uint8_t *archive,
		     const char *sub, struct err *e)
{
	char hex[33] = "";
	int n;

	if (archive)
		text_hex(hex, archive, 16);
	n = snprintf(out, cap, "%s/archives%s%s%s%s", au->dir, archive ? "/" : "", hex,
		     sub ? "/" : "", sub ? sub : "");
	return n > 0 && (size_t)n < cap ? 0 : err_set(e, ERR_USAGE, "%s: too long", au->dir);
}

int auth_find_node(struct auth *au, const uint8_t archive[16], const uint8_t node[16],
		   struct roster_node *out, struct err *e)
{
	char path[PATH_MAX], sub[64] = "nodes/";
	struct archive_desc desc;
	struct document d = {0};
	int rc;

	text_hex(sub + strlen(sub), node, 16);
	strcat(sub, ".enrolment");
	rc = make_path(path, sizeof(path), au, archive, sub, e);
	if (rc == 0)
		rc = authority_archive(au->a, archive, &desc, e);
	if (rc == 0) {
		rc = auth_read(&d, path, e);
		if (rc == ERR_NOTFOUND)
			rc = err_set(e, ERR_NOT_ENROLLED, "%.32s: no such node was enrolled here",
				     sub + 6);
	}
	if (rc == 0)
		rc = roster_enrolment_parse(out, &d, &desc, e);
	document_free(&d);
	return rc;
}

static int not_hidden(const struct dirent *en)
{
	return en->d_name[0] != '.';
}

int auth_each(struct auth *au, const uint8_t *archive, const char *sub,
	      int (*cb)(void *ctx, const char *name), void *ctx, struct err *e)
{
	struct dirent **list = NULL;
	char path[PATH_MAX];
	int n, rc = make_path(path, sizeof(path), au, archive, sub, e);

	if (rc < 0)
		return rc;
	n = scandir(path, &list, not_hidden, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0 : err_sys(e, "can't list %s", path);
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = cb(ctx, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return rc;
}

struct only {
	uint8_t *archive;
	unsigned n;
};

static int only_archive(void *ctx, const char *name)
{
	struct only *o = ctx;

	o->n += text_unhex((struct text_span){name, strlen(name)}, o->archive, 16);
	return 0;
}

int auth_only_archive(struct auth *au, uint8_t archive[16], struct err *e)
{
	struct only o = {.archive = archive};
	int rc = auth_each(au, NULL, NULL, only_archive, &o, e);

	if (rc == 0 && o.n != 1)
		rc = err_set(e, ERR_USAGE, "%s has %u archives; name one with --archive ID",
			     au->dir, o.n);
	return rc;
}

int auth_read(struct document *d, const char *path, struct err *e)
{
	struct wire_out bytes = {0};
	int rc;

	*d = (struct document){0};
	rc = file_read_path(path, DOCUMENT_MAX, &bytes, e);
	if (rc == 0) {
		rc = document_parse(d, bytes.p, bytes.n, e);
		if (rc < 0)
			err_prefix(e, rc, "%s", path);
	}
	wire_out_free(&bytes);
	return rc;
}

int auth_sign_with(struct document *d, const char *namespace, const struct verb_list *keys,
		   const struct archive_desc *desc, unsigned *have, struct err *e)
{
	struct document_policy policy = archive_policy(desc, namespace);
	unsigned signers[DOCUMENT_SIGNATURES_MAX];
	size_t n = 0;
	int rc = 0;

	*have = 0;
	for (size_t i = 0; rc == 0 && i < keys->n; i++)
		rc = document_sign(d, namespace, keys->p[i], e);
	if (rc < 0 || d->sigs == 0)
		return rc;
	policy.threshold = 1; /* fewer than the archive asks for may have signed so far */
	rc = document_check(d, &policy, signers, &n, e);
	*have = (unsigned)n;
	return rc;
}

void auth_tell_missing(const struct ui *ui, const char *dir, const char *path, unsigned have,
		       unsigned need)
{
	if (have >= need)
		return;
	ui_say(ui,
	       "%u of %u signatures: %u more needed. Each officer runs: "
	       "custody-authority sign %s --sign-with KEY",
	       have, need, need - have, path);
	ui_say(ui, "When all have: custody-authority sign %s %s, which keeps a copy.", dir, path);
}

FILE *auth_out(const char *output)
{
	return output && !strcmp(output, "-") ? stderr : stdout;
}

void auth_field(FILE *f, const char *what, const char *value)
{
	fprintf(f, "%-11s ", what);
	ui_fput_name(f, value, strlen(value));
	fputc('\n', f);
}
