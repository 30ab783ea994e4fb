/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/admit_check.h"

#include <inttypes.h>
#include <string.h>

#include "index/ledger.h"

static bool is_revoked(void *roster, const struct sshkey *k)
{
	return roster_key_revoked(roster, k);
}

int admit_check_signatures(const struct station *s, const struct document *d, const char *namespace,
			   struct err *e)
{
	struct document_policy p = archive_policy(&s->archive->desc, namespace);

	p.revoked = is_revoked;
	p.ctx = s->roster;
	return document_check(d, &p, NULL, NULL, e);
}

int admit_check_rotation(const struct station *s, const struct document *d, struct err *e)
{
	const struct archive_desc *now = &s->archive->desc;
	struct document_policy p = archive_policy(now, DOCUMENT_NS_ARCHIVE);
	unsigned left = 0;

	for (size_t i = 0; i < now->keys; i++)
		left += !roster_key_revoked(s->roster, &now->key[i]);
	p.others = true;
	p.revoked = is_revoked;
	p.ctx = s->roster;
	/* Where too few are left to meet it, all of them: else nobody could put others in their place. */
	if (left && left < p.threshold)
		p.threshold = left;
	return document_check(d, &p, NULL, NULL, e);
}

int admit_check_unused(const struct station *s, const uint8_t serial[16], struct err *e)
{
	struct ledger_document d;
	struct db_txn *t = NULL;
	int rc = db_begin(&t, s->db, false, e);

	if (rc)
		return rc;
	rc = ledger_get_document(NULL, t, serial, &d, e);
	db_abort(t);
	if (rc == ERR_NOTFOUND)
		return 0;
	if (rc || memcmp(d.node, node_identity(s->node)->pub.id, sizeof(d.node)) != 0)
		return rc;
	return err_set(e, ERR_REPLAYED,
		       "its serial is in the log already: a document is taken once; ask the "
		       "authority for a new one");
}

/* Node id of "custodyfs/<archive id>/<node id>". */
static bool origin_node(const char *origin, const uint8_t archive[16], uint8_t node[16])
{
	const char *last = strrchr(origin, '/');
	char want[NOTE_NAME_MAX];

	if (!last || !text_unhex((struct text_span){last + 1, strlen(last + 1)}, node, 16))
		return false;
	journal_origin(want, archive, node);
	return strcmp(want, origin) == 0;
}

/* cp against the log of which the index knows j. */
static int compare(struct db_txn *t, const struct ledger_journal *j,
		   const struct note_checkpoint *cp, struct err *e)
{
	struct tree_reader reader = {.txn = t, .journal = j->number, .size = j->state.range.size};
	merkle_hash root;
	int rc;

	if (reader.size < cp->size)
		return err_set(e, ERR_CHECKPOINT,
			       "the authority saw %" PRIu64 " events in the log %s, and there are "
			       "%" PRIu64 " here: this archive is older than what they signed",
			       cp->size, cp->origin, reader.size);
	rc = merkle_root_at(root, cp->size, tree_read, &reader);
	if (rc)
		return err_set(e, rc, "can't read the log %s from the index: %s", cp->origin,
			       err_text(rc));
	if (memcmp(root, cp->root, sizeof(root)) == 0)
		return 0;
	return err_set(e, ERR_CHECKPOINT, "the authority saw another log %s than this one",
		       cp->origin);
}

int admit_check_checkpoint(const struct station *s, const struct note_checkpoint *cp, struct err *e)
{
	struct db_txn *t = NULL;
	struct ledger_journal j;
	uint8_t node[16];
	int rc;

	if (!origin_node(cp->origin, s->archive->desc.id, node))
		return err_set(e, ERR_CHECKPOINT, "its checkpoint %s is of no log of this archive",
			       cp->origin);
	rc = db_begin(&t, s->db, false, e);
	if (rc)
		return rc;
	rc = ledger_get_journal(NULL, t, node, &j, e);
	if (rc == ERR_NOTFOUND)
		rc = err_set(e, ERR_CHECKPOINT,
			     "the authority saw the log %s, which is not here: this archive is "
			     "older than what they signed",
			     cp->origin);
	else if (rc == 0)
		rc = compare(t, &j, cp, e);
	db_abort(t);
	return rc;
}
