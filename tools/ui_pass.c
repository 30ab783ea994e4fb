// SPDX-License-Identifier: Apache-2.0
/* Passphrases: never from arguments or the environment. */
#include "tools/ui.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "tools/askpass.h"
#include "tools/pinentry.h"

#define CREDENTIAL "custodyfs.passphrase"

/* Up to the first LF or the end; `from` names where it is read. */
static long read_line(int fd, const char *from, char *buf, size_t cap, struct err *e)
{
	size_t n = 0;
	ssize_t got;

	while (n < cap) {
		got = read(fd, buf + n, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(e, ERR_PASSPHRASE, "no passphrase can be read from %s: %s",
				       from, strerror(errno));
		if (got == 0 || buf[n] == '\n')
			break;
		n++;
	}
	if (n == 0)
		return err_set(e, ERR_PASSPHRASE, "%s is empty, or its first line is", from);
	if (n == cap)
		return err_set(e, ERR_PASSPHRASE, "the passphrase in %s is longer than %zu bytes",
			       from, cap - 1);
	return (long)n;
}

/* `private`: it must not be one that others may read. */
static long from_file(const char *path, bool private, char *buf, size_t cap, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char from[4200];
	struct stat st;
	long n;

	snprintf(from, sizeof(from), "the passphrase file %.4000s", path);
	if (fd < 0)
		return err_set(e, ERR_PASSPHRASE, "can't open %s: %s", from, strerror(errno));
	if (private && (fstat(fd, &st) < 0 || (S_ISREG(st.st_mode) && (st.st_mode & 077))))
		n = err_set(e, ERR_PASSPHRASE, "others may read %s: run 'chmod 600 %s'", from,
			    path);
	else
		n = read_line(fd, from, buf, cap, e);
	close(fd);
	return n;
}

static long from_descriptor(int fd, char *buf, size_t cap, struct err *e)
{
	char from[64];

	snprintf(from, sizeof(from), "descriptor %d (--passphrase-fd)", fd);
	return read_line(fd, from, buf, cap, e);
}

static long ask_once(int tty, const char *what, const char *again, char *buf, size_t cap,
		     struct err *e)
{
	struct termios old, quiet;
	long n;

	if (tcgetattr(tty, &old) < 0)
		return err_set(e, ERR_PASSPHRASE, "the terminal can't be told not to echo: %s",
			       strerror(errno));
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	dprintf(tty, "Passphrase for %s%s: ", what, again);
	tcsetattr(tty, TCSAFLUSH, &quiet);
	n = read_line(tty, "the terminal", buf, cap, e);
	tcsetattr(tty, TCSAFLUSH, &old);
	dprintf(tty, "\n");
	return n;
}

/* A desktop's dialogue, or what asks on the console of a machine that starts. */
static long without_terminal(const char *what, bool confirm, char *buf, size_t cap, struct err *e)
{
	long n = ERR_NOTFOUND;

	if (pinentry_is_here())
		n = pinentry_ask(what, confirm, buf, cap, e);
	if (n == ERR_NOTFOUND && askpass_is_here())
		n = askpass_ask(what, confirm, buf, cap, e);
	if (n != ERR_NOTFOUND)
		return n;
	return err_set(e, ERR_PASSPHRASE,
		       "a passphrase is needed and there is no terminal; use --passphrase-file, "
		       "--passphrase-fd or a credential, for %s",
		       what);
}

static long from_terminal(const char *what, bool confirm, char *buf, size_t cap, struct err *e)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	char again[1024];
	long n, m;

	if (tty < 0)
		return without_terminal(what, confirm, buf, cap, e);
	n = ask_once(tty, what, "", buf, cap, e);
	if (n > 0 && confirm) {
		m = ask_once(tty, what, " (again)", again, sizeof(again), e);
		if (m < 0)
			n = m;
		else if (m != n || memcmp(again, buf, (size_t)n) != 0)
			n = err_set(e, ERR_PASSPHRASE, "the two passphrases differ");
		secret_wipe(again, sizeof(again));
	}
	close(tty);
	return n;
}

long ui_passphrase(void *ctx, const char *what, bool confirm, char *buf, size_t cap, struct err *e)
{
	struct ui *ui = ctx;
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char path[4096];

	if (ui->pass_file)
		return from_file(ui->pass_file, true, buf, cap, e);
	if (ui->pass_fd >= 0)
		return from_descriptor(ui->pass_fd, buf, cap, e);
	/* systemd gives a unit other credentials too: ours need not be among them */
	if (dir && snprintf(path, sizeof(path), "%s/" CREDENTIAL, dir) < (int)sizeof(path) &&
	    (access(path, F_OK) == 0 || errno != ENOENT))
		return from_file(path, false, buf, cap, e);
	return from_terminal(what, confirm, buf, cap, e);
}
