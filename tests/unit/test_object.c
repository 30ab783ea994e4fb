/* SPDX-License-Identifier: Apache-2.0 */
/* object: items under their names, in any order of arrival; listing; damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/text.h"
#include "index/ledger.h"
#include "index/object_add.h"
#include "index/object_claim.h"
#include "index/object_value.h"
#include "tests/lib/fixture.h"

static const uint8_t index_key[32] = {1}, archive[16] = {2};

struct place {
	char dir[FIXTURE_PATH], index[FIXTURE_PATH + 8];
	struct secret_pool *pool;
	struct db *db;
	const uint8_t *names;
	/* One batch on its way. */
	struct db_batch *b;
	struct db_txn *t;
	struct object_add *add;
};

static void begin(struct place *p)
{
	assert_int_equal(db_begin(&p->t, p->db, false, NULL), 0);
}

/* Write what is in the batch and begin another; `forget`: what was kept in memory too. */
static void apply(struct place *p, bool forget)
{
	struct err e = {0};

	assert_int_equal(object_add_flush(p->add, p->b), 0);
	db_abort(p->t);
	if (db_batch_apply(p->b, NULL, NULL, &e))
		fail_msg("%s", e.text);
	if (forget)
		object_add_reset(p->add);
	begin(p);
}

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	*state = p;
	fixture_dir(p->dir);
	snprintf(p->index, sizeof(p->index), "%s/index", p->dir);
	assert_int_equal(secret_pool_new(&p->pool, 4096, NULL), 0);
	assert_int_equal(db_open(&p->db, p->index, true, p->pool, index_key, archive, NULL), 0);
	p->names = db_name_key(p->db);
	assert_int_equal(db_batch_new(&p->b, p->db, NULL), 0);
	assert_int_equal(object_add_new(&p->add, p->names), 0);
	begin(p);
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	db_abort(p->t);
	object_add_free(p->add);
	db_batch_free(p->b);
	db_close(p->db);
	secret_pool_free(p->pool);
	fixture_remove(p->dir);
	free(p);
	return 0;
}

/* An item whose id begins with the bytes of `number`, and whose other fields follow from it. */
static struct object item(uint64_t number, int64_t ingest_ms)
{
	struct object o = {.kind = OBJECT_ITEM, .ingest_ms = ingest_ms, .nlink = 1};

	wire_put64(o.item, number * UINT64_C(0x9e3779b97f4a7c15));
	wire_put64(o.item + 8, number);
	fixture_fill(o.accession, 16, 1);
	fixture_fill(o.segment, 16, 2);
	fixture_fill(o.node, 16, 3);
	fixture_fill(o.head, 32, (uint32_t)number);
	fixture_fill(o.commitment, 32, (uint32_t)number + 1);
	o.mtime_ns = (int64_t)number * 1000 + 7;
	o.size = 100 + number;
	o.length = 500 + number;
	o.offset = number << 20;
	o.headlen = 300;
	o.chunk_size = 16384;
	o.suite = 2;
	o.journal = 3;
	o.seq = number;
	return o;
}

static int add_to(struct place *p, struct object *o, const char *collection, const char *path)
{
	char record[64];
	struct err e = {0};
	int n = snprintf(record, sizeof(record), "record of %llu", (unsigned long long)o->seq);

	return object_add_item(p->add, p->b, p->t, o, collection, path, strlen(path), record,
			       (size_t)n, &e);
}

static void must_add(struct place *p, struct object *o, const char *collection, const char *path)
{
	assert_int_equal(add_to(p, o, collection, path), 0);
}

/* The path an item is at now, good until the next call. */
static const char *object_path_of(struct place *p, const struct object *o)
{
	static char text[200];
	struct wire_out path = {0};
	struct object now;

	assert_int_equal(object_get_item(p->t, o->node, o->item, &now, NULL, NULL), 0);
	assert_int_equal(object_path(p->t, &now, &path, NULL), 0);
	assert_true(path.n < sizeof(text));
	memcpy(text, path.p, path.n);
	text[path.n] = '\0';
	wire_out_free(&path);
	return text;
}

/* The number of the item at a path; -1 for a directory, -2 if nothing is there. */
static long long at(struct place *p, const char *path)
{
	struct object o;
	int rc = object_resolve(p->t, p->names, path, &o, NULL);

	if (rc == ERR_NOTFOUND)
		return -2;
	assert_int_equal(rc, 0);
	return o.kind == OBJECT_DIR ? -1 : (long long)o.seq;
}

