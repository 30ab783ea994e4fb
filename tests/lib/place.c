/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "index/db_internal.h"

const uint8_t place_key[32] = {1, 2, 3}, place_archive[16] = {4, 5, 6};

int place_set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	fixture_dir(p->dir);
	snprintf(p->index, sizeof(p->index), "%s/index", p->dir);
	*state = p;
	return secret_pool_new(&p->pool, 4096, NULL);
}

int place_set_up_open(void **state)
{
	int rc = place_set_up(state);

	if (rc == 0)
		place_open(*state, 0);
	return rc;
}

int place_tear_down(void **state)
{
	struct place *p = *state;

	db_close(p->db);
	secret_pool_free(p->pool);
	fixture_remove(p->dir);
	free(p);
	return 0;
}

const char *place_file(const struct place *p, const char *name)
{
	static char path[FIXTURE_PATH + 64];

	snprintf(path, sizeof(path), "%s/%s", p->index, name);
	return path;
}

bool place_has_file(const struct place *p, const char *name)
{
	return access(place_file(p, name), F_OK) == 0;
}

int place_try(const struct place *p, bool create, struct db **db, struct err *e)
{
	return db_open(db, p->index, create, p->pool, place_key, place_archive, e);
}

void place_open(struct place *p, uint64_t map_size)
{
	struct err e = {0};

	if (db_open_sized(&p->db, p->index, true, p->pool, place_key, place_archive,
			  map_size ? map_size : DB_MAP_SIZE, &e))
		fail_msg("db_open: %s", e.text);
}

int place_share(const struct place *p)
{
	int fd = open(place_file(p, "lock"), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	return fd;
}

void place_close(struct place *p)
{
	db_close(p->db);
	p->db = NULL;
}

struct db_txn *place_begin(const struct place *p)
{
	struct db_txn *t;

	assert_int_equal(db_begin(&t, p->db, false, NULL), 0);
	return t;
}

struct db_batch *place_batch(const struct place *p)
{
	struct db_batch *b;

	assert_int_equal(db_batch_new(&b, p->db, NULL), 0);
	return b;
}

int place_put(struct db *db, uint64_t ino, const void *value, size_t n)
{
	struct db_batch *b;
	int rc = db_batch_new(&b, db, NULL);

	if (rc == 0)
		rc = db_batch_put(b, KEY_OBJECT, key_ino(ino), value, n);
	if (rc == 0)
		rc = db_batch_apply(b, NULL, NULL, NULL);
	db_batch_free(b);
	return rc;
}

bool place_has(struct db *db, uint64_t ino)
{
	struct wire_out v = {0};
	struct db_txn *t;
	int rc;

	assert_int_equal(db_begin(&t, db, false, NULL), 0);
	rc = db_get(t, KEY_OBJECT, key_ino(ino), &v, NULL);
	assert_true(rc == 0 || rc == ERR_NOTFOUND);
	db_abort(t);
	wire_out_free(&v);
	return rc == 0;
}
