/* SPDX-License-Identifier: Apache-2.0 */
#include "index/object.h"

#include <string.h>

#include "index/object_value.h"

/* Deeper than any path of RECORD_PATH_MAX bytes: more is a loop, so damage. */
#define DEPTH_MAX (RECORD_PATH_MAX / 2 + 2)

static int damaged(struct err *e, const char *what)
{
	return err_set(e, ERR_INDEX, "the index is damaged: %s", what);
}

static void make_root(struct object *o)
{
	memset(o, 0, sizeof(*o));
	o->ino = KEY_ROOT_INO;
	o->parent = KEY_ROOT_INO;
	o->kind = OBJECT_DIR;
	o->nlink = 2;
}

static int load(struct db_txn *t, uint64_t ino, struct object *o, struct err *e)
{
	struct wire_out value = {0};
	struct object_value v;
	int rc = db_get(t, KEY_OBJECT, key_ino(ino), &value, e);

	if (rc == 0 && object_value_decode(&v, value.p, value.n))
		rc = damaged(e, "an object does not decode");
	wire_out_wipe(&value);
	if (rc)
		return rc;
	*o = v.o;
	o->ino = ino;
	return 0;
}

/* The provenance of an item that was loaded. */
static int load_record(struct db_txn *t, const struct object *o, struct wire_out *record,
		       struct err *e)
{
	int rc = 0;

	if (record && o->kind == OBJECT_ITEM)
		rc = db_get(t, KEY_RECORD, key_record(o->journal, o->seq), record, e);
	return rc == ERR_NOTFOUND ? damaged(e, "an item has no record") : rc;
}

int object_get(struct db_txn *t, uint64_t ino, struct object *o, struct wire_out *record,
	       struct err *e)
{
	int rc = load(t, ino, o, e);

	if (rc == ERR_NOTFOUND && ino == KEY_ROOT_INO) {
		make_root(o);
		return 0;
	}
	return rc ? rc : load_record(t, o, record, e);
}

int object_get_item(struct db_txn *t, const uint8_t node[16], const uint8_t item[16],
		    struct object *o, struct wire_out *record, struct err *e)
{
	uint64_t ino = key_item_ino(db_txn_name_key(t), node, item);
	int rc;

	/* Upward past those that share its number; they are never removed. */
	while ((rc = load(t, ino, o, e)) == 0) {
		if (o->kind == OBJECT_ITEM && memcmp(o->item, item, 16) == 0 &&
		    memcmp(o->node, node, 16) == 0)
			break;
		ino++;
	}
	return rc ? rc : load_record(t, o, record, e);
}

struct name_get {
	struct db_txn *t;
	struct err *e;
};

static int get_name(void *ctx, struct key k, struct wire_out *out)
{
	struct name_get *g = ctx;

	return db_get(g->t, KEY_NAME, k, out, g->e);
}

int object_lookup(struct db_txn *t, const uint8_t name_key[32], uint64_t parent, const char *name,
		  size_t n, struct object *o, struct err *e)
{
	struct name_get get = {t, e};
	struct wire_out value = {0};
	struct object_entry en;
	uint64_t cookie;
	int rc;

	if (!record_name_ok(name, n))
		return ERR_NOTFOUND;
	rc = object_value_find(&en, &cookie, name_key, parent, name, n, get_name, &get, &value);
	wire_out_wipe(&value);
	if (rc == ERR_NOTFOUND)
		return rc;
	if (rc)
		return damaged(e, "a directory entry does not decode");
	rc = object_get(t, en.ino, o, NULL, e);
	if (rc == ERR_NOTFOUND)
		return damaged(e, "a name leads to no object");
	return rc;
}

int object_resolve(struct db_txn *t, const uint8_t name_key[32], const char *path, struct object *o,
		   struct err *e)
{
	const char *at = path;
	int rc = object_get(t, KEY_ROOT_INO, o, NULL, e);

	while (rc == 0) {
		size_t n;

		at += strspn(at, "/");
		n = strcspn(at, "/");
		if (n == 0)
			break;
		if (n != 1 || at[0] != '.')
			rc = object_lookup(t, name_key, o->ino, at, n, o, e);
		at += n;
	}
	if (rc == ERR_NOTFOUND)
		return err_set(e, rc, "there is no \"%s\" in the archive", path);
	return rc;
}

int object_path(struct db_txn *t, const struct object *o, struct wire_out *path, struct err *e)
{
	struct wire_out reversed = {0};
	struct object at = *o;
	int rc = 0;

	/* From the leaf up, each component and its slash reversed; then all of it is turned
	 * round. */
	for (unsigned depth = 0; rc == 0 && at.ino != KEY_ROOT_INO; depth++) {
		if (depth == DEPTH_MAX) {
			rc = damaged(e, "directories form a loop");
			break;
		}
		if (depth > 0)
			wire_out_u8(&reversed, '/');
		for (size_t n = strlen(at.name); n > 0; n--)
			wire_out_u8(&reversed, (uint8_t)at.name[n - 1]);
		rc = object_get(t, at.parent, &at, NULL, e);
		if (rc == ERR_NOTFOUND)
			rc = damaged(e, "an object's directory is missing");
	}
	if (rc == 0) {
		for (size_t n = reversed.n; n > 0; n--)
			wire_out_u8(path, reversed.p[n - 1]);
		if (!wire_out_ok(&reversed) || !wire_out_ok(path))
			rc = err_set(e, ERR_NOMEM, "out of memory");
	}
	wire_out_wipe(&reversed);
	return rc;
}

int object_list(struct db_txn *t, uint64_t ino, uint64_t after,
		int (*cb)(void *ctx, const struct object_entry *en), void *ctx, struct err *e)
{
	struct wire_out value = {0};
	struct db_cursor *c = NULL;
	struct object_entry en;
	int rc;

	if (after == UINT64_MAX)
		return 0;
	rc = db_cursor(&c, t, KEY_NAME, key_ino(ino), key_ino(after + 1), e);
	while (rc == 0) {
		const uint8_t *k;
		uint64_t parent;
		size_t klen;

		wire_out_reset(&value);
		rc = db_next(c, &k, &klen, &value, e);
		if (rc == ERR_NOTFOUND) {
			rc = 0;
			break;
		}
		if (rc)
			break;
		if (key_name_parse(k, klen, &parent, &en.cookie) || parent != ino ||
		    object_value_entry_decode(&en, value.p, value.n))
			rc = damaged(e, "a directory entry does not decode");
		else
			rc = cb(ctx, &en);
	}
	db_cursor_close(c);
	wire_out_wipe(&value);
	return rc;
}

int64_t object_ns(int64_t ms)
{
	return ms > INT64_MAX / 1000000 ? INT64_MAX : ms * 1000000;
}

int object_totals(struct db_txn *t, struct object_totals *out, struct err *e)
{
	struct wire_out value = {0};
	int rc = db_get(t, KEY_META, key_u8(KEY_META_TOTALS), &value, e);

	memset(out, 0, sizeof(*out));
	if (rc == 0 && !object_value_totals_decode(out, value.p, value.n))
		rc = damaged(e, "the totals do not decode");
	wire_out_wipe(&value);
	return rc == ERR_NOTFOUND ? 0 : rc;
}
