// SPDX-License-Identifier: Apache-2.0
/* custody export: a package of what an authorisation covers. */
#include "tools/cmd_export.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/age.h"
#include "index/file.h"
#include "tools/cmd_docs.h"
#include "tools/stop.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

static const char help[] =
	"Usage: custody export ARCHIVE DEST --authorisation SERIAL [OPTION]...\n"
	"Write a package (a BagIt bag) of all that an authorisation covers: the files, their provenance, a\n"
	"receipt that proves the custody of each, a custody report, and the authorisation itself. It is\n"
	"checked with 'custody accept', or a bag validator. The authorisation must grant export to there.\n"
	"\n"
	"  -a, --authorisation SERIAL\n"
	"                         the authorisation; four digits do, see 'custody status'\n"
	"  -s, --seal-to R        seal it to this age recipient (age1...), so that nothing of it touches a\n"
	"                         disk in the clear: DEST is one file, which 'age -d' opens. Up to 4 times\n"
	"      --format F         unsealed: 'folder' (the default) or 'tar'\n"
	"  -n, --dry-run          ask, count and check only: nothing is opened, written or logged\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"DEST '-' is standard output, for a tar or what is sealed. Each export has a number, which is in the\n"
	"custody log before the first byte leaves, in the package, and in the history of each item. Every\n"
	"item counts as opened. What is interrupted leaves nothing at DEST. The last line is one hash for the\n"
	"notebook: SHA-256 of tagmanifest-sha256.txt, which is in the log too.\n"
	"Exit codes: 0 done, 1 stopped, DEST exists, system or index, 2 usage, 3 key or passphrase, 4 damaged\n"
	"evidence, or a forged or shortened log, 6 not signed for yet, 7 refused: no authorisation covers it,\n"
	"or none grants its export to there.\n";

struct export_cmd {
	struct ui *ui;
	const char *archive, *authorisation, *format;
	bool dry_run;
	uint8_t to[EXPORT_RECIPIENTS_MAX][32];
	struct cmd_gate gate;
	struct export_ask ask;
	char user[EVENT_STR_MAX], host[256], program[PATH_MAX];
	size_t bad;
	uint8_t digest[32];
};

/* ---- the command line ---- */

static int take_recipient(struct export_cmd *c, const char *arg)
{
	size_t *n = &c->ask.parcel.nrecipients;

	if (*n == EXPORT_RECIPIENTS_MAX)
		return ui_usage(
			c->ui,
			"--seal-to: at most %u; make one package for each, so that each has "
			"its own number",
			EXPORT_RECIPIENTS_MAX);
	if (age_recipient_parse(c->to[*n], (struct text_span){arg, strlen(arg)}) != 0)
		return ui_usage(c->ui, "--seal-to %s: is no age recipient (age1...)", arg);
	for (size_t i = 0; i < *n; i++)
		if (memcmp(c->to[i], c->to[*n], 32) == 0)
			return ui_usage(c->ui, "--seal-to %s: was given before", arg);
	++*n;
	return 0;
}

static int take(struct export_cmd *c, int opt)
{
	switch (opt) {
	case 'a':
		c->authorisation = optarg;
		return 0;
	case 's':
		return take_recipient(c, optarg);
	case 'f':
		c->format = optarg;
		return 0;
	default:
		c->dry_run = true;
		return 0;
	}
}

static int choose_form(struct export_cmd *c)
{
	struct parcel_ask *p = &c->ask.parcel;
	const bool out = strcmp(p->place, "-") == 0;

	if (c->format && strcmp(c->format, "folder") != 0 && strcmp(c->format, "tar") != 0)
		return ui_usage(c->ui, "--format %s: must be 'folder' or 'tar'", c->format);
	if (c->format && p->nrecipients)
		return ui_usage(c->ui, "--format: what is sealed is always a tar in one file");
	if (c->format && strcmp(c->format, "folder") == 0 && out)
		return ui_usage(c->ui, "a folder can't go to standard output: --format tar");
	p->recipients = (const uint8_t(*)[32])c->to;
	p->form = p->nrecipients			  ? PARCEL_SEALED :
		  out || (c->format && *c->format == 't') ? PARCEL_TAR :
							    PARCEL_FOLDER;
	if (out && c->ui->json && !c->dry_run)
		return ui_usage(c->ui, "--json and DEST - both want standard output");
	if (out && !c->dry_run && isatty(STDOUT_FILENO))
		return ui_usage(c->ui, "DEST is '-' and standard output is a terminal");
	return -1;
}

static int parse(struct export_cmd *c, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"authorisation", 1, NULL, 'a'},
					      {"seal-to", 1, NULL, 's'},
					      {"format", 1, NULL, 'f'},
					      {"dry-run", 0, NULL, 'n'},
					      {NULL, 0, NULL, 0}};
	int opt, code;

	while ((opt = verb_option(c->ui, argc, argv, VERB_SHORT "a:s:n", longs, help, &code)) >=
	       0) {
		code = take(c, opt);
		if (code)
			return code;
	}
	if (opt == VERB_STOP)
		return code;
	code = verb_operands(c->ui, argc, 2, 2, "ARCHIVE and DEST");
	if (code)
		return code;
	c->archive = argv[optind];
	c->ask.parcel.place = argv[optind + 1];
	if (!c->authorisation)
		return ui_usage(c->ui,
				"--authorisation SERIAL is needed: what is exported, and by whose "
				"leave");
	return choose_form(c);
}

/* ---- who ---- */

