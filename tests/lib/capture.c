/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/capture.h"
#include "tests/lib/chunks.h"

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
#include "crypto/kdf.h"
#include "fs/frame.h"
#include "index/file.h"

/* ---- the archive and its node ---- */

static void ok(int rc, const struct err *e)
{
	if (rc)
		fail_msg("%s", e->text);
}

void capture_enrol(struct capture *c, const struct identity *id, unsigned roles, unsigned who,
		   uint8_t serial[16])
{
	struct roster_node n = {.pub = id->pub, .roles = roles, .issued_ms = c->desc.created_ms};
	struct document d;
	struct err e;

	strcpy(n.name, "lane 3");
	secret_random(serial, 16);
	ok(roster_enrolment_make(&d, c->desc.id, serial, &n,
				 roles & ROSTER_READER ? c->o.catalogue_secret : NULL, &e),
	   &e);
	office_sign(&c->o, &d, DOCUMENT_NS_ENROL, who);
	ok(document_store(c->s.archive->documents, serial, "enrolment", &d, &e), &e);
	document_free(&d);
}

void capture_log(struct capture *c, struct event *ev)
{
	struct err e;

	ok(journal_append(c->s.journal, ev, 1, &e), &e);
}

static void log_enrolled(struct capture *c, const uint8_t serial[16])
{
	struct event ev = {.type = EVENT_ENROLLED, .uid = 1000, .user = "op"};
	struct document d;
	struct err e;

	ok(document_load(&d, c->s.archive->documents, serial, "enrolment", &e), &e);
	memcpy(ev.document, serial, 16);
	memcpy(ev.digest, d.digest, 32);
	capture_log(c, &ev);
	document_free(&d);
}

void capture_open_station(struct capture *c)
{
	static const struct journal_start from;
	struct err e;

	ok(archive_open(&c->s.archive, c->path, &e), &e);
	ok(journal_open(&c->s.journal, c->s.archive->journal, c->home.dir, c->desc.id, c->id, &from,
			&e),
	   &e);
}

void capture_close_station(struct capture *c)
{
	struct err e;

	ok(journal_close(c->s.journal, &e), &e);
	archive_close(c->s.archive);
	c->s.journal = NULL;
	c->s.archive = NULL;
}

void capture_reopen(struct capture *c)
{
	capture_close_station(c);
	capture_open_station(c);
}

void capture_open(struct capture *c)
{
	uint8_t serial[16];

	memset(c, 0, sizeof(*c));
	office_open(&c->o);
	office_describe(&c->o, &c->desc, 1, 1);
	office_archive(&c->o, &c->desc, "archive", c->path);
	office_path(&c->o, "sources", c->dir);
	assert_int_equal(mkdir(c->dir, 0700), 0);
	assert_int_equal(identity_new(&c->id, c->o.pool), 0);
	c->s.pool = c->o.pool;
	c->s.home = &c->home;
	c->home.roles = ROSTER_INGEST;
	c->home.dir = file_opendir(AT_FDCWD, c->dir, NULL);
	assert_true(c->home.dir >= 0);
	capture_open_station(c);
	capture_enrol(c, c->id, ROSTER_INGEST, 0, serial);
	log_enrolled(c, serial);
}

void capture_close(struct capture *c)
{
	if (c->s.archive)
		capture_close_station(c);
	close(c->home.dir);
	identity_free(c->o.pool, c->id);
	office_close(&c->o);
}

void capture_shell(struct capture *c, const char *command)
{
	if (fixture_run(c->dir, command) != 0)
		fail_msg("%s fails", command);
}

const char *capture_source(const struct capture *c, const char *name)
{
	static char path[4][2 * FIXTURE_PATH];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", c->dir, name);
	return p;
}

/* ---- the journal ---- */

bool capture_event(struct capture *c, enum event_type type, unsigned n, struct event *ev)
{
	struct journal_reader *r;
	struct text_span line;
	uint64_t off;
	struct err e;
	bool found = false;

	ok(journal_reader_open(&r, c->s.archive->journal, c->id->pub.id, 0, &e), &e);
	while (!found && journal_reader_next(r, &line, &off, &e) == 0) {
		assert_int_equal(event_parse(ev, line), 0);
		found = ev->type == type && n-- == 0;
	}
	journal_reader_close(r);
	return found;
}

unsigned capture_count(struct capture *c, enum event_type type)
{
	struct event ev;
	unsigned n = 0;

	while (capture_event(c, type, n, &ev))
		n++;
	return n;
}

/* ---- the way back ---- */

/* The whole frame and its segment's header, both as they were logged. */
static void load(struct capture *c, const struct event *ev, struct wire_out *header,
		 struct wire_out *frame)
{
	struct segment_cache *cache;
	struct segment_fd *fd;
	struct event seg;
	uint8_t digest[32];
	struct err e;

