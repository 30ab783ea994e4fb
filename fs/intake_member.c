/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/exif.h"
#include "fs/intake_internal.h"
#include "index/file.h"

/* ---- the manifest's rows ---- */

/* The row that tells about a path of the source. */
int intake_find_row(struct intake *t, const char *path, const struct manifest_row **row,
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

struct intake_record_ask intake_ask_record(struct intake *t, const struct source_member *m,
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

int intake_make_record(struct intake *t, struct record **out, const struct source_member *m,
		       const struct manifest_row *row, struct err *e)
{
	const struct intake_record_ask ask = intake_ask_record(t, m, row);

	return intake_record_make(out, &ask, e);
}

/* All of n bytes: a source that gives a size gives as many. */
int intake_read_member(void *ctx, void *buf, size_t n, struct err *e)
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
int intake_read_all(struct intake *t, struct wire_out *out, const struct source_member *m,
		    struct err *e)
{
	uint8_t *p = wire_out_room(out, m->size);

	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory for %s", m->path);
	if (m->fd < 0)
		return intake_read_member(t, p, m->size, e);
	return file_pread(m->fd, p, m->size, 0, e) ? err_prefix(e, e->code, "%s", m->path) : 0;
}

/* ---- what is left out ---- */

int intake_skipped(struct intake *t, const char *path, const char *why, bool lost, bool file,
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
int intake_refused(struct intake *t, const char *path, int rc, struct err *e)
{
	size_t n = strlen(path);
	char why[sizeof(e->text)];

	if (!t->ask->partial || (rc != ERR_DAMAGED && rc != ERR_LACKING))
		return rc;
	snprintf(why, sizeof(why), "%s",
		 strncmp(e->text, path, n) == 0 && e->text[n] == ' ' ? e->text + n + 1 : e->text);
	memset(e, 0, sizeof(*e));
	return intake_skipped(t, path, why, false, true, e);
}

bool intake_passed_over(struct intake *t, const char *path)
{
	return intake_leave_has(t->leave, t->source, path);
}
