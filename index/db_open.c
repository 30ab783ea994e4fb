/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"
#include "index/db_internal.h"
#include "index/file.h"

#define LOCK_FILE "lock"
#define IN_USE_FILE "in-use"
#define DESTROY_WAIT_MS 3000 /* a mount that was just unmounted is still closing it */
#define MAGIC "CUSTIDX1"
#define MAGIC_SIZE 8
#define HEADER_TEXT (MAGIC_SIZE + 4 + 16 + 16) /* what its MAC covers */
#define HEADER_SIZE (HEADER_TEXT + HASH_SIZE)

static void derive(struct db_keys *keys, const uint8_t index_key[32], const uint8_t archive_id[16])
{
	static const char label[] = "custodyfs/v1 index values";
	uint8_t info[sizeof(label) - 1 + 16];

	memcpy(info, label, sizeof(label) - 1);
	memcpy(info + sizeof(label) - 1, archive_id, 16);
	kdf_hkdf(keys->value, 32, index_key, 32, NULL, 0, info, sizeof(info));
	kdf_label(keys->name, index_key, "custodyfs/v1 names");
}

static void header_mac(uint8_t mac[HASH_SIZE], const uint8_t *header, const uint8_t index_key[32])
{
	const struct hash_part part = {header, HEADER_TEXT};
	uint8_t key[32];

	kdf_label(key, index_key, "custodyfs/v1 index header");
	hash_hmac(mac, key, sizeof(key), &part, 1);
	secret_wipe(key, sizeof(key));
}

/* Whose index is it? Takes the generation from the header. */
static int read_header(struct db *db, const uint8_t index_key[32], const uint8_t archive_id[16],
		       struct err *e)
{
	struct wire_out file = {0};
	struct wire_in in;
	uint8_t magic[MAGIC_SIZE], archive[16], mac[HASH_SIZE], want[HASH_SIZE];
	uint32_t version;
	int rc;

	rc = file_read(db->dirfd, DB_HEADER_FILE, HEADER_SIZE, &file, e);
	if (rc) {
		if (rc == ERR_NOTFOUND || rc == ERR_MALFORMED)
			rc = err_set(e, ERR_INDEX, "the index has no good header: rebuild it");
		goto out;
	}
	in = wire_in_init(file.p, file.n);
	wire_in_copy(&in, magic, sizeof(magic));
	version = wire_in_u32(&in);
	wire_in_copy(&in, archive, sizeof(archive));
	wire_in_copy(&in, db->generation, sizeof(db->generation));
	wire_in_copy(&in, mac, sizeof(mac));
	rc = ERR_INDEX;
	if (!wire_in_end(&in) || memcmp(magic, MAGIC, MAGIC_SIZE) != 0) {
		err_set(e, rc, "the index has no good header: rebuild it");
		goto out;
	}
	if (version != DB_VERSION) {
		err_set(e, rc, "the index is of format %u, not %u: rebuild it", version,
			DB_VERSION);
		goto out;
	}
	if (memcmp(archive, archive_id, 16) != 0) {
		err_set(e, rc, "the index is of another archive: rebuild it");
		goto out;
	}
	header_mac(want, file.p, index_key);
	if (!secret_equal(mac, want, sizeof(mac))) {
		err_set(e, rc, "the index has a damaged header or another node's key: rebuild it");
		goto out;
	}
	rc = 0;
out:
	wire_out_free(&file);
	return rc;
}

static int write_header(const struct db *db, const uint8_t index_key[32],
			const uint8_t archive_id[16], struct err *e)
{
	struct wire_out header = {0};
	uint8_t mac[HASH_SIZE];
	int rc;

	wire_out_bytes(&header, MAGIC, MAGIC_SIZE);
	wire_out_u32(&header, DB_VERSION);
	wire_out_bytes(&header, archive_id, 16);
	wire_out_bytes(&header, db->generation, sizeof(db->generation));
	if (wire_out_ok(&header)) {
		header_mac(mac, header.p, index_key);
		wire_out_bytes(&header, mac, sizeof(mac));
	}
	if (wire_out_ok(&header))
		rc = file_replace(db->dirfd, DB_HEADER_FILE, header.p, header.n, 0600, e);
	else
		rc = err_set(e, ERR_NOMEM, "index: out of memory");
	wire_out_free(&header);
	return rc;
}

