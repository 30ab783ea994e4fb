/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/catchup_item.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "fs/frame.h"
#include "index/file.h"

#define SEGMENTS 64u /* record keys kept: opening one is a Diffie-Hellman */

struct slot {
	uint8_t node[16], segment[16]; /* nodes may disagree about a segment */
	uint64_t used;		       /* when last; 0: free */
	int failed;		       /* why its key could not be opened; 0: it was */
};

struct catchup_item {
	struct station *st;
	struct slot slot[SEGMENTS];
	uint8_t (*key)[32]; /* in the pool: the record key of each slot */
	uint64_t clock;
	struct wire_out head, record;
	struct record *fields; /* of the item last read: found.path points into it */
};

int catchup_item_new(struct catchup_item **out, struct station *s)
{
	struct catchup_item *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (!c)
		return ERR_NOMEM;
	c->st = s;
	c->key = secret_take(s->pool, SEGMENTS * sizeof(*c->key));
	if (!c->key) {
		free(c);
		return ERR_NOMEM;
	}
	*out = c;
	return 0;
}

void catchup_item_free(struct catchup_item *c)
{
	if (!c)
		return;
	secret_give(c->st->pool, c->key);
	record_free(c->fields);
	wire_out_free(&c->head);
	wire_out_wipe(&c->record);
	free(c);
}

void catchup_item_retry(struct catchup_item *c)
{
	for (unsigned i = 0; i < SEGMENTS; i++) {
		if (c->slot[i].failed)
			c->slot[i] = (struct slot){0};
	}
}

/* ---- record keys ---- */

/* The record key of a segment, from its header, once that is the one in the log. */
static int open_segment(struct catchup_item *c, const struct ledger_segment *seg, uint8_t key[32],
			struct err *e)
{
	uint8_t digest[HASH_SIZE], *catalogue = secret_take(c->st->pool, 32);
	struct segment_header h;
	struct wire_out bytes = {0};
	int rc;

	if (!catalogue)
		return err_set(e, ERR_NOMEM, "no locked memory is left");
	rc = segment_read_header(&bytes, c->st->segments, seg->id, e);
	if (rc)
		goto out;
	hash_sha256(digest, bytes.p, bytes.n);
	if (memcmp(digest, seg->header, sizeof(digest)) != 0) {
		rc = err_set(e, ERR_DAMAGED, "the segment's header is not what was logged");
		goto out;
	}
	rc = segment_header_parse(&h, bytes.p, bytes.n);
	if (rc) {
		err_set(e, rc, "the segment's header: %s", err_text(rc));
		goto out;
	}
	if (memcmp(h.archive, c->st->archive->desc.id, 16) != 0 ||
	    memcmp(h.accession, seg->accession, 16) != 0 || memcmp(h.segment, seg->id, 16) != 0) {
		rc = err_set(e, ERR_FORGED, "the segment's header is of another segment");
		goto out;
	}
	rc = segment_catalogue_key(catalogue, &h, c->st->home->catalogue);
	if (rc)
		err_set(e, rc, "the segment's catalogue key does not open");
	else
		kdf_label(key, catalogue, "custodyfs/v1 record");
out:
	secret_give(c->st->pool, catalogue);
	wire_out_free(&bytes);
	return rc;
}

/* The key of a segment, kept from before or opened now. A segment that failed once is not tried
 * again: it may hold a great many items. */
static int record_key(struct catchup_item *c, const struct ledger_segment *seg, const uint8_t **key,
		      struct err *e)
{
	struct slot *oldest = &c->slot[0], *s = NULL;

	for (unsigned i = 0; i < SEGMENTS && !s; i++) {
		if (c->slot[i].used && memcmp(c->slot[i].segment, seg->id, 16) == 0 &&
		    memcmp(c->slot[i].node, seg->node, 16) == 0)
			s = &c->slot[i];
		else if (c->slot[i].used < oldest->used)
			oldest = &c->slot[i];
	}
	if (!s) {
		s = oldest;
		s->failed = open_segment(c, seg, c->key[s - c->slot], e);
		memcpy(s->segment, seg->id, 16);
		memcpy(s->node, seg->node, 16);
		if (s->failed == ERR_NOMEM) {
			s->used = 0;
			return ERR_NOMEM;
		}
	} else if (s->failed) {
		err_set(e, s->failed, "its segment can't be opened");
	}
	s->used = ++c->clock;
	*key = c->key[s - c->slot];
	return s->failed;
}

/* ---- items ---- */

