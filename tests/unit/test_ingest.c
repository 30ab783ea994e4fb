/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ingest: what goes in comes out again by the authority's keys, and nothing is logged that is not
 * there; every refusal; files that change while they are read; failures half way.
 */
#include "fs/ingest.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "fs/ingest_commit.h"
#include "tests/lib/capture.h"

static int set_up(void **state)
{
	static struct capture c;

	capture_open(&c);
	*state = &c;
	return 0;
}

static int tear_down(void **state)
{
	capture_close(*state);
	return 0;
}

static const struct ingest_ask plain_ask = {.collection = "otay-2019",
					    .user = "op",
					    .uid = 1000,
					    .host = "lane3",
					    .workers = 2};

static struct ingest *begin(struct capture *c, const struct ingest_ask *ask)
{
	struct ingest *g;
	struct err e = {0};

	if (ingest_begin(&g, &c->s, ask, &e) != 0)
		fail_msg("%s", e.text);
	return g;
}

static void end(struct ingest *g, struct ingest_sum *sum)
{
	struct err e = {0};

	if (ingest_end(g, false, sum, &e) != 0)
		fail_msg("%s", e.text);
}

static int open_source(struct capture *c, const char *name)
{
	int fd = open(capture_source(c, name), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* A source of n bytes that depend on the seed. */
static void put_source(struct capture *c, const char *name, size_t n, uint32_t seed)
{
	uint8_t *p = malloc(n ? n : 1);

	assert_non_null(p);
	fixture_fill(p, n, seed);
	fixture_write(capture_source(c, name), p, n);
	free(p);
}

static bool descriptor_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Segment files that no event names. */
static unsigned strays;
static struct capture *strays_of;

static void count_stray(const char *path, void *ctx)
{
	struct event ev;
	uint8_t id[16];

	(void)ctx;
	assert_true(text_unhex((struct text_span){strrchr(path, '/') + 1, 32}, id, 16));
	for (unsigned i = 0; capture_event(strays_of, EVENT_SEGMENT, i, &ev); i++)
		if (memcmp(ev.segment, id, 16) == 0)
			return;
	strays++;
}

static unsigned stray_segments(struct capture *c)
{
	char dir[FIXTURE_PATH + 16];

	snprintf(dir, sizeof(dir), "%s/segments", c->path);
	strays = 0;
	strays_of = c;
	fixture_each(dir, ".seg", count_stray, NULL);
	return strays;
}

/* ---- what reaches the disk, and in which order ---- */

/* These stand before libc's, so that every call of the engine is seen. */
static struct {
	atomic_bool on;
	pthread_mutex_t lock;
	ino_t segments, journal; /* what is watched */
	ino_t file, folder;	 /* the segment's, once it is known */
	bool dirty;		 /* the segment was written since it was last synced */
	bool folder_synced, segments_synced;
	unsigned lines, early; /* journal writes that tell of items; those that came too early */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

static ino_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static ssize_t write_flipped(int fd, const void *p, size_t n, off_t off);

ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
	if (atomic_load(&disk.on)) {
		pthread_mutex_lock(&disk.lock);
		if (inode(fd) == disk.journal && memmem(p, n, "\"type\":\"ingest\"", 15)) {
			disk.lines++;
			if (disk.dirty || !disk.folder_synced || !disk.segments_synced)
				disk.early++;
		} else if (inode(fd) != disk.journal && n > 100) {
			disk.file = inode(fd);
			disk.dirty = true;
		}
		pthread_mutex_unlock(&disk.lock);
	}
	return write_flipped(fd, p, n, off);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t off)
{
	return pwrite(fd, p, n, off);
}

int fdatasync(int fd)
{
	int rc = (int)syscall(SYS_fdatasync, fd);

	pthread_mutex_lock(&disk.lock);
	if (atomic_load(&disk.on) && rc == 0 && inode(fd) == disk.file)
		disk.dirty = false;
	pthread_mutex_unlock(&disk.lock);
	return rc;
}

int fsync(int fd)
{
	int rc = (int)syscall(SYS_fsync, fd);
	struct stat st;

	pthread_mutex_lock(&disk.lock);
	if (atomic_load(&disk.on) && rc == 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (st.st_ino == disk.segments)
			disk.segments_synced = true;
		else
			disk.folder_synced = true;
	}
	pthread_mutex_unlock(&disk.lock);
	return rc;
}

/* No line tells of an item before its frame, the segment's header and both names of the segment are
 * durable. */
static void test_order_on_disk(void **state)
{
	struct capture *c = *state;
	char path[FIXTURE_PATH + 64], node[33];
	struct ingest *g;
	struct stat st;
	struct err e;

	text_hex(node, c->id->pub.id, 16);
	snprintf(path, sizeof(path), "%s/journal/%s.jsonl", c->path, node);
	assert_int_equal(stat(path, &st), 0);
	disk.journal = st.st_ino;
	disk.segments = inode(c->s.archive->segments);
	g = begin(c, &plain_ask);
	atomic_store(&disk.on, true);
	/* One after the other, so that no frame is written while another is being told of. */
	for (unsigned i = 0; i < 5; i++) {
		struct ingest_sum sum = {0};

		assert_int_equal(ingest_add_bytes(g, "hello", 5, "x", NULL, &e), 0);
		for (unsigned k = 0; sum.items <= i && k < 5000; k++) {
			usleep(1000);
			ingest_progress(g, &sum);
		}
		assert_int_equal(sum.items, i + 1);
	}
	atomic_store(&disk.on, false);
	end(g, NULL);
	assert_int_equal(disk.lines, 5);
	assert_int_equal(disk.early, 0);
}

/* ---- reading back ---- */

struct fates {
	pthread_mutex_t lock;
	unsigned n[INGEST_FAILED + 1];
	uint64_t tags; /* sum of those that are sealed */
	struct err why;
};

static void tell(void *ctx, uint64_t tag, enum ingest_fate fate, const struct err *why)
{
	struct fates *f = ctx;

	pthread_mutex_lock(&f->lock);
	f->n[fate]++;
	if (fate == INGEST_SEALED)
		f->tags += tag;
	if (why)
		f->why = *why;
	pthread_mutex_unlock(&f->lock);
}

/* Flip a byte of what is written to segments, so that memory and disk differ. */
static atomic_int flip_at = -1;

static ssize_t write_flipped(int fd, const void *p, size_t n, off_t off)
{
	const int at = atomic_load(&flip_at);
	uint8_t *copy;
	ssize_t rc;

	if (at < 0 || n <= (size_t)at || n < 1000 || memmem(p, n, "{\"v\":1,", 7))
		return syscall(SYS_pwrite64, fd, p, n, off);
	copy = malloc(n);
	assert_non_null(copy);
	memcpy(copy, p, n);
	copy[at] ^= 1;
	rc = syscall(SYS_pwrite64, fd, copy, n, off);
	free(copy);
	return rc;
}

/* Whichever byte of a frame is written otherwise than it was sealed, its item is never journalled, and
 * nobody is told that it is sealed. */
static void test_read_back(void **state)
{
	/* magic, key commitment, wrap, record, content, last byte */
	static const int at[] = {0, 90, 120, 250, 1500, 100000};
	struct capture *c = *state;
	struct fates fates = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct ingest_ask ask = plain_ask;
	struct ingest_sum sum;
	struct err e = {0};

	ask.read_back = true;
	ask.teller = (struct ingest_teller){tell, &fates};
	put_source(c, "f", 100000, 1);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct ingest *g = begin(c, &ask);

		atomic_store(&flip_at, at[i]);
		assert_int_equal(ingest_add_told(g, open_source(c, "f"), "f", NULL, 7, &e), 0);
		assert_int_equal(ingest_end(g, false, &sum, &e), ERR_DAMAGED);
		atomic_store(&flip_at, -1);
		assert_non_null(strstr(e.text, "reads back otherwise"));
		assert_int_equal(sum.items, 0);
		assert_int_equal(fates.n[INGEST_SEALED], 0);
		assert_int_equal(capture_count(c, EVENT_INGEST), 0);
		assert_int_equal(stray_segments(c), 0);
	}
}

static void test_fates(void **state)
{
	struct capture *c = *state;
	struct fates fates = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct ingest_ask ask = plain_ask;
	struct ingest_sum sum;
	struct ingest *g;
	struct err e = {0};
	int fd;

	ask.read_back = true;
	ask.teller = (struct ingest_teller){tell, &fates};
	g = begin(c, &ask);
	for (size_t i = 0; i < 6; i++) {
		static const size_t size[] = {0, 1, 16384, 300000, (4u << 20) + 1, 9u << 20};
		char name[16];

		snprintf(name, sizeof(name), "f%zu", i);
		put_source(c, name, size[i], (uint32_t)i);
		assert_int_equal(ingest_add_told(g, open_source(c, name), name, NULL, 1u << i, &e),
				 0);
	}
	/* One that can't be read to its end ends nothing. */
	put_source(c, "cut", 100000, 9);
	fd = open(capture_source(c, "cut"), O_RDWR | O_CLOEXEC);
	assert_int_equal(ingest_add_told(g, dup(fd), "cut", NULL, 64, &e), 0);
	assert_int_equal(ftruncate(fd, 5), 0);
	close(fd);
	assert_false(ingest_failed(g));
	end(g, &sum);
	assert_int_equal(fates.n[INGEST_SEALED] + fates.n[INGEST_FAILED], 7);
	assert_int_equal(sum.items, fates.n[INGEST_SEALED]);
	assert_int_equal(fates.tags & 63, 63);
	if (fates.n[INGEST_FAILED])
		assert_non_null(strstr(fates.why.text, "changed while it was read"));
	assert_int_equal(capture_check(c), sum.items);
}

/* ---- what goes in comes out ---- */

static const size_t sizes[] = {0,      1,	 16383,		 16384,		16385,
			       100000, 4u << 20, (4u << 20) + 1, (9u << 20) + 5};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void test_round_trip(void **state)
{
	struct capture *c = *state;
	struct ingest *g = begin(c, &plain_ask);
	struct ingest_sum sum;
	struct event ev;
	uint64_t total = 0;
	struct err e;

	for (size_t i = 0; i < SIZES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "f%zu", i);
		put_source(c, name, sizes[i], (uint32_t)i);
		total += sizes[i];
		assert_int_equal(ingest_add_file(g, open_source(c, name), name, NULL, NULL,
						 sizes[i], &e),
				 0);
	}
	end(g, &sum);
	assert_int_equal(sum.items, SIZES);
	assert_int_equal(sum.bytes, total);
	assert_true(sum.stored > total);
	assert_int_equal(capture_check(c), SIZES);
	for (size_t i = 0; i < SIZES; i++) {
		struct wire_out content = {0};
		struct record *r;
		char name[32], *want;
		size_t n;

		snprintf(name, sizeof(name), "f%zu", i);
		assert_true(capture_find(c, name, &ev, &content, &r));
		assert_memory_equal(ev.accession, sum.accession, 16);
		want = fixture_read(capture_source(c, name), &n);
		assert_int_equal(content.n, n);
		assert_true(n == 0 || memcmp(content.p, want, n) == 0);
		free(want);
		record_free(r);
		wire_out_free(&content);
	}
	assert_true(capture_event(c, EVENT_ACCESSION, 0, &ev));
	assert_memory_equal(ev.accession, sum.accession, 16);
	assert_int_equal(ev.epoch, 1);
	assert_int_equal(ev.uid, 1000);
	assert_string_equal(ev.user, "op");
	assert_string_equal(ev.host, "lane3");
	assert_true(capture_event(c, EVENT_ACCESSION_CLOSED, 0, &ev));
	assert_int_equal(ev.items, SIZES);
	assert_int_equal(ev.bytes, total);
	assert_int_equal(capture_count(c, EVENT_SEGMENT), 1);
	assert_int_equal(stray_segments(c), 0);
}

