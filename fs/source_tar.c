/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a tar: unpack gives its bytes, unarchive its members. */
#include <stdlib.h>
#include <string.h>

#include "fs/source_archive.h"
#include "fs/unpack.h"

#define BLOCK 512u
#define END_BLOCKS (2 * BLOCK) /* of zeros, at the least, behind the last member */

struct tar {
	struct unpack *unpack;
	struct unarchive *tar;
	const char *name;
	bool asked;   /* for the first entry: before that there is nothing to drain */
	uint64_t end; /* of the last member */
};

static void tar_close(void *reader)
{
	struct tar *t = reader;

	if (!t)
		return;
	unarchive_free(t->tar);
	unpack_free(t->unpack);
	free(t);
}

static int next_bytes(void *ctx, const void **p, size_t *n, struct err *e)
{
	return unpack_next(ctx, p, n, e);
}

static int tar_open(void **reader, struct container *c, const struct source_limits *limits,
		    struct err *e)
{
	struct tar *t = calloc(1, sizeof(*t));
	struct unarchive_io io = {.name = c->name, .next = next_bytes};
	int rc;

	*reader = NULL;
	if (!t)
		return err_set(e, ERR_NOMEM, "out of memory");
	t->name = c->name;
	rc = unpack_new(&t->unpack, c, limits->ratio, e);
	io.ctx = t->unpack;
	if (rc == 0)
		rc = unarchive_new(&t->tar, &io, e);
	if (rc)
		tar_close(t);
	else
		*reader = t;
	return rc;
}

static int tar_next(void *reader, struct unarchive_entry *entry, struct err *e)
{
	struct tar *t = reader;
	int rc;

	if (t->asked)
		t->end = (unarchive_used(t->tar) + BLOCK - 1) / BLOCK * BLOCK;
	t->asked = true;
	rc = unarchive_next(t->tar, entry, e);
	/* A FIFO or device may have a size, which says nothing. */
	return rc;
}

static int tar_read(void *reader, void *buf, size_t n, size_t *got, struct err *e)
{
	return unarchive_read(((struct tar *)reader)->tar, buf, n, got, e);
}

/* libarchive takes the end of the data for the end of the archive, and what follows that for none of
 * its business. */
static int tar_finish(void *reader, struct err *e)
{
	struct tar *t = reader;
	const void *p;
	size_t n;
	uint64_t rest;
	int rc;

	do {
		rc = unpack_next(t->unpack, &p, &n, e);
	} while (rc == 0 && n > 0);
	if (rc)
		return rc;
	rest = unpack_total(t->unpack) - t->end;
	if (unpack_zeros(t->unpack) < rest)
		return err_set(e, ERR_DAMAGED,
			       "%s is damaged: there is something behind its last member", t->name);
	if (rest < END_BLOCKS)
		return err_set(e, ERR_DAMAGED,
			       "%s is damaged: it has no end mark, so that it may be cut off",
			       t->name);
	return 0;
}

static const char *tar_format(const void *reader)
{
	static const char *const formats[][2] = {
		{"gzip", "tar+gzip"}, {"bzip2", "tar+bzip2"}, {"xz", "tar+xz"},
		{"lzma", "tar+lzma"}, {"zstd", "tar+zstd"},   {"lz4", "tar+lz4"},
	};
	const char *name = unpack_name(((const struct tar *)reader)->unpack);

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(name, formats[i][0]) == 0)
			return formats[i][1];
	return "tar";
}

const struct source_reader source_reader_tar = {
	.open = tar_open,
	.next = tar_next,
	.read = tar_read,
	.finish = tar_finish,
	.format = tar_format,
	.close = tar_close,
};
