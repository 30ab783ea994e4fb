/* SPDX-License-Identifier: Apache-2.0 */
#include "index/object_add.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/text.h"
#include "index/ledger.h"
#include "index/object_dirs.h"
#include "index/object_place.h"
#include "index/object_value.h"

#define DIRS_KEPT 16384u /* more than this are forgotten after a batch */
#define ROOT OBJECT_DIRS_ROOT

struct object_add {
	const uint8_t *name_key;
	struct object_dirs dirs;
	struct object_totals sum;
	uint8_t (*node)[16]; /* who may have items */
	size_t nodes;
	bool loaded; /* the root, sum and nodes are */
	bool sum_dirty;
	struct wire_out scratch;
};

/* What a call works with. */
struct adding {
	struct object_add *a;
	struct object_place p;
};

static struct adding begin(struct object_add *a, struct db_batch *b, struct db_txn *t,
			   struct err *e)
{
	return (struct adding){a, {a->name_key, &a->scratch, b, t, e}};
}

int object_add_new(struct object_add **out, const uint8_t name_key[32])
{
	struct object_add *a = calloc(1, sizeof(*a));

	*out = a;
	if (!a)
		return ERR_NOMEM;
	a->name_key = name_key;
	return 0;
}

void object_add_reset(struct object_add *a)
{
	object_dirs_reset(&a->dirs);
	free(a->node);
	a->node = NULL;
	a->nodes = 0;
	a->loaded = a->sum_dirty = false;
}

void object_add_free(struct object_add *a)
{
	if (!a)
		return;
	object_add_reset(a);
	wire_out_wipe(&a->scratch);
	free(a);
}

/* ---- what is kept between calls ---- */

static int add_node(struct adding *w, const uint8_t node[16])
{
	struct object_add *a = w->a;
	uint8_t(*grown)[16];

	for (size_t i = 0; i < a->nodes; i++)
		if (memcmp(a->node[i], node, 16) == 0)
			return 0;
	grown = realloc(a->node, (a->nodes + 1) * sizeof(*grown));
	if (!grown)
		return object_place_no_memory(w->p.e);
	a->node = grown;
	memcpy(grown[a->nodes++], node, 16);
	return 0;
}

static int load_nodes(struct adding *w)
{
	struct ledger_journal *list;
	size_t n;
	int rc = ledger_journals(w->p.t, &list, &n, w->p.e);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = add_node(w, list[i].node);
	free(list);
	return rc;
}

/* The root, the totals and the nodes, once. */
static int load_base(struct adding *w)
{
	struct object_entry en = {.ino = KEY_ROOT_INO, .kind = OBJECT_DIR, .nlink = 2};
	struct object_add *a = w->a;
	struct object_value root;
	uint32_t place;
	int rc;

	if (a->loaded)
		return 0;
	rc = object_place_get(&w->p, KEY_ROOT_INO, &root);
	if (rc == 0) {
		en.mtime_ns = root.o.mtime_ns;
		en.size = root.o.size;
		en.nlink = root.o.nlink;
	} else if (rc != ERR_NOTFOUND) {
		return rc;
	}
	wire_out_reset(&a->scratch);
	rc = object_place_read(&w->p, KEY_META, key_u8(KEY_META_TOTALS), &a->scratch);
	a->sum = (struct object_totals){0};
	if (rc == 0 && !object_value_totals_decode(&a->sum, a->scratch.p, a->scratch.n))
		rc = object_place_damaged(w->p.e, "the totals do not decode");
	if (rc && rc != ERR_NOTFOUND)
		return rc;
	rc = load_nodes(w);
	if (rc)
		return rc;
	if (object_dirs_keep(&a->dirs, &en, ROOT, &place))
		return object_place_no_memory(w->p.e);
	a->loaded = true;
	return 0;
}

