/* SPDX-License-Identifier: Apache-2.0 */
/* ledger: every table there and back, through a batch and from the index; walks; nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/ledger.h"
#include "index/meta.h"
#include "index/object_add.h"
#include "tests/lib/fixture.h"

static const uint8_t index_key[32] = {1}, archive[16] = {2};

struct place {
	char dir[FIXTURE_PATH], index[FIXTURE_PATH + 8];
	struct secret_pool *pool;
	struct db *db;
	struct db_batch *b;
	struct db_txn *t;
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	*state = p;
	fixture_dir(p->dir);
	snprintf(p->index, sizeof(p->index), "%s/index", p->dir);
	assert_int_equal(secret_pool_new(&p->pool, 4096, NULL), 0);
	assert_int_equal(db_open(&p->db, p->index, true, p->pool, index_key, archive, NULL), 0);
	assert_int_equal(db_batch_new(&p->b, p->db, NULL), 0);
	assert_int_equal(db_begin(&p->t, p->db, false, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	db_abort(p->t);
	db_batch_free(p->b);
	db_close(p->db);
	secret_pool_free(p->pool);
	fixture_remove(p->dir);
	free(p);
	return 0;
}

static void apply(struct place *p)
{
	struct err e = {0};

	db_abort(p->t);
	if (db_batch_apply(p->b, NULL, NULL, &e))
		fail_msg("%s", e.text);
	assert_int_equal(db_begin(&p->t, p->db, false, NULL), 0);
}

static void id(uint8_t out[16], unsigned n)
{
	memset(out, 0, 16);
	out[0] = (uint8_t)n;
	out[15] = 0xaa;
}

/* Cut, lengthen or replace the value under a key; each must be ERR_INDEX to `load`. */
static void spoil(struct place *p, enum key_table table, struct key k,
		  int (*load)(struct place *p, struct err *e))
{
	struct wire_out value = {0};
	size_t cuts[] = {0, 1, 5, 40};
	struct err e = {0};

	assert_int_equal(db_get(p->t, table, k, &value, &e), 0);
	assert_int_equal(load(p, &e), 0);
	for (unsigned i = 0; i < 6; i++) {
		size_t n = i < 4 ? cuts[i] : value.n - 1;

		if (i == 5) {
			wire_out_u8(&value, 0);
			n = value.n;
		}
		assert_int_equal(db_batch_put(p->b, table, k, value.p, n), 0);
		apply(p);
		e.code = 0;
		assert_int_equal(load(p, &e), ERR_INDEX);
		assert_int_equal(e.code, ERR_INDEX);
		assert_non_null(strstr(e.text, "decode"));
	}
	wire_out_free(&value);
}

/* ---- journals ---- */

static void journal_of(struct ledger_journal *j, unsigned n, uint64_t lines)
{
	memset(j, 0, sizeof(*j));
	id(j->node, n);
	j->number = n;
	j->last_ms = 1795417800123 + n;
	j->state.bytes = lines * 100;
	for (uint64_t i = 0; i < lines; i++) {
		merkle_hash leaf;

		merkle_leaf(leaf, &i, sizeof(i));
		merkle_append(&j->state.range, leaf, NULL, NULL);
	}
}

static void same_journal(const struct ledger_journal *a, const struct ledger_journal *b)
{
	merkle_hash ra, rb;

	assert_memory_equal(a->node, b->node, 16);
	assert_int_equal(a->number, b->number);
	assert_int_equal(a->last_ms, b->last_ms);
	assert_int_equal(a->state.bytes, b->state.bytes);
	assert_int_equal(a->state.range.size, b->state.range.size);
	merkle_root(ra, &a->state.range);
	merkle_root(rb, &b->state.range);
	assert_memory_equal(ra, rb, 32);
}

static int load_journals(struct place *p, struct err *e)
{
	struct ledger_journal *list, j;
	uint8_t node[16];
	size_t n;
	int rc = ledger_journals(p->t, &list, &n, e);

	if (rc) {
		assert_null(list);
		assert_int_equal(n, 0);
	}
	free(list);
	id(node, 3);
	assert_int_equal(ledger_get_journal(NULL, p->t, node, &j, e), rc);
	return rc;
}

