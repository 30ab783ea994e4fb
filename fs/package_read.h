/* SPDX-License-Identifier: Apache-2.0 */
/*
 * package_read: goes through the files of a package once, in the order in which they lie there, whether it
 * is a folder, a tar, or a tar sealed with age. Nothing is unpacked, nothing followed, nothing written.
 *
 * Strict: regular files, and folders, with paths that a bag may have; of a tar, all in one folder.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_PACKAGE_READ_H
#define CUSTODY_FS_PACKAGE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "fs/parcel.h"

/* Called for each file in turn; non-zero stops, and is returned. */
struct package_visitor {
	int (*begin)(void *ctx, const char *path, uint64_t size, struct err *e);
	int (*data)(void *ctx, const void *p, size_t n, struct err *e);
	int (*end)(void *ctx, struct err *e);
	void *ctx;
};

/* place: a folder, a file, or "-". secret: the age identity that opens what is sealed, or NULL. *form says
 * what was found. What is sealed is authentic piece by piece as the visitor gets it; that all of it was
 * there is known when this returns 0. ERR_NOTFOUND, ERR_SYSTEM; ERR_FOREIGN: none of these; ERR_MALFORMED:
 * something that a package can't have in it; ERR_KEY: sealed, and not to this identity; ERR_FORGED,
 * ERR_DAMAGED: what is sealed was altered, or a tar ends early. */
int package_read(const char *place, const uint8_t *secret, const struct package_visitor *v,
		 enum parcel_form *form, struct err *e);

/* For its parts: a file, read from a descriptor on. */
int package_tar(int fd, const uint8_t *secret, const struct package_visitor *v,
		enum parcel_form *form, struct err *e);

#endif
