/* SPDX-License-Identifier: Apache-2.0 */
/* search, sheet, facts, pattern: random questions against a plain comparison with every item. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/search.h"
#include "tests/lib/fixture.h"
#include "tests/lib/place.h"

#define ITEMS 1500u
#define QUESTIONS 3000u
#define JOURNALS 2u
#define WORDS_MAX (2 * (FACTS_TEXTS + 3))

/* ---- items ---- */

struct item {
	uint32_t journal;
	uint64_t seq;
	struct facts facts;
	char text[FACTS_TEXTS][8];
	char region[3][8], hit[3][8];
};

static uint32_t chance(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static void word(char out[8], uint64_t *r, const char *alphabet, unsigned max)
{
	unsigned n = chance(r) % (max + 1);

	for (unsigned i = 0; i < n; i++)
		out[i] = alphabet[chance(r) % strlen(alphabet)];
	out[n] = '\0';
}

static struct text_span span(const char *s)
{
	return (struct text_span){s, strlen(s)};
}

static void make(struct item *it, unsigned i, uint64_t *r)
{
	struct facts *f = &it->facts;

	memset(it, 0, sizeof(*it));
	it->journal = i % JOURNALS;
	it->seq = (uint64_t)i * 3 / JOURNALS;
	f->time_ms = chance(r) % 1000;
	f->clock = FACTS_CAPTURED;
	for (unsigned k = 0; k < FACTS_TEXTS; k++) {
		word(it->text[k], r, "ab0", 3);
		f->text[k] = span(it->text[k]);
	}
	f->readings = chance(r) % 4;
	for (unsigned k = 0; k < f->readings; k++) {
		struct facts_reading *g = &f->reading[k];
		char plate[8];

		word(plate, r, "ABO018I", 5);
		memcpy(g->plate, plate, sizeof(plate));
		word(it->region[k], r, "xy", 2);
		g->region = span(it->region[k]);
		word(it->hit[k], r, "s", 1);
		g->hit = span(it->hit[k]);
		g->confidence = chance(r) % 5 ? (uint16_t)(chance(r) % 10001) : FACTS_UNSURE;
	}
}

/* In several batches, backwards, so that tiles are gone on with. */
static struct item *fill(struct place *p, uint64_t *r)
{
	struct item *it = calloc(ITEMS, sizeof(*it));
	struct sheet_writer *w;

	assert_non_null(it);
	assert_int_equal(sheet_writer_new(&w), 0);
	for (unsigned i = 0; i < ITEMS; i++)
		make(&it[i], i, r);
	for (unsigned end = ITEMS; end > 0; end -= 300) {
		struct db_txn *t = place_begin(p);
		struct db_batch *b = place_batch(p);

		for (unsigned i = end; i-- > end - 300;)
			assert_int_equal(sheet_put(w, b, t, it[i].journal, it[i].seq, i + 100,
						   &it[i].facts, NULL),
					 0);
		assert_int_equal(sheet_flush(w, b, NULL), 0);
		db_abort(t);
		assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
		db_batch_free(b);
	}
	sheet_writer_free(w);
	return it;
}

/* ---- what is true ---- */

/* Wildcards, the slow way. */
static bool slow(const char *p, const char *s, enum pattern_how how)
{
	static const char from[] = "OIB", to[] = "018";
	char a = *p, b = *s;

	if (*p == '*')
		return slow(p + 1, s, how) || (*s && slow(p, s + 1, how));
	if (!*p || !*s)
		return !*p && !*s;
	if (how != PATTERN_EXACT) {
		a = a >= 'a' && a <= 'z' ? (char)(a - 32) : a;
		b = b >= 'a' && b <= 'z' ? (char)(b - 32) : b;
	}
	for (unsigned i = 0; how == PATTERN_MISREAD && from[i]; i++) {
		a = a == from[i] ? to[i] : a;
		b = b == from[i] ? to[i] : b;
	}
	return (*p == '?' || a == b) && slow(p + 1, s + 1, how);
}

static bool any(const struct search_words *w, const char *s, enum pattern_how how)
{
	for (size_t i = 0; i < w->n; i++)
		if (*s && slow(w->p[i], s, how))
			return true;
	return w->n == 0;
}

static bool holds(const struct lineset *s, uint64_t line)
{
	uint64_t at = line;

	return lineset_next(s, &at) && at == line;
}

static bool fits(const struct search_ask *a, const struct item *it)
{
	bool reading = !a->plate.n && !a->region.n && !a->hit.n && !a->confidence;

	if (it->facts.time_ms < a->from_ms || it->facts.time_ms > a->to_ms)
		return false;
	if (a->only && !holds(&a->only[it->journal].set, it->seq))
		return false;
	for (unsigned i = 0; i < FACTS_TEXTS; i++) {
		bool ok = any(&a->text[i], it->text[i],
			      i == FACTS_CASE ? PATTERN_EXACT : PATTERN_PLAIN);

		if (i == FACTS_CAMERA)
			ok = ok || any(&a->text[i], it->text[FACTS_CAMERA_NAME], PATTERN_PLAIN);
		if (i == FACTS_CASE && a->cases)
			ok = (ok && a->text[i].n) || holds(&a->cases[it->journal].set, it->seq);
		if (!ok)
			return false;
	}
	for (unsigned k = 0; k < it->facts.readings && !reading; k++) {
		const struct facts_reading *g = &it->facts.reading[k];

		reading = any(&a->plate, g->plate, a->plate_how) &&
			  any(&a->region, it->region[k], PATTERN_PLAIN) &&
			  any(&a->hit, it->hit[k], PATTERN_PLAIN) &&
			  (!a->confidence ||
			   (g->confidence != FACTS_UNSURE && g->confidence >= a->confidence));
	}
	return reading;
}

/* ---- questions ---- */

struct question {
	struct search_ask ask;
	char word[WORDS_MAX][8];
	const char *p[WORDS_MAX];
	unsigned n;
	struct search_lines only[JOURNALS], cases[JOURNALS];
};

static struct search_words pick(struct question *q, uint64_t *r, const char *alphabet)
{
	struct search_words w = {&q->p[q->n], 1 + chance(r) % 2};

	for (size_t i = 0; i < w.n; i++, q->n++) {
		do
			word(q->word[q->n], r, alphabet, 4);
		while (!q->word[q->n][0]);
		q->p[q->n] = q->word[q->n];
	}
	return w;
}

static void lines(struct search_lines l[JOURNALS], uint64_t *r)
{
	for (uint32_t j = 0; j < JOURNALS; j++) {
		l[j].journal = j;
		assert_int_equal(lineset_init(&l[j].set, ITEMS * 2), 0);
		for (unsigned i = 0; i < ITEMS; i++)
			lineset_add(&l[j].set, chance(r) % (ITEMS * 2));
	}
}

static void think_up(struct question *q, uint64_t *r)
{
	memset(q, 0, sizeof(*q));
	q->ask = (struct search_ask)SEARCH_ALL;
	if (chance(r) % 3 == 0)
		q->ask.from_ms = chance(r) % 1000;
	if (chance(r) % 3 == 0)
		q->ask.to_ms = chance(r) % 1000;
	for (unsigned i = 0; i < FACTS_TEXTS; i++)
		if (chance(r) % 10 == 0)
			q->ask.text[i] = pick(q, r, "ab0*?A");
	if (chance(r) % 3 == 0)
		q->ask.plate = pick(q, r, "ABO0181I*?**");
	if (chance(r) % 2 == 0)
		q->ask.plate_how = PATTERN_MISREAD;
	if (chance(r) % 6 == 0)
		q->ask.region = pick(q, r, "xy*?X");
	if (chance(r) % 10 == 0)
		q->ask.hit = pick(q, r, "s*");
	if (chance(r) % 6 == 0)
		q->ask.confidence = (uint16_t)(chance(r) % 10001);
	if (chance(r) % 8 == 0) {
		lines(q->only, r);
		q->ask.only = q->only;
		q->ask.onlys = JOURNALS;
	}
	if (chance(r) % 8 == 0) {
		lines(q->cases, r);
		q->ask.cases = q->cases;
		q->ask.ncases = JOURNALS;
	}
}

struct hits {
	bool hit[ITEMS];
	unsigned n;
};

static int note(void *ctx, const struct search_hit *h)
{
	struct hits *hits = ctx;

	assert_in_range(h->ino, 100, 100 + ITEMS - 1);
	assert_false(hits->hit[h->ino - 100]);
	hits->hit[h->ino - 100] = true;
	hits->n++;
	return 0;
}

static void test_random(void **state)
{
	struct place *p = *state;
	uint64_t r = 20190531, answers = 0, some = 0;
	struct item *it = fill(p, &r);
	struct db_txn *t = place_begin(p);

	for (unsigned n = 0; n < QUESTIONS; n++) {
		static struct hits hits;
		struct question q;

		think_up(&q, &r);
		memset(&hits, 0, sizeof(hits));
		assert_int_equal(search_each(t, &q.ask, note, &hits, NULL), 0);
		for (unsigned i = 0; i < ITEMS; i++)
			assert_int_equal(hits.hit[i], fits(&q.ask, &it[i]));
		answers += hits.n;
		some += hits.n > 0;
		for (unsigned j = 0; j < JOURNALS; j++) {
			lineset_free(&q.only[j].set);
			lineset_free(&q.cases[j].set);
		}
	}
	/* Not all of one kind. */
	assert_in_range(some, QUESTIONS / 4, QUESTIONS - QUESTIONS / 20);
	assert_true(answers > QUESTIONS);
	db_abort(t);
	free(it);
}

static int stop(void *ctx, const struct search_hit *h)
{
	(void)h;
	++*(unsigned *)ctx;
	return 7;
}

static void test_stops(void **state)
{
	struct place *p = *state;
	uint64_t r = 1;
	struct item *it = fill(p, &r);
	struct search_ask all = SEARCH_ALL;
	struct db_txn *t = place_begin(p);
	unsigned n = 0;

	assert_int_equal(search_each(t, &all, stop, &n, NULL), 7);
	assert_int_equal(n, 1);
	db_abort(t);
	free(it);
}

/* ---- facts ---- */

static void facts(struct facts *f, struct record **r, const char *const *kv)
{
	assert_int_equal(record_new(r), 0);
	for (; *kv; kv += 2)
		assert_int_equal(record_set_text(*r, kv[0], kv[1]), 0);
	facts_of(f, *r, INT64_C(5000000));
}

static void test_facts(void **state)
{
	static const char *const kv[] = {"port",
					 "2506",
					 "meta.port",
					 "1",
					 "meta.lane",
					 "3",
					 "manifest.lane",
					 "4",
					 "meta.case",
					 "C-1",
					 "manifest.captured_at",
					 "2019-05-31T10:00:00.5Z",
					 "captured_at",
					 "2019-05-31T10:00:00.500Z",
					 "plate_text",
					 "ab-c 1",
					 "plate_text.3",
					 "three",
					 "plate_region.3",
					 "US-TX",
					 "plate_text.33",
					 "too many",
					 "plate_text.02",
					 "no number",
					 "plate_confidence",
					 "93",
					 NULL};
	static const char *const local[] = {"captured_at", "2019-05-31T10:00:00", NULL};
	static const char *const nothing[] = {"captured_at", "soon", "plate_confidence", "x", NULL};
	struct record *r;
	struct facts f;

	(void)state;
	facts(&f, &r, kv);
	assert_true(text_is(f.text[FACTS_PORT], "2506"));
	assert_true(text_is(f.text[FACTS_LANE], "4"));
	assert_true(text_is(f.text[FACTS_CASE], "C-1"));
	assert_int_equal(f.text[FACTS_EVENT].n, 0);
	assert_int_equal(f.time_ms, INT64_C(1559296800500));
	assert_int_equal(f.clock, FACTS_CAPTURED);
	assert_int_equal(f.readings, 2);
	assert_string_equal(f.reading[0].plate, "ABC1");
	assert_int_equal(f.reading[0].confidence, 9300);
	assert_string_equal(f.reading[1].plate, "THREE");
	assert_int_equal(f.reading[1].confidence, FACTS_UNSURE);
	assert_true(text_is(f.reading[1].region, "US-TX"));
	record_free(r);

	facts(&f, &r, local);
	assert_int_equal(f.clock, FACTS_LOCAL);
	assert_int_equal(f.time_ms, INT64_C(1559296800000));
	record_free(r);
	facts(&f, &r, nothing);
	assert_int_equal(f.clock, FACTS_MODIFIED);
	assert_int_equal(f.time_ms, 5);
	assert_int_equal(f.readings, 0);
	record_free(r);
}

static void test_plate(void **state)
{
	static const char *const cases[][2] = {
		{" ab-12.x", "AB12X"},
		{"a/b\\c*d?", "ABCD"},
		{"\xc3\xb1"
		 "ab",
		 "\xc3\xb1"
		 "AB"},
		{"1234567890123456789012345678901234", "12345678901234567890123456789012"},
		{"1234567890123456789012345678901\xc3\xb1", "1234567890123456789012345678901"},
		{"123456789012345678901234567890\xe4\xba\xac"
		 "x",
		 "123456789012345678901234567890"},
		{"--", ""},
	};
	char out[FACTS_PLATE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(facts_plate(out, cases[i][0], strlen(cases[i][0]), NULL),
				 strlen(cases[i][1]));
		assert_string_equal(out, cases[i][1]);
	}
	facts_plate(out, "a*-?", 4, "*?");
	assert_string_equal(out, "A*?");
}

static void test_confidence(void **state)
{
	static const struct {
		const char *text;
		int v; /* -1: none */
	} cases[] = {{"0.93", 9300}, {"93", 9300},
		     {"1", 10000},   {"0", 0},
		     {"100", 10000}, {"1.5", 150},
		     {"101", -1},    {"", -1},
		     {".", -1},	     {"0.00001", 0},
		     {"-1", -1},     {"1e3", -1},
		     {"0.5.5", -1},  {"99999999999999999999", -1},
		     {".5", 5000},   {"93.21", 9321}};
	uint16_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool ok = facts_confidence(span(cases[i].text), &v);

		assert_int_equal(ok, cases[i].v >= 0);
		if (ok)
			assert_int_equal(v, cases[i].v);
	}
}

