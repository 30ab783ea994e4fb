// SPDX-License-Identifier: Apache-2.0
/*
 * fault: for LD_PRELOAD: one system call of many goes wrong. Counted are calls about files of the test
 * (relative paths, paths that contain FAULT_DIR, and what is opened from there), in all threads and in
 * children that are forked.
 *
 *   FAULT=KIND      EIO, ENOSPC, EDQUOT, EINTR: the call fails with it, if it is one that can;
 *                   short: a read or write does the first half; ENOMEM: an allocation of memory fails
 *                   (not of libcrypto 3.0, which crashes then while it sets itself up);
 *                   fds: a call that makes a descriptor fails with EMFILE
 *   FAULT_AT=N      the N-th such call, from 1; 0: none
 *   FAULT_ON=1      and all that follow: a disk that is full stays full
 *   FAULT_COUNT=F   at the end of the process, a line "<calls> <hits>" is added to this file
 *   CLOCK_FILE=F    this file says by how many seconds the clock is wrong, each time it is asked
 */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FDS 4096
enum {
	READS = 1,
	WRITES = 2,
	MAKES = 4,
	SYNCS = 8,
	WAITS = 16,
	OPENS = 32,
	LOOKS = 64,
	MEMORY = 128
};

static struct {
	int error; /* 0: short, or none */
	unsigned kinds;
	bool half, on;
	long at;
	const char *dir, *count, *clock;
} ask;
static atomic_long *calls, *hits; /* shared with children */
static _Atomic uint8_t ours[FDS]; /* 1: of the test's files */
static bool ready;
static __thread bool inside;

#define REAL(name)                     \
	static __typeof__(name) *real; \
	if (!real)                     \
	real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static void choose(const char *kind)
{
	static const struct {
		const char *name;
		int error;
		unsigned kinds;
	} row[] = {
		{"EIO", EIO, READS | WRITES | MAKES | SYNCS | OPENS | LOOKS},
		{"ENOSPC", ENOSPC, WRITES | MAKES | SYNCS},
		{"EDQUOT", EDQUOT, WRITES | MAKES | SYNCS},
		{"EINTR", EINTR, READS | WRITES | WAITS | OPENS},
		{"ENOMEM", ENOMEM, MEMORY},
		{"fds", EMFILE, OPENS},
		{"short", 0, READS | WRITES},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		if (strcmp(row[i].name, kind) == 0) {
			ask.error = row[i].error;
			ask.kinds = row[i].kinds;
			ask.half = row[i].error == 0;
		}
	}
}

__attribute__((constructor)) static void begin(void)
{
	const char *kind = getenv("FAULT"), *at = getenv("FAULT_AT");
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	calls = p;
	hits = calls + 1;
	if (kind)
		choose(kind);
	ask.at = at ? atol(at) : 0;
	ask.on = getenv("FAULT_ON") != NULL;
	ask.dir = getenv("FAULT_DIR");
	ask.count = getenv("FAULT_COUNT");
	ask.clock = getenv("CLOCK_FILE");
	ready = true;
}

/* Programs that a program runs are not meant. */
__attribute__((constructor)) static void alone(void)
{
	unsetenv("LD_PRELOAD");
}

__attribute__((destructor)) static void end(void)
{
	char line[64];
	int fd, n;

	ready = false;
	if (!ask.count)
		return;
	n = snprintf(line, sizeof(line), "%ld %ld\n", atomic_load(calls), atomic_load(hits));
	fd = open(ask.count, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd >= 0 && write(fd, line, (size_t)n) != n)
		abort();
	if (fd >= 0)
		close(fd);
}

/* Is this the one? */
static bool now(unsigned kind)
{
	long n;

	if (!ready || !(ask.kinds & kind) || inside)
		return false;
	n = atomic_fetch_add(calls, 1) + 1;
	if (ask.at == 0 || (ask.on ? n < ask.at : n != ask.at))
		return false;
	atomic_fetch_add(hits, 1);
	errno = ask.error;
	return true;
}

static bool mine(int fd)
{
	return fd >= 0 && fd < FDS && ours[fd];
}

static bool mine_at(int dirfd, const char *path)
{
	if (path[0] == '/')
		return ask.dir && strstr(path, ask.dir);
	return dirfd == AT_FDCWD || mine(dirfd);
}

static int keep(int fd, bool is)
{
	if (fd >= 0 && fd < FDS)
		ours[fd] = is;
	return fd;
}

/* ---- opening ---- */

