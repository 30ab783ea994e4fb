// SPDX-License-Identifier: Apache-2.0
#include "tools/html.h"

#include <stdbool.h>
#include <string.h>

#include "crypto/text.h"

#define HEX_MAX 64

/* The character of a well-formed sequence of len bytes. */
static uint32_t character(const uint8_t *s, size_t len)
{
	uint32_t c = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/* Is it in the page for its looks alone? Controls, line ends that are none in a file name, marks of
 * direction, spaces without width, fillers, tags, private use and what is no character. */
static bool hidden(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {{0x00, 0x1f},	  {0x7f, 0x9f},	      {0xad, 0xad},	{0x61c, 0x61c},
		      {0x115f, 0x1160},	  {0x17b4, 0x17b5},   {0x180b, 0x180f}, {0x200b, 0x200f},
		      {0x2028, 0x202e},	  {0x2060, 0x206f},   {0x3164, 0x3164}, {0xe000, 0xf8ff},
		      {0xfe00, 0xfe0f},	  {0xfeff, 0xfeff},   {0xffa0, 0xffa0}, {0xfff0, 0xfffb},
		      {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return (c & 0xfffe) == 0xfffe;
}

static void put_character(struct wire_out *out, const uint8_t *s, size_t len)
{
	switch (len == 1 ? s[0] : 0) {
	case '&':
		wire_out_text(out, "&amp;");
		break;
	case '<':
		wire_out_text(out, "&lt;");
		break;
	case '>':
		wire_out_text(out, "&gt;");
		break;
	case '"':
		wire_out_text(out, "&quot;");
		break;
	case '\'':
		wire_out_text(out, "&#39;");
		break;
	default:
		wire_out_bytes(out, s, len);
	}
}

void html_text(struct wire_out *out, const void *p, size_t n)
{
	const uint8_t *s = p;
	bool raw = false;

	for (size_t i = 0, len; i < n; i += len) {
		size_t whole = text_utf8(s + i, n - i);
		bool bad = whole == 0 || hidden(character(s + i, whole));

		len = whole ? whole : 1;
		if (bad != raw)
			wire_out_text(out, bad ? "<b class=\"x\">" : "</b>");
		raw = bad;
		if (!bad)
			put_character(out, s + i, len);
		for (size_t k = 0; bad && k < len; k++)
			wire_out_printf(out, "\\x%02x", s[i + k]);
	}
	if (raw)
		wire_out_text(out, "</b>");
}

void html_put(struct wire_out *out, const char *z)
{
	html_text(out, z, strlen(z));
}

void html_name(struct wire_out *out, const void *p, size_t n)
{
	wire_out_text(out, "<bdi>");
	html_text(out, p, n);
	wire_out_text(out, "</bdi>");
}

void html_hex(struct wire_out *out, const void *p, size_t n)
{
	char hex[2 * HEX_MAX + 1];

	text_hex(hex, p, n < HEX_MAX ? n : HEX_MAX);
	wire_out_printf(out, "<code>%s</code>", hex);
}

void html_time(struct wire_out *out, int64_t ms)
{
	char time[TEXT_TIME_SIZE];

	text_time_ms(time, ms);
	wire_out_printf(out, "<time datetime=\"%s\"><span>%.10s</span> <span>%.12s</span></time>",
			time, time, time + 11);
}
