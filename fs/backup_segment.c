/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/backup_copy.h"
#include "fs/backup_frames.h"
#include "fs/backup_internal.h"
#include "fs/segment.h"
#include "index/file.h"

/* One segment: how long it is, and is to be. */
struct at {
	struct backup *b;
	const struct backup_held *h;
	char path[SEGMENT_PATH_MAX + 16]; /* "segments/xx/<id>.seg" */
	int from;			  /* the archive's file, -1: there is none */
	int64_t is, has;		  /* bytes in the archive, in the backup; -1: no file */
	uint64_t end;			  /* what the generation is to have */
	struct err *e;
};

static int64_t size_of(int dir, const char *path)
{
	struct stat st;

	return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) ?
		       (int64_t)st.st_size :
		       -1;
}

/* Look at a segment. What is named of it and not there yet is told of by who asks. */
static int open_at(struct at *at, struct backup *b, const struct backup_held *h, struct err *e)
{
	char seg[SEGMENT_PATH_MAX];
	uint64_t want = h->bytes;

	*at = (struct at){.b = b, .h = h, .e = e};
	segment_path(seg, h->id);
	snprintf(at->path, sizeof(at->path), "segments/%s", seg);
	at->from = openat(b->a->dir, at->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (at->from < 0 && errno != ENOENT && errno != ELOOP && errno != ENOTDIR)
		return err_sys(e, "can't open %s", at->path);
	at->is = size_of(b->a->dir, at->path);
	at->has = b->dest.before < 0 ? -1 : size_of(b->dest.before, at->path);
	if (at->is >= 0 && want == 0) /* it has no item yet */
		want = backup_frames_header(at->from);
	at->end = at->is < 0 ? 0 : want < (uint64_t)at->is ? want : (uint64_t)at->is;
	if (at->has >= 0 && (uint64_t)at->has > at->end)
		at->end = (uint64_t)at->has;
	return 0;
}

static void close_at(struct at *at)
{
	if (at->from >= 0)
		close(at->from);
}

bool backup_segments_there(const struct backup *b)
{
	char path[SEGMENT_PATH_MAX + 16], seg[SEGMENT_PATH_MAX];
	bool there = true;

	for (size_t i = 0; there && i < b->old.helds; i++) {
		const struct backup_held *h = &b->old.held[i];
		int64_t has;

		segment_path(seg, h->id);
		snprintf(path, sizeof(path), "segments/%s", seg);
		has = size_of(b->dest.before, path);
		there = has >= 0 && (uint64_t)has >= h->bytes;
		/* It was not whole when it was copied. */
		for (size_t k = 0; !there && k < b->old.oweds; k++)
			there = memcmp(b->old.owed[k].segment, h->id, 16) == 0;
	}
	return there;
}

/* ---- before the generation ---- */

static int tell_owed(const struct at *at, const struct backup_frame *f)
{
	struct verify_finding where = {
		.has_segment = true, .offset = f->offset, .length = f->length};

	memcpy(where.segment, f->segment, 16);
	return backup_tell(at->b, &where, ERR_DAMAGED,
			   "%s: bytes %" PRIu64 " to %" PRIu64 " are not what was logged", at->path,
			   f->offset, f->offset + f->length);
}

static void look(struct at *at)
{
	struct verify_finding f = {.has_segment = true, .offset = at->end};
	const bool whole = at->has >= 0 && (uint64_t)at->has >= at->h->bytes;

	memcpy(f.segment, at->h->id, 16);
	if (at->end > (uint64_t)(at->has > 0 ? at->has : 0)) {
		at->b->sum->new_bytes += at->end - (uint64_t)(at->has > 0 ? at->has : 0);
		at->b->changed = true;
	}
	if (at->is >= 0 && (uint64_t)at->is >= at->h->bytes)
		return;
	f.length = at->h->bytes > at->end ? at->h->bytes - at->end : 0;
	backup_tell(at->b, &f, ERR_DAMAGED, "%s %s%s", at->path,
		    at->is < 0 ? "is missing" : "ends before its items do",
		    whole ? "; the backup has it whole" : "");
}

int backup_segments_look(struct backup *b, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->plan.helds; i++) {
		struct at at;

		rc = open_at(&at, b, &b->plan.held[i], e);
		if (rc == 0)
			look(&at);
		close_at(&at);
	}
	return rc;
}

