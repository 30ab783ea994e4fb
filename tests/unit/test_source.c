/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking a source: order, what is left out and why, names that can't be kept, depth; and that
 * nothing outside of it is ever reached.
 */
#include "fs/source.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/wire.h"
#include "tests/lib/fixture.h"

struct world {
	char dir[FIXTURE_PATH];
	struct wire_out files, skips; /* "path=content;" and "path: why;" */
	unsigned lost;		      /* skips of what should have been taken */
	int stop;		      /* what file() returns */
	const char *closed;	      /* enter() refuses this folder */
};

static int set_up(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	fixture_dir(w.dir);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	wire_out_free(&w->files);
	wire_out_free(&w->skips);
	fixture_run(w->dir, "chmod -R u+rwx .");
	fixture_remove(w->dir);
	return 0;
}

static void run(const struct world *w, const char *command)
{
	assert_int_equal(fixture_run(w->dir, command), 0);
}

static int file(struct world *w, struct source *s, const struct source_member *m, struct err *e)
{
	char content[64];
	size_t got;
	ssize_t n;

	if (m->fd >= 0) {
		n = read(m->fd, content, sizeof(content));
		close(m->fd);
	} else if (source_read(s, content, sizeof(content), &got, e) == 0) {
		n = (ssize_t)got;
	} else {
		return e->code;
	}
	assert_true(n >= 0);
	if (m->size < 64)
		assert_int_equal(n, m->size);
	wire_out_printf(&w->files, "%s=%.*s;", m->path, (int)n, content);
	return w->stop;
}

static void skipped(struct world *w, const struct source_member *m)
{
	w->lost += m->lost;
	wire_out_printf(&w->skips, "%s: %s;", m->path, m->why);
}

static const char *enter(void *ctx, const char *path, const struct stat *st)
{
	const struct world *w = ctx;

	assert_true(S_ISDIR(st->st_mode));
	return w->closed && strcmp(path, w->closed) == 0 ? "is closed" : NULL;
}

/* Walk "<dir>/<source>"; what was seen is in files and skips, NUL-terminated. */
static int walk(struct world *w, const char *source, struct err *e)
{
	char path[2 * FIXTURE_PATH];
	const struct source_ask ask = {.path = path, .enter = enter, .ctx = w};
	struct source_member m;
	struct source *s;
	int rc, more = 0;

	snprintf(path, sizeof(path), "%s/%s", w->dir, source);
	wire_out_reset(&w->files);
	wire_out_reset(&w->skips);
	w->lost = 0;
	rc = source_new(&s, &ask, e);
	if (rc == 0)
		rc = source_open(s, e);
	while (rc == 0 && (more = source_next(s, &m, e)) == 1) {
		if (m.why)
			skipped(w, &m);
		else
			rc = file(w, s, &m, e);
	}
	source_free(s);
	if (rc == 0)
		rc = more;
	wire_out_u8(&w->files, 0);
	wire_out_u8(&w->skips, 0);
	return rc;
}

#define FILES(w) ((const char *)(w)->files.p)
#define SKIPS(w) ((const char *)(w)->skips.p)

static void test_order(void **state)
{
	struct world *w = *state;
	struct err e;

	run(w, "mkdir -p s/b s/a/z s/a-b empty && printf 1 >s/b/1 && printf 2 >s/a/z/2 && "
	       "printf 3 >s/a/b && printf 4 >s/a-b/4 && printf 5 >s/B && : >s/.hidden");
	assert_int_equal(walk(w, "s", &e), 0);
	assert_string_equal(FILES(w), ".hidden=;B=5;a/b=3;a/z/2=2;a-b/4=4;b/1=1;");
	assert_string_equal(SKIPS(w), "");
	/* The same from a name with slashes at its end, and from a link to the folder. */
	assert_int_equal(walk(w, "s//", &e), 0);
	assert_string_equal(FILES(w), ".hidden=;B=5;a/b=3;a/z/2=2;a-b/4=4;b/1=1;");
	run(w, "ln -s s link");
	assert_int_equal(walk(w, "link", &e), 0);
	assert_string_equal(FILES(w), ".hidden=;B=5;a/b=3;a/z/2=2;a-b/4=4;b/1=1;");
	assert_int_equal(walk(w, "empty", &e), 0);
	assert_string_equal(FILES(w), "");
}

static void test_single_file(void **state)
{
	struct world *w = *state;
	struct err e;

	run(w, "mkdir d && printf x >d/one.jpg && ln -s d/one.jpg link");
	assert_int_equal(walk(w, "d/one.jpg", &e), 0);
	assert_string_equal(FILES(w), "one.jpg=x;");
	assert_int_equal(walk(w, "link", &e), 0);
	assert_string_equal(FILES(w), "link=x;");
}

