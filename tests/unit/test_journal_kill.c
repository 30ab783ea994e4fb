/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several processes that append to one journal, by turns and at once, and processes that are killed:
 * what they were told is durable is there afterwards.
 */
#include "index/journal.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/journals.h"

/* In a child: say over the pipe what was acknowledged. */
struct report {
	uint64_t seq, handle;
};

/* A forked child's keys are wiped: it makes them anew. Exits instead of failing. */
static struct journal *child_journal(struct journals *t)
{
	struct journal *j;

	journals_keys(t);
	if (journals_open(t, &j, NULL))
		_exit(2);
	return j;
}

static pid_t start_child(struct journals *t, int out, void (*run)(struct journals *t, int out))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		run(t, out);
		_exit(0);
	}
	return pid;
}

static void say(int out, uint64_t seq, uint64_t handle)
{
	const struct report r = {seq, handle};

	if (write(out, &r, sizeof(r)) != sizeof(r))
		_exit(3);
}

/* Every reported line is there, and is what was reported. Returns how many. */
static unsigned check_reports(struct journals *t, int in)
{
	unsigned lines = journals_check(t, NULL), count = 0;
	uint64_t *handle = calloc(lines, sizeof(*handle)), off;
	struct journal_reader *r;
	struct text_span line;
	struct report said;
	struct event ev;

	assert_non_null(handle);
	assert_int_equal(journal_reader_open(&r, t->dirfd, t->id->pub.id, 0, NULL), 0);
	for (unsigned i = 0; i < lines; i++) {
		assert_int_equal(journal_reader_next(r, &line, &off, NULL), 0);
		assert_int_equal(event_parse(&ev, line), 0);
		handle[i] = ev.handle;
	}
	journal_reader_close(r);
	for (; read(in, &said, sizeof(said)) == sizeof(said); count++) {
		assert_true(said.seq < lines);
		assert_int_equal(handle[said.seq], said.handle);
	}
	free(handle);
	return count;
}

static void append_100(struct journals *t, int out)
{
	struct journal *j = child_journal(t);

	for (uint64_t i = 0; i < 100; i++) {
		struct event ev = {.type = EVENT_CLOSED, .handle = (uint64_t)getpid() << 16 | i};

		if (journal_append(j, &ev, 1, NULL))
			_exit(4);
		say(out, ev.seq, ev.handle);
		if (i % 30 == 29 && journal_checkpoint(j, NULL))
			_exit(5);
	}
	if (journal_close(j, NULL))
		_exit(6);
}

static void test_processes_at_once(void **state)
{
	struct journals t;
	struct journal *j;
	int fds[2], status;

	(void)state;
	journals_new(&t);
	assert_int_equal(pipe(fds), 0);
	for (int i = 0; i < 3; i++)
		start_child(&t, fds[1], append_100);
	close(fds[1]);
	j = journals_must_open(&t);
	journals_add(j, 50);
	assert_int_equal(journal_close(j, NULL), 0);
	for (int i = 0; i < 3; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(check_reports(&t, fds[0]), 300);
	close(fds[0]);
	assert_int_equal(journals_check(&t, NULL), 1 + 50 + 300);
	journals_check_signed(&t);
	journals_free(&t);
}

/* One line whenever it is asked for: `out` is a socket's end in both directions. */
static void append_when_asked(struct journals *t, int out)
{
	struct journal *j = child_journal(t);
	struct event ev = {.type = EVENT_CLOSED, .handle = 5};
	char c;

	while (read(out, &c, 1) == 1) {
		if (journal_append(j, &ev, 1, NULL) || (c == 'c' && journal_checkpoint(j, NULL)))
			_exit(4);
		say(out, ev.seq, ev.handle);
	}
	if (journal_close(j, NULL))
		_exit(6);
}

static void test_processes_by_turns(void **state)
{
	struct event ev = {.type = EVENT_UNMOUNTED};
	struct journals t;
	struct journal *j;
	struct report said;
	int fds[2], status;
	pid_t pid;

	(void)state;
	journals_new(&t);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	j = journals_must_open(&t);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		append_when_asked(&t, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	for (uint64_t i = 1; i < 100; i += 2) {
		assert_int_equal(journal_append(j, &ev, 1, NULL), 0);
		assert_int_equal(ev.seq, i);
		assert_int_equal(write(fds[0], i % 7 ? "a" : "c", 1), 1);
		assert_int_equal(read(fds[0], &said, sizeof(said)), sizeof(said));
		assert_int_equal(said.seq, i + 1);
		if (i % 11 == 0)
			assert_int_equal(journal_checkpoint(j, NULL), 0);
	}
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(journal_close(j, NULL), 0);
	assert_int_equal(journals_check(&t, NULL), 101);
	journals_check_signed(&t);
	journals_free(&t);
}

/* Until it is killed: batches of one to five lines, and a checkpoint now and then. */
static void append_for_ever(struct journals *t, int out)
{
	struct journal *j = child_journal(t);

	for (uint64_t i = 0;; i++) {
		struct event ev[5] = {{0}};
		size_t n = 1 + (size_t)(i * 7 % 5);

		for (size_t k = 0; k < n; k++) {
			ev[k].type = EVENT_CLOSED;
			ev[k].handle = (uint64_t)getpid() << 24 | i << 3 | k;
		}
		if (journal_append(j, ev, n, NULL))
			_exit(4);
		for (size_t k = 0; k < n; k++)
			say(out, ev[k].seq, ev[k].handle);
		if (i % 5 == 4 && journal_checkpoint(j, NULL))
			_exit(5);
	}
}

static void test_killed_while_appending(void **state)
{
	struct journals t;
	unsigned total = 0;

	(void)state;
	journals_new(&t);
	for (unsigned i = 0; i < 50; i++) {
		struct pollfd p;
		int fds[2], status;
		pid_t pid;

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		fcntl(fds[1], F_SETPIPE_SZ, 1 << 20); /* no waiting for the reader */
		pid = start_child(&t, fds[1], append_for_ever);
		close(fds[1]);
		p = (struct pollfd){.fd = fds[0], .events = POLLIN};
		assert_int_equal(poll(&p, 1, 20000), 1);
		usleep(200 + i * 977 % 9000);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		assert_int_equal(journal_close(journals_must_open(&t), NULL), 0);
		total += check_reports(&t, fds[0]);
		close(fds[0]);
		journals_check_signed(&t);
	}
	assert_true(total >= 50);
	assert_true(journals_check(&t, NULL) > total);
	journals_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes_at_once),
		cmocka_unit_test(test_processes_by_turns),
		cmocka_unit_test(test_killed_while_appending),
	};

	return cmocka_run_group_tests_name("journal_kill", tests, NULL, NULL);
}
