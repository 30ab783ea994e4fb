/* SPDX-License-Identifier: Apache-2.0 */
/* reading: what comes out is what was taken in, or an error that says where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/catchup.h"
#include "fs/reading.h"
#include "tests/lib/stage.h"

#define CHUNK 16384u
#define BIG (5 * CHUNK + 100)

static const size_t sizes[] = {0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, BIG};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct room {
	struct stage stage;
	struct release_set *set;
	uint8_t accession[16];
	uint8_t *content[SIZES];
	uint8_t *buf;
	struct reading_work work;
};

static void end_work(struct reading_work *w)
{
	stream_run_free(&w->run);
	free(w->stored);
}

static void name_of(char name[32], unsigned i)
{
	snprintf(name, 32, "otay/f%u", i);
}

static int set_up(void **state)
{
	struct room *m = calloc(1, sizeof(*m));
	struct stage *s = &m->stage;

	*state = m;
	stage_open(s);
	m->buf = malloc(BIG + 64);
	m->work.stored = malloc(READING_STORED);
	for (unsigned i = 0; i < SIZES; i++) {
		char name[32];

		name_of(name, i);
		m->content[i] = malloc(sizes[i] + 1);
		fixture_fill(m->content[i], sizes[i], i + 1);
		stage_ingest_one(s, STAGE_CAP, "otay", name + 5, m->content[i], sizes[i]);
	}
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(release_set_new(&m->set, s->st->pool), 0);
	return 0;
}

static int tear_down(void **state)
{
	struct room *m = *state;

	release_set_free(m->set);
	stage_close(&m->stage);
	for (unsigned i = 0; i < SIZES; i++)
		free(m->content[i]);
	free(m->buf);
	end_work(&m->work);
	free(m);
	return 0;
}

static struct release *released(struct room *m, const struct stage_terms *t)
{
	struct catchup_result caught;
	uint8_t serial[16];
	struct release *r;
	unsigned bad;
	struct err e;

	stage_release(&m->stage, STAGE_WS, t, serial);
	assert_int_equal(catchup_run(m->stage.st, 0, &caught, NULL, NULL, &e), 0);
	assert_int_equal(release_reload(m->set, m->stage.st, &bad, &e), 0);
	assert_int_equal(bad, 0);
	r = release_find(m->set, serial);
	assert_non_null(r);
	return r;
}

static struct object object(struct room *m, unsigned i)
{
	struct object o;
	char name[32];

	name_of(name, i);
	assert_int_equal(stage_find(&m->stage, name, &o), 0);
	return o;
}

static struct reading *open_item(struct room *m, unsigned i, struct release *r)
{
	struct object o = object(m, i);
	struct reading *rd;
	struct err e = {0};

	if (reading_open(&rd, m->stage.st, &o, r, 1, &e))
		fail_msg("%s", e.text);
	assert_ptr_equal(reading_release(rd), r);
	return rd;
}

static int read_at(struct room *m, struct reading *rd, uint64_t off, size_t n, size_t *got,
		   uint64_t *bad_off, uint64_t *bad_len, struct err *e)
{
	*bad_off = *bad_len = 4711;
	memset(m->buf, 0xee, n + 1);
	memset(e, 0, sizeof(*e));
	return reading_read(rd, off, n, m->buf, got, &m->work, bad_off, bad_len, e);
}

/* [off, off+n) must come out as it was. */
static void same(struct room *m, struct reading *rd, unsigned i, uint64_t off, size_t n)
{
	uint64_t bad_off, bad_len;
	size_t got, want = off < sizes[i] ? sizes[i] - off : 0;
	struct err e;

	if (want > n)
		want = n;
	if (read_at(m, rd, off, n, &got, &bad_off, &bad_len, &e))
		fail_msg("%s", e.text);
	assert_int_equal(got, want);
	assert_memory_equal(m->buf, m->content[i] + off, got);
	assert_int_equal(m->buf[n], 0xee);
}

