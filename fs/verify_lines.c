/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "fs/verify_internal.h"
#include "index/journal.h"

/* One journal being read. */
struct scan {
	struct verify *v;
	uint32_t number; /* of the journal */
	const uint8_t *node;
	char name[33];					  /* the node's id, for people */
	struct note_checkpoint cp;			  /* its own; size 0: none that counts */
	const struct verify_anchor *anchor, *anchors_end; /* what is left to compare */
	struct merkle_range range;
	uint64_t bytes;	   /* behind the last line */
	uint64_t next_seq; /* what the next line should say */
	int64_t last_ms;
	uint32_t version; /* of archive.txt that it admitted last; 0: none */
	bool beyond;	  /* has lines that a node's first session does not write */
};

static int tell(struct scan *s, uint64_t off, uint64_t len, int code, const char *what)
{
	const struct verify_finding f = {.offset = off, .length = len};

	return verify_tell(s->v, &f, code, "journal %s, line %" PRIu64 " (at byte %" PRIu64 "): %s",
			   s->name, s->range.size + 1, off, what);
}

/* ---- what a line names ---- */

static int add_naming(struct scan *s, const struct event *ev, const char *kind)
{
	struct verify_naming *n;

	if (strlen(kind) >= sizeof(n->kind) || strchr(kind, '/'))
		return ERR_MALFORMED;
	n = verify_add(&s->v->namings, sizeof(*n));
	if (!n)
		return ERR_NOMEM;
	memcpy(n->serial, ev->document, 16);
	memcpy(n->digest, ev->digest, 32);
	strcpy(n->kind, kind);
	n->journal = s->number;
	n->version = s->version;
	n->line = s->range.size;
	return 0;
}

/* From here on the journal's documents are judged by the keys of this version. */
static void take_version(struct scan *s, const struct event *ev)
{
	static const char prefix[] = "archive-";
	const size_t n = sizeof(prefix) - 1;
	uint64_t version;

	if (memcmp(ev->document, s->v->a->desc.id, 16) == 0 && strncmp(ev->kind, prefix, n) == 0 &&
	    text_u64((struct text_span){ev->kind + n, strlen(ev->kind) - n}, &version) &&
	    version <= s->v->a->desc.version && version > s->version) {
		s->version = (uint32_t)version;
		((struct verify_journal *)s->v->journals.p)[s->number].version = s->version;
	}
}

static int add_segment(struct scan *s, const struct event *ev)
{
	struct verify_segment *seg = verify_add(&s->v->segments, sizeof(*seg));

	if (!seg)
		return ERR_NOMEM;
	memcpy(seg->id, ev->segment, 16);
	memcpy(seg->accession, ev->accession, 16);
	memcpy(seg->header, ev->header, 32);
	seg->journal = s->number;
	s->v->sum->segments++;
	return 0;
}

static int add_item(struct scan *s, const struct event *ev, uint64_t off, size_t n)
{
	struct verify_placed *p = verify_add(&s->v->placed, sizeof(*p));

	if (!p)
		return ERR_NOMEM;
	memcpy(p->segment, ev->segment, 16);
	memcpy(p->item, ev->item, 16);
	p->offset = ev->offset;
	p->line_off = off;
	p->line_len = (uint32_t)n & INT32_MAX;
	p->journal = s->number;
	p->skip = ev->time_ms < s->v->ask->since_ms;
	s->v->sum->items++;
	if (!p->skip && ev->length <= INT64_MAX - s->v->total)
		s->v->total += ev->length;
	return 0;
}

static int add_accession(struct scan *s, struct verify_list *l, const struct event *ev)
{
	struct verify_accession *a = verify_add(l, sizeof(*a));

	if (!a)
		return ERR_NOMEM;
	memcpy(a->id, ev->accession, 16);
	a->items = ev->items;
	a->journal = s->number;
	return 0;
}

static int take_event(struct scan *s, const struct event *ev, uint64_t off, size_t n)
{
	switch (ev->type) {
	case EVENT_ENROLLED:
		return add_naming(s, ev, "enrolment");
	case EVENT_ADMITTED:
		s->beyond = true;
		take_version(s, ev);
		return add_naming(s, ev, ev->kind);
	case EVENT_ACCESSION:
		s->beyond = true;
		return add_accession(s, &s->v->opened, ev);
	case EVENT_ACCESSION_CLOSED:
		return add_accession(s, &s->v->closed, ev);
	case EVENT_SEGMENT:
		return add_segment(s, ev);
	case EVENT_INGEST:
		return add_item(s, ev, off, n);
	case EVENT_OPENED:
	case EVENT_RELEASE_ENDED:
		s->beyond = true;
		return verify_use_note(s->v, s->number, ev, s->range.size);
	case EVENT_EXPORTED:
		s->beyond = true;
		return 0;
	default:
		return 0;
	}
}

