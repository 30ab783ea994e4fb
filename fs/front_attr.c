// SPDX-License-Identifier: Apache-2.0
/* Names, attributes and extended attributes: all visible to a reader node, none of it content. */
#include "fs/front_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/text.h"
#include "fs/derived.h"

#define XATTR_PREFIX "user.custody."
#define XATTR_PREFIX_LEN (sizeof(XATTR_PREFIX) - 1)

void front_attr_item(const struct front *f, struct stat *st, uint64_t ino, enum object_kind kind,
		     uint64_t size, uint64_t nlink, int64_t mtime_ns)
{
	int64_t sec = mtime_ns / 1000000000, nsec = mtime_ns % 1000000000;

	if (nsec < 0) {
		nsec += 1000000000;
		sec--;
	}
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_uid = f->opt->uid;
	st->st_gid = f->opt->gid;
	st->st_nlink = nlink;
	st->st_blksize = 4096;
	if (kind == OBJECT_DIR) {
		st->st_mode = S_IFDIR | 0555;
	} else {
		st->st_mode = S_IFREG | 0444;
		st->st_size = (off_t)size;
		st->st_blocks = (blkcnt_t)((size + 511) / 512);
	}
	st->st_mtim.tv_sec = (time_t)sec;
	st->st_mtim.tv_nsec = (long)nsec;
	st->st_atim = st->st_mtim;
	st->st_ctim = st->st_mtim;
}

static void object_attr(const struct front *f, struct stat *st, const struct object *o)
{
	front_attr_item(f, st, o->ino, o->kind, o->size, o->nlink, o->mtime_ns);
}

static int find_name(struct front *f, uint64_t parent, const char *name, struct object *o)
{
	struct db_txn *t = NULL;
	int rc = db_begin(&t, f->st->db, false, NULL);

	if (rc == 0)
		rc = object_lookup(t, db_name_key(f->st->db), parent, name, strlen(name), o, NULL);
	db_abort(t);
	return rc;
}

/* Where the item's own node id is another release's, the caller's own. */
static uint64_t node_id(struct front *f, const struct object *o, uint32_t uid)
{
	struct release *r = NULL;
	uint64_t id = o->ino;
	uint8_t near[16];

	if (o->kind != OBJECT_ITEM || !front_nodes_taken(f, o->ino))
		return id;
	if (front_ask_gate(f, o, uid, &r, near) == 0)
		id = front_nodes_for(f, o->ino, release_terms(r)->serial);
	if (r)
		release_drop(r);
	return id;
}

void front_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct front *f = front_of(req);
	struct fuse_entry_param en = {0};
	struct object o;
	int rc = find_name(f, parent, name, &o);

	if (rc == ERR_NOTFOUND) {
		rc = front_view_lookup(f, parent, name, &en);
		if (rc == 0) {
			fuse_reply_entry(req, &en);
			return;
		}
	}
	if (rc == ERR_NOTFOUND && !front_view_is(f, parent)) {
		/* It may have been ingested a moment ago; unknown names are not cached. */
		front_refresh(f, false);
		rc = find_name(f, parent, name, &o);
	}
	if (rc < 0) {
		fuse_reply_err(req, err_errno(rc));
		return;
	}
	if (o.kind == OBJECT_ITEM)
		front_dir_hint(req);
	en.ino = node_id(f, &o, fuse_req_ctx(req)->uid);
	en.generation = 0;
	object_attr(f, &en.attr, &o);
	en.entry_timeout = FRONT_TIMEOUT_ITEM;
	en.attr_timeout = o.kind == OBJECT_DIR ? FRONT_TIMEOUT_DIR : FRONT_TIMEOUT_ITEM;
	fuse_reply_entry(req, &en);
}

static int load(struct front *f, uint64_t node, struct object *o, struct wire_out *record)
{
	struct db_txn *t = NULL;
	int rc = db_begin(&t, f->st->db, false, NULL);

	if (rc == 0)
		rc = object_get(t, front_nodes_ino(f, node), o, record, NULL);
	db_abort(t);
	return rc;
}

void front_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct front *f = front_of(req);
	struct object o;
	struct stat st;
	int rc;

	(void)fi;
	if (front_view_is(f, ino)) {
		front_view_getattr(req, ino);
		return;
	}
	rc = load(f, ino, &o, NULL);
	if (rc < 0) {
		fuse_reply_err(req, rc == ERR_NOTFOUND ? ESTALE : err_errno(rc));
		return;
	}
	object_attr(f, &st, &o);
	fuse_reply_attr(req, &st, o.kind == OBJECT_DIR ? FRONT_TIMEOUT_DIR : FRONT_TIMEOUT_ITEM);
}

/* The attributes that are not in the provenance record. */
static const char *const fixed_names[] = {"item", "accession", "node", "ingested"};

