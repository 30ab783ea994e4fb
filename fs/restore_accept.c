/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admitting an accepted restore. The order: check all, store the document, then a new line in the
 * restored log says so, and only then does the node let go of what it had pinned. A crash in between
 * leaves a node that refuses as before; importing the document again then goes on.
 */
#include "fs/restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "fs/admit_check.h"
#include "fs/logtree.h"
#include "fs/station.h"
#include "index/journal.h"

struct accept {
	struct station *s;
	const struct document *d;
	const struct restore *r;
	struct node_pin *pin; /* owned */
	size_t pins;
	struct event *ev; /* owned: the admission, and those of the revocations */
	size_t events;
	struct err *e;
};

static const struct identity *self(const struct accept *a)
{
	return node_identity(a->s->node);
}

static int check_document(const struct accept *a)
{
	int rc;

	if (memcmp(a->r->archive, a->s->archive->desc.id, 16) != 0)
		return err_set(a->e, ERR_WRONG_ARCHIVE, "it is for another archive");
	if (memcmp(a->r->node, self(a)->pub.id, 16) != 0)
		return err_set(a->e, ERR_WRONG_NODE, "it is for another node");
	rc = node_pins_restored(a->s->home, a->r->serial, a->e);
	if (rc > 0)
		rc = err_set(a->e, ERR_REPLAYED,
			     "this acceptance was used already: it is good for one restore");
	return rc ? rc : admit_check_signatures(a->s, a->d, DOCUMENT_NS_RESTORE, a->e);
}

/* ---- the logs ---- */

static const struct restore_log *find_log(const struct accept *a, const uint8_t node[16])
{
	for (size_t i = 0; i < a->r->logs; i++)
		if (memcmp(a->r->log[i].node, node, 16) == 0)
			return &a->r->log[i];
	return NULL;
}

static int check_pinned(const struct accept *a, const struct restore_log *l)
{
	struct note_checkpoint cp;
	struct text_span text, sigs;

	for (size_t i = 0; i < a->pins; i++) {
		const struct node_pin *p = &a->pin[i];

		if (memcmp(p->node, l->node, 16) != 0)
			continue;
		if (note_split((struct text_span){p->note, p->note_n}, &text, &sigs) == 0 &&
		    note_checkpoint_parse(&cp, text) == 0 && cp.size == l->pinned.size &&
		    memcmp(cp.root, l->pinned.root, sizeof(cp.root)) == 0)
			return 0;
	}
	return err_set(
		a->e, ERR_CHECKPOINT,
		"it is made out for another state than the one this node has seen of %s: have "
		"a new one made ('custody checkpoint --evidence')",
		l->pinned.origin);
}

/* What the node itself signed last of a log must not be behind what is asked for. Our own log may
 * have lines behind its checkpoint. */
static int check_signed(const struct accept *a, const uint8_t node[16], uint64_t size)
{
	const struct archive *ar = a->s->archive;
	const struct roster_node *n = roster_find(a->s->roster, node);
	struct note_checkpoint cp = {.size = 0};
	int rc = n ? journal_read_checkpoint(ar->journal, ar->desc.id, &n->pub, &cp, NULL, a->e) :
		     ERR_NOTFOUND;

	if (rc && rc != ERR_NOTFOUND)
		return rc;
	return cp.size < size && memcmp(node, self(a)->pub.id, 16) != 0 ? ERR_ROLLBACK : 0;
}

/* Does the log begin with these lines? *bytes is how long they are. */
static int has_prefix(const struct accept *a, const uint8_t node[16], uint64_t size,
		      const uint8_t root[32], uint64_t *bytes)
{
	struct logtree *t = NULL;
	merkle_hash is;
	int rc = check_signed(a, node, size);

	*bytes = 0;
	if (rc == 0)
		rc = logtree_read(&t, a->s->archive->journal, node, size, a->e);
	if (rc == 0) {
		logtree_root(is, t, size);
		*bytes = logtree_bytes(t);
		rc = memcmp(is, root, sizeof(is)) == 0 ? 0 : ERR_ROLLBACK;
	}
	logtree_free(t);
	return rc;
}

