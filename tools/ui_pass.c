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

/* Up to the first LF or the end. */
static long read_line(int fd, char *buf, size_t cap)
{
	size_t n = 0;
	ssize_t got;

	while (n < cap) {
		got = read(fd, buf + n, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_SYSTEM;
		if (got == 0 || buf[n] == '\n')
			break;
		n++;
	}
	return n == cap || n == 0 ? ERR_PASSPHRASE : (long)n;
}

static long from_file(const char *path, bool private, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	long n;

	if (fd < 0)
		return errno == ENOENT ? ERR_NOTFOUND : ERR_SYSTEM;
	if (private && (fstat(fd, &st) < 0 || (S_ISREG(st.st_mode) && (st.st_mode & 077)))) {
		fprintf(stderr, "%s: others may read this passphrase file; run: chmod 600 '%s'\n",
			path, path);
		close(fd);
		return ERR_PASSPHRASE;
	}
	n = read_line(fd, buf, cap);
	close(fd);
	return n;
}

static long ask_once(int tty, const char *what, const char *again, char *buf, size_t cap)
{
	struct termios old, quiet;
	long n;

	if (tcgetattr(tty, &old) < 0)
		return ERR_PASSPHRASE;
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	dprintf(tty, "Passphrase for %s%s: ", what, again);
	tcsetattr(tty, TCSAFLUSH, &quiet);
	n = read_line(tty, buf, cap);
	tcsetattr(tty, TCSAFLUSH, &old);
	dprintf(tty, "\n");
	return n;
}

static long from_terminal(const char *what, bool confirm, char *buf, size_t cap)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	char again[1024];
	long n, m;

	if (tty < 0) {
		fprintf(stderr,
			"%s: a passphrase is needed and there is no terminal; use "
			"--passphrase-file, --passphrase-fd or a credential\n",
			what);
		return ERR_PASSPHRASE;
	}
	n = ask_once(tty, what, "", buf, cap);
	if (n > 0 && confirm) {
		m = ask_once(tty, what, " (again)", again, sizeof(again));
		if (m != n || memcmp(again, buf, (size_t)n) != 0) {
			dprintf(tty, "They differ.\n");
			n = ERR_PASSPHRASE;
		}
		secret_wipe(again, sizeof(again));
	}
	close(tty);
	return n;
}

long ui_passphrase(void *ctx, const char *what, bool confirm, char *buf, size_t cap)
{
	struct ui *ui = ctx;
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char path[4096];
	long n;

	if (ui->pass_file)
		return from_file(ui->pass_file, true, buf, cap);
	if (ui->pass_fd >= 0)
		return read_line(ui->pass_fd, buf, cap);
	if (dir && snprintf(path, sizeof(path), "%s/custodyfs.passphrase", dir) <
			   (int)sizeof(path)) {
		n = from_file(path, false, buf, cap);
		if (n != ERR_NOTFOUND)
			return n;
	}
	return from_terminal(what, confirm, buf, cap);
}
