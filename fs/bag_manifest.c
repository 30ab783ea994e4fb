/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fs/bag_internal.h"
#include "fs/source_path.h"
#include "index/record.h"

struct bag_lines bag_lines(const char *p, size_t n)
{
	return (struct bag_lines){.p = p, .left = n};
}

bool bag_line(struct bag_lines *l, struct text_span *line)
{
	size_t n = 0;

	if (l->left == 0)
		return false;
	while (n < l->left && l->p[n] != '\n' && l->p[n] != '\r')
		n++;
	*line = (struct text_span){l->p, n};
	l->number++;
	if (n + 1 < l->left && l->p[n] == '\r' && l->p[n + 1] == '\n')
		n++;
	n += n < l->left;
	l->p += n;
	l->left -= n;
	return true;
}

/* ---- lines ---- */

/* What stands for a line's end, and in 1.0 for '%' itself, within a path. */
static void decode(const struct bag *b, char *path)
{
	char *to = path;

	for (const char *p = path; *p; p++) {
		char c = *p;

		if (strncasecmp(p, "%0a", 3) == 0)
			c = '\n';
		else if (strncasecmp(p, "%0d", 3) == 0)
			c = '\r';
		else if (b->v1 && strncmp(p, "%25", 3) == 0)
			c = '%';
		if (c != *p || (b->v1 && strncmp(p, "%25", 3) == 0))
			p += 2;
		*to++ = c;
	}
	*to = '\0';
}

/* A path that a manifest may name, in the right half of the bag. */
static int check_path(const char *manifest, unsigned number, bool tag, const char *path,
		      struct err *e)
{
	char plain[SOURCE_PATH_SIZE];
	const char *why = path[0] == '~' ? "leads to a home folder" : source_path(plain, path);

	if (!why && strcmp(plain, path) != 0)
		why = "is not the plain name of a file";
	if (why)
		return bag_bad(ERR_MALFORMED, e, manifest, number, "`%.200s` %s", path, why);
	if (tag == (bag_kind(path) == BAG_PAYLOAD))
		return bag_bad(ERR_MALFORMED, e, manifest, number,
			       tag ? "`%.200s` is payload, which a tag manifest does not name" :
				     "`%.200s` is not below data/",
			       path);
	if (tag && bag_kind(path) == BAG_TAG_MANIFEST)
		return bag_bad(ERR_MALFORMED, e, manifest, number,
			       "a tag manifest does not name tag manifests");
	return 0;
}

static struct bag_entry *add(struct bag *b)
{
	if (b->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 64;
		struct bag_entry *p = reallocarray(b->line, cap, sizeof(*p));

		if (!p)
			return NULL;
		b->line = p;
		b->cap = cap;
	}
	memset(&b->line[b->n], 0, sizeof(b->line[b->n]));
	return &b->line[b->n];
}

static bool unhex(struct text_span s, uint8_t *out, size_t n)
{
	char lower[2 * DIGEST_SIZE_MAX];

	if (s.n != 2 * n)
		return false;
	for (size_t i = 0; i < s.n; i++)
		lower[i] = (char)tolower((unsigned char)s.p[i]);
	return text_unhex((struct text_span){lower, s.n}, out, n);
}

/* "digest, blanks, path"; 0.97 has md5sum's '*' before the path, and "./". */
static int read_line(struct bag *b, const char *manifest, int alg, bool tag, unsigned number,
		     struct text_span line, struct err *e)
{
	struct bag_entry *en = add(b);
	size_t digits = 0, at;
	const char *path;

	if (!en)
		return err_set(e, ERR_NOMEM, "out of memory for the bag's manifests");
	while (digits < line.n && line.p[digits] != ' ' && line.p[digits] != '\t')
		digits++;
	for (at = digits; at < line.n && (line.p[at] == ' ' || line.p[at] == '\t'); at++)
		;
	if (!b->v1 && at < line.n && line.p[at] == '*')
		at++;
	if (!b->v1 && line.n - at > 2 && line.p[at] == '.' && line.p[at + 1] == '/')
		at += 2;
	if (at == line.n ||
	    !unhex((struct text_span){line.p, digits}, en->digest, digest_size(alg)))
		return bag_bad(ERR_MALFORMED, e, manifest, number, "is not `%s path`",
			       digest_name(alg));
	path = en->path = text_dup(line.p + at, line.n - at);
	if (!path)
		return err_set(e, ERR_NOMEM, "out of memory for the bag's manifests");
	b->n++;
	decode(b, en->path);
	en->alg = (uint8_t)alg;
	en->tag = tag;
	en->number = number;
	return check_path(manifest, number, tag, path, e);
}

