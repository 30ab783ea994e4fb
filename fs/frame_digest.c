/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/frame_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "fs/frame.h"
#include "fs/segment.h"
#include "index/file.h"

/* Longer than any head, so that the first piece holds it. */
#define PIECE FRAME_HEAD_MAX

static bool lengths_ok(const struct event *ev)
{
	return ev->headlen >= FRAME_FIXED && ev->headlen <= FRAME_HEAD_MAX &&
	       ev->headlen <= ev->length && ev->offset <= INT64_MAX &&
	       ev->length <= INT64_MAX - ev->offset;
}

static int hash_frame(struct frame_digest *out, int fd, const struct event *ev, uint8_t *buf,
		      struct err *e)
{
	struct hash_ctx h;
	int rc = 0;

	hash_init(&h);
	for (uint64_t done = 0; rc == 0 && done < ev->length;) {
		uint64_t left = ev->length - done;
		size_t n = left < PIECE ? (size_t)left : PIECE;

		rc = file_pread(fd, buf, n, ev->offset + done, e);
		if (rc)
			break;
		if (done == 0)
			hash_sha256(out->head, buf, ev->headlen);
		hash_update(&h, buf, n);
		done += n;
	}
	hash_final(&h, out->frame);
	return rc;
}

static int compare(const struct frame_digest *d, const struct event *ev, struct err *e)
{
	if (memcmp(d->head, ev->head, 32) != 0)
		return err_set(e, ERR_DAMAGED, "its sealed head is not what was logged");
	if (memcmp(d->frame, ev->frame, 32) != 0)
		return err_set(e, ERR_DAMAGED, "its sealed content is not what was logged");
	return 0;
}

static int look(struct frame_digest *out, const struct archive *a, const struct event *ev,
		struct err *e)
{
	char path[SEGMENT_PATH_MAX];
	uint8_t *buf;
	int fd, rc;

	if (!lengths_ok(ev))
		return err_set(e, ERR_DAMAGED, "what was logged are lengths that no frame has");
	segment_path(path, ev->segment);
	fd = openat(a->segments, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && (errno == ENOENT || errno == ELOOP))
		return err_set(e, ERR_DAMAGED, "the segment %s, which holds it, is missing", path);
	if (fd < 0)
		return err_sys(e, "can't open the segment %s", path);
	buf = malloc(PIECE);
	rc = buf ? hash_frame(out, fd, ev, buf, e) : err_set(e, ERR_NOMEM, "out of memory");
	out->read = rc == 0;
	if (rc == 0)
		rc = compare(out, ev, e);
	free(buf);
	close(fd);
	return rc;
}

void frame_digest_now(struct frame_digest *out, const struct archive *a, const struct event *ev)
{
	struct err e = {0};

	*out = (struct frame_digest){0};
	out->code = look(out, a, ev, &e);
	snprintf(out->text, sizeof(out->text), "%.319s", e.text);
}
