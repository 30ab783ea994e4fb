/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/intake_compare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "crypto/text.h"

#define STEP ((size_t)1 << 20)

/* The buffer has STEP bytes. */
static int digest(uint8_t sha256[32], int fd, const char *path, uint8_t *buf,
		  intake_compare_tick *tick, void *ctx, struct err *e)
{
	struct hash_ctx h;
	off_t off = 0;
	int rc = 0;

	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	hash_init(&h);
	while (rc == 0) {
		ssize_t n = pread(fd, buf, STEP, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = err_sys(e, "can't read %s", path);
		if (n <= 0)
			break;
		hash_update(&h, buf, (size_t)n);
		off += n;
		rc = tick(ctx, (size_t)n, e);
	}
	hash_final(&h, sha256);
	return rc;
}

static int digest_file(uint8_t sha256[32], int fd, const char *path, intake_compare_tick *tick,
		       void *ctx, struct err *e)
{
	uint8_t *buf = malloc(STEP);
	int rc;

	if (!buf)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = digest(sha256, fd, path, buf, tick, ctx, e);
	secret_wipe(buf, STEP);
	free(buf);
	return rc;
}

int intake_compare_digest(uint8_t sha256[32], struct source *s, const struct source_member *m,
			  intake_compare_tick *tick, void *ctx, struct err *e)
{
	return m->fd < 0 ? source_digest(s, sha256, e) :
			   digest_file(sha256, m->fd, m->path, tick, ctx, e);
}

static int compare_digest(struct source *s, const struct source_member *m,
			  const struct manifest_row *row, intake_compare_tick *tick, void *ctx,
			  struct err *e)
{
	uint8_t sha256[32];
	char is[65], want[65];
	int rc = intake_compare_digest(sha256, s, m, tick, ctx, e);

	if (rc || memcmp(sha256, row->sha256, 32) == 0)
		return rc;
	text_hex(is, sha256, 32);
	text_hex(want, row->sha256, 32);
	return err_set(e, ERR_DAMAGED,
		       "%s is not what line %u of the manifest says: its SHA-256 is %s, not %s",
		       m->path, row->line, is, want);
}

int intake_compare(struct source *s, const struct source_member *m, const struct manifest_row *row,
		   intake_compare_tick *tick, void *ctx, struct err *e)
{
	if (row->has_size && row->size != m->size)
		return err_set(e, ERR_DAMAGED,
			       "%s is not what line %u of the manifest says: it has %llu bytes, "
			       "not %llu",
			       m->path, row->line, (unsigned long long)m->size,
			       (unsigned long long)row->size);
	return row->has_sha256 ? compare_digest(s, m, row, tick, ctx, e) : 0;
}
