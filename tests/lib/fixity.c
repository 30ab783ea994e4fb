/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/fixity.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/ingest.h"
#include "fs/segment.h"

/* ---- an archive ---- */

void fixity_ingest(struct fixity *w, unsigned first, unsigned n)
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
	struct fixity *w = ctx;

	snprintf(w->enrolment_file, sizeof(w->enrolment_file), "%s", path);
}

static void name_files(struct fixity *w)
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

int fixity_set_up(void **state)
{
	static struct fixity w;

	memset(&w, 0, sizeof(w));
	pthread_mutex_init(&w.one, NULL);
	capture_open(&w.c);
	fixity_ingest(&w, 0, 3);
	fixity_ingest(&w, 3, 1);
	for (unsigned i = 0; i < 4; i++)
		assert_true(capture_event(&w.c, EVENT_INGEST, i, &w.item[i]));
	assert_true(capture_event(&w.c, EVENT_SEGMENT, 0, &w.segment));
	assert_memory_equal(w.item[2].segment, w.segment.segment, 16);
	assert_memory_not_equal(w.item[3].segment, w.segment.segment, 16);
	name_files(&w);
	*state = &w;
	return 0;
}

int fixity_tear_down(void **state)
{
	struct fixity *w = *state;

	wire_out_free(&w->notes);
	pthread_mutex_destroy(&w->one);
	capture_close(&w->c);
	return 0;
}

/* ---- running it ---- */

static void found(void *ctx, const struct verify_finding *f)
{
	struct fixity *w = ctx;

	assert_int_equal(pthread_mutex_trylock(&w->one), 0);
	assert_true(f->text[0] != '\0');
	if (w->findings < FIXITY_FINDINGS)
		w->finding[w->findings] = *f;
	w->findings++;
	pthread_mutex_unlock(&w->one);
}

static void note(void *ctx, const char *sentence)
{
	struct fixity *w = ctx;

	assert_int_equal(pthread_mutex_trylock(&w->one), 0);
	wire_out_printf(&w->notes, "%s\n", sentence);
	pthread_mutex_unlock(&w->one);
}

static void progress(void *ctx, uint64_t done, uint64_t total)
{
	struct fixity *w = ctx;

	assert_int_equal(pthread_mutex_trylock(&w->one), 0);
	assert_true(done >= w->done);
	w->done = done;
	w->total = total;
	pthread_mutex_unlock(&w->one);
}

int fixity_run(struct fixity *w, const char *checkpoint, bool quick, struct err *e)
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

static void tell_all(const struct fixity *w)
{
	for (unsigned i = 0; i < w->findings && i < FIXITY_FINDINGS; i++)
		print_message("finding: %s\n", w->finding[i].text);
	print_message("notes: %s\n", (const char *)w->notes.p);
}

void fixity_good(struct fixity *w)
{
	struct err e = {0};

	if (fixity_run(w, NULL, false, &e) != 0) {
		tell_all(w);
		fail_msg("%s", e.text);
	}
}

const struct verify_finding *fixity_bad(struct fixity *w, const char *words)
{
	struct err e = {0};
	int rc = fixity_run(w, NULL, false, &e);

	assert_int_equal(err_exit(rc), 4);
	assert_true(w->sum.damaged > 0);
	for (unsigned i = 0; i < w->findings && i < FIXITY_FINDINGS; i++)
		if (strstr(w->finding[i].text, words))
			return &w->finding[i];
	tell_all(w);
	fail_msg("nothing says: %s", words);
	return NULL;
}

void fixity_bad_item(struct fixity *w, unsigned item, uint64_t off, uint64_t len, const char *words)
{
	const struct verify_finding *f = fixity_bad(w, words);

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

bool fixity_noted(const struct fixity *w, const char *words)
{
	return strstr((const char *)w->notes.p, words) != NULL;
}

/* ---- spoiling it ---- */

void fixity_flip(const char *path, uint64_t off, uint8_t mask)
{
	int fd = open(path, O_RDWR);
	uint8_t b;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &b, 1, (off_t)off), 1);
	b ^= mask;
	assert_int_equal(pwrite(fd, &b, 1, (off_t)off), 1);
	close(fd);
}

void fixity_append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

void fixity_put_node(struct fixity *w, const uint8_t id[16], const char *suffix, const char *text)
{
	char path[FIXTURE_PATH + 64], hex[33];

	text_hex(hex, id, 16);
	snprintf(path, sizeof(path), "%s/journal/%s.%s", w->c.path, hex, suffix);
	fixture_write(path, text, strlen(text));
}
