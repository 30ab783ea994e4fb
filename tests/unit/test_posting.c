/* SPDX-License-Identifier: Apache-2.0 */
/* posting: what a line says, and that exactly the lines come back that said it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/posting.h"
#include "tests/lib/events.h"
#include "tests/lib/place.h"

#define LINES 2000u
#define WORDS 40u

static void flush(struct place *p, struct posting_writer *w)
{
	struct db_txn *t = place_begin(p);
	struct db_batch *b = place_batch(p);

	assert_int_equal(posting_flush(w, b, t, NULL), 0);
	db_abort(t);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
}

static struct posting_writer *writer(struct place *p)
{
	struct posting_writer *w;

	assert_int_equal(posting_writer_new(&w, db_name_key(p->db)), 0);
	posting_reset(w);
	return w;
}

static void add(struct posting_writer *w, uint32_t journal, uint64_t seq, enum posting_kind kind,
		const char *value)
{
	const struct posting one = {kind, value, strlen(value)};

	assert_int_equal(posting_add(w, journal, seq, &one), 0);
}

static uint64_t count(struct place *p, uint32_t journal, enum posting_kind kind, const char *value,
		      uint64_t size)
{
	const struct posting one = {kind, value, strlen(value)};
	struct db_txn *t = place_begin(p);
	struct lineset s;
	uint64_t n;

	assert_int_equal(lineset_init(&s, size), 0);
	assert_int_equal(posting_load(&s, t, journal, &one, NULL), 0);
	n = lineset_count(&s);
	lineset_free(&s);
	db_abort(t);
	return n;
}

/* Random lines of two journals, in batches of any length; then each word against what was added. */
static void test_all_lines_come_back(void **state)
{
	struct place *p = *state;
	struct posting_writer *w = writer(p);
	static bool has[2][WORDS][LINES];
	uint64_t seed = 77;

	memset(has, 0, sizeof(has));
	for (uint64_t seq = 0; seq < LINES; seq++) {
		for (unsigned j = 0; j < 2; j++) {
			unsigned word = (unsigned)(events_rnd(&seed) % WORDS);
			char value[16];

			snprintf(value, sizeof(value), "v%u", word);
			add(w, j, seq, POSTING_USER, value);
			add(w, j, seq, POSTING_TYPE, "opened");
			has[j][word][seq] = true;
		}
		if (events_rnd(&seed) % 300 == 0)
			flush(p, w); /* within a tile: the next one adds to what is there */
	}
	flush(p, w);
	posting_writer_free(w);
	for (unsigned word = 0; word < WORDS; word++) {
		for (uint32_t j = 0; j < 2; j++) {
			struct db_txn *t = place_begin(p);
			struct posting one = {POSTING_USER, NULL, 0};
			struct lineset s;
			char value[16];

			one.n = (size_t)snprintf(value, sizeof(value), "v%u", word);
			one.p = value;
			assert_int_equal(lineset_init(&s, LINES), 0);
			assert_int_equal(posting_load(&s, t, j, &one, NULL), 0);
			for (uint64_t seq = 0; seq < LINES; seq++) {
				uint64_t at = seq;

				assert_int_equal(lineset_next(&s, &at) && at == seq,
						 has[j][word][seq]);
			}
			lineset_free(&s);
			db_abort(t);
		}
	}
	assert_int_equal(count(p, 0, POSTING_TYPE, "opened", LINES), LINES);
	/* as of earlier: lines that came since are not in it */
	assert_int_equal(count(p, 0, POSTING_TYPE, "opened", 700), 700);
	assert_int_equal(count(p, 2, POSTING_TYPE, "opened", LINES), 0);
	assert_int_equal(count(p, 0, POSTING_CASE, "opened", LINES), 0);
	assert_int_equal(count(p, 0, POSTING_USER, "v", LINES), 0);
}

