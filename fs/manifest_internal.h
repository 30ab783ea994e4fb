/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fs/manifest.c and the two readers of its formats share. Not for others.
 */
#ifndef CUSTODY_FS_MANIFEST_INTERNAL_H
#define CUSTODY_FS_MANIFEST_INTERNAL_H

#include <stddef.h>

#include "fs/manifest.h"

struct manifest {
	char *name; /* for messages */
	char *text; /* all of it, with a NUL behind; a CSV is taken apart in place */
	size_t n;
	bool json;
	char (*column)[RECORD_KEY_MAX + 1]; /* CSV: the record keys of its columns */
	size_t columns;
	size_t file, sha256, bytes, confidence; /* CSV: which column; SIZE_MAX for none */
	bool percent;				/* a confidence above 1 was seen */
	struct manifest_row *row;
	size_t rows, cap;
	uint32_t *by_file; /* numbers of rows, sorted by file */
};

/* Readers: fill m->row from m->text. A row's `file` of a JSON manifest is owned by the row; all
 * other strings lie in m->text. */
int manifest_csv_read(struct manifest *m, struct err *e);
int manifest_json_read(struct manifest *m, struct err *e);
/* What one row says, in one format. */
int manifest_csv_fields(const struct manifest *m, const struct manifest_row *row, struct record *r,
			struct err *e);
int manifest_json_fields(const struct manifest *m, const struct manifest_row *row, struct record *r,
			 struct err *e);

/* A new row; NULL, with *e set, when there are too many. */
struct manifest_row *manifest_row_add(struct manifest *m, unsigned line, struct err *e);
/* Fill in what the columns of meaning say; empty text says nothing. */
int manifest_row_file(struct manifest *m, struct manifest_row *row, const char *file,
		      struct err *e);
int manifest_row_sha256(struct manifest *m, struct manifest_row *row, const char *hex,
			struct err *e);
int manifest_row_bytes(struct manifest *m, struct manifest_row *row, const char *decimal,
		       struct err *e);
/* A confidence of the manifest: above 1, all of them are of a hundred. */
void manifest_row_confidence(struct manifest *m, const char *number);
/* A column's name as one of claims: in lower case, each character that a key can't have as '_', cut
 * at the bound; "column-N" if it is empty. */
void manifest_key(char out[RECORD_KEY_MAX + 1], const char *column, size_t number);
/* ERR_MALFORMED with the manifest's name and line in front. */
__attribute__((format(printf, 4, 5))) int manifest_bad(const struct manifest *m, unsigned line,
						       struct err *e, const char *fmt, ...);

#endif
