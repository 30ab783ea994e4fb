/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/layout.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/text.h"
#include "fs/segment.h"
#include "index/file.h"

#define ID 32 /* digits of an id */
#define KIND_MAX 31
#define VERSIONS "archive-"

static const char *const folder[] = {"journal", "segments", "documents"};

/* "<32 hex>.<kind>" */
static const char *split(const char *name, uint8_t id[16])
{
	const char *dot = strchr(name, '.');

	if (!dot || dot - name != ID || !text_unhex((struct text_span){name, ID}, id, 16))
		return NULL;
	return dot + 1;
}

static bool kind_ok(const char *kind)
{
	const size_t n = strlen(kind);

	return n > 0 && n <= KIND_MAX && kind[0] >= 'a' && kind[0] <= 'z' &&
	       strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static int is_journal(const struct dirent *en)
{
	uint8_t id[16];
	const char *kind = split(en->d_name, id);

	return kind && (strcmp(kind, "jsonl") == 0 || strcmp(kind, "checkpoint") == 0 ||
			strcmp(kind, "cosigned") == 0);
}

static int is_segment(const struct dirent *en)
{
	uint8_t id[16];
	const char *kind = split(en->d_name, id);

	return kind && strcmp(kind, "seg") == 0;
}

static int is_document(const struct dirent *en)
{
	uint8_t id[16];
	const char *kind = split(en->d_name, id);

	return kind && kind_ok(kind);
}

static int is_fan(const struct dirent *en)
{
	uint8_t byte;

	return (en->d_type == DT_DIR || en->d_type == DT_UNKNOWN) && strlen(en->d_name) == 2 &&
	       text_unhex((struct text_span){en->d_name, 2}, &byte, 1);
}

bool layout_document(const char *kind, const void *p, size_t n)
{
	char start[KIND_MAX + 16];
	const bool version = strncmp(kind, VERSIONS, strlen(VERSIONS)) == 0;
	const int len = snprintf(start, sizeof(start), "custodyfs-%.*s/v",
				 version ? (int)strlen(VERSIONS) - 1 : KIND_MAX, kind);

	return n > (size_t)len && memcmp(p, start, (size_t)len) == 0;
}

/* ---- walking ---- */

struct walk {
	int (*each)(void *ctx, const struct layout_file *f);
	void *ctx;
	char prefix[16]; /* "segments/ab/" */
};

static int give(const struct walk *w, const char *name)
{
	char path[LAYOUT_PATH_MAX];
	struct layout_file f = {.path = path, .name = name};

	snprintf(path, sizeof(path), "%s%.80s", w->prefix, name);
	f.kind = split(name, f.id);
	return f.kind ? w->each(w->ctx, &f) : 0;
}

static void free_names(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* The names in a folder that `filter` takes, sorted; free_names() them. */
static int list(int dir, const char *path, int (*filter)(const struct dirent *),
		struct dirent ***names, int *n, struct err *e)
{
	int fd = file_opendir(dir, path, e);
	int rc = 0;

	*names = NULL;
	*n = 0;
	if (fd < 0)
		return fd;
	*n = scandirat(fd, ".", names, filter, alphasort);
	if (*n < 0) {
		rc = err_sys(e, "can't list %s", path);
		*n = 0;
	}
	close(fd);
	return rc;
}

static int walk_folder(struct walk *w, int dir, const char *path,
		       int (*filter)(const struct dirent *), struct err *e)
{
	struct dirent **names;
	int n, rc = list(dir, path, filter, &names, &n, e);

	snprintf(w->prefix, sizeof(w->prefix), "%s/", path);
	for (int i = 0; rc == 0 && i < n; i++)
		rc = give(w, names[i]->d_name);
	free_names(names, n);
	return rc;
}

/* segments/<xx>/: a segment lies where its id says. */
struct segment_walk {
	int (*each)(void *ctx, const struct layout_file *f);
	void *ctx;
};

static int each_segment(void *ctx, const struct layout_file *f)
{
	const struct segment_walk *s = ctx;
	char expect[SEGMENT_PATH_MAX];

	segment_path(expect, f->id);
	return strcmp(f->path + strlen("segments/"), expect) == 0 ? s->each(s->ctx, f) : 0;
}

static int walk_segments(int dir, int (*each)(void *ctx, const struct layout_file *f), void *ctx,
			 struct err *e)
{
	struct segment_walk s = {each, ctx};
	struct walk w = {.each = each_segment, .ctx = &s};
	struct dirent **fans;
	char path[16];
	int n, rc = list(dir, folder[LAYOUT_SEGMENTS], is_fan, &fans, &n, e);

	for (int i = 0; rc == 0 && i < n; i++) {
		snprintf(path, sizeof(path), "segments/%.2s", fans[i]->d_name);
		rc = walk_folder(&w, dir, path, is_segment, e);
	}
	free_names(fans, n);
	return rc;
}

int layout_walk(int dir, enum layout_part part, int (*each)(void *ctx, const struct layout_file *f),
		void *ctx, struct err *e)
{
	struct walk w = {.each = each, .ctx = ctx};

	if (part == LAYOUT_SEGMENTS)
		return walk_segments(dir, each, ctx, e);
	return walk_folder(&w, dir, folder[part], part == LAYOUT_JOURNAL ? is_journal : is_document,
			   e);
}
