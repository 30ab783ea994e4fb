/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests: CSV as RFC 4180 has it and JSON Lines, what becomes of the columns, and everything a
 * manifest may get wrong, each time with the line that is named.
 */
#include "fs/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/fixture.h"

#define SHA "62c1ad4baa5c1069d2135d10e80f0326d10254ae5d225f75bb6ae7a91cb0de2b"
#define SHA0 "2c1ad4baa5c1069d2135d10e80f0326d10254ae5d225f75bb6ae7a91cb0de2b" /* but a digit */

/* In memory of exactly n bytes, so that ASan sees a read past it. */
static int parse_n(struct manifest **m, const char *text, size_t n, struct err *e)
{
	char *copy = malloc(n ? n : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, text, n);
	rc = manifest_parse(m, copy, n, "m.csv", e);
	free(copy);
	return rc;
}

static struct manifest *parse(const char *text)
{
	struct manifest *m;
	struct err e = {0};

	if (parse_n(&m, text, strlen(text), &e) != 0)
		fail_msg("%s", e.text);
	return m;
}

/* The value of a column in the claims of a file's row; "-" if it has none. Static. */
static const char *value(struct manifest *m, const char *file, const char *column)
{
	static char out[300];
	const struct manifest_row *row = manifest_find(m, file);
	struct text_span v;
	struct record *r;
	struct err e = {0};

	assert_non_null(row);
	assert_int_equal(record_new(&r), 0);
	if (manifest_fields(m, row, r, &e) != 0)
		fail_msg("%s", e.text);
	if (!record_get(r, column, &v))
		strcpy(out, "-");
	else
		assert_true(text_copy(v, out, sizeof(out)));
	record_free(r);
	return out;
}

/* ---- CSV ---- */

static void test_csv(void **state)
{
	const struct manifest_row *row;
	struct manifest *m = parse("file,sha256,bytes,plate_text,Camera Name,\n"
				   "a.jpg," SHA ",17,ABC1234,\"Lane 3, north\",x\n"
				   "./sub/b.jpg,,,,\"say \"\"hi\"\"\",\n"
				   "\n"
				   "\"c d.jpg\",,0,\"Stra\xc3\x9f\x65\nline 2\",,\"\"");

	(void)state;
	assert_int_equal(manifest_rows(m), 3);
	row = manifest_find(m, "a.jpg");
	assert_non_null(row);
	assert_int_equal(row->line, 2);
	assert_true(row->has_sha256 && row->has_size);
	assert_int_equal(row->size, 17);
	assert_int_equal(row->sha256[0], 0x62);
	assert_int_equal(row->sha256[31], 0x2b);
	assert_string_equal(value(m, "a.jpg", "plate_text"), "ABC1234");
	assert_string_equal(value(m, "a.jpg", "camera_name"), "Lane 3, north");
	assert_string_equal(value(m, "a.jpg", "column-6"), "x");
	assert_string_equal(value(m, "a.jpg", "file"), "a.jpg");
	row = manifest_find(m, "sub/b.jpg");
	assert_non_null(row);
	assert_false(row->has_sha256 || row->has_size);
	assert_string_equal(value(m, "sub/b.jpg", "camera_name"), "say \"hi\"");
	assert_string_equal(value(m, "sub/b.jpg", "plate_text"), "-");
	row = manifest_find(m, "c d.jpg");
	assert_non_null(row);
	assert_int_equal(row->line, 5);
	assert_true(row->has_size && row->size == 0);
	assert_string_equal(value(m, "c d.jpg", "plate_text"), "Stra\xc3\x9f\x65\nline 2");
	assert_null(manifest_find(m, "./sub/b.jpg"));
	assert_null(manifest_find(m, "nothing"));
	manifest_free(m);
}

