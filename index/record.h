/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: the provenance of an item: a sorted list of keys and values (see custodyfs-format(5),
 * "Provenance record"). Deterministic: the same fields give the same bytes.
 *
 * Thread rule: pure; a record belongs to one thread.
 */
#ifndef CUSTODY_INDEX_RECORD_H
#define CUSTODY_INDEX_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/text.h"
#include "crypto/wire.h"

#define RECORD_SIZE_MAX (1u << 20)
#define RECORD_KEY_MAX 64
#define RECORD_PATH_MAX 4095
#define RECORD_NAME_MAX 255
#define RECORD_FIELDS_MAX 512

struct record;

int record_new(struct record **out);
void record_free(struct record *r); /* wipes: provenance is personal data */
/* Add or replace. ERR_USAGE for a bad key (not [a-z0-9._-]{1,64}) or a value with NUL or not UTF-8
 * (path and collection excepted: any bytes but NUL), ERR_NOMEM past the bounds. */
int record_set(struct record *r, const char *key, const void *value, size_t n);
int record_set_text(struct record *r, const char *key, const char *value);
/* Add all fields of another. Codes as above. */
int record_add(struct record *r, const struct record *more);
/* Can it be a key? */
bool record_key_ok(const char *key);
/* Borrowed; false if absent. */
bool record_get(const struct record *r, const char *key, struct text_span *value);
size_t record_count(const struct record *r);
void record_at(const struct record *r, size_t i, const char **key, struct text_span *value);

int record_encode(const struct record *r, struct wire_out *out);
/* Strict: order, duplicates, bounds, no trailing bytes. ERR_MALFORMED. Copies. */
int record_decode(struct record **out, const void *p, size_t n);
/* HMAC-SHA-256(salt, encoded record || SHA-256 of the plaintext). */
void record_commitment(uint8_t out[32], const uint8_t salt[32], const void *record, size_t n,
		       const uint8_t plain_sha256[32]);

/* True for a relative path whose components are non-empty, not . or .., at most 255 bytes, no NUL,
 * 4,095 bytes in all. */
bool record_path_ok(const void *p, size_t n);
/* True for one such component. */
bool record_name_ok(const void *p, size_t n);

#endif
