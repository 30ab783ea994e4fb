/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a journal: lines, group commit by many threads, two handles, checkpoints. */
#include "index/journal.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/journals.h"

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void assert_state(struct journal *j, const struct journal_start *want)
{
	struct journal_start got;

	journal_state(j, &got);
	assert_int_equal(got.state.bytes, want->state.bytes);
	assert_int_equal(got.state.range.size, want->state.range.size);
	assert_true(got.last_ms == want->last_ms);
	assert_memory_equal(got.state.range.peak, want->state.range.peak,
			    (size_t)__builtin_popcountll(want->state.range.size) * MERKLE_HASH);
}

static void test_new_journal(void **state)
{
	struct event ev[3] = {{.type = EVENT_MOUNTED, .user = "alice"},
			      {.type = EVENT_UNMOUNTED},
			      {.type = EVENT_UNMOUNTED}};
	struct journal_start s, from;
	struct journals t;
	struct journal *j;
	int64_t before = now_ms();

	(void)state;
	journals_new(&t);
	j = journals_must_open(&t);
	assert_int_equal(journals_check(&t, &s), 1);
	assert_state(j, &s);
	assert_int_equal(journal_append(j, ev, 3, NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(ev[i].seq, i + 1);
		assert_true(ev[i].time_ms >= before && ev[i].time_ms <= now_ms());
	}
	assert_int_equal(journal_append(j, ev, 0, NULL), 0);
	assert_int_equal(journals_check(&t, &s), 4);
	assert_state(j, &s);
	assert_int_equal(journal_close(j, NULL), 0);
	journals_check_signed(&t);

	/* Again from the first line, and from what is known. */
	j = journals_must_open(&t);
	assert_state(j, &s);
	assert_int_equal(journal_close(j, NULL), 0);
	from = s;
	assert_int_equal(journal_open(&j, t.dirfd, t.dirfd, journals_archive, t.id, &from, NULL),
			 0);
	journals_add(j, 2);
	assert_int_equal(journals_check(&t, &s), 6);
	assert_state(j, &s);
	assert_int_equal(journal_close(j, NULL), 0);
	journals_check_signed(&t);
	assert_int_equal(journal_close(NULL, NULL), 0);
	journals_free(&t);
}

/* Nothing new: nothing is written. */
static void test_open_and_close_leave_the_files_alone(void **state)
{
	struct journals t;
	char *a, *b;
	size_t n, m;

	(void)state;
	journals_new(&t);
	journals_make(&t, 3, 0);
	a = journals_get(&t, "jsonl", &n);
	for (int i = 0; i < 3; i++)
		assert_int_equal(journal_close(journals_must_open(&t), NULL), 0);
	b = journals_get(&t, "jsonl", &m);
	assert_int_equal(n, m);
	assert_memory_equal(a, b, n);
	free(a);
	free(b);
	journals_free(&t);
}

static void test_an_event_that_cannot_be_written(void **state)
{
	struct event ev[2] = {{.type = EVENT_UNMOUNTED}, {.type = EVENT_UNKNOWN}};
	struct journals t;
	struct journal *j;
	struct err e = {0};

	(void)state;
	journals_new(&t);
	j = journals_must_open(&t);
	assert_int_equal(journal_append(j, ev, 2, &e), ERR_USAGE);
	assert_non_null(strstr(e.text, "event 1"));
	assert_int_equal(journals_check(&t, NULL), 1); /* all or nothing */
	assert_int_equal(journal_append(j, ev, 1, NULL), 0);
	assert_int_equal(ev[0].seq, 1);
	assert_int_equal(journal_close(j, NULL), 0);
	journals_check_signed(&t);
	journals_free(&t);
}

static void test_an_event_that_comes_too_late(void **state)
{
	struct event ev[2] = {{.type = EVENT_UNMOUNTED},
			      {.type = EVENT_UNMOUNTED, .latest_ms = now_ms() - 1}};
	struct journals t;
	struct journal *j;

	(void)state;
	journals_new(&t);
	j = journals_must_open(&t);
	assert_int_equal(journal_append(j, ev, 2, NULL), ERR_EXPIRED);
	assert_int_equal(journals_check(&t, NULL), 1); /* all or nothing */
	ev[1].latest_ms = now_ms() + 60000;
	assert_int_equal(journal_append(j, ev, 2, NULL), 0);
	assert_int_equal(ev[1].seq, 2);
	assert_int_equal(journal_close(j, NULL), 0);
	journals_check_signed(&t);
	journals_free(&t);
}

/* What was allowed before a revocation came in, or a release ended, by this process or another, is not
 * logged after it. */
static void behind(struct event revocation)
{
	struct event other = {.type = EVENT_ADMITTED, .kind = "authorisation"};
	struct event ev[2] = {{.type = EVENT_UNMOUNTED}, {.type = EVENT_UNMOUNTED}};
	struct journal *j, *k;
	struct journal_start s;
	struct journals t;

	journals_new(&t);
	j = journals_must_open(&t);
	k = journals_must_open(&t);
	for (unsigned i = 0; i < 4; i++) {
		journal_state(j, &s);
		ev[1].judged = s.state.range.size;
		assert_int_equal(journal_append(i & 1 ? j : k, &other, 1, NULL), 0);
		assert_int_equal(journal_append(j, &ev[1], 1, NULL), 0);
		assert_int_equal(journal_append(i & 1 ? j : k, &revocation, 1, NULL), 0);
		assert_int_equal(journal_append(j, ev, 2, NULL), ERR_REVOKED);
		journal_state(j, &s);
		assert_int_equal(s.ended, revocation.seq + 1);
		assert_int_equal(s.state.range.size, revocation.seq + 1); /* all or nothing */
		ev[1].judged = revocation.seq; /* up to, but without it */
		assert_int_equal(journal_append(j, &ev[1], 1, NULL), ERR_REVOKED);
		ev[1].judged = revocation.seq + 1;
		assert_int_equal(journal_append(j, ev, 2, NULL), 0);
	}
	assert_int_equal(journal_close(k, NULL), 0);
	assert_int_equal(journal_close(j, NULL), 0);
	journals_check_signed(&t);
	journals_free(&t);
}

static void test_an_event_behind_what_ends_it(void **state)
{
	(void)state;
	behind((struct event){.type = EVENT_ADMITTED, .kind = "revocation"});
	behind((struct event){.type = EVENT_ADMITTED, .kind = "restore"});
	behind((struct event){.type = EVENT_RELEASE_ENDED, .reason = "budget"});
}

static void test_time_never_goes_back(void **state)
{
	struct event ev = {.type = EVENT_UNMOUNTED};
	struct journal_start s;
	struct journals t;
	struct journal *j;
	int64_t future = now_ms() + 3600 * 1000;

	(void)state;
	journals_new(&t);
	j = journals_must_open(&t);
	journal_state(j, &s);
	assert_int_equal(journal_clock(j, s.last_ms), 0);
	assert_int_equal(journal_clock(j, s.last_ms - 2000), 0);
	assert_int_equal(journal_clock(j, s.last_ms - 2001), ERR_CLOCK);
	assert_int_equal(journal_close(j, NULL), 0);

	/* As if the clock had been an hour ahead when the last event was logged. */
	s.last_ms = future;
	assert_int_equal(journal_open(&j, t.dirfd, t.dirfd, journals_archive, t.id, &s, NULL), 0);
	assert_int_equal(journal_clock(j, now_ms()), ERR_CLOCK);
	assert_int_equal(journal_append(j, &ev, 1, NULL), 0);
	assert_true(ev.time_ms == future);
	assert_int_equal(journal_close(j, NULL), 0);
	/* And read from the file. */
	j = journals_must_open(&t);
	assert_int_equal(journal_clock(j, now_ms()), ERR_CLOCK);
	assert_int_equal(journal_append(j, &ev, 1, NULL), 0);
	assert_true(ev.time_ms == future);
	assert_int_equal(journal_close(j, NULL), 0);
	journals_check_signed(&t);
	journals_free(&t);
}

/* ---- many threads ---- */

#define THREADS 8
#define APPENDS 200

struct worker {
	struct journal *j;
	unsigned number;
	uint64_t seq[APPENDS]; /* of the first event of each append */
	int rc;
};

static void *append_many(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < APPENDS && w->rc == 0; i++) {
		struct event ev[3] = {
			{.type = EVENT_CLOSED}, {.type = EVENT_CLOSED}, {.type = EVENT_CLOSED}};

		for (unsigned k = 0; k < 3; k++) {
			ev[k].handle = w->number;
			ev[k].bytes = 10 * i + k;
		}
		w->rc = journal_append(w->j, ev, 1 + i % 3, NULL);
		if (w->rc == 0 && i % 50 == 7)
			w->rc = journal_checkpoint(w->j, NULL);
		w->seq[i] = ev[0].seq;
	}
	return NULL;
}

