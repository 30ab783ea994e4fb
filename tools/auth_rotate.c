// SPDX-License-Identifier: Apache-2.0
/* custody-authority rotate: the next version of an archive.txt, with other keys. */
#include "tools/auth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/file.h"
#include "tools/ui_json.h"
#include "tools/ui_keys.h"

#define VKEY_MAX 1024 /* bytes of a file that has one */

static const char help[] =
	"Usage: custody-authority rotate DIR [--archive ID] CHANGE... [--sign-with KEY...] -o OUT\n"
	"Change who decides over an archive: make the next version of its archive.txt. It must be signed\n"
	"by as many keys of the version before as that asks for, and by as many of its own as it asks for\n"
	"itself. Enrolments and revocations that count now are carried over. What was admitted before\n"
	"stays; what is admitted later counts by the new keys alone.\n"
	"\n"
	"CHANGE is one or more of\n"
	"      --add-key PUB      a public key file of an officer\n"
	"      --remove-key PUB   one who is none any more\n"
	"      --threshold K      how many must sign\n"
	"      --require-touch, --no-touch   of tokens, or not\n"
	"      --require-pin, --no-pin       the same of their PIN\n"
	"      --require FIELD    ask for one more field of provenance of every item that is taken in\n"
	"      --no-require FIELD ask for it no more\n"
	"      --new-witness      a new witness key of this authority, in the place of the one it has\n"
	"      --add-witness FILE the verifier key (vkey) of one more witness, on a line of a file\n"
	"      --remove-witness NAME   who is none any more: what it cosigned no longer counts\n"
	"\n"
	"      --archive ID       of which archive (may be left out when there is one)\n"
	"  -k, --sign-with KEY    an officer's key, old or new, as for ssh-keygen -Y sign -f; may be given\n"
	"                         many times. The others may sign OUT later (custody-authority sign)\n"
	"  -o, --output FILE      where it goes ('-': standard output)\n"
	"  -n, --dry-run          print the text that would be signed, and stop\n"
	"      --json, -q, --force, --passphrase-file F, --passphrase-fd N   (for --new-witness)\n"
	"\n"
	"Next: custody import ARCHIVE OUT, on one node; the others follow when they see it.\n"
	"Exit codes: 0 done, 1 system, 2 usage, 3 key, 5 not a public key, 7 not an archive of this\n"
	"authority, or a signature is refused.\n";

struct rotate {
	struct ui *ui;
	const char *dir, *archive_text, *output;
	bool dry_run;
	struct verb_list keys, add_files, remove_files, require, unrequire, witness_files,
		unwitness;
	struct sshkey add[ARCHIVE_KEYS_MAX], remove[ARCHIVE_KEYS_MAX];
	struct note_key witness[ARCHIVE_WITNESSES_MAX];
	uint64_t threshold;
	struct authority_change change;
	uint8_t archive[16];
	struct archive_desc next;
	unsigned have, need, have_next;
};

enum {
	OPT_TOUCH = 1,
	OPT_NO_TOUCH,
	OPT_PIN,
	OPT_NO_PIN,
	OPT_FIELD,
	OPT_NO_FIELD,
	OPT_WITNESS,
	OPT_NO_WITNESS,
	OPT_NEW_WITNESS
};

static struct verb_list *list_of(struct rotate *r, int c)
{
	return c == 'a'		   ? &r->add_files :
	       c == 'r'		   ? &r->remove_files :
	       c == OPT_FIELD	   ? &r->require :
	       c == OPT_NO_FIELD   ? &r->unrequire :
	       c == OPT_WITNESS	   ? &r->witness_files :
	       c == OPT_NO_WITNESS ? &r->unwitness :
				     &r->keys;
}

static int take(struct rotate *r, int c)
{
	switch (c) {
	case 't':
		return verb_number(r->ui, "--threshold", optarg, 1, ARCHIVE_KEYS_MAX,
				   &r->threshold);
	case OPT_TOUCH:
	case OPT_NO_TOUCH:
		if (r->change.touch &&
		    r->change.touch != (c == OPT_TOUCH ? AUTHORITY_YES : AUTHORITY_NO))
			return ui_usage(r->ui,
					"--require-touch and --no-touch contradict each other");
		r->change.touch = c == OPT_TOUCH ? AUTHORITY_YES : AUTHORITY_NO;
		return 0;
	case OPT_PIN:
	case OPT_NO_PIN:
		if (r->change.pin && r->change.pin != (c == OPT_PIN ? AUTHORITY_YES : AUTHORITY_NO))
			return ui_usage(r->ui, "--require-pin and --no-pin contradict each other");
		r->change.pin = c == OPT_PIN ? AUTHORITY_YES : AUTHORITY_NO;
		return 0;
	case 'A':
		r->archive_text = optarg;
		return verb_id(r->ui, "--archive", optarg, r->archive);
	case 'o':
		r->output = optarg;
		return 0;
	case 'n':
		r->dry_run = true;
		return 0;
	case OPT_NEW_WITNESS:
		r->change.new_witness = true;
		return 0;
	default:
		return verb_add(list_of(r, c), optarg) < 0 ? ui_fail(r->ui, ERR_NOMEM, NULL) : 0;
	}
}

