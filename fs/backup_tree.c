/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backup_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/file.h"

#define DEPTH_MAX 8 /* an archive has three */

static int remove_in(int dir, const char *name, unsigned depth, struct err *e);

static int not_dots(const struct dirent *en)
{
	return strcmp(en->d_name, ".") != 0 && strcmp(en->d_name, "..") != 0;
}

static int remove_all(int dir, unsigned depth, struct err *e)
{
	struct dirent **names = NULL;
	int rc = 0, n = scandirat(dir, ".", &names, not_dots, NULL);

	if (n < 0)
		return err_sys(e, "can't list a generation that is to go");
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = remove_in(dir, names[i]->d_name, depth + 1, e);
		free(names[i]);
	}
	free(names);
	return rc;
}

/* Links are removed, and not followed. */
static int remove_in(int dir, const char *name, unsigned depth, struct err *e)
{
	int fd, rc;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(e, "can't remove %s", name);
	if (depth > DEPTH_MAX)
		return err_set(e, ERR_SYSTEM, "%s lies too deep to be of a backup", name);
	fd = file_opendir(dir, name, e);
	if (fd < 0)
		return fd;
	rc = remove_all(fd, depth, e);
	close(fd);
	if (rc == 0 && unlinkat(dir, name, AT_REMOVEDIR) != 0)
		rc = err_sys(e, "can't remove %s", name);
	return rc;
}

int backup_tree_remove(int dir, const char *name, struct err *e)
{
	return remove_in(dir, name, 0, e);
}

static int sync_folders(int dir, unsigned depth, struct err *e)
{
	struct dirent **names = NULL;
	int fd, rc = 0, n = scandirat(dir, ".", &names, not_dots, NULL);

	if (n < 0)
		return err_sys(e, "can't list what was made");
	for (int i = 0; i < n; i++) {
		fd = rc == 0 && depth < DEPTH_MAX && names[i]->d_type != DT_REG ?
			     openat(dir, names[i]->d_name,
				    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) :
			     -1;
		free(names[i]);
		if (fd < 0)
			continue;
		rc = sync_folders(fd, depth + 1, e);
		close(fd);
	}
	free(names);
	return rc ? rc : file_sync_dir(dir, e);
}

int backup_tree_sync(int dir, struct err *e)
{
	return sync_folders(dir, 0, e);
}