static void test_record(void **state)
{
	struct capture *c = *state;
	struct ingest_ask ask = plain_ask;
	struct wire_out content = {0};
	struct record *meta, *own, *got;
	struct text_span v;
	struct ingest *g;
	struct event ev;
	struct err e;

	assert_int_equal(record_new(&meta), 0);
	assert_int_equal(record_set_text(meta, "meta.port", "2506"), 0);
	assert_int_equal(record_set_text(meta, "source", "common"), 0);
	assert_int_equal(record_new(&own), 0);
	assert_int_equal(record_set_text(own, "source", "own"), 0);
	assert_int_equal(record_set_text(own, "mtime", "17"), 0);
	assert_int_equal(record_set_text(own, "path", "replaced"), 0);
	ask.meta = meta;
	g = begin(c, &ask);
	assert_int_equal(ingest_add_bytes(g, "hello", 5, "us/car\xff 1.jpg", own, &e), 0);
	end(g, NULL);
	assert_true(capture_find(c, "us/car\xff 1.jpg", &ev, &content, &got));
	assert_int_equal(content.n, 5);
	assert_memory_equal(content.p, "hello", 5);
	assert_int_equal(record_count(got), 5);
	assert_true(record_get(got, "collection", &v) && text_is(v, "otay-2019"));
	assert_true(record_get(got, "meta.port", &v) && text_is(v, "2506"));
	assert_true(record_get(got, "source", &v) && text_is(v, "own"));
	assert_true(record_get(got, "mtime", &v) && text_is(v, "17"));
	record_free(got);
	record_free(meta);
	wire_out_free(&content);
}

