// SPDX-License-Identifier: Apache-2.0
/*
 * grab: try to get bytes out of a file in every way Linux offers. Reads commands from stdin, one a
 * line, and answers each with one line: "ok N" (N bytes got) or "err ENAME". State (an open file, a
 * mapping) stays between commands, so that a test can let a release end in between.
 *
 *   open PATH | openrw PATH | opentrunc PATH | opendirect PATH | openpath PATH | reopen | close
 *   read OFF LEN | readv OFF LEN | mmap shared|private | touch OFF | sendfile OFF LEN
 *   splice OFF LEN | copyrange OFF LEN | handle PATH | uid N | pass OFF LEN | uring PATH
 *   open32 PATH (as a 32-bit program without large files does)
 *   save FILE (what the last read got is written there) | quit
 *
 * `pass` sends the descriptor to a child that runs as uid 65534 and reads there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUF (4u << 20)

struct state {
	int fd;
	char *map;
	size_t map_len;
	char *buf;
	size_t got;
};

/* A fault on a mapping whose page was refused, or a call that this kernel does not know. Only a handler
 * can catch it. */
static sigjmp_buf bus;

static void on_bus(int sig)
{
	siglongjmp(bus, sig);
}

static void answer(ssize_t n)
{
	if (n < 0)
		printf("err %s\n", strerrorname_np(errno));
	else
		printf("ok %zd\n", n);
	fflush(stdout);
}

static ssize_t keep(struct state *s, ssize_t n)
{
	s->got = n > 0 ? (size_t)n : 0;
	return n;
}

static ssize_t do_open(struct state *s, const char *path, int flags)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = open(path, flags | O_CLOEXEC);
	return s->fd < 0 ? -1 : 0;
}

/* The same file again through /proc, which asks the gate once more. */
static ssize_t do_reopen(struct state *s)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	close(s->fd);
	s->fd = fd;
	return 0;
}

static ssize_t do_readv(struct state *s, off_t off, size_t len)
{
	struct iovec v[2] = {{s->buf, len / 2}, {s->buf + len / 2, len - len / 2}};

	return preadv(s->fd, v, 2, off);
}

static ssize_t do_mmap(struct state *s, int flags)
{
	struct stat st;

	if (s->map)
		munmap(s->map, s->map_len);
	s->map = NULL;
	if (fstat(s->fd, &st) < 0)
		return -1;
	s->map_len = (size_t)st.st_size;
	s->map = mmap(NULL, s->map_len, PROT_READ, flags, s->fd, 0);
	if (s->map == MAP_FAILED) {
		s->map = NULL;
		return -1;
	}
	return (ssize_t)s->map_len;
}

static ssize_t do_touch(struct state *s, off_t off)
{
	volatile char c;

	if (!s->map || (size_t)off >= s->map_len) {
		errno = EINVAL;
		return -1;
	}
	if (sigsetjmp(bus, 1)) {
		errno = EFAULT; /* SIGBUS */
		return -1;
	}
	c = s->map[off];
	s->buf[0] = c;
	return 1;
}

static ssize_t do_sendfile(struct state *s, off_t off, size_t len)
{
	int out = memfd_create("out", MFD_CLOEXEC);
	ssize_t n = sendfile(out, s->fd, &off, len);
	int saved = errno;

	if (n > 0)
		n = pread(out, s->buf, (size_t)n, 0);
	close(out);
	errno = saved;
	return n;
}

static ssize_t do_splice(struct state *s, off_t off, size_t len)
{
	loff_t at = off;
	int p[2], saved;
	ssize_t n;

	if (pipe(p) < 0)
		return -1;
	n = splice(s->fd, &at, p[1], NULL, len > 65536 ? 65536 : len, 0);
	saved = errno;
	if (n > 0)
		n = read(p[0], s->buf, (size_t)n);
	close(p[0]);
	close(p[1]);
	errno = saved;
	return n;
}

