/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/package_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "fs/baglist.h"

#define BUFFER ((size_t)256 << 10)
#define DEPTH_MAX 256

struct walk {
	const struct package_visitor *v;
	char path[BAGLIST_PATH_MAX + 260];
	uint8_t *buffer;
	struct err *e;
};

static int read_file(const struct walk *w, int fd, uint64_t size)
{
	const struct package_visitor *v = w->v;
	uint64_t left = size;
	int rc = v->begin(v->ctx, w->path, size, w->e);

	while (rc == 0) {
		ssize_t n = read(fd, w->buffer, BUFFER);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(w->e, "can't read a file of the package");
		if (n == 0)
			break;
		if ((uint64_t)n > left)
			return err_set(w->e, ERR_SYSTEM,
				       "a file of the package grows as it is read");
		left -= (uint64_t)n;
		rc = v->data(v->ctx, w->buffer, (size_t)n, w->e);
	}
	if (rc == 0 && left)
		rc = err_set(w->e, ERR_SYSTEM, "a file of the package shrinks as it is read");
	return rc ? rc : v->end(v->ctx, w->e);
}

static int walk_folder(struct walk *w, int fd, size_t at, unsigned depth);

/* One entry, whose path stands from `at` on. */
static int visit(struct walk *w, int dir, size_t at, unsigned depth)
{
	int fd = openat(dir, w->path + at,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int rc;

	if (fd < 0 && errno == ELOOP)
		return err_set(w->e, ERR_MALFORMED, "%.300s is a link: no package has any",
			       w->path);
	if (fd < 0 || fstat(fd, &st) < 0) {
		rc = err_sys(w->e, "can't read %.300s", w->path);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	if (S_ISDIR(st.st_mode))
		return walk_folder(w, fd, strlen(w->path), depth + 1);
	if (!S_ISREG(st.st_mode))
		rc = err_set(w->e, ERR_MALFORMED, "%.300s is no file and no folder", w->path);
	else if (!baglist_path_ok(w->path, strlen(w->path)))
		rc = err_set(w->e, ERR_MALFORMED, "a package can't have a file of the path %.300s",
			     w->path);
	else
		rc = read_file(w, fd, (uint64_t)st.st_size);
	close(fd);
	return rc;
}

static int no_dots(const struct dirent *en)
{
	return strcmp(en->d_name, ".") != 0 && strcmp(en->d_name, "..") != 0;
}

/* Takes fd over. In the order of names, so that the same folder is told of in the same way. */
static int walk_folder(struct walk *w, int fd, size_t at, unsigned depth)
{
	struct dirent **list = NULL;
	int n = depth > DEPTH_MAX ? -1 : scandirat(fd, ".", &list, no_dots, alphasort), rc = 0;

	if (n < 0)
		rc = depth > DEPTH_MAX ? err_set(w->e, ERR_MALFORMED, "the package is too deep") :
					 err_sys(w->e, "can't list a folder of the package");
	for (int i = 0; i < n; i++) {
		int put = snprintf(w->path + at, sizeof(w->path) - at, "%s%s", at ? "/" : "",
				   list[i]->d_name);

		if (rc == 0 && put >= (int)(sizeof(w->path) - at))
			rc = err_set(w->e, ERR_MALFORMED, "a path in the package is too long");
		if (rc == 0)
			rc = visit(w, fd, at + (at ? 1 : 0), depth);
		free(list[i]);
	}
	free(list);
	w->path[at] = '\0';
	close(fd);
	return rc;
}

static int read_folder(int fd, const struct package_visitor *v, struct err *e)
{
	struct walk *w = calloc(1, sizeof(*w));
	int rc;

	if (w) {
		w->v = v;
		w->e = e;
		w->buffer = malloc(BUFFER);
	}
	if (!w || !w->buffer) {
		close(fd);
		rc = err_set(e, ERR_NOMEM, "out of memory");
	} else {
		rc = walk_folder(w, fd, 0, 0);
		secret_wipe(w->buffer, BUFFER);
		free(w->buffer);
	}
	free(w);
	return rc;
}

int package_read(const char *place, const uint8_t *secret, const struct package_visitor *v,
		 enum parcel_form *form, struct err *e)
{
	struct stat st;
	int fd, rc;

	if (strcmp(place, "-") == 0)
		return package_tar(STDIN_FILENO, secret, v, form, e);
	fd = open(place, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		rc = errno == ENOENT ?
			     err_set(e, ERR_NOTFOUND, "%s: there is no such package", place) :
			     err_sys(e, "can't open %s", place);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	*form = PARCEL_FOLDER;
	if (S_ISDIR(st.st_mode))
		return read_folder(fd, v, e);
	rc = package_tar(fd, secret, v, form, e);
	close(fd);
	return rc;
}
