/* SPDX-License-Identifier: Apache-2.0 */
#include "index/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/secret.h"

#define STEP (64u << 10) /* read at a time when the size is not known */
#define TMP_NAME_SIZE 22 /* ".<16 hex>.tmp" with its NUL */
#define TRIES 8
#define LOCK_STEP_MS 20

/* Append what fd holds to out, at most max bytes; hint is the size to expect. */
static int slurp(int fd, const char *path, size_t max, size_t hint, struct wire_out *out,
		 struct err *e)
{
	const size_t start = out->n;
	size_t got = 0;
	int rc;

	for (;;) {
		/* One byte more than allowed, or expected, so that the end is seen at once. */
		size_t want = hint > got ? hint - got + 1 : STEP;
		uint8_t *p;
		ssize_t r;

		if (want > max - got)
			want = max - got + 1;
		p = wire_out_room(out, want);
		if (!p) {
			rc = err_set(e, ERR_NOMEM, "%s: out of memory", path);
			break;
		}
		r = read(fd, p, want);
		out->n = start + got + (r > 0 ? (size_t)r : 0);
		if (r == 0)
			return 0;
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			rc = err_sys(e, "can't read %s", path);
			break;
		}
		got += (size_t)r;
		if (got > max) {
			rc = err_set(e, ERR_MALFORMED, "%s is longer than %zu bytes", path, max);
			break;
		}
	}
	out->n = start;
	return rc;
}

static int open_error(const char *path, struct err *e)
{
	if (errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, "%s is not there", path);
	if (errno == ELOOP || errno == ENXIO)
		return err_set(e, ERR_MALFORMED, "%s is a symbolic link or a socket", path);
	return err_sys(e, "can't open %s", path);
}

int file_read(int dirfd, const char *path, size_t max, struct wire_out *out, struct err *e)
{
	struct stat st;
	int fd, rc;

	/* O_NONBLOCK: a FIFO in the place of a file must not hold us up. */
	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return open_error(path, e);
	if (fstat(fd, &st) != 0)
		rc = err_sys(e, "can't stat %s", path);
	else if (!S_ISREG(st.st_mode))
		rc = err_set(e, ERR_MALFORMED, "%s is not a regular file", path);
	else if ((uintmax_t)st.st_size > max)
		rc = err_set(e, ERR_MALFORMED, "%s is longer than %zu bytes", path, max);
	else
		rc = slurp(fd, path, max, (size_t)st.st_size, out, e);
	close(fd);
	return rc;
}

int file_read_path(const char *path, size_t max, struct wire_out *out, struct err *e)
{
	struct stat st;
	int fd, rc;

	if (strcmp(path, "-") == 0)
		return slurp(STDIN_FILENO, "standard input", max, 0, out, e);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return open_error(path, e);
	if (fstat(fd, &st) != 0)
		rc = err_sys(e, "can't stat %s", path);
	else if (S_ISDIR(st.st_mode))
		rc = err_set(e, ERR_MALFORMED, "%s is a directory", path);
	else if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > max)
		rc = err_set(e, ERR_MALFORMED, "%s is longer than %zu bytes", path, max);
	else
		rc = slurp(fd, path, max, (size_t)st.st_size, out, e);
	close(fd);
	return rc;
}

/* A descriptor of the directory that holds path; *name is its last component. */
static int open_parent(int dirfd, const char *path, const char **name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) + 1 : 0;
	char dir[4096];
	int fd;

	*name = path + n;
	if (n >= sizeof(dir)) {
		errno = ENAMETOOLONG;
		return err_sys(e, "%s", path);
	}
	memcpy(dir, path, n);
	dir[n] = '\0';
	fd = openat(dirfd, n ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : err_sys(e, "can't open the directory of %s", path);
}

bool file_is_temporary(const char *name)
{
	return strlen(name) == TMP_NAME_SIZE - 1 && name[0] == '.' &&
	       strspn(name + 1, "0123456789abcdef") == 16 && strcmp(name + 17, ".tmp") == 0;
}

/* Create a file of a new random name in dirfd and write it out; tmp names it. */
static int write_tmp(int dirfd, char tmp[TMP_NAME_SIZE], const char *path, const void *p, size_t n,
		     mode_t mode, struct err *e)
{
	int fd = -1, rc;

	for (int i = 0; i < TRIES && fd < 0; i++) {
		uint64_t r;

		secret_random(&r, sizeof(r));
		snprintf(tmp, TMP_NAME_SIZE, ".%016llx.tmp", (unsigned long long)r);
		fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0)
		return err_sys(e, "can't create a file beside %s", path);
	rc = file_write(fd, p, n, e);
	if (rc)
		err_prefix(e, rc, "%s", path);
	else if (fdatasync(fd) != 0)
		rc = err_sys(e, "can't sync %s", path);
	if (close(fd) != 0 && rc == 0)
		rc = err_sys(e, "can't close %s", path);
	if (rc)
		unlinkat(dirfd, tmp, 0);
	return rc;
}

