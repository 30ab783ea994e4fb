// SPDX-License-Identifier: Apache-2.0
/*
 * ways: try every way to get bytes out of a mounted file, each in a process of its own, and print one line a
 * way: "WAY<TAB>RESULT". RESULT is "bytes" (those of the original), "WRONG" (others), or the errno;
 * "SIGBUS" for a mapping that gives none.
 *
 *   ways PATH ORIGINAL         as it is now
 *   ways PATH ORIGINAL hold    open, read and map PATH first, print "held", wait for a line on standard
 *                              input, then also try what was held. Without an open nothing is held.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN 4096
#define OFF 8192
#define USER 65534

struct state {
	const char *path;
	int held;
	char *held_map;
	char *want, *buf; /* LEN bytes at OFF */
};

static sigjmp_buf bus;

static void on_bus(int sig)
{
	siglongjmp(bus, sig);
}

/* A descriptor's bytes. */
static ssize_t take(const struct state *s, int fd)
{
	return fd < 0 ? -1 : pread(fd, s->buf, LEN, OFF);
}
static ssize_t plain(struct state *s)
{
	return take(s, open(s->path, O_RDONLY));
}
static ssize_t vectors(struct state *s)
{
	struct iovec v[2] = {{s->buf, LEN / 2}, {s->buf + LEN / 2, LEN / 2}};
	int fd = open(s->path, O_RDONLY);

	return fd < 0 ? -1 : preadv(fd, v, 2, OFF);
}
static ssize_t touch(struct state *s, const char *map)
{
	if (sigsetjmp(bus, 1)) {
		errno = 0;
		return -1;
	}
	memcpy(s->buf, map + OFF, LEN);
	return LEN;
}
static ssize_t map(struct state *s, int flags)
{
	int fd = open(s->path, O_RDONLY);
	char *p = fd < 0 ? MAP_FAILED : mmap(NULL, OFF + LEN, PROT_READ, flags, fd, 0);

	return p == MAP_FAILED ? -1 : touch(s, p);
}
static ssize_t map_private(struct state *s)
{
	return map(s, MAP_PRIVATE);
}
static ssize_t map_shared(struct state *s)
{
	return map(s, MAP_SHARED);
}
static ssize_t send_it(struct state *s, int fd)
{
	int out = memfd_create("out", 0);
	off_t at = OFF;

	return fd < 0 || sendfile(out, fd, &at, LEN) < 0 ? -1 : pread(out, s->buf, LEN, 0);
}
static ssize_t by_sendfile(struct state *s)
{
	return send_it(s, open(s->path, O_RDONLY));
}
static ssize_t by_splice(struct state *s)
{
	int fd = open(s->path, O_RDONLY), p[2];
	loff_t at = OFF;

	return fd < 0 || pipe(p) < 0 || splice(fd, &at, p[1], NULL, LEN, 0) < 0 ?
		       -1 :
		       read(p[0], s->buf, LEN);
}
static ssize_t by_copy_range(struct state *s)
{
	int fd = open(s->path, O_RDONLY), out = open(".", O_TMPFILE | O_RDWR, 0600);
	loff_t at = OFF;

	return fd < 0 || out < 0 || copy_file_range(fd, &at, out, NULL, LEN, 0) < 0 ?
		       -1 :
		       pread(out, s->buf, LEN, 0);
}
static ssize_t direct(struct state *s)
{
	return take(s, open(s->path, O_RDONLY | O_DIRECT));
}
static ssize_t writable(struct state *s)
{
	return take(s, open(s->path, O_RDWR));
}
static ssize_t by_path_fd(struct state *s)
{
	return take(s, open(s->path, O_PATH));
}
static ssize_t reopen(struct state *s)
{
	int fd = open(s->path, O_PATH);
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return fd < 0 ? -1 : take(s, open(link, O_RDONLY));
}
static ssize_t by_handle(struct state *s)
{
	char dir[4096];
	struct {
		struct file_handle fh;
		unsigned char space[128];
	} h = {.fh.handle_bytes = 128};
	int mount;

	snprintf(dir, sizeof(dir), "%s", s->path);
	*strrchr(dir, '/') = '\0';
	if (name_to_handle_at(AT_FDCWD, s->path, &h.fh, &mount, 0) < 0)
		return -1;
	return take(s, open_by_handle_at(open(dir, O_RDONLY | O_DIRECTORY), &h.fh, O_RDONLY));
}
static ssize_t run_it(struct state *s)
{
	execl(s->path, s->path, NULL);
	return -1;
}

