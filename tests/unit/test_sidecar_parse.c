/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sidecars say: AutoVu XML and OpenALPR JSON as their makers' manuals have them, edited as their
 * users do, and everything that can be wrong with one. The bytes lie in memory of exactly their length,
 * so that ASan sees a read past them.
 */
#include "fs/sidecar_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/field.h"

/* A JPEG's first bytes, in Base64. */
#define JPEG "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAMCAgMCAgMD"

static const char autovu[] =
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<AutoVu>\n"
	"   <Plate>ABC1234</Plate>\n   <State>US-TX</State>\n"
	"   <UTCDate>2026:11:01</UTCDate>\n   <UTCTime>10:34:07.482</UTCTime>\n"
	"   <CameraName>Lane 3 &amp; 4</CameraName>\n   <SourceName>SHARPV12345</SourceName>\n"
	"   <ContextImage>/9j/4AAQSkZJRgABAQ\n   EASABIAAD/2wBDAAMCAgMCAgMD</ContextImage>\n"
	"   <PlateImage>" JPEG "</PlateImage>\n"
	"   <LongitudeX>-98.3316</LongitudeX>\n   <LatitudeY>26.0661</LatitudeY>\n"
	"   <Guid>6EE17B00-82c1-466b-9fd6-003417bc82c4</Guid>\n"
	"   <ConfidenceScore>93</ConfidenceScore>\n   <Lane>3</Lane>\n"
	"   <RelativeMotion>Approaching</RelativeMotion>\n</AutoVu>\n";

static const char results[] =
	"{\"version\":2,\"data_type\":\"alpr_results\",\"epoch_time\":1793529247482,"
	"\"img_width\":1280,\"img_height\":720,\"uuid\":\"AAAA-1234-1793529247482\","
	"\"camera_id\":1234,\"results\":["
	"{\"plate\":\"ABC1234\",\"confidence\":93.25,\"region\":\"us-tx\",\"region_confidence\":50,"
	"\"coordinates\":[{\"x\":521,\"y\":679},{\"x\":766,\"y\":680},{\"x\":765,\"y\":758},"
	"{\"x\":520,\"y\":757}],\"plate_crop_jpeg\":\"" JPEG "\","
	"\"candidates\":[{\"plate\":\"ABC1234\",\"confidence\":93.25,\"matches_template\":1},"
	"{\"plate\":\"A8C1234\",\"confidence\":41}]},"
	"{\"plate\":\"\xc3\x9c"
	"B 12\",\"confidence\":80}]}";

static const char group[] =
	"\xef\xbb\xbf{\"data_type\":\"alpr_group\",\"epoch_start\":1793529247482,\"epoch_end\":1793529248000,"
	"\"best_uuid\":\"AAAA-1-2\",\"uuids\":[\"AAAA-1-2\",\"AAAA-1-3\",7],"
	"\"best_plate_number\":\"ABC1234\",\"best_confidence\":90.5,\"best_region\":\"us-mo\","
	"\"gps_latitude\":37.635986328125,\"gps_longitude\":-77.5,\"travel_direction\":183.5,"
	"\"best_plate\":{\"plate\":\"ABC1234\",\"confidence\":91,\"plate_crop_jpeg\":\"" JPEG "\"},"
	"\"vehicle\":{\"make\":[{\"name\":\"ford\",\"confidence\":99}]},"
	"\"vehicle_crop_jpeg\":\"" JPEG "\",\"candidates\":[]}";

static int parse(struct sidecar_read *r, const char *path, const char *text, size_t n, bool images,
		 struct err *e)
{
	char *copy = malloc(n ? n : 1);
	int rc;

	assert_non_null(copy);
	if (n)
		memcpy(copy, text, n);
	memset(e, 0, sizeof(*e));
	rc = sidecar_parse(r, path, copy, n, images, e);
	free(copy);
	return rc;
}

static struct sidecar_read good(const char *path, const char *text, bool images)
{
	struct sidecar_read r;
	struct err e;

