/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/intake.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/intake_compare.h"
#include "fs/intake_leave.h"
#include "fs/intake_record.h"
#include "fs/intake_sidecar.h"
#include "fs/source.h"
#include "index/file.h"

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
	char *prefix; /* its path within base, "" for base itself; NULL when it lies outside */
	/* The survey compares files with the manifest and reads sidecars; the check, where the archive
	 * asks for fields, makes every record once; then files are taken in. */
	enum { SURVEY, CHECK, TAKE } walk;
	struct ingest *g;    /* NULL before they are */
	struct known *known; /* for a dry run that is to say what is known; else NULL */
	struct sidecars *sidecars;
	struct intake_leave *leave;
	uint8_t *start; /* EXIF_START bytes: the beginning of what is looked at */
	/* Of a member that is read in order: what was read of it already, and is to be given again. */
	const uint8_t *again;
	size_t again_n;
	uint64_t derived; /* images that lie in sidecars, to be taken in */
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
	t->progress.items = now.items + now.known;
	t->progress.bytes = now.bytes + now.known_bytes;
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
	if (*row && t->walk == SURVEY && (*row)->uses > 1)
		return err_set(e, ERR_USAGE,
			       "line %u of the manifest (%s) fits two files: ingest their sources "
			       "one by one",
			       (*row)->line, (*row)->file);
	return 0;
}

/* ---- what a file says by itself ---- */

/* Up to n bytes on from `at`. */
static size_t read_some(struct intake *t, const struct source_member *m, size_t at, size_t n)
{
	size_t got = 0;
	ssize_t r;

	if (m->fd < 0)
		return source_read(t->from, t->start + at, n, &got, NULL) == 0 ? got : 0;
	r = pread(m->fd, t->start + at, n, (off_t)at);
	return r > 0 ? (size_t)r : 0;
}

/* The beginning of a file; what can't be read fails again, and louder, when all of it is. In the
 * survey a member that is read in order has been read already. */
static size_t read_start(struct intake *t, const struct source_member *m)
{
	size_t n;

	if (m->fd < 0 && t->walk == SURVEY) {
		memcpy(t->start, m->start, m->start_n);
		return m->start_n;
	}
	n = read_some(t, m, 0, EXIF_GLANCE);
	if (n == EXIF_GLANCE && exif_glance(t->start, n))
		n += read_some(t, m, n, EXIF_START - n);
	t->again = t->start;
	t->again_n = m->fd < 0 ? n : 0;
	return n;
}

/* Told in the walk that makes all records, once. */
static void unread(void *ctx, const char *name, struct text_span value, const char *why)
{
	const struct intake *t = ctx;

	if (t->ask->unread && t->walk == (t->ask->dry_run ? CHECK : TAKE))
		t->ask->unread(t->ask->ctx, t->path, name, value, why);
}

/* A sidecar that can't be read is told of at once: it is not read again. */
static void unread_sidecar(void *ctx, const char *name, struct text_span value, const char *why)
{
	const struct intake *t = ctx;

	if (t->ask->unread)
		t->ask->unread(t->ask->ctx, t->path, name, value, why);
}

static struct intake_record_ask record_ask(struct intake *t, const struct source_member *m,
					   const struct manifest_row *row)
{
	t->path = m->path;
	return (struct intake_record_ask){
		.host = t->ask->host,
		.user = t->ask->user,
		.name = t->source,
		.source = t->from,
		.member = m,
		.start = t->start,
		.start_n = read_start(t, m),
		.path = m->path,
		.manifest = t->m,
		.row = row,
		.sidecars = t->sidecars,
		.meta = t->ask->meta,
		.zone = t->ask->zone,
		.unread = unread,
		.ctx = t,
	};
}

static int make_record(struct intake *t, struct record **out, const struct source_member *m,
		       const struct manifest_row *row, struct err *e)
{
	const struct intake_record_ask ask = record_ask(t, m, row);

	return intake_record_make(out, &ask, e);
}

