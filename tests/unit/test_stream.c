/* SPDX-License-Identifier: Apache-2.0 */
/* stream: known contents, ranges against memcmp, and every tampering a thief or a disk may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crypto/err.h"
#include "crypto/hash.h"
#include "crypto/stream.h"
#include "tests/lib/chunks.h"
#include "crypto/text.h"

enum { S = 4096, TAG = 16, SMAX = 8 * (S + TAG) };

/* One content, sealed, under one suite. */
struct content {
	struct stream_key key;
	struct chunk_map m;
	uint8_t plain[8 * S], stored[SMAX], out[8 * S];
};

static void sequence(uint8_t *p, size_t n, uint8_t from)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(from + i);
}

/* Calls with a run of their own. */
static void seal_one(const struct stream_key *k, uint64_t chunk, bool last, uint8_t *out,
		     const void *in, size_t n)
{
	struct stream_run r = {0};

	assert_int_equal(stream_begin(&r, k), 0);
	assert_int_equal(stream_seal(&r, chunk, last, out, in, n), 0);
	stream_run_free(&r);
}

static int open_one(const struct stream_key *k, uint64_t chunk, bool last, uint8_t *out,
		    const uint8_t *in, size_t n)
{
	struct stream_run r = {0};
	int rc;

	assert_int_equal(stream_begin(&r, k), 0);
	rc = stream_open(&r, chunk, last, out, in, n);
	stream_run_free(&r);
	return rc;
}

static int open_range(const struct stream_key *k, struct chunk_map m, struct chunk_range g,
		      uint8_t *plain, const uint8_t *stored, uint64_t *bad)
{
	struct stream_run r = {0};
	int rc;

	assert_int_equal(stream_begin(&r, k), 0);
	rc = chunks_open(&r, m, g.first, g.count, plain, stored, bad);
	stream_run_free(&r);
	return rc;
}

static int make_key(struct stream_key *k, int suite)
{
	uint8_t file_key[32], ad[32];

	sequence(file_key, 32, 0x00);
	sequence(ad, 32, 0x20);
	return stream_key_init(k, suite, file_key, ad);
}

static void make_content(struct content *c, int suite, size_t n)
{
	struct stream_run r = {0};

	assert_int_equal(make_key(&c->key, suite), 0);
	c->m = (struct chunk_map){n, S, TAG};
	for (size_t i = 0; i < n; i++)
		c->plain[i] = (uint8_t)(i * 7 + (i >> 8));
	memset(c->stored, 0xee, sizeof(c->stored));
	assert_int_equal(stream_begin(&r, &c->key), 0);
	assert_int_equal(stream_seal_chunks(&r, c->m, 0, chunk_count(c->m), c->stored, c->plain),
			 0);
	stream_run_free(&r);
}

/* Open all of it as the map says; the number of the bad chunk in *bad. */
static int open_all(struct content *c, uint64_t *bad)
{
	struct chunk_range all = {.count = chunk_count(c->m)};

	memset(c->out, 0xdd, sizeof(c->out));
	*bad = UINT64_MAX;
	return open_range(&c->key, c->m, all, c->out, c->stored, bad);
}

/* Whole content is refused, and at this chunk; what was before it is right, what is after is not
 * touched. */
static void assert_bad_at(struct content *c, uint64_t at)
{
	size_t before = at * S, len = chunk_plain_len(c->m, at);
	uint64_t bad;

	assert_int_equal(open_all(c, &bad), ERR_DAMAGED);
	assert_true(bad == at);
	assert_memory_equal(c->out, c->plain, before);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(c->out[before + i], 0);
	if (before + len < sizeof(c->out))
		assert_int_equal(c->out[before + len], 0xdd);
}

static uint8_t *chunk_at(struct content *c, uint64_t i)
{
	return c->stored + chunk_offset(c->m, i);
}

/* Run a test under each suite this machine has. */
static void each_suite(void (*fn)(struct content *c, int suite))
{
	struct content *c = aligned_alloc(16, (sizeof(*c) + 15) / 16 * 16);

	assert_non_null(c);
	for (int suite = SUITE_AES256GCM; suite <= SUITE_XCHACHA20POLY1305; suite++) {
		if (suite_available(suite))
			fn(c, suite);
		else
			print_message("SKIP: %s (not on this CPU)\n", suite_name(suite));
	}
	free(c);
}

