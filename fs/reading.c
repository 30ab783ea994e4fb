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
	uint64_t handle;	 /* by which it knows us */
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
		 struct release *rel, uint64_t handle, struct err *e)
{
	struct reading *r = calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (!r)
		return err_set(e, ERR_NOMEM, "out of memory");
	pthread_rwlock_init(&r->lock, NULL);
	r->st = s;
	r->release = rel;
	r->handle = handle;
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

/* Stored bytes that are read at a time. Between being read and being opened they stay in a core's
 * own cache: 128 KiB and the plaintext of a request fit, 1 MiB does not. */
#define AT_ONCE ((size_t)128 << 10)

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

/* Where a read is. */
struct progress {
	struct reading_work *w;
	uint64_t chunk, end;	     /* the next chunk, and the one after the last */
	uint32_t skip;		     /* bytes of the next chunk that were not asked for */
	uint8_t *to;		     /* where they go */
	uint64_t left;		     /* so many */
	uint64_t *bad_off, *bad_len; /* the damaged range */
	struct err *e;
};

/* How many chunks are taken at once from here on, and their stored bytes. */
static uint64_t next_group(const struct reading *r, const struct progress *p, size_t *stored)
{
	uint64_t n = AT_ONCE / (r->map.size + r->map.tag);

	if (n == 0)
		n = 1;
	if (n > p->end - p->chunk)
		n = p->end - p->chunk;
	*stored = (size_t)(chunk_offset(r->map, p->chunk + n - 1) - chunk_offset(r->map, p->chunk) +
			   chunk_plain_len(r->map, p->chunk + n - 1) + r->map.tag);
	return n;
}

/* Read stored chunks; when the file ends within them, name the first one missing. */
static int fetch(const struct reading *r, const struct progress *p, uint64_t count, size_t stored)
{
	int fd = segment_fileno(r->seg);
	int rc = file_pread(fd, p->w->stored, stored, r->content + chunk_offset(r->map, p->chunk),
			    p->e);

	for (uint64_t i = p->chunk; rc == ERR_DAMAGED && i < p->chunk + count; i++) {
		size_t n = chunk_plain_len(r->map, i) + r->map.tag;

		if (file_pread(fd, p->w->stored, n, r->content + chunk_offset(r->map, i), NULL) ==
		    ERR_DAMAGED)
			return damaged_chunk(r, i, "the file ends before it does", p->bad_off,
					     p->bad_len, p->e);
	}
	return rc;
}

/* Open the next chunk, which is at `stored`: straight to its place when all of it was asked for, else
 * where it is. */
static int open_chunk(const struct reading *r, struct progress *p, uint8_t *stored)
{
	uint32_t len = chunk_plain_len(r->map, p->chunk);
	uint64_t want = len - p->skip < p->left ? len - p->skip : p->left;
	uint8_t *to = want == len ? p->to : stored;

	if (stream_open(&p->w->run, p->chunk, p->chunk + 1 == chunk_count(r->map), to, stored,
			len + r->map.tag))
		return damaged_chunk(r, p->chunk, "it does not authenticate", p->bad_off,
				     p->bad_len, p->e);
	if (to == stored) {
		memcpy(p->to, stored + p->skip, want);
		secret_wipe(stored, len);
	}
	p->chunk++;
	p->skip = 0;
	p->to += want;
	p->left -= want;
	return 0;
}

/* Open `count` chunks that were read. The release may end meanwhile, but not between the look for
 * its key and the last use of it. */
static int open_group(struct reading *r, struct progress *p, uint64_t count)
{
	uint8_t *stored = p->w->stored;
	int rc = 0;

	pthread_rwlock_rdlock(&r->lock);
	if (!r->key)
		rc = ERR_REVOKED; /* reading_read() says why it ended */
	else if (stream_begin(&p->w->run, r->key))
		rc = err_set(p->e, ERR_NOMEM, "out of memory");
	for (uint64_t i = 0; i < count && rc == 0; i++) {
		size_t n = chunk_plain_len(r->map, p->chunk) + r->map.tag;

		rc = open_chunk(r, p, stored);
		stored += n;
	}
	stream_end(&p->w->run);
	pthread_rwlock_unlock(&r->lock);
	return rc;
}

static int read_chunks(struct reading *r, struct progress *p)
{
	int rc = 0;

	while (rc == 0 && p->chunk < p->end) {
		size_t stored;
		uint64_t count = next_group(r, p, &stored);

		rc = fetch(r, p, count, stored);
		if (rc == 0)
			rc = open_group(r, p, count);
	}
	return rc;
}

int reading_read(struct reading *r, uint64_t off, size_t n, uint8_t *buf, size_t *got,
		 struct reading_work *w, uint64_t *bad_off, uint64_t *bad_len, struct err *e)
{
	struct chunk_range range = chunk_range(r->map, off, n);
	struct progress p = {.w = w,
			     .chunk = range.first,
			     .end = range.first + range.count,
			     .skip = range.skip,
			     .to = buf,
			     .left = range.len,
			     .bad_off = bad_off,
			     .bad_len = bad_len,
			     .e = e};
	int rc = lasts(r), over;

	*got = 0;
	if (rc == 0)
		rc = release_charge_bytes(r->release, r->handle, range.len);
	if (rc)
		return err_set(e, rc, "item %s: %s", r->item, err_text(rc));
	if (range.len == 0)
		return 0;
	rc = read_chunks(r, &p);
	/* It may have ended while the chunks were opened, or, with its key, before: that comes first. */
	over = lasts(r);
	if (over)
		rc = err_set(e, over, "item %s: %s", r->item, err_text(over));
	if (rc) {
		secret_wipe(buf, range.len);
		return rc;
	}
	*got = range.len;
	atomic_fetch_add(&r->served, range.len);
	return 0;
}

uint64_t reading_served(const struct reading *r)
{
	return atomic_load(&r->served);
}

struct release *reading_release(const struct reading *r)
{
	return r->release;
}