/* ---- lines ---- */

static bool first_line_ok(const struct scan *s, const struct event *ev)
{
	return ev->type == EVENT_STARTED && memcmp(ev->archive, s->v->a->desc.id, 16) == 0 &&
	       memcmp(ev->node, s->node, 16) == 0;
}

/* A line that parsed: does it fit where it stands? Tells of it once: the lines after one that was
 * taken out would all be one off. */
static int check_order(struct scan *s, const struct event *ev, uint64_t off, size_t n)
{
	if (s->range.size == 0 && !first_line_ok(s, ev))
		tell(s, off, n, ERR_DAMAGED,
		     "it does not begin a journal of this node and archive");
	if (ev->seq != s->next_seq)
		tell(s, off, n, ERR_DAMAGED, "it is not the next one: lines are missing or moved");
	if (ev->time_ms < s->last_ms)
		tell(s, off, n, ERR_DAMAGED, "its time is before that of the line before it");
	else
		s->last_ms = ev->time_ms;
	s->next_seq = ev->seq + 1;
	return 0;
}

/* Compare the root with what was signed of a journal of this size. */
static void check_anchors(struct scan *s)
{
	const struct verify_finding f = {.length = s->bytes};
	merkle_hash root;

	if (s->cp.size != s->range.size &&
	    (s->anchor == s->anchors_end || s->anchor->size != s->range.size))
		return;
	merkle_root(root, &s->range);
	if (s->cp.size == s->range.size && s->cp.size > 0 && memcmp(root, s->cp.root, 32) != 0)
		verify_tell(s->v, &f, ERR_DAMAGED,
			    "journal %s: its first %" PRIu64
			    " lines are not those that its checkpoint covers",
			    s->name, s->range.size);
	for (; s->anchor < s->anchors_end && s->anchor->size == s->range.size; s->anchor++)
		if (memcmp(root, s->anchor->root, 32) != 0)
			verify_tell(s->v, &f, ERR_ROLLBACK,
				    "journal %s: its first %" PRIu64
				    " lines are not those that %s saw",
				    s->name, s->range.size, s->anchor->from);
}

static int take_line(struct scan *s, struct text_span line, uint64_t off, struct err *e)
{
	struct event ev;
	merkle_hash leaf;
	int rc = event_parse(&ev, line);

	if (rc) {
		tell(s, off, line.n, ERR_DAMAGED, "it is not an event");
		s->next_seq++;
	} else {
		check_order(s, &ev, off, line.n);
		rc = take_event(s, &ev, off, line.n);
		if (rc == ERR_NOMEM)
			return err_set(e, rc, "out of memory");
		if (rc)
			tell(s, off, line.n, ERR_DAMAGED, "it names what can't be");
	}
	merkle_leaf(leaf, line.p, line.n);
	merkle_append(&s->range, leaf, NULL, NULL);
	s->bytes = off + line.n + 1;
	s->v->sum->events++;
	check_anchors(s);
	return 0;
}

/* Why reading came to an end. What a crash may have left behind the last checkpoint is no damage: the
 * node cuts it off, and says so, when it next opens its journal. */
static int end_of_lines(struct scan *s, int rc, const struct err *why, struct err *e)
{
	if (rc == ERR_NOTFOUND)
		return 0;
	if (rc == ERR_NOMEM)
		return err_set(e, rc, "out of memory");
	if (rc != ERR_MALFORMED)
		return verify_tell(s->v, NULL, rc, "journal %s can't be read: %s", s->name,
				   why->text);
	if (s->range.size < s->cp.size)
		return tell(s, s->bytes, 0, ERR_DAMAGED, "it is cut, or no line at all");
	verify_note(s->v, "journal %s has a torn end at byte %" PRIu64, s->name, s->bytes);
	return 0;
}

static int read_lines(struct scan *s, struct err *e)
{
	struct journal_reader *r;
	struct text_span line;
	struct event ev;
	struct err why = {0};
	uint64_t off;
	int rc = journal_reader_open(&r, s->v->a->journal, s->node, 0, &why);

	if (rc)
		return verify_tell(s->v, NULL, rc == ERR_SYSTEM ? rc : ERR_DAMAGED,
				   "journal %s: %s", s->name, why.text);
	check_anchors(s);
	while ((rc = journal_reader_next(r, &line, &off, &why)) == 0) {
		if (s->range.size >= s->cp.size && event_parse(&ev, line) != 0) {
			rc = ERR_MALFORMED;
			break;
		}
		rc = take_line(s, line, off, e);
		if (rc)
			goto out;
	}
	rc = end_of_lines(s, rc, &why, e);
out:
	journal_reader_close(r);
	return rc;
}

