/* SPDX-License-Identifier: Apache-2.0 */
#include "index/field.h"

#include <stdio.h>
#include <string.h>

static const struct field fields[] = {
	{"event_id", FIELD_TEXT, FIELD_ALONE},
	{"role", FIELD_TEXT, FIELD_ALONE},
	{"captured_at", FIELD_TIME, FIELD_WHEN},
	{"captured_local", FIELD_LOCAL, FIELD_WHEN},
	{"captured_zone", FIELD_TEXT, FIELD_WHEN},
	{"captured_at_source", FIELD_TEXT, FIELD_WHEN},
	{"port", FIELD_TEXT, FIELD_ALONE},
	{"site_id", FIELD_TEXT, FIELD_ALONE},
	{"lane", FIELD_TEXT, FIELD_ALONE},
	{"direction", FIELD_TEXT, FIELD_ALONE},
	{"camera_id", FIELD_TEXT, FIELD_ALONE},
	{"camera_name", FIELD_TEXT, FIELD_ALONE},
	{"camera_make", FIELD_TEXT, FIELD_ALONE},
	{"camera_model", FIELD_TEXT, FIELD_ALONE},
	{"camera_serial", FIELD_TEXT, FIELD_ALONE},
	{"latitude", FIELD_LATITUDE, FIELD_WHERE},
	{"longitude", FIELD_LONGITUDE, FIELD_WHERE},
	{"plate_text", FIELD_TEXT, FIELD_READING},
	{"plate_region", FIELD_TEXT, FIELD_READING},
	{"plate_confidence", FIELD_CONFIDENCE, FIELD_READING},
	{"plate_box", FIELD_BOX, FIELD_READING},
	{"candidates", FIELD_JSON, FIELD_READING},
	{"vehicle", FIELD_JSON, FIELD_READING},
	{"hit", FIELD_TEXT, FIELD_READING},
	{"source_system", FIELD_TEXT, FIELD_ALONE},
	{"source_event_id", FIELD_TEXT, FIELD_ALONE},
	{"classification", FIELD_TEXT, FIELD_ALONE},
	{"retain_until", FIELD_DATE, FIELD_ALONE},
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

const struct field *field_at(size_t n)
{
	return n < FIELDS ? &fields[n] : NULL;
}

/* The number behind the dot, 2 to the most there are; 0 if it is none. */
static unsigned number(const char *p)
{
	unsigned v = 0;

	if (*p < '1' || *p > '9')
		return 0;
	for (; *p >= '0' && *p <= '9' && v <= FIELD_PLATES_MAX; p++)
		v = 10 * v + (unsigned)(*p - '0');
	return *p || v < 2 || v > FIELD_PLATES_MAX ? 0 : v;
}

const struct field *field_find(const char *key, unsigned *reading)
{
	const char *dot = strchr(key, '.');
	size_t n = dot ? (size_t)(dot - key) : strlen(key);
	unsigned nth = dot ? number(dot + 1) : 1;

	if (reading)
		*reading = nth;
	for (size_t i = 0; nth && i < FIELDS; i++)
		if (strncmp(fields[i].name, key, n) == 0 && !fields[i].name[n])
			return dot && fields[i].group != FIELD_READING ? NULL : &fields[i];
	return NULL;
}

void field_key(char out[RECORD_KEY_MAX + 1], const char *name, unsigned reading)
{
	if (reading > 1)
		snprintf(out, RECORD_KEY_MAX + 1, "%s.%u", name, reading);
	else
		snprintf(out, RECORD_KEY_MAX + 1, "%s", name);
}

bool field_reading(const struct record *r, const char *name, unsigned reading, struct text_span *v)
{
	char key[RECORD_KEY_MAX + 1];

	field_key(key, name, reading);
	return record_get(r, key, v);
}

static bool has_reading(const struct record *r, unsigned reading)
{
	struct text_span v;

	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].group == FIELD_READING &&
		    field_reading(r, fields[i].name, reading, &v))
			return true;
	return false;
}

unsigned field_readings(const struct record *r)
{
	unsigned n = 0;

	while (n < FIELD_PLATES_MAX && has_reading(r, n + 1))
		n++;
	return n;
}
