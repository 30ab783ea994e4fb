/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appending when the system fails: full disks, failing writes and syncs. What was acknowledged is
 * there afterwards; what was not, is not half there.
 */
#include "index/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/journals.h"

/* ---- the system calls under test, which fail when they are told to ---- */

/* How many calls from now (1: the next) fails, once; 0: none. Set while no other thread runs. */
static struct {
	int write, sync, cut;
} fail;

static bool now(int *n)
{
	return *n > 0 && --*n == 0;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
	/* the mark in journal.lock, which may be missed, is not counted */
	if (!(n > 8 && memcmp(p, "CUSTMRK1", 8) == 0) && now(&fail.write)) {
		/* Half of it is written, as when a disk fills up; the rest fails. */
		syscall(SYS_pwrite64, fd, p, n / 2, off);
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, p, n, off);
}

int fdatasync(int fd)
{
	if (now(&fail.sync)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t n)
{
	if (now(&fail.cut)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_ftruncate, fd, n);
}

/* ---- failing calls ---- */

static int add_one(struct journal *j, uint64_t handle, struct err *e)
{
	struct event ev = {.type = EVENT_CLOSED, .handle = handle};

	return journal_append(j, &ev, 1, e);
}

static void test_failed_write_is_taken_back(void **state)
{
	struct event ev[3] = {
		{.type = EVENT_UNMOUNTED}, {.type = EVENT_UNMOUNTED}, {.type = EVENT_UNMOUNTED}};
	struct journal_start before, after;
	struct journals t;
	struct journal *j;
	struct err e = {0};

	(void)state;
	journals_new(&t);
	j = journals_must_open(&t);
	journals_add(j, 2);
	journals_check(&t, &before);
	for (int i = 0; i < 3; i++) {
		fail.write = 1;
		assert_int_equal(journal_append(j, ev, 3, &e), ERR_SYSTEM);
		assert_non_null(strstr(e.text, ".jsonl"));
		assert_non_null(strstr(e.text, "Input/output error"));
		assert_int_equal(journals_check(&t, &after), 3);
		assert_int_equal(after.state.bytes, before.state.bytes);
		journal_state(j, &after);
		assert_int_equal(after.state.bytes, before.state.bytes);
	}
	assert_int_equal(journal_append(j, ev, 3, &e), 0);
	assert_int_equal(ev[2].seq, 5);
	assert_int_equal(journal_close(j, NULL), 0);
	assert_int_equal(journals_check(&t, NULL), 6);
	journals_check_signed(&t);
	journals_free(&t);
}

/* After this nothing is ever acknowledged, nor signed. */
static void assert_dead(struct journals *t, struct journal *j)
{
	struct journal_start s;
	struct err e = {0};
	size_t n, m;

	free(journals_get(t, "jsonl", &n));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(add_one(j, 1, &e), ERR_SYSTEM);
		assert_non_null(strstr(e.text, "nothing is written to it any more"));
		assert_non_null(strstr(e.text, "Input/output error"));
		assert_int_equal(journal_checkpoint(j, &e), ERR_SYSTEM);
	}
	journal_state(j, &s);
	assert_int_equal(s.state.range.size, 3);
	assert_int_equal(journal_close(j, &e), ERR_SYSTEM);
	free(journals_get(t, "jsonl", &m));
	assert_int_equal(n, m);
	assert_null(journals_get(t, "checkpoint", NULL));
}

static void test_failed_sync_is_for_ever(void **state)
{
	struct journals t;
	struct journal *j;
	struct err e = {0};

	(void)state;
	journals_new(&t);
	j = journals_must_open(&t);
	journals_add(j, 2);
	fail.sync = 1;
	assert_int_equal(add_one(j, 7, &e), ERR_SYSTEM);
	assert_non_null(strstr(e.text, "durable"));
	assert_dead(&t, j);
	/* Nor does a line remain on which another process could build. */
	assert_int_equal(journals_check(&t, NULL), 3);
	assert_int_equal(journal_close(journals_must_open(&t), NULL), 0);
	journals_check_signed(&t);
	journals_free(&t);
}

/* Another process may have died between its write and its sync: what it wrote is made durable before
 * anybody acts on it or signs it. */
static void test_lines_of_others_are_synced(void **state)
{
	struct journal *a, *b;
	struct journals t;
	struct err e = {0};

	(void)state;
	journals_new(&t);
	a = journals_must_open(&t);
	journals_add(a, 2);
	fail.sync = 1;
	assert_int_equal(journals_open(&t, &b, &e), ERR_SYSTEM);
	b = journals_must_open(&t);
	journals_add(a, 1);
	fail.sync = 1;
	assert_int_equal(journal_checkpoint(b, &e), ERR_SYSTEM);
	assert_null(journals_get(&t, "checkpoint", NULL));
	assert_int_equal(journal_close(b, NULL), ERR_SYSTEM);
	assert_int_equal(journal_close(a, NULL), 0);
	journals_check_signed(&t);
	journals_free(&t);
}

