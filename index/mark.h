/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mark: how a node knows again what it took in, although it can open none of it. A mark is two keyed
 * hashes of an item's SHA-256: one of that alone, one with the name it was taken in under. Both need
 * the digest, so that nobody tells a name or a plate by trying them: who tries must have the content.
 *
 * An ingest event carries its mark masked by a keyed hash of the item's id: to all but the node it is
 * 32 random bytes, of equal contents too. The index has it as a key. See custodyfs-format(5).
 *
 * Thread rule: mark_make, mark_seal and mark_open are pure; the others are as index/db.
 */
#ifndef CUSTODY_INDEX_MARK_H
#define CUSTODY_INDEX_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "index/db.h"

#define MARK_TAG 16u
#define MARK_SIZE (2 * MARK_TAG)

struct mark {
	uint8_t content[MARK_TAG]; /* of the digest */
	uint8_t place[MARK_TAG];   /* of the digest, collection and path */
};

/* Both borrowed. */
struct mark_key {
	const uint8_t *mark;	/* 32 secret bytes of the node's identity */
	const uint8_t *archive; /* 16 bytes */
};

void mark_make(struct mark *m, struct mark_key key, const uint8_t sha256[32],
	       const char *collection, const char *path);
/* Masked, as it stands in the event of an item; and back. */
void mark_seal(uint8_t out[MARK_SIZE], struct mark_key key, const uint8_t item[16],
	       const struct mark *m);
void mark_open(struct mark *m, struct mark_key key, const uint8_t item[16],
	       const uint8_t in[MARK_SIZE]);

/* seq: the line of the node's own journal that takes the item in. ERR_NOMEM. */
int mark_put(struct db_batch *b, const struct mark *m, uint64_t seq);
/* The last line with exactly this mark. ERR_NOTFOUND, ERR_INDEX. */
int mark_find(struct db_txn *t, const struct mark *m, uint64_t *seq, struct err *e);
/* A line with this content, under whatever name. Codes as mark_find(). */
int mark_find_content(struct db_txn *t, const struct mark *m, uint64_t *seq, struct err *e);

#endif
