/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sidecar_parse: what a licence-plate camera's own file says of its images: Genetec AutoVu XML (one
 * read a file, a template that its users edit) and OpenALPR / Rekor JSON (alpr_results, alpr_group,
 * alpr_alert). The
 * file itself is sealed byte for byte like any other; this reads it beside that.
 *
 * XML is read by expat, which here meets no document type: with none there is no entity to expand
 * and nothing to fetch. JSON is read by jansson.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_FS_SIDECAR_PARSE_H
#define CUSTODY_FS_SIDECAR_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "index/record.h"

#define SIDECAR_BYTES_MAX ((size_t)32 << 20)
#define SIDECAR_IMAGES_MAX 64u /* that one may hold */
#define SIDECAR_IDS_MAX 1024u

/* An image that lies in the sidecar as Base64. */
struct sidecar_image {
	char name[48];	    /* of what holds it, "ContextImage" */
	const char *suffix; /* static: ".jpg", ".png", ".bin" */
	uint8_t *p;	    /* wiped when freed; NULL: it is no Base64 */
	size_t n;
};
struct sidecar_read {
	const char *kind; /* static: "autovu", "openalpr"; NULL: it is no sidecar */
	bool percent;	  /* its confidences are of a hundred */
	struct record *claims;
	/* What its images may be called by: ids of reads, and names of files. */
	char **id;
	size_t ids;
	struct sidecar_image *image; /* only those asked for */
	size_t images;		     /* how many there are, asked for or not */
};

/* Is the file worth a look, by its name? */
bool sidecar_name_ok(const char *path);
/* `images`: decode them. 0 also for a file that is no sidecar: kind is NULL then. ERR_MALFORMED: it
 * says that it is one and can't be read; e has a sentence's end ("line 3: ..."). Free r in every case. */
int sidecar_parse(struct sidecar_read *r, const char *path, const void *p, size_t n, bool images,
		  struct err *e);
void sidecar_read_free(struct sidecar_read *r); /* wipes */

#endif
