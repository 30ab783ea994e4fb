/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack: the bytes that a compressed container holds (gzip, bzip2, xz, lzma, zstd, lz4, or none),
 * as a stream that is known to be whole at its end: every checksum is right, and no byte of the
 * container is left over. gzip goes through zlib: libarchive does not look at its CRC.
 *
 * Thread rule: for one thread at a time.
 */
#ifndef CUSTODY_FS_UNPACK_H
#define CUSTODY_FS_UNPACK_H

#include "fs/container.h"

struct unpack;

/* The container is borrowed and open. ratio: ERR_MALFORMED when more than so many times its size
 * comes out; 0 for no bound. */
int unpack_new(struct unpack **out, struct container *c, uint64_t ratio, struct err *e);
/* The next bytes, *n of them at *p until the next call; none at the end. ERR_DAMAGED: cut off, a
 * wrong checksum, or bytes behind the end. */
int unpack_next(struct unpack *u, const void **p, size_t *n, struct err *e);
/* Bytes given so far, and how many zeros they end in. */
uint64_t unpack_total(const struct unpack *u);
uint64_t unpack_zeros(const struct unpack *u);
const char *unpack_name(const struct unpack *u); /* "gzip"; "none". Static */
void unpack_free(struct unpack *u);		 /* NULL is fine */

/* True when this much may not come out of a container of that size. */
bool unpack_bomb(uint64_t bytes, uint64_t container, uint64_t ratio);

#endif
