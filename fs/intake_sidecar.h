/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake_sidecar: sidecars among the files of an intake: what they say is kept in the survey, and the
 * images that lie in them can be taken in as items of their own.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_INTAKE_SIDECAR_H
#define CUSTODY_FS_INTAKE_SIDECAR_H

#include "fs/ingest.h"
#include "fs/intake_record.h"
#include "fs/sidecar.h"

/* Look at a file, whose name and size (SIDECAR_BYTES_MAX) are worth it. A sidecar that can't be read is
 * told to unread, as field `sidecar`, and is a file like others. ERR_NOMEM. */
int intake_sidecar_look(struct sidecars *s, const char *path, const void *p, size_t n,
			provenance_unread *unread, void *ctx, struct err *e);
/* Take the images in a sidecar in, as "<its path>.<name>.jpg": each derived from it, with what it says.
 * ask is that of the sidecar. */
int intake_sidecar_extract(struct ingest *g, const struct intake_record_ask *ask, const void *p,
			   size_t n, struct err *e);

#endif
