/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/source_archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "crypto/text.h"
#include "fs/hardlinks.h"
#include "fs/source_path.h"
#include "fs/tally.h"
#include "fs/unpack.h"

#define STEP ((size_t)256 << 10)
#define ROUNDS_MAX 64u /* names of one file, and so passes to give all of them its bytes */

struct archive_source {
	struct source base;
	const struct source_reader *ops;
	struct container c;
	struct tally tally;
	struct hardlinks links;
	bool examined; /* the first pass came to its end */

	/* Of this pass: */
	void *reader;
	const char *format;
	unsigned round; /* 0: all members; from 1: names of members that were given */
	size_t given;	/* links, before this round */
	uint64_t entries, bytes;
	size_t index;		     /* of the next item */
	char path[SOURCE_PATH_SIZE]; /* of the member */
	char *name;		     /* as it stands in the archive */
	char why[RECORD_PATH_MAX + 64];
	bool reading;	      /* it is a file, and its end was not seen yet */
	uint64_t size, got;   /* size: as its entry says; got: what the reader gave */
	struct hash_ctx hash; /* of that */
	uint8_t sha256[32];   /* of all of it, when its end was seen */
	uint8_t start[SOURCE_START];
	size_t start_n, start_given;
	uint8_t *scratch; /* STEP bytes */
};

static int bad(const struct archive_source *a, enum err_code code, const char *what, struct err *e)
{
	char name[256];
	size_t n = a->name ? strlen(a->name) : 0;

	snprintf(name, sizeof(name), "%.*s%s", n > 200 ? 200 : (int)n, n ? a->name : "(no name)",
		 n > 200 ? "..." : "");
	return err_set(e, code, "%s: the member %s %s", a->c.name, name, what);
}

/* ---- content ---- */

/* The end of a member: remembered in the first pass, compared in the others. */
static int end_member(struct archive_source *a, struct err *e)
{
	const struct tally_item *seen;

	a->reading = false;
	hash_final(&a->hash, a->sha256);
	if (a->got != a->size)
		return bad(a, ERR_DAMAGED, "has not as many bytes as its header says", e);
	if (!a->examined)
		return tally_add(&a->tally, a->path, a->size, a->sha256, e);
	seen = a->index <= a->tally.n ? &a->tally.item[a->index - 1] : NULL;
	if (!seen || strcmp(seen->path, a->path) != 0 || memcmp(seen->sha256, a->sha256, 32) != 0)
		return bad(a, ERR_SYSTEM, "changed while the archive was read", e);
	return 0;
}

/* From the reader; sees the end of the member when fewer than n come. */
static int pull(struct archive_source *a, void *buf, size_t n, size_t *got, struct err *e)
{
	const struct source_limits *max = &a->base.ask.limits;
	int rc = a->ops->read(a->reader, buf, n, got, e);

	if (rc)
		return rc;
	hash_update(&a->hash, buf, *got);
	a->got += *got;
	a->bytes += *got;
	if (max->bytes && a->bytes > max->bytes)
		return err_set(e, ERR_MALFORMED,
			       "%s holds more than %llu bytes of content (--max-bytes)", a->c.name,
			       (unsigned long long)max->bytes);
	if (unpack_bomb(a->bytes, a->c.size, max->ratio))
		return err_set(e, ERR_MALFORMED,
			       "%s unpacks to more than %llu times its size (--max-ratio)",
			       a->c.name, (unsigned long long)max->ratio);
	if (!a->examined && a->base.ask.tick && *got)
		rc = a->base.ask.tick(a->base.ask.ctx, *got, e);
	return rc == 0 && *got < n ? end_member(a, e) : rc;
}

static int drain(struct archive_source *a, struct err *e)
{
	size_t got;
	int rc = 0;

	while (rc == 0 && a->reading)
		rc = pull(a, a->scratch, STEP, &got, e);
	return rc;
}

static int archive_read(struct source *s, void *buf, size_t n, size_t *got, struct err *e)
{
	struct archive_source *a = (struct archive_source *)s;
	size_t k = a->start_n - a->start_given, more = 0;
	int rc = 0;

	if (k > n)
		k = n;
	memcpy(buf, a->start + a->start_given, k);
	a->start_given += k;
	if (a->reading && k < n)
		rc = pull(a, (char *)buf + k, n - k, &more, e);
	*got = k + more;
	return rc;
}

