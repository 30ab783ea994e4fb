/* SPDX-License-Identifier: Apache-2.0 */
#include "index/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "index/ledger_internal.h"

/* ---- what all tables share ---- */

int ledger_damaged(struct err *e, const char *what)
{
	return err_set(e, ERR_INDEX, "the index is damaged: %s does not decode", what);
}

static int get(struct db_batch *b, struct db_txn *t, enum key_table table, struct key k,
	       struct wire_out *value, struct err *e)
{
	return b ? db_batch_get(b, t, table, k, value, e) : db_get(t, table, k, value, e);
}

int ledger_put(struct db_batch *b, enum key_table table, struct key k, struct wire_out *value)
{
	int rc = wire_out_ok(value) ? db_batch_put(b, table, k, value->p, value->n) : ERR_NOMEM;

	wire_out_wipe(value);
	return rc;
}

int ledger_walk(struct db_txn *t, enum key_table table, struct key prefix, struct key from,
		int (*one)(void *ctx, const uint8_t *k, size_t klen, const struct wire_out *value),
		void *ctx, struct err *e)
{
	struct wire_out value = {0};
	struct db_cursor *c = NULL;
	int rc = db_cursor(&c, t, table, prefix, from, e);

	while (rc == 0) {
		const uint8_t *k;
		size_t klen;

		wire_out_reset(&value);
		rc = db_next(c, &k, &klen, &value, e);
		if (rc == ERR_NOTFOUND) {
			rc = 0;
			break;
		}
		if (rc == 0)
			rc = one(ctx, k, klen, &value);
	}
	db_cursor_close(c);
	wire_out_wipe(&value);
	return rc;
}

static const struct key everything = {.n = 0};

static void put_text(struct wire_out *out, const char *s)
{
	wire_out_str16(out, s, strlen(s));
}

/* A string that fits out[cap] with its NUL; the reader turns bad otherwise. */
static void get_text(struct wire_in *in, char *out, size_t cap)
{
	size_t n;
	const uint8_t *p = wire_in_str16(in, &n);

	out[0] = '\0';
	if (!p || n >= cap || memchr(p, 0, n)) {
		in->bad = true;
		return;
	}
	memcpy(out, p, n);
	out[n] = '\0';
}

/* ---- journals ---- */

static bool journal_decode(struct ledger_journal *j, const uint8_t *node,
			   const struct wire_out *value)
{
	struct wire_in in = wire_in_init(value->p, value->n);
	struct merkle_range *r = &j->state.range;

	memset(j, 0, sizeof(*j));
	memcpy(j->node, node, 16);
	j->number = wire_in_u32(&in);
	j->last_ms = (int64_t)wire_in_u64(&in);
	j->state.bytes = wire_in_u64(&in);
	r->size = wire_in_u64(&in);
	for (int i = 0; i < __builtin_popcountll(r->size); i++)
		wire_in_copy(&in, r->peak[i], MERKLE_HASH);
	return wire_in_end(&in);
}

int ledger_get_journal(struct db_batch *b, struct db_txn *t, const uint8_t node[16],
		       struct ledger_journal *j, struct err *e)
{
	struct wire_out value = {0};
	int rc = get(b, t, KEY_JOURNAL, key_id(node), &value, e);

	if (rc == 0 && !journal_decode(j, node, &value))
		rc = ledger_damaged(e, "a journal's state");
	wire_out_wipe(&value);
	return rc;
}

int ledger_put_journal(struct db_batch *b, const struct ledger_journal *j)
{
	const struct merkle_range *r = &j->state.range;
	struct wire_out value = {0};

	wire_out_u32(&value, j->number);
	wire_out_u64(&value, (uint64_t)j->last_ms);
	wire_out_u64(&value, j->state.bytes);
	wire_out_u64(&value, r->size);
	for (int i = 0; i < __builtin_popcountll(r->size); i++)
		wire_out_bytes(&value, r->peak[i], MERKLE_HASH);
	return ledger_put(b, KEY_JOURNAL, key_id(j->node), &value);
}

struct journal_list {
	struct ledger_journal *list;
	size_t n;
	struct err *e;
};

