/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fs/sidecar_parse.c and the two readers of its formats share. Not for others.
 */
#ifndef CUSTODY_FS_SIDECAR_INTERNAL_H
#define CUSTODY_FS_SIDECAR_INTERNAL_H

#include "crypto/text.h"
#include "fs/sidecar_parse.h"

int sidecar_autovu(struct sidecar_read *r, const void *p, size_t n, bool images, struct err *e);
int sidecar_openalpr(struct sidecar_read *r, const void *p, size_t n, bool images, struct err *e);

/* A claim of the n-th reading, from 1; empty values and claims that are there already are passed over.
 * Values that no record can hold (NUL) are left out: they are in the sidecar. ERR_NOMEM. */
int sidecar_claim(struct sidecar_read *r, const char *name, unsigned reading, struct text_span v);
int sidecar_claim_text(struct sidecar_read *r, const char *name, unsigned reading, const char *v);
/* Copied; empty ones are passed over, and those past the bound. */
int sidecar_id(struct sidecar_read *r, struct text_span id);
/* Does the text look like an image in Base64? By its first digits. */
bool sidecar_is_image(struct text_span base64);
/* Count an image and, if wanted, decode it: white space between digits is passed over. ERR_MALFORMED when
 * there are too many. */
int sidecar_add_image(struct sidecar_read *r, const char *name, struct text_span base64, bool want,
		      struct err *e);

#endif
