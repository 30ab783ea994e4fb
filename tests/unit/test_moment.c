/* SPDX-License-Identifier: Apache-2.0 */
/* Times of capture as they are written, and what local ones mean. The times in UTC were worked out
 * with date(1). */
#include "fs/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct text_span span(const char *s)
{
	return (struct text_span){s, strlen(s)};
}

static void test_parse(void **state)
{
	static const struct {
		const char *text, *utc, *zone;
	} good[] = {
		{"2026-11-01T10:34:07.482Z", "2026-11-01T10:34:07.482Z", "Z"},
		{"2026-11-01T10:34:07Z", "2026-11-01T10:34:07.000Z", "Z"},
		{"2026-11-01 10:34:07.4UTC", "2026-11-01T10:34:07.400Z", "Z"},
		{"2026:11:01 10:34:07.4829999-06:00", "2026-11-01T16:34:07.482Z", "-06:00"},
		{"2026/11/01 10:34:07,5 +0530", "2026-11-01T05:04:07.500Z", "+05:30"},
		{"2026-11-01T10:34+14", "2026-10-31T20:34:00.000Z", "+14:00"},
		{"2026-03-01T00:30:00+01:00", "2026-02-28T23:30:00.000Z", "+01:00"},
		{" 2024:02:29 23:59:59Z ", "2024-02-29T23:59:59.000Z", "Z"},
		{"1793529247482", "2026-11-01T10:34:07.482Z", "epoch"},
		{"1793529247", "2026-11-01T10:34:07.000Z", "epoch"},
		{"1793529247.4829", "2026-11-01T10:34:07.482Z", "epoch"},
		{"1793529247482999", "2026-11-01T10:34:07.482Z", "epoch"},
	};
	char text[TEXT_TIME_SIZE];
	struct moment m;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!moment_parse(&m, span(good[i].text)) || m.local)
			fail_msg("`%s` is not read", good[i].text);
		text_time_ms(text, m.ms);
		assert_string_equal(text, good[i].utc);
		assert_string_equal(m.zone, good[i].zone);
	}
}

static void test_local(void **state)
{
	char text[MOMENT_LOCAL_SIZE];
	struct moment m;

	(void)state;
	assert_true(moment_parse(&m, span("2016:10:06 15:35:10")) && m.local);
	assert_string_equal(m.zone, "");
	moment_local_text(text, m.ms);
	assert_string_equal(text, "2016-10-06T15:35:10.000");
	assert_true(moment_parse(&m, span("2016-10-06T15:35:10.0625")) && m.local);
	moment_local_text(text, m.ms);
	assert_string_equal(text, "2016-10-06T15:35:10.062");
}

static void test_no_moments(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"x",
		"2026-11-01",
		"10:34:07",
		"2026-11-01T",
		"2026-11-01T10",
		"2026-11-31T10:34:07Z",
		"2026-13-01T10:34:07Z",
		"2026-02-29T10:34:07Z",
		"2026-11-01T24:00:00Z",
		"2026-11-01T10:60:00Z",
		"2026-12-31T23:59:60Z",
		"2026-11-01T10:34:07.Z",
		"2026-11-01T10:34:07+15:00",
		"2026-11-01T10:34:07+01:60",
		"2026-11-01T10:34:07+1",
		"2026-11-01T10:34:07 CET",
		"2026-11-01T10:34:07Zx",
		"2026-11:01T10:34:07Z",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+01:00",
		"0000:00:00 00:00:00",
		"20261101103407",
		"12345678",
		"17935292474829991",
		"01793529247",
		"-1793529247",
		"1793529247482.5",
		"1793529247.",
		"1793529247.x",
		"2026-11-01\0T10:34:07Z",
		"    :  :     :  :  ",
		"17935292474",
		"2026-11-01T10.34.07Z",
	};
	struct moment m;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (moment_parse(&m, span(bad[i])))
			fail_msg("`%s` is taken for a time", bad[i]);
	assert_false(moment_parse(&m, (struct text_span){"2026-11-01\0"
							 "10:34:07Z",
							 20}));
}