static void same_item(const struct object *a, const struct object *b)
{
	assert_int_equal(a->kind, OBJECT_ITEM);
	assert_int_equal(a->ino, b->ino);
	assert_int_equal(a->parent, b->parent);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->mtime_ns, b->mtime_ns);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->nlink, 1);
	assert_memory_equal(a->item, b->item, 16);
	assert_memory_equal(a->accession, b->accession, 16);
	assert_memory_equal(a->segment, b->segment, 16);
	assert_memory_equal(a->node, b->node, 16);
	assert_int_equal(a->offset, b->offset);
	assert_int_equal(a->length, b->length);
	assert_int_equal(a->headlen, b->headlen);
	assert_memory_equal(a->head, b->head, 32);
	assert_memory_equal(a->commitment, b->commitment, 32);
	assert_int_equal(a->chunk_size, b->chunk_size);
	assert_int_equal(a->suite, b->suite);
	assert_int_equal(a->journal, b->journal);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->ingest_ms, b->ingest_ms);
}

/* ---- items and directories ---- */

static void test_empty(void **state)
{
	struct place *p = *state;
	struct object_totals sum;
	struct object o;

	assert_int_equal(object_get(p->t, KEY_ROOT_INO, &o, NULL, NULL), 0);
	assert_int_equal(o.kind, OBJECT_DIR);
	assert_int_equal(o.nlink, 2);
	assert_int_equal(o.size, 0);
	assert_int_equal(at(p, ""), -1);
	assert_int_equal(at(p, "."), -1);
	assert_int_equal(at(p, "x"), -2);
	assert_int_equal(object_get(p->t, 17, &o, NULL, NULL), ERR_NOTFOUND);
	assert_int_equal(object_get_item(p->t, archive, archive, &o, NULL, NULL), ERR_NOTFOUND);
	assert_int_equal(object_totals(p->t, &sum, NULL), 0);
	assert_int_equal(sum.items + sum.bytes + sum.stored + sum.dirs, 0);
}

static void test_fields(void **state)
{
	struct place *p = *state;
	struct object a = item(1, 1000), b = item(2, 2000), o;
	struct wire_out record = {0}, path = {0};
	struct object_totals sum;

	must_add(p, &a, "otay", "us/lane 3/car1.jpg");
	must_add(p, &b, "otay", "us/car2.jpg");
	/* Within the batch too. */
	assert_int_equal(object_add_find(p->add, p->b, p->t, a.item, &o, NULL), 0);
	same_item(&o, &a);
	apply(p, false);

	assert_int_equal(object_get(p->t, a.ino, &o, &record, NULL), 0);
	same_item(&o, &a);
	assert_int_equal(record.n, strlen("record of 1"));
	assert_memory_equal(record.p, "record of 1", record.n);
	wire_out_reset(&record);
	assert_int_equal(object_get_item(p->t, b.node, b.item, &o, &record, NULL), 0);
	same_item(&o, &b);
	assert_memory_equal(record.p, "record of 2", record.n);
	assert_int_equal(object_resolve(p->t, p->names, "otay/us/lane 3/car1.jpg", &o, NULL), 0);
	same_item(&o, &a);
	assert_int_equal(object_resolve(p->t, p->names, "/otay//us/./car2.jpg/", &o, NULL), 0);
	same_item(&o, &b);
	assert_int_equal(object_path(p->t, &a, &path, NULL), 0);
	assert_int_equal(path.n, strlen("otay/us/lane 3/car1.jpg"));
	assert_memory_equal(path.p, "otay/us/lane 3/car1.jpg", path.n);
	assert_int_equal(at(p, "otay/us/car1.jpg"), -2);
	assert_int_equal(at(p, "otay/us/car2.jpg/x"), -2);
	assert_int_equal(at(p, "otay/us/.."), -2);
	assert_int_equal(at(p, "OTAY"), -2);
	assert_int_equal(object_totals(p->t, &sum, NULL), 0);
	assert_int_equal(sum.items, 2);
	assert_int_equal(sum.bytes, 203);
	assert_int_equal(sum.stored, 1003);
	assert_int_equal(sum.dirs, 3);
	wire_out_free(&record);
	wire_out_free(&path);
}

