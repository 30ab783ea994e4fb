/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sshkey.h"

#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"

#define TYPE_PLAIN "ssh-ed25519"
#define TYPE_TOKEN "sk-ssh-ed25519@openssh.com"
#define TYPE_MAX 64
#define LINE_MAX_BYTES 16384 /* more than the longest RSA key there is */

/* True for what can be printed in an error: short visible ASCII. */
static bool printable(const void *p, size_t n, size_t max)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		if (b[i] < '!' || b[i] > '~')
			return false;
	return n > 0 && n <= max;
}

static bool equals(const uint8_t *p, size_t n, const char *z)
{
	return p && n == strlen(z) && memcmp(p, z, n) == 0;
}

const char *sshkey_type(const struct sshkey *k)
{
	return k->token ? TYPE_TOKEN : TYPE_PLAIN;
}

int sshkey_from_blob(struct sshkey *k, const void *blob, size_t n, struct err *e)
{
	struct wire_in in = wire_in_init(blob, n);
	const uint8_t *type, *point, *application = NULL;
	size_t type_len, point_len, application_len = 0;

	memset(k, 0, sizeof(*k));
	type = wire_in_str32(&in, TYPE_MAX, &type_len);
	if (!type || !printable(type, type_len, TYPE_MAX))
		return err_set(e, ERR_MALFORMED, "not an SSH public key");
	k->token = equals(type, type_len, TYPE_TOKEN);
	if (!k->token && !equals(type, type_len, TYPE_PLAIN))
		return err_set(e, ERR_UNSUPPORTED,
			       "SSH key type %.*s is not supported: use an Ed25519 key (ssh-keygen "
			       "-t ed25519 or ed25519-sk)",
			       (int)type_len, (const char *)type);
	point = wire_in_str32(&in, sizeof(k->pk), &point_len);
	if (k->token)
		application = wire_in_str32(&in, sizeof(k->application) - 1, &application_len);
	if (!wire_in_end(&in) || point_len != sizeof(k->pk) ||
	    (k->token && !printable(application, application_len, sizeof(k->application) - 1))) {
		memset(k, 0, sizeof(*k));
		return err_set(e, ERR_MALFORMED, "malformed %.*s public key", (int)type_len,
			       (const char *)type);
	}
	memcpy(k->pk, point, sizeof(k->pk));
	if (application)
		memcpy(k->application, application, application_len);
	return 0;
}

/* As much of the comment as there is room for; not half a character. */
static void set_comment(struct sshkey *k, struct text_span s)
{
	if (s.n >= sizeof(k->comment)) {
		s.n = sizeof(k->comment) - 1;
		while (s.n > 0 && ((uint8_t)s.p[s.n] & 0xc0) == 0x80)
			s.n--;
	}
	text_copy(s, k->comment, sizeof(k->comment));
}

int sshkey_parse(struct sshkey *k, struct text_span line, struct err *e)
{
	struct wire_out blob = {0};
	struct text_span type, base64;
	uint8_t *to;
	long n;
	int rc;

	memset(k, 0, sizeof(*k));
	if (line.n > LINE_MAX_BYTES || !text_valid(line.p, line.n) ||
	    (line.n && memchr(line.p, '\n', line.n)) || !text_word(&line, &type) ||
	    !text_word(&line, &base64))
		return err_set(e, ERR_MALFORMED, "not an SSH public key line");
	to = wire_out_room(&blob, base64.n);
	if (!to) {
		rc = err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	n = text_unbase64(base64, to, base64.n);
	if (n < 0) {
		rc = err_set(e, ERR_MALFORMED, "not an SSH public key line");
		goto out;
	}
	rc = sshkey_from_blob(k, to, (size_t)n, e);
	if (rc != 0)
		goto out;
	if (!text_is(type, sshkey_type(k))) {
		memset(k, 0, sizeof(*k));
		rc = err_set(e, ERR_MALFORMED, "SSH public key is not of the type its line says");
		goto out;
	}
	set_comment(k, line);
out:
	wire_out_free(&blob);
	return rc;
}

void sshkey_blob(struct wire_out *out, const struct sshkey *k)
{
	wire_out_str32(out, sshkey_type(k), strlen(sshkey_type(k)));
	wire_out_str32(out, k->pk, sizeof(k->pk));
	if (k->token)
		wire_out_str32(out, k->application, strlen(k->application));
}

/* The largest blob: three lengths, the type, the point and the application. */
#define BLOB_MAX (3 * 4 + sizeof(TYPE_TOKEN) - 1 + 32 + sizeof(((struct sshkey *)0)->application))

void sshkey_text(struct wire_out *out, const struct sshkey *k)
{
	char base64[(BLOB_MAX + 2) / 3 * 4 + 1];
	struct wire_out blob = {0};

	sshkey_blob(&blob, k);
	if (wire_out_ok(&blob)) {
		text_base64(base64, blob.p, blob.n);
		wire_out_printf(out, "%s %s", sshkey_type(k), base64);
	} else {
		out->bad = true;
	}
	wire_out_free(&blob);
}

bool sshkey_equal(const struct sshkey *a, const struct sshkey *b)
{
	return a->token == b->token && memcmp(a->pk, b->pk, sizeof(a->pk)) == 0 &&
	       (!a->token || strcmp(a->application, b->application) == 0);
}

void sshkey_fingerprint(char out[SSHKEY_FINGERPRINT_SIZE], const struct sshkey *k)
{
	const char *type = sshkey_type(k);
	uint8_t lengths[3][4], digest[HASH_SIZE];
	char base64[48];
	const struct hash_part blob[] = {
		{lengths[0], 4}, {type, strlen(type)},
		{lengths[1], 4}, {k->pk, sizeof(k->pk)},
		{lengths[2], 4}, {k->application, strlen(k->application)},
	};

	wire_put32(lengths[0], (uint32_t)strlen(type));
	wire_put32(lengths[1], sizeof(k->pk));
	wire_put32(lengths[2], (uint32_t)strlen(k->application));
	hash_parts(digest, blob, k->token ? 6 : 4);
	text_base64_raw(base64, digest, sizeof(digest));
	snprintf(out, SSHKEY_FINGERPRINT_SIZE, "SHA256:%.43s", base64);
}