static int check(const struct rotate *r)
{
	if (!r->add_files.n && !r->remove_files.n && !r->threshold && !r->change.touch &&
	    !r->change.pin && !r->require.n && !r->unrequire.n && !r->witness_files.n &&
	    !r->unwitness.n && !r->change.new_witness)
		return ui_usage(r->ui, "nothing is to change: see --help");
	if (!r->dry_run && !r->output)
		return ui_usage(r->ui, "-o OUT is needed: where the new archive.txt goes");
	if (r->ui->json && r->output && !strcmp(r->output, "-"))
		return ui_usage(r->ui, "--json and -o - both want standard output");
	return -1;
}

static int parse(struct rotate *r, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"add-key", 1, NULL, 'a'},
					      {"remove-key", 1, NULL, 'r'},
					      {"threshold", 1, NULL, 't'},
					      {"require-touch", 0, NULL, OPT_TOUCH},
					      {"no-touch", 0, NULL, OPT_NO_TOUCH},
					      {"require-pin", 0, NULL, OPT_PIN},
					      {"no-pin", 0, NULL, OPT_NO_PIN},
					      {"require", 1, NULL, OPT_FIELD},
					      {"no-require", 1, NULL, OPT_NO_FIELD},
					      {"new-witness", 0, NULL, OPT_NEW_WITNESS},
					      {"add-witness", 1, NULL, OPT_WITNESS},
					      {"remove-witness", 1, NULL, OPT_NO_WITNESS},
					      {"archive", 1, NULL, 'A'},
					      {"sign-with", 1, NULL, 'k'},
					      {"output", 1, NULL, 'o'},
					      {"dry-run", 0, NULL, 'n'},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(r->ui, argc, argv, VERB_SHORT "k:o:n", longs, help, &code)) >= 0) {
		code = take(r, c);
		if (code)
			return code;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(r->ui, argc, 1, 1, "one DIR");
	if (code)
		return code;
	r->dir = argv[optind];
	return check(r);
}

/* A file with one verifier key, as witnesses publish it. */
static int read_witness(struct rotate *r, const char *file, struct err *e)
{
	struct note_key *k = &r->witness[r->change.witnesses];
	struct wire_out bytes = {0};
	struct text_span line;
	struct text_in t;
	int rc = file_read_path(file, VKEY_MAX, &bytes, e);

	if (rc == 0 && bytes.n && bytes.p[bytes.n - 1] != '\n')
		wire_out_u8(&bytes, '\n');
	t = text_in_init(bytes.p, bytes.n);
	if (rc == 0 && (!text_line(&t, &line) || t.left > 0 || note_vkey_parse(k, line) != 0 ||
			k->type != NOTE_COSIGNATURE))
		rc = err_set(e, ERR_FOREIGN,
			     "%s is not the verifier key of a witness: one line "
			     "name+hash+key, of the type for cosignatures (04)",
			     file);
	if (rc == 0 && r->change.witnesses + 1 == ARCHIVE_WITNESSES_MAX)
		rc = err_set(e, ERR_USAGE, "more than %d witnesses", ARCHIVE_WITNESSES_MAX - 1);
	r->change.witnesses += rc == 0;
	wire_out_free(&bytes);
	return rc;
}

static int read_keys(struct rotate *r, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->add_files.n; i++)
		rc = ui_keys_read(r->add, &r->change.adds, r->add_files.p[i], e);
	for (size_t i = 0; rc == 0 && i < r->remove_files.n; i++)
		rc = ui_keys_read(r->remove, &r->change.removes, r->remove_files.p[i], e);
	for (size_t i = 0; rc == 0 && i < r->witness_files.n; i++)
		rc = read_witness(r, r->witness_files.p[i], e);
	r->change.witness = r->witness;
	r->change.unwitness = (const char *const *)r->unwitness.p;
	r->change.unwitnesses = r->unwitness.n;
	r->change.dry_run = r->dry_run;
	r->change.add = r->add;
	r->change.remove = r->remove;
	r->change.threshold = (unsigned)r->threshold;
	r->change.require = (const char *const *)r->require.p;
	r->change.requires = r->require.n;
	r->change.unrequire = (const char *const *)r->unrequire.p;
	r->change.unrequires = r->unrequire.n;
	return rc;
}

