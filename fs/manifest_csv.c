/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values as in RFC 4180, with a header; a line may end in LF alone. */
#include "fs/manifest_internal.h"

#include <stdlib.h>
#include <string.h>

/*
 * A row is taken apart where it lies: its fields become strings, one behind the other from where it
 * began. That always fits: what ends a field makes room for the NUL, and quotes only shrink.
 */
struct reader {
	const struct manifest *m;
	size_t at;     /* next byte to read */
	unsigned line; /* number of the line that holds it */
	char *to;      /* where the next byte of a field goes */
};

static int quoted(struct reader *r, struct err *e)
{
	const struct manifest *m = r->m;
	unsigned begun = r->line;

	for (r->at++;; r->at++) {
		if (r->at == m->n)
			return manifest_bad(m, begun, e,
					    "a quote that is opened here is not closed");
		if (m->text[r->at] == '"' && m->text[r->at + 1] != '"')
			break;
		if (m->text[r->at] == '"')
			r->at++;
		else if (m->text[r->at] == '\n')
			r->line++;
		*r->to++ = m->text[r->at];
	}
	r->at++;
	return 0;
}

static int plain(struct reader *r, struct err *e)
{
	const char *text = r->m->text;

	for (; r->at < r->m->n && !strchr(",\r\n", text[r->at]); r->at++) {
		if (text[r->at] == '"')
			return manifest_bad(r->m, r->line, e,
					    "a quote inside a field that does not begin with one");
		*r->to++ = text[r->at];
	}
	return 0;
}

/* One field and what ends it; *last tells if that ended the row too. */
static int field(struct reader *r, bool *last, struct err *e)
{
	const struct manifest *m = r->m;
	int rc = r->at < m->n && m->text[r->at] == '"' ? quoted(r, e) : plain(r, e);
	char end = m->text[r->at]; /* NUL at the end of all */

	if (rc)
		return rc;
	if (end == '\r' && (m->text[r->at + 1] == '\n' || r->at + 1 == m->n)) {
		r->at++;
		end = m->text[r->at];
	}
	if (end != ',' && end != '\n' && r->at < m->n)
		return manifest_bad(m, r->line, e,
				    end == '\r' ? "a carriage return without a line feed" :
						  "text behind a closing quote");
	*last = end != ',';
	if (end == '\n')
		r->line++;
	if (r->at < m->n)
		r->at++;
	*r->to++ = '\0';
	return 0;
}

/* A whole row: *n fields from *first on. */
static int read_row(struct reader *r, const char **first, size_t *n, struct err *e)
{
	bool last = false;

	r->to = r->m->text + r->at;
	*first = r->to;
	*n = 0;
	while (!last) {
		unsigned line = r->line;
		int rc = field(r, &last, e);

		if (rc)
			return rc;
		if (++*n > MANIFEST_COLUMNS_MAX)
			return manifest_bad(r->m, line, e, "more than %u columns",
					    MANIFEST_COLUMNS_MAX);
	}
	return 0;
}

static const char *next(const char *f)
{
	return f + strlen(f) + 1;
}

static int read_header(struct manifest *m, struct reader *r, struct err *e)
{
	const char *f;
	int rc = read_row(r, &f, &m->columns, e);

	if (rc)
		return rc;
	m->column = calloc(m->columns, sizeof(*m->column));
	if (!m->column)
		return err_set(e, ERR_NOMEM, "out of memory for the manifest %s", m->name);
	m->file = m->sha256 = m->bytes = m->confidence = SIZE_MAX;
	for (size_t i = 0; i < m->columns; i++, f = next(f)) {
		manifest_key(m->column[i], f, i + 1);
		for (size_t k = 0; k < i; k++)
			if (strcmp(m->column[i], m->column[k]) == 0)
				return manifest_bad(m, 1, e, "two columns are called `%s`",
						    m->column[i]);
		if (strcmp(m->column[i], "file") == 0)
			m->file = i;
		else if (strcmp(m->column[i], "sha256") == 0)
			m->sha256 = i;
		else if (strcmp(m->column[i], "bytes") == 0)
			m->bytes = i;
		else if (strcmp(m->column[i], "plate_confidence") == 0)
			m->confidence = i;
	}
	if (m->file == SIZE_MAX)
		return manifest_bad(m, 1, e, "there is no column `file`");
	return 0;
}

static int take_row(struct manifest *m, unsigned line, const char *f, struct err *e)
{
	struct manifest_row *row = manifest_row_add(m, line, e);
	int rc = 0;

	if (!row)
		return e ? e->code : ERR_MALFORMED;
	row->fields = f;
	for (size_t i = 0; i < m->columns && rc == 0; i++, f = next(f)) {
		if (i == m->file)
			rc = manifest_row_file(m, row, f, e);
		else if (i == m->sha256)
			rc = manifest_row_sha256(m, row, f, e);
		else if (i == m->bytes)
			rc = manifest_row_bytes(m, row, f, e);
		else if (i == m->confidence)
			manifest_row_confidence(m, f);
	}
	return rc;
}

int manifest_csv_read(struct manifest *m, struct err *e)
{
	struct reader r = {.m = m, .line = 1};
	int rc = read_header(m, &r, e);

	while (rc == 0 && r.at < m->n) {
		unsigned line = r.line;
		const char *f;
		size_t n;

		rc = read_row(&r, &f, &n, e);
		if (rc)
			break;
		if (n == 1 && !f[0]) /* an empty line */
			continue;
		if (n != m->columns)
			rc = manifest_bad(m, line, e, "%zu columns, and the header has %zu", n,
					  m->columns);
		else
			rc = take_row(m, line, f, e);
	}
	return rc;
}

int manifest_csv_fields(const struct manifest *m, const struct manifest_row *row, struct record *r,
			struct err *e)
{
	const char *f = row->fields;

	for (size_t i = 0; i < m->columns; i++, f = next(f))
		if (f[0] && record_set_text(r, m->column[i], f) != 0)
			return manifest_bad(m, row->line, e, "the record can't hold `%s`",
					    m->column[i]);
	return 0;
}
