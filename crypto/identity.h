/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity: a node's keys, all derived from one 32-byte seed, and the key file that keeps a seed
 * under a passphrase (Argon2id) or raw.
 *
 *   Ed25519 seed   HKDF(seed, "custodyfs/v1 node sign")      signs checkpoints and requests
 *   X25519 secret  HKDF(seed, "custodyfs/v1 node receive")   receives sealed documents
 *   index key      HKDF(seed, "custodyfs/v1 node index")     parent of every index key
 *   journal key    HKDF(seed, "custodyfs/v1 node journal")   MACs of the node's own journal lines
 *   state key      HKDF(seed, "custodyfs/v1 node state")     pins and other files of the node
 *   mark key       HKDF(seed, "custodyfs/v1 node mark")      what it took in before (index/mark)
 *
 * node id = first 16 bytes of SHA-256("custodyfs/v1 node id" || Ed25519 pk || X25519 pk).
 *
 * Thread rule: pure; an identity is read-only once made.
 */
#ifndef CUSTODY_CRYPTO_IDENTITY_H
#define CUSTODY_CRYPTO_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/secret.h"
#include "crypto/wire.h"

#define IDENTITY_ID 16

/* What others know of a node. */
struct identity_public {
	uint8_t sign[32];    /* Ed25519 */
	uint8_t receive[32]; /* X25519, an age recipient */
	uint8_t id[IDENTITY_ID];
};
void identity_node_id(uint8_t id[IDENTITY_ID], const uint8_t sign[32], const uint8_t receive[32]);

/* Lives in a secret pool. */
struct identity {
	uint8_t seed[32];
	uint8_t sign[64]; /* libsodium secret key: seed || pk */
	uint8_t receive[32];
	uint8_t index[32];
	uint8_t journal[32];
	uint8_t state[32];
	uint8_t mark[32];
	struct identity_public pub;
};
/* A new identity, or one from its seed. NULL-free: ERR_NOMEM when the pool is full. */
int identity_new(struct identity **out, struct secret_pool *pool);
int identity_from_seed(struct identity **out, struct secret_pool *pool, const uint8_t seed[32]);
void identity_free(struct secret_pool *pool, struct identity *id); /* wipes */

/*
 * Key file, 113 bytes (see custodyfs-format(5)):
 *   0 "CUSTKEY1"   8 kind u8   9 mode u8 (0 raw, 1 Argon2id)   10 reserved u16
 *   12 ops u32   16 mem_kib u32   20 salt[16]   36 reserved[5]   41 nonce[24] ct[32] tag[16]
 * Sealed under Argon2id(passphrase) or, raw, under 32 zero bytes (mode 0600 then guards it); the
 * first 41 bytes are associated data.
 */
#define IDENTITY_KEYFILE_SIZE 113
enum identity_kind {
	IDENTITY_KIND_NODE = 1,
	IDENTITY_KIND_AUTHORITY = 2,
};
/* pass NULL: raw. out has IDENTITY_KEYFILE_SIZE bytes. */
int identity_keyfile_seal(uint8_t *out, int kind, const uint8_t secret[32], const char *pass,
			  size_t pass_len);
/* True if the file needs a passphrase. ERR_FOREIGN, ERR_NEWER, ERR_MALFORMED as negative. */
int identity_keyfile_mode(const void *in, size_t n, int kind);
/* ERR_PASSPHRASE when a passphrase is wrong or missing; ERR_DAMAGED for a damaged raw file. */
int identity_keyfile_open(uint8_t secret[32], const void *in, size_t n, int kind, const char *pass,
			  size_t pass_len);

#endif