static void test_date(void **state)
{
	char text[11];

	(void)state;
	assert_true(moment_parse_date(text, span("2028-11-01")));
	assert_string_equal(text, "2028-11-01");
	assert_true(moment_parse_date(text, span("2028:02:29")));
	assert_string_equal(text, "2028-02-29");
	assert_true(moment_parse_date(text, span("2028-11-01T23:30:00-06:00")));
	assert_string_equal(text, "2028-11-02");
	assert_false(moment_parse_date(text, span("2027-02-29")));
	assert_false(moment_parse_date(text, span("1.11.2028")));
}

/* UTC of a local time in a zone, or "-". */
static const char *utc(const struct moment_zone *z, const char *local)
{
	static char text[TEXT_TIME_SIZE];
	struct moment m;
	int64_t ms;

	assert_true(moment_parse(&m, span(local)) && m.local);
	if (!moment_zone_utc(z, m.ms, &ms))
		return "-";
	text_time_ms(text, ms);
	return text;
}

static void test_fixed_zone(void **state)
{
	struct moment_zone z;
	struct err e;

	(void)state;
	assert_int_equal(moment_zone_parse(&z, "-06:00", &e), 0);
	assert_string_equal(utc(&z, "2026-11-01T20:34:07.482"), "2026-11-02T02:34:07.482Z");
	assert_int_equal(moment_zone_parse(&z, "UTC", &e), 0);
	assert_string_equal(utc(&z, "2026-11-01T20:34:07.482"), "2026-11-01T20:34:07.482Z");
	assert_int_equal(moment_zone_parse(&z, "+10:00", &e), 0);
	assert_string_equal(utc(&z, "1970-01-01T05:00:00"), "-"); /* before 1970 */
}

static void test_named_zone(void **state)
{
	struct moment_zone z;
	struct err e;

	(void)state;
	if (moment_zone_parse(&z, "America/Chicago", &e) != 0) {
		print_message("[  NOTICE  ] no tzdata here: named zones are not tested\n");
		skip();
	}
	assert_string_equal(utc(&z, "2026-07-01T12:00:00.5"), "2026-07-01T17:00:00.500Z");
	assert_string_equal(utc(&z, "2026-12-01T12:00:00"), "2026-12-01T18:00:00.000Z");
	/* The clock goes from 01:59 to 03:00 on March 8th, and shows 01:00 to 01:59 twice on
	 * November 1st: what never was and what was twice is not guessed at. */
	assert_string_equal(utc(&z, "2026-03-08T01:59:59"), "2026-03-08T07:59:59.000Z");
	assert_string_equal(utc(&z, "2026-03-08T02:30:00"), "-");
	assert_string_equal(utc(&z, "2026-03-08T03:00:00"), "2026-03-08T08:00:00.000Z");
	assert_string_equal(utc(&z, "2026-11-01T00:59:59"), "2026-11-01T05:59:59.000Z");
	assert_string_equal(utc(&z, "2026-11-01T01:30:00"), "-");
	assert_string_equal(utc(&z, "2026-11-01T02:00:00"), "2026-11-01T08:00:00.000Z");
	assert_int_equal(moment_zone_parse(&z, "Asia/Kathmandu", &e), 0);
	assert_string_equal(utc(&z, "2026-11-01T00:00:00"), "2026-10-31T18:15:00.000Z");
}

static void test_no_zones(void **state)
{
	static const char *const bad[] = {"",
					  "Nowhere/Town",
					  "America",
					  "America/",
					  "/etc/passwd",
					  "../../../etc/passwd",
					  "CST6CDT,M3.2.0",
					  ":America/Chicago",
					  "+25:00",
					  "6"};
	struct moment_zone z;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (moment_zone_parse(&z, bad[i], &e) != ERR_USAGE)
			fail_msg("`%s` is taken for a zone", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	   cmocka_unit_test(test_local),
		cmocka_unit_test(test_no_moments), cmocka_unit_test(test_date),
		cmocka_unit_test(test_fixed_zone), cmocka_unit_test(test_named_zone),
		cmocka_unit_test(test_no_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