static void test_journals(void **state)
{
	static const uint64_t lines[] = {0, 1, 2, 7, 255, 256, 1000};
	struct place *p = *state;
	struct ledger_journal want, got, *list;
	uint8_t node[16];
	size_t n;

	id(node, 9);
	assert_int_equal(ledger_get_journal(p->b, p->t, node, &got, NULL), ERR_NOTFOUND);
	assert_int_equal(ledger_journals(p->t, &list, &n, NULL), 0);
	assert_int_equal(n, 0);
	free(list);
	for (unsigned i = 0; i < 7; i++) {
		journal_of(&want, i, lines[i]);
		assert_int_equal(ledger_put_journal(p->b, &want), 0);
		assert_int_equal(ledger_get_journal(p->b, p->t, want.node, &got, NULL), 0);
		same_journal(&got, &want);
		/* Without the batch it is not there yet. */
		assert_int_equal(ledger_get_journal(NULL, p->t, want.node, &got, NULL),
				 ERR_NOTFOUND);
	}
	apply(p);
	assert_int_equal(ledger_journals(p->t, &list, &n, NULL), 0);
	assert_int_equal(n, 7);
	for (unsigned i = 0; i < 7; i++) {
		journal_of(&want, i, lines[i]);
		same_journal(&list[i], &want);
	}
	free(list);
	id(node, 3);
	spoil(p, KEY_JOURNAL, key_id(node), load_journals);
}

/* ---- accessions ---- */

static struct ledger_accession accession(unsigned n)
{
	struct ledger_accession a = {.opened_ms = 1000 + n,
				     .closed_ms = n % 2 ? 2000 : 0,
				     .items = n,
				     .bytes = UINT64_MAX - n,
				     .epoch = 3,
				     .uid = 1000,
				     .user = "op",
				     .host = "lane-3",
				     .collection = "otay-2019"};

	id(a.id, n);
	id(a.node, 77);
	return a;
}

static void same_accession(const struct ledger_accession *a, const struct ledger_accession *b)
{
	assert_memory_equal(a->id, b->id, 16);
	assert_memory_equal(a->node, b->node, 16);
	assert_int_equal(a->opened_ms, b->opened_ms);
	assert_int_equal(a->closed_ms, b->closed_ms);
	assert_int_equal(a->items, b->items);
	assert_int_equal(a->bytes, b->bytes);
	assert_int_equal(a->epoch, b->epoch);
	assert_int_equal(a->uid, b->uid);
	assert_string_equal(a->user, b->user);
	assert_string_equal(a->host, b->host);
	assert_string_equal(a->collection, b->collection);
}

static unsigned walked;

static int check_accession(void *ctx, const struct ledger_accession *a)
{
	struct ledger_accession want = accession(a->id[0]);
	const unsigned *stop = ctx;

	same_accession(a, &want);
	assert_int_equal(a->id[0], walked);
	walked++;
	return walked == *stop ? ERR_NOTFOUND : 0;
}

static int load_accession(struct place *p, struct err *e)
{
	struct ledger_accession a = accession(2);
	uint8_t k[16], a_node[16];
	unsigned stop = 99;
	int rc;

	id(k, 2);
	memcpy(a_node, a.node, 16);
	walked = 0;
	rc = ledger_accessions(p->t, check_accession, &stop, e);
	assert_int_equal(ledger_get_accession(NULL, p->t, a_node, k, &a, e), rc);
	return rc;
}

static void test_accessions(void **state)
{
	struct place *p = *state;
	struct ledger_accession a, got;
	uint8_t k[16];
	unsigned stop = 99;

	id(k, 0);
	assert_int_equal(ledger_get_accession(NULL, p->t, k, k, &got, NULL), ERR_NOTFOUND);
	for (unsigned i = 0; i < 5; i++) {
		a = accession(i);
		assert_int_equal(ledger_put_accession(p->b, &a), 0);
		assert_int_equal(ledger_get_accession(p->b, p->t, a.node, a.id, &got, NULL), 0);
		same_accession(&got, &a);
	}
	/* The longest texts there are. */
	a = accession(5);
	memset(a.user, 'u', sizeof(a.user) - 1);
	memset(a.host, 'h', sizeof(a.host) - 1);
	memset(a.collection, 'c', sizeof(a.collection) - 1);
	assert_int_equal(ledger_put_accession(p->b, &a), 0);
	assert_int_equal(ledger_get_accession(p->b, p->t, a.node, a.id, &got, NULL), 0);
	same_accession(&got, &a);
	a = accession(5);
	assert_int_equal(ledger_put_accession(p->b, &a), 0);
	apply(p);
	walked = 0;
	assert_int_equal(ledger_accessions(p->t, check_accession, &stop, NULL), 0);
	assert_int_equal(walked, 6);
	/* What a callback says is passed on, whatever it is. */
	walked = 0;
	stop = 3;
	assert_int_equal(ledger_accessions(p->t, check_accession, &stop, NULL), ERR_NOTFOUND);
	assert_int_equal(walked, 3);
	id(k, 2);
	spoil(p, KEY_ACCESSION, key_claim(k, a.node), load_accession);
}

