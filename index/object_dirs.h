/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_dirs: the directories that an object_add has touched, in memory, found by parent and name.
 *
 * Thread rule: belongs to one thread.
 */
#ifndef CUSTODY_INDEX_OBJECT_DIRS_H
#define CUSTODY_INDEX_OBJECT_DIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/object.h"

#define OBJECT_DIRS_ROOT 0u /* the first one kept is the root */
#define OBJECT_DIRS_NONE UINT32_MAX

struct object_dir {
	struct object_entry en; /* as in its parent; the root has no name */
	uint32_t parent;	/* place of its parent; its own for the root */
	uint32_t next;		/* in its bucket */
	bool dirty;
};

/* Zero-initialise it. at[] moves when one is kept. */
struct object_dirs {
	struct object_dir *at;
	uint32_t count, cap;
	uint32_t *bucket;
	uint32_t mask;
	uint64_t seed;
};

/* Keep one; *place says where. ERR_NOMEM. */
int object_dirs_keep(struct object_dirs *d, const struct object_entry *en, uint32_t parent,
		     uint32_t *place);
/* Place of a directory, or OBJECT_DIRS_NONE. */
uint32_t object_dirs_find(const struct object_dirs *d, uint32_t parent, const char *name, size_t n);
/* Forget all. */
void object_dirs_reset(struct object_dirs *d);

#endif
