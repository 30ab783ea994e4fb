/* SPDX-License-Identifier: Apache-2.0 */
/* age in pieces: against age in one, and against every way of cutting and joining pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crypto/age.h"
#include "crypto/age_stream.h"
#include "tests/lib/fixture.h"

#define CHUNK AGE_STREAM_CHUNK
#define STORED AGE_STREAM_STORED

static uint8_t secret[2][32], pub[2][32];

static int keys(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		fixture_fill(secret[i], 32, 7 + i);
		age_public(pub[i], secret[i]);
	}
	return 0;
}

/* n bytes sealed in pieces to both. */
static void seal(struct wire_out *out, const uint8_t *in, size_t n)
{
	struct age_stream s;
	size_t len;

	assert_int_equal(age_stream_begin(&s, out, (const uint8_t(*)[32])pub, 2), 0);
	do {
		uint8_t *to;

		len = n < CHUNK ? n : CHUNK;
		to = wire_out_room(out, len + AGE_STREAM_TAG);
		assert_non_null(to);
		assert_int_equal(age_stream_seal(&s, len == n, to, in, len), 0);
		in += len;
		n -= len;
	} while (!s.ended);
	assert_int_equal(age_stream_seal(&s, true, out->p, "", 0), ERR_USAGE);
	age_stream_end(&s);
}

/* Opened in pieces, cut at STORED; 0 if that is all of it. */
static int open_pieces(struct wire_out *out, const uint8_t *in, size_t n)
{
	struct age_stream s;
	long header = age_stream_header(in, n);
	int rc;

	if (header <= 0)
		return header ? (int)header : ERR_MALFORMED;
	rc = age_stream_open(&s, secret[1], in, (size_t)header);
	in += header;
	n -= (size_t)header;
	while (rc == 0 && !s.ended) {
		const size_t len = n < STORED ? n : STORED;
		uint8_t chunk[CHUNK];

		rc = age_stream_chunk(&s, len == n, chunk, in, len);
		if (rc == 0)
			wire_out_bytes(out, chunk, len - AGE_STREAM_TAG);
		in += len;
		n -= len;
	}
	age_stream_end(&s);
	return rc;
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 200000};
	uint8_t *plain = malloc(200000);

	(void)state;
	fixture_fill(plain, 200000, 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const size_t n = sizes[i] < 200000 ? sizes[i] : 200000;
		struct wire_out sealed = {0}, whole = {0}, pieces = {0}, other = {0};

		seal(&sealed, plain, n);
		assert_int_equal(age_open(&whole, secret[0], sealed.p, sealed.n), 0);
		assert_int_equal(whole.n, n);
		assert_true(n == 0 || memcmp(whole.p, plain, n) == 0);
		assert_int_equal(age_seal(&other, (const uint8_t(*)[32])pub, 2, plain, n), 0);
		assert_int_equal(other.n, sealed.n);
		assert_int_equal(open_pieces(&pieces, other.p, other.n), 0);
		assert_int_equal(pieces.n, n);
		assert_true(n == 0 || memcmp(pieces.p, plain, n) == 0);
		wire_out_free(&sealed);
		wire_out_free(&whole);
		wire_out_free(&pieces);
		wire_out_free(&other);
	}
	free(plain);
}

static void test_header(void **state)
{
	struct wire_out sealed = {0};
	struct age_stream s;
	long header;

	(void)state;
	seal(&sealed, (const uint8_t *)"x", 1);
	header = age_stream_header(sealed.p, sealed.n);
	assert_true(header > 0);
	for (size_t n = 0; n < (size_t)header; n++)
		assert_int_equal(age_stream_header(sealed.p, n), 0);
	assert_int_equal(age_stream_header("age-encryption.org/v2\n", 22), ERR_MALFORMED);
	assert_int_equal(age_stream_header("tar", 3), ERR_MALFORMED);
	assert_int_equal(age_stream_open(&s, secret[0], sealed.p, (size_t)header - 1),
			 ERR_MALFORMED);
	assert_int_equal(age_stream_open(&s, secret[0], sealed.p, (size_t)header + 1),
			 ERR_MALFORMED);
	sealed.p[header - 18] ^= 1; /* of the MAC */
	assert_int_not_equal(age_stream_open(&s, secret[0], sealed.p, (size_t)header), 0);
	wire_out_free(&sealed);
}

