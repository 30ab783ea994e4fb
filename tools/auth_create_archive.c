// SPDX-License-Identifier: Apache-2.0
/* custody-authority create-archive: a new archive directory. */
#include "tools/auth.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/chunk.h"
#include "crypto/suite.h"
#include "tools/ui_json.h"

static const char help[] =
	"Usage: custody-authority create-archive DIR ARCHIVE --sign-with KEY [--sign-with KEY]...\n"
	"Make an archive: a directory with a description that names this authority's keys, signed by\n"
	"its officers. As many must sign at once as the threshold says.\n"
	"\n"
	"  -k, --sign-with KEY    an officer's key, as for ssh-keygen -Y sign -f: a private key file, a\n"
	"                         public one whose key an agent holds, or a token's\n"
	"      --suite NAME       aes-256-gcm, xchacha20-poly1305 or aegis-256\n"
	"                         (default: the first, where the CPU has AES, else the second)\n"
	"      --chunk-size N     bytes that are sealed at once, a power of two (default 8192)\n"
	"      --require FIELD    an ingest must say this of every item: captured_at, site_id, ... (may\n"
	"                         be given many times)\n"
	"      --json, -q\n"
	"\n"
	"Exit codes: 0 done, 1 system or ARCHIVE exists, 2 usage, 3 key, 7 a signature is refused.\n";

struct create {
	struct ui *ui;
	const char *dir, *archive;
	struct verb_list keys, requires;
	int suite; /* 0: default */
	uint64_t chunk_size;
	struct archive_desc desc;
};

static int take(struct create *c, int opt)
{
	int rc = 0;

	if (opt == 'k') {
		rc = verb_add(&c->keys, optarg);
		return rc < 0 ? ui_fail(c->ui, rc, NULL) : 0;
	}
	if (opt == 'r') {
		rc = verb_add(&c->requires, optarg);
		return rc < 0 ? ui_fail(c->ui, rc, NULL) : 0;
	}
	if (opt == 's') {
		c->suite = suite_from_name(optarg, strlen(optarg));
		return c->suite ? 0 :
				  ui_usage(c->ui,
					   "--suite %s: must be aes-256-gcm, xchacha20-poly1305 or "
					   "aegis-256",
					   optarg);
	}
	rc = verb_number(c->ui, "--chunk-size", optarg, CHUNK_SIZE_MIN, CHUNK_SIZE_MAX,
			 &c->chunk_size);
	if (rc == 0 && (c->chunk_size & (c->chunk_size - 1)))
		rc = ui_usage(c->ui, "--chunk-size %s: must be a power of two", optarg);
	return rc;
}

static int parse(struct create *c, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"sign-with", 1, NULL, 'k'},
					      {"suite", 1, NULL, 's'},
					      {"chunk-size", 1, NULL, 'c'},
					      {"require", 1, NULL, 'r'},
					      {NULL, 0, NULL, 0}};
	int opt, code;

	while ((opt = verb_option(c->ui, argc, argv, VERB_SHORT "k:", longs, help, &code)) >= 0) {
		code = take(c, opt);
		if (code)
			return code;
	}
	if (opt == VERB_STOP)
		return code;
	code = verb_operands(c->ui, argc, 2, 2, "DIR and ARCHIVE");
	if (code)
		return code;
	c->dir = argv[optind];
	c->archive = argv[optind + 1];
	return -1;
}

/* Before an officer is asked to touch a token for nothing. */
static int check_place(const char *path, struct err *e)
{
	DIR *d = opendir(path);
	const struct dirent *en;
	int rc = 0;

	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return errno == ENOTDIR ?
			       err_set(e, ERR_EXISTS, "%s exists and is not a directory", path) :
			       err_sys(e, "%s", path);
	while (rc == 0 && (en = readdir(d))) {
		if (strcmp(en->d_name, ".") != 0 && strcmp(en->d_name, "..") != 0)
			rc = err_set(e, ERR_EXISTS, "%s exists and is not empty", path);
	}
	closedir(d);
	return rc;
}

static int make(struct create *c, struct err *e)
{
	struct wire_out text = {0};
	struct document d = {0};
	struct auth au = {0};
	unsigned have;
	int rc;

	rc = auth_open(&au, c->ui, c->dir, false, AUTH_POOL, e);
	if (rc < 0)
		goto out;
	authority_describe(au.a, &c->desc, c->suite, (uint32_t)c->chunk_size, ui_now());
	for (size_t i = 0; rc == 0 && i < c->requires.n; i++)
		rc = authority_require(&c->desc, c->requires.p[i], e);
	if (rc == 0 && c->keys.n < c->desc.threshold)
		rc = err_set(e, ERR_USAGE,
			     "%u officer%s must sign at once and %zu --sign-with KEY %s given",
			     c->desc.threshold, ui_s(c->desc.threshold), c->keys.n,
			     c->keys.n == 1 ? "is" : "are");
	if (rc == 0)
		rc = check_place(c->archive, e);
	archive_desc_text(&text, &c->desc);
	if (rc == 0)
		rc = document_make(&d, &text, NULL, 0, e);
	if (rc == 0)
		rc = auth_sign_with(&d, DOCUMENT_NS_ARCHIVE, &c->keys, &c->desc, &have, e);
	if (rc == 0)
		rc = archive_create(c->archive, &d, e);
	if (rc == 0)
		rc = authority_keep_archive(au.a, &d, e);
out:
	document_free(&d);
	wire_out_free(&text);
	auth_close(&au);
	return rc;
}

static void print(const struct create *c)
{
	const struct archive_desc *d = &c->desc;
	char id[33];
	struct ui_json j = {0};

	if (c->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_id(&j, "archive", d->id);
		ui_json_text(&j, "path", c->archive);
		ui_json_number(&j, "version", d->version);
		ui_json_text(&j, "suite", suite_name(d->suite));
		ui_json_number(&j, "chunk_size", d->chunk_size);
		ui_json_begin(&j, "require", '[');
		for (size_t i = 0; i < d->requires; i++)
			ui_json_text(&j, NULL, d->require[i]);
		ui_json_end(&j, ']');
		ui_json_number(&j, "threshold", d->threshold);
		ui_json_number(&j, "keys", d->keys);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	} else if (!c->ui->quiet) {
		text_hex(id, d->id, 16);
		printf("archive %s in %s: %s, chunks of %" PRIu32 ", %u of %zu keys sign\n", id,
		       c->archive, suite_name(d->suite), d->chunk_size, d->threshold, d->keys);
	}
	if (!suite_available(d->suite))
		ui_say(c->ui, "This machine can't use %s: it could neither ingest nor read there.",
		       suite_name(d->suite));
}

int auth_create_archive(struct ui *ui, int argc, char **argv)
{
	struct create c = {.ui = ui};
	struct err e = {0};
	int code = parse(&c, argc, argv), rc;

	if (code < 0) {
		rc = make(&c, &e);
		if (rc == 0)
			print(&c);
		code = rc < 0 ? ui_fail(ui, rc, &e) : 0;
	}
	free(c.keys.p);
	free(c.requires.p);
	return code;
}
