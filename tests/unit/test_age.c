/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The age format against the public test vectors, against the `age` program, and against every way
 * of altering a file.
 */
#include "crypto/age.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "crypto/hash.h"
#include "tests/lib/fixture.h"

static struct text_span span(const char *z)
{
	return (struct text_span){z, strlen(z)};
}

/* Opens from memory of exactly the size, so that reading past the end is seen. What was in out
 * before must stay, and on error be all there is. */
static int open_exact(struct wire_out *out, const uint8_t secret[32], const void *in, size_t n)
{
	const size_t before = out->n;
	uint8_t *copy = malloc(n + 1);
	int rc;

	assert_non_null(copy);
	if (n)
		memcpy(copy + 1, in, n);
	rc = age_open(out, secret, copy + 1, n);
	if (rc != 0)
		assert_int_equal(out->n, before);
	free(copy);
	return rc;
}

static int try_open(const uint8_t secret[32], const void *in, size_t n)
{
	struct wire_out out = {0};
	int rc;

	wire_out_text(&out, "before");
	rc = open_exact(&out, secret, in, n);
	assert_memory_equal(out.p, "before", 6);
	wire_out_free(&out);
	return rc;
}

static void make_keys(uint8_t secret[32], uint8_t pub[32], uint32_t seed)
{
	fixture_fill(secret, 32, seed);
	age_public(pub, secret);
}

/* ---- the public vectors ---------------------------------------------------------------------- */

struct vector {
	char *expect, *identity, *payload;
	bool armored, compressed;
	const uint8_t *body;
	size_t body_len;
	char *file; /* owned; the fields above point into it */
};

static void read_vector(struct vector *v, const char *path)
{
	size_t n;
	char *line, *next;

	*v = (struct vector){0};
	v->file = fixture_read(path, &n);
	for (line = v->file; *line != '\n'; line = next) {
		char *value = strstr(line, ": "), *end = strchr(line, '\n');

		assert_true(value && end && value < end);
		*value = *end = '\0';
		value += 2;
		next = end + 1;
		if (strcmp(line, "expect") == 0)
			v->expect = value;
		else if (strcmp(line, "identity") == 0)
			v->identity = value;
		else if (strcmp(line, "payload") == 0)
			v->payload = value;
		else if (strcmp(line, "armored") == 0)
			v->armored = true;
		else if (strcmp(line, "compressed") == 0)
			v->compressed = strcmp(value, "zlib") == 0;
	}
	v->body = (const uint8_t *)line + 1;
	v->body_len = n - (size_t)(line + 1 - v->file);
	assert_non_null(v->expect);
}

/* zlib data by gzip(1), which is everywhere: the same deflate stream in another wrapping. gzip
 * finds no check sum of its own and complains, so the one of zlib (Adler-32) is checked here. */
static char *inflate(const uint8_t *in, size_t n, size_t *out_len)
{
	static const uint8_t head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
	char dir[FIXTURE_PATH], path[FIXTURE_PATH + 8], *out;
	struct wire_out gz = {0};
	uint32_t a = 1, b = 0;

	assert_true(n > 6 && in[0] == 0x78);
	wire_out_bytes(&gz, head, sizeof(head));
	wire_out_bytes(&gz, in + 2, n - 2);
	assert_true(wire_out_ok(&gz));
	fixture_dir(dir);
	snprintf(path, sizeof(path), "%s/in.gz", dir);
	fixture_write(path, gz.p, gz.n);
	wire_out_free(&gz);
	fixture_run(dir, "gzip -dc in.gz >out");
	snprintf(path, sizeof(path), "%s/out", dir);
	out = fixture_read(path, out_len);
	fixture_remove(dir);
	for (size_t i = 0; i < *out_len; i++) {
		a = (a + (uint8_t)out[i]) % 65521;
		b = (b + a) % 65521;
	}
	assert_int_equal(wire_get32(in + n - 4), b << 16 | a);
	return out;
}

