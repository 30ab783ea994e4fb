/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source that may be a bag, or holds one: the source below it is passed on, and the tag files that
 * go by in the first pass are kept. At its end, if they make a bag, all of it is read once more and
 * held to its manifests; later passes are held to what was read then.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "fs/bag.h"
#include "fs/source_internal.h"
#include "fs/tally.h"

#define STEP ((size_t)256 << 10)
#define TAGS_MAX 64u /* bagit.txt, bag-info.txt, fetch.txt, two manifests an algorithm: 11 */

struct tag {
	char *path;
	uint8_t *p;
	size_t n;
};

struct bag_source {
	struct source base;
	struct source *below;
	bool folder; /* below is one: then the bag is that folder itself */
	bool examined, is_bag;
	struct bag *bag;
	char version[8], algorithms[48];
	struct tally tally; /* of a bag; sorted */

	/* Of the first pass: */
	struct tag tag[TAGS_MAX];
	size_t tags, kept;
	bool overflow;		       /* there was more than a bag has */
	char top[RECORD_NAME_MAX + 2]; /* "x/", if all lies below x */
	bool several;		       /* there is more than one top-level name */
	const struct tag *current;     /* what source_read() gives; NULL: it is read from below */
	size_t given;
	uint8_t *buf; /* STEP bytes */
};

/* ---- tag files ---- */

/* The file's name within a bag whose top is at most one folder deep; NULL if it can't be a tag file. */
static const char *tag_name(const struct bag_source *b, const char *path)
{
	const char *slash = strchr(path, '/');

	if (slash && (b->folder || strchr(slash + 1, '/')))
		return NULL;
	return bag_kind(slash ? slash + 1 : path) >= BAG_DECLARATION ? (slash ? slash + 1 : path) :
								       NULL;
}

static int read_below(struct bag_source *b, const struct source_member *m, uint64_t off, void *buf,
		      size_t n, size_t *got, struct err *e)
{
	ssize_t r;

	if (m->fd < 0)
		return source_read(b->below, buf, n, got, e);
	for (*got = 0; *got < n; *got += (size_t)r) {
		r = pread(m->fd, (char *)buf + *got, n - *got, (off_t)(off + *got));
		if (r < 0 && errno == EINTR) {
			r = 0;
			continue;
		}
		if (r < 0)
			return err_sys(e, "can't read %s", m->path);
		if (r == 0)
			break;
	}
	return 0;
}

static int keep_tag(struct bag_source *b, const struct source_member *m, struct err *e)
{
	struct tag *t = &b->tag[b->tags];
	uint8_t more;
	size_t over;
	int rc;

	if (b->tags == TAGS_MAX || m->size > BAG_TAG_MAX - b->kept) {
		b->overflow = true;
		return 0;
	}
	b->kept += (size_t)m->size;
	*t = (struct tag){.path = strdup(m->path), .p = malloc((size_t)m->size + 1)};
	b->tags++;
	if (!t->path || !t->p)
		return err_set(e, ERR_NOMEM, "out of memory for a bag's tag files");
	rc = read_below(b, m, 0, t->p, (size_t)m->size, &t->n, e);
	if (rc == 0 && t->n == m->size)
		rc = read_below(b, m, t->n, &more, 1, &over, e);
	if (rc == 0 && (t->n != m->size || over))
		rc = err_set(e, ERR_SYSTEM, "%s changed while it was read", m->path);
	if (rc == 0 && m->fd < 0) {
		b->current = t;
		b->given = 0;
	}
	return rc;
}

static void drop_tags(struct bag_source *b)
{
	for (size_t i = 0; i < b->tags; i++) {
		free(b->tag[i].path);
		free(b->tag[i].p);
	}
	b->tags = b->kept = 0;
	b->overflow = false;
	b->current = NULL;
}

static void see_top(struct bag_source *b, const char *path)
{
	size_t n = strcspn(path, "/");

	if (path[n] == '/')
		n++;
	if (!b->top[0] && n < sizeof(b->top) && path[n - 1] == '/')
		memcpy(b->top, path, n);
	else if (strncmp(b->top, path, n) != 0 || b->top[n])
		b->several = true;
}

/* ---- verifying ---- */

/* The path within the bag, whose folder is `top` ("" for none). */
static const char *inside(const char *top, const char *path)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 ? path + n : NULL;
}

