/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a backup: what is written is read back, and nothing else is read. Names of an archive. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "fs/backup_plan.h"
#include "fs/backup_state.h"
#include "fs/layout.h"
#include "index/file.h"

static int make_dir(void **state)
{
	char path[] = "/tmp/custody-test.XXXXXX";

	*state = mkdtemp(path) ? strdup(path) : NULL;
	return *state ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
	free(*state);
	return system(command);
}

static int open_dir(void **state)
{
	int fd = open(*state, O_RDONLY | O_DIRECTORY);

	assert_true(fd >= 0);
	return fd;
}

/* Two journals of 5 and 8 lines, two segments, one thing that is owed. */
static void fill(struct backup_state *s, struct backup_mark mark[2], struct backup_held held[2],
		 struct backup_frame *owed)
{
	*s = (struct backup_state){.made_ms = INT64_C(1795500000000),
				   .mark = mark,
				   .marks = 2,
				   .held = held,
				   .helds = 2,
				   .owed = owed,
				   .oweds = 1};
	memset(s->archive, 0xaa, 16);
	memset(mark, 0, 2 * sizeof(*mark));
	memset(held, 0, 2 * sizeof(*held));
	for (unsigned k = 0; k < 2; k++) {
		memset(mark[k].node, 1 + (int)k, 16);
		for (unsigned i = 0; i < 5 + 3 * k; i++) {
			merkle_hash leaf;

			merkle_leaf(leaf, &i, sizeof(i));
			merkle_append(&mark[k].range, leaf, NULL, NULL);
		}
		mark[k].bytes = 1000 + k;
		memset(held[k].id, 0x10 + (int)k, 16);
		held[k].bytes = UINT64_C(1) << (40 + k);
	}
	*owed = (struct backup_frame){.offset = 608, .length = 77};
	memset(owed->segment, 0x10, 16);
	memset(owed->digest, 0xdd, 32);
}

static void test_round_trip(void **state)
{
	struct backup_mark mark[2];
	struct backup_held held[2];
	struct backup_frame owed;
	struct backup_state s, back;
	struct wire_out text = {0};
	merkle_hash a, b;
	int dir = open_dir(state);

	fill(&s, mark, held, &owed);
	backup_state_text(&text, &s);
	assert_int_equal(file_replace(dir, BACKUP_STATE, text.p, text.n, 0600, NULL), 0);
	assert_int_equal(backup_state_read(&back, dir, NULL), 0);
	assert_memory_equal(back.archive, s.archive, 16);
	assert_int_equal(back.made_ms, s.made_ms);
	assert_int_equal(back.marks, 2);
	assert_int_equal(back.helds, 2);
	assert_int_equal(back.oweds, 1);
	for (unsigned k = 0; k < 2; k++) {
		const struct backup_mark *m = backup_state_mark(&back, mark[k].node);

		assert_non_null(m);
		assert_int_equal(m->bytes, mark[k].bytes);
		assert_int_equal(m->range.size, mark[k].range.size);
		merkle_root(a, &m->range);
		merkle_root(b, &mark[k].range);
		assert_memory_equal(a, b, sizeof(a));
		assert_int_equal(backup_state_held(&back, held[k].id)->bytes, held[k].bytes);
	}
	assert_memory_equal(back.owed[0].digest, owed.digest, 32);
	assert_int_equal(back.owed[0].length, 77);
	assert_null(backup_state_mark(&back, held[0].id));
	backup_state_free(&back);
	wire_out_free(&text);
	close(dir);
}

/* No byte of it may change, and it may not be cut. */
static void test_altered(void **state)
{
	struct backup_mark mark[2];
	struct backup_held held[2];
	struct backup_frame owed;
	struct backup_state s, back;
	struct wire_out text = {0};
	int dir = open_dir(state);

	fill(&s, mark, held, &owed);
	backup_state_text(&text, &s);
	for (size_t i = 0; i < text.n; i += 3) {
		text.p[i] ^= 1;
		assert_int_equal(file_replace(dir, BACKUP_STATE, text.p, text.n, 0600, NULL), 0);
		assert_int_not_equal(backup_state_read(&back, dir, NULL), 0);
		assert_int_equal(back.marks + back.helds + back.oweds, 0);
		text.p[i] ^= 1;
	}
	for (size_t n = 0; n < text.n; n += 7) {
		assert_int_equal(file_replace(dir, BACKUP_STATE, text.p, n, 0600, NULL), 0);
		assert_int_not_equal(backup_state_read(&back, dir, NULL), 0);
	}
	assert_int_equal(unlinkat(dir, BACKUP_STATE, 0), 0);
	assert_int_equal(backup_state_read(&back, dir, NULL), ERR_NOTFOUND);
	wire_out_free(&text);
	close(dir);
}

/* A digest is easily made anew; the lines must be right all the same. */
static void refuse_text(int dir, const char *lines)
{
	struct backup_state back;
	struct wire_out text = {0};
	uint8_t digest[32];
	char hex[65];

	wire_out_text(&text, "custodyfs-backup-state/v1\n"
			     "archive: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
			     "made: 2026-11-23T07:10:00Z\n");
	wire_out_text(&text, lines);
	hash_sha256(digest, text.p, text.n);
	text_hex(hex, digest, 32);
	wire_out_printf(&text, "digest: %s\n", hex);
	assert_int_equal(file_replace(dir, BACKUP_STATE, text.p, text.n, 0600, NULL), 0);
	assert_int_equal(backup_state_read(&back, dir, NULL), ERR_MALFORMED);
	wire_out_free(&text);
}