/* What our functions make of the file, in the vectors' words. */
static const char *outcome(const struct vector *v, const uint8_t *in, size_t n)
{
	struct wire_out binary = {0}, plain = {0};
	uint8_t secret[32] = {1}, digest[HASH_SIZE];
	const char *result;
	char hex[2 * HASH_SIZE + 1];
	int rc;

	if (v->identity)
		assert_int_equal(age_identity_parse(secret, span(v->identity)), 0);
	if (v->armored) {
		if (age_unarmor(&binary, in, n) != 0) {
			wire_out_free(&binary);
			return "armor failure";
		}
		in = binary.p;
		n = binary.n;
	}
	rc = open_exact(&plain, secret, in, n);
	switch (rc) {
	case 0:
		result = "success";
		hash_sha256(digest, plain.p, plain.n);
		text_hex(hex, digest, sizeof(digest));
		assert_string_equal(hex, v->payload);
		break;
	case ERR_MALFORMED:
		result = "header failure";
		break;
	case ERR_KEY:
		result = "no match";
		break;
	case ERR_FORGED:
		result = "HMAC failure";
		break;
	case ERR_DAMAGED:
		result = "payload failure";
		break;
	default:
		result = err_text(rc);
	}
	wire_out_free(&binary);
	wire_out_free(&plain);
	return result;
}

static void check_vector(const char *path, void *ctx)
{
	struct vector v;
	const char *got;
	char *inflated = NULL;
	size_t n;

	(void)ctx;
	read_vector(&v, path);
	n = v.body_len;
	if (v.compressed)
		inflated = inflate(v.body, v.body_len, &n);
	got = outcome(&v, inflated ? (uint8_t *)inflated : v.body, n);
	/* A file sealed to a passphrase is for nobody here. */
	if (strcmp(got, strstr(path, "scrypt") ? "no match" : v.expect) != 0)
		fail_msg("%s: %s, and %s is expected", path, got, v.expect);
	free(inflated);
	free(v.file);
}

static void test_vectors(void **state)
{
	char dir[FIXTURE_PATH];

	(void)state;
	if (!fixture_vectors(dir, "age"))
		skip();
	assert_true(fixture_each(dir, "", check_vector, NULL) >= 50);
}

/* ---- our own files --------------------------------------------------------------------------- */

static const size_t sizes[] = {0, 1, 15, 16, 17, 65535, 65536, 65537, 131072, 200000};

static void test_round_trip(void **state)
{
	static uint8_t in[200000];
	uint8_t secret[3][32], pub[3][32], stranger[32];

	(void)state;
	fixture_fill(in, sizeof(in), 3);
	fixture_fill(stranger, sizeof(stranger), 99);
	for (uint32_t i = 0; i < 3; i++)
		make_keys(secret[i], pub[i], i);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t count = 1; count <= 3; count++) {
			struct wire_out file = {0};

			assert_int_equal(age_seal(&file, pub, count, in, sizes[i]), 0);
			for (size_t k = 0; k < 3; k++) {
				struct wire_out plain = {0};
				int rc = open_exact(&plain, secret[k], file.p, file.n);

				assert_int_equal(rc, k < count ? 0 : ERR_KEY);
				if (rc == 0) {
					assert_int_equal(plain.n, sizes[i]);
					assert_memory_equal(plain.p, in, sizes[i]);
				}
				wire_out_free(&plain);
			}
			assert_int_equal(try_open(stranger, file.p, file.n), ERR_KEY);
			wire_out_free(&file);
		}
}

/* Sealing twice gives two files: nothing is used again. */
static void test_fresh(void **state)
{
	struct wire_out a = {0}, b = {0};
	uint8_t secret[32], pub[1][32];

	(void)state;
	make_keys(secret, pub[0], 1);
	assert_int_equal(age_seal(&a, pub, 1, "same", 4), 0);
	assert_int_equal(age_seal(&b, pub, 1, "same", 4), 0);
	assert_int_equal(a.n, b.n);
	/* share, body, MAC and payload differ from their first 16 bytes on */
	for (size_t at = 33; at + 16 < a.n; at += 22)
		assert_memory_not_equal(a.p + at, b.p + at, 16);
	wire_out_free(&a);
	wire_out_free(&b);
}

