/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field: the fields of a provenance record that have a meaning to programs: who searches, lists and
 * exports reads these, whatever source said them (see custodyfs-format(5), "Provenance record").
 * They are the columns of a manifest. What a source says otherwise lies under that source's prefix
 * ("manifest.", "sidecar.", "exif.", "meta.") and is for people.
 *
 * An image may show several plates. The fields of a reading are then numbered from the second on:
 * plate_text, plate_text.2, plate_text.3.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_INDEX_FIELD_H
#define CUSTODY_INDEX_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "index/record.h"

#define FIELD_PLATES_MAX 32u /* readings of one image that a record keeps */

/* What a value looks like in a record. */
enum field_kind {
	FIELD_TEXT,	  /* any */
	FIELD_TIME,	  /* UTC, "2026-11-01T10:34:07.482Z" */
	FIELD_LOCAL,	  /* the same without a zone, "2026-11-01T10:34:07.482" */
	FIELD_DATE,	  /* "2028-11-01" */
	FIELD_CONFIDENCE, /* a decimal fraction, "0" to "1" */
	FIELD_LATITUDE,	  /* decimal degrees, north and east positive */
	FIELD_LONGITUDE,
	FIELD_BOX, /* JSON list of four numbers: x, y, width, height in pixels */
	FIELD_JSON /* JSON, or what text the source had */
};
/* Fields of one group are taken from one source, or from sources that agree. */
enum field_group {
	FIELD_ALONE,
	FIELD_WHEN,    /* time of capture */
	FIELD_WHERE,   /* position */
	FIELD_READING, /* of a plate; numbered */
};

struct field {
	const char *name;
	enum field_kind kind;
	enum field_group group;
};

/* The n-th field, from 0; NULL behind the last. In the order in which they are for people. */
const struct field *field_at(size_t n);
/* The field that a record's key stands for, and the number of the reading (1 where there is none in
 * the key; may be NULL). NULL for a key of another kind. */
const struct field *field_find(const char *key, unsigned *reading);
/* The record's key of a field of the n-th reading, from 1. */
void field_key(char out[RECORD_KEY_MAX + 1], const char *name, unsigned reading);
/* How many readings the record has: numbers go up without a gap. */
unsigned field_readings(const struct record *r);
/* The value of a field of the n-th reading; false, and empty, if it has none. */
bool field_reading(const struct record *r, const char *name, unsigned reading, struct text_span *v);

#endif
