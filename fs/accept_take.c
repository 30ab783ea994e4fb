/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A package goes into another archive. It is read a second time, and what is sealed is compared with what
 * was checked. A file is held in a memory file (memfd) while it is sealed: no plaintext touches a disk.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fs/accept.h"
#include "fs/media.h"
#include "index/file.h"
#include "index/ledger.h"
#include "index/lineset.h"
#include "index/posting.h"

struct taking {
	const struct accept *a;
	const struct accept_take_ask *ask;
	struct ingest *g;
	const struct export_item **item; /* owned; of the sheet, by path */
	char path[BAGLIST_PATH_MAX + 1]; /* of the file at hand, in the package */
	const struct baglist_file *file; /* as it was checked */
	int fd;				 /* its bytes, or -1 */
	uint8_t start[MEDIA_START];
	size_t started;
	uint64_t bytes;
};

/* ---- once ---- */

static int find_before(struct db_txn *t, const struct ledger_journal *j, const uint8_t export[16],
		       bool *found, struct err *e)
{
	const struct posting of = {POSTING_EXPORT, export, 16};
	const struct posting begun = {POSTING_TYPE, "accession", 9};
	struct lineset a = {0}, b = {0};
	uint64_t seq = 0;
	int rc = lineset_init(&a, j->state.range.size);

	if (rc == 0)
		rc = lineset_init(&b, j->state.range.size);
	if (rc)
		err_set(e, rc, "out of memory");
	if (rc == 0)
		rc = posting_load(&a, t, j->number, &of, e);
	if (rc == 0)
		rc = posting_load(&b, t, j->number, &begun, e);
	if (rc == 0) {
		lineset_and(&a, &b);
		*found |= lineset_next(&a, &seq);
	}
	lineset_free(&a);
	lineset_free(&b);
	return rc;
}