/* What two nodes call by one id are two. */
static void test_accession_claims(void **state)
{
	struct place *p = *state;
	struct ledger_accession a = accession(3), b = accession(3), got;

	assert_int_equal(ledger_put_accession(p->b, &a), 0);
	apply(p);
	b.node[15] ^= 1;
	strcpy(b.host, "evil");
	assert_int_equal(ledger_put_accession(p->b, &b), 0);
	apply(p);
	assert_int_equal(ledger_get_accession(NULL, p->t, a.node, a.id, &got, NULL), 0);
	same_accession(&got, &a);
	assert_int_equal(ledger_get_accession(NULL, p->t, b.node, b.id, &got, NULL), 0);
	same_accession(&got, &b);
	a.id[0] ^= 1;
	assert_int_equal(ledger_get_accession(NULL, p->t, a.node, a.id, &got, NULL), ERR_NOTFOUND);
}

/* ---- segments ---- */

static int load_segment(struct place *p, struct err *e)
{
	struct ledger_segment s;
	uint8_t k[16], node[16];

	id(k, 4);
	id(node, 6);
	return ledger_get_segment(NULL, p->t, node, k, &s, e);
}

static void test_segments(void **state)
{
	struct place *p = *state;
	struct ledger_segment s = {.seq = 5, .end = UINT64_C(1) << 40}, got;

	id(s.id, 4);
	id(s.accession, 5);
	id(s.node, 6);
	fixture_fill(s.header, 32, 1);
	assert_int_equal(ledger_get_segment(p->b, p->t, s.node, s.id, &got, NULL), ERR_NOTFOUND);
	assert_int_equal(ledger_put_segment(p->b, &s), 0);
	assert_int_equal(ledger_get_segment(p->b, p->t, s.node, s.id, &got, NULL), 0);
	assert_int_equal(got.end, s.end);
	apply(p);
	assert_int_equal(ledger_get_segment(NULL, p->t, s.node, s.id, &got, NULL), 0);
	assert_memory_equal(got.id, s.id, 16);
	assert_memory_equal(got.accession, s.accession, 16);
	assert_memory_equal(got.node, s.node, 16);
	assert_memory_equal(got.header, s.header, 32);
	assert_int_equal(got.seq, 5);
	assert_int_equal(got.end, s.end);
	/* Another node's of the same id is another. */
	s.node[0] ^= 1;
	assert_int_equal(ledger_get_segment(NULL, p->t, s.node, s.id, &got, NULL), ERR_NOTFOUND);
	s.end = 7;
	assert_int_equal(ledger_put_segment(p->b, &s), 0);
	apply(p);
	assert_int_equal(ledger_get_segment(NULL, p->t, s.node, s.id, &got, NULL), 0);
	assert_int_equal(got.end, 7);
	s.node[0] ^= 1;
	assert_int_equal(ledger_get_segment(NULL, p->t, s.node, s.id, &got, NULL), 0);
	assert_int_equal(got.end, UINT64_C(1) << 40);
	spoil(p, KEY_SEGMENT, key_claim(s.id, s.node), load_segment);
}

/* ---- documents ---- */

static struct ledger_document document(unsigned n)
{
	struct ledger_document d = {.state = n % 2 ? LEDGER_ENDED : LEDGER_ADMITTED,
				    .admitted_ms = 1000 + n,
				    .opens = n,
				    .bytes = n * 2,
				    .open_bytes = n * 3};

	id(d.serial, n);
	id(d.node, 7);
	fixture_fill(d.digest, 32, n);
	strcpy(d.kind, n % 3 ? "authorisation" : "revocation");
	strcpy(d.ended, n % 2 ? "expired" : "");
	return d;
}