/* Items, keys and nonces of two ingests of the same file have nothing in common. */
static void test_nothing_repeats(void **state)
{
	struct capture *c = *state;
	struct event a, b;
	struct err e;

	for (unsigned i = 0; i < 2; i++) {
		struct ingest *g = begin(c, &plain_ask);

		assert_int_equal(ingest_add_bytes(g, "same", 4, "same", NULL, &e), 0);
		end(g, NULL);
	}
	assert_true(capture_event(c, EVENT_INGEST, 0, &a));
	assert_true(capture_event(c, EVENT_INGEST, 1, &b));
	assert_memory_not_equal(a.accession, b.accession, 16);
	assert_memory_not_equal(a.segment, b.segment, 16);
	assert_memory_not_equal(a.item, b.item, 16);
	assert_memory_not_equal(a.frame, b.frame, 32);
	assert_memory_not_equal(a.commitment, b.commitment, 32);
	assert_int_equal(capture_check(c), 2);
}

struct watch {
	struct ingest *g;
	atomic_bool stop;
	bool went_back;
};

static void *watch_progress(void *arg)
{
	struct watch *w = arg;
	struct ingest_sum last = {0}, now;

	while (!atomic_load(&w->stop)) {
		ingest_progress(w->g, &now);
		if (now.items < last.items || now.bytes < last.bytes)
			w->went_back = true;
		last = now;
		usleep(500);
	}
	return NULL;
}

