/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bag: BagIt (RFC 8493, and 0.97 before it): its tag files are parsed, then every file of the bag is
 * held to them. Stricter than the standard where that costs an honest bag nothing: every manifest
 * lists all of the payload in 0.97 too, and nothing may be fetched from elsewhere.
 *
 * Paths are relative to the bag. Errors name the bag's file and line.
 *
 * Thread rule: pure; a bag belongs to one thread.
 */
#ifndef CUSTODY_FS_BAG_H
#define CUSTODY_FS_BAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/digest.h"

#define BAG_TAG_MAX ((uint64_t)256 << 20) /* bytes of a tag file that is read */

enum bag_kind {
	BAG_PAYLOAD,	  /* below data/ */
	BAG_TAG,	  /* any other file that nothing is read from */
	BAG_DECLARATION,  /* bagit.txt */
	BAG_MANIFEST,	  /* manifest-*.txt */
	BAG_TAG_MANIFEST, /* tagmanifest-*.txt */
	BAG_INFO,	  /* bag-info.txt */
	BAG_FETCH,	  /* fetch.txt */
};

struct bag;

enum bag_kind bag_kind(const char *path);
int bag_new(struct bag **out);
/* Read one of the kinds from BAG_DECLARATION on; the declaration first. ERR_MALFORMED;
 * ERR_UNSUPPORTED: another version, encoding or algorithm, or a fetch.txt. */
int bag_read(struct bag *b, const char *path, const void *p, size_t n, struct err *e);
/* All tag files were read. ERR_MALFORMED when it has no payload manifest, or names a file twice. */
int bag_ready(struct bag *b, struct err *e);
unsigned bag_algorithms(const struct bag *b); /* bits 1 << enum digest_alg, of all manifests */
bool bag_strong(const struct bag *b);	      /* is one of the payload's SHA-256 or SHA-512? */
const char *bag_version(const struct bag *b); /* "1.0" */
/* A file of the bag, of so many bytes, with these digests (by enum digest_alg). ERR_DAMAGED: not what a
 * manifest says, or payload that a manifest does not name. */
int bag_see(struct bag *b, const char *path, uint64_t size,
	    const uint8_t digest[DIGEST_ALGS][DIGEST_SIZE_MAX], struct err *e);
/* All files were seen. ERR_DAMAGED: one is missing, or Payload-Oxum is not so. */
int bag_end(struct bag *b, struct err *e);
void bag_free(struct bag *b); /* NULL is fine */

#endif