static void test_csv_crlf_and_bom(void **state)
{
	struct manifest *m = parse("\xef\xbb\xbf"
				   "file,note\r\na,\"x\r\ny\"\r\nb,z");

	(void)state;
	assert_int_equal(manifest_rows(m), 2);
	assert_string_equal(value(m, "a", "note"), "x\r\ny");
	assert_string_equal(value(m, "b", "note"), "z");
	assert_int_equal(manifest_find(m, "b")->line, 4);
	manifest_free(m);
	m = parse("file\nonly.jpg\r\n");
	assert_non_null(manifest_find(m, "only.jpg"));
	manifest_free(m);
	m = parse("file,x\n"); /* a header alone */
	assert_int_equal(manifest_rows(m), 0);
	assert_null(manifest_find(m, "x"));
	assert_null(manifest_unused(m));
	manifest_free(m);
}

static void test_unused(void **state)
{
	struct manifest *m = parse("file\nz\na\nm\n");

	(void)state;
	assert_string_equal(manifest_unused(m)->file, "z");
	assert_int_equal(manifest_find(m, "z")->uses, 1);
	assert_int_equal(manifest_find(m, "z")->uses, 2);
	assert_string_equal(manifest_unused(m)->file, "a");
	manifest_find(m, "m");
	assert_string_equal(manifest_unused(m)->file, "a");
	assert_int_equal(manifest_unused(m)->line, 3);
	manifest_find(m, "a");
	assert_null(manifest_unused(m));
	manifest_free(m);
}

/* ---- JSON Lines ---- */

static void test_json(void **state)
{
	const struct manifest_row *row;
	struct manifest *m = parse(
		"{\"file\":\"a.jpg\",\"sha256\":\"" SHA "\",\"bytes\":254113,\"plate_text\":\"\","
		"\"latitude\":26.0661,\"odd\":0.1234567890123456789,\"plate_box\":[521,679,245,79],"
		"\"vehicle\":{\"make\":\"ford\"},\"hit\":null,\"ok\":true,\"Big Name\":-7,"
		"\"candidates\":[[\"ABC1234\",0.93]]}\r\n"
		"  \n"
		"{\"bytes\":\"12\",\"sha256\":null,\"file\":\"./d/\\u00fc.jpg\"}");

	(void)state;
	assert_int_equal(manifest_rows(m), 2);
	row = manifest_find(m, "a.jpg");
	assert_non_null(row);
	assert_true(row->has_sha256 && row->has_size && row->size == 254113);
	assert_string_equal(value(m, "a.jpg", "plate_text"), "");
	assert_string_equal(value(m, "a.jpg", "latitude"), "26.0661");
	assert_string_equal(value(m, "a.jpg", "odd"), "0.12345678901234568");
	assert_string_equal(value(m, "a.jpg", "plate_box"), "[521,679,245,79]");
	assert_string_equal(value(m, "a.jpg", "vehicle"), "{\"make\":\"ford\"}");
	assert_string_equal(value(m, "a.jpg", "candidates"), "[[\"ABC1234\",0.93]]");
	assert_string_equal(value(m, "a.jpg", "hit"), "-");
	assert_string_equal(value(m, "a.jpg", "ok"), "true");
	assert_string_equal(value(m, "a.jpg", "big_name"), "-7");
	assert_string_equal(value(m, "a.jpg", "bytes"), "254113");
	row = manifest_find(m, "d/\xc3\xbc.jpg");
	assert_non_null(row);
	assert_int_equal(row->line, 3);
	assert_true(row->has_size && row->size == 12 && !row->has_sha256);
	manifest_free(m);
}

/* ---- what is wrong ---- */

struct bad {
	const char *text;
	unsigned line;
};

static void check_bad(const char *text, size_t n, unsigned line)
{
	struct manifest *m;
	struct err e = {0};
	char where[40];

	snprintf(where, sizeof(where), "m.csv, line %u: ", line);
	if (parse_n(&m, text, n, &e) != ERR_MALFORMED || !strstr(e.text, where))
		fail_msg("%.60s: want %s, have %s", text, where, e.code ? e.text : "success");
	assert_null(m);
}

