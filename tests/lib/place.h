/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place: a temporary directory with an index in it, and what tests of the index do to one. For use
 * with cmocka: a failure fails the test.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TESTS_PLACE_H
#define CUSTODY_TESTS_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "index/db.h"
#include "tests/lib/fixture.h"

struct place {
	char dir[FIXTURE_PATH];
	char index[FIXTURE_PATH + 8]; /* dir/index */
	struct secret_pool *pool;
	struct db *db; /* closed by place_tear_down() unless NULL */
};

/* The index key and archive id of all places. */
extern const uint8_t place_key[32], place_archive[16];

/* cmocka's: *state becomes a place. set_up makes no index, set_up_open opens a new one. */
int place_set_up(void **state);
int place_set_up_open(void **state);
int place_tear_down(void **state);
#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, place_set_up, place_tear_down)
#define PLACE_TEST_OPEN(f) cmocka_unit_test_setup_teardown(f, place_set_up_open, place_tear_down)

/* "<index>/<name>", until the next call. */
const char *place_file(const struct place *p, const char *name);
bool place_has_file(const struct place *p, const char *name);
/* db_open() with the place's names; what is refused is its code. */
int place_try(const struct place *p, bool create, struct db **db, struct err *e);
/* Open p->db, which must succeed; with a map of some size (0: the usual one). */
void place_open(struct place *p, uint64_t map_size);
void place_close(struct place *p);
/* Hold the index as another process does that has it open: who opens it then does not compare its file
 * with what it was when it was closed. A descriptor, to be closed. */
int place_share(const struct place *p);
/* A read transaction of p->db. */
struct db_txn *place_begin(const struct place *p);
struct db_batch *place_batch(const struct place *p);
/* Put one value in table KEY_OBJECT, applied. */
int place_put(struct db *db, uint64_t ino, const void *value, size_t n);
/* Is there something in KEY_OBJECT? */
bool place_has(struct db *db, uint64_t ino);

#endif
