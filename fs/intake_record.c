/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/intake_record.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "crypto/text.h"
#include "crypto/wire.h"
#include "fs/media.h"

_Static_assert(SOURCE_START >= MEDIA_START, "enough to guess from");

#define META "meta."

/* Text of bytes a person gave, which need not be UTF-8. */
static void put_text(struct wire_out *out, const char *s)
{
	for (size_t n = strlen(s), i = 0, len; i < n; i += len) {
		len = text_utf8(s + i, n - i);
		if (len)
			wire_out_bytes(out, s + i, len);
		else
			wire_out_text(out, "\xef\xbf\xbd"); /* U+FFFD */
		len = len ? len : 1;
	}
}

static int set_source(struct record *r, const struct intake_record_ask *ask)
{
	struct wire_out v = {0};
	int rc;

	put_text(&v, ask->host);
	wire_out_text(&v, ":");
	put_text(&v, ask->name);
	rc = wire_out_ok(&v) ? record_set(r, "source", v.p, v.n) : ERR_NOMEM;
	wire_out_reset(&v);
	put_text(&v, ask->user);
	if (rc == 0)
		rc = wire_out_ok(&v) ?
			     record_set(r, "ingest-user", v.n ? (const void *)v.p : "", v.n) :
			     ERR_NOMEM;
	wire_out_free(&v);
	return rc;
}

static int set_stat(struct record *r, const struct source_member *m)
{
	char text[32];
	int rc = 0;

	snprintf(text, sizeof(text), "%04o", m->mode);
	if (m->has_mode)
		rc = record_set_text(r, "mode", text);
	/* Nanoseconds in 64 bits reach from 1677 to 2262; outside, the clock was not set. */
	if (rc || !m->has_mtime || m->mtime.tv_sec > INT64_MAX / 1000000000 - 1 ||
	    m->mtime.tv_sec < INT64_MIN / 1000000000 + 1)
		return rc;
	snprintf(text, sizeof(text), "%lld",
		 (long long)m->mtime.tv_sec * 1000000000 + m->mtime.tv_nsec);
	return record_set_text(r, "mtime", text);
}

/* ---- what is claimed ---- */

static int add_manifest(struct provenance *p, const struct intake_record_ask *ask, struct err *e)
{
	struct record *claims;
	int rc = record_new(&claims);

	if (rc)
		return rc;
	rc = manifest_fields(ask->manifest, ask->row, claims, e);
	if (rc == 0)
		rc = provenance_add(p, "manifest", claims, manifest_percent(ask->manifest),
				    ask->unread, ask->ctx);
	record_free(claims);
	return rc;
}

/* What a sidecar says, and which one it is. */
static int add_sidecar(struct provenance *p, struct record *r, const struct intake_record_ask *ask,
		       const char *source, const struct sidecar *c)
{
	char key[40];
	int rc = provenance_add(p, source, c->claims, c->percent, ask->unread, ask->ctx);

	snprintf(key, sizeof(key), "%s.file", source);
	if (rc == 0)
		rc = record_set_text(r, key, c->path);
	snprintf(key, sizeof(key), "%s.sha256", source);
	return rc ? rc : record_set_text(r, key, c->sha256);
}

/* Of the second and further sidecars the source is called "sidecar2". */
static int add_sidecars(struct provenance *p, struct record *r, const struct intake_record_ask *ask)
{
	const struct sidecar *list[SIDECAR_PER_FILE];
	size_t n = sidecars_of(ask->sidecars, ask->path, list);
	char source[16];
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		snprintf(source, sizeof(source), i ? "sidecar%zu" : "sidecar", i + 1);
		rc = add_sidecar(p, r, ask, source, list[i]);
	}
	return rc;
}

