/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journal lines: the exact form of every type, and format and parse as inverses over random events
 * and random bytes. What is refused: test_event_json.c.
 */
#include "index/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "tests/lib/events.h"

static struct text_span span_of(const struct wire_out *w)
{
	return (struct text_span){(const char *)w->p, w->n};
}

/* Format; check that the line is within its bound and bears its MAC. */
static void format(struct wire_out *out, const struct event *ev)
{
	char hex[33];
	uint8_t mac[HASH_SIZE];
	struct hash_part part[2];

	wire_out_reset(out);
	assert_int_equal(event_format(out, ev, events_key), 0);
	assert_in_range(out->n, EVENTS_MAC_TAIL + 1, EVENT_LINE_MAX - 1);
	part[0] = (struct hash_part){events_key.archive, 16};
	part[1] = (struct hash_part){out->p, out->n - EVENTS_MAC_TAIL};
	hash_hmac(mac, events_key.journal, 32, part, 2);
	text_hex(hex, mac, 16);
	assert_memory_equal(out->p + out->n - EVENTS_MAC_TAIL, ",\"mac\":\"", 8);
	assert_memory_equal(out->p + out->n - 34, hex, 32);
	assert_memory_equal(out->p + out->n - 2, "\"}", 2);
	assert_int_equal(event_check_mac(span_of(out), events_key), 0);
}

static void test_every_type_has_its_form(void **state)
{
	char want[EVENTS_BODY];
	struct wire_out out = {0};
	struct event ev, back;

	(void)state;
	for (int type = 1; type < EVENT_TYPES; type++) {
		events_fill(&ev, (enum event_type)type);
		events_golden(want, ev.type);
		format(&out, &ev);
		assert_int_equal(out.n - EVENTS_MAC_TAIL, strlen(want));
		assert_memory_equal(out.p, want, out.n - EVENTS_MAC_TAIL);
		assert_int_equal(events_parse(&back, (const char *)out.p, out.n), 0);
		assert_int_equal(back.type, ev.type);
		assert_string_equal(back.type_name, event_type_name(ev.type));
		assert_int_equal(back.seq, 7);
		assert_true(back.time_ms == EVENTS_TIME_MS);
	}
	assert_string_equal(event_type_name(EVENT_UNKNOWN), "unknown");
	assert_string_equal(event_type_name(EVENT_TYPES), "unknown");
	wire_out_free(&out);
}

static void test_what_cannot_be_formatted(void **state)
{
	struct wire_out out = {0};
	struct event ev;

	(void)state;
	wire_out_text(&out, "before");
	events_fill(&ev, EVENT_UNKNOWN);
	assert_int_equal(event_format(&out, &ev, events_key), ERR_USAGE);
	events_fill(&ev, EVENT_TYPES);
	assert_int_equal(event_format(&out, &ev, events_key), ERR_USAGE);
	events_fill(&ev, EVENT_UNMOUNTED);
	ev.time_ms = -1;
	assert_int_equal(event_format(&out, &ev, events_key), ERR_USAGE);
	ev.time_ms = INT64_C(253402300800000); /* the year 10000 */
	assert_int_equal(event_format(&out, &ev, events_key), ERR_USAGE);
	assert_int_equal(out.n, 6);
	ev.time_ms--;
	assert_int_equal(event_format(&out, &ev, events_key), 0);
	ev.time_ms = 0;
	assert_int_equal(event_format(&out, &ev, events_key), 0);
	wire_out_free(&out);
}

/* ev without what its type does not have, by way of event_field(). */
static void assert_same_fields(const struct event *a, const struct event *b)
{
	char va[EVENT_VALUE_MAX], vb[EVENT_VALUE_MAX];
	const char *na, *nb;
	bool qa, qb, more;

	assert_int_equal(a->type, b->type);
	assert_true(a->seq == b->seq && a->time_ms == b->time_ms);
	for (unsigned i = 0;; i++) {
		more = event_field(a, i, &na, va, sizeof(va), &qa);
		assert_int_equal(more, event_field(b, i, &nb, vb, sizeof(vb), &qb));
		if (!more)
			return;
		assert_string_equal(na, nb);
		assert_string_equal(va, vb);
		assert_int_equal(qa, qb);
	}
}

