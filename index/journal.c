/* SPDX-License-Identifier: Apache-2.0 */
#include "index/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/file.h"
#include "index/journal_internal.h"

#define CLOCK_SLACK_MS 2000

/* One waiting journal_append(), on its thread's stack. */
struct journal_wait {
	struct event *ev;
	size_t n;
	int rc;
	struct err e;
	bool done;
	struct journal_wait *next;
};

/* ---- whose turn it is ---- */

/* The turn is ours when nobody has it. j->lock is held. */
static void take_turn(struct journal *j)
{
	while (j->taken)
		pthread_cond_wait(&j->turn_over, &j->lock);
	j->taken = true;
}

static void end_turn(struct journal *j)
{
	j->seen = j->now;
	j->taken = false;
	pthread_cond_broadcast(&j->turn_over);
}

/* ---- appending ---- */

/* w stays in the queue until it is done. j->lock is held. */
static void enqueue(struct journal *j, struct journal_wait *w)
{
	*j->last = w;
	j->last = &w->next;
}

/* All events of one caller, or none. */
static int format_all(struct journal *j, struct journal_start *next, struct journal_wait *w)
{
	const struct journal_start before = *next;
	const size_t start = j->out.n;

	for (size_t i = 0; i < w->n; i++) {
		int rc = journal_format(j, next, &w->ev[i]);

		if (rc) {
			*next = before;
			j->out.n = start;
			return err_set(&w->e, rc, "event %zu can't be logged: %s", i, err_text(rc));
		}
	}
	return 0;
}

/* Write what all of the batch wait for. */
static void commit(struct journal *j, struct journal_wait *batch)
{
	struct journal_start next;
	struct err e = {0};
	int rc;

	rc = journal_lock(j, &e);
	if (rc == 0) {
		next = j->now;
		wire_out_reset(&j->out);
		for (struct journal_wait *w = batch; w; w = w->next)
			w->rc = format_all(j, &next, w);
		rc = journal_store(j, &next, &e);
		journal_unlock(j);
	}
	for (struct journal_wait *w = batch; rc && w; w = w->next) {
		if (w->rc)
			continue;
		w->rc = rc;
		w->e = e;
	}
}

int journal_append(struct journal *j, struct event *ev, size_t n, struct err *e)
{
	struct journal_wait w = {.ev = ev, .n = n}, *batch, *next;

	if (n == 0)
		return 0;
	pthread_mutex_lock(&j->lock);
	enqueue(j, &w);
	while (!w.done && j->taken)
		pthread_cond_wait(&j->turn_over, &j->lock);
	if (!w.done) {
		/* Nobody writes, and w waits: everybody who waits is written with it. */
		take_turn(j);
		batch = j->first;
		j->first = NULL;
		j->last = &j->first;
		pthread_mutex_unlock(&j->lock);
		commit(j, batch);
		pthread_mutex_lock(&j->lock);
		for (; batch; batch = next) {
			next = batch->next; /* its owner may go once it is done */
			batch->done = true;
		}
		end_turn(j);
	}
	pthread_mutex_unlock(&j->lock);
	if (w.rc && e)
		*e = w.e;
	return w.rc;
}

int journal_checkpoint(struct journal *j, struct err *e)
{
	struct err here = {0};
	int rc;

	pthread_mutex_lock(&j->lock);
	take_turn(j);
	pthread_mutex_unlock(&j->lock);
	rc = journal_lock(j, &here);
	if (rc == 0) {
		rc = journal_sign(j, &here);
		journal_unlock(j);
	}
	pthread_mutex_lock(&j->lock);
	end_turn(j);
	pthread_mutex_unlock(&j->lock);
	if (rc && e)
		*e = here;
	return rc;
}

void journal_state(struct journal *j, struct journal_start *out)
{
	pthread_mutex_lock(&j->lock);
	*out = j->seen;
	pthread_mutex_unlock(&j->lock);
}

int journal_clock(struct journal *j, int64_t now_ms)
{
	int64_t last;

	pthread_mutex_lock(&j->lock);
	last = j->seen.last_ms;
	pthread_mutex_unlock(&j->lock);
	return now_ms < last - CLOCK_SLACK_MS ? ERR_CLOCK : 0;
}

