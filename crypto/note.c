/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/note.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "crypto/hash.h"

#define DASH "\xe2\x80\x94 " /* what a signature line starts with: U+2014 and a space */
#define LINES_MAX 100	     /* signature lines of a note; C2SP asks for 16 at least */
#define ID 4
#define STAMP 8 /* a cosignature's time */
#define SIG 64
#define VKEY_B64 44 /* base64 of type || pk */

/* "— name base64(id || signature)" */
struct sig_line {
	struct text_span name;
	struct text_span b64;
	uint32_t id;
};

/* White_Space of Unicode, UTF-8 encoded; the control characters of it are not text for us. */
static bool has_space(struct text_span s)
{
	static const char *const spaces[] = {
		" ",
		"\xc2\x85",
		"\xc2\xa0",
		"\xe1\x9a\x80",
		"\xe2\x80\x80",
		"\xe2\x80\x81",
		"\xe2\x80\x82",
		"\xe2\x80\x83",
		"\xe2\x80\x84",
		"\xe2\x80\x85",
		"\xe2\x80\x86",
		"\xe2\x80\x87",
		"\xe2\x80\x88",
		"\xe2\x80\x89",
		"\xe2\x80\x8a",
		"\xe2\x80\xa8",
		"\xe2\x80\xa9",
		"\xe2\x80\xaf",
		"\xe2\x81\x9f",
		"\xe3\x80\x80",
	};

	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
		if (memmem(s.p, s.n, spaces[i], strlen(spaces[i])))
			return true;
	return false;
}

static bool name_ok(struct text_span s)
{
	return s.n > 0 && text_valid(s.p, s.n) && !memchr(s.p, '\n', s.n) &&
	       !memchr(s.p, '+', s.n) && !has_space(s);
}

static bool key_ok(const struct note_key *k)
{
	size_t n = strnlen(k->name, sizeof(k->name));

	return (k->type == NOTE_ED25519 || k->type == NOTE_COSIGNATURE) && n < sizeof(k->name) &&
	       name_ok((struct text_span){k->name, n});
}

/* Canonical base64 of any length, some at least; piece by piece, since nobody needs it whole. */
static bool base64_ok(struct text_span s)
{
	uint8_t piece[768];

	if (s.n == 0)
		return false;
	for (; s.n > 1024; s.p += 1024, s.n -= 1024)
		if (text_unbase64((struct text_span){s.p, 1024}, piece, sizeof(piece)) != 768)
			return false;
	return text_unbase64(s, piece, sizeof(piece)) > 0;
}

uint32_t note_key_id(const struct note_key *k)
{
	uint8_t digest[HASH_SIZE];
	const struct hash_part parts[] = {
		{k->name, strnlen(k->name, sizeof(k->name))},
		{"\n", 1},
		{&k->type, 1},
		{k->pk, sizeof(k->pk)},
	};

	hash_parts(digest, parts, 4);
	return wire_get32(digest);
}

int note_vkey_parse(struct note_key *k, struct text_span s)
{
	const char *plus = s.n ? memchr(s.p, '+', s.n) : NULL;
	struct text_span name, hex, b64;
	uint8_t id[ID], raw[1 + sizeof(k->pk)];

	memset(k, 0, sizeof(*k));
	if (!plus)
		return ERR_MALFORMED;
	name = (struct text_span){s.p, (size_t)(plus - s.p)};
	s = (struct text_span){plus + 1, s.n - name.n - 1};
	if (s.n < 2 * ID + 2 || s.p[2 * ID] != '+')
		return ERR_MALFORMED;
	hex = (struct text_span){s.p, 2 * ID};
	b64 = (struct text_span){s.p + 2 * ID + 1, s.n - 2 * ID - 1};
	if (!name_ok(name) || !text_unhex(hex, id, ID) || !base64_ok(b64))
		return ERR_MALFORMED;
	/* Keys of other types have other lengths: the type is in the first four characters. */
	if (text_unbase64((struct text_span){b64.p, 4}, raw, sizeof(raw)) < 1)
		return ERR_MALFORMED;
	if (raw[0] != NOTE_ED25519 && raw[0] != NOTE_COSIGNATURE)
		return ERR_UNSUPPORTED;
	if (text_unbase64(b64, raw, sizeof(raw)) != sizeof(raw))
		return ERR_MALFORMED;
	k->type = raw[0];
	memcpy(k->pk, raw + 1, sizeof(k->pk));
	if (!text_copy(name, k->name, sizeof(k->name)) || note_key_id(k) != wire_get32(id)) {
		memset(k, 0, sizeof(*k));
		return ERR_MALFORMED;
	}
	return 0;
}

