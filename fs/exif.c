/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/exif.h"

#include <libexif/exif-data.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "crypto/text.h"

/* Tags of the GPS directory, which share their numbers with others. */
enum { GPS_LAT_REF = 1, GPS_LAT = 2, GPS_LON_REF = 3, GPS_LON = 4, GPS_TIME = 7, GPS_DATE = 29 };

#define TEXT_MAX 256u

static const ExifEntry *entry(ExifData *d, ExifIfd ifd, unsigned tag)
{
	return exif_content_get_entry(d->ifd[ifd], (ExifTag)tag);
}

/* ASCII of an entry, without the blanks and NULs that it is filled up with; empty for none. */
static void text_of(char out[TEXT_MAX], const ExifEntry *en)
{
	size_t n = 0;

	out[0] = '\0';
	if (!en || en->format != EXIF_FORMAT_ASCII || !en->data)
		return;
	n = strnlen((const char *)en->data, en->size);
	while (n && en->data[n - 1] == ' ')
		n--;
	if (n < TEXT_MAX) {
		memcpy(out, en->data, n);
		out[n] = '\0';
	}
}

static int set(struct record *claims, const char *name, const char *v)
{
	int rc;

	if (!*v)
		return 0;
	rc = record_set_text(claims, name, v);
	return rc == ERR_USAGE ? 0 : rc; /* not UTF-8 */
}

static int claim(struct record *claims, const char *name, const ExifEntry *en)
{
	char text[TEXT_MAX];

	text_of(text, en);
	return set(claims, name, text);
}

/* ---- when ---- */

struct when {
	unsigned date, subsec, offset;
	const char *source;
};

/* True if there was such a time. DateTime alone is that of the last change to the file. */
static bool claim_when(struct record *claims, ExifData *d, const struct when *w, int *rc)
{
	char date[TEXT_MAX], subsec[TEXT_MAX], offset[TEXT_MAX], text[TEXT_MAX];

	text_of(date, entry(d, EXIF_IFD_EXIF, w->date));
	text_of(subsec, entry(d, EXIF_IFD_EXIF, w->subsec));
	text_of(offset, entry(d, EXIF_IFD_EXIF, w->offset));
	/* Blanks and zeros mean that the clock was not set. */
	if (strlen(date) != 19 || strspn(date, " :0") == 19)
		return false;
	if (strspn(subsec, "0123456789") != strlen(subsec) || strlen(subsec) > 9)
		subsec[0] = '\0';
	if (strlen(offset) != 6 || strchr("+-", offset[0]) == NULL)
		offset[0] = '\0';
	snprintf(text, sizeof(text), "%.19s%s%.9s%.6s", date, *subsec ? "." : "", subsec, offset);
	*rc = set(claims, *offset ? "captured_at" : "captured_local", text);
	if (*rc == 0)
		*rc = set(claims, "captured_at_source", w->source);
	return true;
}

static int when(struct record *claims, ExifData *d)
{
	static const struct when times[] = {
		{EXIF_TAG_DATE_TIME_ORIGINAL, EXIF_TAG_SUB_SEC_TIME_ORIGINAL,
		 EXIF_TAG_OFFSET_TIME_ORIGINAL, "EXIF DateTimeOriginal"},
		{EXIF_TAG_DATE_TIME_DIGITIZED, EXIF_TAG_SUB_SEC_TIME_DIGITIZED,
		 EXIF_TAG_OFFSET_TIME_DIGITIZED, "EXIF DateTimeDigitized"},
	};
	int rc = 0;

	for (size_t i = 0; i < 2 && !claim_when(claims, d, &times[i], &rc); i++)
		;
	return rc;
}

/* ---- where ---- */

/* Three rationals; NAN for a part that is none. */
static void three(double out[3], ExifData *d, const ExifEntry *en)
{
	const ExifByteOrder order = exif_data_get_byte_order(d);

	for (unsigned i = 0; i < 3; i++) {
		ExifRational r = {0, 0};

		if (en && en->data && en->format == EXIF_FORMAT_RATIONAL && en->components == 3 &&
		    en->size >= 24)
			r = exif_get_rational(en->data + 8 * i, order);
		out[i] = r.denominator ? (double)r.numerator / r.denominator : NAN;
	}
}

