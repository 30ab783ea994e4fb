/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define ZONES "/usr/share/zoneinfo"

/* ---- reading ---- */

static bool digits(struct text_span s, size_t at, size_t n)
{
	if (at + n > s.n)
		return false;
	for (size_t i = at; i < at + n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static struct text_span trim(struct text_span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && strchr(" \t\r\n", s.p[s.n - 1]) && s.p[s.n - 1])
		s.n--;
	return s;
}

/* "yyyy?mm?dd" with one of three separators, the same twice: into out as ISO 8601 has it. */
static bool date(struct text_span s, char out[11])
{
	if (s.n < 10 || !digits(s, 0, 4) || !digits(s, 5, 2) || !digits(s, 8, 2))
		return false;
	if (!strchr("-:/", s.p[4]) || s.p[4] == '\0' || s.p[7] != s.p[4])
		return false;
	snprintf(out, 11, "%.4s-%.2s-%.2s", s.p, s.p + 5, s.p + 8);
	return true;
}

/* Behind the time: nothing, or a zone. */
static bool zone(struct text_span s, struct moment *m)
{
	int h, min = 0;

	s = trim(s);
	m->local = s.n == 0;
	if (m->local)
		return true;
	if (text_is(s, "Z") || text_is(s, "z") || text_is(s, "UTC") || text_is(s, "GMT")) {
		strcpy(m->zone, "Z");
		return true;
	}
	if ((s.p[0] != '+' && s.p[0] != '-') || !digits(s, 1, 2))
		return false;
	h = 10 * (s.p[1] - '0') + s.p[2] - '0';
	if (s.n == 6 && s.p[3] == ':' && digits(s, 4, 2))
		min = 10 * (s.p[4] - '0') + s.p[5] - '0';
	else if (s.n == 5 && digits(s, 3, 2))
		min = 10 * (s.p[3] - '0') + s.p[4] - '0';
	else if (s.n != 3)
		return false;
	if (h > 14 || min > 59) /* the farthest zones there are: -12:00 and +14:00 */
		return false;
	snprintf(m->zone, sizeof(m->zone), "%c%02d:%02d", s.p[0], h, min);
	m->ms += (s.p[0] == '-' ? 1 : -1) * (int64_t)(60 * h + min) * 60000;
	return true;
}

static bool calendar(struct moment *m, struct text_span s)
{
	char text[TEXT_TIME_SIZE] = "dddd-dd-ddThh:mm:ss.000Z";
	size_t at = 16, n = 0;

	if (!date(s, text) || s.n < 16 || !strchr("T t_", s.p[10]) || s.p[10] == '\0')
		return false;
	text[10] = 'T';
	if (!digits(s, 11, 2) || s.p[13] != ':' || !digits(s, 14, 2))
		return false;
	memcpy(text + 11, s.p + 11, 5);
	memcpy(text + 17, "00", 2);
	if (at < s.n && s.p[at] == ':') {
		if (!digits(s, 17, 2))
			return false;
		memcpy(text + 17, s.p + 17, 2);
		at = 19;
	}
	if (at == 19 && at < s.n && (s.p[at] == '.' || s.p[at] == ',')) {
		while (digits(s, at + 1 + n, 1)) {
			if (n < 3)
				text[20 + n] = s.p[at + 1 + n];
			n++;
		}
		if (n == 0)
			return false;
		at += 1 + n;
	}
	return text_parse_time((struct text_span){text, 24}, &m->ms) &&
	       zone((struct text_span){s.p + at, s.n - at}, m);
}

/* Since 1970: 9 and 10 digits are seconds (1973 to 2286), three or six more are finer. */
static bool epoch(struct moment *m, struct text_span s)
{
	const char *dot = memchr(s.p, '.', s.n);
	size_t n = dot ? (size_t)(dot - s.p) : s.n, frac = dot ? s.n - n - 1 : 0;
	uint64_t v;

	if (!text_u64((struct text_span){s.p, n}, &v) || n < 9 || n > 16)
		return false;
	if (dot && (n > 10 || frac == 0 || !digits(s, n + 1, frac)))
		return false;
	if (n == 11 || n == 14)
		return false; /* neither */
	m->ms = (int64_t)(n <= 10 ? v * 1000 : n <= 13 ? v : v / 1000);
	for (size_t i = 0, unit = 100; i < frac && i < 3; i++, unit /= 10)
		m->ms += (int64_t)unit * (dot[1 + i] - '0');
	strcpy(m->zone, "epoch");
	return true;
}

bool moment_parse(struct moment *m, struct text_span s)
{
	*m = (struct moment){0};
	s = trim(s);
	if (s.n == 0)
		return false;
	return (calendar(m, s) || (*m = (struct moment){0}, epoch(m, s))) && m->ms >= 0;
}

bool moment_parse_date(char out[11], struct text_span s)
{
	char text[TEXT_TIME_SIZE] = "dddd-dd-ddT00:00:00Z";
	struct moment m;
	int64_t ms;

	s = trim(s);
	if (s.n == 10 && date(s, text)) {
		text[10] = 'T';
		if (!text_parse_time((struct text_span){text, 20}, &ms))
			return false;
	} else if (moment_parse(&m, s)) {
		text_time_ms(text, m.ms);
	} else {
		return false;
	}
	snprintf(out, 11, "%.10s", text);
	return true;
}

void moment_local_text(char out[MOMENT_LOCAL_SIZE], int64_t ms)
{
	char text[TEXT_TIME_SIZE];

	text_time_ms(text, ms);
	snprintf(out, MOMENT_LOCAL_SIZE, "%.23s", text);
}

/* ---- zones ---- */

static bool fixed_zone(struct moment_zone *z)
{
	struct moment m = {0};

	if (!zone((struct text_span){z->name, strlen(z->name)}, &m) || m.local)
		return false;
	z->fixed = true;
	z->offset = (int32_t)(-m.ms / 1000);
	return true;
}

int moment_zone_parse(struct moment_zone *z, const char *name, struct err *e)
{
	char path[sizeof(ZONES) + MOMENT_ZONE_SIZE];
	struct stat st;

	*z = (struct moment_zone){0};
	if (!*name || strlen(name) >= sizeof(z->name))
		return err_set(e, ERR_USAGE, "`%.70s` is no time zone", name);
	strcpy(z->name, name);
	if (fixed_zone(z))
		return 0;
	snprintf(path, sizeof(path), ZONES "/%s", name);
	/* The C library takes what it does not know for UTC without a word. */
	if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") !=
		    strlen(name) ||
	    name[0] == '/' || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE,
			       "`%s` is no time zone of this machine: name one as in "
			       "America/Chicago (package tzdata), or an offset as in -06:00",
			       name);
	if (setenv("TZ", name, 1) != 0)
		return err_sys(e, "can't set the time zone");
	tzset();
	return 0;
}

