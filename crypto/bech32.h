/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bech32: the text form of age keys (BIP 173): a human-readable part, "1", the data in characters
 * of five bits, and a checksum of six characters.
 *
 * The case of the human-readable part is the case of the whole. Thread rule: pure.
 */
#ifndef CUSTODY_CRYPTO_BECH32_H
#define CUSTODY_CRYPTO_BECH32_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/text.h"

#define BECH32_MAX 90 /* characters; the checksum promises nothing beyond */

/* Characters that n bytes take, with a NUL, behind a human-readable part of `hrp` characters. */
#define BECH32_SIZE(hrp, n) ((hrp) + 1 + (8 * (n) + 4) / 5 + 6 + 1)

/* out has BECH32_SIZE(strlen(hrp), n) characters, not more than BECH32_MAX and a NUL. */
void bech32_encode(char *out, const char *hrp, const void *in, size_t n);
/* Exactly n bytes behind exactly this human-readable part. ERR_MALFORMED; out is then wiped. */
int bech32_decode(void *out, size_t n, const char *hrp, struct text_span s);

#endif
