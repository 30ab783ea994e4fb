/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive.txt: its one form, every line of it missing, altered or doubled, its signatures and those
 * of the version after; and the directory it makes an archive.
 */
#include "fs/archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/age.h"
#include "crypto/suite.h"
#include "tests/lib/office.h"

#define NS DOCUMENT_NS_ARCHIVE

static int open_all(void **state)
{
	static struct office o;

	office_open(&o);
	*state = &o;
	return 0;
}

static int close_all(void **state)
{
	office_close(*state);
	return 0;
}

static void signed_desc(const struct office *o, struct document *doc, const struct archive_desc *d,
			const char *who)
{
	office_desc_document(doc, d);
	for (; *who; who++)
		office_sign(o, doc, NS, (unsigned)(*who - '0'));
}

static void test_round_trip(void **state)
{
	const struct office *o = *state;
	struct archive_desc d, got;
	struct document doc;
	struct err e;

	office_describe(o, &d, 3, 2);
	d.epochs = 2;
	d.epoch[1] = d.epoch[0];
	d.epoch[1].epoch = 7;
	strcpy(d.epoch[1].class, "30-days");
	d.require_pin = true;
	d.requires = 2;
	strcpy(d.require[0], "captured_at");
	strcpy(d.require[1], "of-a.later_version");
	signed_desc(o, &doc, &d, "02");
	assert_int_equal(archive_desc_parse(&got, &doc, NULL, &e), 0);
	assert_memory_equal(got.id, d.id, 16);
	assert_int_equal(got.version, 1);
	assert_int_equal(got.created_ms, d.created_ms);
	assert_int_equal(got.suite, d.suite);
	assert_int_equal(got.chunk_size, d.chunk_size);
	assert_int_equal(got.threshold, 2);
	assert_true(got.require_touch && got.require_pin);
	assert_int_equal(got.requires, 2);
	assert_string_equal(got.require[0], "captured_at");
	assert_string_equal(got.require[1], "of-a.later_version");
	assert_int_equal(got.keys, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(sshkey_equal(&got.key[i], &o->key[i]));
		assert_string_equal(got.key[i].comment, o->key[i].comment);
	}
	assert_int_equal(got.epochs, 2);
	assert_int_equal(got.epoch[1].epoch, 7);
	assert_string_equal(got.epoch[1].class, "30-days");
	assert_memory_equal(got.epoch[1].recipient, d.epoch[1].recipient, 32);
	assert_memory_equal(got.catalogue, d.catalogue, 32);
	document_free(&doc);
}

/* The text of d with `from` replaced by `to` (once), parsed; unsigned, so that anything that passes
 * the parser ends as ERR_TOO_FEW. */
static int altered(const struct archive_desc *d, const char *from, const char *to, struct err *e)
{
	struct wire_out text = {0}, out = {0};
	struct archive_desc got;
	struct document doc;
	const char *at;
	int rc;

	archive_desc_text(&text, d);
	wire_out_u8(&text, 0);
	at = strstr((char *)text.p, from);
	assert_non_null(at);
	wire_out_bytes(&out, text.p, (size_t)((const uint8_t *)at - text.p));
	wire_out_text(&out, to);
	wire_out_text(&out, at + strlen(from));
	assert_int_equal(document_make(&doc, &out, NULL, 0, e), 0);
	rc = archive_desc_parse(&got, &doc, NULL, e);
	document_free(&doc);
	wire_out_free(&text);
	wire_out_free(&out);
	return rc;
}

