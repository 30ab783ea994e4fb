/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "fs/verify_internal.h"

/* A claim: whose journal names an id. All lists here begin with what they are sorted by. */
struct claim {
	const uint8_t *id;
	uint32_t journal;
};

static int item_order(const void *a, const void *b)
{
	const struct verify_placed *x = a, *y = b;
	int c = memcmp(x->item, y->item, 16);

	return c ? c : x->journal < y->journal ? -1 : x->journal > y->journal;
}

static int segment_order(const void *a, const void *b)
{
	const struct verify_segment *x = a, *y = b;
	int c = memcmp(x->id, y->id, 16);

	return c ? c : x->journal < y->journal ? -1 : x->journal > y->journal;
}

static int accession_order(const void *a, const void *b)
{
	const struct verify_accession *x = a, *y = b;
	int c = memcmp(x->id, y->id, 16);

	return c ? c : x->journal < y->journal ? -1 : x->journal > y->journal;
}

/* Tell of two claims that follow each other, if they are of one id. */
static void compare(struct verify *v, const char *what, const struct verify_finding *f,
		    struct claim a, struct claim b)
{
	const struct verify_journal *j = v->journals.p;
	char id[33], node[2][33];

	if (memcmp(a.id, b.id, 16) != 0)
		return;
	text_hex(id, a.id, 16);
	text_hex(node[0], j[a.journal].node, 16);
	text_hex(node[1], j[b.journal].node, 16);
	if (a.journal == b.journal)
		verify_tell(v, f, ERR_DAMAGED, "%s %s is announced twice, by journal %s", what, id,
			    node[0]);
	else
		verify_tell(v, f, ERR_FORGED,
			    "%s %s is claimed by two nodes, journals %s and %s: one of them lies",
			    what, id, node[0], node[1]);
}

static void compare_items(struct verify *v)
{
	static const uint8_t none[16];
	const struct verify_placed *p = v->placed.p;

	for (size_t i = 0; i < v->placed.n; i++) {
		struct verify_finding f = {
			.has_item = true, .has_segment = true, .offset = p[i].offset};

		memcpy(f.item, p[i].item, 16);
		memcpy(f.segment, p[i].segment, 16);
		if (memcmp(p[i].item, none, 16) == 0)
			verify_tell(v, &f, ERR_DAMAGED, "an item has the id of none, all zero");
		else if (i > 0)
			compare(v, "item", &f, (struct claim){p[i - 1].item, p[i - 1].journal},
				(struct claim){p[i].item, p[i].journal});
	}
}

static void compare_segments(struct verify *v)
{
	const struct verify_segment *s = v->segments.p;

	for (size_t i = 1; i < v->segments.n; i++) {
		struct verify_finding f = {.has_segment = true};

		memcpy(f.segment, s[i].id, 16);
		compare(v, "segment", &f, (struct claim){s[i - 1].id, s[i - 1].journal},
			(struct claim){s[i].id, s[i].journal});
	}
}

static void compare_accessions(struct verify *v)
{
	const struct verify_accession *a = v->opened.p;

	for (size_t i = 1; i < v->opened.n; i++)
		compare(v, "accession", NULL, (struct claim){a[i - 1].id, a[i - 1].journal},
			(struct claim){a[i].id, a[i].journal});
}

void verify_claims(struct verify *v)
{
	verify_sort(&v->placed, sizeof(struct verify_placed), item_order);
	verify_sort(&v->segments, sizeof(struct verify_segment), segment_order);
	verify_sort(&v->opened, sizeof(struct verify_accession), accession_order);
	compare_items(v);
	compare_segments(v);
	compare_accessions(v);
}