static int check_document(void *ctx, const struct ledger_document *d)
{
	struct ledger_document want = document(d->serial[0]);

	(void)ctx;
	assert_memory_equal(d->serial, want.serial, 16);
	assert_memory_equal(d->node, want.node, 16);
	assert_memory_equal(d->digest, want.digest, 32);
	assert_string_equal(d->kind, want.kind);
	assert_string_equal(d->ended, want.ended);
	assert_int_equal(d->state, want.state);
	assert_int_equal(d->admitted_ms, want.admitted_ms);
	assert_int_equal(d->opens, want.opens);
	assert_int_equal(d->bytes, want.bytes);
	assert_int_equal(d->open_bytes, want.open_bytes);
	walked++;
	return 0;
}

static int load_document(struct place *p, struct err *e)
{
	struct ledger_document d;
	uint8_t k[16];
	int rc = ledger_documents(p->t, check_document, NULL, e);

	id(k, 1);
	assert_int_equal(ledger_get_document(NULL, p->t, k, &d, e), rc);
	return rc;
}

static void test_documents(void **state)
{
	struct place *p = *state;
	struct ledger_document d, got;

	for (unsigned i = 0; i < 5; i++) {
		d = document(i);
		assert_int_equal(ledger_get_document(p->b, p->t, d.serial, &got, NULL),
				 ERR_NOTFOUND);
		assert_int_equal(ledger_put_document(p->b, &d), 0);
		assert_int_equal(ledger_get_document(p->b, p->t, d.serial, &got, NULL), 0);
		check_document(NULL, &got);
	}
	apply(p);
	walked = 0;
	assert_int_equal(ledger_documents(p->t, check_document, NULL, NULL), 0);
	assert_int_equal(walked, 5);
	/* A state that is none. */
	d = document(9);
	d.state = 3;
	assert_int_equal(ledger_put_document(p->b, &d), 0);
	assert_int_equal(ledger_get_document(p->b, p->t, d.serial, &got, NULL), ERR_INDEX);
	d = document(9);
	assert_int_equal(ledger_put_document(p->b, &d), 0);
	apply(p);
	d = document(1);
	spoil(p, KEY_DOCUMENT, key_id(d.serial), load_document);
}

/* ---- events and pending items ---- */

struct history {
	unsigned n, stop;
	uint32_t journal[16];
	uint64_t seq[16];
};

static int note_event(void *ctx, uint32_t journal, uint64_t seq)
{
	struct history *h = ctx;

	assert_true(h->n < 16);
	h->journal[h->n] = journal;
	h->seq[h->n++] = seq;
	return h->n == h->stop ? 5 : 0;
}

static void check_history(struct place *p, const uint8_t item[16], unsigned n, const uint32_t *j,
			  const uint64_t *seq)
{
	struct history h = {0};

	assert_int_equal(ledger_events(p->t, item, note_event, &h, NULL), 0);
	assert_int_equal(h.n, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(h.journal[i], j[i]);
		assert_int_equal(h.seq[i], seq[i]);
	}
	if (n) {
		h = (struct history){.stop = 1};
		assert_int_equal(ledger_events(p->t, item, note_event, &h, NULL), 5);
		assert_int_equal(h.n, 1);
	}
}

static void test_events(void **state)
{
	struct place *p = *state;
	struct object o = {.ingest_ms = 5, .journal = 8, .seq = 80};
	struct ledger_journal j = {.number = 8};
	struct object_add *add;
	uint8_t a[16], b[16];

	id(a, 1);
	id(b, 2);
	check_history(p, a, 0, NULL, NULL);
	assert_int_equal(ledger_put_event(p->b, a, 2, 300), 0);
	assert_int_equal(ledger_put_event(p->b, a, 1, UINT64_MAX), 0);
	assert_int_equal(ledger_put_event(p->b, a, 2, 299), 0);
	assert_int_equal(ledger_put_event(p->b, b, 1, 1), 0);
	assert_int_equal(ledger_put_event(p->b, a, 2, 300), 0);
	apply(p);
	check_history(p, a, 3, (uint32_t[]){1, 2, 2}, (uint64_t[]){UINT64_MAX, 299, 300});
	check_history(p, b, 1, (uint32_t[]){1}, (uint64_t[]){1});

	/* The ingest of an item that is put aside, and of one that is shown. */
	assert_int_equal(ledger_put_pending(p->b, b, 7, 70), 0);
	assert_int_equal(ledger_put_journal(p->b, &j), 0);
	assert_int_equal(object_add_new(&add, db_name_key(p->db)), 0);
	memcpy(o.item, a, 16);
	assert_int_equal(object_add_item(add, p->b, p->t, &o, "c", "x", 1, "r", 1, NULL), 0);
	assert_int_equal(object_add_flush(add, p->b), 0);
	object_add_free(add);
	apply(p);
	check_history(p, a, 4, (uint32_t[]){8, 1, 2, 2}, (uint64_t[]){80, UINT64_MAX, 299, 300});
	check_history(p, b, 2, (uint32_t[]){7, 1}, (uint64_t[]){70, 1});
}

