/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Genetec AutoVu: `<AutoVu>` with one element a fact, in any order and none of them sure to be there,
 * because whoever runs the cameras edits the template; and `<Hotlist>`, a hit that Patroller exports.
 * Elements are known by name, wherever they lie; attributes count as elements.
 */
#include "fs/sidecar_internal.h"

#include <expat.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "crypto/wire.h"

#define DEPTH_MAX 32u
#define TAG_MAX 48u

static const struct {
	const char *tag, *field;
} known[] = {
	{"Plate", "plate_text"},
	{"PlateNumber", "plate_text"},
	{"PlateRead", "plate_text"},
	{"State", "plate_region"},
	{"PlateState", "plate_region"},
	{"ConfidenceScore", "plate_confidence"},
	{"Confidence", "plate_confidence"},
	{"CameraName", "camera_name"},
	{"SourceName", "camera_id"},
	{"LongitudeX", "longitude"},
	{"Longitude", "longitude"},
	{"LatitudeY", "latitude"},
	{"Latitude", "latitude"},
	{"Lane", "lane"},
	{"RelativeMotion", "direction"},
	{"HotlistCategory", "hit"},
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

struct reader {
	XML_Parser x;
	struct sidecar_read *r;
	bool images;
	struct err *e;
	int rc;

	unsigned depth;
	unsigned reading;	       /* number of the plate last read */
	char tag[TAG_MAX];	       /* of the element that is open; "" between elements */
	struct wire_out text;	       /* in it */
	char utc[2][40], local[2][40]; /* date, time */
};

static void stop(struct reader *w, int rc)
{
	if (!w->rc)
		w->rc = rc;
	XML_StopParser(w->x, XML_FALSE);
}

static struct text_span trim(struct text_span v)
{
	while (v.n && strchr(" \t\r\n", v.p[0])) {
		v.p++;
		v.n--;
	}
	while (v.n && strchr(" \t\r\n", v.p[v.n - 1]))
		v.n--;
	return v;
}

static bool is(const char *tag, const char *name)
{
	return strcasecmp(tag, name) == 0;
}

/* Halves of a time, put together at the end. */
static bool half_time(struct reader *w, const char *tag, struct text_span v)
{
	char *to = is(tag, "UTCDate")	? w->utc[0] :
		   is(tag, "UTCTime")	? w->utc[1] :
		   is(tag, "LocalDate") ? w->local[0] :
		   is(tag, "LocalTime") ? w->local[1] :
					  NULL;

	if (to && !to[0])
		text_copy(v, to, sizeof(w->utc[0]));
	return to != NULL;
}

static int take_known(struct reader *w, const char *field, struct text_span v)
{
	bool plate = strcmp(field, "plate_text") == 0;
	struct text_span there;

	/* What is of a plate belongs to the last one; what comes before any, to the first. */
	if (plate && record_get(w->r->claims, "plate_text", &there))
		w->reading++;
	if (plate && v.n == 0) /* it was looked for, and none was there */
		return w->reading == 1 ? record_set(w->r->claims, field, "", 0) : 0;
	if (strncmp(field, "plate_", 6) == 0 || strcmp(field, "hit") == 0)
		return sidecar_claim(w->r, field, w->reading, v);
	return sidecar_claim(w->r, field, 1, v);
}

static int take(struct reader *w, const char *tag, struct text_span v)
{
	int rc = 0;

	v = trim(v);
	if (sidecar_is_image(v))
		return sidecar_add_image(w->r, tag, v, w->images, w->e);
	if (half_time(w, tag, v))
		return 0;
	if (is(tag, "Guid") || is(tag, "HitID")) {
		rc = sidecar_id(w->r, v);
		if (rc == 0)
			rc = sidecar_claim(w->r, "event_id", 1, v);
		return rc ? rc : sidecar_claim(w->r, "source_event_id", 1, v);
	}
	if (is(tag, "ContextImage") || is(tag, "PlateImage")) /* the name of a file, then */
		return sidecar_id(w->r, v);
	for (size_t i = 0; i < KNOWN; i++)
		if (is(tag, known[i].tag))
			return take_known(w, known[i].field, v);
	return 0;
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attr)
{
	struct reader *w = ctx;
	int rc = 0;

	if (w->depth++ == 0) {
		/* Another document: not ours, and no fault. */
		if (!is(name, "AutoVu") && !is(name, "Hotlist")) {
			XML_StopParser(w->x, XML_FALSE);
			return;
		}
		w->r->kind = "autovu";
	}
	if (w->depth > DEPTH_MAX) {
		stop(w,
		     err_set(w->e, ERR_MALFORMED, "its elements lie more than %u deep", DEPTH_MAX));
		return;
	}
	snprintf(w->tag, sizeof(w->tag), "%s", name);
	wire_out_reset(&w->text);
	for (; rc == 0 && attr[0]; attr += 2)
		rc = take(w, attr[0], (struct text_span){attr[1], strlen(attr[1])});
	if (rc)
		stop(w, rc);
}

static void XMLCALL on_text(void *ctx, const XML_Char *s, int n)
{
	struct reader *w = ctx;

	if (w->tag[0])
		wire_out_bytes(&w->text, s, (size_t)n);
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
	struct reader *w = ctx;
	int rc = 0;

	w->depth--;
	if (!wire_out_ok(&w->text))
		rc = err_set(w->e, ERR_NOMEM, "out of memory");
	else if (w->tag[0] && strncmp(w->tag, name, sizeof(w->tag) - 1) == 0)
		rc = take(w, w->tag,
			  (struct text_span){w->text.n ? (const char *)w->text.p : "", w->text.n});
	w->tag[0] = '\0';
	if (rc)
		stop(w, rc);
}

static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
			       const XML_Char *public, int internal)
{
	struct reader *w = ctx;

	(void)system;
	(void)public;
	(void)internal;
	/* A web page has one too, and is none of ours. */
	if (is(name, "html")) {
		XML_StopParser(w->x, XML_FALSE);
		return;
	}
	w->r->kind = "autovu";
	stop(w, err_set(w->e, ERR_MALFORMED, "it has a document type, which can hold entities"));
}

