/* SPDX-License-Identifier: Apache-2.0 */
/* A source that is a folder: walked without following links, in sorted order. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/source_internal.h"

/* A folder that is being walked. */
struct level {
	DIR *dir;
	char **name; /* sorted */
	size_t names, next, cap;
	size_t len; /* of the path that leads here */
};

struct folder {
	struct source base;
	char path[RECORD_PATH_MAX + RECORD_NAME_MAX + 2]; /* of what is being looked at */
	char why[160];
	const char *refused; /* why the source itself was not entered, until that is told */
	struct level level[SOURCE_DEPTH_MAX];
	unsigned depth;
};

/* It is not for us: no file and no folder, or not to be entered. */
static int skip(struct folder *f, struct source_member *m, const char *why)
{
	m->path = f->path;
	m->why = why;
	return 1;
}

/* It may hold what should be taken. */
static int lose(struct folder *f, struct source_member *m, const char *why)
{
	m->lost = true;
	return skip(f, m, why);
}

static int lose_errno(struct folder *f, struct source_member *m, const char *what)
{
	char text[96];

	snprintf(f->why, sizeof(f->why), "%s: %s", what, strerror_r(errno, text, sizeof(text)));
	return lose(f, m, f->why);
}

/* ---- a folder's names ---- */

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(struct level *l, const char *name)
{
	if (l->names == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		char **p = reallocarray(l->name, cap, sizeof(*p));

		if (!p)
			return false;
		l->name = p;
		l->cap = cap;
	}
	l->name[l->names] = strdup(name);
	return l->name[l->names] && ++l->names;
}

/* All names of the folder, sorted: then it does not matter what is added while we read. */
static int list(struct folder *f, struct level *l, struct err *e)
{
	struct dirent *en;

	for (;;) {
		errno = 0;
		en = readdir(l->dir);
		if (!en)
			break;
		if (strcmp(en->d_name, ".") == 0 || strcmp(en->d_name, "..") == 0)
			continue;
		if (!add_name(l, en->d_name))
			return err_set(e, ERR_NOMEM, "out of memory for a folder's names");
	}
	if (errno != 0)
		return err_sys(e, "can't list the folder %s", l->len ? f->path : ".");
	if (l->names > 1)
		qsort(l->name, l->names, sizeof(*l->name), by_bytes);
	return 0;
}

static void leave(struct folder *f)
{
	struct level *l = &f->level[--f->depth];

	for (size_t i = 0; i < l->names; i++)
		free(l->name[i]);
	free(l->name);
	closedir(l->dir);
	*l = (struct level){0};
}

/* Takes fd. 1: it was left out, and *m says so; 0: it is the innermost level now. */
static int enter(struct folder *f, int fd, const struct stat *st, struct source_member *m,
		 struct err *e)
{
	const struct source_ask *ask = &f->base.ask;
	const char *why = ask->enter ? ask->enter(ask->ctx, f->path, st) : NULL;
	struct level *l;

	if (why || f->depth == SOURCE_DEPTH_MAX) {
		close(fd);
		return why ? skip(f, m, why) : lose(f, m, "lies too deep: more than 256 folders");
	}
	l = &f->level[f->depth];
	l->dir = fdopendir(fd);
	if (!l->dir) {
		close(fd);
		return err_sys(e, "can't list a folder");
	}
	l->len = strlen(f->path);
	f->depth++;
	return list(f, l, e);
}

/* ---- members ---- */

/* What f->path names: it was seen as `seen`, but is judged by what was really opened. 1: a member. */
static int take(struct folder *f, int dirfd, const char *name, const struct stat *seen,
		struct source_member *m, struct err *e)
{
	bool folder = S_ISDIR(seen->st_mode);
	struct stat st;
	int fd = source_openat(dirfd, name, O_NOFOLLOW | (folder ? O_DIRECTORY : 0));

	if (fd < 0)
		return lose_errno(f, m, "can't be opened");
	if (fstat(fd, &st) != 0 || (st.st_mode & S_IFMT) != (seen->st_mode & S_IFMT)) {
		close(fd);
		return lose(f, m, "changed its kind while it was looked at");
	}
	if (folder)
		return enter(f, fd, &st, m, e);
	m->path = f->path;
	m->fd = fd;
	source_stat(m, &st);
	return 1;
}

/* One name of the innermost folder. 1: a member. */
static int visit(struct folder *f, const struct level *l, const char *name, struct source_member *m,
		 struct err *e)
{
	size_t n = strlen(name), len = l->len;
	struct stat st;

	/* The path was acceptable so far, so that one more name always has room. */
	if (n > RECORD_NAME_MAX)
		return lose(f, m, "holds a name longer than 255 bytes");
	if (len)
		f->path[len++] = '/';
	memcpy(f->path + len, name, n + 1);
	if (!record_path_ok(f->path, len + n))
		return lose(f, m, "has a path longer than 4095 bytes");
	if (fstatat(dirfd(l->dir), name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return lose_errno(f, m, "can't be looked at");
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return skip(f, m, source_kind(st.st_mode));
	return take(f, dirfd(l->dir), name, &st, m, e);
}

static int folder_next(struct source *s, struct source_member *m, struct err *e)
{
	struct folder *f = (struct folder *)s;
	const char *refused = f->refused;
	int rc = 0;

	if (refused) {
		f->refused = NULL;
		return skip(f, m, refused);
	}
	while (f->depth > 0 && rc == 0) {
		struct level *l = &f->level[f->depth - 1];

		f->path[l->len] = '\0';
		if (l->next == l->names)
			leave(f);
		else
			rc = visit(f, l, l->name[l->next++], m, e);
	}
	return rc;
}

static int folder_open(struct source *s, struct err *e)
{
	struct folder *f = (struct folder *)s;
	struct source_member m = {0};
	struct stat st;
	int fd = source_openat(AT_FDCWD, s->ask.path, 0), rc;

	if (fd < 0)
		return err_sys(e, "can't open the source %s", s->ask.path);
	if (fstat(fd, &st) != 0 || !S_ISDIR(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_USAGE, "the source %s is no longer a folder", s->ask.path);
	}
	f->path[0] = '\0';
	rc = enter(f, fd, &st, &m, e);
	f->refused = rc == 1 ? m.why : NULL;
	return rc == 1 ? 0 : rc;
}

static void folder_close(struct source *s)
{
	struct folder *f = (struct folder *)s;

	while (f->depth > 0)
		leave(f);
}

int source_folder_new(struct source **out, struct err *e)
{
	static const struct source_ops ops = {
		.open = folder_open, .next = folder_next, .close = folder_close};
	struct folder *f = calloc(1, sizeof(*f));

	if (!f)
		return err_set(e, ERR_NOMEM, "out of memory");
	f->base.ops = &ops;
	*out = &f->base;
	return 0;
}
