/* SPDX-License-Identifier: Apache-2.0 */
/* db_open: whose index it is, who has it open, and what a killed process leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/db.h"
#include "index/db_internal.h"
#include "tests/lib/place.h"

static struct db *open_index(const struct place *p, bool create)
{
	struct err e = {0};
	struct db *db;
	int rc = place_try(p, create, &db, &e);

	if (rc)
		print_message("db_open: %s\n", e.text);
	assert_int_equal(rc, 0);
	return db;
}

static void refused(const struct place *p, bool create, const char *why)
{
	struct err e = {0};
	struct db *db;

	assert_int_equal(place_try(p, create, &db, &e), ERR_INDEX);
	assert_null(db);
	assert_int_equal(e.code, ERR_INDEX);
	if (!strstr(e.text, why))
		fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

static void test_absent(void **state)
{
	struct place *p = *state;
	struct stat st;

	refused(p, false, "no index");
	assert_int_equal(mkdir(p->index, 0700), 0);
	refused(p, false, "header");
	db_close(open_index(p, true));
	assert_int_equal(stat(p->index, &st), 0);
	assert_int_equal(db_destroy(p->index, NULL), 0);
	refused(p, false, "header");
	fixture_remove(p->index);
	assert_int_equal(db_destroy(p->index, NULL), 0);
	db_close(open_index(p, true));
	assert_int_equal(stat(p->index, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	db_close(NULL);
}

static void test_names(void **state)
{
	struct place *p = *state;
	struct db *db = open_index(p, true);
	uint8_t k[32];

	memcpy(k, db_name_key(db), 32);
	db_close(db);
	assert_int_equal(db_destroy(p->index, NULL), 0);
	db = open_index(p, true);
	assert_memory_equal(k, db_name_key(db), 32);
	db_close(db);
}

/* Another key or archive is refused, and that does no harm. */
static void test_owner(void **state)
{
	static const uint8_t other_key[32] = {9}, other_archive[16] = {9};
	struct place *p = *state;
	struct err e = {0};
	struct db *db = open_index(p, true);

	assert_int_equal(place_put(db, 1, "x", 1), 0);
	db_close(db);
	for (int create = 0; create < 2; create++) {
		assert_int_equal(db_open(&db, p->index, create, p->pool, other_key, place_archive,
					 &e),
				 ERR_INDEX);
		assert_int_equal(db_open(&db, p->index, create, p->pool, place_key, other_archive,
					 &e),
				 ERR_INDEX);
		assert_non_null(strstr(e.text, "another archive"));
	}
	db = open_index(p, false);
	assert_true(place_has(db, 1));
	db_close(db);
}

static void test_header(void **state)
{
	struct place *p = *state;
	char *good, *bad;
	size_t n;

	db_close(open_index(p, true));
	good = fixture_read(place_file(p, "header"), &n);
	assert_int_equal(n, 76);
	bad = malloc(n + 1);
	for (size_t i = 0; i < n; i++) {
		memcpy(bad, good, n);
		bad[i] = (char)(bad[i] ^ 1 << i % 8);
		fixture_write(place_file(p, "header"), bad, n);
		refused(p, true, i < 8 || i >= 28 ? "header" : i < 12 ? "format" : "archive");
	}
	memcpy(bad, good, n);
	bad[n] = 0;
	fixture_write(place_file(p, "header"), bad, n + 1);
	refused(p, true, "header");
	for (size_t cut = 0; cut < n; cut += 5) {
		fixture_write(place_file(p, "header"), good, cut);
		refused(p, true, "header");
	}
	fixture_write(place_file(p, "header"), good, n);
	db_close(open_index(p, false));
	/* Without one it is not an index, nor the place for a new one. */
	assert_int_equal(unlink(place_file(p, "header")), 0);
	refused(p, true, "header");
	assert_int_equal(db_destroy(p->index, NULL), 0);
	db_close(open_index(p, true));
	free(good);
	free(bad);
}

/* The header ties LMDB's file to itself: not that of another index of the same node. */
static void test_generation(void **state)
{
	struct place *p = *state;
	struct db *db = open_index(p, true);
	char *data;
	size_t n;
	int shared;

	assert_int_equal(place_put(db, 1, "x", 1), 0);
	db_close(db);
	data = fixture_read(place_file(p, "data.mdb"), &n);
	assert_int_equal(db_destroy(p->index, NULL), 0);
	db_close(open_index(p, true));
	fixture_write(place_file(p, "data.mdb"), data, n);
	shared = place_share(p);
	refused(p, false, "not what was sealed");
	close(shared);
	free(data);
}

static void test_spoiled(void **state)
{
	struct place *p = *state;
	struct db *db = open_index(p, true);

	assert_int_equal(place_put(db, 1, "x", 1), 0);
	db_spoil(db);
	db_spoil(db);
	assert_true(place_has(db, 1));
	db_close(db);
	refused(p, true, "header");
	assert_int_equal(db_destroy(p->index, NULL), 0);
	db = open_index(p, true);
	assert_false(place_has(db, 1));
	db_close(db);
}