static void test_bad_values(void **state)
{
	static const struct {
		const char *from, *to;
		int code;
	} cases[] = {
		{"custodyfs-archive/v1", "custodyfs-archive/v1", ERR_TOO_FEW},
		{"custodyfs-archive/v1", "custodyfs-archive/v2", ERR_NEWER},
		{"custodyfs-archive/v1", "custodyfs-archive/v1 ", ERR_FOREIGN},
		{"custodyfs-archive/v1", "custodyfs-archive", ERR_FOREIGN},
		{"custodyfs-archive/v1", "custodyfs-revocation/v1", ERR_FOREIGN},
		{"archive: ", "archive: 0", ERR_MALFORMED},
		{"archive: ", "archive:  ", ERR_MALFORMED},
		{"archive: ", "Archive: ", ERR_MALFORMED},
		{"version: 1", "version: 0", ERR_MALFORMED},
		{"version: 1", "version: 01", ERR_MALFORMED},
		{"version: 1", "version: 4294967296", ERR_MALFORMED},
		{"created: 2026-11-23T07:10:00Z", "created: 2026-11-23T07:10:00.000Z",
		 ERR_MALFORMED},
		{"created: 2026-11-23", "created: 2026-13-23", ERR_MALFORMED},
		{"suite: xchacha20-poly1305", "suite: rot13", ERR_UNSUPPORTED},
		{"suite: xchacha20-poly1305", "suite: aes-256-gcm", ERR_TOO_FEW},
		{"chunk-size: 16384", "chunk-size: 16383", ERR_MALFORMED},
		{"chunk-size: 16384", "chunk-size: 2048", ERR_MALFORMED},
		{"chunk-size: 16384", "chunk-size: 2097152", ERR_MALFORMED},
		{"threshold: 2", "require: lane\nthreshold: 2", ERR_TOO_FEW},
		{"threshold: 2", "require: lane\nrequire: lane\nthreshold: 2", ERR_MALFORMED},
		{"threshold: 2", "require: La ne\nthreshold: 2", ERR_MALFORMED},
		{"threshold: 2", "require: \nthreshold: 2", ERR_MALFORMED},
		{"threshold: 2",
		 "require: a23456789012345678901234567890123456789012345678901234567890123456\n"
		 "threshold: 2",
		 ERR_MALFORMED},
		{"threshold: 2", "threshold: 2\nrequire: lane", ERR_MALFORMED},
		{"threshold: 2", "threshold: 0", ERR_MALFORMED},
		{"threshold: 2", "threshold: 4", ERR_MALFORMED},
		{"require-touch: yes", "require-touch: true", ERR_MALFORMED},
		{"require-pin: no\n", "", ERR_MALFORMED},
		{"key: ssh-ed25519", "key: ssh-rsa", ERR_MALFORMED},
		{"key: ssh-ed25519 ", "key: ssh-ed25519 A", ERR_MALFORMED},
		{"release: 1", "release: 0", ERR_MALFORMED},
		{"release: 1", "release: x", ERR_MALFORMED},
		{"default", "Default", ERR_MALFORMED},
		{"default", "default ", ERR_MALFORMED},
		{"default age1", "default age2", ERR_MALFORMED},
		{"catalogue: age1", "catalogue: age1q", ERR_MALFORMED},
		{"catalogue: ", "catalogue: x\ncatalogue: ", ERR_MALFORMED},
		{"require-touch: ", "note: x\nrequire-touch: ", ERR_MALFORMED},
	};
	struct archive_desc d;
	struct err e;

	office_describe(*state, &d, 3, 2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int rc = altered(&d, cases[i].from, cases[i].to, &e);

		if (rc != cases[i].code)
			print_error("'%s' -> '%s': %s\n", cases[i].from, cases[i].to, e.text);
		assert_int_equal(rc, cases[i].code);
		assert_int_equal(e.code, cases[i].code);
	}
	/* An error names its line. */
	assert_int_equal(altered(&d, "threshold: 2", "threshold: x", &e), ERR_MALFORMED);
	assert_non_null(strstr(e.text, "line 7"));
}

