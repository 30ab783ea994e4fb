/* SPDX-License-Identifier: Apache-2.0 */
/* logtree: hashes, roots and proofs from the lines of a journal are those of the tree it was made with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "fs/logtree.h"
#include "tests/lib/journals.h"

#define LINES 300u

/* Root over the first lines of a text, by appending them one after the other. */
static void expected(merkle_hash root, const struct journals_text *x, unsigned size)
{
	struct merkle_range range = {.size = 0};
	merkle_hash leaf;

	for (unsigned i = 0; i < size; i++) {
		const size_t at = journals_line(x->p, x->n, i);

		merkle_leaf(leaf, x->p + at, journals_line(x->p, x->n, i + 1) - at - 1);
		merkle_append(&range, leaf, NULL, NULL);
	}
	merkle_root(root, &range);
}

static void test_roots_and_proofs(void **state)
{
	merkle_hash root, old, want, proof[MERKLE_PROOF_MAX];
	struct journals_text x;
	struct logtree *t;
	struct journals j;
	struct err e;
	size_t n;

	(void)state;
	journals_new(&j);
	journals_make(&j, LINES, 0);
	x = journals_text(&j, "jsonl");
	assert_int_equal(logtree_read(&t, j.dirfd, j.id->pub.id, LINES, &e), 0);
	assert_int_equal(logtree_bytes(t), journals_line(x.p, x.n, LINES));
	logtree_root(root, t, LINES);
	for (unsigned size = 0; size <= LINES; size += size < 20 ? 1 : 7) {
		logtree_root(old, t, size);
		expected(want, &x, size);
		assert_memory_equal(old, want, sizeof(old));
		if (size == 0)
			continue;
		assert_int_equal(merkle_consistency(proof, &n, size, LINES, logtree_hash, t), 0);
		assert_int_equal(merkle_verify_consistency(size, LINES, (const merkle_hash *)proof,
							   n, old, root),
				 0);
	}
	/* What is not a whole subtree of it. */
	assert_int_equal(logtree_hash(t, 0, LINES, want), ERR_USAGE);
	assert_int_equal(logtree_hash(t, 8, 1, want), ERR_USAGE);
	assert_int_equal(logtree_hash(t, 9, 0, want), ERR_USAGE);
	assert_int_equal(logtree_hash(t, 63, 0, want), ERR_USAGE);
	assert_int_equal(logtree_hash(t, 8, 0, want), 0);
	expected(root, &x, 256);
	assert_memory_equal(want, root, sizeof(root));
	logtree_free(t);
	logtree_free(NULL);
	free(x.p);
	journals_free(&j);
}

/* Less than is asked for, no file at all, and nothing. */
static void test_short(void **state)
{
	struct journals j;
	struct logtree *t;
	merkle_hash root;
	struct err e;

	(void)state;
	journals_new(&j);
	journals_make(&j, 10, 0);
	assert_int_equal(logtree_read(&t, j.dirfd, j.id->pub.id, 11, &e), ERR_ROLLBACK);
	assert_null(t);
	assert_non_null(strstr(e.text, "ends after 10 lines of 11"));
	/* A size is only what somebody says. */
	assert_int_equal(logtree_read(&t, j.dirfd, j.id->pub.id, UINT64_MAX, &e), ERR_ROLLBACK);
	assert_int_equal(logtree_read(&t, j.dirfd, j.id->pub.id, 3, &e), 0);
	logtree_free(t);
	journals_remove(&j, "jsonl");
	assert_int_equal(logtree_read(&t, j.dirfd, j.id->pub.id, 1, &e), ERR_ROLLBACK);
	assert_int_equal(logtree_read(&t, j.dirfd, j.id->pub.id, 0, &e), 0);
	logtree_root(root, t, 0);
	assert_int_equal(root[0], 0xe3); /* SHA-256 of nothing */
	assert_int_equal(logtree_bytes(t), 0);
	logtree_free(t);
	journals_free(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots_and_proofs),
		cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
