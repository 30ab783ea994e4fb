/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sum of an index that was closed cleanly: a MAC over all of LMDB's file, in the file "closed". A
 * value is sealed, but not the pages that lead to it: one that a bad disk altered hides values, or makes
 * LMDB crash. Not of files of more than DB_SUM_MAX: reading all of them whenever they are opened costs
 * more than it is worth.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"
#include "index/db_internal.h"
#include "index/file.h"

#define STEP (256u << 10)

/* SHA-256 of n bytes of fd. */
static int digest_file(uint8_t digest[HASH_SIZE], int fd, uint64_t n, struct err *e)
{
	uint8_t *buf = malloc(STEP);
	struct hash_ctx c;
	int rc = buf ? 0 : err_set(e, ERR_NOMEM, "index: out of memory");

	hash_init(&c);
	for (uint64_t at = 0; rc == 0 && at < n; at += STEP) {
		size_t want = n - at < STEP ? (size_t)(n - at) : STEP;

		rc = file_pread(fd, buf, want, at, e);
		if (rc == 0)
			hash_update(&c, buf, want);
	}
	hash_final(&c, digest);
	free(buf);
	return rc;
}

/* *n is the file's size; sum is not set if that is more than DB_SUM_MAX. */
static int sum_of(const struct db *db, uint8_t sum[HASH_SIZE], uint64_t *n, struct err *e)
{
	uint8_t digest[HASH_SIZE], key[32];
	const struct hash_part part = {digest, sizeof(digest)};
	int fd = openat(db->dirfd, DB_DATA_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	int rc = 0;

	if (fd < 0 || fstat(fd, &st) != 0)
		rc = err_sys(e, "index: can't open its file");
	*n = rc == 0 ? (uint64_t)st.st_size : 0;
	if (rc == 0 && *n <= DB_SUM_MAX)
		rc = digest_file(digest, fd, *n, e);
	if (rc == 0 && *n <= DB_SUM_MAX) {
		kdf_label(key, db->keys->value, "custodyfs/v1 index sum");
		hash_hmac(sum, key, sizeof(key), &part, 1);
		secret_wipe(key, sizeof(key));
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

static void remember(struct db *db)
{
	struct stat st;

	db->summed = fstatat(db->dirfd, DB_DATA_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0;
	db->summed_size = (uint64_t)st.st_size;
	db->summed_at = st.st_mtim;
}

/* LMDB writes its file by system calls alone. */
static bool unchanged(const struct db *db)
{
	struct stat st;

	return db->summed && fstatat(db->dirfd, DB_DATA_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (uint64_t)st.st_size == db->summed_size &&
	       st.st_mtim.tv_sec == db->summed_at.tv_sec &&
	       st.st_mtim.tv_nsec == db->summed_at.tv_nsec;
}

int db_sum_check(struct db *db, bool *known, struct err *e)
{
	uint8_t sum[HASH_SIZE];
	struct wire_out said = {0};
	uint64_t n;
	int rc = sum_of(db, sum, &n, e);

	*known = rc == 0;
	if (rc || n > DB_SUM_MAX)
		return rc;
	rc = file_read(db->dirfd, DB_SUM_FILE, HASH_SIZE, &said, NULL);
	*known = rc == 0 && said.n == HASH_SIZE;
	if (rc == 0 && *known && !secret_equal(said.p, sum, HASH_SIZE))
		rc = db_damaged(db, e, "its file is not as it was when it was closed");
	else
		rc = rc == ERR_NOMEM ? rc : 0;
	wire_out_free(&said);
	if (rc == 0 && *known)
		remember(db);
	return rc;
}

bool db_sum_put(struct db *db)
{
	uint8_t sum[HASH_SIZE];
	uint64_t n;
	int fd, rc;

	if (unchanged(db))
		return true;
	unlinkat(db->dirfd, DB_SUM_FILE, 0);
	if (sum_of(db, sum, &n, NULL) != 0)
		return false;
	if (n > DB_SUM_MAX)
		return true;
	/* Not synced: without it, or with a part of it, more is looked at the next time. */
	fd = openat(db->dirfd, DB_SUM_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	rc = fd < 0 ? ERR_SYSTEM : file_write(fd, sum, sizeof(sum), NULL);
	if (fd >= 0)
		close(fd);
	return rc == 0;
}
