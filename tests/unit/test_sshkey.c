/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sshkey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/fixture.h"

static struct text_span span(const char *z)
{
	return (struct text_span){z, strlen(z)};
}

/* From OpenSSH's own tests. */
#define PLAIN64 "AAAAC3NzaC1lZDI1NTE5AAAAIIlizSIN3DQV78VPNjVvvwjgf+P5HqbPYCYu3BOMdjAE"
#define PLAIN "ssh-ed25519 " PLAIN64
#define TOKEN64                                                                                  \
	"AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIJsaDYXQYruc6bilCYDIK4YSOeG+zmrRO2M9t03//7" \
	"LHAAAABHNzaDo="
#define TOKEN "sk-ssh-ed25519@openssh.com " TOKEN64
#define ECDSA                                                                                    \
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBN7LnfPBVdDfBT" \
	"7KWUley1qo+rjzy0WYkrHpzbhGALXlj8g4K2bFmy81wblCbnHqWgjblv0FoBwUW641o9xEZtw="

static char *text_of(const struct sshkey *k)
{
	struct wire_out out = {0};
	char *z;

	sshkey_text(&out, k);
	wire_out_u8(&out, 0);
	assert_true(wire_out_ok(&out));
	z = strdup((char *)out.p);
	assert_non_null(z);
	wire_out_free(&out);
	return z;
}

static void expect_text(const struct sshkey *k, const char *want)
{
	char *z = text_of(k);

	assert_string_equal(z, want);
	free(z);
}

static void test_plain(void **state)
{
	char fingerprint[SSHKEY_FINGERPRINT_SIZE];
	struct sshkey k;
	struct err e = {0};

	(void)state;
	assert_int_equal(sshkey_parse(&k, span(PLAIN " ED25519 test key"), &e), 0);
	assert_false(k.token);
	assert_string_equal(k.application, "");
	assert_string_equal(k.comment, "ED25519 test key");
	assert_string_equal(sshkey_type(&k), "ssh-ed25519");
	expect_text(&k, PLAIN);
	sshkey_fingerprint(fingerprint, &k);
	assert_string_equal(fingerprint, "SHA256:ZxTZQ/K7JZpz0mHqWqdmYCUcq3MAtnu9TYA66TCBkxM");
	assert_int_equal(sshkey_parse(&k, span(PLAIN), NULL), 0);
	assert_string_equal(k.comment, "");
}

static void test_token(void **state)
{
	char fingerprint[SSHKEY_FINGERPRINT_SIZE];
	struct sshkey k;

	(void)state;
	assert_int_equal(sshkey_parse(&k, span(TOKEN " officer"), NULL), 0);
	assert_true(k.token);
	assert_string_equal(k.application, "ssh:");
	assert_string_equal(k.comment, "officer");
	assert_string_equal(sshkey_type(&k), "sk-ssh-ed25519@openssh.com");
	expect_text(&k, TOKEN);
	sshkey_fingerprint(fingerprint, &k);
	assert_string_equal(fingerprint, "SHA256:pbI9wlyrFSsUbp+GTiIAOqNMvoajbF2tHsPMECyrMYU");
}

static void test_equal(void **state)
{
	struct sshkey a, b;

	(void)state;
	assert_int_equal(sshkey_parse(&a, span(TOKEN " one"), NULL), 0);
	b = a;
	strcpy(b.comment, "two");
	assert_true(sshkey_equal(&a, &b));
	strcpy(b.application, "ssh:x");
	assert_false(sshkey_equal(&a, &b));
	b = a;
	b.pk[31] ^= 1;
	assert_false(sshkey_equal(&a, &b));
	b = a;
	b.token = false;
	assert_false(sshkey_equal(&a, &b));
}

