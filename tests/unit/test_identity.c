/* SPDX-License-Identifier: Apache-2.0 */
/* identity: keys from a known seed, and key files: whole, damaged, foreign and newer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crypto/identity.h"
#include "crypto/kdf.h"
#include "crypto/seal.h"
#include "crypto/text.h"

enum { N = IDENTITY_KEYFILE_SIZE, NODE = IDENTITY_KIND_NODE, AUTH = IDENTITY_KIND_AUTHORITY };

/*
 * All values of these three were computed with Node.js crypto from the description in the header:
 * the seed is 01 02 .. 20, the raw file has nonce a0 a1 .. b7; so has the other, which is of an
 * authority, sealed at cost 3 x 256 KiB with salt 02 x 16 under a passphrase of 32 bytes 01.
 */
static const char raw_file[] =
	"435553544b455931010000000000000000000000000000000000000000000000000000000000000000"
	"a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7"
	"642eab8f437d5089ee01debabc18aa87390b22d02dacf2c34bbc3f50f715eda8"
	"f7aa9de79b4c7cc95ed09f5a0394a14b";
static const char pass_file[] =
	"435553544b455931020100000000000300000100020202020202020202020202020202020000000000"
	"a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7"
	"0a66c9f8a31b8d91f89ec2225660db6d32b18d1dab7c029d71a1e51c2710a63d"
	"106a9771c3ad3625dba4679e953c5e04";

static void sequence(uint8_t *p, size_t n, uint8_t from)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(from + i);
}

static void unhex(void *out, size_t n, const char *hex)
{
	assert_true(text_unhex((struct text_span){hex, strlen(hex)}, out, n));
}

static void assert_hex(const uint8_t *got, size_t n, const char *want)
{
	char hex[2 * N + 1];

	text_hex(hex, got, n);
	assert_string_equal(hex, want);
}

static int make_pool(void **state)
{
	struct secret_pool *p;

	if (secret_pool_new(&p, 4096, NULL))
		return -1;
	*state = p;
	return 0;
}

static int free_pool(void **state)
{
	secret_pool_free(*state);
	return 0;
}

static void test_from_seed(void **state)
{
	struct identity *id;
	uint8_t seed[32];

	sequence(seed, 32, 1);
	assert_int_equal(identity_from_seed(&id, *state, seed), 0);
	assert_memory_equal(id->seed, seed, 32);
	assert_hex(id->sign, 32,
		   "0f5ef666a92884be0e7bb5f98c9fe4907aef5fedc9ed93b21f9fd9ace55ca429");
	assert_hex(id->sign + 32, 32,
		   "766e913a2c8a00d516d0a088e0d4362642d2120fbd97d29cb8c97b4541f80867");
	assert_memory_equal(id->pub.sign, id->sign + 32, 32);
	assert_hex(id->receive, 32,
		   "1637e16b7178e64f59c7b71e8524112716380023d4f248ebabf027d2b498f4bd");
	assert_hex(id->pub.receive, 32,
		   "c1bf41dd748159cd75cbc9da9b5fb9f969092e44ee64555ca9a896809ee1375a");
	assert_hex(id->index, 32,
		   "237639f9ab06f85bd9f89228b906932a6e82e2d08c75a0af4a8cb3fa1ba11429");
	assert_hex(id->journal, 32,
		   "ce212eabc04eeb2c033b002c7cd80b1d5f98e6b2fbf2e4de1ea10a5b91d945b2");
	assert_hex(id->state, 32,
		   "525c35449c300adac3752bcad474f4bccdf9af41f518f88e3768353003e91864");
	assert_hex(id->pub.id, IDENTITY_ID, "19f2338cd06625ddc804561defbd259a");
	identity_free(*state, id);
}

static void test_new(void **state)
{
	struct identity *a, *b, *same;
	static const uint8_t zero[sizeof(*a)];

	assert_int_equal(identity_new(&a, *state), 0);
	assert_int_equal(identity_new(&b, *state), 0);
	assert_memory_not_equal(a->seed, b->seed, 32);
	assert_memory_not_equal(a->pub.id, b->pub.id, IDENTITY_ID);
	assert_int_equal(identity_from_seed(&same, *state, a->seed), 0);
	assert_memory_equal(a, same, sizeof(*a));
	identity_free(*state, same);
	assert_memory_equal(same, zero, sizeof(zero)); /* the pool has it, wiped */
	identity_free(*state, a);
	identity_free(*state, b);
	identity_free(*state, NULL);
}

