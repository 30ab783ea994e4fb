/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/age.h"
#include "crypto/chunk.h"
#include "crypto/kdf.h"
#include "crypto/suite.h"
#include "crypto/text.h"
#include "index/file.h"

#define MAGIC "CUSTSEG1"
#define MAGIC_SIZE 8
#define CONTENT_LABEL "custodyfs/v1 content key id"
#define CATALOGUE_LABEL "custodyfs/v1 catalogue key id"

/* ---- header ---- */

/* str32 that holds the age file of one key. */
static int put_sealed(struct wire_out *out, const uint8_t key[32], const uint8_t recipient[32])
{
	struct wire_out sealed = {0};
	uint8_t to[1][32];
	int rc;

	memcpy(to[0], recipient, 32);
	rc = age_seal(&sealed, (const uint8_t(*)[32])to, 1, key, 32);
	if (rc == 0)
		wire_out_str32(out, sealed.p, sealed.n);
	wire_out_free(&sealed);
	return rc;
}

int segment_header_make(struct wire_out *out, const struct segment_header *h,
			const uint8_t content_key[32], const uint8_t release_recipient[32],
			const uint8_t catalogue_key[32], const uint8_t catalogue_recipient[32])
{
	struct wire_out b = {0};
	uint8_t key_id[32];
	int rc;

	wire_out_bytes(&b, MAGIC, MAGIC_SIZE);
	wire_out_u32(&b, 0); /* the length, once it is known */
	wire_out_u16(&b, h->suite);
	wire_out_u16(&b, 0);
	wire_out_u32(&b, h->chunk_size);
	wire_out_u32(&b, h->epoch);
	wire_out_bytes(&b, h->archive, 16);
	wire_out_bytes(&b, h->accession, 16);
	wire_out_bytes(&b, h->segment, 16);
	kdf_label(key_id, content_key, CONTENT_LABEL);
	wire_out_bytes(&b, key_id, 32);
	kdf_label(key_id, catalogue_key, CATALOGUE_LABEL);
	wire_out_bytes(&b, key_id, 32);
	rc = put_sealed(&b, content_key, release_recipient);
	if (rc == 0)
		rc = put_sealed(&b, catalogue_key, catalogue_recipient);
	if (rc == 0 && (!wire_out_ok(&b) || b.n > SEGMENT_HEADER_MAX))
		rc = ERR_NOMEM;
	if (rc == 0) {
		wire_put32(b.p + MAGIC_SIZE, (uint32_t)b.n);
		wire_out_bytes(out, b.p, b.n);
		rc = wire_out_ok(out) ? 0 : ERR_NOMEM;
	}
	wire_out_free(&b);
	return rc;
}

int segment_header_parse(struct segment_header *h, const void *p, size_t n)
{
	const uint8_t *b = p;
	struct wire_in in;
	uint16_t reserved;

	memset(h, 0, sizeof(*h));
	if (n < MAGIC_SIZE + 4 || memcmp(b, MAGIC, MAGIC_SIZE - 1) != 0)
		return ERR_FOREIGN;
	if (b[MAGIC_SIZE - 1] != MAGIC[MAGIC_SIZE - 1])
		return ERR_NEWER;
	h->len = wire_get32(b + MAGIC_SIZE);
	if (h->len < MAGIC_SIZE + 4 || h->len > SEGMENT_HEADER_MAX || h->len > n)
		return ERR_MALFORMED;
	in = wire_in_init(b + MAGIC_SIZE + 4, h->len - MAGIC_SIZE - 4);
	h->suite = wire_in_u16(&in);
	reserved = wire_in_u16(&in);
	h->chunk_size = wire_in_u32(&in);
	h->epoch = wire_in_u32(&in);
	wire_in_copy(&in, h->archive, 16);
	wire_in_copy(&in, h->accession, 16);
	wire_in_copy(&in, h->segment, 16);
	wire_in_copy(&in, h->content_key_id, 32);
	wire_in_copy(&in, h->catalogue_key_id, 32);
	h->content_age = wire_in_str32(&in, SEGMENT_HEADER_MAX, &h->content_age_len);
	h->catalogue_age = wire_in_str32(&in, SEGMENT_HEADER_MAX, &h->catalogue_age_len);
	if (!wire_in_end(&in) || reserved != 0 || h->suite == 0)
		return ERR_MALFORMED;
	if (!chunk_size_ok(h->chunk_size))
		return ERR_MALFORMED;
	return suite_name(h->suite) ? 0 : ERR_NEWER;
}

static int open_key(uint8_t key[32], const uint8_t secret[32], const uint8_t *age, size_t n,
		    const char *label, const uint8_t key_id[32])
{
	struct wire_out plain = {0};
	uint8_t id[32];
	int rc = age_open(&plain, secret, age, n);

	memset(key, 0, 32);
	if (rc)
		goto out;
	rc = ERR_DAMAGED;
	if (plain.n != 32)
		goto out;
	kdf_label(id, plain.p, label);
	if (!secret_equal(id, key_id, sizeof(id)))
		goto out;
	memcpy(key, plain.p, 32);
	rc = 0;
out:
	wire_out_wipe(&plain);
	return rc;
}

