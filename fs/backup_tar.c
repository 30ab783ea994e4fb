/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backup_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define MODE 0640

struct backup_tar {
	struct archive *out;
	time_t now;
};

static int fail(const struct backup_tar *t, struct err *e)
{
	const char *why = archive_error_string(t->out);

	return err_set(e, ERR_SYSTEM, "can't write the stream: %s", why ? why : "unknown");
}

static int make(struct backup_tar **out, struct err *e)
{
	struct backup_tar *t = calloc(1, sizeof(*t));

	*out = t;
	if (t)
		t->out = archive_write_new();
	if (!t || !t->out) {
		free(t);
		*out = NULL;
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	t->now = time(NULL);
	if (archive_write_set_format_pax_restricted(t->out) != ARCHIVE_OK ||
	    archive_write_add_filter_none(t->out) != ARCHIVE_OK)
		return fail(t, e);
	return 0;
}

/* rc of opening: on failure nothing is left. */
static int opened(struct backup_tar **out, int rc, struct err *e)
{
	if (rc == ARCHIVE_OK)
		return 0;
	rc = *out ? fail(*out, e) : ERR_NOMEM;
	backup_tar_close(*out);
	*out = NULL;
	return rc;
}

int backup_tar_open(struct backup_tar **out, int fd, struct err *e)
{
	int rc = make(out, e);

	return opened(out, rc ? ARCHIVE_FATAL : archive_write_open_fd((*out)->out, fd), e);
}

static la_ssize_t append(struct archive *a, void *ctx, const void *p, size_t n)
{
	struct wire_out *bytes = ctx;

	wire_out_bytes(bytes, p, n);
	if (wire_out_ok(bytes))
		return (la_ssize_t)n;
	archive_set_error(a, ENOMEM, "out of memory");
	return -1;
}

int backup_tar_open_memory(struct backup_tar **out, struct wire_out *bytes, struct err *e)
{
	int rc = make(out, e);

	return opened(
		out,
		rc ? ARCHIVE_FATAL : archive_write_open((*out)->out, bytes, NULL, append, NULL), e);
}

int backup_tar_file(struct backup_tar *t, const char *path, uint64_t size, struct err *e)
{
	struct archive_entry *en = archive_entry_new();
	int rc;

	if (!en)
		return err_set(e, ERR_NOMEM, "out of memory");
	archive_entry_set_pathname(en, path);
	archive_entry_set_size(en, (la_int64_t)size);
	archive_entry_set_filetype(en, AE_IFREG);
	archive_entry_set_perm(en, MODE);
	archive_entry_set_mtime(en, t->now, 0);
	rc = archive_write_header(t->out, en);
	archive_entry_free(en);
	return rc == ARCHIVE_OK || rc == ARCHIVE_WARN ? 0 : fail(t, e);
}

int backup_tar_put(struct backup_tar *t, const void *p, size_t n, struct err *e)
{
	return archive_write_data(t->out, p, n) == (la_ssize_t)n ? 0 : fail(t, e);
}

int backup_tar_end(struct backup_tar *t, struct err *e)
{
	return archive_write_close(t->out) == ARCHIVE_OK ? 0 : fail(t, e);
}

void backup_tar_close(struct backup_tar *t)
{
	if (!t)
		return;
	archive_write_fail(t->out); /* so that freeing does not end a stream that is not whole */
	archive_write_free(t->out);
	free(t);
}

/* ---- reading ---- */

/* One file, whole. */
static int take(struct archive *in, struct archive_entry *en,
		int (*each)(void *ctx, const char *path, const void *p, size_t n), void *ctx,
		struct err *e)
{
	const char *path = archive_entry_pathname(en);
	const la_int64_t size = archive_entry_size(en);
	struct wire_out bytes = {0};
	uint8_t *to;
	int rc;

	if (archive_entry_filetype(en) == AE_IFDIR && !archive_entry_hardlink(en))
		return 0;
	if (!path || archive_entry_filetype(en) != AE_IFREG || archive_entry_hardlink(en) ||
	    size < 0)
		return err_set(e, ERR_MALFORMED, "the tar has something that is no file");
	to = wire_out_room(&bytes, (size_t)size + 1);
	if (!to)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	else if (archive_read_data(in, to, (size_t)size) != size)
		rc = err_set(e, ERR_DAMAGED, "the tar ends within %s", path);
	else
		rc = each(ctx, path, to, (size_t)size);
	wire_out_wipe(&bytes);
	return rc;
}

int backup_tar_read(const void *p, size_t n,
		    int (*each)(void *ctx, const char *path, const void *p, size_t n), void *ctx,
		    struct err *e)
{
	struct archive *in = archive_read_new();
	struct archive_entry *en;
	int rc = 0, step;

	if (!in)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (archive_read_support_format_tar(in) != ARCHIVE_OK ||
	    archive_read_open_memory(in, p, n) != ARCHIVE_OK)
		rc = err_set(e, ERR_DAMAGED, "this is no tar");
	while (rc == 0 && (step = archive_read_next_header(in, &en)) != ARCHIVE_EOF)
		rc = step == ARCHIVE_OK ? take(in, en, each, ctx, e) :
					  err_set(e, ERR_DAMAGED, "the tar is damaged");
	archive_read_free(in);
	return rc;
}
