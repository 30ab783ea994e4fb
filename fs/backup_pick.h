/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_pick: the segments that some items lie in, by the journals of an archive. Names are opened item
 * by item, without an index: there is none of a copy.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_FS_BACKUP_PICK_H
#define CUSTODY_FS_BACKUP_PICK_H

#include "fs/station.h"

enum backup_pick_kind {
	BACKUP_PICK_ACCESSION,
	BACKUP_PICK_ITEM,
	BACKUP_PICK_COLLECTION,
	BACKUP_PICK_PATH
};

struct backup_pick {
	enum backup_pick_kind kind;
	uint8_t id[16];	  /* of an accession or item */
	const char *name; /* of a collection; "collection/dir/file" */
	uint64_t found;	  /* items, once they are looked for */
};
/* Sets found of each, and gives the segments, ascending; free(*segment). s is needed for names alone,
 * and only its keys are used. ERR_NOMEM, ERR_SYSTEM. */
int backup_pick_segments(struct backup_pick *pick, size_t n, const struct archive *a,
			 struct station *s, uint8_t (**segment)[16], size_t *segments,
			 struct err *e);

#endif
