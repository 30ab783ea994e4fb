/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/witness_ask.h"

#include <inttypes.h>
#include <string.h>

#include "fs/cosigned.h"
#include "index/ledger.h"

int witness_ask_next(struct witness_ask *a, struct text_span *text, struct err *e)
{
	struct text_in in = text_in_init(text->p, text->n);
	struct text_span line, word, rest;

	*a = (struct witness_ask){.old = 0};
	if (!text_line(&in, &line) || !text_word(&line, &word) || !text_is(word, "old") ||
	    !text_u64(line, &a->old))
		return err_set(e, ERR_MALFORMED,
			       "line %u must be 'old' and a size: this is nothing that 'custody "
			       "checkpoint --for-witness' made",
			       in.line);
	while (text_line(&in, &line) && line.n > 0)
		if (a->hashes == WITNESS_ASK_HASHES ||
		    text_unbase64(line, a->hash[a->hashes++], MERKLE_HASH) != MERKLE_HASH)
			return err_set(e, ERR_MALFORMED, "line %u must be a hash of the proof",
				       in.line);
	rest = (struct text_span){in.p, in.left};
	if (in.bad || !cosigned_next(&rest, &a->note))
		return err_set(e, ERR_MALFORMED, "what follows line %u is no signed checkpoint",
			       in.line);
	*text = rest;
	return 0;
}

void witness_ask_text(struct wire_out *out, uint64_t old, const merkle_hash *hash, size_t hashes,
		      struct text_span note)
{
	char b64[45];

	wire_out_printf(out, "old %" PRIu64 "\n", old);
	for (size_t i = 0; i < hashes; i++) {
		text_base64(b64, hash[i], MERKLE_HASH);
		wire_out_printf(out, "%s\n", b64);
	}
	wire_out_text(out, "\n");
	wire_out_bytes(out, note.p, note.n);
}

/* How much was cosigned, as the archive knows. Where the witness got another key since, it goes on from
 * what it cosigned with the one before. */
static int last_cosigned(struct cosigned *c, const struct station *s, const struct roster_node *n,
			 struct err *e)
{
	int rc = cosigned_read(c, NULL, s->archive, &n->pub, e);

	return rc == ERR_NOTFOUND ? 0 : rc;
}

/* Is what was cosigned a beginning of the log? */
static int check_last(struct tree_reader *r, const struct cosigned *c,
		      const struct note_checkpoint *cp, struct err *e)
{
	merkle_hash root;
	int rc = 0;

	if (c->cp.size == 0)
		return 0;
	if (c->cp.size <= cp->size)
		rc = merkle_root_at(root, c->cp.size, tree_read, r);
	if (rc)
		return err_set(e, rc, "can't read the log %s from the index: %s", cp->origin,
			       err_text(rc));
	if (c->cp.size <= cp->size && memcmp(root, c->cp.root, sizeof(root)) == 0)
		return 0;
	return err_set(e, ERR_ROLLBACK,
		       "the log %s is not the one that was cosigned with %" PRIu64 " events: it "
		       "was turned back or forked",
		       cp->origin, c->cp.size);
}

/* The journal's tree in the index, which must have reached the checkpoint. */
static int open_tree(struct tree_reader *r, const uint8_t node[16],
		     const struct note_checkpoint *cp, struct err *e)
{
	struct ledger_journal j;
	int rc = ledger_get_journal(NULL, r->txn, node, &j, e);

	if (rc == ERR_NOTFOUND || (rc == 0 && j.state.range.size < cp->size))
		return err_set(e, ERR_BUSY, "the journals grow too fast: try again");
	if (rc == 0) {
		r->journal = j.number;
		r->size = cp->size;
	}
	return rc;
}

static int prove(merkle_hash *hash, size_t *hashes, const struct witness_asked *asked,
		 struct tree_reader *r, struct err *e)
{
	const struct note_checkpoint *cp = &asked->cp;
	int rc = 0;

	*hashes = 0;
	if (asked->old > cp->size)
		return err_set(e, ERR_USAGE,
			       "the log %s has %" PRIu64 " signed events, and can't be proved "
			       "from %" PRIu64 " on",
			       cp->origin, cp->size, asked->old);
	if (asked->old > 0)
		rc = merkle_consistency(hash, hashes, asked->old, cp->size, tree_read, r);
	return rc ? err_set(e, rc, "can't prove the log %s: %s", cp->origin, err_text(rc)) : 0;
}

int witness_ask_make(struct wire_out *out, struct witness_asked *asked, struct station *s,
		     const struct roster_node *n, const uint64_t *old, struct err *e)
{
	const struct archive *a = s->archive;
	struct tree_reader tree = {.txn = NULL};
	merkle_hash hash[MERKLE_PROOF_MAX];
	struct wire_out note = {0};
	struct cosigned c;
	size_t hashes;
	int rc;

	/* What was cosigned first: the checkpoint only grows meanwhile. */
	rc = last_cosigned(&c, s, n, e);
	if (rc == 0)
		rc = journal_read_checkpoint(a->journal, a->desc.id, &n->pub, &asked->cp, &note, e);
	if (rc == 0)
		rc = db_begin(&tree.txn, s->db, false, e);
	if (rc == 0)
		rc = open_tree(&tree, n->pub.id, &asked->cp, e);
	if (rc == 0)
		rc = check_last(&tree, &c, &asked->cp, e);
	if (rc == 0) {
		asked->old = old ? *old : c.cp.size;
		rc = prove(hash, &hashes, asked, &tree, e);
	}
	if (rc == 0)
		witness_ask_text(out, asked->old, (const merkle_hash *)hash, hashes,
				 (struct text_span){(const char *)note.p, note.n});
	db_abort(tree.txn);
	wire_out_free(&note);
	if (rc == 0 && !wire_out_ok(out))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	return rc;
}
