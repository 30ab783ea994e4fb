/* SPDX-License-Identifier: Apache-2.0 */
#include "index/view.h"

#include <string.h>

#include "index/object_value.h"
#include "index/sorted.h"
#include "index/view_name.h"

/* The upper three bits. Items have 00, directories 01, and the mount's aliases of items 100. */
#define FOLDER (UINT64_C(5) << 61)
#define LINK (UINT64_C(3) << 62)

static int damaged(struct err *e)
{
	return err_set(e, ERR_INDEX, "the index is damaged: an entry of a view does not decode");
}

const char *view_kind_name(enum view_kind k)
{
	static const char *const names[VIEW_KINDS] = {
		[VIEW_DATE] = "by-date", [VIEW_PORT] = "by-port", [VIEW_PLATE] = "by-plate"};

	return names[k];
}

uint64_t view_top(const uint8_t name_key[32], enum view_kind k)
{
	const char *name = view_kind_name(k);
	uint64_t place, number;

	key_folder(name_key, VIEW_PARENT, name, strlen(name), &place, &number);
	return view_folder(number);
}

bool view_is_folder(uint64_t number)
{
	return number >> 61 == 5;
}

bool view_is_link(uint64_t number)
{
	return number >> 62 == 3;
}

uint64_t view_link(uint64_t ino)
{
	return LINK | ino;
}

uint64_t view_item(uint64_t link)
{
	return link & ~LINK;
}

uint64_t view_folder(uint64_t number)
{
	return FOLDER | number;
}

uint64_t view_place(const uint8_t name_key[32], const char *name)
{
	return key_cookie(name_key, VIEW_PARENT, name, strlen(name));
}

/* ---- entries ---- */

static int read_link(struct db_txn *t, const struct sorted_entry *en, struct view_entry *out,
		     struct err *e)
{
	const uint64_t ino = wire_get64(en->v + 1);
	struct wire_out value = {0};
	struct object_value v;
	int rc = db_get(t, KEY_OBJECT, key_ino(ino), &value, e);

	if (rc == ERR_NOTFOUND ||
	    (rc == 0 && (object_value_decode(&v, value.p, value.n) || v.o.kind != OBJECT_ITEM)))
		rc = damaged(e);
	wire_out_wipe(&value);
	if (rc)
		return rc;
	out->number = view_link(ino);
	view_name_link(out->name, v.plain, v.o.item, ino, en->v[0]);
	return 0;
}

static int read_entry(struct db_txn *t, const struct sorted_entry *en, struct view_entry *out,
		      struct err *e)
{
	uint64_t place, number;

	out->place = en->place;
	if (en->n == VIEW_LINK_SIZE && en->v[0] < VIEW_NAME_CLAIMS)
		return read_link(t, en, out, e);
	if (en->n < 2 || en->n - 1 > VIEW_NAME_MAX || en->v[0] != VIEW_FOLDER)
		return damaged(e);
	memcpy(out->name, en->v + 1, en->n - 1);
	out->name[en->n - 1] = '\0';
	key_folder(db_txn_name_key(t), en->dir, out->name, en->n - 1, &place, &number);
	out->number = view_folder(number);
	return 0;
}

struct walk {
	struct db_txn *t;
	int (*cb)(void *ctx, const struct view_entry *en);
	void *ctx;
	struct err *e;
};

static int walk_one(void *ctx, const struct sorted_entry *en)
{
	struct walk *w = ctx;
	struct view_entry out;
	int rc = read_entry(w->t, en, &out, w->e);

	return rc ? rc : w->cb(w->ctx, &out);
}

int view_each(struct db_txn *t, uint64_t folder, uint64_t after,
	      int (*cb)(void *ctx, const struct view_entry *en), void *ctx, struct err *e)
{
	struct walk w = {t, cb, ctx, e};

	return after == UINT64_MAX ? 0 : sorted_each(t, folder, after + 1, walk_one, &w, e);
}

struct wanted {
	const char *name;
	uint64_t place;
	struct view_entry *en;
};

/* The first entry at or behind the place: 1 if it is the one. */
static int take_wanted(void *ctx, const struct view_entry *en)
{
	struct wanted *w = ctx;

	if (en->place != w->place || strcmp(en->name, w->name) != 0)
		return ERR_NOTFOUND;
	*w->en = *en;
	return 1;
}

static int look_at(struct db_txn *t, uint64_t folder, uint64_t place, const char *name,
		   struct view_entry *en, struct err *e)
{
	struct wanted w = {name, place, en};
	int rc = view_each(t, folder, place - 1, take_wanted, &w, e);

	return rc == 1 ? 0 : rc ? rc : ERR_NOTFOUND;
}

int view_lookup(struct db_txn *t, uint64_t folder, const char *name, struct view_entry *en,
		struct err *e)
{
	const uint8_t *name_key = db_txn_name_key(t);
	const size_t n = strlen(name);
	uint64_t place, number;
	int rc;

	if (!record_name_ok(name, n))
		return ERR_NOTFOUND;
	rc = look_at(t, folder, view_place(name_key, name), name, en, e);
	if (rc != ERR_NOTFOUND)
		return rc;
	key_folder(name_key, folder, name, n, &place, &number);
	return look_at(t, folder, place, name, en, e);
}

static int stop(void *ctx, const struct sorted_entry *en)
{
	(void)ctx, (void)en;
	return 1;
}

int view_exists(struct db_txn *t, uint64_t folder, struct err *e)
{
	int rc = sorted_each(t, folder, 0, stop, NULL, e);

	return rc == 1 ? 0 : rc ? rc : ERR_NOTFOUND;
}