int backup_segments_owed(struct backup *b, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->old.oweds; i++) {
		const struct backup_frame *f = &b->old.owed[i];
		const struct backup_held *h = backup_state_held(&b->old, f->segment);
		struct at at;

		if (!h)
			continue;
		rc = open_at(&at, b, h, e);
		if (rc == 0 && at.from >= 0)
			rc = backup_frames_check(at.from, f, e);
		if (rc == 0 && at.from >= 0)
			b->changed = true;
		else if (rc == 0 || rc == ERR_DAMAGED)
			rc = tell_owed(&at, f);
		close_at(&at);
	}
	return rc;
}

/* ---- the generation ---- */

static int make_folder(const struct at *at)
{
	char fan[16];

	snprintf(fan, sizeof(fan), "segments/%.2s", at->path + strlen("segments/"));
	return file_mkdir(at->b->dest.work, fan, BACKUP_DIR_MODE, at->e);
}

static int append(struct at *at)
{
	const struct backup *b = at->b;
	uint64_t have;
	int fd, rc = backup_copy_open(b->dest.before, b->dest.work, at->path, &fd, &have, at->e);

	if (rc == 0)
		rc = backup_copy_range(fd, at->from, have, at->end, backup_told, at->b, at->e);
	if (rc == 0)
		rc = backup_copy_settle(fd, at->e);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A frame that is not as logged: if the archive's is, it is taken from there. */
static int mend(struct at *at, const struct backup_frame *f)
{
	const struct backup *b = at->b;
	uint64_t have, len = f->length ? f->length : backup_frames_header(at->from);
	int fd, rc = at->from < 0 ? ERR_DAMAGED : backup_frames_check(at->from, f, at->e);

	if (rc)
		return rc;
	rc = backup_copy_open(b->dest.before, b->dest.work, at->path, &fd, &have, at->e);
	if (rc == 0)
		rc = backup_copy_range(fd, at->from, f->offset, f->offset + len, NULL, NULL, at->e);
	if (rc == 0)
		rc = backup_copy_settle(fd, at->e);
	if (rc == 0)
		rc = backup_frames_check(fd, f, at->e);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int owe(struct at *at, const struct backup_frame *f)
{
	struct backup *b = at->b;
	struct backup_frame *grown = reallocarray(b->owed, b->oweds + 1, sizeof(*grown));

	if (!grown)
		return err_set(at->e, ERR_NOMEM, "out of memory");
	b->owed = grown;
	b->owed[b->oweds++] = *f;
	return tell_owed(at, f);
}

/* Read back what is new. */
static int check(struct at *at)
{
	size_t n;
	const struct backup_frame *f = backup_plan_frames(&at->b->plan, at->h->id, &n);
	int fd, rc = 0;

	if (n == 0)
		return 0;
	fd = openat(at->b->dest.work, at->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(at->e, "can't read back %s", at->path);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = backup_frames_check(fd, &f[i], at->e);
		if (rc == ERR_DAMAGED) {
			rc = mend(at, &f[i]);
			close(fd); /* it may be another file now */
			fd = openat(at->b->dest.work, at->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		}
		if (rc == ERR_DAMAGED)
			rc = owe(at, &f[i]);
		at->b->sum->checked++;
		if (fd < 0)
			rc = err_sys(at->e, "can't read back %s", at->path);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A segment that is nowhere: all that is named of it is owed. */
static int lost(struct at *at)
{
	size_t n;
	const struct backup_frame *f = backup_plan_frames(&at->b->plan, at->h->id, &n);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = owe(at, &f[i]);
	return rc;
}

static int write_segment(struct at *at)
{
	const struct backup *b = at->b;
	int rc;

	if (at->is < 0 && at->has < 0)
		return lost(at);
	rc = make_folder(at);
	if (rc == 0 && at->has >= 0 && (uint64_t)at->has == at->end)
		rc = backup_copy_link(b->dest.before, b->dest.work, at->path, at->e);
	else if (rc == 0)
		rc = append(at);
	return rc ? rc : check(at);
}

int backup_segments_write(struct backup *b, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->plan.helds; i++) {
		struct at at;

		rc = open_at(&at, b, &b->plan.held[i], e);
		if (rc == 0)
			rc = write_segment(&at);
		close_at(&at);
	}
	b->sum->segments = b->plan.helds;
	return rc;
}