static int sign(struct rotate *r, struct auth *au, struct document *d, struct err *e)
{
	struct archive_desc before, next;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->keys.n; i++)
		rc = document_sign(d, DOCUMENT_NS_ARCHIVE, r->keys.p[i], e);
	if (rc == 0)
		rc = authority_count_rotation(au->a, d, &before, &next, &r->have, &r->have_next, e);
	if (rc)
		return rc;
	r->need = before.threshold;
	if (r->have >= before.threshold && r->have_next >= next.threshold)
		rc = authority_keep_rotation(au->a, d, e);
	return rc ? rc : ui_write_file(r->output, d->bytes.p, d->bytes.n, e);
}

static int make(struct rotate *r, struct err *e)
{
	struct document d = {0};
	struct auth au = {0};
	int rc = read_keys(r, e);

	if (rc == 0 && !r->dry_run)
		rc = ui_check_output(r->ui, r->output, e);
	if (rc == 0)
		rc = auth_open(&au, r->ui, r->dir, r->change.new_witness, AUTH_POOL, e);
	if (rc == 0 && !r->archive_text)
		rc = auth_only_archive(&au, r->archive, e);
	if (rc == 0)
		rc = authority_rotate(au.a, r->archive, &r->change, &r->next, &d,
				      ui_now() / 1000 * 1000, e);
	if (rc == 0 && r->dry_run && !r->ui->json)
		ui_put_text(d.text.p, d.text.n);
	if (rc == 0 && !r->dry_run)
		rc = sign(r, &au, &d, e);
	document_free(&d);
	auth_close(&au);
	return rc;
}

static void print_json(const struct rotate *r)
{
	char print[SSHKEY_FINGERPRINT_SIZE];
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_id(&j, "archive", r->archive);
	ui_json_number(&j, "version", r->next.version);
	ui_json_begin(&j, "keys", '[');
	for (size_t i = 0; i < r->next.keys; i++) {
		sshkey_fingerprint(print, &r->next.key[i]);
		ui_json_text(&j, NULL, print);
	}
	ui_json_end(&j, ']');
	ui_json_begin(&j, "require", '[');
	for (size_t i = 0; i < r->next.requires; i++)
		ui_json_text(&j, NULL, r->next.require[i]);
	ui_json_end(&j, ']');
	ui_json_begin(&j, "witnesses", '[');
	for (size_t i = 0; i < r->next.witnesses; i++)
		ui_json_text(&j, NULL, r->next.witness[i].name);
	ui_json_end(&j, ']');
	ui_json_number(&j, "signatures", r->have);
	ui_json_number(&j, "threshold", r->need);
	ui_json_number(&j, "own_signatures", r->have_next);
	ui_json_number(&j, "own_threshold", r->next.threshold);
	ui_json_bool(&j, "dry_run", r->dry_run);
	if (!r->dry_run)
		ui_json_text(&j, "output", r->output);
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void print(const struct rotate *r)
{
	char print[SSHKEY_FINGERPRINT_SIZE];
	FILE *f = auth_out(r->output);

	if (r->ui->json) {
		print_json(r);
	} else if (!r->ui->quiet && !r->dry_run) {
		fprintf(f, "archive.txt version %" PRIu32 ", %u of %zu keys sign:\n",
			r->next.version, r->next.threshold, r->next.keys);
		for (size_t i = 0; i < r->next.keys; i++) {
			sshkey_fingerprint(print, &r->next.key[i]);
			fprintf(f, "  %s ", print);
			ui_fput_name(f, r->next.key[i].comment, strlen(r->next.key[i].comment));
			fputc('\n', f);
		}
		for (size_t i = 0; i < r->next.witnesses; i++)
			fprintf(f, "witness %s\n", r->next.witness[i].name);
		fprintf(f, "%u of %u signatures by the keys before, %u of %u by its own\n", r->have,
			r->need, r->have_next, r->next.threshold);
	}
	if (r->dry_run)
		return;
	if (r->have < r->need)
		auth_tell_missing(r->ui, r->dir, r->output, r->have, r->need);
	else
		auth_tell_missing(r->ui, r->dir, r->output, r->have_next, r->next.threshold);
}

int auth_rotate(struct ui *ui, int argc, char **argv)
{
	struct rotate *r = calloc(1, sizeof(*r));
	struct err e = {0};
	int code, rc;

	if (!r)
		return ui_fail(ui, ERR_NOMEM, NULL);
	r->ui = ui;
	code = parse(r, argc, argv);
	if (code < 0) {
		rc = make(r, &e);
		if (rc == 0)
			print(r);
		code = rc < 0 ? ui_fail(ui, rc, &e) : 0;
	}
	free(r->keys.p);
	free(r->add_files.p);
	free(r->remove_files.p);
	free(r->require.p);
	free(r->unrequire.p);
	free(r->witness_files.p);
	free(r->unwitness.p);
	free(r);
	return code;
}
