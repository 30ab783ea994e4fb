/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/age.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "crypto/armor.h"
#include "crypto/bech32.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"

#define VERSION "age-encryption.org/v1"
#define LABEL "AGE ENCRYPTED FILE"
#define RECIPIENTS_MAX 32
#define STANZAS_MAX 1024 /* each may cost a scalar multiplication */
#define FILE_KEY 16
#define TAG 16
#define BODY (FILE_KEY + TAG) /* of an X25519 stanza */
#define NONCE 16	      /* of the payload */
#define CHUNK 65536
#define COLUMNS 64 /* of a stanza's body; one that is shorter ends it */
#define B64_32 43  /* 32 bytes, unpadded */

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

static void seal_payload(struct wire_out *out, const uint8_t file_key[FILE_KEY], const uint8_t *in,
			 size_t n)
{
	uint8_t nonce[NONCE], chunk[12], key[32];
	uint64_t number = 0;
	bool last;

	secret_random(nonce, sizeof(nonce));
	wire_out_bytes(out, nonce, sizeof(nonce));
	payload_key(key, file_key, nonce);
	do {
		size_t len = n < CHUNK ? n : CHUNK;
		uint8_t *to = wire_out_room(out, len + TAG);

		last = len == n;
		if (!to)
			break;
		chunk_nonce(chunk, number++, last);
		crypto_aead_chacha20poly1305_ietf_encrypt(to, NULL, in, len, NULL, 0, NULL, chunk,
							  key);
		in += len;
		n -= len;
	} while (!last);
	secret_wipe(key, sizeof(key));
}

int age_seal(struct wire_out *out, const uint8_t (*recipients)[32], size_t count, const void *in,
	     size_t n)
{
	const size_t start = out->n;
	uint8_t file_key[FILE_KEY], mac[32];
	char mac64[B64_32 + 2];
	int rc = 0;

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
		seal_payload(out, file_key, n ? in : (const void *)"", n);
	}
	if (!wire_out_ok(out))
		rc = ERR_NOMEM;
out:
	if (rc != 0)
		out->n = start;
	secret_wipe(file_key, sizeof(file_key));
	return rc;
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

/* Decrypt all chunks of in[n] to `to`, which has room for them. */
static int open_chunks(uint8_t *to, const uint8_t key[32], const uint8_t *in, size_t n)
{
	for (uint64_t number = 0;; number++) {
		const size_t len = n < CHUNK + TAG ? n : CHUNK + TAG;
		const bool last = len == n;
		uint8_t nonce[12];

		/* Only the one chunk of an empty payload is empty. */
		if (len < TAG || (len == TAG && number > 0))
			return ERR_DAMAGED;
		chunk_nonce(nonce, number, last);
		if (crypto_aead_chacha20poly1305_ietf_decrypt(to, NULL, NULL, in, len, NULL, 0,
							      nonce, key) != 0)
			return ERR_DAMAGED;
		if (last)
			return 0;
		to += len - TAG;
		in += len;
		n -= len;
	}
}

static int open_payload(struct wire_out *out, const uint8_t file_key[FILE_KEY], const uint8_t *in,
			size_t n)
{
	size_t start = out->n, chunks, plain;
	uint8_t key[32], *to;
	int rc;

	if (n < NONCE)
		return ERR_MALFORMED;
	chunks = (n - NONCE + CHUNK + TAG - 1) / (CHUNK + TAG);
	if (n - NONCE < chunks * TAG || chunks == 0)
		return ERR_DAMAGED;
	plain = n - NONCE - chunks * TAG;
	to = wire_out_room(out, plain);
	if (!to)
		return ERR_NOMEM;
	payload_key(key, file_key, in);
	rc = open_chunks(to, key, in + NONCE, n - NONCE);
	if (rc != 0) {
		secret_wipe(to, plain);
		out->n = start;
	}
	secret_wipe(key, sizeof(key));
	return rc;
}

int age_open(struct wire_out *out, const uint8_t secret[32], const void *in, size_t n)
{
	struct text_in text = text_in_init(in, n);
	struct header h = {0};
	int rc;

	memcpy(h.secret, secret, sizeof(h.secret));
	age_public(h.recipient, secret);
	rc = read_header(&h, &text);
	if (rc == 0)
		rc = open_payload(out, h.file_key, (const uint8_t *)text.p, text.left);
	secret_wipe(&h, sizeof(h));
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
