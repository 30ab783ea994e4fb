/* SPDX-License-Identifier: Apache-2.0 */
/* catchup and station: what the journals say comes into the index, once, in pieces or anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/catchup.h"
#include "fs/catchup_scan.h"
#include "index/meta.h"
#include "tests/lib/stage.h"

static int set_up(void **state)
{
	struct stage *s = malloc(sizeof(*s));

	stage_open(s);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static struct catchup_result run(struct stage *s, uint64_t max)
{
	struct catchup_result r;
	struct err e = {0};

	if (catchup_run(s->st, max, &r, NULL, NULL, &e))
		fail_msg("%s", e.text);
	return r;
}

static void test_grows(void **state)
{
	struct stage *s = *state;
	struct catchup_result r;
	struct object o;

	stage_ingest(s, STAGE_CAP, "otay", "us/car", 10, NULL);
	stage_enter(s, STAGE_WS, 0);
	assert_string_equal(s->notice, "");
	assert_false(s->st->rebuilt);
	assert_int_equal(stage_items(s), 10);
	assert_int_equal(stage_find(s, "otay/us/car3.jpg", &o), 0);
	assert_memory_equal(o.node, s->id[STAGE_CAP], 16);
	r = run(s, 0);
	assert_int_equal(r.events + r.items + r.pending + r.releases, 0);
	assert_false(r.more);
	stage_leave(s);

	stage_ingest(s, STAGE_CAP, "otay", "mx/car", 5, NULL);
	stage_ingest(s, STAGE_CAP2, "tecate", "car", 7, NULL);
	stage_enter(s, STAGE_WS, STATION_NO_CATCH_UP);
	assert_int_equal(stage_items(s), 10);
	r = run(s, 0);
	/* accession, segment, 5 items, closed; started, enrolled and the same with 7 items. */
	assert_int_equal(r.events, 8 + 12);
	assert_int_equal(r.items, 12);
	assert_int_equal(r.releases, 1);
	assert_int_equal(stage_items(s), 22);
	assert_string_equal(s->notice, "");
}

/* What the accessions and segments say, at the reader and where they were made. */
static struct ledger_accession only;

static int keep_accession(void *ctx, const struct ledger_accession *a)
{
	only = *a;
	++*(unsigned *)ctx;
	return 0;
}

static void test_accession(void **state)
{
	struct stage *s = *state;
	uint64_t bytes = 0;
	uint8_t accession[16], content[1000];

	for (unsigned i = 0; i < 4; i++)
		bytes += stage_content("c", i, content);
	stage_ingest(s, STAGE_CAP, "otay", "c", 4, accession);
	for (unsigned i = 0; i < 2; i++) {
		struct db_txn *t;
		unsigned n = 0;

		stage_enter(s, i ? STAGE_CAP : STAGE_WS, 0);
		assert_int_equal(db_begin(&t, s->st->db, false, NULL), 0);
		assert_int_equal(ledger_accessions(t, keep_accession, &n, NULL), 0);
		db_abort(t);
		assert_int_equal(n, 1);
		assert_memory_equal(only.id, accession, 16);
		assert_memory_equal(only.node, s->id[STAGE_CAP], 16);
		assert_int_equal(only.items, 4);
		assert_int_equal(only.bytes, bytes);
		assert_int_equal(only.uid, 1000);
		assert_string_equal(only.user, "op");
		assert_string_equal(only.host, "cap");
		assert_true(only.opened_ms > 0 && only.closed_ms >= only.opened_ms);
		assert_string_equal(only.collection, i ? "" : "otay");
		/* A capture node knows no names. */
		assert_int_equal(stage_items(s), i ? 0 : 4);
		stage_leave(s);
	}
}

