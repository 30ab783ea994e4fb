/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/transfer_admit.h"

#include <string.h>

#include "fs/admit_check.h"
#include "index/ledger.h"

int transfer_admit_release(struct transfer_release *r, const struct station *s,
			   const struct document *d, struct err *e)
{
	uint8_t serial[16] = {0};
	int rc;

	document_id(d, "serial", serial);
	rc = transfer_check_release(r, d, s->archive, serial, e);
	if (rc)
		return rc;
	rc = admit_check_signatures(s, d, DOCUMENT_NS_TRANSFER, e);
	if (rc == 0)
		rc = admit_check_unused(s, serial, e);
	for (size_t i = 0; rc == 0 && i < r->checkpoints; i++)
		rc = admit_check_checkpoint(s, &r->checkpoint[i], e);
	if (rc)
		transfer_release_free(r);
	return rc;
}

/* This node's log has it, with which digest. */
static int find_admission(uint8_t digest[32], const struct station *s, const uint8_t serial[16],
			  struct err *e)
{
	struct ledger_document l;
	struct db_txn *t = NULL;
	int rc = db_begin(&t, s->db, false, e);

	if (rc)
		return rc;
	rc = ledger_get_document(NULL, t, serial, &l, e);
	db_abort(t);
	if (rc == 0 && (memcmp(l.node, node_identity(s->node)->pub.id, 16) != 0 ||
			strcmp(l.kind, TRANSFER_RELEASE) != 0))
		rc = ERR_NOTFOUND;
	if (rc == ERR_NOTFOUND)
		return err_set(
			e, ERR_NOT_COVERED,
			"this node has not imported the release that it answers: import that "
			"first");
	memcpy(digest, l.digest, 32);
	return rc;
}

/* No receipt of it was admitted; or, for one that tells of a mismatch, none but such as say that all is
 * well: any node may have logged one of these, and the worse one counts. */
static int check_unanswered(const struct station *s, const uint8_t serial[16], bool mismatch,
			    struct err *e)
{
	struct transfers all;
	int rc = transfer_list(&all, s->archive, s->roster, s->db, e);

	for (size_t i = 0; rc == 0 && i < all.n; i++)
		if (all.list[i].received && !(mismatch && all.list[i].receipt.match) &&
		    memcmp(all.list[i].release.serial, serial, 16) == 0)
			rc = err_set(e, ERR_REPLAYED,
				     "the log has a receipt for this release already");
	transfers_free(&all);
	return rc;
}

int transfer_admitted(struct transfer_release *r, uint8_t digest[32], const struct station *s,
		      const uint8_t serial[16], struct err *e)
{
	struct document d;
	int rc = find_admission(digest, s, serial, e);

	if (rc == 0)
		rc = check_unanswered(s, serial, false, e);
	if (rc)
		return rc;
	rc = document_load(&d, s->archive->documents, serial, TRANSFER_RELEASE, e);
	if (rc == ERR_NOTFOUND)
		rc = err_set(e, ERR_DAMAGED, "the release was admitted, and documents/ has it not");
	if (rc)
		return rc;
	if (memcmp(d.digest, digest, 32) != 0)
		rc = err_set(e, ERR_DAMAGED,
			     "the release in documents/ is not the one that was admitted");
	if (rc == 0)
		rc = transfer_check_release(r, &d, s->archive, serial, e);
	document_free(&d);
	return rc;
}

/* Logs that we do not have, or not so far, are theirs to tell of; but our own no one else writes. */
static int check_logs(const struct station *s, const struct transfer_receipt *r, struct err *e)
{
	char own[NOTE_NAME_MAX];
	int rc = 0;

	journal_origin(own, s->archive->desc.id, node_identity(s->node)->pub.id);
	for (size_t i = 0; rc == 0 && i < r->checkpoints; i++) {
		const struct note_checkpoint *cp = &r->checkpoint[i];
		struct ledger_journal j = {.number = 0};
		struct db_txn *t = NULL;
		const char *last = strrchr(cp->origin, '/');
		uint8_t node[16] = {0};

		rc = db_begin(&t, s->db, false, e);
		if (rc == 0 && last)
			text_unhex((struct text_span){last + 1, strlen(last + 1)}, node, 16);
		if (rc == 0)
			rc = ledger_get_journal(NULL, t, node, &j, e);
		db_abort(t);
		if (rc == ERR_NOTFOUND)
			rc = 0;
		if (rc == 0 && (j.state.range.size >= cp->size || strcmp(own, cp->origin) == 0))
			rc = admit_check_checkpoint(s, cp, e);
	}
	return rc;
}

int transfer_admit_receipt(struct transfer_receipt *r, const struct station *s,
			   const struct document *d, struct err *e)
{
	uint8_t serial[16] = {0}, digest[32];
	int rc;

	document_id(d, "serial", serial);
	rc = transfer_check_receipt(r, d, s->archive, serial, e);
	if (rc)
		return rc;
	rc = find_admission(digest, s, r->release, e);
	if (rc == 0)
		rc = admit_check_unused(s, serial, e);
	if (rc == 0)
		rc = check_unanswered(s, r->release, !r->match, e);
	if (rc == 0 && memcmp(digest, r->release_digest, 32) != 0)
		rc = err_set(e, ERR_FORGED, "it answers another document than was admitted");
	if (rc == 0)
		rc = check_logs(s, r, e);
	if (rc)
		transfer_receipt_free(r);
	return rc;
}
