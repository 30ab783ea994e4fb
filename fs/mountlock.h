/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountlock: a node has an archive mounted once. mount.lock in the node's directory of the archive is
 * locked for as long, and tells others who holds it and where.
 *
 * Thread rule: stateless.
 */
#ifndef CUSTODY_FS_MOUNTLOCK_H
#define CUSTODY_FS_MOUNTLOCK_H

#include <stdint.h>

#include "crypto/err.h"

/* Lock it, waiting at most wait_ms for a mount that is going away, and write down this process and
 * the mount point. Returns a descriptor, to be closed when the mount has ended. ERR_BUSY names the
 * holder as far as it is known. */
int mountlock_take(int dirfd, const char *mountpoint, unsigned wait_ms, struct err *e);
/* Write down as well what holds the daemon (fs/sandbox). fd is what mountlock_take returned. */
int mountlock_contained(int fd, const char *mountpoint, const char *contained, struct err *e);

struct mountlock_holder {
	uint64_t pid;
	char mountpoint[256], contained[64];
};
/* Who holds it. ERR_NOTFOUND if nobody does; what can't be read of it is empty or 0. */
int mountlock_holder(int dirfd, struct mountlock_holder *h, struct err *e);

#endif