/* One request through io_uring, by a worker of the kernel. */
static int ring(struct io_uring_sqe ask)
{
	struct io_uring_params p = {0};
	int fd = (int)syscall(SYS_io_uring_setup, 4, &p);
	const int prot = PROT_READ | PROT_WRITE;
	struct io_uring_sqe *sqe;
	char *sq, *cq;

	if (fd < 0)
		return -1;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, prot, MAP_SHARED, fd,
		  IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), prot,
		  MAP_SHARED, fd, IORING_OFF_CQ_RING);
	sqe = mmap(NULL, p.sq_entries * sizeof(*sqe), prot, MAP_SHARED, fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || (void *)sqe == MAP_FAILED)
		return -1;
	sqe[0] = ask;
	sqe[0].flags = IOSQE_ASYNC;
	((unsigned *)(sq + p.sq_off.array))[0] = 0;
	__atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -1;
	errno = -((struct io_uring_cqe *)(cq + p.cq_off.cqes))->res;
	return errno > 0 ? -1 : -errno;
}
static ssize_t by_ring(struct state *s)
{
	struct io_uring_sqe ask = {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD};
	int fd;

	ask.addr = (uint64_t)(uintptr_t)s->path;
	fd = ring(ask);
	if (fd < 0)
		return -1;
	ask = (struct io_uring_sqe){.opcode = IORING_OP_READ, .fd = fd, .len = LEN, .off = OFF};
	ask.addr = (uint64_t)(uintptr_t)s->buf;
	return ring(ask);
}

/* A descriptor, as another user would have it who was handed it. */
static ssize_t as_user(struct state *s, int fd)
{
	return fd < 0 || setresuid(USER, USER, USER) < 0 ? -1 : take(s, fd);
}
static ssize_t handed_over(struct state *s)
{
	return as_user(s, open(s->path, O_RDONLY));
}
static ssize_t other_user(struct state *s)
{
	return setresuid(USER, USER, USER) < 0 ? -1 : plain(s);
}
static ssize_t user_namespace(struct state *s)
{
	return unshare(CLONE_NEWUSER) < 0 ? -1 : plain(s);
}
/* The kernel opens it for who listens. */
static ssize_t listener(struct state *s)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY), rc;
	struct fanotify_event_metadata m;

	if (fd < 0 || fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, s->path) < 0)
		return -1;
	rc = open(s->path, O_RDONLY);
	if (rc < 0)
		return -1;
	return read(fd, &m, sizeof(m)) < 0 ? -1 : take(s, m.fd);
}
/* What a reader has, others take from its memory. */
static ssize_t from_reader(struct state *s)
{
	int ready[2], hold[2];
	struct iovec to = {s->buf, LEN}, from = {s->buf, LEN};
	ssize_t n = -1;
	pid_t pid;

	if (pipe(ready) < 0 || pipe(hold) < 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		n = plain(s);
		n = n < 0 ? -errno : n;
		(void)!write(ready[1], &n, sizeof(n));
		close(hold[1]);
		(void)!read(hold[0], &n, 1);
		_exit(0);
	}
	(void)!read(ready[0], &n, sizeof(n));
	if (n > 0)
		n = process_vm_readv(pid, &to, 1, &from, 1, 0);
	else if (n < 0)
		errno = (int)-n, n = -1;
	close(hold[1]);
	return n;
}

