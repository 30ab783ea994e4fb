/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/journals.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH (FIXTURE_PATH + 64)

const uint8_t journals_archive[16] = "archive of tests";

struct identity *journals_node(struct journals *t, uint8_t number)
{
	uint8_t seed[32] = {0};
	struct identity *id;

	seed[0] = number;
	assert_int_equal(identity_from_seed(&id, t->pool, seed), 0);
	return id;
}

void journals_keys(struct journals *t)
{
	struct err e = {0};

	if (secret_pool_new(&t->pool, 8192, &e))
		fail_msg("%s", e.text);
	t->id = journals_node(t, 1);
}

void journals_new(struct journals *t)
{
	fixture_dir(t->dir);
	t->dirfd = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(t->dirfd >= 0);
	journals_keys(t);
}

void journals_free(struct journals *t)
{
	close(t->dirfd);
	secret_pool_free(t->pool);
	fixture_remove(t->dir);
}

int journals_open(struct journals *t, struct journal **j, struct err *e)
{
	static const struct journal_start from_the_first_line;

	return journal_open(j, t->dirfd, t->dirfd, journals_archive, t->id, &from_the_first_line,
			    e);
}

struct journal *journals_must_open(struct journals *t)
{
	struct journal *j;
	struct err e = {0};

	if (journals_open(t, &j, &e))
		fail_msg("%s", e.text);
	return j;
}

void journals_add(struct journal *j, unsigned n)
{
	struct err e = {0};

	for (unsigned i = 1; i <= n; i++) {
		struct event ev = {.type = EVENT_CLOSED, .handle = i, .bytes = 1000};

		memset(ev.item, (int)i, sizeof(ev.item));
		if (journal_append(j, &ev, 1, &e))
			fail_msg("%s", e.text);
	}
}

void journals_make(struct journals *t, unsigned signed_lines, unsigned more)
{
	struct journal *j = journals_must_open(t);
	size_t n = 0;
	char *note;

	journals_add(j, signed_lines ? signed_lines - 1 : 0); /* and `started` */
	assert_int_equal(journal_checkpoint(j, NULL), 0);
	note = journals_get(t, "checkpoint", &n);
	journals_add(j, signed_lines ? more : more - 1);
	assert_int_equal(journal_close(j, NULL), 0);
	if (signed_lines)
		journals_put(t, "checkpoint", note, n);
	else
		journals_remove(t, "checkpoint");
	free(note);
}

static void path_of(struct journals *t, const char *suffix, char path[PATH])
{
	char id[33];

	text_hex(id, t->id->pub.id, 16);
	snprintf(path, PATH, "%s/%s.%s", t->dir, id, suffix);
}

char *journals_get(struct journals *t, const char *suffix, size_t *n)
{
	char path[PATH];

	path_of(t, suffix, path);
	return access(path, F_OK) == 0 ? fixture_read(path, n) : NULL;
}

void journals_put(struct journals *t, const char *suffix, const void *p, size_t n)
{
	char path[PATH];

	path_of(t, suffix, path);
	fixture_write(path, p, n);
}

void journals_remove(struct journals *t, const char *suffix)
{
	char path[PATH];

	path_of(t, suffix, path);
	assert_int_equal(unlink(path), 0);
}

void journals_put_checkpoint(struct journals *t, uint64_t size, const uint8_t root[32])
{
	struct note_key key = {.type = NOTE_ED25519};
	struct note_checkpoint cp = {.size = size};
	struct wire_out text = {0}, note = {0};

	journal_origin(key.name, journals_archive, t->id->pub.id);
	strcpy(cp.origin, key.name);
	memcpy(key.pk, t->id->pub.sign, 32);
	memcpy(cp.root, root, 32);
	note_checkpoint_text(&text, &cp);
	assert_int_equal(note_sign(&note, (char *)text.p, text.n, &key, t->id->sign), 0);
	journals_put(t, "checkpoint", note.p, note.n);
	wire_out_free(&text);
	wire_out_free(&note);
}

