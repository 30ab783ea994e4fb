// SPDX-License-Identifier: Apache-2.0
/* Items: which ones the releases cover, and what became of each. */
#include "tools/cmd_impact.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/suite.h"
#include "fs/segment.h"

/* ---- what the log took in ---- */

static int add_item(struct impact *m, const struct impact_item *it, struct err *e)
{
	int rc = impact_room((void **)&m->item, m->items, &m->room_items, sizeof(*m->item), e);

	if (rc == 0)
		m->item[m->items++] = *it;
	return rc;
}

/* How long the plaintext is follows from how long the frame is, and needs no look into the index. */
static void take_size(struct impact *m, struct impact_item *it, const struct event *ev)
{
	struct wire_out header = {0};
	struct segment_header h;

	if (!m->view.station)
		return;
	if (memcmp(m->segment, ev->segment, 16) != 0) {
		memcpy(m->segment, ev->segment, 16);
		m->map = (struct chunk_map){.size = 0};
		if (segment_read_header(&header, m->view.station->segments, ev->segment, NULL) ==
			    0 &&
		    segment_header_parse(&h, header.p, header.n) == 0)
			m->map = (struct chunk_map){.size = h.chunk_size,
						    .tag = suite_tag_size(h.suite)};
		wire_out_free(&header);
	}
	it->sized = ev->length >= ev->headlen && chunk_unstored(&m->map, ev->length - ev->headlen);
	it->size = m->map.plain;
}

static int add_line(struct impact *m, const struct cmd_merge_line *l, struct err *e)
{
	struct impact_item it = {.known = true, .ms = l->ev.time_ms, .stored = l->ev.length};

	take_size(m, &it, &l->ev);
	memcpy(it.id, l->ev.item, 16);
	memcpy(it.commitment, l->ev.commitment, 32);
	memcpy(it.accession, l->ev.accession, 16);
	memcpy(it.node, l->node, 16);
	return add_item(m, &it, e);
}

/* The ask is freed. */
static int read_ingests(struct impact *m, struct cmd_ask *ask, int rc, struct err *e)
{
	const struct cmd_merge_line *line;
	struct cmd_merge *merge = NULL;

	ask->types = ask->type[EVENT_INGEST] = true;
	cmd_ids_sort(&ask->items);
	cmd_ids_sort(&ask->accessions);
	ask->items.given = ask->items.n > 0;
	ask->accessions.given = ask->accessions.n > 0;
	if (rc)
		err_set(e, rc, "out of memory");
	else
		rc = cmd_merge_open(&merge, m->view.archive, m->view.roster,
				    m->view.station ? m->view.station->db : NULL, ask, e);
	while (rc == 0 && (line = cmd_merge_next(merge, &m->notice)))
		rc = add_line(m, line, e);
	if (rc == 0)
		rc = cmd_merge_failed(merge, e);
	cmd_merge_close(merge);
	cmd_ask_free(ask);
	return rc;
}

static int read_accessions(struct impact *m, struct err *e)
{
	struct cmd_ask ask = CMD_ASK_ALL;
	int rc = 0;

	ask.to_ms = m->to_ms;
	for (size_t i = 0; i < m->releases; i++) {
		const struct authorisation *a = &m->release[i].terms;

		for (size_t k = 0; rc == 0 && k < a->accessions; k++)
			rc = cmd_ids_add(&ask.accessions, a->accession[k]);
	}
	if (rc == 0 && !ask.accessions.n)
		return 0;
	return read_ingests(m, &ask, rc, e);
}

static int read_named(struct impact *m, struct err *e)
{
	struct cmd_ask ask = CMD_ASK_ALL;
	int rc = 0;

	for (size_t i = 0; i < m->releases; i++) {
		const struct authorisation *a = &m->release[i].terms;

		for (size_t k = 0; rc == 0 && k < a->items; k++)
			rc = cmd_ids_add(&ask.items, a->item[k].id);
	}
	for (size_t i = 0; rc == 0 && i < m->uses; i++)
		rc = cmd_ids_add(&ask.items, m->use[i].item);
	if (rc == 0 && !ask.items.n)
		return 0;
	return read_ingests(m, &ask, rc, e);
}

static int read_taken_in(struct impact *m, struct err *e)
{
	struct cmd_ask ask = CMD_ASK_ALL;

	if (!m->journal || m->officer)
		return 0;
	ask.journal = m->journal;
	ask.from_ms = m->from_ms;
	ask.to_ms = m->to_ms;
	return read_ingests(m, &ask, 0, e);
}

