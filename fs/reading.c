/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/reading.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/hash.h"
#include "crypto/stream.h"
#include "crypto/text.h"
#include "fs/frame.h"
#include "index/file.h"

struct reading {
	struct station *st;
	struct release *release; /* held */
	struct segment_fd *seg;	 /* held */
	struct release_watch watch;
	bool watching;
	pthread_rwlock_t lock;	/* guards key: chunks are opened under the read side */
	struct stream_key *key; /* in the pool; NULL once the release ended */
	struct chunk_map map;
	uint64_t content; /* offset of the first chunk in the segment */
	char item[33];
	_Atomic uint64_t served;
};

/* ---- opening ---- */

static int damaged_head(const struct object *o, struct err *e, const char *what)
{
	char item[33], segment[33];

	text_hex(item, o->item, 16);
	text_hex(segment, o->segment, 16);
	return err_set(e, ERR_DAMAGED,
		       "the head of item %s (bytes %llu to %llu of segment %s) is damaged: %s",
		       item, (unsigned long long)o->offset,
		       (unsigned long long)(o->offset + o->headlen - 1), segment, what);
}

/* Read the head and parse it, once its digest is the one in the log. */
static int read_head(struct reading *r, const struct object *o, uint8_t *head, struct frame *f,
		     struct err *e)
{
	uint8_t digest[HASH_SIZE];
	int rc;

	rc = file_pread(segment_fileno(r->seg), head, o->headlen, o->offset, e);
	if (rc == ERR_DAMAGED)
		return damaged_head(o, e, "the file ends before it does");
	if (rc)
		return rc;
	hash_sha256(digest, head, o->headlen);
	if (memcmp(digest, o->head, sizeof(digest)) != 0)
		return damaged_head(o, e, "it is not what was logged");
	rc = frame_head_parse(f, head, o->headlen);
	if (rc)
		return damaged_head(o, e, err_text(rc));
	if (memcmp(f->archive, r->st->archive->desc.id, 16) != 0 ||
	    memcmp(f->accession, o->accession, 16) != 0 || memcmp(f->item, o->item, 16) != 0 ||
	    f->size != o->size || frame_length(f) != o->length)
		return damaged_head(o, e, "it is of another item");
	return 0;
}

/* The item's key, from the release into the pool, expanded. */
static int take_key(struct reading *r, const struct object *o, const uint8_t *head,
		    const struct frame *f, struct err *e)
{
	struct secret_pool *pool = r->st->pool;
	uint8_t *file_key = secret_take(pool, 32);
	uint8_t commitment[32], ad[STREAM_AD_SIZE];
	int rc;

	r->key = secret_take(pool, sizeof(*r->key));
	if (!file_key || !r->key) {
		rc = err_set(e, ERR_NOMEM, "too many items are open: no locked memory is left");
		goto out;
	}
	rc = release_file_key(r->release, o->item, o->commitment, o->accession, head, o->headlen,
			      file_key);
	if (rc == ERR_DAMAGED)
		rc = damaged_head(o, e, "its key does not open");
	else if (rc)
		rc = err_set(e, rc, "item %s: %s", r->item, err_text(rc));
	if (rc)
		goto out;
	stream_commitment(commitment, file_key);
	if (!secret_equal(commitment, f->key_commitment, sizeof(commitment))) {
		rc = damaged_head(o, e, "the authorised key is not the one it was sealed with");
		goto out;
	}
	frame_stream_ad(ad, head);
	rc = stream_key_init(r->key, f->suite, file_key, ad);
	if (rc)
		rc = err_set(e, rc, "item %s: its cipher suite is not available here", r->item);
out:
	secret_give(pool, file_key);
	return rc;
}

static int open_item(struct reading *r, const struct object *o, struct err *e)
{
	uint8_t *head = NULL;
	struct frame f;
	int rc;

	if (o->headlen < FRAME_FIXED || o->headlen > FRAME_HEAD_MAX)
		return damaged_head(o, e, "its length is impossible");
	rc = segment_get(&r->seg, r->st->segments, o->segment, e);
	if (rc)
		return rc;
	head = malloc(o->headlen);
	if (!head)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = read_head(r, o, head, &f, e);
	if (rc == 0) {
		r->map = frame_map(&f);
		r->content = o->offset + o->headlen;
		rc = take_key(r, o, head, &f, e);
	}
	free(head);
	return rc;
}

/* The release ends: wait for the chunks that are being opened, no more are begun. */
static void wipe_key(void *ctx)
{
	struct reading *r = ctx;

	pthread_rwlock_wrlock(&r->lock);
	secret_give(r->st->pool, r->key);
	r->key = NULL;
	pthread_rwlock_unlock(&r->lock);
}

/* From here on the key goes when the release does, however long the reading stays open. */
static int watch_release(struct reading *r, struct err *e)
{
	int ended;

	r->watch = (struct release_watch){.wipe = wipe_key, .ctx = r};
	ended = release_watch(r->release, &r->watch);
	r->watching = ended == 0;
	return ended ? err_set(e, ended, "item %s: %s", r->item, err_text(ended)) : 0;
}

