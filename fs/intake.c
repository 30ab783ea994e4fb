/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/intake.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/intake_internal.h"
#include "fs/intake_sidecar.h"

int intake_tell_progress(struct intake *t, struct err *e)
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

int intake_compared(void *ctx, size_t n, struct err *e)
{
	struct intake *t = ctx;

	t->progress.compared += n;
	return intake_tell_progress(t, e);
}

/* ---- walks ---- */

/* What is told in the walk that counts. */
static int skip(struct intake *t, const struct source_member *m, struct err *e)
{
	t->left++;
	snprintf(t->why, sizeof(t->why), "%s", m->why);
	if (t->walk != (t->ask->dry_run ? SURVEY : TAKE))
		return 0;
	return intake_skipped(t, m->path[0] ? m->path : t->source, m->why, m->lost, false, e);
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

static int walk_source(struct intake *t, intake_visit *member, struct err *e)
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

int intake_walk(struct intake *t, intake_visit *member, struct err *e)
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
			.tick = intake_compared,
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
		rc = intake_survey(&t, e);
	if (rc)
		*sum = (struct ingest_sum){
			.skipped = sum->skipped, .unread = sum->unread, .left_out = sum->left_out};
	else if (ask->dry_run)
		sum->items += t.derived;
	else
		rc = intake_take(&t, e);
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
