// SPDX-License-Identifier: Apache-2.0
#include "tools/cmd_alarm.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "index/pick.h"
#include "tools/cmd_merge.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define CLOCK_SLACK_MS 2000		  /* as for the gate: this node's own log */
#define CLOCK_SLACK_OTHER_MS (2 * MINUTE) /* of others, whose clocks are others */
#define REFUSALS_MAX 1000000000u

const char *const cmd_alarm_ids[] = {
	"damaged",	 "unreadable",	      "unwitnessed",   "refusals",  "clock", "ending",
	"transfer-open", "transfer-mismatch", "transfer-lost", "enrolment", NULL};

const struct cmd_alarm_limits cmd_alarm_defaults = {.unwitnessed_ms = 2 * DAY,
						    .ending_ms = 15 * MINUTE,
						    .enrolment_ms = 14 * DAY,
						    .unreceived_ms = 7 * DAY,
						    .refusals = 100,
						    .refusal_span_ms = HOUR};

/* How long, in the largest unit there is one of. */
static const char *lasting(char out[32], int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *name;
	} unit[] = {{DAY, "day"}, {HOUR, "hour"}, {MINUTE, "minute"}, {1000, "second"}};
	size_t i = 0;
	int64_t n;

	while (i < 3 && ms < unit[i].ms)
		i++;
	n = ms < 0 ? 0 : ms / unit[i].ms;
	snprintf(out, 32, "%" PRId64 " %s%s", n, unit[i].name, n == 1 ? "" : "s");
	return out;
}

/* ---- limits ---- */

/* "90s", "30m", "2h", "3d" */
static int span(struct ui *ui, const char *option, const char *arg, int64_t *ms)
{
	char later[32];
	struct err e = {0};

	snprintf(later, sizeof(later), "+%.30s", arg);
	if (arg[0] == '+' || arg[0] == '-' || ui_time(later, 0, ms, &e))
		return ui_usage(ui, "%s %s: a span is needed, such as 90s, 30m, 2h or 3d", option,
				arg);
	return 0;
}

/* N/SPAN */
static int rate(struct cmd_alarm_limits *l, struct ui *ui, const char *arg)
{
	const char *slash = strchr(arg, '/');
	char n[16];

	if (!slash || (size_t)(slash - arg) >= sizeof(n))
		return ui_usage(ui,
				"--max-refusals %s: a number in a span is needed, such as "
				"100/1h",
				arg);
	memcpy(n, arg, (size_t)(slash - arg));
	n[slash - arg] = '\0';
	return verb_number(ui, "--max-refusals", n, 0, REFUSALS_MAX, &l->refusals) ?
		       2 :
		       span(ui, "--max-refusals", slash + 1, &l->refusal_span_ms);
}

int cmd_alarm_option(struct cmd_alarm_limits *l, struct ui *ui, int c, const char *arg)
{
	switch (c) {
	case 'W':
		return span(ui, "--max-unwitnessed", arg, &l->unwitnessed_ms);
	case 'R':
		return rate(l, ui, arg);
	case 'T':
		return span(ui, "--max-unreceived", arg, &l->unreceived_ms);
	case 'E':
		return span(ui, "--ending", arg, &l->ending_ms);
	case 'N':
		return span(ui, "--enrolment-ending", arg, &l->enrolment_ms);
	default:
		return -1;
	}
}

/* ---- alarms ---- */

struct finding {
	struct cmd_alarms *out;
	size_t cap;
	const struct cmd_status *st;
	const struct cmd_alarm_limits *l;
	struct err *e;
};

/* One more; NULL without memory. */
__attribute__((format(printf, 5, 6))) static struct cmd_alarm *
raise_alarm(struct finding *f, const char *id, uint64_t value, uint64_t limit, const char *fmt, ...)
{
	struct cmd_alarm *a;
	va_list ap;

	if (f->out->n == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 8;

		a = realloc(f->out->list, cap * sizeof(*a));
		if (!a) {
			err_set(f->e, ERR_NOMEM, "out of memory");
			return NULL;
		}
		f->out->list = a;
		f->cap = cap;
	}
	a = &f->out->list[f->out->n++];
	*a = (struct cmd_alarm){.id = id, .value = value, .limit = limit};
	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
	return a;
}

static int of_node(struct cmd_alarm *a, const uint8_t node[16])
{
	if (!a)
		return ERR_NOMEM;
	a->has_node = true;
	memcpy(a->node, node, 16);
	return 0;
}

static int find_damage(struct finding *f)
{
	const struct cmd_status *st = f->st;

	if (st->damaged &&
	    !raise_alarm(f, "damaged", st->damaged, 0,
			 "the log tells of damage, %" PRIu64 " time%s: run 'custody log --type "
			 "damaged' and 'custody verify'",
			 st->damaged, ui_s(st->damaged)))
		return ERR_NOMEM;
	if (st->pending && !raise_alarm(f, "unreadable", st->pending, 0,
					"%" PRIu64 " item%s can't be read: run 'custody verify'",
					st->pending, ui_s(st->pending)))
		return ERR_NOMEM;
	return 0;
}

