/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/rogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"
#include "crypto/stream.h"
#include "index/record.h"

int rogue_begin(struct rogue *r, const struct archive *a, struct journal *j,
		const uint8_t *accession, struct err *e)
{
	struct segment_header h = {.suite = (uint16_t)a->desc.suite,
				   .chunk_size = a->desc.chunk_size,
				   .epoch = a->desc.epoch[0].epoch};
	struct event ev[2] = {{.type = EVENT_ACCESSION, .user = "eve", .host = "evil"},
			      {.type = EVENT_SEGMENT}};
	uint8_t content[32], catalogue[32];
	struct wire_out bytes = {0};
	int rc;

	*r = (struct rogue){.archive = a, .journal = j};
	secret_random(r->accession, 16);
	if (accession)
		memcpy(r->accession, accession, 16);
	secret_random(r->segment, 16);
	secret_random(content, 32);
	secret_random(catalogue, 32);
	memcpy(h.archive, a->desc.id, 16);
	memcpy(h.accession, r->accession, 16);
	memcpy(h.segment, r->segment, 16);
	rc = segment_header_make(&bytes, &h, content, a->desc.epoch[0].recipient, catalogue,
				 a->desc.catalogue);
	if (rc == 0)
		rc = segment_create(&r->writer, a->segments, r->segment, bytes.p, bytes.n, e);
	if (rc)
		goto out;
	ev[0].epoch = h.epoch;
	memcpy(ev[0].accession, r->accession, 16);
	memcpy(ev[1].accession, r->accession, 16);
	memcpy(ev[1].segment, r->segment, 16);
	hash_sha256(ev[1].header, bytes.p, bytes.n);
	frame_wrap_key(r->keys.wrap, content, a->desc.id, r->accession);
	kdf_label(r->keys.record, catalogue, "custodyfs/v1 record");
	rc = journal_append(j, ev, 2, e);
out:
	wire_out_free(&bytes);
	return rc;
}

int rogue_end(struct rogue *r, struct err *e)
{
	int rc = segment_sync(r->writer, e);

	segment_close(r->writer);
	r->writer = NULL;
	return rc;
}

static int seal_head(struct rogue *r, struct wire_out *head, struct frame *f, const uint8_t key[32],
		     const char *path, const char *text, uint8_t commitment[32])
{
	uint8_t salt[32], plain[32];
	struct wire_out enc = {0};
	struct record *rec;
	int rc = record_new(&rec);

	if (rc)
		return rc;
	secret_random(salt, 32);
	hash_sha256(plain, text, strlen(text));
	rc = record_set(rec, "collection", "otay", 4);
	if (rc == 0)
		rc = record_set(rec, "path", path, strlen(path));
	if (rc == 0)
		rc = record_encode(rec, &enc);
	if (rc == 0)
		rc = frame_head_seal(head, f, &r->keys, key, salt, plain, enc.p, enc.n, commitment);
	record_free(rec);
	wire_out_free(&enc);
	return rc;
}

/* Head and content; the head's length goes to *n. */
static int seal(struct rogue *r, struct wire_out *out, struct frame *f, const char *path,
		const char *text, size_t *n, uint8_t commitment[32])
{
	struct chunk_map map = {
		.plain = strlen(text), .size = f->chunk_size, .tag = suite_tag_size(f->suite)};
	uint8_t key[32], ad[STREAM_AD_SIZE], *to;
	struct stream_run run = {0};
	struct stream_key stream;
	int rc;

	secret_random(key, 32);
	rc = seal_head(r, out, f, key, path, text, commitment);
	if (rc)
		return rc;
	*n = out->n;
	frame_stream_ad(ad, out->p);
	rc = stream_key_init(&stream, f->suite, key, ad);
	to = rc == 0 ? wire_out_room(out, (size_t)chunk_stored(map)) : NULL;
	if (rc == 0)
		rc = to ? stream_begin(&run, &stream) : ERR_NOMEM;
	if (rc == 0)
		rc = stream_seal_chunks(&run, map, 0, chunk_count(map), to, (const uint8_t *)text);
	stream_run_free(&run);
	return rc;
}

