// SPDX-License-Identifier: Apache-2.0
/* Targets: what keys, seals and signatures of persons come in. */
#include <string.h>

#include "crypto/age.h"
#include "crypto/armor.h"
#include "crypto/identity.h"
#include "crypto/secret.h"
#include "crypto/sshkey.h"
#include "crypto/sshsig.h"
#include "tests/fuzz/fuzz.h"

int fuzz_age(const uint8_t *p, size_t n)
{
	struct wire_out plain = {0};
	uint8_t secret[32];
	int rc;

	fuzz_secret(secret, FUZZ_SECRET);
	rc = age_open(&plain, secret, p, n);
	fuzz_must(rc == 0 || plain.n == 0);
	fuzz_must(rc != 0 || plain.n < n);
	wire_out_wipe(&plain);
	return rc;
}

/* What was decoded has one encoding, but for white space around it and CR before LF. */
int fuzz_armor(const uint8_t *p, size_t n)
{
	static const char label[] = "AGE ENCRYPTED FILE";
	const struct text_span in = {(const char *)p, n};
	struct wire_out plain = {0}, again = {0};
	int rc = age_unarmor(&plain, p, n), strict;

	fuzz_must(rc == 0 || plain.n == 0);
	wire_out_reset(&plain);
	strict = armor_decode(&plain, label, ARMOR_COLUMNS, in);
	fuzz_must(strict != 0 || rc == 0);
	if (strict == 0 && n > 0 && p[n - 1] == '\n' && !memchr(p, '\r', n)) {
		armor_encode(&again, label, plain.p, plain.n);
		fuzz_must(fuzz_same(&again, p, n));
	}
	wire_out_reset(&plain);
	(void)armor_decode(&plain, label, ARMOR_COLUMNS_ANY, in);
	wire_out_free(&plain);
	return rc;
}

int fuzz_agekey(const uint8_t *p, size_t n)
{
	const struct text_span in = {(const char *)p, n};
	char text[AGE_IDENTITY_TEXT];
	uint8_t key[32];
	int rc = age_recipient_parse(key, in);

	if (rc == 0) {
		age_recipient_text(text, key);
		fuzz_must(text_is(in, text));
		return 0;
	}
	if (age_identity_parse(key, in) == 0) {
		age_identity_text(text, key);
		fuzz_must(text_is(in, text));
		rc = 0;
	}
	return rc;
}

int fuzz_sshkey(const uint8_t *p, size_t n)
{
	struct wire_out blob = {0};
	struct sshkey k, again;
	struct err e = {0};
	int rc = sshkey_parse(&k, (struct text_span){(const char *)p, n}, &e);

	(void)sshkey_from_blob(&again, p, n, NULL);
	if (rc == 0) {
		sshkey_blob(&blob, &k);
		fuzz_must(sshkey_from_blob(&again, blob.p, blob.n, &e) == 0);
		fuzz_must(sshkey_equal(&k, &again));
		wire_out_free(&blob);
	}
	return rc;
}

int fuzz_sshsig(const uint8_t *p, size_t n)
{
	static const char message[] = "custodyfs\n";
	const struct sshsig_policy policy = {.namespace = "authorise@custodyfs",
					     .require_touch = true};
	struct sshsig sig;
	struct err e = {0};

	return sshsig_verify(&sig, (struct text_span){(const char *)p, n}, message,
			     sizeof(message) - 1, &policy, &e);
}

int fuzz_keyfile(const uint8_t *p, size_t n)
{
	uint8_t secret[32];
	int mode = identity_keyfile_mode(p, n, IDENTITY_KIND_NODE);
	int rc = identity_keyfile_open(secret, p, n, IDENTITY_KIND_NODE, NULL, 0);

	fuzz_must(mode >= 0 || rc != 0);
	fuzz_must(mode != 1 || rc == ERR_PASSPHRASE);
	secret_wipe(secret, sizeof(secret));
	return rc;
}
