/* SPDX-License-Identifier: Apache-2.0 */
/* db_batch: applies of several processes, the map growing under them, and killed ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/db.h"
#include "index/db_internal.h"
#include "tests/lib/place.h"

#define SPREAD 30u

/* Apply after apply, each of which sets the worker's SPREAD keys to the next number, up to last. */
static int apply_many(struct db *db, uint64_t id, uint32_t last)
{
	uint8_t value[700] = {0};
	struct db_batch *b;
	int rc = db_batch_new(&b, db, NULL);

	for (uint32_t i = 1; rc == 0 && i <= last; i++) {
		wire_put32(value, i);
		for (uint64_t k = 0; k < SPREAD && rc == 0; k++)
			rc = db_batch_put(b, KEY_OBJECT, key_ino(id << 32 | k * 1000), value, 700);
		if (rc == 0 && i % 5 == 0)
			rc = db_batch_put(b, KEY_SEGMENT, key_ino(id << 32 | i), value, 700);
		if (rc == 0)
			rc = db_batch_apply(b, NULL, NULL, NULL);
	}
	db_batch_free(b);
	return rc;
}

/* A process that does so; returns when it has the index open. */
static pid_t start(const struct place *p, uint64_t id, uint32_t last, uint64_t map_size)
{
	int up[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(up), 0);
	pid = fork();
	if (pid == 0) {
		struct secret_pool *pool; /* the parent's did not come along */
		struct db *db;

		if (secret_pool_new(&pool, 4096, NULL) ||
		    db_open_sized(&db, p->index, true, pool, place_key, place_archive, map_size,
				  NULL) ||
		    write(up[1], "r", 1) != 1 || apply_many(db, id, last))
			_exit(1);
		db_close(db);
		_exit(0);
	}
	assert_int_equal(read(up[0], &c, 1), 1);
	close(up[0]);
	close(up[1]);
	return pid;
}

static void stop(pid_t pid, bool killed)
{
	int status;

	if (killed)
		kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, killed ? SIGKILL : 0);
}

/* Every apply of the worker is there as a whole or not at all. Returns how many. */
static uint32_t applied(struct db *db, uint64_t id)
{
	struct wire_out v = {0};
	struct db_txn *t;
	uint32_t last = 0;

	assert_int_equal(db_begin(&t, db, false, NULL), 0);
	for (uint64_t k = 0; k < SPREAD; k++) {
		int rc;

		wire_out_reset(&v);
		rc = db_get(t, KEY_OBJECT, key_ino(id << 32 | k * 1000), &v, NULL);
		if (k == 0 && rc == ERR_NOTFOUND)
			break;
		assert_int_equal(rc, 0);
		assert_int_equal(v.n, 700);
		if (k == 0)
			last = wire_get32(v.p);
		assert_int_equal(wire_get32(v.p), last);
	}
	for (uint32_t i = 1; i <= last + 10; i++) {
		struct wire_out there = {0};

		assert_int_equal(db_get(t, KEY_SEGMENT, key_ino(id << 32 | i), &there, NULL),
				 i % 5 == 0 && i <= last ? 0 : ERR_NOTFOUND);
		wire_out_free(&there);
	}
	db_abort(t);
	wire_out_free(&v);
	return last;
}

/* Two processes write at once, the map grows under both, and under us. */
static void test_two_processes(void **state)
{
	struct place *p = *state;
	pid_t other;

	place_open(p, 1 << 16);
	other = start(p, 1, 60, 1 << 16);
	assert_int_equal(applied(p->db, 2), 0);
	for (uint64_t i = 0; i < 60; i++) {
		assert_int_equal(place_put(p->db, UINT64_C(3) << 32 | i, "x", 1), 0);
		assert_true(applied(p->db, 1) <= 60);
	}
	stop(other, false);
	assert_int_equal(applied(p->db, 1), 60);
	for (uint64_t i = 0; i < 60; i++)
		assert_true(place_has(p->db, UINT64_C(3) << 32 | i));
}

/* This process only reads; another makes the file outgrow our map. */
static void test_outgrown(void **state)
{
	struct place *p = *state;
	uint8_t *big = calloc(1, 3 << 20);
	pid_t other;

	place_open(p, 1 << 16);
	other = start(p, 7, UINT32_MAX, 1 << 16);
	while (applied(p->db, 7) < 50)
		usleep(1000);
	stop(other, true);
	assert_true(db_map_size(p->db) > 1 << 16);
	assert_int_equal(place_put(p->db, 1, big, 3 << 20), 0);
	assert_true(place_has(p->db, 1));
	free(big);
}

/* A writer is killed at any moment; the next opener finds each apply whole, and in order. */
static void test_killed(void **state)
{
	struct place *p = *state;
	uint32_t before = 0;

	for (unsigned round = 0; round < 8; round++) {
		pid_t other = start(p, 10 + round, UINT32_MAX, round % 2 ? DB_MAP_SIZE : 1 << 16);

		usleep(3000 + round * 2777);
		stop(other, true);
		assert_true(place_has_file(p, "in-use"));
		place_open(p, 0);
		if (round > 0)
			assert_int_equal(applied(p->db, 9 + round), before);
		before = applied(p->db, 10 + round);
		place_close(p);
		assert_false(place_has_file(p, "in-use"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(test_two_processes),
		PLACE_TEST(test_outgrown),
		PLACE_TEST(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
