/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines that are not in the one form are refused, whatever is changed about them; and what is
 * accepted is JSON for jq too.
 */
#include "index/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/events.h"
#include "tests/lib/fixture.h"

static const char *const bad_bodies[] = {
	"",
	"{}",
	" @unmounted@,'uid':0",
	"@unmounted@ ,'uid':0",
	"@unmounted@, 'uid':0",
	"@unmounted@,'uid': 0",
	"@unmounted@,'uid':0 ",
	"@unmounted@\n,'uid':0",
	/* numbers */
	"@unmounted@,'uid':",
	"@unmounted@,'uid':00",
	"@unmounted@,'uid':01",
	"@unmounted@,'uid':-1",
	"@unmounted@,'uid':+1",
	"@unmounted@,'uid':1.0",
	"@unmounted@,'uid':1e3",
	"@unmounted@,'uid':'0'",
	"@unmounted@,'uid':null",
	"@unmounted@,'uid':18446744073709551616",
	"@unmounted@,'uid':99999999999999999999999",
	/* members: none, twice, more, other, elsewhere */
	"@unmounted@",
	"@unmounted@,'uid':0,'uid':0",
	"@unmounted@,'uid':0,'gid':0",
	"@unmounted@,'gid':0",
	"@unmounted@,'Uid':0",
	"@mounted@,'user':'a','uid':0",
	"@mounted@,'uid':0,'user':'a',",
	"@recovered@,'bytes':1",
	"{'seq':7,'v':1,'time':'2026-11-23T07:10:00.123Z','type':'unmounted','uid':0",
	/* strings */
	"@mounted@,'uid':0,'user':a",
	"@mounted@,'uid':0,'user':'a",
	"@mounted@,'uid':0,'user':'a'b'",
	"@mounted@,'uid':0,'user':'\\n'",
	"@mounted@,'uid':0,'user':'\\/'",
	"@mounted@,'uid':0,'user':'\\",
	"@mounted@,'uid':0,'user':'\\u'",
	"@mounted@,'uid':0,'user':'\\u0'",
	"@mounted@,'uid':0,'user':'\\u0000'",
	"@mounted@,'uid':0,'user':'\\u0041'",
	"@mounted@,'uid':0,'user':'\\u0022'",
	"@mounted@,'uid':0,'user':'\\u001F'",
	"@mounted@,'uid':0,'user':'\\u00a0'",
	"@mounted@,'uid':0,'user':'\\u0100'",
	"@mounted@,'uid':0,'user':'\x01'",
	"@mounted@,'uid':0,'user':'\t'",
	"@mounted@,'uid':0,'user':'\n'",
	"@mounted@,'uid':0,'user':'\x7f'",
	"@mounted@,'uid':0,'user':'\xc2\x80'",
	"@mounted@,'uid':0,'user':'\xc2'",
	"@mounted@,'uid':0,'user':'\xff'",
	"@mounted@,'uid':0,'user':'\xed\xa0\x80'",
	"@mounted@,'uid':0,'user':'\xc0\xaf'",
	"@mounted@,'uid':0,'user':0",
	/* ids */
	"@closed@,'item':%A5,'release':%a6,'handle':9,'bytes':1",
	"@closed@,'item':'a5','release':%a6,'handle':9,'bytes':1",
	"@closed@,'item':#a5,'release':%a6,'handle':9,'bytes':1",
	"@closed@,'item':'','release':%a6,'handle':9,'bytes':1",
	"@closed@,'release':%a6,'handle':9,'bytes':1",
	/* an optional one that is there and zero, or in the wrong place */
	"@damaged@,'item':%00,'offset':2,'length':3,'what':'open'",
	"@damaged@,'segment':%a4,'item':%a5,'offset':2,'length':3,'what':'open'",
	/* what all types have */
	"{'v':2,'seq':7,'time':'2026-11-23T07:10:00.123Z','type':'unmounted','uid':0",
	"{'v':'1','seq':7,'time':'2026-11-23T07:10:00.123Z','type':'unmounted','uid':0",
	"{'v':1,'seq':-7,'time':'2026-11-23T07:10:00.123Z','type':'unmounted','uid':0",
	"{'v':1,'seq':07,'time':'2026-11-23T07:10:00.123Z','type':'unmounted','uid':0",
	"{'v':1,'seq':7,'time':'2026-11-23T07:10:00Z','type':'unmounted','uid':0",
	"{'v':1,'seq':7,'time':'2026-11-23T07:10:00.12Z','type':'unmounted','uid':0",
	"{'v':1,'seq':7,'time':'2026-02-29T07:10:00.123Z','type':'unmounted','uid':0",
	"{'v':1,'seq':7,'time':'2026-11-23T07:10:00.123z','type':'unmounted','uid':0",
	"{'v':1,'seq':7,'time':'1969-11-23T07:10:00.123Z','type':'unmounted','uid':0",
	"{'v':1,'seq':7,'time':1795417800123,'type':'unmounted','uid':0",
	"@Unmounted@,'uid':0",
	"@@,'uid':0",
	"@un mounted@,'uid':0",
	"@unmounted\\u0001@,'uid':0",
	"@a-type-with-a-name-of-32-letters@,'uid':0",
	/* types we do not know must be JSON all the same, and not say again what all types have */
	"@future@,",
	"@future@,'a'",
	"@future@,'a':",
	"@future@,'a':1,",
	"@future@,'a':01",
	"@future@,'a':.5",
	"@future@,'a':1.",
	"@future@,'a':1e",
	"@future@,'a':-",
	"@future@,'a':tru",
	"@future@,'a':True",
	"@future@,'a':NaN",
	"@future@,'a': 1",
	"@future@,'a':[1,]",
	"@future@,'a':[1",
	"@future@,'a':[1}",
	"@future@,'a':{1}",
	"@future@,'a':{'b'}",
	"@future@,'a':{'b':1,}",
	"@future@,'a':1}",
	"@future@,'a':'\\x'",
	"@future@,'a':'\\u12'",
	"@future@,'a':'\n'",
	"@future@,'a':'\xff'",
	"@future@,'a':[[[[[[[[1]]]]]]]]",
	"@future@,'A':1",
	"@future@,'':1",
	"@future@,'\\u0073eq':1",
	"@future@,'seq':1",
	"@future@,'v':1",
	"@future@,'time':1",
	"@future@,'type':'opened'",
	"@future@,'mac':%00",
};

