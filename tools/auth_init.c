// SPDX-License-Identifier: Apache-2.0
/* custody-authority init: the directory that everything hangs on. */
#include "tools/auth.h"

#include <stdlib.h>
#include <string.h>

#include "tools/ui_json.h"
#include "tools/ui_keys.h"

static const char help[] =
	"Usage: custody-authority init DIR --key PUB [--key PUB]... [OPTION]...\n"
	"Make the authority's directory: its release and catalogue keys, under a passphrase, and the\n"
	"list of officers whose OpenSSH keys sign. Keep it offline, and keep a copy of it: without it\n"
	"nothing can ever be released.\n"
	"\n"
	"      --key PUB          a public key file (ed25519, or ed25519-sk on a token) of an officer\n"
	"      --threshold K      how many officers must sign (default 1)\n"
	"      --no-touch         take token signatures that were made without a touch\n"
	"      --require-pin      refuse token signatures that were made without a PIN\n"
	"      --no-passphrase    keep the secrets raw: whoever can read DIR has them\n"
	"      --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"Exit codes: 0 done, 1 system or DIR exists, 2 usage, 3 passphrase, 5 not a public key.\n";

struct init {
	struct ui *ui;
	const char *dir;
	struct verb_list files;
	uint64_t threshold;
	bool no_touch, require_pin;
	struct sshkey key[ARCHIVE_KEYS_MAX];
	size_t keys;
};

static int parse(struct init *in, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"key", 1, NULL, 'k'},
					      {"threshold", 1, NULL, 't'},
					      {"no-touch", 0, NULL, 1},
					      {"require-pin", 0, NULL, 2},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(in->ui, argc, argv, VERB_SHORT, longs, help, &code)) >= 0) {
		if (c == 'k' && verb_add(&in->files, optarg) < 0)
			code = ui_fail(in->ui, ERR_NOMEM, NULL);
		else if (c == 't')
			code = verb_number(in->ui, "--threshold", optarg, 1, ARCHIVE_KEYS_MAX,
					   &in->threshold);
		else if (c == 1)
			in->no_touch = true;
		else if (c == 2)
			in->require_pin = true;
		if (code)
			return code;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(in->ui, argc, 1, 1, "one DIR, and each key after a --key of its own");
	if (code)
		return code;
	in->dir = argv[optind];
	if (!in->files.n)
		return ui_usage(in->ui,
				"--key PUB is needed: the public key of an officer who signs");
	return -1;
}

static int make(struct init *in, struct err *e)
{
	struct authority *a = NULL;
	struct secret_pool *pool = NULL;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < in->files.n; i++)
		rc = ui_keys_read(in->key, &in->keys, in->files.p[i], e);
	if (rc == 0 && in->threshold > in->keys)
		rc = err_set(e, ERR_USAGE, "--threshold %u can't be met: there %s %zu key%s",
			     (unsigned)in->threshold, in->keys == 1 ? "is" : "are", in->keys,
			     ui_s(in->keys));
	if (rc == 0)
		rc = secret_pool_new(&pool, AUTH_POOL, e);
	if (rc == 0)
		rc = authority_create(&a, in->dir, pool, in->key, in->keys, (unsigned)in->threshold,
				      !in->no_touch, in->require_pin, ui_now(),
				      in->ui->no_passphrase ? NULL : ui_passphrase, in->ui, e);
	authority_close(a);
	secret_pool_free(pool);
	return rc;
}

static void print(const struct init *in)
{
	char print[SSHKEY_FINGERPRINT_SIZE];
	struct ui_json j = {0};

	if (in->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "directory", in->dir);
		ui_json_number(&j, "threshold", in->threshold);
		ui_json_begin(&j, "keys", '[');
		for (size_t i = 0; i < in->keys; i++) {
			sshkey_fingerprint(print, &in->key[i]);
			ui_json_text(&j, NULL, print);
		}
		ui_json_end(&j, ']');
		ui_json_end(&j, '}');
		ui_json_line(&j);
		return;
	}
	if (in->ui->quiet)
		return;
	printf("authority %s, %u of %zu keys sign:\n", in->dir, (unsigned)in->threshold, in->keys);
	for (size_t i = 0; i < in->keys; i++) {
		sshkey_fingerprint(print, &in->key[i]);
		printf("  %s ", print);
		ui_put_name(in->key[i].comment, strlen(in->key[i].comment));
		putchar('\n');
	}
	ui_say(in->ui,
	       "Keep a copy of %s in a safe place: without it nothing can ever be released.",
	       in->dir);
	if (in->ui->no_passphrase)
		ui_say(in->ui, "Its secrets have no passphrase: whoever can read %s has them.",
		       in->dir);
}

int auth_init(struct ui *ui, int argc, char **argv)
{
	struct init in = {.ui = ui, .threshold = 1};
	struct err e = {0};
	int code = parse(&in, argc, argv), rc;

	if (code < 0) {
		rc = make(&in, &e);
		if (rc == 0)
			print(&in);
		code = rc < 0 ? ui_fail(ui, rc, &e) : 0;
	}
	free(in.files.p);
	return code;
}