static void check_dir(struct place *p, const char *path, uint64_t entries, uint64_t nlink,
		      int64_t mtime_ms)
{
	struct object o;

	assert_int_equal(object_resolve(p->t, p->names, path, &o, NULL), 0);
	assert_int_equal(o.kind, OBJECT_DIR);
	assert_int_equal(o.size, entries);
	assert_int_equal(o.nlink, nlink);
	assert_int_equal(o.mtime_ns, mtime_ms * 1000000);
}

static void test_directories(void **state)
{
	struct place *p = *state;

	for (unsigned pass = 0; pass < 2; pass++) {
		struct object o = item(10 * pass + 1, 5000), q = item(10 * pass + 2, 3000),
			      r = item(10 * pass + 3, 9000 + pass);
		char name[8] = {(char)('a' + pass), '\0'};

		must_add(p, &o, "c", pass ? "x/y/1b" : "x/y/1a");
		apply(p, pass);
		must_add(p, &q, "c", pass ? "x/y/2b" : "x/y/2a");
		must_add(p, &r, "c", name);
		apply(p, pass);
		check_dir(p, "c/x/y", 2 + 2 * pass, 2, 5000);
		check_dir(p, "c/x", 1, 3, 5000);
		check_dir(p, "c", 2 + pass, 3, 9000 + pass);
		check_dir(p, "", 1, 3, 9000 + pass);
	}
}

static void test_again(void **state)
{
	struct place *p = *state;
	struct object a = item(1, 1000), again = item(1, 1000), other = item(1, 500);
	struct object_totals sum;

	must_add(p, &a, "c", "x");
	assert_int_equal(add_to(p, &again, "c", "x"), ERR_EXISTS);
	same_item(&again, &a);
	apply(p, true);
	memset(other.commitment, 9, 32);
	assert_int_equal(add_to(p, &other, "d", "elsewhere"), ERR_EXISTS);
	same_item(&other, &a);
	apply(p, true);
	assert_int_equal(at(p, "d"), -2);
	assert_int_equal(object_totals(p->t, &sum, NULL), 0);
	assert_int_equal(sum.items, 1);
	check_dir(p, "c", 1, 2, 1000);
}

static void test_bad_names(void **state)
{
	static const char *const paths[] = {"", "/x", "x/", "a//b", ".", "a/..", "../x", "a/./b"};
	struct place *p = *state;
	struct object o = item(1, 1000);
	char longer[RECORD_NAME_MAX + 2];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(add_to(p, &o, "c", paths[i]), ERR_MALFORMED);
	assert_int_equal(add_to(p, &o, "c", longer), ERR_MALFORMED);
	assert_int_equal(add_to(p, &o, longer, "x"), ERR_MALFORMED);
	assert_int_equal(add_to(p, &o, "", "x"), ERR_MALFORMED);
	assert_int_equal(add_to(p, &o, "a/b", "x"), ERR_MALFORMED);
	assert_int_equal(add_to(p, &o, "..", "x"), ERR_MALFORMED);
	assert_int_equal(object_add_item(p->add, p->b, p->t, &o, "c", "a\0b", 3, "", 0, NULL),
			 ERR_MALFORMED);
	apply(p, true);
	assert_int_equal(at(p, "c"), -2);
}

/* A node chooses its ids: those that are alike lie as far apart as any others. */
static void test_alike(void **state)
{
	struct place *p = *state;
	struct object o[4];

	for (unsigned i = 0; i < 4; i++) {
		char name[2] = {(char)('a' + i), '\0'};

		o[i] = item(7, 1000);
		o[i].item[15] = (uint8_t)i;
		o[i].seq = i;
		must_add(p, &o[i], "c", name);
		if (i == 1)
			apply(p, true);
	}
	apply(p, true);
	for (unsigned i = 0; i < 4; i++) {
		struct object got;

		assert_int_equal(object_get_item(p->t, o[i].node, o[i].item, &got, NULL, NULL), 0);
		same_item(&got, &o[i]);
		for (unsigned k = 0; k < i; k++)
			assert_true(o[i].ino > o[k].ino + 1000 || o[k].ino > o[i].ino + 1000);
	}
	o[0].item[15] = 9;
	assert_int_equal(object_get_item(p->t, o[0].node, o[0].item, &o[1], NULL, NULL),
			 ERR_NOTFOUND);
}

