// SPDX-License-Identifier: Apache-2.0
/* custody why: what the gate says of an item, the rule, and what to do. */
#include "tools/cmd.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "tools/ui_json.h"
#include "tools/verb.h"

static const char help[] =
	"Usage: custody why ARCHIVE PATH|ITEM-ID [OPTION]...\n"
	"Say whether an item may be read now, under which authorisation and until when; or which rule\n"
	"refuses it, and what to do. Asking is not logged: nothing is read.\n"
	"\n"
	"      --user NAME        another local user than you\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"Exit codes: 0 it may be read, 1 no such path, system or index, 2 usage, 3 key or passphrase,\n"
	"4 damaged or forged log, 7 refused.\n";

struct why {
	struct ui *ui;
	const char *archive, *path, *user;
	uint32_t uid;
	char name[128];	       /* of the user */
	struct wire_out whole; /* the item's path, if an id was given */
};

static int find_user(struct why *w, struct err *e)
{
	const struct passwd *pw;

	ui_user(w->name, sizeof(w->name));
	w->uid = getuid();
	if (!w->user)
		return 0;
	pw = getpwnam(w->user);
	if (!pw)
		return err_set(e, ERR_USAGE, "--user %s: there is no such local user", w->user);
	w->uid = pw->pw_uid;
	snprintf(w->name, sizeof(w->name), "%s", w->user);
	return 0;
}

static void print_json(const struct why *w, const struct object *o, int verdict,
		       const char *sentence, const uint8_t near[16], const struct authorisation *a)
{
	static const uint8_t none[16];
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_text(&j, "path", w->path);
	ui_json_id(&j, "item", o->item);
	ui_json_text(&j, "user", w->name);
	ui_json_bool(&j, "permitted", verdict == 0);
	ui_json_text(&j, "rule", verdict ? err_word(verdict) : "released");
	ui_json_text(&j, "text", sentence);
	if (memcmp(near, none, 16) != 0)
		ui_json_id(&j, "authorisation", near);
	if (a) {
		ui_json_text(&j, "case", a->case_no);
		ui_json_text(&j, "purpose", a->purpose);
		ui_json_time(&j, "not_after", a->not_after_ms);
	}
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void print(const struct why *w, int verdict, const char *sentence,
		  const struct authorisation *a)
{
	char until[TEXT_TIME_SIZE];

	ui_put_name(w->path, strlen(w->path));
	if (verdict)
		printf(": %s may not read it (%s)\n  %s", w->name, err_word(verdict), sentence);
	else
		printf(": %s may read it\n  %s", w->name, sentence);
	if (!a) {
		putchar('\n');
		return;
	}
	text_time_s(until, a->not_after_ms / 1000);
	printf(", until %s, case ", until);
	ui_put_name(a->case_no, strlen(a->case_no));
	printf(", purpose ");
	ui_put_name(a->purpose, strlen(a->purpose));
	putchar('\n');
}

struct search {
	const uint8_t *serial;
	int64_t not_before_ms;
};

static int same_serial(void *ctx, struct release *r)
{
	struct search *s = ctx;
	const struct authorisation *a = release_terms(r);

	if (memcmp(a->serial, s->serial, 16) != 0)
		return 0;
	s->not_before_ms = a->not_before_ms;
	return 1;
}

/* Append the time at which the release begins. */
static void add_begin(char *sentence, size_t cap, const struct cmd_gate *gate,
		      const uint8_t serial[16])
{
	struct search s = {.serial = serial};
	const size_t n = strlen(sentence);
	char time[TEXT_TIME_SIZE];

	if (release_each(gate->releases, same_serial, &s) != 1)
		return;
	text_time_s(time, s.not_before_ms / 1000);
	snprintf(sentence + n, cap - n, ", %s", time);
}

/* The verdict: 0 or the code of the rule. */
static void tell(const struct why *w, const struct cmd_gate *gate, const struct object *o,
		 int *verdict)
{
	struct release *r = NULL;
	uint8_t near[16] = {0};
	char sentence[480];

	*verdict = cmd_gate_ask(gate, o, &r, near);
	gate_explain(sentence, sizeof(sentence), *verdict, near);
	if (*verdict == ERR_NOT_YET)
		add_begin(sentence, sizeof(sentence), gate, near);
	if (w->ui->json)
		print_json(w, o, *verdict, sentence, near, r ? release_terms(r) : NULL);
	else if (!w->ui->quiet)
		print(w, *verdict, sentence, r ? release_terms(r) : NULL);
	if (r)
		release_drop(r);
}

static int run(struct why *w, int *verdict, struct err *e)
{
	struct cmd_gate gate = {0};
	struct station *s = NULL;
	struct object o;
	int rc;

	rc = find_user(w, e);
	if (rc == 0)
		rc = cmd_open(&s, w->ui, w->archive, STATION_NO_JOURNAL, e);
	if (rc == 0)
		rc = cmd_need_names(s, e);
	if (rc == 0)
		rc = cmd_find(s, w->path, &o, NULL, e);
	if (rc == 0 && o.kind == OBJECT_DIR)
		rc = err_set(e, ERR_USAGE,
			     "%s is a folder, which may always be listed; name an item, or see "
			     "'custody ls -l'",
			     w->path);
	if (rc == 0)
		rc = cmd_path(s, &o, &w->whole, e);
	if (rc == 0)
		w->path = (char *)w->whole.p;
	if (rc == 0)
		rc = cmd_gate_open(&gate, s, w->uid, w->ui, e);
	if (rc == 0)
		tell(w, &gate, &o, verdict);
	cmd_gate_close(&gate);
	return cmd_close(s, rc, e);
}

int cmd_why(struct ui *ui, int argc, char **argv)
{
	static const struct option longs[] = {
		UI_OPTIONS, {"user", 1, NULL, 'u'}, {NULL, 0, NULL, 0}};
	struct why w = {.ui = ui};
	int c, code, rc, verdict = 0;
	struct err e = {0};

	while ((c = verb_option(ui, argc, argv, VERB_SHORT, longs, help, &code)) >= 0)
		w.user = optarg;
	if (c == VERB_STOP)
		return code;
	code = verb_operands(ui, argc, 2, 2, "ARCHIVE and PATH");
	if (code)
		return code;
	w.archive = argv[optind];
	w.path = argv[optind + 1];
	rc = run(&w, &verdict, &e);
	wire_out_wipe(&w.whole);
	return rc < 0 ? ui_fail(ui, rc, &e) : verdict < 0 ? err_exit(verdict) : 0;
}
