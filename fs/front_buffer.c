// SPDX-License-Identifier: Apache-2.0
/*
 * Buffers for what is read. A thread takes one for a request; between requests they keep what was read
 * last, until some release ends.
 */
#include "fs/front_internal.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Plaintext passes through these: kept out of core dumps, and out of swap where that is allowed. */
static uint8_t *plain_pages(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, n, MADV_DONTDUMP);
	madvise(p, n, MADV_DONTFORK);
	/* As they are touched: few requests are that big. Best effort, under a small memlock limit:
	 * keys are locked in any case. */
	(void)mlock2(p, n, MLOCK_ONFAULT);
	return p;
}

static void wipe(struct front_buffer *b)
{
	secret_wipe(b->plain, b->dirty);
	b->dirty = 0;
}

static void buffer_free(struct front_buffer *b)
{
	if (b->plain) {
		wipe(b);
		munmap(b->plain, FRONT_READ_MAX);
	}
	stream_run_free(&b->work.run);
	if (b->work.stored)
		munmap(b->work.stored, READING_STORED);
	free(b);
}

struct front_buffer *front_buffer_take(struct front *f)
{
	struct front_buffer *b;
	uint64_t ends;

	pthread_mutex_lock(&f->buf_lock);
	b = f->buffers;
	if (b)
		f->buffers = b->next;
	ends = f->ends;
	pthread_mutex_unlock(&f->buf_lock);
	if (b) {
		b->ends = ends;
		return b;
	}
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->ends = ends;
	b->plain = plain_pages(FRONT_READ_MAX);
	b->work.stored = plain_pages(READING_STORED);
	if (!b->plain || !b->work.stored) {
		buffer_free(b);
		return NULL;
	}
	return b;
}

void front_buffer_give(struct front *f, struct front_buffer *b)
{
	pthread_mutex_lock(&f->buf_lock);
	if (b->ends != f->ends)
		wipe(b);
	b->next = f->buffers;
	f->buffers = b;
	pthread_mutex_unlock(&f->buf_lock);
}

void front_buffer_wipe_all(struct front *f)
{
	pthread_mutex_lock(&f->buf_lock);
	f->ends++;
	for (struct front_buffer *b = f->buffers; b; b = b->next)
		wipe(b);
	pthread_mutex_unlock(&f->buf_lock);
}

void front_buffer_free_all(struct front *f)
{
	struct front_buffer *b, *next;

	for (b = f->buffers; b; b = next) {
		next = b->next;
		buffer_free(b);
	}
	f->buffers = NULL;
}