/* Should two items lead to one inode number all the same, the second gets the next one. */
static void test_same_ino(void **state)
{
	struct place *p = *state;
	struct object a = item(1, 1000), b = item(2, 1000), got;
	struct object_value v = {.o = a, .plain = "x"};
	struct wire_out out = {0};
	uint64_t ino = key_item_ino(p->names, b.node, b.item);

	object_value_encode(&out, &v);
	assert_int_equal(db_batch_put(p->b, KEY_OBJECT, key_ino(ino), out.p, out.n), 0);
	wire_out_free(&out);
	apply(p, true);
	must_add(p, &b, "c", "b");
	assert_int_equal(b.ino, ino + 1);
	apply(p, true);
	assert_int_equal(object_get_item(p->t, b.node, b.item, &got, NULL, NULL), 0);
	same_item(&got, &b);
}

/* ---- ids that are claimed twice ---- */

static void put_journal(struct place *p, const struct object *o)
{
	struct ledger_journal j = {.number = o->journal};

	memcpy(j.node, o->node, 16);
	assert_int_equal(ledger_put_journal(p->b, &j), 0);
}

static int count_claim(void *ctx, const struct object *o)
{
	unsigned *n = ctx;

	(void)o;
	++*n;
	return 0;
}

/* Two nodes, one id: two items, each under a name and an inode of its own, in any order. */
static void test_claims(void **state)
{
	struct place *p = *state;
	struct object o[2], got;
	struct wire_out record = {0};
	struct err e = {0};
	uint64_t ino[2];
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++) {
		o[i] = item(7, 1000);
		o[i].node[0] = (uint8_t)(2 - i);
		o[i].journal = i + 1;
		o[i].seq = 70 + i;
		o[i].size = 500 + i;
		put_journal(p, &o[i]);
		must_add(p, &o[i], "c", "x");
		ino[i] = key_item_ino(p->names, o[i].node, o[i].item);
		assert_int_equal(o[i].ino, ino[i]);
		/* Until there are two of them it is as good as any. */
		apply(p, true);
		assert_int_equal(object_claim_one(p->t, o[0].item, &got, &record, &e),
				 i == 0 ? 0 : ERR_FORGED);
	}
	assert_non_null(strstr(e.text, "claim"));
	assert_int_equal(record.n, strlen("record of 70"));
	wire_out_free(&record);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(object_get_item(p->t, o[i].node, o[i].item, &got, NULL, NULL), 0);
		assert_int_equal(got.seq, 70 + i);
		assert_int_equal(got.ino, ino[i]);
	}
	/* The smaller node id has the better right, whoever came first. */
	assert_int_equal(at(p, "c/x"), 71);
	assert_int_equal(at(p, object_path_of(p, &o[0])), 70);
	assert_int_equal(object_claim_each(p->t, o[0].item, count_claim, &n, NULL), 0);
	assert_int_equal(n, 2);
	/* How much was read of a handle that was lost is not known: the most it can have been. */
	assert_int_equal(object_add_find(p->add, p->b, p->t, o[0].item, &got, NULL), 0);
	assert_int_equal(got.size, 501);
	o[0].item[3] ^= 1;
	assert_int_equal(object_claim_one(p->t, o[0].item, &got, NULL, NULL), ERR_NOTFOUND);
	assert_int_equal(object_add_find(p->add, p->b, p->t, o[0].item, &got, NULL), ERR_NOTFOUND);
}

/* ---- names that are claimed twice ---- */

#define NAME 128

struct claim {
	uint64_t number;
	int64_t ms;
	char path[NAME];
};

/* "<name>~<hex of item number>", `digits` of it. */
static void suffixed(char *out, const char *name, uint64_t number, unsigned digits)
{
	struct object o = item(number, 0);
	char hex[33];

	text_hex(hex, o.item, 16);
	snprintf(out, NAME, "%.80s~%.*s", name, (int)digits, hex);
}

/* What each claim should be called in the end. */
struct outcome {
	uint64_t number;
	char path[NAME];
};

/* Try the k-th order of arrival of all n! in a collection of its own. */
static void try_order(struct place *p, const struct claim *c, unsigned n, unsigned k,
		      const struct outcome *want, unsigned wants, bool batches)
{
	unsigned order[8], left = k;
	char collection[16], path[NAME + 32];

	for (unsigned i = 0; i < n; i++) {
		unsigned place = left % (i + 1);

		left /= i + 1;
		memmove(order + place + 1, order + place, (i - place) * sizeof(order[0]));
		order[place] = i;
	}
	snprintf(collection, sizeof(collection), "c%u", k);
	for (unsigned i = 0; i < n; i++) {
		/* Items of their own, whose ids begin alike in each order. */
		struct object o = item(c[order[i]].number, c[order[i]].ms);

		wire_put32(o.item + 4, k);
		must_add(p, &o, collection, c[order[i]].path);
		if (batches)
			apply(p, k % 2);
	}
	apply(p, true);
	for (unsigned i = 0; i < wants; i++) {
		snprintf(path, sizeof(path), "%s/%s", collection, want[i].path);
		if (at(p, path) != (long long)want[i].number)
			fail_msg("order %u: %s is %lld, not %llu", k, path, at(p, path),
				 (unsigned long long)want[i].number);
	}
}