/* What the content says by itself: a sidecar, or an image in one. */
static int add_content(struct provenance *p, struct record *r, const struct intake_record_ask *ask)
{
	const struct sidecar *own = sidecars_at(ask->sidecars, ask->path);
	const char *role = own ? "sidecar" : ask->role;
	struct record *claims;
	int rc = record_new(&claims);

	if (rc == 0 && role)
		rc = record_set_text(claims, "role", role);
	if (rc == 0)
		rc = provenance_add(p, "content", claims, false, NULL, NULL);
	record_free(claims);
	if (rc == 0 && own)
		rc = provenance_add(p, "content", own->claims, own->percent, ask->unread, ask->ctx);
	return rc || !ask->holder ? rc : add_sidecar(p, r, ask, "sidecar", ask->holder);
}

static int add_exif(struct provenance *p, const struct intake_record_ask *ask)
{
	struct record *claims;
	int rc = record_new(&claims);

	if (rc == 0)
		rc = exif_claims(claims, ask->start, ask->start_n);
	if (rc == 0)
		rc = provenance_add(p, "exif", claims, false, ask->unread, ask->ctx);
	record_free(claims);
	return rc;
}

/* meta.site_id says site_id of all that say nothing of it themselves. */
static int add_meta(struct provenance *p, const struct intake_record_ask *ask)
{
	struct record *claims;
	struct text_span v;
	const char *key;
	int rc = record_new(&claims);

	for (size_t i = 0; rc == 0 && i < record_count(ask->meta); i++) {
		record_at(ask->meta, i, &key, &v);
		if (strncmp(key, META, strlen(META)) == 0 && field_find(key + strlen(META), NULL))
			rc = record_set(claims, key + strlen(META), v.p, v.n);
	}
	if (rc == 0)
		rc = provenance_add(p, "meta", claims, false, ask->unread, ask->ctx);
	record_free(claims);
	return rc;
}

/* e is set where a source is at fault. */
static int set_claims(struct record *r, const struct intake_record_ask *ask, struct err *e)
{
	struct provenance *p;
	int rc = provenance_new(&p, r, ask->zone);

	if (rc == 0 && ask->row)
		rc = add_manifest(p, ask, e);
	if (rc == 0 && ask->sidecars)
		rc = add_content(p, r, ask);
	if (rc == 0 && ask->sidecars)
		rc = add_sidecars(p, r, ask);
	if (rc == 0 && exif_glance(ask->start, ask->start_n))
		rc = add_exif(p, ask);
	if (rc == 0 && ask->meta)
		rc = add_meta(p, ask);
	if (rc == 0)
		rc = provenance_end(p);
	provenance_free(p);
	return rc;
}

int intake_record_make(struct record **out, const struct intake_record_ask *ask, struct err *e)
{
	const size_t n = ask->start_n < MEDIA_START ? ask->start_n : MEDIA_START;
	const struct source_member *m = ask->member;
	struct err why = {0};
	struct record *r;
	int rc = record_new(&r);

	*out = NULL;
	if (rc)
		return err_set(e, rc, "out of memory");
	rc = record_set_text(r, "media-type", media_type(ask->path, ask->start, n));
	if (rc == 0)
		rc = set_stat(r, m);
	if (rc == 0)
		rc = set_source(r, ask);
	if (rc == 0)
		rc = ask->source ? source_fields(ask->source, r) : 0;
	if (rc == 0)
		rc = set_claims(r, ask, &why);
	if (rc)
		rc = why.code ? err_set(e, rc, "%s", why.text) :
				err_set(e, rc, "%s: its provenance can't be kept: %s", m->path,
					err_text(rc));
	if (rc)
		record_free(r);
	else
		*out = r;
	return rc;
}

int intake_record_require(const struct archive_desc *d, const char *path, const struct record *r,
			  struct err *e)
{
	struct text_span v;

	for (size_t i = 0; i < d->requires; i++)
		if (!record_get(r, d->require[i], &v) || v.n == 0)
			return err_set(e, ERR_LACKING,
				       "%s has no %s, which this archive asks of every item", path,
				       d->require[i]);
	return 0;
}
