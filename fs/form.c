/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/form.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_LEN 20 /* "2026-11-23T07:10:00Z" */

void form_fail(struct form *f, int code, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	if (f->rc)
		return;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	f->rc = err_set(f->e, code, "%s, line %u: %s", f->title, f->in.line, why);
}

/* True for "<kind>/v<digits>" of the kind that `title` is of. */
static bool other_version(struct text_span line, const char *title)
{
	size_t kind = (size_t)(strrchr(title, '/') - title) + 2;
	uint64_t version;

	if (line.n <= kind || memcmp(line.p, title, kind) != 0)
		return false;
	return text_u64((struct text_span){line.p + kind, line.n - kind}, &version);
}

struct form form_begin(struct text_span text, const char *title, struct err *e)
{
	struct form f = {.in = text_in_init(text.p, text.n), .title = title, .e = e};
	struct text_span line;

	if (!text_line(&f.in, &line))
		f.rc = err_set(e, ERR_FOREIGN, "not a %s: no text", title);
	else if (text_is(line, title))
		return f;
	else if (other_version(line, title))
		f.rc = err_set(e, ERR_NEWER, "%.*s: this program knows %s only", (int)line.n,
			       line.p, title);
	else
		f.rc = err_set(e, ERR_FOREIGN, "not a %s: it begins with '%.*s'", title,
			       line.n > 60 ? 60 : (int)line.n, line.p);
	return f;
}

bool form_next(const struct form *f, const char *key)
{
	const size_t k = strlen(key);
	struct text_span line;

	if (f->rc || !text_peek(&f->in, &line))
		return false;
	return line.n > k + 1 && memcmp(line.p, key, k) == 0 && memcmp(line.p + k, ": ", 2) == 0;
}

void form_span(struct form *f, const char *key, struct text_span *v)
{
	*v = (struct text_span){"", 0};
	if (f->rc || text_field(&f->in, key, v))
		return;
	f->in.line++; /* the line that is looked at, not the one before */
	form_fail(f, ERR_MALFORMED, "'%s: ...' must stand here", key);
}

void form_text(struct form *f, const char *key, char *out, size_t cap)
{
	struct text_span v;

	form_span(f, key, &v);
	if (!text_copy(v, out, cap))
		form_fail(f, ERR_MALFORMED, "'%s' is longer than %zu bytes", key, cap - 1);
	if (f->rc)
		out[0] = '\0';
}

static void form_hex(struct form *f, const char *key, uint8_t *out, size_t n)
{
	struct text_span v;

	form_span(f, key, &v);
	if (!f->rc && text_unhex(v, out, n))
		return;
	memset(out, 0, n);
	form_fail(f, ERR_MALFORMED, "'%s' must be %zu lower-case hex digits", key, 2 * n);
}

void form_id(struct form *f, const char *key, uint8_t id[16])
{
	form_hex(f, key, id, 16);
}

void form_hash(struct form *f, const char *key, uint8_t hash[32])
{
	form_hex(f, key, hash, 32);
}

void form_time(struct form *f, const char *key, int64_t *ms)
{
	struct text_span v;

	form_span(f, key, &v);
	if (v.n == TIME_LEN && text_parse_time(v, ms))
		return;
	*ms = 0;
	form_fail(f, ERR_MALFORMED, "'%s' must be a time like 2026-11-23T07:10:00Z", key);
}

void form_u64(struct form *f, const char *key, uint64_t *n)
{
	struct text_span v;

	form_span(f, key, &v);
	if (!text_u64(v, n))
		form_fail(f, ERR_MALFORMED, "'%s' must be a number", key);
}

void form_yes(struct form *f, const char *key, bool *yes)
{
	struct text_span v;

	form_span(f, key, &v);
	*yes = text_is(v, "yes");
	if (!*yes && !text_is(v, "no"))
		form_fail(f, ERR_MALFORMED, "'%s' must be yes or no", key);
}

void form_checkpoint(struct form *f, const char *key, struct note_checkpoint *c)
{
	struct text_span v, origin, size, root;

	form_span(f, key, &v);
	if (!f->rc && text_word(&v, &origin) && text_word(&v, &size) && text_word(&v, &root) &&
	    v.n == 0 && text_copy(origin, c->origin, sizeof(c->origin)) &&
	    text_u64(size, &c->size) &&
	    text_unbase64(root, c->root, sizeof(c->root)) == sizeof(c->root))
		return;
	memset(c, 0, sizeof(*c));
	form_fail(f, ERR_MALFORMED, "'%s' must be an origin, a size and a root hash", key);
}

bool form_room(struct form *f, void **list, size_t n, size_t max, size_t size)
{
	void *p;

	if (n >= max)
		form_fail(f, ERR_MALFORMED, "more than %zu lines of this kind", max);
	if (f->rc)
		return false;
	if (n & (n - 1))
		return true; /* not a power of two: there is room */
	p = reallocarray(*list, n ? 2 * n : 1, size);
	if (p)
		*list = p;
	else
		form_fail(f, ERR_NOMEM, "out of memory");
	return p;
}

static int compare(const void *a, const void *b, void *len)
{
	return memcmp(a, b, *(const size_t *)len);
}

bool form_distinct(const void *list, size_t n, size_t size, size_t len)
{
	uint8_t *key = n ? reallocarray(NULL, n, len) : NULL;
	bool ok = key || n == 0;

	for (size_t i = 0; key && i < n; i++)
		memcpy(key + i * len, (const uint8_t *)list + i * size, len);
	if (key)
		qsort_r(key, n, len, compare, &len);
	for (size_t i = 1; ok && i < n; i++)
		ok = memcmp(key + (i - 1) * len, key + i * len, len) != 0;
	free(key);
	return ok;
}

int form_end(struct form *f)
{
	struct text_span line;

	if (f->rc == 0 && f->in.left > 0) {
		bool text = text_line(&f->in, &line);

		if (!text)
			f->in.line++;
		form_fail(f, ERR_MALFORMED, text ? "nothing may stand here" : "not text");
	}
	return f->rc;
}