static void test_whole(void **state)
{
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f0", "otay/f1", "otay/f2", "otay/f3",
						"otay/f4", "otay/f5", "otay/f6", "otay/f7"},
				      .max_bytes = UINT64_C(1) << 40};
	struct release *r = released(m, &t);
	uint64_t opens, bytes, sum = 0;

	assert_int_equal(release_charge_open(r, 1, UINT64_MAX), 0);
	for (unsigned i = 0; i < SIZES; i++) {
		struct reading *rd = open_item(m, i, r);

		same(m, rd, i, 0, BIG);
		assert_int_equal(reading_served(rd), sizes[i]);
		same(m, rd, i, sizes[i], 10);
		same(m, rd, i, UINT64_MAX, 10);
		same(m, rd, i, 0, 0);
		assert_int_equal(reading_served(rd), sizes[i]);
		reading_close(rd);
		sum += sizes[i];
	}
	release_used(r, &opens, &bytes);
	assert_int_equal(bytes, sum);
	assert_int_equal(opens, 1); /* opens are the gate keeper's to charge */
	release_drop(r);
}

static void test_pieces(void **state)
{
	static const uint64_t at[] = {0,
				      1,
				      100,
				      CHUNK - 1,
				      CHUNK,
				      CHUNK + 1,
				      2 * CHUNK - 1,
				      2 * CHUNK,
				      5 * CHUNK - 1,
				      5 * CHUNK,
				      5 * CHUNK + 99};
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f7"}};
	struct release *r = released(m, &t);
	struct reading *rd = open_item(m, 7, r);

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		for (unsigned k = 0; k < sizeof(at) / sizeof(at[0]); k++) {
			same(m, rd, 7, at[i], at[k]);
			same(m, rd, 7, at[i], 4096);
		}
	}
	reading_close(rd);
	release_drop(r);
}

/* Under the key of the whole accession. */
static void test_accession(void **state)
{
	struct room *m = *state;
	struct object o = object(m, 5);
	const struct stage_terms t = {.accession = o.accession};
	struct release *r = released(m, &t);
	struct reading *rd = open_item(m, 5, r);
	struct err e;

	same(m, rd, 5, 0, BIG);
	reading_close(rd);
	/* The others are of other accessions. */
	o = object(m, 6);
	assert_int_equal(reading_open(&rd, m->stage.st, &o, r, 1, &e), ERR_NOT_COVERED);
	assert_null(rd);
	release_drop(r);
}

static void test_not_covered(void **state)
{
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f5"}};
	struct release *r = released(m, &t);
	struct object o = object(m, 6);
	struct reading *rd;
	struct err e;

	assert_int_equal(reading_open(&rd, m->stage.st, &o, r, 1, &e), ERR_NOT_COVERED);
	assert_null(rd);
	release_end(r, ERR_REVOKED);
	o = object(m, 5);
	assert_int_equal(reading_open(&rd, m->stage.st, &o, r, 1, &e), ERR_REVOKED);
	release_drop(r);
}

/* Keys that are not those of the items. */
static void test_wrong_key(void **state)
{
	struct room *m = *state;
	struct object o = object(m, 5);
	const struct stage_terms items = {.paths = {"otay/f5"}, .wrong_key = true};
	const struct stage_terms all = {.accession = o.accession, .wrong_key = true};
	struct release *r = released(m, &items);
	struct reading *rd;
	struct err e;

	assert_int_equal(reading_open(&rd, m->stage.st, &o, r, 1, &e), ERR_DAMAGED);
	assert_null(rd);
	release_drop(r);
	r = released(m, &all);
	assert_int_equal(reading_open(&rd, m->stage.st, &o, r, 1, &e), ERR_DAMAGED);
	release_drop(r);
}

