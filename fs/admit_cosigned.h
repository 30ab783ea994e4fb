/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit_cosigned: the import of a cosigned checkpoint: is it of a log of this archive as we see it, and
 * cosigned by a witness that archive.txt names? Journalled, then put beside the journal.
 *
 * Thread rule: for one thread. The index is caught up, and import.lock is held.
 */
#ifndef CUSTODY_FS_ADMIT_COSIGNED_H
#define CUSTODY_FS_ADMIT_COSIGNED_H

#include "fs/admit.h"

#define ADMIT_COSIGNED_START "custodyfs/" /* of a note of a node's log */

/* Fills r->kind, node, size, witness, cosigned_ms, already. ERR_ROLLBACK: the log here is not the one
 * that was cosigned; ERR_WRONG_KEY: no witness that counts has cosigned it; ERR_WRONG_ARCHIVE,
 * ERR_NOT_ENROLLED, codes of cosigned_check(). *beyond is set when what fails then is no fault of the
 * note. */
int admit_cosigned(struct station *s, struct text_span note, uint32_t uid, const char *user,
		   struct admit_result *r, bool *beyond, struct err *e);

#endif