/* All of n bytes: a source that gives a size gives as many. */
static int read_member(void *ctx, void *buf, size_t n, struct err *e)
{
	struct intake *t = ctx;
	size_t first = n < t->again_n ? n : t->again_n, got = 0;
	int rc = 0;

	if (first)
		memcpy(buf, t->again, first);
	t->again += first;
	t->again_n -= first;
	if (first < n)
		rc = source_read(t->from, (uint8_t *)buf + first, n - first, &got, e);
	if (rc == 0 && first + got < n)
		rc = err_set(e, ERR_SYSTEM, "%s became shorter while it was read", t->source);
	return rc;
}

/* All of a small file, for its own sake. */
static int read_all(struct intake *t, struct wire_out *out, const struct source_member *m,
		    struct err *e)
{
	uint8_t *p = wire_out_room(out, m->size);

	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory for %s", m->path);
	if (m->fd < 0)
		return read_member(t, p, m->size, e);
	return file_pread(m->fd, p, m->size, 0, e) ? err_prefix(e, e->code, "%s", m->path) : 0;
}

/* ---- what is left out ---- */

static int skipped(struct intake *t, const char *path, const char *why, bool lost, bool file,
		   struct err *e)
{
	t->sum->skipped++;
	t->sum->unread += lost;
	t->sum->left_out += file;
	if (t->ask->skip)
		t->ask->skip(t->ask->ctx, path, why);
	if (t->ask->partial && intake_leave_add(t->leave, t->source, path, why, file) != 0)
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

/* A file that is refused, with e: the end of all, or, of a partial ingest, of this file. `file` names it
 * at the beginning of e. */
static int refused(struct intake *t, const char *path, int rc, struct err *e)
{
	size_t n = strlen(path);
	char why[sizeof(e->text)];

	if (!t->ask->partial || (rc != ERR_DAMAGED && rc != ERR_LACKING))
		return rc;
	snprintf(why, sizeof(why), "%s",
		 strncmp(e->text, path, n) == 0 && e->text[n] == ' ' ? e->text + n + 1 : e->text);
	memset(e, 0, sizeof(*e));
	return skipped(t, path, why, false, true, e);
}

static bool passed_over(struct intake *t, const char *path)
{
	return intake_leave_has(t->leave, t->source, path);
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
		return refused(t, m->path, rc, e);
	rc = make_record(t, &r, m, row, e);
	if (rc == 0)
		record_free(r);
	return rc;
}

/* What a dry run says of a file: would it be taken in? */
static int foresee(struct intake *t, const struct source_member *m, struct err *e)
{
	enum known_is is = KNOWN_NEW;
	uint8_t sha256[32];
	struct mark mark;
	int rc = 0;

	if (t->known && known_any(t->known)) {
		rc = intake_compare_digest(sha256, t->from, m, compared, t, e);
		if (rc == 0)
			rc = known_judge(t->known, sha256, m->path, &mark, &is, e);
	}
	if (is == KNOWN_THERE || is == KNOWN_ON_ITS_WAY) {
		t->sum->known++;
		t->sum->known_bytes += m->size;
	} else {
		t->sum->items++;
		t->sum->bytes += m->size;
		t->sum->elsewhere += is == KNOWN_ELSEWHERE;
	}
	return rc;
}

static int count_member(struct intake *t, const struct source_member *m, struct err *e)
{
	t->files++;
	t->bytes += m->size;
	t->progress.total_items = t->files;
	t->progress.total_bytes = t->bytes;
	return tell_progress(t, e);
}

static int survey_member(struct intake *t, const struct source_member *m, struct err *e)
{
	bool sidecar = sidecar_name_ok(m->path) && m->size <= SIDECAR_BYTES_MAX;
	struct wire_out content = {0};
	int rc = 0;

	/* First: a member that is read in order can't be read again. */
	t->again_n = 0;
	if (sidecar)
		rc = read_all(t, &content, m, e);
	if (rc == 0)
		rc = survey_row(t, m, e);
	t->path = m->path;
	if (rc == 0 && sidecar && !passed_over(t, m->path))
		rc = intake_sidecar_look(t->sidecars, m->path, content.p, content.n, unread_sidecar,
					 t, e);
	wire_out_wipe(&content);
	if (rc == 0 && t->ask->dry_run)
		rc = foresee(t, m, e);
	if (m->fd >= 0)
		close(m->fd);
	if (rc == 0)
		rc = remember_path(t, m->path, e);
	return rc ? rc : count_member(t, m, e);
}

/* ---- the check ---- */

/* Has the record what the archive asks for? ERR_LACKING names what it has not. */
static int check_fields(const struct intake *t, const char *path, const struct record *r,
			struct err *e)
{
	const struct archive_desc *d = &t->s->archive->desc;
	struct text_span v;

