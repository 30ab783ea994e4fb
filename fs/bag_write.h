/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bag_write: writes a bag (BagIt 1.0) into a parcel: declaration first, then whatever files, then the
 * manifests of what was put in.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_BAG_WRITE_H
#define CUSTODY_FS_BAG_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"
#include "fs/baglist.h"
#include "fs/parcel.h"

/* Zero-initialise it. */
struct bag_write {
	struct parcel *parcel; /* borrowed */
	int64_t time_ns;       /* that tag files are of */
	struct baglist payload, tags;
	struct hash_ctx hash; /* of the file that is being written */
	char path[BAGLIST_PATH_MAX + 1];
	uint64_t size;
};

/* Write bagit.txt. */
int bag_write_open(struct bag_write *w, struct parcel *p, int64_t time_ms, struct err *e);
void bag_write_free(struct bag_write *w); /* zeroed is fine */
/* A file of a known size, in pieces; what lies below data/ is payload. ERR_USAGE for a path that a bag
 * can't have; codes of parcel_begin(). sha256 (may be NULL) receives its digest. */
int bag_write_begin(struct bag_write *w, const char *path, uint64_t size, int64_t mtime_ns,
		    struct err *e);
int bag_write_put(struct bag_write *w, const void *p, size_t n, struct err *e);
int bag_write_end(struct bag_write *w, uint8_t sha256[32], struct err *e);
/* A whole tag file. */
int bag_write_tag(struct bag_write *w, const char *path, const void *p, size_t n, struct err *e);
/* Append the manifest of the payload as it is now, as it will be written. */
void bag_write_manifest(struct bag_write *w, struct wire_out *out);
/* The manifests: nothing may be written after. digest: SHA-256 of the tag manifest, which has those of
 * all other files in it, or of their manifests. */
int bag_write_finish(struct bag_write *w, uint8_t digest[32], struct err *e);

#endif
