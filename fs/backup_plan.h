/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_plan: which segments the lines of the journals name, how long they must be, and what is to be
 * in them by its digest. Memory grows by 80 bytes an item that is new.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_FS_BACKUP_PLAN_H
#define CUSTODY_FS_BACKUP_PLAN_H

#include "fs/backup_state.h"
#include "index/event.h"

struct backup_plan {
	struct backup_frame *frame; /* owned; by segment and offset once it is sorted */
	struct backup_held *held;   /* owned; by id, and each once, once it is sorted */
	size_t frames, helds;
};

void backup_plan_free(struct backup_plan *p); /* zeroed is fine */
/* What a line names, if it names anything. ERR_NOMEM; ERR_MALFORMED: no file has such a place. */
int backup_plan_event(struct backup_plan *p, const struct event *ev);
/* What was known before. ERR_NOMEM. */
int backup_plan_state(struct backup_plan *p, const struct backup_state *s);
void backup_plan_sort(struct backup_plan *p);
/* The frames of a segment: *n of them; NULL if there is none. The plan is sorted. */
const struct backup_frame *backup_plan_frames(const struct backup_plan *p, const uint8_t id[16],
					      size_t *n);

#endif
