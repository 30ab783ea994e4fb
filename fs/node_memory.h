/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_memory: pins.seal as a whole, for the files that add to it. See custodyfs-format(5), "State
 * and pins".
 *
 * Thread rule: node_memory_change() takes the node's lock; the rest belongs to one thread.
 */
#ifndef CUSTODY_FS_NODE_MEMORY_H
#define CUSTODY_FS_NODE_MEMORY_H

#include "fs/node.h"

struct node_memory {
	struct node_pin *pin; /* owned, like the others */
	size_t pins;
	struct node_known *revocation;
	size_t revocations;
	struct node_restored {
		uint8_t serial[16];
		int64_t issued_ms;
	} * restore; /* acceptances that were used */
	size_t restores;
};

/* ERR_DAMAGED if the file is not what this node wrote; none yet is empty. */
int node_memory_load(struct node_archive *na, struct node_memory *m, struct err *e);
void node_memory_free(struct node_memory *m);
/* Load, change and (if change says 1) durably replace, under the lock. change: 0 nothing new, 1, or
 * a negative code. */
int node_memory_change(struct node_archive *na,
		       int (*change)(void *ctx, struct node_memory *m, struct err *e), void *ctx,
		       struct err *e);
/* Make room for `more` elements of `size` bytes behind n. NULL, and *list as it was, without
 * memory. */
void *node_memory_room(void **list, size_t n, size_t more, size_t size);

#endif
