/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame_digest: one sealed item as it lies in the archive now, beside what was logged of it when it
 * was taken in. Needs no key.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_FS_FRAME_DIGEST_H
#define CUSTODY_FS_FRAME_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/archive.h"
#include "index/event.h"

struct frame_digest {
	/* 0: all as logged; ERR_DAMAGED: it is not, or not all there; ERR_SYSTEM, ERR_NOMEM: it could
	 * not be looked at. */
	int code;
	bool read;		     /* the whole frame was, and these are its digests */
	uint8_t head[32], frame[32]; /* SHA-256 */
	char text[320];		     /* a sentence about what is wrong, if anything is */
};

/* ev: an ingest event. */
void frame_digest_now(struct frame_digest *out, const struct archive *a, const struct event *ev);

#endif
