/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verification of segments and frames: every way to spoil them that the design names is found, says
 * which item and which bytes, and leaves the other items alone.
 */
#include "fs/frame.h"

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

/*
 * A copy of item 0, under another id, in an accession and a segment of its own, `gap` bytes
 * behind the header. Field
 * `at` of its head is overwritten, and then logged as it is: such a node lies, but signs well.
 */
static void copy_item(struct fixity *w, uint64_t gap, size_t at, uint32_t value)
{
	struct event open = {.type = EVENT_ACCESSION, .epoch = 1, .user = "op", .host = "h"};
	struct event seg = {.type = EVENT_SEGMENT}, it = w->item[0];
	struct segment_writer *sw;
	struct segment_header h;
	struct wire_out header = {0};
	uint8_t *all, *frame;
	struct err e;

	all = (uint8_t *)fixture_read(w->segment_file, NULL);
	frame = all + it.offset;
	assert_int_equal(segment_header_parse(&h, all, it.offset), 0);
	secret_random(h.segment, 16);
	secret_random(h.accession, 16);
	assert_int_equal(segment_header_make(&header, &h, h.content_key_id, w->c.desc.catalogue,
					     h.content_key_id, w->c.desc.catalogue),
			 0);
	memcpy(frame + 32, h.accession, 16);
	secret_random(it.item, 16);
	memcpy(frame + 48, it.item, 16);
	if (at)
		wire_put32(frame + at, value);
	memcpy(it.accession, h.accession, 16);
	memcpy(it.segment, h.segment, 16);
	it.offset = header.n + gap;
	hash_sha256(it.head, frame, it.headlen);
	hash_sha256(it.frame, frame, it.length);
	memcpy(open.accession, h.accession, 16);
	memcpy(seg.accession, h.accession, 16);
	memcpy(seg.segment, h.segment, 16);
	hash_sha256(seg.header, header.p, header.n);
	assert_int_equal(segment_create(&sw, w->c.s.archive->segments, h.segment, header.p,
					header.n, &e),
			 0);
	assert_int_equal(segment_write(sw, it.offset, frame, it.length, &e), 0);
	segment_close(sw);
	capture_log(&w->c, &open);
	capture_log(&w->c, &seg);
	capture_log(&w->c, &it);
	capture_reopen(&w->c);
	free(all);
	wire_out_free(&header);
}

/* A frame that does not follow on the one before it: what lies between was reserved only. */
static void test_gap(void **state)
{
	struct fixity *w = *state;

	copy_item(w, 1000, 0, 0);
	fixity_good(w);
	assert_true(fixity_noted(w, "1000 bytes of segments lie between items"));
}

static void test_lying_heads(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *words;
	} cases[] = {
		{16, 1, "of another item, accession or archive"},
		{32, 1, "of another item, accession or archive"},
		{48, 1, "of another item, accession or archive"},
		{68, 6, "it has another length"},
		{72, 32768, "another suite or chunk size"},
		{76, 1u << 16, "another suite or chunk size"},
		{8, 7, "what was logged as its frame head is none"},
	};

	copy_item(*state, 0, 0, 0); /* the copying itself is right */
	fixity_good(*state);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fixity_tear_down(state);
		fixity_set_up(state);
		copy_item(*state, 0, cases[i].at, cases[i].value);
		fixity_bad(*state, cases[i].words);
	}
}

static void test_every_part_of_a_segment(void **state)
{
	struct fixity *w = *state;
	uint64_t end = w->item[0].offset; /* of the header */
	const struct verify_finding *f;

	for (unsigned i = 0; i < 3; i++)
		if (w->item[i].offset < end)
			end = w->item[i].offset;
	for (uint64_t off = 0; off < end; off += off < 12 || off + 40 > end ? 1 : 37) {
		fixity_flip(w->segment_file, off, 0x10);
		f = fixity_bad(w, "its header is not what was logged");
		assert_int_equal(w->findings, 1);
		assert_true(f->has_segment && !f->has_item);
		assert_int_equal(f->offset, 0);
		assert_true(f->length >= end || off < 12);
		fixity_flip(w->segment_file, off, 0x10);
	}
	for (unsigned i = 0; i < 3; i++) {
		const struct event *it = &w->item[i];
		uint64_t content = it->offset + it->headlen, len = it->length - it->headlen;

		for (uint64_t off = it->offset; off < content; off += 11) {
			fixity_flip(w->segment_file, off, 1);
			fixity_bad_item(w, i, it->offset, it->headlen,
					"frame head is not what was logged");
			fixity_flip(w->segment_file, off, 1);
		}
		for (uint64_t off = content; off < content + len; off += 1 + len / 7) {
			fixity_flip(w->segment_file, off, 0x80);
			fixity_bad_item(w, i, content, len,
					"sealed content is not what was logged");
			fixity_flip(w->segment_file, off, 0x80);
		}
	}
	fixity_good(w);
}

