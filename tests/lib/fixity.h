/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixity: an archive with four items, ways to spoil it, and what fs/verify says of it then, for the
 * tests of verification. What fails here fails the test.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TESTS_FIXITY_H
#define CUSTODY_TESTS_FIXITY_H

#include <pthread.h>

#include "fs/verify.h"
#include "tests/lib/capture.h"

#define FIXITY_FINDINGS 64

struct fixity {
	struct capture c;
	struct event item[4]; /* as made: small, 100 kB, empty, 40 kB */
	struct event segment; /* of the first three; the fourth is in another */
	char segment_file[FIXTURE_PATH + 64], journal_file[FIXTURE_PATH + 64],
		checkpoint_file[FIXTURE_PATH + 64], enrolment_file[FIXTURE_PATH + 96];

	/* What the last run said. */
	struct verify_finding finding[FIXITY_FINDINGS];
	unsigned findings;
	struct wire_out notes;
	struct verify_sum sum;
	uint64_t done, total;
	pthread_mutex_t one; /* callbacks come one at a time */
};

/* For cmocka: *state becomes a struct fixity. */
int fixity_set_up(void **state);
int fixity_tear_down(void **state);
/* Ingest n of the four contents, from number `first` on, in an accession of their own. */
void fixity_ingest(struct fixity *w, unsigned first, unsigned n);

/* Verify; checkpoint may be NULL. */
int fixity_run(struct fixity *w, const char *checkpoint, bool quick, struct err *e);
/* All is well. */
void fixity_good(struct fixity *w);
/* Damage is found. Returns the first finding that has these words. */
const struct verify_finding *fixity_bad(struct fixity *w, const char *words);
/* Exactly one finding, and it is this range of this item. */
void fixity_bad_item(struct fixity *w, unsigned item, uint64_t off, uint64_t len,
		     const char *words);
/* True if a note of the last run has these words. */
bool fixity_noted(const struct fixity *w, const char *words);

/* Change one byte of a file; add to its end. */
void fixity_flip(const char *path, uint64_t off, uint8_t mask);
void fixity_append(const char *path, const char *text);
/* Write journal/<id>.<suffix>. */
void fixity_put_node(struct fixity *w, const uint8_t id[16], const char *suffix, const char *text);

#endif
