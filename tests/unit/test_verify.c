/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verification without keys: a good archive is good; and every way to spoil one that the design names
 * is found, says which item and which bytes, and leaves the other items alone.
 */
#include "fs/verify.h"

#include <fcntl.h>
#include <pthread.h>
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
#include "fs/authorisation.h"
#include "fs/ingest.h"
#include "tests/lib/capture.h"

#define FINDINGS 64

struct world {
	struct capture c;
	struct event item[4]; /* as made: small, 100 kB, empty, 40 kB */
	struct event segment; /* of the first three; the fourth is in another */
	char segment_file[FIXTURE_PATH + 64], journal_file[FIXTURE_PATH + 64],
		checkpoint_file[FIXTURE_PATH + 64], enrolment_file[FIXTURE_PATH + 96];

	struct verify_finding finding[FINDINGS];
	unsigned findings;
	struct wire_out notes;
	struct verify_sum sum;
	uint64_t done, total;
	pthread_mutex_t one; /* callbacks come one at a time */
};

/* ---- an archive ---- */

static void ingest(struct world *w, unsigned first, unsigned n)
{
	static const size_t sizes[] = {5, 100000, 0, 40000};
	static const struct ingest_ask ask = {
		.collection = "c", .user = "op", .uid = 1, .host = "h", .workers = 1};
	uint8_t data[100000];
	struct ingest *g;
	struct err e = {0};

	if (ingest_begin(&g, &w->c.s, &ask, &e) != 0)
		fail_msg("%s", e.text);
	for (unsigned i = first; i < first + n; i++) {
		char path[8];

		snprintf(path, sizeof(path), "f%u", i);
		fixture_fill(data, sizes[i], i);
		assert_int_equal(ingest_add_bytes(g, data, sizes[i], path, NULL, &e), 0);
	}
	if (ingest_end(g, false, NULL, &e) != 0)
		fail_msg("%s", e.text);
}

static void find_enrolment(const char *path, void *ctx)
{
	struct world *w = ctx;

	snprintf(w->enrolment_file, sizeof(w->enrolment_file), "%s", path);
}

static void name_files(struct world *w)
{
	char node[33], seg[SEGMENT_PATH_MAX], dir[FIXTURE_PATH + 16];

	text_hex(node, w->c.id->pub.id, 16);
	segment_path(seg, w->segment.segment);
	snprintf(w->segment_file, sizeof(w->segment_file), "%s/segments/%s", w->c.path, seg);
	snprintf(w->journal_file, sizeof(w->journal_file), "%s/journal/%s.jsonl", w->c.path, node);
	snprintf(w->checkpoint_file, sizeof(w->checkpoint_file), "%s/journal/%s.checkpoint",
		 w->c.path, node);
	snprintf(dir, sizeof(dir), "%s/documents", w->c.path);
	fixture_each(dir, ".enrolment", find_enrolment, w);
}

static int set_up(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	pthread_mutex_init(&w.one, NULL);
	capture_open(&w.c);
	ingest(&w, 0, 3);
	ingest(&w, 3, 1);
	for (unsigned i = 0; i < 4; i++)
		assert_true(capture_event(&w.c, EVENT_INGEST, i, &w.item[i]));
	assert_true(capture_event(&w.c, EVENT_SEGMENT, 0, &w.segment));
	assert_memory_equal(w.item[2].segment, w.segment.segment, 16);
	assert_memory_not_equal(w.item[3].segment, w.segment.segment, 16);
	name_files(&w);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	wire_out_free(&w->notes);
	pthread_mutex_destroy(&w->one);
	capture_close(&w->c);
	return 0;
}

/* ---- running it ---- */

static void found(void *ctx, const struct verify_finding *f)
{
	struct world *w = ctx;

	assert_int_equal(pthread_mutex_trylock(&w->one), 0);
	assert_true(f->text[0] != '\0');
	if (w->findings < FINDINGS)
		w->finding[w->findings] = *f;
	w->findings++;
	pthread_mutex_unlock(&w->one);
}

static void note(void *ctx, const char *sentence)
{
	struct world *w = ctx;

	assert_int_equal(pthread_mutex_trylock(&w->one), 0);
	wire_out_printf(&w->notes, "%s\n", sentence);
	pthread_mutex_unlock(&w->one);
}

static void progress(void *ctx, uint64_t done, uint64_t total)
{
	struct world *w = ctx;

	assert_int_equal(pthread_mutex_trylock(&w->one), 0);
	assert_true(done >= w->done);
	w->done = done;
	w->total = total;
	pthread_mutex_unlock(&w->one);
}

