/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame head: its bytes as custodyfs-format(5) gives them, what opens it and what must not: every
 * bit of it flipped, every length it could be cut to.
 */
#include "fs/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/seal.h"
#include "crypto/suite.h"
#include "tests/lib/fixture.h"

#define RECORD "\0\0 not looked at here"
#define RECORD_LEN (sizeof(RECORD) - 1)

struct sample {
	struct frame f;
	struct frame_keys keys;
	uint8_t file_key[32], salt[32], sha256[32], commitment[32];
	struct wire_out head;
};

static void make(struct sample *s)
{
	memset(s, 0, sizeof(*s));
	fixture_fill(&s->keys, sizeof(s->keys), 1);
	fixture_fill(s->file_key, 32, 2);
	fixture_fill(s->salt, 32, 3);
	fixture_fill(s->sha256, 32, 4);
	fixture_fill(s->f.archive, 16, 5);
	fixture_fill(s->f.accession, 16, 6);
	fixture_fill(s->f.item, 16, 7);
	s->f.size = 0x123456;
	s->f.chunk_size = 16384;
	s->f.suite = SUITE_XCHACHA20POLY1305;
	assert_int_equal(frame_head_seal(&s->head, &s->f, &s->keys, s->file_key, s->salt, s->sha256,
					 RECORD, RECORD_LEN, s->commitment),
			 0);
}

static void test_layout(void **state)
{
	const uint8_t *h;
	uint8_t v[32];
	uint8_t ad[112 + 32];
	struct sample s;

	(void)state;
	make(&s);
	h = s.head.p;
	assert_int_equal(s.head.n, 188 + 40 + 64 + RECORD_LEN);
	assert_int_equal(s.f.head_len, s.head.n);
	assert_memory_equal(h, "CUSTFRM1", 8);
	assert_int_equal(wire_get32(h + 8), s.head.n);
	assert_int_equal(wire_get32(h + 12), 0);
	assert_memory_equal(h + 16, s.f.archive, 16);
	assert_memory_equal(h + 32, s.f.accession, 16);
	assert_memory_equal(h + 48, s.f.item, 16);
	assert_int_equal(wire_get64(h + 64), 0x123456);
	assert_int_equal(wire_get32(h + 72), 16384);
	assert_int_equal(wire_get32(h + 76), 2u << 16);
	stream_commitment(v, s.file_key);
	assert_memory_equal(h + 80, v, 32);
	assert_int_equal(wire_get32(h + 184), s.head.n - 188);

	/* The wrap's associated data: the first 112 bytes and the digest of the sealed record. */
	memcpy(ad, h, 112);
	hash_sha256(ad + 112, h + 188, s.head.n - 188);
	assert_int_equal(seal_open(v, s.keys.wrap, ad, sizeof(ad), h + 112, 72), 0);
	assert_memory_equal(v, s.file_key, 32);
	wire_out_free(&s.head);
}

static void test_commitment_and_ad(void **state)
{
	struct hash_part record[2], ad[2];
	uint8_t v[32], got[32];
	struct sample s;

	(void)state;
	make(&s);
	record[0] = (struct hash_part){RECORD, RECORD_LEN};
	record[1] = (struct hash_part){s.sha256, 32};
	hash_hmac(v, s.salt, 32, record, 2);
	assert_memory_equal(v, s.commitment, 32);

	ad[0] = (struct hash_part){"custodyfs/v1 content", 20};
	ad[1] = (struct hash_part){s.head.p, 112};
	hash_parts(v, ad, 2);
	frame_stream_ad(got, s.head.p);
	assert_memory_equal(v, got, 32);
	wire_out_free(&s.head);
}

static void test_bound_is_the_head(void **state)
{
	uint8_t bound[FRAME_BOUND];
	struct frame f;
	struct sample s;

	(void)state;
	make(&s);
	f = s.f;
	f.head_len = 0;
	memset(f.key_commitment, 0, 32);
	assert_int_equal(frame_bound(bound, &f, s.file_key, RECORD_LEN), 0);
	assert_memory_equal(bound, s.head.p, FRAME_BOUND);
	assert_int_equal(f.head_len, s.head.n);
	wire_out_free(&s.head);
}

static void test_open(void **state)
{
	uint8_t key[32], salt[32], sha256[32];
	struct wire_out record = {0};
	struct frame f;
	struct sample s;

	(void)state;
	make(&s);
	assert_int_equal(frame_head_parse(&f, s.head.p, s.head.n), 0);
	assert_memory_equal(f.archive, s.f.archive, 16);
	assert_memory_equal(f.accession, s.f.accession, 16);
	assert_memory_equal(f.item, s.f.item, 16);
	assert_int_equal(f.size, s.f.size);
	assert_int_equal(f.chunk_size, 16384);
	assert_int_equal(f.suite, 2);
	assert_memory_equal(f.key_commitment, s.f.key_commitment, 32);
	assert_int_equal(f.head_len, s.head.n);
	assert_int_equal(frame_length(&f), s.head.n + 0x123456 + 73 * 16);

	assert_int_equal(frame_unwrap(key, s.head.p, s.head.n, s.keys.wrap), 0);
	assert_memory_equal(key, s.file_key, 32);
	assert_int_equal(
		frame_record_open(&record, salt, sha256, s.head.p, s.head.n, s.keys.record), 0);
	assert_memory_equal(salt, s.salt, 32);
	assert_memory_equal(sha256, s.sha256, 32);
	assert_int_equal(record.n, RECORD_LEN);
	assert_memory_equal(record.p, RECORD, RECORD_LEN);
	wire_out_free(&record);
	wire_out_free(&s.head);
}

