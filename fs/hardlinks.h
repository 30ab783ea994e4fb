/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hardlinks: the further names of a tar's files. The tar has each file's bytes once; every name is
 * to have them, so the tar is read again for each name that a file has beyond its first.
 *
 * Thread rule: for one thread at a time.
 */
#ifndef CUSTODY_FS_HARDLINKS_H
#define CUSTODY_FS_HARDLINKS_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/err.h"

struct hardlink {
	char *path, *target;
	unsigned round; /* it was given in; 0: not yet */
};

struct hardlinks {
	struct hardlink *link;
	size_t n, cap, given;
};

int hardlinks_add(struct hardlinks *l, const char *path, const char *target, struct err *e);
/* All were added; none has been given. */
void hardlinks_sort(struct hardlinks *l);
/* A name of target that was not given yet, at most one in each round (from 1); NULL if there is
 * none. */
const char *hardlinks_give(struct hardlinks *l, const char *target, unsigned round);
/* Some name that was not given; NULL if all were. */
const struct hardlink *hardlinks_left(const struct hardlinks *l);
void hardlinks_free(struct hardlinks *l);

#endif
