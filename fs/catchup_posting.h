/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catchup_posting: what a line of a journal is found by afterwards (index/posting).
 *
 * Thread rule: as the batch it works in.
 */
#ifndef CUSTODY_FS_CATCHUP_POSTING_H
#define CUSTODY_FS_CATCHUP_POSTING_H

#include "fs/catchup_event.h"

/* What the line says, and what the document says of itself that it admits. A document that is not
 * there, or not the one that was admitted, is noted as such: who asks for cases or officers looks at
 * its line too. ERR_NOMEM. */
int catchup_posting_note(struct catchup_event *w, const struct event *ev);

#endif
