/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/text.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

size_t text_utf8(const void *s, size_t n)
{
	const uint8_t *p = s;
	uint8_t low = 0x80, high = 0xbf; /* bounds of the second byte */
	size_t len;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0; /* overlong */
	else if (p[0] == 0xed)
		high = 0x9f; /* surrogates */
	else if (p[0] == 0xf0)
		low = 0x90; /* overlong */
	else if (p[0] == 0xf4)
		high = 0x8f; /* above U+10FFFF */
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

bool text_valid(const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0, len; i < n; i += len) {
		if ((b[i] < 0x20 && b[i] != '\n') || b[i] == 0x7f)
			return false;
		len = text_utf8(b + i, n - i);
		if (len == 0)
			return false;
	}
	return true;
}

struct text_in text_in_init(const void *p, size_t n)
{
	struct text_in t = {.p = n ? p : "", .left = n};

	return t;
}

bool text_peek(const struct text_in *t, struct text_span *line)
{
	const char *lf = t->bad || !t->left ? NULL : memchr(t->p, '\n', t->left);

	if (!lf || !text_valid(t->p, (size_t)(lf - t->p))) {
		*line = (struct text_span){"", 0};
		return false;
	}
	*line = (struct text_span){t->p, (size_t)(lf - t->p)};
	return true;
}

static void take(struct text_in *t, struct text_span line)
{
	t->p += line.n + 1;
	t->left -= line.n + 1;
	t->line++;
}

bool text_line(struct text_in *t, struct text_span *line)
{
	if (!text_peek(t, line)) {
		t->bad = t->bad || t->left > 0;
		return false;
	}
	take(t, *line);
	return true;
}

bool text_field(struct text_in *t, const char *key, struct text_span *value)
{
	size_t k = strlen(key);
	struct text_span line;

	*value = (struct text_span){"", 0};
	if (!text_peek(t, &line) || line.n <= k + 2)
		return false;
	if (memcmp(line.p, key, k) != 0 || line.p[k] != ':' || line.p[k + 1] != ' ')
		return false;
	*value = (struct text_span){line.p + k + 2, line.n - k - 2};
	take(t, line);
	return true;
}

bool text_expect(struct text_in *t, const char *s)
{
	struct text_span line;

	if (!text_peek(t, &line) || !text_is(line, s))
		return false;
	take(t, line);
	return true;
}

bool text_is(struct text_span s, const char *z)
{
	return s.n == strlen(z) && memcmp(s.p, z, s.n) == 0;
}

bool text_word(struct text_span *s, struct text_span *word)
{
	const char *space = s->n ? memchr(s->p, ' ', s->n) : NULL;
	size_t n = space ? (size_t)(space - s->p) : s->n;

	*word = (struct text_span){s->p, n};
	if (n == 0)
		return false;
	/* A space that nothing follows stays: who asks for s->n == 0 then sees it. */
	if (n + 1 < s->n)
		n++;
	s->p += n;
	s->n -= n;
	return true;
}

bool text_copy(struct text_span s, char *out, size_t cap)
{
	if (cap)
		out[0] = '\0';
	if (s.n >= cap || (s.n && memchr(s.p, '\0', s.n)))
		return false;
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

char *text_dup(const void *p, size_t n)
{
	char *copy = malloc(n + 1);

	if (copy) {
		if (n)
			memcpy(copy, p, n);
		copy[n] = '\0';
	}
	return copy;
}

void text_hex(char *out, const void *p, size_t n)
{
	sodium_bin2hex(out, 2 * n + 1, p, n);
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : -1;
}

/* 16 more than what a digit stands for, and 0 for everything else. A table and no branches: digits of
 * hashes can't be foretold, and logs are full of them. */
static const uint8_t hex_digits[256] = {
	['0'] = 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, ['a'] = 26, 27, 28, 29, 30, 31,
};

bool text_unhex(struct text_span s, void *out, size_t n)
{
	uint8_t *b = out;
	unsigned all = 16;

	if (s.n % 2 != 0 || s.n / 2 != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned high = hex_digits[(uint8_t)s.p[2 * i]];
		unsigned low = hex_digits[(uint8_t)s.p[2 * i + 1]];

		all &= high & low;
		b[i] = (uint8_t)(high << 4 | (low & 15));
	}
	return all == 16;
}

bool text_u64(struct text_span s, uint64_t *v)
{
	uint64_t x = 0;

	*v = 0;
	if (s.n == 0 || (s.p[0] == '0' && s.n > 1))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int d = digit(s.p[i]);

		if (d < 0 || x > (UINT64_MAX - (uint64_t)d) / 10)
			return false;
		x = x * 10 + (uint64_t)d;
	}
	*v = x;
	return true;
}

size_t text_base64_size(size_t n)
{
	return (n + 2) / 3 * 4 + 1;
}

