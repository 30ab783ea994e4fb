/* SPDX-License-Identifier: Apache-2.0 */
/*
 * release_keys: what a release covers, sorted, and its keys, which lie sealed in ordinary memory
 * under one random key in the secret pool. Wiping those 32 bytes ends them all.
 *
 * An item goes by its id and its commitment, for nodes may call different items by one id; an
 * accession by its id, with NULL for a commitment.
 *
 * Thread rule: filled by one thread; afterwards any thread may look up, get and wipe.
 */
#ifndef CUSTODY_FS_RELEASE_KEYS_H
#define CUSTODY_FS_RELEASE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/secret.h"
#include "fs/authorisation.h"

struct release_keys;

/* The ids of an authorisation; keys come with release_keys_put(). ERR_NOMEM. */
int release_keys_new(struct release_keys **out, struct secret_pool *pool,
		     const struct authorisation *a);
void release_keys_free(struct release_keys *k); /* NULL is fine */
/* Keep the key of one. ERR_NOTFOUND: the text does not name it. ERR_NOMEM. */
int release_keys_put(struct release_keys *k, const uint8_t id[16], const uint8_t *commitment,
		     const uint8_t key[32]);
/* Is it covered, with or without a key? */
bool release_keys_has(const struct release_keys *k, const uint8_t id[16],
		      const uint8_t *commitment);
/* The key of one. ERR_NOTFOUND: not covered, no key, or wiped. */
int release_keys_get(struct release_keys *k, const uint8_t id[16], const uint8_t *commitment,
		     uint8_t key[32]);
/* From now on no key can be got. */
void release_keys_wipe(struct release_keys *k);

#endif
