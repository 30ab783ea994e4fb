// SPDX-License-Identifier: Apache-2.0
/* custody status: what an operator needs at a glance. */
#include "tools/cmd_status.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cosigned.h"
#include "tools/verb.h"

static const char help[] =
	"Usage: custody status ARCHIVE\n"
	"Show the node and its role, the archive, all journals and how far they are checked, what is in\n"
	"custody, releases and when they end, and what needs attention.\n"
	"\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"-q prints nothing: the exit code is the answer.\n"
	"A node that was revoked, or whose enrolment has expired, is shown as such.\n"
	"Exit codes: 0 done, 1 system or index, 2 usage, 3 key or passphrase, 4 the log tells of damage,\n"
	"or is itself forged or shortened, 7 not enrolled.\n";

/* How many `damaged` events a journal has. They are rare, so most lines need not be parsed. */
static int count_damaged(const struct archive *a, const uint8_t node[16], uint64_t *n,
			 struct err *e)
{
	static const char mark[] = "\"type\":\"damaged\"";
	struct journal_reader *r = NULL;
	struct text_span line;
	uint64_t off;
	int rc = journal_reader_open(&r, a->journal, node, 0, e);

	*n = 0;
	while (rc == 0) {
		rc = journal_reader_next(r, &line, &off, e);
		if (rc == 0 && memmem(line.p, line.n, mark, sizeof(mark) - 1))
			++*n;
	}
	journal_reader_close(r);
	/* a last line without its end may just be being written */
	return rc == ERR_NOTFOUND || rc == ERR_MALFORMED ? 0 : rc;
}

static int gather_journal(struct cmd_status *st, const struct ledger_journal *l,
			  struct cmd_status_journal *j, struct err *e)
{
	const struct archive *a = st->s->archive;
	const struct roster_node *who = roster_find(st->s->roster, l->node);
	struct note_checkpoint cp;
	struct cosigned c;
	struct stat sb;
	char name[48];

	memcpy(j->node, l->node, 16);
	cmd_node_name(j->name, st->s->roster, l->node);
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
	return count_damaged(a, l->node, &j->damaged, e);
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
		rc = gather_journal(st, &list[i], &st->journal[i], e);
		st->damaged += st->journal[i].damaged;
		st->journals = i + 1;
	}
	for (size_t i = 0; i < roster_count(st->s->roster); i++) {
		st->nodes++;
		st->revoked += roster_at(st->s->roster, i)->revoked;
	}
	free(list);
	if (rc == 0)
		rc = transfer_list(&st->transfers, st->s->archive, st->s->db, e);
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

int cmd_status(struct ui *ui, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS, {NULL, 0, NULL, 0}};
	struct cmd_status st = {0};
	struct err e = {0};
	int c, code, rc;

	c = verb_option(ui, argc, argv, VERB_SHORT, longs, help, &code);
	if (c == VERB_STOP)
		return code;
	code = verb_operands(ui, argc, 1, 1, "one ARCHIVE");
	if (code)
		return code;
	rc = cmd_open(&st.s, ui, argv[optind], STATION_NO_JOURNAL | STATION_UNENROLLED, &e);
	if (rc == 0)
		rc = check_enrolled(&st, &e);
	if (rc == 0)
		rc = cmd_gate_open(&st.gate, st.s, getuid(), ui, &e);
	if (rc == 0)
		rc = cmd_status_gather(&st, &e);
	if (rc == 0 && ui->json)
		cmd_status_json(&st);
	else if (rc == 0 && !ui->quiet)
		cmd_status_print(&st);
	code = st.damaged ? err_exit(ERR_DAMAGED) : 0;
	cmd_gate_close(&st.gate);
	cmd_status_free(&st);
	rc = cmd_close(st.s, rc, &e);
	return rc < 0 ? ui_fail(ui, rc, &e) : code;
}