static void test_random_events_come_back(void **state)
{
	uint64_t s = 1;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct wire_out line = {0}, again = {0};
		struct event ev, back, twice;

		events_random(&ev, &s);
		format(&line, &ev);
		assert_int_equal(events_parse(&back, (const char *)line.p, line.n), 0);
		assert_same_fields(&ev, &back);
		format(&again, &back);
		assert_int_equal(again.n, line.n);
		assert_memory_equal(again.p, line.p, line.n);
		/* Bit for bit: what is parsed is all that is set. */
		assert_int_equal(events_parse(&twice, (const char *)again.p, again.n), 0);
		assert_memory_equal(&twice, &back, sizeof(back));
		wire_out_free(&line);
		wire_out_free(&again);
	}
}

/* String fields that hold any bytes give a line that parses and has one form. */
static void test_random_bytes_in_strings(void **state)
{
	uint64_t s = 2;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct wire_out line = {0}, again = {0};
		struct event ev, back;

		events_fill(&ev, EVENT_REFUSED);
		for (size_t k = 0; k < EVENT_STR_MAX; k++) { /* often without any NUL */
			ev.user[k] = (char)(events_rnd(&s) % (i % 2 ? 256 : 255) + (i % 2 ? 0 : 1));
			ev.program[k] = (char)(0x80 + events_rnd(&s) % 128);
		}
		format(&line, &ev);
		assert_int_equal(events_parse(&back, (const char *)line.p, line.n), 0);
		format(&again, &back);
		assert_int_equal(again.n, line.n);
		assert_memory_equal(again.p, line.p, line.n);
		wire_out_free(&line);
		wire_out_free(&again);
	}
}

static const char *user_of(const char *field, struct event *back)
{
	struct wire_out line = {0};
	struct event ev;

	events_fill(&ev, EVENT_MOUNTED);
	memset(ev.user, 'z', sizeof(ev.user));
	memcpy(ev.user, field, strnlen(field, EVENT_STR_MAX));
	if (strnlen(field, EVENT_STR_MAX) < EVENT_STR_MAX)
		ev.user[strlen(field)] = '\0';
	format(&line, &ev);
	assert_int_equal(events_parse(back, (const char *)line.p, line.n), 0);
	wire_out_free(&line);
	return back->user;
}