static int run(struct world *w, const char *checkpoint, bool quick, struct err *e)
{
	const struct verify_ask ask = {
		.workers = 2,
		.checkpoint = checkpoint,
		.quick = quick,
		.finding = found,
		.note = note,
		.progress = progress,
		.ctx = w,
	};
	struct archive *a;
	int rc;

	w->findings = 0;
	w->done = w->total = 0;
	wire_out_reset(&w->notes);
	if (archive_open(&a, w->c.path, e) != 0)
		fail_msg("%s", e->text);
	rc = verify_run(a, &ask, &w->sum, e);
	archive_close(a);
	wire_out_u8(&w->notes, 0);
	assert_int_equal(w->sum.damaged + w->sum.unchecked, w->findings);
	return rc;
}

static void tell_all(const struct world *w)
{
	for (unsigned i = 0; i < w->findings && i < FINDINGS; i++)
		print_message("finding: %s\n", w->finding[i].text);
	print_message("notes: %s\n", (const char *)w->notes.p);
}

static void good(struct world *w)
{
	struct err e = {0};

	if (run(w, NULL, false, &e) != 0) {
		tell_all(w);
		fail_msg("%s", e.text);
	}
}

/* Damage is found. Returns the first finding that has these words. */
static const struct verify_finding *bad(struct world *w, const char *words)
{
	struct err e = {0};
	int rc = run(w, NULL, false, &e);

	assert_int_equal(err_exit(rc), 4);
	assert_true(w->sum.damaged > 0);
	for (unsigned i = 0; i < w->findings && i < FINDINGS; i++)
		if (strstr(w->finding[i].text, words))
			return &w->finding[i];
	tell_all(w);
	fail_msg("nothing says: %s", words);
	return NULL;
}

/* Exactly one finding, and it is this range of this item. */
static void bad_item(struct world *w, unsigned item, uint64_t off, uint64_t len, const char *words)
{
	const struct verify_finding *f = bad(w, words);

	if (w->findings != 1)
		tell_all(w);
	assert_int_equal(w->findings, 1);
	assert_int_equal(f->code, ERR_DAMAGED);
	assert_true(f->has_item && f->has_segment);
	assert_memory_equal(f->item, w->item[item].item, 16);
	assert_memory_equal(f->segment, w->item[item].segment, 16);
	assert_int_equal(f->offset, off);
	assert_int_equal(f->length, len);
}

static bool noted(const struct world *w, const char *words)
{
	return strstr((const char *)w->notes.p, words) != NULL;
}

/* ---- spoiling it ---- */

static void flip(const char *path, uint64_t off, uint8_t mask)
{
	int fd = open(path, O_RDWR);
	uint8_t b;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &b, 1, (off_t)off), 1);
	b ^= mask;
	assert_int_equal(pwrite(fd, &b, 1, (off_t)off), 1);
	close(fd);
}

static void append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void put_node(struct world *w, const uint8_t id[16], const char *suffix, const char *text)
{
	char path[FIXTURE_PATH + 64], hex[33];

	text_hex(hex, id, 16);
	snprintf(path, sizeof(path), "%s/journal/%s.%s", w->c.path, hex, suffix);
	fixture_write(path, text, strlen(text));
}

/* ---- good archives ---- */

static void test_good(void **state)
{
	struct world *w = *state;
	struct wire_out cp = {0};
	uint64_t bytes = 0;
	uint8_t root[32];
	struct err e;
	size_t n;
	char *text;

	good(w);
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

	assert_int_equal(run(w, NULL, true, &e), 0);
	assert_int_equal(w->sum.items, 4);
	assert_int_equal(w->sum.bytes, 0);
	assert_int_equal(w->done, 0);
}

/* While an ingest runs, and after one that was cut short: lines past the checkpoint, an accession
 * that is open, a segment of nobody, gaps. None of it is damage. */
static void test_unfinished(void **state)
{
	struct world *w = *state;
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
	append(w->segment_file, "what was reserved and never committed");
	append(w->journal_file, "{\"v\":1,\"seq\":99,");
	snprintf(path, sizeof(path), "%s/journal/.0123456789abcdef.tmp", w->c.path);
	fixture_write(path, "x", 1);
	good(w);
	assert_int_equal(w->sum.unsigned_events, 1);
	assert_int_equal(w->sum.open_accessions, 1);
	assert_true(noted(w, "1 events past its last checkpoint"));
	assert_true(noted(w, "never closed"));
	assert_true(noted(w, "segments/ab/abcd0000000000000000000000000000.seg is in no journal"));
	assert_true(noted(w, "torn end"));
	fd = open(w->journal_file, O_WRONLY);
	assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - 16), 0);
	close(fd);
}

