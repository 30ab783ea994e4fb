/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is there to be handed over, or has arrived: by the index which segments belong to an accession
 * and how far they are committed, by their files what they are.
 */
#include "fs/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "fs/receipt_draft.h"
#include "fs/station.h"
#include "index/file.h"
#include "index/ledger.h"

#define PIECE ((size_t)1 << 20)

struct making {
	struct station *s;
	struct db_txn *txn;
	struct ledger_accession *accession;
	size_t accessions;
	struct ledger_segment *segment;
	size_t segments;
	uint64_t done, total; /* bytes */
	transfer_progress *progress;
	void *ctx;
};

/* ---- logs ---- */

/* The checkpoint as it is now, once it is what the index has of that log. ERR_NOTFOUND: none. */
static int read_checkpoint(const struct making *m, const struct roster_node *n,
			   struct note_checkpoint *cp, struct err *e)
{
	const struct archive *a = m->s->archive;
	struct tree_reader reader = {.txn = m->txn};
	struct ledger_journal j;
	merkle_hash root;
	int rc = journal_read_checkpoint(a->journal, a->desc.id, &n->pub, cp, NULL, e);

	if (rc == 0)
		rc = ledger_get_journal(NULL, m->txn, n->pub.id, &j, e);
	if (rc)
		return rc;
	reader.journal = j.number;
	reader.size = j.state.range.size;
	if (reader.size < cp->size)
		return err_set(e, ERR_BUSY, "the log %s grows: try again", cp->origin);
	rc = merkle_root_at(root, cp->size, tree_read, &reader);
	if (rc == 0 && memcmp(root, cp->root, sizeof(root)) != 0)
		rc = err_set(e, ERR_DAMAGED, "the log %s is not what its checkpoint signs",
			     cp->origin);
	return rc;
}

static int add_checkpoints(struct transfer_release *r, const struct making *m, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < roster_count(m->s->roster); i++) {
		struct err why = {0};

		rc = receipt_draft_room((void **)&r->checkpoint, r->checkpoints,
					sizeof(*r->checkpoint), e);
		if (rc)
			break;
		rc = read_checkpoint(m, roster_at(m->s->roster, i), &r->checkpoint[r->checkpoints],
				     &why);
		if (rc == 0)
			r->checkpoints++;
		else if (rc == ERR_NOTFOUND) /* it has not written yet */
			rc = 0;
		else if (e)
			*e = why;
	}
	return rc;
}

static int find_checkpoint(struct note_checkpoint *cp, const struct making *m, const char *origin,
			   struct err *e)
{
	char name[NOTE_NAME_MAX];

	for (size_t i = 0; i < roster_count(m->s->roster); i++) {
		const struct roster_node *n = roster_at(m->s->roster, i);

		journal_origin(name, m->s->archive->desc.id, n->pub.id);
		if (strcmp(name, origin) == 0)
			return read_checkpoint(m, n, cp, e);
	}
	return err_set(e, ERR_DAMAGED, "the log %s is not here", origin);
}

/* ---- segments ---- */

/* The first `bytes` bytes of a segment's file, or as many as there are. */
static void digest_segment(struct transfer_segment *t, struct making *m, uint8_t *buf)
{
	char path[SEGMENT_PATH_MAX];
	struct hash_ctx h;
	uint64_t done = 0;
	ssize_t n = 1;
	int fd;

	segment_path(path, t->id);
	fd = openat(m->s->archive->segments, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	hash_init(&h);
	while (fd >= 0 && n > 0 && done < t->bytes) {
		uint64_t left = t->bytes - done;

		n = read(fd, buf, left < PIECE ? (size_t)left : PIECE);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0) {
			hash_update(&h, buf, (size_t)n);
			done += (size_t)n;
			m->done += (size_t)n;
		}
		if (n > 0 && m->progress)
			m->progress(m->ctx, m->done, m->total);
	}
	hash_final(&h, t->digest);
	t->missing = fd < 0 || n < 0;
	t->bytes = done;
	if (fd >= 0)
		close(fd);
}

static void digest_all(struct transfer_segment *list, size_t n, struct making *m, uint8_t *buf)
{
	for (size_t i = 0; i < n; i++)
		m->total += list[i].bytes;
	for (size_t i = 0; i < n; i++)
		digest_segment(&list[i], m, buf);
}

/* ---- what the index has ---- */

static int keep_accession(void *ctx, const struct ledger_accession *a)
{
	struct making *m = ctx;

	if (receipt_draft_room((void **)&m->accession, m->accessions, sizeof(*m->accession), NULL))
		return ERR_NOMEM;
	m->accession[m->accessions++] = *a;
	return 0;
}

static int keep_segment(void *ctx, const struct ledger_segment *s)
{
	struct making *m = ctx;

	if (receipt_draft_room((void **)&m->segment, m->segments, sizeof(*m->segment), NULL))
		return ERR_NOMEM;
	m->segment[m->segments++] = *s;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct ledger_accession *x = a, *y = b;
	int c;

	if (x->opened_ms != y->opened_ms)
		return x->opened_ms < y->opened_ms ? -1 : 1;
	c = memcmp(x->id, y->id, 16);
	return c ? c : memcmp(x->node, y->node, 16);
}