size_t journals_line(const char *text, size_t n, unsigned i)
{
	size_t at = 0;

	while (i-- > 0 && at < n) {
		const char *lf = memchr(text + at, '\n', n - at);

		at = lf ? (size_t)(lf - text) + 1 : n;
	}
	return at;
}

static void check_line(struct journals *t, struct text_span line, struct journal_start *s,
		       struct event *ev)
{
	merkle_hash leaf;

	assert_int_equal(event_parse(ev, line), 0);
	assert_int_equal(
		event_check_mac(line, (struct event_key){t->id->journal, journals_archive}), 0);
	assert_int_equal(ev->seq, s->state.range.size);
	assert_true(ev->time_ms >= s->last_ms);
	assert_int_equal(ev->type == EVENT_STARTED, ev->seq == 0);
	if (ev->seq == 0) {
		assert_memory_equal(ev->archive, journals_archive, 16);
		assert_memory_equal(ev->node, t->id->pub.id, 16);
	}
	merkle_leaf(leaf, line.p, line.n);
	merkle_append(&s->state.range, leaf, NULL, NULL);
	s->state.bytes += line.n + 1;
	s->last_ms = ev->time_ms;
}

static unsigned walk(struct journals *t, struct journal_start *state, struct event *last)
{
	struct journal_start s = {0};
	struct journal_reader *r;
	struct text_span line;
	uint64_t off;
	int rc;

	assert_int_equal(journal_reader_open(&r, t->dirfd, t->id->pub.id, 0, NULL), 0);
	while ((rc = journal_reader_next(r, &line, &off, NULL)) == 0) {
		assert_int_equal(off, s.state.bytes);
		check_line(t, line, &s, last);
	}
	assert_int_equal(rc, ERR_NOTFOUND);
	journal_reader_close(r);
	if (state)
		*state = s;
	return (unsigned)s.state.range.size;
}

unsigned journals_check(struct journals *t, struct journal_start *state)
{
	struct event last;

	return walk(t, state, &last);
}

void journals_last(struct journals *t, struct event *ev)
{
	assert_true(walk(t, NULL, ev) > 0);
}

void journals_check_signed(struct journals *t)
{
	struct note_checkpoint cp;
	struct journal_start s;
	struct err e = {0};
	merkle_hash root;

	journals_check(t, &s);
	if (journal_read_checkpoint(t->dirfd, journals_archive, &t->id->pub, &cp, NULL, &e))
		fail_msg("%s", e.text);
	assert_int_equal(cp.size, s.state.range.size);
	merkle_root(root, &s.state.range);
	assert_memory_equal(cp.root, root, 32);
}

struct journals_text journals_text(struct journals *t, const char *suffix)
{
	struct journals_text x;

	x.p = journals_get(t, suffix, &x.n);
	assert_non_null(x.p);
	return x;
}

void journals_put_lines(struct journals *t, struct journals_text x)
{
	journals_put(t, "jsonl", x.p, x.n);
}

void journals_refused(struct journals *t, int want, const char *says)
{
	struct journals_text before = journals_text(t, "jsonl"), after;
	struct err e = {0};
	struct journal *j;
	int rc = journals_open(t, &j, &e);

	if (rc != want)
		fail_msg("%d, not %d: %s", rc, want, e.text);
	assert_null(j);
	assert_int_equal(e.code, want);
	assert_non_null(strstr(e.text, ".jsonl"));
	if (says && !strstr(e.text, says))
		fail_msg("no \"%s\" in: %s", says, e.text);
	after = journals_text(t, "jsonl");
	assert_int_equal(before.n, after.n);
	assert_memory_equal(before.p, after.p, before.n);
	free(before.p);
	free(after.p);
}

void journals_restore(struct journals *t, struct journals_text lines, struct journals_text note)
{
	char *there = journals_get(t, "checkpoint", NULL);

	journals_put_lines(t, lines);
	if (note.p)
		journals_put(t, "checkpoint", note.p, note.n);
	else if (there)
		journals_remove(t, "checkpoint");
	free(there);
}
