/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/verify_internal.h"
#include "index/file.h"
#include "index/linewindow.h"

#define WORKERS_MAX 64u

static struct verify_finding at(const struct verify_open *o, uint64_t off, uint64_t len)
{
	struct verify_finding f = {.has_segment = true, .offset = off, .length = len};

	memcpy(f.segment, o->seg->id, 16);
	return f;
}

/* ---- a segment ---- */

/* Tell of every item that it can't be had. */
static void lost(struct verify_reader *r, int code, const char *what)
{
	const struct verify_segment *seg = r->o->seg;
	const struct verify_placed *placed = r->v->placed.p;
	const struct verify_finding f = at(r->o, 0, 0);

	if (seg->count == 0)
		verify_tell(r->v, &f, code, "segment %s: %s", r->o->path, what);
	for (size_t i = 0; i < seg->count; i++)
		verify_frame_lost(r, placed + seg->first + i, code, what);
	r->o->next = seg->count;
}

/* False, and told, when the segment's file can't be read at all. */
static bool open_segment(struct verify_reader *r)
{
	struct verify_open *o = r->o;
	struct err why = {0};
	struct stat st;

	segment_path(o->path, o->seg->id);
	o->fd = openat(r->v->a->segments, o->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (o->fd < 0 && errno != ENOENT && errno != ELOOP && errno != ENOTDIR) {
		err_sys(&why, "its segment can't be opened");
		lost(r, ERR_SYSTEM, why.text);
		return false;
	}
	if (o->fd < 0) {
		lost(r, ERR_DAMAGED, "its segment is missing");
		return false;
	}
	if (fstat(o->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		lost(r, ERR_DAMAGED, "its segment is not a file");
		return false;
	}
	o->size = (uint64_t)st.st_size;
	posix_fadvise(o->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return true;
}

static bool header_ok(const struct verify_reader *r, const struct segment_header *h)
{
	const struct verify_segment *seg = r->o->seg;
	uint8_t digest[32];

	hash_sha256(digest, r->buf, h->len);
	return memcmp(digest, seg->header, 32) == 0 && memcmp(h->segment, seg->id, 16) == 0 &&
	       memcmp(h->accession, seg->accession, 16) == 0 &&
	       memcmp(h->archive, r->v->a->desc.id, 16) == 0;
}

static void check_header(struct verify_reader *r)
{
	struct verify_open *o = r->o;
	size_t n = o->size < SEGMENT_HEADER_MAX ? (size_t)o->size : SEGMENT_HEADER_MAX;
	struct segment_header *h = &o->header;
	struct verify_finding f = at(o, 0, n);
	struct err why = {0};
	int rc = file_pread(o->fd, r->buf, n, 0, &why);

	if (rc) {
		verify_tell(r->v, &f, rc, "segment %s: %s", o->path, why.text);
		return;
	}
	if (segment_header_parse(h, r->buf, n) == 0) {
		if (header_ok(r, h)) {
			o->end = h->len;
			return;
		}
		f.length = h->len;
	}
	memset(h, 0, sizeof(*h));
	verify_tell(r->v, &f, ERR_DAMAGED, "segment %s: its header is not what was logged",
		    o->path);
}

/* ---- workers ---- */

/* What the workers share. Order of locks: this one before a segment's. */
struct verify_work {
	struct verify *v;
	pthread_mutex_t lock;	   /* guards the rest, and the readers of a segment */
	size_t next;		   /* segment that nobody has begun */
	struct verify_open *open;  /* one a worker, for the segment it began */
	unsigned workers;
	uint64_t gaps;
};

struct worker {
	struct verify_reader r;
	struct verify_work *w;
	struct verify_open *mine;
};

/* The last to leave closes. */
static void leave(struct worker *me)
{
	struct verify_open *o = me->r.o;

	pthread_mutex_lock(&me->w->lock);
	if (--o->readers == 0) {
		me->w->gaps += o->gaps;
		if (o->fd >= 0)
			close(o->fd);
		pthread_mutex_destroy(&o->lock);
		o->seg = NULL;
	}
	pthread_mutex_unlock(&me->w->lock);
	me->r.o = NULL;
}

/* Begin a segment that nobody has begun; false when there is none. While others are still at the one
 * we began before, they have our place. */
static bool begin(struct worker *me)
{
	struct verify_work *w = me->w;
	struct verify_open *o = me->mine;
	bool found;

	pthread_mutex_lock(&w->lock);
	found = !o->seg && w->next < w->v->segments.n;
	if (found) {
		memset(o, 0, sizeof(*o));
		o->seg = (struct verify_segment *)w->v->segments.p + w->next++;
		o->fd = -1;
		o->readers = 1;
		pthread_mutex_init(&o->lock, NULL);
		pthread_mutex_lock(&o->lock); /* until its header is checked */
	}
	pthread_mutex_unlock(&w->lock);
	if (!found)
		return false;
	me->r.o = o;
	if (open_segment(&me->r))
		check_header(&me->r);
	pthread_mutex_unlock(&o->lock);
	return true;
}

static size_t left(struct verify_open *o)
{
	size_t n;

	pthread_mutex_lock(&o->lock);
	n = o->seg->count - o->next;
	pthread_mutex_unlock(&o->lock);
	return n;
}

/* Join those who have most left to do; false when nobody has anything. */
static bool join(struct worker *me)
{
	struct verify_work *w = me->w;
	struct verify_open *best = NULL;
	size_t most = 0;

	pthread_mutex_lock(&w->lock);
	for (unsigned i = 0; i < w->workers; i++) {
		size_t n = w->open[i].seg ? left(&w->open[i]) : 0;

		if (n > most) {
			most = n;
			best = &w->open[i];
		}
	}
	if (best)
		best->readers++;
	pthread_mutex_unlock(&w->lock);
	me->r.o = best;
	return best != NULL;
}

static void *work(void *arg)
{
	struct worker *me = arg;

	while (begin(me) || join(me)) {
		while (verify_frame_next(&me->r))
			;
		leave(me);
	}
	return NULL;
}

static unsigned count_workers(const struct verify *v)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = v->ask->workers ? v->ask->workers : cpus > 0 ? (size_t)cpus : 1;

	return (unsigned)(n > WORKERS_MAX ? WORKERS_MAX : n);
}

static int start(struct worker *me, struct err *e)
{
	int failed = ENOMEM;

	me->r.buf = malloc(VERIFY_BUFFER);
	me->r.lines = linewindow_new(me->r.v->a->journal);
	if (me->r.buf && me->r.lines)
		failed = pthread_create(&me->r.thread, NULL, work, me);
	if (failed == 0)
		return 0;
	linewindow_free(me->r.lines);
	free(me->r.buf);
	errno = failed;
	return err_sys(e, "can't start a thread");
}

static int run_workers(struct verify *v, uint64_t *gaps, struct err *e)
{
	struct verify_work w = {.v = v, .workers = count_workers(v)};
	struct worker *all = calloc(w.workers, sizeof(*all));
	unsigned started = 0;
	int rc = 0;

	w.open = calloc(w.workers, sizeof(*w.open));
	if (!all || !w.open)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	pthread_mutex_init(&w.lock, NULL);
	while (rc == 0 && started < w.workers) {
		all[started] = (struct worker){.r.v = v, .w = &w, .mine = &w.open[started]};
		rc = start(&all[started], e);
		started += rc == 0;
	}
	for (unsigned i = 0; i < started; i++) {
		pthread_join(all[i].r.thread, NULL);
		v->sum->bytes += all[i].r.bytes;
		verify_progress(v, all[i].r.unsaid);
		linewindow_free(all[i].r.lines);
		free(all[i].r.buf);
	}
	*gaps = w.gaps;
	pthread_mutex_destroy(&w.lock);
	free(w.open);
	free(all);
	return rc;
}

/* ---- what is there and in no journal ---- */

static int segment_by_id(const void *key, const void *element)
{
	return memcmp(key, ((const struct verify_segment *)element)->id, 16);
}

static bool known(const struct verify *v, const char *path)
{
	char expect[SEGMENT_PATH_MAX];
	uint8_t id[16];

	if (strlen(path) != 39 || !text_unhex((struct text_span){path + 3, 32}, id, 16))
		return false;
	segment_path(expect, id);
	return strcmp(path, expect) == 0 && v->segments.n > 0 &&
	       bsearch(id, v->segments.p, v->segments.n, sizeof(struct verify_segment),
		       segment_by_id);
}

/* Calls each() for the names in a folder below segments/, but those that begin with a dot. */
static int each_name(struct verify *v, const char *dir, struct err *e,
		     int (*each)(struct verify *v, const char *path, struct err *e))
{
	int fd = openat(v->a->segments, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *en;
	char path[300];
	int rc = 0;

	if (!d) {
		bool folder = errno != ENOTDIR && errno != ELOOP;

		if (fd >= 0)
			close(fd);
		if (folder)
			return err_sys(e, "can't list segments/%s", dir);
		verify_note(v, "segments/%s is not a folder", dir);
		return 0;
	}
	while (rc == 0 && (errno = 0, en = readdir(d))) {
		if (en->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%.40s%s%s", strcmp(dir, ".") ? dir : "",
			 strcmp(dir, ".") ? "/" : "", en->d_name);
		rc = each(v, path, e);
	}
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "can't list segments/%s", dir);
	closedir(d);
	return rc;
}

static int look_at(struct verify *v, const char *path, struct err *e)
{
	(void)e;
	if (!known(v, path))
		verify_note(
			v,
			"segments/%s is in no journal: of an ingest that was cut short, or goes "
			"on",
			path);
	return 0;
}

static int look_in(struct verify *v, const char *dir, struct err *e)
{
	return each_name(v, dir, e, look_at);
}

int verify_segments(struct verify *v, struct err *e)
{
	uint64_t gaps = 0;
	int rc = run_workers(v, &gaps, e);

	if (rc == 0)
		rc = each_name(v, ".", e, look_in);
	if (rc == 0 && gaps && v->sum->read == v->sum->items)
		verify_note(v,
			    "%" PRIu64 " bytes of segments lie between items: reserved, and never "
			    "committed",
			    gaps);
	return rc;
}
