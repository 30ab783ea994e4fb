/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/release_keys.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/seal.h"

#define NAME 49 /* kind, id, commitment: what is sorted by, and what a sealed key is bound to */
#define SEALED (32 + SEAL_OVERHEAD)

struct release_keys {
	struct secret_pool *pool;
	uint8_t (*name)[NAME]; /* sorted */
	size_t count;
	uint8_t (*sealed)
		[SEALED];     /* one an entry, all zero before it is put; NULL before the first */
	pthread_mutex_t lock; /* guards key: wiping must not meet a get half-way */
	uint8_t *key;	      /* in the pool; NULL when there are no keys, or no more */
};

static void make_name(uint8_t name[NAME], const uint8_t id[16], const uint8_t *commitment)
{
	memset(name, 0, NAME);
	name[0] = !commitment;
	memcpy(name + 1, id, 16);
	if (commitment)
		memcpy(name + 17, commitment, 32);
}

static int by_name(const void *a, const void *b)
{
	return memcmp(a, b, NAME);
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
	k->name = calloc(k->count ? k->count : 1, sizeof(*k->name));
	if (!k->name) {
		free(k);
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < a->items; i++)
		make_name(k->name[i], a->item[i].id, a->item[i].commitment);
	for (size_t i = 0; i < a->accessions; i++)
		make_name(k->name[a->items + i], a->accession[i], NULL);
	qsort(k->name, k->count, sizeof(*k->name), by_name);
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
	free(k->name);
	free(k);
}

/* Its number among all, or k->count. */
static size_t find(const struct release_keys *k, const uint8_t id[16], const uint8_t *commitment)
{
	uint8_t want[NAME], (*at)[NAME];

	make_name(want, id, commitment);
	at = bsearch(want, k->name, k->count, NAME, by_name);
	return at ? (size_t)(at - k->name) : k->count;
}

int release_keys_put(struct release_keys *k, const uint8_t id[16], const uint8_t *commitment,
		     const uint8_t key[32])
{
	const size_t at = find(k, id, commitment);

	if (at == k->count)
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
	seal_close(k->sealed[at], k->key, k->name[at], NAME, key, 32);
	return 0;
}

bool release_keys_has(const struct release_keys *k, const uint8_t id[16], const uint8_t *commitment)
{
	return find(k, id, commitment) < k->count;
}

int release_keys_get(struct release_keys *k, const uint8_t id[16], const uint8_t *commitment,
		     uint8_t key[32])
{
	const size_t at = find(k, id, commitment);
	int rc = ERR_NOTFOUND;

	if (at == k->count || !k->sealed)
		return rc;
	pthread_mutex_lock(&k->lock);
	/* A key that was never put does not open: it is not there. */
	if (k->key && seal_open(key, k->key, k->name[at], NAME, k->sealed[at], SEALED) == 0)
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
