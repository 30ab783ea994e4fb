/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "fs/admit.h"
#include "fs/frame.h"
#include "fs/ingest.h"
#include "fs/restore.h"
#include "index/file.h"

static const char *const names[STAGE_NODES] = {"cap", "cap2", "ws", "both"};
static const unsigned roles[STAGE_NODES] = {ROSTER_INGEST, ROSTER_INGEST, ROSTER_READER,
					    ROSTER_INGEST | ROSTER_READER};

static void ok(int rc, const struct err *e)
{
	if (rc)
		fail_msg("%s: %s", err_word(rc), e->text);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the archive and its nodes ---- */

void stage_open(struct stage *s)
{
	memset(s, 0, sizeof(*s));
	office_open(&s->o);
	office_describe(&s->o, &s->desc, 2, 1);
	s->desc.created_ms = now_ms() / 1000 * 1000;
	office_archive(&s->o, &s->desc, "archive", s->archive);
}

void stage_close(struct stage *s)
{
	if (s->st)
		stage_leave(s);
	office_close(&s->o);
}

static void take_notice(void *ctx, const char *sentence)
{
	struct stage *s = ctx;

	snprintf(s->notice + strlen(s->notice), sizeof(s->notice) - strlen(s->notice), "%s\n",
		 sentence);
}

static int open_station(struct stage *s, enum stage_node n, unsigned flags, struct err *e)
{
	struct station_ask ask = {.archive = s->archive,
				  .node_dir = s->dir[n],
				  .flags = flags,
				  .notice = take_notice,
				  .notice_ctx = s};

	assert_null(s->st);
	s->notice[0] = '\0';
	memset(e, 0, sizeof(*e));
	return station_open(&s->st, &ask, e);
}

static void enrolment_of(struct stage *s, enum stage_node n, int64_t issued_ms, struct document *d)
{
	struct roster_node who = {.roles = roles[n], .issued_ms = issued_ms, .pub = s->pub[n]};
	uint8_t serial[16];
	struct err e;

	strcpy(who.name, names[n]);
	secret_random(serial, 16);
	ok(roster_enrolment_make(d, s->desc.id, serial, &who,
				 roles[n] & ROSTER_READER ? s->o.catalogue_secret : NULL, &e),
	   &e);
	office_sign(&s->o, d, DOCUMENT_NS_ENROL, 0);
}

void stage_enrolment(struct stage *s, enum stage_node n, struct document *d)
{
	enrolment_of(s, n, now_ms(), d);
}

/* The node's key, its first contact with the archive, and what the authority says of it. */
static void create(struct stage *s, enum stage_node n, struct document *enrolment)
{
	struct archive *a;
	struct node *node;
	struct err e;

	office_path(&s->o, names[n], s->dir[n]);
	ok(node_create(&node, s->dir[n], s->o.pool, NULL, NULL, &e), &e);
	ok(archive_open(&a, s->archive, &e), &e);
	ok(node_archive_pin(node, a, &e), &e);
	s->pub[n] = node_identity(node)->pub;
	memcpy(s->id[n], s->pub[n].id, 16);
	archive_close(a);
	node_close(node);
	enrolment_of(s, n, s->desc.created_ms, enrolment);
}

static void enrol(struct stage *s, enum stage_node n)
{
	struct document d;
	struct err e;

	create(s, n, &d);
	ok(open_station(s, n, STATION_UNENROLLED, &e), &e);
	ok(stage_import(s, &d, &e), &e);
	stage_leave(s);
	document_free(&d);
}

struct station *stage_enter(struct stage *s, enum stage_node n, unsigned flags)
{
	struct err e;

	if (!s->dir[n][0])
		enrol(s, n);
	ok(open_station(s, n, flags, &e), &e);
	return s->st;
}

void stage_leave(struct stage *s)
{
	struct station *st = s->st;
	struct err e;

	s->st = NULL;
	ok(station_close(st, &e), &e);
}

int stage_try(struct stage *s, enum stage_node n, unsigned flags, struct err *e)
{
	int rc;

	if (!s->dir[n][0])
		enrol(s, n);
	rc = open_station(s, n, flags, e);
	if (rc == 0)
		stage_leave(s);
	return rc;
}

void stage_journal_path(const struct stage *s, enum stage_node n, const char *suffix,
			char path[FIXTURE_PATH])
{
	char hex[33];

	text_hex(hex, s->id[n], 16);
	assert_true(snprintf(path, FIXTURE_PATH, "%s/journal/%s.%s", s->archive, hex, suffix) <
		    FIXTURE_PATH);
}

void stage_shell(struct stage *s, const char *command)
{
	if (fixture_run(s->archive, command) != 0)
		fail_msg("%s fails", command);
}

/* ---- items ---- */

size_t stage_content(const char *prefix, unsigned i, uint8_t out[1000])
{
	size_t n = 100 + (i * 37) % 900;

	fixture_fill(out, n, (uint32_t)strlen(prefix) * 1000 + i);
	return n;
}

static struct ingest *begin(struct stage *s, enum stage_node n, const char *collection)
{
	struct ingest_ask ask = {.collection = collection,
				 .user = "op",
				 .uid = 1000,
				 .host = names[n],
				 .workers = 1};
	struct ingest *g;
	struct err e;

	stage_enter(s, n, 0);
	ok(ingest_begin(&g, s->st, &ask, &e), &e);
	return g;
}

void stage_ingest(struct stage *s, enum stage_node n, const char *collection, const char *prefix,
		  unsigned count, uint8_t accession[16])
{
	struct ingest *g = begin(s, n, collection);
	struct ingest_sum sum;
	uint8_t bytes[1000];
	char path[256];
	struct err e;

	for (unsigned i = 0; i < count; i++) {
		size_t len = stage_content(prefix, i, bytes);

		snprintf(path, sizeof(path), "%s%u.jpg", prefix, i);
		ok(ingest_add_bytes(g, bytes, len, path, NULL, &e), &e);
	}
	ok(ingest_end(g, false, &sum, &e), &e);
	assert_int_equal(sum.items, count);
	if (accession)
		memcpy(accession, sum.accession, 16);
	stage_leave(s);
}

void stage_ingest_one(struct stage *s, enum stage_node n, const char *collection, const char *path,
		      const void *p, size_t len)
{
	struct ingest *g = begin(s, n, collection);
	struct err e;

	ok(ingest_add_bytes(g, p, len, path, NULL, &e), &e);
	ok(ingest_end(g, false, NULL, &e), &e);
	stage_leave(s);
}

int stage_find(struct stage *s, const char *path, struct object *o)
{
	struct db_txn *t;
	int rc;

	assert_int_equal(db_begin(&t, s->st->db, false, NULL), 0);
	rc = object_resolve(t, db_name_key(s->st->db), path, o, NULL);
	db_abort(t);
	return rc;
}

uint64_t stage_items(struct stage *s)
{
	struct object_totals sum;
	struct db_txn *t;

	assert_int_equal(db_begin(&t, s->st->db, false, NULL), 0);
	assert_int_equal(object_totals(t, &sum, NULL), 0);
	db_abort(t);
	return sum.items;
}

struct dump {
	struct db_txn *t;
	struct wire_out *out;
};

static int dump_entry(void *ctx, const struct object_entry *en)
{
	struct wire_out path = {0}, record = {0};
	struct dump *d = ctx;
	struct object o = {.ino = 0};
	char hex[33];
	int rc = object_get(d->t, en->ino, &o, &record, NULL);

	if (rc == 0)
		rc = object_path(d->t, &o, &path, NULL);
	text_hex(hex, o.item, 16);
	wire_out_printf(d->out, "%.*s %llu %s %llu %llu %lld %llu\n", (int)path.n,
			path.p ? (char *)path.p : "", (unsigned long long)o.ino, hex,
			(unsigned long long)o.size, (unsigned long long)o.nlink,
			(long long)o.mtime_ns, (unsigned long long)o.offset);
	wire_out_bytes(d->out, record.p, record.n);
	wire_out_free(&path);
	wire_out_free(&record);
	if (rc)
		return rc;
	return o.kind == OBJECT_DIR ? object_list(d->t, o.ino, 0, dump_entry, d, NULL) : 0;
}

int stage_try_dump(struct stage *s, struct wire_out *out)
{
	struct dump d = {NULL, out};
	struct object_totals sum = {0};
	int rc;

	wire_out_reset(out);
	rc = db_begin(&d.t, s->st->db, false, NULL);
	if (rc)
		return rc;
	rc = object_list(d.t, KEY_ROOT_INO, 0, dump_entry, &d, NULL);
	if (rc == 0)
		rc = object_totals(d.t, &sum, NULL);
	wire_out_printf(out, "%llu %llu %llu %llu\n", (unsigned long long)sum.items,
			(unsigned long long)sum.bytes, (unsigned long long)sum.stored,
			(unsigned long long)sum.dirs);
	db_abort(d.t);
	return rc ? rc : wire_out_ok(out) ? 0 : ERR_NOMEM;
}

void stage_dump(struct stage *s, struct wire_out *out)
{
	assert_int_equal(stage_try_dump(s, out), 0);
}

void stage_log(struct stage *s, const struct event *ev, unsigned n)
{
	struct event *list = calloc(n, sizeof(*list));
	struct err e;

	for (unsigned i = 0; i < n; i++)
		list[i] = *ev;
	ok(journal_append(s->st->journal, list, n, &e), &e);
	free(list);
}

int stage_document(struct stage *s, const uint8_t serial[16], struct ledger_document *d)
{
	struct db_txn *t;
	int rc;

	assert_int_equal(db_begin(&t, s->st->db, false, NULL), 0);
	rc = ledger_get_document(NULL, t, serial, d, NULL);
	db_abort(t);
	return rc;
}

/* ---- documents ---- */

/* The content key of a segment, and what follows from it for an item. */
static void wrap_key(struct stage *s, const uint8_t segment[16], uint8_t wrap[32])
{
	uint8_t key[32];

	struct wire_out header = {0};
	struct segment_header h;
	struct err e;

	ok(segment_read_header(&header, s->st->segments, segment, &e), &e);
	assert_int_equal(segment_header_parse(&h, header.p, header.n), 0);
	assert_int_equal(segment_content_key(key, &h, s->o.release_secret), 0);
	frame_wrap_key(wrap, key, h.archive, h.accession);
	wire_out_free(&header);
}

static void file_key(struct stage *s, const struct object *o, uint8_t key[32])
{
	uint8_t wrap[32], *head = malloc(o->headlen);
	struct segment_fd *fd;
	struct err e;

	wrap_key(s, o->segment, wrap);
	ok(segment_get(&fd, s->st->segments, o->segment, &e), &e);
	ok(file_pread(segment_fileno(fd), head, o->headlen, o->offset, &e), &e);
	segment_put(s->st->segments, fd);
	assert_int_equal(frame_unwrap(key, head, o->headlen, wrap), 0);
	free(head);
}

/* Some segment of an accession. */
struct segment_of {
	const uint8_t *accession;
	uint8_t segment[16];
};

static int find_segment(void *ctx, const struct object_entry *en);

struct listing {
	struct stage *s;
	struct db_txn *t;
	struct segment_of *want;
};

static int find_segment(void *ctx, const struct object_entry *en)
{
	struct listing *l = ctx;
	struct object o;

	if (en->kind == OBJECT_DIR)
		return object_list(l->t, en->ino, 0, find_segment, l, NULL);
	assert_int_equal(object_get(l->t, en->ino, &o, NULL, NULL), 0);
	if (memcmp(o.accession, l->want->accession, 16) != 0)
		return 0;
	memcpy(l->want->segment, o.segment, 16);
	return 1;
}

static void accession_key(struct stage *s, const uint8_t accession[16], uint8_t key[32])
{
	struct segment_of want = {accession, {0}};
	struct listing l = {s, NULL, &want};

	assert_int_equal(db_begin(&l.t, s->st->db, false, NULL), 0);
	assert_int_equal(object_list(l.t, KEY_ROOT_INO, 0, find_segment, &l, NULL), 1);
	db_abort(l.t);
	wrap_key(s, want.segment, key);
}

/* The checkpoint of the node's own journal, as it would stand in its request. */
static void own_checkpoint(struct stage *s, enum stage_node n, struct note_checkpoint *cp)
{
	struct err e;

	ok(journal_checkpoint(s->st->journal, &e), &e);
	ok(journal_read_checkpoint(s->st->archive->journal, s->desc.id, &s->pub[n], cp, NULL, &e),
	   &e);
}

void stage_authorise(struct stage *s, enum stage_node n, const struct stage_terms *t,
		     struct document *d, uint8_t serial[16])
{
	struct authorisation a = {.issued_ms = now_ms() / 1000 * 1000,
				  .max_opens = t->max_opens,
				  .max_bytes = t->max_bytes,
				  .checkpoints = 1};
	struct authorisation_item items[8];
	uint8_t keys[8][32], key[1][32], accession[1][16];
	struct wire_out text = {0}, sealed = {0};
	struct note_checkpoint cp;
	struct err e;

	memcpy(a.archive, s->desc.id, 16);
	secret_random(a.serial, 16);
	secret_random(a.request, 16);
	memcpy(serial, a.serial, 16);
	memcpy(a.node, s->id[n], 16);
	a.not_before_ms = a.issued_ms + t->from_ms / 1000 * 1000;
	a.not_after_ms = a.issued_ms + (t->until_ms ? t->until_ms : 3600000) / 1000 * 1000;
	if (t->user) {
		snprintf(a.users[0], sizeof(a.users[0]), "%s", t->user);
		a.nusers = 1;
	}
	if (t->export_to) {
		snprintf(a.export_to[0], sizeof(a.export_to[0]), "%s", t->export_to);
		a.exports = 1;
	}
	strcpy(a.case_no, "C-1");
	strcpy(a.purpose, "plate dispute");
	strcpy(a.requested_by, "alice@ws");
	own_checkpoint(s, n, &cp);
	a.checkpoint = &cp;
	a.item = items;
	a.accession = accession;
	for (; a.items < 8 && t->paths[a.items]; a.items++) {
		struct object o;

		assert_int_equal(stage_find(s, t->paths[a.items], &o), 0);
		memcpy(items[a.items].id, o.item, 16);
		memcpy(items[a.items].commitment, o.commitment, 32);
		file_key(s, &o, keys[a.items]);
		keys[a.items][0] ^= t->wrong_key;
	}
	if (t->accession) {
		memcpy(accession[0], t->accession, 16);
		accession_key(s, t->accession, key[0]);
		key[0][0] ^= t->wrong_key;
		a.accessions = 1;
	}
	assert_int_equal(authorisation_seal(&sealed, &a, keys, key, s->pub[n].receive), 0);
	authorisation_text(&text, &a);
	document_sealed_line(&text, sealed.p, sealed.n);
	ok(document_make(d, &text, sealed.p, sealed.n, &e), &e);
	for (unsigned i = 0; i < OFFICE_KEYS; i++)
		if ((t->signers ? t->signers : 1) & 1u << i)
			office_sign(&s->o, d, DOCUMENT_NS_AUTHORISE, i);
	wire_out_free(&text);
	wire_out_free(&sealed);
}

int stage_import(struct stage *s, const struct document *d, struct err *e)
{
	struct admit_result r;

	memset(e, 0, sizeof(*e));
	return admit_document(s->st, d->bytes.p, d->bytes.n, 1000, "op", &r, e);
}

void stage_release(struct stage *s, enum stage_node n, const struct stage_terms *t,
		   uint8_t serial[16])
{
	struct document d;
	struct err e;

	stage_authorise(s, n, t, &d, serial);
	ok(stage_import(s, &d, &e), &e);
	document_free(&d);
}

static void revocation(struct stage *s, struct authorisation_revocation *r, struct document *d,
		       uint8_t serial[16])
{
	struct wire_out text = {0};
	struct err e;

	r->issued_ms = now_ms() / 1000 * 1000;
	strcpy(r->reason, "a mistake");
	memcpy(r->archive, s->desc.id, 16);
	secret_random(r->serial, 16);
	memcpy(serial, r->serial, 16);
	authorisation_revocation_text(&text, r);
	ok(document_make(d, &text, NULL, 0, &e), &e);
	office_sign(&s->o, d, DOCUMENT_NS_REVOKE, 0);
	wire_out_free(&text);
}

void stage_revocation(struct stage *s, int what, const uint8_t target[16], struct document *d,
		      uint8_t serial[16])
{
	struct authorisation_revocation r = {.what = what};

	memcpy(r.target, target, 16);
	revocation(s, &r, d, serial);
}

void stage_revocation_of_key(struct stage *s, unsigned officer, struct document *d,
			     uint8_t serial[16])
{
	struct authorisation_revocation r = {.what = REVOKE_KEY, .key = s->o.key[officer]};

	*r.key.comment = '\0';
	revocation(s, &r, d, serial);
}

void stage_restore(struct stage *s, enum stage_node n, int64_t from_now_ms, unsigned officer,
		   struct document *d, uint8_t serial[16])
{
	struct restore_log log = {.pinned = {.size = 0}};
	struct restore r = {.log = &log, .logs = 1, .reason = "a disk died"};
	struct wire_out text = {0};
	struct err e;

	memcpy(r.archive, s->desc.id, 16);
	memcpy(r.node, s->id[n], 16);
	secret_random(r.serial, 16);
	memcpy(serial, r.serial, 16);
	r.issued_ms = (now_ms() + from_now_ms) / 1000 * 1000;
	own_checkpoint(s, n, &log.pinned);
	log.accepted = log.pinned;
	restore_text(&text, &r);
	ok(document_make(d, &text, NULL, 0, &e), &e);
	office_sign(&s->o, d, DOCUMENT_NS_RESTORE, officer);
	wire_out_free(&text);
}

void stage_smuggle(struct stage *s, const struct document *d, const char *kind,
		   const uint8_t serial[16])
{
	struct event ev = {.type = EVENT_ADMITTED};
	struct err e;

	snprintf(ev.kind, sizeof(ev.kind), "%s", kind);
	memcpy(ev.document, serial, 16);
	memcpy(ev.digest, d->digest, 32);
	ok(document_store(s->st->archive->documents, serial, kind, d, &e), &e);
	stage_log(s, &ev, 1);
}