/* What the thread was told of each append is what stands there, and side by side. */
static void check_worker(const struct event *all, size_t n, const struct worker *w)
{
	assert_int_equal(w->rc, 0);
	for (unsigned i = 0; i < APPENDS; i++) {
		for (unsigned k = 0; k < 1 + i % 3; k++) {
			assert_true(w->seq[i] + k < n);
			assert_int_equal(all[w->seq[i] + k].handle, w->number);
			assert_int_equal(all[w->seq[i] + k].bytes, 10 * i + k);
		}
		assert_true(i == 0 || w->seq[i] > w->seq[i - 1]);
	}
}

static void test_many_threads(void **state)
{
	static struct worker w[THREADS];
	const unsigned want = 1 + THREADS * (67 * 1 + 67 * 2 + 66 * 3);
	pthread_t thread[THREADS];
	struct journal_start s;
	struct journal_reader *r;
	struct text_span line;
	struct journals t;
	struct journal *j;
	struct event *all;
	uint64_t off;

	(void)state;
	journals_new(&t);
	j = journals_must_open(&t);
	for (unsigned i = 0; i < THREADS; i++) {
		w[i] = (struct worker){.j = j, .number = i + 1};
		assert_int_equal(pthread_create(&thread[i], NULL, append_many, &w[i]), 0);
	}
	for (unsigned i = 0; i < 100; i++)
		journal_state(j, &s);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(journals_check(&t, &s), want);
	assert_state(j, &s);
	assert_int_equal(journal_close(j, NULL), 0);
	journals_check_signed(&t);

	all = calloc(want, sizeof(*all));
	assert_non_null(all);
	assert_int_equal(journal_reader_open(&r, t.dirfd, t.id->pub.id, 0, NULL), 0);
	for (unsigned i = 0; i < want; i++) {
		assert_int_equal(journal_reader_next(r, &line, &off, NULL), 0);
		assert_int_equal(event_parse(&all[i], line), 0);
	}
	journal_reader_close(r);
	for (unsigned i = 0; i < THREADS; i++)
		check_worker(all, want, &w[i]);
	free(all);
	journals_free(&t);
}

