/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/provenance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/provenance_value.h"

#define ORIGINS "origins"

struct provenance {
	struct record *r; /* borrowed */
	const struct moment_zone *zone;
	struct record *origin; /* key of a field -> source */

	/* of the source being added */
	const char *source;
	const struct record *claims;
	bool percent;
	provenance_unread *unread;
	void *ctx;
};

int provenance_new(struct provenance **out, struct record *r, const struct moment_zone *zone)
{
	struct provenance *p = calloc(1, sizeof(*p));

	*out = NULL;
	if (!p || record_new(&p->origin) != 0) {
		free(p);
		return ERR_NOMEM;
	}
	p->r = r;
	p->zone = zone;
	*out = p;
	return 0;
}

void provenance_free(struct provenance *p)
{
	if (!p)
		return;
	record_free(p->origin);
	free(p);
}

/* ---- what goes into the record ---- */

static bool equal(struct text_span a, struct text_span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* The source's own words, under its prefix. */
static int keep(struct provenance *p, const char *name, struct text_span v)
{
	char key[RECORD_KEY_MAX + 1];

	if (snprintf(key, sizeof(key), "%s.%s", p->source, name) >= (int)sizeof(key))
		return ERR_USAGE;
	return record_set(p->r, key, v.p, v.n);
}

static int put(struct provenance *p, const char *key, struct text_span v)
{
	int rc = record_set(p->r, key, v.p, v.n);

	return rc ? rc : record_set_text(p->origin, key, p->source);
}

static int put_text(struct provenance *p, const char *key, const char *v)
{
	return put(p, key, (struct text_span){v, strlen(v)});
}

static bool from_here(const struct provenance *p, const char *key)
{
	struct text_span v;

	return record_get(p->origin, key, &v) && text_is(v, p->source);
}

static int unreadable(struct provenance *p, const char *name, struct text_span v, const char *why)
{
	if (p->unread)
		p->unread(p->ctx, name, v, why);
	return keep(p, name, v);
}

/* A value for a field: it becomes the field's, if that has none yet. */
static int say(struct provenance *p, const struct field *f, const char *key, const char *name,
	       struct text_span v)
{
	struct wire_out value = {0};
	struct text_span there, said;
	const char *why;
	int rc = 0;

	/* Nothing is said by nothing; but that there is no plate is a reading. */
	if (v.n == 0 && strcmp(f->name, "plate_text") != 0)
		return keep(p, name, v);
	why = provenance_value(&value, f->kind, v, p->percent);
	if (!wire_out_ok(&value)) {
		rc = ERR_NOMEM;
		goto out;
	}
	said = (struct text_span){value.n ? (const char *)value.p : "", value.n};
	if (why)
		rc = unreadable(p, name, v, why);
	else if (record_get(p->r, key, &there))
		rc = equal(there, said) ? 0 : keep(p, name, v);
	else if ((rc = put(p, key, said)) == 0 && !equal(v, said))
		rc = keep(p, name, v);
out:
	wire_out_wipe(&value);
	return rc;
}

/* ---- the time of capture ---- */

static int put_local(struct provenance *p, const char *local)
{
	int rc = put_text(p, "captured_local", local);

	return rc ? rc : put_text(p, "captured_zone", "unknown");
}

/* A local time stays in the record as what the clock showed, also when the zone is known. */
static int say_local(struct provenance *p, const char *name, struct text_span v, int64_t ms)
{
	char local[MOMENT_LOCAL_SIZE], utc_text[TEXT_TIME_SIZE], zone[MOMENT_ZONE_SIZE + 16];
	struct text_span there;
	int64_t utc;
	int rc;

	moment_local_text(local, ms);
	if (record_get(p->r, "captured_at", &there) || record_get(p->r, "captured_local", &there))
		return text_is(there, local) ? 0 : keep(p, name, v);
	rc = put_local(p, local);
	if (rc == 0 && p->zone && moment_zone_utc(p->zone, ms, &utc)) {
		text_time_ms(utc_text, utc);
		snprintf(zone, sizeof(zone), "%s (assumed)", p->zone->name);
		rc = put_text(p, "captured_at", utc_text);
		if (rc == 0)
			rc = put_text(p, "captured_zone", zone);
	}
	return rc || text_is(v, local) ? rc : keep(p, name, v);
}

/* captured_at, captured_local: either may hold a time with a zone or without. */
static int say_time(struct provenance *p, const char *name, struct text_span v)
{
	char utc[TEXT_TIME_SIZE];
	struct text_span there;
	struct moment m;
	int rc;

	if (!moment_parse(&m, v))
		return unreadable(p, name, v, "is no time");
	if (m.local)
		return say_local(p, name, v, m.ms);
	text_time_ms(utc, m.ms);
	if (record_get(p->r, "captured_at", &there))
		return text_is(there, utc) ? 0 : keep(p, name, v);
	/* A better source that knew no zone has the field: one record, one time. */
	if (record_get(p->r, "captured_local", &there) && !from_here(p, "captured_local"))
		return keep(p, name, v);
	rc = put_text(p, "captured_at", utc);
	if (rc == 0)
		rc = put_text(p, "captured_zone", m.zone);
	return rc || text_is(v, utc) ? rc : keep(p, name, v);
}

/* Who told the time: the source's own word for it, if the time is that source's. */
static int say_time_source(struct provenance *p)
{
	static const char name[] = "captured_at_source";
	bool ours = from_here(p, "captured_at") || from_here(p, "captured_local");
	struct text_span v;

	if (!record_get(p->claims, name, &v) || !v.n)
		return ours ? put_text(p, name, p->source) : 0;
	return ours ? put(p, name, v) : keep(p, name, v);
}

static int say_when(struct provenance *p)
{
	static const char *const names[] = {"captured_at", "captured_local"};
	struct text_span v;
	int rc = 0;

	for (size_t i = 0; i < 2 && rc == 0; i++)
		if (record_get(p->claims, names[i], &v))
			rc = v.n ? say_time(p, names[i], v) : keep(p, names[i], v);
	if (rc == 0 && record_get(p->claims, "captured_zone", &v))
		rc = keep(p, "captured_zone", v);
	return rc ? rc : say_time_source(p);
}

/* ---- groups ---- */

static bool said_elsewhere(const struct provenance *p, const char *key)
{
	struct text_span v;

	return record_get(p->r, key, &v) && !from_here(p, key);
}

static int say_where(struct provenance *p)
{
	bool other = said_elsewhere(p, "latitude") || said_elsewhere(p, "longitude");
	const struct field *f;
	struct text_span v, there;
	int rc = 0;

	for (size_t i = 0; (f = field_at(i)) && rc == 0; i++) {
		if (f->group != FIELD_WHERE || !record_get(p->claims, f->name, &v))
			continue;
		if (other && !record_get(p->r, f->name, &there))
			rc = keep(p, f->name, v);
		else
			rc = say(p, f, f->name, f->name, v);
	}
	return rc;
}

/* The reading of the record that the source's n-th speaks of: the one of the same plate, or a new
 * one where no better source has any. 0 for none. */
static unsigned same_reading(const struct provenance *p, unsigned nth, bool other)
{
	struct text_span text, there;

	if (!other)
		return nth;
	if (!field_reading(p->claims, "plate_text", nth, &text))
		return 0;
	for (unsigned i = 1; i <= FIELD_PLATES_MAX; i++)
		if (field_reading(p->r, "plate_text", i, &there) && equal(text, there))
			return i;
	return 0;
}

static int say_reading(struct provenance *p, unsigned nth, unsigned to)
{
	char key[RECORD_KEY_MAX + 1], name[RECORD_KEY_MAX + 1];
	const struct field *f;
	struct text_span v;
	int rc = 0;

	for (size_t i = 0; (f = field_at(i)) && rc == 0; i++) {
		if (f->group != FIELD_READING || !field_reading(p->claims, f->name, nth, &v))
			continue;
		field_key(name, f->name, nth);
		field_key(key, f->name, to);
		rc = to ? say(p, f, key, name, v) : keep(p, name, v);
	}
	return rc;
}

static int say_readings(struct provenance *p)
{
	bool other = said_elsewhere(p, "plate_text");
	unsigned n = field_readings(p->claims);
	int rc = 0;

	for (unsigned i = 1; i <= n && rc == 0; i++)
		rc = say_reading(p, i, same_reading(p, i, other));
	return rc;
}

/* Fields that stand alone, and what is no field. */
static int say_others(struct provenance *p)
{
	const struct field *f;
	struct text_span v;
	const char *key;
	int rc = 0;

	for (size_t i = 0; i < record_count(p->claims) && rc == 0; i++) {
		record_at(p->claims, i, &key, &v);
		f = field_find(key, NULL);
		if (!f)
			rc = keep(p, key, v);
		else if (f->group == FIELD_ALONE)
			rc = say(p, f, key, key, v);
	}
	return rc;
}

int provenance_add(struct provenance *p, const char *source, const struct record *claims,
		   bool percent, provenance_unread *unread, void *ctx)
{
	int rc;

	p->source = source;
	p->claims = claims;
	p->percent = percent;
	p->unread = unread;
	p->ctx = ctx;
	rc = say_when(p);
	if (rc == 0)
		rc = say_where(p);
	if (rc == 0)
		rc = say_readings(p);
	return rc ? rc : say_others(p);
}

int provenance_end(struct provenance *p)
{
	struct wire_out text = {0};
	struct text_span v;
	const char *key;
	int rc;

	for (size_t i = 0; i < record_count(p->origin); i++) {
		record_at(p->origin, i, &key, &v);
		wire_out_printf(&text, "%s%s=%.*s", i ? " " : "", key, (int)v.n, v.p);
	}
	rc = wire_out_ok(&text) ? 0 : ERR_NOMEM;
	if (rc == 0 && text.n)
		rc = record_set(p->r, ORIGINS, text.p, text.n);
	wire_out_free(&text);
	return rc;
}
