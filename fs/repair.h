/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repair: what is damaged in an archive replaced by what a copy of it has intact. Intact means: of the
 * digest that the log has, as read from the copy, and read again from the archive when it is there.
 * Ranges that are as logged are never written to; nothing is dropped, and nothing is filled up: what the
 * copy does not have intact either stays as it is, and is told of.
 *
 * Each repair is in the log of the node that does it before it is done, as begun, and again when what was
 * written has been read back.
 *
 * Of logs it can't make anything: a log that is not what its checkpoint signs is restored with its
 * archive. Thread rule: one thread; callbacks come from it.
 */
#ifndef CUSTODY_FS_REPAIR_H
#define CUSTODY_FS_REPAIR_H

#include "fs/backup.h"
#include "fs/station.h"

#define REPAIR_BEGUN ", begun" /* end of `what` in the first of the two events */

struct repair_told {
	struct verify_finding at; /* what is damaged; code ERR_DAMAGED */
	bool mended;		  /* or would be: there is an intact copy */
};
struct repair_ask {
	bool dry_run;
	uint32_t uid;
	const char *user;
	void (*told)(void *ctx, const struct repair_told *t);
	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* bytes */
	void *ctx;
};
struct repair_sum {
	uint64_t items, bytes; /* that were looked at */
	uint64_t mended, mended_bytes;
	uint64_t left; /* damaged, and not to be had from the copy */
};
/* a: the archive, s->archive as a rule; s: a station with its journal, NULL for a dry run. ERR_DAMAGED:
 * something is left, or (dry run) is damaged; ERR_FOREIGN: the copy is of another archive; of a log:
 * ERR_DAMAGED, ERR_ROLLBACK, ERR_FORGED, and nothing was done. */
int repair_run(const struct archive *a, const struct archive *from, struct station *s,
	       const struct repair_ask *ask, struct repair_sum *sum, struct err *e);

#endif
