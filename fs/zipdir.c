/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/zipdir_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "crypto/wire.h"

#define EOCD_SIG 0x06054b50u
#define EOCD_SIZE 22u
#define EOCD_FAR (EOCD_SIZE + 65535u)
#define ZIP64_LOCATOR_SIG 0x07064b50u
#define ZIP64_LOCATOR_SIZE 20u
#define ZIP64_EOCD_SIG 0x06064b50u
#define ZIP64_EOCD_SIZE 56u
#define CENTRAL_SIG 0x02014b50u
#define DIRECTORY_MAX ((uint64_t)1 << 30)

/* Where the directory lies. */
struct place {
	uint64_t entries, size, offset;
	uint64_t end; /* where it has to end */
};

uint64_t zipdir_le(struct wire_in *w, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)wire_in_u8(w) << (8 * i);
	return v;
}

int zipdir_bad(const struct container *c, enum err_code code, struct err *e, const char *fmt, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(e, code, "%s: %s", c->name, why);
}

/* ---- the end of the directory ---- */

/* The one end record that reaches exactly to the end of the file; its offset in *at. */
static int find_end(struct container *c, uint8_t record[EOCD_SIZE], uint64_t *at, struct err *e)
{
	size_t n = c->size < EOCD_FAR ? (size_t)c->size : EOCD_FAR, got, found = 0;
	uint8_t *tail = malloc(n + 1);
	int rc = tail ? container_read(c, c->size - n, tail, n, &got, e) :
			err_set(e, ERR_NOMEM, "out of memory");

	for (size_t i = 0; rc == 0 && i + EOCD_SIZE <= n; i++) {
		struct wire_in w = wire_in_init(tail + i, EOCD_SIZE);

		if (zipdir_le(&w, 4) != EOCD_SIG)
			continue;
		wire_in_bytes(&w, 16);
		if (i + EOCD_SIZE + zipdir_le(&w, 2) != n)
			continue;
		found++;
		*at = c->size - n + i;
		memcpy(record, tail + i, EOCD_SIZE);
	}
	free(tail);
	if (rc == 0 && found == 0)
		rc = zipdir_bad(c, ERR_DAMAGED, e,
				"no zip directory ends with this file: it is no zip, cut off, or "
				"something follows it");
	if (rc == 0 && found > 1)
		rc = zipdir_bad(c, ERR_MALFORMED, e, "it has more than one zip directory");
	return rc;
}

/* The fields of the 64-bit end record, where there is one; p->end becomes its offset. */
static int zip64_end(struct container *c, uint64_t locator, struct place *p, bool needed,
		     struct err *e)
{
	uint8_t b[ZIP64_EOCD_SIZE];
	struct wire_in w;
	uint64_t at, size;
	struct place is;
	size_t got;
	int rc = container_read(c, locator, b, ZIP64_LOCATOR_SIZE, &got, e);

	if (rc)
		return rc;
	w = wire_in_init(b, got);
	if (zipdir_le(&w, 4) != ZIP64_LOCATOR_SIG)
		return needed ?
			       zipdir_bad(c, ERR_MALFORMED, e, "its 64-bit end record is missing") :
			       0;
	wire_in_bytes(&w, 4);
	at = zipdir_le(&w, 8);
	if (zipdir_le(&w, 4) != 1)
		return zipdir_bad(c, ERR_UNSUPPORTED, e, "it is one part of a split zip");
	if (at > locator || locator - at < ZIP64_EOCD_SIZE)
		return zipdir_bad(c, ERR_MALFORMED, e, "its 64-bit end record lies elsewhere");
	rc = container_read(c, at, b, ZIP64_EOCD_SIZE, &got, e);
	if (rc)
		return rc;
	w = wire_in_init(b, got);
	if (zipdir_le(&w, 4) != ZIP64_EOCD_SIG)
		return zipdir_bad(c, ERR_MALFORMED, e, "its 64-bit end record is none");
	size = zipdir_le(&w, 8);
	wire_in_bytes(&w, 2 + 2 + 4 + 4);
	is.entries = zipdir_le(&w, 8);
	if (zipdir_le(&w, 8) != is.entries || size != locator - at - 12)
		return zipdir_bad(c, ERR_MALFORMED, e, "its 64-bit end record contradicts itself");
	is.size = zipdir_le(&w, 8);
	is.offset = zipdir_le(&w, 8);
	if ((p->entries != 0xffff && p->entries != is.entries) ||
	    (p->size != 0xffffffff && p->size != is.size) ||
	    (p->offset != 0xffffffff && p->offset != is.offset))
		return zipdir_bad(c, ERR_MALFORMED, e, "its two end records differ");
	*p = is;
	p->end = at;
	return 0;
}