/*
 * A copy of item 0 in an accession and a segment of its own, `gap` bytes behind the header. Field
 * `at` of its head is overwritten, and then logged as it is: such a node lies, but signs well.
 */
static void copy_item(struct world *w, uint64_t gap, size_t at, uint32_t value)
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
	struct world *w = *state;

	copy_item(w, 1000, 0, 0);
	good(w);
	assert_true(noted(w, "1000 bytes of segments lie between items"));
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
	good(*state);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tear_down(state);
		set_up(state);
		copy_item(*state, 0, cases[i].at, cases[i].value);
		bad(*state, cases[i].words);
	}
}

/* ---- segments ---- */

static void test_every_part_of_a_segment(void **state)
{
	struct world *w = *state;
	uint64_t end = w->item[0].offset; /* of the header */
	const struct verify_finding *f;

	for (unsigned i = 0; i < 3; i++)
		if (w->item[i].offset < end)
			end = w->item[i].offset;
	for (uint64_t off = 0; off < end; off += off < 12 || off + 40 > end ? 1 : 37) {
		flip(w->segment_file, off, 0x10);
		f = bad(w, "its header is not what was logged");
		assert_int_equal(w->findings, 1);
		assert_true(f->has_segment && !f->has_item);
		assert_int_equal(f->offset, 0);
		assert_true(f->length >= end || off < 12);
		flip(w->segment_file, off, 0x10);
	}
	for (unsigned i = 0; i < 3; i++) {
		const struct event *it = &w->item[i];
		uint64_t content = it->offset + it->headlen, len = it->length - it->headlen;

		for (uint64_t off = it->offset; off < content; off += 11) {
			flip(w->segment_file, off, 1);
			bad_item(w, i, it->offset, it->headlen,
				 "frame head is not what was logged");
			flip(w->segment_file, off, 1);
		}
		for (uint64_t off = content; off < content + len; off += 1 + len / 7) {
			flip(w->segment_file, off, 0x80);
			bad_item(w, i, content, len, "sealed content is not what was logged");
			flip(w->segment_file, off, 0x80);
		}
	}
	good(w);
}

static void test_truncated_segment(void **state)
{
	struct world *w = *state;
	const struct event *last = &w->item[0];
	uint64_t size;

	for (unsigned i = 1; i < 3; i++)
		if (w->item[i].offset > last->offset)
			last = &w->item[i];
	size = last->offset + last->length;
	assert_int_equal(truncate(w->segment_file, (off_t)size - 1), 0);
	bad_item(w, (unsigned)(last - w->item), size - 1, 1, "the segment ends before its frame");
	assert_int_equal(truncate(w->segment_file, (off_t)last->offset), 0);
	bad_item(w, (unsigned)(last - w->item), last->offset, last->length,
		 "the segment ends before its frame");
	/* All of it: the header and every item. */
	assert_int_equal(truncate(w->segment_file, 0), 0);
	bad(w, "its header is not what was logged");
	assert_int_equal(w->findings, 4);
}

static void test_missing_segment(void **state)
{
	struct world *w = *state;
	unsigned seen = 0;

	assert_int_equal(unlink(w->segment_file), 0);
	bad(w, "its segment is missing");
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
	bad(w, "its segment is not a file");
	assert_int_equal(rmdir(w->segment_file), 0);
	assert_int_equal(mkfifo(w->segment_file, 0600), 0);
	bad(w, "its segment is not a file");
	assert_int_equal(unlink(w->segment_file), 0);
	assert_int_equal(symlink("/etc/passwd", w->segment_file), 0);
	bad(w, "its segment is missing");
}

static void test_swapped_segments(void **state)
{
	struct world *w = *state;
	char other[FIXTURE_PATH + 64], rel[SEGMENT_PATH_MAX], *a, *b;
	size_t na, nb;

	segment_path(rel, w->item[3].segment);
	snprintf(other, sizeof(other), "%s/segments/%s", w->c.path, rel);
	a = fixture_read(w->segment_file, &na);
	b = fixture_read(other, &nb);
	fixture_write(w->segment_file, b, nb);
	fixture_write(other, a, na);
	bad(w, "its header is not what was logged");
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
	struct world *w = *state;
	const struct event *a = &w->item[0], *b = &w->item[2]; /* one of 5 bytes, an empty one */
	size_t n = a->length < b->length ? a->length : b->length, size;
	char *all = fixture_read(w->segment_file, &size), *copy = malloc(n);

	assert_non_null(copy);
	memcpy(copy, all + a->offset, n);
	memcpy(all + a->offset, all + b->offset, n);
	memcpy(all + b->offset, copy, n);
	fixture_write(w->segment_file, all, size);
	bad(w, "frame head is not what was logged");
	assert_int_equal(w->findings, 2);
	free(copy);
	free(all);
}

