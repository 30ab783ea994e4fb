/* SPDX-License-Identifier: Apache-2.0 */
/* err: the table, and the sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "crypto/err.h"
#include "crypto/text.h"

struct want {
	int code, exit, sys;
};

/* What users and scripts rely on, written down a second time. */
static const struct want all[] = {
	{ERR_OK, 0, 0},
	{ERR_SYSTEM, 1, EIO},
	{ERR_NOMEM, 1, ENOMEM},
	{ERR_INDEX, 1, EIO},
	{ERR_NOTFOUND, 1, ENOENT},
	{ERR_EXISTS, 1, EEXIST},
	{ERR_READONLY, 1, EROFS},
	{ERR_USAGE, 2, EINVAL},
	{ERR_KEY, 3, EACCES},
	{ERR_PASSPHRASE, 3, EACCES},
	{ERR_DAMAGED, 4, EIO},
	{ERR_FORGED, 4, EIO},
	{ERR_ROLLBACK, 4, EIO},
	{ERR_FOREIGN, 5, EIO},
	{ERR_MALFORMED, 5, EIO},
	{ERR_NEWER, 5, EINVAL},
	{ERR_UNSUPPORTED, 5, EINVAL},
	{ERR_BUSY, 6, EBUSY},
	{ERR_NOT_COVERED, 7, EACCES},
	{ERR_NOT_YET, 7, EACCES},
	{ERR_EXPIRED, 7, EACCES},
	{ERR_REVOKED, 7, EACCES},
	{ERR_USER, 7, EACCES},
	{ERR_BUDGET, 7, EACCES},
	{ERR_CLOCK, 7, EACCES},
	{ERR_REPLAYED, 7, EACCES},
	{ERR_WRONG_NODE, 7, EACCES},
	{ERR_WRONG_ARCHIVE, 7, EACCES},
	{ERR_TOO_FEW, 7, EACCES},
	{ERR_NO_TOUCH, 7, EACCES},
	{ERR_NO_PIN, 7, EACCES},
	{ERR_NAMESPACE, 7, EACCES},
	{ERR_NOT_ENROLLED, 7, EACCES},
	{ERR_ROLE, 7, EACCES},
	{ERR_CHECKPOINT, 7, EACCES},
	{ERR_WRONG_KEY, 7, EACCES},
	{ERR_NO_EXPORT, 7, EACCES},
	{ERR_LACKING, 7, EACCES},
};
#define ALL (sizeof(all) / sizeof(all[0]))

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALL; i++) {
		assert_int_equal(err_exit(all[i].code), all[i].exit);
		assert_int_equal(err_errno(all[i].code), all[i].sys);
	}
	assert_string_equal(err_word(ERR_EXPIRED), "expired");
	assert_string_equal(err_word(ERR_NOT_COVERED), "not-covered");
}

static void test_words_are_distinct(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALL; i++) {
		const char *w = err_word(all[i].code);

		assert_string_not_equal(w, "unknown");
		assert_string_not_equal(err_text(all[i].code), "unknown error");
		assert_true(strspn(w, "abcdefghijklmnopqrstuvwxyz-") == strlen(w));
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(w, err_word(all[j].code));
			assert_string_not_equal(err_text(all[i].code), err_text(all[j].code));
		}
	}
}

static void test_unknown_codes(void **state)
{
	const int odd[] = {1, 5, -7, -9, -80, -1000, INT_MIN, INT_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		assert_string_equal(err_text(odd[i]), "unknown error");
		assert_string_equal(err_word(odd[i]), "unknown");
		assert_int_equal(err_exit(odd[i]), 1);
		assert_int_equal(err_errno(odd[i]), EIO);
	}
}

