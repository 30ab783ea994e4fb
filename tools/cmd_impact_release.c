// SPDX-License-Identifier: Apache-2.0
/* Releases: what was admitted, and when it was in force; and who could see names. */
#include "tools/cmd_impact.h"

#include <stdlib.h>
#include <string.h>

int impact_room(void **list, size_t n, size_t *cap, size_t size, struct err *e)
{
	size_t want = *cap ? 2 * *cap : 64;
	void *grown;

	if (n < *cap)
		return 0;
	grown = reallocarray(*list, want, size);
	if (!grown)
		return err_set(e, ERR_NOMEM, "out of memory");
	*list = grown;
	*cap = want;
	return 0;
}

void impact_free(struct impact *m)
{
	for (size_t i = 0; i < m->releases; i++)
		authorisation_free(&m->release[i].terms);
	free(m->release);
	free(m->use);
	free(m->told);
	free(m->item);
	free(m->pair);
}

void impact_tell(void *ctx, const char *sentence)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	struct impact *m = ctx;

	for (const char *p = sentence; *p; p++)
		hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < m->tolds; i++)
		if (m->told[i] == hash)
			return;
	if (impact_room((void **)&m->told, m->tolds, &m->room_told, sizeof(*m->told), NULL) == 0)
		m->told[m->tolds++] = hash;
	ui_notice(m->ui, sentence);
}

struct gather {
	struct impact *m;
	struct err *e;
};

/* The document is lent: the terms are parsed once more, to keep. */
static int add_release(struct impact *m, const struct cmd_doc *d, struct err *e)
{
	struct impact_release *r;
	int rc;

	for (size_t i = 0; i < m->releases; i++) {
		r = &m->release[i];
		if (memcmp(r->terms.serial, d->line->ev.document, 16) == 0 &&
		    memcmp(r->node, d->line->node, 16) == 0)
			return 0; /* a serial counts once */
	}
	rc = impact_room((void **)&m->release, m->releases, &m->room_releases, sizeof(*m->release),
			 e);
	if (rc)
		return rc;
	r = &m->release[m->releases];
	memset(r, 0, sizeof(*r));
	rc = authorisation_parse(&r->terms, &d->doc, e);
	if (rc)
		return rc;
	m->releases++;
	memcpy(r->node, d->line->node, 16);
	memcpy(r->node_name, d->line->name, sizeof(r->node_name));
	r->admitted_ms = d->line->ev.time_ms;
	r->begin_ms = r->admitted_ms > r->terms.not_before_ms ? r->admitted_ms :
								r->terms.not_before_ms;
	r->end_ms = r->terms.not_after_ms;
	return 0;
}

/* A reader's enrolment gives it the key of names. */
static void add_reader(struct impact *m, const struct cmd_doc *d)
{
	struct text_span role;
	int64_t not_after;

	if (!document_value(&d->doc, "role", &role) || !(roster_roles_parse(role) & ROSTER_READER))
		return;
	if (document_time(&d->doc, "not-after", &not_after) && not_after < m->from_ms)
		return;
	m->readers++;
}

static int admitted(void *ctx, const struct cmd_doc *d)
{
	const struct gather *g = ctx;

	if (strcmp(d->kind, "authorisation") == 0)
		return add_release(g->m, d, g->e);
	if (strcmp(d->kind, "enrolment") == 0)
		add_reader(g->m, d);
	return 0;
}

/* ---- what ended them ---- */

static void end_by(struct impact *m, const uint8_t node[16], const uint8_t *serial, int64_t ms)
{
	for (size_t i = 0; i < m->releases; i++) {
		struct impact_release *r = &m->release[i];

		if (memcmp(r->node, node, 16) == 0 && ms >= r->admitted_ms && ms < r->end_ms &&
		    (!serial || memcmp(r->terms.serial, serial, 16) == 0))
			r->end_ms = ms;
	}
}

/* A revocation that the node itself admitted, of an authorisation or of itself. */
static int revoked(void *ctx, const struct cmd_doc *d)
{
	const struct gather *g = ctx;
	struct authorisation_revocation rev;

	if (authorisation_revocation_parse(&rev, &d->doc, NULL) != 0)
		return 0;
	if (rev.what == REVOKE_AUTHORISATION)
		end_by(g->m, d->line->node, rev.target, d->line->ev.time_ms);
	else if (rev.what == REVOKE_NODE && memcmp(rev.target, d->line->node, 16) == 0)
		end_by(g->m, d->line->node, NULL, d->line->ev.time_ms);
	return 0;
}

/* A restore that the node accepted: over is what had been issued to it before. */
static int restored(void *ctx, const struct cmd_doc *d)
{
	const struct gather *g = ctx;
	int64_t issued;

	for (size_t i = 0; document_time(&d->doc, "issued", &issued) && i < g->m->releases; i++) {
		const struct authorisation *a = &g->m->release[i].terms;

		if (a->issued_ms <= issued)
			end_by(g->m, d->line->node, a->serial, d->line->ev.time_ms);
	}
	return 0;
}

static int find_ends(struct impact *m, struct err *e)
{
	struct cmd_ask ask = CMD_ASK_ALL;
	const struct cmd_merge_line *line;
	struct cmd_merge *merge;
	int rc;

	ask.journal = m->journal;
	ask.wary = true;
	ask.types = ask.type[EVENT_RELEASE_ENDED] = true;
	rc = cmd_merge_open(&merge, m->view.archive, m->view.roster,
			    m->view.station ? m->view.station->db : NULL, &ask, e);
	while (rc == 0 && (line = cmd_merge_next(merge, &m->notice)))
		end_by(m, line->node, line->ev.release, line->ev.time_ms);
	if (rc == 0)
		rc = cmd_merge_failed(merge, e);
	cmd_merge_close(merge);
	return rc;
}

int impact_find_releases(struct impact *m, struct err *e)
{
	struct gather g = {m, e};
	const struct cmd_docs_ask what = {
		.journal = m->journal, .officer = m->officer, .to_ms = m->to_ms};
	struct cmd_docs_ask ends = {
		.journal = m->journal, .kind = "revocation", .to_ms = INT64_MAX};
	int rc = cmd_docs_each(&m->view, &what, &m->notice, admitted, &g, e);

	if (rc == 0)
		rc = cmd_docs_each(&m->view, &ends, &m->notice, revoked, &g, e);
	ends.kind = "restore";
	if (rc == 0)
		rc = cmd_docs_each(&m->view, &ends, &m->notice, restored, &g, e);
	if (rc == 0)
		rc = find_ends(m, e);
	for (size_t i = 0; rc == 0 && i < m->releases; i++) {
		struct impact_release *r = &m->release[i];

		r->in_force = r->begin_ms <= r->end_ms && r->begin_ms <= m->to_ms &&
			      r->end_ms >= m->from_ms;
	}
	return rc;
}

int impact_find_names(struct impact *m, struct err *e)
{
	struct cmd_ask ask = CMD_ASK_ALL;
	struct cmd_merge *merge;
	int rc;

	if (!m->readers)
		return 0;
	ask.to_ms = m->to_ms;
	ask.types = ask.type[EVENT_INGEST] = true;
	rc = cmd_merge_open(&merge, m->view.archive, m->view.roster,
			    m->view.station ? m->view.station->db : NULL, &ask, e);
	if (rc == 0)
		rc = cmd_merge_count(merge, &m->notice, &m->names, e);
	cmd_merge_close(merge);
	return rc;
}
