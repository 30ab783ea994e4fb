/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repair_internal: what the parts of fs/repair share. Nobody else includes it.
 *
 *   repair.c           the run, telling, the log
 *   repair_segment.c   ranges of segments, and whole ones
 *   repair_document.c  documents/
 */
#ifndef CUSTODY_FS_REPAIR_INTERNAL_H
#define CUSTODY_FS_REPAIR_INTERNAL_H

#include "fs/backup_internal.h"
#include "fs/repair.h"

/* A document that a log has. */
struct repair_named {
	uint8_t serial[16], digest[32];
	char kind[32];
};
struct repair_run {
	struct backup b; /* of the archive: what its logs name */
	const struct archive *from;
	struct station *s;
	const struct repair_ask *ask;
	struct repair_sum *sum;
	struct repair_named *named; /* owned */
	size_t nameds;
	uint64_t total; /* bytes to look at */
	struct err *e;
};

/* What a repair is of, for the log and for people. */
struct repair_of {
	const uint8_t *item, *segment, *document; /* NULL: none */
	const char *what, *path;
	uint64_t offset, length;
	uint8_t digest[32];
};
/* Tell of it. intact: the copy has it; then it is logged that it is begun, unless it is a dry run. */
int repair_note(struct repair_run *r, const struct repair_of *of, bool intact);
/* It was written, and is intact as it was read again: log that. */
int repair_done(struct repair_run *r, const struct repair_of *of);
void repair_progress(struct repair_run *r, uint64_t bytes);

int repair_segments(struct repair_run *r);
int repair_documents(struct repair_run *r);

#endif
