/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive_history: the versions of archive.txt before the one that is in force, as documents/ has
 * them. Each names the hash of the one before, so that whoever trusts the last trusts them all. By
 * them is judged what was admitted while they were in force; what is new is judged by the last alone.
 *
 * Thread rule: a loaded history is read-only.
 */
#ifndef CUSTODY_FS_ARCHIVE_HISTORY_H
#define CUSTODY_FS_ARCHIVE_HISTORY_H

#include "fs/archive.h"
#include "index/event.h"

struct archive_history {
	struct archive_version {
		struct document text;
		struct archive_desc desc;
	} * version; /* owned; the latest first */
	size_t n;
};

/* Those of `documents` before *now, as far as they are there and are the ones. ERR_NOMEM. */
int archive_history_load(struct archive_history *h, int documents, const struct archive_desc *now,
			 struct err *e);
void archive_history_free(struct archive_history *h); /* zeroed is fine */
/* As document_check() by the policy of *now; if that fails, by the one of some version before. The
 * error is that of the first. version (may be NULL) gets the one that counts. */
int archive_history_check(const struct archive_history *h, const struct archive_desc *now,
			  const struct document *d, const char *namespace, uint32_t *version,
			  struct err *e);
/* The version of archive.txt that an event admits; 0: none. */
uint32_t archive_history_admits(const struct event *ev, const uint8_t archive[16]);

#endif
