/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/unarchive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unarchive {
	struct unarchive_io io;
	struct archive *a;
	/* In the C locale libarchive leaves names as they are, and says that it could not convert
	 * them; in one of UTF-8 it brings them to NFC. */
	locale_t c_locale;
	uint64_t at;	   /* of io, where it can be sought in */
	struct err failed; /* of io, within libarchive */
};

static la_ssize_t read_cb(struct archive *a, void *ctx, const void **p)
{
	struct unarchive *u = ctx;
	size_t n;

	if (u->io.next(u->io.ctx, p, &n, &u->failed) != 0) {
		archive_set_error(a, EIO, "read failed");
		return -1;
	}
	u->at += n;
	return (la_ssize_t)n;
}

static la_int64_t seek_cb(struct archive *a, void *ctx, la_int64_t off, int whence)
{
	struct unarchive *u = ctx;
	uint64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? u->at : u->io.size;

	if ((off < 0 && (uint64_t)-off > from) || from + (uint64_t)off > u->io.size) {
		archive_set_error(a, EIO, "it points outside of itself");
		return ARCHIVE_FATAL;
	}
	u->at = from + (uint64_t)off;
	u->io.seek(u->io.ctx, u->at);
	return (la_int64_t)u->at;
}

static int failed(struct unarchive *u, struct err *e)
{
	const char *why = archive_error_string(u->a);

	if (u->failed.code)
		return err_set(e, u->failed.code, "%s", u->failed.text);
	return err_set(e, ERR_DAMAGED, "%s is damaged: %s", u->io.name,
		       why ? why : "it can't be read");
}

int unarchive_new(struct unarchive **out, const struct unarchive_io *io, struct err *e)
{
	struct unarchive *u = calloc(1, sizeof(*u));
	locale_t before;
	int rc = 0;

	*out = NULL;
	if (!u)
		return err_set(e, ERR_NOMEM, "out of memory");
	u->io = *io;
	u->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	u->a = archive_read_new();
	if (!u->a || !u->c_locale) {
		unarchive_free(u);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	before = uselocale(u->c_locale);
	if (io->seek) {
		archive_read_support_format_zip_seekable(u->a);
		archive_read_set_seek_callback(u->a, seek_cb);
	} else {
		archive_read_support_format_tar(u->a);
	}
	archive_read_set_read_callback(u->a, read_cb);
	archive_read_set_callback_data(u->a, u);
	if (archive_read_open1(u->a) != ARCHIVE_OK)
		rc = failed(u, e);
	uselocale(before);
	if (rc)
		unarchive_free(u);
	else
		*out = u;
	return rc;
}

/* A name that was kept as it is. All else that libarchive warns of is not as it should be. */
static bool only_names(const struct unarchive *u)
{
	const char *why = archive_error_string(u->a);

	return why &&
	       (strstr(why, "can't be converted from") || strstr(why, "cannot be converted from"));
}

static void fill(struct unarchive_entry *to, struct archive_entry *from)
{
	const char *hard = archive_entry_hardlink(from);

	*to = (struct unarchive_entry){
		.path = archive_entry_pathname(from),
		.link = hard ? hard : archive_entry_symlink(from),
		.hard = hard != NULL,
		.type = archive_entry_filetype(from),
		.size = archive_entry_size_is_set(from) ? (uint64_t)archive_entry_size(from) : 0,
		.has_mode = true,
		.mode = archive_entry_perm(from) & 07777u,
		.has_mtime = archive_entry_mtime_is_set(from) != 0,
		.mtime = {.tv_sec = archive_entry_mtime(from),
			  .tv_nsec = archive_entry_mtime_nsec(from)},
	};
}

int unarchive_next(struct unarchive *u, struct unarchive_entry *entry, struct err *e)
{
	locale_t before = uselocale(u->c_locale);
	struct archive_entry *from;
	int r = archive_read_next_header(u->a, &from), rc;

	if (r == ARCHIVE_OK || (r == ARCHIVE_WARN && only_names(u))) {
		fill(entry, from);
		rc = 1;
	} else {
		rc = r == ARCHIVE_EOF ? 0 : failed(u, e);
	}
	uselocale(before);
	return rc;
}

int unarchive_read(struct unarchive *u, void *buf, size_t n, size_t *got, struct err *e)
{
	*got = 0;
	while (*got < n) {
		la_ssize_t r = archive_read_data(u->a, (char *)buf + *got, n - *got);

		if (r < 0)
			return failed(u, e);
		if (r == 0)
			break;
		*got += (size_t)r;
	}
	return 0;
}

uint64_t unarchive_used(const struct unarchive *u)
{
	return (uint64_t)archive_filter_bytes(u->a, 0);
}

void unarchive_free(struct unarchive *u)
{
	if (!u)
		return;
	if (u->a)
		archive_read_free(u->a);
	if (u->c_locale)
		freelocale(u->c_locale);
	free(u);
}