static void test_many(void **state)
{
	struct capture *c = *state;
	struct ingest_ask ask = plain_ask;
	struct watch w = {0};
	struct ingest_sum sum;
	pthread_t thread;
	uint8_t data[3000];
	struct err e;

	ask.workers = 4;
	w.g = begin(c, &ask);
	assert_int_equal(pthread_create(&thread, NULL, watch_progress, &w), 0);
	for (unsigned i = 0; i < 200; i++) {
		char path[32];

		snprintf(path, sizeof(path), "d%u/f%u", i % 7, i);
		fixture_fill(data, sizeof(data), i);
		assert_int_equal(ingest_add_bytes(w.g, data, i * 15, path, NULL, &e), 0);
	}
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	assert_false(w.went_back);
	end(w.g, &sum);
	assert_int_equal(sum.items, 200);
	assert_int_equal(capture_check(c), 200);
	capture_reopen(c); /* the journal is as it should be */
	assert_int_equal(capture_count(c, EVENT_INGEST), 200);
}

/* ---- refusals ---- */

static void test_begin_refuses(void **state)
{
	static const char *const names[] = {"", ".", "..", "a/b", "/"};
	struct capture *c = *state;
	struct ingest_ask ask = plain_ask;
	struct journal *j = c->s.journal;
	struct ingest *g;
	struct err e;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ask.collection = names[i];
		assert_int_equal(ingest_begin(&g, &c->s, &ask, &e), ERR_USAGE);
		assert_null(g);
	}
	ask = plain_ask;
	ask.epoch = 2;
	assert_int_equal(ingest_begin(&g, &c->s, &ask, &e), ERR_USAGE);
	c->home.roles = 0;
	assert_int_equal(ingest_begin(&g, &c->s, &plain_ask, &e), ERR_NOT_ENROLLED);
	c->home.roles = ROSTER_READER;
	assert_int_equal(ingest_begin(&g, &c->s, &plain_ask, &e), ERR_ROLE);
	c->home.roles = ROSTER_INGEST | ROSTER_READER;
	c->s.journal = NULL;
	assert_int_equal(ingest_begin(&g, &c->s, &plain_ask, &e), ERR_READONLY);
	c->s.journal = j;
	c->s.archive->desc.suite = 3;
	assert_int_equal(ingest_begin(&g, &c->s, &plain_ask, &e), ERR_UNSUPPORTED);
	assert_int_equal(capture_count(c, EVENT_ACCESSION), 0);
}

