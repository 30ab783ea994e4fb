/* SPDX-License-Identifier: Apache-2.0 */
/* secret: the pool, what the kernel was told about it, and what misuse leads to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/secret.h"

#define POOL 16384

static int make_pool(void **state)
{
	struct secret_pool *p;
	struct err e = {0};

	if (secret_pool_new(&p, POOL, &e)) {
		print_message("%s\n", e.text);
		return -1;
	}
	*state = p;
	return 0;
}

static int free_pool(void **state)
{
	secret_pool_free(*state);
	return 0;
}

static int all_are(const void *p, uint8_t v, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		if (b[i] != v)
			return 0;
	return 1;
}

/* Run fn in a forked child without core dumps; its wait status. fn's return is the exit code. */
static int in_child(int (*fn)(void *), void *arg)
{
	struct rlimit core;
	int status;
	pid_t pid;

	assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
	core.rlim_cur = 0;
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		setrlimit(RLIMIT_CORE, &core);
		_exit(fn(arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#define assert_child_ok(fn, arg)                           \
	do {                                               \
		int status_ = in_child(fn, arg);           \
		assert_true(WIFEXITED(status_));           \
		assert_int_equal(WEXITSTATUS(status_), 0); \
	} while (0)

static void assert_child_killed(int (*fn)(void *), void *arg, int sig)
{
	int status = in_child(fn, arg);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), sig);
}

static void test_take_give(void **state)
{
	struct secret_pool *p = *state;
	uint8_t *a = secret_take(p, 1), *b = secret_take(p, 17), *c = secret_take(p, 0);

	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	assert_int_equal((uintptr_t)a % 16, 0);
	assert_int_equal((uintptr_t)b % 16, 0);
	assert_int_equal((uintptr_t)c % 16, 0);
	assert_true(b >= a + 1 && c >= b + 17);
	assert_true(all_are(b, 0, 17));
	memset(b, 0xaa, 17);
	secret_give(p, b);
	assert_true(all_are(b, 0, 32)); /* wiped at once */
	assert_ptr_equal(secret_take(p, 32), b);
	assert_true(all_are(b, 0, 32));
	secret_give(p, a);
	secret_give(p, b);
	secret_give(p, c);
	secret_give(p, NULL);
}

static void test_full(void **state)
{
	struct secret_pool *p = *state;
	void *all = secret_take(p, POOL), *half, *other;

	assert_non_null(all);
	assert_null(secret_take(p, 1));
	secret_give(p, all);
	assert_null(secret_take(p, POOL + 1));
	assert_null(secret_take(p, SIZE_MAX));
	assert_null(secret_take(p, SIZE_MAX - 15));
	half = secret_take(p, POOL / 2);
	other = secret_take(p, POOL / 2);
	assert_non_null(half);
	assert_non_null(other);
	assert_null(secret_take(p, 16));
	secret_give(p, half);
	assert_null(secret_take(p, POOL / 2 + 1));
	secret_give(p, other);
	/* The halves have become one again. */
	assert_ptr_equal(all = secret_take(p, POOL), half);
	secret_give(p, all);
}

/* Many takes and gives: no block overlaps another, is unwiped, or is lost. */
static void test_random_use(void **state)
{
	struct secret_pool *p = *state;
	struct {
		uint8_t *p;
		size_t n;
	} held[64] = {{0}};
	unsigned r = 1, failed = 0;
	void *all;

	for (int step = 0; step < 20000; step++) {
		size_t i, n;

		r = r * 1103515245u + 12345u;
		i = (r >> 16) % 64;
		n = (r >> 8) % 700;
		if (held[i].p) {
			assert_true(all_are(held[i].p, (uint8_t)(i + 1), held[i].n));
			secret_give(p, held[i].p);
			held[i].p = NULL;
			continue;
		}
		held[i].p = secret_take(p, n);
		held[i].n = n;
		failed += !held[i].p;
		if (held[i].p) {
			assert_true(all_are(held[i].p, 0, n));
			memset(held[i].p, (int)i + 1, n);
		}
	}
	assert_true(failed > 0); /* the pool was full at times */
	for (size_t i = 0; i < 64; i++)
		secret_give(p, held[i].p);
	all = secret_take(p, POOL);
	assert_non_null(all);
	assert_true(all_are(all, 0, POOL));
	secret_give(p, all);
}

static void test_bounds(void **state)
{
	struct secret_pool *p = (void *)state;
	struct err e = {0};

	assert_int_equal(secret_pool_new(&p, 0, &e), ERR_USAGE);
	assert_null(p);
	assert_int_equal(secret_pool_new(&p, SIZE_MAX, &e), ERR_USAGE);
	assert_int_equal(secret_pool_new(&p, SIZE_MAX, NULL), ERR_USAGE);
	assert_null(p);
	secret_pool_free(NULL);
	/* One byte makes a page. */
	assert_int_equal(secret_pool_new(&p, 1, &e), 0);
	assert_non_null(secret_take(p, (size_t)sysconf(_SC_PAGESIZE)));
	secret_pool_free(p);
}

/* The VmFlags of the map that holds addr, from smaps. */
static void map_flags(const void *addr, char *out, size_t cap)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	unsigned long from, to;
	int here = 0;

	assert_non_null(f);
	out[0] = '\0';
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = (uintptr_t)addr >= from && (uintptr_t)addr < to;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(out, cap, "%s", line + 8);
	}
	fclose(f);
}

