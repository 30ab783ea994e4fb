/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments: the header's bytes and its two sealed keys, hostile headers, one writer with many
 * threads, and the cache of readers.
 */
#include "fs/segment.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/age.h"
#include "crypto/kdf.h"
#include "tests/lib/fixture.h"

struct world {
	char dir[FIXTURE_PATH];
	int fd;
	uint8_t content[32], catalogue[32];		  /* keys */
	uint8_t release_secret[32], catalogue_secret[32]; /* identities */
};

static int set_up(void **state)
{
	static struct world w;

	fixture_dir(w.dir);
	w.fd = open(w.dir, O_RDONLY | O_DIRECTORY);
	assert_true(w.fd >= 0);
	fixture_fill(w.content, 32, 1);
	fixture_fill(w.catalogue, 32, 2);
	fixture_fill(w.release_secret, 32, 3);
	fixture_fill(w.catalogue_secret, 32, 4);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	close(w->fd);
	fixture_remove(w->dir);
	return 0;
}

static void make_header(const struct world *w, struct wire_out *out, uint8_t number)
{
	struct segment_header h = {.suite = 2, .chunk_size = 16384, .epoch = 7};
	uint8_t release[32], catalogue[32];

	memset(h.archive, 0xa1, 16);
	memset(h.accession, 0xa2, 16);
	memset(h.segment, number, 16);
	age_public(release, w->release_secret);
	age_public(catalogue, w->catalogue_secret);
	assert_int_equal(segment_header_make(out, &h, w->content, release, w->catalogue, catalogue),
			 0);
}

/* ---- header ---- */

static void test_header_layout(void **state)
{
	const struct world *w = *state;
	struct wire_out b = {0};
	uint8_t v[32], id[16];
	size_t n1, n2;

	make_header(w, &b, 0xa3);
	assert_memory_equal(b.p, "CUSTSEG1", 8);
	assert_int_equal(wire_get32(b.p + 8), b.n);
	assert_int_equal(wire_get32(b.p + 12), 2u << 16);
	assert_int_equal(wire_get32(b.p + 16), 16384);
	assert_int_equal(wire_get32(b.p + 20), 7);
	memset(id, 0xa1, 16);
	assert_memory_equal(b.p + 24, id, 16);
	memset(id, 0xa2, 16);
	assert_memory_equal(b.p + 40, id, 16);
	memset(id, 0xa3, 16);
	assert_memory_equal(b.p + 56, id, 16);
	kdf_label(v, w->content, "custodyfs/v1 content key id");
	assert_memory_equal(b.p + 72, v, 32);
	kdf_label(v, w->catalogue, "custodyfs/v1 catalogue key id");
	assert_memory_equal(b.p + 104, v, 32);
	n1 = wire_get32(b.p + 136);
	n2 = wire_get32(b.p + 140 + n1);
	assert_int_equal(140 + n1 + 4 + n2, b.n);
	assert_memory_equal(b.p + 140, "age-encryption.org/v1\n", 22);
	wire_out_free(&b);
}

static void test_header_keys(void **state)
{
	const struct world *w = *state;
	struct segment_header h;
	struct wire_out b = {0};
	uint8_t key[32], zero[32] = {0};

	make_header(w, &b, 1);
	wire_out_text(&b, "frames follow");
	assert_int_equal(segment_header_parse(&h, b.p, b.n), 0);
	assert_int_equal(h.len, b.n - 13);
	assert_int_equal(h.epoch, 7);
	assert_int_equal(segment_content_key(key, &h, w->release_secret), 0);
	assert_memory_equal(key, w->content, 32);
	assert_int_equal(segment_catalogue_key(key, &h, w->catalogue_secret), 0);
	assert_memory_equal(key, w->catalogue, 32);
	/* The one identity does not open the other's file. */
	assert_int_equal(segment_content_key(key, &h, w->catalogue_secret), ERR_KEY);
	assert_memory_equal(key, zero, 32);
	assert_int_equal(segment_catalogue_key(key, &h, w->release_secret), ERR_KEY);
	/* A key file of another segment: it opens, but is not the key that the header names. */
	b.p[72] ^= 1;
	assert_int_equal(segment_header_parse(&h, b.p, b.n), 0);
	assert_int_equal(segment_content_key(key, &h, w->release_secret), ERR_DAMAGED);
	assert_memory_equal(key, zero, 32);
	wire_out_free(&b);
}

