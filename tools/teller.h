/* SPDX-License-Identifier: Apache-2.0 */
/*
 * teller: whom a mount tells how it is going: the terminal until it is ready, the operator's log, and
 * the service manager that has started it, if one has.
 *
 * Thread rule: one thread opens, readies and closes; teller_put() and teller_ending() by any.
 */
#ifndef CUSTODY_TOOLS_TELLER_H
#define CUSTODY_TOOLS_TELLER_H

#include <stdbool.h>

#include "tools/notify.h"
#include "tools/syslogger.h"

struct teller {
	const char *mount;
	int null; /* /dev/null, opened while it can be */
	bool to_stderr, to_log;
	struct syslogger log;
	struct notify notify;
};

/* mount, the mount point, is borrowed. foreground: standard error stays the place for messages, unless
 * it leads to the journal anyway. */
void teller_open(struct teller *t, bool foreground, const char *mount);
void teller_close(struct teller *t);
/* One line. What is bad is the state that the service manager shows, too. */
void teller_put(struct teller *t, enum message m, const char *line);
/* One line for the log alone. */
void teller_note(struct teller *t, enum message m, const char *line);
/* The mount answers. */
void teller_ready(struct teller *t);
/* Nothing goes to standard error any more. */
void teller_leave_terminal(struct teller *t);
void teller_ending(struct teller *t);

#endif
