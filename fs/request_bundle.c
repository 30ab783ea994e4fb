/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/request_bundle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "fs/request_write.h"
#include "index/journal.h"

struct reader {
	struct request *r;
	struct wire_in in;	 /* the bundle */
	uint32_t left;		 /* sections */
	struct roster_node *who; /* whose journal each of r->checkpoint is */
	request_find_node *find_node;
	void *ctx;
	struct err *e;
};

/* What a section of kind 2 or 3 says; borrowed from the bundle. */
struct proved {
	const uint8_t *node, *bytes;
	size_t n;
	struct event event;
};

static int malformed(const struct reader *b, const char *what)
{
	return err_set(b->e, ERR_MALFORMED, "the request's bundle is malformed: %s", what);
}

/* The next section, which must be of this kind. */
static int next_section(struct reader *b, enum request_section kind, struct wire_in *section)
{
	uint8_t is = wire_in_u8(&b->in);
	const uint8_t *p;
	size_t n;

	p = wire_in_str32(&b->in, SIZE_MAX, &n);
	if (!p || b->left == 0 || is != kind)
		return malformed(b, "a section is missing or out of its place");
	b->left--;
	*section = wire_in_init(p, n);
	return 0;
}

/* ---- checkpoints ---- */

/* Node id of "custodyfs/<archive>/<node>"; false if it is a log of something else. */
static bool origin_node(const struct request *r, const char *origin, uint8_t node[16])
{
	const char *last = strrchr(origin, '/');
	char expected[NOTE_NAME_MAX];

	if (!last || !text_unhex((struct text_span){last + 1, strlen(last + 1)}, node, 16))
		return false;
	journal_origin(expected, r->archive, node);
	return strcmp(origin, expected) == 0;
}

static int read_checkpoint(struct reader *b, size_t i)
{
	const struct note_checkpoint *said = &b->r->checkpoint[i];
	struct note_key key = {.type = NOTE_ED25519};
	struct roster_node *who = &b->who[i];
	struct note_checkpoint is;
	struct text_span text;
	struct wire_in section = {0};
	uint8_t node[16];
	int rc = next_section(b, REQUEST_CHECKPOINT, &section);

	if (rc)
		return rc;
	if (!origin_node(b->r, said->origin, node))
		return err_set(b->e, ERR_MALFORMED, "'%s' is not a journal of this archive",
			       said->origin);
	rc = b->find_node(b->ctx, node, who);
	if (rc)
		return err_set(b->e, rc, "the node of the log %s: %s", said->origin, err_text(rc));
	b->r->note[i] = (struct text_span){(const char *)section.p, section.left};
	strcpy(key.name, said->origin);
	memcpy(key.pk, who->pub.sign, sizeof(key.pk));
	rc = note_verify(b->r->note[i], &key, &text, NULL);
	if (rc)
		return err_set(b->e, rc == ERR_MALFORMED ? rc : ERR_FORGED,
			       "the checkpoint %s is not signed by its node", said->origin);
	if (note_checkpoint_parse(&is, text) != 0 || strcmp(is.origin, said->origin) != 0 ||
	    is.size != said->size || memcmp(is.root, said->root, sizeof(is.root)) != 0)
		return err_set(b->e, ERR_FORGED,
			       "the checkpoint %s is not the one that the request's text names",
			       said->origin);
	return 0;
}

/* Number of a node's checkpoint; r->checkpoints if it has none. */
static size_t find_log(const struct reader *b, const uint8_t *node)
{
	size_t i = 0;

	while (i < b->r->checkpoints && memcmp(b->who[i].pub.id, node, 16) != 0)
		i++;
	return i;
}

/* ---- events with proofs ---- */

static int check_inclusion(const struct reader *b, const uint8_t *node, uint64_t index,
			   struct text_span line, const merkle_hash *proof, size_t hashes)
{
	const size_t log = find_log(b, node);
	const struct note_checkpoint *cp = &b->r->checkpoint[log];
	merkle_hash leaf;

	if (log == b->r->checkpoints)
		return malformed(b, "an event of a journal without a checkpoint");
	/* A reader knows the catalogue keys: it could give an item another record. */
	if (!(b->who[log].roles & ROSTER_INGEST))
		return err_set(b->e, ERR_ROLE, "the node of the log %s is not enrolled to ingest",
			       cp->origin);
	merkle_leaf(leaf, line.p, line.n);
	if (merkle_verify_inclusion(leaf, index, cp->size, proof, hashes, cp->root) != 0)
		return err_set(b->e, ERR_FORGED, "event %" PRIu64 " is not in the log %s", index,
			       cp->origin);
	return 0;
}

/* One section of `kind`: an event of `type`, proved to be in the log. */
static int read_proved(struct reader *b, enum request_section kind, enum event_type type,
		       struct proved *p)
{
	struct text_span line;
	struct wire_in section = {0};
	const uint8_t *hash;
	uint64_t index;
	size_t hashes;
	int rc = next_section(b, kind, &section);

