/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/release_keys.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/seal.h"

#define NAME 17 /* kind and id: what is sorted by, and what a sealed key is bound to */
#define SEALED (32 + SEAL_OVERHEAD)

struct entry {
	uint8_t name[NAME];
	uint32_t at; /* place in the authorisation's text */
};

struct release_keys {
	struct secret_pool *pool;
	struct entry *entry; /* sorted by name */
	size_t count;
	uint8_t (*sealed)
		[SEALED];     /* one an entry, all zero before it is put; NULL before the first */
	pthread_mutex_t lock; /* guards key: wiping must not meet a get half-way */
	uint8_t *key;	      /* in the pool; NULL when there are no keys, or no more */
};

static void make_name(uint8_t name[NAME], bool accession, const uint8_t id[16])
{
	name[0] = accession;
	memcpy(name + 1, id, 16);
}

static int by_name(const void *a, const void *b)
{
	return memcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name, NAME);
}

int release_keys_new(struct release_keys **out, struct secret_pool *pool,
		     const struct authorisation *a)
{
	struct release_keys *k = calloc(1, sizeof(*k));

	*out = NULL;
	if (!k)
		return ERR_NOMEM;
	k->pool = pool;
	k->count = a->items + a->accessions;
	k->entry = calloc(k->count ? k->count : 1, sizeof(*k->entry));
	if (!k->entry) {
		free(k);
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < a->items; i++) {
		make_name(k->entry[i].name, false, a->item[i].id);
		k->entry[i].at = (uint32_t)i;
	}
	for (size_t i = 0; i < a->accessions; i++) {
		make_name(k->entry[a->items + i].name, true, a->accession[i]);
		k->entry[a->items + i].at = (uint32_t)i;
	}
	qsort(k->entry, k->count, sizeof(*k->entry), by_name);
	pthread_mutex_init(&k->lock, NULL);
	*out = k;
	return 0;
}

void release_keys_free(struct release_keys *k)
{
	if (!k)
		return;
	release_keys_wipe(k);
	pthread_mutex_destroy(&k->lock);
	free(k->sealed);
	free(k->entry);
	free(k);
}

static const struct entry *find(const struct release_keys *k, bool accession, const uint8_t id[16])
{
	struct entry want;

	make_name(want.name, accession, id);
	return bsearch(&want, k->entry, k->count, sizeof(want), by_name);
}

int release_keys_put(struct release_keys *k, bool accession, const uint8_t id[16],
		     const uint8_t key[32])
{
	const struct entry *en = find(k, accession, id);

	if (!en)
		return ERR_NOTFOUND;
	if (!k->sealed)
		k->sealed = calloc(k->count, sizeof(*k->sealed));
	if (!k->key) {
		k->key = secret_take(k->pool, SEAL_KEY_SIZE);
		if (k->key)
			secret_random(k->key, SEAL_KEY_SIZE);
	}
	if (!k->sealed || !k->key)
		return ERR_NOMEM;
	seal_close(k->sealed[en - k->entry], k->key, en->name, NAME, key, 32);
	return 0;
}

bool release_keys_has(const struct release_keys *k, bool accession, const uint8_t id[16],
		      size_t *at)
{
	const struct entry *en = find(k, accession, id);

	if (en && at)
		*at = en->at;
	return en;
}

int release_keys_get(struct release_keys *k, bool accession, const uint8_t id[16], uint8_t key[32])
{
	const struct entry *en = find(k, accession, id);
	int rc = ERR_NOTFOUND;

	if (!en || !k->sealed)
		return rc;
	pthread_mutex_lock(&k->lock);
	/* A key that was never put does not open: it is not there. */
	if (k->key && seal_open(key, k->key, en->name, NAME, k->sealed[en - k->entry], SEALED) == 0)
		rc = 0;
	pthread_mutex_unlock(&k->lock);
	return rc;
}

void release_keys_wipe(struct release_keys *k)
{
	pthread_mutex_lock(&k->lock);
	secret_give(k->pool, k->key);
	k->key = NULL;
	pthread_mutex_unlock(&k->lock);
}
