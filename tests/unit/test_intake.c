/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intake: sources and a manifest become one accession, or nothing does: what is compared before
 * anything is taken in, and what is told.
 */
#include "fs/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/capture.h"

struct world {
	struct capture c;
	struct wire_out skips;	/* "path: why;" */
	struct wire_out unread; /* "path: field `value` why;" */
	struct intake_progress last;
	unsigned calls, stop_at; /* of progress(); 0: never */
};

static int set_up(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	capture_open(&w.c);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	wire_out_free(&w->skips);
	wire_out_free(&w->unread);
	capture_close(&w->c);
	return 0;
}

static void skipped(void *ctx, const char *path, const char *why)
{
	struct world *w = ctx;

	wire_out_printf(&w->skips, "%s: %s;", path, why);
}

static void unread(void *ctx, const char *path, const char *name, struct text_span v,
		   const char *why)
{
	struct world *w = ctx;

	wire_out_printf(&w->unread, "%s: %s `%.*s` %s;", path, name, (int)v.n, v.p, why);
}

static int progress(void *ctx, const struct intake_progress *p)
{
	struct world *w = ctx;

	w->last = *p;
	return ++w->calls == w->stop_at;
}

struct call {
	const char *sources[3]; /* in the folder of sources */
	const char *manifest;
	bool partial, dry_run;
};

static int run(struct world *w, const struct call *call, struct ingest_sum *sum, struct err *e)
{
	const char *sources[3];
	struct intake_ask ask = {
		.sources = sources,
		.collection = "otay-2019",
		.user = "op",
		.host = "lane3",
		.uid = 1000,
		.workers = 2,
		.partial = call->partial,
		.dry_run = call->dry_run,
		.skip = skipped,
		.unread = unread,
		.progress = progress,
		.ctx = w,
	};
	struct ingest_sum unused;
	int rc;

	memset(e, 0, sizeof(*e));
	for (; ask.nsources < 3 && call->sources[ask.nsources]; ask.nsources++)
		sources[ask.nsources] = capture_source(&w->c, call->sources[ask.nsources]);
	if (call->manifest)
		ask.manifest = capture_source(&w->c, call->manifest);
	wire_out_reset(&w->skips);
	wire_out_reset(&w->unread);
	w->calls = 0;
	rc = intake_run(&w->c.s, &ask, sum ? sum : &unused, e);
	wire_out_u8(&w->skips, 0);
	wire_out_u8(&w->unread, 0);
	return rc;
}

#define SKIPS(w) ((const char *)(w)->skips.p)
#define UNREAD(w) ((const char *)(w)->unread.p)

static void good(struct world *w, const struct call *call, struct ingest_sum *sum)
{
	struct err e;

	if (run(w, call, sum, &e) != 0)
		fail_msg("%s", e.text);
}

/* It fails, with these words, and nothing is taken in: not even an accession is begun. */
static void bad(struct world *w, const struct call *call, int code, const char *words)
{
	unsigned before = capture_count(&w->c, EVENT_ACCESSION);
	struct err e;
	int rc = run(w, call, NULL, &e);

	if (rc != code || !strstr(e.text, words))
		fail_msg("have %d: %s; want %d: %s", rc, e.text, code, words);
	assert_int_equal(capture_count(&w->c, EVENT_ACCESSION), before);
}

/* Field `key` of the item with this path; static. */
static const char *field(struct world *w, const char *path, const char *key)
{
	static char out[1000];
	struct wire_out content = {0};
	struct text_span v;
	struct record *r;
	struct event ev;

	if (!capture_find(&w->c, path, &ev, &content, &r))
		fail_msg("no item %s", path);
	wire_out_free(&content);
	if (!record_get(r, key, &v))
		strcpy(out, "-");
	else
		assert_true(text_copy(v, out, sizeof(out)));
	record_free(r);
	return out;
}

/* ---- without a manifest ---- */

