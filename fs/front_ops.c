// SPDX-License-Identifier: Apache-2.0
/*
 * The operation table. Whatever would change evidence answers EROFS, even where the kernel would
 * not ask on a read-only mount: `ro` can be remounted away. No operation answers ENOSYS to OPEN:
 * the kernel would stop asking for the whole mount.
 */
#include "fs/front_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#define FRONT_REQUEST (128u << 10)

/*
 * Requests of 128 KiB, and a readahead of four of them (front_watch.c), so that two processors have
 * something to do for one reader, and what was opened is still in a core's cache when the kernel
 * copies it: with 1 MiB the same reader got two thirds. 64 KiB lost what 128 KiB gained. No more
 * than that also spares memory: a thread touches that much of its buffers.
 */
unsigned front_max_read(const struct front *f)
{
	uint32_t chunk = f->st->archive->desc.chunk_size;

	return chunk > FRONT_REQUEST ? chunk : FRONT_REQUEST;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	conn->max_read = front_max_read(userdata);
	/* Pages live as long as their release, whatever attributes say. */
	conn->want &= ~(unsigned)FUSE_CAP_AUTO_INVAL_DATA;
	if (conn->capable & FUSE_CAP_READDIRPLUS)
		conn->want |= FUSE_CAP_READDIRPLUS;
	if (conn->capable & FUSE_CAP_READDIRPLUS_AUTO)
		conn->want |= FUSE_CAP_READDIRPLUS_AUTO;
	if (conn->capable & FUSE_CAP_PARALLEL_DIROPS)
		conn->want |= FUSE_CAP_PARALLEL_DIROPS;
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct front *f = front_of(req);
	struct statvfs sv;

	(void)ino;
	memset(&sv, 0, sizeof(sv));
	sv.f_bsize = 4096;
	sv.f_frsize = 4096;
	sv.f_blocks = (fsblkcnt_t)((atomic_load(&f->stored) + 4095) / 4096);
	sv.f_files = (fsfilcnt_t)atomic_load(&f->items);
	sv.f_namemax = RECORD_NAME_MAX + 9;
	sv.f_flag = ST_RDONLY;
	fuse_reply_statfs(req, &sv);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
		       struct fuse_file_info *fi)
{
	(void)ino, (void)st, (void)to_set, (void)fi;
	fuse_reply_err(req, EROFS);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	(void)parent, (void)name, (void)mode, (void)dev;
	fuse_reply_err(req, EROFS);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent, (void)name, (void)mode;
	fuse_reply_err(req, EROFS);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent, (void)name;
	fuse_reply_err(req, EROFS);
}

static void op_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
	(void)link, (void)parent, (void)name;
	fuse_reply_err(req, EROFS);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
		      const char *newname, unsigned flags)
{
	(void)parent, (void)name, (void)newparent, (void)newname, (void)flags;
	fuse_reply_err(req, EROFS);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname)
{
	(void)ino, (void)newparent, (void)newname;
	fuse_reply_err(req, EROFS);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	(void)parent, (void)name, (void)mode, (void)fi;
	fuse_reply_err(req, EROFS);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	(void)ino, (void)buf, (void)size, (void)off, (void)fi;
	fuse_reply_err(req, EROFS);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
			 struct fuse_file_info *fi)
{
	(void)ino, (void)mode, (void)off, (void)len, (void)fi;
	fuse_reply_err(req, EROFS);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
			size_t size, int flags)
{
	(void)ino, (void)name, (void)value, (void)size, (void)flags;
	fuse_reply_err(req, EROFS);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	(void)ino, (void)name;
	fuse_reply_err(req, EROFS);
}

const struct fuse_lowlevel_ops front_ops = {
	.init = op_init,
	.lookup = front_op_lookup,
	.getattr = front_op_getattr,
	.readlink = front_op_readlink,
	.getxattr = front_op_getxattr,
	.listxattr = front_op_listxattr,
	.opendir = front_op_opendir,
	.readdir = front_op_readdir,
	.readdirplus = front_op_readdirplus,
	.releasedir = front_op_releasedir,
	.open = front_op_open,
	.read = front_op_read,
	.release = front_op_release,
	.statfs = op_statfs,
	.setattr = op_setattr,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_unlink,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.create = op_create,
	.write = op_write,
	.fallocate = op_fallocate,
	.setxattr = op_setxattr,
	.removexattr = op_removexattr,
};
