/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_pick: what an authorisation covers, as files of a package: each item's place in the index, and
 * the path that its content gets below data/.
 *
 * That path is the one in a mount. Bytes that are no UTF-8 can't stand in a bag: they are written as %XX;
 * the item's provenance has them as they were.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_EXPORT_PICK_H
#define CUSTODY_FS_EXPORT_PICK_H

#include "fs/export_sheet.h"
#include "fs/station.h"

/* Fill s->item (without digests of content), s->items and s->bytes, by path; ino[i] is the inode of item i,
 * owned by the caller. ERR_NOTFOUND: an item or accession that is named is not in the index; ERR_INDEX,
 * ERR_DAMAGED (a line of a log is not what was indexed), ERR_NOMEM. */
int export_pick(struct export_sheet *s, uint64_t **ino, struct station *st,
		const struct authorisation *a, struct err *e);

#endif