static int degrees(struct record *claims, const char *name, ExifData *d, unsigned tag,
		   unsigned ref_tag, const char *signs)
{
	char ref[TEXT_MAX], text[40];
	double v[3], sum;

	three(v, d, entry(d, EXIF_IFD_GPS, tag));
	text_of(ref, entry(d, EXIF_IFD_GPS, ref_tag));
	sum = v[0] + v[1] / 60 + v[2] / 3600;
	/* Without N or S, E or W it is no position. */
	if (!isfinite(sum) || strlen(ref) != 1 || !strchr(signs, ref[0]))
		return 0;
	snprintf(text, sizeof(text), "%.15g", ref[0] == signs[1] ? -sum : sum);
	return set(claims, name, text);
}

static int gps_time(struct record *claims, ExifData *d)
{
	char date[TEXT_MAX], text[80];
	double v[3];

	text_of(date, entry(d, EXIF_IFD_GPS, GPS_DATE));
	three(v, d, entry(d, EXIF_IFD_GPS, GPS_TIME));
	if (strlen(date) != 10 ||
	    !(v[0] >= 0 && v[0] < 24 && v[1] >= 0 && v[1] < 60 && v[2] >= 0 && v[2] < 61))
		return 0;
	snprintf(text, sizeof(text), "%.10s %02d:%02d:%02dZ", date, (int)v[0], (int)v[1],
		 (int)v[2]);
	return set(claims, "gps_time", text);
}

static int where(struct record *claims, ExifData *d)
{
	struct text_span v;
	struct record *both;
	int rc = record_new(&both);

	/* Half a position is none. */
	if (rc == 0)
		rc = degrees(both, "latitude", d, GPS_LAT, GPS_LAT_REF, "NS");
	if (rc == 0)
		rc = degrees(both, "longitude", d, GPS_LON, GPS_LON_REF, "EW");
	if (rc == 0 && record_count(both) == 2) {
		record_get(both, "latitude", &v);
		rc = record_set(claims, "latitude", v.p, v.n);
		record_get(both, "longitude", &v);
		if (rc == 0)
			rc = record_set(claims, "longitude", v.p, v.n);
	}
	record_free(both);
	return rc ? rc : gps_time(claims, d);
}

/* Marker by marker: the segment of an application (APP1) comes before the tables of the image. */
bool exif_glance(const void *p, size_t n)
{
	const uint8_t *b = p;

	if (n < 4 || b[0] != 0xff || b[1] != 0xd8)
		return false;
	for (size_t at = 2; at + 4 <= n; at += 2 + ((size_t)b[at + 2] << 8 | b[at + 3])) {
		if (b[at] != 0xff || b[at + 1] < 0xe0 || (b[at + 1] > 0xef && b[at + 1] != 0xfe))
			return false;
		if (b[at + 1] == 0xe1)
			return true;
	}
	return n >= EXIF_GLANCE;
}

int exif_claims(struct record *claims, const void *p, size_t n)
{
	ExifData *d = exif_data_new();
	int rc;

	if (!d)
		return ERR_NOMEM;
	/* As it stands in the file: nothing is mended, nothing made up, nothing passed over. */
	exif_data_unset_option(d, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
	exif_data_unset_option(d, EXIF_DATA_OPTION_IGNORE_UNKNOWN_TAGS);
	exif_data_load_data(d, p, (unsigned)(n < EXIF_START ? n : EXIF_START));
	rc = when(claims, d);
	if (rc == 0)
		rc = claim(claims, "camera_make", entry(d, EXIF_IFD_0, EXIF_TAG_MAKE));
	if (rc == 0)
		rc = claim(claims, "camera_model", entry(d, EXIF_IFD_0, EXIF_TAG_MODEL));
	if (rc == 0)
		rc = claim(claims, "camera_serial",
			   entry(d, EXIF_IFD_EXIF, EXIF_TAG_BODY_SERIAL_NUMBER));
	if (rc == 0)
		rc = where(claims, d);
	exif_data_unref(d);
	return rc;
}
