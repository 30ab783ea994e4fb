/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media: the media type (RFC 6838) of a file, from its first bytes and, for text, its name. A guess
 * for people and indexes; nothing is decided by it.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_FS_MEDIA_H
#define CUSTODY_FS_MEDIA_H

#include <stddef.h>

#define MEDIA_START 16 /* bytes that are enough to see */

/* n bytes from the start of the file; fewer if it is shorter. "application/octet-stream" when
 * nothing is known. Static. */
const char *media_type(const char *path, const void *start, size_t n);

#endif
