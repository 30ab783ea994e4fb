/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backup_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/file.h"

#define STEP ((size_t)1 << 20)
#define TEMPORARY ".backup.tmp" /* in the generation that is being made */

int backup_copy_range(int to, int from, uint64_t off, uint64_t end, backup_copy_told *told,
		      void *ctx, struct err *e)
{
	uint8_t *buf = malloc(STEP);
	int rc = buf ? 0 : err_set(e, ERR_NOMEM, "out of memory");

	while (rc == 0 && off < end) {
		size_t n = end - off < STEP ? (size_t)(end - off) : STEP;

		rc = file_pread(from, buf, n, off, e);
		if (rc == 0)
			rc = file_pwrite(to, buf, n, off, e);
		if (rc == 0 && told)
			rc = told(ctx, n);
		off += n;
	}
	free(buf);
	return rc;
}

int backup_copy_settle(int fd, struct err *e)
{
	if (fdatasync(fd) != 0)
		return err_sys(e, "can't sync a file of the backup");
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

/* The whole of `from`, shared where that can be. */
static int fill(int to, int from, struct err *e)
{
	struct stat st;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	if (fstat(from, &st) != 0)
		return err_sys(e, "can't stat a file of the backup");
	return backup_copy_range(to, from, 0, (uint64_t)st.st_size, NULL, NULL, e);
}

/* A copy of from/path under to/path, which appears when it is whole. */
static int copy(int from, int to, const char *path, struct err *e)
{
	int in = openat(from, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), out, rc = 0;

	if (in < 0)
		return err_sys(e, "can't open %s of the backup", path);
	unlinkat(to, TEMPORARY, 0);
	out = openat(to, TEMPORARY, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, BACKUP_FILE_MODE);
	if (out < 0)
		rc = err_sys(e, "can't make a file in the backup");
	if (rc == 0)
		rc = fill(out, in, e);
	if (rc == 0)
		rc = backup_copy_settle(out, e);
	if (rc == 0 && renameat(to, TEMPORARY, to, path) != 0)
		rc = err_sys(e, "can't write %s of the backup", path);
	if (out >= 0)
		close(out);
	close(in);
	return rc;
}

int backup_copy_link(int from, int to, const char *path, struct err *e)
{
	unlinkat(to, path, 0);
	if (linkat(from, path, to, path, 0) == 0)
		return 0;
	if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK)
		return copy(from, to, path, e);
	return err_sys(e, "can't link %s into the backup", path);
}

/* Is there a file at to/path that is its own, and at least as long as that of from? Files are made
 * read-only: root may append to them, and others open them here before the mode counts. */
static bool own_file(int from, int to, const char *path, struct stat *st)
{
	struct stat old;

	if (fstatat(to, path, st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st->st_mode) ||
	    st->st_nlink != 1)
		return false;
	return from < 0 || fstatat(from, path, &old, AT_SYMLINK_NOFOLLOW) != 0 ||
	       st->st_size >= old.st_size;
}

static int open_own(int to, const char *path, int flags)
{
	int fd;

	if (flags == 0 && fchmodat(to, path, BACKUP_FILE_MODE | S_IWUSR, 0) != 0)
		return -1;
	fd = openat(to, path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags,
		    BACKUP_FILE_MODE);
	if (fd >= 0 && flags == 0)
		fchmod(fd, BACKUP_FILE_MODE);
	return fd;
}

int backup_copy_open(int from, int to, const char *path, int *fd, uint64_t *have, struct err *e)
{
	struct stat st;
	int rc = 0, flags = 0;

	*fd = -1;
	if (!own_file(from, to, path, &st)) {
		unlinkat(to, path, 0);
		if (from >= 0 && fstatat(from, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			rc = copy(from, to, path, e);
		else
			flags = O_CREAT | O_EXCL;
	}
	if (rc)
		return rc;
	*fd = open_own(to, path, flags);
	if (*fd < 0 || fstat(*fd, &st) != 0)
		return err_sys(e, "can't write %s of the backup", path);
	*have = (uint64_t)st.st_size;
	return 0;
}