/* Give tmp the name `name` unless that is taken. */
static int link_new(int dirfd, const char *tmp, const char *name)
{
	if (linkat(dirfd, tmp, dirfd, name, 0) == 0) {
		unlinkat(dirfd, tmp, 0);
		return 0;
	}
	/* FAT and some network file systems know no links; they know this. */
	if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK)
		return renameat2(dirfd, tmp, dirfd, name, RENAME_NOREPLACE);
	return -1;
}

static int put_file(int dirfd, const char *path, const void *p, size_t n, mode_t mode, bool fresh,
		    struct err *e)
{
	char tmp[TMP_NAME_SIZE];
	const char *name;
	int parent, rc;

	parent = open_parent(dirfd, path, &name, e);
	if (parent < 0)
		return parent;
	rc = write_tmp(parent, tmp, path, p, n, mode, e);
	if (rc)
		goto out;
	if ((fresh ? link_new(parent, tmp, name) : renameat(parent, tmp, parent, name)) != 0) {
		if (fresh && errno == EEXIST)
			rc = err_set(e, ERR_EXISTS, "%s exists already", path);
		else
			rc = err_sys(e, "can't write %s", path);
		unlinkat(parent, tmp, 0);
		goto out;
	}
	rc = file_sync_dir(parent, e);
out:
	close(parent);
	return rc;
}

int file_replace(int dirfd, const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
	return put_file(dirfd, path, p, n, mode, false, e);
}

int file_create(int dirfd, const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
	return put_file(dirfd, path, p, n, mode, true, e);
}

int file_mkdir(int dirfd, const char *path, mode_t mode, struct err *e)
{
	struct stat st;

	if (mkdirat(dirfd, path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "can't make the directory %s", path);
	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return err_sys(e, "can't stat %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_EXISTS, "%s exists and is not a directory", path);
	return 0;
}

int file_opendir(int dirfd, const char *path, struct err *e)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, "%s is not there", path);
	return err_sys(e, "can't open the directory %s", path);
}

int file_sync_dir(int dirfd, struct err *e)
{
	/* Opened anew: dirfd may be AT_FDCWD or an O_PATH descriptor. */
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return err_sys(e, "can't open a directory to sync it");
	/* EINVAL: a file system that has nothing to sync here. */
	if (fsync(fd) != 0 && errno != EINVAL)
		rc = err_sys(e, "can't sync a directory");
	close(fd);
	return rc;
}

int file_sync_dir_of(const char *path, struct err *e)
{
	char *copy = strdup(path), *slash;
	size_t n = strlen(path);
	int fd, rc;

	if (!copy)
		return err_set(e, ERR_NOMEM, "out of memory");
	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	slash = strrchr(copy, '/');
	if (slash)
		slash[slash == copy] = '\0';
	fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 ? err_sys(e, "can't open the directory of %s", path) : file_sync_dir(fd, e);
	if (fd >= 0)
		close(fd);
	free(copy);
	return rc;
}

int file_pread(int fd, void *p, size_t n, uint64_t off, struct err *e)
{
	uint8_t *to = p;

	/* Offsets come from logs that may be forged; no file is that long. */
	if (off > INT64_MAX || n > INT64_MAX - off)
		return err_set(e, ERR_DAMAGED, "no file reaches offset %llu",
			       (unsigned long long)off);
	while (n > 0) {
		ssize_t r = pread(fd, to, n, (off_t)off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, "can't read at offset %llu", (unsigned long long)off);
		if (r == 0)
			return err_set(e, ERR_DAMAGED,
				       "the file ends at offset %llu, %zu bytes early",
				       (unsigned long long)off, n);
		to += r;
		off += (uint64_t)r;
		n -= (size_t)r;
	}
	return 0;
}

int file_pwrite(int fd, const void *p, size_t n, uint64_t off, struct err *e)
{
	const uint8_t *from = p;

	if (off > INT64_MAX || n > INT64_MAX - off) {
		errno = EFBIG;
		return err_sys(e, "can't write at offset %llu", (unsigned long long)off);
	}
	while (n > 0) {
		ssize_t r = pwrite(fd, from, n, (off_t)off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, "can't write at offset %llu", (unsigned long long)off);
		from += r;
		off += (uint64_t)r;
		n -= (size_t)r;
	}
	return 0;
}

int file_write(int fd, const void *p, size_t n, struct err *e)
{
	const uint8_t *from = p;

	while (n > 0) {
		ssize_t r = write(fd, from, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, "can't write");
		from += r;
		n -= (size_t)r;
	}
	return 0;
}

int file_lock(int fd, bool exclusive, bool wait, struct err *e)
{
	const int op = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);

	while (flock(fd, op) != 0) {
		if (errno == EWOULDBLOCK)
			return err_set(e, ERR_BUSY, "another process holds the lock");
		if (errno != EINTR)
			return err_sys(e, "can't lock");
	}
	return 0;
}

int file_lock_soon(int fd, unsigned wait_ms, struct err *e)
{
	const struct timespec pause = {.tv_nsec = LOCK_STEP_MS * 1000000L};
	int rc;

	for (unsigned waited = 0;; waited += LOCK_STEP_MS) {
		rc = file_lock(fd, true, false, e);
		if (rc != ERR_BUSY || waited >= wait_ms)
			return rc;
		nanosleep(&pause, NULL);
	}
}