static void test_folder(void **state)
{
	struct world *w = *state;
	struct ingest_sum sum;
	char want[2 * FIXTURE_PATH];

	capture_shell(&w->c, "mkdir -p s/us s/eu && printf '\\377\\330\\377x' >s/us/car1.jpg && "
			     "printf text >s/eu/a.txt && : >s/none && ln -s none s/link && "
			     "chmod 0604 s/none && touch -d '2019-05-13 08:00:00.5 UTC' s/none");
	good(w, &(struct call){.sources = {"s"}}, &sum);
	assert_int_equal(sum.items, 3);
	assert_int_equal(sum.bytes, 8);
	assert_int_equal(sum.skipped, 1);
	assert_string_equal(SKIPS(w), "link: is a symbolic link;");
	assert_int_equal(w->last.total_items, 3);
	assert_int_equal(w->last.total_bytes, 8);
	assert_int_equal(capture_check(&w->c), 3);
	assert_string_equal(field(w, "us/car1.jpg", "media-type"), "image/jpeg");
	assert_string_equal(field(w, "eu/a.txt", "media-type"), "text/plain");
	assert_string_equal(field(w, "none", "media-type"), "application/octet-stream");
	assert_string_equal(field(w, "none", "collection"), "otay-2019");
	assert_string_equal(field(w, "none", "mode"), "0604");
	assert_string_equal(field(w, "none", "mtime"), "1557734400500000000");
	assert_string_equal(field(w, "none", "ingest-user"), "op");
	assert_string_equal(field(w, "none", "captured_at"), "-");
	snprintf(want, sizeof(want), "lane3:%s", capture_source(&w->c, "s"));
	assert_string_equal(field(w, "none", "source"), want);
	assert_int_equal(capture_count(&w->c, EVENT_ACCESSION_CLOSED), 1);
}

static void test_several_sources(void **state)
{
	struct world *w = *state;
	struct ingest_sum sum;

	capture_shell(&w->c, "mkdir -p a/x b && printf 1 >a/x/1 && printf 2 >b/2 && printf 3 >3");
	good(w, &(struct call){.sources = {"a", "b", "3"}}, &sum);
	assert_int_equal(sum.items, 3);
	field(w, "x/1", "path");
	field(w, "2", "path");
	field(w, "3", "path");
	/* One path from two of them. */
	capture_shell(&w->c, "mkdir b/x && printf 4 >b/x/1");
	bad(w, &(struct call){.sources = {"a", "b"}}, ERR_USAGE, "two sources hold x/1");
	bad(w, &(struct call){.sources = {"3", "3"}}, ERR_USAGE, "two sources hold 3");
	good(w, &(struct call){.sources = {"a", "a/x"}}, NULL); /* x/1 and 1: two paths */
}

static void test_bad_source(void **state)
{
	struct world *w = *state;

	capture_shell(&w->c, "mkdir a && printf 1 >a/1");
	bad(w, &(struct call){.sources = {"a", "none"}}, ERR_NOTFOUND, "none");
	bad(w, &(struct call){.sources = {NULL}}, ERR_USAGE, "no source");
}

static void test_dry_run(void **state)
{
	struct world *w = *state;
	struct ingest_sum sum;
	struct journal *j = w->c.s.journal;

	capture_shell(&w->c, "mkdir a && printf 123 >a/1 && mkfifo a/f");
	w->c.s.journal = NULL;
	w->c.home.roles = 0;
	bad(w, &(struct call){.sources = {"a"}, .dry_run = true}, 0, "");
	good(w, &(struct call){.sources = {"a"}, .dry_run = true}, &sum);
	w->c.s.journal = j;
	w->c.home.roles = ROSTER_INGEST;
	assert_int_equal(sum.items, 1);
	assert_int_equal(sum.bytes, 3);
	assert_int_equal(sum.skipped, 1);
	assert_string_equal(SKIPS(w), "f: is a FIFO;");
}

