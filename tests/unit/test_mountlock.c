/* SPDX-License-Identifier: Apache-2.0 */
/* mountlock: one at a time, and who it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/mountlock.h"
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

static void test_one_at_a_time(void **state)
{
	struct place *p = *state;
	struct err e = {0};
	char pid[32];
	struct stat st;
	int a, b;

	a = mountlock_take(p->fd, "/a/long mount point", 0, &e);
	assert_true(a >= 0);
	assert_int_equal(fstat(a, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	b = mountlock_take(p->fd, "/b", 0, &e);
	assert_int_equal(b, ERR_BUSY);
	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_non_null(strstr(e.text, pid));
	assert_non_null(strstr(e.text, "/a/long mount point"));
	close(a);
	/* A shorter one leaves nothing of it. */
	b = mountlock_take(p->fd, "/b", 0, &e);
	assert_true(b >= 0);
	assert_int_equal(mountlock_take(p->fd, "/c", 0, &e), ERR_BUSY);
	assert_non_null(strstr(e.text, "on /b ("));
	close(b);
}

/* What the file says is for people; the lock alone counts. */
static void test_rubbish(void **state)
{
	static const char *const texts[] = {
		"",
		"hello\n",
		"custodyfs-mount/v2\npid: 1\nmountpoint: /x\n",
		"custodyfs-mount/v1\npid: -1\nmountpoint: /x\n",
		"custodyfs-mount/v1\npid: 1\nmountpoint: /x\nmore: y\n",
		"custodyfs-mount/v1\npid: 1\nmountpoint: /x\x1b[2J\n",
	};
	struct place *p = *state;
	struct err e = {0};
	char big[10000];
	int fd, lock;

	fd = mountlock_take(p->fd, "/a", 0, &e);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(file_pwrite(fd, texts[i], strlen(texts[i]), 0, NULL), 0);
		assert_int_equal(mountlock_take(p->fd, "/b", 0, &e), ERR_BUSY);
		assert_null(strstr(e.text, "process"));
		assert_null(strchr(e.text, '\x1b'));
	}
	memset(big, 'x', sizeof(big));
	assert_int_equal(file_pwrite(fd, big, sizeof(big), 0, NULL), 0);
	assert_int_equal(mountlock_take(p->fd, "/b", 0, &e), ERR_BUSY);
	close(fd);
	lock = mountlock_take(p->fd, "/b", 0, &e);
	assert_true(lock >= 0);
	close(lock);
	assert_int_equal(fixture_run(p->dir, "rm mount.lock; ln -s elsewhere mount.lock"), 0);
	assert_int_equal(mountlock_take(p->fd, "/b", 0, &e), ERR_SYSTEM);
}

#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(test_one_at_a_time),
		WITH_PLACE(test_rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
