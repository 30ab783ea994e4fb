/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest_fate: what became of one file of an ingest, for who has to act on it: a watched folder
 * removes what is sealed.
 *
 * Thread rule: an ingest_told is called by the threads of the ingest, one at a time or several, and
 * must not wait for the ingest.
 */
#ifndef CUSTODY_FS_INGEST_FATE_H
#define CUSTODY_FS_INGEST_FATE_H

#include <stdint.h>

#include "crypto/err.h"

enum ingest_fate {
	INGEST_SEALED,	   /* durable, journalled, and read back if that was asked for */
	INGEST_KNOWN,	   /* not taken in: it was before */
	INGEST_ON_ITS_WAY, /* not taken in: another file of this ingest has the same content */
	INGEST_FAILED,	   /* the file can't be read, or changed meanwhile; why says it */
};

typedef void ingest_told(void *ctx, uint64_t tag, enum ingest_fate fate, const struct err *why);

struct ingest_teller {
	ingest_told *told; /* NULL: nobody is told */
	void *ctx;
};

#endif
