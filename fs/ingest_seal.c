/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/ingest_seal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/text.h"

#define STEP ((size_t)1 << 20)

_Static_assert(STEP % CHUNK_SIZE_MAX == 0, "a step is whole chunks");

/* In secret memory. */
struct item_keys {
	struct stream_key stream;
	uint8_t file[32], salt[32];
};

struct ingest_seal {
	struct ingest_seal_terms terms;
	struct item_keys *keys;
	struct stream_run run;
	uint8_t *plain;		     /* INGEST_WHOLE_MAX bytes */
	struct wire_out stored;	     /* sealed bytes on their way */
	struct wire_out record;	     /* encoded */
	struct ingest_seal_end *end; /* of the run */
	struct mark mark;	     /* of its content */
};

void ingest_seal_job_free(struct ingest_job *job)
{
	if (job->fd >= 0)
		close(job->fd);
	if (job->mem)
		secret_wipe(job->mem, job->size);
	free(job->mem);
	free(job->path);
	record_free(job->record);
	*job = (struct ingest_job){.fd = -1};
}

int ingest_seal_new(struct ingest_seal **out, const struct ingest_seal_terms *terms, struct err *e)
{
	struct ingest_seal *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (!s)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->terms = *terms;
	s->plain = malloc(INGEST_WHOLE_MAX);
	s->keys = secret_take(terms->pool, sizeof(*s->keys));
	if (!s->plain || !s->keys) {
		ingest_seal_free(s);
		return err_set(e, ERR_NOMEM, "out of memory for keys or buffers");
	}
	*out = s;
	return 0;
}

void ingest_seal_free(struct ingest_seal *s)
{
	if (!s)
		return;
	stream_run_free(&s->run);
	secret_give(s->terms.pool, s->keys);
	free(s->plain); /* wiped after each item */
	wire_out_free(&s->stored);
	wire_out_wipe(&s->record);
	free(s);
}

/* ---- reading ---- */

static int changed(struct ingest_seal *s, const struct ingest_job *job, struct err *e)
{
	s->end->of_file = true;
	return err_set(e, ERR_SYSTEM, "%s changed while it was read: it is still being written",
		       job->path);
}

