/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include "fs/layout.h"
#include "index/file.h"

#define START_MAX 64 /* bytes of a document that are looked at */

struct list {
	const struct archive *a;
	int (*each)(void *ctx, const char *path);
	void *ctx;
};

static int give(void *ctx, const struct layout_file *f)
{
	const struct list *l = ctx;

	return l->each(l->ctx, f->path);
}

static int give_document(void *ctx, const struct layout_file *f)
{
	const struct list *l = ctx;
	char start[START_MAX];
	int fd = openat(l->a->dir, f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, start, sizeof(start)) : 0;

	if (fd >= 0)
		close(fd);
	return n > 0 && layout_document(f->kind, start, (size_t)n) ? l->each(l->ctx, f->path) : 0;
}

int backup_list(const struct archive *a, enum backup_list what,
		int (*each)(void *ctx, const char *path), void *ctx, struct err *e)
{
	struct list l = {a, each, ctx};
	int rc = 0;

	if (what != BACKUP_LIST_REST)
		rc = layout_walk(a->dir, LAYOUT_JOURNAL, give, &l, e);
	if (rc || what == BACKUP_LIST_JOURNALS)
		return rc;
	rc = layout_walk(a->dir, LAYOUT_SEGMENTS, give, &l, e);
	if (rc == 0)
		rc = layout_walk(a->dir, LAYOUT_DOCUMENTS, give_document, &l, e);
	return rc ? rc : each(ctx, "archive.txt");
}