/* As far as the index of this node goes. */
static int check_once(const struct taking *t, struct err *e)
{
	struct ledger_journal *list = NULL;
	struct db_txn *txn = NULL;
	bool found = false;
	char hex[33];
	size_t n = 0;
	int rc = db_begin(&txn, t->ask->station->db, false, e);

	if (rc == 0)
		rc = ledger_journals(txn, &list, &n, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = find_before(txn, &list[i], t->a->sheet.export, &found, e);
	db_abort(txn);
	free(list);
	text_hex(hex, t->a->sheet.export, 16);
	if (rc == 0 && found)
		rc = err_set(e, ERR_EXISTS,
			     "export %s was taken in before: 'custody log --export %s' has it", hex,
			     hex);
	return rc;
}

/* ---- records ---- */

static int set_hex(struct record *r, const char *key, const uint8_t id[16])
{
	char hex[33];

	text_hex(hex, id, 16);
	return record_set_text(r, key, hex);
}

/* Where it comes from now: this host, and the package. What the archive it was in says of that is kept
 * under other names. */
static int set_source(const struct taking *t, struct record *r)
{
	char source[512];
	int rc;

	snprintf(source, sizeof(source), "%.200s:%.300s", t->ask->host, t->ask->place);
	if (!text_valid(source, strlen(source)))
		snprintf(source, sizeof(source), "%.200s", t->ask->host);
	rc = record_set_text(r, "source", source);
	if (rc == 0)
		rc = record_set_text(r, "ingest-user", t->ask->user);
	if (rc == 0)
		rc = set_hex(r, "package.archive", t->a->sheet.archive);
	return rc ? rc : set_hex(r, "package.export", t->a->sheet.export);
}

/* What its record was there, but for what this archive says itself. */
static int copy_record(struct record *to, const struct record *from)
{
	static const char *const own[] = {"path", "collection", "source", "ingest-user"};
	struct text_span v;
	const char *key;
	char as[RECORD_KEY_MAX + 1];
	int rc = 0;

	for (size_t i = 0; rc == 0 && from && i < record_count(from); i++) {
		size_t k = 0;

		record_at(from, i, &key, &v);
		while (k < 4 && strcmp(own[k], key) != 0)
			k++;
		snprintf(as, sizeof(as), "%s%s", k < 4 ? "package." : "", key);
		/* A name that is no UTF-8 can be no other field: the receipt has it. */
		if (k < 4 && !text_valid(v.p, v.n))
			continue;
		rc = record_set(to, as, v.p, v.n);
	}
	return rc;
}

static int by_path(const void *a, const void *b)
{
	const struct export_item *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

static int list_items(struct taking *t, struct err *e)
{
	const struct export_sheet *s = &t->a->sheet;

	t->item = calloc(s->items + 1, sizeof(*t->item));
	if (!t->item)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < s->items; i++)
		t->item[i] = &s->item[i];
	qsort(t->item, s->items, sizeof(*t->item), by_path);
	return 0;
}

static const struct export_item *find_item(const struct taking *t)
{
	const struct export_item want = {.path = (char *)t->path}, *key = &want;
	const struct export_item **found = bsearch(&key, t->item, t->a->sheet.items,
						   sizeof(*t->item), by_path);

	return found ? *found : NULL;
}

static int payload_record(const struct taking *t, struct record *r)
{
	const struct export_item *it = find_item(t);
	const struct accept_receipt *of = it ? accept_find(t->a, it) : NULL;
	int rc = of ? copy_record(r, of->record) : ERR_DAMAGED;

	if (rc == 0)
		rc = set_hex(r, "package.item", it->item);
	if (rc == 0)
		rc = set_hex(r, "package.node", it->node);
	return rc ? rc : set_source(t, r);
}

static int tag_record(const struct taking *t, struct record *r)
{
	int rc = record_set_text(r, "media-type", media_type(t->path, t->start, t->started));

	return rc ? rc : set_source(t, r);
}

/* ---- files ---- */

static bool is_payload(const char *path)
{
	return strncmp(path, BAGLIST_PAYLOAD, sizeof(BAGLIST_PAYLOAD) - 1) == 0;
}

static int begin(void *ctx, const char *path, uint64_t size, struct err *e)
{
	struct taking *t = ctx;

	snprintf(t->path, sizeof(t->path), "%s", path);
	t->file = baglist_find(is_payload(path) ? &t->a->payload : &t->a->tags, path);
	if (!t->file || t->file->size != size)
		return err_set(e, ERR_DAMAGED, "the package changed while it was taken in");
	t->started = 0;
	t->fd = memfd_create("custody accept", MFD_CLOEXEC);
	return t->fd < 0 ? err_sys(e, "can't hold a file in memory") : 0;
}

static int data(void *ctx, const void *p, size_t n, struct err *e)
{
	struct taking *t = ctx;
	size_t room = sizeof(t->start) - t->started;

	room = room < n ? room : n;
	memcpy(t->start + t->started, p, room);
	t->started += room;
	t->bytes += n;
	if (t->ask->progress && t->ask->progress(t->ask->ctx, t->bytes))
		return err_set(e, ERR_SYSTEM, "stopped: what is committed stays in custody");
	return file_write(t->fd, p, n, e);
}

static int end(void *ctx, struct err *e)
{
	struct taking *t = ctx;
	const bool payload = is_payload(t->path);
	char path[BAGLIST_PATH_MAX + 64], hex[33];
	struct record *r = NULL;
	int fd = t->fd, rc = record_new(&r);

	text_hex(hex, t->a->sheet.export, 16);
	if (payload)
		snprintf(path, sizeof(path), "%s", t->path + sizeof(BAGLIST_PAYLOAD) - 1);
	else
		snprintf(path, sizeof(path), "export-%s/%s", hex, t->path);
	if (rc == 0)
		rc = payload ? payload_record(t, r) : tag_record(t, r);
	t->fd = -1;
	if (rc) {
		close(fd);
		record_free(r);
		return err_set(e, rc, "the provenance of %.300s can't be kept: %s", path,
			       err_text(rc));
	}
	return ingest_add_file(t->g, fd, path, r, t->file->sha256, t->file->size, e);
}

/* ---- all of it ---- */

int accept_take(const struct accept *a, const struct accept_take_ask *ask, struct ingest_sum *sum,
		struct err *e)
{
	struct taking *t = calloc(1, sizeof(*t));
	const struct ingest_ask ingest = {.collection = ask->collection,
					  .user = ask->user,
					  .uid = ask->uid,
					  .host = ask->host,
					  .workers = 1,
					  .origin = a->sheet.archive,
					  .export = a->sheet.export};
	struct package_visitor v = {begin, data, end, t};
	struct err late = {0};
	enum parcel_form form;
	int rc, ended;

	if (!t)
		return err_set(e, ERR_NOMEM, "out of memory");
	*t = (struct taking){.a = a, .ask = ask, .fd = -1};
	rc = list_items(t, e);
	if (rc == 0)
		rc = check_once(t, e);
	if (rc == 0)
		rc = ingest_begin(&t->g, ask->station, &ingest, e);
	if (rc == 0) {
		rc = package_read(ask->place, ask->identity, &v, &form, e);
		if (t->fd >= 0)
			close(t->fd);
		ended = ingest_end(t->g, rc != 0, sum, rc ? &late : e);
		rc = rc ? rc : ended;
	}
	if (rc == 0 && sum->items != a->payload.n + a->tags.n)
		rc = err_set(e, ERR_DAMAGED, "the package changed while it was taken in");
	free(t->item);
	free(t);
	return rc;
}
