// SPDX-License-Identifier: Apache-2.0
/* Targets: what lies in segments, and what is taken in with it; and the options of a mount. */
#include <stdlib.h>
#include <string.h>

#include "fs/frame.h"
#include "fs/manifest.h"
#include "fs/segment.h"
#include "tests/fuzz/fuzz.h"
#include "tools/mountopt.h"

int fuzz_segment(const uint8_t *p, size_t n)
{
	struct segment_header h;
	uint8_t secret[32], key[32];
	int rc = segment_header_parse(&h, p, n);

	if (rc)
		return rc;
	fuzz_must(h.len <= n && h.len <= SEGMENT_HEADER_MAX);
	fuzz_must(h.content_age >= p && h.content_age + h.content_age_len <= p + n);
	fuzz_must(h.catalogue_age >= p && h.catalogue_age + h.catalogue_age_len <= p + n);
	fuzz_secret(secret, FUZZ_SECRET);
	rc = segment_content_key(key, &h, secret);
	if (rc == 0)
		rc = segment_catalogue_key(key, &h, secret);
	return rc;
}

/* A head, and behind it the first stored chunk. */
static int open_frame(const struct frame *f, const uint8_t *p, size_t n)
{
	uint8_t key[32], salt[32], digest[32], file_key[32], ad[STREAM_AD_SIZE], *plain;
	const struct chunk_map m = frame_map(f);
	struct stream_run run = {0};
	struct stream_key k;
	struct wire_out record = {0};
	struct record *fields = NULL;
	size_t want = chunk_plain_len(m, 0) + m.tag;
	int rc;

	fuzz_secret(key, FUZZ_SECRET);
	rc = frame_unwrap(file_key, p, f->head_len, key);
	if (rc == 0)
		rc = frame_record_open(&record, salt, digest, p, f->head_len, key);
	if (rc == 0)
		rc = record_decode(&fields, record.p, record.n);
	record_free(fields);
	wire_out_wipe(&record);
	if (rc || want > n - f->head_len)
		return rc ? rc : ERR_DAMAGED;
	frame_stream_ad(ad, p);
	rc = stream_key_init(&k, f->suite, file_key, ad);
	if (rc)
		return rc;
	plain = malloc(want + 1);
	fuzz_must(plain && stream_begin(&run, &k) == 0);
	rc = stream_open(&run, 0, chunk_count(m) <= 1, plain, p + f->head_len, want);
	stream_run_free(&run);
	free(plain);
	return rc;
}

int fuzz_frame(const uint8_t *p, size_t n)
{
	struct frame f;
	int rc;

	/* As its event would say: a head is as long as the field in it. */
	for (size_t len = n < FRAME_FIXED ? n : FRAME_FIXED; len <= n; len++) {
		rc = frame_head_parse(&f, p, len);
		if (rc == 0)
			break;
		if (len >= FRAME_FIXED + 512)
			return rc;
	}
	if (rc)
		return rc;
	fuzz_must(f.head_len <= n);
	fuzz_must(frame_length(&f) >= f.head_len);
	return open_frame(&f, p, n);
}

int fuzz_record(const uint8_t *p, size_t n)
{
	struct wire_out again = {0};
	struct record *r = NULL;
	struct text_span v, w;
	const char *key;
	int rc = record_decode(&r, p, n);

	if (rc == 0) {
		for (size_t i = 0; i < record_count(r); i++) {
			record_at(r, i, &key, &v);
			fuzz_must(record_get(r, key, &w) && v.p == w.p && v.n == w.n);
		}
		fuzz_must(record_encode(r, &again) == 0);
		fuzz_must(fuzz_same(&again, p, n));
	}
	record_free(r);
	return rc;
}

int fuzz_manifest(const uint8_t *p, size_t n)
{
	struct manifest *m = NULL;
	struct err e = {0};
	int rc = manifest_parse(&m, p, n, "manifest", &e);

	for (size_t i = 0; rc == 0 && i < manifest_rows(m); i++) {
		const struct manifest_row *row = manifest_row_at(m, i);
		struct record *r = NULL;

		fuzz_must(record_path_ok(row->file, strlen(row->file)));
		fuzz_must(manifest_find(m, row->file) == row);
		fuzz_must(record_new(&r) == 0);
		rc = manifest_fields(m, row, r, &e);
		record_free(r);
	}
	fuzz_must(rc != 0 || manifest_unused(m) == NULL);
	manifest_free(m);
	return rc;
}

int fuzz_mountopt(const uint8_t *p, size_t n)
{
	struct mountopt o = {.uid = 1, .gid = 2};
	char *list = calloc(1, n + 1);
	struct err e = {0};
	int rc;

	fuzz_must(list != NULL);
	if (n)
		memcpy(list, p, n);
	rc = mountopt_parse(&o, list, &e);
	fuzz_must(!o.node || (o.node >= list && o.node <= list + n));
	fuzz_must(!o.pass_file || (o.pass_file >= list && o.pass_file <= list + n));
	fuzz_must(o.uid != (unsigned)-1 && o.gid != (unsigned)-1);
	fuzz_must(rc == 0 || e.text[0]);
	free(list);
	return rc;
}