static int by_event(const void *a, const void *b)
{
	const struct ledger_segment *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int begin(struct making *m, struct station *s, struct err *e)
{
	int rc;

	if (!(s->home->roles & ROSTER_READER))
		return err_set(e, ERR_ROLE,
			       "a reader node is needed: only its index knows all logs");
	if (s->journal) {
		rc = journal_checkpoint(s->journal, e);
		if (rc)
			return rc;
	}
	m->s = s;
	rc = db_begin(&m->txn, s->db, false, e);
	if (rc == 0)
		rc = ledger_accessions(m->txn, keep_accession, m, e);
	if (rc == 0)
		rc = ledger_segments(m->txn, keep_segment, m, e);
	if (m->accessions)
		qsort(m->accession, m->accessions, sizeof(*m->accession), by_time);
	if (m->segments)
		qsort(m->segment, m->segments, sizeof(*m->segment), by_event);
	return rc;
}

static void end(struct making *m)
{
	db_abort(m->txn);
	free(m->accession);
	free(m->segment);
}

/* ---- a release ---- */

static int add_segments(struct transfer_release *r, struct transfer_accession *to,
			const struct making *m, struct err *e)
{
	int rc = 0;

	to->segment = r->segments;
	for (size_t i = 0; rc == 0 && i < m->segments; i++) {
		const struct ledger_segment *s = &m->segment[i];

		if (memcmp(s->accession, to->id, 16) != 0 || memcmp(s->node, to->node, 16) != 0)
			continue;
		rc = receipt_draft_room((void **)&r->segment, r->segments, sizeof(*r->segment), e);
		if (rc)
			break;
		r->segment[r->segments] = (struct transfer_segment){.bytes = s->end};
		memcpy(r->segment[r->segments++].id, s->id, 16);
		to->segments++;
	}
	return rc;
}

static int add_accession(struct transfer_release *r, const struct ledger_accession *a,
			 const struct making *m, struct err *e)
{
	struct transfer_accession *to;
	int rc = receipt_draft_room((void **)&r->accession, r->accessions, sizeof(*r->accession),
				    e);

	if (rc)
		return rc;
	if (r->accessions == TRANSFER_ACCESSIONS_MAX)
		return err_set(e, ERR_USAGE, "a release names %u accessions at most",
			       TRANSFER_ACCESSIONS_MAX);
	to = &r->accession[r->accessions++];
	*to = (struct transfer_accession){.items = a->items};
	memcpy(to->id, a->id, 16);
	memcpy(to->node, a->node, 16);
	return add_segments(r, to, m, e);
}

static int add_accessions(struct transfer_release *r, const uint8_t (*id)[16], size_t n,
			  const struct making *m, struct err *e)
{
	char hex[33];
	int rc = 0;

	for (size_t k = 0; rc == 0 && k < (n ? n : 1); k++) {
		size_t before = r->accessions;

		for (size_t i = 0; rc == 0 && i < m->accessions; i++)
			if (n == 0 || memcmp(id[k], m->accession[i].id, 16) == 0)
				rc = add_accession(r, &m->accession[i], m, e);
		if (rc || r->accessions > before)
			continue;
		if (n == 0)
			return err_set(e, ERR_NOTFOUND, "the archive has no accession");
		text_hex(hex, id[k], 16);
		rc = err_set(e, ERR_NOTFOUND, "there is no accession %s", hex);
	}
	return rc;
}

static int all_there(const struct transfer_release *r, const struct making *m, struct err *e)
{
	char hex[33];

	for (size_t i = 0; i < r->segments; i++) {
		const struct transfer_segment *s = &r->segment[i];
		uint64_t end = 0;

		for (size_t k = 0; k < m->segments; k++)
			if (memcmp(m->segment[k].id, s->id, 16) == 0 && m->segment[k].end > end)
				end = m->segment[k].end;
		if (!s->missing && s->bytes == end)
			continue;
		text_hex(hex, s->id, 16);
		return err_set(e, ERR_DAMAGED,
			       "segment %s is not there as logged: run 'custody verify'", hex);
	}
	return 0;
}

int transfer_make_release(struct transfer_release *r, struct station *s, const uint8_t (*id)[16],
			  size_t n, transfer_progress *progress, void *ctx, struct err *e)
{
	struct making m = {.progress = progress, .ctx = ctx};
	uint8_t *buf = malloc(PIECE);
	int rc = buf ? begin(&m, s, e) : err_set(e, ERR_NOMEM, "out of memory");

	if (rc == 0)
		rc = add_checkpoints(r, &m, e);
	if (rc == 0)
		rc = add_accessions(r, id, n, &m, e);
	if (rc == 0) {
		digest_all(r->segment, r->segments, &m, buf);
		rc = all_there(r, &m, e);
	}
	end(&m);
	free(buf);
	return rc;
}

/* ---- a receipt ---- */

int transfer_make_receipt(struct transfer_receipt *rec, const struct transfer_release *rel,
			  struct station *s, transfer_progress *progress, void *ctx, struct err *e)
{
	struct making m = {.progress = progress, .ctx = ctx};
	uint8_t *buf = malloc(PIECE);
	int rc = buf ? begin(&m, s, e) : err_set(e, ERR_NOMEM, "out of memory");

	if (rc == 0) {
		rec->checkpoint = calloc(rel->checkpoints, sizeof(*rec->checkpoint));
		rec->segment = calloc(rel->segments + 1, sizeof(*rec->segment));
		if (!rec->checkpoint || !rec->segment)
			rc = err_set(e, ERR_NOMEM, "out of memory");
	}
	for (; rc == 0 && rec->checkpoints < rel->checkpoints; rec->checkpoints++)
		rc = find_checkpoint(&rec->checkpoint[rec->checkpoints], &m,
				     rel->checkpoint[rec->checkpoints].origin, e);
	for (size_t i = 0; rc == 0 && i < rel->segments; i++) {
		rec->segment[i].bytes = rel->segment[i].bytes;
		memcpy(rec->segment[i].id, rel->segment[i].id, 16);
		rec->segments++;
	}
	if (rc == 0)
		digest_all(rec->segment, rec->segments, &m, buf);
	end(&m);
	free(buf);
	return rc;
}