static int note_pending(void *ctx, const uint8_t item[16], uint32_t journal, uint64_t seq)
{
	assert_int_equal(item[0], walked);
	assert_int_equal(journal, 10 + item[0]);
	assert_int_equal(seq, UINT64_MAX - item[0]);
	walked++;
	return walked == *(unsigned *)ctx ? 4 : 0;
}

static void test_pending(void **state)
{
	struct place *p = *state;
	struct ledger_place from = {.journal = 12, .seq = UINT64_MAX - 2};
	unsigned stop = 99;
	uint8_t k[16];

	for (unsigned i = 0; i < 5; i++) {
		id(k, i);
		assert_int_equal(ledger_put_pending(p->b, k, 10 + i, UINT64_MAX - i), 0);
	}
	apply(p);
	walked = 0;
	assert_int_equal(ledger_pending(p->t, NULL, note_pending, &stop, NULL), 0);
	assert_int_equal(walked, 5);
	walked = 0;
	stop = 2;
	assert_int_equal(ledger_pending(p->t, NULL, note_pending, &stop, NULL), 4);
	/* From one on; and one item may wait in two journals. */
	id(from.item, 2);
	walked = 2;
	stop = 99;
	assert_int_equal(ledger_pending(p->t, &from, note_pending, &stop, NULL), 0);
	assert_int_equal(walked, 5);
	from.journal++;
	walked = 3;
	assert_int_equal(ledger_pending(p->t, &from, note_pending, &stop, NULL), 0);
	assert_int_equal(walked, 5);
	id(k, 4);
	assert_int_equal(ledger_put_pending(p->b, k, 3, 9), 0);
	assert_int_equal(ledger_del_pending(p->b, k, 14, UINT64_MAX - 4), 0);
	apply(p);
	check_history(p, k, 1, (uint32_t[]){3}, (uint64_t[]){9});
	assert_int_equal(ledger_del_pending(p->b, k, 3, 9), 0);
	apply(p);
	walked = 0;
	stop = 99;
	assert_int_equal(ledger_pending(p->t, NULL, note_pending, &stop, NULL), 0);
	assert_int_equal(walked, 4);
	assert_int_equal(db_batch_put(p->b, KEY_PENDING, key_id(k), NULL, 0), 0);
	apply(p);
	walked = 0;
	assert_int_equal(ledger_pending(p->t, NULL, note_pending, &stop, NULL), ERR_INDEX);
}

/* ---- the index as a whole ---- */

static int load_turn(struct place *p, struct err *e)
{
	uint64_t turn;

	return meta_get_turn(p->t, &turn, e);
}

static void test_meta(void **state)
{
	struct place *p = *state;
	bool known, names;
	uint64_t turn;

	assert_int_equal(meta_get_names(p->t, &known, &names, NULL), 0);
	assert_false(known);
	assert_int_equal(meta_get_turn(p->t, &turn, NULL), 0);
	assert_int_equal(turn, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(meta_put_names(p->b, i), 0);
		assert_int_equal(meta_put_turn(p->b, UINT64_MAX - i), 0);
		apply(p);
		assert_int_equal(meta_get_names(p->t, &known, &names, NULL), 0);
		assert_true(known);
		assert_int_equal(names, i);
		assert_int_equal(meta_get_turn(p->t, &turn, NULL), 0);
		assert_true(turn == UINT64_MAX - i);
	}
	spoil(p, KEY_META, key_u8(KEY_META_TURN), load_turn);
}

#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(test_journals),	   WITH_PLACE(test_accessions),
		WITH_PLACE(test_accession_claims), WITH_PLACE(test_segments),
		WITH_PLACE(test_documents),	   WITH_PLACE(test_events),
		WITH_PLACE(test_pending),	   WITH_PLACE(test_meta),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
