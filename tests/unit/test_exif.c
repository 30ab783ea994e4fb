/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exif: what a camera writes about a photo. The segments are made here; that real ones are read as
 * exiftool reads them is for tests/cli/provenance.bats.
 */
#include "fs/exif.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/text.h"
#include "crypto/wire.h"

/* ---- a writer of little-endian TIFF directories ---- */

struct entry {
	uint16_t tag, type; /* 2 ASCII, 4 LONG, 5 RATIONAL */
	const char *text;
	uint32_t v[6]; /* LONG, or three rationals */
};

static void le16(struct wire_out *o, uint32_t v)
{
	wire_out_u8(o, (uint8_t)v);
	wire_out_u8(o, (uint8_t)(v >> 8));
}

static void le32(struct wire_out *o, uint32_t v)
{
	le16(o, v & 0xffff);
	le16(o, v >> 16);
}

static uint32_t count(const struct entry *en)
{
	return en->type == 2 ? (uint32_t)strlen(en->text) + 1 : en->type == 5 ? 3 : 1;
}

static uint32_t size(const struct entry *en)
{
	return en->type == 2 ? count(en) : en->type == 5 ? 24 : 4;
}

/* A directory at offset `at` of the TIFF, with its values behind it. */
static void directory(struct wire_out *o, uint32_t at, const struct entry *list, uint32_t n)
{
	uint32_t values = at + 2 + 12 * n + 4;

	le16(o, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct entry *en = &list[i];

		le16(o, en->tag);
		le16(o, en->type);
		le32(o, count(en));
		if (size(en) > 4) {
			le32(o, values);
			values += size(en);
		} else if (en->type == 2) {
			char four[4] = {0};

			memcpy(four, en->text, size(en));
			wire_out_bytes(o, four, 4);
		} else {
			le32(o, en->v[0]);
		}
	}
	le32(o, 0);
	for (uint32_t i = 0; i < n; i++) {
		if (size(&list[i]) <= 4)
			continue;
		if (list[i].type == 2)
			wire_out_bytes(o, list[i].text, size(&list[i]));
		for (uint32_t k = 0; list[i].type == 5 && k < 6; k++)
			le32(o, list[i].v[k]);
	}
}

#define EXIF_AT 200u
#define GPS_AT 500u

static void pad(struct wire_out *o, size_t from, uint32_t at)
{
	while (o->n < from + at)
		wire_out_u8(o, 0);
}

/* A JPEG with these directories. */
static void jpeg(struct wire_out *o, const struct entry *exif, uint32_t nexif,
		 const struct entry *gps, uint32_t ngps)
{
	const struct entry ifd0[] = {{.tag = 0x010f, .type = 2, .text = "Apple "},
				     {.tag = 0x0110, .type = 2, .text = "iPhone 5"},
				     {.tag = 0x0132, .type = 2, .text = "2020:01:01 00:00:00"},
				     {.tag = 0x8769, .type = 4, .v = {EXIF_AT}},
				     {.tag = 0x8825, .type = 4, .v = {GPS_AT}}};
	size_t length, tiff;

	wire_out_reset(o);
	wire_out_bytes(o, "\xff\xd8\xff\xe1\0\0Exif\0\0", 12);
	length = 4;
	tiff = o->n;
	wire_out_bytes(o, "II*\0\x08\0\0\0", 8);
	directory(o, 8, ifd0, 5);
	pad(o, tiff, EXIF_AT);
	directory(o, EXIF_AT, exif, nexif);
	pad(o, tiff, GPS_AT);
	directory(o, GPS_AT, gps, ngps);
	o->p[length] = (uint8_t)((o->n - length) >> 8);
	o->p[length + 1] = (uint8_t)(o->n - length);
	wire_out_bytes(o, "\xff\xd9", 2);
	assert_true(wire_out_ok(o));
}

static const struct entry good_exif[] = {
	{.tag = 0x9003, .type = 2, .text = "2016:10:06 15:35:10"},
	{.tag = 0x9011, .type = 2, .text = "-03:00"},
	{.tag = 0x9291, .type = 2, .text = "0625"},
	{.tag = 0xa431, .type = 2, .text = "SN 12345"},
};
static const struct entry good_gps[] = {
	{.tag = 1, .type = 2, .text = "S"},
	{.tag = 2, .type = 5, .v = {12, 1, 56, 1, 2497, 100}},
	{.tag = 3, .type = 2, .text = "W"},
	{.tag = 4, .type = 5, .v = {38, 1, 24, 1, 5407, 100}},
	{.tag = 7, .type = 5, .v = {18, 1, 35, 1, 950, 100}},
	{.tag = 29, .type = 2, .text = "2016:10:06"},
};

/* Claims of bytes that lie in memory of exactly their length. */
static struct record *claims(const void *p, size_t n)
{
	struct record *r;
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	if (n)
		memcpy(copy, p, n);
	assert_int_equal(record_new(&r), 0);
	assert_int_equal(exif_claims(r, copy, n), 0);
	free(copy);
	return r;
}

