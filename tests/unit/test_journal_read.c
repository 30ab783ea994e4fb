/* SPDX-License-Identifier: Apache-2.0 */
/* Reading journals and checkpoints, whoever wrote them. */
#include "index/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/journals.h"

static int read_checkpoint(struct journals *t, const struct identity *id, struct wire_out *note)
{
	struct note_checkpoint cp = {.size = 99};
	int rc = journal_read_checkpoint(t->dirfd, journals_archive, &id->pub, &cp, note, NULL);

	assert_int_equal(cp.size, rc ? 0 : 4);
	return rc;
}

static void test_reading_checkpoints(void **state)
{
	struct wire_out note = {0};
	struct journals t, other;
	uint8_t elsewhere[16] = {1};
	struct note_checkpoint cp;
	char *p;
	size_t n;

	(void)state;
	journals_new(&t);
	other = t;
	other.id = journals_node(&t, 2);
	assert_int_equal(read_checkpoint(&t, t.id, NULL), ERR_NOTFOUND);
	journals_make(&t, 4, 0);
	wire_out_text(&note, "before");
	assert_int_equal(read_checkpoint(&t, t.id, &note), 0);
	p = journals_get(&t, "checkpoint", &n);
	assert_int_equal(note.n, 6 + n);
	assert_memory_equal(note.p + 6, p, n);

	/* The origin is what the format says. */
	assert_memory_equal(p, "custodyfs/61726368697665206f66207465737473/", 43);
	assert_int_equal(p[43 + 32], '\n');

	assert_int_equal(journal_read_checkpoint(t.dirfd, elsewhere, &t.id->pub, &cp, NULL, NULL),
			 ERR_FOREIGN);
	journals_put(&other, "checkpoint", p, n);
	assert_int_equal(read_checkpoint(&t, other.id, NULL), ERR_FOREIGN);

	for (size_t i = 0; i < n; i++) {
		int rc;

		p[i] ^= 1;
		journals_put(&t, "checkpoint", p, n);
		rc = read_checkpoint(&t, t.id, &note);
		assert_true(rc == ERR_FORGED || rc == ERR_MALFORMED || rc == ERR_FOREIGN);
		p[i] ^= 1;
	}
	for (size_t cut = 0; cut < n; cut += 7) {
		journals_put(&t, "checkpoint", p, cut);
		assert_int_equal(read_checkpoint(&t, t.id, &note), ERR_MALFORMED);
	}
	assert_int_equal(note.n, 6 + n); /* nothing was added on failure */
	wire_out_free(&note);
	free(p);
	journals_free(&t);
}