static void test_what_is_left_out(void **state)
{
	struct world *w = *state;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct err e;

	run(w, "mkdir s out && printf secret >out/secret && printf ok >s/ok && "
	       "ln -s ../out s/folder && ln -s ../out/secret s/file && ln -s nowhere s/broken && "
	       "mkfifo s/pipe");
	assert_true(fd >= 0);
	assert_true(snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s/socket", w->dir) <
		    (int)sizeof(addr.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(walk(w, "s", &e), 0);
	assert_string_equal(FILES(w), "ok=ok;");
	assert_string_equal(SKIPS(w),
			    "broken: is a symbolic link;file: is a symbolic link;"
			    "folder: is a symbolic link;pipe: is a FIFO;socket: is a socket;");
	assert_int_equal(w->lost, 0);
	close(fd);
}

static void test_bad_sources(void **state)
{
	struct world *w = *state;
	struct err e;

	run(w, "mkfifo pipe && ln -s nowhere broken && printf x >file");
	assert_int_equal(walk(w, "none", &e), ERR_NOTFOUND);
	assert_int_equal(walk(w, "file/none", &e), ERR_NOTFOUND);
	assert_int_equal(walk(w, "broken", &e), ERR_NOTFOUND);
	assert_int_equal(walk(w, "pipe", &e), ERR_USAGE); /* and does not wait for a writer */
	assert_int_equal(walk(w, "../../../../../../../../dev/null", &e), ERR_USAGE);
}

/* Seen by somebody whom modes bind: root takes another user's eyes. */
static void test_unreadable(void **state)
{
	struct world *w = *state;
	bool root = geteuid() == 0;
	struct err e;
	int rc;

	run(w, "chmod 755 . && mkdir -p s/dir && printf x >s/file && printf y >s/ok && "
	       "chmod 0 s/dir s/file");
	if (root)
		assert_int_equal(seteuid(65534), 0);
	rc = walk(w, "s", &e);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(rc, 0);
	assert_string_equal(FILES(w), "ok=y;");
	assert_string_equal(SKIPS(w), "dir: can't be opened: Permission denied;"
				      "file: can't be opened: Permission denied;");
	assert_int_equal(w->lost, 2);
}

static void test_odd_names(void **state)
{
	struct world *w = *state;
	struct err e;

	run(w, "mkdir s && printf 1 >\"s/a\nb\" && printf 2 >s/\"$(printf '\\377\\001')\" && "
	       "printf 3 >'s/...' && printf 4 >'s/\\'");
	assert_int_equal(walk(w, "s", &e), 0);
	assert_string_equal(FILES(w), "...=3;\\=4;a\nb=1;\xff\x01=2;");
}

/* A path longer than a record can hold is told of, and the rest goes on. */
static void test_long_paths(void **state)
{
	struct world *w = *state;
	char command[1200];
	struct err e;

	snprintf(command, sizeof(command),
		 "mkdir s && cd s && printf z >zz && "
		 "n=$(printf '%%0200d' 0) && i=0 && while [ $i -lt 20 ]; do mkdir $n && cd $n && "
		 "i=$((i+1)); done && printf in >%s && printf out >%s",
		 "$(printf '%074d' 0)", "$(printf '%076d' 0)");
	run(w, command);
	assert_int_equal(walk(w, "s", &e), 0);
	assert_non_null(strstr(FILES(w), "0=in;"));
	assert_null(strstr(FILES(w), "=out;"));
	assert_non_null(strstr(FILES(w), "zz=z;"));
	assert_non_null(strstr(SKIPS(w), ": has a path longer than 4095 bytes;"));
	assert_true(w->lost > 0);
	assert_int_equal(fixture_run(w->dir, "rm -rf s"), 0);
}

static void test_depth(void **state)
{
	struct world *w = *state;
	struct err e;

	run(w, "mkdir s && cd s && i=0 && while [ $i -lt 260 ]; do mkdir d && printf $i >f && "
	       "cd d && i=$((i+1)); done; printf deep >f");
	assert_int_equal(walk(w, "s", &e), 0);
	assert_non_null(strstr(FILES(w), "/f=255;"));
	assert_null(strstr(FILES(w), "/f=256;"));
	assert_null(strstr(FILES(w), "=deep;"));
	assert_non_null(strstr(SKIPS(w), ": lies too deep: more than 256 folders;"));
	assert_int_equal(w->lost, 1);
	assert_int_equal(fixture_run(w->dir, "rm -rf s"), 0);
}

static void test_visitor_rules(void **state)
{
	struct world *w = *state;
	struct err e;

	run(w, "mkdir -p s/a s/b && printf 1 >s/a/1 && printf 2 >s/b/2");
	w->closed = "a";
	assert_int_equal(walk(w, "s", &e), 0);
	assert_string_equal(FILES(w), "b/2=2;");
	assert_string_equal(SKIPS(w), "a: is closed;");
	assert_int_equal(w->lost, 0);
	w->closed = "";
	assert_int_equal(walk(w, "s", &e), 0);
	assert_string_equal(FILES(w), "");
	assert_string_equal(SKIPS(w), ": is closed;");
	w->closed = NULL;
	w->stop = ERR_BUSY;
	assert_int_equal(walk(w, "s", &e), ERR_BUSY);
	assert_string_equal(FILES(w), "a/1=1;");
}

static void test_access_time_stays(void **state)
{
	struct world *w = *state;
	char path[2 * FIXTURE_PATH];
	struct stat before, after;
	struct err e;

	run(w, "mkdir s && printf x >s/f && touch -a -d 2001-01-01 s/f");
	snprintf(path, sizeof(path), "%s/s/f", w->dir);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(walk(w, "s", &e), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_atim.tv_sec, after.st_atim.tv_sec);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_order),
		T(test_single_file),
		T(test_what_is_left_out),
		T(test_bad_sources),
		T(test_unreadable),
		T(test_odd_names),
		T(test_long_paths),
		T(test_depth),
		T(test_visitor_rules),
		T(test_access_time_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
