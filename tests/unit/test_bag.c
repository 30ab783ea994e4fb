/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BagIt's tag files: what is read from them, what is refused and by which words; and files held to
 * them.
 */
#include "fs/bag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define V1 "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
#define V097 "BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n"
/* md5 of "" and of "a" */
#define EMPTY "d41d8cd98f00b204e9800998ecf8427e"
#define A "0cc175b9c0f1b6a831c399e269772661"

static int read_file(struct bag *b, const char *path, const char *text, struct err *e)
{
	return bag_read(b, path, text, strlen(text), e);
}

/* A bag of this declaration and md5 manifest, ready; or the error. */
static int make(struct bag **b, const char *declaration, const char *manifest, struct err *e)
{
	int rc;

	assert_int_equal(bag_new(b), 0);
	rc = read_file(*b, "bagit.txt", declaration, e);
	if (rc == 0)
		rc = read_file(*b, "manifest-md5.txt", manifest, e);
	return rc ? rc : bag_ready(*b, e);
}

/* `content` as a file of the bag. */
static int see(struct bag *b, const char *path, const char *content, struct err *e)
{
	uint8_t out[DIGEST_ALGS][DIGEST_SIZE_MAX];
	struct digest *d;

	assert_int_equal(digest_new(&d, 0xf), 0);
	digest_update(d, content, strlen(content));
	digest_end(d, out);
	digest_free(d);
	return bag_see(b, path, strlen(content), (const uint8_t(*)[DIGEST_SIZE_MAX])out, e);
}

static void refused(const char *declaration, const char *manifest, int code, const char *words)
{
	struct err e = {0};
	struct bag *b;
	int rc = make(&b, declaration, manifest, &e);

	if (rc != code || !strstr(e.text, words))
		fail_msg("%d, %s: wanted %d, %s", rc, e.text, code, words);
	bag_free(b);
}

static void test_kinds(void **state)
{
	(void)state;
	assert_int_equal(bag_kind("data/bagit.txt"), BAG_PAYLOAD);
	assert_int_equal(bag_kind("bagit.txt"), BAG_DECLARATION);
	assert_int_equal(bag_kind("manifest-sha512.txt"), BAG_MANIFEST);
	assert_int_equal(bag_kind("manifest-crc32.txt"), BAG_MANIFEST);
	assert_int_equal(bag_kind("manifest-.txt"), BAG_TAG);
	assert_int_equal(bag_kind("x/manifest-md5.txt"), BAG_TAG);
	assert_int_equal(bag_kind("tagmanifest-md5.txt"), BAG_TAG_MANIFEST);
	assert_int_equal(bag_kind("fetch.txt"), BAG_FETCH);
	assert_int_equal(bag_kind("database"), BAG_TAG);
}

static void test_declarations(void **state)
{
	(void)state;
	refused("BagIt-Version: 1.1\nTag-File-Character-Encoding: UTF-8\n", "", ERR_UNSUPPORTED,
		"0.97 and 1.0");
	refused("BagIt-Version : 1.0\nTag-File-Character-Encoding: UTF-8\n", "", ERR_MALFORMED,
		"line 1");
	refused("BagIt-Version:  1.0\nTag-File-Character-Encoding: UTF-8\n", "", ERR_UNSUPPORTED,
		"known");
	refused("\xef\xbb\xbf" V1, "", ERR_MALFORMED, "byte order");
	refused("BagIt-Version: 1.0\n", "", ERR_MALFORMED, "line 2");
	refused("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-16\n", "", ERR_UNSUPPORTED,
		"UTF-8");
	refused(V1 "More: 1\n", "", ERR_MALFORMED, "line too many");
	refused("", "", ERR_MALFORMED, "line 1");
	refused("\xff", "", ERR_MALFORMED, "UTF-8");
}

static void test_manifest_paths(void **state)
{
	static const struct {
		const char *path, *words;
	} paths[] = {
		{"data/../x", "leads out"},	     {"/data/x", "absolute"},
		{"../data/x", "leads out"},	     {"~/data/x", "home"},
		{"data/a/./b", "component"},	     {"data//b", "component"},
		{"data/..\\..\\x", "leads out"},     {"C:/data", "drive"},
		{"x/data/y", "not below data/"},     {"bagit.txt", "not below data/"},
		{"./data/x", "plain name"},	     {"data/x/", "plain name"},
		{"data/%0a..%0d/../x", "leads out"},
	};
	char line[200];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(line, sizeof(line), EMPTY "  %s\n", paths[i].path);
		refused(V1, line, ERR_MALFORMED, paths[i].words);
	}
	refused(V1, EMPTY "\n", ERR_MALFORMED, "line 1");
	refused(V1, EMPTY "  data/x\n\n" EMPTY "  data/y\n", ERR_MALFORMED, "line 2");
	refused(V1, "d41d8cd9  data/x\n", ERR_MALFORMED, "md5 path");
	refused(V1, EMPTY "  data/x\n" A "  data/x\n", ERR_MALFORMED, "twice");
	refused(V1, EMPTY " *data/x\n", ERR_MALFORMED, "not below data/");
}