	if (parse(&r, path, text, strlen(text), images, &e) != 0)
		fail_msg("%s", e.text);
	return r;
}

static const char *get(const struct sidecar_read *r, const char *key)
{
	static char out[400];
	struct text_span v;

	if (!record_get(r->claims, key, &v))
		return "-";
	assert_true(text_copy(v, out, sizeof(out)));
	return out;
}
#define HAS(r, key, value) assert_string_equal(get(&(r), key), value)

static bool has_id(const struct sidecar_read *r, const char *id)
{
	for (size_t i = 0; i < r->ids; i++)
		if (strcmp(r->id[i], id) == 0)
			return true;
	return false;
}

static void test_autovu(void **state)
{
	struct sidecar_read r = good("d/SHARPV12345_x_lpr.xml", autovu, true);

	(void)state;
	assert_string_equal(r.kind, "autovu");
	assert_true(r.percent);
	HAS(r, "plate_text", "ABC1234");
	HAS(r, "plate_region", "US-TX");
	HAS(r, "plate_confidence", "93");
	HAS(r, "captured_at", "2026:11:01 10:34:07.482Z");
	HAS(r, "captured_at_source", "AutoVu UTCDate");
	HAS(r, "camera_name", "Lane 3 & 4");
	HAS(r, "camera_id", "SHARPV12345");
	HAS(r, "longitude", "-98.3316");
	HAS(r, "latitude", "26.0661");
	HAS(r, "lane", "3");
	HAS(r, "direction", "Approaching");
	HAS(r, "event_id", "6EE17B00-82c1-466b-9fd6-003417bc82c4");
	HAS(r, "source_system", "autovu");
	assert_true(has_id(&r, "6EE17B00-82c1-466b-9fd6-003417bc82c4"));
	assert_int_equal(r.images, 2);
	assert_string_equal(r.image[0].name, "ContextImage");
	assert_string_equal(r.image[0].suffix, ".jpg");
	assert_int_equal(r.image[0].n, 33);
	assert_memory_equal(r.image[0].p, r.image[1].p, 33);
	sidecar_read_free(&r);
	r = good("x.XML", autovu, false);
	assert_int_equal(r.images, 2);
	assert_null(r.image);
	sidecar_read_free(&r);
}

/* The template is its users': other names, attributes, files instead of images, two plates, none. */
static void test_autovu_edited(void **state)
{
	struct sidecar_read r = good(
		"x.xml",
		"<autovu SourceName='U1'><read><LocalDate>2026-11-01</LocalDate>"
		"<LocalTime>04:34:07</LocalTime><PLATE>A1</PLATE><Confidence>80</Confidence>"
		"<Plate> \xc3\x9c"
		"B 12 </Plate><Confidence>70</Confidence>"
		"<ContextImage>a_context.jpg</ContextImage><Extra>x</Extra>"
		"<Nested>1<b>2</b>3</Nested></read></autovu>",
		true);

	(void)state;
	HAS(r, "camera_id", "U1");
	HAS(r, "captured_at", "-");
	HAS(r, "captured_local", "2026-11-01 04:34:07");
	HAS(r, "plate_text", "A1");
	HAS(r, "plate_confidence", "80");
	HAS(r, "plate_text.2",
	    "\xc3\x9c"
	    "B 12");
	HAS(r, "plate_confidence.2", "70");
	assert_int_equal(r.images, 0);
	assert_true(has_id(&r, "a_context.jpg"));
	sidecar_read_free(&r);
	r = good("x.xml", "<AutoVu><Plate/><UTCDate>2026:11:01</UTCDate></AutoVu>", true);
	HAS(r, "plate_text", "");
	HAS(r, "captured_at", "-"); /* half a time is none */
	sidecar_read_free(&r);
	r = good("x.xml",
		 "<Hotlist HitID='h1'><HotlistCategory>Stolen</HotlistCategory>"
		 "<Vehicle><Read><attributes PlateNumber='X1'/></Read></Vehicle></Hotlist>",
		 true);
	HAS(r, "hit", "Stolen");
	HAS(r, "plate_text", "X1");
	HAS(r, "event_id", "h1");
	sidecar_read_free(&r);
}

