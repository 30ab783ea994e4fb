/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known answers: the example of C2SP signed-note.md, the one of golang.org/x/mod/sumdb/note, and
 * the cosignature/v1 preimage of sigsum-go. Everything else is about what must be refused.
 */
#include "crypto/note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define DASH "\xe2\x80\x94 "

#define FOO_VKEY "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define FOO_NOTE                                                                                   \
	"This is an example message.\n\n" DASH                                                     \
	"example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXm" \
	"RKuwHjG1Yu72IneyaQM=\n"

#define PETER_VKEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
/* The last part of PRIVATE+KEY+PeterNeumann+c74f20a3+AYEK...: type || seed */
#define PETER_SECRET "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
#define PETER_TEXT                                                   \
	"If you think cryptography is the answer to your problem,\n" \
	"then you don't know what your problem is.\n"
#define PETER_SIG                                                                                  \
	DASH "PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqd" \
	     "ngotpRZb6KE6RyyBwJnAM=\n"

#define TREE                                                                                    \
	"sigsum.org/v1/tree/66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925\n" \
	"257\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define TREE_TIME UINT64_C(72623859790382856)

static struct text_span span(const char *z)
{
	return (struct text_span){z, strlen(z)};
}

static struct note_key key_of(const char *vkey)
{
	struct note_key k;

	assert_int_equal(note_vkey_parse(&k, span(vkey)), 0);
	return k;
}

/* A key of our own, from a number. */
static struct note_key make_key(const char *name, uint8_t type, uint8_t number, uint8_t sk[64])
{
	struct note_key k = {.type = type};
	uint8_t seed[32];

	memset(seed, number, sizeof(seed));
	assert_true(text_copy(span(name), k.name, sizeof(k.name)));
	crypto_sign_seed_keypair(k.pk, sk, seed);
	return k;
}

static int verify(const char *note, const struct note_key *k)
{
	struct text_span text;

	return note_verify(span(note), k, &text, NULL);
}

/* What was written, as a string; frees the buffer. */
static char *string_of(struct wire_out *out)
{
	char *z;

	wire_out_u8(out, 0);
	assert_true(wire_out_ok(out));
	z = strdup((const char *)out->p);
	assert_non_null(z);
	wire_out_free(out);
	return z;
}

/* ---- keys ---- */

static void test_vkey_known(void **state)
{
	static const char *const vkeys[] = {FOO_VKEY, PETER_VKEY};
	static const uint32_t ids[] = {0x530d903a, 0xc74f20a3};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct note_key k = key_of(vkeys[i]);
		struct wire_out out = {0};
		char *z;

		assert_int_equal(k.type, NOTE_ED25519);
		assert_int_equal(note_key_id(&k), ids[i]);
		note_vkey_text(&out, &k);
		z = string_of(&out);
		assert_string_equal(z, vkeys[i]);
		free(z);
	}
}

static void test_vkey_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"+",
		"PeterNeumann",
		"PeterNeumann+c74f20a3",
		"PeterNeumann+c74f20a3+",
		"PeterNeumann+c74f20a3+A",
		"+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		/* a name, an id or a key that is another's */
		"PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX",
		/* cosignature type, but the id of the other */
		"PeterNeumann+c74f20a3+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3-ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAAAA",
		"Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"Peter\xc2\xa0Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		/* wrong length, with the id that belongs to it */
		"PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
	};
	struct note_key k;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (note_vkey_parse(&k, span(bad[i])) != ERR_MALFORMED)
			fail_msg("accepted: %s", bad[i]);
	/* an algorithm nobody knows, with the id that belongs to it */
	assert_int_equal(
		note_vkey_parse(
			&k,
			span("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")),
		ERR_UNSUPPORTED);
	assert_int_equal(note_vkey_parse(&k, span("a+00000000+BgAA")), ERR_UNSUPPORTED);
}

