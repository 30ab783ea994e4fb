/* SPDX-License-Identifier: Apache-2.0 */
/*
 * baglist: what writers of bags, and readers of our own packages, need of BagIt 1.0 (RFC 8493), where
 * fs/bag reads those of others: the names of tag files, how paths
 * stand in a manifest, and a manifest as a list.
 *
 * In a manifest of version 1.0 a path has LF, CR and '%' as %0A, %0D and %25; all other bytes stand
 * for themselves. Before 1.0 '%' stood for itself too.
 *
 * Thread rule: pure; a list belongs to one thread.
 */
#ifndef CUSTODY_FS_BAGLIST_H
#define CUSTODY_FS_BAGLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/text.h"
#include "crypto/wire.h"

#define BAGLIST_DECLARATION "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
#define BAGLIST_TXT "bagit.txt"
#define BAGLIST_INFO "bag-info.txt"
#define BAGLIST_MANIFEST "manifest-sha256.txt"
#define BAGLIST_TAGMANIFEST "tagmanifest-sha256.txt"
#define BAGLIST_PAYLOAD "data/"
#define BAGLIST_PATH_MAX \
	4200u /* bytes of a path below a bag: of a record's, and the payload folder's */

/* Append the path as it stands in a manifest of version 1.0. */
void baglist_path_encode(struct wire_out *out, const void *p, size_t n);
/* Append the path that stands in a manifest so. False, and nothing is appended, for a '%' that is not
 * one of the three: hex digits of either case, as the standard has it. */
bool baglist_path_decode(struct wire_out *out, struct text_span encoded);
/* Relative, of UTF-8 without NUL; no component is empty, ".", ".." or longer than 255 bytes; the first
 * does not begin with '~'; BAGLIST_PATH_MAX bytes at most. */
bool baglist_path_ok(const void *p, size_t n);

struct baglist_file {
	char *path; /* owned; below the bag's folder, decoded */
	uint8_t sha256[32];
	uint64_t size;
};
/* Zero-initialise it. */
struct baglist {
	struct baglist_file *file; /* owned */
	size_t n, cap;
	bool sorted; /* by path */
};
void baglist_free(struct baglist *l);
/* Copies the path. ERR_NOMEM. */
int baglist_add(struct baglist *l, const char *path, size_t n, const uint8_t sha256[32],
		uint64_t size);
/* Sort by path. The first path that stands twice, or NULL. */
const char *baglist_sort(struct baglist *l);
/* In a sorted list; NULL if it is not there. */
struct baglist_file *baglist_find(const struct baglist *l, const char *path);
/* Append the lines of a manifest, in the list's order. */
void baglist_text(struct wire_out *out, const struct baglist *l);
/* Read a manifest of version 1.0 into an empty list, sorted, sizes 0: lines of 64 hex digits of either
 * case, white space, a path, LF. ERR_MALFORMED names the line, or the path that stands twice; `name` is
 * the manifest's. */
int baglist_parse(struct baglist *l, struct text_span text, const char *name, struct err *e);

#endif
