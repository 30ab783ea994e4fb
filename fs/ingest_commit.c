/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/ingest_commit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/hash.h"
#include "crypto/secret.h"

/* A batch is committed when so much waits, or when nothing came for a moment ... */
#define BATCH_ITEMS 1024u
#define BATCH_BYTES ((uint64_t)64 << 20)
#define QUIET_MS 20
/* ... or has waited that long: files may trickle in. */
#define AGE_MS 1000
/* Frames that are written and not yet durable, before the workers are held up. */
#define WAITING_ITEMS (2 * BATCH_ITEMS)
#define WAITING_BYTES (4 * BATCH_BYTES)
/* Other nodes see what a checkpoint covers: a long ingest shows itself as it goes on. */
#define CHECKPOINT_MS 10000
/* Room for the events of a batch and the segments it begins. */
#define EVENTS (BATCH_ITEMS + 64)

struct ingest_segment {
	struct segment_writer *writer;
	uint8_t id[16], header[32];
	unsigned refs;	 /* frames on their way, and one while it is the current segment */
	uint64_t synced; /* number of the last batch it was synced for; the committer's */
	bool told; /* a journal line about it was written, or at least tried; the committer's */
};

struct ingest_commit {
	struct ingest_commit_ask ask;
	pthread_t thread;
	pthread_mutex_t lock; /* guards these: */
	pthread_cond_t arrived, taken;
	struct ingest_segment *current;
	struct ingest_item waiting[WAITING_ITEMS];
	size_t count;
	uint64_t bytes; /* of frames in waiting */
	struct ingest_commit_sum sum;
	bool ending, drop;
	struct err failed; /* code 0: nothing did */

	/* The committer's own. */
	struct ingest_item batch[BATCH_ITEMS];
	struct event *event;
	size_t events;
	struct ingest_commit_sum pending; /* what event[] will acknowledge */
	bool opened;			  /* the accession is journalled, or at least tried */
	uint64_t batches;
	int64_t checkpoint_ms;
};

static int64_t monotonic_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- segments; called with the lock held ---- */

static void let_go(struct ingest_segment *seg)
{
	if (!seg || --seg->refs > 0)
		return;
	if (seg->told)
		segment_close(seg->writer);
	else
		segment_discard(seg->writer);
	free(seg);
}

static int new_segment(struct ingest_commit *c, struct ingest_segment **out, struct err *e)
{
	struct ingest_segment *seg = calloc(1, sizeof(*seg));
	struct segment_header h = *c->ask.header;
	struct wire_out header = {0};
	int rc;

	if (!seg)
		return err_set(e, ERR_NOMEM, "out of memory");
	secret_random(seg->id, sizeof(seg->id));
	memcpy(h.segment, seg->id, sizeof(h.segment));
	rc = segment_header_make(&header, &h, c->ask.content_key, c->ask.release_recipient,
				 c->ask.catalogue_key, c->ask.catalogue_recipient);
	if (rc)
		rc = err_set(e, rc, "can't make a segment header: %s", err_text(rc));
	else
		rc = segment_create(&seg->writer, c->ask.segments_dir, seg->id, header.p, header.n,
				    e);
	if (rc == 0) {
		hash_sha256(seg->header, header.p, header.n);
		seg->refs = 1;
		*out = seg;
	} else {
		free(seg);
	}
	wire_out_free(&header);
	return rc;
}

/* The segment for a frame of len bytes, with a reference taken. */
static int choose(struct ingest_commit *c, uint64_t len, struct ingest_segment **seg, struct err *e)
{
	int rc;

	if (len > c->ask.roll - SEGMENT_HEADER_MAX)
		return new_segment(c, seg, e); /* for this item alone */
	if (c->current && segment_end(c->current->writer) > c->ask.roll - len) {
		let_go(c->current);
		c->current = NULL;
	}
	if (!c->current) {
		rc = new_segment(c, &c->current, e);
		if (!c->current)
			return rc;
	}
	c->current->refs++;
	*seg = c->current;
	return 0;
}

