/* SPDX-License-Identifier: Apache-2.0 */
#include "index/facts.h"

#include <string.h>

#define WHOLE 10000u /* a confidence of 1 */

/* Of an item as a whole, and of a reading. */
enum name {
	CAPTURED = FACTS_TEXTS, /* after the texts */
	CAPTURED_LOCAL,
	NAMES
};
enum of_reading { PLATE, REGION, HIT, CONFIDENCE, OF_READING };

static const char *const names[NAMES] = {
	[FACTS_PORT] = "port",
	[FACTS_SITE] = "site_id",
	[FACTS_LANE] = "lane",
	[FACTS_CAMERA] = "camera_id",
	[FACTS_CAMERA_NAME] = "camera_name",
	[FACTS_EVENT] = "event_id",
	[FACTS_SYSTEM] = "source_system",
	[FACTS_ROLE] = "role",
	[FACTS_CASE] = "case",
	[CAPTURED] = "captured_at",
	[CAPTURED_LOCAL] = "captured_local",
};
static const char *const reading_names[OF_READING] = {
	[PLATE] = "plate_text",
	[REGION] = "plate_region",
	[HIT] = "hit",
	[CONFIDENCE] = "plate_confidence",
};

/* Who says it: the lower goes first. */
enum rank { FIELD, MANIFEST, META, NOBODY };

struct claim {
	struct text_span v;
	enum rank rank;
};
struct claims {
	struct claim whole[NAMES];
	struct claim reading[FACTS_READINGS][OF_READING];
	unsigned readings; /* up to the last that has a claim */
};

const char *facts_clock_name(enum facts_clock c)
{
	return c == FACTS_CAPTURED ? "captured_at" : c == FACTS_LOCAL ? "captured_local" : "mtime";
}

/* Not within a character. */
static size_t cut(const char *p, size_t n, size_t max)
{
	if (n <= max)
		return n;
	while (max > 0 && ((uint8_t)p[max] & 0xc0) == 0x80)
		max--;
	return max;
}

/* ---- what the record says ---- */

static void claim(struct claim *c, enum rank rank, struct text_span v)
{
	if (rank < c->rank && v.n)
		*c = (struct claim){v, rank};
}

/* The number of a reading behind the dot, from 2 on; 1 where there is nothing, 0 for what is none. */
static unsigned number(const char *p)
{
	unsigned v = 0;

	if (!*p)
		return 1;
	if (*p++ != '.' || *p < '1' || *p > '9')
		return 0;
	for (; *p >= '0' && *p <= '9' && v <= FACTS_READINGS; p++)
		v = 10 * v + (unsigned)(*p - '0');
	return *p || v < 2 || v > FACTS_READINGS ? 0 : v;
}

static void take(struct claims *c, const char *key, struct text_span v)
{
	enum rank rank = FIELD;

	if (strncmp(key, "meta.", 5) == 0) {
		key += 5;
		rank = META;
	} else if (strncmp(key, "manifest.", 9) == 0) {
		key += 9;
		rank = MANIFEST;
	}
	for (unsigned i = 0; i < NAMES; i++) {
		if (names[i][0] == key[0] && strcmp(names[i], key) == 0) {
			claim(&c->whole[i], rank, v);
			return;
		}
	}
	for (unsigned i = 0; i < OF_READING; i++) {
		size_t n = strlen(reading_names[i]);
		unsigned nth;

		if (strncmp(reading_names[i], key, n) != 0 || (nth = number(key + n)) == 0)
			continue;
		for (; c->readings < nth; c->readings++)
			for (unsigned k = 0; k < OF_READING; k++)
				c->reading[c->readings][k] = (struct claim){{"", 0}, NOBODY};
		claim(&c->reading[nth - 1][i], rank, v);
		return;
	}
}

static void read_claims(struct claims *c, const struct record *r)
{
	struct text_span v;
	const char *key;

	c->readings = 0;
	for (unsigned i = 0; i < NAMES; i++)
		c->whole[i] = (struct claim){{"", 0}, NOBODY};
	for (size_t i = 0; i < record_count(r); i++) {
		record_at(r, i, &key, &v);
		take(c, key, v);
	}
}