static void test_results(void **state)
{
	struct sidecar_read r = good("AAAA.json", results, true);

	(void)state;
	assert_string_equal(r.kind, "openalpr");
	HAS(r, "captured_at", "1793529247482");
	HAS(r, "captured_at_source", "OpenALPR epoch_time");
	HAS(r, "camera_id", "1234");
	HAS(r, "event_id", "AAAA-1234-1793529247482");
	HAS(r, "plate_text", "ABC1234");
	HAS(r, "plate_confidence", "93.25");
	HAS(r, "plate_box", "[520,679,246,79]");
	HAS(r, "candidates", "[[\"ABC1234\",0.9325],[\"A8C1234\",0.41]]");
	HAS(r, "plate_text.2",
	    "\xc3\x9c"
	    "B 12");
	HAS(r, "plate_confidence.2", "80");
	assert_int_equal(field_readings(r.claims), 2);
	assert_int_equal(r.images, 1);
	assert_string_equal(r.image[0].name, "plate_crop_jpeg");
	sidecar_read_free(&r);
	r = good("x.json", "{\"data_type\":\"alpr_results\",\"results\":[]}", false);
	HAS(r, "plate_text", "");
	sidecar_read_free(&r);
}

static void test_group(void **state)
{
	struct sidecar_read r = good("g.json", group, true);

	(void)state;
	HAS(r, "captured_at", "1793529247482");
	HAS(r, "plate_text", "ABC1234");
	HAS(r, "plate_confidence", "90.5");
	HAS(r, "plate_region", "us-mo");
	HAS(r, "latitude", "37.635986328125");
	HAS(r, "longitude", "-77.5");
	HAS(r, "direction", "183.5");
	HAS(r, "vehicle", "{\"make\":[{\"name\":\"ford\",\"confidence\":99}]}");
	assert_true(has_id(&r, "AAAA-1-3"));
	assert_int_equal(r.images, 2);
	sidecar_read_free(&r);
	r = good("a.json",
		 "{\"data_type\":\"alpr_alert\",\"alert_list\":\"stolen\",\"site_name\":\"POE\","
		 "\"group\":{\"best_plate_number\":\"X\",\"best_uuid\":\"u\"}}",
		 true);
	HAS(r, "hit", "stolen");
	HAS(r, "site_id", "POE");
	HAS(r, "plate_text", "X");
	sidecar_read_free(&r);
}

