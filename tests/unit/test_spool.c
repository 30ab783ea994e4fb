/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool: when files are complete, and that none is removed but the one that was given out, whatever is
 * put in its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/spool.h"
#include "tests/lib/fixture.h"

#define SETTLE 1000

struct yard {
	char dir[FIXTURE_PATH];
	struct spool *s;
	int64_t now; /* the clock, which the tests turn */
};

static int set_up(void **state)
{
	static struct yard y;
	const struct spool_ask ask = {.dir = y.dir, .settle_ms = SETTLE, .rescan_ms = 100};
	struct err e = {0};

	memset(&y, 0, sizeof(y));
	fixture_dir(y.dir);
	y.now = 1;
	if (spool_open(&y.s, &ask, &e) != 0)
		fail_msg("%s", e.text);
	*state = &y;
	return 0;
}

static int tear_down(void **state)
{
	struct yard *y = *state;

	spool_close(y->s);
	fixture_remove(y->dir);
	return 0;
}

static const char *in(const struct yard *y, const char *name)
{
	static char path[4][FIXTURE_PATH + 300];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", y->dir, name);
	return p;
}

static void put(const struct yard *y, const char *name, const char *text)
{
	fixture_write(in(y, name), text, strlen(text));
}

static bool there(const struct yard *y, const char *name)
{
	struct stat st;

	return lstat(in(y, name), &st) == 0;
}

/* Time goes by, and the folder is looked at. */
static void pass(struct yard *y, int64_t ms)
{
	struct err e = {0};

	/* The times of a look are those of the wall: it may take some. */
	for (int64_t until = y->now + ms; y->now < until;) {
		y->now += 500;
		if (spool_look(y->s, y->now, &e) != 0)
			fail_msg("%s", e.text);
	}
}

/* The next file that is complete must be this one. */
static struct spool_entry *take(struct yard *y, const char *path)
{
	struct spool_file f;

	assert_true(spool_next(y->s, y->now, &f));
	assert_string_equal(f.path, path);
	close(f.fd);
	return f.entry;
}

static bool none(struct yard *y)
{
	struct spool_file f;

	return !spool_next(y->s, y->now, &f);
}

static bool removed(struct yard *y, struct spool_entry *entry)
{
	struct err e = {0};
	bool gone;

	if (spool_remove(y->s, entry, y->now, &gone, &e) != 0)
		fail_msg("%s", e.text);
	return gone;
}

static void test_settles(void **state)
{
	struct yard *y = *state;

	put(y, "a", "1");
	pass(y, 500);
	assert_true(none(y));
	assert_int_equal(spool_settling(y->s), 1);
	put(y, "a", "12"); /* it grows: the time begins anew */
	pass(y, 1000);
	assert_true(none(y));
	pass(y, 2000);
	assert_int_equal(spool_ready(y->s), 1);
	spool_give_back(y->s, take(y, "a"), SPOOL_DONE, y->now);
	pass(y, 5000);
	assert_true(none(y));
	put(y, "a", "123");
	pass(y, 5000);
	spool_give_back(y->s, take(y, "a"), SPOOL_AGAIN, y->now);
	pass(y, 5000);
	spool_give_back(y->s, take(y, "a"), SPOOL_WRONG, y->now);
	pass(y, 1000);
	assert_true(none(y));
	pass(y, 5000);
	spool_give_back(y->s, take(y, "a"), SPOOL_DONE, y->now);
}

static void test_open_for_writing(void **state)
{
	struct yard *y = *state;
	int fd;

	put(y, "a", "1");
	fd = open(in(y, "a"), O_WRONLY | O_CLOEXEC);
	if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0 && errno == EINVAL)
		skip(); /* no leases here */
	pass(y, 10000);
	assert_true(none(y));
	close(fd);
	pass(y, 5000);
	spool_give_back(y->s, take(y, "a"), SPOOL_DONE, y->now);
}

static void test_passed_over(void **state)
{
	struct yard *y = *state;

	put(y, "target", "1");
	assert_int_equal(symlink("target", in(y, "link")), 0);
	assert_int_equal(mkdir(in(y, "d"), 0700), 0);
	assert_int_equal(mkdir(in(y, ".hidden"), 0700), 0);
	put(y, ".hidden/x", "1");
	put(y, "d/x", "1");
	assert_int_equal(symlink("d", in(y, "dlink")), 0);
	assert_int_equal(mkfifo(in(y, "pipe"), 0600), 0);
	pass(y, 5000);
	spool_give_back(y->s, take(y, "d/x"), SPOOL_DONE, y->now);
	spool_give_back(y->s, take(y, "target"), SPOOL_DONE, y->now);
	assert_true(none(y));
}

