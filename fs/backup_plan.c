/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backup_plan.h"

#include <stdlib.h>
#include <string.h>

void backup_plan_free(struct backup_plan *p)
{
	free(p->frame);
	free(p->held);
	*p = (struct backup_plan){.frames = 0};
}

/* Room for one more of n elements that grow by doubling; NULL when memory is short. */
static void *room(void **list, size_t n, size_t size)
{
	void *p = *list;

	if ((n & (n - 1)) == 0) {
		p = reallocarray(*list, n ? 2 * n : 1, size);
		if (!p)
			return NULL;
		*list = p;
	}
	return (char *)p + n * size;
}

static int add_held(struct backup_plan *p, const uint8_t id[16], uint64_t bytes)
{
	struct backup_held *h;

	/* Items of one segment follow one another as a rule. */
	if (p->helds && memcmp(p->held[p->helds - 1].id, id, 16) == 0) {
		h = &p->held[p->helds - 1];
		h->bytes = bytes > h->bytes ? bytes : h->bytes;
		return 0;
	}
	h = room((void **)&p->held, p->helds, sizeof(*h));
	if (!h)
		return ERR_NOMEM;
	p->helds++;
	memcpy(h->id, id, 16);
	h->bytes = bytes;
	return 0;
}

static int add_frame(struct backup_plan *p, const struct backup_frame *f)
{
	struct backup_frame *to = room((void **)&p->frame, p->frames, sizeof(*to));

	if (!to)
		return ERR_NOMEM;
	*to = *f;
	p->frames++;
	return 0;
}

int backup_plan_event(struct backup_plan *p, const struct event *ev)
{
	struct backup_frame f = {.offset = 0};
	int rc;

	if (ev->type != EVENT_SEGMENT && ev->type != EVENT_INGEST)
		return 0;
	memcpy(f.segment, ev->segment, 16);
	if (ev->type == EVENT_INGEST) {
		if (ev->length == 0 || ev->offset > INT64_MAX ||
		    ev->length > INT64_MAX - ev->offset)
			return ERR_MALFORMED;
		f.offset = ev->offset;
		f.length = ev->length;
		memcpy(f.item, ev->item, 16);
	}
	memcpy(f.digest, ev->type == EVENT_INGEST ? ev->frame : ev->header, 32);
	rc = add_held(p, ev->segment, f.offset + f.length);
	return rc ? rc : add_frame(p, &f);
}

int backup_plan_state(struct backup_plan *p, const struct backup_state *s)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->helds; i++)
		rc = add_held(p, s->held[i].id, s->held[i].bytes);
	for (size_t i = 0; rc == 0 && i < s->oweds; i++)
		rc = add_frame(p, &s->owed[i]);
	return rc;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static int by_place(const void *a, const void *b)
{
	const struct backup_frame *x = a, *y = b;
	int c = memcmp(x->segment, y->segment, 16);

	return c ? c : x->offset < y->offset ? -1 : x->offset > y->offset;
}

void backup_plan_sort(struct backup_plan *p)
{
	size_t kept = 0;

	if (p->frames)
		qsort(p->frame, p->frames, sizeof(*p->frame), by_place);
	if (p->helds)
		qsort(p->held, p->helds, sizeof(*p->held), by_id);
	for (size_t i = 0; i < p->helds; i++) {
		if (kept == 0 || memcmp(p->held[kept - 1].id, p->held[i].id, 16) != 0)
			p->held[kept++] = p->held[i];
		else if (p->held[kept - 1].bytes < p->held[i].bytes)
			p->held[kept - 1].bytes = p->held[i].bytes;
	}
	p->helds = kept;
}

const struct backup_frame *backup_plan_frames(const struct backup_plan *p, const uint8_t id[16],
					      size_t *n)
{
	size_t lo = 0, hi = p->frames, end;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(p->frame[mid].segment, id, 16) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (end = lo; end < p->frames && memcmp(p->frame[end].segment, id, 16) == 0; end++)
		;
	*n = end - lo;
	return *n ? p->frame + lo : NULL;
}
