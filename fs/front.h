/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front: the mount. A station served through libfuse's low-level interface: read-only, gated in
 * OPEN and again in READ. Inode numbers are the index's own, so memory grows with what is open, not
 * with the archive.
 *
 * Lock order of the front, outermost first: refresh_lock, nodes_lock, pages_lock,
 * log_lock, buf_lock. None is
 * held while the kernel is told to drop pages, and that is never done inside a request.
 */
#ifndef CUSTODY_FS_FRONT_H
#define CUSTODY_FS_FRONT_H

#include <stdbool.h>
#include <sys/types.h>

#include "fs/message.h"
#include "fs/porter.h"
#include "fs/station.h"

struct front_options {
	const char *mountpoint; /* absolute */
	const char *source;	/* shown as the device, the archive's path */
	bool allow_other;
	uid_t uid; /* owner shown of all files */
	gid_t gid;
	unsigned threads;      /* 0: default */
	bool noviews;	       /* collections alone, no by-date, by-port, by-plate */
	bool debug;	       /* libfuse's own request trace on stderr */
	struct porter *porter; /* borrowed; must have been started for this mount point */
	const char *extra; /* more options for the kernel or libfuse, comma-separated; or NULL */
	/* Called once, when the kernel has the mount and it answers. */
	void (*ready)(void *ctx);
	/* Called once, when it begins to end: by a signal, or unmounted. */
	void (*ending)(void *ctx);
	/* One line for the log. Any thread. */
	void (*log)(void *ctx, enum message m, const char *line);
	unsigned idle_s; /* unmount when nobody has asked for anything that long; 0: never */
	void *ctx;
};

/*
 * Mount, enter the sandbox, serve until unmounted or told to end by SIGTERM, SIGINT or SIGHUP, end all releases, drop
 * all cached plaintext, unmount. The station stays the caller's. The process must not have started
 * threads yet, and is held by the sandbox from then on: only what front_run has open, or the archive and
 * the node's directory of it, can be used afterwards. 0 when it was unmounted in good order.
 */
int front_run(struct station *s, const struct front_options *opt, struct err *e);

#endif