static void test_zeroed_block(void **state)
{
	struct world *w = *state;
	const struct event *it = &w->item[1];
	uint8_t zeros[16400] = {0};
	int fd = open(w->segment_file, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros),
				(off_t)(it->offset + it->headlen + 2 * 16400)),
			 sizeof(zeros));
	close(fd);
	bad_item(w, 1, it->offset + it->headlen, it->length - it->headlen,
		 "sealed content is not what was logged");
}

/* ---- what lines say of each other: a node that logs nonsense, well signed ---- */

static void test_overlap(void **state)
{
	struct world *w = *state;
	struct event ev = w->item[0];
	const struct verify_finding *f;

	memset(ev.item, 9, 16);
	capture_log(&w->c, &ev);
	capture_reopen(&w->c);
	f = bad(w, "its frame lies over another item's");
	assert_int_equal(f->offset, ev.offset);
	assert_int_equal(f->length, ev.length);
	/* The one whose id the frame does not have is told of by that, too. */
	f = bad(w, "its frame says that it is of another item");
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
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event ev = w->item[0];

		memset(ev.item, (int)(0x10 + i), 16);
		ev.offset = cases[i].offset;
		ev.length = cases[i].length;
		ev.headlen = cases[i].headlen;
		capture_log(&w->c, &ev);
		capture_reopen(&w->c);
		bad(w, cases[i].words);
	}
}

static void test_strays(void **state)
{
	struct world *w = *state;
	struct event ev = w->item[0], closed = {.type = EVENT_ACCESSION_CLOSED, .items = 1};
	const struct verify_finding *f;

	memset(ev.segment, 0x77, 16);
	capture_log(&w->c, &ev);
	capture_reopen(&w->c);
	f = bad(w, "which it does not announce");
	assert_true(f->has_item && f->has_segment);
	assert_memory_equal(f->item, ev.item, 16);
	assert_memory_equal(f->segment, ev.segment, 16);

	ev = w->segment;
	capture_log(&w->c, &ev);
	capture_reopen(&w->c);
	bad(w, "is announced twice");

	ev = w->segment;
	memset(ev.segment, 0x78, 16);
	memset(ev.accession, 0x79, 16);
	capture_log(&w->c, &ev);
	capture_reopen(&w->c);
	bad(w, "an accession that its journal does not know");

	memset(closed.accession, 0x7a, 16);
	capture_log(&w->c, &closed);
	capture_reopen(&w->c);
	bad(w, "is closed, and was never begun");
	memcpy(closed.accession, w->segment.accession, 16);
	capture_log(&w->c, &closed);
	capture_reopen(&w->c);
	bad(w, "was closed with 1 items, and the journal has 3");
}

/* ---- journals ---- */

/* Where line i (from 0) of the journal begins. */
static size_t line_at(const char *text, unsigned i)
{
	const char *p = text;

	while (i-- > 0)
		p = strchr(p, '\n') + 1;
	return (size_t)(p - text);
}

/* Whatever is changed in a signed line is found. */
static void test_changed_lines(void **state)
{
	struct world *w = *state;
	size_t n;
	char *text = fixture_read(w->journal_file, &n);

	capture_close_station(&w->c);
	for (size_t off = 0; off < n; off += 13) {
		const struct verify_finding *f;

		if (text[off] == '\n')
			continue;
		flip(w->journal_file, off, 1);
		f = bad(w, "are not those that its checkpoint covers");
		assert_int_equal(f->offset, 0);
		assert_int_equal(f->length, n);
		flip(w->journal_file, off, 1);
	}
	good(w);
	free(text);
	capture_open_station(&w->c);
}