/* The archive lies in what is to be taken in. */
static void test_archive_in_source(void **state)
{
	struct world *w = *state;
	struct ingest_sum sum;
	char command[2 * FIXTURE_PATH];

	capture_close_station(&w->c);
	snprintf(command, sizeof(command), "mkdir a && printf 1 >a/1 && mv '%s' a/archive",
		 w->c.path);
	capture_shell(&w->c, command);
	snprintf(w->c.path, sizeof(w->c.path), "%s", capture_source(&w->c, "a/archive"));
	capture_open_station(&w->c);
	good(w, &(struct call){.sources = {"a"}}, &sum);
	assert_int_equal(sum.items, 1);
	assert_string_equal(SKIPS(w), "archive: belongs to the archive or to this node;");
	bad(w, &(struct call){.sources = {"a/archive/segments"}}, ERR_NOTFOUND,
	    "1 left out, the last of which belongs to the archive");
}

/* A card that is not mounted is an empty folder: that is no accession of nothing. */
static void test_empty_source(void **state)
{
	struct world *w = *state;

	capture_shell(&w->c, "mkdir -p a empty folders/in/folders links && printf 1 >a/1 && "
			     "ln -s ../a/1 links/1");
	bad(w, &(struct call){.sources = {"empty"}}, ERR_NOTFOUND, "empty holds no file");
	bad(w, &(struct call){.sources = {"folders"}}, ERR_NOTFOUND, "folders holds no file");
	bad(w, &(struct call){.sources = {"links"}}, ERR_NOTFOUND, "is a symbolic link");
	bad(w, &(struct call){.sources = {"a", "empty"}}, ERR_NOTFOUND, "empty holds no file");
	bad(w, &(struct call){.sources = {"empty"}, .dry_run = true}, ERR_NOTFOUND, "mounted");
	good(w, &(struct call){.sources = {"a"}}, NULL);
}

/* What can't be read is told of and counted, apart from what is no file; the rest is taken in. */
static void test_unread(void **state)
{
	struct world *w = *state;
	const bool root = geteuid() == 0;
	struct ingest_sum sum;
	struct err e;
	int rc;

	capture_shell(&w->c,
		      "chmod 755 . .. && mkdir -p a/closed && printf 1 >a/1 && printf 2 >a/2 && "
		      "ln -s 1 a/link && chmod 0 a/closed a/2");
	/* seen by somebody whom modes bind: a dry run writes nothing */
	if (root)
		assert_int_equal(seteuid(65534), 0);
	rc = run(w, &(struct call){.sources = {"a"}, .dry_run = true}, &sum, &e);
	if (root)
		assert_int_equal(seteuid(0), 0);
	if (rc)
		fail_msg("%s", e.text);
	assert_int_equal(sum.items, 1);
	assert_int_equal(sum.skipped, 3);
	assert_int_equal(sum.unread, 2);
	capture_shell(&w->c, "chmod 755 a/closed && chmod 644 a/2");
	capture_shell(&w->c, "printf 3 >a/closed/3");
	good(w, &(struct call){.sources = {"a"}}, &sum);
	assert_int_equal(sum.items, 3);
	assert_int_equal(sum.skipped, 1);
	assert_int_equal(sum.unread, 0);
}

static void test_stopped(void **state)
{
	struct world *w = *state;
	struct ingest_sum sum;
	struct err e;

	capture_shell(&w->c, "mkdir a && for i in 1 2 3 4 5 6 7 8 9; do printf $i >a/$i; done");
	w->stop_at = 4; /* in the survey */
	bad(w, &(struct call){.sources = {"a"}}, ERR_SYSTEM, "stopped");
	w->stop_at = 9 + 4; /* while items are taken in */
	assert_int_equal(run(w, &(struct call){.sources = {"a"}}, &sum, &e), ERR_SYSTEM);
	assert_int_equal(capture_count(&w->c, EVENT_ACCESSION), sum.items > 0);
	assert_int_equal(capture_count(&w->c, EVENT_ACCESSION_CLOSED), 0);
	assert_int_equal(capture_check(&w->c), sum.items);
	assert_true(sum.items <= 4);
}

/* ---- with one ---- */

#define SHA_1 "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b" /* of "1" */
#define SHA_2 "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35" /* of "2" */

static void put(struct world *w, const char *name, const char *text)
{
	fixture_write(capture_source(&w->c, name), text, strlen(text));
}

