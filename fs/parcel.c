/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/parcel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "crypto/text.h"
#include "fs/parcel_internal.h"
#include "index/file.h"

const char *parcel_form_name(enum parcel_form form)
{
	return form == PARCEL_FOLDER ? "folder" : form == PARCEL_TAR ? "tar" : "sealed";
}

static bool to_stdout(const struct parcel_ask *ask)
{
	return ask->form != PARCEL_FOLDER && strcmp(ask->place, "-") == 0;
}

/* ---- its place ---- */

static bool is_empty_folder(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *en;
	bool empty = dir != NULL;

	while (dir && empty && (en = readdir(dir)))
		empty = !strcmp(en->d_name, ".") || !strcmp(en->d_name, "..");
	if (dir)
		closedir(dir);
	return empty;
}

/* The path without slashes at its end: *n bytes; its last name begins at *name. */
static int split(const char *path, size_t *n, size_t *name, struct err *e)
{
	*n = strlen(path);
	while (*n > 1 && path[*n - 1] == '/')
		--*n;
	*name = *n;
	while (*name > 0 && path[*name - 1] != '/')
		--*name;
	if (*n == *name || *n + 32 >= PATH_MAX || (*n - *name == 1 && path[*name] == '.') ||
	    (*n - *name == 2 && memcmp(path + *name, "..", 2) == 0))
		return err_set(e, ERR_USAGE, "'%.200s' can't be the place of a package", path);
	return 0;
}

int parcel_check(const struct parcel_ask *ask, struct err *e)
{
	char dir[PATH_MAX] = ".";
	size_t n, name;
	struct stat st;
	int rc;

	if (to_stdout(ask))
		return 0;
	rc = split(ask->place, &n, &name, e);
	if (rc)
		return rc;
	if (name > 0)
		snprintf(dir, sizeof(dir), "%.*s", (int)name, ask->place);
	if (access(dir, W_OK | X_OK) < 0)
		return err_sys(e, "%s can't be made: the folder %s", ask->place, dir);
	if (lstat(ask->place, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "%s can't be made", ask->place);
	if (ask->form == PARCEL_FOLDER && S_ISDIR(st.st_mode) && is_empty_folder(ask->place))
		return 0;
	return err_set(e, ERR_EXISTS,
		       "%s exists already, and a package is never written over: name another place",
		       ask->place);
}

/* ".<name>.<8 hex digits>.part" beside it. */
static int name_part(struct parcel *p, struct err *e)
{
	const char *place = p->kept.place;
	size_t n, name;
	uint8_t random[4];
	char hex[9];
	int rc = split(place, &n, &name, e);

	if (rc)
		return rc;
	secret_random(random, sizeof(random));
	text_hex(hex, random, sizeof(random));
	snprintf(p->part, sizeof(p->part), "%.*s.%.*s.%s.part", (int)name, place,
		 n - name < 200 ? (int)(n - name) : 200, place + name, hex);
	return 0;
}

static int make_place(struct parcel *p, struct err *e)
{
	int rc;

	if (to_stdout(&p->kept)) {
		p->fd = STDOUT_FILENO;
		return 0;
	}
	rc = name_part(p, e);
	if (rc)
		return rc;
	if (p->kept.form == PARCEL_FOLDER) {
		if (mkdir(p->part, 0700) < 0)
			return err_sys(e, "can't make %s", p->part);
		p->made = true;
		p->fd = open(p->part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	} else {
		p->fd = open(p->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		p->made = p->fd >= 0;
	}
	return p->fd < 0 ? err_sys(e, "can't make %s", p->part) : 0;
}

int parcel_open(struct parcel **out, const struct parcel_ask *ask, struct err *e)
{
	struct parcel *p;
	int rc = parcel_check(ask, e);

	*out = NULL;
	if (rc)
		return rc;
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory");
	p->kept = *ask;
	p->fd = p->file = -1;
	rc = make_place(p, e);
	if (rc == 0 && ask->form != PARCEL_FOLDER)
		rc = parcel_tar_open(p, e);
	if (rc) {
		parcel_close(p);
		return rc;
	}
	*out = p;
	return 0;
}

/* ---- files ---- */

int parcel_begin(struct parcel *p, const char *path, uint64_t size, int64_t mtime_ns, struct err *e)
{
	p->mtime_ns = mtime_ns;
	p->left = size;
	return p->kept.form == PARCEL_FOLDER ? parcel_folder_begin(p, path, e) :
					       parcel_tar_begin(p, path, size, mtime_ns, e);
}

int parcel_put(struct parcel *p, const void *bytes, size_t n, struct err *e)
{
	if (n > p->left)
		return err_set(e, ERR_USAGE, "a file of a package is longer than was said");
	p->left -= n;
	return p->kept.form == PARCEL_FOLDER ? file_write(p->file, bytes, n, e) :
					       parcel_tar_put(p, bytes, n, e);
}

int parcel_end(struct parcel *p, struct err *e)
{
	if (p->left)
		return err_set(e, ERR_USAGE, "a file of a package is shorter than was said");
	return p->kept.form == PARCEL_FOLDER ? parcel_folder_end(p, e) : 0;
}

/* ---- the end ---- */

static int sync_all(const struct parcel *p, struct err *e)
{
	int rc = p->kept.form == PARCEL_FOLDER ? syncfs(p->fd) : fsync(p->fd);

	return rc < 0 ? err_sys(e, "%s can't be written", p->part) : 0;
}

/* A folder replaces none but an empty one; a file nothing. */
static int give_name(const struct parcel *p, struct err *e)
{
	const char *place = p->kept.place;
	int rc;

	if (p->kept.form == PARCEL_FOLDER) {
		rc = rename(p->part, place);
	} else {
		rc = renameat2(AT_FDCWD, p->part, AT_FDCWD, place, RENAME_NOREPLACE);
		/* not every file system can */
		if (rc < 0 && (errno == EINVAL || errno == ENOSYS)) {
			rc = link(p->part, place);
			if (rc == 0)
				unlink(p->part);
		}
	}
	return rc < 0 ? err_sys(e, "the package can't be moved to %s", place) : 0;
}

static int sync_parent(const struct parcel *p, struct err *e)
{
	const char *slash = strrchr(p->part, '/');
	char dir[PATH_MAX] = ".";
	int fd, rc;

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - p->part) + 1, p->part);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 ? err_sys(e, "can't open the folder %s", dir) : file_sync_dir(fd, e);
	if (fd >= 0)
		close(fd);
	return rc;
}

int parcel_commit(struct parcel *p, struct err *e)
{
	int rc = p->kept.form == PARCEL_FOLDER ? 0 : parcel_tar_finish(p, e);

	if (rc || to_stdout(&p->kept)) {
		p->whole = rc == 0;
		return rc;
	}
	rc = sync_all(p, e);
	if (rc == 0)
		rc = give_name(p, e);
	p->whole = rc == 0;
	return rc ? rc : sync_parent(p, e);
}

void parcel_close(struct parcel *p)
{
	if (!p)
		return;
	parcel_tar_close(p);
	if (p->file >= 0)
		close(p->file);
	if (p->made && !p->whole) {
		if (p->kept.form == PARCEL_FOLDER)
			parcel_folder_remove(p);
		else
			unlink(p->part);
	}
	if (p->fd > STDOUT_FILENO)
		close(p->fd);
	free(p);
}