static void test_cut_and_moved_lines(void **state)
{
	struct world *w = *state;
	struct wire_out b = {0};
	size_t n, at, next, after;
	char *text;

	capture_close_station(&w->c);
	text = fixture_read(w->journal_file, &n);
	at = line_at(text, 5);
	next = line_at(text, 6);
	after = line_at(text, 7);
	/* A line taken out: told of where it was, and by the missing end. */
	wire_out_bytes(&b, text, at);
	wire_out_bytes(&b, text + next, n - next);
	fixture_write(w->journal_file, b.p, b.n);
	assert_int_equal(bad(w, "lines are missing or moved")->offset, at);
	bad(w, "it was cut, or is an older copy");
	/* Two lines in each other's place. */
	wire_out_reset(&b);
	wire_out_bytes(&b, text, at);
	wire_out_bytes(&b, text + next, after - next);
	wire_out_bytes(&b, text + at, next - at);
	wire_out_bytes(&b, text + after, n - after);
	fixture_write(w->journal_file, b.p, b.n);
	bad(w, "lines are missing or moved");
	bad(w, "are not those that its checkpoint covers");
	/* A line that is none, a line that is not text, a line without end. */
	wire_out_reset(&b);
	wire_out_bytes(&b, text, at);
	wire_out_text(&b, "\xff\x01 rubbish\n");
	wire_out_bytes(&b, text + next, n - next);
	fixture_write(w->journal_file, b.p, b.n);
	assert_int_equal(bad(w, "it is not an event")->offset, at);
	fixture_write(w->journal_file, text, n - 1);
	bad(w, "it is cut, or no line at all");
	memset(text + at, 'x', n - at);
	fixture_write(w->journal_file, text, n);
	bad(w, "it is cut, or no line at all");
	/* Cut at the edge of a line, and to nothing. */
	fixture_write(w->journal_file, text, at);
	assert_int_equal(bad(w, "has 5 lines, and its checkpoint covers 12")->code, ERR_ROLLBACK);
	fixture_write(w->journal_file, "", 0);
	bad(w, "has 0 lines, and its checkpoint covers 12");
	assert_int_equal(unlink(w->journal_file), 0);
	assert_int_equal(bad(w, "is missing, and its checkpoint is there")->code, ERR_ROLLBACK);
	assert_int_equal(symlink("/etc/passwd", w->journal_file), 0);
	assert_int_equal(run(w, NULL, false, &(struct err){0}) != 0, 1);
	assert_int_equal(unlink(w->journal_file), 0);
	assert_int_equal(mkfifo(w->journal_file, 0600), 0);
	bad(w, "is not a regular file");
	free(text);
	wire_out_free(&b);
}

static void test_checkpoint_file(void **state)
{
	struct world *w = *state;
	struct err e = {0};
	char *text;
	size_t n;

	capture_close_station(&w->c);
	text = fixture_read(w->checkpoint_file, &n);
	for (size_t off = 0; off < n; off += 7) {
		flip(w->checkpoint_file, off, 1);
		assert_int_equal(err_exit(run(w, NULL, false, &e)), 4);
		flip(w->checkpoint_file, off, 1);
	}
	fixture_write(w->checkpoint_file, text, n - 2);
	bad(w, "is not a checkpoint");
	fixture_write(w->checkpoint_file, "", 0);
	bad(w, "is not a checkpoint");
	/* Without one, nothing of it is signed: that is not damage, but no "well" either. */
	assert_int_equal(unlink(w->checkpoint_file), 0);
	assert_int_equal(run(w, NULL, false, &e), ERR_SYSTEM);
	assert_int_equal(w->sum.damaged, 0);
	assert_int_equal(w->sum.unchecked, 1);
	assert_int_equal(w->sum.unsigned_events, 12);
	assert_non_null(strstr(w->finding[0].text, "it has no checkpoint"));
	free(text);
}

/* An older state of journal and checkpoint together is consistent in itself: only who has seen the
 * later one can tell. */
static void test_rollback(void **state)
{
	struct world *w = *state;
	char earlier[FIXTURE_PATH + 16], *log, *cp, *late;
	size_t nlog, ncp, nlate;
	struct err e = {0};

	log = fixture_read(w->journal_file, &nlog);
	cp = fixture_read(w->checkpoint_file, &ncp);
	snprintf(earlier, sizeof(earlier), "%s/earlier", w->c.dir);
	fixture_write(earlier, cp, ncp);
	/* What was signed earlier is still there. */
	ingest(w, 0, 1);
	assert_int_equal(run(w, earlier, false, &e), 0);

	late = fixture_read(w->checkpoint_file, &nlate);
	capture_close_station(&w->c);
	fixture_write(earlier, late, nlate);
	fixture_write(w->journal_file, log, nlog);
	fixture_write(w->checkpoint_file, cp, ncp);
	good(w);
	assert_int_equal(run(w, earlier, false, &e), ERR_DAMAGED);
	assert_int_equal(w->findings, 1);
	assert_int_equal(w->finding[0].code, ERR_ROLLBACK);
	assert_non_null(strstr(w->finding[0].text, "the earlier checkpoint saw 16"));

	/* What a person gives must be a checkpoint of this archive, signed by its node. */
	late[nlate / 2] ^= 1;
	fixture_write(earlier, late, nlate);
	assert_int_equal(run(w, earlier, false, &e), ERR_FORGED);
	fixture_write(earlier, "nonsense\n", 9);
	assert_int_equal(run(w, earlier, false, &e), ERR_MALFORMED);
	fixture_write(earlier, "custodyfs/00/11\n5\n", 18);
	assert_int_equal(run(w, earlier, false, &e), ERR_MALFORMED);
	assert_int_equal(run(w, "/nonexistent/file", false, &e), ERR_NOTFOUND);
	free(log);
	free(cp);
	free(late);
}