static bool open_fails(int dirfd, const char *path, int flags)
{
	return mine_at(dirfd, path) && now(flags & O_CREAT ? OPENS | MAKES : OPENS);
}

#define MODE_ARG                               \
	mode_t mode = 0;                       \
	if (flags & (O_CREAT | __O_TMPFILE)) { \
		va_list ap;                    \
		va_start(ap, flags);           \
		mode = va_arg(ap, mode_t);     \
		va_end(ap);                    \
	}

#define OPEN(name)                                                             \
	int name(const char *path, int flags, ...)                             \
	{                                                                      \
		REAL(name);                                                    \
		MODE_ARG                                                       \
		if (open_fails(AT_FDCWD, path, flags))                         \
			return -1;                                             \
		return keep(real(path, flags, mode), mine_at(AT_FDCWD, path)); \
	}
#define OPENAT(name)                                                               \
	int name(int dirfd, const char *path, int flags, ...)                      \
	{                                                                          \
		REAL(name);                                                        \
		MODE_ARG                                                           \
		if (open_fails(dirfd, path, flags))                                \
			return -1;                                                 \
		return keep(real(dirfd, path, flags, mode), mine_at(dirfd, path)); \
	}
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
	return open(path, flags);
}
int __openat_2(int dirfd, const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags)
{
	return openat(dirfd, path, flags);
}

DIR *opendir(const char *path)
{
	REAL(opendir);
	DIR *d = open_fails(AT_FDCWD, path, 0) ? NULL : real(path);

	if (d)
		keep(dirfd(d), mine_at(AT_FDCWD, path));
	return d;
}

int dup(int fd)
{
	REAL(dup);
	return mine(fd) && now(OPENS) ? -1 : keep(real(fd), mine(fd));
}

int pipe2(int fds[2], int flags)
{
	REAL(pipe2);
	return ask.error == EMFILE && now(OPENS) ? -1 : real(fds, flags);
}

int close(int fd)
{
	REAL(close);
	keep(fd, false);
	return real(fd);
}

/* ---- reading and writing ---- */

#define HALF(n) (ask.half ? (n) / 2 + (n) % 2 : 0)

#define TRANSFER(name, kind, args, pass_whole, pass_half, n) \
	ssize_t name args                                    \
	{                                                    \
		REAL(name);                                  \
		if (mine(fd) && (n) > 0 && now(kind)) {      \
			if (!ask.half)                       \
				return -1;                   \
			return real pass_half;               \
		}                                            \
		return real pass_whole;                      \
	}
TRANSFER(read, READS, (int fd, void *p, size_t n), (fd, p, n), (fd, p, HALF(n)), n)
TRANSFER(pread, READS, (int fd, void *p, size_t n, off_t o), (fd, p, n, o), (fd, p, HALF(n), o), n)
TRANSFER(pread64, READS, (int fd, void *p, size_t n, off_t o), (fd, p, n, o), (fd, p, HALF(n), o),
	 n)
TRANSFER(write, WRITES, (int fd, const void *p, size_t n), (fd, p, n), (fd, p, HALF(n)), n)
TRANSFER(pwrite, WRITES, (int fd, const void *p, size_t n, off_t o), (fd, p, n, o),
	 (fd, p, HALF(n), o), n)
TRANSFER(pwrite64, WRITES, (int fd, const void *p, size_t n, off_t o), (fd, p, n, o),
	 (fd, p, HALF(n), o), n)
TRANSFER(writev, WRITES, (int fd, const struct iovec *v, int n), (fd, v, n), (fd, v, HALF(n)), n)

ssize_t __read_chk(int fd, void *p, size_t n, size_t cap);
ssize_t __read_chk(int fd, void *p, size_t n, size_t cap)
{
	return n <= cap ? read(fd, p, n) : -1;
}
ssize_t __pread_chk(int fd, void *p, size_t n, off_t at, size_t cap);
ssize_t __pread_chk(int fd, void *p, size_t n, off_t at, size_t cap)
{
	return n <= cap ? pread(fd, p, n, at) : -1;
}
ssize_t __pread64_chk(int fd, void *p, size_t n, off_t at, size_t cap);
ssize_t __pread64_chk(int fd, void *p, size_t n, off_t at, size_t cap)
{
	return __pread_chk(fd, p, n, at, cap);
}

/* ---- the others, each with the descriptor or path it is about ---- */