static void test_malformed(void **state)
{
	int dir = open_dir(state);

#define NODE "0123456789abcdef0123456789abcdef"
#define HASH NODE NODE
	refuse_text(dir, "journal: " NODE " 2 10\n");		       /* its peak is missing */
	refuse_text(dir, "journal: " NODE " 2\npeak: " HASH "\n");     /* no bytes */
	refuse_text(dir, "journal: " NODE " 2 10 \npeak: " HASH "\n"); /* something more */
	refuse_text(dir, "journal: " NODE " 02 10\npeak: " HASH "\n");
	refuse_text(dir, "journal: " NODE " 18446744073709551615 1\npeak: " HASH "\n");
	refuse_text(dir, "segment: " NODE " 1\nsegment: " NODE " 2\n"); /* twice */
	refuse_text(dir, "segment: " NODE " -1\n");
	refuse_text(dir, "owed: " NODE " 1 2\n");
	refuse_text(dir, "segment: " NODE " 1\njournal: " NODE " 2 10\npeak: " HASH "\n");
	refuse_text(dir, "other: 1\n");
	close(dir);
}

static void test_plan(void **state)
{
	struct event ev = {.type = EVENT_INGEST};
	struct backup_plan p = {.frames = 0};
	const struct backup_frame *f;
	size_t n;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		memset(ev.segment, (int)(i * 7 % 5), 16);
		ev.offset = 10 * (100 - i);
		ev.length = 10;
		assert_int_equal(backup_plan_event(&p, &ev), 0);
	}
	ev.length = 0;
	assert_int_equal(backup_plan_event(&p, &ev), ERR_MALFORMED);
	ev.length = INT64_MAX;
	assert_int_equal(backup_plan_event(&p, &ev), ERR_MALFORMED);
	ev.offset = UINT64_MAX;
	assert_int_equal(backup_plan_event(&p, &ev), ERR_MALFORMED);
	ev.type = EVENT_OPENED;
	assert_int_equal(backup_plan_event(&p, &ev), 0);
	backup_plan_sort(&p);
	assert_int_equal(p.frames, 100);
	assert_int_equal(p.helds, 5);
	for (size_t i = 0; i < p.helds; i++) {
		f = backup_plan_frames(&p, p.held[i].id, &n);
		assert_int_equal(n, 20);
		for (size_t k = 1; k < n; k++)
			assert_true(f[k - 1].offset < f[k].offset);
		assert_int_equal(f[n - 1].offset + f[n - 1].length, p.held[i].bytes);
	}
	memset(ev.segment, 0x77, 16);
	assert_null(backup_plan_frames(&p, ev.segment, &n));
	backup_plan_free(&p);
}

/* ---- names ---- */

static int count(void *ctx, const struct layout_file *f)
{
	size_t *n = ctx;

	assert_non_null(f->kind);
	++*n;
	return 0;
}

static size_t walk(int dir, enum layout_part part)
{
	size_t n = 0;

	assert_int_equal(layout_walk(dir, part, count, &n, NULL), 0);
	return n;
}

static void put(int dir, const char *path)
{
	assert_int_equal(file_replace(dir, path, "x", 1, 0600, NULL), 0);
}

static void test_layout(void **state)
{
	int dir = open_dir(state);

	file_mkdir(dir, "journal", 0700, NULL);
	file_mkdir(dir, "documents", 0700, NULL);
	file_mkdir(dir, "segments", 0700, NULL);
	file_mkdir(dir, "segments/01", 0700, NULL);
	file_mkdir(dir, "segments/zz", 0700, NULL);
	put(dir, "journal/" NODE ".jsonl");
	put(dir, "journal/" NODE ".checkpoint");
	put(dir, "journal/" NODE ".cosigned");
	put(dir, "journal/" NODE ".key");
	put(dir, "journal/" NODE "0.jsonl");
	put(dir, "journal/.0123456789abcdef.tmp");
	put(dir, "journal/node.key");
	assert_int_equal(walk(dir, LAYOUT_JOURNAL), 3);
	put(dir, "segments/01/" NODE ".seg");
	put(dir, "segments/zz/" NODE ".seg");
	put(dir, "segments/" NODE ".seg");
	put(dir, "segments/01/1123456789abcdef0123456789abcdef.seg"); /* not where it belongs */
	put(dir, "segments/01/" NODE ".segx");
	put(dir, "segments/ab"); /* no folder */
	assert_int_equal(walk(dir, LAYOUT_SEGMENTS), 1);
	put(dir, "documents/" NODE ".enrolment");
	put(dir, "documents/" NODE ".archive-12");
	put(dir, "documents/" NODE ".Enrolment");
	put(dir, "documents/" NODE ".");
	put(dir, "documents/" NODE "..");
	put(dir, "documents/pins.seal");
	assert_int_equal(walk(dir, LAYOUT_DOCUMENTS), 2);
	close(dir);
}

static void test_document(void **state)
{
	static const char text[] = "custodyfs-enrolment/v1\n", old[] = "custodyfs-archive/v1\n";

	(void)state;
	assert_true(layout_document("enrolment", text, sizeof(text) - 1));
	assert_true(layout_document("archive-7", old, sizeof(old) - 1));
	assert_false(layout_document("revocation", text, sizeof(text) - 1));
	assert_false(layout_document("enrol", text, sizeof(text) - 1));
	assert_false(layout_document("enrolment", "CUSTKEY1\1", 9));
	assert_false(layout_document("enrolment", text, 10));
	assert_false(layout_document("enrolment", "", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_altered, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_malformed, make_dir, remove_dir),
		cmocka_unit_test(test_plan),
		cmocka_unit_test_setup_teardown(test_layout, make_dir, remove_dir),
		cmocka_unit_test(test_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