	for (size_t i = 0; i < d->requires; i++)
		if (!record_get(r, d->require[i], &v) || v.n == 0)
			return err_set(e, ERR_LACKING,
				       "%s has no %s, which this archive asks of every item", path,
				       d->require[i]);
	return 0;
}

static int check_member(struct intake *t, const struct source_member *m, struct err *e)
{
	const struct manifest_row *row;
	const struct sidecar *own;
	struct record *r = NULL;
	int rc = find_row(t, m->path, &row, e);

	if (rc == 0 && !passed_over(t, m->path)) {
		rc = make_record(t, &r, m, row, e);
		if (rc == 0)
			rc = check_fields(t, m->path, r, e);
		if (rc)
			rc = refused(t, m->path, rc, e);
	}
	own = sidecars_at(t->sidecars, m->path);
	if (own && t->ask->extract && !passed_over(t, m->path))
		t->derived += own->images;
	record_free(r);
	if (m->fd >= 0)
		close(m->fd);
	return rc ? rc : count_member(t, m, e);
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

static int check_rows(struct intake *t, struct err *e)
{
	const struct manifest_row *row = t->m ? manifest_unused(t->m) : NULL;

	if (!row)
		return 0;
	if (!t->ask->partial)
		return err_set(e, ERR_NOTFOUND,
			       "line %u of the manifest names %s, which is in no source", row->line,
			       row->file);
	t->source = t->ask->manifest;
	for (size_t i = 0; i < manifest_rows(t->m); i++) {
		int rc = 0;

		row = manifest_row_at(t->m, i);
		if (row->uses == 0)
			rc = skipped(t, row->file, "is in the manifest and in no source", false,
				     false, e);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- taking in ---- */

/* The images in a sidecar, after itself. */
static int take_images(struct intake *t, const struct intake_record_ask *ask,
		       const struct wire_out *content, struct err *e)
{
	return content->p ? intake_sidecar_extract(t->g, ask, content->p, content->n, e) : 0;
}

static int take_content(struct intake *t, const struct source_member *m, struct record *r,
			const struct manifest_row *row, struct err *e)
{
	const uint8_t *sha256 = row && row->has_sha256 ? row->sha256 :
				m->has_sha256	       ? m->sha256 :
							 NULL;

	if (m->fd < 0)
		return ingest_add_stream(t->g, read_member, t, m->size, m->path, r, sha256, e);
	return ingest_add_file(t->g, m->fd, m->path, r, sha256,
			       row && row->has_size ? row->size : UINT64_MAX, e);
}

static int take_member(struct intake *t, const struct source_member *m, struct err *e)
{
	const struct sidecar *own = sidecars_at(t->sidecars, m->path);
	const struct manifest_row *row;
	struct intake_record_ask ask;
	struct wire_out content = {0};
	struct record *r = NULL;
	int rc = find_row(t, m->path, &row, e);

	t->files++;
	if (rc || passed_over(t, m->path)) {
		if (m->fd >= 0)
			close(m->fd);
		return rc;
	}
	ask = record_ask(t, m, row);
	rc = intake_record_make(&r, &ask, e);
	if (rc == 0 && t->ask->link && record_add(r, t->ask->link) != 0)
		rc = err_set(e, ERR_NOMEM, "%s: its provenance can't be kept", m->path);
	if (rc == 0 && own && own->images && t->ask->extract) {
		rc = read_all(t, &content, m, e);
		t->again = content.p;
		t->again_n = m->fd < 0 ? content.n : 0;
	}
	if (rc) {
		record_free(r);
		if (m->fd >= 0)
			close(m->fd);
		goto out;
	}
	rc = take_content(t, m, r, row, e);
	if (rc == 0)
		rc = take_images(t, &ask, &content, e);
	if (rc == 0)
		rc = tell_progress(t, e);
out:
	wire_out_wipe(&content);
	return rc;
}

/* What a partial ingest left out is part of the accession. */
static int take_left_out(struct intake *t, struct err *e)
{
	struct wire_out text = {0};
	struct record *r = NULL;
	int rc = 0;

	if (intake_leave_empty(t->leave))
		return 0;
	if (intake_leave_text(t->leave, &text) != 0 || record_new(&r) != 0 ||
	    record_set_text(r, "media-type", "application/jsonl") != 0 ||
	    record_set_text(r, "role", "document") != 0)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = ingest_add_bytes(t->g, text.p, text.n, INTAKE_LEAVE_PATH, r, e);
	else
		record_free(r);
	wire_out_wipe(&text);
	return rc;
}

/* ---- walks ---- */

/* What is told in the walk that counts. */
static int skip(struct intake *t, const struct source_member *m, struct err *e)
{
	t->left++;
	snprintf(t->why, sizeof(t->why), "%s", m->why);
	if (t->walk != (t->ask->dry_run ? SURVEY : TAKE))
		return 0;
	return skipped(t, m->path[0] ? m->path : t->source, m->why, m->lost, false, e);
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
			rc = skip(t, &m, e);
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
		if (rc == 0 && t->walk == SURVEY && t->files == before)
			rc = no_file(t, e);
	}
	return rc;
}

/* Of any source: in one accession each path is of one. */
static bool left_out(struct intake *t, const char *path)
{
	for (size_t i = 0; i < t->ask->nsources; i++)
		if (intake_leave_has(t->leave, t->ask->sources[i], path))
			return true;
	return false;
}

static int survey(struct intake *t, struct err *e)
{
	int rc;

	t->progress.survey = true;
	rc = walk(t, survey_member, e);
	if (rc == 0 && (t->ask->dry_run || t->s->archive->desc.requires)) {
		t->walk = CHECK;
		rc = walk(t, check_member, e);
	}
	t->progress.survey = false;
	if (rc == 0)
		rc = check_paths(t, e);
	if (rc == 0)
		rc = check_rows(t, e);
	for (size_t i = 0; rc == 0 && listing(t) && i < t->files; i++)
		if (!left_out(t, t->paths[i]))
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
		.known = ask->known,
		.read_back = ask->read_back,
	};
	uint64_t files = t->files, matched = t->matched;
	struct ingest_sum told;
	struct err late = {0};
	int rc = ingest_begin(&t->g, t->s, &ingest, e), end;

	if (rc)
		return rc;
	t->walk = TAKE;
	rc = walk(t, take_member, e);
	if (rc == 0 && t->matched < matched)
		rc = err_set(e, ERR_NOTFOUND,
			     "%llu files that the manifest names went away while the sources were "
			     "read",
			     (unsigned long long)(matched - t->matched));
	if (rc == 0 && t->files < files)
		rc = skipped(t, t->source, "or another source lost files while they were read",
			     true, false, e);
	if (rc == 0)
		rc = take_left_out(t, e);
	told = *t->sum;
	end = ingest_end(t->g, rc != 0, t->sum, rc ? &late : e);
	t->sum->skipped = told.skipped;
	t->sum->unread = told.unread;
	t->sum->left_out = told.left_out;
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
	const struct known_ask known = {
		.collection = ask->collection,
		.policy = ask->known,
		.look = ask->read_back,
	};
	int rc;

	memset(sum, 0, sizeof(*sum));
	if (ask->nsources == 0)
		return err_set(e, ERR_USAGE, "no source is named");
	forbid_own(&t);
	t.start = malloc(EXIF_START);
	if (!t.start || sidecars_new(&t.sidecars) != 0 || intake_leave_new(&t.leave) != 0)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	else
		rc = load_manifest(&t, e);
	if (rc == 0 && ask->dry_run && s->db)
		rc = known_open(&t.known, s, &known, e);
	if (rc == 0)
		rc = make_sources(&t, e);
	if (rc == 0)
		rc = survey(&t, e);
	if (rc)
		*sum = (struct ingest_sum){.skipped = sum->skipped,
					   .unread = sum->unread,
					   .left_out = sum->left_out};
	else if (ask->dry_run)
		sum->items += t.derived - sum->left_out;
	else
		rc = take(&t, e);
	free_sources(&t);
	known_close(t.known);
	free(t.start);
	sidecars_free(t.sidecars);
	intake_leave_free(t.leave);
	free(t.prefix);
	free(t.base);
	manifest_free(t.m);
	return rc;
}