/* Each line left out, doubled, and put one place later. */
static void test_lines(void **state)
{
	struct wire_out text = {0}, out = {0};
	struct archive_desc d, got;
	struct text_span line[32];
	struct text_in in;
	struct document doc;
	size_t lines = 0;
	struct err e;

	office_describe(*state, &d, 1, 1);
	archive_desc_text(&text, &d);
	in = text_in_init(text.p, text.n);
	while (text_line(&in, &line[lines]))
		lines++;
	assert_int_equal(lines, 12);
	for (unsigned how = 0; how < 3; how++) {
		for (size_t i = 1; i + (how == 2) < lines; i++) {
			wire_out_reset(&out);
			for (size_t k = 0; k < lines; k++) {
				size_t at = how != 2 ? k : k == i ? i + 1 : k == i + 1 ? i : k;

				if (how == 0 && k == i)
					continue;
				wire_out_bytes(&out, line[at].p, line[at].n + 1);
				if (how == 1 && k == i)
					wire_out_bytes(&out, line[at].p, line[at].n + 1);
			}
			assert_int_equal(document_make(&doc, &out, NULL, 0, &e), 0);
			assert_int_equal(archive_desc_parse(&got, &doc, NULL, &e), ERR_MALFORMED);
			document_free(&doc);
		}
	}
	wire_out_free(&text);
	wire_out_free(&out);
}

static void test_bounds(void **state)
{
	struct archive_desc d, got;
	struct document doc;
	struct err e;

	office_describe(*state, &d, 2, 1);
	d.key[1] = d.key[0];
	office_desc_document(&doc, &d);
	assert_int_equal(archive_desc_parse(&got, &doc, NULL, &e), ERR_MALFORMED);
	assert_non_null(strstr(e.text, "twice"));
	document_free(&doc);

	office_describe(*state, &d, 1, 1);
	d.epochs = ARCHIVE_EPOCHS_MAX;
	for (size_t i = 1; i < d.epochs; i++) {
		d.epoch[i] = d.epoch[0];
		d.epoch[i].epoch = (uint32_t)i + 1;
	}
	office_desc_document(&doc, &d);
	assert_int_equal(archive_desc_parse(&got, &doc, NULL, &e), ERR_TOO_FEW);
	document_free(&doc);
	d.epoch[5].epoch = 5;
	office_desc_document(&doc, &d);
	assert_int_equal(archive_desc_parse(&got, &doc, NULL, &e), ERR_MALFORMED);
	document_free(&doc);
}

/* One more key or epoch than there is room for. */
static void test_too_many(void **state)
{
	struct wire_out text = {0};
	struct archive_desc d, got;
	struct document doc;
	char recipient[AGE_RECIPIENT_TEXT];
	struct err e;

	office_describe(*state, &d, ARCHIVE_KEYS_MAX - 28, 1);
	for (; d.keys < ARCHIVE_KEYS_MAX; d.keys++) {
		d.key[d.keys] = d.key[0];
		d.key[d.keys].pk[0] ^= (uint8_t)d.keys;
	}
	age_recipient_text(recipient, d.catalogue);
	archive_desc_text(&text, &d);
	assert_int_equal(document_make(&doc, &text, NULL, 0, &e), 0);
	assert_int_equal(archive_desc_parse(&got, &doc, NULL, &e), ERR_TOO_FEW);
	document_free(&doc);

	wire_out_reset(&text);
	wire_out_text(&text, "custodyfs-archive/v1\narchive: 00000000000000000000000000000000\n"
			     "version: 1\ncreated: 2026-11-23T07:10:00Z\nsuite: aes-256-gcm\n"
			     "chunk-size: 4096\nthreshold: 1\nrequire-touch: no\n"
			     "require-pin: no\n");
	for (unsigned i = 0; i <= ARCHIVE_KEYS_MAX; i++) {
		d.key[0].pk[1] = (uint8_t)i;
		wire_out_text(&text, "key: ");
		sshkey_text(&text, &d.key[0]);
		wire_out_text(&text, "\n");
	}
	wire_out_printf(&text, "release: 1 a %s\ncatalogue: %s\n", recipient, recipient);
	assert_int_equal(document_make(&doc, &text, NULL, 0, &e), 0);
	assert_int_equal(archive_desc_parse(&got, &doc, NULL, &e), ERR_MALFORMED);
	assert_non_null(strstr(e.text, "more than 32 keys"));
	document_free(&doc);
	wire_out_free(&text);
}