static void test_reindex(void **state)
{
	struct stage *s = *state;
	struct wire_out before = {0}, after = {0};

	stage_ingest(s, STAGE_CAP, "otay", "us/car", 20, NULL);
	stage_ingest(s, STAGE_BOTH, "otay", "us/car", 15, NULL); /* the same names again */
	stage_ingest(s, STAGE_CAP, "otay", "us/car", 10, NULL);
	stage_enter(s, STAGE_WS, 0);
	stage_dump(s, &before);
	assert_int_equal(stage_items(s), 45);
	stage_leave(s);
	stage_enter(s, STAGE_WS, STATION_REINDEX);
	assert_string_equal(s->notice, ""); /* who asked for it knows */
	stage_dump(s, &after);
	assert_int_equal(after.n, before.n);
	assert_memory_equal(after.p, before.p, after.n);
	stage_leave(s);
	/* A node that takes in and reads sees the same. */
	stage_enter(s, STAGE_BOTH, 0);
	stage_dump(s, &after);
	wire_out_free(&before);
	assert_int_equal(stage_items(s), 45);
	wire_out_free(&after);
}

/* Overwrite a piece of the index. */
static void test_damaged_index(void **state)
{
	struct stage *s = *state;
	struct wire_out before = {0}, after = {0};

	stage_ingest(s, STAGE_CAP, "otay", "us/car", 30, NULL);
	stage_enter(s, STAGE_WS, 0);
	stage_dump(s, &before);
	stage_leave(s);
	assert_int_equal(
		fixture_run(s->dir[STAGE_WS], "truncate -s 20000 archives/*/index/data.mdb"), 0);
	stage_enter(s, STAGE_WS, 0);
	assert_true(s->st->rebuilt);
	assert_non_null(strstr(s->notice, "rebuilt"));
	stage_dump(s, &after);
	assert_int_equal(after.n, before.n);
	assert_memory_equal(after.p, before.p, after.n);
	wire_out_free(&before);
	wire_out_free(&after);
}

/* Nonsense that authenticates, so that the index passes its checks: found when it is met. */
static void test_nonsense_in_index(void **state)
{
	struct stage *s = *state;
	struct db_batch *b;

	stage_ingest(s, STAGE_CAP, "otay", "us/car", 5, NULL);
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(db_batch_new(&b, s->st->db, NULL), 0);
	assert_int_equal(db_batch_put(b, KEY_JOURNAL, key_id(s->id[STAGE_CAP]), "?", 1), 0);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
	stage_leave(s);
	stage_enter(s, STAGE_WS, 0);
	assert_true(s->st->rebuilt);
	assert_int_equal(stage_items(s), 5);
}

/* A change of role changes what the index holds, without a word about damage. */
static void test_new_role(void **state)
{
	struct stage *s = *state;
	struct db_batch *b;

	stage_ingest(s, STAGE_CAP, "otay", "us/car", 5, NULL);
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(db_batch_new(&b, s->st->db, NULL), 0);
	assert_int_equal(meta_put_names(b, false), 0);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
	stage_leave(s);
	stage_enter(s, STAGE_WS, STATION_NO_CATCH_UP);
	assert_string_equal(s->notice, "");
	assert_int_equal(stage_items(s), 0);
	run(s, 0);
	assert_int_equal(stage_items(s), 5);
}

static void test_not_enrolled(void **state)
{
	struct stage *s = *state;
	struct document d;
	uint8_t serial[16];
	struct err e;

	/* stage_enter() enrols first, so the node is there with its enrolment taken away. */
	stage_enter(s, STAGE_WS, 0);
	stage_leave(s);
	stage_shell(s, "mkdir ../away && mv documents/* ../away");
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), ERR_DAMAGED);
	assert_non_null(strstr(e.text, ".enrolment"));
	assert_int_equal(stage_try(s, STAGE_WS, STATION_UNENROLLED, &e), 0);
	stage_shell(s, "mv ../away/* documents");
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), 0);
	/* A revoked node opens nothing, but what gets it enrolled again. */
	stage_revocation(s, REVOKE_NODE, s->id[STAGE_WS], &d, serial);
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(stage_import(s, &d, &e), 0);
	stage_leave(s);
	document_free(&d);
	assert_int_equal(stage_try(s, STAGE_WS, 0, &e), ERR_REVOKED);
	assert_int_equal(stage_try(s, STAGE_WS, STATION_UNENROLLED, &e), 0);
}

