// SPDX-License-Identifier: Apache-2.0
/*
 * Directories. An entry's position is its cookie in the index, so a listing goes on at the right
 * place while entries are added, and nothing is kept for an open directory.
 */
#include "fs/front_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Positions before the first cookie (index/key.h: cookies start at 4). */
enum { POS_DOT = 1, POS_DOTDOT = 2 };

/*
 * The kernel may keep a directory's listing if no name was added anywhere since it was last opened.
 * One slot a hash: a collision only costs a listing.
 */
void front_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct front *f = front_of(req);
	uint64_t generation = atomic_load(&f->generation);
	uint64_t mark = (ino * 0x9e3779b97f4a7c15u) ^ generation;
	atomic_uint_least64_t *slot = &f->dir_seen[(ino * 0x9e3779b97f4a7c15u) >> 52];

	_Static_assert(FRONT_DIRS == 1u << 12, "slot index is 12 bits");
	fi->cache_readdir = 1;
	fi->keep_cache = atomic_exchange(slot, mark) == mark;
	fuse_reply_open(req, fi);
}

void front_op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, 0);
}

/*
 * The kernel asks for attributes with the beginning of every listing, since who lists may ask for
 * them next, and makes an inode of each: `find` needs none of it, and lists half as many entries again
 * a second without. So a thread gets names alone, until it looks up an item by name: then its next
 * listings come with attributes. (The kernel does the same for what follows the beginning.) One slot
 * a hash; a hint that is wrong costs time and nothing else.
 */
static atomic_int *hint_of(fuse_req_t req, int *thread)
{
	*thread = (int)fuse_req_ctx(req)->pid;
	return &front_of(req)->hint[(unsigned)*thread % FRONT_HINTS];
}

void front_dir_hint(fuse_req_t req)
{
	int thread;
	atomic_int *slot = hint_of(req, &thread);

	atomic_store(slot, thread);
}

static bool wants_attributes(fuse_req_t req, off_t off)
{
	int thread;
	atomic_int *slot = hint_of(req, &thread);

	return off > 0 || atomic_load(slot) == thread;
}

struct listing {
	fuse_req_t req;
	const struct front *f;
	char *buf;
	size_t cap, n;
	bool plus; /* entries have room for attributes */
	bool bare; /* and it stays empty */
	bool full; /* the last entry did not fit */
};

/* One entry into the buffer; 1 when it does not fit. */
static int put(struct listing *l, const char *name, const struct stat *st, double timeout,
	       uint64_t nodeid, uint64_t pos)
{
	struct fuse_entry_param en;
	size_t need;

	if (l->plus) {
		memset(&en, 0, sizeof(en));
		en.ino = l->bare ? 0 : nodeid; /* 0: nothing is said of it but in attr */
		en.attr = *st;
		en.entry_timeout = FRONT_TIMEOUT_ITEM;
		en.attr_timeout = timeout;
		need = fuse_add_direntry_plus(l->req, l->buf + l->n, l->cap - l->n, name, &en,
					      (off_t)pos);
	} else {
		need = fuse_add_direntry(l->req, l->buf + l->n, l->cap - l->n, name, st,
					 (off_t)pos);
	}
	if (need > l->cap - l->n) {
		l->full = true;
		return 1;
	}
	l->n += need;
	return 0;
}

static int put_entry(void *ctx, const struct object_entry *en)
{
	struct listing *l = ctx;
	struct stat st;

	front_attr_item(l->f, &st, en->ino, en->kind, en->size, en->nlink, en->mtime_ns);
	return put(l, en->name, &st,
		   en->kind == OBJECT_DIR ? FRONT_TIMEOUT_DIR : FRONT_TIMEOUT_ITEM, en->ino,
		   en->cookie);
}

static int put_view(void *ctx, const char *name, const struct stat *st, uint64_t pos)
{
	struct listing *l = ctx;

	/* Nothing is known of it but its kind: it is looked up by who wants more. */
	l->bare = true;
	return put(l, name, st, 0, 0, pos);
}

static int put_dots(struct listing *l, uint64_t ino, uint64_t parent, uint64_t off)
{
	struct stat st = {.st_mode = S_IFDIR};

	st.st_ino = ino;
	if (off < POS_DOT && put(l, ".", &st, 0, 0, POS_DOT))
		return 1;
	st.st_ino = parent;
	if (off < POS_DOTDOT && put(l, "..", &st, 0, 0, POS_DOTDOT))
		return 1;
	return 0;
}

/* Folders of views do not know what is above them, and nobody asks them: the kernel does. */
static int list_view(struct front *f, struct listing *l, uint64_t id, uint64_t off)
{
	struct db_txn *t = NULL;
	int rc = db_begin(&t, f->st->db, false, NULL);

	if (rc == 0 && put_dots(l, id, KEY_ROOT_INO, off) == 0)
		rc = front_view_list(f, t, id, off <= POS_DOTDOT ? 0 : off, put_view, l);
	db_abort(t);
	return rc < 0 ? rc : 0;
}

static int list(struct front *f, struct listing *l, uint64_t ino, uint64_t off)
{
	struct db_txn *t = NULL;
	struct object dir;
	int rc;

	if (front_view_is(f, ino))
		return list_view(f, l, ino, off);
	rc = db_begin(&t, f->st->db, false, NULL);
	if (rc == 0)
		rc = object_get(t, ino, &dir, NULL, NULL);
	if (rc == 0 && dir.kind != OBJECT_DIR)
		rc = ERR_NOTFOUND;
	if (rc == 0 && put_dots(l, ino, dir.parent ? dir.parent : ino, off) == 0)
		rc = object_list(t, ino, off <= POS_DOTDOT ? 0 : off, put_entry, l, NULL);
	if (rc == 0 && ino == KEY_ROOT_INO && !l->full)
		rc = front_view_list(f, t, ino, off, put_view, l);
	db_abort(t);
	return rc < 0 ? rc : 0;
}

static void reply_list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	struct front *f = front_of(req);
	struct listing l = {.req = req, .f = f, .cap = size, .plus = plus};
	int rc;

	l.bare = plus && !wants_attributes(req, off);
	l.buf = malloc(size);
	if (!l.buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	rc = list(f, &l, ino, (uint64_t)off);
	if (rc < 0)
		fuse_reply_err(req, rc == ERR_NOTFOUND ? ENOTDIR : err_errno(rc));
	else
		fuse_reply_buf(req, l.buf, l.n);
	free(l.buf);
}

void front_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi)
{
	(void)fi;
	reply_list(req, ino, size, off, false);
}

void front_op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			  struct fuse_file_info *fi)
{
	(void)fi;
	reply_list(req, ino, size, off, true);
}
