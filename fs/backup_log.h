/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_log: one journal for a backup: how far it is to be copied, and the proof that it is the one
 * that the backup has, grown. The compact range of the tree at the backup's checkpoint and the lines
 * behind it lead to the root that the archive's checkpoint signs: a consistency proof (RFC 9162,
 * section 2.1.4) whose hashes are the lines themselves. What is not signed yet is compared byte by
 * byte. The lines before are not read.
 *
 * Whole lines are taken, as many as are durable now: of what a crash can still take back, nothing.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_FS_BACKUP_LOG_H
#define CUSTODY_FS_BACKUP_LOG_H

#include "fs/archive.h"
#include "fs/backup_state.h"
#include "fs/roster.h"
#include "index/event.h"

struct backup_log {
	uint8_t node[16];
	int fd;			    /* the archive's, for reading */
	uint64_t old_bytes;	    /* what the backup has of it */
	uint64_t bytes, lines;	    /* what it is to have */
	uint64_t fresh;		    /* lines that are new to it */
	struct backup_mark from;    /* where reading began */
	struct backup_mark mark;    /* at its checkpoint */
	merkle_hash root;	    /* over all its lines */
	struct wire_out checkpoint; /* the notes beside it, verbatim; empty: there is none */
	struct wire_out cosigned;
};
struct backup_log_ask {
	const struct archive *a;
	const struct roster *roster;
	int before;			/* journal/ of the backup, -1: there is none */
	const struct backup_mark *mark; /* of its state; NULL: read from the beginning */
	bool all;			/* tell of lines that the backup has, too */
	/* Told of each line that is new; 0, or a code that ends it. */
	int (*line)(void *ctx, const struct event *ev, struct err *e);
	void *ctx;
};
/* Read it and prove it. ERR_ROLLBACK: it is shorter than the backup, or another. ERR_DAMAGED,
 * ERR_FORGED, ERR_MALFORMED, ERR_FOREIGN: it, or the backup's, is not what its checkpoint says. The
 * sentence says which. backup_log_free() *l in any case. */
int backup_log_read(struct backup_log *l, const struct backup_log_ask *ask, const uint8_t node[16],
		    struct err *e);
/* Is the copy in this journal/ folder what was read? ERR_DAMAGED. */
int backup_log_check(const struct backup_log *l, int dirfd, struct err *e);
void backup_log_free(struct backup_log *l);

#endif