static int put_dir(struct adding *w, const struct object_dir *d)
{
	struct object_value v = {.o = {.kind = OBJECT_DIR}};
	uint64_t parent = w->a->dirs.at[d->parent].en.ino;
	int rc = 0;

	v.o.ino = d->en.ino;
	v.o.parent = parent;
	v.o.mtime_ns = d->en.mtime_ns;
	v.o.size = d->en.size;
	v.o.nlink = d->en.nlink;
	memcpy(v.o.name, d->en.name, sizeof(v.o.name));
	if (d->en.ino != KEY_ROOT_INO)
		rc = object_place_put_entry(&w->p, parent, &d->en);
	return rc ? rc : object_place_put(&w->p, &v);
}

/* ---- directories ---- */

static int new_dir_ino(struct adding *w, uint64_t parent, const char *name, size_t n, uint64_t *ino)
{
	struct object_value v;
	int rc;

	*ino = key_dir_ino(w->a->name_key, parent, name, n);
	while ((rc = object_place_get(&w->p, *ino, &v)) == 0)
		(*ino)++;
	return rc == ERR_NOTFOUND ? 0 : rc;
}

/* A directory of that name at cookie, where nothing is or an item (holder) that has to give way. */
static int make_dir(struct adding *w, uint32_t parent, const char *name, size_t n, uint64_t cookie,
		    const struct object_entry *holder, uint32_t *out)
{
	struct object_entry en = {.cookie = cookie, .kind = OBJECT_DIR, .nlink = 2};
	struct object_dirs *dirs = &w->a->dirs;
	struct object_value loser;
	int rc;

	memcpy(en.name, name, n);
	rc = new_dir_ino(w, dirs->at[parent].en.ino, name, n, &en.ino);
	if (rc == 0 && object_dirs_keep(dirs, &en, parent, out))
		rc = object_place_no_memory(w->p.e);
	/* At once, so that probing sees it; its counts follow at the flush. */
	if (rc == 0)
		rc = put_dir(w, &dirs->at[*out]);
	if (rc == 0 && holder) {
		rc = object_place_holder(&w->p, holder->ino, &loser);
		if (rc == 0) {
			loser.claim++;
			rc = object_place_item(&w->p, &loser, NULL);
		}
	}
	if (rc)
		return rc;
	dirs->at[parent].dirty = true;
	dirs->at[parent].en.size++;
	dirs->at[parent].en.nlink++;
	w->a->sum.dirs++;
	w->a->sum_dirty = true;
	return 0;
}

/* The directory `name` in a directory, made if need be. */
static int enter(struct adding *w, uint32_t parent, const char *name, size_t n, uint32_t *out)
{
	struct object_dirs *dirs = &w->a->dirs;
	struct object_entry en;
	uint64_t cookie;
	int rc;

	*out = object_dirs_find(dirs, parent, name, n);
	if (*out != OBJECT_DIRS_NONE)
		return 0;
	rc = object_place_find(&w->p, dirs->at[parent].en.ino, name, n, &en, &cookie);
	if (rc == ERR_NOTFOUND)
		return make_dir(w, parent, name, n, cookie, NULL, out);
	if (rc)
		return rc;
	if (en.kind == OBJECT_ITEM)
		return make_dir(w, parent, name, n, en.cookie, &en, out);
	return object_dirs_keep(dirs, &en, parent, out) ? object_place_no_memory(w->p.e) : 0;
}

/* The directory of collection/path; *leaf is the last component. */
static int enter_path(struct adding *w, const char *collection, const char *path, size_t n,
		      struct text_span *leaf, uint32_t *dir)
{
	int rc = enter(w, ROOT, collection, strlen(collection), dir);
	const char *slash;

	while (rc == 0 && (slash = memchr(path, '/', n))) {
		size_t len = (size_t)(slash - path);

		rc = enter(w, *dir, path, len, dir);
		path += len + 1;
		n -= len + 1;
	}
	*leaf = (struct text_span){path, n};
	return rc;
}

/* ---- items ---- */

/* The node's item, or ERR_NOTFOUND and the free inode number where it would go. */
static int find_item(struct adding *w, const uint8_t node[16], const uint8_t item[16],
		     struct object *o, uint64_t *ino)
{
	struct object_value v;
	int rc;

