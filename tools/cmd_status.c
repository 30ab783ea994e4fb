// SPDX-License-Identifier: Apache-2.0
/* custody status: what an operator needs at a glance. */
#include "tools/cmd_status.h"
#include "tools/cmd_status_damage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cosigned.h"
#include "tools/cmd_alarm.h"
#include "tools/cmd_merge.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

#define ALARM 8 /* the exit code of --check, of no other use */

static const char help[] =
	"Usage: custody status ARCHIVE [OPTION]...\n"
	"Show the node and its role, the archive, all journals and how far they are checked, what is in\n"
	"custody, releases and when they end, what needs attention, and alarms.\n"
	"\n"
	"      --check            exit with 8 if an alarm stands\n"
	"      --alarms-only      show nothing but alarms\n"
	"      --prometheus       metrics, in the text format of Prometheus\n"
	"      --max-unwitnessed SPAN\n"
	"                         how old a line may be that no witness has cosigned, where the archive has\n"
	"                         witnesses (2d)\n"
	"      --max-refusals N/SPAN\n"
	"                         how many refusals there may be in a time (100/1h)\n"
	"      --max-unreceived SPAN\n"
	"                         how long a transfer may be open (7d)\n"
	"      --ending SPAN      when a release of this node is about to end (15m)\n"
	"      --enrolment-ending SPAN\n"
	"                         when this node's enrolment is (14d)\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"A SPAN is 90s, 30m, 2h or 3d. -q prints nothing: the exit code is the answer.\n"
	"A node that was revoked, or whose enrolment has expired, is shown as such.\n"
	"Exit codes: 0 done, 1 system or index, 2 usage, 3 key or passphrase, 4 the log tells of damage\n"
	"that was not repaired since, or is itself forged or shortened, 7 not enrolled, 8 --check: an\n"
	"alarm stands.\n";

static void gather_journal(struct cmd_status *st, const struct ledger_journal *l,
			   struct cmd_status_journal *j)
{
	const struct archive *a = st->s->archive;
	const struct roster_node *who = roster_find(st->s->roster, l->node), *heir;
	struct note_checkpoint cp;
	struct cosigned c;
	struct stat sb;
	char name[48];

	memcpy(j->node, l->node, 16);
	cmd_node_name(j->name, st->s->roster, l->node);
	heir = roster_replacement(st->s->roster, l->node);
	if (heir) {
		memcpy(j->heir_id, heir->pub.id, 16);
		cmd_node_name(j->heir, st->s->roster, heir->pub.id);
	}
	j->indexed = l->state.range.size;
	j->last_ms = l->last_ms;
	text_hex(name, l->node, 16);
	strcat(name, ".jsonl");
	if (fstatat(a->journal, name, &sb, AT_SYMLINK_NOFOLLOW) == 0)
		j->bytes = (uint64_t)sb.st_size;
	j->behind = j->bytes > l->state.bytes ? j->bytes - l->state.bytes : 0;
	if (who && journal_read_checkpoint(a->journal, a->desc.id, &who->pub, &cp, NULL, NULL) == 0)
		j->covered = cp.size;
	if (who && cosigned_read(&c, NULL, a, &who->pub, NULL) == 0) {
		j->cosigned = c.cp.size;
		j->cosigned_ms = cosigned_ms(&c);
	}
}

static int count_pending(void *ctx, const uint8_t item[16], uint32_t journal, uint64_t seq)
{
	uint64_t *n = ctx;

	(void)item, (void)journal, (void)seq;
	++*n;
	return 0;
}

static int count_open(void *ctx, const struct ledger_accession *a)
{
	uint64_t *n = ctx;

	*n += a->closed_ms == 0;
	return 0;
}

static int gather_index(struct cmd_status *st, struct ledger_journal **list, size_t *n,
			struct err *e)
{
	struct db_txn *t = NULL;
	int rc = db_begin(&t, st->s->db, false, e);

	if (rc == 0)
		rc = object_totals(t, &st->totals, e);
	if (rc == 0)
		rc = ledger_pending(t, NULL, count_pending, &st->pending, e);
	if (rc == 0)
		rc = ledger_accessions(t, count_open, &st->open_accessions, e);
	if (rc == 0)
		rc = ledger_journals(t, list, n, e);
	db_abort(t);
	st->index_bytes = db_file_bytes(st->s->db);
	return rc;
}