static void test_unsupported(void **state)
{
	static const struct {
		const char *line, *type;
	} keys[] = {
		{ECDSA " ECDSA test", "ecdsa-sha2-nistp256"},
		{"sk-ecdsa-sha2-nistp256@openssh.com AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNza"
		 "C5jb20AAAAIbmlzdHAyNTYAAABBBKDVa5jRcT5V7E6ysmwVi7HJWh7p5D+hebLPakQcpnD2ajJZ6G/4W"
		 "zuhlYWnclWY63JspDp299Rlhq5AT86/g8AAAAAEc3NoOg== token",
		 "sk-ecdsa-sha2-nistp256@openssh.com"},
		{"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQA=", "ssh-rsa"},
		/* a certificate: its blob goes on after the type */
		{"ssh-ed25519-cert-v01@openssh.com "
		 "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAAAAAAAA=",
		 "ssh-ed25519-cert-v01@openssh.com"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct err e = {0};
		struct sshkey k;

		if (sshkey_parse(&k, span(keys[i].line), &e) != ERR_UNSUPPORTED)
			fail_msg("not unsupported: %s", keys[i].line);
		assert_int_equal(e.code, ERR_UNSUPPORTED);
		assert_non_null(strstr(e.text, keys[i].type));
	}
}

static void test_malformed_lines(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"ssh-ed25519",
		"ssh-ed25519 ",
		PLAIN64,
		" " PLAIN,
		"ssh-ed25519  " PLAIN64,
		"ssh-ed25519\t" PLAIN64,
		PLAIN "\n",
		PLAIN "\r",
		PLAIN " comment\n" PLAIN,
		PLAIN " com\001ment",
		PLAIN " \xff",
		PLAIN "=",
		PLAIN "A",
		"ssh-ed25519 " TOKEN64, /* the line says one type, the blob another */
		"sk-ssh-ed25519@openssh.com " PLAIN64,
		"ssh-rsa " PLAIN64,
		"no-touch-required " TOKEN,
		"cert-authority " PLAIN,
	};
	char *line;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = {0};
		struct sshkey k;

		if (sshkey_parse(&k, span(bad[i]), &e) != ERR_MALFORMED)
			fail_msg("not malformed: %s", bad[i]);
		assert_true(e.text[0] != '\0');
		assert_int_equal(k.pk[0], 0);
	}
	line = malloc(100000);
	assert_non_null(line);
	memset(line, 'A', 100000);
	memcpy(line, "ssh-ed25519 ", 12);
	assert_int_equal(sshkey_parse(&(struct sshkey){0}, (struct text_span){line, 100000}, NULL),
			 ERR_MALFORMED);
	free(line);
	assert_int_equal(sshkey_parse(&(struct sshkey){0}, (struct text_span){NULL, 0}, NULL),
			 ERR_MALFORMED);
}

/* A long comment is cut, and not within a character. */
static void test_comment(void **state)
{
	struct sshkey k;
	char line[512];

	(void)state;
	for (int shift = 0; shift < 2; shift++) {
		snprintf(line, sizeof(line), "%s %s", PLAIN, shift ? "x" : "");
		for (int i = 0; i < 100; i++)
			strcat(line, "\xc3\xa9");
		assert_int_equal(sshkey_parse(&k, span(line), NULL), 0);
		assert_int_equal(strlen(k.comment), shift ? 127 : 126);
		assert_true(text_valid(k.comment, strlen(k.comment)));
	}
}

/* ---- blobs ---- */

static int parse_blob(struct wire_out *blob)
{
	struct sshkey k;
	uint8_t *copy;
	int rc;

	/* In memory of its own, so that reading past the end is seen. */
	assert_true(wire_out_ok(blob));
	copy = malloc(blob->n + 1);
	assert_non_null(copy);
	if (blob->n)
		memcpy(copy + 1, blob->p, blob->n);
	rc = sshkey_from_blob(&k, copy + 1, blob->n, NULL);
	free(copy);
	return rc;
}

static void test_blob_limits(void **state)
{
	struct wire_out blob = {0};
	struct sshkey k, back;
	char *z;

	(void)state;
	assert_int_equal(sshkey_parse(&k, span(TOKEN), NULL), 0);
	/* the longest application there is room for, and one character more */
	memset(k.application, 'a', 63);
	sshkey_blob(&blob, &k);
	assert_int_equal(sshkey_from_blob(&back, blob.p, blob.n, NULL), 0);
	assert_true(sshkey_equal(&k, &back));
	z = text_of(&k);
	assert_int_equal(sshkey_parse(&back, span(z), NULL), 0);
	assert_true(sshkey_equal(&k, &back));
	free(z);
	wire_out_u8(&blob, 'a');
	blob.p[blob.n - 65]++;
	assert_int_equal(parse_blob(&blob), ERR_MALFORMED);
	wire_out_free(&blob);
}

