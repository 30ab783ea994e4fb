/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backup_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/file.h"
#include "index/journal.h"

#define NOTE_MAX (64u << 10)
#define NAME_MAX_ 48 /* "<node id>.checkpoint" */

/* One journal being read. */
struct scan {
	struct backup_log *l;
	const struct backup_log_ask *ask;
	int old;			/* the backup's copy, or -1 */
	struct note_checkpoint cp, was; /* now, and in the backup; size 0: none that counts */
	struct merkle_range range;
	uint64_t end; /* behind the last line */
	char name[33];
	struct err *e;
};

void backup_log_free(struct backup_log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	wire_out_free(&l->checkpoint);
	wire_out_free(&l->cosigned);
}

/* ---- notes ---- */

/* A note beside a journal, verbatim; none is fine. */
static int read_note(int dirfd, const char *node, const char *kind, struct wire_out *out,
		     struct err *e)
{
	char name[NAME_MAX_];
	int rc;

	snprintf(name, sizeof(name), "%s.%s", node, kind);
	rc = file_read(dirfd, name, NOTE_MAX, out, e);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

/* The checkpoint of one of the two, checked if the node is enrolled. */
static int read_checkpoint(const struct scan *s, int dirfd, struct note_checkpoint *cp,
			   struct wire_out *note)
{
	const struct roster_node *n = roster_find(s->ask->roster, s->l->node);
	int rc;