static void all_orders(struct place *p, const struct claim *c, unsigned n,
		       const struct outcome *want, unsigned wants)
{
	unsigned orders = 1;

	for (unsigned i = 2; i <= n; i++)
		orders *= i;
	for (unsigned k = 0; k < orders; k++)
		try_order(p, c, n, k, want, wants, k % 5 == 0);
}

static void test_same_name(void **state)
{
	/* The earliest, then the smallest id, has the plain name. */
	struct claim c[4] = {{1, 3000, "x"}, {2, 2000, "x"}, {3, 2000, "x"}, {4, 9000, "x"}};
	struct outcome want[4];
	unsigned first = memcmp(item(2, 0).item, item(3, 0).item, 16) < 0 ? 1 : 2;

	for (unsigned i = 0; i < 4; i++) {
		want[i].number = c[i].number;
		if (i == first)
			strcpy(want[i].path, "x");
		else
			suffixed(want[i].path, "x", c[i].number, 8);
	}
	all_orders(*state, c, 4, want, 4);
}

static void test_directory_wins(void **state)
{
	struct claim c[4] = {{1, 1000, "a"}, {2, 2000, "a/b"}, {3, 500, "a/b/c"}, {4, 700, "a"}};
	struct outcome want[4] = {{1, ""}, {2, ""}, {3, "a/b/c"}, {4, ""}};

	suffixed(want[0].path, "a", 1, 8);
	suffixed(want[1].path, "a/b", 2, 8);
	suffixed(want[3].path, "a", 4, 8);
	all_orders(*state, c, 4, want, 4);
}

/* Items whose plain name is the one another falls back to. */
static void test_fallback_taken(void **state)
{
	struct claim c[5] = {{1, 1000, "x"}, {2, 2000, "x"}, {3, 500, ""}, {4, 9000, ""}};
	struct outcome want[5] = {{1, "x"}, {2, ""}, {3, ""}, {4, ""}};
	char fallback[NAME];

	/* 3 came before 2, whose second name it has; 4 after, and yields. */
	suffixed(fallback, "x", 2, 8);
	strcpy(c[2].path, fallback);
	strcpy(c[3].path, fallback);
	strcpy(want[2].path, fallback);
	suffixed(want[3].path, fallback, 4, 8);
	want[1] = want[0]; /* the third name has all digits, which differ from order to order */
	all_orders(*state, c, 4, want, 4);
}

static void test_later_fallback(void **state)
{
	/* 2 is turned away from "x", and its second name is the plain one of 3, which came
	 * later. */
	struct claim c[3] = {{1, 1000, "x"}, {2, 2000, "x"}, {3, 3000, ""}};
	struct outcome want[3] = {{1, "x"}, {2, ""}, {3, ""}};

	suffixed(c[2].path, "x", 2, 8);
	strcpy(want[1].path, c[2].path);
	suffixed(want[2].path, c[2].path, 3, 8);
	all_orders(*state, c, 3, want, 3);
}

static void test_counts(void **state)
{
	struct place *p = *state;
	struct object a = item(1, 3000), b = item(2, 2000), c = item(3, 1000);
	struct object_totals sum;

	must_add(p, &a, "c", "x");
	assert_string_equal(a.name, "x");
	must_add(p, &b, "c", "x");
	assert_string_equal(b.name, "x");
	must_add(p, &c, "c", "x/y");
	apply(p, true);
	check_dir(p, "c", 3, 3, 3000);
	assert_int_equal(object_totals(p->t, &sum, NULL), 0);
	assert_int_equal(sum.items, 3);
	assert_int_equal(sum.dirs, 2);
}

