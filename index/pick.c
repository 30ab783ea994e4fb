/* SPDX-License-Identifier: Apache-2.0 */
#include "index/pick.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/event.h"
#include "index/file.h"
#include "index/journal.h"
#include "index/tree.h"

#define CHUNK_MAX (256u << 10)

struct pick {
	struct db *db;
	int fd;
	uint8_t node[16];
	uint64_t lines;
	/* The tile that is loaded: hashes of its lines, where each begins, and where the last ends. */
	uint64_t first;
	unsigned n; /* 0: none is */
	merkle_hash leaf[TREE_TILE];
	uint64_t off[TREE_TILE + 1];
	/* Bytes of the file from `base` on. */
	struct wire_out chunk;
	uint64_t base;
};

int pick_open(struct pick **out, struct db *db, int dirfd, const struct ledger_journal *j,
	      struct err *e)
{
	struct pick *p = calloc(1, sizeof(*p));
	int rc = 0;

	*out = p;
	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory");
	p->db = db;
	p->lines = j->state.range.size;
	memcpy(p->node, j->node, 16);
	p->fd = journal_open_file(dirfd, j->node, e);
	if (p->fd < 0) {
		rc = p->fd;
		free(p);
		*out = NULL;
	}
	return rc;
}

void pick_close(struct pick *p)
{
	if (!p)
		return;
	close(p->fd);
	wire_out_free(&p->chunk);
	free(p);
}

/* Numbers of journals change when the index is made anew: they are looked up each time. */
static int load_tile(struct pick *p, uint64_t seq, struct err *e)
{
	struct ledger_journal j;
	struct tree_reader r;
	struct db_txn *t = NULL;
	int rc = db_begin(&t, p->db, false, e);

	p->n = 0;
	if (rc)
		return rc;
	rc = ledger_get_journal(NULL, t, p->node, &j, NULL);
	r = (struct tree_reader){t, j.number, j.state.range.size};
	if (rc == 0)
		rc = tree_leaves(&r, seq, p->leaf, &p->n);
	if (rc == 0)
		rc = tree_lines(&r, seq, p->off, p->n);
	db_abort(t);
	p->first = seq - seq % TREE_TILE;
	if (rc)
		p->n = 0;
	if (rc && rc != ERR_NOMEM)
		return err_set(e, ERR_INDEX,
			       "the index lacks lines of a journal: run 'custody reindex'");
	return rc ? err_set(e, rc, "out of memory") : 0;
}

/* How far to read: lines of the tile that will be asked for too. */
static unsigned chunk_end(const struct pick *p, unsigned at, const struct lineset *set)
{
	unsigned end = at + 1;
	uint64_t next = p->first + end;

	while (set && lineset_next(set, &next) && next < p->first + p->n &&
	       p->off[next - p->first + 1] - p->off[at] <= CHUNK_MAX) {
		end = (unsigned)(next - p->first) + 1;
		next++;
	}
	return end;
}

static int load_chunk(struct pick *p, unsigned at, const struct lineset *set, struct err *e)
{
	const unsigned end = chunk_end(p, at, set);
	const size_t n = (size_t)(p->off[end] - p->off[at]);
	uint8_t *room;

	wire_out_reset(&p->chunk);
	room = wire_out_room(&p->chunk, n);
	if (!room)
		return err_set(e, ERR_NOMEM, "out of memory");
	p->base = p->off[at];
	if (file_pread(p->fd, room, n, p->base, e) == 0)
		return 0;
	wire_out_reset(&p->chunk);
	/* A file that was cut: the line at least, if it is there. */
	if (end > at + 1)
		return load_chunk(p, at, NULL, e);
	return err_set(e, ERR_DAMAGED, "is not what was logged");
}

int pick_line(struct pick *p, uint64_t seq, const struct lineset *set, struct text_span *line,
	      uint64_t *off, struct err *e)
{
	merkle_hash hash;
	unsigned at;
	int rc = 0;

	*off = 0;
	if (p->n == 0 || seq < p->first || seq - p->first >= p->n)
		rc = load_tile(p, seq, e);
	if (rc)
		return rc;
	at = (unsigned)(seq - p->first);
	*off = p->off[at];
	if (p->off[at] < p->base || p->off[at + 1] > p->base + p->chunk.n)
		rc = load_chunk(p, at, set, e);
	if (rc)
		return rc;
	*line = (struct text_span){(const char *)p->chunk.p + (p->off[at] - p->base),
				   (size_t)(p->off[at + 1] - p->off[at]) - 1};
	merkle_leaf(hash, line->p, line->n);
	if (memcmp(hash, p->leaf[at], sizeof(hash)) != 0)
		return err_set(e, ERR_DAMAGED, "is not what was logged");
	return 0;
}

int pick_time(struct pick *p, int64_t ms, uint64_t *seq, struct err *e)
{
	uint64_t lo = 0, hi = p->lines, off;
	struct text_span line;
	struct event ev;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;
		int rc = pick_line(p, mid, NULL, &line, &off, e);

		if (rc == 0 && event_parse(&ev, line))
			rc = err_set(e, ERR_DAMAGED, "is not an event");
		if (rc)
			return rc;
		if (ev.time_ms < ms)
			lo = mid + 1;
		else
			hi = mid;
	}
	*seq = lo;
	return 0;
}