/* ---- two handles, two nodes ---- */

static void test_two_handles_by_turns(void **state)
{
	struct event ev = {.type = EVENT_UNMOUNTED};
	struct note_checkpoint cp;
	struct journal *a, *b;
	struct journals t;

	(void)state;
	journals_new(&t);
	a = journals_must_open(&t);
	b = journals_must_open(&t);
	for (unsigned i = 1; i <= 40; i++) {
		struct journal *j = i % 3 ? a : b;

		assert_int_equal(journal_append(j, &ev, 1, NULL), 0);
		assert_int_equal(ev.seq, i);
		if (i % 5 == 0) {
			assert_int_equal(journal_checkpoint(i % 2 ? a : b, NULL), 0);
			journals_check_signed(&t);
		}
	}
	/* b signed what a had signed before in parts: a must see that they agree. */
	assert_int_equal(journal_checkpoint(b, NULL), 0);
	assert_int_equal(journal_append(a, &ev, 1, NULL), 0);
	assert_int_equal(journal_checkpoint(a, NULL), 0);
	/* b knows less than a has signed; it has nothing to add. */
	assert_int_equal(journal_checkpoint(b, NULL), 0);
	assert_int_equal(
		journal_read_checkpoint(t.dirfd, journals_archive, &t.id->pub, &cp, NULL, NULL), 0);
	assert_int_equal(cp.size, 42);
	assert_int_equal(journal_close(a, NULL), 0);
	assert_int_equal(journal_append(b, &ev, 1, NULL), 0);
	assert_int_equal(journal_close(b, NULL), 0);
	assert_int_equal(journals_check(&t, NULL), 43);
	journals_check_signed(&t);
	journals_free(&t);
}

