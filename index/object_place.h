/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_place: entries and objects as they are put through a batch, and which item gets which name.
 * Names do not depend on the order in which items come: see index/object.
 *
 * Thread rule: as the batch.
 */
#ifndef CUSTODY_INDEX_OBJECT_PLACE_H
#define CUSTODY_INDEX_OBJECT_PLACE_H

#include "index/object_value.h"

/* What calls work with; all borrowed. */
struct object_place {
	const uint8_t *name_key;
	struct wire_out *scratch;
	struct db_batch *b;
	struct db_txn *t;
	struct err *e;
};

/* Sentences; they return ERR_INDEX and ERR_NOMEM. */
int object_place_damaged(struct err *e, const char *what);
int object_place_no_memory(struct err *e);

/* One value of a table. ERR_NOTFOUND, ERR_INDEX, ERR_NOMEM. */
int object_place_read(struct object_place *w, enum key_table table, struct key k,
		      struct wire_out *out);
/* Put what was encoded into w->scratch. ERR_NOMEM. */
int object_place_write(struct object_place *w, enum key_table table, struct key k);

/* The holder of a name in a directory, or ERR_NOTFOUND and where it would go. */
int object_place_find(struct object_place *w, uint64_t parent, const char *name, size_t n,
		      struct object_entry *en, uint64_t *cookie);
int object_place_put_entry(struct object_place *w, uint64_t parent, const struct object_entry *en);
int object_place_put(struct object_place *w, const struct object_value *v);
int object_place_get(struct object_place *w, uint64_t ino, struct object_value *v);
/* The item that a name leads to. */
int object_place_holder(struct object_place *w, uint64_t ino, struct object_value *v);
/* Claim names for v from v->claim on until one is free or its holder has less right to it; who loses a
 * name goes on in its stead. v is overwritten. name (may be NULL) receives v's name. */
int object_place_item(struct object_place *w, struct object_value *v,
		      char name[RECORD_NAME_MAX + 16]);

#endif
