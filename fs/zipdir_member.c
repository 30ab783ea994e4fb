/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "crypto/text.h"
#include "fs/zipdir_internal.h"

#define LOCAL_SIG 0x04034b50u
#define LOCAL_SIZE 30u
#define DESCRIPTOR_SIG 0x08074b50u

#define FLAG_ENCRYPTED 0x0001u
#define FLAG_DESCRIPTOR 0x0008u
#define FLAG_PATCH 0x0020u
#define FLAG_STRONG 0x0040u
#define FLAG_MASKED 0x2000u
#define FLAGS_COMPARED (FLAG_ENCRYPTED | FLAG_DESCRIPTOR | FLAG_PATCH | FLAG_STRONG | FLAG_MASKED)

#define EXTRA_ZIP64 0x0001u
#define EXTRA_TIME 0x5455u
#define EXTRA_NTFS 0x000au
#define EXTRA_UNICODE_PATH 0x7075u

void zipdir_header_common(struct wire_in *w, struct zipdir_header *h)
{
	wire_in_bytes(w, 2);
	h->flags = (uint16_t)zipdir_le(w, 2);
	h->method = (uint16_t)zipdir_le(w, 2);
	h->time = (uint16_t)zipdir_le(w, 2);
	h->date = (uint16_t)zipdir_le(w, 2);
	h->crc = (uint32_t)zipdir_le(w, 4);
	h->packed = zipdir_le(w, 4);
	h->size = zipdir_le(w, 4);
}

/* ---- extra fields ---- */

/* What does not fit into 32 bits. */
static bool take_zip64(struct zipdir_header *h, struct wire_in w)
{
	if (h->size == 0xffffffff)
		h->size = zipdir_le(&w, 8);
	if (h->packed == 0xffffffff)
		h->packed = zipdir_le(&w, 8);
	if (h->central && h->offset == 0xffffffff)
		h->offset = zipdir_le(&w, 8);
	if (h->central && h->disk == 0xffff)
		h->disk = zipdir_le(&w, 4);
	return wire_in_ok(&w);
}

/* Info-ZIP's Unicode path, which stands for the name if it was made from it. */
static void take_unicode(struct zipdir_header *h, struct wire_in w)
{
	uint64_t version = zipdir_le(&w, 1), crc = zipdir_le(&w, 4);

	if (!wire_in_ok(&w) || version != 1 ||
	    crc != crc32(0, h->name_n ? h->name : (const uint8_t *)"", (unsigned)h->name_n))
		return;
	h->name_n = w.left;
	h->name = wire_in_bytes(&w, w.left);
}

static bool take_extra(struct zipdir_header *h, bool *has_utc)
{
	struct wire_in w = wire_in_init(h->extra, h->extra_n);

	/* Zip writers of old pad with fewer bytes than a field has. */
	while (w.left >= 4) {
		uint64_t id = zipdir_le(&w, 2);
		size_t n = zipdir_le(&w, 2);
		const uint8_t *p = wire_in_bytes(&w, n);

		if (!wire_in_ok(&w))
			return false;
		if (id == EXTRA_ZIP64 && !take_zip64(h, wire_in_init(p, n)))
			return false;
		if (id == EXTRA_UNICODE_PATH)
			take_unicode(h, wire_in_init(p, n));
		*has_utc |= id == EXTRA_TIME || id == EXTRA_NTFS;
	}
	return true;
}

/* ---- one header ---- */

static bool method_known(uint16_t method)
{
	switch (method) {
	case 0:	 /* stored */
	case 8:	 /* deflate */
	case 12: /* bzip2 */
	case 93: /* zstd */
	case 95: /* xz */
		return true;
	default:
		return false;
	}
}

int zipdir_entry_make(struct container *c, struct zipdir_header *h, struct zipdir_entry *en,
		      struct err *e)
{
	if (!take_extra(h, &en->has_utc))
		return zipdir_bad(c, ERR_MALFORMED, e, "a member's extra fields are malformed");
	if (memchr(h->name_n ? h->name : (const uint8_t *)"x", '\0', h->name_n ? h->name_n : 1))
		return zipdir_bad(c, ERR_MALFORMED, e, "a member's name has a NUL in it");
	en->name = text_dup(h->name, h->name_n);
	if (!en->name)
		return err_set(e, ERR_NOMEM, "out of memory for the zip's directory");
	if (h->flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED))
		return zipdir_bad(c, ERR_UNSUPPORTED, e,
				  "the member %.200s is encrypted: decrypt it first, or take the "
				  "archive in as it is (--format file)",
				  en->name);
	if (h->flags & FLAG_PATCH || h->disk != 0 || !method_known(h->method))
		return zipdir_bad(
			c, ERR_UNSUPPORTED, e,
			"the member %.200s is packed by method %u, which is not known here",
			en->name, h->method);
	en->offset = h->offset;
	en->size = h->size;
	en->packed = h->packed;
	en->crc = h->crc;
	en->flags = h->flags;
	en->method = h->method;
	en->dos_time = h->time;
	en->dos_date = h->date;
	if (h->method == 0 && en->size != en->packed)
		return zipdir_bad(c, ERR_MALFORMED, e,
				  "the member %.200s is stored in another size", en->name);
	return 0;
}

/* ---- what stands before and behind the members ---- */

