/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journals: a journal directory with one node, for the tests of index/journal, and ways to look at
 * its files and to spoil them. What fails here fails the test.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TESTS_JOURNALS_H
#define CUSTODY_TESTS_JOURNALS_H

#include "index/journal.h"
#include "tests/lib/fixture.h"

struct journals {
	char dir[FIXTURE_PATH];
	int dirfd;
	struct secret_pool *pool;
	struct identity *id;
};

extern const uint8_t journals_archive[16];

/* A new directory and the identity of node 1. */
void journals_new(struct journals *t);
void journals_free(struct journals *t);
/* Only the keys, in a pool of its own: a forked child's are wiped. */
void journals_keys(struct journals *t);
/* Identity of another node, in t's pool. */
struct identity *journals_node(struct journals *t, uint8_t number);

/* Open node 1's journal, reading all of it. */
int journals_open(struct journals *t, struct journal **j, struct err *e);
/* The same; it must go well. */
struct journal *journals_must_open(struct journals *t);
/* Append n events, each on its own; `handle` counts up from 1. */
void journals_add(struct journal *j, unsigned n);
/* A journal of `signed_lines` lines under a checkpoint and `more` after it, closed. */
void journals_make(struct journals *t, unsigned signed_lines, unsigned more);

/* Check every line of node 1's journal: form, number, MAC, time not before the one before it, the
 * first one `started`. Returns how many there are; *state (may be NULL) is what follows from them. */
unsigned journals_check(struct journals *t, struct journal_start *state);
/* The checkpoint on disk must be good and cover exactly these lines. */
void journals_check_signed(struct journals *t);
/* The event of the last line. */
void journals_last(struct journals *t, struct event *ev);

/* Node 1's files, whole; suffix is "jsonl" or "checkpoint". NULL if absent. */
char *journals_get(struct journals *t, const char *suffix, size_t *n);
void journals_put(struct journals *t, const char *suffix, const void *p, size_t n);
void journals_remove(struct journals *t, const char *suffix);
/* Sign and put a checkpoint of any size and root. */
void journals_put_checkpoint(struct journals *t, uint64_t size, const uint8_t root[32]);

struct journals_text {
	char *p; /* owned */
	size_t n;
};
/* The same of a file that must be there; put the lines; put the lines and the checkpoint, or remove
 * that if note.p is NULL. */
struct journals_text journals_text(struct journals *t, const char *suffix);
void journals_put_lines(struct journals *t, struct journals_text x);
void journals_restore(struct journals *t, struct journals_text lines, struct journals_text note);

/* Opening must fail with this code, name the file, say `says` (may be NULL) and leave the file as
 * it was. */
void journals_refused(struct journals *t, int want, const char *says);

/* Where line i (from 0) of text[n] begins; n if there is no such line. */
size_t journals_line(const char *text, size_t n, unsigned i);

#endif
