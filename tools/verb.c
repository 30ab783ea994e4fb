// SPDX-License-Identifier: Apache-2.0
#include "tools/verb.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

#define NAME_MAX_LEN 32 /* of a verb, with its NUL */

static void help(const char *program, const char *about, const struct verb *verbs, bool node)
{
	printf("Usage: %s [OPTION]... VERB ...\n%s\n", program, about);
	for (const struct verb *v = verbs; v->line; v++) {
		if (v->run)
			printf("  %-15s %s\n", v->name, v->line);
		else
			printf("\n%s\n", v->line);
	}
	printf("\nCommon options\n");
	if (node)
		printf("  --node DIR       the node's directory (default: $CUSTODY_NODE, or\n"
		       "                   ~/.config/custodyfs, for root /var/lib/custodyfs)\n");
	printf("  --json           one JSON object, or JSON Lines, on standard output\n"
	       "  --passphrase-file F, --passphrase-fd N\n"
	       "                   where a passphrase is read from (default: the credential\n"
	       "                   custodyfs.passphrase, or the terminal)\n"
	       "  --no-passphrase  keep a new key raw, guarded by its file mode alone\n"
	       "  --force          an output file (-o) replaces whatever has its name\n"
	       "  -q, --quiet      no talk, only results and errors\n"
	       "  -h, --help       this help; after a verb: that verb's\n"
	       "  -V, --version    version\n"
	       "\nExit codes: 0 done, 1 system or index, 2 usage, 3 key or passphrase, 4 damaged or\n"
	       "forged evidence, 5 not ours or newer, 6 busy, 7 refused%s.\n",
	       node ? ",\n8 an alarm (custody status)" : "");
}

/* Letters to insert, delete, replace or swap with a neighbour to make b of a. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][NAME_MAX_LEN + 1];
	const size_t n = strlen(a), m = strlen(b);

	if (n > NAME_MAX_LEN || m > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (unsigned j = 0; j <= m; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= m; j++) {
			unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[n % 3][m];
}

static const struct verb *find(const struct verb *verbs, const char *name)
{
	for (const struct verb *v = verbs; v->line; v++) {
		if (v->run && !strcmp(v->name, name))
			return v;
	}
	return NULL;
}

static int unknown(const struct ui *ui, const struct verb *verbs, const char *name)
{
	const struct verb *near = NULL;
	unsigned best = 4;

	for (const struct verb *v = verbs; v->line; v++) {
		unsigned d = v->run ? distance(name, v->name) : best;

		/* a word that is all other letters is no misspelling */
		if (d < best && d < strlen(v->name)) {
			best = d;
			near = v;
		}
	}
	if (near)
		return ui_usage(ui, "there is no verb '%s'; did you mean '%s'? See %s --help", name,
				near->name, ui->program);
	return ui_usage(ui, "there is no verb '%s'; see %s --help", name, ui->program);
}

/* Results that could not be written are no results. */
static int flushed(const struct ui *ui, int code)
{
	bool bad = ferror(stdout) != 0;

	errno = 0;
	if (fflush(stdout) == 0 && !bad)
		return code;
	if (errno != EPIPE) /* whoever closed the pipe knows */
		ui_usage(ui, "can't write standard output: %s",
			 errno ? strerror(errno) : "write error");
	return code ? code : err_exit(ERR_SYSTEM);
}

static int run(struct ui *ui, const struct verb *v, int argc, char **argv)
{
	char name[2 * NAME_MAX_LEN];
	int code;

	snprintf(name, sizeof(name), "%s %s", ui->program, v->name);
	ui->program = name;
	argv[0] = name; /* getopt_long begins its complaints with it */
	optind = 0;
	code = flushed(ui, v->run(ui, argc, argv));
	ui->program = "";
	return code;
}

/* Is a wrong command line to be told in JSON too? */
static bool asks_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!strcmp(argv[i], "--json"))
			return true;
	}
	return false;
}

/* getopt_long has said what is wrong; a long option that it does not know is named again. */
static int bad_option(const struct ui *ui, char **argv)
{
	if (optopt == 0)
		return ui_usage(ui, "%s is no option, or the beginning of several; see %s --help",
				argv[optind - 1], ui->program);
	return ui_usage(ui, "a wrong option, or one without its value; see %s --help", ui->program);
}

