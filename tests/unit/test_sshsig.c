/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSH signatures by the real ssh-keygen, by its software token, by OpenSSH's own test files, and
 * taken apart and put together wrongly.
 */
#include "crypto/sshsig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "crypto/hash.h"
#include "crypto/wire.h"
#include "tests/lib/fixture.h"

#define SPACE "authorise@custodyfs"
#define TOKEN_LIBRARY "/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so"

static const struct sshsig_policy policy = {.namespace = SPACE, .require_touch = true};
static const char message[] = "the message\n";

static struct text_span span(const char *z)
{
	return (struct text_span){z, strlen(z)};
}

/* Verifies from memory of exactly the size, so that reading past the end is seen. */
static int verify_full(struct sshsig *out, const char *armor, size_t armor_len, const void *text,
		       size_t n, const struct sshsig_policy *p)
{
	char *copy = malloc(armor_len + 1);
	struct err e = {0};
	int rc;

	assert_non_null(copy);
	memcpy(copy + 1, armor, armor_len);
	rc = sshsig_verify(out, (struct text_span){copy + 1, armor_len}, text, n, p, &e);
	assert_int_equal(e.code, rc);
	assert_true((rc == 0) == (e.text[0] == '\0'));
	free(copy);
	return rc;
}

static int verify(const char *armor)
{
	struct sshsig s;

	return verify_full(&s, armor, strlen(armor), message, strlen(message), &policy);
}

/* ---- signatures made here -------------------------------------------------------------------- */

/* What goes into a signature; every field can be spoiled. */
struct parts {
	const char *magic, *namespace, *signed_namespace, *hash, *type, *sig_type;
	const char *reserved, *application;
	uint32_t version;
	bool token;
	uint8_t flags;
	uint32_t counter;
	size_t sig_len;
	const char *key_tail, *sig_tail, *tail; /* bytes that do not belong there */
};

static struct parts good_parts(bool token)
{
	return (struct parts){
		.magic = "SSHSIG",
		.version = 1,
		.namespace = SPACE,
		.signed_namespace = SPACE,
		.hash = "sha512",
		.type = token ? "sk-ssh-ed25519@openssh.com" : "ssh-ed25519",
		.sig_type = token ? "sk-ssh-ed25519@openssh.com" : "ssh-ed25519",
		.reserved = "",
		.application = "ssh:",
		.token = token,
		.flags = 0x01,
		.counter = 0x12345678,
		.sig_len = 64,
		.key_tail = "",
		.sig_tail = "",
		.tail = "",
	};
}

static void put_string(struct wire_out *out, const char *z)
{
	wire_out_str32(out, z, strlen(z));
}

/* The Ed25519 signature over what parts say; sk belongs to a fixed seed. */
static void sign_parts(uint8_t sig[64], const struct parts *p, const uint8_t sk[64])
{
	struct wire_out bytes = {0}, token = {0};
	uint8_t digest[64], h[32];

	hash_sha512(digest, message, strlen(message));
	if (strcmp(p->hash, "sha256") == 0)
		hash_sha256(digest, message, strlen(message));
	wire_out_text(&bytes, "SSHSIG");
	put_string(&bytes, p->signed_namespace);
	put_string(&bytes, "");
	put_string(&bytes, p->hash);
	wire_out_str32(&bytes, digest, strcmp(p->hash, "sha256") == 0 ? 32 : 64);
	hash_sha256(h, p->application, strlen(p->application));
	wire_out_bytes(&token, h, sizeof(h));
	wire_out_u8(&token, p->flags);
	wire_out_u32(&token, p->counter);
	hash_sha256(h, bytes.p, bytes.n);
	wire_out_bytes(&token, h, sizeof(h));
	assert_true(wire_out_ok(&bytes) && wire_out_ok(&token));
	if (p->token)
		crypto_sign_detached(sig, NULL, token.p, token.n, sk);
	else
		crypto_sign_detached(sig, NULL, bytes.p, bytes.n, sk);
	wire_out_free(&bytes);
	wire_out_free(&token);
}

