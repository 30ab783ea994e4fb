/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/request_scope.h"

#include <stdlib.h>
#include <string.h>

#include "fs/request_accession.h"

void request_scope_free(struct request_scope *sc)
{
	request_logs_free(&sc->logs);
	free(sc->segment);
	free(sc->origin);
	free(sc->picks.list);
	*sc = (struct request_scope){0};
}

/* ---- segments ---- */

static int add_segment(struct request_scope *sc, const struct ledger_segment *seg)
{
	struct ledger_segment *grown;

	if ((sc->segments & (sc->segments - 1)) == 0) {
		grown = reallocarray(sc->segment, sc->segments ? 2 * sc->segments : 1,
				     sizeof(*grown));
		if (!grown)
			return err_set(sc->e, ERR_NOMEM, "out of memory");
		sc->segment = grown;
	}
	sc->segment[sc->segments++] = *seg;
	return 0;
}

static const uint8_t anyone[16];

/* Is a segment of accession i of those that are asked for? */
static bool is_of(const struct request_scope *sc, size_t i, const struct ledger_segment *seg)
{
	const uint8_t *node = sc->ask->nodes ? sc->ask->nodes[i] : anyone;

	return memcmp(sc->ask->accessions[i], seg->accession, 16) == 0 &&
	       (memcmp(node, anyone, 16) == 0 || memcmp(node, seg->node, 16) == 0);
}

static bool is_whole(const struct request_scope *sc, const struct ledger_segment *seg)
{
	for (size_t i = 0; i < sc->ask->naccessions; i++)
		if (is_of(sc, i, seg))
			return true;
	return false;
}

/* Segments of whole accessions that are asked for. */
static int match_segment(void *ctx, const struct ledger_segment *seg)
{
	struct request_scope *sc = ctx;

	return is_whole(sc, seg) ? add_segment(sc, seg) : 0;
}

/* Accession i has a segment, and they are of one node. While no others were added. */
static int check_whole(const struct request_scope *sc, size_t i)
{
	const struct ledger_segment *first = NULL;
	char hex[33], one[33], other[33];

	text_hex(hex, sc->ask->accessions[i], 16);
	for (size_t k = 0; k < sc->segments; k++) {
		const struct ledger_segment *seg = &sc->segment[k];

		if (!is_of(sc, i, seg))
			continue;
		if (!first)
			first = seg;
		if (memcmp(first->node, seg->node, 16) == 0)
			continue;
		text_hex(one, first->node, 16);
		text_hex(other, seg->node, 16);
		return err_set(sc->e, ERR_FORGED,
			       "the nodes %s and %s both claim accession %s: name its node, or ask "
			       "for its folder",
			       one, other, hex);
	}
	return first ? 0 :
		       err_set(sc->e, ERR_NOTFOUND,
			       "accession %s is not in the archive, or holds no item", hex);
}

static const struct ledger_segment *find_segment(const struct request_scope *sc,
						 const struct request_pick *p)
{
	for (size_t i = sc->segments; i-- > 0;)
		if (memcmp(sc->segment[i].id, p->segment, 16) == 0 &&
		    memcmp(sc->segment[i].node, p->node, 16) == 0)
			return &sc->segment[i];
	return NULL;
}

/* All segments of whole accessions, and those of the items. */
static int pick_segments(struct request_scope *sc)
{
	struct ledger_segment seg;
	int rc = sc->ask->naccessions ? ledger_segments(sc->logs.txn, match_segment, sc, sc->e) : 0;

	for (size_t i = 0; rc == 0 && i < sc->ask->naccessions; i++)
		rc = check_whole(sc, i);
	for (size_t i = 0; rc == 0 && i < sc->picks.n; i++) {
		const struct request_pick *p = &sc->picks.list[i];

		if (find_segment(sc, p))
			continue;
		rc = ledger_get_segment(NULL, sc->logs.txn, p->node, p->segment, &seg, sc->e);
		if (rc == 0)
			rc = add_segment(sc, &seg);
	}
	return rc;
}

