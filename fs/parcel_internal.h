/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the forms of a parcel share: its place, and the name that it is made under.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_PARCEL_INTERNAL_H
#define CUSTODY_FS_PARCEL_INTERNAL_H

#include <limits.h>
#include <stdbool.h>

#include "crypto/age_stream.h"
#include "fs/parcel.h"

struct archive;
struct archive_entry;

struct parcel {
	struct parcel_ask kept;
	char part[PATH_MAX]; /* what it is made under; empty for standard output */
	int fd;		     /* the folder, or the file that is written */
	bool made, whole;
	uint64_t left; /* of the file that is being written */
	int64_t mtime_ns;
	/* a folder */
	int file; /* the one that is being written, or -1 */
	/* a tar */
	struct archive *tar;
	struct archive_entry *entry;
	struct age_stream age;
	uint8_t *chunk; /* of what is to be sealed; AGE_STREAM_STORED bytes */
	size_t filled;
	struct err why; /* what the writer of libarchive failed with */
	int rc;
};

int parcel_folder_begin(struct parcel *p, const char *path, struct err *e);
int parcel_folder_end(struct parcel *p, struct err *e);
/* Remove the folder with all that is in it. */
void parcel_folder_remove(const struct parcel *p);

int parcel_tar_open(struct parcel *p, struct err *e);
int parcel_tar_begin(struct parcel *p, const char *path, uint64_t size, int64_t mtime_ns,
		     struct err *e);
int parcel_tar_put(struct parcel *p, const void *bytes, size_t n, struct err *e);
/* Write the end of it. */
int parcel_tar_finish(struct parcel *p, struct err *e);
void parcel_tar_close(struct parcel *p);

#endif