/* Files that are no sidecars, and no fault. */
static void test_others(void **state)
{
	static const struct {
		const char *path, *text;
	} none[] = {
		{"a.xml", "<?xml version='1.0'?><svg><Plate>A</Plate></svg>"},
		{"a.xml", "<!DOCTYPE html><html></html>"},
		{"a.xml", ""},
		{"a.xml", "plain text"},
		{"a.xml", "<svg"},
		{"a.json", ""},
		{"a.json", "{\"plate\":\"A\"}"},
		{"a.json", "[1,2"},
		{"a.json", "{\"data_type\":\"alpr_other\"}"},
		{"a.json", "[\"alpr_results\"]"},
		{"a.json", "{\"data_type\":[\"alpr_results\"]}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct sidecar_read r = good(none[i].path, none[i].text, true);

		if (r.kind)
			fail_msg("`%s` is taken for a sidecar", none[i].text);
		sidecar_read_free(&r);
	}
	assert_true(sidecar_name_ok("d/a.XML") && sidecar_name_ok("a.Json"));
	assert_false(sidecar_name_ok(".xml") || sidecar_name_ok("a.jsonl") || sidecar_name_ok("a"));
}

static void refused(const char *path, const char *text, const char *words)
{
	struct sidecar_read r;
	struct err e;

	if (parse(&r, path, text, strlen(text), true, &e) != ERR_MALFORMED ||
	    !strstr(e.text, words))
		fail_msg("`%.60s`: want `%s`, have `%s`", text, words, e.text);
	sidecar_read_free(&r);
}

static void test_malformed(void **state)
{
	char deep[4000] = "<AutoVu>";

	(void)state;
	refused("a.xml", "<AutoVu><Plate>A</plate></AutoVu>", "line 1: mismatched tag");
	refused("a.xml", "<AutoVu>\n<Plate>A", "line 2");
	refused("a.xml", "<AutoVu/><AutoVu/>", "junk");
	refused("a.xml", "<AutoVu><Plate>&none;</Plate></AutoVu>", "undefined entity");
	refused("a.xml", "<AutoVu><Plate>\xff</Plate></AutoVu>", "invalid token");
	for (unsigned i = 0; i < 100; i++)
		strcat(deep, "<a>");
	refused("a.xml", deep, "more than 32 deep");
	refused("a.json", "{\"data_type\":\"alpr_results\"", "line 1");
	refused("a.json", "{\"data_type\":\"alpr_results\",\"a\":1,\"a\":2}", "duplicate");
	refused("a.json", "{\"data_type\":\"alpr_results\",\"a\":\"\\u0000\"}", "\\u0000");
}

/* Entities that grow, or fetch: a document type is refused before any of it. */
static void test_entities(void **state)
{
	static const char bomb[] =
		"<?xml version=\"1.0\"?>\n<!DOCTYPE AutoVu [\n<!ENTITY a \"aaaaaaaaaa\">\n"
		"<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">\n"
		"<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">\n"
		"<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\">\n]>\n"
		"<AutoVu><Plate>&d;&d;&d;</Plate></AutoVu>";
	static const char fetch[] = "<!DOCTYPE AutoVu [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
				    "<AutoVu><Plate>&x;</Plate></AutoVu>";

	(void)state;
	refused("a.xml", bomb, "document type");
	refused("a.xml", fetch, "document type");
	refused("a.xml", "<!DOCTYPE AutoVu SYSTEM 'http://127.0.0.1:1/x.dtd'><AutoVu/>",
		"document type");
	refused("a.xml", "<!DOCTYPE x [<!ENTITY % p SYSTEM 'file:///dev/zero'> %p;]><AutoVu/>",
		"document type");
}

/* What is said to be Base64, begins like it and is not. */
static void test_bad_image(void **state)
{
	struct sidecar_read r = good("a.xml",
				     "<AutoVu><ContextImage>" JPEG "*</ContextImage>"
				     "<ContextImage>" JPEG "</ContextImage></AutoVu>",
				     true);

	(void)state;
	assert_int_equal(r.images, 2);
	assert_null(r.image[0].p);
	assert_non_null(r.image[1].p);
	assert_string_equal(r.image[1].name, "ContextImage.2");
	sidecar_read_free(&r);
}

/* Cut anywhere, or with any byte another, it is read or refused, and nothing else. */
static void mangle(const char *path, const char *text)
{
	size_t n = strlen(text);
	struct sidecar_read r;
	char *copy = strdup(text);
	struct err e;

	for (size_t i = 0; i < n; i++) {
		parse(&r, path, text, i, true, &e);
		sidecar_read_free(&r);
		for (unsigned c = 0; c < 256; c += 19) {
			copy[i] = (char)c;
			parse(&r, path, copy, n, true, &e);
			sidecar_read_free(&r);
		}
		copy[i] = text[i];
	}
	free(copy);
}

static void test_mangled(void **state)
{
	(void)state;
	mangle("a.xml", autovu);
	mangle("a.json", results);
	mangle("a.json", group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_autovu),	 cmocka_unit_test(test_autovu_edited),
		cmocka_unit_test(test_results),	 cmocka_unit_test(test_group),
		cmocka_unit_test(test_others),	 cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_entities), cmocka_unit_test(test_bad_image),
		cmocka_unit_test(test_mangled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
