// SPDX-License-Identifier: Apache-2.0
/* Result files: what may be replaced by one, and the writing of it. */
#include "tools/ui.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/file.h"

/* Does the file begin as what the programs write does: a document, a request, a signed note, what
 * a witness is asked? */
static bool is_ours(const char *path)
{
	static const char documents[] = "custodyfs-", notes[] = "custodyfs/", asks[] = "old ";
	char start[sizeof(documents) - 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, start, sizeof(start));
	close(fd);
	return n == sizeof(start) &&
	       (!memcmp(start, documents, sizeof(start)) || !memcmp(start, notes, sizeof(start)) ||
		!memcmp(start, asks, sizeof(asks) - 1));
}

/* What is there already: must it stay? */
static int check_there(const char *path, const struct stat *st, bool force, struct err *e)
{
	if (S_ISDIR(st->st_mode))
		return err_set(e, ERR_EXISTS, "%s is a folder, and not replaced by a file", path);
	if (!S_ISREG(st->st_mode))
		return err_set(e, ERR_EXISTS,
			       "%s is no regular file, and not replaced ('-' is standard output)",
			       path);
	if (force || st->st_size == 0 || is_ours(path))
		return 0;
	return err_set(e, ERR_EXISTS,
		       "%s exists, and is nothing that this program writes: it is not replaced "
		       "without --force",
		       path);
}

int ui_check_output(const struct ui *ui, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	size_t n = slash ? (size_t)(slash - path) + 1 : 0;
	struct stat st;

	if (!strcmp(path, "-"))
		return 0;
	if (n >= sizeof(dir))
		return err_set(e, ERR_USAGE, "%s: the path is too long", path);
	if (!path[n])
		return err_set(e, ERR_USAGE, "%s: a file is to be named", *path ? path : "''");
	if (n) {
		memcpy(dir, path, n);
		dir[n] = '\0';
	}
	/* It is written beside its place, and then moved there. */
	if (access(dir, W_OK | X_OK) < 0)
		return err_sys(e, "%s can't be written: the folder %s", path, dir);
	if (lstat(path, &st) == 0)
		return check_there(path, &st, ui->force, e);
	return errno == ENOENT ? 0 : err_sys(e, "%s can't be written", path);
}

int ui_write_file(const char *path, const void *p, size_t n, struct err *e)
{
	int rc;

	if (!strcmp(path, "-"))
		return file_write(STDOUT_FILENO, p, n, e);
	rc = file_replace(AT_FDCWD, path, p, n, 0644, e);
	return rc < 0 ? err_prefix(e, rc, "%s", path) : 0;
}
