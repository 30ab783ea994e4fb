/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb: programs that are made of verbs: the dispatch table, its help, and what the verbs need to
 * read their command lines. Common options (see tools/ui.h) may stand before the verb too.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_VERB_H
#define CUSTODY_TOOLS_VERB_H

#include <getopt.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/ui.h"

/* A row of the table: a verb, or (run NULL) the heading of those that follow. The last row is all
 * NULL. run gets its own name in argv[0] and returns the exit code. */
struct verb {
	const char *name;
	int (*run)(struct ui *ui, int argc, char **argv);
	const char *line; /* of the help */
};

/* What main() does. The exit code. node: the program works with nodes, and its help has --node. */
int verb_main(const char *program, const char *about, const struct verb *verbs, bool node, int argc,
	      char **argv);

#define VERB_SHORT "qhV" /* short options that every verb knows */
#define VERB_DONE (-1)
#define VERB_STOP (-2)
/* The next option that is the verb's own; common ones are taken on the way. VERB_DONE when all are
 * read: operands begin at optind. VERB_STOP: leave with *code (help, version, a wrong option). */
int verb_option(struct ui *ui, int argc, char **argv, const char *shorts,
		const struct option *longs, const char *help, int *code);
/* 0 if the number of operands is from min to max, else says `what` is needed and returns 2. */
int verb_operands(const struct ui *ui, int argc, int min, int max, const char *what);
/* Decimal from min to max, into *out; or says so and returns 2. */
int verb_number(const struct ui *ui, const char *option, const char *arg, uint64_t min,
		uint64_t max, uint64_t *out);
/* 32 hex digits; or says so and returns 2. */
int verb_id(const struct ui *ui, const char *option, const char *arg, uint8_t id[16]);

/* Values of an option that may be given many times, borrowed. Zero-initialise; free p. */
struct verb_list {
	const char **p;
	size_t n, cap;
};
/* 0, or ERR_NOMEM. */
int verb_add(struct verb_list *l, const char *value);

#endif
