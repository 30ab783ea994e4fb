/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/watch_fates.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct watch_fates {
	int fd;
	pthread_mutex_t lock; /* guards both lists */
	struct watch_fate *out;
	struct watch_fate *told, **last;
};

int watch_fates_open(struct watch_fates **out, struct err *e)
{
	struct watch_fates *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (!w)
		return err_set(e, ERR_NOMEM, "out of memory");
	pthread_mutex_init(&w->lock, NULL);
	w->last = &w->told;
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->fd < 0) {
		int rc = err_sys(e, "can't make an event descriptor");

		watch_fates_close(w);
		return rc;
	}
	*out = w;
	return 0;
}

void watch_fates_close(struct watch_fates *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int watch_fates_fd(const struct watch_fates *w)
{
	return w->fd;
}

/* ---- the list of those that are out; called with the lock held ---- */

static void link_out(struct watch_fates *w, struct watch_fate *f)
{
	f->next = w->out;
	f->prev = &w->out;
	if (f->next)
		f->next->prev = &f->next;
	w->out = f;
}

static void unlink_out(struct watch_fate *f)
{
	*f->prev = f->next;
	if (f->next)
		f->next->prev = f->prev;
	f->next = NULL;
}

struct watch_fate *watch_fates_new(struct watch_fates *w, struct spool_entry *entry,
				   const char *path)
{
	struct watch_fate *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->entry = entry;
	f->path = path;
	pthread_mutex_lock(&w->lock);
	link_out(w, f);
	pthread_mutex_unlock(&w->lock);
	return f;
}

uint64_t watch_fates_tag(const struct watch_fate *f)
{
	return (uint64_t)(uintptr_t)f;
}

void watch_fates_drop(struct watch_fates *w, struct watch_fate *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&w->lock);
	unlink_out(f);
	pthread_mutex_unlock(&w->lock);
	free(f);
}

static void told(void *ctx, uint64_t tag, enum ingest_fate fate, const struct err *why)
{
	struct watch_fate *f = (struct watch_fate *)(uintptr_t)tag;
	struct watch_fates *w = ctx;
	const uint64_t one = 1;

	f->fate = fate;
	if (why)
		f->why = *why;
	pthread_mutex_lock(&w->lock);
	unlink_out(f);
	*w->last = f;
	w->last = &f->next;
	pthread_mutex_unlock(&w->lock);
	(void)!write(w->fd, &one, sizeof(one));
}

struct ingest_teller watch_fates_teller(struct watch_fates *w)
{
	return (struct ingest_teller){told, w};
}

struct watch_fate *watch_fates_next(struct watch_fates *w)
{
	struct watch_fate *f;
	uint64_t n;

	pthread_mutex_lock(&w->lock);
	f = w->told;
	if (f) {
		w->told = f->next;
		if (!w->told)
			w->last = &w->told;
		f->next = NULL;
	} else {
		/* With the lock held: who tells next writes after this. */
		(void)!read(w->fd, &n, sizeof(n));
	}
	pthread_mutex_unlock(&w->lock);
	return f;
}

struct watch_fate *watch_fates_abandon(struct watch_fates *w)
{
	struct watch_fate *f;

	pthread_mutex_lock(&w->lock);
	f = w->out;
	if (f)
		unlink_out(f);
	pthread_mutex_unlock(&w->lock);
	return f;
}

void watch_fates_free(struct watch_fate *f)
{
	free(f);
}