	for (unsigned i = 0;; i++) {
		assert_true(capture_event(c, EVENT_SEGMENT, i, &seg));
		if (memcmp(seg.segment, ev->segment, 16) == 0)
			break;
	}
	assert_true(seg.seq < ev->seq);
	assert_memory_equal(seg.accession, ev->accession, 16);
	ok(segment_cache_new(&cache, c->s.archive->segments, &e), &e);
	ok(segment_read_header(header, cache, ev->segment, &e), &e);
	hash_sha256(digest, header->p, header->n);
	assert_memory_equal(digest, seg.header, 32);
	ok(segment_get(&fd, cache, ev->segment, &e), &e);
	assert_true(ev->offset >= header->n);
	ok(file_pread(segment_fileno(fd), wire_out_room(frame, ev->length), ev->length, ev->offset,
		      &e),
	   &e);
	segment_put(cache, fd);
	segment_cache_free(cache);
	hash_sha256(digest, frame->p, frame->n);
	assert_memory_equal(digest, ev->frame, 32);
	hash_sha256(digest, frame->p, ev->headlen);
	assert_memory_equal(digest, ev->head, 32);
}

static void open_keys(struct capture *c, const struct wire_out *header, struct frame_keys *keys)
{
	struct segment_header h;
	uint8_t key[32];

	assert_int_equal(segment_header_parse(&h, header->p, header->n), 0);
	assert_memory_equal(h.archive, c->desc.id, 16);
	assert_int_equal(segment_content_key(key, &h, c->o.release_secret), 0);
	frame_wrap_key(keys->wrap, key, h.archive, h.accession);
	assert_int_equal(segment_catalogue_key(key, &h, c->o.catalogue_secret), 0);
	kdf_label(keys->record, key, "custodyfs/v1 record");
}

static void open_content(const struct frame *f, const uint8_t *frame, const uint8_t file_key[32],
			 struct wire_out *content)
{
	struct chunk_map m = frame_map(f);
	uint8_t ad[STREAM_AD_SIZE];
	struct stream_run run = {0};
	struct stream_key key;
	uint64_t bad;

	frame_stream_ad(ad, frame);
	assert_int_equal(stream_key_init(&key, f->suite, file_key, ad), 0);
	assert_int_equal(stream_begin(&run, &key), 0);
	assert_int_equal(chunks_open(&run, m, 0, chunk_count(m), wire_out_room(content, f->size),
				     frame + f->head_len, &bad),
			 0);
	stream_run_free(&run);
}

void capture_item(struct capture *c, const struct event *ev, struct wire_out *content,
		  struct record **record)
{
	struct wire_out header = {0}, frame = {0}, rec = {0};
	uint8_t file_key[32], salt[32], sha256[32], v[32];
	struct frame_keys keys;
	struct frame f;

	load(c, ev, &header, &frame);
	open_keys(c, &header, &keys);
	assert_int_equal(frame_head_parse(&f, frame.p, ev->headlen), 0);
	assert_int_equal(frame_length(&f), ev->length);
	assert_memory_equal(f.archive, c->desc.id, 16);
	assert_memory_equal(f.accession, ev->accession, 16);
	assert_memory_equal(f.item, ev->item, 16);
	assert_int_equal(frame_unwrap(file_key, frame.p, ev->headlen, keys.wrap), 0);
	assert_int_equal(frame_record_open(&rec, salt, sha256, frame.p, ev->headlen, keys.record),
			 0);
	record_commitment(v, salt, rec.p, rec.n, sha256);
	assert_memory_equal(v, ev->commitment, 32);
	open_content(&f, frame.p, file_key, content);
	assert_int_equal(content->n, f.size);
	hash_sha256(v, content->p, content->n);
	assert_memory_equal(v, sha256, 32);
	assert_int_equal(record_decode(record, rec.p, rec.n), 0);
	wire_out_free(&header);
	wire_out_free(&frame);
	wire_out_free(&rec);
}

bool capture_find(struct capture *c, const char *path, struct event *ev, struct wire_out *content,
		  struct record **record)
{
	for (unsigned i = 0; capture_event(c, EVENT_INGEST, i, ev); i++) {
		struct text_span v;

		wire_out_reset(content);
		capture_item(c, ev, content, record);
		if (record_get(*record, "path", &v) && text_is(v, path))
			return true;
		record_free(*record);
		*record = NULL;
	}
	return false;
}

unsigned capture_check(struct capture *c)
{
	struct wire_out content = {0};
	struct record *record;
	struct event ev;
	unsigned n = 0;

	for (; capture_event(c, EVENT_INGEST, n, &ev); n++) {
		wire_out_reset(&content);
		capture_item(c, &ev, &content, &record);
		record_free(record);
	}
	wire_out_free(&content);
	return n;
}
