/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/intake.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/intake_compare.h"
#include "fs/intake_record.h"
#include "fs/source.h"

#define FORBIDDEN 5 /* folders that are never entered: the archive's four and the node's */

struct intake {
	struct station *s;
	const struct intake_ask *ask;
	struct manifest *m; /* may be NULL */
	char *base;	    /* real path of the manifest's folder; NULL if there is none */
	struct stat forbidden[FORBIDDEN];
	size_t forbiddens;

	struct source **sources; /* ask->nsources */
	const char *source;	 /* the one being walked */
	struct source *from;	 /* the same */
	const char *path;	 /* of the member that is looked at */
	char *prefix;	  /* its path within base, "" for base itself; NULL when it lies outside */
	struct ingest *g; /* NULL: the survey */
	struct ingest_sum *sum;
	uint64_t files, bytes, matched; /* seen by this walk */
	uint64_t left;			/* left out of this source by this walk */
	char why[200];			/* why the last of these was */
	struct intake_progress progress;
	char **paths; /* of the survey, when there are several sources */
	size_t cap;
};

static int tell_progress(struct intake *t, struct err *e)
{
	struct ingest_sum now = {0};

	if (!t->ask->progress)
		return 0;
	if (t->g)
		ingest_progress(t->g, &now);
	t->progress.items = now.items;
	t->progress.bytes = now.bytes;
	if (t->ask->progress(t->ask->ctx, &t->progress) != 0)
		return err_set(e, ERR_SYSTEM, "the ingest was stopped");
	return 0;
}

/* ---- the manifest's rows ---- */

/* The row that tells about a path of the source. */
static int find_row(struct intake *t, const char *path, const struct manifest_row **row,
		    struct err *e)
{
	char *joined = NULL;

	*row = NULL;
	if (!t->m)
		return 0;
	if (t->prefix && t->prefix[0]) {
		if (asprintf(&joined, "%s/%s", t->prefix, path) < 0)
			return err_set(e, ERR_NOMEM, "out of memory");
		*row = manifest_find(t->m, joined);
		free(joined);
	}
	if (!*row)
		*row = manifest_find(t->m, path);
	if (*row)
		t->matched++;
	/* Twice in one survey: the row tells about two files. */
	if (*row && !t->g && (*row)->uses > 1)
		return err_set(e, ERR_USAGE,
			       "line %u of the manifest (%s) fits two files: ingest their sources "
			       "one by one",
			       (*row)->line, (*row)->file);
	return 0;
}

/* Told in the walk that counts. */
static void unread(void *ctx, const char *name, struct text_span value, const char *why)
{
	const struct intake *t = ctx;

	if (t->ask->unread && (t->g || t->ask->dry_run))
		t->ask->unread(t->ask->ctx, t->path, name, value, why);
}

static int make_record(struct intake *t, struct record **out, const struct source_member *m,
		       const struct manifest_row *row, struct err *e)
{
	const struct intake_record_ask ask = {
		.host = t->ask->host,
		.user = t->ask->user,
		.name = t->source,
		.source = t->from,
		.member = m,
		.manifest = t->m,
		.row = row,
		.meta = t->ask->meta,
		.zone = t->ask->zone,
		.unread = unread,
		.ctx = t,
	};

	t->path = m->path;
	return intake_record_make(out, &ask, e);
}

/* ---- the survey ---- */

/* Are paths compared, or listed? */
static bool listing(const struct intake *t)
{
	return t->ask->dry_run && t->ask->take;
}

