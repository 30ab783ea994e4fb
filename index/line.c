/* SPDX-License-Identifier: Apache-2.0 */
#include "index/line.h"

#include <stdlib.h>
#include <string.h>

#include "index/ledger.h"

int line_read(const struct tree_reader *r, int dirfd, const uint8_t node[16], uint64_t seq,
	      struct wire_out *out, struct err *e)
{
	const size_t start = out->n;
	merkle_hash want, got;
	char name[33];
	uint64_t off;
	uint32_t n;
	int rc = tree_line(r, seq, &off, &n);

	if (rc == 0)
		rc = tree_read((void *)r, 0, seq, want);
	if (rc)
		return err_set(e, rc,
			       "the index does not know line %llu of a journal: run 'custody "
			       "reindex'",
			       (unsigned long long)seq + 1);
	rc = journal_read_line(dirfd, node, off, n, out, e);
	if (rc == 0) {
		merkle_leaf(got, out->p + start, out->n - start);
		if (memcmp(got, want, sizeof(got)) != 0)
			rc = ERR_DAMAGED;
	}
	if (rc != ERR_DAMAGED)
		return rc;
	out->n = start;
	text_hex(name, node, 16);
	return err_set(e, rc,
		       "journal %s, line %llu (at byte %llu) is not what was logged: run 'custody "
		       "verify'",
		       name, (unsigned long long)seq + 1, (unsigned long long)off);
}

/* ---- line by line ---- */

struct line_check {
	int dirfd;
	uint8_t node[16];
	struct db *db;
	struct tree_state index;   /* the journal as indexed; empty: it is not */
	struct note_checkpoint cp; /* size 0: no good one */
	uint64_t next;		   /* number of the next line */
	struct merkle_range range; /* from the end of the index on, as lines come */
	merkle_hash leaf[TREE_TILE];
	uint64_t leaf_first; /* of the tile that is loaded */
	unsigned leaves;     /* 0: none is */
};

void line_check_close(struct line_check *c)
{
	free(c);
}

void line_check_skip(struct line_check *c, uint64_t seq)
{
	c->next = seq;
}

uint64_t line_check_signed(const struct line_check *c)
{
	return c->cp.size;
}

uint64_t line_check_count(const struct line_check *c)
{
	return c->next;
}

/* The journal in the index, within a look of its own: numbers change when it is rebuilt. */
static int begin(struct line_check *c, struct db_txn **t, struct ledger_journal *j,
		 struct tree_reader *r, struct err *e)
{
	int rc = db_begin(t, c->db, false, e);

	if (rc == 0)
		rc = ledger_get_journal(NULL, *t, c->node, j, e);
	if (rc == 0)
		*r = (struct tree_reader){*t, j->number, j->state.range.size};
	return rc;
}

