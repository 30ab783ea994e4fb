/* SPDX-License-Identifier: Apache-2.0 */
#include "index/view_write.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "index/object_value.h"
#include "index/sorted.h"
#include "index/view.h"
#include "index/view_list.h"
#include "index/view_name.h"
#include "index/view_queue.h"

#define DIRECT_MAX 4000u /* entries that go in with their batch */
#define DUE 400u	 /* values that wait: some 25 MB */
#define STEP_BLOCKS 2000u
#define FOLDERS 4096u	/* slots; a power of two */
#define FOLDER_NAME 40u /* longer ones are hashed each time */

static int no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

/* ---- names that are taken ---- */

/* Links that lost their place to another of that name claim the next one, with the next batch: it may
 * be in a block that was gone through. */
struct claims {
	struct db_batch *b;
	struct db_txn *t;
	struct view_list later;
};

static int claim_next(struct claims *c, const struct sorted_entry *en, struct err *e)
{
	struct wire_out value = {0};
	struct object_value v;
	char name[RECORD_NAME_MAX + 1];
	uint64_t ino;
	int rc;

	/* A folder is the same folder: nobody can make two names of one place without the key. */
	if (en->n != VIEW_LINK_SIZE || en->v[0] + 1u >= VIEW_NAME_CLAIMS)
		return 0;
	ino = wire_get64(en->v + 1);
	rc = db_batch_get(c->b, c->t, KEY_OBJECT, key_ino(ino), &value, e);
	if (rc == 0)
		rc = object_value_decode(&v, value.p, value.n);
	if (rc == 0) {
		view_name_link(name, v.plain, v.o.item, ino, en->v[0] + 1u);
		rc = view_list_add_link(&c->later, en->dir, view_place(db_txn_name_key(c->t), name),
					en->v[0] + 1u, ino);
	}
	wire_out_wipe(&value);
	if (rc == ERR_NOTFOUND || rc == ERR_INDEX)
		rc = err_set(e, ERR_INDEX, "the index is damaged: a link leads to no item");
	return rc == ERR_NOMEM ? no_memory(e) : rc;
}

/* ---- noting ---- */

/* Folders that were met: their hashes, and whether this batch has them already. */
struct folder {
	uint64_t parent, place, number;
	uint32_t batch; /* 0: free */
	uint8_t n;
	char name[FOLDER_NAME];
};

struct view_writer {
	const uint8_t *name_key;
	struct view_list list;
	struct folder *folder;
	uint64_t top[VIEW_KINDS], seed;
	uint32_t batch;
};

int view_writer_new(struct view_writer **out, const uint8_t name_key[32])
{
	struct view_writer *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (!w)
		return ERR_NOMEM;
	w->folder = calloc(FOLDERS, sizeof(*w->folder));
	if (!w->folder) {
		free(w);
		return ERR_NOMEM;
	}
	w->name_key = name_key;
	w->batch = 1;
	secret_random(&w->seed, sizeof(w->seed));
	for (unsigned k = 0; k < VIEW_KINDS; k++)
		w->top[k] = view_top(name_key, (enum view_kind)k);
	*out = w;
	return 0;
}

void view_writer_reset(struct view_writer *w)
{
	view_list_reset(&w->list);
	w->batch++;
	if (w->batch == 0) {
		memset(w->folder, 0, FOLDERS * sizeof(*w->folder));
		w->batch = 1;
	}
}

void view_writer_free(struct view_writer *w)
{
	if (!w)
		return;
	view_list_free(&w->list);
	secret_wipe(w->folder, FOLDERS * sizeof(*w->folder));
	free(w->folder);
	free(w);
}

static struct folder *slot_of(const struct view_writer *w, uint64_t parent, const char *name,
			      size_t n)
{
	uint64_t h = w->seed ^ parent;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
	return &w->folder[(h ^ h >> 29 ^ h >> 47) & (FOLDERS - 1)];
}

/* The folder `name` in another, which gets an entry of it. */
static int enter(struct view_writer *w, uint64_t parent, const char *name, uint64_t *number)
{
	const size_t n = strlen(name);
	struct folder *f = slot_of(w, parent, name, n);
	uint8_t v[1 + VIEW_NAME_MAX];
	struct folder met = {.parent = parent, .n = (uint8_t)n};

	if (f->batch && f->parent == parent && f->n == n && memcmp(f->name, name, n) == 0) {
		*number = f->number;
		if (f->batch == w->batch)
			return 0;
		met = *f;
	} else {
		key_folder(w->name_key, parent, name, n, &met.place, &met.number);
		met.number = view_folder(met.number);
		*number = met.number;
	}
	if (n <= FOLDER_NAME) {
		memcpy(met.name, name, n);
		met.batch = w->batch;
		*f = met;
	}
	v[0] = VIEW_FOLDER;
	memcpy(v + 1, name, n);
	return view_list_add(&w->list, parent, met.place, v, 1 + n);
}

