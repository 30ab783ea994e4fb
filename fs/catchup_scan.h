/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catchup_scan: the first reading of a journal's new lines: how many there are that count, and
 * that their Merkle root is the one that was signed, and the one that was seen before. It leaves
 * the root at every CATCHUP_BATCH lines, so that the second reading, which applies them, need not
 * trust that the file stayed as it was.
 *
 * Thread rule: a scan belongs to one thread.
 */
#ifndef CUSTODY_FS_CATCHUP_SCAN_H
#define CUSTODY_FS_CATCHUP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "index/event.h"
#include "index/tree.h"

#define CATCHUP_BATCH 20000u

/* A root that is known. */
struct catchup_mark {
	uint64_t size;
	merkle_hash root;
};

struct catchup_scan {
	/* Asked. */
	int dirfd; /* the journal directory */
	uint8_t node[16];
	struct tree_state from;	       /* what the index has */
	struct catchup_mark signed_at; /* the checkpoint; size 0: there is none */
	struct catchup_mark seen;      /* the pin; size 0: there is none */
	struct catchup_mark own;       /* written by this process; size 0: nothing */
	/* Own lines past all of these count as far as their MAC is good; NULL: they don't. */
	struct event_key mac_key;

	/* Answered. */
	struct catchup_mark *mark; /* ascending, all past `from`; the caller frees them */
	size_t marks, cap;
};

/* Roots of size <= from.size are the caller's to compare. ERR_ROLLBACK, ERR_FORGED, ERR_SYSTEM,
 * ERR_NOMEM; the sentence names the journal. */
int catchup_scan_run(struct catchup_scan *s, struct err *e);
/* The error of a journal that contradicts what was seen before: what is wrong, which journal, and
 * what to do. Returns ERR_ROLLBACK. */
__attribute__((format(printf, 3, 4))) int
catchup_scan_rollback(const uint8_t node[16], struct err *e, const char *fmt, ...);

#endif
