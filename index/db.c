/* SPDX-License-Identifier: Apache-2.0 */
#include "index/db.h"

#include <errno.h>
#include <lmdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "index/db_internal.h"

#define READERS 512
#define ROOM_MIN (UINT64_C(1) << 20) /* with less a write of some pages may not have fit */
#define MAP_MAX (UINT64_C(1) << 45)  /* of the 47 bits a process has */
#define MAP_MIN (UINT64_C(1) << 30)  /* less is not tried when address space is short */

int db_damaged(struct db *db, struct err *e, const char *fmt, ...)
{
	char why[200];
	va_list ap;

	db_spoil(db);
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(e, ERR_INDEX, "the index is damaged (%s): rebuild it", why);
}

/* LMDB calls a write that was cut short for want of room an I/O error. */
static bool disk_full(const struct db *db, int mrc)
{
	struct statvfs fs;

	return mrc == ENOSPC || mrc == EDQUOT ||
	       (mrc == EIO && fstatvfs(db->dirfd, &fs) == 0 &&
		(uint64_t)fs.f_bavail * fs.f_frsize < ROOM_MIN);
}

int db_fail(struct db *db, int mrc, const char *doing, struct err *e)
{
	switch (mrc) {
	case ENOMEM:
		return err_set(e, ERR_NOMEM, "index: out of memory %s", doing);
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
		return err_set(e, ERR_NOMEM, "index: %s: %s", doing, mdb_strerror(mrc));
	case MDB_READERS_FULL:
	case MDB_MAP_RESIZED:
		return err_set(e, ERR_BUSY, "index: %s: %s", doing, mdb_strerror(mrc));
	default:
		break;
	}
	if (mrc < 0)
		return db_damaged(db, e, "%s: %s", doing, mdb_strerror(mrc));
	if (disk_full(db, mrc))
		return err_set(e, ERR_SYSTEM,
			       "index: %s: no space left where the node's directory lies; make "
			       "room there",
			       doing);
	errno = mrc;
	return err_sys(e, "index: %s", doing);
}

/* Does the file hold all pages that it should? */
static int check_bounds(struct db *db, struct err *e)
{
	MDB_envinfo info;
	struct stat file;
	MDB_stat st;
	int fd;

	mdb_env_info(db->env, &info);
	mdb_env_stat(db->env, &st);
	mdb_env_get_fd(db->env, &fd);
	if (fstat(fd, &file) != 0)
		return err_sys(e, "index: can't stat its file");
	if (st.ms_psize < 512 || st.ms_psize > 65536 || (st.ms_psize & (st.ms_psize - 1)))
		return db_damaged(db, e, "pages of %u bytes", st.ms_psize);
	if (info.me_last_pgno >= (uint64_t)file.st_size / st.ms_psize)
		return db_damaged(db, e, "its file is cut short");
	return 0;
}

static int open_tables(struct db *db, enum db_mode mode, struct err *e)
{
	const bool create = mode == DB_MODE_CREATE;
	MDB_txn *txn;
	int mrc;

	mrc = mdb_txn_begin(db->env, NULL, create ? 0 : MDB_RDONLY, &txn);
	if (mrc)
		return db_fail(db, mrc, "opening it", e);
	for (unsigned i = 0; i < KEY_TABLES && mrc == 0; i++)
		mrc = mdb_dbi_open(txn, key_table_name(i), create ? MDB_CREATE : 0, &db->dbi[i]);
	if (mrc)
		mdb_txn_abort(txn);
	else
		mrc = mdb_txn_commit(txn); /* keeps the handles, of a reader too */
	return mrc ? db_fail(db, mrc, "opening its tables", e) : 0;
}

static int env_try(struct db *db, const char *dir, unsigned flags, uint64_t map_size)
{
	int mrc = mdb_env_create(&db->env);

	if (mrc) {
		db->env = NULL;
		return mrc;
	}
	mrc = mdb_env_set_mapsize(db->env, map_size);
	if (mrc == 0)
		mrc = mdb_env_set_maxdbs(db->env, KEY_TABLES);
	if (mrc == 0)
		mrc = mdb_env_set_maxreaders(db->env, READERS);
	if (mrc == 0)
		mrc = mdb_env_open(db->env, dir, flags, 0600);
	if (mrc) {
		mdb_env_close(db->env);
		db->env = NULL;
	}
	return mrc;
}