/* ---- their accessions ---- */

static struct request_origin *find_origin(const struct request_scope *sc,
					  const struct ledger_segment *seg)
{
	for (size_t i = sc->origins; i-- > 0;)
		if (memcmp(sc->origin[i].id, seg->accession, 16) == 0 &&
		    memcmp(sc->origin[i].node, seg->node, 16) == 0)
			return &sc->origin[i];
	return NULL;
}

/* An accession begins before its first segment, asked for or not. */
static int note_first(void *ctx, const struct ledger_segment *seg)
{
	struct request_origin *o = find_origin(ctx, seg);

	if (o && seg->seq < o->first)
		o->first = seg->seq;
	return 0;
}

static int list_origins(struct request_scope *sc)
{
	sc->origin = calloc(sc->segments + 1, sizeof(*sc->origin));
	if (!sc->origin)
		return err_set(sc->e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < sc->segments; i++) {
		const struct ledger_segment *seg = &sc->segment[i];
		struct request_origin *o = find_origin(sc, seg);

		if (o)
			continue;
		o = &sc->origin[sc->origins++];
		o->first = seg->seq;
		o->whole = is_whole(sc, seg);
		memcpy(o->id, seg->accession, 16);
		memcpy(o->node, seg->node, 16);
	}
	return ledger_segments(sc->logs.txn, note_first, sc, sc->e);
}

/* Items of whole accessions are listed as far as there is room: the authority sees how many there
 * are in any case. */
static int pick_names(struct request_scope *sc)
{
	size_t room = AUTHORISATION_ITEMS_MAX - sc->picks.n;
	int rc = 0;

	if (room > REQUEST_NAMES_MAX)
		room = REQUEST_NAMES_MAX;
	for (size_t i = 0; rc == 0 && i < sc->origins; i++) {
		const struct request_origin *o = &sc->origin[i];

		if (!o->whole || o->items > room)
			continue;
		room -= o->items;
		rc = request_accession_items(&sc->picks, o, &sc->logs, sc->e);
	}
	if (rc == 0)
		request_pick_finish(&sc->picks);
	return rc;
}

/* Before items of whole accessions are listed, which count with their accession. */
static void count(struct request_scope *sc)
{
	for (size_t i = 0; i < sc->picks.n; i++) {
		const struct request_pick *p = &sc->picks.list[i];

		if (is_whole(sc, find_segment(sc, p)))
			continue;
		sc->items++;
		sc->bytes += p->size;
	}
	for (size_t i = 0; i < sc->origins; i++) {
		sc->items += sc->origin[i].items;
		sc->bytes += sc->origin[i].bytes;
	}
}

int request_scope_find(struct request_scope *sc)
{
	const uint8_t *names = db_name_key(sc->logs.s->db);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sc->ask->npaths; i++)
		rc = request_pick_path(&sc->picks, sc->logs.txn, names, sc->ask->paths[i], sc->e);
	if (rc)
		return rc;
	request_pick_finish(&sc->picks);
	if (sc->picks.n > AUTHORISATION_ITEMS_MAX)
		return err_set(sc->e, ERR_USAGE, "more than %u items: ask for whole accessions",
			       AUTHORISATION_ITEMS_MAX);
	rc = pick_segments(sc);
	if (rc == 0)
		rc = list_origins(sc);
	if (rc == 0)
		rc = request_logs_add(&sc->logs, node_identity(sc->logs.s->node)->pub.id, sc->e);
	for (size_t i = 0; rc == 0 && i < sc->origins; i++)
		rc = request_logs_add(&sc->logs, sc->origin[i].node, sc->e);
	for (size_t i = 0; rc == 0 && i < sc->picks.n; i++)
		rc = request_logs_add(&sc->logs, sc->picks.list[i].node, sc->e);
	for (size_t i = 0; rc == 0 && i < sc->origins; i++)
		rc = request_accession_look(&sc->origin[i], &sc->logs, sc->e);
	if (rc)
		return rc;
	count(sc);
	return pick_names(sc);
}