static int archive_digest(struct source *s, uint8_t sha256[32], struct err *e)
{
	struct archive_source *a = (struct archive_source *)s;
	int rc = drain(a, e);

	memcpy(sha256, a->sha256, 32);
	return rc;
}

/* ---- members ---- */

static int file_member(struct archive_source *a, const struct unarchive_entry *en,
		       struct source_member *m, struct err *e)
{
	const struct source_limits *max = &a->base.ask.limits;
	int rc;

	a->index++;
	a->size = m->size = en->size;
	a->got = 0;
	hash_init(&a->hash);
	if (max->bytes && en->size > max->bytes - (a->bytes < max->bytes ? a->bytes : max->bytes))
		return bad(a, ERR_MALFORMED, "is longer than may be (--max-bytes)", e);
	if (unpack_bomb(en->size, a->c.size, max->ratio))
		return bad(a, ERR_MALFORMED,
			   "unpacks to too many times the size of the archive (--max-ratio)", e);
	a->reading = true;
	rc = pull(a, a->start, sizeof(a->start), &a->start_n, e);
	a->start_given = 0;
	if (rc)
		return rc;
	memcpy(m->start, a->start, a->start_n);
	m->start_n = a->start_n;
	m->has_mode = en->has_mode;
	m->mode = en->mode;
	m->has_mtime = en->has_mtime;
	m->mtime = en->mtime;
	m->has_sha256 = a->examined && a->index <= a->tally.n;
	if (m->has_sha256)
		memcpy(m->sha256, a->tally.item[a->index - 1].sha256, 32);
	return 1;
}

/* A further name of a file, to be given its bytes after the last member. Whether the file is there
 * shows then. */
static int note_link(struct archive_source *a, const struct unarchive_entry *en, struct err *e)
{
	char target[SOURCE_PATH_SIZE];

	if (a->examined)
		return 0;
	if (source_path(target, en->link) || !target[0])
		return bad(a, ERR_MALFORMED, "is a hard link to what is no member", e);
	return hardlinks_add(&a->links, a->path, target, e);
}

/* What is no file: told of, with where it leads. */
static int other_member(struct archive_source *a, const struct unarchive_entry *en,
			struct source_member *m)
{
	if (en->link)
		snprintf(a->why, sizeof(a->why), "is a symbolic link to %s", en->link);
	else
		snprintf(a->why, sizeof(a->why), "%s", source_kind(en->type));
	m->why = a->why;
	return 1;
}

/* 0: nothing to tell (a folder). */
static int member(struct archive_source *a, const struct unarchive_entry *en,
		  struct source_member *m, struct err *e)
{
	const char *why;

	free(a->name);
	a->name = strdup(en->path ? en->path : "");
	if (!a->name)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (a->base.ask.limits.members && ++a->entries > a->base.ask.limits.members)
		return err_set(e, ERR_MALFORMED, "%s has more than %llu members (--max-members)",
			       a->c.name, (unsigned long long)a->base.ask.limits.members);
	why = source_path(a->path, a->name);
	if (why)
		return bad(a, ERR_MALFORMED, why, e);
	if (en->type == S_IFDIR)
		return 0;
	if (!a->path[0])
		return bad(a, ERR_MALFORMED, "has no name", e);
	m->path = a->path;
	if (en->hard)
		return note_link(a, en, e);
	return en->type == S_IFREG && !en->link ? file_member(a, en, m, e) : other_member(a, en, m);
}

/* In a later round: a member is given again, under its next name. */
static int link_member(struct archive_source *a, const struct unarchive_entry *en,
		       struct source_member *m, struct err *e)
{
	const char *path;

	if (en->type != S_IFREG || en->link || source_path(a->path, en->path ? en->path : ""))
		return 0;
	path = hardlinks_give(&a->links, a->path, a->round);
	if (!path)
		return 0;
	snprintf(a->path, sizeof(a->path), "%s", path);
	m->path = a->path;
	return file_member(a, en, m, e);
}