static uint32_t login_uid(void)
{
	struct wire_out text = {0};
	uint64_t uid = UINT32_MAX;
	size_t n;

	if (file_read_path("/proc/self/loginuid", 64, &text, NULL) == 0) {
		for (n = text.n; n > 0 && text.p[n - 1] == '\n';)
			n--;
		if (!text_u64((struct text_span){(char *)text.p, n}, &uid) || uid > UINT32_MAX)
			uid = UINT32_MAX;
	}
	wire_out_free(&text);
	return (uint32_t)uid;
}

static void find_self(struct export_cmd *c)
{
	struct export_ask *a = &c->ask;
	ssize_t n = readlink("/proc/self/exe", c->program, sizeof(c->program) - 1);

	if (n <= 0)
		snprintf(c->program, sizeof(c->program), "custody");
	ui_user(c->user, sizeof(c->user));
	if (gethostname(c->host, sizeof(c->host) - 1) < 0 || !c->host[0])
		snprintf(c->host, sizeof(c->host), "localhost");
	a->user = c->user;
	a->host = c->host;
	a->program = c->program;
	a->uid = getuid();
	a->loginuid = login_uid();
	a->pid = (uint32_t)getpid();
}

/* ---- what is said ---- */

/* Where results go: not among the bytes of the package. */
static FILE *out_of(const struct export_cmd *c)
{
	return strcmp(c->ask.parcel.place, "-") == 0 && !c->dry_run ? stderr : stdout;
}

static void print_json(const struct export_cmd *c, const struct export_sheet *s)
{
	struct ui_json j = {0};
	char hex[65];

	ui_json_begin(&j, NULL, '{');
	if (!c->dry_run)
		ui_json_id(&j, "export", s->export);
	ui_json_id(&j, "authorisation", s->authorisation);
	ui_json_number(&j, "items", s->items);
	ui_json_number(&j, "bytes", s->bytes);
	ui_json_text(&j, "form", s->form);
	ui_json_begin(&j, "recipients", '[');
	for (size_t i = 0; i < s->recipients; i++)
		ui_json_text(&j, NULL, s->recipient[i]);
	ui_json_end(&j, ']');
	ui_json_text(&j, "output", c->ask.parcel.place);
	ui_json_bool(&j, "dry_run", c->dry_run);
	if (!c->dry_run) {
		text_hex(hex, c->digest, 32);
		ui_json_number(&j, "bad", c->bad);
		ui_json_text(&j, "sha256", hex);
	}
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void print(const struct export_cmd *c, const struct export_sheet *s)
{
	FILE *f = out_of(c);
	char hex[65], bytes[16];

	if (c->ui->json) {
		print_json(c, s);
		return;
	}
	ui_bytes(bytes, s->bytes);
	text_hex(hex, s->export, 16);
	if (!c->ui->quiet && c->dry_run)
		fprintf(f, "would export %zu item%s, %s", s->items, ui_s(s->items), bytes);
	else if (!c->ui->quiet)
		fprintf(f, "export %s: %zu item%s, %s", hex, s->items, ui_s(s->items), bytes);
	for (size_t i = 0; !c->ui->quiet && i < s->recipients; i++)
		fprintf(f, "%s%s", i ? ", " : ", sealed to ", s->recipient[i]);
	if (!c->ui->quiet)
		fprintf(f, "%s\n", s->recipients ? "" : ", unsealed");
	if (c->bad)
		ui_say(c->ui, "%s: the receipts of %zu item%s tell of broken custody",
		       c->ui->program, c->bad, ui_s(c->bad));
	text_hex(hex, c->digest, 32);
	if (!c->dry_run)
		fprintf(f, "%s\n", hex);
}

/* ---- the work ---- */

static int on_progress(void *ctx, uint64_t done, uint64_t total)
{
	const struct export_cmd *c = ctx;

	ui_progress(c->ui, done, total);
	return stop_asked();
}

static int make(struct export_cmd *c, struct export *x, struct err *e)
{
	int rc;

	c->ui->progress_bytes = true;
	rc = export_begin(x, e);
	ui_progress_end(c->ui);
	c->ui->progress_bytes = false;
	if (rc == 0)
		rc = cmd_export_tags(x, c->ui, c->ask.station, &c->bad, e);
	return rc ? rc : export_finish(x, c->digest, e);
}

static int run(struct export_cmd *c, struct station *s, struct err *e)
{
	struct export *x = NULL;
	int rc = cmd_need_names(s, e);

	if (rc == 0)
		rc = cmd_find_document(s->archive, c->authorisation, c->ask.authorisation, e);
	if (rc == 0)
		rc = cmd_gate_open(&c->gate, s, c->ask.uid, c->ui, e);
	if (rc == 0) {
		c->ask.station = s;
		c->ask.releases = c->gate.releases;
		c->ask.progress = on_progress;
		c->ask.ctx = c;
		rc = export_prepare(&x, &c->ask, e);
	}
	if (rc == 0 && !c->dry_run)
		rc = make(c, x, e);
	if (rc == 0)
		print(c, export_sheet(x));
	export_close(x, rc);
	cmd_gate_close(&c->gate);
	return rc;
}

int cmd_export(struct ui *ui, int argc, char **argv)
{
	struct export_cmd c = {.ui = ui};
	struct station *s = NULL;
	struct err e = {0};
	int rc = parse(&c, argc, argv);

	if (rc >= 0)
		return rc;
	find_self(&c);
	/* Who reads a pipe may go away: that is an error to be logged, not the end of the program. */
	signal(SIGPIPE, SIG_IGN);
	stop_catch();
	rc = cmd_open(&s, ui, c.archive, c.dry_run ? STATION_NO_JOURNAL : 0, &e);
	if (rc == 0)
		rc = run(&c, s, &e);
	rc = cmd_close(s, rc, &e);
	return rc < 0 ? ui_fail(ui, rc, &e) : 0;
}
