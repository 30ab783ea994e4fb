/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/ingest_check.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/text.h"

/* Stored bytes that are opened at a time, at least one chunk. */
#define AT_ONCE ((size_t)256 << 10)
#define STORED_MAX (AT_ONCE + CHUNK_SIZE_MAX + SUITE_TAG_MAX)

/* In secret memory. */
struct check_keys {
	struct stream_key stream;
	uint8_t file[32], salt[32];
};

struct ingest_check {
	struct secret_pool *pool;
	const struct segment_header *header;
	const struct frame_keys *frame;
	struct check_keys *keys;
	struct stream_run run;
	struct wire_out head, record;
	uint8_t *stored, *plain; /* STORED_MAX bytes each */
};

int ingest_check_new(struct ingest_check **out, struct secret_pool *pool,
		     const struct segment_header *header, const struct frame_keys *keys,
		     struct err *e)
{
	struct ingest_check *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (!c)
		return err_set(e, ERR_NOMEM, "out of memory");
	c->pool = pool;
	c->header = header;
	c->frame = keys;
	c->keys = secret_take(pool, sizeof(*c->keys));
	c->stored = malloc(STORED_MAX);
	c->plain = malloc(STORED_MAX);
	if (!c->keys || !c->stored || !c->plain) {
		ingest_check_free(c);
		return err_set(e, ERR_NOMEM, "out of memory for keys or buffers");
	}
	*out = c;
	return 0;
}

void ingest_check_free(struct ingest_check *c)
{
	if (!c)
		return;
	stream_run_free(&c->run);
	secret_give(c->pool, c->keys);
	wire_out_free(&c->head);
	wire_out_wipe(&c->record);
	free(c->stored);
	free(c->plain); /* wiped after each use */
	free(c);
}

static int differs(const struct ingest_item *item, const char *what, struct err *e)
{
	char hex[33];

	text_hex(hex, item->item, 16);
	return err_set(e, ERR_DAMAGED,
		       "item %s reads back otherwise than it was sealed: %s; nothing is journalled "
		       "of it, and its source stays",
		       hex, what);
}

static int reread(const struct ingest_item *item, uint64_t off, void *p, size_t n, struct err *e)
{
	int rc = segment_reread(ingest_commit_writer(item->segment), item->offset + off, p, n, e);

	return rc == ERR_DAMAGED ? differs(item, "its segment ends before it does", e) : rc;
}

static int check_head(struct ingest_check *c, const struct ingest_item *item, struct frame *f,
		      struct err *e)
{
	uint8_t digest[HASH_SIZE], *p;
	int rc;

	wire_out_reset(&c->head);
	p = wire_out_room(&c->head, item->headlen);
	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = reread(item, 0, p, item->headlen, e);
	if (rc)
		return rc;
	hash_sha256(digest, p, item->headlen);
	if (memcmp(digest, item->head, HASH_SIZE) != 0 || frame_head_parse(f, p, item->headlen))
		return differs(item, "its head is another", e);
	if (memcmp(f->archive, c->header->archive, 16) != 0 ||
	    memcmp(f->accession, c->header->accession, 16) != 0 ||
	    memcmp(f->item, item->item, 16) != 0 || f->size != item->plain ||
	    frame_length(f) != item->length)
		return differs(item, "its head is of another item", e);
	return 0;
}

/* The provenance opens, and is what the journal is to commit to. */
static int check_record(struct ingest_check *c, const struct ingest_item *item, struct err *e)
{
	uint8_t sha256[HASH_SIZE], commitment[HASH_SIZE];
	int rc;

	wire_out_reset(&c->record);
	rc = frame_record_open(&c->record, c->keys->salt, sha256, c->head.p, c->head.n,
			       c->frame->record);
	if (rc == ERR_NOMEM)
		return err_set(e, rc, "out of memory");
	if (rc)
		return differs(item, "its record does not open", e);
	record_commitment(commitment, c->keys->salt, c->record.p, c->record.n, sha256);
	if (memcmp(sha256, item->sha256, HASH_SIZE) != 0 ||
	    memcmp(commitment, item->commitment, HASH_SIZE) != 0)
		return differs(item, "its record is another", e);
	return 0;
}