static int read_tags(struct bag_source *b, const char *top, struct err *e)
{
	int rc = bag_new(&b->bag) ? err_set(e, ERR_NOMEM, "out of memory") : 0;

	if (rc == 0 && b->overflow)
		rc = err_set(e, ERR_MALFORMED, "it has more tag files than a bag may have");

	/* The declaration says how the others are to be read. */
	for (int declaration = 1; declaration >= 0; declaration--)
		for (size_t i = 0; rc == 0 && i < b->tags; i++) {
			const char *name = inside(top, b->tag[i].path);

			if (name && !strchr(name, '/') && bag_kind(name) >= BAG_DECLARATION &&
			    (bag_kind(name) == BAG_DECLARATION) == declaration)
				rc = bag_read(b->bag, name, b->tag[i].p, b->tag[i].n, e);
		}
	return rc ? rc : bag_ready(b->bag, e);
}

/* A member is read and held to the manifests. */
static int verify_member(struct bag_source *b, const char *top, const struct source_member *m,
			 struct digest *d, struct err *e)
{
	uint8_t digests[DIGEST_ALGS][DIGEST_SIZE_MAX], sha256[32];
	const char *name = inside(top, m->path);
	struct hash_ctx h;
	uint64_t off = 0;
	size_t got = STEP;
	int rc = 0;

	if (!name)
		return err_set(e, ERR_MALFORMED, "%s does not lie in the bag's folder", m->path);
	hash_init(&h);
	digest_begin(d);
	while (rc == 0 && got == STEP) {
		rc = read_below(b, m, off, b->buf, STEP, &got, e);
		if (rc)
			break;
		hash_update(&h, b->buf, got);
		digest_update(d, b->buf, got);
		off += got;
		if (b->base.ask.tick)
			rc = b->base.ask.tick(b->base.ask.ctx, got, e);
	}
	hash_final(&h, sha256);
	digest_end(d, digests);
	if (rc == 0)
		rc = bag_see(b->bag, name, off, (const uint8_t(*)[DIGEST_SIZE_MAX])digests, e);
	return rc ? rc : tally_add(&b->tally, m->path, off, sha256, e);
}

static int verify_members(struct bag_source *b, const char *top, struct digest *d, struct err *e)
{
	struct source_member m;
	int rc = source_open(b->below, e), more = 0;

	while (rc == 0 && (more = source_next(b->below, &m, e)) == 1) {
		if (m.why)
			rc = err_set(e, ERR_MALFORMED, "%s %s: a bag holds files alone", m.path,
				     m.why);
		else
			rc = verify_member(b, top, &m, d, e);
		if (m.fd >= 0)
			close(m.fd);
	}
	source_close(b->below);
	return rc ? rc : more;
}

static void describe(struct bag_source *b)
{
	size_t n = 0;

	snprintf(b->version, sizeof(b->version), "%s", bag_version(b->bag));
	for (int a = 0; a < DIGEST_ALGS; a++)
		if (bag_algorithms(b->bag) & (1u << a))
			n += (size_t)snprintf(b->algorithms + n, sizeof(b->algorithms) - n, "%s%s",
					      n ? " " : "", digest_name(a));
}

static int verify(struct bag_source *b, const char *top, struct err *e)
{
	struct digest *d = NULL;
	int rc = read_tags(b, top, e);

	if (rc == 0 && digest_new(&d, bag_algorithms(b->bag)) != 0)
		rc = err_set(e, ERR_UNSUPPORTED, "this machine can't compute the bag's digests");
	b->buf = malloc(STEP);
	if (rc == 0 && !b->buf)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = verify_members(b, top, d, e);
	if (rc == 0)
		rc = bag_end(b->bag, e);
	if (rc == 0)
		rc = tally_sort(&b->tally, source_name(&b->base.ask), e);
	if (rc == 0)
		describe(b);
	if (rc == 0 && !bag_strong(b->bag) && b->base.ask.note)
		b->base.ask.note(b->base.ask.ctx,
				 "the bag's manifests are of weak digests alone (md5, sha1): they "
				 "show accidents, not deceit");
	if (b->buf)
		secret_wipe(b->buf, STEP);
	free(b->buf);
	b->buf = NULL;
	digest_free(d);
	bag_free(b->bag);
	b->bag = NULL;
	return rc ? err_prefix(e, rc, "the bag %s", source_name(&b->base.ask)) : 0;
}

