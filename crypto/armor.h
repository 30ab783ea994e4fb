/* SPDX-License-Identifier: Apache-2.0 */
/*
 * armor: binary data as lines of base64 between "-----BEGIN <label>-----" and "-----END <label>-----"
 * (RFC 7468 without its leniency), which age files, SSH signatures and our bundles travel in.
 *
 * Strict: one encoding for one value, but for the line ends, which may be LF or CRLF.
 * Thread rule: pure.
 */
#ifndef CUSTODY_CRYPTO_ARMOR_H
#define CUSTODY_CRYPTO_ARMOR_H

#include <stddef.h>

#include "crypto/err.h"
#include "crypto/text.h"
#include "crypto/wire.h"

#define ARMOR_COLUMNS 64
#define ARMOR_COLUMNS_ANY 0 /* lines of 1 to ARMOR_COLUMNS_MAX: OpenSSH writes 70, others 64 */
#define ARMOR_COLUMNS_MAX 76

/* Append in[n] in lines of ARMOR_COLUMNS. Every line ends in LF. out turns bad without memory. */
void armor_encode(struct wire_out *out, const char *label, const void *in, size_t n);
/* Append what `in` holds: it begins with the BEGIN line and ends with the END line, whose line end
 * may be missing. All lines between have `columns` characters, the last may have fewer.
 * ERR_MALFORMED, ERR_NOMEM; out is then as before. */
int armor_decode(struct wire_out *out, const char *label, unsigned columns, struct text_span in);

#endif