static void has(const struct record *r, const char *key, const char *want)
{
	struct text_span v;
	char have[200] = "-";

	if (record_get(r, key, &v))
		assert_true(text_copy(v, have, sizeof(have)));
	if (strcmp(have, want) != 0)
		fail_msg("%s: want `%s`, have `%s`", key, want, have);
}

static void test_all(void **state)
{
	struct wire_out o = {0};
	struct record *r;

	(void)state;
	jpeg(&o, good_exif, 4, good_gps, 6);
	r = claims(o.p, o.n);
	has(r, "captured_at", "2016:10:06 15:35:10.0625-03:00");
	has(r, "captured_local", "-");
	has(r, "captured_at_source", "EXIF DateTimeOriginal");
	has(r, "camera_make", "Apple");
	has(r, "camera_model", "iPhone 5");
	has(r, "camera_serial", "SN 12345");
	has(r, "latitude", "-12.9402694444444");
	has(r, "longitude", "-38.4150194444444");
	has(r, "gps_time", "2016:10:06 18:35:09Z");
	record_free(r);
	wire_out_free(&o);
}

/* Without an offset the time is local; the time of the last change is no time of capture. */
static void test_local(void **state)
{
	const struct entry digitized[] = {
		{.tag = 0x9004, .type = 2, .text = "2016:10:06 15:35:10"}};
	struct wire_out o = {0};
	struct record *r;

	(void)state;
	jpeg(&o, good_exif, 1, good_gps, 0);
	r = claims(o.p, o.n);
	has(r, "captured_at", "-");
	has(r, "captured_local", "2016:10:06 15:35:10");
	has(r, "latitude", "-");
	record_free(r);
	jpeg(&o, digitized, 1, good_gps, 0);
	r = claims(o.p, o.n);
	has(r, "captured_local", "2016:10:06 15:35:10");
	has(r, "captured_at_source", "EXIF DateTimeDigitized");
	record_free(r);
	jpeg(&o, good_exif + 3, 1, good_gps, 0);
	r = claims(o.p, o.n);
	has(r, "captured_local", "-");
	record_free(r);
	wire_out_free(&o);
}

static void test_nonsense(void **state)
{
	const struct entry exif[] = {{.tag = 0x9003, .type = 2, .text = "0000:00:00 00:00:00"},
				     {.tag = 0x9004, .type = 2, .text = "    :  :     :  :  "}};
	const struct entry half[] = {{.tag = 1, .type = 2, .text = "S"},
				     {.tag = 2, .type = 5, .v = {12, 1, 56, 1, 0, 1}}};
	const struct entry zero[] = {{.tag = 1, .type = 2, .text = "S"},
				     {.tag = 2, .type = 5, .v = {12, 1, 56, 1, 0, 0}},
				     {.tag = 3, .type = 2, .text = "Q"},
				     {.tag = 4, .type = 5, .v = {1, 1, 1, 1, 1, 1}}};
	struct wire_out o = {0};
	struct record *r;

	(void)state;
	jpeg(&o, exif, 2, half, 2);
	r = claims(o.p, o.n);
	has(r, "captured_at", "-");
	has(r, "captured_local", "-");
	has(r, "latitude", "-");
	record_free(r);
	jpeg(&o, exif, 2, zero, 4);
	r = claims(o.p, o.n);
	has(r, "latitude", "-");
	has(r, "longitude", "-");
	record_free(r);
	r = claims("", 0);
	assert_int_equal(record_count(r), 0);
	record_free(r);
	r = claims("\xff\xd8\xff\xd9", 4);
	assert_int_equal(record_count(r), 0);
	record_free(r);
	wire_out_free(&o);
}

static void test_glance(void **state)
{
	uint8_t b[EXIF_GLANCE] = {0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xe1, 0, 4};

	(void)state;
	assert_true(exif_glance(b, sizeof(b)));
	assert_true(exif_glance(b, 12));
	assert_false(exif_glance(b, 11)); /* all of a short file */
	b[9] = 0xdb;			  /* tables: no segment of an application comes any more */
	assert_false(exif_glance(b, sizeof(b)));
	b[9] = 0xfe;
	b[10] = 0xff; /* a comment that reaches past what was read */
	assert_true(exif_glance(b, sizeof(b)));
	b[8] = 0;
	assert_false(exif_glance(b, sizeof(b)));
	assert_false(exif_glance("\xff\xd8", 2));
	assert_false(exif_glance("GIF89a", 6));
}

/* Cut anywhere, or with any byte another. */
static void test_mangled(void **state)
{
	struct wire_out o = {0};

	(void)state;
	jpeg(&o, good_exif, 4, good_gps, 6);
	for (size_t i = 0; i < o.n; i++) {
		const uint8_t was = o.p[i];

		record_free(claims(o.p, i));
		for (unsigned c = 0; c < 256; c += 51) {
			o.p[i] = (uint8_t)c;
			record_free(claims(o.p, o.n));
		}
		o.p[i] = was;
	}
	wire_out_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),	 cmocka_unit_test(test_local),
		cmocka_unit_test(test_nonsense), cmocka_unit_test(test_glance),
		cmocka_unit_test(test_mangled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
