/* SPDX-License-Identifier: Apache-2.0 */
/* A source that is one file, taken under its base name. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/source_internal.h"

struct file {
	struct source base;
	bool given; /* in this pass */
};

static int file_open(struct source *s, struct err *e)
{
	(void)e;
	((struct file *)s)->given = false;
	return 0;
}

static int file_next(struct source *s, struct source_member *m, struct err *e)
{
	struct file *f = (struct file *)s;
	const char *path = s->ask.path, *slash = strrchr(path, '/');
	struct stat st;

	if (f->given)
		return 0;
	f->given = true;
	m->path = slash ? slash + 1 : path;
	if (!record_path_ok(m->path, strlen(m->path)))
		return err_set(e, ERR_USAGE, "%s has no name that can be kept", path);
	m->fd = source_openat(AT_FDCWD, path, 0);
	if (m->fd < 0)
		return err_sys(e, "can't open the source %s", path);
	if (fstat(m->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(m->fd);
		return err_set(e, ERR_USAGE, "the source %s is no longer a file", path);
	}
	source_stat(m, &st);
	return 1;
}

int source_file_new(struct source **out, struct err *e)
{
	static const struct source_ops ops = {.open = file_open, .next = file_next};
	struct file *f = calloc(1, sizeof(*f));

	if (!f)
		return err_set(e, ERR_NOMEM, "out of memory");
	f->base.ops = &ops;
	*out = &f->base;
	return 0;
}
