// SPDX-License-Identifier: Apache-2.0
/*
 * takeover: have another process make a system call, as code that took it over could: by its own
 * thread, under its own sandbox. Prints "ok", "err ENAME" or "killed SIGNAME".
 *
 *   takeover PID read PATH | write PATH | run PATH | socket | fork | unmount PATH | signal PID
 *   exit status 77: not for this kind of machine
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

static pid_t victim;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Text below the thread's stack, past the red zone. */
static uint64_t put_text(const struct user_regs_struct *regs, const char *text)
{
	uint64_t at = (regs->rsp - 8192) & ~UINT64_C(15);
	struct iovec from = {(void *)(uintptr_t)text, strlen(text) + 1},
		     to = {(void *)(uintptr_t)at, from.iov_len};

	if (process_vm_writev(victim, &from, 1, &to, 1, 0) != (ssize_t)from.iov_len)
		die("process_vm_writev");
	return at;
}

/* The thread waits in a system call: it makes another one from the same place, and waits on. */
static void call(struct user_regs_struct regs)
{
	const struct user_regs_struct before = regs;
	int status = 0;

	ptrace(PTRACE_GETREGS, victim, NULL, (void *)&before);
	regs.rip = before.rip - 2;
	regs.orig_rax = (uint64_t)-1;
	if ((ptrace(PTRACE_PEEKTEXT, victim, (void *)(uintptr_t)regs.rip, NULL) & 0xffff) !=
	    0x050f) {
		fprintf(stderr, "the thread is not in a system call\n");
		ptrace(PTRACE_DETACH, victim, NULL, NULL);
		exit(1);
	}
	if (ptrace(PTRACE_SETREGS, victim, NULL, &regs) != 0 ||
	    ptrace(PTRACE_SINGLESTEP, victim, NULL, NULL) != 0 ||
	    waitpid(victim, &status, __WALL) < 0)
		die("ptrace");
	if (WIFSIGNALED(status)) {
		printf("killed SIG%s\n", sigabbrev_np(WTERMSIG(status)));
		return;
	}
	ptrace(PTRACE_GETREGS, victim, NULL, &regs);
	ptrace(PTRACE_SETREGS, victim, NULL, &before);
	ptrace(PTRACE_DETACH, victim, NULL, NULL);
	if ((int64_t)regs.rax < 0)
		printf("err %s\n", strerrorname_np((int)-(int64_t)regs.rax));
	else
		printf("ok\n");
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "", *arg = argc > 3 ? argv[3] : "";
	struct user_regs_struct regs;
	int status;

	victim = argc > 2 ? atoi(argv[1]) : 0;
	if (victim <= 0)
		return 2;
	if (ptrace(PTRACE_ATTACH, victim, NULL, NULL) != 0 ||
	    waitpid(victim, &status, __WALL) < 0 ||
	    ptrace(PTRACE_GETREGS, victim, NULL, &regs) != 0)
		die("ptrace");
	regs.rdi = (uint64_t)AT_FDCWD;
	regs.rsi = put_text(&regs, arg);
	regs.rdx = O_RDONLY | O_CLOEXEC;
	regs.rax = SYS_openat;
	if (!strcmp(what, "write")) {
		regs.rdx = O_WRONLY | O_CLOEXEC;
	} else if (!strcmp(what, "run")) {
		regs.rax = SYS_execve;
		regs.rdi = regs.rsi;
		regs.rsi = regs.rdx = 0;
	} else if (!strcmp(what, "unmount")) {
		regs.rax = SYS_umount2;
		regs.rdi = regs.rsi;
		regs.rsi = MNT_DETACH;
	} else if (!strcmp(what, "socket")) {
		regs.rax = SYS_socket;
		regs.rdi = AF_INET;
		regs.rsi = SOCK_STREAM;
		regs.rdx = 0;
	} else if (!strcmp(what, "fork")) {
		regs.rax = SYS_fork;
	} else if (!strcmp(what, "signal")) {
		regs.rax = SYS_kill;
		regs.rdi = (uint64_t)atoi(arg);
		regs.rsi = 0;
	}
	call(regs);
	return 0;
}

#else

int main(void)
{
	return 77;
}

#endif