int cmd_status_gather(struct cmd_status *st, struct err *e)
{
	struct ledger_journal *list = NULL;
	size_t n = 0;
	int rc = gather_index(st, &list, &n, e);

	if (rc == 0) {
		st->journal = calloc(n + 1, sizeof(*st->journal));
		rc = st->journal ? 0 : err_set(e, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; rc == 0 && i < n; i++) {
		gather_journal(st, &list[i], &st->journal[i]);
		st->journals = i + 1;
	}
	if (rc == 0)
		rc = cmd_status_damage(st, e);
	for (size_t i = 0; i < roster_count(st->s->roster); i++) {
		st->nodes++;
		st->revoked += roster_at(st->s->roster, i)->revoked;
	}
	free(list);
	st->mounted = mountlock_holder(st->s->home->dir, &st->mount, NULL) == 0;
	if (rc == 0)
		rc = transfer_list(&st->transfers, st->s->archive, st->s->roster, st->s->db, e);
	return rc;
}

void cmd_status_free(struct cmd_status *st)
{
	transfers_free(&st->transfers);
	free(st->journal);
	st->journal = NULL;
}

/* A node that was revoked or has expired may see how it stands; one that never was in may not. */
static int check_enrolled(const struct cmd_status *st, struct err *e)
{
	const struct station *s = st->s;

	if (s->home->roles && roster_find(s->roster, node_identity(s->node)->pub.id))
		return 0;
	return err_set(e, ERR_NOT_ENROLLED,
		       "this node is not enrolled in the archive yet: import its enrolment "
		       "(custody import)");
}

struct ask {
	struct ui *ui;
	const char *archive;
	bool check, alarms_only, metrics;
	struct cmd_alarm_limits limits;
};

/* -1 to go on, else the exit code. */
static int parse(struct ask *a, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      CMD_ALARM_OPTIONS,
					      {"check", 0, NULL, 'c'},
					      {"alarms-only", 0, NULL, 'a'},
					      {"prometheus", 0, NULL, 'p'},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(a->ui, argc, argv, VERB_SHORT, longs, help, &code)) >= 0) {
		code = cmd_alarm_option(&a->limits, a->ui, c, optarg);
		if (code > 0)
			return code;
		a->check |= c == 'c';
		a->alarms_only |= c == 'a';
		a->metrics |= c == 'p';
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(a->ui, argc, 1, 1, "one ARCHIVE");
	a->archive = argv[optind];
	if (!code && a->metrics && (a->ui->json || a->alarms_only))
		code = ui_usage(a->ui, "--prometheus goes with neither --json nor --alarms-only");
	return code ? code : -1;
}

static void show(const struct ask *a, const struct cmd_status *st, const struct cmd_alarms *alarms)
{
	struct ui_json j = {0};

	if (!a->ui->json && a->ui->quiet)
		return;
	if (a->metrics) {
		cmd_status_metrics(st, alarms);
	} else if (a->ui->json && a->alarms_only) {
		ui_json_begin(&j, NULL, '{');
		cmd_alarm_json(alarms, &j);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	} else if (a->ui->json) {
		cmd_status_json(st, alarms);
	} else {
		if (!a->alarms_only)
			cmd_status_print(st);
		cmd_alarm_print(alarms);
	}
}

int cmd_status(struct ui *ui, int argc, char **argv)
{
	struct ask a = {.ui = ui, .limits = cmd_alarm_defaults};
	struct cmd_alarms alarms = {0};
	struct cmd_status st = {0};
	struct err e = {0};
	int rc = parse(&a, argc, argv), code;

	if (rc >= 0)
		return rc;
	rc = cmd_open(&st.s, ui, a.archive, STATION_NO_JOURNAL | STATION_UNENROLLED, &e);
	if (rc == 0)
		rc = check_enrolled(&st, &e);
	if (rc == 0)
		rc = cmd_gate_open(&st.gate, st.s, getuid(), ui, &e);
	if (rc == 0)
		rc = cmd_status_gather(&st, &e);
	if (rc == 0)
		rc = cmd_alarm_find(&alarms, &st, &a.limits, &e);
	if (rc == 0)
		show(&a, &st, &alarms);
	code = st.damaged ? err_exit(ERR_DAMAGED) : a.check && alarms.n ? ALARM : 0;
	cmd_alarm_free(&alarms);
	cmd_gate_close(&st.gate);
	cmd_status_free(&st);
	rc = cmd_close(st.s, rc, &e);
	return rc < 0 ? ui_fail(ui, rc, &e) : code;
}
