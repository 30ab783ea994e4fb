/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuseconf: what the administrator lets users mount, by /etc/fuse.conf, read as fusermount3(1) does,
 * so that a refusal can say what to do before anything is started.
 *
 * Thread rule: stateless.
 */
#ifndef CUSTODY_TOOLS_FUSECONF_H
#define CUSTODY_TOOLS_FUSECONF_H

#include "crypto/err.h"

#define FUSECONF "/etc/fuse.conf"

/* May this process mount with allow_other? 0, or ERR_USAGE. */
int fuseconf_allow_other(const char *file, struct err *e);

#endif
