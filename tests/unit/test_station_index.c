/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index whose files were altered by a bad disk, under a whole node: a station that opens it comes
 * back in time, and shows what the index of an unhurt node shows, because it rebuilds it; or it says
 * that the index is damaged, and the next one that opens rebuilds it. Never other data: of an index that
 * was closed. Where a crash and damage come together, a pointer may have been turned to where an older
 * state of a table still lies, whose values are good ones: one of 5,000 mutations did that, and that
 * few are let pass.
 *
 * MUTATIONS in the environment: how many (60). MUTATION_SEED: which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/station.h"
#include "tests/lib/stage.h"

#define PAGE 4096u
#define ITEMS 150u
#define SECONDS 60 /* more is a hang */

enum outcome { SAME, REBUILT, SAID, WRONG, OTHER, CRASHED, HUNG, OUTCOMES };
static const char *const outcome_name[] = {"unhurt", "rebuilt", "said so", "WRONG",
					   "OTHER",  "CRASHED", "HUNG"};

struct hurt {
	struct stage s;
	char index[FIXTURE_PATH + 64];
	char *data, *header, *lock; /* of a good index */
	size_t data_n, header_n, lock_n;
	struct wire_out shown;
	uint64_t seed;
};

static uint64_t rnd(struct hurt *x, uint64_t below)
{
	uint64_t z = x->seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % below;
}

static const char *file(const struct hurt *x, const char *name)
{
	static char path[FIXTURE_PATH + 96];

	snprintf(path, sizeof(path), "%s/%s", x->index, name);
	return path;
}

static int set_up(void **state)
{
	struct hurt *x = calloc(1, sizeof(*x));
	const char *seed = getenv("MUTATION_SEED");
	struct station *s;

	assert_non_null(x);
	stage_open(&x->s);
	for (unsigned i = 0; i < 3; i++) {
		stage_ingest(&x->s, STAGE_CAP, "otay", (const char *[]){"a", "b/c/", "d/"}[i],
			     ITEMS / 3, NULL);
		stage_leave(&x->s);
	}
	s = stage_enter(&x->s, STAGE_WS, 0);
	snprintf(x->index, sizeof(x->index), "%s", s->home->index_dir);
	stage_leave(&x->s);
	stage_enter(&x->s, STAGE_WS, 0);
	stage_dump(&x->s, &x->shown);
	assert_int_equal(stage_items(&x->s), ITEMS);
	stage_leave(&x->s);
	x->data = fixture_read(file(x, "data.mdb"), &x->data_n);
	x->header = fixture_read(file(x, "header"), &x->header_n);
	x->lock = fixture_read(file(x, "lock.mdb"), &x->lock_n);
	x->seed = seed ? strtoull(seed, NULL, 10) : 1;
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct hurt *x = *state;

	stage_close(&x->s);
	wire_out_free(&x->shown);
	free(x->data);
	free(x->header);
	free(x->lock);
	free(x);
	return 0;
}

static void flip(struct hurt *x, char *p, size_t n, unsigned bits)
{
	while (bits-- > 0)
		p[rnd(x, n)] ^= (char)(1 << rnd(x, 8));
}

static char *page(struct hurt *x, char *data)
{
	return data + rnd(x, x->data_n / PAGE) * PAGE;
}

/* Hurt the bytes of the file in one of many ways; returns how long it is then. */
static size_t mutate(struct hurt *x, unsigned how, char *data)
{
	char save[PAGE], *a = page(x, data), *b = page(x, data);
	size_t n = x->data_n;

	switch (how) {
	case 0: /* a bit, anywhere */
	case 1:
		flip(x, data, n, 1);
		break;
	case 2: /* some bits of the first pages, which say where all else is */
		flip(x, data, (size_t)2 * PAGE, 1 + (unsigned)rnd(x, 4));
		break;
	case 3: /* of a page's head and pointers */
		flip(x, a, 64, 1 + (unsigned)rnd(x, 3));
		break;
	case 4: /* two pages exchanged */
		memcpy(save, a, PAGE);
		memcpy(a, b, PAGE);
		memcpy(b, save, PAGE);
		break;
	case 5: /* a page as it was before, or another's */
		memcpy(a, b, PAGE);
		break;
	case 6: /* never written */
		memset(a, 0, PAGE);
		break;
	case 7: /* a sector of noise */
		fixture_fill(a + rnd(x, 8) * 512, 512, (uint32_t)rnd(x, UINT32_MAX));
		break;
	case 8: /* cut off */
		n = rnd(x, 4) ? rnd(x, n / PAGE) * PAGE : rnd(x, n);
		break;
	default: /* something appended */
		fixture_fill(data + n, 3 * PAGE, (uint32_t)rnd(x, UINT32_MAX));
		n += 1 + rnd(x, (uint64_t)3 * PAGE);
	}
	return n;
}