static void make_blob(struct wire_out *blob, const struct parts *p)
{
	const uint8_t seed[32] = {42};
	uint8_t pk[32], sk[64], sig[65] = {0};
	struct wire_out key = {0}, signature = {0};

	crypto_sign_seed_keypair(pk, sk, seed);
	sign_parts(sig, p, sk);
	put_string(&key, p->type);
	wire_out_str32(&key, pk, sizeof(pk));
	if (p->token)
		put_string(&key, p->application);
	wire_out_text(&key, p->key_tail);
	put_string(&signature, p->sig_type);
	wire_out_str32(&signature, sig, p->sig_len);
	if (p->token) {
		wire_out_u8(&signature, p->flags);
		wire_out_u32(&signature, p->counter);
	}
	wire_out_text(&signature, p->sig_tail);
	wire_out_text(blob, p->magic);
	wire_out_u32(blob, p->version);
	wire_out_str32(blob, key.p, key.n);
	put_string(blob, p->namespace);
	put_string(blob, p->reserved);
	put_string(blob, p->hash);
	wire_out_str32(blob, signature.p, signature.n);
	wire_out_text(blob, p->tail);
	assert_true(wire_out_ok(blob));
	wire_out_free(&key);
	wire_out_free(&signature);
}

/* Armor in lines of `columns`, as a string of the caller's. */
static char *armor_of(const void *blob, size_t n, size_t columns)
{
	struct wire_out out = {0};
	char *base64 = malloc(text_base64_size(n)), *z;
	size_t len;

	assert_non_null(base64);
	text_base64(base64, blob, n);
	len = strlen(base64);
	wire_out_text(&out, SSHSIG_BEGIN "\n");
	for (size_t i = 0; i < len; i += columns) {
		wire_out_bytes(&out, base64 + i, len - i < columns ? len - i : columns);
		wire_out_text(&out, "\n");
	}
	wire_out_text(&out, SSHSIG_END "\n");
	wire_out_u8(&out, 0);
	assert_true(wire_out_ok(&out));
	z = strdup((char *)out.p);
	assert_non_null(z);
	wire_out_free(&out);
	free(base64);
	return z;
}

static int verify_blob(const void *blob, size_t n)
{
	char *armor = armor_of(blob, n, 70);
	int rc = verify(armor);

	free(armor);
	return rc;
}

static int verify_parts(const struct parts *p)
{
	struct wire_out blob = {0};
	int rc;

	make_blob(&blob, p);
	rc = verify_blob(blob.p, blob.n);
	wire_out_free(&blob);
	return rc;
}

static void test_parts(void **state)
{
	struct parts p;

	(void)state;
	for (int token = 0; token < 2; token++) {
		p = good_parts(token);
		assert_int_equal(verify_parts(&p), 0);
		p.hash = "sha256";
		assert_int_equal(verify_parts(&p), 0);
		/* The reserved field is nobody's: OpenSSH passes it by, and so do we. */
		p.reserved = "whatever";
		assert_int_equal(verify_parts(&p), 0);
	}
}

static void test_parts_refused(void **state)
{
	struct parts p;

	(void)state;
#define EXPECT(code, field, value)                          \
	do {                                                \
		p = good_parts(token);                      \
		p.field = (value);                          \
		assert_int_equal(verify_parts(&p), (code)); \
	} while (0)
	for (int token = 0; token < 2; token++) {
		EXPECT(ERR_MALFORMED, magic, "SSHSIH");
		EXPECT(ERR_MALFORMED, magic, "sshsig");
		EXPECT(ERR_MALFORMED, version, 0);
		EXPECT(ERR_NEWER, version, 2);
		EXPECT(ERR_NEWER, version, 0x01000000);
		EXPECT(ERR_MALFORMED, tail, "x");
		EXPECT(ERR_MALFORMED, key_tail, "x");
		EXPECT(ERR_MALFORMED, sig_tail, "x");
		EXPECT(ERR_MALFORMED, sig_len, 63);
		EXPECT(ERR_MALFORMED, sig_len, 65);
		EXPECT(ERR_MALFORMED, sig_len, 0);
		EXPECT(ERR_NAMESPACE, namespace, "");
		EXPECT(ERR_NAMESPACE, namespace, "file");
		EXPECT(ERR_NAMESPACE, namespace, "authorise@custodyf");
		EXPECT(ERR_NAMESPACE, namespace, "authorise@custodyfs2");
		EXPECT(ERR_NAMESPACE, namespace, "Authorise@custodyfs");
		/* says that it is for this use, but was signed for another */
		EXPECT(ERR_FORGED, signed_namespace, "file");
		EXPECT(ERR_UNSUPPORTED, hash, "sha1");
		EXPECT(ERR_UNSUPPORTED, hash, "SHA512");
		EXPECT(ERR_UNSUPPORTED, hash, "");
		EXPECT(ERR_UNSUPPORTED, type, "ssh-rsa");
		EXPECT(ERR_UNSUPPORTED, type, "ssh-ed25519-cert-v01@openssh.com");
		EXPECT(ERR_MALFORMED, type, "");
		EXPECT(ERR_MALFORMED, sig_type, "ssh-rsa");
		EXPECT(ERR_MALFORMED, sig_type, "");
	}
	/* the one kind of key under the name of the other */
	p = good_parts(false);
	p.sig_type = "sk-ssh-ed25519@openssh.com";
	assert_int_equal(verify_parts(&p), ERR_MALFORMED);
	p = good_parts(true);
	p.sig_type = "ssh-ed25519";
	assert_int_equal(verify_parts(&p), ERR_MALFORMED);
	p = good_parts(true);
	p.type = "ssh-ed25519";
	assert_int_equal(verify_parts(&p), ERR_MALFORMED);
}