/* Two histories of one node, both well signed: only what was seen of the one gives the other away. */
static void test_fork(void **state)
{
	struct world *w = *state;
	char earlier[FIXTURE_PATH + 16], *log, *cp, *late;
	size_t nlog, ncp, nlate;
	struct err e = {0};

	log = fixture_read(w->journal_file, &nlog);
	cp = fixture_read(w->checkpoint_file, &ncp);
	ingest(w, 0, 1);
	late = fixture_read(w->checkpoint_file, &nlate);
	snprintf(earlier, sizeof(earlier), "%s/earlier", w->c.dir);
	fixture_write(earlier, late, nlate);
	capture_close_station(&w->c);
	fixture_write(w->journal_file, log, nlog);
	fixture_write(w->checkpoint_file, cp, ncp);
	capture_open_station(&w->c);
	ingest(w, 0, 2);
	good(w);
	assert_int_equal(run(w, earlier, false, &e), ERR_DAMAGED);
	assert_int_equal(w->findings, 1);
	assert_int_equal(w->finding[0].code, ERR_ROLLBACK);
	assert_non_null(strstr(w->finding[0].text, "its first 16 lines are not those that the "
						   "earlier checkpoint saw"));
	free(log);
	free(cp);
	free(late);
}

/* A journal of `other` with these events, times and a good checkpoint: what no journal_append() would
 * write. */
static void forge_journal(struct world *w, const struct identity *other, const int64_t *times,
			  unsigned n)
{
	const struct event_key event_key = {other->journal, w->c.desc.id};
	struct note_key key = {.type = NOTE_ED25519};
	struct wire_out lines = {0}, text = {0}, note_out = {0};
	struct merkle_range range = {0};
	struct note_checkpoint cp;

	for (unsigned i = 0; i < n; i++) {
		struct event ev = {.type = i ? EVENT_UNMOUNTED : EVENT_STARTED,
				   .seq = i,
				   .time_ms = times[i],
				   .version = "1"};
		size_t at = lines.n;
		merkle_hash leaf;

		memcpy(ev.archive, w->c.desc.id, 16);
		memcpy(ev.node, other->pub.id, 16);
		assert_int_equal(event_format(&lines, &ev, event_key), 0);
		merkle_leaf(leaf, lines.p + at, lines.n - at);
		merkle_append(&range, leaf, NULL, NULL);
		wire_out_text(&lines, "\n");
	}
	wire_out_u8(&lines, 0);
	put_node(w, other->pub.id, "jsonl", (char *)lines.p);
	journal_origin(cp.origin, w->c.desc.id, other->pub.id);
	cp.size = n;
	merkle_root(cp.root, &range);
	note_checkpoint_text(&text, &cp);
	strcpy(key.name, cp.origin);
	memcpy(key.pk, other->pub.sign, 32);
	assert_int_equal(note_sign(&note_out, (char *)text.p, text.n, &key, other->sign), 0);
	wire_out_u8(&note_out, 0);
	put_node(w, other->pub.id, "checkpoint", (char *)note_out.p);
	wire_out_free(&lines);
	wire_out_free(&text);
	wire_out_free(&note_out);
}

static void test_times(void **state)
{
	static const int64_t good_times[] = {1000, 1000, 2000}, bad_times[] = {1000, 2000, 1999};
	struct world *w = *state;
	uint8_t serial[16];
	struct identity *other;

	assert_int_equal(identity_new(&other, w->c.o.pool), 0);
	capture_enrol(&w->c, other, ROSTER_INGEST, 0, serial);
	forge_journal(w, other, good_times, 3);
	good(w);
	assert_int_equal(w->sum.journals, 2);
	forge_journal(w, other, bad_times, 3);
	bad(w, "its time is before that of the line before it");
	assert_int_equal(w->findings, 1);
	identity_free(w->c.o.pool, other);
}

static void test_foreign_journals(void **state)
{
	struct world *w = *state;
	struct err e = {0};
	uint8_t id[16];
	char path[FIXTURE_PATH + 64];

	/* A journal of a node that nobody enrolled. */
	memset(id, 0xee, 16);
	put_node(w, id, "jsonl", "{\"v\":1}\n");
	assert_int_equal(run(w, NULL, false, &e), ERR_SYSTEM);
	assert_int_equal(w->sum.damaged, 0);
	assert_int_equal(w->finding[0].code, ERR_NOT_ENROLLED);
	/* Its checkpoint alone is worse. */
	put_node(w, id, "checkpoint", "x");
	snprintf(path, sizeof(path), "%s/journal/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee.jsonl",
		 w->c.path);
	assert_int_equal(unlink(path), 0);
	bad(w, "journal eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee is missing");
	snprintf(path, sizeof(path), "%s/journal/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee.checkpoint",
		 w->c.path);
	assert_int_equal(unlink(path), 0);
	/* Names that are none are told of, in one line whatever they hold. */
	snprintf(path, sizeof(path), "%s/journal/a\nb\xff", w->c.path);
	fixture_write(path, "", 0);
	good(w);
	assert_true(noted(w, "journal/a?b? is neither a journal nor a checkpoint"));
}