int rogue_item(struct rogue *r, const uint8_t item[16], const char *path, const char *text,
	       struct err *e)
{
	struct frame f = {.size = strlen(text),
			  .chunk_size = r->archive->desc.chunk_size,
			  .suite = (uint16_t)r->archive->desc.suite};
	struct event ev = {.type = EVENT_INGEST};
	struct wire_out out = {0};
	size_t n = 0;
	int rc;

	memcpy(f.archive, r->archive->desc.id, 16);
	memcpy(f.accession, r->accession, 16);
	memcpy(f.item, item, 16);
	rc = seal(r, &out, &f, path, text, &n, ev.commitment);
	if (rc)
		goto out;
	segment_reserve(r->writer, out.n, &ev.offset);
	rc = segment_write(r->writer, ev.offset, out.p, out.n, e);
	if (rc == 0) {
		memcpy(ev.accession, r->accession, 16);
		memcpy(ev.segment, r->segment, 16);
		memcpy(ev.item, item, 16);
		ev.headlen = n;
		ev.length = out.n;
		hash_sha256(ev.head, out.p, n);
		hash_sha256(ev.frame, out.p, out.n);
		rc = journal_append(r->journal, &ev, 1, e);
	}
out:
	wire_out_free(&out);
	return rc;
}

struct attack {
	struct rogue r;
	enum rogue_what what;
	unsigned items;
};

/* An item of its own in an accession of its own that has the victim's id. */
static int share(struct attack *k, const struct event *ev, struct err *e)
{
	const struct archive *a = k->r.archive;
	struct journal *j = k->r.journal;
	uint8_t item[16];
	char path[32];
	int rc;

	if (ev->type != EVENT_ACCESSION)
		return 0;
	rc = rogue_begin(&k->r, a, j, ev->accession, e);
	secret_random(item, sizeof(item));
	snprintf(path, sizeof(path), "fake%u", k->items++);
	if (rc == 0)
		rc = rogue_item(&k->r, item, path, "FAKE", e);
	return k->r.writer && rc == 0 ? rogue_end(&k->r, e) : rc;
}

static int twice(struct rogue *r, struct err *e)
{
	uint8_t item[16];
	int rc;

	secret_random(item, sizeof(item));
	rc = rogue_begin(r, r->archive, r->journal, NULL, e);
	if (rc == 0)
		rc = rogue_item(r, item, "fake0", "ONE", e);
	if (rc == 0)
		rc = rogue_item(r, item, "fake1", "TWO", e);
	return r->writer && rc == 0 ? rogue_end(r, e) : rc;
}

static int answer(struct attack *k, struct event *ev, struct err *e)
{
	char path[32];

	if (k->what == ROGUE_SHARE)
		return share(k, ev, e);
	if (k->what == ROGUE_REPLACE && ev->type == EVENT_INGEST) {
		snprintf(path, sizeof(path), "fake%u", k->items++);
		return rogue_item(&k->r, ev->item, path, "FAKE", e);
	}
	if (k->what == ROGUE_REPLACE)
		return 0;
	if (k->what == ROGUE_SPOIL && ev->type == EVENT_SEGMENT)
		ev->header[0] ^= 1;
	if (ev->type == EVENT_ACCESSION || ev->type == EVENT_SEGMENT ||
	    (ev->type == EVENT_INGEST && k->what != ROGUE_REPEAT))
		return journal_append(k->r.journal, ev, 1, e);
	return 0;
}

int rogue_attack(const struct archive *a, struct journal *j, const uint8_t victim[16],
		 enum rogue_what what, struct err *e)
{
	struct attack k = {.r = {.archive = a, .journal = j}, .what = what};
	struct journal_reader *in;
	struct text_span line;
	struct event ev;
	uint64_t off;
	int rc;

	if (what == ROGUE_TWICE)
		return twice(&k.r, e);
	rc = journal_reader_open(&in, a->journal, victim, 0, e);
	if (rc == 0 && what == ROGUE_REPLACE)
		rc = rogue_begin(&k.r, a, j, NULL, e);
	while (rc == 0) {
		rc = journal_reader_next(in, &line, &off, e);
		if (rc == 0)
			rc = event_parse(&ev, line);
		if (rc == 0)
			rc = answer(&k, &ev, e);
	}
	journal_reader_close(in);
	if (rc == ERR_NOTFOUND)
		rc = 0;
	return k.r.writer && rc == 0 ? rogue_end(&k.r, e) : rc;
}
