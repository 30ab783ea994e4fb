/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/logtree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/text.h"
#include "index/journal.h"

struct logtree {
	merkle_hash *leaf; /* owned */
	uint64_t n, cap, bytes;
};

void logtree_free(struct logtree *t)
{
	if (!t)
		return;
	free(t->leaf);
	free(t);
}

/* Memory is taken as lines are found: a size is only what somebody says. */
static int add(struct logtree *t, struct text_span line, struct err *e)
{
	merkle_hash *grown;

	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 256;
		grown = reallocarray(t->leaf, t->cap, sizeof(*grown));
		if (!grown)
			return err_set(e, ERR_NOMEM, "out of memory");
		t->leaf = grown;
	}
	merkle_leaf(t->leaf[t->n++], line.p, line.n);
	t->bytes += line.n + 1;
	return 0;
}

static int read_lines(struct logtree *t, int dirfd, const uint8_t node[16], uint64_t size,
		      struct err *e)
{
	struct journal_reader *r = NULL;
	struct text_span line;
	uint64_t off;
	char hex[33];
	int rc = size ? journal_reader_open(&r, dirfd, node, 0, e) : 0;

	while (rc == 0 && t->n < size) {
		rc = journal_reader_next(r, &line, &off, e);
		if (rc == 0)
			rc = add(t, line, e);
	}
	journal_reader_close(r);
	text_hex(hex, node, 16);
	if (rc == ERR_NOTFOUND || rc == ERR_MALFORMED)
		rc = err_set(e, ERR_ROLLBACK,
			     "journal of node %s: it ends after %" PRIu64 " lines of %" PRIu64
			     ": it was cut, or is an older copy",
			     hex, t->n, size);
	return rc;
}

int logtree_read(struct logtree **out, int dirfd, const uint8_t node[16], uint64_t size,
		 struct err *e)
{
	struct logtree *t = calloc(1, sizeof(*t));
	int rc = t ? read_lines(t, dirfd, node, size, e) : err_set(e, ERR_NOMEM, "out of memory");

	if (rc) {
		logtree_free(t);
		t = NULL;
	}
	*out = t;
	return rc;
}

int logtree_hash(void *tree, unsigned level, uint64_t index, merkle_hash out)
{
	struct logtree *t = tree;
	struct merkle_range range = {0};
	uint64_t n;

	if (level > 62 || index > (t->n >> level))
		return ERR_USAGE;
	n = UINT64_C(1) << level;
	if (n > t->n - index * n)
		return ERR_USAGE;
	for (uint64_t i = 0; i < n; i++)
		merkle_append(&range, t->leaf[index * n + i], NULL, NULL);
	merkle_root(out, &range);
	return 0;
}

uint64_t logtree_bytes(const struct logtree *t)
{
	return t->bytes;
}

void logtree_root(merkle_hash out, struct logtree *t, uint64_t size)
{
	struct merkle_range range = {0};

	for (uint64_t i = 0; i < size && i < t->n; i++)
		merkle_append(&range, t->leaf[i], NULL, NULL);
	merkle_root(out, &range);
}
