/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zipdir: the directory of a zip (APPNOTE.TXT 6.3), held against the rest of the file. Readers of zip
 * differ in whether they believe the directory or the headers before the members; here both must
 * say the same, members must not overlap, and every byte must belong to something.
 *
 * Thread rule: for one thread at a time.
 */
#ifndef CUSTODY_FS_ZIPDIR_H
#define CUSTODY_FS_ZIPDIR_H

#include "fs/container.h"

struct zipdir_entry {
	char *name; /* the directory's bytes, or the Unicode path that replaces them */
	uint64_t offset, size, packed;
	uint32_t crc;
	uint16_t flags, method;
	uint16_t dos_time, dos_date; /* in nobody knows which zone */
	bool has_utc;		     /* libarchive knows the time better than these */
};

struct zipdir {
	struct zipdir_entry *entry; /* by offset */
	size_t n;
};

/*
 * Zero-initialised. max: so many entries are enough, 0 for no bound. ERR_MALFORMED: no zip, or one
 * that contradicts itself; ERR_DAMAGED: bytes before, between or behind what belongs to it;
 * ERR_UNSUPPORTED: encrypted, split, or packed by a method that is not known here.
 */
int zipdir_read(struct zipdir *z, struct container *c, uint64_t max, struct err *e);
void zipdir_free(struct zipdir *z);

#endif