/* Does the clock of the zone show `local` at t? */
static bool shows(time_t t, const struct tm *local)
{
	struct tm tm;

	return localtime_r(&t, &tm) && tm.tm_year == local->tm_year &&
	       tm.tm_yday == local->tm_yday && tm.tm_hour == local->tm_hour &&
	       tm.tm_min == local->tm_min && tm.tm_sec == local->tm_sec;
}

bool moment_zone_utc(const struct moment_zone *z, int64_t local_ms, int64_t *utc_ms)
{
	time_t as_utc = (time_t)(local_ms / 1000), found = 0;
	unsigned times = 0;
	struct tm local;

	*utc_ms = local_ms - (int64_t)z->offset * 1000;
	if (z->fixed)
		return *utc_ms >= 0;
	gmtime_r(&as_utc, &local);
	/* Offsets are quarters of an hour today, and were seconds once: the library is asked which
	 * ones are in force that day, and each is tried. */
	for (int day = -1; day <= 1; day++) {
		time_t near = as_utc + day * 86400;
		struct tm tm;

		if (!localtime_r(&near, &tm) || !shows(as_utc - tm.tm_gmtoff, &local))
			continue;
		if (times == 0 || found != as_utc - tm.tm_gmtoff)
			times++;
		found = as_utc - tm.tm_gmtoff;
	}
	*utc_ms = (int64_t)found * 1000 + local_ms % 1000;
	return times == 1 && *utc_ms >= 0;
}