/* An object that is not the one officers looked at, or not what is in the segment. */
static void test_other_object(void **state)
{
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f5", "otay/f6"}};
	struct release *r = released(m, &t);
	struct object o[7], p = object(m, 6);
	struct reading *rd;
	struct err e;

	for (unsigned i = 0; i < 7; i++)
		o[i] = object(m, 5);
	o[0].commitment[31] ^= 1;
	o[1].head[0] ^= 1;
	o[2].size++;
	o[3].length++;
	o[4].headlen = 10;
	o[5].headlen = UINT32_MAX;
	/* The place of another item, and all that goes with it. */
	memcpy(o[6].segment, p.segment, 16);
	o[6].offset = p.offset;
	o[6].headlen = p.headlen;
	memcpy(o[6].head, p.head, 32);
	/* Another item of the same id is none that was released. */
	assert_int_equal(reading_open(&rd, m->stage.st, &o[0], r, 1, &e), ERR_NOT_COVERED);
	assert_null(rd);
	for (unsigned i = 1; i < 7; i++) {
		e = (struct err){0};
		assert_int_equal(reading_open(&rd, m->stage.st, &o[i], r, 1, &e), ERR_DAMAGED);
		assert_null(rd);
		assert_non_null(strstr(e.text, "damaged"));
	}
	memset(o[0].segment, 1, 16);
	o[0].commitment[31] ^= 1;
	assert_int_equal(reading_open(&rd, m->stage.st, &o[0], r, 1, &e), ERR_DAMAGED);
	release_drop(r);
}

/* ---- damaged content ---- */

static void segment_file(const struct room *m, const struct object *o, char path[FIXTURE_PATH])
{
	char name[SEGMENT_PATH_MAX];

	segment_path(name, o->segment);
	assert_true(snprintf(path, FIXTURE_PATH, "%s/segments/%s", m->stage.archive, name) <
		    FIXTURE_PATH);
}

static void flip(const struct room *m, const struct object *o, uint64_t at)
{
	char path[FIXTURE_PATH];
	FILE *f;
	int c;

	segment_file(m, o, path);
	f = fopen(path, "r+");
	assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
	c = fgetc(f);
	assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
	fputc(c ^ 1, f);
	fclose(f);
}

static bool untouched(const uint8_t *p, size_t n, const uint8_t *secret)
{
	for (size_t i = 0; i + 16 <= n; i++) {
		if (memcmp(p + i, secret, 16) == 0)
			return false;
	}
	return true;
}

static void test_flipped(void **state)
{
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f7"}};
	struct release *r = released(m, &t);
	struct reading *rd = open_item(m, 7, r);
	struct object o = object(m, 7);
	uint64_t first = o.offset + o.headlen, bad_off, bad_len;
	struct err e;
	size_t got;

	for (uint64_t chunk = 0; chunk < 6; chunk++) {
		uint64_t stored = chunk * (CHUNK + 16);
		uint64_t in[] = {0, 77, chunk < 5 ? CHUNK + 15 : 115};

		for (unsigned i = 0; i < 3; i++) {
			flip(m, &o, first + stored + in[i]);
			assert_int_equal(read_at(m, rd, 0, BIG, &got, &bad_off, &bad_len, &e),
					 ERR_DAMAGED);
			assert_int_equal(got, 0);
			assert_int_equal(bad_off, chunk * CHUNK);
			assert_int_equal(bad_len, chunk < 5 ? CHUNK : 100);
			assert_non_null(strstr(e.text, "damaged"));
			/* Nothing of what came before is given out. */
			assert_true(untouched(m->buf, BIG, m->content[7] + 50));
			/* Other chunks are as good as ever. */
			if (chunk > 0)
				same(m, rd, 7, 0, chunk * CHUNK);
			if (chunk < 5)
				same(m, rd, 7, (chunk + 1) * CHUNK, BIG);
			assert_int_equal(read_at(m, rd, chunk * CHUNK + 5, 1, &got, &bad_off,
						 &bad_len, &e),
					 ERR_DAMAGED);
			flip(m, &o, first + stored + in[i]);
		}
	}
	same(m, rd, 7, 0, BIG);
	reading_close(rd);
	release_drop(r);
}

static void truncate_at(const struct room *m, const struct object *o, uint64_t size)
{
	char path[FIXTURE_PATH], *p;
	size_t n;

	segment_file(m, o, path);
	p = fixture_read(path, &n);
	assert_true(size <= n);
	fixture_write(path, p, size);
	free(p);
}