static void test_altered(void **state)
{
	uint8_t in[100], secret[32], other[32], pub[2][32];
	struct wire_out file = {0};

	(void)state;
	fixture_fill(in, sizeof(in), 3);
	make_keys(other, pub[0], 1);
	make_keys(secret, pub[1], 2);
	assert_int_equal(age_seal(&file, pub, 2, in, sizeof(in)), 0);
	for (size_t i = 0; i < file.n; i++)
		for (int bit = 0; bit < 8; bit++) {
			file.p[i] ^= (uint8_t)(1 << bit);
			assert_int_not_equal(try_open(secret, file.p, file.n), 0);
			file.p[i] ^= (uint8_t)(1 << bit);
		}
	for (size_t n = 0; n < file.n; n++)
		assert_int_not_equal(try_open(secret, file.p, n), 0);
	for (int byte = 0; byte < 256; byte++) {
		wire_out_u8(&file, (uint8_t)byte);
		assert_int_equal(try_open(secret, file.p, file.n), ERR_DAMAGED);
		file.n--;
	}
	assert_int_equal(try_open(secret, file.p, file.n), 0);
	wire_out_free(&file);
}

/* Chunks cut off, swapped, doubled, and damage in the last chunk alone. */
static void test_chunks(void **state)
{
	enum { CHUNK = 65536 + 16 };
	static uint8_t in[3 * 65536], copy[4 * CHUNK];
	uint8_t secret[32], pub[1][32], *payload;
	struct wire_out file = {0};
	size_t head;

	(void)state;
	fixture_fill(in, sizeof(in), 3);
	make_keys(secret, pub[0], 2);
	assert_int_equal(age_seal(&file, pub, 1, in, sizeof(in)), 0);
	head = file.n - 3 * CHUNK;
	payload = file.p + head;
	assert_int_equal(try_open(secret, file.p, head + 2 * CHUNK), ERR_DAMAGED);
	assert_int_equal(try_open(secret, file.p, head + CHUNK), ERR_DAMAGED);
	assert_int_equal(try_open(secret, file.p, head), ERR_DAMAGED);
	assert_int_equal(try_open(secret, file.p, head - 1), ERR_MALFORMED);
	assert_int_equal(try_open(secret, file.p, head + 2 * CHUNK + 16), ERR_DAMAGED);

	memcpy(copy, payload, 3 * CHUNK);
	memcpy(payload, copy + CHUNK, CHUNK);
	memcpy(payload + CHUNK, copy, CHUNK);
	assert_int_equal(try_open(secret, file.p, file.n), ERR_DAMAGED);
	memcpy(payload, copy, 3 * CHUNK);
	assert_int_equal(try_open(secret, file.p, file.n), 0);
	file.p[file.n - 1] ^= 1;
	assert_int_equal(try_open(secret, file.p, file.n), ERR_DAMAGED);
	file.p[file.n - 1] ^= 1;
	wire_out_bytes(&file, copy + 2 * CHUNK, CHUNK);
	assert_int_equal(try_open(secret, file.p, file.n), ERR_DAMAGED);
	wire_out_free(&file);
}

