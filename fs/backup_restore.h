/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_restore: an archive put back from a copy of it, a generation of a backup as a rule. All of it,
 * or its logs and documents and some of its segments. It is made beside its place, as
 * <path>.partial, and gets its name when all of it is durable and was read back: half a restore is no
 * archive, and the next run goes on with it.
 *
 * A node that has seen more than the copy has refuses the restored archive, until officers accept that
 * (fs/restore).
 *
 * Thread rule: one thread; callbacks come from it.
 */
#ifndef CUSTODY_FS_BACKUP_RESTORE_H
#define CUSTODY_FS_BACKUP_RESTORE_H

#include "fs/backup.h"

struct backup_restore_ask {
	struct backup_ask tell;	      /* its callbacks, and dry_run */
	const uint8_t (*segment)[16]; /* these alone, ascending; NULL: all */
	size_t segments;
};
/* path is not there, or an empty folder. 0; ERR_DAMAGED: it was restored, and not all of the copy is as
 * logged. Else nothing was: ERR_EXISTS, ERR_FOREIGN (<path>.partial is something else), ERR_BUSY, codes
 * of backup_run(). */
int backup_restore(const struct archive *from, const char *path,
		   const struct backup_restore_ask *ask, struct backup_sum *sum, struct err *e);

#endif
