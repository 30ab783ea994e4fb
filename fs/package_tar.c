/* SPDX-License-Identifier: Apache-2.0 */
/* A package that is a tar, as it is or sealed: libarchive reads it from what is opened chunk by chunk. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/age_stream.h"
#include "crypto/secret.h"
#include "fs/baglist.h"
#include "fs/package_read.h"

struct tar {
	int fd;
	const uint8_t *secret;
	struct age_stream age;
	bool sealed, ended;
	uint8_t *
		stored; /* what is read: a chunk and one byte, which tells that it is not the last */
	size_t have;
	uint8_t *plain; /* of a chunk */
	char top[256];	/* the folder that all is in */
	int rc;		/* why reading failed */
	struct err *e;
};

#define ROOM (AGE_STREAM_HEADER_MAX + AGE_STREAM_STORED + 1)

/* Read until there are n bytes, or no more. */
static int fill(struct tar *t, size_t n)
{
	while (t->have < n && !t->ended) {
		ssize_t got = read(t->fd, t->stored + t->have, n - t->have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(t->e, "can't read the package");
		t->ended = got == 0;
		t->have += (size_t)got;
	}
	return 0;
}

static void drop(struct tar *t, size_t n)
{
	memmove(t->stored, t->stored + n, t->have - n);
	t->have -= n;
}

/* ---- what is sealed ---- */

static int open_sealed(struct tar *t)
{
	long header = 0;
	int rc = 0;

	if (!t->secret)
		return err_set(t->e, ERR_KEY,
			       "the package is sealed: --identity FILE must be the age identity of "
			       "one of its recipients");
	/* A byte more is asked for as long as the header's end was not seen. */
	while (rc == 0 && header == 0 && !t->ended) {
		rc = fill(t, t->have + 512 < ROOM ? t->have + 512 : ROOM);
		if (rc == 0)
			header = age_stream_header(t->stored, t->have);
	}
	if (rc == 0 && header <= 0)
		rc = err_set(t->e, header ? (int)header : ERR_DAMAGED,
			     "what is sealed has no whole age header");
	if (rc)
		return rc;
	rc = age_stream_open(&t->age, t->secret, t->stored, (size_t)header);
	drop(t, (size_t)header);
	if (rc == ERR_KEY)
		return err_set(t->e, rc, "the package is not sealed to this identity");
	return rc ? err_set(t->e, rc, "the age header is not good: %s", err_text(rc)) : 0;
}

static int next_chunk(struct tar *t, size_t *n)
{
	size_t len;
	int rc = fill(t, AGE_STREAM_STORED + 1);

	*n = 0;
	if (rc || t->age.ended)
		return rc;
	len = t->have > AGE_STREAM_STORED ? AGE_STREAM_STORED : t->have;
	rc = age_stream_chunk(&t->age, t->have <= AGE_STREAM_STORED, t->plain, t->stored, len);
	if (rc)
		return err_set(t->e, rc, "what is sealed was altered, or ends early");
	drop(t, len);
	*n = len - AGE_STREAM_TAG;
	return 0;
}

/* What libarchive reads with. */
static la_ssize_t read_some(struct archive *a, void *ctx, const void **p)
{
	struct tar *t = ctx;
	size_t n = 0;

	if (t->rc == 0 && t->sealed) {
		t->rc = next_chunk(t, &n);
	} else if (t->rc == 0) {
		t->rc = fill(t, AGE_STREAM_CHUNK);
		n = t->have < AGE_STREAM_CHUNK ? t->have : AGE_STREAM_CHUNK;
		memcpy(t->plain, t->stored, n);
		drop(t, n);
	}
	*p = t->plain;
	if (t->rc == 0)
		return (la_ssize_t)n;
	archive_set_error(a, EIO, "can't read");
	return -1;
}

/* ---- the tar ---- */

static int failed(const struct tar *t, struct archive *a)
{
	const char *why = archive_error_string(a);

	if (t->rc)
		return t->rc; /* with its sentence */
	return err_set(t->e, ERR_DAMAGED, "the tar is damaged, or ends early: %.200s",
		       why ? why : "no reason is known");
}

/* Its path below the top folder, which is that of the first. */
static int path_of(struct tar *t, struct archive_entry *en, const char **path)
{
	const char *name = archive_entry_pathname(en), *slash = name ? strchr(name, '/') : NULL;
	size_t n = slash ? (size_t)(slash - name) : 0;

	if (n == 0 || n >= sizeof(t->top) ||
	    (t->top[0] && (strncmp(t->top, name, n) != 0 || t->top[n])))
		return err_set(t->e, ERR_MALFORMED,
			       "not a package: not all in the tar is in one folder");
	memcpy(t->top, name, n);
	*path = slash + 1;
	if (baglist_path_ok(*path, strlen(*path)))
		return 0;
	return err_set(t->e, ERR_MALFORMED, "a package can't have a file of the path %.300s",
		       *path);
}

static int visit(struct tar *t, struct archive *a, struct archive_entry *en,
		 const struct package_visitor *v)
{
	const char *path = NULL;
	la_int64_t expect = 0, off;
	const void *p;
	size_t n;
	int rc, got;

	if (archive_entry_filetype(en) == AE_IFDIR)
		return 0;
	rc = path_of(t, en, &path);
	if (rc == 0 && (archive_entry_filetype(en) != AE_IFREG || archive_entry_hardlink(en) ||
			archive_entry_size(en) < 0))
		rc = err_set(t->e, ERR_MALFORMED, "%.300s is no regular file", path);
	if (rc == 0)
		rc = v->begin(v->ctx, path, (uint64_t)archive_entry_size(en), t->e);
	while (rc == 0 && (got = archive_read_data_block(a, &p, &n, &off)) != ARCHIVE_EOF) {
		if (got != ARCHIVE_OK)
			return failed(t, a);
		if (off != expect)
			return err_set(t->e, ERR_MALFORMED, "%.300s is a sparse file", path);
		expect += (la_int64_t)n;
		rc = v->data(v->ctx, p, n, t->e);
	}
	if (rc == 0 && expect != archive_entry_size(en))
		rc = err_set(t->e, ERR_DAMAGED, "%.300s ends early", path);
	return rc ? rc : v->end(v->ctx, t->e);
}

static int read_entries(struct tar *t, struct archive *a, const struct package_visitor *v)
{
	struct archive_entry *en;
	int rc = 0, got = ARCHIVE_OK;

	while (rc == 0 && (got = archive_read_next_header(a, &en)) == ARCHIVE_OK)
		rc = visit(t, a, en, v);
	if (rc == 0 && got != ARCHIVE_EOF)
		rc = t->top[0] || t->rc ? failed(t, a) :
					  err_set(t->e, ERR_FOREIGN,
						  "not a package: no folder, tar or age file");
	return rc;
}

/* Behind the tar's end there may be chunks; the last must be there. */
static int drain(struct tar *t)
{
	size_t n;
	int rc = 0;

	while (rc == 0 && t->sealed && !t->age.ended)
		rc = next_chunk(t, &n);
	return rc;
}

static int read_tar(struct tar *t, const struct package_visitor *v)
{
	struct archive *a = archive_read_new();
	int rc;

	if (!a || archive_read_support_format_tar(a) != ARCHIVE_OK)
		rc = err_set(t->e, ERR_NOMEM, "out of memory");
	else if (archive_read_open(a, t, NULL, read_some, NULL) != ARCHIVE_OK)
		rc = t->rc ? t->rc :
			     err_set(t->e, ERR_FOREIGN,
				     "not a package: no folder, tar or age file");
	else
		rc = read_entries(t, a, v);
	archive_read_free(a);
	return rc ? rc : drain(t);
}

int package_tar(int fd, const uint8_t *secret, const struct package_visitor *v,
		enum parcel_form *form, struct err *e)
{
	static const char age[] = "age-encryption.org/";
	struct tar t = {.fd = fd, .secret = secret, .e = e};
	int rc;

	t.stored = malloc(ROOM);
	t.plain = malloc(AGE_STREAM_CHUNK);
	rc = t.stored && t.plain ? fill(&t, sizeof(age) - 1) :
				   err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0) {
		t.sealed = t.have == sizeof(age) - 1 && memcmp(t.stored, age, t.have) == 0;
		*form = t.sealed ? PARCEL_SEALED : PARCEL_TAR;
		if (t.sealed)
			rc = open_sealed(&t);
	}
	if (rc == 0)
		rc = read_tar(&t, v);
	age_stream_end(&t.age);
	if (t.plain)
		secret_wipe(t.plain, AGE_STREAM_CHUNK);
	if (t.stored)
		secret_wipe(t.stored, ROOM);
	free(t.plain);
	free(t.stored);
	return rc;
}
