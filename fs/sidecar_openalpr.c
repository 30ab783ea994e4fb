/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenALPR, now Rekor Scout: `alpr_results` (what one frame shows), `alpr_group` (one vehicle, over
 * several frames) and `alpr_alert` (a group that a list knows). Told by the member data_type.
 */
#include "fs/sidecar_internal.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "index/field.h"

struct reader {
	struct sidecar_read *r;
	bool images;
	struct err *e;
};

static struct text_span text_of(const json_t *v)
{
	if (!json_is_string(v))
		return (struct text_span){"", 0};
	return (struct text_span){json_string_value(v), json_string_length(v)};
}

/* A string or a number, as its text. */
static int claim(struct reader *w, const char *field, unsigned nth, const json_t *v)
{
	char number[40];

	if (json_is_string(v))
		return sidecar_claim(w->r, field, nth, text_of(v));
	if (json_is_integer(v))
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		snprintf(number, sizeof(number), "%.15g", json_real_value(v));
	else
		return 0;
	return sidecar_claim_text(w->r, field, nth, number);
}

/* What is of several values, as JSON. */
static int claim_json(struct reader *w, const char *field, unsigned nth, const json_t *v)
{
	char *text;
	int rc;

	if (!v || json_is_null(v))
		return 0;
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
	if (!text)
		return ERR_NOMEM;
	rc = sidecar_claim_text(w->r, field, nth, text);
	secret_wipe(text, strlen(text));
	free(text);
	return rc;
}

static int image(struct reader *w, const json_t *o, const char *name, unsigned nth)
{
	struct text_span v = text_of(json_object_get(o, name));
	char numbered[RECORD_KEY_MAX + 1];

	if (!sidecar_is_image(v))
		return 0;
	field_key(numbered, name, nth);
	return sidecar_add_image(w->r, numbered, v, w->images, w->e);
}

/* The box around four corners. */
static int box(struct reader *w, unsigned nth, const json_t *corners)
{
	double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
	const json_t *c;
	char text[120];
	size_t i;

	if (json_array_size(corners) != 4)
		return 0;
	json_array_foreach(corners, i, c)
	{
		const json_t *at[2] = {json_object_get(c, "x"), json_object_get(c, "y")};

		for (size_t k = 0; k < 2; k++) {
			if (!json_is_number(at[k]))
				return 0;
			if (json_number_value(at[k]) < low[k])
				low[k] = json_number_value(at[k]);
			if (json_number_value(at[k]) > high[k])
				high[k] = json_number_value(at[k]);
		}
	}
	snprintf(text, sizeof(text), "[%.15g,%.15g,%.15g,%.15g]", low[0], low[1], high[0] - low[0],
		 high[1] - low[1]);
	return sidecar_claim_text(w->r, "plate_box", nth, text);
}

/* [[plate, confidence], ...] with confidences as fractions, as a manifest has it. */
static int candidates(struct reader *w, unsigned nth, const json_t *from)
{
	json_t *list = json_array();
	const json_t *c;
	size_t i;
	int rc = list ? 0 : ERR_NOMEM;

	json_array_foreach(from, i, c)
	{
		const json_t *plate = json_object_get(c, "plate");
		const json_t *confidence = json_object_get(c, "confidence");

		if (rc || !json_is_string(plate) || !json_is_number(confidence))
			continue;
		if (json_array_append_new(list, json_pack("[s, f]", json_string_value(plate),
							  json_number_value(confidence) / 100)))
			rc = ERR_NOMEM;
	}
	if (rc == 0 && json_array_size(list))
		rc = claim_json(w, "candidates", nth, list);
	json_decref(list);
	return rc;
}

struct member {
	const char *name, *field;
};

static int claim_all(struct reader *w, const json_t *o, const struct member *list, unsigned nth)
{
	int rc = 0;

	for (; list->name && rc == 0; list++)
		rc = claim(w, list->field, nth, json_object_get(o, list->name));
	return rc;
}

/* One plate: of results[], or a group's best_plate. */
static int reading(struct reader *w, const json_t *o, unsigned nth)
{
	static const struct member members[] = {{"plate", "plate_text"},
						{"confidence", "plate_confidence"},
						{"region", "plate_region"},
						{NULL, NULL}};
	int rc = claim_all(w, o, members, nth);

	if (rc == 0)
		rc = box(w, nth, json_object_get(o, "coordinates"));
	if (rc == 0)
		rc = candidates(w, nth, json_object_get(o, "candidates"));
	if (rc == 0)
		rc = claim_json(w, "vehicle", nth, json_object_get(o, "vehicle"));
	if (rc == 0)
		rc = image(w, o, "plate_crop_jpeg", nth);
	return rc ? rc : image(w, o, "vehicle_crop_jpeg", nth);
}

