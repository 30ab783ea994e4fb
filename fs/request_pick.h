/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_pick: which items a request is about: those under the paths it names, each once, in the
 * order in which they lie in the segments.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_REQUEST_PICK_H
#define CUSTODY_FS_REQUEST_PICK_H

#include <stddef.h>
#include <stdint.h>

#include "index/db.h"
#include "index/event.h"

struct request_pick {
	uint8_t item[16], node[16], segment[16], head[32], commitment[32];
	uint64_t seq, offset, size;
	int64_t ingest_ms;
	uint32_t headlen;
};
struct request_picks {
	struct request_pick *list; /* owned: free() */
	size_t n, cap;
};

/* Add what is at path: an item, or all items below a directory. Where no such path is, 32 hex
 * digits are the id of an item: names need not be UTF-8, ids are plain. ERR_NOTFOUND names the path;
 * ERR_USAGE past AUTHORISATION_ITEMS_MAX. */
int request_pick_path(struct request_picks *p, struct db_txn *t, const uint8_t name_key[32],
		      const char *path, struct err *e);
/* Add the item of an ingest event. Its size is not known: 0. */
int request_pick_event(struct request_picks *p, const uint8_t node[16], const struct event *ev,
		       struct err *e);
/* Sort, and drop what was named twice. Where several nodes say that they took in the very same item,
 * the one that says it did so first: a copy of its events is no second item, and a node that goes on
 * copying after it was revoked would have the request refused. */
void request_pick_finish(struct request_picks *p);

#endif
