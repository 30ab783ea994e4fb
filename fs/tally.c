/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/tally.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

int tally_add(struct tally *t, const char *path, uint64_t size, const uint8_t sha256[32],
	      struct err *e)
{
	struct tally_item *it;

	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 256;

		it = reallocarray(t->item, cap, sizeof(*it));
		if (!it)
			return err_set(e, ERR_NOMEM, "out of memory for an archive's names");
		t->item = it;
		t->cap = cap;
	}
	it = &t->item[t->n];
	it->path = strdup(path);
	if (!it->path)
		return err_set(e, ERR_NOMEM, "out of memory for an archive's names");
	it->size = size;
	memcpy(it->sha256, sha256, 32);
	t->n++;
	return 0;
}

/* As strcmp(), but '/' comes first: what lies below a path follows it. */
static int compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static int by_path(const void *a, const void *b, void *ctx)
{
	const struct tally *t = ctx;

	return compare(t->item[*(const size_t *)a].path, t->item[*(const size_t *)b].path);
}

int tally_sort(struct tally *t, const char *name, struct err *e)
{
	t->sorted = calloc(t->n + 1, sizeof(*t->sorted));
	if (!t->sorted)
		return err_set(e, ERR_NOMEM, "out of memory for an archive's names");
	for (size_t i = 0; i < t->n; i++)
		t->sorted[i] = i;
	if (t->n > 1)
		qsort_r(t->sorted, t->n, sizeof(*t->sorted), by_path, t);
	for (size_t i = 1; i < t->n; i++) {
		const char *a = t->item[t->sorted[i - 1]].path, *b = t->item[t->sorted[i]].path;
		size_t n = strlen(a);

		if (strncmp(a, b, n) != 0 || (b[n] != '\0' && b[n] != '/'))
			continue;
		return err_set(e, ERR_MALFORMED,
			       b[n] ? "%s holds %s as a file, and a file below it" :
				      "%s holds %s more than once: which is meant?",
			       name, a);
	}
	return 0;
}

const struct tally_item *tally_find(const struct tally *t, const char *path)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = compare(path, t->item[t->sorted[mid]].path);

		if (c == 0)
			return &t->item[t->sorted[mid]];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

void tally_free(struct tally *t)
{
	for (size_t i = 0; i < t->n; i++) {
		secret_wipe(t->item[i].path, strlen(t->item[i].path));
		free(t->item[i].path);
	}
	free(t->item);
	free(t->sorted);
	*t = (struct tally){0};
}
