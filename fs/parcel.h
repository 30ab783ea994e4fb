/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parcel: where the files of a package go: a folder, a tar file or stream, or such a tar sealed to
 * recipients as one age file. Nothing that is sealed touches a disk in plain: what is put in is kept in
 * one chunk of memory until it is sealed.
 *
 * A parcel is made beside its place, under a name that begins with a dot and ends in ".part", for its
 * owner alone, and gets its name when it is whole and on the disk. So there is never half of one under
 * its name; who is killed leaves a ".part" behind. To standard output it goes as it is made.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_PARCEL_H
#define CUSTODY_FS_PARCEL_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

enum parcel_form {
	PARCEL_FOLDER,
	PARCEL_TAR,    /* GNU format: names are bytes as they are */
	PARCEL_SEALED, /* a tar in an age file */
};
/* "folder", "tar", "sealed" */
const char *parcel_form_name(enum parcel_form form);

struct parcel_ask {
	enum parcel_form form;
	const char *place; /* path; "-" is standard output, but for a folder; borrowed */
	const char *top;   /* of a tar: the folder that all is in, one name; borrowed */
	const uint8_t (*recipients)[32]; /* of what is sealed */
	size_t nrecipients;
};

struct parcel;

/* Could it be made there? ERR_EXISTS: something is there, and is not replaced (an empty folder is, by a
 * folder); ERR_SYSTEM, ERR_USAGE. Leaves nothing. */
int parcel_check(const struct parcel_ask *ask, struct err *e);
/* Make it, empty: of a sealed one not even the header is written before the first file. Codes of
 * parcel_check(), age_stream_begin(). */
int parcel_open(struct parcel **out, const struct parcel_ask *ask, struct err *e);
/* A file: its path below the package (see baglist_path_ok()), exactly so many bytes, and when it was changed
 * last. ERR_SYSTEM, ERR_NOMEM. */
int parcel_begin(struct parcel *p, const char *path, uint64_t size, int64_t mtime_ns,
		 struct err *e);
int parcel_put(struct parcel *p, const void *bytes, size_t n, struct err *e);
int parcel_end(struct parcel *p, struct err *e);
/* All files are in: make it durable, and give it its name. Once; nothing else but parcel_close() after. */
int parcel_commit(struct parcel *p, struct err *e);
/* What was not committed is removed. NULL is fine. */
void parcel_close(struct parcel *p);

#endif
