// SPDX-License-Identifier: Apache-2.0
/* custody-authority sign: one more officer's signature. */
#include "tools/auth.h"

#include <stdlib.h>
#include <string.h>

#include "index/file.h"
#include "tools/ui_json.h"

static const char help[] =
	"Usage: custody-authority sign [DIR] FILE --sign-with KEY [-o OUT]\n"
	"Add an officer's signature to a document that was issued with fewer than must sign it, or to the\n"
	"release or receipt of a transfer. Read FILE before: it is text. An officer needs no authority's\n"
	"directory, but then whether the key counts is not looked at; with DIR the signatures are checked\n"
	"against the archive's keys, and once there are enough a copy is kept in DIR. The receipt of a\n"
	"transfer is signed without DIR.\n"
	"\n"
	"  -k, --sign-with KEY    an officer's key, as for ssh-keygen -Y sign -f; may be given many\n"
	"                         times. With DIR it may be left out\n"
	"  -o, --output FILE      write there ('-': standard output; default: FILE is replaced)\n"
	"      --json, -q, --force\n"
	"\n"
	"Exit codes: 0 done, 1 system, or this key has signed it, 2 usage, 3 key, 4 forged signature,\n"
	"5 not such a document, 7 a signature is refused.\n";

/* What may be signed here. Of archive.txt later versions only: create-archive signs the first at once. */
static const struct kind {
	const char *title, *namespace, *word;
} kinds[] = {
	{"custodyfs-enrolment/v1", DOCUMENT_NS_ENROL, "enrolment"},
	{"custodyfs-authorisation/v1", DOCUMENT_NS_AUTHORISE, "authorisation"},
	{"custodyfs-revocation/v1", DOCUMENT_NS_REVOKE, "revocation"},
	{"custodyfs-transfer-release/v1", DOCUMENT_NS_TRANSFER, "transfer-release"},
	{"custodyfs-transfer-receipt/v1", DOCUMENT_NS_TRANSFER, "transfer-receipt"},
	{RESTORE_TITLE, DOCUMENT_NS_RESTORE, "restore"},
	{"custodyfs-archive/v1", DOCUMENT_NS_ARCHIVE, "archive"},
};

struct sign {
	struct ui *ui;
	const char *dir, *file, *output;
	struct verb_list keys;
	const struct kind *kind;
	uint8_t archive[16], serial[16];
	unsigned have, need;	       /* need 0: not known without DIR */
	unsigned have_next, need_next; /* archive.txt: of its own keys */
};

static int parse(struct sign *s, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"sign-with", 1, NULL, 'k'},
					      {"output", 1, NULL, 'o'},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(s->ui, argc, argv, VERB_SHORT "k:o:", longs, help, &code)) >= 0) {
		if (c == 'o')
			s->output = optarg;
		else if (verb_add(&s->keys, optarg) < 0)
			return ui_fail(s->ui, ERR_NOMEM, NULL);
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(s->ui, argc, 1, 2, "a FILE, and DIR before it or not");
	if (code)
		return code;
	s->dir = argc - optind == 2 ? argv[optind] : NULL;
	s->file = argv[argc - 1];
	if (!s->output)
		s->output = s->file;
	if (!s->keys.n && !s->dir)
		return ui_usage(s->ui, "--sign-with KEY is needed: who signs");
	if (s->ui->json && !strcmp(s->output, "-"))
		return ui_usage(s->ui, "--json and -o - both want standard output");
	return -1;
}

static int find_version(struct sign *s, const struct document *d, struct err *e)
{
	struct archive_desc desc;
	int rc = archive_desc_read(&desc, d, e);

	if (rc)
		return err_prefix(e, rc, "%s", s->file);
	if (desc.version == 1)
		return err_set(
			e, ERR_FOREIGN,
			"%s is the first archive.txt of its archive, which is signed when it "
			"is made",
			s->file);
	memcpy(s->archive, desc.id, 16);
	memcpy(s->serial, desc.id, 16);
	return 0;
}

static int find_kind(struct sign *s, const struct document *d, struct err *e)
{
	struct text_span title = document_title(d);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (text_is(title, kinds[i].title))
			s->kind = &kinds[i];
	}
	if (s->kind && !strcmp(s->kind->word, "archive"))
		return find_version(s, d, e);
	if (!s->kind)
		return err_set(e, ERR_FOREIGN, "%s is a '%.*s', which is not signed here", s->file,
			       title.n > 60 ? 60 : (int)title.n, title.p);
	if (!document_id(d, "archive", s->archive) || !document_id(d, "serial", s->serial))
		return err_set(e, ERR_MALFORMED, "%s names no archive or no serial", s->file);
	return 0;
}

/* Without the archive's keys: each signature is good, but whether its key counts is not known. */
static int sign_alone(struct sign *s, struct document *d, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->keys.n; i++)
		rc = document_sign(d, s->kind->namespace, s->keys.p[i], e);
	s->have = (unsigned)d->sigs;
	return rc;
}

static int keep(struct sign *s, struct auth *au, const struct document *d, struct err *e)
{
	int rc = authority_check_signers(au->a, d, s->archive, s->serial, s->kind->word, e);

	if (rc || s->have < s->need)
		return rc;
	if (!strcmp(s->kind->word, "enrolment"))
		return authority_keep_enrolment(au->a, d, e);
	if (!strcmp(s->kind->word, "restore"))
		return authority_accept_restore(au->a, d, s->archive, s->serial, e);
	return authority_keep_issued(au->a, d, s->archive, s->serial, s->kind->word, e);
}

static bool is_receipt(const struct sign *s)
{
	return strcmp(s->kind->word, "transfer-receipt") == 0;
}

