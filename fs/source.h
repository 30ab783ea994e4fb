/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source: what is taken in: folders and single files, walked without following links, in sorted
 * order. Reading leaves the source as it is: access times too, where the system lets us.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_SOURCE_H
#define CUSTODY_FS_SOURCE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "crypto/err.h"

#define SOURCE_DEPTH_MAX \
	256 /* folders within folders; each holds a descriptor while it is walked */

/* Called for each regular file: fd is the callee's; path is relative to the source ('/'-separated;
 * a single file's own name). Non-zero stops the walk and is returned. */
typedef int source_file(void *ctx, int fd, const char *path, const struct stat *st, struct err *e);
/* Called for what is not taken: why is a sentence's end ("is a symbolic link"). lost: it is a file
 * or folder that should have been taken, but can't be (not readable, too deep, a name that a record
 * can't hold); otherwise it is none (link, device, socket), or was not to be entered. Non-zero
 * stops the walk and is returned. */
typedef int source_skip(void *ctx, const char *path, const char *why, bool lost, struct err *e);
/* Asked before a folder is entered ("" is the source itself). NULL to enter it, or why not, which
 * goes to skip. */
typedef const char *source_enter(void *ctx, const char *path, const struct stat *st);

struct source_visitor {
	source_file *file;
	source_skip *skip;
	source_enter *enter; /* may be NULL */
	void *ctx;
};

/* Walk one source. If the source itself is a link it is followed: a person named it. ERR_NOTFOUND
 * when there is no such source, ERR_SYSTEM when it can't be read, ERR_USAGE when it is neither a
 * folder nor a regular file; and what the visitor returns. */
int source_walk(const char *source, const struct source_visitor *v, struct err *e);

#endif