/* A header that never ends is not read for ever. */
static void test_endless(void **state)
{
	struct wire_out out = {0};

	(void)state;
	wire_out_text(&out, "age-encryption.org/v1\n");
	while (out.n < AGE_STREAM_HEADER_MAX)
		wire_out_text(&out, "-> x\n\n");
	assert_true(wire_out_ok(&out));
	assert_int_equal(age_stream_header(out.p, out.n), ERR_MALFORMED);
	wire_out_free(&out);
}

static void test_wrong_key(void **state)
{
	struct wire_out sealed = {0};
	struct age_stream s;
	uint8_t other[32];
	long header;

	(void)state;
	fixture_fill(other, 32, 99);
	seal(&sealed, (const uint8_t *)"x", 1);
	header = age_stream_header(sealed.p, sealed.n);
	assert_int_equal(age_stream_open(&s, other, sealed.p, (size_t)header), ERR_KEY);
	wire_out_free(&sealed);
}

/* Cut at a chunk's end, extended, chunks exchanged, a bit flipped: all are seen. */
static void test_altered(void **state)
{
	uint8_t *plain = malloc(3 * CHUNK), *copy;
	struct wire_out sealed = {0}, out = {0};
	size_t header;

	(void)state;
	fixture_fill(plain, 3 * CHUNK, 2);
	seal(&sealed, plain, 3 * CHUNK);
	header = (size_t)age_stream_header(sealed.p, sealed.n);
	for (unsigned chunks = 0; chunks < 3; chunks++)
		assert_int_equal(open_pieces(&out, sealed.p, header + chunks * STORED),
				 ERR_DAMAGED);
	wire_out_u8(&sealed, 0);
	assert_int_equal(open_pieces(&out, sealed.p, sealed.n), ERR_DAMAGED);
	sealed.n--;
	copy = malloc(sealed.n);
	memcpy(copy, sealed.p, sealed.n);
	memcpy(copy + header, sealed.p + header + STORED, STORED);
	memcpy(copy + header + STORED, sealed.p + header, STORED);
	assert_int_equal(open_pieces(&out, copy, sealed.n), ERR_DAMAGED);
	memcpy(copy, sealed.p, sealed.n);
	copy[header + STORED + 17] ^= 1;
	wire_out_reset(&out);
	assert_int_equal(open_pieces(&out, copy, sealed.n), ERR_DAMAGED);
	assert_int_equal(out.n, CHUNK); /* what was before it is good */
	free(copy);
	free(plain);
	wire_out_free(&sealed);
	wire_out_free(&out);
}

/* A chunk that is no chunk is refused by who seals. */
static void test_misuse(void **state)
{
	uint8_t *chunk = calloc(1, STORED);
	struct wire_out out = {0};
	struct age_stream s;

	(void)state;
	assert_int_equal(age_stream_begin(&s, &out, (const uint8_t(*)[32])pub, 0), ERR_USAGE);
	assert_int_equal(age_stream_begin(&s, &out, (const uint8_t(*)[32])pub, 33), ERR_USAGE);
	assert_int_equal(out.n, 0);
	assert_int_equal(age_stream_begin(&s, &out, (const uint8_t(*)[32])pub, 1), 0);
	assert_int_equal(age_stream_seal(&s, false, chunk, chunk, CHUNK - 1), ERR_USAGE);
	assert_int_equal(age_stream_seal(&s, false, chunk, chunk, CHUNK), 0);
	assert_int_equal(age_stream_seal(&s, true, chunk, chunk, 0), ERR_USAGE);
	assert_int_equal(age_stream_seal(&s, true, chunk, chunk, 1), 0);
	age_stream_end(&s);
	wire_out_free(&out);
	free(chunk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),	cmocka_unit_test(test_header),
		cmocka_unit_test(test_endless), cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_altered), cmocka_unit_test(test_misuse),
	};
	return cmocka_run_group_tests(tests, keys, NULL);
}
