/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the logs of an archive that contradict what this node saw.
 */
#include "fs/evidence.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "fs/logtree.h"
#include "fs/station.h"
#include "index/journal.h"
#include "index/ledger.h"

struct finder {
	struct station *s;
	struct evidence *v;
	struct wire_out notes; /* those that are there, one behind the other */
	struct err *e;
};

/* The keys of the node whose log it is; false if documents/ does not know it any more. */
static bool find_keys(const struct station *s, const uint8_t node[16], struct identity_public *pub)
{
	const struct identity_public *self = &node_identity(s->node)->pub;
	const struct roster_node *n = roster_find(s->roster, node);

	const bool own = memcmp(node, self->id, 16) == 0;

	if (own || n)
		*pub = own ? *self : n->pub;
	return own || n;
}

/* What is there: its note is put into f->notes, at *at. */
static int read_present(struct finder *f, const struct node_pin *pin, struct evidence_log *l,
			size_t *at)
{
	const struct archive *a = f->s->archive;
	struct identity_public pub = {.id = {0}};
	int rc = ERR_NOTFOUND;

	*at = f->notes.n;
	if (find_keys(f->s, pin->node, &pub))
		rc = journal_read_checkpoint(a->journal, a->desc.id, &pub, &l->present_at,
					     &f->notes, f->e);
	if (rc == 0) {
		l->present.n = f->notes.n - *at;
		return 0;
	}
	f->notes.n = *at;
	if (rc != ERR_NOTFOUND)
		return rc;
	l->present_at = (struct note_checkpoint){.size = 0};
	hash_sha256(l->present_at.root, "", 0);
	return 0;
}

/* ---- what contradicts what ---- */

/* What is there is less than what was seen. The index still has the tree of what was seen, unless it
 * was lost: then the two are not compared further. */
static int look_shorter(const struct finder *f, const struct node_pin *pin, struct evidence_log *l)
{
	const struct note_checkpoint *less = &l->present_at, *more = &l->seen_at;
	struct ledger_journal j;
	struct tree_reader r;
	struct db_txn *t = NULL;
	merkle_hash root;
	int rc = less->size ? db_begin(&t, f->s->db, false, f->e) : ERR_NOTFOUND;

	if (rc == 0)
		rc = ledger_get_journal(NULL, t, pin->node, &j, f->e);
	if (rc == 0 && j.state.range.size >= more->size) {
		r = (struct tree_reader){t, j.number, j.state.range.size};
		rc = merkle_root_at(root, more->size, tree_read, &r);
		if (rc == 0 && memcmp(root, more->root, sizeof(root)) == 0)
			rc = merkle_root_at(l->prefix, less->size, tree_read, &r);
		else
			rc = ERR_NOTFOUND;
		if (rc == 0 && memcmp(l->prefix, less->root, sizeof(root)) != 0) {
			l->fork = true;
			rc = merkle_consistency(l->proof, &l->hashes, less->size, more->size,
						tree_read, &r);
		}
	}
	db_abort(t);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

/* What is there is more: is what was seen a part of it? 0 if so, 1 if not. */
static int look_longer(const struct finder *f, const struct node_pin *pin, struct evidence_log *l)
{
	const struct note_checkpoint *less = &l->seen_at, *more = &l->present_at;
	struct logtree *t = NULL;
	merkle_hash root;
	char hex[33];
	int rc = logtree_read(&t, f->s->archive->journal, pin->node, more->size, f->e);

	if (rc)
		return rc;
	logtree_root(root, t, more->size);
	logtree_root(l->prefix, t, less->size);
	text_hex(hex, pin->node, 16);
	if (memcmp(root, more->root, sizeof(root)) != 0)
		rc = err_set(f->e, ERR_FORGED,
			     "journal of node %s: its first %" PRIu64
			     " lines do not have the root that its checkpoint signs: lines were "
			     "altered, which proves nothing against the node",
			     hex, more->size);
	else if (memcmp(l->prefix, less->root, sizeof(root)) != 0)
		rc = merkle_consistency(l->proof, &l->hashes, less->size, more->size, logtree_hash,
					t);
	l->fork = rc == 0 && memcmp(l->prefix, less->root, sizeof(root)) != 0;
	logtree_free(t);
	return rc < 0 ? rc : l->fork;
}

/* 1: it contradicts, 0: it does not. */
static int look(const struct finder *f, const struct node_pin *pin, struct evidence_log *l)
{
	const struct note_checkpoint *a = &l->seen_at, *b = &l->present_at;
	int rc;

	if (b->size > a->size)
		return look_longer(f, pin, l);
	if (b->size == a->size) {
		l->fork = memcmp(a->root, b->root, sizeof(a->root)) != 0;
		return l->fork;
	}
	rc = look_shorter(f, pin, l);
	return rc < 0 ? rc : 1;
}

/* ---- all logs ---- */

static int add_log(struct finder *f, const struct node_pin *pin, size_t *at)
{
	struct evidence_log *l = &f->v->log[f->v->logs];
	struct text_span text, sigs;
	int rc;

	*l = (struct evidence_log){.seen = {pin->note, pin->note_n}};
	memcpy(l->node, pin->node, 16);
	if (note_split(l->seen, &text, &sigs) || note_checkpoint_parse(&l->seen_at, text))
		return 0; /* no checkpoint of it was seen: nothing can be shown */
	rc = read_present(f, pin, l, at);
	if (rc == 0)
		rc = look(f, pin, l);
	if (rc > 0)
		f->v->logs++;
	return rc < 0 ? rc : 0;
}

static int find_all(struct finder *f, const struct node_pin *pins, size_t n, size_t *at)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = add_log(f, &pins[i], &at[f->v->logs]);
	for (size_t i = 0; i < f->v->logs; i++)
		f->v->log[i].present.p = (const char *)f->notes.p + at[i];
	if (rc == 0 && !wire_out_ok(&f->notes))
		rc = err_set(f->e, ERR_NOMEM, "out of memory");
	if (rc == 0 && f->v->logs == 0)
		rc = err_set(f->e, ERR_NOTFOUND,
			     "no checkpoint in this archive contradicts what this node saw");
	return rc;
}

int evidence_make(struct wire_out *out, struct station *s, int64_t now_ms, struct evidence *found,
		  struct err *e)
{
	struct finder f = {.s = s, .v = found, .e = e};
	struct node_pin *pins = NULL;
	size_t n = 0, *at = NULL;
	int rc = node_pins_load(s->home, &pins, &n, e);

	*found = (struct evidence){.issued_ms = now_ms};
	memcpy(found->archive, s->archive->desc.id, 16);
	memcpy(found->node, node_identity(s->node)->pub.id, 16);
	found->log = calloc(n + 1, sizeof(*found->log));
	at = calloc(n + 1, sizeof(*at));
	if (rc == 0 && (!found->log || !at))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = find_all(&f, pins, n, at);
	if (rc == 0)
		rc = evidence_text(out, found, node_identity(s->node), e);
	/* The notes go with the memory they are in; sizes and roots stay. */
	for (size_t i = 0; found->log && i < found->logs; i++)
		found->log[i].seen = found->log[i].present = (struct text_span){"", 0};
	if (rc)
		evidence_free(found);
	wire_out_free(&f.notes);
	free(at);
	free(pins);
	return rc;
}
