// SPDX-License-Identifier: Apache-2.0
/*
 * Plaintext the kernel keeps. For each release: the inodes that were opened under it. When it ends,
 * a thread of its own has the kernel drop their pages and mappings: notify_inval_inode waits for
 * reads in flight and deadlocks inside a request, so nothing here is called with a lock held.
 */
#include "fs/front_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct ino_set {
	uint64_t *slot; /* open addressing; 0 is free */
	size_t cap, n;
};

struct release_pages {
	struct release_pages *next;
	uint8_t release[16];
	struct ino_set set;
};

struct front_pages {
	struct release_pages *list;
	struct ino_set queue; /* to be dropped */
	bool busy;	      /* the thread works on inodes it took */
	bool stop;
	pthread_cond_t more, idle;
};

static size_t slot_of(uint64_t ino, size_t cap)
{
	return (size_t)(ino * 0x9e3779b97f4a7c15u) & (cap - 1);
}

static void insert(struct ino_set *s, uint64_t ino)
{
	size_t i = slot_of(ino, s->cap);

	while (s->slot[i] && s->slot[i] != ino)
		i = (i + 1) & (s->cap - 1);
	if (!s->slot[i]) {
		s->slot[i] = ino;
		s->n++;
	}
}

static int set_add(struct ino_set *s, uint64_t ino)
{
	struct ino_set bigger = {0};

	if (s->cap < 2 * (s->n + 1)) {
		bigger.cap = s->cap ? s->cap * 2 : 64;
		bigger.slot = calloc(bigger.cap, sizeof(*bigger.slot));
		if (!bigger.slot)
			return ERR_NOMEM;
		for (size_t i = 0; i < s->cap; i++) {
			if (s->slot[i])
				insert(&bigger, s->slot[i]);
		}
		free(s->slot);
		*s = bigger;
	}
	insert(s, ino);
	return 0;
}

static void set_free(struct ino_set *s)
{
	free(s->slot);
	memset(s, 0, sizeof(*s));
}

int front_pages_new(struct front *f, struct err *e)
{
	pthread_condattr_t ca;
	struct front_pages *p = calloc(1, sizeof(*p));

	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory");
	pthread_condattr_init(&ca);
	pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
	pthread_cond_init(&p->more, NULL);
	pthread_cond_init(&p->idle, &ca);
	pthread_condattr_destroy(&ca);
	f->pages = p;
	return 0;
}

void front_pages_free(struct front *f)
{
	struct front_pages *p = f->pages;
	struct release_pages *r, *next;

	if (!p)
		return;
	for (r = p->list; r; r = next) {
		next = r->next;
		set_free(&r->set);
		free(r);
	}
	set_free(&p->queue);
	pthread_cond_destroy(&p->more);
	pthread_cond_destroy(&p->idle);
	free(p);
	f->pages = NULL;
}

static struct release_pages *find(struct front_pages *p, const uint8_t release[16])
{
	struct release_pages *r;

	for (r = p->list; r; r = r->next) {
		if (!memcmp(r->release, release, 16))
			return r;
	}
	return NULL;
}

int front_pages_note(struct front *f, const uint8_t release[16], uint64_t ino)
{
	struct front_pages *p = f->pages;
	struct release_pages *r;
	int rc = 0;

	pthread_mutex_lock(&f->pages_lock);
	r = find(p, release);
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (r) {
			memcpy(r->release, release, 16);
			r->next = p->list;
			p->list = r;
		}
	}
	rc = r ? set_add(&r->set, ino) : ERR_NOMEM;
	pthread_mutex_unlock(&f->pages_lock);
	return rc;
}

/* The set stays with its release: an open that raced with the end is found by the next drop. */
static void queue_set(struct front_pages *p, const struct ino_set *s)
{
	for (size_t i = 0; i < s->cap; i++) {
		/* Without memory the inode is dropped when the mount ends; its key is gone already. */
		if (s->slot[i] && set_add(&p->queue, s->slot[i]) < 0)
			break;
	}
	pthread_cond_signal(&p->more);
}

void front_pages_drop(struct front *f, const uint8_t release[16])
{
	struct release_pages *r;

	pthread_mutex_lock(&f->pages_lock);
	r = find(f->pages, release);
	if (r)
		queue_set(f->pages, &r->set);
	pthread_mutex_unlock(&f->pages_lock);
}

void front_pages_drop_all(struct front *f)
{
	struct release_pages *r;

	pthread_mutex_lock(&f->pages_lock);
	for (r = f->pages->list; r; r = r->next)
		queue_set(f->pages, &r->set);
	pthread_mutex_unlock(&f->pages_lock);
}

bool front_pages_wait(struct front *f, int timeout_ms)
{
	struct front_pages *p = f->pages;
	struct timespec until;
	bool idle;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (timeout_ms % 1000) * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_mutex_lock(&f->pages_lock);
	while ((p->queue.n || p->busy) && rc == 0)
		rc = pthread_cond_timedwait(&p->idle, &f->pages_lock, &until);
	idle = !p->queue.n && !p->busy;
	pthread_mutex_unlock(&f->pages_lock);
	return idle;
}

static void drop(struct front *f, const struct ino_set *s)
{
	for (size_t i = 0; i < s->cap; i++) {
		if (s->slot[i])
			fuse_lowlevel_notify_inval_inode(f->se, s->slot[i], 0, 0);
	}
}

void *front_pages_thread(void *front)
{
	struct front *f = front;
	struct front_pages *p = f->pages;
	struct ino_set work;

	pthread_mutex_lock(&f->pages_lock);
	for (;;) {
		while (!p->queue.n && !p->stop)
			pthread_cond_wait(&p->more, &f->pages_lock);
		if (!p->queue.n)
			break;
		work = p->queue;
		memset(&p->queue, 0, sizeof(p->queue));
		p->busy = true;
		pthread_mutex_unlock(&f->pages_lock);
		drop(f, &work);
		set_free(&work);
		pthread_mutex_lock(&f->pages_lock);
		p->busy = false;
		if (!p->queue.n)
			pthread_cond_broadcast(&p->idle);
	}
	pthread_mutex_unlock(&f->pages_lock);
	return NULL;
}

void front_pages_stop(struct front *f)
{
	pthread_mutex_lock(&f->pages_lock);
	f->pages->stop = true;
	pthread_cond_broadcast(&f->pages->more);
	pthread_mutex_unlock(&f->pages_lock);
}
