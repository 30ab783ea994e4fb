/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export: a package of what an authorisation covers leaves the archive. The same gate as that of a mount,
 * item by item, and one more question: does the authorisation grant export to there?
 *
 * `exported`, which says what, to whom and under what, is in the journal before the first byte leaves;
 * and before the first byte of an item that item's `opened`, with the number of the export. Each item
 * counts as an open, and its bytes as read.
 *
 *   export_prepare   all questions are asked; nothing is begun
 *   export_begin     `exported`, then the payload; all of it is in the log after, and signed for
 *   export_tag       what the caller puts beside it
 *   export_finish    what the node signs of it, the manifests, its name, `export-closed`
 *   export_close     in every case: what is not finished is undone, and logged as that
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_EXPORT_H
#define CUSTODY_FS_EXPORT_H

#include "fs/export_sheet.h"
#include "fs/parcel.h"
#include "fs/release.h"
#include "fs/station.h"

#define EXPORT_TAGS "custody/" /* where tag files of ours lie in a package */

struct export_ask {
	struct station *station;
	struct release_set *releases; /* loaded */
	uint8_t authorisation[16];
	struct parcel_ask parcel; /* place and form; recipients where it is sealed */
	const char *user, *host, *program;
	uint32_t uid, loginuid, pid;
	/* Called often, with bytes done; non-zero stops. May be NULL. */
	int (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct export;

/* ERR_NO_EXPORT; the gate's reasons; ERR_BUDGET also when all of it together would pass the budget, so that
 * no half is begun; ERR_NOTFOUND: something that is named is not here; codes of parcel_check(). A refusal
 * is journalled, where the station has a journal. ask is borrowed. */
int export_prepare(struct export **out, const struct export_ask *ask, struct err *e);
/* Its number, and what will be in it: digests once the payload is out. Borrowed. */
const struct export_sheet *export_sheet(const struct export *x);
/* Codes of reading_open() and reading_read(): an item that is damaged ends the export. ERR_SYSTEM: stopped.
 * After it the index knows the lines, so that receipts have them. */
int export_begin(struct export *x, struct err *e);
int export_tag(struct export *x, const char *path, const void *p, size_t n, struct err *e);
/* digest: SHA-256 of the tag manifest, one hash for the whole package, which is in the log too. */
int export_finish(struct export *x, uint8_t digest[32], struct err *e);
/* why: a code, for the log, where it was begun and is not finished. NULL is fine. */
void export_close(struct export *x, int why);

#endif
