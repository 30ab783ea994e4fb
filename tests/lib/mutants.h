/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutants: what somebody makes of a good receipt with scissors and glue: parts, events and whole logs
 * that are left out, doubled, moved, and lines of parts too, with lengths that fit, or a character of
 * them. Nothing is signed anew.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TESTS_MUTANTS_H
#define CUSTODY_TESTS_MUTANTS_H

#include "crypto/wire.h"

/* Calls cb for each; about `lines` of them are changes within a part, or as many as the environment's
 * MUTANT_LINES says. Returns how many there were. */
size_t mutants_each(const void *p, size_t n, size_t lines,
		    void (*cb)(void *ctx, const struct wire_out *text), void *ctx);

#endif