int bag_manifest_read(struct bag *b, const char *path, int alg, bool tag, const char *p, size_t n,
		      struct err *e)
{
	struct bag_lines l = bag_lines(p, n);
	struct text_span line;
	int rc = 0;

	b->algs[tag] |= 1u << alg;
	while (rc == 0 && bag_line(&l, &line)) {
		if (line.n == 0 && l.left == 0)
			break;
		rc = read_line(b, path, alg, tag, l.number, line, e);
	}
	return rc;
}

/* ---- comparing ---- */

static int by_path(const void *a, const void *b)
{
	const struct bag_entry *x = a, *y = b;
	int c = strcmp(x->path, y->path);

	return c ? c : x->tag != y->tag ? x->tag - y->tag : x->alg - y->alg;
}

static const char *name_of(const struct bag_entry *en, char out[40])
{
	snprintf(out, 40, "%smanifest-%s.txt", en->tag ? "tag" : "", digest_name(en->alg));
	return out;
}

int bag_ready(struct bag *b, struct err *e)
{
	char name[40];

	if (!b->version)
		return bag_bad(ERR_MALFORMED, e, "bagit.txt", 0, "is missing");
	if (!b->algs[0])
		return bag_bad(ERR_MALFORMED, e, "bagit.txt", 0,
			       "the bag has no payload manifest (manifest-sha256.txt)");
	if (b->n > 1)
		qsort(b->line, b->n, sizeof(*b->line), by_path);
	for (size_t i = 1; i < b->n; i++)
		if (by_path(&b->line[i - 1], &b->line[i]) == 0)
			return bag_bad(ERR_MALFORMED, e, name_of(&b->line[i], name),
				       b->line[i].number, "`%.200s` stands there twice",
				       b->line[i].path);
	return 0;
}

/* The first entry of a path, or b->n. */
static size_t find(const struct bag *b, const char *path)
{
	size_t lo = 0, hi = b->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(b->line[mid].path, path) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int bag_see(struct bag *b, const char *path, uint64_t size,
	    const uint8_t digest[DIGEST_ALGS][DIGEST_SIZE_MAX], struct err *e)
{
	enum bag_kind kind = bag_kind(path);
	unsigned must = kind == BAG_PAYLOAD ? b->algs[0] : kind == BAG_MANIFEST ? b->algs[1] : 0;
	unsigned named = 0;
	char name[40];

	if (kind == BAG_PAYLOAD) {
		b->files++;
		b->bytes += size;
	}
	for (size_t i = find(b, path); i < b->n && strcmp(b->line[i].path, path) == 0; i++) {
		struct bag_entry *en = &b->line[i];

		en->seen = true;
		named |= 1u << en->alg;
		if (memcmp(en->digest, digest[en->alg], digest_size(en->alg)) != 0)
			return bag_bad(ERR_DAMAGED, e, name_of(en, name), en->number,
				       "%.200s has another digest", path);
	}
	for (int a = 0; a < DIGEST_ALGS; a++)
		if (must & ~named & (1u << a))
			return bag_bad(ERR_DAMAGED, e, path, 0,
				       "%smanifest-%s.txt of the bag does not name it",
				       kind == BAG_PAYLOAD ? "" : "tag", digest_name(a));
	return 0;
}

int bag_end(struct bag *b, struct err *e)
{
	char name[40];

	for (size_t i = 0; i < b->n; i++)
		if (!b->line[i].seen)
			return bag_bad(ERR_DAMAGED, e, name_of(&b->line[i], name),
				       b->line[i].number, "%.200s is missing from the bag",
				       b->line[i].path);
	if (b->has_oxum && (b->oxum_bytes != b->bytes || b->oxum_files != b->files))
		return bag_bad(ERR_DAMAGED, e, "bag-info.txt", 0,
			       "Payload-Oxum is %llu.%llu, but the payload has %llu bytes in %llu "
			       "files",
			       (unsigned long long)b->oxum_bytes, (unsigned long long)b->oxum_files,
			       (unsigned long long)b->bytes, (unsigned long long)b->files);
	return 0;
}
