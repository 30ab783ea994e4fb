/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "index/file.h"
#include "index/journal_internal.h"
#include "index/journal_mark.h"

int journal_kill(struct journal *j, struct err *e)
{
	j->dead = *e;
	return e->code;
}

int journal_lock(struct journal *j, struct err *e)
{
	int rc;

	if (j->dead.code)
		return err_set(e, j->dead.code, "%s", j->dead.text);
	rc = file_lock(j->lockfd, true, true, e);
	if (rc)
		return err_prefix(e, rc, JOURNAL_LOCK " of the node");
	rc = journal_catch_up(j, e);
	if (rc)
		journal_unlock(j);
	return rc;
}

void journal_unlock(struct journal *j)
{
	flock(j->lockfd, LOCK_UN);
}

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int journal_format(struct journal *j, struct journal_start *next, struct event *ev)
{
	int64_t now = clock_ms();
	size_t start = j->out.n, n;
	merkle_hash leaf;
	int rc;

	ev->seq = next->state.range.size;
	ev->time_ms = now > next->last_ms ? now : next->last_ms;
	if (ev->latest_ms && ev->time_ms > ev->latest_ms)
		return ERR_EXPIRED;
	if (ev->judged && (next->ended > ev->judged ||
			   (ev->metered && next->opened > ev->judged)))
		return ERR_REVOKED;
	rc = event_format(&j->out, ev, journal_key(j));
	if (rc == 0) {
		n = j->out.n - start;
		wire_out_u8(&j->out, '\n');
		rc = wire_out_ok(&j->out) ? 0 : ERR_NOMEM;
	}
	if (rc) {
		j->out.n = start;
		j->out.bad = false;
		return rc;
	}
	journal_note(next, ev);
	merkle_leaf(leaf, j->out.p + start, n);
	merkle_append(&next->state.range, leaf, NULL, NULL);
	next->state.bytes += n + 1;
	next->last_ms = ev->time_ms;
	return 0;
}

int journal_format_started(struct journal *j, struct journal_start *next)
{
	struct event ev = {.type = EVENT_STARTED, .version = CUSTODY_VERSION};

	memcpy(ev.archive, j->archive, sizeof(ev.archive));
	memcpy(ev.node, j->id->pub.id, sizeof(ev.node));
	return journal_format(j, next, &ev);
}

int journal_sync(struct journal *j, struct err *e)
{
	if (fdatasync(j->fd) == 0) {
		j->unsynced = false;
		return 0;
	}
	/* The kernel may have dropped the pages that it could not write and call them clean: what
	 * the file holds is not known any more, and asking again would answer yes. */
	err_sys(e, "%s can't be made durable, nothing is written to it any more", j->name);
	return journal_kill(j, e);
}

/* Take back what a failed write left. */
static int take_back(struct journal *j, struct err *e)
{
	int rc = e->code;

	if (ftruncate(j->fd, (off_t)j->now.state.bytes) == 0 && fdatasync(j->fd) == 0)
		return rc;
	err_sys(e, "%s has half a line that can't be removed, nothing is written to it any more",
		j->name);
	return journal_kill(j, e);
}

int journal_store(struct journal *j, const struct journal_start *next, struct err *e)
{
	int rc;

	if (j->out.n == 0)
		return 0;
	rc = file_pwrite(j->fd, j->out.p, j->out.n, j->now.state.bytes, e);
	if (rc) {
		err_prefix(e, rc, "%s", j->name);
		return take_back(j, e);
	}
	rc = journal_sync(j, e);
	if (rc) {
		/* Others had better not build on lines that were never acknowledged; dead we are in
		 * any case. */
		(void)!ftruncate(j->fd, (off_t)j->now.state.bytes);
		return rc;
	}
	j->now = *next;
	journal_mark_write(j->lockfd, &j->now.state);
	return 0;
}

int journal_sign(struct journal *j, struct err *e)
{
	struct note_key key = {.type = NOTE_ED25519};
	struct wire_out text = {0}, note = {0};
	char name[JOURNAL_FILE_NAME];
	struct note_checkpoint cp;
	int rc;

	if (j->signed_size == j->now.state.range.size)
		return 0;
	rc = journal_compare(j, &cp, e);
	if (rc == 0 && j->unsynced)
		rc = journal_sync(j, e);
	if (rc || j->signed_size == j->now.state.range.size)
		return rc;

	memcpy(key.name, j->origin, sizeof(key.name));
	memcpy(key.pk, j->id->pub.sign, sizeof(key.pk));
	memcpy(cp.origin, j->origin, sizeof(cp.origin));
	cp.size = j->now.state.range.size;
	merkle_root(cp.root, &j->now.state.range);
	note_checkpoint_text(&text, &cp);
	rc = wire_out_ok(&text) ?
		     note_sign(&note, (const char *)text.p, text.n, &key, j->id->sign) :
		     ERR_NOMEM;
	if (rc) {
		err_set(e, rc, "can't sign a checkpoint of %s: %s", j->name, err_text(rc));
		goto out;
	}
	journal_file_name(name, j->id->pub.id, "checkpoint");
	rc = file_replace(j->dirfd, name, note.p, note.n, JOURNAL_MODE, e);
	if (rc)
		goto out;
	j->anchor = j->now.state;
	j->signed_size = cp.size;
out:
	wire_out_free(&text);
	wire_out_free(&note);
	return rc;
}
