/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/catchup_source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static uint64_t max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

int catchup_source_load(struct catchup_source *s, struct db_txn *t, struct err *e)
{
	int rc = ledger_get_journal(NULL, t, s->node, &s->j, e);

	if (rc == ERR_NOTFOUND) {
		memset(&s->j, 0, sizeof(s->j));
		rc = 0;
	}
	return rc;
}

/* A root of lines that the index has already must be the one it has. */
static int compare(const struct catchup_source *s, struct db_txn *t,
		   const struct catchup_mark *known, const char *what, struct err *e)
{
	struct tree_reader r = {t, s->j.number, s->j.state.range.size};
	merkle_hash root;
	int rc = 0;

	if (known->size == 0 || known->size > r.size)
		return 0;
	if (known->size == r.size)
		merkle_root(root, &s->j.state.range);
	else
		rc = merkle_root_at(root, known->size, tree_read, &r);
	if (rc)
		return err_set(e, ERR_INDEX, "the index lacks hashes of a journal");
	if (memcmp(root, known->root, sizeof(root)) != 0)
		return catchup_scan_rollback(s->node, e,
					     "%s of %" PRIu64 " lines is not of those seen before",
					     what, known->size);
	return 0;
}

/* The checkpoint, which is kept for the pin. */
static int read_checkpoint(struct catchup_source *s, const struct station *st,
			   struct note_checkpoint *cp, struct err *e)
{
	const struct archive *a = st->archive;
	struct wire_out note = {0};
	int rc = journal_read_checkpoint(a->journal, a->desc.id, &s->pub, cp, &note, e);

	s->seen.note_n = 0;
	if (rc == 0)
		node_pin_note(&s->seen, (struct text_span){(const char *)note.p, note.n},
			      cp->origin);
	wire_out_free(&note);
	return rc;
}

/* What is known of a journal before it is read; and what can be refused already. */
static int prepare(struct catchup_source *s, struct station *st, struct db_txn *t,
		   const struct node_pin *pin, struct catchup_scan *scan, struct err *e)
{
	struct note_checkpoint cp;
	struct journal_start js;
	uint64_t seen = max64(s->j.state.range.size, pin ? pin->size : 0);
	int rc;

	memset(scan, 0, sizeof(*scan));
	scan->dirfd = st->archive->journal;
	memcpy(scan->node, s->node, 16);
	scan->from = s->j.state;
	if (s->own && st->journal) {
		journal_state(st->journal, &js);
		scan->own.size = js.state.range.size;
		merkle_root(scan->own.root, &js.state.range);
	} else if (s->own) {
		scan->mac_key = (struct event_key){node_identity(st->node)->journal,
						   st->archive->desc.id};
	}
	rc = read_checkpoint(s, st, &cp, e);
	if (rc && rc != ERR_NOTFOUND)
		return rc;
	if (rc == 0) {
		scan->signed_at.size = cp.size;
		memcpy(scan->signed_at.root, cp.root, sizeof(cp.root));
	}
	if (!s->own && scan->signed_at.size < seen)
		return catchup_scan_rollback(s->node, e,
					     "its checkpoint covers %" PRIu64 " lines, %" PRIu64
					     " were seen before",
					     scan->signed_at.size, seen);
	if (pin) {
		scan->seen.size = pin->size;
		memcpy(scan->seen.root, pin->root, sizeof(pin->root));
	}
	rc = compare(s, t, &scan->signed_at, "its checkpoint", e);
	return rc ? rc : compare(s, t, &scan->seen, "the record", e);
}

bool catchup_source_planned(const struct catchup_source *s)
{
	uint64_t at = s->j.state.range.size;

	return s->marks && at >= s->from && at < s->mark[s->marks - 1].size;
}

int catchup_source_scan(struct catchup_source *s, struct station *st, const struct node_pin *pins,
			size_t npins, struct err *e)
{
	const struct node_pin *pin = NULL;
	struct catchup_scan scan;
	struct db_txn *t = NULL;
	bool planned;
	int rc = db_begin(&t, st->db, false, e);

	for (size_t i = 0; i < npins && !pin; i++) {
		if (memcmp(pins[i].node, s->node, 16) == 0)
			pin = &pins[i];
	}
	if (rc == 0)
		rc = catchup_source_load(s, t, e);
	planned = rc == 0 && catchup_source_planned(s);
	if (rc == 0 && !planned)
		rc = prepare(s, st, t, pin, &scan, e);
	db_abort(t); /* reading the lines may take long */
	if (planned)
		return 0;
	free(s->mark);
	s->mark = NULL;
	s->marks = 0;
	if (rc)
		return rc;
	rc = catchup_scan_run(&scan, e);
	s->mark = scan.mark;
	s->marks = rc ? 0 : scan.marks;
	s->from = scan.from.range.size;
	return rc;
}