/* After the last member. */
static int end_pass(struct archive_source *a, struct err *e)
{
	int rc;

	if (a->examined)
		return 0;
	rc = tally_sort(&a->tally, a->c.name, e);
	if (rc == 0)
		rc = container_digest(&a->c, e);
	a->examined = rc == 0;
	return rc;
}

/* After the last entry: 0 and a round more, if members have names that were not given yet. */
static int next_round(struct archive_source *a, bool *more, struct err *e)
{
	const struct hardlink *left;
	int rc = a->round ? 0 : a->ops->finish(a->reader, e);

	*more = false;
	if (rc)
		return rc;
	if (a->round == 0)
		hardlinks_sort(&a->links);
	left = hardlinks_left(&a->links);
	if (!left)
		return 0;
	if ((a->round && a->links.given == a->given) || a->round == ROUNDS_MAX)
		return err_set(
			e, ERR_MALFORMED,
			a->round == ROUNDS_MAX ?
				"%s: the member %.160s is a hard link to %.160s, which has too "
				"many names" :
				"%s: the member %.160s is a hard link to %.160s, which is no "
				"member",
			a->c.name, left->path, left->target);
	a->given = a->links.given;
	a->round++;
	*more = true;
	a->ops->close(a->reader);
	a->reader = NULL;
	return a->ops->open(&a->reader, &a->c, &a->base.ask.limits, e);
}

static int archive_next(struct source *s, struct source_member *m, struct err *e)
{
	struct archive_source *a = (struct archive_source *)s;
	struct unarchive_entry en;
	bool again = true;
	int rc = drain(a, e), more = 0;

	while (rc == 0 && again) {
		while (rc == 0 && (more = a->ops->next(a->reader, &en, e)) == 1)
			rc = a->round ? link_member(a, &en, m, e) : member(a, &en, m, e);
		if (rc || more < 0)
			return rc ? rc : more;
		rc = next_round(a, &again, e);
	}
	return rc ? rc : end_pass(a, e);
}

static int archive_fields(const struct source *s, struct record *r)
{
	const struct archive_source *a = (const struct archive_source *)s;
	char hex[65];
	int rc = record_set_text(r, "container.format", a->format);

	if (rc == 0 && a->c.known) {
		text_hex(hex, a->c.sha256, 32);
		rc = record_set_text(r, "container.sha256", hex);
	}
	return rc;
}

/* ---- passes ---- */

static int archive_open(struct source *s, struct err *e)
{
	struct archive_source *a = (struct archive_source *)s;
	int rc;

	a->c.name = source_name(&s->ask);
	a->c.input = source_is_input(&s->ask);
	a->entries = a->bytes = 0;
	a->index = a->given = 0;
	a->round = 0;
	a->reading = false;
	if (!a->examined) {
		tally_free(&a->tally);
		hardlinks_free(&a->links);
	}
	a->scratch = malloc(STEP);
	rc = a->scratch ? container_open(&a->c, e) : err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = a->ops->open(&a->reader, &a->c, &s->ask.limits, e);
	if (rc == 0)
		a->format = a->ops->format(a->reader);
	return rc;
}

static void archive_close(struct source *s)
{
	struct archive_source *a = (struct archive_source *)s;

	a->ops->close(a->reader);
	a->reader = NULL;
	container_close(&a->c);
	if (a->scratch)
		secret_wipe(a->scratch, STEP);
	free(a->scratch);
	a->scratch = NULL;
	secret_wipe(a->start, sizeof(a->start));
	free(a->name);
	a->name = NULL;
}

static void archive_free(struct source *s)
{
	struct archive_source *a = (struct archive_source *)s;

	tally_free(&a->tally);
	hardlinks_free(&a->links);
	container_free(&a->c);
}

int source_archive_new(struct source **out, enum source_format format, struct err *e)
{
	static const struct source_ops ops = {
		.open = archive_open,
		.next = archive_next,
		.read = archive_read,
		.digest = archive_digest,
		.fields = archive_fields,
		.close = archive_close,
		.free = archive_free,
	};
	struct archive_source *a = calloc(1, sizeof(*a));

	if (!a)
		return err_set(e, ERR_NOMEM, "out of memory");
	a->base.ops = &ops;
	a->ops = format == SOURCE_ZIP ? &source_reader_zip : &source_reader_tar;
	a->c.fd = -1;
	*out = &a->base;
	return 0;
}