static int differ(struct container *c, const struct zipdir_entry *en, const char *what,
		  struct err *e)
{
	return zipdir_bad(c, ERR_MALFORMED, e,
			  "the directory and the header of the member %.200s differ in %s",
			  en->name, what);
}

static int compare(struct container *c, const struct zipdir_entry *en,
		   const struct zipdir_entry *local, struct err *e)
{
	bool later = en->flags & FLAG_DESCRIPTOR; /* the header may not know yet */

	if (strcmp(en->name, local->name) != 0)
		return differ(c, en, "its name", e);
	if ((en->flags ^ local->flags) & FLAGS_COMPARED)
		return differ(c, en, "its flags", e);
	if (en->method != local->method)
		return differ(c, en, "its method", e);
	if (en->crc != local->crc && !(later && local->crc == 0))
		return differ(c, en, "its checksum", e);
	if (en->size != local->size && !(later && local->size == 0))
		return differ(c, en, "its size", e);
	if (en->packed != local->packed && !(later && local->packed == 0))
		return differ(c, en, "its packed size", e);
	return 0;
}

/* The n bytes between a member and what follows it: a data descriptor, in one of its four forms. */
static int check_descriptor(struct container *c, const struct zipdir_entry *en, uint64_t at,
			    uint64_t n, struct err *e)
{
	uint8_t b[24];
	struct wire_in w;
	unsigned wide = n >= 20 ? 8 : 4;
	size_t got;
	int rc;

	if (n != 12 && n != 16 && n != 20 && n != 24)
		return zipdir_bad(
			c, ERR_DAMAGED, e,
			"there are %llu bytes behind the member %.200s that belong to none",
			(unsigned long long)n, en->name);
	rc = container_read(c, at, b, (size_t)n, &got, e);
	if (rc)
		return rc;
	w = wire_in_init(b, got);
	if ((n == 16 || n == 24) && zipdir_le(&w, 4) != DESCRIPTOR_SIG)
		return differ(c, en, "its data descriptor", e);
	if (zipdir_le(&w, 4) != en->crc || zipdir_le(&w, wide) != en->packed ||
	    zipdir_le(&w, wide) != en->size)
		return differ(c, en, "its data descriptor", e);
	return 0;
}

/* Read and judge the header before a member; *data is where its content begins. */
static int read_local(struct container *c, const struct zipdir_entry *en, uint8_t *buf,
		      uint64_t *data, struct err *e)
{
	struct zipdir_header h = {0};
	struct zipdir_entry local = {0};
	struct wire_in w;
	size_t got;
	int rc = container_read(c, en->offset, buf, LOCAL_SIZE, &got, e);

	if (rc)
		return rc;
	w = wire_in_init(buf, got);
	if (zipdir_le(&w, 4) != LOCAL_SIG)
		return zipdir_bad(c, ERR_DAMAGED, e, "no member stands where %.200s should",
				  en->name);
	zipdir_header_common(&w, &h);
	h.name_n = zipdir_le(&w, 2);
	h.extra_n = zipdir_le(&w, 2);
	rc = container_read(c, en->offset + LOCAL_SIZE, buf, h.name_n + h.extra_n, &got, e);
	if (rc)
		return rc;
	if (got != h.name_n + h.extra_n)
		return zipdir_bad(c, ERR_DAMAGED, e, "the member %.200s is cut off", en->name);
	h.name = buf;
	h.extra = buf + h.name_n;
	*data = en->offset + LOCAL_SIZE + got;
	/* What is stored with a size of 0 yet is not "stored in another size". */
	if (h.method == 0 && h.flags & FLAG_DESCRIPTOR && (h.size == 0 || h.packed == 0))
		h.size = h.packed = 0;
	rc = zipdir_entry_make(c, &h, &local, e);
	if (rc == 0)
		rc = compare(c, en, &local, e);
	free(local.name);
	return rc;
}

int zipdir_check_members(struct zipdir *z, struct container *c, uint64_t directory, struct err *e)
{
	uint8_t *buf = malloc(2 * 65535 + LOCAL_SIZE);
	uint64_t expected = 0, data = 0;
	int rc = buf ? 0 : err_set(e, ERR_NOMEM, "out of memory");

	for (size_t i = 0; rc == 0 && i < z->n; i++) {
		const struct zipdir_entry *en = &z->entry[i];
		uint64_t next = i + 1 < z->n ? en[1].offset : directory;

		if (en->offset != expected)
			rc = zipdir_bad(c, ERR_DAMAGED, e,
					"there are bytes before the member %.200s that belong to "
					"none",
					en->name);
		else
			rc = read_local(c, en, buf, &data, e);
		if (rc)
			break;
		if (next > directory || data > next || en->packed > next - data)
			rc = zipdir_bad(c, ERR_MALFORMED, e,
					"the member %.200s overlaps what follows it", en->name);
		else if (next - data > en->packed && !(en->flags & FLAG_DESCRIPTOR))
			rc = zipdir_bad(c, ERR_DAMAGED, e,
					"there are bytes behind the member %.200s that belong to "
					"none",
					en->name);
		else if (en->flags & FLAG_DESCRIPTOR)
			rc = check_descriptor(c, en, data + en->packed, next - data - en->packed,
					      e);
		expected = next;
	}
	if (rc == 0 && expected != directory)
		rc = zipdir_bad(c, ERR_DAMAGED, e, "there are bytes before its directory");
	free(buf);
	return rc;
}
