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

#define WORKERS_MAX 64u

static struct verify_finding at(const struct verify_reader *r, uint64_t off, uint64_t len)
{
	struct verify_finding f = {.has_segment = true, .offset = off, .length = len};

	memcpy(f.segment, r->seg->id, 16);
	return f;
}

static const struct verify_placed *placed(const struct verify_reader *r, size_t i)
{
	return (const struct verify_placed *)r->v->placed.p + r->seg->first + i;
}

/* ---- a segment ---- */

/* Tell of every item that it can't be had. */
static void lost(struct verify_reader *r, int code, const char *what)
{
	const struct verify_finding f = at(r, 0, 0);

	if (r->seg->count == 0)
		verify_tell(r->v, &f, code, "segment %s: %s", r->path, what);
	for (size_t i = 0; i < r->seg->count; i++)
		verify_frame_lost(r, placed(r, i), code, what);
}

/* False, and told, when the segment's file can't be read at all. */
static bool open_segment(struct verify_reader *r)
{
	struct err why = {0};
	struct stat st;

	segment_path(r->path, r->seg->id);
	r->fd = openat(r->v->a->segments, r->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (r->fd < 0 && errno != ENOENT && errno != ELOOP && errno != ENOTDIR) {
		err_sys(&why, "its segment can't be opened");
		lost(r, ERR_SYSTEM, why.text);
		return false;
	}
	if (r->fd < 0) {
		lost(r, ERR_DAMAGED, "its segment is missing");
		return false;
	}
	if (fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		lost(r, ERR_DAMAGED, "its segment is not a file");
		close(r->fd);
		return false;
	}
	r->size = (uint64_t)st.st_size;
	posix_fadvise(r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return true;
}

static bool header_ok(const struct verify_reader *r, const struct segment_header *h)
{
	uint8_t digest[32];

	hash_sha256(digest, r->buf, h->len);
	return memcmp(digest, r->seg->header, 32) == 0 && memcmp(h->segment, r->seg->id, 16) == 0 &&
	       memcmp(h->accession, r->seg->accession, 16) == 0 &&
	       memcmp(h->archive, r->v->a->desc.id, 16) == 0;
}

static void check_header(struct verify_reader *r)
{
	size_t n = r->size < SEGMENT_HEADER_MAX ? (size_t)r->size : SEGMENT_HEADER_MAX;
	struct segment_header *h = &r->header;
	struct verify_finding f = at(r, 0, n);
	struct err why = {0};
	int rc = file_pread(r->fd, r->buf, n, 0, &why);

	memset(h, 0, sizeof(*h));
	r->end = 0;
	if (rc) {
		verify_tell(r->v, &f, rc, "segment %s: %s", r->path, why.text);
		return;
	}
	if (segment_header_parse(h, r->buf, n) == 0) {
		if (header_ok(r, h)) {
			r->end = h->len;
			return;
		}
		f.length = h->len;
	}
	memset(h, 0, sizeof(*h));
	verify_tell(r->v, &f, ERR_DAMAGED, "segment %s: its header is not what was logged",
		    r->path);
}

static void check_segment(struct verify_reader *r)
{
	if (!open_segment(r))
		return;
	check_header(r);
	for (size_t i = 0; i < r->seg->count; i++)
		verify_frame(r, placed(r, i));
	close(r->fd);
}

/* ---- workers ---- */

struct worker {
	struct verify_reader r;
	_Atomic size_t *next; /* segment to be taken */
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct verify *v = w->r.v;
	size_t i;

	while ((i = atomic_fetch_add(w->next, 1)) < v->segments.n) {
		w->r.seg = (struct verify_segment *)v->segments.p + i;
		check_segment(&w->r);
	}
	return NULL;
}

static unsigned count_workers(const struct verify *v)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = v->ask->workers ? v->ask->workers : cpus > 0 ? (size_t)cpus : 1;

	if (n > WORKERS_MAX)
		n = WORKERS_MAX;
	return (unsigned)(n < v->segments.n ? n : v->segments.n);
}

static int start(struct worker *w, struct err *e)
{
	w->r.buf = malloc(VERIFY_BUFFER);
	if (!w->r.buf)
		return err_set(e, ERR_NOMEM, "out of memory");
	errno = pthread_create(&w->r.thread, NULL, work, w);
	if (errno == 0)
		return 0;
	free(w->r.buf);
	return err_sys(e, "can't start a thread");
}

static int run_workers(struct verify *v, uint64_t *gaps, struct err *e)
{
	unsigned n = count_workers(v), started = 0;
	struct worker *w = calloc(n + 1, sizeof(*w));
	_Atomic size_t next = 0;
	int rc = w ? 0 : err_set(e, ERR_NOMEM, "out of memory");

	for (; w && rc == 0 && started < n; started++) {
		w[started] = (struct worker){.r.v = v, .next = &next};
		rc = start(&w[started], e);
		if (rc)
			break;
	}
	for (unsigned i = 0; i < started; i++) {
		pthread_join(w[i].r.thread, NULL);
		*gaps += w[i].r.gaps;
		wire_out_free(&w[i].r.line);
		free(w[i].r.buf);
	}
	free(w);
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
	if (rc == 0 && gaps)
		verify_note(v,
			    "%" PRIu64 " bytes of segments lie between items: reserved, and never "
			    "committed",
			    gaps);
	return rc;
}
