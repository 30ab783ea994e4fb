/* SPDX-License-Identifier: Apache-2.0 */
/* hash: the published examples of FIPS 180-4 and RFC 4231, and all ways to feed them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/text.h"

static void assert_hex(const uint8_t *got, size_t n, const char *want)
{
	char hex[129];

	text_hex(hex, got, n);
	assert_string_equal(hex, want);
}

/* NIST, "Examples with Intermediate Values", SHA-256, and the empty message. */
static void test_sha256(void **state)
{
	static const char *const v[][2] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
		 "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		 "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
	};
	uint8_t d[HASH_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		hash_sha256(d, v[i][0], strlen(v[i][0]));
		assert_hex(d, sizeof(d), v[i][1]);
	}
	hash_sha256(d, NULL, 0);
	assert_hex(d, sizeof(d), v[0][1]);
}

static void test_million(void **state)
{
	struct hash_ctx c;
	uint8_t d[HASH_SIZE];
	char a[1000];

	(void)state;
	memset(a, 'a', sizeof(a));
	hash_init(&c);
	for (int i = 0; i < 1000; i++)
		hash_update(&c, a, sizeof(a));
	hash_final(&c, d);
	assert_hex(d, sizeof(d),
		   "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	/* Nothing of the state is left. */
	for (size_t i = 0; i < sizeof(c.opaque) / sizeof(c.opaque[0]); i++)
		assert_true(c.opaque[i] == 0);
}

/* Cut in two at every place, through both interfaces, also where a block ends. */
static void test_splits(void **state)
{
	uint8_t m[200], whole[HASH_SIZE], d[HASH_SIZE];
	struct hash_ctx c;

	(void)state;
	for (size_t i = 0; i < sizeof(m); i++)
		m[i] = (uint8_t)(i * 7);
	for (size_t n = 0; n <= sizeof(m); n += 25) {
		hash_sha256(whole, m, n);
		for (size_t cut = 0; cut <= n; cut++) {
			const struct hash_part parts[] = {{m, cut}, {NULL, 0}, {m + cut, n - cut}};

			hash_parts(d, parts, 3);
			assert_memory_equal(d, whole, HASH_SIZE);
			hash_init(&c);
			hash_update(&c, m, cut);
			hash_update(&c, NULL, 0);
			hash_update(&c, m + cut, n - cut);
			hash_final(&c, d);
			assert_memory_equal(d, whole, HASH_SIZE);
		}
	}
	hash_parts(d, NULL, 0);
	hash_sha256(whole, "", 0);
	assert_memory_equal(d, whole, HASH_SIZE);
}

/* The digest may take the place of what is digested. */
static void test_in_place(void **state)
{
	uint8_t b[HASH_SIZE] = "0123456789abcdef0123456789abcde", d[HASH_SIZE];

	(void)state;
	hash_sha256(d, b, sizeof(b));
	hash_sha256(b, b, sizeof(b));
	assert_memory_equal(b, d, HASH_SIZE);
}

struct hmac_vector {
	const char *key;
	size_t key_len;
	const char *data;
	size_t n;
	const char *mac;
};

static void test_hmac(void **state)
{
	char k0b[20], kaa[131], d[50], k25[25];
	uint8_t mac[HASH_SIZE];

	(void)state;
	memset(k0b, 0x0b, sizeof(k0b));
	memset(kaa, 0xaa, sizeof(kaa));
	for (int i = 0; i < 25; i++)
		k25[i] = (char)(i + 1);
	memset(d, 0xdd, sizeof(d));

	/* RFC 4231, test cases 1 to 4, 6 and 7, and 3 with other bytes as 4. */
	static const char case6[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	static const char case7[] =
		"This is a test using a larger than block-size key and a larger than block-size "
		"data. The key needs to be hashed before being used by the HMAC algorithm.";
	char cd[50];

	memset(cd, 0xcd, sizeof(cd));
	const struct hmac_vector v[] = {
		{k0b, 20, "Hi There", 8,
		 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"Jefe", 4, "what do ya want for nothing?", 28,
		 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{kaa, 20, d, 50,
		 "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{k25, 25, cd, 50,
		 "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
		{kaa, 131, case6, sizeof(case6) - 1,
		 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		{kaa, 131, case7, sizeof(case7) - 1,
		 "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	};
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		for (size_t cut = 0; cut <= v[i].n; cut += 8) {
			const struct hash_part parts[] = {{v[i].data, cut},
							  {v[i].data + cut, v[i].n - cut}};

			hash_hmac(mac, v[i].key, v[i].key_len, parts, 2);
			assert_hex(mac, sizeof(mac), v[i].mac);
		}
}

/* A key of one block is used as it is, one byte more is hashed first. */
static void test_hmac_key_edges(void **state)
{
	uint8_t key[65], hashed[HASH_SIZE], a[HASH_SIZE], b[HASH_SIZE];
	const struct hash_part part = {"data", 4};

	(void)state;
	memset(key, 7, sizeof(key));
	hash_sha256(hashed, key, 65);
	hash_hmac(a, key, 65, &part, 1);
	hash_hmac(b, hashed, HASH_SIZE, &part, 1);
	assert_memory_equal(a, b, HASH_SIZE);
	hash_sha256(hashed, key, 64);
	hash_hmac(a, key, 64, &part, 1);
	hash_hmac(b, hashed, HASH_SIZE, &part, 1);
	assert_memory_not_equal(a, b, HASH_SIZE);
	/* No key and no data: a value that is often quoted. */
	hash_hmac(a, NULL, 0, NULL, 0);
	assert_hex(a, sizeof(a),
		   "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_sha512(void **state)
{
	uint8_t d[64];

	(void)state;
	hash_sha512(d, "abc", 3);
	assert_hex(d, 64,
		   "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		   "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
	hash_sha512(d, NULL, 0);
	assert_hex(d, 64,
		   "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
		   "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256), cmocka_unit_test(test_million),
		cmocka_unit_test(test_splits), cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_hmac),   cmocka_unit_test(test_hmac_key_edges),
		cmocka_unit_test(test_sha512),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
