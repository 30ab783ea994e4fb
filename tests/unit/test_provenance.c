/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Provenance: what several sources say becomes one record: precedence, forms of values, groups that
 * are not mixed, and that nothing a source said is lost.
 */
#include "fs/provenance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/provenance_value.h"

struct world {
	struct record *r;
	struct provenance *p;
	char unread[400]; /* "name `value` why;" */
};

static struct world *start(const struct moment_zone *zone)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	assert_int_equal(record_new(&w.r), 0);
	assert_int_equal(provenance_new(&w.p, w.r, zone), 0);
	return &w;
}

static void end(struct world *w)
{
	provenance_free(w->p);
	record_free(w->r);
}

static void unread(void *ctx, const char *name, struct text_span v, const char *why)
{
	struct world *w = ctx;
	size_t n = strlen(w->unread);

	snprintf(w->unread + n, sizeof(w->unread) - n, "%s `%.*s` %s;", name, (int)v.n, v.p, why);
}

/* claims: name, value, name, value, NULL */
static void add(struct world *w, const char *source, bool percent, const char *const *claims)
{
	struct record *c;

	assert_int_equal(record_new(&c), 0);
	for (; *claims; claims += 2)
		assert_int_equal(record_set_text(c, claims[0], claims[1]), 0);
	assert_int_equal(provenance_add(w->p, source, c, percent, unread, w), 0);
	record_free(c);
}
#define ADD(w, source, ...) add(w, source, false, (const char *const[]){__VA_ARGS__, NULL})

/* Static, of the last call; "-" for none. */
static const char *get(struct world *w, const char *key)
{
	static char out[500];
	struct text_span v;

	if (!record_get(w->r, key, &v))
		return "-";
	assert_true(text_copy(v, out, sizeof(out)));
	return out;
}
#define HAS(w, key, value) assert_string_equal(get(w, key), value)

static void test_one_source(void **state)
{
	struct world *w = start(NULL);

	(void)state;
	ADD(w, "manifest", "event_id", "e1", "lane", "3", "plate_text", "ABC1234",
	    "plate_confidence", "93", "file", "a.jpg", "captured_at", "2026-11-01T10:34:07.482Z",
	    "captured_at_source", "device", "my_column", "x", "latitude", "26.06610", "plate_box",
	    "521, 679,245,79", "retain_until", "2028:11:01", "direction", "");
	assert_int_equal(provenance_end(w->p), 0);
	HAS(w, "event_id", "e1");
	HAS(w, "plate_text", "ABC1234");
	HAS(w, "plate_confidence", "0.93");
	HAS(w, "captured_at", "2026-11-01T10:34:07.482Z");
	HAS(w, "captured_at_source", "device");
	HAS(w, "captured_zone", "Z");
	HAS(w, "latitude", "26.0661");
	HAS(w, "plate_box", "[521,679,245,79]");
	HAS(w, "retain_until", "2028-11-01");
	HAS(w, "direction", "-");
	/* The words, where the field is not made of them. */
	HAS(w, "manifest.plate_confidence", "93");
	HAS(w, "manifest.latitude", "26.06610");
	HAS(w, "manifest.plate_box", "521, 679,245,79");
	HAS(w, "manifest.retain_until", "2028:11:01");
	HAS(w, "manifest.my_column", "x");
	HAS(w, "manifest.file", "a.jpg");
	HAS(w, "manifest.direction", "");
	HAS(w, "manifest.plate_text", "-");
	HAS(w, "manifest.captured_at", "-");
	HAS(w, "origins",
	    "captured_at=manifest captured_at_source=manifest captured_zone=manifest "
	    "event_id=manifest lane=manifest latitude=manifest plate_box=manifest "
	    "plate_confidence=manifest plate_text=manifest retain_until=manifest");
	assert_string_equal(w->unread, "");
	end(w);
}

