/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit_check: what an import asks of a document beyond its form: who signed it, whether it was
 * taken before, and whether its authority saw the log that we see.
 *
 * Thread rule: for one thread. The index is caught up.
 */
#ifndef CUSTODY_FS_ADMIT_CHECK_H
#define CUSTODY_FS_ADMIT_CHECK_H

#include "crypto/note.h"
#include "fs/station.h"

/* Enough keys have signed that are not revoked. ERR_REVOKED, codes of document_check(). */
int admit_check_signatures(const struct station *s, const struct document *d, const char *namespace,
			   struct err *e);
/* ERR_REPLAYED if this node's log has the serial already. What other logs say of it does not count:
 * their nodes could use up what is meant for us. */
int admit_check_unused(const struct station *s, const uint8_t serial[16], struct err *e);
/* A new archive.txt: enough keys of the one in force have signed it that were not revoked. Codes of
 * document_check(). */
int admit_check_rotation(const struct station *s, const struct document *d, struct err *e);
/* The log that the authority saw is a beginning of the one that we see, or ERR_CHECKPOINT. */
int admit_check_checkpoint(const struct station *s, const struct note_checkpoint *cp,
			   struct err *e);

#endif
