/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view_list: entries for the views (index/view) that were noted, in any order, to be taken in order.
 *
 * Thread rule: belongs to one thread.
 */
#ifndef CUSTODY_INDEX_VIEW_LIST_H
#define CUSTODY_INDEX_VIEW_LIST_H

#include "index/db.h"
#include "index/sorted_block.h"

/* Zero-initialise it. */
struct view_list {
	struct view_noted *at;
	size_t n, cap, next;
	struct wire_out values;
};

/* Values are copied. ERR_NOMEM. */
int view_list_add(struct view_list *l, uint64_t dir, uint64_t place, const uint8_t *v, size_t n);
int view_list_add_link(struct view_list *l, uint64_t dir, uint64_t place, unsigned claim,
		       uint64_t ino);
/* In order; of one place's, the first that was noted is first. The next one is the first. */
void view_list_sort(struct view_list *l);
/* The next one, which stays the next; borrowed. ERR_NOTFOUND at the end. */
int view_list_peek(const struct view_list *l, struct sorted_entry *en);
void view_list_take(struct view_list *l);
/* Put all into index/view_queue under a turn. ERR_NOMEM. */
int view_list_queue(struct view_list *l, struct db_batch *b, uint64_t turn, struct err *e);
void view_list_reset(struct view_list *l); /* forget it */
void view_list_free(struct view_list *l);  /* wipes */

#endif
