/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake_compare: is a file what its row of the manifest says? Asked before anything is taken in.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_INTAKE_COMPARE_H
#define CUSTODY_FS_INTAKE_COMPARE_H

#include "fs/manifest.h"
#include "fs/source.h"

/* Told after each piece that was read, of n bytes; non-zero ends the comparison and is returned. */
typedef int intake_compare_tick(void *ctx, size_t n, struct err *e);

/* Compare the size and, if the row has a digest, all bytes of the member that the source has just
 * given; its fd, where it has one, is left open. ERR_DAMAGED names the file, the line and what differs; ERR_SYSTEM if it can't be
 * read. */
int intake_compare(struct source *s, const struct source_member *m, const struct manifest_row *row,
		   intake_compare_tick *tick, void *ctx, struct err *e);
/* SHA-256 of that member; the same for its fd. ERR_SYSTEM, ERR_NOMEM, and what tick returns. */
int intake_compare_digest(uint8_t sha256[32], struct source *s, const struct source_member *m,
			  intake_compare_tick *tick, void *ctx, struct err *e);

#endif
