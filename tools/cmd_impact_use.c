// SPDX-License-Identifier: Apache-2.0
/* Uses: what was open in the time that is asked for, and how much of it was read. */
#include "tools/cmd_impact.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/wire.h"

#define NONE UINT32_MAX
#define BUCKETS 65536u

struct reading {
	struct impact *m;
	uint32_t bucket[BUCKETS]; /* of uses that are open */
	bool before;		  /* the time that is asked for has not begun */
	struct err *e;
};

static uint32_t find_release(const struct impact *m, const uint8_t node[16],
			     const uint8_t serial[16])
{
	for (size_t i = 0; i < m->releases; i++) {
		if (memcmp(m->release[i].terms.serial, serial, 16) == 0 &&
		    memcmp(m->release[i].node, node, 16) == 0)
			return (uint32_t)i;
	}
	return IMPACT_STRAY;
}

static uint32_t *bucket_of(struct reading *w, const struct cmd_merge_line *l)
{
	uint64_t h = (wire_get64(l->ev.item) ^ l->ev.handle * UINT64_C(0x9e3779b97f4a7c15)) *
		     UINT64_C(0xff51afd7ed558ccd);

	return &w->bucket[h >> 48 & (BUCKETS - 1)];
}

static int opened(struct reading *w, const struct cmd_merge_line *l)
{
	static const uint8_t none[16];
	struct impact *m = w->m;
	uint32_t *head = bucket_of(w, l);
	struct impact_use *u;
	int rc = impact_room((void **)&m->use, m->uses, &m->room_uses, sizeof(*m->use), w->e);

	if (rc)
		return rc;
	u = &m->use[m->uses];
	memset(u, 0, sizeof(*u));
	u->release = find_release(m, l->node, l->ev.release);
	/* Under what the officer did not sign, or other nodes' documents: not what is asked for. */
	if (u->release == IMPACT_STRAY && (m->officer || w->before))
		return 0;
	memcpy(u->node, l->node, 16);
	memcpy(u->item, l->ev.item, 16);
	memcpy(u->serial, l->ev.release, 16);
	u->handle = l->ev.handle;
	u->opened_ms = l->ev.time_ms;
	u->exported = memcmp(l->ev.export, none, 16) != 0;
	u->next = *head;
	*head = (uint32_t)m->uses++;
	return 0;
}

/* The one that was opened last, of those that have not been closed. */
static void closed(struct reading *w, const struct cmd_merge_line *l)
{
	for (uint32_t *at = bucket_of(w, l); *at != NONE; at = &w->m->use[*at].next) {
		struct impact_use *u = &w->m->use[*at];

		if (u->handle != l->ev.handle || memcmp(u->item, l->ev.item, 16) != 0 ||
		    memcmp(u->serial, l->ev.release, 16) != 0 || memcmp(u->node, l->node, 16) != 0)
			continue;
		u->closed = true;
		u->gone = w->before;
		u->bytes = l->ev.bytes;
		*at = u->next;
		return;
	}
}

static int read_lines(struct reading *w, struct cmd_ask *ask)
{
	struct impact *m = w->m;
	const struct cmd_merge_line *line;
	struct cmd_merge *merge;
	int rc;

	ask->journal = m->journal;
	ask->wary = true;
	ask->types = ask->type[EVENT_CLOSED] = true;
	cmd_ids_sort(&ask->documents);
	ask->documents.given = ask->documents.n > 0;
	rc = cmd_merge_open(&merge, m->view.archive, m->view.roster,
			    m->view.station ? m->view.station->db : NULL, ask, w->e);
	while (rc == 0 && (line = cmd_merge_next(merge, &m->notice))) {
		if (line->ev.type == EVENT_OPENED)
			rc = opened(w, line);
		else
			closed(w, line);
	}
	if (rc == 0)
		rc = cmd_merge_failed(merge, w->e);
	cmd_merge_close(merge);
	cmd_ask_free(ask);
	return rc;
}

/* What was opened before, under a release that was in force when the time began. */
static int read_before(struct reading *w)
{
	struct cmd_ask ask = CMD_ASK_ALL;
	const struct impact *m = w->m;
	int rc = 0;

	if (m->from_ms == INT64_MIN)
		return 0;
	for (size_t i = 0; rc == 0 && i < m->releases; i++) {
		const struct impact_release *r = &m->release[i];

		if (r->begin_ms < m->from_ms && r->end_ms >= m->from_ms)
			rc = cmd_ids_add(&ask.documents, r->terms.serial);
	}
	if (rc == 0 && !ask.documents.n)
		return 0;
	w->before = true;
	ask.type[EVENT_OPENED] = true;
	ask.to_ms = m->from_ms - 1;
	rc = rc ? rc : read_lines(w, &ask);
	w->before = false;
	return rc;
}

static int read_time(struct reading *w)
{
	struct cmd_ask ask = CMD_ASK_ALL;
	const struct impact *m = w->m;
	int rc = 0;

	for (size_t i = 0; rc == 0 && m->officer && i < m->releases; i++)
		rc = cmd_ids_add(&ask.documents, m->release[i].terms.serial);
	if (rc == 0 && m->officer && !m->releases)
		return 0;
	ask.type[EVENT_OPENED] = true;
	ask.from_ms = m->from_ms;
	ask.to_ms = m->to_ms;
	return rc ? rc : read_lines(w, &ask);
}

/* What was still open then: how much of it was read is told when it is closed. */
static int read_after(struct reading *w)
{
	struct cmd_ask ask = CMD_ASK_ALL;
	const struct impact *m = w->m;
	int rc = 0;

	if (m->to_ms == INT64_MAX)
		return 0;
	for (size_t i = 0; rc == 0 && i < m->uses; i++) {
		if (!m->use[i].closed)
			rc = cmd_ids_add(&ask.documents, m->use[i].serial);
	}
	if (rc == 0 && !ask.documents.n)
		return 0;
	ask.from_ms = m->to_ms + 1;
	return rc ? rc : read_lines(w, &ask);
}

int impact_find_uses(struct impact *m, struct err *e)
{
	struct reading *w = malloc(sizeof(*w));
	size_t kept = 0;
	int rc;

	if (!w)
		return err_set(e, ERR_NOMEM, "out of memory");
	w->m = m;
	w->e = e;
	w->before = false;
	memset(w->bucket, 0xff, sizeof(w->bucket));
	rc = read_before(w);
	if (rc == 0)
		rc = read_time(w);
	if (rc == 0)
		rc = read_after(w);
	for (size_t i = 0; i < m->uses; i++) {
		if (!m->use[i].gone)
			m->use[kept++] = m->use[i];
	}
	m->uses = kept;
	free(w);
	return rc;
}
