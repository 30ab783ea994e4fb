/* SPDX-License-Identifier: Apache-2.0 */
/*
 * note: C2SP signed notes (signed-note.md), checkpoints (tlog-checkpoint.md) and cosignature/v1
 * (tlog-cosignature.md) with Ed25519: what machines sign.
 *
 * note = text, an empty line, one or more signature lines; text ends in LF.
 * Thread rule: pure.
 */
#ifndef CUSTODY_CRYPTO_NOTE_H
#define CUSTODY_CRYPTO_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/text.h"
#include "crypto/wire.h"

#define NOTE_NAME_MAX 160
#define NOTE_ED25519 0x01
#define NOTE_COSIGNATURE 0x04

/* A verifier: what a vkey "name+hexid+base64(type||pk)" says. */
struct note_key {
	char name[NOTE_NAME_MAX];
	uint8_t type; /* NOTE_ED25519 or NOTE_COSIGNATURE */
	uint8_t pk[32];
};

/* key id = first 4 bytes of SHA-256(name || LF || type || pk). */
uint32_t note_key_id(const struct note_key *k);
int note_vkey_parse(struct note_key *k, struct text_span s); /* ERR_MALFORMED, ERR_UNSUPPORTED */
void note_vkey_text(struct wire_out *out, const struct note_key *k);

/* Make k's public part and the secret key for note_sign() and note_signature() from a secret seed.
 * sk is 64 bytes of secret memory. */
void note_keypair(struct note_key *k, uint8_t sk[64], const uint8_t seed[32]);

/* Append `text`, a blank line and one signature by the Ed25519 secret key (libsodium's 64 bytes:
 * seed || pk). ERR_MALFORMED if text is not acceptable note text, ERR_KEY if sk is not of k,
 * ERR_USAGE if k is no NOTE_ED25519 key with a good name; out is then as before. */
int note_sign(struct wire_out *out, const char *text, size_t n, const struct note_key *k,
	      const uint8_t sk[64]);
/* One more signature line for the text of a note. Cosignatures carry `time` (s since 1970,
 * up to 2^63 - 1). Errors as of note_sign. */
int note_signature(struct wire_out *out, const char *text, size_t n, const struct note_key *k,
		   const uint8_t sk[64], uint64_t time);

/* Split a note at its last empty line. The text includes its final LF. ERR_MALFORMED. */
int note_split(struct text_span note, struct text_span *text, struct text_span *sigs);
/* Verify that the note bears a good signature by k. Lines of unknown keys are ignored; a line of k
 * that does not verify makes it ERR_FORGED; no line of k: ERR_KEY. *time (may be NULL) gets the
 * cosignature's time, 0 for a plain signature. */
int note_verify(struct text_span note, const struct note_key *k, struct text_span *text,
		uint64_t *time);

struct note_checkpoint {
	char origin[NOTE_NAME_MAX];
	uint64_t size;
	uint8_t root[32];
};
/* The three lines of a checkpoint's text. */
void note_checkpoint_text(struct wire_out *out, const struct note_checkpoint *c);
/* Parse a checkpoint's text; extension lines are accepted and ignored. ERR_MALFORMED. */
int note_checkpoint_parse(struct note_checkpoint *c, struct text_span text);

#endif
