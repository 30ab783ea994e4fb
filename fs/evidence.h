/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence: what a node shows when an archive contradicts what it saw before: for each such log the
 * checkpoint it kept and the one that is there, both signed by the node that writes the log, and,
 * where both can't be of one log, the proof of it. Anybody can check that without the archive; and it
 * is what an authority is asked to accept a restore with. See custodyfs-format(5), "Evidence".
 *
 * Thread rule: pure, but for evidence_make().
 */
#ifndef CUSTODY_FS_EVIDENCE_H
#define CUSTODY_FS_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/merkle.h"
#include "crypto/note.h"
#include "fs/roster.h"

#define EVIDENCE_TITLE "custodyfs-evidence/v1"
#define EVIDENCE_MAX (32u << 20)
#define EVIDENCE_LOGS_MAX 4096u

struct evidence_log {
	uint8_t node[16];		/* who writes it */
	bool fork;			/* else a rollback: what is there is only less */
	struct text_span seen, present; /* the signed notes; present.n 0: no checkpoint is there */
	struct note_checkpoint seen_at, present_at; /* what they say; size 0, root of nothing */
	/* A fork of two sizes: the tree of the larger one has this root at the size of the smaller
	 * one, which says another; and the proof that leads from there to the larger one's root. */
	merkle_hash prefix;
	merkle_hash proof[MERKLE_PROOF_MAX];
	size_t hashes;
};

struct evidence {
	struct wire_out bytes; /* owned: the file */
	uint8_t archive[16];
	uint8_t node[16]; /* who saw it */
	int64_t issued_ms;
	struct evidence_log *log; /* owned; their notes point into bytes */
	size_t logs;
};
void evidence_free(struct evidence *v); /* zeroed is fine */

/* Append an evidence file, signed by id. */
int evidence_text(struct wire_out *out, const struct evidence *v, const struct identity *id,
		  struct err *e);
/* The keys of a node: 0, ERR_NOT_ENROLLED, ... */
typedef int evidence_find_node(void *ctx, const uint8_t node[16], struct roster_node *out);
/* Parse, and check all signatures and proofs. v->archive is set when find_node is called. ERR_FOREIGN,
 * ERR_NEWER, ERR_MALFORMED, ERR_FORGED, codes of find_node. On failure *v is empty. */
int evidence_parse(struct evidence *v, const void *p, size_t n, evidence_find_node *find_node,
		   void *ctx, struct err *e);

struct station;
/* Hold the archive against what this node saw, and write down what contradicts it; *found says how
 * much. The station is opened with STATION_LOOK_BACK. ERR_NOTFOUND: nothing does. ERR_FORGED: lines
 * of a log are not those its own checkpoint signs, which is damage, and proves nothing against the
 * node that signed. */
int evidence_make(struct wire_out *out, struct station *s, int64_t now_ms, struct evidence *found,
		  struct err *e);

#endif
