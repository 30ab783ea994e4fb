/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/sidecar.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/text.h"

#define WORDS_MAX 16u /* of a file's name that are tried as ids */

/* What an image may be called by. Sorted by kind and name. */
enum name_kind {
	NAME_STEM, /* path but for what follows its last dot */
	NAME_FILE, /* path */
	NAME_ID	   /* of a read, in lower case */
};
struct name {
	enum name_kind kind;
	char *text;
	uint32_t sidecar;
};

struct sidecars {
	struct sidecar *list; /* sorted by path, once it is asked */
	size_t n, cap;
	struct name *name;
	size_t names, names_cap;
	bool sorted;
};

int sidecars_new(struct sidecars **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : ERR_NOMEM;
}

void sidecars_free(struct sidecars *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		record_free(s->list[i].claims);
		free(s->list[i].path);
	}
	for (size_t i = 0; i < s->names; i++)
		free(s->name[i].text);
	free(s->list);
	free(s->name);
	free(s);
}

/* ---- names ---- */

/* Length of a path without what follows the last dot of its last name. */
static size_t stem(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	return dot && dot > name ? (size_t)(dot - path) : strlen(path);
}

static void lower(char *s)
{
	for (; *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

/* Takes text. */
static int add_name(struct sidecars *s, enum name_kind kind, char *text)
{
	if (!text)
		return ERR_NOMEM;
	if (s->names == s->names_cap) {
		size_t cap = s->names_cap ? 2 * s->names_cap : 64;
		struct name *p = reallocarray(s->name, cap, sizeof(*p));

		if (!p) {
			free(text);
			return ERR_NOMEM;
		}
		s->name = p;
		s->names_cap = cap;
	}
	if (kind == NAME_ID)
		lower(text);
	s->name[s->names++] = (struct name){kind, text, (uint32_t)s->n};
	return 0;
}

/* `id` as the name of a file in the sidecar's folder. */
static char *beside(const char *path, const char *id)
{
	const char *slash = strrchr(path, '/');
	char *out = NULL;

	if (asprintf(&out, "%.*s%s", slash ? (int)(slash - path) + 1 : 0, path, id) < 0)
		return NULL;
	return out;
}

/* A GUID as text: 8-4-4-4-12 hexadecimal digits. */
static bool guid_at(const char *s)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == '-' ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	return true;
}
#define GUID_LEN 36u

/* GUIDs in the sidecar's own name: the template may have lost the element that says it. */
static int add_guids(struct sidecars *s, const char *path)
{
	const char *slash = strrchr(path, '/'), *p = slash ? slash + 1 : path;
	int rc = 0;

	for (; *p && rc == 0; p++) {
		if (!guid_at(p))
			continue;
		rc = add_name(s, NAME_ID, text_dup(p, GUID_LEN));
		p += GUID_LEN - 1;
	}
	return rc;
}

static int add_names(struct sidecars *s, const char *path, const struct sidecar_read *r)
{
	int rc = add_name(s, NAME_STEM, text_dup(path, stem(path)));

	if (rc == 0)
		rc = add_guids(s, path);
	for (size_t i = 0; i < r->ids && rc == 0; i++) {
		rc = add_name(s, NAME_ID, strdup(r->id[i]));
		if (rc == 0)
			rc = add_name(s, NAME_FILE, beside(path, r->id[i]));
	}
	return rc;
}

int sidecars_add(struct sidecars *s, const char *path, const uint8_t sha256[32],
		 struct sidecar_read *r)
{
	struct sidecar *c;

	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 16;

		c = reallocarray(s->list, cap, sizeof(*c));
		if (!c)
			return ERR_NOMEM;
		s->list = c;
		s->cap = cap;
	}
	c = &s->list[s->n];
	*c = (struct sidecar){.path = strdup(path),
			      .kind = r->kind,
			      .percent = r->percent,
			      .images = r->images,
			      .claims = r->claims};
	text_hex(c->sha256, sha256, 32);
	if (!c->path || add_names(s, path, r) != 0) {
		free(c->path);
		return ERR_NOMEM;
	}
	r->claims = NULL;
	s->n++;
	s->sorted = false;
	return 0;
}

