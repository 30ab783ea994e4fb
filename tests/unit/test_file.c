/* SPDX-License-Identifier: Apache-2.0 */
/* file: bounds, links and pipes in the place of files, replacing and creating, locks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "index/file.h"
#include "tests/lib/fixture.h"

struct place {
	char dir[FIXTURE_PATH];
	int fd;
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	fixture_dir(p->dir);
	p->fd = file_opendir(AT_FDCWD, p->dir, NULL);
	*state = p;
	return p->fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	close(p->fd);
	fixture_remove(p->dir);
	free(p);
	return 0;
}

static void put(const struct place *p, const char *name, const void *bytes, size_t n)
{
	assert_int_equal(file_replace(p->fd, name, bytes, n, 0600, NULL), 0);
}

/* The whole path of a name, until the next call. */
static const char *path_of(const struct place *p, const char *name)
{
	static char path[FIXTURE_PATH + 64];

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	return path;
}

static unsigned entries(const struct place *p)
{
	DIR *d = opendir(p->dir);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void holds(const struct place *p, const char *name, const char *text)
{
	struct wire_out out = {0};

	assert_int_equal(file_read(p->fd, name, 1 << 20, &out, NULL), 0);
	assert_int_equal(out.n, strlen(text));
	assert_memory_equal(out.p, text, out.n);
	wire_out_free(&out);
}

static void test_read_bounds(void **state)
{
	static const size_t sizes[] = {0, 1, 100, 65535, 65536, 65537, 300000};
	struct place *p = *state;
	uint8_t *bytes = malloc(300000);
	struct err e = {0};

	fixture_fill(bytes, 300000, 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const size_t n = sizes[i];
		struct wire_out out = {0};

		put(p, "f", bytes, n);
		wire_out_text(&out, "before");
		assert_int_equal(file_read(p->fd, "f", n, &out, &e), 0);
		assert_int_equal(out.n, n + 6);
		assert_memory_equal(out.p, "before", 6);
		if (n)
			assert_memory_equal(out.p + 6, bytes, n);
		assert_int_equal(file_read_path(path_of(p, "f"), n, &out, &e), 0);
		assert_int_equal(out.n, 2 * n + 6);
		if (n) {
			assert_int_equal(file_read(p->fd, "f", n - 1, &out, &e), ERR_MALFORMED);
			assert_int_equal(e.code, ERR_MALFORMED);
			assert_int_equal(file_read_path(path_of(p, "f"), n - 1, &out, &e),
					 ERR_MALFORMED);
			assert_int_equal(out.n, 2 * n + 6);
		}
		wire_out_free(&out);
	}
	free(bytes);
}

static void test_read_refuses(void **state)
{
	struct place *p = *state;
	struct wire_out out = {0};
	struct err e = {0};

	assert_int_equal(file_read(p->fd, "absent", 10, &out, &e), ERR_NOTFOUND);
	assert_non_null(strstr(e.text, "absent"));
	assert_int_equal(file_read_path(path_of(p, "absent"), 10, &out, &e), ERR_NOTFOUND);
	put(p, "f", "text", 4);
	assert_int_equal(symlinkat("f", p->fd, "link"), 0);
	assert_int_equal(file_read(p->fd, "link", 10, &out, &e), ERR_MALFORMED);
	assert_int_equal(file_mkdir(p->fd, "d", 0700, &e), 0);
	assert_int_equal(file_read(p->fd, "d", 10, &out, &e), ERR_MALFORMED);
	assert_int_equal(file_read_path(path_of(p, "d"), 10, &out, &e), ERR_MALFORMED);
	/* A FIFO that nobody writes to must not hold us up. */
	assert_int_equal(mkfifoat(p->fd, "fifo", 0600), 0);
	alarm(10);
	assert_int_equal(file_read(p->fd, "fifo", 10, &out, &e), ERR_MALFORMED);
	alarm(0);
	/* Nor one with an endless file behind it. */
	assert_int_equal(file_read_path("/dev/zero", 100000, &out, &e), ERR_MALFORMED);
	assert_int_equal(out.n, 0);
	/* But a person may name a link. */
	assert_int_equal(file_read_path(path_of(p, "link"), 4, &out, &e), 0);
	assert_int_equal(out.n, 4);
	wire_out_free(&out);
}

/* What arrives in pieces, with signals in between. */
static void test_read_pipe(void **state)
{
	struct place *p = *state;
	struct wire_out out = {0};
	int saved = dup(STDIN_FILENO), fd, status;
	pid_t child;

	assert_int_equal(mkfifoat(p->fd, "fifo", 0600), 0);
	for (int way = 0; way < 2; way++) {
		child = fork();
		if (child == 0) {
			fd = openat(p->fd, "fifo", O_WRONLY);
			for (int i = 0; i < 50; i++) {
				if (write(fd, "0123456789", 10) != 10)
					_exit(1);
				usleep(100);
			}
			_exit(0);
		}
		wire_out_reset(&out);
		if (way == 0) {
			assert_int_equal(file_read_path(path_of(p, "fifo"), 500, &out, NULL), 0);
		} else {
			fd = openat(p->fd, "fifo", O_RDONLY);
			assert_true(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
			assert_int_equal(file_read_path("-", 500, &out, NULL), 0);
			dup2(saved, STDIN_FILENO);
			close(fd);
		}
		assert_int_equal(out.n, 500);
		assert_memory_equal(out.p + 490, "0123456789", 10);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	close(saved);
	wire_out_free(&out);
}

static void test_replace(void **state)
{
	struct place *p = *state;
	struct err e = {0};
	struct stat st;

	assert_int_equal(file_replace(p->fd, "f", "old", 3, 0640, &e), 0);
	assert_int_equal(fstatat(p->fd, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777 & ~0640u, 0);
	assert_int_equal(file_replace(p->fd, "f", "newer", 5, 0600, &e), 0);
	holds(p, "f", "newer");
	assert_int_equal(file_replace(p->fd, "f", "", 0, 0600, &e), 0);
	holds(p, "f", "");
	assert_int_equal(entries(p), 1);
	/* A link is replaced, not followed. */
	assert_int_equal(symlinkat("f", p->fd, "link"), 0);
	assert_int_equal(file_replace(p->fd, "link", "text", 4, 0600, &e), 0);
	holds(p, "link", "text");
	holds(p, "f", "");
	/* In a directory below; in none; over a directory. */
	assert_int_equal(file_mkdir(p->fd, "d", 0700, &e), 0);
	assert_int_equal(file_replace(p->fd, "d/f", "deep", 4, 0600, &e), 0);
	holds(p, "d/f", "deep");
	assert_int_equal(file_replace(p->fd, "no/f", "x", 1, 0600, &e), ERR_SYSTEM);
	assert_int_equal(file_replace(p->fd, "d", "x", 1, 0600, &e), ERR_SYSTEM);
	assert_int_equal(file_replace(AT_FDCWD, path_of(p, "g"), "abs", 3, 0600, &e), 0);
	holds(p, "g", "abs");
	assert_int_equal(entries(p), 4);
}

static void test_create(void **state)
{
	struct place *p = *state;
	struct err e = {0};

	assert_int_equal(file_create(p->fd, "f", "first", 5, 0600, &e), 0);
	assert_int_equal(file_create(p->fd, "f", "second", 6, 0600, &e), ERR_EXISTS);
	holds(p, "f", "first");
	/* A dangling link is something that exists. */
	assert_int_equal(symlinkat("nowhere", p->fd, "link"), 0);
	assert_int_equal(file_create(p->fd, "link", "x", 1, 0600, &e), ERR_EXISTS);
	assert_int_equal(entries(p), 2);
}

/* Of many who create the same file, one does. */
static void test_create_race(void **state)
{
	struct place *p = *state;
	int winners = 0, status;

	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			char text = (char)('0' + i);
			int rc = file_create(p->fd, "f", &text, 1, 0600, NULL);

			_exit(rc == 0 ? 10 : rc == ERR_EXISTS ? 11 : 12);
		}
	for (int i = 0; i < 8; i++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 12);
		winners += WEXITSTATUS(status) == 10;
	}
	assert_int_equal(winners, 1);
	assert_int_equal(entries(p), 1);
}

static void test_directories(void **state)
{
	struct place *p = *state;
	struct err e = {0};
	int fd;

	assert_int_equal(file_mkdir(p->fd, "d", 0700, &e), 0);
	assert_int_equal(file_mkdir(p->fd, "d", 0700, &e), 0);
	assert_int_equal(symlinkat("d", p->fd, "link"), 0);
	assert_int_equal(file_mkdir(p->fd, "link", 0700, &e), ERR_EXISTS);
	put(p, "f", "x", 1);
	assert_int_equal(file_mkdir(p->fd, "f", 0700, &e), ERR_EXISTS);
	assert_int_equal(file_mkdir(p->fd, "no/d", 0700, &e), ERR_SYSTEM);
	fd = file_opendir(p->fd, "d", &e);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(file_sync_dir(fd, &e), 0);
	close(fd);
	assert_int_equal(file_sync_dir(AT_FDCWD, &e), 0);
	assert_int_equal(file_sync_dir(fd, &e), ERR_SYSTEM);
	assert_int_equal(file_opendir(p->fd, "absent", &e), ERR_NOTFOUND);
	assert_int_equal(file_opendir(p->fd, "link", &e), ERR_SYSTEM);
	assert_int_equal(file_opendir(p->fd, "f", &e), ERR_SYSTEM);
}

static void test_positions(void **state)
{
	struct place *p = *state;
	struct err e = {0};
	uint8_t in[1000], out[1000];
	int fd = openat(p->fd, "f", O_RDWR | O_CREAT, 0600), full;

	fixture_fill(in, sizeof(in), 2);
	assert_int_equal(file_write(fd, in, 500, &e), 0);
	assert_int_equal(file_pwrite(fd, in + 500, 500, 500, &e), 0);
	assert_int_equal(file_pread(fd, out, 1000, 0, &e), 0);
	assert_memory_equal(in, out, 1000);
	assert_int_equal(file_pread(fd, out, 10, 990, &e), 0);
	assert_memory_equal(in + 990, out, 10);
	assert_int_equal(file_pread(fd, out, 0, 5000, &e), 0);
	assert_int_equal(file_pread(fd, out, 10, 991, &e), ERR_DAMAGED);
	assert_int_equal(file_pread(fd, out, 1, 1000, &e), ERR_DAMAGED);
	/* Offsets that no file can have come from forged journals. */
	assert_int_equal(file_pread(fd, out, 1, INT64_MAX, &e), ERR_DAMAGED);
	assert_int_equal(file_pread(fd, out, 1, UINT64_MAX, &e), ERR_DAMAGED);
	assert_int_equal(file_pread(fd, out, 10, (uint64_t)INT64_MAX - 5, &e), ERR_DAMAGED);
	assert_int_equal(file_pwrite(fd, in, 1, UINT64_MAX, &e), ERR_SYSTEM);
	assert_int_equal(file_pread(-1, out, 1, 0, &e), ERR_SYSTEM);
	close(fd);
	full = open("/dev/full", O_WRONLY);
	assert_true(full >= 0);
	assert_int_equal(file_write(full, in, 1, &e), ERR_SYSTEM);
	assert_non_null(strstr(e.text, strerror(ENOSPC)));
	assert_int_equal(file_pwrite(full, in, 1, 0, &e), ERR_SYSTEM);
	close(full);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Signals without SA_RESTART, and a pipe that takes a little at a time. */
static void test_interrupted(void **state)
{
	const struct sigaction act = {.sa_handler = on_alarm}, dfl = {.sa_handler = SIG_DFL};
	const struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
	const size_t n = 1 << 20;
	uint8_t *bytes = calloc(1, n);
	int fd[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	child = fork();
	if (child == 0) {
		size_t got = 0;
		ssize_t r;

		close(fd[1]);
		while ((r = read(fd[0], bytes, 20000)) > 0) {
			got += (size_t)r;
			usleep(1000);
		}
		_exit(got == n ? 0 : 1);
	}
	close(fd[0]);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(file_write(fd[1], bytes, n, NULL), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &dfl, NULL);
	close(fd[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	free(bytes);
}

static void test_locks(void **state)
{
	struct place *p = *state;
	int a = openat(p->fd, "lock", O_RDWR | O_CREAT, 0600), b = openat(p->fd, "lock", O_RDWR);
	struct err e = {0};
	int go[2], status;
	pid_t child;
	char c;

	assert_int_equal(file_lock(a, false, true, &e), 0);
	assert_int_equal(file_lock(b, false, false, &e), 0);
	assert_int_equal(file_lock(b, true, false, &e), ERR_BUSY);
	assert_int_equal(file_lock(-1, true, false, &e), ERR_SYSTEM);
	flock(b, LOCK_UN);
	assert_int_equal(file_lock(a, true, false, &e), 0);
	assert_int_equal(file_lock(b, false, false, &e), ERR_BUSY);
	/* Waiting: the child gets it when we let go. */
	assert_int_equal(pipe(go), 0);
	child = fork();
	if (child == 0) {
		int mine = openat(p->fd, "lock", O_RDWR);

		close(a);
		close(b);
		if (file_lock(mine, true, false, NULL) != ERR_BUSY || write(go[1], "x", 1) != 1)
			_exit(1);
		_exit(file_lock(mine, true, true, NULL) == 0 ? 0 : 2);
	}
	assert_int_equal(read(go[0], &c, 1), 1);
	flock(a, LOCK_UN);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(go[0]);
	close(go[1]);
	close(a);
	close(b);
}

/* Another process holds it for a moment, or for longer than we wait. */
static void test_lock_soon(void **state)
{
	struct place *p = *state;
	const struct timespec moment = {.tv_nsec = 200000000};
	int fd = openat(p->fd, "lock", O_RDWR | O_CREAT, 0600), ready[2], status;
	struct err e = {0};
	pid_t child;
	char c;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		int mine = openat(p->fd, "lock", O_RDWR);

		if (file_lock(mine, true, false, NULL) != 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		nanosleep(&moment, NULL);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(file_lock_soon(fd, 0, &e), ERR_BUSY);
	assert_int_equal(file_lock_soon(fd, 40, &e), ERR_BUSY);
	assert_int_equal(file_lock_soon(fd, 20000, &e), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(file_lock_soon(-1, 20000, &e), ERR_SYSTEM);
	close(ready[0]);
	close(ready[1]);
	close(fd);
}

#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(test_read_bounds),
		WITH_PLACE(test_read_refuses),
		WITH_PLACE(test_read_pipe),
		WITH_PLACE(test_replace),
		WITH_PLACE(test_create),
		WITH_PLACE(test_create_race),
		WITH_PLACE(test_directories),
		WITH_PLACE(test_positions),
		cmocka_unit_test(test_interrupted),
		WITH_PLACE(test_locks),
		WITH_PLACE(test_lock_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