static ssize_t do_copyrange(struct state *s, off_t off, size_t len)
{
	FILE *tmp = tmpfile();
	loff_t at = off;
	ssize_t n;
	int saved;

	if (!tmp)
		return -1;
	n = copy_file_range(s->fd, &at, fileno(tmp), NULL, len, 0);
	saved = errno;
	if (n > 0)
		n = pread(fileno(tmp), s->buf, (size_t)n, 0);
	fclose(tmp);
	errno = saved;
	return n;
}

static ssize_t do_handle(struct state *s, const char *path)
{
	struct {
		struct file_handle fh;
		unsigned char space[128];
	} h = {.fh.handle_bytes = 128};
	char parent[4096];
	int mount_id, dir;

	if (name_to_handle_at(AT_FDCWD, path, &h.fh, &mount_id, 0) < 0)
		return -1;
	snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = '\0';
	dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* O_PATH would not do */
	if (s->fd >= 0)
		close(s->fd);
	s->fd = open_by_handle_at(dir, &h.fh, O_RDONLY | O_CLOEXEC);
	close(dir);
	return s->fd < 0 ? -1 : 0;
}

static void child_read(int sock, off_t off, size_t len)
{
	char control[CMSG_SPACE(sizeof(int))], byte, *buf = malloc(len);
	struct iovec io = {&byte, 1};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = -1;
	int fd;

	if (setresuid(65534, 65534, 65534) == 0 && recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m)) {
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
		n = pread(fd, buf, len, off);
	}
	answer(n);
	free(buf);
	_exit(0);
}

static void do_pass(struct state *s, off_t off, size_t len)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec io = {&byte, 1};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int sock[2];
	pid_t pid;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &s->fd, sizeof(int));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sock) < 0) {
		answer(-1);
		return;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		child_read(sock[1], off, len);
	sendmsg(sock[0], &m, 0);
	waitpid(pid, NULL, 0);
	close(sock[0]);
	close(sock[1]);
}

/* One OPENAT through io_uring, which a kernel worker may carry out. */
static ssize_t do_uring(struct state *s, const char *path)
{
	struct io_uring_params p = {0};
	int ring = (int)syscall(SYS_io_uring_setup, 4, &p);
	struct io_uring_sqe *sqe;
	char *sq, *cq;
	unsigned *tail, *head, *ctail, mask, idx;
	struct io_uring_cqe *cqe;

	if (ring < 0)
		return -1;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*cqe), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_CQ_RING);
	sqe = mmap(NULL, p.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || (void *)sqe == MAP_FAILED)
		return -1;
	tail = (unsigned *)(sq + p.sq_off.tail);
	mask = *(unsigned *)(sq + p.sq_off.ring_mask);
	idx = *tail & mask;
	memset(&sqe[idx], 0, sizeof(*sqe));
	sqe[idx].opcode = IORING_OP_OPENAT;
	sqe[idx].fd = AT_FDCWD;
	sqe[idx].addr = (uint64_t)(uintptr_t)path;
	sqe[idx].open_flags = O_RDONLY | O_CLOEXEC;
	sqe[idx].flags = IOSQE_ASYNC;
	((unsigned *)(sq + p.sq_off.array))[idx] = idx;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -1;
	head = (unsigned *)(cq + p.cq_off.head);
	ctail = (unsigned *)(cq + p.cq_off.tail);
	if (*head == __atomic_load_n(ctail, __ATOMIC_ACQUIRE)) {
		errno = EIO;
		return -1;
	}
	cqe = (struct io_uring_cqe *)(cq + p.cq_off.cqes) +
	      (*head & *(unsigned *)(cq + p.cq_off.ring_mask));
	close(ring);
	if (cqe->res < 0) {
		errno = -cqe->res;
		return -1;
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = cqe->res;
	return 0;
}