int segment_content_key(uint8_t key[32], const struct segment_header *h, const uint8_t secret[32])
{
	return open_key(key, secret, h->content_age, h->content_age_len, CONTENT_LABEL,
			h->content_key_id);
}

int segment_catalogue_key(uint8_t key[32], const struct segment_header *h, const uint8_t secret[32])
{
	return open_key(key, secret, h->catalogue_age, h->catalogue_age_len, CATALOGUE_LABEL,
			h->catalogue_key_id);
}

void segment_path(char out[SEGMENT_PATH_MAX], const uint8_t id[16])
{
	char hex[33];

	text_hex(hex, id, 16);
	snprintf(out, SEGMENT_PATH_MAX, "%.2s/%s.seg", hex, hex);
}

/* ---- writer ---- */

struct segment_writer {
	int fd;
	int segments_dir; /* borrowed */
	char path[SEGMENT_PATH_MAX];
	_Atomic uint64_t end;
	bool named;  /* its directory entries are durable */
	bool broken; /* a sync has failed */
};

/* What write() and fdatasync() say when the disk is full deserves better than their words. */
static int write_error(const struct segment_writer *w, int code, struct err *e)
{
	if (errno == ENOSPC || errno == EDQUOT)
		return err_set(e, code,
			       "the archive's file system is full (%s): segment %s can't be "
			       "written; what was acknowledged before is safe",
			       errno == EDQUOT ? "quota" : "no space left", w->path);
	return err_prefix(e, code, "segment %s", w->path);
}

int segment_create(struct segment_writer **out, int segments_dir, const uint8_t id[16],
		   const void *header, size_t n, struct err *e)
{
	struct segment_writer *w = calloc(1, sizeof(*w));
	char dir[3];
	int rc;

	*out = NULL;
	if (!w)
		return err_set(e, ERR_NOMEM, "out of memory");
	w->fd = -1;
	w->segments_dir = segments_dir;
	segment_path(w->path, id);
	memcpy(dir, w->path, 2);
	dir[2] = '\0';
	/* 0750 under the usual umask; one of 002 says that a group shares the archive */
	rc = file_mkdir(segments_dir, dir, 0770, e);
	if (rc) {
		rc = write_error(w, rc, e);
		goto fail;
	}
	w->fd = openat(segments_dir, w->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       0640);
	if (w->fd < 0) {
		rc = errno == EEXIST ?
			     err_set(e, ERR_EXISTS, "segment %s is there already", w->path) :
			     write_error(w, err_sys(e, "can't create it"), e);
		goto fail;
	}
	rc = segment_write(w, 0, header, n, e);
	if (rc) {
		/* A segment without its whole header would only puzzle who finds it. */
		segment_discard(w);
		return rc;
	}
	atomic_store(&w->end, n);
	*out = w;
	return 0;
fail:
	segment_close(w);
	return rc;
}

void segment_reserve(struct segment_writer *w, uint64_t len, uint64_t *off)
{
	*off = atomic_fetch_add(&w->end, len);
}

int segment_write(struct segment_writer *w, uint64_t off, const void *p, size_t n, struct err *e)
{
	int rc = file_pwrite(w->fd, p, n, off, e);

	return rc ? write_error(w, rc, e) : 0;
}

void segment_forget(struct segment_writer *w)
{
	posix_fadvise(w->fd, 0, 0, POSIX_FADV_DONTNEED);
}

uint64_t segment_end(struct segment_writer *w)
{
	return atomic_load(&w->end);
}

/* The file's entry in its directory, and that directory's in segments/. */
static int sync_names(struct segment_writer *w, struct err *e)
{
	char dir[3] = {w->path[0], w->path[1], '\0'};
	int fd = file_opendir(w->segments_dir, dir, e), rc;

	if (fd < 0)
		return fd;
	rc = file_sync_dir(fd, e);
	close(fd);
	if (rc == 0)
		rc = file_sync_dir(w->segments_dir, e);
	return rc;
}

int segment_sync(struct segment_writer *w, struct err *e)
{
	int rc;

	if (w->broken)
		return err_set(e, ERR_SYSTEM, "segment %s: an earlier sync failed", w->path);
	rc = fdatasync(w->fd) == 0 ? 0 : write_error(w, err_sys(e, "can't sync it"), e);
	if (rc == 0 && !w->named) {
		rc = sync_names(w, e);
		w->named = rc == 0;
	}
	w->broken = rc != 0;
	return rc;
}

int segment_reread(struct segment_writer *w, uint64_t off, void *p, size_t n, struct err *e)
{
	int rc = file_pread(w->fd, p, n, off, e);

	return rc ? err_prefix(e, rc, "segment %s", w->path) : 0;
}

void segment_close(struct segment_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

void segment_discard(struct segment_writer *w)
{
	unlinkat(w->segments_dir, w->path, 0);
	segment_close(w);
}