static void test_seal_refused(void **state)
{
	/* Points of low order: 0, 1, and one of order 8. */
	static const uint8_t low[3][32] = {
		{0},
		{1},
		{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
		 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
		 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
	};
	uint8_t secret[32], pub[33][32];
	struct wire_out out = {0};

	(void)state;
	for (uint32_t i = 0; i < 33; i++)
		make_keys(secret, pub[i], i);
	wire_out_text(&out, "before");
	assert_int_equal(age_seal(&out, pub, 0, "x", 1), ERR_USAGE);
	assert_int_equal(age_seal(&out, pub, 33, "x", 1), ERR_USAGE);
	for (size_t i = 0; i < 3; i++) {
		memcpy(pub[1], low[i], 32);
		assert_int_equal(age_seal(&out, pub, 2, "x", 1), ERR_KEY);
		assert_int_equal(out.n, 6);
	}
	make_keys(secret, pub[1], 1);
	assert_int_equal(age_seal(&out, pub, 32, "x", 1), 0);
	assert_int_equal(try_open(secret, out.p + 6, out.n - 6), 0);
	assert_memory_equal(out.p, "before", 6);
	wire_out_free(&out);
}

/* ---- headers --------------------------------------------------------------------------------- */

#define V1 "age-encryption.org/v1\n"
#define SHARE "TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc" /* of a public vector; any will do */
#define BODY "EmECAEcKN+n/Vs9SbWiV+Hu0r+E8R77DdWYyd83nw7U"
#define MAC "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
#define X25519 "-> X25519 " SHARE "\n" BODY "\n"
#define A64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* Headers nobody here can open: ERR_KEY says that all of it was well-formed. */
static void test_headers(void **state)
{
	static const struct {
		const char *header;
		int rc;
	} headers[] = {
		{V1 X25519 MAC, ERR_KEY},
		{V1 X25519 X25519 MAC, ERR_KEY},
		{V1 "-> grease\n\n" MAC, ERR_KEY},
		{V1 "-> ! ~ \"#$ _-\n\n" MAC, ERR_KEY},
		{V1 "-> g a b c d e f\nAA\n" X25519 "-> h\n" A64 "\n\n" MAC, ERR_KEY},
		{V1 "-> x25519 " SHARE "\n" BODY "\n" MAC, ERR_KEY}, /* another type */
		{V1 "-> g\n" A64 "\n" A64 "\nAAAA\n" MAC, ERR_KEY},
		{V1 "-> scrypt bBjlhJVYZeE4aqUdmtRHfw 15\n" BODY "\n" MAC, ERR_KEY},
		/* a passphrase stands alone */
		{V1 "-> scrypt bBjlhJVYZeE4aqUdmtRHfw 15\n" BODY "\n" X25519 MAC, ERR_MALFORMED},
		{V1 X25519 "-> scrypt bBjlhJVYZeE4aqUdmtRHfw 15\n" BODY "\n" MAC, ERR_MALFORMED},
		{V1 MAC, ERR_MALFORMED}, /* no stanza */
		{V1, ERR_MALFORMED},
		{"", ERR_MALFORMED},
		{"age-encryption.org/v1", ERR_MALFORMED},
		{"age-encryption.org/v2\n" X25519 MAC, ERR_MALFORMED},
		{"age-encryption.org/v1 \n" X25519 MAC, ERR_MALFORMED},
		{"age-encryption.org/v1\r\n" X25519 MAC, ERR_MALFORMED},
		{"\n" V1 X25519 MAC, ERR_MALFORMED},
		{V1 "\n" X25519 MAC, ERR_MALFORMED},
		{V1 X25519 "\n" MAC, ERR_MALFORMED},
		{V1 X25519, ERR_MALFORMED},
		/* arguments */
		{V1 "-> \n\n" MAC, ERR_MALFORMED},
		{V1 "->\n\n" MAC, ERR_MALFORMED},
		{V1 "->g\n\n" MAC, ERR_MALFORMED},
		{V1 "->  g\n\n" MAC, ERR_MALFORMED},
		{V1 "-> g \n\n" MAC, ERR_MALFORMED},
		{V1 "-> g  h\n\n" MAC, ERR_MALFORMED},
		{V1 "-> g\th\n\n" MAC, ERR_MALFORMED},
		{V1 "-> g\x7f\n\n" MAC, ERR_MALFORMED},
		{V1 "-> \xc3\xa9\n\n" MAC, ERR_MALFORMED},
		{V1 "-> g\r\n\n" MAC, ERR_MALFORMED},
		/* bodies */
		{V1 "-> g\n" MAC, ERR_MALFORMED},
		{V1 "-> g\n" A64 "\n" MAC, ERR_MALFORMED},
		{V1 "-> g\n" A64 "A\n" MAC, ERR_MALFORMED},
		{V1 "-> g\nAA==\n" MAC, ERR_MALFORMED},
		{V1 "-> g\nAB\n" MAC, ERR_MALFORMED},
		{V1 "-> g\nA\n" MAC, ERR_MALFORMED},
		{V1 "-> g\nAA AA\n" MAC, ERR_MALFORMED},
		{V1 "-> g\nAAAA\nAAAA\n" MAC, ERR_MALFORMED},
		{V1 "-> g\nAA\r\n" MAC, ERR_MALFORMED},
		/* X25519, ours or not */
		{V1 "-> X25519\n" BODY "\n" MAC, ERR_MALFORMED},
		{V1 "-> X25519 " SHARE " x\n" BODY "\n" MAC, ERR_MALFORMED},
		{V1 "-> X25519 " SHARE "A\n" BODY "\n" MAC, ERR_MALFORMED},
		{V1 "-> X25519 " SHARE "=\n" BODY "\n" MAC, ERR_MALFORMED},
		{V1 "-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCd\n" BODY "\n" MAC,
		 ERR_MALFORMED}, /* not canonical */
		{V1 "-> X25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" BODY "\n" MAC,
		 ERR_MALFORMED}, /* low order */
		{V1 "-> X25519 " SHARE "\n\n" MAC, ERR_MALFORMED},
		{V1 "-> X25519 " SHARE "\nAAAA\n" MAC, ERR_MALFORMED},
		{V1 "-> X25519 " SHARE "\n" BODY "A\n" MAC, ERR_MALFORMED},
		{V1 "-> X25519 " SHARE "\n" A64 "\n\n" MAC, ERR_MALFORMED},
		/* the MAC */
		{V1 X25519 "---\n", ERR_MALFORMED},
		{V1 X25519 "--- \n", ERR_MALFORMED},
		{V1 X25519 "--- AAAA\n", ERR_MALFORMED},
		{V1 X25519 "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ERR_MALFORMED},
		{V1 X25519 "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", ERR_MALFORMED},
		{V1 X25519 "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\n", ERR_MALFORMED},
		{V1 X25519 "---  AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", ERR_MALFORMED},
		{V1 X25519 "-- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", ERR_MALFORMED},
	};
	uint8_t secret[32];

	(void)state;
	fixture_fill(secret, sizeof(secret), 5);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		char file[4096]; /* with a nonce, without which no header is looked at */
		int n = snprintf(file, sizeof(file), "%s0123456789abcdef", headers[i].header);
		int rc = try_open(secret, file, (size_t)n);

		if (rc != headers[i].rc)
			fail_msg("%s, not %s: %s", err_text(rc), err_text(headers[i].rc),
				 headers[i].header);
	}
}

/* So many stanzas that trying them would be an attack. */
static void test_stanza_flood(void **state)
{
	struct wire_out file = {0};
	uint8_t secret[32];

	(void)state;
	fixture_fill(secret, sizeof(secret), 5);
	wire_out_text(&file, V1);
	for (unsigned i = 0; i < 100000; i++)
		wire_out_text(&file, "-> g\n\n");
	wire_out_text(&file, MAC);
	assert_true(wire_out_ok(&file));
	assert_int_equal(try_open(secret, file.p, file.n), ERR_MALFORMED);
	wire_out_free(&file);
}

/* ---- armor ----------------------------------------------------------------------------------- */

static int unarmor(const char *text, size_t *n)
{
	struct wire_out out = {0};
	int rc = age_unarmor(&out, text, strlen(text));

	*n = out.n;
	wire_out_free(&out);
	return rc;
}

static void test_armor_space(void **state)
{
#define ARMOR "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----"
#define CRLF_ARMOR "-----BEGIN AGE ENCRYPTED FILE-----\r\nAAAA\r\n-----END AGE ENCRYPTED FILE-----"
	static const char *const good[] = {
		ARMOR,
		ARMOR "\n",
		ARMOR "\r\n",
		"\n\n" ARMOR "\n\n",
		" \t\r\n" ARMOR "\n \t \n",
		"\r\n" CRLF_ARMOR "\r\n\r\n",
	};
	static const char *const bad[] = {
		"",	     "\n",	 " " ARMOR "\n", "\n " ARMOR "\n",	"x\n" ARMOR "\n",
		ARMOR " \n", ARMOR "\t", ARMOR "\n\nx",	 ARMOR "\n" ARMOR "\n",
	};
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (unarmor(good[i], &n) != 0)
			fail_msg("refused: %s", good[i]);
		assert_int_equal(n, 3);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (unarmor(bad[i], &n) != ERR_MALFORMED)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(n, 0);
	}
}