/* How far the journal is indexed. */
static int load_index(struct line_check *c, struct err *e)
{
	struct ledger_journal j;
	struct db_txn *t = NULL;
	struct tree_reader r;
	int rc = c->db ? begin(c, &t, &j, &r, e) : ERR_NOTFOUND;

	if (rc == 0) {
		c->index = j.state;
		c->range = j.state.range;
	}
	db_abort(t);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

/* Does the checkpoint sign what is indexed? For one that signs no more than that. */
static int check_indexed(struct line_check *c, struct err *e)
{
	struct ledger_journal j;
	struct db_txn *t = NULL;
	struct tree_reader r;
	merkle_hash root;
	int rc;

	if (c->cp.size == 0)
		return 0;
	rc = begin(c, &t, &j, &r, e);
	if (rc == 0)
		rc = merkle_root_at(root, c->cp.size, tree_read, &r);
	db_abort(t);
	if (rc)
		return err_set(e, ERR_INDEX,
			       "the index lacks hashes of a journal: run 'custody reindex'");
	if (memcmp(root, c->cp.root, sizeof(root)) != 0)
		return err_set(e, ERR_FORGED, "its checkpoint signs other lines");
	return 0;
}

/* The lines that the checkpoint signs and the index does not have yet. */
static int read_tail(const struct line_check *c, struct err *e)
{
	struct merkle_range range = c->range;
	struct journal_reader *r = NULL;
	merkle_hash hash;
	int rc;

	rc = journal_reader_open(&r, c->dirfd, c->node, c->index.bytes, e);
	while (rc == 0 && range.size < c->cp.size) {
		struct text_span line;
		uint64_t off;

		rc = journal_reader_next(r, &line, &off, e);
		if (rc == 0) {
			merkle_leaf(hash, line.p, line.n);
			merkle_append(&range, hash, NULL, NULL);
		}
	}
	journal_reader_close(r);
	if (rc == ERR_NOTFOUND)
		return err_set(e, ERR_ROLLBACK, "it has %llu lines, its checkpoint signs %llu",
			       (unsigned long long)range.size, (unsigned long long)c->cp.size);
	if (rc)
		return rc;
	merkle_root(hash, &range);
	if (memcmp(hash, c->cp.root, sizeof(hash)) != 0)
		return err_set(e, ERR_FORGED, "its lines are not those that its checkpoint signs");
	return 0;
}

static bool about_evidence(int rc)
{
	return rc == ERR_FORGED || rc == ERR_ROLLBACK || rc == ERR_DAMAGED || rc == ERR_MALFORMED ||
	       rc == ERR_FOREIGN;
}

int line_check_open(struct line_check **out, int dirfd, const uint8_t archive_id[16],
		    const uint8_t node[16], const struct identity_public *pub, struct db *db,
		    struct err *e)
{
	struct line_check *c = calloc(1, sizeof(*c));
	int rc;

	*out = NULL;
	if (!c)
		return err_set(e, ERR_NOMEM, "out of memory");
	c->dirfd = dirfd;
	c->db = db;
	memcpy(c->node, node, 16);
	rc = load_index(c, e);
	if (rc == 0 && pub)
		rc = journal_read_checkpoint(dirfd, archive_id, pub, &c->cp, NULL, e);
	if (rc == ERR_NOTFOUND)
		rc = 0;
	else if (rc == 0)
		rc = c->cp.size > c->index.range.size ? read_tail(c, e) : check_indexed(c, e);
	if (rc && !about_evidence(rc)) {
		free(c);
		return rc;
	}
	if (rc)
		c->cp.size = 0;
	*out = c;
	return rc;
}

static int load_tile(struct line_check *c, uint64_t seq, struct err *e)
{
	struct ledger_journal j;
	struct db_txn *t = NULL;
	struct tree_reader r;
	int rc = begin(c, &t, &j, &r, e);

	c->leaves = 0;
	if (rc == 0)
		rc = tree_leaves(&r, seq, c->leaf, &c->leaves);
	db_abort(t);
	c->leaf_first = seq - seq % TREE_TILE;
	return rc ? err_set(e, ERR_INDEX, "the index has changed: try again") : 0;
}

static int against_index(struct line_check *c, uint64_t seq, const merkle_hash leaf, struct err *e)
{
	int rc = 0;

	if (seq < c->leaf_first || seq - c->leaf_first >= c->leaves)
		rc = load_tile(c, seq, e);
	if (rc == 0 && memcmp(c->leaf[seq - c->leaf_first], leaf, MERKLE_HASH) != 0)
		rc = err_set(e, ERR_DAMAGED, "is not what was logged");
	return rc;
}

int line_check_next(struct line_check *c, struct text_span line, bool *is_signed, struct err *e)
{
	const uint64_t seq = c->next++;
	merkle_hash hash;

	*is_signed = seq < c->cp.size;
	merkle_leaf(hash, line.p, line.n);
	if (seq < c->index.range.size)
		return against_index(c, seq, hash, e);
	if (!*is_signed)
		return 0;
	merkle_append(&c->range, hash, NULL, NULL);
	if (c->range.size < c->cp.size)
		return 0;
	merkle_root(hash, &c->range);
	if (memcmp(hash, c->cp.root, sizeof(hash)) != 0)
		return err_set(e, ERR_DAMAGED,
			       "or one before it was changed while the journal was read");
	return 0;
}

int line_check_end(const struct line_check *c, struct err *e)
{
	const uint64_t known = c->cp.size > c->index.range.size ? c->cp.size : c->index.range.size;

	if (c->next >= known)
		return 0;
	return err_set(e, ERR_ROLLBACK, "it ends after %llu lines of %llu",
		       (unsigned long long)c->next, (unsigned long long)known);
}