/* No part of a vkey, and no vkey with one character altered, is a vkey. */
static void test_vkey_mangled(void **state)
{
	char vkey[] = PETER_VKEY;
	const size_t n = strlen(vkey);
	struct note_key k;

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i; j <= n; j++)
			if (j - i < n)
				assert_int_not_equal(
					note_vkey_parse(&k, (struct text_span){vkey + i, j - i}),
					0);
	for (size_t i = 0; i < n; i++) {
		vkey[i]++;
		assert_int_not_equal(note_vkey_parse(&k, span(vkey)), 0);
		vkey[i]--;
	}
	assert_int_equal(note_vkey_parse(&k, span(vkey)), 0);
}

static void test_name_length(void **state)
{
	char name[NOTE_NAME_MAX + 1];
	struct wire_out out = {0};
	struct note_key k = {.type = NOTE_ED25519}, back;
	char *z;

	(void)state;
	memset(k.name, 'n', NOTE_NAME_MAX - 1);
	note_vkey_text(&out, &k);
	assert_int_equal(note_vkey_parse(&back, (struct text_span){(char *)out.p, out.n}), 0);
	assert_string_equal(back.name, k.name);
	wire_out_free(&out);

	/* one more does not fit; the id is made by hand, since no note_key can hold the name */
	memset(name, 'n', NOTE_NAME_MAX);
	name[NOTE_NAME_MAX] = '\0';
	wire_out_printf(&out, "%s+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", name);
	z = string_of(&out);
	assert_int_equal(note_vkey_parse(&back, span(z)), ERR_MALFORMED);
	free(z);
}

/* ---- signing and verifying ---- */

static void test_known_notes(void **state)
{
	struct note_key foo = key_of(FOO_VKEY), peter = key_of(PETER_VKEY);
	struct text_span text, sigs;
	uint64_t time = 1;

	(void)state;
	assert_int_equal(note_verify(span(FOO_NOTE), &foo, &text, &time), 0);
	assert_int_equal(time, 0);
	assert_true(text_is(text, "This is an example message.\n"));
	assert_int_equal(note_split(span(PETER_TEXT "\n" PETER_SIG), &text, &sigs), 0);
	assert_true(text_is(text, PETER_TEXT));
	assert_true(text_is(sigs, PETER_SIG));
	assert_int_equal(verify(PETER_TEXT "\n" PETER_SIG, &peter), 0);
	assert_int_equal(verify(PETER_TEXT "\n" PETER_SIG, &foo), ERR_KEY);
	assert_int_equal(verify(FOO_NOTE, &peter), ERR_KEY);
}

static void test_sign_known(void **state)
{
	struct note_key peter = key_of(PETER_VKEY);
	struct wire_out out = {0};
	uint8_t secret[33], pk[32], sk[64];
	char *z;

	(void)state;
	assert_int_equal(text_unbase64(span(PETER_SECRET), secret, sizeof(secret)), 33);
	crypto_sign_seed_keypair(pk, sk, secret + 1);
	assert_memory_equal(pk, peter.pk, sizeof(pk));
	assert_int_equal(note_sign(&out, PETER_TEXT, strlen(PETER_TEXT), &peter, sk), 0);
	z = string_of(&out);
	assert_string_equal(z, PETER_TEXT "\n" PETER_SIG);
	free(z);
}

static void test_sign_refused(void **state)
{
	static const char *const texts[] = {
		"", "no line end", "tab\there\n", "cr\r\n", "\xff\n", "a\x7f\n",
	};
	struct wire_out out = {0};
	struct note_key k, other;
	uint8_t sk[64], sk2[64];

	(void)state;
	k = make_key("log.example", NOTE_ED25519, 1, sk);
	other = make_key("log.example", NOTE_ED25519, 2, sk2);
	wire_out_text(&out, "before");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(note_sign(&out, texts[i], strlen(texts[i]), &k, sk),
				 ERR_MALFORMED);
		assert_int_equal(out.n, 6);
	}
	assert_int_equal(note_sign(&out, "nul\0\n", 5, &k, sk), ERR_MALFORMED);
	/* the secret key is not the one of the verifier: nobody could open the note */
	assert_int_equal(note_sign(&out, "text\n", 5, &other, sk), ERR_KEY);
	other = make_key("log.example", NOTE_COSIGNATURE, 2, sk2);
	assert_int_equal(note_sign(&out, "text\n", 5, &other, sk2), ERR_USAGE);
	assert_int_equal(note_signature(&out, TREE, strlen(TREE), &other, sk2, UINT64_C(1) << 63),
			 ERR_USAGE);
	strcpy(k.name, "log example");
	assert_int_equal(note_sign(&out, "text\n", 5, &k, sk), ERR_USAGE);
	k.name[0] = '\0';
	assert_int_equal(note_sign(&out, "text\n", 5, &k, sk), ERR_USAGE);
	memset(k.name, 'x', sizeof(k.name)); /* no NUL */
	assert_int_equal(note_sign(&out, "text\n", 5, &k, sk), ERR_USAGE);
	assert_int_equal(out.n, 6);
	wire_out_free(&out);
}