static void test_pool_full(void **state)
{
	void *all = secret_take(*state, 4096 - 16);
	const uint8_t seed[32] = {0};
	struct identity *id = (void *)all;

	assert_non_null(all);
	assert_int_equal(identity_new(&id, *state), ERR_NOMEM);
	assert_null(id);
	id = all;
	assert_int_equal(identity_from_seed(&id, *state, seed), ERR_NOMEM);
	assert_null(id);
	secret_give(*state, all);
}

static void test_node_id(void **state)
{
	uint8_t sign[32], receive[32], a[IDENTITY_ID], b[IDENTITY_ID];

	(void)state;
	sequence(sign, 32, 0);
	sequence(receive, 32, 100);
	identity_node_id(a, sign, receive);
	identity_node_id(b, receive, sign);
	assert_memory_not_equal(a, b, IDENTITY_ID);
	sign[0] ^= 1;
	identity_node_id(b, sign, receive);
	assert_memory_not_equal(a, b, IDENTITY_ID);
}

static void test_known_files(void **state)
{
	uint8_t file[N], secret[32], seed[32];
	char pass[32];

	(void)state;
	sequence(seed, 32, 1);
	unhex(file, N, raw_file);
	assert_int_equal(identity_keyfile_mode(file, N, NODE), 0);
	assert_int_equal(identity_keyfile_open(secret, file, N, NODE, NULL, 0), 0);
	assert_memory_equal(secret, seed, 32);
	/* A passphrase that is not needed does no harm. */
	assert_int_equal(identity_keyfile_open(secret, file, N, NODE, "x", 1), 0);
	assert_memory_equal(secret, seed, 32);

	memset(pass, 1, sizeof(pass));
	unhex(file, N, pass_file);
	assert_int_equal(identity_keyfile_mode(file, N, AUTH), 1);
	assert_int_equal(identity_keyfile_open(secret, file, N, AUTH, pass, 32), 0);
	assert_memory_equal(secret, seed, 32);
}

static void test_raw(void **state)
{
	uint8_t a[N], b[N], secret[32], seed[32];

	(void)state;
	sequence(seed, 32, 50);
	for (int kind = NODE; kind <= AUTH; kind++) {
		assert_int_equal(identity_keyfile_seal(a, kind, seed, NULL, 0), 0);
		assert_int_equal(identity_keyfile_seal(b, kind, seed, NULL, 0), 0);
		assert_memory_equal(a, b, 41);
		assert_memory_not_equal(a + 41, b + 41, 24); /* nonces */
		assert_int_equal(identity_keyfile_mode(a, N, kind), 0);
		assert_int_equal(identity_keyfile_open(secret, a, N, kind, NULL, 0), 0);
		assert_memory_equal(secret, seed, 32);
	}
}

/* At the real cost, so few times. */
static void test_passphrase(void **state)
{
	static const uint8_t zero[32];
	uint8_t file[N], secret[32], seed[32];

	(void)state;
	sequence(seed, 32, 50);
	assert_int_equal(identity_keyfile_seal(file, NODE, seed, "correct horse", 13), 0);
	assert_int_equal(identity_keyfile_mode(file, N, NODE), 1);
	assert_true(wire_get32(file + 12) == kdf_cost_default.ops);
	assert_true(wire_get32(file + 16) == kdf_cost_default.mem_kib);
	assert_memory_not_equal(file + 20, zero, 16);
	assert_int_equal(identity_keyfile_open(secret, file, N, NODE, "correct horse", 13), 0);
	assert_memory_equal(secret, seed, 32);
	assert_int_equal(identity_keyfile_open(secret, file, N, NODE, "correct horsf", 13),
			 ERR_PASSPHRASE);
	assert_memory_equal(secret, zero, 32);
}

