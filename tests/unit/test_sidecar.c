/* SPDX-License-Identifier: Apache-2.0 */
/* Which images a sidecar speaks of: by its name, by the id of a read, by the name it gives. */
#include "fs/sidecar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/text.h"

#define GUID "6ee17b00-82c1-466b-9fd6-003417bc82c4"

static void add(struct sidecars *s, const char *path, const char *text)
{
	const uint8_t sha256[32] = {0xab};
	struct sidecar_read r;
	struct err e = {0};

	if (sidecar_parse(&r, path, text, strlen(text), false, &e) != 0 || !r.kind)
		fail_msg("%s: %s", path, e.text);
	assert_int_equal(sidecars_add(s, path, sha256, &r), 0);
	sidecar_read_free(&r);
}

/* "a.xml b.xml": the sidecars of a file. Static. */
static const char *of(struct sidecars *s, const char *path)
{
	const struct sidecar *list[SIDECAR_PER_FILE];
	static char out[400];
	size_t n = sidecars_of(s, path, list);

	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s", i ? " " : "",
			 list[i]->path);
	return out;
}

static void test_names(void **state)
{
	struct sidecars *s;

	(void)state;
	assert_int_equal(sidecars_new(&s), 0);
	assert_string_equal(of(s, "a.jpg"), "");
	add(s, "d/a.xml", "<AutoVu/>");
	add(s, "d/b.jpg.xml", "<AutoVu/>");
	add(s, "c.json", "{\"data_type\":\"alpr_group\"}");
	assert_string_equal(of(s, "d/a.jpg"), "d/a.xml");
	assert_string_equal(of(s, "d/a"), "d/a.xml");
	assert_string_equal(of(s, "a.jpg"), "");
	assert_string_equal(of(s, "d/A.jpg"), "");
	assert_string_equal(of(s, "d/b.jpg"), "d/b.jpg.xml");
	assert_string_equal(of(s, "d/b.png"), "");
	assert_string_equal(of(s, "c.png"), "c.json");
	assert_string_equal(of(s, "d/c.png"), "");
	assert_string_equal(of(s, "d/a.xml"), ""); /* itself a sidecar */
	assert_non_null(sidecars_at(s, "d/a.xml"));
	assert_null(sidecars_at(s, "d/a.jpg"));
	assert_null(sidecars_at(s, "x.xml"));
	sidecars_free(s);
}

static void test_ids(void **state)
{
	struct sidecars *s;

	(void)state;
	assert_int_equal(sidecars_new(&s), 0);
	add(s, "x/SHARPV1_" GUID "_lpr.xml", "<AutoVu/>"); /* by its own name */
	add(s, "y/read.xml", "<AutoVu><Guid>11111111-82C1-466B-9FD6-003417BC82C4</Guid></AutoVu>");
	add(s, "z/r.json", "{\"data_type\":\"alpr_results\",\"uuid\":\"AAAA-12-1793529247482\"}");
	add(s, "z/g.json",
	    "{\"data_type\":\"alpr_group\",\"best_uuid\":\"AAAA-12-1793529247482\","
	    "\"uuids\":[\"BBBB-12-3\",\"cam\"]}");
	assert_string_equal(of(s, "SHARPV1_" GUID "_context.jpg"), "x/SHARPV1_" GUID "_lpr.xml");
	assert_string_equal(of(s, "q/" GUID ".jpg"), "x/SHARPV1_" GUID "_lpr.xml");
	assert_string_equal(of(s, "p11111111-82c1-466b-9fd6-003417bc82c4q.jpg"), "y/read.xml");
	assert_string_equal(of(s, "12345678-82c1-466b-9fd6-003417bc82c4.jpg"), "");
	assert_string_equal(of(s, "i/aaaa-12-1793529247482.jpg"), "z/g.json z/r.json");
	assert_string_equal(of(s, "i/AAAA-12-1793529247482_plate.jpg"), "z/g.json z/r.json");
	assert_string_equal(of(s, "i/AAAA-12-17935292474820.jpg"), "");
	assert_string_equal(of(s, "BBBB-12-3.jpg"), "z/g.json");
	assert_string_equal(of(s, "lane3_cam.jpg"), "z/g.json");
	assert_string_equal(of(s, "camera.jpg"), "");
	sidecars_free(s);
}

static void test_named_file(void **state)
{
	struct sidecars *s;

	(void)state;
	assert_int_equal(sidecars_new(&s), 0);
	add(s, "d/r.xml", "<AutoVu><ContextImage>shot 1.jpg</ContextImage></AutoVu>");
	assert_string_equal(of(s, "d/shot 1.jpg"), "d/r.xml");
	assert_string_equal(of(s, "e/shot 1.jpg"), "");
	sidecars_free(s);
}

/* More speak of one image than are asked; names of no length; and a great many. */
static void test_bounds(void **state)
{
	struct sidecars *s;
	char path[60], text[120];

	(void)state;
	assert_int_equal(sidecars_new(&s), 0);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "d%u/s%u.xml", i % 10, i * 7919 % 3000);
		snprintf(text, sizeof(text), "<AutoVu><Guid>%s</Guid></AutoVu>",
			 i < 6 ? "same" : path);
		add(s, path, text);
	}
	assert_string_equal(of(s, "same.jpg"), "d0/s0.xml d1/s1919.xml d2/s838.xml d3/s2757.xml");
	for (unsigned i = 6; i < 3000; i++) {
		char want[60];

		snprintf(path, sizeof(path), "d%u/s%u.jpg", i % 10, i * 7919 % 3000);
		snprintf(want, sizeof(want), "d%u/s%u.xml", i % 10, i * 7919 % 3000);
		assert_string_equal(of(s, path), want);
	}
	of(s, "....");
	of(s, "_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-");
	sidecars_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_named_file),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
