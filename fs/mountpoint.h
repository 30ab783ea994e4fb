/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountpoint: is this directory fit to be mounted on? Reads mountinfo; never touches a FUSE mount
 * more than it must, since a dead or own one would hang or fail.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_MOUNTPOINT_H
#define CUSTODY_FS_MOUNTPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

#define MOUNTPOINT_TYPE "fuse.custodyfs"

struct mountpoint_info {
	char type[64];	  /* "fuse.custodyfs" */
	char source[512]; /* cut if longer */
	unsigned major, minor;
	bool read_only;
};
/* What is mounted on the absolute path, the topmost. ERR_NOTFOUND if nothing. */
int mountpoint_find(const char *path, struct mountpoint_info *info, struct err *e);
/*
 * Resolve `given` to an absolute path (out, PATH_MAX bytes) and check it: an existing empty directory
 * on which nothing of ours is mounted. A dead mount of ours (ENOTCONN) is detached first, and
 * *cleared set. ERR_NOTFOUND, ERR_USAGE (not a directory, not empty), ERR_BUSY (mounted already).
 */
int mountpoint_prepare(const char *given, char *out, bool *cleared, struct err *e);
/* Unmount an absolute path, unless something there is in use: a file or folder is open, or some process
 * works in it (ERR_BUSY). ERR_NOTFOUND: no mount of ours lies there on top. */
int mountpoint_unmount(const char *path, struct err *e);
/* One mount among all that there were and will be, as far as the kernel can tell them apart. */
struct mountpoint_id {
	uint64_t mount;
	unsigned major, minor;
};
/* What is mounted on the absolute path now, whoever serves it or nobody. ERR_SYSTEM. */
int mountpoint_identify(const char *path, struct mountpoint_id *id);
/* Take it away, whoever uses it, if it is still that one. */
void mountpoint_detach(const char *path, const struct mountpoint_id *id);
/* Set the kernel's readahead of the mount, in KiB. Needs root; failing is not an error. */
void mountpoint_readahead(const char *path, unsigned kib);

#endif
