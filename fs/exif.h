/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exif: what a JPEG says of itself in its Exif segment (CIPA DC-008), read by libexif: when it was
 * taken, with what, and where. A camera's clock has no zone unless the Exif 2.31 offset is there.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_FS_EXIF_H
#define CUSTODY_FS_EXIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/record.h"

/* So many bytes from the start of a file are enough: the segment has at most 64 KiB and stands at
 * the front. */
#define EXIF_START ((size_t)192 << 10)

/* Can there be an Exif segment in this JPEG, as its first n bytes have it? Few bytes settle that for
 * most that have none. */
#define EXIF_GLANCE 4096u
bool exif_glance(const void *p, size_t n);

/* Add to claims: captured_at or captured_local, captured_at_source, camera_make, camera_model,
 * camera_serial, latitude, longitude, and gps_time (UTC of the fix, which is no time of capture).
 * What is missing, or is not what the standard says, is left out. ERR_NOMEM. */
int exif_claims(struct record *claims, const void *p, size_t n);

#endif