static void test_cut(void **state)
{
	static const uint64_t left[] = {0, 1, CHUNK + 16, 3 * (CHUNK + 16), 4 * (CHUNK + 16) - 1};
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f7"}};
	struct release *r = released(m, &t);
	struct reading *rd = open_item(m, 7, r);
	struct object o = object(m, 7);
	char path[FIXTURE_PATH], *whole;
	uint64_t bad_off, bad_len;
	struct err e;
	size_t got, n;

	segment_file(m, &o, path);
	whole = fixture_read(path, &n);
	for (unsigned i = 0; i < 5; i++) {
		uint64_t chunk = left[i] / (CHUNK + 16);

		/* fixture_write() writes the same file: the descriptor sees it. */
		truncate_at(m, &o, o.offset + o.headlen + left[i]);
		assert_int_equal(read_at(m, rd, 0, BIG, &got, &bad_off, &bad_len, &e), ERR_DAMAGED);
		assert_int_equal(bad_off, chunk * CHUNK);
		assert_int_equal(bad_len, CHUNK);
		if (chunk)
			same(m, rd, 7, 0, chunk * CHUNK);
		fixture_write(path, whole, n);
	}
	same(m, rd, 7, 0, BIG);
	free(whole);
	reading_close(rd);
	release_drop(r);
}

/* Chunks that change places, and one that is another item's. */
static void test_swapped(void **state)
{
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f7"}};
	struct release *r = released(m, &t);
	struct reading *rd = open_item(m, 7, r);
	struct object o = object(m, 7);
	char path[FIXTURE_PATH], *p, *q;
	uint64_t bad_off, bad_len;
	struct err e;
	size_t got, n;

	segment_file(m, &o, path);
	p = fixture_read(path, &n);
	q = p + o.offset + o.headlen;
	for (unsigned i = 0; i < CHUNK + 16; i++) {
		char c = q[CHUNK + 16 + i];

		q[CHUNK + 16 + i] = q[2 * (CHUNK + 16) + i];
		q[2 * (CHUNK + 16) + i] = c;
	}
	fixture_write(path, p, n);
	assert_int_equal(read_at(m, rd, 0, BIG, &got, &bad_off, &bad_len, &e), ERR_DAMAGED);
	assert_int_equal(bad_off, CHUNK);
	assert_int_equal(read_at(m, rd, 2 * CHUNK, 5, &got, &bad_off, &bad_len, &e), ERR_DAMAGED);
	same(m, rd, 7, 0, CHUNK);
	/* All zeros. */
	memset(q, 0, CHUNK + 16);
	fixture_write(path, p, n);
	assert_int_equal(read_at(m, rd, 0, 5, &got, &bad_off, &bad_len, &e), ERR_DAMAGED);
	free(p);
	reading_close(rd);
	release_drop(r);
}

/* ---- the release ends ---- */

static void test_ends(void **state)
{
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f5"}};
	struct release *r = released(m, &t);
	struct reading *rd = open_item(m, 5, r);
	uint64_t bad_off, bad_len;
	struct err e;
	size_t got;

	same(m, rd, 5, 0, 10);
	assert_true(release_end(r, ERR_REVOKED));
	assert_int_equal(read_at(m, rd, 0, 10, &got, &bad_off, &bad_len, &e), ERR_REVOKED);
	assert_int_equal(got, 0);
	assert_int_equal(read_at(m, rd, 0, 0, &got, &bad_off, &bad_len, &e), ERR_REVOKED);
	assert_int_equal(reading_served(rd), 10);
	reading_close(rd);
	release_drop(r);
}

/* Bytes of the pool that can be had: everything is taken, in blocks as large as there are. */
static size_t left_in_pool(const struct room *m)
{
	struct secret_pool *pool = m->stage.st->pool;
	void *block[1000];
	size_t n = 0, sum = 0;

	for (size_t size = (size_t)1 << 22; size >= 16; size /= 2) {
		while ((block[n] = secret_take(pool, size))) {
			sum += size;
			assert_true(++n < 1000);
		}
	}
	while (n > 0)
		secret_give(pool, block[--n]);
	return sum;
}

