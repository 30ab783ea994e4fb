/* SPDX-License-Identifier: Apache-2.0 */
#include "index/view_list.h"

#include <stdlib.h>

#include "index/view.h"
#include "index/view_queue.h"

struct view_noted {
	uint64_t dir, place;
	uint32_t off, order;
	uint8_t n;
};

int view_list_add(struct view_list *l, uint64_t dir, uint64_t place, const uint8_t *v, size_t n)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 1024;
		struct view_noted *grown = realloc(l->at, cap * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		l->at = grown;
		l->cap = cap;
	}
	l->at[l->n] = (struct view_noted){dir, place, (uint32_t)l->values.n, (uint32_t)l->n,
					  (uint8_t)n};
	wire_out_bytes(&l->values, v, n);
	l->n++;
	return wire_out_ok(&l->values) ? 0 : ERR_NOMEM;
}

int view_list_add_link(struct view_list *l, uint64_t dir, uint64_t place, unsigned claim,
		       uint64_t ino)
{
	uint8_t v[VIEW_LINK_SIZE];

	v[0] = (uint8_t)claim;
	wire_put64(v + 1, ino);
	return view_list_add(l, dir, place, v, sizeof(v));
}

static int by_place(const void *va, const void *vb)
{
	const struct view_noted *a = va, *b = vb;

	if (a->dir != b->dir)
		return a->dir < b->dir ? -1 : 1;
	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

void view_list_sort(struct view_list *l)
{
	if (l->n)
		qsort(l->at, l->n, sizeof(*l->at), by_place);
	l->next = 0;
}

int view_list_peek(const struct view_list *l, struct sorted_entry *en)
{
	const struct view_noted *at;

	if (l->next == l->n)
		return ERR_NOTFOUND;
	at = &l->at[l->next];
	*en = (struct sorted_entry){at->dir, at->place, l->values.p + at->off, at->n};
	return 0;
}

void view_list_take(struct view_list *l)
{
	l->next++;
}

static int next(void *list, struct sorted_entry *en)
{
	struct view_list *l = list;
	int rc = view_list_peek(l, en);

	l->next += rc == 0;
	return rc;
}

int view_list_queue(struct view_list *l, struct db_batch *b, uint64_t turn, struct err *e)
{
	view_list_sort(l);
	return l->n ? view_queue_put(b, turn, next, l, e) : 0;
}

void view_list_reset(struct view_list *l)
{
	l->n = l->next = 0;
	wire_out_reset(&l->values);
}

void view_list_free(struct view_list *l)
{
	free(l->at);
	wire_out_wipe(&l->values);
	*l = (struct view_list){0};
}