static void test_wrong_keys(void **state)
{
	static const uint8_t zero[32];
	uint8_t key[32], salt[32], sha256[32];
	struct wire_out record = {0};
	struct sample s;

	(void)state;
	make(&s);
	memset(key, 0xaa, 32);
	assert_int_equal(frame_unwrap(key, s.head.p, s.head.n, s.keys.record), ERR_DAMAGED);
	assert_memory_equal(key, zero, 32);
	assert_int_equal(frame_record_open(&record, salt, sha256, s.head.p, s.head.n, s.keys.wrap),
			 ERR_DAMAGED);
	assert_int_equal(record.n, 0);
	assert_memory_equal(salt, zero, 32);
	wire_out_free(&record);
	wire_out_free(&s.head);
}

/* No bit may change without either the parse or one of the two openings failing. */
static void test_every_bit(void **state)
{
	struct sample s;

	(void)state;
	make(&s);
	for (size_t bit = 0; bit < 8 * s.head.n; bit++) {
		uint8_t key[32], salt[32], sha256[32];
		struct wire_out record = {0};
		struct frame f;
		int wrap, rec;

		s.head.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		wrap = frame_unwrap(key, s.head.p, s.head.n, s.keys.wrap);
		rec = frame_record_open(&record, salt, sha256, s.head.p, s.head.n, s.keys.record);
		if (bit / 8 < FRAME_BOUND) {
			assert_int_equal(wrap, ERR_DAMAGED);
			assert_int_equal(rec, ERR_DAMAGED);
		} else if (bit / 8 < 184) {
			assert_int_equal(wrap, ERR_DAMAGED);
		} else {
			assert_int_equal(rec, ERR_DAMAGED);
		}
		if (bit / 8 < 7)
			assert_int_equal(frame_head_parse(&f, s.head.p, s.head.n), ERR_FOREIGN);
		else if (bit / 8 == 7 || (bit / 8 >= 12 && bit / 8 < 16))
			assert_int_equal(frame_head_parse(&f, s.head.p, s.head.n), ERR_NEWER);
		else if (bit / 8 < 12 || (bit / 8 >= 184 && bit / 8 < 188))
			assert_int_equal(frame_head_parse(&f, s.head.p, s.head.n), ERR_MALFORMED);
		s.head.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		wire_out_free(&record);
	}
	wire_out_free(&s.head);
}

/* A head copied into memory of its length, so that ASan sees a read past it. */
static int parse_cut(const struct sample *s, size_t n)
{
	uint8_t *p = malloc(n ? n : 1), key[32], salt[32], sha256[32];
	struct wire_out record = {0};
	struct frame f;
	int rc;

	assert_non_null(p);
	memcpy(p, s->head.p, n);
	rc = frame_head_parse(&f, p, n);
	assert_int_equal(frame_unwrap(key, p, n, s->keys.wrap), ERR_DAMAGED);
	assert_int_equal(frame_record_open(&record, salt, sha256, p, n, s->keys.record),
			 ERR_DAMAGED);
	wire_out_free(&record);
	free(p);
	return rc;
}

static void test_every_length(void **state)
{
	struct sample s;

	(void)state;
	make(&s);
	for (size_t n = 0; n < s.head.n; n++)
		assert_int_equal(parse_cut(&s, n), n < 8 ? ERR_FOREIGN : ERR_MALFORMED);
	wire_out_u8(&s.head, 0);
	assert_int_equal(parse_cut(&s, s.head.n), ERR_MALFORMED);
	wire_out_free(&s.head);
}

static void test_bad_fields(void **state)
{
	static const struct {
		size_t at;
		uint32_t v;
		int code;
	} cases[] = {
		{64, 0x80000000, ERR_MALFORMED}, /* content length */
		{72, 0, ERR_MALFORMED},		 /* chunk size */
		{72, 16385, ERR_MALFORMED},
		{72, 2u << 20, ERR_MALFORMED},
		{76, 0, ERR_MALFORMED},		   /* suite 0 */
		{76, 2u << 16 | 1, ERR_MALFORMED}, /* reserved */
		{76, 9u << 16, ERR_NEWER},	   /* suite 9 */
		{184, 0xffffffff, ERR_MALFORMED},
		{184, 0, ERR_MALFORMED},
	};
	struct frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sample s;

		make(&s);
		wire_put32(s.head.p + cases[i].at, cases[i].v);
		assert_int_equal(frame_head_parse(&f, s.head.p, s.head.n), cases[i].code);
		wire_out_free(&s.head);
	}
}