/* When the first line was written that no witness has cosigned. */
static int first_unwitnessed(const struct finding *f, const struct cmd_status_journal *j,
			     int64_t *ms)
{
	const struct station *s = f->st->s;
	struct ledger_journal l;
	struct db_txn *t = NULL;
	struct text_span line;
	struct event ev;
	struct pick *p = NULL;
	uint64_t off;
	int rc = db_begin(&t, s->db, false, f->e);

	if (rc == 0)
		rc = ledger_get_journal(NULL, t, j->node, &l, f->e);
	db_abort(t);
	if (rc == 0)
		rc = pick_open(&p, s->db, s->archive->journal, &l, f->e);
	if (rc == 0)
		rc = pick_line(p, j->cosigned, NULL, &line, &off, f->e);
	if (rc == 0 && event_parse(&ev, line) == 0)
		*ms = ev.time_ms;
	else if (rc == 0 || rc == ERR_DAMAGED)
		*ms = 0, rc = 0; /* verify tells; until then it is as old as can be */
	pick_close(p);
	return rc;
}

/* Where archive.txt names no witness none is missed. */
static int find_unwitnessed(struct finding *f)
{
	const struct cmd_status *st = f->st;

	for (size_t i = 0; st->s->archive->desc.witnesses && i < st->journals; i++) {
		const struct cmd_status_journal *j = &st->journal[i];
		int64_t ms = 0, age;
		char old[32];
		int rc;

		if (j->cosigned >= j->indexed)
			continue;
		rc = first_unwitnessed(f, j, &ms);
		if (rc)
			return rc;
		age = st->gate.now_ms - ms;
		if (age <= f->l->unwitnessed_ms)
			continue;
		rc = of_node(raise_alarm(f, "unwitnessed", (uint64_t)age / 1000,
					 (uint64_t)f->l->unwitnessed_ms / 1000,
					 "the log of %s has %" PRIu64
					 " lines that no witness has cosigned, the first %s old: "
					 "run 'custody checkpoint --for-witness', and have it "
					 "cosigned",
					 j->name, j->indexed - j->cosigned, lasting(old, age)),
			     j->node);
		if (rc)
			return rc;
	}
	return 0;
}

static int find_refusals(struct finding *f)
{
	const struct cmd_status *st = f->st;
	struct cmd_notice quiet = {ui_ignore, NULL, 0};
	struct cmd_ask ask = CMD_ASK_ALL;
	const struct cmd_merge_line *line;
	struct cmd_merge *m;
	char in[32];
	uint64_t n = 0;
	int rc;

	ask.types = ask.type[EVENT_REFUSED] = true;
	ask.from_ms = st->gate.now_ms - f->l->refusal_span_ms;
	rc = cmd_merge_open(&m, st->s->archive, st->s->roster, st->s->db, &ask, f->e);
	while (rc == 0 && (line = cmd_merge_next(m, &quiet))) {
		if (__builtin_add_overflow(n, line->ev.count, &n))
			n = UINT64_MAX;
	}
	if (rc == 0)
		rc = cmd_merge_failed(m, f->e);
	cmd_merge_close(m);
	if (rc == 0 && n > f->l->refusals &&
	    !raise_alarm(f, "refusals", n, f->l->refusals,
			 "%" PRIu64 " refusals in the last %s: run 'custody log --type refused'", n,
			 lasting(in, f->l->refusal_span_ms)))
		rc = ERR_NOMEM;
	return rc;
}

static int find_clock(struct finding *f)
{
	const struct cmd_status *st = f->st;
	const uint8_t *self = node_identity(st->s->node)->pub.id;

	for (size_t i = 0; i < st->journals; i++) {
		const struct cmd_status_journal *j = &st->journal[i];
		bool own = memcmp(j->node, self, 16) == 0;
		int64_t slack = own ? CLOCK_SLACK_MS : CLOCK_SLACK_OTHER_MS;
		int64_t behind = j->last_ms - st->gate.now_ms;

		if (behind > slack &&
		    of_node(raise_alarm(f, "clock", (uint64_t)behind / 1000, (uint64_t)slack / 1000,
					"this host's clock is %" PRId64
					" seconds behind the log of %s: set the clock%s",
					behind / 1000, j->name,
					own ? "; nothing opens until then" :
					      " of whichever is wrong"),
			    j->node))
			return ERR_NOMEM;
	}
	return 0;
}

