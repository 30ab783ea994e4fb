// SPDX-License-Identifier: Apache-2.0
#include "tools/unmounter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fs/mountpoint.h"

/* Nothing of the daemon's is kept: a pipe that stays open would hold up whoever reads from it. */
static bool leave_all(int fd)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0u, 0) < 0)
		return false;
	return setsid() >= 0 && chdir("/") == 0;
}

/* Its whole life. An answer is one byte, the code's absolute value. */
static _Noreturn void serve(int fd, const char *mountpoint)
{
	unsigned char word;
	ssize_t n;

	/* The daemon's end is its end, not a signal to the group of both. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (!leave_all(fd))
		_exit(1);
	for (;;) {
		n = recv(STDIN_FILENO, &word, 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != 1)
			_exit(0);
		word = (unsigned char)-mountpoint_unmount(mountpoint, NULL);
		if (send(STDIN_FILENO, &word, 1, MSG_NOSIGNAL) != 1)
			_exit(0);
	}
}

int unmounter_start(const char *mountpoint, struct err *e)
{
	int fd[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return err_sys(e, "can't start the process that unmounts");
	pid = fork();
	if (pid == 0)
		serve(fd[1], mountpoint);
	close(fd[1]);
	if (pid > 0)
		return fd[0];
	close(fd[0]);
	return err_sys(e, "can't start the process that unmounts");
}

int unmounter_ask(int fd)
{
	unsigned char word = 1;
	ssize_t n;

	if (send(fd, &word, 1, MSG_NOSIGNAL) != 1)
		return ERR_SYSTEM;
	do
		n = recv(fd, &word, 1, 0);
	while (n < 0 && errno == EINTR);
	return n == 1 ? -(int)word : ERR_SYSTEM;
}