void text_base64(char *out, const void *p, size_t n)
{
	sodium_bin2base64(out, text_base64_size(n), p, n, sodium_base64_VARIANT_ORIGINAL);
}

void text_base64_raw(char *out, const void *p, size_t n)
{
	sodium_bin2base64(out, text_base64_size(n), p, n,
			  sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

static bool is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/' || c == '=';
}

static long unbase64(struct text_span s, void *out, size_t cap, int variant)
{
	size_t n;

	/* libsodium 1.0.18 takes some bytes from 0x80 on for digits. */
	for (size_t i = 0; i < s.n; i++)
		if (!is_base64(s.p[i]))
			return -1;
	/* Without an end pointer, libsodium asks that all of s is used, and that the unused bits of
	 * the last digit are zero: one encoding for one value. */
	if (sodium_base642bin(out, cap, s.p, s.n, NULL, &n, NULL, variant) != 0)
		return -1;
	return (long)n;
}

long text_unbase64(struct text_span s, void *out, size_t cap)
{
	return unbase64(s, out, cap, sodium_base64_VARIANT_ORIGINAL);
}

long text_unbase64_raw(struct text_span s, void *out, size_t cap)
{
	return unbase64(s, out, cap, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

#define DAY_MS 86400000
#define LAST_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

static bool leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int month_days(int y, int m)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[m - 1] + (m == 2 && leap(y));
}

/* Days from 1970-01-01 to January 1st of year y >= 1970. */
static int64_t year_start(int y)
{
	const int leaps_to_1969 = 1969 / 4 - 1969 / 100 + 1969 / 400;
	int last = y - 1;

	return INT64_C(365) * (y - 1970) + (last / 4 - last / 100 + last / 400) - leaps_to_1969;
}

/* v as n digits at p. */
static void put_number(char *p, int n, int v)
{
	while (n-- > 0) {
		p[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

/* "2026-11-23T07:10:00Z" of a time in range. */
static void time_text(char out[TEXT_TIME_SIZE], int64_t ms)
{
	int64_t day = ms / DAY_MS;
	int sec = (int)(ms % DAY_MS / 1000), m = 1;
	int y = 1970 + (int)(day / 366); /* never past the year; at most 6 short */

	while (year_start(y + 1) <= day)
		y++;
	day -= year_start(y);
	while (day >= month_days(y, m))
		day -= month_days(y, m++);
	strcpy(out, "dddd-dd-ddTdd:dd:ddZ");
	put_number(out, 4, y);
	put_number(out + 5, 2, m);
	put_number(out + 8, 2, (int)day + 1);
	put_number(out + 11, 2, sec / 3600);
	put_number(out + 14, 2, sec / 60 % 60);
	put_number(out + 17, 2, sec % 60);
}

void text_time_ms(char out[TEXT_TIME_SIZE], int64_t ms)
{
	ms = ms < 0 ? 0 : ms > LAST_MS ? LAST_MS : ms;
	time_text(out, ms);
	strcpy(out + 19, ".dddZ");
	put_number(out + 20, 3, (int)(ms % 1000));
}

void text_time_s(char out[TEXT_TIME_SIZE], int64_t s)
{
	s = s < 0 ? 0 : s > LAST_MS / 1000 ? LAST_MS / 1000 : s;
	time_text(out, s * 1000);
}

/* n digits at p as a number, -1 if one is not a digit. */
static int number(const char *p, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (digit(p[i]) < 0)
			return -1;
		v = v * 10 + digit(p[i]);
	}
	return v;
}

bool text_parse_time(struct text_span s, int64_t *ms)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd";
	int y, mon, d, h, min, sec, frac = 0;
	int64_t day;

	*ms = 0;
	if ((s.n != 20 && s.n != 24) || s.p[s.n - 1] != 'Z' || (s.n == 24 && s.p[19] != '.'))
		return false;
	for (size_t i = 0; i < sizeof(shape) - 1; i++)
		if (shape[i] == 'd' ? digit(s.p[i]) < 0 : s.p[i] != shape[i])
			return false;
	y = number(s.p, 4);
	mon = number(s.p + 5, 2);
	d = number(s.p + 8, 2);
	h = number(s.p + 11, 2);
	min = number(s.p + 14, 2);
	sec = number(s.p + 17, 2);
	if (s.n == 24)
		frac = number(s.p + 20, 3);
	if (y < 1970 || mon < 1 || mon > 12 || d < 1 || d > month_days(y, mon))
		return false;
	if (h > 23 || min > 59 || sec > 59 || frac < 0) /* leap seconds are not in POSIX time */
		return false;
	day = year_start(y) + d - 1;
	for (int m = 1; m < mon; m++)
		day += month_days(y, m);
	*ms = day * DAY_MS + (h * 3600 + min * 60 + sec) * INT64_C(1000) + frac;
	return true;
}