static int find_directory(struct container *c, struct place *p, struct err *e)
{
	uint8_t record[EOCD_SIZE];
	struct wire_in w;
	uint64_t at = 0, disk, start_disk, here;
	bool needed;
	int rc = find_end(c, record, &at, e);

	if (rc)
		return rc;
	w = wire_in_init(record, sizeof(record));
	wire_in_bytes(&w, 4);
	disk = zipdir_le(&w, 2);
	start_disk = zipdir_le(&w, 2);
	here = zipdir_le(&w, 2);
	p->entries = zipdir_le(&w, 2);
	p->size = zipdir_le(&w, 4);
	p->offset = zipdir_le(&w, 4);
	p->end = at;
	needed = p->entries == 0xffff || p->size == 0xffffffff || p->offset == 0xffffffff;
	if ((disk && disk != 0xffff) || (start_disk && start_disk != 0xffff) || here != p->entries)
		return zipdir_bad(c, ERR_UNSUPPORTED, e, "it is one part of a split zip");
	/* 65,535 entries need no second record. */
	if (at >= ZIP64_LOCATOR_SIZE)
		rc = zip64_end(c, at - ZIP64_LOCATOR_SIZE, p,
			       needed && (p->size == 0xffffffff || p->offset == 0xffffffff), e);
	if (rc)
		return rc;
	if (p->offset > p->end || p->end - p->offset != p->size)
		return zipdir_bad(
			c, ERR_DAMAGED, e,
			"its directory is not where it should be: something stands before "
			"the zip, or was cut out of it");
	if (p->size > DIRECTORY_MAX)
		return zipdir_bad(c, ERR_MALFORMED, e, "its directory is longer than 1 GiB");
	return 0;
}

/* ---- entries ---- */

static int central(struct container *c, struct wire_in *w, struct zipdir_entry *en, struct err *e)
{
	struct zipdir_header h = {0};
	size_t comment;

	if (zipdir_le(w, 4) != CENTRAL_SIG)
		return zipdir_bad(c, ERR_MALFORMED, e, "its directory holds what is no entry");
	wire_in_bytes(w, 2);
	zipdir_header_common(w, &h);
	h.name_n = zipdir_le(w, 2);
	h.extra_n = zipdir_le(w, 2);
	comment = zipdir_le(w, 2);
	h.disk = zipdir_le(w, 2);
	wire_in_bytes(w, 2 + 4);
	h.offset = zipdir_le(w, 4);
	h.name = wire_in_bytes(w, h.name_n);
	h.extra = wire_in_bytes(w, h.extra_n);
	wire_in_bytes(w, comment);
	if (!wire_in_ok(w))
		return zipdir_bad(c, ERR_MALFORMED, e, "its directory is cut off");
	h.central = true;
	return zipdir_entry_make(c, &h, en, e);
}

static int by_offset(const void *a, const void *b)
{
	const struct zipdir_entry *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int read_entries(struct zipdir *z, struct container *c, const struct place *p, struct err *e)
{
	uint8_t *dir = malloc((size_t)p->size + 1);
	struct wire_in w;
	size_t got;
	int rc;

	/* No more than have room in the directory, whatever it says. */
	z->entry = p->entries <= p->size / 46 ? calloc((size_t)p->entries + 1, sizeof(*z->entry)) :
						NULL;
	if (!dir || !z->entry) {
		free(dir);
		return p->entries > p->size / 46 ?
			       zipdir_bad(c, ERR_MALFORMED, e,
					  "its directory is too short for its entries") :
			       err_set(e, ERR_NOMEM, "out of memory for the zip's directory");
	}
	rc = container_read(c, p->offset, dir, (size_t)p->size, &got, e);
	w = wire_in_init(dir, got);
	while (rc == 0 && z->n < p->entries)
		rc = central(c, &w, &z->entry[z->n++], e);
	if (rc == 0 && !wire_in_end(&w))
		rc = zipdir_bad(c, ERR_MALFORMED, e,
				"its directory holds more than the entries it counts");
	secret_wipe(dir, (size_t)p->size);
	free(dir);
	return rc;
}

int zipdir_read(struct zipdir *z, struct container *c, uint64_t max, struct err *e)
{
	struct place p = {0};
	int rc = find_directory(c, &p, e);

	if (rc == 0 && max && p.entries > max)
		rc = zipdir_bad(c, ERR_MALFORMED, e,
				"it has more than %llu members (--max-members)",
				(unsigned long long)max);
	if (rc == 0)
		rc = read_entries(z, c, &p, e);
	if (rc)
		return rc;
	qsort(z->entry, z->n, sizeof(*z->entry), by_offset);
	return zipdir_check_members(z, c, p.offset, e);
}

void zipdir_free(struct zipdir *z)
{
	for (size_t i = 0; i < z->n; i++) {
		if (z->entry[i].name)
			secret_wipe(z->entry[i].name, strlen(z->entry[i].name));
		free(z->entry[i].name);
	}
	free(z->entry);
	*z = (struct zipdir){0};
}
