/* SPDX-License-Identifier: Apache-2.0 */
/* mark: what is known again and what is not, and that a mark tells nobody anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "index/mark.h"
#include "tests/lib/place.h"

static const uint8_t secret[32] = {1, 2, 3}, other[32] = {1, 2, 4};
static const struct mark_key key = {secret, place_archive};

static void make(struct mark *m, uint8_t digest, const char *collection, const char *path)
{
	uint8_t sha256[32] = {digest};

	mark_make(m, key, sha256, collection, path);
}

static bool same(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, MARK_TAG) == 0;
}

static void test_parts(void **state)
{
	struct mark a, b;

	(void)state;
	make(&a, 1, "otay", "us/car1.jpg");
	make(&b, 1, "otay", "us/car1.jpg");
	assert_true(same(a.content, b.content) && same(a.place, b.place));
	make(&b, 1, "otay", "us/car2.jpg");
	assert_true(same(a.content, b.content) && !same(a.place, b.place));
	make(&b, 1, "mesa", "us/car1.jpg");
	assert_true(same(a.content, b.content) && !same(a.place, b.place));
	make(&b, 2, "otay", "us/car1.jpg");
	assert_false(same(a.content, b.content) || same(a.place, b.place));
	/* Where the collection ends matters. */
	make(&a, 1, "ab", "c");
	make(&b, 1, "a", "bc");
	assert_false(same(a.place, b.place));
	assert_false(same(a.content, a.place));
}

static void test_keys(void **state)
{
	const uint8_t sha256[32] = {1}, archive[16] = {9};
	struct mark a, b;

	(void)state;
	mark_make(&a, key, sha256, "c", "p");
	mark_make(&b, (struct mark_key){other, place_archive}, sha256, "c", "p");
	assert_false(same(a.content, b.content) || same(a.place, b.place));
	mark_make(&b, (struct mark_key){secret, archive}, sha256, "c", "p");
	assert_false(same(a.content, b.content) || same(a.place, b.place));
}

/* As custodyfs-format(5) has it, by libsodium's HMAC. */
static void test_vector(void **state)
{
	crypto_auth_hmacsha256_state h;
	const uint8_t sha256[32] = {7}, item[16] = {5};
	uint8_t want[32], sealed[MARK_SIZE];
	struct mark m;

	(void)state;
	mark_make(&m, key, sha256, "otay", "a/b");
	crypto_auth_hmacsha256_init(&h, secret, 32);
	crypto_auth_hmacsha256_update(&h, place_archive, 16);
	crypto_auth_hmacsha256_update(&h, (const uint8_t *)"\1", 1);
	crypto_auth_hmacsha256_update(&h, sha256, 32);
	crypto_auth_hmacsha256_final(&h, want);
	assert_memory_equal(m.content, want, MARK_TAG);
	crypto_auth_hmacsha256_init(&h, secret, 32);
	crypto_auth_hmacsha256_update(&h, place_archive, 16);
	crypto_auth_hmacsha256_update(&h, (const uint8_t *)"\2", 1);
	crypto_auth_hmacsha256_update(&h, sha256, 32);
	crypto_auth_hmacsha256_update(&h, (const uint8_t *)"otay/a/b", 8);
	crypto_auth_hmacsha256_final(&h, want);
	assert_memory_equal(m.place, want, MARK_TAG);
	mark_seal(sealed, key, item, &m);
	crypto_auth_hmacsha256_init(&h, secret, 32);
	crypto_auth_hmacsha256_update(&h, place_archive, 16);
	crypto_auth_hmacsha256_update(&h, (const uint8_t *)"\0", 1);
	crypto_auth_hmacsha256_update(&h, item, 16);
	crypto_auth_hmacsha256_final(&h, want);
	for (unsigned i = 0; i < MARK_SIZE; i++)
		want[i] ^= i < MARK_TAG ? m.content[i] : m.place[i - MARK_TAG];
	assert_memory_equal(sealed, want, MARK_SIZE);
}

/* Equal contents look different in two lines, and open to the same. */
static void test_mask(void **state)
{
	const uint8_t item[2][16] = {{1}, {2}};
	uint8_t line[2][MARK_SIZE];
	struct mark m, back;

	(void)state;
	make(&m, 1, "c", "p");
	for (unsigned i = 0; i < 2; i++) {
		mark_seal(line[i], key, item[i], &m);
		mark_open(&back, key, item[i], line[i]);
		assert_memory_equal(&back, &m, sizeof(m));
	}
	for (unsigned i = 0; i + 4 <= MARK_SIZE; i += 4)
		assert_memory_not_equal(line[0] + i, line[1] + i, 4);
	mark_open(&back, key, item[1], line[0]);
	assert_memory_not_equal(&back, &m, sizeof(m));
}

static void test_table(void **state)
{
	struct place *p = *state;
	struct db_batch *b = place_batch(p);
	struct mark a, moved, none;
	struct db_txn *t;
	uint64_t seq = 0;

	make(&a, 1, "c", "a");
	make(&moved, 1, "c", "moved");
	make(&none, 2, "c", "a");
	assert_int_equal(mark_put(b, &a, 41), 0);
	assert_int_equal(mark_put(b, &a, 42), 0);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
	t = place_begin(p);
	assert_int_equal(mark_find(t, &a, &seq, NULL), 0);
	assert_int_equal(seq, 42);
	assert_int_equal(mark_find(t, &moved, &seq, NULL), ERR_NOTFOUND);
	assert_int_equal(mark_find_content(t, &moved, &seq, NULL), 0);
	assert_int_equal(seq, 42);
	assert_int_equal(mark_find(t, &none, &seq, NULL), ERR_NOTFOUND);
	assert_int_equal(mark_find_content(t, &none, &seq, NULL), ERR_NOTFOUND);
	db_abort(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),  cmocka_unit_test(test_keys),
		cmocka_unit_test(test_vector), cmocka_unit_test(test_mask),
		PLACE_TEST_OPEN(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