static bool fixed_value(const struct object *o, const char *name, char *out, size_t cap)
{
	char time[TEXT_TIME_SIZE];

	if (cap < 40)
		return false;
	if (!strcmp(name, "item"))
		text_hex(out, o->item, 16);
	else if (!strcmp(name, "accession"))
		text_hex(out, o->accession, 16);
	else if (!strcmp(name, "node"))
		text_hex(out, o->node, 16);
	else if (!strcmp(name, "ingested")) {
		text_time_ms(time, o->ingest_ms);
		snprintf(out, cap, "%s", time);
	} else {
		return false;
	}
	return true;
}

/* "derived": the items that were made from this one, a path a line. */
#define DERIVED "derived"

struct made {
	struct front *f;
	struct wire_out *out;
};

static int add_made(void *ctx, const struct object *o, const struct record *r)
{
	struct made *m = ctx;
	struct db_txn *t = NULL;
	int rc = db_begin(&t, m->f->st->db, false, NULL);

	(void)r;
	if (m->out->n)
		wire_out_text(m->out, "\n");
	if (rc == 0)
		rc = object_path(t, o, m->out, NULL);
	db_abort(t);
	return rc;
}

/* ERR_NOTFOUND when there are none. */
static int derived_value(struct front *f, const struct object *o, struct wire_out *out)
{
	struct made m = {f, out};
	int rc = derived_each(f->st, o, add_made, &m, NULL);

	if (rc == 0 && !wire_out_ok(out))
		rc = ERR_NOMEM;
	return rc == 0 && out->n == 0 ? ERR_NOTFOUND : rc;
}

static void reply_value(fuse_req_t req, const void *p, size_t n, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, n);
	else if (n > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, p, n);
}

void front_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct front *f = front_of(req);
	struct wire_out enc = {0}, made = {0};
	struct record *rec = NULL;
	struct text_span v;
	struct object o;
	char text[64];
	int rc;

	/* `ls -l` asks each file for labels and ACLs, until it hears that this file system has no such
	 * thing. (ENOSYS would be heard by the kernel, which then asks for no attribute any more.) */
	if (strncmp(name, XATTR_PREFIX, XATTR_PREFIX_LEN) != 0) {
		fuse_reply_err(req, strncmp(name, "user.", 5) ? EOPNOTSUPP : ENODATA);
		return;
	}
	name += XATTR_PREFIX_LEN;
	rc = load(f, ino, &o, &enc);
	if (rc == 0 && o.kind != OBJECT_ITEM)
		rc = ERR_NOTFOUND;
	if (rc == 0 && fixed_value(&o, name, text, sizeof(text))) {
		reply_value(req, text, strlen(text), size);
		goto out;
	}
	if (rc == 0 && strcmp(name, DERIVED) == 0) {
		rc = derived_value(f, &o, &made);
		v = (struct text_span){(const char *)made.p, made.n};
	} else if (rc == 0) {
		rc = record_decode(&rec, enc.p, enc.n);
		if (rc == 0 && !record_get(rec, name, &v))
			rc = ERR_NOTFOUND;
	}
	if (rc < 0)
		fuse_reply_err(req, rc == ERR_NOTFOUND ? ENODATA : EIO);
	else
		reply_value(req, v.p, v.n, size);
out:
	record_free(rec);
	wire_out_wipe(&enc);
	wire_out_wipe(&made);
}

static void add_name(struct wire_out *out, const char *name)
{
	wire_out_text(out, XATTR_PREFIX);
	wire_out_text(out, name);
	wire_out_u8(out, 0);
}

void front_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct front *f = front_of(req);
	struct wire_out enc = {0}, names = {0}, made = {0};
	struct record *rec = NULL;
	struct text_span v;
	struct object o;
	const char *key;
	int rc;

	if (front_view_is(f, ino)) {
		reply_value(req, "", 0, size);
		return;
	}
	rc = load(f, ino, &o, &enc);
	if (rc == 0 && o.kind == OBJECT_ITEM)
		rc = record_decode(&rec, enc.p, enc.n);
	if (rc < 0) {
		fuse_reply_err(req, EIO);
		goto out;
	}
	if (o.kind == OBJECT_ITEM) {
		for (size_t i = 0; i < sizeof(fixed_names) / sizeof(*fixed_names); i++)
			add_name(&names, fixed_names[i]);
		for (size_t i = 0; i < record_count(rec); i++) {
			record_at(rec, i, &key, &v);
			add_name(&names, key);
		}
		if (derived_value(f, &o, &made) == 0)
			add_name(&names, DERIVED);
	}
	if (wire_out_ok(&names))
		reply_value(req, names.p, names.n, size);
	else
		fuse_reply_err(req, ENOMEM);
out:
	record_free(rec);
	wire_out_wipe(&enc);
	wire_out_wipe(&names);
	wire_out_wipe(&made);
}
