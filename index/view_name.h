/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view_name: what the folders and links of the views (index/view) are called. Provenance is text from
 * outside: as a name it keeps its letters, and what could mislead a path or a terminal is written as
 * %XX: control characters, slashes, a percent sign, a dot at the beginning, spaces at both ends.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_INDEX_VIEW_NAME_H
#define CUSTODY_INDEX_VIEW_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/facts.h"

#define VIEW_NAME_DEPTH 3u /* folders below a view, above links */
#define VIEW_NAME_MAX 220u /* bytes of a folder's name */

struct view_name {
	char part[VIEW_NAME_DEPTH][VIEW_NAME_MAX + 1];
};

/* A text as one component of a path; what is long is cut, with ~ and digits of a hash behind. */
void view_name_text(char out[VIEW_NAME_MAX + 1], const char *p, size_t n);

/* 2019, 05, 31: the day of the capture. False if nothing says when that was. */
bool view_name_date(struct view_name *out, const struct facts *f);
/* 2506, 2019-05, 31; or 2506, undated, all. False without a port. */
bool view_name_port(struct view_name *out, const struct facts *f);
/* A, AB, ABC123: of reading i. False if that has no plate. */
bool view_name_plate(struct view_name *out, const struct facts *f, unsigned i);

/*
 * The names a link may go by, in the order in which it claims them:
 *   0     the item's own: "car1.jpg"
 *   1     "car1~<first 8 hex digits of its id>.jpg"
 *   2     with all 32 of them
 *   3     with "-" and the 16 of its inode number behind: nobody else's
 * All are at most RECORD_NAME_MAX bytes: what is before the ~ is cut, at a character.
 */
#define VIEW_NAME_CLAIMS 4u
void view_name_link(char out[RECORD_NAME_MAX + 1], const char *plain, const uint8_t item[16],
		    uint64_t ino, unsigned claim);

#endif