static void test_precedence(void **state)
{
	struct world *w = start(NULL);

	(void)state;
	ADD(w, "manifest", "lane", "3", "site_id", "POE-17");
	ADD(w, "sidecar", "lane", "4", "camera_id", "SHARPV", "site_id", "POE-17");
	ADD(w, "exif", "camera_id", "x", "camera_make", "Apple");
	ADD(w, "meta", "lane", "9", "port", "2506", "camera_make", "Apple");
	assert_int_equal(provenance_end(w->p), 0);
	HAS(w, "lane", "3");
	HAS(w, "sidecar.lane", "4");
	HAS(w, "meta.lane", "9");
	HAS(w, "sidecar.site_id", "-"); /* they agree */
	HAS(w, "camera_id", "SHARPV");
	HAS(w, "exif.camera_id", "x");
	HAS(w, "port", "2506");
	HAS(w, "origins",
	    "camera_id=sidecar camera_make=exif lane=manifest port=meta site_id=manifest");
	end(w);
}

/* The confidence of one text is not put beside another. */
static void test_readings_are_not_mixed(void **state)
{
	struct world *w = start(NULL);

	(void)state;
	ADD(w, "manifest", "plate_text", "ABC1234", "hit", "stolen");
	ADD(w, "sidecar", "plate_text", "A8C1234", "plate_confidence", "0.9", "plate_text.2",
	    "ABC1234", "plate_confidence.2", "0.4", "plate_region.2", "us-tx");
	HAS(w, "plate_text", "ABC1234");
	HAS(w, "plate_confidence", "0.4");
	HAS(w, "plate_region", "us-tx");
	HAS(w, "plate_text.2", "-");
	HAS(w, "sidecar.plate_text", "A8C1234");
	HAS(w, "sidecar.plate_confidence", "0.9");
	assert_int_equal(field_readings(w->r), 1);
	end(w);
	/* Nobody read a plate before: all of the sidecar's count. */
	w = start(NULL);
	ADD(w, "manifest", "hit", "stolen");
	ADD(w, "sidecar", "plate_text", "A", "plate_text.2",
	    "\xc3\x9c"
	    "B 1");
	HAS(w, "plate_text", "A");
	HAS(w, "plate_text.2",
	    "\xc3\x9c"
	    "B 1");
	assert_int_equal(field_readings(w->r), 2);
	end(w);
	/* "There is no plate" is a reading. */
	w = start(NULL);
	ADD(w, "manifest", "plate_text", "", "plate_region", "");
	ADD(w, "sidecar", "plate_text", "A");
	assert_string_equal(get(w, "plate_text"), "");
	HAS(w, "plate_region", "-");
	HAS(w, "sidecar.plate_text", "A");
	end(w);
}

static void test_position_is_not_mixed(void **state)
{
	struct world *w = start(NULL);

	(void)state;
	ADD(w, "manifest", "latitude", "26.0661");
	ADD(w, "exif", "latitude", "-12.9402694444444", "longitude", "-38.4150194444444");
	HAS(w, "latitude", "26.0661");
	HAS(w, "longitude", "-");
	HAS(w, "exif.latitude", "-12.9402694444444");
	HAS(w, "exif.longitude", "-38.4150194444444");
	end(w);
}