	if (rc)
		return rc;
	p->node = wire_in_bytes(&section, 16);
	index = wire_in_u64(&section);
	line.p = (const char *)wire_in_str32(&section, EVENT_LINE_MAX, &line.n);
	hashes = wire_in_u16(&section);
	hash = wire_in_bytes(&section, hashes * sizeof(merkle_hash));
	p->bytes = wire_in_str32(&section, FRAME_HEAD_MAX, &p->n);
	if (!wire_in_end(&section) || hashes > MERKLE_PROOF_MAX)
		return malformed(b, "an event's section");
	rc = check_inclusion(b, p->node, index, line, (const merkle_hash *)hash, hashes);
	if (rc)
		return rc;
	if (event_parse(&p->event, line) != 0 || p->event.type != type || p->event.seq != index)
		return malformed(b, "an event is not of the kind it should be");
	return 0;
}

static int digest_is(const struct reader *b, const struct proved *p, const uint8_t digest[32])
{
	uint8_t is[HASH_SIZE];

	hash_sha256(is, p->bytes, p->n);
	if (memcmp(is, digest, sizeof(is)) == 0)
		return 0;
	return err_set(b->e, ERR_DAMAGED,
		       "the bytes of event %" PRIu64 " are not what the log says", p->event.seq);
}

static int read_segment(struct reader *b)
{
	struct request *r = b->r;
	struct request_segment *s;
	struct proved p;
	int rc = read_proved(b, REQUEST_SEGMENT, EVENT_SEGMENT, &p);

	if (rc == 0)
		rc = digest_is(b, &p, p.event.header);
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
	memcpy(s->node, p.node, 16);
	s->begun_ms = p.event.time_ms;
	return 0;
}

/* Items lie in the order of their segments: the search goes on where it last ended. */
static const struct segment_header *find_segment(const struct request *r, size_t *at,
						 const uint8_t segment[16])
{
	for (size_t i = 0; i < r->segments; i++) {
		size_t k = (*at + i) % r->segments;

		if (memcmp(r->segment[k].header.segment, segment, 16) == 0) {
			*at = k;
			return &r->segment[k].header;
		}
	}
	return NULL;
}

static int read_item(struct reader *b, struct request_item *it, size_t *at)
{
	const struct segment_header *seg;
	struct proved p;
	int rc = read_proved(b, REQUEST_ITEM, EVENT_INGEST, &p);

	if (rc == 0)
		rc = digest_is(b, &p, p.event.head);
	if (rc)
		return rc;
	rc = frame_head_parse(&it->frame, p.bytes, p.n);
	if (rc)
		return err_set(b->e, rc, "an item's head does not parse: %s", err_text(rc));
	seg = find_segment(b->r, at, p.event.segment);
	if (!seg)
		return malformed(b, "an item without its segment");
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
	memcpy(it->accession, p.event.accession, 16);
	memcpy(it->segment, p.event.segment, 16);
	memcpy(it->node, p.node, 16);
	it->seq = p.event.seq;
	it->ingest_ms = p.event.time_ms;
	it->head = p.bytes;
	it->head_len = p.n;
	return 0;
}

/* ---- the whole ---- */

/* A whole accession is asked for by a segment of it. */
static int check_accessions(const struct reader *b)
{
	const struct request *r = b->r;

	for (size_t i = 0; i < r->accessions; i++) {
		size_t k = 0;

		while (k < r->segments &&
		       memcmp(r->segment[k].header.accession, r->accession[i], 16) != 0)
			k++;
		if (k == r->segments)
			return malformed(b, "an accession without a segment");
	}
	return 0;
}

static int read_all(struct reader *b)
{
	struct request *r = b->r;
	uint32_t segments;
	size_t at = 0;
	int rc = 0;

	/* What is not a checkpoint or an item is a segment. Each takes some bytes: the numbers can't
	 * ask for more memory than the bundle's size gives leave to. */
	if (b->left < r->checkpoints + r->items || b->left > r->bundle.n / 5)
		return malformed(b, "the number of its sections");
	segments = b->left - (uint32_t)(r->checkpoints + r->items);
	r->note = calloc(r->checkpoints, sizeof(*r->note));
	b->who = calloc(r->checkpoints, sizeof(*b->who));
	r->segment = calloc(segments + 1u, sizeof(*r->segment));
	if (!r->note || !b->who || !r->segment)
		return err_set(b->e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < r->checkpoints; i++)
		rc = read_checkpoint(b, i);
	if (rc == 0 && find_log(b, r->node) == r->checkpoints)
		rc = malformed(b, "the checkpoint of the node that asks is missing");
	for (uint32_t i = 0; rc == 0 && i < segments; i++)
		rc = read_segment(b);
	for (size_t i = 0; rc == 0 && i < r->items; i++)
		rc = read_item(b, &r->item[i], &at);
	if (rc == 0)
		rc = check_accessions(b);
	if (rc == 0 && !wire_in_end(&b->in))
		rc = malformed(b, "something follows its last section");
	return rc;
}

int request_bundle_read(struct request *r, request_find_node *find_node, void *ctx, struct err *e)
{
	struct reader b = {.r = r, .find_node = find_node, .ctx = ctx, .e = e};
	const uint8_t *magic;
	int rc;

	b.in = wire_in_init(r->bundle.p, r->bundle.n);
	magic = wire_in_bytes(&b.in, REQUEST_MAGIC_SIZE);
	b.left = wire_in_u32(&b.in);
	if (b.in.bad || memcmp(magic, REQUEST_MAGIC, REQUEST_MAGIC_SIZE) != 0)
		return malformed(&b, "it does not begin as a bundle");
	rc = read_all(&b);
	free(b.who);
	return rc;
}