/* The third name, when the second is taken as well. */
static void test_all_digits(void **state)
{
	struct place *p = *state;
	struct object o = item(1, 3000), b = item(2, 2000), c = item(3, 2000), got;
	char name[2][NAME];

	suffixed(name[0], "x", 1, 8);
	suffixed(name[1], "x", 1, 32);
	must_add(p, &b, "c", "x");
	must_add(p, &o, "c", "x");
	assert_string_equal(o.name, name[0]);
	must_add(p, &c, "c", name[0]);
	apply(p, true);
	assert_int_equal(object_get_item(p->t, o.node, o.item, &got, NULL, NULL), 0);
	assert_string_equal(got.name, name[1]);
	/* And even that can be somebody's path, as a directory's. */
	c = item(4, 9000);
	strcat(name[1], "/z");
	must_add(p, &c, "c", name[1]);
	apply(p, true);
	assert_int_equal(object_get_item(p->t, o.node, o.item, &got, NULL, NULL), 0);
	name[1][strlen(name[1]) - 2] = '\0';
	strcat(name[1], "~3");
	assert_string_equal(got.name, name[1]);
	assert_int_equal(
		object_lookup(p->t, p->names, got.parent, got.name, strlen(got.name), &b, NULL), 0);
	assert_memory_equal(b.item, o.item, 16);
}

static void test_long_name(void **state)
{
	struct place *p = *state;
	struct object a = item(1, 1000), b = item(2, 2000), c = item(3, 2000), d = item(4, 3000);
	char ascii[RECORD_NAME_MAX + 1], wide[RECORD_NAME_MAX + 1];

	memset(ascii, 'x', RECORD_NAME_MAX);
	ascii[RECORD_NAME_MAX] = '\0';
	for (unsigned i = 0; i + 3 <= RECORD_NAME_MAX; i += 3)
		memcpy(wide + i, "\xe2\x82\xac", 4); /* the euro sign */
	must_add(p, &a, "c", ascii);
	must_add(p, &b, "c", ascii);
	must_add(p, &c, "c", wide);
	must_add(p, &d, "c", wide);
	apply(p, true);
	assert_int_equal(strlen(a.name), 255);
	assert_int_equal(strlen(b.name), 255);
	assert_memory_equal(b.name, ascii, 246);
	assert_int_equal(b.name[246], '~');
	assert_int_equal(strlen(d.name), 255);
	assert_true(text_valid(d.name, strlen(d.name)));
	d.name[0] = '\0';
	assert_int_equal(object_get(p->t, d.ino, &d, NULL, NULL), 0);
	assert_int_equal(strlen(d.name), 255);
}

/* ---- looking names up ---- */

struct fake {
	uint64_t first;
	const char *name[4];
};

static int fake_get(void *ctx, struct key k, struct wire_out *out)
{
	const struct fake *f = ctx;
	uint64_t parent, cookie;
	struct object_entry en = {.kind = OBJECT_ITEM, .ino = 99};

	assert_int_equal(key_name_parse(k.b, k.n, &parent, &cookie), 0);
	if (cookie - f->first >= 4 || !f->name[cookie - f->first])
		return ERR_NOTFOUND;
	strcpy(en.name, f->name[cookie - f->first]);
	object_value_entry_encode(out, &en);
	return 0;
}

/* Names that share a cookie lie one after the other. */
static void test_same_cookie(void **state)
{
	const uint8_t key[32] = {5};
	struct fake f = {key_cookie(key, 77, "me", 2), {"other", "m", "me", NULL}};
	struct wire_out value = {0};
	struct object_entry en;
	uint64_t cookie;

	(void)state;
	assert_int_equal(object_value_find(&en, &cookie, key, 77, "me", 2, fake_get, &f, &value),
			 0);
	assert_int_equal(en.cookie, f.first + 2);
	assert_string_equal(en.name, "me");
	f.name[2] = "mee";
	assert_int_equal(object_value_find(&en, &cookie, key, 77, "me", 2, fake_get, &f, &value),
			 ERR_NOTFOUND);
	assert_int_equal(cookie, f.first + 3);
	f.name[0] = NULL;
	assert_int_equal(object_value_find(&en, &cookie, key, 77, "me", 2, fake_get, &f, &value),
			 ERR_NOTFOUND);
	assert_int_equal(cookie, f.first);
	wire_out_free(&value);
}

/* ---- listing ---- */

struct listing {
	unsigned n, stop_after;
	uint64_t last;
	bool seen[4000];
	uint64_t cookie[4000];
	struct place *p;
};