static void test_pattern(void **state)
{
	(void)state;
	/* A character of two bytes is one; a byte that is none is one too. */
	assert_true(pattern_match("?x", span("\xc3\xb1x"), PATTERN_PLAIN));
	assert_false(pattern_match("??x", span("\xc3\xb1x"), PATTERN_PLAIN));
	assert_true(pattern_match("?x", span("\xffx"), PATTERN_PLAIN));
	assert_true(pattern_match("a\\*", span("a*"), PATTERN_PLAIN));
	assert_false(pattern_match("a\\*", span("ab"), PATTERN_PLAIN));
	assert_true(pattern_match("", span(""), PATTERN_PLAIN));
	assert_true(pattern_match("**", span(""), PATTERN_PLAIN));
	assert_false(pattern_match("", span("a"), PATTERN_PLAIN));
	assert_false(pattern_match("\xc3\xb1", span("\xc3\x91"), PATTERN_PLAIN));
	assert_true(pattern_match("o1B", span("0i8"), PATTERN_MISREAD));
	assert_false(pattern_match("o", span("O"), PATTERN_EXACT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST_OPEN(test_random),	   PLACE_TEST_OPEN(test_stops),
		cmocka_unit_test(test_facts),	   cmocka_unit_test(test_plate),
		cmocka_unit_test(test_confidence), cmocka_unit_test(test_pattern),
	};

	return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
