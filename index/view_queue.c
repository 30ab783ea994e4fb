/* SPDX-License-Identifier: Apache-2.0 */
#include "index/view_queue.h"

#include <stdlib.h>

#define CHUNK (64u << 10)
#define RUNS_MAX 24u /* that are merged at a time; one chunk of each is in memory */

/* What was put under one turn. */
struct run {
	uint64_t turn;
	uint32_t chunks, next; /* all, and the next to be read */
	struct wire_out bytes;
	struct sorted_reader r;
	struct sorted_entry en; /* the next one, if there is one */
	bool there, ended;
};

struct view_queue {
	struct db_txn *t;
	struct run run[RUNS_MAX];
	unsigned n;
	struct run *least; /* whose entry was shown */
};

static int damaged(struct err *e)
{
	return err_set(e, ERR_INDEX, "the index is damaged: what waits for the views");
}

/* ---- writing ---- */

static int put_chunk(struct db_batch *b, uint64_t turn, uint32_t chunk, struct sorted_block *block,
		     struct err *e)
{
	if (!wire_out_ok(&block->bytes) ||
	    db_batch_put(b, KEY_QUEUE, key_queue(turn, chunk), block->bytes.p, block->bytes.n))
		return err_set(e, ERR_NOMEM, "out of memory");
	sorted_block_reset(block);
	return 0;
}

int view_queue_put(struct db_batch *b, uint64_t turn,
		   int (*next)(void *ctx, struct sorted_entry *en), void *ctx, struct err *e)
{
	struct sorted_block block = {0};
	struct sorted_entry en;
	uint32_t chunk = 0;
	int rc;

	while ((rc = next(ctx, &en)) == 0) {
		sorted_block_add(&block, &en);
		if (block.bytes.n >= CHUNK)
			rc = put_chunk(b, turn, chunk++, &block, e);
		if (rc)
			break;
	}
	if (rc == ERR_NOTFOUND)
		rc = block.bytes.n ? put_chunk(b, turn, chunk, &block, e) : 0;
	wire_out_wipe(&block.bytes);
	return rc;
}

int view_queue_count(struct db_txn *t, uint64_t *chunks, struct err *e)
{
	return db_count(t, KEY_QUEUE, chunks, e);
}

/* ---- reading ---- */

static int list_runs(struct view_queue *q, struct err *e)
{
	const struct key all = {.n = 0};
	struct db_cursor *c = NULL;
	const uint8_t *k;
	size_t klen;
	int rc = db_cursor(&c, q->t, KEY_QUEUE, all, all, e);

	while (rc == 0) {
		rc = db_next(c, &k, &klen, NULL, e);
		if (rc)
			break;
		if (klen != 12) {
			rc = damaged(e);
		} else if (q->n && q->run[q->n - 1].turn == wire_get64(k)) {
			q->run[q->n - 1].chunks++;
		} else if (q->n == RUNS_MAX) {
			break;
		} else {
			q->run[q->n++] = (struct run){.turn = wire_get64(k), .chunks = 1};
		}
	}
	db_cursor_close(c);
	return rc == ERR_NOTFOUND && q->n ? 0 : rc;
}

int view_queue_open(struct view_queue **out, struct db_txn *t, struct err *e)
{
	struct view_queue *q = calloc(1, sizeof(*q));
	int rc;

	*out = NULL;
	if (!q)
		return err_set(e, ERR_NOMEM, "out of memory");
	q->t = t;
	rc = list_runs(q, e);
	if (rc) {
		view_queue_close(q);
		return rc;
	}
	*out = q;
	return 0;
}

void view_queue_go_on(struct view_queue *q, struct db_txn *t)
{
	q->t = t;
}

/* The next entry of a run. A chunk that is missing is damage: all are removed together. */
static int advance(struct view_queue *q, struct run *r, struct err *e)
{
	int rc = sorted_reader_next(&r->r, &r->en);

	while (rc == ERR_NOTFOUND && r->next < r->chunks) {
		wire_out_reset(&r->bytes);
		rc = db_get(q->t, KEY_QUEUE, key_queue(r->turn, r->next++), &r->bytes, e);
		if (rc)
			return rc == ERR_NOTFOUND ? damaged(e) : rc;
		r->r = sorted_reader_init(r->bytes.p, r->bytes.n);
		rc = sorted_reader_next(&r->r, &r->en);
	}
	r->there = rc == 0;
	r->ended = rc == ERR_NOTFOUND;
	return rc == ERR_INDEX ? damaged(e) : 0;
}

int view_queue_peek(struct view_queue *q, struct sorted_entry *en, struct err *e)
{
	q->least = NULL;
	for (unsigned i = 0; i < q->n; i++) {
		struct run *r = &q->run[i];
		int rc = r->there || r->ended ? 0 : advance(q, r, e);

		if (rc)
			return rc;
		if (r->there && (!q->least || sorted_compare(&r->en, &q->least->en) < 0))
			q->least = r;
	}
	if (!q->least)
		return ERR_NOTFOUND;
	*en = q->least->en;
	return 0;
}

void view_queue_take(struct view_queue *q)
{
	q->least->there = false;
}

int view_queue_drop(struct view_queue *q, struct db_batch *b, struct err *e)
{
	for (unsigned i = 0; i < q->n; i++) {
		for (uint32_t k = 0; k < q->run[i].chunks; k++)
			if (db_batch_del(b, KEY_QUEUE, key_queue(q->run[i].turn, k)))
				return err_set(e, ERR_NOMEM, "out of memory");
	}
	return 0;
}

void view_queue_close(struct view_queue *q)
{
	if (!q)
		return;
	for (unsigned i = 0; i < q->n; i++)
		wire_out_wipe(&q->run[i].bytes);
	free(q);
}
