/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "fs/spool_internal.h"
#include "index/file.h"

/* However often it is told of, a folder is not looked at more often than so; and a big one is looked
 * at no longer than a tenth of the time. */
#define GAP_MS 250
#define GAP_TIMES 10
#define RESCAN_MS 60000u
#define RESCAN_NETWORK_MS 10000u
/* A file that can't be taken is tried again after the settling time, twice that, ... up to this. */
#define WRONG_MAX_MS 600000

void spool_sign_of(struct spool_sign *out, const struct stat *st)
{
	*out = (struct spool_sign){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
		.ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
	};
}

bool spool_sign_same(const struct spool_sign *a, const struct spool_sign *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* ---- opening ---- */

/* Where another host may write, of which this kernel is told nothing. */
static bool is_network(int fd)
{
	static const uint32_t types[] = {
		0x6969 /* NFS */,	0x517b /* SMB */,      0xff534d42 /* CIFS */,
		0xfe534d42 /* SMB2 */,	0x01021997 /* 9p */,   0x65735546 /* FUSE */,
		0x00c36400 /* Ceph */,	0x5346414f /* AFS */,  0x0bd00bd0 /* Lustre */,
		0x7461636f /* OCFS2 */, 0x01161970 /* GFS2 */,
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return true;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((uint32_t)fs.f_type == types[i])
			return true;
	return false;
}

static int copy_ask(struct spool *s, const struct spool_ask *ask, struct err *e)
{
	s->settle_ms = ask->settle_ms;
	s->hidden = ask->hidden;
	s->ignore = calloc(ask->ignores + 1, sizeof(*s->ignore));
	s->forbidden = calloc(ask->forbiddens + 1, sizeof(*s->forbidden));
	for (size_t i = 0; s->ignore && i < ask->ignores; i++) {
		s->ignore[i] = strdup(ask->ignore[i]);
		if (!s->ignore[i])
			return err_set(e, ERR_NOMEM, "out of memory");
		s->ignores++;
	}
	if (!s->ignore || !s->forbidden)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (; s->forbiddens < ask->forbiddens; s->forbiddens++)
		s->forbidden[s->forbiddens] = ask->forbidden[s->forbiddens];
	return 0;
}

static int open_folder(struct spool *s, const char *dir, struct err *e)
{
	int rc;

	s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0 && errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, "there is no folder %s", dir);
	if (s->dir < 0 && errno == ENOTDIR)
		return err_set(e, ERR_USAGE, "%s is no folder: only a folder can be watched", dir);
	if (s->dir < 0)
		return err_sys(e, "can't open the folder %s", dir);
	s->root = realpath(dir, NULL);
	if (!s->root)
		return err_sys(e, "can't open the folder %s", dir);
	rc = file_lock(s->dir, true, false, e);
	if (rc == ERR_BUSY)
		return err_set(e, rc, "the folder %s is being watched already", dir);
	return 0; /* some network folders know no locks */
}

int spool_open(struct spool **out, const struct spool_ask *ask, struct err *e)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct spool *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (!s)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->dir = s->inotify = -1;
	s->stirred = true;
	rc = copy_ask(s, ask, e);
	if (rc == 0)
		rc = open_folder(s, ask->dir, e);
	if (rc) {
		spool_close(s);
		return rc;
	}
	sigaction(SIGIO, &ignore, NULL);
	s->network = is_network(s->dir);
	s->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	s->deaf = s->inotify < 0;
	s->rescan_ms = ask->rescan_ms ? ask->rescan_ms : s->network ? RESCAN_NETWORK_MS : RESCAN_MS;
	*out = s;
	return 0;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->list.n; i++)
		free(s->list.p[i]);
	free(s->list.p);
	for (size_t i = 0; i < s->ignores; i++)
		free(s->ignore[i]);
	free(s->ignore);
	free(s->forbidden);
	free(s->root);
	if (s->inotify >= 0)
		close(s->inotify);
	if (s->dir >= 0)
		close(s->dir);
	free(s);
}

int spool_fd(const struct spool *s)
{
	return s->inotify;
}

bool spool_told(const struct spool *s)
{
	return !s->deaf && !s->network;
}

size_t spool_ready(const struct spool *s)
{
	return s->ready;
}

size_t spool_settling(const struct spool *s)
{
	return s->settling;
}

size_t spool_wrong(const struct spool *s)
{
	return s->wrong;
}

/* ---- looking ---- */

/* What inotify says does not matter, only that it does. */
static void hear(struct spool *s)
{
	char buf[8192];

	while (s->inotify >= 0 && read(s->inotify, buf, sizeof(buf)) > 0)
		s->stirred = true;
}

static int64_t gap(const struct spool *s)
{
	int64_t ms = GAP_TIMES * s->look_took_ms;

	return ms > GAP_MS ? ms : GAP_MS;
}

