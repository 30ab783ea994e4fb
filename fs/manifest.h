/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest: a table that tells about the files of a source, one row a file: CSV (RFC 4180, with a
 * header) or JSON Lines. The columns `file`, `sha256` and `bytes` mean something here; all columns
 * are claims of provenance (fs/provenance). Several rows may name one file, when each reads another
 * plate in it.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_MANIFEST_H
#define CUSTODY_FS_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "index/record.h"

#define MANIFEST_BYTES_MAX (1u << 31)
#define MANIFEST_ROWS_MAX 10000000u
#define MANIFEST_COLUMNS_MAX 256u

struct manifest;
struct manifest_row {
	const char *file; /* relative; a leading "./" is gone */
	unsigned line;	  /* of the manifest, from 1 */
	unsigned uses;	  /* how often manifest_find() gave it */
	bool has_sha256, has_size;
	uint8_t sha256[32];
	uint64_t size;
	const char *fields;	    /* for manifest.c */
	struct manifest_row *again; /* the next row that names the file, or NULL */
};

/*
 * CSV or JSON Lines, told apart by the first byte; a byte order mark before it is passed over. All
 * of it is checked here. ERR_MALFORMED names the line: rows of another number of columns, quotes
 * that do not match, text that is not UTF-8, a `file` that is missing or not a relative path below
 * the manifest, a digest or size that is none, or not the one of an earlier row of the file. Codes of file_read_path().
 */
int manifest_load(struct manifest **out, const char *path, struct err *e);
/* The same from memory (copied); `name` is for messages. */
int manifest_parse(struct manifest **out, const void *p, size_t n, const char *name, struct err *e);
size_t manifest_rows(const struct manifest *m);
const struct manifest_row *manifest_row_at(const struct manifest *m, size_t i); /* i < rows */
/* The first row that names it; NULL if none does. Counts as a use of all that do. */
const struct manifest_row *manifest_find(struct manifest *m, const char *file);
/* What the rows of a file say, in claims of bare names; row is its first. Column names are folded to
 * the alphabet of record keys; empty CSV fields and JSON nulls are left out; JSON numbers, lists and
 * objects are kept as JSON text. The plates of further rows are numbered (index/field), and what else
 * differs there is kept as "row2.<name>". ERR_MALFORMED names the line and what the record can't
 * hold, or a further row that reads no other plate. */
int manifest_fields(const struct manifest *m, const struct manifest_row *row, struct record *r,
		    struct err *e);
/* Are the confidences of a hundred? They are all when one is above 1. */
bool manifest_percent(const struct manifest *m);
/* First row, in the manifest's order, that was never found; NULL if all were. */
const struct manifest_row *manifest_unused(const struct manifest *m);
/* NULL is fine. Wipes: a manifest is personal data. */
void manifest_free(struct manifest *m);

#endif
