/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/media.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_types(void **state)
{
	static const struct {
		const char *path, *start;
		size_t n;
		const char *type;
	} cases[] = {
		{"a", "\xff\xd8\xff\xe0 JFIF", 9, "image/jpeg"},
		{"a.txt", "\xff\xd8\xff\xe0 JFIF", 9, "image/jpeg"},
		{"a.jpg", "\xff\xd8", 2, "application/octet-stream"},
		{"a.jpg", "not a picture", 13, "application/octet-stream"},
		{"a.jpg", "", 0, "application/octet-stream"},
		{"x.PNG", "\x89PNG\r\n\x1a\n\0\0", 10, "image/png"},
		{"x", "RIFF1234WEBPVP8 ", 16, "image/webp"},
		{"x", "RIFF1234WEB", 11, "application/octet-stream"},
		{"d/notes.TXT", "hello", 5, "text/plain"},
		{"notes.txt", "", 0, "text/plain"},
		{"notes.txt", "he\0lo", 5, "application/octet-stream"},
		{"m.csv", "file,sha256\r\n", 13, "text/csv"},
		{"dir.txt/none", "hello", 5, "application/octet-stream"},
		{"none", "hello", 5, "application/octet-stream"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *p = malloc(cases[i].n ? cases[i].n : 1);

		assert_non_null(p);
		memcpy(p, cases[i].start, cases[i].n);
		assert_string_equal(media_type(cases[i].path, p, cases[i].n), cases[i].type);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_types)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