static void test_truncated_segment(void **state)
{
	struct fixity *w = *state;
	const struct event *last = &w->item[0];
	uint64_t size;

	for (unsigned i = 1; i < 3; i++)
		if (w->item[i].offset > last->offset)
			last = &w->item[i];
	size = last->offset + last->length;
	assert_int_equal(truncate(w->segment_file, (off_t)size - 1), 0);
	fixity_bad_item(w, (unsigned)(last - w->item), size - 1, 1,
			"the segment ends before its frame");
	assert_int_equal(truncate(w->segment_file, (off_t)last->offset), 0);
	fixity_bad_item(w, (unsigned)(last - w->item), last->offset, last->length,
			"the segment ends before its frame");
	/* All of it: the header and every item. */
	assert_int_equal(truncate(w->segment_file, 0), 0);
	fixity_bad(w, "its header is not what was logged");
	assert_int_equal(w->findings, 4);
}

static void test_missing_segment(void **state)
{
	struct fixity *w = *state;
	unsigned seen = 0;

	assert_int_equal(unlink(w->segment_file), 0);
	fixity_bad(w, "its segment is missing");
	assert_int_equal(w->findings, 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct verify_finding *f = &w->finding[i];

		assert_int_equal(f->code, ERR_DAMAGED);
		assert_true(f->has_item);
		for (unsigned k = 0; k < 3; k++) {
			if (memcmp(f->item, w->item[k].item, 16) != 0)
				continue;
			seen |= 1u << k;
			assert_int_equal(f->offset, w->item[k].offset);
			assert_int_equal(f->length, w->item[k].length);
		}
	}
	assert_int_equal(seen, 7);
	/* What is no file is as good as nothing. */
	assert_int_equal(mkdir(w->segment_file, 0700), 0);
	fixity_bad(w, "its segment is not a file");
	assert_int_equal(rmdir(w->segment_file), 0);
	assert_int_equal(mkfifo(w->segment_file, 0600), 0);
	fixity_bad(w, "its segment is not a file");
	assert_int_equal(unlink(w->segment_file), 0);
	assert_int_equal(symlink("/etc/passwd", w->segment_file), 0);
	fixity_bad(w, "its segment is missing");
}

static void test_swapped_segments(void **state)
{
	struct fixity *w = *state;
	char other[FIXTURE_PATH + 64], rel[SEGMENT_PATH_MAX], *a, *b;
	size_t na, nb;

	segment_path(rel, w->item[3].segment);
	snprintf(other, sizeof(other), "%s/segments/%s", w->c.path, rel);
	a = fixture_read(w->segment_file, &na);
	b = fixture_read(other, &nb);
	fixture_write(w->segment_file, b, nb);
	fixture_write(other, a, na);
	fixity_bad(w, "its header is not what was logged");
	for (unsigned i = 0; i < 4; i++) {
		bool told = false;

		for (unsigned k = 0; k < w->findings; k++)
			told = told || (w->finding[k].has_item &&
					memcmp(w->finding[k].item, w->item[i].item, 16) == 0);
		assert_true(told);
	}
	free(a);
	free(b);
}

static void test_swapped_frames(void **state)
{
	struct fixity *w = *state;
	const struct event *a = &w->item[0], *b = &w->item[2]; /* one of 5 bytes, an empty one */
	size_t n = a->length < b->length ? a->length : b->length, size;
	char *all = fixture_read(w->segment_file, &size), *copy = malloc(n);

	assert_non_null(copy);
	memcpy(copy, all + a->offset, n);
	memcpy(all + a->offset, all + b->offset, n);
	memcpy(all + b->offset, copy, n);
	fixture_write(w->segment_file, all, size);
	fixity_bad(w, "frame head is not what was logged");
	assert_int_equal(w->findings, 2);
	free(copy);
	free(all);
}

static void test_zeroed_block(void **state)
{
	struct fixity *w = *state;
	const struct event *it = &w->item[1];
	uint8_t zeros[16400] = {0};
	int fd = open(w->segment_file, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros),
				(off_t)(it->offset + it->headlen + 2 * 16400)),
			 sizeof(zeros));
	close(fd);
	fixity_bad_item(w, 1, it->offset + it->headlen, it->length - it->headlen,
			"sealed content is not what was logged");
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixity_set_up, fixity_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_gap),
		T(test_lying_heads),
		T(test_every_part_of_a_segment),
		T(test_truncated_segment),
		T(test_missing_segment),
		T(test_swapped_segments),
		T(test_swapped_frames),
		T(test_zeroed_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
