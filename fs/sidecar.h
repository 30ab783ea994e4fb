/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sidecar: the sidecars of one intake, and which images each of them speaks of. A sidecar speaks of
 * an image when both have one name but for what follows the last dot ("a.jpg" beside "a.xml", or
 * "a.jpg.xml"); when the image's name holds an id of one of its reads; or when it names the image's
 * file, in its own folder.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_SIDECAR_H
#define CUSTODY_FS_SIDECAR_H

#include "fs/sidecar_parse.h"

#define SIDECAR_PER_FILE 4u /* that are asked of one image */

struct sidecar {
	char *path;
	const char *kind; /* static */
	bool percent;
	size_t images;	 /* that it holds */
	char sha256[65]; /* of the sidecar, in hexadecimal */
	struct record *claims;
};

struct sidecars;
int sidecars_new(struct sidecars **out);
/* What a sidecar says; r's claims are taken over. ERR_NOMEM. */
int sidecars_add(struct sidecars *s, const char *path, const uint8_t sha256[32],
		 struct sidecar_read *r);
/* The sidecar of this path; NULL if it is none. */
const struct sidecar *sidecars_at(struct sidecars *s, const char *path);
/* Those that speak of a file, in order of path; returns how many. A sidecar is not spoken of. */
size_t sidecars_of(struct sidecars *s, const char *path,
		   const struct sidecar *out[SIDECAR_PER_FILE]);
void sidecars_free(struct sidecars *s); /* wipes; NULL is fine */

#endif
