/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_frames: are frames of a segment file as they were logged? Also for a segment that is not in an
 * archive yet.
 *
 * Thread rule: one thread a file.
 */
#ifndef CUSTODY_FS_BACKUP_FRAMES_H
#define CUSTODY_FS_BACKUP_FRAMES_H

#include <stdint.h>

#include "fs/backup_state.h"

/* 0: this frame, or header, is there by its digest. ERR_DAMAGED: it is not. ERR_SYSTEM, ERR_NOMEM: it
 * could not be read. */
int backup_frames_check(int fd, const struct backup_frame *f, struct err *e);
/* Length of a segment's header, 0 if it has none. */
uint64_t backup_frames_header(int fd);

#endif
