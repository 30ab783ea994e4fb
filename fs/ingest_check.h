/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest_check: a sealed item is read back from its segment, opened with the keys of its accession
 * while there still are any, and compared with what was read from the source. For ingests whose
 * sources are removed afterwards: nobody here can look again later.
 *
 * Thread rule: a check belongs to one thread.
 */
#ifndef CUSTODY_FS_INGEST_CHECK_H
#define CUSTODY_FS_INGEST_CHECK_H

#include "crypto/secret.h"
#include "fs/frame.h"
#include "fs/ingest_commit.h"

struct ingest_check;

/* pool, header and keys are borrowed. ERR_NOMEM. */
int ingest_check_new(struct ingest_check **out, struct secret_pool *pool,
		     const struct segment_header *header, const struct frame_keys *keys,
		     struct err *e);
void ingest_check_free(struct ingest_check *c); /* wipes; NULL is fine */
/* An ingest_commit_check; ctx is a struct ingest_check. Head, record, commitment, content and both
 * digests must be what they were when they were sealed: ERR_DAMAGED names the item. ERR_SYSTEM,
 * ERR_NOMEM. */
int ingest_check_item(void *ctx, const struct ingest_item *item, struct err *e);

#endif
