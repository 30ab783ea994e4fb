/* SPDX-License-Identifier: Apache-2.0 */
#include "index/object_value.h"

#include <stdio.h>
#include <string.h>

#include "crypto/text.h"

void object_value_name(char out[RECORD_NAME_MAX + 16], const char *plain, const uint8_t item[16],
		       uint32_t claim)
{
	char hex[33], suffix[48] = "";
	size_t n = strlen(plain), tail;

	text_hex(hex, item, 16);
	if (claim == 1)
		snprintf(suffix, sizeof(suffix), "~%.8s", hex);
	else if (claim == 2)
		snprintf(suffix, sizeof(suffix), "~%s", hex);
	else if (claim > 2)
		snprintf(suffix, sizeof(suffix), "~%s~%u", hex, claim);
	tail = strlen(suffix);
	if (n > RECORD_NAME_MAX - tail) {
		n = RECORD_NAME_MAX - tail;
		/* Not within a UTF-8 sequence, if it is one. */
		for (int i = 0; i < 3 && n > 1 && ((uint8_t)plain[n] & 0xc0) == 0x80; i++)
			n--;
	}
	memcpy(out, plain, n);
	memcpy(out + n, suffix, tail + 1);
}

static void put_item(struct wire_out *out, const struct object_value *v)
{
	const struct object *o = &v->o;

	wire_out_u32(out, v->claim);
	wire_out_str16(out, v->plain, strlen(v->plain));
	wire_out_u64(out, o->size);
	wire_out_bytes(out, o->item, 16);
	wire_out_bytes(out, o->accession, 16);
	wire_out_bytes(out, o->segment, 16);
	wire_out_bytes(out, o->node, 16);
	wire_out_u64(out, o->offset);
	wire_out_u64(out, o->length);
	wire_out_u32(out, o->headlen);
	wire_out_bytes(out, o->head, 32);
	wire_out_bytes(out, o->commitment, 32);
	wire_out_u32(out, o->chunk_size);
	wire_out_u16(out, o->suite);
	wire_out_u32(out, o->journal);
	wire_out_u64(out, o->seq);
	wire_out_u64(out, (uint64_t)o->ingest_ms);
}

void object_value_encode(struct wire_out *out, const struct object_value *v)
{
	wire_out_u8(out, (uint8_t)v->o.kind);
	wire_out_u64(out, v->o.parent);
	wire_out_u64(out, (uint64_t)v->o.mtime_ns);
	if (v->o.kind == OBJECT_ITEM) {
		put_item(out, v);
		return;
	}
	wire_out_str16(out, v->o.name, strlen(v->o.name));
	wire_out_u64(out, v->o.size);
	wire_out_u64(out, v->o.nlink);
}

/* A string of 1 to cap - 1 bytes without NUL; the root alone has no name. */
static bool get_name(struct wire_in *in, char *name, size_t cap, bool may_be_empty)
{
	size_t n;
	const uint8_t *p = wire_in_str16(in, &n);

	if (!p || n >= cap || (n == 0 && !may_be_empty) || memchr(p, 0, n))
		return false;
	memcpy(name, p, n);
	name[n] = '\0';
	return true;
}

static bool get_item(struct object_value *v, struct wire_in *in)
{
	struct object *o = &v->o;

	v->claim = wire_in_u32(in);
	if (!get_name(in, v->plain, sizeof(v->plain), false))
		return false;
	o->size = wire_in_u64(in);
	wire_in_copy(in, o->item, 16);
	wire_in_copy(in, o->accession, 16);
	wire_in_copy(in, o->segment, 16);
	wire_in_copy(in, o->node, 16);
	o->offset = wire_in_u64(in);
	o->length = wire_in_u64(in);
	o->headlen = wire_in_u32(in);
	wire_in_copy(in, o->head, 32);
	wire_in_copy(in, o->commitment, 32);
	o->chunk_size = wire_in_u32(in);
	o->suite = wire_in_u16(in);
	o->journal = wire_in_u32(in);
	o->seq = wire_in_u64(in);
	o->ingest_ms = (int64_t)wire_in_u64(in);
	o->nlink = 1;
	object_value_name(o->name, v->plain, o->item, v->claim);
	return true;
}

int object_value_decode(struct object_value *v, const void *p, size_t n)
{
	struct wire_in in = wire_in_init(p, n);
	struct object *o = &v->o;
	bool ok = true;

	memset(v, 0, sizeof(*v));
	o->kind = wire_in_u8(&in);
	o->parent = wire_in_u64(&in);
	o->mtime_ns = (int64_t)wire_in_u64(&in);
	if (o->kind == OBJECT_ITEM) {
		ok = get_item(v, &in);
	} else if (o->kind == OBJECT_DIR) {
		ok = get_name(&in, o->name, RECORD_NAME_MAX + 1, true);
		o->size = wire_in_u64(&in);
		o->nlink = wire_in_u64(&in);
	} else {
		ok = false;
	}
	return ok && wire_in_end(&in) ? 0 : ERR_INDEX;
}

void object_value_entry_encode(struct wire_out *out, const struct object_entry *en)
{
	wire_out_u8(out, (uint8_t)en->kind);
	wire_out_u64(out, en->ino);
	wire_out_u64(out, (uint64_t)en->mtime_ns);
	wire_out_u64(out, en->size);
	wire_out_u64(out, en->nlink);
	wire_out_str16(out, en->name, strlen(en->name));
}

int object_value_entry_decode(struct object_entry *en, const void *p, size_t n)
{
	struct wire_in in = wire_in_init(p, n);

	en->kind = wire_in_u8(&in);
	en->ino = wire_in_u64(&in);
	en->mtime_ns = (int64_t)wire_in_u64(&in);
	en->size = wire_in_u64(&in);
	en->nlink = wire_in_u64(&in);
	if (!get_name(&in, en->name, sizeof(en->name), false) || !wire_in_end(&in))
		return ERR_INDEX;
	return en->kind == OBJECT_DIR || en->kind == OBJECT_ITEM ? 0 : ERR_INDEX;
}

int object_value_find(struct object_entry *en, uint64_t *free_cookie, const uint8_t name_key[32],
		      uint64_t parent, const char *name, size_t n,
		      int (*get)(void *ctx, struct key k, struct wire_out *out), void *ctx,
		      struct wire_out *value)
{
	uint64_t cookie = key_cookie(name_key, parent, name, n);
	int rc = 0;

	/* Entries are never removed, so a name that is there is met before the first gap. */
	for (;; cookie++) {
		wire_out_reset(value);
		rc = get(ctx, key_name(parent, cookie), value);
		if (rc)
			break;
		rc = object_value_entry_decode(en, value->p, value->n);
		if (rc)
			return rc;
		if (strlen(en->name) == n && memcmp(en->name, name, n) == 0)
			break;
	}
	en->cookie = cookie;
	*free_cookie = cookie;
	return rc;
}

void object_value_totals_encode(struct wire_out *out, const struct object_totals *sum)
{
	wire_out_u64(out, sum->items);
	wire_out_u64(out, sum->bytes);
	wire_out_u64(out, sum->stored);
	wire_out_u64(out, sum->dirs);
}

bool object_value_totals_decode(struct object_totals *sum, const void *p, size_t n)
{
	struct wire_in in = wire_in_init(p, n);

	sum->items = wire_in_u64(&in);
	sum->bytes = wire_in_u64(&in);
	sum->stored = wire_in_u64(&in);
	sum->dirs = wire_in_u64(&in);
	return wire_in_end(&in);
}