static int take_key(struct ingest_check *c, const struct ingest_item *item, const struct frame *f,
		    struct err *e)
{
	uint8_t ad[STREAM_AD_SIZE];
	int rc = frame_unwrap(c->keys->file, c->head.p, c->head.n, c->frame->wrap);

	if (rc)
		return differs(item, "its key does not open", e);
	frame_stream_ad(ad, c->head.p);
	rc = stream_key_init(&c->keys->stream, f->suite, c->keys->file, ad);
	if (rc == 0)
		rc = stream_begin(&c->run, &c->keys->stream);
	return rc ? err_set(e, rc, "can't read an item back: %s", err_text(rc)) : 0;
}

/* `count` chunks from `first` on, from stored to plain. */
static int open_chunks(struct ingest_check *c, struct chunk_map m, uint64_t first, uint64_t count)
{
	const uint8_t *from = c->stored;
	uint8_t *to = c->plain;
	int rc = 0;

	for (uint64_t i = first; i < first + count && rc == 0; i++) {
		size_t n = chunk_plain_len(m, i);

		rc = stream_open(&c->run, i, i + 1 == chunk_count(m), to, from, n + m.tag);
		from += n + m.tag;
		to += n;
	}
	return rc;
}

/* Content and frame, both whole. */
static int check_content(struct ingest_check *c, const struct ingest_item *item,
			 const struct frame *f, struct err *e)
{
	const struct chunk_map m = frame_map(f);
	const uint64_t group = AT_ONCE > m.size ? AT_ONCE / m.size : 1;
	uint8_t plain[HASH_SIZE], frame[HASH_SIZE];
	struct hash_ctx of_plain, of_frame;
	int rc = 0;

	hash_init(&of_plain);
	hash_init(&of_frame);
	hash_update(&of_frame, c->head.p, c->head.n);
	for (uint64_t i = 0, n; i < chunk_count(m) && rc == 0; i += n) {
		uint64_t at = chunk_offset(m, i), end, bytes;

		n = chunk_count(m) - i < group ? chunk_count(m) - i : group;
		end = i + n == chunk_count(m) ? chunk_stored(m) : chunk_offset(m, i + n);
		bytes = end - at - n * m.tag;
		rc = reread(item, f->head_len + at, c->stored, (size_t)(end - at), e);
		if (rc)
			break;
		hash_update(&of_frame, c->stored, (size_t)(end - at));
		rc = open_chunks(c, m, i, n);
		if (rc)
			rc = differs(item, "its content does not open", e);
		else
			hash_update(&of_plain, c->plain, (size_t)bytes);
		secret_wipe(c->plain, (size_t)bytes);
	}
	hash_final(&of_plain, plain);
	hash_final(&of_frame, frame);
	if (rc == 0 && (memcmp(plain, item->sha256, HASH_SIZE) != 0 ||
			memcmp(frame, item->frame, HASH_SIZE) != 0))
		rc = differs(item, "its content is another", e);
	return rc;
}

int ingest_check_item(void *ctx, const struct ingest_item *item, struct err *e)
{
	struct ingest_check *c = ctx;
	struct frame f;
	int rc = check_head(c, item, &f, e);

	if (rc == 0)
		rc = check_record(c, item, e);
	if (rc == 0)
		rc = take_key(c, item, &f, e);
	if (rc == 0)
		rc = check_content(c, item, &f, e);
	stream_end(&c->run);
	secret_wipe(c->keys, sizeof(*c->keys));
	if (c->record.p)
		secret_wipe(c->record.p, c->record.n);
	return rc;
}