static void test_token_flags(void **state)
{
	struct sshsig_policy any = {.namespace = SPACE};
	struct sshsig_policy pin = {.namespace = SPACE, .require_touch = true, .require_pin = true};
	struct sshsig_policy pin_alone = {.namespace = SPACE, .require_pin = true};

	(void)state;
	for (unsigned flags = 0; flags < 256; flags++) {
		struct parts p = good_parts(true);
		const bool touch = flags & 1, pinned = flags & 4;
		struct wire_out blob = {0};
		struct sshsig s;
		char *armor;
		size_t n;

		p.flags = (uint8_t)flags;
		p.counter = flags << 24;
		make_blob(&blob, &p);
		armor = armor_of(blob.p, blob.n, 70);
		n = strlen(armor);
		assert_int_equal(verify_full(&s, armor, n, message, strlen(message), &any), 0);
		assert_int_equal(s.flags, flags);
		assert_true(s.counter == flags << 24);
		assert_int_equal(verify_full(&s, armor, n, message, strlen(message), &policy),
				 touch ? 0 : ERR_NO_TOUCH);
		assert_int_equal(verify_full(&s, armor, n, message, strlen(message), &pin),
				 !touch	 ? ERR_NO_TOUCH :
				 !pinned ? ERR_NO_PIN :
					   0);
		assert_int_equal(verify_full(&s, armor, n, message, strlen(message), &pin_alone),
				 pinned ? 0 : ERR_NO_PIN);
		/* A bad signature is that first of all, whatever its flags say. */
		assert_int_equal(verify_full(&s, armor, n, message, 3, &policy), ERR_FORGED);
		free(armor);
		wire_out_free(&blob);
	}
}

/* Every byte of a blob counts, and every prefix of it is too short. */
static void altered(const struct wire_out *blob)
{
	for (size_t i = 0; i < blob->n; i++)
		for (int bit = 0; bit < 8; bit++) {
			blob->p[i] ^= (uint8_t)(1 << bit);
			assert_int_not_equal(verify_blob(blob->p, blob->n), 0);
			blob->p[i] ^= (uint8_t)(1 << bit);
		}
	for (size_t n = 0; n < blob->n; n++)
		assert_int_equal(verify_blob(blob->p, n), ERR_MALFORMED);
	assert_int_equal(verify_blob(blob->p, blob->n), 0);
}

static void test_altered(void **state)
{
	(void)state;
	for (int token = 0; token < 2; token++) {
		struct parts p = good_parts(token);
		struct wire_out blob = {0};

		make_blob(&blob, &p);
		altered(&blob);
		wire_out_free(&blob);
	}
}

/* Whose the signature is becomes known also when it is refused. */
static void test_key_is_told(void **state)
{
	struct parts p = good_parts(true);
	struct wire_out blob = {0};
	struct sshsig s;
	char *armor;

	(void)state;
	p.namespace = "other";
	make_blob(&blob, &p);
	armor = armor_of(blob.p, blob.n, 70);
	assert_int_equal(verify_full(&s, armor, strlen(armor), message, 3, &policy), ERR_NAMESPACE);
	assert_true(s.key.token);
	assert_string_equal(s.key.application, "ssh:");
	free(armor);
	wire_out_free(&blob);
}