static int remember_path(struct intake *t, const char *path, struct err *e)
{
	if (t->ask->nsources < 2 && !listing(t))
		return 0;
	if (t->files == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 1024;
		char **p = reallocarray(t->paths, cap, sizeof(*p));

		if (!p)
			return err_set(e, ERR_NOMEM, "out of memory");
		t->paths = p;
		t->cap = cap;
	}
	t->paths[t->files] = strdup(path);
	return t->paths[t->files] ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

static int compared(void *ctx, size_t n, struct err *e)
{
	struct intake *t = ctx;

	t->progress.compared += n;
	return tell_progress(t, e);
}

static int survey_row(struct intake *t, const struct source_member *m, struct err *e)
{
	const struct manifest_row *row;
	struct record *r;
	int rc = find_row(t, m->path, &row, e);

	if (rc || !row)
		return rc;
	rc = intake_compare(t->from, m, row, compared, t, e);
	if (rc)
		return rc;
	rc = make_record(t, &r, m, row, e);
	if (rc == 0)
		record_free(r);
	return rc;
}

static int survey_member(struct intake *t, const struct source_member *m, struct err *e)
{
	int rc = survey_row(t, m, e);

	if (m->fd >= 0)
		close(m->fd);
	if (rc == 0)
		rc = remember_path(t, m->path, e);
	if (rc)
		return rc;
	t->files++;
	t->bytes += m->size;
	t->progress.total_items = t->files;
	t->progress.total_bytes = t->bytes;
	return tell_progress(t, e);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_paths(struct intake *t, struct err *e)
{
	if (t->ask->nsources < 2 || t->files < 2)
		return 0;
	qsort(t->paths, t->files, sizeof(*t->paths), by_bytes);
	for (size_t i = 1; i < t->files; i++)
		if (strcmp(t->paths[i - 1], t->paths[i]) == 0)
			return err_set(e, ERR_USAGE,
				       "two sources hold %s: they can't be in one accession",
				       t->paths[i]);
	return 0;
}

static void skipped(struct intake *t, const char *path, const char *why, bool lost)
{
	t->sum->skipped++;
	t->sum->unread += lost;
	if (t->ask->skip)
		t->ask->skip(t->ask->ctx, path, why);
}

static int check_rows(struct intake *t, struct err *e)
{
	const struct manifest_row *row = t->m ? manifest_unused(t->m) : NULL;

	if (!row)
		return 0;
	if (!t->ask->partial)
		return err_set(e, ERR_NOTFOUND,
			       "line %u of the manifest names %s, which is in no source", row->line,
			       row->file);
	for (size_t i = 0; i < manifest_rows(t->m); i++) {
		row = manifest_row_at(t->m, i);
		if (row->uses == 0)
			skipped(t, row->file, "is in the manifest and in no source", false);
	}
	return 0;
}

/* ---- taking in ---- */

/* All of n bytes: a source that gives a size gives as many. */
static int read_member(void *ctx, void *buf, size_t n, struct err *e)
{
	struct intake *t = ctx;
	size_t got;
	int rc = source_read(t->from, buf, n, &got, e);

	if (rc == 0 && got < n)
		rc = err_set(e, ERR_SYSTEM, "%s became shorter while it was read", t->source);
	return rc;
}

static int take_member(struct intake *t, const struct source_member *m, struct err *e)
{
	const struct manifest_row *row;
	const uint8_t *sha256;
	struct record *r = NULL;
	int rc = find_row(t, m->path, &row, e);

	if (rc == 0)
		rc = make_record(t, &r, m, row, e);
	if (rc) {
		if (m->fd >= 0)
			close(m->fd);
		return rc;
	}
	t->files++;
	sha256 = row && row->has_sha256 ? row->sha256 : m->has_sha256 ? m->sha256 : NULL;
	if (m->fd < 0)
		rc = ingest_add_stream(t->g, read_member, t, m->size, m->path, r, sha256, e);
	else
		rc = ingest_add_file(t->g, m->fd, m->path, r, sha256,
				     row && row->has_size ? row->size : UINT64_MAX, e);
	return rc ? rc : tell_progress(t, e);
}

/* ---- walks ---- */

/* What is told in the walk that counts. */
static void skip(struct intake *t, const struct source_member *m)
{
	t->left++;
	snprintf(t->why, sizeof(t->why), "%s", m->why);
	if (t->g || t->ask->dry_run)
		skipped(t, m->path[0] ? m->path : t->source, m->why, m->lost);
}

static const char *enter(void *ctx, const char *path, const struct stat *st)
{
	const struct intake *t = ctx;

	(void)path;
	for (size_t i = 0; i < t->forbiddens; i++)
		if (t->forbidden[i].st_dev == st->st_dev && t->forbidden[i].st_ino == st->st_ino)
			return "belongs to the archive or to this node";
	return NULL;
}

/* Where the source lies within the manifest's folder. */
static int find_prefix(struct intake *t, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;
	size_t n = t->base ? strlen(t->base) : 0;

	free(t->prefix);
	t->prefix = NULL;
	if (!t->base || strcmp(t->source, "-") == 0 || !realpath(t->source, real))
		return 0; /* a source that is not there is for the walk to tell */
	if (stat(real, &st) == 0 && !S_ISDIR(st.st_mode))
		*strrchr(real, '/') = '\0';
	if (n == 1) /* "/" */
		n = 0;
	if (strncmp(real, t->base, n) != 0 || (real[n] != '/' && real[n] != '\0'))
		return 0;
	t->prefix = strdup(real + n + (real[n] == '/'));
	return t->prefix ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

/* A folder where nothing is mounted looks like an empty one: it is not taken for evidence. */
static int no_file(const struct intake *t, struct err *e)
{
	if (t->left)
		return err_set(
			e, ERR_NOTFOUND,
			"the source %s holds no file that can be taken in: %llu left out, the "
			"last of which %s",
			t->source, (unsigned long long)t->left, t->why);
	return err_set(e, ERR_NOTFOUND,
		       "the source %s holds no file: is it what should be mounted there?",
		       t->source);
}

typedef int visit(struct intake *t, const struct source_member *m, struct err *e);

static int walk_source(struct intake *t, visit *member, struct err *e)
{
	struct source_member m;
	int rc = source_open(t->from, e), more = 0;

	if (rc)
		return rc;
	while (rc == 0 && (more = source_next(t->from, &m, e)) == 1) {
		if (m.why)
			skip(t, &m);
		else
			rc = member(t, &m, e);
	}
	source_close(t->from);
	return rc ? rc : more;
}

static int walk(struct intake *t, visit *member, struct err *e)
{
	int rc = 0;

	t->files = t->bytes = t->matched = 0;
	for (size_t i = 0; i < t->ask->nsources && rc == 0; i++) {
		uint64_t before = t->files;

		t->source = t->ask->sources[i];
		t->from = t->sources[i];
		t->left = 0;
		rc = find_prefix(t, e);
		if (rc == 0)
			rc = walk_source(t, member, e);
		if (rc == 0 && !t->g && t->files == before)
			rc = no_file(t, e);
	}
	return rc;
}

static int survey(struct intake *t, struct err *e)
{
	int rc;

	t->progress.survey = true;
	rc = walk(t, survey_member, e);
	t->progress.survey = false;
	if (rc == 0)
		rc = check_paths(t, e);
	if (rc == 0)
		rc = check_rows(t, e);
	for (size_t i = 0; rc == 0 && listing(t) && i < t->files; i++)
		t->ask->take(t->ask->ctx, t->paths[i]);
	for (size_t i = 0; t->paths && i < t->files; i++)
		free(t->paths[i]);
	free(t->paths);
	t->paths = NULL;
	return rc;
}

static int take(struct intake *t, struct err *e)
{
	const struct intake_ask *ask = t->ask;
	const struct ingest_ask ingest = {
		.collection = ask->collection,
		.epoch = ask->epoch,
		.user = ask->user,
		.uid = ask->uid,
		.host = ask->host,
		.workers = ask->workers,
		.meta = ask->meta,
	};
	uint64_t files = t->files, matched = t->matched, skips, unread;
	struct err late = {0};
	int rc = ingest_begin(&t->g, t->s, &ingest, e), end;

	if (rc)
		return rc;
	rc = walk(t, take_member, e);
	if (rc == 0 && t->matched < matched)
		rc = err_set(e, ERR_NOTFOUND,
			     "%llu files that the manifest names went away while the sources were "
			     "read",
			     (unsigned long long)(matched - t->matched));
	if (rc == 0 && t->files < files)
		skipped(t, t->source, "or another source lost files while they were read", true);
	skips = t->sum->skipped;
	unread = t->sum->unread;
	end = ingest_end(t->g, rc != 0, t->sum, rc ? &late : e);
	t->sum->skipped = skips;
	t->sum->unread = unread;
	return rc ? rc : end;
}

/* ---- run ---- */

static void forbid(struct intake *t, int rc)
{
	if (rc == 0)
		t->forbiddens++;
}

static void forbid_own(struct intake *t)
{
	const struct archive *a = t->s->archive;
	const int dirs[] = {a->dir, a->segments, a->journal, a->documents};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		forbid(t, fstat(dirs[i], &t->forbidden[t->forbiddens]));
	if (t->s->node)
		forbid(t, stat(node_dir(t->s->node), &t->forbidden[t->forbiddens]));
}

static int load_manifest(struct intake *t, struct err *e)
{
	const char *path = t->ask->manifest, *slash;
	char dir[PATH_MAX];
	int rc;

	if (!path)
		return 0;
	rc = manifest_load(&t->m, path, e);
	if (rc)
		return rc;
	slash = strrchr(path, '/');
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	t->base = realpath(dir, NULL);
	return 0;
}

static void note(void *ctx, const char *text)
{
	const struct intake *t = ctx;

	if (t->ask->note)
		t->ask->note(t->ask->ctx, text);
}

static int make_sources(struct intake *t, struct err *e)
{
	const char *manifest = t->ask->manifest;
	size_t inputs = manifest && strcmp(manifest, "-") == 0;
	int rc = 0;

	for (size_t i = 0; i < t->ask->nsources; i++)
		inputs += strcmp(t->ask->sources[i], "-") == 0;
	if (inputs > 1)
		return err_set(e, ERR_USAGE, "standard input can be read once only");
	t->sources = calloc(t->ask->nsources, sizeof(struct source *));
	if (!t->sources)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < t->ask->nsources && rc == 0; i++) {
		const struct source_ask ask = {
			.path = t->ask->sources[i],
			.name = t->ask->name,
			.format = t->ask->format,
			.limits = t->ask->limits,
			.enter = enter,
			.tick = compared,
			.note = note,
			.ctx = t,
		};

		rc = source_new(&t->sources[i], &ask, e);
	}
	return rc;
}

static void free_sources(struct intake *t)
{
	for (size_t i = 0; t->sources && i < t->ask->nsources; i++)
		source_free(t->sources[i]);
	free(t->sources);
}

int intake_run(struct station *s, const struct intake_ask *ask, struct ingest_sum *sum,
	       struct err *e)
{
	struct intake t = {.s = s, .ask = ask, .sum = sum};
	int rc;

	memset(sum, 0, sizeof(*sum));
	if (ask->nsources == 0)
		return err_set(e, ERR_USAGE, "no source is named");
	forbid_own(&t);
	rc = load_manifest(&t, e);
	if (rc == 0)
		rc = make_sources(&t, e);
	if (rc == 0)
		rc = survey(&t, e);
	if (rc == 0 && ask->dry_run) {
		sum->items = t.files;
		sum->bytes = t.bytes;
	} else if (rc == 0) {
		rc = take(&t, e);
	}
	free_sources(&t);
	free(t.prefix);
	free(t.base);
	manifest_free(t.m);
	return rc;
}