static void test_reader(void **state)
{
	struct journal_reader *r;
	struct text_span line;
	struct journals t;
	char *p, big[2 * EVENT_LINE_MAX + 1];
	size_t n, second;
	uint64_t off;

	(void)state;
	journals_new(&t);
	assert_int_equal(journal_reader_open(&r, t.dirfd, t.id->pub.id, 0, NULL), ERR_NOTFOUND);
	assert_null(r);
	journal_reader_close(NULL);
	journals_make(&t, 3, 0);
	p = journals_get(&t, "jsonl", &n);
	second = journals_line(p, n, 1);

	/* From the second line; a line that grows while it is read. */
	journals_put(&t, "jsonl", p, second + 20);
	assert_int_equal(journal_reader_open(&r, t.dirfd, t.id->pub.id, second, NULL), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(journal_reader_next(r, &line, &off, NULL), ERR_MALFORMED);
	assert_int_equal(off, second);
	journals_put(&t, "jsonl", p, n);
	assert_int_equal(journal_reader_next(r, &line, &off, NULL), 0);
	assert_int_equal(off, second);
	assert_memory_equal(line.p, p + second, line.n);
	assert_int_equal(p[second + line.n], '\n');
	assert_int_equal(journal_reader_next(r, &line, &off, NULL), 0);
	assert_int_equal(off + line.n + 1, n);
	for (int i = 0; i < 2; i++)
		assert_int_equal(journal_reader_next(r, &line, &off, NULL), ERR_NOTFOUND);
	assert_int_equal(off, n);
	journal_reader_close(r);
	assert_int_equal(journal_reader_open(&r, t.dirfd, t.id->pub.id, n + 9, NULL), 0);
	assert_int_equal(journal_reader_next(r, &line, &off, NULL), ERR_NOTFOUND);
	journal_reader_close(r);
	free(p);

	/* The longest line, and one more. */
	memset(big, 'x', sizeof(big));
	big[EVENT_LINE_MAX - 1] = big[sizeof(big) - 1] = '\n';
	journals_put(&t, "jsonl", big, sizeof(big));
	assert_int_equal(journal_reader_open(&r, t.dirfd, t.id->pub.id, 0, NULL), 0);
	assert_int_equal(journal_reader_next(r, &line, &off, NULL), 0);
	assert_int_equal(line.n, EVENT_LINE_MAX - 1);
	assert_int_equal(journal_reader_next(r, &line, &off, NULL), ERR_MALFORMED);
	assert_int_equal(off, EVENT_LINE_MAX);
	journal_reader_close(r);
	journals_free(&t);
}

/* Many lines, so that the reader's buffer ends within one. */
static void test_reader_over_many_buffers(void **state)
{
	const unsigned lines = 20000;
	struct journal_reader *r;
	struct wire_out all = {0};
	struct text_span line;
	struct journals t;
	uint64_t off;
	char want[512];
	int rc, n;

	(void)state;
	journals_new(&t);
	for (unsigned i = 0; i < lines; i++)
		wire_out_printf(&all, "%u%*s\n", i, (int)(i % 300), "");
	journals_put(&t, "jsonl", all.p, all.n);
	assert_int_equal(journal_reader_open(&r, t.dirfd, t.id->pub.id, 0, NULL), 0);
	for (unsigned i = 0; (rc = journal_reader_next(r, &line, &off, NULL)) == 0; i++) {
		n = snprintf(want, sizeof(want), "%u%*s", i, (int)(i % 300), "");
		assert_int_equal(line.n, n);
		assert_memory_equal(line.p, want, line.n);
		assert_memory_equal(all.p + off, want, line.n);
	}
	assert_int_equal(rc, ERR_NOTFOUND);
	assert_int_equal(off, all.n);
	journal_reader_close(r);
	wire_out_free(&all);
	journals_free(&t);
}

static void test_read_line(void **state)
{
	const uint8_t *node;
	struct wire_out out = {0};
	struct journals t;
	size_t n, at, len;
	char *p;

	(void)state;
	journals_new(&t);
	node = t.id->pub.id;
	assert_int_equal(journal_read_line(t.dirfd, node, 0, 10, &out, NULL), ERR_NOTFOUND);
	journals_make(&t, 3, 0);
	p = journals_get(&t, "jsonl", &n);
	at = journals_line(p, n, 1);
	len = journals_line(p, n, 2) - at - 1;
	wire_out_text(&out, "before");
	assert_int_equal(journal_read_line(t.dirfd, node, at, (uint32_t)len, &out, NULL), 0);
	assert_int_equal(out.n, 6 + len);
	assert_memory_equal(out.p + 6, p + at, len);
	out.n = 6;
	assert_int_equal(journal_read_line(t.dirfd, node, at, (uint32_t)len - 1, &out, NULL),
			 ERR_DAMAGED);
	assert_int_equal(journal_read_line(t.dirfd, node, at, (uint32_t)len + 1, &out, NULL),
			 ERR_DAMAGED);
	assert_int_equal(journal_read_line(t.dirfd, node, 0, (uint32_t)(at + len), &out, NULL),
			 ERR_DAMAGED);
	assert_int_equal(journal_read_line(t.dirfd, node, n - 3, 10, &out, NULL), ERR_DAMAGED);
	assert_int_equal(journal_read_line(t.dirfd, node, UINT64_MAX, 10, &out, NULL), ERR_DAMAGED);
	assert_int_equal(journal_read_line(t.dirfd, node, 0, UINT32_MAX, &out, NULL), ERR_DAMAGED);
	assert_int_equal(out.n, 6);
	wire_out_free(&out);
	free(p);
	journals_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading_checkpoints),
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_reader_over_many_buffers),
		cmocka_unit_test(test_read_line),
	};

	return cmocka_run_group_tests_name("journal_read", tests, NULL, NULL);
}