/* No handle, left open for as long as its owner likes, keeps a key past the release. */
static void test_wiped(void **state)
{
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f5", "otay/f7"}};
	const size_t before = left_in_pool(m);
	struct release *r = released(m, &t);
	struct reading *rd[4];
	size_t closed;

	for (unsigned i = 0; i < 4; i++)
		rd[i] = open_item(m, i % 2 ? 5 : 7, r);
	same(m, rd[0], 7, 0, BIG);
	closed = left_in_pool(m);
	reading_close(rd[2]);
	assert_true(left_in_pool(m) > closed);
	assert_true(left_in_pool(m) < before);
	assert_true(release_end(r, ERR_EXPIRED));
	assert_int_equal(left_in_pool(m), before);
	reading_close(rd[0]);
	reading_close(rd[3]);
	reading_close(rd[1]);
	assert_int_equal(left_in_pool(m), before);
	release_drop(r);
}

/* Even if nobody ends it in time. */
static void test_expires(void **state)
{
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f5"}, .until_ms = 3000};
	const struct timespec pause = {.tv_sec = 4};
	struct release *r = released(m, &t);
	struct reading *rd = open_item(m, 5, r);
	uint64_t bad_off, bad_len;
	struct err e;
	size_t got;

	same(m, rd, 5, 0, 10);
	nanosleep(&pause, NULL);
	assert_int_equal(read_at(m, rd, 0, 10, &got, &bad_off, &bad_len, &e), ERR_EXPIRED);
	reading_close(rd);
	release_drop(r);
}

static void test_budget(void **state)
{
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f5"}, .max_bytes = CHUNK + 11};
	struct release *r = released(m, &t);
	struct reading *rd = open_item(m, 5, r);
	const struct object o = object(m, 5);
	uint64_t bad_off, bad_len, opens, bytes;
	struct err e;
	size_t got;

	assert_int_equal(read_at(m, rd, 0, 1, &got, &bad_off, &bad_len, &e), ERR_NOTFOUND);
	assert_int_equal(release_charge_open(r, 1, o.size), 0);
	same(m, rd, 5, 0, BIG); /* what lies past the end is not charged */
	release_used(r, &opens, &bytes);
	assert_int_equal(bytes, CHUNK + 1);
	same(m, rd, 5, 0, BIG); /* nor what this handle has read before */
	release_used(r, &opens, &bytes);
	assert_int_equal(bytes, CHUNK + 1);
	reading_close(rd);
	assert_int_equal(reading_open(&rd, m->stage.st, &o, r, 2, &e), 0);
	assert_int_equal(release_charge_open(r, 2, o.size), 0);
	assert_int_equal(read_at(m, rd, 0, 11, &got, &bad_off, &bad_len, &e), ERR_BUDGET);
	same(m, rd, 5, 0, 10);
	assert_int_equal(read_at(m, rd, 0, 1, &got, &bad_off, &bad_len, &e), ERR_BUDGET);
	reading_close(rd);
	release_drop(r);
}

/* Keys go back to the pool, also from what failed. */
static void test_pool(void **state)
{
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f5"}};
	struct release *r = released(m, &t);
	struct object o = object(m, 5), bad = o;
	struct reading *rd;
	struct err e;

	bad.head[0] ^= 1;
	for (unsigned i = 0; i < 10000; i++) {
		assert_int_equal(reading_open(&rd, m->stage.st, &o, r, 1, &e), 0);
		reading_close(rd);
		assert_int_equal(reading_open(&rd, m->stage.st, &bad, r, 1, &e), ERR_DAMAGED);
	}
	reading_close(NULL);
	release_drop(r);
}

/* ---- threads ---- */

struct reader {
	struct room *m;
	struct reading *rd;
	uint32_t seed;
};

