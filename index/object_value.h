/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_value: the values of KEY_OBJECT and KEY_NAME as bytes, and the names an item may go by.
 * Shared by index/object, which reads them, and index/object_add, which writes them.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_INDEX_OBJECT_VALUE_H
#define CUSTODY_INDEX_OBJECT_VALUE_H

#include <stdint.h>

#include "index/object.h"

/*
 * The names an item may go by in its directory, in the order in which it claims them:
 *   0     its plain name
 *   1     "<name>~<first 8 hex digits of its id>"
 *   2     "<name>~<all 32 hex digits>"
 *   3...  the same with "~<claim>" behind, without end: nobody can take all of them
 * All are at most RECORD_NAME_MAX bytes: the plain part is cut, at a character, to make room.
 */
void object_value_name(char out[RECORD_NAME_MAX + 16], const char *plain, const uint8_t item[16],
		       uint32_t claim);

/* An object as stored. `name` of an item is made from plain and claim. */
struct object_value {
	struct object o;
	uint32_t claim;			 /* items */
	char plain[RECORD_NAME_MAX + 1]; /* items: last component of the path taken in */
};
void object_value_encode(struct wire_out *out, const struct object_value *v);
/* o.ino is not part of the value: the caller sets it. ERR_INDEX. */
int object_value_decode(struct object_value *v, const void *p, size_t n);

void object_value_entry_encode(struct wire_out *out, const struct object_entry *en);
/* en->cookie is not part of the value: the caller sets it. ERR_INDEX. */
int object_value_entry_decode(struct object_entry *en, const void *p, size_t n);
/* Find a name in a directory by probing upward from its cookie. get(ctx, k, out) is db_get or
 * db_batch_get for KEY_NAME. 0 and *en filled, or ERR_NOTFOUND with *free_cookie the place where
 * the name would go. `value` is scratch and holds the entry's bytes afterwards: wipe it. */
int object_value_find(struct object_entry *en, uint64_t *free_cookie, const uint8_t name_key[32],
		      uint64_t parent, const char *name, size_t n,
		      int (*get)(void *ctx, struct key k, struct wire_out *out), void *ctx,
		      struct wire_out *value);

void object_value_totals_encode(struct wire_out *out, const struct object_totals *sum);
bool object_value_totals_decode(struct object_totals *sum, const void *p, size_t n);

#endif
