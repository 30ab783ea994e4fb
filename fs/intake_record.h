/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake_record: the provenance that fs/intake knows of a file: what the system says of it, who takes
 * it in from where, and its row of the manifest.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_INTAKE_RECORD_H
#define CUSTODY_FS_INTAKE_RECORD_H

#include "fs/archive.h"
#include "fs/exif.h"
#include "fs/manifest.h"
#include "fs/provenance.h"
#include "fs/sidecar.h"
#include "fs/source.h"

struct intake_record_ask {
	const char *host, *user, *name; /* name: of the source, as given */
	const struct source *source;	/* NULL: it knows nothing more of its members */
	const struct source_member *member;
	const uint8_t *start; /* of the content: EXIF_START bytes, or fewer if there are no more */
	size_t start_n;
	const char *path;
	const struct manifest *manifest; /* may be NULL, as row */
	const struct manifest_row *row;
	struct sidecars *sidecars; /* may be NULL */
	/* The sidecar that holds the item, an image in it; else NULL. role: what it shows, or NULL. */
	const struct sidecar *holder;
	const char *role;
	const struct record *meta;	/* may be NULL: meta.* fields */
	const struct moment_zone *zone; /* of local times; may be NULL */
	provenance_unread *unread;	/* may be NULL */
	void *ctx;
};

/* A new record: media-type, mode, mtime, source, ingest-user, what the source knows, and what fs/provenance makes of the
 * manifest's row, the sidecars that speak of it, EXIF and meta, whose meta.* themselves fs/ingest adds.
 * A sidecar's own record has what it says too, from the source "content". */
int intake_record_make(struct record **out, const struct intake_record_ask *ask, struct err *e);
/* Has it what the archive asks of every item? ERR_LACKING names what it has not, after the path. */
int intake_record_require(const struct archive_desc *d, const char *path, const struct record *r,
			  struct err *e);

#endif
