/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_tree: a folder with all that is in it.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_FS_BACKUP_TREE_H
#define CUSTODY_FS_BACKUP_TREE_H

#include "crypto/err.h"

/* Remove it; links are removed, and not followed. What is not there is fine. */
int backup_tree_remove(int dir, const char *name, struct err *e);
/* fsync the folder and those in it; files are the business of who wrote them. */
int backup_tree_sync(int dir, struct err *e);

#endif
