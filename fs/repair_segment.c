/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "fs/backup_copy.h"
#include "fs/backup_frames.h"
#include "fs/repair_internal.h"
#include "fs/segment.h"
#include "index/file.h"

#define FILE_MODE 0640
#define DIR_MODE 0750
#define STEP ((size_t)1 << 20)

/* One segment, in the archive and in the copy. */
struct at {
	struct repair_run *r;
	const struct backup_held *h;
	const struct backup_frame *frame;
	size_t frames;
	char path[SEGMENT_PATH_MAX + 16];
	int to, from; /* -1: it is not there */
};

static uint64_t size_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

/* A file that is there, or -1 for none. */
static int open_file(int dir, const char *path, int flags, int *fd, struct err *e)
{
	*fd = openat(dir, path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*fd >= 0 || errno == ENOENT)
		return 0;
	return err_sys(e, "can't open %s", path);
}

static uint64_t length(const struct backup_frame *f, int fd)
{
	return f->length ? f->length : backup_frames_header(fd);
}

/* ---- a range ---- */

/* Bytes between the end of a file that was cut and the frame are the copy's too: no hole is left. */
static int write_range(struct at *at, const struct backup_frame *f)
{
	struct repair_run *r = at->r;
	const uint64_t end = f->offset + length(f, at->from), size = size_of(at->to);
	int rc = backup_copy_range(at->to, at->from, size < f->offset ? size : f->offset, end, NULL,
				   NULL, r->e);

	if (rc == 0)
		rc = backup_copy_settle(at->to, r->e);
	if (rc == 0)
		rc = backup_frames_check(at->to, f, r->e);
	return rc == ERR_DAMAGED ? err_set(r->e, ERR_SYSTEM,
					   "%s does not keep what is written to it", at->path) :
				   rc;
}

static int open_for_writing(struct at *at)
{
	int fd = openat(at->r->b.a->dir, at->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_sys(at->r->e, "can't write to %s", at->path);
	close(at->to);
	at->to = fd;
	return 0;
}

static int mend(struct at *at, const struct backup_frame *f)
{
	struct repair_run *r = at->r;
	struct repair_of of = {.item = f->length ? f->item : NULL,
			       .segment = f->segment,
			       .what = f->length ? "item" : "segment header",
			       .path = at->path,
			       .offset = f->offset,
			       .length = length(f, at->from)};
	int rc = at->from < 0 ? ERR_DAMAGED : backup_frames_check(at->from, f, r->e);

	if (rc && rc != ERR_DAMAGED)
		return rc;
	memcpy(of.digest, f->digest, 32);
	if (rc == 0 && !r->ask->dry_run)
		rc = open_for_writing(at);
	if (rc && rc != ERR_DAMAGED)
		return rc;
	if (rc)
		return repair_note(r, &of, false);
	rc = repair_note(r, &of, true);
	if (rc || r->ask->dry_run)
		return rc;
	rc = write_range(at, f);
	return rc ? rc : repair_done(r, &of);
}

static int check_frames(struct at *at)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < at->frames; i++) {
		const struct backup_frame *f = &at->frame[i];

		rc = backup_frames_check(at->to, f, at->r->e);
		repair_progress(at->r, f->length);
		at->r->sum->items += f->length > 0;
		if (rc == ERR_DAMAGED)
			rc = mend(at, f);
	}
	return rc;
}

/* ---- a whole segment ---- */

static int digest(int fd, uint64_t n, uint8_t out[32], struct err *e)
{
	uint8_t *buf = malloc(STEP);
	struct hash_ctx h;
	int rc = buf ? 0 : err_set(e, ERR_NOMEM, "out of memory");

	hash_init(&h);
	for (uint64_t off = 0; rc == 0 && off < n; off += STEP) {
		size_t k = n - off < STEP ? (size_t)(n - off) : STEP;

		rc = file_pread(fd, buf, k, off, e);
		if (rc == 0)
			hash_update(&h, buf, k);
	}
	hash_final(&h, out);
	free(buf);
	return rc;
}