/* ---- the age program ------------------------------------------------------------------------- */

struct tool {
	char dir[FIXTURE_PATH];
	uint8_t secret[32], pub[1][32];
};

static void path_in(char path[FIXTURE_PATH + 32], const char *dir, const char *name)
{
	snprintf(path, FIXTURE_PATH + 32, "%s/%s", dir, name);
}

/* Opens dir/name, which may be armored, and compares. */
static void expect_file(const struct tool *t, const char *name, bool armored, const void *want,
			size_t n)
{
	struct wire_out binary = {0}, plain = {0};
	char path[FIXTURE_PATH + 32], *file;
	size_t len;

	path_in(path, t->dir, name);
	file = fixture_read(path, &len);
	if (armored)
		assert_int_equal(age_unarmor(&binary, file, len), 0);
	else
		wire_out_bytes(&binary, file, len);
	assert_int_equal(age_open(&plain, t->secret, binary.p, binary.n), 0);
	assert_int_equal(plain.n, n);
	assert_memory_equal(plain.p, want, n);
	wire_out_free(&binary);
	wire_out_free(&plain);
	free(file);
}

static void interop(struct tool *t, const uint8_t *in, size_t n)
{
	struct wire_out file = {0}, armor = {0};
	char path[FIXTURE_PATH + 32];

	path_in(path, t->dir, "plain");
	fixture_write(path, in, n);
	/* theirs to ours; the second has two recipients, ours the last */
	assert_int_equal(fixture_run(t->dir, "age -R us.pub -o theirs plain && "
					     "age -a -R other.pub -R us.pub -o theirs.txt plain"),
			 0);
	expect_file(t, "theirs", false, in, n);
	expect_file(t, "theirs.txt", true, in, n);

	assert_int_equal(age_seal(&file, t->pub, 1, in, n), 0);
	age_armor(&armor, file.p, file.n);
	assert_true(wire_out_ok(&armor));
	path_in(path, t->dir, "ours");
	fixture_write(path, file.p, file.n);
	path_in(path, t->dir, "ours.txt");
	fixture_write(path, armor.p, armor.n);
	assert_int_equal(fixture_run(t->dir, "age -d -i us ours | cmp - plain && "
					     "age -d -i us ours.txt | cmp - plain && "
					     "! age -d -i other ours"),
			 0);
	wire_out_free(&file);
	wire_out_free(&armor);
}

