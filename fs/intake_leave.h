/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake_leave: what an intake leaves out, and why: told to who asked, passed over when the sources are
 * read again, and, of an ingest that is partial on purpose, sealed with the accession.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_INTAKE_LEAVE_H
#define CUSTODY_FS_INTAKE_LEAVE_H

#include <stdbool.h>

#include "crypto/err.h"
#include "crypto/wire.h"

/* Where the list lies in the collection. */
#define INTAKE_LEAVE_PATH ".custody-left-out.jsonl"

struct intake_leave;
int intake_leave_new(struct intake_leave **out);
void intake_leave_free(struct intake_leave *l); /* NULL is fine */
/* `why` is the end of a sentence. file: it is a file that is there, and to be passed over. ERR_NOMEM. */
int intake_leave_add(struct intake_leave *l, const char *source, const char *path, const char *why,
		     bool file);
/* Is it to be passed over? */
bool intake_leave_has(struct intake_leave *l, const char *source, const char *path);
/* JSON Lines, in the order in which they were added: source, path (path_hex where it is not UTF-8),
 * why. ERR_NOMEM. */
int intake_leave_text(const struct intake_leave *l, struct wire_out *out);
bool intake_leave_empty(const struct intake_leave *l);

#endif
