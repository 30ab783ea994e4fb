/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/manifest_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "crypto/text.h"
#include "fs/provenance.h"
#include "index/file.h"

#define BOM "\xef\xbb\xbf"

int manifest_bad(const struct manifest *m, unsigned line, struct err *e, const char *fmt, ...)
{
	char why[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(e, ERR_MALFORMED, "%s, line %u: %s", m->name, line, why);
}

/* ---- rows ---- */

struct manifest_row *manifest_row_add(struct manifest *m, unsigned line, struct err *e)
{
	struct manifest_row *row;

	if (m->rows == MANIFEST_ROWS_MAX) {
		manifest_bad(m, line, e, "more than %u rows", MANIFEST_ROWS_MAX);
		return NULL;
	}
	if (m->rows == m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 64;

		row = reallocarray(m->row, cap, sizeof(*row));
		if (!row) {
			err_set(e, ERR_NOMEM, "out of memory for the manifest %s", m->name);
			return NULL;
		}
		m->row = row;
		m->cap = cap;
	}
	row = &m->row[m->rows++];
	*row = (struct manifest_row){.line = line};
	return row;
}

int manifest_row_file(struct manifest *m, struct manifest_row *row, const char *file, struct err *e)
{
	while (file[0] == '.' && file[1] == '/')
		file += 2;
	if (!file[0])
		return manifest_bad(m, row->line, e, "the column `file` is empty");
	if (!record_path_ok(file, strlen(file)))
		return manifest_bad(m, row->line, e,
				    "`%.200s` is not a path below the folder of the manifest",
				    file);
	row->file = file;
	if (m->json && !(row->file = strdup(file)))
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

int manifest_row_sha256(struct manifest *m, struct manifest_row *row, const char *hex,
			struct err *e)
{
	char lower[65];
	size_t n = strlen(hex);

	if (n == 0)
		return 0;
	for (size_t i = 0; i < n && i < 64; i++)
		lower[i] = (char)(hex[i] >= 'A' && hex[i] <= 'F' ? hex[i] + ('a' - 'A') : hex[i]);
	if (n != 64 || !text_unhex((struct text_span){lower, n}, row->sha256, 32))
		return manifest_bad(m, row->line, e, "`%.70s` is not a SHA-256", hex);
	row->has_sha256 = true;
	return 0;
}

int manifest_row_bytes(struct manifest *m, struct manifest_row *row, const char *decimal,
		       struct err *e)
{
	size_t n = strlen(decimal);

	if (n == 0)
		return 0;
	if (!text_u64((struct text_span){decimal, n}, &row->size))
		return manifest_bad(m, row->line, e, "`%.70s` is not a number of bytes", decimal);
	row->has_size = true;
	return 0;
}

void manifest_row_confidence(struct manifest *m, const char *number)
{
	if (strtod(number, NULL) > 1)
		m->percent = true;
}

void manifest_key(char out[RECORD_KEY_MAX + 1], const char *column, size_t number)
{
	size_t n = 0;

	out[0] = '\0';
	if (!column[0])
		snprintf(out, PROVENANCE_CLAIM_MAX + 1, "column-%zu", number);
	for (const char *p = column; *p && n < PROVENANCE_CLAIM_MAX; p++) {
		unsigned char c = (unsigned char)*p;

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c + 'a' - 'A');
		if ((c & 0xc0) == 0x80) /* the rest of a character beyond ASCII */
			continue;
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", c))
			c = '_';
		out[n++] = (char)c;
		out[n] = '\0';
	}
}

/* ---- the index by file ---- */

static int by_file(const void *a, const void *b, void *ctx)
{
	const struct manifest *m = ctx;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	int c = strcmp(m->row[i].file, m->row[k].file);

	return c ? c : i < k ? -1 : i > k;
}

/* Two rows of one file must mean the same file. */
static int same_file(const struct manifest *m, const struct manifest_row *a,
		     const struct manifest_row *b, struct err *e)
{
	if (a->has_size && b->has_size && a->size != b->size)
		return manifest_bad(m, b->line, e, "another size of `%.200s` than in line %u",
				    b->file, a->line);
	if (a->has_sha256 && b->has_sha256 && memcmp(a->sha256, b->sha256, 32) != 0)
		return manifest_bad(m, b->line, e, "another SHA-256 of `%.200s` than in line %u",
				    b->file, a->line);
	return 0;
}

static int sort_rows(struct manifest *m, struct err *e)
{
	struct manifest_row *first = NULL;
	int rc = 0;

	m->by_file = calloc(m->rows + 1, sizeof(*m->by_file));
	if (!m->by_file)
		return err_set(e, ERR_NOMEM, "out of memory for the manifest %s", m->name);
	for (size_t i = 0; i < m->rows; i++)
		m->by_file[i] = (uint32_t)i;
	if (m->rows > 1)
		qsort_r(m->by_file, m->rows, sizeof(*m->by_file), by_file, m);
	for (size_t i = 0; i < m->rows && rc == 0; i++) {
		struct manifest_row *row = &m->row[m->by_file[i]];

		if (!first || strcmp(first->file, row->file) != 0) {
			first = row;
			continue;
		}
		m->row[m->by_file[i - 1]].again = row;
		rc = same_file(m, first, row, e);
		/* What any of them says holds for the file. */
		if (row->has_size && !first->has_size) {
			first->size = row->size;
			first->has_size = true;
		}
		if (row->has_sha256 && !first->has_sha256) {
			memcpy(first->sha256, row->sha256, 32);
			first->has_sha256 = true;
		}
	}
	return rc;
}

/* The first row of a file. */
static struct manifest_row *find(const struct manifest *m, const char *file)
{
	size_t lo = 0, hi = m->rows;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(m->row[m->by_file[mid]].file, file) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == m->rows || strcmp(m->row[m->by_file[lo]].file, file) != 0)
		return NULL;
	return &m->row[m->by_file[lo]];
}