static void test_set(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(err_set(NULL, ERR_BUSY, "%s", "x"), ERR_BUSY);
	assert_int_equal(err_set(&e, ERR_BUSY, "segment %d is in use", 7), ERR_BUSY);
	assert_int_equal(e.code, ERR_BUSY);
	assert_string_equal(e.text, "segment 7 is in use");
	/* The old sentence may be part of the new one. */
	err_set(&e, ERR_DAMAGED, "%s, and more", e.text);
	assert_string_equal(e.text, "segment 7 is in use, and more");
	assert_int_equal(e.code, ERR_DAMAGED);
}

static void test_sys(void **state)
{
	struct err e = {0};

	(void)state;
	errno = ENOSPC;
	assert_int_equal(err_sys(&e, "can't write %s", "a.seg"), ERR_SYSTEM);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(e.code, ERR_SYSTEM);
	assert_string_equal(e.text, "can't write a.seg: No space left on device");
	errno = EPERM;
	assert_int_equal(err_sys(NULL, "x"), ERR_SYSTEM);
	assert_int_equal(errno, EPERM);
}

static void test_prefix(void **state)
{
	struct err e = {0};

	(void)state;
	err_set(&e, ERR_MALFORMED, "line 3 has no colon");
	assert_int_equal(err_prefix(&e, ERR_MALFORMED, "%s", "r.auth"), ERR_MALFORMED);
	assert_string_equal(e.text, "r.auth: line 3 has no colon");
	/* What the callee said stands, whatever code the caller gives. */
	assert_int_equal(err_prefix(&e, ERR_SYSTEM, "import"), ERR_MALFORMED);
	assert_string_equal(e.text, "import: r.auth: line 3 has no colon");

	assert_int_equal(err_prefix(NULL, ERR_BUSY, "x"), ERR_BUSY);
	e = (struct err){0};
	assert_int_equal(err_prefix(&e, ERR_BUSY, "a.seg"), ERR_BUSY);
	assert_int_equal(e.code, ERR_BUSY);
	assert_string_equal(e.text, "a.seg: busy");
	e.code = ERR_OK; /* a sentence without a code is left over from before */
	assert_int_equal(err_prefix(&e, ERR_KEY, "b.seg"), ERR_KEY);
	assert_string_equal(e.text, "b.seg: wrong or missing key");
}

/* A sentence that is too long is cut between characters, and stays within its bounds. */
static void test_cut(void **state)
{
	static const char *const unit[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x94\x92"};
	char text[2100];
	struct err e;

	(void)state;
	for (size_t u = 0; u < 4; u++) {
		size_t len = strlen(unit[u]);

		for (size_t shift = 0; shift < 5; shift++) {
			memset(text, 'a', shift);
			for (size_t i = 0; i < 500; i++)
				memcpy(text + shift + i * len, unit[u], len);
			text[shift + 500 * len] = '\0';
			err_set(&e, ERR_USAGE, "%s", text);
			assert_true(strlen(e.text) < sizeof(e.text));
			assert_true(strlen(e.text) + 4 >= sizeof(e.text));
			assert_true(text_valid(e.text, strlen(e.text)));
			err_prefix(&e, ERR_USAGE, "%s", "prefix");
			assert_true(text_valid(e.text, strlen(e.text)));
			assert_memory_equal(e.text, "prefix: ", 8);
			errno = EIO;
			err_sys(&e, "%s", text);
			assert_true(strlen(e.text) < sizeof(e.text));
		}
	}
}

/* Bytes of no character at all (a file name may hold any) don't confuse the cutting. */
static void test_cut_of_garbage(void **state)
{
	char text[1000];
	struct err e;

	(void)state;
	memset(text, 0x80, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	err_set(&e, ERR_USAGE, "%s", text);
	assert_true(strlen(e.text) < sizeof(e.text));
	memset(text, 0xff, sizeof(text) - 1);
	err_set(&e, ERR_USAGE, "%s", text);
	assert_true(strlen(e.text) < sizeof(e.text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	      cmocka_unit_test(test_words_are_distinct),
		cmocka_unit_test(test_unknown_codes), cmocka_unit_test(test_set),
		cmocka_unit_test(test_sys),	      cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_cut),	      cmocka_unit_test(test_cut_of_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
