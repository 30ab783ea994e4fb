/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "fs/spool_internal.h"
#include "index/record.h"

#define DEPTH_MAX 64 /* folders within folders; each holds a descriptor while it is looked at */
#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR | IN_DONT_FOLLOW)

struct scan {
	struct spool *s;
	struct spool_list found;
	char path[RECORD_PATH_MAX + RECORD_NAME_MAX + sizeof(SPOOL_ASIDE) + 2];
	size_t len;
	unsigned depth;
	bool deaf;
};

static void list_free(struct spool_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->p[i]);
	free(l->p);
	*l = (struct spool_list){0};
}

static bool list_add(struct spool_list *l, struct spool_entry *entry)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 256;
		struct spool_entry **p = reallocarray(l->p, cap, sizeof(*p));

		if (!p)
			return false;
		l->p = p;
		l->cap = cap;
	}
	l->p[l->n++] = entry;
	return true;
}

static int by_path(const void *pa, const void *pb)
{
	const struct spool_entry *a = *(struct spool_entry *const *)pa;
	const struct spool_entry *b = *(struct spool_entry *const *)pb;
	int c = strcmp(a->path, b->path);

	return c ? c : (int)a->aside - (int)b->aside;
}

static bool ignored(const struct spool *s, const char *name)
{
	if (name[0] == '.' && !s->hidden)
		return true;
	for (size_t i = 0; i < s->ignores; i++)
		if (fnmatch(s->ignore[i], name, FNM_CASEFOLD) == 0)
			return true;
	return false;
}

static bool forbidden(const struct spool *s, const struct stat *st)
{
	for (size_t i = 0; i < s->forbiddens; i++)
		if (s->forbidden[i].st_dev == st->st_dev && s->forbidden[i].st_ino == st->st_ino)
			return true;
	return false;
}

/* A file at w->path; `aside` is how many bytes of its name are SPOOL_ASIDE. */
static bool found(struct scan *w, const char *name, const struct stat *st)
{
	const size_t prefix = sizeof(SPOOL_ASIDE) - 1;
	const bool aside = strncmp(name, SPOOL_ASIDE, prefix) == 0;
	const size_t head = w->len - strlen(name), cut = aside ? prefix : 0;
	struct spool_entry *entry = calloc(1, sizeof(*entry) + w->len - cut + 1);

	if (!entry)
		return false;
	memcpy(entry->path, w->path, head);
	memcpy(entry->path + head, name + cut, w->len - head - cut + 1);
	entry->aside = aside;
	spool_sign_of(&entry->sign, st);
	if (list_add(&w->found, entry))
		return true;
	free(entry);
	return false;
}

static void listen_to(struct scan *w)
{
	char path[sizeof(w->path) + 4096];
	int n;

	if (w->s->inotify < 0)
		return;
	n = snprintf(path, sizeof(path), "%s/%s", w->s->root, w->path);
	if (n < 0 || n >= (int)sizeof(path) || inotify_add_watch(w->s->inotify, path, EVENTS) < 0)
		w->deaf = true;
}

static int folder(struct scan *w, int fd, struct err *e);

/* One name of a folder. What goes away meanwhile, or can't be looked at, is not there. */
static int visit(struct scan *w, int dirfd, const char *name, struct err *e)
{
	const size_t before = w->len, n = strlen(name);
	const bool aside = strncmp(name, SPOOL_ASIDE, sizeof(SPOOL_ASIDE) - 1) == 0;
	struct stat st;
	int rc = 0, fd;

	if ((ignored(w->s, name) && !aside) || before + 1 + n >= sizeof(w->path) ||
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	w->len += (size_t)snprintf(w->path + before, sizeof(w->path) - before, "%s%s",
				   before ? "/" : "", name);
	if (S_ISREG(st.st_mode) && !found(w, name, &st)) {
		rc = err_set(e, ERR_NOMEM, "out of memory");
	} else if (S_ISDIR(st.st_mode) && w->depth < DEPTH_MAX && !forbidden(w->s, &st)) {
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			rc = folder(w, fd, e);
	}
	w->len = before;
	w->path[before] = '\0';
	return rc;
}

/* All of a folder; takes fd. */
static int folder(struct scan *w, int fd, struct err *e)
{
	struct dirent *en;
	DIR *d = fdopendir(fd);
	int rc = 0;

	if (!d) {
		close(fd);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	/* Before its names are read: what comes later is told of. */
	listen_to(w);
	w->depth++;
	while (rc == 0 && (en = readdir(d)))
		if (strcmp(en->d_name, ".") != 0 && strcmp(en->d_name, "..") != 0)
			rc = visit(w, dirfd(d), en->d_name, e);
	w->depth--;
	closedir(d);
	return rc;
}

/* ---- with what was seen before ---- */

/* The same file as at the last look? It has settled if that was long enough ago. */
static void carry_on(struct spool *s, struct spool_entry *was, const struct spool_entry *is,
		     int64_t now_ms)
{
	if (!spool_sign_same(&was->sign, &is->sign)) {
		if (was->state == SPOOL_OUT)
			return; /* whoever has it will find out */
		was->sign = is->sign;
		was->state = SPOOL_SETTLING;
		was->since_ms = now_ms;
		was->wrong = 0;
	} else if (was->state == SPOOL_SETTLING && now_ms - was->since_ms >= s->settle_ms) {
		was->state = SPOOL_COMPLETE;
	}
}

static void let_go(struct spool_entry *was)
{
	if (was->state == SPOOL_OUT)
		was->lost = true;
	else
		free(was);
}

/* Both lists are sorted: entries that are still there stay the same objects. */
static void merge(struct spool *s, struct spool_list *found, int64_t now_ms)
{
	struct spool_list *old = &s->list;
	size_t i = 0;

	for (size_t k = 0; k < found->n; k++) {
		struct spool_entry *is = found->p[k];
		int c = -1;

		while (i < old->n && (c = by_path(&old->p[i], &is)) < 0)
			let_go(old->p[i++]);
		if (i < old->n && c == 0) {
			carry_on(s, old->p[i], is, now_ms);
			found->p[k] = old->p[i++];
			free(is);
		} else {
			is->since_ms = now_ms;
		}
	}
	while (i < old->n)
		let_go(old->p[i++]);
	free(old->p);
	*old = *found;
}

static void tally(struct spool *s)
{
	s->next = s->ready = s->settling = s->wrong = 0;
	for (size_t i = 0; i < s->list.n; i++) {
		const struct spool_entry *en = s->list.p[i];

		s->ready += en->state == SPOOL_COMPLETE;
		s->settling += en->state == SPOOL_SETTLING && !en->wrong;
		s->wrong += en->state == SPOOL_SETTLING && en->wrong;
	}
}

int spool_scan(struct spool *s, int64_t now_ms, struct err *e)
{
	struct scan w = {.s = s};
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_sys(e, "can't look into the folder %s", s->root);
	rc = folder(&w, fd, e);
	if (rc) {
		list_free(&w.found);
		return rc;
	}
	if (w.found.n > 1)
		qsort(w.found.p, w.found.n, sizeof(*w.found.p), by_path);
	merge(s, &w.found, now_ms);
	tally(s);
	s->deaf = w.deaf;
	return 0;
}
