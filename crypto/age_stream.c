/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/age_stream.h"

#include <sodium.h>
#include <string.h>

#include "crypto/age.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"

#define VERSION "age-encryption.org/v1"
#define RECIPIENTS_MAX 32
#define STANZAS_MAX 1024 /* each may cost a scalar multiplication */
#define FILE_KEY 16
#define TAG AGE_STREAM_TAG
#define BODY (FILE_KEY + TAG) /* of an X25519 stanza */
#define NONCE 16	      /* of the payload */
#define CHUNK AGE_STREAM_CHUNK
#define COLUMNS 64 /* of a stanza's body; one that is shorter ends it */
#define B64_32 43  /* 32 bytes, unpadded */

/* ---- what sealing and opening share ---------------------------------------------------------- */

/* The key that wraps the file key for one recipient. Exactly one of the two parties' secrets is
 * known; peer is the other's public key. False for a low-order point. */
static bool wrap_key(uint8_t key[32], const uint8_t secret[32], const uint8_t peer[32],
		     const uint8_t share[32], const uint8_t recipient[32])
{
	static const char info[] = VERSION "/X25519";
	uint8_t shared[32], salt[64];
	bool good;

	memcpy(salt, share, 32);
	memcpy(salt + 32, recipient, 32);
	/* Fails when the shared secret is all zeros. */
	good = crypto_scalarmult(shared, secret, peer) == 0;
	if (good)
		kdf_hkdf(key, 32, shared, sizeof(shared), salt, sizeof(salt), info, strlen(info));
	secret_wipe(shared, sizeof(shared));
	return good;
}

static void header_mac(uint8_t mac[32], const uint8_t file_key[FILE_KEY], const void *header,
		       size_t n)
{
	const struct hash_part part = {header, n};
	uint8_t key[32];

	kdf_hkdf(key, sizeof(key), file_key, FILE_KEY, "", 0, "header", strlen("header"));
	hash_hmac(mac, key, sizeof(key), &part, 1);
	secret_wipe(key, sizeof(key));
}

static void payload_key(uint8_t key[32], const uint8_t file_key[FILE_KEY],
			const uint8_t nonce[NONCE])
{
	kdf_hkdf(key, 32, file_key, FILE_KEY, nonce, NONCE, "payload", strlen("payload"));
}

static void chunk_nonce(uint8_t nonce[12], uint64_t number, bool last)
{
	memset(nonce, 0, 12);
	wire_put64(nonce + 3, number);
	nonce[11] = last;
}

static const uint8_t zero_nonce[12];

/* ---- sealing --------------------------------------------------------------------------------- */

static bool seal_stanza(struct wire_out *out, const uint8_t recipient[32],
			const uint8_t file_key[FILE_KEY])
{
	uint8_t ephemeral[32], share[32], key[32], body[BODY];
	char share64[B64_32 + 2], body64[B64_32 + 2];
	bool good;

	secret_random(ephemeral, sizeof(ephemeral));
	crypto_scalarmult_base(share, ephemeral);
	good = wrap_key(key, ephemeral, recipient, share, recipient);
	if (good) {
		crypto_aead_chacha20poly1305_ietf_encrypt(body, NULL, file_key, FILE_KEY, NULL, 0,
							  NULL, zero_nonce, key);
		text_base64_raw(share64, share, sizeof(share));
		text_base64_raw(body64, body, sizeof(body));
		wire_out_printf(out, "-> X25519 %s\n%s\n", share64, body64);
	}
	secret_wipe(ephemeral, sizeof(ephemeral));
	secret_wipe(key, sizeof(key));
	return good;
}