static void test_armor(void **state)
{
	struct parts p = good_parts(false);
	struct wire_out blob = {0};
	char *armor, *text;
	size_t n;

	(void)state;
	make_blob(&blob, &p);
	for (size_t columns = 60; columns <= 80; columns++) {
		armor = armor_of(blob.p, blob.n, columns);
		assert_int_equal(verify(armor), columns <= 76 ? 0 : ERR_MALFORMED);
		free(armor);
	}
	armor = armor_of(blob.p, blob.n, 70);
	n = strlen(armor);
	text = malloc(n + 64);
	assert_non_null(text);
	armor[n - 1] = '\0'; /* the last line end may be missing */
	assert_int_equal(verify(armor), 0);
	snprintf(text, n + 64, "%s\n\n", armor);
	assert_int_equal(verify(text), ERR_MALFORMED);
	snprintf(text, n + 64, "%s\nx\n", armor);
	assert_int_equal(verify(text), ERR_MALFORMED);
	snprintf(text, n + 64, "%s\r\n", armor);
	assert_int_equal(verify(text), ERR_MALFORMED);
	snprintf(text, n + 64, "\n%s\n", armor);
	assert_int_equal(verify(text), ERR_MALFORMED);
	snprintf(text, n + 64, "x\n%s\n", armor);
	assert_int_equal(verify(text), ERR_MALFORMED);
	for (size_t cut = 0; cut < n - 1; cut++)
		assert_int_equal(verify_full(&(struct sshsig){0}, armor, cut, message,
					     strlen(message), &policy),
				 ERR_MALFORMED);
	assert_int_equal(verify(SSHSIG_BEGIN "\n" SSHSIG_END "\n"), ERR_MALFORMED);
	free(text);
	free(armor);
	wire_out_free(&blob);

	armor = calloc(1, 1 << 20);
	assert_non_null(armor);
	memset(armor, 'A', (1 << 20) - 1);
	assert_int_equal(verify(armor), ERR_MALFORMED);
	free(armor);
}

/* ---- OpenSSH's own test files ---------------------------------------------------------------- */