/* ---- one journal ---- */

/* The first anchor of a node that is not before this one, by bisection. */
static size_t first_anchor(const struct verify *v, const uint8_t node[16], bool behind)
{
	const struct verify_anchor *a = v->anchors.p;
	size_t lo = 0, hi = v->anchors.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = memcmp(a[mid].node, node, 16);

		if (c < 0 || (behind && c == 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void find_anchors(struct scan *s)
{
	const struct verify_anchor *a = s->v->anchors.p;

	if (!a)
		return;
	s->anchor = a + first_anchor(s->v, s->node, false);
	s->anchors_end = a + first_anchor(s->v, s->node, true);
}

/* Load the checkpoint, before the lines: they only grow. */
static int read_checkpoint(struct scan *s, struct err *e)
{
	const struct roster_node *n = roster_find(s->v->roster, s->node);
	struct wire_out note = {0};
	struct err why = {0};
	int rc;

	if (!n)
		return verify_tell(
			s->v, NULL, ERR_NOT_ENROLLED,
			"journal %s can't be checked: documents/ has no good enrolment of "
			"its node",
			s->name);
	rc = journal_read_checkpoint(s->v->a->journal, s->v->a->desc.id, &n->pub, &s->cp, &note,
				     &why);
	if (rc == 0)
		hash_update(&s->v->root, note.p, note.n);
	wire_out_free(&note);
	if (rc == 0 || rc == ERR_NOTFOUND)
		return 0;
	if (rc == ERR_NOMEM)
		return err_set(e, rc, "out of memory");
	return verify_tell(s->v, NULL, rc == ERR_SYSTEM || err_exit(rc) == 4 ? rc : ERR_DAMAGED,
			   "%s", why.text);
}

/* After all lines: what was signed must all be there. */
static void check_size(struct scan *s, bool checkpoint)
{
	const struct verify_finding f = {.offset = s->bytes};

	if (s->range.size < s->cp.size)
		verify_tell(s->v, &f, ERR_ROLLBACK,
			    "journal %s has %" PRIu64 " lines, and its checkpoint covers %" PRIu64
			    ": it was cut, or is an older copy",
			    s->name, s->range.size, s->cp.size);
	for (; s->anchor < s->anchors_end; s->anchor++)
		verify_tell(s->v, &f, ERR_ROLLBACK,
			    "journal %s has %" PRIu64 " lines, and %s saw %" PRIu64
			    ": it was cut, or is an older copy",
			    s->name, s->range.size, s->anchor->from, s->anchor->size);
	if (s->range.size <= s->cp.size)
		return;
	s->v->sum->unsigned_events += s->range.size - s->cp.size;
	/* Whoever logs more than its own enrolment has ended a session before, and signed. */
	if (!checkpoint && s->beyond)
		verify_tell(s->v, NULL, ERR_NOTFOUND,
			    "journal %s can't be checked: it has no checkpoint", s->name);
	else
		verify_note(s->v, "journal %s: %" PRIu64 " event%s past its last checkpoint",
			    s->name, s->range.size - s->cp.size,
			    s->range.size - s->cp.size == 1 ? "" : "s");
}

/* A log that another node was enrolled to go on for. */
static void note_replaced(const struct scan *s)
{
	const struct roster_node *n = roster_replacement(s->v->roster, s->node);
	char hex[33];

	if (!n)
		return;
	text_hex(hex, n->pub.id, 16);
	if (s->range.size > n->replaces.size)
		verify_note(s->v,
			    "journal %s has %" PRIu64
			    " event%s more than when node %s took its place",
			    s->name, s->range.size - n->replaces.size,
			    s->range.size - n->replaces.size == 1 ? "" : "s", hex);
	else
		verify_note(s->v, "journal %s ends there: node %s took its place", s->name, hex);
}

int verify_lines(struct verify *v, uint32_t number, struct err *e)
{
	const struct verify_journal *j = (struct verify_journal *)v->journals.p + number;
	struct scan s = {.v = v, .number = number, .node = j->node, .last_ms = INT64_MIN};
	int rc;

	text_hex(s.name, j->node, 16);
	find_anchors(&s);
	v->sum->journals += j->lines;
	rc = read_checkpoint(&s, e);
	if (rc == 0 && j->lines)
		rc = read_lines(&s, e);
	else if (rc == 0)
		verify_tell(v, NULL, ERR_ROLLBACK, "journal %s is missing, and %s", s.name,
			    j->checkpoint ? "its checkpoint is there" : s.anchor->from);
	if (rc == 0 && j->lines)
		check_size(&s, j->checkpoint);
	if (rc == 0 && j->lines)
		note_replaced(&s);
	return rc;
}
