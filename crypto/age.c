/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/age.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "crypto/age_stream.h"
#include "crypto/armor.h"
#include "crypto/bech32.h"
#include "crypto/secret.h"

#define LABEL "AGE ENCRYPTED FILE"
#define TAG AGE_STREAM_TAG
#define CHUNK AGE_STREAM_CHUNK

/* ---- keys ---------------------------------------------------------------------------------- */

#define RECIPIENT "age"
#define IDENTITY "AGE-SECRET-KEY-"

_Static_assert(AGE_RECIPIENT_TEXT == BECH32_SIZE(sizeof(RECIPIENT) - 1, 32), "recipient text");
_Static_assert(AGE_IDENTITY_TEXT == BECH32_SIZE(sizeof(IDENTITY) - 1, 32), "identity text");

void age_public(uint8_t pub[32], const uint8_t secret[32])
{
	crypto_scalarmult_base(pub, secret);
}

void age_recipient_text(char out[AGE_RECIPIENT_TEXT], const uint8_t pub[32])
{
	bech32_encode(out, RECIPIENT, pub, 32);
}

int age_recipient_parse(uint8_t pub[32], struct text_span s)
{
	return bech32_decode(pub, 32, RECIPIENT, s);
}

void age_identity_text(char out[AGE_IDENTITY_TEXT], const uint8_t secret[32])
{
	bech32_encode(out, IDENTITY, secret, 32);
}

int age_identity_parse(uint8_t secret[32], struct text_span s)
{
	return bech32_decode(secret, 32, IDENTITY, s);
}

/* ---- whole files ----------------------------------------------------------------------------- */

static int seal_payload(struct wire_out *out, struct age_stream *s, const uint8_t *in, size_t n)
{
	int rc = 0;

	while (rc == 0 && !s->ended) {
		const size_t len = n < CHUNK ? n : CHUNK;
		uint8_t *to = wire_out_room(out, len + TAG);

		rc = to ? age_stream_seal(s, len == n, to, in, len) : ERR_NOMEM;
		in += len;
		n -= len;
	}
	return rc;
}

int age_seal(struct wire_out *out, const uint8_t (*recipients)[32], size_t count, const void *in,
	     size_t n)
{
	const size_t start = out->n;
	struct age_stream s;
	int rc = age_stream_begin(&s, out, recipients, count);

	if (rc == 0)
		rc = seal_payload(out, &s, n ? in : (const void *)"", n);
	if (rc != 0)
		out->n = start;
	age_stream_end(&s);
	return rc;
}

/* Decrypt all chunks of in[n] to `to`, which has room for them. */
static int open_chunks(uint8_t *to, struct age_stream *s, const uint8_t *in, size_t n)
{
	int rc = 0;

	while (rc == 0 && !s->ended) {
		const size_t len = n < CHUNK + TAG ? n : CHUNK + TAG;

		rc = age_stream_chunk(s, len == n, to, in, len);
		to += len - (len < TAG ? len : TAG);
		in += len;
		n -= len;
	}
	return rc;
}

static int open_payload(struct wire_out *out, struct age_stream *s, const uint8_t *in, size_t n)
{
	size_t start = out->n, chunks = (n + CHUNK + TAG - 1) / (CHUNK + TAG), plain;
	uint8_t *to;
	int rc;

	if (n < chunks * TAG || chunks == 0)
		return ERR_DAMAGED;
	plain = n - chunks * TAG;
	to = wire_out_room(out, plain);
	if (!to)
		return ERR_NOMEM;
	rc = open_chunks(to, s, in, n);
	if (rc != 0) {
		secret_wipe(to, plain);
		out->n = start;
	}
	return rc;
}

int age_open(struct wire_out *out, const uint8_t secret[32], const void *in, size_t n)
{
	const long header = age_stream_header(in, n);
	struct age_stream s = {0};
	int rc;

	if (header <= 0)
		return header < 0 ? (int)header : ERR_MALFORMED;
	rc = age_stream_open(&s, secret, in, (size_t)header);
	if (rc == 0)
		rc = open_payload(out, &s, (const uint8_t *)in + header, n - (size_t)header);
	age_stream_end(&s);
	return rc;
}

/* ---- armor ----------------------------------------------------------------------------------- */

void age_armor(struct wire_out *out, const void *in, size_t n)
{
	armor_encode(out, LABEL, in, n);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

int age_unarmor(struct wire_out *out, const void *in, size_t n)
{
	struct text_span s = {in, n};

	/* Blank lines before, any white space after; but the BEGIN line starts a line, and white
	 * space at the end of the END line is not around the armor. */
	while (s.n > 0 && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	if (s.n < n && s.p[-1] != '\n')
		return ERR_MALFORMED;
	n = s.n;
	while (n > 0 && is_space(s.p[n - 1]))
		n--;
	if (n < s.n && s.p[n] != '\n' && !(s.p[n] == '\r' && n + 1 < s.n && s.p[n + 1] == '\n'))
		return ERR_MALFORMED;
	return armor_decode(out, LABEL, ARMOR_COLUMNS, (struct text_span){s.p, n});
}
