/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "index/file.h"
#include "index/journal_internal.h"

/* What a place in the file holds. */
enum found {
	FOUND_LINE,    /* a line of ours, the next one */
	FOUND_END,     /* the end of the file */
	FOUND_SCRAP,   /* no event: what a crash may leave */
	FOUND_FORGERY, /* an event, but not ours, or not the next one: no crash makes that */
	FOUND_FOREIGN, /* first line of another archive's or node's journal */
	FOUND_FAILURE, /* could not be read */
};

struct scan {
	struct journal *j;
	struct journal_reader *r;
	struct journal_start at;   /* behind the last good line */
	struct note_checkpoint cp; /* root of a prefix of cp.size lines; 0: none */
	bool trust;		   /* lines that cp covers need no MAC: their root is compared */
	uint64_t stop;		   /* read no further than that many lines */
	bool torn;		   /* what follows is not a line, nor does one come after it */
};

static unsigned long long human(uint64_t seq)
{
	return (unsigned long long)seq + 1; /* editors count lines from 1 */
}

static bool first_line_ok(const struct journal *j, const struct event *ev)
{
	return ev->type == EVENT_STARTED && memcmp(ev->archive, j->archive, 16) == 0 &&
	       memcmp(ev->node, j->id->pub.id, 16) == 0;
}

/* Read one line and, if it is good, move behind it. */
static enum found step(struct scan *s, struct err *e)
{
	const uint64_t seq = s->at.state.range.size;
	struct text_span line;
	merkle_hash leaf;
	struct event ev;
	uint64_t off;
	int rc;

	rc = journal_reader_next(s->r, &line, &off, e);
	if (rc)
		return rc == ERR_NOTFOUND  ? FOUND_END :
		       rc == ERR_MALFORMED ? FOUND_SCRAP :
					     FOUND_FAILURE;
	if (event_parse(&ev, line))
		return FOUND_SCRAP;
	if (ev.seq != seq)
		return FOUND_FORGERY;
	if (!(s->trust && seq > 0 && seq < s->cp.size) && event_check_mac(line, journal_key(s->j)))
		return FOUND_FORGERY;
	if (seq == 0 && !first_line_ok(s->j, &ev))
		return FOUND_FOREIGN;
	journal_note(&s->at, &ev);
	if (ev.type == EVENT_OPENED)
		s->at.opened = seq + 1;
	merkle_leaf(leaf, line.p, line.n);
	merkle_append(&s->at.state.range, leaf, NULL, NULL);
	s->at.state.bytes += line.n + 1;
	if (ev.time_ms > s->at.last_ms)
		s->at.last_ms = ev.time_ms;
	return FOUND_LINE;
}

/* Look behind a line that is none: does it end at all, and does one of ours follow? */
static int look_behind(struct scan *s, bool *ends, bool *follows, struct err *e)
{
	struct text_span line;
	struct event ev;
	uint64_t off;
	int rc;

	*ends = *follows = false;
	journal_reader_close(s->r);
	rc = journal_reader_on(&s->r, s->j->fd, s->at.state.bytes, e);
	if (rc == 0)
		rc = journal_reader_skip(s->r, e);
	while (rc == 0 && !*follows) {
		*ends = true;
		rc = journal_reader_next(s->r, &line, &off, e);
		if (rc == ERR_MALFORMED)
			rc = journal_reader_skip(s->r, e);
		else if (rc == 0)
			*follows = event_parse(&ev, line) == 0 &&
				   event_check_mac(line, journal_key(s->j)) == 0;
	}
	return rc == ERR_NOTFOUND ? 0 : rc;
}

static int too_short(const struct scan *s, struct err *e)
{
	return err_set(e, ERR_ROLLBACK,
		       "%s ends after %" PRIu64 " lines, but its checkpoint covers %" PRIu64
		       ": it was cut, or is an older copy",
		       s->j->name, s->at.state.range.size, s->cp.size);
}

/* The error of a bad line. */
static int verdict(struct scan *s, enum found found, struct err *e)
{
	const struct journal *j = s->j;
	const uint64_t seq = s->at.state.range.size;
	const unsigned long long off = (unsigned long long)s->at.state.bytes;

	if (found == FOUND_FAILURE)
		return err_prefix(e, ERR_SYSTEM, "%s", j->name);
	if (found == FOUND_FOREIGN)
		return err_set(e, ERR_FOREIGN, "%s is not the journal of this node and archive",
			       j->name);
	if (seq < s->cp.size)
		return err_set(e, ERR_DAMAGED,
			       "line %llu of %s (at byte %llu) is not what was logged, though its "
			       "checkpoint covers it",
			       human(seq), j->name, off);
	return err_set(e, ERR_FORGED,
		       "line %llu of %s (at byte %llu) is not what this node wrote there",
		       human(seq), j->name, off);
}

