/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catchup_document: what the log says of documents: admitted, used, ended.
 *
 * Thread rule: as the batch it works in.
 */
#ifndef CUSTODY_FS_CATCHUP_DOCUMENT_H
#define CUSTODY_FS_CATCHUP_DOCUMENT_H

#include "fs/catchup_state.h"
#include "fs/station.h"
#include "index/event.h"

struct catchup_document {
	struct station *st;
	struct catchup_state *s;
	const uint8_t *node; /* whose journal it is */
};

/*
 * `admitted`, `enrolled`. A revocation is looked up in documents/, and what it revokes ends here
 * and now, whether its admission is known already or not. One that this node admitted and that is
 * not there is ERR_DAMAGED: to take it away would be the way to get a release back. One that
 * another node admitted must bear signatures, and is passed over if it does not, or is not there. So
 * is any other document that another node admitted and that is not made out to it.
 */
int catchup_document_admitted(const struct catchup_document *d, const struct event *ev,
			      struct err *e);
/* `release-ended`. */
int catchup_document_ended(const struct catchup_document *d, const struct event *ev, struct err *e);
/* `opened` and `closed`. */
int catchup_document_used(const struct catchup_document *d, const struct event *ev, struct err *e);

#endif