/* The folder of a segment, and the one that it is in: both may be new. */
static int sync_both(const struct repair_run *r, const char *fan)
{
	int fd = file_opendir(r->b.a->dir, fan, r->e);
	int rc = fd < 0 ? fd : file_sync_dir(fd, r->e);

	if (fd >= 0)
		close(fd);
	return rc ? rc : file_sync_dir(r->b.a->segments, r->e);
}

/* It appears when it is whole. */
static int put_segment(struct at *at, uint64_t size)
{
	struct repair_run *r = at->r;
	const int dir = r->b.a->dir;
	char tmp[SEGMENT_PATH_MAX + 32], fan[16];
	int fd, rc;

	snprintf(fan, sizeof(fan), "segments/%.2s", at->path + strlen("segments/"));
	snprintf(tmp, sizeof(tmp), "%s/.%.16s.tmp", fan, at->path + strlen("segments/xx/"));
	rc = file_mkdir(dir, fan, DIR_MODE, r->e);
	if (rc)
		return rc;
	unlinkat(dir, tmp, 0);
	fd = openat(dir, tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return err_sys(r->e, "can't make %s", tmp);
	rc = backup_copy_range(fd, at->from, 0, size, NULL, NULL, r->e);
	if (rc == 0)
		rc = backup_copy_settle(fd, r->e);
	if (rc == 0 && renameat2(dir, tmp, dir, at->path, RENAME_NOREPLACE) != 0)
		rc = err_sys(r->e, "can't put %s in its place", at->path);
	if (rc)
		unlinkat(dir, tmp, 0);
	at->to = fd;
	return rc ? rc : sync_both(r, fan);
}

/* What was put there is read again, and what the copy has not intact is told of. */
static int check_added(struct at *at, const struct repair_of *of)
{
	struct repair_run *r = at->r;
	const uint64_t left = r->sum->left;
	int rc = at->to >= 0 ? check_frames(at) : 0;

	if (rc || r->ask->dry_run || at->to < 0 || r->sum->left > left)
		return rc;
	return repair_done(r, of);
}

static int add_segment(struct at *at)
{
	struct repair_run *r = at->r;
	uint64_t size = size_of(at->from);
	struct repair_of of = {.segment = at->h->id, .what = "missing segment", .path = at->path};
	int rc;

	if (at->h->bytes && size > at->h->bytes)
		size = at->h->bytes;
	of.length = at->from < 0 ? at->h->bytes : size;
	if (at->from < 0)
		return repair_note(r, &of, false);
	rc = digest(at->from, size, of.digest, r->e);
	if (rc == 0)
		rc = repair_note(r, &of, true);
	if (rc == 0 && r->ask->dry_run)
		at->to = dup(at->from);
	else if (rc == 0)
		rc = put_segment(at, size);
	return rc ? rc : check_added(at, &of);
}

static int repair_segment(struct repair_run *r, const struct backup_held *h)
{
	struct at at = {.r = r, .h = h, .to = -1, .from = -1};
	char seg[SEGMENT_PATH_MAX];
	int rc;

	segment_path(seg, h->id);
	snprintf(at.path, sizeof(at.path), "segments/%s", seg);
	at.frame = backup_plan_frames(&r->b.plan, h->id, &at.frames);
	rc = open_file(r->from->dir, at.path, O_RDONLY, &at.from, r->e);
	if (rc == 0)
		rc = open_file(r->b.a->dir, at.path, O_RDONLY, &at.to, r->e);
	if (rc == 0)
		rc = at.to < 0 ? add_segment(&at) : check_frames(&at);
	if (at.to >= 0)
		close(at.to);
	if (at.from >= 0)
		close(at.from);
	return rc;
}

int repair_segments(struct repair_run *r)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->b.plan.helds; i++)
		rc = repair_segment(r, &r->b.plan.held[i]);
	return rc;
}
