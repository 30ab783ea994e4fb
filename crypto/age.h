/* SPDX-License-Identifier: Apache-2.0 */
/*
 * age: the age v1 file format (C2SP age.md, age-encryption.org/v1) with X25519 recipients: what is
 * sealed to somebody. The `age` program opens ours, and we open its. In memory; in pieces:
 * crypto/age_stream.
 *
 * Strict, as the format's public test vectors ask. Thread rule: pure.
 */
#ifndef CUSTODY_CRYPTO_AGE_H
#define CUSTODY_CRYPTO_AGE_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/text.h"
#include "crypto/wire.h"

#define AGE_RECIPIENT_TEXT 63 /* "age1..." 62 characters and a NUL */
#define AGE_IDENTITY_TEXT 75  /* "AGE-SECRET-KEY-1..." 74 characters and a NUL */

/* X25519 public key of a secret one. */
void age_public(uint8_t pub[32], const uint8_t secret[32]);
/* Bech32 (BIP 173) text forms. The parsers return ERR_MALFORMED. */
void age_recipient_text(char out[AGE_RECIPIENT_TEXT], const uint8_t pub[32]);
int age_recipient_parse(uint8_t pub[32], struct text_span s);
void age_identity_text(char out[AGE_IDENTITY_TEXT], const uint8_t secret[32]); /* wipe it */
int age_identity_parse(uint8_t secret[32], struct text_span s);

/* Append the age file (binary) that seals in[n] to `count` recipients (1 to 32). ERR_NOMEM,
 * ERR_KEY for a low-order recipient, ERR_USAGE for another count; out is then as before. */
int age_seal(struct wire_out *out, const uint8_t (*recipients)[32], size_t count, const void *in,
	     size_t n);
/* Append the plaintext of an age file. ERR_MALFORMED (header), ERR_KEY (no stanza is ours),
 * ERR_FORGED (header MAC), ERR_DAMAGED (payload). On error nothing is left in out; the caller wipes
 * out. An error that leaves part of the payload authenticated gives none of it. */
int age_open(struct wire_out *out, const uint8_t secret[32], const void *in, size_t n);

/* ASCII armor: "-----BEGIN AGE ENCRYPTED FILE-----", base64 in 64 columns. Strict on reading:
 * *in is the armor alone, LF or CRLF, optional white space around it as age allows. */
void age_armor(struct wire_out *out, const void *in, size_t n);
int age_unarmor(struct wire_out *out, const void *in, size_t n);

#endif