int reading_open(struct reading **out, struct station *s, const struct object *o,
		 struct release *rel, struct err *e)
{
	struct reading *r = calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (!r)
		return err_set(e, ERR_NOMEM, "out of memory");
	pthread_rwlock_init(&r->lock, NULL);
	r->st = s;
	r->release = rel;
	release_hold(rel);
	text_hex(r->item, o->item, 16);
	rc = open_item(r, o, e);
	if (rc == 0)
		rc = watch_release(r, e);
	if (rc) {
		reading_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

void reading_close(struct reading *r)
{
	if (!r)
		return;
	if (r->watching)
		release_unwatch(r->release, &r->watch);
	secret_give(r->st->pool, r->key);
	if (r->seg)
		segment_put(r->st->segments, r->seg);
	release_drop(r->release);
	pthread_rwlock_destroy(&r->lock);
	free(r);
}

/* ---- reading ---- */

size_t reading_work(size_t n)
{
	/* The chunks touched: at most the bytes wanted, what lies before and behind them in the
	 * first and last chunk, and a tag for each. */
	return n + 2 * (size_t)CHUNK_SIZE_MAX + (n / CHUNK_SIZE_MIN + 2) * SUITE_TAG_SIZE;
}

/* 0 as long as the release lasts. Whoever ends releases may be late by some milliseconds. */
static int lasts(const struct reading *r)
{
	int ended = release_ended(r->release);
	struct timespec ts;

	if (ended)
		return ended;
	clock_gettime(CLOCK_REALTIME, &ts);
	if ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 >
	    release_terms(r->release)->not_after_ms)
		return ERR_EXPIRED;
	return 0;
}

static int damaged_chunk(const struct reading *r, uint64_t i, const char *what, uint64_t *bad_off,
			 uint64_t *bad_len, struct err *e)
{
	uint64_t at = r->content + chunk_offset(r->map, i);
	uint32_t len = chunk_plain_len(r->map, i);

	*bad_off = i * r->map.size;
	*bad_len = len;
	return err_set(e, ERR_DAMAGED,
		       "item %s is damaged from byte %llu on for %u bytes (byte %llu of its "
		       "segment): %s",
		       r->item, (unsigned long long)*bad_off, (unsigned)len, (unsigned long long)at,
		       what);
}

/* Read the stored chunks of a range; when the file ends within it, name the first one missing. */
static int fetch(const struct reading *r, const struct chunk_range *range, uint8_t *work,
		 uint64_t *bad_off, uint64_t *bad_len, struct err *e)
{
	int fd = segment_fileno(r->seg);
	int rc = file_pread(fd, work, range->stored_len, r->content + range->stored_off, e);

	for (uint64_t i = 0; rc == ERR_DAMAGED && i < range->count; i++) {
		size_t n = chunk_plain_len(r->map, range->first + i) + SUITE_TAG_SIZE;

		if (file_pread(fd, work, n, r->content + chunk_offset(r->map, range->first + i),
			       NULL) == ERR_DAMAGED)
			return damaged_chunk(r, range->first + i, "the file ends before it does",
					     bad_off, bad_len, e);
	}
	return rc;
}

/* Open all chunks: whole ones straight into buf, those wanted in part within work. For a caller that
 * holds the lock and has seen that there is a key. */
static int open_chunks(const struct reading *r, const struct chunk_range *range, uint8_t *buf,
		       uint8_t *work, uint64_t *bad_off, uint64_t *bad_len, struct err *e)
{
	uint64_t chunks = chunk_count(r->map), done = 0;
	uint32_t skip = range->skip;

	for (uint64_t i = range->first; i < range->first + range->count; i++) {
		uint32_t len = chunk_plain_len(r->map, i);
		uint64_t want = len - skip < range->len - done ? len - skip : range->len - done;
		uint8_t *to = want == len ? buf + done : work;

		if (stream_open(r->key, i, i + 1 == chunks, to, work, len + SUITE_TAG_SIZE))
			return damaged_chunk(r, i, "it does not authenticate", bad_off, bad_len, e);
		if (to == work) {
			memcpy(buf + done, work + skip, want);
			secret_wipe(work, len);
		}
		work += len + SUITE_TAG_SIZE;
		done += want;
		skip = 0;
	}
	return 0;
}

int reading_read(struct reading *r, uint64_t off, size_t n, uint8_t *buf, size_t *got,
		 uint8_t *work, uint64_t *bad_off, uint64_t *bad_len, struct err *e)
{
	struct chunk_range range = chunk_range(r->map, off, n);
	int rc = lasts(r);

	*got = 0;
	if (rc == 0)
		rc = release_charge_bytes(r->release, range.len);
	if (rc)
		return err_set(e, rc, "item %s: %s", r->item, err_text(rc));
	if (range.len == 0)
		return 0;
	rc = fetch(r, &range, work, bad_off, bad_len, e);
	if (rc == 0) {
		pthread_rwlock_rdlock(&r->lock);
		if (r->key)
			rc = open_chunks(r, &range, buf, work, bad_off, bad_len, e);
		pthread_rwlock_unlock(&r->lock);
	}
	if (rc == 0) {
		/* It may have ended while the chunks were opened, or, with its key, before. */
		rc = lasts(r);
		if (rc)
			err_set(e, rc, "item %s: %s", r->item, err_text(rc));
	}
	if (rc) {
		secret_wipe(buf, range.len);
		return rc;
	}
	*got = range.len;
	atomic_fetch_add(&r->served, range.len);
	return 0;
}

uint64_t reading_size(const struct reading *r)
{
	return r->map.plain;
}

uint64_t reading_served(const struct reading *r)
{
	return atomic_load(&r->served);
}

struct release *reading_release(const struct reading *r)
{
	return r->release;
}
