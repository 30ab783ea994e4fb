/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cosigned: a journal's checkpoint that witnesses have cosigned (C2SP tlog-cosignature), kept beside
 * it as journal/<node id>.cosigned: the longest one that was brought back. A witness signs no log that
 * contradicts what it signed before, so whoever turned a journal back or forked it can't have one.
 * Which witnesses count is said by archive.txt.
 *
 * Thread rule: pure, but for reading and storing.
 */
#ifndef CUSTODY_FS_COSIGNED_H
#define CUSTODY_FS_COSIGNED_H

#include "crypto/identity.h"
#include "fs/archive.h"

#define COSIGNED_MAX (64u << 10) /* bytes of a note */

struct cosigned {
	struct note_checkpoint cp;
	struct cosigned_by {
		size_t witness; /* number of desc.witness */
		uint64_t time;	/* s since 1970 */
	} by[ARCHIVE_WITNESSES_MAX];
	size_t n;	 /* witnesses whose cosignature is good */
	unsigned others; /* signature lines of nobody that is known */
};

/* The earliest time at which one of them saw it, in ms. c->n is not 0. */
int64_t cosigned_ms(const struct cosigned *c);
/*
 * Check a note: its checkpoint is of this node's journal, signed by the node, and every line of a
 * witness is good. c->n may come out as 0. ERR_MALFORMED, ERR_FOREIGN (another log), ERR_FORGED.
 */
int cosigned_check(struct cosigned *c, struct text_span note, const struct archive_desc *desc,
		   const struct identity_public *node, struct err *e);
/* Read and check the one beside a journal, bytes to `note` if not NULL; c->n is not 0. ERR_NOTFOUND
 * if there is none, or only others than archive.txt names have cosigned it (witnesses of before, maybe:
 * then c->cp is what they saw, c->n 0); ERR_FORGED if nobody has; codes of cosigned_check(). */
int cosigned_read(struct cosigned *c, struct wire_out *note, const struct archive *a,
		  const struct identity_public *node, struct err *e);
/* Put a note there durably. */
int cosigned_store(const struct archive *a, const uint8_t node[16], struct text_span note,
		   struct err *e);
/* Append note a, and those signature lines of b by whom there is none in a. They have the same text. */
void cosigned_merge(struct wire_out *out, struct text_span a, struct text_span b);
/* Cut the first note off *text, which has one or more, each behind the other, with or without an empty
 * line between. False if it does not begin with something of a note's shape. */
bool cosigned_next(struct text_span *text, struct text_span *note);

#endif
