/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness_ask: what a witness is asked to cosign: the body of a C2SP tlog-witness add-checkpoint
 * request, which here travels as a file: how much of the log the witness cosigned last, the proof that
 * this is a beginning of the log as it is now, and the log's checkpoint.
 *
 *   old <size>
 *   <base64 of a hash>       0 to 63 lines
 *
 *   <the signed checkpoint>
 *
 * A file has one or more of them, each behind the other.
 *
 * Thread rule: pure, but for witness_ask_make(), which is as index/db.
 */
#ifndef CUSTODY_FS_WITNESS_ASK_H
#define CUSTODY_FS_WITNESS_ASK_H

#include "crypto/merkle.h"
#include "crypto/note.h"
#include "fs/station.h"

#define WITNESS_ASK_HASHES 63
#define WITNESS_ASK_MAX (16u << 20) /* bytes of a file of them */

struct witness_ask {
	uint64_t old;
	merkle_hash hash[WITNESS_ASK_HASHES];
	size_t hashes;
	struct text_span note; /* borrowed */
};

/* Cut the first one off *text. ERR_MALFORMED. */
int witness_ask_next(struct witness_ask *a, struct text_span *text, struct err *e);
/* Append one. */
void witness_ask_text(struct wire_out *out, uint64_t old, const merkle_hash *hash, size_t hashes,
		      struct text_span note);

/* What witness_ask_make() made. */
struct witness_asked {
	uint64_t old;
	struct note_checkpoint cp;
};
/* Append one for the journal of an enrolled node, as its checkpoint is now. *old: the size that the
 * witness cosigned last; NULL: that of the checkpoint beside the journal. ERR_NOTFOUND: the node has
 * signed no checkpoint; ERR_USAGE: *old is more than it has; ERR_ROLLBACK: the journal is shorter than
 * what was cosigned, or another; ERR_BUSY: the index is behind. */
int witness_ask_make(struct wire_out *out, struct witness_asked *asked, struct station *s,
		     const struct roster_node *n, const uint64_t *old, struct err *e);

#endif