static void test_local_time(void **state)
{
	struct moment_zone zone;
	struct world *w = start(NULL);
	struct err e;

	(void)state;
	ADD(w, "manifest", "captured_local", "2016:10:06 15:35:10");
	ADD(w, "exif", "captured_at", "2016:10:06 15:35:10-03:00");
	HAS(w, "captured_at", "-"); /* one time, from one source */
	HAS(w, "captured_local", "2016-10-06T15:35:10.000");
	HAS(w, "captured_zone", "unknown");
	HAS(w, "captured_at_source", "manifest");
	HAS(w, "manifest.captured_local", "2016:10:06 15:35:10");
	HAS(w, "exif.captured_at", "2016:10:06 15:35:10-03:00");
	end(w);

	assert_int_equal(moment_zone_parse(&zone, "-03:00", &e), 0);
	w = start(&zone);
	ADD(w, "exif", "captured_at", "2016:10:06 15:35:10.25", "captured_at_source",
	    "EXIF DateTimeOriginal");
	HAS(w, "captured_at", "2016-10-06T18:35:10.250Z");
	HAS(w, "captured_local", "2016-10-06T15:35:10.250");
	HAS(w, "captured_zone", "-03:00 (assumed)");
	HAS(w, "captured_at_source", "EXIF DateTimeOriginal");
	end(w);
	/* A zone that is written counts, not the one that is assumed. */
	w = start(&zone);
	ADD(w, "manifest", "captured_at", "1793529247482");
	HAS(w, "captured_at", "2026-11-01T10:34:07.482Z");
	HAS(w, "captured_local", "-");
	HAS(w, "captured_zone", "epoch");
	ADD(w, "meta", "captured_at_source", "wrong");
	HAS(w, "captured_at_source", "manifest");
	HAS(w, "meta.captured_at_source", "wrong");
	end(w);
}

static void test_unreadable(void **state)
{
	struct world *w = start(NULL);

	(void)state;
	ADD(w, "manifest", "captured_at", "n/a", "plate_confidence", "high", "latitude", "91",
	    "longitude", "0x10", "plate_box", "[1,2,3]", "retain_until", "soon", "lane", "1");
	ADD(w, "exif", "captured_at", "2026:11:01 10:34:07Z");
	HAS(w, "manifest.captured_at", "n/a");
	HAS(w, "captured_at", "2026-11-01T10:34:07.000Z"); /* the next best source */
	HAS(w, "manifest.plate_confidence", "high");
	HAS(w, "plate_confidence", "-");
	HAS(w, "latitude", "-");
	HAS(w, "longitude", "-");
	HAS(w, "plate_box", "-");
	HAS(w, "retain_until", "-");
	HAS(w, "lane", "1");
	assert_non_null(strstr(w->unread, "captured_at `n/a` is no time;"));
	assert_non_null(strstr(w->unread, "latitude `91` is no number of degrees from -90 to 90;"));
	assert_non_null(strstr(w->unread, "longitude `0x10` is no number"));
	assert_non_null(strstr(w->unread, "plate_box `[1,2,3]` is no box of four numbers;"));
	end(w);
}

static void test_percent(void **state)
{
	static const struct {
		const char *text, *want;
		bool percent;
	} good[] = {
		{"0.93", "0.93", false},   {"93", "0.93", false},
		{"1", "1", false},	   {"1", "0.01", true},
		{"0.5", "0.005", true},	   {"100", "1", true},
		{"0", "0", false},	   {"-0", "0", false},
		{"87.5%", "0.875", false}, {"0.5%", "0.005", false},
		{" 93 ", "0.93", false},   {"89.654321", "0.89654321", false},
		{"9.3e1", "0.93", false},
	};
	static const char *const bad[] = {"",
					  "101",
					  "-1",
					  "nan",
					  "inf",
					  "0x1",
					  "1,5",
					  "93 %x",
					  "%",
					  "1e999",
					  "0.000000000000000000000000000000000000000001"};
	struct wire_out out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		wire_out_reset(&out);
		assert_null(provenance_value(&out, FIELD_CONFIDENCE,
					     (struct text_span){good[i].text, strlen(good[i].text)},
					     good[i].percent));
		wire_out_u8(&out, 0);
		assert_string_equal((char *)out.p, good[i].want);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!provenance_value(&out, FIELD_CONFIDENCE,
				      (struct text_span){bad[i], strlen(bad[i])}, false))
			fail_msg("`%s` is taken for a confidence", bad[i]);
	wire_out_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_source),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_readings_are_not_mixed),
		cmocka_unit_test(test_position_is_not_mixed),
		cmocka_unit_test(test_local_time),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_percent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
