/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/request_bundle.h"

#include <stdlib.h>
#include <string.h>

#include "fs/form.h"
#include "fs/request_section.h"

/* ---- accessions ---- */

static int unproved(const struct request_reader *b, const uint8_t id[16], const char *what)
{
	char hex[33];

	text_hex(hex, id, 16);
	return err_set(b->e, ERR_FORGED, "accession %s: %s", hex, what);
}

/* A node's, and no other's that goes by the same id. They stand in the order of their segments: the
 * search goes on where it last ended. */
static struct request_accession *find_accession(struct request_reader *b, const uint8_t node[16],
						const uint8_t id[16])
{
	struct request *r = b->r;

	for (size_t i = 0; i < r->nopened; i++) {
		size_t k = (b->accession + i) % r->nopened;

		if (memcmp(r->opened[k].id, id, 16) == 0 &&
		    memcmp(r->opened[k].node, node, 16) == 0) {
			b->accession = k;
			return &r->opened[k];
		}
	}
	return NULL;
}

static int read_opened(struct request_reader *b)
{
	struct request *r = b->r;
	struct request_accession *a;
	struct request_proved p;
	int rc = request_section_proved(b, REQUEST_ACCESSION, EVENT_ACCESSION, &p);

	if (rc)
		return rc;
	if (p.n > 0)
		return request_section_malformed(b, "an accession's section");
	if ((r->nopened & (r->nopened - 1)) == 0) {
		a = reallocarray(r->opened, r->nopened ? 2 * r->nopened : 1, sizeof(*a));
		if (!a)
			return err_set(b->e, ERR_NOMEM, "out of memory");
		r->opened = a;
	}
	a = &r->opened[r->nopened++];
	*a = (struct request_accession){.opened_ms = p.event.time_ms, .seq = p.event.seq};
	memcpy(a->id, p.event.accession, 16);
	memcpy(a->node, p.node, 16);
	memcpy(a->user, p.event.user, sizeof(a->user));
	memcpy(a->host, p.event.host, sizeof(a->host));
	return 0;
}

/* The end of one that is asked for as a whole: nothing more can come in under its key. */
static int read_closed(struct request_reader *b, const uint8_t id[16])
{
	struct request_accession *a;
	struct request_proved p;
	int rc;

	if (!request_section_next_is(b, REQUEST_ACCESSION_CLOSED))
		return unproved(b, id, "the request does not prove that it was closed");
	rc = request_section_proved(b, REQUEST_ACCESSION_CLOSED, EVENT_ACCESSION_CLOSED, &p);
	if (rc)
		return rc;
	if (p.n > 0)
		return request_section_malformed(b, "an accession's section");
	a = find_accession(b, p.node, id);
	if (!a || memcmp(p.event.accession, id, 16) != 0 || p.event.seq <= a->seq)
		return unproved(b, id, "it was not closed by the node that opened it");
	a->whole = true;
	a->closed_ms = p.event.time_ms;
	a->closed_seq = p.event.seq;
	a->items = p.event.items;
	a->bytes = p.event.bytes;
	return 0;
}

/* Does an event of its node belong into this accession? */
static bool within(const struct request_accession *a, const struct request_proved *p)
{
	return p->event.seq > a->seq && (!a->whole || p->event.seq < a->closed_seq);
}

/* One that is asked for as a whole has a segment, and no more items than it says. */
static int check_accessions(const struct request_reader *b)
{
	const struct request *r = b->r;

	for (size_t i = 0; i < r->nopened; i++) {
		const struct request_accession *a = &r->opened[i];

		if (!a->whole)
			continue;
		if (a->segments == 0)
			return request_section_malformed(b, "an accession without a segment");
		if (a->listed > a->items || a->listed_bytes > a->bytes)
			return unproved(b, a->id, "it has more items than its node counted");
	}
	return 0;
}

/* ---- segments and items ---- */

