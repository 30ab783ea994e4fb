/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/catchup_event.h"

#include <string.h>

#include "fs/archive_history.h"
#include "fs/catchup_document.h"
#include "fs/catchup_posting.h"
#include "fs/derived.h"
#include "index/mark.h"

/* Of collection and path: "../../../../", a slash, and suffixes of names that were taken fit beside it. */
#define VIEW_PATH_MAX 4000u

static const uint8_t none[16];

/* ---- items ---- */

/* The segment and the accession that the log of its node knows an event's item by. */
static int load_parents(struct catchup_event *w, const struct event *ev, struct ledger_segment *seg,
			struct ledger_accession *acc)
{
	int rc;

	/* In an event, no id at all. */
	if (memcmp(ev->item, none, 16) == 0)
		return err_set(w->e, ERR_MALFORMED, "its id is all zero");
	rc = ledger_get_segment(w->s->batch, w->s->txn, w->node, ev->segment, seg, w->e);
	if (rc == 0)
		rc = ledger_get_accession(w->s->batch, w->s->txn, w->node, ev->accession, acc,
					  w->e);
	if (rc == ERR_NOTFOUND || (rc == 0 && memcmp(seg->accession, ev->accession, 16) != 0))
		return err_set(w->e, ERR_FORGED, "the log of its node has no such segment");
	return rc;
}

/* Its node has an item of this id: the same event told again is but history, another item is fraud. */
static int told_again(struct catchup_event *w, const struct event *ev, const struct object *there)
{
	if (memcmp(ev->commitment, there->commitment, 32) != 0)
		return err_set(w->e, ERR_FORGED, "its node has another item of this id");
	if (ev->seq == there->seq)
		return 0;
	return ledger_put_event(w->s->batch, ev->item, w->journal, ev->seq);
}

/* A link to it must be one that the kernel takes: the way up from its folder, and the item's path. */
static int note_views(struct catchup_event *w, const struct catchup_item_found *found,
		      const struct facts *f)
{
	const struct text_span path = found->path;
	const char *slash = memrchr(path.p, '/', path.n);
	const char *leaf = slash ? slash + 1 : path.p;

	if (strlen(found->collection) + path.n > VIEW_PATH_MAX)
		return 0;
	return view_add(w->s->views, found->o.ino, leaf, (size_t)(path.p + path.n - leaf), f);
}

/* What it is found by: what its provenance says. */
static int note_facts(struct catchup_event *w, const struct event *ev,
		      const struct catchup_item_found *found)
{
	struct facts f;

	facts_of(&f, found->fields, found->o.mtime_ns);
	if (note_views(w, found, &f))
		return err_set(w->e, ERR_NOMEM, "out of memory");
	return sheet_put(w->s->sheets, w->s->batch, w->s->txn, w->journal, ev->seq, found->o.ino,
			 &f, w->e);
}

static int add_item(struct catchup_event *w, const struct event *ev,
		    const struct ledger_segment *seg, struct ledger_accession *acc)
{
	struct catchup_item_found found;
	int put = 0, rc = catchup_item_read(w->item, ev, w->node, seg, &found, w->e);

	if (rc)
		return rc;
	found.o.journal = w->journal;
	rc = object_add_item(w->s->add, w->s->batch, w->s->txn, &found.o, found.collection,
			     found.path.p, found.path.n, found.record->p, found.record->n, w->e);
	/* By its digest it is found also where its id is another item's, and so has no name here. */
	if (rc == 0 || rc == ERR_EXISTS)
		put = find_put(&w->s->find, w->s->batch, w->s->txn, db_name_key(w->s->db),
			       w->journal, ev->seq, found.sha256, w->e);
	secret_wipe(found.sha256, sizeof(found.sha256));
	if (put)
		return put;
	if (rc == 0)
		rc = note_facts(w, ev, &found);
	if (rc == ERR_EXISTS)
		return told_again(w, ev, &found.o);
	if (rc == 0)
		rc = derived_note(w, ev, found.fields);
	if (rc)
		return rc;
	w->n->items++;
	acc->bytes += found.o.size;
	if (!acc->collection[0])
		memcpy(acc->collection, found.collection, sizeof(found.collection));
	return ledger_put_accession(w->s->batch, acc);
}

int catchup_event_show(struct catchup_event *w, const struct event *ev)
{
	struct ledger_accession acc;
	struct ledger_segment seg;
	int rc = load_parents(w, ev, &seg, &acc);

	return rc ? rc : add_item(w, ev, &seg, &acc);
}

/* What this node took in itself it knows again by its mark. */
static int note_mark(struct catchup_event *w, const struct event *ev)
{
	const struct identity *id = node_identity(w->st->node);
	const struct mark_key key = {id->mark, w->st->archive->desc.id};
	static const uint8_t absent[MARK_SIZE];
	struct mark m;

	if (memcmp(w->node, id->pub.id, 16) != 0 || memcmp(ev->mark, absent, MARK_SIZE) == 0)
		return 0;
	mark_open(&m, key, ev->item, ev->mark);
	return mark_put(w->s->batch, &m, ev->seq);
}