/* A sealed record too short to hold salt and digest, in a head that is consistent otherwise. */
static void test_short_record(void **state)
{
	const size_t n = FRAME_FIXED + 40 + 63;
	struct frame f;
	struct sample s;

	(void)state;
	make(&s);
	wire_put32(s.head.p + 8, (uint32_t)n);
	wire_put32(s.head.p + 184, 40 + 63);
	assert_int_equal(frame_head_parse(&f, s.head.p, n), ERR_MALFORMED);
	wire_out_free(&s.head);
}

static void test_bounds(void **state)
{
	uint8_t bound[FRAME_BOUND], *record = calloc(1, RECORD_SIZE_MAX + 1);
	struct sample s;
	struct frame f;

	(void)state;
	assert_non_null(record);
	make(&s);
	wire_out_reset(&s.head);
	/* The longest record that fits, and one byte more. */
	assert_int_equal(frame_head_seal(&s.head, &s.f, &s.keys, s.file_key, s.salt, s.sha256,
					 record, RECORD_SIZE_MAX - 104, s.commitment),
			 0);
	assert_int_equal(s.head.n, FRAME_HEAD_MAX);
	assert_int_equal(frame_head_parse(&f, s.head.p, s.head.n), 0);
	wire_out_reset(&s.head);
	assert_int_equal(frame_head_seal(&s.head, &s.f, &s.keys, s.file_key, s.salt, s.sha256,
					 record, RECORD_SIZE_MAX - 103, s.commitment),
			 ERR_NOMEM);
	assert_int_equal(s.head.n, 0);
	s.f.size = CHUNK_PLAIN_MAX + 1;
	assert_int_equal(frame_bound(bound, &s.f, s.file_key, 0), ERR_USAGE);
	s.f.size = 0;
	s.f.chunk_size = 1000;
	assert_int_equal(frame_bound(bound, &s.f, s.file_key, 0), ERR_USAGE);
	wire_out_free(&s.head);
	free(record);
}

/* A wrap that opens, but to a key that is not the committed one. */
static void test_commitment_is_checked(void **state)
{
	uint8_t other[32] = {1}, key[32], zero[32] = {0}, ad[112 + 32];
	struct sample s;

	(void)state;
	make(&s);
	memcpy(ad, s.head.p, 112);
	hash_sha256(ad + 112, s.head.p + 188, s.head.n - 188);
	seal_close(s.head.p + 112, s.keys.wrap, ad, sizeof(ad), other, 32);
	assert_int_equal(frame_unwrap(key, s.head.p, s.head.n, s.keys.wrap), ERR_DAMAGED);
	assert_memory_equal(key, zero, 32);
	wire_out_free(&s.head);
}

/* A reader knows the record key: it may seal another record in, of the same length. Then the key no
 * longer opens. */
static void test_relabelled(void **state)
{
	uint8_t inner[64 + RECORD_LEN] = {0}, key[32], salt[32], sha256[32];
	struct wire_out record = {0};
	struct sample s;

	(void)state;
	make(&s);
	seal_close(s.head.p + 188, s.keys.record, s.head.p, FRAME_BOUND, inner, sizeof(inner));
	assert_int_equal(
		frame_record_open(&record, salt, sha256, s.head.p, s.head.n, s.keys.record), 0);
	assert_int_equal(frame_unwrap(key, s.head.p, s.head.n, s.keys.wrap), ERR_DAMAGED);
	wire_out_free(&record);
	wire_out_free(&s.head);
}

/* A content key that was copied into another accession's header opens no wrap of the first. */
static void test_wrap_key_is_of_one_accession(void **state)
{
	uint8_t content[32] = {7}, archive[16] = {1}, accession[16] = {2}, other[16] = {3};
	uint8_t a[32], b[32], c[32], info[17 + 32] = "custodyfs/v1 wrap";

	(void)state;
	memcpy(info + 17, archive, 16);
	memcpy(info + 33, accession, 16);
	kdf_hkdf(a, 32, content, 32, NULL, 0, info, sizeof(info));
	frame_wrap_key(b, content, archive, accession);
	assert_memory_equal(a, b, 32);
	frame_wrap_key(c, content, archive, other);
	assert_memory_not_equal(a, c, 32);
	frame_wrap_key(c, content, other, accession);
	assert_memory_not_equal(a, c, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relabelled),
		cmocka_unit_test(test_wrap_key_is_of_one_accession),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_commitment_and_ad),
		cmocka_unit_test(test_bound_is_the_head),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_wrong_keys),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_bad_fields),
		cmocka_unit_test(test_short_record),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_commitment_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