void note_vkey_text(struct wire_out *out, const struct note_key *k)
{
	uint8_t raw[1 + sizeof(k->pk)];
	char b64[VKEY_B64 + 1];

	raw[0] = k->type;
	memcpy(raw + 1, k->pk, sizeof(k->pk));
	text_base64(b64, raw, sizeof(raw));
	wire_out_printf(out, "%s+%08" PRIx32 "+%s", k->name, note_key_id(k), b64);
}

void note_keypair(struct note_key *k, uint8_t sk[64], const uint8_t seed[32])
{
	crypto_sign_seed_keypair(k->pk, sk, seed);
}

/* The bytes a cosignature signs. */
static void cosigned(struct wire_out *out, const char *text, size_t n, uint64_t time)
{
	wire_out_printf(out, "cosignature/v1\ntime %" PRIu64 "\n", time);
	wire_out_bytes(out, text, n);
}

static bool text_ok(const char *text, size_t n)
{
	return n > 0 && text[n - 1] == '\n' && text_valid(text, n);
}

/* blob = key id || [time ||] signature; returns its length or a negative code. */
static int make_signature(uint8_t blob[ID + STAMP + SIG], const char *text, size_t n,
			  const struct note_key *k, const uint8_t sk[64], uint64_t time)
{
	struct wire_out message = {0};
	int rc = ERR_NOMEM;

	wire_put32(blob, note_key_id(k));
	if (k->type == NOTE_ED25519) {
		crypto_sign_detached(blob + ID, NULL, (const uint8_t *)text, n, sk);
		return ID + SIG;
	}
	wire_put64(blob + ID, time);
	cosigned(&message, text, n, time);
	if (wire_out_ok(&message)) {
		crypto_sign_detached(blob + ID + STAMP, NULL, message.p, message.n, sk);
		rc = ID + STAMP + SIG;
	}
	wire_out_free(&message);
	return rc;
}

int note_signature(struct wire_out *out, const char *text, size_t n, const struct note_key *k,
		   const uint8_t sk[64], uint64_t time)
{
	uint8_t blob[ID + STAMP + SIG];
	char b64[(sizeof(blob) + 2) / 3 * 4 + 1];
	int len;

	if (!text_ok(text, n))
		return ERR_MALFORMED;
	if (!key_ok(k) || time > INT64_MAX)
		return ERR_USAGE;
	if (memcmp(sk + 32, k->pk, sizeof(k->pk)) != 0)
		return ERR_KEY;
	len = make_signature(blob, text, n, k, sk, time);
	if (len < 0)
		return len;
	text_base64(b64, blob, (size_t)len);
	wire_out_printf(out, DASH "%s %s\n", k->name, b64);
	return wire_out_ok(out) ? 0 : ERR_NOMEM;
}

int note_sign(struct wire_out *out, const char *text, size_t n, const struct note_key *k,
	      const uint8_t sk[64])
{
	size_t start = out->n;
	int rc;

	if (k->type != NOTE_ED25519)
		return ERR_USAGE;
	wire_out_bytes(out, text, n);
	wire_out_text(out, "\n");
	rc = note_signature(out, text, n, k, sk, 0);
	if (rc != 0)
		out->n = start;
	return rc;
}

static bool sig_parse(struct text_span line, struct sig_line *s)
{
	const size_t dash = strlen(DASH);
	const char *space;
	uint8_t head[6];

	if (line.n <= dash || memcmp(line.p, DASH, dash) != 0)
		return false;
	line = (struct text_span){line.p + dash, line.n - dash};
	space = memchr(line.p, ' ', line.n);
	if (!space)
		return false;
	s->name = (struct text_span){line.p, (size_t)(space - line.p)};
	s->b64 = (struct text_span){space + 1, line.n - s->name.n - 1};
	/* Eight characters hold the id and the first byte of a signature. */
	if (!name_ok(s->name) || s->b64.n < 8 || !base64_ok(s->b64))
		return false;
	if (text_unbase64((struct text_span){s->b64.p, 8}, head, sizeof(head)) <= ID)
		return false;
	s->id = wire_get32(head);
	return true;
}

