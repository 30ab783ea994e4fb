/* SPDX-License-Identifier: Apache-2.0 */
#include "index/view_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ENDING_MAX 16u /* bytes of ".jpg" and the like, kept at the end of a name */

/* Bytes of the character at p, 1 for what is none. */
static size_t character(const char *p, size_t n)
{
	size_t len = text_utf8(p, n);

	return len ? len : 1;
}

/* Not to stand in a name as it is: the character of len bytes at p[i]. */
static bool misleads(const char *p, size_t n, size_t i, size_t len)
{
	const uint8_t c = (uint8_t)p[i];

	if (len == 1)
		return c < 0x20 || c >= 0x7f || c == '/' || c == '%' || (c == '.' && i == 0) ||
		       (c == ' ' && (i == 0 || i == n - 1));
	/* U+0080 to U+009F, and what turns the direction of text round */
	return (len == 2 && c == 0xc2 && (uint8_t)p[i + 1] < 0xa0) ||
	       (len == 3 && c == 0xe2 && (uint8_t)p[i + 1] == 0x80 &&
		((uint8_t)p[i + 2] & 0xf8) == 0xa8) ||
	       (len == 3 && c == 0xe2 && (uint8_t)p[i + 1] == 0x81 &&
		((uint8_t)p[i + 2] & 0xf8) == 0xa0);
}

static uint32_t digest(const char *p, size_t n)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)p[i]) * 16777619u;
	return h;
}

void view_name_text(char out[VIEW_NAME_MAX + 1], const char *p, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t at = 0, i = 0, len;

	for (; i < n; i += len) {
		bool bad;

		len = character(p + i, n - i);
		bad = misleads(p, n, i, len);
		if (at + (bad ? 3 * len : len) > VIEW_NAME_MAX - 9)
			break;
		for (size_t k = i; k < i + len; k++) {
			if (bad) {
				out[at++] = '%';
				out[at++] = hex[(uint8_t)p[k] >> 4];
				out[at++] = hex[p[k] & 15];
			} else {
				out[at++] = p[k];
			}
		}
	}
	out[at] = '\0';
	if (i < n)
		snprintf(out + at, 10, "~%08" PRIx32, digest(p, n));
}

/* "2019-05-31T..." of the capture; false if nothing is said of it. */
static bool day(char out[TEXT_TIME_SIZE], const struct facts *f)
{
	text_time_ms(out, f->time_ms);
	return f->clock != FACTS_MODIFIED;
}

static void part(struct view_name *out, unsigned i, const char *p, size_t n)
{
	memcpy(out->part[i], p, n);
	out->part[i][n] = '\0';
}

bool view_name_date(struct view_name *out, const struct facts *f)
{
	char time[TEXT_TIME_SIZE];
	bool known = day(time, f);

	part(out, 0, time, 4);
	part(out, 1, time + 5, 2);
	part(out, 2, time + 8, 2);
	return known;
}

bool view_name_port(struct view_name *out, const struct facts *f)
{
	const struct text_span port = f->text[FACTS_PORT];
	char time[TEXT_TIME_SIZE];

	view_name_text(out->part[0], port.p, port.n);
	if (day(time, f)) {
		part(out, 1, time, 7);
		part(out, 2, time + 8, 2);
	} else {
		part(out, 1, "undated", 7);
		part(out, 2, "all", 3);
	}
	return port.n > 0;
}

bool view_name_plate(struct view_name *out, const struct facts *f, unsigned i)
{
	const char *plate = f->reading[i].plate;
	const size_t n = strlen(plate);
	size_t one, two;

	if (n == 0)
		return false;
	one = character(plate, n);
	two = one < n ? one + character(plate + one, n - one) : one;
	view_name_text(out->part[0], plate, one);
	view_name_text(out->part[1], plate, two);
	view_name_text(out->part[2], plate, n);
	return true;
}

void view_name_link(char out[RECORD_NAME_MAX + 1], const char *plain, const uint8_t item[16],
		    uint64_t ino, unsigned claim)
{
	const char *dot = strrchr(plain, '.');
	char hex[33], tag[64] = "";
	size_t n, end, room;

	text_hex(hex, item, 16);
	if (claim == 1)
		snprintf(tag, sizeof(tag), "~%.8s", hex);
	else if (claim == 2)
		snprintf(tag, sizeof(tag), "~%s", hex);
	else if (claim > 2)
		snprintf(tag, sizeof(tag), "~%s-%016" PRIx64, hex, ino);
	if (!dot || dot == plain || strlen(dot) > ENDING_MAX)
		dot = plain + strlen(plain);
	n = (size_t)(dot - plain);
	end = strlen(dot);
	room = RECORD_NAME_MAX - end - strlen(tag);
	if (n > room) {
		n = room;
		/* Not within a UTF-8 sequence, if it is one. */
		for (int i = 0; i < 3 && n > 1 && ((uint8_t)plain[n] & 0xc0) == 0x80; i++)
			n--;
	}
	memcpy(out, plain, n);
	memcpy(out + n, tag, strlen(tag));
	memcpy(out + n + strlen(tag), dot, end + 1);
}
