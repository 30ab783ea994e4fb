/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/frame.h"

#include <string.h>

#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "crypto/suite.h"

#define MAGIC "CUSTFRM1"
#define MAGIC_SIZE 8
#define WRAP_AT FRAME_BOUND
#define WRAP_AD (FRAME_BOUND + HASH_SIZE)
#define WRAP_SIZE (32 + SEAL_OVERHEAD)
#define SEALED_LEN_AT (WRAP_AT + WRAP_SIZE)
#define INNER 64 /* salt and SHA-256 of the plaintext, before the record */
#define SEALED_MIN (INNER + SEAL_OVERHEAD)

_Static_assert(SEALED_LEN_AT + 4 == FRAME_FIXED, "FRAME_FIXED");

struct chunk_map frame_map(const struct frame *f)
{
	return (struct chunk_map){
		.plain = f->size, .size = f->chunk_size, .tag = suite_tag_size(f->suite)};
}

uint64_t frame_length(const struct frame *f)
{
	return f->head_len + chunk_stored(frame_map(f));
}

int frame_bound(uint8_t out[FRAME_BOUND], struct frame *f, const uint8_t file_key[32],
		size_t record_len)
{
	uint8_t *p = out + 16;

	if (!chunk_map_ok(frame_map(f)))
		return ERR_USAGE;
	if (record_len > RECORD_SIZE_MAX - SEALED_MIN)
		return ERR_NOMEM;
	f->head_len = (uint32_t)(FRAME_FIXED + SEALED_MIN + record_len);
	stream_commitment(f->key_commitment, file_key);

	memcpy(out, MAGIC, MAGIC_SIZE);
	wire_put32(out + 8, f->head_len);
	wire_put32(out + 12, 0); /* flags */
	memcpy(p, f->archive, 16);
	memcpy(p + 16, f->accession, 16);
	memcpy(p + 32, f->item, 16);
	wire_put64(p + 48, f->size);
	wire_put32(p + 56, f->chunk_size);
	wire_put32(p + 60, (uint32_t)f->suite << 16); /* and 16 reserved bits */
	memcpy(p + 64, f->key_commitment, 32);
	return 0;
}

/*
 * Associated data of the wrap: the fixed fields and the sealed record. A reader holds the key of
 * records; without this it could put an innocent record beside another item's wrapped key and have
 * that approved.
 */
static void wrap_ad(uint8_t out[WRAP_AD], const uint8_t *head, size_t n)
{
	memcpy(out, head, FRAME_BOUND);
	hash_sha256(out + FRAME_BOUND, head + FRAME_FIXED, n - FRAME_FIXED);
}

int frame_head_seal(struct wire_out *out, struct frame *f, const struct frame_keys *keys,
		    const uint8_t file_key[32], const uint8_t salt[32],
		    const uint8_t plain_sha256[32], const void *record, size_t record_len,
		    uint8_t commitment[32])
{
	struct wire_out inner = {0};
	uint8_t bound[FRAME_BOUND], ad[WRAP_AD];
	uint8_t *head;
	int rc = frame_bound(bound, f, file_key, record_len);

	if (rc)
		return rc;
	wire_out_bytes(&inner, salt, 32);
	wire_out_bytes(&inner, plain_sha256, 32);
	wire_out_bytes(&inner, record, record_len);
	head = wire_out_ok(&inner) ? wire_out_room(out, f->head_len) : NULL;
	if (!head) {
		rc = ERR_NOMEM;
		goto out;
	}
	memcpy(head, bound, FRAME_BOUND);
	wire_put32(head + SEALED_LEN_AT, f->head_len - FRAME_FIXED);
	seal_close(head + FRAME_FIXED, keys->record, bound, FRAME_BOUND, inner.p, inner.n);
	wrap_ad(ad, head, f->head_len);
	seal_close(head + WRAP_AT, keys->wrap, ad, sizeof(ad), file_key, 32);
	record_commitment(commitment, salt, record, record_len, plain_sha256);
out:
	wire_out_wipe(&inner);
	return rc;
}

void frame_wrap_key(uint8_t wrap[32], const uint8_t content_key[32], const uint8_t archive[16],
		    const uint8_t accession[16])
{
	static const char label[] = "custodyfs/v1 wrap";
	uint8_t info[sizeof(label) - 1 + 32];

	memcpy(info, label, sizeof(label) - 1);
	memcpy(info + sizeof(label) - 1, archive, 16);
	memcpy(info + sizeof(label) - 1 + 16, accession, 16);
	kdf_hkdf(wrap, 32, content_key, 32, NULL, 0, info, sizeof(info));
}

