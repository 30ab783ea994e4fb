/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/intake_leave.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/text.h"

struct left {
	char *source, *path, *why;
};

struct intake_leave {
	struct left *list;
	size_t n, cap;
	uint32_t *file; /* numbers of those that are files, sorted by path once it is asked */
	size_t files;
	bool sorted;
};

int intake_leave_new(struct intake_leave **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : ERR_NOMEM;
}

void intake_leave_free(struct intake_leave *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++) {
		free(l->list[i].source);
		free(l->list[i].path);
		free(l->list[i].why);
	}
	free(l->list);
	free(l->file);
	free(l);
}

static bool grow(struct intake_leave *l)
{
	size_t cap = l->cap ? 2 * l->cap : 16;
	struct left *list = reallocarray(l->list, cap, sizeof(*list));
	uint32_t *file;

	if (!list)
		return false;
	l->list = list;
	file = reallocarray(l->file, cap, sizeof(*file));
	if (!file)
		return false;
	l->file = file;
	l->cap = cap;
	return true;
}

int intake_leave_add(struct intake_leave *l, const char *source, const char *path, const char *why,
		     bool file)
{
	struct left *one;

	if (l->n == l->cap && !grow(l))
		return ERR_NOMEM;
	one = &l->list[l->n++];
	*one = (struct left){strdup(source), strdup(path), strdup(why)};
	if (!one->source || !one->path || !one->why)
		return ERR_NOMEM;
	if (file)
		l->file[l->files++] = (uint32_t)(l->n - 1);
	l->sorted = false;
	return 0;
}

static int compare(const struct left *a, const char *source, const char *path)
{
	int c = strcmp(a->path, path);

	return c ? c : strcmp(a->source, source);
}

static int by_path(const void *a, const void *b, void *ctx)
{
	const struct left *list = ctx, *y = &list[*(const uint32_t *)b];

	return compare(&list[*(const uint32_t *)a], y->source, y->path);
}

bool intake_leave_has(struct intake_leave *l, const char *source, const char *path)
{
	size_t lo = 0, hi = l->files;

	if (!l->sorted && l->files > 1)
		qsort_r(l->file, l->files, sizeof(*l->file), by_path, l->list);
	l->sorted = true;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = compare(&l->list[l->file[mid]], source, path);

		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* A name as JSON: bytes that are no text as hexadecimal digits, under another member. */
static int set_name(json_t *o, const char *key, const char *hex_key, const char *name)
{
	size_t n = strlen(name);
	json_t *v = json_stringn(name, n);
	char *hex;
	int rc;

	if (v)
		return json_object_set_new(o, key, v);
	hex = malloc(2 * n + 1);
	if (!hex)
		return -1;
	text_hex(hex, name, n);
	rc = json_object_set_new(o, hex_key, json_string(hex));
	free(hex);
	return rc;
}

int intake_leave_text(const struct intake_leave *l, struct wire_out *out)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct left *one = &l->list[i];
		json_t *o = json_object();
		char *text = NULL;

		if (o && set_name(o, "source", "source_hex", one->source) == 0 &&
		    set_name(o, "path", "path_hex", one->path) == 0 &&
		    set_name(o, "why", "why_hex", one->why) == 0)
			text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
		json_decref(o);
		if (!text)
			return ERR_NOMEM;
		wire_out_text(out, text);
		wire_out_text(out, "\n");
		free(text);
	}
	return wire_out_ok(out) ? 0 : ERR_NOMEM;
}

bool intake_leave_empty(const struct intake_leave *l)
{
	return l->n == 0;
}