/* Every byte of a note counts: with one bit turned it is another's, malformed, or forged. */
static void test_altered(void **state)
{
	struct note_key foo = key_of(FOO_VKEY);
	char note[] = FOO_NOTE;

	(void)state;
	for (size_t i = 0; i < strlen(FOO_NOTE); i++)
		for (int bit = 0; bit < 8; bit++) {
			struct text_span text;

			note[i] ^= (char)(1 << bit);
			assert_int_not_equal(note_verify((struct text_span){note, sizeof(note) - 1},
							 &foo, &text, NULL),
					     0);
			assert_int_equal(text.n, 0);
			note[i] ^= (char)(1 << bit);
		}
	for (size_t n = 0; n < strlen(FOO_NOTE); n++) {
		/* In memory of its own, so that reading past the end is seen. */
		char *cut = malloc(n + 1);
		struct text_span text;

		assert_non_null(cut);
		memcpy(cut + 1, note, n);
		assert_int_equal(note_verify((struct text_span){cut + 1, n}, &foo, &text, NULL),
				 ERR_MALFORMED);
		free(cut);
	}
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {
		"\n",
		"\n\n",
		"text\n",
		"text\n\n",
		"text\n" PETER_SIG,			   /* no empty line */
		"text\n\nsignature\n",			   /* no dash */
		"text\n\n-- PeterNeumann x08go/ZJkg==\n",  /* another dash */
		"text\n\n" DASH "PeterNeumann\n",	   /* no signature */
		"text\n\n" DASH "PeterNeumann \n",	   /* empty */
		"text\n\n" DASH " x08go/ZJkg==\n",	   /* no name */
		"text\n\n" DASH "PeterNeumann x08gow==\n", /* id alone */
		"text\n\n" DASH "PeterNeumann x08go/Z=\n", /* not base64 */
		"text\n\n" DASH "PeterNeumann x08go/ZJkg\n",
		"text\n\n" DASH "PeterNeumann x08go/ZJkh==\n", /* unused bits */
		"text\n\n" DASH "PeterNeumann x08go/ZJkg== \n",
		"text\n\n" DASH "PeterNeumann  x08go/ZJkg==\n",
		"text\n\n" DASH "Peter+Neumann x08go/ZJkg==\n",
		"text\n\n" DASH "Peter\xe2\x80\xa8Neumann x08go/ZJkg==\n",
		"text\n\n" DASH "PeterNeumann x08go/ZJkg==", /* no line end */
		"text\n\n" DASH "PeterNeumann x08go/ZJkg==\r\n",
		"text\n\n" DASH "PeterNeumann x08go/ZJkg==\n\n",
		"te\001xt\n\n" DASH "PeterNeumann x08go/ZJkg==\n",
		"\xe2\x80\n\n" DASH "PeterNeumann x08go/ZJkg==\n",
	};
	struct note_key peter = key_of(PETER_VKEY);
	struct text_span text, sigs;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (verify(bad[i], &peter) != ERR_MALFORMED)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(note_split(span(bad[i]), &text, &sigs), ERR_MALFORMED);
	}
	/* The like of the above, without its fault, is a note: of a key that fails. */
	assert_int_equal(verify("text\n\n" DASH "PeterNeumann x08go/ZJkg==\n", &peter), ERR_FORGED);
	/* An empty line may stand in the text: the last one counts. */
	assert_int_equal(note_split(span("a\n\nb\n\n\n" DASH "PeterNeumann x08go/ZJkg==\n"), &text,
				    &sigs),
			 0);
	assert_true(text_is(text, "a\n\nb\n\n"));
	assert_int_equal(note_verify((struct text_span){NULL, 0}, &peter, &text, NULL),
			 ERR_MALFORMED);
}