static int list_journal(void *ctx, const uint8_t *k, size_t klen, const struct wire_out *value)
{
	struct journal_list *l = ctx;
	struct ledger_journal *grown = realloc(l->list, (l->n + 1) * sizeof(*grown));

	if (!grown)
		return err_set(l->e, ERR_NOMEM, "out of memory");
	l->list = grown;
	if (klen != 16 || !journal_decode(&grown[l->n], k, value))
		return ledger_damaged(l->e, "a journal's state");
	l->n++;
	return 0;
}

int ledger_journals(struct db_txn *t, struct ledger_journal **list, size_t *n, struct err *e)
{
	struct journal_list l = {.e = e};
	int rc = ledger_walk(t, KEY_JOURNAL, everything, everything, list_journal, &l, e);

	if (rc) {
		free(l.list);
		l.list = NULL;
		l.n = 0;
	}
	*list = l.list;
	*n = l.n;
	return rc;
}

/* ---- accessions ---- */

static bool accession_decode(struct ledger_accession *a, const uint8_t key[32],
			     const struct wire_out *value)
{
	struct wire_in in = wire_in_init(value->p, value->n);

	memset(a, 0, sizeof(*a));
	memcpy(a->id, key, 16);
	memcpy(a->node, key + 16, 16);
	a->opened_ms = (int64_t)wire_in_u64(&in);
	a->closed_ms = (int64_t)wire_in_u64(&in);
	a->items = wire_in_u64(&in);
	a->bytes = wire_in_u64(&in);
	a->epoch = wire_in_u64(&in);
	a->uid = wire_in_u64(&in);
	get_text(&in, a->user, sizeof(a->user));
	get_text(&in, a->host, sizeof(a->host));
	get_text(&in, a->collection, sizeof(a->collection));
	return wire_in_end(&in);
}

int ledger_get_accession(struct db_batch *b, struct db_txn *t, const uint8_t node[16],
			 const uint8_t id[16], struct ledger_accession *a, struct err *e)
{
	struct wire_out value = {0};
	struct key k = key_claim(id, node);
	int rc = get(b, t, KEY_ACCESSION, k, &value, e);

	if (rc == 0 && !accession_decode(a, k.b, &value))
		rc = ledger_damaged(e, "an accession");
	wire_out_wipe(&value);
	return rc;
}

int ledger_put_accession(struct db_batch *b, const struct ledger_accession *a)
{
	struct wire_out value = {0};

	wire_out_u64(&value, (uint64_t)a->opened_ms);
	wire_out_u64(&value, (uint64_t)a->closed_ms);
	wire_out_u64(&value, a->items);
	wire_out_u64(&value, a->bytes);
	wire_out_u64(&value, a->epoch);
	wire_out_u64(&value, a->uid);
	put_text(&value, a->user);
	put_text(&value, a->host);
	put_text(&value, a->collection);
	return ledger_put(b, KEY_ACCESSION, key_claim(a->id, a->node), &value);
}

struct accession_walk {
	int (*cb)(void *ctx, const struct ledger_accession *a);
	void *ctx;
	struct err *e;
};

static int walk_accession(void *ctx, const uint8_t *k, size_t klen, const struct wire_out *value)
{
	struct accession_walk *w = ctx;
	struct ledger_accession a;

	if (klen != 32 || !accession_decode(&a, k, value))
		return ledger_damaged(w->e, "an accession");
	return w->cb(w->ctx, &a);
}

int ledger_accessions(struct db_txn *t, int (*cb)(void *ctx, const struct ledger_accession *a),
		      void *ctx, struct err *e)
{
	struct accession_walk w = {cb, ctx, e};

	return ledger_walk(t, KEY_ACCESSION, everything, everything, walk_accession, &w, e);
}

/* ---- segments ---- */

static bool segment_decode(struct ledger_segment *s, const uint8_t key[32],
			   const struct wire_out *value)
{
	struct wire_in in = wire_in_init(value->p, value->n);

	memcpy(s->id, key, 16);
	memcpy(s->node, key + 16, 16);
	wire_in_copy(&in, s->accession, 16);
	wire_in_copy(&in, s->header, 32);
	s->seq = wire_in_u64(&in);
	s->end = wire_in_u64(&in);
	return wire_in_end(&in);
}

