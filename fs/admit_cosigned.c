/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/admit_cosigned.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs/admit_check.h"
#include "fs/catchup.h"
#include "fs/cosigned.h"
#include "fs/receipt.h"
#include "index/file.h"
#include "index/ledger.h"
#include "index/line.h"

struct admission {
	struct station *s;
	struct text_span note;
	const struct roster_node *node;
	struct cosigned now, had; /* had.n 0: none lies beside the journal */
	struct wire_out had_note;
	uint32_t uid;
	const char *user;
};

/* The node that the note's first line names. */
static int find_node(struct admission *a, struct err *e)
{
	struct text_in in = text_in_init(a->note.p, a->note.n);
	char origin[NOTE_NAME_MAX];
	struct text_span line;
	uint8_t node[16];

	if (!text_line(&in, &line) || line.n < 33 || line.n >= sizeof(origin) ||
	    !text_unhex((struct text_span){line.p + line.n - 32, 32}, node, 16))
		return err_set(e, ERR_MALFORMED, "it is not a checkpoint of a node's log");
	journal_origin(origin, a->s->archive->desc.id, node);
	if (!text_is(line, origin))
		return err_set(e, ERR_WRONG_ARCHIVE, "it is for another archive");
	a->node = roster_find(a->s->roster, node);
	return a->node ? 0 : err_set(e, ERR_NOT_ENROLLED, "the node of the log is not enrolled");
}

/* Only a reader knows the logs of other nodes. */
static int check_here(const struct admission *a, struct err *e)
{
	if ((a->s->home->roles & ROSTER_READER) ||
	    memcmp(a->node->pub.id, node_identity(a->s->node)->pub.id, 16) == 0)
		return 0;
	return err_set(
		e, ERR_ROLE,
		"it is of the log of %s, which this node does not follow: import it there, or "
		"at a reader",
		a->node->name);
}

/* When the last line was written that the checkpoint has. */
static int last_line_ms(const struct admission *a, int64_t *ms, struct err *e)
{
	struct tree_reader r = {.size = a->now.cp.size};
	struct ledger_journal j = {.number = 0};
	struct wire_out line = {0};
	struct event ev;
	int rc = db_begin(&r.txn, a->s->db, false, e);

	if (rc == 0)
		rc = ledger_get_journal(NULL, r.txn, a->node->pub.id, &j, e);
	r.journal = j.number;
	if (rc == 0)
		rc = line_read(&r, a->s->archive->journal, a->node->pub.id, r.size - 1, &line, e);
	if (rc == 0 && event_parse(&ev, (struct text_span){(const char *)line.p, line.n}) != 0)
		rc = err_set(e, ERR_DAMAGED, "a line of the log is no event: run 'custody verify'");
	*ms = rc ? 0 : ev.time_ms;
	db_abort(r.txn);
	wire_out_free(&line);
	return rc;
}

/* A time that can't be would stay beside the log, and be in every receipt. */
static int check_times(const struct admission *a, struct err *e)
{
	int64_t last, now;
	int rc = a->now.cp.size ? last_line_ms(a, &last, e) : 0;

	if (rc || a->now.cp.size == 0)
		return rc;
	rc = station_now(a->s, &now, e);
	for (size_t i = 0; rc == 0 && i < a->now.n; i++) {
		const uint64_t at = a->now.by[i].time;
		const char *who = a->s->archive->desc.witness[a->now.by[i].witness].name;

		if (at > INT64_MAX / 1000 || (int64_t)at * 1000 > now + RECEIPT_CLOCK_MS)
			rc = err_set(e, ERR_CLOCK,
				     "%s has cosigned it in the future: set its clock right", who);
		else if ((int64_t)at * 1000 + RECEIPT_CLOCK_MS < last)
			rc = err_set(e, ERR_CLOCK,
				     "%s has cosigned it before its last line was written: set its "
				     "clock right",
				     who);
	}
	return rc;
}