/* One pinned log: what it is to have, and what is pinned of it from now on. */
static int check_log(const struct accept *a, struct node_pin *p)
{
	const struct restore_log *l = find_log(a, p->node);
	char hex[33];
	int rc;

	text_hex(hex, p->node, 16);
	if (l) {
		p->size = l->accepted.size;
		memcpy(p->root, l->accepted.root, sizeof(p->root));
		p->note_n = 0;
	}
	rc = has_prefix(a, p->node, p->size, p->root, &p->bytes);
	if (rc != ERR_ROLLBACK)
		return rc;
	return l ? err_set(a->e, rc,
			   "journal of node %s: it is not the one that is accepted, which has "
			   "%" PRIu64 " lines: restore that one",
			   hex, p->size) :
		   err_set(a->e, rc,
			   "journal of node %s: it contradicts what was seen too, and the document "
			   "does not accept that: have a new one made ('custody checkpoint "
			   "--evidence')",
			   hex);
}

static int check_logs(struct accept *a)
{
	int rc = node_pins_load(a->s->home, &a->pin, &a->pins, a->e);

	for (size_t i = 0; rc == 0 && i < a->r->logs; i++)
		rc = check_pinned(a, &a->r->log[i]);
	for (size_t i = 0; rc == 0 && i < a->pins; i++)
		rc = check_log(a, &a->pin[i]);
	return rc;
}

/* ---- what must not be lost ---- */

static void event_of(const struct accept *a, struct event *ev, const char *kind,
		     const uint8_t serial[16], const uint8_t digest[32])
{
	*ev = (struct event){.type = EVENT_ADMITTED};
	memcpy(ev->document, serial, 16);
	memcpy(ev->digest, digest, 32);
	snprintf(ev->kind, sizeof(ev->kind), "%s", kind);
	ev->uid = a->ev[0].uid;
	memcpy(ev->user, a->ev[0].user, sizeof(ev->user));
}

/* The log that was lost may have admitted them: they count from now on as if it had not been. */
static int check_revocation(struct accept *a, const struct restore_revocation *v)
{
	struct document d;
	uint8_t text[32] = {0};
	char hex[33];
	int rc = document_load(&d, a->s->archive->documents, v->serial, "revocation", NULL);

	if (rc == 0) {
		hash_sha256(text, d.text.p, d.text.n);
		event_of(a, &a->ev[a->events++], "revocation", v->serial, d.digest);
		document_free(&d);
	}
	if (rc == ERR_NOMEM || (rc == 0 && memcmp(text, v->text, sizeof(text)) == 0))
		return rc;
	text_hex(hex, v->serial, 16);
	return err_set(a->e, ERR_DAMAGED,
		       "documents/%s.revocation is missing or altered, which must not be undone by "
		       "a restore: put it there, from the authority or a copy",
		       hex);
}

static int check_revocations(struct accept *a, uint32_t uid, const char *user)
{
	int rc = 0;

	a->ev = calloc(a->r->revocations + 1, sizeof(*a->ev));
	if (!a->ev)
		return err_set(a->e, ERR_NOMEM, "out of memory");
	a->ev[0].uid = uid;
	snprintf(a->ev[0].user, sizeof(a->ev[0].user), "%s", user);
	event_of(a, &a->ev[a->events++], "restore", a->r->serial, a->d->digest);
	for (size_t i = 0; rc == 0 && i < a->r->revocations; i++)
		rc = check_revocation(a, &a->r->revocation[i]);
	return rc;
}

/* ---- taking it ---- */

static int take(struct accept *a)
{
	static const struct journal_start first_line;
	struct station *s = a->s;
	int rc;

	/* The index is of the log that was. */
	db_close(s->db);
	s->db = NULL;
	rc = db_destroy(s->home->index_dir, a->e);
	if (rc == 0)
		rc = document_store(s->archive->documents, a->r->serial, "restore", a->d, a->e);
	if (rc == 0)
		rc = journal_open(&s->journal, s->archive->journal, s->home->dir,
				  s->archive->desc.id, self(a), &first_line, a->e);
	if (rc == 0)
		rc = journal_append(s->journal, a->ev, a->events, a->e);
	if (rc == 0)
		rc = journal_checkpoint(s->journal, a->e);
	if (rc == 0)
		rc = node_pins_restore(s->home, a->pin, a->pins, a->r->serial, a->r->issued_ms,
				       a->e);
	return rc;
}

int restore_accept(struct station *s, const struct document *d, uint32_t uid, const char *user,
		   struct restore *r, struct err *e)
{
	struct accept a = {.s = s, .d = d, .r = r, .e = e};
	int rc = restore_parse(r, d, e);

	if (rc)
		return rc;
	rc = check_document(&a);
	if (rc == 0)
		rc = check_logs(&a);
	if (rc == 0)
		rc = check_revocations(&a, uid, user);
	if (rc == 0)
		rc = take(&a);
	free(a.pin);
	free(a.ev);
	if (rc)
		restore_free(r);
	return rc;
}