/* ---- in order ---- */

static int by_claim(const void *a, const void *b)
{
	const struct impact_item *x = a, *y = b;
	int c = memcmp(x->id, y->id, 16);

	c = c ? c : memcmp(x->commitment, y->commitment, 32);
	c = c ? c : memcmp(x->node, y->node, 16);
	return c ? c : (x->ms > y->ms) - (x->ms < y->ms);
}

/* Sort; a line that was told or read twice counts once, the first one. */
static void sort_items(struct impact *m)
{
	size_t kept = 0;

	if (m->items)
		qsort(m->item, m->items, sizeof(*m->item), by_claim);
	for (size_t i = 0; i < m->items; i++) {
		const struct impact_item *last = kept ? &m->item[kept - 1] : NULL;

		if (last && memcmp(last->id, m->item[i].id, 16) == 0 &&
		    memcmp(last->commitment, m->item[i].commitment, 32) == 0 &&
		    memcmp(last->node, m->item[i].node, 16) == 0)
			continue;
		if (kept != i)
			m->item[kept] = m->item[i];
		kept++;
	}
	m->items = kept;
}

/* The first item of an id, or where it would be. */
static size_t first_of(const struct impact *m, size_t n, const uint8_t id[16])
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(m->item[mid].id, id, 16) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_known(const struct impact *m, size_t n, const uint8_t id[16],
		     const uint8_t *commitment)
{
	for (size_t i = first_of(m, n, id); i < n && memcmp(m->item[i].id, id, 16) == 0; i++) {
		if (!commitment || memcmp(m->item[i].commitment, commitment, 32) == 0)
			return true;
	}
	return false;
}

/* What a document or line names, and no log here took in. */
static int add_unknown(struct impact *m, struct err *e)
{
	const size_t n = m->items;
	int rc = 0;

	for (size_t i = 0; i < m->releases; i++) {
		const struct authorisation *a = &m->release[i].terms;

		for (size_t k = 0; rc == 0 && k < a->items; k++) {
			struct impact_item it = {.known = false};

			if (is_known(m, n, a->item[k].id, a->item[k].commitment))
				continue;
			memcpy(it.id, a->item[k].id, 16);
			memcpy(it.commitment, a->item[k].commitment, 32);
			rc = add_item(m, &it, e);
		}
	}
	sort_items(m);
	for (size_t i = 0, now = m->items; rc == 0 && i < m->uses; i++) {
		struct impact_item it = {.known = false};

		if (is_known(m, now, m->use[i].item, NULL))
			continue;
		memcpy(it.id, m->use[i].item, 16);
		rc = add_item(m, &it, e);
	}
	sort_items(m);
	return rc;
}

/* ---- what covers what ---- */

static int add_pair(struct impact *m, size_t item, size_t release, struct err *e)
{
	int rc = impact_room((void **)&m->pair, m->pairs, &m->room_pairs, sizeof(*m->pair), e);

	if (rc == 0)
		m->pair[m->pairs++] = (struct impact_pair){(uint32_t)item, (uint32_t)release};
	return rc;
}

static int pair_named(struct impact *m, size_t release, struct err *e)
{
	const struct authorisation *a = &m->release[release].terms;
	int rc = 0;

	for (size_t k = 0; k < a->items; k++) {
		const struct authorisation_item *want = &a->item[k];
		size_t i = first_of(m, m->items, want->id);

		for (; rc == 0 && i < m->items && !memcmp(m->item[i].id, want->id, 16); i++) {
			if (memcmp(m->item[i].commitment, want->commitment, 32) == 0)
				rc = add_pair(m, i, release, e);
		}
	}
	return rc;
}

struct member {
	uint8_t accession[16];
	uint32_t item;
};

static int by_accession(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = memcmp(x->accession, y->accession, 16);

	return c ? c : (x->item > y->item) - (x->item < y->item);
}

static int list_members(const struct impact *m, struct member **list, size_t *n, struct err *e)
{
	*n = 0;
	*list = calloc(m->items + 1, sizeof(**list));
	if (!*list)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < m->items; i++) {
		if (!m->item[i].known)
			continue;
		memcpy((*list)[*n].accession, m->item[i].accession, 16);
		(*list)[(*n)++].item = (uint32_t)i;
	}
	qsort(*list, *n, sizeof(**list), by_accession);
	return 0;
}

