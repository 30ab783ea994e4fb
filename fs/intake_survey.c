/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/intake_compare.h"
#include "fs/intake_internal.h"
#include "fs/intake_sidecar.h"

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

static int survey_row(struct intake *t, const struct source_member *m, struct err *e)
{
	const struct manifest_row *row;
	struct record *r;
	int rc = intake_find_row(t, m->path, &row, e);

	if (rc || !row)
		return rc;
	rc = intake_compare(t->from, m, row, intake_compared, t, e);
	if (rc)
		return intake_refused(t, m->path, rc, e);
	rc = intake_make_record(t, &r, m, row, e);
	if (rc == 0)
		record_free(r);
	return rc;
}

/* A sidecar that can't be read is told of at once: it is not read again. */
static void unread_sidecar(void *ctx, const char *name, struct text_span value, const char *why)
{
	const struct intake *t = ctx;

	if (t->ask->unread)
		t->ask->unread(t->ask->ctx, t->path, name, value, why);
}

static int count_member(struct intake *t, const struct source_member *m, struct err *e)
{
	t->files++;
	t->bytes += m->size;
	t->progress.total_items = t->files;
	t->progress.total_bytes = t->bytes;
	return intake_tell_progress(t, e);
}

static int survey_member(struct intake *t, const struct source_member *m, struct err *e)
{
	bool sidecar = sidecar_name_ok(m->path) && m->size <= SIDECAR_BYTES_MAX;
	struct wire_out content = {0};
	int rc = 0;

	/* First: a member that is read in order can't be read again. */
	t->again_n = 0;
	if (sidecar)
		rc = intake_read_all(t, &content, m, e);
	if (rc == 0)
		rc = survey_row(t, m, e);
	t->path = m->path;
	if (rc == 0 && sidecar && !intake_passed_over(t, m->path))
		rc = intake_sidecar_look(t->sidecars, m->path, content.p, content.n, unread_sidecar,
					 t, e);
	wire_out_wipe(&content);
	if (m->fd >= 0)
		close(m->fd);
	if (rc == 0)
		rc = remember_path(t, m->path, e);
	return rc ? rc : count_member(t, m, e);
}

/* ---- the check ---- */

/* What a dry run says of a file: would it be taken in? */
static int foresee(struct intake *t, const struct source_member *m, struct err *e)
{
	enum known_is is = KNOWN_NEW;
	uint8_t sha256[32];
	struct mark mark;
	int rc = 0;

	if (t->known && known_any(t->known)) {
		if (m->has_sha256)
			memcpy(sha256, m->sha256, 32);
		else
			rc = intake_compare_digest(sha256, t->from, m, intake_compared, t, e);
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

static int check_member(struct intake *t, const struct source_member *m, struct err *e)
{
	const struct manifest_row *row;
	const struct sidecar *own;
	struct record *r = NULL;
	int rc = intake_find_row(t, m->path, &row, e);

	if (rc == 0 && !intake_passed_over(t, m->path)) {
		rc = intake_make_record(t, &r, m, row, e);
		if (rc == 0)
			rc = intake_record_require(&t->s->archive->desc, m->path, r, e);
		if (rc)
			rc = intake_refused(t, m->path, rc, e);
	}
	if (rc == 0 && t->ask->dry_run && !intake_passed_over(t, m->path))
		rc = foresee(t, m, e);
	own = sidecars_at(t->sidecars, m->path);
	if (own && t->ask->extract && !intake_passed_over(t, m->path))
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
			rc = intake_skipped(t, row->file, "is in the manifest and in no source",
					    false, false, e);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- the two walks ---- */

/* Of any source: in one accession each path is of one. */
static bool left_out(struct intake *t, const char *path)
{
	for (size_t i = 0; i < t->ask->nsources; i++)
		if (intake_leave_has(t->leave, t->ask->sources[i], path))
			return true;
	return false;
}

int intake_survey(struct intake *t, struct err *e)
{
	int rc;

	t->progress.survey = true;
	rc = intake_walk(t, survey_member, e);
	if (rc == 0 && (t->ask->dry_run || t->s->archive->desc.requires)) {
		t->walk = CHECK;
		rc = intake_walk(t, check_member, e);
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