/* Another node's journal under our node's name, or ours under another's. */
static void test_exchanged_journals(void **state)
{
	struct world *w = *state;
	uint8_t serial[16];
	struct identity *other;
	char *log, *cp;
	size_t n, m;
	struct err e;

	assert_int_equal(identity_new(&other, w->c.o.pool), 0);
	capture_enrol(&w->c, other, ROSTER_INGEST, 0, serial);
	assert_int_equal(run(w, NULL, false, &e), 0);
	assert_true(noted(w, "is enrolled and has no journal"));
	assert_true(noted(w, "was admitted by no journal"));
	log = fixture_read(w->journal_file, &n);
	cp = fixture_read(w->checkpoint_file, &m);
	put_node(w, other->pub.id, "jsonl", log);
	put_node(w, other->pub.id, "checkpoint", cp);
	bad(w, "is a checkpoint of");
	bad(w, "it does not begin a journal of this node and archive");
	free(log);
	free(cp);
	identity_free(w->c.o.pool, other);
}

/* ---- documents ---- */

/* An authorisation that saw the journal as it is now, signed by officer `who` and admitted. */
static void authorise(struct world *w, unsigned who, char file[FIXTURE_PATH + 96])
{
	struct note_checkpoint cp = {.size = 0};
	struct authorisation_item item = {0};
	struct authorisation a = {
		.issued_ms = w->c.desc.created_ms,
		.not_before_ms = w->c.desc.created_ms,
		.not_after_ms = w->c.desc.created_ms + 3600000,
		.case_no = "C-1",
		.purpose = "test",
		.requested_by = "op@lane3",
		.checkpoint = &cp,
		.checkpoints = 1,
		.item = &item,
		.items = 1,
	};
	struct event ev = {.type = EVENT_ADMITTED, .kind = "authorisation", .user = "op"};
	const uint8_t key[1][32] = {{1}};
	struct wire_out text = {0}, sealed = {0};
	struct document d;
	char hex[33];
	struct err e = {0};

	assert_int_equal(journal_checkpoint(w->c.s.journal, &e), 0);
	assert_int_equal(journal_read_checkpoint(w->c.s.archive->journal, w->c.desc.id,
						 &w->c.id->pub, &cp, NULL, &e),
			 0);
	memcpy(a.archive, w->c.desc.id, 16);
	memcpy(a.node, w->c.id->pub.id, 16);
	memcpy(item.id, w->item[0].item, 16);
	memcpy(item.commitment, w->item[0].commitment, 32);
	secret_random(a.serial, 16);
	secret_random(a.request, 16);
	authorisation_text(&text, &a);
	assert_int_equal(authorisation_seal(&sealed, &a, key, NULL, w->c.id->pub.receive), 0);
	document_sealed_line(&text, sealed.p, sealed.n);
	if (document_make(&d, &text, sealed.p, sealed.n, &e) != 0)
		fail_msg("%s", e.text);
	office_sign(&w->c.o, &d, DOCUMENT_NS_AUTHORISE, who);
	if (document_store(w->c.s.archive->documents, a.serial, "authorisation", &d, &e) != 0)
		fail_msg("%s", e.text);
	memcpy(ev.document, a.serial, 16);
	memcpy(ev.digest, d.digest, 32);
	capture_log(&w->c, &ev);
	text_hex(hex, a.serial, 16);
	snprintf(file, FIXTURE_PATH + 96, "%s/documents/%s.authorisation", w->c.path, hex);
	document_free(&d);
	wire_out_free(&text);
	wire_out_free(&sealed);
}

