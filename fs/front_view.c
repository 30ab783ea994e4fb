// SPDX-License-Identifier: Apache-2.0
/*
 * The views (index/view) beside the collections: folders of symbolic links, all four deep, that point to
 * items in their collections and nowhere else. What a link leads to is opened there, by its own name and
 * number: the gate never hears of links.
 *
 * Numbers say all that is to be known of a folder or link, so nothing is kept of what was looked at.
 */
#include "fs/front_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "index/view.h"

#define UP "../../../../"
/* Behind all positions of collections, which have 62 bits. */
#define TOP_POSITION (UINT64_C(1) << 62)
#define TOP_SUFFIX "~view"
#define TOP_SUFFIXES 3u

bool front_view_is(const struct front *f, uint64_t id)
{
	return !f->opt->noviews && (view_is_folder(id) || view_is_link(id));
}

/* ---- attributes ---- */

/* Times of folders are the root's: something was taken in then. */
static int folder_attr(const struct front *f, struct db_txn *t, uint64_t id, struct stat *st)
{
	struct object root;
	int rc = object_get(t, KEY_ROOT_INO, &root, NULL, NULL);

	if (rc == 0)
		front_attr_item(f, st, id, OBJECT_DIR, 0, 1, root.mtime_ns);
	return rc;
}

/* Where a link leads, without a NUL. */
static int target(struct db_txn *t, uint64_t id, struct object *o, struct wire_out *out)
{
	int rc = object_get(t, view_item(id), o, NULL, NULL);

	if (rc == 0 && o->kind != OBJECT_ITEM)
		rc = ERR_NOTFOUND;
	if (rc == 0) {
		wire_out_text(out, UP);
		rc = object_path(t, o, out, NULL);
	}
	return rc;
}

static int link_attr(const struct front *f, struct db_txn *t, uint64_t id, struct stat *st)
{
	struct wire_out to = {0};
	struct object o;
	int rc = target(t, id, &o, &to);

	if (rc == 0) {
		front_attr_item(f, st, id, OBJECT_ITEM, to.n, 1, o.mtime_ns);
		st->st_mode = S_IFLNK | 0777;
		st->st_blocks = 0;
	}
	wire_out_wipe(&to);
	return rc;
}

static bool is_top(struct front *f, uint64_t id)
{
	for (unsigned k = 0; k < VIEW_KINDS; k++)
		if (id == view_top(db_name_key(f->st->db), (enum view_kind)k))
			return true;
	return false;
}

static int attr(struct front *f, struct db_txn *t, uint64_t id, struct stat *st)
{
	int rc;

	if (view_is_link(id))
		return link_attr(f, t, id, st);
	rc = is_top(f, id) ? 0 : view_exists(t, id, NULL);
	return rc ? rc : folder_attr(f, t, id, st);
}

void front_view_getattr(fuse_req_t req, fuse_ino_t id)
{
	struct front *f = front_of(req);
	struct db_txn *t = NULL;
	struct stat st;
	int rc = db_begin(&t, f->st->db, false, NULL);

	if (rc == 0)
		rc = attr(f, t, id, &st);
	db_abort(t);
	if (rc < 0)
		fuse_reply_err(req, rc == ERR_NOTFOUND ? ESTALE : err_errno(rc));
	else
		fuse_reply_attr(req, &st,
				view_is_link(id) ? FRONT_TIMEOUT_ITEM : FRONT_TIMEOUT_DIR);
}

void front_op_readlink(fuse_req_t req, fuse_ino_t id)
{
	struct front *f = front_of(req);
	struct wire_out to = {0};
	struct db_txn *t = NULL;
	struct object o;
	int rc = front_view_is(f, id) && view_is_link(id) ? 0 : ERR_NOTFOUND;

	if (rc == 0)
		rc = db_begin(&t, f->st->db, false, NULL);
	if (rc == 0)
		rc = target(t, id, &o, &to);
	db_abort(t);
	wire_out_u8(&to, 0);
	if (rc < 0)
		fuse_reply_err(req, rc == ERR_NOTFOUND ? EINVAL : err_errno(rc));
	else if (!wire_out_ok(&to))
		fuse_reply_err(req, ENOMEM);
	else
		fuse_reply_readlink(req, (const char *)to.p);
	wire_out_wipe(&to);
}

/* ---- names ---- */