static void test_age_program(void **state)
{
	static const size_t tool_sizes[] = {0, 1, 65535, 65536, 65537, 200000};
	static uint8_t in[200000];
	char path[FIXTURE_PATH + 32], text[AGE_IDENTITY_TEXT], *key;
	struct tool t;

	(void)state;
	if (!fixture_program("age") || !fixture_program("age-keygen"))
		skip();
	fixture_dir(t.dir);
	/* a key of ours that age-keygen understands, and one of its own that we understand */
	fixture_fill(t.secret, sizeof(t.secret), 77);
	age_identity_text(text, t.secret);
	path_in(path, t.dir, "us");
	fixture_write(path, text, strlen(text));
	assert_int_equal(fixture_run(t.dir, "age-keygen -y us >us.pub && age-keygen -o other && "
					    "age-keygen -y other >other.pub"),
			 0);
	path_in(path, t.dir, "us.pub");
	key = fixture_read(path, NULL);
	key[strcspn(key, "\n")] = '\0';
	assert_int_equal(age_recipient_parse(t.pub[0], span(key)), 0);
	free(key);
	age_public(t.pub[0], t.secret);
	fixture_fill(in, sizeof(in), 8);
	for (size_t i = 0; i < sizeof(tool_sizes) / sizeof(tool_sizes[0]); i++)
		interop(&t, in, tool_sizes[i]);
	fixture_remove(t.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),	    cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_fresh),	    cmocka_unit_test(test_altered),
		cmocka_unit_test(test_chunks),	    cmocka_unit_test(test_seal_refused),
		cmocka_unit_test(test_headers),	    cmocka_unit_test(test_stanza_flood),
		cmocka_unit_test(test_armor_space), cmocka_unit_test(test_age_program),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
