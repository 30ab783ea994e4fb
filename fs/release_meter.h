/* SPDX-License-Identifier: Apache-2.0 */
/*
 * release_meter: what has been used of the budgets of one release. The log has the last word: it tells
 * of all processes of the node that serve the release. To it is added what this process has used and
 * the log, as far as it was read, has not: opens on their way to it, and bytes of handles that it knows
 * as open, of which it says no more than that all may have been read.
 *
 * Thread rule: any function from any thread, on one meter at once; init and free by one.
 */
#ifndef CUSTODY_FS_RELEASE_METER_H
#define CUSTODY_FS_RELEASE_METER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "index/event.h"

#define RELEASE_METER_BUCKETS 64u

struct release_use;

struct release_meter {
	uint64_t max_opens, max_bytes;			   /* 0: no limit */
	pthread_mutex_t lock;				   /* guards the rest */
	uint64_t opens, bytes;				   /* used, all told */
	struct release_use *bucket[RELEASE_METER_BUCKETS]; /* by handle */
};

/* opens and bytes: what the log says was used. */
void release_meter_init(struct release_meter *m, uint64_t max_opens, uint64_t max_bytes,
			uint64_t opens, uint64_t bytes);
void release_meter_free(struct release_meter *m);
/* Is there a limit at all? Only then is it followed who uses how much. */
bool release_meter_limited(const struct release_meter *m);

/* One more open, of an item of `size` bytes, by a handle that is new to this process. ERR_BUDGET, and
 * nothing is charged; ERR_NOMEM. */
int release_meter_open(struct release_meter *m, uint64_t handle, uint64_t size);
/* The handle's `opened` will not be logged: it is as if it had never been charged. */
void release_meter_cancel(struct release_meter *m, uint64_t handle);
/* n more bytes by a handle, whole or not at all: ERR_BUDGET. ERR_NOTFOUND: no such handle is open. What
 * a handle reads is charged up to the size of its item: then it has read all there is, and other processes,
 * which count an open item whole, never count too little. */
int release_meter_bytes(struct release_meter *m, uint64_t handle, uint64_t n);
/* An `opened` or `closed` of this process is in the log, as line ev->seq. */
void release_meter_logged(struct release_meter *m, const struct event *ev);
/* The first `lines` lines of the log say that so much was used, where an item that is open counts whole. */
void release_meter_note(struct release_meter *m, uint64_t lines, uint64_t opens, uint64_t bytes);
/* 0, or ERR_BUDGET: more has been used than may be, because others have used it, too. */
int release_meter_over(struct release_meter *m);
void release_meter_used(struct release_meter *m, uint64_t *opens, uint64_t *bytes);

#endif