static void *read_many(void *arg)
{
	struct reader *a = arg;
	struct reading_work work = {.stored = malloc(READING_STORED)};
	uint8_t *buf = malloc(BIG);
	uint32_t x = a->seed;
	uint64_t bad_off, bad_len;
	void *wrong = NULL;
	size_t got;

	for (unsigned i = 0; i < 300 && !wrong; i++) {
		uint64_t off;
		size_t n;

		x = x * 1664525 + 1013904223;
		off = x % BIG;
		n = (x >> 8) % (3 * CHUNK);
		if (reading_read(a->rd, off, n, buf, &got, &work, &bad_off, &bad_len, NULL) ||
		    got != (n < BIG - off ? n : BIG - off) ||
		    memcmp(buf, a->m->content[7] + off, got) != 0)
			wrong = a;
	}
	free(buf);
	end_work(&work);
	return wrong;
}

static void test_threads(void **state)
{
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f7"}};
	struct release *r = released(m, &t);
	struct reading *rd = open_item(m, 7, r);
	struct reader readers[4];
	pthread_t thread[4];

	for (uint32_t i = 0; i < 4; i++) {
		readers[i] = (struct reader){m, rd, i};
		assert_int_equal(pthread_create(&thread[i], NULL, read_many, &readers[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		void *wrong;

		pthread_join(thread[i], &wrong);
		assert_null(wrong);
	}
	reading_close(rd);
	release_drop(r);
}

struct late {
	struct room *m;
	struct release *r;
	struct reading *rd; /* NULL: open one for each read */
	struct object o;
	int why; /* the end it met */
};

/* Read until the release ends: all of it or nothing, and nothing after the end. */
static void *read_to_end(void *arg)
{
	struct late *a = arg;
	struct reading_work work = {.stored = malloc(READING_STORED)};
	uint8_t *buf = malloc(BIG);
	uint64_t bad_off, bad_len;
	void *wrong = NULL;
	size_t got;

	while (!wrong && a->why == 0) {
		struct reading *rd = a->rd;

		if (!rd)
			a->why = reading_open(&rd, a->m->stage.st, &a->o, a->r, 1, NULL);
		if (a->why)
			break;
		a->why = reading_read(rd, 0, BIG, buf, &got, &work, &bad_off, &bad_len, NULL);
		if (got != (a->why ? 0 : BIG) || memcmp(buf, a->m->content[7], got) != 0)
			wrong = a;
		if (!a->rd)
			reading_close(rd);
	}
	free(buf);
	end_work(&work);
	return wrong;
}

static void test_end_meets_read(void **state)
{
	struct room *m = *state;
	const struct stage_terms t = {.paths = {"otay/f7"}};
	const struct timespec pause = {.tv_nsec = 30000000};
	const size_t before = left_in_pool(m);

	for (unsigned round = 0; round < 5; round++) {
		struct release *r = released(m, &t);
		struct reading *rd = open_item(m, 7, r);
		struct late late[4];
		pthread_t thread[4];

		for (unsigned i = 0; i < 4; i++) {
			late[i] = (struct late){m, r, i % 2 ? rd : NULL, object(m, 7), 0};
			assert_int_equal(pthread_create(&thread[i], NULL, read_to_end, &late[i]),
					 0);
		}
		nanosleep(&pause, NULL);
		assert_true(release_end(r, ERR_REVOKED));
		for (unsigned i = 0; i < 4; i++) {
			void *wrong;

			pthread_join(thread[i], &wrong);
			assert_null(wrong);
			assert_int_equal(late[i].why, ERR_REVOKED);
		}
		assert_int_equal(left_in_pool(m), before);
		reading_close(rd);
		release_drop(r);
	}
}

#define IN_ROOM(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_ROOM(test_whole),	      IN_ROOM(test_pieces),    IN_ROOM(test_accession),
		IN_ROOM(test_not_covered),    IN_ROOM(test_wrong_key), IN_ROOM(test_other_object),
		IN_ROOM(test_flipped),	      IN_ROOM(test_cut),       IN_ROOM(test_swapped),
		IN_ROOM(test_ends),	      IN_ROOM(test_expires),   IN_ROOM(test_budget),
		IN_ROOM(test_pool),	      IN_ROOM(test_threads),   IN_ROOM(test_wiped),
		IN_ROOM(test_end_meets_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