static void test_blob_application(void **state)
{
	static const char *const bad[] = {"", "ssh: x", "ssh:\n", "ssh:\xc3\xa9"};
	struct wire_out blob = {0};
	struct sshkey k;

	(void)state;
	assert_int_equal(sshkey_parse(&k, span(TOKEN), NULL), 0);
	for (size_t i = 0; i < 4; i++) {
		strcpy(k.application, bad[i]);
		sshkey_blob(&blob, &k);
		assert_int_equal(parse_blob(&blob), ERR_MALFORMED);
		wire_out_reset(&blob);
	}
	strcpy(k.application, "ssh:xy");
	sshkey_blob(&blob, &k);
	assert_int_equal(parse_blob(&blob), 0);
	blob.p[blob.n - 1] = '\0';
	assert_int_equal(parse_blob(&blob), ERR_MALFORMED);
	wire_out_free(&blob);
}

static void test_blob_truncated(void **state)
{
	static const char *const lines[] = {PLAIN, TOKEN};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct wire_out blob = {0};
		struct sshkey k;
		size_t n;

		assert_int_equal(sshkey_parse(&k, span(lines[i]), NULL), 0);
		sshkey_blob(&blob, &k);
		assert_int_equal(parse_blob(&blob), 0);
		n = blob.n;
		for (blob.n = 0; blob.n < n; blob.n++)
			assert_int_equal(parse_blob(&blob), ERR_MALFORMED);
		wire_out_u8(&blob, 0); /* something behind */
		assert_int_equal(parse_blob(&blob), ERR_MALFORMED);
		blob.n = n;
		for (size_t j = 0; j < n; j++) { /* lengths that lie */
			uint8_t was = blob.p[j];

			blob.p[j] = 0xff;
			(void)parse_blob(&blob);
			blob.p[j] = was;
		}
		wire_out_free(&blob);
	}
}

/* ---- the ssh-keygen program ---- */

static void test_ssh_keygen(void **state)
{
	char dir[FIXTURE_PATH], path[FIXTURE_PATH + 16], fingerprint[SSHKEY_FINGERPRINT_SIZE];
	char *line, *listing;
	struct sshkey k;
	struct err e;

	(void)state;
	if (!fixture_program("ssh-keygen"))
		skip();
	fixture_dir(dir);
	assert_int_equal(fixture_run(dir, "ssh-keygen -t ed25519 -N '' -C 'an officer' -f a && "
					  "ssh-keygen -t ecdsa -N '' -f b && "
					  "ssh-keygen -t rsa -b 2048 -N '' -f c && "
					  "ssh-keygen -s b -I id -n x a.pub && "
					  "ssh-keygen -l -f a.pub >listing"),
			 0);
	snprintf(path, sizeof(path), "%s/a.pub", dir);
	line = fixture_read(path, NULL);
	line[strcspn(line, "\n")] = '\0';
	assert_int_equal(sshkey_parse(&k, span(line), NULL), 0);
	assert_string_equal(k.comment, "an officer");
	free(line);
	snprintf(path, sizeof(path), "%s/listing", dir);
	listing = fixture_read(path, NULL);
	sshkey_fingerprint(fingerprint, &k);
	assert_non_null(strstr(listing, fingerprint));
	free(listing);
	for (const char *const *name = (const char *const[]){"b.pub", "c.pub", "a-cert.pub", NULL};
	     *name; name++) {
		snprintf(path, sizeof(path), "%s/%s", dir, *name);
		line = fixture_read(path, NULL);
		line[strcspn(line, "\n")] = '\0';
		assert_int_equal(sshkey_parse(&k, span(line), &e), ERR_UNSUPPORTED);
		line[strcspn(line, " ")] = '\0';
		assert_non_null(strstr(e.text, line));
		free(line);
	}
	fixture_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),		cmocka_unit_test(test_token),
		cmocka_unit_test(test_equal),		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_malformed_lines), cmocka_unit_test(test_comment),
		cmocka_unit_test(test_blob_limits),	cmocka_unit_test(test_blob_application),
		cmocka_unit_test(test_blob_truncated),	cmocka_unit_test(test_ssh_keygen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