/* Garbage in LMDB's lock file, which is made anew by the first opener. */
static void test_lock_file(void **state)
{
	struct place *p = *state;
	struct db *db = open_index(p, true);
	uint8_t junk[8192];
	size_t n;

	assert_int_equal(place_put(db, 1, "x", 1), 0);
	db_close(db);
	fixture_fill(junk, sizeof(junk), 5);
	free(fixture_read(place_file(p, "lock.mdb"), &n));
	for (size_t cut = 0; cut <= sizeof(junk); cut += 1024) {
		fixture_write(place_file(p, "lock.mdb"), junk, cut);
		db = open_index(p, false);
		assert_true(place_has(db, 1));
		assert_int_equal(place_put(db, 2, "y", 1), 0);
		db_close(db);
	}
}

/* ---- other processes ------------------------------------------------------------------------- */

/* A process that has the index open until it is told to close it. */
struct sitter {
	pid_t pid;
	int to;
};

static struct sitter start(const struct place *p)
{
	int up[2], down[2];
	struct sitter s;
	char c;

	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	s = (struct sitter){.pid = fork(), .to = down[1]};
	if (s.pid == 0) {
		struct place mine = *p;

		/* The parent's pool did not come along. */
		if (secret_pool_new(&mine.pool, 4096, NULL) ||
		    place_try(&mine, true, &mine.db, NULL) || write(up[1], "r", 1) != 1 ||
		    read(down[0], &c, 1) != 1)
			_exit(1);
		db_close(mine.db);
		_exit(0);
	}
	assert_int_equal(read(up[0], &c, 1), 1);
	close(up[0]);
	close(up[1]);
	close(down[0]);
	return s;
}

static void stop(struct sitter *s, bool killed)
{
	int status;

	if (killed)
		kill(s->pid, SIGKILL);
	else
		assert_int_equal(write(s->to, "x", 1), 1);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	close(s->to);
	assert_int_equal(status, killed ? SIGKILL : 0);
}

static void test_in_use(void **state)
{
	struct place *p = *state;
	struct sitter a, b;
	struct db *db;

	db_close(open_index(p, true));
	assert_false(place_has_file(p, "in-use"));
	a = start(p);
	assert_true(place_has_file(p, "in-use"));
	b = start(p);
	assert_int_equal(db_destroy(p->index, NULL), ERR_BUSY);
	stop(&a, false);
	assert_true(place_has_file(p, "in-use"));
	assert_int_equal(db_destroy(p->index, NULL), ERR_BUSY);
	db = open_index(p, false);
	assert_int_equal(place_put(db, 5, "x", 1), 0);
	stop(&b, false);
	assert_true(place_has_file(p, "in-use"));
	db_close(db);
	assert_false(place_has_file(p, "in-use"));
	/* A killed one leaves it; the next to open and close takes it away. */
	a = start(p);
	stop(&a, true);
	assert_true(place_has_file(p, "in-use"));
	db = open_index(p, false);
	assert_true(place_has(db, 5));
	assert_true(place_has_file(p, "in-use"));
	db_close(db);
	assert_false(place_has_file(p, "in-use"));
	assert_int_equal(db_destroy(p->index, NULL), 0);
}

/* Many open it at the same moment, the first of whom makes it. */
static void test_stampede(void **state)
{
	struct place *p = *state;
	int status;

	for (int i = 0; i < 6; i++)
		if (fork() == 0) {
			struct secret_pool *pool;
			struct db *db;

			if (secret_pool_new(&pool, 4096, NULL) ||
			    db_open(&db, p->index, true, pool, place_key, place_archive, NULL))
				_exit(1);
			if (place_put(db, (uint64_t)i, "x", 1))
				_exit(2);
			db_close(db);
			_exit(0);
		}
	for (int i = 0; i < 6; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	struct db *db = open_index(p, false);

	for (uint64_t i = 0; i < 6; i++)
		assert_true(place_has(db, i));
	db_close(db);
	assert_false(place_has_file(p, "in-use"));
}

/* The check's answer does not depend on what the program does with its children or its stdout. */
static void test_odd_program(void **state)
{
	struct place *p = *state;
	struct db *db = open_index(p, true);
	int out, status;
	pid_t child;

	assert_int_equal(place_put(db, 1, "x", 1), 0);
	db_close(db);
	child = fork();
	if (child == 0) {
		struct secret_pool *pool;

		signal(SIGCHLD, SIG_IGN);
		close(0);
		close(1);
		close(2);
		if (secret_pool_new(&pool, 4096, NULL) ||
		    db_open(&db, p->index, false, pool, place_key, place_archive, NULL))
			_exit(1);
		_exit(place_has(db, 1) ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	out = dup(1);
	assert_true(out > 2);
	close(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(test_absent),     PLACE_TEST(test_names),
		PLACE_TEST(test_owner),	     PLACE_TEST(test_header),
		PLACE_TEST(test_generation), PLACE_TEST(test_spoiled),
		PLACE_TEST(test_lock_file),  PLACE_TEST(test_in_use),
		PLACE_TEST(test_stampede),   PLACE_TEST(test_odd_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