static void test_unknown_lines(void **state)
{
	static const char *const unknown[] = {
		DASH "EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG"
		     "01oOTGwnWLox33WWd1RvMc+QQ=\n",
		/* the name with another id, and the id with another name */
		DASH "PeterNeumann AAAAAPZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUg==\n",
		DASH "PeterNeumanm x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUg==\n",
		DASH "short AAAAAAA=\n",
	};
	struct note_key peter = key_of(PETER_VKEY);

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		char note[1024];

		snprintf(note, sizeof(note), "%s\n%s%s", PETER_TEXT, unknown[i], PETER_SIG);
		assert_int_equal(verify(note, &peter), 0);
		snprintf(note, sizeof(note), "%s\n%s%s", PETER_TEXT, PETER_SIG, unknown[i]);
		assert_int_equal(verify(note, &peter), 0);
		snprintf(note, sizeof(note), "%s\n%s", PETER_TEXT, unknown[i]);
		assert_int_equal(verify(note, &peter), ERR_KEY);
	}
}

/* A known key's line that fails rejects the note, whatever else it bears. */
static void test_known_line_fails(void **state)
{
	static const char *const failing[] = {
		/* one character of the signature altered */
		DASH "PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
		     "KvqfqdngotpRZb6KE6RyyBwJnAI=\n",
		/* too short, too long */
		DASH "PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUg==\n",
		DASH "PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
		     "KvqfqdngotpRZb6KE6RyyBwJnAMA\n",
	};
	struct note_key peter = key_of(PETER_VKEY);

	(void)state;
	for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
		char note[1024];

		snprintf(note, sizeof(note), "%s\n%s%s", PETER_TEXT, PETER_SIG, failing[i]);
		assert_int_equal(verify(note, &peter), ERR_FORGED);
		snprintf(note, sizeof(note), "%s\n%s%s", PETER_TEXT, failing[i], PETER_SIG);
		assert_int_equal(verify(note, &peter), ERR_FORGED);
	}
}

static void test_many_signatures(void **state)
{
	struct wire_out out = {0};
	struct note_key keys[33];
	uint8_t sk[64];
	struct text_span text, note;

	(void)state;
	wire_out_text(&out, TREE "\n");
	for (uint8_t i = 0; i < 33; i++) {
		char name[32];

		snprintf(name, sizeof(name), "witness.example/%u", i);
		keys[i] = make_key(name, i % 2 ? NOTE_COSIGNATURE : NOTE_ED25519, i, sk);
		assert_int_equal(note_signature(&out, TREE, strlen(TREE), &keys[i], sk,
						1000000 + (uint64_t)i),
				 0);
	}
	assert_true(wire_out_ok(&out));
	note = (struct text_span){(char *)out.p, out.n};
	for (uint8_t i = 0; i < 33; i++) {
		uint64_t time = 7;

		assert_int_equal(note_verify(note, &keys[i], &text, &time), 0);
		assert_true(text_is(text, TREE));
		assert_int_equal(time, i % 2 ? 1000000 + i : 0);
	}
	/* But not without end: each line costs the reader. */
	for (unsigned i = 0; i < 100; i++)
		wire_out_text(&out, DASH "nobody AAAAAAA=\n");
	note = (struct text_span){(char *)out.p, out.n};
	assert_int_equal(note_verify(note, &keys[0], &text, NULL), ERR_MALFORMED);
	wire_out_free(&out);
}

/* Signatures of algorithms with long signatures (ML-DSA-44 has 2,420 bytes) pass by. */
static void test_long_unknown_signature(void **state)
{
	static uint8_t sig[4 + 2420];
	static char b64[4 * sizeof(sig) / 3 + 8];
	struct note_key peter = key_of(PETER_VKEY);
	struct wire_out out = {0};
	char *z, *p;

	(void)state;
	memset(sig, 0xa5, sizeof(sig));
	text_base64(b64, sig, sizeof(sig));
	wire_out_printf(&out, "%s\n%switness %s\n%s", PETER_TEXT, DASH, b64, PETER_SIG);
	z = string_of(&out);
	assert_int_equal(verify(z, &peter), 0);
	p = strstr(z, "witness ") + strlen("witness ") + 1500;
	*p = '=';
	assert_int_equal(verify(z, &peter), ERR_MALFORMED);
	free(z);
}