/* Header and nonce. */
int age_stream_begin(struct age_stream *s, struct wire_out *out, const uint8_t (*recipients)[32],
		     size_t count)
{
	const size_t start = out->n;
	uint8_t file_key[FILE_KEY], mac[32], nonce[NONCE];
	char mac64[B64_32 + 2];
	int rc = 0;

	*s = (struct age_stream){0};
	if (count < 1 || count > RECIPIENTS_MAX)
		return ERR_USAGE;
	secret_random(file_key, sizeof(file_key));
	wire_out_text(out, VERSION "\n");
	for (size_t i = 0; i < count && rc == 0; i++)
		if (!seal_stanza(out, recipients[i], file_key))
			rc = ERR_KEY;
	if (rc != 0)
		goto out;
	wire_out_text(out, "---");
	if (wire_out_ok(out)) {
		header_mac(mac, file_key, out->p + start, out->n - start);
		text_base64_raw(mac64, mac, sizeof(mac));
		wire_out_printf(out, " %s\n", mac64);
		secret_random(nonce, sizeof(nonce));
		wire_out_bytes(out, nonce, sizeof(nonce));
		payload_key(s->key, file_key, nonce);
	}
	if (!wire_out_ok(out))
		rc = ERR_NOMEM;
out:
	if (rc != 0) {
		out->n = start;
		age_stream_end(s);
	}
	secret_wipe(file_key, sizeof(file_key));
	return rc;
}

int age_stream_seal(struct age_stream *s, bool last, uint8_t *out, const void *in, size_t n)
{
	uint8_t nonce[12];

	if (s->ended || n > CHUNK || (n < CHUNK && !last) || (n == 0 && s->next > 0))
		return ERR_USAGE;
	chunk_nonce(nonce, s->next++, last);
	s->ended = last;
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, n, NULL, 0, NULL, nonce, s->key);
	return 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

struct stanza {
	struct text_span type, arg; /* the first two arguments; arg is empty if there is one */
	unsigned args;
	uint8_t body[BODY];
	size_t body_len; /* may be more than is kept */
};

/* One or more words of visible ASCII, one space between. */
static bool read_args(struct stanza *s, struct text_span line)
{
	struct text_span word;

	if (line.n == 0 || line.p[line.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] < ' ' || line.p[i] > '~')
			return false;
	while (line.n > 0) {
		if (!text_word(&line, &word))
			return false;
		if (s->args == 0)
			s->type = word;
		else if (s->args == 1)
			s->arg = word;
		s->args++;
	}
	return true;
}

static bool read_body(struct stanza *s, struct text_in *in)
{
	uint8_t bytes[COLUMNS / 4 * 3];
	struct text_span line;

	do {
		long n;

		if (!text_line(in, &line) || line.n > COLUMNS)
			return false;
		n = text_unbase64_raw(line, bytes, sizeof(bytes));
		if (n < 0)
			return false;
		if (s->body_len + (size_t)n <= sizeof(s->body))
			memcpy(s->body + s->body_len, bytes, (size_t)n);
		s->body_len += (size_t)n;
	} while (line.n == COLUMNS);
	return true;
}

/* Whose the file should be, and what its header says. */
struct header {
	uint8_t secret[32], recipient[32];
	uint8_t file_key[FILE_KEY];
	bool found; /* file_key is known */
	unsigned stanzas;
	bool scrypt;
};

/* An X25519 stanza must be well-formed even if it is not ours. */
static int open_stanza(struct header *h, const struct stanza *s)
{
	uint8_t share[32], key[32];
	int rc = ERR_MALFORMED;

	if (s->args != 2 || s->arg.n != B64_32 || s->body_len != BODY ||
	    text_unbase64_raw(s->arg, share, sizeof(share)) != sizeof(share))
		return ERR_MALFORMED;
	if (wrap_key(key, h->secret, share, share, h->recipient)) {
		if (!h->found &&
		    crypto_aead_chacha20poly1305_ietf_decrypt(h->file_key, NULL, NULL, s->body,
							      BODY, NULL, 0, zero_nonce, key) == 0)
			h->found = true;
		rc = 0;
	}
	secret_wipe(key, sizeof(key));
	return rc;
}

static int read_stanza(struct header *h, struct text_in *in, struct text_span line)
{
	struct stanza s = {0};

	if (!read_args(&s, line) || !read_body(&s, in) || ++h->stanzas > STANZAS_MAX)
		return ERR_MALFORMED;
	if (text_is(s.type, "scrypt"))
		h->scrypt = true;
	return text_is(s.type, "X25519") ? open_stanza(h, &s) : 0;
}