/* A folder that has become a link to elsewhere is not gone through, neither to take nor to remove. */
static void test_folder_becomes_link(void **state)
{
	struct yard *y = *state;
	struct spool_entry *entry;

	assert_int_equal(mkdir(in(y, "d"), 0700), 0);
	put(y, "d/x", "1");
	pass(y, 5000);
	entry = take(y, "d/x");
	assert_int_equal(rename(in(y, "d"), in(y, ".away")), 0);
	assert_int_equal(symlink(".away", in(y, "d")), 0);
	assert_true(removed(y, entry)); /* it is not there any more */
	assert_true(there(y, ".away/x"));
	unlink(in(y, "d"));
	assert_int_equal(rename(in(y, ".away"), in(y, "d")), 0);
	pass(y, 5000);
	/* Complete, and then a link: it is not given out. */
	assert_int_equal(rename(in(y, "d"), in(y, ".away")), 0);
	assert_int_equal(symlink(".away", in(y, "d")), 0);
	assert_true(none(y));
}

static void test_removes(void **state)
{
	struct yard *y = *state;
	char name[256];

	put(y, "a", "1");
	pass(y, 5000);
	assert_true(removed(y, take(y, "a")));
	assert_false(there(y, "a"));
	/* A name too long to be moved aside. */
	memset(name, 'n', 255);
	name[255] = '\0';
	put(y, name, "1");
	pass(y, 5000);
	assert_true(removed(y, take(y, name)));
	assert_false(there(y, name));
	pass(y, 5000);
	assert_true(none(y));
}

/* Whatever happened to it since it was given out, what is there now stays. */
static void test_keeps_others(void **state)
{
	struct yard *y = *state;
	struct spool_entry *entry;
	int fd;

	/* Other content, of the same length, in the same file. */
	put(y, "a", "1");
	pass(y, 5000);
	entry = take(y, "a");
	usleep(20000);
	fd = open(in(y, "a"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "2", 1, 0), 1);
	close(fd);
	assert_false(removed(y, entry));
	assert_true(there(y, "a"));

	/* Another file in its place, of the same length and time. */
	pass(y, 5000);
	entry = take(y, "a");
	put(y, "other", "3");
	{
		struct stat st;

		assert_int_equal(stat(in(y, "a"), &st), 0);
		assert_int_equal(utimensat(AT_FDCWD, in(y, "other"),
					   (struct timespec[]){st.st_atim, st.st_mtim}, 0),
				 0);
	}
	assert_int_equal(rename(in(y, "other"), in(y, "a")), 0);
	assert_false(removed(y, entry));
	assert_true(there(y, "a"));

	/* A writer has it open again. */
	pass(y, 5000);
	entry = take(y, "a");
	fd = open(in(y, "a"), O_WRONLY | O_APPEND | O_CLOEXEC);
	if (!removed(y, entry))
		assert_true(there(y, "a"));
	close(fd);
}

static void test_left_aside(void **state)
{
	struct yard *y = *state;
	struct spool_entry *old, *new;

	put(y, ".custody-removing.a", "old");
	put(y, "a", "new");
	pass(y, 5000);
	new = take(y, "a");
	old = take(y, "a");
	/* The name aside is taken: this one waits for its turn. */
	assert_false(removed(y, new));
	assert_true(there(y, "a"));
	assert_true(removed(y, old));
	assert_false(there(y, ".custody-removing.a"));
	pass(y, 5000);
	assert_true(removed(y, take(y, "a")));
	assert_false(there(y, "a"));
}

static void test_vanishes(void **state)
{
	struct yard *y = *state;
	struct spool_entry *entry;

	put(y, "a", "1");
	put(y, "b", "1");
	pass(y, 5000);
	entry = take(y, "a");
	assert_int_equal(unlink(in(y, "a")), 0);
	assert_int_equal(unlink(in(y, "b")), 0);
	assert_true(none(y)); /* b */
	pass(y, 5000);
	assert_true(removed(y, entry));
	assert_int_equal(spool_ready(y->s) + spool_settling(y->s), 0);
}

static void test_one_only(void **state)
{
	struct yard *y = *state;
	const struct spool_ask ask = {.dir = y->dir, .settle_ms = 1};
	struct spool *second;
	struct err e = {0};

	assert_int_equal(spool_open(&second, &ask, &e), ERR_BUSY);
	assert_null(second);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_settles),     T(test_open_for_writing),
		T(test_passed_over), T(test_folder_becomes_link),
		T(test_removes),     T(test_keeps_others),
		T(test_left_aside),  T(test_vanishes),
		T(test_one_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