/* The lines do not have the checkpoint's root: which of them is it? `from` is where they began. */
static int blame(struct scan *s, const struct journal_start *from, struct err *e)
{
	enum found found = FOUND_LINE;
	int rc;

	journal_reader_close(s->r);
	s->at = *from;
	s->trust = false;
	rc = journal_reader_on(&s->r, s->j->fd, from->state.bytes, e);
	if (rc)
		return rc;
	while (found == FOUND_LINE && s->at.state.range.size < s->cp.size)
		found = step(s, e);
	if (found != FOUND_LINE)
		return verdict(s, found, e);
	return err_set(e, ERR_ROLLBACK,
		       "the first %" PRIu64 " lines of %s are not those that its checkpoint "
		       "covers: one of the two is of another copy",
		       s->cp.size, s->j->name);
}

/* Say what is wrong with what step() found, if anything is. */
static int judge(struct scan *s, enum found found, struct err *e)
{
	const bool covered = s->at.state.range.size < s->cp.size;
	bool ends = false, follows = false;
	int rc;

	if (found == FOUND_LINE)
		return 0;
	if (found == FOUND_SCRAP) {
		rc = look_behind(s, &ends, &follows, e);
		if (rc)
			return err_prefix(e, rc, "%s", s->j->name);
		s->torn = !covered && !follows;
	}
	if (covered && (found == FOUND_END || (found == FOUND_SCRAP && !ends)))
		return too_short(s, e);
	return found == FOUND_END || s->torn ? 0 : verdict(s, found, e);
}

/* True unless the lines end where the checkpoint does and have another root than it. */
static bool root_ok(struct scan *s)
{
	merkle_hash root;

	if (s->cp.size == 0 || s->at.state.range.size != s->cp.size)
		return true;
	merkle_root(root, &s->at.state.range);
	if (memcmp(root, s->cp.root, sizeof(root)) != 0)
		return false;
	s->j->anchor = s->at.state;
	return true;
}

/* Read all good lines from *from on. */
static int scan(struct scan *s, const struct journal_start *from, struct err *e)
{
	enum found found = FOUND_LINE;
	int rc;

	s->at = *from;
	rc = journal_reader_on(&s->r, s->j->fd, from->state.bytes, e);
	if (rc)
		return rc;
	for (;;) {
		if (!root_ok(s)) {
			rc = blame(s, from, e);
			break;
		}
		if (found != FOUND_LINE || s->at.state.range.size >= s->stop) {
			rc = judge(s, found, e);
			break;
		}
		found = step(s, e);
	}
	journal_reader_close(s->r);
	s->r = NULL;
	return rc;
}

/* cp->size is 0 when there is no checkpoint. */
static int load_checkpoint(struct journal *j, struct note_checkpoint *cp, struct err *e)
{
	int rc = journal_read_checkpoint(j->dirfd, j->archive, &j->id->pub, cp, NULL, e);

	return rc == ERR_NOTFOUND ? 0 : rc;
}

int journal_compare(struct journal *j, struct note_checkpoint *cp, struct err *e)
{
	struct scan s = {.j = j, .trust = true};
	const struct journal_start from = {.state = j->anchor};
	int rc = load_checkpoint(j, cp, e);

	/* One that is older than the anchor was good once, and what we sign leads on from both. */
	if (rc == 0 && cp->size >= j->anchor.range.size) {
		s.cp = *cp;
		s.stop = cp->size;
		rc = scan(&s, &from, e);
	}
	if (rc == 0)
		j->signed_size = cp->size;
	return rc;
}

/* ---- the torn tail ---- */

static int hash_tail(struct journal *j, struct event *ev, uint64_t size, struct err *e)
{
	uint64_t off = j->now.state.bytes;
	struct hash_ctx hash;
	uint8_t buf[4096];
	int rc = 0;

	ev->bytes = size - off;
	hash_init(&hash);
	while (off < size && rc == 0) {
		size_t n = size - off < sizeof(buf) ? (size_t)(size - off) : sizeof(buf);

		rc = file_pread(j->fd, buf, n, off, e);
		if (rc == 0)
			hash_update(&hash, buf, n);
		off += n;
	}
	hash_final(&hash, ev->digest);
	return rc ? err_prefix(e, rc, "%s", j->name) : 0;
}

