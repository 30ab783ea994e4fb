/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/manifest_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "crypto/text.h"
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

void manifest_key(char out[RECORD_KEY_MAX + 1], const char *column, size_t number)
{
	size_t n = strlen(MANIFEST_KEY_PREFIX);

	strcpy(out, MANIFEST_KEY_PREFIX);
	if (!column[0])
		snprintf(out + n, RECORD_KEY_MAX + 1 - n, "column-%zu", number);
	else
		out[n] = '\0';
	for (const char *p = column; *p && n < RECORD_KEY_MAX; p++) {
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

static int sort_rows(struct manifest *m, struct err *e)
{
	m->by_file = calloc(m->rows + 1, sizeof(*m->by_file));
	if (!m->by_file)
		return err_set(e, ERR_NOMEM, "out of memory for the manifest %s", m->name);
	for (size_t i = 0; i < m->rows; i++)
		m->by_file[i] = (uint32_t)i;
	if (m->rows > 1)
		qsort_r(m->by_file, m->rows, sizeof(*m->by_file), by_file, m);
	for (size_t i = 1; i < m->rows; i++) {
		const struct manifest_row *a = &m->row[m->by_file[i - 1]];
		const struct manifest_row *b = &m->row[m->by_file[i]];

		if (strcmp(a->file, b->file) == 0)
			return manifest_bad(m, b->line, e,
					    "`%.200s` is named again (line %u named it)", b->file,
					    a->line);
	}
	return 0;
}

static struct manifest_row *find(const struct manifest *m, const char *file)
{
	size_t lo = 0, hi = m->rows;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct manifest_row *row = &m->row[m->by_file[mid]];
		int c = strcmp(file, row->file);

		if (c == 0)
			return row;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
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

	if (row)
		row->uses++;
	return row;
}

int manifest_fields(const struct manifest *m, const struct manifest_row *row, struct record *r,
		    struct err *e)
{
	return m->json ? manifest_json_fields(m, row, r, e) : manifest_csv_fields(m, row, r, e);
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
