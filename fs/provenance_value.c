/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/provenance_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/moment.h"

#define NUMBER_MAX 40 /* digits and all */

/* A decimal number, alone in v but for spaces: no hexadecimal, no infinity, no locale. */
static bool number(struct text_span v, double *d)
{
	char text[NUMBER_MAX + 1], *end;

	while (v.n && v.p[0] == ' ') {
		v.p++;
		v.n--;
	}
	while (v.n && v.p[v.n - 1] == ' ')
		v.n--;
	if (v.n > NUMBER_MAX || !text_copy(v, text, sizeof(text)) || v.n == 0 ||
	    strspn(text, "0123456789+-.eE") != v.n)
		return false;
	*d = strtod(text, &end);
	return *end == '\0' && isfinite(*d);
}

/* The shortest digits that mean d: people wrote fewer than 15. */
static void put_number(struct wire_out *out, double d)
{
	wire_out_printf(out, "%.15g", d == 0 ? 0 : d);
}

static const char *degrees(struct wire_out *out, struct text_span v, double most)
{
	double d;

	if (!number(v, &d) || d < -most || d > most)
		return most < 100 ? "is no number of degrees from -90 to 90" :
				    "is no number of degrees from -180 to 180";
	put_number(out, d);
	return NULL;
}

static const char *confidence(struct wire_out *out, struct text_span v, bool percent)
{
	double d;

	if (v.n && v.p[v.n - 1] == '%') {
		percent = true;
		v.n--;
	}
	if (!number(v, &d) || d < 0 || d > 100)
		return "is no confidence from 0 to 1 or from 0 to 100";
	put_number(out, percent || d > 1 ? d / 100 : d);
	return NULL;
}

/* Four numbers, with whatever stands between and around them in JSON and out of it. */
static const char *box(struct wire_out *out, struct text_span v)
{
	static const char between[] = " \t,;[]()";
	double d[4];
	size_t n = 0;

	while (v.n) {
		size_t len = 0;

		if (strchr(between, v.p[0])) {
			v.p++;
			v.n--;
			continue;
		}
		while (len < v.n && !strchr(between, v.p[len]))
			len++;
		if (n == 4 || !number((struct text_span){v.p, len}, &d[n++]))
			return "is no box of four numbers";
		v.p += len;
		v.n -= len;
	}
	if (n != 4)
		return "is no box of four numbers";
	for (size_t i = 0; i < 4; i++) {
		wire_out_text(out, i ? "," : "[");
		put_number(out, d[i]);
	}
	wire_out_text(out, "]");
	return NULL;
}

static const char *day(struct wire_out *out, struct text_span v)
{
	char text[11];

	if (!moment_parse_date(text, v))
		return "is no date";
	wire_out_text(out, text);
	return NULL;
}

const char *provenance_value(struct wire_out *out, enum field_kind kind, struct text_span v,
			     bool percent)
{
	switch (kind) {
	case FIELD_CONFIDENCE:
		return confidence(out, v, percent);
	case FIELD_LATITUDE:
		return degrees(out, v, 90);
	case FIELD_LONGITUDE:
		return degrees(out, v, 180);
	case FIELD_BOX:
		return box(out, v);
	case FIELD_DATE:
		return day(out, v);
	default:
		wire_out_bytes(out, v.p, v.n);
		return NULL;
	}
}
