/* SPDX-License-Identifier: Apache-2.0 */
/* kdf: the examples of RFC 5869, and Argon2id with values another implementation gave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/text.h"

static void assert_hex(const uint8_t *got, size_t n, const char *want)
{
	char hex[2 * 82 + 1];

	text_hex(hex, got, n);
	assert_string_equal(hex, want);
}

static void sequence(uint8_t *p, size_t n, uint8_t from)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(from + i);
}

/* RFC 5869, appendix A, test cases 1 to 3. */
static void test_hkdf(void **state)
{
	uint8_t ikm[80], salt[80], info[80], out[82];

	(void)state;
	memset(ikm, 0x0b, 22);
	sequence(salt, 13, 0x00);
	sequence(info, 10, 0xf0);
	kdf_hkdf(out, 42, ikm, 22, salt, 13, info, 10);
	assert_hex(out, 42,
		   "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
		   "34007208d5b887185865");
	kdf_hkdf(out, 42, ikm, 22, NULL, 0, NULL, 0);
	assert_hex(out, 42,
		   "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
		   "9d201395faa4b61a96c8");

	sequence(ikm, 80, 0x00);
	sequence(salt, 80, 0x60);
	sequence(info, 80, 0xb0);
	kdf_hkdf(out, 82, ikm, 80, salt, 80, info, 80);
	assert_hex(out, 82,
		   "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
		   "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
		   "cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

/* A shorter output is a prefix of a longer one, and nothing is written past it. */
static void test_hkdf_lengths(void **state)
{
	static uint8_t whole[8160], part[8161];
	uint8_t ikm[32];

	(void)state;
	sequence(ikm, 32, 0);
	kdf_hkdf(whole, 8160, ikm, 32, NULL, 0, "x", 1);
	uint8_t d[HASH_SIZE];

	hash_sha256(d, whole, 8160); /* as computed with Node.js crypto.hkdfSync */
	assert_hex(d, 32, "c254ed24c8e4501a1e447f05421d70d375e42a611bb7c190c7cdbcd3d737583f");
	for (size_t n = 0; n < 8160; n += n < 100 ? 1 : 997) {
		part[n] = 0xee;
		kdf_hkdf(part, n, ikm, 32, NULL, 0, "x", 1);
		assert_memory_equal(part, whole, n);
		assert_int_equal(part[n], 0xee);
	}
}

static void test_hkdf_too_long(void **state)
{
	static uint8_t out[8161];
	const struct rlimit none = {0, 0};
	int status;
	pid_t pid;

	(void)state;
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &none);
		kdf_hkdf(out, sizeof(out), "k", 1, NULL, 0, NULL, 0);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_label(void **state)
{
	uint8_t key[32], a[32], b[32];

	(void)state;
	sequence(key, 32, 0);
	kdf_label(a, key, "custodyfs/v1 test"); /* as computed with Node.js crypto.hkdfSync */
	assert_hex(a, 32, "0e7016f1f392a44c8f734ac26c6381850e0c3764f222a4d93bcc21ff63bb8027");
	kdf_hkdf(b, 32, key, 32, NULL, 0, "custodyfs/v1 test", 17);
	assert_memory_equal(a, b, 32);
	kdf_label(b, key, "custodyfs/v1 tesu");
	assert_memory_not_equal(a, b, 32);
	key[31] ^= 1;
	kdf_label(b, key, "custodyfs/v1 test");
	assert_memory_not_equal(a, b, 32);
	key[31] ^= 1;
	kdf_label(key, key, "custodyfs/v1 test"); /* in place */
	assert_memory_equal(key, a, 32);
}

/*
 * RFC 9106's own examples use four lanes, a secret and associated data, which libsodium does not
 * offer. This value was published by a project that uses hash-wasm, another implementation.
 */
static void test_argon2id(void **state)
{
	const struct kdf_cost cost = {.ops = 3, .mem_kib = 256};
	char pass[32];
	uint8_t salt[16], out[32], other[32];

	(void)state;
	memset(pass, 1, sizeof(pass));
	memset(salt, 2, sizeof(salt));
	assert_int_equal(kdf_passphrase(out, pass, 32, salt, cost), 0);
	assert_hex(out, 32, "79b62406841693e13e3ca6a908ca3c20a7ec1a48931461cb54065e63640d1003");

	/* All that goes in counts. */
	assert_int_equal(kdf_passphrase(other, pass, 31, salt, cost), 0);
	assert_memory_not_equal(out, other, 32);
	salt[15] ^= 1;
	assert_int_equal(kdf_passphrase(other, pass, 32, salt, cost), 0);
	assert_memory_not_equal(out, other, 32);
	salt[15] ^= 1;
	pass[31] ^= 1;
	assert_int_equal(kdf_passphrase(other, pass, 32, salt, cost), 0);
	assert_memory_not_equal(out, other, 32);
	pass[31] ^= 1;
	assert_int_equal(kdf_passphrase(other, pass, 32, salt, (struct kdf_cost){4, 256}), 0);
	assert_memory_not_equal(out, other, 32);
	assert_int_equal(kdf_passphrase(other, pass, 32, salt, (struct kdf_cost){3, 264}), 0);
	assert_memory_not_equal(out, other, 32);
	assert_int_equal(kdf_passphrase(other, NULL, 0, salt, cost), 0);
	assert_memory_not_equal(out, other, 32);
}

static void test_argon2id_bounds(void **state)
{
	static const struct kdf_cost bad[] = {
		{0, 256}, {17, 256},	 {UINT32_MAX, 256},   {1, 0},	       {1, 7},
		{0, 0},	  {1u << 24, 8}, {1, (4u << 20) + 1}, {1, UINT32_MAX},
	};
	static const struct kdf_cost good[] = {{1, 8}, {16, 8}, {1, 4096}};
	const uint8_t salt[16] = {0};
	uint8_t out[32];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(kdf_cost_ok(bad[i]));
		assert_int_equal(kdf_passphrase(out, "p", 1, salt, bad[i]), ERR_MALFORMED);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(kdf_cost_ok(good[i]));
		assert_int_equal(kdf_passphrase(out, "p", 1, salt, good[i]), 0);
	}
	assert_true(kdf_cost_ok(kdf_cost_default));
	assert_true(kdf_cost_ok((struct kdf_cost){16, 4u << 20}));
	assert_int_equal(kdf_cost_default.ops, 3);
	assert_int_equal(kdf_cost_default.mem_kib, 256 * 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hkdf),	      cmocka_unit_test(test_hkdf_lengths),
		cmocka_unit_test(test_hkdf_too_long), cmocka_unit_test(test_label),
		cmocka_unit_test(test_argon2id),      cmocka_unit_test(test_argon2id_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
