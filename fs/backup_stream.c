/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/backup_frames.h"
#include "fs/backup_internal.h"
#include "fs/backup_tar.h"
#include "fs/layout.h"
#include "fs/segment.h"
#include "index/file.h"

#define STEP ((size_t)1 << 20)

struct stream {
	struct backup b;
	struct backup_tar *tar;
	struct err *e;
};

static int send_bytes(const struct stream *s, const char *path, const struct wire_out *bytes)
{
	int rc;

	if (bytes->n == 0)
		return 0;
	rc = backup_tar_file(s->tar, path, bytes->n, s->e);
	return rc ? rc : backup_tar_put(s->tar, bytes->p, bytes->n, s->e);
}

/* The first `size` bytes of a file. */
static int send_file(struct stream *s, const char *path, int fd, uint64_t size, bool told)
{
	uint8_t *buf = malloc(STEP);
	int rc = buf ? 0 : err_set(s->e, ERR_NOMEM, "out of memory");

	if (rc == 0)
		rc = backup_tar_file(s->tar, path, size, s->e);
	for (uint64_t off = 0; rc == 0 && off < size; off += STEP) {
		size_t n = size - off < STEP ? (size_t)(size - off) : STEP;

		rc = file_pread(fd, buf, n, off, s->e);
		if (rc == 0)
			rc = backup_tar_put(s->tar, buf, n, s->e);
		if (rc == 0 && told)
			rc = backup_told(&s->b, n);
	}
	free(buf);
	return rc;
}

static int send_journals(struct stream *s)
{
	char node[33], path[64];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->b.logs; i++) {
		const struct backup_log *l = &s->b.log[i];

		text_hex(node, l->node, 16);
		snprintf(path, sizeof(path), "journal/%s.checkpoint", node);
		rc = send_bytes(s, path, &l->checkpoint);
		snprintf(path, sizeof(path), "journal/%s.cosigned", node);
		if (rc == 0)
			rc = send_bytes(s, path, &l->cosigned);
		snprintf(path, sizeof(path), "journal/%s.jsonl", node);
		if (rc == 0)
			rc = send_file(s, path, l->fd, l->bytes, false);
	}
	return rc;
}

/* What was just sent is in memory still: is it as it was logged? */
static int check_frames(struct stream *s, const struct backup_held *h, const char *path, int fd)
{
	size_t n;
	const struct backup_frame *f = backup_plan_frames(&s->b.plan, h->id, &n);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct verify_finding where = {
			.has_segment = true, .offset = f[i].offset, .length = f[i].length};

		memcpy(where.segment, h->id, 16);
		rc = backup_frames_check(fd, &f[i], s->e);
		if (rc == ERR_DAMAGED)
			rc = backup_tell(&s->b, &where, rc,
					 "%s: bytes %" PRIu64 " to %" PRIu64
					 " are not what was logged",
					 path, f[i].offset, f[i].offset + f[i].length);
		s->b.sum->checked++;
	}
	return rc;
}

static int send_segment(struct stream *s, const struct backup_held *h)
{
	char seg[SEGMENT_PATH_MAX], path[SEGMENT_PATH_MAX + 16];
	uint64_t want = h->bytes;
	struct stat st;
	int fd, rc;

	segment_path(seg, h->id);
	snprintf(path, sizeof(path), "segments/%s", seg);
	fd = openat(s->b.a->dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) /* told of before */
		return errno == ENOENT ? 0 : err_sys(s->e, "can't open %s", path);
	if (fstat(fd, &st) != 0)
		rc = err_sys(s->e, "can't stat %s", path);
	else {
		if (want == 0)
			want = backup_frames_header(fd);
		if (want > (uint64_t)st.st_size)
			want = (uint64_t)st.st_size;
		rc = send_file(s, path, fd, want, true);
	}
	if (rc == 0)
		rc = check_frames(s, h, path, fd);
	close(fd);
	return rc;
}

static int send_document(void *ctx, const struct layout_file *f)
{
	struct stream *s = ctx;
	struct wire_out bytes = {0};
	int rc = file_read(s->b.a->dir, f->path, DOCUMENT_MAX, &bytes, s->e);

	if (rc == ERR_MALFORMED || (rc == 0 && !layout_document(f->kind, bytes.p, bytes.n)))
		rc = 0;
	else if (rc == 0)
		rc = send_bytes(s, f->path, &bytes);
	wire_out_free(&bytes);
	return rc;
}

static int send_all(struct stream *s)
{
	int rc = send_journals(s);

	for (size_t i = 0; rc == 0 && i < s->b.plan.helds; i++)
		rc = send_segment(s, &s->b.plan.held[i]);
	if (rc == 0)
		rc = layout_walk(s->b.a->dir, LAYOUT_DOCUMENTS, send_document, s, s->e);
	if (rc == 0)
		rc = send_bytes(s, "archive.txt", &backup_description(&s->b)->bytes);
	return rc ? rc : backup_tar_end(s->tar, s->e);
}

int backup_stream(const struct archive *a, int fd, const struct backup_ask *ask,
		  struct backup_sum *sum, struct err *e)
{
	struct stream s = {.b = {.a = a,
				 .ask = ask,
				 .sum = sum,
				 .dest = {.dir = -1, .lock = -1, .before = -1, .work = -1}},
			   .e = e};
	int rc;

	*sum = (struct backup_sum){.made = false};
	rc = backup_look(&s.b, e);
	if (rc == 0)
		rc = backup_tar_open(&s.tar, fd, e);
	if (rc == 0)
		rc = send_all(&s);
	sum->made = rc == 0;
	if (rc == 0 && sum->damaged)
		rc = err_set(e, ERR_DAMAGED, "%llu finding%s of damage in the archive",
			     (unsigned long long)sum->damaged, sum->damaged == 1 ? "" : "s");
	backup_tar_close(s.tar);
	backup_free(&s.b);
	return rc;
}