static int list_one(void *ctx, const struct object_entry *en)
{
	struct listing *l = ctx;
	unsigned i = (unsigned)strtoul(en->name + 1, NULL, 10);
	struct object o;

	assert_true(en->cookie > l->last);
	assert_true(en->cookie >= 4);
	l->last = en->cookie;
	assert_true(i < 4000);
	assert_false(l->seen[i]);
	l->seen[i] = true;
	l->cookie[i] = en->cookie;
	l->n++;
	/* All that an attribute request would tell. */
	assert_int_equal(object_get(l->p->t, en->ino, &o, NULL, NULL), 0);
	assert_int_equal(en->kind, en->name[0] == 'd' ? OBJECT_DIR : OBJECT_ITEM);
	assert_int_equal(en->kind, o.kind);
	assert_string_equal(en->name, o.name);
	assert_int_equal(en->size, o.size);
	assert_int_equal(en->nlink, o.nlink);
	assert_int_equal(en->mtime_ns, o.mtime_ns);
	return l->stop_after && l->n % l->stop_after == 0 ? 7 : 0;
}

static void add_many(struct place *p, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct object o = item(1000 + i, 1000 + i);
		char path[32];

		snprintf(path, sizeof(path), i % 50 ? "i%u" : "d%u/x", i);
		must_add(p, &o, "many", path);
	}
	apply(p, true);
}

static void test_list(void **state)
{
	struct place *p = *state;
	static struct listing l, more;
	struct object dir;
	int rc;

	add_many(p, 0, 2000);
	assert_int_equal(object_resolve(p->t, p->names, "many", &dir, NULL), 0);
	memset(&l, 0, sizeof(l));
	l.p = p;
	assert_int_equal(object_list(p->t, dir.ino, 0, list_one, &l, NULL), 0);
	assert_int_equal(l.n, 2000);
	/* In pieces, while entries are added: none is told twice, none of the old is missed. */
	memset(&more, 0, sizeof(more));
	more.p = p;
	more.stop_after = 300;
	rc = object_list(p->t, dir.ino, 0, list_one, &more, NULL);
	assert_int_equal(rc, 7);
	add_many(p, 2000, 4000);
	while (rc == 7)
		rc = object_list(p->t, dir.ino, more.last, list_one, &more, NULL);
	assert_int_equal(rc, 0);
	for (unsigned i = 0; i < 2000; i++) {
		assert_true(more.seen[i]);
		assert_int_equal(more.cookie[i], l.cookie[i]);
	}
	assert_true(more.n > 2000);
	assert_int_equal(object_list(p->t, dir.ino, UINT64_MAX, list_one, &more, NULL), 0);
	/* An item and a number that is nothing have no entries. */
	l.n = 0;
	assert_int_equal(object_list(p->t, 12345, 0, list_one, &l, NULL), 0);
	assert_int_equal(l.n, 0);
}

/* ---- values that are no values ---- */

static void test_decode(void **state)
{
	struct object_value v = {.o = item(1, 1000), .claim = 1, .plain = "x"}, got;
	struct object_entry en = {.kind = OBJECT_DIR, .ino = 5, .name = "y"}, found;
	struct object_totals sum = {1, 2, 3, 4}, total;
	struct wire_out out = {0};

	(void)state;
	object_value_encode(&out, &v);
	assert_int_equal(object_value_decode(&got, out.p, out.n), 0);
	assert_int_equal(got.o.seq, 1);
	for (size_t n = 0; n < out.n; n++)
		assert_int_equal(object_value_decode(&got, out.p, n), ERR_INDEX);
	wire_out_u8(&out, 0);
	assert_int_equal(object_value_decode(&got, out.p, out.n), ERR_INDEX);
	out.p[0] = 3;
	assert_int_equal(object_value_decode(&got, out.p, out.n - 1), ERR_INDEX);

	wire_out_reset(&out);
	object_value_entry_encode(&out, &en);
	assert_int_equal(object_value_entry_decode(&found, out.p, out.n), 0);
	for (size_t n = 0; n < out.n; n++)
		assert_int_equal(object_value_entry_decode(&found, out.p, n), ERR_INDEX);
	out.p[out.n - 1] = '\0';
	assert_int_equal(object_value_entry_decode(&found, out.p, out.n), ERR_INDEX);

	wire_out_reset(&out);
	object_value_totals_encode(&out, &sum);
	assert_true(object_value_totals_decode(&total, out.p, out.n));
	assert_int_equal(total.dirs, 4);
	assert_false(object_value_totals_decode(&total, out.p, out.n - 1));
	wire_out_free(&out);
}