/* When the next file may have settled, or is to be tried again. */
static int64_t next_settled(const struct spool *s)
{
	int64_t ms = INT64_MAX;

	for (size_t i = 0; s->settling + s->wrong && i < s->list.n; i++) {
		const struct spool_entry *en = s->list.p[i];

		if (en->state == SPOOL_SETTLING && en->since_ms + s->settle_ms < ms)
			ms = en->since_ms + s->settle_ms;
	}
	return ms;
}

static void plan(struct spool *s)
{
	int64_t due = s->looked_ms + s->rescan_ms, settled = next_settled(s);

	if (settled < due)
		due = settled;
	if (s->stirred || due < s->looked_ms + gap(s))
		due = s->looked_ms + gap(s);
	s->due_ms = due;
}

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int spool_look(struct spool *s, int64_t now_ms, struct err *e)
{
	int64_t begun = clock_ms();
	bool first = s->due_ms == 0;
	int rc;

	hear(s);
	if (s->stirred)
		plan(s);
	if (now_ms < s->due_ms && !first)
		return 0;
	s->stirred = false;
	rc = spool_scan(s, now_ms, e);
	s->look_took_ms = clock_ms() - begun;
	s->looked_ms = now_ms + s->look_took_ms;
	plan(s);
	return rc;
}

int64_t spool_due(const struct spool *s)
{
	return s->due_ms;
}

/* ---- giving out ---- */

int spool_parent(const struct spool *s, const struct spool_entry *entry, char name[256])
{
	const char *p = entry->path, *slash;
	int fd = fcntl(s->dir, F_DUPFD_CLOEXEC, 0);

	for (; fd >= 0 && (slash = strchr(p, '/')); p = slash + 1) {
		int up = fd;

		snprintf(name, 256, "%.*s", (int)(slash - p), p);
		fd = openat(up, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(up);
	}
	if (fd >= 0 && snprintf(name, 256, "%s%s", entry->aside ? SPOOL_ASIDE : "", p) >= 256) {
		close(fd);
		errno = ENAMETOOLONG;
		return -1;
	}
	return fd;
}

/* Has somebody on this host the file open for writing? A lease is given only if not. */
static bool being_written(const struct spool *s, int fd)
{
	if (s->network)
		return false;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
		return errno == EAGAIN || errno == EWOULDBLOCK;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return false;
}

static int open_entry(const struct spool *s, const struct spool_entry *entry)
{
	char name[256];
	int dir = spool_parent(s, entry, name), fd;

	if (dir < 0)
		return -1;
	/* It may have become a FIFO, which must not be waited for. */
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	close(dir);
	return fd;
}

static void again(struct spool *s, struct spool_entry *entry, int64_t since_ms)
{
	entry->state = SPOOL_SETTLING;
	entry->since_ms = since_ms;
	if (entry->wrong)
		s->wrong++;
	else
		s->settling++;
	if (since_ms + s->settle_ms < s->due_ms)
		s->due_ms = since_ms + s->settle_ms;
}

static void wrong(struct spool *s, struct spool_entry *entry, int64_t now_ms)
{
	int64_t wait = (int64_t)s->settle_ms + 1;

	for (unsigned i = 0; i < entry->wrong && wait < WRONG_MAX_MS; i++)
		wait *= 2;
	entry->wrong++;
	again(s, entry, now_ms + (wait < WRONG_MAX_MS ? wait : WRONG_MAX_MS) - s->settle_ms);
}

/* Open a complete file: false if it is not the file that was looked at any more. */
static bool give_out(struct spool *s, struct spool_entry *entry, int64_t now_ms,
		     struct spool_file *f)
{
	struct spool_sign now;

	s->ready--;
	f->entry = entry;
	f->path = entry->path;
	f->fd = open_entry(s, entry);
	if (f->fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
			again(s, entry, now_ms); /* it went away; the next look knows */
		else
			wrong(s, entry, now_ms);
		return false;
	}
	if (fstat(f->fd, &f->st) == 0) {
		spool_sign_of(&now, &f->st);
		if (S_ISREG(f->st.st_mode) && spool_sign_same(&now, &entry->sign) &&
		    !being_written(s, f->fd)) {
			entry->state = SPOOL_OUT;
			return true;
		}
	}
	close(f->fd);
	again(s, entry, now_ms);
	return false;
}

bool spool_next(struct spool *s, int64_t now_ms, struct spool_file *f)
{
	while (s->next < s->list.n) {
		struct spool_entry *entry = s->list.p[s->next++];

		if (entry->state == SPOOL_COMPLETE && give_out(s, entry, now_ms, f))
			return true;
	}
	return false;
}

void spool_give_back(struct spool *s, struct spool_entry *entry, enum spool_outcome outcome,
		     int64_t now_ms)
{
	if (entry->lost)
		free(entry);
	else if (outcome == SPOOL_DONE)
		entry->state = SPOOL_KEPT;
	else if (outcome == SPOOL_AGAIN)
		again(s, entry, now_ms);
	else
		wrong(s, entry, now_ms);
}