static int find_ending(void *ctx, struct release *r)
{
	struct finding *f = ctx;
	const struct authorisation *a = release_terms(r);
	const int64_t left = a->not_after_ms - f->st->gate.now_ms;
	struct cmd_alarm *alarm;
	char in[32];

	if (release_ended(r) || left < 0 || left > f->l->ending_ms)
		return 0;
	alarm = raise_alarm(f, "ending", (uint64_t)left / 1000, (uint64_t)f->l->ending_ms / 1000,
			    "an authorisation of case %.100s ends in %s", a->case_no,
			    lasting(in, left));
	if (!alarm)
		return ERR_NOMEM;
	alarm->has_document = true;
	memcpy(alarm->document, a->serial, 16);
	return 0;
}

/* One that is not what it should be; 0 or ERR_NOMEM. */
static int find_transfer(struct finding *f, const struct transfer *t)
{
	const int64_t since = t->released_ms ? t->released_ms : t->release.issued_ms;
	const int64_t age = f->st->gate.now_ms - since;
	struct cmd_alarm *a;
	char ago[32];

	if (t->received && !t->receipt.match)
		a = raise_alarm(f, "transfer-mismatch", 1, 0,
				"of the transfer to %.100s not all arrived as it was released: run "
				"'custody transfer list'",
				t->release.to);
	else if (!t->received && age > f->l->unreceived_ms)
		a = raise_alarm(f, "transfer-open", (uint64_t)age / 1000,
				(uint64_t)f->l->unreceived_ms / 1000,
				"the transfer to %.100s was released %s ago, and is not received: "
				"ask there",
				t->release.to, lasting(ago, age));
	else
		return 0;
	if (!a)
		return ERR_NOMEM;
	a->has_document = true;
	memcpy(a->document, t->release.serial, 16);
	return 0;
}

static int find_transfers(struct finding *f)
{
	const struct transfers *all = &f->st->transfers;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < all->n; i++)
		rc = find_transfer(f, &all->list[i]);
	if (rc == 0 && all->lost &&
	    !raise_alarm(f, "transfer-lost", all->lost, 0,
			 "documents/ lacks %zu document%s of transfers that were admitted: run "
			 "'custody verify'",
			 all->lost, ui_s(all->lost)))
		rc = ERR_NOMEM;
	return rc;
}

static int find_enrolment(struct finding *f)
{
	const struct cmd_status *st = f->st;
	const struct identity_public *id = &node_identity(st->s->node)->pub;
	const struct roster_node *self = roster_find(st->s->roster, id->id);
	int64_t left;

	if (self && self->revoked)
		return of_node(raise_alarm(f, "enrolment", 0, 0,
					   "this node's enrolment was revoked: it can do nothing"),
			       id->id);
	if (!self || !self->not_after_ms)
		return 0;
	left = self->not_after_ms - st->gate.now_ms;
	if (left > f->l->enrolment_ms)
		return 0;
	return of_node(raise_alarm(f, "enrolment", left < 0 ? 0 : (uint64_t)left / 1000,
				   (uint64_t)f->l->enrolment_ms / 1000,
				   left < 0 ? "this node's enrolment has ended %" PRId64
					      " days ago: have it enrolled anew" :
					      "this node's enrolment ends in %" PRId64
					      " days: have it enrolled anew",
				   (left < 0 ? -left : left) / DAY),
		       id->id);
}

int cmd_alarm_find(struct cmd_alarms *out, const struct cmd_status *st,
		   const struct cmd_alarm_limits *l, struct err *e)
{
	struct finding f = {.out = out, .st = st, .l = l, .e = e};
	int rc = find_damage(&f);

	if (rc == 0)
		rc = find_unwitnessed(&f);
	if (rc == 0)
		rc = find_refusals(&f);
	if (rc == 0)
		rc = find_clock(&f);
	if (rc == 0)
		rc = release_each(st->gate.releases, find_ending, &f);
	if (rc == 0)
		rc = find_transfers(&f);
	return rc ? rc : find_enrolment(&f);
}

void cmd_alarm_free(struct cmd_alarms *a)
{
	free(a->list);
	*a = (struct cmd_alarms){0};
}

/* ---- showing ---- */

void cmd_alarm_print(const struct cmd_alarms *a)
{
	for (size_t i = 0; i < a->n; i++) {
		printf("ALARM      %-11s  ", a->list[i].id);
		ui_put_name(a->list[i].text, strlen(a->list[i].text));
		putchar('\n');
	}
}

void cmd_alarm_json(const struct cmd_alarms *a, struct ui_json *j)
{
	ui_json_begin(j, "alarms", '[');
	for (size_t i = 0; i < a->n; i++) {
		const struct cmd_alarm *k = &a->list[i];

		ui_json_begin(j, NULL, '{');
		ui_json_text(j, "id", k->id);
		if (k->has_node)
			ui_json_id(j, "node", k->node);
		if (k->has_document)
			ui_json_id(j, "document", k->document);
		ui_json_number(j, "value", k->value);
		ui_json_number(j, "limit", k->limit);
		ui_json_text(j, "text", k->text);
		ui_json_end(j, '}');
	}
	ui_json_end(j, ']');
}