static void test_clock(void **state)
{
	struct capture *c = *state;
	struct journal_start future = {.last_ms = INT64_C(4102444800000)}; /* 2100 */
	struct ingest *g;
	struct err e;

	assert_int_equal(journal_close(c->s.journal, &e), 0);
	assert_int_equal(journal_open(&c->s.journal, c->s.archive->journal, c->home.dir, c->desc.id,
				      c->id, &future, &e),
			 0);
	assert_int_equal(ingest_begin(&g, &c->s, &plain_ask, &e), ERR_CLOCK);
	assert_int_equal(capture_count(c, EVENT_ACCESSION), 0);
}

static void test_no_room_for_keys(void **state)
{
	struct capture *c = *state;
	struct secret_pool *small;
	struct ingest_ask ask = plain_ask;
	struct ingest *g;
	struct err e;

	assert_int_equal(secret_pool_new(&small, 4096, &e), 0);
	c->s.pool = small;
	ask.workers = 60;
	assert_int_equal(ingest_begin(&g, &c->s, &ask, &e), ERR_NOMEM);
	assert_null(g);
	/* All that was taken was given back. */
	ask.workers = 1;
	assert_non_null(secret_take(small, 4096));
	secret_pool_free(small);
	c->s.pool = c->o.pool;
}

/* What is wrong with one call is told at once, and the ingest goes on. */
static void test_add_refuses(void **state)
{
	static const char *const paths[] = {"", "/abs", "../up", "a//b", "a/", "./a"};
	struct capture *c = *state;
	struct ingest *g = begin(c, &plain_ask);
	struct ingest_sum sum;
	struct record *r;
	int fd, pipes[2];
	struct err e = {0};

	put_source(c, "f", 100, 1);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		fd = open_source(c, "f");
		assert_int_equal(record_new(&r), 0);
		assert_int_equal(ingest_add_file(g, fd, paths[i], r, NULL, UINT64_MAX, &e),
				 ERR_USAGE);
		assert_false(descriptor_open(fd));
		assert_int_equal(ingest_add_bytes(g, "x", 1, paths[i], NULL, &e), ERR_USAGE);
	}
	fd = open_source(c, "f");
	assert_int_equal(ingest_add_file(g, fd, "cars/f", NULL, NULL, 99, &e), ERR_DAMAGED);
	assert_non_null(strstr(e.text, "cars/f"));
	assert_false(descriptor_open(fd));
	fd = open_source(c, ".");
	assert_int_equal(ingest_add_file(g, fd, "f", NULL, NULL, UINT64_MAX, &e), ERR_USAGE);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(ingest_add_file(g, pipes[0], "f", NULL, NULL, UINT64_MAX, &e), ERR_USAGE);
	assert_false(descriptor_open(pipes[0]));
	close(pipes[1]);
	assert_int_equal(ingest_add_file(g, -1, "f", NULL, NULL, UINT64_MAX, &e), ERR_SYSTEM);

	assert_int_equal(ingest_add_file(g, open_source(c, "f"), "f", NULL, NULL, 100, &e), 0);
	end(g, &sum);
	assert_int_equal(sum.items, 1);
	assert_int_equal(capture_check(c), 1);
}

