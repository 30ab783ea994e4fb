/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed documents: their form, what each kind of bad signature is called, signing by ssh-keygen
 * (files, passphrases it can't ask for, a software token), and the store.
 */
#include "fs/document.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/age.h"
#include "tests/lib/office.h"

#define NS DOCUMENT_NS_AUTHORISE
#define TEXT "custodyfs-test/v1\nserial: 000102030405060708090a0b0c0d0e0f\ncase: C-1\n"

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

static struct document_policy policy(const struct office *o, unsigned keys, unsigned threshold)
{
	return (struct document_policy){
		.namespace = NS,
		.keys = o->key,
		.nkeys = keys,
		.threshold = threshold,
		.require_touch = true,
	};
}

static int parse(struct document *d, const struct wire_out *bytes, struct err *e)
{
	return document_parse(d, bytes->p, bytes->n, e);
}

/* The document of `text` that bears signatures of the officers in `who`. */
static void signed_by(const struct office *o, struct document *d, const char *who)
{
	office_text_document(d, TEXT);
	for (; *who; who++)
		office_sign(o, d, NS, (unsigned)(*who - '0'));
}

/* ---- form ---- */

static void refuse_bytes(const char *bytes, size_t n, int code)
{
	struct document d;
	struct err e = {0};

	assert_int_equal(document_parse(&d, bytes, n, &e), code);
	assert_int_equal(e.code, code);
	assert_true(strlen(e.text) > 0);
	assert_null(d.bytes.p);
	assert_null(d.sealed.p);
	assert_int_equal(document_parse(&d, bytes, n, NULL), code);
}

static void refuse(const char *bytes, int code)
{
	refuse_bytes(bytes, strlen(bytes), code);
}

static void test_values(void **state)
{
	struct document d;
	struct text_span v;
	uint8_t id[16];
	int64_t ms;

	(void)state;
	office_text_document(&d, TEXT "time: 2026-11-23T07:10:00Z\nx: 1\nx: 2\nempty: \n");
	assert_true(text_is(document_title(&d), "custodyfs-test/v1"));
	assert_int_equal(d.sigs, 0);
	assert_int_equal(d.text.n, d.bytes.n);
	assert_true(document_value(&d, "case", &v) && text_is(v, "C-1"));
	assert_true(document_value(&d, "empty", &v) && v.n == 0);
	assert_false(document_value(&d, "x", &v));
	assert_false(document_value(&d, "cas", &v));
	assert_false(document_value(&d, "case: C", &v));
	assert_true(document_id(&d, "serial", id) && id[1] == 1 && id[15] == 15);
	assert_false(document_id(&d, "case", id));
	assert_true(document_time(&d, "time", &ms) && ms == INT64_C(1795417800000));
	assert_false(document_time(&d, "case", &ms));
	document_free(&d);
}

static void test_not_documents(void **state)
{
	(void)state;
	refuse("", ERR_FOREIGN);
	refuse("custody", ERR_FOREIGN);
	refuse("hello\n", ERR_FOREIGN);
	refuse("\n" TEXT, ERR_FOREIGN);
	refuse("\xef\xbb\xbf" TEXT, ERR_FOREIGN);
	refuse("custodyfs-test/v1", ERR_MALFORMED);
	refuse("custodyfs-test/v1\r\ncase: x\r\n", ERR_MALFORMED);
	refuse("custodyfs-test/v1\ncase: \xff\n", ERR_MALFORMED);
	refuse("custodyfs-test/v1\ncase: \x01\n", ERR_MALFORMED);
	refuse_bytes("custodyfs-test/v1\ncase: \0\n", 26, ERR_MALFORMED);
}

static void test_armors(void **state)
{
	static const char *const bad[] = {
		TEXT "-----BEGIN SSH SIGNATURE-----",
		TEXT "-----BEGIN SSH SIGNATURE-----\n",
		TEXT "-----BEGIN SSH SIGNATURE-----\nAAAA\n",
		TEXT "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----",
		TEXT "-----BEGIN SSH SIGNATURE-----\nAAAA-----END SSH SIGNATURE-----\n",
		TEXT "-----BEGIN SSH SIGNATURE----- \nAAAA\n-----END SSH SIGNATURE-----\n",
		TEXT "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\nx\n",
		TEXT "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n\n",
		TEXT "-----BEGIN SSH SIGNATURE-----\r\nAAAA\n-----END SSH SIGNATURE-----\n",
		TEXT "-----BEGIN SSH SIGNATURE-----\nAA\rA\n-----END SSH SIGNATURE-----\n",
		TEXT "-----BEGIN PGP SIGNATURE-----\nAAAA\n-----END PGP SIGNATURE-----\n",
		TEXT "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n",
		TEXT "-----BEGIN AGE ENCRYPTED FILE-----\n????\n-----END AGE ENCRYPTED FILE-----\n",
	};
	struct wire_out many = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse(bad[i], ERR_MALFORMED);

	/* One signature of more than 4 KiB; more than 32 signatures. */
	wire_out_text(&many, TEXT SSHSIG_BEGIN "\n");
	for (unsigned i = 0; i < 1100; i++)
		wire_out_text(&many, "AAAA");
	wire_out_text(&many, "\n" SSHSIG_END "\n");
	refuse_bytes((char *)many.p, many.n, ERR_MALFORMED);
	wire_out_reset(&many);
	wire_out_text(&many, TEXT);
	for (unsigned i = 0; i < DOCUMENT_SIGNATURES_MAX + 1; i++)
		wire_out_text(&many, SSHSIG_BEGIN "\nAAAA\n" SSHSIG_END "\n");
	refuse_bytes((char *)many.p, many.n, ERR_MALFORMED);
	wire_out_free(&many);
}

static void make_sealed(const struct office *o, struct wire_out *age)
{
	uint8_t to[1][32];

	age_public(to[0], o->release_secret);
	assert_int_equal(age_seal(age, to, 1, "secret", 6), 0);
}

static void test_sealed(void **state)
{
	const struct office *o = *state;
	struct wire_out age = {0}, other = {0}, text = {0};
	struct document d;
	struct err e;

	make_sealed(o, &age);
	make_sealed(o, &other);
	wire_out_text(&text, TEXT);
	document_sealed_line(&text, age.p, age.n);
	assert_int_equal(document_make(&d, &text, age.p, age.n, &e), 0);
	assert_int_equal(d.text.n, text.n);
	assert_int_equal(d.sealed.n, age.n);
	assert_memory_equal(d.sealed.p, age.p, age.n);

	/* The signature goes between the text and the sealed part, and binds it. */
	office_sign(o, &d, NS, 0);
	assert_int_equal(d.sigs, 1);
	assert_int_equal(d.text.n, text.n);
	assert_memory_equal(d.sealed.p, age.p, age.n);
	assert_ptr_equal(d.sig[0].p, d.text.p + d.text.n);
	document_free(&d);

	assert_int_equal(document_make(&d, &text, other.p, other.n, &e), ERR_DAMAGED);
	assert_int_equal(document_make(&d, &text, NULL, 0, &e), ERR_MALFORMED);
	document_sealed_line(&text, age.p, age.n); /* twice */
	assert_int_equal(document_make(&d, &text, age.p, age.n, &e), ERR_MALFORMED);
	wire_out_reset(&text);
	wire_out_text(&text, TEXT);
	assert_int_equal(document_make(&d, &text, age.p, age.n, &e), ERR_MALFORMED);
	wire_out_text(&text, "sealed: 12\n");
	assert_int_equal(document_make(&d, &text, age.p, age.n, &e), ERR_MALFORMED);
	wire_out_free(&text);
	wire_out_free(&age);
	wire_out_free(&other);
}

/* ---- signatures ---- */

static void test_threshold(void **state)
{
	const struct office *o = *state;
	struct document_policy p = policy(o, 3, 2);
	unsigned who[DOCUMENT_SIGNATURES_MAX];
	struct document d;
	struct err e;
	size_t n = 99;

	signed_by(o, &d, "");
	assert_int_equal(document_check(&d, &p, NULL, NULL, &e), ERR_TOO_FEW);
	assert_non_null(strstr(e.text, "0 of the 2"));
	document_free(&d);

	signed_by(o, &d, "2");
	assert_int_equal(document_check(&d, &p, who, &n, &e), ERR_TOO_FEW);
	assert_non_null(strstr(e.text, "1 of the 2"));
	p.threshold = 1;
	assert_int_equal(document_check(&d, &p, who, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(who[0], 2);
	document_free(&d);

	p.threshold = 2;
	signed_by(o, &d, "10");
	assert_int_equal(document_check(&d, &p, who, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_int_equal(who[0], 1);
	assert_int_equal(who[1], 0);
	p.threshold = 0;
	assert_int_equal(document_check(&d, &p, NULL, NULL, &e), ERR_USAGE);
	document_free(&d);
}

/* Put the first signature of d in a second time. */
static void twice(struct document *d)
{
	struct wire_out bytes = {0};
	struct err e;

	wire_out_bytes(&bytes, d->bytes.p, d->bytes.n);
	wire_out_bytes(&bytes, d->sig[0].p, d->sig[0].n);
	document_free(d);
	assert_int_equal(parse(d, &bytes, &e), 0);
	wire_out_free(&bytes);
}

static void test_one_key_twice(void **state)
{
	const struct office *o = *state;
	struct document_policy p = policy(o, 3, 2);
	char print[SSHKEY_FINGERPRINT_SIZE];
	struct document d;
	struct err e;
	size_t n;

	signed_by(o, &d, "1");
	twice(&d);
	assert_int_equal(d.sigs, 2);
	assert_int_equal(document_check(&d, &p, NULL, NULL, &e), ERR_TOO_FEW);
	sshkey_fingerprint(print, &o->key[1]);
	assert_non_null(strstr(e.text, print));
	assert_non_null(strstr(e.text, "twice"));
	p.threshold = 1;
	assert_int_equal(document_check(&d, &p, NULL, &n, &e), 0);
	assert_int_equal(n, 1);
	document_free(&d);
}

static void test_stranger(void **state)
{
	const struct office *o = *state;
	struct document_policy p = policy(o, 3, 1);
	char print[SSHKEY_FINGERPRINT_SIZE];
	struct document d;
	struct err e;
	size_t n;

	signed_by(o, &d, "03");
	assert_int_equal(document_check(&d, &p, NULL, NULL, &e), ERR_WRONG_KEY);
	sshkey_fingerprint(print, &o->key[OFFICE_STRANGER]);
	assert_non_null(strstr(e.text, print));
	assert_non_null(strstr(e.text, "2 of 2"));
	assert_non_null(strstr(e.text, "issued again")); /* what to do */
	p.others = true;
	assert_int_equal(document_check(&d, &p, NULL, &n, &e), 0);
	assert_int_equal(n, 1);
	p.threshold = 2;
	assert_int_equal(document_check(&d, &p, NULL, &n, &e), ERR_TOO_FEW);
	document_free(&d);
}

static void test_namespace(void **state)
{
	const struct office *o = *state;
	struct document_policy p = policy(o, 3, 1);
	struct document d;
	struct err e;

	office_text_document(&d, TEXT);
	office_sign(o, &d, DOCUMENT_NS_ENROL, 0);
	assert_int_equal(document_check(&d, &p, NULL, NULL, &e), ERR_NAMESPACE);
	p.namespace = DOCUMENT_NS_ENROL;
	assert_int_equal(document_check(&d, &p, NULL, NULL, &e), 0);
	document_free(&d);
}

/* Every single changed byte of the text or a signature must be noticed. */
static void test_altered(void **state)
{
	const struct office *o = *state;
	const struct document_policy p = policy(o, 3, 1);
	struct document d, bad;
	struct wire_out copy = {0};
	unsigned forged = 0;
	struct err e;
	int rc;

	signed_by(o, &d, "0");
	for (size_t i = 0; i < d.bytes.n; i++) {
		wire_out_reset(&copy);
		wire_out_bytes(&copy, d.bytes.p, d.bytes.n);
		copy.p[i] ^= 0x04;
		rc = parse(&bad, &copy, &e);
		if (rc == 0)
			rc = document_check(&bad, &p, NULL, NULL, &e);
		document_free(&bad);
		assert_int_not_equal(rc, 0);
		forged += rc == ERR_FORGED;
	}
	/* Each of the visible bytes of the text, at least: those are plain forgeries. */
	assert_true(forged > strlen(TEXT) - strlen("custodyfs-") - 8);

	/* Lines taken away and added. */
	wire_out_reset(&copy);
	wire_out_text(&copy, TEXT "max-opens: 9\n");
	wire_out_bytes(&copy, d.bytes.p + d.text.n, d.bytes.n - d.text.n);
	assert_int_equal(parse(&bad, &copy, &e), 0);
	assert_int_equal(document_check(&bad, &p, NULL, NULL, &e), ERR_FORGED);
	assert_int_equal(err_exit(e.code), 4);
	document_free(&bad);
	document_free(&d);
	wire_out_free(&copy);
}

static void test_sign_twice(void **state)
{
	const struct office *o = *state;
	struct document d;
	uint8_t digest[32];
	struct err e;

	signed_by(o, &d, "01");
	memcpy(digest, d.digest, sizeof(digest));
	assert_int_equal(document_sign(&d, NS, o->key_file[0], &e), ERR_EXISTS);
	assert_int_equal(d.sigs, 2);
	assert_memory_equal(digest, d.digest, sizeof(digest));
	document_free(&d);
}

static void test_sign_failures(void **state)
{
	const struct office *o = *state;
	char path[FIXTURE_PATH];
	const char *old_tmp = getenv("TMPDIR"), *old_path = getenv("PATH");
	char *saved = strdup(old_path ? old_path : "/usr/bin:/bin");
	struct document d;
	struct sshkey k;
	struct err e;

	/* A directory of its own shows that nothing is left behind. */
	office_path(o, "tmp", path);
	assert_int_equal(fixture_run(o->dir, "mkdir tmp"), 0);
	old_tmp = old_tmp ? strdup(old_tmp) : NULL;
	setenv("TMPDIR", path, 1);
	office_text_document(&d, TEXT);

	office_path(o, "no-such-key", path);
	assert_int_equal(document_sign(&d, NS, path, &e), ERR_KEY);
	assert_non_null(strstr(e.text, "no-such-key"));
	assert_int_equal(d.sigs, 0);
	office_keygen(o, "ecdsa", "-t ed25519", &k);
	assert_int_equal(fixture_run(o->dir, "rm ecdsa ecdsa.pub && ssh-keygen -q -t ecdsa -N '' "
					     "-f ecdsa"),
			 0);
	office_path(o, "ecdsa", path);
	assert_int_equal(document_sign(&d, NS, path, &e), ERR_UNSUPPORTED);
	office_sign(o, &d, NS, 0);
	assert_int_equal(d.sigs, 1);

	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(document_sign(&d, NS, o->key_file[1], &e), ERR_SYSTEM);
	assert_non_null(strstr(e.text, "ssh-keygen"));
	setenv("PATH", saved, 1);
	assert_int_equal(fixture_run(o->dir, "rmdir tmp"), 0);

	office_path(o, "no/such/dir", path);
	setenv("TMPDIR", path, 1);
	assert_int_equal(document_sign(&d, NS, o->key_file[1], &e), ERR_SYSTEM);
	if (old_tmp)
		setenv("TMPDIR", old_tmp, 1);
	else
		unsetenv("TMPDIR");
	free((void *)old_tmp);
	free(saved);
	document_free(&d);
}

static void test_token(void **state)
{
	const struct office *o = *state;
	struct document_policy p = policy(o, 1, 1);
	struct sshkey keys[2];
	char path[FIXTURE_PATH];
	struct document d;
	struct err e;

	if (access(OFFICE_TOKEN, R_OK) != 0) {
		printf("SKIP: no software token (package openssh-tests)\n");
		skip();
	}
	office_keygen(o, "touch", "-t ed25519-sk -w " OFFICE_TOKEN, &keys[0]);
	office_keygen(o, "lazy", "-t ed25519-sk -O no-touch-required -w " OFFICE_TOKEN, &keys[1]);
	setenv("SSH_SK_PROVIDER", OFFICE_TOKEN, 1);
	p.keys = keys;
	p.nkeys = 2;

	office_text_document(&d, TEXT);
	office_path(o, "touch", path);
	assert_int_equal(document_sign(&d, NS, path, &e), 0);
	assert_int_equal(document_check(&d, &p, NULL, NULL, &e), 0);
	p.require_pin = true;
	assert_int_equal(document_check(&d, &p, NULL, NULL, &e), ERR_NO_PIN);
	p.require_pin = false;

	/* One without touch spoils the rest too: nobody should have sent it. */
	office_path(o, "lazy", path);
	assert_int_equal(document_sign(&d, NS, path, &e), 0);
	assert_int_equal(d.sigs, 2);
	assert_int_equal(document_check(&d, &p, NULL, NULL, &e), ERR_NO_TOUCH);
	p.require_touch = false;
	assert_int_equal(document_check(&d, &p, NULL, NULL, &e), 0);
	unsetenv("SSH_SK_PROVIDER");
	document_free(&d);
}

/* ssh-keygen itself agrees about what we assemble. */
static void test_second_opinion(void **state)
{
	const struct office *o = *state;
	char path[FIXTURE_PATH];
	struct document d;

	signed_by(o, &d, "1");
	office_path(o, "doc", path);
	fixture_write(path, d.text.p, d.text.n);
	office_path(o, "doc.sig", path);
	fixture_write(path, d.sig[0].p, d.sig[0].n);
	assert_int_equal(fixture_run(o->dir, "(printf 'o '; cat officer1.pub) >allowed && "
					     "ssh-keygen -Y verify -f allowed -I o -n " NS
					     " -s doc.sig <doc"),
			 0);
	document_free(&d);
}

/* ---- the store ---- */

static void test_store(void **state)
{
	const struct office *o = *state;
	static const uint8_t serial[16] = {0xab};
	struct document d, other, back;
	char path[FIXTURE_PATH];
	struct err e;
	int dir;

	assert_int_equal(fixture_run(o->dir, "mkdir store"), 0);
	office_path(o, "store", path);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	assert_true(dir >= 0);
	signed_by(o, &d, "0");
	signed_by(o, &other, "1");

	assert_int_equal(document_load(&back, dir, serial, "test", &e), ERR_NOTFOUND);
	assert_int_equal(document_store(dir, serial, "test", &d, &e), 0);
	assert_int_equal(document_store(dir, serial, "test", &d, &e), 0);
	assert_int_equal(document_store(dir, serial, "test", &other, &e), ERR_EXISTS);
	assert_int_equal(document_store(dir, serial, "test-2", &other, &e), 0);
	assert_int_equal(document_load(&back, dir, serial, "test", &e), 0);
	assert_memory_equal(back.digest, d.digest, sizeof(d.digest));
	assert_int_equal(back.sigs, 1);
	document_free(&back);
	assert_int_equal(document_store(dir, serial, "../x", &d, &e), ERR_USAGE);
	assert_int_equal(document_store(dir, serial, "", &d, &e), ERR_USAGE);
	assert_int_equal(document_load(&back, dir, serial, "a.b", &e), ERR_USAGE);

	assert_int_equal(fixture_run(path, "echo x >>ab000000000000000000000000000000.test"), 0);
	assert_int_equal(document_load(&back, dir, serial, "test", &e), ERR_MALFORMED);
	assert_null(back.bytes.p);
	assert_int_equal(fixture_run(path, "rm *.test && ln -s /etc/passwd "
					   "ab000000000000000000000000000000.test"),
			 0);
	assert_int_equal(document_load(&back, dir, serial, "test", &e), ERR_MALFORMED);
	document_free(&d);
	document_free(&other);
	close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	       cmocka_unit_test(test_not_documents),
		cmocka_unit_test(test_armors),	       cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_threshold),      cmocka_unit_test(test_one_key_twice),
		cmocka_unit_test(test_stranger),       cmocka_unit_test(test_namespace),
		cmocka_unit_test(test_altered),	       cmocka_unit_test(test_sign_twice),
		cmocka_unit_test(test_sign_failures),  cmocka_unit_test(test_token),
		cmocka_unit_test(test_second_opinion), cmocka_unit_test(test_store),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