/* Computed from the format's description with Node.js crypto: HKDF, AES-256-GCM, ChaCha20-Poly1305,
 * and HChaCha20 written apart. */
static void known(struct content *c, int suite)
{
	static const char *const empty[] = {"", "701b59e54ee889c33cb22cedb384d0da",
					    "92513838dd13f70339b00f34f2cb9f26"};
	static const char *const long_one[] = {
		"", "276e472dbedad2799db84f51fea3887897994f1403cd5d23999a89ae49c3004f",
		"af781819a4311414c253e02771466d55eb747fd0cba39784a36b0168096aeae1"};
	uint8_t digest[32];
	char hex[65];

	make_content(c, suite, 0);
	text_hex(hex, c->stored, TAG);
	assert_string_equal(hex, empty[suite]);
	assert_int_equal(c->stored[TAG], 0xee);
	make_content(c, suite, 3 * S + 5);
	hash_sha256(digest, c->stored, chunk_stored(c->m));
	text_hex(hex, digest, 32);
	assert_string_equal(hex, long_one[suite]);
}

static void test_known(void **state)
{
	uint8_t file_key[32], commitment[32];
	char hex[65];

	(void)state;
	each_suite(known);
	sequence(file_key, 32, 0);
	stream_commitment(commitment, file_key);
	text_hex(hex, commitment, 32);
	assert_string_equal(hex,
			    "cb8053b6d492f78df55b0d5d73d3975f6bc8549f3c3255f11b53a9add4d0f0d6");
}

static const size_t sizes[] = {0, 1, S - 1, S, S + 1, 2 * S, 3 * S - 1, 3 * S, 3 * S + 1};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void round_trips(struct content *c, int suite)
{
	uint64_t bad;

	for (size_t i = 0; i < SIZES; i++) {
		make_content(c, suite, sizes[i]);
		assert_int_equal(c->stored[chunk_stored(c->m)], 0xee);
		assert_int_equal(open_all(c, &bad), 0);
		assert_true(bad == UINT64_MAX);
		assert_memory_equal(c->out, c->plain, sizes[i]);
		assert_int_equal(c->out[sizes[i]], 0xdd);
	}
}

static void test_round_trips(void **state)
{
	(void)state;
	each_suite(round_trips);
}

static void one_chunk_in_place(struct content *c, int suite)
{
	uint8_t b[S + TAG];

	make_content(c, suite, 2 * S);
	memcpy(b, c->plain + S, S);
	seal_one(&c->key, 1, true, b, b, S);
	assert_memory_equal(b, chunk_at(c, 1), S + TAG);
	assert_int_equal(open_one(&c->key, 1, true, b, b, S + TAG), 0);
	assert_memory_equal(b, c->plain + S, S);
}

static void test_in_place(void **state)
{
	(void)state;
	each_suite(one_chunk_in_place);
}

static void ranges(struct content *c, int suite)
{
	const size_t n = 5 * S + 123;
	unsigned r = 7;
	uint64_t bad;

	make_content(c, suite, n);
	for (int i = 0; i < 400; i++) {
		struct chunk_range g;
		uint64_t off, len;

		r = r * 1103515245u + 12345u;
		off = (r >> 8) % (n + 100);
		r = r * 1103515245u + 12345u;
		len = (r >> 8) % (i % 2 ? n + 100 : 50);
		g = chunk_range(c->m, off, len);
		memset(c->out, 0xdd, sizeof(c->out));
		assert_int_equal(
			open_range(&c->key, c->m, g, c->out, c->stored + g.stored_off, &bad), 0);
		assert_true(g.len == (off >= n ? 0 : len < n - off ? len : n - off));
		if (g.len)
			assert_memory_equal(c->out + g.skip, c->plain + off, g.len);
	}
}

static void test_ranges(void **state)
{
	(void)state;
	each_suite(ranges);
}

