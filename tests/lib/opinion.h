/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opinion: a second opinion on receipts, of tests/receipt/check.mjs: all that a test has checked here are
 * put into one folder, checked there in one run, and the verdicts compared. Without Node.js it says that
 * nobody was asked.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TESTS_OPINION_H
#define CUSTODY_TESTS_OPINION_H

#include <stddef.h>

#include "tests/lib/fixture.h"

struct opinion {
	char dir[FIXTURE_PATH];
	int *code; /* exit code that is expected of each; owned */
	size_t n;
};

/* dir: a folder that there is; one is made in it. */
void opinion_open(struct opinion *o, const char *dir);
/* One receipt: parsed and checked, and put there. Returns what receipt_check() said, or
 * receipt_parse(). */
int opinion_check(struct opinion *o, const void *p, size_t n);
/* The same of one that was checked already; rc: what was said. */
void opinion_add(struct opinion *o, const void *p, size_t n, int rc);
/* Compare, and close. Fails the test where they differ. */
void opinion_compare(struct opinion *o);

#endif