int ledger_get_segment(struct db_batch *b, struct db_txn *t, const uint8_t node[16],
		       const uint8_t id[16], struct ledger_segment *s, struct err *e)
{
	struct wire_out value = {0};
	struct key k = key_claim(id, node);
	int rc = get(b, t, KEY_SEGMENT, k, &value, e);

	if (rc == 0 && !segment_decode(s, k.b, &value))
		rc = ledger_damaged(e, "a segment");
	wire_out_wipe(&value);
	return rc;
}

int ledger_put_segment(struct db_batch *b, const struct ledger_segment *s)
{
	struct wire_out value = {0};

	wire_out_bytes(&value, s->accession, 16);
	wire_out_bytes(&value, s->header, 32);
	wire_out_u64(&value, s->seq);
	wire_out_u64(&value, s->end);
	return ledger_put(b, KEY_SEGMENT, key_claim(s->id, s->node), &value);
}

struct segment_walk {
	int (*cb)(void *ctx, const struct ledger_segment *s);
	void *ctx;
	struct err *e;
};

static int walk_segment(void *ctx, const uint8_t *k, size_t klen, const struct wire_out *value)
{
	struct segment_walk *w = ctx;
	struct ledger_segment s;

	if (klen != 32 || !segment_decode(&s, k, value))
		return ledger_damaged(w->e, "a segment");
	return w->cb(w->ctx, &s);
}

int ledger_segments(struct db_txn *t, int (*cb)(void *ctx, const struct ledger_segment *s),
		    void *ctx, struct err *e)
{
	struct segment_walk w = {cb, ctx, e};

	return ledger_walk(t, KEY_SEGMENT, everything, everything, walk_segment, &w, e);
}

/* ---- documents ---- */

static bool document_decode(struct ledger_document *d, const uint8_t *serial,
			    const struct wire_out *value)
{
	struct wire_in in = wire_in_init(value->p, value->n);

	memset(d, 0, sizeof(*d));
	memcpy(d->serial, serial, 16);
	get_text(&in, d->kind, sizeof(d->kind));
	d->state = wire_in_u8(&in);
	wire_in_copy(&in, d->node, 16);
	wire_in_copy(&in, d->digest, 32);
	d->admitted_ms = (int64_t)wire_in_u64(&in);
	d->opens = wire_in_u64(&in);
	d->bytes = wire_in_u64(&in);
	d->open_bytes = wire_in_u64(&in);
	get_text(&in, d->ended, sizeof(d->ended));
	return wire_in_end(&in) && (d->state == LEDGER_ADMITTED || d->state == LEDGER_ENDED);
}

int ledger_get_document(struct db_batch *b, struct db_txn *t, const uint8_t serial[16],
			struct ledger_document *d, struct err *e)
{
	struct wire_out value = {0};
	int rc = get(b, t, KEY_DOCUMENT, key_id(serial), &value, e);

	if (rc == 0 && !document_decode(d, serial, &value))
		rc = ledger_damaged(e, "a document");
	wire_out_wipe(&value);
	return rc;
}

int ledger_put_document(struct db_batch *b, const struct ledger_document *d)
{
	struct wire_out value = {0};

	put_text(&value, d->kind);
	wire_out_u8(&value, d->state);
	wire_out_bytes(&value, d->node, 16);
	wire_out_bytes(&value, d->digest, 32);
	wire_out_u64(&value, (uint64_t)d->admitted_ms);
	wire_out_u64(&value, d->opens);
	wire_out_u64(&value, d->bytes);
	wire_out_u64(&value, d->open_bytes);
	put_text(&value, d->ended);
	return ledger_put(b, KEY_DOCUMENT, key_id(d->serial), &value);
}

struct document_walk {
	int (*cb)(void *ctx, const struct ledger_document *d);
	void *ctx;
	struct err *e;
};

static int walk_document(void *ctx, const uint8_t *k, size_t klen, const struct wire_out *value)
{
	struct document_walk *w = ctx;
	struct ledger_document d;

	if (klen != 16 || !document_decode(&d, k, value))
		return ledger_damaged(w->e, "a document");
	return w->cb(w->ctx, &d);
}

int ledger_documents(struct db_txn *t, int (*cb)(void *ctx, const struct ledger_document *d),
		     void *ctx, struct err *e)
{
	struct document_walk w = {cb, ctx, e};

	return ledger_walk(t, KEY_DOCUMENT, everything, everything, walk_document, &w, e);
}