/* ---- loading ---- */

/* UTF-8 without NUL. Control characters are the formats' own business. */
static bool line_ok(const char *p, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = p[i] ? text_utf8(p + i, n - i) : 0;
		if (len == 0)
			return false;
	}
	return true;
}

static int check_text(const struct manifest *m, struct err *e)
{
	unsigned line = 1;

	for (size_t i = 0; i < m->n; line++) {
		const char *lf = memchr(m->text + i, '\n', m->n - i);
		size_t n = lf ? (size_t)(lf - m->text) - i : m->n - i;

		if (!line_ok(m->text + i, n))
			return manifest_bad(m, line, e, "not UTF-8 text");
		i += n + 1;
	}
	return 0;
}

int manifest_parse(struct manifest **out, const void *p, size_t n, const char *name, struct err *e)
{
	struct manifest *m = calloc(1, sizeof(*m));
	int rc;

	*out = NULL;
	if (!m)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (n >= strlen(BOM) && memcmp(p, BOM, strlen(BOM)) == 0) {
		p = (const char *)p + strlen(BOM);
		n -= strlen(BOM);
	}
	m->name = strdup(name);
	m->text = malloc(n + 1);
	if (!m->name || !m->text) {
		rc = err_set(e, ERR_NOMEM, "out of memory for the manifest %s", name);
		goto out;
	}
	memcpy(m->text, p, n);
	m->text[n] = '\0';
	m->n = n;
	m->json = m->text[0] == '{';
	rc = n ? check_text(m, e) : manifest_bad(m, 1, e, "the manifest is empty");
	if (rc == 0)
		rc = m->json ? manifest_json_read(m, e) : manifest_csv_read(m, e);
	if (rc == 0)
		rc = sort_rows(m, e);
out:
	if (rc)
		manifest_free(m);
	else
		*out = m;
	return rc;
}

