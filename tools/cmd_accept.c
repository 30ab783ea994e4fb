// SPDX-License-Identifier: Apache-2.0
/* custody accept: is a package whole, genuine, and allowed to be here? */
#include "tools/cmd_accept.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/age.h"
#include "crypto/secret.h"
#include "index/file.h"
#include "tools/stop.h"
#include "tools/ui_keys.h"
#include "tools/verb.h"

#define IDENTITY_FILE_MAX 65536u

static const char help[] =
	"Usage: custody accept PACKAGE [OPTION]...\n"
	"Check a package of 'custody export' on the side that receives it: that it is whole, that each file\n"
	"is what the archive took in, that its receipts hold, and that the authorisation granted its export\n"
	"to here. PACKAGE is a folder, a tar, a sealed file, or '-'. It needs no archive and no node, and\n"
	"writes nothing; but with --into it takes what is good into another archive.\n"
	"\n"
	"  -i, --identity FILE    the age identity that opens what is sealed, as age-keygen writes it\n"
	"      --archive-key PUB  a public key file of the authority's officers, as you know them; may be\n"
	"                         given many times. The archive must have these keys and no others, or have\n"
	"                         had them in a version that leads to the one in force\n"
	"      --archive-txt FILE the archive.txt that you know: its keys, and its id\n"
	"      --witnessed        all of it must have been cosigned by a witness\n"
	"      --into ARCHIVE     take it in there: its files, their provenance, and where they come from;\n"
	"                         receipts and all else below export-NUMBER/. This host's node must be one\n"
	"                         that may ingest. Once for each export\n"
	"  -c, --collection NAME  the top folder there\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"                         -q: findings and verdict only\n"
	"\n"
	"Without either, compare the fingerprints: an archive says itself whose it is. The verdict is the\n"
	"last line.\n"
	"Exit codes: 0 it holds, 1 system, stopped, or taken in before, 2 usage, 3 sealed, and not to this\n"
	"identity, or the node's passphrase, 4 damaged or forged, 5 no package, malformed, or not all of it\n"
	"can be checked, 7 it was not allowed to leave to here, or is of another archive.\n";

struct accept_cmd {
	struct ui *ui;
	const char *identity, *archive_txt, *into, *collection;
	struct verb_list key_files;
	struct sshkey key[ARCHIVE_KEYS_MAX];
	size_t keys;
	uint8_t archive[16], secret[32];
	struct accept_ask ask;
	struct ingest_sum sum;
	char user[EVENT_STR_MAX], host[256];
};

static int take(struct accept_cmd *c, int opt)
{
	switch (opt) {
	case 'i':
		c->identity = optarg;
		return 0;
	case 'k':
		return verb_add(&c->key_files, optarg) < 0 ? ui_fail(c->ui, ERR_NOMEM, NULL) : 0;
	case 't':
		c->archive_txt = optarg;
		return 0;
	case 'o':
		c->into = optarg;
		return 0;
	case 'c':
		c->collection = optarg;
		return 0;
	default:
		c->ask.witnessed = true;
		return 0;
	}
}

static int check_into(const struct accept_cmd *c)
{
	if (!c->into != !c->collection)
		return ui_usage(c->ui, "--into ARCHIVE and --collection NAME belong together");
	if (c->into && strcmp(c->ask.place, "-") == 0)
		return ui_usage(c->ui, "--into reads the package twice: not from standard input");
	if (c->into && !record_name_ok(c->collection, strlen(c->collection)))
		return ui_usage(c->ui, "--collection %s: must be one name without '/', not . or ..",
				c->collection);
	return -1;
}

static int parse(struct accept_cmd *c, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"identity", 1, NULL, 'i'},
					      {"archive-key", 1, NULL, 'k'},
					      {"archive-txt", 1, NULL, 't'},
					      {"witnessed", 0, NULL, 'w'},
					      {"into", 1, NULL, 'o'},
					      {"collection", 1, NULL, 'c'},
					      {NULL, 0, NULL, 0}};
	int opt, code;

	while ((opt = verb_option(c->ui, argc, argv, VERB_SHORT "i:c:", longs, help, &code)) >= 0) {
		code = take(c, opt);
		if (code)
			return code;
	}
	if (opt == VERB_STOP)
		return code;
	code = verb_operands(c->ui, argc, 1, 1, "one PACKAGE");
	if (code)
		return code;
	c->ask.place = argv[optind];
	if (c->archive_txt && c->key_files.n)
		return ui_usage(c->ui, "--archive-txt has the keys: not with --archive-key");
	return check_into(c);
}

/* ---- what is known beforehand ---- */

