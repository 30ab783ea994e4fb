// SPDX-License-Identifier: Apache-2.0
#include "tools/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "crypto/text.h"

/* Half of what the manager waits, if it waits for this process. */
static int64_t watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t us, who;

	if (!usec || !text_u64((struct text_span){usec, strlen(usec)}, &us) || us > INT64_MAX)
		return 0;
	if (pid &&
	    (!text_u64((struct text_span){pid, strlen(pid)}, &who) || who != (uint64_t)getpid()))
		return 0;
	return (int64_t)(us / 2000);
}

void notify_open(struct notify *n)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	*n = (struct notify){.fd = -1};
	if (len < 2 || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0'; /* the abstract namespace */
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n->fd >= 0 && connect(n->fd, (const struct sockaddr *)&to,
				  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0)
		notify_close(n);
	n->every_ms = n->fd >= 0 ? watchdog_ms() : 0;
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

void notify_tell(const struct notify *n, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int len;

	if (n->fd < 0)
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len > 0)
		(void)send(n->fd, text, len < (int)sizeof(text) ? (size_t)len : sizeof(text) - 1,
			   MSG_NOSIGNAL | MSG_DONTWAIT);
}

void notify_alive(struct notify *n, int64_t now_ms)
{
	if (n->every_ms == 0 || now_ms - n->told_ms < n->every_ms)
		return;
	notify_tell(n, "WATCHDOG=1");
	n->told_ms = now_ms;
}
