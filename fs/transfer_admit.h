/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer_admit: may a release or a receipt be admitted by this node? What an import asks of them
 * beyond their form.
 *
 * Thread rule: for one thread. The index is caught up.
 */
#ifndef CUSTODY_FS_TRANSFER_ADMIT_H
#define CUSTODY_FS_TRANSFER_ADMIT_H

#include "fs/station.h"
#include "fs/transfer.h"

/*
 * A release: its officers' keys are not revoked, its serial is new here, and the logs that it names
 * are the beginnings of ours. ERR_WRONG_ARCHIVE, ERR_REPLAYED, ERR_CHECKPOINT, ERR_REVOKED, codes of
 * transfer_check_release(). *r is filled in either case where it parses, for messages.
 */
int transfer_admit_release(struct transfer_release *r, const struct station *s,
			   const struct document *d, struct err *e);
/*
 * A receipt: its release was admitted here and has no other receipt, its serial is new, and our own
 * log is not shorter than whoever signed it saw, nor any log another one. ERR_NOT_COVERED (no such
 * release was admitted), codes of transfer_check_receipt().
 */
int transfer_admit_receipt(struct transfer_receipt *r, const struct station *s,
			   const struct document *d, struct err *e);
/* The admitted release of this serial, and the digest of its document. ERR_NOT_COVERED: this node's
 * log has none; ERR_REPLAYED: it has a receipt already; ERR_DAMAGED: documents/ has not the one that
 * was admitted. */
int transfer_admitted(struct transfer_release *r, uint8_t digest[32], const struct station *s,
		      const uint8_t serial[16], struct err *e);

#endif