static int read_segment(struct request_reader *b)
{
	struct request *r = b->r;
	struct request_accession *a;
	struct request_segment *s;
	struct request_proved p;
	int rc = request_section_proved(b, REQUEST_SEGMENT, EVENT_SEGMENT, &p);

	if (rc == 0)
		rc = request_section_digest_is(b, &p, p.event.header);
	if (rc)
		return rc;
	s = &r->segment[r->segments++];
	rc = segment_header_parse(&s->header, p.bytes, p.n);
	if (rc)
		return err_set(b->e, rc, "a segment's header does not parse: %s", err_text(rc));
	if (s->header.len != p.n || memcmp(s->header.archive, r->archive, 16) != 0 ||
	    memcmp(s->header.accession, p.event.accession, 16) != 0 ||
	    memcmp(s->header.segment, p.event.segment, 16) != 0)
		return err_set(b->e, ERR_FORGED, "a segment's header is not that of its event");
	a = find_accession(b, p.node, p.event.accession);
	if (!a)
		return unproved(
			b, p.event.accession,
			"the request does not prove that the node of its segment opened it");
	if (!within(a, &p))
		return unproved(b, a->id, "a segment was not begun while it was open");
	a->segments++;
	s->opened = b->accession;
	memcpy(s->node, p.node, 16);
	s->begun_ms = p.event.time_ms;
	return 0;
}

/* As find_accession(). NULL, or *at is its place. */
static const struct request_segment *find_segment(const struct request *r, size_t *at,
						  const uint8_t node[16], const uint8_t segment[16])
{
	for (size_t i = 0; i < r->segments; i++) {
		size_t k = (*at + i) % r->segments;

		if (memcmp(r->segment[k].header.segment, segment, 16) == 0 &&
		    memcmp(r->segment[k].node, node, 16) == 0) {
			*at = k;
			return &r->segment[k];
		}
	}
	return NULL;
}

static int read_item(struct request_reader *b, struct request_item *it, size_t *at)
{
	const struct request_segment *s;
	const struct segment_header *seg;
	struct request_accession *a;
	struct request_proved p;
	int rc = request_section_proved(b, REQUEST_ITEM, EVENT_INGEST, &p);

	if (rc == 0)
		rc = request_section_digest_is(b, &p, p.event.head);
	if (rc)
		return rc;
	rc = frame_head_parse(&it->frame, p.bytes, p.n);
	if (rc)
		return err_set(b->e, rc, "an item's head does not parse: %s", err_text(rc));
	s = find_segment(b->r, at, p.node, p.event.segment);
	if (!s)
		return unproved(b, p.event.accession,
				"the request does not show the segment of an item, of its node");
	seg = &s->header;
	if (memcmp(p.event.item, it->id.id, 16) != 0 ||
	    memcmp(p.event.commitment, it->id.commitment, 32) != 0)
		return err_set(b->e, ERR_FORGED, "an item is not the one that the text names");
	if (memcmp(it->frame.archive, b->r->archive, 16) != 0 ||
	    memcmp(it->frame.accession, p.event.accession, 16) != 0 ||
	    memcmp(it->frame.item, p.event.item, 16) != 0 ||
	    memcmp(seg->accession, p.event.accession, 16) != 0 ||
	    it->frame.head_len != p.event.headlen || frame_length(&it->frame) != p.event.length ||
	    it->frame.suite != seg->suite || it->frame.chunk_size != seg->chunk_size)
		return err_set(b->e, ERR_FORGED, "an item's head is not that of its event");
	a = &b->r->opened[s->opened];
	if (!within(a, &p))
		return unproved(b, a->id, "an item was not taken in while it was open");
	a->listed++;
	if (__builtin_add_overflow(a->listed_bytes, it->frame.size, &a->listed_bytes))
		a->listed_bytes = UINT64_MAX;
	memcpy(it->accession, p.event.accession, 16);
	memcpy(it->segment, p.event.segment, 16);
	memcpy(it->node, p.node, 16);
	it->place = *at;
	it->seq = p.event.seq;
	it->ingest_ms = p.event.time_ms;
	it->head = p.bytes;
	it->head_len = p.n;
	return 0;
}

