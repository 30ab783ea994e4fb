/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup: an archive kept a second time, generation by generation, without a key. Journals first, then
 * the segments as far as those name them, then documents and archive.txt: so a backup that is taken
 * while evidence is taken in is an archive of its own. Each generation is proved to be the one before
 * it, grown; nothing that a generation has is ever changed. What was written is read back.
 *
 * Thread rule: one thread; callbacks come from it.
 */
#ifndef CUSTODY_FS_BACKUP_H
#define CUSTODY_FS_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/archive.h"
#include "fs/backup_dest.h"
#include "fs/verify.h"

struct backup_ask {
	uint64_t keep; /* generations to keep, 0: all */
	bool dry_run;
	void (*finding)(void *ctx,
			const struct verify_finding *f); /* of the archive: it is damaged */
	void (*note)(void *ctx, const char *sentence);
	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* bytes */
	void *ctx;
};
struct backup_sum {
	bool fresh;			  /* there was something new */
	bool made;			  /* and a generation was made of it */
	bool resumed;			  /* one that was begun before was gone on with */
	char generation[BACKUP_NAME_MAX]; /* the last one there is */
	uint64_t journals, events, segments, documents;
	uint64_t new_events, new_documents, new_bytes; /* bytes: of segments */
	uint64_t checked;			       /* frames that were read back */
	uint64_t removed;			       /* generations */
	uint64_t damaged;			       /* findings */
};
/* 0; ERR_DAMAGED: the generation was made, and not all in the archive was as logged: what the backup
 * had of it, it has still. Without one: ERR_ROLLBACK (the archive is shorter than the backup, or
 * another: refused), ERR_DAMAGED, ERR_FORGED and kin (of journals), codes of backup_dest_open(),
 * ERR_SYSTEM (begun; the next run goes on). */
int backup_run(const struct archive *a, const char *dest, const struct backup_ask *ask,
	       struct backup_sum *sum, struct err *e);

/* The same as a tar stream (pax) to a descriptor: journals, segments, documents, and archive.txt at its
 * end, so that half a stream is no archive. What was sent is checked as it lies in the archive. Names
 * are those in the archive's directory. Of ask, dry_run and keep do not count. Codes as above, where
 * ERR_DAMAGED leaves a whole stream if sum->made. */
int backup_stream(const struct archive *a, int fd, const struct backup_ask *ask,
		  struct backup_sum *sum, struct err *e);

/* What there is to copy, in an order that is safe: journals first. To be safe while the archive grows,
 * the journals must have been copied before the rest is listed. */
enum backup_list { BACKUP_LIST_ALL, BACKUP_LIST_JOURNALS, BACKUP_LIST_REST };
int backup_list(const struct archive *a, enum backup_list what,
		int (*each)(void *ctx, const char *path), void *ctx, struct err *e);

#endif