static int event(struct reader *w, const json_t *o, const char *id, const char *time)
{
	const struct member members[] = {{id, "event_id"},
					 {id, "source_event_id"},
					 {time, "captured_at"},
					 {"camera_id", "camera_id"},
					 {"gps_latitude", "latitude"},
					 {"gps_longitude", "longitude"},
					 {"travel_direction", "direction"},
					 {NULL, NULL}};
	char source[60];
	int rc = claim_all(w, o, members, 1);

	snprintf(source, sizeof(source), "OpenALPR %s", time);
	if (rc == 0 && json_object_get(o, time))
		rc = sidecar_claim_text(w->r, "captured_at_source", 1, source);
	return rc ? rc : sidecar_id(w->r, text_of(json_object_get(o, id)));
}

static int results(struct reader *w, const json_t *o)
{
	const json_t *list = json_object_get(o, "results"), *one;
	int rc = event(w, o, "uuid", "epoch_time");
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (rc == 0)
			rc = reading(w, one, (unsigned)(i < 1000 ? i + 1 : 1000));
	}
	/* Nothing was read: that is what it says. */
	if (rc == 0 && json_is_array(list) && json_array_size(list) == 0)
		rc = record_set(w->r->claims, "plate_text", "", 0);
	return rc;
}

static int group(struct reader *w, const json_t *o)
{
	static const struct member best[] = {{"best_plate_number", "plate_text"},
					     {"best_confidence", "plate_confidence"},
					     {"best_region", "plate_region"},
					     {NULL, NULL}};
	const json_t *one;
	size_t i;
	int rc = event(w, o, "best_uuid", "epoch_start");

	if (rc == 0)
		rc = claim_all(w, o, best, 1);
	if (rc == 0)
		rc = candidates(w, 1, json_object_get(o, "candidates"));
	if (rc == 0)
		rc = reading(w, json_object_get(o, "best_plate"), 1);
	if (rc == 0)
		rc = claim_json(w, "vehicle", 1, json_object_get(o, "vehicle"));
	if (rc == 0)
		rc = image(w, o, "vehicle_crop_jpeg", 1);
	json_array_foreach(json_object_get(o, "uuids"), i, one)
	{
		if (rc == 0)
			rc = sidecar_id(w->r, text_of(one));
	}
	return rc;
}

static int alert(struct reader *w, const json_t *o)
{
	static const struct member members[] = {{"camera_name", "camera_name"},
						{"site_name", "site_id"},
						{"alert_list", "hit"},
						{NULL, NULL}};
	int rc = claim_all(w, o, members, 1);

	return rc ? rc : group(w, json_object_get(o, "group"));
}

static int read_document(struct reader *w, const json_t *o)
{
	struct text_span type = text_of(json_object_get(o, "data_type"));
	int (*read)(struct reader *, const json_t *) = text_is(type, "alpr_results") ? results :
						       text_is(type, "alpr_group")   ? group :
						       text_is(type, "alpr_alert")   ? alert :
										       NULL;
	int rc;

	if (!read)
		return 0;
	w->r->kind = "openalpr";
	w->r->percent = true;
	rc = read(w, o);
	return rc ? rc : sidecar_claim_text(w->r, "source_system", 1, "openalpr");
}

int sidecar_openalpr(struct sidecar_read *r, const void *p, size_t n, bool images, struct err *e)
{
	struct reader w = {r, images, e};
	json_error_t why;
	json_t *o;
	int rc;

	/* No other JSON is worth a parse: it may be of any size, and of any kind. */
	if (n == 0 || !memmem(p, n, "\"alpr_", 6))
		return 0;
	o = json_loadb(p, n, JSON_REJECT_DUPLICATES, &why);
	if (!o) {
		r->kind = "openalpr";
		return err_set(e, ERR_MALFORMED, "line %d: %s", why.line, why.text);
	}
	rc = read_document(&w, o);
	json_decref(o);
	if (rc == ERR_NOMEM)
		err_set(e, rc, "out of memory");
	return rc;
}
