/* SPDX-License-Identifier: Apache-2.0 */
#include "index/event_json.h"

#include <stdint.h>
#include <string.h>

#include "crypto/text.h"

#define DEPTH 8
#define ESCAPED 6 /* bytes of the longest escape */

/* The code point of a control character at p (len is its text_utf8()), else 0. */
static unsigned control(const char *p, size_t len)
{
	uint8_t a = (uint8_t)p[0];

	if (len == 1)
		return a < 0x20 || a == 0x7f ? a : 0;
	return len == 2 && a == 0xc2 && (uint8_t)p[1] < 0xa0 ? (uint8_t)p[1] : 0;
}

/* How the character at p is written, into `to`; returns its bytes. */
static size_t escape(char to[ESCAPED], const char *p, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	unsigned c = control(p, len);

	if (c) {
		to[0] = '\\';
		to[1] = 'u';
		to[2] = '0';
		to[3] = '0';
		to[4] = hex[c >> 4];
		to[5] = hex[c & 15];
		return 6;
	}
	if (*p == '"' || *p == '\\') {
		to[0] = '\\';
		to[1] = *p;
		return 2;
	}
	memcpy(to, p, len);
	return len;
}

size_t event_json_escape(char *out, size_t cap, const char *s, size_t n)
{
	char one[ESCAPED];
	size_t used = 0;

	for (size_t i = 0, len; i < n; i += len) {
		size_t k;

		len = text_utf8(s + i, n - i);
		if (len == 0)
			break;
		k = escape(one, s + i, len);
		if (k > cap - used)
			break;
		memcpy(out + used, one, k);
		used += k;
	}
	return used;
}

static size_t left(const struct event_json *in)
{
	return (size_t)(in->end - in->p);
}

bool event_json_take(struct event_json *in, const char *s, size_t n)
{
	if (left(in) < n || memcmp(in->p, s, n) != 0)
		return false;
	in->p += n;
	return true;
}

/* Take an escape sequence as escape() writes it; put the character into to, NUL-terminated. */
static bool unescape(struct event_json *in, char to[3])
{
	uint8_t c;

	if (event_json_take(in, "\\\"", 2) || event_json_take(in, "\\\\", 2)) {
		to[0] = in->p[-1];
		to[1] = '\0';
		return true;
	}
	if (!event_json_take(in, "\\u00", 4) || left(in) < 2 ||
	    !text_unhex((struct text_span){in->p, 2}, &c, 1))
		return false;
	in->p += 2;
	to[0] = (char)c;
	to[1] = '\0';
	if (c >= 0x80) {
		to[0] = (char)0xc2;
		to[1] = (char)c;
		to[2] = '\0';
	}
	return c != 0 && (c < 0x20 || (c >= 0x7f && c < 0xa0));
}

bool event_json_string(struct event_json *in, char *out, size_t cap)
{
	size_t n = 0;

	if (!event_json_take(in, "\"", 1))
		return false;
	while (in->p < in->end && *in->p != '"') {
		char plain[3];
		const char *from = in->p;
		size_t len;

		if (*from == '\\') {
			if (!unescape(in, plain))
				return false;
			from = plain;
			len = strlen(plain);
		} else {
			len = text_utf8(from, left(in));
			if (len == 0 || *from == '\0' || control(from, len))
				return false;
			in->p += len;
		}
		if (len >= cap - n)
			return false;
		memcpy(out + n, from, len);
		n += len;
	}
	out[n] = '\0';
	return event_json_take(in, "\"", 1);
}

/* Take a quoted string of any form RFC 8259 allows, but for capital hex digits. */
static bool any_string(struct event_json *in)
{
	uint8_t code[2];

	if (!event_json_take(in, "\"", 1))
		return false;
	while (in->p < in->end && *in->p != '"') {
		size_t len = text_utf8(in->p, left(in));

		if (len == 0 || (uint8_t)*in->p < 0x20)
			return false;
		if (*in->p != '\\') {
			in->p += len;
		} else if (event_json_take(in, "\\u", 2)) {
			if (left(in) < 4 || !text_unhex((struct text_span){in->p, 4}, code, 2))
				return false;
			in->p += 4;
		} else {
			if (left(in) < 2 || !in->p[1] || !strchr("\"\\/bfnrt", in->p[1]))
				return false;
			in->p += 2;
		}
	}
	return event_json_take(in, "\"", 1);
}

static bool digits(struct event_json *in)
{
	const char *start = in->p;

	while (in->p < in->end && *in->p >= '0' && *in->p <= '9')
		in->p++;
	return in->p > start;
}

static bool number(struct event_json *in)
{
	event_json_take(in, "-", 1);
	if (!event_json_take(in, "0", 1) && !digits(in))
		return false;
	if (event_json_take(in, ".", 1) && !digits(in))
		return false;
	if (!event_json_take(in, "e", 1) && !event_json_take(in, "E", 1))
		return true;
	if (!event_json_take(in, "+", 1))
		event_json_take(in, "-", 1);
	return digits(in);
}

static bool value(struct event_json *in, int depth);

/* The rest of an array or an object after its opening bracket. */
static bool members(struct event_json *in, bool object, int depth)
{
	const char *close = object ? "}" : "]";

	if (event_json_take(in, close, 1))
		return true;
	do {
		if (object && (!any_string(in) || !event_json_take(in, ":", 1)))
			return false;
		if (!value(in, depth))
			return false;
	} while (event_json_take(in, ",", 1));
	return event_json_take(in, close, 1);
}

static bool value(struct event_json *in, int depth)
{
	if (left(in) == 0 || depth == 0)
		return false;
	switch (*in->p) {
	case '"':
		return any_string(in);
	case '{':
	case '[':
		in->p++;
		return members(in, in->p[-1] == '{', depth - 1);
	case 't':
		return event_json_take(in, "true", 4);
	case 'f':
		return event_json_take(in, "false", 5);
	case 'n':
		return event_json_take(in, "null", 4);
	default:
		return number(in);
	}
}

bool event_json_value(struct event_json *in)
{
	return value(in, DEPTH);
}
