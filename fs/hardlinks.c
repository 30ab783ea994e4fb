/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/hardlinks.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

static void free_text(char *s)
{
	if (s)
		secret_wipe(s, strlen(s));
	free(s);
}

int hardlinks_add(struct hardlinks *l, const char *path, const char *target, struct err *e)
{
	struct hardlink *k;

	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;

		k = reallocarray(l->link, cap, sizeof(*k));
		if (!k)
			return err_set(e, ERR_NOMEM, "out of memory for an archive's links");
		l->link = k;
		l->cap = cap;
	}
	k = &l->link[l->n];
	*k = (struct hardlink){.path = strdup(path), .target = strdup(target)};
	if (!k->path || !k->target) {
		free_text(k->path);
		free_text(k->target);
		return err_set(e, ERR_NOMEM, "out of memory for an archive's links");
	}
	l->n++;
	return 0;
}

static int by_target(const void *a, const void *b)
{
	const struct hardlink *x = a, *y = b;
	int c = strcmp(x->target, y->target);

	return c ? c : strcmp(x->path, y->path);
}

void hardlinks_sort(struct hardlinks *l)
{
	if (l->n > 1)
		qsort(l->link, l->n, sizeof(*l->link), by_target);
	for (size_t i = 0; i < l->n; i++)
		l->link[i].round = 0;
	l->given = 0;
}

const char *hardlinks_give(struct hardlinks *l, const char *target, unsigned round)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(l->link[mid].target, target) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < l->n && strcmp(l->link[lo].target, target) == 0; lo++) {
		if (l->link[lo].round == round)
			return NULL;
		if (l->link[lo].round == 0) {
			l->link[lo].round = round;
			l->given++;
			return l->link[lo].path;
		}
	}
	return NULL;
}

const struct hardlink *hardlinks_left(const struct hardlinks *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->link[i].round == 0)
			return &l->link[i];
	return NULL;
}

void hardlinks_free(struct hardlinks *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free_text(l->link[i].path);
		free_text(l->link[i].target);
	}
	free(l->link);
	*l = (struct hardlinks){0};
}