int db_env_open(struct db *db, const char *dir, enum db_mode mode, uint64_t map_size, struct err *e)
{
	const bool look = mode == DB_MODE_LOOK || mode == DB_MODE_LOOK_ALONE;
	/* The index is derived, so it may lose its last commit to a power cut, but must not become
	 * inconsistent. MDB_NOMETASYNC is just that: data is synced before the meta page that makes
	 * it count is written, and only the sync of the meta page is left to the next commit. It
	 * saves a third of a small commit. MDB_NOSYNC would not do: a meta page could reach the disk
	 * before its data. Nor MDB_WRITEMAP: slower here, and SIGBUS on a full disk. Nor
	 * MDB_NOMEMINIT: heap bytes, secrets perhaps, would get into the file. */
	unsigned flags = MDB_NOTLS | (look ? MDB_RDONLY : MDB_NOMETASYNC);
	int mrc, rc, dead;

	if (mode == DB_MODE_LOOK_ALONE)
		flags |= MDB_NOLOCK;
	/* ENOMEM: a limit on address space (ulimit -v); a smaller map will do for a while. */
	for (;; map_size /= 2) {
		mrc = env_try(db, dir, flags, map_size);
		if (mrc != ENOMEM || map_size / 2 < MAP_MIN)
			break;
	}
	/* Even the smallest map is too large: because of what the file says of itself. */
	if (mrc == ENOMEM && look)
		return db_damaged(db, e, "its first pages ask for more memory than there is");
	if (mrc)
		return db_fail(db, mrc, "opening it", e);
	if (!look)
		mdb_reader_check(db->env, &dead); /* readers that were killed pin old pages */
	rc = look ? check_bounds(db, e) : 0;
	if (rc == 0)
		rc = open_tables(db, mode, e);
	if (rc) {
		mdb_env_close(db->env);
		db->env = NULL;
	}
	return rc;
}

void db_env_close(struct db *db)
{
	if (!db->env)
		return;
	if (!db->lost)
		mdb_env_sync(db->env, 1); /* refused, which is fine, when read-only */
	mdb_env_close(db->env);
	db->env = NULL;
}

uint64_t db_file_bytes(struct db *db)
{
	struct stat st;
	int fd;

	if (mdb_env_get_fd(db->env, &fd) != 0 || fstat(fd, &st) != 0)
		return 0;
	return (uint64_t)st.st_size;
}

size_t db_map_size(const struct db *db)
{
	MDB_envinfo info;

	mdb_env_info(db->env, &info);
	return info.me_mapsize;
}

int db_remap(struct db *db, size_t seen, struct err *e)
{
	int mrc = 0;

	if (seen >= MAP_MAX)
		return err_set(e, ERR_NOMEM, "the index has outgrown its bound of %llu TiB",
			       (unsigned long long)(MAP_MAX >> 40));
	db_gate_close(&db->gate);
	if (!db->lost && (seen == 0 || db_map_size(db) == seen))
		mrc = mdb_env_set_mapsize(db->env, seen * 2);
	/* LMDB unmaps first; after a failure there is nothing to fall back on. */
	if (mrc)
		db->lost = true;
	db_gate_open(&db->gate);
	return mrc ? db_fail(db, mrc, "mapping it anew", e) : 0;
}

int db_begin(struct db_txn **out, struct db *db, bool write, struct err *e)
{
	struct db_txn *t = calloc(1, sizeof(*t));
	bool reaped = false;
	int mrc, rc, dead;

	*out = NULL;
	if (!t)
		return err_set(e, ERR_NOMEM, "index: out of memory");
	t->db = db;
	t->write = write;
	for (;;) {
		rc = db_gate_enter(&db->gate, t);
		if (rc) {
			err_set(e, rc, "index: a writer has a transaction open already");
			break;
		}
		mrc = EIO;
		if (!db->lost)
			mrc = mdb_txn_begin(db->env, NULL, write ? 0 : MDB_RDONLY, &t->txn);
		if (mrc == 0) {
			*out = t;
			return 0;
		}
		db_gate_leave(&db->gate, t);
		if (mrc == MDB_READERS_FULL && !reaped) {
			mdb_reader_check(db->env, &dead);
			reaped = true;
		} else if (mrc == MDB_MAP_RESIZED && !db_gate_inside(&db->gate)) {
			rc = db_remap(db, 0, e);
			if (rc)
				break;
		} else {
			rc = db_fail(db, mrc, "beginning a transaction", e);
			break;
		}
	}
	free(t);
	return rc;
}

int db_end(struct db_txn *t, bool commit)
{
	int mrc = 0;

	if (commit)
		mrc = mdb_txn_commit(t->txn);
	else
		mdb_txn_abort(t->txn);
	db_gate_leave(&t->db->gate, t);
	free(t);
	return mrc;
}

void db_abort(struct db_txn *t)
{
	if (t)
		db_end(t, false);
}