/* Takes the header from *in, which begins at `start`. */
static int read_header(struct header *h, struct text_in *in)
{
	const char *const start = in->p;
	uint8_t mac[32], want[32];
	struct text_span line;
	int rc;

	if (!text_expect(in, VERSION))
		return ERR_MALFORMED;
	for (;;) {
		if (!text_line(in, &line) || line.n < 4)
			return ERR_MALFORMED;
		if (memcmp(line.p, "-> ", 3) != 0)
			break;
		rc = read_stanza(h, in, (struct text_span){line.p + 3, line.n - 3});
		if (rc != 0)
			return rc;
	}
	if (memcmp(line.p, "--- ", 4) != 0 || line.n != 4 + B64_32 ||
	    text_unbase64_raw((struct text_span){line.p + 4, B64_32}, mac, sizeof(mac)) !=
		    sizeof(mac))
		return ERR_MALFORMED;
	/* The format lets a passphrase stanza stand only alone. */
	if (h->stanzas == 0 || (h->scrypt && h->stanzas > 1))
		return ERR_MALFORMED;
	if (!h->found)
		return ERR_KEY;
	header_mac(want, h->file_key, start, (size_t)(line.p + 3 - start));
	return secret_equal(mac, want, sizeof(mac)) ? 0 : ERR_FORGED;
}

/* Bytes up to and with the end of the line that begins with "---", and the nonce behind it. */
long age_stream_header(const void *in, size_t n)
{
	static const char version[] = VERSION "\n";
	const size_t first = sizeof(version) - 1;
	const char *p = in, *lf;

	if (memcmp(p, version, n < first ? n : first) != 0)
		return ERR_MALFORMED;
	for (size_t at = first; at < n; at = (size_t)(lf - p) + 1) {
		lf = memchr(p + at, '\n', n - at);
		if (!lf)
			break;
		if (n - at < 3 || memcmp(p + at, "---", 3) != 0)
			continue;
		at = (size_t)(lf - p) + 1 + NONCE;
		return at > AGE_STREAM_HEADER_MAX ? ERR_MALFORMED : at <= n ? (long)at : 0;
	}
	return n < AGE_STREAM_HEADER_MAX ? 0 : ERR_MALFORMED;
}

int age_stream_open(struct age_stream *s, const uint8_t secret[32], const void *header, size_t n)
{
	struct text_in text = text_in_init(header, n < NONCE ? n : n - NONCE);
	struct header h = {0};
	int rc;

	*s = (struct age_stream){0};
	memcpy(h.secret, secret, sizeof(h.secret));
	age_public(h.recipient, secret);
	rc = n < NONCE ? ERR_MALFORMED : read_header(&h, &text);
	if (rc == 0 && text.left > 0)
		rc = ERR_MALFORMED;
	if (rc == 0)
		payload_key(s->key, h.file_key, (const uint8_t *)header + n - NONCE);
	secret_wipe(&h, sizeof(h));
	return rc;
}

int age_stream_chunk(struct age_stream *s, bool last, uint8_t *out, const uint8_t *in, size_t n)
{
	uint8_t nonce[12];

	/* Only the one chunk of an empty payload is empty. */
	if (s->ended || n < TAG || n > CHUNK + TAG || (n < CHUNK + TAG && !last) ||
	    (n == TAG && s->next > 0)) {
		if (n > TAG)
			memset(out, 0, n - TAG);
		return ERR_DAMAGED;
	}
	chunk_nonce(nonce, s->next++, last);
	s->ended = last;
	if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, n, NULL, 0, nonce,
						      s->key) == 0)
		return 0;
	s->ended = true;
	memset(out, 0, n - TAG);
	return ERR_DAMAGED;
}

void age_stream_end(struct age_stream *s)
{
	secret_wipe(s, sizeof(*s));
}