static void two_files(struct world *w)
{
	capture_shell(&w->c, "mkdir -p s/us && printf 1 >s/us/1.jpg && printf 2 >s/2.jpg && "
			     "printf x >s/extra");
}

static void test_manifest(void **state)
{
	struct world *w = *state;
	struct ingest_sum sum;

	two_files(w);
	put(w, "s/manifest.csv",
	    "file,sha256,bytes,plate_text,captured_at,captured_local\n"
	    "us/1.jpg," SHA_1 ",1,ABC1234,2026-11-01T10:34:07.482Z,x\n"
	    "2.jpg,,,,,2016:10:06 15:35:10\n");
	good(w, &(struct call){.sources = {"s"}, .manifest = "s/manifest.csv"}, &sum);
	assert_int_equal(sum.items, 4); /* with the manifest, and the file it does not name */
	assert_string_equal(field(w, "us/1.jpg", "plate_text"), "ABC1234");
	assert_string_equal(field(w, "us/1.jpg", "manifest.sha256"), SHA_1);
	assert_string_equal(field(w, "us/1.jpg", "captured_at"), "2026-11-01T10:34:07.482Z");
	assert_string_equal(field(w, "us/1.jpg", "manifest.captured_local"), "x");
	assert_string_equal(field(w, "2.jpg", "captured_at"), "-");
	assert_string_equal(field(w, "2.jpg", "captured_local"), "2016-10-06T15:35:10.000");
	assert_string_equal(field(w, "2.jpg", "captured_zone"), "unknown");
	assert_string_equal(field(w, "2.jpg", "plate_text"), "-");
	assert_string_equal(UNREAD(w), "us/1.jpg: captured_local `x` is no time;");
	assert_string_equal(field(w, "extra", "manifest.file"), "-");
	assert_string_equal(field(w, "manifest.csv", "media-type"), "text/csv");
}

/* Rows relative to the manifest's folder, above the source, and to the source. */
static void test_manifest_elsewhere(void **state)
{
	struct world *w = *state;

	two_files(w);
	put(w, "m.jsonl", "{\"file\":\"s/us/1.jpg\",\"n\":1}\n{\"file\":\"2.jpg\",\"n\":2}\n");
	good(w, &(struct call){.sources = {"s"}, .manifest = "m.jsonl"}, NULL);
	assert_string_equal(field(w, "us/1.jpg", "manifest.n"), "1");
	assert_string_equal(field(w, "2.jpg", "manifest.n"), "2");
	/* A source that is a file. */
	put(w, "one.csv", "file,n\ns/us/1.jpg,7\n");
	good(w, &(struct call){.sources = {"s/us/1.jpg"}, .manifest = "one.csv"}, NULL);
	assert_string_equal(field(w, "1.jpg", "manifest.n"), "7");
	/* A manifest in a folder beside the source: only the source's own paths fit. */
	capture_shell(&w->c, "mkdir other");
	put(w, "other/m.csv", "file,n\nus/1.jpg,8\n");
	good(w, &(struct call){.sources = {"s"}, .manifest = "other/m.csv"}, NULL);
	put(w, "other/m.csv", "file,n\ns/us/1.jpg,8\n");
	bad(w, &(struct call){.sources = {"s"}, .manifest = "other/m.csv"}, ERR_NOTFOUND,
	    "line 2 of the manifest names s/us/1.jpg, which is in no source");
}

static void test_manifest_refused(void **state)
{
	struct world *w = *state;
	struct call call = {.sources = {"s"}, .manifest = "m.csv"};

	two_files(w);
	bad(w, &call, ERR_NOTFOUND, "m.csv");
	put(w, "m.csv", "file\nus/1.jpg\n../2.jpg\n");
	bad(w, &call, ERR_MALFORMED, "line 3");
	put(w, "m.csv", "file\nus/1.jpg\nus/3.jpg\n");
	bad(w, &call, ERR_NOTFOUND, "line 3 of the manifest names us/3.jpg");
	put(w, "m.csv", "file,bytes\nus/1.jpg,1\n2.jpg,2\n");
	bad(w, &call, ERR_DAMAGED, "2.jpg is not what line 3 of the manifest says");
	capture_shell(&w->c, "ln -s 2.jpg s/link");
	put(w, "m.csv", "file\nlink\n");
	bad(w, &call, ERR_NOTFOUND, "names link");
	put(w, "m.csv", "{\"file\":\"2.jpg\",\"a b\":1,\"a_b\":2}\n");
	bad(w, &call, ERR_MALFORMED, "line 1");
	/* One row, two files. */
	capture_shell(&w->c, "mkdir -p s/s && printf 5 >s/s/2.jpg");
	put(w, "m.csv", "file\ns/2.jpg\n");
	bad(w, &call, ERR_USAGE, "line 2 of the manifest (s/2.jpg) fits two files");
}