/* Bytes [off, off+n) of the content. *p points to them: in s->plain, or where they are. */
static int content(struct ingest_seal *s, const struct ingest_job *job, uint64_t off, size_t n,
		   const uint8_t **p, struct err *e)
{
	size_t got = 0;

	if (job->read) {
		*p = s->plain;
		return job->read(job->read_ctx, s->plain, n, e);
	}
	if (job->fd < 0) {
		*p = job->mem + off;
		return 0;
	}
	*p = s->plain;
	while (got < n) {
		ssize_t r = pread(job->fd, s->plain + got, n - got, (off_t)(off + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			return changed(s, job, e);
		if (r < 0) {
			s->end->of_file = true;
			return err_sys(e, "can't read %s", job->path);
		}
		got += (size_t)r;
	}
	return 0;
}

/* After all was read: is it still the file that was opened, and what the manifest says? */
static int check_content(struct ingest_seal *s, const struct ingest_job *job,
			 const uint8_t sha256[32], struct err *e)
{
	struct stat st;
	char is[65], want[65];

	if (job->fd >= 0) {
		if (fstat(job->fd, &st) != 0)
			return err_sys(e, "can't look at %s", job->path);
		if ((uint64_t)st.st_size != job->size || st.st_mtim.tv_sec != job->mtime.tv_sec ||
		    st.st_mtim.tv_nsec != job->mtime.tv_nsec)
			return changed(s, job, e);
	}
	if (!job->has_sha256 || memcmp(job->sha256, sha256, 32) == 0)
		return 0;
	s->end->of_file = true;
	text_hex(is, sha256, 32);
	text_hex(want, job->sha256, 32);
	return err_set(
		e, ERR_DAMAGED,
		"%s is not what the manifest says, or what it was when it was looked at: its "
		"SHA-256 is %s, not %s",
		job->path, is, want);
}

/* Is it known? To be asked once of each content. */
static int judge(struct ingest_seal *s, const struct ingest_job *job, const uint8_t sha256[32],
		 struct err *e)
{
	if (!s->terms.known)
		return 0;
	return known_judge(s->terms.known, sha256, job->path, &s->mark, &s->end->is, e);
}

static bool wanted(const struct ingest_seal *s)
{
	return s->end->is == KNOWN_NEW || s->end->is == KNOWN_ELSEWHERE;
}

/* ---- sealing ---- */

/* Fresh keys and the head's fields; the stream's key is ready after this. */
static int begin_item(struct ingest_seal *s, const struct ingest_job *job, struct frame *f,
		      struct err *e)
{
	const struct segment_header *h = s->terms.header;
	uint8_t bound[FRAME_BOUND], ad[STREAM_AD_SIZE];
	int rc;

	*f = (struct frame){.size = job->size, .chunk_size = h->chunk_size, .suite = h->suite};
	memcpy(f->archive, h->archive, 16);
	memcpy(f->accession, h->accession, 16);
	secret_random(f->item, sizeof(f->item));
	secret_random(s->keys->file, sizeof(s->keys->file));
	secret_random(s->keys->salt, sizeof(s->keys->salt));
	wire_out_reset(&s->record);
	wire_out_reset(&s->stored);
	rc = record_encode(job->record, &s->record);
	if (rc == 0)
		rc = frame_bound(bound, f, s->keys->file, s->record.n);
	if (rc) {
		s->end->of_file = true; /* its record is too long */
		return err_set(e, rc, "%s: its provenance can't be kept: %s", job->path,
			       err_text(rc));
	}
	frame_stream_ad(ad, bound);
	rc = stream_key_init(&s->keys->stream, h->suite, s->keys->file, ad);
	if (rc == 0)
		rc = stream_begin(&s->run, &s->keys->stream);
	return rc ? err_set(e, rc, "%s: %s", job->path, err_text(rc)) : 0;
}

/* Seal the head onto `stored`, and note its digest. */
static int seal_head(struct ingest_seal *s, const struct ingest_job *job, struct frame *f,
		     const uint8_t sha256[32], struct ingest_item *it, struct err *e)
{
	size_t at = s->stored.n;
	int rc = frame_head_seal(&s->stored, f, s->terms.keys, s->keys->file, s->keys->salt, sha256,
				 s->record.p, s->record.n, it->commitment);

	if (rc)
		return err_set(e, rc, "%s can't be sealed: %s", job->path, err_text(rc));
	hash_sha256(it->head, s->stored.p + at, f->head_len);
	memcpy(it->sha256, sha256, 32);
	if (s->terms.known)
		known_mark(s->terms.known, it->mark, f->item, &s->mark);
	return 0;
}

/* The whole frame into `stored`. */
static int seal_whole(struct ingest_seal *s, const struct ingest_job *job, struct frame *f,
		      struct ingest_item *it, struct err *e)
{
	const uint8_t *p;
	uint8_t sha256[32], *to;
	int rc = content(s, job, 0, job->size, &p, e);

	if (rc == 0) {
		hash_sha256(sha256, p, job->size);
		rc = check_content(s, job, sha256, e);
	}
	if (rc == 0)
		rc = judge(s, job, sha256, e);
	if (rc || !wanted(s))
		return rc;
	rc = seal_head(s, job, f, sha256, it, e);
	if (rc)
		return rc;
	to = wire_out_room(&s->stored, chunk_stored(frame_map(f)));
	if (!to)
		return err_set(e, ERR_NOMEM, "%s: out of memory", job->path);
	rc = stream_seal_chunks(&s->run, frame_map(f), 0, chunk_count(frame_map(f)), to, p);
	if (rc)
		return err_set(e, rc, "%s can't be sealed: %s", job->path, err_text(rc));
	hash_sha256(it->frame, s->stored.p, s->stored.n);
	return 0;
}

/* What `stored` holds, at an offset of the frame. */
static int write_stored(struct ingest_seal *s, const struct ingest_item *it, uint64_t off,
			struct err *e)
{
	return segment_write(ingest_commit_writer(it->segment), it->offset + off, s->stored.p,
			     s->stored.n, e);
}

/* Seal plaintext [off, off+n), which begins at a chunk, to its place in the segment. */
static int seal_step(struct ingest_seal *s, const struct frame *f, const struct ingest_item *it,
		     uint64_t off, const uint8_t *p, size_t n, struct err *e)
{
	struct chunk_map m = frame_map(f);
	uint64_t first = off / m.size, count = (n + m.size - 1) / m.size;
	uint8_t *to;

	wire_out_reset(&s->stored);
	to = wire_out_room(&s->stored, n + count * m.tag);
	if (!to || stream_seal_chunks(&s->run, m, first, count, to, p))
		return err_set(e, ERR_NOMEM, "out of memory");
	return write_stored(s, it, f->head_len + chunk_offset(m, first), e);
}

static int stopped(const struct ingest_seal *s, struct err *e)
{
	return atomic_load(s->terms.stop) ? err_set(e, ERR_SYSTEM, "the ingest was stopped") : 0;
}

/* SHA-256 of the frame as it was written. */
static int hash_written(struct ingest_seal *s, struct ingest_item *it, struct err *e)
{
	struct segment_writer *w = ingest_commit_writer(it->segment);
	struct hash_ctx h;
	int rc = 0;

	hash_init(&h);
	for (uint64_t off = 0; off < it->length && rc == 0; off += STEP) {
		size_t n = it->length - off < STEP ? (size_t)(it->length - off) : STEP;

		rc = stopped(s, e);
		if (rc == 0)
			rc = segment_reread(w, it->offset + off, s->plain, n, e);
		if (rc == 0)
			hash_update(&h, s->plain, n);
	}
	hash_final(&h, it->frame);
	return rc;
}

/* The next piece of a long file. */
static int read_step(struct ingest_seal *s, const struct ingest_job *job, uint64_t off,
		     const uint8_t **p, size_t *n, struct err *e)
{
	int rc = stopped(s, e);

	*n = job->size - off < STEP ? (size_t)(job->size - off) : STEP;
	return rc ? rc : content(s, job, off, *n, p, e);
}

/* SHA-256 of a long file, before any of it is sealed: what is known is to leave no gap in a segment,
 * which may be as long as it is. */
static int hash_before(struct ingest_seal *s, const struct ingest_job *job, uint8_t sha256[32],
		       struct err *e)
{
	struct hash_ctx h;
	int rc = 0;

	hash_init(&h);
	for (uint64_t off = 0; off < job->size && rc == 0; off += STEP) {
		const uint8_t *p;
		size_t n;

		rc = read_step(s, job, off, &p, &n, e);
		if (rc == 0)
			hash_update(&h, p, n);
	}
	hash_final(&h, sha256);
	if (rc == 0)
		rc = check_content(s, job, sha256, e);
	return rc ? rc : judge(s, job, sha256, e);
}

/* hashed: its SHA-256, where it was read before; or NULL. */
static int seal_in_steps(struct ingest_seal *s, const struct ingest_job *job, struct frame *f,
			 struct ingest_item *it, const uint8_t *hashed, struct err *e)
{
	struct hash_ctx h;
	uint8_t sha256[32];
	int rc = 0;

	hash_init(&h);
	for (uint64_t off = 0; off < job->size && rc == 0; off += STEP) {
		const uint8_t *p;
		size_t n;

		rc = read_step(s, job, off, &p, &n, e);
		if (rc)
			break;
		hash_update(&h, p, n);
		rc = seal_step(s, f, it, off, p, n, e);
	}
	hash_final(&h, sha256);
	if (rc == 0)
		rc = check_content(s, job, sha256, e);
	/* One that was hashed before is judged already. */
	if (rc == 0 && !hashed)
		rc = judge(s, job, sha256, e);
	else if (rc == 0 && memcmp(hashed, sha256, 32) != 0)
		rc = changed(s, job, e);
	wire_out_reset(&s->stored);
	if (rc == 0)
		rc = seal_head(s, job, f, sha256, it, e);
	if (rc == 0)
		rc = write_stored(s, it, 0, e);
	return rc ? rc : hash_written(s, it, e);
}

/* To its place in a segment, and to be committed. `whole`: it is in `stored`. */
static int put_away(struct ingest_seal *s, const struct ingest_job *job, struct frame *f,
		    struct ingest_item *it, bool whole, const uint8_t *hashed, struct err *e)
{
	int rc;

	it->length = frame_length(f);
	it->headlen = f->head_len;
	it->plain = f->size;
	it->tag = job->tag;
	memcpy(it->item, f->item, sizeof(it->item));
	rc = ingest_commit_place(s->terms.commit, it->length, &it->segment, &it->offset, e);
	if (rc)
		return rc;
	rc = whole ? write_stored(s, it, 0, e) : seal_in_steps(s, job, f, it, hashed, e);
	if (rc == 0 && wanted(s))
		return ingest_commit_push(s->terms.commit, it, e);
	ingest_commit_cancel(s->terms.commit, it->segment);
	return rc;
}

int ingest_seal_run(struct ingest_seal *s, const struct ingest_job *job,
		    struct ingest_seal_end *end, struct err *e)
{
	bool whole = job->size <= INGEST_WHOLE_MAX;
	bool before = !whole && !job->read && s->terms.known && known_any(s->terms.known);
	struct ingest_item it = {0};
	uint8_t hashed[HASH_SIZE];
	struct frame f;
	int rc;

	*end = (struct ingest_seal_end){.is = KNOWN_NEW};
	s->end = end;
	rc = begin_item(s, job, &f, e);
	if (rc == 0 && whole)
		rc = seal_whole(s, job, &f, &it, e);
	else if (rc == 0 && before)
		rc = hash_before(s, job, hashed, e);
	if (rc == 0 && wanted(s))
		rc = put_away(s, job, &f, &it, whole, before ? hashed : NULL, e);
	stream_end(&s->run);
	secret_wipe(s->keys, sizeof(*s->keys));
	if (job->fd >= 0 || job->read)
		secret_wipe(s->plain, whole ? job->size : STEP);
	if (s->record.p)
		secret_wipe(s->record.p, s->record.n);
	s->end = NULL;
	return rc;
}