/* Put a `recovered` event in the place of what follows the good lines, up to size. It is written
 * over it, and what is left is cut then: the tail is never gone without a record of it. */
static int cut_tail(struct journal *j, uint64_t size, struct err *e)
{
	struct event ev = {.type = EVENT_RECOVERED};
	struct journal_start next = j->now;
	int rc;

	rc = hash_tail(j, &ev, size, e);
	if (rc)
		return rc;
	wire_out_reset(&j->out);
	if (next.state.range.size == 0)
		rc = journal_format_started(j, &next);
	if (rc == 0)
		rc = journal_format(j, &next, &ev);
	if (rc)
		return err_set(e, rc, "%s: %s", j->name, err_text(rc));
	rc = file_pwrite(j->fd, j->out.p, j->out.n, j->now.state.bytes, e);
	if (rc)
		return err_prefix(e, rc, "%s: the torn end can't be recorded", j->name);
	rc = journal_sync(j, e);
	if (rc)
		return rc;
	j->now = next;
	if (next.state.bytes >= size)
		return 0;
	if (ftruncate(j->fd, (off_t)next.state.bytes) != 0)
		return err_sys(e, "%s: the torn end can't be cut off", j->name);
	return journal_sync(j, e);
}

/* ---- what the rest calls ---- */

/* Size of the file, which must still be the one in the directory and not have shrunk. */
static int file_size(const struct journal *j, uint64_t *size, struct err *e)
{
	struct stat open, there;
	bool there_is = false;

	if (fstat(j->fd, &open) != 0)
		return err_sys(e, "can't stat %s", j->name);
	if (fstatat(j->dirfd, j->name, &there, AT_SYMLINK_NOFOLLOW) == 0)
		there_is = true;
	else if (errno != ENOENT)
		return err_sys(e, "can't stat %s", j->name);
	if (!there_is || there.st_dev != open.st_dev || there.st_ino != open.st_ino)
		return err_set(e, ERR_ROLLBACK, "%s was removed or replaced while it was in use",
			       j->name);
	*size = (uint64_t)open.st_size;
	if (*size < j->now.state.bytes)
		return err_set(e, ERR_ROLLBACK,
			       "%s has %" PRIu64 " bytes, but had %" PRIu64
			       " before: it was cut, or is an older copy",
			       j->name, *size, j->now.state.bytes);
	return 0;
}

/* Take what lies between j->now and size. */
static int read_on(struct scan *s, uint64_t size, struct err *e)
{
	struct journal *j = s->j;
	int rc;

	s->stop = UINT64_MAX;
	rc = scan(s, &j->now, e);
	if (rc == 0 && s->torn && !s->trust) {
		rc = load_checkpoint(j, &s->cp, e);
		if (rc == 0 && s->at.state.range.size < s->cp.size)
			rc = too_short(s, e);
	}
	if (rc)
		return rc;
	j->unsynced = j->unsynced || s->at.state.bytes > j->now.state.bytes;
	j->now = s->at;
	return s->torn ? cut_tail(j, size, e) : 0;
}

int journal_recover(struct journal *j, struct err *e)
{
	struct scan s = {.j = j, .trust = true};
	uint64_t size = 0;
	char lf = '\n';
	int rc;

	rc = file_size(j, &size, e);
	if (rc == 0 && j->now.state.bytes > 0)
		rc = file_pread(j->fd, &lf, 1, j->now.state.bytes - 1, e);
	if (rc)
		return rc;
	if (lf != '\n')
		return err_set(e, ERR_ROLLBACK, "%s is not the journal that was indexed", j->name);
	rc = load_checkpoint(j, &s.cp, e);
	if (rc)
		return rc;
	/* One that is older than what we know proves nothing, and harms nothing. */
	j->anchor = j->now.state;
	rc = read_on(&s, size, e);
	if (rc == 0)
		j->signed_size = s.cp.size;
	return rc;
}

int journal_catch_up(struct journal *j, struct err *e)
{
	struct scan s = {.j = j};
	uint64_t size = 0;
	int rc = file_size(j, &size, e);

	return rc || size == j->now.state.bytes ? rc : read_on(&s, size, e);
}
