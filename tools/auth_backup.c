// SPDX-License-Identifier: Apache-2.0
/* custody-authority backup and restore: the directory that everything hangs on, sealed to some people. */
#include "tools/auth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/age.h"
#include "crypto/secret.h"
#include "fs/authority_copy.h"
#include "index/file.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

#define IDENTITY_FILE_MAX 65536

static const char backup_help[] =
	"Usage: custody-authority backup DIR --recipient AGE... -o FILE [OPTION]...\n"
	"Seal a copy of the authority's directory to the given age recipients. EACH OF THEM CAN OPEN IT\n"
	"ALONE. WITHOUT DIR AND WITHOUT SUCH A COPY NOTHING CAN EVER BE RELEASED, BY NOBODY: make one after\n"
	"'init', after each 'rotate' and each enrolment, keep it in another building, and try it.\n"
	"\n"
	"      --recipient AGE    an age recipient, age1...; may be given many times\n"
	"      --recipients-file F  a file of them, one a line\n"
	"  -o, --output FILE      write there ('-': standard output)\n"
	"      --force, --json, -q\n"
	"\n"
	"What is under a passphrase in DIR is so in the copy. 'age -d -i IDENTITY FILE | tar -t' opens it\n"
	"too.\n"
	"Exit codes: 0 done, 1 system, 2 usage, 3 DIR is open to others, 5 DIR is no authority's, or not a\n"
	"recipient.\n";

static const char restore_help[] =
	"Usage: custody-authority restore FILE DIR --identity FILE [OPTION]...\n"
	"Make the authority's directory DIR, which must not be there, from a copy that 'backup' sealed.\n"
	"\n"
	"      --identity FILE    an age identity file of one of its recipients ('-': standard input)\n"
	"      --dry-run          open it and see that it is whole, and make nothing: try a copy this way\n"
	"      --json, -q\n"
	"\n"
	"The passphrase of DIR is what it was when the copy was made. Compare what is restored with the\n"
	"newest archive.txt and enrolments: a copy is as old as it is.\n"
	"Exit codes: 0 done, 1 system, or DIR is there, 2 usage, 3 the identity does not open it, 4 damaged,\n"
	"5 something else than such a copy.\n";

struct copy {
	struct ui *ui;
	const char *from, *to, *identity;
	struct verb_list recipient, file;
	bool dry_run;
	uint8_t key[AUTHORITY_COPY_RECIPIENTS][32];
	size_t keys;
};

/* ---- result ---- */

static void print(const struct copy *c, const struct authority_copy_sum *sum, const char *what)
{
	FILE *f = auth_out(c->to);
	struct ui_json j = {0};

	if (c->ui->json && f == stdout) {
		ui_json_begin(&j, NULL, '{');
		ui_json_number(&j, "files", sum->files);
		ui_json_number(&j, "bytes", sum->bytes);
		ui_json_number(&j, "recipients", c->keys);
		ui_json_bool(&j, "passphrase", !sum->raw);
		ui_json_bool(&j, "dry_run", c->dry_run);
		ui_json_end(&j, '}');
		ui_json_line(&j);
		return;
	}
	if (c->ui->quiet)
		return;
	fprintf(f, "%s%" PRIu64 " file%s, %" PRIu64 " bytes\n", what, sum->files, ui_s(sum->files),
		sum->bytes);
	if (sum->raw)
		fprintf(f, "its secrets are under no passphrase: who opens the copy has them\n");
}

/* ---- backup ---- */

static int add_recipient(struct copy *c, struct text_span s, struct err *e)
{
	if (c->keys == AUTHORITY_COPY_RECIPIENTS)
		return err_set(e, ERR_USAGE, "a copy has at most %d recipients",
			       AUTHORITY_COPY_RECIPIENTS);
	if (age_recipient_parse(c->key[c->keys], s) != 0)
		return err_set(e, ERR_MALFORMED, "'%.*s' is no age recipient (age1...)",
			       s.n < 80 ? (int)s.n : 80, s.p);
	c->keys++;
	return 0;
}

static int add_file(struct copy *c, const char *path, struct err *e)
{
	struct wire_out bytes = {0};
	struct text_span line;
	struct text_in in;
	int rc = file_read_path(path, IDENTITY_FILE_MAX, &bytes, e);

	in = text_in_init(bytes.p, bytes.n);
	while (rc == 0 && text_line(&in, &line))
		if (line.n > 0 && line.p[0] != '#')
			rc = add_recipient(c, line, e);
	if (rc == 0 && (in.bad || in.left > 0))
		rc = err_set(e, ERR_MALFORMED, "%s is no list of recipients, one a line", path);
	wire_out_free(&bytes);
	return rc;
}