static void test_other_forms_are_refused(void **state)
{
	static const struct event nothing;
	struct event ev;

	(void)state;
	for (size_t i = 0; i < sizeof(bad_bodies) / sizeof(bad_bodies[0]); i++) {
		memset(&ev, 0x55, sizeof(ev));
		if (events_parse_body(&ev, bad_bodies[i]) != ERR_MALFORMED)
			fail_msg("accepted: %s", bad_bodies[i]);
		assert_memory_equal(&ev, &nothing, sizeof(ev));
	}
	/* The bodies these differ from are fine. */
	assert_int_equal(events_parse_body(&ev, "@unmounted@,'uid':0"), 0);
	assert_int_equal(events_parse_body(&ev, "@mounted@,'uid':0,'user':'\\u001f\\u0085'"), 0);
	assert_string_equal(ev.user, "\x1f\xc2\x85");
	assert_int_equal(events_parse_body(&ev, "@damaged@,'offset':2,'length':3,'what':'open'"),
			 0);
}

static void test_unknown_types(void **state)
{
	static const char *const good[] = {
		"@future@",
		"@future@,'a':1",
		"@unknown@,'uid':0",
		"@a-type-with-a-name-of-31-letter@,'a':''",
		"@future@,'a':-0.5e+7,'b_2':[],'c':{},'d':[true,false,null]",
		"@future@,'a':{'seq':'\\n\\u00fc\\\\\\'\xc3\xbc','':[{'x':[1,2]}]}",
		"@future@,'a':[[[[[[[1]]]]]]]",
	};
	struct event ev;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (events_parse_body(&ev, good[i]))
			fail_msg("refused: %s", good[i]);
		assert_int_equal(ev.type, EVENT_UNKNOWN);
		assert_int_equal(ev.seq, 7);
		assert_true(ev.time_ms == EVENTS_TIME_MS);
		assert_int_equal(ev.mac[15], 0x0f);
	}
	assert_string_equal(ev.type_name, "future");
}

static void test_ends_and_bounds(void **state)
{
	char line[EVENTS_BODY];
	struct wire_out out = {0};
	struct event ev;
	int n;

	(void)state;
	events_fill(&ev, EVENT_INGEST);
	assert_int_equal(event_format(&out, &ev, events_key), 0);
	for (size_t cut = 0; cut < out.n; cut++)
		assert_int_equal(events_parse(&ev, (const char *)out.p, cut), ERR_MALFORMED);
	wire_out_u8(&out, '\n');
	assert_int_equal(events_parse(&ev, (const char *)out.p, out.n), ERR_MALFORMED);
	out.p[out.n - 1] = ' ';
	assert_int_equal(events_parse(&ev, (const char *)out.p, out.n), ERR_MALFORMED);
	wire_out_free(&out);

	/* 255 bytes are a string, 256 are not. */
	for (int len = 255; len <= 256; len++) {
		snprintf(line, sizeof(line), "@mounted@,'uid':0,'user':'%0*d'", len, 0);
		assert_int_equal(events_parse_body(&ev, line), len == 255 ? 0 : ERR_MALFORMED);
	}
	/* With its LF a line has at most EVENT_LINE_MAX bytes. */
	events_expand(line, "@future@,'a':''");
	n = EVENT_LINE_MAX - 1 - EVENTS_MAC_TAIL - (int)strlen(line);
	for (int over = 0; over < 2; over++) {
		snprintf(line, sizeof(line), "@future@,'a':'%0*d'", n + over, 0);
		assert_int_equal(events_parse_body(&ev, line), over ? ERR_MALFORMED : 0);
	}
}