static void test_what_is_needed(void **state)
{
	struct err e = {0};
	struct bag *b;

	(void)state;
	assert_int_equal(bag_new(&b), 0);
	assert_int_equal(bag_ready(b, &e), ERR_MALFORMED);
	assert_int_equal(read_file(b, "bagit.txt", V1, &e), 0);
	assert_int_equal(bag_ready(b, &e), ERR_MALFORMED);
	assert_non_null(strstr(e.text, "no payload manifest"));
	assert_int_equal(read_file(b, "manifest-crc32.txt", "", &e), ERR_UNSUPPORTED);
	assert_int_equal(read_file(b, "fetch.txt", "http://x 1 data/x\n", &e), ERR_UNSUPPORTED);
	assert_int_equal(read_file(b, "manifest-sha512.txt", "", &e), 0);
	assert_true(bag_strong(b));
	bag_free(b);
}

static void test_files(void **state)
{
	struct err e = {0};
	struct bag *b;

	(void)state;
	assert_int_equal(make(&b, V1, EMPTY "  data/x\r\n" A "\tdata/100%25%0Aa\n", &e), 0);
	assert_false(bag_strong(b));
	assert_string_equal(bag_version(b), "1.0");
	assert_int_equal(see(b, "data/x", "", &e), 0);
	assert_int_equal(bag_end(b, &e), ERR_DAMAGED); /* one is missing */
	assert_int_equal(see(b, "data/100%\na", "b", &e), ERR_DAMAGED);
	assert_int_equal(see(b, "data/100%\na", "a", &e), 0);
	assert_int_equal(see(b, "data/more", "", &e), ERR_DAMAGED);
	assert_int_equal(see(b, "anything.else", "", &e), 0);
	assert_int_equal(bag_end(b, &e), 0);
	bag_free(b);
	/* What 0.97 allows beyond. */
	assert_int_equal(make(&b, V097, EMPTY " *data/x\n" A "  ./data/100%25\n", &e), 0);
	assert_int_equal(see(b, "data/x", "", &e), 0);
	assert_int_equal(see(b, "data/100%25", "a", &e), 0);
	assert_int_equal(bag_end(b, &e), 0);
	bag_free(b);
}

static void test_all_manifests_are_whole(void **state)
{
	struct err e = {0};
	struct bag *b;

	(void)state;
	assert_int_equal(bag_new(&b), 0);
	assert_int_equal(read_file(b, "bagit.txt", V097, &e), 0);
	assert_int_equal(read_file(b, "manifest-md5.txt", EMPTY "  data/x\n", &e), 0);
	assert_int_equal(read_file(b, "manifest-sha1.txt", "", &e), 0);
	assert_int_equal(bag_ready(b, &e), 0);
	assert_int_equal(see(b, "data/x", "", &e), ERR_DAMAGED);
	assert_non_null(strstr(e.text, "manifest-sha1.txt"));
	bag_free(b);
}

static void test_tag_manifests(void **state)
{
	struct err e = {0};
	struct bag *b;

	(void)state;
	assert_int_equal(make(&b, V1, "", &e), 0);
	assert_int_equal(read_file(b, "tagmanifest-md5.txt", EMPTY "  data/x\n", &e),
			 ERR_MALFORMED);
	assert_int_equal(read_file(b, "tagmanifest-md5.txt", EMPTY "  tagmanifest-sha1.txt\n", &e),
			 ERR_MALFORMED);
	bag_free(b);
	assert_int_equal(make(&b, V1, "", &e), 0);
	assert_int_equal(read_file(b, "tagmanifest-md5.txt", A "  notes.txt\n", &e), 0);
	assert_int_equal(bag_ready(b, &e), 0);
	assert_int_equal(see(b, "notes.txt", "b", &e), ERR_DAMAGED);
	assert_int_equal(see(b, "notes.txt", "a", &e), 0);
	/* It has to name the payload's manifest. */
	assert_int_equal(see(b, "manifest-md5.txt", "", &e), ERR_DAMAGED);
	bag_free(b);
}

static void test_oxum(void **state)
{
	struct err e = {0};
	struct bag *b;

	(void)state;
	assert_int_equal(make(&b, V1, A "  data/x\n", &e), 0);
	assert_int_equal(read_file(b, "bag-info.txt", "No label\n", &e), ERR_MALFORMED);
	assert_int_equal(read_file(b, "bag-info.txt", "Payload-Oxum: 1\n", &e), ERR_MALFORMED);
	assert_int_equal(read_file(b, "bag-info.txt",
				   "Contact: x\n\tPayload-Oxum: 7.7\npayload-oxum: 2.1\n", &e),
			 0);
	assert_int_equal(read_file(b, "bag-info.txt", "Payload-Oxum: 1.1\n", &e), ERR_MALFORMED);
	assert_int_equal(see(b, "data/x", "a", &e), 0);
	assert_int_equal(bag_end(b, &e), ERR_DAMAGED);
	assert_non_null(strstr(e.text, "2.1"));
	bag_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_declarations),
		cmocka_unit_test(test_manifest_paths),
		cmocka_unit_test(test_what_is_needed),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_all_manifests_are_whole),
		cmocka_unit_test(test_tag_manifests),
		cmocka_unit_test(test_oxum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
