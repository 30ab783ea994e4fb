/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest: the digests that other people's manifests use, several at once: MD5, SHA-1, SHA-256,
 * SHA-512 (libcrypto). For comparing alone: nothing of ours rests on the weak two.
 *
 * Thread rule: pure; a context belongs to one thread.
 */
#ifndef CUSTODY_CRYPTO_DIGEST_H
#define CUSTODY_CRYPTO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum digest_alg { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA512, DIGEST_ALGS };
#define DIGEST_SIZE_MAX 64

const char *digest_name(int alg); /* "sha256". Static */
size_t digest_size(int alg);

struct digest;

/* Those whose bits (1 << alg) are set. ERR_UNSUPPORTED when libcrypto refuses one (MD5 may be switched
 * off), ERR_NOMEM. */
int digest_new(struct digest **out, unsigned algs);
void digest_begin(struct digest *d);
void digest_update(struct digest *d, const void *p, size_t n);
/* What was not asked for is zeros. digest_begin() comes next. */
void digest_end(struct digest *d, uint8_t out[DIGEST_ALGS][DIGEST_SIZE_MAX]);
void digest_free(struct digest *d); /* NULL is fine */

#endif