/* ---- values ---- */

size_t facts_plate(char out[FACTS_PLATE_MAX + 1], const void *text, size_t n, const char *keep)
{
	const char *p = text;
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (!(c & '\x80') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    !(keep && c && strchr(keep, c)))
			continue;
		if (len == FACTS_PLATE_MAX) {
			/* Not within a character. */
			if (((uint8_t)c & 0xc0) == 0x80) {
				while (len > 0 && ((uint8_t)out[len - 1] & 0xc0) == 0x80)
					len--;
				len -= len > 0;
			}
			break;
		}
		out[len++] = c;
	}
	out[len] = '\0';
	return len;
}

bool facts_confidence(struct text_span s, uint16_t *out)
{
	uint64_t whole = 0, fraction = 0, scale = WHOLE;
	bool digits = false, point = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '.' && !point) {
			point = true;
			continue;
		}
		if (c < '0' || c > '9' || whole > 100)
			return false;
		digits = true;
		if (!point) {
			whole = whole * 10 + (uint64_t)(c - '0');
		} else if (scale > 1) {
			scale /= 10;
			fraction += (uint64_t)(c - '0') * scale;
		}
	}
	whole = whole * WHOLE + fraction;
	if (whole > WHOLE)
		whole /= 100; /* of a hundred */
	*out = (uint16_t)whole;
	return digits && whole <= WHOLE;
}

/* ---- time ---- */

/* "2026-11-01T10:34:07.482", with or without a Z or a fraction; as if it were UTC. */
static bool parse_clock(struct text_span v, int64_t *ms)
{
	char text[TEXT_TIME_SIZE];
	size_t n = v.n > 0 && v.p[v.n - 1] == 'Z' ? v.n - 1 : v.n;

	if (n + 2 > sizeof(text))
		return false;
	memcpy(text, v.p, n);
	text[n] = 'Z';
	return text_parse_time((struct text_span){text, n + 1}, ms);
}

static void set_time(struct facts *f, const struct claims *c, int64_t mtime_ns)
{
	const struct text_span utc = c->whole[CAPTURED].v, local = c->whole[CAPTURED_LOCAL].v;

	f->clock = FACTS_CAPTURED;
	if (text_parse_time(utc, &f->time_ms))
		return;
	f->clock = FACTS_LOCAL;
	/* A manifest may say a time without a zone where it should say UTC. */
	if (parse_clock(local, &f->time_ms) || parse_clock(utc, &f->time_ms))
		return;
	f->clock = FACTS_MODIFIED;
	f->time_ms = mtime_ns > 0 ? mtime_ns / 1000000 : 0;
}

static struct text_span whole(struct text_span v)
{
	return (struct text_span){v.p, cut(v.p, v.n, FACTS_TEXT_MAX)};
}

static void add_reading(struct facts *f, const struct claim c[OF_READING])
{
	struct facts_reading *g = &f->reading[f->readings];
	const struct text_span plate = c[PLATE].v;
	bool any;

	g->region = whole(c[REGION].v);
	g->hit = whole(c[HIT].v);
	any = facts_plate(g->plate, plate.p, plate.n, NULL) > 0 || g->region.n || g->hit.n;
	if (facts_confidence(c[CONFIDENCE].v, &g->confidence))
		any = true;
	else
		g->confidence = FACTS_UNSURE;
	f->readings += any;
}

void facts_of(struct facts *f, const struct record *r, int64_t mtime_ns)
{
	struct claims c;

	read_claims(&c, r);
	set_time(f, &c, mtime_ns);
	for (unsigned i = 0; i < FACTS_TEXTS; i++)
		f->text[i] = whole(c.whole[i].v);
	f->readings = 0;
	for (unsigned i = 0; i < c.readings; i++)
		add_reading(f, c.reading[i]);
}
