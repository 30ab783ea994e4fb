/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unmounter: a small process beside the daemon that unmounts for it. It is forked before keys are
 * opened and before the daemon gives up rights: who confines himself can't unmount any more, and
 * fusermount3 needs its set-user-id bit. It ends when the daemon has.
 *
 * Thread rule: one thread asks.
 */
#ifndef CUSTODY_TOOLS_UNMOUNTER_H
#define CUSTODY_TOOLS_UNMOUNTER_H

#include "crypto/err.h"

/* Start it for this absolute mount point. A descriptor to ask by, the caller's to close. The process
 * must not have threads yet. */
int unmounter_start(const char *mountpoint, struct err *e);
/* Have it unmount: 0, ERR_BUSY (it is in use), ERR_NOTFOUND (not mounted), ERR_SYSTEM (it is gone). */
int unmounter_ask(int fd);

#endif
