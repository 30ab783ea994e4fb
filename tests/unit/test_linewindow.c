/* SPDX-License-Identifier: Apache-2.0 */
/* linewindow: every line by its place, near and far, and what is no line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/linewindow.h"
#include "index/event.h"

enum { LINES = 3000 };

struct set {
	int dirfd;
	uint64_t off[LINES];
	uint32_t n[LINES];
	char *bytes;
	size_t size;
};

static const uint8_t node[16] = {1}, other[16] = {2}, absent[16] = {3};

static void name_of(char out[48], const uint8_t id[16])
{
	text_hex(out, id, 16);
	strcat(out, ".jsonl");
}

static void put(const struct set *s, const uint8_t id[16], const void *p, size_t n)
{
	char name[48];
	int fd;

	name_of(name, id);
	fd = openat(s->dirfd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
}

static int set_up(void **state)
{
	struct set *s = calloc(1, sizeof(*s));
	char dir[200];

	snprintf(dir, sizeof(dir), "%s/linewindow.XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(dir));
	s->dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	s->bytes = malloc(LINES * 200 + EVENT_LINE_MAX);
	for (size_t i = 0; i < LINES; i++) {
		s->off[i] = s->size;
		s->n[i] = (uint32_t)(i == 70 ? EVENT_LINE_MAX - 1 : 1 + i * 37 % 150);
		memset(s->bytes + s->size, 'a' + (int)(i % 26), s->n[i]);
		s->size += s->n[i];
		s->bytes[s->size++] = '\n';
	}
	put(s, node, s->bytes, s->size);
	put(s, other, "other\nline\n", 11);
	assert_true(s->size > 3 * 64 * 1024);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct set *s = *state;
	char name[48], dir[300], link[40];
	ssize_t n;

	name_of(name, node);
	unlinkat(s->dirfd, name, 0);
	name_of(name, other);
	unlinkat(s->dirfd, name, 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", s->dirfd);
	n = readlink(link, dir, sizeof(dir) - 1);
	assert_true(n > 0);
	dir[n] = 0;
	rmdir(dir);
	close(s->dirfd);
	free(s->bytes);
	free(s);
	return 0;
}

static void want(struct linewindow *w, const struct set *s, size_t i)
{
	struct text_span line;

	assert_int_equal(linewindow_get(w, node, s->off[i], s->n[i], &line, NULL), 0);
	assert_int_equal(line.n, s->n[i]);
	assert_memory_equal(line.p, s->bytes + s->off[i], line.n);
}

static void test_all(void **state)
{
	struct set *s = *state;
	struct linewindow *w = linewindow_new(s->dirfd);
	struct text_span line;

	assert_non_null(w);
	for (size_t i = 0; i < LINES; i++)
		want(w, s, i);
	for (size_t i = LINES; i-- > 0;)
		want(w, s, i);
	for (size_t i = 0; i < LINES; i++) {
		want(w, s, i * 1009 % LINES);
		if (i % 5 == 0) {
			assert_int_equal(linewindow_get(w, other, 6, 4, &line, NULL), 0);
			assert_memory_equal(line.p, "line", 4);
		}
	}
	linewindow_free(w);
	linewindow_free(NULL);
}

/* A place within a line, a length that is not the line's, places behind the end, and far behind. */
static void test_none(void **state)
{
	struct set *s = *state;
	struct linewindow *w = linewindow_new(s->dirfd);
	struct text_span line;
	struct err e = {0};

	assert_non_null(w);
	for (size_t i = 0; i < LINES; i += 10) {
		assert_int_equal(linewindow_get(w, node, s->off[i], s->n[i] + 1, &line, &e),
				 ERR_DAMAGED);
		assert_int_equal(linewindow_get(w, node, s->off[i], s->n[i] - 1, &line, NULL),
				 ERR_DAMAGED);
		want(w, s, i);
		assert_int_equal(linewindow_get(w, node, s->off[i] + 1, s->n[i], &line, NULL),
				 ERR_DAMAGED);
	}
	assert_int_equal(linewindow_get(w, node, s->size, 0, &line, NULL), ERR_DAMAGED);
	assert_int_equal(linewindow_get(w, node, s->size - 1, 1, &line, NULL), ERR_DAMAGED);
	assert_int_equal(linewindow_get(w, node, INT64_C(1) << 40, 9, &line, NULL), ERR_DAMAGED);
	assert_int_equal(linewindow_get(w, node, 0, EVENT_LINE_MAX, &line, NULL), ERR_DAMAGED);
	assert_int_equal(linewindow_get(w, node, 0, UINT32_MAX, &line, NULL), ERR_DAMAGED);
	assert_int_equal(linewindow_get(w, absent, 0, 4, &line, NULL), ERR_NOTFOUND);
	want(w, s, 0);
	linewindow_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
