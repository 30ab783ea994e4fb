/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syslogger: the operator's log of a daemon: systemd's journal in its native protocol, where messages have
 * ids, else syslog(3).
 *
 * Thread rule: syslogger_open() once; syslogger_put() by any thread.
 */
#ifndef CUSTODY_TOOLS_SYSLOGGER_H
#define CUSTODY_TOOLS_SYSLOGGER_H

#include <stdbool.h>

#include "fs/message.h"

#define SYSLOGGER_SOCKET "/run/systemd/journal/socket"

struct syslogger {
	int fd;		   /* -1: syslog */
	const char *mount; /* told with each message */
};

/* socket: SYSLOGGER_SOCKET, but in tests. mount is borrowed. */
void syslogger_open(struct syslogger *l, const char *socket, const char *mount);
void syslogger_close(struct syslogger *l);
/* Waits for nobody: a journal that takes nothing more is left out, and syslog has the line. */
void syslogger_put(const struct syslogger *l, enum message m, const char *line);
/* Does standard error lead to the journal (JOURNAL_STREAM of systemd.exec(5))? Then a program may as well
 * use its native protocol. */
bool syslogger_is_stderr(void);

#endif
