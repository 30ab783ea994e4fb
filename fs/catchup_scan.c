/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/catchup_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/text.h"
#include "index/event.h"
#include "index/journal.h"

int catchup_scan_rollback(const uint8_t node[16], struct err *e, const char *fmt, ...)
{
	char hex[33], what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	text_hex(hex, node, 16);
	return err_set(
		e, ERR_ROLLBACK,
		"journal of node %s: %s. An archive that was rolled back or forked is "
		"refused: restore the journal and its checkpoint from a copy that has it all, or "
		"have what is there accepted ('custody checkpoint --evidence' shows it)",
		hex, what);
}

static int of_journal(const struct catchup_scan *s, int rc, struct err *e)
{
	char hex[33];

	text_hex(hex, s->node, 16);
	return err_prefix(e, rc, "journal of node %s", hex);
}

static uint64_t max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Lines that have to be there. */
static uint64_t required(const struct catchup_scan *s)
{
	return max64(s->signed_at.size, max64(s->seen.size, s->own.size));
}

static int add_mark(struct catchup_scan *s, const struct merkle_range *r)
{
	if (s->marks && s->mark[s->marks - 1].size == r->size)
		return 0;
	if (s->marks == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 8;
		struct catchup_mark *grown = realloc(s->mark, cap * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		s->mark = grown;
		s->cap = cap;
	}
	s->mark[s->marks].size = r->size;
	merkle_root(s->mark[s->marks].root, r);
	s->marks++;
	return 0;
}

/* Do the lines, read from the first one on, have the root that was signed? */
static int signed_as_they_stand(const struct catchup_scan *s, bool *yes, struct err *e)
{
	struct journal_reader *r = NULL;
	struct merkle_range range = {0};
	struct text_span line;
	merkle_hash leaf, root;
	uint64_t off;
	int rc = journal_reader_open(&r, s->dirfd, s->node, 0, e);

	while (rc == 0 && range.size < s->signed_at.size) {
		rc = journal_reader_next(r, &line, &off, e);
		if (rc)
			break;
		merkle_leaf(leaf, line.p, line.n);
		merkle_append(&range, leaf, NULL, NULL);
	}
	journal_reader_close(r);
	merkle_root(root, &range);
	*yes = rc == 0 && memcmp(root, s->signed_at.root, sizeof(root)) == 0;
	return rc == ERR_NOTFOUND || rc == ERR_MALFORMED ? 0 : rc;
}

/* The lines do not have the root they should have. Were they altered, or did the node sign another
 * history than the one that was seen? */
static int blame(const struct catchup_scan *s, uint64_t size, struct err *e)
{
	bool as_signed = false;
	char hex[33];
	int rc = 0;

	if (s->signed_at.size)
		rc = signed_as_they_stand(s, &as_signed, e);
	if (rc)
		return of_journal(s, rc, e);
	if (as_signed || !s->signed_at.size)
		return catchup_scan_rollback(
			s->node, e, "its first %" PRIu64 " lines are not those seen before", size);
	text_hex(hex, s->node, 16);
	return err_set(e, ERR_FORGED,
		       "journal of node %s: its first %" PRIu64
		       " lines do not have the root that its checkpoint signs: lines were altered, "
		       "or the checkpoint is of another copy",
		       hex, s->signed_at.size);
}

/* Compare with every root that is known at this size. */
static int compare(const struct catchup_scan *s, const struct merkle_range *r, struct err *e)
{
	const struct catchup_mark *known[3] = {&s->signed_at, &s->seen, &s->own};
	merkle_hash root;

	for (size_t i = 0; i < 3; i++) {
		if (known[i]->size != r->size || r->size == 0)
			continue;
		merkle_root(root, r);
		if (memcmp(root, known[i]->root, sizeof(root)) != 0)
			return blame(s, r->size, e);
	}
	return 0;
}

static int too_short(const struct catchup_scan *s, uint64_t lines, struct err *e)
{
	return catchup_scan_rollback(
		s->node, e, "it ends after %" PRIu64 " lines, %" PRIu64 " %s", lines, required(s),
		s->signed_at.size == required(s) ? "were signed" : "were seen before");
}

static void file_name(const struct catchup_scan *s, char out[48])
{
	char hex[33];

	text_hex(hex, s->node, 16);
	snprintf(out, 48, "%s.jsonl", hex);
}

/* Own lines that no checkpoint covers may not be on the disk yet; the index must not know them
 * before they are. */
static int sync_file(const struct catchup_scan *s, struct err *e)
{
	char name[48];
	int fd, rc = 0;

	file_name(s, name);
	fd = openat(s->dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	/* A file system that can't be written to has nothing left to write. */
	if (fd < 0 || (fdatasync(fd) != 0 && errno != EROFS && errno != EINVAL))
		rc = err_sys(e, "can't sync %s", name);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Bytes of the file; UINT64_MAX if there is none. */
static uint64_t file_size(const struct catchup_scan *s)
{
	struct stat st;
	char name[48];

	file_name(s, name);
	if (fstatat(s->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return UINT64_MAX;
	return (uint64_t)st.st_size;
}

/* The file, if it is there, must hold what the index has of it. */
static int check_length(const struct catchup_scan *s, struct err *e)
{
	uint64_t size = file_size(s);

	if (size < s->from.bytes)
		return catchup_scan_rollback(s->node, e,
					     "it has %" PRIu64 " bytes, %" PRIu64
					     " were seen before",
					     size, s->from.bytes);
	return 0;
}

/* Whole, well-formed, past all checkpoints, and not written by this node. */
static int foreign_line(const struct catchup_scan *s, uint64_t seq, struct err *e)
{
	return of_journal(s,
			  err_set(e, ERR_FORGED,
				  "line %" PRIu64
				  " was not written by this node: somebody added it",
				  seq + 1),
			  e);
}

/* One line: 0 and *range advanced, ERR_NOTFOUND when no more lines count. */
static int step(const struct catchup_scan *s, struct journal_reader *r, struct merkle_range *range,
		struct err *e)
{
	bool must = range->size < required(s);
	struct text_span line;
	struct event ev;
	merkle_hash leaf;
	uint64_t off;
	int rc;

	if (!must && !s->mac_key.journal)
		return ERR_NOTFOUND;
	rc = journal_reader_next(r, &line, &off, e);
	if ((rc == ERR_NOTFOUND || rc == ERR_MALFORMED) && !must)
		return ERR_NOTFOUND;
	/* Cut within a line, or a line that is too long. */
	if (rc == ERR_NOTFOUND || (rc == ERR_MALFORMED && file_size(s) - off < EVENT_LINE_MAX))
		return too_short(s, range->size, e);
	if (rc == ERR_MALFORMED)
		return blame(s, required(s), e);
	if (rc)
		return of_journal(s, rc, e);
	if (!must && event_check_mac(line, s->mac_key))
		return event_parse(&ev, line) ? ERR_NOTFOUND : /* a torn tail */
						foreign_line(s, range->size, e);
	merkle_leaf(leaf, line.p, line.n);
	merkle_append(range, leaf, NULL, NULL);
	return 0;
}

int catchup_scan_run(struct catchup_scan *s, struct err *e)
{
	struct merkle_range range = s->from.range;
	struct journal_reader *r = NULL;
	int rc = check_length(s, e);

	if (rc == 0)
		rc = journal_reader_open(&r, s->dirfd, s->node, s->from.bytes, e);
	if (rc == ERR_NOTFOUND && required(s) == 0 && range.size == 0)
		return 0; /* no journal yet */
	if (rc == ERR_NOTFOUND)
		return catchup_scan_rollback(s->node, e, "it is missing");
	while (rc == 0) {
		rc = step(s, r, &range, e);
		if (rc == 0)
			rc = compare(s, &range, e);
		if (rc == 0 && range.size % CATCHUP_BATCH == 0)
			rc = add_mark(s, &range);
	}
	journal_reader_close(r);
	if (rc == ERR_NOTFOUND) {
		rc = range.size > s->from.range.size ? add_mark(s, &range) : 0;
		if (rc == 0 && range.size > required(s))
			rc = sync_file(s, e);
	}
	if (rc == ERR_NOMEM)
		err_set(e, rc, "out of memory");
	return rc;
}
