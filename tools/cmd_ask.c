// SPDX-License-Identifier: Apache-2.0
#include "tools/cmd_ask.h"

#include <stdlib.h>
#include <string.h>

/* ---- ids ---- */

int cmd_ids_add(struct cmd_ids *ids, const uint8_t id[16])
{
	ids->given = true;
	if (ids->n == ids->cap) {
		size_t cap = ids->cap ? 2 * ids->cap : 16;
		uint8_t(*grown)[16] = realloc(ids->id, cap * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		ids->id = grown;
		ids->cap = cap;
	}
	memcpy(ids->id[ids->n++], id, 16);
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

void cmd_ids_sort(struct cmd_ids *ids)
{
	size_t kept = 0;

	ids->given = true;
	if (ids->n)
		qsort(ids->id, ids->n, sizeof(*ids->id), by_id);
	for (size_t i = 0; i < ids->n; i++) {
		if (kept == 0 || memcmp(ids->id[kept - 1], ids->id[i], 16) != 0)
			memmove(ids->id[kept++], ids->id[i], 16);
	}
	ids->n = kept;
}

bool cmd_ids_has(const struct cmd_ids *ids, const uint8_t id[16])
{
	return ids->n && bsearch(id, ids->id, ids->n, sizeof(*ids->id), by_id);
}

void cmd_ids_free(struct cmd_ids *ids)
{
	free(ids->id);
	*ids = (struct cmd_ids){0};
}

void cmd_ask_free(struct cmd_ask *a)
{
	cmd_ids_free(&a->documents);
	cmd_ids_free(&a->accessions);
	cmd_ids_free(&a->items);
	cmd_ids_free(&a->exports);
}

/* ---- an event ---- */

/* Does the line speak of it? By the same list that the index was made with. */
static bool says(const struct posting_list *l, enum posting_kind kind, const void *p, size_t n)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (l->at[i].kind == kind && l->at[i].n == n && memcmp(l->at[i].p, p, n) == 0)
			return true;
	}
	return false;
}

static bool says_any(const struct posting_list *l, enum posting_kind kind,
		     const struct cmd_ids *ids)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (l->at[i].kind == kind && cmd_ids_has(ids, l->at[i].p))
			return true;
	}
	return false;
}

bool cmd_ask_fits(const struct cmd_ask *a, const struct event *ev)
{
	struct posting_list l;
	uint8_t uid[8];

	if (a->types && !a->type[ev->type])
		return false;
	if (ev->time_ms < a->from_ms || ev->time_ms > a->to_ms)
		return false;
	if (a->items.given && !cmd_ids_has(&a->items, ev->item))
		return false;
	if (!a->user && !a->has_uid && !a->documents.given && !a->accessions.given &&
	    !a->exports.given)
		return true;
	posting_of(&l, ev);
	posting_uid(uid, a->uid);
	return (!a->user || says(&l, POSTING_USER, a->user, strlen(a->user))) &&
	       (!a->has_uid || says(&l, POSTING_UID, uid, sizeof(uid))) &&
	       (!a->documents.given || says_any(&l, POSTING_DOCUMENT, &a->documents)) &&
	       (!a->accessions.given || says_any(&l, POSTING_ACCESSION, &a->accessions)) &&
	       (!a->exports.given || says_any(&l, POSTING_EXPORT, &a->exports));
}

/* ---- the index ---- */

struct narrowing {
	const struct cmd_ask *a;
	struct db_txn *t;
	uint32_t journal;
	struct lineset *s, any; /* any: lines of one part of what is asked */
	struct err *e;
};

static int load(struct narrowing *w, enum posting_kind kind, const void *p, size_t n)
{
	const struct posting one = {kind, p, n};

	return posting_load(&w->any, w->t, w->journal, &one, w->e);
}

static int load_ids(struct narrowing *w, enum posting_kind kind, const struct cmd_ids *ids)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ids->n; i++)
		rc = load(w, kind, ids->id[i], 16);
	return rc;
}

static int add_place(void *ctx, uint32_t journal, uint64_t seq)
{
	struct narrowing *w = ctx;

	if (journal == w->journal)
		lineset_add(&w->any, seq);
	return 0;
}

static int load_items(struct narrowing *w)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < w->a->items.n; i++)
		rc = ledger_events(w->t, w->a->items.id[i], add_place, w, w->e);
	return rc;
}

static int load_types(struct narrowing *w)
{
	int rc = 0;

	for (unsigned t = EVENT_UNKNOWN + 1; rc == 0 && t < EVENT_TYPES; t++) {
		const char *name = event_type_name(t);

		if (w->a->type[t])
			rc = load(w, POSTING_TYPE, name, strlen(name));
	}
	return rc;
}

static int load_user(struct narrowing *w)
{
	return load(w, POSTING_USER, w->a->user, strlen(w->a->user));
}

static int load_uid(struct narrowing *w)
{
	uint8_t uid[8];

	posting_uid(uid, w->a->uid);
	return load(w, POSTING_UID, uid, sizeof(uid));
}

static int load_documents(struct narrowing *w)
{
	return load_ids(w, POSTING_DOCUMENT, &w->a->documents);
}

static int load_accessions(struct narrowing *w)
{
	return load_ids(w, POSTING_ACCESSION, &w->a->accessions);
}

static int load_exports(struct narrowing *w)
{
	return load_ids(w, POSTING_EXPORT, &w->a->exports);
}

static int load_hints(struct narrowing *w)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < w->a->hints; i++)
		rc = posting_load(&w->any, w->t, w->journal, &w->a->hint[i], w->e);
	return rc;
}

int cmd_ask_narrow(const struct cmd_ask *a, struct db_txn *t, uint32_t journal, struct lineset *s,
		   struct err *e)
{
	const struct {
		bool given;
		int (*load)(struct narrowing *w);
	} part[] = {
		{a->types, load_types},
		{a->items.given, load_items},
		{a->user != NULL, load_user},
		{a->has_uid, load_uid},
		{a->documents.given, load_documents},
		{a->accessions.given, load_accessions},
		{a->exports.given, load_exports},
		{a->hints > 0, load_hints},
	};
	struct narrowing w = {a, t, journal, s, {0}, e};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(part) / sizeof(part[0]); i++) {
		if (!part[i].given)
			continue;
		if (lineset_init(&w.any, s->size))
			return err_set(e, ERR_NOMEM, "out of memory");
		rc = part[i].load(&w);
		if (rc == 0)
			lineset_and(s, &w.any);
		lineset_free(&w.any);
	}
	return rc;
}