/* ---- looking up ---- */

static int by_name(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int c = (int)x->kind - (int)y->kind;

	if (c == 0)
		c = strcmp(x->text, y->text);
	return c ? c : (x->sidecar > y->sidecar) - (x->sidecar < y->sidecar);
}

static void sort(struct sidecars *s)
{
	if (!s->sorted && s->names > 1)
		qsort(s->name, s->names, sizeof(*s->name), by_name);
	s->sorted = true;
}

struct found {
	const struct sidecars *s;
	const struct sidecar **out;
	size_t n;
};

static void note(struct found *f, const struct sidecar *c)
{
	size_t at = 0;

	for (size_t i = 0; i < f->n; i++)
		if (f->out[i] == c)
			return;
	if (f->n == SIDECAR_PER_FILE)
		return;
	while (at < f->n && strcmp(f->out[at]->path, c->path) < 0)
		at++;
	memmove(&f->out[at + 1], &f->out[at], (f->n - at) * sizeof(*f->out));
	f->out[at] = c;
	f->n++;
}

/* All that have the name. */
static void look(struct found *f, enum name_kind kind, const char *text)
{
	const struct sidecars *s = f->s;
	size_t lo = 0, hi = s->names;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct name key = {kind, (char *)text, 0};

		if (by_name(&s->name[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < s->names && s->name[lo].kind == kind && strcmp(s->name[lo].text, text) == 0;
	     lo++)
		note(f, &s->list[s->name[lo].sidecar]);
}

/* Ids in the name of a file: all of it, GUIDs in it, and what is left of it without its last words
 * ("<id>_context") or its first ("camera_<id>"). Changes name. */
static void look_ids(struct found *f, char *name)
{
	char *cut, *from = name;

	lower(name);
	look(f, NAME_ID, name);
	for (char *p = name; *p; p++) {
		if (guid_at(p)) {
			char id[GUID_LEN + 1];

			memcpy(id, p, GUID_LEN);
			id[GUID_LEN] = '\0';
			look(f, NAME_ID, id);
			p += GUID_LEN - 1;
		}
	}
	for (unsigned i = 0; i < WORDS_MAX && (from = strpbrk(from, "_.")); i++)
		look(f, NAME_ID, ++from);
	for (unsigned i = 0; i < WORDS_MAX; i++) {
		cut = name + strlen(name);
		while (cut > name && !strchr("_-.", *--cut))
			;
		if (cut == name)
			break;
		*cut = '\0';
		look(f, NAME_ID, name);
	}
}

const struct sidecar *sidecars_at(struct sidecars *s, const char *path)
{
	const struct sidecar *out[SIDECAR_PER_FILE];
	struct found f = {s, out, 0};
	char *own = s->n ? text_dup(path, stem(path)) : NULL;
	size_t lo = 0;

	if (!own)
		return NULL;
	sort(s);
	look(&f, NAME_STEM, own);
	free(own);
	while (lo < f.n && strcmp(out[lo]->path, path) != 0)
		lo++;
	return lo < f.n ? out[lo] : NULL;
}

size_t sidecars_of(struct sidecars *s, const char *path,
		   const struct sidecar *out[SIDECAR_PER_FILE])
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	struct found f = {s, out, 0};
	char *own, *name;

	if (s->n == 0 || sidecars_at(s, path))
		return 0;
	own = text_dup(path, stem(path));
	name = text_dup(base, stem(base));
	if (own && name) {
		sort(s);
		look(&f, NAME_STEM, own);
		look(&f, NAME_STEM, path);
		look(&f, NAME_FILE, path);
		look_ids(&f, name);
	}
	free(own);
	free(name);
	return f.n;
}
