/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/catchup_document.h"

#include <stdio.h>
#include <string.h>

#include "crypto/text.h"
#include "fs/authorisation.h"
#include "fs/transfer.h"
#include "index/ledger.h"

static int load(const struct catchup_document *d, const uint8_t serial[16],
		struct ledger_document *l, struct err *e)
{
	return ledger_get_document(d->s->batch, d->s->txn, serial, l, e);
}

static bool own(const struct catchup_document *d)
{
	return memcmp(d->node, node_identity(d->st->node)->pub.id, 16) == 0;
}

/* ---- revocations ---- */

/* Read the revocation that was admitted. */
static int read_revocation(const struct catchup_document *d, const struct event *ev,
			   struct authorisation_revocation *rev, struct err *e)
{
	struct document_policy policy = archive_policy(&d->st->archive->desc, DOCUMENT_NS_REVOKE);
	struct document doc;
	int rc = document_load(&doc, d->st->archive->documents, ev->document, "revocation", e);

	if (rc)
		return rc;
	if (memcmp(doc.digest, ev->digest, sizeof(doc.digest)) != 0)
		rc = err_set(e, ERR_DAMAGED, "it is not the one that was admitted");
	if (rc == 0)
		rc = authorisation_revocation_parse(rev, &doc, e);
	if (rc == 0 && (memcmp(rev->archive, d->st->archive->desc.id, 16) != 0 ||
			memcmp(rev->serial, ev->document, 16) != 0))
		rc = err_set(e, ERR_WRONG_ARCHIVE, "it is of another archive or serial");
	/* Our own log vouches for what we admitted, also when the keys have changed since. */
	if (rc == 0 && !own(d))
		rc = document_check(&doc, &policy, NULL, NULL, e);
	document_free(&doc);
	return rc;
}

static int revoke(const struct catchup_document *d, const struct event *ev, struct err *e)
{
	struct authorisation_revocation rev;
	struct ledger_document target;
	char hex[33];
	int rc = read_revocation(d, ev, &rev, e);

	if (rc && rc != ERR_NOMEM && !own(d))
		return 0;
	if (rc) {
		text_hex(hex, ev->document, 16);
		return err_set(e, rc == ERR_NOMEM ? rc : ERR_DAMAGED,
			       "the revocation %s was admitted, but documents/%s.revocation is "
			       "missing or altered: restore it",
			       hex, hex);
	}
	if (rev.what != REVOKE_AUTHORISATION)
		return 0; /* nodes and keys: fs/roster */
	rc = load(d, rev.target, &target, e);
	if (rc == ERR_NOTFOUND) {
		memset(&target, 0, sizeof(target));
		memcpy(target.serial, rev.target, 16);
		snprintf(target.kind, sizeof(target.kind), "authorisation");
	} else if (rc || target.state == LEDGER_ENDED) {
		return rc;
	}
	target.state = LEDGER_ENDED;
	snprintf(target.ended, sizeof(target.ended), "%s", err_word(ERR_REVOKED));
	return ledger_put_document(d->s->batch, &target);
}

/* ---- admission, use, end ---- */

/* Another node's log has spoken of a document that this node admits now: what it said of its use
 * and end is hearsay, but for a revocation, which counts by its signatures. */
static void forget_hearsay(const struct catchup_document *d, struct ledger_document *l)
{
	static const uint8_t nobody[16];

	if (memcmp(l->node, nobody, 16) == 0)
		return; /* known by its revocation alone */
	l->opens = l->bytes = l->open_bytes = 0;
	if (l->state == LEDGER_ENDED && !roster_serial_revoked(d->st->roster, l->serial)) {
		l->state = LEDGER_ADMITTED;
		l->ended[0] = '\0';
	}
}

/* Releases and receipts of transfers count by their signatures too. */
static int check_transfer(const struct catchup_document *d, const struct event *ev,
			  const char *kind)
{
	struct transfer_release release;
	struct transfer_receipt receipt;
	struct document doc;
	int rc = document_load(&doc, d->st->archive->documents, ev->document, kind, NULL);

	if (rc)
		return rc;
	if (memcmp(doc.digest, ev->digest, sizeof(doc.digest)) != 0) {
		rc = ERR_FOREIGN;
	} else if (strcmp(kind, TRANSFER_RELEASE) == 0) {
		rc = transfer_check_release(&release, &doc, d->st->archive, ev->document, NULL);
		transfer_release_free(&release);
	} else {
		rc = transfer_check_receipt(&receipt, &doc, d->st->archive, ev->document, NULL);
		transfer_receipt_free(&receipt);
	}
	document_free(&doc);
	return rc;
}

/*
 * May another node's log say that it admitted this? It may if the document is there, is the one it
 * names, and is made out to that node; a revocation counts by its signatures. 0, or why not.
 */
