/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verification without keys: a good archive is good, an unfinished one too; and what journal lines
 * say of each other is compared. The engine's own threads (pthread_create) run here, so this is a
 * test for ThreadSanitizer too.
 */
#include "fs/verify.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "fs/segment.h"
#include "tests/lib/fixity.h"

static void test_good(void **state)
{
	struct fixity *w = *state;
	struct wire_out cp = {0};
	uint64_t bytes = 0;
	uint8_t root[32];
	struct err e;
	size_t n;
	char *text;

	fixity_good(w);
	for (unsigned i = 0; i < 4; i++)
		bytes += w->item[i].length;
	assert_int_equal(w->sum.journals, 1);
	/* started, enrolled; two accessions with two lines each; two segments; four items */
	assert_int_equal(w->sum.events, 2 + 4 + 2 + 4);
	assert_int_equal(w->sum.items, 4);
	assert_int_equal(w->sum.segments, 2);
	assert_int_equal(w->sum.documents, 1);
	assert_int_equal(w->sum.bytes, bytes);
	assert_int_equal(w->done, bytes);
	assert_int_equal(w->total, bytes);
	assert_int_equal(w->sum.unsigned_events, 0);
	assert_int_equal(w->sum.open_accessions, 0);
	assert_string_equal((const char *)w->notes.p, "");
	text = fixture_read(w->checkpoint_file, &n);
	hash_sha256(root, text, n);
	assert_memory_equal(w->sum.root, root, 32);
	free(text);
	wire_out_free(&cp);

	assert_int_equal(fixity_run(w, NULL, true, &e), 0);
	assert_int_equal(w->sum.items, 4);
	assert_int_equal(w->sum.bytes, 0);
	assert_int_equal(w->done, 0);
}

/* While an ingest runs, and after one that was cut short: lines past the checkpoint, an accession
 * that is open, a segment of nobody, gaps. None of it is damage. */
static void test_unfinished(void **state)
{
	struct fixity *w = *state;
	struct event ev = {.type = EVENT_ACCESSION, .user = "op", .host = "h"};
	char path[FIXTURE_PATH + 64];
	int fd;

	memset(ev.accession, 7, 16);
	capture_log(&w->c, &ev);
	snprintf(path, sizeof(path), "%s/segments/ab", w->c.path);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/segments/ab/abcd0000000000000000000000000000.seg",
		 w->c.path);
	fixture_write(path, "torn", 4);
	fixity_append(w->segment_file, "what was reserved and never committed");
	fixity_append(w->journal_file, "{\"v\":1,\"seq\":99,");
	snprintf(path, sizeof(path), "%s/journal/.0123456789abcdef.tmp", w->c.path);
	fixture_write(path, "x", 1);
	fixity_good(w);
	assert_int_equal(w->sum.unsigned_events, 1);
	assert_int_equal(w->sum.open_accessions, 1);
	assert_true(fixity_noted(w, "1 event past its last checkpoint"));
	assert_true(fixity_noted(w, "never closed"));
	assert_true(fixity_noted(
		w, "segments/ab/abcd0000000000000000000000000000.seg is in no journal"));
	assert_true(fixity_noted(w, "torn end"));
	fd = open(w->journal_file, O_WRONLY);
	assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - 16), 0);
	close(fd);
}

/* ---- what lines say of each other: a node that logs nonsense, well signed ---- */

static void test_overlap(void **state)
{
	struct fixity *w = *state;
	struct event ev = w->item[0];
	const struct verify_finding *f;

	memset(ev.item, 9, 16);
	capture_log(&w->c, &ev);
	capture_reopen(&w->c);
	f = fixity_bad(w, "its frame lies over another item's");
	assert_int_equal(f->offset, ev.offset);
	assert_int_equal(f->length, ev.length);
	/* The one whose id the frame does not have is told of by that, too. */
	f = fixity_bad(w, "its frame says that it is of another item");
	assert_memory_equal(f->item, ev.item, 16);
}

static void test_impossible_places(void **state)
{
	static const struct {
		uint64_t offset, length, headlen;
		const char *words;
	} cases[] = {
		{UINT64_MAX, 1000, 300, "lengths that no frame has"},
		{1000, UINT64_MAX, 300, "lengths that no frame has"},
		{INT64_MAX, 1000, 300, "lengths that no frame has"},
		{1000, 200, 300, "lengths that no frame has"},
		{1000, 1000, 0, "lengths that no frame has"},
		{1000, 1u << 30, 1u << 29, "lengths that no frame has"},
		{1u << 30, 1000, 300, "the segment ends before its frame does"},
		{0, 1000, 300, "its frame lies over the segment's header"},
	};
	struct fixity *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event ev = w->item[0];

		memset(ev.item, (int)(0x10 + i), 16);
		ev.offset = cases[i].offset;
		ev.length = cases[i].length;
		ev.headlen = cases[i].headlen;
		capture_log(&w->c, &ev);
		capture_reopen(&w->c);
		fixity_bad(w, cases[i].words);
	}
}

static void test_strays(void **state)
{
	struct fixity *w = *state;
	struct event ev = w->item[0], closed = {.type = EVENT_ACCESSION_CLOSED, .items = 1};
	const struct verify_finding *f;

	memset(ev.segment, 0x77, 16);
	capture_log(&w->c, &ev);
	capture_reopen(&w->c);
	f = fixity_bad(w, "which it does not announce");
	assert_true(f->has_item && f->has_segment);
	assert_memory_equal(f->item, ev.item, 16);
	assert_memory_equal(f->segment, ev.segment, 16);

	ev = w->segment;
	capture_log(&w->c, &ev);
	capture_reopen(&w->c);
	fixity_bad(w, "is announced twice");

	ev = w->segment;
	memset(ev.segment, 0x78, 16);
	memset(ev.accession, 0x79, 16);
	capture_log(&w->c, &ev);
	capture_reopen(&w->c);
	fixity_bad(w, "an accession that its journal does not know");

	memset(closed.accession, 0x7a, 16);
	capture_log(&w->c, &closed);
	capture_reopen(&w->c);
	fixity_bad(w, "is closed, and was never begun");
	memcpy(closed.accession, w->segment.accession, 16);
	capture_log(&w->c, &closed);
	capture_reopen(&w->c);
	fixity_bad(w, "was closed with 1 items, and the journal has 3");
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixity_set_up, fixity_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_good),	T(test_unfinished), T(test_overlap), T(test_impossible_places),
		T(test_strays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
