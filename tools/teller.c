// SPDX-License-Identifier: Apache-2.0
#include "tools/teller.h"

#include <fcntl.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

/* The service manager is told in lines, so none may end in what it is told. */
static void tell_status(const struct teller *t, const char *before, const char *what)
{
	char line[400];
	size_t n = 0;

	for (; what[n] && n + 1 < sizeof(line); n++) {
		line[n] = what[n];
		if ((unsigned char)what[n] < 0x20)
			line[n] = '?';
	}
	line[n] = '\0';
	notify_tell(&t->notify, "%sSTATUS=%s", before, line);
}

void teller_open(struct teller *t, bool foreground, const char *mount)
{
	bool journal = syslogger_is_stderr();

	t->mount = mount;
	t->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	t->to_stderr = !foreground || !journal;
	t->to_log = !foreground || journal;
	syslogger_open(&t->log, SYSLOGGER_SOCKET, mount);
	notify_open(&t->notify);
}

void teller_close(struct teller *t)
{
	notify_close(&t->notify);
	syslogger_close(&t->log);
	if (t->null >= 0)
		close(t->null);
}

void teller_note(struct teller *t, enum message m, const char *line)
{
	if (t->to_log)
		syslogger_put(&t->log, m, line);
}

void teller_put(struct teller *t, enum message m, const char *line)
{
	if (t->to_stderr)
		fprintf(stderr, "custodyfs: %s\n", line);
	teller_note(t, m, line);
	if (message_level(m) <= LOG_ERR)
		tell_status(t, "", line);
}

void teller_ready(struct teller *t)
{
	char line[400], before[48];

	snprintf(line, sizeof(line), "mounted on %s", t->mount);
	teller_note(t, MESSAGE_MOUNTED, line);
	/* who was started need not be who serves */
	snprintf(before, sizeof(before), "MAINPID=%ld\nREADY=1\n", (long)getpid());
	tell_status(t, before, line);
}

void teller_leave_terminal(struct teller *t)
{
	t->to_stderr = false;
	if (t->null < 0)
		return;
	dup2(t->null, STDIN_FILENO);
	dup2(t->null, STDOUT_FILENO);
	dup2(t->null, STDERR_FILENO);
}

void teller_ending(struct teller *t)
{
	tell_status(t, "STOPPING=1\n", "ending all releases");
}
