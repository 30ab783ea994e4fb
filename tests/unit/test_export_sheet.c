/* SPDX-License-Identifier: Apache-2.0 */
/* export_sheet: what was written is read; every other form, and every other signer, is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/export_sheet.h"
#include "tests/lib/fixture.h"

#define RECIPIENT "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z"

struct world {
	struct secret_pool *pool;
	struct identity *id, *other;
	struct export_sheet sheet;
	struct export_item item[2];
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct export_sheet *s = &w->sheet;

	assert_int_equal(secret_pool_new(&w->pool, 65536, NULL), 0);
	assert_int_equal(identity_new(&w->id, w->pool), 0);
	assert_int_equal(identity_new(&w->other, w->pool), 0);
	fixture_fill(s->export, 16, 1);
	fixture_fill(s->archive, 16, 2);
	memcpy(s->node, w->id->pub.id, 16);
	fixture_fill(s->authorisation, 16, 3);
	s->time_ms = INT64_C(1795417800000);
	strcpy(s->user, "alice@ws");
	strcpy(s->form, "sealed");
	strcpy(s->recipient[0], RECIPIENT);
	s->recipients = 1;
	fixture_fill(s->manifest, 32, 4);
	fixture_fill(w->item, sizeof(w->item), 5);
	w->item[0].size = 7;
	w->item[0].path = (char *)"data/a b";
	w->item[1].size = 0;
	w->item[1].path = (char *)"data/\x1b[31m\n%\xc3\xa9";
	s->item = w->item;
	s->items = 2;
	s->bytes = 7;
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	identity_free(w->pool, w->id);
	identity_free(w->pool, w->other);
	secret_pool_free(w->pool);
	free(w);
	return 0;
}

static struct text_span span(const struct wire_out *o)
{
	return (struct text_span){(const char *)o->p, o->n};
}

static void test_round_trip(void **state)
{
	struct world *w = *state;
	char recipients[EXPORT_RECIPIENTS_TEXT];
	struct wire_out note = {0};
	struct export_sheet s;
	struct err e;

	assert_int_equal(export_sheet_text(&note, &w->sheet, w->id), 0);
	assert_int_equal(export_sheet_parse(&s, span(&note), &e), 0);
	assert_int_equal(export_sheet_check(&s, span(&note), &w->id->pub, &e), 0);
	assert_memory_equal(s.export, w->sheet.export, 16);
	assert_memory_equal(s.authorisation, w->sheet.authorisation, 16);
	assert_int_equal(s.items, 2);
	assert_int_equal(s.bytes, 7);
	assert_string_equal(s.item[1].path, w->item[1].path);
	assert_memory_equal(s.item[1].sha256, w->item[1].sha256, 32);
	export_sheet_recipients(recipients, &s);
	assert_string_equal(recipients, RECIPIENT);
	/* another node's key, and this one's under another id */
	assert_int_equal(export_sheet_check(&s, span(&note), &w->other->pub, &e), ERR_FORGED);
	export_sheet_free(&s);
	wire_out_free(&note);
}

/* The note with `from` replaced by `to`, its signature as it was. */
static int altered(struct world *w, const char *from, const char *to, int *signature)
{
	struct wire_out note = {0}, out = {0};
	struct export_sheet s;
	struct err e;
	char *at;
	int rc;

	assert_int_equal(export_sheet_text(&note, &w->sheet, w->id), 0);
	wire_out_u8(&note, 0);
	at = strstr((char *)note.p, from);
	assert_non_null(at);
	wire_out_bytes(&out, note.p, (size_t)(at - (char *)note.p));
	wire_out_text(&out, to);
	wire_out_text(&out, at + strlen(from));
	rc = export_sheet_parse(&s, span(&out), &e);
	*signature = rc ? 0 : export_sheet_check(&s, span(&out), &w->id->pub, &e);
	export_sheet_free(&s);
	wire_out_free(&note);
	wire_out_free(&out);
	return rc;
}

static void test_altered(void **state)
{
	static const struct {
		const char *from, *to;
		int rc;
	} cases[] = {
		{"by: alice@ws", "by: mallory@ws", 0},
		{"form: sealed", "form: folder", 0},
		{"recipient: " RECIPIENT "\n", "", 0},
		{"data/a b", "data/a c", 0},
		{"custodyfs-export/v1", "custodyfs-export/v2", ERR_NEWER},
		{"custodyfs-export/v1", "custodyfs-request/v1", ERR_FOREIGN},
		{"recipient: age1", "recipient: age2", ERR_MALFORMED},
		{"items: 2", "items: 3", ERR_MALFORMED},
		{"bytes: 7", "bytes: 8", ERR_MALFORMED},
		{" 7 data/a b", " 18446744073709551615 data/a b", ERR_MALFORMED},
		{"data/a b", "data/../b", ERR_MALFORMED},
		{"data/a b", "custody/a", ERR_MALFORMED},
		{"data/a b", "data/", ERR_MALFORMED},
		{"data/a b", "data/%41", ERR_MALFORMED},
		{"%0A", "%0a", ERR_MALFORMED},
		{"%0A", "%00", ERR_MALFORMED},
		{"%25", "%", ERR_MALFORMED},
		{"end\n", "", ERR_MALFORMED},
		{"end\n", "end\nmore\n", ERR_MALFORMED},
		{"time: ", "time:  ", ERR_MALFORMED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int signature, rc = altered(*state, cases[i].from, cases[i].to, &signature);

		if (rc != cases[i].rc || (rc == 0 && signature != ERR_FORGED))
			fail_msg("'%s' -> '%s': %s, %s", cases[i].from, cases[i].to, err_text(rc),
				 err_text(signature));
	}
}

static void test_no_note(void **state)
{
	struct export_sheet s;
	struct err e;

	(void)state;
	assert_int_equal(export_sheet_parse(&s, (struct text_span){"x", 1}, &e), ERR_MALFORMED);
	assert_int_equal(export_sheet_parse(&s, (struct text_span){"", 0}, &e), ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_altered),
		cmocka_unit_test(test_no_note),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
