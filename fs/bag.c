/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/bag_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/secret.h"
#include "crypto/text.h"

int bag_bad(enum err_code code, struct err *e, const char *path, unsigned line, const char *fmt,
	    ...)
{
	char why[360];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return line ? err_set(e, code, "%s, line %u: %s", path, line, why) :
		      err_set(e, code, "%s: %s", path, why);
}

/* ---- kinds of files ---- */

/* The algorithm in "<prefix><algorithm>.txt" at the bag's top; DIGEST_ALGS: an unknown one; -1: another
 * file. */
static int manifest_algorithm(const char *path, const char *prefix)
{
	size_t k = strlen(prefix), n = strlen(path);

	if (n < k + 5 || strncmp(path, prefix, k) != 0 || strcmp(path + n - 4, ".txt") != 0 ||
	    strchr(path, '/'))
		return -1;
	for (int a = 0; a < DIGEST_ALGS; a++)
		if (strlen(digest_name(a)) == n - k - 4 &&
		    strncmp(path + k, digest_name(a), n - k - 4) == 0)
			return a;
	return DIGEST_ALGS;
}

enum bag_kind bag_kind(const char *path)
{
	if (strncmp(path, "data/", 5) == 0)
		return BAG_PAYLOAD;
	if (strcmp(path, "bagit.txt") == 0)
		return BAG_DECLARATION;
	if (strcmp(path, "bag-info.txt") == 0)
		return BAG_INFO;
	if (strcmp(path, "fetch.txt") == 0)
		return BAG_FETCH;
	if (manifest_algorithm(path, "manifest-") >= 0)
		return BAG_MANIFEST;
	return manifest_algorithm(path, "tagmanifest-") >= 0 ? BAG_TAG_MANIFEST : BAG_TAG;
}

int bag_new(struct bag **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : ERR_NOMEM;
}

/* ---- bagit.txt and bag-info.txt ---- */

static int read_declaration(struct bag *b, const char *path, const char *p, size_t n, struct err *e)
{
	static const char *const versions[] = {"0.97", "1.0"};
	struct bag_lines l = bag_lines(p, n);
	struct text_span line;
	char want[40];

	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		return bag_bad(ERR_MALFORMED, e, path, 1, "begins with a byte order mark");
	if (!bag_line(&l, &line) || line.n < 15 || memcmp(line.p, "BagIt-Version: ", 15) != 0)
		return bag_bad(ERR_MALFORMED, e, path, 1, "is not `BagIt-Version: M.N`");
	for (size_t i = 0; i < 2 && !b->version; i++) {
		snprintf(want, sizeof(want), "BagIt-Version: %s", versions[i]);
		if (text_is(line, want))
			b->version = versions[i];
	}
	if (!b->version)
		return bag_bad(ERR_UNSUPPORTED, e, path, 1,
			       "`%.*s` is not known here: 0.97 and 1.0 are", (int)line.n, line.p);
	b->v1 = b->version[0] == '1';
	if (!bag_line(&l, &line) || line.n < 29 ||
	    memcmp(line.p, "Tag-File-Character-Encoding: ", 29) != 0)
		return bag_bad(ERR_MALFORMED, e, path, 2,
			       "is not `Tag-File-Character-Encoding: UTF-8`");
	if (!text_is(line, "Tag-File-Character-Encoding: UTF-8"))
		return bag_bad(ERR_UNSUPPORTED, e, path, 2,
			       "tag files in UTF-8 alone are known here");
	return l.left ? bag_bad(ERR_MALFORMED, e, path, 3, "there is a line too many") : 0;
}

/* "octets.files" */
static int read_oxum(struct bag *b, const char *path, unsigned number, struct text_span v,
		     struct err *e)
{
	const char *dot;

	while (v.n && (v.p[0] == ' ' || v.p[0] == '\t')) {
		v.p++;
		v.n--;
	}
	while (v.n && (v.p[v.n - 1] == ' ' || v.p[v.n - 1] == '\t'))
		v.n--;
	dot = v.n ? memchr(v.p, '.', v.n) : NULL;
	if (b->has_oxum)
		return bag_bad(ERR_MALFORMED, e, path, number, "Payload-Oxum stands there twice");
	if (!dot || !text_u64((struct text_span){v.p, (size_t)(dot - v.p)}, &b->oxum_bytes) ||
	    !text_u64((struct text_span){dot + 1, v.n - (size_t)(dot - v.p) - 1}, &b->oxum_files))
		return bag_bad(ERR_MALFORMED, e, path, number, "Payload-Oxum is not octets.files");
	b->has_oxum = true;
	return 0;
}

static int read_info(struct bag *b, const char *path, const char *p, size_t n, struct err *e)
{
	static const char label[] = "payload-oxum";
	const size_t k = sizeof(label) - 1;
	struct bag_lines l = bag_lines(p, n);
	struct text_span line;
	int rc = 0;

	while (rc == 0 && bag_line(&l, &line)) {
		bool more = line.n && (line.p[0] == ' ' || line.p[0] == '\t');

		if (line.n == 0)
			continue;
		if (!more && !memchr(line.p, ':', line.n))
			return bag_bad(ERR_MALFORMED, e, path, l.number, "is not `Label: value`");
		if (!more && line.n > k && line.p[k] == ':' && strncasecmp(line.p, label, k) == 0)
			rc = read_oxum(b, path, l.number,
				       (struct text_span){line.p + k + 1, line.n - k - 1}, e);
	}
	return rc;
}

/* ---- reading ---- */

int bag_read(struct bag *b, const char *path, const void *p, size_t n, struct err *e)
{
	enum bag_kind kind = bag_kind(path);
	bool tag = kind == BAG_TAG_MANIFEST;
	int alg;

	for (size_t i = 0, len; kind != BAG_FETCH && i < n; i += len) {
		len = text_utf8((const char *)p + i, n - i);
		if (len == 0 || ((const char *)p)[i] == '\0')
			return bag_bad(ERR_MALFORMED, e, path, 0, "is not text in UTF-8");
	}
	switch (kind) {
	case BAG_DECLARATION:
		return read_declaration(b, path, p, n, e);
	case BAG_INFO:
		return read_info(b, path, p, n, e);
	case BAG_FETCH:
		return bag_bad(
			ERR_UNSUPPORTED, e, path, 0,
			"parts of this bag lie elsewhere: fetch them, and take in the whole");
	default:
		break;
	}
	alg = manifest_algorithm(path, tag ? "tagmanifest-" : "manifest-");
	if (alg == DIGEST_ALGS)
		return bag_bad(ERR_UNSUPPORTED, e, path, 0,
			       "its algorithm is not known here: md5, sha1, sha256 and sha512 are");
	return bag_manifest_read(b, path, alg, tag, p, n, e);
}

unsigned bag_algorithms(const struct bag *b)
{
	return b->algs[0] | b->algs[1];
}

bool bag_strong(const struct bag *b)
{
	return b->algs[0] & (1u << DIGEST_SHA256 | 1u << DIGEST_SHA512);
}

const char *bag_version(const struct bag *b)
{
	return b->version ? b->version : "";
}

void bag_free(struct bag *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++) {
		secret_wipe(b->line[i].path, strlen(b->line[i].path));
		free(b->line[i].path);
	}
	free(b->line);
	free(b);
}
