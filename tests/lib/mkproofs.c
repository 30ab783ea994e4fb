/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkproofs FROM TO [COUNT]: roots and proofs as our tree makes them, for every size from FROM to TO, for
 * other implementations to check. Leaf i is "leaf <i>". With COUNT no more than so many proofs of a
 * kind a size, spread over it. Lines, hashes in base64:
 *
 *   root <size> <hash>
 *   in <index> <size> <hash>...
 *   con <old size> <size> <hash>...
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/merkle.h"
#include "crypto/text.h"

#define LEVELS 40

struct store {
	merkle_hash *level[LEVELS];
};

static void keep(void *ctx, unsigned level, uint64_t index, const merkle_hash h)
{
	struct store *s = ctx;

	if (level >= LEVELS)
		errx(1, "too many leaves");
	if ((index & (index - 1)) == 0) {
		s->level[level] = reallocarray(s->level[level], index ? 2 * index : 1,
					       sizeof(merkle_hash));
		if (!s->level[level])
			errx(1, "out of memory");
	}
	memcpy(s->level[level][index], h, sizeof(merkle_hash));
}

static int get(void *ctx, unsigned level, uint64_t index, merkle_hash out)
{
	const struct store *s = ctx;

	memcpy(out, s->level[level][index], sizeof(merkle_hash));
	return 0;
}

static void put(const merkle_hash *hash, size_t n)
{
	char b64[45];

	for (size_t i = 0; i < n; i++) {
		text_base64(b64, hash[i], sizeof(merkle_hash));
		printf(" %s", b64);
	}
	putchar('\n');
}

static void put_size(struct store *s, uint64_t size, uint64_t count)
{
	const uint64_t step = count && size > count ? size / count : 1;
	merkle_hash proof[MERKLE_PROOF_MAX], root;
	size_t n;

	if (merkle_root_at(root, size, get, s) != 0)
		errx(1, "no root");
	printf("root %" PRIu64, size);
	put((const merkle_hash *)&root, 1);
	for (uint64_t i = 0; i < size; i = i + step < size || i == size - 1 ? i + step : size - 1) {
		if (merkle_inclusion(proof, &n, i, size, get, s) != 0)
			errx(1, "no inclusion proof");
		printf("in %" PRIu64 " %" PRIu64, i, size);
		put((const merkle_hash *)proof, n);
		if (merkle_consistency(proof, &n, i + 1, size, get, s) != 0)
			errx(1, "no consistency proof");
		printf("con %" PRIu64 " %" PRIu64, i + 1, size);
		put((const merkle_hash *)proof, n);
	}
}

int main(int argc, char **argv)
{
	const uint64_t from = argc > 2 ? strtoull(argv[1], NULL, 10) : 0;
	const uint64_t to = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	const uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	struct merkle_range range = {.size = 0};
	struct store s = {{NULL}};
	merkle_hash leaf;
	char data[32];

	if (from == 0 || to < from)
		errx(2, "usage: mkproofs FROM TO [COUNT]");
	while (range.size < to) {
		snprintf(data, sizeof(data), "leaf %" PRIu64, range.size);
		merkle_leaf(leaf, data, strlen(data));
		merkle_append(&range, leaf, keep, &s);
		if (range.size >= from)
			put_size(&s, range.size, count);
	}
	for (unsigned i = 0; i < LEVELS; i++)
		free(s.level[i]);
	return fflush(stdout) != 0 || ferror(stdout);
}