static void test_wrong_digest(void **state)
{
	struct capture *c = *state;
	struct ingest_sum sum;
	uint8_t sha256[32], data[100];
	struct ingest *g;
	struct event ev;
	struct err e = {0};
	int rc = 0;

	fixture_fill(data, sizeof(data), 1);
	hash_sha256(sha256, data, sizeof(data));
	put_source(c, "f", 100, 1);
	g = begin(c, &plain_ask);
	assert_int_equal(ingest_add_file(g, open_source(c, "f"), "good", NULL, sha256, 100, &e), 0);
	end(g, &sum);
	assert_int_equal(sum.items, 1);

	sha256[31] ^= 1;
	g = begin(c, &plain_ask);
	assert_int_equal(ingest_add_file(g, open_source(c, "f"), "cars/bad", NULL, sha256, 100, &e),
			 0);
	/* Sooner or later the failure comes back from the workers. */
	for (unsigned i = 0; rc == 0 && i < 2000; i++) {
		rc = ingest_add_bytes(g, "x", 1, "x", NULL, &e);
		usleep(1000);
	}
	assert_int_equal(rc, ERR_DAMAGED);
	memset(&e, 0, sizeof(e));
	assert_int_equal(ingest_end(g, false, &sum, &e), ERR_DAMAGED);
	assert_non_null(strstr(e.text, "cars/bad"));
	assert_int_equal(capture_count(c, EVENT_ACCESSION), 1 + (sum.items > 0));
	assert_int_equal(capture_count(c, EVENT_ACCESSION_CLOSED), 1);
	assert_int_equal(capture_check(c), 1 + sum.items);
	for (unsigned i = 0; capture_event(c, EVENT_INGEST, i, &ev); i++) {
		struct wire_out content = {0};
		struct text_span v;
		struct record *r;

		capture_item(c, &ev, &content, &r);
		assert_true(record_get(r, "path", &v));
		assert_false(text_is(v, "cars/bad"));
		record_free(r);
		wire_out_free(&content);
	}
	assert_int_equal(stray_segments(c), 0);
}

/* A long file is only known to be wrong when all of it is written: it must not be committed. */
static void test_wrong_digest_long(void **state)
{
	struct capture *c = *state;
	uint8_t sha256[32] = {0};
	struct ingest *g = begin(c, &plain_ask);
	struct ingest_sum sum;
	struct err e = {0};

	put_source(c, "long", (5u << 20) + 3, 1);
	assert_int_equal(ingest_add_file(g, open_source(c, "long"), "long", NULL, sha256,
					 UINT64_MAX, &e),
			 0);
	assert_int_equal(ingest_end(g, false, &sum, &e), ERR_DAMAGED);
	assert_int_equal(sum.items, 0);
	assert_int_equal(capture_count(c, EVENT_INGEST), 0);
	assert_int_equal(capture_count(c, EVENT_SEGMENT), 0);
	assert_int_equal(stray_segments(c), 0);
}

/* ---- files that change ---- */

static void test_changing(void **state)
{
	static const struct {
		const char *command;
		size_t size;
	} cases[] = {
		{"truncate -s 50 f", 100},
		{"printf x >>f", 100},
		{"truncate -s 4194304 f", (4u << 20) + 9},
		{"printf x >>f", (4u << 20) + 9},
		{"printf x >>f; touch -d 2001-01-01 f", 100},
		{"printf y | dd of=f conv=notrunc bs=1 seek=10 2>/dev/null", 100},
	};
	struct capture *c = *state;
	struct ingest_ask ask = plain_ask;
	uint8_t *busy = calloc(1, 128u << 20);

	assert_non_null(busy);
	ask.workers = 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ingest *g = begin(c, &ask);
		struct ingest_sum sum;
		struct err e = {0};

		put_source(c, "f", cases[i].size, 1);
		capture_shell(c, "touch -d 2001-01-01 f");
		/* The worker is busy with this while the file changes. */
		assert_int_equal(ingest_add_bytes(g, busy, 128u << 20, "busy", NULL, &e), 0);
		assert_int_equal(ingest_add_file(g, open_source(c, "f"), "cars/f", NULL, NULL,
						 UINT64_MAX, &e),
				 0);
		capture_shell(c, cases[i].command);
		assert_int_equal(ingest_end(g, false, &sum, &e), ERR_SYSTEM);
		assert_non_null(strstr(e.text, "cars/f changed while it was read"));
		assert_int_equal(capture_count(c, EVENT_ACCESSION_CLOSED), 0);
	}
	assert_int_equal(capture_check(c), capture_count(c, EVENT_INGEST));
	assert_int_equal(stray_segments(c), 0);
	free(busy);
}

