/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/sidecar_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/secret.h"
#include "fs/media.h"
#include "index/field.h"

#define BOM "\xef\xbb\xbf"
#define VALUE_MAX 16384 /* what is longer stays in the sidecar alone */

static bool ends(const char *path, const char *suffix)
{
	size_t n = strlen(path), k = strlen(suffix);

	return n > k && strcasecmp(path + n - k, suffix) == 0;
}

bool sidecar_name_ok(const char *path)
{
	return ends(path, ".xml") || ends(path, ".json");
}

int sidecar_claim(struct sidecar_read *r, const char *name, unsigned reading, struct text_span v)
{
	char key[RECORD_KEY_MAX + 1];
	struct text_span there;
	int rc;

	field_key(key, name, reading);
	if (v.n == 0 || v.n > VALUE_MAX || reading > FIELD_PLATES_MAX ||
	    record_get(r->claims, key, &there))
		return 0;
	rc = record_set(r->claims, key, v.p, v.n);
	return rc == ERR_USAGE ? 0 : rc;
}

int sidecar_claim_text(struct sidecar_read *r, const char *name, unsigned reading, const char *v)
{
	return sidecar_claim(r, name, reading, (struct text_span){v, strlen(v)});
}

int sidecar_id(struct sidecar_read *r, struct text_span id)
{
	char **grown;

	if (id.n == 0 || id.n > RECORD_NAME_MAX || r->ids == SIDECAR_IDS_MAX ||
	    memchr(id.p, '\0', id.n))
		return 0;
	if (r->ids % 8 == 0) {
		grown = reallocarray(r->id, r->ids + 8, sizeof(*grown));
		if (!grown)
			return ERR_NOMEM;
		r->id = grown;
	}
	r->id[r->ids] = text_dup(id.p, id.n);
	return r->id[r->ids] ? (r->ids++, 0) : ERR_NOMEM;
}

/* ---- images ---- */

bool sidecar_is_image(struct text_span v)
{
	static const char *const starts[] = {"/9j/", "iVBORw0KGgo"}; /* JPEG, PNG */

	while (v.n && strchr(" \t\r\n", v.p[0]) && v.p[0]) {
		v.p++;
		v.n--;
	}
	for (size_t i = 0; i < 2; i++)
		if (v.n > 16 && strncmp(v.p, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

/* The digits without what stands between them; wiped when freed, as text.n + 1 bytes. */
static char *digits(struct text_span v, size_t *n)
{
	char *s = malloc(v.n + 1);

	*n = 0;
	for (size_t i = 0; s && i < v.n; i++)
		if (!strchr(" \t\r\n", v.p[i]))
			s[(*n)++] = v.p[i];
	return s;
}

/* Leaves im->p NULL when it is no Base64. */
static int decode(struct sidecar_image *im, struct text_span base64)
{
	size_t n;
	char *s = digits(base64, &n);
	long got = -1;

	im->p = malloc(n / 4 * 3 + 3);
	if (s && im->p) {
		got = text_unbase64((struct text_span){s, n}, im->p, n / 4 * 3 + 3);
		if (got < 0)
			got = text_unbase64_raw((struct text_span){s, n}, im->p, n / 4 * 3 + 3);
	}
	if (s)
		secret_wipe(s, base64.n + 1);
	if (got >= 0) {
		im->n = (size_t)got;
	} else if (s && im->p) {
		secret_wipe(im->p, n / 4 * 3 + 3);
		free(im->p);
		im->p = NULL;
	}
	free(s);
	return got >= 0 ? 0 : im->p || !s ? ERR_NOMEM : ERR_MALFORMED;
}

/* The second image of a name gets a number. */
static void name_image(const struct sidecar_read *r, struct sidecar_image *im, const char *name)
{
	unsigned nth = 1;

	for (size_t i = 0; i + 1 < r->images; i++)
		nth += strncmp(r->image[i].name, name, strlen(name)) == 0;
	if (nth > 1)
		snprintf(im->name, sizeof(im->name), "%.30s.%u", name, nth);
	else
		snprintf(im->name, sizeof(im->name), "%.47s", name);
}

int sidecar_add_image(struct sidecar_read *r, const char *name, struct text_span base64, bool want,
		      struct err *e)
{
	struct sidecar_image *im;
	const char *type;
	int rc;

	if (r->images == SIDECAR_IMAGES_MAX)
		return err_set(e, ERR_MALFORMED, "it holds more than %u images",
			       SIDECAR_IMAGES_MAX);
	if (!want) {
		r->images++;
		return 0;
	}
	if (!r->image)
		r->image = calloc(SIDECAR_IMAGES_MAX, sizeof(*r->image));
	if (!r->image)
		return err_set(e, ERR_NOMEM, "out of memory");
	im = &r->image[r->images++];
	name_image(r, im, name);
	rc = decode(im, base64);
	type = rc ? "" : media_type("", im->p, im->n);
	im->suffix = strcmp(type, "image/jpeg") == 0 ? ".jpg" :
		     strcmp(type, "image/png") == 0  ? ".png" :
						       ".bin";
	return rc == ERR_NOMEM ? err_set(e, rc, "out of memory") : 0;
}

/* ---- all of it ---- */

void sidecar_read_free(struct sidecar_read *r)
{
	record_free(r->claims);
	for (size_t i = 0; i < r->ids; i++)
		free(r->id[i]);
	free(r->id);
	for (size_t i = 0; r->image && i < r->images; i++) {
		if (r->image[i].p)
			secret_wipe(r->image[i].p, r->image[i].n);
		free(r->image[i].p);
	}
	free(r->image);
	*r = (struct sidecar_read){0};
}

int sidecar_parse(struct sidecar_read *r, const char *path, const void *p, size_t n, bool images,
		  struct err *e)
{
	*r = (struct sidecar_read){0};
	if (record_new(&r->claims) != 0)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (ends(path, ".xml"))
		return sidecar_autovu(r, p, n, images, e);
	if (n >= strlen(BOM) && memcmp(p, BOM, strlen(BOM)) == 0) {
		p = (const char *)p + strlen(BOM);
		n -= strlen(BOM);
	}
	return sidecar_openalpr(r, p, n, images, e);
}