static int check(struct admission *a, struct err *e)
{
	int rc = find_node(a, e);

	if (rc == 0)
		rc = cosigned_check(&a->now, a->note, &a->s->archive->desc, &a->node->pub, e);
	if (rc == 0 && a->now.n == 0)
		rc = err_set(e, ERR_WRONG_KEY,
			     "no witness that archive.txt names has cosigned this checkpoint: where a "
			     "witness was given a new key, import the newer archive.txt first");
	if (rc == 0)
		rc = check_here(a, e);
	if (rc == 0)
		rc = admit_check_checkpoint(a->s, &a->now.cp, e);
	/* The witness's word against this archive's: no mere refusal. */
	if (rc == ERR_CHECKPOINT)
		rc = err_set(e, ERR_ROLLBACK,
			     "the log %s is not the one that was cosigned with %" PRIu64
			     " events: this archive was turned back or forked, or is an older copy",
			     a->now.cp.origin, a->now.cp.size);
	return rc ? rc : check_times(a, e);
}

/* What lies there. Something that is not good is as nothing: it is replaced. */
static int read_had(struct admission *a, struct err *e)
{
	int rc = cosigned_read(&a->had, &a->had_note, a->s->archive, &a->node->pub, e);

	if (rc == ERR_NOMEM || rc == ERR_SYSTEM)
		return rc;
	if (rc)
		a->had.n = 0;
	return 0;
}

/* Has this witness cosigned as much, and as late, already? */
static bool is_known(const struct admission *a, const struct cosigned_by *by)
{
	if (a->had.n == 0 || a->had.cp.size < a->now.cp.size)
		return false;
	if (a->had.cp.size > a->now.cp.size)
		return true;
	for (size_t i = 0; i < a->had.n; i++)
		if (a->had.by[i].witness == by->witness && a->had.by[i].time >= by->time)
			return true;
	return false;
}

static int log_event(const struct admission *a, const struct cosigned_by *by, struct err *e)
{
	struct event ev = {
		.type = EVENT_COSIGNED, .size = a->now.cp.size, .stamp = by->time, .uid = a->uid};

	memcpy(ev.log, a->node->pub.id, 16);
	memcpy(ev.root, a->now.cp.root, 32);
	snprintf(ev.witness, sizeof(ev.witness), "%s",
		 a->s->archive->desc.witness[by->witness].name);
	snprintf(ev.user, sizeof(ev.user), "%s", a->user);
	return journal_append(a->s->journal, &ev, 1, e);
}

/* The new note; with the lines of other witnesses of the same checkpoint, if they are there. */
static int store(const struct admission *a, struct err *e)
{
	struct text_span had = {(const char *)a->had_note.p, a->had_note.n};
	bool same = a->had.n && a->had.cp.size == a->now.cp.size;
	struct wire_out both = {0};
	int rc;

	if (!same)
		return cosigned_store(a->s->archive, a->node->pub.id, a->note, e);
	cosigned_merge(&both, a->note, had);
	rc = wire_out_ok(&both) ?
		     cosigned_store(a->s->archive, a->node->pub.id,
				    (struct text_span){(const char *)both.p, both.n}, e) :
		     err_set(e, ERR_NOMEM, "out of memory");
	wire_out_free(&both);
	return rc;
}

/* Journal, then store. Another node may be at the same file. */
static int take(struct admission *a, struct admit_result *r, bool *beyond, struct err *e)
{
	struct catchup_result caught;
	int lock = openat(a->s->archive->journal, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = lock < 0 ? err_sys(e, "can't open the journals") : file_lock(lock, true, true, e);

	if (rc == 0)
		rc = read_had(a, e);
	r->already = rc == 0;
	for (size_t i = 0; rc == 0 && i < a->now.n; i++) {
		if (is_known(a, &a->now.by[i]))
			continue;
		r->already = false;
		rc = log_event(a, &a->now.by[i], e);
	}
	*beyond = true;
	if (rc == 0 && !r->already)
		rc = store(a, e);
	if (lock >= 0)
		close(lock);
	if (rc == 0 && !r->already)
		rc = journal_checkpoint(a->s->journal, e);
	if (rc == 0 && !r->already)
		rc = catchup_run(a->s, 0, &caught, NULL, NULL, e);
	return rc;
}

int admit_cosigned(struct station *s, struct text_span note, uint32_t uid, const char *user,
		   struct admit_result *r, bool *beyond, struct err *e)
{
	struct admission a = {.s = s, .note = note, .uid = uid, .user = user};
	int rc = check(&a, e);

	r->kind = "cosignature";
	if (rc == 0) {
		memcpy(r->node, a.node->pub.id, 16);
		r->size = a.now.cp.size;
		r->cosigned_ms = cosigned_ms(&a.now);
		rc = take(&a, r, beyond, e);
	}
	wire_out_free(&a.had_note);
	return rc;
}