/* Every byte of contents that fit in one chunk, every bit of the empty one. */
static void flips(struct content *c, int suite)
{
	static const size_t small[] = {0, 1, 40, 300};

	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
		make_content(c, suite, small[i]);
		for (size_t bit = 0; bit < chunk_stored(c->m) * 8; bit += small[i] ? 7 : 1) {
			c->stored[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_bad_at(c, 0);
			c->stored[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	make_content(c, suite, 3 * S + 9);
	for (uint64_t i = 0; i < 4; i++) { /* first byte and last of each chunk, and of its tag */
		const size_t len = chunk_plain_len(c->m, i);
		const size_t at[] = {0, len - 1, len, len + TAG - 1};

		for (size_t j = 0; j < 4; j++) {
			chunk_at(c, i)[at[j]] ^= 0x10;
			assert_bad_at(c, i);
			chunk_at(c, i)[at[j]] ^= 0x10;
		}
	}
}

static void test_flips(void **state)
{
	(void)state;
	each_suite(flips);
}

/* Cut where a chunk ends, with lengths that agree: what other file systems let pass. */
static void truncated(struct content *c, int suite)
{
	for (size_t i = 0; i < SIZES; i++) {
		uint64_t count;

		make_content(c, suite, sizes[i]);
		count = chunk_count(c->m);
		for (uint64_t keep = 1; keep < count; keep++) {
			c->m.plain = keep * S;
			assert_bad_at(c, keep - 1);
		}
		if (sizes[i]) { /* nothing but a tag, taken for empty content */
			c->m.plain = 0;
			assert_bad_at(c, 0);
		}
	}
	make_content(c, suite, 2 * S + 100);
	for (size_t cut = 1; cut <= 100; cut++) { /* within the last chunk */
		c->m.plain = 2 * S + 100 - cut;
		assert_bad_at(c, cut == 100 ? 1 : 2);
	}
}

static void test_truncated(void **state)
{
	(void)state;
	each_suite(truncated);
}

static void extended(struct content *c, int suite)
{
	for (size_t i = 0; i < SIZES; i++) {
		const size_t n = sizes[i], stored = chunk_stored((struct chunk_map){n, S, TAG});
		const uint64_t count = chunk_count((struct chunk_map){n, S, TAG});

		/* By zeros, by one byte or by a chunk. */
		make_content(c, suite, n);
		memset(c->stored + stored, 0, SMAX - stored);
		c->m.plain = n + 1;
		assert_bad_at(c, n % S == 0 && n ? count - 1 : n / S);
		c->m.plain = (n / S + 2) * S;
		assert_bad_at(c, count - 1);
		/* By an honest chunk of the same content. */
		make_content(c, suite, n);
		if (n % S == 0 && n) {
			memmove(c->stored + stored, c->stored, S + TAG);
			c->m.plain = n + S;
			assert_bad_at(c, count - 1);
		}
	}
	/* The last chunk again, as one more, and the empty content again. */
	make_content(c, suite, 2 * S);
	memcpy(chunk_at(c, 2), chunk_at(c, 1), S + TAG);
	c->m.plain = 3 * S;
	assert_bad_at(c, 1);
}

static void test_extended(void **state)
{
	(void)state;
	each_suite(extended);
}

/* The last chunk taken out and the one before it put where it was, with and without the length. */
static void rearranged(struct content *c, int suite)
{
	uint8_t hold[S + TAG];

	for (uint64_t i = 0; i < 4; i++)
		for (uint64_t j = 0; j < 4; j++) {
			if (i == j)
				continue;
			make_content(c, suite, 4 * S);
			memcpy(hold, chunk_at(c, i), S + TAG); /* swapped */
			memcpy(chunk_at(c, i), chunk_at(c, j), S + TAG);
			memcpy(chunk_at(c, j), hold, S + TAG);
			assert_bad_at(c, i < j ? i : j);
			make_content(c, suite, 4 * S);
			memcpy(chunk_at(c, i), chunk_at(c, j), S + TAG); /* duplicated */
			assert_bad_at(c, i);
		}
	for (uint64_t i = 0; i < 4; i++) {
		make_content(c, suite, 4 * S);
		memset(chunk_at(c, i), 0, S + TAG); /* a hole in the file */
		assert_bad_at(c, i);
		make_content(c, suite, 4 * S); /* left out */
		memmove(chunk_at(c, i), chunk_at(c, i + 1), (3 - i) * (S + TAG));
		c->m.plain = 3 * S;
		assert_bad_at(c, i < 3 ? i : 2);
		make_content(c, suite, 4 * S); /* put in twice */
		memmove(chunk_at(c, i + 1), chunk_at(c, i), (4 - i) * (S + TAG));
		c->m.plain = 5 * S;
		assert_bad_at(c, i < 3 ? i + 1 : 3);
	}
}

static void test_rearranged(void **state)
{
	(void)state;
	each_suite(rearranged);
}

/* One bad chunk leaves the others readable. */
static void others_stay_readable(struct content *c, int suite)
{
	uint64_t bad;

	make_content(c, suite, 3 * S + 7);
	memset(chunk_at(c, 1), 0, S + TAG);
	for (uint64_t i = 0; i < 4; i++) {
		struct chunk_range g = chunk_range(c->m, i * S, 1);
		int rc = open_range(&c->key, c->m, g, c->out, c->stored + g.stored_off, &bad);

		assert_int_equal(rc, i == 1 ? ERR_DAMAGED : 0);
		if (i == 1)
			assert_true(bad == 1);
		else
			assert_memory_equal(c->out, c->plain + i * S, chunk_plain_len(c->m, i));
	}
}

static void test_others_stay_readable(void **state)
{
	(void)state;
	each_suite(others_stay_readable);
}

static void wrong_keys(struct content *c, int suite)
{
	uint8_t file_key[32], ad[32];
	uint64_t bad;

	make_content(c, suite, S + 1);
	sequence(file_key, 32, 0x00);
	sequence(ad, 32, 0x20);
	for (size_t i = 0; i < 32; i++) {
		ad[i] ^= 0x80;
		assert_int_equal(stream_key_init(&c->key, suite, file_key, ad), 0);
		assert_bad_at(c, 0);
		ad[i] ^= 0x80;
		file_key[i] ^= 1;
		assert_int_equal(stream_key_init(&c->key, suite, file_key, ad), 0);
		assert_bad_at(c, 0);
		file_key[i] ^= 1;
	}
	assert_int_equal(stream_key_init(&c->key, suite, file_key, ad), 0);
	assert_int_equal(open_all(c, &bad), 0);
	/* The other suite, under the same file key. */
	if (stream_key_init(&c->key, 3 - suite, file_key, ad) == 0)
		assert_bad_at(c, 0);
}

static void test_wrong_keys(void **state)
{
	(void)state;
	each_suite(wrong_keys);
}

/* No two chunks share a nonce: number and flag count, also above 32 bits. */
static void positions(struct content *c, int suite)
{
	const uint64_t big = UINT64_C(1) << 32;
	const uint64_t at[] = {0, 1, 255, 256, big, big + 1, big << 6, UINT64_MAX};
	enum { N = sizeof(at) / sizeof(at[0]) };
	uint8_t sealed[TAG + 8], out[8];

	make_content(c, suite, 0);
	for (size_t i = 0; i < 2 * N; i++) {
		seal_one(&c->key, at[i / 2], i % 2, sealed, "evidence", 8);
		for (size_t j = 0; j < 2 * N; j++)
			assert_int_equal(open_one(&c->key, at[j / 2], j % 2, out, sealed,
						  sizeof(sealed)),
					 i == j ? 0 : ERR_DAMAGED);
	}
}

static void test_positions(void **state)
{
	(void)state;
	each_suite(positions);
}

static void short_chunks(struct content *c, int suite)
{
	uint8_t out[1] = {0xdd};

	make_content(c, suite, 0);
	for (size_t n = 0; n < TAG; n++)
		assert_int_equal(open_one(&c->key, 0, true, out, c->stored, n), ERR_DAMAGED);
	assert_int_equal(out[0], 0xdd);
	assert_int_equal(open_one(&c->key, 0, true, out, c->stored, TAG), 0);
	assert_int_equal(open_one(&c->key, 0, false, out, c->stored, TAG), ERR_DAMAGED);
}

static void test_short_chunks(void **state)
{
	(void)state;
	each_suite(short_chunks);
}

static void test_unsupported(void **state)
{
	struct stream_key k;

	(void)state;
	assert_int_equal(make_key(&k, 0), ERR_UNSUPPORTED);
	assert_int_equal(make_key(&k, 4), ERR_UNSUPPORTED);
}

/* The commitment tells keys apart, and is not the key the content is sealed under. */
static void test_commitment(void **state)
{
	uint8_t file_key[32], a[32], b[32];

	(void)state;
	sequence(file_key, 32, 0);
	stream_commitment(a, file_key);
	for (size_t i = 0; i < 32; i++) {
		file_key[i] ^= 1;
		stream_commitment(b, file_key);
		assert_memory_not_equal(a, b, 32);
		file_key[i] ^= 1;
	}
	assert_memory_not_equal(a, file_key, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_extended),
		cmocka_unit_test(test_rearranged),
		cmocka_unit_test(test_others_stay_readable),
		cmocka_unit_test(test_wrong_keys),
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_short_chunks),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_commitment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