static void test_two_nodes_in_one_directory(void **state)
{
	static const struct journal_start zero;
	struct journal *a, *b;
	struct journals t, other;
	struct journal_start s;

	(void)state;
	journals_new(&t);
	other = t;
	other.id = journals_node(&t, 2);
	a = journals_must_open(&t);
	assert_int_equal(
		journal_open(&b, t.dirfd, t.dirfd, journals_archive, other.id, &zero, NULL), 0);
	journals_add(a, 3);
	journals_add(b, 5);
	assert_int_equal(journal_close(b, NULL), 0);
	journals_add(a, 1);
	assert_int_equal(journal_close(a, NULL), 0);
	assert_int_equal(journals_check(&t, &s), 5);
	assert_int_equal(journals_check(&other, &s), 6);
	journals_check_signed(&t);
	journals_check_signed(&other);
	journals_free(&t);
}

/* ---- checkpoints ---- */

/* What another process signed is looked at before it is replaced. */
static void test_no_checkpoint_beside_another_tree(void **state)
{
	static const uint8_t wrong[32] = {1};
	struct err e = {0};
	struct journals t;
	struct journal *j;
	char *before, *after;
	size_t n, m;

	(void)state;
	for (uint64_t size = 2; size <= 9; size++) {
		journals_new(&t);
		j = journals_must_open(&t);
		journals_add(j, 1);
		if (size > 2) /* else the wrong one is of the size that j has signed itself */
			journals_add(j, 1);
		if (size == 2)
			assert_int_equal(journal_checkpoint(j, NULL), 0);
		journals_add(j, 3);
		journals_put_checkpoint(&t, size, wrong);
		before = journals_get(&t, "checkpoint", &n);
		assert_int_equal(journal_checkpoint(j, &e), ERR_ROLLBACK);
		assert_non_null(strstr(e.text, "checkpoint"));
		after = journals_get(&t, "checkpoint", &m);
		assert_int_equal(n, m);
		assert_memory_equal(before, after, n);
		assert_int_equal(journal_close(j, NULL), ERR_ROLLBACK);
		free(before);
		free(after);
		journals_free(&t);
	}
}

/* An older checkpoint of ours, put back by somebody, is replaced. */
static void test_an_older_checkpoint_is_replaced(void **state)
{
	struct journals t;
	struct journal *j;
	char *old;
	size_t n;

	(void)state;
	journals_new(&t);
	journals_make(&t, 2, 0);
	old = journals_get(&t, "checkpoint", &n);
	j = journals_must_open(&t);
	journals_add(j, 2);
	assert_int_equal(journal_checkpoint(j, NULL), 0);
	journals_put(&t, "checkpoint", old, n);
	journals_add(j, 1);
	assert_int_equal(journal_close(j, NULL), 0);
	journals_check_signed(&t);
	free(old);
	journals_free(&t);
}

static void test_checkpoint_gone_or_spoilt(void **state)
{
	struct journals t;
	struct journal *j;

	(void)state;
	journals_new(&t);
	j = journals_must_open(&t);
	journals_add(j, 2);
	assert_int_equal(journal_checkpoint(j, NULL), 0);
	journals_remove(&t, "checkpoint");
	journals_add(j, 1);
	assert_int_equal(journal_checkpoint(j, NULL), 0);
	journals_check_signed(&t);
	journals_put(&t, "checkpoint", "rubbish\n", 8);
	journals_add(j, 1); /* events are not held up by it */
	assert_int_equal(journal_checkpoint(j, NULL), ERR_MALFORMED);
	assert_int_equal(journal_close(j, NULL), ERR_MALFORMED);
	journals_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_journal),
		cmocka_unit_test(test_open_and_close_leave_the_files_alone),
		cmocka_unit_test(test_an_event_that_cannot_be_written),
		cmocka_unit_test(test_an_event_that_comes_too_late),
		cmocka_unit_test(test_an_event_behind_what_ends_it),
		cmocka_unit_test(test_time_never_goes_back),
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_two_handles_by_turns),
		cmocka_unit_test(test_two_nodes_in_one_directory),
		cmocka_unit_test(test_no_checkpoint_beside_another_tree),
		cmocka_unit_test(test_an_older_checkpoint_is_replaced),
		cmocka_unit_test(test_checkpoint_gone_or_spoilt),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