/* ---- cosignatures ---- */

static void test_cosignature_preimage(void **state)
{
	static const char preimage[] = "cosignature/v1\ntime 72623859790382856\n" TREE;
	uint8_t sk[64], blob[76];
	struct note_key k = make_key("witness.example", NOTE_COSIGNATURE, 9, sk);
	struct wire_out out = {0};
	char *z;

	(void)state;
	assert_int_equal(note_signature(&out, TREE, strlen(TREE), &k, sk, TREE_TIME), 0);
	z = string_of(&out);
	assert_true(strncmp(z, DASH "witness.example ", strlen(DASH "witness.example ")) == 0);
	z[strlen(z) - 1] = '\0';
	assert_int_equal(
		text_unbase64(span(z + strlen(DASH "witness.example ")), blob, sizeof(blob)), 76);
	assert_int_equal(wire_get32(blob), note_key_id(&k));
	assert_int_equal(wire_get64(blob + 4), TREE_TIME);
	assert_int_equal(crypto_sign_verify_detached(blob + 12, (const uint8_t *)preimage,
						     strlen(preimage), k.pk),
			 0);
	free(z);
}

static void test_cosignature(void **state)
{
	uint8_t sk[64], blob[76];
	struct note_key k = make_key("witness.example", NOTE_COSIGNATURE, 9, sk), plain = k;
	struct wire_out out = {0};
	struct text_span text;
	uint64_t time;
	char note[1024], b64[128], *z;
	size_t at;

	(void)state;
	assert_int_equal(note_signature(&out, TREE, strlen(TREE), &k, sk, TREE_TIME), 0);
	z = string_of(&out);
	snprintf(note, sizeof(note), "%s\n%s", TREE, z);
	assert_int_equal(note_verify(span(note), &k, &text, &time), 0);
	assert_int_equal(time, TREE_TIME);
	/* The same key as a plain one has another id. */
	plain.type = NOTE_ED25519;
	assert_int_not_equal(note_key_id(&plain), note_key_id(&k));
	assert_int_equal(verify(note, &plain), ERR_KEY);
	/* The time is signed. */
	at = strlen(TREE "\n" DASH "witness.example ");
	note[strlen(note) - 1] = '\0';
	assert_int_equal(text_unbase64(span(note + at), blob, sizeof(blob)), 76);
	for (size_t i = 4; i < 76; i++) {
		blob[i] ^= 1;
		text_base64(b64, blob, sizeof(blob));
		snprintf(note + at, sizeof(note) - at, "%s\n", b64);
		assert_int_equal(note_verify(span(note), &k, &text, &time), ERR_FORGED);
		assert_int_equal(time, 0);
		blob[i] ^= 1;
	}
	/* No time past 2^63 - 1, even if signed. */
	wire_put64(blob + 4, UINT64_C(1) << 63);
	wire_out_printf(&out, "cosignature/v1\ntime 9223372036854775808\n%s", TREE);
	crypto_sign_detached(blob + 12, NULL, out.p, out.n, sk);
	wire_out_free(&out);
	text_base64(b64, blob, sizeof(blob));
	snprintf(note + at, sizeof(note) - at, "%s\n", b64);
	assert_int_equal(verify(note, &k), ERR_FORGED);
	free(z);
}

/* A plain signature is none over a cosignature's text, nor the other way round. */
static void test_domains(void **state)
{
	uint8_t sk[64];
	struct note_key k = make_key("both.example", NOTE_ED25519, 5, sk);
	struct wire_out out = {0};
	uint8_t blob[76];
	char b64[128], *z;

	(void)state;
	k.type = NOTE_COSIGNATURE;
	wire_put32(blob, note_key_id(&k));
	wire_put64(blob + 4, 1);
	crypto_sign_detached(blob + 12, NULL, (const uint8_t *)TREE, strlen(TREE), sk);
	text_base64(b64, blob, sizeof(blob));
	wire_out_printf(&out, "%s\n%sboth.example %s\n", TREE, DASH, b64);
	z = string_of(&out);
	assert_int_equal(verify(z, &k), ERR_FORGED);
	free(z);
}