static int seal(struct copy *c, struct authority_copy_sum *sum, struct err *e)
{
	struct wire_out out = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->recipient.n; i++)
		rc = add_recipient(
			c, (struct text_span){c->recipient.p[i], strlen(c->recipient.p[i])}, e);
	for (size_t i = 0; rc == 0 && i < c->file.n; i++)
		rc = add_file(c, c->file.p[i], e);
	if (rc == 0 && c->keys == 0)
		rc = err_set(e, ERR_USAGE, "no recipient was given");
	if (rc == 0)
		rc = authority_copy_seal(&out, c->from, (const uint8_t(*)[32])c->key, c->keys, sum,
					 e);
	if (rc == 0)
		rc = ui_write_file(c->to, out.p, out.n, e);
	wire_out_free(&out);
	return rc;
}

static int parse_backup(struct copy *c, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"recipient", 1, NULL, 'r'},
					      {"recipients-file", 1, NULL, 'R'},
					      {"output", 1, NULL, 'o'},
					      {NULL, 0, NULL, 0}};
	int opt, code;

	while ((opt = verb_option(c->ui, argc, argv, VERB_SHORT "o:", longs, backup_help, &code)) >=
	       0) {
		if (opt == 'o')
			c->to = optarg;
		else if (verb_add(opt == 'r' ? &c->recipient : &c->file, optarg) < 0)
			return ui_fail(c->ui, ERR_NOMEM, NULL);
	}
	if (opt == VERB_STOP)
		return code;
	code = verb_operands(c->ui, argc, 1, 1, "one DIR");
	if (code)
		return code;
	if (!c->recipient.n && !c->file.n)
		return ui_usage(c->ui, "--recipient AGE is needed: who can open the copy");
	if (!c->to)
		return ui_usage(c->ui, "-o FILE is needed: where the copy goes");
	c->from = argv[optind];
	return -1;
}

int auth_backup(struct ui *ui, int argc, char **argv)
{
	struct copy c = {.ui = ui};
	struct authority_copy_sum sum = {0};
	struct err e = {0};
	int rc = parse_backup(&c, argc, argv);

	if (rc < 0) {
		rc = strcmp(c.to, "-") == 0 ? 0 : ui_check_output(ui, c.to, &e);
		if (rc == 0)
			rc = seal(&c, &sum, &e);
		if (rc == 0)
			print(&c, &sum, "copied      ");
		else
			rc = ui_fail(ui, rc, &e);
	}
	free(c.recipient.p);
	free(c.file.p);
	return rc;
}

/* ---- restore ---- */

/* The first identity of the file that opens it. */
static int open_with(struct copy *c, const struct wire_out *file, const struct wire_out *ids,
		     struct authority_copy_sum *sum, struct err *e)
{
	struct text_in in = text_in_init(ids->p, ids->n);
	uint8_t secret[32];
	struct text_span line;
	int rc = ERR_KEY;

	err_set(e, rc, "%s holds no age identity (AGE-SECRET-KEY-1...)", c->identity);
	while (rc == ERR_KEY && text_line(&in, &line)) {
		if (age_identity_parse(secret, line) == 0)
			rc = authority_copy_open(c->to, file->p, file->n, secret, c->dry_run, sum,
						 e);
	}
	secret_wipe(secret, sizeof(secret));
	return rc;
}

static int open_copy(struct copy *c, struct authority_copy_sum *sum, struct err *e)
{
	struct wire_out file = {0}, ids = {0};
	int rc = file_read_path(c->from, AUTHORITY_COPY_MAX + (AUTHORITY_COPY_MAX >> 4), &file, e);

	if (rc == 0)
		rc = file_read_path(c->identity, IDENTITY_FILE_MAX, &ids, e);
	if (rc == 0)
		rc = open_with(c, &file, &ids, sum, e);
	wire_out_wipe(&ids);
	wire_out_free(&file);
	return rc;
}

static int parse_restore(struct copy *c, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"identity", 1, NULL, 'i'},
					      {"dry-run", 0, NULL, 'd'},
					      {NULL, 0, NULL, 0}};
	int opt, code;

	while ((opt = verb_option(c->ui, argc, argv, VERB_SHORT, longs, restore_help, &code)) >=
	       0) {
		if (opt == 'i')
			c->identity = optarg;
		else
			c->dry_run = true;
	}
	if (opt == VERB_STOP)
		return code;
	code = verb_operands(c->ui, argc, 2, 2, "a FILE and a DIR");
	if (code)
		return code;
	if (!c->identity)
		return ui_usage(c->ui, "--identity FILE is needed: what opens the copy");
	c->from = argv[optind];
	c->to = argv[optind + 1];
	return -1;
}

int auth_restore(struct ui *ui, int argc, char **argv)
{
	struct copy c = {.ui = ui};
	struct authority_copy_sum sum = {0};
	struct err e = {0};
	int rc = parse_restore(&c, argc, argv);

	if (rc >= 0)
		return rc;
	rc = open_copy(&c, &sum, &e);
	if (rc)
		return ui_fail(ui, rc, &e);
	print(&c, &sum, c.dry_run ? "it is whole: " : "restored    ");
	return 0;
}