/* What authenticates but is nonsense is the index's fault, not "not found". */
static void test_nonsense(void **state)
{
	struct place *p = *state;
	struct object a = item(1, 1000), o;
	struct object_totals sum;
	struct err e = {0};

	must_add(p, &a, "c", "x");
	apply(p, true);
	assert_int_equal(db_batch_put(p->b, KEY_OBJECT, key_ino(a.ino), "?", 1), 0);
	assert_int_equal(db_batch_put(p->b, KEY_META, key_u8(KEY_META_TOTALS), "?", 1), 0);
	apply(p, true);
	assert_int_equal(object_get(p->t, a.ino, &o, NULL, &e), ERR_INDEX);
	assert_int_equal(object_get_item(p->t, a.node, a.item, &o, NULL, &e), ERR_INDEX);
	assert_int_equal(object_resolve(p->t, p->names, "c/x", &o, &e), ERR_INDEX);
	assert_int_equal(object_totals(p->t, &sum, &e), ERR_INDEX);
	a = item(2, 500);
	assert_int_equal(add_to(p, &a, "c", "x"), ERR_INDEX);
}

/* A name that leads nowhere. */
static void test_dangling(void **state)
{
	struct place *p = *state;
	struct object a = item(1, 1000), o;

	must_add(p, &a, "c", "x");
	apply(p, true);
	assert_int_equal(db_batch_del(p->b, KEY_OBJECT, key_ino(a.ino)), 0);
	apply(p, true);
	assert_int_equal(object_resolve(p->t, p->names, "c/x", &o, NULL), ERR_INDEX);
	a = item(2, 500);
	assert_int_equal(add_to(p, &a, "c", "x"), ERR_INDEX);
}

/* An item without its record. */
static void test_no_record(void **state)
{
	struct place *p = *state;
	struct object a = item(1, 1000), o;
	struct wire_out record = {0};

	must_add(p, &a, "c", "x");
	apply(p, true);
	assert_int_equal(db_batch_del(p->b, KEY_RECORD, key_record(a.journal, a.seq)), 0);
	apply(p, true);
	assert_int_equal(object_get(p->t, a.ino, &o, NULL, NULL), 0);
	assert_int_equal(object_get(p->t, a.ino, &o, &record, NULL), ERR_INDEX);
	assert_int_equal(object_get_item(p->t, a.node, a.item, &o, &record, NULL), ERR_INDEX);
	assert_int_equal(record.n, 0);
}

static void test_loop(void **state)
{
	struct place *p = *state;
	struct object a = item(1, 1000), dir;
	struct object_value v = {.o = {.kind = OBJECT_DIR, .name = "d"}};
	struct wire_out out = {0}, path = {0};

	must_add(p, &a, "c", "d/x");
	apply(p, true);
	assert_int_equal(object_resolve(p->t, p->names, "c/d", &dir, NULL), 0);
	v.o.parent = dir.ino;
	object_value_encode(&out, &v);
	assert_int_equal(db_batch_put(p->b, KEY_OBJECT, key_ino(dir.ino), out.p, out.n), 0);
	apply(p, true);
	assert_int_equal(object_path(p->t, &a, &path, NULL), ERR_INDEX);
	assert_int_equal(path.n, 0);
	wire_out_free(&out);
	wire_out_free(&path);
}

static void test_time(void **state)
{
	(void)state;
	assert_int_equal(object_ns(1500), 1500000000);
	assert_int_equal(object_ns(INT64_MAX / 1000000), INT64_MAX / 1000000 * 1000000);
	assert_int_equal(object_ns(INT64_MAX / 1000000 + 1), INT64_MAX);
	assert_int_equal(object_ns(INT64_MAX), INT64_MAX);
}

#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(test_empty),		 WITH_PLACE(test_fields),
		WITH_PLACE(test_directories),	 WITH_PLACE(test_again),
		WITH_PLACE(test_bad_names),	 WITH_PLACE(test_alike),
		WITH_PLACE(test_same_ino),	 WITH_PLACE(test_claims),
		WITH_PLACE(test_same_name),	 WITH_PLACE(test_directory_wins),
		WITH_PLACE(test_fallback_taken), WITH_PLACE(test_later_fallback),
		WITH_PLACE(test_counts),	 WITH_PLACE(test_all_digits),
		WITH_PLACE(test_long_name),	 cmocka_unit_test(test_same_cookie),
		WITH_PLACE(test_list),		 cmocka_unit_test(test_decode),
		WITH_PLACE(test_nonsense),	 WITH_PLACE(test_dangling),
		WITH_PLACE(test_no_record),	 WITH_PLACE(test_loop),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
