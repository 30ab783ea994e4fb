/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox: what a process that was taken over could still do. Each attack runs in a child that entered
 * the sandbox first, as the mount's daemon does; it says 0 for "it worked", an errno, or is ended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/sandbox.h"
#include "index/file.h"
#include "tests/lib/fixture.h"

#define KILLED 1000 /* by SIGSYS */
#define FAILED 999

struct room {
	char dir[FIXTURE_PATH];
	int top, look, change; /* dir, dir/look and dir/change */
};

static int set_up(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	fixture_dir(r->dir);
	if (fixture_run(r->dir,
			"mkdir look change; echo secret >key; echo a >look/a; echo b >change/b;"
			"ln -s ../key look/out; ln -s ../key change/out; ln key change/hard"))
		return -1;
	r->top = file_opendir(AT_FDCWD, r->dir, NULL);
	r->look = file_opendir(r->top, "look", NULL);
	r->change = file_opendir(r->top, "change", NULL);
	*state = r;
	return r->top >= 0 && r->look >= 0 && r->change >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	struct room *r = *state;

	close(r->top);
	close(r->look);
	close(r->change);
	fixture_remove(r->dir);
	free(r);
	return 0;
}

/* What comes of the attack in there: 0, an errno, KILLED. */
static int attack(const struct room *r, int (*what)(const struct room *r))
{
	int status, said[2], n = FAILED;
	pid_t pid;

	assert_int_equal(pipe(said), 0);
	pid = fork();
	if (pid == 0) {
		const struct sandbox_place place[] = {{r->look, false}, {r->change, true}};
		const struct sandbox_ask ask = {place, 2};
		struct sandbox_state state;

		if (sandbox_enter(&ask, &state, NULL) == 0)
			n = what(r);
		(void)!write(said[1], &n, sizeof(n));
		_exit(0);
	}
	close(said[1]);
	(void)!read(said[0], &n, sizeof(n));
	close(said[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return KILLED;
	assert_true(WIFEXITED(status));
	return n;
}

static int got(long rc)
{
	return rc < 0 ? errno : 0;
}

/* ---- files ---- */

static int may_read(const struct room *r)
{
	return got(openat(r->look, "a", O_RDONLY)) | got(openat(r->change, "b", O_RDONLY)) |
	       got(open(r->dir, O_PATH));
}
static int may_change(const struct room *r)
{
	int fd = openat(r->change, "new", O_RDWR | O_CREAT | O_EXCL, 0600);

	return got(fd) | got(ftruncate(fd, 10)) | got(renameat(r->change, "new", r->change, "b")) |
	       got(linkat(r->change, "b", r->change, "c", 0)) | got(unlinkat(r->change, "c", 0));
}
static int read_key(const struct room *r)
{
	return got(openat(r->top, "key", O_RDONLY));
}
static int read_passwd(const struct room *r)
{
	(void)r;
	return got(open("/etc/passwd", O_RDONLY));
}
static int read_link(const struct room *r)
{
	return got(openat(r->look, "out", O_RDONLY));
}
static int read_link_2(const struct room *r)
{
	return got(openat(r->change, "out", O_RDWR));
}
static int read_up(const struct room *r)
{
	return got(openat(r->look, "../key", O_RDONLY));
}
static int list_top(const struct room *r)
{
	return got(open(r->dir, O_RDONLY | O_DIRECTORY));
}
static int write_look(const struct room *r)
{
	return got(openat(r->look, "a", O_RDWR));
}
static int make_look(const struct room *r)
{
	return got(openat(r->look, "new", O_WRONLY | O_CREAT, 0600));
}
static int remove_look(const struct room *r)
{
	return got(unlinkat(r->look, "a", 0));
}
static int move_in(const struct room *r)
{
	return got(renameat(r->top, "key", r->change, "key"));
}
static int link_in(const struct room *r)
{
	return got(linkat(r->top, "key", r->change, "key", 0));
}
static int read_device(const struct room *r)
{
	(void)r;
	return got(open("/dev/mem", O_RDONLY)) ? EACCES : 0;
}
static int read_proc(const struct room *r)
{
	char path[64];

	(void)r;
	snprintf(path, sizeof(path), "/proc/%d/environ", getppid());
	return got(open(path, O_RDONLY));
}

static void test_files(void **state)
{
	const struct room *r = *state;
	struct sandbox_state s = {.landlock = -1};
	const struct sandbox_ask none = {NULL, 0};
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(sandbox_enter(&none, &s, NULL) == 0 && s.landlock > 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		skip(); /* this kernel has no Landlock */
	assert_int_equal(attack(r, may_read), 0);
	assert_int_equal(attack(r, may_change), 0);
	assert_int_equal(attack(r, read_key), EACCES);
	assert_int_equal(attack(r, read_passwd), EACCES);
	assert_int_equal(attack(r, read_link), EACCES);
	assert_int_equal(attack(r, read_link_2), EACCES);
	assert_int_equal(attack(r, read_up), EACCES);
	assert_int_equal(attack(r, list_top), EACCES);
	assert_int_equal(attack(r, write_look), EACCES);
	assert_int_equal(attack(r, make_look), EACCES);
	assert_int_equal(attack(r, remove_look), EACCES);
	/* EXDEV: another directory may not be moved from or to at all */
	assert_int_not_equal(attack(r, move_in), 0);
	assert_int_not_equal(attack(r, link_in), 0);
	assert_int_equal(attack(r, read_device), EACCES);
	assert_int_equal(attack(r, read_proc), EACCES);
	assert_int_equal(faccessat(r->top, "key", F_OK, 0), 0);
}

/* ---- calls ---- */

static void *nothing(void *arg)
{
	return arg;
}
static int may_thread(const struct room *r)
{
	pthread_t t;
	int rc = pthread_create(&t, NULL, nothing, NULL);

	(void)r;
	return rc ? rc : pthread_join(t, NULL);
}
static int may_signal_itself(const struct room *r)
{
	(void)r;
	signal(SIGUSR1, SIG_IGN);
	return got(raise(SIGUSR1));
}
static int run_program(const struct room *r)
{
	(void)r;
	return got(execl("/bin/true", "true", NULL));
}
static int run_memory(const struct room *r)
{
	char *const none[] = {NULL};

	return got(syscall(SYS_execveat, r->look, "a", none, none, 0));
}
static int make_process(const struct room *r)
{
	(void)r;
	return got(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}
static int open_socket(const struct room *r)
{
	(void)r;
	return got(socket(AF_INET, SOCK_STREAM, 0));
}
static int open_unix(const struct room *r)
{
	(void)r;
	return got(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int trace(const struct room *r)
{
	(void)r;
	return got(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}
static int read_memory(const struct room *r)
{
	(void)r;
	return got(process_vm_readv(getppid(), NULL, 0, NULL, 0, 0));
}
static int do_mount(const struct room *r)
{
	return got(mount("x", r->dir, "tmpfs", 0, NULL));
}
static int do_unmount(const struct room *r)
{
	return got(umount2(r->dir, MNT_DETACH));
}
static int by_handle(const struct room *r)
{
	char handle[64] = {8};

	return got(syscall(SYS_open_by_handle_at, r->look, handle, O_RDONLY));
}
static int ring(const struct room *r)
{
	char params[256] = {0};

	(void)r;
	return got(syscall(SYS_io_uring_setup, 1, params));
}
static int namespace(const struct room *r)
{
	(void)r;
	return got(unshare(CLONE_NEWUSER));
}
static int end_parent(const struct room *r)
{
	(void)r;
	return got(kill(getppid(), 0));
}
static int end_thread(const struct room *r)
{
	(void)r;
	return got(syscall(SYS_tgkill, getppid(), getppid(), 0));
}
static int run_data(const struct room *r)
{
	(void)r;
	return got(
		(long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}
static int make_runnable(const struct room *r)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)r;
	return got(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}
static int dump_again(const struct room *r)
{
	const struct rlimit all = {4096, 4096};

	(void)r;
	return got(setrlimit(RLIMIT_CORE, &all));
}
static int become(const struct room *r)
{
	(void)r;
	return got(syscall(SYS_setresuid, 0, 0, 0));
}
#ifdef __x86_64__
static int old_calls(const struct room *r)
{
	long rc = 20; /* getpid of i386 */

	(void)r;
	__asm__ volatile("int $0x80" : "+a"(rc) : : "memory", "r8", "r9", "r10", "r11");
	return 0;
}
static int x32_calls(const struct room *r)
{
	(void)r;
	return got(syscall(0x40000000 + SYS_getpid));
}
#endif

static void test_calls(void **state)
{
	const struct room *r = *state;

	assert_int_equal(attack(r, may_thread), 0);
	assert_int_equal(attack(r, may_signal_itself), 0);
	assert_int_equal(attack(r, run_program), KILLED);
	assert_int_equal(attack(r, run_memory), KILLED);
	assert_int_equal(attack(r, make_process), EPERM);
	assert_int_equal(attack(r, open_socket), EPERM);
	assert_int_equal(attack(r, open_unix), EPERM);
	assert_int_equal(attack(r, trace), KILLED);
	assert_int_equal(attack(r, read_memory), KILLED);
	assert_int_equal(attack(r, do_mount), KILLED);
	assert_int_equal(attack(r, do_unmount), KILLED);
	assert_int_equal(attack(r, by_handle), KILLED);
	assert_int_equal(attack(r, ring), KILLED);
	assert_int_equal(attack(r, namespace), KILLED);
	assert_int_equal(attack(r, end_parent), EPERM);
	assert_int_equal(attack(r, end_thread), EPERM);
	assert_int_equal(attack(r, run_data), EPERM);
	assert_int_equal(attack(r, make_runnable), EPERM);
	assert_int_equal(attack(r, dump_again), EPERM);
	assert_int_equal(attack(r, become), EPERM);
#ifdef __x86_64__
	assert_int_equal(attack(r, x32_calls), KILLED);
	(void)old_calls; /* ends it with SIGSYS, or SIGSEGV where the kernel has no such calls */
#endif
}

static void test_text(void **state)
{
	char text[SANDBOX_TEXT];

	(void)state;
	sandbox_text(text, &(struct sandbox_state){.landlock = 7, .seccomp = true});
	assert_string_equal(text, "landlock 7, seccomp");
	sandbox_text(text, &(struct sandbox_state){.seccomp = true});
	assert_string_equal(text, "no landlock, seccomp");
	sandbox_text(text, &(struct sandbox_state){.landlock = 1});
	assert_string_equal(text, "landlock 1, no seccomp");
	sandbox_text(text, &(struct sandbox_state){.checked = true});
	assert_string_equal(text, "nothing (a build for tests)");
}

#define WITH_ROOM(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ROOM(test_files),
		WITH_ROOM(test_calls),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