/* Where the last empty line of s begins, 0 if there is none after a line of text. */
static size_t last_empty_line(struct text_span s)
{
	for (size_t i = s.n; i >= 2; i--)
		if (s.p[i - 1] == '\n' && s.p[i - 2] == '\n')
			return i - 1;
	return 0;
}

int note_split(struct text_span note, struct text_span *text, struct text_span *sigs)
{
	size_t empty = last_empty_line(note);
	struct text_span line;
	struct sig_line s;
	struct text_in in;
	unsigned count = 0;

	*text = *sigs = (struct text_span){"", 0};
	if (empty == 0 || !text_valid(note.p, note.n))
		return ERR_MALFORMED;
	in = text_in_init(note.p + empty + 1, note.n - empty - 1);
	while (text_line(&in, &line))
		if (++count > LINES_MAX || !sig_parse(line, &s))
			return ERR_MALFORMED;
	if (in.bad || count == 0)
		return ERR_MALFORMED;
	*text = (struct text_span){note.p, empty};
	*sigs = (struct text_span){note.p + empty + 1, note.n - empty - 1};
	return 0;
}

/* One line that says it is of k. */
static int check_signature(struct text_span text, struct text_span b64, const struct note_key *k,
			   uint64_t *time)
{
	uint8_t blob[ID + STAMP + SIG];
	long len = text_unbase64(b64, blob, sizeof(blob));
	struct wire_out message = {0};
	int rc = ERR_FORGED;

	*time = 0;
	if (k->type == NOTE_ED25519) {
		if (len == ID + SIG &&
		    crypto_sign_verify_detached(blob + ID, (const uint8_t *)text.p, text.n,
						k->pk) == 0)
			return 0;
		return ERR_FORGED;
	}
	if (len != ID + STAMP + SIG || wire_get64(blob + ID) > INT64_MAX)
		return ERR_FORGED;
	*time = wire_get64(blob + ID);
	cosigned(&message, text.p, text.n, *time);
	if (!wire_out_ok(&message))
		rc = ERR_NOMEM;
	else if (crypto_sign_verify_detached(blob + ID + STAMP, message.p, message.n, k->pk) == 0)
		rc = 0;
	wire_out_free(&message);
	return rc;
}

int note_verify(struct text_span note, const struct note_key *k, struct text_span *text,
		uint64_t *time)
{
	struct text_span body, sigs, line;
	uint64_t first = 0, stamp;
	struct text_in in;
	struct sig_line s;
	bool found = false;
	int rc;

	*text = (struct text_span){"", 0};
	if (time)
		*time = 0;
	if (!key_ok(k))
		return ERR_USAGE;
	rc = note_split(note, &body, &sigs);
	if (rc != 0)
		return rc;
	in = text_in_init(sigs.p, sigs.n);
	while (text_line(&in, &line)) {
		if (!sig_parse(line, &s) || !text_is(s.name, k->name) || s.id != note_key_id(k))
			continue;
		rc = check_signature(body, s.b64, k, &stamp);
		if (rc != 0)
			return rc;
		if (!found)
			first = stamp;
		found = true;
	}
	if (!found)
		return ERR_KEY;
	*text = body;
	if (time)
		*time = first;
	return 0;
}

void note_checkpoint_text(struct wire_out *out, const struct note_checkpoint *c)
{
	char b64[VKEY_B64 + 1];

	text_base64(b64, c->root, sizeof(c->root));
	wire_out_printf(out, "%s\n%" PRIu64 "\n%s\n", c->origin, c->size, b64);
}

int note_checkpoint_parse(struct note_checkpoint *c, struct text_span text)
{
	struct text_in in = text_in_init(text.p, text.n);
	struct text_span origin, size, root, extension;

	memset(c, 0, sizeof(*c));
	if (!text_line(&in, &origin) || !text_line(&in, &size) || !text_line(&in, &root))
		return ERR_MALFORMED;
	while (text_line(&in, &extension))
		if (extension.n == 0)
			return ERR_MALFORMED;
	if (in.bad || origin.n == 0)
		return ERR_MALFORMED;
	if (!text_copy(origin, c->origin, sizeof(c->origin)) || !text_u64(size, &c->size) ||
	    text_unbase64(root, c->root, sizeof(c->root)) != sizeof(c->root)) {
		memset(c, 0, sizeof(*c));
		return ERR_MALFORMED;
	}
	return 0;
}