/* The i386 system call, whose flags lack O_LARGEFILE: the file system sees none at all. */
static ssize_t do_open32(struct state *s, const char *path)
{
#ifdef __x86_64__
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	volatile long rc = 5; /* __NR_open */

	if (low == MAP_FAILED)
		return -1;
	if (sigsetjmp(bus, 1)) {
		munmap(low, 4096);
		errno = ENOSYS; /* SIGSEGV: the kernel was built or started without such calls */
		return -1;
	}
	snprintf(low, 4096, "%s", path);
	__asm__ volatile("int $0x80"
			 : "+a"(rc)
			 : "b"((unsigned)(uintptr_t)low), "c"(0), "d"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	munmap(low, 4096);
	rc = (int)rc;
	if (rc < 0) {
		errno = (int)-rc;
		return -1;
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = (int)rc;
	return 0;
#else
	(void)s, (void)path;
	errno = ENOSYS;
	return -1;
#endif
}

static ssize_t do_save(const struct state *s, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n = fd < 0 ? -1 : write(fd, s->buf, s->got);

	if (fd >= 0)
		close(fd);
	return n;
}

static bool run(struct state *s, char *line)
{
	char *save = NULL, *verb = strtok_r(line, " \n", &save), *a = strtok_r(NULL, " \n", &save),
	     *b = strtok_r(NULL, " \n", &save);
	off_t off = a ? atoll(a) : 0;
	size_t len = b ? (size_t)atoll(b) : 0;

	if (len > BUF)
		len = BUF;
	if (!verb || !strcmp(verb, "quit"))
		return false;
	if (!strcmp(verb, "open"))
		answer(do_open(s, a, O_RDONLY));
	else if (!strcmp(verb, "openrw"))
		answer(do_open(s, a, O_RDWR));
	else if (!strcmp(verb, "opentrunc"))
		answer(do_open(s, a, O_RDONLY | O_TRUNC));
	else if (!strcmp(verb, "opendirect"))
		answer(do_open(s, a, O_RDONLY | O_DIRECT));
	else if (!strcmp(verb, "openpath"))
		answer(do_open(s, a, O_PATH));
	else if (!strcmp(verb, "reopen"))
		answer(do_reopen(s));
	else if (!strcmp(verb, "close"))
		answer(close(s->fd)), s->fd = -1;
	else if (!strcmp(verb, "read"))
		answer(keep(s, pread(s->fd, s->buf, len, off)));
	else if (!strcmp(verb, "readv"))
		answer(keep(s, do_readv(s, off, len)));
	else if (!strcmp(verb, "mmap"))
		answer(do_mmap(s, a && !strcmp(a, "shared") ? MAP_SHARED : MAP_PRIVATE));
	else if (!strcmp(verb, "touch"))
		answer(do_touch(s, off));
	else if (!strcmp(verb, "sendfile"))
		answer(keep(s, do_sendfile(s, off, len)));
	else if (!strcmp(verb, "splice"))
		answer(keep(s, do_splice(s, off, len)));
	else if (!strcmp(verb, "copyrange"))
		answer(keep(s, do_copyrange(s, off, len)));
	else if (!strcmp(verb, "handle"))
		answer(do_handle(s, a));
	else if (!strcmp(verb, "uid"))
		answer(setresuid((uid_t)off, (uid_t)off, (uid_t)off));
	else if (!strcmp(verb, "pass"))
		do_pass(s, off, len);
	else if (!strcmp(verb, "uring"))
		answer(do_uring(s, a));
	else if (!strcmp(verb, "open32"))
		answer(do_open32(s, a));
	else if (!strcmp(verb, "save"))
		answer(do_save(s, a));
	else
		printf("err UNKNOWN\n"), fflush(stdout);
	return true;
}

int main(void)
{
	struct sigaction sa = {.sa_handler = on_bus};
	struct state s = {.fd = -1};
	char line[4096];

	s.buf = aligned_alloc(4096, BUF);
	if (!s.buf)
		return 1;
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	while (fgets(line, sizeof(line), stdin) && run(&s, line))
		;
	free(s.buf);
	return 0;
}
