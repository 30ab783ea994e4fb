/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout: the files that an archive is made of, by name. Whoever copies an archive copies these and
 * nothing else: a node's directory, a key, or a file that somebody put between them is not one.
 * See custodyfs-format(5), "Archive directory".
 *
 * Thread rule: stateless.
 */
#ifndef CUSTODY_FS_LAYOUT_H
#define CUSTODY_FS_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"

enum layout_part { LAYOUT_JOURNAL, LAYOUT_SEGMENTS, LAYOUT_DOCUMENTS };

#define LAYOUT_PATH_MAX 96
struct layout_file {
	const char *path; /* below the archive's directory */
	const char *name; /* its last component */
	const char *kind; /* what is behind the dot: "jsonl", "seg", "enrolment" */
	uint8_t id[16];
};
/* Call each() for every file of a part of the archive at `dir`, in order of names, until it returns
 * non-zero, which is returned. Names alone are looked at; of documents layout_document() judges the
 * content. ERR_NOTFOUND if there is no such part, ERR_SYSTEM, ERR_NOMEM. */
int layout_walk(int dir, enum layout_part part, int (*each)(void *ctx, const struct layout_file *f),
		void *ctx, struct err *e);
/* Do these bytes begin as a document of this kind does? */
bool layout_document(const char *kind, const void *p, size_t n);

#endif
