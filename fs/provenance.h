/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provenance: what several sources say of one item becomes one record. Each source's claims are a
 * record of its own, of bare names ("plate_text"); they are added in order of precedence: manifest,
 * sidecars, EXIF, --meta. The first to say a field (index/field) gives it its value, in the form
 * that the field has: times in UTC, confidences as fractions. What a source says of no field, what
 * can't be brought into that form, and what contradicts a better source is kept as it stands under
 * the source's prefix; where the form is another than the words, the words are kept there too. The
 * field `origins` says which source each field came from. Nothing a source said is lost, and no zone
 * is guessed.
 *
 * Thread rule: as fs/moment.
 */
#ifndef CUSTODY_FS_PROVENANCE_H
#define CUSTODY_FS_PROVENANCE_H

#include "fs/moment.h"
#include "index/field.h"

#define PROVENANCE_CLAIM_MAX 50 /* bytes of a name in claims: a prefix fits before it */

struct provenance;

/* r gets the fields, and is borrowed. zone may be NULL: local times then stay local. ERR_NOMEM. */
int provenance_new(struct provenance **out, struct record *r, const struct moment_zone *zone);
/* What `source` says ("manifest"): [a-z0-9]{1,12}. percent: its confidences are of a hundred; else
 * those above 1 are. Told to `unread`, which may be NULL: a field whose value can't be read as one.
 * ERR_NOMEM when the record is full. */
typedef void provenance_unread(void *ctx, const char *name, struct text_span value,
			       const char *why);
int provenance_add(struct provenance *p, const char *source, const struct record *claims,
		   bool percent, provenance_unread *unread, void *ctx);
/* Adds `origins`. */
int provenance_end(struct provenance *p);
void provenance_free(struct provenance *p); /* NULL is fine */

#endif
