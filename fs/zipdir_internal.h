/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zipdir_internal: what the two files of zipdir share: the directory (zipdir.c), and the headers and
 * members it is held against (zipdir_member.c).
 *
 * Thread rule: pure, but for what reads the container.
 */
#ifndef CUSTODY_FS_ZIPDIR_INTERNAL_H
#define CUSTODY_FS_ZIPDIR_INTERNAL_H

#include "crypto/wire.h"
#include "fs/zipdir.h"

/* A header of a member, as it stands in the directory or before the member. */
struct zipdir_header {
	uint16_t flags, method, time, date;
	uint32_t crc;
	uint64_t packed, size, offset, disk;
	const uint8_t *name, *extra; /* borrowed */
	size_t name_n, extra_n;
	bool central;
};

/* Little-endian; zip is. */
uint64_t zipdir_le(struct wire_in *w, unsigned bytes);
/* "<file>: <why>". */
__attribute__((format(printf, 4, 5))) int zipdir_bad(const struct container *c, enum err_code code,
						     struct err *e, const char *fmt, ...);
/* The fields that both headers have in the same order, from "version needed" to the sizes. */
void zipdir_header_common(struct wire_in *w, struct zipdir_header *h);
/* Judge a header, with its extra fields, and make an entry of it. */
int zipdir_entry_make(struct container *c, struct zipdir_header *h, struct zipdir_entry *en,
		      struct err *e);
/* Compare all entries with what stands before their members; these and the directory, which begins
 * at `directory`, must follow each other without a gap. */
int zipdir_check_members(struct zipdir *z, struct container *c, uint64_t directory, struct err *e);

#endif
