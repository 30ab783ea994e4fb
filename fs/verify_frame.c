/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "fs/verify_internal.h"
#include "index/file.h"
#include "index/linewindow.h"

#define PROGRESS (1u << 20) /* bytes */

/* Tell of an item: range [off, off+len) of its segment is bad. */
static void tell(struct verify_reader *r, const struct event *ev, uint64_t off, uint64_t len,
		 int code, const char *what)
{
	struct verify_finding f = {
		.has_item = true, .has_segment = true, .offset = off, .length = len};
	char item[33];

	memcpy(f.item, ev->item, 16);
	memcpy(f.segment, r->o->seg->id, 16);
	text_hex(item, ev->item, 16);
	verify_tell(r->v, &f, code, "item %s: %s (bytes %" PRIu64 " to %" PRIu64 " of segment %s)",
		    item, what, off, off + len, r->o->path);
}

/* The item's line again. False, and told, when it can't be had. */
static bool load_event(struct verify_reader *r, const struct verify_placed *p, struct event *ev)
{
	const struct verify_journal *j = (struct verify_journal *)r->v->journals.p + p->journal;
	struct verify_finding f = {.has_segment = true, .offset = p->offset};
	struct err why = {0};
	struct text_span line;
	char node[33];
	int rc;

	rc = linewindow_get(r->lines, j->node, p->line_off, p->line_len, &line, &why);
	if (rc == 0 && event_parse(ev, line) == 0 && ev->type == EVENT_INGEST && ev->offset == p->offset &&
	    memcmp(ev->segment, p->segment, 16) == 0)
		return true;
	memcpy(f.segment, p->segment, 16);
	text_hex(node, j->node, 16);
	verify_tell(r->v, &f, rc == ERR_SYSTEM ? rc : ERR_DAMAGED,
		    "journal %s changed at byte %" PRIu64 " while it was checked", node,
		    p->line_off);
	return false;
}

/* Can any frame be where the line says? */
static bool lengths_ok(const struct event *ev)
{
	return ev->headlen >= FRAME_FIXED && ev->headlen <= FRAME_HEAD_MAX &&
	       ev->headlen <= ev->length && ev->offset <= INT64_MAX &&
	       ev->length <= INT64_MAX - ev->offset;
}

/* Is the frame's place its own, and within the file? Called with the segment's lock held, in order of
 * the places. */
static bool place_ok(struct verify_reader *r, const struct event *ev)
{
	struct verify_open *o = r->o;
	uint64_t off = ev->offset, end = off + ev->length, before = o->end, from;

	if (o->header.len && off > before)
		o->gaps += off - before;
	if (end > o->end)
		o->end = end;
	if (off < before)
		tell(r, ev, off, (before < end ? before : end) - off, ERR_DAMAGED,
		     off < o->header.len ? "its frame lies over the segment's header" :
					   "its frame lies over another item's");
	if (end <= o->size)
		return true;
	from = off < o->size ? o->size : off;
	tell(r, ev, from, end - from, ERR_DAMAGED, "the segment ends before its frame does");
	return false;
}

static void check_head(struct verify_reader *r, const struct event *ev, const uint8_t *head)
{
	const struct segment_header *h = &r->o->header;
	const char *what = NULL;
	struct frame f;

	if (frame_head_parse(&f, head, ev->headlen) != 0)
		what = "what was logged as its frame head is none";
	else if (memcmp(f.item, ev->item, 16) != 0 || memcmp(f.accession, ev->accession, 16) != 0 ||
		 memcmp(f.archive, r->v->a->desc.id, 16) != 0)
		what = "its frame says that it is of another item, accession or archive";
	else if (frame_length(&f) != ev->length)
		what = "its frame says that it has another length";
	else if (h->len && (f.suite != h->suite || f.chunk_size != h->chunk_size))
		what = "its frame is of another suite or chunk size than its segment";
	if (what)
		tell(r, ev, ev->offset, ev->headlen, ERR_DAMAGED, what);
}

/* The workers meet over it, so not for every little frame. */
static void progress(struct verify_reader *r, size_t n)
{
	r->unsaid += n;
	if (r->unsaid < PROGRESS)
		return;
	verify_progress(r->v, r->unsaid);
	r->unsaid = 0;
}

static int read_piece(struct verify_reader *r, const struct event *ev, uint64_t off, size_t n)
{
	struct err why = {0};
	int rc = file_pread(r->o->fd, r->buf, n, off, &why);

	if (rc)
		tell(r, ev, off, n, rc, why.text);
	else
		progress(r, n);
	return rc;
}

/* Digests of the head and of the whole frame. The head is looked at on the way. */
static int hash_frame(struct verify_reader *r, const struct event *ev, uint8_t head[32],
		      uint8_t frame[32])
{
	struct hash_ctx h;
	int rc = 0;

	hash_init(&h);
	for (uint64_t done = 0; done < ev->length && rc == 0;) {
		uint64_t left = ev->length - done;
		size_t n = left < VERIFY_BUFFER ? (size_t)left : VERIFY_BUFFER;

		rc = read_piece(r, ev, ev->offset + done, n);
		if (rc)
			break;
		if (done == 0) {
			hash_sha256(head, r->buf, ev->headlen);
			if (memcmp(head, ev->head, 32) == 0)
				check_head(r, ev, r->buf);
		}
		hash_update(&h, r->buf, n);
		done += n;
	}
	hash_final(&h, frame);
	return rc;
}

/* What is left of a check once the line is read and the place is good. */
static void check_frame(struct verify_reader *r, const struct event *ev)
{
	uint8_t head[32], frame[32];

	if (hash_frame(r, ev, head, frame) != 0)
		return;
	if (memcmp(head, ev->head, 32) != 0)
		tell(r, ev, ev->offset, ev->headlen, ERR_DAMAGED,
		     "its frame head is not what was logged");
	else if (memcmp(frame, ev->frame, 32) != 0)
		tell(r, ev, ev->offset + ev->headlen, ev->length - ev->headlen, ERR_DAMAGED,
		     "its sealed content is not what was logged");
	r->bytes += ev->length;
}

/* The line of the item, and its place. False, and told, when there is nothing to hash. */
static bool take(struct verify_reader *r, const struct verify_placed *p, struct event *ev)
{
	if (!load_event(r, p, ev))
		return false;
	if (lengths_ok(ev))
		return place_ok(r, ev);
	tell(r, ev, 0, 0, ERR_DAMAGED, "its journal line gives lengths that no frame has");
	return false;
}

bool verify_frame_next(struct verify_reader *r)
{
	struct verify_open *o = r->o;
	const struct verify_placed *p = NULL;
	struct event ev;
	bool good = false;

	pthread_mutex_lock(&o->lock);
	if (o->next < o->seg->count) {
		p = (const struct verify_placed *)r->v->placed.p + o->seg->first + o->next++;
		good = !p->skip && take(r, p, &ev);
	}
	pthread_mutex_unlock(&o->lock);
	if (good)
		check_frame(r, &ev);
	return p != NULL;
}

void verify_frame_lost(struct verify_reader *r, const struct verify_placed *p, int code,
		       const char *what)
{
	struct event ev;

	if (p->skip || !load_event(r, p, &ev))
		return;
	if (lengths_ok(&ev))
		tell(r, &ev, ev.offset, ev.length, code, what);
	else
		tell(r, &ev, 0, 0, code, what);
}