int manifest_load(struct manifest **out, const char *path, struct err *e)
{
	struct wire_out b = {0};
	int rc = file_read_path(path, MANIFEST_BYTES_MAX, &b, e);

	*out = NULL;
	if (rc)
		rc = err_prefix(e, rc, "the manifest");
	else
		rc = manifest_parse(out, b.n ? (const void *)b.p : "", b.n, path, e);
	wire_out_wipe(&b);
	return rc;
}

size_t manifest_rows(const struct manifest *m)
{
	return m->rows;
}

const struct manifest_row *manifest_row_at(const struct manifest *m, size_t i)
{
	return &m->row[i];
}

const struct manifest_row *manifest_find(struct manifest *m, const char *file)
{
	struct manifest_row *row = find(m, file);

	for (struct manifest_row *r = row; r; r = r->again)
		r->uses++;
	return row;
}

static int row_fields(const struct manifest *m, const struct manifest_row *row, struct record *r,
		      struct err *e)
{
	return m->json ? manifest_json_fields(m, row, r, e) : manifest_csv_fields(m, row, r, e);
}

/* What a further row says beside what is known: its plate as the n-th. */
static int add_row(const struct manifest *m, const struct manifest_row *row,
		   const struct record *more, unsigned nth, struct record *r, struct err *e)
{
	char key[RECORD_KEY_MAX + 1];
	struct text_span v, there;
	const struct field *f;
	const char *name;
	unsigned reading;
	int rc = 0;

	for (size_t i = 0; i < record_count(more) && rc == 0; i++) {
		record_at(more, i, &name, &v);
		f = field_find(name, &reading);
		if (f && f->group == FIELD_READING && reading == 1)
			field_key(key, name, nth);
		else if (record_get(r, name, &there) && there.n == v.n &&
			 memcmp(there.p, v.p, v.n) == 0)
			continue;
		else
			snprintf(key, sizeof(key), "row%u.%s", nth, name);
		rc = record_set(r, key, v.p, v.n);
	}
	return rc ? manifest_bad(m, row->line, e, "the record can't hold `%s`", key) : 0;
}

static bool reads_plate(const struct record *r, struct text_span plate)
{
	struct text_span v;

	for (unsigned i = 1; i <= FIELD_PLATES_MAX; i++)
		if (field_reading(r, "plate_text", i, &v) && v.n == plate.n &&
		    memcmp(v.p, plate.p, v.n) == 0)
			return true;
	return false;
}

int manifest_fields(const struct manifest *m, const struct manifest_row *row, struct record *r,
		    struct err *e)
{
	const struct manifest_row *first = row;
	int rc = row_fields(m, row, r, e);
	struct record *more;
	struct text_span v;

	for (unsigned nth = 2; rc == 0 && (row = row->again); nth++) {
		if (record_new(&more) != 0)
			return err_set(e, ERR_NOMEM, "out of memory");
		rc = row_fields(m, row, more, e);
		if (rc == 0 && nth > FIELD_PLATES_MAX)
			rc = manifest_bad(m, row->line, e, "more than %u rows of one file",
					  FIELD_PLATES_MAX);
		else if (rc == 0 && (!record_get(more, "plate_text", &v) || reads_plate(r, v)))
			rc = manifest_bad(
				m, row->line, e,
				"`%.200s` is named again (line %u named it), and no other "
				"plate is read in it",
				row->file, first->line);
		if (rc == 0)
			rc = add_row(m, row, more, nth, r, e);
		record_free(more);
	}
	return rc;
}

bool manifest_percent(const struct manifest *m)
{
	return m->percent;
}

const struct manifest_row *manifest_unused(const struct manifest *m)
{
	for (size_t i = 0; i < m->rows; i++)
		if (m->row[i].uses == 0)
			return &m->row[i];
	return NULL;
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	for (size_t i = 0; m->json && i < m->rows; i++)
		free((char *)m->row[i].file);
	if (m->text)
		secret_wipe(m->text, m->n);
	free(m->text);
	free(m->name);
	free(m->column);
	free(m->row);
	free(m->by_file);
	free(m);
}
