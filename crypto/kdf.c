/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/kdf.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/secret.h"

#define OPS_MAX 16u
#define MEM_KIB_MIN 8u /* Argon2's own floor, for one lane */
#define MEM_KIB_MAX (4u << 20)

const struct kdf_cost kdf_cost_default = {.ops = 3, .mem_kib = 256u << 10};

void kdf_hkdf(uint8_t *out, size_t out_len, const void *ikm, size_t ikm_len, const void *salt,
	      size_t salt_len, const void *info, size_t info_len)
{
	const struct hash_part input = {ikm, ikm_len};
	uint8_t prk[HASH_SIZE], t[HASH_SIZE];
	size_t t_len = 0; /* T(0) is empty */

	if (out_len > (size_t)255 * HASH_SIZE)
		abort();
	/* No salt means 32 zero bytes, which HMAC's padding makes the same as an empty key. */
	hash_hmac(prk, salt, salt_len, &input, 1);
	for (uint8_t i = 1; out_len > 0; i++) {
		const struct hash_part parts[] = {{t, t_len}, {info, info_len}, {&i, 1}};
		size_t n = out_len < HASH_SIZE ? out_len : HASH_SIZE;

		hash_hmac(t, prk, sizeof(prk), parts, 3);
		t_len = HASH_SIZE;
		memcpy(out, t, n);
		out += n;
		out_len -= n;
	}
	secret_wipe(prk, sizeof(prk));
	secret_wipe(t, sizeof(t));
}

void kdf_label(uint8_t out[32], const uint8_t key[32], const char *label)
{
	kdf_hkdf(out, 32, key, 32, NULL, 0, label, strlen(label));
}

bool kdf_cost_ok(struct kdf_cost cost)
{
	return cost.ops >= 1 && cost.ops <= OPS_MAX && cost.mem_kib >= MEM_KIB_MIN &&
	       cost.mem_kib <= MEM_KIB_MAX;
}

int kdf_passphrase(uint8_t out[32], const char *pass, size_t pass_len, const uint8_t salt[16],
		   struct kdf_cost cost)
{
	_Static_assert(crypto_pwhash_argon2id_SALTBYTES == 16, "salt");

	if (!kdf_cost_ok(cost))
		return ERR_MALFORMED;
	/* All else that crypto_pwhash() refuses is out of the question here. */
	if (crypto_pwhash(out, 32, pass_len ? pass : "", pass_len, salt, cost.ops,
			  (size_t)cost.mem_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return ERR_NOMEM;
	return 0;
}
