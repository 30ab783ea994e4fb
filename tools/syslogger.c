// SPDX-License-Identifier: Apache-2.0
#include "tools/syslogger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "crypto/wire.h"

/* NAME=value, or, where a line feed would end the value: NAME, its length as 64 bits little-endian, and
 * the bytes. */
static void field(struct wire_out *w, const char *name, const char *value)
{
	size_t n = strlen(value);

	wire_out_bytes(w, name, strlen(name));
	if (strchr(value, '\n')) {
		wire_out_u8(w, '\n');
		for (unsigned i = 0; i < 64; i += 8)
			wire_out_u8(w, (uint8_t)((uint64_t)n >> i));
	} else {
		wire_out_u8(w, '=');
	}
	wire_out_bytes(w, value, n);
	wire_out_u8(w, '\n');
}

static void number(struct wire_out *w, const char *name, int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	field(w, name, text);
}

void syslogger_open(struct syslogger *l, const char *socket_path, const char *mount)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = strlen(socket_path);

	*l = (struct syslogger){.fd = -1, .mount = mount};
	/* opened now: a daemon that confines itself finds no way there later */
	openlog("custodyfs", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	tzset();
	if (n >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, socket_path, n);
	l->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (l->fd >= 0 && connect(l->fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		syslogger_close(l);
}

void syslogger_close(struct syslogger *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

void syslogger_put(const struct syslogger *l, enum message m, const char *line)
{
	struct wire_out w = {0};
	bool sent = false;

	if (l->fd >= 0) {
		field(&w, "MESSAGE", line);
		field(&w, "MESSAGE_ID", message_id(m));
		number(&w, "PRIORITY", message_level(m));
		number(&w, "SYSLOG_FACILITY", LOG_FAC(LOG_DAEMON));
		field(&w, "SYSLOG_IDENTIFIER", "custodyfs");
		number(&w, "SYSLOG_PID", (int)getpid());
		field(&w, "CUSTODY_MESSAGE", message_name(m));
		field(&w, "CUSTODY_MOUNT", l->mount);
		sent = wire_out_ok(&w) &&
		       send(l->fd, w.p, w.n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)w.n;
	}
	wire_out_free(&w);
	if (!sent)
		syslog(message_level(m), "%s", line);
}

bool syslogger_is_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uint64_t dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%" SCNu64 ":%" SCNu64, &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}