static bool there(const struct db *db, const char *name)
{
	return faccessat(db->dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * Get the index's lock: exclusive (*alone) if nobody has the index open, else shared. One who opens
 * it first holds it exclusively for as long as the check takes; wait for that. Who fails to open
 * gives it back between our two tries once in a blue moon: then we look less closely than we
 * could, no more.
 */
static int claim(struct db *db, bool *alone, struct err *e)
{
	int rc;

	for (;;) {
		*alone = file_lock(db->lockfd, true, false, NULL) == 0;
		if (*alone || file_lock(db->lockfd, false, false, NULL) == 0)
			return 0;
		rc = file_lock(db->lockfd, false, true, e);
		if (rc)
			return rc;
		flock(db->lockfd, LOCK_UN);
	}
}

/* The one value that is always there: with its generation in the associated data it ties LMDB's
 * file to the header. The header file is written last: before that there is no index. */
static int create(struct db *db, const char *dir, const uint8_t index_key[32],
		  const uint8_t archive_id[16], uint64_t map_size, struct err *e)
{
	struct pending *p;
	uint8_t inside[4 + 16];
	int rc;

	secret_random(db->generation, sizeof(db->generation));
	rc = db_env_open(db, dir, DB_MODE_CREATE, map_size, e);
	if (rc)
		return rc;
	rc = pending_new(&p);
	if (rc)
		return err_set(e, rc, "index: out of memory");
	wire_put32(inside, DB_VERSION);
	memcpy(inside + 4, archive_id, 16);
	rc = pending_put(p, KEY_META, key_u8(DB_META_HEADER), inside, sizeof(inside));
	if (rc == 0)
		rc = db_apply(db, p, NULL, NULL, e);
	pending_free(p);
	return rc ? rc : write_header(db, index_key, archive_id, e);
}

static int open_existing(struct db *db, const char *dir, const uint8_t index_key[32],
			 const uint8_t archive_id[16], bool alone, uint64_t map_size, struct err *e)
{
	bool deep = alone && there(db, IN_USE_FILE), known;
	struct stat st;
	int rc;

	rc = read_header(db, index_key, archive_id, e);
	if (rc)
		return rc;
	/* LMDB makes a new environment of an empty file, and crashes at less than two pages. */
	if (fstatat(db->dirfd, DB_DATA_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode) || st.st_size < 2 * sysconf(_SC_PAGESIZE))
		return db_damaged(db, e, "its file is absent or cut short");
	rc = 0;
	if (alone && !deep) {
		rc = db_sum_check(db, &known, e);
		deep = !known;
	}
	if (rc == 0)
		rc = db_check(db, dir, alone, deep, e);
	if (rc == ERR_INDEX)
		db_spoil(db);
	return rc ? rc : db_env_open(db, dir, DB_MODE_WRITE, map_size, e);
}

/* Note that the index is open, before anything can be written to it. */
static int mark(struct db *db, struct err *e)
{
	int fd = openat(db->dirfd, IN_USE_FILE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_sys(e, "index: can't note that it is in use");
	close(fd);
	return file_sync_dir(db->dirfd, e);
}

static int open_files(struct db *db, const char *dir, bool make, struct err *e)
{
	int rc = make ? file_mkdir(AT_FDCWD, dir, 0700, e) : 0;

	if (rc)
		return rc;
	db->dirfd = file_opendir(AT_FDCWD, dir, e);
	if (db->dirfd == ERR_NOTFOUND)
		return err_set(e, ERR_INDEX, "there is no index: rebuild it");
	if (db->dirfd < 0)
		return db->dirfd;
	db->lockfd = openat(db->dirfd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return db->lockfd >= 0 ? 0 : err_sys(e, "index: can't open its lock");
}

static void release(struct db *db)
{
	if (db->lockfd >= 0)
		close(db->lockfd);
	if (db->dirfd >= 0)
		close(db->dirfd);
	if (db->taken)
		secret_give(db->pool, db->taken);
	db_gate_destroy(&db->gate);
	free(db);
}

int db_open_sized(struct db **out, const char *dir, bool make, struct secret_pool *pool,
		  const uint8_t index_key[32], const uint8_t archive_id[16], uint64_t map_size,
		  struct err *e)
{
	struct db *db = calloc(1, sizeof(*db));
	bool alone;
	int rc;

	*out = NULL;
	if (!db || db_gate_init(&db->gate)) {
		free(db);
		return err_set(e, ERR_NOMEM, "index: out of memory");
	}
	db->dirfd = db->lockfd = -1;
	db->pool = pool;
	db->taken = secret_take(pool, sizeof(*db->taken));
	if (!db->taken) {
		rc = err_set(e, ERR_NOMEM, "index: no room for its keys");
		goto out;
	}
	derive(db->taken, index_key, archive_id);
	db->keys = db->taken;
	rc = open_files(db, dir, make, e);
	if (rc == 0)
		rc = claim(db, &alone, e);
	if (rc)
		goto out;
	if (make && alone && !there(db, DB_HEADER_FILE) && !there(db, DB_DATA_FILE))
		rc = create(db, dir, index_key, archive_id, map_size, e);
	else
		rc = open_existing(db, dir, index_key, archive_id, alone, map_size, e);
	if (rc == 0)
		rc = mark(db, e);
	/* flock() is not atomic here: another may get it exclusively in between and check; nothing
	 * is read or written by us until it lets us in. */
	if (rc == 0)
		rc = file_lock(db->lockfd, false, true, e);
	if (rc)
		goto out;
	*out = db;
	return 0;
out:
	db_env_close(db);
	release(db);
	return rc;
}

int db_open(struct db **out, const char *dir, bool make, struct secret_pool *pool,
	    const uint8_t index_key[32], const uint8_t archive_id[16], struct err *e)
{
	return db_open_sized(out, dir, make, pool, index_key, archive_id, DB_MAP_SIZE, e);
}

const uint8_t *db_name_key(const struct db *db)
{
	return db->keys->name;
}

const uint8_t *db_txn_name_key(const struct db_txn *t)
{
	return db_name_key(t->db);
}

void db_spoil(struct db *db)
{
	/* Others who have it open go on; who opens it after them is told. */
	if (!atomic_exchange(&db->spoiled, true) && db->dirfd >= 0)
		unlinkat(db->dirfd, DB_HEADER_FILE, 0);
}

void db_close(struct db *db)
{
	if (!db)
		return;
	db_env_close(db);
	/* The last one out takes the marker away. */
	if (!atomic_load(&db->spoiled) && file_lock(db->lockfd, true, false, NULL) == 0 &&
	    db_sum_put(db))
		unlinkat(db->dirfd, IN_USE_FILE, 0);
	release(db);
}

int db_destroy(const char *dir, struct err *e)
{
	static const char *const names[] = {DB_HEADER_FILE, DB_DATA_FILE, "lock.mdb", DB_SUM_FILE,
					    IN_USE_FILE};
	struct db db = {.lockfd = -1};
	int rc;

	rc = open_files(&db, dir, false, e);
	if (rc == ERR_INDEX)
		return 0; /* not even a directory */
	if (rc == 0)
		rc = file_lock_soon(db.lockfd, DESTROY_WAIT_MS, e);
	if (rc == ERR_BUSY)
		err_set(e, rc, "another process has the index open: unmount the archive first");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && rc == 0; i++)
		if (unlinkat(db.dirfd, names[i], 0) != 0 && errno != ENOENT)
			rc = err_sys(e, "can't remove %s of the index", names[i]);
	if (rc == 0)
		rc = file_sync_dir(db.dirfd, e);
	if (db.lockfd >= 0)
		close(db.lockfd);
	if (db.dirfd >= 0)
		close(db.dirfd);
	return rc;
}
