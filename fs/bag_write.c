/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/bag_write.h"

#include <string.h>

static bool is_payload(const char *path)
{
	return strncmp(path, BAGLIST_PAYLOAD, sizeof(BAGLIST_PAYLOAD) - 1) == 0;
}

int bag_write_open(struct bag_write *w, struct parcel *p, int64_t time_ms, struct err *e)
{
	w->parcel = p;
	w->time_ns = time_ms * 1000000;
	return bag_write_tag(w, BAGLIST_TXT, BAGLIST_DECLARATION, sizeof(BAGLIST_DECLARATION) - 1,
			     e);
}

void bag_write_free(struct bag_write *w)
{
	baglist_free(&w->payload);
	baglist_free(&w->tags);
}

int bag_write_begin(struct bag_write *w, const char *path, uint64_t size, int64_t mtime_ns,
		    struct err *e)
{
	const size_t n = strlen(path);

	if (!baglist_path_ok(path, n))
		return err_set(e, ERR_USAGE, "a bag can't hold a file of such a path");
	memcpy(w->path, path, n + 1);
	w->size = size;
	hash_init(&w->hash);
	return parcel_begin(w->parcel, path, size, mtime_ns, e);
}

int bag_write_put(struct bag_write *w, const void *p, size_t n, struct err *e)
{
	hash_update(&w->hash, p, n);
	return parcel_put(w->parcel, p, n, e);
}

int bag_write_end(struct bag_write *w, uint8_t sha256[32], struct err *e)
{
	struct baglist *l = is_payload(w->path) ? &w->payload : &w->tags;
	uint8_t digest[HASH_SIZE];
	int rc = parcel_end(w->parcel, e);

	hash_final(&w->hash, digest);
	if (sha256)
		memcpy(sha256, digest, sizeof(digest));
	if (rc == 0 && baglist_add(l, w->path, strlen(w->path), digest, w->size) != 0)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	return rc;
}

int bag_write_tag(struct bag_write *w, const char *path, const void *p, size_t n, struct err *e)
{
	int rc = bag_write_begin(w, path, n, w->time_ns, e);

	if (rc == 0)
		rc = bag_write_put(w, p, n, e);
	return rc ? rc : bag_write_end(w, NULL, e);
}

void bag_write_manifest(struct bag_write *w, struct wire_out *out)
{
	baglist_sort(&w->payload);
	baglist_text(out, &w->payload);
}

int bag_write_finish(struct bag_write *w, uint8_t digest[32], struct err *e)
{
	struct wire_out text = {0};
	int rc;

	bag_write_manifest(w, &text);
	rc = wire_out_ok(&text) ? bag_write_tag(w, BAGLIST_MANIFEST, text.p, text.n, e) :
				  err_set(e, ERR_NOMEM, "out of memory");
	wire_out_reset(&text);
	baglist_sort(&w->tags);
	baglist_text(&text, &w->tags);
	if (rc == 0 && !wire_out_ok(&text))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0) {
		hash_sha256(digest, text.p, text.n);
		rc = bag_write_tag(w, BAGLIST_TAGMANIFEST, text.p, text.n, e);
	}
	wire_out_wipe(&text);
	return rc;
}