/* In mounts of its own, where `at` is a tmpfs. */
static int own_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("ways", "/mnt", "tmpfs", 0, NULL) < 0)
		return -1;
	return mkdir("/mnt/at", 0755) | mkdir("/mnt/up", 0755) | mkdir("/mnt/work", 0755);
}
static ssize_t through(struct state *s, const char *dir)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s%s", dir, strrchr(s->path, '/'));
	return take(s, open(path, O_RDONLY));
}
static ssize_t bound(struct state *s)
{
	char dir[4096];

	snprintf(dir, sizeof(dir), "%s", s->path);
	*strrchr(dir, '/') = '\0';
	return own_mounts() < 0 || mount(dir, "/mnt/at", NULL, MS_BIND, NULL) < 0 ?
		       -1 :
		       through(s, "/mnt/at");
}
static ssize_t overlaid(struct state *s)
{
	char dir[4096], options[4300];

	snprintf(dir, sizeof(dir), "%s", s->path);
	*strrchr(dir, '/') = '\0';
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=/mnt/up,workdir=/mnt/work", dir);
	return own_mounts() < 0 || mount("overlay", "/mnt/at", "overlay", 0, options) < 0 ?
		       -1 :
		       through(s, "/mnt/at");
}

static ssize_t held_read(struct state *s)
{
	return take(s, s->held);
}
static ssize_t held_map(struct state *s)
{
	return s->held_map == MAP_FAILED ? (errno = EBADF, -1) : touch(s, s->held_map);
}
static ssize_t held_send(struct state *s)
{
	return send_it(s, s->held);
}
static ssize_t held_reopened(struct state *s)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", s->held);
	return take(s, open(link, O_RDONLY));
}
static ssize_t held_passed(struct state *s)
{
	return as_user(s, s->held);
}

static const struct way {
	const char *name;
	ssize_t (*run)(struct state *s);
} ways[] =
	{
		{"read", plain},
		{"readv", vectors},
		{"mmap, private", map_private},
		{"mmap, shared", map_shared},
		{"sendfile", by_sendfile},
		{"splice", by_splice},
		{"copy_file_range", by_copy_range},
		{"io_uring", by_ring},
		{"O_DIRECT", direct},
		{"O_RDWR", writable},
		{"O_PATH", by_path_fd},
		{"O_PATH, /proc/self/fd", reopen},
		{"file handle", by_handle},
		{"execute", run_it},
		{"fd passed to a user", handed_over},
		{"another user", other_user},
		{"user namespace", user_namespace},
		{"fanotify listener", listener},
		{"memory of a reader", from_reader},
		{"bind mount", bound},
		{"overlay", overlaid},
},
  held[] = {
	  {"held: read", held_read},
	  {"held: mapping", held_map},
	  {"held: sendfile", held_send},
	  {"held: /proc/self/fd", held_reopened},
	  {"held: passed to a user", held_passed},
};

static void print(const struct state *s, const char *name, ssize_t n, int why)
{
	const char *result = n < 0 ? (why ? strerrorname_np(why) : "SIGBUS") : "bytes";

	if (n >= 0 && (n == 0 || memcmp(s->buf, s->want, (size_t)n) != 0))
		result = "WRONG";
	printf("%s\t%s\n", name, result);
	fflush(stdout);
}

static void try(struct state *s, const struct way *w)
{
	pid_t pid = fork();
	ssize_t n;

	if (pid == 0) {
		alarm(20);
		memset(s->buf, 0, LEN);
		n = w->run(s);
		print(s, w->name, n, errno);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_bus};
	struct state s = {.held = -1, .held_map = MAP_FAILED};
	int fd;

	if (argc < 3)
		return 2;
	s.path = argv[1];
	s.want = malloc(LEN);
	s.buf = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (!s.want || s.buf == MAP_FAILED || pread(fd, s.want, LEN, OFF) != LEN)
		return 2;
	sigaction(SIGBUS, &sa, NULL);
	if (argc > 3) {
		s.held = open(s.path, O_RDONLY | O_CLOEXEC);
		s.held_map = mmap(NULL, OFF + LEN, PROT_READ, MAP_SHARED, s.held, 0);
		if (held_read(&s) != LEN || held_map(&s) != LEN)
			return 3;
		puts("held");
		fflush(stdout);
		getchar();
	}
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		try(&s, &ways[i]);
	for (size_t i = 0; argc > 3 && i < sizeof(held) / sizeof(held[0]); i++)
		try(&s, &held[i]);
	return 0;
}
