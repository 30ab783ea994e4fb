/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/request_logs.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "index/ledger.h"

static struct request_log *find(const struct request_logs *l, const uint8_t node[16])
{
	for (size_t i = 0; i < l->n; i++)
		if (memcmp(l->list[i].node, node, 16) == 0)
			return &l->list[i];
	return NULL;
}

int request_logs_add(struct request_logs *l, const uint8_t node[16], struct err *e)
{
	const struct archive *a = l->s->archive;
	const struct roster_node *who = roster_find(l->s->roster, node);
	struct request_log *grown, *log;
	struct ledger_journal j;
	int rc;

	if (find(l, node))
		return 0;
	if (!who)
		return err_set(e, ERR_NOT_ENROLLED, "an item's node is not enrolled");
	grown = reallocarray(l->list, l->n + 1, sizeof(*grown));
	if (!grown)
		return err_set(e, ERR_NOMEM, "out of memory");
	l->list = grown;
	log = &l->list[l->n++];
	*log = (struct request_log){.tree = {.txn = l->txn}};
	memcpy(log->node, node, 16);
	rc = journal_read_checkpoint(a->journal, a->desc.id, &who->pub, &log->cp, &log->note, e);
	if (rc)
		return rc;
	rc = ledger_get_journal(NULL, l->txn, node, &j, e);
	if (rc)
		return rc;
	if (j.state.range.size < log->cp.size)
		return err_set(e, ERR_BUSY, "the journals grow too fast: try again");
	log->tree.journal = j.number;
	log->tree.size = log->cp.size;
	return 0;
}

/* The line of an event and its proof, which must be good before anybody else sees it. */
static int read_event(const struct request_logs *l, const struct request_log *log, uint64_t seq,
		      struct wire_out *line, merkle_hash *proof, size_t *hashes, struct err *e)
{
	merkle_hash leaf;
	uint64_t off;
	uint32_t n;
	int rc = tree_line(&log->tree, seq, &off, &n);

	if (rc == 0)
		rc = journal_read_line(l->s->archive->journal, log->node, off, n, line, e);
	if (rc == 0)
		rc = merkle_inclusion(proof, hashes, seq, log->cp.size, tree_read,
				      (void *)&log->tree);
	if (rc)
		return rc;
	merkle_leaf(leaf, line->p, line->n);
	return merkle_verify_inclusion(leaf, seq, log->cp.size, proof, *hashes, log->cp.root);
}

int request_logs_event(const struct request_logs *l, const uint8_t node[16], uint64_t seq,
		       struct event *ev, struct err *e)
{
	const struct request_log *log = find(l, node);
	struct wire_out line = {0};
	uint64_t off;
	uint32_t n;
	int rc;

	if (!log || seq >= log->cp.size)
		return err_set(e, ERR_NOTFOUND, "the log has no such event");
	rc = tree_line(&log->tree, seq, &off, &n);
	if (rc == 0)
		rc = journal_read_line(l->s->archive->journal, node, off, n, &line, e);
	if (rc == 0 && event_parse(ev, (struct text_span){(const char *)line.p, line.n}) != 0)
		rc = ERR_DAMAGED;
	wire_out_free(&line);
	return rc ? err_set(e, rc, "can't read an event of the log %s: %s", log->cp.origin,
			    err_text(rc)) :
		    0;
}

int request_logs_prove(const struct request_logs *l, struct wire_out *bundle,
		       enum request_section kind, const uint8_t node[16], uint64_t seq,
		       const uint8_t digest[32], const struct wire_out *bytes, struct err *e)
{
	const struct request_log *log = find(l, node);
	merkle_hash proof[MERKLE_PROOF_MAX];
	struct request_proof p = {.node = node,
				  .index = seq,
				  .hash = proof,
				  .bytes = bytes ? bytes->p : NULL,
				  .n = bytes ? bytes->n : 0};
	struct wire_out line = {0};
	uint8_t is[HASH_SIZE];
	int rc;

	if (digest)
		hash_sha256(is, p.bytes, p.n);
	if (digest && memcmp(is, digest, sizeof(is)) != 0)
		return err_set(e, ERR_DAMAGED,
			       "a segment is not what the log says: run "
			       "'custody verify'");
	if (!log || seq >= log->cp.size)
		return err_set(e, ERR_BUSY, "an item is newer than its node's checkpoint");
	rc = read_event(l, log, seq, &line, proof, &p.hashes, e);
	p.line = (struct text_span){(const char *)line.p, line.n};
	if (rc)
		err_set(e, rc, "can't prove an event of the log %s: %s", log->cp.origin,
			err_text(rc));
	else
		request_write_proof(bundle, kind, &p);
	wire_out_free(&line);
	return rc;
}

void request_logs_free(struct request_logs *l)
{
	for (size_t i = 0; i < l->n; i++)
		wire_out_free(&l->list[i].note);
	free(l->list);
	*l = (struct request_logs){0};
}