/* At the end of the first pass: where the declaration lies tells whether this is a bag. */
static int examine(struct bag_source *b, struct err *e)
{
	const char *top = NULL;
	int rc = 0;

	for (size_t i = 0; i < b->tags; i++) {
		const char *p = b->tag[i].path;

		if (strcmp(p, "bagit.txt") == 0)
			top = "";
		else if (!top && !b->folder && !b->several && inside(b->top, p) &&
			 strcmp(inside(b->top, p), "bagit.txt") == 0)
			top = b->top;
	}
	if (top) {
		rc = verify(b, top, e);
		b->is_bag = true;
	} else if (b->base.ask.format == SOURCE_BAG) {
		rc = err_set(e, ERR_MALFORMED, "%s is no BagIt bag: it has no bagit.txt",
			     source_name(&b->base.ask));
	}
	drop_tags(b);
	b->examined = rc == 0;
	return rc;
}

/* ---- passes ---- */

static int bag_open(struct source *s, struct err *e)
{
	struct bag_source *b = (struct bag_source *)s;

	if (!b->examined) {
		drop_tags(b);
		tally_free(&b->tally);
		b->top[0] = '\0';
		b->several = false;
	}
	return source_open(b->below, e);
}

static int bag_next(struct source *s, struct source_member *m, struct err *e)
{
	struct bag_source *b = (struct bag_source *)s;
	const struct tally_item *seen;
	int rc = source_next(b->below, m, e);

	b->current = NULL;
	if (rc == 0 && !b->examined)
		rc = examine(b, e);
	if (rc != 1 || m->why)
		return rc;
	if (!b->examined) {
		see_top(b, m->path);
		rc = tag_name(b, m->path) ? keep_tag(b, m, e) : 0;
		if (rc && m->fd >= 0)
			close(m->fd);
		return rc ? rc : 1;
	}
	if (!b->is_bag)
		return 1;
	seen = tally_find(&b->tally, m->path);
	if (!seen) {
		if (m->fd >= 0)
			close(m->fd);
		return err_set(e, ERR_SYSTEM, "%s was put into the bag while it was read", m->path);
	}
	m->has_sha256 = true;
	memcpy(m->sha256, seen->sha256, 32);
	return 1;
}

static int bag_source_read(struct source *s, void *buf, size_t n, size_t *got, struct err *e)
{
	struct bag_source *b = (struct bag_source *)s;
	size_t left = b->current ? b->current->n - b->given : 0;

	if (!b->current)
		return source_read(b->below, buf, n, got, e);
	*got = n < left ? n : left;
	memcpy(buf, b->current->p + b->given, *got);
	b->given += *got;
	return 0;
}

static int bag_digest(struct source *s, uint8_t sha256[32], struct err *e)
{
	return source_digest(((struct bag_source *)s)->below, sha256, e);
}

static int bag_fields(const struct source *s, struct record *r)
{
	const struct bag_source *b = (const struct bag_source *)s;
	int rc = source_fields(b->below, r);

	if (rc == 0 && b->is_bag)
		rc = record_set_text(r, "bag.version", b->version);
	if (rc == 0 && b->is_bag)
		rc = record_set_text(r, "bag.verified-by", b->algorithms);
	return rc;
}

static void bag_close(struct source *s)
{
	source_close(((struct bag_source *)s)->below);
}

static void bag_source_free(struct source *s)
{
	struct bag_source *b = (struct bag_source *)s;

	source_free(b->below);
	drop_tags(b);
	tally_free(&b->tally);
}

int source_bag_new(struct source **out, struct source *below, bool folder, struct err *e)
{
	static const struct source_ops ops = {
		.open = bag_open,
		.next = bag_next,
		.read = bag_source_read,
		.digest = bag_digest,
		.fields = bag_fields,
		.close = bag_close,
		.free = bag_source_free,
	};
	struct bag_source *b = calloc(1, sizeof(*b));

	*out = NULL;
	if (!b)
		return err_set(e, ERR_NOMEM, "out of memory");
	b->base.ops = &ops;
	b->below = below;
	b->folder = folder;
	*out = &b->base;
	return 0;
}