/* ---- the whole ---- */

static int read_checkpoints(struct request_reader *b)
{
	struct request *r = b->r;
	int rc = 0;

	r->note = calloc(r->checkpoints, sizeof(*r->note));
	r->source = calloc(r->checkpoints, sizeof(*r->source));
	b->who = calloc(r->checkpoints, sizeof(*b->who));
	if (!r->note || !r->source || !b->who)
		return err_set(b->e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < r->checkpoints; i++)
		rc = request_section_checkpoint(b, i);
	if (rc == 0 && request_section_log(b, r->node) == r->checkpoints)
		rc = request_section_malformed(b,
					       "the checkpoint of the node that asks is missing");
	return rc;
}

static int read_accessions(struct request_reader *b)
{
	struct request *r = b->r;
	int rc = 0;

	while (rc == 0 && request_section_next_is(b, REQUEST_ACCESSION))
		rc = read_opened(b);
	if (rc == 0 && !form_distinct(r->opened, r->nopened, sizeof(*r->opened), 16 + 16))
		rc = err_set(b->e, ERR_FORGED, "an accession was opened twice");
	for (size_t i = 0; rc == 0 && i < r->accessions; i++)
		rc = read_closed(b, r->accession[i]);
	return rc;
}

static int segments_distinct(const struct request_reader *b)
{
	const struct request *r = b->r;
	uint8_t(*key)[2][16] = calloc(r->segments + 1, sizeof(*key));
	int rc = 0;

	if (!key)
		return err_set(b->e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < r->segments; i++) {
		memcpy(key[i][0], r->segment[i].header.segment, 16);
		memcpy(key[i][1], r->segment[i].node, 16);
	}
	if (!form_distinct(key, r->segments, sizeof(*key), sizeof(*key)))
		rc = err_set(b->e, ERR_FORGED, "a segment was begun twice");
	free(key);
	return rc;
}

/* What is left but for the items. */
static int read_segments(struct request_reader *b)
{
	struct request *r = b->r;
	size_t n;
	int rc = 0;

	if (b->left < r->items)
		return request_section_malformed(b, "the number of its sections");
	n = b->left - r->items;
	r->segment = calloc(n + 1, sizeof(*r->segment));
	if (!r->segment)
		return err_set(b->e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = read_segment(b);
	return rc ? rc : segments_distinct(b);
}

static int read_all(struct request_reader *b)
{
	struct request *r = b->r;
	size_t at = 0;
	int rc;

	/* Each takes some bytes: the numbers can't ask for more memory than the bundle's size gives
	 * leave to. */
	if (b->left < r->checkpoints + r->items || b->left > r->bundle.n / 5)
		return request_section_malformed(b, "the number of its sections");
	rc = read_checkpoints(b);
	if (rc == 0)
		rc = read_accessions(b);
	if (rc == 0)
		rc = read_segments(b);
	for (size_t i = 0; rc == 0 && i < r->items; i++)
		rc = read_item(b, &r->item[i], &at);
	if (rc == 0)
		rc = check_accessions(b);
	if (rc == 0 && !wire_in_end(&b->in))
		rc = request_section_malformed(b, "something follows its last section");
	return rc;
}

int request_bundle_read(struct request *r, request_find_node *find_node, void *ctx, struct err *e)
{
	struct request_reader b = {.r = r, .find_node = find_node, .ctx = ctx, .e = e};
	const uint8_t *magic;
	int rc;

	b.in = wire_in_init(r->bundle.p, r->bundle.n);
	magic = wire_in_bytes(&b.in, REQUEST_MAGIC_SIZE);
	b.left = wire_in_u32(&b.in);
	if (b.in.bad || memcmp(magic, REQUEST_MAGIC, REQUEST_MAGIC_SIZE) != 0)
		return request_section_malformed(&b, "it does not begin as a bundle");
	rc = read_all(&b);
	free(b.who);
	return rc;
}
