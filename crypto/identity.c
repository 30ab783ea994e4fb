/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/identity.h"

#include <sodium.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/seal.h"

#define HEAD 41 /* what stands before the sealed secret */

static const uint8_t magic[8] = {'C', 'U', 'S', 'T', 'K', 'E', 'Y', '1'};

enum mode {
	MODE_RAW = 0,
	MODE_ARGON2ID = 1,
};

_Static_assert(HEAD + SEAL_OVERHEAD + 32 == IDENTITY_KEYFILE_SIZE, "key file size");

void identity_node_id(uint8_t id[IDENTITY_ID], const uint8_t sign[32], const uint8_t receive[32])
{
	static const char label[] = "custodyfs/v1 node id";
	const struct hash_part parts[] = {{label, sizeof(label) - 1}, {sign, 32}, {receive, 32}};
	uint8_t digest[HASH_SIZE];

	hash_parts(digest, parts, 3);
	memcpy(id, digest, IDENTITY_ID);
}

int identity_from_seed(struct identity **out, struct secret_pool *pool, const uint8_t seed[32])
{
	struct identity *id = secret_take(pool, sizeof(*id));
	uint8_t sign_seed[32];

	*out = id;
	if (!id)
		return ERR_NOMEM;
	memcpy(id->seed, seed, 32);
	kdf_label(sign_seed, seed, "custodyfs/v1 node sign");
	crypto_sign_ed25519_seed_keypair(id->pub.sign, id->sign, sign_seed);
	secret_wipe(sign_seed, sizeof(sign_seed));
	kdf_label(id->receive, seed, "custodyfs/v1 node receive");
	crypto_scalarmult_curve25519_base(id->pub.receive, id->receive);
	kdf_label(id->index, seed, "custodyfs/v1 node index");
	kdf_label(id->journal, seed, "custodyfs/v1 node journal");
	kdf_label(id->state, seed, "custodyfs/v1 node state");
	kdf_label(id->mark, seed, "custodyfs/v1 node mark");
	identity_node_id(id->pub.id, id->pub.sign, id->pub.receive);
	return 0;
}

int identity_new(struct identity **out, struct secret_pool *pool)
{
	uint8_t seed[32];
	int rc;

	secret_random(seed, sizeof(seed));
	rc = identity_from_seed(out, pool, seed);
	secret_wipe(seed, sizeof(seed));
	return rc;
}

void identity_free(struct secret_pool *pool, struct identity *id)
{
	secret_give(pool, id);
}

/* The fields of a key file. */
struct head {
	uint8_t kind, mode;
	struct kdf_cost cost;
	uint8_t salt[16];
};

static void put_head(uint8_t out[HEAD], const struct head *h)
{
	memset(out, 0, HEAD);
	memcpy(out, magic, sizeof(magic));
	out[8] = h->kind;
	out[9] = h->mode;
	wire_put32(out + 12, h->cost.ops);
	wire_put32(out + 16, h->cost.mem_kib);
	memcpy(out + 20, h->salt, sizeof(h->salt));
}

static int check_magic(const uint8_t *in, size_t n)
{
	if (n < sizeof(magic) || memcmp(in, magic, sizeof(magic) - 1) != 0)
		return ERR_FOREIGN;
	if (in[7] >= '2' && in[7] <= '9')
		return ERR_NEWER;
	return in[7] == '1' ? 0 : ERR_FOREIGN;
}

/* Read and check all that stands before the sealed secret. There is one encoding of each file: what
 * a mode does not use is zero. */
static int get_head(struct head *h, const void *in, size_t n, int kind)
{
	struct wire_in w = wire_in_init(in, n);
	uint8_t canon[HEAD];
	int rc = check_magic(in, n);

	if (rc)
		return rc;
	if (n != IDENTITY_KEYFILE_SIZE)
		return ERR_MALFORMED;
	wire_in_bytes(&w, sizeof(magic));
	h->kind = wire_in_u8(&w);
	h->mode = wire_in_u8(&w);
	wire_in_u16(&w);
	h->cost.ops = wire_in_u32(&w);
	h->cost.mem_kib = wire_in_u32(&w);
	wire_in_copy(&w, h->salt, sizeof(h->salt));

	if (h->mode == MODE_RAW) {
		h->cost = (struct kdf_cost){0, 0};
		memset(h->salt, 0, sizeof(h->salt));
	}
	put_head(canon, h);
	if (h->mode > MODE_ARGON2ID || memcmp(canon, in, HEAD) != 0)
		return ERR_MALFORMED;
	if (h->mode == MODE_ARGON2ID && !kdf_cost_ok(h->cost))
		return ERR_MALFORMED;
	if (h->kind != IDENTITY_KIND_NODE && h->kind != IDENTITY_KIND_AUTHORITY)
		return ERR_MALFORMED;
	return h->kind == kind ? 0 : ERR_FOREIGN;
}

/* The key that seals the secret. */
static int seal_key(uint8_t key[32], const struct head *h, const char *pass, size_t pass_len)
{
	memset(key, 0, 32);
	if (h->mode == MODE_RAW)
		return 0;
	return kdf_passphrase(key, pass, pass_len, h->salt, h->cost);
}

int identity_keyfile_seal(uint8_t *out, int kind, const uint8_t secret[32], const char *pass,
			  size_t pass_len)
{
	struct head h = {.kind = (uint8_t)kind, .mode = MODE_RAW};
	uint8_t key[32];
	int rc;

	if (kind != IDENTITY_KIND_NODE && kind != IDENTITY_KIND_AUTHORITY)
		return ERR_USAGE;
	if (pass) {
		if (pass_len == 0)
			return ERR_PASSPHRASE;
		h.mode = MODE_ARGON2ID;
		h.cost = kdf_cost_default;
		secret_random(h.salt, sizeof(h.salt));
	}
	rc = seal_key(key, &h, pass, pass_len);
	if (rc == 0) {
		put_head(out, &h);
		seal_close(out + HEAD, key, out, HEAD, secret, 32);
	}
	secret_wipe(key, sizeof(key));
	return rc;
}

int identity_keyfile_mode(const void *in, size_t n, int kind)
{
	struct head h;
	int rc = get_head(&h, in, n, kind);

	return rc ? rc : h.mode == MODE_ARGON2ID;
}

int identity_keyfile_open(uint8_t secret[32], const void *in, size_t n, int kind, const char *pass,
			  size_t pass_len)
{
	const uint8_t *b = in;
	struct head h;
	uint8_t key[32];
	int rc = get_head(&h, in, n, kind);

	memset(secret, 0, 32);
	if (rc)
		return rc;
	if (h.mode == MODE_ARGON2ID && (!pass || pass_len == 0))
		return ERR_PASSPHRASE;
	rc = seal_key(key, &h, pass, pass_len);
	if (rc == 0)
		rc = seal_open(secret, key, b, HEAD, b + HEAD, n - HEAD);
	/* Damage and a wrong passphrase look the same here; the latter is likelier. */
	if (rc == ERR_DAMAGED && h.mode == MODE_ARGON2ID)
		rc = ERR_PASSPHRASE;
	secret_wipe(key, sizeof(key));
	return rc;
}
