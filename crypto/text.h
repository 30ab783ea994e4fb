/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text: the bounded reader of LF-terminated UTF-8 text, and the encodings text carries: hex,
 * base64 and times. Documents, notes and archive.txt are read through here.
 *
 * Accepted text has no byte below 0x20 but LF, no DEL, no CR, and is valid UTF-8 (RFC 3629); every
 * line ends in LF.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_CRYPTO_TEXT_H
#define CUSTODY_CRYPTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line or a value, borrowed from the text it came from; not NUL-terminated. */
struct text_span {
	const char *p;
	size_t n;
};

struct text_in {
	const char *p;
	size_t left;
	unsigned line; /* number of the line last read, from 1 */
	bool bad;
};

/* Bytes of the well-formed UTF-8 sequence (RFC 3629 section 4) that begins at s, 1 to 4 and at most
 * n; 0 if there is none. Control characters count as characters here. */
size_t text_utf8(const void *s, size_t n);
struct text_in text_in_init(const void *p, size_t n);
/* True if all n bytes are acceptable text as above; a missing last LF is the reader's to find. */
bool text_valid(const void *p, size_t n);
/* Next line without its LF. False at the end, or (and bad is set) if a line has no LF or bytes that
 * are not acceptable text, CR included. At the end of a parse ask for left == 0. */
bool text_line(struct text_in *t, struct text_span *line);
/* Look at the next line without taking it. */
bool text_peek(const struct text_in *t, struct text_span *line);
/* Take the next line if it is `key: value` with exactly this key; the value is non-empty. False,
 * and nothing taken, otherwise. */
bool text_field(struct text_in *t, const char *key, struct text_span *value);
/* Take the next line if it equals s. */
bool text_expect(struct text_in *t, const char *s);
bool text_is(struct text_span s, const char *z);
/* Next word of *s up to one space; both advance. False when empty, so at a doubled space. A space
 * at the very end stays in *s, where a parser that asks for s->n == 0 finds it. */
bool text_word(struct text_span *s, struct text_span *word);
/* NUL-terminated copy into out[cap]; false if it does not fit. */
bool text_copy(struct text_span s, char *out, size_t cap);
/* NUL-terminated copy of n bytes, the caller's to free; NULL when memory is out. For bytes that no NUL
 * need follow, where strndup(3) may look for one. */
char *text_dup(const void *p, size_t n);

/* Lower-case hex of n bytes into out[2n+1]. */
void text_hex(char *out, const void *p, size_t n);
/* Exactly 2n lower-case hex digits. */
bool text_unhex(struct text_span s, void *out, size_t n);
/* Decimal without sign or leading zero, up to 2^64-1. */
bool text_u64(struct text_span s, uint64_t *v);

/* Standard base64 with padding (RFC 4648 section 4), canonical only. text_base64 writes a NUL.
 * Sizes by text_base64_size(n) (with the NUL). unbase64 returns decoded length or -1. */
size_t text_base64_size(size_t n);
void text_base64(char *out, const void *p, size_t n);
long text_unbase64(struct text_span s, void *out, size_t cap);
/* The same without padding, as age uses. */
void text_base64_raw(char *out, const void *p, size_t n);
long text_unbase64_raw(struct text_span s, void *out, size_t cap);

/* Milliseconds since 1970-01-01T00:00:00Z <-> "2026-11-23T07:10:00.123Z" (24 chars + NUL). The
 * parser takes seconds with no or three decimals, and only Z. Years 1970 to 9999; times outside are
 * written as the nearest time inside. */
#define TEXT_TIME_SIZE 25
void text_time_ms(char out[TEXT_TIME_SIZE], int64_t ms);
void text_time_s(char out[TEXT_TIME_SIZE], int64_t s); /* "2026-11-23T07:10:00Z" */
bool text_parse_time(struct text_span s, int64_t *ms);

#endif
