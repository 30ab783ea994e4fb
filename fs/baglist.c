/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/baglist.h"

#include <stdlib.h>
#include <string.h>

#define HEX_SHA256 64u
#define COMPONENT_MAX 255u

/* ---- paths ---- */

void baglist_path_encode(struct wire_out *out, const void *p, size_t n)
{
	const char *s = p;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n' || s[i] == '\r' || s[i] == '%')
			wire_out_printf(out, "%%%02X", (unsigned)s[i]);
		else
			wire_out_u8(out, (uint8_t)s[i]);
	}
}

/* The byte that a '%' and the two characters after it stand for; 0 if there is none. */
static char escaped(const char *s, size_t left)
{
	if (left < 3)
		return 0;
	if (s[1] == '0' && (s[2] | 0x20) == 'a')
		return '\n';
	if (s[1] == '0' && (s[2] | 0x20) == 'd')
		return '\r';
	return s[1] == '2' && s[2] == '5' ? '%' : 0;
}

bool baglist_path_decode(struct wire_out *out, struct text_span encoded)
{
	const size_t start = out->n;

	for (size_t i = 0; i < encoded.n; i++) {
		char c = encoded.p[i];

		if (c == '%') {
			c = escaped(encoded.p + i, encoded.n - i);
			if (!c) {
				out->n = start;
				return false;
			}
			i += 2;
		}
		wire_out_u8(out, (uint8_t)c);
	}
	return true;
}

static bool is_utf8(const char *s, size_t n)
{
	for (size_t i = 0, step; i < n; i += step) {
		step = text_utf8(s + i, n - i);
		if (step == 0 || s[i] == '\0')
			return false;
	}
	return true;
}

bool baglist_path_ok(const void *p, size_t n)
{
	const char *s = p;

	if (n == 0 || n > BAGLIST_PATH_MAX || s[0] == '~' || !is_utf8(s, n))
		return false;
	for (size_t i = 0, len; i <= n; i += len + 1) {
		const char *slash = memchr(s + i, '/', n - i);

		len = slash ? (size_t)(slash - (s + i)) : n - i;
		if (len == 0 || len > COMPONENT_MAX || (len == 1 && s[i] == '.') ||
		    (len == 2 && s[i] == '.' && s[i + 1] == '.'))
			return false;
	}
	return true;
}

/* ---- lists ---- */

void baglist_free(struct baglist *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->file[i].path);
	free(l->file);
	*l = (struct baglist){0};
}

int baglist_add(struct baglist *l, const char *path, size_t n, const uint8_t sha256[32],
		uint64_t size)
{
	struct baglist_file *f;

	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;

		f = reallocarray(l->file, cap, sizeof(*f));
		if (!f)
			return ERR_NOMEM;
		l->file = f;
		l->cap = cap;
	}
	f = &l->file[l->n];
	f->path = text_dup(path, n);
	if (!f->path)
		return ERR_NOMEM;
	memcpy(f->sha256, sha256, sizeof(f->sha256));
	f->size = size;
	l->n++;
	l->sorted = false;
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct baglist_file *)a)->path,
		      ((const struct baglist_file *)b)->path);
}

const char *baglist_sort(struct baglist *l)
{
	if (l->n)
		qsort(l->file, l->n, sizeof(*l->file), by_path);
	l->sorted = true;
	for (size_t i = 1; i < l->n; i++)
		if (by_path(&l->file[i - 1], &l->file[i]) == 0)
			return l->file[i].path;
	return NULL;
}

struct baglist_file *baglist_find(const struct baglist *l, const char *path)
{
	const struct baglist_file key = {.path = (char *)path};

	return l->n && l->sorted ? bsearch(&key, l->file, l->n, sizeof(key), by_path) : NULL;
}

void baglist_text(struct wire_out *out, const struct baglist *l)
{
	char hex[HEX_SHA256 + 1];

	for (size_t i = 0; i < l->n; i++) {
		text_hex(hex, l->file[i].sha256, sizeof(l->file[i].sha256));
		wire_out_printf(out, "%s  ", hex);
		baglist_path_encode(out, l->file[i].path, strlen(l->file[i].path));
		wire_out_u8(out, '\n');
	}
}

/* ---- reading ---- */

/* 64 hex digits, then spaces and tabs, at least one; *line is what is left. */
static bool take_digest(struct text_span *line, uint8_t sha256[32])
{
	char hex[HEX_SHA256];
	size_t i = 0;

	if (line->n < HEX_SHA256)
		return false;
	for (; i < HEX_SHA256; i++)
		hex[i] = line->p[i] >= 'A' && line->p[i] <= 'F' ? (char)(line->p[i] | 0x20) :
								  line->p[i];
	if (!text_unhex((struct text_span){hex, sizeof(hex)}, sha256, 32))
		return false;
	while (i < line->n && (line->p[i] == ' ' || line->p[i] == '\t'))
		i++;
	line->p += i;
	line->n -= i;
	return i > HEX_SHA256;
}

static int take_line(struct baglist *l, struct text_span line, struct wire_out *path)
{
	uint8_t sha256[32];

	wire_out_reset(path);
	if (!take_digest(&line, sha256) || !baglist_path_decode(path, line))
		return ERR_MALFORMED;
	if (!wire_out_ok(path))
		return ERR_NOMEM;
	if (!baglist_path_ok(path->p, path->n))
		return ERR_MALFORMED;
	return baglist_add(l, (char *)path->p, path->n, sha256, 0);
}

int baglist_parse(struct baglist *l, struct text_span text, const char *name, struct err *e)
{
	struct wire_out path = {0};
	const char *twice;
	unsigned number = 0;
	int rc = 0;

	while (rc == 0 && text.n > 0) {
		const char *lf = memchr(text.p, '\n', text.n);
		const struct text_span line = {text.p, lf ? (size_t)(lf - text.p) : text.n};

		number++;
		rc = lf ? take_line(l, line, &path) : ERR_MALFORMED;
		text.p += line.n + 1;
		text.n -= lf ? line.n + 1 : text.n;
	}
	wire_out_free(&path);
	if (rc == ERR_NOMEM)
		return err_set(e, rc, "out of memory");
	if (rc)
		return err_set(e, rc, "line %u of %s is not a digest and the path of a file",
			       number, name);
	twice = baglist_sort(l);
	return twice ? err_set(e, ERR_MALFORMED, "%s names %.200s twice", name, twice) : 0;
}
