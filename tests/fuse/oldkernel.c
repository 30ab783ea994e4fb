// SPDX-License-Identifier: Apache-2.0
/*
 * oldkernel: run a program as if the kernel were older.
 *
 *   oldkernel nolandlock|noseccomp|abi=N PROGRAM [ARGUMENT]...
 *
 * abi=N: the question for Landlock's version is answered by a process of ours, which lives as long as
 * the program and what it starts. Exit status 77: this kernel can't do that.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CREATE_RULESET 444
#define ASK_VERSION 1

/* nr: action, if its third argument is `third` (or whatever it is, when that is negative). */
static int filter(unsigned nr, long third, unsigned action, unsigned flags)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)third, 0,
			 (unsigned char)(third < 0 ? 0 : 1)),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(f) / sizeof(f[0]), f};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

static void answer(int listener, int abi)
{
	for (;;) {
		struct seccomp_notif ask = {0};
		struct seccomp_notif_resp say = {0};
		struct pollfd p = {.fd = listener, .events = POLLIN};

		if (poll(&p, 1, -1) < 0 || !(p.revents & POLLIN))
			_exit(0);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &ask) != 0)
			continue;
		say.id = ask.id;
		say.val = abi;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &say);
	}
}

static int send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec io = {&byte, 1};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(sock, &m, 0) == 1 ? 0 : -1;
}

static int receive_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec io = {&byte, 1};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	int fd = -1;

	if (recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static int pretend(int abi)
{
	int sock[2], fd;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sock) != 0)
		return -1;
	if (fork() == 0) {
		setsid();
		fd = receive_fd(sock[1]);
		if (fd < 0 || dup2(fd, 0) != 0)
			_exit(1);
		closefrom(1);
		answer(0, abi);
	}
	close(sock[1]);
	fd = filter(CREATE_RULESET, ASK_VERSION, SECCOMP_RET_USER_NOTIF,
		    SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (fd < 0 || send_fd(sock[0], fd) != 0)
		return -1;
	close(fd);
	close(sock[0]);
	return 0;
}

int main(int argc, char **argv)
{
	int rc = -1;

	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "nolandlock"))
		rc = filter(CREATE_RULESET, -1, SECCOMP_RET_ERRNO | ENOSYS, 0);
	else if (!strcmp(argv[1], "noseccomp"))
		rc = filter(SYS_seccomp, -1, SECCOMP_RET_ERRNO | EINVAL, 0);
	else if (!strncmp(argv[1], "abi=", 4))
		rc = pretend(atoi(argv[1] + 4));
	if (rc != 0)
		return 77;
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