/* Witnesses: those who cosign, each once by name and by key. */
static void test_witnesses(void **state)
{
	const struct office *o = *state;
	struct archive_desc d, got;
	uint8_t seed[32] = {1};
	struct err e;
	struct document doc;
	char name[8];

	office_describe(o, &d, 1, 1);
	for (unsigned i = 0; i < ARCHIVE_WITNESSES_MAX; i++, seed[0]++) {
		snprintf(name, sizeof(name), "w%u", i);
		office_witness(&d, name, seed);
	}
	signed_desc(o, &doc, &d, "0");
	assert_int_equal(archive_desc_parse(&got, &doc, NULL, &e), 0);
	assert_int_equal(got.witnesses, ARCHIVE_WITNESSES_MAX);
	assert_memory_equal(got.witness, d.witness, sizeof(d.witness));
	document_free(&doc);
	assert_int_equal(altered(&d, "witness: w1+", "witness: w1+0\nwitness: w1+", &e),
			 ERR_MALFORMED);
	d.witness[3].type = NOTE_ED25519; /* a log's key, not a cosigner's */
	assert_int_equal(altered(&d, "v1\n", "v1\n", &e), ERR_MALFORMED);
	assert_non_null(strstr(e.text, "cosigner"));
	d.witness[3] = d.witness[2];
	strcpy(d.witness[3].name, "other");
	assert_int_equal(altered(&d, "v1\n", "v1\n", &e), ERR_MALFORMED);
	assert_non_null(strstr(e.text, "twice"));
	seed[0] = 200;
	d.witnesses = 3;
	office_witness(&d, "w1", seed);
	assert_int_equal(altered(&d, "v1\n", "v1\n", &e), ERR_MALFORMED);
	assert_non_null(strstr(e.text, "twice"));
}

static void test_signatures(void **state)
{
	const struct office *o = *state;
	struct archive_desc d, got;
	struct document doc;
	struct err e;

	office_describe(o, &d, 3, 2);
	signed_desc(o, &doc, &d, "1");
	assert_int_equal(archive_desc_parse(&got, &doc, NULL, &e), ERR_TOO_FEW);
	document_free(&doc);
	signed_desc(o, &doc, &d, "013");
	assert_int_equal(archive_desc_parse(&got, &doc, NULL, &e), ERR_WRONG_KEY);
	document_free(&doc);
	office_desc_document(&doc, &d);
	office_sign(o, &doc, DOCUMENT_NS_ENROL, 0);
	office_sign(o, &doc, DOCUMENT_NS_ENROL, 1);
	assert_int_equal(archive_desc_parse(&got, &doc, NULL, &e), ERR_NAMESPACE);
	document_free(&doc);
}

/* Version 2 has other keys: it needs a threshold of its own and of version 1's. */
static void test_next_version(void **state)
{
	const struct office *o = *state;
	struct archive_desc one, two, got;
	struct document doc;
	struct err e;

	office_describe(o, &one, 2, 2); /* officers 0 and 1 */
	two = one;
	office_follow(&one, &two);
	two.threshold = 1;
	two.keys = 1;
	two.key[0] = o->key[2];

	signed_desc(o, &doc, &two, "2");
	assert_int_equal(archive_desc_parse(&got, &doc, NULL, &e), 0);
	assert_int_equal(archive_desc_parse(&got, &doc, &one, &e), ERR_TOO_FEW);
	document_free(&doc);
	signed_desc(o, &doc, &two, "20");
	assert_int_equal(archive_desc_parse(&got, &doc, &one, &e), ERR_TOO_FEW);
	document_free(&doc);
	signed_desc(o, &doc, &two, "01");
	assert_int_equal(archive_desc_parse(&got, &doc, &one, &e), ERR_TOO_FEW);
	document_free(&doc);
	signed_desc(o, &doc, &two, "012");
	assert_int_equal(archive_desc_parse(&got, &doc, &one, &e), 0);
	assert_int_equal(archive_desc_parse(&got, &doc, &two, &e), ERR_ROLLBACK);
	/* It names the one before, and no other of the same keys. */
	one.digest[0] ^= 1;
	assert_int_equal(archive_desc_parse(&got, &doc, &one, &e), ERR_FOREIGN);
	one.digest[0] ^= 1;
	one.id[0] ^= 1;
	assert_int_equal(archive_desc_parse(&got, &doc, &one, &e), ERR_FOREIGN);
	document_free(&doc);

	one.id[0] ^= 1;
	two.version = 3;
	signed_desc(o, &doc, &two, "012");
	assert_int_equal(archive_desc_parse(&got, &doc, &one, &e), ERR_ROLLBACK);
	document_free(&doc);
}