static void test_wrong_passphrases(void **state)
{
	static const uint8_t zero[32];
	uint8_t file[N], secret[32];
	char pass[33];

	(void)state;
	memset(pass, 1, sizeof(pass));
	unhex(file, N, pass_file);
	for (size_t n = 0; n <= 33; n++) {
		int want = n == 32 ? 0 : ERR_PASSPHRASE;

		memset(secret, 0xee, 32);
		assert_int_equal(identity_keyfile_open(secret, file, N, AUTH, pass, n), want);
		if (want)
			assert_memory_equal(secret, zero, 32);
	}
	memset(secret, 0xee, 32);
	assert_int_equal(identity_keyfile_open(secret, file, N, AUTH, NULL, 0), ERR_PASSPHRASE);
	assert_memory_equal(secret, zero, 32);
	pass[0] = 2;
	assert_int_equal(identity_keyfile_open(secret, file, N, AUTH, pass, 32), ERR_PASSPHRASE);
}

static void test_bad_seals(void **state)
{
	uint8_t file[N], seed[32] = {0};

	(void)state;
	assert_int_equal(identity_keyfile_seal(file, NODE, seed, "", 0), ERR_PASSPHRASE);
	assert_int_equal(identity_keyfile_seal(file, 0, seed, NULL, 0), ERR_USAGE);
	assert_int_equal(identity_keyfile_seal(file, 3, seed, NULL, 0), ERR_USAGE);
	assert_int_equal(identity_keyfile_seal(file, 257, seed, NULL, 0), ERR_USAGE);
}

/* The code that a flip of this bit of an opened file must give. */
static int want_of_flip(size_t bit, bool raw)
{
	const size_t at = bit / 8;

	if (at < 7)
		return ERR_FOREIGN;
	if (at == 7) /* '1' becomes '3', '5', '9': newer; or no digit, or '0' */
		return bit % 8 >= 1 && bit % 8 <= 3 ? ERR_NEWER : ERR_FOREIGN;
	if (at < 12 || (at >= 36 && at < 41))
		return ERR_MALFORMED;
	if (at < 41)
		return raw ? ERR_MALFORMED : ERR_PASSPHRASE;
	return raw ? ERR_DAMAGED : ERR_PASSPHRASE;
}

