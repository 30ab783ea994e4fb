/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sshsig.h"

#include <sodium.h>
#include <string.h>

#include "crypto/armor.h"
#include "crypto/hash.h"
#include "crypto/wire.h"

#define LABEL "SSH SIGNATURE"
#define MAGIC "SSHSIG"
#define VERSION 1
#define ARMOR_MAX 16384 /* characters; those we can check have some 450 */
#define NAME_MAX_BYTES 255
#define SIG 64
#define FLAG_TOUCH 0x01 /* user presence */
#define FLAG_PIN 0x04	/* user verification */

_Static_assert(sizeof(SSHSIG_BEGIN) == sizeof("-----BEGIN " LABEL "-----"), "label");
_Static_assert(sizeof(SSHSIG_END) == sizeof("-----END " LABEL "-----"), "label");

/* The fields of a signature, borrowed from its blob. */
struct fields {
	struct text_span key, namespace, hash, signature;
};

static struct text_span take(struct wire_in *in, size_t max)
{
	size_t n;
	const uint8_t *p = wire_in_str32(in, max, &n);

	return (struct text_span){p ? (const char *)p : "", n};
}

static int parse_blob(struct sshsig *out, struct fields *f, const struct wire_out *blob,
		      struct err *e)
{
	struct wire_in in = wire_in_init(blob->p, blob->n);
	const uint8_t *magic = wire_in_bytes(&in, strlen(MAGIC));
	uint32_t version = wire_in_u32(&in);
	int rc;

	if (!wire_in_ok(&in) || memcmp(magic, MAGIC, strlen(MAGIC)) != 0 || version == 0)
		return err_set(e, ERR_MALFORMED, "not an SSH signature");
	if (version > VERSION)
		return err_set(e, ERR_NEWER, "SSH signature of version %u, not 1", version);
	f->key = take(&in, ARMOR_MAX);
	if (wire_in_ok(&in)) {
		rc = sshkey_from_blob(&out->key, f->key.p, f->key.n, e);
		if (rc != 0)
			return rc;
	}
	f->namespace = take(&in, NAME_MAX_BYTES);
	take(&in, ARMOR_MAX); /* reserved: ignored, as the standard says; nothing signs it */
	f->hash = take(&in, NAME_MAX_BYTES);
	f->signature = take(&in, ARMOR_MAX);
	if (!wire_in_end(&in))
		return err_set(e, ERR_MALFORMED, "malformed SSH signature");
	return 0;
}

/* The bytes that are signed: magic, namespace, no reserved, hash name, hash of the message. */
static int signed_bytes(struct wire_out *to, const struct fields *f, const void *message, size_t n,
			struct err *e)
{
	uint8_t digest[64];
	size_t len;

	if (text_is(f->hash, "sha512")) {
		hash_sha512(digest, message, n);
		len = 64;
	} else if (text_is(f->hash, "sha256")) {
		hash_sha256(digest, message, n);
		len = HASH_SIZE;
	} else {
		return err_set(e, ERR_UNSUPPORTED,
			       "SSH signature over a hash that is neither sha256 nor sha512");
	}
	wire_out_bytes(to, MAGIC, strlen(MAGIC));
	wire_out_str32(to, f->namespace.p, f->namespace.n);
	wire_out_str32(to, "", 0);
	wire_out_str32(to, f->hash.p, f->hash.n);
	wire_out_str32(to, digest, len);
	return wire_out_ok(to) ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

/* What a token signs instead of the bytes themselves (OpenSSH PROTOCOL.u2f). */
static void token_message(uint8_t out[HASH_SIZE + 1 + 4 + HASH_SIZE], const struct sshsig *s,
			  const struct wire_out *bytes)
{
	hash_sha256(out, s->key.application, strlen(s->key.application));
	out[HASH_SIZE] = s->flags;
	wire_put32(out + HASH_SIZE + 1, s->counter);
	hash_sha256(out + HASH_SIZE + 5, bytes->p, bytes->n);
}

static int check_signature(struct sshsig *out, struct text_span signature,
			   const struct wire_out *bytes, struct err *e)
{
	struct wire_in in = wire_in_init(signature.p, signature.n);
	uint8_t message[HASH_SIZE + 1 + 4 + HASH_SIZE];
	struct text_span type = take(&in, NAME_MAX_BYTES), sig = take(&in, ARMOR_MAX);
	const uint8_t *raw = (const uint8_t *)sig.p;
	bool good;

	if (out->key.token) {
		out->flags = wire_in_u8(&in);
		out->counter = wire_in_u32(&in);
	}
	if (!wire_in_end(&in) || sig.n != SIG || !text_is(type, sshkey_type(&out->key)))
		return err_set(e, ERR_MALFORMED, "malformed SSH signature");
	if (out->key.token) {
		token_message(message, out, bytes);
		good = crypto_sign_verify_detached(raw, message, sizeof(message), out->key.pk) == 0;
	} else {
		good = crypto_sign_verify_detached(raw, bytes->p, bytes->n, out->key.pk) == 0;
	}
	return good ? 0 : err_set(e, ERR_FORGED, "the SSH signature does not verify");
}

static int check_token(const struct sshsig *s, const struct sshsig_policy *policy, struct err *e)
{
	if (!s->key.token)
		return 0;
	if (policy->require_touch && !(s->flags & FLAG_TOUCH))
		return err_set(e, ERR_NO_TOUCH, "the token signed without being touched");
	if (policy->require_pin && !(s->flags & FLAG_PIN))
		return err_set(e, ERR_NO_PIN, "the token signed without a PIN");
	return 0;
}

static int verify_blob(struct sshsig *out, const struct wire_out *blob, const void *message,
		       size_t n, const struct sshsig_policy *policy, struct err *e)
{
	struct wire_out bytes = {0};
	struct fields f = {0};
	int rc;

	rc = parse_blob(out, &f, blob, e);
	if (rc != 0)
		return rc;
	if (!text_is(f.namespace, policy->namespace))
		return err_set(e, ERR_NAMESPACE,
			       "the SSH signature is for another use: sign with -n %s",
			       policy->namespace);
	rc = signed_bytes(&bytes, &f, message, n, e);
	if (rc == 0)
		rc = check_signature(out, f.signature, &bytes, e);
	if (rc == 0)
		rc = check_token(out, policy, e);
	wire_out_free(&bytes);
	return rc;
}

int sshsig_verify(struct sshsig *out, struct text_span armor, const void *message, size_t n,
		  const struct sshsig_policy *policy, struct err *e)
{
	struct wire_out blob = {0};
	int rc;

	memset(out, 0, sizeof(*out));
	if (armor.n > ARMOR_MAX || !text_valid(armor.p, armor.n))
		return err_set(e, ERR_MALFORMED, "malformed SSH signature");
	rc = armor_decode(&blob, LABEL, ARMOR_COLUMNS_ANY, armor);
	if (rc == 0)
		rc = verify_blob(out, &blob, message, n, policy, e);
	else
		err_set(e, rc, "%s", rc == ERR_NOMEM ? "out of memory" : "malformed SSH signature");
	wire_out_free(&blob);
	return rc;
}
