/* SPDX-License-Identifier: Apache-2.0 */
#include "index/object_place.h"

#include <string.h>

int object_place_damaged(struct err *e, const char *what)
{
	return err_set(e, ERR_INDEX, "the index is damaged: %s", what);
}

int object_place_no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

/* ---- entries and objects through the batch ---- */

/* Not being there is what is hoped for most of the time: no sentence is made of it. */
int object_place_read(struct object_place *w, enum key_table table, struct key k,
		      struct wire_out *out)
{
	int rc = db_batch_get(w->b, w->t, table, k, out, NULL);

	return rc && rc != ERR_NOTFOUND ? db_batch_get(w->b, w->t, table, k, out, w->e) : rc;
}

static int get_entry(void *ctx, struct key k, struct wire_out *out)
{
	return object_place_read(ctx, KEY_NAME, k, out);
}

int object_place_find(struct object_place *w, uint64_t parent, const char *name, size_t n,
		      struct object_entry *en, uint64_t *cookie)
{
	int rc = object_value_find(en, cookie, w->name_key, parent, name, n, get_entry, w,
				   w->scratch);

	return rc == 0 || rc == ERR_NOTFOUND ?
		       rc :
		       object_place_damaged(w->e, "a name can't be looked up");
}

int object_place_write(struct object_place *w, enum key_table table, struct key k)
{
	const struct wire_out *out = w->scratch;

	if (!wire_out_ok(out) || db_batch_put(w->b, table, k, out->p, out->n))
		return object_place_no_memory(w->e);
	return 0;
}

int object_place_put_entry(struct object_place *w, uint64_t parent, const struct object_entry *en)
{
	wire_out_reset(w->scratch);
	object_value_entry_encode(w->scratch, en);
	return object_place_write(w, KEY_NAME, key_name(parent, en->cookie));
}

int object_place_put(struct object_place *w, const struct object_value *v)
{
	wire_out_reset(w->scratch);
	object_value_encode(w->scratch, v);
	return object_place_write(w, KEY_OBJECT, key_ino(v->o.ino));
}

int object_place_get(struct object_place *w, uint64_t ino, struct object_value *v)
{
	struct wire_out *value = w->scratch;
	int rc;

	wire_out_reset(value);
	rc = object_place_read(w, KEY_OBJECT, key_ino(ino), value);
	if (rc)
		return rc;
	if (object_value_decode(v, value->p, value->n))
		return object_place_damaged(w->e, "an object does not decode");
	v->o.ino = ino;
	return 0;
}

/* ---- names of items ---- */

/* True if a has the better right to a name. */
static bool precedes(const struct object *a, const struct object *b)
{
	if (a->ingest_ms != b->ingest_ms)
		return a->ingest_ms < b->ingest_ms;
	if (memcmp(a->item, b->item, 16) != 0)
		return memcmp(a->item, b->item, 16) < 0;
	return memcmp(a->node, b->node, 16) < 0;
}

int object_place_holder(struct object_place *w, uint64_t ino, struct object_value *v)
{
	int rc = object_place_get(w, ino, v);

	if (rc == ERR_NOTFOUND || (rc == 0 && v->o.kind != OBJECT_ITEM))
		return object_place_damaged(w->e, "a name leads to no item");
	return rc;
}

/* Give v the place of its name. The first name given in a call is told in *name. */
static int take_name(struct object_place *w, struct object_value *v, uint64_t cookie, char **name)
{
	struct object_entry en = {.cookie = cookie, .ino = v->o.ino, .kind = OBJECT_ITEM};
	int rc;

	en.mtime_ns = v->o.mtime_ns;
	en.size = v->o.size;
	en.nlink = 1;
	memcpy(en.name, v->o.name, sizeof(en.name));
	if (*name)
		memcpy(*name, v->o.name, sizeof(v->o.name));
	*name = NULL;
	rc = object_place_put_entry(w, v->o.parent, &en);
	return rc ? rc : object_place_put(w, v);
}

int object_place_item(struct object_place *w, struct object_value *v,
		      char name[RECORD_NAME_MAX + 16])
{
	struct object_value holder;
	struct object_entry en;
	uint64_t cookie;
	int rc;

	for (;; v->claim++) {
		object_value_name(v->o.name, v->plain, v->o.item, v->claim);
		rc = object_place_find(w, v->o.parent, v->o.name, strlen(v->o.name), &en, &cookie);
		if (rc == ERR_NOTFOUND)
			return take_name(w, v, cookie, &name);
		if (rc == 0 && en.kind == OBJECT_DIR)
			continue;
		if (rc == 0)
			rc = object_place_holder(w, en.ino, &holder);
		if (rc == 0 && precedes(&v->o, &holder.o)) {
			rc = take_name(w, v, en.cookie, &name);
			*v = holder;
		}
		if (rc)
			return rc;
	}
}
