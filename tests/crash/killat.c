/* SPDX-License-Identifier: Apache-2.0 */
/*
 * killat N COMMAND...: run it, and kill it where it makes its Nth system call, before the kernel does
 * it. Exit 137 then, else its own status. With N 0 nothing is killed, and the number of its system
 * calls is the last line on standard error.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSCALL_STOP (SIGTRAP | 0x80)

static int start(char **argv)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		return 126;
	raise(SIGSTOP);
	execvp(argv[0], argv);
	return 127;
}

/* From stop to stop: entries and exits of system calls take turns. */
static int follow(pid_t pid, unsigned long kill_at, unsigned long *calls)
{
	int status, signal = 0;
	int inside = 0;

	while (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal) == 0 &&
	       waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		signal = WSTOPSIG(status);
		if (signal != SYSCALL_STOP) {
			if (signal == SIGTRAP) /* the exec */
				signal = 0;
			continue;
		}
		signal = 0;
		inside = !inside;
		if (!inside || ++*calls != kill_at)
			continue;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return 137;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	unsigned long kill_at, calls = 0;
	int status, rc;
	pid_t pid;

	if (argc < 3)
		return 2;
	kill_at = strtoul(argv[1], NULL, 10);
	pid = fork();
	if (pid == 0)
		_exit(start(argv + 2));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL,
		   (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) != 0) {
		perror("killat");
		return 126;
	}
	rc = follow(pid, kill_at, &calls);
	if (kill_at == 0)
		fprintf(stderr, "%lu\n", calls);
	return rc;
}