static void test_partial(void **state)
{
	struct world *w = *state;
	struct ingest_sum sum;

	two_files(w);
	put(w, "m.csv", "file,n\nus/1.jpg,1\nus/3.jpg,3\n4,4\n");
	good(w, &(struct call){.sources = {"s"}, .manifest = "m.csv", .partial = true}, &sum);
	assert_int_equal(sum.items, 4); /* with the list of what was left out */
	assert_int_equal(sum.skipped, 2);
	assert_int_equal(sum.left_out, 0);
	assert_string_equal(SKIPS(w), "us/3.jpg: is in the manifest and in no source;"
				      "4: is in the manifest and in no source;");
	assert_string_equal(field(w, "us/1.jpg", "manifest.n"), "1");
}

/* The content of an item; static. */
static const char *content_of(struct world *w, const char *path)
{
	static char out[2000];
	struct wire_out content = {0};
	struct record *r;
	struct event ev;

	if (!capture_find(&w->c, path, &ev, &content, &r))
		fail_msg("no item %s", path);
	snprintf(out, sizeof(out), "%.*s", (int)content.n, (const char *)content.p);
	record_free(r);
	wire_out_free(&content);
	return out;
}

/* A file that is not what its row says is left out, when that is asked for, and the accession has a
 * list of it. */
static void test_partial_files(void **state)
{
	struct world *w = *state;
	struct call call = {.sources = {"s"}, .manifest = "m.csv", .partial = true};
	struct ingest_sum sum;
	char want[1000];

	two_files(w);
	put(w, "m.csv", "file,sha256,bytes\nus/1.jpg," SHA_2 ",\n2.jpg,,7\n");
	call.dry_run = true;
	good(w, &call, &sum);
	assert_int_equal(sum.items, 1);
	call.dry_run = false;
	good(w, &call, &sum);
	assert_int_equal(sum.items, 2);
	assert_int_equal(sum.skipped, 2);
	assert_int_equal(sum.left_out, 2);
	assert_int_equal(sum.unread, 0);
	assert_string_equal(
		SKIPS(w), "2.jpg: is not what line 3 of the manifest says: it has 1 bytes, not 7;"
			  "us/1.jpg: is not what line 2 of the manifest says: its SHA-256 is " SHA_1
			  ", not " SHA_2 ";");
	field(w, "extra", "path");
	snprintf(
		want, sizeof(want),
		"{\"source\":\"%s\",\"path\":\"2.jpg\",\"why\":\"is not what line 3 of the manifest "
		"says: it has 1 bytes, not 7\"}\n",
		capture_source(&w->c, "s"));
	assert_ptr_equal(strstr(content_of(w, ".custody-left-out.jsonl"), want),
			 content_of(w, ".custody-left-out.jsonl"));
	assert_string_equal(field(w, ".custody-left-out.jsonl", "role"), "document");
	assert_int_equal(capture_count(&w->c, EVENT_ACCESSION_CLOSED), 1);
}

