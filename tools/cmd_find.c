// SPDX-License-Identifier: Apache-2.0
/* custody find: items by what their provenance says. */
#include "tools/cmd_find.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"Usage: custody find ARCHIVE [TEST]... [OPTION]...\n"
	"Print the paths of items whose provenance fits all tests, in order of time. A test that is\n"
	"given more than once fits if one of its values does. In P, * is any characters and ? is one;\n"
	"capitals and small letters are the same.\n"
	"\n"
	"  --plate P              a plate: spaces and dashes do not matter\n"
	"  --fuzzy                take 0 and O, 1 and I, 8 and B of plates for one another\n"
	"  --region P             of that plate, such as US-TX\n"
	"  --confidence N         that plate was read with at least N (0 to 1, or per cent)\n"
	"  --hit P                that plate is on a list\n"
	"  --port P, --site P, --lane P, --camera P\n"
	"                         where it was captured\n"
	"  --event P, --role P, --system P\n"
	"                         its event, what it shows of it, and what sent it\n"
	"  --since T, --until T   its time: YYYY, YYYY-MM, YYYY-MM-DD, 2026-11-23T07:10:00Z, or\n"
	"                         -2h for two hours ago; a date's last moment for --until\n"
	"  --on T                 both: within that day, month or year\n"
	"  --case P               its case, or that of an authorisation for it\n"
	"  --accession ID         taken in by this accession\n"
	"  --digest SHA256        its content has this digest\n"
	"\n"
	"  -l                     time, port, lane and plates, and the path\n"
	"  -0, --null             each path ended by a NUL byte: for 'custody request -0'\n"
	"      --count            the number of items alone\n"
	"      --limit N          the first N alone\n"
	"      --sort time|path   default: time, then path\n"
	"  -r, --reverse          the last first\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"An item's time is that of its capture, in UTC; where its provenance says none, that of the\n"
	"file's last change. --json says which.\n"
	"Exit codes: 0 done (nothing found too), 1 system or index, 2 usage, 3 key or passphrase,\n"
	"4 damaged or forged log, 7 this node holds no key that opens names.\n";

enum {
	OPT_TEXT = 256, /* and so on, by enum facts_text */
	OPT_PLATE = OPT_TEXT + FACTS_TEXTS,
	OPT_REGION,
	OPT_HIT,
	OPT_FUZZY,
	OPT_CONFIDENCE,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_ON,
	OPT_ACCESSION,
	OPT_DIGEST,
	OPT_COUNT,
	OPT_LIMIT,
	OPT_SORT,
};

static const struct option longs[] = {UI_OPTIONS,
				      {"port", 1, NULL, OPT_TEXT + FACTS_PORT},
				      {"site", 1, NULL, OPT_TEXT + FACTS_SITE},
				      {"lane", 1, NULL, OPT_TEXT + FACTS_LANE},
				      {"camera", 1, NULL, OPT_TEXT + FACTS_CAMERA},
				      {"event", 1, NULL, OPT_TEXT + FACTS_EVENT},
				      {"system", 1, NULL, OPT_TEXT + FACTS_SYSTEM},
				      {"role", 1, NULL, OPT_TEXT + FACTS_ROLE},
				      {"case", 1, NULL, OPT_TEXT + FACTS_CASE},
				      {"plate", 1, NULL, OPT_PLATE},
				      {"region", 1, NULL, OPT_REGION},
				      {"hit", 1, NULL, OPT_HIT},
				      {"fuzzy", 0, NULL, OPT_FUZZY},
				      {"confidence", 1, NULL, OPT_CONFIDENCE},
				      {"since", 1, NULL, OPT_SINCE},
				      {"until", 1, NULL, OPT_UNTIL},
				      {"on", 1, NULL, OPT_ON},
				      {"accession", 1, NULL, OPT_ACCESSION},
				      {"digest", 1, NULL, OPT_DIGEST},
				      {"count", 0, NULL, OPT_COUNT},
				      {"limit", 1, NULL, OPT_LIMIT},
				      {"sort", 1, NULL, OPT_SORT},
				      {"null", 0, NULL, '0'},
				      {"reverse", 0, NULL, 'r'},
				      {NULL, 0, NULL, 0}};

/* ---- values ---- */

