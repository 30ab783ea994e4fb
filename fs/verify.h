/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify: fixity of a whole archive without any key: archive.txt, enrolments, every journal's form
 * and checkpoint and root, every admitted document, every segment header and every frame's SHA-256.
 * "Damaged" and "could not check" are kept apart.
 *
 * The journals say what must be there; what is there besides is only noted. Lines past the last
 * checkpoint are checked like all others, and counted as unsigned. A log that was rolled back as a
 * whole is found by what was signed of it elsewhere: by the checkpoints in admitted authorisations,
 * and by an earlier checkpoint that the caller has kept.
 *
 * Memory grows by 56 bytes an item. Thread rule: verify_run starts its own workers; callbacks come
 * one at a time, from any of them.
 */
#ifndef CUSTODY_FS_VERIFY_H
#define CUSTODY_FS_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/archive.h"

struct verify_finding {
	int code; /* of exit 4: damage (ERR_DAMAGED, ERR_FORGED, ERR_ROLLBACK); else not checked */
	bool has_item, has_segment;
	uint8_t item[16], segment[16];
	uint64_t offset, length; /* damaged range of the segment file, or of the journal */
	char text[480];		 /* one sentence */
};
struct verify_ask {
	unsigned workers;	/* 0: one a CPU */
	const char *checkpoint; /* an earlier checkpoint file the log must extend; may be NULL */
	bool quick;		/* journals and documents only, no frames */
	uint64_t sample;	/* so many items, drawn at random; 0: all */
	int64_t since_ms;	/* those taken in since then; 0: all */
	void (*finding)(void *ctx, const struct verify_finding *f);
	void (*note)(void *ctx, const char *sentence); /* not damage: unsigned tail, gaps */
	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* bytes */
	void *ctx;
};
struct verify_sum {
	uint64_t journals, events, items, segments, documents, bytes;
	uint64_t read;		  /* items whose frame was to be read */
	uint64_t unsigned_events; /* past the last checkpoint of their journal */
	uint64_t open_accessions; /* begun, never closed */
	uint64_t damaged;	  /* findings of exit 4 */
	uint64_t unchecked;	  /* could not be checked */
	/* SHA-256 over all good checkpoints' notes in the order of their node ids: one hash for the
	 * notebook. */
	uint8_t root[32];
};
/* 0 all well; ERR_DAMAGED if any damage was found; ERR_SYSTEM if something could not be checked and
 * nothing was damaged. Without a finding: ERR_FORGED, ERR_FOREIGN, ERR_MALFORMED, ERR_NOTFOUND for an
 * ask->checkpoint that can't be used; ERR_NOMEM, ERR_SYSTEM when the run can't go on. */
int verify_run(const struct archive *a, const struct verify_ask *ask, struct verify_sum *sum,
	       struct err *e);

#endif
