/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in_force: was a document signed as archive.txt asked where it was admitted? The version in force
 * there is the one before the first version that the log admits behind it. A log that admits none has
 * not met the newest yet, or is of a node that goes on with keys that are out: what the newest
 * version's keys do not sign can't be judged by it, and so counts for nothing, whatever date it bears.
 * And a key signs nothing behind the line by which that log admits its revocation.
 *
 * Thread rule: for one thread; opens a read transaction of its own.
 */
#ifndef CUSTODY_FS_IN_FORCE_H
#define CUSTODY_FS_IN_FORCE_H

#include "fs/archive_history.h"
#include "fs/roster.h"
#include "index/db.h"

/* All borrowed; db is a node's index, caught up. */
struct in_force {
	const struct archive *archive;
	const struct archive_history *history; /* loaded for it */
	const struct roster *roster;	       /* the same: what was revoked */
	struct db *db;
};

/* By the keys of the version in force where the log of `node` admits this document, of these very
 * bytes; where it is NULL, where some log does. A document that enough keys of the newest version sign
 * that nobody has revoked is good without a look at the logs. ERR_UNSUPPORTED: it can't be judged. Else
 * codes of document_check() by the newest version; ERR_INDEX, ERR_DAMAGED (a line is not what was logged), ERR_NOMEM. */
int in_force_check(const struct in_force *f, const struct document *d, const char *namespace,
		   const uint8_t serial[16], const uint8_t *node, struct err *e);

#endif
