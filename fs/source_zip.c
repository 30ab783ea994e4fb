/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a zip: zipdir tells what is in it, unarchive unpacks it, member by member in their order
 * in the file; what comes out is held to the directory's sizes and checksums. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "crypto/secret.h"
#include "fs/source_archive.h"
#include "fs/zipdir.h"

#define IN ((size_t)128 << 10)

struct zip {
	struct container *c;
	struct zipdir dir;
	size_t next; /* entry */
	struct unarchive *zip;
	uint64_t at; /* of the container */
	uint32_t crc;
	bool file; /* the entry has content that is read */
	uint8_t in[IN];
};

static void zip_close(void *reader)
{
	struct zip *z = reader;

	if (!z)
		return;
	unarchive_free(z->zip);
	zipdir_free(&z->dir);
	secret_wipe(z->in, sizeof(z->in));
	free(z);
}

static int next_bytes(void *ctx, const void **p, size_t *n, struct err *e)
{
	struct zip *z = ctx;

	*p = z->in;
	*n = 0;
	if (container_read(z->c, z->at, z->in, IN, n, e) != 0)
		return e->code;
	z->at += *n;
	return 0;
}

static void seek(void *ctx, uint64_t off)
{
	((struct zip *)ctx)->at = off;
}

static int zip_open(void **reader, struct container *c, const struct source_limits *limits,
		    struct err *e)
{
	struct zip *z = calloc(1, sizeof(*z));
	struct unarchive_io io = {
		.name = c->name, .next = next_bytes, .seek = seek, .size = c->size, .ctx = z};
	int rc;

	*reader = NULL;
	if (!z)
		return err_set(e, ERR_NOMEM, "out of memory");
	z->c = c;
	rc = zipdir_read(&z->dir, c, limits->members, e);
	if (rc == 0 && z->dir.n > 0)
		rc = unarchive_new(&z->zip, &io, e);
	if (rc)
		zip_close(z);
	else
		*reader = z;
	return rc;
}

static int disagree(const struct zip *z, const char *name, struct err *e)
{
	return err_set(e, ERR_MALFORMED, "%s: the member %.200s is not read as its directory says",
		       z->c->name, name);
}

static int zip_next(void *reader, struct unarchive_entry *entry, struct err *e)
{
	struct zip *z = reader;
	const struct zipdir_entry *en;
	size_t n;
	int rc;

	if (z->next == z->dir.n)
		return 0;
	en = &z->dir.entry[z->next++];
	rc = unarchive_next(z->zip, entry, e);
	if (rc <= 0)
		return rc ? rc : disagree(z, en->name, e);
	n = strlen(en->name);
	z->crc = 0;
	z->file = entry->type == S_IFREG;
	if ((z->file && entry->size != en->size) || (entry->type == S_IFDIR && en->size) ||
	    (n && en->name[n - 1] == '/' && entry->type != S_IFDIR))
		return disagree(z, en->name, e);
	/* libarchive turns some names' backslashes, and can't tell others at all. */
	entry->path = en->name;
	return 1;
}

static int zip_read(void *reader, void *buf, size_t n, size_t *got, struct err *e)
{
	struct zip *z = reader;
	const struct zipdir_entry *en = &z->dir.entry[z->next - 1];
	int rc = unarchive_read(z->zip, buf, n, got, e);

	if (rc)
		return rc;
	z->crc = (uint32_t)crc32(z->crc, buf, (unsigned)*got);
	if (*got < n && z->file && z->crc != en->crc)
		return err_set(e, ERR_DAMAGED, "%s: the member %.200s is damaged: its CRC is wrong",
			       z->c->name, en->name);
	return 0;
}

/* zipdir has seen that nothing is left over; did libarchive find more? */
static int zip_finish(void *reader, struct err *e)
{
	struct zip *z = reader;
	struct unarchive_entry more;
	int rc = z->zip ? unarchive_next(z->zip, &more, e) : 0;

	return rc == 1 ? disagree(z, more.path ? more.path : "(no name)", e) : rc;
}

static const char *zip_format(const void *reader)
{
	(void)reader;
	return "zip";
}

const struct source_reader source_reader_zip = {
	.open = zip_open,
	.next = zip_next,
	.read = zip_read,
	.finish = zip_finish,
	.format = zip_format,
	.close = zip_close,
};