static void test_kernel_knows(void **state)
{
	struct secret_pool *p = *state;
	uint8_t *all = secret_take(p, POOL);
	char flags[512];

	for (size_t off = 0; off < POOL; off += POOL - 1) { /* first and last byte */
		map_flags(all + off, flags, sizeof(flags));
		assert_non_null(strstr(flags, " lo")); /* locked */
		assert_non_null(strstr(flags, " dd")); /* not in core dumps */
		assert_non_null(strstr(flags, " wf")); /* wiped on fork */
	}
	secret_give(p, all);
}

static int child_sees_zeros(void *block)
{
	return all_are(block, 0, POOL) ? 0 : 1;
}

static void test_fork(void **state)
{
	struct secret_pool *p = *state;
	uint8_t *all = secret_take(p, POOL);

	memset(all, 0x5a, POOL);
	assert_child_ok(child_sees_zeros, all);
	assert_true(all_are(all, 0x5a, POOL)); /* and we keep ours */
	secret_give(p, all);
}

static int child_writes_past(void *end)
{
	*(volatile uint8_t *)end = 1;
	return 0;
}

static void test_guard(void **state)
{
	struct secret_pool *p = *state;
	uint8_t *all = secret_take(p, POOL);

	assert_child_killed(child_writes_past, all + POOL, SIGSEGV);
	secret_give(p, all);
}

struct give {
	struct secret_pool *pool;
	void *block;
};

static int child_gives(void *arg)
{
	struct give *g = arg;

	secret_give(g->pool, g->block);
	return 0;
}

static void test_bad_gives(void **state)
{
	struct secret_pool *p = *state;
	uint8_t *a = secret_take(p, 64), other[64];
	struct give g = {p, a};

	assert_child_ok(child_gives, &g);
	g.block = a + 16; /* inside a block */
	assert_child_killed(child_gives, &g, SIGABRT);
	g.block = a + 1;
	assert_child_killed(child_gives, &g, SIGABRT);
	g.block = a - 16;
	assert_child_killed(child_gives, &g, SIGABRT);
	g.block = a + POOL;
	assert_child_killed(child_gives, &g, SIGABRT);
	g.block = other;
	assert_child_killed(child_gives, &g, SIGABRT);
	secret_give(p, a);
	g.block = a; /* twice */
	assert_child_killed(child_gives, &g, SIGABRT);
}

/* Root may lock without limit, so become nobody. */
static int limit_locking(rlim_t bytes)
{
	const struct rlimit limit = {bytes, bytes};

	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		return -1;
	if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
		return -1;
	return 0;
}

