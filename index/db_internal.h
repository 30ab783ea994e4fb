/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_internal: what the files of index/db share. db.c has the environment and
 * transactions, db_read.c gets and cursors, db_batch.c writes, db_gate.c lets the map be moved,
 * db_open.c the directory (lock, header, marker), db_check.c the child that tries an index first,
 * db_sum.c whether the file is as it was when it was closed, db_trim.c what of it stays resident.
 * Tests may include this too.
 *
 * Files of an index directory:
 *   lock      flocked: shared by who has the index open, exclusive to open it first or destroy it
 *   header    whose index this is; absent means not complete, or spoiled
 *   in-use    there while anyone has it open; found by the first opener: not closed cleanly
 *   closed    a MAC over data.mdb as it was when the index was closed cleanly
 *   data.mdb, lock.mdb   LMDB's
 */
#ifndef CUSTODY_INDEX_DB_INTERNAL_H
#define CUSTODY_INDEX_DB_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "index/db.h"
#include "index/pending.h"

/* Address space, not disk: the file grows as it is written. valgrind has less of it (Makefile). */
#ifndef DB_MAP_SIZE
#define DB_MAP_SIZE (UINT64_C(64) << 30)
#endif
#define DB_VALUE_MAX (16u << 20)
/* 2: what nodes name by id is kept by node too; 3: postings, digests; 4: versions of archive.txt;
 * 7: sheets, exports, marks, what items were made from; 8: views */
#define DB_VERSION 8u
#define DB_HEADER_FILE "header"
#define DB_DATA_FILE "data.mdb"
#define DB_SUM_FILE "closed"
#define DB_SUM_MAX (UINT64_C(256) << 20) /* about 0.15 s of SHA-256 */

struct MDB_env;
struct MDB_txn;

struct db_keys {
	uint8_t value[32]; /* seals values */
	uint8_t name[32];  /* for key_cookie */
};

/* Who is in a transaction. LMDB's map must not be moved under one. */
struct db_gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct db_txn *live; /* list, under lock */
	bool closed;	     /* under lock */
};

struct db {
	struct MDB_env *env;
	unsigned dbi[KEY_TABLES];
	struct db_gate gate;
	const struct db_keys *keys; /* in the pool; in a child that checks, on its stack */
	uint8_t generation[16];	    /* random, made with the index */
	atomic_bool spoiled;
	bool lost; /* the map could not be mapped again; set while the gate is closed */

	/* db_sum.c alone: the file of which DB_SUM_FILE has the sum. */
	bool summed;
	uint64_t summed_size;
	struct timespec summed_at;

	/* db_open.c alone: */
	struct secret_pool *pool;
	struct db_keys *taken;
	int dirfd, lockfd;
};

struct db_txn {
	struct db *db;
	struct MDB_txn *txn;
	bool write;
	pthread_t owner;
	struct db_txn *next, *prev;
};

/* db_open.c: db_open() with a map of its own size. */
int db_open_sized(struct db **out, const char *dir, bool create, struct secret_pool *pool,
		  const uint8_t index_key[32], const uint8_t archive_id[16], uint64_t map_size,
		  struct err *e);

/* db_check.c: try the index in a child. alone: nobody else has it open; deep: walk all of it. 0,
 * ERR_INDEX, or another code when it could not be checked. */
int db_check(const struct db *db, const char *dir, bool alone, bool deep, struct err *e);

/* db_sum.c: nobody else has the index open. check: ERR_INDEX if the file is not as it was when it was
 * closed; *known is false if nothing says how it was. put: note how it is; false if that failed. */
int db_sum_check(struct db *db, bool *known, struct err *e);
bool db_sum_put(struct db *db);

/* db_gate.c. enter: ERR_USAGE when `write` and the calling thread is inside already; waits while
 * the gate is closed, unless the thread is inside. close: waits until all are out. */
int db_gate_init(struct db_gate *g);
void db_gate_destroy(struct db_gate *g);
int db_gate_enter(struct db_gate *g, struct db_txn *t);
void db_gate_leave(struct db_gate *g, struct db_txn *t);
bool db_gate_inside(struct db_gate *g); /* the calling thread */
void db_gate_close(struct db_gate *g);
void db_gate_open(struct db_gate *g);

/* db.c */
enum db_mode {
	DB_MODE_CREATE, /* makes file and tables */
	DB_MODE_WRITE,
	DB_MODE_LOOK,	    /* read-only, with LMDB's locks */
	DB_MODE_LOOK_ALONE, /* read-only, without */
};

/* Open the environment and its tables. In the LOOK modes the size of the file is checked before
 * anything but LMDB's own first pages is looked at. Sets db->env and db->dbi. */
int db_env_open(struct db *db, const char *dir, enum db_mode mode, uint64_t map_size,
		struct err *e);
/* Make all that was committed durable, and close. Nothing if it is not open. */
void db_env_close(struct db *db);
size_t db_map_size(const struct db *db); /* in a transaction, or before there are threads */
/* Map anew: with twice `seen`, unless another thread did so, or (seen 0) with the size that another
 * process chose. The caller is in no transaction. */
int db_remap(struct db *db, size_t seen, struct err *e);
/* End a transaction; LMDB's code. */
int db_end(struct db_txn *t, bool commit);
/* Turn LMDB's code, not 0, into ours. */
int db_fail(struct db *db, int mrc, const char *doing, struct err *e);
/* Note the damage and return ERR_INDEX with a sentence. */
__attribute__((format(printf, 3, 4))) int db_damaged(struct db *db, struct err *e, const char *fmt,
						     ...);

/* db_read.c */
#define DB_AD_MAX (1 + 16 + KEY_MAX)
/* The associated data of a value; returns its length. */
size_t db_value_ad(uint8_t ad[DB_AD_MAX], const struct db *db, enum key_table table,
		   const uint8_t *k, size_t klen);
/* A value as it lies in the map; valid as long as the transaction. */
struct db_raw {
	const uint8_t *p;
	size_t n;
};
/* Append the value of (table, key) to out. */
int db_unseal(struct db *db, enum key_table table, const uint8_t *k, size_t klen,
	      const struct db_raw *raw, struct wire_out *out, struct err *e);
/* db_next() without opening the value. */
int db_step(struct db_cursor *c, const uint8_t **k, size_t *klen, struct db_raw *raw,
	    struct err *e);

/* db_batch.c: write all changes in one transaction, growing the map as needed; guard as in
 * db_batch_apply(). */
int db_apply(struct db *db, struct pending *p, int (*guard)(void *ctx, struct db_txn *t), void *ctx,
	     struct err *e);

/* The key of KEY_META that holds the index's own header. */
#define DB_META_HEADER 0

#endif