static int add_link(struct view_writer *w, enum view_kind k, const struct view_name *name,
		    uint64_t place, uint64_t ino)
{
	uint64_t dir = w->top[k];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < VIEW_NAME_DEPTH; i++)
		rc = enter(w, dir, name->part[i], &dir);
	return rc ? rc : view_list_add_link(&w->list, dir, place, 0, ino);
}

int view_add(struct view_writer *w, uint64_t ino, const char *plain, size_t n,
	     const struct facts *f)
{
	const uint64_t place = key_cookie(w->name_key, VIEW_PARENT, plain, n);
	struct view_name name;
	int rc = 0;

	if (view_name_date(&name, f))
		rc = add_link(w, VIEW_DATE, &name, place, ino);
	if (rc == 0 && view_name_port(&name, f))
		rc = add_link(w, VIEW_PORT, &name, place, ino);
	for (unsigned i = 0; rc == 0 && i < f->readings; i++)
		if (view_name_plate(&name, f, i))
			rc = add_link(w, VIEW_PLATE, &name, place, ino);
	return rc;
}

/* ---- into the set ---- */

/* A batch's own entries, and who loses. */
struct direct {
	struct view_list *list;
	struct claims claims;
};

static int direct_peek(void *ctx, struct sorted_entry *en, struct err *e)
{
	(void)e;
	return view_list_peek(((struct direct *)ctx)->list, en);
}

static void direct_take(void *ctx)
{
	view_list_take(((struct direct *)ctx)->list);
}

static int direct_lost(void *ctx, const struct sorted_entry *en, struct err *e)
{
	return claim_next(&((struct direct *)ctx)->claims, en, e);
}

static int put_direct(struct view_writer *w, struct db_batch *b, struct db_txn *t, uint64_t turn,
		      struct err *e)
{
	struct direct d = {.list = &w->list, .claims = {.b = b, .t = t}};
	const struct sorted_source s = {direct_peek, direct_take, direct_lost, &d};
	int rc;

	view_list_sort(&w->list);
	rc = sorted_insert(b, t, &s, 0, e);
	if (rc == 0)
		rc = view_list_queue(&d.claims.later, b, turn, e);
	view_list_free(&d.claims.later);
	return rc;
}

int view_flush(struct view_writer *w, struct db_batch *b, struct db_txn *t, uint64_t turn,
	       bool *changed, struct err *e)
{
	uint64_t waiting = 0;
	int rc = 0;

	if (w->list.n && w->list.n <= DIRECT_MAX)
		rc = view_queue_count(t, &waiting, e);
	if (rc == 0 && w->list.n) {
		if (w->list.n <= DIRECT_MAX && waiting == 0) {
			rc = put_direct(w, b, t, turn, e);
			*changed = true;
		} else {
			rc = view_list_queue(&w->list, b, turn, e);
		}
	}
	view_writer_reset(w);
	return rc;
}

/* ---- settling ---- */

struct view_settle {
	struct view_queue *q;
	struct claims claims;
};

int view_waiting(struct db_txn *t, enum view_waiting *out, struct err *e)
{
	uint64_t n = 0;
	int rc = view_queue_count(t, &n, e);

	*out = n == 0 ? VIEW_SETTLED : n < DUE ? VIEW_WAITS : VIEW_DUE;
	return rc;
}

int view_settle_begin(struct view_settle **out, struct db_txn *t, struct err *e)
{
	struct view_settle *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (!s)
		return no_memory(e);
	rc = view_queue_open(&s->q, t, e);
	if (rc)
		free(s);
	else
		*out = s;
	return rc;
}

void view_settle_free(struct view_settle *s)
{
	if (!s)
		return;
	view_queue_close(s->q);
	view_list_free(&s->claims.later);
	free(s);
}

static int settle_peek(void *ctx, struct sorted_entry *en, struct err *e)
{
	return view_queue_peek(((struct view_settle *)ctx)->q, en, e);
}

static void settle_take(void *ctx)
{
	view_queue_take(((struct view_settle *)ctx)->q);
}

static int settle_lost(void *ctx, const struct sorted_entry *en, struct err *e)
{
	return claim_next(&((struct view_settle *)ctx)->claims, en, e);
}

int view_settle_step(struct view_settle *s, struct db_batch *b, struct db_txn *t, uint64_t turn,
		     bool *done, struct err *e)
{
	const struct sorted_source src = {settle_peek, settle_take, settle_lost, s};
	struct sorted_entry en;
	int rc;

	view_queue_go_on(s->q, t);
	s->claims.b = b;
	s->claims.t = t;
	rc = sorted_insert(b, t, &src, STEP_BLOCKS, e);
	if (rc == 0)
		rc = view_list_queue(&s->claims.later, b, turn, e);
	view_list_reset(&s->claims.later);
	if (rc)
		return rc;
	rc = view_queue_peek(s->q, &en, e);
	*done = rc == ERR_NOTFOUND;
	return *done ? view_queue_drop(s->q, b, e) : rc;
}