void frame_stream_ad(uint8_t out[STREAM_AD_SIZE], const uint8_t *head)
{
	static const char label[] = "custodyfs/v1 content";
	const struct hash_part parts[] = {{label, sizeof(label) - 1}, {head, FRAME_BOUND}};

	_Static_assert(STREAM_AD_SIZE == HASH_SIZE, "STREAM_AD_SIZE");
	hash_parts(out, parts, 2);
}

/* The magic's last digit is the version. */
static int check_magic(const uint8_t *head, size_t n)
{
	if (n < MAGIC_SIZE || memcmp(head, MAGIC, MAGIC_SIZE - 1) != 0)
		return ERR_FOREIGN;
	return head[MAGIC_SIZE - 1] == MAGIC[MAGIC_SIZE - 1] ? 0 : ERR_NEWER;
}

int frame_head_parse(struct frame *f, const uint8_t *head, size_t n)
{
	struct wire_in in = wire_in_init(head, n);
	uint32_t flags, sealed_len;
	uint16_t reserved;
	int rc = check_magic(head, n);

	memset(f, 0, sizeof(*f));
	if (rc)
		return rc;
	wire_in_bytes(&in, MAGIC_SIZE);
	f->head_len = wire_in_u32(&in);
	flags = wire_in_u32(&in);
	wire_in_copy(&in, f->archive, 16);
	wire_in_copy(&in, f->accession, 16);
	wire_in_copy(&in, f->item, 16);
	f->size = wire_in_u64(&in);
	f->chunk_size = wire_in_u32(&in);
	f->suite = wire_in_u16(&in);
	reserved = wire_in_u16(&in);
	wire_in_copy(&in, f->key_commitment, 32);
	wire_in_bytes(&in, WRAP_SIZE);
	sealed_len = wire_in_u32(&in);
	wire_in_bytes(&in, sealed_len);
	if (!wire_in_end(&in) || f->head_len != n || reserved != 0)
		return ERR_MALFORMED;
	if (sealed_len < SEALED_MIN || sealed_len > RECORD_SIZE_MAX)
		return ERR_MALFORMED;
	if (f->suite == 0)
		return ERR_MALFORMED;
	if (flags != 0 || !suite_name(f->suite))
		return ERR_NEWER;
	return chunk_map_ok(frame_map(f)) ? 0 : ERR_MALFORMED;
}

int frame_unwrap(uint8_t file_key[32], const uint8_t *head, size_t n, const uint8_t wrap_key[32])
{
	uint8_t commitment[32], ad[WRAP_AD];
	struct frame f;
	int rc = ERR_DAMAGED;

	memset(file_key, 0, 32);
	if (frame_head_parse(&f, head, n) != 0)
		return rc;
	wrap_ad(ad, head, n);
	if (seal_open(file_key, wrap_key, ad, sizeof(ad), head + WRAP_AT, WRAP_SIZE) != 0)
		return rc;
	stream_commitment(commitment, file_key);
	if (secret_equal(commitment, f.key_commitment, sizeof(commitment)))
		return 0;
	secret_wipe(file_key, 32);
	return rc;
}

int frame_record_open(struct wire_out *out, uint8_t salt[32], uint8_t plain_sha256[32],
		      const uint8_t *head, size_t n, const uint8_t record_key[32])
{
	struct wire_out inner = {0};
	size_t sealed_len;
	struct frame f;
	uint8_t *p;
	int rc = ERR_DAMAGED;

	memset(salt, 0, 32);
	memset(plain_sha256, 0, 32);
	if (frame_head_parse(&f, head, n) != 0)
		return rc;
	sealed_len = n - FRAME_FIXED;
	p = wire_out_room(&inner, sealed_len - SEAL_OVERHEAD);
	if (!p)
		return ERR_NOMEM;
	if (seal_open(p, record_key, head, FRAME_BOUND, head + FRAME_FIXED, sealed_len) != 0)
		goto out;
	memcpy(salt, p, 32);
	memcpy(plain_sha256, p + 32, 32);
	wire_out_bytes(out, p + INNER, inner.n - INNER);
	rc = wire_out_ok(out) ? 0 : ERR_NOMEM;
out:
	wire_out_wipe(&inner);
	return rc;
}