/* ---- while others are at work ---- */

static pid_t in_child(struct stage *s, void (*f)(struct stage *s))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		s->st = NULL; /* the parent's, which is not for us */
		f(s);
		_exit(0);
	}
	return pid;
}

static void wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void ingest_some(struct stage *s)
{
	stage_ingest(s, STAGE_CAP, "otay", "new", 6, NULL);
}

static void test_live(void **state)
{
	struct stage *s = *state;
	struct catchup_result r;

	stage_enter(s, STAGE_CAP, 0);
	stage_leave(s);
	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(stage_items(s), 0);
	sleep(3); /* documents/ is not young any more */
	run(s, 0);
	assert_false(catchup_needed(s->st, false));
	wait_for(in_child(s, ingest_some));
	assert_true(catchup_needed(s->st, false));
	assert_true(catchup_needed(s->st, true));
	r = run(s, 0);
	assert_int_equal(r.items, 6);
	assert_false(catchup_needed(s->st, false));
	assert_int_equal(stage_items(s), 6);
	/* Our own lines too. */
	stage_log(s, &(struct event){.type = EVENT_MOUNTED, .uid = 1, .user = "x"}, 3);
	assert_true(catchup_needed(s->st, false));
	assert_false(catchup_needed(s->st, true));
	r = run(s, 0);
	assert_int_equal(r.events, 3);
	assert_false(catchup_needed(s->st, false));
}

static void enrol_another(struct stage *s)
{
	stage_ingest(s, STAGE_CAP2, "tecate", "x", 2, NULL);
}

/* A node that is enrolled while a reader is at work. */
static void test_new_node(void **state)
{
	struct stage *s = *state;

	stage_enter(s, STAGE_WS, 0);
	wait_for(in_child(s, enrol_another));
	assert_true(catchup_needed(s->st, false));
	run(s, 0);
	assert_int_equal(stage_items(s), 2);
}

static void look(struct stage *s)
{
	stage_enter(s, STAGE_WS, STATION_NO_JOURNAL);
	if (stage_items(s) != 300)
		_exit(1);
	stage_leave(s);
}

/* Several processes that catch up at once add nothing twice. */
static void test_together(void **state)
{
	struct stage *s = *state;
	struct wire_out one = {0}, many = {0};
	pid_t child[4];

	stage_enter(s, STAGE_WS, 0);
	stage_leave(s);
	for (unsigned i = 0; i < 3; i++)
		stage_ingest(s, i == 1 ? STAGE_CAP2 : STAGE_CAP, "otay", "us/car", 100, NULL);
	for (unsigned i = 0; i < 4; i++)
		child[i] = in_child(s, look);
	for (unsigned i = 0; i < 4; i++)
		wait_for(child[i]);
	stage_enter(s, STAGE_WS, 0);
	stage_dump(s, &many);
	stage_leave(s);
	stage_enter(s, STAGE_WS, STATION_REINDEX);
	stage_dump(s, &one);
	assert_int_equal(one.n, many.n);
	assert_memory_equal(one.p, many.p, one.n);
	wire_out_free(&one);
	wire_out_free(&many);
}

/* ---- in pieces ---- */

struct progress {
	uint64_t done, total;
	unsigned calls;
};

static void watch(void *ctx, uint64_t done, uint64_t total)
{
	struct progress *p = ctx;

	assert_true(done > p->done);
	assert_true(done <= total);
	p->done = done;
	p->total = total;
	p->calls++;
}

