/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/intake_sidecar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/hash.h"
#include "crypto/text.h"
#include "fs/media.h"

int intake_sidecar_look(struct sidecars *s, const char *path, const void *p, size_t n,
			provenance_unread *unread, void *ctx, struct err *e)
{
	struct sidecar_read r;
	struct err why = {0};
	uint8_t sha256[32];
	int rc = sidecar_parse(&r, path, p, n, false, &why);

	if (rc == ERR_MALFORMED) {
		const char *kind = r.kind ? r.kind : "";

		if (unread)
			unread(ctx, "sidecar", (struct text_span){kind, strlen(kind)}, why.text);
		rc = 0;
	} else if (rc) {
		err_set(e, rc, "%s: %s", path, why.text);
	} else if (r.kind) {
		hash_sha256(sha256, p, n);
		rc = sidecars_add(s, path, sha256, &r);
		if (rc)
			err_set(e, rc, "out of memory for what %s says", path);
	}
	sidecar_read_free(&r);
	return rc;
}

/* ---- images in a sidecar ---- */

static const char *role_of(const char *name)
{
	return strcasestr(name, "plate")   ? "plate_crop" :
	       strcasestr(name, "context") ? "context" :
	       strcasestr(name, "vehicle") ? "scene" :
					     NULL;
}

static int set_link(struct record *r, const struct sidecar_image *im, const uint8_t sha256[32])
{
	char hex[65], action[100];
	int rc;

	text_hex(hex, sha256, 32);
	snprintf(action, sizeof(action), "extracted from %s", im->name);
	rc = record_set_text(r, "derived_from_sha256", hex);
	if (rc == 0)
		rc = record_set_text(r, "derived_action", action);
	if (rc == 0)
		rc = record_set_text(r, "derived_tool", "custody " CUSTODY_VERSION);
	return rc;
}

static int take_image(struct ingest *g, const struct intake_record_ask *ask,
		      const struct sidecar_image *im, const uint8_t sha256[32], struct err *e)
{
	struct intake_record_ask own = *ask;
	struct record *r;
	char *path = NULL;
	int rc;

	if (!im->p) {
		if (ask->unread)
			ask->unread(ask->ctx, im->name, (struct text_span){"", 0},
				    "is no Base64: it is not extracted");
		return 0;
	}
	if (asprintf(&path, "%s.%s%s", ask->path, im->name, im->suffix) < 0)
		return err_set(e, ERR_NOMEM, "out of memory");
	own.holder = sidecars_at(ask->sidecars, ask->path);
	own.path = path;
	own.row = NULL;
	own.role = role_of(im->name);
	own.start = im->p;
	own.start_n = im->n < EXIF_START ? im->n : EXIF_START;
	rc = intake_record_make(&r, &own, e);
	if (rc == 0 && set_link(r, im, sha256) != 0) {
		record_free(r);
		rc = err_set(e, ERR_NOMEM, "%s: its provenance can't be kept", path);
	}
	if (rc == 0)
		rc = ingest_add_bytes(g, im->p, im->n, path, r, e);
	free(path);
	return rc;
}

int intake_sidecar_extract(struct ingest *g, const struct intake_record_ask *ask, const void *p,
			   size_t n, struct err *e)
{
	struct sidecar_read r;
	struct err why = {0};
	uint8_t sha256[32];
	int rc = sidecar_parse(&r, ask->path, p, n, true, &why);

	hash_sha256(sha256, p, n);
	if (rc)
		err_set(e, rc, "%s: %s", ask->path, why.text);
	for (size_t i = 0; rc == 0 && r.image && i < r.images; i++)
		rc = take_image(g, ask, &r.image[i], sha256, e);
	sidecar_read_free(&r);
	return rc;
}
