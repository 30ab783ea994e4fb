/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bag_internal: what the two files of bag share: tag files (bag.c) and manifests (bag_manifest.c).
 *
 * Thread rule: as fs/bag.h.
 */
#ifndef CUSTODY_FS_BAG_INTERNAL_H
#define CUSTODY_FS_BAG_INTERNAL_H

#include "crypto/text.h"
#include "fs/bag.h"

/* A line of a manifest. */
struct bag_entry {
	char *path;
	uint8_t alg;
	bool tag, seen;
	unsigned number;
	uint8_t digest[DIGEST_SIZE_MAX];
};

struct bag {
	const char *version;
	bool v1;
	bool has_oxum;
	uint64_t oxum_bytes, oxum_files;
	unsigned algs[2];	/* bits; of payload manifests, of tag manifests */
	struct bag_entry *line; /* sorted by path once bag_ready() */
	size_t n, cap;
	uint64_t bytes, files; /* of payload that was seen */
};

/* "<path>, line <line>: <why>"; line 0: none. */
__attribute__((format(printf, 5, 6))) int
bag_bad(enum err_code code, struct err *e, const char *path, unsigned line, const char *fmt, ...);

/* Lines that end in LF, CR or both; the last need not. */
struct bag_lines {
	const char *p;
	size_t left;
	unsigned number; /* of the line last given, from 1 */
};
struct bag_lines bag_lines(const char *p, size_t n);
bool bag_line(struct bag_lines *l, struct text_span *line);

int bag_manifest_read(struct bag *b, const char *path, int alg, bool tag, const char *p, size_t n,
		      struct err *e);

#endif