/* Options before the verb. -1 to go on, else the exit code. */
static int leading(struct ui *ui, const char *about, const struct verb *verbs, bool node, int argc,
		   char **argv)
{
	static const struct option longs[] = {UI_OPTIONS, {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = getopt_long(argc, argv, "+" VERB_SHORT, longs, NULL)) != -1) {
		if (c == '?')
			return bad_option(ui, argv);
		ui_common(ui, c, optarg, "", &code);
		if (c == UI_OPT_HELP)
			help(ui->program, about, verbs, node);
		if (code || c == UI_OPT_HELP || c == UI_OPT_VERSION)
			return flushed(ui, code);
	}
	if (optind == argc)
		return ui_usage(ui, "a verb is needed; see %s --help", ui->program);
	return -1;
}

int verb_main(const char *program, const char *about, const struct verb *verbs, bool node, int argc,
	      char **argv)
{
	char name[32], dash_help[] = "--help";
	const struct verb *v;
	struct err e = {0};
	struct ui ui;
	int code;

	ui_init(&ui, program);
	/* A reader that leaves (head, less) must not kill us in the middle of an index update. */
	signal(SIGPIPE, SIG_IGN);
	snprintf(name, sizeof(name), "%s", program);
	argv[0] = name; /* getopt_long begins its complaints with it */
	ui.json_asked = asks_json(argc, argv);
	code = leading(&ui, about, verbs, node, argc, argv);
	if (code >= 0)
		return code;
	argc -= optind;
	argv += optind;
	if (!strcmp(argv[0], "help") && argc == 1) {
		help(program, about, verbs, node);
		return flushed(&ui, 0);
	}
	if (!strcmp(argv[0], "help")) { /* "help VERB" is "VERB --help" */
		argv[0] = argv[1];
		argv[1] = dash_help;
	}
	v = find(verbs, argv[0]);
	if (!v)
		return unknown(&ui, verbs, argv[0]);
	if (secret_harden(&e) < 0)
		return ui_fail(&ui, ERR_SYSTEM, &e);
	return run(&ui, v, argc, argv);
}

int verb_option(struct ui *ui, int argc, char **argv, const char *shorts,
		const struct option *longs, const char *help_text, int *code)
{
	int c;

	*code = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == '?') {
			*code = bad_option(ui, argv);
			return VERB_STOP;
		}
		if (!ui_common(ui, c, optarg, help_text, code))
			return c;
		if (*code || c == UI_OPT_HELP || c == UI_OPT_VERSION)
			return VERB_STOP;
	}
	return VERB_DONE;
}

int verb_operands(const struct ui *ui, int argc, int min, int max, const char *what)
{
	if (argc - optind >= min && argc - optind <= max)
		return 0;
	return ui_usage(ui, "%s: %s; see %s --help",
			argc - optind < min ? "an operand is missing" : "too many operands", what,
			ui->program);
}

int verb_number(const struct ui *ui, const char *option, const char *arg, uint64_t min,
		uint64_t max, uint64_t *out)
{
	if (text_u64((struct text_span){arg, strlen(arg)}, out) && *out >= min && *out <= max)
		return 0;
	if (max == UINT64_MAX)
		return ui_usage(ui, "%s %s: must be a number, %" PRIu64 " or more", option, arg,
				min);
	return ui_usage(ui, "%s %s: must be a number from %" PRIu64 " to %" PRIu64, option, arg,
			min, max);
}

int verb_id(const struct ui *ui, const char *option, const char *arg, uint8_t id[16])
{
	if (text_unhex((struct text_span){arg, strlen(arg)}, id, 16))
		return 0;
	return ui_usage(ui, "%s %s: must be 32 lower-case hex digits", option, arg);
}

int verb_add(struct verb_list *l, const char *value)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		const char **p = realloc(l->p, cap * sizeof(*p));

		if (!p)
			return ERR_NOMEM;
		l->p = p;
		l->cap = cap;
	}
	l->p[l->n++] = value;
	return 0;
}