static void test_budget(void **state)
{
	struct stage *s = *state;
	const struct event ev = {.type = EVENT_MOUNTED, .uid = 1, .user = "x"};
	struct catchup_result r = {.more = true};
	struct progress p = {0};
	uint64_t events = 0;
	unsigned runs = 0;
	struct err e;

	stage_ingest(s, STAGE_CAP, "otay", "first", 3, NULL);
	stage_enter(s, STAGE_CAP, 0);
	for (unsigned i = 0; i < 9; i++)
		stage_log(s, &ev, 5000);
	stage_leave(s);
	stage_ingest(s, STAGE_CAP, "otay", "last", 3, NULL);
	stage_enter(s, STAGE_WS, STATION_NO_CATCH_UP);
	for (; r.more; runs++) {
		r = run(s, 1);
		assert_true(r.events > 0 && r.events <= 2 * CATCHUP_BATCH);
		events += r.events;
		assert_true(!r.more || catchup_needed(s->st, false));
	}
	assert_true(runs >= 3);
	assert_int_equal(stage_items(s), 6);
	stage_leave(s);
	/* The same in one go, and told of. */
	stage_enter(s, STAGE_WS, STATION_NO_CATCH_UP | STATION_REINDEX);
	assert_int_equal(catchup_run(s->st, 0, &r, watch, &p, &e), 0);
	assert_true(p.calls >= 3);
	assert_int_equal(p.done, p.total);
	assert_true(r.events >= events);
	assert_int_equal(stage_items(s), 6);
}

/* ---- the node's own journal ---- */

static void log_and_die(struct stage *s)
{
	const struct event ev = {.type = EVENT_MOUNTED, .uid = 1, .user = "x"};

	stage_enter(s, STAGE_WS, 0);
	stage_log(s, &ev, 4);
	_exit(0);
}

static uint64_t own_lines(struct stage *s)
{
	struct ledger_journal j;
	struct db_txn *t;

	assert_int_equal(db_begin(&t, s->st->db, false, NULL), 0);
	assert_int_equal(ledger_get_journal(NULL, t, s->id[STAGE_WS], &j, NULL), 0);
	db_abort(t);
	return j.state.range.size;
}

static void test_unsigned_tail(void **state)
{
	struct stage *s = *state;
	char path[FIXTURE_PATH], *text;
	uint64_t before;
	size_t n, after;

	stage_enter(s, STAGE_WS, 0);
	before = own_lines(s);
	stage_leave(s);
	wait_for(in_child(s, log_and_die));
	/* Who only looks counts good lines past the checkpoint, and leaves a torn one alone. */
	stage_journal_path(s, STAGE_WS, "jsonl", path);
	text = fixture_read(path, &n);
	text = realloc(text, n + 10);
	memcpy(text + n, "{\"v\":1,\"se", 10);
	fixture_write(path, text, n + 10);
	free(text);
	stage_enter(s, STAGE_WS, STATION_NO_JOURNAL);
	assert_int_equal(own_lines(s), before + 4);
	assert_null(s->st->journal);
	stage_leave(s);
	free(fixture_read(path, &after));
	assert_int_equal(after, n + 10);
	/* Who writes cuts it off, and says so. */
	stage_enter(s, STAGE_WS, 0);
	assert_non_null(strstr(s->notice, "torn"));
	assert_int_equal(own_lines(s), before + 5);
	stage_leave(s);
	stage_enter(s, STAGE_WS, 0);
	assert_string_equal(s->notice, "");
}

static void test_clock(void **state)
{
	struct stage *s = *state;
	int64_t ms;
	struct err e;

	stage_enter(s, STAGE_WS, 0);
	assert_int_equal(station_now(s->st, &ms, &e), 0);
	assert_true(ms > INT64_C(1500000000000));
}

#define ON_STAGE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(test_grows),
		ON_STAGE(test_accession),
		ON_STAGE(test_reindex),
		ON_STAGE(test_damaged_index),
		ON_STAGE(test_nonsense_in_index),
		ON_STAGE(test_new_role),
		ON_STAGE(test_not_enrolled),
		ON_STAGE(test_live),
		ON_STAGE(test_new_node),
		ON_STAGE(test_together),
		ON_STAGE(test_budget),
		ON_STAGE(test_unsigned_tail),
		ON_STAGE(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