/* What was not applied is forgotten, values that are long are told apart. */
static void test_reset_and_long_values(void **state)
{
	struct place *p = *state;
	struct posting_writer *w = writer(p);
	char one[600], two[600];

	memset(one, 'x', sizeof(one) - 1);
	memset(two, 'x', sizeof(two) - 1);
	one[599] = two[599] = '\0';
	two[598] = 'y';
	add(w, 0, 1, POSTING_CASE, one);
	posting_reset(w);
	add(w, 0, 2, POSTING_CASE, one);
	add(w, 0, 3, POSTING_CASE, two);
	add(w, 0, 4, POSTING_CASE, one);
	add(w, 0, 5, POSTING_UNREAD, "");
	flush(p, w);
	assert_int_equal(count(p, 0, POSTING_CASE, one, 10), 2);
	assert_int_equal(count(p, 0, POSTING_CASE, two, 10), 1);
	assert_int_equal(count(p, 0, POSTING_UNREAD, "", 10), 1);
	posting_writer_free(w);
}

static void test_damage(void **state)
{
	struct place *p = *state;
	struct posting_writer *w = writer(p);
	struct posting one = {POSTING_USER, "alice", 5};
	struct db_batch *b;
	struct db_txn *t;
	struct lineset s;
	uint8_t word[KEY_WORD];

	key_word(word, db_name_key(p->db), POSTING_USER, "alice", 5);
	b = place_batch(p);
	assert_int_equal(db_batch_put(b, KEY_POSTING, key_posting(word, 0, 0), "short", 5), 0);
	assert_int_equal(db_batch_apply(b, NULL, NULL, NULL), 0);
	db_batch_free(b);
	t = place_begin(p);
	assert_int_equal(lineset_init(&s, LINES), 0);
	assert_int_equal(posting_load(&s, t, 0, &one, NULL), ERR_INDEX);
	lineset_free(&s);
	add(w, 0, 9, POSTING_USER, "alice");
	b = place_batch(p);
	assert_int_equal(posting_flush(w, b, t, NULL), ERR_INDEX);
	db_batch_free(b);
	db_abort(t);
	posting_writer_free(w);
}

static const struct posting *find(const struct posting_list *l, enum posting_kind kind,
				  unsigned nth)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (l->at[i].kind == kind && nth-- == 0)
			return &l->at[i];
	}
	return NULL;
}

/* By the line itself, whatever its type: the members it has, and no others. */
static void test_what_lines_say(void **state)
{
	static const struct {
		const char *member;
		enum posting_kind kind;
	} member[] = {
		{",\"user\":\"", POSTING_USER},		  {",\"uid\":", POSTING_UID},
		{",\"document\":\"", POSTING_DOCUMENT},	  {",\"release\":\"", POSTING_DOCUMENT},
		{",\"accession\":\"", POSTING_ACCESSION}, {",\"export\":\"", POSTING_EXPORT}};

	(void)state;
	for (unsigned type = EVENT_UNKNOWN + 1; type < EVENT_TYPES; type++) {
		struct event full, ev;
		struct wire_out line = {0};
		struct posting_list l;
		unsigned n = 1;

		events_fill(&full, type);
		full.uid = 0; /* root's is one too */
		assert_int_equal(event_format(&line, &full, events_key), 0);
		assert_int_equal(event_parse(&ev, (struct text_span){(char *)line.p, line.n}), 0);
		posting_of(&l, &ev);
		wire_out_u8(&line, 0);
		assert_non_null(find(&l, POSTING_TYPE, 0));
		assert_memory_equal(find(&l, POSTING_TYPE, 0)->p, event_type_name(type),
				    strlen(event_type_name(type)));
		for (size_t i = 0; i < sizeof(member) / sizeof(member[0]); i++)
			n += strstr((char *)line.p, member[i].member) != NULL;
		assert_int_equal(l.n, n);
		for (size_t i = 0; i < sizeof(member) / sizeof(member[0]); i++)
			if (strstr((char *)line.p, member[i].member))
				assert_non_null(find(&l, member[i].kind, 0));
		wire_out_free(&line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST_OPEN(test_all_lines_come_back),
		PLACE_TEST_OPEN(test_reset_and_long_values),
		PLACE_TEST_OPEN(test_damage),
		cmocka_unit_test(test_what_lines_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