/* What an archive asks for is seen to before anything is taken in. */
static void test_required(void **state)
{
	struct world *w = *state;
	struct call call = {.sources = {"s"}, .manifest = "m.csv"};
	struct archive_desc *d = &w->c.s.archive->desc;
	struct ingest_sum sum;

	two_files(w);
	d->requires = 1;
	strcpy(d->require[0], "lane");
	put(w, "m.csv", "file,lane\nus/1.jpg,3\n2.jpg,\n");
	bad(w, &call, ERR_LACKING, "2.jpg has no lane, which this archive asks of every item");
	call.dry_run = true;
	bad(w, &call, ERR_LACKING, "2.jpg has no lane");
	call.dry_run = false;
	put(w, "m.csv",
	    "{\"file\":\"us/1.jpg\",\"lane\":\"3\"}\n"
	    "{\"file\":\"2.jpg\",\"lane\":\"\"}\n{\"file\":\"extra\",\"lane\":\"4\"}\n");
	bad(w, &call, ERR_LACKING, "2.jpg has no lane");
	call.partial = true;
	good(w, &call, &sum);
	assert_int_equal(sum.items, 3);
	assert_int_equal(sum.left_out, 1);
	call.partial = false;
	put(w, "m.csv", "file,lane\nus/1.jpg,3\n2.jpg,3\nextra,3\n");
	good(w, &call, &sum);
	assert_int_equal(sum.items, 3);
}

/* Sidecars speak of their images, whichever comes first, and give them out when asked. */
static void test_sidecar(void **state)
{
	struct world *w = *state;
	struct call call = {.sources = {"s"}};
	struct ingest_sum sum;

	capture_shell(&w->c, "mkdir -p s/z && printf 1 >s/a.jpg && printf 2 >s/z.jpg");
	put(w, "s/a.xml", "<AutoVu><Plate>ABC</Plate><Guid>g-1</Guid></AutoVu>");
	put(w, "s/y.xml",
	    "<AutoVu><Plate>XYZ</Plate><ContextImage>z.jpg</ContextImage><PlateImage>"
	    "/9j/4AAQSkZJRgABAQEASABI</PlateImage></AutoVu>");
	put(w, "s/bad.xml", "<AutoVu><Plate>");
	good(w, &call, &sum);
	assert_int_equal(sum.items, 5);
	assert_non_null(strstr(UNREAD(w), "bad.xml: sidecar `autovu` line 1"));
	assert_string_equal(field(w, "a.jpg", "plate_text"), "ABC");
	assert_string_equal(field(w, "a.jpg", "sidecar.file"), "a.xml");
	assert_string_equal(field(w, "z.jpg", "plate_text"), "XYZ");
	assert_string_equal(field(w, "a.xml", "role"), "sidecar");
	assert_string_equal(field(w, "a.xml", "event_id"), "g-1");
	assert_string_equal(field(w, "a.xml", "sidecar.file"), "-");
	assert_string_equal(field(w, "bad.xml", "role"), "-");
	assert_int_equal(capture_check(&w->c), 5);
}

/* Digests are compared before anything is taken in, by a dry run too; a stop is heeded. */
static void test_wrong_digest(void **state)
{
	struct world *w = *state;
	struct call call = {.sources = {"s"}, .manifest = "m.csv"};
	struct ingest_sum sum;

	two_files(w);
	put(w, "m.csv", "file,sha256\nus/1.jpg," SHA_2 "\n2.jpg," SHA_2 "\n");
	bad(w, &call, ERR_DAMAGED, "us/1.jpg is not what line 2 of the manifest says");
	call.dry_run = true;
	bad(w, &call, ERR_DAMAGED, "its SHA-256 is " SHA_1 ", not " SHA_2);
	put(w, "m.csv", "file,sha256\nus/1.jpg," SHA_1 "\n2.jpg," SHA_2 "\n");
	good(w, &call, &sum);
	assert_int_equal(w->last.compared, 2);
	call.dry_run = false;
	w->stop_at = 1;
	bad(w, &call, ERR_SYSTEM, "stopped");
	w->stop_at = 0;
	good(w, &call, &sum);
	assert_int_equal(sum.items, 3);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_folder),	  T(test_several_sources),    T(test_bad_source),
		T(test_dry_run),  T(test_archive_in_source),  T(test_stopped),
		T(test_manifest), T(test_manifest_elsewhere), T(test_manifest_refused),
		T(test_partial),  T(test_wrong_digest),	      T(test_empty_source),
		T(test_unread),	  T(test_partial_files),      T(test_required),
		T(test_sidecar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
