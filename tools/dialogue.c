// SPDX-License-Identifier: Apache-2.0
#include "tools/dialogue.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/err.h"

extern char **environ;

/* All else that is open here has O_CLOEXEC. Signals as a program expects them. */
static int start(pid_t *pid, int fd, char *const argv[])
{
	posix_spawn_file_actions_t act;
	posix_spawnattr_t attr;
	sigset_t none, usual;
	int rc;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGTERM);
	sigaddset(&usual, SIGHUP);
	posix_spawn_file_actions_init(&act);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &usual);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawn_file_actions_adddup2(&act, fd, STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&act, fd, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawnp(pid, argv[0], &act, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&act);
	return rc;
}

int dialogue_open(struct dialogue *d, char *const argv[])
{
	int fd[2], rc;

	*d = (struct dialogue){.fd = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return ERR_SYSTEM;
	rc = start(&d->pid, fd[1], argv);
	close(fd[1]);
	if (rc == 0) {
		d->fd = fd[0];
		return 0;
	}
	close(fd[0]);
	return rc == ENOENT ? ERR_NOTFOUND : ERR_SYSTEM;
}

bool dialogue_say(const struct dialogue *d, const char *text)
{
	size_t n = strlen(text);
	ssize_t sent;

	while (n > 0) {
		sent = send(d->fd, text, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		text += sent;
		n -= (size_t)sent;
	}
	return true;
}

long dialogue_hear(const struct dialogue *d, char *line, size_t cap)
{
	size_t n = 0;
	ssize_t got;

	while (n < cap) {
		got = recv(d->fd, line + n, 1, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 && n == 0)
			return -1;
		if (got <= 0 || line[n] == '\n') {
			line[n] = '\0';
			return (long)n;
		}
		n++;
	}
	return -1;
}

bool dialogue_close(struct dialogue *d)
{
	int status = 0;
	pid_t got;

	close(d->fd);
	d->fd = -1;
	do
		got = waitpid(d->pid, &status, 0);
	while (got < 0 && errno == EINTR);
	return got == d->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
