/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify: tells a service manager how it is going: the sd_notify(3) protocol, one datagram a message.
 * Without $NOTIFY_SOCKET nothing is told.
 *
 * Thread rule: one thread; notify_tell() by any.
 */
#ifndef CUSTODY_TOOLS_NOTIFY_H
#define CUSTODY_TOOLS_NOTIFY_H

#include <stdint.h>

struct notify {
	int fd;		  /* -1: nobody listens */
	int64_t every_ms; /* how often notify_alive() tells; 0: no watchdog */
	int64_t told_ms;
};

void notify_open(struct notify *n);
void notify_close(struct notify *n);
/* Lines as in sd_notify(3), "READY=1\nSTATUS=...". */
__attribute__((format(printf, 2, 3))) void notify_tell(const struct notify *n, const char *fmt,
						       ...);
/* To be called often; tells the watchdog as often as it needs. */
void notify_alive(struct notify *n, int64_t now_ms);

#endif
