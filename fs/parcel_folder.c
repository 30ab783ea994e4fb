/* SPDX-License-Identifier: Apache-2.0 */
/* A parcel that is a folder. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/parcel_internal.h"
#include "index/file.h"

#define DESCRIPTORS 16 /* of a walk */

/* The folder that a file is to lie in, made where it is not there: a descriptor. *name: what is left. */
static int open_parent(const struct parcel *p, const char *path, const char **name, struct err *e)
{
	int fd = openat(p->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;
	char part[256];
	const char *slash;

	if (fd < 0)
		return err_sys(e, "can't open %s", p->part);
	for (; (slash = strchr(path, '/')); path = slash + 1) {
		size_t n = (size_t)(slash - path);

		if (n >= sizeof(part)) {
			close(fd);
			return err_set(e, ERR_USAGE, "a folder of the package has too long a name");
		}
		memcpy(part, path, n);
		part[n] = '\0';
		next = file_mkdir(fd, part, 0700, e);
		if (next == 0)
			next = file_opendir(fd, part, e);
		close(fd);
		if (next < 0)
			return next;
		fd = next;
	}
	*name = path;
	return fd;
}

int parcel_folder_begin(struct parcel *p, const char *path, struct err *e)
{
	const char *name;
	int dir = open_parent(p, path, &name, e), rc = 0;

	if (dir < 0)
		return dir;
	p->file = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (p->file < 0)
		rc = err_sys(e, "can't write a file of the package");
	close(dir);
	return rc;
}

int parcel_folder_end(struct parcel *p, struct err *e)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_NOW},
					  {.tv_sec = p->mtime_ns / 1000000000,
					   .tv_nsec = p->mtime_ns % 1000000000}};
	int fd = p->file;

	p->file = -1;
	/* A file system may not have such a time: the provenance has it all the same. */
	if (p->mtime_ns >= 0)
		(void)futimens(fd, times);
	return close(fd) < 0 ? err_sys(e, "can't write a file of the package") : 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st;
	(void)at;
	if (flag == FTW_DP)
		rmdir(path);
	else
		unlink(path);
	return 0;
}

void parcel_folder_remove(const struct parcel *p)
{
	nftw(p->part, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