static void test_cutting_at_a_character(void **state)
{
	char s[EVENT_STR_MAX + 8], want[EVENT_STR_MAX];
	struct event back;

	(void)state;
	/* Nothing to cut. */
	memset(s, 'a', sizeof(s));
	s[255] = '\0';
	assert_string_equal(user_of(s, &back), s);
	/* No NUL at all: 255 bytes stay. */
	memset(want, 'a', sizeof(want));
	want[255] = '\0';
	memset(s, 'a', sizeof(s));
	s[EVENT_STR_MAX] = '\0';
	assert_string_equal(user_of(s, &back), want);
	/* The last character was cut by who filled the field (snprintf leaves 255 bytes). */
	for (size_t keep = 1; keep < 4; keep++) {
		memset(s, 'a', sizeof(s));
		memcpy(s + 255 - keep, "\xf0\x9f\x9a\x97", keep);
		s[255] = '\0';
		want[255 - keep] = '\0';
		assert_string_equal(user_of(s, &back), want);
		want[255 - keep] = 'a';
	}
	/* A character that ends at byte 256 does not fit. */
	memset(s, 'a', sizeof(s));
	memcpy(s + 253, "\xe2\x82\xac", 3);
	s[256] = '\0';
	want[253] = '\0';
	assert_string_equal(user_of(s, &back), want);
	/* In a short string half a character is an error, not a cut. */
	assert_string_equal(user_of("ab\xe2\x82", &back), "ab\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(user_of("\xff", &back), "\xef\xbf\xbd");
	assert_string_equal(user_of("a\xc0\x80z", &back), "a\xef\xbf\xbd\xef\xbf\xbdz");
	/* U+FFFD takes three bytes for one: 85 of them fill the field. */
	memset(s, '\xff', sizeof(s));
	s[200] = '\0';
	assert_int_equal(strlen(user_of(s, &back)), 255);
	assert_string_equal(user_of("", &back), "");
}

static void test_longest_line(void **state)
{
	struct wire_out line = {0};
	struct event ev;

	(void)state;
	for (int t = 1; t < EVENT_TYPES; t++) {
		events_fill(&ev, (enum event_type)t);
		char *strs[] = {ev.version, ev.user,   ev.host,	  ev.kind,
				ev.what,    ev.reason, ev.program};
		uint64_t *nums[] = {&ev.epoch,	 &ev.offset,	 &ev.length, &ev.headlen,
				    &ev.items,	 &ev.accessions, &ev.bytes,  &ev.uid,
				    &ev.pid,	 &ev.handle,	 &ev.count,  &ev.seq,
				    &ev.loginuid};

		for (size_t i = 0; i < sizeof(strs) / sizeof(strs[0]); i++)
			memset(strs[i], 1, EVENT_STR_MAX);
		for (size_t i = 0; i < sizeof(nums) / sizeof(nums[0]); i++)
			*nums[i] = UINT64_MAX;
		format(&line, &ev); /* which checks the bound */
	}
	wire_out_free(&line);
}

static void test_mac(void **state)
{
	struct wire_out out = {0};
	struct event_key key = events_key;
	uint8_t other[32];
	struct event ev;

	(void)state;
	events_fill(&ev, EVENT_OPENED);
	format(&out, &ev);
	memcpy(other, events_key.journal, 32);
	other[0] ^= 1;
	key.journal = other;
	assert_int_equal(event_check_mac(span_of(&out), key), ERR_FORGED);
	key = events_key;
	key.archive = other;
	assert_int_equal(event_check_mac(span_of(&out), key), ERR_FORGED);
	for (size_t i = 0; i < out.n; i++) {
		out.p[i] ^= 1;
		assert_int_equal(event_check_mac(span_of(&out), events_key), ERR_FORGED);
		out.p[i] ^= 1;
	}
	for (size_t n = 0; n < out.n; n++)
		assert_int_equal(event_check_mac((struct text_span){(char *)out.p, n}, events_key),
				 ERR_FORGED);
	assert_int_equal(event_check_mac((struct text_span){NULL, 0}, events_key), ERR_FORGED);
	assert_int_equal(event_check_mac(span_of(&out), events_key), 0);
	wire_out_free(&out);
}

/* ---- showing ---- */

static void test_fields(void **state)
{
	static const char *const want[] = {
		"what",	   "open",	  "reason", "expired",
		"uid",	   "0",		  "user",   "a\\u0001\\\"\xc3\xbc",
		"program", "/usr/bin/cp", "count",  "10"};
	char value[EVENT_VALUE_MAX];
	struct event ev;
	const char *name;
	bool quoted;
	unsigned i;

	(void)state;
	events_fill(&ev, EVENT_REFUSED);
	memset(ev.item, 0, 16);
	memset(ev.document, 0, 16);
	memset(ev.digest, 0, 32);
	strcpy(ev.user, "a\x01\"\xc3\xbc");
	for (i = 0; event_field(&ev, i, &name, value, sizeof(value), &quoted); i++) {
		assert_in_range(i, 0, 5);
		assert_string_equal(name, want[2 * i]);
		assert_string_equal(value, want[2 * i + 1]);
		assert_int_equal(quoted, strcmp(name, "uid") != 0 && strcmp(name, "count") != 0);
	}
	assert_int_equal(i, 6);
	/* Cut, but never within an escape or a character. */
	for (size_t cap = 1; cap <= sizeof("a\\u0001\\\"\xc3\xbc"); cap++) {
		static const size_t fits[] = {0, 0, 1, 1, 1, 1, 1, 1, 7, 7, 9, 9, 11};

		assert_true(event_field(&ev, 3, &name, value, cap, &quoted));
		assert_int_equal(strlen(value), fits[cap]);
	}
	events_fill(&ev, EVENT_CLOSED);
	assert_true(event_field(&ev, 0, &name, value, sizeof(value), &quoted));
	assert_string_equal(name, "item");
	assert_string_equal(value, "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
	assert_true(quoted);
	assert_true(event_field(&ev, 3, &name, value, sizeof(value), &quoted));
	assert_string_equal(value, "18446744073709551615");
	events_fill(&ev, EVENT_UNKNOWN);
	assert_false(event_field(&ev, 0, &name, value, sizeof(value), &quoted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type_has_its_form),
		cmocka_unit_test(test_what_cannot_be_formatted),
		cmocka_unit_test(test_random_events_come_back),
		cmocka_unit_test(test_random_bytes_in_strings),
		cmocka_unit_test(test_cutting_at_a_character),
		cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