/* 2, "2019" or "2019-05" or "2019-05-31" -> its first moment, and the last. */
static bool parse_date(const char *s, int64_t *first, int64_t *last)
{
	static const char full[] = "0000-01-01T00:00:00Z";
	char text[sizeof(full)];
	size_t n = strlen(s);
	unsigned year, month;

	if (n != 4 && n != 7 && n != 10)
		return false;
	memcpy(text, full, sizeof(full));
	memcpy(text, s, n);
	if (!text_parse_time((struct text_span){text, sizeof(full) - 1}, first))
		return false;
	if (n == 10) {
		*last = *first + INT64_C(86400000) - 1;
		return true;
	}
	year = (unsigned)strtoul(text, NULL, 10);
	month = n == 4 ? 12 : (unsigned)strtoul(text + 5, NULL, 10);
	/* The moment before the next one begins; years end at 9999. */
	if (month == 12 && year == 9999) {
		*last = INT64_MAX;
		return true;
	}
	snprintf(text, sizeof(text), "%04u-%02u-01T00:00:0", year + month / 12, month % 12 + 1);
	memcpy(text + 18, "0Z", 2);
	if (!text_parse_time((struct text_span){text, sizeof(full) - 1}, last))
		return false;
	--*last;
	return true;
}

static int parse_time(struct cmd_find *f, int c)
{
	int64_t first, last, *from = c == OPT_UNTIL ? NULL : &f->ask.from_ms,
			     *to = c == OPT_SINCE ? NULL : &f->ask.to_ms;
	struct err e = {0};

	if (!parse_date(optarg, &first, &last)) {
		if (c == OPT_ON)
			return ui_usage(f->ui,
					"--on %s: not a date; use 2026, 2026-11 or 2026-11-23",
					optarg);
		if (ui_time(optarg, ui_now(), &first, &e) < 0)
			return ui_usage(f->ui, "--%s %s", from ? "since" : "until", e.text);
		last = first;
	}
	if (from && first > *from)
		*from = first;
	if (to && last < *to)
		*to = last;
	return 0;
}

static int add(struct cmd_find *f, struct verb_list *l)
{
	if (verb_add(l, optarg) == 0)
		return 0;
	return ui_fail(f->ui, ERR_NOMEM, NULL);
}

static int take_number(struct cmd_find *f, int c)
{
	struct text_span v = {optarg, strlen(optarg)};

	if (c == OPT_LIMIT)
		return verb_number(f->ui, "--limit", optarg, 1, UINT64_MAX, &f->limit);
	if (facts_confidence(v, &f->ask.confidence))
		return 0;
	return ui_usage(f->ui, "--confidence %s: give a fraction, 0.9, or per cent, 90", optarg);
}

static int take_sort(struct cmd_find *f)
{
	f->by_path = strcmp(optarg, "path") == 0;
	if (f->by_path || strcmp(optarg, "time") == 0)
		return 0;
	return ui_usage(f->ui, "--sort %s: it is time or path", optarg);
}

static int take_form(struct cmd_find *f, enum cmd_find_form form)
{
	if (f->form != CMD_FIND_PATHS && f->form != form)
		return ui_usage(f->ui, "-l, -0, --count: one of them");
	f->form = form;
	return 0;
}

static int take(struct cmd_find *f, int c)
{
	if (c >= OPT_TEXT && c < OPT_TEXT + FACTS_TEXTS)
		return add(f, &f->text[c - OPT_TEXT]);
	switch (c) {
	case OPT_PLATE:
		return add(f, &f->plate);
	case OPT_REGION:
		return add(f, &f->region);
	case OPT_HIT:
		return add(f, &f->hit);
	case OPT_FUZZY:
		f->ask.plate_how = PATTERN_MISREAD;
		return 0;
	case OPT_CONFIDENCE:
	case OPT_LIMIT:
		return take_number(f, c);
	case OPT_SINCE:
	case OPT_UNTIL:
	case OPT_ON:
		return parse_time(f, c);
	case OPT_ACCESSION:
		return add(f, &f->accession);
	case OPT_DIGEST:
		return add(f, &f->digest);
	case OPT_SORT:
		return take_sort(f);
	case 'r':
		f->reverse = true;
		return 0;
	default:
		return take_form(f, c == 'l' ? CMD_FIND_LONG :
				    c == '0' ? CMD_FIND_NULL :
					       CMD_FIND_COUNT);
	}
}

/* ---- what is asked ---- */

static struct search_words words(const struct verb_list *l)
{
	return (struct search_words){l->p, l->n};
}

