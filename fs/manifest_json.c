/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Lines: one object (RFC 8259) a line. A row keeps its line's text, and is parsed again when
 * its fields are wanted. */
#include "fs/manifest_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

/* The object on a line of a manifest whose text ends in NUL or LF there. */
static int parse_line(json_t **out, const struct manifest *m, unsigned line, const char *p,
		      size_t n, struct err *e)
{
	json_error_t why;

	*out = json_loadb(p, n, JSON_REJECT_DUPLICATES, &why);
	if (!*out)
		return manifest_bad(m, line, e, "%s", why.text);
	if (json_is_object(*out))
		return 0;
	json_decref(*out);
	*out = NULL;
	return manifest_bad(m, line, e, "not a JSON object");
}

/* Compact JSON text of a value that is no string. The shortest digits that give the same numbers:
 * 15 as a rule, so that 26.0661 stays what it was. The caller frees. */
static char *number_text(const json_t *v)
{
	const size_t flags = JSON_ENCODE_ANY | JSON_COMPACT;
	char *text = json_dumps(v, flags | JSON_REAL_PRECISION(15));
	json_t *back = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	if (!back || !json_equal(back, v)) {
		free(text);
		text = json_dumps(v, flags);
	}
	json_decref(back);
	return text;
}

static int set_value(struct record *r, const char *key, const json_t *v)
{
	char *text;
	int rc;

	if (json_is_null(v))
		return 0;
	if (json_is_string(v))
		return record_set(r, key, json_string_value(v), json_string_length(v));
	text = number_text(v);
	if (!text)
		return ERR_NOMEM;
	rc = record_set_text(r, key, text);
	secret_wipe(text, strlen(text));
	free(text);
	return rc;
}

/* What the columns of meaning say. */
static int take_row(struct manifest *m, struct manifest_row *row, const json_t *o, struct err *e)
{
	const json_t *file = json_object_get(o, "file");
	const json_t *sha256 = json_object_get(o, "sha256");
	const json_t *bytes = json_object_get(o, "bytes");
	const json_t *confidence = json_object_get(o, "plate_confidence");
	int rc;

	if (!json_is_string(file))
		return manifest_bad(m, row->line, e, "there is no string `file`");
	if (json_is_string(confidence))
		manifest_row_confidence(m, json_string_value(confidence));
	else if (json_number_value(confidence) > 1)
		m->percent = true;
	rc = manifest_row_file(m, row, json_string_value(file), e);
	if (rc)
		return rc;
	if (json_is_string(sha256))
		rc = manifest_row_sha256(m, row, json_string_value(sha256), e);
	else if (sha256 && !json_is_null(sha256))
		rc = manifest_bad(m, row->line, e, "`sha256` is not a string");
	if (rc)
		return rc;
	if (json_is_string(bytes))
		return manifest_row_bytes(m, row, json_string_value(bytes), e);
	if (json_is_integer(bytes) && json_integer_value(bytes) >= 0) {
		row->size = (uint64_t)json_integer_value(bytes);
		row->has_size = true;
	} else if (bytes && !json_is_null(bytes)) {
		return manifest_bad(m, row->line, e, "`bytes` is not a number of bytes");
	}
	return 0;
}

int manifest_json_read(struct manifest *m, struct err *e)
{
	unsigned line = 1;
	int rc = 0;

	for (size_t i = 0; i < m->n && rc == 0; line++) {
		char *p = m->text + i, *lf = memchr(p, '\n', m->n - i);
		size_t n = lf ? (size_t)(lf - p) : m->n - i;
		struct manifest_row *row;
		json_t *o = NULL;

		i += n + 1;
		p[n] = '\0';
		if (strspn(p, " \t\r") == n)
			continue;
		rc = parse_line(&o, m, line, p, n, e);
		if (rc)
			break;
		row = manifest_row_add(m, line, e);
		rc = row ? take_row(m, row, o, e) : e ? e->code : ERR_MALFORMED;
		if (row)
			row->fields = p;
		json_decref(o);
	}
	return rc;
}

int manifest_json_fields(const struct manifest *m, const struct manifest_row *row, struct record *r,
			 struct err *e)
{
	struct text_span there;
	const char *name;
	size_t number = 0;
	json_t *o, *v;
	int rc = parse_line(&o, m, row->line, row->fields, strlen(row->fields), e);

	if (rc)
		return rc;
	json_object_foreach(o, name, v)
	{
		char key[RECORD_KEY_MAX + 1];

		manifest_key(key, name, ++number);
		if (record_get(r, key, &there))
			rc = manifest_bad(m, row->line, e, "two columns are called `%s`", key);
		else if (set_value(r, key, v) != 0)
			rc = manifest_bad(m, row->line, e, "the record can't hold `%s`", key);
		if (rc)
			break;
	}
	json_decref(o);
	return rc;
}
