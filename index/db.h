/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db: the one wrapper of LMDB. Every value is sealed (crypto/seal) with its table, its key and the
 * index's generation as associated data, so a flipped bit, a swapped page or a value moved to
 * another key is ERR_INDEX, never wrong data. What a value can't tell is that another is missing,
 * or that it is an older one of the same key: whoever writes to the node directory can do that, and
 * so the index is never the only ground of a decision in a reader's favour.
 *
 * LMDB does not check its file, so db_open() first looks at sizes, then tries the environment in a
 * child process, and walks all of it there when it was not closed cleanly. Whatever fails is
 * ERR_INDEX, then and at every later db_open(): the caller closes, destroys and rebuilds.
 *
 * Rules of LMDB kept here: not across fork; one environment a process; MDB_NOTLS; short read
 * transactions; MDB_MAP_FULL and MDB_MAP_RESIZED handled.
 *
 * Thread rule: db_open() forks, so it is called before the program starts threads. After that a db
 * may be used by many threads; a transaction or cursor by the one that began it. One write
 * transaction at a time (LMDB's lock serialises processes too), begun by a thread that holds no
 * other transaction: the map may have to grow, for which all transactions must end.
 */
#ifndef CUSTODY_INDEX_DB_H
#define CUSTODY_INDEX_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/secret.h"
#include "crypto/wire.h"
#include "index/key.h"

struct db;
struct db_txn;
struct db_cursor;

/* Open the index in directory `dir` (0700, created if `create`). index_key (32 bytes) is copied
 * into the pool as HKDF(index_key, "custodyfs/v1 index values" || archive id).
 * ERR_INDEX: absent and not create, damaged, another format version, another key or archive. */
int db_open(struct db **out, const char *dir, bool create, struct secret_pool *pool,
	    const uint8_t index_key[32], const uint8_t archive_id[16], struct err *e);
/* Marks the index clean when nothing failed. No transaction is open. NULL is fine. */
void db_close(struct db *db);
/* For callers that find nonsense in a value that opened well: the next db_open() is ERR_INDEX, as
 * it is after every ERR_INDEX from here. */
void db_spoil(struct db *db);
/* Remove the files of an index so that the next db_open(create) starts anew. Holds no db open. Waits
 * some seconds for others who have it open; then ERR_BUSY. */
int db_destroy(const char *dir, struct err *e);
/* The key of names (see key_cookie); borrowed, secret. */
const uint8_t *db_name_key(const struct db *db);
const uint8_t *db_txn_name_key(const struct db_txn *t);
/* Bytes of the environment's file and number of entries of a table, for status. */
uint64_t db_file_bytes(struct db *db);

/* ERR_USAGE: `write`, and this thread has a transaction already. ERR_BUSY: too many readers. */
int db_begin(struct db_txn **out, struct db *db, bool write, struct err *e);
void db_abort(struct db_txn *t); /* NULL is fine */

/* When this process has more than `keep` bytes of files in its resident memory: let go of the index's
 * pages that were looked at. They stay in the page cache; the next look maps them again. For daemons:
 * whoever walked all of a big index else keeps all of it resident. Any thread, t is a transaction of
 * its own; others may be reading. */
void db_trim(struct db_txn *t, uint64_t keep);

/* Append the opened value to out (which the caller resets). ERR_NOTFOUND, ERR_INDEX. */
int db_get(struct db_txn *t, enum key_table table, struct key k, struct wire_out *out,
	   struct err *e);
int db_count(struct db_txn *t, enum key_table table, uint64_t *n, struct err *e);

/* Cursor over keys that start with `prefix` (may be empty: all), from the first key >= prefix ||
 * from (from may be empty). db_next() sets *k (borrowed until the next call) and replaces *value by
 * the opened value (value NULL: keys alone, which are then not authenticated); ERR_NOTFOUND at the
 * end. Keys must ascend, else ERR_INDEX: damage can't loop for ever. */
int db_cursor(struct db_cursor **out, struct db_txn *t, enum key_table table, struct key prefix,
	      struct key from, struct err *e);
int db_next(struct db_cursor *c, const uint8_t **k, size_t *klen, struct wire_out *value,
	    struct err *e);
void db_cursor_close(struct db_cursor *c);

/*
 * Writes go through a batch: puts and deletes are collected in memory, sorted by table and key, and
 * sealed and applied in one transaction (ten times faster than random order). Reading through a
 * batch sees its own puts. Last put of a key wins. A batch belongs to one thread. ERR_USAGE for an
 * empty key, or key 0 of KEY_META. A put that failed for memory fails the apply too.
 */
struct db_batch;
int db_batch_new(struct db_batch **out, struct db *db, struct err *e);
int db_batch_put(struct db_batch *b, enum key_table table, struct key k, const void *v, size_t n);
int db_batch_del(struct db_batch *b, enum key_table table, struct key k);
/* Value as this batch would leave it: first the batch, then the index. `t` is a read transaction.
 * ERR_NOTFOUND, ERR_INDEX. */
int db_batch_get(struct db_batch *b, struct db_txn *t, enum key_table table, struct key k,
		 struct wire_out *out, struct err *e);
/*
 * Write all in one transaction and empty the batch; on failure the batch is emptied too and nothing
 * was written. If guard is not NULL it is called inside the write transaction first (to see that
 * no other process has caught up meanwhile; once more when the map had to grow): non-zero aborts
 * and is returned. The calling thread holds no transaction (ERR_USAGE). Durable, but for the last
 * apply before a power cut, which may be undone as a whole.
 */
int db_batch_apply(struct db_batch *b, int (*guard)(void *ctx, struct db_txn *t), void *ctx,
		   struct err *e);
void db_batch_free(struct db_batch *b);

#endif
