// SPDX-License-Identifier: Apache-2.0
/*
 * Target: values of the index, as if somebody who has the node's key had written them: each is put
 * into a real index under the key that its reader asks for, and then read. A value that is no good
 * must be ERR_INDEX.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/db.h"
#include "index/find.h"
#include "index/ledger.h"
#include "index/meta.h"
#include "index/object_claim.h"
#include "index/object_value.h"
#include "index/posting.h"
#include "index/tree.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/fixture.h"

static const uint8_t id[16] = {7}, other[16] = {8}, digest[32] = {9};
static const struct posting word = {POSTING_ACCESSION, id, sizeof(id)};

/* An index of this process, in memory, gone with it. */
static struct db *the_db(void)
{
	static struct db *db;
	static char dir[64];
	struct secret_pool *pool;
	uint8_t key[32];
	struct err e = {0};

	if (db)
		return db;
	snprintf(dir, sizeof(dir), "/dev/shm/custodyfs-fuzz.XXXXXX");
	fuzz_secret(key, FUZZ_SECRET);
	if (!mkdtemp(dir) || secret_pool_new(&pool, 1 << 14, &e) ||
	    db_open(&db, dir, true, pool, key, id, &e))
		errx(1, "%s: %s", dir, e.text);
	fixture_remove(dir); /* it works on what it has open */
	return db;
}

static struct key key_for(struct db *db, enum key_table table)
{
	struct key k = {.n = 0};

	switch (table) {
	case KEY_META:
		return key_u8(KEY_META_TOTALS);
	case KEY_OBJECT:
		return key_ino(KEY_ROOT_INO);
	case KEY_NAME:
		return key_name(KEY_ROOT_INO, key_cookie(db_name_key(db), KEY_ROOT_INO, "name", 4));
	case KEY_ACCESSION:
	case KEY_SEGMENT:
		return key_claim(id, other);
	case KEY_TILE:
		return key_tile(1, 0, 0);
	case KEY_LINE:
	case KEY_FIND:
		return key_line(1, 0);
	case KEY_RECORD:
		return key_record(1, 7);
	case KEY_POSTING:
		key_word(k.b, db_name_key(db), word.kind, word.p, word.n);
		return key_posting(k.b, 1, 0);
	case KEY_EVENT:
	case KEY_PENDING:
		return key_event(id, 1, 7);
	default:
		return key_id(id);
	}
}

static int count(void *ctx, size_t i, uint32_t journal, uint64_t seq)
{
	(void)i;
	(void)journal;
	(void)seq;
	++*(unsigned *)ctx;
	return 0;
}

static int entry(void *ctx, const struct object_entry *en)
{
	(void)ctx;
	return en->name[0] ? 0 : ERR_INDEX;
}

static int load_posting(struct db_txn *t, struct err *e)
{
	struct lineset s;
	int rc = lineset_init(&s, 100);

	fuzz_must(rc == 0);
	rc = posting_load(&s, t, 1, &word, e);
	fuzz_must(lineset_count(&s) <= 100);
	lineset_free(&s);
	return rc;
}

static int load_tree(struct db_txn *t)
{
	const struct tree_reader r = {.txn = t, .journal = 1, .size = 200};
	uint64_t off[TREE_TILE + 1], at;
	merkle_hash h, leaf[TREE_TILE];
	uint32_t len;
	unsigned n;
	int rc = tree_read((void *)&r, 7, 0, h);

	if (rc == 0)
		rc = tree_leaves(&r, 3, leaf, &n);
	if (rc == 0)
		fuzz_must(n > 3 && n <= TREE_TILE);
	(void)tree_lines(&r, 3, off, 100);
	(void)tree_line(&r, 199, &at, &len);
	return rc;
}

static int load(struct db_txn *t, enum key_table table, struct err *e)
{
	struct ledger_journal j;
	struct ledger_accession a;
	struct ledger_segment s;
	struct ledger_document d;
	struct object_totals sum;
	struct object o;
	uint64_t off;
	uint32_t len;
	unsigned n = 0;
	int rc;

	switch (table) {
	case KEY_META:
		return object_totals(t, &sum, e);
	case KEY_OBJECT:
		rc = object_get(t, KEY_ROOT_INO, &o, NULL, e);
		return rc;
	case KEY_NAME:
		rc = object_list(t, KEY_ROOT_INO, 0, entry, NULL, e);
		return rc ? rc :
			    object_lookup(t, db_txn_name_key(t), KEY_ROOT_INO, "name", 4, &o, e);
	case KEY_JOURNAL:
		return ledger_get_journal(NULL, t, id, &j, e);
	case KEY_ACCESSION:
		return ledger_get_accession(NULL, t, other, id, &a, e);
	case KEY_SEGMENT:
		return ledger_get_segment(NULL, t, other, id, &s, e);
	case KEY_DOCUMENT:
		rc = ledger_get_document(NULL, t, id, &d, e);
		fuzz_must(rc != 0 || memchr(d.kind, 0, sizeof(d.kind)));
		return rc;
	case KEY_TILE:
		return load_tree(t);
	case KEY_LINE:
		return tree_line(&(struct tree_reader){.txn = t, .journal = 1, .size = 200}, 3,
				 &off, &len);
	case KEY_FIND:
		return find_each(t, &digest, 1, count, &n, e);
	case KEY_POSTING:
		return load_posting(t, e);
	default:
		return ERR_MALFORMED; /* no value, or fuzz_record()'s */
	}
}

int fuzz_value(const uint8_t *p, size_t n)
{
	struct db *db = the_db();
	struct db_batch *b = NULL;
	struct db_txn *t = NULL;
	enum key_table table = n ? p[0] : KEY_TABLES;
	struct object_value v;
	struct wire_out again = {0};
	struct err e = {0};
	int rc;

	if (table >= KEY_TABLES || n < 1)
		return ERR_MALFORMED;
	if (table == KEY_OBJECT && object_value_decode(&v, p + 1, n - 1) == 0) {
		object_value_encode(&again, &v);
		fuzz_must(fuzz_same(&again, p + 1, n - 1));
	}
	fuzz_must(db_batch_new(&b, db, &e) == 0);
	fuzz_must(db_batch_put(b, table, key_for(db, table), p + 1, n - 1) == 0);
	fuzz_must(db_batch_apply(b, NULL, NULL, &e) == 0);
	fuzz_must(db_begin(&t, db, false, &e) == 0);
	rc = load(t, table, &e);
	db_abort(t);
	fuzz_must(db_batch_del(b, table, key_for(db, table)) == 0);
	fuzz_must(db_batch_apply(b, NULL, NULL, &e) == 0);
	db_batch_free(b);
	return rc;
}
