/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "crypto/secret.h"

#define IN ((size_t)256 << 10)
#define OUT ((size_t)256 << 10)
#define RATIO_FREE ((uint64_t)64 << 20) /* so much may come out of anything */

struct unpack {
	struct container *c;
	uint64_t ratio, at; /* at: of the next read of the container */
	uint64_t total, zeros;
	const char *name;
	bool ended;
	struct err failed; /* of a read within libarchive */

	struct archive *a; /* NULL: gzip */
	z_stream z;
	bool z_ready, z_between; /* between: at the end of a gzip member */
	uint8_t *in, *out;
};

bool unpack_bomb(uint64_t bytes, uint64_t container, uint64_t ratio)
{
	return ratio && bytes > RATIO_FREE && bytes / ratio > container;
}

static int damaged(const struct unpack *u, const char *why, struct err *e)
{
	return err_set(e, ERR_DAMAGED, "%s is damaged: %s", u->c->name, why);
}

/* ---- gzip ---- */

static int gzip_start(struct unpack *u, struct err *e)
{
	u->name = "gzip";
	u->z_between = true;
	if (inflateInit2(&u->z, 16 + MAX_WBITS) != Z_OK)
		return err_set(e, ERR_NOMEM, "out of memory");
	u->z_ready = true;
	return 0;
}

/* More input, if none is left. */
static int gzip_fill(struct unpack *u, struct err *e)
{
	size_t got;
	int rc;

	if (u->z.avail_in)
		return 0;
	rc = container_read(u->c, u->at, u->in, IN, &got, e);
	u->at += got;
	u->z.next_in = u->in;
	u->z.avail_in = (unsigned)got;
	return rc;
}

static int gzip_next(struct unpack *u, const void **p, size_t *n, struct err *e)
{
	int rc = 0, z;

	u->z.next_out = u->out;
	u->z.avail_out = OUT;
	while (u->z.avail_out == OUT) {
		rc = gzip_fill(u, e);
		if (rc)
			return rc;
		if (u->z.avail_in == 0 && u->z_between)
			break;
		if (u->z.avail_in == 0)
			return damaged(u, "it is cut off", e);
		z = inflate(&u->z, Z_NO_FLUSH);
		u->z_between = z == Z_STREAM_END;
		if (z == Z_STREAM_END)
			z = inflateReset(&u->z);
		if (z != Z_OK && z != Z_BUF_ERROR)
			return z == Z_MEM_ERROR ? err_set(e, ERR_NOMEM, "out of memory") :
			       u->z.msg		? damaged(u, u->z.msg, e) :
						  damaged(u, "not gzip data", e);
	}
	*p = u->out;
	*n = OUT - u->z.avail_out;
	return 0;
}

/* ---- what libarchive unpacks ---- */

static la_ssize_t read_cb(struct archive *a, void *ctx, const void **p)
{
	struct unpack *u = ctx;
	size_t got;

	if (container_read(u->c, u->at, u->in, IN, &got, &u->failed) != 0) {
		archive_set_error(a, EIO, "read failed");
		return -1;
	}
	u->at += got;
	*p = u->in;
	return (la_ssize_t)got;
}

static int lib_failed(struct unpack *u, struct err *e)
{
	const char *why = archive_error_string(u->a);

	if (u->failed.code)
		return err_set(e, u->failed.code, "%s", u->failed.text);
	return damaged(u, why ? why : "it can't be unpacked", e);
}

static int lib_start(struct unpack *u, struct err *e)
{
	struct archive_entry *entry;

	u->a = archive_read_new();
	if (!u->a)
		return err_set(e, ERR_NOMEM, "out of memory");
	/* Not "all": some filters run programs. */
	archive_read_support_format_raw(u->a);
	archive_read_support_filter_bzip2(u->a);
	archive_read_support_filter_xz(u->a);
	archive_read_support_filter_lzma(u->a);
	archive_read_support_filter_zstd(u->a);
	archive_read_support_filter_lz4(u->a);
	if (archive_read_open(u->a, u, NULL, read_cb, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(u->a, &entry) != ARCHIVE_OK)
		return lib_failed(u, e);
	u->name = archive_filter_name(u->a, 0);
	if (archive_filter_count(u->a) > 2)
		return err_set(e, ERR_MALFORMED, "%s is compressed more than once", u->c->name);
	return 0;
}

static int lib_next(struct unpack *u, const void **p, size_t *n, struct err *e)
{
	la_int64_t off;
	int r;

	do {
		r = archive_read_data_block(u->a, p, n, &off);
	} while (r == ARCHIVE_OK && *n == 0);
	if (r == ARCHIVE_OK)
		return 0;
	if (r != ARCHIVE_EOF)
		return lib_failed(u, e);
	*n = 0;
	if ((uint64_t)archive_filter_bytes(u->a, -1) != u->c->size)
		return damaged(u, "there are bytes behind the end of what is compressed", e);
	return 0;
}

/* ---- both ---- */

int unpack_new(struct unpack **out, struct container *c, uint64_t ratio, struct err *e)
{
	struct unpack *u = calloc(1, sizeof(*u));
	uint8_t magic[2];
	size_t got;
	int rc;

	*out = NULL;
	if (!u)
		return err_set(e, ERR_NOMEM, "out of memory");
	u->c = c;
	u->ratio = ratio;
	u->in = malloc(IN);
	u->out = malloc(OUT);
	rc = u->in && u->out ? container_read(c, 0, magic, 2, &got, e) :
			       err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0 && got == 0)
		rc = damaged(u, "it is empty", e);
	if (rc == 0)
		rc = got == 2 && memcmp(magic, "\x1f\x8b", 2) == 0 ? gzip_start(u, e) :
								     lib_start(u, e);
	if (rc)
		unpack_free(u);
	else
		*out = u;
	return rc;
}

static void count_zeros(struct unpack *u, const uint8_t *p, size_t n)
{
	size_t k = 0;

	while (k < n && p[n - 1 - k] == 0)
		k++;
	u->zeros = k == n ? u->zeros + n : k;
	u->total += n;
}

int unpack_next(struct unpack *u, const void **p, size_t *n, struct err *e)
{
	int rc;

	*n = 0;
	if (u->ended)
		return 0;
	rc = u->a ? lib_next(u, p, n, e) : gzip_next(u, p, n, e);
	if (rc)
		return rc;
	u->ended = *n == 0;
	count_zeros(u, *p, *n);
	if (unpack_bomb(u->total, u->c->size, u->ratio))
		return err_set(e, ERR_MALFORMED,
			       "%s unpacks to more than %llu times its size (--max-ratio)",
			       u->c->name, (unsigned long long)u->ratio);
	return 0;
}

uint64_t unpack_total(const struct unpack *u)
{
	return u->total;
}

uint64_t unpack_zeros(const struct unpack *u)
{
	return u->zeros;
}

const char *unpack_name(const struct unpack *u)
{
	return u->name;
}

void unpack_free(struct unpack *u)
{
	if (!u)
		return;
	if (u->a)
		archive_read_free(u->a);
	if (u->z_ready)
		inflateEnd(&u->z);
	if (u->in)
		secret_wipe(u->in, IN);
	if (u->out)
		secret_wipe(u->out, OUT);
	free(u->in);
	free(u->out);
	free(u);
}
