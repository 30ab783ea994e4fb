/* SPDX-License-Identifier: Apache-2.0 */
#include "index/object_dirs.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

#define CAP_MIN 64u

static uint32_t bucket_of(const struct object_dirs *d, uint32_t parent, const char *name, size_t n)
{
	uint64_t h = d->seed ^ parent * UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
	return (uint32_t)(h >> 20) & d->mask;
}

static void link_one(struct object_dirs *d, uint32_t place)
{
	struct object_dir *dir = &d->at[place];
	uint32_t *head = &d->bucket[bucket_of(d, dir->parent, dir->en.name, strlen(dir->en.name))];

	dir->next = *head;
	*head = place;
}

static int grow(struct object_dirs *d)
{
	uint32_t cap = d->cap ? d->cap * 2 : CAP_MIN;
	struct object_dir *at;
	uint32_t *bucket;

	if (cap > OBJECT_DIRS_NONE / 2)
		return ERR_NOMEM;
	at = realloc(d->at, cap * sizeof(*at));
	if (!at)
		return ERR_NOMEM;
	d->at = at;
	bucket = realloc(d->bucket, cap * sizeof(*bucket));
	if (!bucket)
		return ERR_NOMEM;
	d->bucket = bucket;
	/* Names come from outside: how they hash is not for them to choose. */
	if (!d->cap)
		secret_random(&d->seed, sizeof(d->seed));
	d->cap = cap;
	d->mask = cap - 1;
	for (uint32_t i = 0; i < cap; i++)
		bucket[i] = OBJECT_DIRS_NONE;
	for (uint32_t i = OBJECT_DIRS_ROOT + 1; i < d->count; i++)
		link_one(d, i);
	return 0;
}

int object_dirs_keep(struct object_dirs *d, const struct object_entry *en, uint32_t parent,
		     uint32_t *place)
{
	int rc = d->count == d->cap ? grow(d) : 0;

	if (rc)
		return rc;
	*place = d->count++;
	d->at[*place] = (struct object_dir){.en = *en, .parent = parent};
	if (*place != OBJECT_DIRS_ROOT)
		link_one(d, *place);
	return 0;
}

uint32_t object_dirs_find(const struct object_dirs *d, uint32_t parent, const char *name, size_t n)
{
	uint32_t i = d->cap ? d->bucket[bucket_of(d, parent, name, n)] : OBJECT_DIRS_NONE;

	while (i != OBJECT_DIRS_NONE) {
		const struct object_dir *dir = &d->at[i];

		if (dir->parent == parent && strlen(dir->en.name) == n &&
		    memcmp(dir->en.name, name, n) == 0)
			break;
		i = dir->next;
	}
	return i;
}

void object_dirs_reset(struct object_dirs *d)
{
	/* Names are personal data, as all provenance is. */
	if (d->at)
		secret_wipe(d->at, d->count * sizeof(*d->at));
	free(d->at);
	free(d->bucket);
	*d = (struct object_dirs){0};
}