	if (!n)
		return note ? read_note(dirfd, s->name, "checkpoint", note, s->e) : 0;
	rc = journal_read_checkpoint(dirfd, s->ask->a->desc.id, &n->pub, cp, note, s->e);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

static int compare_checkpoints(const struct scan *s)
{
	if (s->cp.size < s->was.size)
		return err_set(s->e, ERR_ROLLBACK,
			       "journal %s: its checkpoint covers %" PRIu64
			       " events, and that in the backup %" PRIu64
			       ": the archive was rolled back",
			       s->name, s->cp.size, s->was.size);
	if (s->cp.size > 0 && s->cp.size == s->was.size &&
	    memcmp(s->cp.root, s->was.root, sizeof(s->cp.root)) != 0)
		return err_set(s->e, ERR_ROLLBACK,
			       "journal %s: its checkpoint and that in the backup cover %" PRIu64
			       " events, and not the same: the log is forked",
			       s->name, s->cp.size);
	return 0;
}

/* ---- lines ---- */

/* The mark of the state, if the backup's checkpoint bears it out. */
static void begin(struct scan *s)
{
	const struct backup_mark *m = s->ask->mark;
	merkle_hash root;

	if (s->old < 0 || !m || m->range.size != s->was.size || m->bytes > s->l->old_bytes)
		return;
	merkle_root(root, &m->range);
	if (m->range.size > 0 && memcmp(root, s->was.root, sizeof(root)) == 0)
		s->l->from = *m;
}

/* A line that the backup should have: has it? */
static int compare_line(const struct scan *s, struct text_span line, uint64_t off)
{
	char was[EVENT_LINE_MAX + 1];
	const size_t n = line.n + 1;
	int rc;

	if (off >= s->l->old_bytes)
		return 0;
	rc = n <= s->l->old_bytes - off ? file_pread(s->old, was, n, off, s->e) : ERR_DAMAGED;
	if (rc == ERR_SYSTEM)
		return rc;
	if (rc == 0 && was[line.n] == '\n' && memcmp(was, line.p, line.n) == 0)
		return 0;
	return err_set(s->e, ERR_ROLLBACK,
		       "journal %s: event %" PRIu64
		       " is not the one in the backup: the log is forked, or one of the two was "
		       "altered",
		       s->name, s->range.size);
}

/* What follows the backup's last signed line does not lead to what the archive's checkpoint signs. */
static int forked(const struct scan *s)
{
	if (s->l->from.bytes == 0)
		return err_set(s->e, ERR_DAMAGED,
			       "journal %s: its first %" PRIu64
			       " lines are not those that its checkpoint covers",
			       s->name, s->cp.size);
	return err_set(s->e, ERR_ROLLBACK,
		       "journal %s is not the one in the backup, grown: after event %" PRIu64
		       " the log is forked, or was altered",
		       s->name, s->l->from.range.size);
}

/* Does the tree have the root that was signed at this size? */
static int compare_root(struct scan *s)
{
	merkle_hash root;

	if (s->range.size != s->cp.size && s->range.size != s->was.size)
		return 0;
	merkle_root(root, &s->range);
	if (s->range.size == s->was.size && s->was.size > 0 && memcmp(root, s->was.root, 32) != 0)
		return err_set(s->e, ERR_DAMAGED,
			       "journal %s: what the backup has of it is not what the backup's "
			       "checkpoint covers: the backup is damaged",
			       s->name);
	if (s->range.size != s->cp.size)
		return 0;
	if (s->cp.size > 0 && memcmp(root, s->cp.root, 32) != 0)
		return forked(s);
	s->l->mark.range = s->range;
	s->l->mark.bytes = s->end;
	return 0;
}

/* ERR_NOTFOUND: the journal ends before this line. */
static int take_line(struct scan *s, struct text_span line, uint64_t off)
{
	const bool fresh = off >= s->l->old_bytes;
	struct event ev;
	merkle_hash leaf;
	bool parsed = event_parse(&ev, line) == 0;
	int rc = 0;

	if (!parsed && s->range.size >= s->cp.size)
		return ERR_NOTFOUND; /* a torn end */
	if (off == s->l->from.bytes && (!parsed || ev.seq != s->range.size))
		return forked(s);
	rc = compare_line(s, line, off);
	if (rc == 0 && parsed && (fresh || s->ask->all))
		rc = s->ask->line(s->ask->ctx, &ev, s->e);
	merkle_leaf(leaf, line.p, line.n);
	merkle_append(&s->range, leaf, NULL, NULL);
	s->end = off + line.n + 1;
	s->l->fresh += fresh;
	return rc ? rc : compare_root(s);
}

static int read_lines(struct scan *s, uint64_t size)
{
	struct journal_reader *r;
	struct text_span line;
	uint64_t off;
	int rc = journal_reader_on(&r, s->l->fd, s->l->from.bytes, s->e);

	if (rc)
		return rc;
	s->range = s->l->from.range;
	s->end = s->l->from.bytes;
	rc = compare_root(s);
	while (rc == 0) {
		rc = journal_reader_next(r, &line, &off, s->e);
		if (rc == ERR_MALFORMED) /* without an end, or too long: not a line */
			rc = ERR_NOTFOUND;
		if (rc == 0 && off + line.n + 1 > size)
			rc = ERR_NOTFOUND;
		if (rc == 0)
			rc = take_line(s, line, off);
	}
	journal_reader_close(r);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

/* bytes: of the file, or of its lines. */
static int check_length(const struct scan *s, uint64_t bytes)
{
	if (bytes < s->l->old_bytes)
		return err_set(s->e, ERR_ROLLBACK,
			       "journal %s has %" PRIu64 " bytes of events, and the backup %" PRIu64
			       ": it was cut, or is an older copy",
			       s->name, bytes, s->l->old_bytes);
	return 0;
}

static int check_signed(const struct scan *s)
{
	if (s->range.size >= s->cp.size)
		return 0;
	return err_set(s->e, ERR_ROLLBACK,
		       "journal %s has %" PRIu64 " events, and its checkpoint covers %" PRIu64
		       ": it was cut, or is an older copy",
		       s->name, s->range.size, s->cp.size);
}

/* ---- a journal ---- */

/* Open it, and see to it that what it has now stays: a line that was written and is not durable could
 * be gone after a crash, and another one in its place. */
static int open_journal(struct scan *s, uint64_t *size)
{
	struct stat st;

	s->l->fd = journal_open_file(s->ask->a->journal, s->l->node, s->e);
	if (s->l->fd < 0)
		return s->l->fd;
	if (fstat(s->l->fd, &st) != 0)
		return err_sys(s->e, "can't stat journal %s", s->name);
	*size = (uint64_t)st.st_size;
	if (fdatasync(s->l->fd) != 0 && errno != EROFS && errno != EINVAL)
		return err_sys(s->e, "can't sync journal %s", s->name);
	return 0;
}

static int open_old(struct scan *s)
{
	struct stat st;
	int rc;

	if (s->ask->before < 0)
		return 0;
	s->old = journal_open_file(s->ask->before, s->l->node, s->e);
	if (s->old == ERR_NOTFOUND)
		return 0; /* it is new */
	if (s->old < 0 || fstat(s->old, &st) != 0)
		return s->old < 0 ? s->old : err_sys(s->e, "can't stat journal %s", s->name);
	s->l->old_bytes = (uint64_t)st.st_size;
	rc = read_checkpoint(s, s->ask->before, &s->was, NULL);
	return rc ? err_prefix(s->e, rc, "the backup is damaged") : 0;
}

int backup_log_read(struct backup_log *l, const struct backup_log_ask *ask, const uint8_t node[16],
		    struct err *e)
{
	struct err mine = {0};
	struct scan s = {.l = l, .ask = ask, .old = -1, .e = e ? e : &mine};
	uint64_t size = 0;
	int rc;

	*l = (struct backup_log){.fd = -1};
	memcpy(l->node, node, 16);
	memcpy(l->from.node, node, 16);
	memcpy(l->mark.node, node, 16);
	text_hex(s.name, node, 16);
	rc = open_old(&s);
	/* Notes before lines: they are about lines that are there. */
	if (rc == 0)
		rc = read_note(ask->a->journal, s.name, "cosigned", &l->cosigned, s.e);
	if (rc == 0)
		rc = read_checkpoint(&s, ask->a->journal, &s.cp, &l->checkpoint);
	if (rc == 0)
		rc = compare_checkpoints(&s);
	if (rc == 0)
		rc = open_journal(&s, &size);
	if (rc == 0)
		rc = check_length(&s, size);
	if (rc == 0) {
		begin(&s);
		rc = read_lines(&s, size);
	}
	if (rc == 0)
		rc = check_length(&s, s.end);
	if (rc == 0)
		rc = check_signed(&s);
	l->bytes = s.end;
	l->lines = s.range.size;
	merkle_root(l->root, &s.range);
	if (s.old >= 0)
		close(s.old);
	return rc;
}

int backup_log_check(const struct backup_log *l, int dirfd, struct err *e)
{
	struct merkle_range range = l->from.range;
	struct journal_reader *r;
	struct text_span line;
	merkle_hash root, leaf;
	uint64_t off;
	int rc = journal_reader_open(&r, dirfd, l->node, l->from.bytes, e);

	if (rc)
		return rc;
	while ((rc = journal_reader_next(r, &line, &off, e)) == 0) {
		merkle_leaf(leaf, line.p, line.n);
		merkle_append(&range, leaf, NULL, NULL);
	}
	journal_reader_close(r);
	if (rc != ERR_NOTFOUND)
		return rc;
	merkle_root(root, &range);
	if (range.size == l->lines && memcmp(root, l->root, sizeof(root)) == 0)
		return 0;
	return err_set(e, ERR_DAMAGED,
		       "a journal was not written as it was read: is the disk good?");
}