static int on_ingest(struct catchup_event *w, const struct event *ev)
{
	struct ledger_accession acc;
	struct ledger_segment seg;
	int rc = note_mark(w, ev);

	if (rc)
		return rc;
	rc = load_parents(w, ev, &seg, &acc);
	if (rc == 0) {
		acc.items++;
		rc = ledger_put_accession(w->s->batch, &acc);
		if (rc == 0 && ev->offset + ev->length > seg.end) {
			seg.end = ev->offset + ev->length;
			rc = ledger_put_segment(w->s->batch, &seg);
		}
		if (rc)
			return rc;
		if (w->item)
			rc = add_item(w, ev, &seg, &acc);
	}
	if (rc == ERR_NOMEM || rc == ERR_INDEX)
		return rc;
	/* The item, or its entry among the pending ones, is what tells of this event; where there
	 * are neither, the event stands for itself. */
	if (!w->item)
		return ledger_put_event(w->s->batch, ev->item, w->journal, ev->seq);
	return rc ? ledger_put_pending(w->s->batch, ev->item, w->journal, ev->seq) : 0;
}

/* ---- accessions and segments ---- */

/* Ids are random: one that its node named before is kept as it is. What other nodes say of an id is
 * theirs alone: none can take another's accession or segment by being read first. */
static int on_accession(struct catchup_event *w, const struct event *ev)
{
	struct ledger_accession acc;
	int rc = ledger_get_accession(w->s->batch, w->s->txn, w->node, ev->accession, &acc, w->e);

	if (rc != ERR_NOTFOUND)
		return rc;
	memset(&acc, 0, sizeof(acc));
	memcpy(acc.id, ev->accession, 16);
	memcpy(acc.node, w->node, 16);
	acc.opened_ms = ev->time_ms;
	acc.epoch = ev->epoch;
	acc.uid = ev->uid;
	memcpy(acc.user, ev->user, sizeof(acc.user));
	memcpy(acc.host, ev->host, sizeof(acc.host));
	return ledger_put_accession(w->s->batch, &acc);
}

static int on_accession_closed(struct catchup_event *w, const struct event *ev)
{
	struct ledger_accession acc;
	int rc = ledger_get_accession(w->s->batch, w->s->txn, w->node, ev->accession, &acc, w->e);

	if (rc == ERR_NOTFOUND)
		return 0;
	if (rc)
		return rc;
	acc.closed_ms = ev->time_ms;
	if (!w->item)
		acc.bytes = ev->bytes; /* without the heads this is all there is to know */
	return ledger_put_accession(w->s->batch, &acc);
}

static int on_segment(struct catchup_event *w, const struct event *ev)
{
	struct ledger_segment seg;
	int rc = ledger_get_segment(w->s->batch, w->s->txn, w->node, ev->segment, &seg, w->e);

	if (rc != ERR_NOTFOUND)
		return rc;
	memset(&seg, 0, sizeof(seg));
	memcpy(seg.id, ev->segment, 16);
	memcpy(seg.accession, ev->accession, 16);
	memcpy(seg.node, w->node, 16);
	memcpy(seg.header, ev->header, 32);
	seg.seq = ev->seq;
	return ledger_put_segment(w->s->batch, &seg);
}

/* ---- all events ---- */

static int on_started(struct catchup_event *w, const struct event *ev)
{
	if (memcmp(ev->archive, w->st->archive->desc.id, 16) == 0 &&
	    memcmp(ev->node, w->node, 16) == 0)
		return 0;
	return err_set(w->e, ERR_FOREIGN, "it was begun for another archive or node");
}

/* The history of an item, where the event names one. */
static int note_item(struct catchup_event *w, const struct event *ev)
{
	if (memcmp(ev->item, none, 16) == 0)
		return 0;
	return ledger_put_event(w->s->batch, ev->item, w->journal, ev->seq);
}

/* The history of archive.txt, under the archive's id: receipts need to know when a log went on. */
static int note_version(struct catchup_event *w, const struct event *ev)
{
	if (archive_history_admits(ev, w->st->archive->desc.id) == 0)
		return 0;
	return ledger_put_event(w->s->batch, ev->document, w->journal, ev->seq);
}

int catchup_event_apply(struct catchup_event *w, const struct event *ev)
{
	const struct catchup_document d = {w->st, w->s, w->node};
	int rc = catchup_posting_note(w, ev);

	if (rc)
		return rc;
	switch (ev->type) {
	case EVENT_STARTED:
		return on_started(w, ev);
	case EVENT_ACCESSION:
		return on_accession(w, ev);
	case EVENT_SEGMENT:
		return on_segment(w, ev);
	case EVENT_INGEST:
		return on_ingest(w, ev);
	case EVENT_ACCESSION_CLOSED:
		return on_accession_closed(w, ev);
	case EVENT_ENROLLED:
	case EVENT_ADMITTED:
		w->n->releases++;
		rc = note_version(w, ev);
		return rc ? rc : catchup_document_admitted(&d, ev, w->e);
	case EVENT_RELEASE_ENDED:
		w->n->releases++;
		return catchup_document_ended(&d, ev, w->e);
	case EVENT_OPENED:
	case EVENT_CLOSED:
		rc = note_item(w, ev);
		return rc ? rc : catchup_document_used(&d, ev, w->e);
	case EVENT_REFUSED:
	case EVENT_DAMAGED:
	case EVENT_REPAIRED:
		return note_item(w, ev);
	default:
		return 0; /* nothing to keep, or of a newer version */
	}
}