static int check_hearsay(const struct catchup_document *d, const struct event *ev, const char *kind)
{
	struct authorisation_revocation rev;
	uint8_t node[16], serial[16];
	struct document doc;
	int rc;

	if (strcmp(kind, "revocation") == 0)
		return read_revocation(d, ev, &rev, NULL);
	if (strcmp(kind, TRANSFER_RELEASE) == 0 || strcmp(kind, TRANSFER_RECEIPT) == 0)
		return check_transfer(d, ev, kind);
	if (strcmp(kind, "authorisation") != 0 && strcmp(kind, "enrolment") != 0)
		return ERR_FOREIGN;
	rc = document_load(&doc, d->st->archive->documents, ev->document, kind, NULL);
	if (rc)
		return rc;
	if (memcmp(doc.digest, ev->digest, sizeof(doc.digest)) != 0 ||
	    !document_id(&doc, "node", node) || memcmp(node, d->node, 16) != 0 ||
	    !document_id(&doc, "serial", serial) || memcmp(serial, ev->document, 16) != 0)
		rc = ERR_FOREIGN;
	document_free(&doc);
	return rc;
}

/* May this admission take the place of what the index has under its serial? What this node admitted
 * stands before what others say, and a revocation, which is known by its signatures, before the
 * rest. */
static bool supersedes(const struct catchup_document *d, const struct ledger_document *l,
		       const char *kind)
{
	if (!l->admitted_ms || own(d))
		return true;
	return memcmp(l->node, node_identity(d->st->node)->pub.id, 16) != 0 &&
	       strcmp(kind, "revocation") == 0 && strcmp(l->kind, "revocation") != 0;
}

int catchup_document_admitted(const struct catchup_document *d, const struct event *ev,
			      struct err *e)
{
	const char *kind = ev->type == EVENT_ENROLLED ? "enrolment" : ev->kind;
	struct ledger_document l;
	int rc = load(d, ev->document, &l, e);

	if (rc && rc != ERR_NOTFOUND)
		return rc;
	if (rc == ERR_NOTFOUND) {
		memset(&l, 0, sizeof(l));
		l.state = LEDGER_ADMITTED;
	}
	if (!supersedes(d, &l, kind))
		return 0;
	if (!own(d)) {
		rc = check_hearsay(d, ev, kind);
		if (rc)
			return rc == ERR_NOMEM ? rc : 0;
	}
	if (memcmp(l.node, d->node, 16) != 0)
		forget_hearsay(d, &l);
	memcpy(l.serial, ev->document, 16);
	snprintf(l.kind, sizeof(l.kind), "%.31s", kind);
	memcpy(l.node, d->node, 16);
	memcpy(l.digest, ev->digest, 32);
	l.admitted_ms = ev->time_ms;
	rc = ledger_put_document(d->s->batch, &l);
	if (rc == 0 && strcmp(kind, "revocation") == 0)
		rc = revoke(d, ev, e);
	return rc;
}

/* The release an event of this journal may change: one that this node admitted. */
static int load_release(const struct catchup_document *d, const struct event *ev,
			struct ledger_document *l, struct err *e)
{
	int rc = load(d, ev->release, l, e);

	if (rc == 0 && (memcmp(l->node, d->node, 16) != 0 || strcmp(l->kind, "authorisation") != 0))
		rc = ERR_NOTFOUND;
	return rc;
}

int catchup_document_ended(const struct catchup_document *d, const struct event *ev, struct err *e)
{
	struct ledger_document l;
	int rc = load_release(d, ev, &l, e);

	if (rc || l.state == LEDGER_ENDED)
		return rc == ERR_NOTFOUND ? 0 : rc;
	l.state = LEDGER_ENDED;
	snprintf(l.ended, sizeof(l.ended), "%.31s", ev->reason);
	return ledger_put_document(d->s->batch, &l);
}

/* Never past the end: who is at a budget must not come back to nothing. */
static void add(uint64_t *sum, uint64_t n)
{
	if (__builtin_add_overflow(*sum, n, sum))
		*sum = UINT64_MAX;
}

/* Of an item whose segment can't be read: whatever the budget, it is used up until the index is made anew. */
#define UNKNOWN_SIZE (UINT64_C(1) << 60)

int catchup_document_used(const struct catchup_document *d, const struct event *ev, struct err *e)
{
	struct ledger_document l;
	struct object o = {0};
	uint64_t size;
	int rc = load_release(d, ev, &l, e);

	if (rc == ERR_NOTFOUND)
		return 0;
	if (rc == 0)
		rc = object_add_find(d->s->add, d->s->batch, d->s->txn, ev->item, &o, e);
	if (rc && rc != ERR_NOTFOUND)
		return rc;
	size = rc == 0 ? o.size : UNKNOWN_SIZE;
	/* Until it is closed nobody knows how much was read: all of it, then. */
	if (ev->type == EVENT_OPENED) {
		add(&l.opens, 1);
		add(&l.open_bytes, size);
	} else {
		l.open_bytes -= size < l.open_bytes ? size : l.open_bytes;
		add(&l.bytes, ev->bytes < size ? ev->bytes : size);
	}
	return ledger_put_document(d->s->batch, &l);
}
