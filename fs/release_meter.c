/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/release_meter.h"

#include <stdlib.h>

#include "crypto/err.h"

#define NOT_LOGGED UINT64_MAX /* a seq that no line has */

struct release_use {
	struct release_use *next; /* of its bucket */
	uint64_t handle, size;
	uint64_t served;	 /* bytes that were charged; at most size */
	uint64_t opened, closed; /* seq of these lines, or NOT_LOGGED */
};

void release_meter_init(struct release_meter *m, uint64_t max_opens, uint64_t max_bytes,
			uint64_t opens, uint64_t bytes)
{
	*m = (struct release_meter){
		.max_opens = max_opens, .max_bytes = max_bytes, .opens = opens, .bytes = bytes};
	pthread_mutex_init(&m->lock, NULL);
}

void release_meter_free(struct release_meter *m)
{
	for (unsigned i = 0; i < RELEASE_METER_BUCKETS; i++) {
		while (m->bucket[i]) {
			struct release_use *u = m->bucket[i];

			m->bucket[i] = u->next;
			free(u);
		}
	}
	pthread_mutex_destroy(&m->lock);
}

bool release_meter_limited(const struct release_meter *m)
{
	return m->max_opens || m->max_bytes;
}

/* Where the pointer to a handle's use is, or would be. */
static struct release_use **place(struct release_meter *m, uint64_t handle)
{
	struct release_use **at = &m->bucket[handle % RELEASE_METER_BUCKETS];

	while (*at && (*at)->handle != handle)
		at = &(*at)->next;
	return at;
}

static void forget(struct release_use **at)
{
	struct release_use *u = *at;

	*at = u->next;
	free(u);
}

static bool fits(uint64_t used, uint64_t n, uint64_t max)
{
	return max == 0 || (used <= max && n <= max - used);
}

/* Sums end at the greatest number: who is at a budget must not come back to nothing. */
static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a == UINT64_MAX ? a : a > b ? a - b : 0;
}

int release_meter_open(struct release_meter *m, uint64_t handle, uint64_t size)
{
	struct release_use *u = release_meter_limited(m) ? calloc(1, sizeof(*u)) : NULL;
	int rc = u || !release_meter_limited(m) ? 0 : ERR_NOMEM;

	pthread_mutex_lock(&m->lock);
	if (rc == 0 && !fits(m->opens, 1, m->max_opens))
		rc = ERR_BUDGET;
	if (rc == 0) {
		m->opens = plus(m->opens, 1);
		if (u) {
			struct release_use **at = &m->bucket[handle % RELEASE_METER_BUCKETS];

			*u = (struct release_use){.next = *at,
						  .handle = handle,
						  .size = size,
						  .opened = NOT_LOGGED,
						  .closed = NOT_LOGGED};
			*at = u;
			u = NULL;
		}
	}
	pthread_mutex_unlock(&m->lock);
	free(u);
	return rc;
}

void release_meter_cancel(struct release_meter *m, uint64_t handle)
{
	struct release_use **at;

	pthread_mutex_lock(&m->lock);
	at = place(m, handle);
	if (*at) {
		m->opens = minus(m->opens, 1);
		m->bytes = minus(m->bytes, (*at)->served);
		forget(at);
	}
	pthread_mutex_unlock(&m->lock);
}

int release_meter_bytes(struct release_meter *m, uint64_t handle, uint64_t n)
{
	struct release_use *u = NULL;
	int rc = 0;

	if (!release_meter_limited(m))
		return 0;
	pthread_mutex_lock(&m->lock);
	u = *place(m, handle);
	if (!u)
		rc = ERR_NOTFOUND;
	else if (n > u->size - u->served) /* read more than once */
		n = u->size - u->served;
	if (rc == 0 && !fits(m->bytes, n, m->max_bytes))
		rc = ERR_BUDGET;
	if (rc == 0) {
		m->bytes = plus(m->bytes, n);
		u->served += n;
	}
	pthread_mutex_unlock(&m->lock);
	return rc;
}

void release_meter_logged(struct release_meter *m, const struct event *ev)
{
	struct release_use *u;

	pthread_mutex_lock(&m->lock);
	u = *place(m, ev->handle);
	if (u && ev->type == EVENT_OPENED)
		u->opened = ev->seq;
	else if (u && ev->type == EVENT_CLOSED)
		u->closed = ev->seq;
	pthread_mutex_unlock(&m->lock);
}

void release_meter_note(struct release_meter *m, uint64_t lines, uint64_t opens, uint64_t bytes)
{
	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < RELEASE_METER_BUCKETS; i++) {
		struct release_use **at = &m->bucket[i];

		while (*at) {
			struct release_use *u = *at;

			if (u->closed < lines) {
				forget(at);
				continue;
			}
			/* The log has it as open, and whole: what was read is known better here. */
			if (u->opened < lines)
				bytes = minus(bytes, u->size);
			else
				opens = plus(opens, 1);
			bytes = plus(bytes, u->served);
			at = &u->next;
		}
	}
	m->opens = opens;
	m->bytes = bytes;
	pthread_mutex_unlock(&m->lock);
}

int release_meter_over(struct release_meter *m)
{
	int rc;

	pthread_mutex_lock(&m->lock);
	rc = fits(m->opens, 0, m->max_opens) ? 0 : ERR_BUDGET;
	pthread_mutex_unlock(&m->lock);
	return rc;
}

void release_meter_used(struct release_meter *m, uint64_t *opens, uint64_t *bytes)
{
	pthread_mutex_lock(&m->lock);
	*opens = m->opens;
	*bytes = m->bytes;
	pthread_mutex_unlock(&m->lock);
}