static int child_may_not_lock(void *arg)
{
	struct secret_pool *p = arg;
	struct err e = {0};

	if (limit_locking(0))
		return 1;
	if (secret_pool_new(&p, POOL, &e) != ERR_SYSTEM || p)
		return 2;
	if (e.code != ERR_SYSTEM || !strstr(e.text, "RLIMIT_MEMLOCK"))
		return 3;
	return secret_pool_new(&p, POOL, NULL) == ERR_SYSTEM ? 0 : 4;
}

static int child_may_lock_little(void *arg)
{
	struct secret_pool *p = arg;

	if (limit_locking(64 * 1024))
		return 1;
	if (secret_pool_new(&p, 1024 * 1024, NULL) != ERR_SYSTEM)
		return 2;
	/* The refused pool must not have used the limit up. */
	if (secret_pool_new(&p, POOL, NULL) != 0)
		return 3;
	secret_pool_free(p);
	return 0;
}

static void test_lock_refused(void **state)
{
	(void)state;
	assert_child_ok(child_may_not_lock, NULL);
	assert_child_ok(child_may_lock_little, NULL);
}

static int child_hardens(void *arg)
{
	struct rlimit now;

	(void)arg;
	if (getrlimit(RLIMIT_CORE, &now) != 0)
		return 5;
	now.rlim_cur = now.rlim_max;
	if (setrlimit(RLIMIT_CORE, &now) != 0)
		return 6;
	if (secret_harden(NULL) != 0)
		return 1;
	if (prctl(PR_GET_DUMPABLE) != 0)
		return 2;
	if (getrlimit(RLIMIT_CORE, &now) != 0)
		return 3;
	return now.rlim_cur == 0 && now.rlim_max == 0 ? 0 : 4;
}

static void test_harden(void **state)
{
	(void)state;
	assert_child_ok(child_hardens, NULL);
}

static void test_wipe_equal(void **state)
{
	uint8_t a[64], b[64];

	(void)state;
	memset(a, 1, sizeof(a));
	memset(b, 1, sizeof(b));
	assert_int_equal(secret_equal(a, b, 64), 1);
	for (size_t i = 0; i < 64; i++) {
		b[i] ^= 0x80;
		assert_int_equal(secret_equal(a, b, 64), 0);
		b[i] ^= 0x80;
	}
	b[63] = 0;
	assert_int_equal(secret_equal(a, b, 63), 1);
	assert_int_equal(secret_equal(a, b, 0), 1);
	secret_wipe(a, 63);
	assert_true(all_are(a, 0, 63));
	assert_int_equal(a[63], 1);
	secret_wipe(a, 0);
}

static void test_random(void **state)
{
	uint8_t a[64] = {0}, b[64] = {0};

	(void)state;
	secret_random(a, 32);
	secret_random(b, 32);
	assert_memory_not_equal(a, b, 32);
	assert_false(all_are(a, 0, 32));
	assert_true(all_are(a + 32, 0, 32));
	secret_random(a, 0);
}

static void *worker(void *arg)
{
	struct secret_pool *p = arg;

	for (int i = 0; i < 2000; i++) {
		uint8_t *b = secret_take(p, 96);

		if (!b)
			return arg; /* 4 x 96 bytes always fit */
		if (!all_are(b, 0, 96))
			return arg;
		memset(b, i & 0xff, 96);
		if (!all_are(b, (uint8_t)i, 96))
			return arg;
		secret_give(p, b);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t t[4];
	void *failed;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, worker, *state), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &failed), 0);
		assert_null(failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_take_give, make_pool, free_pool),
		cmocka_unit_test_setup_teardown(test_full, make_pool, free_pool),
		cmocka_unit_test_setup_teardown(test_random_use, make_pool, free_pool),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test_setup_teardown(test_kernel_knows, make_pool, free_pool),
		cmocka_unit_test_setup_teardown(test_fork, make_pool, free_pool),
		cmocka_unit_test_setup_teardown(test_guard, make_pool, free_pool),
		cmocka_unit_test_setup_teardown(test_bad_gives, make_pool, free_pool),
		cmocka_unit_test(test_lock_refused),
		cmocka_unit_test(test_harden),
		cmocka_unit_test(test_wipe_equal),
		cmocka_unit_test(test_random),
		cmocka_unit_test_setup_teardown(test_threads, make_pool, free_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
