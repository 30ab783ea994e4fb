/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backup_frames.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "fs/segment.h"
#include "index/file.h"

#define STEP ((size_t)1 << 20)

uint64_t backup_frames_header(int fd)
{
	uint8_t buf[SEGMENT_HEADER_MAX];
	struct segment_header h;
	struct stat st;
	size_t n;

	if (fstat(fd, &st) != 0 || st.st_size <= 0)
		return 0;
	n = st.st_size < SEGMENT_HEADER_MAX ? (size_t)st.st_size : SEGMENT_HEADER_MAX;
	if (file_pread(fd, buf, n, 0, NULL) != 0 || segment_header_parse(&h, buf, n) != 0)
		return 0;
	return h.len;
}

static int digest(int fd, uint64_t off, uint64_t len, uint8_t out[32], struct err *e)
{
	const size_t step = len < STEP ? (size_t)len : STEP;
	uint8_t *buf = malloc(step ? step : 1);
	struct hash_ctx h;
	int rc = buf ? 0 : err_set(e, ERR_NOMEM, "out of memory");

	hash_init(&h);
	while (rc == 0 && len > 0) {
		size_t n = len < step ? (size_t)len : step;

		rc = file_pread(fd, buf, n, off, e);
		if (rc == 0)
			hash_update(&h, buf, n);
		off += n;
		len -= n;
	}
	hash_final(&h, out);
	free(buf);
	return rc;
}

int backup_frames_check(int fd, const struct backup_frame *f, struct err *e)
{
	const uint64_t len = f->length ? f->length : backup_frames_header(fd);
	uint8_t is[32];
	int rc = digest(fd, f->offset, len, is, e);

	if (rc == 0 && memcmp(is, f->digest, sizeof(is)) != 0)
		rc = err_set(e, ERR_DAMAGED, "it is not what was logged");
	return rc;
}