static char *read_in(const char *dir, const char *name, size_t *n)
{
	char path[FIXTURE_PATH + 64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return fixture_read(path, n);
}

/* Checks dir/<sig> over the text, and on success that the signer is the key of dir/<pub>. */
static int verify_file(const char *dir, const char *sig, const char *pub, const void *text,
		       size_t n, const struct sshsig_policy *p)
{
	struct sshsig s;
	struct sshkey k;
	size_t len;
	char *armor = read_in(dir, sig, &len), *line = read_in(dir, pub, NULL);
	int rc = verify_full(&s, armor, len, text, n, p);

	line[strcspn(line, "\n")] = '\0';
	if (rc == 0) {
		assert_int_equal(sshkey_parse(&k, span(line), NULL), 0);
		assert_true(sshkey_equal(&k, &s.key));
	}
	free(armor);
	free(line);
	return rc;
}

static void test_vectors(void **state)
{
	char dir[FIXTURE_PATH], *text, *namespace;
	struct sshsig_policy p = {.require_touch = true};
	size_t n;

	(void)state;
	if (!fixture_vectors(dir, "sshsig"))
		skip();
	text = read_in(dir, "signed-data", &n);
	namespace = read_in(dir, "namespace", NULL);
	p.namespace = namespace;
	assert_int_equal(verify_file(dir, "ed25519.sig", "ed25519.pub", text, n, &p), 0);
	assert_int_equal(verify_file(dir, "ed25519_sk.sig", "ed25519_sk.pub", text, n, &p), 0);
	assert_int_equal(verify_file(dir, "ecdsa.sig", "ecdsa.pub", text, n, &p), ERR_UNSUPPORTED);
	assert_int_equal(verify_file(dir, "ecdsa_sk.sig", "ecdsa_sk.pub", text, n, &p),
			 ERR_UNSUPPORTED);
	text[0] ^= 1;
	assert_int_equal(verify_file(dir, "ed25519.sig", "ed25519.pub", text, n, &p), ERR_FORGED);
	assert_int_equal(verify_file(dir, "ed25519_sk.sig", "ed25519_sk.pub", text, n, &p),
			 ERR_FORGED);
	text[0] ^= 1;
	assert_int_equal(verify_file(dir, "ed25519.sig", "ed25519.pub", text, n - 1, &p),
			 ERR_FORGED);
	assert_int_equal(verify_file(dir, "ed25519.sig", "ed25519.pub", text, n, &policy),
			 ERR_NAMESPACE);
	free(text);
	free(namespace);
}

/* ---- the real ssh-keygen --------------------------------------------------------------------- */

/* Every byte of a signature made by ssh-keygen. */
static void altered_file(const char *dir, const char *sig)
{
	struct wire_out blob = {0};
	char *armor = read_in(dir, sig, NULL), *base64 = calloc(1, strlen(armor));
	uint8_t *to;
	long n;

	assert_non_null(base64);
	for (char *line = strchr(armor, '\n') + 1; *line != '-'; line = strchr(line, '\n') + 1)
		strncat(base64, line, strcspn(line, "\n"));
	to = wire_out_room(&blob, strlen(base64));
	assert_non_null(to);
	n = text_unbase64(span(base64), to, blob.n);
	assert_true(n > 0);
	blob.n = (size_t)n;
	altered(&blob);
	wire_out_free(&blob);
	free(base64);
	free(armor);
}

static void test_ssh_keygen(void **state)
{
	static const char *const messages[] = {"", "x", message};
	char dir[FIXTURE_PATH], path[FIXTURE_PATH + 64];
	struct sshsig_policy other = {.namespace = "other"};

	(void)state;
	if (!fixture_program("ssh-keygen"))
		skip();
	fixture_dir(dir);
	assert_int_equal(fixture_run(dir, "ssh-keygen -t ed25519 -N '' -f key"), 0);
	snprintf(path, sizeof(path), "%s/m", dir);
	for (size_t i = 0; i < 3; i++) {
		const char *text = messages[i];
		const size_t n = strlen(text);

		fixture_write(path, text, n);
		assert_int_equal(fixture_run(dir, "rm -f m.sig; ssh-keygen -Y sign -f key -n " SPACE
						  " -O hashalg=sha256 m && mv m.sig m256.sig &&"
						  "ssh-keygen -Y sign -f key -n " SPACE " m"),
				 0);
		assert_int_equal(verify_file(dir, "m.sig", "key.pub", text, n, &policy), 0);
		assert_int_equal(verify_file(dir, "m256.sig", "key.pub", text, n, &policy), 0);
		assert_int_equal(verify_file(dir, "m.sig", "key.pub", text, n, &other),
				 ERR_NAMESPACE);
		assert_int_equal(verify_file(dir, "m.sig", "key.pub", "y", 1, &policy), ERR_FORGED);
		assert_int_equal(verify_file(dir, "m256.sig", "key.pub", "y", 1, &policy),
				 ERR_FORGED);
	}
	/* the last one signed is `message` */
	altered_file(dir, "m.sig");
	altered_file(dir, "m256.sig");
	fixture_remove(dir);
}

static void test_other_keys(void **state)
{
	char dir[FIXTURE_PATH], path[FIXTURE_PATH + 64], *armor;
	struct sshsig s;
	struct err e;

	(void)state;
	if (!fixture_program("ssh-keygen"))
		skip();
	fixture_dir(dir);
	snprintf(path, sizeof(path), "%s/m", dir);
	fixture_write(path, message, strlen(message));
	assert_int_equal(fixture_run(dir, "cp m n && ssh-keygen -t ecdsa -N '' -f ecdsa && "
					  "ssh-keygen -t rsa -b 2048 -N '' -f rsa && "
					  "ssh-keygen -Y sign -f ecdsa -n " SPACE " m && "
					  "ssh-keygen -Y sign -f rsa -n " SPACE " n"),
			 0);
	armor = read_in(dir, "m.sig", NULL);
	assert_int_equal(sshsig_verify(&s, span(armor), message, strlen(message), &policy, &e),
			 ERR_UNSUPPORTED);
	assert_non_null(strstr(e.text, "ecdsa-sha2-nistp256"));
	free(armor);
	armor = read_in(dir, "n.sig", NULL);
	assert_int_equal(sshsig_verify(&s, span(armor), message, strlen(message), &policy, &e),
			 ERR_UNSUPPORTED);
	assert_non_null(strstr(e.text, "ssh-rsa"));
	free(armor);
	fixture_remove(dir);
}

/* ssh-keygen agrees with what we think of a reserved field and of one byte too many. */
static void test_agreement(void **state)
{
	static const char *const command = "ssh-keygen -Y check-novalidate -n " SPACE " -s sig <m";
	char dir[FIXTURE_PATH], path[FIXTURE_PATH + 64], *armor;

	(void)state;
	if (!fixture_program("ssh-keygen"))
		skip();
	fixture_dir(dir);
	snprintf(path, sizeof(path), "%s/m", dir);
	fixture_write(path, message, strlen(message));
	for (int i = 0; i < 4; i++) {
		struct parts p = good_parts(i & 1);
		struct wire_out blob = {0};
		int rc;

		p.reserved = i & 2 ? "" : "whatever";
		p.tail = i & 2 ? "x" : "";
		make_blob(&blob, &p);
		armor = armor_of(blob.p, blob.n, 70);
		snprintf(path, sizeof(path), "%s/sig", dir);
		fixture_write(path, armor, strlen(armor));
		rc = fixture_run(dir, command);
		assert_true((rc == 0) == (verify(armor) == 0));
		assert_true((rc == 0) == !(i & 2));
		free(armor);
		wire_out_free(&blob);
	}
	fixture_remove(dir);
}

static void test_token_library(void **state)
{
	static const struct sshsig_policy any = {.namespace = SPACE};
	static const struct sshsig_policy pin = {
		.namespace = SPACE, .require_touch = true, .require_pin = true};
	const size_t n = strlen(message);
	char dir[FIXTURE_PATH], path[FIXTURE_PATH + 64];

	(void)state;
	if (!fixture_program("ssh-keygen") || !fixture_program(TOKEN_LIBRARY))
		skip();
	fixture_dir(dir);
	snprintf(path, sizeof(path), "%s/m", dir);
	fixture_write(path, message, n);
	/* SSH_ASKPASS answers for the PIN, which this token does not look at. */
	assert_int_equal(
		fixture_run(dir, "set -e; export SSH_SK_PROVIDER=" TOKEN_LIBRARY
				 " SSH_ASKPASS=/bin/true SSH_ASKPASS_REQUIRE=force\n"
				 "ssh-keygen -t ed25519-sk -N '' -f touch\n"
				 "ssh-keygen -t ed25519-sk -N '' -O no-touch-required -f none\n"
				 "ssh-keygen -t ed25519-sk -N '' -O verify-required -f pin\n"
				 "ssh-keygen -t ed25519-sk -N '' -O application=ssh:cbp -f app\n"
				 "for k in touch none pin app; do\n"
				 "	cp m $k.m; ssh-keygen -Y sign -f $k -n " SPACE " $k.m\n"
				 "done\n"
				 "ssh-keygen -Y sign -f touch -n " SPACE " -O hashalg=sha256 m\n"),
		0);
	assert_int_equal(verify_file(dir, "touch.m.sig", "touch.pub", message, n, &policy), 0);
	assert_int_equal(verify_file(dir, "m.sig", "touch.pub", message, n, &policy), 0);
	assert_int_equal(verify_file(dir, "touch.m.sig", "touch.pub", message, n, &pin),
			 ERR_NO_PIN);
	assert_int_equal(verify_file(dir, "none.m.sig", "none.pub", message, n, &policy),
			 ERR_NO_TOUCH);
	assert_int_equal(verify_file(dir, "none.m.sig", "none.pub", message, n, &any), 0);
	assert_int_equal(verify_file(dir, "pin.m.sig", "pin.pub", message, n, &pin), 0);
	assert_int_equal(verify_file(dir, "app.m.sig", "app.pub", message, n, &policy), 0);
	assert_int_equal(verify_file(dir, "touch.m.sig", "touch.pub", message, n - 1, &policy),
			 ERR_FORGED);
	altered_file(dir, "touch.m.sig");
	fixture_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),	      cmocka_unit_test(test_parts_refused),
		cmocka_unit_test(test_token_flags),   cmocka_unit_test(test_altered),
		cmocka_unit_test(test_key_is_told),   cmocka_unit_test(test_armor),
		cmocka_unit_test(test_vectors),	      cmocka_unit_test(test_ssh_keygen),
		cmocka_unit_test(test_other_keys),    cmocka_unit_test(test_agreement),
		cmocka_unit_test(test_token_library),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
