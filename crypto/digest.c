/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/err.h"

struct digest {
	EVP_MD_CTX *ctx[DIGEST_ALGS]; /* NULL: not asked for */
};

static const EVP_MD *method(int alg)
{
	switch (alg) {
	case DIGEST_MD5:
		return EVP_md5();
	case DIGEST_SHA1:
		return EVP_sha1();
	case DIGEST_SHA256:
		return EVP_sha256();
	default:
		return EVP_sha512();
	}
}

const char *digest_name(int alg)
{
	static const char *const names[] = {"md5", "sha1", "sha256", "sha512"};

	return alg >= 0 && alg < DIGEST_ALGS ? names[alg] : "unknown";
}

size_t digest_size(int alg)
{
	static const uint8_t sizes[] = {16, 20, 32, 64};

	return alg >= 0 && alg < DIGEST_ALGS ? sizes[alg] : 0;
}

int digest_new(struct digest **out, unsigned algs)
{
	struct digest *d = calloc(1, sizeof(*d));

	*out = NULL;
	if (!d)
		return ERR_NOMEM;
	for (int a = 0; a < DIGEST_ALGS; a++) {
		if (!(algs & (1u << a)))
			continue;
		d->ctx[a] = EVP_MD_CTX_new();
		if (!d->ctx[a] || EVP_DigestInit_ex(d->ctx[a], method(a), NULL) != 1) {
			digest_free(d);
			return ERR_UNSUPPORTED;
		}
	}
	*out = d;
	return 0;
}

void digest_begin(struct digest *d)
{
	for (int a = 0; a < DIGEST_ALGS; a++)
		if (d->ctx[a])
			EVP_DigestInit_ex(d->ctx[a], NULL, NULL);
}

void digest_update(struct digest *d, const void *p, size_t n)
{
	for (int a = 0; a < DIGEST_ALGS; a++)
		if (d->ctx[a])
			EVP_DigestUpdate(d->ctx[a], p, n);
}

void digest_end(struct digest *d, uint8_t out[DIGEST_ALGS][DIGEST_SIZE_MAX])
{
	memset(out, 0, (size_t)DIGEST_ALGS * DIGEST_SIZE_MAX);
	for (int a = 0; a < DIGEST_ALGS; a++)
		if (d->ctx[a])
			EVP_DigestFinal_ex(d->ctx[a], out[a], NULL);
}

void digest_free(struct digest *d)
{
	for (int a = 0; d && a < DIGEST_ALGS; a++)
		EVP_MD_CTX_free(d->ctx[a]);
	free(d);
}