/* 1: ftruncate fails, 2: the sync after it. */
static void taking_back_fails(int how)
{
	struct journals t;
	struct journal *j;
	struct err e = {0};
	struct event ev;

	journals_new(&t);
	j = journals_must_open(&t);
	journals_add(j, 2);
	fail.write = 1;
	fail.cut = how == 1;
	fail.sync = how == 2;
	assert_int_equal(add_one(j, 7, &e), ERR_SYSTEM);
	assert_non_null(strstr(e.text, "half a line"));
	assert_dead(&t, j);
	/* The next process finds the half and records it. */
	j = journals_must_open(&t);
	journals_last(&t, &ev);
	assert_int_equal(ev.type, how == 1 ? EVENT_RECOVERED : EVENT_CLOSED);
	assert_int_equal(journal_close(j, NULL), 0);
	assert_int_equal(journals_check(&t, NULL), how == 1 ? 4 : 3);
	journals_check_signed(&t);
	journals_free(&t);
}

static void test_half_a_line_that_stays(void **state)
{
	(void)state;
	taking_back_fails(1);
	taking_back_fails(2);
}

/* Each system call of an opening that has a tail to cut fails in turn; the next one succeeds, and
 * the tail is on record all the same. */
static void test_failing_recovery(void **state)
{
	static const struct {
		int write, sync, cut;
	} when[] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 2, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(when) / sizeof(when[0]); i++) {
		struct journals t;
		struct journal *j;
		struct err e = {0};
		struct event ev;
		size_t n;
		char *p;

		journals_new(&t);
		journals_make(&t, 0, 3);
		p = journals_get(&t, "jsonl", &n);
		p = realloc(p, n + 900); /* longer than the line that replaces it */
		assert_non_null(p);
		memset(p + n, 'x', 900);
		journals_put(&t, "jsonl", p, n + 900);
		free(p);
		fail.write = when[i].write;
		fail.sync = when[i].sync;
		fail.cut = when[i].cut;
		assert_int_equal(journals_open(&t, &j, &e), ERR_SYSTEM);
		assert_true(fail.write == 0 && fail.sync == 0 && fail.cut == 0);
		assert_int_equal(journal_close(journals_must_open(&t), NULL), 0);
		journals_last(&t, &ev);
		assert_int_equal(ev.type, EVENT_RECOVERED);
		journals_check_signed(&t);
		journals_free(&t);
	}
}

/* A journal that can't be begun leaves nothing that stands in the way. */
static void test_failing_start(void **state)
{
	struct journals t;
	struct journal *j;
	struct err e = {0};

	(void)state;
	journals_new(&t);
	fail.write = 1;
	assert_int_equal(journals_open(&t, &j, &e), ERR_SYSTEM);
	fail.sync = 1;
	assert_int_equal(journals_open(&t, &j, &e), ERR_SYSTEM);
	assert_int_equal(journal_close(journals_must_open(&t), NULL), 0);
	assert_int_equal(journals_check(&t, NULL), 1);
	journals_check_signed(&t);
	journals_free(&t);
}

/* ---- full disks ---- */

