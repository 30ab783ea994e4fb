// SPDX-License-Identifier: Apache-2.0
/*
 * The search, and what it found in order. What is asked of all items is little; so they are sorted by
 * time first, and only those that are printed are loaded, some at a time: with --limit few.
 */
#include "tools/cmd_find.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

#define AT_ONCE 4096u /* items that are loaded in one look at the index */
#define FOLDERS 256u  /* whose paths are kept */

struct hits {
	struct search_hit *p;
	size_t n, cap;
	bool reverse;
	bool count_only;
};

/* An item on its way out. */
struct found {
	struct cmd_find_item it;
	char *path; /* owned */
	int64_t time_ms;
};

struct folder {
	uint64_t ino; /* 0: free */
	char *path;
};

struct list {
	struct cmd_find *f;
	struct hits hits;
	struct folder folder[FOLDERS];
	struct found *found; /* by place in this round */
	size_t n, cap;
	uint64_t printed;
	struct facts facts; /* of the item that is printed */
	struct err *e;
};

static int no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

static int add_hit(void *ctx, const struct search_hit *hit)
{
	struct hits *h = ctx;

	if (h->count_only) {
		h->n++;
		return 0;
	}
	if (h->n == h->cap) {
		size_t cap = h->cap ? 2 * h->cap : 1024;
		struct search_hit *p = reallocarray(h->p, cap, sizeof(*p));

		if (!p)
			return ERR_NOMEM;
		h->p = p;
		h->cap = cap;
	}
	h->p[h->n++] = *hit;
	return 0;
}

static int by_time(const void *a, const void *b, void *ctx)
{
	const struct search_hit *x = a, *y = b;
	const struct hits *h = ctx;
	int c = (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);

	return h->reverse ? -c : c;
}

static int by_time_and_path(const void *a, const void *b, void *ctx)
{
	const struct found *x = a, *y = b;
	const struct list *l = ctx;
	int c = (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);

	if (c == 0 || l->f->by_path)
		c = strcmp(x->path, y->path);
	return l->f->reverse ? -c : c;
}

/* ---- loading ---- */

/* Path of a folder, with a slash behind. */
static int folder_path(struct list *l, struct db_txn *t, uint64_t ino, const char **path)
{
	struct folder *d = &l->folder[ino % FOLDERS];
	struct wire_out out = {0};
	struct object dir;
	int rc = 0;

	if (d->ino != ino) {
		rc = object_get(t, ino, &dir, NULL, l->e);
		if (rc == 0)
			rc = object_path(t, &dir, &out, l->e);
		if (rc)
			goto out;
		wire_out_text(&out, "/");
		wire_out_u8(&out, 0);
		free(d->path);
		d->ino = 0;
		d->path = wire_out_ok(&out) ? strdup((char *)out.p) : NULL;
		if (!d->path)
			rc = no_memory(l->e);
		else
			d->ino = ino;
	}
	*path = d->path;
out:
	wire_out_wipe(&out);
	return rc;
}

static int load_facts(struct list *l, struct found *x, const struct wire_out *enc,
		      struct record **rec)
{
	if (record_decode(rec, enc->p, enc->n) != 0)
		return err_set(l->e, ERR_INDEX,
			       "%s: its record in the index does not parse; run "
			       "'custody reindex'",
			       x->path);
	facts_of(&l->facts, *rec, x->it.o.mtime_ns);
	x->it.facts = &l->facts;
	return 0;
}

static bool wants_facts(const struct cmd_find *f)
{
	return f->form == CMD_FIND_LONG || f->form == CMD_FIND_JSON;
}

static int load(struct list *l, struct db_txn *t, const struct search_hit *hit)
{
	struct found *x = &l->found[l->n];
	const char *dir;
	int rc;

	memset(x, 0, sizeof(*x));
	x->time_ms = hit->time_ms;
	rc = object_get(t, hit->ino, &x->it.o, NULL, l->e);
	if (rc == ERR_NOTFOUND || (rc == 0 && x->it.o.kind != OBJECT_ITEM))
		return err_set(l->e, ERR_INDEX,
			       "the index is damaged: an item that was found is not there");
	if (rc == 0)
		rc = folder_path(l, t, x->it.o.parent, &dir);
	if (rc)
		return rc;
	if (asprintf(&x->path, "%s%s", dir, x->it.o.name) < 0) {
		x->path = NULL;
		return no_memory(l->e);
	}
	x->it.path = x->path;
	l->n++;
	return 0;
}

static int load_some(struct list *l, const struct search_hit *hit, size_t n)
{
	struct db_txn *t = NULL;
	int rc = 0;

	if (n > l->cap) {
		struct found *p = reallocarray(l->found, n, sizeof(*p));

		if (!p)
			return no_memory(l->e);
		l->found = p;
		l->cap = n;
	}
	rc = db_begin(&t, l->f->s->db, false, l->e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = load(l, t, &hit[i]);
	db_abort(t);
	return rc;
}

static void forget(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->found[i].path);
	l->n = 0;
}