/* The next archive.txt: by keys of the one before, and by its own. */
static int sign_version(struct sign *s, struct auth *au, struct document *d, struct err *e)
{
	struct archive_desc before, next;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->keys.n; i++)
		rc = document_sign(d, s->kind->namespace, s->keys.p[i], e);
	if (rc == 0)
		rc = authority_count_rotation(au->a, d, &before, &next, &s->have, &s->have_next, e);
	if (rc)
		return rc;
	s->need = before.threshold;
	s->need_next = next.threshold;
	if (s->have < s->need || s->have_next < s->need_next)
		return 0;
	return authority_keep_rotation(au->a, d, e);
}

static int sign_here(struct sign *s, struct document *d, struct err *e)
{
	struct archive_desc desc;
	struct auth au = {0};
	int rc;

	if (is_receipt(s))
		return err_set(
			e, ERR_USAGE,
			"the receipt of a transfer is signed by those whom its release names, "
			"not by the archive's officers: leave DIR out");
	rc = auth_open(&au, s->ui, s->dir, false, AUTH_POOL, e);
	if (rc == 0 && !strcmp(s->kind->word, "archive")) {
		rc = sign_version(s, &au, d, e);
		auth_close(&au);
		return rc;
	}
	if (rc == 0)
		rc = authority_archive(au.a, s->archive, &desc, e);
	if (rc == 0) {
		s->need = desc.threshold;
		rc = auth_sign_with(d, s->kind->namespace, &s->keys, &desc, &s->have, e);
	}
	if (rc == 0)
		rc = keep(s, &au, d, e);
	auth_close(&au);
	return rc;
}

static void print(const struct sign *s)
{
	FILE *f = auth_out(s->output);
	struct ui_json j = {0};
	char serial[33];

	if (s->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_text(&j, "kind", s->kind->word);
		ui_json_id(&j, "serial", s->serial);
		ui_json_number(&j, "signatures", s->have);
		if (s->need)
			ui_json_number(&j, "threshold", s->need);
		if (s->need_next) {
			ui_json_number(&j, "own_signatures", s->have_next);
			ui_json_number(&j, "own_threshold", s->need_next);
		}
		ui_json_text(&j, "output", s->output);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	} else if (!s->ui->quiet) {
		text_hex(serial, s->serial, 16);
		fprintf(f, "%s %s: %u signature%s", s->kind->word, serial, s->have, ui_s(s->have));
		if (s->need)
			fprintf(f, " of %u", s->need);
		if (s->need_next)
			fprintf(f, " by the keys before, %u of %u by its own", s->have_next,
				s->need_next);
		fputc('\n', f);
	}
	if (s->need_next && s->have_next < s->need_next && s->have >= s->need)
		auth_tell_missing(s->ui, s->dir, s->output, s->have_next, s->need_next);
	else if (s->need)
		auth_tell_missing(s->ui, s->dir, s->output, s->have, s->need);
	else if (!is_receipt(s))
		ui_say(s->ui,
		       "Warning: without DIR nobody looks whether these keys are the archive's, and one "
		       "signature by another spoils the document: have 'custody-authority sign DIR %s' "
		       "check it before it goes to the node.",
		       s->output);
}

/* What is over already can't be redeemed any more: an officer should hear of it before a token has to
 * be touched. */
static int check_time(const struct sign *s, const struct document *d, struct err *e)
{
	char text[TEXT_TIME_SIZE];
	int64_t end;

	if (!document_time(d, "not-after", &end) || end >= ui_now())
		return 0;
	text_time_s(text, end / 1000);
	return err_set(e, ERR_EXPIRED, "the %s expired at %s: have it issued anew", s->kind->word,
		       text);
}

/* A request is no document, though it reads like one: say what to do with it. */
static int explain(const struct sign *s, int rc, struct err *e)
{
	static const struct {
		const char *title, *answer;
	} asks[] = {{"custodyfs-request/", "authorise"},
		    {"custodyfs-enrolment-request/", "enrol"},
		    {"old ", "witness"}};
	struct wire_out file = {0};

	if (file_read_path(s->file, DOCUMENT_MAX, &file, NULL) == 0) {
		for (size_t i = 0; i < sizeof(asks) / sizeof(*asks); i++)
			if (file.n > strlen(asks[i].title) &&
			    memcmp(file.p, asks[i].title, strlen(asks[i].title)) == 0)
				rc = err_set(e, ERR_FOREIGN,
					     "%s is what a node asks, and signed by it: answer it "
					     "with 'custody-authority %s'",
					     s->file, asks[i].answer);
	}
	wire_out_free(&file);
	return rc;
}

static int run(struct sign *s, struct err *e)
{
	const bool write = s->keys.n || strcmp(s->output, s->file) != 0;
	struct document d = {0};
	int rc = auth_read(&d, s->file, e);

	if (rc == 0)
		rc = find_kind(s, &d, e);
	if (rc && !s->kind)
		rc = explain(s, rc, e);
	if (rc == 0 && s->keys.n)
		rc = check_time(s, &d, e);
	if (rc == 0 && write)
		rc = ui_check_output(s->ui, s->output, e);
	if (rc == 0)
		rc = s->dir ? sign_here(s, &d, e) : sign_alone(s, &d, e);
	if (rc == 0 && write)
		rc = ui_write_file(s->output, d.bytes.p, d.bytes.n, e);
	document_free(&d);
	return rc;
}

int auth_sign(struct ui *ui, int argc, char **argv)
{
	struct sign s = {.ui = ui};
	struct err e = {0};
	int code = parse(&s, argc, argv), rc;

	if (code < 0) {
		rc = run(&s, &e);
		if (rc == 0)
			print(&s);
		code = rc < 0 ? ui_fail(ui, rc, &e) : 0;
	}
	free(s.keys.p);
	return code;
}