/* In memory of exactly n bytes, so that ASan sees a read past it. */
static int parse(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	struct segment_header h;
	int rc;

	assert_non_null(copy);
	memcpy(copy, p, n);
	rc = segment_header_parse(&h, copy, n);
	free(copy);
	return rc;
}

static void test_header_hostile(void **state)
{
	static const struct {
		size_t at;
		uint32_t v;
		int code;
	} cases[] = {
		{0, 0x58585858, ERR_FOREIGN},
		{4, 0x53454732, ERR_NEWER}, /* "SEG2" */
		{8, 0, ERR_MALFORMED},
		{8, 11, ERR_MALFORMED},
		{8, 143, ERR_MALFORMED},
		{8, 8193, ERR_MALFORMED},
		{8, 0xffffffff, ERR_MALFORMED},
		{12, 0, ERR_MALFORMED},
		{12, 2u << 16 | 1, ERR_MALFORMED},
		{12, 9u << 16, ERR_NEWER},
		{16, 0, ERR_MALFORMED},
		{16, 12288, ERR_MALFORMED},
		{136, 0xffffffff, ERR_MALFORMED},
		{136, 0, ERR_MALFORMED},
	};
	struct wire_out b = {0};

	make_header(*state, &b, 1);
	assert_int_equal(parse(b.p, b.n), 0);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(parse(b.p, n), n < 12 ? ERR_FOREIGN : ERR_MALFORMED);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t was = wire_get32(b.p + cases[i].at);

		wire_put32(b.p + cases[i].at, cases[i].v);
		assert_int_equal(parse(b.p, b.n), cases[i].code);
		wire_put32(b.p + cases[i].at, was);
	}
	wire_out_free(&b);
}

/* ---- writer ---- */

static void test_path(void **state)
{
	static const uint8_t id[16] = {0xab, 0xcd, 1};
	char path[SEGMENT_PATH_MAX];

	(void)state;
	segment_path(path, id);
	assert_string_equal(path, "ab/abcd0100000000000000000000000000.seg");
}

#define THREADS 4
#define PIECES 50

struct job {
	struct segment_writer *w;
	uint8_t number;
	uint64_t off[PIECES];
};

static void *write_pieces(void *arg)
{
	struct job *j = arg;
	uint8_t piece[100 + THREADS];

	memset(piece, j->number, sizeof(piece));
	for (unsigned i = 0; i < PIECES; i++) {
		segment_reserve(j->w, 100 + j->number, &j->off[i]);
		if (segment_write(j->w, j->off[i], piece, 100 + j->number, NULL) != 0)
			return j;
	}
	return NULL;
}