/* ---- opening and closing ---- */

/* True if the node has logged before, as far as can be told without the journal. */
static bool had_journal(const struct journal *j)
{
	char name[JOURNAL_FILE_NAME];
	struct stat st;

	journal_file_name(name, j->id->pub.id, "checkpoint");
	return j->now.state.bytes > 0 || fstatat(j->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Open the file, or make an empty one when there never was any. */
static int open_file(struct journal *j, struct err *e)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	struct stat st;

	j->fd = openat(j->dirfd, j->name, flags);
	if (j->fd < 0 && errno == ENOENT) {
		if (had_journal(j))
			return err_set(e, ERR_ROLLBACK,
				       "%s is missing, but this node has logged before", j->name);
		j->fd = openat(j->dirfd, j->name, flags | O_CREAT | O_EXCL, JOURNAL_MODE);
		if (j->fd < 0 && errno == EEXIST) /* another process was faster */
			j->fd = openat(j->dirfd, j->name, flags);
	}
	if (j->fd < 0)
		return err_sys(e, "can't open %s for writing, and the custody log must be writable",
			       j->name);
	if (fstat(j->fd, &st) != 0)
		return err_sys(e, "can't stat %s", j->name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_MALFORMED, "%s is not a regular file", j->name);
	return 0;
}

static int open_lock(struct journal *j, int homefd, struct err *e)
{
	j->lockfd = openat(homefd, JOURNAL_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return j->lockfd < 0 ? err_sys(e, "can't open " JOURNAL_LOCK " of the node") : 0;
}

/* The first line. The directory first: a line must not be durable in a file that has no name. */
static int start(struct journal *j, struct err *e)
{
	struct journal_start next = j->now;
	int rc;

	rc = file_sync_dir(j->dirfd, e);
	if (rc)
		return rc;
	wire_out_reset(&j->out);
	rc = journal_format_started(j, &next);
	if (rc)
		return err_set(e, rc, "%s: %s", j->name, err_text(rc));
	return journal_store(j, &next, e);
}

/* Bring j up to what the file holds. */
static int load(struct journal *j, int homefd, struct err *e)
{
	int rc;

	rc = open_lock(j, homefd, e);
	if (rc == 0)
		rc = open_file(j, e);
	if (rc == 0)
		rc = file_lock(j->lockfd, true, true, e);
	if (rc)
		return rc;
	rc = journal_recover(j, e);
	if (rc == 0 && j->now.state.range.size == 0)
		rc = start(j, e);
	/* A process that died may have left lines that are not on disk yet: who reads them from us
	 * acts on them. */
	if (rc == 0 && j->unsynced)
		rc = journal_sync(j, e);
	journal_unlock(j);
	j->seen = j->now;
	return rc;
}

static void release(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	if (j->lockfd >= 0)
		close(j->lockfd);
	pthread_cond_destroy(&j->turn_over);
	pthread_mutex_destroy(&j->lock);
	wire_out_free(&j->out);
	free(j);
}

int journal_open(struct journal **out, int dirfd, int homefd, const uint8_t archive_id[16],
		 const struct identity *id, const struct journal_start *from, struct err *e)
{
	struct journal *j = calloc(1, sizeof(*j));
	struct err here = {0};
	int rc;

	*out = NULL;
	if (!j)
		return err_set(e, ERR_NOMEM, "out of memory");
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->turn_over, NULL);
	j->last = &j->first;
	j->dirfd = dirfd;
	j->fd = j->lockfd = -1;
	j->id = id;
	j->now = *from;
	memcpy(j->archive, archive_id, sizeof(j->archive));
	journal_file_name(j->name, id->pub.id, "jsonl");
	journal_origin(j->origin, archive_id, id->pub.id);
	rc = load(j, homefd, &here);
	if (rc) {
		release(j);
		if (e)
			*e = here;
		return rc;
	}
	*out = j;
	return 0;
}

int journal_close(struct journal *j, struct err *e)
{
	int rc;

	if (!j)
		return 0;
	rc = journal_checkpoint(j, e);
	release(j);
	return rc;
}
