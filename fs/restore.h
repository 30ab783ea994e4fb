/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore: "accept this restore". A restore from a backup looks like an attack: logs are shorter than
 * they were, or go on in another way. What tells the two apart is a document that officers signed for
 * one node: from which checkpoints, that the node had pinned, to which it may go back, and which
 * revocations must be there for it. See custodyfs-format(5), "Accepted restore".
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_RESTORE_H
#define CUSTODY_FS_RESTORE_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/note.h"
#include "fs/authorisation.h"
#include "fs/document.h"
#include "fs/node.h"

#define RESTORE_TITLE "custodyfs-restore/v1"

struct restore_log {
	uint8_t node[16];			 /* whose log; of both origins */
	struct note_checkpoint pinned, accepted; /* accepted.size 0: nothing of it is left */
};
struct restore_revocation {
	uint8_t serial[16];
	uint8_t text[32]; /* SHA-256 of what is signed of it */
};
struct restore {
	uint8_t archive[16], serial[16], node[16];
	int64_t issued_ms;
	struct restore_log *log; /* owned */
	size_t logs;
	struct restore_revocation *revocation; /* owned */
	size_t revocations;
	char reason[AUTHORISATION_TEXT_MAX];
};
void restore_free(struct restore *r); /* zeroed is fine */
void restore_text(struct wire_out *out, const struct restore *r);
/* ERR_FOREIGN, ERR_NEWER, ERR_MALFORMED; on failure *r is empty. */
int restore_parse(struct restore *r, const struct document *d, struct err *e);

struct station;
/*
 * Take such a document: `custody import`. s is opened with STATION_LOOK_BACK, and is to be closed
 * afterwards: the index is made anew by whoever opens it next. Checked are form, archive, node, that
 * it was not used before, signatures; that this node's pins are those it names; that each log has what
 * it accepts, and all others what was pinned; and that the revocations are in documents/. Then the
 * acceptance is in the node's log, durably, before the pins change. What was authorised before it was
 * issued is over for this node. ERR_WRONG_ARCHIVE, ERR_WRONG_NODE, ERR_REPLAYED, codes of
 * document_check(), ERR_CHECKPOINT (the node's pins are others), ERR_ROLLBACK (the archive is not
 * what is accepted), ERR_DAMAGED (a revocation is missing), ERR_BUSY while it is mounted.
 */
int restore_accept(struct station *s, const struct document *d, uint32_t uid, const char *user,
		   struct restore *r, struct err *e);

#endif
