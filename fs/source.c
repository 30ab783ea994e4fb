/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/source_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* O_NONBLOCK: if the name has become a FIFO meanwhile, opening it must not wait for a writer. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

int source_openat(int dirfd, const char *name, int flags)
{
	int fd = openat(dirfd, name, OPEN_FLAGS | O_NOATIME | flags);

	return fd < 0 && errno == EPERM ? openat(dirfd, name, OPEN_FLAGS | flags) : fd;
}

const char *source_kind(mode_t mode)
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

void source_stat(struct source_member *m, const struct stat *st)
{
	m->size = (uint64_t)st->st_size;
	m->has_mode = m->has_mtime = true;
	m->mode = (unsigned)st->st_mode & 07777u;
	m->mtime = st->st_mtim;
}

bool source_is_input(const struct source_ask *ask)
{
	return strcmp(ask->path, "-") == 0;
}

const char *source_name(const struct source_ask *ask)
{
	if (!source_is_input(ask))
		return ask->path;
	return ask->name ? ask->name : "standard input";
}

/* ---- what is it? ---- */

/* Only what is called an archive is opened as one: an office document is a zip too. */
static enum source_format by_name(const char *name)
{
	static const struct {
		const char *suffix;
		enum source_format format;
	} known[] = {
		{".tar", SOURCE_TAR},	  {".tar.gz", SOURCE_TAR},   {".tgz", SOURCE_TAR},
		{".tar.bz2", SOURCE_TAR}, {".tbz", SOURCE_TAR},	     {".tbz2", SOURCE_TAR},
		{".tar.xz", SOURCE_TAR},  {".txz", SOURCE_TAR},	     {".tar.zst", SOURCE_TAR},
		{".tzst", SOURCE_TAR},	  {".tar.lz4", SOURCE_TAR},  {".tlz4", SOURCE_TAR},
		{".tlz", SOURCE_TAR},	  {".tar.lzma", SOURCE_TAR}, {".zip", SOURCE_ZIP},
	};
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t k = strlen(known[i].suffix);

		if (n > k && strcasecmp(name + n - k, known[i].suffix) == 0)
			return known[i].format;
	}
	return SOURCE_FILE;
}

/* Is there a bagit.txt in the folder? */
static bool has_declaration(const char *folder)
{
	char *path;
	struct stat st;
	bool has;

	if (asprintf(&path, "%s/bagit.txt", folder) < 0)
		return true; /* the bag will say that memory is short */
	has = lstat(path, &st) == 0;
	free(path);
	return has;
}

static int new_plain(struct source **out, const struct source_ask *ask, bool folder, struct err *e)
{
	enum source_format format = ask->format;

	if (folder && format != SOURCE_AUTO && format != SOURCE_FOLDER && format != SOURCE_BAG)
		return err_set(e, ERR_USAGE, "the source %s is a folder, not of that format",
			       ask->path);
	if (folder)
		return source_folder_new(out, e);
	if (format == SOURCE_AUTO || format == SOURCE_BAG)
		format = by_name(source_name(ask));
	if (format == SOURCE_FOLDER)
		return err_set(e, ERR_USAGE, "the source %s is no folder", ask->path);
	if (format == SOURCE_FILE && ask->format == SOURCE_BAG)
		return err_set(
			e, ERR_USAGE,
			"the source %s is neither a folder nor called an archive: it can't be "
			"a bag",
			ask->path);
	if (format == SOURCE_FILE && source_is_input(ask)) {
		if (!ask->name || !record_name_ok(ask->name, strlen(ask->name)))
			return err_set(e, ERR_USAGE,
				       "standard input needs a name to be kept under (--name)");
		return source_input_new(out, e);
	}
	return format == SOURCE_FILE ? source_file_new(out, e) : source_archive_new(out, format, e);
}

static int new_kind(struct source **out, const struct source_ask *ask, bool folder, struct err *e)
{
	struct source *plain;
	bool bag = ask->format == SOURCE_BAG;
	int rc = new_plain(&plain, ask, folder, e);

	if (rc)
		return rc;
	plain->ask = *ask;
	*out = plain;
	if (ask->format == SOURCE_AUTO)
		bag = folder ? has_declaration(ask->path) :
			       by_name(source_name(ask)) != SOURCE_FILE;
	if (!bag)
		return 0;
	rc = source_bag_new(out, plain, folder, e);
	if (rc)
		source_free(plain);
	else
		(*out)->ask = *ask;
	return rc;
}

int source_new(struct source **out, const struct source_ask *ask, struct err *e)
{
	struct stat st;

	*out = NULL;
	if (source_is_input(ask))
		return new_kind(out, ask, false, e);
	/* Looked at, not opened: opening a device may do something to it. */
	if (stat(ask->path, &st) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return err_set(e, ERR_NOTFOUND, "there is no source %s", ask->path);
		return err_sys(e, "can't look at the source %s", ask->path);
	}
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, "the source %s %s", ask->path,
			       source_kind(st.st_mode));
	return new_kind(out, ask, S_ISDIR(st.st_mode), e);
}

/* ---- a pass ---- */

int source_open(struct source *s, struct err *e)
{
	int rc = s->ops->open(s, e);

	if (rc)
		source_close(s);
	return rc;
}

int source_next(struct source *s, struct source_member *m, struct err *e)
{
	memset(m, 0, sizeof(*m));
	m->fd = -1;
	return s->ops->next(s, m, e);
}

int source_read(struct source *s, void *buf, size_t n, size_t *got, struct err *e)
{
	return s->ops->read(s, buf, n, got, e);
}

int source_digest(struct source *s, uint8_t sha256[32], struct err *e)
{
	return s->ops->digest(s, sha256, e);
}

int source_fields(const struct source *s, struct record *r)
{
	return s->ops->fields ? s->ops->fields(s, r) : 0;
}

void source_close(struct source *s)
{
	if (s && s->ops->close)
		s->ops->close(s);
}

void source_free(struct source *s)
{
	if (!s)
		return;
	source_close(s);
	if (s->ops->free)
		s->ops->free(s);
	free(s);
}
