/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/record.h"

/* O_NONBLOCK: if the name has become a FIFO meanwhile, opening it must not wait for a writer. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

struct walk {
	const struct source_visitor *v;
	struct err *e;
	char path[RECORD_PATH_MAX + RECORD_NAME_MAX + 2]; /* of what is being looked at */
	size_t len;
	unsigned depth;
};

/* Without touching the access time, which only the owner of the file may ask for. */
static int open_quietly(int dirfd, const char *name, int flags)
{
	int fd = openat(dirfd, name, OPEN_FLAGS | O_NOATIME | flags);

	return fd < 0 && errno == EPERM ? openat(dirfd, name, OPEN_FLAGS | flags) : fd;
}

/* It is not for us: no file and no folder, or not to be entered. */
static int skip(struct walk *w, const char *why)
{
	return w->v->skip(w->v->ctx, w->path, why, false, w->e);
}

/* It may hold what should be taken. */
static int lose(struct walk *w, const char *why)
{
	return w->v->skip(w->v->ctx, w->path, why, true, w->e);
}

static int lose_errno(struct walk *w, const char *what)
{
	char why[160], text[96];

	snprintf(why, sizeof(why), "%s: %s", what, strerror_r(errno, text, sizeof(text)));
	return lose(w, why);
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return "is a symbolic link";
	case S_IFSOCK:
		return "is a socket";
	case S_IFIFO:
		return "is a FIFO";
	case S_IFBLK:
	case S_IFCHR:
		return "is a device";
	default:
		return "is not a regular file";
	}
}

struct names {
	char **p;
	size_t n, cap;
};

static void names_free(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->p[i]);
	free(l->p);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool names_add(struct names *l, const char *name)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		char **p = reallocarray(l->p, cap, sizeof(*p));

		if (!p)
			return false;
		l->p = p;
		l->cap = cap;
	}
	l->p[l->n] = strdup(name);
	return l->p[l->n] && ++l->n;
}

/* All names of the folder, sorted: then it does not matter what is added while we read. */
static int list(struct walk *w, DIR *d, struct names *l)
{
	struct dirent *en;

	for (;;) {
		errno = 0;
		en = readdir(d);
		if (!en)
			break;
		if (strcmp(en->d_name, ".") == 0 || strcmp(en->d_name, "..") == 0)
			continue;
		if (!names_add(l, en->d_name))
			return err_set(w->e, ERR_NOMEM, "out of memory for a folder's names");
	}
	if (errno != 0)
		return err_sys(w->e, "can't list the folder %s", w->len ? w->path : ".");
	if (l->n > 1)
		qsort(l->p, l->n, sizeof(*l->p), by_bytes);
	return 0;
}

static int visit(struct walk *w, int dirfd, const char *name);

/* Takes fd. */
static int walk_folder(struct walk *w, int fd, const struct stat *st)
{
	const char *why = w->v->enter ? w->v->enter(w->v->ctx, w->path, st) : NULL;
	const bool deep = w->depth >= SOURCE_DEPTH_MAX;
	struct names l = {0};
	DIR *d;
	int rc;

	d = why || deep ? NULL : fdopendir(fd);
	if (!d) {
		rc = why  ? skip(w, why) :
		     deep ? lose(w, "lies too deep: more than 256 folders") :
			    err_sys(w->e, "can't list a folder");
		close(fd);
		return rc;
	}
	w->depth++;
	rc = list(w, d, &l);
	for (size_t i = 0; i < l.n && rc == 0; i++)
		rc = visit(w, dirfd(d), l.p[i]);
	w->depth--;
	names_free(&l);
	closedir(d);
	return rc;
}

/* What w->path names: it was seen as `seen`, but is judged by what was really opened. */
static int take(struct walk *w, int dirfd, const char *name, const struct stat *seen)
{
	bool folder = S_ISDIR(seen->st_mode);
	struct stat st;
	int fd = open_quietly(dirfd, name, O_NOFOLLOW | (folder ? O_DIRECTORY : 0));

	if (fd < 0)
		return lose_errno(w, "can't be opened");
	if (fstat(fd, &st) != 0 || (st.st_mode & S_IFMT) != (seen->st_mode & S_IFMT)) {
		close(fd);
		return lose(w, "changed its kind while it was looked at");
	}
	if (folder)
		return walk_folder(w, fd, &st);
	return w->v->file(w->v->ctx, fd, w->path, &st, w->e);
}

/* One name of a folder: extends the path for as long as it is looked at. */
static int visit(struct walk *w, int dirfd, const char *name)
{
	size_t before = w->len, n = strlen(name), slash = before > 0;
	struct stat st;
	int rc;

	/* The path was acceptable so far, so that one more name always has room. */
	if (n > RECORD_NAME_MAX)
		return lose(w, "holds a name longer than 255 bytes");
	if (slash)
		w->path[w->len++] = '/';
	memcpy(w->path + w->len, name, n + 1);
	w->len += n;
	if (!record_path_ok(w->path, w->len))
		rc = lose(w, "has a path longer than 4095 bytes");
	else if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		rc = lose_errno(w, "can't be looked at");
	else if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		rc = skip(w, kind_of(st.st_mode));
	else
		rc = take(w, dirfd, name, &st);
	w->len = before;
	w->path[before] = '\0';
	return rc;
}

/* A source that is a file is taken under its base name. Takes fd. */
static int walk_file(struct walk *w, int fd, const char *source, const struct stat *st)
{
	const char *slash = strrchr(source, '/'), *name = slash ? slash + 1 : source;
	size_t n = strlen(name);

	if (!record_path_ok(name, n)) {
		close(fd);
		return err_set(w->e, ERR_USAGE, "%s has no name that can be kept", source);
	}
	memcpy(w->path, name, n + 1);
	w->len = n;
	return w->v->file(w->v->ctx, fd, w->path, st, w->e);
}

int source_walk(const char *source, const struct source_visitor *v, struct err *e)
{
	struct walk w = {.v = v, .e = e};
	struct stat st;
	int fd;

	/* Looked at first: opening a device may do something to it. */
	if (stat(source, &st) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return err_set(e, ERR_NOTFOUND, "there is no source %s", source);
		return err_sys(e, "can't look at the source %s", source);
	}
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, "the source %s %s", source, kind_of(st.st_mode));
	fd = open_quietly(AT_FDCWD, source, 0);
	if (fd < 0)
		return err_sys(e, "can't open the source %s", source);
	if (fstat(fd, &st) != 0 || (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))) {
		close(fd);
		return err_set(e, ERR_USAGE, "the source %s is not a folder or file", source);
	}
	return S_ISDIR(st.st_mode) ? walk_folder(&w, fd, &st) : walk_file(&w, fd, source, &st);
}