	*ino = key_item_ino(w->a->name_key, node, item);
	while ((rc = object_place_get(&w->p, *ino, &v)) == 0) {
		if (v.o.kind == OBJECT_ITEM && memcmp(v.o.item, item, 16) == 0 &&
		    memcmp(v.o.node, node, 16) == 0)
			break;
		(*ino)++;
	}
	if (rc == 0)
		*o = v.o;
	return rc;
}

int object_add_find(struct object_add *a, struct db_batch *b, struct db_txn *t,
		    const uint8_t item[16], struct object *o, struct err *e)
{
	struct adding w = begin(a, b, t, e);
	struct object one;
	bool found = false;
	uint64_t ino;
	int rc = load_base(&w);

	for (size_t i = 0; rc == 0 && i < a->nodes; i++) {
		rc = find_item(&w, a->node[i], item, &one, &ino);
		if (rc == 0 && (!found || one.size > o->size))
			*o = one;
		found |= rc == 0;
		rc = rc == ERR_NOTFOUND ? 0 : rc;
	}
	return rc == 0 && !found ? ERR_NOTFOUND : rc;
}

/* One more entry in a directory; its time, and that of those above, is the latest ingest. */
static void count_entry(struct object_dirs *dirs, uint32_t i, int64_t ingest_ms)
{
	int64_t ns = object_ns(ingest_ms);

	dirs->at[i].en.size++;
	dirs->at[i].dirty = true;
	while (dirs->at[i].en.mtime_ns < ns) {
		dirs->at[i].en.mtime_ns = ns;
		dirs->at[i].dirty = true;
		i = dirs->at[i].parent;
	}
}

int object_add_item(struct object_add *a, struct db_batch *b, struct db_txn *t, struct object *o,
		    const char *collection, const void *path, size_t path_len, const void *record,
		    size_t record_len, struct err *e)
{
	struct adding w = begin(a, b, t, e);
	struct object_value v = {0};
	struct text_span leaf;
	struct object there;
	uint32_t dir;
	int rc;

	if (!record_name_ok(collection, strlen(collection)) || !record_path_ok(path, path_len))
		return err_set(e, ERR_MALFORMED, "an item's collection or path is not a name");
	rc = load_base(&w);
	if (rc)
		return rc;
	rc = add_node(&w, o->node);
	if (rc == 0)
		rc = find_item(&w, o->node, o->item, &there, &o->ino);
	if (rc == 0) {
		*o = there;
		return ERR_EXISTS;
	}
	if (rc == ERR_NOTFOUND)
		rc = enter_path(&w, collection, path, path_len, &leaf, &dir);
	if (rc)
		return rc;
	o->kind = OBJECT_ITEM;
	o->nlink = 1;
	o->parent = a->dirs.at[dir].en.ino;
	v.o = *o;
	memcpy(v.plain, leaf.p, leaf.n);
	rc = object_place_item(&w.p, &v, o->name);
	if (rc == 0 &&
	    db_batch_put(b, KEY_RECORD, key_record(o->journal, o->seq), record, record_len))
		rc = object_place_no_memory(e);
	if (rc)
		return rc;
	count_entry(&a->dirs, dir, o->ingest_ms);
	a->sum.items++;
	a->sum.bytes += o->size;
	a->sum.stored += o->length;
	a->sum_dirty = true;
	return 0;
}

static int put_totals(struct adding *w)
{
	wire_out_reset(&w->a->scratch);
	object_value_totals_encode(&w->a->scratch, &w->a->sum);
	w->a->sum_dirty = false;
	return object_place_write(&w->p, KEY_META, key_u8(KEY_META_TOTALS));
}

int object_add_flush(struct object_add *a, struct db_batch *b)
{
	struct adding w = begin(a, b, NULL, NULL);
	int rc = 0;

	for (uint32_t i = 0; i < a->dirs.count && rc == 0; i++) {
		if (a->dirs.at[i].dirty)
			rc = put_dir(&w, &a->dirs.at[i]);
		a->dirs.at[i].dirty = false;
	}
	if (rc == 0 && a->sum_dirty)
		rc = put_totals(&w);
	if (rc || a->dirs.count > DIRS_KEPT)
		object_add_reset(a);
	return rc;
}