static void test_documents(void **state)
{
	struct world *w = *state;
	char file[FIXTURE_PATH + 96], *text;
	size_t n;

	authorise(w, 0, file);
	capture_reopen(&w->c);
	good(w);
	assert_int_equal(w->sum.documents, 2);
	text = fixture_read(file, &n);
	for (size_t off = 0; off < n; off += 29) {
		const struct verify_finding *f;

		flip(file, off, 1);
		f = bad(w, "documents/");
		assert_int_equal(w->findings, 1);
		assert_int_equal(err_exit(f->code), 4);
		flip(file, off, 1);
	}
	assert_int_equal(unlink(file), 0);
	bad(w, "is missing, and journal");
	fixture_write(file, text, n);
	good(w);
	free(text);
	/* The enrolment: without it the journal can't be judged, and its loss is damage. */
	text = fixture_read(w->enrolment_file, &n);
	assert_int_equal(unlink(w->enrolment_file), 0);
	bad(w, ".enrolment is missing, and journal");
	assert_int_equal(w->sum.unchecked, 1);
	text[n / 3] ^= 1;
	fixture_write(w->enrolment_file, text, n);
	bad(w, ".enrolment is not good");
	free(text);
}

/* Another enrolment of the node under the serial of the admitted one, and signed as well. */
static void test_replaced_document(void **state)
{
	struct world *w = *state;
	struct roster_node n = {.pub = w->c.id->pub,
				.roles = ROSTER_INGEST,
				.name = "lane 4",
				.issued_ms = w->c.desc.created_ms};
	uint8_t serial[16];
	struct document d;
	struct err e;

	assert_true(text_unhex((struct text_span){strrchr(w->enrolment_file, '/') + 1, 32}, serial,
			       16));
	assert_int_equal(roster_enrolment_make(&d, w->c.desc.id, serial, &n, NULL, &e), 0);
	office_sign(&w->c.o, &d, DOCUMENT_NS_ENROL, 0);
	fixture_write(w->enrolment_file, d.bytes.p, d.bytes.n);
	document_free(&d);
	bad(w, "is not the one that journal");
	assert_int_equal(w->findings, 1);
}

/* Signed by a key that is not of the archive, and admitted all the same. */
static void test_stranger(void **state)
{
	struct world *w = *state;
	char file[FIXTURE_PATH + 96];

	authorise(w, OFFICE_STRANGER, file);
	capture_reopen(&w->c);
	assert_int_equal(bad(w, ".authorisation is not good")->code, ERR_FORGED);
}

static void test_rubbish_documents(void **state)
{
	struct world *w = *state;
	char path[FIXTURE_PATH + 96];

	snprintf(path, sizeof(path), "%s/documents/README", w->c.path);
	fixture_write(path, "x", 1);
	snprintf(path, sizeof(path), "%s/documents/%032d.authorisation", w->c.path, 7);
	fixture_write(path, "custodyfs-authorisation/v1\n", 27);
	snprintf(path, sizeof(path), "%s/documents/%032d.hold", w->c.path, 8);
	fixture_write(path, "custodyfs-hold/v1\n", 18);
	good(w);
	assert_true(noted(w, "documents/README is not a document"));
	assert_true(noted(w, "7.authorisation was admitted by no journal, and does not count"));
	assert_true(noted(w, "8.hold was admitted by no journal, and does not count"));
}

/* The authority saw more of the journal than there is: rolled back, though consistent in itself. */
static void test_rollback_by_document(void **state)
{
	struct world *w = *state;
	char file[FIXTURE_PATH + 96], *log, *cp;
	const struct verify_finding *f;
	size_t nlog, ncp;

	log = fixture_read(w->journal_file, &nlog);
	cp = fixture_read(w->checkpoint_file, &ncp);
	ingest(w, 0, 1);
	authorise(w, 0, file);
	capture_close_station(&w->c);
	good(w);
	fixture_write(w->journal_file, log, nlog);
	fixture_write(w->checkpoint_file, cp, ncp);
	f = bad(w, "authorisation");
	assert_int_equal(f->code, ERR_ROLLBACK);
	assert_non_null(strstr(f->text, "has 12 lines"));
	/* And when the journal is gone altogether. */
	assert_int_equal(unlink(w->journal_file), 0);
	assert_int_equal(unlink(w->checkpoint_file), 0);
	f = bad(w, "is missing, and authorisation");
	assert_int_equal(f->code, ERR_ROLLBACK);
	free(log);
	free(cp);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_good),
		T(test_unfinished),
		T(test_gap),
		T(test_lying_heads),
		T(test_every_part_of_a_segment),
		T(test_truncated_segment),
		T(test_missing_segment),
		T(test_swapped_segments),
		T(test_swapped_frames),
		T(test_zeroed_block),
		T(test_overlap),
		T(test_impossible_places),
		T(test_strays),
		T(test_changed_lines),
		T(test_cut_and_moved_lines),
		T(test_checkpoint_file),
		T(test_rollback),
		T(test_fork),
		T(test_times),
		T(test_foreign_journals),
		T(test_exchanged_journals),
		T(test_documents),
		T(test_replaced_document),
		T(test_stranger),
		T(test_rubbish_documents),
		T(test_rollback_by_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
