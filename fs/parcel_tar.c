/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parcel that is a tar, as it is or sealed. libarchive makes the tar and hands it on in pieces, which
 * are written; or gathered, up to a chunk, and sealed where they are.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "fs/baglist.h"
#include "fs/parcel_internal.h"
#include "index/file.h"

/* ---- where the tar goes ---- */

static int seal_chunk(struct parcel *p, bool last)
{
	const size_t n = p->filled;
	int rc = age_stream_seal(&p->age, last, p->chunk, p->chunk, n);

	p->filled = 0;
	return rc ? rc : file_write(p->fd, p->chunk, n + AGE_STREAM_TAG, &p->why);
}

/* A full chunk waits until there is more: the last one must say that it is. */
static int seal(struct parcel *p, const uint8_t *bytes, size_t n)
{
	int rc = 0;

	while (rc == 0 && n > 0) {
		size_t room = AGE_STREAM_CHUNK - p->filled;

		if (room == 0) {
			rc = seal_chunk(p, false);
			continue;
		}
		if (room > n)
			room = n;
		memcpy(p->chunk + p->filled, bytes, room);
		p->filled += room;
		bytes += room;
		n -= room;
	}
	return rc;
}

static la_ssize_t write_some(struct archive *tar, void *ctx, const void *bytes, size_t n)
{
	struct parcel *p = ctx;

	if (p->rc == 0)
		p->rc = p->chunk ? seal(p, bytes, n) : file_write(p->fd, bytes, n, &p->why);
	if (p->rc == 0)
		return (la_ssize_t)n;
	archive_set_error(tar, EIO, "can't write");
	return -1;
}

/* Why libarchive could not go on. */
static int failed(struct parcel *p, struct err *e)
{
	const char *why = archive_error_string(p->tar);

	if (p->rc && p->why.code) {
		if (e)
			*e = p->why;
		return p->rc;
	}
	return err_set(e, p->rc ? p->rc : ERR_SYSTEM, "can't make the tar: %.200s",
		       why ? why : "out of memory");
}

/* ---- the tar ---- */

static int begin_sealing(struct parcel *p, struct err *e)
{
	struct wire_out header = {0};
	int rc = age_stream_begin(&p->age, &header, p->kept.recipients, p->kept.nrecipients);

	if (rc)
		return err_set(e, rc, "can't seal to these recipients: %s", err_text(rc));
	p->chunk = malloc(AGE_STREAM_STORED);
	if (!p->chunk)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = file_write(p->fd, header.p, header.n, e);
	wire_out_free(&header);
	return rc;
}

int parcel_tar_open(struct parcel *p, struct err *e)
{
	p->tar = archive_write_new();
	p->entry = archive_entry_new();
	if (!p->tar || !p->entry)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (archive_write_set_format_gnutar(p->tar) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(p->tar, 0) != ARCHIVE_OK ||
	    archive_write_open(p->tar, p, NULL, write_some, NULL) != ARCHIVE_OK)
		return failed(p, e);
	return 0;
}

int parcel_tar_begin(struct parcel *p, const char *path, uint64_t size, int64_t mtime_ns,
		     struct err *e)
{
	char name[BAGLIST_PATH_MAX + 300];
	int rc = 0;

	if (p->kept.form == PARCEL_SEALED && !p->chunk)
		rc = begin_sealing(p, e);
	if (rc)
		return rc;
	snprintf(name, sizeof(name), "%s/%s", p->kept.top, path);
	archive_entry_clear(p->entry);
	archive_entry_copy_pathname(p->entry, name);
	archive_entry_set_filetype(p->entry, AE_IFREG);
	archive_entry_set_perm(p->entry, 0644);
	archive_entry_set_size(p->entry, (la_int64_t)size);
	archive_entry_set_mtime(p->entry, mtime_ns / 1000000000, 0);
	return archive_write_header(p->tar, p->entry) == ARCHIVE_OK ? 0 : failed(p, e);
}

int parcel_tar_put(struct parcel *p, const void *bytes, size_t n, struct err *e)
{
	return archive_write_data(p->tar, bytes, n) == (la_ssize_t)n ? 0 : failed(p, e);
}

int parcel_tar_finish(struct parcel *p, struct err *e)
{
	int rc = archive_write_close(p->tar) == ARCHIVE_OK ? 0 : failed(p, e);

	if (rc || !p->chunk)
		return rc;
	rc = seal_chunk(p, true);
	if (rc && e)
		*e = p->why;
	return rc;
}

void parcel_tar_close(struct parcel *p)
{
	/* Its end must not be written when it is not whole. */
	if (p->tar) {
		if (!p->rc)
			p->rc = ERR_SYSTEM;
		archive_write_fail(p->tar);
		archive_write_free(p->tar);
	}
	archive_entry_free(p->entry);
	if (p->chunk)
		secret_wipe(p->chunk, AGE_STREAM_STORED);
	free(p->chunk);
	age_stream_end(&p->age);
}