/* ---- mutations, and jq ---- */

static size_t mutate(char *line, size_t n, uint64_t *s)
{
	static const char alphabet[] = "0123456789abcdef\"\\{}[],:u.-+eE tn\x7f\xc2\x80\xff";
	size_t at = events_rnd(s) % n, other = events_rnd(s) % n;
	char c = alphabet[events_rnd(s) % (sizeof(alphabet) - 1)];

	switch (events_rnd(s) % 6) {
	case 0:
		line[at] = c;
		return n;
	case 1:
		line[at] = (char)(line[at] ^ (1 << events_rnd(s) % 8));
		return n;
	case 2:
		memmove(line + at, line + at + 1, n - at - 1);
		return n - 1;
	case 3:
		memmove(line + at + 1, line + at, n - at);
		line[at] = c;
		return n + 1;
	case 4:
		line[at] = line[other];
		return n;
	default: /* a piece of the line again, elsewhere */
		c = line[at];
		line[at] = line[other];
		line[other] = c;
		return n;
	}
}

/* What is accepted has the form that its own values give. */
static void assert_one_form(const struct event *ev, const char *line, size_t n)
{
	struct wire_out again = {0};
	char hex[33];

	assert_int_equal(event_format(&again, ev, events_key), 0);
	assert_int_equal(again.n, n);
	assert_memory_equal(again.p, line, n - EVENTS_MAC_TAIL);
	text_hex(hex, ev->mac, 16);
	assert_memory_equal(line + n - 34, hex, 32);
	wire_out_free(&again);
}

static void put_line(FILE *f, const char *p, size_t n)
{
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fputc('\n', f), '\n');
}

static unsigned write_mutants(FILE *f, unsigned *known)
{
	unsigned accepted = 0;
	uint64_t s = 3;

	for (int i = 0; i < 40000; i++) {
		char line[EVENT_LINE_MAX + 16];
		struct wire_out out = {0};
		struct event ev;
		size_t n;

		if (i % 4)
			events_fill(&ev, (enum event_type)(1 + i % (EVENT_TYPES - 1)));
		else
			events_random(&ev, &s);
		assert_int_equal(event_format(&out, &ev, events_key), 0);
		n = out.n;
		memcpy(line, out.p, n);
		for (uint64_t k = 1 + events_rnd(&s) % 3; k > 0; k--)
			n = mutate(line, n, &s);
		wire_out_free(&out);
		if (events_parse(&ev, line, n))
			continue;
		accepted++;
		put_line(f, line, n);
		if (ev.type == EVENT_UNKNOWN)
			continue;
		(*known)++;
		assert_one_form(&ev, line, n);
	}
	return accepted;
}

static unsigned write_random(FILE *f)
{
	struct wire_out out = {0};
	uint64_t s = 4;
	struct event ev;

	for (int i = 0; i < 500; i++) {
		events_random(&ev, &s);
		wire_out_reset(&out);
		assert_int_equal(event_format(&out, &ev, events_key), 0);
		put_line(f, (char *)out.p, out.n);
	}
	wire_out_free(&out);
	return 500;
}

static void test_mutated_lines_and_jq(void **state)
{
	char dir[FIXTURE_PATH], path[FIXTURE_PATH + 16], command[256];
	unsigned lines, known = 0;
	FILE *f;

	(void)state;
	fixture_dir(dir);
	snprintf(path, sizeof(path), "%s/lines", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	lines = write_mutants(f, &known);
	assert_in_range(known, 1000, 39000);
	assert_true(lines > known + 10);
	lines += write_random(f);
	assert_int_equal(fclose(f), 0);
	if (fixture_program("jq")) {
		/* One object a line, with the members all have, and no line that jq leaves out. */
		snprintf(command, sizeof(command),
			 "test \"$(jq -c 'select(.v == 1 and (.seq|type) == \"number\" and "
			 "(.mac|length) == 32)' lines | wc -l)\" -eq %u",
			 lines);
		assert_int_equal(fixture_run(dir, command), 0);
		assert_int_equal(fixture_run(dir, "jq -e . lines"), 0);
	}
	fixture_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_forms_are_refused),
		cmocka_unit_test(test_unknown_types),
		cmocka_unit_test(test_ends_and_bounds),
		cmocka_unit_test(test_mutated_lines_and_jq),
	};

	return cmocka_run_group_tests_name("event_json", tests, NULL, NULL);
}
