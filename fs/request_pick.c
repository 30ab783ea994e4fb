/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/request_pick.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/text.h"
#include "fs/authorisation.h"
#include "fs/frame.h"
#include "index/object_claim.h"

/* Directories still to be read: a stack, since a tree may be deeper than ours. */
struct dirs {
	uint64_t *ino;
	size_t n, cap;
};

struct listing {
	struct request_picks *picks;
	struct db_txn *txn;
	struct dirs dirs;
	struct err *e;
};

/* Room for one more in a list of elements of `size` bytes. */
static bool room(void **list, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? 2 * *cap : 64;
	void *p;

	if (n < *cap)
		return true;
	p = reallocarray(*list, want, size);
	if (!p)
		return false;
	*list = p;
	*cap = want;
	return true;
}

static int add_one(struct request_picks *p, struct request_pick **k, struct err *e)
{
	/* Twice the bound: things named twice are dropped later. */
	if (p->n >= 2 * (size_t)AUTHORISATION_ITEMS_MAX)
		return err_set(e, ERR_USAGE, "more than %u items: ask for whole accessions",
			       AUTHORISATION_ITEMS_MAX);
	if (!room((void **)&p->list, p->n, &p->cap, sizeof(*p->list)))
		return err_set(e, ERR_NOMEM, "out of memory");
	*k = &p->list[p->n++];
	return 0;
}

int request_pick_event(struct request_picks *p, const uint8_t node[16], const struct event *ev,
		       struct err *e)
{
	struct request_pick *k;
	int rc = add_one(p, &k, e);

	if (rc)
		return rc;
	memcpy(k->item, ev->item, sizeof(k->item));
	memcpy(k->node, node, sizeof(k->node));
	memcpy(k->segment, ev->segment, sizeof(k->segment));
	memcpy(k->head, ev->head, sizeof(k->head));
	memcpy(k->commitment, ev->commitment, sizeof(k->commitment));
	k->seq = ev->seq;
	k->offset = ev->offset;
	k->ingest_ms = ev->time_ms;
	k->size = 0;
	k->headlen = ev->headlen <= FRAME_HEAD_MAX ? (uint32_t)ev->headlen : 0;
	return 0;
}

static int add(struct request_picks *p, const struct object *o, struct err *e)
{
	struct request_pick *k;
	int rc = add_one(p, &k, e);

	if (rc)
		return rc;
	memcpy(k->item, o->item, sizeof(k->item));
	memcpy(k->node, o->node, sizeof(k->node));
	memcpy(k->segment, o->segment, sizeof(k->segment));
	memcpy(k->head, o->head, sizeof(k->head));
	memcpy(k->commitment, o->commitment, sizeof(k->commitment));
	k->seq = o->seq;
	k->offset = o->offset;
	k->ingest_ms = o->ingest_ms;
	k->size = o->size;
	k->headlen = o->headlen;
	return 0;
}

static int list_one(void *ctx, const struct object_entry *en)
{
	struct listing *l = ctx;
	struct object o;
	int rc;

	if (en->kind == OBJECT_DIR) {
		if (!room((void **)&l->dirs.ino, l->dirs.n, &l->dirs.cap, sizeof(*l->dirs.ino)))
			return err_set(l->e, ERR_NOMEM, "out of memory");
		l->dirs.ino[l->dirs.n++] = en->ino;
		return 0;
	}
	rc = object_get(l->txn, en->ino, &o, NULL, l->e);
	return rc ? rc : add(l->picks, &o, l->e);
}

int request_pick_path(struct request_picks *p, struct db_txn *t, const uint8_t name_key[32],
		      const char *path, struct err *e)
{
	struct listing l = {.picks = p, .txn = t, .e = e};
	size_t before = p->n;
	uint8_t item[16];
	struct object o;
	int rc;

	rc = object_resolve(t, name_key, path, &o, e);
	if (rc == ERR_NOTFOUND && text_unhex((struct text_span){path, strlen(path)}, item, 16))
		rc = object_claim_one(t, item, &o, NULL, e);
	if (rc == ERR_NOTFOUND)
		return err_set(e, rc, "%s is not in the archive", path);
	if (rc)
		return rc;
	if (o.kind == OBJECT_ITEM)
		return add(p, &o, e);
	rc = object_list(t, o.ino, 0, list_one, &l, e);
	while (rc == 0 && l.dirs.n > 0)
		rc = object_list(t, l.dirs.ino[--l.dirs.n], 0, list_one, &l, e);
	free(l.dirs.ino);
	if (rc == 0 && p->n == before)
		rc = err_set(e, ERR_NOTFOUND, "%s holds no item", *path ? path : "the archive");
	return rc;
}

static int by_place(const void *a, const void *b)
{
	const struct request_pick *x = a, *y = b;
	int c = memcmp(x->segment, y->segment, sizeof(x->segment));

	if (c == 0)
		c = memcmp(x->node, y->node, sizeof(x->node));
	return c ? c : (x->offset > y->offset) - (x->offset < y->offset);
}

static bool is_same(const struct request_pick *a, const struct request_pick *b)
{
	return memcmp(a->item, b->item, sizeof(a->item)) == 0 &&
	       memcmp(a->commitment, b->commitment, sizeof(a->commitment)) == 0;
}

/* One item after the other, of each the first claim first. */
static int by_item(const void *a, const void *b)
{
	const struct request_pick *x = a, *y = b;
	int c = memcmp(x->item, y->item, sizeof(x->item));

	if (c == 0)
		c = memcmp(x->commitment, y->commitment, sizeof(x->commitment));
	if (c == 0)
		c = (x->ingest_ms > y->ingest_ms) - (x->ingest_ms < y->ingest_ms);
	return c ? c : by_place(x, y);
}

void request_pick_finish(struct request_picks *p)
{
	size_t n = 0;

	if (p->n == 0)
		return;
	qsort(p->list, p->n, sizeof(*p->list), by_item);
	for (size_t i = 0; i < p->n; i++)
		if (n == 0 || !is_same(&p->list[n - 1], &p->list[i]))
			p->list[n++] = p->list[i];
	p->n = n;
	qsort(p->list, p->n, sizeof(*p->list), by_place);
}