/* ---- the directory ---- */

static void test_create_and_open(void **state)
{
	const struct office *o = *state;
	struct archive_desc d;
	struct archive *a;
	struct document doc;
	char path[FIXTURE_PATH];
	struct stat st;
	struct err e;

	office_describe(o, &d, 2, 1);
	office_archive(o, &d, "archive", path);
	assert_int_equal(archive_open(&a, path, &e), 0);
	assert_memory_equal(a->desc.id, d.id, 16);
	assert_string_equal(a->path, path);
	assert_int_equal(fstat(a->segments, &st), 0);
	assert_true(S_ISDIR(st.st_mode) && !(st.st_mode & 07027));
	assert_int_equal(fstatat(a->dir, "archive.txt", &st, 0), 0);
	assert_true(!(st.st_mode & 07137));

	/* Not a second time, and not over anything. */
	signed_desc(o, &doc, &d, "0");
	assert_int_equal(archive_create(path, &doc, &e), ERR_EXISTS);
	assert_int_equal(archive_create(o->key_file[0], &doc, &e), ERR_EXISTS);
	assert_int_equal(archive_create("/nonexistent/archive", &doc, &e), ERR_SYSTEM);
	archive_close(a);

	/* An empty directory will do; a trailing slash too. */
	assert_int_equal(fixture_run(o->dir, "mkdir empty"), 0);
	office_path(o, "empty/", path);
	assert_int_equal(archive_create(path, &doc, &e), 0);
	assert_int_equal(archive_open(&a, path, &e), 0);
	archive_close(a);
	document_free(&doc);

	/* What is not signed well does not become an archive. */
	signed_desc(o, &doc, &d, "3");
	office_path(o, "bad", path);
	assert_int_equal(archive_create(path, &doc, &e), ERR_WRONG_KEY);
	assert_int_equal(access(path, F_OK), -1);
	document_free(&doc);
	archive_close(NULL);
}

static void refuse_open(const char *path, int code)
{
	struct archive *a = (struct archive *)&a;
	struct err e;

	assert_int_equal(archive_open(&a, path, &e), code);
	assert_null(a);
	assert_non_null(strstr(e.text, path));
}

static void test_not_archives(void **state)
{
	const struct office *o = *state;
	struct archive_desc d;
	char path[FIXTURE_PATH];

	office_describe(o, &d, 1, 1);
	office_archive(o, &d, "broken", path);
	refuse_open("/nonexistent", ERR_NOTFOUND);
	refuse_open(o->key_file[0], ERR_FOREIGN);
	refuse_open(o->dir, ERR_FOREIGN);
	assert_int_equal(fixture_run(path, "mv journal j"), 0);
	refuse_open(path, ERR_DAMAGED);
	assert_int_equal(fixture_run(path, "ln -s j journal"), 0);
	refuse_open(path, ERR_SYSTEM);
	assert_int_equal(fixture_run(path, "rm journal; mv j journal; cp archive.txt a; "
					   "sed -i s/chunk-size:.16384/chunk-size:\\ 4096/ "
					   "archive.txt"),
			 0);
	refuse_open(path, ERR_FORGED);
	assert_int_equal(fixture_run(path, "ln -sf a archive.txt"), 0);
	refuse_open(path, ERR_MALFORMED);
	assert_int_equal(fixture_run(path, "rm archive.txt; mkdir archive.txt"), 0);
	refuse_open(path, ERR_MALFORMED);
	assert_int_equal(fixture_run(path, "rmdir archive.txt; : >archive.txt"), 0);
	refuse_open(path, ERR_FOREIGN);
	assert_int_equal(fixture_run(path, "head -c 2000000 /dev/zero >archive.txt"), 0);
	refuse_open(path, ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_lines),	     cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_too_many),     cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_next_version), cmocka_unit_test(test_create_and_open),
		cmocka_unit_test(test_not_archives), cmocka_unit_test(test_witnesses),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