static void test_bad_csv(void **state)
{
	static const struct bad bad[] = {
		{"", 1},
		{"name,sha256\nx,y\n", 1},	     /* no file */
		{"file,file\n", 1},		     /* twice */
		{"file,Plate Text,plate_text\n", 1}, /* the same once folded */
		{"file,x\na,b\nc\n", 3},	     /* too few columns */
		{"file,x\na,b,c\n", 2},		     /* too many */
		{"file,x\na,\"b\n\nc\n", 2},	     /* a quote that never ends */
		{"file,x\na,\"b\" \n", 2},	     /* text behind a quote */
		{"file,x\na,b\"c\n", 2},	     /* a quote inside */
		{"file,x\na,b\rc,d\n", 2},	     /* a lone CR */
		{"file,x\na,\"b\"\rc\n", 2},
		{"file,x\n,b\n", 2},	    /* no file name */
		{"file\n/etc/passwd\n", 2}, /* absolute */
		{"file\n../up\n", 2},
		{"file\na/../../up\n", 2},
		{"file\na//b\n", 2},
		{"file\na/./b\n", 2},
		{"file\na/\n", 2},
		{"file\n.\n", 2},
		{"file,bytes\nx,1\ny,2\n./x,2\n", 4}, /* two sizes of one file */
		{"file,sha256\nx," SHA "\nx,\nx,0" SHA0 "\n", 4},
		{"file,sha256\na,12ab\n", 2},
		{"file,sha256\na," SHA "0\n", 2},
		{"file,sha256\na,g2c1ad4baa5c1069d2135d10e80f0326d10254ae5d225f75bb6ae7a91cb0de2b\n",
		 2},
		{"file,bytes\na,-1\n", 2},
		{"file,bytes\na,1.5\n", 2},
		{"file,bytes\na, 1\n", 2},
		{"file,bytes\na,007\n", 2},
		{"file,bytes\na,18446744073709551616\n", 2},
		{"file,x\na,b\nb,\xff\n", 3}, /* not UTF-8 */
		{"file,x\na,\xc3\n", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_bad(bad[i].text, strlen(bad[i].text), bad[i].line);
	check_bad("file,x\na,b\0c\n", 13, 2);
	check_bad("file\0,x\n", 8, 1);
}

static void test_bad_json(void **state)
{
	static const struct bad bad[] = {
		{"{", 1},
		{"{}\n", 1},
		{"{\"file\":\"a\"}\n[\"file\"]\n", 2},
		{"{\"file\":\"a\"}\nfile,x\n", 2},
		{"{\"file\":\"a\"} {\"file\":\"b\"}\n", 1},
		{"{\"file\":\"a\",\"file\":\"b\"}\n", 1},
		{"{\"file\":7}\n", 1},
		{"{\"file\":\"\"}\n", 1},
		{"{\"file\":\"../a\"}\n", 1},
		{"{\"file\":\"a\\u0000b\"}\n", 1},
		{"{\"file\":\"a\",\"bytes\":-1}\n", 1},
		{"{\"file\":\"a\",\"bytes\":1.0}\n", 1},
		{"{\"file\":\"a\",\"bytes\":[1]}\n", 1},
		{"{\"file\":\"a\",\"sha256\":7}\n", 1},
		{"{\"file\":\"a\",\"sha256\":\"12\"}\n", 1},
		{"{\"file\":\"a\",\"n\":123456789012345678901234567890}\n", 1},
		{"{\"file\":\"a\",\"n\":1e999}\n", 1},
		{"{\"file\":\"a\",\"bytes\":1}\n\n{\"file\":\"a\",\"bytes\":2}\n", 3},
		{"{\"file\":\"a\",\"x\":\"\xff\"}\n", 1},
		{"{\n\"file\":\"a\"}\n", 1}, /* an object over two lines */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_bad(bad[i].text, strlen(bad[i].text), bad[i].line);
}

/* ---- several rows of one file ---- */

static void refused(struct manifest *m, const char *file, const char *words)
{
	struct err e = {0};
	struct record *r;

	assert_int_equal(record_new(&r), 0);
	if (manifest_fields(m, manifest_find(m, file), r, &e) != ERR_MALFORMED ||
	    !strstr(e.text, words))
		fail_msg("want `%s`, have `%s`", words, e.text);
	record_free(r);
}

/* Two plates in one image; the third row says the digest for all of them. */
static void test_several_plates(void **state)
{
	struct manifest *m = parse("file,bytes,sha256,event_id,lane,plate_text,plate_confidence\n"
				   "a,7,,e1,3,ABC1234,93\n"
				   "b,,,e9,1,,\n"
				   "a,7,,e1,3,\xc3\x9c"
				   "B 12,0.5\n"
				   "./a,," SHA ",e2,4,XYZ,7\n");
	const struct manifest_row *row;

	(void)state;
	assert_int_equal(manifest_rows(m), 4);
	assert_true(manifest_percent(m));
	row = manifest_find(m, "a");
	assert_int_equal(row->line, 2);
	assert_true(row->has_size && row->has_sha256 && row->sha256[0] == 0x62);
	assert_string_equal(value(m, "a", "plate_text"), "ABC1234");
	assert_string_equal(value(m, "a", "plate_text.2"), "\xc3\x9c"
							   "B 12");
	assert_string_equal(value(m, "a", "plate_text.3"), "XYZ");
	assert_string_equal(value(m, "a", "plate_confidence.3"), "7");
	assert_string_equal(value(m, "a", "event_id"), "e1");
	assert_string_equal(value(m, "a", "row2.event_id"), "-");
	assert_string_equal(value(m, "a", "row3.event_id"), "e2");
	assert_string_equal(value(m, "a", "row3.lane"), "4");
	assert_string_equal(value(m, "b", "plate_text"), "-");
	assert_null(manifest_unused(m));
	manifest_free(m);
}

/* A second row that reads nothing else is a mistake, and named. */
static void test_named_again(void **state)
{
	struct manifest *m = parse("file\nx\ny\nx\n");

	(void)state;
	refused(m, "x", "line 4: `x` is named again (line 2 named it)");
	manifest_free(m);
	m = parse("file,plate_text\nx,A\n./x,A\n");
	refused(m, "x", "line 3");
	manifest_free(m);
	m = parse("{\"file\":\"a\"}\n\n{\"file\":\"a\"}\n");
	refused(m, "a", "line 3");
	manifest_free(m);
}

static void test_too_many_plates(void **state)
{
	struct wire_out b = {0};
	struct manifest *m;
	struct err e;

	(void)state;
	wire_out_text(&b, "file,plate_text\n");
	for (unsigned i = 1; i <= 33; i++)
		wire_out_printf(&b, "a,P%u\n", i);
	assert_int_equal(parse_n(&m, (char *)b.p, b.n, &e), 0);
	refused(m, "a", "line 34: more than 32 rows of one file");
	manifest_free(m);
	wire_out_free(&b);
}

/* Column names that fold to one key are found when the fields are wanted: objects differ. */
static void test_json_folded_twice(void **state)
{
	struct manifest *m = parse("{\"file\":\"a\",\"A B\":1,\"a_b\":2}\n");
	struct record *r;
	struct err e;

	(void)state;
	assert_int_equal(record_new(&r), 0);
	assert_int_equal(manifest_fields(m, manifest_find(m, "a"), r, &e), ERR_MALFORMED);
	record_free(r);
	manifest_free(m);
}

static void test_key_alphabet(void **state)
{
	struct manifest *m = parse("file,\xc3\x9c"
				   "ber-Gr\xc3\xb6\xc3\x9f"
				   "e (m),a.b_C-9,"
				   "0123456789012345678901234567890123456789012345678901234567890\n"
				   "x,1,2,3\n");

	(void)state;
	assert_string_equal(value(m, "x", "_ber-gr__e__m_"), "1");
	assert_string_equal(value(m, "x", "a.b_c-9"), "2");
	assert_string_equal(value(m, "x", "01234567890123456789012345678901234567890123456789"),
			    "3");
	manifest_free(m);
}

static void test_bounds(void **state)
{
	struct wire_out b = {0};
	struct manifest *m;
	struct record *r;
	struct err e;

	(void)state;
	for (unsigned i = 0; i < MANIFEST_COLUMNS_MAX; i++)
		wire_out_printf(&b, "%sc%u", i ? "," : "file,", i);
	wire_out_text(&b, "\n");
	check_bad((char *)b.p, b.n, 1);
	/* A field that no record can hold is told of by its row, when it is wanted. */
	wire_out_reset(&b);
	wire_out_text(&b, "file,x\na,");
	memset(wire_out_room(&b, RECORD_SIZE_MAX), 'x', RECORD_SIZE_MAX);
	wire_out_text(&b, "\n");
	assert_int_equal(parse_n(&m, (char *)b.p, b.n, &e), 0);
	assert_int_equal(record_new(&r), 0);
	assert_int_equal(manifest_fields(m, manifest_find(m, "a"), r, &e), ERR_MALFORMED);
	assert_non_null(strstr(e.text, "line 2"));
	record_free(r);
	manifest_free(m);
	wire_out_free(&b);
}

/* Every cut and every changed byte of a good manifest is read or refused, and nothing else. */
static void test_mangled(void **state)
{
	static const char *const good[] = {
		"file,sha256,bytes,x\r\n\"a \"\"b\"\"\"," SHA ",12,\"q\r\n,\"\r\nc,,,\r\n",
		"{\"file\":\"a\",\"sha256\":\"" SHA "\",\"bytes\":12,\"x\":[1,{\"y\":\"z\"}]}\n",
	};

	(void)state;
	for (size_t g = 0; g < 2; g++) {
		size_t n = strlen(good[g]);
		char *copy = strdup(good[g]);

		for (size_t i = 0; i < n; i++) {
			for (unsigned c = 0; c < 256; c += c == '"' || c == ',' ? 1 : 5) {
				struct manifest *m;
				struct err e;

				copy[i] = (char)c;
				if (parse_n(&m, copy, n, &e) == 0)
					manifest_free(m);
			}
			copy[i] = good[g][i];
		}
		for (size_t i = 0; i < n; i++) {
			struct manifest *m;
			struct err e;

			if (parse_n(&m, good[g], i, &e) == 0)
				manifest_free(m);
		}
		free(copy);
	}
}

static void test_many_rows(void **state)
{
	struct wire_out b = {0};
	struct manifest *m;
	char file[40];
	struct err e;

	(void)state;
	wire_out_text(&b, "file,n\n");
	for (unsigned i = 0; i < 20000; i++)
		wire_out_printf(&b, "d%u/f%u.jpg,%u\n", i % 7, i * 7919 % 20000, i);
	assert_int_equal(parse_n(&m, (char *)b.p, b.n, &e), 0);
	assert_int_equal(manifest_rows(m), 20000);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(file, sizeof(file), "d%u/f%u.jpg", i % 7, i * 7919 % 20000);
		assert_int_equal(manifest_find(m, file)->line, i + 2);
	}
	assert_null(manifest_unused(m));
	manifest_free(m);
	wire_out_free(&b);
}

static void test_load(void **state)
{
	char dir[FIXTURE_PATH], path[FIXTURE_PATH + 16];
	struct manifest *m;
	struct err e;

	(void)state;
	fixture_dir(dir);
	snprintf(path, sizeof(path), "%s/m.jsonl", dir);
	assert_int_equal(manifest_load(&m, path, &e), ERR_NOTFOUND);
	assert_null(m);
	fixture_write(path, "{\"file\":\"a\"}", 12);
	assert_int_equal(manifest_load(&m, path, &e), 0);
	assert_non_null(manifest_find(m, "a"));
	manifest_free(m);
	fixture_write(path, "", 0);
	assert_int_equal(manifest_load(&m, path, &e), ERR_MALFORMED);
	fixture_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_csv_crlf_and_bom),
		cmocka_unit_test(test_unused),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_bad_csv),
		cmocka_unit_test(test_bad_json),
		cmocka_unit_test(test_json_folded_twice),
		cmocka_unit_test(test_key_alphabet),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_mangled),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_several_plates),
		cmocka_unit_test(test_named_again),
		cmocka_unit_test(test_too_many_plates),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