static void test_flips_raw(void **state)
{
	static const uint8_t zero[32];
	uint8_t file[N], secret[32];

	(void)state;
	unhex(file, N, raw_file);
	for (size_t bit = 0; bit < N * 8; bit++) {
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		memset(secret, 0xee, 32);
		assert_int_equal(identity_keyfile_open(secret, file, N, NODE, NULL, 0),
				 want_of_flip(bit, true));
		assert_memory_equal(secret, zero, 32);
		if (bit / 8 < 41)
			assert_int_equal(identity_keyfile_mode(file, N, NODE),
					 want_of_flip(bit, true));
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* One bit of each byte; a flip in the cost is malformed where it makes a cost beyond the bounds. */
static void test_flips_passphrase(void **state)
{
	static const uint8_t zero[32];
	uint8_t file[N], secret[32];
	char pass[32];

	(void)state;
	memset(pass, 1, sizeof(pass));
	unhex(file, N, pass_file);
	for (size_t at = 0; at < N; at++) {
		int want = want_of_flip(at * 8, false);

		if ((at >= 12 && at < 15) || at == 16 || at == 18)
			want = ERR_MALFORMED;
		file[at] ^= 1;
		memset(secret, 0xee, 32);
		assert_int_equal(identity_keyfile_open(secret, file, N, AUTH, pass, 32), want);
		assert_memory_equal(secret, zero, 32);
		file[at] ^= 1;
	}
}

static void test_cut(void **state)
{
	uint8_t *copy, secret[32];
	uint8_t file[N + 1] = {0};

	(void)state;
	unhex(file, N, raw_file);
	for (size_t n = 0; n <= N + 1; n++) {
		int want = n < 8 ? ERR_FOREIGN : n == N ? 0 : ERR_MALFORMED;

		copy = malloc(n ? n : 1); /* of just that size: ASan sees a read past it */
		memcpy(copy, file, n);
		assert_int_equal(identity_keyfile_mode(copy, n, NODE), want);
		assert_int_equal(identity_keyfile_open(secret, copy, n, NODE, NULL, 0), want);
		free(copy);
	}
	assert_int_equal(identity_keyfile_mode(NULL, 0, NODE), ERR_FOREIGN);
	assert_int_equal(identity_keyfile_open(secret, NULL, 0, NODE, NULL, 0), ERR_FOREIGN);
}

static void test_newer_and_foreign(void **state)
{
	uint8_t file[N], secret[32];

	(void)state;
	unhex(file, N, raw_file);
	/* The other kind of key; a kind that is none. */
	assert_int_equal(identity_keyfile_mode(file, N, AUTH), ERR_FOREIGN);
	assert_int_equal(identity_keyfile_open(secret, file, N, AUTH, NULL, 0), ERR_FOREIGN);
	assert_int_equal(identity_keyfile_mode(file, N, 0), ERR_FOREIGN);
	for (char v = '2'; v <= '9'; v++) { /* whatever a newer one looks like behind its magic */
		file[7] = (uint8_t)v;
		assert_int_equal(identity_keyfile_mode(file, N, NODE), ERR_NEWER);
		assert_int_equal(identity_keyfile_mode(file, 8, NODE), ERR_NEWER);
		assert_int_equal(identity_keyfile_open(secret, file, N, NODE, NULL, 0), ERR_NEWER);
	}
	assert_int_equal(identity_keyfile_mode("CUSTKEY2 and much more", 22, NODE), ERR_NEWER);
	assert_int_equal(identity_keyfile_mode("AGE-SECRET-KEY-1", 16, NODE), ERR_FOREIGN);
	memset(file, 0, N);
	assert_int_equal(identity_keyfile_mode(file, N, NODE), ERR_FOREIGN);
}

/* A head that lies about its cost is refused before anybody is asked for a passphrase, or the
 * machine for memory. */
static void test_hostile_cost(void **state)
{
	static const uint32_t ops[] = {0, 17, UINT32_MAX, 1, 1, 1};
	static const uint32_t mem[] = {8, 8, 8, 0, 7, UINT32_MAX};
	uint8_t file[N], secret[32];

	(void)state;
	unhex(file, N, pass_file);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		wire_put32(file + 12, ops[i]);
		wire_put32(file + 16, mem[i]);
		assert_int_equal(identity_keyfile_mode(file, N, AUTH), ERR_MALFORMED);
		assert_int_equal(identity_keyfile_open(secret, file, N, AUTH, "p", 1),
				 ERR_MALFORMED);
	}
}

/* Unused fields are zero, even in a file that is otherwise sealed well. */
static void test_one_encoding(void **state)
{
	static const uint8_t at[] = {10, 11, 12, 15, 16, 19, 20, 35, 36, 40};
	const uint8_t key[32] = {0};
	uint8_t file[N], secret[32], seed[32] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(at); i++) {
		memset(file, 0, 41);
		memcpy(file, "CUSTKEY1\x01", 9);
		seal_close(file + 41, key, file, 41, seed, 32);
		assert_int_equal(identity_keyfile_open(secret, file, N, NODE, NULL, 0), 0);
		file[at[i]] = 1;
		seal_close(file + 41, key, file, 41, seed, 32);
		assert_int_equal(identity_keyfile_open(secret, file, N, NODE, NULL, 0),
				 ERR_MALFORMED);
		assert_int_equal(identity_keyfile_mode(file, N, NODE), ERR_MALFORMED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_from_seed, make_pool, free_pool),
		cmocka_unit_test_setup_teardown(test_new, make_pool, free_pool),
		cmocka_unit_test_setup_teardown(test_pool_full, make_pool, free_pool),
		cmocka_unit_test(test_node_id),
		cmocka_unit_test(test_known_files),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_passphrase),
		cmocka_unit_test(test_wrong_passphrases),
		cmocka_unit_test(test_bad_seals),
		cmocka_unit_test(test_flips_raw),
		cmocka_unit_test(test_flips_passphrase),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_newer_and_foreign),
		cmocka_unit_test(test_hostile_cost),
		cmocka_unit_test(test_one_encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