/* Append until it fails; then again until it does not, which `relieve` brings about. */
static void fill_up(struct journals *t, void (*relieve)(struct journals *t), int why)
{
	struct journal *j = journals_must_open(t);
	struct journal_start s;
	struct err e = {0};
	uint64_t n = 0;
	int rc;

	while ((rc = add_one(j, ++n, &e)) == 0)
		assert_true(n < 5000);
	assert_int_equal(rc, ERR_SYSTEM);
	assert_non_null(strstr(e.text, strerror(why)));
	assert_true(n > 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(add_one(j, n, &e), ERR_SYSTEM);
	assert_int_equal(journals_check(t, &s), n); /* `started`, and those that were good */

	relieve(t);
	assert_int_equal(add_one(j, n, &e), 0);
	assert_int_equal(journal_close(j, &e), 0);
	assert_int_equal(journals_check(t, NULL), n + 1);
	journals_check_signed(t);
}

static void raise_limit(struct journals *t)
{
	struct rlimit l;

	(void)t;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = l.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void test_file_size_limit(void **state)
{
	struct journals t;
	struct rlimit l;

	(void)state;
	journals_new(&t);
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = 5000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
	fill_up(&t, raise_limit, EFBIG);
	journals_free(&t);
}

static void remove_ballast(struct journals *t)
{
	char path[FIXTURE_PATH + 64];

	snprintf(path, sizeof(path), "%s/ballast", t->dir);
	assert_int_equal(unlink(path), 0);
}

static void test_full_disk(void **state)
{
	char path[FIXTURE_PATH + 64];
	static char ballast[24 << 10];
	struct journals t;

	(void)state;
	/* In a mount namespace of our own, so that nothing stays behind whatever happens. */
	if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		print_message("SKIP: full disk (may not mount)\n");
		skip();
	}
	journals_new(&t);
	close(t.dirfd);
	assert_int_equal(mount("tmpfs", t.dir, "tmpfs", 0, "size=64k"), 0);
	t.dirfd = open(t.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/ballast", t.dir);
	fixture_write(path, ballast, sizeof(ballast));
	fill_up(&t, remove_ballast, ENOSPC);
	close(t.dirfd);
	assert_int_equal(umount2(t.dir, 0), 0);
	t.dirfd = -1;
	journals_free(&t);
}

/* ---- a batch whose leader fails ---- */

#define THREADS 6

static void *append_until_it_fails(void *arg)
{
	struct err e = {0};

	while (add_one(arg, 1, &e) == 0)
		;
	return strstr(e.text, "any more") ? NULL : arg;
}

static void test_all_threads_hear_of_a_failed_sync(void **state)
{
	pthread_t thread[THREADS];
	struct journals t;
	struct journal *j;
	void *bad;

	(void)state;
	journals_new(&t);
	j = journals_must_open(&t);
	fail.sync = 40;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, append_until_it_fails, j), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(thread[i], &bad), 0);
		assert_null(bad);
	}
	assert_int_equal(journal_close(j, NULL), ERR_SYSTEM);
	assert_true(journals_check(&t, NULL) >= 40);
	journals_free(&t);
}

/* ---- a batch with an event that can't be written ---- */

struct waiting {
	pthread_t thread;
	struct journal *j;
	struct event ev[2];
	size_t n;
	int rc;
};

static void *append_batch(void *arg)
{
	struct waiting *w = arg;

	w->rc = journal_append(w->j, w->ev, w->n, NULL);
	return NULL;
}

/* Three appends that wait for one lock, so that two of them at least are written together; the one
 * in the middle has a bad event behind a good one. */
static void one_bad_among_good(int write_fails)
{
	struct waiting w[3];
	struct journals t;
	struct journal *j;
	int fd;

	journals_new(&t);
	j = journals_must_open(&t);
	fd = openat(t.dirfd, "journal.lock", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	fail.write = write_fails;
	for (unsigned i = 0; i < 3; i++) {
		w[i] = (struct waiting){.j = j, .n = 2};
		w[i].ev[0].type = EVENT_UNMOUNTED;
		w[i].ev[1].type = i == 1 ? EVENT_UNKNOWN : EVENT_UNMOUNTED;
		assert_int_equal(pthread_create(&w[i].thread, NULL, append_batch, &w[i]), 0);
		usleep(30000); /* in this order, as a rule; nothing below depends on it */
	}
	assert_int_equal(flock(fd, LOCK_UN), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
	close(fd);
	assert_int_equal(w[1].rc, ERR_USAGE);
	assert_int_equal(w[0].rc || w[2].rc, write_fails != 0);
	fail.write = 0;
	assert_int_equal(journal_close(j, NULL), 0);
	assert_int_equal(journals_check(&t, NULL), 1 + 2 * (w[0].rc == 0) + 2 * (w[2].rc == 0));
	journals_check_signed(&t);
	journals_free(&t);
}

static void test_one_bad_event_in_a_batch(void **state)
{
	(void)state;
	one_bad_among_good(0);
	one_bad_among_good(1); /* the first write: that of the first append, alone */
	one_bad_among_good(2); /* that of the others, together */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failed_write_is_taken_back),
		cmocka_unit_test(test_failed_sync_is_for_ever),
		cmocka_unit_test(test_lines_of_others_are_synced),
		cmocka_unit_test(test_half_a_line_that_stays),
		cmocka_unit_test(test_failing_recovery),
		cmocka_unit_test(test_failing_start),
		cmocka_unit_test(test_file_size_limit),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_all_threads_hear_of_a_failed_sync),
		cmocka_unit_test(test_one_bad_event_in_a_batch),
	};

	return cmocka_run_group_tests_name("journal_write", tests, NULL, NULL);
}