static void put(struct hurt *x, unsigned how, const char *data, size_t n, bool clean)
{
	fixture_write(file(x, "data.mdb"), data, n);
	fixture_write(file(x, "header"), x->header, x->header_n);
	if (clean)
		unlink(file(x, "in-use"));
	else
		fixture_write(file(x, "in-use"), "", 0);
	if (how == 9) { /* the other files, too */
		char *lock = malloc(x->lock_n);

		assert_non_null(lock);
		memcpy(lock, x->lock, x->lock_n);
		flip(x, lock, x->lock_n, 20);
		fixture_write(file(x, "lock.mdb"), lock, x->lock_n);
		free(lock);
	}
}

/* Open the station, look at everything, in a process of its own. */
static enum outcome look(struct hurt *x)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		struct wire_out shown = {0};
		struct station_ask ask = {.archive = x->s.archive, .node_dir = x->s.dir[STAGE_WS]};
		struct err e = {0};
		enum outcome o;
		int rc;

		/* cmocka would take a crash for its own, and tear everything down. */
		for (const int *sig = (const int[]){SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, 0};
		     *sig; sig++)
			signal(*sig, SIG_DFL);
		alarm(SECONDS);
		rc = station_open(&x->s.st, &ask, &e);
		if (rc && rc != ERR_INDEX)
			fprintf(stderr, "# open: %d %s\n", rc, e.text);
		if (rc)
			_exit(rc == ERR_INDEX ? SAID : OTHER);
		o = x->s.st->rebuilt ? REBUILT : SAME;
		rc = stage_try_dump(&x->s, &shown);
		if (rc && rc != ERR_INDEX)
			fprintf(stderr, "# looking: %d\n", rc);
		if (rc)
			_exit(rc == ERR_INDEX ? SAID : OTHER);
		if (shown.n != x->shown.n || memcmp(shown.p, x->shown.p, shown.n) != 0) {
			fprintf(stderr, "# %zu bytes shown, not %zu\n", shown.n, x->shown.n);
			_exit(WRONG);
		}
		rc = station_close(x->s.st, &e);
		_exit(rc == 0 ? o : rc == ERR_INDEX ? SAID : OTHER);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGALRM ? HUNG : CRASHED;
	return WEXITSTATUS(status) < OUTCOMES ? (enum outcome)WEXITSTATUS(status) : CRASHED;
}

static bool good(enum outcome o)
{
	return o == SAME || o == REBUILT;
}

static void test_mutated(void **state)
{
	struct hurt *x = *state;
	const char *wish = getenv("MUTATIONS");
	unsigned count[OUTCOMES] = {0}, again[OUTCOMES] = {0}, bad[2] = {0},
		 n = wish ? (unsigned)atoi(wish) : 60;
	char *data = malloc(x->data_n + (size_t)3 * PAGE);

	assert_non_null(data);
	for (unsigned i = 0; i < n; i++) {
		unsigned how = i % 10;
		bool clean = rnd(x, 2);
		enum outcome o;
		size_t size;

		memcpy(data, x->data, x->data_n);
		size = mutate(x, how, data);
		put(x, how, data, size, clean);
		o = look(x);
		count[o]++;
		bad[clean] += !good(o) && o != SAID;
		if (!good(o) && o != SAID)
			print_message("# mutation %u (kind %u, %s): %s\n", i, how,
				      clean ? "closed" : "crashed", outcome_name[o]);
		if (o == SAID) {
			o = look(x);
			again[o]++;
			if (!good(o))
				print_message("# mutation %u (kind %u): afterwards: %s\n", i, how,
					      outcome_name[o]);
		}
	}
	print_message("# %u mutations:", n);
	for (unsigned o = 0; o < OUTCOMES; o++)
		print_message(" %s %u (%u afterwards)", outcome_name[o], count[o], again[o]);
	print_message("\n");
	free(data);
	assert_int_equal(bad[true], 0);
	assert_true(bad[false] <= 1 + n / 1000);
	assert_int_equal(again[SAME] + again[REBUILT], count[SAID]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mutated, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
