/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reading: one granted open of an item: its key, its place, and reads of its plaintext. What the
 * mount's file handles and `custody` itself use. The caller has passed the gate.
 *
 * The key lasts as long as the release: it is wiped when that ends, though the reading stays open.
 *
 * Thread rule: reading_read may be called from many threads at once, and the release may end at any
 * time meanwhile.
 */
#ifndef CUSTODY_FS_READING_H
#define CUSTODY_FS_READING_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/stream.h"
#include "fs/release.h"
#include "fs/station.h"
#include "index/object.h"

struct reading;

/* Read the frame head, compare it with the digest in the index, get the file key from the release,
 * check the key commitment, expand the key into the pool. Takes a hold on the release. handle: by
 * which the open was, or will be, charged to the release before the first read. ERR_DAMAGED (with
 * range), the release's reasons. */
int reading_open(struct reading **out, struct station *s, const struct object *o, struct release *r,
		 uint64_t handle, struct err *e);
/* What a thread that reads needs beside its buffer. */
struct reading_work {
	uint8_t *stored;       /* READING_STORED bytes; small chunks leave most of it untouched */
	struct stream_run run; /* all zeros at first; stream_run_free() at last */
};
#define READING_STORED ((size_t)CHUNK_SIZE_MAX + SUITE_TAG_MAX)

/* Plaintext [off, off+n), cut at the end of the item; *got says how much. buf has n bytes; no
 * plaintext stays in *w, nor in buf on failure. Checks that the release lasts, by its not-after too.
 * Every byte asked for is charged to the release before it is opened (fs/release_meter). ERR_DAMAGED leaves the damaged plaintext range in *bad_off, *bad_len; the release's
 * reasons. */
int reading_read(struct reading *r, uint64_t off, size_t n, uint8_t *buf, size_t *got,
		 struct reading_work *w, uint64_t *bad_off, uint64_t *bad_len, struct err *e);
uint64_t reading_served(const struct reading *r); /* plaintext bytes given out so far */
struct release *reading_release(const struct reading *r);
void reading_close(struct reading *r); /* wipes the key */

#endif