static int put_times(struct reader *w)
{
	char text[100];
	int rc = 0;

	if (w->utc[0][0] && w->utc[1][0]) {
		snprintf(text, sizeof(text), "%s %sZ", w->utc[0], w->utc[1]);
		rc = sidecar_claim_text(w->r, "captured_at", 1, text);
		if (rc == 0)
			rc = sidecar_claim_text(w->r, "captured_at_source", 1, "AutoVu UTCDate");
	}
	if (rc == 0 && w->local[0][0] && w->local[1][0]) {
		snprintf(text, sizeof(text), "%s %s", w->local[0], w->local[1]);
		rc = sidecar_claim_text(w->r, "captured_local", 1, text);
		if (rc == 0)
			rc = sidecar_claim_text(w->r, "captured_at_source", 1, "AutoVu LocalDate");
	}
	return rc ? rc : sidecar_claim_text(w->r, "source_system", 1, "autovu");
}

int sidecar_autovu(struct sidecar_read *r, const void *p, size_t n, bool images, struct err *e)
{
	struct reader w = {.r = r, .images = images, .e = e, .reading = 1};
	enum XML_Status status;

	w.x = XML_ParserCreate(NULL);
	if (!w.x)
		return err_set(e, ERR_NOMEM, "out of memory");
	XML_SetUserData(w.x, &w);
	XML_SetElementHandler(w.x, on_start, on_end);
	XML_SetCharacterDataHandler(w.x, on_text);
	XML_SetStartDoctypeDeclHandler(w.x, on_doctype);
	status = XML_Parse(w.x, p, (int)n, XML_TRUE);
	/* Stopped by itself, in a document that is ours, it met what is no XML. */
	if (status != XML_STATUS_OK && !w.rc && r->kind)
		w.rc = err_set(e, ERR_MALFORMED, "line %lu: %s",
			       (unsigned long)XML_GetCurrentLineNumber(w.x),
			       XML_ErrorString(XML_GetErrorCode(w.x)));
	XML_ParserFree(w.x);
	wire_out_wipe(&w.text);
	r->percent = true;
	if (w.rc == 0 && r->kind)
		w.rc = put_times(&w);
	if (w.rc == ERR_NOMEM)
		err_set(e, ERR_NOMEM, "out of memory");
	return w.rc;
}