#define CALL(type, bad, name, kind, is, args, pass)           \
	type name args                                        \
	{                                                     \
		REAL(name);                                   \
		return (is) && now(kind) ? (bad) : real pass; \
	}
#define FD_CALL(name, kind, args, pass) CALL(int, -1, name, kind, mine(fd), args, pass)
#define AT_CALL(name, kind, args, pass) CALL(int, -1, name, kind, mine_at(dir, path), args, pass)
#define PATH_CALL(name, kind, args, pass) \
	CALL(int, -1, name, kind, mine_at(AT_FDCWD, path), args, pass)

FD_CALL(fsync, SYNCS, (int fd), (fd))
FD_CALL(fdatasync, SYNCS, (int fd), (fd))
FD_CALL(syncfs, SYNCS, (int fd), (fd))
FD_CALL(flock, WAITS, (int fd, int op), (fd, op))
FD_CALL(ftruncate, WRITES, (int fd, off_t n), (fd, n))
FD_CALL(ftruncate64, WRITES, (int fd, off_t n), (fd, n))
FD_CALL(posix_fallocate, WRITES, (int fd, off_t o, off_t n), (fd, o, n))
FD_CALL(fallocate, WRITES, (int fd, int mode, off_t o, off_t n), (fd, mode, o, n))
FD_CALL(fstat, LOOKS, (int fd, struct stat *st), (fd, st))
FD_CALL(fstat64, LOOKS, (int fd, struct stat64 *st), (fd, st))
AT_CALL(fstatat, LOOKS, (int dir, const char *path, struct stat *st, int flags),
	(dir, path, st, flags))
AT_CALL(mkdirat, MAKES, (int dir, const char *path, mode_t mode), (dir, path, mode))
AT_CALL(unlinkat, MAKES, (int dir, const char *path, int flags), (dir, path, flags))
AT_CALL(renameat, MAKES, (int dir, const char *path, int d2, const char *p2), (dir, path, d2, p2))
AT_CALL(renameat2, MAKES, (int dir, const char *path, int d2, const char *p2, unsigned f),
	(dir, path, d2, p2, f))
AT_CALL(linkat, MAKES, (int dir, const char *path, int d2, const char *p2, int f),
	(dir, path, d2, p2, f))
PATH_CALL(mkdir, MAKES, (const char *path, mode_t mode), (path, mode))
PATH_CALL(rename, MAKES, (const char *path, const char *to), (path, to))
PATH_CALL(stat, LOOKS, (const char *path, struct stat *st), (path, st))
PATH_CALL(lstat, LOOKS, (const char *path, struct stat *st), (path, st))
CALL(void *, MAP_FAILED, mmap, LOOKS, mine(fd),
     (void *at, size_t n, int prot, int flags, int fd, off_t off), (at, n, prot, flags, fd, off))
CALL(int, -1, msync, SYNCS, ready, (void *p, size_t n, int flags), (p, n, flags))
CALL(struct dirent *, NULL, readdir, LOOKS, mine(dirfd(d)), (DIR * d), (d))

/* ---- memory: not through dlsym, which allocates ---- */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t k, size_t n);
void *__libc_realloc(void *p, size_t n);

static bool no_memory(const void *caller)
{
	Dl_info who;

	if (!ready || !(ask.kinds & MEMORY) || inside)
		return false;
	inside = true;
	bool skip = dladdr(caller, &who) && strstr(who.dli_fname, "libcrypto");
	inside = false;
	return !skip && now(MEMORY);
}

void *malloc(size_t n)
{
	return no_memory(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}
void *calloc(size_t k, size_t n)
{
	return no_memory(__builtin_return_address(0)) ? NULL : __libc_calloc(k, n);
}
void *realloc(void *p, size_t n)
{
	return no_memory(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}
void *reallocarray(void *p, size_t k, size_t n)
{
	size_t all;

	if (__builtin_mul_overflow(k, n, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return no_memory(__builtin_return_address(0)) ? NULL : __libc_realloc(p, all);
}

/* ---- the clock ---- */

static long shift(void)
{
	char text[32] = "";
	int saved = errno, fd;
	ssize_t n;

	if (!ask.clock)
		return 0;
	inside = true;
	fd = open(ask.clock, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (fd >= 0)
		close(fd);
	inside = false;
	errno = saved;
	return n > 0 ? atol(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	REAL(clock_gettime);
	int rc = real(id, ts);

	if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += shift();
	return rc;
}

time_t time(time_t *t)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (t)
		*t = ts.tv_sec;
	return ts.tv_sec;
}
