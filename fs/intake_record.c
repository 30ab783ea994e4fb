/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/intake_record.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/text.h"
#include "crypto/wire.h"
#include "fs/media.h"

/* captured-at from the manifest, if it says. */
static int set_captured(struct record *r)
{
	static const char *const columns[] = {"manifest.captured_at", "manifest.captured_local"};
	struct text_span v;

	for (size_t i = 0; i < 2; i++)
		if (record_get(r, columns[i], &v) && v.n)
			return record_set(r, "captured-at", v.p, v.n);
	return 0;
}

/* Text of bytes a person gave, which need not be UTF-8. */
static void put_text(struct wire_out *out, const char *s)
{
	for (size_t n = strlen(s), i = 0, len; i < n; i += len) {
		len = text_utf8(s + i, n - i);
		if (len)
			wire_out_bytes(out, s + i, len);
		else
			wire_out_text(out, "\xef\xbf\xbd"); /* U+FFFD */
		len = len ? len : 1;
	}
}

static int set_source(struct record *r, const struct intake_record_ask *ask)
{
	struct wire_out v = {0};
	int rc;

	put_text(&v, ask->host);
	wire_out_text(&v, ":");
	put_text(&v, ask->source);
	rc = wire_out_ok(&v) ? record_set(r, "source", v.p, v.n) : ERR_NOMEM;
	wire_out_reset(&v);
	put_text(&v, ask->user);
	if (rc == 0)
		rc = wire_out_ok(&v) ?
			     record_set(r, "ingest-user", v.n ? (const void *)v.p : "", v.n) :
			     ERR_NOMEM;
	wire_out_free(&v);
	return rc;
}

static int set_stat(struct record *r, const struct stat *st)
{
	char text[32];
	int rc;

	snprintf(text, sizeof(text), "%04o", (unsigned)st->st_mode & 07777u);
	rc = record_set_text(r, "mode", text);
	/* Nanoseconds in 64 bits reach from 1677 to 2262; outside, the clock was not set. */
	if (rc || st->st_mtim.tv_sec > INT64_MAX / 1000000000 - 1 ||
	    st->st_mtim.tv_sec < INT64_MIN / 1000000000 + 1)
		return rc;
	snprintf(text, sizeof(text), "%lld",
		 (long long)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec);
	return record_set_text(r, "mtime", text);
}

int intake_record_make(struct record **out, const struct intake_record_ask *ask, struct err *e)
{
	uint8_t start[MEDIA_START];
	ssize_t n = pread(ask->fd, start, sizeof(start), 0);
	struct record *r;
	int rc = record_new(&r);

	*out = NULL;
	if (rc)
		return err_set(e, rc, "out of memory");
	/* A read that fails here fails again, and louder, when the content is read. */
	rc = record_set_text(r, "media-type", media_type(ask->path, start, n > 0 ? (size_t)n : 0));
	if (rc == 0)
		rc = set_stat(r, ask->st);
	if (rc == 0)
		rc = set_source(r, ask);
	if (rc)
		rc = err_set(e, rc, "%s: its provenance can't be kept: %s", ask->path,
			     err_text(rc));
	if (rc == 0 && ask->row)
		rc = manifest_fields(ask->manifest, ask->row, r, e);
	if (rc == 0 && set_captured(r) != 0)
		rc = err_set(e, ERR_NOMEM, "%s: its provenance can't be kept", ask->path);
	if (rc)
		record_free(r);
	else
		*out = r;
	return rc;
}
