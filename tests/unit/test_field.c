/* SPDX-License-Identifier: Apache-2.0 */
/* Fields: their names, and the numbering of readings. */
#include "index/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_names(void **state)
{
	unsigned n;

	(void)state;
	for (size_t i = 0; field_at(i); i++)
		assert_ptr_equal(field_find(field_at(i)->name, NULL), field_at(i));
	assert_string_equal(field_find("plate_text.2", &n)->name, "plate_text");
	assert_int_equal(n, 2);
	assert_non_null(field_find("vehicle.32", &n));
	assert_int_equal(n, 32);
	assert_int_equal(field_find("lane", &n)->group, FIELD_ALONE);
	assert_int_equal(n, 1);
}

static void test_no_names(void **state)
{
	static const char *const none[] = {"",
					   ".",
					   "plate_tex",
					   "plate_text2",
					   "plate_text.",
					   "plate_text.1",
					   "plate_text.0",
					   "plate_text.02",
					   "plate_text.2x",
					   "plate_text.2.2",
					   "plate_text.33",
					   "plate_text.4294967298",
					   "lane.2",
					   "manifest.plate_text",
					   "path"};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (field_find(none[i], NULL))
			fail_msg("`%s` is taken for a field", none[i]);
}

static void test_readings(void **state)
{
	char key[RECORD_KEY_MAX + 1];
	struct text_span v;
	struct record *r;

	(void)state;
	assert_int_equal(record_new(&r), 0);
	assert_int_equal(field_readings(r), 0);
	assert_int_equal(record_set_text(r, "plate_text", "A"), 0);
	assert_int_equal(record_set_text(r, "plate_region.2", "US-TX"), 0);
	assert_int_equal(record_set_text(r, "plate_text.4", "D"), 0);
	assert_int_equal(field_readings(r), 2);
	assert_true(field_reading(r, "plate_text", 1, &v) && text_is(v, "A"));
	assert_true(field_reading(r, "plate_region", 2, &v) && text_is(v, "US-TX"));
	assert_false(field_reading(r, "plate_text", 2, &v));
	for (unsigned i = 2; i <= FIELD_PLATES_MAX; i++) {
		field_key(key, "plate_text", i);
		assert_int_equal(record_set_text(r, key, "X"), 0);
	}
	assert_int_equal(field_readings(r), FIELD_PLATES_MAX);
	record_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_names),
		cmocka_unit_test(test_readings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