/* Plates are compared without what does not matter; so are their patterns. */
static int clean_plates(struct cmd_find *f)
{
	for (size_t i = 0; i < f->plate.n; i++) {
		char clean[FACTS_PLATE_MAX + 1], *copy;

		if (facts_plate(clean, f->plate.p[i], strlen(f->plate.p[i]), "*?") == 0)
			return ui_usage(f->ui, "--plate %s: there is no letter or digit in it",
					f->plate.p[i]);
		copy = strdup(clean);
		if (!copy)
			return ui_fail(f->ui, ERR_NOMEM, NULL);
		f->plate.p[i] = copy;
	}
	return 0;
}

static int check_ids(struct cmd_find *f)
{
	uint8_t id[16];
	int code = 0;

	for (size_t i = 0; i < f->accession.n && code == 0; i++)
		code = verb_id(f->ui, "--accession", f->accession.p[i], id);
	if (f->digest.n > CMD_FIND_DIGESTS)
		return ui_usage(f->ui, "--digest: %u at most", CMD_FIND_DIGESTS);
	f->sha256 = calloc(f->digest.n + 1, sizeof(*f->sha256));
	if (!f->sha256)
		return ui_fail(f->ui, ERR_NOMEM, NULL);
	for (size_t i = 0; i < f->digest.n && code == 0; i++)
		if (!text_unhex((struct text_span){f->digest.p[i], strlen(f->digest.p[i])},
				f->sha256[i], 32))
			code = ui_usage(f->ui, "--digest %s: not a SHA-256: 64 digits of 0-9 a-f",
					f->digest.p[i]);
	return code;
}

static int finish(struct cmd_find *f)
{
	int code = check_ids(f);

	if (code == 0)
		code = clean_plates(f);
	if (code)
		return code;
	if (f->ui->json && f->form != CMD_FIND_PATHS && f->form != CMD_FIND_COUNT)
		return ui_usage(f->ui, "-l and -0 do not go with --json");
	if (f->ui->json && f->form == CMD_FIND_PATHS)
		f->form = CMD_FIND_JSON;
	for (unsigned i = 0; i < FACTS_TEXTS; i++)
		f->ask.text[i] = words(&f->text[i]);
	f->ask.plate = words(&f->plate);
	f->ask.region = words(&f->region);
	f->ask.hit = words(&f->hit);
	return 0;
}

/* The exit code, or -1 to go on. */
static int parse(struct cmd_find *f, int argc, char **argv)
{
	int c, code = 0;

	while ((c = verb_option(f->ui, argc, argv, VERB_SHORT "l0r", longs, help, &code)) >= 0) {
		code = take(f, c);
		if (code)
			return code;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(f->ui, argc, 1, 1, "ARCHIVE");
	f->archive = argv[optind];
	if (code == 0)
		code = finish(f);
	return code ? code : -1;
}

static int run(struct cmd_find *f, struct err *e)
{
	int rc = cmd_open(&f->s, f->ui, f->archive, STATION_NO_JOURNAL, e);

	if (rc == 0)
		rc = cmd_need_names(f->s, e);
	if (rc == 0)
		rc = cmd_find_lines(f, e);
	if (rc == 0 && f->form == CMD_FIND_JSON)
		rc = cmd_gate_open(&f->gate, f->s, getuid(), f->ui, e);
	if (rc == 0)
		rc = cmd_find_list(f, e);
	cmd_gate_close(&f->gate);
	return cmd_close(f->s, rc, e);
}

int cmd_find_verb(struct ui *ui, int argc, char **argv)
{
	struct cmd_find f = {.ui = ui, .ask = SEARCH_ALL};
	struct err e = {0};
	int code = parse(&f, argc, argv), rc = 0;

	if (code < 0)
		rc = run(&f, &e);
	cmd_find_lines_free(&f.only);
	cmd_find_lines_free(&f.cases);
	for (unsigned i = 0; i < FACTS_TEXTS; i++)
		free(f.text[i].p);
	for (size_t i = 0; code < 0 && i < f.plate.n; i++)
		free((char *)(uintptr_t)f.plate.p[i]);
	free(f.plate.p);
	free(f.region.p);
	free(f.hit.p);
	free(f.accession.p);
	free(f.digest.p);
	free(f.sha256);
	if (code >= 0)
		return code;
	return rc < 0 && !ferror(stdout) ? ui_fail(ui, rc, &e) : 0;
}
