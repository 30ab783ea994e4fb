/* SPDX-License-Identifier: Apache-2.0 */
/*
 * item_digest: the SHA-256 of an item's plaintext, which lies with the sealed record in the frame's
 * head, and nowhere in the index.
 *
 * Thread rule: pure, but for the station's cache of segments, which is locked.
 */
#ifndef CUSTODY_FS_ITEM_DIGEST_H
#define CUSTODY_FS_ITEM_DIGEST_H

#include "fs/station.h"
#include "index/object.h"

/* For a node that opens names. ERR_DAMAGED, ERR_SYSTEM, ... */
int item_digest(uint8_t sha256[32], struct station *s, const struct object *o);

#endif