/* ---- printing ---- */

static int print_one(struct list *l, struct found *x)
{
	struct wire_out enc = {0};
	struct record *rec = NULL;
	struct db_txn *t = NULL;
	struct object o;
	int rc = 0;

	if (wants_facts(l->f)) {
		rc = db_begin(&t, l->f->s->db, false, l->e);
		if (rc == 0)
			rc = object_get(t, x->it.o.ino, &o, &enc, l->e);
		db_abort(t);
		if (rc == 0)
			rc = load_facts(l, x, &enc, &rec);
	}
	if (rc == 0)
		rc = cmd_find_print(l->f, &x->it);
	record_free(rec);
	wire_out_wipe(&enc);
	return rc;
}

static int print_some(struct list *l)
{
	int rc = 0;

	if (l->n)
		qsort_r(l->found, l->n, sizeof(*l->found), by_time_and_path, l);
	for (size_t i = 0; rc == 0 && i < l->n; i++) {
		if (l->f->limit && l->printed == l->f->limit)
			break;
		rc = print_one(l, &l->found[i]);
		l->printed++;
	}
	forget(l);
	return rc;
}

/* Where a round ends that begins at i: those of one time stay together, for their paths decide. */
static size_t round_end(const struct list *l, size_t i)
{
	const struct hits *h = &l->hits;
	size_t end = h->n - i > AT_ONCE ? i + AT_ONCE : h->n;

	if (l->f->by_path)
		return h->n;
	if (l->f->limit && end - i > l->f->limit - l->printed)
		end = i + (size_t)(l->f->limit - l->printed);
	while (end < h->n && end > i && h->p[end].time_ms == h->p[end - 1].time_ms)
		end++;
	return end;
}

static int print_all(struct list *l)
{
	struct hits *h = &l->hits;
	int rc = 0;

	if (h->n)
		qsort_r(h->p, h->n, sizeof(*h->p), by_time, h);
	for (size_t i = 0; rc == 0 && i < h->n;) {
		size_t end = round_end(l, i);

		if (l->f->limit && l->printed == l->f->limit)
			break;
		rc = load_some(l, h->p + i, end - i);
		if (rc == 0)
			rc = print_some(l);
		i = end;
	}
	return rc;
}

/* The index knows digests by a short hash: what is true lies in the head of the frame. */
static int has_digest(struct list *l, const struct search_hit *hit, bool *has)
{
	struct cmd_find *f = l->f;
	struct db_txn *t = NULL;
	uint8_t sha256[32];
	struct object o;
	int rc = db_begin(&t, f->s->db, false, l->e);

	*has = false;
	if (rc == 0)
		rc = object_get(t, hit->ino, &o, NULL, l->e);
	db_abort(t);
	if (rc)
		return rc;
	rc = cmd_digest(sha256, f->s, &o);
	if (rc == ERR_NOMEM)
		return no_memory(l->e);
	if (rc)
		ui_say(f->ui,
		       "%s: the head of an item that may have the digest can't be read: "
		       "run 'custody verify'",
		       f->ui->program);
	for (size_t i = 0; rc == 0 && i < f->digest.n; i++)
		*has = *has || memcmp(sha256, f->sha256[i], sizeof(sha256)) == 0;
	secret_wipe(sha256, sizeof(sha256));
	return 0;
}

static int keep_digests(struct list *l)
{
	size_t kept = 0;
	bool has;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < l->hits.n; i++) {
		rc = has_digest(l, &l->hits.p[i], &has);
		if (rc == 0 && has)
			l->hits.p[kept++] = l->hits.p[i];
	}
	l->hits.n = kept;
	return rc;
}

int cmd_find_list(struct cmd_find *f, struct err *e)
{
	struct list l = {.f = f, .e = e};
	struct db_txn *t = NULL;
	int rc = db_begin(&t, f->s->db, false, e);

	l.hits.reverse = f->reverse;
	l.hits.count_only = f->form == CMD_FIND_COUNT && !f->digest.n;
	if (rc == 0)
		rc = search_each(t, &f->ask, add_hit, &l.hits, e);
	db_abort(t);
	if (rc == ERR_NOMEM)
		no_memory(e);
	if (rc == 0 && f->digest.n)
		rc = keep_digests(&l);
	if (rc == 0 && f->form == CMD_FIND_COUNT)
		rc = cmd_find_print_count(f, l.hits.n);
	else if (rc == 0)
		rc = print_all(&l);
	forget(&l);
	free(l.found);
	free(l.hits.p);
	for (unsigned i = 0; i < FOLDERS; i++)
		free(l.folder[i].path);
	return rc;
}
