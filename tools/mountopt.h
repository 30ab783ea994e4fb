/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountopt: the comma-separated list behind -o, as mount(8), fstab and systemd hand it over: what is
 * ours, what any read-only mount is anyway, and nothing else.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_TOOLS_MOUNTOPT_H
#define CUSTODY_TOOLS_MOUNTOPT_H

#include <stdbool.h>

#include "crypto/err.h"

#define MOUNTOPT_IDLE_MAX 31536000u

struct mountopt {
	bool allow_other, foreground, debug, noviews;
	unsigned idle; /* seconds */
	unsigned uid, gid;
	const char *node, *pass_file; /* into the list; NULL: not given */
};

/* Take the options of a list, which is cut up and must outlive *o; those it does not name stay as
 * they are. ERR_USAGE names the one that is wrong; *o has those before it then. */
int mountopt_parse(struct mountopt *o, char *list, struct err *e);
/* The value of idle=. ERR_USAGE. */
int mountopt_idle(const char *s, unsigned *seconds, struct err *e);

#endif