/* One identity; comments and empty lines aside. */
static int read_identity(struct accept_cmd *c, struct err *e)
{
	struct wire_out text = {0};
	struct text_span line;
	struct text_in in;
	bool found = false;
	int rc;

	if (!c->identity)
		return 0;
	rc = file_read_path(c->identity, IDENTITY_FILE_MAX, &text, e);
	if (rc == 0 && text.n && text.p[text.n - 1] != '\n')
		wire_out_u8(&text, '\n');
	in = text_in_init(text.p, text.n);
	while (rc == 0 && text_line(&in, &line)) {
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (found)
			rc = err_set(e, ERR_USAGE, "%s has more than one identity", c->identity);
		else if (age_identity_parse(c->secret, line) != 0)
			rc = err_set(
				e, ERR_KEY,
				"%s is no age identity as age-keygen writes it (AGE-SECRET-KEY-1...)",
				c->identity);
		found = true;
	}
	if (rc == 0 && !found)
		rc = err_set(e, ERR_KEY, "%s has no age identity", c->identity);
	wire_out_wipe(&text);
	c->ask.identity = c->secret;
	return rc;
}

static int read_archive_txt(struct accept_cmd *c, struct err *e)
{
	struct archive_desc *desc = calloc(1, sizeof(*desc));
	struct wire_out bytes = {0};
	struct document d = {0};
	int rc = desc ? file_read_path(c->archive_txt, DOCUMENT_MAX, &bytes, e) :
			err_set(e, ERR_NOMEM, "out of memory");

	if (rc == 0)
		rc = document_parse(&d, bytes.p, bytes.n, e);
	if (rc == 0)
		rc = archive_desc_read(desc, &d, e);
	if (rc == 0) {
		memcpy(c->key, desc->key, desc->keys * sizeof(*c->key));
		c->keys = desc->keys;
		memcpy(c->archive, desc->id, 16);
		c->ask.archive = c->archive;
	} else if (e && e->code) {
		err_prefix(e, rc, "%s", c->archive_txt);
	}
	document_free(&d);
	wire_out_free(&bytes);
	free(desc);
	return rc;
}

static int prepare(struct accept_cmd *c, struct err *e)
{
	int rc = read_identity(c, e);

	for (size_t i = 0; rc == 0 && i < c->key_files.n; i++)
		rc = ui_keys_read(c->key, &c->keys, c->key_files.p[i], e);
	if (rc == 0 && c->archive_txt)
		rc = read_archive_txt(c, e);
	c->ask.keys = c->key;
	c->ask.nkeys = c->keys;
	return rc;
}

/* ---- the verb ---- */

static int on_progress(void *ctx, uint64_t bytes)
{
	const struct accept_cmd *c = ctx;

	ui_progress(c->ui, bytes, 0);
	return stop_asked();
}

/* Only what is good: a finding is no evidence of anything but itself. */
static int take_in(struct accept_cmd *c, const struct accept *a, struct err *e)
{
	struct accept_take_ask ask = {.collection = c->collection,
				      .place = c->ask.place,
				      .identity = c->ask.identity,
				      .user = c->user,
				      .host = c->host,
				      .uid = getuid(),
				      .progress = on_progress,
				      .ctx = c};
	int rc = cmd_open(&ask.station, c->ui, c->into, 0, e);

	if (rc)
		return rc;
	ui_user(c->user, sizeof(c->user));
	if (gethostname(c->host, sizeof(c->host) - 1) < 0 || !c->host[0])
		snprintf(c->host, sizeof(c->host), "localhost");
	rc = accept_take(a, &ask, &c->sum, e);
	ui_progress_end(c->ui);
	return cmd_close(ask.station, rc, e);
}

static int run(struct accept_cmd *c, struct accept *a, int *verdict, struct err *e)
{
	struct cmd_accept t = {.a = a};
	int rc = prepare(c, e);

	if (rc)
		return rc;
	t.expected = c->keys > 0;
	stop_catch();
	c->ask.progress = on_progress;
	c->ask.ctx = c;
	c->ui->progress_bytes = true;
	t.verdict = accept_check(a, &c->ask, e);
	ui_progress_end(c->ui);
	if (t.verdict && a->damaged + a->refused + a->unchecked == 0)
		return t.verdict;
	if (e->code) /* it could not be read to its end */
		return e->code;
	if (t.verdict == 0 && c->into) {
		rc = take_in(c, a, e);
		if (rc)
			return rc;
		t.taken = &c->sum;
		t.collection = c->collection;
	}
	if (c->ui->json)
		cmd_accept_json(&t);
	else
		cmd_accept_print(&t, c->ui->quiet);
	if (a->described && !c->keys && !c->ui->json)
		ui_say(c->ui, "The keys are those that the archive names itself: compare the "
			      "fingerprints, or give --archive-key.");
	*verdict = t.verdict;
	return 0;
}

int cmd_accept(struct ui *ui, int argc, char **argv)
{
	struct accept_cmd *c = calloc(1, sizeof(*c));
	struct accept a = {0};
	struct err e = {0};
	int code, rc, verdict = 0;

	if (!c)
		return ui_fail(ui, ERR_NOMEM, NULL);
	c->ui = ui;
	code = parse(c, argc, argv);
	if (code < 0) {
		rc = run(c, &a, &verdict, &e);
		code = rc < 0 ? ui_fail(ui, rc, &e) : err_exit(verdict);
	}
	accept_free(&a);
	free(c->key_files.p);
	secret_wipe(c, sizeof(*c));
	free(c);
	return code;
}