/* Read the head and see that it is the one the event speaks of. */
static int read_head(struct catchup_item *c, const struct event *ev, struct frame *f, struct err *e)
{
	uint8_t digest[HASH_SIZE];
	struct segment_fd *fd;
	uint8_t *p;
	int rc;

	if (ev->headlen < FRAME_FIXED || ev->headlen > FRAME_HEAD_MAX)
		return err_set(e, ERR_MALFORMED, "the log gives its head an impossible length");
	rc = segment_get(&fd, c->st->segments, ev->segment, e);
	if (rc)
		return rc;
	wire_out_reset(&c->head);
	p = wire_out_room(&c->head, ev->headlen);
	rc = p ? file_pread(segment_fileno(fd), p, ev->headlen, ev->offset, e) :
		 err_set(e, ERR_NOMEM, "out of memory");
	segment_put(c->st->segments, fd);
	if (rc)
		return rc;
	hash_sha256(digest, p, ev->headlen);
	if (memcmp(digest, ev->head, sizeof(digest)) != 0)
		return err_set(e, ERR_DAMAGED, "its head is not what was logged");
	rc = frame_head_parse(f, p, ev->headlen);
	if (rc)
		return err_set(e, rc, "its head: %s", err_text(rc));
	if (memcmp(f->archive, c->st->archive->desc.id, 16) != 0 ||
	    memcmp(f->accession, ev->accession, 16) != 0 || memcmp(f->item, ev->item, 16) != 0 ||
	    frame_length(f) != ev->length)
		return err_set(e, ERR_FORGED, "its head is of another item");
	return 0;
}

/* Open the record and see that it is the one the event commits to. */
static int read_record(struct catchup_item *c, const struct event *ev, const uint8_t key[32],
		       uint8_t plain[32], struct err *e)
{
	uint8_t salt[32], commitment[32];
	int rc;

	wire_out_reset(&c->record);
	rc = frame_record_open(&c->record, salt, plain, c->head.p, c->head.n, key);
	if (rc)
		return err_set(e, rc, "its record does not open");
	record_commitment(commitment, salt, c->record.p, c->record.n, plain);
	if (memcmp(commitment, ev->commitment, sizeof(commitment)) != 0)
		rc = err_set(e, ERR_FORGED, "its record is not the one the log commits to");
	secret_wipe(salt, sizeof(salt));
	return rc;
}

/* Where and when it was taken in, from the record. */
static int read_fields(struct catchup_item *c, struct catchup_item_found *found, struct err *e)
{
	struct text_span v;
	uint64_t ns;
	int rc;

	record_free(c->fields);
	rc = record_decode(&c->fields, c->record.p, c->record.n);
	if (rc) {
		c->fields = NULL;
		return err_set(e, rc, "its record does not decode");
	}
	if (!record_get(c->fields, "collection", &v) || !record_name_ok(v.p, v.n) ||
	    !text_copy(v, found->collection, sizeof(found->collection)) ||
	    !record_get(c->fields, "path", &found->path) ||
	    !record_path_ok(found->path.p, found->path.n))
		return err_set(e, ERR_MALFORMED, "its record does not say where it belongs");
	found->o.mtime_ns = object_ns(found->o.ingest_ms);
	if (record_get(c->fields, "mtime", &v) && text_u64(v, &ns) && ns <= INT64_MAX)
		found->o.mtime_ns = (int64_t)ns;
	found->record = &c->record;
	found->fields = c->fields;
	return 0;
}

int catchup_item_read(struct catchup_item *c, const struct event *ev, const uint8_t node[16],
		      const struct ledger_segment *seg, struct catchup_item_found *found,
		      struct err *e)
{
	struct object *o = &found->o;
	const uint8_t *key;
	struct frame f;
	int rc;

	memset(found, 0, sizeof(*found));
	if (memcmp(seg->node, node, 16) != 0 || memcmp(seg->accession, ev->accession, 16) != 0)
		return err_set(e, ERR_FORGED, "its segment is not of its accession");
	rc = record_key(c, seg, &key, e);
	if (rc == 0)
		rc = read_head(c, ev, &f, e);
	if (rc == 0)
		rc = read_record(c, ev, key, found->sha256, e);
	if (rc)
		return rc;
	o->kind = OBJECT_ITEM;
	o->size = f.size;
	memcpy(o->item, ev->item, 16);
	memcpy(o->accession, ev->accession, 16);
	memcpy(o->segment, ev->segment, 16);
	memcpy(o->node, node, 16);
	o->offset = ev->offset;
	o->length = ev->length;
	o->headlen = (uint32_t)ev->headlen;
	memcpy(o->head, ev->head, 32);
	memcpy(o->commitment, ev->commitment, 32);
	o->chunk_size = f.chunk_size;
	o->suite = f.suite;
	o->seq = ev->seq;
	o->ingest_ms = ev->time_ms;
	return read_fields(c, found, e);
}