static void test_many_writers(void **state)
{
	const struct world *w = *state;
	static const uint8_t id[16] = {0x11};
	char path[FIXTURE_PATH + SEGMENT_PATH_MAX], rel[SEGMENT_PATH_MAX];
	struct segment_writer *sw;
	struct job job[THREADS];
	pthread_t thread[THREADS];
	uint8_t back[200];
	struct err e;
	uint64_t sum = 6;
	size_t n;
	char *all;

	assert_int_equal(segment_create(&sw, w->fd, id, "header", 6, &e), 0);
	assert_int_equal(segment_end(sw), 6);
	for (uint8_t i = 0; i < THREADS; i++) {
		job[i] = (struct job){.w = sw, .number = i};
		assert_int_equal(pthread_create(&thread[i], NULL, write_pieces, &job[i]), 0);
		sum += PIECES * (100u + i);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		void *failed;

		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(segment_end(sw), sum);
	assert_int_equal(segment_sync(sw, &e), 0);
	assert_int_equal(segment_sync(sw, &e), 0);
	assert_int_equal(segment_reread(sw, job[3].off[9], back, 103, &e), 0);
	assert_int_equal(back[0], 3);
	assert_int_equal(segment_reread(sw, sum - 1, back, 2, &e), ERR_DAMAGED);
	segment_close(sw);

	segment_path(rel, id);
	snprintf(path, sizeof(path), "%s/%s", w->dir, rel);
	all = fixture_read(path, &n);
	assert_int_equal(n, sum);
	assert_memory_equal(all, "header", 6);
	for (uint8_t i = 0; i < THREADS; i++)
		for (unsigned k = 0; k < PIECES; k++)
			for (unsigned b = 0; b < 100u + i; b++)
				assert_int_equal(all[job[i].off[k] + b], i);
	free(all);
}

static void test_create_is_exclusive(void **state)
{
	const struct world *w = *state;
	static const uint8_t id[16] = {0x12}, linked[16] = {0x12, 1};
	char path[SEGMENT_PATH_MAX];
	struct segment_writer *sw, *second;
	struct stat st;
	struct err e;

	assert_int_equal(segment_create(&sw, w->fd, id, "h", 1, &e), 0);
	assert_int_equal(segment_create(&second, w->fd, id, "x", 1, &e), ERR_EXISTS);
	assert_null(second);
	segment_path(path, id);
	assert_int_equal(fstatat(w->fd, path, &st, 0), 0);
	assert_int_equal(st.st_mode & 0137, 0); /* 0640 at most */
	segment_discard(sw);
	assert_int_not_equal(fstatat(w->fd, path, &st, 0), 0);
	/* A link in its place is not followed. */
	segment_path(path, linked);
	assert_int_equal(symlinkat("../elsewhere", w->fd, path), 0);
	assert_int_equal(segment_create(&sw, w->fd, linked, "h", 1, &e), ERR_EXISTS);
	assert_int_not_equal(faccessat(w->fd, "elsewhere", F_OK, 0), 0);
}

/* A write that the system refuses is an error with the segment's name, not a signal or less. */
static void test_write_fails(void **state)
{
	const struct world *w = *state;
	static const uint8_t id[16] = {0x13}, other[16] = {0x13, 1};
	struct rlimit old, small;
	struct segment_writer *sw, *none;
	struct stat st;
	char path[SEGMENT_PATH_MAX];
	uint8_t piece[1000] = {0};
	uint64_t off;
	struct err e = {0};

	assert_int_equal(segment_create(&sw, w->fd, id, "h", 1, &e), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){500, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	segment_reserve(sw, sizeof(piece), &off);
	assert_int_equal(segment_write(sw, off, piece, sizeof(piece), &e), ERR_SYSTEM);
	assert_non_null(strstr(e.text, "13/13000000"));
	/* A segment whose header could not be written does not stay. */
	assert_int_equal(segment_create(&none, w->fd, other, piece, sizeof(piece), &e), ERR_SYSTEM);
	assert_null(none);
	setrlimit(RLIMIT_FSIZE, &old);
	segment_path(path, other);
	assert_int_not_equal(fstatat(w->fd, path, &st, 0), 0);
	segment_close(sw);
}

/* ---- cache ---- */

static void put_segment(const struct world *w, uint8_t number)
{
	struct segment_writer *sw;
	struct wire_out b = {0};
	uint8_t id[16];
	struct err e;

	memset(id, number, 16);
	make_header(w, &b, number);
	assert_int_equal(segment_create(&sw, w->fd, id, b.p, b.n, &e), 0);
	segment_close(sw);
	wire_out_free(&b);
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;

	for (int i = 0; i < 1024; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static void test_cache(void **state)
{
	const struct world *w = *state;
	struct segment_fd *held[80], *again;
	struct segment_cache *c;
	unsigned before;
	uint8_t id[16];
	struct err e;

	for (uint8_t i = 0; i < 80; i++)
		put_segment(w, (uint8_t)(0x40 + i));
	assert_int_equal(segment_cache_new(&c, w->fd, &e), 0);
	before = open_descriptors();
	/* All held at once: more than the cache keeps. */
	for (uint8_t i = 0; i < 80; i++) {
		memset(id, 0x40 + i, 16);
		assert_int_equal(segment_get(&held[i], c, id, &e), 0);
		assert_int_equal(segment_get(&again, c, id, &e), 0);
		if (i < 64)
			assert_ptr_equal(again, held[i]);
		segment_put(c, again);
	}
	for (unsigned i = 0; i < 80; i++) {
		uint8_t start[72];

		assert_int_equal(pread(segment_fileno(held[i]), start, 72, 0), 72);
		assert_int_equal(start[56], 0x40 + i);
		segment_put(c, held[i]);
	}
	assert_int_equal(open_descriptors(), before + 64);
	/* Idle ones make room for new ones. */
	for (uint8_t i = 0; i < 80; i++) {
		memset(id, 0x40 + i, 16);
		assert_int_equal(segment_get(&held[0], c, id, &e), 0);
		segment_put(c, held[0]);
	}
	assert_int_equal(open_descriptors(), before + 64);
	segment_cache_free(c);
	assert_int_equal(open_descriptors(), before);
}

static void test_cache_refuses(void **state)
{
	const struct world *w = *state;
	struct segment_cache *c;
	struct wire_out b = {0};
	struct segment_fd *s;
	char path[SEGMENT_PATH_MAX];
	uint8_t id[16];
	struct err e = {0};
	int fd;

	assert_int_equal(segment_cache_new(&c, w->fd, &e), 0);
	memset(id, 0xd0, 16);
	assert_int_equal(segment_get(&s, c, id, &e), ERR_DAMAGED);
	assert_non_null(strstr(e.text, "d0d0d0d0"));
	put_segment(w, 0xd1);
	/* A link to a good segment, a FIFO, a folder. */
	segment_path(path, id);
	assert_int_equal(mkdirat(w->fd, "d0", 0700), 0);
	assert_int_equal(symlinkat("../d1/d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1.seg", w->fd, path), 0);
	assert_int_equal(segment_get(&s, c, id, &e), ERR_DAMAGED);
	assert_int_equal(unlinkat(w->fd, path, 0), 0);
	assert_int_equal(mkfifoat(w->fd, path, 0600), 0);
	assert_int_equal(segment_get(&s, c, id, &e), ERR_DAMAGED);
	assert_int_equal(unlinkat(w->fd, path, 0), 0);
	assert_int_equal(mkdirat(w->fd, path, 0700), 0);
	assert_int_equal(segment_get(&s, c, id, &e), ERR_DAMAGED);

	/* Headers: whole, cut, and one that claims to be longer than a header may be. */
	memset(id, 0xd1, 16);
	assert_int_equal(segment_read_header(&b, c, id, &e), 0);
	assert_int_equal(wire_get32(b.p + 8), b.n);
	segment_path(path, id);
	fd = openat(w->fd, path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 100), 0);
	wire_out_reset(&b);
	assert_int_equal(segment_read_header(&b, c, id, &e), ERR_DAMAGED);
	assert_int_equal(b.n, 0);
	assert_int_equal(pwrite(fd, "\xff\xff\xff\xff", 4, 8), 4);
	assert_int_equal(segment_read_header(&b, c, id, &e), ERR_DAMAGED);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(segment_read_header(&b, c, id, &e), ERR_DAMAGED);
	close(fd);
	wire_out_free(&b);
	segment_cache_free(c);
}

static void *get_and_put(void *arg)
{
	struct segment_cache *c = arg;
	struct segment_fd *s;
	uint8_t id[16], start[72];

	for (unsigned i = 0; i < 400; i++) {
		memset(id, (int)(0x40 + i * 7 % 80), 16);
		if (segment_get(&s, c, id, NULL) != 0)
			return c;
		if (pread(segment_fileno(s), start, 72, 0) != 72 || start[56] != id[0])
			return c;
		segment_put(c, s);
	}
	return NULL;
}

static void test_cache_threads(void **state)
{
	const struct world *w = *state;
	struct segment_cache *c;
	pthread_t thread[THREADS];
	struct err e;

	for (uint8_t i = 0; i < 80; i++)
		put_segment(w, (uint8_t)(0x40 + i));
	assert_int_equal(segment_cache_new(&c, w->fd, &e), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, get_and_put, c), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		void *failed;

		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	segment_cache_free(c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_header_layout), T(test_header_keys),  T(test_header_hostile),
		T(test_path),	       T(test_many_writers), T(test_create_is_exclusive),
		T(test_write_fails),   T(test_cache),	     T(test_cache_refuses),
		T(test_cache_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