/* ---- ends before its time ---- */

static void test_abort(void **state)
{
	struct capture *c = *state;
	struct journal_start now;
	struct note_checkpoint cp;
	struct ingest *g = begin(c, &plain_ask);
	struct ingest_sum sum = {0};
	struct err e;

	assert_int_equal(ingest_add_bytes(g, "a", 1, "a", NULL, &e), 0);
	for (unsigned i = 0; sum.items == 0 && i < 5000; i++) {
		usleep(1000);
		ingest_progress(g, &sum); /* committed without being asked: nothing more came */
	}
	assert_int_equal(sum.items, 1);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(ingest_add_bytes(g, "b", 1, "b", NULL, &e), 0);
	assert_int_equal(ingest_end(g, true, &sum, &e), 0);
	assert_true(sum.items >= 1);
	assert_int_equal(capture_check(c), sum.items);
	assert_int_equal(capture_count(c, EVENT_ACCESSION_CLOSED), 0);
	/* What was committed is signed. */
	journal_state(c->s.journal, &now);
	assert_int_equal(journal_read_checkpoint(c->s.archive->journal, c->desc.id, &c->id->pub,
						 &cp, NULL, &e),
			 0);
	assert_int_equal(cp.size, now.state.range.size);
	capture_reopen(c);
	assert_int_equal(stray_segments(c), 0);
}

static void test_abort_at_once(void **state)
{
	struct capture *c = *state;
	struct ingest *g = begin(c, &plain_ask);
	struct ingest_sum sum;
	struct err e;

	put_source(c, "long", 30u << 20, 1);
	assert_int_equal(
		ingest_add_file(g, open_source(c, "long"), "long", NULL, NULL, UINT64_MAX, &e), 0);
	assert_int_equal(ingest_end(g, true, &sum, &e), 0);
	assert_int_equal(sum.items, 0);
	assert_int_equal(capture_count(c, EVENT_INGEST), 0);
	assert_int_equal(stray_segments(c), 0);
}

static void test_empty(void **state)
{
	struct capture *c = *state;
	struct ingest_sum sum;

	/* What takes in nothing is no accession. */
	end(begin(c, &plain_ask), &sum);
	assert_int_equal(sum.items, 0);
	assert_int_equal(capture_count(c, EVENT_ACCESSION), 0);
	assert_int_equal(capture_count(c, EVENT_ACCESSION_CLOSED), 0);
	assert_int_equal(capture_count(c, EVENT_SEGMENT), 0);
	assert_int_equal(stray_segments(c), 0);
}

/* The segment can't grow: what was acknowledged stays, the rest is refused, the next ingest works. */
static void test_write_failure(void **state)
{
	struct capture *c = *state;
	struct rlimit old, small;
	struct ingest_sum sum;
	uint8_t *data = calloc(1, 300000);
	struct ingest *g;
	struct err e = {0};
	int rc = 0;

	assert_non_null(data);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){1u << 20, old.rlim_max};
	g = begin(c, &plain_ask);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (unsigned i = 0; i < 50 && rc == 0; i++) {
		rc = ingest_add_bytes(g, data, 300000, "x", NULL, &e);
		usleep(2000);
	}
	memset(&e, 0, sizeof(e));
	assert_int_equal(ingest_end(g, false, &sum, &e), ERR_SYSTEM);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_non_null(strstr(e.text, "segment"));
	assert_true(sum.items <= 3);
	assert_int_equal(capture_check(c), sum.items);
	assert_int_equal(capture_count(c, EVENT_ACCESSION_CLOSED), 0);
	assert_int_equal(stray_segments(c), 0);

	g = begin(c, &plain_ask);
	assert_int_equal(ingest_add_bytes(g, data, 300000, "x", NULL, &e), 0);
	assert_int_equal(ingest_add_bytes(g, data, 300000, "y", NULL, &e), 0);
	end(g, &sum);
	assert_int_equal(sum.items, 2);
	free(data);
}