int ingest_commit_place(struct ingest_commit *c, uint64_t len, struct ingest_segment **seg,
			uint64_t *off, struct err *e)
{
	int rc;

	pthread_mutex_lock(&c->lock);
	rc = c->failed.code ? err_set(e, c->failed.code, "%s", c->failed.text) :
			      choose(c, len, seg, e);
	if (rc == 0)
		segment_reserve((*seg)->writer, len, off);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

struct segment_writer *ingest_commit_writer(const struct ingest_segment *seg)
{
	return seg->writer;
}

void ingest_commit_cancel(struct ingest_commit *c, struct ingest_segment *seg)
{
	pthread_mutex_lock(&c->lock);
	let_go(seg);
	pthread_mutex_unlock(&c->lock);
}

/* ---- handing over ---- */

int ingest_commit_push(struct ingest_commit *c, const struct ingest_item *item, struct err *e)
{
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	while (!c->failed.code && (c->count == WAITING_ITEMS || c->bytes >= WAITING_BYTES))
		pthread_cond_wait(&c->taken, &c->lock);
	if (c->failed.code) {
		rc = err_set(e, c->failed.code, "%s", c->failed.text);
		let_go(item->segment);
	} else {
		c->waiting[c->count++] = *item;
		c->bytes += item->length;
		pthread_cond_signal(&c->arrived);
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

bool ingest_commit_failed(struct ingest_commit *c)
{
	bool failed;

	pthread_mutex_lock(&c->lock);
	failed = c->failed.code != 0;
	pthread_mutex_unlock(&c->lock);
	return failed;
}

void ingest_commit_sum(struct ingest_commit *c, struct ingest_commit_sum *sum)
{
	pthread_mutex_lock(&c->lock);
	*sum = c->sum;
	pthread_mutex_unlock(&c->lock);
}

/* ---- the committer ---- */

static struct timespec later(int64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += (long)ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* Wait for a batch; false when there will be none. Called with the lock held. */
static bool wait_for_batch(struct ingest_commit *c)
{
	int64_t begun;

	while (c->count == 0 && !c->ending)
		pthread_cond_wait(&c->arrived, &c->lock);
	begun = monotonic_ms();
	while (c->count < BATCH_ITEMS && c->bytes < BATCH_BYTES && !c->ending &&
	       monotonic_ms() - begun < AGE_MS) {
		const struct timespec until = later(QUIET_MS);
		size_t before = c->count;
		int rc = 0;

		while (c->count == before && !c->ending && rc != ETIMEDOUT)
			rc = pthread_cond_timedwait(&c->arrived, &c->lock, &until);
		if (c->count == before)
			break;
	}
	return c->count > 0 && !c->drop;
}

/* Move the first items that wait into batch[]; returns how many. Called with the lock held. */
static size_t take_batch(struct ingest_commit *c)
{
	size_t n = c->count < BATCH_ITEMS ? c->count : BATCH_ITEMS;

	memcpy(c->batch, c->waiting, n * sizeof(*c->batch));
	memmove(c->waiting, c->waiting + n, (c->count - n) * sizeof(*c->waiting));
	c->count -= n;
	for (size_t i = 0; i < n; i++)
		c->bytes -= c->batch[i].length;
	pthread_cond_broadcast(&c->taken);
	return n;
}

/* Write event[] to the journal; what it names is durable. */
static int flush_events(struct ingest_commit *c, struct err *e)
{
	int rc = c->events ? journal_append(c->ask.journal, c->event, c->events, e) : 0;

	if (rc == 0) {
		pthread_mutex_lock(&c->lock);
		c->sum.items += c->pending.items;
		c->sum.bytes += c->pending.bytes;
		c->sum.stored += c->pending.stored;
		pthread_mutex_unlock(&c->lock);
	}
	c->events = 0;
	memset(&c->pending, 0, sizeof(c->pending));
	return rc;
}

static struct event *next_event(struct ingest_commit *c, enum event_type type)
{
	struct event *ev = &c->event[c->events++];

	memset(ev, 0, sizeof(*ev));
	ev->type = type;
	memcpy(ev->accession, c->ask.header->accession, 16);
	return ev;
}

static int tell_item(struct ingest_commit *c, const struct ingest_item *it, struct err *e)
{
	struct event *ev;

	if (c->events + 3 > EVENTS) {
		int rc = flush_events(c, e);

		if (rc)
			return rc;
	}
	if (!c->opened) {
		c->event[c->events++] = *c->ask.accession;
		c->opened = true;
	}
	if (!it->segment->told) {
		ev = next_event(c, EVENT_SEGMENT);
		memcpy(ev->segment, it->segment->id, 16);
		memcpy(ev->header, it->segment->header, 32);
		it->segment->told = true;
	}
	ev = next_event(c, EVENT_INGEST);
	memcpy(ev->item, it->item, 16);
	memcpy(ev->segment, it->segment->id, 16);
	ev->offset = it->offset;
	ev->length = it->length;
	ev->headlen = it->headlen;
	memcpy(ev->head, it->head, 32);
	memcpy(ev->frame, it->frame, 32);
	memcpy(ev->commitment, it->commitment, 32);
	memcpy(ev->mark, it->mark, 32);
	c->pending.items++;
	c->pending.bytes += it->plain;
	c->pending.stored += it->length;
	return 0;
}

/* The batch's frames are durable after this, and found good if that was asked for. */
static int make_durable(struct ingest_commit *c, size_t n, struct err *e)
{
	int rc = 0;

	c->batches++;
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct ingest_segment *seg = c->batch[i].segment;

		if (seg->synced == c->batches)
			continue;
		rc = segment_sync(seg->writer, e);
		seg->synced = c->batches;
		if (c->ask.check)
			segment_forget(seg->writer);
	}
	for (size_t i = 0; c->ask.check && i < n && rc == 0; i++)
		rc = c->ask.check(c->ask.check_ctx, &c->batch[i], e);
	return rc;
}

static int commit(struct ingest_commit *c, size_t n, struct err *e)
{
	const struct ingest_teller *teller = &c->ask.teller;
	int rc = make_durable(c, n, e);

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = tell_item(c, &c->batch[i], e);
	if (rc == 0)
		rc = flush_events(c, e);
	for (size_t i = 0; teller->told && i < n && rc == 0; i++)
		teller->told(teller->ctx, c->batch[i].tag, INGEST_SEALED, NULL);
	if (rc == 0 && monotonic_ms() - c->checkpoint_ms >= CHECKPOINT_MS) {
		rc = journal_checkpoint(c->ask.journal, e);
		c->checkpoint_ms = monotonic_ms();
	}
	return rc;
}

static void *committer(void *arg)
{
	struct ingest_commit *c = arg;

	pthread_mutex_lock(&c->lock);
	while (!c->failed.code && wait_for_batch(c)) {
		size_t n = take_batch(c);
		struct err e = {0};
		int rc;

		pthread_mutex_unlock(&c->lock);
		rc = commit(c, n, &e);
		pthread_mutex_lock(&c->lock);
		for (size_t i = 0; i < n; i++)
			let_go(c->batch[i].segment);
		if (rc)
			c->failed = e;
	}
	/* All that is left was refused or dropped: it stays a gap in its segment. */
	for (size_t i = 0; i < c->count; i++)
		let_go(c->waiting[i].segment);
	c->count = 0;
	c->bytes = 0;
	pthread_cond_broadcast(&c->taken);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* ---- life ---- */

int ingest_commit_start(struct ingest_commit **out, const struct ingest_commit_ask *ask,
			struct err *e)
{
	struct ingest_commit *c = calloc(1, sizeof(*c));
	pthread_condattr_t attr;

	*out = NULL;
	if (c)
		c->event = calloc(EVENTS, sizeof(*c->event));
	if (!c || !c->event) {
		free(c);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	c->ask = *ask;
	c->checkpoint_ms = monotonic_ms();
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->arrived, &attr);
	pthread_cond_init(&c->taken, &attr);
	pthread_condattr_destroy(&attr);
	errno = pthread_create(&c->thread, NULL, committer, c);
	if (errno != 0) {
		int rc = err_sys(e, "can't start a thread");

		ingest_commit_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

int ingest_commit_finish(struct ingest_commit *c, bool drop, struct err *e)
{
	pthread_mutex_lock(&c->lock);
	c->ending = true;
	c->drop = drop;
	pthread_cond_broadcast(&c->arrived);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	let_go(c->current);
	c->current = NULL;
	return c->failed.code ? err_set(e, c->failed.code, "%s", c->failed.text) : 0;
}

void ingest_commit_free(struct ingest_commit *c)
{
	if (!c)
		return;
	pthread_cond_destroy(&c->arrived);
	pthread_cond_destroy(&c->taken);
	pthread_mutex_destroy(&c->lock);
	free(c->event);
	free(c);
}