/* What a view is called at the top: a collection of that name keeps it. ERR_NOTFOUND if all are taken. */
static int top_name(struct front *f, struct db_txn *t, enum view_kind k, char out[64])
{
	const uint8_t *name_key = db_name_key(f->st->db);
	struct object o;
	int rc = 0;

	snprintf(out, 64, "%s", view_kind_name(k));
	for (unsigned i = 0; i <= TOP_SUFFIXES; i++) {
		rc = object_lookup(t, name_key, KEY_ROOT_INO, out, strlen(out), &o, NULL);
		if (rc)
			break;
		strcat(out, TOP_SUFFIX);
	}
	return rc == ERR_NOTFOUND ? 0 : rc ? rc : ERR_NOTFOUND;
}

static int find_top(struct front *f, struct db_txn *t, const char *name, uint64_t *id)
{
	char top[64];

	for (unsigned k = 0; k < VIEW_KINDS; k++) {
		const char *plain = view_kind_name((enum view_kind)k);
		int rc;

		if (strncmp(name, plain, strlen(plain)) != 0)
			continue;
		rc = top_name(f, t, (enum view_kind)k, top);
		if (rc == 0 && strcmp(name, top) == 0) {
			*id = view_top(db_name_key(f->st->db), (enum view_kind)k);
			return 0;
		}
		if (rc != 0 && rc != ERR_NOTFOUND)
			return rc;
	}
	return ERR_NOTFOUND;
}

static int find(struct front *f, fuse_ino_t parent, const char *name, struct stat *st)
{
	struct db_txn *t = NULL;
	struct view_entry en;
	uint64_t id = 0;
	int rc = db_begin(&t, f->st->db, false, NULL);

	if (rc == 0 && parent == KEY_ROOT_INO) {
		rc = find_top(f, t, name, &id);
	} else if (rc == 0) {
		rc = view_lookup(t, parent, name, &en, NULL);
		id = rc == 0 ? en.number : 0;
	}
	if (rc == 0)
		rc = attr(f, t, id, st);
	db_abort(t);
	return rc;
}

int front_view_lookup(struct front *f, fuse_ino_t parent, const char *name,
		      struct fuse_entry_param *en)
{
	bool top = parent == KEY_ROOT_INO;
	int rc;

	if (f->opt->noviews || (!top && !view_is_folder(parent)))
		return ERR_NOTFOUND;
	rc = find(f, parent, name, &en->attr);
	if (rc == ERR_NOTFOUND && !top) {
		front_refresh(f, false);
		rc = find(f, parent, name, &en->attr);
	}
	if (rc)
		return rc;
	en->ino = en->attr.st_ino;
	/* A collection may come that has a view's name. */
	en->entry_timeout = top ? FRONT_TIMEOUT_DIR : FRONT_TIMEOUT_ITEM;
	en->attr_timeout = S_ISLNK(en->attr.st_mode) ? FRONT_TIMEOUT_ITEM : FRONT_TIMEOUT_DIR;
	return 0;
}

/* ---- listings ---- */

struct listing {
	int (*put)(void *ctx, const char *name, const struct stat *st, uint64_t pos);
	void *ctx;
};

static int put(struct listing *l, const char *name, uint64_t id, uint64_t pos)
{
	struct stat st;

	/* The kind and the number are all that a listing says. */
	memset(&st, 0, sizeof(st));
	st.st_ino = id;
	st.st_mode = view_is_link(id) ? S_IFLNK | 0777 : S_IFDIR | 0555;
	return l->put(l->ctx, name, &st, pos);
}

static int put_entry(void *ctx, const struct view_entry *en)
{
	return put(ctx, en->name, en->number, en->place);
}

int front_view_list(struct front *f, struct db_txn *t, uint64_t id, uint64_t off,
		    int (*cb)(void *ctx, const char *name, const struct stat *st, uint64_t pos),
		    void *ctx)
{
	struct listing l = {cb, ctx};
	char name[64];
	int rc = 0;

	if (id != KEY_ROOT_INO)
		return view_each(t, id, off, put_entry, &l, NULL);
	for (unsigned k = 0; rc == 0 && k < VIEW_KINDS && !f->opt->noviews; k++) {
		if (off > TOP_POSITION + k)
			continue;
		rc = top_name(f, t, (enum view_kind)k, name);
		if (rc == 0)
			rc = put(&l, name, view_top(db_name_key(f->st->db), (enum view_kind)k),
				 TOP_POSITION + k + 1);
		else if (rc == ERR_NOTFOUND)
			rc = 0;
	}
	return rc;
}