/* An accession is all that had been taken into it then: by the end of the release, or of the time. */
static int pair_accession(struct impact *m, size_t release, const uint8_t id[16],
			  const struct member *list, size_t n, struct err *e)
{
	const struct impact_release *r = &m->release[release];
	const int64_t until = r->end_ms < m->to_ms ? r->end_ms : m->to_ms;
	size_t lo = 0, hi = n;
	int rc = 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(list[mid].accession, id, 16) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; rc == 0 && lo < n && memcmp(list[lo].accession, id, 16) == 0; lo++) {
		if (m->item[list[lo].item].ms <= until)
			rc = add_pair(m, list[lo].item, release, e);
	}
	return rc;
}

static int by_item(const void *a, const void *b)
{
	const struct impact_pair *x = a, *y = b;

	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	return (x->release > y->release) - (x->release < y->release);
}

static int find_pairs(struct impact *m, struct err *e)
{
	struct member *list;
	size_t n, kept = 0;
	int rc = list_members(m, &list, &n, e);

	for (size_t i = 0; i < m->releases; i++) {
		const struct authorisation *a = &m->release[i].terms;

		rc = rc ? rc : pair_named(m, i, e);
		for (size_t k = 0; rc == 0 && k < a->accessions; k++)
			rc = pair_accession(m, i, a->accession[k], list, n, e);
	}
	free(list);
	if (m->pairs)
		qsort(m->pair, m->pairs, sizeof(*m->pair), by_item);
	for (size_t i = 0; i < m->pairs; i++) {
		if (!kept || by_item(&m->pair[kept - 1], &m->pair[i]) != 0)
			m->pair[kept++] = m->pair[i];
	}
	m->pairs = kept;
	return rc;
}

/* ---- what became of them ---- */

static void raise_to(struct impact_item *it, enum impact_state s)
{
	if (it->state < s)
		it->state = s;
}

static bool is_pair(const struct impact *m, size_t item, uint32_t release)
{
	const struct impact_pair want = {(uint32_t)item, release};

	return m->pairs && bsearch(&want, m->pair, m->pairs, sizeof(want), by_item);
}

static void use_item(struct impact_item *it, const struct impact_use *u)
{
	it->opens++;
	it->unclosed += !u->closed;
	it->bytes += u->bytes;
	raise_to(it, u->closed && u->bytes == 0 ? IMPACT_OPENED :
		     u->exported		? IMPACT_EXPORTED :
						  IMPACT_SERVED);
}

/* It is the item that the release covers; all that have the id, should there be none. */
static void use_items(struct impact *m, const struct impact_use *u)
{
	const size_t from = first_of(m, m->items, u->item);
	bool some = false;

	for (size_t i = from; i < m->items && !memcmp(m->item[i].id, u->item, 16); i++) {
		if (u->release != IMPACT_STRAY && is_pair(m, i, u->release)) {
			use_item(&m->item[i], u);
			some = true;
		}
	}
	for (size_t i = from; !some && i < m->items && !memcmp(m->item[i].id, u->item, 16); i++)
		use_item(&m->item[i], u);
}

static void find_states(struct impact *m)
{
	for (size_t i = 0; i < m->items; i++) {
		struct impact_item *it = &m->item[i];

		it->taken_in = it->known && m->journal && !m->officer &&
			       memcmp(it->node, m->journal, 16) == 0 && it->ms >= m->from_ms &&
			       it->ms <= m->to_ms;
		if (it->taken_in)
			raise_to(it, IMPACT_TAKEN_IN);
	}
	for (size_t i = 0; i < m->pairs; i++)
		raise_to(&m->item[m->pair[i].item],
			 m->release[m->pair[i].release].in_force ? IMPACT_COVERED : IMPACT_HELD);
	for (size_t i = 0; i < m->uses; i++)
		use_items(m, &m->use[i]);
}

int impact_find_items(struct impact *m, struct err *e)
{
	int rc = read_accessions(m, e);

	if (rc == 0)
		rc = read_named(m, e);
	if (rc == 0)
		rc = read_taken_in(m, e);
	if (rc)
		return rc;
	sort_items(m);
	rc = add_unknown(m, e);
	if (rc == 0)
		rc = find_pairs(m, e);
	if (rc == 0)
		find_states(m);
	return rc;
}
