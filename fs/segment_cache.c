/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/file.h"

#define KEPT 64

struct segment_fd {
	uint8_t id[16];
	int fd;
	unsigned refs;
	uint64_t used; /* the cache's clock when it was last got */
	bool kept;     /* in the cache; one that found no room is closed with its last reference */
};

struct segment_cache {
	pthread_mutex_t lock; /* guards all below, and the refs, used and kept of what is got */
	int segments_dir;     /* borrowed */
	uint64_t clock;
	struct segment_fd *slot[KEPT];
};

int segment_cache_new(struct segment_cache **out, int segments_dir, struct err *e)
{
	struct segment_cache *c = calloc(1, sizeof(*c));

	*out = c;
	if (!c)
		return err_set(e, ERR_NOMEM, "out of memory");
	pthread_mutex_init(&c->lock, NULL);
	c->segments_dir = segments_dir;
	return 0;
}

static void discard(struct segment_fd *s)
{
	if (!s)
		return;
	close(s->fd);
	free(s);
}

void segment_cache_free(struct segment_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < KEPT; i++)
		discard(c->slot[i]);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* Called with the lock held. */
static struct segment_fd *find(struct segment_cache *c, const uint8_t id[16])
{
	for (size_t i = 0; i < KEPT; i++) {
		struct segment_fd *s = c->slot[i];

		if (s && memcmp(s->id, id, sizeof(s->id)) == 0) {
			s->refs++;
			s->used = ++c->clock;
			return s;
		}
	}
	return NULL;
}

/* An empty slot, or that of the idle segment that was not used for longest, whose descriptor is left
 * in *out for the caller to close. NULL when all are in use. Called with the lock held. */
static struct segment_fd **make_room(struct segment_cache *c, struct segment_fd **out)
{
	struct segment_fd **oldest = NULL;

	for (size_t i = 0; i < KEPT; i++) {
		struct segment_fd **s = &c->slot[i];

		if (!*s)
			return s;
		if ((*s)->refs == 0 && (!oldest || (*s)->used < (*oldest)->used))
			oldest = s;
	}
	if (oldest) {
		*out = *oldest;
		*oldest = NULL;
	}
	return oldest;
}

static int open_segment(struct segment_fd **out, int segments_dir, const uint8_t id[16],
			struct err *e)
{
	char path[SEGMENT_PATH_MAX];
	struct segment_fd *s;
	struct stat st;
	int fd;

	segment_path(path, id);
	fd = openat(segments_dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR))
		return err_set(e, ERR_DAMAGED, "segment %s is missing, and the log names it", path);
	if (fd < 0)
		return err_sys(e, "can't open segment %s", path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_DAMAGED, "segment %s is not a regular file", path);
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		close(fd);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	memcpy(s->id, id, sizeof(s->id));
	s->fd = fd;
	s->refs = 1;
	*out = s;
	return 0;
}

int segment_get(struct segment_fd **out, struct segment_cache *c, const uint8_t id[16],
		struct err *e)
{
	struct segment_fd *mine = NULL, *evicted = NULL, **room;
	int rc;

	pthread_mutex_lock(&c->lock);
	*out = find(c, id);
	pthread_mutex_unlock(&c->lock);
	if (*out)
		return 0;
	/* Without the lock: a slow file system must not hold up the readers of other segments. */
	rc = open_segment(&mine, c->segments_dir, id, e);
	if (!mine)
		return rc;
	pthread_mutex_lock(&c->lock);
	*out = find(c, id);
	if (*out) {
		evicted = mine; /* somebody else was faster */
	} else {
		*out = mine;
		mine->used = ++c->clock;
		room = make_room(c, &evicted);
		if (room) {
			*room = mine;
			mine->kept = true;
		}
	}
	pthread_mutex_unlock(&c->lock);
	discard(evicted);
	return 0;
}

void segment_put(struct segment_cache *c, struct segment_fd *s)
{
	bool last;

	if (!s)
		return;
	pthread_mutex_lock(&c->lock);
	last = --s->refs == 0 && !s->kept;
	pthread_mutex_unlock(&c->lock);
	if (last)
		discard(s);
}

int segment_fileno(const struct segment_fd *s)
{
	return s->fd;
}

static int read_header(struct wire_out *out, int fd, struct err *e)
{
	uint8_t start[12], *p;
	uint32_t len;
	int rc = file_pread(fd, start, sizeof(start), 0, e);

	if (rc)
		return rc;
	len = wire_get32(start + 8);
	if (memcmp(start, "CUSTSEG", 7) != 0 || len < sizeof(start) || len > SEGMENT_HEADER_MAX)
		return err_set(e, ERR_DAMAGED, "it does not begin with a segment header");
	p = wire_out_room(out, len);
	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = file_pread(fd, p, len, 0, e);
	if (rc)
		out->n -= len;
	return rc;
}

int segment_read_header(struct wire_out *out, struct segment_cache *c, const uint8_t id[16],
			struct err *e)
{
	char path[SEGMENT_PATH_MAX];
	struct segment_fd *s = NULL;
	int rc = segment_get(&s, c, id, e);

	if (!s)
		return rc;
	rc = read_header(out, s->fd, e);
	segment_put(c, s);
	if (rc == 0)
		return 0;
	/* The analyser does not see that the cache holds s, or segment_put() has freed it. */
	segment_path(path, id); /* NOLINT(clang-analyzer-unix.Malloc) */
	return err_prefix(e, rc, "segment %s", path);
}