/* ---- checkpoints ---- */

static void test_checkpoint(void **state)
{
	struct note_checkpoint c, d;
	struct wire_out out = {0};
	char *z;

	(void)state;
	assert_int_equal(note_checkpoint_parse(&c, span(TREE)), 0);
	assert_int_equal(c.size, 257);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(c.root[i], i);
	note_checkpoint_text(&out, &c);
	z = string_of(&out);
	assert_string_equal(z, TREE);
	free(z);

	c.size = UINT64_MAX;
	note_checkpoint_text(&out, &c);
	z = string_of(&out);
	assert_int_equal(note_checkpoint_parse(&d, span(z)), 0);
	assert_true(d.size == UINT64_MAX);
	free(z);

	/* origins may hold spaces; the empty log has size 0; extension lines are passed by */
	assert_int_equal(
		note_checkpoint_parse(
			&c,
			span("go.sum database tree\n0\n"
			     "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nextension\nmore\n")),
		0);
	assert_string_equal(c.origin, "go.sum database tree");
	assert_int_equal(c.size, 0);
}

static void test_checkpoint_refused(void **state)
{
#define ROOT "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	static const char *const bad[] = {
		"",
		"\n",
		"o\n",
		"o\n1\n",
		"o\n1\n" ROOT,	     /* no line end */
		"\n1\n" ROOT "\n",   /* no origin */
		"o\n\n" ROOT "\n",   /* no size */
		"o\n01\n" ROOT "\n", /* leading zero */
		"o\n00\n" ROOT "\n",
		"o\n+1\n" ROOT "\n",
		"o\n-1\n" ROOT "\n",
		"o\n 1\n" ROOT "\n",
		"o\n1 \n" ROOT "\n",
		"o\n0x1\n" ROOT "\n",
		"o\n18446744073709551616\n" ROOT "\n",			/* 2^64 */
		"o\n1\n\n",						/* no root */
		"o\n1\nAAAA\n",						/* too short */
		"o\n1\nAAAA" ROOT "\n",					/* too long */
		"o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\n",	/* no padding */
		"o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n", /* unused bits */
		"o\n1\n47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=\n", /* URL alphabet */
		"o\n1\n " ROOT "\n",
		"o\n1\n" ROOT " \n",
		"o\n1\n" ROOT "\n\n", /* empty extension line */
		"o\n1\n" ROOT "\nx\n\ny\n",
		"o\n1\n" ROOT "\nx",
		"o\r\n1\r\n" ROOT "\r\n",
	};
	struct note_checkpoint c;
	char name[NOTE_NAME_MAX + 1], text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (note_checkpoint_parse(&c, span(bad[i])) != ERR_MALFORMED)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(note_checkpoint_parse(&c, (struct text_span){NULL, 0}), ERR_MALFORMED);
	memset(name, 'n', NOTE_NAME_MAX);
	name[NOTE_NAME_MAX] = '\0';
	snprintf(text, sizeof(text), "%s\n1\n" ROOT "\n", name);
	assert_int_equal(note_checkpoint_parse(&c, span(text)), ERR_MALFORMED);
	assert_int_equal(note_checkpoint_parse(&c, span(text + 1)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vkey_known),
		cmocka_unit_test(test_vkey_refused),
		cmocka_unit_test(test_vkey_mangled),
		cmocka_unit_test(test_name_length),
		cmocka_unit_test(test_known_notes),
		cmocka_unit_test(test_sign_known),
		cmocka_unit_test(test_sign_refused),
		cmocka_unit_test(test_altered),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_unknown_lines),
		cmocka_unit_test(test_known_line_fails),
		cmocka_unit_test(test_many_signatures),
		cmocka_unit_test(test_long_unknown_signature),
		cmocka_unit_test(test_cosignature_preimage),
		cmocka_unit_test(test_cosignature),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_checkpoint),
		cmocka_unit_test(test_checkpoint_refused),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