/* The segments directory is gone or can't be written. */
static void test_no_segments(void **state)
{
	struct capture *c = *state;
	struct ingest *g;
	struct ingest_sum sum;
	struct err e = {0};
	char command[FIXTURE_PATH + 32];

	g = begin(c, &plain_ask);
	snprintf(command, sizeof(command), "rmdir '%s/segments'", c->path);
	capture_shell(c, command);
	assert_int_equal(ingest_add_bytes(g, "x", 1, "x", NULL, &e), 0);
	assert_int_equal(ingest_end(g, false, &sum, &e), ERR_SYSTEM);
	assert_int_equal(sum.items, 0);
	assert_int_equal(capture_count(c, EVENT_INGEST), 0);
	snprintf(command, sizeof(command), "mkdir '%s/segments'", c->path);
	capture_shell(c, command);
}

/* ---- segments roll ---- */

static void test_roll(void **state)
{
	struct capture *c = *state;
	struct segment_header h = {.suite = 2, .chunk_size = 16384, .epoch = 1};
	uint8_t key[32] = {1}, frame[5000] = {0};
	struct event accession = {.type = EVENT_ACCESSION, .user = "op", .host = "lane3"};
	const struct ingest_commit_ask ask = {
		.journal = c->s.journal,
		.segments_dir = c->s.archive->segments,
		.roll = 20000,
		.header = &h,
		.content_key = key,
		.catalogue_key = key,
		.release_recipient = c->desc.epoch[0].recipient,
		.catalogue_recipient = c->desc.catalogue,
		.accession = &accession,
	};
	/* By 20,000: the third does not fit behind the first two; the fourth lies alone. */
	static const uint64_t lengths[] = {9000, 9000, 5000, 30000, 5000};
	struct ingest_segment *seg[5], *unused;
	struct ingest_commit_sum sum;
	struct ingest_commit *commit;
	struct err e = {0};
	uint64_t off;

	memcpy(h.archive, c->desc.id, 16);
	assert_int_equal(ingest_commit_start(&commit, &ask, &e), 0);
	for (size_t i = 0; i < 5; i++) {
		struct ingest_item it = {.length = lengths[i], .plain = 1};

		assert_int_equal(
			ingest_commit_place(commit, lengths[i], &it.segment, &it.offset, &e), 0);
		assert_int_equal(segment_write(ingest_commit_writer(it.segment), it.offset, frame,
					       sizeof(frame), &e),
				 0);
		seg[i] = it.segment;
		assert_int_equal(ingest_commit_push(commit, &it, &e), 0);
	}
	assert_ptr_equal(seg[1], seg[0]);
	assert_ptr_not_equal(seg[2], seg[0]);
	assert_ptr_equal(seg[4], seg[2]);
	/* A segment of which nothing is committed is taken away. */
	assert_int_equal(ingest_commit_place(commit, 30000, &unused, &off, &e), 0);
	ingest_commit_cancel(commit, unused);
	assert_int_equal(ingest_commit_finish(commit, false, &e), 0);
	ingest_commit_sum(commit, &sum);
	assert_int_equal(sum.items, 5);
	assert_int_equal(sum.stored, 58000);
	ingest_commit_free(commit);
	assert_int_equal(capture_count(c, EVENT_SEGMENT), 3);
	assert_int_equal(capture_count(c, EVENT_INGEST), 5);
	assert_int_equal(stray_segments(c), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_order_on_disk),
		T(test_read_back),
		T(test_fates),
		T(test_round_trip),
		T(test_record),
		T(test_nothing_repeats),
		T(test_many),
		T(test_begin_refuses),
		T(test_clock),
		T(test_no_room_for_keys),
		T(test_add_refuses),
		T(test_wrong_digest),
		T(test_wrong_digest_long),
		T(test_changing),
		T(test_abort),
		T(test_abort_at_once),
		T(test_empty),
		T(test_write_failure),
		T(test_no_segments),
		T(test_roll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
